/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Every ioctl with good and bad arguments, in one table: what it answers.  Calls that need
 * threads are in test_core_run.c, memory's finer points in test_core_mem.c.
 */
#include "core_test.h"

/* What a row does not name is zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define CALL(num, type, ...)             \
	num, sizeof(type), &(const type) \
	{                                \
		__VA_ARGS__              \
	}
#define VGIC(...) CALL(IOCNUM_ATTACH_VGIC, struct vm_attach_vgic, __VA_ARGS__)

struct row {
	const char *what;
	uint32_t ordinal;
	size_t size;
	const void *arg;
	int error;
};

/* In order: later rows see what earlier ones did. */
static const struct row rows[] = {
	{ "version", CALL(IOCNUM_ABIVERS, uint32_t, 0), 0 },
	{ "topology", CALL(IOCNUM_GET_TOPOLOGY, struct vm_topology, 0), 0 },
	{ "no topology", CALL(IOCNUM_SET_TOPOLOGY, struct vm_topology, 0, 1, 1, 8), -EINVAL },
	{ "big", CALL(IOCNUM_SET_TOPOLOGY, struct vm_topology, 1, 9, 1, 8), -EINVAL },
	{ "product", CALL(IOCNUM_SET_TOPOLOGY, struct vm_topology, 2, 2, 3, 8), -EINVAL },
	{ "wraps", CALL(IOCNUM_SET_TOPOLOGY, struct vm_topology, 0x10000, 0x10000, 1, 0), -EINVAL },
	{ "maxcpus", CALL(IOCNUM_SET_TOPOLOGY, struct vm_topology, 1, 1, 1, 9), -EINVAL },
	{ "over max", CALL(IOCNUM_SET_TOPOLOGY, struct vm_topology, 1, 4, 1, 3), -EINVAL },
	{ "four", CALL(IOCNUM_SET_TOPOLOGY, struct vm_topology, 1, 4, 1, 4), 0 },
	{ "beyond it", CALL(IOCNUM_ACTIVATE_CPU, struct vm_activate_cpu, 4, 0), -EINVAL },
	{ "last", CALL(IOCNUM_ACTIVATE_CPU, struct vm_activate_cpu, 3, 0), 0 },
	{ "twice", CALL(IOCNUM_ACTIVATE_CPU, struct vm_activate_cpu, 3, 0), -EBUSY },
	{ "pad", CALL(IOCNUM_ACTIVATE_CPU, struct vm_activate_cpu, 0, 1), -EINVAL },
	{ "all?", CALL(IOCNUM_ACTIVATE_CPU, struct vm_activate_cpu, ~0u, 0), -EINVAL },
	{ "shrink", CALL(IOCNUM_SET_TOPOLOGY, struct vm_topology, 1, 2, 1, 2), -EBUSY },
	{ "max 0", CALL(IOCNUM_SET_TOPOLOGY, struct vm_topology, 1, 4, 2, 0), 0 },

	{ "cap", CALL(IOCNUM_SET_CAPABILITY, struct vm_capability, 3, VM_CAP_BRK_EXIT, 1, 0), 0 },
	{ "cap off", CALL(IOCNUM_SET_CAPABILITY, struct vm_capability, 3, VM_CAP_BRK_EXIT, 0, 0),
	    0 },
	{ "cap 2", CALL(IOCNUM_SET_CAPABILITY, struct vm_capability, 3, VM_CAP_BRK_EXIT, 2, 0),
	    -EINVAL },
	{ "halt", CALL(IOCNUM_SET_CAPABILITY, struct vm_capability, 3, VM_CAP_HALT_EXIT, 1, 0),
	    -EINVAL },
	{ "cap type", CALL(IOCNUM_SET_CAPABILITY, struct vm_capability, 3, VM_CAP_MAX, 1, 0),
	    -EINVAL },
	{ "cap type", CALL(IOCNUM_GET_CAPABILITY, struct vm_capability, 3, 64, 0, 0), -EINVAL },
	{ "cap pad", CALL(IOCNUM_SET_CAPABILITY, struct vm_capability, 3, VM_CAP_BRK_EXIT, 1, 1),
	    -EINVAL },
	{ "cap vcpu", CALL(IOCNUM_SET_CAPABILITY, struct vm_capability, 8, VM_CAP_BRK_EXIT, 1, 0),
	    -EINVAL },
	{ "cap get", CALL(IOCNUM_GET_CAPABILITY, struct vm_capability, 3, VM_CAP_SMCCC_EXIT, 0, 0),
	    0 },

	{ "sync", CALL(IOCNUM_SYNC_CODE, struct vm_sync_code, 0x1002, 0x2001), 0 },
	{ "sync 0", CALL(IOCNUM_SYNC_CODE, struct vm_sync_code, 0, 0), -EINVAL },
	{ "sync most", CALL(IOCNUM_SYNC_CODE, struct vm_sync_code, 0, VM_SYNC_CODE_MAX), 0 },
	{ "sync big", CALL(IOCNUM_SYNC_CODE, struct vm_sync_code, 0, VM_SYNC_CODE_MAX + 1),
	    -EINVAL },
	{ "sync end", CALL(IOCNUM_SYNC_CODE, struct vm_sync_code, VM_MAX_GPA - 4, 8), -EINVAL },
	{ "sync wrap", CALL(IOCNUM_SYNC_CODE, struct vm_sync_code, ~0ull - 4, 8), -EINVAL },

	{ "reg", CALL(IOCNUM_SET_REGISTER, struct vm_register, 3, VM_REG_GUEST_R0, 1), 0 },
	{ "reg num", CALL(IOCNUM_SET_REGISTER, struct vm_register, 3, VM_REG_LAST, 1), -EINVAL },
	{ "reg num", CALL(IOCNUM_GET_REGISTER, struct vm_register, 3, ~0u, 1), -EINVAL },
	{ "reg ro", CALL(IOCNUM_SET_REGISTER, struct vm_register, 3, VM_REG_GUEST_MPIDR, 1),
	    -EINVAL },
	{ "reg vcpu", CALL(IOCNUM_GET_REGISTER, struct vm_register, 8, 0, 0), -EINVAL },
	{ "reg vcpu", CALL(IOCNUM_GET_REGISTER, struct vm_register, 1u << 31, 0, 0), -EINVAL },
	{ "regset", CALL(IOCNUM_SET_REGISTER_SET, struct vm_register_set, 3, 2, { 1, 2 }, { 5, 6 }),
	    0 },
	{ "regset 0", CALL(IOCNUM_GET_REGISTER_SET, struct vm_register_set, 3, 0), 0 },
	{ "regset full", CALL(IOCNUM_GET_REGISTER_SET, struct vm_register_set, 3, VM_REGSET_MAX),
	    0 },
	{ "regset big", CALL(IOCNUM_GET_REGISTER_SET, struct vm_register_set, 3, VM_REGSET_MAX + 1),
	    -EINVAL },
	{ "regset big", CALL(IOCNUM_SET_REGISTER_SET, struct vm_register_set, 3, VM_REGSET_MAX + 1),
	    -EINVAL },
	{ "regset huge", CALL(IOCNUM_SET_REGISTER_SET, struct vm_register_set, 3, ~0u), -EINVAL },
	{ "regset num", CALL(IOCNUM_SET_REGISTER_SET, struct vm_register_set, 3, 2, { 1, 900 }),
	    -EINVAL },

	{ "stats", CALL(IOCNUM_VM_STATS, struct vm_stats, 3), 0 },
	{ "stats none", CALL(IOCNUM_VM_STATS, struct vm_stats, 1), -EINVAL },
	{ "stats vcpu", CALL(IOCNUM_VM_STATS, struct vm_stats, 8), -EINVAL },
	{ "desc", CALL(IOCNUM_VM_STAT_DESC, struct vm_stat_desc, VMM_STAT_COUNT - 1), 0 },
	{ "desc end", CALL(IOCNUM_VM_STAT_DESC, struct vm_stat_desc, VMM_STAT_COUNT), -EINVAL },
	{ "desc pad", CALL(IOCNUM_VM_STAT_DESC, struct vm_stat_desc, 0, 1), -EINVAL },
	{ "trace vcpu", CALL(IOCNUM_TRACE, struct vm_trace, 8), -EINVAL },

	{ "cpuset", CALL(IOCNUM_GET_CPUSET, struct vm_cpuset, VM_RUNNABLE_CPUS), 0 },
	{ "cpuset which", CALL(IOCNUM_GET_CPUSET, struct vm_cpuset, 4), -EINVAL },
	{ "cpuset pad", CALL(IOCNUM_GET_CPUSET, struct vm_cpuset, 0, 1), -EINVAL },
	{ "debug pad", CALL(IOCNUM_SUSPEND_CPU, struct vm_activate_cpu, 3, 1), -EINVAL },
	{ "debug", CALL(IOCNUM_SUSPEND_CPU, struct vm_activate_cpu, 3, 0), 0 },
	{ "resume pad", CALL(IOCNUM_RESUME_CPU, struct vm_activate_cpu, 3, 1), -EINVAL },
	{ "resume", CALL(IOCNUM_RESUME_CPU, struct vm_activate_cpu, 3, 0), 0 },
	{ "resume again", CALL(IOCNUM_RESUME_CPU, struct vm_activate_cpu, 3, 0), -EINVAL },
	{ "resume all", CALL(IOCNUM_RESUME_CPU, struct vm_activate_cpu, ~0u, 0), 0 },

	{ "no vgic", CALL(IOCNUM_ASSERT_IRQ, struct vm_irq, 32, 0), -ENXIO },
	{ "no vgic", CALL(IOCNUM_RAISE_MSI, struct vm_msi, 80, 0x8020040), -ENXIO },
	{ "vgic pad", VGIC(0x8000000, 4096, 0x8010000, 8192, 288, 1), -EINVAL },
	{ "vgic align", VGIC(0x8000001, 4096, 0x8010000, 8192, 288, 0), -EINVAL },
	{ "vgic cpu", VGIC(0x8000000, 4096, 0x8010000, 4096, 288, 0), -EINVAL },
	{ "vgic none", VGIC(0x8000000, 0, 0x8010000, 8192, 288, 0), -EINVAL },
	{ "vgic high", VGIC(0x8000000, 4096, VM_MAX_GPA - 4096, 8192, 288, 0), -EINVAL },
	{ "vgic meets", VGIC(0x8000000, 0x11000, 0x8010000, 8192, 288, 0), -EINVAL },
	{ "vgic meets", VGIC(0x8011000, 4096, 0x8010000, 8192, 288, 0), -EINVAL },
	{ "vgic irqs", VGIC(0x8000000, 4096, 0x8010000, 8192, 5000, 0), -EINVAL },
	{ "vgic", VGIC(0x8000000, 4096, 0x8010000, 8192, 288, 0), 0 },
	{ "irq", CALL(IOCNUM_ASSERT_IRQ, struct vm_irq, 32, 0), 0 },
	{ "irq", CALL(IOCNUM_DEASSERT_IRQ, struct vm_irq, 32, 0), 0 },
	{ "irq", CALL(IOCNUM_PULSE_IRQ, struct vm_irq, 287, 0), 0 },
	{ "irq ppi", CALL(IOCNUM_ASSERT_IRQ, struct vm_irq, 31, 0), -EINVAL },
	{ "irq end", CALL(IOCNUM_DEASSERT_IRQ, struct vm_irq, 288, 0), -EINVAL },
	{ "irq huge", CALL(IOCNUM_PULSE_IRQ, struct vm_irq, ~0u, 0), -EINVAL },
	{ "irq pad", CALL(IOCNUM_ASSERT_IRQ, struct vm_irq, 32, 1), -EINVAL },
	{ "irq pad", CALL(IOCNUM_DEASSERT_IRQ, struct vm_irq, 32, 1), -EINVAL },
	{ "irq pad", CALL(IOCNUM_PULSE_IRQ, struct vm_irq, 32, 1), -EINVAL },
	{ "msi first", CALL(IOCNUM_RAISE_MSI, struct vm_msi, 80, 0x8020040, 1, 2, 3, 0), 0 },
	{ "msi last", CALL(IOCNUM_RAISE_MSI, struct vm_msi, 143, 0x8020040), 0 },
	{ "msi low", CALL(IOCNUM_RAISE_MSI, struct vm_msi, 79, 0x8020040), -EINVAL },
	{ "msi high", CALL(IOCNUM_RAISE_MSI, struct vm_msi, 144, 0x8020040), -EINVAL },
	{ "msi wide", CALL(IOCNUM_RAISE_MSI, struct vm_msi, 0x100000050, 0x8020040), -EINVAL },
	{ "msi addr", CALL(IOCNUM_RAISE_MSI, struct vm_msi, 80, 0x8020044), -EINVAL },
	{ "msi pad", CALL(IOCNUM_RAISE_MSI, struct vm_msi, 80, 0x8020040, 0, 0, 0, 1), -EINVAL },

	{ "bell fd", CALL(IOCNUM_BIND_DOORBELL, struct vm_bind_doorbell, 0x9000, 4, 1, -1, 0),
	    -EBADF },
	{ "bell size", CALL(IOCNUM_BIND_DOORBELL, struct vm_bind_doorbell, 0x9000, 5, 1, -1, 0),
	    -EINVAL },
	{ "bind fd", CALL(IOCNUM_BIND_IRQ, struct vm_bind_irq, 80, -1, 0, 0), -EBADF },
	{ "bind irq", CALL(IOCNUM_BIND_IRQ, struct vm_bind_irq, 31, -1, 0, 0), -EINVAL },
	{ "bind flags", CALL(IOCNUM_BIND_IRQ, struct vm_bind_irq, 80, -1, 0, 4), -EINVAL },

	{ "seg", CALL(IOCNUM_ALLOC_MEMSEG, struct vm_memseg, 0, 0, 0x400000), 0 },
	{ "seg get", CALL(IOCNUM_GET_MEMSEG, struct vm_memseg, 0), 0 },
	{ "seg flags", CALL(IOCNUM_GET_MEMSEG, struct vm_memseg, 0, 1), -EINVAL },
	{ "map", CALL(IOCNUM_MMAP_MEMSEG, struct vm_memmap, RAM, 0, 0x400000, 0, VM_PROT_READ), 0 },
	{ "map flags", CALL(IOCNUM_MMAP_MEMSEG, struct vm_memmap, 0, 0, 4096, 0, VM_PROT_READ, 1),
	    -EINVAL },
	{ "map pad", CALL(IOCNUM_MMAP_MEMSEG, struct vm_memmap, 0, 0, 4096, 0, VM_PROT_READ, 0, 1),
	    -EINVAL },
	{ "next", CALL(IOCNUM_MMAP_GETNEXT, struct vm_memmap, RAM), 0 },
	{ "next none", CALL(IOCNUM_MMAP_GETNEXT, struct vm_memmap, RAM + 1), -ENOENT },
	{ "discard", CALL(IOCNUM_DISCARD, struct vm_discard, RAM, 4096), 0 },
	{ "unmap none", CALL(IOCNUM_MUNMAP_MEMSEG, struct vm_munmap, RAM + 4096, 4096), -EINVAL },
	{ "unmap", CALL(IOCNUM_MUNMAP_MEMSEG, struct vm_munmap, RAM, 0x400000), 0 },

	{ "suspend how", CALL(IOCNUM_SUSPEND, struct vm_suspend, 0, 0), -EINVAL },
	{ "suspend how", CALL(IOCNUM_SUSPEND, struct vm_suspend, ~0u, 0), -EINVAL },
	{ "suspend pad", CALL(IOCNUM_SUSPEND, struct vm_suspend, VM_SUSPEND_HALT, 1), -EINVAL },
	{ "suspend", CALL(IOCNUM_SUSPEND, struct vm_suspend, VM_SUSPEND_HALT, 0), 0 },
	{ "run", CALL(IOCNUM_RUN, struct vm_run, 3), 0 },
	{ "run flags", CALL(IOCNUM_RUN, struct vm_run, 3, 4), -EINVAL },
	{ "run vcpu", CALL(IOCNUM_RUN, struct vm_run, 0), -EINVAL },
	{ "reinit", IOCNUM_REINIT, 0, "", 0 },
};

