/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The physical timer, which is emulated.
 */
#include "guest.h"

static void
handler(uint32_t intid)
{
	(void)intid;
	check((cntp_ctl() & 4) != 0);
	cntp_ctl_set(2);
}

void
test_main(void)
{
	uint32_t freq = cntfrq(), i;
	uint64_t when;

	gic_init();
	irq_handler[INTID_PTIMER] = handler;
	gic_enable(INTID_PTIMER);
	irq_on();
	for (i = 1; i <= 5; i++) {
		when = cntpct() + freq / 500;
		cntp_cval_set(when);
		check(cntp_cval() == when);
		cntp_ctl_set(1);
		check(irq_wait(INTID_PTIMER, i));
		check(cntpct() >= when);
	}
	cntp_tval_set(freq / 500);
	check(cntp_tval() <= freq / 500);
	cntp_ctl_set(1);
	while (irq_count[INTID_PTIMER] < i)
		wfi();
	check_eq(irq_count[INTID_PTIMER], i);
}
