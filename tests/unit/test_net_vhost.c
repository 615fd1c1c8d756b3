/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What a network card tells vhost-net, and when: the kernel is a list of what it was told, the
 * driver is a rig's.  tests/system/test_vhost.py has the kernel itself.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "dev/virtio_net.h"
#include "doorbell.h"
#include "fake_netbe.h"
#include "fake_vhost.h"
#include "net_backend.h"
#include "net_vhost.h"
#include "virtio_rig.h"

#define HDR	sizeof(struct virtio_net_hdr)
#define WAIT_MS 5000
#define SOON_MS 20   /* for what must not happen */
#define TAP	1000 /* fake_netbe.c's descriptors */

#define CTRL_FEATURES (VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_CTRL_MAC_ADDR)
#define RING_FEATURES (VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC | VIRTIO_NET_F_MRG_RXBUF)

static struct virtio_rig rig;
static struct virtio_dev *vd;

static int
setup(void **state)
{
	(void)state;
	virtio_rig_init(&rig, 0);
	fake_netbe_reset(NETBE_CSUM | NETBE_HOST_TSO4);
	fake_vhost_reset();
	virtio_rig_said[0] = '\0';
	return 0;
}

static void
create(const char *conf)
{
	vd = virtio_net_model.create(&rig.env, virtio_rig_conf(conf));
	if (vd != NULL)
		virtio_rig_attach(&rig, vd);
}

static int
teardown(void **state)
{
	(void)state;
	if (vd != NULL) {
		virtio_rig_detach(&rig);
		for (unsigned int i = 0; i < fake_vhost.n; i++)
			for (unsigned int r = 0; r < 2; r++)
				assert_int_equal(fake_vhost.at[i].ring[r].backend, -1);
		virtio_net_model.destroy(vd);
	}
	vd = NULL;
	virtio_rig_fini(&rig);
	assert_false(fake_vhost.bad);
	return 0;
}

/* A card on vhost, running. */
static void
start(const char *conf, unsigned int queues, uint64_t features)
{
	fake_netbe_tap(queues);
	fake_vhost_present();
	create(conf);
	assert_non_null(vd);
	assert_true(virtio_rig_start(&rig, features, 64));
}

static bool
served(unsigned int pair)
{
	const struct fake_ring *r = fake_vhost.at[pair].ring;

	return r[0].backend == TAP + (int)pair && r[1].backend == TAP + (int)pair;
}

/* ---- whether ---- */

static void
test_value(void **state)
{
	(void)state;
	assert_null(net_vhost_check("on"));
	assert_null(net_vhost_check("off"));
	assert_null(net_vhost_check("auto"));
	assert_non_null(net_vhost_check("yes"));
	assert_non_null(net_vhost_check(""));
}

static void
test_off(void **state)
{
	(void)state;
	start("vhost=off", 1, 0);
	assert_int_equal(fake_vhost.n, 0);
}

static void
test_auto_without(void **state)
{
	static const struct virtio_net_hdr hdr;
	static const uint8_t frame[60];
	struct rig_buf b[] = { RIG_READ(&hdr, HDR), RIG_READ(frame, sizeof(frame)) };
	struct rig_used used;

	(void)state;
	fake_netbe_tap(1);
	create("");
	assert_non_null(vd);
	assert_string_equal(virtio_rig_said, "");
	assert_true(virtio_rig_start(&rig, 0, 64));
	virtio_rig_add(&rig, 1, b, 2);
	virtio_rig_kick(&rig, 1);
	assert_true(virtio_rig_wait_used(&rig, 1, WAIT_MS, &used));
	assert_int_equal(fake_netbe_sent(), 1);
}

