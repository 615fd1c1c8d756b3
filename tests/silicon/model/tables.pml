/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Stage 2 under a guest that runs: leaf_map, table_below and arch_stage2_unmap of sys/arm/stage2.c
 * and tlb_flush_vm of sys/armv7/hyp_run.c on CPU 0, which holds mem_lock; vmid_update and HYP's
 * vcpu_run on CPU 1, which then enters the guest.  The guest's table walks are an observer of their own: what a DMB
 * orders, they may see in any order (DDI 0406C B3.10.1).
 *
 * The host links a table, unmaps and frees it, and maps a block in its place.
 *
 * Wanted: no walk comes to a table that has not been written or has been freed; nothing is used
 * through a TLB after its page was taken; the TLBs never hold both the table's entry and the
 * block's (break before make).
 */
#define ENTRY	0 /* what the guest's address has: nothing, a table, or a block */
#define CONTENT 1 /* what is in the table: garbage, or entries */
#define VTTBR	2 /* vm->vttbr: which VMID */
#define NVAR	3
#define NCPU	2
#define NOBS	3
#define SEES_0	BIT(VTTBR)
#define SEES_1	0
#define SEES_2	(BIT(ENTRY) | BIT(CONTENT)) /* the walks of CPU 1 */
#include "weak.pml"

#define NOTHING 0
#define TABLE	1
#define BLOCK	2
#define GARBAGE 0
#define ENTRIES 1
#define OLD	0
#define NEW	1

bool in_guest; /* on CPU 1, under the new VMID */
byte tlb;      /* what the TLBs have under it: TABLE | BLOCK */
bool tlbi;     /* an invalidation of it is under way */
bool freed;    /* the table, and the page behind it */

/* HYP_CALL_TLB_FLUSH_VM: the DSB before completes stores, and keeps the load of vttbr behind it */
inline tlb_flush_vm(r)
{
	UNLESS(NO_DSB_HYP, dsb(0));
	ld(0, VTTBR, r);
	tlbi = r == NEW && !NO_TLBI;
	r = 0;
	if
	:: NO_DSB_TLBI
	:: !NO_DSB_TLBI && !tlbi /* dsb(ish): all CPUs have done it, and what they did by the old */
	fi
}

active proctype host()
{
	byte r;

	/* table_below, leaf_map */
	st(0, CONTENT, ENTRIES);
	UNLESS(NO_DSB_TABLE, dsb_st(0));
	st(0, ENTRY, TABLE);
	dsb_st(0);
	/* arch_stage2_unmap, or entry_break; and tlb_flush, which leaves the DSB to HYP */
	if
	:: !NO_BREAK -> st(0, ENTRY, NOTHING)
	:: NO_BREAK -> st(0, ENTRY, BLOCK)
	fi;
	tlb_flush_vm(r);
	freed = true;
	/* leaf_map */
	st(0, ENTRY, BLOCK);
	dsb_st(0)
}

/* vmid_update_slow, HYP's vcpu_run, then the guest */
active proctype vcpu()
{
	st(1, VTTBR, NEW);
	UNLESS(NO_DSB_VTTBR, dsb(1));
	in_guest = true
}

/* What goes on below the guest's instructions, one thing at a time. */
active proctype walker()
{
	byte e;

	in_guest;
end:
	do
	:: e = NOW(2, ENTRY);
		if
		:: e == TABLE -> assert(NOW(2, CONTENT) == ENTRIES && !freed)
		:: else
		fi;
		tlb = tlb | e;
		e = 0;
		assert(tlb != (TABLE | BLOCK))
	:: (tlb & TABLE) != 0 -> assert(!freed) /* an access */
	:: tlbi -> atomic { tlb = 0; tlbi = false }
	od
}
