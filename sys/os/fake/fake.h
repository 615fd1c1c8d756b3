/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The host OS of the unit tests: os.h as a process on the build machine.  CPUs are locks that
 * a thread holds while preemption is off; an interrupt is a flag that the fake guest polls;
 * the clock stands still until a test moves it; allocations are counted and fail on demand.
 * What the core must never do (sleep with interrupts off, free a page that is still mapped,
 * show the guest a page that was not flushed) ends in os_panic, that is abort().
 */
#ifndef FAKE_FAKE_H
#define FAKE_FAKE_H

#include <vmm.h>

/* ---- start and end of a test ---- */
void fake_reset(void); /* defaults: 2 CPUs, clock 0, root, no failures, counters zero */
int fake_leaks(void);  /* what is still allocated, named on stderr; 0 is good */

/* ---- memory ---- */
#define FAKE_PAGES   65536u /* 256 MiB, shared by all kinds of pages */
#define FAKE_PA_BASE 0x80000000ull

struct fake_counts {
	long allocs;  /* os_zalloc */
	long pages;   /* os_pages_alloc, in pages */
	long gpages;  /* guest pages */
	long nodes;   /* device nodes */
	long users;   /* user mappings of guest pages */
	long events;  /* references to events */
	long flushes; /* os_gpage_flush calls: no leak, of course */
};
struct fake_counts fake_counts(void);
/* Call number n from now on that may fail does, and only that; 0: none.  Returns calls so far. */
unsigned long fake_fail_at(unsigned long n);
bool fake_should_fail(void);	   /* for fakes that allocate otherwise */
void fake_no_blocks(bool none);	   /* os_gpage_alloc(9) fails */
bool fake_is_page(const void *va); /* of os_pages_alloc */

/* User space touches /dev/vmm/NAME at gpa, as the glue's fault handler does; *va: the page. */
int fake_user_touch(struct vm *vm, uint64_t gpa, bool write, void **va);
/* For fake stage 2s: the page is, or no longer is, reachable by the guest. */
void fake_gpage_shown(hpa_t pa, unsigned int npages);
void fake_gpage_hidden(hpa_t pa, unsigned int npages);

/* ---- threads and CPUs ---- */
#define FAKE_MAX_CPUS 8u
void fake_set_cpus(unsigned int n);
bool fake_in_atomic(void); /* preemption or interrupts off */
bool fake_irqs_off(void);
bool fake_interrupted(void);	/* in the guest: an interrupt wants this CPU */
void *fake_thread(void);	/* handle of the caller, for fake_signal */
void fake_signal(void *thread); /* a signal is pending there until fake_signal_clear */
void fake_signal_clear(void *thread);
/* Called when a thread is about to sleep where a signal wakes it, or a guest to spin: for tests
 * of one thread, which nobody else would wake.  NULL: none. */
extern void (*fake_on_idle)(void);
struct fake_user {
	uint32_t uid;
	bool privileged;
	uint32_t gid; /* one group; ~0: none */
};
void fake_set_user(const struct fake_user *u); /* of this thread; NULL: root */

/* ---- events and jobs ---- */
#define FAKE_EVENTFDS	16u /* descriptors 0 to 15 can be open */
#define FAKE_NO_EVENTFD 16  /* this one is, but can not be signalled */
int fake_eventfd(void);	    /* -1: all are in use */
void fake_eventfd_write(int fd);
uint64_t fake_eventfd_read(int fd); /* how often since the last; 0 also where none is open */
void fake_eventfd_close(int fd);
unsigned int fake_run_work(void); /* what os_work_queue was given; how many */

/* ---- time ---- */
void fake_clock_advance(uint64_t ns); /* runs the timers that come due, as interrupts */
unsigned int fake_timers_armed(void);

/* ---- device nodes ---- */
void fake_node_fail(int error);				 /* os_vm_node_create gives it; 0: works */
extern void (*fake_on_node)(struct vm *vm, bool create); /* called in the middle of either; NULL */

#endif /* FAKE_FAKE_H */
