/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Whether the guest of a VM that bhyveload prepared can find its devices.
 */
#ifndef BHYVE_NODES_H
#define BHYVE_NODES_H

#include "guest_mem.h"
#include "slots.h"
#include "vmmapi.h"

/* Before a vCPU runs.  -1: a line was said. */
int nodes_check(struct vmctx *ctx, const struct guest_mem *mem, const struct slots *slots);

#endif /* BHYVE_NODES_H */
