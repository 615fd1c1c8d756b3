/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A vCPU as gdb sees it: its registers, in the order of the target description that we send, and
 * its memory by virtual address.  The vCPU is stopped.
 */
#ifndef BHYVE_GDB_ARM_H
#define BHYVE_GDB_ARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arm_step.h"
#include "gdb_proto.h"
#include "guest_mem.h"
#include "vmmapi.h"

struct gdb_cpu {
	struct vmctx *ctx;
	const struct guest_mem *mem;
	struct vcpu *vcpu; /* a handle of the debugger's own */
};

/* The target description, XML; made once. */
const char *gdb_arm_description(void);
/* Register n of it: how many bytes, 0: there is none. */
unsigned int gdb_arm_reg_bytes(unsigned int n);
unsigned int gdb_arm_core_regs(void); /* those that a g packet has: the first so many */
bool gdb_arm_reg_read(const struct gdb_cpu *c, unsigned int n, uint64_t *val);
bool gdb_arm_reg_write(const struct gdb_cpu *c, unsigned int n, uint64_t val);

/* How many of the len bytes at va could be read or written. */
size_t gdb_arm_read(const struct gdb_cpu *c, uint32_t va, void *buf, size_t len);
/* What was written may be code: caches are made coherent. */
size_t gdb_arm_write(const struct gdb_cpu *c, uint32_t va, const void *buf, size_t len);
/* The IPA of va if it is RAM. */
bool gdb_arm_ipa(const struct gdb_cpu *c, uint32_t va, uint64_t *ipa);
/* arm_step_targets() of where it is; 0: it cannot be told. */
unsigned int gdb_arm_targets(const struct gdb_cpu *c, struct arm_target target[ARM_STEP_MAX]);

#endif /* BHYVE_GDB_ARM_H */
