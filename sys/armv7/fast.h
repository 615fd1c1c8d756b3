/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What hyp_fast.c must know of the width: exception classes, and the guest's general registers
 * while HYP decides about a trap.  struct hyp_vcpu has r0-r12 of the User bank, the rest is still
 * in the CPU.
 */
#ifndef ARMV7_FAST_H
#define ARMV7_FAST_H

#include "esr.h"
#include "hyp.h"
#include "psr.h"

/* The exception classes that HYP may have an answer to, besides data aborts. */
#define FAST_EC_HVC	  ESR_EC_HVC
#define FAST_EC_SYSREG	  ESR_EC_CP15_32
#define FAST_EC_SYSREG_64 ESR_EC_CP15_64
#define FAST_EC_FP_ID	  ESR_EC_CP10_ID

/* Is Rt in struct hyp_vcpu, and the guest's data little-endian? */
static inline bool
fast_rt(const struct hyp_vcpu *v, uint32_t rt)
{
	uint32_t cpsr = v->regs.cpsr;

	if ((cpsr & CPSR_E) != 0 || rt > 12)
		return false;
	return rt < 8 || (cpsr & CPSR_MODE_MASK) != CPSR_MODE_FIQ;
}

/* Of a register that fast_rt says is there. */
static inline arch_reg_t
fast_gpr_get(const struct hyp_vcpu *v, uint32_t rt)
{
	return v->regs.r[rt];
}

static inline void
fast_gpr_set(struct hyp_vcpu *v, uint32_t rt, arch_reg_t val)
{
	v->regs.r[rt] = val;
}

#endif /* ARMV7_FAST_H */
