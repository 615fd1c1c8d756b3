/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * VM_GET_REGISTER and VM_SET_REGISTER: every name that an AArch64 vCPU has and where it
 * lies.  Host side, the vCPU does not run.  What user space writes is what EL1 software
 * could have written itself, but for CPSR and PC, which the microvisor loads for it: a
 * mode or state that a guest cannot have is refused here.
 */
#include <errno.h>

#include "arm.h"
#include "psr.h"

enum reg_kind {
	REG_NONE = 0,
	REG_U32,
	REG_U64,
	REG_PC,
	REG_CPSR,
	REG_CNTVOFF,
};

struct reg_desc {
	uint16_t offset; /* into struct hyp_vcpu */
	uint8_t kind;
	bool read_only;
	uint32_t keep; /* bits of a REG_U32 that a write leaves alone */
};

#define AT(field) (uint16_t) offsetof(struct hyp_vcpu, field)
#define R64(field)                                   \
	{                                            \
		.kind = REG_U64, .offset = AT(field) \
	}
#define R64_RO(field)                                                   \
	{                                                               \
		.kind = REG_U64, .offset = AT(field), .read_only = true \
	}
#define R32_KEEP(field, bits)                                                  \
	{                                                                      \
		.kind = REG_U32, .offset = AT(field), .keep = (uint32_t)(bits) \
	}

/* From X0 on the names are in the order of an array, and so are V0's. */
static const struct reg_desc reg_descs[VM_REG64_LAST] = {
	[VM_REG_GUEST_PC] = { .kind = REG_PC },
	[VM_REG_GUEST_CPSR] = { .kind = REG_CPSR },
	[VM_REG_GUEST_SCTLR] = R64(sys.sctlr),
	[VM_REG_GUEST_ACTLR] = R64_RO(sys.actlr),
	[VM_REG_GUEST_CPACR] = R64(sys.cpacr),
	[VM_REG_GUEST_TTBR0] = R64(sys.ttbr0),
	[VM_REG_GUEST_TTBR1] = R64(sys.ttbr1),
	[VM_REG_GUEST_PAR] = R64(sys.par),
	[VM_REG_GUEST_VBAR] = R64(sys.vbar),
	[VM_REG_GUEST_CONTEXTIDR] = R64(sys.contextidr),
	[VM_REG_GUEST_CSSELR] = R64(sys.csselr),
	[VM_REG_GUEST_CNTKCTL] = R64(sys.cntkctl),
	[VM_REG_GUEST_CNTV_CTL] = R32_KEEP(vtimer.cntv_ctl, ~(CNT_CTL_ENABLE | CNT_CTL_IMASK)),
	[VM_REG_GUEST_CNTV_CVAL] = R64(vtimer.cntv_cval),
	[VM_REG_GUEST_CNTVOFF] = { .kind = REG_CNTVOFF },
	[VM_REG_GUEST_CNTP_CTL] = R32_KEEP(vtimer.cntp_ctl, ~(CNT_CTL_ENABLE | CNT_CTL_IMASK)),
	[VM_REG_GUEST_CNTP_CVAL] = R64(vtimer.cntp_cval),
	[VM_REG_GUEST_MPIDR] = R64_RO(mpidr),
	[VM_REG_GUEST_MIDR] = R64_RO(midr),
	[VM_REG_GUEST_X0... VM_REG_GUEST_X30] = R64(regs.r),
	[VM_REG_GUEST_SP_EL0] = R64(regs.sp_el0),
	[VM_REG_GUEST_SP_EL1] = R64(regs.sp_el1),
	[VM_REG_GUEST_ELR_EL1] = R64(regs.elr_el1),
	[VM_REG_GUEST_SPSR_EL1] = R64(regs.spsr_el1),
	[VM_REG_GUEST_TCR_EL1] = R64(sys.tcr),
	[VM_REG_GUEST_ESR_EL1] = R64(sys.esr),
	[VM_REG_GUEST_FAR_EL1] = R64(sys.far),
	[VM_REG_GUEST_AFSR0_EL1] = R64(sys.afsr0),
	[VM_REG_GUEST_AFSR1_EL1] = R64(sys.afsr1),
	[VM_REG_GUEST_MAIR_EL1] = R64(sys.mair),
	[VM_REG_GUEST_AMAIR_EL1] = R64(sys.amair),
	[VM_REG_GUEST_TPIDR_EL0] = R64(sys.tpidr_el0),
	[VM_REG_GUEST_TPIDRRO_EL0] = R64(sys.tpidrro_el0),
	[VM_REG_GUEST_TPIDR_EL1] = R64(sys.tpidr_el1),
	[VM_REG_GUEST_MDSCR_EL1] = R64(sys.mdscr),
	[VM_REG_GUEST_FPCR] = R64(vfp.fpcr),
	[VM_REG_GUEST_FPSR] = R64(vfp.fpsr),
	[VM_REG_GUEST_V0... VM_REG_GUEST_V31_HIGH] = R64(vfp.v),
};

