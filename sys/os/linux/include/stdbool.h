/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * <stdbool.h> for the kernel build: bool is the kernel's, true and false its enumerators.
 */
#ifndef LINUX_STDBOOL_WRAPPER_H
#define LINUX_STDBOOL_WRAPPER_H

#include <linux/types.h>

#define __bool_true_false_are_defined 1

#endif /* LINUX_STDBOOL_WRAPPER_H */
