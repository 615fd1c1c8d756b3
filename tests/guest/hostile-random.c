/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Instructions by dice, in ARM and Thumb, at PL0: devices and one megabyte are its own, all
 * else is not. An interrupt ends what would not end by itself.
 */
#include "hostile.h"

#define OWN	    0x44000000u
#define SECTION_PL1 0x0001140eu & ~0x800u /* AP 01: PL1 only */
#define SECTION_OWN 0x00011c0eu
#define SECTION_DEV 0x00000c16u
#define CPS_USER    0xf1080090u /* cpsie i, then User mode */
#define WORDS	    8u

static uint32_t table[4096] __attribute__((aligned(16384)));
extern uint32_t first[13];
uint32_t first[13]; /* r0-r12 at the start; by name in the assembly */
static uint32_t ends[8];

__attribute__((naked, noinline)) static void
enter_user(void *arg)
{
	/* r0 is the entry, bit 0 for Thumb; lr leads to an SVC */
	__asm__ volatile("movw r1, #:lower16:first\n movt r1, #:upper16:first\n"
			 "mov r2, #0x50\n tst r0, #1\n orrne r2, #0x20\n bic r0, #1\n"
			 "push {r0, r2}\n ldm r1, {r0-r12}\n"
			 "rfeia sp!\n");
	(void)arg;
}

static uint32_t
some_value(void)
{
	static const uint32_t places[] = { OWN, OWN + 0x1000, GICD, GICC, PL011, PL031, HOLE, RAM,
		0, 0xffff0000 };
	uint32_t i = dice_below(14);

	return i < 10 ? places[i] + dice_below(0x1000) : dice() >> dice_below(32);
}

/* WFI would sleep, and this test has no time for that. */
static uint32_t
some_insn(void)
{
	uint32_t insn = dice();

	if ((insn & 0x0ffffff0u) == 0x0320f000u || (insn & 0xffffu) == 0xbf30 ||
	    insn >> 16 == 0xbf30)
		return 0xe1a00000;
	if (dice_below(3) == 0) /* more of the loads and stores than there would be */
		insn = (insn & 0xf1ffffffu) | (4 + dice_below(4)) << 24;
	if (dice_below(2) == 0)
		insn |= 0xe0000000u;
	return insn;
}

/* What dice have acknowledged would keep all others from coming: no priority is active then. */
static void
sane(void)
{
	uint32_t i;

	for (i = 0; i < 9 * 4; i += 4) {
		if (rd32(GICD_ISENABLER + i) != (i == 0 ? 0xffffu | 1u << INTID_VTIMER : 0u))
			wr32(GICD_ICENABLER + i, ~0u);
		if (i == 0 || rd32(GICD_ISACTIVER + i) != 0)
			wr32(GICD_ISACTIVER + 0x80 + i, ~0u); /* ICACTIVER */
	}
	wr32(GICC + 0xd0, 0); /* APR0 */
	wr32(GICD_CTLR, 1);
	wr8(GICD_IPRIORITYR + INTID_VTIMER, 0);
	wr32(GICD_ISENABLER, 1u << INTID_VTIMER);
	wr32(GICC_PMR, 0xff);
	wr32(GICC_CTLR, 1);
	cntv_set(cntvct() + cntfrq() / 1000, 1);
}

static void
one(void)
{
	uint32_t *code = (uint32_t *)(OWN + 0x8000), i;

	for (i = 0; i < WORDS; i++)
		code[i] = some_insn();
	code[i] = 0xef000000; /* svc, and svc in Thumb */
	code[i + 1] = 0xdf00df00;
	sync_code(code, 4 * (WORDS + 2));
	for (i = 0; i < 13; i++)
		first[i] = some_value();
	sane();
	contexts[0].irq_escapes = 1;
	ends[attempt(enter_user, (void *)(uintptr_t)((uint32_t)code | dice_below(2))) & 7]++;
	contexts[0].irq_escapes = 0;
	cntv_set(0, 0);
}

static void
tables(void)
{
	uint32_t i;

	for (i = 0; i < 4096; i++) {
		table[i] = i << 20;
		if (i == OWN >> 20)
			table[i] |= SECTION_OWN;
		else
			table[i] |= i >= RAM >> 20 && i < 0xc00 ? (SECTION_PL1) : SECTION_DEV;
	}
	mcr(0, c2, c0, 2, 0);
	mcr(0, c2, c0, 0, (uint32_t)table);
	mcr(0, c3, c0, 0, 1);
	mcr(0, c8, c7, 0, 0);
	dsb();
	isb();
	mcr(0, c1, c0, 0, mrc(0, c1, c0, 0) | 1);
	isb();
	mcr(0, c1, c0, 2, 0x00f00000);
	isb();
	__asm__ volatile(".fpu neon\n vmsr fpexc, %0" : : "r"(0x40000000));
}

void
test_main(void)
{
	uint32_t n = 0;

	hostile_begin();
	tables();
	while (!time_is_up(3000)) {
		one();
		n++;
	}
	uart_sane();
	print("%u tries: %u undefined, %u svc, %u prefetch, %u data aborts, %u cut off", n,
	    ends[BY_UNDEF], ends[BY_SVC], ends[BY_PABT], ends[BY_DABT], ends[BY_IRQ]);
	check(n > 500 && ends[BY_UNDEF] > 10 && ends[BY_DABT] > 10);
}
