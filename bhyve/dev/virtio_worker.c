/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The thread of a virtio device that needs no more than one.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "doorbell.h"
#include "host.h"
#include "virtio_worker.h"

int
virtio_worker_init(struct virtio_worker *w)
{
	w->running = false;
	w->bell = doorbell_create();
	return w->bell >= 0 ? 0 : -1;
}

void
virtio_worker_fini(struct virtio_worker *w)
{
	if (w->bell >= 0)
		close(w->bell);
}

bool
virtio_worker_stopping(const struct virtio_worker *w)
{
	return __atomic_load_n(&w->stop, __ATOMIC_ACQUIRE);
}

void
virtio_worker_wake(struct virtio_worker *w)
{
	doorbell_ring(w->bell);
}

static void
wait_for_work(struct virtio_worker *w, int timeout_ms)
{
	struct pollfd fds[1 + VIRTIO_MAX_QUEUES];
	nfds_t n = 1;

	fds[0] = (struct pollfd){ .fd = w->bell, .events = POLLIN };
	for (unsigned int i = 0; i < w->vd->nqueues; i++)
		fds[n++] = (struct pollfd){ .fd = w->vd->vq[i].doorbell, .events = POLLIN };
	if (poll(fds, n, timeout_ms) <= 0)
		return;
	for (nfds_t i = 0; i < n; i++) {
		if (fds[i].revents != 0)
			doorbell_answer(fds[i].fd);
	}
}

static void *
worker_main(void *arg)
{
	struct virtio_worker *w = arg;
	int timeout_ms;

	/* Another thread's name would be a file on Linux. */
	host_thread_name(pthread_self(), w->name);
	while (!virtio_worker_stopping(w)) {
		/* What the guest asked for before it started us rings no bell. */
		timeout_ms = w->serve(w->sc);
		wait_for_work(w, timeout_ms);
	}
	return NULL;
}

bool
virtio_worker_start(struct virtio_worker *w)
{
	__atomic_store_n(&w->stop, false, __ATOMIC_RELEASE);
	w->ready = 0;
	for (unsigned int i = 0; i < w->vd->nqueues; i++)
		w->ready |= w->vd->vq[i].ready ? 1u << i : 0;
	if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
		return false;
	w->running = true;
	return true;
}

void
virtio_worker_stop(struct virtio_worker *w)
{
	if (!w->running)
		return;
	__atomic_store_n(&w->stop, true, __ATOMIC_RELEASE);
	virtio_worker_wake(w);
	pthread_join(w->thread, NULL);
	w->running = false;
}
