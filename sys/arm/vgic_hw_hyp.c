/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * GICH, the virtual interface control registers (IHI 0048B 5.3), and what HYP answers
 * without a world switch.  HYP mode, interrupts masked.  Of the list registers only those
 * that are in use are touched: a device access costs a hundred times an instruction.  While
 * the host runs they are all zero and GICH_HCR.En is clear, so that neither a virtual nor a
 * maintenance interrupt is signalled.
 *
 * hyp_vm.lock is only tried: the host may hold it on another CPU.  Exception entry and return
 * order nothing among device registers, which are in program order anyway (DDI 0406C A3.5).
 */
#include <sysreg.h>

#include "vgic_impl.h"

static inline uint32_t
gich_read(uint32_t reg)
{
	return dev_read32(hyp_params.gich, reg);
}

static inline void
gich_write(uint32_t reg, uint32_t val)
{
	dev_write32(hyp_params.gich, reg, val);
}

void
vgic_hw_init(void)
{
	gich_write(GICH_HCR, 0);
	for (uint32_t n = 0; n < hyp_params.nlrs; n++)
		gich_write(GICH_LR(n), 0);
	gich_write(GICH_APR, 0);
}

/*
 * What the guest made of its list registers.  GICH_ELRSR saves reading those that ended:
 * all but their state is as it was written (IHI 0048B 5.3.10).
 */
static void
lrs_save(struct vgic_cpu *c)
{
	uint32_t empty;

	if (c->hcr & GICH_HCR_LRENPIE)
		c->hcr = gich_read(GICH_HCR); /* with EOICount */
	if (c->used == 0)
		return;
	empty = gich_read(GICH_ELRSR0);
	for (uint32_t b = c->used; b != 0; b &= b - 1) {
		uint32_t n = vgic_ctz(b);

		if (empty & BIT(n))
			c->lr[n] &= ~GICH_LR_STATE_MASK;
		else
			c->lr[n] = gich_read(GICH_LR(n));
	}
}

/*
 * No two of them hold one VirtualID even for a moment (IHI 0048B 5.3.7): what stands behind the
 * first goes before anything is written.
 */
static void
lrs_restore(struct vgic_cpu *c)
{
	for (uint32_t b = c->hw_lrs & ~(c->used & 1); b != 0; b &= b - 1)
		gich_write(GICH_LR(vgic_ctz(b)), 0);
	for (uint32_t b = c->used; b != 0; b &= b - 1)
		gich_write(GICH_LR(vgic_ctz(b)), c->lr[vgic_ctz(b)]);
	c->hw_lrs = c->used;
}

void
vgic_hw_save(struct hyp_vcpu *v)
{
	struct vgic_cpu *c = &v->vgic;

	lrs_save(c);
	c->vmcr = gich_read(GICH_VMCR);
	c->apr = gich_read(GICH_APR);
	gich_write(GICH_HCR, 0);
	for (uint32_t b = c->hw_lrs; b != 0; b &= b - 1)
		gich_write(GICH_LR(vgic_ctz(b)), 0);
	c->hw_lrs = 0;
}

void
vgic_hw_restore(struct hyp_vcpu *v)
{
	struct vgic_cpu *c = &v->vgic;

	gich_write(GICH_VMCR, c->vmcr);
	gich_write(GICH_APR, c->apr);
	lrs_restore(c);
	gich_write(GICH_HCR, c->hcr);
}

/* ---- HYP's own answers ---- */

static inline struct hyp_vm *
vm_of(const struct hyp_vcpu *v)
{
	return HYP_PTR(struct hyp_vm, v->vm);
}

/*
 * Fold the live list registers into the model.  False: the lock is needed and not to be had, or
 * the sync made work that only the host can do (host_is_needed); the host goes on from there.
 * *locked: for answer_end.
 */
