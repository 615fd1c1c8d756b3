/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Cache maintenance by set and way, and caches going on and off: memory keeps what was
 * written, whichever way.
 */
#include "guest.h"

#define WORDS 65536u

static uint32_t data[WORDS];

static uint32_t
pattern(uint32_t i, uint32_t seed)
{
	return (i * 2654435761u) ^ seed;
}

static void
fill(uint32_t seed)
{
	uint32_t i;

	for (i = 0; i < WORDS; i++)
		data[i] = pattern(i, seed);
}

static void
verify(uint32_t seed)
{
	uint32_t i;

	for (i = 0; i < WORDS; i++)
		if (data[i] != pattern(i, seed))
			fail("word %u is %x, not %x", i, data[i], pattern(i, seed));
}

void
test_main(void)
{
	uint32_t n;

	if (!GUEST_MMU)
		mmu_on();
	for (n = 0; n < 3; n++) {
		fill(n);
		verify(n);
		dcache_setway(1);
		verify(n);
		caches_set(false);
		verify(n);
		fill(n + 100);
		caches_set(true);
		verify(n + 100);
	}
	fill(7);
	dcache_setway(1);
	dcache_setway(1);
	verify(7);
	/* by address, to the point of coherency and to the point of unification */
	for (n = 0; n < 4096; n += 64)
		clean_invalidate_line((uint8_t *)data + n);
	icache_invalidate_all();
	verify(7);
}
