/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The long-descriptor translation table format, DDI 0406C B3.6, which is AArch64's with 4 KiB
 * granules: what stage 2 and the microvisor's own stage 1 share, and the fields of VTTBR
 * that go with stage2.c.  Constants only: for host, HYP, assembly-free user-space tests alike.
 */
#ifndef ARM_LPAE_H
#define ARM_LPAE_H

#include <vmsa.h>

#include "types.h"

/* Levels: 512 GiB (AArch64), 1 GiB, 2 MiB, 4 KiB an entry; 512 entries of 8 bytes a table. */
#define LPAE_ENTRIES	      512u
#define LPAE_SHIFT(level)     (39u - 9u * (level))
#define LPAE_SIZE(level)      (1ull << LPAE_SHIFT(level))
#define LPAE_INDEX(va, level) ((unsigned int)((va) >> LPAE_SHIFT(level)) & (LPAE_ENTRIES - 1))

/* Descriptor types: bits [1:0].  At level 3 a page has TABLE's code. */
#define LPAE_VALID	BIT64(0)
#define LPAE_TYPE_MASK	MASK64(1, 0)
#define LPAE_TYPE_BLOCK 1ull
#define LPAE_TYPE_TABLE 3ull
#define LPAE_TYPE_PAGE	3ull
#define LPAE_ADDR_MASK	MASK64(VMSA_PA_BITS - 1, 12)

/* Attributes that both stages have. */
#define LPAE_SH_MASK  MASK64(9, 8)
#define LPAE_SH_NONE  (0ull << 8)
#define LPAE_SH_OUTER (2ull << 8)
#define LPAE_SH_INNER (3ull << 8)
#define LPAE_AF	      BIT64(10) /* 0 would fault on the first access */
#define LPAE_XN	      BIT64(54)

/* Stage 1: attributes by index into MAIR; AP[2:1]; HYP mode has AP[1] as should-be-one. */
#define LPAE_S1_ATTR(n) ((uint64_t)(n) << 2)
#define LPAE_S1_NS	BIT64(5)
#define LPAE_S1_AP1	BIT64(6)
#define LPAE_S1_AP_RO	BIT64(7)
#define LPAE_S1_NG	BIT64(11)
#define LPAE_S1_PXN	BIT64(53)

/* Stage 2: MemAttr[3:0] and HAP[2:1]. */
#define LPAE_S2_MEMATTR_MASK   MASK64(5, 2)
#define LPAE_S2_MEMATTR_NORMAL (15ull << 2) /* outer and inner write-back */
#define LPAE_S2_MEMATTR_DEVICE (1ull << 2)
#define LPAE_S2_HAP_MASK       MASK64(7, 6)
#define LPAE_S2_HAP_READ       BIT64(6)
#define LPAE_S2_HAP_WRITE      BIT64(7)

/* 40 bits of IPA, as vmsa.h's VTCR_VALUE says to the processor. */
#define STAGE2_IPA_BITS 40u
/*
 * Entries of the first lookup: bits [39:30].  VTTBR.BADDR is [39:x] with x = 5 - T0SZ = 13:
 * the two tables are 8 KiB and aligned to that.
 */
#define STAGE2_ROOT_ENTRIES 1024u
#define STAGE2_ROOT_ORDER   1u
#define STAGE2_ROOT_BYTES   8192u

#define VTTBR_VMID_SHIFT 48
#define VTTBR_VMID_MASK	 MASK64(55, 48)
#define VTTBR_BADDR_MASK MASK64(39, 13)

#endif /* ARM_LPAE_H */
