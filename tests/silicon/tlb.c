/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Rule 4: what the TLBs may hold.  For each VMID the tables that it was last used with, and the
 * CPUs whose TLBs may still have entries of it; for each CPU the vCPU that it last ran under that
 * VMID; and whether HYP mode's own entries were invalidated before its MMU is turned on.
 */
#include <string.h>

#include "silicon.h"

#define HSCTLR_M      1u
#define HCR_VM	      1u
#define VTTBR_VMID(v) ((uint16_t)((v) >> 48 & 0xff))
#define NVMIDS	      256u
#define MAX_BEGUN     16u

/* MIDR: by whom, and which part. */
#define MIDR_PART  0xff00fff0u
#define CORTEX_A12 0x4100c0d0u
#define CORTEX_A15 0x4100c0f0u
#define CORTEX_A17 0x4100c0e0u

static struct {
	uint64_t base;		 /* of the tables it was last used with */
	uint32_t cpus;		 /* may have its entries */
	uint32_t ran;		 /* CPUs for which vcpu[] says something */
	uint32_t vcpu[MAX_CPUS]; /* VMPIDR of who ran there last, nothing invalidated since */
	uint32_t pc;		 /* of the last entry */
	struct {
		uint64_t base; /* of the tables it last used there, 0 none */
		uint32_t pc;   /* of the entry */
		uint32_t seq;  /* when it ran */
	} on[MAX_CPUS];
} vmids[NVMIDS];

/* TLBIs whose DSB is yet to come, by CPU. */
static struct {
	struct tlbi tlbi[MAX_BEGUN];
	unsigned int n;
} begun[MAX_CPUS];

void
tlb_init(void)
{
	unsigned int i;

	for (i = 0; i < MAX_CPUS; i++)
		cpus[i].hyp_root = cpus[i].guest_root = -1;
}

void
tlb_tlbi(struct cpu *c, const struct tlbi *t)
{
	counters[N_TLBI]++;
	if (t->regime == REGIME_STAGE2 && !c->hyp_dsb)
		report(RULE_TLBI_ORDER, c, t->pc, NULL, 0,
		    "TLBI with no DSB since HYP mode was entered");
	if (!t->by_va && begun[c->id].n < MAX_BEGUN)
		begun[c->id].tlbi[begun[c->id].n++] = *t;
}

static void
vmid_done(unsigned int vmid, uint32_t which)
{
	uint32_t keep = 0;
	unsigned int i;

	/* who is in the guest at this moment has entries again */
	for (i = 0; i < MAX_CPUS; i++)
		if (cpus[i].guest_root >= 0 && roots[cpus[i].guest_root].vmid == vmid)
			keep |= 1u << i;
	vmids[vmid].cpus &= ~which | keep;
	vmids[vmid].ran &= ~which | keep;
}

static void
roots_done(const struct tlbi *t, uint32_t which)
{
	uint32_t keep;
	unsigned int i, k;

	for (i = 0; i < MAX_ROOTS; i++) {
		if (!roots[i].live || roots[i].regime != REGIME_STAGE2 ||
		    (!t->all_vmids && roots[i].vmid != t->vmid))
			continue;
		for (keep = 0, k = 0; k < MAX_CPUS; k++)
			if (cpus[k].guest_root == (int)i)
				keep |= 1u << k;
		roots[i].cpus &= ~which | keep;
		if (roots[i].cpus == 0 && table_root_is_empty((int)i))
			root_drop((int)i);
	}
}

static void
tlbi_done(struct cpu *c, const struct tlbi *t)
{
	uint32_t which = t->shared ? UINT32_MAX : 1u << c->id;
	unsigned int i;

	if (t->regime == REGIME_HYP) {
		if (!c->hyp_on)
			c->hyp_tlb_clean = true;
		c->hyp_left = false;
		return;
	}
	for (i = 0; i < NVMIDS; i++)
		if (t->all_vmids || i == t->vmid)
			vmid_done(i, which);
	if (t->all_vmids)
		c->vmids_clean = true;
	roots_done(t, which);
}

