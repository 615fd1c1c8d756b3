/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * PSCI and SMCCC calls, their answers, and the power states of vCPUs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <psr.h>

#include "arm_mock.h"
#include "psci.h"

static struct vm_exit vme;

static enum vcpu_action
hvc(unsigned int id, uint32_t fn, uint32_t a1, uint32_t a2, uint32_t a3)
{
	struct hyp_vcpu *v = mock_hv(id);
	unsigned int i;
	enum vcpu_action action;

	v->trap.esr = ESR_EC_HVC << ESR_EC_SHIFT | ESR_IL;
	v->regs.pc = 0x40008004;
	v->regs.r[0] = fn;
	v->regs.r[1] = a1;
	v->regs.r[2] = a2;
	v->regs.r[3] = a3;
	for (i = 4; i < 13; i++)
		v->regs.r[i] = 0xc0de0000 + i;
	action = psci_trap(&mock.vcpu[id], &vme);
	assert_int_equal(v->regs.pc, 0x40008004);
	/* SMCCC 1.1: nothing but r0 changes */
	assert_int_equal(v->regs.r[1], a1);
	assert_int_equal(v->regs.r[2], a2);
	assert_int_equal(v->regs.r[3], a3);
	for (i = 4; i < 13; i++)
		assert_int_equal(v->regs.r[i], 0xc0de0000 + i);
	return action;
}

static uint32_t
call(uint32_t fn, uint32_t a1, uint32_t a2, uint32_t a3)
{
	assert_int_equal(hvc(0, fn, a1, a2, a3), EXIT_RESUME);
	return mock_hv(0)->regs.r[0];
}

static void
test_constants(void **state)
{
	static const uint32_t there[] = { PSCI_FN_VERSION, PSCI_FN_CPU_SUSPEND, PSCI_FN_CPU_OFF,
		PSCI_FN_CPU_ON, PSCI_FN_AFFINITY_INFO, PSCI_FN_MIGRATE_INFO_TYPE,
		PSCI_FN_SYSTEM_OFF, PSCI_FN_SYSTEM_RESET, PSCI_FN_FEATURES, SMCCC_FN_VERSION };
	unsigned int i;

	(void)state;
	assert_int_equal(call(PSCI_FN_VERSION, 1, 2, 3), 0x10000);
	assert_int_equal(call(SMCCC_FN_VERSION, 0, 0, 0), 0x10001);
	assert_int_equal(call(PSCI_FN_MIGRATE_INFO_TYPE, 0, 0, 0), 2);
	for (i = 0; i < NELEM(there); i++)
		assert_int_equal(call(PSCI_FN_FEATURES, there[i], 0, 0), 0);
	assert_int_equal(call(PSCI_FN_FEATURES, 0xc4000003, 0, 0), PSCI_NOT_SUPPORTED);
	assert_int_equal(call(PSCI_FN_FEATURES, 0x84000005, 0, 0), PSCI_NOT_SUPPORTED);
	assert_int_equal(call(SMCCC_FN_ARCH_FEATURES, SMCCC_FN_VERSION, 0, 0), 0);
	assert_int_equal(call(SMCCC_FN_ARCH_FEATURES, 0x80008000, 0, 0), PSCI_NOT_SUPPORTED);
}

static void
test_cpu_on(void **state)
{
	struct hyp_vcpu *v = mock_hv(2);

	(void)state;
	assert_false(arch_vcpu_powered(&mock.vcpu[2]));
	assert_int_equal(call(PSCI_FN_AFFINITY_INFO, 2, 0, 0), PSCI_AFF_OFF);
	assert_int_equal(call(PSCI_FN_CPU_ON, 2, 0x40100000, 0xcafe), PSCI_SUCCESS);
	assert_int_equal(mock.requests, 1);
	assert_int_equal(mock.request_vcpu, 2);
	assert_int_equal(mock.last_request, VCPU_REQ_POWER);
	assert_true(arch_vcpu_powered(&mock.vcpu[2]));
	assert_int_equal(call(PSCI_FN_AFFINITY_INFO, 2, 0, 0), PSCI_AFF_ON_PENDING);
	assert_int_equal(call(PSCI_FN_CPU_ON, 2, 0x40200000, 1), PSCI_ON_PENDING);
	/* the target does it */
	memset(&v->regs, 0xff, sizeof(v->regs));
	v->sys.sctlr = 0xffffffff;
	arch_vcpu_power_update(&mock.vcpu[2]);
	assert_int_equal(v->regs.pc, 0x40100000);
	assert_int_equal(v->regs.r[0], 0xcafe);
	assert_int_equal(v->regs.r[1], 0);
	assert_int_equal(v->regs.cpsr, CPSR_MODE_SVC | CPSR_A | CPSR_I | CPSR_F);
	assert_int_equal(v->sys.sctlr, SCTLR_RESET);
	assert_int_equal(call(PSCI_FN_AFFINITY_INFO, 2, 0, 0), PSCI_AFF_ON);
	assert_int_equal(call(PSCI_FN_CPU_ON, 2, 0x40100000, 0), PSCI_ALREADY_ON);
	assert_int_equal(mock.requests, 1);
	/* nothing more to do */
	v->regs.pc = 0x44444444;
	arch_vcpu_power_update(&mock.vcpu[2]);
	assert_int_equal(v->regs.pc, 0x44444444);
	/* and off again */
	assert_int_equal(hvc(2, PSCI_FN_CPU_OFF, 0, 0, 0), EXIT_RESUME);
	assert_false(arch_vcpu_powered(&mock.vcpu[2]));
	assert_int_equal(call(PSCI_FN_CPU_ON, 2, 0x40100000, 0), PSCI_SUCCESS);
}

