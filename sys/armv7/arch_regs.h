/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The register files of an ARMv7 processor with the virtualization extensions,
 * as they lie in memory while somebody else's are in the CPU.  The same structures
 * serve guest and host.  Assembly reaches fields only through offsets generated
 * from here.
 */
#ifndef ARMV7_ARCH_REGS_H
#define ARMV7_ARCH_REGS_H

#include "types.h"

/* A general register, and an address of the guest's. */
typedef uint32_t arch_reg_t;

/* What a data abort's syndrome says of its register: R0..R14, of 1, 2 or 4 bytes. */
#define ARCH_SRT_MASK MASK32(19, 16)
#define ARCH_SRT_LAST 14u
#define ARCH_SAS_LAST 2u
/* HPFAR.FIPA: bits [39:12] of an address. */
#define ARCH_HPFAR_FIPA MASK32(31, 4)
/* PSCI and SMCCC calls in their 64-bit form exist. */
#define ARCH_HAS_SMC64 0

struct arch_banked {
	uint32_t sp, lr, spsr;
};

/* General registers.  r8..r12 are the User bank's: HYP mode sees those (DDI 0406C B1.3.2). */
struct arch_gpregs {
	uint32_t r[13];
	uint32_t sp_usr, lr_usr;
	uint32_t pc, cpsr; /* ELR_hyp, SPSR_hyp */
	struct arch_banked svc, abt, und, irq, fiq;
	uint32_t r_fiq[5]; /* R8_fiq..R12_fiq */
};

/* CP15 state that PL1 owns, DDI 0406C B3.17. */
struct arch_sysregs {
	uint64_t ttbr0, ttbr1, par; /* always moved as 64 bits: right for both table formats */
	uint32_t csselr, sctlr, actlr, cpacr, ttbcr, dacr;
	uint32_t dfsr, ifsr, adfsr, aifsr, dfar, ifar;
	uint32_t prrr, nmrr, amair0, amair1; /* MAIR0 and MAIR1 with TTBCR.EAE */
	uint32_t vbar, contextidr, tpidrurw, tpidruro, tpidrprw;
	uint32_t cntkctl, teecr, teehbr;
};

struct arch_vfp {
	uint64_t d[32];
	uint32_t fpexc, fpscr, fpinst, fpinst2;
};

/* What HYP mode knows of a trap: HSR, HDFAR or HIFAR, HPFAR (DDI 0406C B3.13). */
struct arch_trap {
	uint32_t esr, far, hpfar;
};

#endif /* ARMV7_ARCH_REGS_H */
