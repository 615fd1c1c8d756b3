/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The model of the virtual GIC and its way into the list registers and back.  Before the
 * guest runs vgic_flush chooses what the list registers show; after it ran vgic_sync folds
 * all of them back, so that outside the guest no list register holds anything and the model
 * is the whole truth.  Memory only: compiled for the host, for HYP and for the unit tests.
 * Locks: see vgic.h.  docs/vgic.md tells the story.
 *
 * One INTID is never in two list registers (IHI 0048B 5.3.7: VirtualID is unique); an SGI
 * that several CPUs sent is shown source by source.  An interrupt is moved with its latch:
 * while a list register holds it, lr_pend says that the latch went with it, and a latch set
 * meanwhile is news.
 */
#include <string.h>

#include <vmm/machine.h>

#include "errno.h"
#include "vgic_impl.h"

_Static_assert((uint32_t)MACHINE_PPI_VIRT == VGIC_PPI_CNTV, "the virtual timer's PPI");
_Static_assert((uint32_t)MACHINE_PPI_PHYS == VGIC_PPI_CNTP, "the physical timer's PPI");

static inline void
assign_bit(uint32_t *word, uint32_t bit, bool val)
{
	if (val)
		*word |= bit;
	else
		*word &= ~bit;
}

/* ---- reset ---- */

void
vgic_vcpu_reset(struct hyp_vcpu *v)
{
	struct vgic_cpu *c = &v->vgic;
	uint32_t nlrs = c->nlrs, seq = c->sync_seq;

	memset(c, 0, sizeof(*c));
	c->nlrs = nlrs;
	c->sync_seq = seq;
	c->enabled = VGIC_SGI_MASK; /* permanently (IHI 0048B 4.3.5) */
	c->edge = VGIC_SGI_MASK;
	/* The smallest binary points that five bits of priority allow (IHI 0048B 5.3.3). */
	c->vmcr = FIELD_TO(GICH_VMCR_BPR_MASK, 2u) | FIELD_TO(GICH_VMCR_ABPR_MASK, 3u);
}

void
vgic_vm_reset(struct hyp_vm *vm)
{
	struct vgic *g = &vm->vgic;
	uint32_t nirqs = g->nirqs, nwords = g->nwords, cpus = g->cpus;
	uint64_t dist_gpa = g->dist_gpa, cpu_gpa = g->cpu_gpa;

	memset(g, 0, sizeof(*g));
	g->nirqs = nirqs;
	g->nwords = nwords;
	g->cpus = cpus;
	g->dist_gpa = dist_gpa;
	g->cpu_gpa = cpu_gpa;
	memset(g->owner, (int)VGIC_NO_VCPU, sizeof(g->owner));
}

void
vgic_set_cpus(struct hyp_vm *vm, uint32_t cpus)
{
	struct vgic_notify n = { 0 };

	STORE_ONCE(vm->vgic.cpus, cpus);
	for (uint32_t w = 1; w < vm->vgic.nwords; w++)
		vgic_spi_update(vm, w, ~0u, &n);
	vm->vgic.kick |= n.vcpus;
}

/* ---- SPIs: whose, and who has to know ---- */

void
vgic_spi_update(struct hyp_vm *vm, uint32_t w, uint32_t bits, struct vgic_notify *n)
{
	struct vgic *g = &vm->vgic;

	for (bits &= vgic_spi_live(g, w) | g->in_lr[w]; bits != 0; bits &= bits - 1) {
		uint32_t i = vgic_ctz(bits), who = vgic_spi_serves(g, 32 * w + i);

		if (who >= NELEM(g->hint))
			continue;
		STORE_ONCE(g->hint[who], g->hint[who] | BIT(w));
		n->vcpus |= BIT(who);
		if (g->in_lr[w] & BIT(i))
			n->sync |= BIT(who);
	}
}

bool
vgic_is_spi(const struct hyp_vm *vm, uint32_t intid)
{
	return intid >= VGIC_PRIVATE && intid < VGIC_MAX_IRQS &&
	    (vgic_word_mask(&vm->vgic, intid / 32) & BIT(intid % 32)) != 0;
}

