/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Rule 3: translation tables while somebody may walk them, in the long-descriptor format of the HYP
 * regime and of stage 2.  A table is tracked from when a root that leads to it comes into use: a
 * copy of it tells what a store changes.
 *
 * A change of a valid entry (a break) is complete when its CPU has done a DSB, then some CPU a TLBI
 * that reaches every TLB which may hold it, then that CPU a DSB.  An entry that was invalid
 * and becomes valid (a make) is visible after a DSB.  Whoever made a change must have completed
 * it when it goes on: at the ERET of its next HVC; "who" is a task of the host, told by its stack.
 * What own code stored needs a DSB of own code; table_call() asks the module for it.
 */
#include <stdlib.h>
#include <string.h>

#include "silicon.h"

/* DDI 0406C B3.6 */
#define DESC_VALID   1ull
#define DESC_TABLE   3ull
#define DESC_ADDR    0xfffffff000ull
#define DESC_SW_BITS (0xfull << 55) /* ignored by the hardware */
/* Address, type, memory attributes and shareability: what must be broken.  Not AP, AF, XN. */
#define DESC_BREAK (DESC_ADDR | 0x33full)
#define DESC_XN	   (1ull << 54)
#define ENTRIES	   512u
#define LAST_LEVEL 3u
#define IDLE_DSBS  2000u /* a change this much older than its CPU's DSBs was forgotten */

enum state { STORED, VISIBLE, INVALIDATING };

struct change {
	uint64_t pa, old, val, va;
	struct where by;
	uint32_t task, dsbs;
	uint32_t flushed, flushing; /* CPUs whose TLBs were, are being invalidated */
	uint8_t state, regime, tlbi_cpu;
	int root;
	bool own; /* own code stored it */
	bool make;
	bool tlbi_shared;
	bool narrow;	    /* a DSB came, of too small a domain or that waits for stores only */
	const char *missed; /* why a TLBI did not count */
};

struct table {
	uint64_t desc[ENTRIES];
	uint32_t change[ENTRIES]; /* index into changes, + 1 */
	uint64_t va;
	uint64_t parent; /* the descriptor that leads here; NO_ADDR for a root */
	uint8_t regime, level;
	uint16_t first, count; /* the entries that are its own; va is as if from entry 0 */
	bool dying;	       /* its parent is broken, not completely */
	int root;
};

struct root roots[MAX_ROOTS];

static struct table **tables; /* by page of RAM */
static uint8_t *mapped;
static struct change *changes;
static uint32_t nchanges, maxchanges, nwaiting;
static uint32_t dsb_count[MAX_CPUS];

static const char *const regimes[] = { "", "HYP", "stage 2" };

void
table_init(void)
{
	tables = big_alloc((size_t)(ram_bytes >> PAGE_SHIFT) * sizeof(*tables));
	mapped = big_alloc((size_t)(ram_bytes >> PAGE_SHIFT));
}

static uint64_t
page_index(uint64_t pa)
{
	return (pa - ram_base) >> PAGE_SHIFT;
}

static struct table *
table_at(uint64_t pa)
{
	return in_ram(pa) ? tables[page_index(pa)] : NULL;
}

bool
table_is_tracked(uint64_t pa)
{
	return tables[page_index(pa)] != NULL;
}

uint8_t
page_mapped(uint64_t pa)
{
	return mapped[page_index(pa)];
}

static uint64_t
level_bytes(unsigned int level)
{
	return 1ull << (39 - 9 * level);
}

static bool
is_table(uint64_t d, unsigned int level)
{
	return level < LAST_LEVEL && (d & 3) == DESC_TABLE;
}

/* Does the change from old to val take a table away? */
static bool
takes_table(uint64_t old, uint64_t val, unsigned int level)
{
	return is_table(old, level) && (!is_table(val, level) || ((old ^ val) & DESC_ADDR) != 0);
}

static bool
is_leaf(uint64_t d, unsigned int level)
{
	return (d & DESC_VALID) != 0 && !is_table(d, level);
}

static uint64_t
leaf_pa(uint64_t d, unsigned int level)
{
	return d & DESC_ADDR & ~(level_bytes(level) - 1);
}

