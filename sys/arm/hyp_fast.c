/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The microvisor's own answers: traps that need nobody else go straight back to the guest, with
 * no world switch.  In the trap walk right after hyp_switch.S.  Runs in HYP with interrupts
 * masked; of the guest's registers struct hyp_vcpu has those that fast.h names, PC and CPSR,
 * everything else is still in the CPU.  Takes hyp_vm.lock only by trying (in vgic_hyp_mmio).
 *
 * What cannot be answered here leaves no trace: the host sees the trap as it was.
 */
#include <fast.h>

#include "arm.h"
#include "esr.h"

/* HVC #0 with a call whose answer is a constant.  PC is behind the HVC already. */
static enum hyp_verdict
fast_hvc(struct hyp_vcpu *v)
{
	if ((v->trap.esr & ESR_HVC_IMM_MASK) != 0 || !psci_fast(v))
		return HYP_TO_HOST;
	v->stats[VMM_STAT_HYP_HVC]++;
	return HYP_REENTER;
}

static enum hyp_verdict
fast_sysreg(struct hyp_vcpu *v)
{
	if (!arch_cond_passes(v) || !sysreg_fast(v))
		return HYP_TO_HOST;
	v->stats[VMM_STAT_HYP_CP15]++;
	arch_pc_advance(v, esr_inst_len(v->trap.esr));
	return HYP_REENTER;
}

/*
 * A load or store that the syndrome describes in full, at an address stage 2 does not map: no
 * cache operation, not the walk of the guest's own tables, which may be anywhere
 * (B3.13.6).  HPFAR is valid for a translation fault.
 */
#define FAST_DABT_MASK (ESR_DABT_ISV | ESR_ABT_EA | ESR_DABT_CM | ESR_ABT_S1PTW | ESR_FSC_TYPE_MASK)
#define FAST_DABT_WANT (ESR_DABT_ISV | ESR_FSC_TRANSLATION)

static bool
fault_is_dist(const struct hyp_vcpu *v, arch_reg_t hpfar)
{
	const struct hyp_vm *vm = HYP_PTR(struct hyp_vm, v->vm);
	uint64_t page = (uint64_t)(hpfar & ARCH_HPFAR_FIPA) << HPFAR_FIPA_SHIFT;

	return vm->vgic.nirqs != 0 && page == vm->vgic.dist_gpa;
}

/* What a load of 1, 2 or 4 bytes leaves in its register, which is Wt unless ESR.SF says Xt. */
static arch_reg_t
loaded_value(uint32_t esr, const struct vgic_access *a)
{
	bool sign = (esr & ESR_DABT_SSE) != 0;
	arch_reg_t val;

	if (a->size == 1)
		val = sign ? (arch_reg_t)(int8_t)a->data : (uint8_t)a->data;
	else if (a->size == 2)
		val = sign ? (arch_reg_t)(int16_t)a->data : (uint16_t)a->data;
	else
		val = sign ? (arch_reg_t)(int32_t)a->data : a->data;
	return (esr & ESR_DABT_SF) != 0 ? val : (uint32_t)val;
}

static uint32_t
stored_value(uint32_t size, uint32_t val)
{
	if (size == 1)
		return val & 0xff;
	return size == 2 ? val & 0xffff : val;
}

static enum hyp_verdict
fast_gicd(struct hyp_vcpu *v)
{
	uint32_t esr = v->trap.esr, rt = FIELD_OF(ARCH_SRT_MASK, esr);
	uint32_t sas = FIELD_OF(ESR_DABT_SAS_MASK, esr);
	struct vgic_access a;

	if ((esr & FAST_DABT_MASK) != FAST_DABT_WANT || !fault_is_dist(v, v->trap.hpfar))
		return HYP_TO_HOST;
	if (sas > 2 || !fast_rt(v, rt))
		return HYP_TO_HOST;
	a.offset = (uint32_t)v->trap.far & (PAGE_BYTES - 1);
	a.size = (uint8_t)(1u << sas);
	a.write = (esr & ESR_DABT_WNR) != 0;
	a.data = a.write ? stored_value(a.size, (uint32_t)fast_gpr_get(v, rt)) : 0;
	if ((a.offset & (a.size - 1u)) != 0) /* unaligned: abort.c knows what becomes of it */
		return HYP_TO_HOST;
	if (vgic_hyp_mmio(v, &a) != HYP_REENTER)
		return HYP_TO_HOST;
	if (!a.write)
		fast_gpr_set(v, rt, loaded_value(esr, &a));
	v->stats[VMM_STAT_HYP_GICD]++;
	arch_pc_advance(v, esr_inst_len(esr));
	return HYP_REENTER;
}

enum hyp_verdict
hyp_fast_trap(struct hyp_vcpu *v)
{
	switch (esr_ec(v->trap.esr)) {
	case FAST_EC_HVC:
		return fast_hvc(v);
	case ESR_EC_DABT_LOWER:
		return fast_gicd(v);
	case FAST_EC_SYSREG:
	case FAST_EC_FP_ID:
	case FAST_EC_SYSREG_64:
		return fast_sysreg(v);
	default:
		return HYP_TO_HOST;
	}
}

/*
 * A physical interrupt.  The guest's own timer and the maintenance interrupt end here; if
 * another one waits besides, it traps again right after the ERET.
 */
enum hyp_verdict
hyp_fast_irq(struct hyp_vcpu *v)
{
	if (vgic_hyp_vtimer(v) == HYP_REENTER) {
		v->stats[VMM_STAT_HYP_VTIMER]++;
		return HYP_REENTER;
	}
	if (vgic_hyp_maintenance(v) == HYP_REENTER) {
		v->stats[VMM_STAT_HYP_MAINT]++;
		return HYP_REENTER;
	}
	return HYP_TO_HOST;
}
