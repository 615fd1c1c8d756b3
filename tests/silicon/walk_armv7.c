/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Address translation as the processor does it, for the operands of maintenance operations and the
 * attributes of pages: short and long descriptors, stage 1 of PL1 and of HYP mode, stage 2
 * (DDI 0406C B3.5, B3.6).  Tables are read from RAM as they are: no TLB.
 */
#include "silicon.h"

#define DESC_ADDR 0xfffffff000ull
#define SCTLR_M	  1u
#define SCTLR_C	  (1u << 2)
#define SCTLR_TRE (1u << 28)
#define HCR_DC	  (1u << 12)
#define TTBCR_EAE (1u << 31)

static const struct xlate unmapped = { NO_ADDR, MEM_DEVICE };

struct walk {
	uint64_t base;
	unsigned int bits; /* of the input address */
	bool stage2_below; /* its tables' addresses are IPAs */
};

static unsigned int
level_shift(unsigned int level)
{
	return 39 - 9 * level;
}

static struct xlate stage2(const struct cpu *c, uint64_t ipa);

static uint64_t
desc_read(const struct cpu *c, bool stage2_below, uint64_t at, unsigned int bytes)
{
	return ram_read(stage2_below ? stage2(c, at).pa : at, bytes);
}

/* The leaf for addr and its level, 0 if there is none. */
static uint64_t
long_walk(
    const struct cpu *c, const struct walk *w, uint64_t addr, unsigned int level, unsigned int *at)
{
	uint64_t base = w->base, mask = (1ull << (w->bits - level_shift(level))) - 1, d;

	for (;; level++) {
		d = desc_read(
		    c, w->stage2_below, base + (addr >> level_shift(level) & mask) * 8, 8);
		if ((d & 1) == 0 || (level == 3 && (d & 2) == 0))
			return 0;
		if (level == 3 || (d & 2) == 0)
			break;
		base = d & DESC_ADDR;
		mask = 511;
	}
	*at = level;
	return d;
}

static uint64_t
leaf_pa(uint64_t d, unsigned int level, uint64_t addr)
{
	uint64_t low = (1ull << level_shift(level)) - 1;

	return (d & DESC_ADDR & ~low) | (addr & low);
}

/* One byte of MAIR: both halves must be write-back. */
static enum memtype
mair_type(uint64_t mair, unsigned int index)
{
	unsigned int attr = (unsigned int)(mair >> 8 * index) & 0xff;
	unsigned int inner = attr & 0xf, outer = attr >> 4;

	if (outer == 0)
		return MEM_DEVICE;
	return (inner & 0xc) == 0xc && (outer & 0xc) == 0xc ? MEM_WRITEBACK : MEM_NONCACHEABLE;
}

enum memtype
leaf_type(const struct cpu *c, enum regime regime, uint64_t desc, bool *shareable)
{
	unsigned int attr = desc >> 2 & 0xf;

	*shareable = (desc >> 8 & 3) == 3;
	if (regime == REGIME_HYP)
		return mair_type(
		    reg_read(c, REG_HMAIR1) << 32 | (uint32_t)reg_read(c, REG_HMAIR0), attr & 7);
	if ((attr & 0xc) == 0)
		return MEM_DEVICE;
	return attr == 0xf ? MEM_WRITEBACK : MEM_NONCACHEABLE;
}

/* ---- stage 2 ---- */
void
stage2_root(const struct cpu *c, struct root *r)
{
	uint32_t vtcr = (uint32_t)reg_read(c, REG_VTCR);
	int t0sz = (int)(vtcr & 0xf) - ((vtcr & 8) != 0 ? 16 : 0);
	unsigned int bits = (unsigned int)(32 - t0sz);

	*r = (struct root){ .regime = REGIME_STAGE2, .level = (vtcr >> 6 & 3) == 1 ? 1 : 2 };
	r->entries = (uint16_t)(1u << (bits - level_shift(r->level)));
	r->base = reg_read(c, REG_VTTBR) & 0xffffffffffull & ~(r->entries * 8ull - 1);
	r->cacheable = (vtcr >> 8 & 3) != 0 && (vtcr >> 10 & 3) != 0;
}

