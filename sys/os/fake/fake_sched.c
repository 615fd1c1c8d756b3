/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Locks, sleeping, CPUs, time and the caller's identity in the fake OS.  A thread is on a CPU,
 * a lock of that CPU's, exactly while preemption is off.
 */
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errno.h"
#include "fake.h"
#include "fake_impl.h"

struct thread {
	uint32_t signal; /* [a] */
	unsigned int cpu;
	unsigned int preempt_off, irq_off, maps;
	struct fake_user user;
	bool has_user;
};
static __thread struct thread self;
void (*fake_on_idle)(void);

struct cpu {
	pthread_mutex_t lock;
	uint32_t wanted; /* [a] threads that wait for it */
	uint32_t kicked; /* [a] an interrupt is pending */
};
static struct cpu cpus[FAKE_MAX_CPUS] = {
	[0 ... FAKE_MAX_CPUS - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER },
};
static unsigned int ncpus = 2;

/* Everybody who sleeps in the fake sleeps here; a wake-up wakes all. */
static pthread_mutex_t sleep_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t sleep_cond = PTHREAD_COND_INITIALIZER;

void
fake_reset(void)
{
	fake_mem_reset();
	fake_sched_reset();
	fake_eventfd_reset();
	fake_node_fail(0);
	fake_on_node = NULL;
}

