/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * GICv2 registers: the distributor (IHI 0048B 4.3) and the virtual interface control
 * registers (5.3).  Constants only.
 */
#ifndef ARM_VGIC_REGS_H
#define ARM_VGIC_REGS_H

#include "types.h"

/* ---- distributor ---- */
#define GICD_CTLR	0x000u
#define GICD_TYPER	0x004u
#define GICD_IIDR	0x008u
#define GICD_IGROUPR	0x080u
#define GICD_ISENABLER	0x100u
#define GICD_ICENABLER	0x180u
#define GICD_ISPENDR	0x200u
#define GICD_ICPENDR	0x280u
#define GICD_ISACTIVER	0x300u
#define GICD_ICACTIVER	0x380u
#define GICD_IPRIORITYR 0x400u
#define GICD_ITARGETSR	0x800u
#define GICD_ICFGR	0xc00u
#define GICD_NSACR	0xe00u
#define GICD_SGIR	0xf00u
#define GICD_CPENDSGIR	0xf10u
#define GICD_SPENDSGIR	0xf20u
#define GICD_ID		0xfd0u
#define GICD_ICPIDR2	0xfe8u
#define GICD_SIZE	0x1000u

#define GICD_CTLR_GRP0 BIT(0)
#define GICD_CTLR_GRP1 BIT(1)
#define GICD_CTLR_MASK (GICD_CTLR_GRP0 | GICD_CTLR_GRP1)

#define GICD_TYPER_LINES_MASK MASK32(4, 0)
#define GICD_TYPER_CPUS_MASK  MASK32(7, 5)

#define GICD_SGIR_FILTER_MASK MASK32(25, 24)
#define GICD_SGIR_LIST_MASK   MASK32(23, 16)
#define GICD_SGIR_ID_MASK     MASK32(3, 0)
#define GICD_SGIR_LIST	      0u
#define GICD_SGIR_OTHERS      1u
#define GICD_SGIR_SELF	      2u

/* ---- virtual interface control ---- */
#define GICH_HCR    0x000u
#define GICH_VTR    0x004u
#define GICH_VMCR   0x008u
#define GICH_MISR   0x010u
#define GICH_EISR0  0x020u
#define GICH_EISR1  0x024u
#define GICH_ELRSR0 0x030u
#define GICH_ELRSR1 0x034u
#define GICH_APR    0x0f0u
#define GICH_LR(n)  (0x100u + 4u * (n))

#define GICH_HCR_EN	       BIT(0)
#define GICH_HCR_UIE	       BIT(1)
#define GICH_HCR_LRENPIE       BIT(2)
#define GICH_HCR_NPIE	       BIT(3)
#define GICH_HCR_EOICOUNT_MASK MASK32(31, 27)

#define GICH_VMCR_GRP0EN    BIT(0)
#define GICH_VMCR_GRP1EN    BIT(1)
#define GICH_VMCR_ACKCTL    BIT(2)
#define GICH_VMCR_EOIM	    BIT(9)
#define GICH_VMCR_ABPR_MASK MASK32(20, 18)
#define GICH_VMCR_BPR_MASK  MASK32(23, 21)
#define GICH_VMCR_PMR_MASK  MASK32(31, 27)

#define GICH_MISR_EOI	BIT(0)
#define GICH_MISR_U	BIT(1)
#define GICH_MISR_LRENP BIT(2)
#define GICH_MISR_NP	BIT(3)

#define GICH_LR_VIRTID_MASK MASK32(9, 0)
#define GICH_LR_PHYSID_MASK MASK32(19, 10) /* with HW */
#define GICH_LR_CPUID_MASK  MASK32(12, 10) /* without HW: of an SGI */
#define GICH_LR_EOI	    BIT(19)	   /* without HW: maintenance interrupt when deactivated */
#define GICH_LR_PRIO_MASK   MASK32(27, 23)
#define GICH_LR_PENDING	    BIT(28)
#define GICH_LR_ACTIVE	    BIT(29)
#define GICH_LR_STATE_MASK  (GICH_LR_PENDING | GICH_LR_ACTIVE)
#define GICH_LR_GRP1	    BIT(30)
#define GICH_LR_HW	    BIT(31)

/* GICH_LRn has five bits of priority, so the distributor has them too (IHI 0048B 3.3). */
#define VGIC_PRIO_MASK 0xf8u

/* Interrupts that are special: SGIs, the timers' PPIs (the machine's, as the guest sees them). */
#define VGIC_NSGIS    16u
#define VGIC_SGI_MASK 0xffffu
#define VGIC_PPI_CNTV 27u
#define VGIC_PPI_CNTP 30u

#endif /* ARM_VGIC_REGS_H */
