/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * GICv2m (Arm's Server Base System Architecture has it; devicetree binding arm,gic-v2m-frame): the
 * frame says which SPIs are its own, and a store of one's INTID to SETSPI makes that pending.  No
 * state, so no lock.
 */
#include "gicv2m.h"

#define MSI_TYPER     0x008u
#define MSI_SETSPI_NS 0x040u
#define MSI_IIDR      0xfccu

#define FRAME_SIZE	 0x1000u
#define TYPER_BASE_SHIFT 16
/* ProductID [31:20], ours to choose; Implementer [11:0], a JEP106 code, which we have none of. */
#define IIDR (0x62u << 20)

static uint32_t
reg_read(const struct gicv2m *g, uint64_t reg)
{
	switch (reg) {
	case MSI_TYPER:
		return g->first << TYPER_BASE_SHIFT | g->count;
	case MSI_IIDR:
		return IIDR;
	default: /* write-only or reserved */
		return 0;
	}
}

static enum mmio_result
gicv2m_read(void *sc, uint64_t offset, uint32_t size, uint64_t *data)
{
	(void)size;
	*data = reg_read(sc, offset & ~3ull) >> (offset & 3) * 8;
	return MMIO_OK;
}

static enum mmio_result
gicv2m_write(void *sc, uint64_t offset, uint32_t size, uint64_t data)
{
	const struct gicv2m *g = sc;

	(void)size;
	gicv2m_message(g, g->base + offset, (uint32_t)data);
	return MMIO_OK;
}

bool
gicv2m_takes(const struct gicv2m *g, uint64_t addr, uint32_t data)
{
	return addr == g->base + MSI_SETSPI_NS && data - g->first < g->count;
}

bool
gicv2m_message(const struct gicv2m *g, uint64_t addr, uint32_t data)
{
	if (!gicv2m_takes(g, addr, data))
		return false;
	g->raise(g->arg, data);
	return true;
}

void
gicv2m_mmio(struct gicv2m *g, struct mmio_device *dev)
{
	*dev = (struct mmio_device){
		.name = "gicv2m",
		.base = g->base,
		.size = FRAME_SIZE,
		.sizes = 2 | 4,
		.sc = g,
		.read = gicv2m_read,
		.write = gicv2m_write,
	};
}
