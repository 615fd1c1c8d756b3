/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The physical timer, which is emulated.
 */
#include "guest.h"

static uint64_t
cntpct(void)
{
	uint64_t t;

	__asm__ volatile("isb; mrrc p15, 0, %Q0, %R0, c14" : "=r"(t) : : "memory");
	return t;
}

static void
handler(uint32_t intid)
{
	(void)intid;
	check((mrc(0, c14, c2, 1) & 4) != 0);
	mcr(0, c14, c2, 1, 2);
	isb();
}

void
test_main(void)
{
	uint32_t freq = cntfrq(), i;
	uint64_t when, cval;

	gic_init();
	irq_handler[INTID_PTIMER] = handler;
	gic_enable(INTID_PTIMER);
	irq_on();
	for (i = 1; i <= 5; i++) {
		when = cntpct() + freq / 500;
		__asm__ volatile("mcrr p15, 2, %Q0, %R0, c14" : : "r"(when));
		__asm__ volatile("mrrc p15, 2, %Q0, %R0, c14" : "=r"(cval));
		check(cval == when);
		mcr(0, c14, c2, 1, 1);
		isb();
		check(irq_wait(INTID_PTIMER, i));
		check(cntpct() >= when);
	}
	mcr(0, c14, c2, 0, freq / 500); /* CNTP_TVAL */
	check(mrc(0, c14, c2, 0) <= freq / 500);
	mcr(0, c14, c2, 1, 1);
	isb();
	while (irq_count[INTID_PTIMER] < i)
		wfi();
	check_eq(irq_count[INTID_PTIMER], i);
}
