/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the bare-metal guests share.  A test is one file with test_main(); when that returns the
 * guest prints "PASS name" and turns itself off, and check() and fail() print "FAIL name: why"
 * instead.  The machine is QEMU's virt: the programs run there as well, which proves them.  All of
 * it is below 4 GiB, where an address is a uint32_t in 64-bit programs, too.  What differs by width
 * is in armv7/ and aarch64/.
 */
#ifndef TESTS_GUEST_H
#define TESTS_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __aarch64__
#include "aarch64/cpu.h"
#else
#include "armv7/cpu.h"
#endif

#define GICD  0x08000000u
#define GICC  0x08010000u
#define GICR  0x080a0000u
#define PL011 0x09000000u
#define PL031 0x09010000u
#define HOLE  0x0f000000u /* nothing is there, on any of the machines */
#define RAM   0x40000000u

#define GICD_CTLR	(GICD + 0x000u)
#define GICD_TYPER	(GICD + 0x004u)
#define GICD_IIDR	(GICD + 0x008u)
#define GICD_ISENABLER	(GICD + 0x100u)
#define GICD_ICENABLER	(GICD + 0x180u)
#define GICD_ISPENDR	(GICD + 0x200u)
#define GICD_ICPENDR	(GICD + 0x280u)
#define GICD_ISACTIVER	(GICD + 0x300u)
#define GICD_IPRIORITYR (GICD + 0x400u)
#define GICD_ITARGETSR	(GICD + 0x800u)
#define GICD_ICFGR	(GICD + 0xc00u)
#define GICD_SGIR	(GICD + 0xf00u)
#define GICC_CTLR	(GICC + 0x00u)
#define GICC_PMR	(GICC + 0x04u)
#define GICC_IAR	(GICC + 0x0cu)
#define GICC_EOIR	(GICC + 0x10u)
#define GICC_RPR	(GICC + 0x14u)
#define GICC_HPPIR	(GICC + 0x18u)

#define UART_DR	  (PL011 + 0x00u)
#define UART_FR	  (PL011 + 0x18u)
#define UART_IBRD (PL011 + 0x24u)
#define UART_FBRD (PL011 + 0x28u)
#define UART_LCRH (PL011 + 0x2cu)
#define UART_CR	  (PL011 + 0x30u)
#define UART_IMSC (PL011 + 0x38u)
#define UART_RIS  (PL011 + 0x3cu)
#define UART_MIS  (PL011 + 0x40u)
#define UART_ICR  (PL011 + 0x44u)
#define UART_ID	  (PL011 + 0xfe0u)

#define INTID_VTIMER 27u
#define INTID_PTIMER 30u
#define INTID_UART   33u

#define PSCI_VERSION	  0x84000000u
#define PSCI_CPU_SUSPEND  0x84000001u
#define PSCI_CPU_OFF	  0x84000002u
#define PSCI_MIGRATE_TYPE 0x84000006u
#define PSCI_SYSTEM_OFF	  0x84000008u
#define PSCI_FEATURES	  0x8400000au
#define SMCCC_VERSION	  0x80000000u
#define SMCCC_FEATURES	  0x80000001u

/* ---- registers ---- */
static inline uint32_t
rd32(uint32_t addr)
{
	return *(volatile uint32_t *)(uintptr_t)addr;
}

static inline void
wr32(uint32_t addr, uint32_t val)
{
	*(volatile uint32_t *)(uintptr_t)addr = val;
}

static inline uint8_t
rd8(uint32_t addr)
{
	return *(volatile uint8_t *)(uintptr_t)addr;
}

static inline void
wr8(uint32_t addr, uint8_t val)
{
	*(volatile uint8_t *)(uintptr_t)addr = val;
}

/* ---- the test ---- */
void test_main(void);
__attribute__((noreturn)) void fail(const char *fmt, ...); /* %s %x %u */
void print(const char *fmt, ...);
/* fails with the text of the condition and its line */
#define check(cond)                                                     \
	do {                                                            \
		if (!(cond))                                            \
			fail("%s, line %u", #cond, (unsigned)__LINE__); \
	} while (0)
/* fails and shows both values */
#define check_eq(a, b)                                                                     \
	do {                                                                               \
		uint32_t a_ = (uint32_t)(a), b_ = (uint32_t)(b);                           \
		if (a_ != b_)                                                              \
			fail("%s is %x, not %x, line %u", #a, a_, b_, (unsigned)__LINE__); \
	} while (0)

uint32_t hvc(uint32_t fn, uintptr_t a1, uintptr_t a2, uintptr_t a3);
bool hvc_preserves(uint32_t fn); /* all registers but the first */
uint32_t cpu_number(void);
uint32_t cntfrq(void);
void delay_ticks(uint32_t ticks);
void *memset(void *dst, int c, size_t n);
void *memcpy(void *dst, const void *src, size_t n);

/* ---- exceptions ---- */
enum { VECTOR_UNDEF = 1, VECTOR_SVC = 2, VECTOR_PABT = 3, VECTOR_DABT = 4 };
/*
 * Between catch_begin() and catch_end() UNDEF, data and prefetch aborts are counted and the
 * instruction is skipped; otherwise they fail the test.
 */
struct caught {
	uint32_t count, vector, fsr, far, pc; /* fsr: fsr_external() and the like read it */
};
extern volatile struct caught caught;
extern volatile uintptr_t catch_resume; /* where call_unmapped() goes on */
extern volatile bool catching;
void catch_begin(void);
uint32_t catch_end(void); /* how many */
void call_unmapped(uint32_t addr);

/* ---- GIC ---- */
extern volatile uint32_t irq_count[64];
extern void (*volatile irq_handler[64])(uint32_t intid); /* may be NULL */
extern volatile uint32_t last_iar;
/* Of the GICv2, or of a GICv3 where a 64-bit CPU has one. */
uint32_t gic_version(void);
void gic_init(void); /* distributor and this CPU's interface */
void gic_cpu_init(void);
void gic_enable(uint32_t intid);
void gic_disable(uint32_t intid);
void gic_send_sgi(uint32_t sgi, uint32_t targets); /* a bit a CPU */
void gic_send_sgi_to_others(uint32_t sgi);
void gic_set_priority(uint32_t intid, uint8_t priority);
void gic_set_mask(uint8_t priority);
uint32_t gic_highest(void); /* the one that would be taken next */
/* until irq_count[intid] reaches n; false after about a second */
bool irq_wait(uint32_t intid, uint32_t n);

/* ---- MMU: flat, RAM write-back, shareable; all else device ---- */
void mmu_on(void);
void caches_set(bool on);	     /* SCTLR.C, with what belongs around it */
void dcache_setway(unsigned int op); /* 0 DCISW, 1 DCCISW: all levels to the PoC */

/* ---- other CPUs ---- */
struct secondary {
	uintptr_t stack_top; /* crt.S */
	void (*fn)(uint32_t cpu);
	volatile uint32_t state;
};
uint32_t cpu_on(uint32_t cpu, void (*fn)(uint32_t cpu)); /* CPU_ON's answer */

#endif /* TESTS_GUEST_H */
