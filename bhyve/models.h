/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The device models, each in the file of its name in dev/.
 */
#ifndef BHYVE_MODELS_H
#define BHYVE_MODELS_H

#include "devconf.h"
#include "virtqueue.h"

extern const struct virtio_model virtio_balloon_model;
extern const struct virtio_model virtio_blk_model;
extern const struct virtio_model virtio_console_model;
extern const struct virtio_model virtio_rnd_model;
extern const struct virtio_model virtio_net_model;

#endif /* BHYVE_MODELS_H */
