/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The virtual timer: the states of vtimer_hyp.c one by one and at random, CNTP's registers, and
 * what the host's timer is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "errno.h"
#include "vgic_rig.h"

#define CNTV VGIC_PPI_CNTV
#define CNTP VGIC_PPI_CNTP

static void
start(uint32_t n, uint32_t nlrs)
{
	rig_init(n, nlrs, 96);
	rig.hvm.cntvoff = 1000;
	fake_cntpct = 5000; /* CNTVCT 4000 */
	for (uint32_t id = 0; id < n; id++) {
		rig_enter(id);
		rig_write(id, GICD_ISENABLER, BIT(CNTV) | BIT(CNTP));
	}
	rig_write(0, GICD_CTLR, 1);
	for (uint32_t id = 0; id < n; id++)
		rig_settle(id);
	rig_on(0);
}

/* The guest on vCPU 0 runs; its timer fires in 100 ticks. */
static void
arm_and_fire(void)
{
	rig_on(0);
	fake_cntv_set(1, fake_cntpct - 1000 + 100);
	assert_false(fake_gic_vtimer_irq());
	fake_cntpct += 100;
	assert_true(fake_gic_vtimer_irq());
}

static void
test_fire(void **state)
{
	(void)state;
	start(1, 4);
	for (int i = 0; i < 3; i++) { /* the second and third: no exit in between */
		arm_and_fire();
		assert_int_equal(vgic_hyp_vtimer(&rig.hv[0]), HYP_REENTER);
		assert_false(fake_gic_vtimer_irq());
		assert_true(fake_gic_ppi_active());
		assert_int_equal(fake_gicv_ack(), CNTV);
		/* another interrupt now is the host's */
		assert_int_equal(vgic_hyp_vtimer(&rig.hv[0]), HYP_TO_HOST);
		rig_sync(0);
		fake_cntv_set(3, 0);
		fake_gicv_eoi(CNTV);
		assert_false(fake_gic_ppi_active());
		assert_false(fake_gic_maintenance());
		assert_false(fake_gicv_irq());
	}
	/* the line still high at the EOI: it comes again at once */
	arm_and_fire();
	assert_int_equal(rig_ack(0), CNTV);
	fake_gicv_eoi(CNTV);
	assert_true(fake_gic_vtimer_irq());
	assert_int_equal(rig_ack(0), CNTV);
	fake_cntv_set(0, 0);
	rig_eoi(0, CNTV);
	assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
	/* not ours */
	assert_int_equal(vgic_hyp_vtimer(&rig.hv[0]), HYP_TO_HOST);
}

/* CNTV runs out while the host has the CPU: the guest gets it without a trap. */
static void
test_fire_outside(void **state)
{
	(void)state;
	start(1, 4);
	fake_cntv_set(1, 4100);
	rig_exit(0);
	assert_int_equal(fake_cntv_ctl(), 0);
	assert_false(vtimer_has_expired(&rig.vcpu[0]));
	fake_cntpct += 99;
	assert_false(vtimer_has_expired(&rig.vcpu[0]));
	fake_cntpct += 1;
	assert_true(vtimer_has_expired(&rig.vcpu[0]));
	rig_enter(0);
	assert_false(fake_gic_vtimer_irq());
	assert_true(fake_gic_ppi_active());
	assert_int_equal(fake_gicv_ack(), CNTV);
	assert_false(fake_gic_vtimer_irq());
	fake_cntv_set(0, 0);
	fake_gicv_eoi(CNTV);
	assert_false(fake_gic_ppi_active());
	rig_sync(0);
	assert_false(fake_gicv_irq());
	assert_int_equal(rig.hv[0].vtimer.forwarded, 0);
}

/* The guest takes the line away before it took the interrupt. */
static void
test_withdrawn(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		start(1, 4);
		arm_and_fire();
		rig_settle(0);
		assert_true(fake_gicv_irq());
		fake_cntv_set(how == 0 ? 0 : how == 1 ? 3 : 1, how == 2 ? ~0ull : 0);
		if (how == 0)
			rig_sync(0);
		else
			rig_write(0, GICD_IPRIORITYR, 0); /* a sync in HYP */
		assert_false(fake_gicv_irq());
		assert_false(fake_gic_ppi_active());
		assert_int_equal(rig.hv[0].vtimer.forwarded, 0);
		arm_and_fire();
		assert_int_equal(rig_ack(0), CNTV);
	}
}

