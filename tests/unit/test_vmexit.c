/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Exits, played back by a fake kernel: what each one leads to, and what is handed back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bhyverun.h"
#include "fake_vmm_sys.h"
#include "debug.h"
#include "gdb.h"
#include "vmm_request.h"

static struct mmio_map map;
static struct run run;
static struct run_vcpu v;
static unsigned int stops;
static char said[4096];

void
say(const char *fmt, ...)
{
	size_t len = strlen(said);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said + len, sizeof(said) - len, fmt, ap);
	va_end(ap);
}

void
ev_loop_stop(struct ev_loop *loop)
{
	(void)loop;
	stops++;
}

static unsigned int held, at_breakpoint;

void
gdb_hold(struct gdb *g, unsigned int vcpu)
{
	(void)g;
	(void)vcpu;
	held++;
}

void
gdb_breakpoint(struct gdb *g, unsigned int vcpu)
{
	(void)g;
	(void)vcpu;
	at_breakpoint++;
}

void
run_end(struct run *r, enum bhyve_status status)
{
	if (r->status == BHYVE_RUNNING)
		r->status = status;
}

static enum mmio_result
dev_read(void *sc, uint64_t offset, uint32_t size, uint64_t *data)
{
	(void)sc;
	*data = 0x1122334455667788ull + offset + size;
	return offset == 8 ? MMIO_ABORT : MMIO_OK;
}

static enum mmio_result
dev_write(void *sc, uint64_t offset, uint32_t size, uint64_t data)
{
	(void)size;
	*(uint64_t *)sc = data + offset;
	return MMIO_OK;
}

static uint64_t written;

static int
setup(void **state)
{
	const struct mmio_device dev = { "dev", 0x9000000, 0x1000, 1 | 2 | 4, &written, dev_read,
		dev_write };

	(void)state;
	fake_reset();
	vm_create("vm");
	memset(&map, 0, sizeof(map));
	mmio_register(&map, &dev);
	run = (struct run){
		.ctx = vm_open("vm"), .mmio = &map, .status = BHYVE_RUNNING, .threads = 1
	};
	pthread_mutex_init(&run.lock, NULL);
	v = (struct run_vcpu){ .run = &run, .vcpu = vm_vcpu_open(run.ctx, 0) };
	said[0] = '\0';
	stops = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	vm_vcpu_close(v.vcpu);
	vm_close(run.ctx);
	fake_reset();
	return 0;
}

static struct vm_exit *
add_exit(uint32_t code)
{
	fake.exits[fake.nexits].exitcode = code;
	return &fake.exits[fake.nexits++];
}

static void
add_access(uint64_t gpa, uint8_t size, uint8_t dir, uint64_t data)
{
	struct vm_exit *e = add_exit(VM_EXITCODE_INST_EMUL);

	e->u.inst_emul.gpa = gpa;
	e->u.inst_emul.size = size;
	e->u.inst_emul.dir = dir;
	e->u.inst_emul.data = data;
}

static void
test_accesses(void **state)
{
	(void)state;
	add_access(0x9000004, 4, VM_DIR_READ, 0xdead);
	add_access(0x9000010, 4, VM_DIR_WRITE, 0x77);
	add_access(0x9000008, 4, VM_DIR_READ, 0); /* the device refuses */
	add_access(0x8000000, 4, VM_DIR_READ, 0); /* nobody's */
	add_access(0x8000000, 4, VM_DIR_WRITE, 0);
	add_access(0x9000ffe, 4, VM_DIR_READ, 0); /* crosses the end */
	add_access(0x9000000, 255, VM_DIR_READ, 0);
	add_exit(VM_EXITCODE_BOGUS);
	add_exit(VM_EXITCODE_SUSPENDED)->u.suspended.how = VM_SUSPEND_POWEROFF;
	vcpu_main(&v);
	assert_int_equal(fake.next_exit, 9);
	assert_int_equal(fake.seen[0].flags, 0);
	assert_int_equal(fake.seen[1].flags, 0);
	assert_int_equal(fake.seen[1].data, 0x1122334455667788ull + 8);
	assert_int_equal(fake.seen[2].flags, 0);
	assert_int_equal(written, 0x87);
	for (int i = 3; i <= 7; i++)
		assert_int_equal(fake.seen[i].flags, VM_RUN_ABORT);
	assert_int_equal(fake.seen[8].flags, 0); /* it does not stick */
	assert_int_equal(run.status, BHYVE_POWEROFF);
	assert_int_equal(stops, 1);
	assert_int_equal(run.threads, 0);
	assert_string_equal(said, ""); /* nothing that a guest can repeat is said */
}

