/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the tests of the core share: a module that starts empty and must end empty, VMs made
 * by ioctls, threads that sit in VM_RUN as bhyve's do.
 */
#ifndef CORE_TEST_H
#define CORE_TEST_H

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <fake.h>
#include <fake_arch.h>
#include <errno.h>

#define UNUSED __attribute__((unused))
#define MIB    (1024ull * 1024)
#define RAM    0x40000000ull

static UNUSED int
core_setup(void **state)
{
	(void)state;
	fake_reset();
	return vmm_init();
}

static UNUSED int
core_teardown(void **state)
{
	(void)state;
	assert_int_equal(fake_timers_armed(), 0);
	assert_int_equal(vmm_fini(), 0);
	assert_int_equal(fake_leaks(), 0);
	return 0;
}

/* VM_RUN, data answering what the last one left with, leaves with this code. */
#define assert_run(vm, id, data, code, e)                              \
	do {                                                           \
		assert_int_equal(ioc_run((vm), (id), (data), (e)), 0); \
		assert_int_equal((e)->exitcode, (code));               \
	} while (0)

#define core_test(fn) cmocka_unit_test_setup_teardown(fn, core_setup, core_teardown)

/* All of the array and no NUL where the name is too long. */
static UNUSED void
name_put(char *dst, size_t size, const char *name)
{
	for (size_t i = 0; i < size && name[i] != '\0'; i++)
		dst[i] = name[i];
}

static UNUSED int
ctl_create(const char *name)
{
	struct vmmctl_vm_create c = { .gid = ~0u };

	name_put(c.name, sizeof(c.name), name);
	return vmmctl_ioctl(IOCNUM_VMM_CREATE, &c, sizeof(c));
}

static UNUSED int
ctl_destroy(const char *name)
{
	struct vmmctl_vm_destroy d = { .pad = { 0 } };

	name_put(d.name, sizeof(d.name), name);
	return vmmctl_ioctl(IOCNUM_VMM_DESTROY, &d, sizeof(d));
}

/* An open file of a new VM: ends with vm_close. */
static UNUSED struct vm *
vm_make(const char *name)
{
	struct vm *vm = NULL;

	assert_int_equal(ctl_create(name), 0);
	assert_int_equal(vm_open(name, &vm), 0);
	return vm;
}

static UNUSED void
vm_close(struct vm *vm)
{
	char name[VM_MAX_NAMELEN + 1];

	memcpy(name, vm->name, sizeof(name));
	assert_int_equal(ctl_destroy(name), 0);
	vm_put(vm);
}

static UNUSED int
ioc_activate(struct vm *vm, uint32_t id)
{
	struct vm_activate_cpu a = { .vcpuid = id };

	return vm_ioctl(vm, IOCNUM_ACTIVATE_CPU, &a, sizeof(a));
}

static UNUSED int
ioc_run(struct vm *vm, uint32_t id, uint64_t data, struct vm_exit *exit)
{
	struct vm_run r = { .vcpuid = id, .data = data };
	int error = vm_ioctl(vm, IOCNUM_RUN, &r, sizeof(r));

	*exit = r.exit;
	return error;
}

static UNUSED int
ioc_suspend(struct vm *vm, uint32_t how)
{
	struct vm_suspend s = { .how = how };

	return vm_ioctl(vm, IOCNUM_SUSPEND, &s, sizeof(s));
}

static UNUSED int
ioc_reinit(struct vm *vm)
{
	char none = 0;

	return vm_ioctl(vm, IOCNUM_REINIT, &none, 0);
}

static UNUSED int
ioc_memseg(struct vm *vm, uint32_t id, uint64_t len, const char *name)
{
	struct vm_memseg s = { .segid = id, .len = len };

	name_put(s.name, sizeof(s.name), name);
	return vm_ioctl(vm, IOCNUM_ALLOC_MEMSEG, &s, sizeof(s));
}

