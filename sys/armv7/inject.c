/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Exceptions made by hand: what the processor does when a guest takes one in a PL1 mode
 * (DDI 0406C B1.9), done to the saved registers.  The guest sees it at its next entry.
 * Host side, the vCPU does not run.  regs.pc is the address of the instruction that
 * trapped, whose PC has not advanced.
 */
#include "arm.h"
#include "esr.h"
#include "hcr.h"
#include "psr.h"

/* Offsets into the vector table, B1.8.1. */
#define VECTOR_UNDEF 0x04u
#define VECTOR_PABT  0x0cu
#define VECTOR_DABT  0x10u
#define HIVECS_BASE  0xffff0000u

/* Fault status of a synchronous external abort, in the two formats of DFSR and IFSR. */
#define FSR_SHORT_SYNC_EXTERNAL 0x008u
#define FSR_LONG_SYNC_EXTERNAL	0x010u
#define FSR_LPAE		BIT(9)
#define DFSR_WNR		BIT(11)

/*
 * CPSR as every exception entry makes it, TakeDataAbortException() and its like.  Abort modes mask
 * asynchronous aborts too; FIQs stay as they are.
 */
static uint32_t
entry_cpsr(const struct hyp_vcpu *v, uint32_t mode)
{
	uint32_t cpsr = v->regs.cpsr;

	cpsr &= ~(CPSR_MODE_MASK | CPSR_IT_7_2 | CPSR_IT_1_0 | CPSR_J | CPSR_T | CPSR_E);
	cpsr |= mode | CPSR_I;
	if (mode == CPSR_MODE_ABT)
		cpsr |= CPSR_A;
	if ((v->sys.sctlr & SCTLR_TE) != 0)
		cpsr |= CPSR_T;
	if ((v->sys.sctlr & SCTLR_EE) != 0)
		cpsr |= CPSR_E;
	return cpsr;
}

static uint32_t
vector_base(const struct hyp_vcpu *v)
{
	/* VBAR[4:0] is UNK/SBZP */
	return (v->sys.sctlr & SCTLR_V) != 0 ? HIVECS_BASE : v->sys.vbar & ~0x1fu;
}

static void
enter_exception(struct vcpu *vcpu, uint32_t mode, uint32_t vector, uint32_t lr_offset)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	struct arch_banked *b = mode == CPSR_MODE_ABT ? &v->regs.abt : &v->regs.und;

	vmm_trace(vcpu, VMM_TRACE_INJECT, vector, v->regs.pc);
	b->spsr = v->regs.cpsr;
	b->lr = v->regs.pc + lr_offset;
	v->regs.cpsr = entry_cpsr(v, mode);
	v->regs.pc = vector_base(v) + vector;
}

static uint32_t
external_abort_fsr(const struct hyp_vcpu *v)
{
	if ((v->sys.ttbcr & TTBCR_EAE) != 0)
		return FSR_LPAE | FSR_LONG_SYNC_EXTERNAL;
	return FSR_SHORT_SYNC_EXTERNAL;
}

/* LR is the next instruction's address (Table B1-7): a handler that skips it returns there. */
void
inject_undef(struct vcpu *vcpu)
{
	vcpu_stat_inc(vcpu, VMM_STAT_UNDEF_INJECTED);
	enter_exception(
	    vcpu, CPSR_MODE_UND, VECTOR_UNDEF, arch_guest_is_thumb(hyp_vcpu(vcpu)) ? 2 : 4);
}

void
inject_dabt(struct vcpu *vcpu, arch_reg_t far)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);

	v->sys.dfar = far;
	v->sys.dfsr = external_abort_fsr(v);
	if (esr_ec(v->trap.esr) == ESR_EC_DABT_LOWER && (v->trap.esr & ESR_DABT_WNR) != 0)
		v->sys.dfsr |= DFSR_WNR;
	enter_exception(vcpu, CPSR_MODE_ABT, VECTOR_DABT, 8);
}

void
inject_pabt(struct vcpu *vcpu, arch_reg_t far)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);

	v->sys.ifar = far;
	v->sys.ifsr = external_abort_fsr(v);
	enter_exception(vcpu, CPSR_MODE_ABT, VECTOR_PABT, 4);
}

/*
 * The processor delivers this one, when the guest's CPSR.A allows, and then clears VA.  VA has an
 * effect only while AMO is set.
 */
void
inject_serror(struct vcpu *vcpu)
{
	hyp_vcpu(vcpu)->hcr |= HCR_AMO | HCR_VA;
}