/* ---- changes ---- */
static void
change_remove(uint32_t i)
{
	struct change *last = &changes[nchanges - 1];

	table_at(changes[i].pa)->change[(changes[i].pa & (PAGE_SIZE - 1)) / 8] = 0;
	nwaiting -= changes[i].state == STORED || changes[i].state == INVALIDATING;
	if (last != &changes[i]) {
		changes[i] = *last;
		table_at(last->pa)->change[(last->pa & (PAGE_SIZE - 1)) / 8] = i + 1;
	}
	nchanges--;
}

static void
change_set(struct change *ch, enum state state)
{
	nwaiting -= ch->state == STORED || ch->state == INVALIDATING;
	ch->state = (uint8_t)state;
	nwaiting += state == STORED || state == INVALIDATING;
}

static struct change *
change_add(struct table *t, uint64_t pa)
{
	uint32_t *slot = &t->change[(pa & (PAGE_SIZE - 1)) / 8];

	if (*slot == 0) {
		if (nchanges == maxchanges) {
			maxchanges = maxchanges != 0 ? 2 * maxchanges : 1024;
			changes = realloc(changes, maxchanges * sizeof(*changes));
			if (changes == NULL)
				abort();
		}
		*slot = ++nchanges;
		nwaiting++;
	} else {
		change_set(&changes[*slot - 1], STORED);
	}
	return &changes[*slot - 1];
}

/* ---- tables come and go ---- */
static void
leaf_mark(const struct table *t, uint64_t d, bool on)
{
	uint64_t pa = leaf_pa(d, t->level), end = pa + level_bytes(t->level);

	for (; pa < end; pa += PAGE_SIZE) {
		if (!in_ram(pa))
			continue;
		if (on)
			mapped[page_index(pa)] |= (uint8_t)(1u << t->regime);
		else
			mapped[page_index(pa)] &= (uint8_t) ~(1u << t->regime);
	}
}

/* Rule 6, for what is RAM to the host: Linux maps all of it write-back, inner shareable. */
static void
leaf_check(struct cpu *c, const struct table *t, uint64_t d, uint64_t at, const struct where *by)
{
	static const char *const types[] = { "device", "non-cacheable", "write-back" };
	bool shareable;
	enum memtype type = leaf_type(c, (enum regime)t->regime, d, &shareable);

	if (!in_ram(d & DESC_ADDR) || (type == MEM_WRITEBACK && shareable))
		return;
	report(RULE_ATTR, c, by->pc, by, at,
	    "%s maps the page at 0x%08llx as %s, %sshareable; the host: write-back, shareable",
	    regimes[t->regime], (unsigned long long)(d & DESC_ADDR), types[type],
	    shareable ? "" : "not ");
}

static void table_forget(uint64_t pa);

/* The table that a descriptor of t, now or until lately, leads to. */
static void
forget_below(const struct table *t, uint64_t d, uint64_t parent)
{
	const struct table *below = table_at(d & DESC_ADDR);

	if (is_table(d, t->level) && below != NULL && below->parent == parent)
		table_forget(d & DESC_ADDR);
}

static void
table_forget(uint64_t pa)
{
	struct table *t = table_at(pa);
	unsigned int i;

	if (t == NULL)
		return;
	for (i = 0; i < ENTRIES; i++) {
		if (is_leaf(t->desc[i], t->level))
			leaf_mark(t, t->desc[i], false);
		forget_below(t, t->desc[i], pa + 8ull * i);
		if (t->change[i] != 0) { /* what was taken out of it at the same time */
			forget_below(t, changes[t->change[i] - 1].old, pa + 8ull * i);
			change_remove(t->change[i] - 1);
		}
	}
	tables[page_index(pa)] = NULL;
	free(t);
	counters[N_TABLES]--;
}

static bool root_comes; /* the tables are looked at because a root comes into use */

static void table_track(struct cpu *c, const struct table *like, uint64_t pa, uint32_t pc);

