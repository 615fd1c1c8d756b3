/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The world switch, and the host's other calls.  EL2, interrupts and SErrors masked, this CPU's EL2
 * stack, no locks.
 *
 * In the trap walk: hyp_vectors.S -> hyp_guest_trap() or hyp_guest_irq() here -> either
 * straight back (HYP_REENTER), or hyp_guest_enter() returns and vcpu_run() undoes, in reverse,
 * what it did before: what is loaded is listed next to what is saved.
 *
 * Nothing here synchronises between register writes but where it says so: ERET into the
 * guest or the host is a context synchronization event (DDI 0487 D1.3, exception return).
 */
#include "esr.h"
#include "hcr.h"
#include "hyp_cpu.h"
#include "lpae.h"
#include "psr.h"
#include "sysreg.h"

/* CPTR_EL2 without VHE; MDCR_EL2; CNTHCTL_EL2 without VHE */
#define CPTR_TFP	 BIT64(10)
#define MDCR_HPMN	 MASK64(4, 0)
#define CNTHCTL_EL1PCTEN BIT64(0) /* EL1 may read CNTPCT; CNTP stays trapped */
/* MDSCR_EL1: the guest may single-step, but has no breakpoints and watchpoints */
#define MDSCR_MDE BIT64(15)

/* PAR_EL1, what AT leaves */
#define PAR_F BIT64(0)

/* HPFAR_EL2 holds FIPA[47:12] in bits [39:4]. */
#define HPFAR_OF(ipa) ((ipa) >> 12 << 4)

#define GICH_HCR 0x000u

struct hyp_params hyp_params;

/* By the stack pointer: see hyp_cpu.h. */
static struct hyp_cpu *
this_cpu(void)
{
	uintptr_t sp;

	__asm__("mov %0, sp" : "=r"(sp));
	return (struct hyp_cpu *)(((sp - 1) & ~(uintptr_t)(HYP_CPU_BYTES - 1)) + HYP_CPU_TOP);
}

/* ---- what EL1 owns; SCTLR_EL1 and TCR_EL1 besides, in regime_* below ---- */
static void
sysregs_save(struct arch_sysregs *s)
{
	s->sctlr = sysreg_read(SCTLR);
	s->tcr = sysreg_read(TCR);
	s->ttbr0 = sysreg_read(TTBR0);
	s->ttbr1 = sysreg_read(TTBR1);
	s->mair = sysreg_read(MAIR);
	s->amair = sysreg_read(AMAIR);
	s->contextidr = sysreg_read(CONTEXTIDR);
	s->esr = sysreg_read(ESR);
	s->far = sysreg_read(FAR);
	s->afsr0 = sysreg_read(AFSR0);
	s->afsr1 = sysreg_read(AFSR1);
	s->par = sysreg_read(PAR);
	s->vbar = sysreg_read(VBAR);
	s->cpacr = sysreg_read(CPACR);
	s->csselr = sysreg_read(CSSELR);
	s->tpidr_el0 = sysreg_read(TPIDR_EL0);
	s->tpidrro_el0 = sysreg_read(TPIDRRO);
	s->tpidr_el1 = sysreg_read(TPIDR_EL1);
	s->cntkctl = sysreg_read(CNTKCTL);
}

static void
sysregs_load(const struct arch_sysregs *s)
{
	sysreg_write(TTBR0, s->ttbr0);
	sysreg_write(TTBR1, s->ttbr1);
	sysreg_write(MAIR, s->mair);
	sysreg_write(AMAIR, s->amair);
	sysreg_write(CONTEXTIDR, s->contextidr);
	sysreg_write(ESR, s->esr);
	sysreg_write(FAR, s->far);
	sysreg_write(AFSR0, s->afsr0);
	sysreg_write(AFSR1, s->afsr1);
	sysreg_write(PAR, s->par);
	sysreg_write(VBAR, s->vbar);
	sysreg_write(CPACR, s->cpacr);
	sysreg_write(CSSELR, s->csselr);
	sysreg_write(TPIDR_EL0, s->tpidr_el0);
	sysreg_write(TPIDRRO, s->tpidrro_el0);
	sysreg_write(TPIDR_EL1, s->tpidr_el1);
	sysreg_write(CNTKCTL, s->cntkctl);
}

