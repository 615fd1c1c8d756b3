/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The rules of the silicon checker.  A case is a course of events with a gap, the instructions that
 * stand in the gap, and the one rule that is then broken, or none: what must be reported and what
 * is right differ by an instruction or two.  A report must name the two instructions that the
 * course marks, CAUGHT and CAUSE.
 *
 * A rule without a case that breaks it fails: see every_rule_has_a_case().
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "silicon_rig.h"

#define HVBAR 0xc0de8000u

#define MAX_OPS	 12u
#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

struct scenario {
	const char *name;
	const char *rule; /* NULL: no report at all */
	const char *says; /* a part of the report's text, NULL any */
	void (*course)(const struct scenario *s);
	uint64_t op[MAX_OPS];
};

static struct cpu *const cpu0 = &cpus[0], *const cpu1 = &cpus[1];

/* What stands in the gap, with r0 an address. */
static void
gap(const struct scenario *s, struct cpu *c, uint64_t r0)
{
	rig_run(c, (uint32_t)r0, s->op, MAX_OPS);
}

/* ---- 1: what is written through a cache and read past it ---- */
static void
read_uncached(const struct scenario *s)
{
	rig_at(CAUSE);
	rig_store(cpu0, DATA, 1, 4);
	gap(s, cpu0, DATA);
	rig_enter(cpu1, MODE_HYP);
	rig_at(CAUGHT);
	rig_load(cpu1, DATA, 4);
}

static void
read_uncached_here(const struct scenario *s)
{
	rig_at(CAUSE);
	rig_store(cpu0, DATA, 1, 4);
	gap(s, cpu0, DATA);
	rig_enter(cpu0, MODE_HYP);
	rig_at(CAUGHT);
	rig_load(cpu0, DATA, 4);
}

static void
read_beside(const struct scenario *s)
{
	rig_store(cpu0, DATA, 1, 4);
	gap(s, cpu0, DATA);
	rig_enter(cpu1, MODE_HYP);
	rig_load(cpu1, DATA + 4, 4);
	rig_load(cpu1, DATA + LINE_BYTES, 4);
}

/* The one store ends in the next line: that one is cleaned, this one is not. */
static void
read_across(const struct scenario *s)
{
	rig_at(CAUSE);
	rig_store(cpu0, DATA + LINE_BYTES - 4, 1, 8);
	gap(s, cpu0, DATA);
	rig_enter(cpu1, MODE_HYP);
	rig_at(CAUGHT);
	rig_load(cpu1, DATA + LINE_BYTES - 4, 8);
}

static void
written_again(const struct scenario *s)
{
	rig_store(cpu0, DATA, 1, 4);
	gap(s, cpu0, DATA);
	rig_at(CAUSE);
	rig_store(cpu0, DATA, 2, 4);
	rig_enter(cpu1, MODE_HYP);
	rig_at(CAUGHT);
	rig_load(cpu1, DATA, 4);
}

static void
fetch_uncached(const struct scenario *s)
{
	rig_at(CAUSE);
	rig_store(cpu0, CODE + 16, ISB, 4);
	gap(s, cpu0, CODE);
	rig_enter(cpu1, MODE_HYP);
	access_block(cpu1, CODE + 20, 44, 0); /* the same line, not what was written */
	rig_at(CAUGHT);
	access_block(cpu1, CODE, 32, CAUGHT);
}

static void
overwrite(const struct scenario *s)
{
	rig_at(CAUSE);
	rig_store(cpu0, DATA, 1, 4);
	gap(s, cpu0, DATA);
	rig_enter(cpu1, MODE_HYP);
	rig_at(CAUGHT);
	rig_store(cpu1, DATA + 8, 2, 4);
}

static void
maintain(const struct scenario *s)
{
	rig_at(CAUSE);
	rig_store(cpu0, DATA, 1, 4);
	gap(s, cpu0, DATA);
}

static void
read_stale(const struct scenario *s)
{
	rig_enter(cpu0, MODE_HYP);
	rig_at(CAUSE);
	rig_store(cpu0, DATA, 1, 4);
	gap(s, cpu0, DATA);
	rig_enter(cpu0, MODE_PL1);
	rig_load(cpu0, DATA + 4, 4);
	rig_at(CAUGHT);
	rig_load(cpu0, DATA, 4);
}

/* A kernel boots: what it wrote with caches off nobody can have read ahead. */
static void
boot(const struct scenario *s)
{
	rig_write(cpu0, SCTLR, 0x00c50878);
	rig_store(cpu0, DATA, 1, 4);
	gap(s, cpu0, DATA);
	rig_write(cpu0, SCTLR, 0x00c5387d);
	rig_insn(cpu0, ISB);
	rig_load(cpu0, DATA, 4);
}

/* ---- 2: code ---- */
static void
code(const struct scenario *s)
{
	rig_at(CAUSE);
	rig_store(cpu0, CODE + 16, ISB, 4);
	gap(s, cpu0, CODE);
	rig_exec(cpu0, CODE + 20, 44);
	rig_at(CAUGHT);
	rig_exec(cpu0, CODE, 32);
}

/* A store beside new code, in its line, is nothing to the code. */
static void
code_beside(const struct scenario *s)
{
	rig_store(cpu0, CODE, ISB, 4);
	gap(s, cpu0, CODE);
	rig_store(cpu0, CODE + 32, 1, 4);
	rig_exec(cpu0, CODE, 32);
}

static void
code_elsewhere(const struct scenario *s)
{
	rig_at(CAUSE);
	rig_store(cpu0, CODE, ISB, 4);
	gap(s, cpu0, CODE);
	rig_at(CAUGHT);
	rig_exec(cpu1, CODE, 32);
}

static void
code_written_uncached(const struct scenario *s)
{
	rig_write(cpu0, SCTLR, 0x00c50878);
	rig_at(CAUSE);
	rig_store(cpu0, CODE, ISB, 4);
	gap(s, cpu0, CODE);
	rig_at(CAUGHT);
	rig_exec(cpu0, CODE, 32);
}

/* ---- HYP mode ---- */

/*
 * The DSB that TLBIs and writes of VTTBR want first; only for them, since a real one would make
 * good what the courses leave out.
 */
static void
hyp_enter(struct cpu *c)
{
	rig_enter(c, MODE_HYP);
	c->hyp_dsb = true;
}

static void
hyp_call(struct cpu *c)
{
	rig_insn(c, HVC);
	c->hyp_dsb = true;
}

/* Turns its MMU on, and back to the host. */
static void
hyp_up(struct cpu *c)
{
	hyp_enter(c);
	rig_insn(c, TLBIALLH);
	rig_insn(c, TLBIALLNSNH);
	rig_insn(c, DSB_SY);
	rig_write(c, HSCTLR, 0x30c51835);
	rig_insn(c, ISB);
	rig_insn(c, ERET);
}

static void
in_hyp(const struct scenario *s)
{
	hyp_up(cpu0);
	hyp_enter(cpu0);
	rig_at(CAUSE);
	gap(s, cpu0, DATA);
}

static void
in_hyp_mmu_off(const struct scenario *s)
{
	hyp_enter(cpu0);
	rig_insn(cpu0, TLBIALLH);
	rig_insn(cpu0, DSB_NSH);
	rig_at(CAUSE);
	gap(s, cpu0, DATA);
}

static void
in_host(const struct scenario *s)
{
	rig_at(CAUSE);
	gap(s, cpu0, DATA);
}

/* From the host, into HYP mode by op[] itself. */
static void
by_hvc(const struct scenario *s)
{
	hyp_up(cpu0);
	hyp_up(cpu1);
	gap(s, cpu0, DATA);
}

static void
by_hvc_no_distributor(const struct scenario *s)
{
	distributor = 0;
	by_hvc(s);
}

static void
vttbr_as_it_was(const struct scenario *s)
{
	hyp_up(cpu0);
	gap(s, cpu0, 0);
	rig_write(cpu0, VTTBR, rig_regs[0][REG_VTTBR]);
}

/*
 * The host reads CNTPCT, by op[0]; op[1] to op[3] stand in memory before it, where the last ISB
 * that ran is not.
 */
static void
count_read(const struct scenario *s)
{
	uint64_t pa = CODE + (CAUGHT & 0xfffff);
	unsigned int i;

	rig_poke(PL1_ROOT + (CAUGHT >> 20) * 4, CODE | 0x11c0e, 4);
	for (i = 0; i < 3; i++)
		rig_poke(pa - 12 + 4 * i, s->op[1 + i], 4);
	rig_insn(cpu0, ISB);
	rig_at(CAUGHT);
	rig_insn(cpu0, s->op[0]);
}

static void
hyp_mmu_on(const struct scenario *s)
{
	hyp_enter(cpu0);
	gap(s, cpu0, DATA);
	rig_at(CAUGHT);
	rig_write(cpu0, HSCTLR, 0x30c51835);
}

/* The MMU was on and off before: entries of that time are no better. */
static void
hyp_mmu_on_again(const struct scenario *s)
{
	hyp_up(cpu0);
	hyp_enter(cpu0);
	rig_insn(cpu0, TLBIALLH);
	rig_insn(cpu0, DSB_NSH);
	rig_write(cpu0, HSCTLR, 0x30c51834);
	gap(s, cpu0, DATA);
	rig_at(CAUGHT);
	rig_write(cpu0, HSCTLR, 0x30c51835);
}

static void
hyp_mmu_off(const struct scenario *s)
{
	hyp_up(cpu0);
	rig_enter(cpu0, MODE_HYP);
	rig_at(CAUSE);
	rig_write(cpu0, HSCTLR, 0x30c51834);
	gap(s, cpu0, DATA);
	rig_at(CAUGHT);
	rig_insn(cpu0, ERET);
}

/* The host writes tables for HYP mode, HTCR says whether the walks go past the caches. */
static void
walk(const struct scenario *s, uint32_t htcr)
{
	rig_enter(cpu0, MODE_HYP);
	rig_write(cpu0, HTCR, htcr);
	rig_insn(cpu0, TLBIALLH);
	rig_insn(cpu0, DSB_NSH);
	rig_enter(cpu0, MODE_PL1);
	rig_at(CAUSE);
	rig_store(cpu0, L3(HYP_ROOT) + 8, HYP_LEAF(PAGE(5)), 8);
	gap(s, cpu0, L3(HYP_ROOT) + 8);
	rig_enter(cpu0, MODE_HYP);
	rig_at(CAUGHT);
	rig_write(cpu0, HSCTLR, 0x30c51835);
}

static void
walk_uncached(const struct scenario *s)
{
	walk(s, 0x80800000);
}

static void
walk_cached(const struct scenario *s)
{
	walk(s, 0x80803500);
}

/* ---- guests ---- */
static void
guest_enter(struct cpu *c, uint64_t vm, unsigned int vmid)
{
	hyp_call(c);
	rig_write(c, VTTBR, vm | (uint64_t)vmid << 48);
	rig_write(c, HCR, 1);
}

static void
guest_exit(struct cpu *c)
{
	hyp_enter(c);
	rig_insn(c, BPIALL);
	rig_write(c, HCR, 0);
	rig_insn(c, ISB);
}

