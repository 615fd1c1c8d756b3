/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The GIC of a 64-bit machine: a GICv3 (IHI 0069) where ID_AA64PFR0_EL1.GIC says so, which is what
 * hypervisors hide where their guest's GIC is a GICv2.  One CPU, everything in Group 1, one
 * security state.
 */
#ifndef BENCH_GIC_H
#define BENCH_GIC_H

#include "../gic2.h"

#define GICR_SGI	 (GICR + 0x10000u) /* the frame of SGIs and PPIs */
#define GICD_CTLR_RWP	 (1u << 31)
#define GICD_CTLR_ARE	 (1u << 4) /* GICD_CTLR where there is one security state */
#define GICD_CTLR_GRP1	 (1u << 1)
#define GICR_WAKER_SLEEP (1u << 1) /* ProcessorSleep */
#define GICR_WAKER_QUIET (1u << 2) /* ChildrenAsleep */

extern bool gic_is_v3; /* gic_init() sets it */

/* By their encodings, since the assembler knows their names only with an extension on. */
#define ICC_PMR	    "s3_0_c4_c6_0"
#define ICC_SGI1R   "s3_0_c12_c11_5"
#define ICC_IAR1    "s3_0_c12_c12_0"
#define ICC_EOIR1   "s3_0_c12_c12_1"
#define ICC_SRE	    "s3_0_c12_c12_5"
#define ICC_IGRPEN1 "s3_0_c12_c12_7"

static inline void
gic3_init(void)
{
	uint32_t i;

	mmio_write(GICD + 0x0, GICD_CTLR_ARE);
	while (mmio_read(GICD + 0x0) & GICD_CTLR_RWP)
		;
	mmio_write(GICD + 0x0, GICD_CTLR_ARE | GICD_CTLR_GRP1);
	mmio_write(GICR + 0x14, mmio_read(GICR + 0x14) & ~GICR_WAKER_SLEEP);
	while (mmio_read(GICR + 0x14) & GICR_WAKER_QUIET)
		;
	mmio_write(GICR_SGI + 0x80, 0xffffffffu); /* IGROUPR0 */
	for (i = 0; i < 32; i += 4)
		mmio_write(GICR_SGI + 0x400 + i, 0xa0a0a0a0u);
	mmio_write(GICR_SGI + 0x100, 1u << PPI_VTIMER | 1u << SGI_BENCH);
	__asm__ volatile("msr " ICC_SRE ", %0; isb; msr " ICC_PMR ", %1; msr " ICC_IGRPEN1 ", %0;"
			 "isb" ::"r"(1ul),
			 "r"(0xf8ul)
			 : "memory");
}

static inline uint32_t
gic3_ack(void)
{
	uint64_t iar;

	__asm__ volatile("mrs %0, " ICC_IAR1 "; dsb sy" : "=r"(iar)::"memory");
	return (uint32_t)iar;
}

static inline void
gic3_end(uint64_t iar)
{
	__asm__ volatile("msr " ICC_EOIR1 ", %0; isb" ::"r"(iar) : "memory");
}

/* Affinity 0.0.0.0, the first CPU of its list (ICC_SGI1R_EL1). */
static inline void
gic3_self(void)
{
	__asm__ volatile("msr " ICC_SGI1R ", %0; isb" ::"r"((uint64_t)SGI_BENCH << 24 | 1)
			 : "memory");
}

static inline void
gic_init(void)
{
	uint64_t pfr0;

	__asm__ volatile("mrs %0, id_aa64pfr0_el1" : "=r"(pfr0));
	gic_is_v3 = (pfr0 >> 24 & 0xf) != 0;
	if (gic_is_v3)
		gic3_init();
	else
		gic2_init();
}

static inline uint32_t
gic_ack(void)
{
	return gic_is_v3 ? gic3_ack() : gic2_ack();
}

static inline void
gic_end(uint32_t iar)
{
	if (gic_is_v3)
		gic3_end(iar);
	else
		gic2_end(iar);
}

static inline void
gic_self(void)
{
	if (gic_is_v3)
		gic3_self();
	else
		gic2_self();
}

#endif /* BENCH_GIC_H */
