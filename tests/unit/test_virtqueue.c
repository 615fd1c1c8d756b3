/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Split virtqueues and the life of a device, after virtio 1.2, 2.1-2.7 and 3.1.  The test is the
 * device and the driver in turn; in the last one each has its thread.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../bhyve/doorbell.h"
#include "virtio_rig.h"

#define SIZE 8u
#define ALL  (VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX)

static struct virtio_rig rig;
static struct virtio_dev dev;
static struct virtqueue *q;
static struct vq_chain c;
static unsigned int starts, resets;
static uint32_t config_offset, config_val, config_writes;
static uint8_t config[6];

static void
dev_start(void *sc)
{
	(void)sc;
	starts++;
}

static void *(*last_words)(void *); /* of the device's thread, for which its reset waits */

static void
dev_reset(void *sc)
{
	pthread_t thread;

	(void)sc;
	resets++;
	if (last_words == NULL)
		return;
	pthread_create(&thread, NULL, last_words, NULL);
	pthread_join(thread, NULL);
}

static void
dev_config_write(void *sc, uint32_t offset, uint32_t size, uint32_t val)
{
	(void)sc;
	(void)size;
	config_offset = offset;
	config_val = val;
	config_writes++;
}

static const struct virtio_ops ops = { .start = dev_start,
	.reset = dev_reset,
	.config_write = dev_config_write };

static int
setup(void **state)
{
	(void)state;
	virtio_rig_init(&rig, 0);
	virtio_rig_said[0] = '\0';
	starts = resets = config_writes = 0;
	memcpy(config, "\x11\x22\x33\x44\x55\x66", 6);
	dev = (struct virtio_dev){ .ops = &ops,
		.mem = &rig.mem,
		.id = VIRTIO_ID_BLOCK,
		.offered = 1u << 5,
		.nqueues = 2,
		.config = config,
		.config_size = sizeof(config) };
	assert_int_equal(virtio_init(&dev), 0);
	virtio_rig_attach(&rig, &dev);
	q = &dev.vq[0];
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	virtio_rig_detach(&rig);
	virtio_fini(&dev);
	virtio_rig_fini(&rig);
	return 0;
}

static bool
is_rung(unsigned int n)
{
	return doorbell_answer(dev.vq[n].doorbell);
}

/* ---- a device's life ---- */

static void
test_init_refuses(void **state)
{
	struct virtio_dev other = { .ops = &ops, .nqueues = 0 };

	(void)state;
	assert_int_equal(virtio_init(&other), -1);
	other.nqueues = VIRTIO_MAX_QUEUES + 1;
	assert_int_equal(virtio_init(&other), -1);
}

static void
test_status(void **state)
{
	(void)state;
	assert_int_equal(virtio_get_status(&dev), 0);
	virtio_rig_status(&rig, VIRTIO_DRIVER_OK); /* without features */
	assert_int_equal(virtio_get_status(&dev), 0);
	assert_int_equal(starts, 0);
	assert_true(virtio_rig_start(&rig, 1u << 5, SIZE));
	assert_int_equal(starts, 1);
	assert_int_equal(resets, 0);
	assert_int_equal(dev.features, VIRTIO_F_VERSION_1 | 1u << 5);
	assert_true(is_rung(0));
	assert_true(is_rung(1));
	/* Bits do not go away, and nothing starts twice; NEEDS_RESET is not the driver's. */
	virtio_rig_status(&rig, VIRTIO_NEEDS_RESET);
	virtio_rig_status(&rig, VIRTIO_DRIVER_OK);
	assert_int_equal(virtio_get_status(&dev), 15);
	assert_int_equal(starts, 1);
	virtio_rig_status(&rig, 0);
	assert_int_equal(resets, 1);
	assert_int_equal(virtio_get_status(&dev), 0);
	assert_int_equal(dev.features, 0);
	assert_false(q->ready);
	virtio_rig_status(&rig, 0); /* it did not run */
	assert_int_equal(resets, 1);
}

