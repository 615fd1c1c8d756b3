/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Aborts at stage 2: memory that is not mapped yet, or a device's.  In the trap walk
 * after exit.c; what comes out of it is a mapped page, an access answered by a device in
 * the kernel, a doorbell rung, VM_EXITCODE_INST_EMUL for a device in user space, or an external
 * abort for the guest.
 * Host side, preemptible, may sleep, in the vCPU's own thread; no locks.
 *
 * While user space works on an access, everything but the data stays here, in
 * arch_vcpu.access; PC has not moved.  arch_vcpu_complete ends it, by a result or by an abort, and
 * the guest is not entered before.
 */
#include <string.h>

#include "arm.h"
#include "esr.h"

/* ---- what faulted ---- */
static uint32_t
fault_type(uint32_t esr)
{
	return esr & ESR_FSC_TYPE_MASK;
}

/* Faults that stage 2 makes.  Its entries always have the Access flag. */
static bool
fault_is_stage2(uint32_t esr)
{
	uint32_t type = esr & ESR_ABT_FSC_MASK & ~3u;

	return type == ESR_FSC_TRANSLATION || type == ESR_FSC_PERMISSION;
}

/*
 * Which guest physical address.  HPFAR has its page: HYP has seen to it where the processor
 * leaves it UNKNOWN (hyp_run.c).  A fault on a stage 1 walk is at a table, not at FAR.
 */
static gpa_t
fault_gpa(const struct hyp_vcpu *v, arch_reg_t far)
{
	uint64_t page = (uint64_t)(v->trap.hpfar & ARCH_HPFAR_FIPA) << HPFAR_FIPA_SHIFT;

	if ((v->trap.esr & ESR_ABT_S1PTW) != 0)
		return GPA(page);
	return GPA(page | (far & (PAGE_BYTES - 1)));
}

/*
 * The processor used a translation that the guest's tables no longer have.  With the TLB
 * clean the guest meets its own fault.
 */
static enum vcpu_action
retry_with_clean_tlb(struct vcpu *vcpu)
{
	(void)hyp_call(HYP_CALL_TLB_FLUSH_VM, hyp_va(hyp_vm(vcpu->vm)).a);
	return EXIT_RESUME;
}

static enum vcpu_action
give_data_abort(struct vcpu *vcpu, enum vmm_stat why)
{
	vcpu_stat_inc(vcpu, why);
	inject_dabt(vcpu, hyp_vcpu(vcpu)->trap.far);
	return EXIT_RESUME;
}

static enum vcpu_action
give_prefetch_abort(struct vcpu *vcpu, enum vmm_stat why)
{
	vcpu_stat_inc(vcpu, why);
	inject_pabt(vcpu, hyp_vcpu(vcpu)->trap.far);
	return EXIT_RESUME;
}

/* ---- RAM ---- */
static enum vcpu_action
exit_paging(struct vcpu *vcpu, struct vm_exit *vme, gpa_t gpa, int error)
{
	memset(vme, 0, sizeof(*vme));
	vme->exitcode = VM_EXITCODE_PAGING;
	vme->pc = hyp_vcpu(vcpu)->regs.pc;
	vme->u.paging.gpa = gpa.a;
	vme->u.paging.error = -error;
	return EXIT_TO_USER;
}

/* True: it is RAM, and *action says how to go on.  False: a device's, or read-only. */
static bool
ram_fault(struct vcpu *vcpu, gpa_t gpa, bool write, struct vm_exit *vme, enum vcpu_action *action)
{
	bool block = false;
	int error = 0;

	switch (vm_mem_fault(vcpu->vm, gpa, write, &block, &error)) {
	case VM_MEM_MAPPED:
		vcpu_stat_inc(vcpu, VMM_STAT_FAULTS);
		if (block)
			vcpu_stat_inc(vcpu, VMM_STAT_FAULT_BLOCKS);
		vmm_trace(vcpu, VMM_TRACE_FAULT, block ? BLOCK_BYTES : PAGE_BYTES, gpa.a);
		*action = EXIT_RESUME;
		return true;
	case VM_MEM_ERROR:
		*action = exit_paging(vcpu, vme, gpa, error);
		return true;
	default:
		return false;
	}
}

