/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * CP15, CP14 and VFP identification registers that trap, as data: a row for each encoding says
 * what the guest gets, and docs/sysregs.md is printed from the rows.  Rows whose fn is
 * sys_native belong to registers that the guest reaches without a trap; they stand here for
 * the document, and answer UNDEFINED should a CPU trap them all the same.
 *
 * In the trap walk: exit.c comes here with classes 0x03, 0x04, 0x05, 0x08 and 0x0c.  Runs on
 * the host, preemptible, in the vCPU's own thread; no locks but those of vm_mem_flush_all().
 */
#include <string.h>

#include "cp15.h"

#define CP15(crn, opc1, crm, opc2) SYSREG_KEY(SYSREG_CP15, crn, opc1, crm, opc2)
#define CP15_64(opc1, crm)	   SYSREG_KEY(SYSREG_CP15_64, 0, opc1, crm, 0)
#define CP14(crn, opc1, crm, opc2) SYSREG_KEY(SYSREG_CP14, crn, opc1, crm, opc2)
#define CP14_64(opc1, crm)	   SYSREG_KEY(SYSREG_CP14_64, 0, opc1, crm, 0)
#define CP10(reg)		   SYSREG_KEY(SYSREG_CP10, reg, 7, 0, 0)

/* ---- behaviours ---- */

/* ID_PFR0's place in id_regs, and its ThumbEE field (B4.1). */
#define ID_PFR0	       8
#define ID_PFR0_STATE3 MASK32(15, 12)

/* Read as zero, writes ignored. */
static enum sysreg_result
sys_raz(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	(void)vcpu;
	(void)d;
	a->val = 0;
	return SYSREG_DONE;
}

/*
 * ThumbEE's registers.  ID_PFR0 tells the guest that it has none, but not every CPU and emulator
 * lets HCR.TID3 trap that register.  A guest that has seen the truth, and touches them, gets
 * registers of its own: HYP switches them from here on (hyp_run.c), and they trap no more.
 */
static enum sysreg_result
sys_thumbee(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	struct sysreg_host host;

	(void)d;
	(void)a;
	sysreg_host_read(&host);
	if ((host.c0[ID_PFR0] & ID_PFR0_STATE3) == 0 || (v->hstr & HSTR_TTEE) == 0)
		return SYSREG_UNDEF;
	v->hstr &= ~HSTR_TTEE;
	return SYSREG_RETRY;
}

/* Not trapped by what we set: a CPU that traps it all the same has something we do not know. */
static enum sysreg_result
sys_native(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	(void)d;
	(void)a;
	vcpu_stat_inc(vcpu, VMM_STAT_CP15_UNKNOWN);
	return SYSREG_UNDEF;
}

/* Identification registers, from the vCPU's own copy. */
static enum sysreg_result
sys_id(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	(void)d;
	a->val = hyp_vcpu(vcpu)->id_regs[(a->key >> 3 & 7) * 8 + (a->key & 7)];
	return SYSREG_DONE;
}

static enum sysreg_result
sys_cp10_id(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	(void)d;
	a->val = hyp_vcpu(vcpu)->cp10_id[a->key >> 11 & 15];
	return SYSREG_DONE;
}

/* The guest may read the host's SMP and errata bits, and change none (HCR.TAC). */
static enum sysreg_result
sys_actlr(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	(void)d;
	a->val = hyp_vcpu(vcpu)->sys.actlr;
	return SYSREG_DONE;
}

#define L2CTLR_NCPUS MASK32(25, 24) /* processors in the cluster, minus one */

