/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The PL031, register by register, after DDI 0224.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fake_event.h"
#include "mmio_rw.h"
#include "pl031.h"

enum { DR = 0, MR = 4, LR = 8, CR = 0xc, IMSC = 0x10, RIS = 0x14, MIS = 0x18, ICR = 0x1c };
#define S 1000000000ull

static struct pl031 *rtc;

static int
setup(void **state)
{
	(void)state;
	fake_event_reset();
	rtc = pl031_create(&fake_loop, &fake_irq_line);
	assert_non_null(rtc);
	pl031_mmio(rtc, 0x9010000, &dev);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pl031_destroy(rtc);
	return 0;
}

static void
test_time(void **state)
{
	static const uint32_t id[] = { 0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

	(void)state;
	assert_int_equal(rd(DR), 1800000000);
	fake_advance(S - 1);
	assert_int_equal(rd(DR), 1800000000);
	fake_advance(1);
	assert_int_equal(rd(DR), 1800000001);
	fake_loop.wall += 3600; /* the host's clock is set: the guest's goes on */
	assert_int_equal(rd(DR), 1800000001);
	wr(LR, 0xfffffffe);
	assert_int_equal(rd(LR), 0xfffffffe);
	fake_advance(3 * S);
	assert_int_equal(rd(DR), 1);
	assert_int_equal(rd(CR), 1);
	wr(CR, 0);
	assert_int_equal(rd(CR), 1);
	wr(DR, 77);
	assert_int_equal(rd(DR), 1);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(rd(0xfe0 + 4 * i), id[i]);
}

static void
test_alarm(void **state)
{
	(void)state;
	wr(MR, rd(DR) + 2);
	wr(IMSC, 1);
	fake_advance(2 * S - 1);
	assert_int_equal(rd(RIS), 0);
	fake_advance(1);
	assert_int_equal(rd(RIS), 1);
	assert_int_equal(rd(MIS), 1);
	assert_true(fake_irq.level);
	wr(ICR, 1);
	assert_false(fake_irq.level);
	fake_advance(100 * S);
	assert_false(fake_irq.level);
	/* Masked, it is only seen. */
	wr(IMSC, 0);
	wr(MR, rd(DR) + 1);
	fake_advance(S);
	assert_int_equal(rd(RIS), 1);
	assert_int_equal(rd(MIS), 0);
	assert_false(fake_irq.level);
	wr(IMSC, 1);
	assert_true(fake_irq.level);
}

/* The edge of the second is the count's, not that of the moment of the write. */
static void
test_alarm_edge(void **state)
{
	(void)state;
	wr(IMSC, 1);
	fake_advance(S / 2);
	wr(MR, rd(DR) + 1);
	fake_advance(S / 2 - 1);
	assert_false(fake_irq.level);
	fake_advance(1);
	assert_true(fake_irq.level);
}

static void
test_alarm_now_and_past(void **state)
{
	(void)state;
	wr(IMSC, 1);
	wr(MR, rd(DR));
	assert_true(fake_irq.level);
	wr(ICR, 1);
	wr(MR, rd(DR) - 1); /* a wrap away */
	fake_advance(1000000 * S);
	assert_false(fake_irq.level);
	/* Loading the count moves the match. */
	wr(LR, rd(MR) - 3);
	fake_advance(3 * S - 1);
	assert_false(fake_irq.level);
	fake_advance(1);
	assert_true(fake_irq.level);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_alarm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_alarm_edge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_alarm_now_and_past, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
