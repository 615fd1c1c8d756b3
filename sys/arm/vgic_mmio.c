/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The distributor's registers (IHI 0048B 4.3) as a table by offset.  An access that no
 * register answers to - a hole, a size it does not take, a misaligned offset - is RAZ/WI.
 * Works on the model alone: host, HYP and unit tests.  The caller has folded the list
 * registers of the accessing vCPU back (vgic_sync) and flushes afterwards; what others
 * hold in theirs shows as it was when they entered, and they are named in vgic_notify, so
 * that the caller can make them look.
 */
#include "vgic_impl.h"

/* One access on its way through the table. */
struct access {
	struct hyp_vm *vm;
	struct vgic *g;
	struct hyp_vcpu *v;
	struct vgic_cpu *c;
	struct vgic_notify *n;
	uint32_t off; /* of the first byte, from the block's first register */
	uint32_t size;
	uint32_t data;
};

#define REG_BYTE BIT(0) /* takes byte accesses too (IHI 0048B 4.1.4) */
#define REG_LIVE BIT(1) /* what it reads depends on the list registers */
#define REG_SPIS BIT(2) /* banked for INTIDs below 32, SPIs behind */
#define REG_TELL BIT(3) /* who is told of a write depends on what it makes of the interrupts */
#define REG_SETS BIT(4) /* a write concerns those interrupts alone whose bits are set in it */

struct reg {
	uint32_t (*read)(const struct access *a);
	void (*write)(const struct access *a);
	uint8_t flags;
	uint8_t irqs_shift; /* 1 << this many interrupts a byte */
};

/* The word of a one-bit-an-interrupt register: banked or shared. */
#define WORD(a, field) ((a)->off < 4 ? &(a)->c->field : &(a)->g->field[(a)->off / 4])

static inline uint32_t
word_mask(const struct access *a)
{
	return vgic_word_mask(a->g, a->off / 4);
}

static inline void
updated(const struct access *a, uint32_t w, uint32_t bits)
{
	if (w != 0)
		vgic_spi_update(a->vm, w, bits, a->n);
}

/* ---- GICD_CTLR, TYPER, IIDR: 4.3.1, 4.3.2, 4.3.3 ---- */

static uint32_t
typer_read(const struct access *a)
{
	uint32_t cpus = 0;

	for (uint32_t b = LOAD_ONCE(a->g->cpus); b != 0; b &= b - 1)
		cpus++;

	return FIELD_TO(GICD_TYPER_LINES_MASK, a->g->nwords - 1) |
	    FIELD_TO(GICD_TYPER_CPUS_MASK, cpus != 0 ? cpus - 1 : 0);
}

static uint32_t
ctlr_read(const struct access *a)
{
	switch (a->off) {
	case GICD_CTLR:
		return LOAD_ONCE(a->g->ctlr);
	case GICD_TYPER:
		return typer_read(a);
	case GICD_IIDR:
		/* product 'B', revision 1, implementer as in the ID registers: Arm's */
		return 0x42u << 24 | 1u << 12 | 0x43bu;
	default:
		return 0;
	}
}

static void
ctlr_write(const struct access *a)
{
	uint32_t ctlr = a->data & GICD_CTLR_MASK;

	if (a->off != GICD_CTLR || ctlr == a->g->ctlr)
		return;
	STORE_ONCE(a->g->ctlr, ctlr);
	a->n->vcpus |= a->g->cpus;
}

/* ---- GICD_IGROUPR: 4.3.4 ---- */

static uint32_t
group_read(const struct access *a)
{
	return *WORD(a, group);
}

static void
group_write(const struct access *a)
{
	uint32_t *word = WORD(a, group), data = a->data & word_mask(a), changed = *word ^ data;

	*word = data;
	updated(a, a->off / 4, changed);
}

/* ---- GICD_ISENABLER, ICENABLER: 4.3.5, 4.3.6.  SGIs are always enabled. ---- */

static uint32_t
enable_read(const struct access *a)
{
	return *WORD(a, enabled);
}

static void
enable_set(const struct access *a)
{
	*WORD(a, enabled) |= a->data & word_mask(a);
	updated(a, a->off / 4, a->data);
}

static void
enable_clear(const struct access *a)
{
	uint32_t keep = a->off < 4 ? VGIC_SGI_MASK : 0;

	*WORD(a, enabled) &= ~a->data | keep;
	updated(a, a->off / 4, a->data);
}