/* The VM runs a little; its last entry has this address. */
static void
ran(struct cpu *c, uint64_t vm, unsigned int vmid, uint32_t pc)
{
	guest_enter(c, vm, vmid);
	rig_at(pc);
	rig_insn(c, ERET);
	guest_exit(c);
	rig_insn(c, ERET);
}

static void
vm_up(unsigned int ncpus)
{
	unsigned int i;

	for (i = 0; i < ncpus; i++) {
		hyp_up(&cpus[i]);
		ran(&cpus[i], VM_A, 1, 0);
	}
}

/* After it: in HYP mode with the VMID of VM A. */
static void
call_for_flush(struct cpu *c, unsigned int vmid)
{
	hyp_call(c);
	rig_write(c, VTTBR, VM_A | (uint64_t)vmid << 48);
	rig_insn(c, ISB);
}

static void
unmap_on(const struct scenario *s, unsigned int ncpus, unsigned int vmid)
{
	vm_up(ncpus);
	rig_at(CAUSE);
	rig_store(cpu0, L3(VM_A) + 8, 0, 8);
	call_for_flush(cpu0, vmid);
	if (ncpus > 1)
		call_for_flush(cpu1, vmid);
	gap(s, cpu0, 0);
	rig_at(CAUGHT);
	rig_insn(cpu0, ERET);
}

static void
unmap(const struct scenario *s)
{
	unmap_on(s, 1, 1);
}

static void
unmap_smp(const struct scenario *s)
{
	unmap_on(s, 2, 1);
}

/* By HYP mode itself. */
static void
unmap_in_hyp(const struct scenario *s)
{
	vm_up(1);
	call_for_flush(cpu0, 1);
	rig_at(CAUSE);
	rig_store(cpu0, L3(VM_A) + 8, 0, 8);
	gap(s, cpu0, 0);
	rig_at(CAUGHT);
	rig_insn(cpu0, ERET);
}

/* An ERET, after which HYP mode goes on at an address. */
static void
eret_to(struct cpu *c, uint32_t at, uint32_t pc)
{
	struct insn_bits bits = { .code = (uint32_t)ERET, .mode = MODE_HYP };
	struct insn i = { .pc = at };

	assert_true(insn_decode(&bits, &i));
	insn_exec(c, &i);
	cpu_returned(c, MODE_HYP, pc);
	cpu_enter(c, MODE_HYP);
}

/* The ERET ends an exception that was taken in HYP mode: it goes on where it was. */
static void
unmap_interrupted(const struct scenario *s)
{
	vm_up(1);
	call_for_flush(cpu0, 1);
	rig_regs[0][REG_HVBAR] = HVBAR;
	rig_at(CAUSE);
	rig_store(cpu0, L3(VM_A) + 8, 0, 8);
	eret_to(cpu0, 0x1234, HVBAR + 32);
	gap(s, cpu0, 0);
	rig_at(CAUGHT);
	rig_insn(cpu0, ERET);
}

/* Out of HYP mode, but something is taken to HYP mode at once. */
static void
unmap_and_back(const struct scenario *s)
{
	vm_up(1);
	call_for_flush(cpu0, 1);
	rig_regs[0][REG_HVBAR] = HVBAR;
	rig_at(CAUSE);
	rig_store(cpu0, L3(VM_A) + 8, 0, 8);
	gap(s, cpu0, 0);
	eret_to(cpu0, CAUGHT, HVBAR + 0x14);
}

static void
unmap_wrong_vmid(const struct scenario *s)
{
	unmap_on(s, 1, 2);
}

static void
unmap_hyp(const struct scenario *s)
{
	hyp_up(cpu0);
	hyp_up(cpu1);
	rig_at(CAUSE);
	rig_store(cpu0, L3(HYP_ROOT) + 8, 0, 8);
	rig_insn(cpu0, HVC);
	gap(s, cpu0, PAGE(1));
	rig_at(CAUGHT);
	rig_insn(cpu0, ERET);
}

/* A block of 2 MiB: any address in it will do. */
static void
unmap_hyp_block(const struct scenario *s)
{
	hyp_up(cpu0);
	rig_at(CAUSE);
	rig_store(cpu0, L2(HYP_ROOT) + 8, 0, 8);
	rig_insn(cpu0, HVC);
	gap(s, cpu0, RIG_BASE + 0x2ff000);
	rig_at(CAUGHT);
	rig_insn(cpu0, ERET);
}

static void
remap(const struct scenario *s)
{
	vm_up(1);
	rig_at(CAUSE);
	rig_store(cpu0, L3(VM_A) + 8, 0, 8);
	call_for_flush(cpu0, 1);
	gap(s, cpu0, 0);
	rig_at(CAUGHT);
	rig_store(cpu0, L3(VM_A) + 8, S2_LEAF(PAGE(5)), 8);
	rig_insn(cpu0, DSB_ISH);
	rig_insn(cpu0, ERET);
}

/* The entry for PAGE(1) is replaced by op[0]; then the rest of op[]. */
static void
replace_then(const struct scenario *s, uint32_t store_pc, uint32_t eret_pc)
{
	vm_up(1);
	rig_at(store_pc);
	rig_store(cpu0, L3(VM_A) + 8, s->op[0], 8);
	call_for_flush(cpu0, 1);
	rig_run(cpu0, 0, s->op + 1, MAX_OPS - 1);
	rig_at(eret_pc);
	rig_insn(cpu0, ERET);
}

static void
replace(const struct scenario *s)
{
	replace_then(s, CAUGHT, 0);
}

static void
replace_device(const struct scenario *s)
{
	rig_poke(L3(VM_A) + 8, 0x080407c7, 8);
	replace_then(
	    &(struct scenario){ .op = { s->op[0], DSB_ISH, TLBIALLIS, DSB_ISH } }, CAUGHT, 0);
}

static void
relax(const struct scenario *s)
{
	replace_then(s, CAUSE, CAUGHT);
}

static void
torn_unmap(const struct scenario *s)
{
	(void)s;
	vm_up(1);
	rig_at(CAUGHT);
	rig_store(cpu0, L3(VM_A) + 8, 0, 4);
}

static void
torn_map(const struct scenario *s)
{
	(void)s;
	vm_up(1);
	rig_store(cpu0, L3(VM_A) + 8 * 20 + 4, 0x400000, 4);
	rig_at(CAUGHT);
	rig_store(cpu0, L3(VM_A) + 8 * 20, S2_LEAF(PAGE(5)), 4);
}

/* Half of an entry that was, and stays, invalid. */
static void
torn_invalid(const struct scenario *s)
{
	(void)s;
	vm_up(1);
	rig_store(cpu0, L3(VM_A) + 8 * 20, 0x100, 4);
	rig_store(cpu0, L3(VM_A) + 8 * 20 + 4, 0x100, 4);
}

static void
map_on(const struct scenario *s, unsigned int ncpus)
{
	vm_up(ncpus);
	rig_at(CAUSE);
	rig_store(cpu0, L3(VM_A) + 8 * 20, S2_LEAF(PAGE(5)), 8);
	gap(s, cpu0, 0);
	rig_insn(cpu0, HVC);
	rig_at(CAUGHT);
	rig_insn(cpu0, ERET);
}

static void
map(const struct scenario *s)
{
	map_on(s, 1);
}

static void
map_smp(const struct scenario *s)
{
	map_on(s, 2);
}

/* A page that was written is mapped for HYP mode, which c enters then. */
static void
map_hyp_for(const struct scenario *s, struct cpu *c)
{
	rig_store(cpu0, PAGE(5), 1, 4);
	rig_at(CAUSE);
	rig_store(cpu0, L3(HYP_ROOT) + 8 * 20, HYP_LEAF(PAGE(5)), 8);
	gap(s, cpu0, 0);
	rig_insn(c, HVC);
	rig_at(CAUGHT);
}

static void
map_hyp(const struct scenario *s)
{
	hyp_up(cpu0);
	map_hyp_for(s, cpu0);
	rig_load(cpu0, PAGE(20), 4);
}

static void
map_hyp_beside(const struct scenario *s)
{
	hyp_up(cpu0);
	map_hyp_for(s, cpu0);
	rig_load(cpu0, PAGE(19) + 0xffc, 4);
	rig_store(cpu0, PAGE(21), 1, 4);
}

static void
map_hyp_unused(const struct scenario *s)
{
	hyp_up(cpu0);
	map_hyp_for(s, cpu0);
	rig_insn(cpu0, ERET);
}

static void
map_hyp_elsewhere(const struct scenario *s)
{
	hyp_up(cpu0);
	hyp_up(cpu1);
	map_hyp_for(s, cpu1);
	rig_load(cpu1, PAGE(20) + 0x80, 4);
}

/* Not translated there. */
static void
map_hyp_mmu_off(const struct scenario *s)
{
	hyp_up(cpu0);
	map_hyp_for(s, cpu1);
	rig_load(cpu1, PAGE(20), 4);
}

/* A table for 2 MiB, which a device is in. */
static void
link_hyp_table(const struct scenario *s)
{
	struct access a = { .va = RIG_BASE + (20 << 21) + 0x1ff000, .pa = GICD, .pc = CAUGHT };

	hyp_up(cpu0);
	rig_at(CAUSE);
	rig_store(cpu0, L2(HYP_ROOT) + 8 * 20, TABLE(NEW(HYP_ROOT)), 8);
	gap(s, cpu0, 0);
	rig_insn(cpu0, HVC);
	access_device(cpu0, &a);
}

/* Stage 2 maps a page that the host has written. */
static void
map_written(const struct scenario *s, uint64_t attributes)
{
	vm_up(1);
	rig_at(CAUSE);
	rig_store(cpu0, PAGE(5) + 0x80, 1, 4);
	gap(s, cpu0, PAGE(5) + 0x80);
	rig_at(CAUGHT);
	rig_store(cpu0, L3(VM_A) + 8 * 20, S2_LEAF(PAGE(5)) | attributes, 8);
}

static void
map_code(const struct scenario *s)
{
	map_written(s, 0);
}

static void
map_data(const struct scenario *s)
{
	map_written(s, 1ull << 54); /* XN */
}

/* In front of the line that is op[]'s is another one, clean but not to the I-caches. */
static void
map_two_lines(const struct scenario *s)
{
	vm_up(1);
	rig_store(cpu0, PAGE(5), 1, 4);
	rig_insn(cpu0, DSB_SY);
	rig_run(cpu0, (uint32_t)PAGE(5), (const uint64_t[]){ DCCMVAC, DSB_SY }, 2);
	rig_at(CAUSE);
	rig_store(cpu0, PAGE(5) + 0x80, 1, 4);
	gap(s, cpu0, PAGE(5) + 0x80);
	rig_at(CAUGHT);
	rig_store(cpu0, L3(VM_A) + 8 * 20, S2_LEAF(PAGE(5)), 8);
}

/* The last line of 2 MiB; and the one behind, which is not in the block. */
static void
map_block(const struct scenario *s)
{
	vm_up(1);
	rig_store(cpu0, DATA + 0x200000, 1, 4);
	rig_at(CAUSE);
	rig_store(cpu0, DATA + 0x1ffffc, 1, 4);
	gap(s, cpu0, DATA + 0x1ffffc);
	rig_at(CAUGHT);
	rig_store(cpu0, L2(VM_A) + 8 * 20, S2_LEAF(DATA) & ~2ull, 8);
}