static void
gpregs_save(struct arch_gpregs *r)
{
	r->sp_el0 = sysreg_read(SP_EL0);
	r->sp_el1 = sysreg_read(SP_EL1);
	r->elr_el1 = sysreg_read(ELR_EL1);
	r->spsr_el1 = sysreg_read(SPSR_EL1);
}

static void
gpregs_load(const struct arch_gpregs *r)
{
	sysreg_write(SP_EL0, r->sp_el0);
	sysreg_write(SP_EL1, r->sp_el1);
	sysreg_write(ELR_EL1, r->elr_el1);
	sysreg_write(SPSR_EL1, r->spsr_el1);
}

/*
 * The EL1&0 regime changes hands.  While its registers belong half to one and half to the other
 * nothing may walk by them.  The architecture forbids such walks at EL2 (DDI 0487 D8.2, out of
 * context translation regimes), but on Cortex-A55, A57, A72 and A76 a speculative AT instruction
 * makes them (errata 1530923, 1319537, 1319367, 1165522).  So the walks are turned off first, by
 * TCR_EL1.EPD0 and EPD1 with SCTLR_EL1.M set, and on again when all else is in force; an ISB
 * between the steps, since the steps' order is the point.
 */
static void
regime_close(uint64_t tcr, uint64_t sctlr)
{
	sysreg_write(TCR, tcr | TCR_EPD0 | TCR_EPD1);
	isb();
	sysreg_write(SCTLR, sctlr | SCTLR_M);
	isb();
}

static void
regime_open(uint64_t tcr, uint64_t sctlr)
{
	isb(); /* VTTBR_EL2, HCR_EL2, TTBRn_EL1 */
	sysreg_write(SCTLR, sctlr);
	isb();
	sysreg_write(TCR, tcr);
}

/* ---- vector registers: the host's stay in the CPU until the guest wants its own ---- */
static void
vfp_guest_in(struct hyp_vcpu *v)
{
	struct hyp_cpu *cpu = this_cpu();

	sysreg_write(CPTR, v->hcptr & ~CPTR_TFP);
	isb(); /* CPTR_EL2 binds EL2 too */
	hyp_vfp_save(&cpu->host_vfp);
	hyp_vfp_load(&v->vfp);
	v->vfp_loaded = 1;
	v->stats[VMM_STAT_HYP_VFP]++;
}

static void
vfp_guest_out(struct hyp_cpu *cpu, struct hyp_vcpu *v)
{
	hyp_vfp_save(&v->vfp);
	hyp_vfp_load(&cpu->host_vfp);
	v->vfp_loaded = 0;
}

/* ---- EL2's controls ---- */
static void
ctl_save(struct hyp_ctl *c)
{
	c->vttbr = sysreg_read(VTTBR);
	c->cntvoff = sysreg_read(CNTVOFF);
	c->vtcr = sysreg_read(VTCR);
	c->hcr = sysreg_read(HCR);
	c->cptr = sysreg_read(CPTR);
	c->hstr = sysreg_read(HSTR);
	c->mdcr = sysreg_read(MDCR);
	c->vpidr = sysreg_read(VPIDR);
	c->vmpidr = sysreg_read(VMPIDR);
	c->cnthctl = sysreg_read(CNTHCTL);
}

static void
ctl_load_host(const struct hyp_ctl *c)
{
	sysreg_write(HCR, c->hcr);
	sysreg_write(VTTBR, c->vttbr);
	sysreg_write(CNTVOFF, c->cntvoff);
	sysreg_write(CPTR, c->cptr);
	sysreg_write(HSTR, c->hstr);
	sysreg_write(MDCR, c->mdcr);
	sysreg_write(VPIDR, c->vpidr);
	sysreg_write(VMPIDR, c->vmpidr);
	sysreg_write(CNTHCTL, c->cnthctl);
}

static void
ctl_load_guest(const struct hyp_ctl *host, const struct hyp_vm *vm, const struct hyp_vcpu *v)
{
	sysreg_write(VTTBR, vm->vttbr);
	sysreg_write(HCR, v->hcr);
	sysreg_write(CPTR, v->hcptr);
	sysreg_write(HSTR, v->hstr);
	/* HPMN says how many counters EL1 has: the host's choice. */
	sysreg_write(MDCR, (v->hdcr & ~MDCR_HPMN) | (host->mdcr & MDCR_HPMN));
	sysreg_write(VPIDR, v->midr);
	sysreg_write(VMPIDR, v->mpidr);
	sysreg_write(CNTHCTL, CNTHCTL_EL1PCTEN);
}

