/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Stage 2 of a VM: from what the guest calls physical to what the bus sees, in LPAE
 * tables (DDI 0406C B3.6).  It caches the VM's memory map and holds no truth of its own:
 * what is missing faults and comes back through abort.c and vm_mem_fault.  Only the
 * GICV pages, mapped as Device, stay until the VM is reset; unmapping leaves them alone.
 *
 * Host side, preemptible, may sleep, all under vm->mem_lock; the only concurrent readers
 * are table walkers.  For them:
 *  - an entry is one atomic store, and a table is written before it is linked;
 *  - an entry never changes from one valid thing to another: it is cleared, the VM's TLB
 *    entries are invalidated, only then is it made anew (break-before-make, B3.10.1).  The
 *    guest may fault in between; the fault waits for mem_lock and finds all in order;
 *  - table pages are freed after that invalidation.
 * ARMv7 cannot invalidate by IPA, so each invalidation takes the whole VMID, and there
 * is one a call whatever its length.  The walks are cacheable and inner shareable (VTCR
 * in lpae.h), and processors with these extensions have coherent walks (ID_MMFR3): the
 * tables need no cache maintenance.
 */
#include <string.h>

#include <errno.h>
#include <pte.h>

#include "arm.h"
#include "lpae.h"

/*
 * Marks of an entry between clearing and invalidation, in bits that the walker ignores as
 * bit 0 is clear; with them goes the address of a table.
 */
#define SW_TAKEN_OUT BIT64(1) /* an emptied table: free it */
#define SW_TO_LINK   BIT64(2) /* what is left of a block: link it */

static bool
is_valid(uint64_t d)
{
	return (d & LPAE_VALID) != 0;
}

static bool
is_table(uint64_t d, unsigned int level)
{
	return level < 3 && (d & LPAE_TYPE_MASK) == LPAE_TYPE_TABLE;
}

static bool
is_device(uint64_t d)
{
	return (d & LPAE_S2_MEMATTR_MASK) == LPAE_S2_MEMATTR_DEVICE;
}

static uint64_t
leaf_type(unsigned int level)
{
	return level == 3 ? LPAE_TYPE_PAGE : LPAE_TYPE_BLOCK;
}

static uint64_t *
table_of(uint64_t d)
{
	return os_pa_to_va(HPA(d & LPAE_ADDR_MASK));
}

static unsigned int
entry_index(uint64_t gpa, unsigned int level)
{
	/* the first lookup's tables are concatenated: its index has all bits above */
	return level == 1 ? (unsigned int)(gpa >> LPAE_SHIFT(1)) : LPAE_INDEX(gpa, level);
}

static uint64_t
entry_end(uint64_t gpa, unsigned int level, uint64_t end)
{
	uint64_t next = ROUND_DOWN(gpa, LPAE_SIZE(level)) + LPAE_SIZE(level);

	return next < end ? next : end;
}

static uint64_t *
table_alloc(struct stage2 *s2)
{
	uint64_t *t = os_pages_alloc(0);

	if (t != NULL)
		s2->pages++;
	return t;
}

static void
table_free(struct stage2 *s2, uint64_t *t)
{
	os_pages_free(t, 0);
	s2->pages--;
}

static uint64_t
table_pa(const uint64_t *t)
{
	return os_va_to_pa(t).a;
}

/*
 * All of the VM's TLB entries and walk caches, on all CPUs.  The call begins with the DSB that
 * the stores before it need (B3.10.1).  A CPU that answers HYP_CALL_UNKNOWN has left HYP, which
 * all do together and with no guest running: then there is nothing to invalidate.
 */
static void
tlb_flush(struct vm *vm)
{
	struct vcpu *vcpu = __atomic_load_n(&vm->vcpu[0], __ATOMIC_ACQUIRE);

	(void)hyp_call(HYP_CALL_TLB_FLUSH_VM, hyp_va(hyp_vm(vm)).a);
	/* mem_lock makes us the only writer of this counter */
	if (vcpu != NULL)
		vcpu_stat_inc(vcpu, VMM_STAT_TLB_FLUSHES);
}

static void
entry_break(struct vm *vm, uint64_t *e)
{
	pte_store(e, 0);
	tlb_flush(vm);
}

/* Write what a block maps, entry by entry, into the table of the next level. */
static void
block_spread(uint64_t *table, uint64_t block, unsigned int level)
{
	uint64_t d = (block & ~LPAE_TYPE_MASK) | leaf_type(level + 1);
	unsigned int i;

	for (i = 0; i < LPAE_ENTRIES; i++)
		pte_store(&table[i], d + i * LPAE_SIZE(level + 1));
}

