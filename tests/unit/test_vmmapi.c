/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * libvmmapi over a fake kernel: request numbers, memory set-up, words for people.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fake_vmm_sys.h"
#include "vmm_request.h"
#include "vmmapi.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

/* Direction and size as the list has them, against the numbers the macros made. */
static void
test_requests(void **state)
{
	enum { N = 0, W = _IOC_WRITE, R = _IOC_READ, WR = _IOC_WRITE | _IOC_READ };
#define ROW(name, ord, dir, st) { #name, name, ord, dir, (dir) == N ? 0 : sizeof(st), type },
	static const struct {
		const char *name;
		unsigned int request, ord, dir;
		size_t size;
		char type;
	} rows[] = {
#define type 'v'
		VMM_IOCTL_LIST(ROW)
#undef type
#define type 'V'
		    VMMCTL_IOCTL_LIST(ROW)
#undef type
	};

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++) {
		assert_int_equal(_IOC_NR(rows[i].request), rows[i].ord);
		assert_int_equal(_IOC_SIZE(rows[i].request), rows[i].size);
		assert_int_equal(_IOC_DIR(rows[i].request), rows[i].dir);
		assert_int_equal(_IOC_TYPE(rows[i].request), rows[i].type);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(rows[i].request, rows[k].request);
	}
}

static void
test_names(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < VM_REG_LAST; i++) {
		assert_non_null(vm_reg_name(i));
		assert_int_equal(vm_reg_number(vm_reg_name(i)), (int)i);
	}
	for (uint32_t i = VM_REG_GUEST_X0; i < VM_REG64_LAST; i++) {
		assert_non_null(vm_reg_name(i));
		assert_int_equal(vm_reg_number(vm_reg_name(i)), (int)i);
	}
	assert_string_equal(vm_reg_name(VM_REG_GUEST_X30), "x30");
	assert_string_equal(vm_reg_name(VM_REG_GUEST_FPSR), "fpsr");
	assert_string_equal(vm_reg_name(VM_REG_GUEST_V31_HIGH), "v31_high");
	assert_string_equal(vm_reg_name(VM_REG_GUEST_D31), "d31");
	assert_string_equal(vm_reg_name(VM_REG_GUEST_LR), "lr");
	assert_string_equal(vm_reg_name(VM_REG_GUEST_SPSR_FIQ), "spsr_fiq");
	assert_int_equal(vm_reg_number("TTBR0"), VM_REG_GUEST_TTBR0);
	assert_int_equal(vm_reg_number("r13"), -1);
	assert_null(vm_reg_name(VM_REG_LAST));
	for (uint32_t i = 0; i < VM_EXITCODE_MAX; i++)
		assert_non_null(vm_exitcode_name(i));
	assert_string_equal(vm_exitcode_name(VM_EXITCODE_MAX), "unknown");
	assert_string_equal(vm_suspend_name(VM_SUSPEND_LAST), "unknown");
	assert_true(vm_name_valid("a"));
	assert_true(vm_name_valid("0123456789012345678901234567890"));
	assert_false(vm_name_valid("01234567890123456789012345678901"));
	assert_false(vm_name_valid(""));
	assert_false(vm_name_valid("."));
	assert_false(vm_name_valid(".."));
	assert_false(vm_name_valid("a/b"));
	assert_false(vm_name_valid("a b"));
}

static void
test_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes; /* 0: refused */
	} rows[] = {
		{ "256", 256ull << 20 },
		{ "256M", 256ull << 20 },
		{ "1g", 1ull << 30 },
		{ "65536K", 64ull << 20 },
		{ "3G", 3ull << 30 },
		{ "4k", 4096 },
		{ "3073", 0 },
		{ "4G", 0 },
		{ "", 0 },
		{ "M", 0 },
		{ "0", 0 },
		{ "-1", 0 },
		{ "1.5G", 0 },
		{ "5k", 0 },
		{ "0x10", 0 },
		{ "1MM", 0 },
		{ "1 M", 0 },
		{ "9999999T", 0 },
		{ "99999999999999999999", 0 },
		{ "999999999999999999999999999999", 0 },
	};
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++) {
		bytes = 0;
		if (vm_parse_memsize(rows[i].text, &bytes) != NULL)
			bytes = 0;
		assert_int_equal(bytes, rows[i].bytes);
	}
}