/*
 * The TLB of this CPU may hold entries of the VM's VMID that another of its vCPUs left, or
 * that v itself has invalidated on another CPU since: a guest may keep such entries
 * per CPU, and use non-broadcast maintenance.  VMALLE1 at EL2 with HCR_EL2.TGE = 0 drops the
 * current VMID's (DDI 0487 C5.5, TLBI VMALLE1).
 */
static bool
vcpu_arrives(struct hyp_cpu *cpu, struct hyp_vcpu *v)
{
	bool changed = cpu->last_vcpu.a != (uintptr_t)v || v->loaded_cpu != cpu->id;

	if (changed) {
		isb(); /* VTTBR_EL2 says which VMID that is */
		tlbi(vmalle1);
		dsb(nsh); /* it is complete */
		cpu->last_vcpu.a = (uintptr_t)v;
		v->loaded_cpu = cpu->id;
	}
	return changed;
}

static void
host_save(struct hyp_cpu *cpu)
{
	sysregs_save(&cpu->host_sys);
	cpu->host_sys.mdscr = sysreg_read(MDSCR);
	gpregs_save(&cpu->host_regs);
}

static void
host_load(struct hyp_cpu *cpu)
{
	const struct arch_sysregs *s = &cpu->host_sys;

	gpregs_load(&cpu->host_regs);
	sysregs_load(s);
	sysreg_write(MDSCR, s->mdscr);
	sysreg_write(TPIDR_EL2, 0);
	ctl_load_host(&cpu->ctl);
	regime_open(s->tcr, s->sctlr);
	cpu->in_guest = 0;
}

static void
guest_load(struct hyp_cpu *cpu, const struct hyp_vm *vm, struct hyp_vcpu *v)
{
	bool changed;

	cpu->in_guest = 1;
	regime_close(cpu->host_sys.tcr, cpu->host_sys.sctlr);
	ctl_load_guest(&cpu->ctl, vm, v);
	changed = vcpu_arrives(cpu, v);
	sysregs_load(&v->sys);
	sysreg_write(MDSCR, v->sys.mdscr & ~MDSCR_MDE);
	gpregs_load(&v->regs);
	vtimer_hyp_restore(v, changed);
	vgic_hw_restore(v);
	sysreg_write(TPIDR_EL2, (uintptr_t)v);
	regime_open(v->sys.tcr, v->sys.sctlr);
}

/* MDSCR_EL1 is what sysregs.c keeps: its accesses trap. */
static void
guest_save(struct hyp_cpu *cpu, struct hyp_vcpu *v)
{
	vgic_hw_save(v);
	vtimer_hyp_save(v);
	if (v->vfp_loaded)
		vfp_guest_out(cpu, v);
	gpregs_save(&v->regs);
	sysregs_save(&v->sys);
	regime_close(v->sys.tcr, v->sys.sctlr);
	/* Taking the virtual SError clears HCR_EL2.VSE. */
	v->hcr = (v->hcr & ~(uint64_t)HCR_VA) | (sysreg_read(HCR) & HCR_VA);
}

/*
 * A guest's SError may arrive only now.  It takes the place of the trap, whose
 * instruction runs again; an HVC's return address is already behind it.
 *
 * The DSB in hyp_take_serror also waits for the guest's table walks: see vcpu_run.
 */
static void
guest_serror(struct hyp_vcpu *v)
{
	if (hyp_take_serror() == 0)
		return;
	if (v->exit == HYP_EXIT_TRAP && esr_ec(v->trap.esr) == ESR_EC_HVC64)
		v->regs.pc -= 4;
	v->exit = HYP_EXIT_SERROR;
}

/* Whatever was put into PSTATE: a guest never runs at EL2 or EL3, or at EL1 in AArch32 state. */
static void
guest_mode_check(struct hyp_vcpu *v)
{
	switch (v->regs.cpsr & PSR_MODE_MASK) {
	case PSR_MODE_EL0T:
	case PSR_MODE_EL1T:
	case PSR_MODE_EL1H:
	case PSR_MODE_USR:
		break;
	default: /* the guest takes an Illegal Execution state exception */
		v->regs.cpsr = (v->regs.cpsr & ~PSR_MODE_MASK) | PSR_MODE_EL1H | PSR_IL;
	}
}

