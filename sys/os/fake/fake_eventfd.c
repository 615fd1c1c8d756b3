/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Events and jobs of the fake OS.  Descriptors are small numbers that a test opens, writes, reads
 * and closes as user space does; those who watch are called as the kernel calls them, with
 * interrupts off under one lock, and a signal from there ends in os_panic.  Jobs run when a test
 * says so.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "errno.h"
#include "fake.h"
#include "fake_impl.h"

struct watch {
	struct os_event *e;
	void (*fn)(void *arg);
	void (*gone)(void *arg);
	void *arg;
	struct watch *next;
};

struct os_event {
	unsigned int refs; /* one is the descriptor's */
	uint64_t count;
	struct watch *watches;
};

struct work {
	void (*fn)(void *arg);
	void *arg;
	bool queued;
	struct work *next;
};

_Static_assert(sizeof(struct watch) <= sizeof(struct os_watch), "it fits");
_Static_assert(sizeof(struct work) <= sizeof(struct os_work), "it fits");

static pthread_mutex_t event_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct os_event *events[FAKE_EVENTFDS];
static __thread bool in_watch;

static pthread_mutex_t work_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct work *works;

/* ---- with event_mutex ---- */

static void
event_drop(struct os_event *e)
{
	if (--e->refs != 0)
		return;
	if (e->watches != NULL)
		os_panic("an event goes that somebody watches");
	free(e);
}

static struct os_event *
event_of(int fd)
{
	return fd >= 0 && fd < (int)FAKE_EVENTFDS ? events[fd] : NULL;
}

static void
event_add(struct os_event *e)
{
	unsigned long flags = os_irq_save();

	e->count++;
	in_watch = true;
	for (struct watch *w = e->watches; w != NULL; w = w->next) {
		e->count = 0;
		w->fn(w->arg);
	}
	in_watch = false;
	os_irq_restore(flags);
}

static void
event_hang_up(struct os_event *e)
{
	unsigned long flags = os_irq_save();

	in_watch = true;
	for (struct watch *w = e->watches; w != NULL; w = w->next)
		w->gone(w->arg);
	in_watch = false;
	os_irq_restore(flags);
}

/* ---- what a process does with its descriptors ---- */

int
fake_eventfd(void)
{
	int fd = -1;

	pthread_mutex_lock(&event_mutex);
	for (int i = 0; i < (int)FAKE_EVENTFDS && fd < 0; i++)
		if (events[i] == NULL)
			fd = i;
	if (fd >= 0) {
		events[fd] = calloc(1, sizeof(struct os_event));
		events[fd]->refs = 1;
	}
	pthread_mutex_unlock(&event_mutex);
	return fd;
}

void
fake_eventfd_write(int fd)
{
	pthread_mutex_lock(&event_mutex);
	if (event_of(fd) != NULL)
		event_add(event_of(fd));
	pthread_mutex_unlock(&event_mutex);
}

uint64_t
fake_eventfd_read(int fd)
{
	struct os_event *e;
	uint64_t count = 0;

	pthread_mutex_lock(&event_mutex);
	e = event_of(fd);
	if (e != NULL) {
		count = e->count;
		e->count = 0;
	}
	pthread_mutex_unlock(&event_mutex);
	return count;
}

void
fake_eventfd_close(int fd)
{
	struct os_event *e;

	pthread_mutex_lock(&event_mutex);
	e = event_of(fd);
	if (e != NULL) {
		events[fd] = NULL;
		event_hang_up(e);
		event_drop(e);
	}
	pthread_mutex_unlock(&event_mutex);
}

void
fake_eventfd_reset(void)
{
	for (int fd = 0; fd < (int)FAKE_EVENTFDS; fd++)
		fake_eventfd_close(fd);
	works = NULL;
}

/* ---- os.h: events ---- */

int
os_event_get(int fd, struct os_event **out)
{
	int error = 0;

	fake_may_sleep("os_event_get");
	if (fd == FAKE_NO_EVENTFD)
		return -EINVAL;
	pthread_mutex_lock(&event_mutex);
	*out = event_of(fd);
	if (*out != NULL)
		(*out)->refs++;
	else
		error = -EBADF;
	pthread_mutex_unlock(&event_mutex);
	if (error == 0)
		fake_count(&fake_counts_ref()->events, 1);
	return error;
}

void
os_event_put(struct os_event *e)
{
	fake_may_sleep("os_event_put");
	pthread_mutex_lock(&event_mutex);
	event_drop(e);
	pthread_mutex_unlock(&event_mutex);
	fake_count(&fake_counts_ref()->events, -1);
}

void
os_event_signal(struct os_event *e)
{
	if (in_watch)
		os_panic("an event is signalled by who watches one");
	pthread_mutex_lock(&event_mutex);
	event_add(e);
	pthread_mutex_unlock(&event_mutex);
}

int
os_event_watch(struct os_watch *ow, struct os_event *e, int fd, void (*fn)(void *arg),
    void (*gone)(void *arg), void *arg)
{
	struct watch *w = (struct watch *)(void *)ow;
	int error = 0;

	fake_may_sleep("os_event_watch");
	if (fake_should_fail())
		return -EBADF; /* it was closed by another thread */
	pthread_mutex_lock(&event_mutex);
	if (event_of(fd) != e) {
		error = -EINVAL;
	} else {
		*w = (struct watch){ e, fn, gone, arg, e->watches };
		e->watches = w;
		if (e->count != 0) {
			e->count--;
			event_add(e);
		}
	}
	pthread_mutex_unlock(&event_mutex);
	return error;
}

void
os_event_unwatch(struct os_watch *ow)
{
	struct watch *w = (struct watch *)(void *)ow, **at;

	fake_may_sleep("os_event_unwatch");
	pthread_mutex_lock(&event_mutex);
	for (at = &w->e->watches; *at != w; at = &(*at)->next)
		;
	*at = w->next;
	pthread_mutex_unlock(&event_mutex);
}

/* ---- os.h: jobs ---- */

void
os_work_init(struct os_work *ow, void (*fn)(void *arg), void *arg)
{
	struct work *w = (struct work *)(void *)ow;

	*w = (struct work){ .fn = fn, .arg = arg };
}

bool
os_work_queue(struct os_work *ow)
{
	struct work *w = (struct work *)(void *)ow;
	bool queue;

	pthread_mutex_lock(&work_mutex);
	queue = !w->queued;
	if (queue) {
		w->queued = true;
		w->next = works;
		works = w;
	}
	pthread_mutex_unlock(&work_mutex);
	return queue;
}

unsigned int
fake_run_work(void)
{
	unsigned int n = 0;
	struct work *w, job;

	for (;; n++) {
		pthread_mutex_lock(&work_mutex);
		w = works;
		if (w != NULL) {
			works = w->next;
			w->queued = false;
			job = *w;
		}
		pthread_mutex_unlock(&work_mutex);
		if (w == NULL)
			return n;
		job.fn(job.arg);
	}
}