static struct xlate
stage2(const struct cpu *c, uint64_t ipa)
{
	struct walk w = { 0 };
	unsigned int level;
	struct root r;
	bool shareable;
	uint64_t d;

	stage2_root(c, &r);
	w.base = r.base;
	w.bits = level_shift(r.level);
	while (1u << (w.bits - level_shift(r.level)) < r.entries)
		w.bits++;
	if (ipa >> w.bits != 0)
		return unmapped;
	d = long_walk(c, &w, ipa, r.level, &level);
	if (d == 0)
		return unmapped;
	return (struct xlate){ leaf_pa(d, level, ipa), leaf_type(c, REGIME_STAGE2, d, &shareable) };
}

/* ---- stage 1 ---- */
void
hyp_root(const struct cpu *c, uint64_t httbr, struct root *r)
{
	uint32_t htcr = (uint32_t)reg_read(c, REG_HTCR);
	unsigned int bits = 32 - (htcr & 7);

	*r = (struct root){ .regime = REGIME_HYP, .level = bits > 30 ? 1 : 2 };
	r->entries = (uint16_t)(1u << (bits - level_shift(r->level)));
	r->base = httbr & 0xffffffffffull & ~(r->entries * 8ull - 1);
	r->cacheable = (htcr >> 8 & 3) != 0 && (htcr >> 10 & 3) != 0;
}

static struct xlate
stage1_long(const struct cpu *c, const struct walk *w, uint32_t va, uint64_t mair)
{
	unsigned int level;
	uint64_t d = long_walk(c, w, va, w->bits > 30 ? 1 : 2, &level);

	if (d == 0)
		return unmapped;
	return (struct xlate){ leaf_pa(d, level, va), mair_type(mair, d >> 2 & 7) };
}

static uint64_t
mair_of(const struct cpu *c, enum reg low, enum reg high)
{
	return reg_read(c, high) << 32 | (uint32_t)reg_read(c, low);
}

static struct xlate
pl1_long(const struct cpu *c, uint32_t va)
{
	uint32_t ttbcr = (uint32_t)reg_read(c, REG_TTBCR), t0sz = ttbcr & 7, t1sz = ttbcr >> 16 & 7;
	struct walk w = { .stage2_below = c->mode == MODE_GUEST };
	bool upper;

	if (t1sz != 0)
		upper = va >> (32 - t1sz) == (1u << t1sz) - 1;
	else
		upper = t0sz != 0 && va >> (32 - t0sz) != 0;
	if (!upper && t0sz != 0 && va >> (32 - t0sz) != 0)
		return unmapped;
	w.bits = 32 - (upper ? t1sz : t0sz);
	w.base = reg_read(c, upper ? REG_TTBR1 : REG_TTBR0) & 0xffffffffe0ull;
	return stage1_long(c, &w, va, mair_of(c, REG_PRRR, REG_NMRR));
}

/* Both halves are as NMRR has them: 1 and 3 are write-back. */
static enum memtype
inner_outer(unsigned int inner, unsigned int outer)
{
	return (inner & outer & 1) != 0 ? MEM_WRITEBACK : MEM_NONCACHEABLE;
}

/* TEX, C and B as one number of five bits. */
static enum memtype
short_type(const struct cpu *c, unsigned int texcb)
{
	unsigned int n = texcb & 7, cb = texcb & 3, tex = texcb >> 2;
	uint32_t nmrr = (uint32_t)reg_read(c, REG_NMRR);

	if ((reg_read(c, REG_SCTLR) & SCTLR_TRE) != 0) {
		if ((reg_read(c, REG_PRRR) >> 2 * n & 3) != 2)
			return MEM_DEVICE;
		return inner_outer(nmrr >> 2 * n, nmrr >> (16 + 2 * n));
	}
	if (tex >= 4)
		return inner_outer(cb, tex);
	if (tex == 1)
		return cb == 3 ? MEM_WRITEBACK : MEM_NONCACHEABLE;
	if (tex != 0 || cb < 2)
		return MEM_DEVICE;
	return cb == 3 ? MEM_WRITEBACK : MEM_NONCACHEABLE;
}