/* L2CTLR of the Cortex-A7, A15 and A17: the host's, with the number of vCPUs in it. */
static enum sysreg_result
sys_l2ctlr(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	uint64_t active = LOAD_ONCE(vcpu->vm->active);
	struct sysreg_host host;
	uint32_t ncpus = 0;
	unsigned int i;

	(void)d;
	sysreg_host_read(&host);
	if (host.l2ctlr == 0) {
		vcpu_stat_inc(vcpu, VMM_STAT_CP15_UNKNOWN);
		return SYSREG_UNDEF;
	}
	for (i = 0; i < VM_MAXCPU; i++)
		ncpus += (uint32_t)(active >> i & 1);
	if (ncpus > 4) /* the field holds no more */
		ncpus = 4;
	if (ncpus == 0)
		ncpus = 1;
	a->val = (host.l2ctlr & ~L2CTLR_NCPUS) | FIELD_TO(L2CTLR_NCPUS, ncpus - 1);
	return SYSREG_DONE;
}

/*
 * Clean and invalidate all that stage 2 maps: cache contents by set and way mean nothing once
 * vCPUs move between CPUs, and what a guest wrote with its caches off has to win over what
 * lies in the caches, and the other way round (DDI 0406C B2.2.6, B2.2.7).
 */
void
sysreg_caches_changed(struct vcpu *vcpu)
{
	vcpu_stat_inc(vcpu, VMM_STAT_SETWAY);
	vm_mem_flush_all(vcpu->vm);
}

/*
 * DCISW, DCCSW, DCCISW (HCR.TSW).  The first one flushes the VM and turns TVM on, so that we
 * see what it prepares; while TVM is on the switch of SCTLR.C will flush, and the thousands
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
		arch_vcpu(vcpu)->caches_on = v->sys.sctlr & SCTLR_C;
		sysreg_caches_changed(vcpu);
	}
	return SYSREG_DONE;
}

/* After a write that HCR.TVM showed us: caches switched?  Once they are on TVM has done its job. */
static void
vm_reg_written(struct vcpu *vcpu)
{
	struct arch_vcpu *arch = arch_vcpu(vcpu);
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	uint32_t on = v->sys.sctlr & SCTLR_C;

	if (on != arch->caches_on) {
		arch->caches_on = on;
		sysreg_caches_changed(vcpu);
	}
	if (on != 0)
		v->hcr &= ~HCR_TVM;
}

/* A 32-bit memory control register: d->arg is its offset in struct arch_sysregs. */
static enum sysreg_result
sys_vm32(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	uint8_t *regs = (uint8_t *)&hyp_vcpu(vcpu)->sys;
	uint32_t val = (uint32_t)a->val;

	if (!a->write) {
		memcpy(&val, regs + d->arg, sizeof(val));
		a->val = val;
		return SYSREG_DONE;
	}
	memcpy(regs + d->arg, &val, sizeof(val));
	vm_reg_written(vcpu);
	return SYSREG_DONE;
}

/* TTBR0, TTBR1: MCRR writes all 64 bits, MCR the lower 32 only (B4.1, TTBR0). */
static enum sysreg_result
sys_ttbr(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	struct arch_sysregs *sys = &hyp_vcpu(vcpu)->sys;
	uint64_t *ttbr = d->arg == 0 ? &sys->ttbr0 : &sys->ttbr1;
	bool wide = a->key >> 15 == SYSREG_CP15_64;

	if (!a->write) {
		a->val = wide ? *ttbr : (uint32_t)*ttbr;
		return SYSREG_DONE;
	}
	*ttbr = wide ? a->val : (*ttbr & ~0xffffffffull) | (uint32_t)a->val;
	vm_reg_written(vcpu);
	return SYSREG_DONE;
}

/* The physical timer, where HYP leaves it to us (sysreg_fast.c).  d->arg: cntp_reg. */
static enum sysreg_result
sys_cntp(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	if (a->write)
		vtimer_cntp_write(vcpu, (enum cntp_reg)d->arg, a->val);
	else
		a->val = vtimer_cntp_read(vcpu, (enum cntp_reg)d->arg);
	return SYSREG_DONE;
}

static enum sysreg_result
sys_cntpct(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	(void)vcpu;
	(void)d;
	a->val = arch_cntpct();
	return SYSREG_DONE;
}

