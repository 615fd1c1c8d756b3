/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Why the guest came back, and who deals with it: a table by exception class (ESR.EC:
 * esr.h).  In the trap walk after core/vcpu_run.c.  Runs on the host, preemptible, in
 * the vCPU's own thread, all of the guest's registers saved; no locks.
 */
#include "arm.h"
#include "esr.h"

#define EXIT_CONDITIONAL BIT(0) /* the instruction may trap though its condition fails, B1.14.3 */

struct exit_desc {
	enum vcpu_action (*fn)(struct vcpu *vcpu, struct vm_exit *vme);
	enum vmm_stat stat;
	uint32_t flags;
};

/* What the guest does not have, and what no guest should be able to bring about. */
static enum vcpu_action
exit_undef(struct vcpu *vcpu, struct vm_exit *vme)
{
	(void)vme;
	inject_undef(vcpu);
	return EXIT_RESUME;
}

/* WFI sleeps unless an interrupt waits, WFE lets others run and goes on (B1.8.13, B1.8.14). */
static enum vcpu_action
exit_wfx(struct vcpu *vcpu, struct vm_exit *vme)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);

	(void)vme;
	arch_pc_advance(v, esr_inst_len(v->trap.esr));
	if ((v->trap.esr & ESR_WFX_IS_WFE) != 0) {
		vcpu_stat_inc(vcpu, VMM_STAT_EXIT_WFE);
		return EXIT_YIELD;
	}
	vcpu_stat_inc(vcpu, VMM_STAT_EXIT_WFI);
	return arch_vcpu_has_work(vcpu) ? EXIT_RESUME : EXIT_BLOCK;
}

/*
 * Coprocessors 0-9, 12 and 13 do not exist, and trace is not for guests.  VFP's first use is
 * the microvisor's own affair and does not get here.
 */
static const struct exit_desc exit_table[ESR_EC_COUNT] = {
	[ESR_EC_WFX] = { exit_wfx, VMM_STAT_COUNT, EXIT_CONDITIONAL },
	[ESR_EC_CP15_32] = { sysreg_trap, VMM_STAT_EXIT_CP15, EXIT_CONDITIONAL },
	[ESR_EC_CP15_64] = { sysreg_trap, VMM_STAT_EXIT_CP15, EXIT_CONDITIONAL },
	[ESR_EC_CP14_32] = { sysreg_trap, VMM_STAT_EXIT_CP14, EXIT_CONDITIONAL },
	[ESR_EC_CP14_LS] = { exit_undef, VMM_STAT_EXIT_CP14, EXIT_CONDITIONAL },
	[ESR_EC_HCPTR] = { exit_undef, VMM_STAT_EXIT_OTHER, EXIT_CONDITIONAL },
	[ESR_EC_CP10_ID] = { sysreg_trap, VMM_STAT_EXIT_CP15, EXIT_CONDITIONAL },
	/* HSTR.TJDBX is never set: BXJ runs natively */
	[ESR_EC_BXJ] = { exit_undef, VMM_STAT_EXIT_OTHER, EXIT_CONDITIONAL },
	[ESR_EC_CP14_64] = { sysreg_trap, VMM_STAT_EXIT_CP14, EXIT_CONDITIONAL },
	/* HCR.TGE is never set: no SVC comes here */
	[ESR_EC_SVC] = { exit_undef, VMM_STAT_EXIT_OTHER, 0 },
	[ESR_EC_HVC] = { psci_trap, VMM_STAT_EXIT_HVC, 0 },
	/* the guest has no Security Extensions, as its ID_PFR1 says, and PSCI's conduit is HVC */
	[ESR_EC_SMC] = { exit_undef, VMM_STAT_EXIT_OTHER, EXIT_CONDITIONAL },
	[ESR_EC_HVC64] = { psci_trap, VMM_STAT_EXIT_HVC, 0 },
	[ESR_EC_SMC64] = { exit_undef, VMM_STAT_EXIT_OTHER, 0 },
	[ESR_EC_SYS64] = { sysreg_trap, VMM_STAT_EXIT_CP15, 0 },
	[ESR_EC_BKPT32] = { abort_bkpt, VMM_STAT_EXIT_OTHER, 0 },
	[ESR_EC_BRK64] = { abort_bkpt, VMM_STAT_EXIT_OTHER, 0 },
	[ESR_EC_IABT_LOWER] = { abort_inst, VMM_STAT_EXIT_IABT, 0 },
	[ESR_EC_DABT_LOWER] = { abort_data, VMM_STAT_EXIT_DABT, 0 },
};

static const struct exit_desc exit_default = { exit_undef, VMM_STAT_EXIT_OTHER, 0 };

static const struct exit_desc *
exit_find(uint32_t esr)
{
	const struct exit_desc *d = &exit_table[esr_ec(esr)];

	return d->fn != NULL ? d : &exit_default;
}

static enum vcpu_action
exit_trap(struct vcpu *vcpu, struct vm_exit *vme)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	const struct exit_desc *d = exit_find(v->trap.esr);

	vmm_trace(vcpu, VMM_TRACE_EXIT, v->trap.esr, v->regs.pc);
	if (d->stat != VMM_STAT_COUNT)
		vcpu_stat_inc(vcpu, d->stat);
	if ((d->flags & EXIT_CONDITIONAL) != 0 && !arch_cond_passes(v)) {
		arch_pc_advance(v, esr_inst_len(v->trap.esr));
		return EXIT_RESUME;
	}
	return d->fn(vcpu, vme);
}

enum vcpu_action
exit_handle(struct vcpu *vcpu, struct vm_exit *vme)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);

	vcpu_stat_inc(vcpu, VMM_STAT_EXITS);
	switch ((enum hyp_exit)v->exit) {
	case HYP_EXIT_TRAP:
		return exit_trap(vcpu, vme);
	case HYP_EXIT_IRQ: /* taken by the host when it enabled interrupts */
		vcpu_stat_inc(vcpu, VMM_STAT_EXIT_IRQ);
		return EXIT_RESUME;
	case HYP_EXIT_SERROR: /* its cause is not known: most likely the guest's own store */
		vcpu_stat_inc(vcpu, VMM_STAT_EXIT_SERROR);
		inject_serror(vcpu);
		return EXIT_RESUME;
	case HYP_EXIT_REQ:
	default:
		return EXIT_RESUME;
	}
}
