/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * <string.h> for the kernel build: plain prototypes of what the core, the ARM code and HYP use.
 * In vmm.ko they are the kernel's functions, in hyp.o HYP's own.  <sys/systm.h>, which has them,
 * would bring the system's error numbers along, and the core has its own.
 */
#ifndef FREEBSD_STRING_WRAPPER_H
#define FREEBSD_STRING_WRAPPER_H

#include <sys/types.h>

#ifndef _SYS_SYSTM_H_
void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
#endif

#endif /* FREEBSD_STRING_WRAPPER_H */
