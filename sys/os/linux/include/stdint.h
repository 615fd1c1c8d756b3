/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * <stdint.h> for the kernel build, which has none: the kernel's types under the
 * standard's names.  <linux/bits.h> comes along so that the core's own BIT() stands
 * back behind the kernel's, whatever is included later.
 */
#ifndef LINUX_STDINT_H
#define LINUX_STDINT_H

#include <linux/bits.h>
#include <linux/types.h>

typedef long intptr_t;
typedef int64_t intmax_t;
typedef uint64_t uintmax_t;

#define INT8_MAX   0x7f
#define INT16_MAX  0x7fff
#define INT32_MAX  0x7fffffff
#define INT64_MAX  0x7fffffffffffffffll
#define INT8_MIN   (-INT8_MAX - 1)
#define INT16_MIN  (-INT16_MAX - 1)
#define INT32_MIN  (-INT32_MAX - 1)
#define INT64_MIN  (-INT64_MAX - 1)
#define UINT8_MAX  0xff
#define UINT16_MAX 0xffff
#define UINT32_MAX 0xffffffffu
#define UINT64_MAX 0xffffffffffffffffull
#ifndef UINTPTR_MAX
#define UINTPTR_MAX (~(uintptr_t)0)
#endif
#ifndef SIZE_MAX
#define SIZE_MAX (~(size_t)0)
#endif

#ifndef INT64_C
#define INT64_C(x)  x##ll
#define UINT64_C(x) x##ull
#define UINT32_C(x) x##u
#endif

#endif /* LINUX_STDINT_H */
