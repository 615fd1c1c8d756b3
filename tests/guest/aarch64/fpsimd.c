/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Floating point and Advanced SIMD: off at reset, all registers kept over exits of every kind.
 */
#include "../guest.h"

#define FPEN (3u << 20)	 /* CPACR_EL1 */
#define FPCR 0x00c00000u /* RMode: towards zero */

#define ALL(op)                                                                                   \
	op " q0, q1, [%0]\n" op " q2, q3, [%0, #32]\n" op " q4, q5, [%0, #64]\n" op               \
	   " q6, q7, [%0, #96]\n" op " q8, q9, [%0, #128]\n" op " q10, q11, [%0, #160]\n" op      \
	   " q12, q13, [%0, #192]\n" op " q14, q15, [%0, #224]\n" op " q16, q17, [%0, #256]\n" op \
	   " q18, q19, [%0, #288]\n" op " q20, q21, [%0, #320]\n" op " q22, q23, [%0, #352]\n" op \
	   " q24, q25, [%0, #384]\n" op " q26, q27, [%0, #416]\n" op " q28, q29, [%0, #448]\n" op \
	   " q30, q31, [%0, #480]\n"

static uint64_t in[64] __attribute__((aligned(16))), out[64] __attribute__((aligned(16)));

static void
handler(uint32_t intid)
{
	(void)intid;
	cntv_set(0, 0);
}

static void
disturb(uint32_t n)
{
	(void)hvc(PSCI_VERSION, 0, 0, 0);
	(void)rd32(UART_FR);
	(void)rd32(GICD_IIDR);
	cntv_set(cntvct() + cntfrq() / 2000, 1);
	while (irq_count[INTID_VTIMER] < n)
		wfi();
}

void
test_main(void)
{
	uint32_t i, n;

	msr(cpacr_el1, 0);
	isb();
	catch_begin();
	__asm__ volatile(".arch armv8-a\n fmov d0, #1.0");
	check_eq(catch_end(), 1); /* CPACR_EL1 denies it */
	check_eq(caught.fsr >> 26, 0x07);
	msr(cpacr_el1, FPEN);
	isb();
	gic_init();
	irq_handler[INTID_VTIMER] = handler;
	gic_enable(INTID_VTIMER);
	irq_on();
	for (n = 1; n <= 20; n++) {
		for (i = 0; i < 64; i++)
			in[i] = (uint64_t)(n * 2654435761u) << 32 | (i * 40503u + n);
		msr(fpcr, FPCR);
		msr(fpsr, n & 0x1f);
		__asm__ volatile(".arch armv8-a\n" ALL("ldp") : : "r"(in) : "memory");
		disturb(n);
		__asm__ volatile(".arch armv8-a\n" ALL("stp") : : "r"(out) : "memory");
		for (i = 0; i < 64; i++)
			if (in[i] != out[i])
				fail("half %u is %x %x", i, (uint32_t)(out[i] >> 32),
				    (uint32_t)out[i]);
		check_eq(mrs(fpcr), FPCR);
		check_eq(mrs(fpsr), n & 0x1f);
	}
	__asm__ volatile(".arch armv8-a\n movi v0.4s, #3\n movi v1.4s, #5\n"
			 "mul v2.4s, v0.4s, v1.4s\n umov %w0, v2.s[3]\n"
			 : "=r"(i));
	check_eq(i, 15);
}
