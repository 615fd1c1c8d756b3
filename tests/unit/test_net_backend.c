/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Network backends at work, each in an event loop: two sockets in a temporary directory, libslirp
 * with a guest that asks ARP and DHCP and answers a TCP connection, a tap device in a network
 * namespace of our own; and what is said of options that cannot be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "debug.h"
#include "net_impl.h"

#define DEADLINE_NS 5000000000ull
#define MAX_KEYS    8

/* ---- a device's options, and what is said of them ---- */

struct dev_conf {
	const char *key[MAX_KEYS], *val[MAX_KEYS];
};
static char said[1024];

void
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
}

const char *
dev_conf_get(const struct dev_conf *conf, const char *key)
{
	for (int i = 0; i < MAX_KEYS && conf->key[i] != NULL; i++) {
		if (strcmp(conf->key[i], key) == 0)
			return conf->val[i];
	}
	/* As in virtio-net's table. */
	return strcmp(key, "backend") == 0 && dev_conf_get(conf, "tap") == NULL ? "slirp" : NULL;
}

bool
dev_conf_bool(const struct dev_conf *conf, const char *key)
{
	const char *val = dev_conf_get(conf, key);

	return val != NULL && strcmp(val, "true") == 0;
}

uint64_t
dev_conf_number(const struct dev_conf *conf, const char *key)
{
	const char *val = dev_conf_get(conf, key);

	return val != NULL ? strtoull(val, NULL, 0) : 0;
}

const char *
dev_conf_where(const struct dev_conf *conf)
{
	(void)conf;
	return "-s 3,virtio-net";
}

/* ---- an end: a backend in the loop, and what came out of it ---- */

struct end {
	struct netbe *be;
	uint8_t frame[NETBE_MAX_FRAME];
	uint32_t len;	     /* of the last frame */
	unsigned int frames; /* that came */
	unsigned int pause_at;
	void (*got)(struct end *e);
};

static struct ev_loop *loop;
static struct ev_source *limit;
static struct end ends[2];
static char dir[] = "/tmp/net.XXXXXX";
static bool late;

static void
readable(void *arg)
{
	struct iovec iov[2];
	struct end *e = arg;
	uint32_t len;

	/* In two pieces, as guests' buffers are. */
	iov[0] = (struct iovec){ e->frame, 20 };
	iov[1] = (struct iovec){ e->frame + 20, sizeof(e->frame) - 20 };
	while ((len = netbe_peek(e->be)) != 0) {
		if (e->pause_at != 0 && e->frames == e->pause_at) {
			netbe_recv_pause(e->be, true);
			ev_loop_stop(loop);
			return;
		}
		e->len = netbe_recv(e->be, iov, 2);
		assert_int_equal(e->len, len);
		e->frames++;
		if (e->got != NULL)
			e->got(e);
	}
}

static const struct netbe_user user = { readable };

static void
too_late(void *arg)
{
	(void)arg;
	late = true;
	ev_loop_stop(loop);
}

static void
new_loop(void)
{
	late = false;
	loop = ev_loop_create();
	assert_non_null(loop);
	limit = ev_timer_add(loop, too_late, NULL);
	assert_non_null(limit);
	ev_timer_arm(limit, DEADLINE_NS);
}

static int
setup(void **state)
{
	(void)state;
	memset(ends, 0, sizeof(ends));
	said[0] = '\0';
	new_loop();
	strcpy(dir, "/tmp/net.XXXXXX");
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		if (ends[i].be == NULL)
			continue;
		netbe_stop(ends[i].be);
		netbe_close(ends[i].be);
	}
	ev_loop_destroy(loop);
	return rmdir(dir);
}

static void
run(void)
{
	ev_loop_run(loop);
	assert_false(late);
	/* A loop that was stopped stays so: the next one. */
	for (int i = 0; i < 2; i++) {
		if (ends[i].be != NULL)
			netbe_stop(ends[i].be);
	}
	ev_loop_destroy(loop);
	new_loop();
}

/* The same once more, with the first end at work again. */
static void
run_on(void)
{
	run();
	assert_int_equal(netbe_start(ends[0].be, loop, &user, &ends[0]), 0);
	netbe_recv_pause(ends[0].be, false);
}

static void
stop(struct end *e)
{
	(void)e;
	ev_loop_stop(loop);
}

static void
start(struct end *e, void (*got)(struct end *e))
{
	e->got = got;
	assert_int_equal(netbe_start(e->be, loop, &user, e), 0);
	netbe_recv_pause(e->be, false);
}

