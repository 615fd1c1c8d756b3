/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The well-behaved VM beside the hostile ones: a timer interrupt 50 times a second, memory,
 * registers, VFP and shared state that must stay what they were; says "tick N" every tenth
 * interrupt, for ever.
 */
#include "guest.h"

#define WORDS 16384u

static uint32_t data[WORDS];

static void
handler(uint32_t intid)
{
	(void)intid;
	cntv_set(cntvct() + cntfrq() / 50, 1);
}

/* All registers that one can keep over an interrupt and a few exits */
__attribute__((noinline)) static bool
registers_stay(uint32_t seed)
{
	uint32_t ok;

	__asm__ volatile(
	    ".fpu neon\n"
	    "add r1, %1, #1\n add r2, %1, #2\n add r3, %1, #3\n add r5, %1, #5\n"
	    "add r8, %1, #8\n add r9, %1, #9\n add r10, %1, #10\n add r12, %1, #12\n"
	    "vmov d0, r1, r2\n vmov d31, r3, r5\n"
	    "wfi\n"
	    "mov %0, #0\n"
	    "sub r1, r1, #1\n cmp r1, %1\n bne 1f\n sub r2, r2, #2\n cmp r2, %1\n bne 1f\n"
	    "sub r3, r3, #3\n cmp r3, %1\n bne 1f\n sub r5, r5, #5\n cmp r5, %1\n bne 1f\n"
	    "sub r8, r8, #8\n cmp r8, %1\n bne 1f\n sub r9, r9, #9\n cmp r9, %1\n bne 1f\n"
	    "sub r10, r10, #10\n cmp r10, %1\n bne 1f\n sub r12, r12, #12\n cmp r12, %1\n bne 1f\n"
	    "vmov r1, r2, d0\n vmov r3, r5, d31\n"
	    "sub r1, r1, #1\n cmp r1, %1\n bne 1f\n sub r5, r5, #5\n cmp r5, %1\n bne 1f\n"
	    "mov %0, #1\n"
	    "1:\n"
	    : "=&r"(ok)
	    : "r"(seed)
	    : "r1", "r2", "r3", "r5", "r8", "r9", "r10", "r12", "cc", "memory");
	return ok != 0;
}

void
test_main(void)
{
	uint32_t i, n = 0, said = 0;

	mcr(0, c1, c0, 2, 0x00f00000);
	isb();
	__asm__ volatile(".fpu neon\n vmsr fpexc, %0" : : "r"(0x40000000));
	gic_init();
	irq_handler[INTID_VTIMER] = handler;
	gic_enable(INTID_VTIMER);
	handler(0);
	irq_on();
	mcr(0, c13, c0, 2, 0x600dcafe);
	for (;; n++) {
		for (i = n & 15; i < WORDS; i += 16)
			data[i] = i ^ n;
		check(registers_stay(n));
		for (i = n & 15; i < WORDS; i += 16)
			check_eq(data[i], i ^ n);
		check_eq(mrc(0, c13, c0, 2), 0x600dcafe);
		if (irq_count[INTID_VTIMER] >= said + 10) {
			said = irq_count[INTID_VTIMER];
			print("tick %u", said);
		}
	}
}
