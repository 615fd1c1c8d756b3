/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * See guest.h.  Built twice: with GUEST_MMU 1 the tests run with MMU and caches on.
 */
#include <stdarg.h>

#include "guest.h"

#define SECONDARIES 8u
#define STACK_WORDS 1024u

void guest_start(void);
void guest_secondary(struct secondary *s);
void guest_exception(uint32_t vector, struct frame *f);
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

uint32_t
cpu_number(void)
{
	return mrc(0, c0, c0, 5) & 0xff;
}

uint32_t
cntfrq(void)
{
	return mrc(0, c14, c0, 0);
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
static volatile bool catching;
volatile uint32_t catch_resume;

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

static bool
is_wide(uint32_t addr)
{
	return *(uint16_t *)addr >> 11 >= 0x1d;
}

/* Over the instruction: pc is behind it for UNDEF (but only half of a wide one), at it else. */
static void
skip(uint32_t vector, struct frame *f)
{
	bool thumb = (f->psr & 0x20) != 0;

	if (vector == VECTOR_PABT)
		f->pc = catch_resume;
	else if (vector == VECTOR_UNDEF)
		f->pc += thumb && is_wide(f->pc - 2) ? 2u : 0u;
	else
		f->pc += thumb && !is_wide(f->pc) ? 2u : 4u;
}

void
guest_exception(uint32_t vector, struct frame *f)
{
	bool inst = vector == VECTOR_PABT;
	uint32_t fsr = inst ? mrc(0, c5, c0, 1) : mrc(0, c5, c0, 0);
	uint32_t far = inst ? mrc(0, c6, c0, 2) : mrc(0, c6, c0, 0);

	if (!catching || (vector != VECTOR_UNDEF && vector != VECTOR_PABT && vector != VECTOR_DABT))
		fail("exception %u at %x, psr %x, fsr %x, far %x", vector, f->pc, f->psr, fsr, far);
	caught.count++;
	caught.vector = vector;
	caught.fsr = fsr;
	caught.far = far;
	caught.pc = f->pc;
	skip(vector, f);
}

/* ---- GIC ---- */

volatile uint32_t irq_count[64];
void (*volatile irq_handler[64])(uint32_t intid);
volatile uint32_t last_iar;

void
guest_irq(void)
{
	uint32_t iar = rd32(GICC_IAR), intid = iar & 0x3ff;

	last_iar = iar;
	if (intid >= 1020) /* spurious: it went away */
		return;
	if (intid >= 64)
		fail("interrupt %u", intid);
	if (irq_handler[intid] != NULL)
		irq_handler[intid](intid);
	irq_count[intid]++;
	dsb();
	wr32(GICC_EOIR, iar);
}

void
gic_cpu_init(void)
{
	wr32(GICC_PMR, 0xf0);
	wr32(GICC_CTLR, 1);
}

void
gic_init(void)
{
	wr32(GICD_CTLR, 1);
	gic_cpu_init();
}

void
gic_enable(uint32_t intid)
{
	wr8(GICD_IPRIORITYR + intid, 0xa0);
	if (intid >= 32)
		wr8(GICD_ITARGETSR + intid, (uint8_t)(1u << cpu_number()));
	wr32(GICD_ISENABLER + intid / 32 * 4, 1u << intid % 32);
}

void
gic_disable(uint32_t intid)
{
	wr32(GICD_ICENABLER + intid / 32 * 4, 1u << intid % 32);
}

void
gic_send_sgi(uint32_t sgi, uint32_t targets)
{
	dsb();
	wr32(GICD_SGIR, targets << 16 | sgi);
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

/* ---- MMU and caches: short descriptors, 1 MiB sections (DDI 0406C B3.5) ---- */

#define SECTION	       0x2u
#define SECTION_B      0x4u
#define SECTION_C      0x8u
#define SECTION_XN     0x10u
#define SECTION_RW     0xc00u
#define SECTION_TEX1   0x1000u
#define SECTION_S      0x10000u
#define SECTION_RAM    (SECTION | SECTION_B | SECTION_C | SECTION_TEX1 | SECTION_S | SECTION_RW)
#define SECTION_DEVICE (SECTION | SECTION_B | SECTION_XN | SECTION_RW)
#define TTBR_WALKS     0x4au /* write-back, write-allocate, shareable */
#define SCTLR_M	       0x1u
#define SCTLR_C	       0x4u
#define SCTLR_Z	       0x800u
#define SCTLR_I	       0x1000u

static uint32_t table[4096] __attribute__((aligned(16384), section(".bss.table")));
static volatile bool table_made;

static void
table_make(void)
{
	uint32_t mb;

	for (mb = 0; mb < 4096; mb++)
		table[mb] = mb << 20 |
		    (mb >= RAM >> 20 && mb < 0xc00 ? SECTION_RAM : SECTION_DEVICE);
	table_made = true;
}

/* One level by set and way, CCSIDR's way (B4.1, CCSIDR; B4.2, DCCISW). */
static void
level_setway(unsigned int level, unsigned int op)
{
	uint32_t ccsidr, ways, sets, line, way_shift, way, set, arg;

	mcr(2, c0, c0, 0, level << 1);
	isb();
	ccsidr = mrc(1, c0, c0, 0);
	line = (ccsidr & 7) + 4;
	ways = ccsidr >> 3 & 0x3ff;
	sets = ccsidr >> 13 & 0x7fff;
	way_shift = ways == 0 ? 0 : (uint32_t)__builtin_clz(ways);
	for (way = 0; way <= ways; way++) {
		for (set = 0; set <= sets; set++) {
			arg = (ways == 0 ? 0 : way << way_shift) | set << line | level << 1;
			if (op == 0)
				mcr(0, c7, c6, 2, arg);
			else
				mcr(0, c7, c14, 2, arg);
		}
	}
}

void
dcache_setway(unsigned int op)
{
	uint32_t clidr = mrc(1, c0, c0, 1);
	unsigned int level;

	dsb();
	for (level = 0; level < (clidr >> 24 & 7); level++)
		if ((clidr >> (3 * level) & 7) >= 2)
			level_setway(level, op);
	dsb();
	isb();
}

void
mmu_on(void)
{
	if (!table_made) { /* the first CPU, with its caches off: all goes to memory */
		table_make();
		dcache_setway(0);
	}
	mcr(0, c7, c5, 0, 0); /* ICIALLU */
	mcr(0, c8, c7, 0, 0); /* TLBIALL */
	mcr(0, c2, c0, 2, 0);
	mcr(0, c2, c0, 0, (uint32_t)table | TTBR_WALKS);
	mcr(0, c3, c0, 0, 1); /* domain 0: client */
	dsb();
	isb();
	mcr(0, c1, c0, 0, mrc(0, c1, c0, 0) | SCTLR_M | SCTLR_C | SCTLR_Z | SCTLR_I);
	isb();
}

/*
 * In C, so that the stack is used between the clean and the switch: it is the VMM's flush at
 * the switch of SCTLR.C that this leans on.
 */
void
caches_set(bool on)
{
	uint32_t sctlr = mrc(0, c1, c0, 0);

	if (!on)
		dcache_setway(1);
	mcr(0, c1, c0, 0, on ? sctlr | SCTLR_C : sctlr & ~SCTLR_C);
	isb();
	dcache_setway(1);
}

/* ---- other CPUs ---- */

/* each in a cache line of its own */
static struct {
	struct secondary s;
	uint32_t pad[13];
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

	s->stack_top = (uint32_t)(uintptr_t)&stacks[cpu % SECONDARIES][STACK_WORDS / 2];
	s->fn = fn;
	/* it reads this with its caches off: to the point of coherency (B2.2.7) */
	mcr(0, c7, c10, 1, (uint32_t)s);
	dsb();
	return hvc(PSCI_CPU_ON, cpu, (uint32_t)(uintptr_t)secondary_start, (uint32_t)s);
}
