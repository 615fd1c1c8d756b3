/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * vhost-net over its ioctls (Linux, include/uapi/linux/vhost.h).  One descriptor of /dev/vhost-net,
 * and one kernel thread behind it, for each pair of queues and its queue of the tap.
 *
 * A ring's kick is the queue's doorbell, which the module rings; nobody reads it, as vhost waits
 * for it without taking the count.  Its call is an eventfd that the transport has bound to the
 * queue's interrupt, or that is read here in the device's loop.  Its error is one more eventfd.
 *
 * The kernel checks all that a guest may write into rings against the one range of memory that it
 * is told, the guest's RAM.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "debug.h"
#include "dev/virtio_net.h"
#include "doorbell.h"
#include "net_vhost.h"
#include "net_vhost_linux.h"

/* Which rings /dev/vhost-net calls 0 and 1, as the queues of a pair lie in the device. */
enum { RING_RX, RING_TX, RINGS };

/* What a driver may choose and the kernel must know of. */
#define RING_FEATURES \
	(VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC | VIRTIO_NET_F_MRG_RXBUF)

struct vhost_ring {
	unsigned int ring; /* immutable, down to error */
	int vhost;	   /* the pair's descriptor */
	int tap;
	int call, error;	  /* eventfds */
	struct virtqueue *q;	  /* while started; NULL: the driver did not set it up */
	struct ev_source *source; /* of call */
	bool started;		  /* the kernel has it, or some of it */
	bool called;		  /* the transport knows of call */
};

struct net_vhost {
	unsigned int pairs;
	int vhost[NETBE_TAP_QUEUES];
	struct vhost_ring ring[NETBE_TAP_QUEUES * RINGS];
	unsigned int nrings;
	int stop; /* doorbell: look whether the device is broken */
	struct virtio_dev *vd;
};

const char *
net_vhost_check(const char *val)
{
	if (strcmp(val, "on") == 0 || strcmp(val, "off") == 0 || strcmp(val, "auto") == 0)
		return NULL;
	return "is neither on, off nor auto";
}

/* ---- open ---- */

static int
open_ring(struct net_vhost *v, unsigned int pair, unsigned int ring, int tap)
{
	struct vhost_ring *r = &v->ring[v->nrings];

	*r = (struct vhost_ring){ .ring = ring, .vhost = v->vhost[pair], .tap = tap };
	r->call = doorbell_create();
	r->error = doorbell_create();
	v->nrings++;
	return r->call >= 0 && r->error >= 0 ? 0 : -1;
}

/* The kernel's thread is made here, for this process's memory. */
static int
open_pair(struct net_vhost *v, int tap)
{
	unsigned int pair = v->pairs;
	uint64_t features;

	v->vhost[pair] = vhost_open();
	if (v->vhost[pair] < 0)
		return -1;
	v->pairs++;
	if (vhost_ioctl(v->vhost[pair], VHOST_SET_OWNER, NULL) != 0 ||
	    vhost_ioctl(v->vhost[pair], VHOST_GET_FEATURES, &features) != 0)
		return -1;
	if ((features & RING_FEATURES) != RING_FEATURES) {
		errno = EPROTONOSUPPORT;
		return -1;
	}
	if (open_ring(v, pair, RING_RX, tap) != 0)
		return -1;
	return open_ring(v, pair, RING_TX, tap);
}

void
net_vhost_close(struct net_vhost *v)
{
	if (v == NULL)
		return;
	/* The kernel's threads end here. */
	for (unsigned int i = 0; i < v->pairs; i++)
		close(v->vhost[i]);
	for (unsigned int i = 0; i < v->nrings; i++) {
		if (v->ring[i].call >= 0)
			close(v->ring[i].call);
		if (v->ring[i].error >= 0)
			close(v->ring[i].error);
	}
	if (v->stop >= 0)
		close(v->stop);
	free(v);
}

/* NULL with errno. */
static struct net_vhost *
open_all(struct netbe *be, unsigned int pairs)
{
	struct net_vhost *v = calloc(1, sizeof(*v));
	int error;

	if (v == NULL)
		return NULL;
	v->stop = doorbell_create();
	while (v->stop >= 0 && v->pairs < pairs) {
		if (open_pair(v, netbe_tap_fd(be, v->pairs)) != 0)
			break;
	}
	if (v->pairs == pairs && v->nrings == pairs * RINGS && v->ring[v->nrings - 1].error >= 0)
		return v;
	error = errno;
	net_vhost_close(v);
	errno = error;
	return NULL;
}

