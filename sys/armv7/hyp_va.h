/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Where HYP finds what the host allocated.  ARMv7 HYP maps shared pages where the kernel does, so
 * that host and HYP follow the same pointers.
 */
#ifndef ARMV7_HYP_VA_H
#define ARMV7_HYP_VA_H

#include "types.h"

/* The address HYP uses for a host address. */
static inline hyp_va_t
hyp_va(const void *host)
{
	return (hyp_va_t){ (uintptr_t)host };
}

/* A pointer for whoever this is compiled for: HYP, or the host, which owns what it points to. */
#define HYP_PTR(type, hva) ((type *)(hva).a)

/* A function whose address stands in a table. */
#define HYP_FN(fn) (fn)

#endif /* ARMV7_HYP_VA_H */
