/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The PL061 GPIO, after its Technical Reference Manual (DDI 0190): eight pins and one interrupt.
 * A power button is on pin 3, as on QEMU's virt, and high while it is pressed; nothing is connected
 * to the others, which read low.  One lock; the button's timer calls in from the event loop.
 */
#include <pthread.h>
#include <stdlib.h>

#include "pl061.h"

/* DDI 0190 3.2: offsets.  Of GPIODATA address bits 9:2 are a mask of the pins that count. */
#define GPIODATA_END 0x400u
#define GPIODIR	     0x400u
#define GPIOIS	     0x404u
#define GPIOIBE	     0x408u
#define GPIOIEV	     0x40cu
#define GPIOIE	     0x410u
#define GPIORIS	     0x414u
#define GPIOMIS	     0x418u
#define GPIOIC	     0x41cu
#define GPIOAFSEL    0x420u
#define PERIPH_ID    0xfe0u

#define POWER_PIN 0x08u
/* Longer than what guests take for a bouncing contact. */
#define PRESS_NS 100000000ull

static const uint8_t id_bytes[8] = { 0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

struct pl061 {
	pthread_mutex_t lock;
	struct ev_source *timer;
	struct irq_line irq;
	bool level;
	uint8_t in;  /* what is on the pins from outside */
	uint8_t out; /* what was written, of pins that were outputs then */
	uint8_t dir, is, ibe, iev, ie, afsel;
	uint8_t edges; /* edges seen and not cleared */
};

/* Inputs at the level that GPIOIEV asks for; an output's own value interrupts nobody. */
static uint8_t
level_status(const struct pl061 *g)
{
	return (uint8_t)(~(g->in ^ g->iev) & g->is & ~g->dir);
}

/* GPIORIS: levels are as they are now, edges stay until GPIOIC. */
static uint8_t
raw_status(const struct pl061 *g)
{
	return level_status(g) | (uint8_t)(g->edges & ~g->is);
}

static void
update_irq(struct pl061 *g)
{
	bool level = (raw_status(g) & g->ie) != 0;

	if (level != g->level) {
		g->level = level;
		g->irq.set(g->irq.arg, g->irq.irq, level);
	}
}

static void
set_pins(struct pl061 *g, uint8_t in)
{
	uint8_t changed = g->in ^ in;
	/* Both edges, or the one to the level of GPIOIEV. */
	uint8_t wanted = g->ibe | (uint8_t) ~(in ^ g->iev);

	g->in = in;
	g->edges |= (uint8_t)(changed & wanted & ~g->is & ~g->dir);
	update_irq(g);
}

static uint8_t
reg_read(const struct pl061 *g, uint32_t reg)
{
	if (reg < GPIODATA_END)
		return (uint8_t)(((g->out & g->dir) | (g->in & ~g->dir)) & reg >> 2);
	switch (reg) {
	case GPIODIR:
		return g->dir;
	case GPIOIS:
		return g->is;
	case GPIOIBE:
		return g->ibe;
	case GPIOIEV:
		return g->iev;
	case GPIOIE:
		return g->ie;
	case GPIORIS:
		return raw_status(g);
	case GPIOMIS:
		return raw_status(g) & g->ie;
	case GPIOAFSEL:
		return g->afsel;
	default: /* GPIOIC is write-only */
		return reg >= PERIPH_ID ? id_bytes[(reg - PERIPH_ID) / 4] : 0;
	}
}

static void
data_write(struct pl061 *g, uint8_t mask, uint8_t val)
{
	mask &= g->dir;
	g->out = (uint8_t)((g->out & ~mask) | (val & mask));
}

static void
reg_write(struct pl061 *g, uint32_t reg, uint8_t val)
{
	if (reg < GPIODATA_END) {
		data_write(g, (uint8_t)(reg >> 2), val);
		return;
	}
	switch (reg) {
	case GPIODIR:
		g->dir = val;
		break;
	case GPIOIS:
		g->is = val;
		g->edges &= (uint8_t)~val;
		break;
	case GPIOIBE:
		g->ibe = val;
		break;
	case GPIOIEV:
		g->iev = val;
		break;
	case GPIOIE:
		g->ie = val;
		break;
	case GPIOIC:
		g->edges &= (uint8_t)~val;
		break;
	case GPIOAFSEL: /* kept; no pin has another function */
		g->afsel = val;
		break;
	default: /* read-only or reserved */
		break;
	}
}

static enum mmio_result
pl061_read(void *sc, uint64_t offset, uint32_t size, uint64_t *data)
{
	struct pl061 *g = sc;

	(void)size;
	*data = 0;
	if ((offset & 3) != 0) /* all is in the lowest byte lane */
		return MMIO_OK;
	pthread_mutex_lock(&g->lock);
	*data = reg_read(g, (uint32_t)offset);
	pthread_mutex_unlock(&g->lock);
	return MMIO_OK;
}

static enum mmio_result
pl061_write(void *sc, uint64_t offset, uint32_t size, uint64_t data)
{
	struct pl061 *g = sc;

	(void)size;
	if ((offset & 3) != 0)
		return MMIO_OK;
	pthread_mutex_lock(&g->lock);
	reg_write(g, (uint32_t)offset, (uint8_t)data);
	update_irq(g);
	pthread_mutex_unlock(&g->lock);
	return MMIO_OK;
}

/* ---- the button ---- */

static void
released(void *arg)
{
	struct pl061 *g = arg;

	pthread_mutex_lock(&g->lock);
	set_pins(g, g->in & (uint8_t)~POWER_PIN);
	pthread_mutex_unlock(&g->lock);
}

bool
pl061_press_power(struct pl061 *g)
{
	bool listens;

	pthread_mutex_lock(&g->lock);
	listens = (g->ie & POWER_PIN) != 0;
	set_pins(g, g->in | POWER_PIN);
	ev_timer_arm(g->timer, PRESS_NS);
	pthread_mutex_unlock(&g->lock);
	return listens;
}

struct pl061 *
pl061_create(struct ev_loop *loop, const struct irq_line *irq)
{
	struct pl061 *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->timer = ev_timer_add(loop, released, g);
	if (g->timer == NULL) {
		free(g);
		return NULL;
	}
	pthread_mutex_init(&g->lock, NULL);
	g->irq = *irq;
	return g;
}

void
pl061_destroy(struct pl061 *g)
{
	ev_remove(g->timer);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

void
pl061_mmio(struct pl061 *g, uint64_t base, struct mmio_device *dev)
{
	*dev = (struct mmio_device){
		.name = "pl061",
		.base = base,
		.size = PL061_SIZE,
		.sizes = 1 | 2 | 4,
		.sc = g,
		.read = pl061_read,
		.write = pl061_write,
	};
}