static const char *
open_wrong(char *buf, size_t size)
{
	switch (errno) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return "this host has no /dev/vhost-net; `modprobe vhost_net' brings it";
	case EACCES:
	case EPERM:
		return "/dev/vhost-net: this user must be able to read and write it";
	case EPROTONOSUPPORT:
		return "this host's vhost-net is too old: it lacks rings of virtio 1.0";
	default:
		snprintf(buf, size, "/dev/vhost-net: %s", strerror(errno));
		return buf;
	}
}

/* auto: as well as it can be had. */
static int
refuse(const struct dev_conf *conf, bool must, const char *why)
{
	if (!must)
		return 0;
	say("%s: vhost=on: %s; or leave vhost=on out", dev_conf_where(conf), why);
	return -1;
}

int
net_vhost_open(
    const struct dev_conf *conf, struct netbe *be, unsigned int pairs, struct net_vhost **out)
{
	const char *want = dev_conf_get(conf, "vhost");
	bool must = strcmp(want, "on") == 0;
	char why[128];

	*out = NULL;
	if (strcmp(want, "off") == 0)
		return 0;
	if (netbe_tap_queues(be) == 0)
		return refuse(conf, must, "it is for a tap device, and this is none");
	if (netbe_tap_add_queues(be, pairs) != 0) {
		if (errno == EINVAL)
			return refuse(conf, must,
			    "the tap has one queue, and queues= says more; make "
			    "it with `ip tuntap add dev NAME mode tap vnet_hdr multi_queue'");
		snprintf(why, sizeof(why), "more queues of the tap: %s", strerror(errno));
		return refuse(conf, must, why);
	}
	*out = open_all(be, pairs);
	if (*out != NULL)
		return 0;
	return refuse(conf, must, open_wrong(why, sizeof(why)));
}

/* ---- the loop: what the kernel leaves to us ---- */

static void
call_rung(void *arg)
{
	struct vhost_ring *r = arg;

	if (doorbell_answer(r->call))
		virtio_queue_interrupt(r->q);
}

static void
error_rung(void *arg)
{
	struct vhost_ring *r = arg;

	if (doorbell_answer(r->error))
		vq_break(r->q, "the host's kernel, which serves it, found what cannot be right");
}

static void
call_watch(void *arg, bool on)
{
	struct vhost_ring *r = arg;

	ev_fd_enable(r->source, on);
}

/* Sources go with the loop. */
static int
watch_ring(struct vhost_ring *r, struct ev_loop *loop)
{
	r->source = ev_fd_add(loop, r->call, call_rung, r);
	if (r->source == NULL)
		return -1;
	ev_fd_enable(r->source, false);
	return ev_fd_add(loop, r->error, error_rung, r) != NULL ? 0 : -1;
}

/* ---- rings ---- */

static int
set_fd(const struct vhost_ring *r, unsigned long request, int fd)
{
	struct vhost_vring_file file = { .index = r->ring, .fd = fd };

	return vhost_ioctl(r->vhost, request, &file);
}

static int
set_state(const struct vhost_ring *r, unsigned long request, unsigned int num)
{
	struct vhost_vring_state state = { .index = r->ring, .num = num };

	return vhost_ioctl(r->vhost, request, &state);
}

/* Where the ring is, in this process. */
static int
set_addr(const struct vhost_ring *r)
{
	struct vhost_vring_addr addr = {
		.index = r->ring,
		.desc_user_addr = (uintptr_t)r->q->desc_va,
		.avail_user_addr = (uintptr_t)r->q->avail_va,
		.used_user_addr = (uintptr_t)r->q->used_va,
	};

	return vhost_ioctl(r->vhost, VHOST_SET_VRING_ADDR, &addr);
}

/* The tap last: with it the kernel begins. */
static int
start_ring(struct vhost_ring *r)
{
	if (set_state(r, VHOST_SET_VRING_NUM, r->q->size) != 0 ||
	    set_state(r, VHOST_SET_VRING_BASE, r->q->next_avail) != 0)
		return -1;
	r->started = true;
	if (set_addr(r) != 0 || set_fd(r, VHOST_SET_VRING_KICK, r->q->doorbell) != 0 ||
	    set_fd(r, VHOST_SET_VRING_CALL, r->call) != 0 ||
	    set_fd(r, VHOST_SET_VRING_ERR, r->error) != 0)
		return -1;
	return set_fd(r, VHOST_NET_SET_BACKEND, r->tap);
}

