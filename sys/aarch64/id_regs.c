/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What a guest may know of its processor: one row a field of the identification registers (DDI 0487
 * D19.2, ID_AA64PFR0_EL1 and the like).  A field that has no row reads as zero: a feature
 * that nobody here has thought about is not there.  A row says the highest value that is offered;
 * where the host has less, so has the guest.
 *
 * Offered is what works without our help: instructions, and what stage 1 alone makes of its tables.
 * What has registers of its own comes with the code that switches them.  Memory only.
 */
#include <string.h>

#include "sysregs.h"

#define ID(crm, op2) ((crm)*8 + (op2))
#define AA64PFR0     ID(4, 0)
#define AA64PFR1     ID(4, 1)
#define AA64DFR0     ID(5, 0)
#define AA64ISAR0    ID(6, 0)
#define AA64ISAR1    ID(6, 1)
#define AA64ISAR2    ID(6, 2)
#define AA64MMFR0    ID(7, 0)
#define AA64MMFR1    ID(7, 1)
#define AA64MMFR2    ID(7, 2)

enum id_rule {
	ID_CAP,	  /* the lower of the host's value and max */
	ID_HOST,  /* the host's, whatever it is: 15 is "not there" */
	ID_FIXED, /* max, on any host */
};

struct id_field {
	uint8_t reg, shift, rule, max;
	const char *name;
};

/* clang-format off */
static const struct id_field id_fields[] = {
	{ AA64PFR0,   0, ID_CAP,   1, "EL0: AArch64" },
	{ AA64PFR0,   4, ID_CAP,   1, "EL1: AArch64" },
	{ AA64PFR0,  16, ID_HOST,  0, "FP" },
	{ AA64PFR0,  20, ID_HOST,  0, "AdvSIMD" },
	{ AA64PFR0,  48, ID_CAP,   1, "DIT" },
	{ AA64PFR0,  56, ID_CAP,   1, "CSV2: without SCXTNUM" },
	{ AA64PFR0,  60, ID_CAP,   1, "CSV3" },
	{ AA64PFR1,   0, ID_CAP,   1, "BT" },
	{ AA64PFR1,   4, ID_CAP,   2, "SSBS" },

	/* Armv8's debug architecture with two breakpoints and watchpoints, which never match */
	{ AA64DFR0,   0, ID_FIXED, 6, "DebugVer" },
	{ AA64DFR0,  12, ID_FIXED, 1, "BRPs" },
	{ AA64DFR0,  20, ID_FIXED, 1, "WRPs" },

	{ AA64ISAR0,  4, ID_CAP,   2, "AES" },
	{ AA64ISAR0,  8, ID_CAP,   1, "SHA1" },
	{ AA64ISAR0, 12, ID_CAP,   2, "SHA2" },
	{ AA64ISAR0, 16, ID_CAP,   1, "CRC32" },
	{ AA64ISAR0, 20, ID_CAP,   2, "Atomic" },
	{ AA64ISAR0, 28, ID_CAP,   1, "RDM" },
	{ AA64ISAR0, 32, ID_CAP,   1, "SHA3" },
	{ AA64ISAR0, 36, ID_CAP,   1, "SM3" },
	{ AA64ISAR0, 40, ID_CAP,   1, "SM4" },
	{ AA64ISAR0, 44, ID_CAP,   1, "DP" },
	{ AA64ISAR0, 48, ID_CAP,   1, "FHM" },
	{ AA64ISAR0, 52, ID_CAP,   2, "TS" },
	{ AA64ISAR0, 56, ID_CAP,   2, "TLB" },
	{ AA64ISAR0, 60, ID_CAP,   1, "RNDR" },
	{ AA64ISAR1,  0, ID_CAP,   2, "DPB" },
	{ AA64ISAR1, 12, ID_CAP,   1, "JSCVT" },
	{ AA64ISAR1, 16, ID_CAP,   1, "FCMA" },
	{ AA64ISAR1, 20, ID_CAP,   2, "LRCPC" },
	{ AA64ISAR1, 32, ID_CAP,   1, "FRINTTS" },
	{ AA64ISAR1, 36, ID_CAP,   1, "SB" },
	{ AA64ISAR1, 44, ID_CAP,   1, "BF16" },
	{ AA64ISAR1, 48, ID_CAP,   1, "DGH" },
	{ AA64ISAR1, 52, ID_CAP,   1, "I8MM" },
	{ AA64ISAR2,  4, ID_CAP,   1, "RPRES" },

	{ AA64MMFR0,  0, ID_CAP,   2, "PARange: 40 bits, as stage 2 has them" },
	{ AA64MMFR0,  4, ID_CAP,   2, "ASIDBits" },
	{ AA64MMFR0,  8, ID_CAP,   1, "BigEnd" },
	{ AA64MMFR0, 12, ID_CAP,   1, "SNSMem" },
	{ AA64MMFR0, 16, ID_CAP,   1, "BigEndEL0" },
	{ AA64MMFR0, 20, ID_CAP,   1, "TGran16" },
	{ AA64MMFR0, 24, ID_HOST,  0, "TGran64" },
	{ AA64MMFR0, 28, ID_HOST,  0, "TGran4" },
	{ AA64MMFR1,  0, ID_CAP,   2, "HAFDBS" },
	{ AA64MMFR1, 12, ID_CAP,   2, "HPDS" },
	{ AA64MMFR1, 20, ID_CAP,   3, "PAN" },
	{ AA64MMFR1, 36, ID_CAP,   1, "ETS" },
	{ AA64MMFR2,  0, ID_CAP,   1, "CnP" },
	{ AA64MMFR2,  4, ID_CAP,   1, "UAO" },
	{ AA64MMFR2, 20, ID_CAP,   1, "CCIDX" },
	{ AA64MMFR2, 28, ID_CAP,   1, "ST" },
	{ AA64MMFR2, 32, ID_CAP,   1, "AT" },
	{ AA64MMFR2, 36, ID_CAP,   1, "IDS" },
	{ AA64MMFR2, 48, ID_CAP,   1, "TTL" },
	{ AA64MMFR2, 52, ID_CAP,   2, "BBM" },
	{ AA64MMFR2, 60, ID_CAP,   1, "E0PD" },
};
/* clang-format on */

static uint64_t
field_value(const struct id_field *f, uint64_t host)
{
	uint64_t have = host >> f->shift & 15;

	switch ((enum id_rule)f->rule) {
	case ID_FIXED:
		return f->max;
	case ID_HOST:
		return have;
	case ID_CAP:
	default:
		return have < f->max ? have : f->max;
	}
}

void
id_regs_make(uint64_t *guest, const struct sysreg_host *host)
{
	unsigned int i;

	memset(guest, 0, 64 * sizeof(*guest));
	for (i = 0; i < NELEM(id_fields); i++) {
		const struct id_field *f = &id_fields[i];

		guest[f->reg] |= field_value(f, host->id[f->reg]) << f->shift;
	}
}