/* on: what is missing is said, and there is no card. */
static void
test_on_refused(void **state)
{
	static const struct {
		unsigned int queues; /* of the tap; 0: it is none */
		int open_errno;
		uint64_t can;
		const char *conf, *says;
	} rows[] = {
		{ 0, 0, ~0ull, "vhost=on", "for a tap device" },
		{ 1, ENOENT, ~0ull, "vhost=on", "modprobe vhost_net" },
		{ 1, EACCES, ~0ull, "vhost=on", "read and write" },
		{ 1, EMFILE, ~0ull, "vhost=on", "Too many open files" },
		{ 1, 0, ~VIRTIO_F_VERSION_1, "vhost=on", "too old" },
		{ 1, 0, ~0ull, "vhost=on,queues=2", "multi_queue" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake_netbe_reset(0);
		fake_vhost_reset();
		virtio_rig_said[0] = '\0';
		if (rows[i].queues != 0)
			fake_netbe_tap(rows[i].queues);
		fake_vhost.open_errno = rows[i].open_errno;
		fake_vhost.can = rows[i].can;
		create(rows[i].conf);
		assert_null(vd);
		assert_non_null(strstr(virtio_rig_said, rows[i].says));
	}
	/* The same without "on" is a card that does without. */
	fake_vhost_present();
	fake_netbe_tap(1);
	create("queues=2");
	assert_non_null(vd);
	assert_int_equal(fake_vhost.n, 0);
}

/* ---- what is told ---- */

static void
test_told(void **state)
{
	const struct fake_ring *r;

	(void)state;
	start("", 1, RING_FEATURES | NETBE_CSUM | CTRL_FEATURES);
	assert_int_equal(fake_vhost.n, 1);
	assert_true(served(0));
	assert_int_equal(fake_vhost.at[0].features, RING_FEATURES | VIRTIO_F_VERSION_1);
	assert_int_equal(fake_vhost.at[0].ram.guest_phys_addr, RIG_RAM_GPA);
	assert_int_equal(fake_vhost.at[0].ram.memory_size, RIG_RAM_BYTES);
	assert_int_equal(fake_vhost.at[0].ram.userspace_addr, (uintptr_t)rig.mem.va);
	for (unsigned int i = 0; i < 2; i++) {
		r = &fake_vhost.at[0].ring[i];
		assert_int_equal(r->num, 64);
		assert_int_equal(r->base, 0);
		assert_int_equal(r->addr.desc_user_addr, (uintptr_t)rig.q[i].desc);
		assert_int_equal(r->addr.avail_user_addr, (uintptr_t)rig.q[i].avail);
		assert_int_equal(r->addr.used_user_addr, (uintptr_t)rig.q[i].used);
		assert_int_equal(r->kick, vd->vq[i].doorbell);
		assert_true(r->call >= 0 && r->error >= 0);
	}
	virtio_rig_status(&rig, 0);
	assert_false(served(0));
	assert_int_equal(fake_vhost.at[0].ring[0].kick, -1);
	assert_true(virtio_rig_start(&rig, 0, 32)); /* again, and otherwise */
	assert_true(served(0));
	assert_int_equal(fake_vhost.at[0].features, VIRTIO_F_VERSION_1);
	assert_int_equal(fake_vhost.at[0].ring[1].num, 32);
	assert_int_equal(fake_vhost.n, 1);
}

/* Kicks are for the kernel: nobody here takes them. */
static void
test_kick(void **state)
{
	(void)state;
	start("", 1, 0);
	doorbell_answer(vd->vq[1].doorbell);
	doorbell_ring(vd->vq[1].doorbell);
	nanosleep(&(struct timespec){ .tv_nsec = SOON_MS * 1000000 }, NULL);
	assert_true(doorbell_answer(vd->vq[1].doorbell));
}

static void
test_call(void **state)
{
	(void)state;
	start("", 1, 0);
	doorbell_ring(fake_vhost.at[0].ring[0].call);
	assert_true(virtio_rig_wait_irqs(&rig, 0, 1, WAIT_MS));
	doorbell_ring(fake_vhost.at[0].ring[1].call);
	assert_true(virtio_rig_wait_irqs(&rig, 1, 1, WAIT_MS));
	assert_int_equal(virtio_rig_irqs(&rig, 0), 1);
}

/* ---- the end of it ---- */

static void
wait_stopped(void)
{
	for (int i = 0; i < WAIT_MS && served(0); i++)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	assert_false(served(0));
}

static void
test_error(void **state)
{
	(void)state;
	start("", 1, 0);
	doorbell_ring(fake_vhost.at[0].ring[1].error);
	assert_true(virtio_rig_wait_broken(&rig, WAIT_MS));
	wait_stopped();
	assert_non_null(strstr(virtio_rig_said, "queue 1"));
	assert_true(virtio_rig_wait_config_irqs(&rig, 1, WAIT_MS));
	doorbell_ring(fake_vhost.at[0].ring[0].call); /* no interrupts of a broken device */
	nanosleep(&(struct timespec){ .tv_nsec = SOON_MS * 1000000 }, NULL);
	assert_int_equal(virtio_rig_irqs(&rig, 0), 0);
	assert_true(virtio_rig_start(&rig, 0, 64)); /* a reset mends it */
	assert_true(served(0));
}

/* Another queue than the kernel's. */
static void
test_broken_control(void **state)
{
	struct rig_buf b[] = { RIG_READ("\0", 1), RIG_WRITE(1) };

	(void)state;
	start("", 1, CTRL_FEATURES);
	virtio_rig_add(&rig, 2, b, 2);
	virtio_rig_kick(&rig, 2);
	assert_true(virtio_rig_wait_broken(&rig, WAIT_MS));
	wait_stopped();
}

/* It fails in the middle: what ran is taken back, where it was, and bhyve goes on from there. */
static void
test_fallback(void **state)
{
	static const unsigned long requests[] = { VHOST_SET_FEATURES, VHOST_SET_MEM_TABLE,
		VHOST_SET_VRING_NUM, VHOST_SET_VRING_BASE, VHOST_SET_VRING_ADDR,
		VHOST_SET_VRING_KICK, VHOST_SET_VRING_CALL, VHOST_NET_SET_BACKEND };
	static const struct virtio_net_hdr hdr;
	static const uint8_t frame[60];
	struct rig_used used;

	(void)state;
	start("", 1, 0);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct rig_buf b[] = { RIG_READ(&hdr, HDR), RIG_READ(frame, sizeof(frame)) };

		virtio_rig_status(&rig, 0);
		fake_vhost.fail = requests[i];
		fake_vhost.fail_after = i < 2 ? 0 : 1; /* of two rings the second */
		assert_true(virtio_rig_start(&rig, 0, 64));
		assert_int_equal(fake_vhost.fail, 0);
		assert_int_equal(fake_vhost.at[0].ring[0].backend, -1);
		virtio_rig_add(&rig, 1, b, 2);
		virtio_rig_kick(&rig, 1);
		assert_true(virtio_rig_wait_used(&rig, 1, WAIT_MS, &used));
		assert_int_equal(fake_netbe_sent(), i + 1);
	}
	assert_non_null(strstr(virtio_rig_said, "Bad address"));
	assert_null(strstr(strstr(virtio_rig_said, "vhost-net") + 1, "vhost-net")); /* once */
}

