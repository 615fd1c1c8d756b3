/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The register files of an AArch64 processor with EL2, as they lie in memory while somebody
 * else's are in the CPU.  The same structures serve guest and host.  Assembly reaches fields only
 * through offsets generated from here.
 */
#ifndef AARCH64_ARCH_REGS_H
#define AARCH64_ARCH_REGS_H

#include "types.h"

/* A general register, and an address of the guest's. */
typedef uint64_t arch_reg_t;

/* What a data abort's syndrome says of its register: X0..X30 and the zero register, to 8 bytes. */
#define ARCH_SRT_MASK MASK32(20, 16)
#define ARCH_SRT_LAST 31u
#define ARCH_SAS_LAST 3u
/* HPFAR_EL2.FIPA: bits [51:12] of an address. */
#define ARCH_HPFAR_FIPA MASK64(43, 4)
/* PSCI and SMCCC calls in their 64-bit form exist. */
#define ARCH_HAS_SMC64 1

/* General registers, and what else of EL1 and EL0 an exception or an instruction names. */
struct arch_gpregs {
	uint64_t r[31];
	uint64_t pc, cpsr; /* ELR_EL2, SPSR_EL2 */
	uint64_t sp_el0, sp_el1, elr_el1, spsr_el1;
};

/* System registers that EL1 owns, DDI 0487 D19.2. */
struct arch_sysregs {
	uint64_t sctlr, tcr, ttbr0, ttbr1, mair, amair, contextidr;
	uint64_t esr, far, afsr0, afsr1, par;
	uint64_t vbar, cpacr, actlr, csselr;
	uint64_t tpidr_el0, tpidrro_el0, tpidr_el1;
	uint64_t cntkctl, mdscr;
};

struct arch_vfp {
	uint64_t v[64]; /* V0..V31, the lower half first */
	uint64_t fpcr, fpsr;
};

/* What EL2 knows of a trap: ESR_EL2, FAR_EL2, HPFAR_EL2. */
struct arch_trap {
	uint32_t esr; /* [31:0]: what stands above is of features that no guest has */
	uint64_t far, hpfar;
};

#endif /* AARCH64_ARCH_REGS_H */
