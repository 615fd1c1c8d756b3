/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The network card, driven as a guest drives it: frames both ways, headers that may and may not be
 * believed, buffers that are missing or too small, the control queue, several pairs of queues.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dev/virtio_net.h"
#include "fake_netbe.h"
#include "net_backend.h"
#include "virtio_rig.h"

#define RX(pair) (2u * (pair))
#define TX(pair) (2u * (pair) + 1)
#define HDR	 sizeof(struct virtio_net_hdr)
#define WAIT_MS	 5000
#define SOON_MS	 20 /* for what must not happen */

static struct virtio_rig rig;
static struct virtio_dev *vd;

/* ---- a card ---- */

static void
plug(const char *conf, uint64_t backend)
{
	virtio_rig_init(&rig, 0);
	fake_netbe_reset(backend);
	vd = virtio_net_model.create(&rig.env, virtio_rig_conf(conf));
	assert_non_null(vd);
	virtio_rig_attach(&rig, vd);
}

static int
teardown(void **state)
{
	(void)state;
	if (vd == NULL)
		return 0;
	virtio_rig_detach(&rig);
	virtio_net_model.destroy(vd);
	virtio_rig_fini(&rig);
	vd = NULL;
	return 0;
}

static void
start(const char *conf, uint64_t backend, uint64_t features, uint16_t size)
{
	plug(conf, backend);
	assert_true(virtio_rig_start(&rig, features, size));
}

static void
pause_ms(unsigned int ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = (long)ms * 1000000 }, NULL);
}

static void
wait_taken(void)
{
	for (int i = 0; i < WAIT_MS && fake_netbe_waiting() > 0; i++)
		pause_ms(1);
	assert_int_equal(fake_netbe_waiting(), 0);
}

/* A frame to send, and the guest waits until its buffer is back. */
static void
send_frame(unsigned int q, const struct virtio_net_hdr *hdr, const void *frame, uint32_t len)
{
	struct rig_buf b[] = { RIG_READ(hdr, HDR), RIG_READ(frame, len) };
	struct rig_used used;

	assert_int_not_equal(virtio_rig_add(&rig, q, b, len > 0 ? 2 : 1), RIG_NONE);
	virtio_rig_kick(&rig, q);
	assert_true(virtio_rig_wait_used(&rig, q, WAIT_MS, &used));
	assert_int_equal(used.len, 0);
}

/* A buffer to receive in; where. */
static uint64_t
post(unsigned int q, uint32_t len)
{
	struct rig_buf b = RIG_WRITE(len);

	assert_int_not_equal(virtio_rig_add(&rig, q, &b, 1), RIG_NONE);
	virtio_rig_kick(&rig, q);
	return b.gpa;
}

static uint8_t incoming[FAKE_NETBE_FRAME];

/* len bytes of frame behind a header, to `to' or everybody. */
static void
inject(const uint8_t *to, uint32_t len)
{
	memset(incoming, 0, HDR);
	for (uint32_t i = 0; i < len; i++)
		incoming[HDR + i] = (uint8_t)(i * 7);
	memset(incoming + HDR, 0xff, 6);
	if (to != NULL)
		memcpy(incoming + HDR, to, 6);
	assert_true(fake_netbe_inject(incoming, (uint32_t)HDR + len));
}

static const struct virtio_net_hdr *
header_at(uint64_t gpa)
{
	return virtio_rig_va(&rig, gpa);
}

/* ---- configuration ---- */

static void
test_config(void **state)
{
	uint8_t mac[6];

	(void)state;
	plug("backend=slirp", 0);
	assert_int_equal(vd->nqueues, 3);
	assert_int_equal(vd->id, VIRTIO_ID_NET);
	assert_int_equal(vd->offered & (VIRTIO_NET_F_MQ | VIRTIO_NET_F_MTU | NETBE_CSUM), 0);
	assert_int_equal(virtio_config_read(vd, 0, 2), 0x9c58);
	assert_int_equal(virtio_config_read(vd, 2, 1), 0xfc);
	assert_int_equal(virtio_config_read(vd, 6, 2), 1);
	assert_int_equal(virtio_config_read(vd, 8, 2), 1);
	memcpy(mac, vd->config, 6);
	teardown(NULL);
	plug("backend=slirp", 0); /* the same again */
	assert_memory_equal(mac, vd->config, 6);
	teardown(NULL);
	virtio_rig_init(&rig, 0);
	rig.env.vm_name = "other"; /* and not for another */
	vd = virtio_net_model.create(&rig.env, virtio_rig_conf(""));
	virtio_rig_attach(&rig, vd);
	assert_memory_not_equal(mac, vd->config, 6);
}