/* One of those who drive the line has changed its mind. */
static void
line_update(struct hyp_vm *vm, uint32_t w, uint32_t bit, struct vgic_notify *n)
{
	struct vgic *g = &vm->vgic;
	bool level = ((g->asserted[w] | g->held[w]) & bit) != 0;

	if (((g->level[w] & bit) != 0) == level)
		return;
	assign_bit(&g->level[w], bit, level);
	if (g->edge[w] & bit) {
		if (!level)
			return;
		g->pending[w] |= bit; /* a rising edge (IHI 0048B 1.4.2) */
	} else if (!level && (g->in_lr[w] & bit) == 0) {
		return;
	}
	vgic_spi_update(vm, w, bit, n);
}

int
vgic_set_level(struct hyp_vm *vm, uint32_t intid, bool level, struct vgic_notify *n)
{
	uint32_t w = intid / 32, bit = BIT(intid % 32);

	if (!vgic_is_spi(vm, intid))
		return -EINVAL;
	assign_bit(&vm->vgic.asserted[w], bit, level);
	line_update(vm, w, bit, n);
	return 0;
}

int
vgic_hold(struct hyp_vm *vm, uint32_t intid, struct vgic_notify *n)
{
	uint32_t w = intid / 32, bit = BIT(intid % 32);

	if (!vgic_is_spi(vm, intid) || (vm->vgic.resample[w] & bit) == 0)
		return -EINVAL;
	vm->vgic.held[w] |= bit;
	line_update(vm, w, bit, n);
	return 0;
}

int
vgic_set_resample(struct hyp_vm *vm, uint32_t intid, bool on, struct vgic_notify *n)
{
	struct vgic *g = &vm->vgic;
	uint32_t w = intid / 32, bit = BIT(intid % 32);

	if (!vgic_is_spi(vm, intid))
		return -EINVAL;
	assign_bit(&g->resample[w], bit, on);
	if (!on) {
		g->held[w] &= ~bit;
		g->ended[w] &= ~bit;
	}
	line_update(vm, w, bit, n);
	/* A list register that holds it lacks the EOI bit. */
	if (on)
		vgic_spi_update(vm, w, g->in_lr[w] & bit, n);
	return 0;
}

/*
 * The guest has ended it: what held the line asks whether there is more before it does so again.
 * Whether the line falls the caller's vgic_spi_update sees.
 */
static void
spi_ended(struct vgic *g, uint32_t w, uint32_t bit)
{
	if ((g->resample[w] & bit) == 0)
		return;
	g->held[w] &= ~bit;
	assign_bit(&g->level[w], bit, (g->asserted[w] & bit) != 0);
	g->ended[w] |= bit;
	STORE_ONCE(g->news, 1);
}

int
vgic_pulse(struct hyp_vm *vm, uint32_t intid, struct vgic_notify *n)
{
	struct vgic *g = &vm->vgic;
	uint32_t w = intid / 32, bit = BIT(intid % 32);

	if (!vgic_is_spi(vm, intid))
		return -EINVAL;
	/* A pulse is over before a level-sensitive input is looked at. */
	if ((g->edge[w] & bit) == 0)
		return 0;
	g->pending[w] |= bit;
	vgic_spi_update(vm, w, bit, n);
	return 0;
}

void
vgic_set_ppi(struct hyp_vcpu *v, uint32_t intid, bool level)
{
	assign_bit(&v->vgic.level, BIT(intid), level);
}

/* ---- sync: list registers -> model ---- */

bool
vgic_sync_needs_lock(const struct hyp_vcpu *v)
{
	const struct vgic_cpu *c = &v->vgic;

	return c->lr_spi != 0 || (c->hcr & GICH_HCR_LRENPIE) != 0;
}

static void
sync_private(struct hyp_vcpu *v, uint32_t lr)
{
	struct vgic_cpu *c = &v->vgic;
	uint32_t intid = FIELD_OF(GICH_LR_VIRTID_MASK, lr), bit = BIT(intid);

	assign_bit(&c->active, bit, (lr & GICH_LR_ACTIVE) != 0);
	if (intid < VGIC_NSGIS) {
		uint32_t src = FIELD_OF(GICH_LR_CPUID_MASK, lr);

		if (lr & GICH_LR_ACTIVE)
			c->sgi_active[intid] = (uint8_t)src;
		if (lr & GICH_LR_PENDING) {
			c->sgi_src[intid] |= (uint8_t)BIT(src);
			c->pending |= bit;
		}
	} else if ((lr & GICH_LR_PENDING) && (c->lr_pend & bit)) {
		c->pending |= bit;
	}
	c->in_lr &= ~bit;
	c->lr_pend &= ~bit;
	/* The guest's EOI deactivated the physical interrupt as well (IHI 0048B 5.2.2). */
	if ((lr & GICH_LR_HW) && (lr & GICH_LR_STATE_MASK) == 0) {
		v->vtimer.forwarded = 0;
		v->vtimer.hw_active = 0;
		c->level &= ~bit;
	}
}

