/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The guest's general registers as an instruction of its current mode names them, and the
 * program counter: the one place where PC advances.  Works on memory only and is
 * built for the host, for HYP and for the unit tests; the caller owns the vCPU.
 */
#include "arm.h"
#include "esr.h"
#include "psr.h"

/* The banked sp, lr and spsr of a mode; NULL where the mode has the User bank. */
static struct arch_banked *
banked(struct arch_gpregs *r, uint32_t mode)
{
	switch (mode) {
	case CPSR_MODE_FIQ:
		return &r->fiq;
	case CPSR_MODE_IRQ:
		return &r->irq;
	case CPSR_MODE_SVC:
		return &r->svc;
	case CPSR_MODE_ABT:
		return &r->abt;
	case CPSR_MODE_UND:
		return &r->und;
	default:
		return NULL;
	}
}

/* Where Rn of the current mode lies, DDI 0406C B1.3.2.  n is 0..14. */
static uint32_t *
gpr(struct arch_gpregs *r, unsigned int n)
{
	uint32_t mode = r->cpsr & CPSR_MODE_MASK;
	struct arch_banked *b = banked(r, mode);

	if (n == 13)
		return b != NULL ? &b->sp : &r->sp_usr;
	if (n >= 14)
		return b != NULL ? &b->lr : &r->lr_usr;
	if (n >= 8 && mode == CPSR_MODE_FIQ)
		return &r->r_fiq[n - 8];
	return &r->r[n];
}

arch_reg_t
arch_gpr_get(const struct hyp_vcpu *v, unsigned int n)
{
	/* gpr only takes an address here */
	return *gpr((struct arch_gpregs *)(uintptr_t)&v->regs, n);
}

void
arch_gpr_set(struct hyp_vcpu *v, unsigned int n, arch_reg_t val)
{
	*gpr(&v->regs, n) = val;
}

static uint32_t
cpsr_it(uint32_t cpsr)
{
	return FIELD_OF(CPSR_IT_7_2, cpsr) << 2 | FIELD_OF(CPSR_IT_1_0, cpsr);
}

/* ITAdvance(), DDI 0406C A2.5.2. */
static uint32_t
it_advance(uint32_t it)
{
	if ((it & 7) == 0)
		return 0;
	return (it & 0xe0) | ((it << 1) & 0x1f);
}

void
arch_pc_advance(struct hyp_vcpu *v, unsigned int len)
{
	uint32_t it, cpsr = v->regs.cpsr;

	v->regs.pc += len;
	if ((cpsr & CPSR_T) == 0)
		return;
	it = it_advance(cpsr_it(cpsr));
	cpsr &= ~(CPSR_IT_7_2 | CPSR_IT_1_0);
	v->regs.cpsr = cpsr | FIELD_TO(CPSR_IT_7_2, it >> 2) | FIELD_TO(CPSR_IT_1_0, it & 3);
}

/* ConditionHolds(), DDI 0406C A8.3.1. */
static bool
cond_holds(uint32_t cond, uint32_t cpsr)
{
	bool n = (cpsr & CPSR_N) != 0, z = (cpsr & CPSR_Z) != 0;
	bool c = (cpsr & CPSR_C) != 0, ov = (cpsr & CPSR_V) != 0;
	bool holds;

	switch (cond >> 1) {
	case 0: /* EQ, NE */
		holds = z;
		break;
	case 1: /* CS, CC */
		holds = c;
		break;
	case 2: /* MI, PL */
		holds = n;
		break;
	case 3: /* VS, VC */
		holds = ov;
		break;
	case 4: /* HI, LS */
		holds = c && !z;
		break;
	case 5: /* GE, LT */
		holds = n == ov;
		break;
	case 6: /* GT, LE */
		holds = n == ov && !z;
		break;
	default: /* AL, and the unconditional space */
		return true;
	}
	return (cond & 1) != 0 ? !holds : holds;
}

/*
 * Some processors trap a conditional instruction before its condition is looked at
 *.  Only classes below 0x10 other than 0 say anything of it; where the syndrome has
 * no condition, a Thumb instruction's is that of its IT block.
 */
bool
arch_cond_passes(const struct hyp_vcpu *v)
{
	uint32_t hsr = v->trap.esr, ec = esr_ec(hsr), it;

	if (ec == ESR_EC_UNKNOWN || ec >= 0x10)
		return true;
	if ((hsr & ESR_CV) != 0)
		return cond_holds(FIELD_OF(ESR_COND_MASK, hsr), v->regs.cpsr);
	it = cpsr_it(v->regs.cpsr);
	if ((v->regs.cpsr & CPSR_T) == 0 || (it & 15) == 0)
		return true;
	return cond_holds(it >> 4, v->regs.cpsr);
}

bool
arch_guest_is_thumb(const struct hyp_vcpu *v)
{
	return (v->regs.cpsr & CPSR_T) != 0;
}

bool
arch_guest_is_user(const struct hyp_vcpu *v)
{
	return (v->regs.cpsr & CPSR_MODE_MASK) == CPSR_MODE_USR;
}

bool
arch_guest_is_big_endian(const struct hyp_vcpu *v)
{
	return (v->regs.cpsr & CPSR_E) != 0;
}
