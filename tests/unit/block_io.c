/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Requests to a disk, one at a time: block_io.h.
 */
#include <pthread.h>

#include "block_io.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

void
waiter_done(struct blockif_req *req, int error)
{
	struct waiter *w = req->arg;

	pthread_mutex_lock(&lock);
	w->done = true;
	w->error = error;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&lock);
}

int
do_iov(struct blockif *b, enum blockif_op op, uint64_t offset, uint64_t bytes,
    const struct iovec *iov, int niov)
{
	struct waiter w = { .req = { op, offset, bytes, iov, niov, waiter_done, &w, NULL } };

	blockif_submit(b, &w.req);
	pthread_mutex_lock(&lock);
	while (!w.done)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
	return w.error;
}

int
do_io(struct blockif *b, enum blockif_op op, uint64_t offset, void *buf, size_t bytes)
{
	struct iovec iov = { buf, bytes };

	return do_iov(b, op, offset, bytes, &iov, buf != NULL);
}