/* ---- GICD_ISPENDR, ICPENDR: 4.3.7, 4.3.8.  For SGIs there are SPENDSGIR and CPENDSGIR. ---- */

static uint32_t
pend_read(const struct access *a)
{
	uint32_t sgis = a->off < 4 ? vgic_inbox_sgis(a->c) : 0;

	return sgis | *WORD(a, pending) | *WORD(a, lr_pend) | (*WORD(a, level) & ~*WORD(a, edge));
}

static inline uint32_t
pend_bits(const struct access *a)
{
	return a->data & word_mask(a) & (a->off < 4 ? ~VGIC_SGI_MASK : ~0u);
}

static void
pend_set(const struct access *a)
{
	*WORD(a, pending) |= pend_bits(a);
	updated(a, a->off / 4, a->data);
}

/* The latch, wherever it is.  A level-sensitive interrupt whose line is high stays pending. */
static void
pend_clear(const struct access *a)
{
	*WORD(a, pending) &= ~pend_bits(a);
	*WORD(a, lr_pend) &= ~pend_bits(a);
	updated(a, a->off / 4, a->data);
}

/* ---- GICD_ISACTIVER, ICACTIVER: 4.3.9, 4.3.10 ---- */

static uint32_t
active_read(const struct access *a)
{
	return *WORD(a, active);
}

static void
active_set(const struct access *a)
{
	uint32_t w = a->off / 4, bits = a->data & word_mask(a), fresh;

	if (w == 0) {
		a->c->active |= bits;
		return;
	}
	/* It becomes active on the vCPU it would have gone to: that one can end it. */
	for (fresh = bits & ~(a->g->active[w] | a->g->in_lr[w]); fresh != 0; fresh &= fresh - 1) {
		uint32_t intid = 32 * w + vgic_ctz(fresh), t = vgic_spi_target(a->g, intid);

		a->g->owner[intid] = (uint8_t)(t != VGIC_NO_VCPU ? t : a->v->id);
	}
	a->g->active[w] |= bits;
	a->g->act_mod[w] |= bits & a->g->in_lr[w];
	updated(a, w, bits);
}

static void
active_clear(const struct access *a)
{
	uint32_t w = a->off / 4;

	*WORD(a, active) &= ~a->data;
	if (w == 0)
		return;
	a->g->act_mod[w] |= a->data & a->g->in_lr[w];
	updated(a, w, a->data);
}

/* ---- GICD_IPRIORITYR, ITARGETSR: 4.3.11, 4.3.12, a byte an interrupt ---- */

static uint32_t
prio_read(const struct access *a)
{
	const uint8_t *prio = a->off < VGIC_PRIVATE ? a->c->prio : a->g->prio;
	uint32_t data = 0;

	for (uint32_t i = 0; i < a->size; i++)
		data |= (uint32_t)prio[a->off + i] << (8 * i);
	return data;
}

static void
prio_write(const struct access *a)
{
	uint8_t *prio = a->off < VGIC_PRIVATE ? a->c->prio : a->g->prio;

	for (uint32_t i = 0; i < a->size; i++) {
		uint32_t intid = a->off + i;

		if ((vgic_word_mask(a->g, intid / 32) & BIT(intid % 32)) == 0)
			return;
		prio[intid] = (uint8_t)(a->data >> (8 * i) & VGIC_PRIO_MASK);
		updated(a, intid / 32, BIT(intid % 32));
	}
}

static inline bool
uniprocessor(const struct access *a)
{
	uint32_t cpus = LOAD_ONCE(a->g->cpus);

	return (cpus & (cpus - 1)) == 0;
}

/* RAZ/WI with one vCPU; for private interrupts each vCPU reads its own number. */
static uint32_t
target_read(const struct access *a)
{
	uint32_t data = 0;

	if (uniprocessor(a))
		return 0;
	for (uint32_t i = 0; i < a->size; i++)
		data |= (a->off < VGIC_PRIVATE ? BIT(a->v->id) : a->g->target[a->off + i])
		    << (8 * i);
	return data;
}