/* ---- the access ---- */
/* From the syndrome, where the processor gives one (ISV). */
static enum access_found
access_from_syndrome(const struct hyp_vcpu *v, struct pending_access *a)
{
	uint32_t esr = v->trap.esr;
	uint32_t sas = FIELD_OF(ESR_DABT_SAS_MASK, esr);
	uint32_t srt = FIELD_OF(ARCH_SRT_MASK, esr);

	if (sas > ARCH_SAS_LAST || srt > ARCH_SRT_LAST)
		return ACCESS_UNKNOWN;
	a->size = (uint8_t)BIT(sas);
	a->rt = (uint8_t)srt;
	a->write = (esr & ESR_DABT_WNR) != 0;
	a->sign_extend = (esr & ESR_DABT_SSE) != 0;
	a->wide = (esr & ESR_DABT_SF) != 0;
	a->inst_len = (uint8_t)esr_inst_len(esr);
	return ACCESS_FOUND;
}

/* A value of 1, 2, 4 or 8 bytes as it lies in memory, read as little-endian (A3.3, BE-8). */
static arch_reg_t
as_bytes(const struct pending_access *a, arch_reg_t val, unsigned int size)
{
	if (size == 1)
		return val & 0xff;
	if (size == 2)
		return a->swap ? __builtin_bswap16((uint16_t)val) : val & 0xffff;
	if (size == 4)
		return a->swap ? __builtin_bswap32((uint32_t)val) : (uint32_t)val;
	return a->swap ? (arch_reg_t)__builtin_bswap64(val) : val;
}

/* What a store writes.  A pair is two words, the first at the lower address. */
static uint64_t
access_store_data(const struct hyp_vcpu *v, const struct pending_access *a)
{
	if (!a->pair)
		return as_bytes(a, arch_gpr_get(v, a->rt), a->size);
	return (uint64_t)as_bytes(a, arch_gpr_get(v, a->rt2), 4) << 32 |
	    as_bytes(a, arch_gpr_get(v, a->rt), 4);
}

static arch_reg_t
sign_extended(arch_reg_t val, unsigned int size)
{
	arch_reg_t top = (arch_reg_t)1 << (size * 8 - 1);

	return (val ^ top) - top;
}

/* A register of 32 bits is written with zeros above them (DDI 0487, R in AArch64 state). */
static void
access_load_data(struct hyp_vcpu *v, const struct pending_access *a, uint64_t data)
{
	arch_reg_t val;

	if (a->pair) {
		arch_gpr_set(v, a->rt, as_bytes(a, (uint32_t)data, 4));
		arch_gpr_set(v, a->rt2, as_bytes(a, (uint32_t)(data >> 32), 4));
		return;
	}
	val = as_bytes(a, (arch_reg_t)data, a->size);
	if (a->sign_extend && a->size < sizeof(val))
		val = sign_extended(val, a->size);
	arch_gpr_set(v, a->rt, a->wide ? val : (uint32_t)val);
}

/* The instruction has done what it does. */
static void
access_finish(struct hyp_vcpu *v, const struct pending_access *a, uint64_t data)
{
	if (!a->write)
		access_load_data(v, a, data);
	if (a->writeback)
		arch_gpr_set(v, a->rn, a->wb_value);
	arch_pc_advance(v, a->inst_len);
}

/* ---- devices in the kernel ---- */
struct kernel_device {
	bool (*covers)(const struct vm *vm, uint64_t gpa);
	/* size is 1, 2 or 4, gpa a multiple of it */
	void (*access)(struct vcpu *vcpu, const struct pending_access *a, uint32_t *data);
};

