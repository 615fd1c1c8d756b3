/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The parts of Linux's sandbox.
 */
#ifndef BHYVE_SANDBOX_IMPL_H
#define BHYVE_SANDBOX_IMPL_H

#include <stdbool.h>

/* ---- sandbox_filter.c ---- */

/*
 * Loads the filter of system calls into all threads.  internet: sockets may be made and connected,
 * and OUTSIDE_RESOLVER is read through outside.h.  0 or an errno.
 */
int sandbox_filter_load(bool internet);

/* ---- sandbox_resolver.c ---- */

/* Takes the signal that the filter sends for calls with a path. */
void sandbox_resolver_start(void);

#endif /* BHYVE_SANDBOX_IMPL_H */
