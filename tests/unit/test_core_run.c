/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The run loop: what brings a vCPU out of the guest and back to user space, and who may have
 * it when.  Guests are scripts; threads stand for bhyve's.
 */
#include "core_test.h"

static struct vm *
vm_make_cpus(const char *name, uint32_t n)
{
	struct vm *vm = vm_make(name);

	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(ioc_activate(vm, i), 0);
	return vm;
}

static uint64_t
stat_of(struct vm *vm, uint32_t id, enum vmm_stat s)
{
	struct vm_stats a = { .vcpuid = id };

	assert_int_equal(vm_ioctl(vm, IOCNUM_VM_STATS, &a, sizeof(a)), 0);
	assert_int_equal(a.count, VMM_STAT_COUNT);
	return a.values[s];
}

/* ---- one thread ---- */

/* An access is answered once, by the VM_RUN after it. */
static void
access_is_completed(void **state)
{
	struct vm *vm = vm_make_cpus("r", 1);
	struct fake_vcpu *v = fake_vcpu(vm->vcpu[0]);
	struct vm_run abort = { .vcpuid = 0, .flags = VM_RUN_ABORT };
	struct vm_exit e;

	(void)state;
	v->regs[VM_REG_GUEST_PC] = 0x1234;
	fake_do(vm->vcpu[0], FAKE_LOAD, 0x9000018, 0);
	fake_do(vm->vcpu[0], FAKE_STORE, 0x9000000, 'x');
	fake_do(vm->vcpu[0], FAKE_NOP, 0, 0);
	fake_do(vm->vcpu[0], FAKE_LOAD, 0x9000004, 0);
	fake_do(vm->vcpu[0], FAKE_FATAL, 0, 0);
	assert_run(vm, 0, 99, VM_EXITCODE_INST_EMUL, &e);
	assert_int_equal(e.u.inst_emul.gpa, 0x9000018);
	assert_int_equal(e.u.inst_emul.dir, VM_DIR_READ);
	assert_int_equal(e.pc, 0x1234);
	assert_int_equal(v->completed, 0);
	assert_int_equal(ioc_run(vm, 0, 0xab, &e), 0);
	assert_int_equal(v->loaded, 0xab);
	assert_int_equal(e.u.inst_emul.dir, VM_DIR_WRITE);
	assert_int_equal(e.u.inst_emul.data, 'x');
	assert_int_equal(ioc_run(vm, 0, 0xcd, &e), 0);
	assert_int_equal(v->loaded, 0xab); /* a store takes no data */
	assert_int_equal(v->completed, 2);
	assert_int_equal(vm_ioctl(vm, IOCNUM_RUN, &abort, sizeof(abort)), 0);
	assert_int_equal(v->aborted, 1);
	assert_int_equal(v->loaded, 0xab);
	assert_int_equal(abort.exit.exitcode, VM_EXITCODE_HYP);
	assert_int_equal(stat_of(vm, 0, VMM_STAT_EXIT_USER), 4);
	assert_int_equal(stat_of(vm, 0, VMM_STAT_EXITS), 5);
	abort.flags = 2;
	assert_int_equal(vm_ioctl(vm, IOCNUM_RUN, &abort, sizeof(abort)), -EINVAL);
	vm_close(vm);
}

/* Completed also when the vCPU is about to leave for another reason, with this call's data. */
static void
completed_before_leaving(void **state)
{
	struct vm *vm = vm_make_cpus("r", 1);
	struct vm_exit e;

	(void)state;
	fake_do(vm->vcpu[0], FAKE_LOAD, 0, 0);
	assert_run(vm, 0, 0, VM_EXITCODE_INST_EMUL, &e);
	fake_signal(fake_thread());
	assert_run(vm, 0, 7, VM_EXITCODE_BOGUS, &e);
	assert_int_equal(fake_vcpu(vm->vcpu[0])->loaded, 7);
	fake_signal_clear(fake_thread());
	fake_do(vm->vcpu[0], FAKE_FATAL, 0, 0);
	assert_run(vm, 0, 8, VM_EXITCODE_HYP, &e);
	assert_int_equal(fake_vcpu(vm->vcpu[0])->loaded, 7);
	vm_close(vm);
}

