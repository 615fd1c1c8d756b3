/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * FreeBSD's half of the event loop: kqueue.  What it has no filter for in FreeBSD 12, urgent data
 * and a hangup that alone is waited for, is poll(2)'s: the kqueue is then one descriptor of several
 * that are polled.  Timers are deadlines, of which the wait's end is the first: so one that is
 * armed again, or taken back, costs no system call, and what was found cannot be out of date.
 */
#include <sys/types.h>
#include <sys/event.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "event_impl.h"

#define EVENTS_AT_ONCE 16
#define WAKE_IDENT     0
#define NEVER	       UINT64_MAX

struct event_os {
	int kq;
	struct pollfd *polled;	  /* the kqueue and room for every fd; the loop's thread */
	struct ev_source **whose; /* of polled[1] and so on */
	size_t room;
	pthread_mutex_t lock; /* the sources' deadlines, and the next */
	uint64_t until;	      /* when the wait ends by itself; 0: the loop is awake */
};

/* ---- descriptors ---- */

static int
change(struct event_os *os, uintptr_t ident, short filter, unsigned short flags, void *udata)
{
	struct kevent ev;

	EV_SET(&ev, ident, filter, flags, 0, 0, udata);
	return kevent(os->kq, &ev, 1, NULL, 0, NULL);
}

/* For one more of the loop's descriptors. */
static int
make_room(struct event_os *os, const struct ev_source *sources)
{
	size_t n = 2; /* the kqueue and the one that comes */
	struct ev_source **whose;
	struct pollfd *polled;

	for (const struct ev_source *s = sources; s != NULL; s = s->next)
		n += s->kind == SOURCE_FD;
	if (n <= os->room)
		return 0;
	polled = reallocarray(os->polled, n, sizeof(struct pollfd));
	if (polled == NULL)
		return -1;
	os->polled = polled;
	whose = reallocarray(os->whose, n, sizeof(struct ev_source *));
	if (whose == NULL)
		return -1;
	os->whose = whose;
	os->room = n;
	return 0;
}

struct event_os *
event_os_create(void)
{
	struct event_os *os = calloc(1, sizeof(*os));

	if (os == NULL)
		return NULL;
	pthread_mutex_init(&os->lock, NULL);
	os->kq = kqueue();
	if (os->kq < 0 || make_room(os, NULL) != 0 || fcntl(os->kq, F_SETFD, FD_CLOEXEC) != 0 ||
	    change(os, WAKE_IDENT, EVFILT_USER, EV_ADD | EV_CLEAR, NULL) != 0) {
		event_os_destroy(os);
		return NULL;
	}
	return os;
}

void
event_os_destroy(struct event_os *os)
{
	int saved = errno;

	if (os->kq >= 0)
		close(os->kq);
	pthread_mutex_destroy(&os->lock);
	free(os->polled);
	free(os->whose);
	free(os);
	errno = saved;
}

void
event_os_wake(struct event_os *os)
{
	struct kevent ev;

	EV_SET(&ev, WAKE_IDENT, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
	kevent(os->kq, &ev, 1, NULL, 0, NULL);
}

static const struct {
	unsigned int ev;
	short filter;
} filters[] = {
	{ EVENT_READ, EVFILT_READ },
	{ EVENT_WRITE, EVFILT_WRITE },
};
#define FILTERS (sizeof(filters) / sizeof(filters[0]))

/* The filters of `events' come or go; those that are not there go in silence.  -1 with errno. */
static int
set_filters(struct ev_source *s, unsigned int events, bool on)
{
	for (size_t i = 0; i < FILTERS; i++) {
		if ((events & filters[i].ev) != 0 &&
		    change(s->loop->os, (uintptr_t)s->fd, filters[i].filter,
			on ? EV_ADD : EV_DELETE, s) != 0 &&
		    on)
			return -1;
	}
	return 0;
}

/* Is it poll's? */
static bool
wants_poll(unsigned int want)
{
	return (want & EVENT_URGENT) != 0 || (want & (EVENT_READ | EVENT_WRITE)) == 0;
}

/* Files that a kqueue takes at no other place than their end, and devices that it does not take. */
static bool
never_blocks(int fd, int error)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return false;
	if (error == 0)
		return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode);
	return S_ISCHR(st.st_mode) &&
	    (error == ENODEV || error == EINVAL || error == EOPNOTSUPP || error == EPERM);
}