static void
test_disabled_ppi(void **state)
{
	(void)state;
	start(1, 4);
	/* disabled while it waits */
	arm_and_fire();
	rig_settle(0);
	rig_write(0, GICD_ICENABLER, BIT(CNTV));
	assert_false(fake_gicv_irq());
	assert_false(fake_gic_vtimer_irq()); /* no storm */
	assert_int_equal(rig_read(0, GICD_ISPENDR), BIT(CNTV));
	rig_sync(0);
	assert_false(fake_gic_vtimer_irq());
	rig_exit(0);
	assert_false(vtimer_has_expired(&rig.vcpu[0])); /* WFI may sleep */
	rig_enter(0);
	rig_write(0, GICD_ISENABLER, BIT(CNTV));
	assert_int_equal(rig_ack(0), CNTV);
	/* disabled while it is active */
	rig_write(0, GICD_ICENABLER, BIT(CNTV));
	fake_cntv_set(0, 0);
	rig_eoi(0, CNTV);
	assert_false(fake_gic_ppi_active());
	/* fires while disabled */
	arm_and_fire();
	rig_settle(0);
	assert_false(fake_gicv_irq());
	assert_false(fake_gic_vtimer_irq());
	rig_write(0, GICD_ISENABLER, BIT(CNTV));
	assert_int_equal(rig_ack(0), CNTV);
}

/* The guest plays with the active state in its distributor. */
static void
test_active_state(void **state)
{
	(void)state;
	start(1, 4);
	arm_and_fire();
	assert_int_equal(rig_ack(0), CNTV);
	rig_write(0, GICD_ICACTIVER, BIT(CNTV));
	rig_on(0);
	fake_gicv_eoi(CNTV); /* drops the priority */
	assert_int_equal(rig_ack(0), CNTV);
	fake_cntv_set(0, 0);
	rig_write(0, GICD_ICACTIVER, BIT(CNTV));
	rig_eoi(0, CNTV);
	rig_sync(0);
	assert_false(fake_gic_ppi_active());
	arm_and_fire();
	assert_int_equal(rig_ack(0), CNTV);
	fake_cntv_set(0, 0);
	rig_eoi(0, CNTV);
	/* set by hand: fires into it, and comes when it ends */
	rig_write(0, GICD_ISACTIVER, BIT(CNTV));
	arm_and_fire();
	rig_settle(0);
	assert_false(fake_gicv_irq());
	rig_write(0, GICD_ICACTIVER, BIT(CNTV));
	assert_int_equal(rig_ack(0), CNTV);
	/* pending by hand, in the middle of it */
	rig_write(0, GICD_ISPENDR, BIT(CNTV));
	fake_cntv_set(0, 0);
	rig_eoi(0, CNTV);
	assert_int_equal(rig_ack(0), CNTV);
	rig_eoi(0, CNTV);
	assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
	rig_sync(0);
	assert_false(fake_gic_ppi_active());
}

/* The active bit is the CPU's, the interrupt the vCPU's. */
static void
test_migration(void **state)
{
	(void)state;
	start(2, 4);
	rig_exit(1);
	arm_and_fire();
	assert_int_equal(rig_ack(0), CNTV);
	rig_exit(0);
	assert_true(fake_gic_ppi_active());
	/* vCPU 1 comes to CPU 0: not active for it */
	rig.cpu_of[1] = 0;
	rig_enter(1);
	assert_false(fake_gic_ppi_active());
	fake_cntv_set(1, 0);
	assert_true(fake_gic_vtimer_irq());
	assert_int_equal(rig_ack(1), CNTV);
	rig_exit(1);
	/* vCPU 0 goes on at CPU 1 */
	rig.cpu_of[0] = 1;
	rig_enter(0);
	assert_true(fake_gic_ppi_active());
	assert_int_equal(fake_gicv_ack(), FAKE_SPURIOUS);
	fake_cntv_set(0, 0);
	fake_gicv_eoi(CNTV);
	assert_false(fake_gic_ppi_active());
	rig_exit(0);
	/* and back to CPU 0, where vCPU 1 left it active */
	rig.cpu_of[0] = 0;
	rig_enter(0);
	assert_false(fake_gic_ppi_active());
	rig_exit(0);
	rig_enter(1);
	assert_true(fake_gic_ppi_active());
	fake_gicv_eoi(CNTV);
	assert_true(fake_gic_vtimer_irq());
}

