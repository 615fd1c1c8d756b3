/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * General registers by mode, PC and the IT state, conditions, and VM_GET_REGISTER and
 * VM_SET_REGISTER.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "esr.h"
#include "one_vcpu.h"
#include "psr.h"

static struct hyp_vcpu *const v = &one_hyp_vcpu;

static int
setup(void **unused)
{
	(void)unused;
	one_vcpu_setup();
	v->regs.cpsr = CPSR_MODE_SVC | CPSR_A | CPSR_I | CPSR_F;
	return 0;
}

static const uint32_t modes[] = { CPSR_MODE_USR, CPSR_MODE_FIQ, CPSR_MODE_IRQ, CPSR_MODE_SVC,
	CPSR_MODE_ABT, CPSR_MODE_UND, CPSR_MODE_SYS };

/* DDI 0406C Figure B1-1: where each register of each mode lies. */
static const uint32_t *
expected(uint32_t mode, unsigned int n)
{
	const struct arch_gpregs *r = &v->regs;

	if (n < 8)
		return &r->r[n];
	if (mode == CPSR_MODE_FIQ)
		return n == 13 ? &r->fiq.sp : n == 14 ? &r->fiq.lr : &r->r_fiq[n - 8];
	if (n < 13)
		return &r->r[n];
	if (mode == CPSR_MODE_USR || mode == CPSR_MODE_SYS)
		return n == 13 ? &r->sp_usr : &r->lr_usr;
	if (mode == CPSR_MODE_IRQ)
		return n == 13 ? &r->irq.sp : &r->irq.lr;
	if (mode == CPSR_MODE_SVC)
		return n == 13 ? &r->svc.sp : &r->svc.lr;
	if (mode == CPSR_MODE_ABT)
		return n == 13 ? &r->abt.sp : &r->abt.lr;
	return n == 13 ? &r->und.sp : &r->und.lr;
}

static void
test_banks(void **unused)
{
	unsigned int i, n;

	(void)unused;
	for (i = 0; i < NELEM(modes); i++) {
		for (n = 0; n < 15; n++) {
			memset(&v->regs, 0, sizeof(v->regs));
			v->regs.cpsr = modes[i] | CPSR_I;
			arch_gpr_set(v, n, 0xabcd0000 + n);
			assert_int_equal(*expected(modes[i], n), 0xabcd0000 + n);
			assert_int_equal(arch_gpr_get(v, n), 0xabcd0000 + n);
		}
	}
}

static uint32_t
cpsr_with_it(uint32_t it)
{
	return CPSR_MODE_SVC | CPSR_T | (it >> 2) << 10 | (it & 3) << 25;
}

static void
test_pc_advance(void **unused)
{
	/* ITTTE NE and what is left of it after each instruction, A2.5.2 */
	static const uint32_t it[] = { 0x17, 0x0e, 0x1c, 0x18, 0x00 };
	unsigned int i;

	(void)unused;
	v->regs.pc = 0x1000;
	arch_pc_advance(v, 4);
	assert_int_equal(v->regs.pc, 0x1004);
	assert_int_equal(v->regs.cpsr, CPSR_MODE_SVC | CPSR_A | CPSR_I | CPSR_F);
	v->regs.cpsr = cpsr_with_it(it[0]) | CPSR_N | CPSR_E;
	for (i = 1; i < NELEM(it); i++) {
		arch_pc_advance(v, 2);
		assert_int_equal(v->regs.cpsr, cpsr_with_it(it[i]) | CPSR_N | CPSR_E);
	}
	assert_int_equal(v->regs.pc, 0x1004 + 8);
	v->regs.pc = 0xfffffffe;
	arch_pc_advance(v, 4);
	assert_int_equal(v->regs.pc, 2);
}

/* A8.3: the flags for which each condition holds, as bits indexed by NZCV. */
static bool
holds(unsigned int cond, unsigned int nzcv)
{
	bool n = (nzcv & 8) != 0, z = (nzcv & 4) != 0, c = (nzcv & 2) != 0, o = (nzcv & 1) != 0;
	bool table[16] = { z, !z, c, !c, n, !n, o, !o, c && !z, !c || z, n == o, n != o,
		!z && n == o, z || n != o, true, true };

	return table[cond];
}

