/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What hyp_fast.c must know of the width: exception classes, and the guest's general registers
 * while EL2 decides about a trap.  struct hyp_vcpu has them all; system registers are still in
 * the CPU.
 */
#ifndef AARCH64_FAST_H
#define AARCH64_FAST_H

#include "esr.h"
#include "hyp.h"
#include "psr.h"
#include "sysreg.h"

/* The exception classes that EL2 may have an answer to, besides data aborts. */
#define FAST_EC_HVC	  ESR_EC_HVC64
#define FAST_EC_SYSREG	  ESR_EC_SYS64
#define FAST_EC_SYSREG_64 ESR_EC_CP15_64 /* of EL0 in AArch32 state */
#define FAST_EC_FP_ID	  ESR_EC_CP10_ID

/* Is Rt in struct hyp_vcpu, and the guest's data little-endian?  AArch32 is left to the host. */
static inline bool
fast_rt(const struct hyp_vcpu *v, uint32_t rt)
{
	(void)rt;
	if ((v->regs.cpsr & PSR_MODE_32) != 0)
		return false;
	return (sysreg_read(SCTLR) & (SCTLR_EE | SCTLR_E0E)) == 0;
}

/* 31 is the zero register. */
static inline arch_reg_t
fast_gpr_get(const struct hyp_vcpu *v, uint32_t rt)
{
	return rt < 31 ? v->regs.r[rt] : 0;
}

static inline void
fast_gpr_set(struct hyp_vcpu *v, uint32_t rt, arch_reg_t val)
{
	if (rt < 31)
		v->regs.r[rt] = val;
}

#endif /* AARCH64_FAST_H */
