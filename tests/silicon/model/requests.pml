/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Requests to a vCPU: sys/core/vcpu_run.c and sys/arm/vcpu.c on the host, vcpu_run() of
 * sys/armv7/hyp_run.c in HYP.  One vCPU whose thread runs on CPU 0 and CPU 1; on CPU 2 a host
 * thread stops it, or raises a line of its vGIC, or both in either order.
 *
 * Wanted: no request is lost.  When the sender is done and no kick is under way, a vCPU that
 * stays in the guest, or asleep, has taken every request and has seen the line.
 *
 * Our code has more barriers than the protocol asks for, since each C11 operation brings its own.
 *
 * redundant: NO_DMB_REQUEST: vcpu_notify begins with a fence
 * redundant: NO_DMB_NOTIFY: the fetch_or in vcpu_request ends with one
 * redundant: NO_DMB_UNLOCK: it orders the lock for others; the fetch_or begins with one
 * redundant: NO_DMB_STATE_ACQUIRE: cpu is itself stored before the runner's fence and loaded after
 *	the sender's: if the sender finds the old one, the runner finds the request
 * redundant: NO_DMB_STATE_RELEASE: the same
 * redundant: NO_DMB_WAKE: vcpu_notify's fence stands between request and look at the queue too
 * redundant: NO_DMB_ENTER: the load in has_request begins with one
 * redundant: NO_DMB_HAS_REQUEST: each caller has a fence of its own before it
 * redundant: NO_DMB_TAKE_IRQ: who asked after has_request looked sees RUNNING and kicks
 * redundant: NO_DMB_SLEEP: wait_event has one, has_request too
 * redundant: NO_DMB_PREPARE: has_request begins with one
 * redundant: NO_DSB_REQUESTS: the same as NO_LOOK_IN_HYP
 * redundant: NO_LOOK_IN_HYP: whose request has_request missed sees RUNNING, and the kick comes
 * redundant: NO_LOOK: HYP looks again
 * redundant: NO_IRQ_OFF: a kick taken too early came after its request, which HYP then sees
 *
 * together: NO_DMB_REQUEST NO_DMB_NOTIFY
 * together: NO_DMB_ENTER NO_DMB_HAS_REQUEST NO_DMB_TAKE_IRQ
 * together: NO_DMB_SLEEP NO_DMB_PREPARE NO_DMB_HAS_REQUEST
 * together: NO_LOOK NO_LOOK_IN_HYP
 * together: NO_IRQ_OFF NO_LOOK_IN_HYP
 */
#define REQ   0 /* *vcpu->requests */
#define STATE 1 /* vcpu->state */
#define WHERE 2 /* vcpu->cpu */
#define ONQ   3 /* vcpu->wq has a sleeper */
#define LINE  4 /* what the vGIC has for the vCPU */
#define NVAR  5
#define NCPU  3
#define NOBS  3
#define SEES_0 (BIT(REQ) | BIT(LINE))
#define SEES_1 SEES_0
#define SEES_2 (BIT(REQ) | BIT(STATE) | BIT(WHERE) | BIT(ONQ))
#define LOADS_2 (SEES_2 & ~BIT(REQ))
#include "weak.pml"

#define REQ_IRQ	 1
#define REQ_STOP 2
#define FROZEN	 0
#define RUNNING	 1
#define SLEEPING 2
#define NOWHERE	 2

bool ipi[2];		  /* a kick that CPU 0, 1 has not answered yet */
bool woken;		  /* the sleeper was made runnable */
bool done;		  /* the sender is through */
bool asked, stopped;	  /* STOP was requested; taken */
bool raised, shown;	  /* the line is high; it went into a list register */
byte on;		  /* which CPU has the vCPU's thread */

/* ---- the sender ---- */

/* vcpu_notify */
inline notify(s)
{
	UNLESS(NO_DMB_NOTIFY, dmb(2));
	atomic {
		ld(2, STATE, s);
		UNLESS(NO_DMB_STATE_ACQUIRE, dmb(2))
	};
	if
	:: s == RUNNING ->
		atomic {
			ld(2, WHERE, s);
			if
			:: s != NOWHERE && !NO_KICK -> ipi[s] = true /* os_kick: see kick.pml */
			:: else
			fi
		}
	:: s == SLEEPING ->
		UNLESS(NO_DMB_WAKE, dmb(2)); /* wq_has_sleeper */
		atomic {
			ld(2, ONQ, s);
			woken = woken || (s != 0 && !NO_WAKE)
		}
	:: else
	fi
}

/* vcpu_request */
inline request(req, s)
{
	UNLESS(NO_DMB_REQUEST, dmb(2));
	atomic {
		rmw(2, REQ, s, s | req);
		UNLESS(NO_DMB_REQUEST, dmb(2))
	};
	notify(s)
}