/* The kernel had received a frame by then: bhyve's comes into the next chain, and behind it. */
static void
test_fallback_goes_on(void **state)
{
	static const uint8_t frame[HDR + 60];
	struct rig_buf b[2] = { RIG_WRITE(HDR + 1514), RIG_WRITE(HDR + 1514) };
	uint16_t head[2];
	struct rig_used used;

	(void)state;
	fake_netbe_tap(1);
	fake_vhost_present();
	create("");
	assert_true(virtio_rig_negotiate(&rig, 0));
	for (unsigned int i = 0; i < vd->nqueues; i++)
		virtio_rig_queue(&rig, i, 64);
	for (unsigned int i = 0; i < 2; i++)
		head[i] = virtio_rig_add(&rig, 0, &b[i], 1);
	fake_vhost.takes_one = true;
	fake_vhost.fail = VHOST_NET_SET_BACKEND;
	fake_vhost.fail_after = 1;
	virtio_rig_status(&rig, virtio_get_status(vd) | VIRTIO_DRIVER_OK);
	assert_true(fake_netbe_inject(frame, sizeof(frame)));
	for (unsigned int i = 0; i < 2; i++) {
		assert_true(virtio_rig_wait_used(&rig, 0, WAIT_MS, &used));
		assert_int_equal(used.head, head[i]);
	}
	assert_int_equal(used.len, sizeof(frame));
}

/* ---- several pairs, and who gets which frames ---- */

