/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Address spaces as types, and the few macros every file of the module needs.
 * gpa_t is what the guest calls physical (an IPA), hpa_t what the bus sees,
 * hyp_va_t what HYP mode dereferences.
 */
#ifndef CORE_TYPES_H
#define CORE_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifndef __bool_true_false_are_defined
#ifndef __KERNEL__
#include <stdbool.h>
#endif
#endif

typedef struct {
	uint64_t a;
} gpa_t;
typedef struct {
	uint64_t a;
} hpa_t;
typedef struct {
	uintptr_t a;
} hyp_va_t;

#define GPA(x) ((gpa_t){ (uint64_t)(x) })
#define HPA(x) ((hpa_t){ (uint64_t)(x) })

#ifndef BIT
#define BIT(n) (1u << (n))
#endif
#ifndef BIT64
#define BIT64(n) (1ull << (n))
#endif
#define MASK64(hi, lo) ((~0ull >> (63 - (hi))) & (~0ull << (lo)))
#define MASK32(hi, lo) ((uint32_t)MASK64(hi, lo))
/* the field of reg that mask names, shifted down; and a value shifted up into it */
#define FIELD_OF(mask, reg) (((reg) & (mask)) / ((mask) & -(mask)))
#define FIELD_TO(mask, val) (((val) * ((mask) & -(mask))) & (mask))

#define NELEM(a)	 (sizeof(a) / sizeof((a)[0]))
#define ROUND_DOWN(x, n) ((x) & ~((uint64_t)(n)-1))
#define ROUND_UP(x, n)	 (((x) + (n)-1) & ~((uint64_t)(n)-1))

#define PAGE_BYTES  4096u
#define BLOCK_BYTES 0x200000u

/* Shared with HYP and between CPUs: one access, neither torn nor repeated. */
#define LOAD_ONCE(x)	 __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define STORE_ONCE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)

#endif /* CORE_TYPES_H */