static void
faults_and_paging(void **state)
{
	struct vm *vm = vm_make_cpus("r", 1);
	struct vm_exit e;

	(void)state;
	assert_int_equal(ioc_memseg(vm, 0, 4 * MIB, ""), 0);
	assert_int_equal(ioc_memmap(vm, RAM, 0, 0, 4 * MIB, VM_PROT_READ | VM_PROT_WRITE), 0);
	fake_do(vm->vcpu[0], FAKE_LOAD, RAM, 0);
	fake_do(vm->vcpu[0], FAKE_STORE, RAM + 2 * MIB, 1);
	fake_do(vm->vcpu[0], FAKE_FETCH, RAM, 0);
	fake_do(vm->vcpu[0], FAKE_FLUSH, 0, 0);
	fake_do(vm->vcpu[0], FAKE_WFE, 0, 0);
	fake_do(vm->vcpu[0], FAKE_FETCH, 0, 0);
	fake_do(vm->vcpu[0], FAKE_FATAL, 0, 0);
	fake_fail_at(1);
	assert_run(vm, 0, 0, VM_EXITCODE_PAGING, &e);
	assert_int_equal(e.u.paging.gpa, RAM);
	assert_int_equal(e.u.paging.error, ENOMEM);
	assert_run(vm, 0, 0, VM_EXITCODE_HYP, &e);
	assert_int_equal(fake_stage2_blocks(vm), 2);
	assert_int_equal(fake_vcpu(vm->vcpu[0])->aborted, 1);
	vm_close(vm);
}

static void
inactive_vcpus(void **state)
{
	struct vm *vm = vm_make("r");
	struct vm_exit e;
	uint64_t val;

	(void)state;
	assert_int_equal(ioc_run(vm, 0, 0, &e), -EINVAL);
	assert_int_equal(ioc_run(vm, 8, 0, &e), -EINVAL);
	assert_int_equal(ioc_run(vm, ~0u, 0, &e), -EINVAL);
	/* A loader sets registers before bhyve activates: they stay. */
	assert_int_equal(ioc_setreg(vm, 0, VM_REG_GUEST_PC, RAM), 0);
	assert_int_equal(ioc_cpuset(vm, VM_ACTIVE_CPUS), 0);
	assert_int_equal(ioc_run(vm, 0, 0, &e), -EINVAL);
	assert_int_equal(ioc_activate(vm, 0), 0);
	assert_int_equal(ioc_activate(vm, 0), -EBUSY);
	assert_int_equal(ioc_activate(vm, 8), -EINVAL);
	assert_int_equal(ioc_getreg(vm, 0, VM_REG_GUEST_PC, &val), 0);
	assert_int_equal(val, RAM);
	assert_int_equal(ioc_activate(vm, 7), 0);
	assert_int_equal(ioc_cpuset(vm, VM_ACTIVE_CPUS), 0x81);
	assert_int_equal(ioc_cpuset(vm, VM_RUNNABLE_CPUS), 0x01);
	vm_close(vm);
}

static void
suspend_and_reinit(void **state)
{
	struct vm *vm = vm_make_cpus("r", 2);
	struct vm_exit e;

	(void)state;
	fake_do(vm->vcpu[0], FAKE_SUSPEND, 0, VM_SUSPEND_POWEROFF);
	assert_run(vm, 0, 0, VM_EXITCODE_SUSPENDED, &e);
	assert_int_equal(e.u.suspended.how, VM_SUSPEND_POWEROFF);
	assert_int_equal(e.u.suspended.vcpuid, 0);
	assert_int_equal(ioc_cpuset(vm, VM_SUSPENDED_CPUS), 1);
	assert_int_equal(ioc_suspend(vm, VM_SUSPEND_POWEROFF), 0);
	assert_int_equal(ioc_suspend(vm, VM_SUSPEND_RESET), -EBUSY);
	assert_int_equal(ioc_suspend(vm, VM_SUSPEND_NONE), -EINVAL);
	assert_int_equal(ioc_suspend(vm, VM_SUSPEND_DESTROY), -EINVAL);
	assert_int_equal(ioc_suspend(vm, VM_SUSPEND_LAST), -EINVAL);
	/* It stays so, and a vCPU that is off hears it too. */
	assert_run(vm, 1, 0, VM_EXITCODE_SUSPENDED, &e);
	assert_int_equal(ioc_cpuset(vm, VM_SUSPENDED_CPUS), 3);
	assert_int_equal(ioc_reinit(vm), 0);
	assert_int_equal(ioc_cpuset(vm, VM_ACTIVE_CPUS), 0);
	assert_int_equal(ioc_run(vm, 0, 0, &e), -EINVAL);
	assert_int_equal(ioc_activate(vm, 0), 0);
	assert_int_equal(ioc_cpuset(vm, VM_SUSPENDED_CPUS), 0);
	fake_do(vm->vcpu[0], FAKE_FATAL, 0, 0);
	assert_run(vm, 0, 0, VM_EXITCODE_HYP, &e);
	assert_int_equal(ioc_suspend(vm, VM_SUSPEND_HALT), 0);
	assert_int_equal(ioc_run(vm, 0, 0, &e), 0);
	assert_int_equal(e.u.suspended.how, VM_SUSPEND_HALT);
	assert_int_equal(e.u.suspended.vcpuid, ~0u);
	vm_close(vm);
}