static void
test_conditions(void **unused)
{
	unsigned int cond, nzcv;

	(void)unused;
	for (cond = 0; cond < 16; cond++) {
		for (nzcv = 0; nzcv < 16; nzcv++) {
			/* from the syndrome */
			v->trap.esr = ESR_EC_CP15_32 << ESR_EC_SHIFT | ESR_CV | cond << 20;
			v->regs.cpsr = nzcv << 28 | CPSR_MODE_SVC;
			assert_int_equal(arch_cond_passes(v), holds(cond, nzcv));
			/* from the IT block */
			v->trap.esr = ESR_EC_WFX << ESR_EC_SHIFT;
			v->regs.cpsr = nzcv << 28 | cpsr_with_it(cond << 4 | 8);
			assert_int_equal(arch_cond_passes(v), holds(cond, nzcv));
		}
	}
	/* Thumb outside an IT block; ARM without a condition; classes that have none */
	v->regs.cpsr = cpsr_with_it(0);
	assert_true(arch_cond_passes(v));
	v->regs.cpsr = CPSR_MODE_SVC;
	assert_true(arch_cond_passes(v));
	v->trap.esr = ESR_EC_DABT_LOWER << ESR_EC_SHIFT | ESR_CV;
	assert_true(arch_cond_passes(v));
	v->trap.esr = ESR_CV;
	assert_true(arch_cond_passes(v));
}

static void
test_state(void **unused)
{
	(void)unused;
	assert_false(arch_guest_is_thumb(v));
	assert_false(arch_guest_is_user(v));
	v->regs.cpsr = CPSR_MODE_USR | CPSR_T;
	assert_true(arch_guest_is_thumb(v));
	assert_true(arch_guest_is_user(v));
}

static bool
is_read_only(uint32_t reg)
{
	return reg == VM_REG_GUEST_ACTLR || reg == VM_REG_GUEST_MPIDR || reg == VM_REG_GUEST_MIDR;
}

static bool
is_64(uint32_t reg)
{
	return reg >= VM_REG_GUEST_D0 || reg == VM_REG_GUEST_TTBR0 || reg == VM_REG_GUEST_TTBR1 ||
	    reg == VM_REG_GUEST_PAR || reg == VM_REG_GUEST_CNTV_CVAL ||
	    reg == VM_REG_GUEST_CNTP_CVAL || reg == VM_REG_GUEST_CNTVOFF;
}

/* A value that the register can hold, of its own. */
static uint64_t
some_value(uint32_t reg)
{
	switch (reg) {
	case VM_REG_GUEST_CPSR:
		return CPSR_MODE_ABT | CPSR_A;
	case VM_REG_GUEST_SCTLR:
		return SCTLR_M | SCTLR_TE;
	case VM_REG_GUEST_CNTV_CTL:
	case VM_REG_GUEST_CNTP_CTL:
		return 3;
	default:
		return is_64(reg) ? 0x123456789000ull + reg * 4 : 0x87650000 + reg * 4;
	}
}

/* Every register keeps its own value while all others are written. */
static void
test_every_register(void **unused)
{
	uint64_t val;
	uint32_t reg;

	(void)unused;
	/* the mode first: R0..LR are its own */
	assert_int_equal(arch_set_register(&one_vcpu, VM_REG_GUEST_CPSR, CPSR_MODE_SYS), 0);
	for (reg = 0; reg < VM_REG_LAST; reg++) {
		if (reg == VM_REG_GUEST_CPSR || reg == VM_REG_GUEST_SP || reg == VM_REG_GUEST_LR)
			continue; /* SP_usr and LR_usr, in this mode */
		assert_int_equal(arch_set_register(&one_vcpu, reg, some_value(reg)),
		    is_read_only(reg) ? -EINVAL : 0);
	}
	for (reg = 0; reg < VM_REG_LAST; reg++) {
		assert_int_equal(arch_get_register(&one_vcpu, reg, &val), 0);
		if (reg == VM_REG_GUEST_SP)
			assert_int_equal(val, some_value(VM_REG_GUEST_SP_USR));
		else if (reg == VM_REG_GUEST_LR)
			assert_int_equal(val, some_value(VM_REG_GUEST_LR_USR));
		else if (reg == VM_REG_GUEST_CPSR)
			assert_int_equal(val, CPSR_MODE_SYS);
		else if (!is_read_only(reg))
			assert_int_equal(val, some_value(reg));
	}
	assert_int_equal(one_hyp_vm.cntvoff, some_value(VM_REG_GUEST_CNTVOFF));
	assert_int_equal(v->vfp.d[31], some_value(VM_REG_GUEST_D31));
	assert_int_equal(v->regs.r_fiq[4], some_value(VM_REG_GUEST_R12_FIQ));
	v->midr = 0x412fc0f1;
	assert_int_equal(arch_get_register(&one_vcpu, VM_REG_GUEST_MIDR, &val), 0);
	assert_int_equal(val, 0x412fc0f1);
}

