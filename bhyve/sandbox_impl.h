/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The parts of Linux's sandbox.
 */
#ifndef BHYVE_SANDBOX_IMPL_H
#define BHYVE_SANDBOX_IMPL_H

#include <seccomp.h>
#include <stdbool.h>

/* ---- sandbox_filter.c ---- */

/*
 * Loads the filter of system calls into all threads.  internet: sockets may be made and connected,
 * and OUTSIDE_RESOLVER is read through outside.h.  0 or an errno.
 */
int sandbox_filter_load(bool internet);

/* ---- sandbox_load.c ---- */

/*
 * Loads f into all threads, behind a way through for VM_RUN, and sets
 * no_new_privs.  log: the kernel logs each call that f refuses.  0 or an errno: E2BIG, f is longer
 * than the kernel takes; ECANCELED, a thread has another filter.
 */
int sandbox_load(scmp_filter_ctx f, bool log);

/* ---- sandbox_resolver.c ---- */

/* Takes the signal that the filter sends for calls with a path. */
void sandbox_resolver_start(void);

#endif /* BHYVE_SANDBOX_IMPL_H */
