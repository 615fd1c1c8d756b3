/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A GICv2 (IHI 0048B) with one CPU.
 */
#ifndef BENCH_GIC2_H
#define BENCH_GIC2_H

#include "bench.h"

/* With the timer's interrupt and SGI_BENCH enabled. */
static inline void
gic2_init(void)
{
	uint32_t i;

	mmio_write(GICD + 0x000, 1);
	for (i = 0; i < 32; i += 4)
		mmio_write(GICD + 0x400 + i, 0xa0a0a0a0u);
	mmio_write(GICD + 0x100, 1u << PPI_VTIMER | 1u << SGI_BENCH);
	mmio_write(GICC + 0x4, 0xf8);
	mmio_write(GICC + 0x0, 1);
}

/* As GICC_IAR has it. */
static inline uint32_t
gic2_ack(void)
{
	return mmio_read(GICC + 0xc);
}

/* Drops the priority and deactivates. */
static inline void
gic2_end(uint32_t iar)
{
	mmio_write(GICC + 0x10, iar);
}

/* SGI_BENCH to this CPU. */
static inline void
gic2_self(void)
{
	mmio_write(GICD + 0xf00, 2u << 24 | SGI_BENCH);
}

/* An SPI, edge-triggered, to this CPU. */
static inline void
gic2_enable(uint32_t intid)
{
	uint32_t shift = intid % 4 * 8, config = GICD + 0xc00 + intid / 16 * 4;

	mmio_write(config, mmio_read(config) | 2u << intid % 16 * 2);
	*(volatile uint8_t *)(uintptr_t)(GICD + 0x400 + intid / 4 * 4 + shift / 8) = 0xa0;
	*(volatile uint8_t *)(uintptr_t)(GICD + 0x800 + intid / 4 * 4 + shift / 8) = 1;
	mmio_write(GICD + 0x100 + intid / 32 * 4, 1u << intid % 32);
}

#endif /* BENCH_GIC2_H */
