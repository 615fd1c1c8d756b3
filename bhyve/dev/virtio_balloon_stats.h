/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What a guest says of its memory through the balloon (virtio 1.2, 5.5.6.4).
 */
#ifndef BHYVE_DEV_VIRTIO_BALLOON_STATS_H
#define BHYVE_DEV_VIRTIO_BALLOON_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "virtqueue.h"

#define BALLOON_STATS 10u /* tags that have a meaning */

/* Whoever owns it has a lock.  It is all the guest's word: any number may be anything. */
struct balloon_stats {
	uint64_t val[BALLOON_STATS]; /* by tag */
	uint32_t known;		     /* bit n: val[n] was given */
	uint32_t updates;	     /* counts them */
	uint64_t at_ns;		     /* when, on the monotonic clock */
};

/* From a buffer of the driver's; tags that nobody knows are passed over. */
void balloon_stats_take(struct balloon_stats *s, const struct vq_chain *c);
/* " updates=1 age_ms=2 free=3...", nothing where nothing is known. */
void balloon_stats_print(const struct balloon_stats *s, char *buf, size_t size);

#endif /* BHYVE_DEV_VIRTIO_BALLOON_STATS_H */
