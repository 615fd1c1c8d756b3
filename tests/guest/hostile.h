/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the nasty guests share: attempts, which any exception ends, dice, code made at run time, and
 * several CPUs at once.  MMU and caches are off.
 */
#ifndef TESTS_HOSTILE_H
#define TESTS_HOSTILE_H

#include "guest.h"

#define CPUS	  4u
#define GICV_SIZE 0x2000u
#define RESET	  0x84000009u /* PSCI SYSTEM_RESET */

enum { BACK = 0, BY_UNDEF = 1, BY_SVC = 2, BY_PABT = 3, BY_DABT = 4, BY_IRQ = 6, BY_FIQ = 7 };

/* hostile.S: one for each CPU */
struct context {
	uint32_t sp; /* of the attempt, 0 where there is none */
	uint32_t lr, spsr;
	uint32_t irq_escapes; /* an interrupt ends the attempt */
};
extern volatile struct context contexts[8];

void hostile_begin(void); /* own vectors, on each CPU */
/*
 * fn(arg), which may do anything but lose MMU, vectors and this stack: BACK, or the exception that
 * ended it.  Interrupts are masked afterwards.
 */
uint32_t attempt(void (*fn)(void *arg), void *arg);

/* Puts words of code, to which a return is added, where it can be run with r0-r3 given. */
struct code {
	uint32_t words[6];
	uint32_t n;
	uint32_t r[4];
	uint32_t thumb; /* words are T32 */
};
uint32_t run_code(const struct code *c);
/* From now on this CPU's timer ends what run_code() and window() do not see the end of. */
void watch(void);
/* Interrupts on for a moment: the first one ends it. */
void window(void);
/* Vectors that skip what is UNDEFINED (A32) and count it in SP_und. */
void hostile_skip(void);
uint32_t run_insn(uint32_t insn);
uint32_t run_insn_regs(uint32_t insn, uint32_t r0, uint32_t r1, uint32_t r2, uint32_t r3);
void sync_code(void *start, uint32_t len);

/* dice for each CPU, the same in each run */
uint32_t dice(void);
static inline uint32_t
dice_below(uint32_t n)
{
	return (uint32_t)((uint64_t)dice() * n >> 32);
}

/* The other CPUs do fn too; back when all have. */
void on_all_cpus(void (*fn)(uint32_t cpu));
extern volatile uint32_t hostile_irqs; /* taken by the vectors, all CPUs */
void hostile_irq(void);
void hostile_lost(uint32_t vector, uint32_t lr, uint32_t spsr);
void uart_sane(void);
bool time_is_up(uint32_t ms); /* since the first call on this CPU */

#endif /* TESTS_HOSTILE_H */
