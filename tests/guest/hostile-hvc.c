/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * HVC and SMC with everything in r0: what a Linux host's own stub takes, what its microvisor
 * takes, all of SMCCC's ranges, and dice; from four CPUs.  No call gets through but PSCI's.
 */
#include "hostile.h"

#define HVC0	   0xe1400070u
#define SMC0	   0xe1600070u
#define HVC_MICRO  0x56000000u /* the microvisor's own calls, hyp.h */
#define PSCI_FNS   0x84000000u
#define STUB_CALLS 32u

static uint32_t back[CPUS], undef[CPUS];

/* Calls that would end this CPU, the VM, or the test's time */
static bool
deadly(uint32_t fn)
{
	return fn == PSCI_CPU_SUSPEND || fn == PSCI_CPU_OFF || fn == PSCI_SYSTEM_OFF ||
	    fn == RESET || fn == PSCI_CPU_ON;
}

static void
call(uint32_t cpu, uint32_t insn, uint32_t fn)
{
	uint32_t how;

	if (deadly(fn))
		return;
	how = run_insn_regs(
	    insn, fn, dice_below(2) != 0 ? RAM + dice_below(0x10000) : dice(), dice(), dice());
	if (how == BACK)
		back[cpu]++;
	else if (how == BY_UNDEF)
		undef[cpu]++;
	else
		fail("call %x ended with exception %u", fn, how);
}

static void
storm(uint32_t cpu)
{
	uint32_t i;

	for (i = 0; i < 64; i++) {
		call(cpu, HVC0, i);
		call(cpu, HVC0, HVC_MICRO + i);
		call(cpu, HVC0, 0x0badca00u + i);
		call(cpu, HVC0, PSCI_FNS + i);
		call(cpu, HVC0, 0xc4000000u + i);
		call(cpu, HVC0, 0x80000000u + i);
		call(cpu, HVC0, 0x86000000u + i);
		call(cpu, SMC0, PSCI_FNS + i);
		call(cpu, SMC0, i);
		call(cpu, HVC0 | (i + 1), i);
		call(cpu, HVC0 | (dice_below(0xfff) + 1) << 8, HVC_MICRO + (i & 7));
	}
	while (!time_is_up(1500)) {
		call(cpu, HVC0, dice());
		call(cpu, HVC0, HVC_MICRO + dice_below(16));
		call(cpu, SMC0 | dice_below(16), dice());
		check(hvc(PSCI_VERSION, 0, 0, 0) >= 2);
	}
}

void
test_main(void)
{
	hostile_begin();
	on_all_cpus(storm);
	check(back[0] > 100 && undef[0] > 100);
}
