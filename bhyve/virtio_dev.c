/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What every virtio device has: status and features (virtio 1.2, 2.1, 2.2), queues that come and
 * go, configuration space (2.5), reset (2.4).  Called by the transports with virtio_dev.lock held.
 * `broken' and the reading of status need no lock: a thread that serves a queue must be able to
 * break the device while a reset, with the lock held, waits for that thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doorbell.h"
#include "virtq.h"
#include "virtqueue.h"

#define DRIVER_BITS \
	(VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_DRIVER_OK | VIRTIO_FEATURES_OK | VIRTIO_FAILED)

static void
queue_reset(struct virtqueue *q)
{
	q->ready = false;
	q->size = VIRTIO_QUEUE_MAX;
	q->desc = q->driver = q->device = 0;
	q->vector = VIRTIO_NO_VECTOR;
	q->desc_va = q->avail_va = q->used_va = NULL;
	(void)doorbell_answer(q->doorbell);
}

static void
close_doorbells(struct virtio_dev *vd, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		close(vd->vq[i].doorbell);
	free(vd->vq);
	vd->vq = NULL;
}

int
virtio_init(struct virtio_dev *vd)
{
	if (vd->nqueues == 0 || vd->nqueues > VIRTIO_MAX_QUEUES) {
		errno = EINVAL;
		return -1;
	}
	vd->vq = calloc(vd->nqueues, sizeof(vd->vq[0]));
	if (vd->vq == NULL)
		return -1;
	for (unsigned int i = 0; i < vd->nqueues; i++) {
		vd->vq[i].dev = vd;
		vd->vq[i].index = (uint16_t)i;
		vd->vq[i].doorbell = doorbell_create();
		if (vd->vq[i].doorbell < 0) {
			close_doorbells(vd, i);
			return -1;
		}
		queue_reset(&vd->vq[i]);
	}
	pthread_mutex_init(&vd->lock, NULL);
	vd->offered |= VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX;
	vd->status = 0;
	vd->features = 0;
	vd->generation = 0;
	vd->broken = vd->said = vd->legacy = false;
	return 0;
}

void
virtio_fini(struct virtio_dev *vd)
{
	close_doorbells(vd, vd->nqueues);
	pthread_mutex_destroy(&vd->lock);
}

/* ---- status and features ---- */

static uint32_t
load_status(const struct virtio_dev *vd)
{
	return __atomic_load_n(&vd->status, __ATOMIC_ACQUIRE);
}

bool
virtio_is_broken(const struct virtio_dev *vd)
{
	return __atomic_load_n(&vd->broken, __ATOMIC_ACQUIRE);
}

uint32_t
virtio_get_status(const struct virtio_dev *vd)
{
	return load_status(vd) | (virtio_is_broken(vd) ? VIRTIO_NEEDS_RESET : 0);
}

void
virtio_break(struct virtio_dev *vd)
{
	/* 2.1.2: only a driver that said DRIVER_OK is told. */
	if (__atomic_exchange_n(&vd->broken, true, __ATOMIC_ACQ_REL) ||
	    (load_status(vd) & VIRTIO_DRIVER_OK) == 0)
		return;
	vd->transport->config_interrupt(vd->tsc);
	if (vd->ops->broken != NULL)
		vd->ops->broken(vd->sc);
}

void
virtio_queue_interrupt(struct virtqueue *q)
{
	if (!virtio_is_broken(q->dev))
		q->dev->transport->queue_interrupt(q->dev->tsc, q);
}

void
virtio_queue_call(struct virtqueue *q, const struct vq_call *call)
{
	const struct virtio_dev *vd = q->dev;

	if (vd->transport->queue_call != NULL)
		vd->transport->queue_call(vd->tsc, q, call);
	else if (call != NULL)
		call->watch(call->arg, true);
}

static void
reset(struct virtio_dev *vd)
{
	if ((vd->status & VIRTIO_DRIVER_OK) != 0)
		vd->ops->reset(vd->sc);
	for (unsigned int i = 0; i < vd->nqueues; i++)
		queue_reset(&vd->vq[i]);
	vd->features = 0;
	__atomic_store_n(&vd->broken, false, __ATOMIC_RELEASE);
	__atomic_store_n(&vd->status, 0, __ATOMIC_RELEASE);
}

/* A driver may have put requests into the rings already; whoever serves them looks. */
static void
start(struct virtio_dev *vd)
{
	vd->ops->start(vd->sc);
	for (unsigned int i = 0; i < vd->nqueues; i++)
		if (vd->vq[i].ready)
			doorbell_ring(vd->vq[i].doorbell);
}

/* 2.2.2, 6.2: nothing that was not offered. */
static bool
features_ok(const struct virtio_dev *vd)
{
	return (vd->features & ~vd->offered) == 0 &&
	    (vd->legacy || (vd->features & VIRTIO_F_VERSION_1) != 0);
}

void
virtio_set_legacy(struct virtio_dev *vd, bool legacy)
{
	if ((vd->status & VIRTIO_DRIVER_OK) == 0)
		vd->legacy = legacy;
}

void
virtio_set_status(struct virtio_dev *vd, uint32_t status)
{
	uint32_t old = vd->status, new = old | (status & DRIVER_BITS); /* 2.1.1: none is cleared */

	if (status == 0) {
		reset(vd);
		return;
	}
	if (vd->legacy && (new &VIRTIO_DRIVER_OK) != 0)
		new |= VIRTIO_FEATURES_OK;
	if ((new & ~old &VIRTIO_FEATURES_OK) != 0 && !features_ok(vd))
		new &= ~VIRTIO_FEATURES_OK;
	if ((old & VIRTIO_DRIVER_OK) == 0 &&
	    ((new &VIRTIO_FEATURES_OK) == 0 || virtio_is_broken(vd)))
		new &= ~VIRTIO_DRIVER_OK;
	__atomic_store_n(&vd->status, new, __ATOMIC_RELEASE);
	if ((new & ~old &VIRTIO_DRIVER_OK) != 0)
		start(vd);
}

void
virtio_set_features(struct virtio_dev *vd, uint64_t features)
{
	if ((vd->status & VIRTIO_FEATURES_OK) == 0)
		vd->features = features;
}

/* ---- queues ---- */

static void *
ring_part(const struct virtio_dev *vd, uint64_t gpa, uint32_t len, uint32_t align)
{
	return gpa % align == 0 ? guest_mem_at(vd->mem, gpa, len) : NULL;
}

void
virtio_queue_enable(struct virtqueue *q)
{
	struct virtio_dev *vd = q->dev;
	uint32_t size = q->size;

	/* 3.1.1: queues are set up before DRIVER_OK; after it they belong to who serves them. */
	if (q->ready || (vd->status & VIRTIO_DRIVER_OK) != 0)
		return;
	if (size == 0 || size > VIRTIO_QUEUE_MAX || (size & (size - 1)) != 0) {
		vq_break(q, "its size is not a power of two up to what was offered");
		return;
	}
	q->desc_va = ring_part(vd, q->desc, VIRTQ_DESC_BYTES(size), VIRTQ_DESC_ALIGN);
	q->avail_va = ring_part(vd, q->driver, VIRTQ_AVAIL_BYTES(size), VIRTQ_AVAIL_ALIGN);
	q->used_va = ring_part(vd, q->device, VIRTQ_USED_BYTES(size), VIRTQ_USED_ALIGN);
	if (q->desc_va == NULL || q->avail_va == NULL || q->used_va == NULL) {
		vq_break(q, "a ring is not in RAM, or not aligned");
		return;
	}
	q->next_avail = q->used_idx = q->used_next = 0;
	q->doorbell_off = false;
	memset(q->busy, 0, sizeof(q->busy));
	q->ready = true;
}

/* One queue cannot be stopped by itself: VIRTIO_F_RING_RESET is not offered. */
void
virtio_queue_disable(struct virtqueue *q)
{
	if ((q->dev->status & VIRTIO_DRIVER_OK) == 0)
		q->ready = false;
	else if (q->ready)
		vq_break(q, "it was disabled while the device runs, which a reset alone may do");
}

/* ---- configuration space ---- */

void
virtio_config_changed(struct virtio_dev *vd)
{
	vd->generation++;
	if ((vd->status & VIRTIO_DRIVER_OK) != 0)
		vd->transport->config_interrupt(vd->tsc);
}

uint32_t
virtio_config_read(struct virtio_dev *vd, uint32_t offset, uint32_t size)
{
	uint32_t val = 0;

	for (uint32_t i = 0; i < size && i < 4; i++)
		if (offset < vd->config_size && i < vd->config_size - offset)
			val |= (uint32_t)vd->config[offset + i] << 8 * i;
	return val;
}

void
virtio_config_write(struct virtio_dev *vd, uint32_t offset, uint32_t size, uint32_t val)
{
	if (vd->ops->config_write != NULL && size <= vd->config_size &&
	    offset <= vd->config_size - size)
		vd->ops->config_write(vd->sc, offset, size, val);
}
