/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The microvisor's own answers: traps that need nobody else go straight back to the guest, with
 * no world switch.  In the trap walk right after hyp_switch.S.  Runs in HYP with interrupts
 * masked; of the guest's registers struct hyp_vcpu has r0-r12 of the User bank, PC and CPSR,
 * everything else is still in the CPU.  Takes hyp_vm.lock only by trying (in vgic_hyp_mmio).
 *
 * What cannot be answered here leaves no trace: the host sees the trap as it was.
 */
#include <hsr.h>
#include <psr.h>

#include "arm.h"

/* HVC #0 with a call whose answer is a constant.  PC is behind the HVC already. */
static enum hyp_verdict
fast_hvc(struct hyp_vcpu *v)
{
	if ((v->trap.hsr & HSR_HVC_IMM_MASK) != 0 || !psci_fast(v))
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
	arch_pc_advance(v, hsr_inst_len(v->trap.hsr));
	return HYP_REENTER;
}

/*
 * A load or store that the syndrome describes in full, at an address stage 2 does not map: no
 * cache operation, not the walk of the guest's own tables, which may be anywhere
 * (B3.13.6).  HPFAR is valid for a translation fault.
 */
#define FAST_DABT_MASK (HSR_DABT_ISV | HSR_ABT_EA | HSR_DABT_CM | HSR_ABT_S1PTW | HSR_FSC_TYPE_MASK)
#define FAST_DABT_WANT (HSR_DABT_ISV | HSR_FSC_TRANSLATION)

static bool
fault_is_dist(const struct hyp_vcpu *v, uint32_t hpfar)
{
	const struct hyp_vm *vm = HYP_PTR(struct hyp_vm, v->vm);
	uint64_t page = (uint64_t)(hpfar & HPFAR_FIPA_MASK) << HPFAR_FIPA_SHIFT;

	return vm->vgic.nirqs != 0 && page == vm->vgic.dist_gpa;
}

/* Is Rt in struct hyp_vcpu, and the guest's data little-endian? */
static bool
fast_rt(const struct hyp_vcpu *v, uint32_t rt)
{
	uint32_t cpsr = v->regs.cpsr;

	if ((cpsr & CPSR_E) != 0 || rt > 12)
		return false;
	return rt < 8 || (cpsr & CPSR_MODE_MASK) != CPSR_MODE_FIQ;
}

/* What a load of 1, 2 or 4 bytes leaves in its register. */
static uint32_t
loaded_value(uint32_t hsr, const struct vgic_access *a)
{
	if (a->size == 1)
		return (hsr & HSR_DABT_SSE) != 0 ? (uint32_t)(int8_t)a->data : (uint8_t)a->data;
	if (a->size == 2)
		return (hsr & HSR_DABT_SSE) != 0 ? (uint32_t)(int16_t)a->data : (uint16_t)a->data;
	return a->data;
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
	uint32_t hsr = v->trap.hsr, rt = FIELD_OF(HSR_DABT_SRT_MASK, hsr);
	uint32_t sas = FIELD_OF(HSR_DABT_SAS_MASK, hsr);
	struct vgic_access a;

	if ((hsr & FAST_DABT_MASK) != FAST_DABT_WANT || !fault_is_dist(v, v->trap.hpfar))
		return HYP_TO_HOST;
	if (sas > 2 || !fast_rt(v, rt))
		return HYP_TO_HOST;
	a.offset = v->trap.hdfar & (PAGE_BYTES - 1);
	a.size = (uint8_t)(1u << sas);
	a.write = (hsr & HSR_DABT_WNR) != 0;
	a.data = a.write ? stored_value(a.size, v->regs.r[rt]) : 0;
	if ((a.offset & (a.size - 1u)) != 0) /* unaligned: abort.c knows what becomes of it */
		return HYP_TO_HOST;
	if (vgic_hyp_mmio(v, &a) != HYP_REENTER)
		return HYP_TO_HOST;
	if (!a.write)
		v->regs.r[rt] = loaded_value(hsr, &a);
	v->stats[VMM_STAT_HYP_GICD]++;
	arch_pc_advance(v, hsr_inst_len(hsr));
	return HYP_REENTER;
}

enum hyp_verdict
hyp_fast_trap(struct hyp_vcpu *v)
{
	switch (hsr_ec(v->trap.hsr)) {
	case HSR_EC_HVC:
		return fast_hvc(v);
	case HSR_EC_DABT_LOWER:
		return fast_gicd(v);
	case HSR_EC_CP15_32:
	case HSR_EC_CP15_64:
	case HSR_EC_CP10_ID:
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
