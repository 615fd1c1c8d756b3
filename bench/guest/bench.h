/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the bench guests share: bench.c (operations of the CPU), io.c (disks and networks).  They
 * run on one CPU; interrupts are off but where a program turns them on.  What differs by width is
 * in armv7/ and aarch64/.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __aarch64__
#include "aarch64/cpu.h"
#else
#include "armv7/cpu.h"
#endif

#ifdef BENCH_XEN
#define GICD 0x03001000u
#define GICC 0x03002000u
#define GICR 0x03020000u
#define UART 0x22000000u
#else
#define GICD 0x08000000u
#define GICC 0x08010000u
#define GICR 0x080a0000u
#define UART 0x09000000u
#endif

#define PPI_VTIMER 27u
#define SGI_BENCH  1u
#define NS_A_TICK  16u /* CNTFRQ is 62.5 MHz; bench_init() checks */

#define PSCI_SYSTEM_OFF 0x84000008u

static inline uint32_t
mmio_read(uintptr_t addr)
{
	return *(volatile uint32_t *)addr;
}

static inline void
mmio_write(uintptr_t addr, uint32_t val)
{
	*(volatile uint32_t *)addr = val;
}

extern volatile uint32_t irq_seen; /* interrupts, of any kind */
extern volatile uint64_t irq_time; /* CNTVCT when CNTV's was taken */

void bench_main(void); /* the program; start.S calls it */
void bench_init(void); /* GIC and timer, with interrupts off */
void bench_irq(void);
void bench_bad(void);
void bench_end(void);		  /* says that all went well, and powers off */
void bench_fail(const char *why); /* says so, and powers off */
void settle(uint32_t seconds);	  /* asleep, with interrupts off */
void print(const char *s);
void print_number(uint32_t n);
/* ticks over rounds, less the empty loop's, as instructions an operation; rounded */
void report(const char *name, uint64_t ticks, uint64_t empty, uint32_t rounds);

void mmu_on(void); /* flat, with caches; in 32 bits only */

#endif /* BENCH_BENCH_H */
