/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * System registers that are answered where the trap is taken: reads of identification registers,
 * which are constants of the vCPU, and the physical timer while it is off.  HYP mode; looks at
 * the vCPU's page only, no locks.  The banked registers are still in the CPU, so that anything but
 * r0-r12 of the User bank is left to the host.
 */
#include "arm.h"
#include "esr.h"
#include "psr.h"

#define CP15_REG_MASK	(MASK32(31, 26) | ESR_CP_OPC1_MASK | ESR_CP_CRN_MASK)
#define CP15_REG_CRN(n) (ESR_EC_CP15_32 << ESR_EC_SHIFT | FIELD_TO(ESR_CP_CRN_MASK, (uint32_t)(n)))
#define CP15_64_MASK	(MASK32(31, 26) | ESR_CP64_OPC1_MASK | ESR_CP_CRM_MASK)
#define CP15_64_CNTP_CVAL                                                    \
	(ESR_EC_CP15_64 << ESR_EC_SHIFT | FIELD_TO(ESR_CP64_OPC1_MASK, 2u) | \
	    FIELD_TO(ESR_CP_CRM_MASK, 14u))

#define CRM_CNTP 2u

/* Is Rt one of the registers that every mode but FIQ, and HYP, has in common? */
static bool
rt_is_common(const struct hyp_vcpu *v, uint32_t rt)
{
	uint32_t mode = v->regs.cpsr & CPSR_MODE_MASK;

	if (mode == CPSR_MODE_USR) /* they are UNDEFINED at PL0, or by CNTKCTL: the host's work */
		return false;
	return rt < 8 || (rt < 13 && mode != CPSR_MODE_FIQ);
}

static bool
fast_id(struct hyp_vcpu *v, uint32_t hsr, uint32_t *rt)
{
	uint32_t crm = FIELD_OF(ESR_CP_CRM_MASK, hsr);

	if ((hsr & ESR_CP_READ) == 0 || crm > 7)
		return false;
	*rt = v->id_regs[crm * 8 + FIELD_OF(ESR_CP_OPC2_MASK, hsr)];
	return true;
}

/* CNTP_TVAL is opc2 0, CNTP_CTL opc2 1: B4.1.31, B4.1.28. */
static bool
fast_cntp(struct hyp_vcpu *v, uint32_t hsr, uint32_t *rt)
{
	uint32_t opc2 = FIELD_OF(ESR_CP_OPC2_MASK, hsr);
	bool write = (hsr & ESR_CP_READ) == 0;
	uint64_t val = *rt;

	if (FIELD_OF(ESR_CP_CRM_MASK, hsr) != CRM_CNTP || opc2 > 1)
		return false;
	if (!vtimer_hyp_cntp(v, opc2 == 0 ? CNTP_TVAL : CNTP_CTL, write, &val))
		return false;
	if (!write)
		*rt = (uint32_t)val;
	return true;
}

static bool
fast_cp15(struct hyp_vcpu *v, uint32_t hsr, uint32_t *rt)
{
	switch (hsr & CP15_REG_MASK) {
	case CP15_REG_CRN(0):
		return fast_id(v, hsr, rt);
	case CP15_REG_CRN(14):
		return fast_cntp(v, hsr, rt);
	default:
		return false;
	}
}

static bool
fast_cp15_64(struct hyp_vcpu *v, uint32_t hsr, uint32_t *rt)
{
	uint32_t rt2 = FIELD_OF(ESR_CP64_RT2_MASK, hsr);
	bool write = (hsr & ESR_CP_READ) == 0;
	uint64_t val;

	if ((hsr & CP15_64_MASK) != CP15_64_CNTP_CVAL || !rt_is_common(v, rt2))
		return false;
	val = (uint64_t)v->regs.r[rt2] << 32 | *rt;
	if (!vtimer_hyp_cntp(v, CNTP_CVAL, write, &val))
		return false;
	if (!write) {
		*rt = (uint32_t)val;
		v->regs.r[rt2] = (uint32_t)(val >> 32);
	}
	return true;
}

static bool
fast_cp10(struct hyp_vcpu *v, uint32_t hsr, uint32_t *rt)
{
	if ((hsr & ESR_CP_READ) == 0)
		return false;
	*rt = v->cp10_id[FIELD_OF(ESR_CP_CRN_MASK, hsr)];
	return true;
}

bool
sysreg_fast(struct hyp_vcpu *v)
{
	uint32_t hsr = v->trap.esr, rt = FIELD_OF(ESR_CP_RT_MASK, hsr);

	if (!rt_is_common(v, rt))
		return false;
	switch (esr_ec(hsr)) {
	case ESR_EC_CP15_32:
		return fast_cp15(v, hsr, &v->regs.r[rt]);
	case ESR_EC_CP15_64:
		return fast_cp15_64(v, hsr, &v->regs.r[rt]);
	case ESR_EC_CP10_ID:
		return fast_cp10(v, hsr, &v->regs.r[rt]);
	default:
		return false;
	}
}
