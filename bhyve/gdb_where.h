/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Where the debugger's server listens, as -G says it.
 */
#ifndef BHYVE_GDB_WHERE_H
#define BHYVE_GDB_WHERE_H

#include <netinet/in.h>

#include <stdbool.h>

/* [w][ADDRESS:]PORT; without an address it is 127.0.0.1.  False: it is not of that form. */
bool gdb_where(const char *text, bool *wait, struct sockaddr_in *sin);
/* What is wrong with it and what would be right, or NULL. */
const char *gdb_check(const char *text);

#endif /* BHYVE_GDB_WHERE_H */
