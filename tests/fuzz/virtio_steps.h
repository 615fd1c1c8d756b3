/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What a driver may do to any virtio device, for fuzz targets: requests as they should be, rings
 * and memory as they should not, configuration space, resets.
 */
#ifndef VIRTIO_STEPS_H
#define VIRTIO_STEPS_H

#include <stdint.h>
#include <string.h>

#include "../unit/fake_worker.h"
#include "../unit/virtio_rig.h"

#define STEPS_RAM   (256u << 10)
#define STEPS_SIZE  8u		 /* entries of each queue */
#define STEPS_ARENA (128u << 10) /* behind all rings: where requests have their bytes */

/* The input, from front to back; zeros behind its end. */
struct steps {
	const uint8_t *data;
	size_t left;
	uint32_t next_desc, arena;
};

static inline struct steps
steps_of(const uint8_t *data, size_t size)
{
	return (struct steps){ .data = data, .left = size, .arena = STEPS_ARENA };
}

static inline uint8_t
step_byte(struct steps *s)
{
	if (s->left == 0)
		return 0;
	s->left--;
	return *s->data++;
}

static inline uint32_t
step_word(struct steps *s)
{
	uint32_t val = 0;

	for (int i = 0; i < 4; i++)
		val |= (uint32_t)step_byte(s) << 8 * i;
	return val;
}

/* A chain of n buffers whose bytes are somewhere in the arena: requests may well overlap there. */
static inline void
step_add(
    struct virtio_rig *r, struct steps *s, unsigned int q, const struct rig_buf *b, unsigned int n)
{
	struct virtq_desc *d = NULL;
	uint16_t head = (uint16_t)(s->next_desc % STEPS_SIZE);

	for (unsigned int i = 0; i < n; i++) {
		uint64_t gpa = b[i].gpa;

		if (gpa == 0) {
			if (s->arena + b[i].len > STEPS_RAM)
				s->arena = STEPS_ARENA;
			gpa = RIG_RAM_GPA + s->arena;
			s->arena += b[i].len;
			if (b[i].data != NULL)
				memcpy(virtio_rig_va(r, gpa), b[i].data, b[i].len);
		}
		d = virtio_rig_desc(r, q, (uint16_t)(s->next_desc++ % STEPS_SIZE));
		*d = (struct virtq_desc){ gpa, b[i].len,
			VIRTQ_DESC_F_NEXT | (b[i].write ? VIRTQ_DESC_F_WRITE : 0),
			(uint16_t)(s->next_desc % STEPS_SIZE) };
	}
	d->flags &= (uint16_t)~VIRTQ_DESC_F_NEXT;
	virtio_rig_submit(r, q, head);
}

/* Of a read buffer the bytes come from the input. */
static inline void
step_chain(struct virtio_rig *r, struct steps *s)
{
	unsigned int q = step_byte(s) % r->vd->nqueues, n = 1 + step_byte(s) % 4;
	uint8_t kinds = step_byte(s), bytes[4][64];
	struct rig_buf b[4];

	for (unsigned int i = 0; i < n; i++) {
		uint32_t len = step_byte(s);

		if ((kinds >> i & 1) != 0) {
			b[i] = (struct rig_buf)RIG_WRITE(len * 8);
			continue;
		}
		len %= sizeof(bytes[i]);
		for (uint32_t k = 0; k < len; k++)
			bytes[i][k] = step_byte(s);
		b[i] = (struct rig_buf)RIG_READ(bytes[i], len);
	}
	step_add(r, s, q, b, n);
}

static inline void
step_memory(struct virtio_rig *r, struct steps *s)
{
	uint32_t at = step_word(s) % (STEPS_RAM - 4), val = step_word(s);

	memcpy(virtio_rig_va(r, RIG_RAM_GPA + at), &val, sizeof(val));
}

static inline void
step_descriptor(struct virtio_rig *r, struct steps *s)
{
	unsigned int q = step_byte(s) % r->vd->nqueues;
	struct virtq_desc *d = virtio_rig_desc(r, q, step_byte(s) % STEPS_SIZE);

	d->addr = RIG_RAM_GPA + step_word(s);
	d->len = step_word(s);
	d->flags = step_byte(s);
	d->next = step_byte(s) % (STEPS_SIZE + 1);
	virtio_rig_submit(r, q, step_byte(s) % (STEPS_SIZE + 1));
}

static inline void
step_config(struct virtio_rig *r, struct steps *s)
{
	uint32_t at = step_byte(s) % 20, size = 1u << step_byte(s) % 3, val = step_word(s);

	pthread_mutex_lock(&r->vd->lock);
	virtio_config_write(r->vd, at & ~(size - 1), size, val);
	virtio_config_read(r->vd, at & ~(size - 1), size);
	pthread_mutex_unlock(&r->vd->lock);
}

/* A driver may ask for what was not offered; then it takes less. */
static inline void
step_start(struct virtio_rig *r, struct steps *s, uint8_t op)
{
	uint64_t features = (uint64_t)(op >> 4) << 26 | step_byte(s);

	if (!virtio_rig_start(r, features, STEPS_SIZE))
		virtio_rig_start(r, features & r->vd->offered, STEPS_SIZE);
}

/* One step; false: it is the device's own kind of step, `op' says which. */
static inline bool
step_any(struct virtio_rig *r, struct steps *s, uint8_t op)
{
	switch (op & 15) {
	case 0:
	case 1:
	case 2:
		step_chain(r, s);
		break;
	case 3:
		step_memory(r, s);
		break;
	case 4:
		step_descriptor(r, s);
		break;
	case 5:
		step_config(r, s);
		break;
	case 6:
		step_start(r, s, op);
		break;
	case 7:
	case 8:
	case 9:
		fake_worker_run(4);
		break;
	default:
		return false;
	}
	return true;
}

#endif /* VIRTIO_STEPS_H */
