/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Doorbells and bound interrupts: what may be bound where, what rings and what does not, and that
 * nothing is left of a binding whose file, VM, event or memory is gone.
 */
#include "core_test.h"

#define BELL 0x10001000ull

static int fd[4];

static int
setup(void **state)
{
	int error = core_setup(state);

	for (size_t i = 0; i < NELEM(fd); i++)
		fd[i] = fake_eventfd();
	return error;
}

static int
teardown(void **state)
{
	(void)fake_run_work();
	return core_teardown(state);
}

static int
bell(struct vm *vm, const void *file, uint64_t gpa, uint32_t size, uint32_t data, int event)
{
	struct vm_bind_doorbell a = { gpa, size, data, event, 0 };

	return vm_file_ioctl(vm, file, IOCNUM_BIND_DOORBELL, &a, sizeof(a));
}

static int
unbell(struct vm *vm, uint64_t gpa, uint32_t size, uint32_t data, int event)
{
	struct vm_bind_doorbell a = { gpa, size, data, event, VM_BIND_UNBIND };

	return vm_ioctl(vm, IOCNUM_BIND_DOORBELL, &a, sizeof(a));
}

static int
irq(struct vm *vm, const void *file, uint32_t intid, int event, int resample)
{
	struct vm_bind_irq a = { intid, event, resample < 0 ? 0 : resample,
		resample < 0 ? 0 : VM_BIND_RESAMPLE };

	return vm_file_ioctl(vm, file, IOCNUM_BIND_IRQ, &a, sizeof(a));
}

static int
unirq(struct vm *vm, uint32_t intid, int event)
{
	struct vm_bind_irq a = { intid, event, 0, VM_BIND_UNBIND };

	return vm_ioctl(vm, IOCNUM_BIND_IRQ, &a, sizeof(a));
}

static void
vgic(struct vm *vm)
{
	struct vm_attach_vgic a = { 0x8000000, 4096, 0x8010000, 8192, 288, 0 };

	assert_int_equal(vm_ioctl(vm, IOCNUM_ATTACH_VGIC, &a, sizeof(a)), 0);
}

static uint64_t
stat_of(struct vm *vm, enum vmm_stat s)
{
	struct vm_stats a = { .vcpuid = 0 };

	assert_int_equal(vm_ioctl(vm, IOCNUM_VM_STATS, &a, sizeof(a)), 0);
	return a.values[s];
}

/* Does a store come out of VM_RUN?  It is answered then. */
static bool
comes_out(struct vm *vm, uint64_t gpa, uint32_t data)
{
	struct vm_exit e;
	bool out;

	fake_do(vm->vcpu[0], FAKE_STORE, gpa, data);
	fake_do(vm->vcpu[0], FAKE_FATAL, 0, 0);
	assert_int_equal(ioc_run(vm, 0, 0, &e), 0);
	out = e.exitcode == VM_EXITCODE_INST_EMUL;
	if (out) {
		assert_int_equal(e.u.inst_emul.gpa, gpa);
		assert_run(vm, 0, 0, VM_EXITCODE_HYP, &e);
	}
	assert_int_equal(e.exitcode, VM_EXITCODE_HYP);
	return out;
}

