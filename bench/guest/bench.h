/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the bench guests share: bench.c (operations of the CPU), io.c (disks and networks).  They
 * run on one CPU; interrupts are off but where a program turns them on.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef BENCH_XEN
#define GICD 0x03001000u
#define GICC 0x03002000u
#define UART 0x22000000u
#else
#define GICD 0x08000000u
#define GICC 0x08010000u
#define UART 0x09000000u
#endif

#define PPI_VTIMER 27u
#define SGI_BENCH  1u
#define NS_A_TICK  16u /* CNTFRQ is 62.5 MHz; bench_init() checks */

#define PSCI_SYSTEM_OFF 0x84000008u

static inline uint32_t
mmio_read(uint32_t addr)
{
	return *(volatile uint32_t *)addr;
}

static inline void
mmio_write(uint32_t addr, uint32_t val)
{
	*(volatile uint32_t *)addr = val;
}

static inline uint64_t
cntvct(void)
{
	uint64_t t;

	__asm__ volatile("isb; mrrc p15, 1, %Q0, %R0, c14" : "=r"(t)::"memory");
	return t;
}

static inline void
cntv_ctl(uint32_t v)
{
	__asm__ volatile("mcr p15, 0, %0, c14, c3, 1; isb" ::"r"(v) : "memory");
}

static inline void
cntv_cval(uint64_t t)
{
	__asm__ volatile("mcrr p15, 3, %Q0, %R0, c14" ::"r"(t) : "memory");
}

static inline uint32_t
hvc(uint32_t fn)
{
	register uint32_t r0 __asm__("r0") = fn;

	__asm__ volatile(".arch_extension virt; hvc #0" : "+r"(r0)::"r1", "r2", "r3", "memory");
	return r0;
}

static inline void
irq_on(void)
{
	__asm__ volatile("cpsie i; isb" ::: "memory");
}

static inline void
irq_off(void)
{
	__asm__ volatile("cpsid i" ::: "memory");
}

extern volatile uint32_t irq_seen; /* interrupts, of any kind */
extern volatile uint64_t irq_time; /* CNTVCT when CNTV's was taken */

void bench_main(void); /* the program; start.S calls it */
void bench_init(void); /* GIC and timer, with interrupts off */
void bench_irq(void);
void bench_bad(void);
void bench_end(void);		  /* says that all went well, and powers off */
void bench_fail(const char *why); /* says so, and powers off */
void irq_enable(uint32_t intid);  /* an SPI, edge-triggered, to this CPU */
void settle(uint32_t seconds);	  /* asleep, with interrupts off */
void print(const char *s);
void print_number(uint32_t n);
/* ticks over rounds, less the empty loop's, as instructions an operation; rounded */
void report(const char *name, uint64_t ticks, uint64_t empty, uint32_t rounds);
void mmu_on(void); /* flat, with caches */

#endif /* BENCH_BENCH_H */