int
event_os_add(struct ev_source *s)
{
	if (make_room(s->loop->os, s->loop->sources) != 0)
		return -1;
	if (!never_blocks(s->fd, 0)) {
		if (set_filters(s, s->want, true) == 0)
			return 0;
		if (!never_blocks(s->fd, errno))
			return -1;
	}
	s->kind = SOURCE_ALWAYS;
	return 0;
}

void
event_os_enable(struct ev_source *s, bool on)
{
	set_filters(s, s->want, on);
	if (wants_poll(s->want))
		event_os_wake(s->loop->os);
}

void
event_os_want(struct ev_source *s, unsigned int was)
{
	set_filters(s, was & ~s->want, false);
	set_filters(s, s->want & ~was, true);
}

void
event_os_remove(struct ev_source *s)
{
	if (s->kind == SOURCE_FD)
		set_filters(s, s->want, false);
	else if (s->kind == SOURCE_SIGNAL)
		change(s->loop->os, (uintptr_t)s->fd, EVFILT_SIGNAL, EV_DELETE, s);
}

/* ---- timers ---- */

struct ev_source *
ev_timer_add(struct ev_loop *loop, ev_fn *fn, void *arg)
{
	struct ev_source *s = event_source_new(loop, SOURCE_TIMER, -1, fn, arg);

	if (s != NULL)
		event_source_link(s);
	return s;
}

void
ev_timer_arm(struct ev_source *s, uint64_t ns)
{
	struct event_os *os = s->loop->os;
	uint64_t deadline = ev_now_ns() + (ns < EVENT_TIMER_MAX_NS ? ns : EVENT_TIMER_MAX_NS);
	bool sooner;

	pthread_mutex_lock(&os->lock);
	s->deadline = deadline;
	sooner = deadline < os->until;
	pthread_mutex_unlock(&os->lock);
	if (sooner)
		event_os_wake(os);
}

void
ev_timer_cancel(struct ev_source *s)
{
	struct event_os *os = s->loop->os;

	pthread_mutex_lock(&os->lock);
	s->deadline = 0;
	pthread_mutex_unlock(&os->lock);
}

static bool
timer_due(struct ev_source *s)
{
	struct event_os *os = s->loop->os;
	bool due;

	pthread_mutex_lock(&os->lock);
	due = s->deadline != 0 && s->deadline <= ev_now_ns();
	if (due)
		s->deadline = 0;
	pthread_mutex_unlock(&os->lock);
	return due;
}

/* From here on who arms a timer for earlier wakes the loop. */
static uint64_t
fall_asleep(struct ev_loop *loop, bool wait)
{
	struct event_os *os = loop->os;
	uint64_t until = wait ? NEVER : 0;

	pthread_mutex_lock(&os->lock);
	for (const struct ev_source *s = loop->sources; s != NULL && wait; s = s->next) {
		if (s->kind == SOURCE_TIMER && s->deadline != 0 && s->deadline < until)
			until = s->deadline;
	}
	os->until = until;
	pthread_mutex_unlock(&os->lock);
	return until;
}

static void
wake_up(struct event_os *os)
{
	pthread_mutex_lock(&os->lock);
	os->until = 0;
	pthread_mutex_unlock(&os->lock);
}

/* ---- signals ---- */

struct ev_source *
ev_signal_add(struct ev_loop *loop, int signo, ev_fn *fn, void *arg)
{
	struct ev_source *s = event_source_new(loop, SOURCE_SIGNAL, signo, fn, arg);
	sigset_t set;

	if (s == NULL)
		return NULL;
	if (change(loop->os, (uintptr_t)signo, EVFILT_SIGNAL, EV_ADD | EV_CLEAR, s) != 0) {
		free(s);
		return NULL;
	}
	event_source_link(s);
	/* kqueue tells of those that come from now on only. */
	if (sigpending(&set) == 0 && sigismember(&set, signo)) {
		s->found = EVENT_READ;
		event_os_wake(loop->os);
	}
	return s;
}