static void
test_config_given(void **state)
{
	static const uint8_t mac[] = { 2, 0, 0, 0x12, 0x34, 0x56 };

	(void)state;
	plug("mac=02:00:00:12:34:56,mtu=9000,queues=4", NETBE_CSUM | NETBE_HOST_TSO4);
	assert_memory_equal(vd->config, mac, 6);
	assert_int_equal(virtio_config_read(vd, 8, 2), 4);
	assert_int_equal(virtio_config_read(vd, 10, 2), 9000);
	assert_int_equal(vd->nqueues, 9);
	assert_int_equal(~vd->offered & (VIRTIO_NET_F_MQ | VIRTIO_NET_F_MTU | NETBE_CSUM), 0);
	assert_false(virtio_rig_negotiate(&rig, NETBE_HOST_TSO6));
	assert_true(virtio_rig_start(&rig, NETBE_CSUM, 16));
	assert_int_equal(fake_netbe_accepted(), NETBE_CSUM);
}

/* ---- sending ---- */

static void
test_send(void **state)
{
	static const struct virtio_net_hdr hdr = { .flags = VIRTIO_NET_HDR_F_DATA_VALID,
		.hdr_len = 3,
		.gso_size = 9,
		.csum_start = 99,
		.csum_offset = 99,
		.num_buffers = 7 };
	uint8_t frame[300], got[400];

	(void)state;
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)i;
	start("", 0, 0, 64);
	send_frame(TX(0), &hdr, frame, sizeof(frame));
	assert_int_equal(fake_netbe_sent(), 1);
	assert_int_equal(fake_netbe_last(got, sizeof(got)), HDR + sizeof(frame));
	/* What the driver may not say, and what has no meaning, is gone. */
	for (size_t i = 0; i < HDR; i++)
		assert_int_equal(got[i], 0);
	assert_memory_equal(got + HDR, frame, sizeof(frame));
}

static void
test_send_pieces(void **state)
{
	uint8_t hdr[HDR] = { 0 }, frame[100], got[200];
	struct rig_buf b[] = { RIG_READ(hdr, 5), RIG_READ(hdr + 5, 4), RIG_READ("\0\0\0abc", 6),
		RIG_READ(frame, 100) };
	struct rig_used used;

	(void)state;
	memset(frame, 0x5a, sizeof(frame));
	start("", 0, VIRTIO_F_INDIRECT_DESC, 64);
	virtio_rig_add_indirect(&rig, TX(0), b, 4);
	virtio_rig_kick(&rig, TX(0));
	assert_true(virtio_rig_wait_used(&rig, TX(0), WAIT_MS, &used));
	assert_int_equal(fake_netbe_last(got, sizeof(got)), HDR + 103);
	assert_memory_equal(got + HDR, "abcZZZ", 6);
}

/* Lost, and nothing else happens; only a chain without a whole header is against the rules. */
static void
test_send_lengths(void **state)
{
	static uint8_t frame[NETBE_MAX_FRAME + 1];
	static const struct virtio_net_hdr hdr;
	struct rig_buf b = RIG_READ(&hdr, HDR - 1);

	(void)state;
	start("", 0, 0, 64);
	send_frame(TX(0), &hdr, frame, 0);
	send_frame(TX(0), &hdr, frame, 13);
	send_frame(TX(0), &hdr, frame, sizeof(frame));
	assert_int_equal(fake_netbe_sent(), 0);
	send_frame(TX(0), &hdr, frame, 14);
	send_frame(TX(0), &hdr, frame, NETBE_MAX_FRAME);
	assert_int_equal(fake_netbe_sent(), 2);
	virtio_rig_add(&rig, TX(0), &b, 1);
	virtio_rig_kick(&rig, TX(0));
	assert_true(virtio_rig_wait_broken(&rig, WAIT_MS));
	assert_int_equal(fake_netbe_sent(), 2);
	assert_non_null(strstr(virtio_rig_said, "no header"));
	assert_true(virtio_rig_start(&rig, 0, 64));
	send_frame(TX(0), &hdr, frame, 14);
	assert_int_equal(fake_netbe_sent(), 3);
}

