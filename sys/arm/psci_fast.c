/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * PSCI and SMCCC calls whose answers are constants.  Built for the host and for HYP, where
 * it is the shortest of all trap walks: the guest's HVC never reaches the host.  Works on
 * the vCPU's saved registers only; no locks.
 */
#include "arm.h"
#include "psci.h"

/* What PSCI_FEATURES says of a function (DEN0022): 0 it is there, without options. */
static uint32_t
psci_features(uint32_t fn)
{
	switch (fn) {
	case SMCCC_FN_VERSION:
	case PSCI_FN_VERSION:
	case PSCI_FN_CPU_SUSPEND: /* original StateID format, no OS-initiated mode */
	case PSCI_FN_CPU_OFF:
	case PSCI_FN_CPU_ON:
	case PSCI_FN_AFFINITY_INFO:
	case PSCI_FN_MIGRATE_INFO_TYPE:
	case PSCI_FN_SYSTEM_OFF:
	case PSCI_FN_SYSTEM_RESET:
	case PSCI_FN_FEATURES:
		return PSCI_SUCCESS;
	case PSCI_FN64_CPU_SUSPEND:
	case PSCI_FN64_CPU_ON:
	case PSCI_FN64_AFFINITY_INFO:
		return ARCH_HAS_SMC64 ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED;
	default:
		return PSCI_NOT_SUPPORTED;
	}
}

/*
 * What SMCCC_ARCH_FEATURES says (DEN0028).  No firmware workarounds are offered: on
 * ARMv7 processors a guest does its own branch predictor maintenance.
 */
static uint32_t
smccc_arch_features(uint32_t fn)
{
	switch (fn) {
	case SMCCC_FN_VERSION:
	case SMCCC_FN_ARCH_FEATURES:
		return PSCI_SUCCESS;
	default:
		return PSCI_NOT_SUPPORTED;
	}
}

/* A function of nobody's: counted, and refused, unless user space wants to see it. */
static bool
psci_fast_unknown(struct hyp_vcpu *v)
{
	if (v->smccc_exit != 0 || psci_features((uint32_t)v->regs.r[0]) == PSCI_SUCCESS)
		return false;
	v->stats[VMM_STAT_SMCCC_UNKNOWN]++;
	v->regs.r[0] = smccc_result(PSCI_NOT_SUPPORTED);
	return true;
}

/* r0 holds the function, and gets the answer; all other registers keep (DEN0028). */
bool
psci_fast(struct hyp_vcpu *v)
{
	arch_reg_t *r = v->regs.r;

	switch ((uint32_t)r[0]) {
	case PSCI_FN_VERSION:
		r[0] = PSCI_VERSION_1_0;
		return true;
	case SMCCC_FN_VERSION:
		r[0] = SMCCC_VERSION_1_1;
		return true;
	case SMCCC_FN_ARCH_FEATURES:
		r[0] = smccc_result(smccc_arch_features((uint32_t)r[1]));
		return true;
	case PSCI_FN_FEATURES:
		r[0] = smccc_result(psci_features((uint32_t)r[1]));
		return true;
	case PSCI_FN_MIGRATE_INFO_TYPE:
		r[0] = PSCI_MIGRATE_NOT_NEEDED;
		return true;
	default:
		return psci_fast_unknown(v);
	}
}
