/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Rules 1 and 2: the state that real caches would be in, by lines of 64 bytes, with a mask of
 * bytes: what shares a line with something dirty is not itself wrong.
 *
 * The data side: bytes written through the cache are dirty until a clean to the point of
 * coherency and the DSB after it; bytes written past the cache are stale in it until an
 * invalidation and its DSB.  The instruction side: bytes written are unseen until clean to the
 * point of unification, DSB, invalidation, DSB - each step is a state, so that a report can name
 * the one that is missing.
 *
 * What own code began needs a DSB of own code; what the host's functions began may have theirs.
 */
#include <stdlib.h>
#include <string.h>

#include "silicon.h"

enum dstate { D_CLEAN, D_DIRTY, D_CLEANING };
enum istate { I_COHERENT, I_WRITTEN, I_CLEANING, I_CLEANED, I_INVALIDATING };

struct line {
	uint64_t dirty;	 /* written through the cache, not at the point of coherency */
	uint64_t stale;	 /* written past the cache, which may hold something older */
	uint64_t unseen; /* written, the instruction side may hold something older */
	uint32_t wpc, wseq;
	uint32_t iseq; /* when the DSB came that brought it to its state i */
	uint8_t wcpu, wmode;
	uint8_t d, dcpus; /* CPUs whose DSB it waits for */
	uint8_t i, icpus; /* I_COHERENT: whose DSB it was, in imode */
	uint8_t imode;
	uint8_t local; /* CPUs that completed its clean with a DSB that only they take part in */
	bool invalidating;
};

/* An operation that waits for a DSB: the line's number, and whether own code executed it. */
#define OP_OWN	    (1u << 31)
#define OP_LINE(op) (&lines[(op) & ~OP_OWN])

static struct line *lines;

void
cache_init(void)
{
	lines = big_alloc((size_t)(ram_bytes >> LINE_SHIFT) * sizeof(*lines));
}

static struct line *
line_of(uint64_t pa)
{
	return &lines[(pa - ram_base) >> LINE_SHIFT];
}

static uint64_t
line_mask(uint64_t pa, unsigned int bytes)
{
	unsigned int first = pa & (LINE_BYTES - 1);

	if (bytes > LINE_BYTES - first)
		bytes = LINE_BYTES - first;
	return (bytes == LINE_BYTES ? UINT64_MAX : (1ull << bytes) - 1) << first;
}

static struct where
writer_of(const struct line *l)
{
	return (struct where){ l->wpc, l->wcpu, l->wmode };
}

static uint8_t
bit_of(const struct cpu *c)
{
	return (uint8_t)(1u << c->id);
}

/* A whole cache was cleaned by set and way since this line was written: settle it now. */
static void
line_settle(struct line *l)
{
	uint32_t done = cpus[l->wcpu].setway_seq;

	if (l->wseq >= done)
		return;
	if (l->d != D_CLEAN) {
		l->d = D_CLEAN;
		l->dirty = 0;
	}
	if (l->i == I_WRITTEN || l->i == I_CLEANING) {
		l->i = I_CLEANED;
		l->iseq = done;
	}
}

/* As this CPU sees it: its own DSB of a small domain is enough for itself. */
static uint64_t
dirty_bytes(const struct cpu *c, struct line *l)
{
	line_settle(l);
	return l->d == D_CLEAN || (l->local & bit_of(c)) != 0 ? 0 : l->dirty;
}

/* The state of the instruction side as this CPU sees it. */
static enum istate
line_istate(const struct cpu *c, const struct line *l)
{
	if (l->i == I_CLEANED && l->iseq < c->icall_seq)
		return I_COHERENT;
	return (enum istate)l->i;
}

/* ---- accesses ---- */
static void
wrote_cached(struct line *l, uint64_t mask)
{
	line_settle(l);
	if (l->d == D_CLEAN)
		l->dirty = 0;
	l->dirty |= mask;
	l->d = D_DIRTY;
	l->local = 0;
	l->stale &= ~mask;
	l->i = I_WRITTEN;
}

static void
wrote_uncached(struct cpu *c, struct line *l, uint64_t pa, uint64_t mask, uint32_t pc)
{
	struct where w = writer_of(l);

	if (dirty_bytes(c, l) != 0)
		report(RULE_POC_OVERWRITE, c, pc, &w, pa,
		    "written with caches off while the line is dirty in a cache");
	l->dirty &= ~mask;
	/* The host's kernel maps all RAM once it runs: before, nothing can have been read ahead. */
	if (c->mode >= MODE_HYP)
		l->stale |= mask;
	l->invalidating = false;
	l->i = I_CLEANED;
	l->iseq = seq;
}

