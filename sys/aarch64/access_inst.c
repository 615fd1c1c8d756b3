/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A load or store that trapped without a syndrome: with writeback, of a pair, of vector registers,
 * exclusive, or atomic (DDI 0487, ESR_EL2, ISV).  None of them is emulated: what is at a device's
 * address and is not a plain load or store of one register gets an external abort, as real devices
 * answer many of them.
 */
#include "arm.h"

enum access_found
arch_access_from_inst(struct vcpu *vcpu, struct pending_access *a)
{
	(void)vcpu;
	(void)a;
	return ACCESS_UNKNOWN;
}