/* GICV's pages go with stage 2; the vGIC has to be there again all the same. */
static void
reinit_keeps_vgic(void **state)
{
	struct vm_attach_vgic g = { 0x8000000, 0x10000, 0x8010000, 0x10000, 288, 0 };
	struct vm *vm = vm_make_cpus("r", 1);
	struct vm_irq irq = { .irq = 40 };

	(void)state;
	assert_int_equal(vm_ioctl(vm, IOCNUM_ASSERT_IRQ, &irq, sizeof(irq)), -ENXIO);
	assert_int_equal(vm_ioctl(vm, IOCNUM_ATTACH_VGIC, &g, sizeof(g)), 0);
	assert_int_equal(vm_ioctl(vm, IOCNUM_ASSERT_IRQ, &irq, sizeof(irq)), 0);
	assert_int_equal(ioc_reinit(vm), 0);
	assert_int_equal(vm_ioctl(vm, IOCNUM_ASSERT_IRQ, &irq, sizeof(irq)), 0);
	assert_int_equal(vm_ioctl(vm, IOCNUM_ATTACH_VGIC, &g, sizeof(g)), 0);
	vm_close(vm);
}

/* A bhyve was killed with an access pending: the next one starts anew. */
static void
reinit_forgets_access(void **state)
{
	struct vm *vm = vm_make_cpus("r", 1);
	struct vm_exit e;

	(void)state;
	fake_do(vm->vcpu[0], FAKE_LOAD, 0, 0);
	assert_run(vm, 0, 0, VM_EXITCODE_INST_EMUL, &e);
	assert_int_equal(ioc_reinit(vm), 0);
	assert_int_equal(ioc_activate(vm, 0), 0);
	fake_do(vm->vcpu[0], FAKE_FATAL, 0, 0);
	assert_run(vm, 0, 5, VM_EXITCODE_HYP, &e);
	assert_int_equal(fake_vcpu(vm->vcpu[0])->completed, 0);
	vm_close(vm);
}

/* ---- threads ---- */

static void
second_run_is_busy(void **state)
{
	struct vm *vm = vm_make_cpus("r", 1);
	struct vm_attach_vgic g = { 0x8000000, 0x10000, 0x8010000, 0x10000, 288, 0 };
	struct vmmctl_vm_next n = { .cursor = 0 };
	struct runner r;
	struct vm_exit e;

	(void)state;
	runner_start(&r, vm, 0);
	wait_until(vcpu_state(vm, 0) == VCPU_RUNNING);
	assert_int_equal(ioc_run(vm, 0, 0, &e), -EBUSY);
	assert_int_equal(ioc_reinit(vm), -EBUSY);
	assert_int_equal(vm_ioctl(vm, IOCNUM_ATTACH_VGIC, &g, sizeof(g)), -EBUSY);
	assert_int_equal(vmmctl_ioctl(IOCNUM_VMM_NEXT, &n, sizeof(n)), 0);
	assert_int_equal(n.running, 1);
	assert_int_equal(ioc_suspend(vm, VM_SUSPEND_RESET), 0);
	runner_join(&r);
	assert_int_equal(r.exit.u.suspended.how, VM_SUSPEND_RESET);
	assert_int_equal(ioc_reinit(vm), 0);
	assert_int_equal(vm_ioctl(vm, IOCNUM_ATTACH_VGIC, &g, sizeof(g)), 0);
	assert_int_equal(vm_ioctl(vm, IOCNUM_ATTACH_VGIC, &g, sizeof(g)), 0);
	g.nirqs = 64;
	assert_int_equal(vm_ioctl(vm, IOCNUM_ATTACH_VGIC, &g, sizeof(g)), -EEXIST);
	vm_close(vm);
}