/* The table under *e, made where there is none, in place of a block where one stands. */
static uint64_t *
table_below(struct vm *vm, uint64_t *e, unsigned int level)
{
	uint64_t d = *e, *t;

	if (is_table(d, level))
		return table_of(d);
	t = table_alloc(&arch_vm(vm)->s2);
	if (t == NULL)
		return NULL;
	if (is_valid(d)) {
		block_spread(t, d, level);
		entry_break(vm, e);
	}
	pte_barrier(); /* the table's contents, zeros too, before the link to it */
	pte_store(e, table_pa(t) | LPAE_TYPE_TABLE);
	return t;
}

/* The entry of gpa at level, with all tables above it.  NULL: no memory. */
static uint64_t *
entry_make(struct vm *vm, uint64_t gpa, unsigned int level)
{
	uint64_t *t = arch_vm(vm)->s2.root;
	unsigned int l;

	for (l = 1; l < level; l++) {
		t = table_below(vm, &t[entry_index(gpa, l)], l);
		if (t == NULL)
			return NULL;
	}
	return &t[entry_index(gpa, level)];
}

/* The valid leaf that maps gpa, or 0; *level becomes its level. */
static uint64_t
leaf_find(const struct vm *vm, uint64_t gpa, unsigned int *level)
{
	const uint64_t *t = arch_vm(vm)->s2.root;
	unsigned int l;
	uint64_t d;

	for (l = 1;; l++) {
		d = t[entry_index(gpa, l)];
		if (!is_table(d, l))
			break;
		t = table_of(d);
	}
	*level = l;
	return is_valid(d) ? d : 0;
}

/* Does stage 2 translate all of this leaf's range just as the leaf would? */
static bool
leaf_is_there(const struct vm *vm, uint64_t gpa, uint64_t leaf, unsigned int level)
{
	unsigned int at;
	uint64_t d = leaf_find(vm, gpa, &at);

	if (d == 0 || at > level)
		return false;
	d = (d & ~LPAE_TYPE_MASK) | leaf_type(level);
	d += gpa & (LPAE_SIZE(at) - 1);
	return d == leaf;
}

/* Is a Device page behind this entry? */
static bool
entry_has_device(uint64_t d, unsigned int level)
{
	unsigned int i;

	if (!is_valid(d))
		return false;
	if (!is_table(d, level))
		return is_device(d);
	for (i = 0; i < LPAE_ENTRIES; i++)
		if (entry_has_device(table_of(d)[i], level + 1))
			return true;
	return false;
}

static int
leaf_store(struct vm *vm, uint64_t gpa, uint64_t leaf, unsigned int level)
{
	uint64_t *e = entry_make(vm, gpa, level), old;

	if (e == NULL)
		return -ENOMEM;
	old = *e;
	if (entry_has_device(old, level))
		return -EEXIST;
	if (is_valid(old))
		entry_break(vm, e);
	pte_store(e, leaf);
	if (is_table(old, level))
		table_free(&arch_vm(vm)->s2, table_of(old));
	return 0;
}

static __attribute__((__noinline__)) int
leaf_map(struct vm *vm, uint64_t gpa, uint64_t leaf, unsigned int level)
{
	int error;

	if (leaf_is_there(vm, gpa, leaf, level))
		return 0;
	error = leaf_store(vm, gpa, leaf, level);
	pte_barrier(); /* also when it failed: tables may have been linked on the way */
	return error;
}

static bool
range_is_bad(uint64_t gpa, uint64_t pa, uint64_t len)
{
	if (((gpa | pa) & (len - 1)) != 0 || (pa & ~LPAE_ADDR_MASK) != 0)
		return true;
	return gpa >= BIT64(STAGE2_IPA_BITS) || len > BIT64(STAGE2_IPA_BITS) - gpa;
}

/*
 * A leaf for RAM.  Write-back and shareable as the host has it, whatever the guest's stage 1 says
 * of sharing; where it says something weaker than write-back, that wins.  What is mapped can be
 * read: VM_PROT_READ is the map's to check.
 */
static uint64_t
ram_leaf(hpa_t pa, unsigned int level, uint32_t prot)
{
	uint64_t leaf = pa.a | leaf_type(level);

	leaf |= LPAE_AF | arm_ram_sh | LPAE_S2_MEMATTR_NORMAL | LPAE_S2_HAP_READ;
	if ((prot & VM_PROT_WRITE) != 0)
		leaf |= LPAE_S2_HAP_WRITE;
	if ((prot & VM_PROT_EXEC) == 0)
		leaf |= LPAE_XN;
	return leaf;
}

static unsigned int
ram_level(unsigned int npages)
{
	return npages == LPAE_ENTRIES ? 2 : 3;
}

