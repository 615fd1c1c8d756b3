/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * One kick under way a CPU: os_kick() and kicked() in sys/os/linux/sched.c over Linux 6.1's
 * smp_call_function_single_async(), which refuses a message whose CSD_FLAG_LOCK it finds set, and
 * whose other end clears that flag (csd_unlock) before it calls kicked().  CPU 0 has a vCPU in
 * the guest and a first kick under way; host threads on CPUs 1 and 2 make a request of it each.
 *
 * Wanted: the guest does not run on with a request set when all senders are done and no interrupt
 * is under way.
 *
 * redundant: NO_MB_KICKED: vcpu_enter_guest has a fence before it looks at the requests
 */
#define REQ	0 /* *vcpu->requests */
#define STATE	1 /* vcpu->state */
#define PENDING 2 /* struct kick's pending */
#define FLAGS	3 /* its csd.node.u_flags: CSD_FLAG_LOCK */
#define NVAR	4
#define NCPU	3
#define NOBS	3
#define SEES_0	BIT(REQ)
#define SEES_1	(BIT(STATE) | BIT(PENDING) | BIT(FLAGS))
#define SEES_2	SEES_1
#define LOADS_1 (BIT(STATE) | BIT(FLAGS))
#define LOADS_2 LOADS_1
#include "weak.pml"

#define FROZEN	0
#define RUNNING 1

bool ipi; /* the interrupt, and the message in the queue */
byte done;

/* ---- senders ---- */

/* os_kick; atomic_xchg has a full barrier on either side */
inline kick(me, s)
{
	UNLESS(NO_DMB_XCHG, dmb(me));
	atomic { rmw(me, PENDING, s, 1); UNLESS(NO_DMB_XCHG, dmb(me)) };
	if
	:: s == 0 ->
		ld(me, FLAGS, s); /* smp_call_function_single_async */
		if
		:: s != 0 -> st(me, PENDING, 0) /* -EBUSY */
		:: else ->
			atomic { st(me, FLAGS, 1); dmb(me) }; /* llist_add's barrier */
			ipi = true
		fi
	:: else
	fi
}

inline request(me, s)
{
	dmb(me);
	atomic { rmw(me, REQ, s, s | me); dmb(me) };
	ld_acquire(me, STATE, s);
	if
	:: s == RUNNING -> kick(me, s)
	:: else
	fi
}

proctype sender(byte me)
{
	byte s;

	request(me, s);
	s = 0;
	done++
}

/* ---- the CPU with the vCPU ---- */

inline interrupt()
{
	if
	:: ipi ->
		atomic { ipi = false; dmb(0) }; /* llist_del_all, csd_unlock's smp_store_release */
		st(0, FLAGS, 0);
		/* kicked */
		UNLESS(NO_RELEASE_PENDING, dmb(0));
		atomic { st(0, PENDING, 0); UNLESS(NO_MB_KICKED, dmb(0)) }
	:: else
	fi
}

/* It is in the guest already, and the first kick under way. */
proctype vcpu()
{
	byte r;

	goto guest;
	do
	:: dmb(0);
		atomic { rmw(0, REQ, r, 0); dmb(0); r = 0 }; /* take_requests */
		atomic { st(0, STATE, RUNNING); dmb(0) };
		atomic { ld(0, REQ, r); dmb(0) };
		if
		:: r == 0 ->
guest:			if
			:: ipi
			:: done == 2 && !ipi -> assert(val[REQ] == 0); break
			fi
		:: else -> r = 0
		fi;
		st_release(0, STATE, FROZEN);
		interrupt()
	od
}

init {
	d_step {
		was[STATE] = RUNNING;
		val[STATE] = RUNNING;
		was[PENDING] = 1;
		val[PENDING] = 1;
		was[FLAGS] = 1;
		val[FLAGS] = 1;
		ipi = true
	};
	atomic {
		run vcpu();
		run sender(1);
		run sender(2)
	}
}