static void
requests(void **state)
{
	struct vm_bind_doorbell flags = { BELL, 0, 0, fd[0], 2 };
	struct vm *vm = vm_make("b");

	(void)state;
	assert_int_equal(bell(vm, vm, BELL, 3, 0, fd[0]), -EINVAL);
	assert_int_equal(bell(vm, vm, BELL, 8, 0, fd[0]), -EINVAL);
	assert_int_equal(bell(vm, vm, BELL, 0, 1, fd[0]), -EINVAL);
	assert_int_equal(bell(vm, vm, BELL, 1, 0x100, fd[0]), -EINVAL);
	assert_int_equal(bell(vm, vm, BELL, 2, 0x10000, fd[0]), -EINVAL);
	assert_int_equal(bell(vm, vm, BELL + 1, 2, 1, fd[0]), -EINVAL);
	assert_int_equal(bell(vm, vm, BELL + 2, 4, 1, fd[0]), -EINVAL);
	assert_int_equal(bell(vm, vm, VM_MAX_GPA, 0, 0, fd[0]), -EINVAL);
	assert_int_equal(bell(vm, vm, ~0ull, 0, 0, fd[0]), -EINVAL);
	assert_int_equal(vm_ioctl(vm, IOCNUM_BIND_DOORBELL, &flags, sizeof(flags)), -EINVAL);
	assert_int_equal(bell(vm, vm, BELL, 0, 0, -1), -EBADF);
	assert_int_equal(bell(vm, vm, BELL, 0, 0, 15), -EBADF);
	assert_int_equal(bell(vm, vm, BELL, 0, 0, FAKE_NO_EVENTFD), -EINVAL);
	assert_int_equal(unbell(vm, BELL, 0, 0, fd[0]), -ENOENT);
	/* what the same store would ring is there already */
	assert_int_equal(bell(vm, vm, BELL, 2, 7, fd[0]), 0);
	assert_int_equal(bell(vm, vm, BELL, 2, 7, fd[1]), -EEXIST);
	assert_int_equal(bell(vm, vm, BELL, 0, 0, fd[1]), -EEXIST);
	assert_int_equal(bell(vm, vm, BELL, 2, 8, fd[1]), 0);
	assert_int_equal(bell(vm, vm, BELL, 4, 7, fd[1]), 0);
	assert_int_equal(bell(vm, vm, BELL + 4, 0, 0, fd[1]), 0);
	assert_int_equal(bell(vm, vm, BELL + 4, 4, 1, fd[1]), -EEXIST);
	/* all of it must be said again */
	assert_int_equal(unbell(vm, BELL, 2, 7, fd[1]), -ENOENT);
	assert_int_equal(unbell(vm, BELL, 2, 6, fd[0]), -ENOENT);
	assert_int_equal(unbell(vm, BELL, 0, 0, fd[0]), -ENOENT);
	assert_int_equal(unbell(vm, BELL, 2, 7, fd[0]), 0);
	assert_int_equal(unbell(vm, BELL, 2, 7, fd[0]), -ENOENT);
	vm_close(vm);
}

/* A doorbell, memory and the vGIC exclude each other, whoever comes first. */
static void
places(void **state)
{
	struct vm_attach_vgic a = { 0x8000000, 4096, 0x8010000, 8192, 288, 0 };
	struct vm *vm = vm_make("b");

	(void)state;
	assert_int_equal(ioc_memseg(vm, 0, 4 * MIB, ""), 0);
	assert_int_equal(ioc_memmap(vm, RAM, 0, 0, 2 * MIB, VM_PROT_READ), 0);
	assert_int_equal(bell(vm, vm, RAM, 0, 0, fd[0]), -EEXIST);
	assert_int_equal(bell(vm, vm, RAM + 2 * MIB - 1, 1, 0, fd[0]), -EEXIST);
	assert_int_equal(bell(vm, vm, RAM + 2 * MIB, 0, 0, fd[0]), 0);
	assert_int_equal(ioc_memmap(vm, RAM + 2 * MIB, 0, 0, MIB, VM_PROT_READ), -EEXIST);
	assert_int_equal(unbell(vm, RAM + 2 * MIB, 0, 0, fd[0]), 0);
	assert_int_equal(ioc_memmap(vm, RAM + 2 * MIB, 0, 0, MIB, VM_PROT_READ), 0);
	assert_int_equal(bell(vm, vm, 0x8000f00, 4, 0, fd[0]), 0);
	assert_int_equal(vm_ioctl(vm, IOCNUM_ATTACH_VGIC, &a, sizeof(a)), -EINVAL);
	assert_int_equal(unbell(vm, 0x8000f00, 4, 0, fd[0]), 0);
	assert_int_equal(bell(vm, vm, 0x8011ffc, 0, 0, fd[0]), 0);
	assert_int_equal(vm_ioctl(vm, IOCNUM_ATTACH_VGIC, &a, sizeof(a)), -EINVAL);
	assert_int_equal(unbell(vm, 0x8011ffc, 0, 0, fd[0]), 0);
	vgic(vm);
	assert_int_equal(bell(vm, vm, 0x8000f00, 4, 0, fd[0]), -EEXIST);
	assert_int_equal(bell(vm, vm, 0x8011ffc, 0, 0, fd[0]), -EEXIST);
	assert_int_equal(bell(vm, vm, 0x8012000, 0, 0, fd[0]), 0);
	vm_close(vm);
}

