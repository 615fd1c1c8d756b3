/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Reads of identification registers that trapped, constants of the vCPU, and cache operations by
 * set and way after the first one, answered where the trap is taken.  Built for the host and for EL2;
 * looks at the vCPU's page only, no locks.
 */
#include "arm.h"
#include "esr.h"
#include "hcr.h"

/* op0 3, op1 0, CRn 0, read; CRm 1 to 7 trap by HCR_EL2.TID3 */
#define ID_MASK                                                                       \
	(ESR_EC_MASK | ESR_SYS64_OP0_MASK | ESR_SYS64_OP1_MASK | ESR_SYS64_CRN_MASK | \
	    ESR_SYS64_READ)
#define ID_READ (ESR_EC_SYS64 << ESR_EC_SHIFT | FIELD_TO(ESR_SYS64_OP0_MASK, 3u) | ESR_SYS64_READ)

/* DC ISW, CSW, CISW: op0 1, op1 0, CRn 7, CRm 6, 10 or 14, op2 2 */
#define SETWAY_MASK                                                                   \
	(ESR_EC_MASK | ESR_SYS64_OP0_MASK | ESR_SYS64_OP1_MASK | ESR_SYS64_CRN_MASK | \
	    ESR_SYS64_OP2_MASK | ESR_SYS64_READ)
#define SETWAY                                                             \
	(ESR_EC_SYS64 << ESR_EC_SHIFT | FIELD_TO(ESR_SYS64_OP0_MASK, 1u) | \
	    FIELD_TO(ESR_SYS64_CRN_MASK, 7u) | FIELD_TO(ESR_SYS64_OP2_MASK, 2u))

/* While TVM is on there is nothing to do: sysregs.c, sys_setway. */
static bool
setway_is_done(const struct hyp_vcpu *v)
{
	uint32_t crm = FIELD_OF(ESR_SYS64_CRM_MASK, v->trap.esr);

	return (v->trap.esr & SETWAY_MASK) == SETWAY && (crm == 6 || crm == 10 || crm == 14) &&
	    (v->hcr & HCR_TVM) != 0;
}

/* At EL0 they are UNDEFINED: the host says so. */
bool
sysreg_fast(struct hyp_vcpu *v)
{
	uint32_t esr = v->trap.esr;
	uint32_t crm = FIELD_OF(ESR_SYS64_CRM_MASK, esr);

	if (arch_guest_is_user(v))
		return false;
	if ((esr & ID_MASK) != ID_READ || crm == 0 || crm > 7)
		return setway_is_done(v);
	arch_gpr_set(v, FIELD_OF(ESR_SYS64_RT_MASK, esr),
	    v->id_regs[crm * 8 + FIELD_OF(ESR_SYS64_OP2_MASK, esr)]);
	return true;
}
