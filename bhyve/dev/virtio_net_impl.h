/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What virtio_net.c (life, frames) and virtio_net_ctrl.c (the control queue, which frames are
 * wanted, and where they go) share.
 */
#ifndef BHYVE_VIRTIO_NET_IMPL_H
#define BHYVE_VIRTIO_NET_IMPL_H

#include "event.h"
#include "net_backend.h"
#include "net_vhost.h"
#include "virtio_net.h"

#define ETHER_HDR      14u
#define FILTER_MAX     64u  /* addresses of each table; more of them stand for all */
#define FLOWS	       256u /* hash buckets */
#define CTRL_MAX_BYTES (2u + 2u * (4u + 6u * FILTER_MAX))

/* 5.1.4, as far as its fields are offered; little-endian. */
struct virtio_net_config {
	uint8_t mac[6];
	uint16_t status;
	uint16_t max_virtqueue_pairs;
	uint16_t mtu;
};

/* One of the two tables of MAC_TABLE_SET. */
struct mac_table {
	uint32_t n;
	bool all; /* there were more than fit */
	uint8_t mac[FILTER_MAX][6];
};

struct rx_filter {
	bool promisc, allmulti;
	uint8_t mac[6];
	struct mac_table uni, multi;
};

struct virtio_net;

/* A receive and a transmit queue; the device's thread's. */
struct net_pair {
	struct virtio_net *vn;
	struct virtqueue *rx, *tx; /* NULL: not set up by the driver */
	bool rx_filled;		   /* used entries were put and not yet published */
};

struct virtio_net {
	struct virtio_dev vd;
	struct netbe *be;	 /* immutable, and down to running */
	struct net_vhost *vhost; /* NULL: the thread below moves frames itself */
	uint8_t mac[6];
	unsigned int max_pairs;
	struct virtio_net_config config; /* [vd.lock] */
	bool running;			 /* [vd.lock] there is a thread, and its loop */
	pthread_t thread;
	struct ev_loop *loop;
	/* The device's thread's while it runs: */
	uint64_t features;
	bool on_vhost;	     /* the host's kernel has the pairs' queues */
	bool said_vhost;     /* the user was told that it would not */
	unsigned int npairs; /* in use */
	struct net_pair pair[VIRTIO_NET_MAX_PAIRS];
	struct virtqueue *ctrl;	 /* NULL: none */
	struct net_pair *hungry; /* frames wait until this one has buffers */
	struct rx_filter filter;
	uint8_t flow[FLOWS]; /* which pair last sent for it */
	struct vq_chain chain;
};

static inline uint16_t
get_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

/* After DRIVER_OK: everything is wanted, as far as there is nothing to say otherwise. */
void virtio_net_ctrl_reset(struct virtio_net *vn);
/* The control queue's doorbell. */
void virtio_net_ctrl(struct virtio_net *vn);
bool virtio_net_wants(const struct virtio_net *vn, const uint8_t *frame, uint32_t len);
/* 5.1.6.5.5.1: what belongs to a flow comes back on the pair that sends for it. */
void virtio_net_flow_learn(
    struct virtio_net *vn, const uint8_t *frame, uint32_t len, unsigned int pair);
unsigned int virtio_net_flow_pair(const struct virtio_net *vn, const uint8_t *frame, uint32_t len);

#endif /* BHYVE_VIRTIO_NET_IMPL_H */
