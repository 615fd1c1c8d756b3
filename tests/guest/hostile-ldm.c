/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What no device answers to: load and store multiple, exclusives, swaps, VFP's loads and
 * stores, pairs, unaligned ones and those that cross into the next page, at devices, at the
 * GIC, at holes, and over the end of RAM; in ARM and Thumb, little- and big-endian.
 */
#include "hostile.h"

/* base r3, data r0-r2; all with offsets that dice adds to the base */
static const uint32_t arm[] = {
	0xe8930007, /* ldmia r3, {r0-r2} */
	0xe8830007, /* stmia r3, {r0-r2} */
	0xe8b30007, /* ldmia r3!, {r0-r2} */
	0xe9230007, /* stmdb r3!, {r0-r2} */
	0xe9930007, /* ldmib r3, {r0-r2} */
	0xe8d30007, /* ldmia r3, {r0-r2}^ */
	0xe8c37fff, /* stmia r3, {r0-lr}^ */
	0xe1932f9f, /* ldrex r2, [r3] */
	0xe1832f91, /* strex r2, r1, [r3] */
	0xe1d32f9f, /* ldrexb */
	0xe1f32f9f, /* ldrexh */
	0xe1b30f9f, /* ldrexd r0, r1, [r3] */
	0xe1a32f90, /* strexd r2, r0, r1, [r3] */
	0xe1032091, /* swp r2, r1, [r3] */
	0xe1432091, /* swpb r2, r1, [r3] */
	0xe1c300d0, /* ldrd r0, r1, [r3] */
	0xe1c300f0, /* strd r0, r1, [r3] */
	0xecb30b04, /* vldmia r3!, {d0-d1} */
	0xeca30b20, /* vstmia r3!, {d0-d15} */
	0xed930a00, /* vldr s0, [r3] */
	0xed830b00, /* vstr d0, [r3] */
	0xf423078f, /* vld1.32 {d0}, [r3] */
	0xf4030a8f, /* vst1.32 {d0-d1}, [r3] */
	0xe5b32004, /* ldr r2, [r3, #4]! */
	0xe6933004, /* ldr r3, [r3], r4 */
	0xe5132001, /* ldr r2, [r3, #-1] */
	0xe1d320b1, /* ldrh r2, [r3, #1] */
	0xe1c320b1, /* strh r2, [r3, #1] */
	0xe4f32001, /* ldrbt r2, [r3], #1 */
	0xe4a32004, /* strt r2, [r3], #4 */
	0xf8930a00, /* rfeia r3: PC and CPSR from a device */
	0xf96d0513, /* srsdb sp!, #19 */
	0xf5d3f000, /* pld [r3] */
	0xf4d3f000, /* pli [r3] */
	0xee073f3e, /* DCCIMVAC */
	0xee073f36, /* DCIMVAC */
	0xee073f35, /* ICIMVAU */
	0xee073f18, /* ATS1CPR */
};
static const uint32_t thumb[] = {
	0xe8930007, /* ldmia.w */
	0xe8a30007, /* stmia.w r3! */
	0xe8532f01, /* ldrex r2, [r3, #4] */
	0xe8431200, /* strex r2, r1, [r3] */
	0xe8d3017f, /* ldrexd r0, r1, [r3] */
	0xe9d30100, /* ldrd */
	0xe9e30101, /* strd r0, r1, [r3, #4]! */
	0xe8d3f001, /* tbb [r3, r1] */
	0xe8d3f011, /* tbh [r3, r1, lsl #1] */
	0xf8532b04, /* ldr r2, [r3], #4 */
	0xf8532e00, /* ldrt */
	0xf9b32001, /* ldrsh.w r2, [r3, #1] */
	0xf8c32001, /* str.w r2, [r3, #1] */
	0xecb30b04, /* vldmia r3! */
	0xf963078f, /* vld1 */
};
static uint32_t ends[8];
static uint32_t end_of_ram;

static uint32_t
somewhere(void)
{
	static const uint32_t bases[] = { GICD, GICC, GICC + 0x1000, PL011, PL031, HOLE, 0x09020000,
		0x0a000000, 0 };
	uint32_t i = dice_below(sizeof(bases) / sizeof(bases[0]) + 2);

	if (i == 0)
		return end_of_ram - 8 + dice_below(16);
	if (i == 1) /* the end of the page */
		return bases[dice_below(sizeof(bases) / sizeof(bases[0]))] + 0xff0 + dice_below(16);
	return bases[i - 2] + dice_below(0x1000);
}

static void
one(bool is_thumb)
{
	struct code c = { .n = 0 };

	c.thumb = is_thumb;
	if (!is_thumb && dice_below(4) == 0)
		c.words[c.n++] = 0xf1010200; /* setend be */
	c.words[c.n++] = is_thumb ? thumb[dice_below(sizeof(thumb) / sizeof(thumb[0]))] :
				    arm[dice_below(sizeof(arm) / sizeof(arm[0]))];
	c.r[0] = dice();
	c.r[1] = dice_below(64);
	c.r[2] = dice();
	c.r[3] = somewhere();
	ends[run_code(&c) & 7]++;
}

static void
storm(uint32_t cpu)
{
	(void)cpu;
	mcr(0, c1, c0, 2, 0x00f00000);
	mcr(0, c1, c0, 0, mrc(0, c1, c0, 0) | 0x400); /* SCTLR.SW: SWP is there */
	isb();
	__asm__ volatile(".fpu neon\n vmsr fpexc, %0" : : "r"(0x40000000));
	watch();
	while (!time_is_up(2000)) {
		one(false);
		one(true);
	}
}

void
test_main(void)
{
	hostile_begin();
	end_of_ram = RAM + (128u << 20);
	on_all_cpus(storm);
	uart_sane();
	print("%u done, %u aborts, %u others", ends[BACK], ends[BY_DABT],
	    ends[BY_UNDEF] + ends[BY_PABT] + ends[BY_SVC]);
	check(ends[BACK] > 20 && ends[BY_DABT] > 100);
	check_eq(rd32(UART_ID) & 0xff, 0x11);
}
