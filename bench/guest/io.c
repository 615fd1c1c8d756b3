/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The I/O bench guest: what a request to a disk and a packet cost, in instructions of all that
 * runs, the way bench.c counts.  Its MMU and caches are on, as rings in memory that others write
 * to want it.  It measures what devices it finds, and checks all data that it reads.
 */
#include "io.h"

uint64_t
io_begin(const char *name, uint32_t rounds)
{
	print("bench: begin ");
	print(name);
	print(" ");
	print_number(rounds);
	print("\n");
	settle(1);
	irq_on();
	return cntvct();
}

void
io_end(const char *name, uint64_t began, uint32_t rounds)
{
	uint64_t ticks = cntvct() - began;

	print("\n"); /* it wakes the reader, and costs four accesses to the UART */
	settle(1);
	report(name, ticks, 0, rounds);
}

void
bench_main(void)
{
	bench_init();
	mmu_on();
	settle(2); /* what the host had put off until it is idle */
	irq_on();
	blk_bench();
	net_bench();
	bench_end();
}
