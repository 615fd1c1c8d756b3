/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The guest's general registers as an instruction names them, and the program counter: the one
 * place where PC advances.  Works on memory only and is built for the host, for EL2 and for the
 * unit tests; the caller owns the vCPU.
 */
#include "arm.h"
#include "esr.h"
#include "psr.h"

arch_reg_t
arch_gpr_get(const struct hyp_vcpu *v, unsigned int n)
{
	return n < 31 ? v->regs.r[n] : 0;
}

void
arch_gpr_set(struct hyp_vcpu *v, unsigned int n, arch_reg_t val)
{
	if (n < 31)
		v->regs.r[n] = val;
}

/*
 * As an instruction that has completed leaves PSTATE (DDI 0487 D1.3.3, D2.12): no branch type, and
 * a step that was asked for is over.  A guest sees no AArch32 in its ID registers; where it goes
 * there all the same, its IT block is its own affair.
 */
void
arch_pc_advance(struct hyp_vcpu *v, unsigned int len)
{
	v->regs.pc += len;
	if ((v->regs.cpsr & PSR_MODE_32) == 0)
		v->regs.cpsr &= ~(PSR_BTYPE | PSR_SS);
}

/* No instruction of AArch64 that traps is conditional. */
bool
arch_cond_passes(const struct hyp_vcpu *v)
{
	(void)v;
	return true;
}

bool
arch_guest_is_thumb(const struct hyp_vcpu *v)
{
	return (v->regs.cpsr & PSR_MODE_32) != 0 && (v->regs.cpsr & PSR_32_T) != 0;
}

bool
arch_guest_is_user(const struct hyp_vcpu *v)
{
	uint64_t mode = v->regs.cpsr & PSR_MODE_MASK;

	return mode == PSR_MODE_EL0T || mode == PSR_MODE_USR;
}

bool
arch_guest_is_big_endian(const struct hyp_vcpu *v)
{
	if ((v->regs.cpsr & PSR_MODE_32) != 0)
		return (v->regs.cpsr & PSR_32_E) != 0;
	return (v->sys.sctlr & (arch_guest_is_user(v) ? SCTLR_E0E : SCTLR_EE)) != 0;
}
