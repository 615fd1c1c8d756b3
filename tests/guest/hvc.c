/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * HVC: PSCI's version and features, SMCCC's, and that a call changes r0 alone.
 */
#include "guest.h"

#define UNKNOWN 0x8400ff00u

/* All registers that C may keep over a call, and r1-r3, r12 besides (SMCCC 1.1). */
static bool
preserves(uint32_t fn)
{
	register uint32_t r0 __asm__("r0") = fn;
	uint32_t ok;

	__asm__ volatile(
	    "push {r4-r11}\n"
	    "mov r1, #0x11\n mov r2, #0x12\n mov r3, #0x13\n mov r4, #0x14\n"
	    "mov r5, #0x15\n mov r6, #0x16\n mov r7, #0x17\n mov r8, #0x18\n"
	    "mov r9, #0x19\n mov r10, #0x1a\n mov r11, #0x1b\n mov r12, #0x1c\n"
	    ".inst 0xe1400070\n"
	    "cmp r1, #0x11\n cmpeq r2, #0x12\n cmpeq r3, #0x13\n cmpeq r4, #0x14\n"
	    "cmpeq r5, #0x15\n cmpeq r6, #0x16\n cmpeq r7, #0x17\n cmpeq r8, #0x18\n"
	    "cmpeq r9, #0x19\n cmpeq r10, #0x1a\n cmpeq r11, #0x1b\n cmpeq r12, #0x1c\n"
	    "moveq r1, #1\n movne r1, #0\n"
	    "pop {r4-r11}\n"
	    "mov %1, r1\n"
	    : "+r"(r0), "=r"(ok)
	    :
	    : "r1", "r2", "r3", "r12", "cc", "memory");
	return ok != 0;
}

void
test_main(void)
{
	uint32_t version = hvc(PSCI_VERSION, 0, 0, 0);
	unsigned int i;

	print("PSCI %u.%u", version >> 16, version & 0xffff);
	check(version >= 2 && version >> 16 < 2);
	check(preserves(PSCI_VERSION));
	check(preserves(UNKNOWN));
	check_eq(hvc(UNKNOWN, 0, 0, 0), -1);
	check_eq(hvc(PSCI_MIGRATE_TYPE, 0, 0, 0), 2);
	if (version >= 0x10000) {
		check_eq(hvc(PSCI_FEATURES, PSCI_CPU_ON, 0, 0), 0);
		check_eq(hvc(PSCI_FEATURES, UNKNOWN, 0, 0), -1);
		if (hvc(PSCI_FEATURES, SMCCC_VERSION, 0, 0) == 0) {
			check(hvc(SMCCC_VERSION, 0, 0, 0) >= 0x10001);
			check_eq(hvc(SMCCC_FEATURES, SMCCC_VERSION, 0, 0), 0);
			check_eq(hvc(SMCCC_FEATURES, UNKNOWN, 0, 0), -1);
		}
	}
	for (i = 0; i < 1000; i++)
		check_eq(hvc(PSCI_VERSION, i, i, i), version);
}
