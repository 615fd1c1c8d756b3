/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * See net.h.  The guest is 10.0.2.15, and whatever is behind the card 10.0.2.2: libslirp, or the
 * host at its tap device.
 */
#include "io.h"
#include "net.h"
#include "virtio.h"

#define GUEST_IP    0x0a00020fu
#define PEER_IP	    0x0a000202u
#define NET_F_MAC   (1u << 5)
#define RX	    0u
#define TX	    1u
#define RX_BUFFERS  QUEUE_SIZE
#define RX_BYTES    2048u
#define TX_SLOTS    (QUEUE_SIZE / 2) /* two descriptors each */
#define ETHER_ARP   0x0806u
#define ETHER_IP    0x0800u
#define ARP_BYTES   28u
#define ARP_REQUEST 1u
#define ARP_REPLY   2u

static struct {
	struct virtio v;
	uint8_t rx[RX_BUFFERS][RX_BYTES] __attribute__((aligned(64)));
	struct tx_frame tx[TX_SLOTS];
	uint32_t tx_next, tx_out; /* slots are used in turn */
	uint8_t mac[6], peer[6];
	bool met;
} net;

/* ---- checksums ---- */

uint32_t
net_sum(uint32_t sum, const uint8_t *p, uint32_t len)
{
	for (; len > 1; p += 2, len -= 2)
		sum += get16(p);
	return len != 0 ? sum + ((uint32_t)*p << 8) : sum;
}

uint32_t
net_pseudo(uint32_t protocol, uint32_t bytes)
{
	return (GUEST_IP >> 16) + (GUEST_IP & 0xffff) + (PEER_IP >> 16) + (PEER_IP & 0xffff) +
	    protocol + bytes;
}

uint32_t
net_fold(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* ---- sending ---- */

struct tx_frame *
net_tx(void)
{
	struct queue *q = &net.v.q[TX];
	uint32_t head, len, seen;

	for (;;) {
		seen = irq_seen;
		while (queue_get(q, &head, &len))
			net.tx_out--;
		if (net.tx_out < TX_SLOTS)
			return &net.tx[net.tx_next];
		queue_kick(q);
		if (queue_arm(q))
			virtio_sleep(seen);
		queue_disarm(q);
	}
}

void
net_tx_push(void)
{
	uint32_t d = 2 * net.tx_next;
	struct tx_frame *f = &net.tx[net.tx_next];
	struct queue *q = &net.v.q[TX];

	queue_desc(q, d, &f->hdr, (uint32_t)sizeof(f->hdr) + f->len,
	    f->tail_len != 0 ? VIRTQ_DESC_F_NEXT : 0);
	queue_desc(q, d + 1, f->tail, f->tail_len, 0);
	queue_add(q, d);
	net.tx_next = (net.tx_next + 1) % TX_SLOTS;
	net.tx_out++;
}

void
net_tx_flush(void)
{
	queue_kick(&net.v.q[TX]);
}

static void
ether(struct tx_frame *f, const uint8_t *to, uint32_t type, uint32_t bytes)
{
	uint32_t i;

	f->hdr = (struct net_hdr){ 0 };
	for (i = 0; i < 6; i++) {
		f->bytes[i] = to[i];
		f->bytes[6 + i] = net.mac[i];
	}
	put16(&f->bytes[12], type);
	f->len = ETHER_BYTES + bytes;
	f->tail_len = 0;
}

void
net_ip(struct tx_frame *f, uint32_t protocol, uint32_t bytes)
{
	uint8_t *ip = &f->bytes[ETHER_BYTES];

	ether(f, net.peer, ETHER_IP, IP_BYTES + bytes);
	put32(ip, 0x45000000u | (IP_BYTES + bytes));
	put32(ip + 4, 0x00004000u); /* not to be fragmented */
	put32(ip + 8, 64u << 24 | protocol << 16);
	put32(ip + 12, GUEST_IP);
	put32(ip + 16, PEER_IP);
	put16(ip + 10, ~net_fold(net_sum(0, ip, IP_BYTES)));
}

/* ---- ARP ---- */

static void
arp_send(uint32_t op, const uint8_t *to, const uint8_t *whom)
{
	struct tx_frame *f = net_tx();
	uint8_t *arp = &f->bytes[ETHER_BYTES];
	uint32_t i;

	ether(f, to, ETHER_ARP, ARP_BYTES);
	put32(arp, 0x00010800u);
	put32(arp + 4, 0x06040000u | op);
	for (i = 0; i < 6; i++) {
		arp[8 + i] = net.mac[i];
		arp[18 + i] = whom[i];
	}
	put32(arp + 14, GUEST_IP);
	put32(arp + 24, PEER_IP);
	net_tx_push();
	net_tx_flush();
}

static void
arp_came(const uint8_t *arp)
{
	uint32_t i;

	if (get32(arp + 14) != PEER_IP || get32(arp + 24) != GUEST_IP)
		return;
	for (i = 0; i < 6; i++)
		net.peer[i] = arp[8 + i];
	net.met = true;
	if (get16(arp + 6) == ARP_REQUEST)
		arp_send(ARP_REPLY, net.peer, net.peer);
}

static void
ignore(const uint8_t *frame, uint32_t first, uint32_t len)
{
	(void)frame;
	(void)first;
	(void)len;
}

bool
net_meet(void)
{
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 }, nobody[6];

	arp_send(ARP_REQUEST, all, nobody);
	while (!net.met)
		net_rx(ignore);
	return true;
}