static void
test_features(void **state)
{
	(void)state;
	assert_false(virtio_rig_negotiate(&rig, 1u << 6)); /* not offered */
	virtio_rig_status(&rig, VIRTIO_DRIVER_OK);
	assert_int_equal(starts, 0);
	virtio_rig_status(&rig, 0);
	virtio_set_features(&dev, ALL);
	virtio_rig_status(&rig, VIRTIO_FEATURES_OK); /* a legacy driver */
	assert_int_equal(virtio_get_status(&dev), 0);
	assert_true(virtio_rig_negotiate(&rig, ALL));
	virtio_set_features(&dev, 0); /* too late */
	assert_int_equal(dev.features, ALL | VIRTIO_F_VERSION_1);
}

static void
test_config(void **state)
{
	(void)state;
	assert_int_equal(virtio_config_read(&dev, 0, 4), 0x44332211);
	assert_int_equal(virtio_config_read(&dev, 1, 1), 0x22);
	assert_int_equal(virtio_config_read(&dev, 4, 2), 0x6655);
	assert_int_equal(virtio_config_read(&dev, 4, 4), 0x6655);
	assert_int_equal(virtio_config_read(&dev, 6, 1), 0);
	assert_int_equal(virtio_config_read(&dev, UINT32_MAX, 4), 0);
	virtio_config_write(&dev, 4, 2, 0xabcd);
	assert_int_equal(config_writes, 1);
	assert_int_equal(config_offset, 4);
	assert_int_equal(config_val, 0xabcd);
	virtio_config_write(&dev, 4, 4, 1);
	virtio_config_write(&dev, UINT32_MAX, 4, 1);
	assert_int_equal(config_writes, 1);
	/* The driver is told of changes once it runs. */
	virtio_config_changed(&dev);
	assert_int_equal(virtio_rig_config_irqs(&rig), 0);
	assert_true(virtio_rig_start(&rig, 0, SIZE));
	virtio_config_changed(&dev);
	assert_int_equal(virtio_rig_config_irqs(&rig), 1);
	assert_int_equal(dev.generation, 2);
}

static void
enable(uint16_t size, uint64_t desc, uint64_t driver, uint64_t device, bool good)
{
	virtio_rig_status(&rig, 0);
	q->size = size;
	q->desc = desc;
	q->driver = driver;
	q->device = device;
	virtio_queue_enable(q);
	assert_int_equal(q->ready, good);
	assert_int_equal(virtio_is_broken(&dev), !good);
}

