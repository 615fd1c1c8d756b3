/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The virtual timer: its registers, its interrupt, not before its time.
 */
#include "guest.h"

static void
handler(uint32_t intid)
{
	(void)intid;
	if ((cntv_ctl() & 4) == 0) /* ISTATUS */
		fail("interrupt %u, and CNTV has not expired", irq_count[intid] + 1);
	cntv_ctl_set(2); /* IMASK: the line falls */
}

static volatile uint32_t storm;

/* Leaves the line up a few times: it has to come again. */
static void
stormy(uint32_t intid)
{
	if (storm-- == 0)
		handler(intid);
}

static void
once(uint32_t ticks, uint32_t n)
{
	uint64_t when = cntvct() + ticks;

	cntv_set(when, 1);
	check(irq_wait(INTID_VTIMER, n));
	check(cntvct() >= when);
	check_eq(irq_count[INTID_VTIMER], n);
}

void
test_main(void)
{
	uint32_t freq = cntfrq(), i;
	uint64_t before;

	check(freq >= 1000000);
	gic_init();
	irq_handler[INTID_VTIMER] = handler;
	gic_enable(INTID_VTIMER);
	before = cntvct();
	check(cntvct() >= before);
	cntv_set(cntvct() + freq, 1);
	check_eq(cntv_ctl() & 7, 1); /* a second from now */
	check(cntv_tval() <= freq);
	cntv_set(0, 3);
	check_eq(cntv_ctl() & 7, 7); /* over, and masked */
	cntv_set(0, 0);
	irq_on();
	for (i = 1; i <= 20; i++)
		once(freq / 1000, i);
	for (; i <= 40; i++)
		once(0, i); /* already over */
	/* the same through TVAL */
	cntv_tval_set(freq / 1000);
	cntv_ctl_set(1);
	check(irq_wait(INTID_VTIMER, i));
	/* a line that is not taken down comes again */
	irq_handler[INTID_VTIMER] = stormy;
	storm = 10;
	cntv_set(0, 1);
	check(irq_wait(INTID_VTIMER, i + 11));
	delay_ticks(freq / 1000);
	check_eq(irq_count[INTID_VTIMER], i + 11);
	i += 11;
	/* enabled again it works as before */
	irq_handler[INTID_VTIMER] = handler;
	once(freq / 1000, i + 1);
}
