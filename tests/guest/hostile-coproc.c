/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * All coprocessors by all their instructions, in ARM and Thumb, VFP off and on, from PL1 and PL0.
 */
#include "hostile.h"

#define CPS_USER       0xf1020010u
#define THUMB_CPS_USER 0xf3af8110u

static uint32_t scratch[1024] __attribute__((aligned(4096)));
static uint32_t ends[8];

/* In T32 the coprocessor instructions have the encodings of A32 with condition AL, or 2 forms. */
static void
all_ways(uint32_t insn)
{
	struct code c = { .n = 0 };
	uint32_t how;

	how = dice_below(8);
	c.thumb = how & 1;
	if ((how & 6) == 0)
		c.words[c.n++] = c.thumb != 0 ? THUMB_CPS_USER : CPS_USER;
	c.words[c.n++] = insn;
	c.r[0] = c.r[1] = dice();
	c.r[2] = dice_below(2) != 0 ? (uint32_t)&scratch[512] : HOLE;
	c.r[3] = PL011;
	ends[run_code(&c) & 7]++;
}

static uint32_t
random_insn(uint32_t cp)
{
	uint32_t top = dice_below(4) == 0 ? 0xf0000000u : 0xe0000000u;
	uint32_t body = dice() & 0x00ffffffu, rd = dice_below(2);

	body = (body & ~0xf00u) | cp << 8;
	switch (dice_below(3)) {
	case 0: /* CDP, MCR, MRC */
		body = (body & ~0xf000u) | rd << 12;
		return top | 0x0e000000u | body;
	case 1: /* MCRR, MRRC */
		return top | 0x0c400000u | (body & 0x001000ffu) | cp << 8 | 1u << 16 | rd << 12;
	default: /* LDC, STC: base r2 or r3, no large offsets */
		body = (body & ~0x0f0000fcu & ~0x000f0000u) | (2 + rd) << 16;
		return top | 0x0c000000u | body;
	}
}

static void
many(uint32_t rounds)
{
	uint32_t cp, i;

	watch();
	for (cp = 0; cp < 16; cp++) {
		if (cp >= 14) /* hostile-sysreg has these */
			continue;
		for (i = 0; i < rounds; i++)
			all_ways(random_insn(cp));
	}
}

void
test_main(void)
{
	hostile_begin();
	many(40);
	mcr(0, c1, c0, 2, 0x00f00000); /* CPACR: VFP for all */
	isb();
	many(40);
	__asm__ volatile(".fpu neon\n vmsr fpexc, %0" : : "r"(0x40000000));
	many(120);
	__asm__ volatile(".fpu neon\n vmsr fpexc, %0" : : "r"(0xffffffff));
	many(40);
	uart_sane();
	print("%u done, %u undefined", ends[BACK], ends[BY_UNDEF]);
	check(ends[BY_UNDEF] > 100);
}