void
cache_store(struct cpu *c, uint64_t pa, unsigned int bytes, uint32_t pc)
{
	uint64_t mask = line_mask(pa, bytes);
	struct line *l = line_of(pa);

	if (line_istate(c, l) == I_COHERENT)
		l->unseen = 0;
	l->unseen |= mask;
	if (c->nocache)
		wrote_uncached(c, l, pa, mask, pc);
	else
		wrote_cached(l, mask);
	l->wpc = pc;
	l->wseq = seq;
	l->wcpu = c->id;
	l->wmode = c->mode;
}

static void
load_cached(struct cpu *c, struct line *l, uint64_t pa, uint64_t mask, uint32_t pc)
{
	struct where w = writer_of(l);

	if ((l->stale & mask) != 0)
		report(RULE_POC_STALE, c, pc, &w, pa,
		    "read through the cache; written with caches off, %s",
		    l->invalidating ? "the invalidation lacks its DSB" : "never invalidated");
}

static void
past_the_cache(
    struct cpu *c, struct line *l, uint64_t pa, enum rule rule, uint32_t pc, const char *who)
{
	struct where w = writer_of(l);

	if (l->d == D_CLEANING)
		report(RULE_POC_DSB, c, pc, &w, pa,
		    "%s with caches off: cleaned, but no DSB of a wide enough domain", who);
	else
		report(rule, c, pc, &w, pa,
		    "%s with caches off what was written through the cache and never cleaned", who);
}

void
cache_load(struct cpu *c, uint64_t pa, unsigned int bytes, uint32_t pc)
{
	uint64_t mask = line_mask(pa, bytes);
	struct line *l = line_of(pa);

	if (!c->nocache)
		load_cached(c, l, pa, mask, pc);
	else if ((dirty_bytes(c, l) & mask) != 0)
		past_the_cache(c, l, pa, RULE_POC_READ, pc, "reads");
}

void
cache_walk(struct cpu *c, uint64_t pa, bool cacheable, uint32_t pc, const char *who)
{
	struct line *l = line_of(pa);

	if (!cacheable && (dirty_bytes(c, l) & line_mask(pa, 8)) != 0)
		past_the_cache(c, l, pa, RULE_POC_WALK, pc, who);
}

static bool
had_barrier(const struct cpu *c, uint32_t since, bool dmb_will_do)
{
	return (dmb_will_do ? c->barrier_seq : c->dsb_seq) > since;
}

/* A barrier orders what its CPU has observed, too: a task may have moved here in between. */
bool
cache_line_pending(const struct cpu *c, uint64_t pa, bool dmb_will_do, struct where *writer)
{
	const struct line *l = line_of(pa);

	*writer = writer_of(l);
	return l->wpc != 0 && !had_barrier(&cpus[l->wcpu], l->wseq, dmb_will_do) &&
	    !had_barrier(c, l->wseq, dmb_will_do);
}

/* ---- code ---- */

/* Did this CPU complete the line's invalidation, in any mode, without an ISB since? */
static bool
lacks_isb(const struct cpu *c, const struct line *l)
{
	if (l->i == I_COHERENT)
		return l->icpus == bit_of(c) && c->isb_seq < l->iseq;
	return c->icall_local && l->iseq >= c->icall_last && c->isb_seq < c->icall_done;
}

static bool
line_suspect(const struct cpu *c, const struct line *l)
{
	return c->seen && (line_istate(c, l) != I_COHERENT || lacks_isb(c, l));
}

uint32_t
cache_exec_suspect(uint64_t pa, unsigned int bytes)
{
	uint64_t end = pa + bytes, at;
	uint32_t suspects = 0;
	struct line *l;
	unsigned int i;

	for (at = pa; at < end; at = (at | (LINE_BYTES - 1)) + 1) {
		l = line_of(at);
		line_settle(l);
		if ((l->unseen & line_mask(at, (unsigned int)(end - at))) == 0)
			continue;
		for (i = 0; i < MAX_CPUS; i++)
			if (line_suspect(&cpus[i], l))
				suspects |= 1u << i;
	}
	return suspects;
}