/* HYP cannot have the lock: the host delivers. */
static void
test_lock_busy(void **state)
{
	(void)state;
	start(1, 1);
	rig_write(0, GICD_ISENABLER + 4, 1);
	vgic_host_set_level(&rig.vm, 32, true);
	assert_int_equal(rig_ack(0), 32);
	arm_and_fire();
	rig.hvm.lock.held = 1;
	assert_int_equal(vgic_hyp_vtimer(&rig.hv[0]), HYP_TO_HOST);
	assert_int_equal(vgic_hyp_maintenance(&rig.hv[0]), HYP_TO_HOST);
	rig.hvm.lock.held = 0;
	vgic_host_set_level(&rig.vm, 32, false);
	rig_sync(0);
	assert_false(fake_gic_vtimer_irq());
	rig_eoi(0, 32);
	assert_int_equal(rig_ack(0), CNTV);
}

/* One list register, and the timer's interrupt must give way to a more urgent one. */
static void
test_evicted(void **state)
{
	(void)state;
	start(1, 1);
	rig_access(0, GICD_IPRIORITYR + CNTV, 1, true, 0x80);
	arm_and_fire();
	assert_int_equal(rig_ack(0), CNTV);
	rig_write(0, GICD_SGIR, 2u << 24 | 1); /* priority 0 */
	assert_int_equal(rig.hv[0].vgic.lr[0] & 0x3ff, 1);
	fake_cntv_set(0, 0);
	fake_gicv_eoi(CNTV); /* with interrupts masked: ends what no list register has */
	rig_settle(0);
	assert_int_equal(rig_read(0, GICD_ISACTIVER), 0);
	assert_false(fake_gic_ppi_active());
	assert_int_equal(rig_ack(0), 1);
	rig_eoi(0, 1);
	arm_and_fire();
	assert_int_equal(rig_ack(0), CNTV);
}

/*
 * At random, two vCPUs on two CPUs or one: when all is settled, the guest is interrupted exactly if
 * its line is high, its PPI enabled, and it is not in the handler.
 */
static void
test_random(void **state)
{
	uint64_t seed = 12345;
	uint32_t active[2] = { 0, 0 }, enabled[2] = { 1, 1 };
	unsigned long taken = 0;

	(void)state;
	start(2, 1);
	rig_exit(1);
	for (int i = 0; i < 200000; i++) {
		uint32_t id, r;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		r = (uint32_t)(seed >> 20);
		id = r >> 4 & 1;
		if (!rig.in_guest[id]) {
			if (rig.in_guest[!id] && rig.cpu_of[0] == rig.cpu_of[1])
				rig_exit(!id);
			rig_enter(id);
		}
		rig_on(id);
		switch (r & 15) {
		case 0:
			for (uint32_t o = 0; o < 2; o++)
				if (rig.in_guest[o])
					rig_exit(o);
			rig.cpu_of[id] = r >> 5 & 1;
			rig_enter(id);
			break;
		case 1:
			rig_exit(id);
			fake_cntpct += r >> 6 & 0xff;
			rig_enter(id);
			break;
		case 2:
			enabled[id] = r >> 6 & 1;
			rig_write(id, enabled[id] ? GICD_ISENABLER : GICD_ICENABLER, BIT(CNTV));
			break;
		case 3:
			if (active[id] && (r >> 6 & 3) == 0) {
				rig_write(id, GICD_ICACTIVER, BIT(CNTV));
				fake_gicv_eoi(CNTV);
				active[id] = 0;
			}
			break;
		case 4:
		case 5:
		case 6:
			fake_cntv_set(r >> 6 & 7 ? 1 : r >> 9 & 3,
			    fake_cntpct - 1000 + (r >> 12 & 0x7f) - 16);
			break;
		case 7:
		case 8:
			fake_cntpct += r >> 6 & 0x3f;
			break;
		default:
			if (active[id]) {
				fake_gicv_eoi(CNTV);
				active[id] = 0;
			} else if (rig_ack(id) == CNTV) {
				active[id] = 1;
				taken++;
			}
		}
		rig_settle(id);
		if ((r >> 20 & 1) && rig.hv[id].vtimer.forwarded)
			rig_sync(id); /* a line that fell is seen at the next sync */
		rig_settle(id);
		{
			bool line = (fake_cntv_ctl() & 7) == 5;
			bool want = line && enabled[id] && !active[id];

			if (want)
				assert_true(fake_gicv_irq());
			if (fake_gicv_irq() && !want) {
				assert_true(enabled[id] && !active[id]);
				rig_sync(id);
				assert_false(fake_gicv_irq());
			}
			/* the host never sees it */
			rig_exit(id);
			assert_false(fake_gic_vtimer_irq());
			rig_enter(id);
		}
	}
	assert_in_range(taken, 5000, 200000);
}