static void
rings(void **state)
{
	struct vm *vm = vm_make("b");

	(void)state;
	assert_int_equal(ioc_activate(vm, 0), 0);
	assert_true(comes_out(vm, BELL, 1));
	assert_int_equal(bell(vm, vm, BELL, 0, 0, fd[0]), 0);
	assert_int_equal(bell(vm, vm, BELL + 4, 4, 5, fd[1]), 0);
	assert_int_equal(bell(vm, vm, BELL + 4, 4, 6, fd[2]), 0);
	assert_int_equal(bell(vm, vm, BELL + 8, 2, 5, fd[1]), 0);
	for (uint32_t i = 0; i < 5; i++)
		assert_false(comes_out(vm, BELL, i * 77));
	assert_int_equal(fake_eventfd_read(fd[0]), 5);
	assert_false(comes_out(vm, BELL + 4, 5));
	assert_false(comes_out(vm, BELL + 4, 6));
	assert_true(comes_out(vm, BELL + 4, 7));
	assert_true(comes_out(vm, BELL + 8, 5)); /* of another size */
	assert_true(comes_out(vm, BELL + 1, 5));
	assert_true(comes_out(vm, BELL - 1, 5));
	assert_int_equal(fake_eventfd_read(fd[1]), 1);
	assert_int_equal(fake_eventfd_read(fd[2]), 1);
	assert_int_equal(stat_of(vm, VMM_STAT_DOORBELLS), 7);
	/* who closes the descriptor unbinds nothing */
	fake_eventfd_close(fd[0]);
	assert_false(comes_out(vm, BELL, 0));
	assert_int_equal(unbell(vm, BELL + 4, 4, 5, fd[1]), 0);
	assert_true(comes_out(vm, BELL + 4, 5));
	assert_false(comes_out(vm, BELL + 4, 6));
	vm_close(vm);
}

/* Of each kind so many and no more, and each one found. */
static void
limits(void **state)
{
	struct vm *vm = vm_make("b");
	uint64_t gpa;

	(void)state;
	assert_int_equal(ioc_activate(vm, 0), 0);
	for (uint32_t i = 0; i < VM_MAX_DOORBELLS; i++) {
		gpa = BELL + (uint64_t)(i * 211 % VM_MAX_DOORBELLS) * 4;
		assert_int_equal(bell(vm, i % 2 == 0 ? "even" : "odd", gpa, 4, i, fd[i % 4]), 0);
	}
	assert_int_equal(bell(vm, vm, 0, 0, 0, fd[0]), -ENOSPC);
	for (uint32_t i = 0; i < VM_MAX_DOORBELLS; i++) {
		gpa = BELL + (uint64_t)(i * 211 % VM_MAX_DOORBELLS) * 4;
		assert_false(comes_out(vm, gpa, i));
		assert_int_equal(fake_eventfd_read(fd[i % 4]), 1);
	}
	assert_int_equal(unbell(vm, BELL, 4, 0, fd[0]), 0);
	assert_int_equal(bell(vm, vm, 0, 0, 0, fd[0]), 0);
	vgic(vm);
	for (uint32_t i = 0; i < VM_MAX_IRQ_BINDS; i++) {
		int event = i < 3 ? fd[i] : fake_eventfd();

		assert_int_equal(irq(vm, vm, 40 + i % 100, event, -1), 0);
		if (i >= 3) /* nobody has it any more; but the job does not run */
			fake_eventfd_close(event);
	}
	assert_int_equal(irq(vm, vm, 40, fd[3], -1), -ENOSPC);
	assert_int_equal(fake_run_work(), 1);
	assert_int_equal(vm->refs, 2);
	assert_int_equal(irq(vm, vm, 40, fd[3], -1), 0);
	assert_int_equal(irq(vm, vm, 40, fd[2], -1), -EEXIST);
	vm_close(vm);
}

/* What a file bound goes with it, and nothing else does. */
static void
files(void **state)
{
	struct vm *vm = vm_make("b");
	int one, two;

	(void)state;
	assert_int_equal(ioc_activate(vm, 0), 0);
	vgic(vm);
	assert_int_equal(bell(vm, &one, BELL, 0, 0, fd[0]), 0);
	assert_int_equal(bell(vm, &two, BELL + 4, 0, 0, fd[0]), 0);
	assert_int_equal(bell(vm, &one, BELL + 8, 0, 0, fd[1]), 0);
	assert_int_equal(irq(vm, &one, 40, fd[2], -1), 0);
	assert_int_equal(irq(vm, &two, 41, fd[3], -1), 0);
	vm_file_closed(vm, &one);
	assert_true(comes_out(vm, BELL, 0));
	assert_false(comes_out(vm, BELL + 4, 0));
	assert_true(comes_out(vm, BELL + 8, 0));
	fake_eventfd_write(fd[2]);
	assert_int_equal(fake_pulses(vm), 0);
	fake_eventfd_write(fd[3]);
	assert_int_equal(fake_pulses(vm), 1);
	assert_int_equal(ioc_reinit(vm), 0);
	assert_int_equal(ioc_activate(vm, 0), 0);
	assert_true(comes_out(vm, BELL + 4, 0));
	fake_eventfd_write(fd[3]);
	assert_int_equal(fake_pulses(vm), 0);
	assert_int_equal(irq(vm, &two, 41, fd[3], -1), 0);
	assert_int_equal(bell(vm, &two, BELL, 0, 0, fd[0]), 0);
	/* destroyed with a file open: nothing can be bound, nothing is */
	assert_int_equal(ctl_destroy("b"), 0);
	assert_int_equal(fake_counts().events, 0);
	assert_int_equal(bell(vm, &two, BELL, 0, 0, fd[0]), -ENXIO);
	vm_file_closed(vm, &two);
	vm_put(vm);
}