static void
map_again(const struct scenario *s)
{
	vm_up(1);
	guest_enter(cpu0, VM_A, 1);
	rig_insn(cpu0, ERET);
	rig_store(cpu0, PAGE(5), 1, 4);
	guest_exit(cpu0);
	gap(s, cpu0, 0);
	rig_insn(cpu0, ERET);
	rig_store(cpu0, L3(VM_A) + 8 * 20, S2_LEAF(PAGE(5)), 8);
}

/* A VM's tables are written, then it is entered for the first time. */
static void
first_run(const struct scenario *s)
{
	hyp_up(cpu0);
	rig_at(CAUSE);
	rig_store(cpu0, L3(VM_A) + 8, S2_LEAF(PAGE(5)), 8);
	gap(s, cpu0, 0);
	guest_enter(cpu0, VM_A, 1);
	rig_at(CAUGHT);
	rig_insn(cpu0, ERET);
}

static void
link_table(const struct scenario *s)
{
	vm_up(1);
	rig_at(CAUSE);
	rig_store(cpu0, NEW(VM_A) + 8, S2_LEAF(PAGE(5)), 8);
	gap(s, cpu0, 0);
	rig_at(CAUGHT);
	rig_store(cpu0, L2(VM_A) + 8 * 20, TABLE(NEW(VM_A)), 8);
}

/* The last table is unlinked, and its memory used for something else. */
static void
free_table(const struct scenario *s)
{
	unsigned int i = (unsigned int)((PAGE(0) - RIG_BASE) >> 21);

	vm_up(1);
	rig_store(cpu0, L2(VM_A) + 8 * i, 0, 8);
	call_for_flush(cpu0, 1);
	gap(s, cpu0, 0);
	rig_at(CAUGHT);
	rig_store(cpu0, L3(VM_A) + 8, 0x12340, 8);
}

/* The whole tree: tables that hang on the one that goes die with it. */
static void
free_tree(const struct scenario *s)
{
	vm_up(1);
	rig_store(cpu0, VM_A + 8, 0, 8);
	call_for_flush(cpu0, 1);
	gap(s, cpu0, 0);
	rig_at(CAUGHT);
	rig_store(cpu0, L3(VM_A) + 8, 0x12340, 8);
}

/* A task changes an entry and never comes back; another one works on, with op[0] DSBs. */
static void
forget(const struct scenario *s)
{
	uint64_t i;

	vm_up(1);
	rig_at(CAUSE);
	rig_store(cpu0, L3(VM_A) + 8, 0, 8);
	rig_regs[0][REG_SP] += 0x10000;
	for (i = 0; i < s->op[0]; i++)
		rig_insn(cpu0, DSB_ISH);
	rig_insn(cpu0, HVC);
	rig_at(CAUGHT);
	rig_insn(cpu0, ERET);
}

/* ---- 3: the module's own, and the host's barriers ---- */

/* The module maps a page on c1, works on c2, and calls HYP mode from there. */
static void
module_map_on(const struct scenario *s, struct cpu *c1, struct cpu *c2)
{
	rig_module();
	vm_up(2);
	rig_regs[c2->id][REG_SP] = rig_regs[c1->id][REG_SP];
	rig_at(CAUSE);
	rig_store(c1, L3(VM_A) + 8 * 20, S2_LEAF(PAGE(5)), 8);
	gap(s, c2, 0);
	rig_at(CAUGHT);
	rig_insn(c2, HVC);
	rig_insn(c2, DSB_SY);
	rig_insn(c2, ERET);
}

static void
module_map(const struct scenario *s)
{
	module_map_on(s, cpu0, cpu0);
}

static void
module_map_and_move(const struct scenario *s)
{
	module_map_on(s, cpu0, cpu1);
}

/* What calls is not the module, or another task of it, or no module is asked for. */
static void
map_and_host_calls(const struct scenario *s)
{
	rig_module();
	map_smp(s);
}

static void
map_and_other_task_calls(const struct scenario *s)
{
	rig_module();
	vm_up(2);
	rig_store(cpu0, L3(VM_A) + 8 * 20, S2_LEAF(PAGE(5)), 8);
	gap(s, cpu0, 0);
	rig_regs[0][REG_SP] += 0x10000;
	rig_own(true);
	rig_insn(cpu0, HVC);
	rig_insn(cpu0, ERET);
}

/* Another task flushes, between the store and the flush for it. */
static void
module_unmap_and_other_task(const struct scenario *s)
{
	rig_module();
	vm_up(2);
	rig_at(CAUSE);
	rig_store(cpu0, L3(VM_A) + 8, 0, 8);
	rig_regs[0][REG_SP] += 0x10000;
	rig_own(true);
	call_for_flush(cpu0, 1);
	rig_insn(cpu0, DSB_ISH);
	rig_insn(cpu0, TLBIALLIS);
	rig_insn(cpu0, DSB_ISH);
	rig_insn(cpu0, ERET);
	rig_regs[0][REG_SP] -= 0x10000;
	rig_own(true);
	call_for_flush(cpu0, 1);
	gap(s, cpu0, 0);
	rig_at(CAUGHT);
	rig_insn(cpu0, ERET);
}

/* The task sleeps on the way to its DSB, while another one works on. */
static void
module_map_and_sleep(const struct scenario *s)
{
	unsigned int i;

	rig_module();
	vm_up(2);
	rig_at(CAUSE);
	rig_store(cpu0, L3(VM_A) + 8 * 20, S2_LEAF(PAGE(5)), 8);
	rig_regs[0][REG_SP] += 0x10000;
	rig_own(true);
	for (i = 0; i < 2001; i++)
		rig_insn(cpu0, DSB_SY);
	rig_insn(cpu0, HVC);
	rig_insn(cpu0, DSB_SY);
	rig_insn(cpu0, ERET);
	rig_regs[0][REG_SP] -= 0x10000;
	gap(s, cpu0, 0);
	rig_at(CAUGHT);
	rig_insn(cpu0, HVC);
}

static void
map_and_call(const struct scenario *s)
{
	vm_up(2);
	rig_own(true);
	rig_store(cpu0, L3(VM_A) + 8 * 20, S2_LEAF(PAGE(5)), 8);
	rig_insn(cpu0, HVC);
	gap(s, cpu0, 0);
	rig_insn(cpu0, ERET);
}

/* What a function of the host, memcpy() say, stored. */
static void
host_maps(const struct scenario *s)
{
	rig_module();
	vm_up(2);
	rig_store(cpu0, L3(VM_A) + 8 * 20, S2_LEAF(PAGE(5)), 8);
	gap(s, cpu0, 0);
	rig_at(CAUGHT);
	rig_insn(cpu0, HVC);
	rig_insn(cpu0, ERET);
}

static void
module_unmap(const struct scenario *s)
{
	rig_module();
	vm_up(2);
	rig_at(CAUSE);
	rig_store(cpu0, L3(VM_A) + 8, 0, 8);
	rig_insn(cpu0, DSB_SY); /* the host's */
	rig_own(true);
	call_for_flush(cpu0, 1);
	gap(s, cpu0, 0);
	rig_insn(cpu0, ERET);
}

/* HYP mode uses the entry at once: that is not one more report. */
static void
module_map_hyp(const struct scenario *s)
{
	rig_module();
	hyp_up(cpu0);
	rig_at(CAUSE);
	rig_store(cpu0, L3(HYP_ROOT) + 8 * 20, HYP_LEAF(PAGE(5)), 8);
	gap(s, cpu0, 0);
	rig_at(CAUGHT);
	rig_insn(cpu0, HVC);
	rig_load(cpu0, PAGE(20), 4);
	rig_insn(cpu0, ERET);
}

static void
module_map_hyp_elsewhere(const struct scenario *s)
{
	rig_module();
	map_hyp_elsewhere(s);
}

static void
module_link_table(const struct scenario *s)
{
	rig_module();
	link_table(s);
}

/* By the CPU that the task has moved to. */
static void
module_link_elsewhere(const struct scenario *s)
{
	rig_module();
	vm_up(1);
	rig_at(CAUSE);
	rig_store(cpu0, NEW(VM_A) + 8, S2_LEAF(PAGE(5)), 8);
	gap(s, cpu1, 0);
	rig_at(CAUGHT);
	rig_store(cpu1, L2(VM_A) + 8 * 20, TABLE(NEW(VM_A)), 8);
}

/* The host's allocator has zeroed it. */
static void
module_link_zeroed(const struct scenario *s)
{
	rig_module();
	vm_up(1);
	rig_store(cpu0, NEW(VM_A) + 8, 0, 8);
	gap(s, cpu0, 0);
	rig_at(CAUGHT);
	rig_store(cpu0, L2(VM_A) + 8 * 20, TABLE(NEW(VM_A)), 8);
}

static void
module_first_run(const struct scenario *s)
{
	rig_module();
	first_run(s);
}

/* Another CPU wrote the tables; op[] is in HYP mode. */
static void
module_first_run_elsewhere(const struct scenario *s)
{
	rig_module();
	hyp_up(cpu0);
	rig_own(true);
	rig_store(cpu1, L3(VM_A) + 8, S2_LEAF(PAGE(5)), 8);
	guest_enter(cpu0, VM_A, 1);
	gap(s, cpu0, 0);
	rig_insn(cpu0, ERET);
}

static void
module_first_run_barrier_in_hyp(const struct scenario *s)
{
	rig_module();
	hyp_up(cpu0);
	rig_at(CAUSE);
	rig_store(cpu0, L3(VM_A) + 8, S2_LEAF(PAGE(5)), 8);
	guest_enter(cpu0, VM_A, 1);
	gap(s, cpu0, 0);
	rig_at(CAUGHT);
	rig_insn(cpu0, ERET);
}

static void
module_map_code(const struct scenario *s)
{
	rig_module();
	map_code(s);
}

static void
module_map_data(const struct scenario *s)
{
	rig_module();
	map_data(s);
}

static void
module_code(const struct scenario *s)
{
	rig_module();
	code(s);
}

/* ---- 4: VMIDs ---- */
static void
reuse_on(const struct scenario *s, unsigned int ncpus)
{
	vm_up(ncpus);
	ran(cpu0, VM_A, 1, CAUSE);
	hyp_call(cpu0);
	rig_insn(cpu0, ICIALLUIS);
	rig_insn(cpu0, DSB_SY);
	gap(s, cpu0, 0);
	rig_write(cpu0, VTTBR, VM_B | 1ull << 48);
	rig_write(cpu0, HCR, 1);
	rig_at(CAUGHT);
	rig_insn(cpu0, ERET);
}

static void
vmid_reuse(const struct scenario *s)
{
	reuse_on(s, 1);
}

static void
vmid_reuse_smp(const struct scenario *s)
{
	reuse_on(s, 2);
}

/* The VMID is VM B's; the TLBs have forgotten VM A. */
static void
give_vmid(const struct scenario *s)
{
	hyp_call(cpu0);
	rig_insn(cpu0, TLBIALLNSNHIS);
	rig_insn(cpu0, DSB_ISH);
	gap(s, cpu0, 0);
	rig_insn(cpu0, ERET);
}

