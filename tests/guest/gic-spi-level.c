/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A level interrupt: the PL011's transmitter.  It comes again as long as the line is up when its
 * handler ends, and not once more when that takes it down.
 */
#include "guest.h"

#define TX 0x20u

static volatile uint32_t times; /* how often the handler leaves the line up */

static void
handler(uint32_t intid)
{
	(void)intid;
	check((rd32(UART_MIS) & TX) != 0);
	if (times == 0)
		wr32(UART_IMSC, 0);
	else
		times--;
}

static void
quiet(uint32_t count)
{
	delay_ticks(cntfrq() / 500);
	check_eq(irq_count[INTID_UART], count);
}

void
test_main(void)
{
	gic_init();
	irq_handler[INTID_UART] = handler;
	wr32(UART_IMSC, 0);
	wr32(UART_ICR, 0x7ff);
	gic_enable(INTID_UART);
	irq_on();
	quiet(0);
	print("something to transmit");
	check((rd32(UART_RIS) & TX) != 0);
	quiet(0); /* masked in the device */
	wr32(UART_IMSC, TX);
	check(irq_wait(INTID_UART, 1));
	quiet(1);
	times = 3;
	wr32(UART_IMSC, TX);
	check(irq_wait(INTID_UART, 5));
	quiet(5);
	/* disabled in the distributor it stays pending there, and comes when enabled */
	gic_disable(INTID_UART);
	wr32(UART_IMSC, TX);
	quiet(5);
	check((rd32(GICD_ISPENDR + 4) & 2) != 0);
	gic_enable(INTID_UART);
	check(irq_wait(INTID_UART, 6));
	quiet(6);
	/* a line that falls before it is taken leaves nothing behind */
	irq_off();
	wr32(UART_IMSC, TX);
	delay_ticks(cntfrq() / 1000);
	wr32(UART_IMSC, 0);
	check((rd32(GICD_ISPENDR + 4) & 2) == 0);
	irq_on();
	quiet(6);
	wr32(UART_ICR, 0x7ff);
	check((rd32(UART_RIS) & TX) == 0);
	wr32(UART_IMSC, TX);
	quiet(6);
}