/*
 * A walk that began before the exception may still be under way when the registers that translate
 * for EL1 and EL0 change, and would be cached under the next owner's VMID.  A DSB ends it: the one
 * below for the host's, hyp_take_serror's for the guest's, which must come before host_load.
 */
static void
vcpu_run(struct hyp_vcpu *v)
{
	struct hyp_cpu *cpu = this_cpu();

	/*
	 * It also orders the requests.  The host stored the vCPU's state RUNNING before its
	 * HVC; a requester sets bits in requests, then loads the state.  Each needs a barrier
	 * between its store and its load, so that at least one sees the other's (DDI 0487 B2.3).
	 * Whoever sees RUNNING sends an interrupt: pending, it ends the guest before its
	 * first instruction.
	 */
	dsb(ish);
	if (LOAD_ONCE(v->requests) != 0) {
		v->exit = HYP_EXIT_REQ;
		return;
	}
	guest_mode_check(v);
	host_save(cpu);
	guest_load(cpu, HYP_PTR(struct hyp_vm, v->vm), v);
	hyp_guest_enter(v);
	guest_save(cpu, v);
	guest_serror(v);
	host_load(cpu);
}

/* ---- traps ---- */

/* The IPA of an address the guest just used, by its own stage 1.  False if it has none now. */
static bool
far_to_hpfar(uint64_t far, uint64_t *hpfar)
{
	uint64_t saved = sysreg_read(PAR), par;

	at_op(s1e1r, far);
	isb(); /* PAR_EL1 has the answer after it */
	par = sysreg_read(PAR);
	sysreg_write(PAR, saved);
	if ((par & PAR_F) != 0)
		return false;
	*hpfar = HPFAR_OF(par & LPAE_ADDR_MASK);
	return true;
}

/*
 * FAR_EL2, and HPFAR_EL2 where it means something.  HPFAR_EL2 is valid for translation and
 * access flag faults, and for any stage 2 fault on a stage 1 walk; for other permission
 * faults it is UNKNOWN (DDI 0487, HPFAR_EL2).  False: the guest changed its tables meanwhile, and
 * its access tells more when it is done again.
 */
static bool
trap_addresses(struct hyp_vcpu *v, uint32_t esr)
{
	uint64_t far = sysreg_read(FAR_EL2);
	uint32_t type = esr & ESR_FSC_TYPE_MASK;

	v->trap.far = far;
	v->trap.hpfar = 0;
	if (type == ESR_FSC_TRANSLATION || type == ESR_FSC_ACCESS ||
	    (type == ESR_FSC_PERMISSION && (esr & ESR_ABT_S1PTW) != 0))
		v->trap.hpfar = sysreg_read(HPFAR);
	else if (type == ESR_FSC_PERMISSION)
		return far_to_hpfar(far, &v->trap.hpfar);
	return true;
}

uint32_t
hyp_guest_trap(struct hyp_vcpu *v)
{
	uint32_t esr = (uint32_t)sysreg_read(ESR_EL2), ec = esr_ec(esr);

	v->trap.esr = esr;
	v->exit = HYP_EXIT_TRAP;
	if (ec == ESR_EC_DABT_LOWER || ec == ESR_EC_IABT_LOWER) {
		if (!trap_addresses(v, esr))
			return HYP_REENTER;
	} else if (ec == ESR_EC_HCPTR && !v->vfp_loaded) {
		vfp_guest_in(v);
		return HYP_REENTER;
	}
	return hyp_fast_trap(v);
}

uint32_t
hyp_guest_irq(struct hyp_vcpu *v)
{
	v->exit = HYP_EXIT_IRQ;
	return hyp_fast_irq(v);
}

/* FIQ is the host's, if anybody's; ESR_EL2 says nothing about it. */
uint32_t
hyp_guest_fiq(struct hyp_vcpu *v)
{
	v->exit = HYP_EXIT_IRQ;
	return HYP_TO_HOST;
}

uint32_t
hyp_guest_serror(struct hyp_vcpu *v)
{
	v->exit = HYP_EXIT_SERROR;
	return HYP_TO_HOST;
}