static bool
answer_begin(struct hyp_vcpu *v, bool lock, bool *locked)
{
	struct hyp_vm *vm = vm_of(v);

	*locked = lock || vgic_sync_needs_lock(v) || vgic_flush_needs_lock(vm, v);
	if (*locked && !hyp_trylock(&vm->lock))
		return false;
	lrs_save(&v->vgic);
	vgic_sync(vm, v);
	if (v->vtimer.forwarded)
		vtimer_hyp_sample(v);
	return true;
}

/* GICH_HCR differs from what it holds only after an overflow or its end, or with EOICount. */
static void
answer_end(struct hyp_vcpu *v, uint32_t old_hcr, bool locked)
{
	struct hyp_vm *vm = vm_of(v);

	vgic_flush(vm, v, locked);
	lrs_restore(&v->vgic);
	if (v->vgic.hcr != old_hcr || old_hcr != GICH_HCR_EN)
		gich_write(GICH_HCR, v->vgic.hcr);
	if (locked)
		hyp_unlock(&vm->lock);
}

/*
 * To the host instead: the list registers are folded and count no more, and neither do the EOIs
 * that GICH_HCR counted.
 */
static enum hyp_verdict
answer_decline(struct hyp_vcpu *v, bool locked)
{
	if (v->vgic.hcr & GICH_HCR_LRENPIE)
		gich_write(GICH_HCR, v->vgic.hcr);
	if (locked)
		hyp_unlock(&vm_of(v)->lock);
	return HYP_TO_HOST;
}

/* Others are to be kicked, or bound descriptors told of an end. */
static inline bool
host_is_needed(const struct hyp_vcpu *v)
{
	const struct vgic *g = &vm_of(v)->vgic;

	return (LOAD_ONCE(g->kick) | LOAD_ONCE(g->news)) != 0;
}

/*
 * The two interrupts that a vCPU gets all the time, an SGI to itself and CNTV's, go straight into a
 * list register, without sync and flush: the one that showed it last, if that has ended, or a
 * free one.  Only while nothing else is to be said of the interrupt, and nothing was left out for
 * want of list registers.  lr is all but the state; nlrs: take the long way.
 */
static uint32_t
live_slot(struct hyp_vcpu *v, uint32_t intid)
{
	struct vgic_cpu *c = &v->vgic;
	uint32_t bit = BIT(intid), n;

	if (c->hcr != GICH_HCR_EN || (c->pending & bit) ||
	    (vgic_private_enabled(vm_of(v), c) & bit) == 0)
		return c->nlrs;
	if ((c->in_lr & bit) == 0) {
		n = vgic_ctz(~c->used);
		return (c->active & bit) || n > c->nlrs ? c->nlrs : n;
	}
	for (uint32_t b = c->used; b != 0; b &= b - 1) {
		n = vgic_ctz(b);
		if ((c->lr[n] & GICH_LR_VIRTID_MASK) == intid)
			return gich_read(GICH_ELRSR0) & BIT(n) ? n : c->nlrs;
	}
	return c->nlrs;
}

static void
live_show(struct hyp_vcpu *v, uint32_t n, uint32_t intid, uint32_t lr)
{
	struct vgic_cpu *c = &v->vgic;
	uint32_t bit = BIT(intid);

	if (c->lr_was_pend & c->used & BIT(n)) /* the last one was taken, and ended */
		v->stats[VMM_STAT_IRQ_INJECTED]++;
	lr |= vgic_lr_base(intid, c->prio[intid], (c->group & bit) != 0) | GICH_LR_PENDING;
	c->lr[n] = lr;
	c->active &= ~bit;
	c->in_lr |= bit;
	c->used |= BIT(n);
	c->hw_lrs |= BIT(n);
	c->lr_was_pend |= BIT(n);
	gich_write(GICH_LR(n), lr);
}