static void
test_topologies(void **state)
{
	static const struct {
		const char *text;
		uint32_t vcpus, sockets, cores, threads; /* 0 vCPUs: refused */
	} rows[] = {
		{ "1", 1, 1, 1, 1 },
		{ "8", 8, 1, 8, 1 },
		{ "cpus=4", 4, 1, 4, 1 },
		{ "4,sockets=2", 4, 2, 2, 1 },
		{ "sockets=2,cores=2,threads=2", 8, 2, 2, 2 },
		{ "cpus=4,threads=2", 4, 1, 2, 2 },
		{ .text = "0" },
		{ .text = "9" },
		{ .text = "-1" },
		{ .text = "x" },
		{ .text = "" },
		{ .text = "2,2" },
		{ .text = "cpus=3,sockets=2" },
		{ .text = "cores=" },
		{ .text = "sockets=4,cores=4" },
		{ .text = "cpus=4,dies=2" },
		{ .text = "4," },
		{ "cpus=0x2", 2, 1, 2, 1 },
	};
	struct vm_topology t;
	uint32_t vcpus;

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++) {
		vcpus = 0;
		if (vm_parse_topology(rows[i].text, &vcpus, &t) != NULL)
			vcpus = 0;
		assert_int_equal(vcpus, rows[i].vcpus);
		if (vcpus == 0)
			continue;
		assert_int_equal(t.sockets, rows[i].sockets);
		assert_int_equal(t.cores, rows[i].cores);
		assert_int_equal(t.threads, rows[i].threads);
		assert_int_equal(t.maxcpus, vcpus);
	}
}

static struct vmctx *
open_fake(void)
{
	struct vmctx *ctx;

	fake_reset();
	assert_int_equal(vm_create("vm"), 0);
	ctx = vm_open("vm");
	assert_non_null(ctx);
	return ctx;
}

static void
test_memory(void **state)
{
	struct vmctx *ctx = open_fake();
	uint8_t *base;

	(void)state;
	assert_int_equal(vm_attach_memory(ctx), -1);
	assert_int_equal(errno, ENOENT);
	assert_null(vm_map_gpa(ctx, MACHINE_RAM_BASE, 1));
	assert_int_equal(vm_setup_memory(ctx, 4095), -1);
	assert_int_equal(vm_setup_memory(ctx, 0), -1);
	assert_int_equal(vm_setup_memory(ctx, 0x10000), 0);
	base = vm_map_gpa(ctx, MACHINE_RAM_BASE, 0x10000);
	assert_non_null(base);
	assert_ptr_equal(vm_map_gpa(ctx, MACHINE_RAM_BASE + 0xffff, 1), base + 0xffff);
	assert_null(vm_map_gpa(ctx, MACHINE_RAM_BASE, 0x10001));
	assert_null(vm_map_gpa(ctx, MACHINE_RAM_BASE + 0x10001, 0));
	assert_null(vm_map_gpa(ctx, MACHINE_RAM_BASE - 1, 1));
	assert_null(vm_map_gpa(ctx, MACHINE_RAM_BASE + 1, ~0ull));
	/* Again with the same size is fine, with another is not. */
	assert_int_equal(vm_setup_memory(ctx, 0x10000), 0);
	assert_int_equal(vm_setup_memory(ctx, 0x20000), -1);
	assert_int_equal(errno, EEXIST);
	vm_close(ctx);
	assert_int_equal(fake.open_fds, 0);
}

/* A segment that was never mapped, of another size: a loader died between the two calls. */
static void
test_memory_half(void **state)
{
	struct vmctx *ctx = open_fake();

	(void)state;
	assert_int_equal(vm_alloc_memseg(ctx, 0, 0x4000, ""), 0);
	assert_int_equal(vm_setup_memory(ctx, 0x8000), 0);
	assert_int_equal(fake.seg_len, 0x8000);
	assert_int_equal(fake.map_len, 0x8000);
	vm_close(ctx);
}