static void
gicd_access(struct vcpu *vcpu, const struct pending_access *a, uint32_t *data)
{
	struct vgic_access va = {
		.offset = (uint32_t)(a->gpa - hyp_vm(vcpu->vm)->vgic.dist_gpa),
		.size = a->size,
		.write = a->write,
		.data = *data,
	};

	vgic_host_mmio(vcpu, &va);
	*data = va.data;
}

static const struct kernel_device kernel_devices[] = {
	{ vgic_host_is_dist, gicd_access },
};

static const struct kernel_device *
kernel_device_find(const struct vm *vm, uint64_t gpa)
{
	size_t i;

	for (i = 0; i < NELEM(kernel_devices); i++)
		if (kernel_devices[i].covers(vm, gpa))
			return &kernel_devices[i];
	return NULL;
}

static enum vcpu_action
kernel_device_access(
    struct vcpu *vcpu, const struct kernel_device *dev, const struct pending_access *a)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	uint32_t data = 0;

	if (a->size > 4 || (a->gpa & (a->size - 1u)) != 0)
		return give_data_abort(vcpu, VMM_STAT_ABT_UNDECODED);
	if (a->write)
		data = (uint32_t)access_store_data(v, a);
	dev->access(vcpu, a, &data);
	access_finish(v, a, data);
	return EXIT_RESUME;
}

/* ---- doorbells, and devices in user space ---- */
static bool
rings_doorbell(struct vcpu *vcpu, const struct pending_access *a)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);

	if (!a->write || !vm_doorbell_ring(vcpu, GPA(a->gpa), a->size, access_store_data(v, a)))
		return false;
	vcpu_stat_inc(vcpu, VMM_STAT_DOORBELLS);
	vmm_trace(vcpu, VMM_TRACE_DOORBELL, a->size, a->gpa);
	access_finish(v, a, 0);
	return true;
}

static enum vcpu_action
exit_inst_emul(struct vcpu *vcpu, struct vm_exit *vme, const struct pending_access *a)
{
	const struct hyp_vcpu *v = hyp_vcpu(vcpu);

	vcpu_stat_inc(vcpu, VMM_STAT_EXIT_MMIO);
	vmm_trace(vcpu, VMM_TRACE_MMIO, a->size | (uint32_t)a->write << 8, a->gpa);
	memset(vme, 0, sizeof(*vme));
	vme->exitcode = VM_EXITCODE_INST_EMUL;
	vme->inst_length = a->inst_len;
	vme->pc = v->regs.pc;
	vme->u.inst_emul.gpa = a->gpa;
	vme->u.inst_emul.size = a->size;
	vme->u.inst_emul.dir = a->write ? VM_DIR_WRITE : VM_DIR_READ;
	if (a->write)
		vme->u.inst_emul.data = access_store_data(v, a);
	arch_vcpu(vcpu)->access = *a;
	arch_vcpu(vcpu)->access.valid = true;
	return EXIT_TO_USER;
}

static enum vcpu_action
device_access(struct vcpu *vcpu, gpa_t gpa, const struct kernel_device *dev, struct vm_exit *vme)
{
	const struct hyp_vcpu *v = hyp_vcpu(vcpu);
	struct pending_access a = {
		.gpa = gpa.a,
		.far = v->trap.far,
		.swap = arch_guest_is_big_endian(v),
	};
	enum access_found found;

	if ((v->trap.esr & ESR_DABT_ISV) != 0)
		found = access_from_syndrome(v, &a);
	else
		found = arch_access_from_inst(vcpu, &a);
	if (found == ACCESS_RETRY)
		return retry_with_clean_tlb(vcpu);
	/* an access that goes on in the next page is nobody's in particular */
	if (found == ACCESS_UNKNOWN || (gpa.a & (PAGE_BYTES - 1)) + a.size > PAGE_BYTES)
		return give_data_abort(vcpu, VMM_STAT_ABT_UNDECODED);
	if (dev != NULL)
		return kernel_device_access(vcpu, dev, &a);
	if (rings_doorbell(vcpu, &a))
		return EXIT_RESUME;
	return exit_inst_emul(vcpu, vme, &a);
}