/* GICD_SGIR, to the sender alone, by number or as such (IHI 0048B 4.3.15). */
static bool
live_sgi(struct hyp_vcpu *v, const struct vgic_access *a)
{
	uint32_t intid = a->data & GICD_SGIR_ID_MASK, n;
	uint32_t to = a->data & (GICD_SGIR_FILTER_MASK | GICD_SGIR_LIST_MASK);

	if ((to & GICD_SGIR_FILTER_MASK) != FIELD_TO(GICD_SGIR_FILTER_MASK, GICD_SGIR_SELF) &&
	    to != FIELD_TO(GICD_SGIR_LIST_MASK, BIT(v->id)))
		return false;
	n = live_slot(v, intid);
	if (n >= v->vgic.nlrs)
		return false;
	v->stats[VMM_STAT_SGI_SENT]++;
	v->vgic.lr_pend |= BIT(intid);
	live_show(v, n, intid, FIELD_TO(GICH_LR_CPUID_MASK, v->id));
	return true;
}

static bool
live_vtimer(struct hyp_vcpu *v)
{
	uint32_t bit = BIT(VGIC_PPI_CNTV), n = live_slot(v, VGIC_PPI_CNTV);

	if (n >= v->vgic.nlrs)
		return false;
	/* Ended with its HW bit, it ended the physical one too. */
	if (v->vgic.in_lr & bit) {
		if ((v->vgic.lr[n] & GICH_LR_HW) == 0)
			return false;
		v->vtimer.forwarded = 0;
	}
	if (!vtimer_hyp_irq(v))
		return false;
	v->vgic.lr_pend &= ~bit;
	live_show(
	    v, n, VGIC_PPI_CNTV, GICH_LR_HW | FIELD_TO(GICH_LR_PHYSID_MASK, hyp_params.vtimer_ppi));
	return true;
}

enum hyp_verdict
vgic_hyp_mmio(struct hyp_vcpu *v, struct vgic_access *a)
{
	struct hyp_vm *vm = vm_of(v);
	struct vgic_notify n = { 0 };
	uint32_t needs, old_hcr = v->vgic.hcr;
	bool locked;

	if (vgic_mmio_plain(vm, v, a))
		return HYP_REENTER;
	if (a->offset == GICD_SGIR && a->size == 4 && a->write && live_sgi(v, a))
		return HYP_REENTER;
	needs = vgic_mmio_needs(vm, v, a);
	if (needs == 0) /* WI */
		return HYP_REENTER;
	if ((needs & VGIC_NEED_HOST) || !answer_begin(v, (needs & VGIC_NEED_LOCK) != 0, &locked))
		return HYP_TO_HOST;
	if (host_is_needed(v) || ((needs & VGIC_NEED_LOCK) && vgic_mmio_is_foreign(vm, v, a)))
		return answer_decline(v, locked);
	vgic_mmio(vm, v, a, &n);
	answer_end(v, old_hcr, locked);
	return HYP_REENTER;
}

/* Its condition ends with the flush, which fills the list registers anew; else the host looks. */
enum hyp_verdict
vgic_hyp_maintenance(struct hyp_vcpu *v)
{
	uint32_t old_hcr = v->vgic.hcr;
	bool locked;

	v->vgic.misr = gich_read(GICH_MISR);
	if (v->vgic.misr == 0 || !answer_begin(v, false, &locked))
		return HYP_TO_HOST;
	if (host_is_needed(v))
		return answer_decline(v, locked);
	answer_end(v, old_hcr, locked);
	return gich_read(GICH_MISR) == 0 ? HYP_REENTER : HYP_TO_HOST;
}

enum hyp_verdict
vgic_hyp_vtimer(struct hyp_vcpu *v)
{
	uint32_t old_hcr = v->vgic.hcr;
	bool locked;

	if (!vtimer_hyp_line())
		return HYP_TO_HOST;
	if (live_vtimer(v))
		return HYP_REENTER;
	if (!answer_begin(v, false, &locked))
		return HYP_TO_HOST;
	if (host_is_needed(v) || !vtimer_hyp_irq(v))
		return answer_decline(v, locked);
	answer_end(v, old_hcr, locked);
	return HYP_REENTER;
}
