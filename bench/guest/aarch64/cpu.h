/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What bench.h says in instructions of AArch64.
 */
#ifndef BENCH_CPU_H
#define BENCH_CPU_H

#include <stdint.h>

static inline uint64_t
cntvct(void)
{
	uint64_t t;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(t)::"memory");
	return t;
}

static inline uint32_t
cntfrq(void)
{
	uint64_t frq;

	__asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frq));
	return (uint32_t)frq;
}

static inline void
cntv_ctl(uint64_t v)
{
	__asm__ volatile("msr cntv_ctl_el0, %0; isb" ::"r"(v) : "memory");
}

static inline void
cntv_cval(uint64_t t)
{
	__asm__ volatile("msr cntv_cval_el0, %0" ::"r"(t) : "memory");
}

/* SMCCC 1.0 lets a call change x4-x17 as well. */
static inline uint32_t
hvc(uint32_t fn)
{
	register uint64_t x0 __asm__("x0") = fn;

	__asm__ volatile("hvc #0"
			 : "+r"(x0)::"x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10",
			 "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");
	return (uint32_t)x0;
}

static inline void
irq_on(void)
{
	__asm__ volatile("msr daifclr, #2; isb" ::: "memory");
}

static inline void
irq_off(void)
{
	__asm__ volatile("msr daifset, #2" ::: "memory");
}

static inline void
wfi(void)
{
	__asm__ volatile("dsb sy; wfi" ::: "memory");
}

#endif /* BENCH_CPU_H */
