/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The debugger's server, -G as in bhyve(8): gdb's remote serial protocol ("Debugging with GDB",
 * Appendix E) for all vCPUs of the VM, each a thread.  A thread of bhyve's own talks to gdb; vCPU
 * threads come here when they stop.
 */
#ifndef BHYVE_GDB_H
#define BHYVE_GDB_H

#include <stdint.h>

#include "guest_mem.h"

struct gdb;
struct vmctx;

/*
 * Listen at where, [w][ADDRESS:]PORT.  Before any vCPU runs; vcpus: bit n is vCPU n.  With w no
 * vCPU does until gdb says so.  NULL: a line was said.
 */
struct gdb *gdb_create(
    struct vmctx *ctx, const struct guest_mem *mem, uint64_t vcpus, const char *where);
/* The VM has ended: no vCPU is held any more, and gdb is told.  Any thread. */
void gdb_end(struct gdb *g, int status);
void gdb_destroy(struct gdb *g); /* after gdb_end(), and all vCPU threads are gone */

/* ---- for vCPU threads ---- */

/* Before its first instruction, and at VM_EXITCODE_DEBUG: returns when the vCPU may go on. */
void gdb_hold(struct gdb *g, unsigned int vcpu);
/* VM_EXITCODE_BRK: it stands at a breakpoint. */
void gdb_breakpoint(struct gdb *g, unsigned int vcpu);

#endif /* BHYVE_GDB_H */
