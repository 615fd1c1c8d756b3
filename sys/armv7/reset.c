/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A vCPU's general registers as reset leaves them, and as PSCI's CPU_ON starts it.  Host side, the
 * vCPU does not run.
 */
#include <string.h>

#include "arm.h"
#include "psr.h"

/*
 * TakeReset(), DDI 0406C B1.9.1: SVC mode, ARM state, asynchronous exceptions masked.  All that
 * is UNKNOWN then is zero here.
 */
void
arch_regs_reset(struct vcpu *vcpu)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);

	memset(&v->regs, 0, sizeof(v->regs));
	memset(&v->vfp, 0, sizeof(v->vfp));
	v->regs.cpsr = CPSR_MODE_SVC | CPSR_A | CPSR_I | CPSR_F;
}

/* DEN0022, initial state of a CPU. */
void
arch_regs_start(struct vcpu *vcpu)
{
	const struct arch_vcpu *arch = arch_vcpu(vcpu);
	struct hyp_vcpu *v = arch->hyp;

	v->regs.pc = arch->on_entry & ~1u;
	v->regs.r[0] = arch->on_context;
	if ((arch->on_entry & 1) != 0)
		v->regs.cpsr |= CPSR_T;
	if (arch->on_big_endian) {
		v->regs.cpsr |= CPSR_E;
		v->sys.sctlr |= SCTLR_EE;
	}
}

bool
arch_start_gpa(arch_reg_t entry, gpa_t *gpa)
{
	*gpa = GPA(entry & ~1u);
	return true;
}