static void
test_queue_enable(void **state)
{
	const uint64_t ram = RIG_RAM_GPA, end = RIG_RAM_GPA + RIG_RAM_BYTES;

	(void)state;
	enable(8, ram, ram + 128, ram + 256, true);
	enable(1, ram, ram + 128, ram + 256, true);
	enable(1024, ram, ram + 0x4000, ram + 0x8000, true);
	enable(0, ram, ram + 128, ram + 256, false);
	enable(12, ram, ram + 128, ram + 256, false);
	enable(2048, ram, ram + 0x8000, ram + 0xc000, false);
	enable(8, ram + 8, ram + 512, ram + 256, false);
	enable(8, ram, ram + 129, ram + 256, false);
	enable(8, ram, ram + 128, ram + 258, false);
	enable(8, end - 128, ram + 128, ram + 256, true);
	enable(8, end - 112, ram + 128, ram + 256, false);
	enable(8, ram, end - 22, ram + 256, true);
	enable(8, ram, end - 20, ram + 256, false);
	enable(8, ram, ram + 128, end - 72, true);
	enable(8, ram, ram + 128, end - 68, false);
	enable(8, 0, ram + 128, ram + 256, false);
	enable(8, ram, UINT64_MAX - 1, ram + 256, false);
	/* A broken device does not start, and says nothing but once. */
	virtio_rig_status(&rig, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
	virtio_set_features(&dev, VIRTIO_F_VERSION_1);
	virtio_rig_status(&rig, VIRTIO_FEATURES_OK);
	virtio_rig_status(&rig, VIRTIO_DRIVER_OK);
	assert_int_equal(virtio_get_status(&dev),
	    VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_NEEDS_RESET);
	assert_int_equal(starts, 0);
	assert_int_equal(virtio_rig_config_irqs(&rig), 0);
	assert_non_null(strstr(virtio_rig_said, "not a power of two"));
	assert_null(strstr(virtio_rig_said, "not in RAM"));
}

/* Once it runs, its queues are what they were. */
static void
test_queue_enable_late(void **state)
{
	(void)state;
	assert_true(virtio_rig_negotiate(&rig, 0));
	virtio_rig_queue(&rig, 0, SIZE);
	virtio_rig_status(&rig, VIRTIO_DRIVER_OK);
	virtio_rig_queue(&rig, 1, SIZE);
	assert_false(dev.vq[1].ready);
	assert_int_equal(vq_get(&dev.vq[1], &c), 0);
	vq_doorbell_off(&dev.vq[1]);
	assert_false(vq_doorbell_on(&dev.vq[1]));
	assert_false(virtio_is_broken(&dev));
}

/* ---- chains ---- */

static void
test_chain(void **state)
{
	struct rig_buf b[] = { RIG_READ("request", 8), RIG_READ("x", 2), RIG_WRITE(100),
		RIG_WRITE(1) };
	struct rig_used used;
	uint16_t head;

	(void)state;
	assert_true(virtio_rig_start(&rig, 0, SIZE));
	assert_int_equal(vq_get(q, &c), 0);
	head = virtio_rig_add(&rig, 0, b, 4);
	assert_int_equal(vq_get(q, &c), 1);
	assert_int_equal(c.head, head);
	assert_int_equal(c.nread, 2);
	assert_int_equal(c.nwrite, 2);
	assert_int_equal(c.read_len, 10);
	assert_int_equal(c.write_len, 101);
	assert_string_equal(c.iov[0].iov_base, "request");
	assert_string_equal(c.iov[1].iov_base, "x");
	assert_ptr_equal(c.iov[2].iov_base, virtio_rig_va(&rig, b[2].gpa));
	assert_int_equal(c.iov[2].iov_len, 100);
	assert_int_equal(vq_get(q, &c), 0);
	vq_put(q, head, 7);
	assert_false(virtio_rig_wait_used(&rig, 0, 0, &used)); /* not yet */
	vq_notify(q);
	assert_true(virtio_rig_wait_used(&rig, 0, 0, &used));
	assert_int_equal(used.head, head);
	assert_int_equal(used.len, 7);
	assert_int_equal(virtio_rig_irqs(&rig, 0), 1);
	vq_notify(q); /* nothing new */
	assert_int_equal(virtio_rig_irqs(&rig, 0), 1);
}

/* Around the ring and around 2^16, answered out of order. */
static void
test_many(void **state)
{
	struct rig_used used;
	uint16_t a, b;

	(void)state;
	assert_true(virtio_rig_start(&rig, ALL, SIZE));
	for (unsigned int i = 0; i < 70000; i++) {
		struct rig_buf r[] = { RIG_AT(RIG_RAM_GPA + 0x10000 + i % 1000, 4, false) };
		struct rig_buf w[] = { RIG_AT(RIG_RAM_GPA + 0x20000 + i % 1000, 9, true) };

		a = virtio_rig_add(&rig, 0, r, 1);
		b = virtio_rig_add(&rig, 0, w, 1);
		assert_int_equal(vq_get(q, &c), 1);
		assert_int_equal(c.head, a);
		assert_int_equal(vq_get(q, &c), 1);
		assert_int_equal(c.head, b);
		assert_int_equal(vq_get(q, &c), 0);
		vq_put(q, b, i);
		vq_put(q, a, 0);
		vq_notify(q);
		assert_true(virtio_rig_wait_used(&rig, 0, 0, &used));
		assert_int_equal(used.head, b);
		assert_int_equal(used.len, i);
		assert_true(virtio_rig_wait_used(&rig, 0, 0, &used));
		assert_int_equal(used.head, a);
	}
	assert_int_equal(virtio_rig_irqs(&rig, 0), 70000);
}

static void
test_unget(void **state)
{
	struct rig_buf b = RIG_WRITE(1), d = RIG_WRITE(2);

	(void)state;
	assert_true(virtio_rig_start(&rig, ALL, SIZE));
	virtio_rig_add(&rig, 0, &b, 1);
	virtio_rig_add(&rig, 0, &d, 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(vq_get(q, &c), 1);
		assert_int_equal(c.write_len, 1);
		assert_int_equal(vq_get(q, &c), 1);
		assert_int_equal(c.write_len, 2);
		assert_int_equal(vq_get(q, &c), 0);
		vq_unget(q);
		vq_unget(q);
	}
}

static void
test_indirect(void **state)
{
	struct rig_buf b[20];
	uint16_t head;

	(void)state;
	assert_true(virtio_rig_start(&rig, ALL, SIZE));
	for (unsigned int i = 0; i < 20; i++)
		b[i] = (struct rig_buf){ .len = i + 1, .write = i >= 5 };
	head = virtio_rig_add_indirect(&rig, 0, b, 20);	 /* longer than the ring */
	rig.q[0].desc[head].flags |= VIRTQ_DESC_F_WRITE; /* to be ignored, 2.7.5.3.2 */
	assert_int_equal(vq_get(q, &c), 1);
	assert_int_equal(c.head, head);
	assert_int_equal(c.nread, 5);
	assert_int_equal(c.nwrite, 15);
	assert_int_equal(c.read_len, 15);
	assert_int_equal(c.write_len, 210 - 15);
	assert_ptr_equal(c.iov[19].iov_base, virtio_rig_va(&rig, b[19].gpa));
}

/* Some in the ring and then a table: 2.7.5.3.2. */
static void
test_indirect_tail(void **state)
{
	struct rig_buf b[] = { RIG_READ("ab", 2), RIG_AT(RIG_RAM_GPA + 0x8000, 32, false) };
	struct virtq_desc *t = virtio_rig_va(&rig, RIG_RAM_GPA + 0x8000);
	uint16_t head;

	(void)state;
	assert_true(virtio_rig_start(&rig, ALL, SIZE));
	t[0] = (struct virtq_desc){ RIG_RAM_GPA + 0x9000, 3, VIRTQ_DESC_F_NEXT, 1 };
	t[1] = (struct virtq_desc){ RIG_RAM_GPA + 0xa000, 4, VIRTQ_DESC_F_WRITE, 0 };
	head = virtio_rig_chain(&rig, 0, b, 2);
	virtio_rig_desc(&rig, 0, virtio_rig_desc(&rig, 0, head)->next)
	    ->flags = VIRTQ_DESC_F_INDIRECT;
	virtio_rig_submit(&rig, 0, head);
	assert_int_equal(vq_get(q, &c), 1);
	assert_int_equal(c.nread, 2);
	assert_int_equal(c.read_len, 5);
	assert_int_equal(c.write_len, 4);
}

/* The most buffers that there may be, and one more. */
static void
test_segments(void **state)
{
	static struct rig_buf b[VIRTIO_MAX_SEGS + 1];

	(void)state;
	for (unsigned int i = 0; i <= VIRTIO_MAX_SEGS; i++)
		b[i] = (struct rig_buf){ .len = 1, .write = true };
	assert_true(virtio_rig_start(&rig, ALL, SIZE));
	virtio_rig_add_indirect(&rig, 0, b, VIRTIO_MAX_SEGS);
	assert_int_equal(vq_get(q, &c), 1);
	assert_int_equal(c.nwrite, VIRTIO_MAX_SEGS);
	virtio_rig_add_indirect(&rig, 0, b, VIRTIO_MAX_SEGS + 1);
	assert_int_equal(vq_get(q, &c), -1);
}

/* Buffers that lie over one another, 4 GiB less 16 MiB of them, and 4 GiB. */
static void
test_length(void **state)
{
	static struct rig_buf b[VIRTIO_MAX_SEGS];

	(void)state;
	virtio_rig_fini(&rig);
	virtio_rig_init(&rig, 32u << 20);
	virtio_rig_attach(&rig, &dev);
	for (unsigned int i = 0; i < VIRTIO_MAX_SEGS; i++)
		b[i] = (struct rig_buf)RIG_AT(RIG_RAM_GPA, 16u << 20, true);
	assert_true(virtio_rig_start(&rig, ALL, SIZE));
	virtio_rig_add_indirect(&rig, 0, b, VIRTIO_MAX_SEGS - 1);
	assert_int_equal(vq_get(q, &c), 1);
	assert_int_equal(c.write_len, 255u * (16u << 20));
	virtio_rig_add_indirect(&rig, 0, b, VIRTIO_MAX_SEGS);
	assert_int_equal(vq_get(q, &c), -1);
	assert_non_null(strstr(virtio_rig_said, "4 GiB"));
}

/* ---- what must not be ---- */

/* A good chain of three, which `spoil' then makes bad; the indirect table is at T. */
#define T (RIG_RAM_GPA + 0x8000)

static void
bad_head(struct virtq_desc *d, uint16_t *head)
{
	(void)d;
	*head = SIZE;
}

static void
bad_next(struct virtq_desc *d, uint16_t *head)
{
	(void)head;
	d[1].next = SIZE;
}

static void
bad_loop(struct virtq_desc *d, uint16_t *head)
{
	(void)head;
	d[2].flags |= VIRTQ_DESC_F_NEXT;
	d[2].next = 1;
	d[0].flags |= VIRTQ_DESC_F_WRITE;
}

static void
bad_order(struct virtq_desc *d, uint16_t *head)
{
	(void)head;
	d[0].flags |= VIRTQ_DESC_F_WRITE;
	d[1].flags &= (uint16_t)~VIRTQ_DESC_F_WRITE;
}

static void
bad_length(struct virtq_desc *d, uint16_t *head)
{
	(void)head;
	d[1].len = 0;
}

static void
bad_below(struct virtq_desc *d, uint16_t *head)
{
	(void)head;
	d[1].addr = RIG_RAM_GPA - 1;
}

static void
bad_above(struct virtq_desc *d, uint16_t *head)
{
	(void)head;
	d[1].addr = RIG_RAM_GPA + RIG_RAM_BYTES - 8;
	d[1].len = 9;
}

static void
bad_wrap(struct virtq_desc *d, uint16_t *head)
{
	(void)head;
	d[2].addr = UINT64_MAX - 2;
}

static void
bad_long(struct virtq_desc *d, uint16_t *head)
{
	(void)head;
	d[1].len = UINT32_MAX;
}

static void
bad_table_length(struct virtq_desc *d, uint16_t *head)
{
	(void)head;
	d[2] = (struct virtq_desc){ T, 17, VIRTQ_DESC_F_INDIRECT, 0 };
}

static void
bad_table_empty(struct virtq_desc *d, uint16_t *head)
{
	(void)head;
	d[2] = (struct virtq_desc){ T, 0, VIRTQ_DESC_F_INDIRECT, 0 };
}

static void
bad_table_place(struct virtq_desc *d, uint16_t *head)
{
	(void)head;
	d[2] = (struct virtq_desc){ RIG_RAM_GPA + RIG_RAM_BYTES - 16, 32, VIRTQ_DESC_F_INDIRECT,
		0 };
}

static void
bad_table_next(struct virtq_desc *d, uint16_t *head)
{
	(void)head;
	d[1] = (struct virtq_desc){ T, 16, VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_NEXT, 2 };
}

static void
bad_table_nested(struct virtq_desc *d, uint16_t *head)
{
	struct virtq_desc *t = virtio_rig_va(&rig, T);

	(void)head;
	d[2] = (struct virtq_desc){ T, 16, VIRTQ_DESC_F_INDIRECT, 0 };
	t[0] = (struct virtq_desc){ T, 16, VIRTQ_DESC_F_INDIRECT, 0 };
}

static void
bad_table_index(struct virtq_desc *d, uint16_t *head)
{
	struct virtq_desc *t = virtio_rig_va(&rig, T);

	(void)head;
	d[2] = (struct virtq_desc){ T, 16, VIRTQ_DESC_F_INDIRECT, 0 };
	t[0] = (struct virtq_desc){ T, 16, VIRTQ_DESC_F_WRITE | VIRTQ_DESC_F_NEXT, 1 };
}

static void
bad_table_loop(struct virtq_desc *d, uint16_t *head)
{
	struct virtq_desc *t = virtio_rig_va(&rig, T);

	(void)head;
	d[2] = (struct virtq_desc){ T, 16, VIRTQ_DESC_F_INDIRECT, 0 };
	t[0] = (struct virtq_desc){ T, 16, VIRTQ_DESC_F_WRITE | VIRTQ_DESC_F_NEXT, 0 };
}

static void
test_bad_chains(void **state)
{
	static void (*const spoil[])(struct virtq_desc * d, uint16_t * head) = { bad_head, bad_next,
		bad_loop, bad_order, bad_length, bad_below, bad_above, bad_wrap, bad_long,
		bad_table_length, bad_table_empty, bad_table_place, bad_table_next,
		bad_table_nested, bad_table_index, bad_table_loop };
	unsigned int irqs = 0;
	uint16_t head;

	(void)state;
	for (unsigned int i = 0; i < sizeof(spoil) / sizeof(spoil[0]); i++) {
		struct rig_buf b[] = { RIG_READ("ab", 2), RIG_WRITE(3), RIG_WRITE(4) };

		assert_true(virtio_rig_start(&rig, ALL, SIZE));
		head = virtio_rig_chain(&rig, 0, b, 3);
		assert_int_equal(head, 0);
		spoil[i](virtio_rig_desc(&rig, 0, 0), &head);
		virtio_rig_submit(&rig, 0, head);
		if (vq_get(q, &c) != -1)
			fail_msg("chain %u is taken for good", i);
		assert_true(virtio_rig_wait_broken(&rig, 0));
		assert_int_equal(virtio_rig_config_irqs(&rig), ++irqs);
		/* It stays so, on all queues, and tells the guest once. */
		assert_int_equal(vq_get(q, &c), -1);
		assert_int_equal(vq_get(&dev.vq[1], &c), -1);
		assert_false(vq_doorbell_on(q));
		virtio_break(&dev);
		assert_int_equal(virtio_rig_config_irqs(&rig), irqs);
	}
	/* One line in all. */
	assert_non_null(strstr(virtio_rig_said, "an available entry is not in the table"));
	assert_null(strstr(virtio_rig_said + 10, "virtio device"));
	/* A reset mends it. */
	assert_true(virtio_rig_start(&rig, ALL, SIZE));
	assert_int_equal(vq_get(q, &c), 0);
	assert_false(virtio_rig_wait_broken(&rig, 0));
}

static void
test_indirect_not_negotiated(void **state)
{
	struct rig_buf b = RIG_WRITE(3);

	(void)state;
	assert_true(virtio_rig_start(&rig, 0, SIZE));
	virtio_rig_add_indirect(&rig, 0, &b, 1);
	assert_int_equal(vq_get(q, &c), -1);
}

static void
test_bad_avail(void **state)
{
	struct rig_buf b = RIG_WRITE(3);
	uint16_t head;

	(void)state;
	/* The index runs away. */
	assert_true(virtio_rig_start(&rig, 0, SIZE));
	rig.q[0].avail->idx = SIZE + 1;
	assert_int_equal(vq_get(q, &c), -1);
	/* The same request twice. */
	assert_true(virtio_rig_start(&rig, 0, SIZE));
	head = virtio_rig_add(&rig, 0, &b, 1);
	virtio_rig_submit(&rig, 0, head);
	assert_int_equal(vq_get(q, &c), 1);
	assert_int_equal(vq_get(q, &c), -1);
	/* More than there can be, each entry in time. */
	assert_true(virtio_rig_start(&rig, 0, SIZE));
	for (uint16_t i = 0; i < SIZE; i++) {
		rig.q[0].desc[i] = (struct virtq_desc){ RIG_RAM_GPA, 1, 0, 0 };
		virtio_rig_submit(&rig, 0, i);
		assert_int_equal(vq_get(q, &c), 1);
	}
	virtio_rig_submit(&rig, 0, 0);
	assert_int_equal(vq_get(q, &c), -1);
}

/* What was under way when it broke is not published. */
static void
test_broken_is_silent(void **state)
{
	struct rig_buf b = RIG_WRITE(3);
	struct rig_used used;
	uint16_t head;

	(void)state;
	assert_true(virtio_rig_start(&rig, 0, SIZE));
	head = virtio_rig_add(&rig, 0, &b, 1);
	assert_int_equal(vq_get(q, &c), 1);
	vq_break(q, "a test");
	vq_put(q, head, 3);
	vq_notify(q);
	assert_false(virtio_rig_wait_used(&rig, 0, 0, &used));
	assert_int_equal(virtio_rig_irqs(&rig, 0), 0);
}

/* ---- interrupts and doorbells ---- */

static void
one_request(void)
{
	struct rig_buf b = RIG_AT(RIG_RAM_GPA + 0x10000, 4, true);
	struct rig_used used;

	assert_int_not_equal(virtio_rig_add(&rig, 0, &b, 1), RIG_NONE);
	assert_int_equal(vq_get(q, &c), 1);
	vq_put(q, c.head, 4);
	vq_notify(q);
	assert_true(virtio_rig_wait_used(&rig, 0, 0, &used));
}

static void
test_no_interrupt_flag(void **state)
{
	(void)state;
	assert_true(virtio_rig_start(&rig, 0, SIZE));
	one_request();
	assert_int_equal(virtio_rig_irqs(&rig, 0), 1);
	virtio_rig_interrupts(&rig, 0, false);
	one_request();
	assert_int_equal(virtio_rig_irqs(&rig, 0), 1);
	virtio_rig_interrupts(&rig, 0, true);
	one_request();
	assert_int_equal(virtio_rig_irqs(&rig, 0), 2);
}

static void
test_used_event(void **state)
{
	struct rig_buf b = RIG_WRITE(4);

	(void)state;
	assert_true(virtio_rig_start(&rig, VIRTIO_F_EVENT_IDX, SIZE));
	virtio_rig_used_event(&rig, 0, 3); /* of the fourth from now */
	for (unsigned int i = 0; i < 6; i++) {
		virtio_rig_add(&rig, 0, &b, 1);
		assert_int_equal(vq_get(q, &c), 1);
		vq_put(q, c.head, 4);
		vq_notify(q);
		assert_int_equal(virtio_rig_irqs(&rig, 0), i >= 3);
	}
	/* Two at once that pass it. */
	assert_true(virtio_rig_start(&rig, VIRTIO_F_EVENT_IDX, SIZE));
	virtio_rig_used_event(&rig, 0, 0);
	for (unsigned int i = 0; i < 2; i++) {
		virtio_rig_add(&rig, 0, &b, 1);
		assert_int_equal(vq_get(q, &c), 1);
		vq_put(q, c.head, 4);
	}
	vq_notify(q);
	assert_int_equal(virtio_rig_irqs(&rig, 0), 1);
}

static void
doorbell_protocol(uint64_t features)
{
	struct rig_buf b = RIG_AT(RIG_RAM_GPA + 0x10000, 4, true);

	assert_true(virtio_rig_start(&rig, features, SIZE));
	assert_true(is_rung(0)); /* by the start */
	virtio_rig_add(&rig, 0, &b, 1);
	assert_true(virtio_rig_kick(&rig, 0));
	assert_true(is_rung(0));
	vq_doorbell_off(q);
	assert_int_equal(vq_get(q, &c), 1);
	assert_int_equal(vq_get(q, &c), 0);
	virtio_rig_add(&rig, 0, &b, 1);
	assert_false(virtio_rig_kick(&rig, 0));
	assert_true(vq_doorbell_on(q)); /* look again */
	vq_doorbell_off(q);
	assert_int_equal(vq_get(q, &c), 1);
	assert_false(vq_doorbell_on(q));
	virtio_rig_add(&rig, 0, &b, 1);
	assert_true(virtio_rig_kick(&rig, 0));
	/* Without on and off an empty queue is one that waits to be rung. */
	assert_int_equal(vq_get(q, &c), 1);
	assert_int_equal(vq_get(q, &c), 0);
	virtio_rig_add(&rig, 0, &b, 1);
	assert_true(virtio_rig_kick(&rig, 0));
}

static void
test_doorbell(void **state)
{
	(void)state;
	doorbell_protocol(0);
	doorbell_protocol(VIRTIO_F_EVENT_IDX);
}

static void
test_doorbell_fd(void **state)
{
	int fd = doorbell_create();

	(void)state;
	assert_true(fd >= 0);
	assert_false(doorbell_answer(fd));
	doorbell_ring(fd);
	doorbell_ring(fd);
	assert_int_equal(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0), 1);
	assert_true(doorbell_answer(fd));
	assert_false(doorbell_answer(fd));
	close(fd);
}

