/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * As much of kqueue(2)'s interface as bhyve/event_kqueue.c uses, so that it is compiled and tested
 * where there is no kqueue: fake_kqueue.c.  The names are the system's, the values our own.
 */
#ifndef FAKE_SYS_EVENT_H
#define FAKE_SYS_EVENT_H

#include <stdint.h>
#include <time.h>

struct kevent {
	uintptr_t ident;
	short filter;
	unsigned short flags;
	unsigned int fflags;
	int64_t data;
	void *udata;
};

#define EVFILT_READ   (-1)
#define EVFILT_WRITE  (-2)
#define EVFILT_SIGNAL (-6)
#define EVFILT_USER   (-11)

#define EV_ADD	  1u
#define EV_DELETE 2u
#define EV_CLEAR  4u
#define EV_EOF	  8u

#define NOTE_TRIGGER 1u

#define EV_SET(kev, a, b, c, d, e, f)            \
	(*(kev) = (struct kevent){ .ident = (a), \
	     .filter = (b),                      \
	     .flags = (c),                       \
	     .fflags = (d),                      \
	     .data = (e),                        \
	     .udata = (f) })

int kqueue(void);
int kevent(int kq, const struct kevent *changes, int nchanges, struct kevent *events, int nevents,
    const struct timespec *timeout);

#endif /* FAKE_SYS_EVENT_H */
