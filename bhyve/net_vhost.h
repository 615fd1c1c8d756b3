/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * vhost-net: the host's kernel serves a network card's queues, between the guest's rings and a tap
 * device, and bhyve sees no frame.  Linux has it; elsewhere net_vhost_none.c stands here.
 *
 * What is opened is opened with the device, while bhyve may; later there are only ioctls.  The
 * control queue, features, start and reset stay the device's.
 */
#ifndef BHYVE_NET_VHOST_H
#define BHYVE_NET_VHOST_H

#include "net_backend.h"
#include "virtqueue.h"

struct net_vhost;

/* What is wrong with a value of "vhost", or NULL. */
const char *net_vhost_check(const char *val);
/*
 * As conf's key "vhost" asks for; not yet running.  be has the tap, whose queues become as many as
 * pairs, and outlives it.  0, with *out NULL where it is not to be used, or -1: a line was said.
 */
int net_vhost_open(
    const struct dev_conf *conf, struct netbe *be, unsigned int pairs, struct net_vhost **out);
void net_vhost_close(struct net_vhost *v);

/*
 * Serve the first `pairs' pairs of vd's queues, those that are ready, until net_vhost_stop().
 * What it has to see to itself - a broken ring, interrupts that a transport cannot make alone - it
 * does in loop.  With vd->lock held, before the loop runs.  -1 with errno: nothing is served, and
 * vq_get() may go on.
 */
int net_vhost_start(
    struct net_vhost *v, struct virtio_dev *vd, unsigned int pairs, struct ev_loop *loop);
/* Nothing is served when it returns.  The loop has ended; with vd->lock held. */
void net_vhost_stop(struct net_vhost *v);
/* The device is broken: stop soon.  Any thread. */
void net_vhost_broken(struct net_vhost *v);

/* ---- the kernel; unit tests have their own ---- */
int vhost_open(void); /* /dev/vhost-net; -1 with errno */
int vhost_ioctl(int fd, unsigned long request, void *arg);

#endif /* BHYVE_NET_VHOST_H */
