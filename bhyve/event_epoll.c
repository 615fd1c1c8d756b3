/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The event loop over epoll, timerfd and signalfd.  The list of sources belongs to the loop's
 * thread; "enabled" and "stop" are atomic, and an eventfd wakes the loop when they change.
 */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "event.h"

#define EVENTS_AT_ONCE 16
#define NS_PER_S       1000000000ull
#define TIMER_MAX_S    (1u << 30)

enum source_kind {
	SOURCE_FD,
	SOURCE_ALWAYS,
	SOURCE_TIMER,
	SOURCE_SIGNAL,
	SOURCE_PREPARE,
	SOURCE_DEAD,
};

struct ev_source {
	struct ev_loop *loop;
	struct ev_source *next;
	enum source_kind kind;
	int fd;
	ev_fn *fn;
	void *arg;
	bool enabled;	    /* atomic */
	unsigned int want;  /* EV_*, and the next: the loop's thread */
	unsigned int ready; /* while fn is called */
};

struct ev_loop {
	int epoll;
	int wake;  /* eventfd */
	bool stop; /* atomic */
	bool have_dead;
	struct ev_source *sources;
};

uint64_t
ev_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

int64_t
ev_wall_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}

struct ev_loop *
ev_loop_create(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct ev_loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return NULL;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->epoll < 0 || loop->wake < 0 ||
	    epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &ev) != 0) {
		ev_loop_destroy(loop);
		return NULL;
	}
	return loop;
}

static void
source_free(struct ev_source *s)
{
	if (s->kind == SOURCE_TIMER || s->kind == SOURCE_SIGNAL)
		close(s->fd);
	free(s);
}

void
ev_loop_destroy(struct ev_loop *loop)
{
	struct ev_source *s;

	while ((s = loop->sources) != NULL) {
		loop->sources = s->next;
		source_free(s);
	}
	if (loop->epoll >= 0)
		close(loop->epoll);
	if (loop->wake >= 0)
		close(loop->wake);
	free(loop);
}

static void
wake(struct ev_loop *loop)
{
	const uint64_t one = 1;

	/* Fails only when the counter is full: then the loop wakes anyway. */
	if (write(loop->wake, &one, sizeof(one)) < 0)
		return;
}

void
ev_loop_stop(struct ev_loop *loop)
{
	__atomic_store_n(&loop->stop, true, __ATOMIC_RELEASE);
	wake(loop);
}

static const struct {
	unsigned int ev;
	uint32_t epoll;
} event_bits[] = {
	{ EV_READ, EPOLLIN },
	{ EV_WRITE, EPOLLOUT },
	{ EV_URGENT, EPOLLPRI },
	{ EV_HANGUP, EPOLLHUP },
	{ EV_ERROR, EPOLLERR },
};
#define EVENT_BITS (sizeof(event_bits) / sizeof(event_bits[0]))

static uint32_t
to_epoll(unsigned int events)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < EVENT_BITS; i++)
		bits |= (events & event_bits[i].ev) != 0 ? event_bits[i].epoll : 0;
	return bits;
}

static unsigned int
from_epoll(uint32_t bits)
{
	unsigned int events = 0;

	for (size_t i = 0; i < EVENT_BITS; i++)
		events |= (bits & event_bits[i].epoll) != 0 ? event_bits[i].ev : 0;
	return events;
}

static struct ev_source *
source_new(struct ev_loop *loop, enum source_kind kind, int fd, ev_fn *fn, void *arg)
{
	struct ev_source *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	*s = (struct ev_source){
		.loop = loop,
		.kind = kind,
		.fd = fd,
		.fn = fn,
		.arg = arg,
		.enabled = true,
		.want = EV_READ,
	};
	return s;
}

static struct ev_source *
source_add(struct ev_loop *loop, enum source_kind kind, int fd, ev_fn *fn, void *arg)
{
	struct ev_source *s = source_new(loop, kind, fd, fn, arg);
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = s };

	if (s == NULL)
		return NULL;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &ev) != 0) {
		/* EPERM: the file has no poll; it never blocks. */
		if (errno != EPERM || kind != SOURCE_FD) {
			free(s);
			return NULL;
		}
		s->kind = SOURCE_ALWAYS;
	}
	s->next = loop->sources;
	loop->sources = s;
	return s;
}

struct ev_source *
ev_fd_add(struct ev_loop *loop, int fd, ev_fn *fn, void *arg)
{
	return source_add(loop, SOURCE_FD, fd, fn, arg);
}

void
ev_fd_enable(struct ev_source *s, bool on)
{
	struct epoll_event ev = { .events = on ? to_epoll(s->want) : 0, .data.ptr = s };

	if (__atomic_exchange_n(&s->enabled, on, __ATOMIC_ACQ_REL) == on)
		return;
	if (s->kind == SOURCE_ALWAYS)
		wake(s->loop);
	else if (on)
		epoll_ctl(s->loop->epoll, EPOLL_CTL_ADD, s->fd, &ev);
	else
		epoll_ctl(s->loop->epoll, EPOLL_CTL_DEL, s->fd, NULL);
}