static void
entry_seen(struct cpu *c, const struct table *t, unsigned int i, uint64_t pa, uint32_t pc)
{
	struct where by = { pc, c->id, c->mode }, writer;
	struct table below = { .level = (uint8_t)(t->level + 1),
		.regime = t->regime,
		.root = t->root,
		.count = ENTRIES };
	uint64_t d = t->desc[i];

	if ((d & DESC_VALID) == 0)
		return;
	/*
	 * Not of other CPUs' stores: one of them may be on the way to its DSB with an entry that
	 * nobody relies on yet.  What this CPU relies on, a DSB here covers too.
	 */
	if (root_comes && cache_line_pending(c, pa, false, &writer) && writer.cpu == c->id)
		report(RULE_ENTRY_DSB, c, pc, &writer, pa,
		    "%s tables come into use, a store to them has had no DSB", regimes[t->regime]);
	cache_walk(c, pa, roots[t->root].cacheable, pc, "walks");
	if (is_leaf(d, t->level)) {
		leaf_mark(t, d, true);
		leaf_check(c, t, d, pa, &by);
		return;
	}
	below.parent = pa;
	below.va = t->va + i * level_bytes(t->level);
	table_track(c, &below, d & DESC_ADDR, pc);
}

/* `like' has what is known of the table at pa. */
static void
table_track(struct cpu *c, const struct table *like, uint64_t pa, uint32_t pc)
{
	struct table *t;
	unsigned int i;

	if (!in_ram(pa) || table_at(pa) != NULL)
		return;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		abort();
	*t = *like;
	tables[page_index(pa)] = t;
	counters[N_TABLES]++;
	pa &= ~(uint64_t)(PAGE_SIZE - 1);
	memcpy(&t->desc[t->first], ram + (pa - ram_base) + 8ull * t->first, 8ull * t->count);
	for (i = t->first; i < (unsigned int)t->first + t->count; i++)
		entry_seen(c, t, i, pa + 8ull * i, pc);
}

int
root_find(uint64_t base, enum regime regime)
{
	unsigned int i;

	for (i = 0; i < MAX_ROOTS; i++)
		if (roots[i].live && roots[i].base == base && roots[i].regime == regime)
			return (int)i;
	return -1;
}

int
root_add(struct cpu *c, const struct root *r, uint32_t pc)
{
	struct table like = { .level = r->level, .regime = r->regime, .parent = NO_ADDR };
	uint64_t bytes = r->entries * 8ull, off;
	unsigned int i;

	for (i = 0; i < MAX_ROOTS && roots[i].live; i++)
		;
	if (i == MAX_ROOTS)
		report_lost();
	if (i == MAX_ROOTS || !in_ram(r->base))
		return -1;
	roots[i] = *r;
	roots[i].live = true;
	counters[N_ROOTS]++;
	like.root = (int)i;
	like.first = (r->base & (PAGE_SIZE - 1)) / 8;
	like.count = r->entries < ENTRIES ? r->entries : ENTRIES;
	root_comes = true;
	for (off = 0; off < bytes; off += PAGE_SIZE) {
		like.va = (off / 8 - like.first) * level_bytes(r->level);
		table_track(c, &like, r->base + off, pc);
	}
	root_comes = false;
	return (int)i;
}

void
root_drop(int root)
{
	uint64_t bytes = roots[root].entries * 8ull, off;

	for (off = 0; off < bytes; off += PAGE_SIZE)
		table_forget((roots[root].base & ~(uint64_t)(PAGE_SIZE - 1)) + off);
	roots[root].live = false;
}

/* ---- stores ---- */
static uint64_t
entry_va(const struct table *t, uint64_t pa)
{
	return t->va + (pa & (PAGE_SIZE - 1)) / 8 * level_bytes(t->level);
}

static void
subtree_dying(const struct table *t, uint64_t d, uint64_t parent)
{
	struct table *below = table_at(d & DESC_ADDR);
	unsigned int i;

	if (!is_table(d, t->level) || below == NULL || below->parent != parent)
		return;
	below->dying = true;
	for (i = 0; i < ENTRIES; i++)
		subtree_dying(below, below->desc[i], (d & DESC_ADDR) + 8ull * i);
}

static uint32_t
task_of(const struct cpu *c)
{
	return c->mode == MODE_HYP ? 0 : (uint32_t)reg_read(c, REG_SP) & ~0x1fffu;
}

