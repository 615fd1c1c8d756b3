/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * PSCI 1.0 (DEN0022) for the guest: power of its vCPUs and of the VM.  In the trap walk behind
 * exit.c, for HVC #0 that psci_fast.c does not answer.  Runs on the host, preemptible, in the
 * calling vCPU's own thread.
 *
 * Power is one word a vCPU, arch_vcpu.powered: OFF -> ON_PENDING by whoever calls CPU_ON (compare
 * and exchange, so that one of two callers wins), ON_PENDING -> ON by the target's own thread
 * when it has reset itself (vcpu.c, arch_vcpu_power_update), ON -> OFF by its own CPU_OFF.
 */
#include <string.h>

#include "arm.h"
#include "esr.h"
#include "psci.h"

#define PSCI_ARGS 3u

/* Fields of an affinity; Aff3, which AArch64 has, is at the top. */
#define MPIDR_AFF0    ((arch_reg_t)MASK32(7, 0))
#define MPIDR_AFF3    ((arch_reg_t)MASK64(39, 32))
#define MPIDR_AFF_ALL ((arch_reg_t)MASK32(23, 0) | MPIDR_AFF3)

/* The vCPU with this affinity: Aff0 is its number, there is one cluster.  NULL: none such. */
static struct vcpu *
psci_target(struct vm *vm, arch_reg_t mpidr)
{
	/* bits that are no affinity field must be zero (DEN0022, CPU_ON) */
	if (mpidr >= VM_MAXCPU)
		return NULL;
	return vm_vcpu(vm, (uint32_t)mpidr);
}

