/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Where a vCPU will be after its next instruction: for stepping with breakpoints, since ARMv7's
 * mismatch breakpoints (DDI 0406C, part C) are not everywhere.  ARM and Thumb, DDI 0406C A5, A6.
 */
#ifndef BHYVE_ARM_STEP_H
#define BHYVE_ARM_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARM_STEP_MAX 4

struct arm_step {
	uint32_t r[16]; /* r[15]: the address of the instruction */
	uint32_t cpsr, spsr;
	uint32_t vectors;   /* base address of the exception vectors */
	bool vectors_thumb; /* SCTLR.TE */
	/* Reads guest memory by virtual address; false: it cannot be read. */
	bool (*load)(void *arg, uint32_t va, void *buf, size_t len);
	void *arg;
};

struct arm_target {
	uint32_t va;
	bool thumb;
};

/*
 * The places where execution can go on, at most ARM_STEP_MAX; more than one where LDREX begins a
 * sequence that must not be interrupted, or memory it loads the PC from cannot be read (0 targets).
 */
unsigned int arm_step_targets(const struct arm_step *s, struct arm_target target[ARM_STEP_MAX]);

#endif /* BHYVE_ARM_STEP_H */