/*
 * ---- the host's calls ----
 *
 * They end in an ERET, which makes what they wrote to system registers, and what they invalidated,
 * visible to what runs next: no ISB at their ends.
 */

/*
 * VMALLS12E1IS: both stages' entries of the current VMID, on all CPUs of the inner shareable domain
 * (DDI 0487 C5.5).  The DSB before makes the host's stores to the tables visible to all walks, and
 * ends the host's own walks before VTTBR_EL2 changes (vcpu_run); the one after waits for every CPU
 * to have done the invalidation.  Meanwhile the host's walks are off, as for a guest.
 */
static void
tlb_flush_vm(const struct hyp_vm *vm)
{
	uint64_t vttbr = sysreg_read(VTTBR), tcr = sysreg_read(TCR), sctlr = sysreg_read(SCTLR);

	dsb(ish);
	regime_close(tcr, sctlr);
	sysreg_write(VTTBR, vm->vttbr);
	isb();
	tlbi(vmalls12e1is);
	dsb(ish);
	sysreg_write(VTTBR, vttbr);
	regime_open(tcr, sctlr);
}

static void
tlb_flush_all(void)
{
	dsb(ish);
	tlbi(alle1is);
	icache_op(ialluis);
	dsb(ish);
}

static void
tlb_flush_hyp(uint64_t va)
{
	dsb(ish);
	tlbi_va(vae2is, va >> 12);
	dsb(ish);
}

uint64_t
hyp_host_call(uint64_t call, uint64_t a1)
{
	switch (call) {
	case HYP_CALL_NULL:
		return 0;
	case HYP_CALL_VCPU_RUN:
		vcpu_run((struct hyp_vcpu *)a1);
		return 0;
	case HYP_CALL_TLB_FLUSH_VM:
		tlb_flush_vm((const struct hyp_vm *)a1);
		return 0;
	case HYP_CALL_TLB_FLUSH_ALL:
		tlb_flush_all();
		return 0;
	case HYP_CALL_TLB_FLUSH_HYP:
		tlb_flush_hyp(a1);
		return 0;
	default:
		return HYP_CALL_UNKNOWN;
	}
}

/* ---- life on a CPU ---- */

/*
 * From here on the host runs under VMID 0, which vmid.c gives to nobody: its TLB entries are tagged
 * with VTTBR_EL2.VMID although HCR_EL2.VM is 0 (DDI 0487 D8.13, use of VMIDs), and whatever
 * firmware left there could be a guest's.
 *
 * This CPU's TLBs go too: a CPU that was off or away has not heard what the others broadcast,
 * a VMID's change of owner among it (vmid.c), and a reset need not invalidate them.
 */
static void
vmid_host(struct hyp_ctl *c)
{
	c->vttbr = 0;
	sysreg_write(VTTBR, 0);
	tlbi(alle1); /* of all VMIDs; EL2 makes no new ones (vcpu_run) */
	dsb(nsh);    /* it is complete */
}

void
hyp_cpu_enter(uint64_t old_vbar, uint64_t old_sctlr)
{
	struct hyp_cpu *cpu = this_cpu();

	cpu->old_vbar = old_vbar;
	cpu->old_sctlr = old_sctlr;
	cpu->in_guest = 0;
	cpu->last_vcpu.a = 0;
	ctl_save(&cpu->ctl);
	vmid_host(&cpu->ctl);
	sysreg_write(VTCR, hyp_params.vtcr); /* means nothing while HCR_EL2.VM is 0 */
	vgic_hw_init();
}

/* VMID 0 stays: by now the TLBs may hold a guest's entries under any other. */
void
hyp_cpu_leave(void)
{
	sysreg_write(VTCR, this_cpu()->ctl.vtcr);
}

/*
 * A fault at EL2 has been recorded.  Put the host's state back as far as EL1 needs it
 * to panic: its MMU, its stack, its view of interrupts.
 */
void
hyp_fault_unwind(struct hyp_cpu *cpu)
{
	if (cpu->in_guest) {
		dev_write32(hyp_params.gich, GICH_HCR, 0);
		sysreg_write(CNTV_CTL, 0);
		regime_close(cpu->host_sys.tcr, cpu->host_sys.sctlr);
		host_load(cpu);
	}
	sysreg_write(TPIDR_EL2, 0);
}
