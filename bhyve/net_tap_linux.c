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
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "debug.h"
#include "net_tap.h"

struct linux_tap {
	struct net_tap tap;
	bool multi_queue;
	unsigned int nqueues;	     /* that are open */
	int queue[NETBE_TAP_QUEUES]; /* the first is tap.fd */
	bool detached[NETBE_TAP_QUEUES];
	char name[IFNAMSIZ];
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
		say("%s: tap %s: is an interface of another kind; make a tap with `ip tuntap add "
		    "dev %s mode tap vnet_hdr'",
		    where, name, name);
		break;
	default:
		return say_errno(conf, name, "cannot be used");
	}
	return -1;
}

static int
set_iff(const struct linux_tap *t, int fd, bool multi_queue)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };

	if (multi_queue)
		ifr.ifr_flags |= IFF_MULTI_QUEUE;
	memcpy(ifr.ifr_name, t->name, sizeof(ifr.ifr_name));
	return ioctl(fd, TUNSETIFF, &ifr);
}

/*
 * Nothing keeps a second program from a tap of several queues, and each would get some of the
 * frames.  With a queue open it has a carrier.
 */
static bool
is_taken(const struct linux_tap *t)
{
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { 0 };
	bool taken;

	if (sock < 0)
		return false;
	memcpy(ifr.ifr_name, t->name, sizeof(ifr.ifr_name));
	taken = ioctl(sock, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & IFF_RUNNING) != 0;
	close(sock);
	return taken;
}

static int
set_first_iff(const struct linux_tap *t, bool multi_queue)
{
	if (!multi_queue || !is_taken(t))
		return set_iff(t, t->tap.fd, multi_queue);
	errno = EBUSY;
	return -1;
}

/* One that is there already is of either kind; a new one can be what may be needed. */
static int
set_any_iff(struct linux_tap *t, bool multi_queue)
{
	t->multi_queue = multi_queue;
	if (set_first_iff(t, multi_queue) == 0)
		return 0;
	if (errno != EINVAL)
		return -1;
	t->multi_queue = !multi_queue;
	return set_first_iff(t, !multi_queue);
}

static int
tap_attach(struct linux_tap *t, const struct dev_conf *conf)
{
	int hdr = NETBE_VNET_HDR;

	t->tap.fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->tap.fd < 0) {
		if (errno == ENOENT || errno == ENODEV)
			say("%s: tap %s: this host has no /dev/net/tun; `modprobe tun' brings it",
			    dev_conf_where(conf), t->name);
		else
			say("%s: tap %s: /dev/net/tun: %s; this user must be able to read and "
			    "write it",
			    dev_conf_where(conf), t->name, strerror(errno));
		return -1;
	}
	if (set_any_iff(t, dev_conf_number(conf, "queues") > 1) != 0)
		return say_attach(conf, t->name);
	t->queue[0] = t->tap.fd;
	t->nqueues = 1;
	if (ioctl(t->tap.fd, TUNSETVNETHDRSZ, &hdr) != 0)
		return say_errno(conf, t->name, "no virtio header of 12 bytes");
	return 0;
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

const char *const net_tap_up_command = "ip link set";

const char *
net_tap_join(int sock, const char *name, const char *bridge)
{
	struct ifreq ifr = { 0 };
	int error;

	strncpy(ifr.ifr_name, bridge, sizeof(ifr.ifr_name) - 1);
	ifr.ifr_ifindex = (int)if_nametoindex(name);
	if (ioctl(sock, SIOCBRADDIF, &ifr) == 0)
		return NULL;
	error = errno;
	if (is_port(name, bridge))
		return NULL;
	switch (error) {
	case ENODEV:
		return "there is no such interface; make it with `ip link add NAME type bridge'";
	case EOPNOTSUPP:
		return "is no bridge; make one with `ip link add NAME type bridge'";
	case EBUSY:
		return "the tap is a port of another one; take it out with `ip link set TAP "
		       "nomaster'";
	case EPERM:
		return "not permitted: joining it needs CAP_NET_ADMIN; let root do `ip link set "
		       "TAP master BRIDGE', and leave this out";
	default:
		return strerror(error);
	}
}

