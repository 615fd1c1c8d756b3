/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * VMs come and go: names, owners, the list, references, failures while one is made.
 */
#include "core_test.h"

/* ---- names ---- */

static void
names(void **state)
{
	static const struct {
		const char *name;
		int error;
	} row[] = {
		{ "a", 0 },
		{ "Web-1_b.c", 0 },
		{ "..a", 0 },
		{ "...", 0 },
		{ "0123456789012345678901234567890", 0 },
		{ "", -EINVAL },
		{ ".", -EINVAL },
		{ "..", -EINVAL },
		{ "a/b", -EINVAL },
		{ "/", -EINVAL },
		{ "a b", -EINVAL },
		{ "a\n", -EINVAL },
		{ "\xc3\xa4", -EINVAL },
		{ "%s", -EINVAL },
		{ "01234567890123456789012345678901", -ENAMETOOLONG },
	};

	(void)state;
	for (size_t i = 0; i < NELEM(row); i++) {
		assert_int_equal(ctl_create(row[i].name), row[i].error);
		if (row[i].error == 0) {
			assert_int_equal(ctl_create(row[i].name), -EEXIST);
			assert_int_equal(ctl_destroy(row[i].name), 0);
		}
		assert_int_equal(ctl_destroy(row[i].name), row[i].error ? row[i].error : -ENOENT);
	}
	assert_int_equal(vmm_vm_count(), 0);
}

static void
create_rejects_reserved(void **state)
{
	struct vmmctl_vm_create c = { .name = "x", .gid = ~0u };
	struct vmmctl_vm_destroy d = { .name = "x" };

	(void)state;
	c.flags = 1;
	assert_int_equal(vmmctl_ioctl(IOCNUM_VMM_CREATE, &c, sizeof(c)), -EINVAL);
	c.flags = 0;
	c.pad[3] = 1;
	assert_int_equal(vmmctl_ioctl(IOCNUM_VMM_CREATE, &c, sizeof(c)), -EINVAL);
	d.pad[1] = 1;
	assert_int_equal(vmmctl_ioctl(IOCNUM_VMM_DESTROY, &d, sizeof(d)), -EINVAL);
	d.pad[1] = 0;
	assert_int_equal(vmmctl_ioctl(IOCNUM_VMM_DESTROY, &d, sizeof(d)), -ENOENT);
}

/* ---- owners ---- */

static int
create_as(const struct fake_user *u, const char *name, uint32_t gid)
{
	struct vmmctl_vm_create c = { .gid = gid };

	name_put(c.name, sizeof(c.name), name);
	fake_set_user(u);
	return vmmctl_ioctl(IOCNUM_VMM_CREATE, &c, sizeof(c));
}

static int
open_as(const struct fake_user *u, const char *name)
{
	struct vm *vm;
	int error;

	fake_set_user(u);
	error = vm_open(name, &vm);
	if (error == 0)
		vm_put(vm);
	return error;
}

static int
destroy_as(const struct fake_user *u, const char *name)
{
	fake_set_user(u);
	return ctl_destroy(name);
}

static void
owners(void **state)
{
	static const struct fake_user alice = { 1000, false, 50 }, bob = { 1001, false, 50 },
				      carol = { 1002, false, 51 }, nogroup = { 1003, false, ~0u },
				      admin = { 1004, true, 52 };

	(void)state;
	assert_int_equal(create_as(&alice, "hers", ~0u), 0);
	assert_int_equal(create_as(&alice, "ours", 50), 0);
	assert_int_equal(create_as(&alice, "bad", 51), -EPERM);
	assert_int_equal(create_as(&admin, "given", 51), 0);

	assert_int_equal(open_as(&alice, "hers"), 0);
	assert_int_equal(open_as(&bob, "hers"), -EACCES);
	assert_int_equal(open_as(&nogroup, "hers"), -EACCES);
	assert_int_equal(open_as(&admin, "hers"), 0);
	assert_int_equal(open_as(&bob, "ours"), 0);
	assert_int_equal(open_as(&carol, "ours"), -EACCES);
	assert_int_equal(open_as(&carol, "given"), 0);
	assert_int_equal(open_as(&alice, "nobody"), -ENOENT);
	assert_int_equal(open_as(&alice, "a/b"), -EINVAL);

	assert_int_equal(destroy_as(&carol, "ours"), -EPERM);
	assert_int_equal(destroy_as(&bob, "ours"), -EPERM); /* using is not owning */
	assert_int_equal(destroy_as(&alice, "ours"), 0);
	assert_int_equal(destroy_as(&admin, "hers"), 0);
	assert_int_equal(destroy_as(NULL, "given"), 0);
}

