/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The guest's timers while it does not run, and CNTP, which the host emulates (DDI 0406C
 * B8.1.5).  Host; all but vtimer_has_expired and the timer's own function by the vCPU's thread, or
 * with the vCPU held.  CNTV's other half is vtimer_hyp.c, which also has the state machine.
 *
 * Deadlines are compared as unsigned 64-bit counts, as the hardware does (B8.1.5).
 */
#include <vmm.h>

#include "arm.h"
#include "errno.h"
#include "vgic_regs.h"

/* ns = ticks * mult >> shift; rounded up. */
static uint32_t ns_mult = 1, ns_shift;
static uint32_t ticks_per_us = 1;

#define NS_PER_S   1000000000u
#define NS_FOREVER (1ull << 62)

/* floor(num / den) without the compiler's 64-bit division. */
static uint64_t
divide(uint64_t num, uint32_t den)
{
	uint64_t quot = 0, rem = 0;

	for (unsigned int i = 64; i-- > 0;) {
		rem = rem << 1 | (num >> i & 1);
		quot <<= 1;
		if (rem >= den) {
			rem -= den;
			quot |= 1;
		}
	}
	return quot;
}

int
vtimer_host_init(uint32_t cntfrq)
{
	uint64_t mult;
	uint32_t shift = 32;

	if (cntfrq < 1000)
		return -EINVAL; /* firmware left CNTFRQ alone, or wrote nonsense */
	/* the finest factor that fits in 32 bits */
	do {
		shift--;
		mult = divide((uint64_t)NS_PER_S << shift, cntfrq) + 1;
	} while (mult > ~0u && shift != 0);
	ticks_per_us = (uint32_t)divide(cntfrq, 1000000) | 1;
	ns_mult = (uint32_t)mult;
	ns_shift = shift;
	return 0;
}

static uint64_t
ticks_to_ns(uint64_t ticks)
{
	uint64_t hi = (ticks >> 32) * ns_mult, lo = (ticks & ~0u) * ns_mult;

	/* (hi << 32 | lo) >> shift, with hi and lo overlapping */
	hi += lo >> 32;
	if (hi >> (30 + ns_shift) != 0)
		return NS_FOREVER;
	return (hi << (32 - ns_shift)) + ((lo & ~0u) >> ns_shift) + 1;
}

uint64_t
arch_ticks_to_ns(uint64_t ticks)
{
	return ticks_to_ns(ticks);
}

/* ---- the two timers' conditions, from saved state ---- */

static inline uint64_t
cntv_now(const struct vcpu *vcpu)
{
	return arch_cntpct() - hyp_vm(vcpu->vm)->cntvoff;
}

static bool
cntv_line(const struct vcpu *vcpu)
{
	const struct vtimer *t = &hyp_vcpu(vcpu)->vtimer;

	return cnt_ctl_enabled(t->cntv_ctl) && cntv_now(vcpu) >= t->cntv_cval;
}

static bool
cntp_line(const struct vcpu *vcpu)
{
	const struct vtimer *t = &hyp_vcpu(vcpu)->vtimer;

	return cnt_ctl_enabled(t->cntp_ctl) && arch_cntpct() >= t->cntp_cval;
}

static inline bool
would_interrupt(const struct vcpu *vcpu, uint32_t intid)
{
	return vgic_ppi_would_interrupt(hyp_vm(vcpu->vm), hyp_vcpu(vcpu), intid);
}

/* The line has risen or fallen while the guest was out: the states of vtimer_hyp.c. */
static void
update_cntv(struct vcpu *vcpu)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	bool line = cntv_line(vcpu);

	vgic_set_ppi(v, VGIC_PPI_CNTV, line);
	if (line)
		v->vtimer.forwarded = 1;
	else if ((v->vgic.active & BIT(VGIC_PPI_CNTV)) == 0)
		v->vtimer.forwarded = 0;
}

static void
update_cntp(struct vcpu *vcpu)
{
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	bool line = cntp_line(vcpu), was = (v->vgic.level & BIT(VGIC_PPI_CNTP)) != 0;

	vgic_set_ppi(v, VGIC_PPI_CNTP, line);
	if (line && !was)
		vcpu_stat_inc(vcpu, VMM_STAT_PTIMER);
}

/*
 * From the host's timer to the guest's first instruction it takes some microseconds, which a vCPU
 * learns: it is woken so much earlier that it is about to enter a microsecond after the
 * deadline.  Too early costs another WFI, too late is late; an outlier counts little.
 */
#define LATE_US	       1u
#define ADVANCE_MAX_US 20u

static void
learn_advance(struct arch_vcpu *arch, uint64_t deadline, uint64_t now)
{
	int64_t late = (int64_t)(now - deadline), bound = 4 * (int64_t)ticks_per_us;
	int64_t advance = arch->timer_advance, max = ADVANCE_MAX_US * (int64_t)ticks_per_us;

	late -= LATE_US * (int64_t)ticks_per_us;
	late = late > bound ? bound : late < -bound ? -bound : late;
	advance += late / 4;
	arch->timer_advance = (uint32_t)(advance < 0 ? 0 : advance > max ? max : advance);
}