static void
exec_line(struct cpu *c, struct line *l, uint64_t pa, uint32_t pc)
{
	struct where w = writer_of(l);

	line_settle(l);

	switch (line_istate(c, l)) {
	case I_WRITTEN:
		report(RULE_POU_CLEAN, c, pc, &w, pa, "runs code that was written and not cleaned");
		break;
	case I_CLEANING:
		report(RULE_POU_DSB, c, pc, &w, pa, "runs code whose clean lacks its DSB");
		break;
	case I_CLEANED:
		report(RULE_POU_INVALIDATE, c, pc, &w, pa,
		    "runs code that was written and cleaned, I-cache not invalidated since%s",
		    c->icall_begun != 0 ? " (or its DSB is missing)" : "");
		break;
	case I_INVALIDATING:
		report(RULE_POU_COMPLETE, c, pc, &w, pa,
		    "runs code whose invalidation in the I-cache lacks its DSB");
		break;
	case I_COHERENT:
		/* exceptions synchronise too and are not seen: judged only within one mode */
		if (lacks_isb(c, l) && c->mode == (l->i == I_COHERENT ? l->imode : c->icall_mode))
			report(RULE_POU_ISB, c, pc, &w, pa,
			    "runs new code without an ISB since the DSB");
		break;
	}
}

void
cache_exec(struct cpu *c, uint64_t pa, unsigned int bytes, uint32_t pc)
{
	uint64_t end = pa + bytes, at;

	for (at = pa; at < end; at = (at | (LINE_BYTES - 1)) + 1)
		if ((line_of(at)->unseen & line_mask(at, (unsigned int)(end - at))) != 0)
			exec_line(c, line_of(at), at, pc);
}

void
cache_fetch_uncached(struct cpu *c, uint64_t pa, unsigned int bytes, uint32_t pc)
{
	uint64_t end = pa + bytes, at;

	for (at = pa; at < end; at = (at | (LINE_BYTES - 1)) + 1)
		if ((dirty_bytes(c, line_of(at)) & line_mask(at, (unsigned int)(end - at))) != 0)
			past_the_cache(c, line_of(at), at, RULE_POC_FETCH, pc, "fetches");
}

/* Is code in it not yet coherent on some CPU?  One that has not run begins with nothing old. */
static bool
code_pending(const struct line *l)
{
	unsigned int i;

	for (i = 0; i < MAX_CPUS && l->unseen != 0; i++)
		if (cpus[i].seen && line_istate(&cpus[i], l) != I_COHERENT)
			return true;
	return false;
}

/* What a guest wrote is for the guest to clean, through whatever mapping it did that. */
void
cache_mapped(struct cpu *c, uint64_t pa, uint64_t bytes, bool executable, uint32_t pc)
{
	uint64_t at, code = NO_ADDR;
	struct line *l;
	struct where w;

	for (at = pa; at < pa + bytes && in_ram(at); at += LINE_BYTES) {
		l = line_of(at);
		line_settle(l);
		if (l->wmode == MODE_GUEST)
			continue;
		if (l->d != D_CLEAN && l->dirty != 0) {
			w = writer_of(l);
			report(RULE_MAP_DIRTY, c, pc, &w, at,
			    "stage 2 maps a page with a line that was %s",
			    l->d == D_DIRTY ? "written and not cleaned" :
					      "cleaned without a DSB of a wide enough domain");
			return;
		}
		if (executable && code == NO_ADDR && code_pending(l))
			code = at;
	}
	if (code == NO_ADDR)
		return;
	w = writer_of(line_of(code));
	report(RULE_MAP_CODE, c, pc, &w, code,
	    "stage 2 maps a page executable that I-caches may hold an older copy of");
}

/* ---- maintenance ---- */
static void
wait_for_dsb(struct cpu *c, const struct line *l)
{
	if (c->nops == c->maxops) {
		c->maxops = c->maxops != 0 ? 2 * c->maxops : 1024;
		c->ops = realloc(c->ops, c->maxops * sizeof(*c->ops));
		if (c->ops == NULL)
			abort();
	}
	c->ops[c->nops++] = (uint32_t)(l - lines) | (c->own ? OP_OWN : 0);
}

static void
begin_clean(struct cpu *c, struct line *l, bool to_poc)
{
	if (to_poc && l->d == D_DIRTY) {
		l->d = D_CLEANING;
		l->dcpus = 0;
	}
	if (to_poc && l->d == D_CLEANING)
		l->dcpus |= bit_of(c);
	if (l->i == I_WRITTEN) {
		l->i = I_CLEANING;
		l->icpus = 0;
	}
	if (l->i == I_CLEANING)
		l->icpus |= bit_of(c);
}