static void
test_open(void **state)
{
	struct vmctx *ctx, *second;
	struct vmmctl_vm_next vm;

	(void)state;
	fake_reset();
	assert_null(vm_open("vm"));
	assert_int_equal(errno, ENOENT);
	assert_null(vm_open("a/b"));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(vm_lookup("vm", &vm), -1);
	assert_int_equal(errno, ENOENT);
	ctx = open_fake();
	assert_int_equal(vm_create("vm"), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(vm_lookup("vm", &vm), 0);
	assert_int_equal(vm_lock(ctx), 0);
	second = vm_open("vm");
	assert_int_equal(vm_lock(second), -1);
	assert_int_equal(errno, EBUSY);
	vm_close(second);
	assert_int_equal(vm_destroy(ctx), 0);
	assert_false(fake.exists);
	assert_int_equal(fake.open_fds, 0);
}

static void
test_bindings(void **state)
{
	struct vmctx *ctx;

	(void)state;
	fake_reset();
	ctx = open_fake();
	assert_int_equal(vm_bind_doorbell(ctx, 0x1000003000, 2, 7, 5), 0);
	assert_int_equal(fake.doorbell.gpa, 0x1000003000);
	assert_int_equal(fake.doorbell.size, 2);
	assert_int_equal(fake.doorbell.data, 7);
	assert_int_equal(fake.doorbell.fd, 5);
	assert_int_equal(fake.doorbell.flags, 0);
	assert_int_equal(vm_unbind_doorbell(ctx, 0x1000003000, 2, 7, 5), 0);
	assert_int_equal(fake.doorbell.flags, VM_BIND_UNBIND);
	assert_int_equal(vm_bind_irq(ctx, 80, 5, -1), 0);
	assert_int_equal(fake.bind_irq.irq, 80);
	assert_int_equal(fake.bind_irq.fd, 5);
	assert_int_equal(fake.bind_irq.resample_fd, 0);
	assert_int_equal(fake.bind_irq.flags, 0);
	assert_int_equal(vm_bind_irq(ctx, 35, 5, 0), 0);
	assert_int_equal(fake.bind_irq.flags, VM_BIND_RESAMPLE);
	assert_int_equal(vm_bind_irq(ctx, 35, 5, 6), 0);
	assert_int_equal(fake.bind_irq.resample_fd, 6);
	assert_int_equal(vm_unbind_irq(ctx, 35, 5), 0);
	assert_int_equal(fake.bind_irq.resample_fd, 0);
	assert_int_equal(fake.bind_irq.flags, VM_BIND_UNBIND);
	fake.fail_request = VM_BIND_IRQ;
	fake.fail_errno = ENOSPC;
	assert_int_equal(vm_bind_irq(ctx, 80, 5, -1), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(vm_destroy(ctx), 0);
}

static void
test_strerror(void **state)
{
	static const int errors[] = { EINVAL, ENOENT, EEXIST, EBUSY, ENXIO, EACCES, EPERM, ENOMEM,
		EPROTO, ENOTTY, EIO };
	char line[256];

	(void)state;
	fake_reset();
	for (int op = 0; op < VM_OP_LAST; op++) {
		for (size_t i = 0; i < NELEM(errors); i++) {
			vm_strerror((enum vm_op)op, "guest1", errors[i], line, sizeof(line));
			assert_true(strlen(line) > 10);
			assert_null(strchr(line, '%'));
			assert_null(strchr(line, '\n'));
		}
	}
	vm_strerror(VM_OP_CREATE, "guest1", EEXIST, line, sizeof(line));
	assert_non_null(strstr(line, "guest1"));
	fake.module = false;
	vm_strerror(VM_OP_OPEN, "guest1", ENOENT, line, sizeof(line));
	assert_non_null(strstr(line, "load the vmm module"));
	errno = EIO;
	vm_strerror(VM_OP_RUN, "guest1", EBUSY, line, 8);
	assert_int_equal(errno, EIO);
	assert_int_equal(strlen(line), 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_topologies),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_memory_half),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_bindings),
		cmocka_unit_test(test_strerror),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	fake_reset();
	return failed;
}
