/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Page tables that lead everywhere: to themselves, into devices, the GIC, holes, over the
 * end of RAM and beyond 32 bits, in both formats.  The lower gigabyte is translated by
 * those, what is above by good ones, so that the program goes on.
 */
#include "hostile.h"

#define SECTION_RAM    0x00011c0eu
#define SECTION_DEVICE 0x00000c16u
#define TTBCR_N2       2u /* TTBR0 has the lower gigabyte */
#define TTBCR_EAE      0x80000000u
#define TTBCR_T0SZ2    2u
#define WORDS	       1024u

static uint32_t good[4096] __attribute__((aligned(16384)));
static uint32_t bad[4096] __attribute__((aligned(16384)));
static uint64_t long_good[512] __attribute__((aligned(4096)));
static uint64_t long_bad[512] __attribute__((aligned(4096)));
static uint32_t ends[8];

static void
touch(void *arg)
{
	uint32_t va = (uint32_t)(uintptr_t)arg;

	switch (va & 3) {
	case 0:
		(void)*(volatile uint32_t *)va;
		break;
	case 1:
		*(volatile uint8_t *)va = 1;
		break;
	case 2:
		((void (*)(void))(uintptr_t)(va & ~3u))();
		break;
	default:
		mcr(0, c7, c8, 0, va & ~3u); /* ATS1CPR */
		break;
	}
}

/*
 * Where tables and pages may be; bits 39:32 too, but not with RAM's address below them: QEMU's
 * processors forget those bits when they report a fault at stage 2 (HPFAR), for ever.
 */
static uint64_t
somewhere(uint32_t own)
{
	static const uint64_t places[] = { GICD, GICC, PL011, HOLE, 0, 0x50000000, 0xfffff000,
		0x48000000, 0x100000000, 0xff80000000, 0xfffffff000 };
	uint32_t i = dice_below(sizeof(places) / sizeof(places[0]) + 2);

	if (i == 0)
		return own;
	if (i == 1)
		return RAM + 0x1000000 + (dice_below(0x1000000) & ~0xfffu);
	return places[i - 2];
}

static void
fill(void)
{
	uint32_t i, to;

	for (i = 0; i < WORDS; i++) {
		/* short: nothing, table, section or, not with RAM's address, supersection */
		to = (uint32_t)somewhere((uint32_t)bad);
		bad[i] = to | (dice() & 0x3ffu);
		if (to - RAM < 0x08000000u)
			bad[i] &= ~0x40000u;
		if (i < 512)
			long_bad[i] = somewhere((uint32_t)long_bad) | (dice() & 0xfffu) | 0x400 |
			    (uint64_t)dice() << 52;
	}
	dsb();
	mcr(0, c8, c7, 0, 0);
	dsb();
	isb();
}

static void
many(void)
{
	uint32_t i;

	for (i = 0; i < 60; i++)
		ends[attempt(touch, (void *)(uintptr_t)dice_below(RAM)) & 7]++;
}

static void
mmu(bool on)
{
	dsb();
	isb();
	mcr(0, c1, c0, 0, (mrc(0, c1, c0, 0) & ~1u) | on);
	isb();
	mcr(0, c8, c7, 0, 0);
	dsb();
	isb();
}

static void
short_tables(void)
{
	mcr(0, c2, c0, 2, TTBCR_N2);
	mcr(0, c2, c0, 1, (uint32_t)good);
	mcr(0, c2, c0, 0,
	    dice_below(3) != 0 ? (uint32_t)bad : (uint32_t)somewhere((uint32_t)bad) & ~0xfffu);
	mcr(0, c3, c0, 0, dice_below(2) != 0 ? 1 : 0xffffffff);
	mmu(true);
	many();
	mmu(false);
}

static void
set_ttbr(uint32_t which, uint64_t val)
{
	if (which == 0)
		__asm__ volatile("mcrr p15, 0, %Q0, %R0, c2" : : "r"(val));
	else
		__asm__ volatile("mcrr p15, 1, %Q0, %R0, c2" : : "r"(val));
}

static void
long_tables(void)
{
	uint64_t to = dice_below(3) != 0 ? (uint32_t)long_bad :
					   somewhere((uint32_t)long_bad) & ~0xfffull;

	mcr(0, c2, c0, 2, TTBCR_EAE | TTBCR_T0SZ2);
	mcr(0, c10, c2, 0, 0xff440400);
	set_ttbr(0, to);
	set_ttbr(1, (uint32_t)long_good);
	mmu(true);
	many();
	mmu(false);
	mcr(0, c2, c0, 2, 0);
}

void
test_main(void)
{
	uint32_t i;

	hostile_begin();
	for (i = 0; i < 4096; i++)
		good[i] = i << 20 | (i >= RAM >> 20 && i < 0xc00 ? SECTION_RAM : SECTION_DEVICE);
	for (i = 0; i < 4; i++) /* AF, SH, AttrIndx 3: write-back */
		long_good[i] = (uint64_t)i << 30 | 0x40d | 0x300;
	while (!time_is_up(2500)) {
		fill();
		short_tables();
		fill();
		long_tables();
	}
	uart_sane();
	print("%u done, %u prefetch, %u data aborts, %u undefined", ends[BACK], ends[BY_PABT],
	    ends[BY_DABT], ends[BY_UNDEF]);
	check(ends[BY_DABT] > 50 && ends[BY_PABT] > 50);
}