/* After table_dsb(), which asks who may have had the entries. */
void
tlb_dsb(struct cpu *c, struct barrier b)
{
	unsigned int i, left = 0;

	for (i = 0; i < begun[c->id].n; i++) {
		struct tlbi t = begun[c->id].tlbi[i];

		if (b.full && (b.domain > DOMAIN_NSH || !t.shared))
			tlbi_done(c, &t);
		else
			begun[c->id].tlbi[left++] = t;
	}
	begun[c->id].n = left;
}

/* ---- HYP mode's MMU ---- */
static void
root_unused(int root)
{
	unsigned int i;

	for (i = 0; i < MAX_CPUS; i++)
		if (cpus[i].hyp_root == root)
			return;
	root_drop(root);
}

static void
hyp_root_set(struct cpu *c, uint64_t httbr, uint32_t pc)
{
	int old = c->hyp_root;
	struct root r;

	hyp_root(c, httbr, &r);
	c->hyp_root = root_find(r.base, REGIME_HYP);
	if (c->hyp_root < 0)
		c->hyp_root = root_add(c, &r, pc);
	if (c->hyp_root >= 0)
		roots[c->hyp_root].cpus |= 1u << c->id;
	if (old >= 0 && old != c->hyp_root)
		root_unused(old);
}

static void
hyp_mmu_on(struct cpu *c, uint32_t pc)
{
	if (!c->hyp_tlb_clean)
		report(RULE_HYP_TLB_STALE, c, pc, NULL, 0,
		    "turns the MMU of HYP mode on, no complete TLBIALLH on this CPU before");
	c->hyp_tlb_clean = false;
	c->hyp_on = true;
	hyp_root_set(c, reg_read(c, REG_HTTBR), pc);
}

static void
hyp_mmu_off(struct cpu *c, uint32_t pc)
{
	int old = c->hyp_root;

	c->hyp_on = false;
	c->hyp_left = true;
	c->hyp_left_pc = pc;
	c->hyp_tlb_clean = false;
	c->vmids_clean = false;
	c->hyp_root = -1;
	if (old >= 0) {
		roots[old].cpus &= ~(1u << c->id);
		root_unused(old);
	}
}

void
tlb_hsctlr(struct cpu *c, uint32_t old, uint32_t val, uint32_t pc)
{
	if (((old ^ val) & HSCTLR_M) == 0)
		return;
	if ((val & HSCTLR_M) != 0)
		hyp_mmu_on(c, pc);
	else
		hyp_mmu_off(c, pc);
}

void
tlb_httbr(struct cpu *c, uint64_t val, uint32_t pc)
{
	if (c->hyp_on)
		hyp_root_set(c, val, pc);
}

/* A TLBI without its DSB is reported once, and then counts as complete. */
void
tlb_hyp_return(struct cpu *c, uint32_t pc, bool tlbi_reported)
{
	struct where by = { begun[c->id].tlbi[0].pc, c->id, MODE_HYP };

	if (begun[c->id].n != 0 && !tlbi_reported)
		report(RULE_TLBI_DSB, c, pc, &by, 0,
		    "leaves HYP mode, no DSB that is strong enough after the TLBI");
	tlb_dsb(c, (struct barrier){ DOMAIN_SY, true });
	by.pc = c->hyp_left_pc;
	if (c->hyp_left)
		report(RULE_HYP_TLB_LEFT, c, pc, &by, 0,
		    "leaves HYP mode with its MMU off, no complete TLBIALLH since");
	c->hyp_left = false;
	by.pc = c->device_pc;
	if (c->device_pc != 0)
		report(RULE_DEVICE_DSB, c, pc, &by, 0,
		    "leaves HYP mode, no DSB (sy, osh) since the distributor was written");
	c->device_pc = 0;
}

/* Where Linux's KVM for ARMv7 did it, of the processors that have HYP mode. */
static bool
predictors_leak(const struct cpu *c)
{
	uint32_t part = (uint32_t)reg_read(c, REG_MIDR) & MIDR_PART;

	return part == CORTEX_A12 || part == CORTEX_A15 || part == CORTEX_A17;
}