static void
sync_spi(struct hyp_vm *vm, struct hyp_vcpu *v, uint32_t lr)
{
	struct vgic *g = &vm->vgic;
	struct vgic_notify n = { 0 };
	uint32_t intid = FIELD_OF(GICH_LR_VIRTID_MASK, lr);
	uint32_t w = intid / 32, bit = BIT(intid % 32);

	/* The machine was reset while the vCPU was out: not ours any more. */
	if ((g->in_lr[w] & bit) == 0 || g->owner[intid] != v->id)
		return;
	if (g->act_mod[w] & bit)
		g->act_mod[w] &= ~bit;
	else
		assign_bit(&g->active[w], bit, (lr & GICH_LR_ACTIVE) != 0);
	if ((lr & GICH_LR_PENDING) && (g->lr_pend[w] & bit))
		g->pending[w] |= bit;
	g->in_lr[w] &= ~bit;
	g->lr_pend[w] &= ~bit;
	/* Pending or active when it was filled, or it would not have been there. */
	if ((lr & GICH_LR_STATE_MASK) == 0)
		spi_ended(g, w, bit);
	vgic_spi_update(vm, w, bit, &n);
	g->kick |= n.vcpus & ~BIT(v->id);
}

/* Of the active interrupts of v that no list register holds, the one of highest priority. */
static uint32_t
best_unlisted_active(const struct hyp_vm *vm, const struct hyp_vcpu *v)
{
	const struct vgic *g = &vm->vgic;
	uint32_t best = ~0u;

	for (uint32_t b = v->vgic.active & ~v->vgic.in_lr; b != 0; b &= b - 1) {
		uint32_t i = vgic_ctz(b), key = (uint32_t)v->vgic.prio[i] << 16 | i;

		best = key < best ? key : best;
	}
	for (uint32_t w = 1; w < g->nwords; w++) {
		for (uint32_t b = g->active[w] & ~g->in_lr[w]; b != 0; b &= b - 1) {
			uint32_t i = 32 * w + vgic_ctz(b), key = (uint32_t)g->prio[i] << 16 | i;

			if (g->owner[i] == v->id && key < best)
				best = key;
		}
	}
	return best;
}

/*
 * EOIs of active interrupts that had no list register: GICH_HCR.EOICount says how many, not
 * which.  Interrupts nest by priority, so they ended in that order.
 */
static void
sync_unlisted_eois(struct hyp_vm *vm, struct hyp_vcpu *v)
{
	struct vgic *g = &vm->vgic;
	struct vgic_notify n = { 0 };
	uint32_t count = FIELD_OF(GICH_HCR_EOICOUNT_MASK, v->vgic.hcr);

	for (; count != 0; count--) {
		uint32_t key = best_unlisted_active(vm, v), i = key & 0xffff;

		if (key == ~0u)
			break; /* the guest EOIed what was never active */
		if (i < VGIC_PRIVATE) {
			v->vgic.active &= ~BIT(i);
			continue;
		}
		g->active[i / 32] &= ~BIT(i % 32);
		spi_ended(g, i / 32, BIT(i % 32));
		vgic_spi_update(vm, i / 32, BIT(i % 32), &n);
	}
	v->vgic.hcr &= ~GICH_HCR_EOICOUNT_MASK;
	g->kick |= n.vcpus & ~BIT(v->id);
}

void
vgic_sync(struct hyp_vm *vm, struct hyp_vcpu *v)
{
	struct vgic_cpu *c = &v->vgic;

	if (c->hcr & GICH_HCR_EOICOUNT_MASK)
		sync_unlisted_eois(vm, v);
	for (uint32_t b = c->used; b != 0; b &= b - 1) {
		uint32_t n = vgic_ctz(b), lr = c->lr[n];

		if ((c->lr_was_pend & BIT(n)) && (lr & GICH_LR_PENDING) == 0)
			v->stats[VMM_STAT_IRQ_INJECTED]++;
		if (FIELD_OF(GICH_LR_VIRTID_MASK, lr) < VGIC_PRIVATE)
			sync_private(v, lr);
		else
			sync_spi(vm, v, lr);
	}
	c->used = c->lr_spi = c->lr_was_pend = 0;
	/* Who waits for this sync sees what it did. */
	__atomic_store_n(&c->sync_seq, c->sync_seq + 1, __ATOMIC_RELEASE);
}

