/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * virtio over MMIO, register by register (virtio 1.2, 4.2).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "../../bhyve/doorbell.h"
#include "../../bhyve/virtio_mmio.h"
#include "copy_dev.h"
#include "fake_bind.h"
#include "mmio_rw.h"
#include "virtio_rig.h"

#define N    5u
#define SIZE 8u
#define BASE (0x0a000000ull + N * 0x200)

enum { MAGIC = 0, VERSION = 4, ID = 8, DF = 0x10, DFSEL = 0x14, GF = 0x20, GFSEL = 0x24 };
enum { PAGE = 0x28, QALIGN = 0x3c, QPFN = 0x40 };
enum { QSEL = 0x30, QMAX = 0x34, QNUM = 0x38, QREADY = 0x44, QNOTIFY = 0x50, INTST = 0x60 };
enum { ACK = 0x64, ST = 0x70, QDESC = 0x80, QDRV = 0x90, QDEV = 0xa0, SHMSEL = 0xac };
enum { SHM = 0xb0, QRESET = 0xc0, GEN = 0xfc, CONFIG = 0x100 };

static struct virtio_rig rig;
static struct virtio_mmio *m;
static bool level;
static unsigned int changes;

static void
set_irq(void *arg, uint32_t intid, bool up)
{
	(void)arg;
	assert_int_equal(intid, 32 + 16 + N);
	assert_int_not_equal(up, level);
	level = up;
	changes++;
}

static int
setup(void **state)
{
	(void)state;
	virtio_rig_init(&rig, 0);
	fake_bind_reset();
	level = false;
	changes = 0;
	rig.env.bind_doorbell = fake_bind_doorbell;
	rig.env.unbind_doorbell = fake_unbind_doorbell;
	rig.env.set_irq = set_irq;
	m = virtio_mmio_create(&rig.env, &copy_model, virtio_rig_conf(""), N, &dev);
	assert_non_null(m);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	virtio_mmio_destroy(m);
	assert_null(copy_dev);
	assert_int_equal(fake_bind.n, 0);
	assert_false(fake_bind.bad);
	assert_false(level);
	virtio_rig_fini(&rig);
	return 0;
}

static void
queue_up(uint32_t q)
{
	uint64_t gpa[3];

	virtio_rig_layout(&rig, q, SIZE, gpa);
	wr(QSEL, q);
	wr(QNUM, SIZE);
	wr(QDESC, (uint32_t)gpa[0]);
	wr(QDESC + 4, 0);
	wr(QDRV, (uint32_t)gpa[1]);
	wr(QDRV + 4, 0);
	wr(QDEV, (uint32_t)gpa[2]);
	wr(QDEV + 4, 0);
	wr(QREADY, 1);
	assert_int_equal(rd(QREADY), 1);
}

static void
drive_to(uint32_t status)
{
	wr(ST, 0);
	wr(ST, 1);
	wr(ST, 3);
	wr(GFSEL, 0);
	wr(GF, COPY_FEATURE);
	wr(GFSEL, 1);
	wr(GF, 1);
	wr(ST, 11);
	assert_int_equal(rd(ST), 11);
	queue_up(0);
	queue_up(1);
	if (status == 15)
		wr(ST, 15);
}

static void
request(uint32_t q)
{
	struct rig_buf b[] = { RIG_READ("hello", 6), RIG_WRITE(10) };
	struct rig_used used;

	assert_int_not_equal(virtio_rig_add(&rig, q, b, 2), RIG_NONE);
	wr(QNOTIFY, q);
	assert_true(copy_dev_serve(q));
	assert_true(virtio_rig_wait_used(&rig, q, 0, &used));
	assert_int_equal(used.len, 6);
	assert_string_equal(virtio_rig_va(&rig, b[1].gpa), "hello");
}

