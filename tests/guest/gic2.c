/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A GICv2 (IHI 0048B), see gic.h.
 */
#include "gic.h"
#include "guest.h"

#define SGIR_OTHERS (1u << 24) /* TargetListFilter */

static void
init(void)
{
	wr32(GICD_CTLR, 1);
}

static void
cpu_init(void)
{
	wr32(GICC_PMR, 0xf0);
	wr32(GICC_CTLR, 1);
}

static uint32_t
ack(void)
{
	return rd32(GICC_IAR);
}

static void
end(uint32_t iar)
{
	wr32(GICC_EOIR, iar);
}

static void
set_priority(uint32_t intid, uint8_t priority)
{
	wr8(GICD_IPRIORITYR + intid, priority);
}

static void
enable(uint32_t intid)
{
	set_priority(intid, 0xa0);
	if (intid >= 32)
		wr8(GICD_ITARGETSR + intid, (uint8_t)(1u << cpu_number()));
	wr32(GICD_ISENABLER + intid / 32 * 4, 1u << intid % 32);
}

static void
disable(uint32_t intid)
{
	wr32(GICD_ICENABLER + intid / 32 * 4, 1u << intid % 32);
}

static void
send_sgi(uint32_t sgi, uint32_t targets)
{
	wr32(GICD_SGIR, targets << 16 | sgi);
}

static void
send_sgi_to_others(uint32_t sgi)
{
	wr32(GICD_SGIR, SGIR_OTHERS | sgi);
}

static void
set_mask(uint8_t priority)
{
	wr32(GICC_PMR, priority);
}

static uint32_t
highest(void)
{
	return rd32(GICC_HPPIR) & 0x3ff;
}

const struct gic gic2 = { 2, init, cpu_init, ack, end, enable, disable, send_sgi,
	send_sgi_to_others, set_priority, set_mask, highest };
