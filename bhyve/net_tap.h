/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What taps of all systems do in the same way (net_tap.c): frames go through a descriptor that does
 * not block, one with each read and write.  net_tap_linux.c and net_tap_freebsd.c open it.
 */
#ifndef BHYVE_NET_TAP_H
#define BHYVE_NET_TAP_H

#include "net_impl.h"

/* ---- net_tap_linux.c, net_tap_freebsd.c ---- */

/* Makes it a port of the bridge, by way of any socket; NULL, or what is wrong. */
const char *net_tap_join(int sock, const char *name, const char *bridge);
/* How root switches an interface on: the words before its name and "up". */
extern const char *const net_tap_up_command;

/* ---- net_tap.c ---- */

/* The bridge of conf, if there is one, and on.  -1: a line was said. */
int net_tap_set_up(const struct dev_conf *conf, const char *name);

/* The first member of what netbe.sc is. */
struct net_tap {
	int fd;
	struct ev_source *source;
};

/* As those of struct netbe_kind. */
int net_tap_start(struct netbe *be);
void net_tap_stop(struct netbe *be);
void net_tap_pause(struct netbe *be, bool pause);
void net_tap_send(struct netbe *be, const struct iovec *iov, int niov);
uint32_t net_tap_read(struct netbe *be, uint8_t *buf, uint32_t size);

#endif /* BHYVE_NET_TAP_H */