/* ---- two threads ---- */

static volatile bool polls; /* the device turns its doorbell off while it works */

static void
serve(void)
{
	do {
		if (polls)
			vq_doorbell_off(q);
		while (vq_get(q, &c) == 1) {
			memcpy(c.iov[1].iov_base, c.iov[0].iov_base, 4);
			vq_put(q, c.head, 4);
			vq_notify(q);
		}
	} while (polls && vq_doorbell_on(q));
}

static void *
device_thread(void *arg)
{
	struct pollfd fds[2] = { { .fd = q->doorbell, .events = POLLIN },
		{ .fd = *(int *)arg, .events = POLLIN } };

	while (fds[1].revents == 0) {
		poll(fds, 2, -1);
		if (doorbell_answer(q->doorbell))
			serve();
	}
	return NULL;
}

/* Nobody misses the other: each request is answered though only what asks is told. */
static void
ping_pong(uint64_t features, bool poll_mode)
{
	uint32_t *in = virtio_rig_va(&rig, RIG_RAM_GPA + 0x10000), *out = in + 1;
	struct rig_used used;
	int stop = doorbell_create();
	pthread_t thread;

	polls = poll_mode;
	assert_true(virtio_rig_start(&rig, features, SIZE));
	pthread_create(&thread, NULL, device_thread, &stop);
	for (uint32_t i = 1; i < 5000; i++) {
		struct rig_buf b[] = { RIG_AT(RIG_RAM_GPA + 0x10000, 4, false),
			RIG_AT(RIG_RAM_GPA + 0x10004, 4, true) };

		*in = i;
		virtio_rig_add(&rig, 0, b, 2);
		virtio_rig_kick(&rig, 0);
		if (!virtio_rig_wait_used(&rig, 0, 5000, &used))
			fail_msg("request %u was missed", i);
		assert_int_equal(*out, i);
	}
	doorbell_ring(stop);
	pthread_join(thread, NULL);
	close(stop);
}

