/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A network card's control queue (virtio 1.2, 5.1.6.5), which frames it takes, and to which of its
 * queues they go.  All in the device's thread.
 */
#include <string.h>

#include "doorbell.h"
#include "virtio_net_impl.h"

#define ETHERTYPE_IPV4 0x0800u
#define ETHERTYPE_IPV6 0x86ddu
#define CTRL_BATCH     64u

/* ---- where frames do not come by here, the tap is told ---- */

_Static_assert(2 + 2 * FILTER_MAX <= NETBE_TAP_FILTER_MAX, "all there are");

/* Addresses of one device first: the host compares some of them, and groups by a hash. */
static void
vhost_filter(struct virtio_net *vn)
{
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const struct rx_filter *f = &vn->filter;
	uint8_t mac[2 + 2 * FILTER_MAX][6];
	unsigned int n = 0;

	if (vn->vhost == NULL)
		return;
	if (!f->promisc && !f->uni.all) {
		memcpy(mac[n++], f->mac, 6);
		memcpy(mac[n], f->uni.mac, f->uni.n * sizeof(mac[0]));
		n += f->uni.n;
		memcpy(mac[n++], broadcast, 6);
		memcpy(mac[n], f->multi.mac, f->multi.n * sizeof(mac[0]));
		n += f->multi.n;
	}
	netbe_tap_filter(vn->be, mac, n, f->allmulti || f->multi.all);
}

/* Which of its queues the tap fills; bhyve itself reads the first alone. */
static bool
vhost_pairs(struct virtio_net *vn, unsigned int n)
{
	return vn->vhost == NULL || netbe_tap_use_queues(vn->be, vn->on_vhost ? n : 1) == 0;
}

void
virtio_net_ctrl_reset(struct virtio_net *vn)
{
	memset(&vn->filter, 0, sizeof(vn->filter));
	vn->filter.promisc = true;
	memcpy(vn->filter.mac, vn->mac, sizeof(vn->filter.mac));
	memset(vn->flow, 0, sizeof(vn->flow));
	vn->npairs = 1;
	vhost_filter(vn);
	vhost_pairs(vn, 1);
}

/* ---- commands: false is VIRTIO_NET_ERR ---- */

static bool
ctrl_rx(struct virtio_net *vn, uint8_t cmd, const uint8_t *data, uint32_t len)
{
	if ((vn->features & VIRTIO_NET_F_CTRL_RX) == 0 || len < 1)
		return false;
	if (cmd == VIRTIO_NET_CTRL_RX_PROMISC)
		vn->filter.promisc = data[0] != 0;
	else if (cmd == VIRTIO_NET_CTRL_RX_ALLMULTI)
		vn->filter.allmulti = data[0] != 0;
	else
		return false;
	return true;
}

/* A number of entries, 32 bits, and so many addresses; how many bytes, 0: it is not that. */
static uint32_t
parse_table(struct mac_table *t, const uint8_t *data, uint32_t len, uint32_t real_len)
{
	uint32_t n;

	if (len < 4)
		return 0;
	n = get_le16(data) | (uint32_t)get_le16(data + 2) << 16;
	if (n > (real_len - 4) / 6)
		return 0;
	t->all = n > FILTER_MAX || n > (len - 4) / 6;
	t->n = t->all ? 0 : n;
	memcpy(t->mac, data + 4, 6u * t->n);
	return 4 + 6 * n;
}

/* real_len: of the command; what is behind len of it was not fetched. */
static bool
set_tables(struct virtio_net *vn, const uint8_t *data, uint32_t len, uint32_t real_len)
{
	struct mac_table uni = { 0 }, multi = { 0 };
	uint32_t used = parse_table(&uni, data, len, real_len);

	if (used == 0)
		return false;
	if (len < used || len - used < 4) {
		/* The second table was not fetched: there are too many addresses in any case. */
		if (real_len - used < 4)
			return false;
		multi.all = true;
	} else if (parse_table(&multi, data + used, len - used, real_len - used) == 0) {
		return false;
	}
	vn->filter.uni = uni;
	vn->filter.multi = multi;
	return true;
}

/* configuration space has the address too (5.1.6.5.2.2). */
static bool
set_mac(struct virtio_net *vn, const uint8_t *data, uint32_t len)
{
	if ((vn->features & VIRTIO_NET_F_CTRL_MAC_ADDR) == 0 || len < 6 || (data[0] & 1) != 0)
		return false;
	memcpy(vn->filter.mac, data, 6);
	memcpy(vn->config.mac, data, 6);
	return true;
}

static bool
ctrl_mac(struct virtio_net *vn, uint8_t cmd, const uint8_t *data, uint32_t len, uint32_t real_len)
{
	if (cmd == VIRTIO_NET_CTRL_MAC_ADDR_SET)
		return set_mac(vn, data, len);
	return cmd == VIRTIO_NET_CTRL_MAC_TABLE_SET && (vn->features & VIRTIO_NET_F_CTRL_RX) != 0 &&
	    set_tables(vn, data, len, real_len);
}

static bool
ctrl_mq(struct virtio_net *vn, uint8_t cmd, const uint8_t *data, uint32_t len)
{
	unsigned int n;

	if ((vn->features & VIRTIO_NET_F_MQ) == 0 || cmd != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET ||
	    len < 2)
		return false;
	n = get_le16(data);
	if (n < 1 || n > vn->max_pairs || !vhost_pairs(vn, n))
		return false;
	vn->npairs = n;
	return true;
}