/* ---- the rows ---- */

#define ROW(k, nm, gives, sect, handler, fl, ar)                                     \
	{                                                                            \
		.key = (k), .mask = SYSREG_KEY_EXACT, .name = (nm), .gets = (gives), \
		.section = (sect), .fn = (handler), .flags = (fl), .arg = (ar)       \
	}
#define NATIVE(k, nm, gives, sect) ROW(k, nm, gives, sect, sys_native, 0, 0)
#define ID(k, nm, gives, sect)	   ROW(k, nm, gives, sect, sys_id, SYSREG_RO, 0)
#define VM32(k, nm, field, sect)                                                      \
	ROW(k, nm, "its own; writes trap until the caches are on", sect, sys_vm32, 0, \
	    offsetof(struct arch_sysregs, field))
#define HOSTS  "the CPU's"
#define SWITCH "its own, switched with the vCPU"

const struct sysreg_desc sysreg_table[] = {
	/* c0: identification.  VPIDR and VMPIDR give MIDR and MPIDR, HCR.TID3 traps CRm 1-7. */
	NATIVE(CP15(0, 0, 0, 0), "MIDR", "the CPU's, through VPIDR", "B4.1"),
	NATIVE(CP15(0, 0, 0, 1), "CTR", HOSTS, "B4.1"),
	NATIVE(CP15(0, 0, 0, 2), "TCMTR", HOSTS, "B4.1"),
	NATIVE(CP15(0, 0, 0, 3), "TLBTR", HOSTS, "B4.1"),
	NATIVE(CP15(0, 0, 0, 5), "MPIDR", "through VMPIDR: M = 1, U = 0, Aff0 = number of the vCPU",
	    "B4.1"),
	NATIVE(CP15(0, 0, 0, 6), "REVIDR", HOSTS, "B4.1"),
	ID(CP15(0, 0, 1, 0), "ID_PFR0", "the CPU's, State3 = 0: no ThumbEE", "B4.1"),
	ID(CP15(0, 0, 1, 1), "ID_PFR1",
	    "the CPU's, without the Security and Virtualization Extensions", "B4.1"),
	ID(CP15(0, 0, 1, 2), "ID_DFR0", "0: no debug, trace or PMU registers", "B4.1"),
	ID(CP15(0, 0, 1, 3), "ID_AFR0", "0", "B4.1"),
	ID(CP15(0, 0, 1, 4), "ID_MMFR0", HOSTS, "B4.1"),
	ID(CP15(0, 0, 1, 5), "ID_MMFR1", HOSTS, "B4.1"),
	ID(CP15(0, 0, 1, 6), "ID_MMFR2", HOSTS, "B4.1"),
	ID(CP15(0, 0, 1, 7), "ID_MMFR3", HOSTS, "B4.1"),
	ID(CP15(0, 0, 2, 0), "ID_ISAR0", HOSTS, "B4.1"),
	ID(CP15(0, 0, 2, 1), "ID_ISAR1", HOSTS, "B4.1"),
	ID(CP15(0, 0, 2, 2), "ID_ISAR2", HOSTS, "B4.1"),
	ID(CP15(0, 0, 2, 3), "ID_ISAR3", HOSTS, "B4.1"),
	ID(CP15(0, 0, 2, 4), "ID_ISAR4", "the CPU's, SMC = 0", "B4.1"),
	ID(CP15(0, 0, 2, 5), "ID_ISAR5", HOSTS, "B4.1"),
	NATIVE(CP15(0, 1, 0, 0), "CCSIDR", HOSTS, "B4.1"),
	NATIVE(CP15(0, 1, 0, 1), "CLIDR", HOSTS, "B4.1"),
	NATIVE(CP15(0, 1, 0, 7), "AIDR", HOSTS, "B4.1"),
	NATIVE(CP15(0, 2, 0, 0), "CSSELR", SWITCH, "B4.1"),

	/* c1-c3: system control.  Writes trap with HCR.TVM and TAC. */
	VM32(CP15(1, 0, 0, 0), "SCTLR", sctlr, "B4.1"),
	ROW(CP15(1, 0, 0, 1), "ACTLR", "reads the CPU's, writes ignored", "B4.1", sys_actlr, 0, 0),
	NATIVE(CP15(1, 0, 0, 2), "CPACR", SWITCH, "B4.1"),
	ROW(CP15(2, 0, 0, 0), "TTBR0", "its own; writes trap until the caches are on", "B4.1",
	    sys_ttbr, 0, 0),
	ROW(CP15(2, 0, 0, 1), "TTBR1", "its own; writes trap until the caches are on", "B4.1",
	    sys_ttbr, 0, 1),
	VM32(CP15(2, 0, 0, 2), "TTBCR", ttbcr, "B4.1"),
	VM32(CP15(3, 0, 0, 0), "DACR", dacr, "B4.1"),

	/* c5, c6: faults */
	VM32(CP15(5, 0, 0, 0), "DFSR", dfsr, "B4.1"),
	VM32(CP15(5, 0, 0, 1), "IFSR", ifsr, "B4.1"),
	VM32(CP15(5, 0, 1, 0), "ADFSR", adfsr, "B4.1"),
	VM32(CP15(5, 0, 1, 1), "AIFSR", aifsr, "B4.1"),
	VM32(CP15(6, 0, 0, 0), "DFAR", dfar, "B4.1"),
	VM32(CP15(6, 0, 0, 2), "IFAR", ifar, "B4.1"),

	/* c7: caches.  By address and to PoU they run natively, made inner shareable by HCR.FB. */
	NATIVE(CP15(7, 0, 4, 0), "PAR", SWITCH, "B4.1"),
	ROW(CP15(7, 0, 6, 2), "DCISW",
	    "the first cleans and invalidates all memory of the VM, the rest do nothing", "B4.2",
	    sys_setway, SYSREG_WO, 0),
	ROW(CP15(7, 0, 10, 2), "DCCSW", "as DCISW", "B4.2", sys_setway, SYSREG_WO, 0),
	ROW(CP15(7, 0, 14, 2), "DCCISW", "as DCISW", "B4.2", sys_setway, SYSREG_WO, 0),

	/* c9: HDCR.TPM traps the performance monitors, HCR.TIDCP what is IMPLEMENTATION DEFINED */
	ROW(CP15(9, 0, 14, 0), "PMUSERENR", "0, writes ignored; PL0 may read it", "B4.1", sys_raz,
	    SYSREG_PL0R, 0),
	ROW(CP15(9, 1, 0, 2), "L2CTLR",
	    "the CPU's, with the number of vCPUs (at most 4); writes ignored", "A15 TRM 4.3",
	    sys_l2ctlr, 0, 0),
	ROW(CP15(9, 1, 0, 3), "L2ECTLR", "0, writes ignored", "A15 TRM 4.3", sys_raz, 0, 0),

	/* c10: memory attributes */
	VM32(CP15(10, 0, 2, 0), "PRRR, MAIR0", prrr, "B4.1"),
	VM32(CP15(10, 0, 2, 1), "NMRR, MAIR1", nmrr, "B4.1"),
	VM32(CP15(10, 0, 3, 0), "AMAIR0", amair0, "B4.1"),
	VM32(CP15(10, 0, 3, 1), "AMAIR1", amair1, "B4.1"),

	/* c12, c13 */
	NATIVE(CP15(12, 0, 0, 0), "VBAR", SWITCH, "B4.1"),
	NATIVE(CP15(12, 0, 1, 0), "ISR", "its virtual interrupts", "B4.1"),
	VM32(CP15(13, 0, 0, 1), "CONTEXTIDR", contextidr, "B4.1"),
	NATIVE(CP15(13, 0, 0, 2), "TPIDRURW", SWITCH, "B4.1"),
	NATIVE(CP15(13, 0, 0, 3), "TPIDRURO", SWITCH, "B4.1"),
	NATIVE(CP15(13, 0, 0, 4), "TPIDRPRW", SWITCH, "B4.1"),

	/* c14: the generic timer.  CNTHCTL keeps CNTP from the guest. */
	NATIVE(CP15(14, 0, 0, 0), "CNTFRQ", HOSTS, "B4.1"),
	NATIVE(CP15(14, 0, 1, 0), "CNTKCTL", SWITCH, "B4.1"),
	ROW(CP15(14, 0, 2, 0), "CNTP_TVAL", "emulated", "B4.1", sys_cntp, SYSREG_PL0, CNTP_TVAL),
	ROW(CP15(14, 0, 2, 1), "CNTP_CTL", "emulated", "B4.1", sys_cntp, SYSREG_PL0, CNTP_CTL),
	NATIVE(CP15(14, 0, 3, 0), "CNTV_TVAL", SWITCH, "B4.1"),
	NATIVE(CP15(14, 0, 3, 1), "CNTV_CTL", SWITCH, "B4.1"),

	/* c15 */
	ROW(CP15(15, 4, 0, 0), "CBAR", "0: the GIC is where the device tree says", "A15 TRM 4.3",
	    sys_raz, SYSREG_RO, 0),

	/* MCRR, MRRC */
	ROW(CP15_64(0, 2), "TTBR0 (64 bits)", "its own; writes trap until the caches are on",
	    "B4.1", sys_ttbr, 0, 0),
	NATIVE(CP15_64(0, 7), "PAR (64 bits)", SWITCH, "B4.1"),
	ROW(CP15_64(0, 14), "CNTPCT", "the host's count, read natively", "B4.1", sys_cntpct,
	    SYSREG_RO | SYSREG_PL0, 0),
	ROW(CP15_64(1, 2), "TTBR1 (64 bits)", "its own; writes trap until the caches are on",
	    "B4.1", sys_ttbr, 0, 1),
	NATIVE(CP15_64(1, 14), "CNTVCT", "the host's count less what it was when the VM began",
	    "B4.1"),
	ROW(CP15_64(2, 14), "CNTP_CVAL", "emulated", "B4.1", sys_cntp, SYSREG_PL0, CNTP_CVAL),
	NATIVE(CP15_64(3, 14), "CNTV_CVAL", SWITCH, "B4.1"),

	/* CP14: ID_DFR0 says that there is no debug; those who look without asking read zeros. */
	ROW(CP14(0, 0, 0, 0), "DBGDIDR", "0: no debug architecture", "C11.11", sys_raz,
	    SYSREG_RO | SYSREG_PL0, 0),
	ROW(CP14(0, 0, 1, 0), "DBGDSCRint", "0; PL0 may read it", "C11.11", sys_raz,
	    SYSREG_RO | SYSREG_PL0, 0),
	ROW(CP14(0, 6, 0, 0), "TEECR", "its own, switched from the first access on", "B4.1",
	    sys_thumbee, 0, 0),
	ROW(CP14(1, 0, 0, 0), "DBGDRAR", "0, not valid; PL0 may read it", "C11.11", sys_raz,
	    SYSREG_RO | SYSREG_PL0, 0),
	ROW(CP14(1, 6, 0, 0), "TEEHBR", "its own, switched from the first access on", "B4.1",
	    sys_thumbee, SYSREG_PL0, 0),
	ROW(CP14(2, 0, 0, 0), "DBGDSAR", "0, not valid; PL0 may read it", "C11.11", sys_raz,
	    SYSREG_RO | SYSREG_PL0, 0),
	ROW(CP14_64(0, 1), "DBGDRAR (64 bits)", "0", "C11.11", sys_raz, SYSREG_RO | SYSREG_PL0, 0),
	ROW(CP14_64(0, 2), "DBGDSAR (64 bits)", "0", "C11.11", sys_raz, SYSREG_RO | SYSREG_PL0, 0),

	/* VFP: HCR.TID3 traps these too */
	ROW(CP10(0), "FPSID", HOSTS, "B4.1", sys_cp10_id, SYSREG_RO, 0),
	ROW(CP10(6), "MVFR1", HOSTS, "B4.1", sys_cp10_id, SYSREG_RO, 0),
	ROW(CP10(7), "MVFR0", HOSTS, "B4.1", sys_cp10_id, SYSREG_RO, 0),
};
const unsigned int sysreg_table_len = NELEM(sysreg_table);

