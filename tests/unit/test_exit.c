/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The exit table and HYP's fast paths: who gets what, where PC is afterwards, and that no
 * syndrome whatever does harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <psr.h>

#include "arm_mock.h"
#include "exit_case.h"
#include "psci.h"

#define GICD_GPA 0x08000000u
#define PC	 0x40008000u

static struct vm_exit vme;

static int
setup(void **state)
{
	static const struct vm_attach_vgic vgic = { .dist_start = GICD_GPA,
		.dist_size = 0x10000,
		.cpu_start = 0x08010000,
		.cpu_size = 0x10000,
		.nirqs = 288 };

	(void)state;
	mock_setup();
	if (arch_vm_attach_vgic(&mock.vm, &vgic) != 0)
		return -1;
	mock_hv(0)->regs.pc = PC;
	return 0;
}

static uint64_t
stat(enum vmm_stat s)
{
	return mock.vcpu[0].stats[s];
}

/* The guest has trapped at PC. */
static struct hyp_vcpu *
trapped(uint32_t hsr)
{
	struct hyp_vcpu *v = mock_hv(0);

	v->exit = HYP_EXIT_TRAP;
	v->trap.esr = hsr;
	v->regs.pc = PC;
	return v;
}

static enum vcpu_action
trap(uint32_t hsr)
{
	trapped(hsr);
	return arch_vcpu_exit(&mock.vcpu[0], &vme);
}

static void
expect_undef(uint32_t hsr)
{
	struct hyp_vcpu *v = mock_hv(0);
	uint64_t undefs = stat(VMM_STAT_UNDEF_INJECTED);

	v->regs.cpsr = CPSR_MODE_SVC;
	assert_int_equal(trap(hsr), EXIT_RESUME);
	assert_int_equal(v->regs.pc, 4);
	assert_int_equal(v->regs.und.lr, PC + 4);
	assert_int_equal(v->regs.cpsr & CPSR_MODE_MASK, CPSR_MODE_UND);
	assert_int_equal(stat(VMM_STAT_UNDEF_INJECTED), undefs + 1);
	v->regs.cpsr = CPSR_MODE_SVC;
}

static uint32_t
ec(uint32_t class)
{
	return class << ESR_EC_SHIFT | ESR_AL;
}

static void
test_wfx(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);

	(void)state;
	assert_int_equal(trap(ec(ESR_EC_WFX)), EXIT_BLOCK);
	assert_int_equal(v->regs.pc, PC + 4);
	mock.timer_expired = true;
	assert_int_equal(trap(ec(ESR_EC_WFX)), EXIT_RESUME);
	assert_int_equal(v->regs.pc, PC + 4);
	assert_int_equal(trap(ec(ESR_EC_WFX) & ~ESR_IL), EXIT_RESUME);
	assert_int_equal(v->regs.pc, PC + 2);
	assert_int_equal(stat(VMM_STAT_EXIT_WFI), 3);
	assert_int_equal(trap(ec(ESR_EC_WFX) | ESR_WFX_IS_WFE), EXIT_YIELD);
	assert_int_equal(v->regs.pc, PC + 4);
	assert_int_equal(stat(VMM_STAT_EXIT_WFE), 1);
}

/* WFINE with Z set does nothing, and neither does MCREQ with Z clear. */
static void
test_condition(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);
	uint32_t ne = FIELD_TO(ESR_COND_MASK, 1u), eq = 0;

	(void)state;
	v->regs.cpsr |= CPSR_Z;
	assert_int_equal(trap((ec(ESR_EC_WFX) & ~ESR_COND_MASK) | ne), EXIT_RESUME);
	assert_int_equal(v->regs.pc, PC + 4);
	assert_int_equal(stat(VMM_STAT_EXIT_WFI), 0);
	assert_int_equal(trap((ec(ESR_EC_WFX) & ~ESR_COND_MASK) | eq), EXIT_BLOCK);
	v->regs.cpsr &= ~CPSR_Z;
	assert_int_equal(
	    trap((ec(ESR_EC_SMC) & ~ESR_COND_MASK) | FIELD_TO(ESR_COND_MASK, 15u)), EXIT_RESUME);
	v->regs.cpsr = CPSR_MODE_SVC;
	v->regs.r[1] = 7;
	trap((hsr_cp15(3, 0, 0, 0, 1, false) & ~ESR_COND_MASK) | eq);
	assert_int_equal(v->regs.pc, PC + 4);
	assert_int_equal(v->sys.dacr, 0);
	v->regs.cpsr |= CPSR_Z;
	trap((hsr_cp15(3, 0, 0, 0, 1, false) & ~ESR_COND_MASK) | eq);
	assert_int_equal(v->sys.dacr, 7);
}

