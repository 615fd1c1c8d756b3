/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * System registers and system instructions that trap, as data: a row for each encoding says what
 * the guest gets.  What has no row is UNDEFINED.
 *
 * In the trap walk: exit.c comes here with class 0x18.  Runs on the host, preemptible, in the
 * vCPU's own thread; no locks but those of vm_mem_flush_all().
 */
#include <string.h>

#include "sysregs.h"

#define SYS(op0, op1, crn, crm, op2) SYSREG_KEY(op0, op1, crn, crm, op2)

/* ---- behaviours ---- */

/* Read as zero, writes ignored. */
static enum sysreg_result
sys_raz(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	(void)vcpu;
	(void)d;
	a->val = 0;
	return SYSREG_DONE;
}

/* d->arg, whatever is written. */
static enum sysreg_result
sys_constant(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	(void)vcpu;
	a->val = d->arg;
	return SYSREG_DONE;
}

/* Identification registers, from the vCPU's own copy. */
static enum sysreg_result
sys_id(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	(void)d;
	a->val = hyp_vcpu(vcpu)->id_regs[a->key & 63];
	return SYSREG_DONE;
}

/* A register of struct arch_sysregs: d->arg is its offset. */
static void
reg_access(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	uint8_t *at = (uint8_t *)&hyp_vcpu(vcpu)->sys + d->arg;

	if (a->write)
		memcpy(at, &a->val, sizeof(a->val));
	else
		memcpy(&a->val, at, sizeof(a->val));
}

static enum sysreg_result
sys_reg(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	reg_access(vcpu, d, a);
	return SYSREG_DONE;
}

/* The guest may read the host's, and change nothing (HCR_EL2.TACR). */
static enum sysreg_result
sys_read_only(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	if (!a->write)
		reg_access(vcpu, d, a);
	return SYSREG_DONE;
}

/*
 * Clean and invalidate all that stage 2 maps: cache contents by set and way mean nothing once
 * vCPUs move between CPUs, and what a guest wrote with its caches off has to win over what
 * lies in the caches, and the other way round (DDI 0487 B2.7, mismatched memory attributes).
 */
void
sysreg_caches_changed(struct vcpu *vcpu)
{
	vcpu_stat_inc(vcpu, VMM_STAT_SETWAY);
	vm_mem_flush_all(vcpu->vm);
}

/*
 * DC ISW, CSW, CISW (HCR_EL2.TSW).  The first one flushes the VM and turns TVM on, so that we
 * see what it prepares; while TVM is on the switch of SCTLR_EL1.C will flush, and the thousands
 * that follow the first cost a trap each, no more.
 */
static enum sysreg_result
sys_setway(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);

	(void)d;
	(void)a;
	if ((v->hcr & HCR_TVM) == 0) {
		v->hcr |= HCR_TVM;
		arch_vcpu(vcpu)->caches_on = (uint32_t)(v->sys.sctlr & SCTLR_C);
		sysreg_caches_changed(vcpu);
	}
	return SYSREG_DONE;
}

/*
 * A write that HCR_EL2.TVM showed us.  Caches switched?  Once they are on TVM has done its job.
 */
static enum sysreg_result
sys_vm(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	struct arch_vcpu *arch = arch_vcpu(vcpu);
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	uint32_t on;

	reg_access(vcpu, d, a);
	if (!a->write)
		return SYSREG_DONE;
	on = (uint32_t)(v->sys.sctlr & SCTLR_C);
	if (on != arch->caches_on) {
		arch->caches_on = on;
		sysreg_caches_changed(vcpu);
	}
	if (on != 0)
		v->hcr &= ~(uint64_t)HCR_TVM;
	return SYSREG_DONE;
}

/* The physical timer: CNTHCTL_EL2 keeps it from the guest, vtimer.c emulates it. */
static enum sysreg_result
sys_cntp(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	if (a->write)
		vtimer_cntp_write(vcpu, (enum cntp_reg)d->arg, a->val);
	else
		a->val = vtimer_cntp_read(vcpu, (enum cntp_reg)d->arg);
	return SYSREG_DONE;
}

/* ---- the rows ---- */

#define ROW(k, nm, gives, handler, fl, ar)                                           \
	{                                                                            \
		.key = (k), .mask = SYSREG_KEY_EXACT, .name = (nm), .gets = (gives), \
		.fn = (handler), .flags = (fl), .arg = (ar)                          \
	}
#define VM(k, nm, field)                                                      \
	ROW(k, nm, "its own; writes trap until the caches are on", sys_vm, 0, \
	    offsetof(struct arch_sysregs, field))
#define SETWAY(k, nm)                                                                            \
	ROW(k, nm, "the first cleans and invalidates all memory of the VM, the rest do nothing", \
	    sys_setway, SYSREG_WO, 0)

#define OSLSR_OSLM 8u /* the OS lock is implemented; it is never locked */

