/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The event loop's two halves: event.c keeps the sources and calls them, event_epoll.c or
 * event_kqueue.c waits.  The list of sources belongs to the loop's thread; "enabled" and "stop" are
 * atomic, and the OS's half wakes the loop when they change.
 */
#ifndef BHYVE_EVENT_IMPL_H
#define BHYVE_EVENT_IMPL_H

#include <pthread.h>

#include "event.h"

#define EVENT_NS_PER_S	   1000000000ull
#define EVENT_TIMER_MAX_NS ((1ull << 30) * EVENT_NS_PER_S)

enum source_kind {
	SOURCE_FD,
	SOURCE_ALWAYS, /* an fd that never blocks */
	SOURCE_TIMER,
	SOURCE_SIGNAL,
	SOURCE_PREPARE,
	SOURCE_DEAD,
};

struct ev_source {
	struct ev_loop *loop;
	struct ev_source *next;
	enum source_kind kind;
	int fd;		   /* of a timer and a signal: the OS's half's */
	uint64_t deadline; /* event_kqueue.c's */
	ev_fn *fn;
	void *arg;
	bool enabled;	    /* atomic; changed with the loop's lock */
	unsigned int want;  /* EVENT_*, and the next two: the loop's thread */
	unsigned int found; /* event_kqueue.c's */
	unsigned int ready; /* while fn is called */
};

struct event_os;

struct ev_loop {
	struct event_os *os;
	pthread_mutex_t lock; /* "enabled" and what the OS's half makes of it change together */
	bool stop;	      /* atomic */
	bool have_dead;
	struct ev_source *sources;
};

/* ---- event.c ---- */

/* Is not in the loop's list yet; NULL with errno. */
struct ev_source *event_source_new(
    struct ev_loop *loop, enum source_kind kind, int fd, ev_fn *fn, void *arg);
void event_source_link(struct ev_source *s);
void event_source_call(struct ev_source *s, unsigned int ready);
bool event_source_enabled(const struct ev_source *s);

/* ---- event_epoll.c, event_kqueue.c ---- */

struct event_os *event_os_create(void); /* NULL with errno */
void event_os_destroy(struct event_os *os);
void event_os_wake(struct event_os *os); /* any thread; the next wait ends at once */
/*
 * A SOURCE_FD is to be waited for; it becomes a SOURCE_ALWAYS where it never blocks.  -1 with
 * errno.
 */
int event_os_add(struct ev_source *s);
/* Goes on, or no longer, to be waited for.  Any thread. */
void event_os_enable(struct ev_source *s, bool on);
/* One that is waited for has been wanted for `was', and is for s->want now. */
void event_os_want(struct ev_source *s, unsigned int was);
/* It is removed: it is not waited for any more, and what is the OS's half's is freed. */
void event_os_remove(struct ev_source *s);
/* Waits, unless `wait' is false, and calls those that are ready. */
void event_os_wait(struct ev_loop *loop, bool wait);

#endif /* BHYVE_EVENT_IMPL_H */
