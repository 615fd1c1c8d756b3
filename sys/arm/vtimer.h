/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The generic timer of a vCPU (DDI 0406C B8).  CNTV is the guest's own: it programs
 * it without a trap.  When it fires the physical PPI exits to HYP, which makes the PPI
 * active in the physical distributor (GICD_ISACTIVER: an active level interrupt is not
 * signalled again, IHI 0048B 3.2.4) and puts the virtual one into a list register with
 * the HW bit: the guest's EOI deactivates both.  The host takes no interrupt.
 * The active bit is the CPU's, the interrupt the vCPU's: it is written anew whenever
 * another vCPU comes to the CPU.
 *
 * CNTP is emulated.  HYP answers its reads, and writes that leave it off or masked; the host, which
 * has to arm a timer of its own, takes those that let it run.
 */
#ifndef ARM_VTIMER_H
#define ARM_VTIMER_H

#include "types.h"

struct hyp_vcpu;
struct vcpu;

#define CNT_CTL_ENABLE	BIT(0)
#define CNT_CTL_IMASK	BIT(1)
#define CNT_CTL_ISTATUS BIT(2)

struct vtimer {
	uint32_t cntv_ctl;  /* saved; live in the CPU while in the guest */
	uint32_t forwarded; /* the physical PPI is, or at entry becomes, active on its behalf */
	uint64_t cntv_cval;
	uint32_t cntp_ctl;  /* emulated */
	uint32_t hw_active; /* what the PPI's active bit on loaded_cpu was left at */
	uint64_t cntp_cval;
};

/* CNTx_CTL: may its output rise? */
static inline bool
cnt_ctl_enabled(uint32_t ctl)
{
	return (ctl & (CNT_CTL_ENABLE | CNT_CTL_IMASK)) == CNT_CTL_ENABLE;
}

/* ---- CNTP's registers as of the count `now` (cntp.c): host and HYP ---- */
enum cntp_reg { CNTP_CTL, CNTP_TVAL, CNTP_CVAL };
uint64_t cntp_get(const struct vtimer *t, enum cntp_reg reg, uint64_t now);
void cntp_set(struct vtimer *t, enum cntp_reg reg, uint64_t val, uint64_t now);

/* ---- HYP (vtimer_hyp.c) ---- */
void vtimer_hyp_restore(struct hyp_vcpu *v, bool cpu_changed); /* CNTVOFF, CNTV, active bit */
void vtimer_hyp_save(struct hyp_vcpu *v);		       /* and stops CNTV */
bool vtimer_hyp_line(void);				       /* is CNTV's output high? */
/*
 * On a physical interrupt: if it is CNTV's, forward it.  True: it was.  The LRs are saved and
 * folded: the guest's EOI may have ended the last one since.
 */
bool vtimer_hyp_irq(struct hyp_vcpu *v);
/* Re-sample: the line may have fallen while the interrupt waited. The LRs are saved. */
void vtimer_hyp_sample(struct hyp_vcpu *v);
/* The guest's access to a register of CNTP.  False, and nothing is changed: the host's work. */
bool vtimer_hyp_cntp(struct hyp_vcpu *v, enum cntp_reg reg, bool write, uint64_t *val);

/* ---- host (vtimer.c) ---- */
int vtimer_host_init(uint32_t cntfrq); /* -EINVAL: no sensible CNTFRQ */
void vtimer_vcpu_init(struct vcpu *vcpu);
void vtimer_vcpu_destroy(struct vcpu *vcpu);
void vtimer_vcpu_reset(struct vcpu *vcpu);
/* The lines as of now, from saved state; raises PPIs of a vCPU that does not run. */
void vtimer_update(struct vcpu *vcpu);
bool vtimer_has_expired(struct vcpu *vcpu); /* CNTV or CNTP would interrupt now; any context */
/* In arch_vcpu_load: a host timer makes the guest leave when CNTP expires.  Preemption off. */
void vtimer_load(struct vcpu *vcpu);
void vtimer_sleep_begin(struct vcpu *vcpu); /* arm a host timer for the nearer deadline */
void vtimer_sleep_end(struct vcpu *vcpu);
/* CNTP_CTL, CNTP_TVAL, CNTP_CVAL trapped to the host. */
uint64_t vtimer_cntp_read(struct vcpu *vcpu, enum cntp_reg reg);
void vtimer_cntp_write(struct vcpu *vcpu, enum cntp_reg reg, uint64_t val);

#endif /* ARM_VTIMER_H */