static void
every_ioctl(void **state)
{
	struct vm *vm = vm_make("i");
	_Alignas(8) uint8_t buf[VMM_IOCTL_MAX_SIZE];
	uint64_t tried[2] = { 0, 0 };
	int error;

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++) {
		memcpy(buf, rows[i].arg, rows[i].size);
		error = vm_ioctl(vm, rows[i].ordinal, buf, rows[i].size);
		if (error != rows[i].error)
			fail_msg("row %zu, %s: %d, not %d", i, rows[i].what, error, rows[i].error);
		/* A size that is not the call's makes it another, unknown call. */
		assert_int_equal(vm_ioctl(vm, rows[i].ordinal, buf, rows[i].size + 1), -ENOTTY);
		tried[rows[i].ordinal / 64] |= BIT64(rows[i].ordinal % 64);
	}
#define TRIED(name, num, dir, type) assert_true(tried[(num) / 64] >> ((num) % 64) & 1);
	VMM_IOCTL_LIST(TRIED)
	vm_close(vm);
}

static void
unknown_ioctls(void **state)
{
#define KNOWN(name, num, dir, type) case num:
	struct vm *vm = vm_make("i");
	_Alignas(8) uint8_t buf[VMM_IOCTL_MAX_SIZE] = { 0 };

	(void)state;
	for (uint32_t n = 0; n < 1000; n++) {
		switch (n) {
			VMM_IOCTL_LIST(KNOWN)
			continue;
		default:
			for (size_t size = 0; size < sizeof(buf); size += 8)
				assert_int_equal(vm_ioctl(vm, n, buf, size), -ENOTTY);
		}
	}
	assert_int_equal(vm_ioctl(vm, ~0u, buf, 0), -ENOTTY);
	assert_int_equal(vmmctl_ioctl(4, buf, 0), -ENOTTY);
	assert_int_equal(vmmctl_ioctl(~0u, buf, 56), -ENOTTY);
	assert_int_equal(vmmctl_ioctl(IOCNUM_VMM_CREATE, buf, 57), -ENOTTY);
	vm_close(vm);
}

