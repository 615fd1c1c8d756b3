/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Bulk data: the least of a TCP that can talk to a host which loses nothing.  It keeps to the other
 * side's window, acknowledges once for all that came together, and never sends anything again:
 * where something is lost it stands still, and whoever waits for the guest gives up.
 *
 * What is sent is all zeros, so that no time goes into the guest's checksums; what comes is
 * counted, not looked at.  With a card that segments (TSO) a frame has up to 44 segments.
 */
#include "io.h"
#include "net.h"

#define SINK	   5001u /* the host's ports */
#define SOURCE	   5002u
#define TOTAL	   (4096u * 1024)
#define WARM_UP	   (512u * 1024)
#define TCP_BYTES  20u
#define SYN_BYTES  28u /* with MSS and window scale */
#define MSS	   (MTU - IP_BYTES - TCP_BYTES)
#define TSO_BYTES  (44u * MSS)
#define OUR_SCALE  2u
#define OUR_WINDOW 65535u
#define FIN	   1u
#define SYN	   2u
#define RST	   4u
#define ACK	   16u
#define OPT_END	   0u
#define OPT_NOP	   1u
#define OPT_SCALE  3u

static struct {
	uint32_t port, peer_port;
	uint32_t snd_nxt, snd_una, window, scale; /* window in bytes */
	uint32_t rcv_nxt, acked;
	bool open;
} tcp;

static const uint8_t zeros[TSO_BYTES];

/* Seals a segment whose header has hdr_bytes: its checksum is the card's, or ours. */
static void
seal(struct tx_frame *f, uint32_t hdr_bytes)
{
	uint8_t *h = &f->bytes[L4];
	uint32_t sum = net_pseudo(PROTO_TCP, hdr_bytes + f->tail_len);

	put16(h + 16, 0);
	if (net_has(NET_F_CSUM)) {
		f->hdr.flags = NET_HDR_NEEDS_CSUM;
		f->hdr.csum_start = L4;
		f->hdr.csum_offset = 16;
		put16(h + 16, net_fold(sum));
	} else {
		put16(h + 16, ~net_fold(net_sum(sum, h, hdr_bytes)));
	}
	if (f->tail_len > MSS) {
		f->hdr.gso_type = NET_HDR_GSO_TCPV4;
		f->hdr.gso_size = MSS;
		f->hdr.hdr_len = L4 + TCP_BYTES;
	}
}

static void
segment(uint32_t flags, uint32_t bytes)
{
	uint32_t hdr_bytes = (flags & SYN) != 0 ? SYN_BYTES : TCP_BYTES;
	struct tx_frame *f = net_tx();
	uint8_t *h = &f->bytes[L4];

	net_ip(f, PROTO_TCP, hdr_bytes + bytes);
	f->len = L4 + hdr_bytes;
	f->tail = zeros;
	f->tail_len = bytes;
	put16(h, tcp.port);
	put16(h + 2, tcp.peer_port);
	put32(h + 4, tcp.snd_nxt);
	put32(h + 8, tcp.rcv_nxt);
	put16(h + 12, hdr_bytes / 4 << 12 | flags);
	put16(h + 14, OUR_WINDOW);
	put16(h + 18, 0);
	if ((flags & SYN) != 0) {
		put32(h + 20, 0x02040000u | MSS);
		put32(h + 24, OPT_NOP << 24 | OPT_SCALE << 16 | 3u << 8 | OUR_SCALE);
	}
	seal(f, hdr_bytes);
	tcp.snd_nxt += bytes + ((flags & SYN) != 0);
	tcp.acked = tcp.rcv_nxt;
	net_tx_push();
}

/* The window scale among a SYN's options; without one there is none either way (RFC 7323). */
static uint32_t
find_scale(const uint8_t *h, uint32_t hdr_bytes)
{
	uint32_t i = TCP_BYTES;

	while (i + 2 < hdr_bytes && h[i] != OPT_END) {
		if (h[i] == OPT_SCALE)
			return h[i + 2];
		i += h[i] == OPT_NOP ? 1u : h[i + 1] > 1 ? h[i + 1] : 2u;
	}
	return 0;
}

static void
came(const uint8_t *frame, uint32_t first, uint32_t len)
{
	const uint8_t *ip = frame + ETHER_BYTES, *h = frame + L4;
	uint32_t hdr_bytes, flags, data;

	if (first < L4 + TCP_BYTES || ip[9] != PROTO_TCP || get16(h + 2) != tcp.port)
		return;
	hdr_bytes = (uint32_t)(h[12] >> 4) * 4;
	flags = h[13];
	if ((flags & (RST | FIN)) != 0 || get16(ip + 2) + ETHER_BYTES > len)
		bench_fail("a connection ended before its time");
	if ((flags & SYN) != 0 && !tcp.open) {
		tcp.rcv_nxt = get32(h + 4) + 1;
		tcp.scale = find_scale(h, hdr_bytes);
		tcp.open = true;
	}
	tcp.snd_una = get32(h + 8);
	tcp.window = get16(h + 14) << ((flags & SYN) != 0 ? 0 : tcp.scale);
	data = get16(ip + 2) - IP_BYTES - hdr_bytes;
	if (data != 0 && get32(h + 4) == tcp.rcv_nxt)
		tcp.rcv_nxt += data;
}

static void
tcp_connect(uint32_t port)
{
	static uint32_t ours = 40000;

	tcp.port = ours++;
	tcp.peer_port = port;
	tcp.snd_nxt = tcp.snd_una = tcp.port << 12;
	tcp.rcv_nxt = tcp.acked = 0;
	tcp.open = false;
	segment(SYN, 0);
	net_tx_flush();
	while (!tcp.open)
		net_rx(came);
	segment(ACK, 0);
	net_tx_flush();
}

static void
tcp_end(void)
{
	segment(RST | ACK, 0);
	net_tx_flush();
}

/* Sends as much as the window takes, of what is left until `end'. */
static void
send_some(uint32_t end)
{
	uint32_t most = net_has(NET_F_HOST_TSO4) ? TSO_BYTES : MSS;
	uint32_t room, left, bytes;

	for (;;) {
		room = tcp.window - (tcp.snd_nxt - tcp.snd_una);
		left = end - tcp.snd_nxt;
		bytes = left < most ? left : most;
		if ((int32_t)room < (int32_t)bytes && room / 2 >= MSS && most > MSS)
			bytes = room / MSS * MSS; /* a window that is less than a large frame */
		if (left == 0 || (int32_t)room < (int32_t)bytes)
			break;
		segment(ACK, bytes);
	}
	net_tx_flush();
}

static void
tcp_send(uint32_t bytes)
{
	uint32_t end = tcp.snd_nxt + bytes;

	while (tcp.snd_una != end) {
		send_some(end);
		net_rx(came);
	}
}

static void
tcp_receive(uint32_t bytes)
{
	uint32_t begin = tcp.rcv_nxt;

	while (tcp.rcv_nxt - begin < bytes) {
		net_rx(came);
		if (tcp.acked != tcp.rcv_nxt)
			segment(ACK, 0);
		net_tx_flush();
	}
}

static void
bulk(const char *name, uint16_t port, void (*move)(uint32_t bytes))
{
	uint64_t began;

	tcp_connect(port);
	move(WARM_UP);
	began = io_begin(name, TOTAL / 1024);
	move(TOTAL);
	io_end(name, began, TOTAL / 1024);
	tcp_end();
}

/* The source sends on while nobody measures: its window is ours. */
void
tcp_bench(void)
{
	bulk("net_bulk_out", SINK, tcp_send);
	bulk("net_bulk_in", SOURCE, tcp_receive);
}
