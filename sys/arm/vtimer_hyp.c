/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * CNTV around the guest (DDI 0406C B8.1), and its PPI: HYP's half; and of CNTP what needs no timer
 * of the host's.  HYP mode, interrupts masked; host and guest each have their CNTVOFF and CNTHCTL
 * from hyp_run.c.
 *
 * The PPI is level-sensitive.  Three things say where an interrupt of it is:
 *
 *	forwarded	the physical PPI is active on behalf of this vCPU (or becomes so
 *			at the next entry), so it is not signalled (IHI 0048B 3.2.4)
 *	level		the virtual PPI's input line in the model
 *	active		the guest took it and has not ended it
 *
 *	idle		forwarded 0, level 0.
 *	  CNTV fires while the guest runs: IRQ to HYP, vtimer_hyp_irq: ISACTIVER, -> waiting
 *	  .. or the host finds CNTV past its CVAL before an entry: vtimer_update, -> waiting,
 *	  and vtimer_hyp_restore writes ISACTIVER before CNTV is started: no IRQ at all
 *	waiting		forwarded 1, level 1, active 0.  If enabled: pending in a list register
 *			with the HW bit.
 *	  the guest acknowledges -> taken
 *	  the line falls (the guest masked or moved its timer): seen at the next sync,
 *	  vtimer_hyp_sample or vtimer_update: ICACTIVER -> idle.  Until then the guest may take it
 *	  though the line is low, as it may from a real GIC that has signalled it.
 *	  the guest disables the PPI: stays, in no list register; nothing is signalled, so no
 *	  storm; enabled again it is shown again, so nothing is lost
 *	taken		forwarded 1, active 1; level follows the line.
 *	  EOI (or DIR with EOImode): the HW bit deactivates the physical PPI too; vgic_sync -> idle;
 *	  if the line is still high it fires at once
 *	  the guest clears the active state in the distributor, or EOIs it while the interrupt has
 *	  no list register: active 0 in the model -> waiting if the line is high, else the same
 *	  sample finds it low -> idle
 *
 * The active bit is banked by CPU, the state above belongs to the vCPU: hw_active is what this
 * vCPU last left in the CPU it ran on, and counts only if nobody ran there since.
 */
#include <sysreg.h>

#include "hyp.h"
#include "vgic_regs.h"

#define CNTV_FIRES (CNT_CTL_ENABLE | CNT_CTL_IMASK | CNT_CTL_ISTATUS)

/*
 * IHI 0048B 4.3.9, 4.3.10.  Reading the register back and the DSB (DDI 0406C A3.8.3) make
 * sure that the distributor has it, and no longer signals the interrupt, before the guest
 * goes on; the signal itself may take its time to fall: an IRQ too many then goes to the host,
 * which finds nothing.
 */
static __attribute__((__noinline__)) void
set_phys_active(struct vtimer *t, bool active)
{
	dev_write32(
	    hyp_params.gicd, active ? GICD_ISACTIVER : GICD_ICACTIVER, BIT(hyp_params.vtimer_ppi));
	(void)dev_read32(hyp_params.gicd, GICD_ISACTIVER);
	dsb(sy);
	t->hw_active = active;
}

void
vtimer_hyp_restore(struct hyp_vcpu *v, bool cpu_changed)
{
	struct vtimer *t = &v->vtimer;

	/* Before CNTV can fire. */
	if (cpu_changed || t->forwarded != t->hw_active)
		set_phys_active(t, t->forwarded != 0);
	sysreg_write64(CNTVOFF, HYP_PTR(struct hyp_vm, v->vm)->cntvoff);
	sysreg_write64(CNTV_CVAL, t->cntv_cval);
	isb(); /* the timer's condition before its enable */
	sysreg_write(CNTV_CTL, t->cntv_ctl);
}

void
vtimer_hyp_save(struct hyp_vcpu *v)
{
	struct vtimer *t = &v->vtimer;

	t->cntv_ctl = sysreg_read(CNTV_CTL) & (CNT_CTL_ENABLE | CNT_CTL_IMASK);
	t->cntv_cval = sysreg_read64(CNTV_CVAL);
	/*
	 * The line falls, by host_load's ISB at the latest.  Should CNTV have fired since the trap
	 * and the signal take longer, the host gets an IRQ too many: arch_host_ppi.
	 */
	sysreg_write(CNTV_CTL, 0);
}

bool
vtimer_hyp_line(void)
{
	return (sysreg_read(CNTV_CTL) & CNTV_FIRES) == (CNT_CTL_ENABLE | CNT_CTL_ISTATUS);
}

bool
vtimer_hyp_irq(struct hyp_vcpu *v)
{
	if (v->vtimer.forwarded != 0 || !vtimer_hyp_line())
		return false;
	v->vtimer.forwarded = 1;
	set_phys_active(&v->vtimer, true);
	vgic_set_ppi(v, VGIC_PPI_CNTV, true);
	return true;
}

void
vtimer_hyp_sample(struct hyp_vcpu *v)
{
	bool line;

	if (v->vtimer.forwarded == 0)
		return;
	line = vtimer_hyp_line();
	vgic_set_ppi(v, VGIC_PPI_CNTV, line);
	if (!line && (v->vgic.active & BIT(VGIC_PPI_CNTV)) == 0) {
		v->vtimer.forwarded = 0;
		set_phys_active(&v->vtimer, false);
	}
}

/*
 * A timer that cannot fire needs none of the host's; one that the host has armed comes for nothing,
 * once.  Its line falls with the write.  If its interrupt waits in a list register the guest may
 * take it until the next sync, as it may CNTV's.
 */
bool
vtimer_hyp_cntp(struct hyp_vcpu *v, enum cntp_reg reg, bool write, uint64_t *val)
{
	struct vtimer *t = &v->vtimer;

	if (write && cnt_ctl_enabled(reg == CNTP_CTL ? (uint32_t)*val : t->cntp_ctl))
		return false;
	isb(); /* the count is not to be read ahead: B8.1.2 */
	if (write) {
		cntp_set(t, reg, *val, sysreg_read64(CNTPCT));
		vgic_set_ppi(v, VGIC_PPI_CNTP, false);
	} else {
		*val = cntp_get(t, reg, sysreg_read64(CNTPCT));
	}
	return true;
}
