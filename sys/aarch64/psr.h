/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * PSTATE as SPSR_ELx has it (DDI 0487 C5.2, SPSR_EL1), and those bits of SCTLR_EL1 that decide how
 * an exception is taken and what order data has.
 */
#ifndef AARCH64_PSR_H
#define AARCH64_PSR_H

#include "types.h"

/* M[4:0]: bit 4 is AArch32, whose User mode alone a guest can be in. */
#define PSR_MODE_MASK MASK64(4, 0)
#define PSR_MODE_EL0T 0x0ull
#define PSR_MODE_EL1T 0x4ull
#define PSR_MODE_EL1H 0x5ull
#define PSR_MODE_32   BIT64(4)
#define PSR_MODE_USR  0x10ull
#define PSR_F	      BIT64(6)
#define PSR_I	      BIT64(7)
#define PSR_A	      BIT64(8)
#define PSR_D	      BIT64(9)
#define PSR_DAIF      (PSR_D | PSR_A | PSR_I | PSR_F)
#define PSR_BTYPE     MASK64(11, 10)
#define PSR_SSBS      BIT64(12)
#define PSR_IL	      BIT64(20)
#define PSR_SS	      BIT64(21)
#define PSR_PAN	      BIT64(22)
#define PSR_UAO	      BIT64(23)
#define PSR_DIT	      BIT64(24)
#define PSR_V	      BIT64(28)
#define PSR_C	      BIT64(29)
#define PSR_Z	      BIT64(30)
#define PSR_N	      BIT64(31)
#define PSR_NZCV      (PSR_N | PSR_Z | PSR_C | PSR_V)
/* AArch32's T and E, in User mode */
#define PSR_32_T BIT64(5)
#define PSR_32_E BIT64(9)

#define SCTLR_M	    BIT64(0)
#define SCTLR_C	    BIT64(2)
#define SCTLR_SPAN  BIT64(23)
#define SCTLR_E0E   BIT64(24)
#define SCTLR_EE    BIT64(25)
#define SCTLR_DSSBS BIT64(44)

/* TCR_EL1: no walks by TTBR0_EL1, TTBR1_EL1 */
#define TCR_EPD0 BIT64(7)
#define TCR_EPD1 BIT64(23)

#endif /* AARCH64_PSR_H */
