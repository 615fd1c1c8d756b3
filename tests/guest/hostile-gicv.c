/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Four CPUs write at random to the CPU interface, acknowledge what never came, and end what is not
 * active, while interrupts are sent.
 */
#include "hostile.h"

static void
one(void *arg)
{
	uint32_t off = dice_below(GICV_SIZE / 4) * 4, val = dice();

	(void)arg;
	switch (dice_below(8)) {
	case 0:
		wr32(GICC + off, val);
		break;
	case 1:
		(void)rd32(GICC + off);
		break;
	case 2:
		wr8(GICC + off, (uint8_t)val);
		break;
	case 3:
		wr32(GICC_EOIR, dice_below(1024) | dice_below(8) << 10);
		break;
	case 4:
		(void)rd32(GICC_IAR);
		break;
	case 5:
		wr32(GICC + 0x1000, dice_below(300)); /* DIR */
		break;
	case 6:
		wr32(GICC_CTLR, dice_below(0x800));
		break;
	default:
		gic_send_sgi(val & 15, val >> 4 & 0xff);
		break;
	}
}

static void
storm(uint32_t cpu)
{
	uint32_t i, n = 0;

	(void)cpu;
	for (i = 0; i < 32; i++)
		gic_enable(i);
	while (!time_is_up(1500)) {
		(void)attempt(one, NULL);
		if ((++n & 127) == 0) {
			gic_cpu_init();
			window();
		}
	}
}

void
test_main(void)
{
	hostile_begin();
	gic_init();
	on_all_cpus(storm);
}
