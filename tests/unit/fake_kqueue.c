/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * kqueue(2) over epoll, as much of it as bhyve/event_kqueue.c uses: what can be tested of that file
 * on Linux.  A filter is a descriptor of its own in the epoll: a copy of the one that is waited
 * for, an eventfd or a signalfd.  One queue a process.
 */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/event.h>

#define MAX_NOTES 32

static struct note {
	int fd; /* in the epoll; 0: not used */
	struct kevent ev;
} notes[MAX_NOTES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int
kqueue(void)
{
	for (size_t i = 0; i < MAX_NOTES; i++) {
		if (notes[i].fd != 0)
			close(notes[i].fd);
	}
	memset(notes, 0, sizeof(notes));
	return epoll_create1(EPOLL_CLOEXEC);
}

static struct note *
find(const struct kevent *ev)
{
	for (size_t i = 0; i < MAX_NOTES; i++) {
		if (notes[i].fd != 0 && notes[i].ev.ident == ev->ident &&
		    notes[i].ev.filter == ev->filter)
			return &notes[i];
	}
	errno = ENOENT;
	return NULL;
}

static int
make_fd(const struct kevent *ev)
{
	sigset_t set;

	switch (ev->filter) {
	case EVFILT_USER:
		return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	case EVFILT_SIGNAL:
		sigemptyset(&set);
		sigaddset(&set, (int)ev->ident);
		return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	default:
		return dup((int)ev->ident);
	}
}

static int
add(int kq, const struct kevent *ev)
{
	struct note *n = find(ev);
	struct epoll_event e = { .events = ev->filter == EVFILT_WRITE ? EPOLLOUT : EPOLLIN };
	int saved;

	if (n != NULL)
		return 0;
	for (n = notes; n < notes + MAX_NOTES && n->fd != 0; n++)
		;
	if (n == notes + MAX_NOTES)
		abort();
	n->fd = make_fd(ev);
	n->ev = *ev;
	e.data.ptr = n;
	if (n->fd > 0 && epoll_ctl(kq, EPOLL_CTL_ADD, n->fd, &e) == 0)
		return 0;
	saved = errno;
	if (n->fd > 0)
		close(n->fd);
	n->fd = 0;
	errno = saved;
	return -1;
}

static int
change(int kq, const struct kevent *ev)
{
	const uint64_t one = 1;
	struct note *n = find(ev);

	if ((ev->flags & EV_ADD) != 0)
		return add(kq, ev);
	if (n == NULL)
		return -1;
	if ((ev->flags & EV_DELETE) != 0) {
		epoll_ctl(kq, EPOLL_CTL_DEL, n->fd, NULL);
		close(n->fd);
		n->fd = 0;
	}
	if ((ev->fflags & NOTE_TRIGGER) != 0)
		return write(n->fd, &one, sizeof(one)) == (ssize_t)sizeof(one) ? 0 : -1;
	return 0;
}

/* What it has found; one that was cleared meanwhile has found nothing. */
static int
found(struct note *n, uint32_t bits, struct kevent *out)
{
	struct signalfd_siginfo info;

	if (n->fd == 0)
		return 0;
	if ((n->ev.flags & EV_CLEAR) != 0 && read(n->fd, &info, sizeof(info)) <= 0)
		return 0;
	*out = n->ev;
	if ((bits & (EPOLLHUP | EPOLLERR)) != 0)
		out->flags |= EV_EOF;
	return 1;
}

int
kevent(int kq, const struct kevent *changes, int nchanges, struct kevent *events, int nevents,
    const struct timespec *timeout)
{
	struct epoll_event e[MAX_NOTES];
	struct pollfd p = { .fd = kq, .events = POLLIN };
	int n, out = 0, error = 0;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < nchanges && error == 0; i++)
		error = change(kq, &changes[i]);
	pthread_mutex_unlock(&lock);
	if (error != 0 || nevents == 0)
		return error;
	if (ppoll(&p, 1, timeout, NULL) < 0)
		return -1;
	pthread_mutex_lock(&lock);
	n = epoll_wait(kq, e, nevents < MAX_NOTES ? nevents : MAX_NOTES, 0);
	for (int i = 0; i < n; i++)
		out += found(e[i].data.ptr, e[i].events, &events[out]);
	pthread_mutex_unlock(&lock);
	return out;
}