static void
test_undefined(void **state)
{
	static const uint32_t classes[] = { ESR_EC_UNKNOWN, 0x02, ESR_EC_CP14_LS, ESR_EC_HCPTR,
		0x09, ESR_EC_BXJ, 0x0b, 0x0d, 0x10, ESR_EC_SVC, ESR_EC_SMC, 0x14, 0x1f,
		ESR_EC_IABT_HYP, 0x22, ESR_EC_DABT_HYP, 0x26, 0x3f };
	unsigned int i;

	(void)state;
	for (i = 0; i < NELEM(classes); i++)
		expect_undef(ec(classes[i]));
	expect_undef(ec(ESR_EC_CP14_32) | FIELD_TO(ESR_CP_OPC1_MASK, 1u));
	assert_int_equal(stat(VMM_STAT_EXITS), NELEM(classes) + 1);
}

static void
test_dispatch(void **state)
{
	(void)state;
	assert_int_equal(trap(ESR_EC_DABT_LOWER << ESR_EC_SHIFT), EXIT_TO_USER);
	assert_int_equal(vme.exitcode, VM_EXITCODE_INST_EMUL);
	assert_int_equal(vme.pc, PC);
	assert_int_equal(trap(ESR_EC_IABT_LOWER << ESR_EC_SHIFT), EXIT_RESUME);
	mock_hv(0)->regs.r[0] = PSCI_FN_VERSION;
	assert_int_equal(trap(ESR_EC_HVC << ESR_EC_SHIFT | ESR_IL), EXIT_RESUME);
	assert_int_equal(mock_hv(0)->regs.r[0], 0x10000);
	assert_int_equal(mock_hv(0)->regs.pc, PC); /* HVC's PC is the next instruction already */
	assert_int_equal(stat(VMM_STAT_EXIT_DABT), 1);
	assert_int_equal(stat(VMM_STAT_EXIT_IABT), 1);
	assert_int_equal(stat(VMM_STAT_EXIT_HVC), 1);
}

static void
test_other_exits(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);

	(void)state;
	v->exit = HYP_EXIT_IRQ;
	v->trap.esr = ec(ESR_EC_SMC); /* stale */
	assert_int_equal(arch_vcpu_exit(&mock.vcpu[0], &vme), EXIT_RESUME);
	assert_int_equal(v->regs.pc, PC);
	assert_int_equal(stat(VMM_STAT_EXIT_IRQ), 1);
	v->exit = HYP_EXIT_REQ;
	assert_int_equal(arch_vcpu_exit(&mock.vcpu[0], &vme), EXIT_RESUME);
	assert_int_equal(v->hcr & HCR_VA, 0);
	v->exit = HYP_EXIT_SERROR;
	assert_int_equal(arch_vcpu_exit(&mock.vcpu[0], &vme), EXIT_RESUME);
	assert_int_equal(v->hcr & HCR_VA, HCR_VA);
	assert_int_equal(v->regs.pc, PC);
	assert_int_equal(stat(VMM_STAT_EXIT_SERROR), 1);
	assert_true(arch_vcpu_has_work(&mock.vcpu[0]));
	v->exit = 99;
	assert_int_equal(arch_vcpu_exit(&mock.vcpu[0], &vme), EXIT_RESUME);
	assert_int_equal(stat(VMM_STAT_UNDEF_INJECTED), 0);
}

/* ---- the fast paths ---- */

static enum hyp_verdict
fast(uint32_t hsr)
{
	return hyp_fast_trap(trapped(hsr));
}

