/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Four CPUs write at random to all devices, those of user space among them, and to where
 * there are none. The console gets what comes of it.
 */
#include "hostile.h"

static void
one(void *arg)
{
	static const uint32_t bases[] = { PL011, PL031, 0x09020000, 0x09030000, 0x0a000000,
		0x08020000, HOLE, 0, 0x3f000000, 0x10000000 };
	uint32_t addr = bases[dice_below(sizeof(bases) / sizeof(bases[0]))], val = dice();

	(void)arg;
	addr += dice_below(3) == 0 ? dice_below(0x1000) : dice_below(0x50);
	switch (dice_below(6)) {
	case 0:
		wr8(addr, (uint8_t)val);
		break;
	case 1:
		*(volatile uint16_t *)addr = (uint16_t)val;
		break;
	case 2:
		(void)rd8(addr);
		break;
	case 3:
		(void)rd32(addr & ~3u);
		break;
	case 4:
		__asm__ volatile("strd r2, r3, [%0]" : : "r"(addr & ~7u) : "memory");
		break;
	default:
		wr32(addr & ~3u, val);
		break;
	}
}

static void
storm(uint32_t cpu)
{
	(void)cpu;
	while (!time_is_up(1500))
		(void)attempt(one, NULL);
}

void
test_main(void)
{
	hostile_begin();
	on_all_cpus(storm);
	uart_sane();
	print(" ");
}