static void
vmid_icache(const struct scenario *s)
{
	vm_up(2);
	ran(cpu0, VM_A, 1, CAUSE);
	give_vmid(s);
	ran(cpu0, VM_B, 1, CAUGHT);
}

/* VM A was never on the CPU that VM B is on; then VM B comes to where it was. */
static void
vmid_icache_elsewhere(const struct scenario *s)
{
	hyp_up(cpu0);
	hyp_up(cpu1);
	ran(cpu0, VM_A, 1, CAUSE);
	give_vmid(s);
	ran(cpu1, VM_B, 1, 0);
	if (s->rule != NULL)
		ran(cpu0, VM_B, 1, CAUGHT);
}

/* Invalidated while VM A runs, which may bring it all back. */
static void
vmid_icache_running(const struct scenario *s)
{
	vm_up(2);
	guest_enter(cpu0, VM_A, 1);
	rig_at(CAUSE);
	rig_insn(cpu0, ERET);
	gap(s, cpu1, 0);
	guest_exit(cpu0);
	rig_insn(cpu0, ERET);
	give_vmid(&(struct scenario){ .op = { 0 } });
	ran(cpu0, VM_B, 1, CAUGHT);
}

/* Out of the guest; op[] is in HYP mode. */
static void
out_of_guest(const struct scenario *s)
{
	hyp_up(cpu0);
	hyp_up(cpu1);
	guest_enter(cpu0, VM_A, 1);
	rig_at(CAUSE);
	rig_insn(cpu0, ERET);
	hyp_enter(cpu0);
	gap(s, cpu0, 0);
	rig_write(cpu0, HCR, 0);
	rig_at(CAUGHT);
	rig_insn(cpu0, ERET);
}

/* op[0]: the processor's MIDR. */
static void
out_of_guest_on(const struct scenario *s)
{
	rig_regs[0][REG_MIDR] = s->op[0];
	out_of_guest(&(struct scenario){ .op = { 0 } });
}

/* Back into it without the host, and then out. */
static void
out_of_guest_again(const struct scenario *s)
{
	hyp_up(cpu0);
	guest_enter(cpu0, VM_A, 1);
	rig_insn(cpu0, ERET);
	hyp_enter(cpu0);
	gap(s, cpu0, 0);
	rig_at(CAUSE);
	rig_insn(cpu0, ERET);
	hyp_enter(cpu0);
	rig_write(cpu0, HCR, 0);
	rig_at(CAUGHT);
	rig_insn(cpu0, ERET);
}

static void
vmid_own(const struct scenario *s)
{
	vm_up(1);
	gap(s, cpu0, 0);
	ran(cpu0, VM_B, 2, 0);
	ran(cpu0, VM_A, 1, 0);
	ran(cpu0, VM_B, 2, 0);
}

static void
first_guest(const struct scenario *s)
{
	hyp_call(cpu0);
	gap(s, cpu0, 0);
	rig_write(cpu0, HCR, 1);
	rig_at(CAUGHT);
	rig_insn(cpu0, ERET);
}

/* op[0]: the MPIDR of the vCPU that runs after vCPU 0. */
static void
next_vcpu(const struct scenario *s)
{
	vm_up(1);
	ran(cpu0, VM_A, 1, CAUSE);
	guest_enter(cpu0, VM_A, 1);
	rig_insn(cpu0, ISB);
	rig_regs[0][REG_VMPIDR] = s->op[0];
	rig_run(cpu0, 0, s->op + 1, MAX_OPS - 1);
	rig_at(CAUGHT);
	rig_insn(cpu0, ERET);
}

static void
next_vcpu_elsewhere(const struct scenario *s)
{
	vm_up(1);
	hyp_up(cpu1);
	rig_regs[1][REG_VMPIDR] = s->op[0];
	ran(cpu1, VM_A, 1, 0);
	ran(cpu0, VM_A, 1, 0);
}

/* ---- 6: attributes ---- */

/* op[0]: the new entry. */
static void
map_as(const struct scenario *s)
{
	vm_up(1);
	rig_at(CAUGHT);
	rig_store(cpu0, L3(VM_A) + 8 * 20, s->op[0], 8);
	rig_insn(cpu0, DSB_ISH);
}

static void
map_hyp_as(const struct scenario *s)
{
	hyp_up(cpu0);
	rig_at(CAUGHT);
	rig_store(cpu0, L3(HYP_ROOT) + 8 * 20, s->op[0], 8);
	rig_insn(cpu0, DSB_ISH);
}

/* op[0]: how the host maps the section that has DATA, which HYP mode maps; op[1]: if it does. */
static void
host_maps_as(const struct scenario *s)
{
	if (s->op[1] != 0)
		hyp_up(cpu0);
	rig_poke(PL1_ROOT + (DATA >> 20) * 4, DATA | s->op[0], 4);
	rig_at(CAUGHT);
	rig_load(cpu0, DATA, 4);
	rig_load(cpu0, DATA, 4);
}

