/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * WFI sleeps until the timer, also with interrupts masked, and not at all when one waits.
 */
#include "guest.h"

static void
handler(uint32_t intid)
{
	(void)intid;
	cntv_set(0, 0);
}

void
test_main(void)
{
	uint32_t freq = cntfrq(), i, loops = 0;
	uint64_t start = cntvct(), when;

	gic_init();
	irq_handler[INTID_VTIMER] = handler;
	gic_enable(INTID_VTIMER);
	irq_on();
	for (i = 1; i <= 10; i++) {
		irq_off();
		when = cntvct() + freq / 100;
		cntv_set(when, 1);
		while (irq_count[INTID_VTIMER] < i) {
			wfi();
			loops++;
			irq_on();
			isb();
			irq_off();
		}
		check(cntvct() >= when);
	}
	check(cntvct() - start >= freq / 10);
	check(loops < 1000); /* it did sleep */
	/* masked in CPSR: WFI ends, the interrupt is not taken */
	irq_off();
	when = cntvct() + freq / 100;
	cntv_set(when, 1);
	while (cntvct() < when)
		wfi();
	wfi(); /* it waits by now */
	check_eq(irq_count[INTID_VTIMER], 10);
	irq_on();
	check(irq_wait(INTID_VTIMER, 11));
	/* WFE and SEV: an event is never waited for in vain */
	__asm__ volatile("sev; wfe" : : : "memory");
}