/*
 * Is it for a DSB here to complete the store?  A task may have moved to this CPU since.  What the
 * module stored needs its own DSB, in that task: not one that the CPU does for somebody else.
 */
static bool
waits_for(const struct cpu *c, const struct change *ch)
{
	bool same = ch->task != 0 && ch->task == (c->mode == MODE_HYP ? c->task : task_of(c));

	if (ch->own && !c->own)
		return false;
	if (ch->own && ch->task != 0 && module_bytes != 0)
		return same;
	return same || ch->by.cpu == c->id;
}

static void
begin_break(struct cpu *c, struct table *t, uint64_t pa, uint64_t old, uint64_t val, uint32_t pc)
{
	struct change *ch = change_add(t, pa);

	*ch = (struct change){ .pa = pa,
		.old = old,
		.val = val,
		.regime = t->regime,
		.root = t->root,
		.by = { pc, c->id, c->mode },
		.task = task_of(c),
		.dsbs = dsb_count[c->id],
		.own = c->own,
		.va = entry_va(t, pa) };
	counters[N_BREAKS]++;
	if (takes_table(old, val, t->level))
		subtree_dying(t, old, pa);
}

static void
check_link(struct cpu *c, const struct table *t, uint64_t val, uint32_t pc)
{
	uint64_t pa = val & DESC_ADDR, end = pa + PAGE_SIZE;
	struct where writer;

	for (; in_ram(pa) && pa < end; pa += LINE_BYTES)
		if (cache_line_pending(c, pa, true, &writer)) {
			report(RULE_LINK_DSB, c, pc, &writer, pa,
			    "%s table is linked, a store to it has had no barrier",
			    regimes[t->regime]);
			break;
		}
}

static void
begin_make(struct cpu *c, struct table *t, uint64_t pa, uint64_t val, uint32_t pc)
{
	uint32_t slot = t->change[(pa & (PAGE_SIZE - 1)) / 8];
	struct change *ch = slot != 0 ? &changes[slot - 1] : NULL;

	if (ch != NULL && !ch->make)
		report(RULE_BBM_EARLY, c, pc, &ch->by, pa,
		    "%s level %u entry valid again, break not complete (%s)", regimes[t->regime],
		    t->level,
		    ch->state == STORED	     ? "no DSB yet" :
			ch->state == VISIBLE ? "no TLBI yet" :
					       "no DSB after the TLBI");
	if (is_table(val, t->level))
		check_link(c, t, val, pc);
	ch = change_add(t, pa);
	*ch = (struct change){ .pa = pa,
		.val = val,
		.regime = t->regime,
		.root = t->root,
		.by = { pc, c->id, c->mode },
		.task = task_of(c),
		.own = c->own,
		.make = true,
		.va = entry_va(t, pa),
		.dsbs = dsb_count[c->id] };
}

static void
entry_store(struct cpu *c, struct table *t, uint64_t pa, unsigned int bytes, uint32_t pc)
{
	unsigned int i = (unsigned int)(pa & (PAGE_SIZE - 1)) / 8;
	uint64_t old = t->desc[i], val = ram_read(pa, 8);
	struct where by = { pc, c->id, c->mode };

	if (i < t->first || i - t->first >= t->count)
		return;
	t->desc[i] = val;
	if (((old ^ val) & ~DESC_SW_BITS) == 0 || ((old | val) & DESC_VALID) == 0)
		return;
	if (t->dying) {
		report(RULE_TABLE_FREED, c, pc, &by, pa,
		    "%s level %u table is written as memory while TLBs and walks may use it",
		    regimes[t->regime], t->level);
		return;
	}
	if (bytes < 8)
		report(RULE_TORN, c, pc, &by, pa,
		    "%s level %u: %u bytes of a live descriptor written by themselves",
		    regimes[t->regime], t->level, bytes);
	if ((old & val & DESC_VALID) != 0 && ((old ^ val) & DESC_BREAK) != 0)
		report(RULE_BBM, c, pc, &by, pa,
		    "%s level %u entry changed from %llx to %llx, both valid", regimes[t->regime],
		    t->level, (unsigned long long)old, (unsigned long long)val);
	if (is_leaf(old, t->level))
		leaf_mark(t, old, false);
	if ((old & DESC_VALID) != 0)
		begin_break(c, t, pa, old, val, pc);
	else
		begin_make(c, t, pa, val, pc);
	if ((val & DESC_VALID) != 0)
		entry_seen(c, t, i, pa, pc);
	if (t->regime == REGIME_STAGE2 && is_leaf(val, t->level) && (old & DESC_VALID) == 0)
		cache_mapped(
		    c, leaf_pa(val, t->level), level_bytes(t->level), (val & DESC_XN) == 0, pc);
}

