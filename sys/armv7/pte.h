/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * How the host writes a translation table entry that a walker may be looking at.  Any
 * mode, any context.  Builds for another processor get plain memory, and so does a test
 * that wants to watch: it defines ARMV7_PTE_H and its own two functions first.
 */
#ifndef ARMV7_PTE_H
#define ARMV7_PTE_H

#include "types.h"

#ifdef __arm__

/*
 * One 64-bit store: with the Large Physical Address Extension STRD to an aligned
 * doubleword is single-copy atomic, also for the walker (DDI 0406C A3.5.3).
 */
static inline void
pte_store(uint64_t *pte, uint64_t val)
{
	__asm__ volatile("strd %0, %H0, [%1]" : : "r"(val), "r"(pte) : "memory");
}

/* Entries written before it are seen by every walk that starts after it, B3.10.1. */
static inline void
pte_barrier(void)
{
	__asm__ volatile("dsb ishst" : : : "memory");
}

#else

static inline void
pte_store(uint64_t *pte, uint64_t val)
{
	STORE_ONCE(*pte, val);
}

static inline void
pte_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif /* __arm__ */
#endif /* ARMV7_PTE_H */
