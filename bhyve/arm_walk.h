/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A guest's stage 1 translation, done in software for a debugger: DDI 0406C B3.5 (short
 * descriptors) and B3.6 (long ones).  Permissions, domains and access flags are not looked at.
 */
#ifndef BHYVE_ARM_WALK_H
#define BHYVE_ARM_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "guest_mem.h"

/* The registers that a walk depends on, as the vCPU has them. */
struct arm_mmu {
	uint32_t sctlr, ttbcr;
	uint64_t ttbr0, ttbr1;
};

/*
 * The IPA of va, and in *left how many bytes from it on are mapped together, at least 1.  False: va
 * is not mapped, or a table is not in RAM.
 */
bool arm_walk(const struct guest_mem *m, const struct arm_mmu *mmu, uint32_t va, uint64_t *ipa,
    uint32_t *left);

#endif /* BHYVE_ARM_WALK_H */