/* ---- receiving ---- */

static bool
rx_frame(net_fn *fn)
{
	struct queue *q = &net.v.q[RX];
	uint32_t head, i, len, more;
	const struct net_hdr *hdr;
	const uint8_t *frame;

	if (!queue_get(q, &head, &len))
		return false;
	hdr = (const struct net_hdr *)(const void *)net.rx[head];
	frame = net.rx[head] + sizeof(*hdr);
	i = len -= (uint32_t)sizeof(*hdr);
	queue_add(q, head);
	/* All buffers of a frame are used together (5.1.6.3.2). */
	for (uint32_t n = 1; n < hdr->num_buffers; n++) {
		if (!queue_get(q, &head, &more))
			bench_fail("a frame came without all of its buffers");
		len += more;
		queue_add(q, head);
	}
	if (get16(frame + 12) == ETHER_ARP)
		arp_came(frame + ETHER_BYTES);
	else
		fn(frame, i, len);
	return true;
}

void
net_rx(net_fn *fn)
{
	struct queue *q = &net.v.q[RX];
	uint32_t seen;
	bool any = false;

	for (;;) {
		seen = irq_seen;
		while (rx_frame(fn))
			any = true;
		queue_kick(q);
		if (any)
			return;
		if (queue_arm(q))
			virtio_sleep(seen);
	}
}

/* ---- the card ---- */

bool
net_has(uint32_t feature)
{
	return (net.v.features & feature) != 0;
}

bool
net_find(void)
{
	struct queue *q = &net.v.q[RX];
	uint32_t i;

	if (!virtio_find(&net.v, VIRTIO_NET,
		NET_F_MAC | NET_F_MRG_RXBUF | NET_F_CSUM | NET_F_GUEST_CSUM | NET_F_HOST_TSO4 |
		    NET_F_GUEST_TSO4))
		return false;
	if (!net_has(NET_F_MAC) || !net_has(NET_F_MRG_RXBUF))
		bench_fail("the card lacks MAC or MRG_RXBUF");
	virtio_queue(&net.v, RX);
	virtio_queue(&net.v, TX);
	for (i = 0; i < 6; i++)
		net.mac[i] = *(volatile uint8_t *)(net.v.device + i);
	for (i = 0; i < RX_BUFFERS; i++) {
		queue_desc(q, i, net.rx[i], RX_BYTES, VIRTQ_DESC_F_WRITE);
		queue_add(q, i);
	}
	queue_disarm(&net.v.q[TX]);
	virtio_ready(&net.v);
	queue_kick(q);
	return true;
}
