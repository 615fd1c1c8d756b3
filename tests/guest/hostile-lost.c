/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * CPUs that are lost for good, each in its own way: an exception in the vectors for ever,
 * tables in a device, asleep with nothing to wake it, a loop with interrupts masked.
 * Somebody has to kill it.
 */
#include "hostile.h"

static void
lose(uint32_t cpu)
{
	switch (cpu) {
	case 0:
		mcr(0, c12, c0, 0, HOLE);
		isb();
		((void (*)(void))(uintptr_t)HOLE)();
		break;
	case 1:
		mcr(0, c2, c0, 0, PL011);
		mcr(0, c3, c0, 0, 1);
		mcr(0, c1, c0, 0, mrc(0, c1, c0, 0) | 1);
		isb();
		break;
	case 2:
		for (;;)
			wfi();
	default:
		for (;;)
			;
	}
}

void
test_main(void)
{
	print("lost");
	on_all_cpus(lose);
}
