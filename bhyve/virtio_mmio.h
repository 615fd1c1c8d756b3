/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * virtio over MMIO (virtio 1.2, 4.2), version 2: for guests without PCI.
 */
#ifndef BHYVE_VIRTIO_MMIO_H
#define BHYVE_VIRTIO_MMIO_H

#include "device.h"
#include "devconf.h"

struct virtio_mmio;
struct virtio_model;

/* The device in slot n of the machine's virtio-mmio region.  NULL: a line was said. */
struct virtio_mmio *virtio_mmio_create(const struct dev_env *env, const struct virtio_model *model,
    const struct dev_conf *conf, unsigned int n, struct mmio_device *mmio);
void virtio_mmio_destroy(struct virtio_mmio *m);

#endif /* BHYVE_VIRTIO_MMIO_H */
