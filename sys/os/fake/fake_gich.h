/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A GICv2 with virtualization and a virtual timer, as the processors of the unit tests have
 * them: GICH and the timer's registers for HYP, GICV for the test, which plays the guest.
 * One set a physical CPU.  What the architecture leaves UNPREDICTABLE aborts.
 */
#ifndef FAKE_FAKE_GICH_H
#define FAKE_FAKE_GICH_H

#include "types.h"

#define FAKE_GICH_BASE 0x1000u /* hyp_params.gich and .gicd: only compared */
#define FAKE_GICD_BASE 0x2000u
#define FAKE_GIC_CPUS  8u
#define FAKE_SPURIOUS  1023u

void fake_gic_reset(uint32_t nlrs);
void fake_gic_cpu(unsigned int cpu); /* the physical CPU we are on */

/* write: *val in, else out.  True when it is a register of the GIC's or the timer's. */
bool fake_gic_dev(uintptr_t base, uint32_t offset, bool write, uint32_t *val);
bool fake_gic_sysreg(const char *name, bool write, uint64_t *val);

/* ---- the guest: GICV (IHI 0048B 5.5) ---- */
bool fake_gicv_irq(void);	  /* is a virtual interrupt signalled? */
uint32_t fake_gicv_ack(void);	  /* GICV_IAR; of either group */
void fake_gicv_eoi(uint32_t iar); /* GICV_EOIR */
void fake_gicv_dir(uint32_t iar); /* GICV_DIR */
void fake_gicv_set_pmr(uint32_t prio);
void fake_gicv_set_eoimode(bool split);
void fake_gicv_enable(uint32_t groups); /* GICV_CTLR[1:0] */

/* ---- the CPU's interrupt inputs, and the timer ---- */
bool fake_gic_maintenance(void); /* GICH asserts its interrupt */
bool fake_gic_vtimer_irq(void);	 /* the PPI is signalled: line high, not active */
bool fake_gic_ppi_active(void);
extern uint64_t fake_cntpct;
void fake_cntv_set(uint32_t ctl, uint64_t cval); /* by the guest */
uint32_t fake_cntv_ctl(void);
extern unsigned long fake_gic_accesses; /* to GICH and GICD, for tests that count */

#endif /* FAKE_FAKE_GICH_H */
