/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A GICv3 (IHI 0069), see gic.h: one security state, affinity routing, all interrupts in Group 1,
 * CPUs 0.0.0.N.
 */
#include "../gic.h"
#include "../guest.h"

/* GICD_CTLR where there is one security state */
#define CTLR_GRP1 (1u << 1)
#define CTLR_ARE  (1u << 4)
#define CTLR_RWP  (1u << 31)

#define GICD_IGROUPR (GICD + 0x80u)
#define GICD_IROUTER (GICD + 0x6000u)
#define FRAMES	     0x20000u /* of a redistributor: RD and SGI */
#define SGI_FRAME    0x10000u
#define GICR_TYPER   0x08u
#define GICR_WAKER   0x14u
#define WAKER_SLEEP  (1u << 1)
#define WAKER_ASLEEP (1u << 2)
#define SGI1R_OTHERS (1ull << 40) /* IRM */
#define SGI1R_INTID  24

/* By their encodings: the assembler has the names with an extension only. */
#define ICC_PMR	    "s3_0_c4_c6_0"
#define ICC_SGI1R   "s3_0_c12_c11_5"
#define ICC_IAR1    "s3_0_c12_c12_0"
#define ICC_EOIR1   "s3_0_c12_c12_1"
#define ICC_HPPIR1  "s3_0_c12_c12_2"
#define ICC_SRE	    "s3_0_c12_c12_5"
#define ICC_IGRPEN1 "s3_0_c12_c12_7"

static uint32_t
redistributor(void)
{
	uint32_t frame = GICR;

	while (rd32(frame + GICR_TYPER + 4) != cpu_number()) { /* Affinity_Value */
		check((rd32(frame + GICR_TYPER) & 0x10) == 0); /* Last */
		frame += FRAMES;
	}
	return frame;
}

/* The frame that has an interrupt's registers: SPIs' are in the distributor. */
static uint32_t
frame_of(uint32_t intid)
{
	return intid < 32 ? redistributor() + SGI_FRAME : GICD;
}

static void
wait_for_writes(void)
{
	while ((rd32(GICD_CTLR) & CTLR_RWP) != 0)
		;
}

static void
init(void)
{
	uint32_t i, lines = rd32(GICD_TYPER) & 0x1f;

	wr32(GICD_CTLR, 0);
	wait_for_writes();
	wr32(GICD_CTLR, CTLR_ARE);
	for (i = 1; i <= lines; i++)
		wr32(GICD_IGROUPR + 4 * i, ~0u);
	wr32(GICD_CTLR, CTLR_ARE | CTLR_GRP1);
	wait_for_writes();
}

static void
cpu_init(void)
{
	uint32_t frame = redistributor();

	wr32(frame + GICR_WAKER, rd32(frame + GICR_WAKER) & ~WAKER_SLEEP);
	while ((rd32(frame + GICR_WAKER) & WAKER_ASLEEP) != 0)
		;
	wr32(frame + SGI_FRAME + 0x80, ~0u); /* GICR_IGROUPR0 */
	__asm__ volatile("msr " ICC_SRE ", %0; isb; msr " ICC_PMR ", %1; msr " ICC_IGRPEN1 ", %0;"
			 "isb" ::"r"(1ul),
			 "r"(0xf0ul)
			 : "memory");
}

static uint32_t
ack(void)
{
	uint64_t iar;

	__asm__ volatile("mrs %0, " ICC_IAR1 "; dsb sy" : "=r"(iar)::"memory");
	return (uint32_t)iar;
}

static void
end(uint32_t iar)
{
	__asm__ volatile("msr " ICC_EOIR1 ", %0; isb" ::"r"((uint64_t)iar) : "memory");
}

static void
set_priority(uint32_t intid, uint8_t priority)
{
	wr8(frame_of(intid) + 0x400 + intid, priority);
}

static void
enable(uint32_t intid)
{
	set_priority(intid, 0xa0);
	if (intid >= 32) {
		wr32(GICD_IROUTER + 8 * intid, cpu_number());
		wr32(GICD_IROUTER + 8 * intid + 4, 0);
	}
	wr32(frame_of(intid) + 0x100 + intid / 32 * 4, 1u << intid % 32);
}

static void
disable(uint32_t intid)
{
	wr32(frame_of(intid) + 0x180 + intid / 32 * 4, 1u << intid % 32);
	wait_for_writes();
}

static void
sgi1r(uint64_t val)
{
	__asm__ volatile("msr " ICC_SGI1R ", %0; isb" ::"r"(val) : "memory");
}

static void
send_sgi(uint32_t sgi, uint32_t targets)
{
	sgi1r((uint64_t)sgi << SGI1R_INTID | targets);
}

static void
send_sgi_to_others(uint32_t sgi)
{
	sgi1r(SGI1R_OTHERS | (uint64_t)sgi << SGI1R_INTID);
}

static void
set_mask(uint8_t priority)
{
	__asm__ volatile("msr " ICC_PMR ", %0; isb; dsb sy" ::"r"((uint64_t)priority) : "memory");
}

static uint32_t
highest(void)
{
	uint64_t intid;

	__asm__ volatile("isb; mrs %0, " ICC_HPPIR1 : "=r"(intid)::"memory");
	return (uint32_t)intid;
}

const struct gic gic3 = { 3, init, cpu_init, ack, end, enable, disable, send_sgi,
	send_sgi_to_others, set_priority, set_mask, highest };

/* ID_AA64PFR0_EL1.GIC; a hypervisor hides it where its guest's GIC is a GICv2. */
const struct gic *
gic_find(void)
{
	return (mrs(id_aa64pfr0_el1) >> 24 & 0xf) != 0 ? &gic3 : &gic2;
}