/* ---- the list ---- */

static void
list(void **state)
{
	struct vmmctl_vm_next n = { .cursor = 0 };
	struct vmmctl_info info;
	unsigned int seen = 0;
	struct vm *a, *b, *c;
	uint64_t before;

	(void)state;
	assert_int_equal(vmmctl_ioctl(IOCNUM_VMM_NEXT, &n, sizeof(n)), -ENOENT);
	a = vm_make("a");
	b = vm_make("b");
	c = vm_make("c");
	assert_int_equal(ioc_activate(b, 0), 0);
	assert_int_equal(ioc_activate(b, 5), 0);
	vm_close(a);
	for (;; seen++) {
		before = n.cursor;
		if (vmmctl_ioctl(IOCNUM_VMM_NEXT, &n, sizeof(n)) != 0)
			break;
		assert_true(n.cursor > before);
		assert_int_equal(n.vcpus, strcmp(n.name, "b") == 0 ? 2 : 0);
		assert_int_equal(n.running, 0);
		assert_int_equal(n.mem_bytes, 0);
		assert_int_equal(n.gid, ~0u);
	}
	assert_int_equal(seen, 2);
	n.cursor = ~0ull;
	assert_int_equal(vmmctl_ioctl(IOCNUM_VMM_NEXT, &n, sizeof(n)), -ENOENT);
	memset(&info, 0xff, sizeof(info));
	assert_int_equal(vmmctl_ioctl(IOCNUM_VMM_INFO, &info, sizeof(info)), 0);
	assert_int_equal(info.vms, 2);
	assert_int_equal(info.host_cpus, 2);
	assert_int_equal(info.max_vcpus, VM_MAXCPU);
	assert_int_equal(info.abi_version, VMM_ABI_VERSION);
	assert_string_equal(info.arch, "fake");
	assert_int_equal(info.build[sizeof(info.build) - 1], 0);
	assert_int_equal(vmm_fini(), -EBUSY);
	vm_close(b);
	vm_close(c);
}

/* ---- an open file of a VM that is gone ---- */

static void
open_file_outlives(void **state)
{
	struct vm *vm = vm_make("gone"), *again, *none;
	uint64_t val;
	struct vm_run run = { .vcpuid = 0 };
	uint32_t version;
	struct vm_exit e;
	void *va;

	(void)state;
	assert_int_equal(ioc_activate(vm, 0), 0);
	assert_int_equal(ioc_memseg(vm, 0, 4 * MIB, ""), 0);
	assert_int_equal(ioc_memmap(vm, RAM, 0, 0, 4 * MIB, VM_PROT_READ | VM_PROT_WRITE), 0);
	assert_int_equal(fake_user_touch(vm, RAM, true, &va), 0);
	assert_int_equal(ctl_destroy("gone"), 0);
	/* The memory is free at once, the name too; the file gives ENXIO. */
	assert_int_equal(fake_counts().gpages, 0);
	assert_int_equal(fake_counts().users, 0);
	assert_int_equal(fake_counts().nodes, 0);
	assert_int_equal(vm_open("gone", &none), -ENOENT);
	again = vm_make("gone");
	assert_int_equal(ioc_run(vm, 0, 0, &e), -ENXIO);
	assert_int_equal(vm_run(vm->vcpu[0], &run), -ENXIO); /* it was past the first look */
	assert_int_equal(ioc_activate(vm, 1), -ENXIO);
	assert_int_equal(ioc_getreg(vm, 0, 0, &val), -ENXIO);
	assert_int_equal(ioc_suspend(vm, VM_SUSPEND_RESET), -ENXIO);
	assert_int_equal(vm_ioctl(vm, IOCNUM_ABIVERS, &version, sizeof(version)), -ENXIO);
	assert_int_equal(fake_user_touch(vm, RAM, true, &va), -EFAULT);
	assert_int_equal(ioc_activate(again, 0), 0);
	vm_close(again);
	assert_int_equal(vmm_fini(), -EBUSY);
	vm_put(vm);
}

