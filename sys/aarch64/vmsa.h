/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The translation regimes of AArch64 with 4 KiB granules: how wide they are, and the values of
 * TCR_EL2, MAIR_EL2 and VTCR_EL2 that go with hyp_map.c and stage2.c.  Constants only.
 */
#ifndef AARCH64_VMSA_H
#define AARCH64_VMSA_H

#include "types.h"

#define VMSA_PA_BITS	 48
#define VMSA_HYP_VA_BITS 48
#define VMSA_HYP_ROOT	 0u /* level of the first table */

/* An LPAE_SH_* where it stands in TCR_EL2 and VTCR_EL2, of the walks. */
#define TCR_SH0(sh) ((uint32_t)((sh)&MASK64(9, 8)) << 4)

/* The attributes' indexes in MAIR_EL2, and what they stand for. */
#define HYP_MAP_ATTR_NORMAL 0u
#define HYP_MAP_ATTR_DEVICE 1u
/* write-back, read- and write-allocate, inner and outer; Device-nGnRE */
#define HYP_MAIR (0xffull << 8 * HYP_MAP_ATTR_NORMAL | 0x04ull << 8 * HYP_MAP_ATTR_DEVICE)

/* ID_AA64MMFR0_EL1.PARange, TCR_EL2.PS and VTCR_EL2.PS have one code; 5 is 48 bits, 2 is 40. */
#define VMSA_PARANGE_40 2u
#define VMSA_PARANGE_48 5u

/*
 * TCR_EL2 without VHE: T0SZ for 48 bits, 4 KiB granules, walks shareable as the host's memory is,
 * write-back write-allocate cacheable, so that they see the host's stores without cache
 * maintenance; bits 31 and 23 are RES1.
 */
#define TCR_EL2_T0SZ_48BIT  16u
#define TCR_EL2_PS(parange) ((uint32_t)(parange) << 16)
#define HYP_TCR(sh, parange)                                                          \
	(BIT(31) | BIT(23) | TCR_EL2_PS(parange) | TCR_SH0(sh) | 1u << 10 | 1u << 8 | \
	    TCR_EL2_T0SZ_48BIT)

/*
 * VTCR_EL2: 40 bits of IPA, first lookup at level 1 (SL0 = 1) in two concatenated tables, VMIDs of
 * 8 bits, walks as above; bit 31 is RES1.
 */
#define VTCR_T0SZ_40BIT	 24u
#define VTCR_SL0_LEVEL1	 (1u << 6)
#define VTCR_IRGN0_WBWA	 (1u << 8)
#define VTCR_ORGN0_WBWA	 (1u << 10)
#define VTCR_PS(parange) ((uint32_t)(parange) << 16)
#define VTCR_RES1	 BIT(31)
#define VTCR_VALUE(sh, parange)                                                           \
	(VTCR_RES1 | VTCR_PS(parange) | TCR_SH0(sh) | VTCR_ORGN0_WBWA | VTCR_IRGN0_WBWA | \
	    VTCR_SL0_LEVEL1 | VTCR_T0SZ_40BIT)
_Static_assert(VTCR_VALUE(3ull << 8, VMSA_PARANGE_40) == 0x80023558u, "VTCR_EL2");

#endif /* AARCH64_VMSA_H */
