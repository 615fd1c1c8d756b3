/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The least of virtio devices, for tests of transports and rings: a request's answer is what it
 * said, cut to the room there is.  It has no thread: copy_dev_serve() is what one would do.
 */
#ifndef COPY_DEV_H
#define COPY_DEV_H

#include "../../bhyve/virtqueue.h"

#define COPY_ID	     42u
#define COPY_FEATURE (1u << 3)
#define COPY_QUEUES  2u
#define COPY_CONFIG  10u /* bytes, all of which can be written */
#define COPY_CLASS   0x00ff00u

struct copy_dev {
	struct virtio_dev vd;
	uint8_t config[COPY_CONFIG];
	bool running;
	unsigned int starts, resets;
	bool polls;	/* turns doorbells off while it serves */
	bool puts_back; /* takes each request twice */
};
/* The one there is; create() fails with option "fail". */
extern struct copy_dev *copy_dev;
extern const struct virtio_model copy_model;

bool copy_dev_serve(unsigned int queue); /* was it rung? */

#endif /* COPY_DEV_H */
