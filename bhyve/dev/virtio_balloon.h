/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The memory balloon, as the rest of bhyve sees it.
 */
#ifndef BHYVE_DEV_VIRTIO_BALLOON_H
#define BHYVE_DEV_VIRTIO_BALLOON_H

#include "virtqueue.h"

/*
 * How much memory the guest is to have, in bytes: the rest goes into the balloon, as far as the
 * guest can spare it.  Rounded up to a page; more than it has means all.  Any thread.
 */
void virtio_balloon_set_target(struct virtio_dev *vd, uint64_t bytes);
/* How much the guest says it has.  Any thread. */
uint64_t virtio_balloon_size(struct virtio_dev *vd);

#endif /* BHYVE_DEV_VIRTIO_BALLOON_H */
