/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Set/way operations, SCTLR.C going on and off, and TLB invalidations, on three CPUs without
 * pause, while the first writes memory and looks whether it is still there.
 */
#include "hostile.h"

#define WORDS 4096u

static volatile uint32_t data[WORDS], over;

static void
nasty(uint32_t cpu)
{
	uint32_t n = 0, sctlr;

	while (over == 0) {
		sctlr = mrc(0, c1, c0, 0);
		switch (cpu) {
		case 1:
			mcr(0, c1, c0, 0, sctlr ^ 4u);
			isb();
			break;
		case 2:
			mcr(0, c7, c14, 2, n << 6); /* DCCISW */
			mcr(0, c7, c10, 2, n << 6); /* DCCSW */
			mcr(0, c1, c0, 0, sctlr ^ ((n & 31) == 0 ? 0x1004u : 0));
			isb();
			break;
		default:
			mcr(0, c8, c7, 0, 0); /* TLBIALL */
			mcr(0, c8, c3, 0, 0); /* TLBIALLIS */
			mcr(0, c7, c1, 0, 0); /* ICIALLUIS */
			mcr(0, c8, c7, 1, n << 12);
			dsb();
			isb();
			break;
		}
		n++;
	}
}

static void
honest(void)
{
	uint32_t i, n = 0;

	while (!time_is_up(1500)) {
		n++;
		for (i = 0; i < WORDS; i++)
			data[i] = i * 2654435761u + n;
		for (i = 0; i < WORDS; i++)
			check_eq(data[i], i * 2654435761u + n);
	}
	over = 1;
}

static void
work(uint32_t cpu)
{
	if (cpu == 0)
		honest();
	else
		nasty(cpu);
}

void
test_main(void)
{
	hostile_begin();
	on_all_cpus(work);
}
