/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Packets of 64 bytes (60 and the checksum that no virtual card has): echoes, with 1 or 32 under
 * way, and a stream of frames of no known protocol, which whoever gets them drops at once.
 */
#include "io.h"
#include "net.h"

#define ROUNDS	   4096u
#define DEPTH	   32u
#define FRAME	   60u
#define ECHO	   8u
#define ECHO_REPLY 0u
#define ETHER_TEST 0x88b5u /* IEEE 802, for experiments */

static uint32_t echoes;

static void
ping_send(void)
{
	struct tx_frame *f = net_tx();
	uint8_t *icmp = &f->bytes[L4];
	uint32_t i;

	net_ip(f, PROTO_ICMP, FRAME - L4);
	for (i = 0; i < FRAME - L4; i++)
		icmp[i] = (uint8_t)i;
	put32(icmp, ECHO << 24);
	put16(icmp + 2, ~net_fold(net_sum(0, icmp, FRAME - L4)));
	net_tx_push();
}

static void
ping_came(const uint8_t *frame, uint32_t first, uint32_t len)
{
	uint32_t i;

	if (len < FRAME || first < FRAME || frame[ETHER_BYTES + 9] != PROTO_ICMP ||
	    frame[L4] != ECHO_REPLY)
		return;
	for (i = 4; i < FRAME - L4; i++)
		if (frame[L4 + i] != (uint8_t)i)
			bench_fail("an echo came back changed");
	echoes++;
}

static void
ping(uint32_t rounds, uint32_t depth)
{
	uint32_t sent = 0;

	echoes = 0;
	while (echoes < rounds) {
		for (; sent < rounds && sent - echoes < depth; sent++)
			ping_send();
		net_tx_flush();
		net_rx(ping_came);
	}
}

static void
measure_ping(const char *name, uint32_t depth)
{
	uint64_t began;

	ping(ROUNDS / 8, depth);
	began = io_begin(name, ROUNDS);
	ping(ROUNDS, depth);
	io_end(name, began, ROUNDS);
}

static void
stream(uint32_t rounds)
{
	uint32_t i;

	for (i = 0; i < rounds; i++) {
		struct tx_frame *f = net_tx();

		net_ip(f, 0, FRAME - L4);
		put16(&f->bytes[12], ETHER_TEST);
		net_tx_push();
		if (i % DEPTH == DEPTH - 1)
			net_tx_flush();
	}
}

void
net_bench(void)
{
	uint64_t began;

	if (!net_find() || !net_meet())
		return;
	measure_ping("net_echo_qd1", 1);
	measure_ping("net_echo_qd32", DEPTH);
	stream(ROUNDS / 8);
	began = io_begin("net_send", ROUNDS);
	stream(ROUNDS);
	io_end("net_send", began, ROUNDS);
	tcp_bench();
}
