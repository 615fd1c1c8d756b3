/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * See guest.h.  Built twice: with GUEST_MMU 1 the tests run with MMU and caches on.
 */
#include <stdarg.h>

#include "gic.h"
#include "guest.h"

#define SECONDARIES 8u
#define STACK_WORDS 1024u

void guest_start(void);
void guest_secondary(struct secondary *s);
void guest_irq(void);
void secondary_start(void);

/* ---- console ---- */

static void
put(char c)
{
	while ((rd32(UART_FR) & 0x20) != 0) /* TXFF */
		;
	wr32(UART_DR, (uint8_t)c);
}

static void
puts_(const char *s)
{
	for (; *s != 0; s++)
		put(*s);
}

static void
put_hex(uint32_t v)
{
	int shift;

	puts_("0x");
	for (shift = 28; shift > 0 && v >> shift == 0; shift -= 4)
		;
	for (; shift >= 0; shift -= 4)
		put("0123456789abcdef"[v >> shift & 15]);
}

static void
put_dec(uint32_t v)
{
	static const uint32_t tens[] = { 1000000000, 100000000, 10000000, 1000000, 100000, 10000,
		1000, 100, 10, 1 };
	unsigned int i, digit;
	bool some = false;

	for (i = 0; i < 10; i++) {
		for (digit = 0; v >= tens[i]; digit++)
			v -= tens[i];
		some = some || digit != 0 || i == 9;
		if (some)
			put((char)('0' + digit));
	}
}

static void
vprint(const char *fmt, va_list ap)
{
	for (; *fmt != 0; fmt++) {
		if (*fmt != '%') {
			put(*fmt);
			continue;
		}
		fmt++;
		if (*fmt == 's')
			puts_(va_arg(ap, const char *));
		else if (*fmt == 'x')
			put_hex(va_arg(ap, uint32_t));
		else if (*fmt == 'u')
			put_dec(va_arg(ap, uint32_t));
		else
			return;
	}
}

void
print(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprint(fmt, ap);
	va_end(ap);
	puts_("\r\n");
}

static __attribute__((noreturn)) void
power_off(void)
{
	while ((rd32(UART_FR) & 0x08) != 0) /* BUSY */
		;
	(void)hvc(PSCI_SYSTEM_OFF, 0, 0, 0);
	for (;;)
		;
}

void
fail(const char *fmt, ...)
{
	va_list ap;

	irq_off();
	puts_("FAIL " TEST_NAME ": ");
	va_start(ap, fmt);
	vprint(fmt, ap);
	va_end(ap);
	puts_("\r\n");
	power_off();
}

void
guest_start(void)
{
	if (GUEST_MMU)
		mmu_on();
	test_main();
	irq_off();
	puts_("PASS " TEST_NAME "\r\n");
	power_off();
}

void *
memset(void *dst, int c, size_t n)
{
	volatile uint8_t *p = dst;

	while (n-- > 0)
		*p++ = (uint8_t)c;
	return dst;
}

void *
memcpy(void *dst, const void *src, size_t n)
{
	volatile uint8_t *p = dst;
	const uint8_t *q = src;

	while (n-- > 0)
		*p++ = *q++;
	return dst;
}

void
delay_ticks(uint32_t ticks)
{
	uint64_t end = cntvct() + ticks;

	while (cntvct() < end)
		;
}

/* ---- exceptions ---- */

volatile struct caught caught;
volatile bool catching;
volatile uintptr_t catch_resume;

void
catch_begin(void)
{
	caught.count = 0;
	catching = true;
}

uint32_t
catch_end(void)
{
	isb();
	catching = false;
	return caught.count;
}

/* ---- interrupts ---- */

volatile uint32_t irq_count[64];
void (*volatile irq_handler[64])(uint32_t intid);
volatile uint32_t last_iar;

void
guest_irq(void)
{
	uint32_t iar = gic_ack(), intid = iar & 0x3ff;

	last_iar = iar;
	if (intid >= 1020) /* spurious: it went away */
		return;
	if (intid >= 64)
		fail("interrupt %u", intid);
	if (irq_handler[intid] != NULL)
		irq_handler[intid](intid);
	irq_count[intid]++;
	dsb();
	gic_end(iar);
}

bool
irq_wait(uint32_t intid, uint32_t n)
{
	uint64_t end = cntvct() + cntfrq();

	while (irq_count[intid] < n)
		if (cntvct() > end)
			return false;
	return true;
}

/* ---- other CPUs ---- */

/* each in a cache line of its own */
static struct {
	struct secondary s;
	uint8_t pad[64 - sizeof(struct secondary)];
} secondaries[SECONDARIES] __attribute__((aligned(64)));
static uint64_t stacks[SECONDARIES][STACK_WORDS / 2];

void
guest_secondary(struct secondary *s)
{
	if (GUEST_MMU)
		mmu_on();
	s->fn(cpu_number());
	(void)hvc(PSCI_CPU_OFF, 0, 0, 0);
	fail("CPU_OFF came back");
}

uint32_t
cpu_on(uint32_t cpu, void (*fn)(uint32_t cpu))
{
	struct secondary *s = &secondaries[cpu % SECONDARIES].s;

	s->stack_top = (uintptr_t)&stacks[cpu % SECONDARIES][STACK_WORDS / 2];
	s->fn = fn;
	clean_line(s); /* it reads this with its caches off */
	dsb();
	return hvc(PSCI_CPU_ON, cpu, (uintptr_t)secondary_start, (uintptr_t)s);
}