/* ---- flush: model -> list registers ---- */

/* The best of what belongs in list registers: keys are prio << 16 | INTID, ascending. */
struct pick {
	uint32_t nact, npend; /* candidates, also those for which key[] had no place */
	uint32_t act[VGIC_MAX_LRS];
	uint32_t pend[VGIC_MAX_LRS];
};

static inline void
pick_insert(uint32_t *key, uint32_t *n, uint32_t max, uint32_t k)
{
	uint32_t at = *n < max ? *n : max;

	(*n)++;
	if (at == max && k > key[max - 1])
		return;
	if (at == max)
		at = max - 1;
	for (; at > 0 && key[at - 1] > k; at--)
		key[at] = key[at - 1];
	key[at] = k;
}

/* SGIs that others sent since the last look. */
static inline void
drain_inbox(struct vgic_cpu *c)
{
	for (uint32_t w = 0; w < NELEM(c->sgi_inbox); w++) {
		uint32_t in;

		if (LOAD_ONCE(c->sgi_inbox[w]) == 0)
			continue;
		in = __atomic_exchange_n(&c->sgi_inbox[w], 0, __ATOMIC_ACQUIRE);
		for (uint32_t n = 4 * w; in != 0; n++, in >>= 8) {
			if ((in & 0xff) == 0)
				continue;
			c->sgi_src[n] |= (uint8_t)in;
			c->pending |= BIT(n);
		}
	}
}

static void
pick_private(const struct hyp_vm *vm, const struct hyp_vcpu *v, uint32_t nlrs, struct pick *p)
{
	const struct vgic_cpu *c = &v->vgic;
	uint32_t pend = vgic_private_enabled(vm, c) & vgic_private_pending(c);

	for (uint32_t b = pend | c->active; b != 0; b &= b - 1) {
		uint32_t i = vgic_ctz(b), key = (uint32_t)c->prio[i] << 16 | i;

		if (c->active & BIT(i))
			pick_insert(p->act, &p->nact, nlrs, key);
		else
			pick_insert(p->pend, &p->npend, nlrs, key);
	}
}

static inline uint32_t
spi_enabled(const struct vgic *g, uint32_t w)
{
	return g->enabled[w] & vgic_group_mask(g->ctlr, g->group[w]);
}

static void
pick_spi_word(struct vgic *g, uint32_t w, uint32_t id, uint32_t nlrs, struct pick *p)
{
	uint32_t ready = g->active[w] | (spi_enabled(g, w) & vgic_spi_pending(g, w));
	bool mine = false;

	for (uint32_t b = vgic_spi_live(g, w); b != 0; b &= b - 1) {
		uint32_t i = vgic_ctz(b), intid = 32 * w + i;
		uint32_t key = (uint32_t)g->prio[intid] << 16 | intid;

		if (vgic_spi_serves(g, intid) != id)
			continue;
		mine = true;
		if (g->active[w] & BIT(i))
			pick_insert(p->act, &p->nact, nlrs, key);
		else if (ready & BIT(i))
			pick_insert(p->pend, &p->npend, nlrs, key);
	}
	if (!mine)
		STORE_ONCE(g->hint[id], g->hint[id] & ~BIT(w));
}

/*
 * An SGI has one list register and shows one source at a time: the active one's, or the lowest
 * that is pending.  If others wait, the end of this one must be seen.
 */
static uint32_t
lr_of_sgi(struct vgic_cpu *c, uint32_t n, bool enabled)
{
	uint32_t src, lr;

	if (c->active & BIT(n)) {
		src = c->sgi_active[n];
		lr = GICH_LR_ACTIVE;
		if (enabled && (c->sgi_src[n] & BIT(src)))
			lr |= GICH_LR_PENDING;
	} else {
		src = vgic_ctz(c->sgi_src[n]);
		lr = GICH_LR_PENDING;
	}
	if (lr & GICH_LR_PENDING) {
		c->sgi_src[n] &= (uint8_t)~BIT(src);
		c->lr_pend |= BIT(n);
	}
	if (c->sgi_src[n] == 0)
		c->pending &= ~BIT(n);
	else if (enabled)
		lr |= GICH_LR_EOI;
	return lr | FIELD_TO(GICH_LR_CPUID_MASK, src);
}

