/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * FCSEIDR, which moves the lower 32 MiB of addresses where it can be written (under QEMU), must not
 * move the host's, whose programs are there.
 */
#include "hostile.h"

static void
storm(uint32_t cpu)
{
	while (!time_is_up(1000)) {
		mcr(0, c13, c0, 0, 0x2a000000 + (cpu << 25));
		delay_ticks(cntfrq() / 1000);
	}
}

void
test_main(void)
{
	hostile_begin();
	on_all_cpus(storm);
}
