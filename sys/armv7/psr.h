/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The program status register (DDI 0406C B1.3.3), and those bits of SCTLR and TTBCR that
 * decide how an exception is taken and how the guest's own tables are walked (B4.1.130,
 * B4.1.153).
 */
#ifndef ARMV7_PSR_H
#define ARMV7_PSR_H

#include "types.h"

#define CPSR_MODE_MASK MASK32(4, 0)
#define CPSR_MODE_USR  0x10u
#define CPSR_MODE_FIQ  0x11u
#define CPSR_MODE_IRQ  0x12u
#define CPSR_MODE_SVC  0x13u
#define CPSR_MODE_MON  0x16u
#define CPSR_MODE_ABT  0x17u
#define CPSR_MODE_HYP  0x1au
#define CPSR_MODE_UND  0x1bu
#define CPSR_MODE_SYS  0x1fu
#define CPSR_T	       BIT(5)
#define CPSR_F	       BIT(6)
#define CPSR_I	       BIT(7)
#define CPSR_A	       BIT(8)
#define CPSR_E	       BIT(9)
#define CPSR_IT_7_2    MASK32(15, 10)
#define CPSR_GE	       MASK32(19, 16)
#define CPSR_RES0      MASK32(23, 20)
#define CPSR_J	       BIT(24)
#define CPSR_IT_1_0    MASK32(26, 25)
#define CPSR_Q	       BIT(27)
#define CPSR_V	       BIT(28)
#define CPSR_C	       BIT(29)
#define CPSR_Z	       BIT(30)
#define CPSR_N	       BIT(31)

#define SCTLR_M	 BIT(0)
#define SCTLR_C	 BIT(2)
#define SCTLR_V	 BIT(13)
#define SCTLR_EE BIT(25)
#define SCTLR_TE BIT(30)

/* TTBCR with EAE = 0: the short-descriptor format. */
#define TTBCR_N_MASK MASK32(2, 0)
#define TTBCR_PD0    BIT(4)
#define TTBCR_PD1    BIT(5)
/* TTBCR with EAE = 1: the long-descriptor format. */
#define TTBCR_T0SZ_MASK MASK32(2, 0)
#define TTBCR_EPD0	BIT(7)
#define TTBCR_T1SZ_MASK MASK32(18, 16)
#define TTBCR_EPD1	BIT(23)
#define TTBCR_EAE	BIT(31)

#endif /* ARMV7_PSR_H */
