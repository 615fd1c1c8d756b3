/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * <string.h> for HYP: what hyp_lib.c has.  All other standard headers are the compiler's
 * own freestanding ones.
 */
#ifndef ARM_FREESTANDING_STRING_H
#define ARM_FREESTANDING_STRING_H

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#endif /* ARM_FREESTANDING_STRING_H */
