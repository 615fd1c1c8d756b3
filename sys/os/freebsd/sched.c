/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Locks, sleeping, timers, kicks, the caller and the log, as os.h wants them.  What the run loop
 * calls on every entry to the guest (os_preempt_*, os_irq_*, os_cpu_id, os_resched_or_signal) is a
 * few loads and no more.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/callout.h>
#include <sys/jail.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/pcpu.h>
#include <sys/priv.h>
#include <sys/proc.h>
#include <sys/sched.h>
#include <sys/sleepqueue.h>
#include <sys/smp.h>
#include <sys/sx.h>
#include <sys/time.h>
#include <sys/ucred.h>
#include <machine/smp.h>
#include <machine/stdarg.h>

#include "vmm_compat.h"
#include "vmm_freebsd.h"

/* Sleepers lie in the sleep queue of the struct's address. */
struct waitq {
	u_int sleepers;	  /* [a] who looks at its condition, or sleeps */
	u_int generation; /* [a] one more with each wake */
};

struct timer {
	struct callout callout;
	void (*fn)(void *arg);
	void *arg;
};

_Static_assert(sizeof(struct sx) <= sizeof(struct os_mutex), "os_mutex is too small");
_Static_assert(sizeof(struct mtx) <= sizeof(struct os_spin), "os_spin is too small");
_Static_assert(sizeof(struct waitq) <= sizeof(struct os_waitq), "os_waitq is too small");
_Static_assert(sizeof(struct timer) <= sizeof(struct os_timer), "os_timer is too small");

#define LOG_PER_SECOND 5
#define TIMER_MAX_NS   (1000000000ull << 30) /* 34 years; a sbintime_t has 2^31 seconds */

/* ---- locks ---- */

static struct sx *
mutex_of(struct os_mutex *m)
{
	return (struct sx *)m;
}

/* A name is a class of its own to WITNESS, which learns the order of the classes. */
void
os_mutex_init(struct os_mutex *m, const char *name)
{
	memset(m, 0, sizeof(*m));
	sx_init(mutex_of(m), name);
}

void
os_mutex_destroy(struct os_mutex *m)
{
	sx_destroy(mutex_of(m));
}

void
os_mutex_lock(struct os_mutex *m)
{
	sx_xlock(mutex_of(m));
}

void
os_mutex_unlock(struct os_mutex *m)
{
	sx_xunlock(mutex_of(m));
}

void
os_spin_init(struct os_spin *s)
{
	memset(s, 0, sizeof(*s));
	mtx_init((struct mtx *)s, "vmm spin", NULL, MTX_SPIN);
}

/* The kernel keeps the interrupts' state with the thread. */
unsigned long
os_spin_lock(struct os_spin *s)
{
	mtx_lock_spin((struct mtx *)s);
	return 0;
}

void
os_spin_unlock(struct os_spin *s, unsigned long flags __unused)
{
	mtx_unlock_spin((struct mtx *)s);
}

/* ---- sleeping ---- */

static struct waitq *
waitq_of(struct os_waitq *w)
{
	return (struct waitq *)w;
}

void
os_waitq_init(struct os_waitq *w)
{
	memset(w, 0, sizeof(*w));
}

/*
 * The condition is looked at without the queue's lock.  A wake after the look has changed
 * the generation, which is looked at with the lock; one that comes then waits for the lock and
 * finds us in the queue.  Priority 0: who sleeps comes back with the one it had.
 */
static int
wait_for(struct waitq *w, bool (*cond)(void *arg), void *arg, int flags)
{
	int error = 0;
	u_int seen;

	__atomic_fetch_add(&w->sleepers, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		seen = __atomic_load_n(&w->generation, __ATOMIC_SEQ_CST);
		if (cond(arg)) {
			error = 0;
			break;
		}
		if (error != 0)
			break;
		sleepq_lock(w);
		if (__atomic_load_n(&w->generation, __ATOMIC_SEQ_CST) != seen) {
			sleepq_release(w);
			continue;
		}
		sleepq_add(w, NULL, "vmmwait", SLEEPQ_SLEEP | flags, 0);
		if (flags != 0)
			error = sleepq_wait_sig(w, 0);
		else
			sleepq_wait(w, 0);
	}
	__atomic_fetch_sub(&w->sleepers, 1, __ATOMIC_RELEASE);
	return error == 0 ? 0 : -EINTR;
}

