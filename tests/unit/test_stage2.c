/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Stage 2.  stage2.c is built into this file over stores that are watched: each is
 * checked as it happens against what walkers on other CPUs may hold, as DDI 0406C B3.10.1
 * has it -
 *  - an entry goes from one valid value to another only through invalid, with a barrier and a
 *    TLB invalidation between;
 *  - a table is linked only after a barrier that follows the stores to it;
 *  - a page is freed only when no link to it has existed since the last invalidation;
 *  - every function returns with its stores behind a barrier and, where it took something away,
 *    with an invalidation.
 * HYP's invalidation begins with a barrier, so that one before it is not asked for.
 * What is mapped is read back by a walker written from the manual's tables, with no line
 * of stage2.c or lpae.h in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "types.h"

#define ARMV7_PTE_H
static void pte_store(uint64_t *pte, uint64_t val);
static void pte_barrier(void);

#include "one_vcpu.h"
#include "stage2.c"

/* ---- memory for tables: a range of physical addresses of its own ---- */
#define ARENA_PAGES 512u
#define ARENA_PA    0x12340000ull

static uint64_t arena[ARENA_PAGES][512] __attribute__((aligned(16384)));

/* What is known of a page of the arena. */
static struct {
	bool used, fresh; /* fresh: not linked since it was allocated */
	bool reachable;	  /* linked now, or when the TLB was last invalidated, or since */
	bool unordered;	  /* stores to it without a barrier after them */
	bool dirty[512];  /* was valid since the last invalidation */
} page[ARENA_PAGES];

static unsigned int pages_used, alloc_budget, flushes;
static bool unordered_any, unflushed_any;

static unsigned int
page_of(const void *va)
{
	size_t off = (size_t)((const char *)va - (const char *)arena);

	assert_true(off < sizeof(arena));
	return (unsigned int)(off / PAGE_BYTES);
}

void *
os_pages_alloc(unsigned int order)
{
	unsigned int i, j, n = 1u << order;

	if (alloc_budget == 0)
		return NULL;
	alloc_budget--;
	for (i = 0; i + n <= ARENA_PAGES; i += n) {
		for (j = 0; j < n && !page[i + j].used; j++)
			;
		if (j < n)
			continue;
		for (j = 0; j < n; j++) {
			memset(&page[i + j], 0, sizeof(page[0]));
			page[i + j].used = page[i + j].fresh = true;
			page[i + j].unordered = true; /* the allocator's zeros */
		}
		memset(arena[i], 0, n * sizeof(arena[0]));
		pages_used += n;
		return arena[i];
	}
	fail_msg("the arena is too small");
	return NULL;
}

void
os_pages_free(void *va, unsigned int order)
{
	unsigned int i = page_of(va), j;

	for (j = 0; j < 1u << order; j++) {
		assert_true(page[i + j].used);
		if (order == 0 && page[i].reachable)
			fail_msg("a table is freed that a walker may still know");
		page[i + j].used = false;
		memset(arena[i + j], 0x5f, sizeof(arena[0])); /* valid entries, of nonsense */
		pages_used--;
	}
}

hpa_t
os_va_to_pa(const void *va)
{
	return HPA(ARENA_PA + (uint64_t)((const char *)va - (const char *)arena));
}

void *
os_pa_to_va(hpa_t pa)
{
	assert_in_range(pa.a, ARENA_PA, ARENA_PA + sizeof(arena) - 1);
	return (char *)arena + (pa.a - ARENA_PA);
}

/* ---- the watched stores ---- */
/* An entry that links a table of the arena (leaves in these tests map other addresses). */
static bool
links(uint64_t d)
{
	return (d & 3) == 3 && (d & MASK64(39, 12)) - ARENA_PA < sizeof(arena);
}

static void
watch_link(uint64_t d)
{
	unsigned int i = page_of(os_pa_to_va(HPA(d & MASK64(39, 12))));

	assert_true(page[i].used);
	if (page[i].unordered)
		fail_msg("a table is linked before its contents are ordered");
	page[i].reachable = true;
	page[i].fresh = false;
}

static void
pte_store(uint64_t *pte, uint64_t val)
{
	unsigned int p = page_of(pte), e = (unsigned int)(pte - arena[p]);

	assert_true(page[p].used);
	if ((*pte & 1) != 0 && !page[p].fresh)
		page[p].dirty[e] = true;
	if ((val & 1) != 0 && page[p].dirty[e] && *pte != val)
		fail_msg("an entry is made anew before the TLB forgot the old one");
	if ((val & 1) != 0 && links(val))
		watch_link(val);
	if ((*pte & 1) != 0 && (val & 1) == 0 && !page[p].fresh)
		unflushed_any = true;
	if (((*pte | val) & 1) != 0)
		unordered_any = true;
	*pte = val;
	page[p].unordered = true;
}