static void
test_place(void **state)
{
	struct mmio_device other;

	(void)state;
	assert_int_equal(dev.base, BASE);
	assert_int_equal(dev.size, 0x200);
	assert_null(virtio_mmio_create(&rig.env, &copy_model, virtio_rig_conf(""), 32, &other));
	assert_non_null(strstr(virtio_rig_said, "region 32"));
	assert_null(virtio_mmio_create(&rig.env, &copy_model, virtio_rig_conf("fail"), 1, &other));
}

static void
test_registers(void **state)
{
	uint64_t val;

	(void)state;
	assert_int_equal(rd(MAGIC), 0x74726976);
	assert_int_equal(rd(VERSION), 2);
	assert_int_equal(rd(ID), COPY_ID);
	assert_int_equal(rd(DF), COPY_FEATURE | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX);
	wr(DFSEL, 1);
	assert_int_equal(rd(DF), 1);
	wr(DFSEL, 2);
	assert_int_equal(rd(DF), 0);
	wr(GFSEL, 77);
	wr(GF, 1);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(rd(SHM + 4 * i), 0xffffffff);
	wr(SHMSEL, 3);
	assert_int_equal(rd(SHM), 0xffffffff);
	assert_int_equal(rd(QRESET), 0);
	assert_int_equal(rd(GFSEL), 0); /* write-only */
	/* Words only. */
	assert_int_equal(dev.read(dev.sc, MAGIC, 1, &val), MMIO_OK);
	assert_int_equal(val, 0);
	assert_int_equal(dev.write(dev.sc, ST, 1, 3), MMIO_OK);
	assert_int_equal(rd(ST), 0);
	assert_int_equal(dev.write(dev.sc, QNOTIFY, 2, 0), MMIO_OK);
	assert_false(copy_dev_serve(0));
	/* A choice that was not offered. */
	wr(GFSEL, 0);
	wr(GF, 1 << 4);
	wr(ST, 11);
	assert_int_equal(rd(ST), 3);
}

static void
test_queues(void **state)
{
	(void)state;
	assert_int_equal(rd(QMAX), VIRTIO_QUEUE_MAX);
	wr(QSEL, COPY_QUEUES);
	assert_int_equal(rd(QMAX), 0);
	wr(QREADY, 1);
	assert_int_equal(rd(QREADY), 0);
	wr(QSEL, 0x10000); /* not queue 0 */
	assert_int_equal(rd(QMAX), 0);
	assert_int_equal(rd(ST), 0);
	drive_to(11);
	/* Before DRIVER_OK a queue may go and come back. */
	wr(QSEL, 1);
	wr(QREADY, 0);
	assert_int_equal(rd(QREADY), 0);
	assert_int_equal(fake_bind.n, 1);
	queue_up(1);
	wr(ST, 15);
	request(1);
	/* After it, by reset alone. */
	wr(QREADY, 0);
	assert_int_equal(rd(QREADY), 0);
	assert_int_equal(rd(ST), 15 | VIRTIO_NEEDS_RESET);
	wr(ST, 0);
	assert_int_equal(rd(ST), 0);
	wr(QSEL, 1);
	assert_int_equal(rd(QREADY), 0);
	/* Sizes that would be good if one looked at 16 bits only, or are not. */
	wr(QNUM, 0x10008);
	wr(QREADY, 1);
	assert_int_equal(rd(QREADY), 0);
	assert_int_equal(rd(ST), VIRTIO_NEEDS_RESET);
	wr(ST, 0);
	wr(QDESC + 4, 1); /* above 4 GiB there is nothing */
	wr(QREADY, 1);
	assert_int_equal(rd(ST), VIRTIO_NEEDS_RESET);
}

