/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The identification registers of the CPU this runs on, read at EL1 on the host: what a vCPU's own
 * are made from.  No locks; the CPUs of a host that runs guests are alike in what is read here.
 */
#include <string.h>

#include "sysreg.h"
#include "sysregs.h"

/* All of this space can be read: what is not allocated is RAZ (DDI 0487 D19.1). */
#define READ_ID(crm, op2)                                                \
	({                                                               \
		uint64_t val_;                                           \
		__asm__("mrs %0, s3_0_c0_c" #crm "_" #op2 : "=r"(val_)); \
		val_;                                                    \
	})
#define ID_ROW(h, crm)                                  \
	do {                                            \
		(h)->id[(crm)*8 + 0] = READ_ID(crm, 0); \
		(h)->id[(crm)*8 + 1] = READ_ID(crm, 1); \
		(h)->id[(crm)*8 + 2] = READ_ID(crm, 2); \
		(h)->id[(crm)*8 + 3] = READ_ID(crm, 3); \
		(h)->id[(crm)*8 + 4] = READ_ID(crm, 4); \
		(h)->id[(crm)*8 + 5] = READ_ID(crm, 5); \
		(h)->id[(crm)*8 + 6] = READ_ID(crm, 6); \
		(h)->id[(crm)*8 + 7] = READ_ID(crm, 7); \
	} while (0)

void
sysreg_host_read(struct sysreg_host *h)
{
	memset(h, 0, sizeof(*h));
	h->id[0] = sysreg_read(MIDR);
	ID_ROW(h, 1);
	ID_ROW(h, 2);
	ID_ROW(h, 3);
	ID_ROW(h, 4);
	ID_ROW(h, 5);
	ID_ROW(h, 6);
	ID_ROW(h, 7);
	h->actlr = sysreg_read(ACTLR);
}
