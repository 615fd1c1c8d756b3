/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * See bench.h.
 */
#include "bench.h"

#define RAM_MB (0x40000000u >> 20)

volatile uint32_t irq_seen;
volatile uint64_t irq_time;

/* ---- console ---- */

static void
put_char(char c)
{
	while (mmio_read(UART + 0x18) & (1u << 5)) /* FR.TXFF */
		;
	mmio_write(UART, (uint32_t)c);
}

void
print(const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			put_char('\r');
		put_char(*s);
	}
}

void
print_number(uint32_t n)
{
	char buf[11];
	uint32_t i = sizeof(buf) - 1;

	buf[i] = 0;
	do {
		buf[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	print(&buf[i]);
}

void
report(const char *name, uint64_t ticks, uint64_t empty, uint32_t rounds)
{
	uint32_t ns = ticks > empty ? (uint32_t)(ticks - empty) * NS_A_TICK : 0;

	print("bench: ");
	print(name);
	print(" ");
	print_number((ns + rounds / 2) / rounds);
	print("\n");
}

static void
power_off(void)
{
	hvc(PSCI_SYSTEM_OFF);
	for (;;)
		;
}

void
bench_end(void)
{
	print("bench: done\n");
	power_off();
}

void
bench_fail(const char *why)
{
	print("bench: FAIL: ");
	print(why);
	print("\n");
	power_off();
}

void
bench_bad(void)
{
	bench_fail("unexpected exception");
}

/* ---- interrupts and time ---- */

void
bench_irq(void)
{
	uint32_t iar = mmio_read(GICC + 0xc);

	if ((iar & 0x3ff) == PPI_VTIMER) {
		irq_time = cntvct();
		cntv_ctl(0);
	}
	mmio_write(GICC + 0x10, iar);
	if ((iar & 0x3ff) < 1020)
		irq_seen++;
}

void
irq_enable(uint32_t intid)
{
	uint32_t shift = intid % 4 * 8, config = GICD + 0xc00 + intid / 16 * 4;

	mmio_write(config, mmio_read(config) | 2u << intid % 16 * 2);
	*(volatile uint8_t *)(GICD + 0x400 + intid / 4 * 4 + shift / 8) = 0xa0;
	*(volatile uint8_t *)(GICD + 0x800 + intid / 4 * 4 + shift / 8) = 1;
	mmio_write(GICD + 0x100 + intid / 32 * 4, 1u << intid % 32);
}

static void
gic_init(void)
{
	uint32_t i;

	mmio_write(GICD + 0x000, 1);
	for (i = 0; i < 32; i += 4)
		mmio_write(GICD + 0x400 + i, 0xa0a0a0a0u);
	mmio_write(GICD + 0x100, 1u << PPI_VTIMER | 1u << SGI_BENCH);
	mmio_write(GICC + 0x4, 0xf8);
	mmio_write(GICC + 0x0, 1);
}

void
bench_init(void)
{
	uint32_t frq;

	__asm__ volatile("mrc p15, 0, %0, c14, c0, 0" : "=r"(frq));
	if (frq != 1000000000u / NS_A_TICK)
		bench_fail("CNTFRQ is not 62.5 MHz");
	gic_init();
}

/* The timer ends a WFI though its interrupt is masked. */
void
settle(uint32_t seconds)
{
	uint64_t until = cntvct() + (uint64_t)seconds * (1000000000u / NS_A_TICK);

	irq_off();
	cntv_cval(until);
	cntv_ctl(1);
	while (cntvct() < until)
		__asm__ volatile("dsb; wfi" ::: "memory");
	cntv_ctl(0);
}

/* ---- MMU ---- */

/*
 * Sections, all of domain 0: RAM is Normal, write-back, write-allocate, shareable, which is what
 * the VMM's processes see it as; all else is Device.  The table is written past the caches, and
 * walked past them.
 */
void
mmu_on(void)
{
	static uint32_t table[4096] __attribute__((aligned(16384)));
	const uint32_t ram = 0x00011c0eu, device = 0x00000c16u;
	uint32_t mb, sctlr;

	for (mb = 0; mb < 4096; mb++)
		table[mb] = mb << 20 | (mb >= RAM_MB ? ram : device);
	__asm__ volatile("mcr p15, 0, %0, c7, c5, 0\n\t" /* ICIALLU */
			 "mcr p15, 0, %0, c8, c7, 0\n\t" /* TLBIALL */
			 "mcr p15, 0, %0, c2, c0, 2\n\t" /* TTBCR */
			 "mcr p15, 0, %1, c2, c0, 0\n\t" /* TTBR0 */
			 "mcr p15, 0, %2, c3, c0, 0\n\t" /* DACR */
			 "dsb\n\tisb" ::"r"(0),
			 "r"(table), "r"(1)
			 : "memory");
	__asm__ volatile("mrc p15, 0, %0, c1, c0, 0" : "=r"(sctlr));
	sctlr |= 1u << 0 | 1u << 2 | 1u << 11 | 1u << 12; /* M, C, Z, I */
	__asm__ volatile("mcr p15, 0, %0, c1, c0, 0\n\tisb" ::"r"(sctlr) : "memory");
}
