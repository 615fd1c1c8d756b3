/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The card and the frames on it (net.c), under what is measured (net_bench.c, net_tcp.c).
 */
#ifndef BENCH_NET_H
#define BENCH_NET_H

#include <stdbool.h>
#include <stdint.h>

#define ETHER_BYTES 14u
#define IP_BYTES    20u
#define L4	    (ETHER_BYTES + IP_BYTES) /* where the next header is */
#define PROTO_ICMP  1u
#define PROTO_TCP   6u
#define MTU	    1500u

/* virtio 1.2, 5.1.3 */
#define NET_F_CSUM	 (1u << 0)
#define NET_F_GUEST_CSUM (1u << 1)
#define NET_F_GUEST_TSO4 (1u << 7)
#define NET_F_HOST_TSO4	 (1u << 11)
#define NET_F_MRG_RXBUF	 (1u << 15)

/* 5.1.6 */
struct net_hdr {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};
_Static_assert(sizeof(struct net_hdr) == 12, "5.1.6");
#define NET_HDR_NEEDS_CSUM 1u
#define NET_HDR_GSO_TCPV4  1u

/* A frame to send: its headers, and what follows them in memory of somebody else's. */
struct tx_frame {
	struct net_hdr hdr;
	uint8_t bytes[116];
	uint32_t len, tail_len; /* of bytes[], and of the tail */
	const void *tail;
};

bool net_find(void);		/* finds, starts and addresses the card */
bool net_has(uint32_t feature); /* NET_F_* */
bool net_meet(void);		/* ARP: learns the peer's address */
/* Ethernet and IP headers to the peer, for `bytes' behind them. */
void net_ip(struct tx_frame *f, uint32_t protocol, uint32_t bytes);
/* The next slot to fill in, asleep while all are out. */
struct tx_frame *net_tx(void);
void net_tx_push(void); /* it is filled in; the device sees it with the next flush */
void net_tx_flush(void);
/*
 * Hands what came to fn, first the bytes in the frame's first buffer, and how many it has in all;
 * ARP is answered here.  Sleeps while nothing came.
 */
typedef void net_fn(const uint8_t *frame, uint32_t first, uint32_t len);
void net_rx(net_fn *fn);

/* Internet checksums (RFC 1071): a sum goes on, fold ends it. */
uint32_t net_sum(uint32_t sum, const uint8_t *p, uint32_t len);
uint32_t net_pseudo(uint32_t protocol, uint32_t bytes); /* of the addresses, to the peer */
uint32_t net_fold(uint32_t sum);

static inline uint32_t
get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static inline uint32_t
get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

static inline void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

void tcp_bench(void); /* net_tcp.c */

#endif /* BENCH_NET_H */