void
ev_fd_want(struct ev_source *s, unsigned int events)
{
	struct epoll_event ev = { .events = to_epoll(events), .data.ptr = s };

	s->want = events;
	if (s->kind == SOURCE_FD && __atomic_load_n(&s->enabled, __ATOMIC_ACQUIRE))
		epoll_ctl(s->loop->epoll, EPOLL_CTL_MOD, s->fd, &ev);
}

unsigned int
ev_fd_ready(const struct ev_source *s)
{
	return s->ready;
}

struct ev_source *
ev_prepare_add(struct ev_loop *loop, ev_fn *fn, void *arg)
{
	struct ev_source *s = source_new(loop, SOURCE_PREPARE, -1, fn, arg);

	if (s == NULL)
		return NULL;
	s->next = loop->sources;
	loop->sources = s;
	return s;
}

struct ev_source *
ev_timer_add(struct ev_loop *loop, ev_fn *fn, void *arg)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	struct ev_source *s;

	if (fd < 0)
		return NULL;
	s = source_add(loop, SOURCE_TIMER, fd, fn, arg);
	if (s == NULL)
		close(fd);
	return s;
}

void
ev_timer_arm(struct ev_source *s, uint64_t ns)
{
	struct itimerspec its = { 0 };

	if (ns == 0)
		ns = 1; /* zero would disarm */
	if (ns > TIMER_MAX_S * NS_PER_S)
		ns = TIMER_MAX_S * NS_PER_S;
	its.it_value.tv_sec = (time_t)(ns / NS_PER_S);
	its.it_value.tv_nsec = (long)(ns % NS_PER_S);
	timerfd_settime(s->fd, 0, &its, NULL);
}

void
ev_timer_cancel(struct ev_source *s)
{
	const struct itimerspec its = { 0 };

	timerfd_settime(s->fd, 0, &its, NULL);
}

struct ev_source *
ev_signal_add(struct ev_loop *loop, int signo, ev_fn *fn, void *arg)
{
	struct ev_source *s;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, signo);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return NULL;
	s = source_add(loop, SOURCE_SIGNAL, fd, fn, arg);
	if (s == NULL)
		close(fd);
	return s;
}

void
ev_remove(struct ev_source *s)
{
	if (s->kind != SOURCE_ALWAYS && s->kind != SOURCE_PREPARE)
		epoll_ctl(s->loop->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	if (s->kind == SOURCE_TIMER || s->kind == SOURCE_SIGNAL)
		close(s->fd);
	/* The batch of events at hand may still name it. */
	s->kind = SOURCE_DEAD;
	s->loop->have_dead = true;
}

static void
bury(struct ev_loop *loop)
{
	struct ev_source *s, **link = &loop->sources;

	loop->have_dead = false;
	while ((s = *link) != NULL) {
		if (s->kind == SOURCE_DEAD) {
			*link = s->next;
			free(s);
		} else {
			link = &s->next;
		}
	}
}

/* Consume what made a timer or signal readable; false: it was taken back meanwhile. */
static bool
consume(struct ev_source *s)
{
	struct signalfd_siginfo info;
	uint64_t count;

	if (s->kind == SOURCE_TIMER)
		return read(s->fd, &count, sizeof(count)) == sizeof(count);
	if (s->kind == SOURCE_SIGNAL)
		return read(s->fd, &info, sizeof(info)) == sizeof(info);
	return s->kind == SOURCE_FD && __atomic_load_n(&s->enabled, __ATOMIC_ACQUIRE);
}

static bool
always_ready(const struct ev_source *s)
{
	return s->kind == SOURCE_ALWAYS && __atomic_load_n(&s->enabled, __ATOMIC_ACQUIRE);
}

/* Runs those that never block; true if there are any, so that the loop does not sleep. */
static bool
run_always(struct ev_loop *loop)
{
	bool any = false;

	for (struct ev_source *s = loop->sources; s != NULL; s = s->next) {
		if (always_ready(s)) {
			s->ready = s->want;
			s->fn(s->arg);
		}
		any |= always_ready(s);
	}
	return any;
}

static void
run_prepare(struct ev_loop *loop)
{
	for (struct ev_source *s = loop->sources; s != NULL; s = s->next) {
		if (s->kind == SOURCE_PREPARE)
			s->fn(s->arg);
	}
}

void
ev_loop_run(struct ev_loop *loop)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	uint64_t count;
	int n;

	while (!__atomic_load_n(&loop->stop, __ATOMIC_ACQUIRE)) {
		run_prepare(loop);
		n = epoll_wait(loop->epoll, events, EVENTS_AT_ONCE, run_always(loop) ? 0 : -1);
		for (int i = 0; i < n; i++) {
			struct ev_source *s = events[i].data.ptr;

			if (s == NULL) {
				if (read(loop->wake, &count, sizeof(count)) < 0)
					continue;
			} else if (consume(s)) {
				s->ready = from_epoll(events[i].events);
				s->fn(s->arg);
			}
		}
		if (loop->have_dead)
			bury(loop);
	}
}