/* ---- CNTP ---- */

static void
test_cntp(void **state)
{
	struct vcpu *v = &rig.vcpu[0];

	(void)state;
	start(1, 4);
	assert_int_equal(vtimer_cntp_read(v, CNTP_CTL), 0);
	vtimer_cntp_write(v, CNTP_TVAL, 100);
	assert_int_equal(vtimer_cntp_read(v, CNTP_CVAL), 5100);
	assert_int_equal(vtimer_cntp_read(v, CNTP_TVAL), 100);
	vtimer_cntp_write(v, CNTP_TVAL, 0xffffff9c); /* -100 */
	assert_int_equal(vtimer_cntp_read(v, CNTP_CVAL), 4900);
	assert_int_equal(vtimer_cntp_read(v, CNTP_TVAL), 0xffffff9c);
	assert_int_equal(vtimer_cntp_read(v, CNTP_CTL), 0); /* disabled */
	vtimer_cntp_write(v, CNTP_CTL, 0xffffffff);
	assert_int_equal(vtimer_cntp_read(v, CNTP_CTL), 7);
	vtimer_cntp_write(v, CNTP_CVAL, 5001);
	assert_int_equal(vtimer_cntp_read(v, CNTP_CTL), 3);
	vtimer_cntp_write(v, CNTP_CTL, 1);
	fake_cntpct = 5001;
	assert_int_equal(vtimer_cntp_read(v, CNTP_CTL), 5);
	/* level: until the guest turns it off */
	rig_sync(0);
	assert_int_equal(rig_ack(0), CNTP);
	rig_eoi(0, CNTP);
	assert_int_equal(rig_ack(0), CNTP);
	rig_exit(0);
	vtimer_cntp_write(v, CNTP_CTL, 3);
	rig_enter(0);
	rig_eoi(0, CNTP);
	assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
	assert_int_equal(rig.hv[0].stats[VMM_STAT_PTIMER], 1);
	assert_int_equal(vtimer_cntp_read(v, (enum cntp_reg)9), 0);
}

/* The guest's access to CNTP while it runs: HYP's, or the host's after an exit.  True: HYP's. */
static bool
guest_cntp(enum cntp_reg reg, bool write, uint64_t *val)
{
	if (vtimer_hyp_cntp(&rig.hv[0], reg, write, val))
		return true;
	assert_true(write); /* the host is asked for nothing that HYP can tell */
	rig_exit(0);
	vtimer_cntp_write(&rig.vcpu[0], reg, *val);
	rig_enter(0);
	return false;
}

static bool
guest_cntp_write(enum cntp_reg reg, uint64_t val)
{
	return guest_cntp(reg, true, &val);
}

static uint64_t
guest_cntp_read(enum cntp_reg reg)
{
	uint64_t val = ~0ull;

	assert_true(guest_cntp(reg, false, &val));
	return val;
}

