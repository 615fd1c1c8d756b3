/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * PSCI races: every CPU switches on every other as fast as it can and switches itself off,
 * with right entry points and with wrong ones, while all ask about all.  The first CPU ends
 * it.
 */
#include "hostile.h"

static volatile uint32_t came[CPUS], over;
static volatile uint32_t errors;

static void
known(uint32_t answer)
{
	if (answer != 0 && answer != (uint32_t)-4 && answer != (uint32_t)-5 &&
	    answer != (uint32_t)-2 && answer != (uint32_t)-9)
		errors++;
}

static void
life(uint32_t cpu)
{
	uint32_t i, n = dice_below(16);

	came[cpu % CPUS]++;
	for (i = 0; i < n; i++) {
		known(cpu_on(1 + dice_below(CPUS - 1), life));
		known(hvc(PSCI_CPU_ON, dice_below(16), dice() >> 2, dice()) == 0 ? 1 : 0);
		if (hvc(PSCI_AFFINITY_INFO, dice_below(CPUS), dice_below(2), 0) > 2)
			errors++;
		(void)hvc(PSCI_AFFINITY_INFO, dice(), dice(), 0);
	}
}

void
test_main(void)
{
	uint32_t cpu;

	while (!time_is_up(2500)) {
		for (cpu = 1; cpu < CPUS; cpu++)
			known(cpu_on(cpu, life));
		known(cpu_on(0, life));
	}
	for (cpu = 1; cpu < CPUS; cpu++)
		check(came[cpu] > 5);
	check_eq(errors, 0);
}