#define REGION(k, anybits, nm, gives, sect, handler, fl)                                 \
	{                                                                                \
		.key = (k), .mask = ~(uint32_t)(anybits), .name = (nm), .gets = (gives), \
		.section = (sect), .fn = (handler), .flags = (fl)                        \
	}

const struct sysreg_desc sysreg_regions[] = {
	/* reserved identification registers read as zero (B3.17); CRm 0 does not trap */
	REGION(CP15(0, 0, 0, 0), CP15(0, 0, 7, 7), "c0, opc1 0, c0-c7: reserved ID registers", "0",
	    "B3.17", sys_id, SYSREG_RO),
	/* PMCR and all others: c9, opc1 0, c12-c14 (c15 is reserved for IMPLEMENTATION DEFINED) */
	REGION(CP15(9, 0, 12, 0), CP15(0, 0, 3, 7), "c9, opc1 0, c12-c15: performance monitors",
	    "0, writes ignored", "B4.1", sys_raz, 0),
	/* lockdown, DMA and TCM operations of older processors: ours have none */
	REGION(CP15(9, 0, 0, 0), CP15(0, 7, 7, 7), "c9, c0-c7: lockdown, TCM", "UNDEFINED", "B3.17",
	    sys_native, 0),
	REGION(CP15(10, 0, 0, 0), CP15(0, 7, 15, 7), "c10: TLB lockdown", "UNDEFINED", "B3.17",
	    sys_native, 0),
	REGION(
	    CP15(11, 0, 0, 0), CP15(0, 7, 15, 7), "c11: DMA", "UNDEFINED", "B3.17", sys_native, 0),
	/* kernels write errata bits there without asking, by MIDR alone */
	REGION(CP15(15, 0, 0, 0), CP15(0, 7, 15, 7), "c15: IMPLEMENTATION DEFINED",
	    "0, writes ignored", "B3.17", sys_raz, 0),
	REGION(CP14(0, 0, 0, 0), CP14(15, 0, 15, 7) & 0x7fffu, "CP14, opc1 0: debug",
	    "0, writes ignored", "C11.11", sys_raz, 0),
};
const unsigned int sysreg_regions_len = NELEM(sysreg_regions);