static void
edges(void **state)
{
	struct vm_bind_irq odd[] = { { 40, fd[0], 0, 4 }, { 40, fd[0], fd[1], 0 },
		{ 40, fd[0], fd[1], VM_BIND_UNBIND | VM_BIND_RESAMPLE } };
	struct vm *vm = vm_make("b");

	(void)state;
	assert_int_equal(irq(vm, vm, 40, fd[0], -1), -ENXIO);
	vgic(vm);
	for (size_t i = 0; i < NELEM(odd); i++)
		assert_int_equal(vm_ioctl(vm, IOCNUM_BIND_IRQ, &odd[i], sizeof(odd[i])), -EINVAL);
	assert_int_equal(irq(vm, vm, 31, fd[0], -1), -EINVAL);
	assert_int_equal(irq(vm, vm, 288, fd[0], -1), -EINVAL);
	assert_int_equal(irq(vm, vm, 40, -1, -1), -EBADF);
	assert_int_equal(irq(vm, vm, 40, FAKE_NO_EVENTFD, -1), -EINVAL);
	assert_int_equal(unirq(vm, 40, fd[0]), -ENOENT);
	/* what was signalled before is not lost */
	fake_eventfd_write(fd[0]);
	fake_eventfd_write(fd[0]);
	assert_int_equal(irq(vm, vm, 40, fd[0], -1), 0);
	assert_int_equal(fake_pulses(vm), 1);
	fake_eventfd_write(fd[0]);
	assert_int_equal(fake_pulses(vm), 1);
	assert_int_equal(fake_eventfd_read(fd[0]), 0);
	assert_int_equal(irq(vm, vm, 41, fd[0], -1), -EEXIST);
	assert_int_equal(irq(vm, vm, 40, fd[1], -1), 0);
	assert_int_equal(unirq(vm, 41, fd[0]), -ENOENT);
	assert_int_equal(unirq(vm, 40, fd[0]), 0);
	fake_eventfd_write(fd[0]);
	assert_int_equal(fake_pulses(vm), 0);
	fake_eventfd_write(fd[1]);
	assert_int_equal(fake_pulses(vm), 1);
	/* the last descriptor goes: so does the binding */
	fake_eventfd_close(fd[1]);
	assert_int_equal(fake_counts().events, 1);
	assert_int_equal(fake_run_work(), 1);
	assert_int_equal(fake_counts().events, 0);
	/* the same with the VM gone before the job runs */
	assert_int_equal(irq(vm, vm, 40, fd[0], -1), 0);
	fake_eventfd_close(fd[0]);
	vm_close(vm);
	assert_int_equal(fake_run_work(), 1);
}

static void
levels(void **state)
{
	struct vm *vm = vm_make("b");
	struct vm_exit e;

	(void)state;
	assert_int_equal(ioc_activate(vm, 0), 0);
	vgic(vm);
	assert_int_equal(irq(vm, vm, 40, fd[0], FAKE_NO_EVENTFD), -EINVAL);
	assert_int_equal(irq(vm, vm, 40, fd[0], 15), -EBADF);
	assert_int_equal(fake_counts().events, 0);
	assert_int_equal(irq(vm, vm, 40, fd[0], fd[1]), 0);
	assert_int_equal(irq(vm, vm, 40, fd[2], fd[3]), 0);
	fake_eventfd_write(fd[0]);
	assert_true(fake_is_held(vm, 40));
	assert_int_equal(fake_pulses(vm), 0);
	fake_do(vm->vcpu[0], FAKE_EOI, 0, 41);
	fake_do(vm->vcpu[0], FAKE_EOI, 0, 40);
	fake_do(vm->vcpu[0], FAKE_FATAL, 0, 0);
	assert_run(vm, 0, 0, VM_EXITCODE_HYP, &e);
	assert_false(fake_is_held(vm, 40));
	/* both are asked whether there is more */
	assert_int_equal(fake_eventfd_read(fd[1]), 1);
	assert_int_equal(fake_eventfd_read(fd[3]), 1);
	assert_int_equal(stat_of(vm, VMM_STAT_RESAMPLES), 1);
	assert_int_equal(unirq(vm, 40, fd[0]), 0);
	assert_true(fake_is_resampled(vm, 40));
	fake_eventfd_write(fd[2]);
	assert_true(fake_is_held(vm, 40));
	assert_int_equal(unirq(vm, 40, fd[2]), 0);
	assert_false(fake_is_resampled(vm, 40));
	assert_false(fake_is_held(vm, 40));
	/* an event that asks itself: no recursion */
	assert_int_equal(irq(vm, vm, 40, fd[0], fd[0]), 0);
	fake_do(vm->vcpu[0], FAKE_EOI, 0, 40);
	fake_do(vm->vcpu[0], FAKE_FATAL, 0, 0);
	assert_run(vm, 0, 0, VM_EXITCODE_HYP, &e);
	assert_true(fake_is_held(vm, 40));
	vm_close(vm);
}

