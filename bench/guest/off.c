/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A guest that is over at once: what it costs to come as far as this.
 */
#include "bench.h"

void
bench_main(void)
{
	hvc(PSCI_SYSTEM_OFF);
}
