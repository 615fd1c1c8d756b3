/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The run loop: VM_RUN from user space to the guest and back, the stage of the trap walk
 * between the world switch below and sys/arm/exit.c beside it.  Preemptible but for
 * vcpu_enter_guest.  The thread that is in here holds vcpu->run_busy and takes no lock
 * before vm->mem_lock, so that ioctls may wait for it with vm->lock held.
 */
#include <string.h>

#include "core.h"

/* ---- requests: others -> this vCPU ---- */

/*
 * The two sides of a message, each a store and then a load, sequentially consistent:
 *
 *	sender				runner
 *	requests |= bit			state = RUNNING (or SLEEPING)
 *	full barrier			full barrier
 *	read state			read requests
 *
 * One of them at least sees the other's store.  If the runner sees the bit it does not
 * enter (or sleep); if only the sender sees RUNNING it kicks, and the interrupt is taken
 * from the guest, or, when it comes before the guest is entered, right at its entry, for
 * interrupts are off from before the runner's load until then.
 */
void
vcpu_request(struct vcpu *vcpu, uint32_t req)
{
	__atomic_fetch_or(vcpu->requests, req, __ATOMIC_SEQ_CST);
	vcpu_notify(vcpu);
}

void
vcpu_notify(struct vcpu *vcpu)
{
	int cpu;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	switch (__atomic_load_n(&vcpu->state, __ATOMIC_ACQUIRE)) {
	case VCPU_RUNNING:
		/* Written before state; -1 or another CPU means it left since. */
		cpu = LOAD_ONCE(vcpu->cpu);
		if (cpu >= 0)
			os_kick((unsigned int)cpu);
		break;
	case VCPU_SLEEPING:
		os_waitq_wake(&vcpu->wq);
		break;
	default:
		break;
	}
}

static void
set_state(struct vcpu *vcpu, enum vcpu_state state)
{
	__atomic_store_n(&vcpu->state, state, __ATOMIC_RELEASE);
}

static bool
has_request(void *arg)
{
	struct vcpu *vcpu = arg;

	return __atomic_load_n(vcpu->requests, __ATOMIC_SEQ_CST) != 0;
}

/* ---- sleeping ---- */

/* Until cond, which looks at the requests too; -EINTR when a signal came. */
static int
vcpu_sleep(struct vcpu *vcpu, bool (*cond)(void *arg))
{
	int error;

	set_state(vcpu, VCPU_SLEEPING);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	error = os_waitq_wait(&vcpu->wq, cond, vcpu);
	set_state(vcpu, VCPU_FROZEN);
	return error;
}

static bool
wfi_is_over(void *arg)
{
	return has_request(arg) || arch_vcpu_has_work(arg);
}

/* WFI.  News from the vGIC that would not interrupt this vCPU does not end it. */
static void
vcpu_block(struct vcpu *vcpu)
{
	uint64_t from = arch_cntpct(), slept;

	arch_vcpu_sleep_begin(vcpu);
	do
		__atomic_fetch_and(vcpu->requests, ~VCPU_REQ_IRQ, __ATOMIC_SEQ_CST);
	while (!wfi_is_over(vcpu) && vcpu_sleep(vcpu, wfi_is_over) == 0);
	arch_vcpu_sleep_end(vcpu);
	slept = arch_ticks_to_ns(arch_cntpct() - from);
	STORE_ONCE(vcpu->stats[VMM_STAT_HALT_NS], vcpu->stats[VMM_STAT_HALT_NS] + slept);
	vmm_trace(vcpu, VMM_TRACE_WFI, 0, slept);
}

/* ---- ways out ---- */

static void
exit_fill(struct vcpu *vcpu, enum vm_exitcode code)
{
	struct vm_exit *vme = &vcpu->exit;

	memset(vme, 0, sizeof(*vme));
	vme->exitcode = code;
	(void)arch_get_register(vcpu, VM_REG_GUEST_PC, &vme->pc);
}

