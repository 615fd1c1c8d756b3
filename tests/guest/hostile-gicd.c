/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Four CPUs write at random all over the distributor, in all sizes and by every kind of
 * instruction, interrupts masked and not.
 */
#include "hostile.h"

static void
one(void *arg)
{
	uint32_t off = dice_below(0x1000), val = dice(), addr = GICD + off;

	(void)arg;
	switch (dice_below(8)) {
	case 0:
		wr8(addr, (uint8_t)val);
		break;
	case 1:
		(void)rd8(addr);
		break;
	case 2:
		*(volatile uint16_t *)addr = (uint16_t)val; /* unaligned half the time */
		break;
	case 3:
		(void)*(volatile uint16_t *)addr;
		break;
	case 4:
		__asm__ volatile("strd r2, r3, [%0]" : : "r"(addr & ~7u) : "memory");
		break;
	case 5:
		__asm__ volatile("ldr r2, [%0], #4" : "+r"(addr) : : "r2", "memory");
		break;
	case 6: /* registers that matter, with bits that do */
		wr32(GICD + (off & 0xf80) + (off & 0x3c), val | dice());
		break;
	default:
		wr32(addr & ~3u, val);
		break;
	}
}

static void
storm(uint32_t cpu)
{
	uint32_t n = 0;

	while (!time_is_up(1500)) {
		if ((++n & 63) == 0) {
			wr32(GICC_PMR, 0xff);
			wr32(GICC_CTLR, 1);
			if ((n & 1024) != 0)
				window();
		}
		if ((n & 255) == 0)
			wr32(GICD_CTLR, 1);
		(void)attempt(one, NULL);
	}
	(void)cpu;
}

void
test_main(void)
{
	hostile_begin();
	on_all_cpus(storm);
	check((rd32(GICD_IIDR) & 0xfff) == 0x43b);
}
