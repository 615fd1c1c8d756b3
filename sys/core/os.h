/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The window through which the core and the ARM code see the host OS.  Each
 * sys/os/NAME implements all of it.  Locks and timers are opaque storage here;
 * the glue asserts that its own types fit.  Errors are negative errno values
 * with the numbers of core/errno.h, whatever the OS.
 */
#ifndef CORE_OS_H
#define CORE_OS_H

#include "types.h"

/* ---- memory of our own: kernel heap, zeroed; may sleep; NULL when there is none ---- */
void *os_zalloc(size_t bytes);
void os_free(void *p); /* NULL is fine */

/*
 * 2^order pages, zeroed, physically contiguous, permanently mapped by the kernel
 * (never vmalloc: HYP maps them).  Charged to the caller.  May sleep.
 */
void *os_pages_alloc(unsigned int order);
void os_pages_free(void *va, unsigned int order);
hpa_t os_va_to_pa(const void *va); /* of os_pages_alloc memory */
void *os_pa_to_va(hpa_t pa);	   /* and back */

/*
 * Guest memory: 2^order pages (0 or 9), zeroed, perhaps not mapped by the kernel,
 * struct-page backed on Linux.  os_gpage_alloc(9) fails without a fight (NULL).  A
 * piece allocated with order 9 may be freed by single pages: each page of it is
 * freed by its own os_gpage_free.  Handles of consecutive pages are got with
 * os_gpage_nth.  Freeing drops our reference; user mappings hold their own.
 */
struct os_gpage;
struct os_gpage *os_gpage_alloc(unsigned int order);
void os_gpage_free(struct os_gpage *pg); /* one 4 KiB page */
struct os_gpage *os_gpage_nth(struct os_gpage *pg, unsigned int n);
hpa_t os_gpage_pa(const struct os_gpage *pg);
/* Map one page for a moment (no sleep until unmapped; nests two deep, unmap in reverse). */
void *os_gpage_map(struct os_gpage *pg);
void os_gpage_unmap(void *va);
/*
 * Clean and invalidate npages to the point of coherency, and make the instruction caches forget
 * them, on all CPUs (DDI 0406C B2.2.7): before a guest with caches off may see them.
 */
void os_gpage_flush(struct os_gpage *pg, unsigned int npages);

/* Tear down user mappings of [gpa, gpa + len) of /dev/vmm/NAME, whoever has them.  Of vm->os. */
void os_unmap_user(void *vm_os, uint64_t gpa, uint64_t len);

int os_copyin(void *dst, const void *user, size_t len);	 /* -EFAULT */
int os_copyout(void *user, const void *src, size_t len); /* -EFAULT */

/* ---- locks and sleeping ---- */
struct os_mutex {
	uintptr_t opaque[16];
};
/* name: a literal.  To who watches the order of locks, those of one name are of one class. */
void os_mutex_init(struct os_mutex *m, const char *name);
void os_mutex_destroy(struct os_mutex *m);
void os_mutex_lock(struct os_mutex *m); /* may sleep */
void os_mutex_unlock(struct os_mutex *m);

struct os_spin {
	uintptr_t opaque[16];
};
void os_spin_init(struct os_spin *s);
unsigned long os_spin_lock(struct os_spin *s); /* interrupts off; returns what unlock takes */
void os_spin_unlock(struct os_spin *s, unsigned long flags);

struct os_waitq {
	uintptr_t opaque[16];
};
void os_waitq_init(struct os_waitq *w);
/*
 * Sleep until cond(arg) is true or a signal is pending: 0 or -EINTR.  cond is called
 * without locks of ours and must not sleep.
 */
int os_waitq_wait(struct os_waitq *w, bool (*cond)(void *arg), void *arg);
/* The same, but no signal ends it: for what another thread of ours is about to finish. */
void os_waitq_wait_uninterruptible(struct os_waitq *w, bool (*cond)(void *arg), void *arg);
void os_waitq_wake(struct os_waitq *w); /* all who sleep there; any context */