void
table_store(struct cpu *c, uint64_t pa, unsigned int bytes, uint32_t pc)
{
	uint64_t at = pa & ~7ull, end = pa + bytes;

	counters[N_TABLE_STORE]++;
	for (; at < end && table_at(at) != NULL; at += 8)
		entry_store(c, table_at(at), at, bytes, pc);
}

/* ---- barriers, invalidations ---- */

/* Complete: the tables below it are nobody's. */
static void
change_done(uint32_t i)
{
	struct change ch = changes[i];
	struct table *t = table_at(ch.pa);

	change_remove(i);
	if (!ch.make && takes_table(ch.old, ch.val, t->level))
		forget_below(t, ch.old, ch.pa);
}

static bool
others_walk(const struct change *ch)
{
	return (roots[ch->root].cpus & ~(1u << ch->by.cpu)) != 0;
}

/* True if this change is complete with this DSB. */
static bool
change_dsb(struct cpu *c, struct change *ch, struct barrier b)
{
	bool narrow;

	if (ch->state == STORED && waits_for(c, ch)) {
		if (b.domain == DOMAIN_NSH && others_walk(ch)) {
			ch->narrow = true;
			return false;
		}
		change_set(ch, VISIBLE);
		return ch->make;
	}
	if (ch->state != INVALIDATING || ch->tlbi_cpu != c->id)
		return false;
	narrow = !b.full || (b.domain == DOMAIN_NSH && ch->tlbi_shared && others_walk(ch));
	if (narrow) {
		ch->narrow = true;
		return false;
	}
	ch->flushed |= ch->flushing;
	if ((roots[ch->root].cpus & ~ch->flushed) == 0)
		return true;
	ch->missed = "other CPUs have it in their TLBs";
	change_set(ch, VISIBLE);
	return false;
}

void
table_dsb(struct cpu *c, struct barrier b)
{
	uint32_t i;

	dsb_count[c->id]++;
	if (nwaiting == 0)
		return;
	/* tables that go take their changes along: from the end, and look at the count again */
	for (i = nchanges; i-- > 0;)
		if (i < nchanges && change_dsb(c, &changes[i], b))
			change_done(i);
}

/* NULL: this TLBI invalidates what the change was about.  Else why it does not. */
static const char *
tlbi_misses(const struct change *ch, const struct tlbi *t)
{
	unsigned int level = table_at(ch->pa)->level;
	uint64_t bytes = is_table(ch->old, level) ? PAGE_SIZE : level_bytes(level);

	if (ch->regime != t->regime)
		return "a TLBI was for another level of translation";
	if (ch->regime == REGIME_STAGE2 && !t->all_vmids && roots[ch->root].vmid != t->vmid)
		return "a TLBI was for another VMID";
	if (t->by_va && (t->va & ~(bytes - 1)) != ch->va)
		return "a TLBI was for another address";
	return NULL;
}

void
table_tlbi(struct cpu *c, const struct tlbi *t, uint32_t pc)
{
	const char *miss;
	struct change *ch;
	uint32_t i;

	for (i = 0; i < nchanges; i++) {
		ch = &changes[i];
		if (ch->make)
			continue;
		miss = tlbi_misses(ch, t);
		if (miss != NULL) {
			ch->missed = miss;
			continue;
		}
		if (ch->state == STORED && waits_for(c, ch))
			report(RULE_TLBI_EARLY, c, pc, &ch->by, ch->pa,
			    "TLBI without a DSB%s since the store to the %s table",
			    ch->narrow ? " of a wide enough domain" : "", regimes[ch->regime]);
		else if (ch->state == STORED)
			continue; /* not meant for this one */
		if (ch->state == INVALIDATING && ch->tlbi_shared && ch->tlbi_cpu != c->id)
			continue; /* another CPU's will do */
		change_set(ch, INVALIDATING);
		ch->tlbi_cpu = c->id;
		ch->tlbi_shared = t->shared;
		ch->flushing = t->shared ? UINT32_MAX : 1u << c->id;
	}
}

