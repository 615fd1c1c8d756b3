/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The GIC of a 32-bit machine is a GICv2.
 */
#ifndef BENCH_GIC_H
#define BENCH_GIC_H

#include "../gic2.h"

static inline void
gic_init(void)
{
	gic2_init();
}

static inline uint32_t
gic_ack(void)
{
	return gic2_ack();
}

static inline void
gic_end(uint32_t iar)
{
	gic2_end(iar);
}

static inline void
gic_self(void)
{
	gic2_self();
}

#endif /* BENCH_GIC_H */
