/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Reads of identification registers that trapped: constants of the vCPU, answered where the
 * trap is taken.  Built for the host and for EL2; looks at the vCPU's page only, no locks.
 */
#include "arm.h"
#include "esr.h"

/* op0 3, op1 0, CRn 0, read; CRm 1 to 7 trap by HCR_EL2.TID3 */
#define ID_MASK                                                                       \
	(ESR_EC_MASK | ESR_SYS64_OP0_MASK | ESR_SYS64_OP1_MASK | ESR_SYS64_CRN_MASK | \
	    ESR_SYS64_READ)
#define ID_READ (ESR_EC_SYS64 << ESR_EC_SHIFT | FIELD_TO(ESR_SYS64_OP0_MASK, 3u) | ESR_SYS64_READ)

/* At EL0 they are UNDEFINED: the host says so. */
bool
sysreg_fast(struct hyp_vcpu *v)
{
	uint32_t esr = v->trap.esr;
	uint32_t crm = FIELD_OF(ESR_SYS64_CRM_MASK, esr);

	if ((esr & ID_MASK) != ID_READ || crm == 0 || crm > 7 || arch_guest_is_user(v))
		return false;
	arch_gpr_set(v, FIELD_OF(ESR_SYS64_RT_MASK, esr),
	    v->id_regs[crm * 8 + FIELD_OF(ESR_SYS64_OP2_MASK, esr)]);
	return true;
}
