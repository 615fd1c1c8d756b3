/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * WFI, WFE, SEV, YIELD and CPU_SUSPEND on four CPUs, without end and with timers that expire
 * at once, soon, or have expired while the CPU goes to sleep.
 */
#include "hostile.h"

static volatile uint32_t rounds[CPUS];

static void
storm(uint32_t cpu)
{
	uint32_t n;

	gic_cpu_init();
	gic_enable(INTID_VTIMER);
	while (!time_is_up(1500)) {
		n = dice_below(8);
		cntv_set(cntvct() + dice_below(n == 0 ? 100000 : 200), 1);
		if (n == 1)
			irq_on();
		if (n < 5)
			wfi();
		else if (n == 5)
			(void)hvc(PSCI_CPU_SUSPEND, 0, 0, 0);
		else
			__asm__ volatile("wfe; yield; sev; wfe; wfe" : : : "memory");
		irq_off();
		rounds[cpu]++;
	}
	cntv_set(0, 0);
}

/* Not at once again, or nothing else would ever run; but again, for WFI may be next. */
static void
expired(uint32_t intid)
{
	(void)intid;
	cntv_set(cntvct() + cntfrq() / 1000, 1);
}

void
test_main(void)
{
	uint32_t cpu;

	irq_handler[INTID_VTIMER] = expired;
	hostile_begin();
	gic_init();
	on_all_cpus(storm);
	for (cpu = 0; cpu < CPUS; cpu++)
		check(rounds[cpu] > 20);
}
