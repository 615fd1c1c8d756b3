/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A tap as it runs, on any system (net_tap.h).
 */
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "debug.h"
#include "net_tap.h"

static int
join(int sock, const struct dev_conf *conf, const char *name)
{
	const char *bridge = dev_conf_get(conf, "bridge");
	const char *wrong = bridge != NULL ? netbe_check_ifname(bridge) : NULL;

	if (bridge != NULL && wrong == NULL)
		wrong = net_tap_join(sock, name, bridge);
	if (wrong == NULL)
		return 0;
	say("%s: bridge=%s: %s", dev_conf_where(conf), bridge, wrong);
	return -1;
}

/* Who may not switch it on finds it switched on, or is told. */
static int
switch_on(int sock, const struct dev_conf *conf, const char *name)
{
	struct ifreq ifr = { 0 };

	strncpy(ifr.ifr_name, name, sizeof(ifr.ifr_name) - 1);
	if (ioctl(sock, SIOCGIFFLAGS, &ifr) == 0) {
		if ((ifr.ifr_flags & IFF_UP) != 0)
			return 0;
		ifr.ifr_flags |= IFF_UP;
		if (ioctl(sock, SIOCSIFFLAGS, &ifr) == 0)
			return 0;
	}
	say("%s: tap %s: is down, and this user may not change that (%s); let root do `%s %s up'",
	    dev_conf_where(conf), name, strerror(errno), net_tap_up_command, name);
	return -1;
}

int
net_tap_set_up(const struct dev_conf *conf, const char *name)
{
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error;

	if (sock < 0) {
		say("%s: tap %s: no socket: %s", dev_conf_where(conf), name, strerror(errno));
		return -1;
	}
	error = join(sock, conf, name);
	if (error == 0)
		error = switch_on(sock, conf, name);
	close(sock);
	return error;
}

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
