/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * <stddef.h> for the kernel build: size_t, ptrdiff_t, NULL, offsetof.
 */
#ifndef FREEBSD_STDDEF_WRAPPER_H
#define FREEBSD_STDDEF_WRAPPER_H

#include <sys/types.h>
#include <sys/_null.h>
#include <sys/stddef.h>

#endif /* FREEBSD_STDDEF_WRAPPER_H */
