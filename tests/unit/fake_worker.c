/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * In place of dev/virtio_worker.c.
 */
#include <stddef.h>

#include "../../bhyve/dev/virtio_worker.h"
#include "fake_worker.h"

static struct virtio_worker *worker;

void
fake_worker_run(unsigned int n)
{
	while (n-- > 0 && worker != NULL && worker->running && worker->serve(worker->sc) == 0)
		;
}

int
virtio_worker_init(struct virtio_worker *w)
{
	w->running = false;
	worker = w;
	return 0;
}

void
virtio_worker_fini(struct virtio_worker *w)
{
	(void)w;
	worker = NULL;
}

bool
virtio_worker_start(struct virtio_worker *w)
{
	w->ready = 0;
	for (unsigned int i = 0; i < w->vd->nqueues; i++)
		w->ready |= w->vd->vq[i].ready ? 1u << i : 0;
	w->running = true;
	return true;
}

void
virtio_worker_stop(struct virtio_worker *w)
{
	w->running = false;
}

void
virtio_worker_wake(struct virtio_worker *w)
{
	(void)w;
}

bool
virtio_worker_stopping(const struct virtio_worker *w)
{
	return !w->running;
}
