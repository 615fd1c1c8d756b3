/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * System registers and operations of an AArch64 processor (DDI 0487 D19, C5), barriers, and device
 * registers, for the C code that runs at EL2, and for the few accesses the host side makes at EL1.
 * Where ARMv7 has a register of the same job and code in sys/arm uses it, the name is ARMv7's.
 *
 *	uint64_t v = sysreg_read(CNTV_CTL);	sysreg_write(CNTV_CTL, v);
 *
 * No access here synchronises: the caller places isb() and dsb() where the manual asks.
 * Builds for another processor (the unit tests) get the same names from the fake's
 * sysreg_fake.h.
 */
#ifndef AARCH64_SYSREG_H
#define AARCH64_SYSREG_H

#include "types.h"

#ifndef __aarch64__
#include <sysreg_fake.h>
#else

/* ---- EL1 and EL0 ---- */
#define SYSREG_MIDR	    "midr_el1"
#define SYSREG_CTR	    "ctr_el0"
#define SYSREG_CURRENTEL    "currentel"
#define SYSREG_ISR	    "isr_el1"
#define SYSREG_SCTLR	    "sctlr_el1"
#define SYSREG_ACTLR	    "actlr_el1"
#define SYSREG_CPACR	    "cpacr_el1"
#define SYSREG_TTBR0	    "ttbr0_el1"
#define SYSREG_TTBR1	    "ttbr1_el1"
#define SYSREG_TCR	    "tcr_el1"
#define SYSREG_ESR	    "esr_el1"
#define SYSREG_AFSR0	    "afsr0_el1"
#define SYSREG_AFSR1	    "afsr1_el1"
#define SYSREG_FAR	    "far_el1"
#define SYSREG_PAR	    "par_el1"
#define SYSREG_MAIR	    "mair_el1"
#define SYSREG_AMAIR	    "amair_el1"
#define SYSREG_VBAR	    "vbar_el1"
#define SYSREG_CONTEXTIDR   "contextidr_el1"
#define SYSREG_TPIDR_EL0    "tpidr_el0"
#define SYSREG_TPIDRRO	    "tpidrro_el0"
#define SYSREG_TPIDR_EL1    "tpidr_el1"
#define SYSREG_CSSELR	    "csselr_el1"
#define SYSREG_CNTKCTL	    "cntkctl_el1"
#define SYSREG_MDSCR	    "mdscr_el1"
#define SYSREG_SP_EL0	    "sp_el0"
#define SYSREG_SP_EL1	    "sp_el1"
#define SYSREG_ELR_EL1	    "elr_el1"
#define SYSREG_SPSR_EL1	    "spsr_el1"
#define SYSREG_CNTFRQ	    "cntfrq_el0"
#define SYSREG_CNTPCT	    "cntpct_el0"
#define SYSREG_CNTVCT	    "cntvct_el0"
#define SYSREG_CNTV_CTL	    "cntv_ctl_el0"
#define SYSREG_CNTV_CVAL    "cntv_cval_el0"

/* ---- identification ---- */
#define SYSREG_ID_AA64PFR0  "id_aa64pfr0_el1"
#define SYSREG_ID_AA64PFR1  "id_aa64pfr1_el1"
#define SYSREG_ID_AA64DFR0  "id_aa64dfr0_el1"
#define SYSREG_ID_AA64MMFR0 "id_aa64mmfr0_el1"
#define SYSREG_ID_AA64MMFR1 "id_aa64mmfr1_el1"

/* ---- EL2 ---- */
#define SYSREG_VPIDR	    "vpidr_el2"
#define SYSREG_VMPIDR	    "vmpidr_el2"
#define SYSREG_SCTLR_EL2    "sctlr_el2"
#define SYSREG_HCR	    "hcr_el2"
#define SYSREG_MDCR	    "mdcr_el2"
#define SYSREG_CPTR	    "cptr_el2"
#define SYSREG_HSTR	    "hstr_el2"
#define SYSREG_VTCR	    "vtcr_el2"
#define SYSREG_VTTBR	    "vttbr_el2"
#define SYSREG_ESR_EL2	    "esr_el2"
#define SYSREG_FAR_EL2	    "far_el2"
#define SYSREG_HPFAR	    "hpfar_el2"
#define SYSREG_TPIDR_EL2    "tpidr_el2"
#define SYSREG_CNTVOFF	    "cntvoff_el2"
#define SYSREG_CNTHCTL	    "cnthctl_el2"

#define sysreg_read(name)                                                \
	({                                                               \
		uint64_t val_;                                           \
		__asm__ volatile("mrs %0, " SYSREG_##name : "=r"(val_)); \
		val_;                                                    \
	})
#define sysreg_write(name, val) \
	__asm__ volatile("msr " SYSREG_##name ", %x0" : : "rZ"((uint64_t)(val)) : "memory")
/* Code that is ARMv7's too tells registers of 64 bits from those of 32. */
#define sysreg_read64(name)	  sysreg_read(name)
#define sysreg_write64(name, val) sysreg_write(name, val)

/* ---- operations: TLB and caches by name, with an argument or without ---- */
/* clang-format off */
#define tlbi(op)		  __asm__ volatile("tlbi " #op : : : "memory")
#define tlbi_va(op, arg) __asm__ volatile("tlbi " #op ", %0" : : "r"((uint64_t)(arg)) : "memory")
#define dcache_op(op, va) __asm__ volatile("dc " #op ", %0" : : "r"((uint64_t)(va)) : "memory")
#define icache_op(op)		  __asm__ volatile("ic " #op : : : "memory")
#define at_op(op, va) __asm__ volatile("at " #op ", %0" : : "r"((uint64_t)(va)) : "memory")
/* clang-format on */

/* ---- barriers (DDI 0487 B2.3): dsb(ish), dsb(sy) .. ---- */
#define isb()			  __asm__ volatile("isb" : : : "memory")
#define dsb(domain)		  __asm__ volatile("dsb " #domain : : : "memory")
#define dmb(domain)		  __asm__ volatile("dmb " #domain : : : "memory")

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

#endif /* __aarch64__ */
#endif /* AARCH64_SYSREG_H */
