/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * <stddef.h> for the kernel build: size_t, ptrdiff_t, NULL, offsetof.
 */
#ifndef LINUX_STDDEF_WRAPPER_H
#define LINUX_STDDEF_WRAPPER_H

#include <linux/stddef.h>
#include <linux/types.h>

#endif /* LINUX_STDDEF_WRAPPER_H */
