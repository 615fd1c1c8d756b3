/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What a guest reads of its CPU, and that writing changes none of it.
 */
#include "../guest.h"

static uint32_t
field(uint64_t reg, unsigned int shift)
{
	return reg >> shift & 0xf;
}

void
test_main(void)
{
	uint64_t pfr0 = mrs(id_aa64pfr0_el1), mmfr0 = mrs(id_aa64mmfr0_el1);
	uint32_t i;

	print("MIDR %x MPIDR %x PFR0 %x DFR0 %x MMFR0 %x", (uint32_t)mrs(midr_el1), mpidr(),
	    (uint32_t)pfr0, (uint32_t)mrs(id_aa64dfr0_el1), (uint32_t)mmfr0);
	check_eq(field(mrs(midr_el1), 16), 0xf); /* described by ID registers */
	check_eq(mpidr() & 0xc0ffffff, 0x80000000);
	check(field(pfr0, 4) != 0);		    /* EL1 */
	check_eq(field(pfr0, 8), 0);		    /* no EL2 for a guest */
	check_eq(field(pfr0, 12), 0);		    /* no EL3 */
	check(field(pfr0, 16) <= 1);		    /* FP; 1 is with half precision */
	check_eq(field(pfr0, 20), field(pfr0, 16)); /* Advanced SIMD */
	/* GICD_PIDR2.ArchRev belongs to what ID_AA64PFR0_EL1.GIC says */
	check_eq(rd32(GICD + (gic_version() == 3 ? 0xffe8u : 0xfe8u)) >> 4 & 0xf, gic_version());
	if (field(pfr0, 32) == 0)
		print("no SVE");
	check(field(mmfr0, 28) != 0xf);		    /* 4 KiB granule */
	check(field(mrs(id_aa64dfr0_el1), 0) >= 6); /* debug architecture */
	check_eq((uint32_t)mrs(s3_0_c0_c7_7), 0);   /* reserved: zero */
	check_eq((uint32_t)mrs(s3_0_c0_c4_7), 0);   /* reserved: zero */
	for (i = 0; i < 1000; i++)
		check(mrs(id_aa64pfr0_el1) == pfr0);
	check((mrs(clidr_el1) & 7) != 0);	  /* there is a cache */
	check_eq(field(mrs(ctr_el0), 28) & 8, 8); /* RES1 */
	/* MMU and caches off at the start */
	check_eq(mrs(sctlr_el1) & (GUEST_MMU ? 0u : 5u), 0);
	msr(tpidr_el0, 0x123456789abcdef0);
	msr(tpidrro_el0, 0x23456789abcdef01);
	msr(tpidr_el1, 0x3456789abcdef012);
	msr(contextidr_el1, 0x56789abc);
	msr(amair_el1, 0);
	print("still there?");
	check(mrs(tpidr_el0) == 0x123456789abcdef0);
	check(mrs(tpidrro_el0) == 0x23456789abcdef01);
	check(mrs(tpidr_el1) == 0x3456789abcdef012);
	check(mrs(contextidr_el1) == 0x56789abc);
}
