/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The PL061, register by register, after DDI 0190, and the power button on its pin 3.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fake_event.h"
#include "mmio_rw.h"
#include "pl061.h"

enum {
	DATA = 0x3fc, /* all eight pins */
	DIR = 0x400,
	IS = 0x404,
	IBE = 0x408,
	IEV = 0x40c,
	IE = 0x410,
	RIS = 0x414,
	MIS = 0x418,
	IC = 0x41c,
	AFSEL = 0x420,
	POWER = 8,
};
#define HELD_NS 100000000ull

static struct pl061 *gpio;

static int
setup(void **state)
{
	(void)state;
	fake_event_reset();
	gpio = pl061_create(&fake_loop, &fake_irq_line);
	assert_non_null(gpio);
	pl061_mmio(gpio, 0x9030000, &dev);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pl061_destroy(gpio);
	return 0;
}

static void
test_reset(void **state)
{
	static const uint32_t id[] = { 0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

	(void)state;
	for (uint32_t reg = 0; reg < 0xfe0; reg += 4)
		assert_int_equal(rd(reg), 0);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(rd(0xfe0 + 4 * i), id[i]);
	assert_int_equal(fake_irq.changes, 0);
}

static void
test_masks(void **state)
{
	static const struct {
		uint32_t reg, reads;
	} rows[] = { { DIR, 0xff }, { IBE, 0xff }, { IEV, 0xff }, { IE, 0xff }, { AFSEL, 0xff },
		{ IS, 0xff }, { RIS, 0 }, { MIS, 0 }, { IC, 0 }, { 0x424, 0 }, { 0xfdc, 0 },
		{ 0xfe0, 0x61 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wr(rows[i].reg, 0xffffffff);
		assert_int_equal(rd(rows[i].reg), rows[i].reads);
		if (rows[i].reg < RIS || rows[i].reg == AFSEL)
			wr(rows[i].reg, 0);
		/* Pins at level 0 with IEV 1: nothing is raised. */
		assert_false(fake_irq.level);
	}
}

/* GPIODATA's address is the mask, for reads and writes (DDI 0190 2.2). */
static void
test_data(void **state)
{
	(void)state;
	wr(DATA, 0xff); /* all are inputs: nothing is kept */
	wr(DIR, 0xf0);
	assert_int_equal(rd(DATA), 0);
	wr(DATA, 0xff);
	assert_int_equal(rd(DATA), 0xf0);
	wr(0x30 << 2, 0x00);
	assert_int_equal(rd(DATA), 0xc0);
	assert_int_equal(rd(0x40 << 2), 0x40);
	assert_int_equal(rd(0), 0);
	wr(0, 0);
	assert_int_equal(rd(DATA), 0xc0);
	wr(DIR, 0x80); /* what is an input now reads its pin */
	assert_int_equal(rd(DATA), 0x80);
	assert_int_equal(fake_irq.changes, 0);
}

static void
test_lanes(void **state)
{
	uint64_t val = 7;

	(void)state;
	assert_int_equal(dev.write(dev.sc, DIR, 1, 0x55), MMIO_OK);
	assert_int_equal(dev.write(dev.sc, DIR + 1, 1, 0xff), MMIO_OK);
	assert_int_equal(dev.write(dev.sc, DIR + 2, 2, 0xffff), MMIO_OK);
	assert_int_equal(rd(DIR), 0x55);
	assert_int_equal(dev.read(dev.sc, DIR + 1, 1, &val), MMIO_OK);
	assert_int_equal(val, 0);
	assert_int_equal(dev.read(dev.sc, DIR, 2, &val), MMIO_OK);
	assert_int_equal(val, 0x55);
}

static void
test_edges(void **state)
{
	static const struct {
		uint32_t ibe, iev;
		bool pressed, released;
	} rows[] = { { 0, POWER, true, false }, { 0, 0, false, true }, { POWER, 0, true, true },
		{ POWER, POWER, true, true } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wr(IBE, rows[i].ibe);
		wr(IEV, rows[i].iev);
		wr(IE, POWER);
		pl061_press_power(gpio);
		assert_int_equal(rd(DATA), POWER);
		assert_int_equal(fake_irq.level, rows[i].pressed);
		assert_int_equal(rd(MIS), rows[i].pressed ? POWER : 0);
		wr(IC, POWER);
		assert_false(fake_irq.level);
		fake_advance(HELD_NS);
		assert_int_equal(rd(DATA), 0);
		assert_int_equal(fake_irq.level, rows[i].released);
		wr(IC, (uint32_t)~POWER); /* others' bits */
		assert_int_equal(fake_irq.level, rows[i].released);
		wr(IC, POWER);
		assert_false(fake_irq.level);
	}
}

static void
test_edge_stays(void **state)
{
	(void)state;
	/* Seen though masked, and kept when the pin is low again. */
	wr(IEV, POWER);
	pl061_press_power(gpio);
	fake_advance(HELD_NS);
	assert_int_equal(rd(RIS), POWER);
	assert_int_equal(rd(MIS), 0);
	assert_false(fake_irq.level);
	wr(IE, POWER);
	assert_true(fake_irq.level);
	/* A pin that becomes level-sensitive forgets its edge. */
	wr(IS, POWER);
	assert_false(fake_irq.level);
	wr(IS, 0);
	assert_false(fake_irq.level);
}

static void
test_levels(void **state)
{
	(void)state;
	wr(IS, POWER);
	wr(IEV, POWER);
	wr(IE, POWER);
	assert_false(fake_irq.level);
	pl061_press_power(gpio);
	assert_true(fake_irq.level);
	wr(IC, POWER); /* of no use while the level is there */
	assert_true(fake_irq.level);
	fake_advance(HELD_NS);
	assert_false(fake_irq.level);
	/* Low level: there all the time but while it is pressed. */
	wr(IEV, 0);
	assert_true(fake_irq.level);
	assert_int_equal(rd(MIS), POWER);
	pl061_press_power(gpio);
	assert_false(fake_irq.level);
	fake_advance(HELD_NS);
	assert_true(fake_irq.level);
	/* As an output it interrupts nobody. */
	wr(DIR, POWER);
	assert_false(fake_irq.level);
}

static void
test_button(void **state)
{
	(void)state;
	assert_false(pl061_press_power(gpio)); /* nobody listens */
	fake_advance(HELD_NS);
	wr(IBE, POWER);
	wr(IE, POWER);
	/* Pressed again while it is down: one press, held longer. */
	pl061_press_power(gpio);
	fake_advance(HELD_NS / 2);
	wr(IC, POWER);
	assert_true(pl061_press_power(gpio));
	assert_false(fake_irq.level);
	fake_advance(HELD_NS / 2);
	assert_int_equal(rd(DATA), POWER);
	fake_advance(HELD_NS / 2);
	assert_int_equal(rd(DATA), 0);
	assert_true(fake_irq.level);
	wr(IC, POWER);
	fake_advance(10 * HELD_NS);
	assert_int_equal(fake_irq.changes, 4);
	/* Where the guest made it an output, its value stays the guest's. */
	wr(DIR, POWER);
	pl061_press_power(gpio);
	assert_int_equal(rd(DATA), 0);
	assert_int_equal(rd(RIS), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_masks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_data, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lanes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_edges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_edge_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_button, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