static void
test_bad_registers(void **unused)
{
	uint64_t val = 42;
	uint32_t reg;

	(void)unused;
	assert_int_equal(arch_get_register(&one_vcpu, VM_REG_LAST, &val), -EINVAL);
	assert_int_equal(arch_get_register(&one_vcpu, ~0u, &val), -EINVAL);
	assert_int_equal(arch_set_register(&one_vcpu, VM_REG_LAST, 0), -EINVAL);
	assert_int_equal(arch_set_register(&one_vcpu, ~0u, 0), -EINVAL);
	assert_int_equal(val, 42);
	for (reg = 0; reg < VM_REG_LAST; reg++)
		if (!is_64(reg))
			assert_int_equal(arch_set_register(&one_vcpu, reg, 1ull << 32), -EINVAL);
}

static int
set_cpsr(uint32_t cpsr)
{
	return arch_set_register(&one_vcpu, VM_REG_GUEST_CPSR, cpsr);
}

static int
set_pc(uint32_t pc)
{
	return arch_set_register(&one_vcpu, VM_REG_GUEST_PC, pc);
}

static void
test_cpsr(void **unused)
{
	uint32_t mode, before;
	unsigned int i;
	bool known;

	(void)unused;
	for (mode = 0; mode < 32; mode++) {
		known = false;
		for (i = 0; i < NELEM(modes); i++)
			known = known || modes[i] == mode;
		before = v->regs.cpsr;
		assert_int_equal(set_cpsr(mode), known ? 0 : -EINVAL);
		assert_int_equal(v->regs.cpsr, known ? mode : before);
	}
	assert_int_equal(set_cpsr(CPSR_MODE_HYP | CPSR_I), -EINVAL);
	assert_int_equal(set_cpsr(CPSR_MODE_MON), -EINVAL);
	assert_int_equal(set_cpsr(CPSR_MODE_SVC | CPSR_J), -EINVAL);
	assert_int_equal(set_cpsr(CPSR_MODE_SVC | CPSR_J | CPSR_T), -EINVAL);
	assert_int_equal(set_cpsr(CPSR_MODE_SVC | BIT(20)), -EINVAL);
	/* an IT block in Thumb state alone */
	assert_int_equal(set_cpsr(CPSR_MODE_SVC | BIT(10)), -EINVAL);
	assert_int_equal(set_cpsr(CPSR_MODE_SVC | BIT(25)), -EINVAL);
	assert_int_equal(set_cpsr(cpsr_with_it(0x18)), 0);
	assert_int_equal(set_cpsr(CPSR_MODE_SYS | CPSR_E | CPSR_GE | CPSR_Q | MASK32(31, 28)), 0);
}

static void
test_pc(void **unused)
{
	(void)unused;
	assert_int_equal(set_pc(0x8000), 0);
	assert_int_equal(set_pc(0x8001), -EINVAL);
	assert_int_equal(set_pc(0x8002), -EINVAL);
	assert_int_equal(set_cpsr(CPSR_MODE_SVC | CPSR_T), 0);
	assert_int_equal(set_pc(0x8002), 0);
	assert_int_equal(set_pc(0x8003), -EINVAL);
	/* back to ARM state only from where it can go on */
	assert_int_equal(set_cpsr(CPSR_MODE_SVC), -EINVAL);
	assert_int_equal(v->regs.pc, 0x8002);
	assert_int_equal(set_pc(0x8004), 0);
	assert_int_equal(set_cpsr(CPSR_MODE_SVC), 0);
}

static void
test_kept_bits(void **unused)
{
	(void)unused;
	v->sys.sctlr = 0x00c50078;
	assert_int_equal(arch_set_register(&one_vcpu, VM_REG_GUEST_SCTLR, 0xffffffff), 0);
	/* M A C CP15BEN SW Z I V RR HA WXN UWXN EE TRE AFE TE */
	assert_int_equal(v->sys.sctlr, 0x00c50078 | 0x721a7c27);
	assert_int_equal(arch_set_register(&one_vcpu, VM_REG_GUEST_SCTLR, 0), 0);
	assert_int_equal(v->sys.sctlr, 0x00c50058);
	assert_int_equal(arch_set_register(&one_vcpu, VM_REG_GUEST_CNTV_CTL, 0xffffffff), 0);
	assert_int_equal(v->vtimer.cntv_ctl, 3);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup(test_##name, setup)
	const struct CMUnitTest tests[] = {
		T(banks),
		T(pc_advance),
		T(conditions),
		T(state),
		T(every_register),
		T(bad_registers),
		T(cpsr),
		T(pc),
		T(kept_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
