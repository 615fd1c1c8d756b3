/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * <stdint.h> for the kernel build: the types and limits are in the kernel's <sys/stdint.h>.
 */
#ifndef FREEBSD_STDINT_WRAPPER_H
#define FREEBSD_STDINT_WRAPPER_H

#include <sys/types.h>
#include <sys/stdint.h>

#endif /* FREEBSD_STDINT_WRAPPER_H */
