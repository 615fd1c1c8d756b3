/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Games with CPSR: all 32 modes by MSR, CPS, exception return, RFE and SRS, with every
 * combination of T, J and E; Jazelle and ThumbEE; VFP in all modes.
 */
#include "hostile.h"

static uint32_t ends[8];

static void
note(uint32_t how)
{
	ends[how & 7]++;
}

/* SVC in both states; in A32 with condition LE */
static const uint32_t sled[64] = { [0 ... 63] = 0xdf00df00 };
#define LE 0x40000000u

static void
by_msr(uint32_t psr)
{
	psr &= ~0x01000020u;			       /* J and T are not for MSR */
	note(run_insn_regs(0xe129f000, psr, 0, 0, 0)); /* msr cpsr_fc, r0 */
	note(run_insn_regs(0xe12ff000, psr, 0, 0, 0)); /* msr cpsr_fsxc, r0 */
}

static void
by_return(uint32_t psr)
{
	struct code c = { .n = 3, .words = { 0xe16ff000, 0xe1a0e001, 0xe1b0f00e } };

	c.r[0] = psr;
	c.r[1] = (uint32_t)sled;
	note(run_code(&c)); /* msr spsr_fsxc, r0; mov lr, r1; movs pc, lr */
}

static void
by_rfe(uint32_t psr)
{
	struct code c = { .n = 2, .words = { 0xe92d0003, 0xf8bd0a00 } };

	c.r[0] = (uint32_t)sled;
	c.r[1] = psr;
	note(run_code(&c)); /* push {r0, r1}; rfeia sp! */
}

static void
in_mode(uint32_t mode)
{
	struct code c = { .n = 2, .words = { 0xf1020000 | mode, 0 } };

	c.words[1] = 0xe10f0000; /* mrs r0, cpsr */
	note(run_code(&c));
	c.words[1] = 0xe14f0000; /* mrs r0, spsr */
	note(run_code(&c));
	c.words[1] = 0xecb00b20; /* vldmia r0!, {d0-d15}: at 0 */
	note(run_code(&c));
	c.words[1] = 0xee300b01; /* vadd.f64 d0, d0, d1 */
	note(run_code(&c));
	c.words[1] = 0xe1400070; /* hvc, with r0 a call nobody knows */
	c.r[0] = 0x8400ff00;
	note(run_code(&c));
	c.words[1] = 0xf96d0500 | mode; /* srsdb sp!, of that mode from that mode */
	note(run_code(&c));
	c.words[1] = 0xe12f0f20; /* bxj r0 */
	note(run_code(&c));
}

static void
banked(void)
{
	uint32_t i;

	for (i = 0; i < 64; i++) { /* MRS (banked), MSR (banked) of each SYSm and R (B9.3.9) */
		uint32_t insn = 0xe1000200 | (i & 15) << 16 | (i >> 4 & 1) << 8;

		note(run_insn(insn | (i >> 5) << 22));
		if (i != 19) /* SP_svc: our own stack */
			note(run_insn(insn | (i >> 5) << 22 | 1u << 21 | 0xf000));
	}
}

static void
thumbee(void)
{
	struct code c = { .n = 2, .thumb = 1, .words = { 0xf3bf8f1f, 0xf3bf8f0f } };

	note(run_insn(0xee161e10));				/* TEECR */
	note(run_insn_regs(0xee060e10, 1, 0, 0, 0));		/* TEECR.XED */
	note(run_insn_regs(0xee010e16 | 6u << 21, 0, 0, 0, 0)); /* TEEHBR */
	note(run_code(&c));					/* ENTERX, LEAVEX */
	note(run_insn_regs(0xe12fff20, HOLE, 0, 0, 0));
	note(run_insn_regs(0xee172e10, 0, 0, 0, 0));		/* JIDR */
	note(run_insn_regs(0xee022e10 | 7u << 21, 1, 0, 0, 0)); /* JMCR.JE */
	note(run_insn_regs(0xe12fff20, (uint32_t)sled, 0, 0, 0));
}

void
test_main(void)
{
	uint32_t mode, bits, n;

	hostile_begin();
	gic_init();
	watch();
	for (n = 0; n < 3; n++) {
		for (mode = 0; mode < 32; mode++) {
			for (bits = 0; bits < 8; bits++) { /* E, J, T */
				uint32_t psr = LE | 0x140 | mode | (bits & 1) << 5 |
				    (bits & 2) << 23 | (bits & 4) << 7;

				by_msr(psr);
				by_return(psr);
				by_rfe(psr);
				by_return(psr | 0x0600fc00); /* in an IT block */
			}
			in_mode(mode);
		}
		banked();
		thumbee();
		mcr(0, c1, c0, 2, 0x00f00000);
		isb();
		__asm__ volatile(".fpu neon\n vmsr fpexc, %0" : : "r"(n == 0 ? 0 : 0x40000000));
	}
	print("%u done, %u undefined, %u others", ends[BACK], ends[BY_UNDEF],
	    ends[BY_SVC] + ends[BY_PABT] + ends[BY_DABT] + ends[BY_FIQ]);
	check(ends[BACK] > 100);
}
