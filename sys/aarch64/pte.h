/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * How the host writes a translation table entry that a walker may be looking at.  Any
 * exception level, any context.  Builds for another processor get plain memory, and so does a test
 * that wants to watch: it defines AARCH64_PTE_H and its own two functions first.
 */
#ifndef AARCH64_PTE_H
#define AARCH64_PTE_H

#include "types.h"

/* One aligned 64-bit store is single-copy atomic, for the walker too (DDI 0487 B2.2). */
static inline void
pte_store(uint64_t *pte, uint64_t val)
{
	STORE_ONCE(*pte, val);
}

#ifdef __aarch64__

/*
 * Entries written before it are seen by every walk that starts after it; the ISB is for this CPU's
 * own (DDI 0487 D8.2, ordering and completion of table updates).
 */
static inline void
pte_barrier(void)
{
	__asm__ volatile("dsb ishst\n\tisb" : : : "memory");
}

#else

static inline void
pte_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif /* __aarch64__ */
#endif /* AARCH64_PTE_H */
