/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Locks, sleeping, timers, kicks, the caller and the log, as os.h wants them.  What the
 * run loop calls on every entry to the guest (os_preempt_*, os_irq_*, os_cpu_id,
 * os_resched_or_signal) is a few loads and no more.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/hrtimer.h>
#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/task_work.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/thread_info.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include <linux/wait.h>

#include "vmm_linux.h"

struct timer {
	struct hrtimer hr;
	void (*fn)(void *arg);
	void *arg;
};

static_assert(sizeof(struct mutex) <= sizeof(struct os_mutex));
static_assert(sizeof(raw_spinlock_t) <= sizeof(struct os_spin));
static_assert(sizeof(wait_queue_head_t) <= sizeof(struct os_waitq));
static_assert(sizeof(struct timer) <= sizeof(struct os_timer));

static struct mutex *
mutex_of(struct os_mutex *m)
{
	return (struct mutex *)m;
}

/* lockdep wants a key of static storage with each name; Debian's kernels are built without it. */
void
os_mutex_init(struct os_mutex *m, const char *name)
{
	(void)name;
	mutex_init(mutex_of(m));
}

void
os_mutex_destroy(struct os_mutex *m)
{
	mutex_destroy(mutex_of(m));
}

void
os_mutex_lock(struct os_mutex *m)
{
	mutex_lock(mutex_of(m));
}

void
os_mutex_unlock(struct os_mutex *m)
{
	mutex_unlock(mutex_of(m));
}

void
os_spin_init(struct os_spin *s)
{
	raw_spin_lock_init((raw_spinlock_t *)s);
}

unsigned long
os_spin_lock(struct os_spin *s)
{
	unsigned long flags;

	raw_spin_lock_irqsave((raw_spinlock_t *)s, flags);
	return flags;
}

void
os_spin_unlock(struct os_spin *s, unsigned long flags)
{
	raw_spin_unlock_irqrestore((raw_spinlock_t *)s, flags);
}

static wait_queue_head_t *
waitq_of(struct os_waitq *w)
{
	return (wait_queue_head_t *)w;
}

void
os_waitq_init(struct os_waitq *w)
{
	init_waitqueue_head(waitq_of(w));
}

int
os_waitq_wait(struct os_waitq *w, bool (*cond)(void *arg), void *arg)
{
	return wait_event_interruptible(*waitq_of(w), cond(arg)) == 0 ? 0 : -EINTR;
}

void
os_waitq_wait_uninterruptible(struct os_waitq *w, bool (*cond)(void *arg), void *arg)
{
	wait_event(*waitq_of(w), cond(arg));
}

/* wq_has_sleeper's barrier stands between the caller's news and the look at the queue. */
void
os_waitq_wake(struct os_waitq *w)
{
	if (wq_has_sleeper(waitq_of(w)))
		wake_up(waitq_of(w));
}

void
os_preempt_disable(void)
{
	preempt_disable();
}

void
os_preempt_enable(void)
{
	preempt_enable();
}

unsigned long
os_irq_save(void)
{
	unsigned long flags;

	local_irq_save(flags);
	return flags;
}

void
os_irq_restore(unsigned long flags)
{
	local_irq_restore(flags);
}

unsigned int
os_cpu_id(void)
{
	return smp_processor_id();
}

unsigned int
os_cpu_count(void)
{
	return nr_cpu_ids;
}

/*
 * What needs this thread in user space: signals, and work queued for the way there.
 * TIF_NOTIFY_RESUME alone does not: with restartable sequences registered (glibc does) every
 * reschedule sets it, and it can wait until VM_RUN returns for a reason of its own.
 */
bool
os_signal_pending(void)
{
	return signal_pending(current) || task_work_pending(current) || READ_ONCE(vmm_rebooting);
}

bool
os_resched_or_signal(void)
{
	return need_resched() || os_signal_pending();
}

