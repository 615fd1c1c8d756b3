/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The world switch, and the host's other calls.  HYP mode, interrupts and asynchronous aborts
 * masked, this CPU's HYP stack, no locks.
 *
 * In the trap walk: hyp_vectors.S -> hyp_guest_trap() or hyp_guest_irq() here -> either
 * straight back (HYP_REENTER), or hyp_guest_enter() returns and vcpu_run() undoes, in reverse,
 * what it did before: what is loaded is listed next to what is saved.
 *
 * Nothing here synchronises between register writes but where it says so: ERET into the
 * guest or the host is a context synchronisation operation (DDI 0406C A3.8.3).
 */
#include "esr.h"
#include "hyp_cpu.h"
#include "lpae.h"
#include "psr.h"
#include "sysreg.h"

/* HCR, B4.1.65; HCPTR, B4.1.64; HDCR, B4.1.66; HSTR, B4.1.73; CNTHCTL, B8.1.2 */
#define HYP_HCR_VA	    BIT(8)
#define HYP_HCPTR_VFP	    (BIT(10) | BIT(11))
#define HYP_HDCR_HPMN	    MASK32(4, 0)
#define HYP_HSTR_TTEE	    BIT(16)
#define HYP_CNTHCTL_PCTEN   BIT(0) /* PL1 may read CNTPCT; CNTP stays trapped */
#define HYP_ID_PFR0_THUMBEE MASK32(15, 12)

/* MIDR: Arm's part numbers */
#define MIDR_PART_MASK MASK32(15, 4)
#define MIDR_PART_A12  0xc0du
#define MIDR_PART_A17  0xc0eu
#define MIDR_PART_A15  0xc0fu

/* PAR, B4.1.112 */
#define PAR_F	 BIT64(0)
#define PAR_SS	 BIT64(1) /* short format: a supersection */
#define PAR_LPAE BIT64(11)

/* HPFAR holds FIPA[39:12] in bits [31:4], B4.1.70. */
#define HPFAR_OF(ipa) ((uint32_t)((ipa) >> 12) << 4)

/* HSR.DFSC of asynchronous aborts, B3.13.6 */
#define FSC_ASYNC_EXTERNAL 0x11u
#define FSC_ASYNC_PARITY   0x19u

#define GICH_HCR 0x000u

/* Modes a guest may be in, by CPSR.M[3:0]: USR, FIQ, IRQ, SVC, ABT, UND, SYS. */
#define GUEST_MODES 0x888fu

struct hyp_params hyp_params;

/* By the stack pointer: see hyp_cpu.h. */
static struct hyp_cpu *
this_cpu(void)
{
	uintptr_t sp;

	__asm__("mov %0, sp" : "=r"(sp));
	return (struct hyp_cpu *)(((sp - 1) & ~(uintptr_t)(HYP_CPU_BYTES - 1)) + HYP_CPU_TOP);
}

/* ---- what PL1 owns in CP15 ---- */
static void
sysregs_save(struct arch_sysregs *s)
{
	s->csselr = sysreg_read(CSSELR);
	s->sctlr = sysreg_read(SCTLR);
	s->cpacr = sysreg_read(CPACR);
	s->ttbcr = sysreg_read(TTBCR);
	s->ttbr0 = sysreg_read64(TTBR0);
	s->ttbr1 = sysreg_read64(TTBR1);
	s->dacr = sysreg_read(DACR);
	s->dfsr = sysreg_read(DFSR);
	s->ifsr = sysreg_read(IFSR);
	s->adfsr = sysreg_read(ADFSR);
	s->aifsr = sysreg_read(AIFSR);
	s->dfar = sysreg_read(DFAR);
	s->ifar = sysreg_read(IFAR);
	s->par = sysreg_read64(PAR);
	s->prrr = sysreg_read(PRRR);
	s->nmrr = sysreg_read(NMRR);
	s->amair0 = sysreg_read(AMAIR0);
	s->amair1 = sysreg_read(AMAIR1);
	s->vbar = sysreg_read(VBAR);
	s->contextidr = sysreg_read(CONTEXTIDR);
	s->tpidrurw = sysreg_read(TPIDRURW);
	s->tpidruro = sysreg_read(TPIDRURO);
	s->tpidrprw = sysreg_read(TPIDRPRW);
	s->cntkctl = sysreg_read(CNTKCTL);
}