/* ---- finding the row ---- */

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

/* MCR, MRC, VMRS: the fields of the instruction, as HSR has them (B3.13.6). */
static void
decode32(uint32_t hsr, enum sysreg_space space, struct sysreg_access *a)
{
	a->key = SYSREG_KEY(space, FIELD_OF(ESR_CP_CRN_MASK, hsr), FIELD_OF(ESR_CP_OPC1_MASK, hsr),
	    FIELD_OF(ESR_CP_CRM_MASK, hsr), FIELD_OF(ESR_CP_OPC2_MASK, hsr));
	a->rt = (uint8_t)FIELD_OF(ESR_CP_RT_MASK, hsr);
}

static void
decode64(uint32_t hsr, enum sysreg_space space, struct sysreg_access *a)
{
	a->key = SYSREG_KEY(
	    space, 0, FIELD_OF(ESR_CP64_OPC1_MASK, hsr), FIELD_OF(ESR_CP_CRM_MASK, hsr), 0);
	a->rt = (uint8_t)FIELD_OF(ESR_CP_RT_MASK, hsr);
	a->rt2 = (uint8_t)FIELD_OF(ESR_CP64_RT2_MASK, hsr);
}

static bool
key_is_wide(uint32_t key)
{
	uint32_t space = key >> 15;

	return space == SYSREG_CP15_64 || space == SYSREG_CP14_64;
}

