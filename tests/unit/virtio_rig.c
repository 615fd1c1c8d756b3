/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The driver of virtio_rig.h.  Asserts nothing by itself: fuzz targets use it as well.
 */
#include <sys/mman.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../bhyve/doorbell.h"
#include "virtio_rig.h"

#define POLL_NS 20000
#define GUARD	65536u /* bytes, whole pages on any machine */

/* ---- the transport ---- */

static void
queue_interrupt(void *tsc, struct virtqueue *q)
{
	struct virtio_rig *r = tsc;

	__atomic_fetch_add(&r->q[q->index].irqs, 1, __ATOMIC_SEQ_CST);
}

static void
config_interrupt(void *tsc)
{
	struct virtio_rig *r = tsc;

	__atomic_fetch_add(&r->config_irqs, 1, __ATOMIC_SEQ_CST);
}

static const struct virtio_transport transport = { .queue_interrupt = queue_interrupt,
	.config_interrupt = config_interrupt };

/* ---- life ---- */

void
virtio_rig_init(struct virtio_rig *r, uint64_t ram_bytes)
{
	uint8_t *whole;

	memset(r, 0, sizeof(*r));
	r->mem.gpa = RIG_RAM_GPA;
	r->mem.size = ram_bytes != 0 ? ram_bytes : RIG_RAM_BYTES;
	/* Whoever leaves it, finds nothing. */
	whole = mmap(NULL, r->mem.size + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (whole == MAP_FAILED ||
	    mprotect(whole + GUARD, r->mem.size, PROT_READ | PROT_WRITE) != 0)
		abort();
	r->mem.va = whole + GUARD;
	r->top = r->mem.gpa;
	r->env.mem = &r->mem;
	r->env.vm_name = "rig";
}

void
virtio_rig_fini(struct virtio_rig *r)
{
	munmap(r->mem.va - GUARD, r->mem.size + 2 * GUARD);
}

void
virtio_rig_attach(struct virtio_rig *r, struct virtio_dev *vd)
{
	r->vd = vd;
	vd->transport = &transport;
	vd->tsc = r;
}

void
virtio_rig_detach(struct virtio_rig *r)
{
	virtio_rig_status(r, 0);
	r->vd = NULL;
}

void
virtio_rig_status(struct virtio_rig *r, uint32_t status)
{
	pthread_mutex_lock(&r->vd->lock);
	virtio_set_status(r->vd, status);
	pthread_mutex_unlock(&r->vd->lock);
}

bool
virtio_rig_negotiate(struct virtio_rig *r, uint64_t features)
{
	struct virtio_dev *vd = r->vd;

	virtio_rig_status(r, 0);
	virtio_rig_status(r, VIRTIO_ACKNOWLEDGE);
	virtio_rig_status(r, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
	pthread_mutex_lock(&vd->lock);
	virtio_set_features(vd, features | VIRTIO_F_VERSION_1);
	pthread_mutex_unlock(&vd->lock);
	virtio_rig_status(r, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
	r->top = r->mem.gpa;
	return (virtio_get_status(vd) & VIRTIO_FEATURES_OK) != 0;
}

static void
free_all(struct rig_queue *q)
{
	for (uint16_t i = 0; i < q->size; i++)
		q->desc[i].next = (uint16_t)(i + 1 < q->size ? i + 1 : RIG_NONE);
	q->free = 0;
}

void
virtio_rig_layout(struct virtio_rig *r, unsigned int n, uint16_t size, uint64_t gpa[3])
{
	gpa[0] = virtio_rig_alloc(r, VIRTQ_DESC_BYTES(size), VIRTQ_DESC_ALIGN);
	gpa[1] = virtio_rig_alloc(r, VIRTQ_AVAIL_BYTES(size), VIRTQ_AVAIL_ALIGN);
	gpa[2] = virtio_rig_alloc(r, VIRTQ_USED_BYTES(size), VIRTQ_USED_ALIGN);
	virtio_rig_rings(r, n, size, gpa);
}

void
virtio_rig_rings(struct virtio_rig *r, unsigned int n, uint16_t size, const uint64_t gpa[3])
{
	struct rig_queue *q = &r->q[n];

	memset(q, 0, sizeof(*q));
	q->desc = virtio_rig_va(r, gpa[0]);
	q->avail = virtio_rig_va(r, gpa[1]);
	q->used = virtio_rig_va(r, gpa[2]);
	memset(q->desc, 0, VIRTQ_DESC_BYTES(size));
	memset(q->avail, 0, VIRTQ_AVAIL_BYTES(size));
	memset(q->used, 0, VIRTQ_USED_BYTES(size));
	q->size = size;
	free_all(q);
}

void
virtio_rig_queue(struct virtio_rig *r, unsigned int n, uint16_t size)
{
	struct virtqueue *vq = &r->vd->vq[n];
	uint64_t gpa[3];

	virtio_rig_layout(r, n, size, gpa);
	r->q[n].event_idx = virtio_has(r->vd, VIRTIO_F_EVENT_IDX);
	pthread_mutex_lock(&r->vd->lock);
	vq->size = size;
	vq->desc = gpa[0];
	vq->driver = gpa[1];
	vq->device = gpa[2];
	virtio_queue_enable(vq);
	pthread_mutex_unlock(&r->vd->lock);
}

bool
virtio_rig_start(struct virtio_rig *r, uint64_t features, uint16_t size)
{
	if (!virtio_rig_negotiate(r, features))
		return false;
	for (unsigned int i = 0; i < r->vd->nqueues; i++)
		virtio_rig_queue(r, i, size);
	virtio_rig_status(r, virtio_get_status(r->vd) | VIRTIO_DRIVER_OK);
	return true;
}

/* ---- memory ---- */

uint64_t
virtio_rig_alloc(struct virtio_rig *r, uint64_t len, uint64_t align)
{
	uint64_t gpa = (r->top + align - 1) / align * align;

	if (guest_mem_at(&r->mem, gpa, len) == NULL)
		return 0;
	r->top = gpa + len;
	return gpa;
}

void *
virtio_rig_va(const struct virtio_rig *r, uint64_t gpa)
{
	return guest_mem_at(&r->mem, gpa, 0);
}

/* ---- chains ---- */

/* Where the buffer is in guest memory, with its content; false: no room. */
static bool
place(struct virtio_rig *r, struct rig_buf *b)
{
	if (b->gpa != 0)
		return true;
	b->gpa = virtio_rig_alloc(r, b->len, 16);
	if (b->gpa == 0)
		return false;
	if (b->data != NULL)
		memcpy(virtio_rig_va(r, b->gpa), b->data, b->len);
	else
		memset(virtio_rig_va(r, b->gpa), 0xa5, b->len);
	return true;
}

static void
fill(struct virtq_desc *d, const struct rig_buf *b, bool last)
{
	d->addr = b->gpa;
	d->len = b->len;
	d->flags = (uint16_t)((b->write ? VIRTQ_DESC_F_WRITE : 0) | (last ? 0 : VIRTQ_DESC_F_NEXT));
}

uint16_t
virtio_rig_chain(struct virtio_rig *r, unsigned int n, struct rig_buf *b, unsigned int count)
{
	struct rig_queue *q = &r->q[n];
	uint16_t head = q->free, i = head, left = head;

	for (unsigned int k = 0; k < count; k++, left = q->desc[left].next)
		if (left == RIG_NONE || !place(r, &b[k]))
			return RIG_NONE;
	if (count == 0)
		return RIG_NONE;
	for (unsigned int k = 0; k < count; k++) {
		fill(&q->desc[i], &b[k], k == count - 1);
		if (k < count - 1)
			i = q->desc[i].next;
	}
	q->free = q->desc[i].next;
	return head;
}

uint16_t
virtio_rig_add_indirect(struct virtio_rig *r, unsigned int n, struct rig_buf *b, unsigned int count)
{
	uint64_t gpa = virtio_rig_alloc(r, 16ull * count, 16);
	struct virtq_desc *table = virtio_rig_va(r, gpa);
	struct rig_buf whole = RIG_AT(gpa, 16u * count, false);
	uint16_t head;

	if (gpa == 0)
		return RIG_NONE;
	for (unsigned int k = 0; k < count; k++) {
		if (!place(r, &b[k]))
			return RIG_NONE;
		fill(&table[k], &b[k], k == count - 1);
		table[k].next = (uint16_t)(k + 1);
	}
	head = virtio_rig_chain(r, n, &whole, 1);
	if (head == RIG_NONE)
		return RIG_NONE;
	r->q[n].desc[head].flags = VIRTQ_DESC_F_INDIRECT;
	virtio_rig_submit(r, n, head);
	return head;
}

void
virtio_rig_submit(struct virtio_rig *r, unsigned int n, uint16_t head)
{
	struct rig_queue *q = &r->q[n];

	q->avail->ring[q->avail->idx & (q->size - 1)] = head;
	__atomic_store_n(&q->avail->idx, (uint16_t)(q->avail->idx + 1), __ATOMIC_RELEASE);
}

uint16_t
virtio_rig_add(struct virtio_rig *r, unsigned int n, struct rig_buf *b, unsigned int count)
{
	uint16_t head = virtio_rig_chain(r, n, b, count);

	if (head != RIG_NONE)
		virtio_rig_submit(r, n, head);
	return head;
}

struct virtq_desc *
virtio_rig_desc(struct virtio_rig *r, unsigned int n, uint16_t i)
{
	return &r->q[n].desc[i];
}

bool
virtio_rig_kick(struct virtio_rig *r, unsigned int n)
{
	struct rig_queue *q = &r->q[n];
	uint16_t *event = (uint16_t *)&q->used->ring[q->size], old = q->kicked;
	bool wanted;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	q->kicked = q->avail->idx;
	if (q->event_idx)
		wanted = virtq_need_event(__atomic_load_n(event, __ATOMIC_RELAXED), q->kicked, old);
	else
		wanted = (__atomic_load_n(&q->used->flags, __ATOMIC_RELAXED) &
			     VIRTQ_USED_F_NO_NOTIFY) == 0;
	if (wanted)
		doorbell_ring(r->vd->vq[n].doorbell);
	return wanted;
}

/* ---- waiting ---- */

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

struct wait {
	struct virtio_rig *r;
	unsigned int q, n;
};

static bool
wait_for(bool (*cond)(const struct wait *), const struct wait *w, unsigned int ms)
{
	uint64_t end = now_ns() + ms * 1000000ull;

	while (!cond(w)) {
		if (now_ns() >= end)
			return cond(w);
		nanosleep(&(struct timespec){ .tv_nsec = POLL_NS }, NULL);
	}
	return true;
}

static bool
has_used(const struct wait *w)
{
	const struct rig_queue *q = &w->r->q[w->q];

	return __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE) != q->seen;
}

/* The driver's half of event indexes: tell where we are, then look again. */
static void
ask_for_interrupt(struct rig_queue *q)
{
	if (q->event_idx && (q->avail->flags & VIRTQ_AVAIL_F_NO_INTERRUPT) == 0)
		__atomic_store_n(&q->avail->ring[q->size], q->seen, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void
free_chain(struct rig_queue *q, uint16_t head)
{
	uint16_t i = head;

	for (unsigned int n = 0; n < q->size; n++) {
		if ((q->desc[i].flags & VIRTQ_DESC_F_NEXT) == 0 || q->desc[i].next >= q->size)
			break;
		i = q->desc[i].next;
	}
	q->desc[i].next = q->free;
	q->free = head;
}

bool
virtio_rig_wait_used(struct virtio_rig *r, unsigned int n, unsigned int ms, struct rig_used *used)
{
	struct wait w = { .r = r, .q = n };
	struct rig_queue *q = &r->q[n];
	const struct virtq_used_elem *e;

	if (!wait_for(has_used, &w, ms))
		return false;
	e = &q->used->ring[q->seen & (q->size - 1)];
	*used = (struct rig_used){ .head = e->id, .len = e->len };
	q->seen++;
	ask_for_interrupt(q);
	if (used->head < q->size)
		free_chain(q, (uint16_t)used->head);
	return true;
}

unsigned int
virtio_rig_irqs(struct virtio_rig *r, unsigned int q)
{
	return __atomic_load_n(&r->q[q].irqs, __ATOMIC_SEQ_CST);
}

unsigned int
virtio_rig_config_irqs(struct virtio_rig *r)
{
	return __atomic_load_n(&r->config_irqs, __ATOMIC_SEQ_CST);
}

static bool
has_irqs(const struct wait *w)
{
	return virtio_rig_irqs(w->r, w->q) >= w->n;
}

static bool
has_config_irqs(const struct wait *w)
{
	return virtio_rig_config_irqs(w->r) >= w->n;
}

static bool
has_broken(const struct wait *w)
{
	return (virtio_get_status(w->r->vd) & VIRTIO_NEEDS_RESET) != 0;
}

bool
virtio_rig_wait_irqs(struct virtio_rig *r, unsigned int q, unsigned int n, unsigned int ms)
{
	return wait_for(has_irqs, &(struct wait){ r, q, n }, ms);
}

bool
virtio_rig_wait_config_irqs(struct virtio_rig *r, unsigned int n, unsigned int ms)
{
	return wait_for(has_config_irqs, &(struct wait){ r, 0, n }, ms);
}

bool
virtio_rig_wait_broken(struct virtio_rig *r, unsigned int ms)
{
	return wait_for(has_broken, &(struct wait){ r, 0, 0 }, ms);
}

void
virtio_rig_interrupts(struct virtio_rig *r, unsigned int n, bool on)
{
	struct rig_queue *q = &r->q[n];

	q->avail->flags = (uint16_t)(on ? 0 : VIRTQ_AVAIL_F_NO_INTERRUPT);
	if (q->event_idx)
		q->avail->ring[q->size] = (uint16_t)(on ? q->seen : q->seen - 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void
virtio_rig_used_event(struct virtio_rig *r, unsigned int n, uint16_t event)
{
	struct rig_queue *q = &r->q[n];

	q->avail->ring[q->size] = (uint16_t)(q->seen + event);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