/* ---- going on ---- */
static bool
not_complete(struct cpu *c, const struct change *ch, uint32_t pc)
{
	const char *regime = regimes[ch->regime];

	if (ch->make)
		report(RULE_ENTRY_DSB, c, pc, &ch->by, ch->pa,
		    "goes on, no DSB since a new %s entry was stored", regime);
	else if (ch->state == INVALIDATING)
		report(RULE_TLBI_DSB, c, pc, &ch->by, ch->pa,
		    "goes on, no DSB%s after the TLBI for a changed %s entry",
		    ch->narrow ? " that is strong enough" : "", regime);
	else if (ch->missed != NULL)
		report(RULE_TLBI_SCOPE, c, pc, &ch->by, ch->pa,
		    "goes on, a changed %s entry may be in TLBs: %s", regime, ch->missed);
	else
		report(RULE_TLBI_MISSING, c, pc, &ch->by, ch->pa,
		    "goes on, no TLBI since a %s entry changed from %llx to %llx", regime,
		    (unsigned long long)ch->old, (unsigned long long)ch->val);
	return !ch->make && ch->state == INVALIDATING;
}

bool
table_release(struct cpu *c, uint32_t task, uint32_t pc)
{
	const struct change *ch;
	bool tlbi = false;
	uint32_t i;

	for (i = 0; i < nchanges; i++) {
		ch = &changes[i];
		if (ch->task == task && (task != 0 || ch->by.cpu == c->id))
			tlbi |= not_complete(c, ch, pc);
		else if (!(ch->make && module_bytes != 0) &&
		    dsb_count[ch->by.cpu] - ch->dsbs > IDLE_DSBS)
			report(RULE_FORGOTTEN, c, pc, &ch->by, ch->pa,
			    "a %s entry changed long ago, never made visible or invalidated",
			    regimes[ch->regime]);
	}
	return tlbi;
}

/*
 * HYP mode may have a DSB before it needs the entries: other CPUs rely on this one all the same.
 * Not of breaks, for which the call may be: it begins with a DSB.  Reported once.
 */
void
table_call(struct cpu *c, uint32_t task, uint32_t pc)
{
	const struct change *ch;
	uint32_t i;

	if (nwaiting == 0)
		return;
	for (i = nchanges; i-- > 0;) {
		ch = &changes[i];
		if (!ch->make || ch->state != STORED || ch->task != task)
			continue;
		report(RULE_ENTRY_DSB, c, pc, &ch->by, ch->pa,
		    "calls HYP mode, no DSB since a new %s entry was stored", regimes[ch->regime]);
		change_remove(i);
	}
}

void
table_hyp_access(struct cpu *c, uint32_t va, uint32_t pc)
{
	const struct change *ch;
	uint32_t i;

	for (i = 0; nwaiting != 0 && i < nchanges; i++) {
		ch = &changes[i];
		if (ch->make && ch->state == STORED && ch->root == c->hyp_root &&
		    va - ch->va < level_bytes(table_at(ch->pa)->level))
			report(RULE_ENTRY_DSB, c, pc, &ch->by, ch->pa,
			    "used in HYP mode, no DSB since the entry for it was stored");
	}
}

bool
table_root_is_empty(int root)
{
	uint64_t base = roots[root].base, off;
	const struct table *t;
	unsigned int i;

	for (off = 0; off < roots[root].entries * 8ull; off += PAGE_SIZE) {
		t = table_at(base + off);
		for (i = 0; t != NULL && i < ENTRIES; i++)
			if ((t->desc[i] & DESC_VALID) != 0 || t->change[i] != 0)
				return false;
	}
	return true;
}