bool
sysreg_decode(const struct hyp_vcpu *v, struct sysreg_access *a)
{
	uint32_t hsr = v->trap.esr;

	memset(a, 0, sizeof(*a));
	a->write = (hsr & ESR_CP_READ) == 0;
	a->user = arch_guest_is_user(v);
	switch (esr_ec(hsr)) {
	case ESR_EC_CP15_32:
		decode32(hsr, SYSREG_CP15, a);
		return true;
	case ESR_EC_CP15_64:
		decode64(hsr, SYSREG_CP15_64, a);
		return true;
	case ESR_EC_CP14_32:
		decode32(hsr, SYSREG_CP14, a);
		return true;
	case ESR_EC_CP14_64:
		decode64(hsr, SYSREG_CP14_64, a);
		return true;
	case ESR_EC_CP10_ID:
		decode32(hsr, SYSREG_CP10, a);
		return true;
	default:
		return false;
	}
}

/* ---- the trap ---- */

/* Rt may be 15 in what a guest encodes: UNPREDICTABLE for a write; here it writes zero. */
static uint32_t
source_reg(const struct hyp_vcpu *v, unsigned int rt)
{
	return rt < 15 ? arch_gpr_get(v, rt) : 0;
}

/* MRC to register 15 sets the condition flags (DDI 0406C A8.8, MRC). */
static void
target_reg(struct hyp_vcpu *v, unsigned int rt, uint32_t val)
{
	if (rt < 15)
		arch_gpr_set(v, rt, val);
	else
		v->regs.cpsr = (v->regs.cpsr & ~MASK32(31, 28)) | (val & MASK32(31, 28));
}