active proctype sender()
{
	byte s;

	do
	:: !asked -> /* vcpu_hold */
		asked = true;
		request(REQ_STOP, s)
	:: !raised -> /* vgic_host_set_level; lock.pml has the lock */
		raised = true;
		atomic {
			st(2, LINE, 1);
			UNLESS(NO_DMB_UNLOCK, dmb(2))
		};
		request(REQ_IRQ, s)
	:: asked || raised -> break
	od;
	s = 0;
	done = true
}

/* ---- the vCPU's thread ---- */

/* take_requests */
inline take_requests()
{
	ld_seqcst(on, REQ, r);
	do
	:: r != 0 ->
		dmb(on);
		atomic {
			rmw(on, REQ, r, 0);
			dmb(on);
			stopped = stopped || (r & REQ_STOP) != 0
		};
		ld_seqcst(on, REQ, r)
	:: else -> break
	od
}

/* The request for the vGIC is taken back before the vGIC is looked at. */
inline take_irq()
{
	UNLESS(NO_DMB_TAKE_IRQ, dmb(on));
	atomic {
		rmw(on, REQ, r, r & ~REQ_IRQ);
		UNLESS(NO_DMB_TAKE_IRQ, dmb(on));
		r = 0
	}
}

/* vcpu_run in hyp_run.c, and the guest until an interrupt */
inline world_switch()
{
	UNLESS(NO_DSB_REQUESTS, dsb(on));
	ld(on, REQ, r);
	if
	:: r != 0 && !NO_LOOK_IN_HYP /* HYP_EXIT_REQ */
	:: else ->
		shown = shown || line;
		if
		:: ipi[on]
		:: done && !ipi[on] ->
			assert(stopped == asked && (shown || !raised));
			goto over
		fi
	fi;
	r = 0
}

inline may_lose_kick()
{
	if
	:: NO_IRQ_OFF && ipi[on] -> ipi[on] = false
	:: true
	fi
}

/* vcpu_enter_guest, arch_vcpu_enter */
inline enter_guest()
{
	atomic {
		st(on, WHERE, on);
		UNLESS(NO_DMB_STATE_RELEASE, dmb(on))
	};
	st(on, STATE, RUNNING); /* interrupts are off from here */
	UNLESS(NO_DMB_ENTER, dmb(on));
	UNLESS(NO_DMB_HAS_REQUEST, dmb(on));
	atomic {
		ld(on, REQ, r);
		UNLESS(NO_DMB_HAS_REQUEST, dmb(on))
	};
	if
	:: r == 0 || NO_LOOK ->
		may_lose_kick();
		take_irq();
		ld(on, LINE, line); /* vgic_host_flush */
		world_switch();
		line = 0
	:: else -> r = 0
	fi;
	dmb(on);
	atomic {
		st(on, STATE, FROZEN);
		ipi[on] = false /* interrupts are on again */
	};
	st(on, WHERE, NOWHERE)
}

inline wfi_is_over()
{
	UNLESS(NO_DMB_HAS_REQUEST, dmb(on));
	atomic {
		ld(on, REQ, r);
		UNLESS(NO_DMB_HAS_REQUEST, dmb(on))
	};
	atomic {
		ld(on, LINE, line);
		r = r | line;
		line = 0
	}
}

/* vcpu_sleep; wait_event puts itself on the queue, then has a barrier, then looks */
inline sleep()
{
	st_release(on, STATE, SLEEPING);
	UNLESS(NO_DMB_SLEEP, dmb(on));
	atomic {
		st(on, ONQ, 1);
		UNLESS(NO_DMB_PREPARE, dmb(on))
	};
	wfi_is_over();
	if
	:: r == 0 || NO_COND ->
		if
		:: woken
		:: done && !woken -> assert(stopped == asked && !raised); goto over
		fi
	:: else
	fi;
	atomic {
		st(on, ONQ, 0);
		r = 0;
		woken = false;
		dmb(on) /* the queue's lock, the scheduler */
	};
	st_release(on, STATE, FROZEN)
}

/* vcpu_block, once round */
inline block()
{
	take_irq();
	wfi_is_over();
	if
	:: r == 0 -> sleep()
	:: else -> r = 0
	fi
}

active proctype runner()
{
	byte r;
	bit line;

	st(on, WHERE, NOWHERE);
	do
	:: take_requests();
		if
		:: enter_guest()
		:: block()
		:: atomic { dmb(on); on = 1 - on; dmb(on) } /* the scheduler moves the thread */
		fi
	od;
over:
	r = 0;
	line = 0
}
