/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * HVC: PSCI's version and features, SMCCC's, and that a call changes its first register alone.
 */
#include "guest.h"

#define UNKNOWN 0x8400ff00u

void
test_main(void)
{
	uint32_t version = hvc(PSCI_VERSION, 0, 0, 0);
	unsigned int i;

	print("PSCI %u.%u", version >> 16, version & 0xffff);
	check(version >= 2 && version >> 16 < 2);
	check(hvc_preserves(PSCI_VERSION));
	check(hvc_preserves(UNKNOWN));
	check_eq(hvc(UNKNOWN, 0, 0, 0), -1);
	check_eq(hvc(PSCI_MIGRATE_TYPE, 0, 0, 0), 2);
	if (version >= 0x10000) {
		check_eq(hvc(PSCI_FEATURES, PSCI_CPU_ON, 0, 0), 0);
		check_eq(hvc(PSCI_FEATURES, UNKNOWN, 0, 0), -1);
		if (hvc(PSCI_FEATURES, SMCCC_VERSION, 0, 0) == 0) {
			check(hvc(SMCCC_VERSION, 0, 0, 0) >= 0x10001);
			check_eq(hvc(SMCCC_FEATURES, SMCCC_VERSION, 0, 0), 0);
			check_eq(hvc(SMCCC_FEATURES, UNKNOWN, 0, 0), -1);
		}
	}
	for (i = 0; i < 1000; i++)
		check_eq(hvc(PSCI_VERSION, i, i, i), version);
}