static bool
access_allowed(const struct sysreg_desc *d, const struct sysreg_access *a)
{
	if (a->user && (d->flags & (a->write ? SYSREG_PL0W : SYSREG_PL0R)) == 0)
		return false;
	return (d->flags & (a->write ? SYSREG_RO : SYSREG_WO)) == 0;
}

/* One access by its row; the transfer to and from the general registers. */
static enum sysreg_result
sysreg_perform(struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	bool wide = key_is_wide(a->key);
	enum sysreg_result res;

	if (!access_allowed(d, a))
		return SYSREG_UNDEF;
	if (a->write) {
		a->val = source_reg(v, a->rt);
		if (wide)
			a->val |= (uint64_t)source_reg(v, a->rt2) << 32;
		return d->fn(vcpu, d, a);
	}
	res = d->fn(vcpu, d, a);
	if (res != SYSREG_DONE)
		return res;
	target_reg(v, a->rt, (uint32_t)a->val);
	if (wide)
		target_reg(v, a->rt2, (uint32_t)(a->val >> 32));
	return SYSREG_DONE;
}

enum vcpu_action
sysreg_trap(struct vcpu *vcpu, struct vm_exit *vme)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	enum sysreg_result res = SYSREG_UNDEF;
	const struct sysreg_desc *d = NULL;
	struct sysreg_access a;

	(void)vme;
	if (sysreg_decode(v, &a))
		d = sysreg_find(a.key);
	if (d != NULL)
		res = sysreg_perform(vcpu, d, &a);
	else
		vcpu_stat_inc(vcpu, VMM_STAT_CP15_UNKNOWN);
	if (res == SYSREG_DONE)
		arch_pc_advance(v, esr_inst_len(v->trap.esr));
	else if (res == SYSREG_UNDEF)
		inject_undef(vcpu);
	return EXIT_RESUME;
}