/* While a node is made the name is taken but nobody's; while it goes, it is still taken. */
static void
in_the_middle(struct vm *vm, bool create)
{
	struct vmmctl_vm_next n = { .cursor = 0 };
	struct vm *other;

	assert_string_equal(vm->name, "mid");
	assert_int_equal(ctl_create("mid"), -EEXIST);
	assert_int_equal(vm_open("mid", &other), create ? -ENOENT : -ENXIO);
	assert_int_equal(ctl_destroy("mid"), create ? -ENOENT : -ENXIO);
	assert_int_equal(vmmctl_ioctl(IOCNUM_VMM_NEXT, &n, sizeof(n)), -ENOENT);
}

static void
half_made(void **state)
{
	struct vm *vm;

	(void)state;
	fake_on_node = in_the_middle;
	vm = vm_make("mid");
	vm_close(vm);
	fake_on_node = NULL;
}

/* A call that waited for the lock while the VM began to die. */
static void *
late_caller(void *arg)
{
	return (void *)(intptr_t)ioc_memseg(arg, 0, 4096, "");
}

static void
dying_under_the_lock(void **state)
{
	struct vm *vm = vm_make("d");
	pthread_t t;
	void *error;

	(void)state;
	os_mutex_lock(&vm->lock);
	assert_int_equal(pthread_create(&t, NULL, late_caller, vm), 0);
	usleep(20000);
	__atomic_store_n(&vm->dying, 1, __ATOMIC_SEQ_CST);
	os_mutex_unlock(&vm->lock);
	pthread_join(t, &error);
	assert_int_equal((intptr_t)error, -ENXIO);
	assert_int_equal(vm->seg[0].len, 0);
	__atomic_store_n(&vm->dying, 0, __ATOMIC_SEQ_CST);
	vm_close(vm);
}

/* ---- failures ---- */

static void
node_fails(void **state)
{
	(void)state;
	fake_node_fail(-EIO);
	assert_int_equal(ctl_create("x"), -EIO);
	assert_int_equal(vmm_vm_count(), 0);
	fake_node_fail(0);
	assert_int_equal(ctl_create("x"), 0);
	assert_int_equal(ctl_destroy("x"), 0);
}

/* Everything a bhyve does at its start; 0, or the first error. */
static int
whole_start(void)
{
	struct vm_attach_vgic g = { 0x8000000, 0x10000, 0x8010000, 0x10000, 288, 0 };
	struct vm *vm;
	struct vm_exit e;
	int error;

	error = ctl_create("t");
	if (error != 0)
		return error;
	assert_int_equal(vm_open("t", &vm), 0);
	error = ioc_memseg(vm, 0, 8 * MIB, "");
	if (error == 0)
		error = ioc_memmap(vm, RAM, 0, 0, 8 * MIB, VM_PROT_READ | VM_PROT_WRITE);
	if (error == 0)
		error = vm_ioctl(vm, IOCNUM_ATTACH_VGIC, &g, sizeof(g));
	if (error == 0)
		error = ioc_activate(vm, 0);
	if (error == 0)
		error = ioc_activate(vm, 1);
	if (error == 0) {
		fake_do(vm->vcpu[0], FAKE_STORE, RAM + 5 * MIB, 1);
		fake_do(vm->vcpu[0], FAKE_FATAL, 0, 0);
		error = ioc_run(vm, 0, 0, &e);
		if (error == 0 && e.exitcode == VM_EXITCODE_PAGING)
			error = -(int)e.u.paging.error;
	}
	vm_close(vm);
	return error;
}

static void
every_allocation_fails_once(void **state)
{
	unsigned long n;
	int error;

	(void)state;
	for (n = 1; n < 100; n++) {
		fake_fail_at(n);
		error = whole_start();
		assert_int_equal(fake_leaks(), 0);
		if (fake_fail_at(0) < n)
			break; /* fewer than n allocations: all have failed */
		/* A block that cannot be had is made good by a page. */
		assert_true(error == 0 || error == -ENOMEM);
	}
	assert_int_equal(error, 0);
	assert_in_range(n, 10, 99);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(names),
		core_test(create_rejects_reserved),
		core_test(owners),
		core_test(list),
		core_test(open_file_outlives),
		core_test(half_made),
		core_test(dying_under_the_lock),
		core_test(node_fails),
		core_test(every_allocation_fails_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