static void
pte_barrier(void)
{
	unsigned int i;

	for (i = 0; i < ARENA_PAGES; i++)
		page[i].unordered = false;
	unordered_any = false;
}

static void
mark_reachable(const uint64_t *table, unsigned int n, unsigned int level)
{
	unsigned int i;

	page[page_of(table)].reachable = true;
	for (i = 0; i < n && level < 3; i++)
		if (links(table[i]))
			mark_reachable(os_pa_to_va(HPA(table[i] & MASK64(39, 12))), 512, level + 1);
}

uint32_t
hyp_call(uint32_t call, uintptr_t a1)
{
	unsigned int i;

	assert_int_equal(call, HYP_CALL_TLB_FLUSH_VM);
	assert_ptr_equal(a1, &one_hyp_vm);
	pte_barrier();
	for (i = 0; i < ARENA_PAGES; i++) {
		memset(page[i].dirty, 0, sizeof(page[i].dirty));
		page[i].reachable = false;
	}
	mark_reachable(one_arch_vm.s2.root, 1024, 1);
	unflushed_any = false;
	flushes++;
	return 0;
}

static void
assert_quiet(void)
{
	assert_false(unordered_any);
	assert_false(unflushed_any);
}

/* ---- a walker of its own: DDI 0406C B3.6, 4 KiB granule, 40 bits from level 1 ---- */
struct xlat {
	bool ok;
	uint64_t pa;
	bool read, write, exec, normal;
	unsigned int level;
};

static struct xlat
walk(uint64_t ipa)
{
	const uint64_t *table = one_arch_vm.s2.root;
	struct xlat x = { .ok = false };
	unsigned int level, shift = 30;
	uint64_t d;

	for (level = 1; level <= 3; level++, shift -= 9) {
		d = table[level == 1 ? ipa >> 30 : (ipa >> shift) & 0x1ff];
		if ((d & 1) == 0)
			return x;
		if (level == 3 ? (d & 2) != 0 : (d & 2) == 0)
			break;
		assert_int_not_equal(level, 3); /* 0b01 is reserved there */
		table = os_pa_to_va(HPA(d & 0xfffffff000ull));
	}
	x.ok = true;
	x.level = level;
	x.pa = (d & 0xfffffff000ull & ~((1ull << shift) - 1)) | (ipa & ((1ull << shift) - 1));
	assert_int_equal(d >> 10 & 1, 1); /* AF */
	x.read = (d >> 6 & 1) != 0;
	x.write = (d >> 7 & 1) != 0;
	x.exec = (d >> 54 & 1) == 0;
	x.normal = (d >> 2 & 15) == 15;
	if (x.normal)
		assert_int_equal(d & LPAE_SH_MASK, arm_ram_sh);
	else
		assert_int_equal(d >> 2 & 15, 1); /* Device */
	/* nothing in the bits that are reserved, or ours */
	assert_int_equal(d & ~0x004000fffffff7ffull, 0);
	return x;
}

static void
assert_maps(uint64_t ipa, uint64_t pa, uint32_t prot, unsigned int level)
{
	struct xlat x = walk(ipa);

	assert_true(x.ok);
	assert_int_equal(x.pa, pa);
	assert_true(x.read && x.normal);
	assert_int_equal(x.write, (prot & VM_PROT_WRITE) != 0);
	assert_int_equal(x.exec, (prot & VM_PROT_EXEC) != 0);
	assert_int_equal(x.level, level);
}

/* ---- the tests ---- */
uint64_t arm_ram_sh = LPAE_SH_INNER;

#define RW  (VM_PROT_READ | VM_PROT_WRITE)
#define RWX (RW | VM_PROT_EXEC)
#define RX  (VM_PROT_READ | VM_PROT_EXEC)
#define RAM 0x40000000ull
#define PA  0x8040000000ull /* above 32 bits */

