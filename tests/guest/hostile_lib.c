/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * See hostile.h.
 */
#include "hostile.h"

#define BX_LR	    0xe12fff1eu
#define THUMB_BX_LR 0x4770u

volatile struct context contexts[8];
volatile uint32_t hostile_irqs;
/* pages of their own: QEMU is slow with data beside code */
static uint32_t code[8][1024] __attribute__((aligned(4096)));
static bool watched[8];
static uint32_t seeds[8];
static uint64_t began[8];

void
hostile_lost(uint32_t vector, uint32_t lr, uint32_t spsr)
{
	fail("CPU %u: exception %u, lr %x, spsr %x", cpu_number(), vector, lr, spsr);
}

void
hostile_irq(void)
{
	uint32_t iar = rd32(GICC_IAR), intid = iar & 0x3ff;

	if (intid >= 1020)
		return;
	hostile_irqs++;
	if (intid < 64 && irq_handler[intid] != NULL)
		irq_handler[intid](intid);
	wr32(GICC_EOIR, iar);
}

/* George Marsaglia's xorshift */
uint32_t
dice(void)
{
	uint32_t *s = &seeds[cpu_number() & 7], x = *s;

	if (x == 0)
		x = 0x9e3779b9u * (cpu_number() + 1);
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *s = x;
}

void
sync_code(void *start, uint32_t len)
{
	uint32_t va = (uint32_t)start, end = va + len;

	for (va &= ~31u; va < end; va += 32) { /* the shortest line there is */
		mcr(0, c7, c11, 1, va);	       /* DCCMVAU */
		dsb();
		mcr(0, c7, c5, 1, va); /* ICIMVAU */
	}
	mcr(0, c7, c5, 6, 0); /* BPIALL */
	dsb();
	isb();
}

static void
call_code(void *arg)
{
	const struct code *c = arg;
	uint32_t entry = (uint32_t)code[cpu_number() & 7] | (c->thumb != 0);
	void (*fn)(uint32_t, uint32_t, uint32_t, uint32_t);

	if (contexts[cpu_number() & 7].irq_escapes != 0)
		irq_on();
	fn = (void (*)(uint32_t, uint32_t, uint32_t, uint32_t))(uintptr_t)entry;
	fn(c->r[0], c->r[1], c->r[2], c->r[3]);
}

void
watch(void)
{
	watched[cpu_number() & 7] = true;
}

/* Whatever the attempts before have done to the GIC. */
static void
arm_watch(void)
{
	uint32_t cpu = cpu_number() & 7;

	if (!watched[cpu])
		return;
	wr32(GICD_CTLR, 1);
	wr8(GICD_IPRIORITYR + INTID_VTIMER, 0);
	wr32(GICD_ISENABLER, 1u << INTID_VTIMER);
	wr32(GICC_PMR, 0xff);
	wr32(GICC_CTLR, 1);
	contexts[cpu].irq_escapes = 1;
	cntv_set(cntvct() + cntfrq() / 500, 1);
}

static void
wait_for_irq(void *arg)
{
	(void)arg;
	irq_on();
	delay_ticks(300);
}

void
window(void)
{
	volatile struct context *c = &contexts[cpu_number() & 7];
	uint32_t before = c->irq_escapes;

	c->irq_escapes = 1;
	(void)attempt(wait_for_irq, NULL);
	c->irq_escapes = before;
}

uint32_t
run_code(const struct code *c)
{
	uint32_t *words = code[cpu_number() & 7], i;

	for (i = 0; i < c->n;
	     i++) /* a wide T32 instruction is two halfwords, the first one first */
		words[i] = c->thumb != 0 ? c->words[i] << 16 | c->words[i] >> 16 : c->words[i];
	words[i] = c->thumb != 0 ? THUMB_BX_LR : BX_LR;
	sync_code(words, 64);
	arm_watch();
	return attempt(call_code, (void *)(uintptr_t)c);
}

uint32_t
run_insn_regs(uint32_t insn, uint32_t r0, uint32_t r1, uint32_t r2, uint32_t r3)
{
	struct code c = { .n = 1 };

	c.words[0] = insn;
	c.r[0] = r0;
	c.r[1] = r1;
	c.r[2] = r2;
	c.r[3] = r3;
	return run_code(&c);
}

uint32_t
run_insn(uint32_t insn)
{
	return run_insn_regs(insn, 0, 0, 0, 0);
}

static void (*volatile work)(uint32_t cpu);
static volatile uint32_t done[CPUS];

static void
worker(uint32_t cpu)
{
	hostile_begin();
	work(cpu);
	dmb();
	done[cpu % CPUS] = 1;
}

void
on_all_cpus(void (*fn)(uint32_t cpu))
{
	uint32_t cpu;

	work = fn;
	for (cpu = 1; cpu < CPUS; cpu++) {
		done[cpu] = 0;
		while (cpu_on(cpu, worker) != 0)
			;
	}
	fn(0);
	for (cpu = 1; cpu < CPUS; cpu++)
		while (done[cpu] == 0)
			;
}

/* As lib.c wants it. */
void
uart_sane(void)
{
	wr32(UART_IMSC, 0);
	wr32(UART_LCRH, 0x70);
	wr32(UART_CR, 0x301);
}

bool
time_is_up(uint32_t ms)
{
	uint64_t *b = &began[cpu_number() & 7], now = cntvct();

	if (*b == 0)
		*b = now;
	return now - *b >= (uint64_t)ms * (cntfrq() / 1000u);
}
