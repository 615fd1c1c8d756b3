/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Software generated interrupts: to oneself, in order of priority, masked and not, and what the
 * distributor says of them (IHI 0048B 4.3, IHI 0069 GICR_ISENABLER0).
 */
#include "guest.h"

static volatile uint32_t order[8], order_n;

static void
note(uint32_t intid)
{
	if (order_n < 8)
		order[order_n++] = intid;
}

void
test_main(void)
{
	uint32_t i;

	gic_init();
	check_eq(rd32(GICD_TYPER) & 0x1f, rd32(GICD_TYPER) & 0x1f);
	check((rd32(GICD_TYPER) & 0x1f) >= 1);
	check_eq(rd32(GICD_IIDR) & 0xfff, 0x43b);
	if (gic_version() == 2) /* SGIs are always enabled */
		check_eq(rd32(GICD_ISENABLER) & 0xffff, 0xffff);
	irq_on();
	for (i = 0; i < 16; i++) {
		gic_enable(i);
		gic_send_sgi(i, 1);
		check(irq_wait(i, 1));
		check_eq(last_iar, i); /* source CPU 0 */
	}
	/* by the filters: all but oneself is nobody here; oneself */
	gic_send_sgi_to_others(3);
	if (gic_version() == 2)
		wr32(GICD_SGIR, 4 | 2u << 24);
	else
		gic_send_sgi(4, 1);
	check(irq_wait(4, 2));
	check_eq(irq_count[3], 1);

	/* the more urgent first, whatever the order of sending */
	irq_off();
	for (i = 0; i < 4; i++) {
		irq_handler[i] = note;
		gic_set_priority(i, (uint8_t)(i == 2 ? 0x40 : 0x80 + 8 * i));
	}
	gic_send_sgi(3, 1);
	gic_send_sgi(1, 1);
	gic_send_sgi(2, 1);
	check_eq(gic_highest(), 2);
	irq_on();
	check(irq_wait(3, 2));
	check_eq(order_n, 3);
	check_eq(order[0], 2);
	check_eq(order[1], 1);
	check_eq(order[2], 3);
	/* below the priority mask nothing comes */
	gic_set_mask(0x60);
	gic_send_sgi(1, 1);
	gic_send_sgi(2, 1);
	check(irq_wait(2, 3));
	delay_ticks(cntfrq() / 1000);
	check_eq(irq_count[1], 2);
	gic_set_mask(0xf0);
	check(irq_wait(1, 3));
	for (i = 0; i < 200; i++) {
		gic_send_sgi(5, 1);
		check(irq_wait(5, 2 + i));
	}
}
