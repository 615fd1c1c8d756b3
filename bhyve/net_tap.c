/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A tap as it runs, on any system (net_tap.h).
 */
#include <sys/uio.h>

#include <errno.h>
#include <unistd.h>

#include "net_tap.h"

void
net_tap_send(struct netbe *be, const struct iovec *iov, int niov)
{
	struct net_tap *t = be->sc;

	/* A frame that the kernel does not take is lost. */
	if (writev(t->fd, iov, niov) < 0)
		return;
}

uint32_t
net_tap_read(struct netbe *be, uint8_t *buf, uint32_t size)
{
	struct net_tap *t = be->sc;
	ssize_t n;

	do {
		n = read(t->fd, buf, size);
	} while (n < 0 && errno == EINTR);
	return n > 0 ? (uint32_t)n : 0;
}

static void
readable(void *arg)
{
	netbe_frames_wait(arg);
}

void
net_tap_pause(struct netbe *be, bool pause)
{
	struct net_tap *t = be->sc;

	ev_fd_enable(t->source, !pause);
}

int
net_tap_start(struct netbe *be)
{
	struct net_tap *t = be->sc;

	t->source = ev_fd_add(be->loop, t->fd, readable, be);
	if (t->source == NULL)
		return -1;
	ev_fd_enable(t->source, false);
	return 0;
}

void
net_tap_stop(struct netbe *be)
{
	struct net_tap *t = be->sc;

	ev_remove(t->source);
}
