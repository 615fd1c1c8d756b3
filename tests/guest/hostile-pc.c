/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * PC outside of RAM, in devices, in the GIC's pages, at both ends of the address space, odd; and
 * calls from PL0.
 */
#include "hostile.h"

static uint32_t target;

static void
jump(void *arg)
{
	(void)arg;
	((void (*)(void))(uintptr_t)target)();
}

static uint32_t
jump_to(uint32_t pc)
{
	target = pc;
	return attempt(jump, NULL);
}

void
test_main(void)
{
	static const uint32_t places[] = { 0, 0x1000, 0x04000000, GICD, GICD + 0x100, GICD + 0xffc,
		GICC, GICC + 0xc, GICC + 0xffc, GICC + 0x1000, GICC + 0x1ffc, 0x08020000, PL011,
		PL011 + 0xfe0, PL031, 0x09020000, 0x0a000000, HOLE, 0x10000000, 0x3ffffffc,
		0x50000000, 0x80000000, 0xbffffffc, 0xc0000000, 0xfffffff0, 0xfffffffc,
		0xffff0000 };
	uint32_t i, n, aborts = 0, how;

	hostile_begin();
	for (n = 0; n < 20; n++) {
		for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
			how = jump_to(places[i] | (n & 3));
			if (how == BY_PABT)
				aborts++;
			else if (how != BY_UNDEF && how != BY_DABT)
				fail("a jump to %x ended with %u", places[i] | (n & 3), how);
		}
	}
	for (n = 0; n < 300; n++)
		aborts += jump_to(dice_below(RAM)) == BY_PABT;
	print("%u prefetch aborts", aborts);
	check(aborts > 500);
	uart_sane();
}