/* True: back to user space, and vcpu->exit says why. */
static bool
must_leave(struct vcpu *vcpu)
{
	if (vm_suspend_how(vcpu->vm) != VM_SUSPEND_NONE) {
		exit_fill(vcpu, VM_EXITCODE_SUSPENDED);
		vm_suspend_why(
		    vcpu->vm, &vcpu->exit.u.suspended.how, &vcpu->exit.u.suspended.vcpuid);
		STORE_ONCE(vcpu->suspended, 1);
		return true;
	}
	if (vcpu_is_debugged(vcpu) && vcpu->told != LOAD_ONCE(vcpu->suspends)) {
		vcpu->told = LOAD_ONCE(vcpu->suspends);
		exit_fill(vcpu, VM_EXITCODE_DEBUG);
		return true;
	}
	if (os_signal_pending()) {
		exit_fill(vcpu, VM_EXITCODE_BOGUS);
		return true;
	}
	return false;
}

/*
 * The bits say only that something changed; what did is read from its own place, so a bit
 * taken here is never lost.  STOP comes first: who took it must park (vcpu_hold).
 */
static void
take_requests(struct vcpu *vcpu)
{
	uint32_t req;

	while (has_request(vcpu)) {
		req = __atomic_exchange_n(vcpu->requests, 0, __ATOMIC_SEQ_CST);
		if ((req & VCPU_REQ_STOP) != 0)
			vcpu_park(vcpu);
		if ((req & VCPU_REQ_POWER) != 0)
			arch_vcpu_power_update(vcpu);
	}
}

/* ---- the loop ---- */

/* Into the guest and back; false: something came up before. */
static bool
vcpu_enter_guest(struct vcpu *vcpu)
{
	unsigned long flags;
	uint64_t from;
	bool go;

	os_preempt_disable();
	STORE_ONCE(vcpu->cpu, (int)os_cpu_id());
	arch_vcpu_load(vcpu);
	flags = os_irq_save();
	set_state(vcpu, VCPU_RUNNING);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* vcpu_request */
	go = !has_request(vcpu) && !os_resched_or_signal();
	if (go) {
		from = arch_cntpct();
		arch_vcpu_enter(vcpu);
		STORE_ONCE(vcpu->stats[VMM_STAT_RUN_NS],
		    vcpu->stats[VMM_STAT_RUN_NS] + arch_ticks_to_ns(arch_cntpct() - from));
		if (has_request(vcpu))
			vcpu_stat_inc(vcpu, VMM_STAT_KICKS);
	}
	set_state(vcpu, VCPU_FROZEN);
	os_irq_restore(flags);
	arch_vcpu_put(vcpu);
	STORE_ONCE(vcpu->cpu, -1);
	os_preempt_enable();
	return go;
}

static enum vcpu_action
run_once(struct vcpu *vcpu)
{
	if (vcpu_is_debugged(vcpu) || !arch_vcpu_powered(vcpu)) {
		(void)vcpu_sleep(vcpu, has_request);
		return EXIT_RESUME;
	}
	if (!vcpu_enter_guest(vcpu))
		return EXIT_YIELD;
	return arch_vcpu_exit(vcpu, &vcpu->exit);
}

static void
run_loop(struct vcpu *vcpu)
{
	for (;;) {
		take_requests(vcpu);
		if (must_leave(vcpu))
			return;
		switch (run_once(vcpu)) {
		case EXIT_RESUME:
			break;
		case EXIT_BLOCK:
			vcpu_block(vcpu);
			break;
		case EXIT_YIELD:
			os_yield();
			break;
		case EXIT_TO_USER:
			return;
		}
	}
}

/*
 * The access that left last time is completed before anything else, also when the vCPU is
 * about to leave again: the data that user space handed back is used exactly once.
 */
int
vm_run(struct vcpu *vcpu, struct vm_run *run)
{
	int error = vcpu_run_begin(vcpu);

	if (error != 0)
		return error;
	memset(&vcpu->exit, 0, sizeof(vcpu->exit));
	arch_vcpu_complete(vcpu, run->data, (run->flags & VM_RUN_ABORT) != 0);
	arch_vcpu_power_update(vcpu);
	run_loop(vcpu);
	run->exit = vcpu->exit;
	vcpu_stat_inc(vcpu, VMM_STAT_EXIT_USER);
	vmm_trace(vcpu, VMM_TRACE_USER, vcpu->exit.exitcode, vcpu->exit.pc);
	vcpu_run_end(vcpu);
	return 0;
}
