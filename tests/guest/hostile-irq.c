/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Interrupt storms: SGIs from each CPU to all, timers that have always expired, a level that nobody
 * takes down, all at once.  Handlers end the interrupt and do nothing about its cause.
 */
#include "hostile.h"

static void
storm(uint32_t cpu)
{
	uint32_t i, n = 0;

	gic_cpu_init();
	for (i = 0; i < 16; i++)
		gic_enable(i);
	gic_enable(INTID_VTIMER);
	gic_enable(INTID_PTIMER);
	__asm__ volatile("mcrr p15, 2, %Q0, %R0, c14" : : "r"(0ull)); /* CNTP_CVAL */
	mcr(0, c14, c2, 1, 1);
	cntv_set(0, 1);
	while (!time_is_up(2000)) {
		gic_send_sgi(n & 15, 0xff);
		gic_send_sgi((n + 7) & 15, 1u << ((cpu + 1) % CPUS));
		window();
		if ((++n & 7) == 0) {
			wr8(GICD_ITARGETSR + INTID_UART, (uint8_t)(1u << (n >> 3 & 3)));
			wr8(GICD_IPRIORITYR + dice_below(32), (uint8_t)dice_below(0xf0));
		}
		if ((n & 31) == 0)
			cntv_set(cntvct() + dice_below(100), 1);
	}
	cntv_set(0, 0);
	mcr(0, c14, c2, 1, 0);
}

void
test_main(void)
{
	hostile_begin();
	gic_init();
	wr32(UART_DR, 'x'); /* sent at once: TXRIS */
	wr32(UART_IMSC, 0x20);
	gic_enable(INTID_UART);
	on_all_cpus(storm);
	wr32(UART_IMSC, 0);
	check(hostile_irqs > 1000);
	print("interrupts came");
}