/* What the kernel was at is done when the tap is taken from it. */
static void
stop_ring(struct vhost_ring *r)
{
	struct vhost_vring_state base = { .index = r->ring };

	if (!r->started)
		return;
	r->started = false;
	set_fd(r, VHOST_NET_SET_BACKEND, -1);
	set_fd(r, VHOST_SET_VRING_KICK, -1);
	set_fd(r, VHOST_SET_VRING_CALL, -1);
	set_fd(r, VHOST_SET_VRING_ERR, -1);
	if (vhost_ioctl(r->vhost, VHOST_GET_VRING_BASE, &base) == 0)
		vq_resume(r->q, (uint16_t)base.num);
}

static void
stop_rings(struct net_vhost *v)
{
	for (unsigned int i = 0; i < v->nrings; i++)
		stop_ring(&v->ring[i]);
}

static void
stop_rung(void *arg)
{
	struct net_vhost *v = arg;

	doorbell_answer(v->stop);
	if (virtio_is_broken(v->vd))
		stop_rings(v);
}

/* All of RAM is one piece, here and for the guest. */
static int
set_memory(int vhost, const struct guest_mem *mem)
{
	union {
		struct vhost_memory table;
		uint8_t bytes[sizeof(struct vhost_memory) + sizeof(struct vhost_memory_region)];
	} m = { .table = { .nregions = 1 } };
	struct vhost_memory_region ram = {
		.guest_phys_addr = mem->gpa,
		.memory_size = mem->size,
		.userspace_addr = (uintptr_t)mem->va,
	};

	memcpy(m.bytes + offsetof(struct vhost_memory, regions), &ram, sizeof(ram));
	return vhost_ioctl(vhost, VHOST_SET_MEM_TABLE, &m);
}

static int
start_rings(struct net_vhost *v, const struct virtio_dev *vd)
{
	uint64_t features = vd->features & RING_FEATURES;

	for (unsigned int i = 0; i < v->pairs; i++) {
		if (vhost_ioctl(v->vhost[i], VHOST_SET_FEATURES, &features) != 0 ||
		    set_memory(v->vhost[i], vd->mem) != 0)
			return -1;
	}
	for (unsigned int i = 0; i < v->nrings; i++) {
		if (v->ring[i].q != NULL && start_ring(&v->ring[i]) != 0)
			return -1;
	}
	return 0;
}

/* ---- start and stop ---- */

/* Calls of the device's last life are nobody's. */
static int
assign(struct net_vhost *v, struct virtio_dev *vd, unsigned int pairs, struct ev_loop *loop)
{
	doorbell_answer(v->stop);
	v->vd = vd;
	for (unsigned int i = 0; i < v->nrings; i++) {
		struct vhost_ring *r = &v->ring[i];

		r->q = i < pairs * RINGS && vd->vq[i].ready ? &vd->vq[i] : NULL;
		doorbell_answer(r->call);
		doorbell_answer(r->error);
		if (r->q != NULL && watch_ring(r, loop) != 0)
			return -1;
	}
	return ev_fd_add(loop, v->stop, stop_rung, v) != NULL ? 0 : -1;
}

int
net_vhost_start(
    struct net_vhost *v, struct virtio_dev *vd, unsigned int pairs, struct ev_loop *loop)
{
	int error;

	if (assign(v, vd, pairs, loop) != 0)
		return -1;
	if (start_rings(v, vd) != 0) {
		error = errno;
		net_vhost_stop(v);
		errno = error;
		return -1;
	}
	for (unsigned int i = 0; i < v->nrings; i++) {
		struct vhost_ring *r = &v->ring[i];
		struct vq_call call = { r->call, call_watch, r };

		if (r->q != NULL)
			virtio_queue_call(r->q, &call);
		r->called = r->q != NULL;
	}
	return 0;
}

void
net_vhost_stop(struct net_vhost *v)
{
	stop_rings(v);
	for (unsigned int i = 0; i < v->nrings; i++) {
		if (v->ring[i].called)
			virtio_queue_call(v->ring[i].q, NULL);
		v->ring[i].called = false;
	}
}

void
net_vhost_broken(struct net_vhost *v)
{
	doorbell_ring(v->stop);
}
