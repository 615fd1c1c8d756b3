/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A tap device of Linux: one that is there and may be used by this user, or one that is made here
 * and goes with bhyve.  Each frame has a struct virtio_net_hdr, so that checksums and segmentation
 * are left to the host's kernel, and to its network card.
 */
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "debug.h"
#include "net_impl.h"

struct net_tap {
	int fd;
	char name[IFNAMSIZ];
	struct ev_source *source;
};

/* What the guest may be given depends on the kernel; what it sends needs nobody's consent. */
static const struct {
	uint64_t feature;
	unsigned int offload;
} guest_offloads[] = {
	{ NETBE_GUEST_CSUM, TUN_F_CSUM },
	{ NETBE_GUEST_TSO4, TUN_F_CSUM | TUN_F_TSO4 },
	{ NETBE_GUEST_TSO6, TUN_F_CSUM | TUN_F_TSO6 },
	{ NETBE_GUEST_UFO, TUN_F_CSUM | TUN_F_UFO },
};
#define GUEST_OFFLOADS (sizeof(guest_offloads) / sizeof(guest_offloads[0]))
#define HOST_FEATURES  (NETBE_CSUM | NETBE_HOST_TSO4 | NETBE_HOST_TSO6 | NETBE_HOST_UFO)

static int
say_errno(const struct dev_conf *conf, const char *name, const char *what)
{
	say("%s: tap %s: %s: %s", dev_conf_where(conf), name, what, strerror(errno));
	return -1;
}

/* ---- open ---- */

static int
say_attach(const struct dev_conf *conf, const char *name)
{
	const char *where = dev_conf_where(conf);

	switch (errno) {
	case EPERM:
	case EACCES:
		say("%s: tap %s: not permitted: a new one needs CAP_NET_ADMIN; or let root make it "
		    "with `ip tuntap add dev %s mode tap vnet_hdr user %u'",
		    where, name, name, (unsigned int)geteuid());
		break;
	case EBUSY:
		say("%s: tap %s: is in use by another program; choose another name", where, name);
		break;
	case EINVAL:
		say("%s: tap %s: is an interface of another kind, or a tap made with multi_queue; "
		    "make it with `ip tuntap add dev %s mode tap vnet_hdr'",
		    where, name, name);
		break;
	default:
		return say_errno(conf, name, "cannot be used");
	}
	return -1;
}

static int
tap_attach(struct net_tap *t, const struct dev_conf *conf)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int hdr = NETBE_VNET_HDR;

	t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0) {
		if (errno == ENOENT || errno == ENODEV)
			say("%s: tap %s: this host has no /dev/net/tun; `modprobe tun' brings it",
			    dev_conf_where(conf), t->name);
		else
			say("%s: tap %s: /dev/net/tun: %s; this user must be able to read and "
			    "write it",
			    dev_conf_where(conf), t->name, strerror(errno));
		return -1;
	}
	memcpy(ifr.ifr_name, t->name, sizeof(ifr.ifr_name));
	if (ioctl(t->fd, TUNSETIFF, &ifr) != 0)
		return say_attach(conf, t->name);
	if (ioctl(t->fd, TUNSETVNETHDRSZ, &hdr) != 0)
		return say_errno(conf, t->name, "no virtio header of 12 bytes");
	return 0;
}

/* Who may not switch it on finds it switched on, or is told. */
static int
tap_up(const struct net_tap *t, int sock, const struct dev_conf *conf)
{
	struct ifreq ifr = { 0 };

	memcpy(ifr.ifr_name, t->name, sizeof(ifr.ifr_name));
	if (ioctl(sock, SIOCGIFFLAGS, &ifr) != 0)
		return say_errno(conf, t->name, "its flags");
	if ((ifr.ifr_flags & IFF_UP) != 0)
		return 0;
	ifr.ifr_flags |= IFF_UP;
	if (ioctl(sock, SIOCSIFFLAGS, &ifr) == 0)
		return 0;
	say("%s: tap %s: is down, and this user may not change that (%s); let root do "
	    "`ip link set %s up'",
	    dev_conf_where(conf), t->name, strerror(errno), t->name);
	return -1;
}

/* Is the tap a port of this bridge already? */
static bool
is_port(const char *name, const char *bridge)
{
	char path[64], target[256];
	const char *slash;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/net/%s/master", name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	slash = strrchr(target, '/');
	return slash != NULL && strcmp(slash + 1, bridge) == 0;
}