void
vtimer_update(struct vcpu *vcpu)
{
	struct arch_vcpu *arch = arch_vcpu(vcpu);

	if (LOAD_ONCE(arch->timer_fired) != 0) {
		STORE_ONCE(arch->timer_fired, 0);
		if (cnt_ctl_enabled(arch->hyp->vtimer.cntv_ctl))
			learn_advance(arch, arch->hyp->vtimer.cntv_cval, cntv_now(vcpu));
	}
	update_cntv(vcpu);
	update_cntp(vcpu);
}

bool
vtimer_has_expired(struct vcpu *vcpu)
{
	/* The host's timer came: that ends WFI, even if a little early (B1.8.14 lets it). */
	if (LOAD_ONCE(arch_vcpu(vcpu)->timer_fired) != 0)
		return true;
	return (cntv_line(vcpu) && would_interrupt(vcpu, VGIC_PPI_CNTV)) ||
	    (cntp_line(vcpu) && would_interrupt(vcpu, VGIC_PPI_CNTP));
}

/* ---- the host's timer ---- */

/*
 * Interrupt context.  It may come early, on purpose or since the host's clock is not the counter
 * alone: the vCPU goes on all the same, for nobody would wake it again.
 */
static void
timer_fired(void *arg)
{
	struct vcpu *vcpu = arg;

	STORE_ONCE(arch_vcpu(vcpu)->timer_armed, 0);
	STORE_ONCE(arch_vcpu(vcpu)->timer_fired, 1);
	vcpu_request(vcpu, VCPU_REQ_IRQ);
}

void
vtimer_vcpu_init(struct vcpu *vcpu)
{
	os_timer_init(&arch_vcpu(vcpu)->timer, timer_fired, vcpu);
}

void
vtimer_vcpu_destroy(struct vcpu *vcpu)
{
	os_timer_cancel(&arch_vcpu(vcpu)->timer);
}

/* CNTV_CTL and CNTP_CTL: ENABLE resets to 0 (DDI 0406C B4.1.28, B4.1.33). */
void
vtimer_vcpu_reset(struct vcpu *vcpu)
{
	struct vtimer *t = &hyp_vcpu(vcpu)->vtimer;

	t->cntv_ctl = t->cntp_ctl = 0;
	t->cntv_cval = t->cntp_cval = 0;
	t->forwarded = 0;
}

/*
 * CNTP has no hardware behind it that would interrupt a running guest: a host timer does.
 * Armed again only if the deadline moved or the timer came early.
 */
void
vtimer_load(struct vcpu *vcpu)
{
	const struct vtimer *t = &hyp_vcpu(vcpu)->vtimer;
	struct arch_vcpu *arch = arch_vcpu(vcpu);
	uint64_t now;

	if (!cnt_ctl_enabled(t->cntp_ctl))
		return;
	if (LOAD_ONCE(arch->timer_armed) != 0 && arch->timer_cval == t->cntp_cval)
		return;
	now = arch_cntpct();
	if (now >= t->cntp_cval)
		return;
	arch->timer_cval = t->cntp_cval;
	STORE_ONCE(arch->timer_armed, 1);
	os_timer_arm(&arch->timer, ticks_to_ns(t->cntp_cval - now));
}

/* A timer whose interrupt the guest would not take does not wake it. */
void
vtimer_sleep_begin(struct vcpu *vcpu)
{
	const struct vtimer *t = &hyp_vcpu(vcpu)->vtimer;
	struct arch_vcpu *arch = arch_vcpu(vcpu);
	uint64_t ticks = ~0ull, now;

	if (cnt_ctl_enabled(t->cntv_ctl) && would_interrupt(vcpu, VGIC_PPI_CNTV)) {
		now = cntv_now(vcpu);
		ticks = t->cntv_cval > now ? t->cntv_cval - now : 0;
	}
	if (cnt_ctl_enabled(t->cntp_ctl) && would_interrupt(vcpu, VGIC_PPI_CNTP)) {
		now = arch_cntpct();
		now = t->cntp_cval > now ? t->cntp_cval - now : 0;
		ticks = now < ticks ? now : ticks;
	}
	STORE_ONCE(arch->timer_armed, 0);
	STORE_ONCE(arch->timer_fired, 0);
	if (ticks == ~0ull)
		return;
	ticks = ticks > arch->timer_advance ? ticks - arch->timer_advance : 0;
	vcpu_stat_inc(vcpu, VMM_STAT_VTIMER_SLEEP);
	os_timer_arm(&arch->timer, ticks_to_ns(ticks));
}

void
vtimer_sleep_end(struct vcpu *vcpu)
{
	os_timer_cancel(&arch_vcpu(vcpu)->timer);
	STORE_ONCE(arch_vcpu(vcpu)->timer_armed, 0);
}

/* ---- CNTP trapped to the host ---- */

uint64_t
vtimer_cntp_read(struct vcpu *vcpu, enum cntp_reg reg)
{
	return cntp_get(&hyp_vcpu(vcpu)->vtimer, reg, arch_cntpct());
}

void
vtimer_cntp_write(struct vcpu *vcpu, enum cntp_reg reg, uint64_t val)
{
	cntp_set(&hyp_vcpu(vcpu)->vtimer, reg, val, arch_cntpct());
}