static void
send_frame(struct end *e, const void *frame, uint32_t len)
{
	struct iovec iov = { (void *)(uintptr_t)frame, len };

	netbe_send(e->be, &iov, 1);
}

/* ---- options ---- */

static void
test_names(void **state)
{
	static const char *const good[] = { "tap0", "tap17", "tap:br-x", "unix:/run/a" };
	static const char *const bad[] = { "", "tap", "tapx", "tap:", "tap:0123456789abcdef",
		"tap:a/b", "tap:%d", "unix:", "slirpx", "vmnet0" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_null(netbe_check_backend(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(netbe_check_backend(bad[i]));
	assert_ptr_equal(netbe_check_backend("slirp"), netbe_slirp_missing);
}

static void
test_hostfwd_rules(void **state)
{
	static const char *const good[] = { "tcp::2222-:22", "udp:127.0.0.1:53-10.0.2.15:5353",
		"tcp::1-:1;udp::2-:2", "tcp::1-:1/tcp::2-:65535/", "" };
	static const char *const bad[] = { "tcp", "tcp:2222-22", "tcp::0-:22", "tcp::65536-:22",
		"tcp::22", "sctp::1-:1", "tcp:1.2.3:1-:1", "tcp::1-:1x", "tcp::1-:1;x",
		"tcp::000000000000000000000000000000000000000000000000000000000000000000001-:1" };
	const char *list = "udp:127.0.0.1:53-10.0.2.16:5353;tcp::1-:2";
	struct hostfwd rule;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_null(netbe_check_hostfwd(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(netbe_check_hostfwd(bad[i]));
	assert_int_equal(hostfwd_next(&list, &rule), 1);
	assert_true(rule.udp);
	assert_int_equal(ntohl(rule.host.s_addr), 0x7f000001);
	assert_int_equal(rule.host_port, 53);
	assert_int_equal(ntohl(rule.guest.s_addr), 0x0a000210);
	assert_int_equal(rule.guest_port, 5353);
	assert_int_equal(hostfwd_next(&list, &rule), 1);
	assert_false(rule.udp);
	assert_int_equal(rule.host.s_addr, 0);
	assert_int_equal(hostfwd_next(&list, &rule), 0);
}

static void
test_refused(void **state)
{
	static const struct {
		struct dev_conf conf;
		const char *says; /* NULL: it is right */
	} rows[] = {
		{ { { "backend" }, { "slirp" } }, NULL },
		{ { { "tap", "bridge" }, { "tap0", "br0" } }, NULL },
		{ { { "backend" }, { "unix:/tmp/a" } }, "needs peer=PATH" },
		{ { { "backend", "peer" }, { "unix:/tmp/a", "/tmp/a" } }, "own path" },
		{ { { "backend", "tap" }, { "slirp", "tap0" } }, "backend=slirp these are two" },
		{ { { "tap", "hostfwd" }, { "tap0", "tcp::1-:2" } },
		    "hostfwd=tcp::1-:2: goes with slirp only" },
		{ { { "backend", "restrict" }, { "tap0", "true" } }, "restrict=true: goes with" },
		{ { { "backend", "restrict" }, { "tap0", "false" } }, NULL },
		{ { { "backend", "bridge" }, { "slirp", "br0" } }, "bridge=br0: goes with a tap" },
		{ { { "backend", "peer" }, { "slirp", "/a" } }, "peer=/a: goes with unix:PATH" },
	};
	static const struct dev_conf nowhere = { { "backend", "peer" },
		{ "unix:/nonexistent/a", "/tmp/b" } };
	const char *wrong;
	char buf[160];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wrong = netbe_check_together(&rows[i].conf, buf, sizeof(buf));
		if (rows[i].says == NULL)
			assert_null(wrong);
		else
			assert_non_null(strstr(wrong, rows[i].says));
	}
	assert_null(netbe_open(&nowhere));
	assert_non_null(strstr(said, "No such file"));
	assert_ptr_equal(strstr(said, "-s 3,virtio-net: "), said);
}

/* ---- frames that wait ---- */

static void
test_frame_ring(void **state)
{
	struct frame_ring *r = frame_ring_create(100);
	uint8_t in[96], out[96];
	struct iovec iov[2] = { { in, 0 }, { in, 0 } };
	unsigned int put = 0, taken = 0;

	(void)state;
	assert_non_null(r);
	iov[0].iov_len = 60;
	iov[1].iov_len = 37;
	assert_false(frame_ring_put(r, iov, 2)); /* 97 and a length do not fit */
	iov[0].iov_len = 0;
	assert_false(frame_ring_put(r, iov, 1));
	/* All lengths, at all places in the ring. */
	for (unsigned int i = 0; i < 5000; i++) {
		uint32_t len = 1 + put % 60;

		memset(in, (int)put, sizeof(in));
		iov[0].iov_len = len / 2;
		iov[1].iov_len = len - len / 2;
		if (frame_ring_put(r, iov, 2)) {
			put++;
			continue;
		}
		len = frame_ring_peek(r, out, sizeof(out));
		assert_int_equal(len, 1 + taken % 60);
		for (uint32_t k = 0; k < len; k++)
			assert_int_equal(out[k], (uint8_t)taken);
		frame_ring_drop(r);
		taken++;
	}
	assert_true(taken > 2000);
	while (!frame_ring_empty(r))
		frame_ring_drop(r);
	assert_int_equal(frame_ring_peek(r, out, sizeof(out)), 0);
	frame_ring_destroy(r);
}

/* ---- sockets ---- */

static char paths[2][64];

static void
open_socket(int i)
{
	char backend[80];
	struct dev_conf conf = { { "backend", "peer" }, { backend, paths[1 - i] } };

	snprintf(paths[0], sizeof(paths[0]), "%s/a", dir);
	snprintf(paths[1], sizeof(paths[1]), "%s/b", dir);
	snprintf(backend, sizeof(backend), "unix:%s", paths[i]);
	ends[i].be = netbe_open(&conf);
	assert_non_null(ends[i].be);
	assert_int_equal(netbe_features(ends[i].be), 0);
	assert_int_equal(netbe_tap_queues(ends[i].be), 0);
}

static void
test_wire(void **state)
{
	(void)state;
	open_socket(0);
	open_socket(1);
	start(&ends[0], NULL);
	start(&ends[1], stop);
	send_frame(&ends[0], "0123456789abcdef0123456789", 26);
	run();
	assert_int_equal(ends[1].len, 26);
	assert_memory_equal(ends[1].frame, "0123456789abcdef0123456789", 26);
}

/* The device's header is of no use to the other end, but it is there. */
static void
test_wire_header(void **state)
{
	static const uint8_t zeros[NETBE_VNET_HDR];
	uint8_t frame[NETBE_VNET_HDR + 20] = { [0] = 0xff, [NETBE_VNET_HDR] = 1, [31] = 2 };

	(void)state;
	open_socket(0);
	open_socket(1);
	assert_int_equal(netbe_set_features(ends[0].be, NETBE_CSUM, true), -1);
	assert_int_equal(netbe_set_features(ends[0].be, 0, true), 0);
	assert_int_equal(netbe_set_features(ends[1].be, 0, true), 0);
	start(&ends[0], NULL);
	start(&ends[1], stop);
	send_frame(&ends[0], frame, sizeof(frame));
	run();
	assert_int_equal(ends[1].len, sizeof(frame));
	assert_memory_equal(ends[1].frame, zeros, sizeof(zeros));
	assert_memory_equal(ends[1].frame + NETBE_VNET_HDR, frame + NETBE_VNET_HDR, 20);
}

/* Nobody there; then somebody; then another in its place. */
static void
test_wire_peer_comes_and_goes(void **state)
{
	(void)state;
	open_socket(0);
	start(&ends[0], NULL);
	send_frame(&ends[0], "lost", 4);
	for (int i = 0; i < 2; i++) {
		open_socket(1);
		start(&ends[1], stop);
		send_frame(&ends[0], "hello", 5);
		run();
		assert_int_equal(ends[1].frames, 1);
		assert_int_equal(ends[1].len, 5);
		netbe_close(ends[1].be);
		memset(&ends[1], 0, sizeof(ends[1]));
		start(&ends[0], NULL);
		send_frame(&ends[0], "lost", 4);
	}
}

#define BURST 200

static void
count_to_burst(struct end *e)
{
	assert_int_equal(e->frame[0], (uint8_t)(e->frames - 1));
	if (e->frames == BURST)
		ev_loop_stop(loop);
}

/* More than the kernel's queue takes at once: the rest waits, in order. */
static void
test_wire_burst(void **state)
{
	uint8_t frame[1000] = { 0 };

	(void)state;
	open_socket(0);
	open_socket(1);
	start(&ends[0], NULL);
	start(&ends[1], count_to_burst);
	for (unsigned int i = 0; i < BURST; i++) {
		frame[0] = (uint8_t)i;
		send_frame(&ends[0], frame, sizeof(frame));
	}
	run();
	assert_int_equal(ends[1].frames, BURST);
}

static void
go_on(void *arg)
{
	struct end *e = arg;

	e->pause_at = 0;
	netbe_recv_pause(e->be, false);
}

/* A device without buffers has looked at a frame already, and gets it later. */
static void
test_pause(void **state)
{
	struct ev_source *timer;

	(void)state;
	open_socket(0);
	open_socket(1);
	ends[1].pause_at = 1;
	start(&ends[0], NULL);
	start(&ends[1], NULL);
	send_frame(&ends[0], "first", 5);
	send_frame(&ends[0], "second", 6);
	ev_loop_run(loop);
	assert_int_equal(ends[1].frames, 1);
	/* The same loop does not run again: the rest in another. */
	netbe_stop(ends[0].be);
	netbe_stop(ends[1].be);
	ev_loop_destroy(loop);
	new_loop();
	start(&ends[0], NULL);
	start(&ends[1], stop);
	ends[1].pause_at = 1;
	netbe_recv_pause(ends[1].be, true);
	send_frame(&ends[0], "third", 5);
	assert_int_equal(netbe_peek(ends[1].be), 5);
	timer = ev_timer_add(loop, go_on, &ends[1]);
	assert_non_null(timer);
	ev_timer_arm(timer, 1000000);
	run();
	assert_int_equal(ends[1].frames, 2);
	assert_memory_equal(ends[1].frame, "third", 5);
}

static void
test_stale_path(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct dev_conf conf = { { "backend", "peer" }, { NULL, "/tmp/peer" } };
	char backend[96];
	int fd;

	(void)state;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/a", dir);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	snprintf(backend, sizeof(backend), "unix:%s/a", dir);
	conf.val[0] = backend;
	assert_null(netbe_open(&conf)); /* somebody is there */
	assert_non_null(strstr(said, "in use"));
	close(fd);
	open_socket(0); /* and left it behind */
	netbe_close(ends[0].be);
	ends[0].be = NULL;
	/* A file is left alone. */
	fd = open(addr.sun_path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_null(netbe_open(&conf));
	assert_int_equal(unlink(addr.sun_path), 0);
}

/* ---- slirp ---- */

static const uint8_t our_mac[6] = { 0x58, 0x9c, 0xfc, 1, 2, 3 };
static uint8_t gateway_mac[6];

static void
skip_without_slirp(void)
{
	if (netbe_slirp_missing != NULL)
		skip();
}

static void
open_slirp(const char *hostfwd)
{
	struct dev_conf conf = { { "backend", "hostfwd" }, { "slirp", hostfwd } };

	ends[0].be = netbe_open(&conf);
	assert_non_null(ends[0].be);
}

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
ether(uint8_t *frame, const uint8_t *to, uint32_t type)
{
	memset(frame, 0xff, 6);
	if (to != NULL)
		memcpy(frame, to, 6);
	memcpy(frame + 6, our_mac, 6);
	put16(frame + 12, type);
}

/* RFC 1071 over some bytes, going on from sum. */
static uint32_t
add_sum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += (uint32_t)p[i] << (i % 2 == 0 ? 8 : 0);
	return sum;
}

static uint32_t
fold(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* An IPv4 header before n bytes of protocol; the protocol's checksum at sum_at, 0: none. */
static uint32_t
ip(uint8_t *p, uint32_t from, uint32_t to, uint8_t protocol, uint32_t n, uint32_t sum_at)
{
	uint8_t pseudo[12] = { [9] = protocol };

	memset(p, 0, 20);
	p[0] = 0x45;
	put16(p + 2, 20 + n);
	p[8] = 64;
	p[9] = protocol;
	put32(p + 12, from);
	put32(p + 16, to);
	put16(p + 10, fold(add_sum(p, 20, 0)));
	memcpy(pseudo, p + 12, 8);
	put16(pseudo + 10, n);
	if (sum_at != 0)
		put16(p + 20 + sum_at, fold(add_sum(p + 20, n, add_sum(pseudo, 12, 0))));
	return 20 + n;
}

static void
send_arp(struct end *e, uint16_t op, uint32_t from, uint32_t to)
{
	uint8_t f[60] = { 0 };

	ether(f, NULL, ETHERTYPE_ARP);
	put32(f + 14, 0x00010800);
	put16(f + 18, 0x0604);
	put16(f + 20, op);
	memcpy(f + 22, our_mac, 6);
	put32(f + 28, from);
	put32(f + 38, to);
	send_frame(e, f, sizeof(f));
}

static void
got_arp(struct end *e)
{
	if (e->frame[12] == 8 && e->frame[13] == 6 && e->frame[21] == 2) {
		memcpy(gateway_mac, e->frame + 22, 6);
		assert_int_equal(get32(e->frame + 28), 0x0a000202);
		ev_loop_stop(loop);
	}
}

static void
test_slirp_arp(void **state)
{
	(void)state;
	skip_without_slirp();
	open_slirp(NULL);
	start(&ends[0], got_arp);
	send_arp(&ends[0], 1, 0x0a00020f, 0x0a000202);
	run();
	assert_int_equal(gateway_mac[0] & 1, 0);
}

/* RFC 2131: the answer to DISCOVER offers an address. */
static void
got_offer(struct end *e)
{
	const uint8_t *udp = e->frame + 34, *bootp = udp + 8;

	if (e->frame[12] != 8 || e->frame[13] != 0 || e->frame[23] != 17 || udp[3] != 68)
		return;
	assert_int_equal(bootp[0], 2);
	assert_int_equal(get32(bootp + 4), 0x12345678);
	assert_int_equal(get32(bootp + 16), 0x0a00020f);
	ev_loop_stop(loop);
}

static void
test_slirp_dhcp(void **state)
{
	static const uint8_t options[] = { 0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255 };
	uint8_t f[14 + 20 + 8 + 300] = { 0 }, *udp = f + 34, *bootp = udp + 8;

	(void)state;
	skip_without_slirp();
	open_slirp(NULL);
	start(&ends[0], got_offer);
	bootp[0] = 1;
	bootp[1] = 1;
	bootp[2] = 6;
	put32(bootp + 4, 0x12345678);
	memcpy(bootp + 28, our_mac, 6);
	memcpy(bootp + 236, options, sizeof(options));
	put16(udp, 68);
	put16(udp + 2, 67);
	put16(udp + 4, 8 + 300);
	ip(f + 14, 0, 0xffffffff, 17, 8 + 300, 6);
	ether(f, NULL, ETHERTYPE_IP);
	send_frame(&ends[0], f, sizeof(f));
	run();
}

static int
free_port(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(sin);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	close(fd);
	return ntohs(sin.sin_port);
}

static int client;
static char echoed[6];

static void
send_tcp(struct end *e, const uint8_t *to, uint8_t flags, uint32_t ack, const char *data)
{
	uint32_t n = (uint32_t)strlen(data);
	uint8_t f[14 + 20 + 20 + 16] = { 0 }, *tcp = f + 34;

	memcpy(tcp, to + 2, 2);
	memcpy(tcp + 2, to, 2);
	put32(tcp + 4, flags == 0x12 ? 1000 : 1001);
	put32(tcp + 8, ack);
	tcp[12] = 0x50;
	tcp[13] = flags;
	put16(tcp + 14, 8192);
	memcpy(tcp + 20, data, n);
	ip(f + 14, 0x0a00020f, 0x0a000202, 6, 20 + n, 16);
	ether(f, e->frame + 6, ETHERTYPE_IP);
	send_frame(e, f, 34 + 20 + n);
}

/* A guest that accepts a connection and answers "ping" with "pong". */
static void
tcp_guest(struct end *e)
{
	const uint8_t *tcp = e->frame + 34, *data = tcp + (tcp[12] >> 4) * 4;

	if (e->frame[12] == 8 && e->frame[13] == 6 && e->frame[21] == 1 &&
	    get32(e->frame + 38) == 0x0a00020f)
		send_arp(e, 2, 0x0a00020f, 0x0a000202);
	if (e->frame[12] != 8 || e->frame[13] != 0 || e->frame[23] != 6)
		return;
	assert_int_equal(tcp[3], 22);
	if ((tcp[13] & 0x12) == 0x02)
		send_tcp(e, tcp, 0x12, get32(tcp + 4) + 1, "");
	else if (data + 4 <= e->frame + e->len && memcmp(data, "ping", 4) == 0)
		send_tcp(e, tcp, 0x18, get32(tcp + 4) + 4, "pong");
}

static void
client_read(void *arg)
{
	ssize_t n = read(client, echoed, sizeof(echoed) - 1);

	(void)arg;
	assert_int_equal(n, 4);
	ev_loop_stop(loop);
}

static void
test_slirp_hostfwd(void **state)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int port = free_port();
	char rule[64];

	(void)state;
	skip_without_slirp();
	snprintf(rule, sizeof(rule), "tcp:127.0.0.1:%d-:22", port);
	open_slirp(rule);
	start(&ends[0], tcp_guest);
	client = socket(AF_INET, SOCK_STREAM, 0);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons((uint16_t)port);
	assert_int_equal(connect(client, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(write(client, "ping", 4), 4);
	assert_non_null(ev_fd_add(loop, client, client_read, NULL));
	run();
	assert_string_equal(echoed, "pong");
	close(client);
}

/* ---- restrict ---- */

static uint16_t host_port; /* of this host, at which somebody listens: TCP and UDP */
static uint8_t tcp_answer; /* flags */

/* Once the gateway is known: a datagram and the start of a connection, both to this host. */
static void
knocking_guest(struct end *e)
{
	uint8_t f[14 + 20 + 20] = { 0 }, *p = f + 34;

	if (e->frame[12] == 8 && e->frame[13] == 6 && e->frame[21] == 1 &&
	    get32(e->frame + 38) == 0x0a00020f)
		send_arp(e, 2, 0x0a00020f, 0x0a000202);
	if (e->frame[12] == 8 && e->frame[13] == 6 && e->frame[21] == 2) {
		ether(f, e->frame + 22, ETHERTYPE_IP);
		put16(p, 4000);
		put16(p + 2, host_port);
		put16(p + 4, 12);
		memcpy(p + 8, "ping", 4);
		ip(f + 14, 0x0a00020f, 0x0a000202, 17, 12, 6);
		send_frame(e, f, 34 + 12);
		memset(p, 0, 20);
		put16(p, 4000);
		put16(p + 2, host_port);
		put32(p + 4, 1000);
		p[12] = 0x50;
		p[13] = 0x02;
		put16(p + 14, 8192);
		ip(f + 14, 0x0a00020f, 0x0a000202, 6, 20, 16);
		send_frame(e, f, sizeof(f));
	}
	if (e->frame[12] == 8 && e->frame[13] == 0 && e->frame[23] == 6) {
		tcp_answer = e->frame[34 + 13];
		ev_loop_stop(loop);
	}
}

/* The guest knocks at this host's loopback: what TCP is answered, and whether UDP came. */
static bool
knock(const char *restricted)
{
	struct dev_conf conf = { { "backend", "restrict" }, { "slirp", restricted } };
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t len = sizeof(sin);
	char byte;
	bool came;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(tcp, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(tcp, 1), 0);
	assert_int_equal(getsockname(tcp, (struct sockaddr *)&sin, &len), 0);
	assert_int_equal(bind(udp, (struct sockaddr *)&sin, sizeof(sin)), 0);
	host_port = ntohs(sin.sin_port);
	tcp_answer = 0;
	ends[0].be = netbe_open(&conf);
	assert_non_null(ends[0].be);
	start(&ends[0], knocking_guest);
	send_arp(&ends[0], 1, 0x0a00020f, 0x0a000202);
	run();
	came = recv(udp, &byte, 1, MSG_DONTWAIT) == 1;
	close(tcp);
	close(udp);
	return came;
}

/* RFC 9293: SYN and ACK, or RST and ACK. */
static void
test_slirp_open(void **state)
{
	(void)state;
	skip_without_slirp();
	assert_true(knock("false"));
	assert_int_equal(tcp_answer & 0x17, 0x12);
}

static void
test_slirp_restrict(void **state)
{
	(void)state;
	skip_without_slirp();
	assert_false(knock("true"));
	assert_int_equal(tcp_answer & 0x17, 0x14);
}

static uint32_t pong_from; /* the last byte of who answered: bits */

static void
send_ping(struct end *e, const uint8_t *to, uint32_t address)
{
	uint8_t f[14 + 20 + 8] = { 0 }, *icmp = f + 34;

	icmp[0] = 8;
	put16(icmp + 2, fold(add_sum(icmp, 8, 0)));
	ip(f + 14, 0x0a00020f, address, 1, 8, 0);
	ether(f, to, ETHERTYPE_IP);
	send_frame(e, f, sizeof(f));
}

/* Somebody beyond (192.0.2.1 is nobody's, RFC 5737), the gateway, the name server, in turn. */
static void
pinging_guest(struct end *e)
{
	const uint8_t *f = e->frame;

	if (f[12] == 8 && f[13] == 6 && f[21] == 1 && get32(f + 38) == 0x0a00020f)
		send_arp(e, 2, 0x0a00020f, get32(f + 28));
	if (f[12] == 8 && f[13] == 6 && f[21] == 2) {
		send_ping(e, f + 22, 0xc0000201);
		send_ping(e, f + 22, 0x0a000202);
		send_ping(e, f + 22, 0x0a000203);
	}
	if (f[12] == 8 && f[13] == 0 && f[23] == 1) {
		assert_int_equal(f[34], 0); /* an echo's reply, and not what an error would be */
		pong_from |= 1u << (f[29] & 31);
		if (f[29] == 3)
			ev_loop_stop(loop);
	}
}

static void
test_slirp_restrict_ping(void **state)
{
	struct dev_conf conf = { { "restrict" }, { "true" } };

	(void)state;
	skip_without_slirp();
	pong_from = 0;
	ends[0].be = netbe_open(&conf);
	assert_non_null(ends[0].be);
	start(&ends[0], pinging_guest);
	send_arp(&ends[0], 1, 0x0a00020f, 0x0a000202);
	run();
	assert_int_equal(pong_from, 1u << 2 | 1u << 3);
}

static void
test_slirp_port_taken(void **state)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct dev_conf conf = { { "hostfwd" }, { NULL } };
	int fd = socket(AF_INET, SOCK_STREAM, 0), port = free_port();
	char rule[64];

	(void)state;
	skip_without_slirp();
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons((uint16_t)port);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(fd, 1), 0);
	snprintf(rule, sizeof(rule), "tcp:127.0.0.1:%d-:22", port);
	conf.val[0] = rule;
	assert_null(netbe_open(&conf));
	assert_non_null(strstr(said, "is in use; choose another"));
	close(fd);
}

/* ---- tap: in a child, in a network namespace that goes with it ---- */

enum { CHILD_OK, CHILD_FAILED, CHILD_SKIPS };

#define CHECK(cond)                                                                        \
	do {                                                                               \
		if (!(cond)) {                                                             \
			fprintf(stderr, "line %d: %s; said: %s\n", __LINE__, #cond, said); \
			return CHILD_FAILED;                                               \
		}                                                                          \
	} while (0)

static int
packet_socket(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(0x88b5) };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(0x88b5));

	at.sll_ifindex = (int)if_nametoindex(name);
	return bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 ? fd : -1;
}

static int
tap_messages(void)
{
	static const struct {
		struct dev_conf conf;
		const char *says;
	} rows[] = {
		{ { { "tap" }, { "card" } }, "in use by another" },
		{ { { "tap" }, { "lo" } }, "of another kind" },
		{ { { "tap", "bridge" }, { "card1", "lo" } }, "is no bridge" },
		{ { { "tap", "bridge" }, { "card1", "none" } }, "no such interface" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK(netbe_open(&rows[i].conf) == NULL);
		CHECK(strstr(said, rows[i].says) != NULL);
	}
	return CHILD_OK;
}

/* Frames to another address stay out; groups and everybody pass as they were asked for. */
static int
tap_filter(struct netbe *be, int fd)
{
	static const uint8_t mac[2][6] = { { 2, 0, 0, 0, 0, 1 }, { 255, 255, 255, 255, 255, 255 } };
	static const struct {
		uint8_t to[6];
		unsigned int n;
		bool all_groups, passes;
	} rows[] = {
		{ { 2, 0, 0, 0, 0, 1 }, 2, false, true },
		{ { 2, 0, 0, 0, 0, 2 }, 2, false, false },
		{ { 2, 0, 0, 0, 0, 2 }, 0, false, true },
		{ { 255, 255, 255, 255, 255, 255 }, 2, false, true },
		{ { 1, 0, 0, 0, 0, 9 }, 2, true, true },
	};
	uint8_t frame[60] = { [12] = 0x88, 0xb5 }, got[100];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool passed = false;
		ssize_t n;

		netbe_tap_filter(be, mac, rows[i].n, rows[i].all_groups);
		memcpy(frame, rows[i].to, 6);
		CHECK(write(fd, frame, sizeof(frame)) == sizeof(frame));
		while ((n = read(netbe_tap_fd(be, 0), got, sizeof(got))) > 0)
			passed |= n == (ssize_t)(NETBE_VNET_HDR + sizeof(frame)) &&
			    memcmp(got + NETBE_VNET_HDR, frame, sizeof(frame)) == 0;
		CHECK(passed == rows[i].passes);
	}
	netbe_tap_filter(be, mac, 0, false);
	return CHILD_OK;
}

static int
tap_queues(void)
{
	struct dev_conf conf = { { "tap", "queues" }, { "many", "3" } };
	struct netbe *be = netbe_open(&conf);
	struct netbe *second;

	CHECK(be != NULL && netbe_tap_queues(be) == 1);
	CHECK(netbe_tap_add_queues(be, 3) == 0 && netbe_tap_queues(be) == 3);
	CHECK(netbe_tap_add_queues(be, NETBE_TAP_QUEUES + 1) == -1 && errno == EINVAL);
	CHECK(access("/sys/class/net/many", F_OK) != 0 || netbe_tap_fd(be, 2) >= 0);
	CHECK(netbe_tap_use_queues(be, 1) == 0);
	CHECK(netbe_tap_use_queues(be, 3) == 0);
	CHECK(netbe_tap_use_queues(be, 2) == 0);
	second = netbe_open(&conf);
	CHECK(second == NULL && strstr(said, "in use by another") != NULL);
	conf = (struct dev_conf){ { "tap" }, { "many" } };
	CHECK(netbe_open(&conf) == NULL && strstr(said, "in use by another") != NULL);
	netbe_close(be);
	be = netbe_open(&conf); /* gone, and made anew with one queue */
	CHECK(be != NULL);
	CHECK(netbe_tap_add_queues(be, 2) == -1 && errno == EINVAL);
	netbe_close(be);
	return CHILD_OK;
}

static int
tap_child(void)
{
	struct dev_conf conf = { { "tap" }, { "card" } };
	uint8_t frame[NETBE_VNET_HDR + 60] = { [NETBE_VNET_HDR] = 0xff }, got[100];
	int fd;

	if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return CHILD_SKIPS;
	if (access("/dev/net/tun", R_OK | W_OK) != 0)
		return CHILD_SKIPS;
	ends[0].be = netbe_open(&conf);
	CHECK(ends[0].be != NULL);
	CHECK((netbe_features(ends[0].be) & (NETBE_CSUM | NETBE_HOST_TSO4 | NETBE_GUEST_CSUM)) ==
	    (NETBE_CSUM | NETBE_HOST_TSO4 | NETBE_GUEST_CSUM));
	CHECK(netbe_tap_queues(ends[0].be) == 1);
	CHECK(netbe_tap_fd(ends[0].be, 0) >= 0);
	CHECK(netbe_set_features(ends[0].be, NETBE_CSUM | NETBE_GUEST_CSUM, true) == 0);
	fd = packet_socket("card");
	CHECK(fd >= 0);
	CHECK(tap_filter(ends[0].be, fd) == CHILD_OK && tap_queues() == CHILD_OK);
	start(&ends[0], NULL);
	memset(frame + NETBE_VNET_HDR, 0xff, 6);
	frame[NETBE_VNET_HDR + 12] = 0x88;
	frame[NETBE_VNET_HDR + 13] = 0xb5;
	send_frame(&ends[0], frame, sizeof(frame));
	CHECK(read(fd, got, sizeof(got)) == 60);
	CHECK(memcmp(got, frame + NETBE_VNET_HDR, 60) == 0);
	/* And the other way; the kernel may say something of its own before. */
	CHECK(write(fd, got, 60) == 60);
	ends[0].got = stop;
	for (int i = 0; i < 20 && ends[0].len != sizeof(frame); i++)
		run_on();
	CHECK(ends[0].len == sizeof(frame));
	CHECK(memcmp(ends[0].frame + NETBE_VNET_HDR, got, 60) == 0);
	return tap_messages();
}

static void
test_tap(void **state)
{
	int status = 0;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(tap_child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == CHILD_SKIPS)
		skip();
	assert_int_equal(WEXITSTATUS(status), CHILD_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostfwd_rules, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_frame_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wire, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wire_header, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wire_peer_comes_and_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wire_burst, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pause, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_path, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slirp_arp, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slirp_dhcp, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slirp_hostfwd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slirp_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slirp_restrict, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slirp_restrict_ping, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slirp_port_taken, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