static void
target_write(const struct access *a)
{
	if (a->off < VGIC_PRIVATE || uniprocessor(a))
		return;
	for (uint32_t i = 0; i < a->size; i++) {
		uint32_t intid = a->off + i;

		if ((vgic_word_mask(a->g, intid / 32) & BIT(intid % 32)) == 0)
			return;
		a->g->target[intid] = (uint8_t)(a->data >> (8 * i) & a->g->cpus);
		updated(a, intid / 32, BIT(intid % 32));
	}
}

/* ---- GICD_ICFGR: 4.3.13.  SGIs are edge-triggered, our PPIs level-sensitive, both fixed. ---- */

static uint32_t
cfg_read(const struct access *a)
{
	uint32_t intid = 4 * a->off, data = 0;
	uint32_t edge = intid < VGIC_PRIVATE ? a->c->edge : a->g->edge[intid / 32];

	for (uint32_t i = 0; i < 16; i++)
		if (edge & BIT(intid % 32 + i))
			data |= 2u << (2 * i);
	return data;
}

static void
cfg_write(const struct access *a)
{
	uint32_t intid = 4 * a->off, w = intid / 32, half = 0, mask;

	if (w == 0)
		return;
	for (uint32_t i = 0; i < 16; i++)
		if (a->data & (2u << (2 * i)))
			half |= BIT(intid % 32 + i);
	mask = 0xffffu << (intid % 32) & vgic_word_mask(a->g, w);
	a->g->edge[w] = (a->g->edge[w] & ~mask) | (half & mask);
	updated(a, w, mask);
}

/* ---- GICD_SGIR, CPENDSGIR, SPENDSGIR, ID registers: 4.3.15, 4.3.16, 4.3.17, 4.3.18 ---- */

static uint32_t
sgi_targets(const struct vgic *g, uint32_t self, uint32_t sgir)
{
	uint32_t cpus = LOAD_ONCE(g->cpus);

	switch (FIELD_OF(GICD_SGIR_FILTER_MASK, sgir)) {
	case GICD_SGIR_LIST:
		return FIELD_OF(GICD_SGIR_LIST_MASK, sgir) & cpus;
	case GICD_SGIR_OTHERS:
		return cpus & ~BIT(self);
	case GICD_SGIR_SELF:
		return BIT(self);
	default:
		return 0; /* reserved */
	}
}

static void
sgi_set(struct vgic_cpu *c, uint32_t n, uint32_t sources)
{
	if (sources == 0)
		return;
	c->sgi_src[n] |= (uint8_t)sources;
	c->pending |= BIT(n);
}

static void
sgi_send(const struct access *a)
{
	uint32_t n = FIELD_OF(GICD_SGIR_ID_MASK, a->data), self = a->v->id;
	uint32_t targets = sgi_targets(a->g, self, a->data);

	if (targets & BIT(self))
		sgi_set(a->c, n, BIT(self));
	a->v->stats[VMM_STAT_SGI_SENT]++;
	for (targets &= ~BIT(self); targets != 0; targets &= targets - 1) {
		uint32_t t = vgic_ctz(targets);
		struct hyp_vcpu *v = HYP_PTR(struct hyp_vcpu, a->vm->vcpu[t]);

		if (v == NULL)
			continue;
		/* What was written before the SGI is seen by who takes it: release. */
		__atomic_fetch_or(
		    &v->vgic.sgi_inbox[n / 4], BIT(self) << (8 * (n % 4)), __ATOMIC_RELEASE);
		a->n->vcpus |= BIT(t);
	}
}

/* Sources in the inbox count as pending too. */
static uint32_t
sgi_pend_read(const struct access *a, uint32_t n)
{
	uint32_t data = 0;

	for (uint32_t i = 0; i < a->size; i++, n++)
		data |= (a->c->sgi_src[n] |
			    (LOAD_ONCE(a->c->sgi_inbox[n / 4]) >> (8 * (n % 4)) & 0xff))
		    << (8 * i);
	return data;
}

static void
sgi_pend_clear(const struct access *a, uint32_t n)
{
	for (uint32_t i = 0; i < a->size; i++, n++) {
		uint32_t sources = a->data >> (8 * i) & 0xff;

		__atomic_fetch_and(
		    &a->c->sgi_inbox[n / 4], ~(sources << (8 * (n % 4))), __ATOMIC_RELAXED);
		a->c->sgi_src[n] &= (uint8_t)~sources;
		if (a->c->sgi_src[n] == 0)
			a->c->pending &= ~BIT(n);
	}
}