static void
test_send_offloads(void **state)
{
	enum { CSUM = VIRTIO_NET_HDR_F_NEEDS_CSUM };
	static const uint8_t frame[100];
	static const struct {
		struct virtio_net_hdr hdr;
		bool sent;
	} rows[] = {
		{ { .flags = CSUM, .csum_start = 34, .csum_offset = 16 }, true },
		{ { .flags = CSUM, .csum_start = 82, .csum_offset = 16 }, true },
		{ { .flags = CSUM, .csum_start = 83, .csum_offset = 16 }, false },
		{ { .flags = CSUM, .csum_start = 0xffff, .csum_offset = 0xffff }, false },
		{ { CSUM, VIRTIO_NET_HDR_GSO_TCPV4, 54, 40, 34, 16, 0 }, true },
		{ { CSUM, VIRTIO_NET_HDR_GSO_TCPV4, 101, 40, 34, 16, 0 }, true },
		{ { CSUM, VIRTIO_NET_HDR_GSO_TCPV4, 54, 0, 34, 16, 0 }, false },
		{ { 0, VIRTIO_NET_HDR_GSO_TCPV4, 54, 40, 34, 16, 0 }, false },
		{ { CSUM, VIRTIO_NET_HDR_GSO_TCPV6, 54, 40, 34, 16, 0 }, false },
		{ { CSUM, VIRTIO_NET_HDR_GSO_UDP, 54, 40, 34, 16, 0 }, false },
		{ { CSUM, 0x80 | VIRTIO_NET_HDR_GSO_TCPV4, 54, 40, 34, 16, 0 }, false },
		{ { CSUM, 2, 54, 40, 34, 16, 0 }, false },
	};
	unsigned int sent = 0;
	struct virtio_net_hdr got;

	(void)state;
	start("", NETBE_CSUM | NETBE_HOST_TSO4 | NETBE_HOST_TSO6, NETBE_CSUM | NETBE_HOST_TSO4, 64);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		send_frame(TX(0), &rows[i].hdr, frame, sizeof(frame));
		sent += rows[i].sent;
		assert_int_equal(fake_netbe_sent(), sent);
		fake_netbe_last((uint8_t *)&got, HDR);
		if (rows[i].sent && rows[i].hdr.hdr_len <= sizeof(frame))
			assert_memory_equal(&got, &rows[i].hdr, HDR);
	}
	/* Nothing of it was accepted: nothing of it goes. */
	assert_true(virtio_rig_start(&rig, 0, 64));
	send_frame(TX(0), &rows[0].hdr, frame, sizeof(frame));
	send_frame(TX(0), &rows[4].hdr, frame, sizeof(frame));
	assert_int_equal(fake_netbe_sent(), sent);
}

/* Many at once, with event indexes: all are sent, and doorbells are rung for few. */
static void
test_send_many(void **state)
{
	static const struct virtio_net_hdr hdr;
	struct rig_buf b[2];
	struct rig_used used;
	unsigned int kicks = 0, back = 0, total = 3000;
	uint64_t at;

	(void)state;
	start("", 0, VIRTIO_F_EVENT_IDX, 256);
	at = virtio_rig_alloc(&rig, HDR + 60, 16);
	memcpy(virtio_rig_va(&rig, at), &hdr, HDR);
	for (unsigned int put = 0; back < total;) {
		b[0] = (struct rig_buf)RIG_AT(at, HDR + 60, false);
		if (put < total && virtio_rig_add(&rig, TX(0), b, 1) != RIG_NONE) {
			put++;
			kicks += virtio_rig_kick(&rig, TX(0));
			continue;
		}
		assert_true(virtio_rig_wait_used(&rig, TX(0), WAIT_MS, &used));
		back++;
	}
	assert_int_equal(fake_netbe_sent(), total);
	assert_true(kicks < total);
}

