/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A wire between two VMs: backend=unix:PATH,peer=PATH.  Each end binds a datagram socket to a path
 * of its own, and sends to the other's; one datagram is one Ethernet frame.  Ends come and go: what
 * is sent to a peer that is not there is lost, and the next frame tries again.
 *
 * We send from a second socket, without a name, that is connected to the peer: so it is known when
 * the peer, whose queue is short, has room again; and the socket with the name takes frames from
 * whichever socket the peer has just made.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "debug.h"
#include "net_impl.h"
#include "outside.h"

#define BACKLOG_BYTES (256u << 10) /* of frames that the peer has no room for yet */

struct net_socket {
	struct sockaddr_un own;
	int file;    /* of the own socket: outside.h; -1 */
	int peer_no; /* the other end's */
	int in, out; /* out: -1 while there is no peer */
	struct ev_source *in_source, *out_source;
	struct frame_ring *backlog;
	uint8_t *frame; /* NETBE_MAX_FRAME bytes, for the backlog's first */
};

const char *
netbe_check_path(const char *val)
{
	if (val[0] == '\0')
		return "has no path; say unix:/run/vm1.net";
	if (strlen(val) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return "is a longer path than a socket's, 107 characters";
	return NULL;
}

static void
set_address(struct sockaddr_un *addr, const char *path)
{
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	strncpy(addr->sun_path, path, sizeof(addr->sun_path) - 1);
}

/* A socket that a dead bhyve left is replaced; anything else at the path is not. */
static void
remove_stale(const struct sockaddr_un *addr)
{
	struct stat st;
	int probe;

	if (lstat(addr->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return;
	probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (probe < 0)
		return;
	if (connect(probe, (const struct sockaddr *)addr, sizeof(*addr)) != 0 &&
	    errno == ECONNREFUSED)
		unlink(addr->sun_path);
	close(probe);
}

static void
socket_close(struct netbe *be)
{
	struct net_socket *s = be->sc;

	if (s->in >= 0)
		close(s->in);
	if (s->out >= 0)
		close(s->out);
	if (s->file >= 0)
		outside_remove(s->file);
	frame_ring_destroy(s->backlog);
	free(s->frame);
	free(s);
}

static int
socket_bind(struct net_socket *s, const struct dev_conf *conf, const char *peer)
{
	remove_stale(&s->own);
	s->in = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->in >= 0 && bind(s->in, (struct sockaddr *)&s->own, sizeof(s->own)) == 0 &&
	    (s->file = outside_add_file(s->own.sun_path)) >= 0 &&
	    (s->peer_no = outside_add_peer(peer)) >= 0)
		return 0;
	say("%s: unix:%s: %s", dev_conf_where(conf), s->own.sun_path,
	    errno == EADDRINUSE ? "is in use by another program, or is no socket; choose another" :
				  strerror(errno));
	return -1;
}

static int
socket_open(struct netbe *be, const struct dev_conf *conf, const char *what)
{
	const char *peer = dev_conf_get(conf, "peer");
	struct net_socket *s = calloc(1, sizeof(*s));

	if (s == NULL || (s->backlog = frame_ring_create(BACKLOG_BYTES)) == NULL ||
	    (s->frame = malloc(NETBE_MAX_FRAME)) == NULL) {
		say("%s: no memory left", dev_conf_where(conf));
		if (s != NULL)
			frame_ring_destroy(s->backlog);
		free(s);
		return -1;
	}
	s->in = s->out = s->file = -1;
	set_address(&s->own, what);
	be->sc = s;
	if (socket_bind(s, conf, peer) == 0)
		return 0;
	socket_close(be);
	return -1;
}

/* ---- sending ---- */

static void
peer_lost(struct net_socket *s)
{
	if (s->out_source != NULL)
		ev_remove(s->out_source);
	s->out_source = NULL;
	if (s->out >= 0)
		close(s->out);
	s->out = -1;
	while (!frame_ring_empty(s->backlog))
		frame_ring_drop(s->backlog);
}

/* The peer has room again. */
static void
drain(void *arg)
{
	struct netbe *be = arg;
	struct net_socket *s = be->sc;
	uint32_t len;

	while ((len = frame_ring_peek(s->backlog, s->frame, NETBE_MAX_FRAME)) != 0) {
		if (send(s->out, s->frame, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			if (errno == EAGAIN)
				return;
			peer_lost(s);
			return;
		}
		frame_ring_drop(s->backlog);
	}
	ev_fd_enable(s->out_source, false);
}

static bool
peer_connect(struct netbe *be)
{
	struct net_socket *s = be->sc;

	if (s->out >= 0)
		return true;
	s->out = outside_connect(s->peer_no);
	if (s->out < 0 || (s->out_source = ev_fd_add(be->loop, s->out, drain, be)) == NULL) {
		peer_lost(s);
		return false;
	}
	ev_fd_enable(s->out_source, false);
	ev_fd_want(s->out_source, EVENT_WRITE);
	return true;
}

static void
socket_send(struct netbe *be, const struct iovec *iov, int niov)
{
	struct net_socket *s = be->sc;
	struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov };
	bool waits = !frame_ring_empty(s->backlog);

	msg.msg_iovlen = (__typeof__(msg.msg_iovlen))niov;
	/* A second try: the peer that we were connected to may have been followed by another. */
	for (int tries = 0; tries < 2 && !waits; tries++) {
		if (!peer_connect(be) || sendmsg(s->out, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return;
		waits = errno == EAGAIN;
		if (errno == EMSGSIZE)
			return;
		if (!waits)
			peer_lost(s);
	}
	if (waits && frame_ring_put(s->backlog, iov, niov))
		ev_fd_enable(s->out_source, true);
}

/* ---- receiving ---- */

static uint32_t
socket_read(struct netbe *be, uint8_t *buf, uint32_t size)
{
	struct net_socket *s = be->sc;
	ssize_t n;

	do {
		n = recv(s->in, buf, size, MSG_DONTWAIT | MSG_TRUNC);
	} while (n == 0 || n > (ssize_t)size || (n < 0 && errno == EINTR));
	return n > 0 ? (uint32_t)n : 0;
}

static void
socket_readable(void *arg)
{
	netbe_frames_wait(arg);
}

static void
socket_pause(struct netbe *be, bool pause)
{
	struct net_socket *s = be->sc;

	ev_fd_enable(s->in_source, !pause);
}

static int
socket_start(struct netbe *be)
{
	struct net_socket *s = be->sc;

	s->in_source = ev_fd_add(be->loop, s->in, socket_readable, be);
	if (s->in_source == NULL)
		return -1;
	ev_fd_enable(s->in_source, false);
	return 0;
}

static void
socket_stop(struct netbe *be)
{
	struct net_socket *s = be->sc;

	ev_remove(s->in_source);
	peer_lost(s);
}

const struct netbe_kind netbe_socket = {
	.open = socket_open,
	.close = socket_close,
	.start = socket_start,
	.stop = socket_stop,
	.pause = socket_pause,
	.send = socket_send,
	.read = socket_read,
};
