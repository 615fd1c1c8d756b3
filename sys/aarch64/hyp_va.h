/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Where EL2 finds what the host allocated.  EL2 without VHE has the lower half of the address
 * space alone (DDI 0487 D8.1), so it drops what makes a kernel's address one of the upper
 * half.  Bit 46 is turned over besides: the kernel's linear map begins at the bottom, where the
 * identity page lies at its physical address.
 *
 * All of it is one distance, so that code which finds its data and functions relative to its own
 * address runs unchanged.  Only what stands in a table is an address of the host's: HYP_FN.
 */
#ifndef AARCH64_HYP_VA_H
#define AARCH64_HYP_VA_H

#include "types.h"

#ifdef __aarch64__
#define HYP_VA_UPPER MASK64(63, 48) /* of any address of the kernel's, as arch_init checks */
#define HYP_VA_FLIP  BIT64(46)
#else /* a process that tests */
#define HYP_VA_UPPER 0ull
#define HYP_VA_FLIP  BIT64(46)
#endif

/* The address EL2 uses for a host address. */
static inline hyp_va_t
hyp_va(const void *host)
{
	return (hyp_va_t){ ((uintptr_t)host & ~HYP_VA_UPPER) ^ HYP_VA_FLIP };
}

/* A pointer for whoever this is compiled for: EL2, or the host, which owns what it points to. */
#ifdef HYP_CODE
#define HYP_PTR(type, hva) ((type *)(hva).a)
/* A function whose address stands in a table, where the host's module loader has put it. */
#define HYP_FN(fn) ((__typeof__(fn))hyp_va((const void *)(fn)).a)
#else
static inline void *
hyp_va_host(hyp_va_t va)
{
	return va.a != 0 ? (void *)((va.a ^ HYP_VA_FLIP) | HYP_VA_UPPER) : NULL;
}
#define HYP_PTR(type, hva) ((type *)hyp_va_host(hva))
#define HYP_FN(fn)	   (fn)
#endif

#endif /* AARCH64_HYP_VA_H */