/* Registers of a vCPU in the guest, asleep, off: it is stopped, looked at, and goes on. */
static void
registers_of_a_running_vcpu(void **state)
{
	struct vm *vm = vm_make_cpus("r", 2);
	struct runner r[2];
	uint64_t val;

	(void)state;
	runner_start(&r[0], vm, 0);
	runner_start(&r[1], vm, 1);
	wait_until(vcpu_state(vm, 0) == VCPU_RUNNING && vcpu_state(vm, 1) == VCPU_SLEEPING);
	for (uint64_t i = 0; i < 50; i++)
		for (uint32_t id = 0; id < 2; id++) {
			assert_int_equal(ioc_setreg(vm, id, VM_REG_GUEST_R0, i), 0);
			assert_int_equal(ioc_getreg(vm, id, VM_REG_GUEST_R0, &val), 0);
			assert_int_equal(val, i);
		}
	assert_int_equal(ioc_getreg(vm, 0, VM_REG_LAST, &val), -EINVAL);
	assert_int_equal(ioc_setreg(vm, 1, VM_REG_GUEST_MPIDR, 0), -EINVAL);
	wait_until(vcpu_state(vm, 0) == VCPU_RUNNING && vcpu_state(vm, 1) == VCPU_SLEEPING);
	assert_int_equal(r[0].bogus + r[1].bogus, 0);
	assert_int_equal(ioc_suspend(vm, VM_SUSPEND_POWEROFF), 0);
	runner_join(&r[0]);
	runner_join(&r[1]);
	vm_close(vm);
}

static void
quiesce(void **state)
{
	struct vm *vm = vm_make_cpus("r", 4);
	struct runner r[3];
	uint32_t enters;

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		fake_vcpu(vm->vcpu[i])->powered = 1;
		runner_start(&r[i], vm, i);
	}
	for (int round = 0; round < 20; round++) {
		os_mutex_lock(&vm->lock);
		vm_quiesce(vm);
		enters = 0;
		for (uint32_t i = 0; i < 4; i++) {
			assert_true(LOAD_ONCE(vm->vcpu[i]->run_busy) >= VCPU_HELD);
			assert_int_equal(LOAD_ONCE(fake_vcpu(vm->vcpu[i])->in_guest), 0);
			enters += LOAD_ONCE(fake_vcpu(vm->vcpu[i])->enters);
		}
		sched_yield();
		for (uint32_t i = 0; i < 4; i++)
			enters -= LOAD_ONCE(fake_vcpu(vm->vcpu[i])->enters);
		assert_int_equal(enters, 0);
		vm_unquiesce(vm);
		os_mutex_unlock(&vm->lock);
	}
	assert_int_equal(ioc_suspend(vm, VM_SUSPEND_POWEROFF), 0);
	for (uint32_t i = 0; i < 3; i++)
		runner_join(&r[i]);
	vm_close(vm);
}