static void
test_threads(void **state)
{
	(void)state;
	ping_pong(0, false);
	ping_pong(0, true);
	ping_pong(VIRTIO_F_EVENT_IDX, false);
	ping_pong(VIRTIO_F_EVENT_IDX, true);
}

static void *
find_bad_ring(void *arg)
{
	(void)arg;
	vq_put(q, c.head, 1);
	vq_notify(q);
	assert_int_equal(vq_get(q, &c), -1);
	return NULL;
}

/* A reset, with the lock held, waits for a thread that answers a request and breaks the device. */
static void
test_reset_waits(void **state)
{
	struct rig_buf b = RIG_WRITE(1);

	(void)state;
	assert_true(virtio_rig_start(&rig, ALL, SIZE));
	virtio_rig_add(&rig, 0, &b, 1);
	assert_int_equal(vq_get(q, &c), 1);
	virtio_rig_submit(&rig, 0, SIZE);
	last_words = find_bad_ring;
	virtio_rig_status(&rig, 0);
	last_words = NULL;
	assert_int_equal(virtio_rig_irqs(&rig, 0), 1);
	assert_int_equal(virtio_rig_config_irqs(&rig), 1);
	assert_int_equal(virtio_get_status(&dev), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init_refuses),
		cmocka_unit_test(test_doorbell_fd),
		cmocka_unit_test_setup_teardown(test_status, setup, teardown),
		cmocka_unit_test_setup_teardown(test_features, setup, teardown),
		cmocka_unit_test_setup_teardown(test_config, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queue_enable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queue_enable_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_indirect, setup, teardown),
		cmocka_unit_test_setup_teardown(test_indirect_tail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_segments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_length, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_chains, setup, teardown),
		cmocka_unit_test_setup_teardown(test_indirect_not_negotiated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_avail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_is_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_interrupt_flag, setup, teardown),
		cmocka_unit_test_setup_teardown(test_used_event, setup, teardown),
		cmocka_unit_test_setup_teardown(test_doorbell, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
