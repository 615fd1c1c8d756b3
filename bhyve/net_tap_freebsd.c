/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A tap device of FreeBSD, tap(4): /dev/tapN.  Root's open makes one that is not there yet
 * (net.link.tap.devfs_cloning), and it stays.  Its frames have no struct virtio_net_hdr, so that
 * nothing is left to the host's kernel: checksums and segments are the guest's.
 */
#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/sockio.h>
#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/ethernet.h>
#include <net/if_bridgevar.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "debug.h"
#include "net_tap.h"

static int
say_open(const struct dev_conf *conf, const char *name)
{
	const char *where = dev_conf_where(conf);

	switch (errno) {
	case EPERM:
	case EACCES:
		say("%s: tap %s: not permitted: be root; or let root do `sysctl "
		    "net.link.tap.user_open=1', `ifconfig %s create up' and `chown %u /dev/%s'",
		    where, name, name, (unsigned int)geteuid(), name);
		break;
	case EBUSY:
		say("%s: tap %s: is in use by another program; choose another name", where, name);
		break;
	case ENOENT:
		say("%s: tap %s: there is no /dev/%s; taps are tap0, tap1, ..., and `ifconfig tap0 "
		    "create' makes one (`kldload if_tap' where there are none)",
		    where, name, name);
		break;
	default:
		say("%s: tap %s: cannot be used: %s", where, name, strerror(errno));
		break;
	}
	return -1;
}

static int
tap_attach(struct net_tap *t, const struct dev_conf *conf, const char *name)
{
	char path[sizeof("/dev/") + IFNAMSIZ];

	snprintf(path, sizeof(path), "/dev/%s", name);
	t->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return t->fd >= 0 ? 0 : say_open(conf, name);
}

const char *const net_tap_up_command = "ifconfig";

const char *
net_tap_join(int sock, const char *name, const char *bridge)
{
	struct ifbreq member = { 0 };
	struct ifdrv drv = { .ifd_cmd = BRDGADD, .ifd_len = sizeof(member), .ifd_data = &member };

	strlcpy(member.ifbr_ifsname, name, sizeof(member.ifbr_ifsname));
	strlcpy(drv.ifd_name, bridge, sizeof(drv.ifd_name));
	if (ioctl(sock, SIOCSDRVSPEC, &drv) == 0)
		return NULL;
	switch (errno) {
	case EEXIST:
		return NULL; /* it is a member already */
	case ENXIO:
		return "there is no such interface; make it with `ifconfig bridge0 create up'";
	case EOPNOTSUPP:
	case EINVAL:
		return "is no bridge; make one with `ifconfig bridge0 create up'";
	case EBUSY:
		return "the tap is a member of another one; take it out with `ifconfig BRIDGE "
		       "deletem TAP'";
	case EPERM:
		return "not permitted; let root do `ifconfig BRIDGE addm TAP', and leave this out";
	default:
		return strerror(errno);
	}
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
tap_open(struct netbe *be, const struct dev_conf *conf, const char *what)
{
	struct net_tap *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		say("%s: no memory left", dev_conf_where(conf));
		return -1;
	}
	be->sc = t;
	if (tap_attach(t, conf, what) != 0 || net_tap_set_up(conf, what) != 0) {
		tap_close(be);
		return -1;
	}
	return 0;
}

/* ---- queues: there is one ---- */

unsigned int
netbe_tap_count(const struct netbe *be)
{
	(void)be;
	return 1;
}

int
netbe_tap_fd(const struct netbe *be, unsigned int queue)
{
	const struct net_tap *t = be->sc;

	(void)queue;
	return t->fd;
}

static int
one_queue(unsigned int n)
{
	errno = EINVAL;
	return n == 1 ? 0 : -1;
}

int
netbe_tap_add_queues(struct netbe *be, unsigned int n)
{
	(void)be;
	return one_queue(n);
}

int
netbe_tap_use_queues(struct netbe *be, unsigned int n)
{
	(void)be;
	return one_queue(n);
}

/* It has none: all comes through. */
void
netbe_tap_filter(struct netbe *be, const uint8_t (*mac)[6], unsigned int n, bool all_groups)
{
	(void)be;
	(void)mac;
	(void)n;
	(void)all_groups;
}

const struct netbe_kind netbe_tap = {
	.open = tap_open,
	.close = tap_close,
	.start = net_tap_start,
	.stop = net_tap_stop,
	.pause = net_tap_pause,
	.send = net_tap_send,
	.read = net_tap_read,
};