const struct sysreg_desc sysreg_table[] = {
	SETWAY(SYS(1, 0, 7, 6, 2), "DC ISW"),
	SETWAY(SYS(1, 0, 7, 10, 2), "DC CSW"),
	SETWAY(SYS(1, 0, 7, 14, 2), "DC CISW"),

	/* debug: all else of op0 2 is in the regions below */
	ROW(SYS(2, 0, 0, 2, 2), "MDSCR_EL1", "its own; MDE has no effect", sys_reg, 0,
	    offsetof(struct arch_sysregs, mdscr)),
	ROW(SYS(2, 0, 1, 0, 4), "OSLAR_EL1", "writes ignored", sys_raz, SYSREG_WO, 0),
	ROW(SYS(2, 0, 1, 1, 4), "OSLSR_EL1", "never locked", sys_constant, SYSREG_RO, OSLSR_OSLM),

	VM(SYS(3, 0, 1, 0, 0), "SCTLR_EL1", sctlr),
	ROW(SYS(3, 0, 1, 0, 1), "ACTLR_EL1", "reads the CPU's, writes ignored", sys_read_only, 0,
	    offsetof(struct arch_sysregs, actlr)),
	VM(SYS(3, 0, 2, 0, 0), "TTBR0_EL1", ttbr0),
	VM(SYS(3, 0, 2, 0, 1), "TTBR1_EL1", ttbr1),
	VM(SYS(3, 0, 2, 0, 2), "TCR_EL1", tcr),
	VM(SYS(3, 0, 5, 1, 0), "AFSR0_EL1", afsr0),
	VM(SYS(3, 0, 5, 1, 1), "AFSR1_EL1", afsr1),
	VM(SYS(3, 0, 5, 2, 0), "ESR_EL1", esr),
	VM(SYS(3, 0, 6, 0, 0), "FAR_EL1", far),
	VM(SYS(3, 0, 10, 2, 0), "MAIR_EL1", mair),
	VM(SYS(3, 0, 10, 3, 0), "AMAIR_EL1", amair),
	VM(SYS(3, 0, 13, 0, 1), "CONTEXTIDR_EL1", contextidr),

	ROW(SYS(3, 3, 14, 2, 0), "CNTP_TVAL_EL0", "emulated", sys_cntp, SYSREG_EL0, CNTP_TVAL),
	ROW(SYS(3, 3, 14, 2, 1), "CNTP_CTL_EL0", "emulated", sys_cntp, SYSREG_EL0, CNTP_CTL),
	ROW(SYS(3, 3, 14, 2, 2), "CNTP_CVAL_EL0", "emulated", sys_cntp, SYSREG_EL0, CNTP_CVAL),
};
const unsigned int sysreg_table_len = NELEM(sysreg_table);

#define REGION(k, m, nm, gives, handler, fl)                                             \
	{                                                                                \
		.key = (k), .mask = (m), .name = (nm), .gets = (gives), .fn = (handler), \
		.flags = (fl)                                                            \
	}

const struct sysreg_desc sysreg_regions[] = {
	/* CRm 0 does not trap: MIDR_EL1, MPIDR_EL1, REVIDR_EL1 */
	REGION(SYS(3, 0, 0, 0, 0), SYS(3, 7, 15, 8, 0), "ID_*_EL1, CRm 0-7", "id_regs.c's", sys_id,
	    SYSREG_RO),
	/* DBGBVRn, DBGBCRn, DBGWVRn, DBGWCRn, MDCCINT, OSDLR, DBGPRCR, DBGCLAIM*, MDRAR ... */
	REGION(
	    SYS(2, 0, 0, 0, 0), SYS(3, 7, 0, 0, 0), "debug, EL1", "0, writes ignored", sys_raz, 0),
	/* MDCCSR_EL0, DBGDTR*_EL0 */
	REGION(SYS(2, 3, 0, 0, 0), SYS(3, 7, 0, 0, 0), "debug, EL0", "0, writes ignored", sys_raz,
	    SYSREG_EL0),
};
const unsigned int sysreg_regions_len = NELEM(sysreg_regions);

/* ---- look-up and decoding ---- */