/* Whatever fails, nothing is bound, and nothing is left. */
static void
failures(void **state)
{
	struct vm *vm = vm_make("b");
	unsigned long n;
	int error;

	(void)state;
	vgic(vm);
	for (n = 1; n < 20; n++) {
		fake_fail_at(n);
		error = bell(vm, vm, BELL, 0, 0, fd[0]);
		fake_fail_at(0);
		if (error == 0)
			break;
		assert_int_equal(error, -ENOMEM);
		assert_int_equal(fake_counts().events, 0);
	}
	assert_in_range(n, 2, 19);
	assert_int_equal(unbell(vm, BELL, 0, 0, fd[0]), 0);
	for (n = 1; n < 20; n++) {
		fake_fail_at(n);
		error = irq(vm, vm, 40, fd[0], fd[1]);
		fake_fail_at(0);
		if (error == 0)
			break;
		assert_true(error == -ENOMEM || error == -EBADF);
		assert_int_equal(fake_counts().events, 0);
		assert_false(fake_is_resampled(vm, 40));
	}
	assert_in_range(n, 4, 19);
	vm_close(vm);
}

/* ---- a guest that rings while the table changes ---- */

#define ROUNDS 400

static void *
changer(void *arg)
{
	struct vm *vm = arg;

	for (int i = 0; i < ROUNDS; i++) {
		assert_int_equal(bell(vm, vm, BELL + 4, 0, 0, fd[1]), 0);
		assert_int_equal(irq(vm, vm, 40, fd[2], fd[3]), 0);
		fake_eventfd_write(fd[2]);
		assert_int_equal(unirq(vm, 40, fd[2]), 0);
		assert_int_equal(unbell(vm, BELL + 4, 0, 0, fd[1]), 0);
	}
	assert_int_equal(ioc_suspend(vm, VM_SUSPEND_HALT), 0);
	return NULL;
}

static void
ring_and_change(void **state)
{
	struct vm *vm = vm_make("b");
	unsigned long rung = 0, sent = 0;
	struct vm_exit e;
	pthread_t t;

	(void)state;
	assert_int_equal(ioc_activate(vm, 0), 0);
	vgic(vm);
	assert_int_equal(bell(vm, vm, BELL, 0, 0, fd[0]), 0);
	assert_int_equal(pthread_create(&t, NULL, changer, vm), 0);
	do {
		for (int i = 0; i < 8; i++) {
			fake_do(vm->vcpu[0], FAKE_STORE, BELL, 1);
			fake_do(vm->vcpu[0], FAKE_STORE, BELL + 4, 1);
			fake_do(vm->vcpu[0], FAKE_EOI, 0, 40);
		}
		fake_do(vm->vcpu[0], FAKE_FATAL, 0, 0);
		do
			assert_int_equal(ioc_run(vm, 0, 0, &e), 0);
		while (e.exitcode == VM_EXITCODE_INST_EMUL && e.u.inst_emul.gpa == BELL + 4);
		sent += e.exitcode == VM_EXITCODE_HYP ? 8 : 0;
		rung += fake_eventfd_read(fd[0]);
	} while (e.exitcode == VM_EXITCODE_HYP);
	/* the one that is always there rang every time, whatever else came and went */
	assert_int_equal(e.exitcode, VM_EXITCODE_SUSPENDED);
	assert_true(rung >= sent && rung <= sent + 8);
	assert_int_equal(pthread_join(t, NULL), 0);
	vm_close(vm);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(requests),
		T(places),
		T(rings),
		T(limits),
		T(files),
		T(edges),
		T(levels),
		T(failures),
		T(ring_and_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
