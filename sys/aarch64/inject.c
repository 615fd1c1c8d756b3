/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Exceptions made by hand: what the processor does when a guest takes one to EL1
 * (DDI 0487, AArch64.TakeException()), done to the saved registers.  The guest sees it at its next
 * entry.  Host side, the vCPU does not run.  regs.pc is the address of the instruction that
 * trapped, whose PC has not advanced.
 */
#include "arm.h"
#include "esr.h"
#include "hcr.h"
#include "psr.h"

/* Offsets into the vector table of synchronous exceptions, by where they come from. */
#define VECTOR_EL1T   0x000u
#define VECTOR_EL1H   0x200u
#define VECTOR_EL0_64 0x400u
#define VECTOR_EL0_32 0x600u

/* Of an abort that came from the same exception level: the class after the one from below. */
#define ESR_EC_SAME_LEVEL     1u
#define ESR_FSC_SYNC_EXTERNAL 0x10u

static uint32_t
vector_offset(uint64_t cpsr)
{
	switch (cpsr & PSR_MODE_MASK) {
	case PSR_MODE_EL1T:
		return VECTOR_EL1T;
	case PSR_MODE_EL1H:
		return VECTOR_EL1H;
	case PSR_MODE_EL0T:
		return VECTOR_EL0_64;
	default:
		return VECTOR_EL0_32;
	}
}

/*
 * PSTATE of the handler: UAO, SS, IL and BTYPE are 0; PAN is set unless SCTLR_EL1.SPAN says to
 * leave it; SSBS is SCTLR_EL1.DSSBS, which is 0 where there is no SSBS.
 */
static uint64_t
entry_pstate(const struct hyp_vcpu *v)
{
	uint64_t pstate = v->regs.cpsr & (PSR_NZCV | PSR_PAN);

	if ((v->regs.cpsr & PSR_MODE_32) == 0)
		pstate |= v->regs.cpsr & PSR_DIT;
	if ((v->sys.sctlr & SCTLR_SPAN) == 0)
		pstate |= PSR_PAN;
	if ((v->sys.sctlr & SCTLR_DSSBS) != 0)
		pstate |= PSR_SSBS;
	return pstate | PSR_DAIF | PSR_MODE_EL1H;
}

static void
enter_exception(struct vcpu *vcpu, uint32_t esr)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	uint32_t vector = vector_offset(v->regs.cpsr);

	vmm_trace(vcpu, VMM_TRACE_INJECT, vector, v->regs.pc);
	v->sys.esr = esr;
	v->regs.spsr_el1 = v->regs.cpsr;
	v->regs.elr_el1 = v->regs.pc;
	v->regs.cpsr = entry_pstate(v);
	v->regs.pc = (v->sys.vbar & ~MASK64(10, 0)) + vector;
}

/* ESR_EL1.IL is set but for a 16-bit instruction. */
static uint32_t
esr_of(const struct hyp_vcpu *v, uint32_t ec)
{
	uint32_t esr = ec << ESR_EC_SHIFT;

	return arch_guest_is_thumb(v) ? esr | (v->trap.esr & ESR_IL) : esr | ESR_IL;
}

void
inject_undef(struct vcpu *vcpu)
{
	vcpu_stat_inc(vcpu, VMM_STAT_UNDEF_INJECTED);
	enter_exception(vcpu, esr_of(hyp_vcpu(vcpu), ESR_EC_UNKNOWN));
}

static uint32_t
abort_esr(const struct hyp_vcpu *v, uint32_t ec)
{
	if (!arch_guest_is_user(v))
		ec += ESR_EC_SAME_LEVEL;
	return ec << ESR_EC_SHIFT | ESR_IL | ESR_FSC_SYNC_EXTERNAL;
}

void
inject_dabt(struct vcpu *vcpu, arch_reg_t far)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	uint32_t esr = abort_esr(v, ESR_EC_DABT_LOWER);

	v->sys.far = far;
	if (esr_ec(v->trap.esr) == ESR_EC_DABT_LOWER)
		esr |= v->trap.esr & ESR_DABT_WNR;
	enter_exception(vcpu, esr);
}

void
inject_pabt(struct vcpu *vcpu, arch_reg_t far)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);

	v->sys.far = far;
	enter_exception(vcpu, abort_esr(v, ESR_EC_IABT_LOWER));
}

/*
 * The processor delivers this one, when the guest's PSTATE.A allows, and then clears VSE.  VSE has
 * an effect only while AMO is set.
 */
void
inject_serror(struct vcpu *vcpu)
{
	hyp_vcpu(vcpu)->hcr |= HCR_AMO | HCR_VA;
}