static int
setup(void **unused)
{
	(void)unused;
	one_vcpu_setup();
	memset(page, 0, sizeof(page));
	pages_used = flushes = 0;
	unordered_any = unflushed_any = false;
	alloc_budget = 1000;
	assert_int_equal(stage2_init(&one_vm), 0);
	mark_reachable(one_arch_vm.s2.root, 1024, 1);
	page[0].fresh = page[1].fresh = false;
	assert_int_equal(one_arch_vm.s2.pages, 2);
	return 0;
}

static int
teardown(void **unused)
{
	(void)unused;
	assert_quiet();
	assert_int_equal(one_arch_vm.s2.pages, pages_used);
	stage2_destroy(&one_vm);
	assert_quiet();
	assert_int_equal(pages_used, 0);
	assert_int_equal(one_arch_vm.s2.pages, 0);
	stage2_destroy(&one_vm); /* twice is fine */
	return 0;
}

static int
map(uint64_t gpa, uint64_t pa, unsigned int npages, uint32_t prot)
{
	int error = arch_stage2_map(&one_vm, GPA(gpa), HPA(pa), npages, prot);

	assert_quiet();
	return error;
}

static void
unmap(uint64_t gpa, uint64_t len)
{
	arch_stage2_unmap(&one_vm, GPA(gpa), len);
	assert_quiet();
}

static void
test_root(void **unused)
{
	(void)unused;
	/* VTTBR.BADDR is [39:13] */
	assert_int_equal(os_va_to_pa(one_arch_vm.s2.root).a & 0x1fff, 0);
	alloc_budget = 0;
	one_arch_vm.s2.root = NULL;
	assert_int_equal(stage2_init(&one_vm), -ENOMEM);
	one_arch_vm.s2.root = arena[0];
}

/* The guest shares memory as the host does: walk looks. */
static void
test_shares_as_host(void **unused)
{
	(void)unused;
	arm_ram_sh = LPAE_SH_OUTER;
	assert_int_equal(map(RAM, PA, 1, RW), 0);
	assert_true(walk(RAM).ok && walk(RAM).normal);
	arm_ram_sh = LPAE_SH_INNER;
}

static void
test_page(void **unused)
{
	(void)unused;
	assert_int_equal(map(RAM + 0x5000, PA + 0x3000, 1, RWX), 0);
	assert_maps(RAM + 0x5123, PA + 0x3123, RWX, 3);
	assert_false(walk(RAM + 0x4fff).ok);
	assert_false(walk(RAM + 0x6000).ok);
	assert_int_equal(one_arch_vm.s2.pages, 4);
	assert_int_equal(flushes, 0); /* nothing was there: nothing to forget */
	unmap(RAM + 0x5000, 0x1000);
	assert_false(walk(RAM + 0x5000).ok);
	assert_int_equal(one_arch_vm.s2.pages, 2);
	assert_int_equal(flushes, 1);
	assert_int_equal(one_vcpu.stats[VMM_STAT_TLB_FLUSHES], 1);
}

static void
test_prot(void **unused)
{
	static const uint32_t prots[] = { VM_PROT_READ, RW, RX, RWX };
	unsigned int i;

	(void)unused;
	for (i = 0; i < NELEM(prots); i++) {
		assert_int_equal(map(RAM + i * 0x1000, PA + i * 0x1000, 1, prots[i]), 0);
		assert_maps(RAM + i * 0x1000, PA + i * 0x1000, prots[i], 3);
		assert_int_equal(map(RAM + (i + 1) * 0x200000, PA, 512, prots[i]), 0);
		assert_maps(RAM + (i + 1) * 0x200000 + 0x1fffff, PA + 0x1fffff, prots[i], 2);
	}
}

static void
test_same_is_nothing(void **unused)
{
	(void)unused;
	assert_int_equal(map(RAM, PA, 512, RWX), 0);
	assert_int_equal(map(RAM + 0x200000, PA + 0x1000, 1, RWX), 0);
	alloc_budget = 0;
	assert_int_equal(map(RAM, PA, 512, RWX), 0);
	assert_int_equal(map(RAM + 0x7000, PA + 0x7000, 1, RWX), 0);
	assert_int_equal(map(RAM + 0x200000, PA + 0x1000, 1, RWX), 0);
	assert_maps(RAM, PA, RWX, 2);
	assert_int_equal(flushes, 0);
	assert_true(arch_stage2_has(&one_vm, GPA(RAM), HPA(PA), 512, RWX));
	assert_true(arch_stage2_has(&one_vm, GPA(RAM + 0x7000), HPA(PA + 0x7000), 1, RWX));
	assert_false(arch_stage2_has(&one_vm, GPA(RAM), HPA(PA), 512, VM_PROT_READ));
	assert_false(arch_stage2_has(&one_vm, GPA(RAM), HPA(PA + 0x200000), 512, RWX));
	assert_false(arch_stage2_has(&one_vm, GPA(RAM + 0x200000), HPA(PA + 0x200000), 512, RWX));
	assert_false(arch_stage2_has(&one_vm, GPA(1ull << 40), HPA(PA), 1, RWX));
}

