/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The bench guest: what one operation costs, in instructions of everything that runs
 * (guest, HYP, host kernel, VMM).  It is meant for QEMU's -icount shift=0, where the
 * virtual clock advances 1 ns an instruction and CNTVCT at 62.5 MHz one tick in
 * 16; each figure is the mean of many rounds, the loop's own cost taken off.  The same
 * program runs as a domU of Xen and on the bare machine, where only addresses differ, and as a
 * 64-bit one (aarch64/).
 */
#ifdef __aarch64__
#include "aarch64/gic.h"
#else
#include "armv7/gic.h"
#endif

#define ROUNDS	     10000u
#define WFI_ROUNDS   200u
#define WFI_AHEAD    62500u /* ticks: 1 ms */
#define PSCI_VERSION 0x84000000u
#define UNKNOWN_CALL 0x8400ff00u
#define SETTLE_S     2u /* what the host had put off until it is idle gets done first */

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
		LOOP(seen = irq_seen; gic_self(); while (irq_seen == seen));
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
		irq_off();
		cntv_ctl(1);
		wfi();
		irq_on();
		while (irq_seen == seen)
			;
		late += irq_time - deadline;
	}
	report("wfi_late_ns", late, 0, WFI_ROUNDS);
}

void
bench_main(void)
{
	uint64_t empty;

	bench_init();
	settle(SETTLE_S);
	irq_on();
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
	bench_end();
}
