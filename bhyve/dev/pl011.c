/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The PL011 UART, after its Technical Reference Manual (DDI 0183); revision r1p5 with FIFOs of
 * 32.  What is sent goes to the chardev at once while that takes it, and waits in the transmit
 * FIFO otherwise, so the guest sees a slow line and no vCPU ever blocks.  What arrives waits
 * outside until the guest has enabled its receiver and has room: overruns are loopback's only.
 * One lock; the chardev and the timer call in from other threads.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "pl011.h"

/* DDI 0183 3.2: offsets */
#define DR	  0x000u
#define RSR	  0x004u /* ECR when written */
#define FR	  0x018u
#define ILPR	  0x020u
#define IBRD	  0x024u
#define FBRD	  0x028u
#define LCR_H	  0x02cu
#define CR	  0x030u
#define IFLS	  0x034u
#define IMSC	  0x038u
#define RIS	  0x03cu
#define MIS	  0x040u
#define ICR	  0x044u
#define DMACR	  0x048u
#define PERIPH_ID 0xfe0u

#define DR_OE	 0x800u
#define RSR_MASK 0xfu

#define FR_CTS	0x001u
#define FR_DSR	0x002u
#define FR_DCD	0x004u
#define FR_BUSY 0x008u
#define FR_RXFE 0x010u
#define FR_TXFF 0x020u
#define FR_RXFF 0x040u
#define FR_TXFE 0x080u
#define FR_RI	0x100u

#define LCR_H_FEN 0x10u

#define CR_UARTEN 0x0001u
#define CR_LBE	  0x0080u
#define CR_TXE	  0x0100u
#define CR_RXE	  0x0200u
#define CR_DTR	  0x0400u
#define CR_RTS	  0x0800u
#define CR_OUT1	  0x1000u
#define CR_OUT2	  0x2000u

#define INT_RI	0x001u
#define INT_CTS 0x002u
#define INT_DCD 0x004u
#define INT_DSR 0x008u
#define INT_RX	0x010u
#define INT_TX	0x020u
#define INT_RT	0x040u
#define INT_OE	0x400u
#define INT_ALL 0x7ffu

#define FIFO_DEPTH 32u

/* The receive timeout is 32 bit periods; where the guest set no rate, 115200 baud's. */
#define UARTCLK_HZ	24000000ull
#define TIMEOUT_BITS	32ull
#define TIMEOUT_DEFAULT 278000ull
#define TIMEOUT_MAX	100000000ull