/* ---- receiving ---- */

static void
test_receive(void **state)
{
	struct rig_used used;
	uint64_t gpa;

	(void)state;
	start("", NETBE_CSUM, 0, 64);
	gpa = post(RX(0), 1526);
	inject(NULL, 100);
	assert_true(virtio_rig_wait_used(&rig, RX(0), WAIT_MS, &used));
	assert_int_equal(used.len, HDR + 100);
	assert_int_equal(header_at(gpa)->num_buffers, 1);
	assert_memory_equal((uint8_t *)virtio_rig_va(&rig, gpa) + HDR, incoming + HDR, 100);
	assert_true(virtio_rig_wait_irqs(&rig, RX(0), 1, WAIT_MS));
}

/* Flags are for who accepted them. */
static void
test_receive_flags(void **state)
{
	static const struct virtio_net_hdr hdr = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM };
	uint8_t frame[HDR + 60] = { 0 };
	struct rig_used used;
	uint64_t gpa;

	(void)state;
	memcpy(frame, &hdr, HDR);
	plug("", NETBE_GUEST_CSUM);
	for (int accepted = 0; accepted < 2; accepted++) {
		assert_true(virtio_rig_start(&rig, accepted ? NETBE_GUEST_CSUM : 0, 64));
		gpa = post(RX(0), 1526);
		assert_true(fake_netbe_inject(frame, sizeof(frame)));
		assert_true(virtio_rig_wait_used(&rig, RX(0), WAIT_MS, &used));
		assert_int_equal(header_at(gpa)->flags, accepted);
	}
}

static void
test_receive_merged(void **state)
{
	struct rig_used used;
	uint64_t gpa[3];

	(void)state;
	start("", 0, VIRTIO_NET_F_MRG_RXBUF, 64);
	for (int i = 0; i < 3; i++)
		gpa[i] = post(RX(0), 100);
	inject(NULL, 210);
	for (int i = 0; i < 3; i++) {
		assert_true(virtio_rig_wait_used(&rig, RX(0), WAIT_MS, &used));
		assert_int_equal(used.len, i < 2 ? 100 : HDR + 210 - 200);
	}
	assert_int_equal(header_at(gpa[0])->num_buffers, 3);
	assert_memory_equal(virtio_rig_va(&rig, gpa[1]), incoming + 100, 100);
	assert_memory_equal(virtio_rig_va(&rig, gpa[2]), incoming + 200, 22);
}

/* Frames wait for buffers, also where one of those they need is there. */
static void
wait_for_buffers(uint64_t features)
{
	struct rig_used used;

	start("", 0, features | VIRTIO_NET_F_MRG_RXBUF, 64);
	inject(NULL, 150);
	pause_ms(SOON_MS);
	post(RX(0), 100);
	assert_false(virtio_rig_wait_used(&rig, RX(0), SOON_MS, &used));
	assert_int_equal(fake_netbe_waiting(), 1);
	post(RX(0), 100);
	assert_true(virtio_rig_wait_used(&rig, RX(0), WAIT_MS, &used));
	assert_true(virtio_rig_wait_used(&rig, RX(0), WAIT_MS, &used));
	assert_int_equal(used.len, HDR + 50);
	/* And again: the doorbell works more than once. */
	inject(NULL, 60);
	inject(NULL, 61);
	pause_ms(SOON_MS);
	post(RX(0), 100);
	assert_true(virtio_rig_wait_used(&rig, RX(0), WAIT_MS, &used));
	post(RX(0), 100);
	assert_true(virtio_rig_wait_used(&rig, RX(0), WAIT_MS, &used));
	assert_int_equal(used.len, HDR + 61);
}

static void
test_receive_waits(void **state)
{
	(void)state;
	wait_for_buffers(0);
}