static uint8_t
ctrl(unsigned int q, uint8_t class, uint8_t cmd, const void *data, uint32_t len)
{
	const uint8_t head[2] = { class, cmd };
	struct rig_buf b[] = { RIG_READ(head, 2), RIG_READ(data, len), RIG_WRITE(1) };
	struct rig_used used;

	assert_int_not_equal(virtio_rig_add(&rig, q, b, 3), RIG_NONE);
	virtio_rig_kick(&rig, q);
	assert_true(virtio_rig_wait_used(&rig, q, WAIT_MS, &used));
	return *(const uint8_t *)virtio_rig_va(&rig, b[2].gpa);
}

static void
test_pairs(void **state)
{
	(void)state;
	start("queues=3", 8, CTRL_FEATURES | VIRTIO_NET_F_MQ);
	assert_int_equal(fake_vhost.n, 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(served(i));
	assert_int_equal(fake_netbe_queues.queues, 3);
	assert_int_equal(fake_netbe_queues.used, 1);
	assert_int_equal(ctrl(6, VIRTIO_NET_CTRL_MQ, 0, "\3\0", 2), VIRTIO_NET_OK);
	assert_int_equal(fake_netbe_queues.used, 3);
	assert_int_equal(ctrl(6, VIRTIO_NET_CTRL_MQ, 0, "\2\0", 2), VIRTIO_NET_OK);
	assert_int_equal(fake_netbe_queues.used, 2);
	assert_int_equal(ctrl(6, VIRTIO_NET_CTRL_MQ, 0, "\4\0", 2), VIRTIO_NET_ERR);
	assert_int_equal(fake_netbe_queues.used, 2);
	/* A driver that knows one pair only: the control queue is the third. */
	assert_true(virtio_rig_start(&rig, CTRL_FEATURES, 64));
	assert_int_equal(fake_netbe_queues.used, 1);
	assert_true(served(0));
	assert_false(served(1));
	assert_int_equal(ctrl(2, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, "\1", 1), 0);
}

static void
test_filter(void **state)
{
	static const uint8_t mine[6] = { 2, 0, 0, 0, 0, 1 },
			     all[6] = { 255, 255, 255, 255, 255, 255 };
	static const uint8_t tables[20] = { 1, 0, 0, 0, 2, 0, 0, 0, 0, 9, 1, 0, 0, 0, 1, 0, 0x5e, 0,
		0, 7 };

	(void)state;
	start("mac=02:00:00:00:00:01", 1, CTRL_FEATURES);
	assert_int_equal(fake_netbe_queues.filter, 0);
	assert_int_equal(ctrl(2, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, "", 1), 0);
	assert_int_equal(fake_netbe_queues.filter, 2);
	assert_memory_equal(fake_netbe_queues.mac[0], mine, 6);
	assert_memory_equal(fake_netbe_queues.mac[1], all, 6);
	assert_int_equal(
	    ctrl(2, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, tables, 20), 0);
	assert_int_equal(fake_netbe_queues.filter, 4);
	assert_memory_equal(fake_netbe_queues.mac[1], tables + 4, 6);
	assert_memory_equal(fake_netbe_queues.mac[3], tables + 14, 6);
	assert_false(fake_netbe_queues.all_groups);
	assert_int_equal(ctrl(2, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, "\1", 1), 0);
	assert_true(fake_netbe_queues.all_groups);
	virtio_rig_status(&rig, 0);
	assert_true(virtio_rig_start(&rig, CTRL_FEATURES, 64));
	assert_int_equal(fake_netbe_queues.filter, 0);
}

static void
test_reset(void **state)
{
	(void)state;
	start("", 1, 0);
	for (int i = 0; i < 200; i++) {
		doorbell_ring(fake_vhost.at[0].ring[i % 2].call);
		if (i % 3 == 0)
			doorbell_ring(fake_vhost.at[0].ring[0].error);
		virtio_rig_status(&rig, 0);
		assert_false(served(0));
		assert_true(virtio_rig_start(&rig, 0, 64));
		assert_true(served(0));
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(value),
		CASE(off),
		CASE(auto_without),
		CASE(on_refused),
		CASE(told),
		CASE(kick),
		CASE(call),
		CASE(error),
		CASE(broken_control),
		CASE(fallback),
		CASE(fallback_goes_on),
		CASE(pairs),
		CASE(filter),
		CASE(reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