/* ---- initial state ---- */

#define ID_PFR1_PROGMOD	 MASK32(3, 0)
#define ID_PFR1_GENTIMER MASK32(19, 16)
#define ID_ISAR4_SMC	 MASK32(15, 12)
#define ID_PFR1		 9
#define ID_MMFR0	 12
#define ID_ISAR0	 16
#define ID_ISAR4	 20

/* What the guest reads of the CPU: the rows above say it in words. */
static void
id_regs_init(struct hyp_vcpu *v, const struct sysreg_host *host)
{
	memset(v->id_regs, 0, sizeof(v->id_regs));
	memcpy(&v->id_regs[0], &host->c0[0], 8 * sizeof(uint32_t));
	v->id_regs[5] = v->mpidr;
	v->id_regs[ID_PFR0] = host->c0[ID_PFR0] & ~ID_PFR0_STATE3;
	v->id_regs[ID_PFR1] = host->c0[ID_PFR1] & (ID_PFR1_PROGMOD | ID_PFR1_GENTIMER);
	memcpy(&v->id_regs[ID_MMFR0], &host->c0[ID_MMFR0], 4 * sizeof(uint32_t));
	memcpy(&v->id_regs[ID_ISAR0], &host->c0[ID_ISAR0], 6 * sizeof(uint32_t));
	v->id_regs[ID_ISAR4] &= ~ID_ISAR4_SMC;
	memset(v->cp10_id, 0, sizeof(v->cp10_id));
	v->cp10_id[0] = host->fpsid;
	v->cp10_id[6] = host->mvfr1;
	v->cp10_id[7] = host->mvfr0;
}

#define MPIDR_MP BIT(31)

/*
 * What traps, and why:
 * VM, FMO, IMO, AMO	the guest runs under stage 2, interrupts are ours
 * SWIO			an invalidate by set/way must not lose the host's data
 * PTW			no walks of page tables in device memory
 * FB, BSU		TLB and barrier operations reach the CPUs where other vCPUs run
 * TWI, TSC, TIDCP, TAC, TSW, TVM, TID3	as the rows of the table say; exit.c has WFI, SMC
 */
#define HCR_BASE                                                                           \
	(HCR_VM | HCR_SWIO | HCR_PTW | HCR_FMO | HCR_IMO | HCR_AMO | HCR_FB | HCR_BSU_IS | \
	    HCR_TWI | HCR_TID3 | HCR_TSC | HCR_TIDCP | HCR_TAC | HCR_TSW | HCR_TVM)

/*
 * Coprocessors nobody has, trace, and VFP (10 and 11), which the microvisor lets the guest have
 * on first use.
 */
#define HCPTR_BASE (HCPTR_TTA | MASK32(13, 0))

void
sysreg_vcpu_init(struct vcpu *vcpu)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	struct sysreg_host host;

	sysreg_host_read(&host);
	v->midr = host.c0[0];
	v->mpidr = MPIDR_MP | vcpu->id;
	v->hcptr = HCPTR_BASE;
	v->hdcr = HDCR_TDRA | HDCR_TDOSA | HDCR_TDA | HDCR_TPM | HDCR_TPMCR;
	id_regs_init(v, &host);
}

/* HDCR.TDE, B4.1.66, wants TDRA, TDOSA and TDA set too, as they are. */
void
sysreg_trap_bkpt(struct hyp_vcpu *v, bool on)
{
	v->hdcr = on ? v->hdcr | HDCR_TDE : v->hdcr & ~HDCR_TDE;
}

/*
 * Registers that the architecture resets: SCTLR, TTBCR, CPACR, CNTKCTL,
 * FPEXC.EN, VBAR (B4.1, under their names).  All others are UNKNOWN, and zero here so that
 * nothing of another guest or of the host shows.
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
	v->hstr = HSTR_TTEE | HSTR_T(15);
	arch_vcpu(vcpu)->caches_on = 0;
}
