/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What vgic.c and vgic_mmio.c share: who an interrupt belongs to.  Memory only.
 */
#ifndef ARM_VGIC_IMPL_H
#define ARM_VGIC_IMPL_H

#include "hyp.h"
#include "vgic_regs.h"

static inline uint32_t
vgic_ctz(uint32_t x)
{
	return (uint32_t)__builtin_ctz(x);
}

/* A group's interrupts are forwarded while GICD_CTLR enables the group. */
static inline uint32_t
vgic_group_mask(uint32_t ctlr, uint32_t group)
{
	uint32_t mask = 0;

	if (ctlr & GICD_CTLR_GRP0)
		mask |= ~group;
	if (ctlr & GICD_CTLR_GRP1)
		mask |= group;
	return mask;
}

/* Pending, in the words of IHI 0048B 3.2: the latch, or the line if it is level-sensitive. */
static inline uint32_t
vgic_private_pending(const struct vgic_cpu *c)
{
	return c->pending | (c->level & ~c->edge);
}

static inline uint32_t
vgic_spi_pending(const struct vgic *g, uint32_t w)
{
	return g->pending[w] | (g->level[w] & ~g->edge[w]);
}

/* SGIs sent by others that the vCPU has not looked at yet. */
static inline uint32_t
vgic_inbox_sgis(const struct vgic_cpu *c)
{
	uint32_t sgis = 0;

	if ((LOAD_ONCE(c->sgi_inbox[0]) | LOAD_ONCE(c->sgi_inbox[1]) | LOAD_ONCE(c->sgi_inbox[2]) |
		LOAD_ONCE(c->sgi_inbox[3])) == 0)
		return 0; /* nearly always */
	for (uint32_t n = 0; n < VGIC_NSGIS; n++)
		if (LOAD_ONCE(c->sgi_inbox[n / 4]) >> (8 * (n % 4)) & 0xff)
			sgis |= BIT(n);
	return sgis;
}

static inline uint32_t
vgic_private_enabled(const struct hyp_vm *vm, const struct vgic_cpu *c)
{
	return c->enabled & vgic_group_mask(LOAD_ONCE(vm->vgic.ctlr), c->group);
}

/* What a list register says of an interrupt besides its state. */
static inline uint32_t
vgic_lr_base(uint32_t intid, uint32_t prio, bool group1)
{
	uint32_t lr = FIELD_TO(GICH_LR_VIRTID_MASK, intid) | FIELD_TO(GICH_LR_PRIO_MASK, prio >> 3);

	return group1 ? lr | GICH_LR_GRP1 : lr;
}

/* SPIs of word w that belong in somebody's list registers, GICD_CTLR aside. */
static inline uint32_t
vgic_spi_live(const struct vgic *g, uint32_t w)
{
	return g->active[w] | (g->enabled[w] & vgic_spi_pending(g, w));
}

/*
 * The vCPU a pending SPI goes to.  Of several in ITARGETSR it is the lowest, which the
 * 1-of-N model (IHI 0048B 1.4.3) leaves to us.  With one vCPU there is no choice, and
 * ITARGETSR is RAZ/WI.
 */
static inline uint32_t
vgic_spi_target(const struct vgic *g, uint32_t intid)
{
	uint32_t cpus = LOAD_ONCE(g->cpus);
	uint32_t t = (cpus & (cpus - 1)) == 0 ? cpus : (g->target[intid] & cpus);

	return t != 0 ? vgic_ctz(t) : VGIC_NO_VCPU;
}

/* The vCPU that has it now: whoever holds it in a list register, took it, or would get it. */
static inline uint32_t
vgic_spi_serves(const struct vgic *g, uint32_t intid)
{
	uint32_t w = intid / 32, bit = BIT(intid % 32);

	if ((g->in_lr[w] | g->active[w]) & bit)
		return g->owner[intid];
	return vgic_spi_target(g, intid);
}

/* INTIDs 1020..1023 do not exist (IHI 0048B 2.2.1). */
static inline uint32_t
vgic_word_mask(const struct vgic *g, uint32_t w)
{
	if (w >= g->nwords)
		return 0;
	return w == 31 ? 0x0fffffffu : ~0u;
}

/* Something about the SPIs bits of word w changed: who looks at them next, who is notified. [L] */
void vgic_spi_update(struct hyp_vm *vm, uint32_t w, uint32_t bits, struct vgic_notify *n);

#endif /* ARM_VGIC_IMPL_H */