static void
test_interrupts(void **state)
{
	(void)state;
	drive_to(15);
	request(0);
	assert_true(level);
	assert_int_equal(rd(INTST), 1);
	request(1);
	virtio_break(&copy_dev->vd);
	assert_int_equal(rd(INTST), 3);
	wr(ACK, 1);
	assert_true(level);
	assert_int_equal(rd(INTST), 2);
	wr(ACK, 0xfffffffe);
	assert_false(level);
	assert_int_equal(changes, 2);
	drive_to(15);
	request(0);
	assert_true(level);
	wr(ST, 0);
	assert_false(level);
	assert_int_equal(rd(INTST), 0);
}

static void
test_doorbells(void **state)
{
	(void)state;
	assert_int_equal(fake_bind.n, 0);
	drive_to(15);
	assert_int_equal(fake_bind.n, 2);
	assert_true(fake_bind_at(BASE + QNOTIFY, 4, 0));
	assert_true(fake_bind_at(BASE + QNOTIFY, 4, 1));
	(void)doorbell_answer(copy_dev->vd.vq[0].doorbell);
	(void)doorbell_answer(copy_dev->vd.vq[1].doorbell);
	wr(QNOTIFY, 2);
	wr(QNOTIFY, 0x10000);
	assert_false(copy_dev_serve(0));
	assert_false(copy_dev_serve(1));
	wr(QNOTIFY, 1);
	assert_true(copy_dev_serve(1));
	wr(ST, 0);
	assert_int_equal(fake_bind.n, 0);
	fake_bind.refuse = true;
	drive_to(15);
	request(0);
	request(1);
}

static void
test_config(void **state)
{
	uint64_t val;

	(void)state;
	assert_int_equal(rd(CONFIG), 0x33323130);
	assert_int_equal(dev.read(dev.sc, CONFIG + 9, 1, &val), MMIO_OK);
	assert_int_equal(val, 0x39);
	assert_int_equal(rd(CONFIG + 0xfc), 0);
	assert_int_equal(dev.write(dev.sc, CONFIG + 8, 2, 0x4141), MMIO_OK);
	assert_int_equal(rd(CONFIG + 8), 0x4141);
	assert_int_equal(rd(GEN), 0);
	pthread_mutex_lock(&copy_dev->vd.lock);
	virtio_config_changed(&copy_dev->vd);
	pthread_mutex_unlock(&copy_dev->vd.lock);
	assert_int_equal(rd(GEN), 1);
	assert_false(level);
}

/* ---- a driver that does not look at Version ---- */

/* 2.7.2: one block, the used ring from a multiple of align.  The page that QueuePFN names. */
static uint32_t
legacy_queue_up(uint32_t q, uint32_t page, uint32_t align)
{
	uint64_t gpa[3] = { virtio_rig_alloc(&rig, 3ull * 4096, 4096) };

	gpa[1] = gpa[0] + 16 * SIZE;
	gpa[2] = (gpa[1] + 6 + 2 * SIZE + align - 1) / align * align;
	virtio_rig_rings(&rig, q, SIZE, gpa);
	wr(QSEL, q);
	wr(QNUM, SIZE);
	wr(QALIGN, align);
	wr(QPFN, (uint32_t)(gpa[0] / page));
	assert_int_equal(rd(QPFN), gpa[0] / page);
	return (uint32_t)(gpa[0] / page);
}

static void
legacy_drive(uint32_t page)
{
	wr(ST, 0);
	wr(ST, 1);
	wr(ST, 3);
	wr(GF, COPY_FEATURE);
	wr(PAGE, page);
}

