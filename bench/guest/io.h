/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the parts of the I/O bench guest share: io.c (the order of things), blk.c, net.c.
 */
#ifndef BENCH_IO_H
#define BENCH_IO_H

#include "bench.h"

/*
 * One figure, between two lines on the console: "bench: begin NAME ROUNDS", then "bench: NAME N".
 * For a second before and after the operation itself the guest sleeps: who reads the console may
 * look at the VM's counters meanwhile.
 */
uint64_t io_begin(const char *name, uint32_t rounds);
void io_end(const char *name, uint64_t began, uint32_t rounds);

void blk_bench(void); /* nothing where there is no disk */
void net_bench(void); /* nor where there is no card */

#endif /* BENCH_IO_H */