/* WFI sleeps until an interrupt, its own timer, or a signal. */
static void
wfi(void **state)
{
	struct vm *vm = vm_make_cpus("r", 1);
	struct vcpu *vcpu = vm->vcpu[0];
	struct runner r;

	(void)state;
	fake_do(vcpu, FAKE_WFI, 0, 0);
	runner_start(&r, vm, 0);
	wait_until(vcpu_state(vm, 0) == VCPU_SLEEPING);
	fake_clock_advance(1000);
	/* News that is not for it: it sleeps on. */
	for (int i = 0; i < 5; i++) {
		vcpu_request(vcpu, VCPU_REQ_IRQ);
		wait_until((LOAD_ONCE(*vcpu->requests) & VCPU_REQ_IRQ) == 0);
	}
	wait_until(vcpu_state(vm, 0) == VCPU_SLEEPING);
	assert_int_equal(LOAD_ONCE(fake_vcpu(vcpu)->enters), 1);
	fake_irq(vcpu);
	wait_until(vcpu_state(vm, 0) == VCPU_RUNNING);
	assert_int_equal(stat_of(vm, 0, VMM_STAT_HALT_NS), 1000);

	fake_do(vcpu, FAKE_WFI, 0, 500);
	fake_irq(vcpu); /* out of its spin */
	wait_until(fake_timers_armed() == 1 && vcpu_state(vm, 0) == VCPU_SLEEPING);
	fake_clock_advance(499);
	assert_int_equal(vcpu_state(vm, 0), VCPU_SLEEPING);
	fake_clock_advance(1);
	wait_until(vcpu_state(vm, 0) == VCPU_RUNNING);
	assert_int_equal(stat_of(vm, 0, VMM_STAT_HALT_NS), 1500);

	fake_do(vcpu, FAKE_WFI, 0, 100000);
	fake_irq(vcpu);
	wait_until(fake_timers_armed() == 1 && vcpu_state(vm, 0) == VCPU_SLEEPING);
	fake_signal(r.handle);
	wait_until(__atomic_load_n(&r.bogus, __ATOMIC_ACQUIRE) == 1);
	wait_until(vcpu_state(vm, 0) == VCPU_RUNNING); /* a WFI may end early */
	assert_int_equal(fake_timers_armed(), 0);
	assert_int_equal(ioc_suspend(vm, VM_SUSPEND_POWEROFF), 0);
	runner_join(&r);
	vm_close(vm);
}

static void
signal_leaves(void **state)
{
	struct vm *vm = vm_make_cpus("r", 2);
	struct runner r[2];

	(void)state;
	runner_start(&r[0], vm, 0);
	runner_start(&r[1], vm, 1);
	wait_until(vcpu_state(vm, 0) == VCPU_RUNNING && vcpu_state(vm, 1) == VCPU_SLEEPING);
	fake_signal(r[0].handle);
	fake_signal(r[1].handle);
	wait_until(__atomic_load_n(&r[0].bogus, __ATOMIC_ACQUIRE) != 0 &&
	    __atomic_load_n(&r[1].bogus, __ATOMIC_ACQUIRE) != 0);
	assert_int_equal(ioc_suspend(vm, VM_SUSPEND_POWEROFF), 0);
	runner_join(&r[0]);
	runner_join(&r[1]);
	vm_close(vm);
}

static void
cpu_on_and_off(void **state)
{
	struct vm *vm = vm_make_cpus("r", 2);
	struct runner r[2];

	(void)state;
	runner_start(&r[1], vm, 1);
	wait_until(vcpu_state(vm, 1) == VCPU_SLEEPING);
	assert_int_equal(LOAD_ONCE(fake_vcpu(vm->vcpu[1])->enters), 0);
	fake_irq(vm->vcpu[1]); /* does not turn it on */
	fake_do(vm->vcpu[0], FAKE_CPU_ON, 0, 1);
	fake_do(vm->vcpu[0], FAKE_CPU_ON, 0, 7); /* nobody */
	runner_start(&r[0], vm, 0);
	wait_until(vcpu_state(vm, 1) == VCPU_RUNNING);
	assert_int_equal(ioc_cpuset(vm, VM_RUNNABLE_CPUS), 3);
	fake_do(vm->vcpu[1], FAKE_CPU_OFF, 0, 0);
	fake_irq(vm->vcpu[1]);
	wait_until(vcpu_state(vm, 1) == VCPU_SLEEPING);
	assert_int_equal(ioc_cpuset(vm, VM_RUNNABLE_CPUS), 1);
	assert_int_equal(ioc_suspend(vm, VM_SUSPEND_RESET), 0);
	runner_join(&r[0]);
	runner_join(&r[1]);
	vm_close(vm);
}