int
os_waitq_wait(struct os_waitq *w, bool (*cond)(void *arg), void *arg)
{
	return wait_for(waitq_of(w), cond, arg, SLEEPQ_INTERRUPTIBLE);
}

void
os_waitq_wait_uninterruptible(struct os_waitq *w, bool (*cond)(void *arg), void *arg)
{
	(void)wait_for(waitq_of(w), cond, arg, 0);
}

/* The barrier stands between the caller's news and the look at who sleeps. */
void
os_waitq_wake(struct os_waitq *ow)
{
	struct waitq *w = waitq_of(ow);

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&w->sleepers, __ATOMIC_RELAXED) == 0)
		return;
	__atomic_fetch_add(&w->generation, 1, __ATOMIC_SEQ_CST);
	wakeup(w);
}

/* ---- this CPU ---- */

void
os_preempt_disable(void)
{
	critical_enter();
}

void
os_preempt_enable(void)
{
	critical_exit();
}

unsigned long
os_irq_save(void)
{
	return intr_disable();
}

void
os_irq_restore(unsigned long flags)
{
	intr_restore(flags);
}

unsigned int
os_cpu_id(void)
{
	return curcpu;
}

unsigned int
os_cpu_count(void)
{
	return mp_maxid + 1;
}

bool
os_signal_pending(void)
{
	return compat_need_user(curthread) || LOAD_ONCE(vmm_rebooting);
}

bool
os_resched_or_signal(void)
{
	return compat_need_resched(curthread) || os_signal_pending();
}

/* At the priority of the user's code: what a guest does is its process's work. */
void
os_yield(void)
{
	kern_yield(PRI_USER);
}

/* The handler of this one does nothing, but it makes the CPU take an interrupt. */
void
os_kick(unsigned int cpu)
{
	if (!CPU_ABSENT(cpu))
		ipi_cpu((int)cpu, IPI_AST);
}

/* The other CPUs are in an interrupt's handler, this one has a spin lock. */
void
os_on_each_cpu(void (*fn)(void *arg), void *arg)
{
	smp_rendezvous(smp_no_rendezvous_barrier, fn, smp_no_rendezvous_barrier, arg);
}

/* ---- time ---- */

uint64_t
os_now_ns(void)
{
	struct timespec ts;

	nanouptime(&ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static struct timer *
timer_of(struct os_timer *t)
{
	return (struct timer *)t;
}

static void
timer_fired(void *arg)
{
	struct timer *t = arg;

	t->fn(t->arg);
}

void
os_timer_init(struct os_timer *ot, void (*fn)(void *arg), void *arg)
{
	struct timer *t = timer_of(ot);

	memset(ot, 0, sizeof(*ot));
	callout_init(&t->callout, 1);
	t->fn = fn;
	t->arg = arg;
}

/* In the interrupt itself, and at an absolute time: a relative one may be late by some per cent. */
void
os_timer_arm(struct os_timer *ot, uint64_t ns_from_now)
{
	sbintime_t sbt = nstosbt((int64_t)MIN(ns_from_now, TIMER_MAX_NS));

	callout_reset_sbt(&timer_of(ot)->callout, sbinuptime() + sbt, 0, timer_fired, timer_of(ot),
	    C_DIRECT_EXEC | C_ABSOLUTE);
}

void
os_timer_cancel(struct os_timer *ot)
{
	callout_drain(&timer_of(ot)->callout);
}

/* ---- the caller ---- */

uint32_t
os_uid(void)
{
	return curthread->td_ucred->cr_uid;
}

bool
os_in_group(uint32_t gid)
{
	return groupmember(gid, curthread->td_ucred);
}

bool
os_privileged(void)
{
	return priv_check(curthread, PRIV_DRIVER) == 0;
}

int
os_thread_id(void)
{
	return curthread->td_tid;
}

/* ---- the log ---- */

void
os_log(const char *fmt, ...)
{
	static struct timeval last;
	static int count;
	va_list ap;

	if (!ppsratecheck(&last, &count, LOG_PER_SECOND))
		return;
	printf("vmm: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	if (fmt[0] == '\0' || fmt[strlen(fmt) - 1] != '\n')
		printf("\n");
}

void
os_panic(const char *fmt, ...)
{
	static char buf[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	panic("vmm: %s", buf);
}
