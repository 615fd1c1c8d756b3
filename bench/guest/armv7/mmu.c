/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * See bench.h.
 */
#include "../bench.h"

#define RAM_MB (0x40000000u >> 20)

/*
 * Sections, all of domain 0: RAM is Normal, write-back, write-allocate, shareable, which is what
 * the VMM's processes see it as; all else is Device.  The table is written past the caches, and
 * walked past them.
 */
void
mmu_on(void)
{
	static uint32_t table[4096] __attribute__((aligned(16384)));
	const uint32_t ram = 0x00011c0eu, device = 0x00000c16u;
	uint32_t mb, sctlr;

	for (mb = 0; mb < 4096; mb++)
		table[mb] = mb << 20 | (mb >= RAM_MB ? ram : device);
	__asm__ volatile("mcr p15, 0, %0, c7, c5, 0\n\t" /* ICIALLU */
			 "mcr p15, 0, %0, c8, c7, 0\n\t" /* TLBIALL */
			 "mcr p15, 0, %0, c2, c0, 2\n\t" /* TTBCR */
			 "mcr p15, 0, %1, c2, c0, 0\n\t" /* TTBR0 */
			 "mcr p15, 0, %2, c3, c0, 0\n\t" /* DACR */
			 "dsb\n\tisb" ::"r"(0),
			 "r"(table), "r"(1)
			 : "memory");
	__asm__ volatile("mrc p15, 0, %0, c1, c0, 0" : "=r"(sctlr));
	sctlr |= 1u << 0 | 1u << 2 | 1u << 11 | 1u << 12; /* M, C, Z, I */
	__asm__ volatile("mcr p15, 0, %0, c1, c0, 0\n\tisb" ::"r"(sctlr) : "memory");
}
