/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The ARM half of a vCPU: its page in HYP, its reset state, and the steps around a world
 * switch in the order that they need.  Called by core/vcpu_run.c and core/vm.c; each
 * function's context is told in core/arch.h.
 */
#include <string.h>

#include "arm.h"
#include "errno.h"
#include "hcr.h"
#include "psci.h"

/* vCPUs of all VMs: whether WFE should give the CPU to another. */
static uint32_t vcpus_made;

int
arch_vcpu_init(struct vcpu *vcpu)
{
	struct arch_vcpu *arch = os_zalloc(sizeof(*arch));
	struct hyp_vcpu *v;

	if (arch == NULL)
		return -ENOMEM;
	v = arm_pages_alloc(sizeof(*v));
	if (v == NULL) {
		os_free(arch);
		return -ENOMEM;
	}
	arch->hyp = v;
	vcpu->arch = arch;
	vcpu->requests = &v->requests;
	vcpu->stats = v->stats;
	v->id = vcpu->id;
	v->loaded_cpu = ~0u;
	v->vm = hyp_va(hyp_vm(vcpu->vm));
	sysreg_vcpu_init(vcpu);
	vtimer_vcpu_init(vcpu);
	vgic_host_vcpu_init(vcpu);
	arch_vcpu_reset(vcpu, false);
	__atomic_add_fetch(&vcpus_made, 1, __ATOMIC_RELAXED);
	/* from here on other vCPUs find it: all of the above before (release) */
	__atomic_store_n(&hyp_vm(vcpu->vm)->vcpu[vcpu->id].a, hyp_va(v).a, __ATOMIC_RELEASE);
	return 0;
}

void
arch_vcpu_destroy(struct vcpu *vcpu)
{
	struct arch_vcpu *arch = arch_vcpu(vcpu);

	if (arch == NULL)
		return;
	STORE_ONCE(hyp_vm(vcpu->vm)->vcpu[vcpu->id].a, (uintptr_t)0);
	__atomic_sub_fetch(&vcpus_made, 1, __ATOMIC_RELAXED);
	vtimer_vcpu_destroy(vcpu);
	arm_pages_free(arch->hyp, sizeof(struct hyp_vcpu));
	os_free(arch);
	vcpu->arch = NULL;
	vcpu->requests = NULL;
	vcpu->stats = NULL;
}

static void
reset_registers(struct vcpu *vcpu)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);

	memset(&v->trap, 0, sizeof(v->trap));
	arch_regs_reset(vcpu);
	v->exit = HYP_EXIT_REQ;
	memset(&arch_vcpu(vcpu)->access, 0, sizeof(arch_vcpu(vcpu)->access));
	sysreg_vcpu_reset(vcpu);
	vgic_host_vcpu_reset(vcpu);
	vtimer_vcpu_reset(vcpu);
}

void
arch_vcpu_reset(struct vcpu *vcpu, bool powered_on)
{
	reset_registers(vcpu);
	__atomic_store_n(&arch_vcpu(vcpu)->powered, powered_on ? VCPU_POWER_ON : VCPU_POWER_OFF,
	    __ATOMIC_RELEASE);
}

bool
arch_vcpu_powered(const struct vcpu *vcpu)
{
	uint32_t power = __atomic_load_n(&arch_vcpu(vcpu)->powered, __ATOMIC_ACQUIRE);

	return power == VCPU_POWER_ON || power == VCPU_POWER_ON_PENDING;
}

/* CPU_ON's half that the target does: DEN0022, initial state of a CPU. */
void
arch_vcpu_power_update(struct vcpu *vcpu)
{
	struct arch_vcpu *arch = arch_vcpu(vcpu);

	if (__atomic_load_n(&arch->powered, __ATOMIC_ACQUIRE) != VCPU_POWER_ON_PENDING)
		return;
	reset_registers(vcpu);
	arch_regs_start(vcpu);
	__atomic_store_n(&arch->powered, VCPU_POWER_ON, __ATOMIC_RELEASE);
}

/* A spinning guest should yield only if somebody else could use the CPU. */
static void
set_twe(struct hyp_vcpu *v)
{
	if (LOAD_ONCE(vcpus_made) > os_cpu_count())
		v->hcr |= HCR_TWE;
	else
		v->hcr &= ~(arch_reg_t)HCR_TWE;
}

void
arch_vcpu_load(struct vcpu *vcpu)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);

	set_twe(v);
	v->smccc_exit = LOAD_ONCE(vcpu->caps) & BIT(VM_CAP_SMCCC_EXIT);
	sysreg_trap_bkpt(v, (LOAD_ONCE(vcpu->caps) & BIT(VM_CAP_BRK_EXIT)) != 0);
	vtimer_load(vcpu);
}

/* HYP leaves nothing of a guest in the CPU; the next entry settles the timer's active bit. */
void
arch_vcpu_put(struct vcpu *vcpu)
{
	(void)vcpu;
}

/*
 * VCPU_REQ_IRQ is taken back before the vGIC's state is read: who changes it does so first and sets
 * the bit then, so that either the flush sees the change, or the bit is there again and HYP
 * turns back at the door (HYP_EXIT_REQ).  The other bits are the core's to answer.
 */
void
arch_vcpu_enter(struct vcpu *vcpu)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);

	__atomic_and_fetch(&v->requests, ~VCPU_REQ_IRQ, __ATOMIC_SEQ_CST);
	vmid_update(vcpu->vm);
	vtimer_update(vcpu);
	vgic_host_flush(vcpu);
	vmm_trace(vcpu, VMM_TRACE_ENTER, (uint32_t)v->regs.cpsr, v->regs.pc);
	hyp_vcpu_run(v);
	vgic_host_sync(vcpu);
}

enum vcpu_action
arch_vcpu_exit(struct vcpu *vcpu, struct vm_exit *vme)
{
	vme->pc = hyp_vcpu(vcpu)->regs.pc;
	vme->inst_length = 0;
	vgic_host_tell_ended(vcpu);
	return exit_handle(vcpu, vme);
}

/* An asynchronous abort that waits ends WFI as an interrupt does (DDI 0406C B1.8.13). */
bool
arch_vcpu_has_work(struct vcpu *vcpu)
{
	if (!arch_vcpu_powered(vcpu))
		return false;
	return (LOAD_ONCE(hyp_vcpu(vcpu)->hcr) & HCR_VA) != 0 || vtimer_has_expired(vcpu) ||
	    vgic_host_has_pending(vcpu);
}

void
arch_vcpu_sleep_begin(struct vcpu *vcpu)
{
	vtimer_sleep_begin(vcpu);
}

void
arch_vcpu_sleep_end(struct vcpu *vcpu)
{
	vtimer_sleep_end(vcpu);
}
