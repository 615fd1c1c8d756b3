/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The virtual GIC and timer under anything a guest and its devices may do: the input is a
 * sequence of four-byte steps (operation and vCPU, two bytes of operands, data).  After each
 * the model must be consistent with itself and with the list registers; the fake GIC aborts
 * on what IHI 0048B calls UNPREDICTABLE, the rig on an interrupt that never ends.
 * Built with libFuzzer, or with a main that runs corpus files.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/vgic_rig.h"

#define MAX_STEPS 512u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(cond)              \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

/* Outside the guest no list register holds anything. */
static void
check_outside(uint32_t id)
{
	const struct vgic_cpu *c = &rig.hv[id].vgic;

	HOLDS(c->used == 0 && c->lr_spi == 0 && c->in_lr == 0 && c->lr_pend == 0);
	HOLDS(c->hw_lrs == 0);
}

/* Inside, each list register holds one interrupt that knows it, and no two the same. */
static void
check_inside(uint32_t id)
{
	const struct vgic_cpu *c = &rig.hv[id].vgic;
	const struct vgic *g = &rig.hvm.vgic;
	uint32_t privates = 0, spis = 0;

	HOLDS((c->used >> c->nlrs) == 0 && c->hw_lrs == c->used);
	for (uint32_t n = 0; n < c->nlrs; n++) {
		uint32_t intid = c->lr[n] & GICH_LR_VIRTID_MASK;

		if ((c->used & BIT(n)) == 0)
			continue;
		for (uint32_t o = 0; o < n; o++)
			HOLDS((c->used & BIT(o)) == 0 || (c->lr[o] & GICH_LR_VIRTID_MASK) != intid);
		if (intid < VGIC_PRIVATE) {
			HOLDS(c->in_lr & BIT(intid));
			privates++;
			continue;
		}
		HOLDS(intid < g->nirqs);
		HOLDS((g->in_lr[intid / 32] & BIT(intid % 32)) != 0 && g->owner[intid] == id);
		HOLDS(c->lr_spi & BIT(n));
		spis++;
	}
	HOLDS((uint32_t)__builtin_popcount(c->in_lr) == privates);
	HOLDS((uint32_t)__builtin_popcount(c->lr_spi) == spis);
}

/* Every SPI that somebody ought to look at is in his summary; nothing is where nobody asked. */
static void
check_shared(void)
{
	const struct vgic *g = &rig.hvm.vgic;

	HOLDS(rig.hvm.lock.held == 0);
	for (uint32_t w = 1; w < g->nwords; w++) {
		uint32_t live = g->active[w] |
		    (g->enabled[w] & (g->pending[w] | (g->level[w] & ~g->edge[w])));

		HOLDS(g->level[w] == (g->asserted[w] | g->held[w]));
		HOLDS(((g->held[w] | g->ended[w]) & ~g->resample[w]) == 0);
		HOLDS(g->ended[w] == 0 || g->news != 0);
		HOLDS((g->lr_pend[w] & ~g->in_lr[w]) == 0 && (g->act_mod[w] & ~g->in_lr[w]) == 0);
		for (uint32_t i = 0; i < 32; i++) {
			uint32_t intid = 32 * w + i, cpus = g->cpus, t = g->target[intid] & cpus;
			bool out = (g->in_lr[w] & BIT(i)) != 0;

			HOLDS((g->prio[intid] & ~VGIC_PRIO_MASK) == 0);
			HOLDS(!out || rig.in_guest[g->owner[intid]]);
			if ((live & BIT(i)) == 0)
				continue;
			if ((cpus & (cpus - 1)) == 0)
				t = cpus;
			if (out || (g->active[w] & BIT(i)))
				t = BIT(g->owner[intid]);
			HOLDS(t == 0 || (g->hint[__builtin_ctz(t)] & BIT(w)) != 0);
		}
	}
}

static void
check_all(void)
{
	for (uint32_t id = 0; id < rig.ncpus; id++) {
		const struct vgic_cpu *c = &rig.hv[id].vgic;

		for (uint32_t n = 0; n < VGIC_NSGIS; n++)
			HOLDS(((c->pending >> n) & 1) == (c->sgi_src[n] != 0));
		HOLDS((c->enabled & VGIC_SGI_MASK) == VGIC_SGI_MASK);
		if (rig.in_guest[id])
			check_inside(id);
		else
			check_outside(id);
	}
	check_shared();
}

static void
guest_step(uint32_t id, const uint8_t *s)
{
	if (!rig.in_guest[id])
		return;
	rig_on(id);
	switch (s[1] % 8) {
	case 0:
	case 1:
		rig_ack(id);
		break;
	case 2:
	case 3:
		rig_eoi(id, s[2] % 64 | (uint32_t)(s[3] & 7) << 10);
		break;
	case 4:
		fake_gicv_dir(s[2]);
		break;
	case 5:
		fake_gicv_set_pmr(s[2] & 0xf8u);
		break;
	case 6:
		fake_gicv_set_eoimode(s[2] & 1);
		break;
	case 7:
		fake_cntv_set(s[2] & 3, fake_cntpct + s[3] - 64);
		break;
	}
}

/* Registers' beginnings, so that a byte finds its way. */
static const uint16_t blocks[] = { 0, 0x80, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380, 0x400, 0x440,
	0x800, 0x840, 0xc00, 0xf00, 0xf10, 0xf20 };

static void
step(const uint8_t *s)
{
	uint32_t id = (s[0] >> 5) % rig.ncpus;
	uint32_t off = blocks[s[1] >> 4] + (s[1] & 15u), data = (uint32_t)s[2] << (s[3] & 31);

	switch (s[0] % 16) {
	case 0:
		if (rig.in_guest[id])
			rig_exit(id);
		else
			rig_enter(id);
		break;
	case 1:
		vgic_host_set_level(&rig.vm, s[1] + (s[2] & 3u) * 256, s[3] & 1);
		break;
	case 2:
		if (s[2] & 1)
			vgic_host_set_resample(&rig.vm, s[1] % 128u, (s[2] & 6u) != 0);
		else if (s[2] & 2)
			vgic_host_hold(&rig.vm, s[1]);
		else
			vgic_host_pulse(&rig.vm, s[1]);
		break;
	case 3:
		fake_cntpct += s[1];
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		guest_step(id, s);
		break;
	case 8:
		rig_access(id, off, 1, true, data);
		break;
	case 9:
		rig_access(id, off, 1u << (s[2] & 3), false, 0);
		break;
	case 10:
		rig_write(id, GICD_SGIR, (s[1] & 3u) << 24 | (uint32_t)s[2] << 16 | (s[3] & 15u));
		break;
	default:
		rig_access(id, off & ~3u, 4, true, data);
		break;
	}
	if (rig.in_guest[id] && (s[0] & 16))
		rig_settle(id);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t nlrs[] = { 1, 2, 4, 16 };

	if (size < 4)
		return 0;
	rig_init(data[0] % 8 + 1u, nlrs[data[1] % 4], data[2] & 1 ? 1020 : 96);
	for (uint32_t id = 0; id < rig.ncpus; id++)
		rig_enter(id);
	rig_write(0, GICD_CTLR, 3);
	for (size_t i = 4; i + 4 <= size && i < 4 * MAX_STEPS; i += 4) {
		step(&data[i]);
		check_all();
	}
	return 0;
}