static void
test_change(void **unused)
{
	(void)unused;
	/* a page's address and its rights */
	assert_int_equal(map(RAM, PA, 1, RWX), 0);
	assert_int_equal(map(RAM, PA + 0x1000, 1, RWX), 0);
	assert_maps(RAM, PA + 0x1000, RWX, 3);
	assert_int_equal(map(RAM, PA + 0x1000, 1, VM_PROT_READ), 0);
	assert_maps(RAM, PA + 0x1000, VM_PROT_READ, 3);
	assert_int_equal(flushes, 2);
	/* a block in the place of a table, and another one in its own */
	assert_int_equal(map(RAM, PA, 512, RWX), 0);
	assert_maps(RAM, PA, RWX, 2);
	assert_int_equal(one_arch_vm.s2.pages, 3);
	assert_int_equal(map(RAM, PA + 0x200000, 512, RWX), 0);
	assert_maps(RAM, PA + 0x200000, RWX, 2);
	assert_int_equal(flushes, 4);
}

static void
test_split_by_map(void **unused)
{
	(void)unused;
	assert_int_equal(map(RAM, PA, 512, RWX), 0);
	assert_int_equal(map(RAM + 0x3000, PA + 0x3000, 1, RX), 0);
	assert_maps(RAM + 0x2000, PA + 0x2000, RWX, 3);
	assert_maps(RAM + 0x3000, PA + 0x3000, RX, 3);
	assert_maps(RAM + 0x1ff000, PA + 0x1ff000, RWX, 3);
	assert_int_equal(one_arch_vm.s2.pages, 4);
	/* no memory for the table: nothing changes */
	assert_int_equal(map(RAM + 0x200000, PA, 512, RWX), 0);
	alloc_budget = 0;
	assert_int_equal(map(RAM + 0x200000, PA + 0x9000, 1, RWX), -ENOMEM);
	assert_maps(RAM + 0x200000, PA, RWX, 2);
}

static void
test_split_by_unmap(void **unused)
{
	(void)unused;
	assert_int_equal(map(RAM, PA, 512, RWX), 0);
	assert_int_equal(map(RAM + 0x200000, PA + 0x200000, 512, RX), 0);
	assert_int_equal(map(RAM + 0x400000, PA + 0x400000, 512, RW), 0);
	/* the end of one, all of the next, the start of the third: one invalidation */
	unmap(RAM + 0x1fe000, 0x203000);
	assert_int_equal(flushes, 1);
	assert_maps(RAM + 0x1fdfff, PA + 0x1fdfff, RWX, 3);
	assert_false(walk(RAM + 0x1fe000).ok);
	assert_false(walk(RAM + 0x300000).ok);
	assert_false(walk(RAM + 0x400fff).ok);
	assert_maps(RAM + 0x401000, PA + 0x401000, RW, 3);
	assert_int_equal(one_arch_vm.s2.pages, 5);
	unmap(RAM, 0x1fe000);
	unmap(RAM + 0x401000, 0x1ff000);
	assert_int_equal(one_arch_vm.s2.pages, 2);
	assert_int_equal(flushes, 3);
}

/* Without memory to keep the rest, all of the block goes; what was asked for goes anyhow. */
static void
test_split_without_memory(void **unused)
{
	(void)unused;
	assert_int_equal(map(RAM, PA, 512, RWX), 0);
	alloc_budget = 0;
	unmap(RAM + 0x1000, 0x1000);
	assert_false(walk(RAM + 0x1000).ok);
	assert_false(walk(RAM).ok);
	assert_int_equal(one_arch_vm.s2.pages, 2);
}

static void
test_no_memory(void **unused)
{
	(void)unused;
	alloc_budget = 0;
	assert_int_equal(map(RAM, PA, 1, RWX), -ENOMEM);
	alloc_budget = 1; /* the second table is missing */
	assert_int_equal(map(RAM, PA, 1, RWX), -ENOMEM);
	assert_false(walk(RAM).ok);
	alloc_budget = 1;
	assert_int_equal(map(RAM, PA, 1, RWX), 0);
	assert_maps(RAM, PA, RWX, 3);
}

