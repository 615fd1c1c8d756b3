/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What does not exist at EL1 is UNDEFINED, and the guest goes on.
 */
#include "../guest.h"

#define UNDEF(insn)                                                    \
	do {                                                           \
		catch_begin();                                         \
		__asm__ volatile(insn : : : "x0", "memory");           \
		if (catch_end() != 1 || caught.vector != VECTOR_UNDEF) \
			fail("%s: no Undefined exception", insn);      \
	} while (0)

void
test_main(void)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		UNDEF("udf #0");
		UNDEF("smc #0");
		UNDEF("mrs x0, hcr_el2");
		UNDEF("msr vbar_el2, x0");
		UNDEF("mrs x0, sctlr_el3");
		UNDEF("mrs x0, vttbr_el2");
		UNDEF("tlbi alle2");
		UNDEF("tlbi vmalls12e1");
		UNDEF("at s12e1r, x0");
		UNDEF("msr s3_0_c0_c1_0, x0");	 /* ID_PFR0_EL1 is read-only */
		UNDEF("mrs x0, s3_0_c4_c0_7");	 /* no such register */
		UNDEF("mrs x0, s3_5_c1_c0_0");	 /* SCTLR_EL12, but at EL2 with E2H */
		UNDEF("mrs x0, s2_1_c0_c0_1");	 /* trace */
		UNDEF("mrs x0, s2_7_c15_c15_7"); /* debug, no such register */
		UNDEF(".inst 0x00000000");	 /* udf, too */
		UNDEF(".inst 0xd4c00001");	 /* between HLT and DCPS */
		UNDEF(".inst 0x04000000");	 /* SVE's ADD: there is none, or it is off */
	}
	check_eq(mrs(currentel), 4);
}
