/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * For transports: which of a device's doorbells the kernel module rings by itself (devconf.h), and
 * what else the two transports have in common.
 */
#ifndef BHYVE_VIRTIO_NOTIFY_H
#define BHYVE_VIRTIO_NOTIFY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "virtqueue.h"

struct virtio_notify {
	const struct dev_env *env; /* immutable, and down to lock */
	struct virtio_dev *vd;
	uint32_t stride; /* bytes from one queue's address to the next one's */
	uint32_t size;	 /* of the store, which has the queue's number; 0: any store */
	pthread_mutex_t lock;
	uint64_t gpa;			   /* [lock] queue 0's address; 0: not mapped */
	bool wanted[VIRTIO_MAX_QUEUES];	   /* [lock] the queue is ready */
	uint64_t bound[VIRTIO_MAX_QUEUES]; /* [lock] where; 0: it is left to bhyve */
};

void virtio_notify_init(struct virtio_notify *n, const struct dev_env *env, struct virtio_dev *vd,
    uint32_t stride, uint32_t size);
void virtio_notify_fini(struct virtio_notify *n);
/* Any lock but n's may be held. */
void virtio_notify_move(struct virtio_notify *n, uint64_t gpa);
void virtio_notify_queue(struct virtio_notify *n, unsigned int queue, bool on);
void virtio_notify_off(struct virtio_notify *n); /* for all queues */

/* Features come in words of 32 bits, of which there are two so far. */
static inline uint32_t
virtio_feature_word(uint64_t features, uint32_t select)
{
	return select < 2 ? (uint32_t)(features >> 32 * select) : 0;
}

/* [vd->lock] */
static inline void
virtio_set_feature_word(struct virtio_dev *vd, uint32_t select, uint32_t val)
{
	uint32_t shift = 32 * select;

	if (select < 2)
		virtio_set_features(
		    vd, (vd->features & ~(0xffffffffull << shift)) | (uint64_t)val << shift);
}

#endif /* BHYVE_VIRTIO_NOTIFY_H */
