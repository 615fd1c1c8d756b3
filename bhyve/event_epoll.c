/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Linux's half of the event loop: epoll, timerfd and signalfd, and an eventfd that wakes.
 */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "event_impl.h"

#define EVENTS_AT_ONCE 16

struct event_os {
	int epoll;
	int wake; /* eventfd */
};

struct event_os *
event_os_create(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct event_os *os = calloc(1, sizeof(*os));

	if (os == NULL)
		return NULL;
	os->epoll = epoll_create1(EPOLL_CLOEXEC);
	os->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (os->epoll < 0 || os->wake < 0 ||
	    epoll_ctl(os->epoll, EPOLL_CTL_ADD, os->wake, &ev) != 0) {
		event_os_destroy(os);
		return NULL;
	}
	return os;
}

void
event_os_destroy(struct event_os *os)
{
	int saved = errno;

	if (os->epoll >= 0)
		close(os->epoll);
	if (os->wake >= 0)
		close(os->wake);
	free(os);
	errno = saved;
}

void
event_os_wake(struct event_os *os)
{
	const uint64_t one = 1;

	/* Fails only when the counter is full: then the loop wakes anyway. */
	if (write(os->wake, &one, sizeof(one)) < 0)
		return;
}

static const struct {
	unsigned int ev;
	uint32_t epoll;
} event_bits[] = {
	{ EVENT_READ, EPOLLIN },
	{ EVENT_WRITE, EPOLLOUT },
	{ EVENT_URGENT, EPOLLPRI },
	{ EVENT_HANGUP, EPOLLHUP },
	{ EVENT_ERROR, EPOLLERR },
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

/* op: EPOLL_CTL_*. */
static int
control(struct ev_source *s, int op)
{
	struct epoll_event ev = { .events = to_epoll(s->want), .data.ptr = s };

	return epoll_ctl(s->loop->os->epoll, op, s->fd, &ev);
}

int
event_os_add(struct ev_source *s)
{
	if (control(s, EPOLL_CTL_ADD) == 0)
		return 0;
	/* EPERM: the file has no poll; it never blocks. */
	if (errno != EPERM)
		return -1;
	s->kind = SOURCE_ALWAYS;
	return 0;
}

void
event_os_enable(struct ev_source *s, bool on)
{
	control(s, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL);
}

void
event_os_want(struct ev_source *s, unsigned int was)
{
	(void)was;
	control(s, EPOLL_CTL_MOD);
}

void
event_os_remove(struct ev_source *s)
{
	if (s->kind != SOURCE_ALWAYS && s->kind != SOURCE_PREPARE)
		control(s, EPOLL_CTL_DEL);
	if (s->kind == SOURCE_TIMER || s->kind == SOURCE_SIGNAL)
		close(s->fd);
}

/* The fd, which is the source's from here on, or closed. */
static struct ev_source *
own_fd_add(struct ev_loop *loop, enum source_kind kind, int fd, ev_fn *fn, void *arg)
{
	struct ev_source *s;

	if (fd < 0)
		return NULL;
	s = event_source_new(loop, kind, fd, fn, arg);
	if (s == NULL || control(s, EPOLL_CTL_ADD) != 0) {
		free(s);
		close(fd);
		return NULL;
	}
	event_source_link(s);
	return s;
}

struct ev_source *
ev_timer_add(struct ev_loop *loop, ev_fn *fn, void *arg)
{
	return own_fd_add(loop, SOURCE_TIMER,
	    timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), fn, arg);
}

void
ev_timer_arm(struct ev_source *s, uint64_t ns)
{
	struct itimerspec its = { 0 };

	if (ns == 0)
		ns = 1; /* zero would disarm */
	if (ns > EVENT_TIMER_MAX_NS)
		ns = EVENT_TIMER_MAX_NS;
	its.it_value.tv_sec = (time_t)(ns / EVENT_NS_PER_S);
	its.it_value.tv_nsec = (long)(ns % EVENT_NS_PER_S);
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
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	return own_fd_add(
	    loop, SOURCE_SIGNAL, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), fn, arg);
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
	return s->kind == SOURCE_FD && event_source_enabled(s);
}

void
event_os_wait(struct ev_loop *loop, bool wait)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	uint64_t count;
	int n;

	n = epoll_wait(loop->os->epoll, events, EVENTS_AT_ONCE, wait ? -1 : 0);
	for (int i = 0; i < n; i++) {
		struct ev_source *s = events[i].data.ptr;

		if (s == NULL) {
			if (read(loop->os->wake, &count, sizeof(count)) < 0)
				continue;
		} else if (consume(s)) {
			event_source_call(s, from_epoll(events[i].events));
		}
	}
}
