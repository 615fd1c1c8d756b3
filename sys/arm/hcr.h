/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * HCR (DDI 0406C B4.1), and the lower half of HCR_EL2 (DDI 0487): the same bits.  Those that only
 * one width has stand behind their names.  Constants only.
 */
#ifndef ARM_HCR_H
#define ARM_HCR_H

#include "types.h"

#define HCR_VM	   BIT(0)
#define HCR_SWIO   BIT(1)
#define HCR_PTW	   BIT(2)
#define HCR_FMO	   BIT(3)
#define HCR_IMO	   BIT(4)
#define HCR_AMO	   BIT(5)
#define HCR_VF	   BIT(6)
#define HCR_VI	   BIT(7)
#define HCR_VA	   BIT(8) /* AArch64: VSE */
#define HCR_FB	   BIT(9)
#define HCR_BSU_IS BIT(10)
#define HCR_TWI	   BIT(13)
#define HCR_TWE	   BIT(14)
#define HCR_TID0   BIT(15)
#define HCR_TID1   BIT(16)
#define HCR_TID2   BIT(17)
#define HCR_TID3   BIT(18)
#define HCR_TSC	   BIT(19)
#define HCR_TIDCP  BIT(20)
#define HCR_TAC	   BIT(21) /* AArch64: TACR */
#define HCR_TSW	   BIT(22)
#define HCR_TVM	   BIT(26)
#define HCR_TGE	   BIT(27) /* AArch64 */
#define HCR_RW	   BIT(31) /* AArch64: EL1 is AArch64 */

#endif /* ARM_HCR_H */