/* A tick as FreeBSD has it: the host is needed for the last of five accesses only. */
static void
test_cntp_hyp(void **state)
{
	(void)state;
	start(1, 4);
	for (uint32_t i = 1; i <= 3; i++) {
		assert_true(guest_cntp_write(CNTP_TVAL, 100));
		assert_int_equal(guest_cntp_read(CNTP_TVAL), 100);
		assert_int_equal(guest_cntp_read(CNTP_CVAL), fake_cntpct + 100);
		assert_false(guest_cntp_write(CNTP_CTL, 1));
		assert_int_equal(guest_cntp_read(CNTP_CTL), 1);
		assert_true(rig.timer_ns[0] != ~0ull);
		fake_cntpct += 100;
		assert_int_equal(guest_cntp_read(CNTP_CTL), 5);
		rig.timer_fn[0](&rig.vcpu[0]);
		rig_settle(0);
		assert_int_equal(rig_ack(0), CNTP);
		assert_int_equal(rig.hv[0].vgic.level & BIT(CNTP), BIT(CNTP));
		assert_true(guest_cntp_write(CNTP_CTL, 3));
		assert_int_equal(rig.hv[0].vgic.level & BIT(CNTP), 0);
		rig_eoi(0, CNTP);
		assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
		assert_int_equal(rig.hv[0].stats[VMM_STAT_PTIMER], i);
	}
	/* while it is on, where it ends is the host's to know */
	assert_true(guest_cntp_write(CNTP_CTL, 2));
	assert_false(guest_cntp_write(CNTP_CTL, 1));
	assert_false(guest_cntp_write(CNTP_TVAL, 2400));
	assert_in_range(rig.timer_ns[0], 100000, 100010);
	assert_false(guest_cntp_write(CNTP_CVAL, fake_cntpct + 24));
	assert_in_range(rig.timer_ns[0], 1000, 1010);
	assert_true(guest_cntp_write(CNTP_CTL, 0));
	/* what was armed comes for nothing */
	fake_cntpct += 24;
	rig.timer_fn[0](&rig.vcpu[0]);
	rig_settle(0);
	assert_false(fake_gicv_irq());
}

/* Turned off while its interrupt waits: gone at the next sync. */
static void
test_cntp_withdrawn(void **state)
{
	(void)state;
	start(1, 4);
	assert_true(guest_cntp_write(CNTP_TVAL, 100));
	assert_false(guest_cntp_write(CNTP_CTL, 1));
	fake_cntpct += 100;
	rig_sync(0);
	assert_true(fake_gicv_irq());
	assert_true(guest_cntp_write(CNTP_CTL, 0));
	rig_sync(0);
	assert_false(fake_gicv_irq());
	assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
}

/* The running guest is made to leave when CNTP expires. */
static void
test_cntp_running(void **state)
{
	struct vcpu *v = &rig.vcpu[0];

	(void)state;
	start(1, 4);
	assert_true(rig.timer_ns[0] == ~0ull);
	rig_exit(0);
	vtimer_cntp_write(v, CNTP_TVAL, 24000);
	vtimer_cntp_write(v, CNTP_CTL, 1);
	rig_enter(0);
	assert_in_range(rig.timer_ns[0], 1000000, 1000010);
	rig.timer_ns[0] = 1;
	rig_sync(0); /* armed already */
	assert_int_equal(rig.timer_ns[0], 1);
	/* it came early: armed again */
	fake_cntpct += 23990;
	rig.timer_fn[0](v);
	assert_int_equal(rig.hv[0].requests, VCPU_REQ_IRQ);
	rig_settle(0);
	assert_false(fake_gicv_irq());
	assert_in_range(rig.timer_ns[0], 417, 430);
	fake_cntpct += 10;
	rig.timer_fn[0](v);
	assert_int_equal(rig_ack(0), CNTP);
	rig_eoi(0, CNTP);
	/* moved */
	rig_exit(0);
	vtimer_cntp_write(v, CNTP_TVAL, 2400);
	rig_enter(0);
	assert_in_range(rig.timer_ns[0], 100000, 100010);
}

static void
test_sleep(void **state)
{
	struct vcpu *v = &rig.vcpu[0];

	(void)state;
	start(1, 4);
	rig_exit(0);
	vtimer_sleep_begin(v);
	assert_true(rig.timer_ns[0] == ~0ull); /* nothing to wait for */
	rig.hv[0].vtimer.cntv_ctl = 1;
	rig.hv[0].vtimer.cntv_cval = 4000 + 24000;
	vtimer_sleep_begin(v);
	assert_in_range(rig.timer_ns[0], 1000000, 1000010);
	vtimer_cntp_write(v, CNTP_CTL, 1);
	vtimer_cntp_write(v, CNTP_TVAL, 12000);
	vtimer_sleep_begin(v);
	assert_in_range(rig.timer_ns[0], 500000, 500010);
	vtimer_sleep_end(v);
	assert_true(rig.timer_ns[0] == ~0ull);
	vtimer_cntp_write(v, CNTP_CTL, 3);
	vtimer_sleep_begin(v);
	assert_in_range(rig.timer_ns[0], 1000000, 1000010);
	/* long past; and for ever */
	rig.hv[0].vtimer.cntv_cval = 0;
	vtimer_sleep_begin(v);
	assert_int_equal(rig.timer_ns[0], 1);
	rig.hv[0].vtimer.cntv_cval = ~0ull;
	vtimer_sleep_begin(v);
	assert_true(rig.timer_ns[0] >= 1ull << 61);
	/* a PPI that would not interrupt wakes nobody */
	rig.timer_ns[0] = ~0ull;
	rig.hv[0].vgic.enabled &= ~BIT(CNTV);
	vtimer_sleep_begin(v);
	assert_true(rig.timer_ns[0] == ~0ull);
	vtimer_vcpu_destroy(v);
}