/* Where a REG_U32 or REG_U64 lies. */
static void *
reg_at(struct hyp_vcpu *v, uint32_t reg)
{
	uint8_t *p = (uint8_t *)v + reg_descs[reg].offset;

	if (reg >= VM_REG_GUEST_V0)
		p += (reg - VM_REG_GUEST_V0) * sizeof(uint64_t);
	else if (reg >= VM_REG_GUEST_X0 && reg <= VM_REG_GUEST_X30)
		p += (reg - VM_REG_GUEST_X0) * sizeof(uint64_t);
	return p;
}

int
arch_get_register(struct vcpu *vcpu, uint32_t reg, uint64_t *val)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);

	if (reg >= VM_REG64_LAST)
		return -EINVAL;
	switch (reg_descs[reg].kind) {
	case REG_PC:
		*val = v->regs.pc;
		break;
	case REG_CPSR:
		*val = v->regs.cpsr;
		break;
	case REG_CNTVOFF:
		*val = LOAD_ONCE(hyp_vm(vcpu->vm)->cntvoff);
		break;
	case REG_U32:
		*val = *(const uint32_t *)reg_at(v, reg);
		break;
	case REG_U64:
		*val = *(const uint64_t *)reg_at(v, reg);
		break;
	default:
		return -EINVAL;
	}
	return 0;
}

/* EL1 or EL0, in AArch64 state: what a guest's own exception return could make of it. */
static bool
pstate_is_allowed(uint64_t pstate)
{
	if (pstate >> 32 != 0 || (pstate & PSR_IL) != 0)
		return false;
	switch (pstate & PSR_MODE_MASK) {
	case PSR_MODE_EL0T:
	case PSR_MODE_EL1T:
	case PSR_MODE_EL1H:
		return true;
	default:
		return false;
	}
}

int
arch_set_register(struct vcpu *vcpu, uint32_t reg, uint64_t val)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	const struct reg_desc *d;
	uint32_t *p;

	if (reg >= VM_REG64_LAST)
		return -EINVAL;
	d = &reg_descs[reg];
	if (d->read_only || (d->kind == REG_U32 && val >> 32 != 0))
		return -EINVAL;
	switch (d->kind) {
	case REG_PC: /* one that is not aligned is the guest's PC alignment fault */
		v->regs.pc = val;
		break;
	case REG_CPSR:
		if (!pstate_is_allowed(val))
			return -EINVAL;
		v->regs.cpsr = val;
		break;
	case REG_CNTVOFF:
		STORE_ONCE(hyp_vm(vcpu->vm)->cntvoff, val);
		break;
	case REG_U32:
		p = reg_at(v, reg);
		*p = (*p & d->keep) | ((uint32_t)val & ~d->keep);
		break;
	case REG_U64:
		*(uint64_t *)reg_at(v, reg) = val;
		break;
	default:
		return -EINVAL;
	}
	return 0;
}