static void
test_fast_hvc(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);

	(void)state;
	v->regs.r[0] = PSCI_FN_VERSION;
	assert_int_equal(fast(ESR_EC_HVC << ESR_EC_SHIFT | ESR_IL), HYP_REENTER);
	assert_int_equal(v->regs.r[0], 0x10000);
	assert_int_equal(v->regs.pc, PC);
	assert_int_equal(stat(VMM_STAT_HYP_HVC), 1);
	v->regs.r[0] = PSCI_FN_VERSION;
	assert_int_equal(fast(ESR_EC_HVC << ESR_EC_SHIFT | ESR_IL | 1), HYP_TO_HOST);
	v->regs.r[0] = PSCI_FN_SYSTEM_OFF;
	assert_int_equal(fast(ESR_EC_HVC << ESR_EC_SHIFT | ESR_IL), HYP_TO_HOST);
	assert_int_equal(v->regs.r[0], PSCI_FN_SYSTEM_OFF);
	assert_int_equal(stat(VMM_STAT_HYP_HVC), 1);
}

static void
test_fast_sysreg(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);
	uint32_t hsr = hsr_cp15(0, 0, 1, 0, 2, true);

	(void)state;
	assert_int_equal(fast(hsr), HYP_REENTER);
	assert_int_equal(v->regs.r[2], 0x131);
	assert_int_equal(v->regs.pc, PC + 4);
	/* MRCEQ with Z clear is the host's to skip */
	assert_int_equal(fast(hsr & ~ESR_COND_MASK), HYP_TO_HOST);
	assert_int_equal(fast(hsr_cp15(1, 0, 0, 0, 2, false)), HYP_TO_HOST);
	assert_int_equal(v->regs.pc, PC);
	assert_int_equal(stat(VMM_STAT_HYP_CP15), 1);
}

static uint32_t
dabt(uint32_t sas, uint32_t srt, uint32_t more)
{
	return ESR_EC_DABT_LOWER << ESR_EC_SHIFT | ESR_IL | ESR_DABT_ISV |
	    FIELD_TO(ESR_DABT_SAS_MASK, sas) | FIELD_TO(ARCH_SRT_MASK, srt) | ESR_FSC_TRANSLATION |
	    3 | more;
}

static void
set_fault(uint32_t gpa)
{
	mock_hv(0)->trap.hpfar = gpa >> 12 << 4;
	mock_hv(0)->trap.far = 0xf0800000 | (gpa & 0xfff);
}

static void
test_fast_gicd(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);

	(void)state;
	mock.gicd_verdict = HYP_REENTER;
	mock.gicd_data = 0x8490a5b6;
	set_fault(GICD_GPA + 0x408);
	assert_int_equal(fast(dabt(2, 4, 0)), HYP_REENTER);
	assert_int_equal(v->regs.r[4], 0x8490a5b6);
	assert_int_equal(v->regs.pc, PC + 4);
	assert_int_equal(mock.gicd.offset, 0x408);
	assert_int_equal(mock.gicd.size, 4);
	assert_false(mock.gicd.write);
	assert_int_equal(fast(dabt(1, 4, 0)), HYP_REENTER);
	assert_int_equal(v->regs.r[4], 0xa5b6);
	assert_int_equal(fast(dabt(1, 4, ESR_DABT_SSE)), HYP_REENTER);
	assert_int_equal(v->regs.r[4], 0xffffa5b6);
	assert_int_equal(fast(dabt(0, 4, ESR_DABT_SSE)), HYP_REENTER);
	assert_int_equal(v->regs.r[4], 0xffffffb6);
	assert_int_equal(fast(dabt(0, 4, 0) & ~ESR_IL), HYP_REENTER);
	assert_int_equal(v->regs.r[4], 0xb6);
	assert_int_equal(v->regs.pc, PC + 2);
	v->regs.r[4] = 0x12345678;
	assert_int_equal(fast(dabt(0, 4, ESR_DABT_WNR)), HYP_REENTER);
	assert_true(mock.gicd.write);
	assert_int_equal(mock.gicd.data, 0x78);
	assert_int_equal(fast(dabt(1, 4, ESR_DABT_WNR)), HYP_REENTER);
	assert_int_equal(mock.gicd.data, 0x5678);
	assert_int_equal(fast(dabt(2, 4, ESR_DABT_WNR)), HYP_REENTER);
	assert_int_equal(mock.gicd.data, 0x12345678);
	assert_int_equal(v->regs.r[4], 0x12345678);
	assert_int_equal(stat(VMM_STAT_HYP_GICD), 8);
}