/*
 * State of anything but an SGI.  The latch may be shown beside active; the line is not: it is
 * sampled again when the handler ended, which the EOI bit tells us if it is high now.
 */
static uint32_t
lr_state(uint32_t *pending, uint32_t *lr_pend, uint32_t bit, bool active, bool line, bool enabled)
{
	uint32_t lr = active ? GICH_LR_ACTIVE : GICH_LR_PENDING;

	if (!enabled)
		return lr;
	if (*pending & bit) {
		*pending &= ~bit;
		*lr_pend |= bit;
		lr |= GICH_LR_PENDING;
	}
	return line ? lr | GICH_LR_EOI : lr;
}

/* HW bit: the guest's EOI ends the physical PPI.  Never active and pending (IHI 0048B 5.3.7). */
static inline bool
lr_wants_hw(const struct hyp_vcpu *v, uint32_t intid, uint32_t lr)
{
	return intid == VGIC_PPI_CNTV && v->vtimer.forwarded != 0 &&
	    (lr & GICH_LR_STATE_MASK) != GICH_LR_STATE_MASK;
}

static uint32_t
lr_of_private(const struct hyp_vm *vm, struct hyp_vcpu *v, uint32_t intid)
{
	struct vgic_cpu *c = &v->vgic;
	uint32_t bit = BIT(intid), lr;
	bool enabled = (vgic_private_enabled(vm, c) & bit) != 0;

	if (intid < VGIC_NSGIS)
		lr = lr_of_sgi(c, intid, enabled);
	else
		lr = lr_state(&c->pending, &c->lr_pend, bit, (c->active & bit) != 0,
		    (c->level & ~c->edge & bit) != 0, enabled);
	if (lr_wants_hw(v, intid, lr))
		lr = (lr & ~GICH_LR_EOI) | GICH_LR_HW |
		    FIELD_TO(GICH_LR_PHYSID_MASK, hyp_params.vtimer_ppi);
	c->in_lr |= bit;
	return lr | vgic_lr_base(intid, c->prio[intid], (c->group & bit) != 0);
}

static uint32_t
lr_of_spi(struct vgic *g, const struct hyp_vcpu *v, uint32_t intid)
{
	uint32_t w = intid / 32, bit = BIT(intid % 32), lr;
	bool enabled = (spi_enabled(g, w) & bit) != 0;

	if ((g->active[w] & bit) && vgic_spi_target(g, intid) != v->id) {
		/* Ours until it ends, then somebody else's: the end must be seen. */
		lr = GICH_LR_ACTIVE;
		if (enabled && (vgic_spi_pending(g, w) & bit))
			lr |= GICH_LR_EOI;
	} else {
		lr = lr_state(&g->pending[w], &g->lr_pend[w], bit, (g->active[w] & bit) != 0,
		    (g->level[w] & ~g->edge[w] & bit) != 0, enabled);
	}
	if (g->resample[w] & bit)
		lr |=
		    GICH_LR_EOI; /* also where the guest sees edges, or has disabled it meanwhile */
	g->in_lr[w] |= bit;
	g->owner[intid] = (uint8_t)v->id;
	return lr | vgic_lr_base(intid, g->prio[intid], (g->group[w] & bit) != 0);
}

static void
fill_lr(struct hyp_vm *vm, struct hyp_vcpu *v, uint32_t n, uint32_t intid)
{
	struct vgic_cpu *c = &v->vgic;

	if (intid < VGIC_PRIVATE) {
		c->lr[n] = lr_of_private(vm, v, intid);
	} else {
		c->lr[n] = lr_of_spi(&vm->vgic, v, intid);
		c->lr_spi |= BIT(n);
	}
	c->used |= BIT(n);
	if (c->lr[n] & GICH_LR_PENDING)
		c->lr_was_pend |= BIT(n);
}

bool
vgic_flush_needs_lock(const struct hyp_vm *vm, const struct hyp_vcpu *v)
{
	return LOAD_ONCE(vm->vgic.hint[v->id]) != 0;
}