/*
 * With the Multiprocessing Extensions, which ours all have, FCSEIDR is RAZ/WI (B4.1, FCSEIDR).
 * Where a guest could write it nevertheless, as under QEMU, it would move the lower 32 MiB of the
 * host's processes.  Nobody has a use for it, so it is not switched, but never stays.
 */
static void
fcse_off(void)
{
	if (sysreg_read(FCSEIDR) != 0)
		sysreg_write(FCSEIDR, 0);
}

/*
 * TTBCR first: with its EAE bit the encodings of PRRR and NMRR become MAIR0 and MAIR1, and host and
 * guest may use different table formats.
 */
static void
sysregs_load(const struct arch_sysregs *s)
{
	sysreg_write(TTBCR, s->ttbcr);
	isb(); /* EAE is in force */
	sysreg_write(CSSELR, s->csselr);
	sysreg_write(SCTLR, s->sctlr);
	sysreg_write(CPACR, s->cpacr);
	sysreg_write64(TTBR0, s->ttbr0);
	sysreg_write64(TTBR1, s->ttbr1);
	sysreg_write(DACR, s->dacr);
	sysreg_write(DFSR, s->dfsr);
	sysreg_write(IFSR, s->ifsr);
	sysreg_write(ADFSR, s->adfsr);
	sysreg_write(AIFSR, s->aifsr);
	sysreg_write(DFAR, s->dfar);
	sysreg_write(IFAR, s->ifar);
	sysreg_write64(PAR, s->par);
	sysreg_write(PRRR, s->prrr);
	sysreg_write(NMRR, s->nmrr);
	sysreg_write(AMAIR0, s->amair0);
	sysreg_write(AMAIR1, s->amair1);
	sysreg_write(VBAR, s->vbar);
	sysreg_write(CONTEXTIDR, s->contextidr);
	sysreg_write(TPIDRURW, s->tpidrurw);
	sysreg_write(TPIDRURO, s->tpidruro);
	sysreg_write(TPIDRPRW, s->tpidrprw);
	sysreg_write(CNTKCTL, s->cntkctl);
}

/* ThumbEE's registers: only where they exist and the guest's accesses are not trapped. */
static bool
thumbee_switched(const struct hyp_cpu *cpu, const struct hyp_vcpu *v)
{
	return cpu->thumbee && (v->hstr & HYP_HSTR_TTEE) == 0;
}

static void
thumbee_save(struct arch_sysregs *s)
{
	s->teecr = sysreg_read(TEECR);
	s->teehbr = sysreg_read(TEEHBR);
}

static void
thumbee_load(const struct arch_sysregs *s)
{
	sysreg_write(TEECR, s->teecr);
	sysreg_write(TEEHBR, s->teehbr);
}

