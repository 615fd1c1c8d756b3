/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What guest.h says in instructions of AArch64.
 */
#ifndef TESTS_GUEST_CPU_H
#define TESTS_GUEST_CPU_H

#include <stdbool.h>
#include <stdint.h>

#define PSCI_CPU_ON	   0xc4000003u
#define PSCI_AFFINITY_INFO 0xc4000004u

#define mrs(reg)                                                \
	({                                                      \
		uint64_t val_;                                  \
		__asm__ volatile("mrs %0, " #reg : "=r"(val_)); \
		val_;                                           \
	})
#define msr(reg, val) __asm__ volatile("msr " #reg ", %0" : : "r"((uint64_t)(val)) : "memory")
#define isb()	      __asm__ volatile("isb" : : : "memory")
#define dsb()	      __asm__ volatile("dsb sy" : : : "memory")
#define dmb()	      __asm__ volatile("dmb ish" : : : "memory")
#define wfi()	      __asm__ volatile("dsb sy; wfi" : : : "memory")
#define irq_on()      __asm__ volatile("msr daifclr, #2" : : : "memory")
#define irq_off()     __asm__ volatile("msr daifset, #2" : : : "memory")

static inline uint64_t
cntvct(void)
{
	isb();
	return mrs(cntvct_el0);
}

/* Off while it changes: the line cannot take back an interrupt that a list register holds. */
static inline void
cntv_set(uint64_t cval, uint32_t ctl)
{
	msr(cntv_ctl_el0, 0);
	isb();
	msr(cntv_cval_el0, cval);
	msr(cntv_ctl_el0, ctl);
	isb();
}

static inline uint32_t
cntv_ctl(void)
{
	return (uint32_t)mrs(cntv_ctl_el0);
}

static inline void
cntv_ctl_set(uint32_t ctl)
{
	msr(cntv_ctl_el0, ctl);
	isb();
}

static inline uint32_t
cntv_tval(void)
{
	return (uint32_t)mrs(cntv_tval_el0);
}

static inline void
cntv_tval_set(uint32_t ticks)
{
	msr(cntv_tval_el0, ticks);
}

static inline uint64_t
cntpct(void)
{
	isb();
	return mrs(cntpct_el0);
}

static inline uint32_t
cntp_ctl(void)
{
	return (uint32_t)mrs(cntp_ctl_el0);
}

static inline void
cntp_ctl_set(uint32_t ctl)
{
	msr(cntp_ctl_el0, ctl);
	isb();
}

static inline uint64_t
cntp_cval(void)
{
	return mrs(cntp_cval_el0);
}

static inline void
cntp_cval_set(uint64_t when)
{
	msr(cntp_cval_el0, when);
}

static inline uint32_t
cntp_tval(void)
{
	return (uint32_t)mrs(cntp_tval_el0);
}

static inline void
cntp_tval_set(uint32_t ticks)
{
	msr(cntp_tval_el0, ticks);
}

static inline uint32_t
mpidr(void)
{
	return (uint32_t)mrs(mpidr_el1);
}

/* To the point of coherency (DDI 0487, DC CVAC). */
static inline void
clean_line(const volatile void *va)
{
	__asm__ volatile("dc cvac, %0" : : "r"(va) : "memory");
}

/* To the point of coherency, and to the point of unification. */
static inline void
clean_invalidate_line(const volatile void *va)
{
	__asm__ volatile("dc civac, %0; dc cvau, %0" : : "r"(va) : "memory");
}

/* This CPU's and all CPUs'. */
static inline void
icache_invalidate_all(void)
{
	__asm__ volatile("ic iallu; ic ialluis; dsb sy; isb" : : : "memory");
}

/* crt.S lays it out. */
struct frame {
	uint64_t x[31], pc, psr, esr;
};

/* ESR_ELx of an abort: DFSC or IFSC says a synchronous external abort, not on a walk; WnR. */
static inline bool
fsr_external(uint32_t esr)
{
	return (esr & 0x3f) == 0x10;
}

static inline bool
fsr_write(uint32_t esr)
{
	return (esr & 0x40) != 0;
}

#endif /* TESTS_GUEST_CPU_H */
