/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A host without vhost-net: net_vhost_open() gives none, so nothing else is called.
 */
#include <errno.h>
#include <string.h>

#include "net_vhost.h"

const char *
net_vhost_check(const char *val)
{
	if (strcmp(val, "on") == 0)
		return "is not to be had: vhost-net is Linux's; say auto or off";
	return strcmp(val, "off") == 0 || strcmp(val, "auto") == 0 ? NULL :
								     "is neither off nor auto";
}

int
net_vhost_open(
    const struct dev_conf *conf, struct netbe *be, unsigned int pairs, struct net_vhost **out)
{
	(void)conf;
	(void)be;
	(void)pairs;
	*out = NULL;
	return 0;
}

void
net_vhost_close(struct net_vhost *v)
{
	(void)v;
}

int
net_vhost_start(
    struct net_vhost *v, struct virtio_dev *vd, unsigned int pairs, struct ev_loop *loop)
{
	(void)v;
	(void)vd;
	(void)pairs;
	(void)loop;
	errno = ENOTSUP;
	return -1;
}

void
net_vhost_stop(struct net_vhost *v)
{
	(void)v;
}

void
net_vhost_broken(struct net_vhost *v)
{
	(void)v;
}