/* ---- VFP and Advanced SIMD: the host's stay in the CPU until the guest wants its own ---- */
static void
vfp_guest_in(struct hyp_vcpu *v)
{
	struct hyp_cpu *cpu = this_cpu();

	sysreg_write(HCPTR, v->hcptr & ~HYP_HCPTR_VFP);
	isb(); /* HCPTR binds HYP mode too, B4.1.64 */
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

/* ---- HYP's controls ---- */
static void
ctl_save(struct hyp_ctl *c)
{
	c->vttbr = sysreg_read64(VTTBR);
	c->cntvoff = sysreg_read64(CNTVOFF);
	c->vtcr = sysreg_read(VTCR);
	c->hcr = sysreg_read(HCR);
	c->hcptr = sysreg_read(HCPTR);
	c->hstr = sysreg_read(HSTR);
	c->hdcr = sysreg_read(HDCR);
	c->vpidr = sysreg_read(VPIDR);
	c->vmpidr = sysreg_read(VMPIDR);
	c->cnthctl = sysreg_read(CNTHCTL);
}

static void
ctl_load_host(const struct hyp_ctl *c)
{
	sysreg_write(HCR, c->hcr);
	sysreg_write64(VTTBR, c->vttbr);
	sysreg_write64(CNTVOFF, c->cntvoff);
	sysreg_write(HCPTR, c->hcptr);
	sysreg_write(HSTR, c->hstr);
	sysreg_write(HDCR, c->hdcr);
	sysreg_write(VPIDR, c->vpidr);
	sysreg_write(VMPIDR, c->vmpidr);
	sysreg_write(CNTHCTL, c->cnthctl);
}

static void
ctl_load_guest(const struct hyp_ctl *host, const struct hyp_vm *vm, const struct hyp_vcpu *v)
{
	sysreg_write64(VTTBR, vm->vttbr);
	sysreg_write(HCR, v->hcr);
	sysreg_write(HCPTR, v->hcptr);
	sysreg_write(HSTR, v->hstr);
	/* HPMN says how many counters PL1 has: the host's choice; 0 is UNPREDICTABLE. */
	sysreg_write(HDCR, (v->hdcr & ~HYP_HDCR_HPMN) | (host->hdcr & HYP_HDCR_HPMN));
	sysreg_write(VPIDR, v->midr);
	sysreg_write(VMPIDR, v->mpidr);
	sysreg_write(CNTHCTL, HYP_CNTHCTL_PCTEN);
}

/*
 * The TLB of this CPU may hold entries of the VM's VMID that another of its vCPUs left, or
 * that v itself has invalidated on another CPU since: a guest may keep such entries
 * per CPU, and use non-broadcast maintenance.  In HYP mode TLBIALL drops the current VMID's
 * (B3.10.6).
 */
static bool
vcpu_arrives(struct hyp_cpu *cpu, struct hyp_vcpu *v)
{
	bool changed = cpu->last_vcpu.a != hyp_va(v).a || v->loaded_cpu != cpu->id;

	if (changed) {
		isb();			  /* VTTBR says which VMID that is */
		sysreg_write(TLBIALL, 0); /* complete with vtimer_hyp_restore's DSB */
		cpu->last_vcpu = hyp_va(v);
		v->loaded_cpu = cpu->id;
	}
	return changed;
}

static void
host_save(struct hyp_cpu *cpu, const struct hyp_vcpu *v)
{
	sysregs_save(&cpu->host_sys);
	if (thumbee_switched(cpu, v))
		thumbee_save(&cpu->host_sys);
	hyp_banked_save(&cpu->host_regs);
}

static void
host_load(struct hyp_cpu *cpu)
{
	hyp_banked_load(&cpu->host_regs);
	sysregs_load(&cpu->host_sys);
	sysreg_write(HTPIDR, 0);
	ctl_load_host(&cpu->ctl);
	cpu->in_guest = 0;
}

static void
guest_load(struct hyp_cpu *cpu, const struct hyp_vm *vm, struct hyp_vcpu *v)
{
	bool changed;

	cpu->in_guest = 1;
	ctl_load_guest(&cpu->ctl, vm, v);
	changed = vcpu_arrives(cpu, v);
	sysregs_load(&v->sys);
	if (thumbee_switched(cpu, v))
		thumbee_load(&v->sys);
	hyp_banked_load(&v->regs);
	vtimer_hyp_restore(v, changed);
	vgic_hw_restore(v);
	sysreg_write(HTPIDR, hyp_va(v).a);
}

static void
guest_save(struct hyp_cpu *cpu, struct hyp_vcpu *v)
{
	vgic_hw_save(v);
	vtimer_hyp_save(v);
	if (v->vfp_loaded)
		vfp_guest_out(cpu, v);
	hyp_banked_save(&v->regs);
	if (thumbee_switched(cpu, v)) {
		thumbee_save(&v->sys);
		thumbee_load(&cpu->host_sys);
	}
	sysregs_save(&v->sys);
	fcse_off();
	/* Taking the virtual abort clears HCR.VA, B1.8.11. */
	v->hcr = (v->hcr & ~HYP_HCR_VA) | (sysreg_read(HCR) & HYP_HCR_VA);
}

/*
 * A guest's asynchronous abort may arrive only now.  It takes the place of the trap, whose
 * instruction runs again; an HVC's return address is already behind it.
 *
 * The DSB in hyp_take_serror also waits for the guest's table walks: see vcpu_run.
 */
static void
guest_serror(struct hyp_vcpu *v)
{
	if (hyp_take_serror() == 0)
		return;
	if (v->exit == HYP_EXIT_TRAP && esr_ec(v->trap.esr) == ESR_EC_HVC)
		v->regs.pc -= esr_inst_len(v->trap.esr);
	v->exit = HYP_EXIT_SERROR;
}

/* Whatever was put into CPSR: a guest never runs in Hyp or Monitor mode. */
static void
guest_mode_check(struct hyp_vcpu *v)
{
	uint32_t cpsr = v->regs.cpsr;

	if ((cpsr & BIT(4)) == 0 || ((GUEST_MODES >> (cpsr & 0xf)) & 1) == 0)
		v->regs.cpsr = (cpsr & ~CPSR_MODE_MASK) | CPSR_MODE_UND;
}

/*
 * What the guest taught the branch predictors must not steer the host: what Linux did on each
 * exit of its KVM for ARMv7.  On a Cortex-A15 ICIALLU takes the predictors along if firmware
 * has set ACTLR.IBE; the Cortex-A7 was left alone there.  host_load's ISB completes it.
 */
static uint32_t
forget_how(void)
{
	switch (FIELD_OF(MIDR_PART_MASK, sysreg_read(MIDR))) {
	case MIDR_PART_A12:
	case MIDR_PART_A17:
		return HYP_FORGET_BPIALL;
	case MIDR_PART_A15:
		return HYP_FORGET_ICIALLU;
	default:
		return HYP_FORGET_NOTHING;
	}
}

static void
predictors_forget(const struct hyp_cpu *cpu)
{
	if (cpu->forget == HYP_FORGET_BPIALL)
		sysreg_write(BPIALL, 0);
	else if (cpu->forget == HYP_FORGET_ICIALLU)
		sysreg_write(ICIALLU, 0);
}

/*
 * Between host_save and the ERET, and again between guest_save and the ERET, the registers that
 * translate for PL1 and PL0 belong half to the guest and half to the host.  In HYP mode the
 * processor starts no speculative access and no walk with them, so their order does not
 * matter (the rules on the use of out-of-context translation regimes, and on the atomicity of
 * register changes on changing virtual machine); but a walk that began before the exception
 * may still be under way, and would be cached under the next owner's VMID.  A DSB ends it: the one
 * below for the host's, hyp_take_serror's for the guest's, which must come before host_load.
 */
static void
vcpu_run(struct hyp_vcpu *v)
{
	struct hyp_cpu *cpu = this_cpu();

	/*
	 * It also orders the requests.  The host stored the vCPU's state RUNNING before its
	 * HVC; a requester sets bits in requests, then loads the state.  Each needs a barrier
	 * between its store and its load, so that at least one sees the other's (A3.8.3).
	 * Whoever sees RUNNING sends an interrupt: pending, it ends the guest before its
	 * first instruction.
	 */
	dsb(ish);
	if (LOAD_ONCE(v->requests) != 0) {
		v->exit = HYP_EXIT_REQ;
		return;
	}
	guest_mode_check(v);
	host_save(cpu, v);
	guest_load(cpu, HYP_PTR(struct hyp_vm, v->vm), v);
	hyp_guest_enter(v);
	predictors_forget(cpu);
	guest_save(cpu, v);
	guest_serror(v);
	host_load(cpu);
	__asm__ volatile("clrex"); /* the guest's reservation, A3.4.5 */
}

/* ---- traps ---- */

/* The IPA of an address the guest just used, by its own stage 1.  False if it has none now. */
static bool
far_to_hpfar(uint32_t far, uint32_t *hpfar)
{
	uint64_t saved = sysreg_read64(PAR), par;

	sysreg_write(ATS1CPR, far);
	isb(); /* B3.14, B3.15.5 */
	par = sysreg_read64(PAR);
	sysreg_write64(PAR, saved);
	if ((par & PAR_F) != 0)
		return false;
	if ((par & PAR_LPAE) != 0)
		*hpfar = HPFAR_OF(par & LPAE_ADDR_MASK);
	else if ((par & PAR_SS) == 0)
		*hpfar = HPFAR_OF(par & MASK64(31, 12));
	else /* PA[39:32] stand in [23:16]; 16 MiB are contiguous */
		*hpfar = HPFAR_OF((par & MASK64(31, 24)) | (far & MASK32(23, 12)) |
		    ((par & MASK64(23, 16)) << 16));
	return true;
}

/*
 * HDFAR or HIFAR, and HPFAR where it means something.  HPFAR is valid for translation and
 * access flag faults, and for any stage 2 fault on a stage 1 walk; for other permission
 * faults it is UNKNOWN (B3.13.6, B4.1.70).  False: the guest changed its tables meanwhile, and
 * its access tells more when it is done again.
 */
static bool
trap_addresses(struct hyp_vcpu *v, uint32_t hsr)
{
	bool inst = esr_ec(hsr) == ESR_EC_IABT_LOWER;
	uint32_t far = inst ? sysreg_read(HIFAR) : sysreg_read(HDFAR);
	uint32_t type = hsr & ESR_FSC_TYPE_MASK;

	v->trap.far = far;
	v->trap.hpfar = 0;
	if (type == ESR_FSC_TRANSLATION || type == ESR_FSC_ACCESS ||
	    (type == ESR_FSC_PERMISSION && (hsr & ESR_ABT_S1PTW) != 0))
		v->trap.hpfar = sysreg_read(HPFAR);
	else if (type == ESR_FSC_PERMISSION)
		return far_to_hpfar(far, &v->trap.hpfar);
	return true;
}

static bool
trap_is_serror(uint32_t hsr)
{
	uint32_t fsc = hsr & ESR_ABT_FSC_MASK;

	return esr_ec(hsr) == ESR_EC_DABT_LOWER &&
	    (fsc == FSC_ASYNC_EXTERNAL || fsc == FSC_ASYNC_PARITY);
}

static bool
trap_is_vfp(uint32_t hsr)
{
	uint32_t coproc = hsr & ESR_HCPTR_COPROC_MASK;

	return (hsr & ESR_HCPTR_TA) != 0 || coproc == 10 || coproc == 11;
}

uint32_t
hyp_guest_trap(struct hyp_vcpu *v)
{
	uint32_t hsr = sysreg_read(HSR), ec = esr_ec(hsr);

	v->trap.esr = hsr;
	v->exit = HYP_EXIT_TRAP;
	if (ec == ESR_EC_DABT_LOWER || ec == ESR_EC_IABT_LOWER) {
		if (trap_is_serror(hsr)) {
			v->exit = HYP_EXIT_SERROR;
			return HYP_TO_HOST;
		}
		if (!trap_addresses(v, hsr))
			return HYP_REENTER;
	} else if (ec == ESR_EC_HCPTR && trap_is_vfp(hsr) && !v->vfp_loaded) {
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

/* FIQ is the host's, if anybody's; HSR says nothing about it. */
uint32_t
hyp_guest_fiq(struct hyp_vcpu *v)
{
	v->exit = HYP_EXIT_IRQ;
	return HYP_TO_HOST;
}

/*
 * ---- the host's calls ----
 *
 * They end in an ERET, which makes what they wrote to system registers, and what they invalidated,
 * visible to what runs next: no ISB at their ends (B3.15.5).
 */

/*
 * The DSB before makes the host's stores to the tables visible to all walks, and ends the
 * host's own walks before VTTBR changes (vcpu_run); the one after waits for every CPU to have
 * done the invalidation (B3.10.1).
 */
static void
tlb_flush_vm(const struct hyp_vm *vm)
{
	uint64_t host = sysreg_read64(VTTBR);

	dsb(ish);
	sysreg_write64(VTTBR, vm->vttbr);
	isb();
	sysreg_write(TLBIALLIS, 0); /* the current VMID's: B3.10.6 */
	dsb(ish);
	sysreg_write64(VTTBR, host);
}

static void
tlb_flush_all(void)
{
	dsb(ish);
	sysreg_write(TLBIALLNSNHIS, 0);
	sysreg_write(ICIALLUIS, 0);
	dsb(ish);
}

static void
tlb_flush_hyp(uintptr_t va)
{
	dsb(ish);
	sysreg_write(TLBIMVAHIS, va & ~(uintptr_t)(PAGE_BYTES - 1));
	dsb(ish);
}

uint32_t
hyp_host_call(uint32_t call, uintptr_t a1)
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
 * From here on the host runs under VMID 0, which vmid.c gives to nobody.  The kernel's stub does
 * not write VTTBR, but the host's TLB entries are tagged with its VMID although HCR.VM is 0
 * (B3.9), and whatever firmware left there could be a guest's.
 *
 * This CPU's TLBs go too: a CPU that was off or away has not heard what the others broadcast,
 * a VMID's change of owner among it (vmid.c), and a reset need not invalidate them.
 */
static void
vmid_host(struct hyp_ctl *c)
{
	c->vttbr = 0;
	sysreg_write64(VTTBR, 0);
	sysreg_write(TLBIALLNSNH, 0); /* of all VMIDs; HYP mode makes no new ones (vcpu_run) */
	dsb(nsh);		      /* it is complete, B3.10.1 */
}

void
hyp_cpu_enter(uint32_t old_hvbar, uint32_t old_hsctlr)
{
	struct hyp_cpu *cpu = this_cpu();

	cpu->old_hvbar = old_hvbar;
	cpu->old_hsctlr = old_hsctlr;
	cpu->thumbee = (sysreg_read(ID_PFR0) & HYP_ID_PFR0_THUMBEE) != 0;
	cpu->forget = forget_how();
	cpu->in_guest = 0;
	cpu->last_vcpu.a = 0;
	ctl_save(&cpu->ctl);
	vmid_host(&cpu->ctl);
	sysreg_write(VTCR, hyp_params.vtcr); /* means nothing while HCR.VM is 0 */
	vgic_hw_init();
}

/* VMID 0 stays: by now the TLBs may hold a guest's entries under any other. */
void
hyp_cpu_leave(void)
{
	sysreg_write(VTCR, this_cpu()->ctl.vtcr);
}

/*
 * A fault inside HYP has been recorded.  Put the host's state back as far as PL1 needs it
 * to panic: its MMU, its stack, its view of interrupts.
 */
void
hyp_fault_unwind(struct hyp_cpu *cpu)
{
	if (cpu->in_guest) {
		dev_write32(hyp_params.gich, GICH_HCR, 0);
		sysreg_write(CNTV_CTL, 0);
		host_load(cpu);
	}
	sysreg_write(HTPIDR, 0);
}
