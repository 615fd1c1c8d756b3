/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What a guest reads of its CPU, and that writing changes none of it.
 */
#include "guest.h"

void
test_main(void)
{
	uint32_t midr = mrc(0, c0, c0, 0), actlr, i;

	print("MIDR %x MPIDR %x PFR0 %x PFR1 %x DFR0 %x MMFR0 %x", midr, mrc(0, c0, c0, 5),
	    mrc(0, c0, c1, 0), mrc(0, c0, c1, 1), mrc(0, c0, c1, 2), mrc(0, c0, c1, 4));
	check_eq(midr >> 16 & 0xf, 0xf); /* described by CPUID */
	check_eq(mrc(0, c0, c0, 5), 0x80000000);
	/* QEMU does not model HCR.TID3 for ARMv7: its guest's guest sees the CPU's */
	if ((mrc(0, c0, c1, 1) & 0xf0f0) != 0)
		print("ID_PFR1 shows Security or Virtualization");
	check_eq(mrc(0, c0, c1, 1) >> 16 & 0xf, 1);  /* generic timer */
	check_eq(mrc(0, c0, c1, 0) & 0xf, 1);	     /* ARM */
	check_eq(mrc(0, c0, c1, 0) >> 4 & 0xf, 3);   /* Thumb-2 */
	check((mrc(0, c0, c1, 4) & 0xf) >= 3);	     /* VMSAv7 */
	check((mrc(0, c0, c2, 0) >> 24 & 0xf) >= 1); /* divide */
	check_eq(mrc(0, c0, c7, 7), 0);		     /* reserved */
	for (i = 0; i < 1000; i++)
		check_eq(mrc(0, c0, c1, 0) & 0xf, 1);
	actlr = mrc(0, c1, c0, 1);
	mcr(0, c1, c0, 1, actlr);
	check_eq(mrc(0, c1, c0, 1), actlr);
	check((mrc(1, c0, c0, 1) & 7) != 0);   /* CLIDR: there is a cache */
	check((mrc(0, c0, c0, 1) >> 29) == 4); /* CTR: ARMv7 */
	check_eq(
	    mrc(0, c1, c0, 0) & (GUEST_MMU ? 0u : 5u), 0); /* MMU and caches off at the start */
	mcr(0, c13, c0, 2, 0x12345678);			   /* TPIDRURW */
	mcr(0, c13, c0, 3, 0x23456789);			   /* TPIDRURO */
	mcr(0, c13, c0, 4, 0x3456789a);			   /* TPIDRPRW */
	print("still there?");
	check_eq(mrc(0, c13, c0, 2), 0x12345678);
	check_eq(mrc(0, c13, c0, 3), 0x23456789);
	check_eq(mrc(0, c13, c0, 4), 0x3456789a);
}
