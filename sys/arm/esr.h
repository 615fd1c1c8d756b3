/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The syndrome of a trap to HYP mode or EL2: exception classes and the fields of their
 * instruction specific syndromes.  ARMv7 calls the register HSR (DDI 0406C B3.13.6), AArch64
 * ESR_EL2 (DDI 0487, ESR_EL2): what both have stands at the same place.  The sections given are
 * ARMv7's; what only one width has says so.
 */
#ifndef ARM_ESR_H
#define ARM_ESR_H

#include "types.h"

#define ESR_EC_SHIFT 26
#define ESR_EC_MASK  MASK32(31, 26)
#define ESR_IL	     BIT(25) /* the instruction is 32 bits long */
#define ESR_ISS_MASK MASK32(24, 0)

/* Exception classes. */
#define ESR_EC_UNKNOWN	  0x00u
#define ESR_EC_WFX	  0x01u
#define ESR_EC_CP15_32	  0x03u
#define ESR_EC_CP15_64	  0x04u
#define ESR_EC_CP14_32	  0x05u
#define ESR_EC_CP14_LS	  0x06u
#define ESR_EC_HCPTR	  0x07u /* AArch64: CPTR_EL2.TFP, and CPACR_EL1 routed by HCR_EL2.TGE */
#define ESR_EC_CP10_ID	  0x08u
#define ESR_EC_BXJ	  0x0au
#define ESR_EC_CP14_64	  0x0cu
#define ESR_EC_SVC	  0x11u
#define ESR_EC_HVC	  0x12u
#define ESR_EC_SMC	  0x13u
#define ESR_EC_HVC64	  0x16u /* AArch64 */
#define ESR_EC_SMC64	  0x17u /* AArch64 */
#define ESR_EC_SYS64	  0x18u /* AArch64: MSR, MRS and system instructions */
#define ESR_EC_IABT_LOWER 0x20u
#define ESR_EC_IABT_HYP	  0x21u
#define ESR_EC_DABT_LOWER 0x24u
#define ESR_EC_DABT_HYP	  0x25u
#define ESR_EC_SERROR	  0x2fu /* AArch64 */
#define ESR_EC_BKPT32	  0x38u /* ARMv8: BKPT from AArch32 (DDI 0487, ESR_ELx); unused in ARMv7 */
#define ESR_EC_BRK64	  0x3cu /* AArch64 */
#define ESR_EC_COUNT	  64u

/* ISS[24:20] of classes 0x01 to 0x0f. */
#define ESR_CV	      BIT(24)
#define ESR_COND_MASK MASK32(23, 20)

/* ISS of WFI and WFE. */
#define ESR_WFX_IS_WFE BIT(0)

/* ISS of MCR, MRC and VMRS (there CRn is the register's number); of MCRR and MRRC. */
#define ESR_CP_READ	   BIT(0)
#define ESR_CP_CRM_MASK	   MASK32(4, 1)
#define ESR_CP_RT_MASK	   MASK32(8, 5)
#define ESR_CP_CRN_MASK	   MASK32(13, 10)
#define ESR_CP_OPC1_MASK   MASK32(16, 14)
#define ESR_CP_OPC2_MASK   MASK32(19, 17)
#define ESR_CP64_RT2_MASK  MASK32(13, 10)
#define ESR_CP64_OPC1_MASK MASK32(19, 16)

/* ISS of MSR, MRS and system instructions of AArch64. */
#define ESR_SYS64_READ	   BIT(0)
#define ESR_SYS64_CRM_MASK MASK32(4, 1)
#define ESR_SYS64_RT_MASK  MASK32(9, 5)
#define ESR_SYS64_CRN_MASK MASK32(13, 10)
#define ESR_SYS64_OP1_MASK MASK32(16, 14)
#define ESR_SYS64_OP2_MASK MASK32(19, 17)
#define ESR_SYS64_OP0_MASK MASK32(21, 20)

/* ISS of accesses to coprocessors 0-13: TA says Advanced SIMD, which has no coproc field. */
#define ESR_HCPTR_TA	      BIT(5)
#define ESR_HCPTR_COPROC_MASK MASK32(3, 0)

/* ISS of HVC. */
#define ESR_HVC_IMM_MASK MASK32(15, 0)

/* ISS of aborts; ISV and what depends on it are of data aborts alone. SRT: ARCH_SRT_MASK. */
#define ESR_DABT_ISV	  BIT(24)
#define ESR_DABT_SAS_MASK MASK32(23, 22)
#define ESR_DABT_SSE	  BIT(21)
#define ESR_DABT_SF	  BIT(15) /* AArch64: the register is Xt; RES0 in ARMv7 */
#define ESR_ABT_FNV	  BIT(10) /* AArch64: FAR is not valid; RES0 in ARMv7 */
#define ESR_ABT_EA	  BIT(9)
#define ESR_DABT_CM	  BIT(8)
#define ESR_ABT_S1PTW	  BIT(7)
#define ESR_DABT_WNR	  BIT(6)
#define ESR_ABT_FSC_MASK  MASK32(5, 0)
/* The fault status codes that stage 2 makes, without the level in [1:0]. */
#define ESR_FSC_TYPE_MASK   MASK32(5, 2)
#define ESR_FSC_TRANSLATION 0x04u
#define ESR_FSC_ACCESS	    0x08u
#define ESR_FSC_PERMISSION  0x0cu
#define ESR_FSC_DEBUG	    0x22u /* all of FSC: a debug event, as in IFSR */

/*
 * HPFAR.FIPA and HPFAR_EL2.FIPA: the page of the address that faulted at stage 2, its bit 12 in
 * bit 4; ARCH_HPFAR_FIPA says how many bits there are.
 */
#define HPFAR_FIPA_SHIFT 8

static inline uint32_t
esr_ec(uint32_t esr)
{
	return esr >> ESR_EC_SHIFT;
}

/* The length of the instruction that trapped, bytes. */
static inline unsigned int
esr_inst_len(uint32_t esr)
{
	return (esr & ESR_IL) != 0 ? 4 : 2;
}

#endif /* ARM_ESR_H */
