/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * See bench.h.
 */
#ifdef __aarch64__
#include "aarch64/gic.h"

bool gic_is_v3;
#else
#include "armv7/gic.h"
#endif

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
	uint32_t iar = gic_ack(), intid = iar & 0x3ff;

	if (intid == PPI_VTIMER) {
		irq_time = cntvct();
		cntv_ctl(0);
	}
	gic_end(iar);
	if (intid < 1020)
		irq_seen++;
}

void
bench_init(void)
{
	if (cntfrq() != 1000000000u / NS_A_TICK)
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
		wfi();
	cntv_ctl(0);
}