/* ---- this CPU ---- */
void os_preempt_disable(void);
void os_preempt_enable(void);
unsigned long os_irq_save(void);
void os_irq_restore(unsigned long flags);
unsigned int os_cpu_id(void);	 /* preemption off */
unsigned int os_cpu_count(void); /* possible CPUs; ids are below this */
bool os_resched_or_signal(void); /* something wants this thread to leave the guest; any context */
bool os_signal_pending(void);
void os_yield(void); /* let others run if they want to; may sleep */
/* Make cpu leave the guest if it is in one: an IPI that does nothing; any context; no wait. */
void os_kick(unsigned int cpu);
/* Run fn(arg) on every online CPU with interrupts off, and wait.  May sleep before. */
void os_on_each_cpu(void (*fn)(void *arg), void *arg);

/* ---- time ---- */
uint64_t os_now_ns(void); /* monotonic */
/*
 * A one-shot timer.  fn runs in interrupt context with interrupts off.  Its error is
 * the OS's finest (hrtimer).  os_timer_cancel waits for a running fn; may sleep.
 */
struct os_timer {
	uintptr_t opaque[32];
};
void os_timer_init(struct os_timer *t, void (*fn)(void *arg), void *arg);
void os_timer_arm(struct os_timer *t, uint64_t ns_from_now);
void os_timer_cancel(struct os_timer *t);

/*
 * A job for a thread of the OS's: fn(arg) runs once, in process context and without locks, for each
 * os_work_queue that gave true; false: it is queued already and has not begun.  Any context.  fn
 * may free the memory of w.
 */
struct os_work {
	uintptr_t opaque[16];
};
void os_work_init(struct os_work *w, void (*fn)(void *arg), void *arg);
bool os_work_queue(struct os_work *w);

/* ---- events: descriptors of user space that carry no data but that something happened ---- */
/*
 * What stands behind the caller's descriptor fd (Linux: an eventfd), referenced: it stays when
 * user space closes fd.  One event has one pointer while anybody has a reference.  -EBADF no such
 * descriptor, -EINVAL it is none that can be signalled.  May sleep.
 */
struct os_event;
int os_event_get(int fd, struct os_event **out);
void os_event_put(struct os_event *e);	  /* may sleep */
void os_event_signal(struct os_event *e); /* add one; any context, but not from a watch's fn */
/*
 * Watch an event, which fd still must be (-EBADF, -EINVAL) and the caller keeps referenced: fn(arg)
 * when it is signalled, which it is no longer then; once at once if it was before.  gone(arg) when
 * the last descriptor of it is closed.  Both run in any context, interrupts off, under a lock of
 * the event's: they must not sleep and not signal events.  May sleep.
 */
struct os_watch {
	uintptr_t opaque[24];
};
int os_event_watch(struct os_watch *w, struct os_event *e, int fd, void (*fn)(void *arg),
    void (*gone)(void *arg), void *arg);
void os_event_unwatch(struct os_watch *w); /* neither runs any more, nor will; may sleep */

/* ---- the caller ---- */
uint32_t os_uid(void); /* effective uid */
bool os_in_group(uint32_t gid);
bool os_privileged(void); /* may use any VM */
int os_thread_id(void);

/* ---- log: rate-limited by the glue; never reachable by a guest ---- */
__attribute__((format(printf, 1, 2))) void os_log(const char *fmt, ...);
__attribute__((noreturn, format(printf, 1, 2))) void os_panic(const char *fmt, ...);

/* ---- the machine, as the host's device tree tells it ---- */
struct os_machine {
	hpa_t gicd, gicc, gich, gicv; /* physical addresses; gicv spans two pages */
	void *gicd_va, *gich_va;      /* device mappings of the kernel's, 4 KiB each */
	uint32_t vtimer_ppi;	      /* INTID of CNTV's PPI */
	uint32_t maint_ppi;
};

/*
 * Through the host kernel's HYP stub: run the code at physical address code in HYP mode, MMU off,
 * with params in r2 (x2).  Returns what the code leaves in r0.  On the CPU itself, interrupts off.
 */
uint32_t hyp_stub_enter(hpa_t code, hpa_t params);
/* Physical address of a byte of the module's own text or data (not contiguous beyond its page). */
hpa_t os_module_va_to_pa(const void *va);

#endif /* CORE_OS_H */