/* With vd.lock held. */
static uint8_t
command(struct virtio_net *vn, const struct vq_chain *c)
{
	uint8_t bytes[CTRL_MAX_BYTES];
	uint32_t len = net_iov_copyout(c->iov, c->nread, 0, bytes, sizeof(bytes)) - 2;
	uint32_t real_len = c->read_len - 2;
	const uint8_t *data = bytes + 2;
	bool ok = false;

	if (bytes[0] == VIRTIO_NET_CTRL_RX)
		ok = ctrl_rx(vn, bytes[1], data, len);
	else if (bytes[0] == VIRTIO_NET_CTRL_MAC)
		ok = ctrl_mac(vn, bytes[1], data, len, real_len);
	else if (bytes[0] == VIRTIO_NET_CTRL_MQ)
		ok = ctrl_mq(vn, bytes[1], data, len);
	if (ok && vn->on_vhost)
		vhost_filter(vn);
	return (uint8_t)(ok ? VIRTIO_NET_OK : VIRTIO_NET_ERR);
}

void
virtio_net_ctrl(struct virtio_net *vn)
{
	struct vq_chain *c = &vn->chain;
	struct virtqueue *q = vn->ctrl;
	unsigned int n;
	uint8_t ack;

	doorbell_answer(q->doorbell);
	for (n = 0; n < CTRL_BATCH && vq_get(q, c) == 1; n++) {
		if (c->read_len < 2 || c->write_len < 1) {
			vq_break(q, "a control command without room for class, command or answer");
			return;
		}
		/* A reset that holds the lock waits for us: look again, or be gone. */
		if (pthread_mutex_trylock(&vn->vd.lock) != 0) {
			vq_unget(q);
			n = CTRL_BATCH;
			break;
		}
		ack = command(vn, c);
		pthread_mutex_unlock(&vn->vd.lock);
		net_iov_copyin(c->iov + c->nread, c->nwrite, 0, &ack, 1);
		vq_put(q, c->head, 1);
	}
	vq_notify(q);
	if (n == CTRL_BATCH)
		doorbell_ring(q->doorbell);
}

/* ---- which frames ---- */

static bool
in_table(const struct mac_table *t, const uint8_t *mac)
{
	for (uint32_t i = 0; i < t->n; i++) {
		if (memcmp(t->mac[i], mac, 6) == 0)
			return true;
	}
	return t->all;
}

bool
virtio_net_wants(const struct virtio_net *vn, const uint8_t *frame, uint32_t len)
{
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const struct rx_filter *f = &vn->filter;

	if (len < ETHER_HDR)
		return false;
	if (f->promisc || memcmp(frame, broadcast, 6) == 0)
		return true;
	if ((frame[0] & 1) != 0)
		return f->allmulti || in_table(&f->multi, frame);
	return memcmp(frame, f->mac, 6) == 0 || in_table(&f->uni, frame);
}

/* ---- which queues ---- */

static uint8_t
mix(const uint8_t *p, uint32_t n)
{
	uint8_t h = 0;

	for (uint32_t i = 0; i < n; i++)
		h = (uint8_t)((h ^ p[i]) * 167u);
	return h;
}

/*
 * The same for both directions of a TCP or UDP connection: each end is mixed by itself.  Frames
 * of no such kind are one flow.
 */
static uint8_t
flow_of(const uint8_t *frame, uint32_t len)
{
	const uint8_t *ip = frame + ETHER_HDR, *ports;
	uint32_t type, addr, size, transport;
	uint8_t protocol, from, to;

	if (len < ETHER_HDR + 40)
		return 0;
	type = (uint32_t)frame[12] << 8 | frame[13];
	if (type == ETHERTYPE_IPV4) {
		addr = 12;
		size = 4;
		protocol = ip[9];
		transport = (ip[0] & 15u) * 4;
		/* A fragment has no ports. */
		if ((ip[6] & 0x3f) != 0 || ip[7] != 0)
			protocol = 0;
	} else if (type == ETHERTYPE_IPV6) {
		addr = 8;
		size = 16;
		protocol = ip[6];
		transport = 40;
	} else {
		return 0;
	}
	if ((protocol != 6 && protocol != 17) || len < ETHER_HDR + transport + 4)
		return (uint8_t)(mix(ip + addr, size) ^ mix(ip + addr + size, size));
	ports = ip + transport;
	from = mix(ip + addr, size) ^ mix(ports, 2);
	to = mix(ip + addr + size, size) ^ mix(ports + 2, 2);
	return (uint8_t)(from + to);
}

void
virtio_net_flow_learn(struct virtio_net *vn, const uint8_t *frame, uint32_t len, unsigned int pair)
{
	vn->flow[flow_of(frame, len)] = (uint8_t)pair;
}

unsigned int
virtio_net_flow_pair(const struct virtio_net *vn, const uint8_t *frame, uint32_t len)
{
	unsigned int pair = vn->npairs > 1 ? vn->flow[flow_of(frame, len)] : 0;

	return pair < vn->npairs && vn->pair[pair].rx != NULL ? pair : 0;
}
