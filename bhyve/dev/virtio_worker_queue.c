/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * One look at a queue, by the worker of a virtio device.
 */
#include "virtio_worker.h"

/* The chains are counted, since a guest may add them as fast as they are taken. */
bool
virtio_worker_queue(struct virtio_worker *w, struct virtqueue *q, struct vq_chain *c,
    bool (*one)(void *sc, struct virtqueue *q, struct vq_chain *c), void *sc)
{
	bool more = true;
	int got = 0;

	if ((w->ready >> q->index & 1) == 0)
		return false;
	vq_doorbell_off(q);
	for (unsigned int n = 0; n < q->size && !virtio_worker_stopping(w); n++) {
		got = vq_get(q, c);
		if (got <= 0)
			break;
		if (!one(sc, q, c)) {
			vq_unget(q);
			more = false;
			break;
		}
	}
	vq_notify(q);
	if (got < 0)
		return false;
	return more && vq_doorbell_on(q);
}