static void
test_legacy(void **state)
{
	uint32_t pfn;

	(void)state;
	assert_int_equal(rd(QPFN), 0);
	legacy_drive(4096);
	pfn = legacy_queue_up(0, 4096, 4096);
	legacy_queue_up(1, 4096, 64);
	assert_int_equal(fake_bind.n, 0);
	wr(QPFN, pfn + 8); /* it stays */
	wr(QSEL, 0);
	assert_int_equal(rd(QPFN), pfn);
	wr(ST, 7);
	assert_int_equal(rd(ST) & ~8u, 7);
	assert_int_equal(fake_bind.n, 2);
	request(0);
	request(1);
	/* Once said, it holds for the next round. */
	wr(ST, 0);
	assert_int_equal(rd(QPFN), 0);
	assert_int_equal(fake_bind.n, 0);
	wr(ST, 3);
	legacy_queue_up(0, 4096, 4096);
	wr(ST, 7);
	request(0);
	/* A queue that goes while the device runs. */
	wr(QPFN, 0);
	assert_int_equal(rd(ST) & VIRTIO_NEEDS_RESET, VIRTIO_NEEDS_RESET);
	/* A driver for version 2 has its own again. */
	drive_to(15);
	request(0);
	wr(PAGE, 4096); /* too late, and not one's business */
	assert_int_equal(rd(QPFN), 0);
	request(1);
}

/* The first ring says DRIVER_OK. */
static void
test_legacy_early(void **state)
{
	(void)state;
	legacy_drive(1024);
	wr(QNOTIFY, 0);
	assert_int_equal(rd(ST), 3);
	(void)doorbell_answer(copy_dev->vd.vq[0].doorbell);
	legacy_queue_up(0, 1024, 4096);
	assert_false(copy_dev->running);
	request(0);
	assert_true(copy_dev->running);
	assert_int_equal(fake_bind.n, 1);
	wr(ST, 7);
	request(0);
	assert_int_equal(copy_dev->starts, 1);
}

/* Found by fuzz_virtio: doorbells are those of queues that are there, whoever says how. */
static void
test_legacy_doorbells(void **state)
{
	(void)state;
	legacy_drive(4096);
	legacy_queue_up(0, 4096, 4096);
	wr(PAGE, 0); /* a driver for version 2 after all: its queue is there */
	assert_int_equal(fake_bind.n, 1);
	wr(PAGE, 4096);
	assert_int_equal(fake_bind.n, 0);
	wr(QREADY, 0);
	wr(QREADY, 1); /* not a legacy driver's register: no other rules by it */
	assert_int_equal(fake_bind.n, 0);
	wr(ST, 7);
	assert_int_equal(fake_bind.n, 1);
	wr(QPFN, 0);
	assert_int_equal(fake_bind.n, copy_dev->vd.vq[0].ready);
}

static void
test_legacy_hostile(void **state)
{
	static const uint32_t pages[] = { 0, 3, 0x20000, 0xffffffff };
	static const uint32_t pfns[] = { 1, 0xffffffff, 0x403ff };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		legacy_drive(pages[i]);
		wr(QPFN, 0x40001);
		assert_int_equal(rd(QPFN), 0);
		wr(ST, 7);
		assert_int_equal(rd(ST), 3);
	}
	/* Rings that are not in RAM, or not all. */
	for (size_t i = 0; i < 3; i++) {
		legacy_drive(4096);
		wr(QSEL, 0);
		wr(QNUM, VIRTIO_QUEUE_MAX);
		wr(QPFN, pfns[i]);
		assert_int_equal(rd(ST), 3 | VIRTIO_NEEDS_RESET);
		wr(ST, 7);
		assert_int_equal(rd(ST) & VIRTIO_DRIVER_OK, 0);
	}
	/* What was not offered, a queue that is not there. */
	legacy_drive(4096);
	wr(GF, 1 << 4);
	wr(QSEL, 2);
	wr(QPFN, 0x40001);
	wr(ST, 7);
	assert_int_equal(rd(ST) & VIRTIO_DRIVER_OK, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_place, setup, teardown),
		cmocka_unit_test_setup_teardown(test_registers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queues, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interrupts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_doorbells, setup, teardown),
		cmocka_unit_test_setup_teardown(test_config, setup, teardown),
		cmocka_unit_test_setup_teardown(test_legacy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_legacy_early, setup, teardown),
		cmocka_unit_test_setup_teardown(test_legacy_doorbells, setup, teardown),
		cmocka_unit_test_setup_teardown(test_legacy_hostile, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