void
tlb_host_return(struct cpu *c, uint32_t pc)
{
	struct where by = { c->guest_pc, c->id, MODE_HYP };

	if (c->guest_pc != 0 && predictors_leak(c))
		report(RULE_PREDICTORS, c, pc, &by, 0,
		    "back to the host, the guest's branch predictions in place");
	c->guest_pc = 0;
}

void
tlb_vttbr(struct cpu *c, uint64_t val, uint32_t pc)
{
	if (!c->hyp_dsb && val != reg_read(c, REG_VTTBR))
		report(RULE_WALKS, c, pc, NULL, 0,
		    "VTTBR is written, no DSB since HYP mode was entered");
}

/* ---- into the guest ---- */
static void
check_vmid_icache(struct cpu *c, unsigned int vmid, uint64_t base, uint32_t pc)
{
	struct where last = { vmids[vmid].on[c->id].pc, c->id, MODE_HYP };
	uint64_t old = vmids[vmid].on[c->id].base;

	if (old != 0 && old != base && c->icall_seq <= vmids[vmid].on[c->id].seq)
		report(RULE_VMID_ICACHE, c, pc, &last, base,
		    "VMID %u was another VM's, this CPU's I-cache not invalidated since", vmid);
	vmids[vmid].on[c->id].base = base;
	vmids[vmid].on[c->id].pc = pc;
	vmids[vmid].on[c->id].seq = seq;
}

static void
check_vmid(struct cpu *c, unsigned int vmid, uint64_t base, uint32_t pc)
{
	uint32_t me = 1u << c->id, vcpu = (uint32_t)reg_read(c, REG_VMPIDR);
	struct where last = { vmids[vmid].pc, c->id, MODE_HYP };

	if (!c->vmids_clean)
		report(RULE_VMID_UNKNOWN, c, pc, NULL, 0,
		    "first guest on this CPU, TLBs not invalidated since it came up");
	c->vmids_clean = true;
	if (vmids[vmid].base != base && vmids[vmid].cpus != 0)
		report(RULE_VMID_REUSE, c, pc, &last, base,
		    "VMID %u was another VM's, CPUs %x may have its entries", vmid,
		    vmids[vmid].cpus);
	if ((vmids[vmid].ran & me) != 0 && vmids[vmid].vcpu[c->id] != vcpu)
		report(RULE_VCPU_SHARE, c, pc, &last, base,
		    "vCPU %08x after %08x of the same VM, nothing invalidated on this CPU", vcpu,
		    vmids[vmid].vcpu[c->id]);
	vmids[vmid].base = base;
	vmids[vmid].cpus |= me;
	vmids[vmid].ran |= me;
	vmids[vmid].vcpu[c->id] = vcpu;
	vmids[vmid].pc = pc;
}

void
tlb_guest_entry(struct cpu *c, uint32_t pc)
{
	struct root r;
	int root;

	if ((reg_read(c, REG_HCR) & HCR_VM) == 0)
		return;
	counters[N_GUEST_ENTRY]++;
	c->guest_pc = pc;
	stage2_root(c, &r);
	r.vmid = VTTBR_VMID(reg_read(c, REG_VTTBR));
	check_vmid(c, r.vmid, r.base, pc);
	check_vmid_icache(c, r.vmid, r.base, pc);
	root = root_find(r.base, REGIME_STAGE2);
	if (root < 0)
		root = root_add(c, &r, pc);
	if (root < 0)
		return;
	roots[root].vmid = r.vmid;
	roots[root].cpus |= 1u << c->id;
	c->guest_root = root;
}

/* An invalidation that came while the guest ran was not the last word on it. */
void
tlb_guest_exit(struct cpu *c)
{
	if (c->guest_root >= 0)
		vmids[VTTBR_VMID(reg_read(c, REG_VTTBR))].on[c->id].seq = seq;
	c->guest_root = -1;
}
