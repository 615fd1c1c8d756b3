/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Two CPUs write and read words of the same pages, which the host may take away meanwhile and
 * give again, zeroed (tests/load/discard): a word is what its CPU wrote last, or zero.  A page
 * serves for a store, a load or code first, as it comes.
 */
#include "guest.h"

#define WINDOW	 (RAM + 0x2000000u)
#define PAGES	 1024u /* two blocks of 2 MiB */
#define STEP	 7u    /* has no factor in common with PAGES */
#define SECOND	 2048u /* where the second CPU's words are in a page */
#define TENTHS	 1u    /* of a second */
#define SEED_MUL 2654435761u

static volatile uint32_t started, finished, wrong;

static void
touch(uint32_t page, uint32_t offset, uint32_t seed)
{
	uint32_t word = WINDOW + page * 4096 + offset, seen = rd32(word);

	if (seen != 0 && seen >> 8 != (page * SEED_MUL) >> 8)
		wrong = 1;
	wr32(word, ((page * SEED_MUL) & ~0xffu) | (seed & 0xff) | 1);
}

static void
play(uint32_t offset)
{
	uint64_t end = cntvct() + (uint64_t)cntfrq() * TENTHS / 10;
	uint32_t i, page = 0;

	for (i = 0; cntvct() < end; i++, page = (page + STEP) % PAGES)
		touch(page, offset, i / PAGES);
}

static void
secondary(uint32_t cpu)
{
	(void)cpu;
	started = 1;
	play(SECOND);
	dmb();
	finished = 1;
}

void
test_main(void)
{
	uint64_t end = cntvct() + 3ull * cntfrq();

	check_eq(cpu_on(1, secondary), 0);
	while (started == 0)
		check(cntvct() < end);
	play(0);
	while (finished == 0)
		check(cntvct() < end);
	check_eq(wrong, 0);
}
