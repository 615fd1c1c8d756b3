/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Threads that get in each other's way: makers of one name, destroyers of running VMs, memory
 * that goes while vCPUs touch it.  Built with -fsanitize=thread it also finds data races; a
 * lost wake-up shows as a time-out.
 */
#include "core_test.h"

#define ROUNDS 60

static void
start(pthread_t *t, void *(*fn)(void *arg), void *arg)
{
	assert_int_equal(pthread_create(t, NULL, fn, arg), 0);
}

static void
join(pthread_t t)
{
	assert_int_equal(pthread_join(t, NULL), 0);
}

/* ---- one name, several makers and destroyers ---- */

struct tally {
	unsigned int made, taken, destroyed, missed; /* [a] */
};

static void *
maker(void *arg)
{
	struct tally *t = arg;
	int error;

	for (int i = 0; i < ROUNDS; i++) {
		error = ctl_create("same");
		assert_true(error == 0 || error == -EEXIST);
		__atomic_add_fetch(error == 0 ? &t->made : &t->taken, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *
destroyer(void *arg)
{
	struct tally *t = arg;
	int error;

	for (int i = 0; i < ROUNDS; i++) {
		error = ctl_destroy("same");
		assert_true(error == 0 || error == -ENOENT || error == -ENXIO);
		__atomic_add_fetch(error == 0 ? &t->destroyed : &t->missed, 1, __ATOMIC_RELAXED);
		sched_yield();
	}
	return NULL;
}

static void *
opener(void *arg)
{
	struct vm *vm;
	struct vm_exit e;
	int error;

	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		error = vm_open("same", &vm);
		assert_true(error == 0 || error == -ENOENT || error == -ENXIO);
		if (error != 0)
			continue;
		error = ioc_activate(vm, 0);
		assert_true(error == 0 || error == -EBUSY || error == -ENXIO);
		if (error == 0) {
			fake_do(vm->vcpu[0], FAKE_FATAL, 0, 0);
			error = ioc_run(vm, 0, 0, &e);
			assert_true(error == 0 || error == -ENXIO);
		}
		vm_put(vm);
	}
	return NULL;
}

static void
one_name(void **state)
{
	struct tally t = { 0 };
	pthread_t th[6];

	(void)state;
	start(&th[0], maker, &t);
	start(&th[1], maker, &t);
	start(&th[2], destroyer, &t);
	start(&th[3], destroyer, &t);
	start(&th[4], opener, &t);
	start(&th[5], opener, &t);
	for (size_t i = 0; i < NELEM(th); i++)
		join(th[i]);
	if (ctl_destroy("same") == 0)
		t.destroyed++;
	assert_int_equal(t.made, t.destroyed);
}

/* ---- destroy and suspend at any moment of a run ---- */

static void *
kicker(void *arg)
{
	struct vm *vm = arg;
	struct vm_irq irq = { .irq = 40 };
	uint64_t val;

	for (int i = 0; i < 20; i++) {
		(void)vm_ioctl(vm, IOCNUM_PULSE_IRQ, &irq, sizeof(irq));
		(void)ioc_getreg(vm, (uint32_t)i & 1, VM_REG_GUEST_PC, &val);
		(void)ioc_debug(vm, ~0u, (i & 3) == 0);
	}
	(void)ioc_debug(vm, ~0u, false);
	return NULL;
}

static void
ends(void **state)
{
	struct vm_attach_vgic g = { 0x8000000, 0x10000, 0x8010000, 0x10000, 288, 0 };
	struct runner r[2];
	struct vm *vm;
	pthread_t k;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		vm = vm_make("e");
		assert_int_equal(vm_ioctl(vm, IOCNUM_ATTACH_VGIC, &g, sizeof(g)), 0);
		for (uint32_t id = 0; id < 2; id++) {
			assert_int_equal(ioc_activate(vm, id), 0);
			fake_vcpu(vm->vcpu[id])->powered = 1;
			for (int n = 0; n < i % 8; n++)
				fake_do(vm->vcpu[id], n % 2 ? FAKE_WFE : FAKE_NOP, 0, 0);
			if (i % 3 == 0)
				fake_do(vm->vcpu[id], FAKE_WFI, 0, 0);
			if (i % 5 == 0 && id == 1)
				fake_do(vm->vcpu[id], FAKE_SUSPEND, 0, VM_SUSPEND_RESET);
			runner_start(&r[id], vm, id);
		}
		start(&k, kicker, vm);
		if (i % 2 == 0)
			(void)ioc_suspend(vm, VM_SUSPEND_POWEROFF);
		assert_int_equal(ctl_destroy("e"), 0);
		for (uint32_t id = 0; id < 2; id++) {
			runner_join(&r[id]);
			assert_true(
			    r[id].error == -ENXIO || r[id].exit.exitcode == VM_EXITCODE_SUSPENDED);
		}
		join(k);
		vm_put(vm);
	}
}

/* ---- messages to a vCPU that sleeps, wakes, sleeps ---- */

static void
no_lost_wakeups(void **state)
{
	struct vm *vm = vm_make("w");
	struct runner r;
	struct vcpu *vcpu;

	(void)state;
	assert_int_equal(ioc_activate(vm, 0), 0);
	vcpu = vm->vcpu[0];
	for (unsigned int i = 0; i < FAKE_ACTIONS; i++)
		fake_do(vcpu, i % 2 ? FAKE_NOP : FAKE_WFI, 0, 0);
	runner_start(&r, vm, 0);
	/* One interrupt for each WFI: it must come out each time. */
	for (uint32_t n = 0; n < FAKE_ACTIONS; n += 2) {
		wait_until(LOAD_ONCE(fake_vcpu(vcpu)->enters) > n);
		fake_irq(vcpu);
		wait_until(LOAD_ONCE(fake_vcpu(vcpu)->enters) > n + 1);
	}
	assert_int_equal(ctl_destroy("w"), 0);
	runner_join(&r);
	vm_put(vm);
}

/* ---- memory while vCPUs run ---- */

static void *
toucher(void *arg)
{
	struct vm *vm = arg;
	struct vm_exit e;
	bool store = false;

	do {
		for (uint64_t i = 0; i < 32; i++, store = !store)
			fake_do(vm->vcpu[0], store ? FAKE_STORE : FAKE_LOAD,
			    RAM + i * 0x51000 % (16 * MIB), i);
		fake_do(vm->vcpu[0], FAKE_FLUSH, 0, 0);
		fake_do(vm->vcpu[0], FAKE_FETCH, RAM + MIB, 0);
		fake_do(vm->vcpu[0], FAKE_FATAL, 0, 0);
		do
			if (ioc_run(vm, 0, 0, &e) != 0)
				return NULL;
		while (e.exitcode == VM_EXITCODE_INST_EMUL || e.exitcode == VM_EXITCODE_PAGING);
	} while (e.exitcode == VM_EXITCODE_HYP);
	return NULL;
}

static void *
user_toucher(void *arg)
{
	struct vm *vm = arg;
	void *va;

	for (uint64_t i = 0; i < 300; i++)
		(void)fake_user_touch(vm, RAM + i * 0x31000 % (16 * MIB), i % 2 != 0, &va);
	return NULL;
}

static void
memory_comes_and_goes(void **state)
{
	struct vm *vm = vm_make("m");
	pthread_t t, u;
	uint64_t freed;

	(void)state;
	assert_int_equal(ioc_activate(vm, 0), 0);
	assert_int_equal(ioc_memseg(vm, 0, 16 * MIB, ""), 0);
	assert_int_equal(ioc_memmap(vm, RAM, 0, 0, 16 * MIB, VM_PROT_READ | VM_PROT_WRITE), 0);
	start(&t, toucher, vm);
	start(&u, user_toucher, vm);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		fake_no_blocks(i % 3 == 0);
		assert_int_equal(ioc_discard(vm, RAM + i % 8 * MIB, 4 * MIB + i * 4096, &freed), 0);
		if (i % 4 == 0) {
			assert_int_equal(ioc_munmap(vm, RAM, 16 * MIB), 0);
			assert_int_equal(
			    ioc_memmap(vm, RAM, 0, i % 8 * 4096, 8 * MIB, VM_PROT_READ), 0);
			assert_int_equal(ioc_munmap(vm, RAM, 8 * MIB), 0);
			assert_int_equal(
			    ioc_memmap(vm, RAM, 0, 0, 16 * MIB, VM_PROT_READ | VM_PROT_WRITE), 0);
		}
	}
	assert_int_equal(ctl_destroy("m"), 0);
	join(t);
	join(u);
	vm_put(vm);
}