void
cache_dc(struct cpu *c, enum dc op, uint64_t pa, uint32_t pc)
{
	struct line *l = line_of(pa);
	struct where w = writer_of(l);

	counters[N_DC]++;
	if (op == DC_INVALIDATE && dirty_bytes(c, l) != 0 && l->d == D_DIRTY)
		report(RULE_POC_DISCARD, c, pc, &w, pa, "invalidates a dirty line");
	begin_clean(c, l, op != DC_CLEAN_POU);
	if (op == DC_INVALIDATE || op == DC_CLEAN_INVALIDATE)
		l->invalidating = true;
	wait_for_dsb(c, l);
}

/*
 * Linux walks from the highest set and way of a level down to 0: with the last of level 2 all
 * that this CPU wrote is on its way to memory.
 */
void
cache_setway(struct cpu *c, uint32_t setway)
{
	counters[N_SETWAY]++;
	if ((setway & ~0xeu) == 0 && (setway & 0xeu) >= 2)
		c->setway_begun = ++seq;
}

void
cache_cpu_off(struct cpu *c)
{
	c->setway_seq = ++seq;
	c->setway_begun = 0;
}

void
cache_ic_line(struct cpu *c, uint64_t pa, uint32_t pc)
{
	struct line *l = line_of(pa);
	struct where w = writer_of(l);

	counters[N_IC]++;
	if (l->i == I_CLEANING)
		report(RULE_POU_DSB, c, pc, &w, pa,
		    "invalidates the I-cache while the clean lacks its DSB");
	if (l->i == I_CLEANED) {
		l->i = I_INVALIDATING;
		l->icpus = bit_of(c);
		wait_for_dsb(c, l);
	}
}

void
cache_ic_all(struct cpu *c, bool shared)
{
	counters[N_IC]++;
	c->icall_begun = ++seq;
	c->icall_shared = shared;
	c->icall_own = c->own;
}

/* False: its clean waits for a DSB of a wider domain. */
static bool
line_dsb(struct cpu *c, struct line *l, bool wide)
{
	if (l->d == D_CLEANING && (l->dcpus & bit_of(c)) != 0) {
		l->local |= bit_of(c);
		if (wide) {
			l->d = D_CLEAN;
			l->dirty = 0;
		}
	}
	if (l->invalidating) {
		l->invalidating = false;
		l->stale = 0;
	}
	if (l->i == I_CLEANING && (l->icpus & bit_of(c)) != 0) {
		l->i = I_CLEANED;
		l->iseq = seq;
	} else if (l->i == I_INVALIDATING && (l->icpus & bit_of(c)) != 0) {
		l->i = I_COHERENT;
		l->iseq = seq;
		l->imode = c->mode;
	}
	return l->d != D_CLEANING || (l->dcpus & bit_of(c)) == 0;
}

static void
icall_dsb(struct cpu *c, bool wide)
{
	unsigned int i;

	c->icall_last = c->icall_seq;
	c->icall_done = seq;
	c->icall_mode = c->mode;
	for (i = 0; i < MAX_CPUS; i++) {
		if (i != c->id && !(c->icall_shared && wide))
			continue;
		if (cpus[i].icall_seq < c->icall_begun)
			cpus[i].icall_seq = c->icall_begun;
		cpus[i].icall_local = false;
	}
	c->icall_local = true;
	if (wide || !c->icall_shared)
		c->icall_begun = 0;
}

/*
 * Maintenance by address counts as stores here, so that DSB ST completes it: what Linux relies
 * on throughout.
 */
void
cache_dsb(struct cpu *c, struct barrier b)
{
	uint32_t i, left = 0;

	for (i = 0; i < c->nops; i++)
		if (((c->ops[i] & OP_OWN) != 0 && !c->own) ||
		    !line_dsb(c, OP_LINE(c->ops[i]), b.domain > DOMAIN_NSH))
			c->ops[left++] = c->ops[i];
	c->nops = left;
	if (c->icall_begun != 0 && (c->own || !c->icall_own))
		icall_dsb(c, b.domain > DOMAIN_NSH);
	if (c->setway_begun != 0) {
		c->setway_seq = c->setway_begun;
		c->setway_begun = 0;
	}
}
