/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What guest.h says in instructions of ARMv7.
 */
#ifndef TESTS_GUEST_CPU_H
#define TESTS_GUEST_CPU_H

#include <stdbool.h>
#include <stdint.h>

#define PSCI_CPU_ON	   0x84000003u
#define PSCI_AFFINITY_INFO 0x84000004u

#define mrc(opc1, crn, crm, opc2)                                                     \
	({                                                                            \
		uint32_t val_;                                                        \
		__asm__ volatile("mrc p15, " #opc1 ", %0, " #crn ", " #crm ", " #opc2 \
				 : "=r"(val_));                                       \
		val_;                                                                 \
	})
#define mcr(opc1, crn, crm, opc2, val)                                        \
	__asm__ volatile("mcr p15, " #opc1 ", %0, " #crn ", " #crm ", " #opc2 \
			 :                                                    \
			 : "r"((uint32_t)(val))                               \
			 : "memory")
#define isb()	  __asm__ volatile("isb" : : : "memory")
#define dsb()	  __asm__ volatile("dsb sy" : : : "memory")
#define dmb()	  __asm__ volatile("dmb ish" : : : "memory")
#define wfi()	  __asm__ volatile("dsb sy; wfi" : : : "memory")
#define irq_on()  __asm__ volatile("cpsie i" : : : "memory")
#define irq_off() __asm__ volatile("cpsid i" : : : "memory")

static inline uint64_t
cntvct(void)
{
	uint64_t t;

	__asm__ volatile("isb; mrrc p15, 1, %Q0, %R0, c14" : "=r"(t) : : "memory");
	return t;
}

/* Off while it changes: the line cannot take back an interrupt that a list register holds. */
static inline void
cntv_set(uint64_t cval, uint32_t ctl)
{
	mcr(0, c14, c3, 1, 0);
	isb();
	__asm__ volatile("mcrr p15, 3, %Q0, %R0, c14" : : "r"(cval));
	mcr(0, c14, c3, 1, ctl);
	isb();
}

static inline uint32_t
cntv_ctl(void)
{
	return mrc(0, c14, c3, 1);
}

static inline void
cntv_ctl_set(uint32_t ctl)
{
	mcr(0, c14, c3, 1, ctl);
	isb();
}

static inline uint32_t
cntv_tval(void)
{
	return mrc(0, c14, c3, 0);
}

static inline void
cntv_tval_set(uint32_t ticks)
{
	mcr(0, c14, c3, 0, ticks);
}

static inline uint64_t
cntpct(void)
{
	uint64_t t;

	__asm__ volatile("isb; mrrc p15, 0, %Q0, %R0, c14" : "=r"(t) : : "memory");
	return t;
}

static inline uint32_t
cntp_ctl(void)
{
	return mrc(0, c14, c2, 1);
}

static inline void
cntp_ctl_set(uint32_t ctl)
{
	mcr(0, c14, c2, 1, ctl);
	isb();
}

static inline uint64_t
cntp_cval(void)
{
	uint64_t cval;

	__asm__ volatile("mrrc p15, 2, %Q0, %R0, c14" : "=r"(cval));
	return cval;
}

static inline void
cntp_cval_set(uint64_t when)
{
	__asm__ volatile("mcrr p15, 2, %Q0, %R0, c14" : : "r"(when));
}

static inline uint32_t
cntp_tval(void)
{
	return mrc(0, c14, c2, 0);
}

static inline void
cntp_tval_set(uint32_t ticks)
{
	mcr(0, c14, c2, 0, ticks);
}

static inline uint32_t
mpidr(void)
{
	return mrc(0, c0, c0, 5);
}

/* To the point of coherency (DDI 0406C B2.2.7). */
static inline void
clean_line(const volatile void *va)
{
	mcr(0, c7, c10, 1, (uintptr_t)va);
}

/* To the point of coherency, and to the point of unification. */
static inline void
clean_invalidate_line(const volatile void *va)
{
	mcr(0, c7, c14, 1, (uintptr_t)va);
	mcr(0, c7, c11, 1, (uintptr_t)va);
}

/* This CPU's and all CPUs', and branch predictors. */
static inline void
icache_invalidate_all(void)
{
	mcr(0, c7, c5, 0, 0);
	mcr(0, c7, c1, 0, 0);
	mcr(0, c7, c5, 6, 0);
	dsb();
	isb();
}

struct frame {
	uint32_t r[13], lr, pc, psr;
};

/* What a fault's status says: an external abort, in the short format, and a store's. */
static inline bool
fsr_external(uint32_t fsr)
{
	return (fsr & 0x40f) == 0x008;
}

static inline bool
fsr_write(uint32_t fsr)
{
	return (fsr & 0x800) != 0;
}

#endif /* TESTS_GUEST_CPU_H */
