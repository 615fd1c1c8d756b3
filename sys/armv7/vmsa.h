/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The translation regimes of ARMv7 with the large physical address extension: how wide they are,
 * and the values of HTCR, HMAIR and VTCR that go with hyp_map.c and stage2.c.  Constants only.
 */
#ifndef ARMV7_VMSA_H
#define ARMV7_VMSA_H

#include "types.h"

#define VMSA_PA_BITS	 40
#define VMSA_HYP_VA_BITS 32
#define VMSA_HYP_ROOT	 1u /* level of the first table: four entries of 1 GiB are used */

/* An LPAE_SH_* where it stands in HTCR and VTCR, of the walks. */
#define TCR_SH0(sh) ((uint32_t)((sh)&MASK64(9, 8)) << 4)

/* The attributes' indexes in HMAIR0, and what they stand for (B4.1.106). */
#define HYP_MAP_ATTR_NORMAL 0u
#define HYP_MAP_ATTR_DEVICE 1u
/* write-back, read- and write-allocate, inner and outer: what kernels map their memory with */
#define HYP_MAIR0 (0xffu << 8 * HYP_MAP_ATTR_NORMAL | 0x04u << 8 * HYP_MAP_ATTR_DEVICE)
#define HYP_MAIR1 0u

/*
 * HTCR, B4.1.74: T0SZ = 0, walks shareable as the host's memory is (LPAE_SH_*), write-back
 * write-allocate cacheable, so that they see the host's stores without cache maintenance; bits 31
 * and 23 are should-be-one.
 */
#define HYP_HTCR(sh) (BIT(31) | BIT(23) | TCR_SH0(sh) | 1u << 10 | 1u << 8)
_Static_assert(HYP_HTCR(3ull << 8) == 0x80803500u, "HTCR");

/*
 * VTCR: 40 bits of IPA (T0SZ = -8, with its sign repeated in S), first lookup at level 1
 * (SL0 = 1) in two concatenated tables, walks write-back write-allocate cacheable and shareable as
 * the host's memory is, so that they see its stores to the tables without cache maintenance.
 */
#define VTCR_T0SZ_40BIT 8u /* 4 bits, two's complement */
#define VTCR_S		BIT(4)
#define VTCR_SL0_LEVEL1 (1u << 6)
#define VTCR_IRGN0_WBWA (1u << 8)
#define VTCR_ORGN0_WBWA (1u << 10)
#define VTCR_RES1	BIT(31)
#define VTCR_VALUE(sh)                                                                            \
	(VTCR_RES1 | TCR_SH0(sh) | VTCR_ORGN0_WBWA | VTCR_IRGN0_WBWA | VTCR_SL0_LEVEL1 | VTCR_S | \
	    VTCR_T0SZ_40BIT)
_Static_assert(VTCR_VALUE(3ull << 8) == 0x80003558u, "VTCR");

#endif /* ARMV7_VMSA_H */
