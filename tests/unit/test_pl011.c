/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The PL011, register by register, after DDI 0183.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "fake_event.h"
#include "mmio_rw.h"
#include "pl011.h"

enum {
	DR = 0,
	RSR = 4,
	FR = 0x18,
	IBRD = 0x24,
	FBRD = 0x28,
	LCR_H = 0x2c,
	CR = 0x30,
	IFLS = 0x34,
	IMSC = 0x38,
	RIS = 0x3c,
	MIS = 0x40,
	ICR = 0x44,
	DMACR = 0x48
};
enum { FR_BUSY = 8, FR_RXFE = 0x10, FR_TXFF = 0x20, FR_RXFF = 0x40, FR_TXFE = 0x80 };
enum { INT_RX = 0x10, INT_TX = 0x20, INT_RT = 0x40, INT_OE = 0x400 };

static struct pl011 *uart;

static int
setup(void **state)
{
	(void)state;
	fake_event_reset();
	uart = pl011_create(&fake_loop, &fake_line, &fake_irq_line);
	assert_non_null(uart);
	pl011_mmio(uart, 0x9000000, &dev);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pl011_destroy(uart);
	return 0;
}

/* Receiver and transmitter on, FIFOs on or off. */
static void
enable(bool fifos)
{
	wr(LCR_H, fifos ? 0x70 : 0x60);
	wr(CR, 0x301);
}

