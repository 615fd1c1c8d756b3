/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * System registers and operations of an ARMv7 processor under their architectural
 * names (DDI 0406C B3.17, B4.1, B8), barriers, and device registers, for the C code
 * that runs in HYP, and for the few reads the host side makes at PL1.
 *
 *	uint32_t v = sysreg_read(CNTV_CTL);	sysreg_write(CNTV_CTL, v);
 *	uint64_t t = sysreg_read64(CNTPCT);	sysreg_write64(CNTV_CVAL, t);
 *
 * No access here synchronises: the caller places isb() and dsb() where the manual asks.
 * Builds for another processor (the unit tests) get the same names from the fake's
 * sysreg_fake.h.
 */
#ifndef ARMV7_SYSREG_H
#define ARMV7_SYSREG_H

#include "types.h"

#ifndef __arm__
#include <sysreg_fake.h>
#else

/* ---- 32 bits: coprocessor, opc1, the register, CRn, CRm, opc2 ---- */
#define SYSREG_MIDR	     "p15, 0, %0, c0, c0, 0"
#define SYSREG_CTR	     "p15, 0, %0, c0, c0, 1"
#define SYSREG_MPIDR	     "p15, 0, %0, c0, c0, 5"
#define SYSREG_REVIDR	     "p15, 0, %0, c0, c0, 6"
#define SYSREG_ID_PFR0	     "p15, 0, %0, c0, c1, 0"
#define SYSREG_ID_PFR1	     "p15, 0, %0, c0, c1, 1"
#define SYSREG_ID_MMFR0	     "p15, 0, %0, c0, c1, 4"
#define SYSREG_CSSELR	     "p15, 2, %0, c0, c0, 0"
#define SYSREG_VPIDR	     "p15, 4, %0, c0, c0, 0"
#define SYSREG_VMPIDR	     "p15, 4, %0, c0, c0, 5"
#define SYSREG_SCTLR	     "p15, 0, %0, c1, c0, 0"
#define SYSREG_ACTLR	     "p15, 0, %0, c1, c0, 1"
#define SYSREG_CPACR	     "p15, 0, %0, c1, c0, 2"
#define SYSREG_HSCTLR	     "p15, 4, %0, c1, c0, 0"
#define SYSREG_HCR	     "p15, 4, %0, c1, c1, 0"
#define SYSREG_HDCR	     "p15, 4, %0, c1, c1, 1"
#define SYSREG_HCPTR	     "p15, 4, %0, c1, c1, 2"
#define SYSREG_HSTR	     "p15, 4, %0, c1, c1, 3"
#define SYSREG_TTBCR	     "p15, 0, %0, c2, c0, 2"
#define SYSREG_HTCR	     "p15, 4, %0, c2, c0, 2"
#define SYSREG_VTCR	     "p15, 4, %0, c2, c1, 2"
#define SYSREG_DACR	     "p15, 0, %0, c3, c0, 0"
#define SYSREG_DFSR	     "p15, 0, %0, c5, c0, 0"
#define SYSREG_IFSR	     "p15, 0, %0, c5, c0, 1"
#define SYSREG_ADFSR	     "p15, 0, %0, c5, c1, 0"
#define SYSREG_AIFSR	     "p15, 0, %0, c5, c1, 1"
#define SYSREG_HSR	     "p15, 4, %0, c5, c2, 0"
#define SYSREG_DFAR	     "p15, 0, %0, c6, c0, 0"
#define SYSREG_IFAR	     "p15, 0, %0, c6, c0, 2"
#define SYSREG_HDFAR	     "p15, 4, %0, c6, c0, 0"
#define SYSREG_HIFAR	     "p15, 4, %0, c6, c0, 2"
#define SYSREG_HPFAR	     "p15, 4, %0, c6, c0, 4"
#define SYSREG_PRRR	     "p15, 0, %0, c10, c2, 0"
#define SYSREG_NMRR	     "p15, 0, %0, c10, c2, 1"
#define SYSREG_AMAIR0	     "p15, 0, %0, c10, c3, 0"
#define SYSREG_AMAIR1	     "p15, 0, %0, c10, c3, 1"
#define SYSREG_HMAIR0	     "p15, 4, %0, c10, c2, 0"
#define SYSREG_HMAIR1	     "p15, 4, %0, c10, c2, 1"
#define SYSREG_VBAR	     "p15, 0, %0, c12, c0, 0"
#define SYSREG_HVBAR	     "p15, 4, %0, c12, c0, 0"
#define SYSREG_FCSEIDR	     "p15, 0, %0, c13, c0, 0"
#define SYSREG_CONTEXTIDR    "p15, 0, %0, c13, c0, 1"
#define SYSREG_TPIDRURW	     "p15, 0, %0, c13, c0, 2"
#define SYSREG_TPIDRURO	     "p15, 0, %0, c13, c0, 3"
#define SYSREG_TPIDRPRW	     "p15, 0, %0, c13, c0, 4"
#define SYSREG_HTPIDR	     "p15, 4, %0, c13, c0, 2"
#define SYSREG_CNTFRQ	     "p15, 0, %0, c14, c0, 0"
#define SYSREG_CNTKCTL	     "p15, 0, %0, c14, c1, 0"
#define SYSREG_CNTP_CTL	     "p15, 0, %0, c14, c2, 1"
#define SYSREG_CNTV_TVAL     "p15, 0, %0, c14, c3, 0"
#define SYSREG_CNTV_CTL	     "p15, 0, %0, c14, c3, 1"
#define SYSREG_CNTHCTL	     "p15, 4, %0, c14, c1, 0"
#define SYSREG_CNTHP_CTL     "p15, 4, %0, c14, c2, 1"
#define SYSREG_TEECR	     "p14, 6, %0, c0, c0, 0"
#define SYSREG_TEEHBR	     "p14, 6, %0, c1, c0, 0"

