/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Reads of identification registers that trapped: constants of the vCPU, answered where the
 * trap is taken.  Built for the host and for HYP; looks at the vCPU's page only, no locks.
 * In HYP the banked registers are still in the CPU, so that anything but r0-r12 of the User
 * bank is left to the host.
 */
#include "arm.h"
#include "esr.h"
#include "psr.h"

#define CP15_ID_MASK (MASK32(31, 26) | ESR_CP_OPC1_MASK | ESR_CP_CRN_MASK | ESR_CP_READ)
#define CP15_ID_READ (ESR_EC_CP15_32 << ESR_EC_SHIFT | ESR_CP_READ)

/* Is Rt one of the registers that every mode but FIQ, and HYP, has in common? */
static bool
rt_is_common(const struct hyp_vcpu *v, uint32_t rt)
{
	uint32_t mode = v->regs.cpsr & CPSR_MODE_MASK;

	if (mode == CPSR_MODE_USR) /* they are UNDEFINED at PL0: the host says so */
		return false;
	return rt < 8 || (rt < 13 && mode != CPSR_MODE_FIQ);
}

bool
sysreg_fast(struct hyp_vcpu *v)
{
	uint32_t hsr = v->trap.esr;
	uint32_t rt = FIELD_OF(ESR_CP_RT_MASK, hsr);

	if (!rt_is_common(v, rt))
		return false;
	if ((hsr & CP15_ID_MASK) == CP15_ID_READ) {
		uint32_t crm = FIELD_OF(ESR_CP_CRM_MASK, hsr);

		if (crm > 7)
			return false;
		v->regs.r[rt] = v->id_regs[crm * 8 + FIELD_OF(ESR_CP_OPC2_MASK, hsr)];
		return true;
	}
	if (esr_ec(hsr) == ESR_EC_CP10_ID && (hsr & ESR_CP_READ) != 0) {
		v->regs.r[rt] = v->cp10_id[FIELD_OF(ESR_CP_CRN_MASK, hsr)];
		return true;
	}
	return false;
}