static void
test_bad_arguments(void **unused)
{
	static const struct {
		uint64_t gpa, pa;
		unsigned int npages;
	} bad[] = {
		{ RAM + 1, PA, 1 },
		{ RAM, PA + 0x800, 1 },
		{ RAM + 0x1000, PA, 512 },
		{ RAM, PA + 0x1000, 512 },
		{ RAM, PA, 0 },
		{ RAM, PA, 2 },
		{ RAM, PA, 513 },
		{ 1ull << 40, PA, 1 },
		{ ~0xfffull, PA, 1 },
		{ RAM, 1ull << 40, 1 },
		{ RAM, 1ull << 63, 512 },
	};
	unsigned int i;

	(void)unused;
	for (i = 0; i < NELEM(bad); i++)
		assert_int_equal(map(bad[i].gpa, bad[i].pa, bad[i].npages, RWX), -EINVAL);
	assert_int_equal(one_arch_vm.s2.pages, 2);
	/* the last page there is, and unmapping beyond it */
	assert_int_equal(map((1ull << 40) - 0x1000, PA, 1, RWX), 0);
	assert_maps((1ull << 40) - 1, PA + 0xfff, RWX, 3);
	unmap(1ull << 40, 0x1000);
	unmap(~0ull, ~0ull);
	assert_int_equal(flushes, 0);
	unmap((1ull << 40) - 0x1000, ~0ull);
	assert_false(walk((1ull << 40) - 1).ok);
	unmap(0, 0);
	unmap(0, ~0ull);
	assert_int_equal(flushes, 1);
}

static void
test_unmap_across(void **unused)
{
	(void)unused;
	/* two level 1 entries, and pages far apart */
	assert_int_equal(map(0x7ffff000, PA, 1, RWX), 0);
	assert_int_equal(map(0x80000000, PA + 0x200000, 512, RWX), 0);
	assert_int_equal(map(0x3fffffff000, PA, 1, RWX), -EINVAL);
	assert_int_equal(map(0xff00000000, PA + 0x1000, 1, RWX), 0);
	assert_int_equal(one_arch_vm.s2.pages, 2 + 2 + 1 + 2);
	unmap(0, ~0ull);
	assert_int_equal(flushes, 1);
	assert_int_equal(one_arch_vm.s2.pages, 2);
}

#define GICC 0x08010000ull

static void
test_device(void **unused)
{
	struct xlat x;

	(void)unused;
	assert_int_equal(stage2_map_device(&one_vm, GPA(GICC), HPA(0x2c006000), 2), 0);
	assert_quiet();
	x = walk(GICC + 0x1004);
	assert_true(x.ok && x.read && x.write && !x.exec && !x.normal);
	assert_int_equal(x.pa, 0x2c007004);
	assert_false(walk(GICC + 0x2000).ok);
	/* unmapping passes it by, mapping does not replace it */
	assert_int_equal(map(GICC + 0x4000, PA, 1, RWX), 0);
	unmap(0, ~0ull);
	assert_true(walk(GICC).ok);
	assert_false(walk(GICC + 0x4000).ok);
	assert_int_equal(map(GICC, PA, 1, RWX), -EEXIST);
	assert_int_equal(map(0x08000000, PA, 512, RWX), -EEXIST);
	assert_true(walk(GICC).ok);
	assert_int_equal(stage2_map_device(&one_vm, GPA(GICC), HPA(0x2c006000), 2), 0);
	assert_int_equal(stage2_map_device(&one_vm, GPA(GICC + 1), HPA(0x2c006000), 1), -EINVAL);
	/* a reset takes it too */
	stage2_reset(&one_vm);
	assert_quiet();
	assert_false(walk(GICC).ok);
	assert_int_equal(one_arch_vm.s2.pages, 2);
}

static struct {
	unsigned int n;
	uint64_t gpa[8], len[8];
} seen;

static void
see(void *arg, gpa_t gpa, uint64_t len)
{
	assert_ptr_equal(arg, &seen);
	assert_true(seen.n < 8);
	seen.gpa[seen.n] = gpa.a;
	seen.len[seen.n++] = len;
}