int
arch_stage2_map(struct vm *vm, gpa_t gpa, hpa_t pa, unsigned int npages, uint32_t prot)
{
	unsigned int level = ram_level(npages);

	if ((npages != 1 && npages != LPAE_ENTRIES) || range_is_bad(gpa.a, pa.a, LPAE_SIZE(level)))
		return -EINVAL;
	return leaf_map(vm, gpa.a, ram_leaf(pa, level, prot), level);
}

bool
arch_stage2_has(const struct vm *vm, gpa_t gpa, hpa_t pa, unsigned int npages, uint32_t prot)
{
	unsigned int level = ram_level(npages);

	return gpa.a < BIT64(STAGE2_IPA_BITS) &&
	    leaf_is_there(vm, gpa.a, ram_leaf(pa, level, prot), level);
}

int
stage2_map_device(struct vm *vm, gpa_t gpa, hpa_t pa, unsigned int npages)
{
	uint64_t attrs = LPAE_TYPE_PAGE | LPAE_AF | LPAE_S2_MEMATTR_DEVICE | LPAE_S2_HAP_READ |
	    LPAE_S2_HAP_WRITE | LPAE_XN;
	unsigned int i;
	int error = 0;

	for (i = 0; i < npages && error == 0; i++) {
		uint64_t off = (uint64_t)i * PAGE_BYTES;

		if (range_is_bad(gpa.a + off, pa.a + off, PAGE_BYTES))
			error = -EINVAL;
		else
			error = leaf_map(vm, gpa.a + off, (pa.a + off) | attrs, 3);
	}
	return error;
}

static bool table_clear(struct vm *vm, uint64_t *t, unsigned int level, uint64_t gpa, uint64_t end);

/* Nothing in it is mapped or about to be. */
static bool
table_is_empty(const uint64_t *t)
{
	unsigned int i;

	for (i = 0; i < LPAE_ENTRIES; i++)
		if ((t[i] & (LPAE_VALID | SW_TO_LINK)) != 0)
			return false;
	return true;
}

/*
 * Take [gpa, end) out of the block at *e.  The rest goes to a table, linked when the
 * block is out of the TLBs.  Without memory for that the rest is lost as well, and faults
 * back in.
 */
static void
block_cut(struct vm *vm, uint64_t *e, unsigned int level, uint64_t gpa, uint64_t end)
{
	uint64_t *t = NULL;

	if (end - gpa < LPAE_SIZE(level))
		t = table_alloc(&arch_vm(vm)->s2);
	if (t == NULL) {
		pte_store(e, 0);
		return;
	}
	block_spread(t, *e, level);
	(void)table_clear(vm, t, level + 1, gpa, end);
	pte_store(e, table_pa(t) | SW_TO_LINK);
}

static bool
entry_clear(struct vm *vm, uint64_t *e, unsigned int level, uint64_t gpa, uint64_t end)
{
	uint64_t d = *e, *t;
	bool changed;

	if (!is_valid(d))
		return false;
	if (!is_table(d, level)) {
		if (is_device(d))
			return false;
		block_cut(vm, e, level, gpa, end);
		return true;
	}
	t = table_of(d);
	changed = table_clear(vm, t, level + 1, gpa, end);
	if (!table_is_empty(t))
		return changed;
	pte_store(e, (d & LPAE_ADDR_MASK) | SW_TAKEN_OUT);
	return true;
}

/* Clear [gpa, end), which this table covers.  True if anything was there. */
static bool
table_clear(struct vm *vm, uint64_t *t, unsigned int level, uint64_t gpa, uint64_t end)
{
	bool changed = false;
	uint64_t next;

	for (; gpa < end; gpa = next) {
		next = entry_end(gpa, level, end);
		if (entry_clear(vm, &t[entry_index(gpa, level)], level, gpa, next))
			changed = true;
	}
	return changed;
}

/* The TLBs have forgotten: free and link what table_clear left for later. */
static void
table_settle(struct vm *vm, uint64_t *t, unsigned int level, uint64_t gpa, uint64_t end)
{
	uint64_t next, d, *e;

	for (; gpa < end; gpa = next) {
		next = entry_end(gpa, level, end);
		e = &t[entry_index(gpa, level)];
		d = *e;
		if (d == 0 || (is_valid(d) && !is_table(d, level)))
			continue;
		if ((d & (LPAE_VALID | SW_TO_LINK)) == SW_TO_LINK) {
			pte_store(e, (d & LPAE_ADDR_MASK) | LPAE_TYPE_TABLE);
			continue;
		}
		table_settle(vm, table_of(d), level + 1, gpa, next);
		if (!is_valid(d)) {
			table_free(&arch_vm(vm)->s2, table_of(d));
			pte_store(e, 0);
		}
	}
}

