/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The one thread of a simple virtio device: it sleeps until a queue's doorbell rings, somebody
 * wakes it, or the time that it asked for has passed, and then has the device look at its queues.
 */
#ifndef BHYVE_DEV_VIRTIO_WORKER_H
#define BHYVE_DEV_VIRTIO_WORKER_H

#include <pthread.h>
#include <stdbool.h>

#include "virtqueue.h"

#define VIRTIO_WORKER_IDLE (-1) /* until something happens */

struct virtio_worker {
	const char *name; /* of the thread, up to 15 characters */
	struct virtio_dev *vd;
	/*
	 * Look at all queues, in the worker's thread.  Returns in how many milliseconds to look
	 * again if nothing happens: 0 at once, VIRTIO_WORKER_IDLE never.  It must not work without
	 * end, however fast the guest fills its rings: return 0, or ask virtio_worker_stopping().
	 */
	int (*serve)(void *sc);
	void *sc;
	/* What follows is the worker's own. */
	pthread_t thread;
	bool running;
	uint32_t ready; /* bit n: queue n was ready at the start */
	bool stop;	/* atomic */
	int bell;
};

/* The fields up to sc are set.  -1 with errno. */
int virtio_worker_init(struct virtio_worker *w);
void virtio_worker_fini(struct virtio_worker *w); /* it does not run */
/* For virtio_ops.start and .reset; false: there can be no thread.  [vd->lock] */
bool virtio_worker_start(struct virtio_worker *w);
void virtio_worker_stop(struct virtio_worker *w); /* once this returns, it runs no more */
void virtio_worker_wake(struct virtio_worker *w); /* any thread, also while it does not run */
bool virtio_worker_stopping(const struct virtio_worker *w);

/*
 * At most a ring's worth of requests, each through one(); true: there may be more, look again at
 * once.  A queue that the driver did not make ready has none.  one() puts the chain, or returns
 * false to leave it and all behind it in the ring.
 */
bool virtio_worker_queue(struct virtio_worker *w, struct virtqueue *q, struct vq_chain *c,
    bool (*one)(void *sc, struct virtqueue *q, struct vq_chain *c), void *sc);

#endif /* BHYVE_DEV_VIRTIO_WORKER_H */