static void
test_for_each(void **unused)
{
	(void)unused;
	seen.n = 0;
	arch_stage2_for_each(&one_vm, see, &seen);
	assert_int_equal(seen.n, 0);
	assert_int_equal(stage2_map_device(&one_vm, GPA(GICC), HPA(0x2c006000), 2), 0);
	assert_int_equal(map(0x7ffff000, PA, 1, RWX), 0);
	assert_int_equal(map(0x80000000, PA, 512, RWX), 0);
	assert_int_equal(map(0x80200000, PA, 1, RWX), 0);
	assert_int_equal(map(0x80202000, PA, 1, RX), 0);
	assert_int_equal(map((1ull << 40) - 0x1000, PA, 1, RX), 0);
	arch_stage2_for_each(&one_vm, see, &seen);
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.gpa[0], 0x7ffff000);
	assert_int_equal(seen.len[0], 0x202000);
	assert_int_equal(seen.gpa[1], 0x80202000);
	assert_int_equal(seen.len[1], 0x1000);
	assert_int_equal(seen.gpa[2], (1ull << 40) - 0x1000);
	assert_int_equal(seen.len[2], 0x1000);
}

/* ---- at random, against a plain array ---- */
#define WINDOW_BASE  0x7fe00000ull /* 4 MiB each side of a level 1 boundary */
#define WINDOW_PAGES 2048u

static struct {
	uint64_t pa; /* 0: not mapped */
	uint32_t prot;
} model[WINDOW_PAGES];

static uint32_t
rnd(uint32_t n)
{
	static uint32_t x = 1;

	x = x * 1664525 + 1013904223;
	return (x >> 8) % n;
}

static void
random_map(void)
{
	static const uint32_t prots[] = { VM_PROT_READ, RW, RX, RWX };
	bool block = rnd(4) == 0;
	unsigned int n = block ? 512 : 1, at = rnd(WINDOW_PAGES / n) * n, i;
	/* often what a block would have there, so that pages find themselves mapped */
	uint64_t pa = PA + (rnd(2) ? at : rnd(64) * n) * 0x1000ull;
	uint32_t prot = prots[rnd(8) < 6 ? 3 : rnd(4)];
	int error;

	error = map(WINDOW_BASE + at * 0x1000ull, pa, n, prot);
	if (error == -ENOMEM)
		return;
	assert_int_equal(error, 0);
	for (i = 0; i < n; i++) {
		model[at + i].pa = pa + i * 0x1000ull;
		model[at + i].prot = prot;
	}
}

static void
random_unmap(void)
{
	unsigned int at = rnd(WINDOW_PAGES), n = 1 + rnd(rnd(3) == 0 ? WINDOW_PAGES - at : 3), i;
	unsigned int before = flushes;

	if (at + n > WINDOW_PAGES)
		n = WINDOW_PAGES - at;
	unmap(WINDOW_BASE + at * 0x1000ull, n * 0x1000ull);
	assert_in_range(flushes, before, before + 1);
	for (i = at; i < at + n; i++)
		model[i].pa = 0;
}

static void
compare(bool may_lose)
{
	unsigned int i;
	struct xlat x;

	for (i = 0; i < WINDOW_PAGES; i++) {
		x = walk(WINDOW_BASE + i * 0x1000ull);
		if (!x.ok && may_lose)
			model[i].pa = 0;
		assert_int_equal(x.ok, model[i].pa != 0);
		if (x.ok)
			assert_maps(
			    WINDOW_BASE + i * 0x1000ull, model[i].pa, model[i].prot, x.level);
	}
}

static void
random_run(bool short_of_memory)
{
	unsigned int i;

	memset(model, 0, sizeof(model));
	for (i = 0; i < 1000; i++) {
		alloc_budget = short_of_memory ? rnd(3) : 1000;
		if (rnd(3) != 0)
			random_map();
		else
			random_unmap();
		if (i % 8 == 0 || short_of_memory)
			compare(short_of_memory);
	}
	unmap(WINDOW_BASE, WINDOW_PAGES * 0x1000ull);
	unmap(0, ~0ull);
	if (!short_of_memory)
		assert_int_equal(one_arch_vm.s2.pages, 2);
}

static void
test_random(void **unused)
{
	(void)unused;
	random_run(false);
}

static void
test_random_short_of_memory(void **unused)
{
	(void)unused;
	random_run(true);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(root),
		T(page),
		T(prot),
		T(shares_as_host),
		T(same_is_nothing),
		T(change),
		T(split_by_map),
		T(split_by_unmap),
		T(split_without_memory),
		T(no_memory),
		T(bad_arguments),
		T(unmap_across),
		T(device),
		T(for_each),
		T(random),
		T(random_short_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