void
arch_stage2_unmap(struct vm *vm, gpa_t gpa, uint64_t len)
{
	uint64_t *root = arch_vm(vm)->s2.root;
	uint64_t start = ROUND_DOWN(gpa.a, PAGE_BYTES), end = BIT64(STAGE2_IPA_BITS);

	if (root == NULL || gpa.a >= end)
		return;
	if (len < end - gpa.a)
		end = ROUND_UP(gpa.a + len, PAGE_BYTES);
	if (!table_clear(vm, root, 1, start, end))
		return;
	tlb_flush(vm);
	table_settle(vm, root, 1, start, end);
	pte_barrier();
}

/* A run of mapped RAM that grows while its neighbours are found. */
struct run {
	void (*fn)(void *arg, gpa_t gpa, uint64_t len);
	void *arg;
	uint64_t gpa, len;
};

static void
run_add(struct run *r, uint64_t gpa, uint64_t len)
{
	if (r->len != 0 && r->gpa + r->len != gpa) {
		r->fn(r->arg, GPA(r->gpa), r->len);
		r->len = 0;
	}
	if (r->len == 0)
		r->gpa = gpa;
	r->len += len;
}

static void
table_for_each(const uint64_t *t, unsigned int level, uint64_t gpa, struct run *r)
{
	unsigned int i, n = level == 1 ? STAGE2_ROOT_ENTRIES : LPAE_ENTRIES;

	for (i = 0; i < n; i++, gpa += LPAE_SIZE(level)) {
		if (is_table(t[i], level))
			table_for_each(table_of(t[i]), level + 1, gpa, r);
		else if (is_valid(t[i]) && !is_device(t[i]))
			run_add(r, gpa, LPAE_SIZE(level));
	}
}

void
arch_stage2_for_each(struct vm *vm, void (*fn)(void *arg, gpa_t gpa, uint64_t len), void *arg)
{
	struct run r = { .fn = fn, .arg = arg };

	if (arch_vm(vm)->s2.root == NULL)
		return;
	table_for_each(arch_vm(vm)->s2.root, 1, 0, &r);
	if (r.len != 0)
		fn(arg, GPA(r.gpa), r.len);
}

/* Zeroed by the allocator, and visible to walks with hyp_map_pages' DSB for the VM's HYP page. */
int
stage2_init(struct vm *vm)
{
	struct stage2 *s2 = &arch_vm(vm)->s2;
	uint64_t *root = os_pages_alloc(STAGE2_ROOT_ORDER);

	if (root == NULL)
		return -ENOMEM;
	s2->root = root;
	s2->pages = 1u << STAGE2_ROOT_ORDER;
	return 0;
}

/* Free what hangs on an entry taken out of the tree, TLBs cleaned. */
static void
tree_free(struct stage2 *s2, uint64_t *t, unsigned int level)
{
	unsigned int i;

	for (i = 0; i < LPAE_ENTRIES; i++)
		if (is_table(t[i], level))
			tree_free(s2, table_of(t[i]), level + 1);
	table_free(s2, t);
}

/* Everything out, devices too.  No vCPU runs; walk caches are cleaned before tables go. */
static void
stage2_clear(struct vm *vm)
{
	struct stage2 *s2 = &arch_vm(vm)->s2;
	unsigned int i;

	for (i = 0; i < STAGE2_ROOT_ENTRIES; i++)
		if (is_valid(s2->root[i]))
			pte_store(&s2->root[i], (s2->root[i] & LPAE_ADDR_MASK) | SW_TAKEN_OUT);
	if (hyp_vm(vm) != NULL)
		(void)hyp_call(HYP_CALL_TLB_FLUSH_VM, hyp_va(hyp_vm(vm)).a);
	for (i = 0; i < STAGE2_ROOT_ENTRIES; i++) {
		if (s2->root[i] == 0)
			continue;
		tree_free(s2, table_of(s2->root[i]), 2);
		pte_store(&s2->root[i], 0);
	}
}

/*
 * No vCPU runs and none will.  What the TLBs might still hold has a VMID that nobody gets
 * again before a rollover.
 */
void
stage2_destroy(struct vm *vm)
{
	struct stage2 *s2 = &arch_vm(vm)->s2;

	if (s2->root == NULL)
		return;
	stage2_clear(vm);
	os_pages_free(s2->root, STAGE2_ROOT_ORDER);
	s2->pages -= 1u << STAGE2_ROOT_ORDER;
	s2->root = NULL;
}

void
stage2_reset(struct vm *vm)
{
	stage2_clear(vm);
}
