/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * <stdbool.h> for the kernel build: <sys/types.h> has bool, true and false.
 */
#ifndef FREEBSD_STDBOOL_WRAPPER_H
#define FREEBSD_STDBOOL_WRAPPER_H

#include <sys/types.h>

#endif /* FREEBSD_STDBOOL_WRAPPER_H */
