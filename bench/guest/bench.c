/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The bench guest: what one operation costs, in instructions of everything that runs
 * (guest, HYP, host kernel, VMM).  It is meant for QEMU's -icount shift=0, where the
 * virtual clock advances 1 ns an instruction and CNTVCT at 62.5 MHz one tick in
 * 16; each figure is the mean of many rounds, the loop's own cost taken off.  The same
 * program runs as a domU of Xen and on the bare machine: only addresses differ.
 */
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

#define ROUNDS		10000u
#define WFI_ROUNDS	200u
#define NS_A_TICK	16u /* CNTFRQ 62.5 MHz; bench_main checks */
#define PPI_VTIMER	27u
#define SGI_BENCH	1u
#define WFI_AHEAD	62500u /* ticks: 1 ms */
#define PSCI_VERSION	0x84000000u
#define PSCI_SYSTEM_OFF 0x84000008u
#define UNKNOWN_CALL	0x8400ff00u

void bench_main(void);
void bench_irq(void);
void bench_bad(void);

#define SETTLE_S 2u /* what the host had put off until it is idle gets done first */

static volatile uint32_t irq_seen;
static volatile uint64_t irq_time;

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

static void
put_char(char c)
{
	while (mmio_read(UART + 0x18) & (1u << 5)) /* FR.TXFF */
		;
	mmio_write(UART, (uint32_t)c);
}

static void
print(const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			put_char('\r');
		put_char(*s);
	}
}

static void
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

/* ticks over rounds, less the empty loop's, as instructions an operation; rounded */
static void
report(const char *name, uint64_t ticks, uint64_t empty, uint32_t rounds)
{
	uint32_t ns = ticks > empty ? (uint32_t)(ticks - empty) * NS_A_TICK : 0;

	print("bench: ");
	print(name);
	print(" ");
	print_number((ns + rounds / 2) / rounds);
	print("\n");
}

void
bench_bad(void)
{
	print("bench: FAIL: unexpected exception\n");
	hvc(PSCI_SYSTEM_OFF);
	for (;;)
		;
}

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

enum op { EMPTY, PSCI, UNKNOWN, IIDR, USER, SGI, VTIMER };

static __attribute__((noinline)) uint64_t
measure(enum op op)
{
	uint64_t start = cntvct();
	uint32_t i, seen;

#define LOOP(what)                                 \
	for (i = 0; i < ROUNDS; i++) {             \
		what;                              \
		__asm__ volatile("" ::: "memory"); \
	}                                          \
	break
	switch (op) {
	case EMPTY:
		LOOP();
	case PSCI:
		LOOP(hvc(PSCI_VERSION));
	case UNKNOWN:
		LOOP(hvc(UNKNOWN_CALL));
	case IIDR:
		LOOP((void)mmio_read(GICD + 0x8));
	case USER:
		LOOP((void)mmio_read(UART + 0x18));
	case SGI:
		LOOP(seen = irq_seen; mmio_write(GICD + 0xf00, 2u << 24 | SGI_BENCH);
		     while (irq_seen == seen));
	case VTIMER:
		LOOP(seen = irq_seen; cntv_cval(0); cntv_ctl(1); while (irq_seen == seen));
	}
#undef LOOP
	return cntvct() - start;
}

/* How long after its deadline a timer's handler runs when the guest sleeps in WFI. */
static void
measure_wfi(void)
{
	uint64_t late = 0, deadline;
	uint32_t i, seen;

	for (i = 0; i < WFI_ROUNDS; i++) {
		seen = irq_seen;
		deadline = cntvct() + WFI_AHEAD;
		cntv_cval(deadline);
		__asm__ volatile("cpsid i");
		cntv_ctl(1);
		__asm__ volatile("dsb; wfi; cpsie i; isb" ::: "memory");
		while (irq_seen == seen)
			;
		late += irq_time - deadline;
	}
	report("wfi_late_ns", late, 0, WFI_ROUNDS);
}

/* Sleep with interrupts masked: the timer ends the WFI all the same. */
static void
settle(uint32_t frq)
{
	uint64_t until = cntvct() + (uint64_t)frq * SETTLE_S;

	cntv_cval(until);
	cntv_ctl(1);
	while (cntvct() < until)
		__asm__ volatile("dsb; wfi" ::: "memory");
	cntv_ctl(0);
}

void
bench_main(void)
{
	uint64_t empty;
	uint32_t frq;

	__asm__ volatile("mrc p15, 0, %0, c14, c0, 0" : "=r"(frq));
	if (frq != 1000000000u / NS_A_TICK) {
		print("bench: FAIL: CNTFRQ is not 62.5 MHz\n");
		hvc(PSCI_SYSTEM_OFF);
	}
	gic_init();
	settle(frq);
	__asm__ volatile("cpsie i");
	measure(PSCI); /* warm up: pages are mapped, the host has seen it all */
	empty = measure(EMPTY);
	report("psci_version", measure(PSCI), empty, ROUNDS);
	report("hvc_unknown", measure(UNKNOWN), empty, ROUNDS);
	report("gicd_read", measure(IIDR), empty, ROUNDS);
#ifndef BENCH_XEN /* a domU has no device in user space */
	measure(USER);
	report("mmio_user", measure(USER), empty, ROUNDS);
#endif
	report("sgi_self", measure(SGI), empty, ROUNDS);
	report("vtimer", measure(VTIMER), empty, ROUNDS);
	measure_wfi();
	print("bench: done\n");
	hvc(PSCI_SYSTEM_OFF);
}