/* Offsets from SGIR's 0xf00. */
#define OFF_CPENDSGIR (GICD_CPENDSGIR - GICD_SGIR)
#define OFF_SPENDSGIR (GICD_SPENDSGIR - GICD_SGIR)

static uint32_t
sgi_read(const struct access *a)
{
	if (a->off - OFF_CPENDSGIR < VGIC_NSGIS)
		return sgi_pend_read(a, a->off - OFF_CPENDSGIR);
	if (a->off - OFF_SPENDSGIR < VGIC_NSGIS)
		return sgi_pend_read(a, a->off - OFF_SPENDSGIR);
	return 0;
}

static void
sgi_write(const struct access *a)
{
	if (a->off == 0 && a->size == 4) {
		sgi_send(a);
	} else if (a->off - OFF_CPENDSGIR < VGIC_NSGIS) {
		sgi_pend_clear(a, a->off - OFF_CPENDSGIR);
	} else if (a->off - OFF_SPENDSGIR < VGIC_NSGIS) {
		for (uint32_t i = 0; i < a->size; i++)
			sgi_set(a->c, a->off - OFF_SPENDSGIR + i, a->data >> (8 * i) & a->g->cpus);
	}
}

static uint32_t
id_read(const struct access *a)
{
	/* ICPIDR4..7, ICPIDR0..3 (ICPIDR2.ArchRev: GICv2), ICCIDR0..3 */
	static const uint8_t id[] = { 0x04, 0, 0, 0, 0x90, 0xb4, 0x2b, 0, 0x0d, 0xf0, 0x05, 0xb1 };
	uint32_t n = (a->off + (GICD_SGIR + 0x80) - GICD_ID) / 4;

	return n < NELEM(id) ? id[n] : 0;
}

/* ---- the table: one row for each 0x80 bytes ---- */

#define ROWS_8(r) r, r, r, r, r, r, r, r
#define PRIO                                                  \
	{                                                     \
		prio_read, prio_write, REG_BYTE | REG_SPIS, 0 \
	}
#define TARGET                                                               \
	{                                                                    \
		target_read, target_write, REG_BYTE | REG_SPIS | REG_TELL, 0 \
	}
#define CFG                                      \
	{                                        \
		cfg_read, cfg_write, REG_SPIS, 2 \
	}
#define NONE                     \
	{                        \
		NULL, NULL, 0, 0 \
	}

static const struct reg regs[GICD_SIZE / 0x80] = {
	{ ctlr_read, ctlr_write, 0, 0 },				/* 0x000 */
	{ group_read, group_write, REG_SPIS, 3 },			/* 0x080 */
	{ enable_read, enable_set, REG_SPIS, 3 },			/* 0x100 */
	{ enable_read, enable_clear, REG_SPIS, 3 },			/* 0x180 */
	{ pend_read, pend_set, REG_LIVE | REG_SPIS | REG_SETS, 3 },	/* 0x200 */
	{ pend_read, pend_clear, REG_LIVE | REG_SPIS, 3 },		/* 0x280 */
	{ active_read, active_set, REG_LIVE | REG_SPIS | REG_TELL, 3 }, /* 0x300 */
	{ active_read, active_clear, REG_LIVE | REG_SPIS, 3 },		/* 0x380 */
	ROWS_8(PRIO),							/* 0x400 */
	ROWS_8(TARGET),							/* 0x800 */
	CFG, CFG,							/* 0xc00 */
	NONE, NONE,					 /* 0xd00: not ours to define */
	NONE, NONE,					 /* 0xe00: NSACR, RAZ/WI */
	{ sgi_read, sgi_write, REG_BYTE | REG_LIVE, 0 }, /* 0xf00 */
	{ id_read, NULL, 0, 0 },			 /* 0xf80 */
};
#undef ROWS_8

/* The first register of the block that a row belongs to. */
static inline uint32_t
block_base(uint32_t offset)
{
	if (offset >= GICD_IPRIORITYR && offset < GICD_ICFGR)
		return offset & ~0x3ffu;
	if (offset >= GICD_ICFGR && offset < GICD_SGIR)
		return offset & ~0xffu;
	return offset & ~0x7fu;
}