static void
test_reset(void **state)
{
	static const uint32_t id[] = { 0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

	(void)state;
	assert_int_equal(rd(CR), 0x300);
	assert_int_equal(rd(IFLS), 0x12);
	assert_int_equal(rd(IMSC), 0);
	assert_int_equal(rd(RIS), 0);
	assert_int_equal(rd(FR) & 0xf8, FR_RXFE | FR_TXFE);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(rd(0xfe0 + 4 * i), id[i]);
	assert_int_equal(rd(0x100), 0);
	assert_int_equal(rd(0xfdc), 0);
}

static void
test_masks(void **state)
{
	static const struct {
		uint32_t reg, reads;
	} rows[] = { { 0x20, 0xff }, { IBRD, 0xffff }, { FBRD, 0x3f }, { LCR_H, 0xff },
		{ CR, 0xff87 }, { IFLS, 0x3f }, { IMSC, 0x7ff }, { DMACR, 7 }, { MIS, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wr(rows[i].reg, 0xffffffff);
		/* MIS: read-only, and nothing was raised but modem lines by CR. */
		if (rows[i].reg != MIS)
			assert_int_equal(rd(rows[i].reg), rows[i].reads);
		wr(rows[i].reg, 0);
		assert_int_equal(rd(rows[i].reg), 0);
	}
}

static void
test_transmit(void **state)
{
	uint64_t val;

	(void)state;
	/* Also before anything is set up: an early console. */
	wr(DR, 'a');
	assert_int_equal(dev.write(dev.sc, DR, 1, 'b'), MMIO_OK);
	assert_int_equal(dev.write(dev.sc, DR, 2, 'c'), MMIO_OK);
	assert_memory_equal(fake_line.out, "abc", 3);
	assert_int_equal(rd(FR) & FR_TXFE, FR_TXFE);
	assert_int_equal(rd(RIS) & INT_TX, INT_TX);
	/* An upper byte lane alone writes nothing and reads the lane. */
	assert_int_equal(dev.write(dev.sc, DR + 1, 1, 'x'), MMIO_OK);
	assert_int_equal(fake_line.nout, 3);
	assert_int_equal(dev.read(dev.sc, CR + 1, 1, &val), MMIO_OK);
	assert_int_equal(val, 3);
}

static void
test_transmit_interrupt(void **state)
{
	(void)state;
	enable(true);
	wr(IMSC, INT_TX);
	assert_false(fake_irq.level);
	wr(DR, 'a');
	assert_true(fake_irq.level);
	assert_int_equal(rd(MIS), INT_TX);
	wr(ICR, INT_TX);
	assert_false(fake_irq.level);
	assert_int_equal(fake_irq.changes, 2);
}

/* The line does not take anything: the FIFO fills to 32, then drains; the level is 1/2 at reset. */
static void
test_transmit_backpressure(void **state)
{
	(void)state;
	enable(true);
	wr(IMSC, INT_TX);
	fake_line.room = 0;
	for (unsigned int i = 0; i < 32; i++) {
		assert_int_equal(rd(FR) & FR_TXFF, 0);
		wr(DR, 'A' + i % 26);
	}
	assert_int_equal(rd(FR) & (FR_TXFF | FR_TXFE | FR_BUSY), FR_TXFF | FR_BUSY);
	assert_int_equal(rd(RIS) & INT_TX, 0);
	fake_line.room = 15;
	fake_line.user->drained(fake_line.arg);
	assert_int_equal(rd(FR) & FR_TXFF, 0);
	assert_false(fake_irq.level); /* 17 left: above the level */
	fake_line.room = 1;
	fake_line.user->drained(fake_line.arg);
	assert_true(fake_irq.level); /* 16 */
	/* Writing above the level clears it. */
	fake_line.room = 0;
	wr(DR, '!');
	assert_false(fake_irq.level);
	fake_line.room = 100;
	fake_line.user->drained(fake_line.arg);
	assert_int_equal(fake_line.nout, 33);
	assert_memory_equal(fake_line.out, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF!", 33);
	assert_int_equal(rd(FR) & FR_TXFE, FR_TXFE);
}

/* Each code of RXIFLSEL: the interrupt comes with exactly that character and goes below it. */
static void
test_receive_levels(void **state)
{
	static const unsigned int levels[] = { 4, 8, 16, 24, 28 };

	(void)state;
	for (uint32_t code = 0; code < 5; code++) {
		teardown(state);
		setup(state);
		enable(true);
		wr(IFLS, code << 3 | 2);
		wr(IMSC, INT_RX);
		for (unsigned int i = 1; i <= levels[code]; i++) {
			assert_false(fake_irq.level);
			assert_int_equal(fake_type("x", 1), 1);
		}
		assert_true(fake_irq.level);
		assert_int_equal(rd(DR), 'x');
		assert_false(fake_irq.level);
	}
}

static void
test_receive_fifo(void **state)
{
	static const char text[] = "0123456789012345678901234567890123456789";
	unsigned int before;

	(void)state;
	enable(true);
	assert_int_equal(fake_type(text, 40), 32);
	assert_int_equal(rd(FR) & (FR_RXFF | FR_RXFE), FR_RXFF);
	assert_int_equal(fake_type(text, 1), 0);
	before = fake_line.ready;
	for (unsigned int i = 0; i < 32; i++)
		assert_int_equal(rd(DR), (uint32_t)text[i]);
	assert_true(fake_line.ready > before); /* it asks for more */
	assert_int_equal(rd(FR) & (FR_RXFF | FR_RXFE), FR_RXFE);
	assert_int_equal(rd(RIS) & (INT_RX | INT_RT | INT_OE), 0);
	assert_int_equal(rd(RSR), 0);
}

static void
test_character_mode(void **state)
{
	(void)state;
	enable(false);
	wr(IMSC, INT_RX);
	assert_int_equal(fake_type("ab", 2), 1);
	assert_true(fake_irq.level);
	assert_int_equal(rd(FR) & FR_RXFF, FR_RXFF);
	assert_int_equal(rd(DR), 'a');
	assert_false(fake_irq.level);
	fake_line.room = 0;
	wr(DR, 'z');
	assert_int_equal(rd(FR) & FR_TXFF, FR_TXFF);
}

static void
test_receive_timeout(void **state)
{
	(void)state;
	enable(true);
	wr(IBRD, 13); /* 115200 at 24 MHz: 32 bits are 277.8 us */
	wr(FBRD, 1);
	wr(IMSC, INT_RT);
	fake_type("ab", 2);
	fake_advance(270000);
	assert_false(fake_irq.level);
	fake_type("c", 1); /* begins anew */
	fake_advance(270000);
	assert_false(fake_irq.level);
	fake_advance(10000);
	assert_true(fake_irq.level);
	rd(DR);
	rd(DR);
	assert_true(fake_irq.level); /* until the FIFO is empty */
	rd(DR);
	assert_false(fake_irq.level);
	fake_advance(1000000000);
	assert_false(fake_irq.level);
	fake_type("d", 1);
	fake_advance(300000);
	assert_true(fake_irq.level);
	wr(ICR, INT_RT);
	assert_false(fake_irq.level);
	/* No rate: not never, not for ever. */
	wr(IBRD, 0);
	fake_type("e", 1);
	fake_advance(300000);
	assert_true(fake_irq.level);
	wr(ICR, INT_RT);
	wr(IBRD, 0xffff);
	fake_type("f", 1);
	fake_advance(100000000);
	assert_true(fake_irq.level);
}

static void
test_receiver_off(void **state)
{
	(void)state;
	assert_int_equal(fake_type("a", 1), 0); /* UARTEN is off: it waits outside */
	wr(CR, 0x101);
	assert_int_equal(fake_type("a", 1), 0);
	wr(CR, 0x301);
	assert_true(fake_line.ready > 0);
	assert_int_equal(fake_type("a", 1), 1);
}

static void
test_loopback(void **state)
{
	(void)state;
	enable(true);
	wr(CR, 0x381);
	for (unsigned int i = 0; i < 33; i++)
		wr(DR, 'a' + i % 26);
	assert_int_equal(fake_line.nout, 0);
	assert_int_equal(rd(RIS) & INT_OE, INT_OE); /* the 33rd */
	assert_int_equal(rd(RSR), 8);
	wr(RSR, 0);
	assert_int_equal(rd(RSR), 0);
	assert_int_equal(rd(DR), 'a');
	assert_int_equal(fake_type("x", 1), 0); /* cut off from outside */
	/* Modem lines: DTR, RTS, Out1, Out2 to DSR, CTS, DCD, RI, and their interrupts. */
	wr(ICR, 0x7ff);
	wr(CR, 0x3f81);
	assert_int_equal(rd(FR) & 0x107, 0x107);
	assert_int_equal(rd(RIS) & 0xf, 0xf);
	wr(ICR, 0xf);
	wr(CR, 0xb81); /* RTS alone */
	assert_int_equal(rd(FR) & 0x107, 0x001);
	assert_int_equal(rd(RIS) & 0xf, 0x1 | 0x4 | 0x8);
}

static void
test_fifo_switch(void **state)
{
	(void)state;
	enable(true);
	fake_line.room = 0;
	wr(DR, 'a');
	wr(DR, 'b');
	fake_type("xyz", 3);
	wr(LCR_H, 0x60);
	assert_int_equal(rd(FR) & FR_RXFE, FR_RXFE);
	assert_int_equal(rd(FR) & FR_TXFF, FR_TXFF);
	fake_line.room = 10;
	fake_line.user->drained(fake_line.arg);
	assert_memory_equal(fake_line.out, "ab", 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_masks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_transmit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_transmit_interrupt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_transmit_backpressure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_receive_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_receive_fifo, setup, teardown),
		cmocka_unit_test_setup_teardown(test_character_mode, setup, teardown),
		cmocka_unit_test_setup_teardown(test_receive_timeout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_receiver_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_loopback, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fifo_switch, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
