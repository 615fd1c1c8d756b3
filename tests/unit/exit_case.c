/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * See exit_case.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <psr.h>

#include "arm_mock.h"
#include "exit_case.h"

static void
must(bool holds, const char *what, const struct exit_case *c)
{
	if (holds)
		return;
	fprintf(stderr, "%s: hsr %#x cpsr %#x pc %#x exit %u fast %u\n", what, c->hsr, c->cpsr,
	    c->pc, c->exit, c->fast);
	abort();
}

static void
load_case(struct hyp_vcpu *v, const struct exit_case *c)
{
	memcpy(v->regs.r, c->r, sizeof(c->r));
	v->regs.pc = c->pc;
	v->regs.cpsr = c->cpsr;
	v->trap.esr = c->hsr;
	v->trap.far = c->hdfar;
	v->trap.hpfar = c->hpfar;
	v->exit = c->exit;
	mock.gicd_verdict = (c->verdict & 1) != 0 ? HYP_REENTER : HYP_TO_HOST;
	mock.gicd_data = c->r[0];
	mock.pending = (c->pending & 1) != 0;
}

/* HYP answers in full or leaves no trace. */
static void
run_fast(struct hyp_vcpu *v, const struct exit_case *c)
{
	struct hyp_vcpu *before = malloc(sizeof(*before));
	enum hyp_verdict verdict;

	if (before == NULL)
		abort();
	*before = *v;
	verdict = hyp_fast_trap(v);
	must(verdict == HYP_REENTER || verdict == HYP_TO_HOST, "verdict", c);
	if (verdict == HYP_TO_HOST)
		must(memcmp(before, v, sizeof(*v)) == 0, "HYP left a trace", c);
	else
		must(v->regs.pc == c->pc || v->regs.pc == c->pc + esr_inst_len(c->hsr), "pc", c);
	must((v->regs.cpsr & ~(CPSR_IT_7_2 | CPSR_IT_1_0)) ==
		(c->cpsr & ~(CPSR_IT_7_2 | CPSR_IT_1_0)),
	    "HYP changed cpsr", c);
	free(before);
}

/* The guest goes on, behind the instruction, at it, or in its Undefined handler. */
static void
run_host(struct hyp_vcpu *v, const struct exit_case *c)
{
	struct vm_exit vme;
	enum vcpu_action action;
	uint64_t undefs = v->stats[VMM_STAT_UNDEF_INJECTED];

	memset(&vme, 0, sizeof(vme));
	action = arch_vcpu_exit(&mock.vcpu[0], &vme);
	must(action == EXIT_RESUME || action == EXIT_BLOCK || action == EXIT_YIELD ||
		action == EXIT_TO_USER,
	    "action", c);
	must(action != EXIT_TO_USER || (vme.exitcode != 0 && vme.exitcode < VM_EXITCODE_MAX),
	    "exit code", c);
	if (v->stats[VMM_STAT_UNDEF_INJECTED] != undefs) {
		must((v->regs.cpsr & CPSR_MODE_MASK) == CPSR_MODE_UND, "undef mode", c);
		must(v->regs.und.spsr == c->cpsr, "undef spsr", c);
		return;
	}
	must(v->regs.pc == c->pc || v->regs.pc == c->pc + esr_inst_len(c->hsr), "pc", c);
	must((v->regs.cpsr & CPSR_MODE_MASK) == (c->cpsr & CPSR_MODE_MASK), "mode", c);
}

void
exit_case_run(const struct exit_case *c)
{
	struct hyp_vcpu *v = mock_hv(0);

	load_case(v, c);
	if (c->fast == 1)
		run_fast(v, c);
	else
		run_host(v, c);
}
