/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Split virtqueues, the device's side (virtio 1.2, 2.7).  Each call is made by the one thread that
 * serves the queue.  The guest's other CPUs write to the rings all the while: what is decided upon
 * is fetched once, and the copy is checked.
 *
 * Ordering against a driver on another CPU, which DMB orders in the inner shareable domain:
 *  - the available index is loaded with acquire, so that the entry and the descriptors that it
 *    announces are not read before it (2.7.13.3, the driver's half);
 *  - the used index is stored with release: who sees it, sees the used entries and the buffers;
 *  - a full fence stands between our store and our load where both sides store one thing and then
 *    look at another (2.7.7, 2.7.10): used index and used_event or flags; avail_event or flags and
 *    available index.  Without it each could miss the other's store, and both would sleep.
 */
#include <string.h>

#include "debug.h"
#include "virtq.h"
#include "virtqueue.h"

static uint16_t
load16(const uint16_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void
store16(uint16_t *p, uint16_t val)
{
	__atomic_store_n(p, val, __ATOMIC_RELAXED);
}

/* Store, then load: no weaker fence orders these. */
static void
fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static uint16_t
avail_idx(const struct virtqueue *q)
{
	const struct virtq_avail *avail = q->avail_va;

	return __atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE);
}

static const uint16_t *
used_event(const struct virtqueue *q)
{
	const struct virtq_avail *avail = q->avail_va;

	return &avail->ring[q->size];
}

static uint16_t *
avail_event(const struct virtqueue *q)
{
	struct virtq_used *used = q->used_va;

	return (uint16_t *)&used->ring[q->size];
}

void
vq_break(struct virtqueue *q, const char *why)
{
	struct virtio_dev *vd = q->dev;

	/* A guest may do this as often as it likes; its user is told once. */
	if (!__atomic_exchange_n(&vd->said, true, __ATOMIC_RELAXED))
		say("virtio device of type %u, queue %u: the guest's driver broke it: %s", vd->id,
		    q->index, why);
	virtio_break(vd);
}

/* ---- a chain ---- */

static void
fetch_desc(struct virtq_desc *d, const uint8_t *table, uint32_t i)
{
	memcpy(d, table + i * sizeof(*d), sizeof(*d));
	/* The compiler must not look into the guest's memory for it again. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* NULL, or what is wrong. */
static const char *
add_buffer(const struct virtqueue *q, struct vq_chain *c, const struct virtq_desc *d)
{
	bool write = (d->flags & VIRTQ_DESC_F_WRITE) != 0;
	uint32_t *total = write ? &c->write_len : &c->read_len;
	uint32_t at = (uint32_t)c->nread + c->nwrite;
	void *va = guest_mem_at(q->dev->mem, d->addr, d->len);

	if (d->len == 0)
		return "a buffer has no length";
	if (va == NULL)
		return "a buffer is not in RAM";
	if (at == VIRTIO_MAX_SEGS)
		return "a chain has too many buffers";
	if (!write && c->nwrite != 0)
		return "a buffer to read comes after one to write"; /* 2.7.4.2 */
	if (d->len > UINT32_MAX - *total)
		return "a chain is longer than 4 GiB"; /* 2.7.5 */
	c->iov[at] = (struct iovec){ .iov_base = va, .iov_len = d->len };
	*total += d->len;
	if (write)
		c->nwrite++;
	else
		c->nread++;
	return NULL;
}

struct desc_table {
	const uint8_t *va;
	uint32_t entries;
	bool indirect;
};

/* 2.7.5.3: the last descriptor of a chain in the ring may stand for a table. */
static const char *
enter_indirect(const struct virtqueue *q, struct desc_table *t, const struct virtq_desc *d)
{
	if (!virtio_has(q->dev, VIRTIO_F_INDIRECT_DESC))
		return "an indirect descriptor, which was not negotiated";
	if (t->indirect)
		return "an indirect descriptor in an indirect table";
	if ((d->flags & VIRTQ_DESC_F_NEXT) != 0)
		return "an indirect descriptor with a next one";
	if (d->len == 0 || d->len % sizeof(*d) != 0)
		return "an indirect table's length is not a multiple of 16";
	t->va = guest_mem_at(q->dev->mem, d->addr, d->len);
	if (t->va == NULL)
		return "an indirect table is not in RAM";
	t->entries = d->len / (uint32_t)sizeof(*d);
	t->indirect = true;
	return NULL;
}

/* Ends: each turn adds one of at most VIRTIO_MAX_SEGS buffers, or enters the one table. */
static const char *
walk_chain(const struct virtqueue *q, struct vq_chain *c)
{
	struct desc_table t = { .va = q->desc_va, .entries = q->size };
	uint32_t i = c->head, seen = 0;
	struct virtq_desc d;
	const char *why;

	for (;;) {
		if (i >= t.entries)
			return "a descriptor's number is not in the table";
		if (seen++ == t.entries)
			return "a chain is a loop";
		fetch_desc(&d, t.va, i);
		if ((d.flags & VIRTQ_DESC_F_INDIRECT) != 0) {
			why = enter_indirect(q, &t, &d);
			if (why != NULL)
				return why;
			i = 0;
			seen = 0;
			continue;
		}
		why = add_buffer(q, c, &d);
		if (why != NULL || (d.flags & VIRTQ_DESC_F_NEXT) == 0)
			return why;
		i = d.next;
	}
}

/* ---- available ---- */

/* Between start and reset only, even where a doorbell woke the thread. */
static bool
is_served(const struct virtqueue *q)
{
	return q->ready && (virtio_get_status(q->dev) & VIRTIO_DRIVER_OK) != 0;
}

/*
 * Nothing there: with event indexes, ask to be told of the next one, and look once more, since it
 * may have come before the driver could see what we asked.
 */
static bool
is_empty(struct virtqueue *q, uint16_t *idx)
{
	*idx = avail_idx(q);
	if (*idx != q->next_avail)
		return false;
	if (q->doorbell_off || !virtio_has(q->dev, VIRTIO_F_EVENT_IDX) ||
	    load16(avail_event(q)) == q->next_avail)
		return true;
	store16(avail_event(q), q->next_avail);
	fence();
	*idx = avail_idx(q);
	return *idx == q->next_avail;
}

/* What a driver that keeps to 2.7 never has: NULL, or what is wrong. */
static const char *
take_head(struct virtqueue *q, uint16_t idx, uint16_t *head)
{
	const struct virtq_avail *avail = q->avail_va;

	if ((uint16_t)(idx - q->next_avail) > q->size)
		return "the available index ran away";
	if ((uint16_t)(q->next_avail - q->used_next) >= q->size)
		return "there are more requests than the queue has entries";
	*head = load16(&avail->ring[q->next_avail & (q->size - 1)]);
	if (*head >= q->size)
		return "an available entry is not in the table";
	if (q->busy[*head])
		return "a request was made again before it was answered";
	return NULL;
}

int
vq_get(struct virtqueue *q, struct vq_chain *c)
{
	const char *why;
	uint16_t idx;

	if (virtio_is_broken(q->dev))
		return -1;
	if (!is_served(q) || is_empty(q, &idx))
		return 0;
	c->nread = c->nwrite = 0;
	c->read_len = c->write_len = 0;
	why = take_head(q, idx, &c->head);
	if (why == NULL)
		why = walk_chain(q, c);
	if (why != NULL) {
		vq_break(q, why);
		return -1;
	}
	q->busy[c->head] = true;
	q->taken[q->next_avail & (q->size - 1)] = c->head;
	q->next_avail++;
	return 1;
}

void
vq_unget(struct virtqueue *q)
{
	q->next_avail--;
	q->busy[q->taken[q->next_avail & (q->size - 1)]] = false;
}

/* ---- used ---- */

void
vq_put(struct virtqueue *q, uint16_t head, uint32_t written)
{
	struct virtq_used *used = q->used_va;
	struct virtq_used_elem *elem = &used->ring[q->used_next & (q->size - 1)];

	__atomic_store_n(&elem->id, head, __ATOMIC_RELAXED);
	__atomic_store_n(&elem->len, written, __ATOMIC_RELAXED);
	q->busy[head] = false;
	q->used_next++;
}

/* 2.7.7.2; the used index was stored. */
static bool
wants_interrupt(const struct virtqueue *q, uint16_t old)
{
	const struct virtq_avail *avail = q->avail_va;

	fence();
	if (virtio_has(q->dev, VIRTIO_F_EVENT_IDX))
		return virtq_need_event(load16(used_event(q)), q->used_idx, old);
	return (load16(&avail->flags) & VIRTQ_AVAIL_F_NO_INTERRUPT) == 0;
}

void
vq_notify(struct virtqueue *q)
{
	struct virtq_used *used = q->used_va;
	uint16_t old = q->used_idx;

	if (q->used_next == old || virtio_is_broken(q->dev))
		return;
	q->used_idx = q->used_next;
	__atomic_store_n(&used->idx, q->used_idx, __ATOMIC_RELEASE);
	if (wants_interrupt(q, old))
		q->dev->transport->queue_interrupt(q->dev->tsc, q);
}

/* A guest that changed the used index has itself to thank for what it gets. */
void
vq_resume(struct virtqueue *q, uint16_t next_avail)
{
	const struct virtq_used *used = q->used_va;

	q->next_avail = next_avail;
	q->used_idx = q->used_next = load16(&used->idx);
	q->doorbell_off = false;
}

/* ---- the doorbell ---- */

/* Just behind where the driver is: it passes there after 65535 more, one needless ring. */
void
vq_doorbell_off(struct virtqueue *q)
{
	struct virtq_used *used = q->used_va;

	if (!is_served(q))
		return;
	q->doorbell_off = true;
	if (virtio_has(q->dev, VIRTIO_F_EVENT_IDX))
		store16(avail_event(q), (uint16_t)(q->next_avail - 1));
	else
		store16(&used->flags, VIRTQ_USED_F_NO_NOTIFY);
}

bool
vq_doorbell_on(struct virtqueue *q)
{
	struct virtq_used *used = q->used_va;

	if (!is_served(q))
		return false;
	q->doorbell_off = false;
	if (virtio_has(q->dev, VIRTIO_F_EVENT_IDX))
		store16(avail_event(q), q->next_avail);
	else
		store16(&used->flags, 0);
	fence();
	return !virtio_is_broken(q->dev) && avail_idx(q) != q->next_avail;
}
