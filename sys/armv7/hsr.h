/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The syndrome of a trap to HYP mode: HSR's exception classes and the fields of their
 * instruction specific syndromes, DDI 0406C B3.13.6.
 */
#ifndef ARMV7_HSR_H
#define ARMV7_HSR_H

#include "types.h"

#define HSR_EC_SHIFT 26
#define HSR_EC_MASK  MASK32(31, 26)
#define HSR_IL	     BIT(25) /* the instruction is 32 bits long */
#define HSR_ISS_MASK MASK32(24, 0)

/* Exception classes. */
#define HSR_EC_UNKNOWN	  0x00u
#define HSR_EC_WFX	  0x01u
#define HSR_EC_CP15_32	  0x03u
#define HSR_EC_CP15_64	  0x04u
#define HSR_EC_CP14_32	  0x05u
#define HSR_EC_CP14_LS	  0x06u
#define HSR_EC_HCPTR	  0x07u
#define HSR_EC_CP10_ID	  0x08u
#define HSR_EC_BXJ	  0x0au
#define HSR_EC_CP14_64	  0x0cu
#define HSR_EC_SVC	  0x11u
#define HSR_EC_HVC	  0x12u
#define HSR_EC_SMC	  0x13u
#define HSR_EC_IABT_LOWER 0x20u
#define HSR_EC_IABT_HYP	  0x21u
#define HSR_EC_BKPT32	  0x38u /* ARMv8: BKPT from AArch32 (DDI 0487, ESR_ELx); unused in ARMv7 */
#define HSR_EC_DABT_LOWER 0x24u
#define HSR_EC_DABT_HYP	  0x25u
#define HSR_EC_COUNT	  64u

/* ISS[24:20] of classes 0x01 to 0x0f. */
#define HSR_CV	      BIT(24)
#define HSR_COND_MASK MASK32(23, 20)

/* ISS of WFI and WFE. */
#define HSR_WFX_IS_WFE BIT(0)

/* ISS of MCR, MRC and VMRS (there CRn is the register's number); of MCRR and MRRC. */
#define HSR_CP_READ	   BIT(0)
#define HSR_CP_CRM_MASK	   MASK32(4, 1)
#define HSR_CP_RT_MASK	   MASK32(8, 5)
#define HSR_CP_CRN_MASK	   MASK32(13, 10)
#define HSR_CP_OPC1_MASK   MASK32(16, 14)
#define HSR_CP_OPC2_MASK   MASK32(19, 17)
#define HSR_CP64_RT2_MASK  MASK32(13, 10)
#define HSR_CP64_OPC1_MASK MASK32(19, 16)

/* ISS of accesses to coprocessors 0-13: TA says Advanced SIMD, which has no coproc field. */
#define HSR_HCPTR_TA	      BIT(5)
#define HSR_HCPTR_COPROC_MASK MASK32(3, 0)

/* ISS of HVC. */
#define HSR_HVC_IMM_MASK MASK32(15, 0)

/* ISS of aborts; ISV and what depends on it are of data aborts alone. */
#define HSR_DABT_ISV	  BIT(24)
#define HSR_DABT_SAS_MASK MASK32(23, 22)
#define HSR_DABT_SSE	  BIT(21)
#define HSR_DABT_SRT_MASK MASK32(19, 16)
#define HSR_ABT_EA	  BIT(9)
#define HSR_DABT_CM	  BIT(8)
#define HSR_ABT_S1PTW	  BIT(7)
#define HSR_DABT_WNR	  BIT(6)
#define HSR_ABT_FSC_MASK  MASK32(5, 0)
/* The fault status codes that stage 2 makes, without the level in [1:0]. */
#define HSR_FSC_TYPE_MASK   MASK32(5, 2)
#define HSR_FSC_TRANSLATION 0x04u
#define HSR_FSC_ACCESS	    0x08u
#define HSR_FSC_PERMISSION  0x0cu
#define HSR_FSC_DEBUG	    0x22u /* all of FSC: a debug event, as in IFSR */

/* HPFAR.FIPA: bits [39:12] of the address that faulted at stage 2. */
#define HPFAR_FIPA_MASK	 MASK32(31, 4)
#define HPFAR_FIPA_SHIFT 8

static inline uint32_t
hsr_ec(uint32_t hsr)
{
	return hsr >> HSR_EC_SHIFT;
}

/* The length of the instruction that trapped, bytes. */
static inline unsigned int
hsr_inst_len(uint32_t hsr)
{
	return (hsr & HSR_IL) != 0 ? 4 : 2;
}

#endif /* ARMV7_HSR_H */
