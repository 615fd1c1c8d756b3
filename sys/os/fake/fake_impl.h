/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the files of the fake OS say to each other.
 */
#ifndef FAKE_FAKE_IMPL_H
#define FAKE_FAKE_IMPL_H

#include "fake.h"

void fake_mem_reset(void);
void fake_sched_reset(void);
void fake_eventfd_reset(void);
void fake_may_sleep(const char *what); /* panics where one must not */
void fake_gpage_nest(int by);	       /* os_gpage_map nests two deep, and nobody sleeps */
void fake_count(long *which, long n);
struct fake_counts *fake_counts_ref(void);

#endif /* FAKE_FAKE_IMPL_H */