/* kqueue tells of it and leaves it pending. */
static void
consume_signal(const struct ev_source *s)
{
	const struct timespec now = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, s->fd);
	while (sigtimedwait(&set, NULL, &now) == s->fd)
		;
}

/* ---- the wait ---- */

static const struct {
	unsigned int ev;
	short poll;
} poll_bits[] = {
	{ EVENT_URGENT, POLLPRI },
	{ EVENT_HANGUP, POLLHUP },
	{ EVENT_ERROR, POLLERR },
};
#define POLL_BITS (sizeof(poll_bits) / sizeof(poll_bits[0]))

static unsigned int
from_poll(short revents)
{
	unsigned int events = 0;

	for (size_t i = 0; i < POLL_BITS; i++)
		events |= (revents & poll_bits[i].poll) != 0 ? poll_bits[i].ev : 0;
	return events;
}

/* One direction has ended: has the other, and why? */
static unsigned int
how_it_ended(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) > 0 ? from_poll(p.revents) : 0;
}

static bool
is_polled(const struct ev_source *s)
{
	return s->kind == SOURCE_FD && event_source_enabled(s) && wants_poll(s->want);
}

/* How many descriptors there are to poll beside the kqueue. */
static nfds_t
list_polled(struct ev_loop *loop)
{
	struct event_os *os = loop->os;
	nfds_t n = 0;

	os->polled[0] = (struct pollfd){ .fd = os->kq, .events = POLLIN };
	for (struct ev_source *s = loop->sources; s != NULL; s = s->next) {
		short events = (s->want & EVENT_URGENT) != 0 ? POLLPRI : 0;

		if (!is_polled(s))
			continue;
		n++;
		os->polled[n] = (struct pollfd){ .fd = s->fd, .events = events };
		os->whose[n] = s;
	}
	return n;
}

static void
note_polled(struct event_os *os, nfds_t n)
{
	for (nfds_t i = 1; i <= n; i++)
		os->whose[i]->found |= from_poll(os->polled[i].revents);
}

static void
note_event(const struct kevent *ev)
{
	struct ev_source *s = ev->udata;

	if (s == NULL)
		return; /* to wake was all it had to do */
	for (size_t i = 0; i < FILTERS; i++) {
		if (ev->filter == filters[i].filter)
			s->found |= filters[i].ev;
	}
	if (ev->filter == EVFILT_SIGNAL)
		s->found |= EVENT_READ;
	else if ((ev->flags & EV_EOF) != 0)
		s->found |= how_it_ended(s->fd) | (ev->fflags != 0 ? EVENT_ERROR : 0);
}

/* Each is called once, whatever it was found by. */
static void
call_found(struct ev_loop *loop)
{
	for (struct ev_source *s = loop->sources; s != NULL; s = s->next) {
		unsigned int found = s->found;

		s->found = 0;
		if (s->kind == SOURCE_TIMER && timer_due(s)) {
			event_source_call(s, EVENT_READ);
		} else if (s->kind == SOURCE_SIGNAL && found != 0) {
			consume_signal(s);
			event_source_call(s, found);
		} else if (s->kind == SOURCE_FD && found != 0 && event_source_enabled(s)) {
			event_source_call(s, found);
		}
	}
}

void
event_os_wait(struct ev_loop *loop, bool wait)
{
	struct event_os *os = loop->os;
	struct kevent events[EVENTS_AT_ONCE];
	const struct timespec zero = { 0 };
	struct timespec left = { 0 };
	nfds_t polled = list_polled(loop);
	uint64_t until = fall_asleep(loop, wait), now = ev_now_ns();
	const struct timespec *timeout = until == NEVER ? NULL : &left;
	int n;

	if (until > now) {
		left.tv_sec = (time_t)((until - now) / EVENT_NS_PER_S);
		left.tv_nsec = (long)((until - now) % EVENT_NS_PER_S);
	}
	if (polled != 0) {
		if (ppoll(os->polled, polled + 1, timeout, NULL) > 0)
			note_polled(os, polled);
		timeout = &zero;
	}
	n = kevent(os->kq, NULL, 0, events, EVENTS_AT_ONCE, timeout);
	wake_up(os);
	for (int i = 0; i < n; i++)
		note_event(&events[i]);
	call_found(loop);
}
