/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What does not exist is UNDEFINED, in ARM and Thumb, and the guest goes on.
 */
#include "guest.h"

#define UNDEF(insn)                                                    \
	do {                                                           \
		catch_begin();                                         \
		__asm__ volatile(insn : : : "r0", "r1", "memory");     \
		if (catch_end() != 1 || caught.vector != VECTOR_UNDEF) \
			fail("%s: no Undefined exception", insn);      \
	} while (0)

__attribute__((naked, noinline)) static void
thumb_smc(void)
{
	__asm__ volatile("adr r0, 1f + 1\n bx r0\n .balign 4\n .thumb\n1: .inst.w 0xf7f08000\n"
			 "bx pc\n nop\n .balign 4\n .arm\n bx lr\n");
}

void
test_main(void)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		UNDEF("mrc p15, 0, r0, c4, c0, 0");
		UNDEF("mcr p15, 3, r0, c4, c3, 3");
		UNDEF("mrc p15, 7, r0, c12, c9, 7");
		UNDEF("mrrc p15, 9, r0, r1, c9");
		UNDEF("mcr p15, 0, r0, c0, c1, 0"); /* ID_PFR0 is read-only */
		UNDEF("mrc p14, 1, r0, c0, c0, 0"); /* trace */
		UNDEF("mrc p0, 0, r0, c0, c0, 0");
		UNDEF("mcr p7, 0, r0, c0, c0, 0");
		UNDEF("cdp p3, 0, c0, c0, c0, 0");
		UNDEF("ldc p5, c0, [sp]");
		UNDEF(".inst 0xe1600070");	    /* smc #0 */
		UNDEF(".inst 0xe7f000f0");	    /* udf #0 */
		UNDEF("mrc p15, 4, r0, c1, c0, 0"); /* HSCTLR is not for PL1 */
		UNDEF("mrc p15, 0, r0, c1, c1, 0"); /* SCR neither */
	}
	catch_begin();
	thumb_smc();
	check_eq(catch_end(), 1);
	/* one whose condition fails is no exception */
	catch_begin();
	__asm__ volatile("cmp r0, r0\n .inst 0x11600070\n mrcne p15, 0, r0, c4, c0, 0"
			 :
			 :
			 : "cc", "memory");
	check_eq(catch_end(), 0);
}
