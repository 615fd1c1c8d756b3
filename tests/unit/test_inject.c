/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Exceptions made by hand: where the guest finds itself, what it would return to, and
 * what its fault registers say, from each mode and state, under each setting of SCTLR.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "esr.h"
#include "one_vcpu.h"
#include "psr.h"

static struct hyp_vcpu *const v = &one_hyp_vcpu;
static unsigned int traced;

void
vmm_trace(struct vcpu *vcpu, enum vmm_trace_event ev, uint32_t a, uint64_t b)
{
	(void)vcpu;
	(void)a;
	assert_int_equal(ev, VMM_TRACE_INJECT);
	assert_int_equal(b, 0x10008);
	traced++;
}

#define VBAR 0xc0008000u
#define IT   (BIT(25) | BIT(11)) /* some IT state */

static int
setup(void **unused)
{
	(void)unused;
	one_vcpu_setup();
	v->regs.pc = 0x10008;
	v->regs.cpsr = CPSR_MODE_USR | CPSR_F | CPSR_N | CPSR_Q | CPSR_GE;
	v->sys.vbar = VBAR;
	traced = 0;
	return 0;
}

static void
inject_all_ways(unsigned int kind)
{
	switch (kind) {
	case 0:
		inject_undef(&one_vcpu);
		break;
	case 1:
		inject_pabt(&one_vcpu, 0x1234);
		break;
	default:
		inject_dabt(&one_vcpu, 0x5678);
		break;
	}
}

/* DDI 0406C Tables B1-3 (vectors) and B1-7 (link values); the columns are those above. */
static const uint32_t vectors[] = { 0x04, 0x0c, 0x10 };
static const uint32_t lr_arm[] = { 4, 4, 8 };
static const uint32_t lr_thumb[] = { 2, 4, 8 };

static void
check_entry(unsigned int kind, uint32_t from, uint32_t sctlr)
{
	const struct arch_banked *b = kind == 0 ? &v->regs.und : &v->regs.abt;
	uint32_t base = (sctlr & SCTLR_V) != 0 ? 0xffff0000 : VBAR;
	uint32_t want = (from & (CPSR_F | CPSR_A | CPSR_N | CPSR_Q | CPSR_GE)) | CPSR_I;

	want |= kind == 0 ? CPSR_MODE_UND : CPSR_MODE_ABT | CPSR_A;
	want |= (sctlr & SCTLR_TE) != 0 ? CPSR_T : 0;
	want |= (sctlr & SCTLR_EE) != 0 ? CPSR_E : 0;
	setup(NULL);
	v->regs.cpsr = from;
	v->sys.sctlr = sctlr;
	inject_all_ways(kind);
	assert_int_equal(v->regs.pc, base + vectors[kind]);
	assert_int_equal(v->regs.cpsr, want);
	assert_int_equal(b->spsr, from);
	assert_int_equal(b->lr, 0x10008 + ((from & CPSR_T) != 0 ? lr_thumb : lr_arm)[kind]);
	assert_int_equal(traced, 1);
}

static void
test_entry(void **unused)
{
	static const uint32_t froms[] = {
		CPSR_MODE_USR | CPSR_N | CPSR_Q | CPSR_GE,
		CPSR_MODE_USR | CPSR_T | IT | CPSR_E,
		CPSR_MODE_SVC | CPSR_I | CPSR_F | CPSR_A,
		CPSR_MODE_ABT | CPSR_I,
		CPSR_MODE_UND | CPSR_T,
		CPSR_MODE_FIQ | CPSR_I | CPSR_F | CPSR_E,
		CPSR_MODE_IRQ | CPSR_I,
		CPSR_MODE_SYS,
	};
	static const uint32_t sctlrs[] = { 0, SCTLR_V, SCTLR_TE, SCTLR_EE,
		SCTLR_V | SCTLR_TE | SCTLR_EE };
	unsigned int kind, f, s;

	(void)unused;
	for (kind = 0; kind < 3; kind++)
		for (f = 0; f < NELEM(froms); f++)
			for (s = 0; s < NELEM(sctlrs); s++)
				check_entry(kind, froms[f], sctlrs[s]);
}

static void
test_vbar_alignment(void **unused)
{
	(void)unused;
	v->sys.vbar = VBAR | 0x1f;
	inject_undef(&one_vcpu);
	assert_int_equal(v->regs.pc, VBAR + 4);
	assert_int_equal(one_vcpu.stats[VMM_STAT_UNDEF_INJECTED], 1);
}

static void
test_fault_registers(void **unused)
{
	(void)unused;
	/* short descriptors: FS is 0b01000 in [10, 3:0] */
	inject_dabt(&one_vcpu, 0x5678);
	assert_int_equal(v->sys.dfsr, 0x008);
	assert_int_equal(v->sys.dfar, 0x5678);
	assert_int_equal(v->sys.ifsr, 0);
	setup(NULL);
	v->trap.esr = ESR_EC_DABT_LOWER << ESR_EC_SHIFT | ESR_DABT_WNR;
	inject_dabt(&one_vcpu, 0x5678);
	assert_int_equal(v->sys.dfsr, 0x808);
	setup(NULL);
	inject_pabt(&one_vcpu, 0x1234);
	assert_int_equal(v->sys.ifsr, 0x008);
	assert_int_equal(v->sys.ifar, 0x1234);
	assert_int_equal(v->sys.dfsr, 0);
	/* long ones: STATUS is 0b010000, LPAE is set */
	setup(NULL);
	v->sys.ttbcr = TTBCR_EAE;
	v->trap.esr = ESR_EC_CP15_32 << ESR_EC_SHIFT | ESR_DABT_WNR;
	inject_dabt(&one_vcpu, 0x5678);
	assert_int_equal(v->sys.dfsr, 0x210);
	setup(NULL);
	v->sys.ttbcr = TTBCR_EAE;
	inject_pabt(&one_vcpu, 0x1234);
	assert_int_equal(v->sys.ifsr, 0x210);
}

static void
test_serror(void **unused)
{
	struct arch_gpregs before = v->regs;

	(void)unused;
	v->hcr = 1;
	inject_serror(&one_vcpu);
	assert_int_equal(v->hcr, 1 | BIT(5) | BIT(8));
	assert_memory_equal(&before, &v->regs, sizeof(before));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup(test_##name, setup)
	const struct CMUnitTest tests[] = {
		T(entry),
		T(vbar_alignment),
		T(fault_registers),
		T(serror),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
