/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The lock that host and HYP share (sys/arm/hyp_lock.h, host_lock.h) over what it guards: an SPI
 * in struct vgic.  Device threads on CPU 0 and CPU 1 raise edges (vgic_host_pulse).  The vCPU's
 * thread is on CPU 0 too, and may preempt the device's wherever interrupts are on.  In HYP it tries
 * the lock (answer_begin); if that fails it leaves to the host, which spins (vgic_host_sync).
 *
 * Wanted: one holder at a time; what it finds is whole; no edge is lost or comes twice; nobody
 * waits for ever.
 */
#define HELD	0 /* hyp_lock.held */
#define PENDING 1 /* vgic.pending: here, how many edges were latched */
#define HINT	2 /* vgic.hint: set exactly while PENDING is not 0 */
#define NVAR	3
#define NCPU	2
#define NOBS	2
#include "weak.pml"

#define EDGES 3 /* two by the thread on CPU 1 */

bool cpu0_irqs_off;
bool cpu0_in_vcpu; /* which thread CPU 0 runs */
byte holders;
byte shown; /* edges that went into list registers */
byte done;  /* threads that ended */

/* hyp_trylock */
inline trylock(me, r)
{
	if
	:: !NO_EXCLUSIVE -> rmw(me, HELD, r, 1)
	:: NO_EXCLUSIVE -> ld(me, HELD, r); st(me, HELD, 1)
	fi;
	UNLESS(NO_DMB_ACQUIRE, dmb(me))
}

/* hyp_lock_spin */
inline lock(me, r)
{
	do
	:: trylock(me, r);
		if
		:: r == 0 -> break
		:: else -> NOW(me, HELD) == 0 /* a loop of loads */
		fi
	od
}

/* hyp_unlock */
inline unlock(me)
{
	UNLESS(NO_DMB_RELEASE, dmb(me));
	st(me, HELD, 0)
}

/* Look, and leave what was found in r. */
inline hold(me, r)
{
	holders++;
	assert(holders == 1);
	ld(me, HINT, r);
	atomic {
		if
		:: r != 0 -> ld(me, PENDING, r); assert(r != 0)
		:: else -> ld(me, PENDING, r); assert(r == 0)
		fi
	}
}

inline leave(me)
{
	holders--;
	unlock(me)
}

/* vgic_pulse */
inline pulse(me, r)
{
	lock(me, r);
	hold(me, r);
	st(me, PENDING, r + 1);
	st(me, HINT, 1);
	r = 0;
	leave(me)
}

/* vgic_flush, vgic_sync */
inline flush(r)
{
	hold(0, r);
	atomic {
		st(0, PENDING, 0);
		shown = shown + r
	};
	st(0, HINT, 0);
	r = 0;
	leave(0)
}

/* vgic_host_pulse: hyp_lock_irqsave */
active proctype device0() provided (!cpu0_in_vcpu)
{
	byte r;

	cpu0_irqs_off = !NO_IRQ_OFF;
	pulse(0, r);
	cpu0_irqs_off = false;
	done++
}

active proctype device1()
{
	byte r;

	pulse(1, r);
	pulse(1, r);
	done++
}

/* Interrupts are off from before HYP until after the host's half. */
inline run_guest(r)
{
	cpu0_irqs_off = true;
	trylock(0, r); /* in HYP */
	if
	:: r != 0 && !NO_TRY -> lock(0, r) /* HYP_TO_HOST */
	:: else -> r = 0
	fi;
	flush(r);
	cpu0_irqs_off = false
}

active proctype vcpu() provided (cpu0_in_vcpu)
{
	byte r;

	run_guest(r);
	run_guest(r);
	done == 2;
	run_guest(r);
	assert(shown == EDGES)
}

/* A thread that is scheduled sees what happened: the scheduler's locks. */
active proctype scheduler()
{
end:
	do
	:: atomic { !cpu0_irqs_off -> cpu0_in_vcpu = !cpu0_in_vcpu; dmb(0) }
	od
}