/* Where the scheduler wants the CPU anyway, it chooses who gets it. */
void
os_yield(void)
{
	if (need_resched())
		schedule();
	else
		yield();
}

/*
 * One message a CPU is under way at most: whoever finds one pending leaves it at that.  The
 * barriers pair: either the sender's news are seen by who runs after kicked(), or the sender
 * finds no message pending and sends another.
 */
struct kick {
	call_single_data_t csd;
	atomic_t pending;
};

static DEFINE_PER_CPU(struct kick, kicks);

static void
kicked(void *info)
{
	struct kick *k = info;

	/* After csd_unlock's store: else who finds pending clear is refused for the csd's flag. */
	atomic_set_release(&k->pending, 0);
	smp_mb();
}

void
os_kick(unsigned int cpu)
{
	struct kick *k = per_cpu_ptr(&kicks, cpu);

	if (atomic_xchg(&k->pending, 1) != 0)
		return;
	if (smp_call_function_single_async((int)cpu, &k->csd) != 0)
		atomic_set(&k->pending, 0); /* offline: no guest runs there */
}

void
os_on_each_cpu(void (*fn)(void *arg), void *arg)
{
	on_each_cpu(fn, arg, 1);
}

void
vmm_sched_init(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		struct kick *k = per_cpu_ptr(&kicks, cpu);

		INIT_CSD(&k->csd, kicked, k);
	}
}

static void
nothing(void *unused)
{
}

/* A call that waits runs behind the kicks that were queued before it. */
void
vmm_sched_fini(void)
{
	on_each_cpu(nothing, NULL, 1);
}

uint64_t
os_now_ns(void)
{
	return ktime_get_ns();
}

static struct timer *
timer_of(struct os_timer *t)
{
	return (struct timer *)t;
}

static enum hrtimer_restart
timer_fired(struct hrtimer *hr)
{
	struct timer *t = container_of(hr, struct timer, hr);

	t->fn(t->arg);
	return HRTIMER_NORESTART;
}

void
os_timer_init(struct os_timer *ot, void (*fn)(void *arg), void *arg)
{
	struct timer *t = timer_of(ot);

	hrtimer_init(&t->hr, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	t->hr.function = timer_fired;
	t->fn = fn;
	t->arg = arg;
}

void
os_timer_arm(struct os_timer *ot, uint64_t ns_from_now)
{
	ktime_t delay = (ktime_t)min_t(u64, ns_from_now, KTIME_MAX);

	hrtimer_start(&timer_of(ot)->hr, delay, HRTIMER_MODE_REL_HARD);
}

void
os_timer_cancel(struct os_timer *ot)
{
	hrtimer_cancel(&timer_of(ot)->hr);
}

uint32_t
os_uid(void)
{
	return from_kuid(&init_user_ns, current_euid());
}

bool
os_in_group(uint32_t gid)
{
	kgid_t kgid = make_kgid(&init_user_ns, gid);

	return gid_valid(kgid) && in_egroup_p(kgid);
}

bool
os_privileged(void)
{
	return capable(CAP_SYS_ADMIN);
}

int
os_thread_id(void)
{
	return task_pid_nr(current);
}

static const char *
line_end(const char *fmt)
{
	size_t len = strlen(fmt);

	return len > 0 && fmt[len - 1] == '\n' ? "" : "\n";
}

void
os_log(const char *fmt, ...)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
	struct va_format vaf;
	va_list ap;

	if (!__ratelimit(&limit))
		return;
	va_start(ap, fmt);
	vaf = (struct va_format){ .fmt = fmt, .va = &ap };
	pr_info("%pV%s", &vaf, line_end(fmt));
	va_end(ap);
}

void
os_panic(const char *fmt, ...)
{
	struct va_format vaf;
	va_list ap;

	va_start(ap, fmt);
	vaf = (struct va_format){ .fmt = fmt, .va = &ap };
	panic("vmm: %pV", &vaf);
}