/* ---- the trace, read while it is written ---- */

static void *
tracer(void *arg)
{
	struct vm *vm = arg;

	for (uint32_t i = 0; i < 20000; i++)
		vmm_trace(vm->vcpu[0], VMM_TRACE_MMIO, i, (uint64_t)i << 32 | i);
	return NULL;
}

static void
trace_is_whole(void **state)
{
	struct vm *vm = vm_make("t");
	struct vm_trace t = { .vcpuid = 0 };
	uint64_t seen = 0, lost = 0;
	pthread_t th;

	(void)state;
	assert_int_equal(ioc_activate(vm, 0), 0);
	start(&th, tracer, vm);
	while (seen + lost < 20000) {
		assert_int_equal(vm_ioctl(vm, IOCNUM_TRACE, &t, sizeof(t)), 0);
		for (uint32_t i = 0; i < t.count; i++)
			assert_int_equal(t.recs[i].b, (uint64_t)t.recs[i].a << 32 | t.recs[i].a);
		seen += t.count;
		lost += t.lost;
	}
	assert_int_equal(seen + lost, 20000);
	assert_int_equal(t.cursor, 20000);
	join(th);
	vm_close(vm);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(one_name),
		core_test(ends),
		core_test(no_lost_wakeups),
		core_test(memory_comes_and_goes),
		core_test(trace_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