/* A CPU_ON to a vCPU whose thread comes later is not lost. */
static void
cpu_on_before_run(void **state)
{
	struct vm *vm = vm_make_cpus("r", 2);
	struct vm_exit e;

	(void)state;
	fake_do(vm->vcpu[0], FAKE_CPU_ON, 0, 1);
	fake_do(vm->vcpu[0], FAKE_FATAL, 0, 0);
	assert_int_equal(ioc_run(vm, 0, 0, &e), 0);
	fake_do(vm->vcpu[1], FAKE_FATAL, 0, 0);
	assert_run(vm, 1, 0, VM_EXITCODE_HYP, &e);
	vm_close(vm);
}

/* VM_SUSPEND_CPU: user space hears of it once, then the thread sleeps until RESUME. */
static void
debug(void **state)
{
	struct vm *vm = vm_make_cpus("r", 2);
	struct runner r[2];

	(void)state;
	fake_vcpu(vm->vcpu[1])->powered = 1;
	runner_start(&r[0], vm, 0);
	runner_start(&r[1], vm, 1);
	wait_until(vcpu_state(vm, 0) == VCPU_RUNNING && vcpu_state(vm, 1) == VCPU_RUNNING);
	assert_int_equal(ioc_debug(vm, 1, false), -EINVAL);
	assert_int_equal(ioc_debug(vm, 2, true), -EINVAL);
	assert_int_equal(ioc_debug(vm, 8, true), -EINVAL);
	assert_int_equal(ioc_debug(vm, 1, true), 0);
	wait_until(__atomic_load_n(&r[1].debug, __ATOMIC_ACQUIRE) == 1 &&
	    vcpu_state(vm, 1) == VCPU_SLEEPING);
	assert_int_equal(ioc_cpuset(vm, VM_DEBUG_CPUS), 2);
	fake_irq(vm->vcpu[1]);
	wait_until(vcpu_state(vm, 1) == VCPU_SLEEPING);
	assert_int_equal(vcpu_state(vm, 0), VCPU_RUNNING);
	assert_int_equal(ioc_debug(vm, ~0u, true), 0);
	wait_until(__atomic_load_n(&r[0].debug, __ATOMIC_ACQUIRE) == 1 &&
	    vcpu_state(vm, 0) == VCPU_SLEEPING);
	assert_int_equal(LOAD_ONCE(r[1].debug), 1);
	assert_int_equal(ioc_debug(vm, ~0u, false), 0);
	wait_until(vcpu_state(vm, 0) == VCPU_RUNNING && vcpu_state(vm, 1) == VCPU_RUNNING);
	assert_int_equal(ioc_debug(vm, 0, true), 0);
	wait_until(__atomic_load_n(&r[0].debug, __ATOMIC_ACQUIRE) == 2);
	assert_int_equal(ioc_suspend(vm, VM_SUSPEND_RESET), 0);
	runner_join(&r[0]);
	runner_join(&r[1]);
	vm_close(vm);
}

/* Suspended again before its thread came back for more: that is news. */
static void
debug_again(void **state)
{
	struct vm *vm = vm_make_cpus("r", 1);
	struct vm_exit e;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ioc_debug(vm, 0, true), 0);
		assert_int_equal(ioc_debug(vm, 0, true), 0);
		assert_run(vm, 0, 0, VM_EXITCODE_DEBUG, &e);
		assert_int_equal(ioc_debug(vm, 0, false), 0);
	}
	vm_close(vm);
}

static void
destroy_while_running(void **state)
{
	struct vm *vm = vm_make_cpus("r", 3);
	struct runner r[3];

	(void)state;
	fake_do(vm->vcpu[1], FAKE_WFI, 0, 0);
	fake_vcpu(vm->vcpu[1])->powered = 1;
	for (uint32_t i = 0; i < 3; i++)
		runner_start(&r[i], vm, i);
	wait_until(vcpu_state(vm, 0) == VCPU_RUNNING && vcpu_state(vm, 1) == VCPU_SLEEPING &&
	    vcpu_state(vm, 2) == VCPU_SLEEPING);
	assert_int_equal(ctl_destroy("r"), 0);
	for (uint32_t i = 0; i < 3; i++) {
		runner_join(&r[i]);
		assert_int_equal(r[i].error, 0);
		assert_int_equal(r[i].exit.exitcode, VM_EXITCODE_SUSPENDED);
		assert_int_equal(r[i].exit.u.suspended.how, VM_SUSPEND_DESTROY);
	}
	vm_put(vm);
}