void
os_panic(const char *fmt, ...)
{
	va_list ap;

	fputs("panic: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

void
os_log(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

bool
fake_in_atomic(void)
{
	return (self.preempt_off | self.irq_off | self.maps) != 0;
}

bool
fake_irqs_off(void)
{
	return self.irq_off != 0;
}

void
fake_may_sleep(const char *what)
{
	if (fake_in_atomic())
		os_panic("%s where one must not sleep", what);
}

void
fake_gpage_nest(int by)
{
	self.maps = (unsigned int)((int)self.maps + by);
	if (self.maps > 2)
		os_panic("os_gpage_map nests %u deep", self.maps);
}

/* ---- mutexes ---- */

#define MUTEX_ALIVE 0x6d757478u
struct fake_mutex {
	pthread_mutex_t m;
	struct thread *owner;
	uint32_t alive;
};
_Static_assert(sizeof(struct fake_mutex) <= sizeof(struct os_mutex), "it fits");

static struct fake_mutex *
mutex_of(struct os_mutex *m)
{
	struct fake_mutex *f = (struct fake_mutex *)(void *)m;

	if (f->alive != MUTEX_ALIVE)
		os_panic("mutex %p is not initialised", (void *)m);
	return f;
}

void
os_mutex_init(struct os_mutex *m, const char *name)
{
	struct fake_mutex *f = (struct fake_mutex *)(void *)m;

	if (name == NULL || name[0] == '\0')
		os_panic("mutex %p has no name", (void *)m);
	memset(f, 0, sizeof(*f));
	pthread_mutex_init(&f->m, NULL);
	f->alive = MUTEX_ALIVE;
}

void
os_mutex_destroy(struct os_mutex *m)
{
	struct fake_mutex *f = mutex_of(m);

	if (__atomic_load_n(&f->owner, __ATOMIC_RELAXED) != NULL)
		os_panic("mutex %p destroyed while held", (void *)m);
	pthread_mutex_destroy(&f->m);
	f->alive = 0;
}

void
os_mutex_lock(struct os_mutex *m)
{
	struct fake_mutex *f = mutex_of(m);

	fake_may_sleep("os_mutex_lock");
	if (__atomic_load_n(&f->owner, __ATOMIC_RELAXED) == &self)
		os_panic("mutex %p taken twice", (void *)m);
	pthread_mutex_lock(&f->m);
	__atomic_store_n(&f->owner, &self, __ATOMIC_RELAXED);
}

void
os_mutex_unlock(struct os_mutex *m)
{
	struct fake_mutex *f = mutex_of(m);

	if (__atomic_load_n(&f->owner, __ATOMIC_RELAXED) != &self)
		os_panic("mutex %p unlocked by another", (void *)m);
	__atomic_store_n(&f->owner, NULL, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&f->m);
}

/* ---- spin locks ---- */

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(struct os_spin), "it fits");

void
os_spin_init(struct os_spin *s)
{
	pthread_mutex_init((pthread_mutex_t *)(void *)s, NULL);
}

unsigned long
os_spin_lock(struct os_spin *s)
{
	unsigned long flags = os_irq_save();

	pthread_mutex_lock((pthread_mutex_t *)(void *)s);
	return flags;
}

void
os_spin_unlock(struct os_spin *s, unsigned long flags)
{
	pthread_mutex_unlock((pthread_mutex_t *)(void *)s);
	os_irq_restore(flags);
}

/* ---- wait queues ---- */

struct fake_waitq {
	uint64_t wakes; /* under sleep_mutex */
};

static struct fake_waitq *
waitq_of(struct os_waitq *w)
{
	return (struct fake_waitq *)(void *)w;
}

void
os_waitq_init(struct os_waitq *w)
{
	memset(w, 0, sizeof(*w));
}

/* cond is called without the lock; a wake-up since before the call ends the sleep at once. */
static int
waitq_wait(struct os_waitq *w, bool (*cond)(void *arg), void *arg, bool intr)
{
	uint64_t seen;

	fake_may_sleep("os_waitq_wait");
	for (;;) {
		pthread_mutex_lock(&sleep_mutex);
		seen = waitq_of(w)->wakes;
		pthread_mutex_unlock(&sleep_mutex);
		if (cond(arg))
			return 0;
		if (intr && fake_on_idle != NULL)
			fake_on_idle();
		pthread_mutex_lock(&sleep_mutex);
		while (waitq_of(w)->wakes == seen && !(intr && os_signal_pending()))
			pthread_cond_wait(&sleep_cond, &sleep_mutex);
		pthread_mutex_unlock(&sleep_mutex);
		if (intr && os_signal_pending())
			return -EINTR;
	}
}

int
os_waitq_wait(struct os_waitq *w, bool (*cond)(void *arg), void *arg)
{
	return waitq_wait(w, cond, arg, true);
}

void
os_waitq_wait_uninterruptible(struct os_waitq *w, bool (*cond)(void *arg), void *arg)
{
	(void)waitq_wait(w, cond, arg, false);
}

void
os_waitq_wake(struct os_waitq *w)
{
	pthread_mutex_lock(&sleep_mutex);
	waitq_of(w)->wakes++;
	pthread_cond_broadcast(&sleep_cond);
	pthread_mutex_unlock(&sleep_mutex);
}

/* ---- signals ---- */

void *
fake_thread(void)
{
	return &self;
}

void
fake_signal(void *thread)
{
	struct thread *t = thread;

	pthread_mutex_lock(&sleep_mutex);
	__atomic_store_n(&t->signal, 1, __ATOMIC_SEQ_CST);
	pthread_cond_broadcast(&sleep_cond);
	pthread_mutex_unlock(&sleep_mutex);
}

void
fake_signal_clear(void *thread)
{
	__atomic_store_n(&((struct thread *)thread)->signal, 0, __ATOMIC_SEQ_CST);
}

bool
os_signal_pending(void)
{
	return __atomic_load_n(&self.signal, __ATOMIC_SEQ_CST) != 0;
}

/* ---- CPUs ---- */

void
fake_set_cpus(unsigned int n)
{
	ncpus = n < FAKE_MAX_CPUS ? n : FAKE_MAX_CPUS;
}

static void
cpu_take(unsigned int i)
{
	__atomic_add_fetch(&cpus[i].wanted, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&cpus[i].lock);
	__atomic_sub_fetch(&cpus[i].wanted, 1, __ATOMIC_SEQ_CST);
	self.cpu = i;
}

void
os_preempt_disable(void)
{
	if (self.preempt_off++ != 0)
		return;
	for (unsigned int n = 0; n < ncpus; n++) {
		unsigned int i = (self.cpu + n) % ncpus;

		if (pthread_mutex_trylock(&cpus[i].lock) == 0) {
			self.cpu = i;
			return;
		}
	}
	cpu_take(self.cpu % ncpus);
}

void
os_preempt_enable(void)
{
	if (self.preempt_off == 0)
		os_panic("preemption is on already");
	if (--self.preempt_off == 0)
		pthread_mutex_unlock(&cpus[self.cpu].lock);
}

unsigned long
os_irq_save(void)
{
	/* What was pending until now has been taken. */
	if (self.irq_off == 0 && self.preempt_off != 0)
		__atomic_store_n(&cpus[self.cpu].kicked, 0, __ATOMIC_SEQ_CST);
	return self.irq_off++;
}

void
os_irq_restore(unsigned long flags)
{
	if (self.irq_off != flags + 1)
		os_panic("interrupts restored out of order");
	self.irq_off = (unsigned int)flags;
}

unsigned int
os_cpu_id(void)
{
	if (self.preempt_off == 0)
		os_panic("os_cpu_id with preemption on");
	return self.cpu;
}

unsigned int
os_cpu_count(void)
{
	return ncpus;
}

static bool
cpu_is_wanted(void)
{
	return __atomic_load_n(&cpus[self.cpu].wanted, __ATOMIC_SEQ_CST) != 0;
}

bool
os_resched_or_signal(void)
{
	return os_signal_pending() || (self.preempt_off != 0 && cpu_is_wanted());
}

bool
fake_interrupted(void)
{
	return os_resched_or_signal() ||
	    __atomic_load_n(&cpus[self.cpu].kicked, __ATOMIC_SEQ_CST) != 0;
}

void
os_yield(void)
{
	fake_may_sleep("os_yield");
	sched_yield();
}

void
os_kick(unsigned int cpu)
{
	if (cpu >= ncpus)
		os_panic("kick of CPU %u", cpu);
	__atomic_store_n(&cpus[cpu].kicked, 1, __ATOMIC_SEQ_CST);
}

void
os_on_each_cpu(void (*fn)(void *arg), void *arg)
{
	fake_may_sleep("os_on_each_cpu");
	for (unsigned int i = 0; i < ncpus; i++) {
		unsigned long flags;

		self.preempt_off++;
		cpu_take(i);
		flags = os_irq_save();
		fn(arg);
		os_irq_restore(flags);
		os_preempt_enable();
	}
}

/* ---- time ---- */

struct fake_timer {
	void (*fn)(void *arg);
	void *arg;
	uint64_t when;
	bool armed, running;
	struct fake_timer *next;
};
_Static_assert(sizeof(struct fake_timer) <= sizeof(struct os_timer), "it fits");

static uint64_t clock_ns; /* [a] */
static pthread_mutex_t timer_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t timer_cond = PTHREAD_COND_INITIALIZER;
static struct fake_timer *timers; /* the armed ones */

static struct fake_timer *
timer_of(struct os_timer *t)
{
	return (struct fake_timer *)(void *)t;
}

uint64_t
os_now_ns(void)
{
	return __atomic_load_n(&clock_ns, __ATOMIC_SEQ_CST);
}

void
os_timer_init(struct os_timer *t, void (*fn)(void *arg), void *arg)
{
	memset(t, 0, sizeof(*t));
	timer_of(t)->fn = fn;
	timer_of(t)->arg = arg;
}

static void
timer_remove(struct fake_timer *f)
{
	struct fake_timer **at = &timers;

	if (!f->armed)
		return;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	f->armed = false;
}

void
os_timer_arm(struct os_timer *t, uint64_t ns_from_now)
{
	struct fake_timer *f = timer_of(t);

	pthread_mutex_lock(&timer_mutex);
	timer_remove(f);
	f->when = os_now_ns() + ns_from_now;
	f->next = timers;
	f->armed = true;
	timers = f;
	pthread_mutex_unlock(&timer_mutex);
}

void
os_timer_cancel(struct os_timer *t)
{
	struct fake_timer *f = timer_of(t);

	fake_may_sleep("os_timer_cancel");
	pthread_mutex_lock(&timer_mutex);
	timer_remove(f);
	while (f->running)
		pthread_cond_wait(&timer_cond, &timer_mutex);
	pthread_mutex_unlock(&timer_mutex);
}

static struct fake_timer *
timer_due(void)
{
	struct fake_timer *best = NULL;

	for (struct fake_timer *f = timers; f != NULL; f = f->next)
		if (f->when <= os_now_ns() && (best == NULL || f->when < best->when))
			best = f;
	return best;
}

void
fake_clock_advance(uint64_t ns)
{
	struct fake_timer *f;

	__atomic_add_fetch(&clock_ns, ns, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&timer_mutex);
	while ((f = timer_due()) != NULL) {
		timer_remove(f);
		f->running = true;
		pthread_mutex_unlock(&timer_mutex);
		self.irq_off++;
		f->fn(f->arg);
		self.irq_off--;
		pthread_mutex_lock(&timer_mutex);
		f->running = false;
		pthread_cond_broadcast(&timer_cond);
	}
	pthread_mutex_unlock(&timer_mutex);
}

unsigned int
fake_timers_armed(void)
{
	unsigned int n = 0;

	pthread_mutex_lock(&timer_mutex);
	for (struct fake_timer *f = timers; f != NULL; f = f->next)
		n++;
	pthread_mutex_unlock(&timer_mutex);
	return n;
}

void
fake_sched_reset(void)
{
	memset(&self, 0, sizeof(self));
	for (unsigned int i = 0; i < FAKE_MAX_CPUS; i++)
		cpus[i].kicked = cpus[i].wanted = 0;
	ncpus = 2;
	timers = NULL;
	fake_on_idle = NULL;
	__atomic_store_n(&clock_ns, 0, __ATOMIC_SEQ_CST);
}

/* ---- the caller ---- */

void
fake_set_user(const struct fake_user *u)
{
	self.has_user = u != NULL;
	if (u != NULL)
		self.user = *u;
}

uint32_t
os_uid(void)
{
	return self.has_user ? self.user.uid : 0;
}

bool
os_in_group(uint32_t gid)
{
	return self.has_user && self.user.gid != ~0u && self.user.gid == gid;
}

bool
os_privileged(void)
{
	return !self.has_user || self.user.privileged;
}

int
os_thread_id(void)
{
	return (int)((uintptr_t)&self & 0x7fffffff);
}
