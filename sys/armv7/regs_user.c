/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * VM_GET_REGISTER and VM_SET_REGISTER: every name of enum vm_reg_name and where it
 * lies.  Host side, the vCPU does not run.  What user space writes is what PL1 software
 * could have written itself, but for CPSR and PC, which the microvisor loads for it: a
 * mode or state that PL1 cannot have is refused here.
 */
#include <errno.h>

#include "arm.h"
#include "psr.h"

enum reg_kind {
	REG_NONE = 0,
	REG_GPR, /* of the current mode: the name is its number */
	REG_U32,
	REG_U64,
	REG_PC,
	REG_CPSR,
	REG_CNTVOFF,
};

struct reg_desc {
	uint8_t kind;
	bool read_only;
	uint16_t offset; /* into struct hyp_vcpu */
	uint32_t keep;	 /* bits of a 32-bit register that a write leaves alone */
};

#define AT(field) (uint16_t) offsetof(struct hyp_vcpu, field)
#define R32(field)                                   \
	{                                            \
		.kind = REG_U32, .offset = AT(field) \
	}
#define R32_KEEP(field, bits)                                        \
	{                                                            \
		.kind = REG_U32, .offset = AT(field), .keep = (bits) \
	}
#define R32_RO(field)                                                   \
	{                                                               \
		.kind = REG_U32, .offset = AT(field), .read_only = true \
	}
#define R64(field)                                   \
	{                                            \
		.kind = REG_U64, .offset = AT(field) \
	}

/*
 * Those bits of SCTLR that are not M, A, C, CP15BEN, SW, Z, I, V, RR, HA, WXN, UWXN, EE, TRE, AFE
 * or TE are fixed or reserved (B4.1.130) and stay as reset left them.
 */
#define SCTLR_KEEP                                                                       \
	(~(MASK32(2, 0) | BIT(5) | MASK32(14, 10) | BIT(17) | MASK32(20, 19) | BIT(25) | \
	    MASK32(30, 28)))

static const struct reg_desc reg_descs[VM_REG_LAST] = {
	[VM_REG_GUEST_R0... VM_REG_GUEST_LR] = { .kind = REG_GPR },
	[VM_REG_GUEST_PC] = { .kind = REG_PC },
	[VM_REG_GUEST_CPSR] = { .kind = REG_CPSR },
	[VM_REG_GUEST_SP_USR] = R32(regs.sp_usr),
	[VM_REG_GUEST_LR_USR] = R32(regs.lr_usr),
	[VM_REG_GUEST_SP_SVC] = R32(regs.svc.sp),
	[VM_REG_GUEST_LR_SVC] = R32(regs.svc.lr),
	[VM_REG_GUEST_SPSR_SVC] = R32(regs.svc.spsr),
	[VM_REG_GUEST_SP_ABT] = R32(regs.abt.sp),
	[VM_REG_GUEST_LR_ABT] = R32(regs.abt.lr),
	[VM_REG_GUEST_SPSR_ABT] = R32(regs.abt.spsr),
	[VM_REG_GUEST_SP_UND] = R32(regs.und.sp),
	[VM_REG_GUEST_LR_UND] = R32(regs.und.lr),
	[VM_REG_GUEST_SPSR_UND] = R32(regs.und.spsr),
	[VM_REG_GUEST_SP_IRQ] = R32(regs.irq.sp),
	[VM_REG_GUEST_LR_IRQ] = R32(regs.irq.lr),
	[VM_REG_GUEST_SPSR_IRQ] = R32(regs.irq.spsr),
	[VM_REG_GUEST_R8_FIQ] = R32(regs.r_fiq[0]),
	[VM_REG_GUEST_R8_FIQ + 1] = R32(regs.r_fiq[1]),
	[VM_REG_GUEST_R8_FIQ + 2] = R32(regs.r_fiq[2]),
	[VM_REG_GUEST_R8_FIQ + 3] = R32(regs.r_fiq[3]),
	[VM_REG_GUEST_R12_FIQ] = R32(regs.r_fiq[4]),
	[VM_REG_GUEST_SP_FIQ] = R32(regs.fiq.sp),
	[VM_REG_GUEST_LR_FIQ] = R32(regs.fiq.lr),
	[VM_REG_GUEST_SPSR_FIQ] = R32(regs.fiq.spsr),
	[VM_REG_GUEST_SCTLR] = R32_KEEP(sys.sctlr, SCTLR_KEEP),
	[VM_REG_GUEST_ACTLR] = R32_RO(sys.actlr),
	[VM_REG_GUEST_CPACR] = R32(sys.cpacr),
	[VM_REG_GUEST_TTBR0] = R64(sys.ttbr0),
	[VM_REG_GUEST_TTBR1] = R64(sys.ttbr1),
	[VM_REG_GUEST_TTBCR] = R32(sys.ttbcr),
	[VM_REG_GUEST_DACR] = R32(sys.dacr),
	[VM_REG_GUEST_DFSR] = R32(sys.dfsr),
	[VM_REG_GUEST_IFSR] = R32(sys.ifsr),
	[VM_REG_GUEST_ADFSR] = R32(sys.adfsr),
	[VM_REG_GUEST_AIFSR] = R32(sys.aifsr),
	[VM_REG_GUEST_DFAR] = R32(sys.dfar),
	[VM_REG_GUEST_IFAR] = R32(sys.ifar),
	[VM_REG_GUEST_PAR] = R64(sys.par),
	[VM_REG_GUEST_PRRR] = R32(sys.prrr),
	[VM_REG_GUEST_NMRR] = R32(sys.nmrr),
	[VM_REG_GUEST_AMAIR0] = R32(sys.amair0),
	[VM_REG_GUEST_AMAIR1] = R32(sys.amair1),
	[VM_REG_GUEST_VBAR] = R32(sys.vbar),
	[VM_REG_GUEST_CONTEXTIDR] = R32(sys.contextidr),
	[VM_REG_GUEST_TPIDRURW] = R32(sys.tpidrurw),
	[VM_REG_GUEST_TPIDRURO] = R32(sys.tpidruro),
	[VM_REG_GUEST_TPIDRPRW] = R32(sys.tpidrprw),
	[VM_REG_GUEST_CSSELR] = R32(sys.csselr),
	[VM_REG_GUEST_CNTKCTL] = R32(sys.cntkctl),
	[VM_REG_GUEST_CNTV_CTL] = R32_KEEP(vtimer.cntv_ctl, ~(CNT_CTL_ENABLE | CNT_CTL_IMASK)),
	[VM_REG_GUEST_CNTV_CVAL] = R64(vtimer.cntv_cval),
	[VM_REG_GUEST_CNTVOFF] = { .kind = REG_CNTVOFF },
	[VM_REG_GUEST_CNTP_CTL] = R32_KEEP(vtimer.cntp_ctl, ~(CNT_CTL_ENABLE | CNT_CTL_IMASK)),
	[VM_REG_GUEST_CNTP_CVAL] = R64(vtimer.cntp_cval),
	[VM_REG_GUEST_MPIDR] = R32_RO(mpidr),
	[VM_REG_GUEST_MIDR] = R32_RO(midr),
	[VM_REG_GUEST_FPSCR] = R32(vfp.fpscr),
	[VM_REG_GUEST_FPEXC] = R32(vfp.fpexc),
	/* D0, and the others by their number */
	[VM_REG_GUEST_D0... VM_REG_GUEST_D31] = R64(vfp.d),
};