static void
test_receive_waits_event_idx(void **state)
{
	(void)state;
	wait_for_buffers(VIRTIO_F_EVENT_IDX);
}

/* A frame that does not fit is lost, and its buffer serves the next. */
static void
test_receive_too_small(void **state)
{
	struct rig_used used;

	(void)state;
	start("", 0, 0, 64);
	post(RX(0), 100);
	inject(NULL, 100);
	wait_taken();
	inject(NULL, 50);
	assert_true(virtio_rig_wait_used(&rig, RX(0), WAIT_MS, &used));
	assert_int_equal(used.len, HDR + 50);
	/* Merged, with all that the queue has. */
	assert_true(virtio_rig_start(&rig, VIRTIO_NET_F_MRG_RXBUF, 4));
	for (int i = 0; i < 4; i++)
		post(RX(0), 100);
	inject(NULL, 500);
	wait_taken();
	inject(NULL, 300);
	assert_true(virtio_rig_wait_used(&rig, RX(0), WAIT_MS, &used));
}

static void
test_receive_no_header(void **state)
{
	(void)state;
	start("", 0, VIRTIO_NET_F_MRG_RXBUF, 64);
	post(RX(0), HDR - 1);
	inject(NULL, 100);
	assert_true(virtio_rig_wait_broken(&rig, WAIT_MS));
	/* What waits is for the next driver. */
	assert_true(virtio_rig_start(&rig, 0, 64));
	post(RX(0), 1526);
	assert_true(virtio_rig_wait_irqs(&rig, RX(0), 1, WAIT_MS));
}

static void
test_receive_buffer_to_read(void **state)
{
	struct rig_buf b = RIG_READ("0123456789abcdef", 16);

	(void)state;
	start("", 0, 0, 64);
	virtio_rig_add(&rig, RX(0), &b, 1);
	inject(NULL, 100);
	assert_true(virtio_rig_wait_broken(&rig, WAIT_MS));
}

/* ---- control ---- */

static uint8_t
ctrl(unsigned int q, uint8_t class, uint8_t cmd, const void *data, uint32_t len)
{
	uint8_t head[2] = { class, cmd };
	struct rig_buf b[3] = { RIG_READ(head, 2), RIG_READ(data, len), RIG_WRITE(1) };
	struct rig_used used;
	unsigned int n = 3;
	uint64_t ack;

	if (len == 0) {
		b[1] = b[2];
		n = 2;
	}
	assert_int_not_equal(virtio_rig_add(&rig, q, b, n), RIG_NONE);
	ack = b[n - 1].gpa;
	virtio_rig_kick(&rig, q);
	assert_true(virtio_rig_wait_used(&rig, q, WAIT_MS, &used));
	assert_int_equal(used.len, 1);
	return *(uint8_t *)virtio_rig_va(&rig, ack);
}

#define CTRL_FEATURES (VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_CTRL_MAC_ADDR)

/* Whether a frame comes in before one for everybody, which is longer. */
static bool
gets(const uint8_t *to)
{
	struct rig_used used;
	bool got;

	inject(to, 60);
	inject(NULL, 61);
	assert_true(virtio_rig_wait_used(&rig, RX(0), WAIT_MS, &used));
	got = used.len == HDR + 60;
	post(RX(0), 200);
	if (got) {
		assert_true(virtio_rig_wait_used(&rig, RX(0), WAIT_MS, &used));
		post(RX(0), 200);
	}
	assert_int_equal(used.len, HDR + 61);
	return got;
}