static void
test_ends(void **state)
{
	static const struct {
		uint32_t code, how;
		enum bhyve_status status;
		const char *word;
	} rows[] = {
		{ VM_EXITCODE_SUSPENDED, VM_SUSPEND_RESET, BHYVE_RESET, "" },
		{ VM_EXITCODE_SUSPENDED, VM_SUSPEND_POWEROFF, BHYVE_POWEROFF, "" },
		{ VM_EXITCODE_SUSPENDED, VM_SUSPEND_HALT, BHYVE_HALT, "" },
		{ VM_EXITCODE_SUSPENDED, VM_SUSPEND_DESTROY, BHYVE_ERROR, "destroyed" },
		{ VM_EXITCODE_SUSPENDED, VM_SUSPEND_NONE, BHYVE_ERROR, "" },
		{ VM_EXITCODE_SUSPENDED, 99, BHYVE_ERROR, "" },
		{ VM_EXITCODE_HYP, 0, BHYVE_ERROR, "cpsr" },
		{ VM_EXITCODE_PAGING, 0, BHYVE_ERROR, "no memory" },
		{ VM_EXITCODE_REG_EMUL, 0, BHYVE_ERROR, "reg_emul" },
		{ VM_EXITCODE_HVC, 0, BHYVE_ERROR, "hvc" },
		{ VM_EXITCODE_WFI, 0, BHYVE_ERROR, "wfi" },
		{ VM_EXITCODE_SMCCC, 0, BHYVE_ERROR, "smccc" },
		{ VM_EXITCODE_BRK, 0, BHYVE_ERROR, "brk" },
		{ VM_EXITCODE_MAX, 0, BHYVE_ERROR, "unknown" },
		{ 0xffffffff, 0, BHYVE_ERROR, "unknown" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup(state);
		add_exit(rows[i].code)->u.suspended.how = rows[i].how;
		vcpu_main(&v);
		assert_int_equal(run.status, rows[i].status);
		if (strstr(said, rows[i].word) == NULL)
			fail_msg("exit %u: %s", rows[i].code, said);
		assert_int_equal(stops, 1);
		teardown(state);
	}
	setup(state);
}

/* With a debugger's server a vCPU asks it before it runs, and when it stops. */
static void
test_debugger(void **state)
{
	(void)state;
	held = at_breakpoint = 0;
	run.gdb = (struct gdb *)&held;
	add_exit(VM_EXITCODE_DEBUG);
	add_exit(VM_EXITCODE_BRK);
	add_exit(VM_EXITCODE_SUSPENDED)->u.suspended.how = VM_SUSPEND_POWEROFF;
	vcpu_main(&v);
	assert_int_equal(run.status, BHYVE_POWEROFF);
	assert_int_equal(held, 2);
	assert_int_equal(at_breakpoint, 1);
	run.gdb = NULL;
}

static void
test_lost(void **state)
{
	(void)state;
	vcpu_main(&v); /* ENXIO */
	assert_int_equal(run.status, BHYVE_ERROR);
	assert_non_null(strstr(said, "somebody destroyed it"));
	run.status = BHYVE_RUNNING;
	run.threads = 1;
	said[0] = '\0';
	fake.fail_request = VM_RUN;
	fake.fail_errno = EBUSY;
	vcpu_main(&v);
	assert_non_null(strstr(said, "another bhyve"));
}

static void
test_hyp_message(void **state)
{
	struct vm_exit *e;

	(void)state;
	e = add_exit(VM_EXITCODE_HYP);
	e->pc = 0x80001234;
	e->u.hyp.syndrome = 0x93820006;
	e->u.hyp.far = 0xabcd0000;
	e->u.hyp.gpa = 0x12345000;
	fake.regs[0][VM_REG_GUEST_CPSR] = 0x200001d3;
	vcpu_main(&v);
	assert_non_null(strstr(said, "0x80001234"));
	assert_non_null(strstr(said, "93820006: Data Abort"));
	assert_non_null(strstr(said, "0x12345000"));
	assert_non_null(strstr(said, "Supervisor mode, ARM, IRQ off, FIQ off"));
	for (uint32_t hsr = 0; hsr < 64; hsr++)
		assert_non_null(hsr_class_name(hsr << 26));
	for (uint32_t mode = 0; mode < 32; mode++)
		assert_non_null(cpsr_mode_name(mode));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_accesses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hyp_message, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends, NULL, teardown),
		cmocka_unit_test_setup_teardown(test_debugger, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