/*
 * More candidates than list registers: the active ones come first, since their EOI is what the
 * guest does next, but one place is kept for the best pending one, which may preempt them all.
 * It is also what makes progress certain: when no list register is pending any more the NP
 * maintenance interrupt comes, and the next ones get their turn.  EOIs of active interrupts
 * left out are counted by the hardware (EOICount, LRENP maintenance interrupt).  UIE is not
 * used: with few list registers its condition may already hold, and it would come for ever.
 */
void
vgic_flush(struct hyp_vm *vm, struct hyp_vcpu *v, bool spis)
{
	struct vgic_cpu *c = &v->vgic;
	uint32_t nlrs = c->nlrs, na, np, n = 0;
	struct pick p;

	p.nact = p.npend = 0;
	drain_inbox(c);
	if (nlrs != 0)
		pick_private(vm, v, nlrs, &p);
	if (spis && nlrs != 0)
		for (uint32_t b = vm->vgic.hint[v->id]; b != 0; b &= b - 1)
			pick_spi_word(&vm->vgic, vgic_ctz(b), v->id, nlrs, &p);

	c->hcr = GICH_HCR_EN;
	na = p.nact < nlrs ? p.nact : nlrs;
	if (p.npend != 0 && na == nlrs)
		na--;
	np = p.npend < nlrs - na ? p.npend : nlrs - na;
	if (np < p.npend)
		c->hcr |= GICH_HCR_NPIE;
	if (na < p.nact)
		c->hcr |= GICH_HCR_LRENPIE;
	if (c->hcr != GICH_HCR_EN)
		v->stats[VMM_STAT_LR_OVERFLOW]++;
	for (uint32_t i = 0; i < na; i++)
		fill_lr(vm, v, n++, p.act[i] & 0xffff);
	for (uint32_t i = 0; i < np; i++)
		fill_lr(vm, v, n++, p.pend[i] & 0xffff);
}

/* ---- would the guest take something? ---- */

/* Priority and the CPU interface's group enables: IHI 0048B 3.3, 4.4.1, 4.4.2. */
static inline bool
cpuif_lets(uint32_t vmcr, uint32_t prio, bool group1)
{
	uint32_t en = group1 ? GICH_VMCR_GRP1EN : GICH_VMCR_GRP0EN;

	return (vmcr & en) != 0 && prio >> 3 < FIELD_OF(GICH_VMCR_PMR_MASK, vmcr);
}

static bool
word_has_pending(const struct vgic *g, const struct hyp_vcpu *v, uint32_t w)
{
	uint32_t b = spi_enabled(g, w) & vgic_spi_pending(g, w) & ~g->active[w];

	for (; b != 0; b &= b - 1) {
		uint32_t i = vgic_ctz(b), intid = 32 * w + i;

		if (vgic_spi_serves(g, intid) == v->id &&
		    cpuif_lets(v->vgic.vmcr, g->prio[intid], (g->group[w] & BIT(i)) != 0))
			return true;
	}
	return false;
}

/*
 * Without locks: whoever changes something notifies afterwards, and is then looked at again.
 */
bool
vgic_has_pending(struct hyp_vm *vm, struct hyp_vcpu *v)
{
	const struct vgic_cpu *c = &v->vgic;
	uint32_t b = (vgic_private_pending(c) | vgic_inbox_sgis(c)) & vgic_private_enabled(vm, c) &
	    ~c->active;

	for (; b != 0; b &= b - 1) {
		uint32_t i = vgic_ctz(b);

		if (cpuif_lets(c->vmcr, c->prio[i], (c->group & BIT(i)) != 0))
			return true;
	}
	for (b = LOAD_ONCE(vm->vgic.hint[v->id]); b != 0; b &= b - 1)
		if (word_has_pending(&vm->vgic, v, vgic_ctz(b)))
			return true;
	return false;
}

bool
vgic_ppi_would_interrupt(const struct hyp_vm *vm, const struct hyp_vcpu *v, uint32_t intid)
{
	const struct vgic_cpu *c = &v->vgic;
	uint32_t bit = BIT(intid);

	return (vgic_private_enabled(vm, c) & ~c->active & bit) != 0 &&
	    cpuif_lets(c->vmcr, c->prio[intid], (c->group & bit) != 0);
}