static void
test_filter(void **state)
{
	static const uint8_t ours[] = { 2, 0, 0, 0, 0, 1 }, other[] = { 2, 0, 0, 0, 0, 2 },
			     group[] = { 1, 0, 0x5e, 0, 0, 1 }, third[] = { 2, 0, 0, 0, 0, 3 };
	uint8_t tables[4 + 6 + 4 + 6] = { 1, [10] = 1 };

	(void)state;
	start("mac=02:00:00:00:00:01", 0, CTRL_FEATURES, 64);
	for (int i = 0; i < 4; i++)
		post(RX(0), 200);
	assert_true(gets(other)); /* until the driver says otherwise */
	assert_int_equal(ctrl(2, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, "", 1), 0);
	assert_true(gets(ours));
	assert_true(gets(NULL));
	assert_false(gets(other));
	assert_false(gets(group));
	assert_int_equal(ctrl(2, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, "\1", 1), 0);
	assert_true(gets(group));
	assert_int_equal(ctrl(2, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, "", 1), 0);
	memcpy(tables + 4, other, 6);
	memcpy(tables + 14, group, 6);
	assert_int_equal(
	    ctrl(2, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, tables, 20), 0);
	assert_true(gets(other));
	assert_true(gets(group));
	assert_int_equal(ctrl(2, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, third, 6), 0);
	assert_true(gets(third));
	assert_false(gets(ours));
	assert_memory_equal(vd->config, third, 6);
	assert_true(virtio_rig_start(&rig, 0, 64));
	assert_memory_equal(vd->config, ours, 6);
}

/* More addresses than the tables hold are all addresses. */
static void
test_filter_large(void **state)
{
	static const uint8_t other[] = { 2, 0, 0, 0, 0, 2 }, group[] = { 1, 0, 0x5e, 0, 0, 1 };
	static uint8_t tables[4 + 6 * 65 + 4 + 6 * 300];

	(void)state;
	start("mac=02:00:00:00:00:01", 0, CTRL_FEATURES, 64);
	for (int i = 0; i < 4; i++)
		post(RX(0), 200);
	assert_int_equal(ctrl(2, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, "", 1), 0);
	tables[0] = 65;
	assert_int_equal(
	    ctrl(2, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, tables, 4 + 6 * 65 + 4), 0);
	assert_true(gets(other));
	assert_false(gets(group));
	tables[0] = 0;
	tables[4] = 44;
	tables[5] = 1; /* 300 */
	assert_int_equal(
	    ctrl(2, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, tables, 8 + 6 * 300), 0);
	assert_false(gets(other));
	assert_true(gets(group));
}

static void
test_ctrl_refused(void **state)
{
	static const uint8_t too_many[8] = { 1 }, endless[8] = { 0xff, 0xff, 0xff, 0xff };
	static const struct {
		uint8_t class, cmd;
		const void *data;
		uint32_t len;
	} rows[] = {
		{ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, "", 0 },
		{ VIRTIO_NET_CTRL_RX, 2, "\1", 1 },
		{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, "", 0 },
		{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, "\0\0\0\0", 4 },
		{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, too_many, 8 },
		{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, endless, 8 },
		{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, "\2\0\0\0\0", 5 },
		{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, "\1\0\0\0\0\0", 6 },
		{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, "\1\0", 2 },
		{ 99, 0, "\1\0", 2 },
	};
	struct rig_buf b[] = { RIG_READ("\0", 1), RIG_WRITE(1) };

	(void)state;
	start("queues=2", 0, CTRL_FEATURES, 64);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    ctrl(2, rows[i].class, rows[i].cmd, rows[i].data, rows[i].len), VIRTIO_NET_ERR);
	virtio_rig_add(&rig, 2, b, 2);
	virtio_rig_kick(&rig, 2);
	assert_true(virtio_rig_wait_broken(&rig, WAIT_MS));
}

/* ---- several pairs ---- */

static void
tcp(uint8_t *frame, bool reply)
{
	memset(frame, 0, 80);
	frame[12] = 8;
	frame[14] = 0x45;
	frame[14 + 9] = 6;
	memcpy(frame + 14 + (reply ? 16 : 12), "\12\0\2\17", 4);
	memcpy(frame + 14 + (reply ? 12 : 16), "\12\0\2\2", 4);
	memcpy(frame + 34 + (reply ? 2 : 0), "\300\1", 2);
	memcpy(frame + 34 + (reply ? 0 : 2), "\0\120", 2);
}