/* PeriphID0..3, PCellID0..3 (DDI 0183 3.3.15 on): part 0x011, designer ARM, revision 3 (r1p5) */
static const uint8_t id_bytes[8] = { 0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

struct fifo {
	uint16_t item[FIFO_DEPTH];
	unsigned int head, count;
};

struct pl011 {
	pthread_mutex_t lock;
	struct chardev *cd;
	struct ev_source *timer; /* receive timeout */
	struct irq_line irq;
	bool level;
	struct fifo rx, tx;
	uint32_t rsr, ilpr, ibrd, fbrd, lcr_h, cr, ifls, imsc, ris, dmacr;
};

static void
fifo_put(struct fifo *f, uint16_t item)
{
	f->item[(f->head + f->count++) % FIFO_DEPTH] = item;
}

static uint16_t
fifo_get(struct fifo *f)
{
	uint16_t item = f->item[f->head];

	f->head = (f->head + 1) % FIFO_DEPTH;
	f->count--;
	return item;
}

/* 1 in character mode */
static unsigned int
depth(const struct pl011 *u)
{
	return (u->lcr_h & LCR_H_FEN) != 0 ? FIFO_DEPTH : 1;
}

/* UARTIFLS: 1/8, 1/4, 1/2, 3/4, 7/8 full; the other codes are reserved. */
static unsigned int
trigger(uint32_t code)
{
	static const uint8_t eighths[8] = { 1, 2, 4, 6, 7, 7, 7, 7 };

	return FIFO_DEPTH * eighths[code & 7] / 8;
}

/* Characters at which the receive interrupt rises. */
static unsigned int
rx_trigger(const struct pl011 *u)
{
	return depth(u) == 1 ? 1 : trigger(u->ifls >> 3);
}

/* Characters down to which the FIFO must drain for the transmit interrupt to rise. */
static unsigned int
tx_trigger(const struct pl011 *u)
{
	return depth(u) == 1 ? 0 : trigger(u->ifls);
}

static void
update_irq(struct pl011 *u)
{
	bool level = (u->ris & u->imsc) != 0;

	if (level != u->level) {
		u->level = level;
		u->irq.set(u->irq.arg, u->irq.irq, level);
	}
}

/* Nobody's modem: always ready.  In loopback the outputs come back (DDI 0183 2.4.6). */
static uint32_t
modem_lines(uint32_t cr)
{
	if ((cr & CR_LBE) == 0)
		return FR_CTS | FR_DSR | FR_DCD;
	return ((cr & CR_RTS) != 0 ? FR_CTS : 0) | ((cr & CR_DTR) != 0 ? FR_DSR : 0) |
	    ((cr & CR_OUT1) != 0 ? FR_DCD : 0) | ((cr & CR_OUT2) != 0 ? FR_RI : 0);
}

static uint64_t
timeout_ns(const struct pl011 *u)
{
	uint64_t divisor = (uint64_t)u->ibrd * 64 + u->fbrd, ns;

	if (u->ibrd == 0)
		return TIMEOUT_DEFAULT;
	/* A bit lasts 16 * (IBRD + FBRD / 64) clocks (DDI 0183 3.3.6). */
	ns = TIMEOUT_BITS * 16 * divisor * 1000000000ull / 64 / UARTCLK_HZ;
	return ns < TIMEOUT_MAX ? ns : TIMEOUT_MAX;
}

static bool
receiver_on(const struct pl011 *u)
{
	return (u->cr & (CR_UARTEN | CR_RXE)) == (CR_UARTEN | CR_RXE);
}

static void
rx_put(struct pl011 *u, uint16_t item)
{
	if (u->rx.count >= depth(u)) {
		u->rsr |= DR_OE >> 8;
		u->ris |= INT_OE;
		return;
	}
	fifo_put(&u->rx, item);
	if (u->rx.count >= rx_trigger(u))
		u->ris |= INT_RX;
	ev_timer_arm(u->timer, timeout_ns(u));
}

static uint32_t
rx_get(struct pl011 *u)
{
	uint16_t item;

	if (u->rx.count == 0)
		return 0;
	item = fifo_get(&u->rx);
	u->rsr = (u->rsr & (DR_OE >> 8)) | (item >> 8 & RSR_MASK);
	if (u->rx.count < rx_trigger(u))
		u->ris &= ~INT_RX;
	if (u->rx.count == 0) {
		u->ris &= ~INT_RT;
		ev_timer_cancel(u->timer);
	} else {
		ev_timer_arm(u->timer, timeout_ns(u));
	}
	chardev_input_ready(u->cd);
	return item;
}

/* Passes on what the chardev takes.  Falling to the trigger level raises the interrupt. */
static void
tx_pump(struct pl011 *u)
{
	unsigned int sent = 0;
	uint8_t byte;

	while (u->tx.count > 0) {
		byte = (uint8_t)u->tx.item[u->tx.head];
		if (chardev_write(u->cd, &byte, 1) == 0)
			break;
		fifo_get(&u->tx);
		sent++;
	}
	if (sent > 0 && u->tx.count <= tx_trigger(u))
		u->ris |= INT_TX;
}

/*
 * UARTEN and TXE are not asked for: early consoles write without setting the device up, and
 * rely on what ran before them to have done so.
 */
static void
tx_put(struct pl011 *u, uint8_t byte)
{
	if ((u->cr & CR_LBE) != 0) {
		rx_put(u, byte);
		u->ris |= INT_TX;
		return;
	}
	if (u->tx.count >= depth(u))
		return; /* the guest did not look at TXFF: the character is lost, as on the chip */
	fifo_put(&u->tx, byte);
	if (u->tx.count > tx_trigger(u))
		u->ris &= ~INT_TX;
	tx_pump(u);
}

static uint32_t
flags(const struct pl011 *u)
{
	return modem_lines(u->cr) | (u->tx.count == 0 ? FR_TXFE : FR_BUSY) |
	    (u->tx.count >= depth(u) ? FR_TXFF : 0) | (u->rx.count == 0 ? FR_RXFE : 0) |
	    (u->rx.count >= depth(u) ? FR_RXFF : 0);
}

static void
write_cr(struct pl011 *u, uint32_t val)
{
	static const struct {
		uint32_t line, ris;
	} modem[] = {
		{ FR_RI, INT_RI },
		{ FR_CTS, INT_CTS },
		{ FR_DCD, INT_DCD },
		{ FR_DSR, INT_DSR },
	};
	uint32_t changed = modem_lines(u->cr) ^ modem_lines(val);

	for (unsigned int i = 0; i < sizeof(modem) / sizeof(modem[0]); i++) {
		if ((changed & modem[i].line) != 0)
			u->ris |= modem[i].ris;
	}
	u->cr = val & 0xff87u;
	chardev_input_ready(u->cd);
}

static void
write_lcr_h(struct pl011 *u, uint32_t val)
{
	/* Switching the FIFOs flushes what was received; what is to be sent still goes out. */
	if (((u->lcr_h ^ val) & LCR_H_FEN) != 0) {
		u->rx.count = 0;
		u->ris &= ~(INT_RX | INT_RT);
		ev_timer_cancel(u->timer);
	}
	u->lcr_h = val & 0xff;
	chardev_input_ready(u->cd);
}

static uint32_t
reg_read(struct pl011 *u, uint32_t reg)
{
	switch (reg) {
	case DR:
		return rx_get(u);
	case RSR:
		return u->rsr;
	case FR:
		return flags(u);
	case ILPR:
		return u->ilpr;
	case IBRD:
		return u->ibrd;
	case FBRD:
		return u->fbrd;
	case LCR_H:
		return u->lcr_h;
	case CR:
		return u->cr;
	case IFLS:
		return u->ifls;
	case IMSC:
		return u->imsc;
	case RIS:
		return u->ris;
	case MIS:
		return u->ris & u->imsc;
	case DMACR:
		return u->dmacr;
	default:
		return reg >= PERIPH_ID ? id_bytes[(reg - PERIPH_ID) / 4] : 0;
	}
}

static void
reg_write(struct pl011 *u, uint32_t reg, uint32_t val)
{
	switch (reg) {
	case DR:
		tx_put(u, (uint8_t)val);
		break;
	case RSR:
		u->rsr = 0; /* any value clears the errors */
		break;
	case ILPR:
		u->ilpr = val & 0xff;
		break;
	case IBRD:
		u->ibrd = val & 0xffff;
		break;
	case FBRD:
		u->fbrd = val & 0x3f;
		break;
	case LCR_H:
		write_lcr_h(u, val);
		break;
	case CR:
		write_cr(u, val);
		break;
	case IFLS:
		u->ifls = val & 0x3f;
		break;
	case IMSC:
		u->imsc = val & INT_ALL;
		break;
	case ICR:
		u->ris &= ~(val & INT_ALL);
		break;
	case DMACR:
		u->dmacr = val & 0x7; /* no DMA controller listens */
		break;
	default: /* read-only or reserved */
		break;
	}
}

static enum mmio_result
pl011_read(void *sc, uint64_t offset, uint32_t size, uint64_t *data)
{
	struct pl011 *u = sc;
	uint32_t val;

	(void)size; /* the caller takes what it asked for */
	pthread_mutex_lock(&u->lock);
	val = reg_read(u, (uint32_t)offset & ~3u);
	update_irq(u);
	pthread_mutex_unlock(&u->lock);
	*data = val >> (offset & 3) * 8;
	return MMIO_OK;
}

static enum mmio_result
pl011_write(void *sc, uint64_t offset, uint32_t size, uint64_t data)
{
	struct pl011 *u = sc;

	(void)size;
	/* The upper byte lanes of a register alone cannot be written. */
	if ((offset & 3) != 0)
		return MMIO_OK;
	pthread_mutex_lock(&u->lock);
	reg_write(u, (uint32_t)offset, (uint32_t)data & 0xffff);
	update_irq(u);
	pthread_mutex_unlock(&u->lock);
	return MMIO_OK;
}

/* ---- from outside ---- */

static size_t
pl011_room(void *arg)
{
	struct pl011 *u = arg;
	size_t room = 0;

	pthread_mutex_lock(&u->lock);
	if (receiver_on(u) && (u->cr & CR_LBE) == 0 && u->rx.count < depth(u))
		room = depth(u) - u->rx.count;
	pthread_mutex_unlock(&u->lock);
	return room;
}

static void
pl011_input(void *arg, const uint8_t *bytes, size_t n)
{
	struct pl011 *u = arg;

	pthread_mutex_lock(&u->lock);
	for (size_t i = 0; i < n; i++)
		rx_put(u, bytes[i]);
	update_irq(u);
	pthread_mutex_unlock(&u->lock);
}

static void
pl011_drained(void *arg)
{
	struct pl011 *u = arg;

	pthread_mutex_lock(&u->lock);
	tx_pump(u);
	update_irq(u);
	pthread_mutex_unlock(&u->lock);
}

static void
pl011_timeout(void *arg)
{
	struct pl011 *u = arg;

	pthread_mutex_lock(&u->lock);
	if (u->rx.count > 0)
		u->ris |= INT_RT;
	update_irq(u);
	pthread_mutex_unlock(&u->lock);
}

struct pl011 *
pl011_create(struct ev_loop *loop, struct chardev *cd, const struct irq_line *irq)
{
	static const struct chardev_user user = { pl011_room, pl011_input, pl011_drained };
	struct pl011 *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return NULL;
	u->timer = ev_timer_add(loop, pl011_timeout, u);
	if (u->timer == NULL) {
		free(u);
		return NULL;
	}
	pthread_mutex_init(&u->lock, NULL);
	u->cd = cd;
	u->irq = *irq;
	u->cr = CR_TXE | CR_RXE;
	u->ifls = 0x12;
	chardev_attach(cd, &user, u);
	return u;
}

void
pl011_destroy(struct pl011 *u)
{
	ev_remove(u->timer);
	pthread_mutex_destroy(&u->lock);
	free(u);
}

void
pl011_mmio(struct pl011 *u, uint64_t base, struct mmio_device *dev)
{
	*dev = (struct mmio_device){
		.name = "pl011",
		.base = base,
		.size = PL011_SIZE,
		.sizes = 1 | 2 | 4,
		.sc = u,
		.read = pl011_read,
		.write = pl011_write,
	};
}