static void
test_cpu_on_thumb_be(void **state)
{
	struct hyp_vcpu *v = mock_hv(1);

	(void)state;
	mock_hv(0)->regs.cpsr |= CPSR_E;
	assert_int_equal(call(PSCI_FN_CPU_ON, 1, 0x40100001, 0), PSCI_SUCCESS);
	arch_vcpu_power_update(&mock.vcpu[1]);
	assert_int_equal(v->regs.pc, 0x40100000);
	assert_int_equal(v->regs.cpsr, CPSR_MODE_SVC | CPSR_A | CPSR_I | CPSR_F | CPSR_T | CPSR_E);
	assert_true((v->sys.sctlr & SCTLR_EE) != 0);
}

static void
test_cpu_on_bad(void **state)
{
	static const uint32_t bad[] = { 4, 7, 8, 255, 0x100, 0x10000, 0x1000000, 0x80000001, ~0u };
	unsigned int i;

	(void)state;
	for (i = 0; i < NELEM(bad); i++) {
		assert_int_equal(
		    call(PSCI_FN_CPU_ON, bad[i], 0x40100000, 0), PSCI_INVALID_PARAMETERS);
		assert_int_equal(
		    call(PSCI_FN_AFFINITY_INFO, bad[i], 0, 0), PSCI_INVALID_PARAMETERS);
	}
	assert_int_equal(call(PSCI_FN_CPU_ON, 1, 0x09000000, 0), PSCI_INVALID_ADDRESS);
	assert_int_equal(call(PSCI_FN_CPU_ON, 1, 0xffffffff, 0), PSCI_INVALID_ADDRESS);
	assert_int_equal(call(PSCI_FN_CPU_ON, 0, 0x40100000, 0), PSCI_ALREADY_ON);
	assert_int_equal(call(PSCI_FN_AFFINITY_INFO, 0, 4, 0), PSCI_INVALID_PARAMETERS);
	assert_int_equal(call(PSCI_FN_AFFINITY_INFO, 0, 1, 0), PSCI_AFF_ON);
	assert_int_equal(call(PSCI_FN_AFFINITY_INFO, 0x100, 1, 0), PSCI_INVALID_PARAMETERS);
	assert_int_equal(mock.requests, 0);
}

static void
test_suspend(void **state)
{
	(void)state;
	assert_int_equal(hvc(0, PSCI_FN_CPU_SUSPEND, 0x10000, 0x40000000, 0), EXIT_BLOCK);
	assert_int_equal(mock_hv(0)->regs.r[0], 0);
	mock.pending = true;
	assert_int_equal(hvc(0, PSCI_FN_CPU_SUSPEND, 0, 0, 0), EXIT_RESUME);
	assert_int_equal(mock_hv(0)->regs.r[0], 0);
}

static void
test_system(void **state)
{
	(void)state;
	assert_int_equal(hvc(3, PSCI_FN_SYSTEM_OFF, 0, 0, 0), EXIT_RESUME);
	assert_int_equal(mock.suspend_how, VM_SUSPEND_POWEROFF);
	assert_int_equal(mock.suspend_vcpu, 3);
	assert_int_equal(mock_hv(3)->regs.r[0], PSCI_INTERNAL_FAILURE);
	call(PSCI_FN_SYSTEM_RESET, 0, 0, 0);
	assert_int_equal(mock.suspend_how, VM_SUSPEND_RESET);
}

static void
test_unknown(void **state)
{
	unsigned int i;

	(void)state;
	assert_int_equal(call(0x8600ff01, 0, 0, 0), PSCI_NOT_SUPPORTED);
	assert_int_equal(call(0, 0, 0, 0), PSCI_NOT_SUPPORTED);
	assert_int_equal(call(0xc4000003, 1, 0x40100000, 0), PSCI_NOT_SUPPORTED);
	assert_int_equal(mock.vcpu[0].stats[VMM_STAT_SMCCC_UNKNOWN], 3);
	memset(&vme, 0xff, sizeof(vme));
	mock_hv(0)->smccc_exit = 1;
	assert_int_equal(hvc(0, 0x86000001, 11, 12, 13), EXIT_TO_USER);
	assert_int_equal(vme.exitcode, VM_EXITCODE_SMCCC);
	assert_int_equal(vme.inst_length, 0);
	assert_int_equal(vme.u.smccc.func_id, 0x86000001);
	assert_int_equal(vme.u.smccc.pad, 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(vme.u.smccc.args[i], 11 + i);
	for (i = 3; i < 6; i++)
		assert_int_equal(vme.u.smccc.args[i], 0xc0de0001 + i);
	assert_int_equal(mock_hv(0)->regs.r[0], PSCI_NOT_SUPPORTED);
}

/* HVC with another immediate is UNDEFINED, at the HVC itself. */
static void
test_immediate(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);

	(void)state;
	v->trap.esr = ESR_EC_HVC << ESR_EC_SHIFT | ESR_IL | 0xea1;
	v->regs.pc = 0x40008004;
	v->regs.r[0] = PSCI_FN_VERSION;
	assert_int_equal(psci_trap(&mock.vcpu[0], &vme), EXIT_RESUME);
	assert_int_equal(v->regs.pc, 4);
	assert_int_equal(v->regs.und.lr, 0x40008004);
	assert_int_equal(v->regs.r[0], PSCI_FN_VERSION);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		mock_test(test_constants),
		mock_test(test_cpu_on),
		mock_test(test_cpu_on_thumb_be),
		mock_test(test_cpu_on_bad),
		mock_test(test_suspend),
		mock_test(test_system),
		mock_test(test_unknown),
		mock_test(test_immediate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