static void
test_pairs(void **state)
{
	static const struct virtio_net_hdr hdr;
	uint8_t frame[HDR + 80] = { 0 };
	struct rig_used used;

	(void)state;
	start("queues=3", 0, CTRL_FEATURES | VIRTIO_NET_F_MQ, 64);
	assert_int_equal(ctrl(6, VIRTIO_NET_CTRL_MQ, 0, "\0\0", 2), VIRTIO_NET_ERR);
	assert_int_equal(ctrl(6, VIRTIO_NET_CTRL_MQ, 0, "\4\0", 2), VIRTIO_NET_ERR);
	for (unsigned int i = 0; i < 3; i++)
		for (int k = 0; k < 4; k++)
			post(RX(i), 200);
	tcp(frame + HDR, true);
	/* One pair, until the driver asks for more. */
	assert_true(fake_netbe_inject(frame, sizeof(frame)));
	assert_true(virtio_rig_wait_used(&rig, RX(0), WAIT_MS, &used));
	assert_int_equal(ctrl(6, VIRTIO_NET_CTRL_MQ, 0, "\3\0", 2), VIRTIO_NET_OK);
	for (unsigned int i = 0; i < 3; i++) {
		tcp(frame + HDR, false);
		send_frame(TX(i), &hdr, frame + HDR, 80);
		tcp(frame + HDR, true);
		assert_true(fake_netbe_inject(frame, sizeof(frame)));
		assert_true(virtio_rig_wait_used(&rig, RX(i), WAIT_MS, &used));
	}
	/* Fewer again: what went to a pair that is gone comes to the first. */
	assert_int_equal(ctrl(6, VIRTIO_NET_CTRL_MQ, 0, "\1\0", 2), VIRTIO_NET_OK);
	assert_true(fake_netbe_inject(frame, sizeof(frame)));
	assert_true(virtio_rig_wait_used(&rig, RX(0), WAIT_MS, &used));
}

/* Resets come at any moment, with frames under way both ways. */
static void
test_reset(void **state)
{
	static const struct virtio_net_hdr hdr;
	static const uint8_t frame[60];
	struct rig_used used;

	(void)state;
	plug("", 0);
	for (int i = 0; i < 200; i++) {
		struct rig_buf b[] = { RIG_READ(&hdr, HDR), RIG_READ(frame, sizeof(frame)) };

		assert_true(virtio_rig_start(&rig, VIRTIO_F_EVENT_IDX, 64));
		post(RX(0), 200);
		virtio_rig_add(&rig, TX(0), b, 2);
		virtio_rig_kick(&rig, TX(0));
		if (fake_netbe_waiting() < 8)
			inject(NULL, 60);
		if (i % 3 == 0)
			pause_ms(1);
		virtio_rig_status(&rig, 0);
	}
	assert_true(virtio_rig_start(&rig, 0, 64));
	inject(NULL, 60);
	post(RX(0), 200);
	assert_true(virtio_rig_wait_used(&rig, RX(0), WAIT_MS, &used));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_config, teardown),
		cmocka_unit_test_teardown(test_config_given, teardown),
		cmocka_unit_test_teardown(test_send, teardown),
		cmocka_unit_test_teardown(test_send_pieces, teardown),
		cmocka_unit_test_teardown(test_send_lengths, teardown),
		cmocka_unit_test_teardown(test_send_offloads, teardown),
		cmocka_unit_test_teardown(test_send_many, teardown),
		cmocka_unit_test_teardown(test_receive, teardown),
		cmocka_unit_test_teardown(test_receive_flags, teardown),
		cmocka_unit_test_teardown(test_receive_merged, teardown),
		cmocka_unit_test_teardown(test_receive_waits, teardown),
		cmocka_unit_test_teardown(test_receive_waits_event_idx, teardown),
		cmocka_unit_test_teardown(test_receive_too_small, teardown),
		cmocka_unit_test_teardown(test_receive_no_header, teardown),
		cmocka_unit_test_teardown(test_receive_buffer_to_read, teardown),
		cmocka_unit_test_teardown(test_filter, teardown),
		cmocka_unit_test_teardown(test_filter_large, teardown),
		cmocka_unit_test_teardown(test_ctrl_refused, teardown),
		cmocka_unit_test_teardown(test_pairs, teardown),
		cmocka_unit_test_teardown(test_reset, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