/* Woken early: WFI ends, and the time from timer to entry is learnt. */
static void
test_advance(void **state)
{
	struct vcpu *v = &rig.vcpu[0];
	struct vtimer *t = &rig.hv[0].vtimer;
	uint64_t late = 0;

	(void)state;
	start(1, 4);
	rig_exit(0);
	for (int i = 0; i < 100; i++) {
		t->cntv_ctl = 1;
		t->cntv_cval = fake_cntpct - 1000 + 24000;
		vtimer_sleep_begin(v);
		assert_false(vtimer_has_expired(v));
		fake_cntpct += rig.timer_ns[0] * 24 / 1000;
		rig.timer_fn[0](v);
		assert_true(vtimer_has_expired(v));
		vtimer_sleep_end(v);
		assert_true(vtimer_has_expired(v));
		fake_cntpct += i == 50 ? 1000000 : 6 * 24; /* 6 us to get going; once 40 ms */
		rig_enter(0);
		late = fake_cntpct - 1000 - t->cntv_cval;
		if (i != 50)
			assert_true((int64_t)late >= 0);
		rig_exit(0);
		assert_false(rig.arch_vcpu[0].timer_fired);
	}
	assert_in_range(late, 18, 32);
	assert_in_range(rig.arch_vcpu[0].timer_advance, 4 * 24, 6 * 24);
	/* a deadline nearer than that: at once */
	t->cntv_cval = fake_cntpct - 1000 + 50;
	vtimer_sleep_begin(v);
	assert_int_equal(rig.timer_ns[0], 1);
}

/* ns = ticks / CNTFRQ: never early, never more than a little late, for all frequencies. */
static void
test_ns(void **state)
{
	static const uint32_t hz[] = { 1000, 999999, 1000000, 13000000, 24000000, 50000000,
		62500000, 100000000, 999999999, 1000000000, 1000000001, 2500000000u, ~0u };
	uint64_t ticks[] = { 0, 1, 2, 3, 1000, 0xffffffff, 0x100000000, 0x123456789ab, 1ull << 50 };

	(void)state;
	start(1, 4);
	rig_exit(0);
	rig.hv[0].vtimer.cntv_ctl = 1;
	assert_int_equal(vtimer_host_init(0), -EINVAL);
	assert_int_equal(vtimer_host_init(999), -EINVAL);
	for (uint32_t h = 0; h < NELEM(hz); h++) {
		assert_int_equal(vtimer_host_init(hz[h]), 0);
		for (uint32_t t = 0; t < NELEM(ticks); t++) {
			unsigned __int128 want = (unsigned __int128)ticks[t] * 1000000000 / hz[h];
			uint64_t got;

			rig.hv[0].vtimer.cntv_cval = 4000 + ticks[t];
			vtimer_sleep_begin(&rig.vcpu[0]);
			got = rig.timer_ns[0];
			if (want >= (1ull << 62)) {
				assert_true(got == 1ull << 62);
				continue;
			}
			assert_true(got >= want);
			assert_true(got <= want + 2 + (uint64_t)(want >> 24));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fire),
		cmocka_unit_test(test_fire_outside),
		cmocka_unit_test(test_withdrawn),
		cmocka_unit_test(test_disabled_ppi),
		cmocka_unit_test(test_active_state),
		cmocka_unit_test(test_migration),
		cmocka_unit_test(test_lock_busy),
		cmocka_unit_test(test_evicted),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_cntp),
		cmocka_unit_test(test_cntp_running),
		cmocka_unit_test(test_cntp_hyp),
		cmocka_unit_test(test_cntp_withdrawn),
		cmocka_unit_test(test_sleep),
		cmocka_unit_test(test_advance),
		cmocka_unit_test(test_ns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