/* target, entry point, context */
static uint32_t
psci_cpu_on(struct vcpu *vcpu, const arch_reg_t *args)
{
	struct vcpu *target = psci_target(vcpu->vm, args[0]);
	uint32_t was = VCPU_POWER_OFF;
	struct arch_vcpu *t;
	uint16_t insn;
	gpa_t gpa;

	if (target == NULL)
		return PSCI_INVALID_PARAMETERS;
	t = arch_vcpu(target);
	if (!arch_start_gpa(args[1], &gpa) || vm_mem_read(vcpu->vm, gpa, &insn, sizeof(insn)) != 0)
		return PSCI_INVALID_ADDRESS;
	/*
	 * Claim it first, fill in its request, then publish: the target looks only once the state
	 * is ON_PENDING.
	 */
	if (!__atomic_compare_exchange_n(
		&t->powered, &was, VCPU_POWER_CLAIMED, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return was == VCPU_POWER_ON ? PSCI_ALREADY_ON : PSCI_ON_PENDING;
	t->on_entry = args[1];
	t->on_context = args[2];
	t->on_big_endian = arch_guest_is_big_endian(hyp_vcpu(vcpu));
	__atomic_store_n(&t->powered, VCPU_POWER_ON_PENDING, __ATOMIC_RELEASE);
	vcpu_request(target, VCPU_REQ_POWER);
	return PSCI_SUCCESS;
}

/* Does not return to its caller: the run loop finds the vCPU off and sleeps. */
static void
psci_cpu_off(struct vcpu *vcpu)
{
	__atomic_store_n(&arch_vcpu(vcpu)->powered, VCPU_POWER_OFF, __ATOMIC_RELEASE);
}

/* affinity, lowest level that counts: levels above 0 ask for the only cluster. */
static uint32_t
psci_affinity_info(struct vcpu *vcpu, const arch_reg_t *args)
{
	struct vcpu *target;

	if (args[1] > 3 || (args[0] & ~MPIDR_AFF_ALL) != 0)
		return PSCI_INVALID_PARAMETERS;
	if (args[1] > 0) /* the caller is on, so its cluster is */
		return (args[0] & ~MPIDR_AFF0) == 0 ? PSCI_AFF_ON : PSCI_INVALID_PARAMETERS;
	target = psci_target(vcpu->vm, args[0]);
	if (target == NULL)
		return PSCI_INVALID_PARAMETERS;
	switch (LOAD_ONCE(arch_vcpu(target)->powered)) {
	case VCPU_POWER_ON:
		return PSCI_AFF_ON;
	case VCPU_POWER_OFF:
		return PSCI_AFF_OFF;
	default:
		return PSCI_AFF_ON_PENDING;
	}
}

/* These do not return; should the guest be run on nevertheless it reads a failure. */
static uint32_t
psci_system(struct vcpu *vcpu, enum vm_suspend_how how)
{
	(void)vm_suspend(vcpu->vm, how, vcpu->id);
	return PSCI_INTERNAL_FAILURE;
}

/* VM_CAP_SMCCC_EXIT: user space's to answer, which finds -1 in r0 and may set another. */
static enum vcpu_action
psci_unknown(struct vcpu *vcpu, struct vm_exit *vme)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	unsigned int i;

	vcpu_stat_inc(vcpu, VMM_STAT_SMCCC_UNKNOWN);
	memset(&vme->u, 0, sizeof(vme->u));
	vme->exitcode = VM_EXITCODE_SMCCC;
	vme->inst_length = 0;
	vme->u.smccc.func_id = (uint32_t)v->regs.r[0];
	for (i = 0; i < NELEM(vme->u.smccc.args); i++)
		vme->u.smccc.args[i] = v->regs.r[1 + i];
	v->regs.r[0] = smccc_result(PSCI_NOT_SUPPORTED);
	return EXIT_TO_USER;
}

/* A call of 32 bits has arguments of 32 bits, whatever is above them (DEN0028). */
static uint32_t
psci_args(const arch_reg_t *r, arch_reg_t *args)
{
	uint32_t fn = (uint32_t)r[0];
	unsigned int i;

	for (i = 0; i < PSCI_ARGS; i++)
		args[i] = (fn & SMCCC_FN_IS_64) != 0 ? r[1 + i] : (uint32_t)r[1 + i];
	if (ARCH_HAS_SMC64 &&
	    (fn == PSCI_FN64_CPU_SUSPEND || fn == PSCI_FN64_CPU_ON ||
		fn == PSCI_FN64_AFFINITY_INFO))
		fn &= ~SMCCC_FN_IS_64;
	return fn;
}

static enum vcpu_action
psci_call(struct vcpu *vcpu, struct vm_exit *vme)
{
	arch_reg_t *r = hyp_vcpu(vcpu)->regs.r, args[PSCI_ARGS];

	switch (psci_args(r, args)) {
	case PSCI_FN_CPU_ON:
		r[0] = smccc_result(psci_cpu_on(vcpu, args));
		return EXIT_RESUME;
	case PSCI_FN_CPU_OFF:
		psci_cpu_off(vcpu);
		return EXIT_RESUME;
	case PSCI_FN_CPU_SUSPEND: /* standby for power-down states too, as DEN0022 allows */
		r[0] = PSCI_SUCCESS;
		return arch_vcpu_has_work(vcpu) ? EXIT_RESUME : EXIT_BLOCK;
	case PSCI_FN_AFFINITY_INFO:
		r[0] = smccc_result(psci_affinity_info(vcpu, args));
		return EXIT_RESUME;
	case PSCI_FN_SYSTEM_OFF:
		r[0] = smccc_result(psci_system(vcpu, VM_SUSPEND_POWEROFF));
		return EXIT_RESUME;
	case PSCI_FN_SYSTEM_RESET:
		r[0] = smccc_result(psci_system(vcpu, VM_SUSPEND_RESET));
		return EXIT_RESUME;
	default:
		return psci_unknown(vcpu, vme);
	}
}

/*
 * HVC #0 by SMCCC; other immediates are for hypervisors that this is not, and UNDEFINED here.
 * The CPU has stepped over the HVC already, so that an exception has to step back (both
 * encodings are four bytes).
 */
enum vcpu_action
psci_trap(struct vcpu *vcpu, struct vm_exit *vme)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);

	if ((v->trap.esr & ESR_HVC_IMM_MASK) != 0) {
		v->regs.pc -= 4;
		inject_undef(vcpu);
		return EXIT_RESUME;
	}
	vmm_trace(vcpu, VMM_TRACE_PSCI, (uint32_t)v->regs.r[0], v->regs.r[1]);
	if (psci_fast(v))
		return EXIT_RESUME;
	return psci_call(vcpu, vme);
}
