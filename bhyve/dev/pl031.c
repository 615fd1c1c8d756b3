/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The PL031 real time clock, after its Technical Reference Manual (DDI 0224): a 32-bit count of
 * seconds, a match register, one interrupt.  It starts at the host's wall clock and then
 * follows the monotonic one, so that setting the host's clock does not make the guest jump.
 * One lock; the alarm's timer calls in from the event loop.
 */
#include <pthread.h>
#include <stdlib.h>

#include "pl031.h"

/* DDI 0224 3.2 */
#define DR	  0x000u
#define MR	  0x004u
#define LR	  0x008u
#define CR	  0x00cu
#define IMSC	  0x010u
#define RIS	  0x014u
#define MIS	  0x018u
#define ICR	  0x01cu
#define PERIPH_ID 0xfe0u

#define CR_ENABLED 1u
#define INT_ALARM  1u
#define NS_PER_S   1000000000ull

static const uint8_t id_bytes[8] = { 0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

struct pl031 {
	pthread_mutex_t lock;
	struct ev_source *timer;
	struct irq_line irq;
	bool level;
	uint64_t start_ns; /* monotonic time at which the count was... */
	uint32_t start;	   /* ...this */
	uint32_t mr, lr, imsc, ris;
	bool armed; /* the match is still to come */
};

static uint32_t
count_now(const struct pl031 *r, uint64_t now_ns)
{
	return r->start + (uint32_t)((now_ns - r->start_ns) / NS_PER_S);
}

static void
update_irq(struct pl031 *r)
{
	bool level = (r->ris & r->imsc) != 0;

	if (level != r->level) {
		r->level = level;
		r->irq.set(r->irq.arg, r->irq.irq, level);
	}
}

/*
 * The interrupt rises when the count becomes equal to MR.  MR in the past means a match after the
 * count has wrapped; the timer is bounded, so its expiry looks again.
 */
static void
arm_alarm(struct pl031 *r)
{
	uint64_t now = ev_now_ns(), at;
	uint32_t ahead = r->mr - count_now(r, now);

	if (ahead == 0) {
		r->ris |= INT_ALARM;
		r->armed = false;
		ev_timer_cancel(r->timer);
		return;
	}
	/* To the edge of the second, as the count has it. */
	at = (now - r->start_ns) / NS_PER_S * NS_PER_S + ahead * NS_PER_S + r->start_ns;
	r->armed = true;
	ev_timer_arm(r->timer, at - now);
}

static void
pl031_alarm(void *arg)
{
	struct pl031 *r = arg;

	pthread_mutex_lock(&r->lock);
	if (r->armed)
		arm_alarm(r);
	update_irq(r);
	pthread_mutex_unlock(&r->lock);
}

static uint32_t
reg_read(const struct pl031 *r, uint32_t reg)
{
	switch (reg) {
	case DR:
		return count_now(r, ev_now_ns());
	case MR:
		return r->mr;
	case LR:
		return r->lr;
	case CR:
		return CR_ENABLED; /* it runs from reset on and cannot be stopped */
	case IMSC:
		return r->imsc;
	case RIS:
		return r->ris;
	case MIS:
		return r->ris & r->imsc;
	default:
		return reg >= PERIPH_ID ? id_bytes[(reg - PERIPH_ID) / 4] : 0;
	}
}

static void
reg_write(struct pl031 *r, uint32_t reg, uint32_t val)
{
	switch (reg) {
	case MR:
		r->mr = val;
		arm_alarm(r);
		break;
	case LR:
		r->lr = val;
		r->start = val;
		r->start_ns = ev_now_ns();
		arm_alarm(r); /* the comparator looks at every count */
		break;
	case IMSC:
		r->imsc = val & INT_ALARM;
		break;
	case ICR:
		r->ris &= ~(val & INT_ALARM);
		break;
	default: /* read-only or reserved */
		break;
	}
}

static enum mmio_result
pl031_read(void *sc, uint64_t offset, uint32_t size, uint64_t *data)
{
	struct pl031 *r = sc;

	(void)size;
	pthread_mutex_lock(&r->lock);
	*data = reg_read(r, (uint32_t)offset & ~3u) >> (offset & 3) * 8;
	pthread_mutex_unlock(&r->lock);
	return MMIO_OK;
}

static enum mmio_result
pl031_write(void *sc, uint64_t offset, uint32_t size, uint64_t data)
{
	struct pl031 *r = sc;

	(void)size;
	if ((offset & 3) != 0)
		return MMIO_OK;
	pthread_mutex_lock(&r->lock);
	reg_write(r, (uint32_t)offset, (uint32_t)data);
	update_irq(r);
	pthread_mutex_unlock(&r->lock);
	return MMIO_OK;
}

struct pl031 *
pl031_create(struct ev_loop *loop, const struct irq_line *irq)
{
	struct pl031 *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->timer = ev_timer_add(loop, pl031_alarm, r);
	if (r->timer == NULL) {
		free(r);
		return NULL;
	}
	pthread_mutex_init(&r->lock, NULL);
	r->irq = *irq;
	r->start = (uint32_t)ev_wall_s();
	r->start_ns = ev_now_ns();
	return r;
}

void
pl031_destroy(struct pl031 *r)
{
	ev_remove(r->timer);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void
pl031_mmio(struct pl031 *r, uint64_t base, struct mmio_device *dev)
{
	*dev = (struct mmio_device){
		.name = "pl031",
		.base = base,
		.size = PL031_SIZE,
		.sizes = 1 | 2 | 4,
		.sc = r,
		.read = pl031_read,
		.write = pl031_write,
	};
}