static void
test_fast_gicd_refuses(void **state)
{
	static const uint32_t more[] = { ESR_DABT_CM, ESR_ABT_S1PTW, ESR_ABT_EA };
	struct hyp_vcpu *v = mock_hv(0);
	unsigned int i;

	(void)state;
	mock.gicd_verdict = HYP_REENTER;
	set_fault(GICD_GPA + 0x408);
	for (i = 0; i < NELEM(more); i++)
		assert_int_equal(fast(dabt(2, 4, more[i])), HYP_TO_HOST);
	assert_int_equal(fast(dabt(2, 4, 0) & ~ESR_DABT_ISV), HYP_TO_HOST);
	assert_int_equal(fast(dabt(2, 4, 0) | 8), HYP_TO_HOST); /* permission fault */
	assert_int_equal(fast(dabt(3, 4, 0)), HYP_TO_HOST);
	assert_int_equal(fast(dabt(2, 13, 0)), HYP_TO_HOST);
	assert_int_equal(fast(dabt(2, 15, 0)), HYP_TO_HOST);
	v->regs.cpsr |= CPSR_E;
	assert_int_equal(fast(dabt(2, 4, 0)), HYP_TO_HOST);
	v->regs.cpsr = CPSR_MODE_FIQ;
	assert_int_equal(fast(dabt(2, 8, 0)), HYP_TO_HOST);
	v->regs.cpsr = CPSR_MODE_SVC;
	set_fault(GICD_GPA + 0x40a);
	assert_int_equal(fast(dabt(2, 4, 0)), HYP_TO_HOST); /* unaligned */
	set_fault(0x09000018);
	assert_int_equal(fast(dabt(2, 4, 0)), HYP_TO_HOST);
	set_fault(GICD_GPA + 0x408);
	mock.gicd_verdict = HYP_TO_HOST;
	assert_int_equal(fast(dabt(2, 4, 0)), HYP_TO_HOST);
	assert_int_equal(v->regs.pc, PC);
	mock.gicd_verdict = HYP_REENTER;
	hyp_vm(&mock.vm)->vgic.nirqs = 0;
	assert_int_equal(fast(dabt(2, 4, 0)), HYP_TO_HOST);
	assert_int_equal(stat(VMM_STAT_HYP_GICD), 0);
}

static void
test_fast_irq(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);

	(void)state;
	mock.vtimer_verdict = mock.maint_verdict = HYP_TO_HOST;
	assert_int_equal(hyp_fast_irq(v), HYP_TO_HOST);
	mock.maint_verdict = HYP_REENTER;
	assert_int_equal(hyp_fast_irq(v), HYP_REENTER);
	assert_int_equal(stat(VMM_STAT_HYP_MAINT), 1);
	mock.vtimer_verdict = HYP_REENTER;
	assert_int_equal(hyp_fast_irq(v), HYP_REENTER);
	assert_int_equal(stat(VMM_STAT_HYP_VTIMER), 1);
	assert_int_equal(stat(VMM_STAT_HYP_MAINT), 1);
}

/* ---- anything ---- */

static uint32_t
next_random(void)
{
	static uint64_t x = 0x9e3779b97f4a7c15ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 16);
}

static void
test_every_class(void **state)
{
	static const uint8_t modes[] = { 0x10, 0x11, 0x12, 0x13, 0x17, 0x1b, 0x1f };
	struct exit_case c;
	unsigned int class, n, i;

	(void)state;
	for (class = 0; class < 64; class ++) {
		for (n = 0; n < 4000; n++) {
			memset(&c, 0, sizeof(c));
			c.hsr = class << ESR_EC_SHIFT | (next_random() & MASK32(25, 0));
			c.pc = next_random() & ~3u;
			c.cpsr = (next_random() & ~CPSR_MODE_MASK) | modes[next_random() % 7];
			c.hdfar = next_random();
			c.hpfar = (next_random() & 1) != 0 ? GICD_GPA >> 8 : next_random();
			for (i = 0; i < 13; i++)
				c.r[i] = next_random();
			if ((next_random() & 3) == 0)
				c.r[0] = 0x84000000 + next_random() % 12;
			c.fast = n & 1;
			c.exit = (n & 64) != 0 ? (uint8_t)next_random() : HYP_EXIT_TRAP;
			c.verdict = (uint8_t)next_random();
			c.pending = (uint8_t)next_random();
			exit_case_run(&c);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_wfx, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_condition, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_undefined, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_dispatch, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_other_exits, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_fast_hvc, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_fast_sysreg, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_fast_gicd, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_fast_gicd_refuses, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_fast_irq, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_every_class, setup, mock_test_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
