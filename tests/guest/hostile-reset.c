/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Four CPUs ask for a reset at once, in the midst of interrupts and device accesses; the VM
 * ends with one.
 */
#include "hostile.h"

static volatile uint32_t ready;

static void
storm(uint32_t cpu)
{
	uint64_t end;

	gic_cpu_init();
	gic_enable(INTID_VTIMER);
	cntv_set(0, 1);
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	end = cntvct() + cntfrq() / 2;
	while (ready < CPUS && cntvct() < end)
		gic_send_sgi(cpu, 0xff);
	for (;;) {
		(void)rd32(UART_FR);
		gic_send_sgi(3, 0xff);
		window();
		(void)hvc(RESET, 0, 0, 0);
	}
}

void
test_main(void)
{
	hostile_begin();
	gic_init();
	print("asking for a reset");
	on_all_cpus(storm);
}
