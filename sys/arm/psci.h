/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Function identifiers and return values of PSCI 1.0 (DEN0022) and SMCCC 1.1 (DEN0028),
 * in their 32-bit form, and those of PSCI that have a 64-bit one.  The calls come by HVC #0.
 */
#ifndef ARM_PSCI_H
#define ARM_PSCI_H

#include <arch_regs.h>

#include "types.h"

#define SMCCC_VERSION_1_1 0x00010001u
#define PSCI_VERSION_1_0  0x00010000u

enum psci_fn {
	SMCCC_FN_VERSION = 0x80000000u,
	SMCCC_FN_ARCH_FEATURES = 0x80000001u,
	PSCI_FN_VERSION = 0x84000000u,
	PSCI_FN_CPU_SUSPEND = 0x84000001u,
	PSCI_FN_CPU_OFF = 0x84000002u,
	PSCI_FN_CPU_ON = 0x84000003u,
	PSCI_FN_AFFINITY_INFO = 0x84000004u,
	PSCI_FN_MIGRATE_INFO_TYPE = 0x84000006u,
	PSCI_FN_SYSTEM_OFF = 0x84000008u,
	PSCI_FN_SYSTEM_RESET = 0x84000009u,
	PSCI_FN_FEATURES = 0x8400000au,
	/* with arguments of 64 bits: where there is ARCH_HAS_SMC64 */
	PSCI_FN64_CPU_SUSPEND = 0xc4000001u,
	PSCI_FN64_CPU_ON = 0xc4000003u,
	PSCI_FN64_AFFINITY_INFO = 0xc4000004u,
};
#define SMCCC_FN_IS_64 0x40000000u

/* Return values, DEN0022; SMCCC's NOT_SUPPORTED is the same -1. */
#define PSCI_SUCCESS		0u
#define PSCI_NOT_SUPPORTED	((uint32_t)-1)
#define PSCI_INVALID_PARAMETERS ((uint32_t)-2)
#define PSCI_DENIED		((uint32_t)-3)
#define PSCI_ALREADY_ON		((uint32_t)-4)
#define PSCI_ON_PENDING		((uint32_t)-5)
#define PSCI_INTERNAL_FAILURE	((uint32_t)-6)
#define PSCI_INVALID_ADDRESS	((uint32_t)-9)

/* In the result's register: negative ones with their sign (DEN0028, return values). */
static inline arch_reg_t
smccc_result(uint32_t result)
{
	return (arch_reg_t)(int32_t)result;
}

/* AFFINITY_INFO's answers */
#define PSCI_AFF_ON	    0u
#define PSCI_AFF_OFF	    1u
#define PSCI_AFF_ON_PENDING 2u

/* MIGRATE_INFO_TYPE: no Trusted OS, or one that needs no migration */
#define PSCI_MIGRATE_NOT_NEEDED 2u

/* struct arch_vcpu.powered */
enum vcpu_power {
	VCPU_POWER_OFF = 0,
	VCPU_POWER_ON = 1,
	VCPU_POWER_ON_PENDING = 2, /* CPU_ON: the target's thread has not carried it out yet */
	VCPU_POWER_CLAIMED = 3,	   /* a CPU_ON is being written down */
};

#endif /* ARM_PSCI_H */