/* Where a REG_U32 or REG_U64 lies. */
static void *
reg_at(struct hyp_vcpu *v, uint32_t reg)
{
	uint8_t *p = (uint8_t *)v + reg_descs[reg].offset;

	if (reg >= VM_REG_GUEST_D0)
		p += (reg - VM_REG_GUEST_D0) * sizeof(uint64_t);
	return p;
}

int
arch_get_register(struct vcpu *vcpu, uint32_t reg, uint64_t *val)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);

	if (reg >= VM_REG_LAST)
		return -EINVAL;
	switch (reg_descs[reg].kind) {
	case REG_GPR:
		*val = arch_gpr_get(v, reg);
		break;
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

/* An exception return to a misaligned PC is UNPREDICTABLE. */
static bool
pc_fits_state(uint32_t pc, uint32_t cpsr)
{
	return (pc & ((cpsr & CPSR_T) != 0 ? 1u : 3u)) == 0;
}

/* Modes of PL1 and PL0 in non-secure state; ARM or Thumb, as ThumbEE and Jazelle trap. */
static bool
cpsr_is_allowed(uint32_t cpsr)
{
	if ((cpsr & (CPSR_RES0 | CPSR_J)) != 0)
		return false;
	/* in ARM state an IT block is UNPREDICTABLE, A2.5.2 */
	if ((cpsr & CPSR_T) == 0 && (cpsr & (CPSR_IT_7_2 | CPSR_IT_1_0)) != 0)
		return false;
	switch (cpsr & CPSR_MODE_MASK) {
	case CPSR_MODE_USR:
	case CPSR_MODE_FIQ:
	case CPSR_MODE_IRQ:
	case CPSR_MODE_SVC:
	case CPSR_MODE_ABT:
	case CPSR_MODE_UND:
	case CPSR_MODE_SYS:
		return true;
	default:
		return false;
	}
}

static int
reg_set_state(struct hyp_vcpu *v, uint32_t pc, uint32_t cpsr)
{
	if (!cpsr_is_allowed(cpsr) || !pc_fits_state(pc, cpsr))
		return -EINVAL;
	v->regs.pc = pc;
	v->regs.cpsr = cpsr;
	return 0;
}

int
arch_set_register(struct vcpu *vcpu, uint32_t reg, uint64_t val)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	const struct reg_desc *d;
	uint32_t *p, val32 = (uint32_t)val;

	if (reg >= VM_REG_LAST)
		return -EINVAL;
	d = &reg_descs[reg];
	if (d->read_only || (d->kind != REG_U64 && d->kind != REG_CNTVOFF && val != val32))
		return -EINVAL;
	switch (d->kind) {
	case REG_GPR:
		arch_gpr_set(v, reg, val32);
		break;
	case REG_PC:
		return reg_set_state(v, val32, v->regs.cpsr);
	case REG_CPSR:
		return reg_set_state(v, v->regs.pc, val32);
	case REG_CNTVOFF:
		STORE_ONCE(hyp_vm(vcpu->vm)->cntvoff, val);
		break;
	case REG_U32:
		p = reg_at(v, reg);
		*p = (*p & d->keep) | (val32 & ~d->keep);
		break;
	case REG_U64:
		*(uint64_t *)reg_at(v, reg) = val;
		break;
	default:
		return -EINVAL;
	}
	return 0;
}