/* ---- operations, written like registers (DDI 0406C B4.2) ---- */
#define SYSREG_ATS1CPR	     "p15, 0, %0, c7, c8, 0"
#define SYSREG_DCCMVAC	     "p15, 0, %0, c7, c10, 1"
#define SYSREG_DCCMVAU	     "p15, 0, %0, c7, c11, 1"
#define SYSREG_DCCIMVAC	     "p15, 0, %0, c7, c14, 1"
#define SYSREG_ICIALLUIS     "p15, 0, %0, c7, c1, 0"
#define SYSREG_ICIALLU	     "p15, 0, %0, c7, c5, 0"
#define SYSREG_BPIALLIS	     "p15, 0, %0, c7, c1, 6"
#define SYSREG_BPIALL	     "p15, 0, %0, c7, c5, 6"
#define SYSREG_TLBIALL	     "p15, 0, %0, c8, c7, 0"
#define SYSREG_TLBIALLIS     "p15, 0, %0, c8, c3, 0"
#define SYSREG_TLBIMVAIS     "p15, 0, %0, c8, c3, 1"
#define SYSREG_TLBIALLH	     "p15, 4, %0, c8, c7, 0"
#define SYSREG_TLBIMVAHIS    "p15, 4, %0, c8, c3, 1"
#define SYSREG_TLBIALLNSNHIS "p15, 4, %0, c8, c3, 4"
#define SYSREG_TLBIALLNSNH   "p15, 4, %0, c8, c7, 4"

/* ---- 64 bits: coprocessor, opc1, the pair, CRm ---- */
#define SYSREG64_TTBR0	     "p15, 0, %Q0, %R0, c2"
#define SYSREG64_TTBR1	     "p15, 1, %Q0, %R0, c2"
#define SYSREG64_HTTBR	     "p15, 4, %Q0, %R0, c2"
#define SYSREG64_VTTBR	     "p15, 6, %Q0, %R0, c2"
#define SYSREG64_PAR	     "p15, 0, %Q0, %R0, c7"
#define SYSREG64_CNTPCT	     "p15, 0, %Q0, %R0, c14"
#define SYSREG64_CNTVCT	     "p15, 1, %Q0, %R0, c14"
#define SYSREG64_CNTP_CVAL   "p15, 2, %Q0, %R0, c14"
#define SYSREG64_CNTV_CVAL   "p15, 3, %Q0, %R0, c14"
#define SYSREG64_CNTVOFF     "p15, 4, %Q0, %R0, c14"

#define sysreg_read(name)                                            \
	({                                                           \
		uint32_t val_;                                       \
		__asm__ volatile("mrc " SYSREG_##name : "=r"(val_)); \
		val_;                                                \
	})
#define sysreg_write(name, val) \
	__asm__ volatile("mcr " SYSREG_##name : : "r"((uint32_t)(val)) : "memory")
#define sysreg_read64(name)                                             \
	({                                                              \
		uint64_t val_;                                          \
		__asm__ volatile("mrrc " SYSREG64_##name : "=r"(val_)); \
		val_;                                                   \
	})
#define sysreg_write64(name, val) \
	__asm__ volatile("mcrr " SYSREG64_##name : : "r"((uint64_t)(val)) : "memory")

/* ---- barriers (DDI 0406C A3.8.3) ---- */
#define isb()	    __asm__ volatile("isb" : : : "memory")
#define dsb(domain) __asm__ volatile("dsb " #domain : : : "memory") /* dsb(ish), dsb(sy) .. */
#define dmb(domain) __asm__ volatile("dmb " #domain : : : "memory")

/* ---- device registers: one 32-bit access each, in program order among themselves ---- */
static inline uint32_t
dev_read32(hyp_va_t base, uint32_t offset)
{
	return *(const volatile uint32_t *)(base.a + offset);
}

static inline void
dev_write32(hyp_va_t base, uint32_t offset, uint32_t val)
{
	*(volatile uint32_t *)(base.a + offset) = val;
}

#endif /* __arm__ */
#endif /* ARMV7_SYSREG_H */