/* ---- the two ways in ---- */
enum vcpu_action
abort_data(struct vcpu *vcpu, struct vm_exit *vme)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	uint32_t esr = v->trap.esr;
	bool on_walk = (esr & ESR_ABT_S1PTW) != 0;
	bool cache_op = (esr & ESR_DABT_CM) != 0;
	/* a walk reads; a cache operation says WnR but changes nothing */
	bool write = (esr & ESR_DABT_WNR) != 0 && !on_walk && !cache_op;
	const struct kernel_device *dev;
	enum vcpu_action action;
	bool known;
	gpa_t gpa;

	if (!fault_is_stage2(esr)) /* the bus said no, or the like: it is the guest's affair */
		return give_data_abort(vcpu, VMM_STAT_ABT_UNDECODED);
	gpa = fault_gpa(v, v->trap.far);
	dev = kernel_device_find(vcpu->vm, gpa.a);
	/* A doorbell is no memory, and need not wait for mem_lock to know it. */
	known = dev != NULL || (write && vm_doorbell_at(vcpu, gpa));
	if (!known && ram_fault(vcpu, gpa, write, vme, &action))
		return action;
	if (on_walk) /* tables in a device */
		return give_data_abort(vcpu, VMM_STAT_ABT_UNMAPPED);
	if (cache_op) { /* nothing is cached there; 32 bits long in all states */
		arch_pc_advance(v, 4);
		return EXIT_RESUME;
	}
	return device_access(vcpu, gpa, dev, vme);
}

/*
 * A BKPT, which only traps for a debugger.  If that has gone meanwhile the guest has it again at
 * its next entry, untrapped: arch_vcpu_load.
 */
enum vcpu_action
abort_bkpt(struct vcpu *vcpu, struct vm_exit *vme)
{
	if ((LOAD_ONCE(vcpu->caps) & BIT(VM_CAP_BRK_EXIT)) == 0)
		return EXIT_RESUME;
	*vme = (struct vm_exit){ .exitcode = VM_EXITCODE_BRK, .pc = hyp_vcpu(vcpu)->regs.pc };
	return EXIT_TO_USER;
}

enum vcpu_action
abort_inst(struct vcpu *vcpu, struct vm_exit *vme)
{
	const struct hyp_vcpu *v = hyp_vcpu(vcpu);
	uint32_t esr = v->trap.esr;
	enum vcpu_action action;

	if ((esr & ESR_ABT_FSC_MASK) == ESR_FSC_DEBUG)
		return abort_bkpt(vcpu, vme);
	/* a permission fault but on a walk: the memory is mapped without VM_PROT_EXEC */
	if (!fault_is_stage2(esr) ||
	    (fault_type(esr) == ESR_FSC_PERMISSION && (esr & ESR_ABT_S1PTW) == 0))
		return give_prefetch_abort(vcpu, VMM_STAT_ABT_UNDECODED);
	if (ram_fault(vcpu, fault_gpa(v, v->trap.far), false, vme, &action))
		return action;
	return give_prefetch_abort(vcpu, VMM_STAT_ABT_UNMAPPED);
}

/* ---- user space has answered ---- */
void
arch_vcpu_complete(struct vcpu *vcpu, uint64_t data, bool abort)
{
	struct pending_access *a = &arch_vcpu(vcpu)->access;

	if (!a->valid)
		return;
	a->valid = false;
	if (abort) {
		vcpu_stat_inc(vcpu, VMM_STAT_ABT_UNMAPPED);
		inject_dabt(vcpu, a->far);
		return;
	}
	access_finish(hyp_vcpu(vcpu), a, data);
}

bool
arch_vcpu_access_pending(const struct vcpu *vcpu)
{
	return arch_vcpu(vcpu)->access.valid;
}