/* A supersection has bits 39 to 32 of the address too. */
static uint64_t
section_pa(uint32_t d, uint32_t va)
{
	if ((d >> 18 & 1) == 0)
		return (d & 0xfff00000) | (va & 0xfffff);
	return (d & 0xff000000) | (va & 0xffffff) | (uint64_t)(d >> 20 & 15) << 32 |
	    (uint64_t)(d >> 5 & 15) << 36;
}

static struct xlate
pl1_short(const struct cpu *c, uint32_t va)
{
	unsigned int n = reg_read(c, REG_TTBCR) & 7;
	bool upper = n != 0 && va >> (32 - n) != 0, nested = c->mode == MODE_GUEST;
	uint32_t size = upper ? 0x4000 : 0x4000u >> n;
	uint64_t base = reg_read(c, upper ? REG_TTBR1 : REG_TTBR0) & ~(uint64_t)(size - 1) &
	    UINT32_MAX;
	uint32_t d = (uint32_t)desc_read(c, nested, base + (va >> 20 & (size / 4 - 1)) * 4, 4);

	if ((d & 3) >= 2)
		return (struct xlate){ section_pa(d, va),
			short_type(c, (d >> 12 & 7) << 2 | (d >> 2 & 3)) };
	if ((d & 3) == 0)
		return unmapped;
	d = (uint32_t)desc_read(c, nested, (d & ~0x3ffu) + (va >> 12 & 255) * 4, 4);
	if ((d & 3) == 0)
		return unmapped;
	if ((d & 3) == 1)
		return (struct xlate){ (d & 0xffff0000) | (va & 0xffff),
			short_type(c, (d >> 12 & 7) << 2 | (d >> 2 & 3)) };
	return (struct xlate){ (d & 0xfffff000) | (va & 0xfff),
		short_type(c, (d >> 6 & 7) << 2 | (d >> 2 & 3)) };
}

static struct xlate
hyp_stage1(const struct cpu *c, uint32_t va)
{
	struct walk w = { .bits = 32 - (reg_read(c, REG_HTCR) & 7) };

	w.base = reg_read(c, REG_HTTBR) & 0xffffffffe0ull;
	return stage1_long(c, &w, va, mair_of(c, REG_HMAIR0, REG_HMAIR1));
}

struct xlate
xlate(const struct cpu *c, uint32_t va)
{
	uint32_t sctlr = (uint32_t)reg_read(c, c->mode == MODE_HYP ? REG_HSCTLR : REG_SCTLR);
	struct xlate x = { va, MEM_NONCACHEABLE }, below;

	if ((sctlr & SCTLR_M) != 0) {
		if (c->mode == MODE_HYP)
			return hyp_stage1(c, va);
		x = (reg_read(c, REG_TTBCR) & TTBCR_EAE) != 0 ? pl1_long(c, va) : pl1_short(c, va);
	}
	if (c->mode != MODE_GUEST || x.pa == NO_ADDR)
		return x;
	below = stage2(c, x.pa);
	if (below.type > x.type)
		below.type = x.type;
	return below;
}

void
cpu_learn_caches(struct cpu *c)
{
	uint32_t sctlr = (uint32_t)reg_read(c, c->mode == MODE_HYP ? REG_HSCTLR : REG_SCTLR);

	c->mmu_off = (sctlr & SCTLR_M) == 0;
	c->nocache = c->mmu_off || (sctlr & SCTLR_C) == 0;
	if (c->mmu_off && c->mode == MODE_GUEST && (reg_read(c, REG_HCR) & HCR_DC) != 0)
		c->nocache = false;
	c->known = true;
}
