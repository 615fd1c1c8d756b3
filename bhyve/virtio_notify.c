/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Binding doorbells: whenever something changes, all are brought to what they should be.  Where the
 * kernel module cannot bind one, the guest's store comes as an access, and the transport rings.
 */
#include "virtio_notify.h"

static void
update(struct virtio_notify *n)
{
	const struct dev_env *env = n->env;

	for (unsigned int i = 0; i < n->vd->nqueues; i++) {
		uint64_t want = n->gpa != 0 && n->wanted[i] ? n->gpa + i * n->stride : 0;
		uint32_t data = n->size != 0 ? i : 0;
		int fd = n->vd->vq[i].doorbell;

		if (want == n->bound[i])
			continue;
		if (n->bound[i] != 0)
			env->unbind_doorbell(env->arg, n->bound[i], n->size, data, fd);
		n->bound[i] = 0;
		if (want != 0 && env->bind_doorbell != NULL &&
		    env->bind_doorbell(env->arg, want, n->size, data, fd) == 0)
			n->bound[i] = want;
	}
}

void
virtio_notify_init(struct virtio_notify *n, const struct dev_env *env, struct virtio_dev *vd,
    uint32_t stride, uint32_t size)
{
	*n = (struct virtio_notify){ .env = env, .vd = vd, .stride = stride, .size = size };
	pthread_mutex_init(&n->lock, NULL);
}

void
virtio_notify_fini(struct virtio_notify *n)
{
	virtio_notify_off(n);
	pthread_mutex_destroy(&n->lock);
}

void
virtio_notify_move(struct virtio_notify *n, uint64_t gpa)
{
	pthread_mutex_lock(&n->lock);
	n->gpa = gpa;
	update(n);
	pthread_mutex_unlock(&n->lock);
}

void
virtio_notify_queue(struct virtio_notify *n, unsigned int queue, bool on)
{
	pthread_mutex_lock(&n->lock);
	n->wanted[queue] = on;
	update(n);
	pthread_mutex_unlock(&n->lock);
}

void
virtio_notify_off(struct virtio_notify *n)
{
	pthread_mutex_lock(&n->lock);
	for (unsigned int i = 0; i < VIRTIO_MAX_QUEUES; i++)
		n->wanted[i] = false;
	update(n);
	pthread_mutex_unlock(&n->lock);
}