static uint64_t
tap_features(const struct linux_tap *t)
{
	uint64_t features = HOST_FEATURES;

	for (size_t i = 0; i < GUEST_OFFLOADS; i++) {
		if (ioctl(t->tap.fd, TUNSETOFFLOAD, guest_offloads[i].offload) == 0)
			features |= guest_offloads[i].feature;
	}
	ioctl(t->tap.fd, TUNSETOFFLOAD, 0);
	return features;
}

static void
tap_close(struct netbe *be)
{
	struct linux_tap *t = be->sc;

	for (unsigned int i = 1; i < t->nqueues; i++)
		close(t->queue[i]);
	if (t->tap.fd >= 0)
		close(t->tap.fd);
	free(t);
}

static int
tap_open(struct netbe *be, const struct dev_conf *conf, const char *what)
{
	struct linux_tap *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		say("%s: no memory left", dev_conf_where(conf));
		return -1;
	}
	t->tap.fd = -1;
	strncpy(t->name, what, sizeof(t->name) - 1);
	be->sc = t;
	be->native_hdr = true;
	if (tap_attach(t, conf) != 0 || net_tap_set_up(conf, t->name) != 0) {
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
	struct linux_tap *t = be->sc;
	unsigned int offload = 0;

	/* Segments are for who takes checksums (virtio 1.2, 5.1.3.1). */
	for (size_t i = 0; i < GUEST_OFFLOADS && (features & NETBE_GUEST_CSUM) != 0; i++) {
		if ((features & guest_offloads[i].feature) != 0)
			offload |= guest_offloads[i].offload;
	}
	return ioctl(t->tap.fd, TUNSETOFFLOAD, offload);
}

/* ---- queues ---- */

unsigned int
netbe_tap_count(const struct netbe *be)
{
	const struct linux_tap *t = be->sc;

	return t->nqueues;
}

int
netbe_tap_fd(const struct netbe *be, unsigned int queue)
{
	const struct linux_tap *t = be->sc;

	return t->queue[queue];
}

static int
add_queue(struct linux_tap *t)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), error;

	if (fd < 0)
		return -1;
	if (set_iff(t, fd, true) != 0) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	t->detached[t->nqueues] = false;
	t->queue[t->nqueues++] = fd;
	return 0;
}

int
netbe_tap_add_queues(struct netbe *be, unsigned int n)
{
	struct linux_tap *t = be->sc;

	if (n > t->nqueues && (!t->multi_queue || n > NETBE_TAP_QUEUES)) {
		errno = EINVAL;
		return -1;
	}
	while (t->nqueues < n) {
		if (add_queue(t) != 0)
			return -1;
	}
	return 0;
}

int
netbe_tap_use_queues(struct netbe *be, unsigned int n)
{
	struct linux_tap *t = be->sc;

	for (unsigned int i = 1; i < t->nqueues; i++) {
		struct ifreq ifr = { 0 };
		bool detach = i >= n;

		ifr.ifr_flags = detach ? IFF_DETACH_QUEUE : IFF_ATTACH_QUEUE;
		if (t->detached[i] == detach)
			continue;
		if (ioctl(t->queue[i], TUNSETQUEUE, &ifr) != 0)
			return -1;
		t->detached[i] = detach;
	}
	return 0;
}

void
netbe_tap_filter(struct netbe *be, const uint8_t (*mac)[6], unsigned int n, bool all_groups)
{
	struct linux_tap *t = be->sc;
	union {
		struct tun_filter head;
		uint8_t bytes[sizeof(struct tun_filter) + NETBE_TAP_FILTER_MAX * 6];
	} filter = { .head = { .flags = all_groups ? TUN_FLT_ALLMULTI : 0 } };

	if (n > NETBE_TAP_FILTER_MAX)
		n = 0;
	filter.head.count = (uint16_t)n;
	if (n != 0)
		memcpy(filter.bytes + offsetof(struct tun_filter, addr), mac, n * sizeof(mac[0]));
	/* Where it cannot be had, more comes through. */
	ioctl(t->tap.fd, TUNSETTXFILTER, &filter);
}

const struct netbe_kind netbe_tap = {
	.open = tap_open,
	.close = tap_close,
	.start = net_tap_start,
	.stop = net_tap_stop,
	.pause = net_tap_pause,
	.send = net_tap_send,
	.read = net_tap_read,
	.set_features = tap_set_features,
};