/* Destroy returns when the last thread has left, however long that takes. */
static void
destroy_waits(void **state)
{
	struct vm *vm = vm_make_cpus("r", 1);
	struct runner r;

	(void)state;
	fake_do(vm->vcpu[0], FAKE_SLOW, 0, 50000);
	runner_start(&r, vm, 0);
	wait_until(LOAD_ONCE(fake_vcpu(vm->vcpu[0])->enters) == 1 &&
	    LOAD_ONCE(fake_vcpu(vm->vcpu[0])->in_guest) == 0);
	assert_int_equal(ctl_destroy("r"), 0);
	assert_int_equal(LOAD_ONCE(vm->vcpu[0]->run_busy), VCPU_FREE);
	runner_join(&r);
	assert_int_equal(r.exit.exitcode, VM_EXITCODE_SUSPENDED);
	vm_put(vm);
}

/* ---- the trace ---- */

static void
trace(void **state)
{
	struct vm *vm = vm_make_cpus("r", 2);
	struct vm_trace t = { .vcpuid = 1 };
	uint64_t next = 0;

	(void)state;
	assert_int_equal(vm_ioctl(vm, IOCNUM_TRACE, &t, sizeof(t)), 0);
	assert_int_equal(t.count, 0);
	for (uint32_t i = 0; i < 10; i++)
		vmm_trace(vm->vcpu[1], VMM_TRACE_INJECT, i, i * 2);
	assert_int_equal(vm_ioctl(vm, IOCNUM_TRACE, &t, sizeof(t)), 0);
	assert_int_equal(t.count, 10);
	assert_int_equal(t.lost, 0);
	assert_int_equal(t.recs[9].a, 9);
	assert_int_equal(t.recs[9].b, 18);
	assert_int_equal(t.recs[9].vcpuid, 1);
	assert_int_equal(t.recs[9].event, VMM_TRACE_INJECT);
	assert_int_equal(t.cursor, 10);
	for (uint32_t i = 10; i < 1000; i++)
		vmm_trace(vm->vcpu[1], VMM_TRACE_INJECT, i, 0);
	/* Overwritten ones are counted, the rest come in order, a batch a call. */
	for (next = 1000 - VMM_TRACE_RECS; next < 1000; next += t.count) {
		assert_int_equal(vm_ioctl(vm, IOCNUM_TRACE, &t, sizeof(t)), 0);
		assert_int_equal(t.count, VM_TRACE_BATCH);
		assert_int_equal(t.lost, next == 744 ? 734 : 0);
		for (uint32_t i = 0; i < t.count; i++)
			assert_int_equal(t.recs[i].a, next + i);
	}
	assert_int_equal(vm_ioctl(vm, IOCNUM_TRACE, &t, sizeof(t)), 0);
	assert_int_equal(t.count, 0);
	t.cursor = ~0ull;
	assert_int_equal(vm_ioctl(vm, IOCNUM_TRACE, &t, sizeof(t)), 0);
	assert_int_equal(t.cursor, 1000);
	t.vcpuid = 2;
	assert_int_equal(vm_ioctl(vm, IOCNUM_TRACE, &t, sizeof(t)), -EINVAL);
	t.vcpuid = ~0u;
	assert_int_equal(vm_ioctl(vm, IOCNUM_TRACE, &t, sizeof(t)), -EINVAL);
	vm_close(vm);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(access_is_completed),
		core_test(completed_before_leaving),
		core_test(faults_and_paging),
		core_test(inactive_vcpus),
		core_test(suspend_and_reinit),
		core_test(reinit_keeps_vgic),
		core_test(reinit_forgets_access),
		core_test(second_run_is_busy),
		core_test(registers_of_a_running_vcpu),
		core_test(quiesce),
		core_test(wfi),
		core_test(signal_leaves),
		core_test(cpu_on_and_off),
		core_test(cpu_on_before_run),
		core_test(debug),
		core_test(debug_again),
		core_test(destroy_while_running),
		core_test(destroy_waits),
		core_test(trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