static int
tap_bridge(const struct net_tap *t, int sock, const struct dev_conf *conf, const char *bridge)
{
	const char *wrong = netbe_check_ifname(bridge);
	struct ifreq ifr = { 0 };
	int error;

	if (wrong == NULL) {
		strncpy(ifr.ifr_name, bridge, sizeof(ifr.ifr_name) - 1);
		ifr.ifr_ifindex = (int)if_nametoindex(t->name);
		if (ioctl(sock, SIOCBRADDIF, &ifr) == 0)
			return 0;
		error = errno;
		if (is_port(t->name, bridge))
			return 0;
		wrong = error == ENODEV ? "there is no such interface; make it with `ip link add "
					  "NAME type bridge'" :
		    error == EOPNOTSUPP ? "is no bridge; make one with `ip link add NAME type "
					  "bridge'" :
		    error == EBUSY	? "the tap is a port of another one; take it out with `ip "
					  "link set TAP nomaster'" :
		    error == EPERM	? "not permitted: joining it needs CAP_NET_ADMIN; let root "
					  "do `ip link set TAP master BRIDGE', and leave this out" :
					  strerror(error);
	}
	say("%s: bridge=%s: %s", dev_conf_where(conf), bridge, wrong);
	return -1;
}

static uint64_t
tap_features(const struct net_tap *t)
{
	uint64_t features = HOST_FEATURES;

	for (size_t i = 0; i < GUEST_OFFLOADS; i++) {
		if (ioctl(t->fd, TUNSETOFFLOAD, guest_offloads[i].offload) == 0)
			features |= guest_offloads[i].feature;
	}
	ioctl(t->fd, TUNSETOFFLOAD, 0);
	return features;
}

static void
tap_close(struct netbe *be)
{
	struct net_tap *t = be->sc;

	if (t->fd >= 0)
		close(t->fd);
	free(t);
}

static int
tap_set_up(const struct net_tap *t, const struct dev_conf *conf)
{
	const char *bridge = dev_conf_get(conf, "bridge");
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error;

	if (sock < 0)
		return say_errno(conf, t->name, "no socket");
	error = bridge != NULL ? tap_bridge(t, sock, conf, bridge) : 0;
	if (error == 0)
		error = tap_up(t, sock, conf);
	close(sock);
	return error;
}

static int
tap_open(struct netbe *be, const struct dev_conf *conf, const char *what)
{
	struct net_tap *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		say("%s: no memory left", dev_conf_where(conf));
		return -1;
	}
	t->fd = -1;
	strncpy(t->name, what, sizeof(t->name) - 1);
	be->sc = t;
	be->native_hdr = true;
	if (tap_attach(t, conf) != 0 || tap_set_up(t, conf) != 0) {
		tap_close(be);
		return -1;
	}
	be->features = tap_features(t);
	return 0;
}

/* ---- run ---- */

static int
tap_set_features(struct netbe *be, uint64_t features)
{
	struct net_tap *t = be->sc;
	unsigned int offload = 0;

	/* Segments are for who takes checksums (virtio 1.2, 5.1.3.1). */
	for (size_t i = 0; i < GUEST_OFFLOADS && (features & NETBE_GUEST_CSUM) != 0; i++) {
		if ((features & guest_offloads[i].feature) != 0)
			offload |= guest_offloads[i].offload;
	}
	return ioctl(t->fd, TUNSETOFFLOAD, offload);
}

static void
tap_send(struct netbe *be, const struct iovec *iov, int niov)
{
	struct net_tap *t = be->sc;

	/* A frame that the kernel does not take is lost. */
	if (writev(t->fd, iov, niov) < 0)
		return;
}

static uint32_t
tap_read(struct netbe *be, uint8_t *buf, uint32_t size)
{
	struct net_tap *t = be->sc;
	ssize_t n;

	do {
		n = read(t->fd, buf, size);
	} while (n < 0 && errno == EINTR);
	return n > 0 ? (uint32_t)n : 0;
}

static void
tap_readable(void *arg)
{
	netbe_frames_wait(arg);
}

static void
tap_pause(struct netbe *be, bool pause)
{
	struct net_tap *t = be->sc;

	ev_fd_enable(t->source, !pause);
}

static int
tap_start(struct netbe *be)
{
	struct net_tap *t = be->sc;

	t->source = ev_fd_add(be->loop, t->fd, tap_readable, be);
	if (t->source == NULL)
		return -1;
	ev_fd_enable(t->source, false);
	return 0;
}

static void
tap_stop(struct netbe *be)
{
	struct net_tap *t = be->sc;

	ev_remove(t->source);
}

int
netbe_tap_get_fd(const struct netbe *be)
{
	const struct net_tap *t = be->sc;

	return t->fd;
}

const struct netbe_kind netbe_tap = {
	.open = tap_open,
	.close = tap_close,
	.start = tap_start,
	.stop = tap_stop,
	.pause = tap_pause,
	.send = tap_send,
	.read = tap_read,
	.set_features = tap_set_features,
};
