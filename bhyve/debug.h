/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Lines for the person at the terminal, on stderr, right also while the terminal is raw.
 */
#ifndef BHYVE_DEBUG_H
#define BHYVE_DEBUG_H

/* "bhyve: ...", one line; any thread.  Never called for something that a guest can repeat. */
__attribute__((format(printf, 1, 2))) void say(const char *fmt, ...);

#endif /* BHYVE_DEBUG_H */