static UNUSED int
ioc_memmap(struct vm *vm, uint64_t gpa, uint32_t seg, uint64_t off, uint64_t len, uint32_t prot)
{
	struct vm_memmap m = { .gpa = gpa, .segoff = off, .len = len, .segid = seg, .prot = prot };

	return vm_ioctl(vm, IOCNUM_MMAP_MEMSEG, &m, sizeof(m));
}

static UNUSED int
ioc_munmap(struct vm *vm, uint64_t gpa, uint64_t len)
{
	struct vm_munmap m = { gpa, len };

	return vm_ioctl(vm, IOCNUM_MUNMAP_MEMSEG, &m, sizeof(m));
}

static UNUSED int
ioc_discard(struct vm *vm, uint64_t gpa, uint64_t len, uint64_t *freed)
{
	struct vm_discard d = { gpa, len, 0 };
	int error = vm_ioctl(vm, IOCNUM_DISCARD, &d, sizeof(d));

	*freed = d.freed;
	return error;
}

static UNUSED uint64_t
ioc_cpuset(struct vm *vm, uint32_t which)
{
	struct vm_cpuset c = { .which = which };

	assert_int_equal(vm_ioctl(vm, IOCNUM_GET_CPUSET, &c, sizeof(c)), 0);
	return c.cpus;
}

static UNUSED int
ioc_debug(struct vm *vm, uint32_t id, bool suspend)
{
	struct vm_activate_cpu a = { .vcpuid = id };

	return vm_ioctl(vm, suspend ? IOCNUM_SUSPEND_CPU : IOCNUM_RESUME_CPU, &a, sizeof(a));
}

static UNUSED int
ioc_getreg(struct vm *vm, uint32_t id, uint32_t reg, uint64_t *val)
{
	struct vm_register r = { id, reg, 0 };
	int error = vm_ioctl(vm, IOCNUM_GET_REGISTER, &r, sizeof(r));

	*val = r.regval;
	return error;
}

static UNUSED int
ioc_setreg(struct vm *vm, uint32_t id, uint32_t reg, uint64_t val)
{
	struct vm_register r = { id, reg, val };

	return vm_ioctl(vm, IOCNUM_SET_REGISTER, &r, sizeof(r));
}

/* ---- a thread of bhyve's: VM_RUN again and again while it comes back with BOGUS or DEBUG ---- */

struct runner {
	pthread_t thread;
	struct vm *vm;
	uint32_t id;
	void *handle; /* [a] fake_thread of it, once it runs */
	int error;
	struct vm_exit exit; /* the last */
	unsigned int bogus, debug;
};

static UNUSED void *
runner_main(void *arg)
{
	struct runner *r = arg;

	__atomic_store_n(&r->handle, fake_thread(), __ATOMIC_RELEASE);
	for (;;) {
		r->error = ioc_run(r->vm, r->id, 0, &r->exit);
		if (r->error != 0)
			break;
		if (r->exit.exitcode == VM_EXITCODE_DEBUG) {
			__atomic_add_fetch(&r->debug, 1, __ATOMIC_RELEASE);
		} else if (r->exit.exitcode == VM_EXITCODE_BOGUS) {
			fake_signal_clear(fake_thread());
			__atomic_add_fetch(&r->bogus, 1, __ATOMIC_RELEASE);
		} else {
			break;
		}
	}
	return NULL;
}

static UNUSED void
runner_start(struct runner *r, struct vm *vm, uint32_t id)
{
	memset(r, 0, sizeof(*r));
	r->vm = vm;
	r->id = id;
	assert_int_equal(pthread_create(&r->thread, NULL, runner_main, r), 0);
	while (__atomic_load_n(&r->handle, __ATOMIC_ACQUIRE) == NULL)
		sched_yield();
}

static UNUSED void
runner_join(struct runner *r)
{
	assert_int_equal(pthread_join(r->thread, NULL), 0);
}

#define wait_until(cond)       \
	do                     \
		sched_yield(); \
	while (!(cond))

static UNUSED uint32_t
vcpu_state(struct vm *vm, uint32_t id)
{
	return __atomic_load_n(&vm->vcpu[id]->state, __ATOMIC_ACQUIRE);
}

#endif /* CORE_TEST_H */