static void
values(void **state)
{
	struct vm *vm = vm_make("i");
	struct vm_topology t = { 0 };
	struct vm_capability c = { 0, VM_CAP_BRK_EXIT, 1, 0 };
	struct vm_stat_desc d = { .index = VMM_STAT_HALT_NS };
	struct vm_stats s = { .vcpuid = 2 };
	struct vm_register_set r = { .vcpuid = 2, .count = 2, { 3, 4 }, { 30, 40 } };
	uint32_t version = 0;

	(void)state;
	assert_int_equal(vm_ioctl(vm, IOCNUM_ABIVERS, &version, sizeof(version)), 0);
	assert_int_equal(version, VMM_ABI_VERSION);
	assert_int_equal(vm_ioctl(vm, IOCNUM_GET_TOPOLOGY, &t, sizeof(t)), 0);
	assert_int_equal(t.sockets * t.cores * t.threads, VM_MAXCPU);
	assert_int_equal(t.maxcpus, VM_MAXCPU);
	assert_int_equal(vm_ioctl(vm, IOCNUM_SET_CAPABILITY, &c, sizeof(c)), 0);
	c.captype = VM_CAP_SMCCC_EXIT;
	assert_int_equal(vm_ioctl(vm, IOCNUM_GET_CAPABILITY, &c, sizeof(c)), 0);
	assert_int_equal(c.capval, 0);
	c.captype = VM_CAP_BRK_EXIT;
	assert_int_equal(vm_ioctl(vm, IOCNUM_GET_CAPABILITY, &c, sizeof(c)), 0);
	assert_int_equal(c.capval, 1);
	assert_int_equal(vm_ioctl(vm, IOCNUM_VM_STAT_DESC, &d, sizeof(d)), 0);
	assert_string_equal(d.name, "halt_ns");
	assert_int_equal(vm_ioctl(vm, IOCNUM_SET_REGISTER_SET, &r, sizeof(r)), 0);
	r.regvals[0] = r.regvals[1] = 0;
	assert_int_equal(vm_ioctl(vm, IOCNUM_GET_REGISTER_SET, &r, sizeof(r)), 0);
	assert_int_equal(r.regvals[0], 30);
	assert_int_equal(r.regvals[1], 40);
	fake_clock_advance(77);
	assert_int_equal(vm_ioctl(vm, IOCNUM_VM_STATS, &s, sizeof(s)), 0);
	assert_int_equal(s.ns, 77);
	assert_int_equal(s.count, VMM_STAT_COUNT);
	vm_close(vm);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(every_ioctl),
		core_test(unknown_ioctls),
		core_test(values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