static const struct sysreg_desc *
find_exact(uint32_t key)
{
	unsigned int lo = 0, hi = sysreg_table_len;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (sysreg_table[mid].key == key)
			return &sysreg_table[mid];
		if (sysreg_table[mid].key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

const struct sysreg_desc *
sysreg_find(uint32_t key)
{
	const struct sysreg_desc *d = find_exact(key);
	unsigned int i;

	for (i = 0; d == NULL && i < sysreg_regions_len; i++) {
		if ((key & sysreg_regions[i].mask) == sysreg_regions[i].key)
			d = &sysreg_regions[i];
	}
	return d;
}

static struct sysreg_access
decode(const struct hyp_vcpu *v)
{
	uint32_t esr = v->trap.esr;

	return (struct sysreg_access){
		.key = SYSREG_KEY(FIELD_OF(ESR_SYS64_OP0_MASK, esr),
		    FIELD_OF(ESR_SYS64_OP1_MASK, esr), FIELD_OF(ESR_SYS64_CRN_MASK, esr),
		    FIELD_OF(ESR_SYS64_CRM_MASK, esr), FIELD_OF(ESR_SYS64_OP2_MASK, esr)),
		.write = (esr & ESR_SYS64_READ) == 0,
		.user = arch_guest_is_user(v),
		.rt = (uint8_t)FIELD_OF(ESR_SYS64_RT_MASK, esr),
	};
}

static bool
access_allowed(const struct sysreg_desc *d, const struct sysreg_access *a)
{
	if (a->user && (d->flags & SYSREG_EL0) == 0)
		return false;
	return (d->flags & (a->write ? SYSREG_RO : SYSREG_WO)) == 0;
}

/* One access by its row; the transfer to and from the general register. */
static enum sysreg_result
sysreg_perform(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	enum sysreg_result res;

	if (!access_allowed(d, a))
		return SYSREG_UNDEF;
	if (a->write)
		a->val = arch_gpr_get(v, a->rt);
	res = d->fn(vcpu, d, a);
	if (res == SYSREG_DONE && !a->write)
		arch_gpr_set(v, a->rt, a->val);
	return res;
}

enum vcpu_action
sysreg_trap(struct vcpu *vcpu, struct vm_exit *vme)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	enum sysreg_result res = SYSREG_UNDEF;
	const struct sysreg_desc *d = NULL;
	struct sysreg_access a;

	(void)vme;
	/* the classes of AArch32 come from EL0, where none of it is for guests */
	if (esr_ec(v->trap.esr) == ESR_EC_SYS64) {
		a = decode(v);
		d = sysreg_find(a.key);
	}
	if (d != NULL)
		res = sysreg_perform(vcpu, d, &a);
	else
		vcpu_stat_inc(vcpu, VMM_STAT_CP15_UNKNOWN);
	if (res == SYSREG_DONE)
		arch_pc_advance(v, 4);
	else
		inject_undef(vcpu);
	return EXIT_RESUME;
}

/* ---- initial state ---- */

#define MPIDR_RES1 BIT64(31)

/*
 * What traps, and why:
 * VM, FMO, IMO, AMO	the guest runs under stage 2, interrupts are ours
 * SWIO			an invalidate by set/way must not lose the host's data
 * PTW			no walks of page tables in device memory
 * FB, BSU		TLB and barrier operations reach the CPUs where other vCPUs run
 * TWI, TSC, TIDCP, TAC, TSW, TVM, TID3	as the rows of the table say; exit.c has WFI, SMC
 * TLOR, TERR		LORegions and error records are the host's
 * RW			EL1 is AArch64
 * What is 0 of APK and API, ATA, EnSCXT and the like keeps features from the guest that id_regs.c
 * does not show it: using them traps.
 */
#define HCR_BASE                                                                              \
	(HCR_VM | HCR_SWIO | HCR_PTW | HCR_FMO | HCR_IMO | HCR_AMO | HCR_FB | HCR_BSU_IS |    \
	    HCR_TWI | HCR_TID3 | HCR_TSC | HCR_TIDCP | HCR_TAC | HCR_TSW | HCR_TVM | HCR_RW | \
	    HCR_TLOR | HCR_TERR)

void
sysreg_vcpu_init(struct vcpu *vcpu)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	struct sysreg_host host;

	sysreg_host_read(&host);
	v->midr = host.id[0];
	v->mpidr = MPIDR_RES1 | vcpu->id;
	/* vector registers, which the microvisor gives the guest on first use; trace; activity */
	v->hcptr = CPTR_RES1 | CPTR_TFP | CPTR_TTA | CPTR_TAM;
	v->hstr = HSTR_T15;
	v->hdcr = MDCR_TDRA | MDCR_TDOSA | MDCR_TDA | MDCR_TPM | MDCR_TPMCR | MDCR_TPMS | MDCR_TTRF;
	id_regs_make(v->id_regs, &host);
}

/* MDCR_EL2.TDE wants TDRA, TDOSA and TDA set too, as they are. */
void
sysreg_trap_bkpt(struct hyp_vcpu *v, bool on)
{
	v->hdcr = on ? v->hdcr | MDCR_TDE : v->hdcr & ~MDCR_TDE;
}

/*
 * SCTLR_EL1 is reset, and of the others what says that something is on; what is UNKNOWN is zero
 * here so that nothing of another guest or of the host shows.
 */
void
sysreg_vcpu_reset(struct vcpu *vcpu)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	struct sysreg_host host;

	sysreg_host_read(&host);
	memset(&v->sys, 0, sizeof(v->sys));
	v->sys.sctlr = SCTLR_RESET;
	v->sys.actlr = host.actlr;
	v->hcr = HCR_BASE;
	arch_vcpu(vcpu)->caches_on = 0;
}
