/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What bench.h says in instructions of ARMv7.
 */
#ifndef BENCH_CPU_H
#define BENCH_CPU_H

#include <stdint.h>

static inline uint64_t
cntvct(void)
{
	uint64_t t;

	__asm__ volatile("isb; mrrc p15, 1, %Q0, %R0, c14" : "=r"(t)::"memory");
	return t;
}

static inline uint32_t
cntfrq(void)
{
	uint32_t frq;

	__asm__ volatile("mrc p15, 0, %0, c14, c0, 0" : "=r"(frq));
	return frq;
}

static inline void
cntv_ctl(uint32_t v)
{
	__asm__ volatile("mcr p15, 0, %0, c14, c3, 1; isb" ::"r"(v) : "memory");
}

static inline void
cntv_cval(uint64_t t)
{
	__asm__ volatile("mcrr p15, 3, %Q0, %R0, c14" ::"r"(t) : "memory");
}

static inline uint32_t
hvc(uint32_t fn)
{
	register uint32_t r0 __asm__("r0") = fn;

	__asm__ volatile(".arch_extension virt; hvc #0" : "+r"(r0)::"r1", "r2", "r3", "memory");
	return r0;
}

static inline void
irq_on(void)
{
	__asm__ volatile("cpsie i; isb" ::: "memory");
}

static inline void
irq_off(void)
{
	__asm__ volatile("cpsid i" ::: "memory");
}

static inline void
wfi(void)
{
	__asm__ volatile("dsb; wfi" ::: "memory");
}

#endif /* BENCH_CPU_H */