/* The register an access goes to; NULL: RAZ/WI. */
static const struct reg *
find_reg(const struct vgic *g, const struct vgic_access *a)
{
	const struct reg *r;

	if (a->offset >= GICD_SIZE || (a->offset & (a->size - 1u)) != 0)
		return NULL;
	r = &regs[a->offset / 0x80];
	if (a->size != 4 && (a->size != 1 || (r->flags & REG_BYTE) == 0))
		return NULL;
	if ((r->flags & REG_SPIS) &&
	    ((a->offset - block_base(a->offset)) << r->irqs_shift) / 32 >= g->nwords)
		return NULL;
	return r;
}

/* A word in the last block can reach past INTID 1019: prio[] and target[] have room for it. */
void
vgic_mmio(struct hyp_vm *vm, struct hyp_vcpu *v, struct vgic_access *a, struct vgic_notify *n)
{
	const struct reg *r = find_reg(&vm->vgic, a);
	struct access acc = { .vm = vm,
		.g = &vm->vgic,
		.v = v,
		.c = &v->vgic,
		.n = n,
		.off = a->offset - block_base(a->offset),
		.size = a->size,
		.data = a->data };

	if (!a->write)
		a->data = 0;
	if (r == NULL)
		return;
	if (!a->write && r->read != NULL)
		a->data = HYP_FN(r->read)(&acc);
	else if (a->write && r->write != NULL)
		HYP_FN(r->write)(&acc);
	n->vcpus &= ~BIT(v->id);
	n->sync &= ~BIT(v->id);
}

/* ---- for HYP: what an access takes ---- */

/* A read that depends neither on list registers nor on the lock: answered.  False: not one. */
bool
vgic_mmio_plain(struct hyp_vm *vm, struct hyp_vcpu *v, struct vgic_access *a)
{
	const struct reg *r;
	struct access acc;

	if (a->write)
		return false;
	r = find_reg(&vm->vgic, a);
	if (r != NULL && (r->flags & REG_LIVE) != 0)
		return false;
	a->data = 0;
	if (r == NULL || r->read == NULL)
		return true;
	acc.vm = vm;
	acc.g = &vm->vgic;
	acc.v = v;
	acc.c = &v->vgic;
	acc.n = NULL;
	acc.off = a->offset - block_base(a->offset);
	acc.size = a->size;
	acc.data = 0;
	a->data = HYP_FN(r->read)(&acc);
	return true;
}

uint32_t
vgic_mmio_needs(const struct hyp_vm *vm, const struct hyp_vcpu *v, const struct vgic_access *a)
{
	const struct vgic *g = &vm->vgic;
	const struct reg *r = find_reg(g, a);
	uint32_t first;

	if (r == NULL || (!a->write && (r->flags & REG_LIVE) == 0))
		return 0;
	if (r->flags & REG_SPIS) {
		first = (a->offset - block_base(a->offset)) << r->irqs_shift;
		return first < VGIC_PRIVATE ? VGIC_NEED_SYNC : VGIC_NEED_SYNC | VGIC_NEED_LOCK;
	}
	if (!a->write || a->offset > GICD_SGIR)
		return VGIC_NEED_SYNC;
	if (a->offset == GICD_SGIR && (sgi_targets(g, v->id, a->data) & ~BIT(v->id)) == 0)
		return VGIC_NEED_SYNC;
	return VGIC_NEED_HOST; /* GICD_CTLR, SGIs to others */
}

bool
vgic_mmio_is_foreign(const struct hyp_vm *vm, const struct hyp_vcpu *v, const struct vgic_access *a)
{
	const struct vgic *g = &vm->vgic;
	const struct reg *r = find_reg(g, a);
	uint32_t first, w, bits;

	if (r == NULL || (r->flags & REG_SPIS) == 0)
		return false;
	first = (a->offset - block_base(a->offset)) << r->irqs_shift;
	w = first / 32;
	if (w == 0)
		return false;
	bits = MASK32(((uint32_t)a->size << r->irqs_shift) - 1, 0) << (first % 32);
	if (a->write && (r->flags & REG_TELL) != 0) /* leave that to the host */
		return true;
	if (a->write && (r->flags & REG_SETS) != 0)
		bits &= a->data;
	else
		bits &= g->active[w] | g->pending[w] | g->level[w] | g->in_lr[w];
	for (; bits != 0; bits &= bits - 1)
		if (vgic_spi_serves(g, first - first % 32 + vgic_ctz(bits)) != v->id)
			return true;
	return false;
}