/* clang-format off */
#define CASE(rule, course, ...) { #course " " #__VA_ARGS__, rule, NULL, course, { __VA_ARGS__ } }
#define SAYS(rule, says, course, ...) \
	{ #course " " #__VA_ARGS__, rule, says, course, { __VA_ARGS__ } }
#define NONE 0

static const struct scenario scenarios[] = {
	CASE("poc-read", read_uncached, NONE),
	CASE("poc-read", read_uncached, DCCMVAU, DSB_SY),
	CASE("poc-read", read_uncached, R0(DATA + 64), DCCMVAC, DSB_SY),
	CASE("poc-read", read_uncached, FLAGS(4), DCCMVAC_NE, DSB_SY),
	CASE(NULL, read_uncached, FLAGS(0), DCCMVAC_NE, DSB_SY),
	CASE("poc-dsb", read_uncached, DCCMVAC),
	CASE("poc-dsb", read_uncached, DCCMVAC, DMB_ISH),
	CASE("poc-dsb", read_uncached, DSB_SY, DCCMVAC, ISB),
	CASE("poc-dsb", read_uncached, DCCMVAC, DSB_NSH),
	CASE(NULL, read_uncached_here, DCCMVAC, DSB_NSH),
	CASE("poc-dsb", read_uncached_here, DCCMVAC),
	CASE(NULL, read_uncached, DCCMVAC, DSB_SY),
	CASE(NULL, read_uncached, DCCMVAC, DSB_ST),
	CASE(NULL, read_uncached, DCCMVAC, DSB_OSH),
	CASE(NULL, read_uncached, DCCMVAC, CP15DSB),
	CASE(NULL, read_uncached, DCCMVAC, T_DSB_SY),
	CASE(NULL, read_uncached, THUMB(DCCMVAC), T_DSB_ISH),
	CASE(NULL, read_uncached, DCCIMVAC, DSB_SY),
	CASE(NULL, read_uncached, DCCMVAC, DSB_NSH, DCCMVAC, DSB_SY),
	CASE("poc-dsb", read_uncached, DCCMVAC, ON_CPU(1), DSB_SY),
	CASE(NULL, read_uncached, ON_CPU(1), DCCMVAC, DSB_SY),
	CASE(NULL, read_uncached, DCCMVAC, ON_CPU(1), DCCMVAC, DSB_SY),
	CASE(NULL, read_uncached, DCCMVAC, ON_CPU(1), DCCMVAC, ON_CPU(0), DSB_SY),
	CASE(NULL, read_uncached, R0(0x42), DCCSW, R0(2), DCCSW, DSB_SY),
	CASE("poc-read", read_uncached, R0(0x40), DCCSW, R0(0), DCCSW, DSB_SY),
	CASE("poc-read", read_uncached, ON_CPU(1), R0(2), DCCISW, DSB_SY),
	CASE("poc-read", written_again, DCCMVAC, DSB_SY),
	CASE("poc-read", written_again, R0(2), DCCISW, DSB_SY),
	CASE(NULL, read_beside, NONE),
	CASE("poc-read", read_across, R0(DATA + 64), DCCMVAC, DSB_SY),
	CASE(NULL, read_across, DCCMVAC, R0(DATA + 64), DCCMVAC, DSB_SY),

	CASE("poc-fetch", fetch_uncached, NONE),
	CASE("poc-fetch", fetch_uncached, DCCMVAU, DSB_SY, ICIALLUIS, DSB_SY),
	CASE("poc-dsb", fetch_uncached, DCCMVAC),
	CASE(NULL, fetch_uncached, DCCMVAC, DSB_SY),

	CASE("poc-walk", walk_uncached, DSB_SY),
	CASE(NULL, walk_uncached, DCCMVAC, DSB_SY),
	CASE("entry-dsb", walk_cached, DMB_ISH),
	CASE(NULL, walk_cached, DSB_SY),

	CASE("poc-overwrite", overwrite, NONE),
	CASE("poc-overwrite", overwrite, DCCIMVAC),
	CASE(NULL, overwrite, DCCIMVAC, DSB_SY),

	CASE("poc-discard", maintain, HERE, DCIMVAC),
	CASE(NULL, maintain, DCCIMVAC),
	CASE(NULL, maintain, DCCMVAC, DSB_SY, DCIMVAC),

	SAYS("poc-stale", "never invalidated", read_stale, NONE),
	SAYS("poc-stale", "never invalidated", read_stale, DCCMVAC, DSB_SY),
	SAYS("poc-stale", "lacks its DSB", read_stale, DCIMVAC),
	CASE(NULL, read_stale, DCIMVAC, DSB_SY),
	CASE(NULL, read_stale, DCCIMVAC, DSB_SY),
	CASE(NULL, boot, NONE),

	CASE("pou-clean", code, NONE),
	CASE("pou-clean", code, ICIMVAU, DSB_ISH, ISB),
	CASE("pou-clean", code, ICIALLUIS, DSB_ISH, ISB),
	CASE("pou-dsb", code, DCCMVAU),
	CASE("pou-dsb", maintain, DCCMVAU, HERE, ICIMVAU),
	CASE(NULL, maintain, DCCMVAU, DSB_ISH, ICIMVAU),
	CASE("pou-invalidate", code, DCCMVAU, DSB_ISH),
	CASE("pou-invalidate", code, ICIALLUIS, DSB_ISH, DCCMVAU, DSB_ISH, ISB),
	CASE("pou-invalidate", code, DCCMVAU, ICIALLU, DSB_ISH, ISB),
	SAYS("pou-invalidate", "DSB is missing", code, DCCMVAU, DSB_ISH, ICIALLU),
	CASE("pou-complete", code, DCCMVAU, DSB_ISH, ICIMVAU, ISB),
	CASE("pou-isb", code, DCCMVAU, DSB_ISH, ICIMVAU, DSB_ISH),
	CASE("pou-isb", code, DCCMVAU, DSB_ISH, ICIMVAU, ISB, DSB_ISH),
	CASE("pou-isb", code, DCCMVAU, DSB_ISH, ICIALLU, DSB_ISH),
	CASE("pou-isb", code, DCCMVAU, DSB_ISH, ICIALLUIS, ISB, DSB_ISH),
	CASE(NULL, code, DCCMVAU, DSB_ISH, ICIMVAU, DSB_ISH, ISB),
	CASE(NULL, code, DCCMVAU, DSB_ISH, ICIALLU, DSB_ISH, ISB),
	CASE(NULL, code, DCCMVAC, DSB_ISH, ICIALLUIS, DSB_ISH, T_ISB),
	CASE(NULL, code, DCCMVAU, CP15DSB, ICIALLUIS, CP15DSB, CP15ISB),
	CASE(NULL, code, ON_CPU(1), DCCMVAU, DSB_ISH, ICIALLUIS, DSB_ISH, ON_CPU(0), ISB),
	CASE(NULL, code, DCCMVAU, ON_CPU(1), DCCMVAU, DSB_ISH, ICIALLUIS, DSB_ISH),
	CASE(NULL, code, R0(2), DCCISW, DSB_ISH, ICIALLU, DSB_ISH, ISB),
	CASE("pou-invalidate", code, R0(2), DCCISW, DSB_ISH, ISB),
	CASE(NULL, code_beside, DCCMVAU, DSB_ISH, ICIMVAU, DSB_ISH, ISB),
	CASE(NULL, code_beside, DCCMVAU, DSB_ISH, ICIALLUIS, DSB_ISH, ISB),
	CASE("pou-invalidate", code_elsewhere, DCCMVAU, DSB_ISH, ICIALLU, DSB_ISH, ISB),
	CASE("pou-invalidate", code_elsewhere, DCCMVAU, DSB_ISH, ICIALLUIS, DSB_NSH),
	CASE(NULL, code_elsewhere, DCCMVAU, DSB_ISH, ICIALLUIS, DSB_ISH),
	CASE(NULL, code_elsewhere, DCCMVAU, DSB_ISH, ICIMVAU, DSB_ISH),
	CASE(NULL, code_elsewhere, DCCMVAU, ICIALLUIS, ON_CPU(1), DCCMVAU, DSB_ISH, ICIALLU, DSB_ISH,
	    ISB, ON_CPU(0), DSB_ISH),
	CASE("pou-invalidate", code_written_uncached, NONE),
	CASE(NULL, code_written_uncached, ICIALLU, DSB_SY, ISB),

	CASE("hyp-tlb-stale", hyp_mmu_on, NONE),
	CASE("hyp-tlb-stale", hyp_mmu_on, TLBIALLH),
	CASE("hyp-tlb-stale", hyp_mmu_on, TLBIALLH, DSB_ISHST),
	CASE("hyp-tlb-stale", hyp_mmu_on, TLBIALLHIS, DSB_NSH),
	CASE("hyp-tlb-stale", hyp_mmu_on, TLBIMVAHIS, DSB_ISH),
	CASE("hyp-tlb-stale", hyp_mmu_on, TLBIALLNSNH, TLBIALL, DSB_NSH),
	CASE("hyp-tlb-stale", hyp_mmu_on, ON_CPU(1), TLBIALLH, DSB_SY),
	CASE(NULL, hyp_mmu_on, TLBIALLH, DSB_NSH),
	CASE(NULL, hyp_mmu_on, TLBIALLHIS, DSB_ISH),
	CASE("hyp-tlb-stale", hyp_mmu_on_again, ISB),
	CASE(NULL, hyp_mmu_on_again, ISB, TLBIALLH, DSB_NSH),
	CASE("hyp-tlb-left", hyp_mmu_off, NONE),
	CASE("tlbi-dsb", hyp_mmu_off, ISB, BEFORE, TLBIALLH),
	CASE(NULL, hyp_mmu_off, ISB, TLBIALLH, DSB_NSH),

	CASE("tlbi-missing", unmap, NONE),
	CASE("tlbi-missing", unmap, DSB_ISH),
	CASE("tlbi-missing", unmap, DSB_ISH, TLBIMVAIS, DSB_ISH),
	CASE("tlbi-early", unmap, HERE, TLBIALLIS, DSB_ISH),
	CASE("tlbi-early", unmap, DMB_ISH, HERE, TLBIALLIS, DSB_ISH),
	CASE("tlbi-dsb", unmap, DSB_ISH, TLBIALLIS),
	SAYS("tlbi-dsb", "strong enough", unmap, DSB_ISH, TLBIALLIS, DSB_ISHST),
	CASE(NULL, unmap, DSB_ISH, TLBIALLIS, DSB_ISH),
	CASE("tlbi-missing", unmap_in_hyp, DSB_ISH),
	CASE("tlbi-dsb", unmap_in_hyp, DSB_ISH, TLBIALLIS),
	CASE("tlbi-missing", unmap_interrupted, DSB_ISH),
	CASE(NULL, unmap_interrupted, DSB_ISH, TLBIALLIS, DSB_ISH),
	CASE("tlbi-missing", unmap_and_back, DSB_ISH),
	CASE(NULL, unmap_in_hyp, DSB_ISH, TLBIALLIS, DSB_ISH),
	CASE(NULL, unmap, DSB_ISHST, TLBIALLIS, DSB_ISH),
	CASE(NULL, unmap, DSB_ISH, TLBIALLNSNHIS, DSB_ISH),
	CASE(NULL, unmap, DSB_NSHST, TLBIALL, DSB_NSH),
	CASE(NULL, unmap, T_DSB_ISH, THUMB(TLBIALLIS), T_DSB_ISH),
	SAYS("tlbi-scope", "another level", unmap, DSB_ISH, TLBIALLHIS, DSB_ISH),
	SAYS("tlbi-scope", "another VMID", unmap_wrong_vmid, DSB_ISH, TLBIALLIS, DSB_ISH),
	CASE(NULL, unmap_wrong_vmid, DSB_ISH, TLBIALLNSNHIS, DSB_ISH),
	SAYS("tlbi-scope", "other CPUs", unmap_smp, DSB_ISH, TLBIALL, DSB_ISH),
	SAYS("tlbi-scope", "other CPUs", unmap_smp, DSB_ISH, TLBIALLNSNH, DSB_ISH),
	SAYS("tlbi-early", "wide enough", unmap_smp, DSB_NSH, HERE, TLBIALLIS, DSB_ISH),
	CASE("tlbi-dsb", unmap_smp, DSB_ISH, TLBIALLIS, DSB_NSH),
	CASE(NULL, unmap_smp, DSB_ISH, TLBIALLIS, DSB_ISH),
	CASE(NULL, unmap_smp, DSB_OSH, TLBIALLIS, DSB_OSH),
	CASE(NULL, unmap_smp, DSB_ISH, TLBIALL, DSB_NSH, ON_CPU(1), TLBIALL, DSB_NSH),
	CASE(NULL, unmap_smp, DSB_ISH, TLBIALLIS, ON_CPU(1), TLBIALLNSNHIS, ON_CPU(0), DSB_ISH),
	CASE(NULL, unmap_hyp, DSB_ISH, TLBIMVAHIS, DSB_ISH),
	CASE(NULL, unmap_hyp, DSB_ISH, TLBIALLHIS, DSB_ISH),
	SAYS("tlbi-scope", "another address", unmap_hyp, DSB_ISH, R0(PAGE(2)), TLBIMVAHIS, DSB_ISH),
	SAYS("tlbi-scope", "other CPUs", unmap_hyp, DSB_ISH, TLBIALLH, DSB_ISH),
	SAYS("tlbi-scope", "another level", unmap_hyp, DSB_ISH, TLBIALLNSNHIS, DSB_ISH),
	CASE(NULL, unmap_hyp_block, DSB_ISH, TLBIMVAHIS, DSB_ISH),
	CASE("tlbi-scope", unmap_hyp_block, DSB_ISH, R0(RIG_BASE), TLBIMVAHIS, DSB_ISH),

	SAYS("bbm-early", "no DSB yet", remap, NONE),
	SAYS("bbm-early", "no TLBI yet", remap, DSB_ISH),
	SAYS("bbm-early", "no DSB after the TLBI", remap, DSB_ISH, TLBIALLIS),
	CASE(NULL, remap, DSB_ISH, TLBIALLIS, DSB_ISH),
	CASE("bbm", replace, S2_LEAF(PAGE(5)), DSB_ISH, TLBIALLIS, DSB_ISH),
	CASE("bbm", replace_device, 0x080407d7), /* non-cacheable */
	CASE("bbm", replace_device, 0x080404c7), /* not shareable */
	CASE(NULL, relax, S2_LEAF(PAGE(1)) ^ 0x80, DSB_ISH, TLBIALLIS, DSB_ISH),
	CASE("tlbi-missing", relax, S2_LEAF(PAGE(1)) ^ 0x80, DSB_ISH),
	CASE(NULL, relax, S2_LEAF(PAGE(1)) | 1ull << 58),
	CASE(NULL, relax, S2_LEAF(PAGE(1))),
	CASE("torn", torn_unmap, NONE),
	CASE("torn", torn_map, NONE),
	CASE(NULL, torn_invalid, NONE),
	CASE("entry-dsb", map, NONE),
	CASE("entry-dsb", map, DMB_ISH),
	CASE(NULL, map, DSB_ISH),
	CASE(NULL, map, DSB_NSHST),
	CASE("entry-dsb", map_smp, DSB_NSH),
	CASE(NULL, map_smp, DSB_ISHST),
	CASE("entry-dsb", map_hyp, NONE),
	CASE("entry-dsb", map_hyp, DMB_ISH, ISB),
	CASE(NULL, map_hyp, DSB_ISH),
	CASE(NULL, map_hyp, DSB_NSHST),
	CASE(NULL, map_hyp_beside, NONE),
	CASE("entry-dsb", map_hyp_unused, NONE),
	CASE(NULL, map_hyp_unused, DSB_ISH),
	CASE("entry-dsb", map_hyp_elsewhere, NONE),
	CASE("entry-dsb", map_hyp_elsewhere, DSB_NSH),
	CASE("entry-dsb", map_hyp_elsewhere, ON_CPU(1), DSB_SY),
	CASE(NULL, map_hyp_elsewhere, DSB_ISH),
	CASE(NULL, map_hyp_mmu_off, NONE),
	CASE("entry-dsb", link_hyp_table, NONE),
	CASE(NULL, link_hyp_table, DSB_ISH),
	CASE("entry-dsb", first_run, NONE),
	CASE("entry-dsb", first_run, DMB_ISH),
	CASE(NULL, first_run, DSB_ISHST),
	CASE("link-dsb", link_table, NONE),
	CASE("link-dsb", link_table, ISB),
	CASE(NULL, link_table, DMB_ISH),
	CASE(NULL, link_table, CP15DMB),
	CASE(NULL, link_table, DSB_ISHST),
	CASE("table-freed", free_table, NONE),
	CASE("table-freed", free_table, DSB_ISH),
	CASE("table-freed", free_table, DSB_ISH, TLBIALLIS),
	CASE(NULL, free_table, DSB_ISH, TLBIALLIS, DSB_ISH),
	CASE("table-freed", free_tree, DSB_ISH),
	CASE(NULL, free_tree, DSB_ISH, TLBIALLNSNHIS, DSB_ISH),
	CASE("forgotten", forget, 2001),
	CASE(NULL, forget, 1990),

	SAYS("entry-dsb", "calls HYP mode", module_map, NONE),
	SAYS("entry-dsb", "calls HYP mode", module_map, DSB_SY), /* the host's */
	SAYS("entry-dsb", "calls HYP mode", module_map, OWN, DMB_ISH, ISB),
	SAYS("entry-dsb", "calls HYP mode", module_map, OWN, DSB_NSH),
	SAYS("entry-dsb", "calls HYP mode", module_map, ON_CPU(1), OWN, DSB_SY),
	CASE(NULL, module_map, OWN, DSB_ISHST),
	CASE(NULL, module_map, OWN, DSB_SY, HOSTS, DSB_SY),
	SAYS("entry-dsb", "calls HYP mode", module_map_and_move, DSB_SY),
	CASE(NULL, module_map_and_move, OWN, DSB_ISH),
	SAYS("entry-dsb", "goes on", map_and_host_calls, DSB_SY),
	CASE(NULL, map_and_host_calls, OWN, DSB_ISH),
	CASE(NULL, map_and_host_calls, HVC, DSB_ISH, ERET),
	CASE(NULL, map_and_other_task_calls, NONE),
	CASE(NULL, map_and_call, DSB_SY),
	SAYS("entry-dsb", "calls HYP mode", host_maps, NONE),
	CASE(NULL, host_maps, DSB_SY),
	CASE(NULL, host_maps, OWN, DSB_SY),
	CASE("tlbi-early", module_unmap, HERE, TLBIALLIS, DSB_ISH),
	CASE(NULL, module_unmap, DSB_ISH, TLBIALLIS, DSB_ISH),
	CASE(NULL, module_unmap_and_other_task, DSB_ISH, TLBIALLIS, DSB_ISH),
	CASE("tlbi-missing", module_unmap_and_other_task, DSB_ISH),
	SAYS("entry-dsb", "calls HYP mode", module_map_and_sleep, NONE),
	CASE(NULL, module_map_and_sleep, OWN, DSB_ISH),
	SAYS("entry-dsb", "calls HYP mode", module_map_hyp, DSB_SY),
	CASE(NULL, module_map_hyp, OWN, DSB_ISH),
	SAYS("entry-dsb", "used in HYP mode", module_map_hyp_elsewhere, DSB_SY),
	CASE(NULL, module_map_hyp_elsewhere, OWN, DSB_ISH),
	CASE("link-dsb", module_link_table, DMB_ISH),
	CASE("link-dsb", module_link_table, DSB_SY),
	CASE("link-dsb", module_link_table, OWN, ISB, HOSTS, DSB_SY),
	CASE(NULL, module_link_table, OWN, DMB_ISH),
	CASE(NULL, module_link_table, OWN, DSB_ISHST),
	CASE("link-dsb", module_link_elsewhere, DSB_SY),
	CASE(NULL, module_link_elsewhere, OWN, DMB_ISH),
	CASE(NULL, module_link_elsewhere, ON_CPU(0), OWN, DMB_ISH),
	CASE("link-dsb", module_link_zeroed, DSB_SY),
	CASE(NULL, module_link_zeroed, OWN, DSB_ISH),
	SAYS("entry-dsb", "come into use", module_first_run, DSB_SY),
	CASE(NULL, module_first_run, OWN, DSB_ISHST),
	SAYS("entry-dsb", "come into use", module_first_run_barrier_in_hyp, ISB),
	CASE(NULL, module_first_run_barrier_in_hyp, DSB_ISH),
	CASE(NULL, module_first_run_elsewhere, NONE),
	CASE(NULL, module_first_run_elsewhere, DSB_ISH),

	SAYS("map-dirty", "cleaned without a DSB", module_map_data, OWN, DCCMVAC, HOSTS, DSB_SY),
	SAYS("map-dirty", "cleaned without a DSB", module_map_data, HVC, DCCMVAC, ERET, DSB_SY),
	CASE(NULL, module_map_data, OWN, DCCMVAC, DSB_ISH),
	CASE(NULL, module_map_data, OWN, DCCMVAC, HOSTS, DSB_SY, OWN, DSB_ISH),
	CASE(NULL, module_map_data, OWN, DCCMVAC, HOSTS, DCCMVAC, DSB_SY),
	CASE(NULL, module_map_data, DCCMVAC, DSB_ST), /* v7_flush_kern_dcache_area */
	CASE(NULL, module_map_data, DCCMVAC, OWN, DSB_ISH),
	CASE("map-code", module_map_code, OWN, DCCMVAC, DSB_ISH, ICIALLUIS, HOSTS, DSB_SY),
	CASE("map-code", module_map_code, OWN, DCCMVAC, DSB_ISH, ICIMVAU, HOSTS, DSB_SY),
	CASE(NULL, module_map_code, OWN, DCCMVAC, DSB_ISH, ICIALLUIS, DSB_ISH),
	CASE(NULL, module_map_code, OWN, DCCMVAC, DSB_ISH, ICIMVAU, DSB_ISH),
	CASE(NULL, module_map_code, DCCMVAC, DSB_ST, OWN, ICIALLUIS, DSB_ISH),
	CASE(NULL, module_map_code, DCCMVAC, DSB_ST, ICIALLUIS, DSB_ISH),
	CASE("pou-complete", module_code, OWN, DCCMVAU, DSB_ISH, ICIMVAU, HOSTS, DSB_SY, ISB),
	CASE(NULL, module_code, OWN, DCCMVAU, DSB_ISH, ICIMVAU, DSB_ISH, HOSTS, ISB),
	CASE(NULL, module_code, DCCMVAU, DSB_ISH, ICIMVAU, DSB_ISH, ISB),

	SAYS("map-dirty", "written and not cleaned", map_code, NONE),
	CASE("map-dirty", map_code, DCCMVAU, DSB_ISH, ICIALLUIS, DSB_ISH),
	CASE("map-dirty", map_code, R0(PAGE(5)), DCCMVAC, DSB_ISH, ICIALLUIS, DSB_ISH),
	CASE("map-dirty", map_code, FLAGS(4), DCCMVAC_NE, DSB_ISH, ICIALLUIS, DSB_ISH),
	SAYS("map-dirty", "cleaned without a DSB", map_code, DCCMVAC),
	SAYS("map-dirty", "cleaned without a DSB", map_code, DCCIMVAC, DMB_ISH),
	SAYS("map-dirty", "wide enough", map_code, DCCMVAC, DSB_NSH),
	SAYS("map-dirty", "cleaned without a DSB", map_code, DCCMVAC, ON_CPU(1), DSB_ISH),
	CASE("map-dirty", map_data, NONE),
	CASE(NULL, map_data, DCCMVAC, DSB_ISH),
	CASE(NULL, map_data, DCCIMVAC, DSB_ST),
	CASE(NULL, map_data, ON_CPU(1), DCCMVAC, DSB_ISH),
	CASE(NULL, map_data, R0(2), DCCISW, DSB_SY),
	CASE("map-dirty", map_data, ON_CPU(1), R0(2), DCCISW, DSB_SY),
	CASE("map-dirty", map_block, NONE),
	CASE(NULL, map_block, DCCMVAC, DSB_ISH, ICIALLUIS, DSB_ISH),
	CASE("map-dirty", map_two_lines, NONE),
	CASE(NULL, map_two_lines, DCCMVAC, DSB_ISH, ICIALLUIS, DSB_ISH),
	CASE(NULL, map_again, NONE),

	CASE("map-code", map_code, DCCMVAC, DSB_ISH),
	CASE("map-code", map_code, DCCMVAC, DSB_ISH, ICIALLUIS),
	CASE("map-code", map_code, DCCMVAC, DSB_ISH, ICIALLUIS, DSB_NSH),
	CASE("map-code", map_code, DCCMVAC, DSB_ISH, ICIALLU, DSB_ISH),
	CASE("map-code", map_code, DCCMVAC, DSB_ISH, BPIALLIS, DSB_ISH),
	CASE("map-code", map_code, DCCMVAC, ICIALLUIS, DSB_ISH),
	CASE("map-code", map_code, DCCMVAC, DSB_ISH, ICIMVAU),
	CASE(NULL, map_code, DCCMVAC, DSB_ISH, ICIALLUIS, DSB_ISH),
	CASE(NULL, map_code, DCCMVAC, DSB_ISH, ICIMVAU, DSB_ISH),
	CASE(NULL, map_code, DCCMVAC, DSB_ISH, ICIALLU, DSB_ISH, ON_CPU(1), ICIALLU, DSB_ISH),
	CASE(NULL, map_code, DCCMVAC, DSB_ISH, ON_CPU(1), ICIALLUIS, DSB_ISH),
	CASE(NULL, map_code, R0(2), DCCISW, DSB_SY, ICIALLUIS, DSB_ISH),

	CASE("tlbi-dsb", by_hvc, HVC, DSB_SY, BEFORE, TLBIALLNSNHIS, HERE, ERET),
	CASE("tlbi-dsb", by_hvc, HVC, DSB_SY, BEFORE, TLBIALL, DMB_ISH, ISB, HERE, ERET),
	CASE("tlbi-dsb", by_hvc, HVC, DSB_SY, BEFORE, TLBIALLIS, DSB_NSH, HERE, ERET),
	CASE("tlbi-dsb", by_hvc, HVC, DSB_SY, BEFORE, TLBIALLNSNH, DSB_ISHST, HERE, ERET),
	CASE("tlbi-dsb", by_hvc, HVC, DSB_SY, BEFORE, TLBIALL, ON_CPU(1), DSB_SY, ON_CPU(0), HERE,
	    ERET),
	CASE("tlbi-dsb", by_hvc, HVC, BEFORE, TLBIALLHIS, HERE, ERET, HVC, ERET), /* once */
	CASE(NULL, by_hvc, HVC, DSB_SY, TLBIALLNSNHIS, DSB_ISH, ERET),
	CASE(NULL, by_hvc, HVC, DSB_SY, TLBIALL, DSB_NSH, ERET),
	CASE(NULL, by_hvc, TLBIALL, HVC, ERET), /* the host's own */

	CASE("tlbi-order", by_hvc, HVC, HERE, TLBIALLNSNHIS, DSB_ISH, ERET),
	CASE("tlbi-order", by_hvc, HVC, DMB_ISH, ISB, HERE, TLBIALL, DSB_NSH, ERET),
	CASE("tlbi-order", by_hvc, HVC, DSB_ST, HERE, TLBIALLNSNH, DSB_NSH, ERET),
	CASE("tlbi-order", by_hvc, DSB_SY, HVC, HERE, TLBIALLIS, DSB_ISH, ERET),
	CASE("tlbi-order", by_hvc, HVC, DSB_SY, ERET, HVC, HERE, TLBIALL, DSB_NSH),
	CASE("tlbi-order", by_hvc, HVC, ON_CPU(1), DSB_SY, ON_CPU(0), HERE, TLBIALL, DSB_NSH),
	CASE(NULL, by_hvc, HVC, DSB_NSH, TLBIALL, DSB_NSH, ERET),
	CASE(NULL, by_hvc, HVC, T_DSB_ISH, THUMB(TLBIALLNSNHIS), T_DSB_ISH, T_ERET),
	CASE(NULL, by_hvc, HVC, DSB_SY, TLBIALL, TLBIALLIS, DSB_ISH, ERET),
	CASE(NULL, by_hvc, HVC, TLBIALLH, DSB_NSH, ERET),

	CASE("walks", by_hvc, HVC, HERE, VTTBR),
	CASE("walks", by_hvc, HVC, DMB_ISH, ISB, HERE, VTTBR),
	CASE("walks", by_hvc, HVC, DSB_ST, HERE, VTTBR),
	CASE("walks", by_hvc, DSB_SY, HVC, HERE, VTTBR),
	CASE("walks", by_hvc, HVC, DSB_SY, ERET, HVC, HERE, VTTBR),
	CASE("walks", by_hvc, HVC, ON_CPU(1), DSB_SY, ON_CPU(0), HERE, VTTBR),
	CASE(NULL, by_hvc, HVC, DSB_NSH, VTTBR, R0(0), VTTBR),
	CASE(NULL, by_hvc, HVC, T_DSB_SY, VTTBR),
	CASE(NULL, vttbr_as_it_was, HVC),

	CASE("device-dsb", by_hvc, HVC, BEFORE, DEVICE_AT(GICD + 0x300), HERE, ERET),
	CASE("device-dsb", by_hvc, HVC, BEFORE, DEVICE_AT(GICD + 0x3fc), DMB_ISH, ISB, HERE, ERET),
	CASE("device-dsb", by_hvc, HVC, BEFORE, DEVICE_AT(GICD + 0x380), DSB_ISH, HERE, ERET),
	CASE("device-dsb", by_hvc, HVC, DSB_SY, BEFORE, DEVICE_AT(GICD + 0x380), HERE, ERET),
	CASE("device-dsb", by_hvc, HVC, BEFORE, DEVICE_AT(GICD + 0x300), ON_CPU(1), DSB_SY, ON_CPU(0),
	    HERE, ERET),
	CASE("device-dsb", by_hvc, HVC, BEFORE, DEVICE_AT(GICD + 0x300), HERE, ERET, HVC, ERET),
	CASE(NULL, by_hvc, HVC, DEVICE_AT(GICD + 0x300), DSB_SY, ERET),
	CASE(NULL, by_hvc, HVC, DEVICE_AT(GICD + 0x380), DSB_ST, ERET),
	CASE(NULL, by_hvc, HVC, DEVICE_AT(GICD + 0x380), DSB_OSH, ERET),
	CASE(NULL, by_hvc, HVC, DEVICE_AT(GICD + 0x2fc), DEVICE_AT(GICD + 0x400), ERET),
	CASE(NULL, by_hvc, DEVICE_AT(GICD + 0x300), HVC, ERET), /* by the host */
	CASE(NULL, by_hvc_no_distributor, HVC, DEVICE_AT(0x300), ERET),

	CASE("vmid-reuse", vmid_reuse, NONE),
	CASE("tlbi-dsb", vmid_reuse, BEFORE, TLBIALLNSNHIS),
	CASE("tlbi-dsb", vmid_reuse, BEFORE, TLBIALLNSNHIS, DSB_NSH),
	CASE("vmid-reuse", vmid_reuse, TLBIMVAIS, TLBIALLHIS, DSB_ISH),
	CASE(NULL, vmid_reuse, TLBIALLNSNHIS, DSB_ISH),
	CASE(NULL, vmid_reuse, TLBIALLIS, DSB_ISH),
	CASE(NULL, vmid_reuse, TLBIALL, DSB_NSH),
	CASE("vmid-reuse", vmid_reuse_smp, TLBIALLNSNH, DSB_ISH),
	CASE(NULL, vmid_reuse_smp, TLBIALLNSNHIS, DSB_ISH),
	CASE(NULL, vmid_own, NONE),
	CASE("vmid-icache", vmid_icache, NONE),
	CASE("vmid-icache", vmid_icache, ICIALLUIS),
	CASE("vmid-icache", vmid_icache, BPIALL, DSB_ISH),
	CASE("vmid-icache", vmid_icache, ON_CPU(1), ICIALLU, DSB_ISH),
	CASE("vmid-icache", vmid_icache, ON_CPU(1), ICIALLUIS, DSB_NSH),
	CASE(NULL, vmid_icache, ICIALLUIS, DSB_ISH),
	CASE(NULL, vmid_icache, ICIALLU, DSB_NSH),
	CASE(NULL, vmid_icache, ON_CPU(1), ICIALLUIS, DSB_ISH),
	CASE("vmid-icache", vmid_icache_elsewhere, NONE),
	CASE("vmid-icache", vmid_icache_elsewhere, ON_CPU(1), ICIALLU, DSB_ISH),
	CASE(NULL, vmid_icache_elsewhere, NONE),
	CASE("vmid-icache", vmid_icache_running, ICIALLUIS, DSB_ISH),
	CASE("vmid-unknown", first_guest, NONE),
	CASE("tlbi-dsb", first_guest, BEFORE, TLBIALLNSNH),
	CASE("vmid-unknown", first_guest, TLBIALLIS, TLBIALLHIS, DSB_ISH),
	CASE("vmid-unknown", first_guest, ON_CPU(1), HVC, DSB_SY, TLBIALLNSNHIS, DSB_ISH),
	CASE(NULL, first_guest, TLBIALLNSNH, DSB_NSH),
	CASE("vcpu-share", next_vcpu, 0x80000001),
	CASE("tlbi-dsb", next_vcpu, 0x80000001, BEFORE, TLBIALL),
	CASE("vcpu-share", next_vcpu, 0x80000001, TLBIMVAIS, DSB_ISH),
	CASE(NULL, next_vcpu, 0x80000001, TLBIALL, DSB_NSH),
	CASE(NULL, next_vcpu, 0x80000000),
	CASE(NULL, next_vcpu_elsewhere, 0x80000001),

	CASE("ctx-mem", in_hyp, HTTBR, HERE, LOAD),
	CASE("ctx-mem", in_hyp, HTCR, DSB_SY, HERE, LOAD),
	CASE("ctx-mem", in_hyp, HMAIR0, HERE, DEVICE),
	CASE("ctx-mem", in_hyp, R0(0x30c51c35), HSCTLR, HERE, LOAD),
	CASE("ctx-mem", in_hyp_mmu_off, R0(0x30c51c34), HSCTLR, HERE, LOAD),
	CASE(NULL, in_hyp, HTTBR, ISB, LOAD),
	CASE(NULL, in_hyp, HTTBR, ERET, LOAD),
	CASE(NULL, in_hyp, HCR, VTTBR, HCPTR, LOAD),
	CASE(NULL, in_hyp_mmu_off, HTTBR, HMAIR1, LOAD),
	CASE("ctx-enable", in_hyp_mmu_off, HTTBR, R0(1), HERE, HSCTLR),
	CASE("ctx-enable", in_hyp_mmu_off, HTCR, R0(1), HERE, HSCTLR),
	CASE("ctx-enable", in_hyp_mmu_off, HMAIR1, R0(1), HERE, HSCTLR),
	CASE(NULL, in_hyp_mmu_off, HTTBR, HTCR, HMAIR0, ISB, R0(1), HSCTLR),
	CASE(NULL, in_hyp_mmu_off, HTTBR, R0(0x30c51c34), HSCTLR),
	CASE("ctx-tlbi", in_hyp, VTTBR, HERE, TLBIALL),
	CASE("ctx-tlbi", in_hyp, VTTBR, DSB_SY, HERE, TLBIALLIS),
	CASE("ctx-tlbi", hyp_mmu_off, HERE, TLBIALLH, DSB_NSH),
	CASE(NULL, in_hyp, VTTBR, ISB, TLBIALL),
	CASE(NULL, in_hyp, VTTBR, TLBIALLNSNH),
	CASE("ctx-at", in_hyp, VTTBR, HERE, ATS12NSOPR),
	CASE("ctx-at", in_hyp, HCR, HERE, ATS1CPR),
	CASE("ctx-at", in_hyp, TTBR0_64, HERE, ATS1CPR),
	CASE("ctx-at", in_hyp, ATS12NSOPR, HERE, PAR),
	CASE("ctx-at", in_hyp, ATS12NSOPR, HERE, PAR64),
	CASE(NULL, in_hyp, VTTBR, HCR, ISB, ATS12NSOPR, ISB, PAR64),
	CASE("ctx-vfp", in_hyp, HCPTR, HERE, VMRS),
	CASE("ctx-vfp", in_hyp, HCPTR, DSB_SY, HERE, VLDMIA),
	CASE("ctx-vfp", in_hyp, HCPTR, HERE, VADD_F64),
	CASE("ctx-vfp", in_hyp, HCPTR, HERE, VAND),
	CASE("ctx-vfp", in_hyp, HCPTR, HERE, VLD1),
	CASE("ctx-vfp", in_hyp, HCPTR, HERE, T_VAND),
	CASE("ctx-vfp", in_hyp, HCPTR, HERE, T_VLD1),
	CASE(NULL, in_hyp, HCPTR, ISB, VMRS),
	CASE(NULL, in_hyp, HCPTR, ERET, VMRS),
	CASE(NULL, in_hyp, HCPTR, LDRSB, T_LDRSB, PLI, MIDR, MCR_P14),
	CASE("ctx-eae", in_hyp, TTBCR, HERE, PRRR),
	CASE("ctx-eae", in_hyp, TTBCR, HERE, NMRR),
	CASE(NULL, in_hyp, TTBCR, ISB, PRRR, NMRR),
	CASE(NULL, in_host, TTBCR, PRRR),
	CASE("ctx-counter", in_hyp, CNTVOFF, HERE, CNTVCT),
	CASE(NULL, in_hyp, CNTVOFF, ISB, CNTVCT),
	CASE("ctx-cntpct", count_read, CNTPCT),
	CASE("ctx-cntpct", count_read, CNTPCT, DSB_SY, DMB_ISH, DSB_SY),
	CASE("ctx-cntpct", count_read, CNTPCT, T_ISB & UINT32_MAX), /* no ARM code */
	CASE(NULL, count_read, CNTPCT, 0, 0, ISB),
	CASE(NULL, count_read, CNTPCT, 0, CP15ISB, 0),
	CASE(NULL, count_read, CNTPCT, ISB),
	CASE(NULL, count_read, THUMB(CNTPCT), 0, 0, 0x8f6ff3bf),
	CASE(NULL, count_read, THUMB(CNTPCT), 0, 0xf3bf0000, 0x00008f6f), /* between two halves */
	CASE("ctx-cntpct", count_read, THUMB(CNTPCT), 0, 0, ISB),
	CASE(NULL, in_hyp, CNTPCT),
	CASE("ctx-timer", in_hyp, CNTVOFF, R0(1), HERE, CNTV_CTL),
	CASE("ctx-timer", in_hyp, CNTV_CVAL, R0(1), HERE, CNTV_CTL),
	CASE(NULL, in_hyp, CNTVOFF, CNTV_CVAL, ISB, R0(1), CNTV_CTL),
	CASE(NULL, in_hyp, CNTVOFF, R0(3), CNTV_CTL),
	CASE("ctx-timer", in_host, R0(0), CNTV_CTL, HERE, DEVICE),
	CASE(NULL, in_host, R0(0), CNTV_CTL, ISB, DEVICE),
	CASE(NULL, in_host, R0(1), CNTV_CTL, DEVICE),
	CASE("ctx-timer", by_hvc, HVC, R0(0), BEFORE, CNTV_CTL, HERE, ERET),
	CASE("ctx-timer", by_hvc, HVC, R0(3), BEFORE, CNTP_CTL, DSB_SY, HERE, ERET),
	CASE(NULL, by_hvc, HVC, R0(0), CNTV_CTL, ISB, ERET),
	CASE(NULL, by_hvc, HVC, R0(1), CNTV_CTL, ERET),
	CASE(NULL, by_hvc, HVC, R0(1), HCR, R0(0), CNTV_CTL, ERET), /* to the guest */
	CASE("ctx-timer", by_hvc, HVC, R0(0), BEFORE, CNTV_CTL, HERE, DEVICE_AT(GICD + 0x380)),
	CASE(NULL, by_hvc, HVC, R0(0), CNTV_CTL, ISB, DEVICE_AT(GICD + 0x380)),
	CASE(NULL, by_hvc, HVC, R0(0), CNTV_CTL, DEVICE_AT(0x08030000)), /* GICH */

	CASE("predictors", out_of_guest, NONE),
	CASE("predictors", out_of_guest, ICIALLUIS, DSB_ISH, ISB),
	CASE("predictors", out_of_guest, FLAGS(4), BPIALL_NE),
	CASE("predictors", out_of_guest, ON_CPU(1), HVC, BPIALL, ICIALLU),
	CASE(NULL, out_of_guest, FLAGS(0), BPIALL_NE),
	CASE(NULL, out_of_guest, BPIALL),
	CASE(NULL, out_of_guest, BPIALLIS),
	CASE(NULL, out_of_guest, ICIALLU),
	CASE("predictors", out_of_guest_on, 0x410fc0d1), /* Cortex-A12 */
	CASE("predictors", out_of_guest_on, 0x411fc0e1), /* Cortex-A17 */
	CASE("predictors", out_of_guest_on, 0x413fc0f4), /* Cortex-A15 */
	CASE(NULL, out_of_guest_on, 0x410fc075), /* Cortex-A7 */
	CASE(NULL, out_of_guest_on, 0x510fc0f1), /* not Arm's */
	CASE("predictors", out_of_guest_again, BPIALL),
	CASE("predictors", out_of_guest_again, ICIALLU),

	CASE("attr", map_as, PAGE(5) | 0x7d7), /* non-cacheable */
	CASE("attr", map_as, PAGE(5) | 0x7c7), /* device */
	CASE("attr", map_as, PAGE(5) | 0x4ff), /* not shareable */
	CASE(NULL, map_as, S2_LEAF(PAGE(5))),
	CASE(NULL, map_as, 0x080407c7), /* a device */
	CASE("attr", map_hyp_as, HYP_LEAF(PAGE(5)) | 1 << 2),
	CASE("attr", map_hyp_as, HYP_LEAF(PAGE(5)) | 2 << 2),
	CASE(NULL, map_hyp_as, HYP_LEAF(PAGE(5))),
	CASE("attr", host_maps_as, 0x11c02, true), /* non-cacheable */
	CASE("attr", host_maps_as, 0x10c06, true), /* device */
	CASE(NULL, host_maps_as, 0x11c0e, true),
	CASE(NULL, host_maps_as, 0x11c02, false),
};
/* clang-format on */

/* ---- the cases are tests ---- */
static const struct {
	const char *name, *section, *fix;
	bool strict;
} rules[] = {
#define RULE(id, name, section, fix)	    { name, section, fix, false },
#define STRICT_RULE(id, name, section, fix) { name, section, fix, true },
#include "../silicon/rules_list.h"
#undef RULE
};

static void
course(const void *arg)
{
	const struct scenario *s = arg;

	strict = true;
	s->course(s);
}

static void
course_not_strict(const void *arg)
{
	const struct scenario *s = arg;

	s->course(s);
}

/* How often what stands in text. */
static unsigned int
count(const char *text, const char *what)
{
	unsigned int n = 0;

	for (text = strstr(text, what); text != NULL; text = strstr(text + 1, what))
		n++;
	return n;
}

static void
expect(const struct scenario *s, const char *text, const char *fmt, ...)
{
	char want[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(want, sizeof(want), fmt, args);
	va_end(args);
	if (strstr(text, want) == NULL) {
		print_error("%s: no %s in\n%s", s->name, want, text);
		fail();
	}
}

static void
expect_rule(const struct scenario *s, const char *text, bool caused)
{
	unsigned int i;

	for (i = 0; i < NELEM(rules) && strcmp(rules[i].name, s->rule) != 0; i++)
		;
	assert_true(i < NELEM(rules));
	expect(s, text, "\"rule\":\"%s\",\"section\":\"%s\",", s->rule, rules[i].section);
	expect(s, text, "\"fix\":\"%s\"}", rules[i].fix);
	expect(s, text, "\"pc\":\"0x%08x\",\"lr\":", CAUGHT);
	if (caused)
		expect(s, text, "\"other\":\"0x%08x\",\"ocpu\":", CAUSE);
	if (s->says != NULL)
		expect(s, text, "%s", s->says);
}

static void
run_scenario(void **state)
{
	const struct scenario *s = *state;
	unsigned int reports;
	bool caused;
	char *text = rig_report(course, s, &caused);

	reports = count(text, "\"section\":");
	if (reports != (s->rule != NULL)) {
		print_error("%s: want %s, have %u reports:\n%s", s->name,
		    s->rule != NULL ? s->rule : "none", reports, text);
		fail();
	}
	if (s->rule != NULL)
		expect_rule(s, text, caused);
	free(text);
}

static void
every_rule_has_a_case(void **state)
{
	unsigned int i, k, missing = 0;

	(void)state;
	for (i = 0; i < NELEM(rules); i++) {
		for (k = 0; k < NELEM(scenarios); k++)
			if (scenarios[k].rule != NULL &&
			    strcmp(scenarios[k].rule, rules[i].name) == 0)
				break;
		if (k == NELEM(scenarios)) {
			print_error("no case breaks the rule %s\n", rules[i].name);
			missing++;
		}
	}
	assert_int_equal(missing, 0);
}

static bool
is_strict(const char *rule)
{
	unsigned int i;

	for (i = 0; i < NELEM(rules); i++)
		if (rule != NULL && strcmp(rules[i].name, rule) == 0)
			return rules[i].strict;
	return false;
}

static void
strict_rules_are_asked_for(void **state)
{
	unsigned int i, tried = 0;
	bool caused;
	char *text;

	(void)state;
	for (i = 0; i < NELEM(scenarios); i++) {
		if (!is_strict(scenarios[i].rule))
			continue;
		text = rig_report(course_not_strict, &scenarios[i], &caused);
		assert_int_equal(count(text, "\"section\":"), 0);
		free(text);
		tried++;
	}
	assert_true(tried > 0);
}

/* ---- the report file ---- */
static void
twice_in_two_epochs(const void *arg)
{
	unsigned int i;

	(void)arg;
	rig_store(cpu0, DATA, 1, 8);
	rig_enter(cpu1, MODE_HYP);
	for (i = 0; i < 3; i++) {
		rig_at(CAUGHT);
		rig_load(cpu1, DATA, 4);
	}
	rig_write(cpu0, DBG_9, 7);
	rig_at(CAUGHT);
	rig_load(cpu1, DATA, 4);
	rig_at(CAUGHT + 4);
	rig_load(cpu1, DATA, 4);
}

static void
epochs_and_counts(void **state)
{
	bool caused;
	char *text = rig_report(twice_in_two_epochs, NULL, &caused);

	(void)state;
	assert_int_equal(count(text, "{\"epoch\":0,\"rule\":\"poc-read\""), 1);
	assert_non_null(strstr(text, "{\"epoch\":0,\"count\":3,\"rule\":\"poc-read\""));
	assert_int_equal(count(text, "{\"epoch\":7,\"begins\":true}"), 1);
	assert_int_equal(count(text, "{\"epoch\":7,\"rule\":\"poc-read\""), 2);
	assert_int_equal(count(text, "{\"epoch\":7,\"count\":1,\"rule\":\"poc-read\""), 2);
	assert_non_null(strstr(text, "{\"summary\":{\"dc\":0,"));
	assert_non_null(strstr(text, "\"hyp_entry\":1,"));
	free(text);
}

/* More than the file has room for: the rest is counted. */
static void
many(const void *arg)
{
	uint32_t i;

	(void)arg;
	rig_store(cpu0, DATA, 1, 8);
	rig_enter(cpu1, MODE_HYP);
	for (i = 0; i < 4100; i++) {
		rig_at(0x1000 + 4 * i);
		rig_load(cpu1, DATA, 4);
	}
}

static void
lost_reports(void **state)
{
	bool caused;
	char *text = rig_report(many, NULL, &caused);

	(void)state;
	assert_int_equal(count(text, "\"section\":"), 4096);
	assert_non_null(strstr(text, "{\"epoch\":0,\"lost\":4}"));
	free(text);
}

/* A root smaller than a page: what else is in the page is no table. */
static void
small_root(const void *arg)
{
	uint64_t root = HYP_ROOT + 0x800;

	(void)arg;
	rig_poke(root + 8, TABLE(L2(HYP_ROOT)), 8);
	rig_poke(HYP_ROOT + 8, 0x123457ff, 8);
	rig_poke(root + 32, TABLE(DATA), 8);
	rig_poke(DATA, PAGE(3) | 0x707, 8); /* would be non-cacheable */
	rig_regs[0][REG_HTTBR] = root;
	hyp_up(cpu0);
	rig_store(cpu0, root + 40, TABLE(DATA), 4);
	rig_store(cpu0, root + 40, 0, 4);
	rig_insn(cpu0, HVC);
	rig_insn(cpu0, ERET);
	rig_at(CAUGHT);
	rig_store(cpu0, root + 24, TABLE(NEW(HYP_ROOT)), 4); /* this is one */
}

static void
root_smaller_than_a_page(void **state)
{
	bool caused;
	char *text = rig_report(small_root, NULL, &caused);

	(void)state;
	assert_int_equal(count(text, "\"section\":"), 1);
	assert_non_null(strstr(text, "\"rule\":\"torn\""));
	assert_non_null(strstr(text, "\"pc\":\"0xc0de0004\""));
	free(text);
}

int
main(void)
{
	static struct CMUnitTest tests[NELEM(scenarios) + 5] = {
		cmocka_unit_test(every_rule_has_a_case),
		cmocka_unit_test(strict_rules_are_asked_for),
		cmocka_unit_test(epochs_and_counts),
		cmocka_unit_test(lost_reports),
		cmocka_unit_test(root_smaller_than_a_page),
	};
	unsigned int i;

	for (i = 0; i < NELEM(scenarios); i++)
		tests[5 + i] = (struct CMUnitTest){ .name = scenarios[i].name,
			.test_func = run_scenario,
			.initial_state = (void *)(uintptr_t)&scenarios[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
