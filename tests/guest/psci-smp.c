/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * PSCI with four CPUs: on, off and on again, SGIs between them, and the errors.
 */
#include "guest.h"

#define CPUS 4u

static volatile uint32_t came[CPUS], times[CPUS], go[CPUS], got[CPUS], wrong;

static void
handler(uint32_t intid)
{
	(void)intid;
	got[cpu_number() % CPUS] = 1;
}

static void
secondary(uint32_t cpu)
{
	if (cpu >= CPUS || mpidr() >> 31 != 1) {
		wrong = 1;
		return;
	}
	gic_cpu_init();
	gic_enable(1);
	gic_enable(2);
	times[cpu]++;
	dmb();
	came[cpu] = 1;
	irq_on();
	while (got[cpu] == 0 && go[cpu] == 0)
		;
	gic_send_sgi(8 + cpu, 1);
	while (go[cpu] == 0)
		;
	irq_off();
	came[cpu] = 0;
}

static void
wait_for(volatile uint32_t *p, uint32_t val, const char *what, uint32_t cpu)
{
	uint64_t end = cntvct() + 2ull * cntfrq();

	while (*p != val)
		if (cntvct() > end)
			fail("CPU %u: %s", cpu, what);
	dmb();
}

static void
wait_off(uint32_t cpu)
{
	uint64_t end = cntvct() + 2ull * cntfrq();

	while (hvc(PSCI_AFFINITY_INFO, cpu, 0, 0) != 1)
		if (cntvct() > end)
			fail("CPU %u is not off", cpu);
}

static void
errors(void)
{
	check_eq(hvc(PSCI_CPU_ON, 0, 0x40008000, 0), -4);  /* ALREADY_ON */
	check_eq(hvc(PSCI_CPU_ON, 77, 0x40008000, 0), -2); /* INVALID_PARAMETERS */
	check_eq(hvc(PSCI_CPU_ON, 0x100, 0x40008000, 0), -2);
	check_eq(hvc(PSCI_AFFINITY_INFO, 77, 0, 0), -2);
	check_eq(hvc(PSCI_AFFINITY_INFO, 0, 0, 0), 0);
	check_eq(hvc(PSCI_AFFINITY_INFO, 3, 0, 0), 1);
}

static void
round(uint32_t n)
{
	uint32_t cpu;

	for (cpu = 1; cpu < CPUS; cpu++) {
		go[cpu] = 0;
		got[cpu] = 0;
		check_eq(cpu_on(cpu, secondary), 0);
	}
	for (cpu = 1; cpu < CPUS; cpu++) {
		wait_for(&came[cpu], 1, "does not come", cpu);
		check_eq(times[cpu], n);
		check_eq(hvc(PSCI_AFFINITY_INFO, cpu, 0, 0), 0);
		check_eq(cpu_on(cpu, secondary), -4);
	}
	gic_send_sgi_to_others(1);
	for (cpu = 1; cpu < CPUS; cpu++) {
		check(irq_wait(8 + cpu, n));
		check_eq(got[cpu], 1);
	}
	check_eq(got[0], 0);
	for (cpu = 1; cpu < CPUS; cpu++)
		go[cpu] = 1;
	for (cpu = 1; cpu < CPUS; cpu++)
		wait_off(cpu);
	check_eq(wrong, 0);
}

void
test_main(void)
{
	uint32_t i;

	gic_init();
	for (i = 8; i < 8 + CPUS; i++)
		gic_enable(i);
	irq_handler[1] = handler;
	irq_on();
	errors();
	for (i = 1; i <= 5; i++)
		round(i);
	print("%u CPUs, %u times", CPUS, i - 1);
}
