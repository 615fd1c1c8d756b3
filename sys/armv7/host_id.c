/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The identification registers of the CPU this runs on, read at PL1 on the host (DDI 0406C
 * B4.1): what a vCPU's own are made from.  No locks; the CPUs of a host that runs guests are
 * alike in what is read here.
 */
#include <string.h>

#include "cp15.h"
#include "sysreg.h"

#define READ_C0(crm, opc2)                                                     \
	({                                                                     \
		uint32_t val_;                                                 \
		__asm__("mrc p15, 0, %0, c0, c" #crm ", " #opc2 : "=r"(val_)); \
		val_;                                                          \
	})
#define ID_ROW(h, crm)                                  \
	do {                                            \
		(h)->c0[(crm)*8 + 0] = READ_C0(crm, 0); \
		(h)->c0[(crm)*8 + 1] = READ_C0(crm, 1); \
		(h)->c0[(crm)*8 + 2] = READ_C0(crm, 2); \
		(h)->c0[(crm)*8 + 3] = READ_C0(crm, 3); \
		(h)->c0[(crm)*8 + 4] = READ_C0(crm, 4); \
		(h)->c0[(crm)*8 + 5] = READ_C0(crm, 5); \
	} while (0)

#define MIDR_IMPL_ARM 0x41u
#define CPACR_CP10    MASK32(21, 20)

/* Arm's processors with the virtualization extensions have L2CTLR at c9, 1, c0, 2 (their TRMs). */
static bool
has_l2ctlr(uint32_t midr)
{
	uint32_t part = FIELD_OF(MASK32(15, 4), midr);

	if (FIELD_OF(MASK32(31, 24), midr) != MIDR_IMPL_ARM)
		return false;
	return part == 0xc07 /* A7 */ || part == 0xc0d /* A12 */ || part == 0xc0e /* A17 */ ||
	    part == 0xc0f /* A15 */;
}

/* VMRS as the coprocessor access it is, so that this builds whatever -mfpu says. */
static void
read_fp(struct sysreg_host *h)
{
	__asm__("mrc p10, 7, %0, cr0, cr0, 0" : "=r"(h->fpsid));
	__asm__("mrc p10, 7, %0, cr7, cr0, 0" : "=r"(h->mvfr0));
	__asm__("mrc p10, 7, %0, cr6, cr0, 0" : "=r"(h->mvfr1));
}

void
sysreg_host_read(struct sysreg_host *h)
{
	memset(h, 0, sizeof(*h));
	ID_ROW(h, 0);
	h->c0[6] = READ_C0(0, 6); /* REVIDR */
	ID_ROW(h, 1);
	h->c0[8 + 6] = READ_C0(1, 6);
	h->c0[8 + 7] = READ_C0(1, 7);
	ID_ROW(h, 2);
	h->actlr = sysreg_read(ACTLR);
	if (has_l2ctlr(h->c0[0]))
		__asm__("mrc p15, 1, %0, c9, c0, 2" : "=r"(h->l2ctlr));
	/* PL1 may read these three while CPACR lets it; where it does not there is no VFP. */
	if (FIELD_OF(CPACR_CP10, sysreg_read(CPACR)) != 0)
		read_fp(h);
}
