/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * virtio-rnd: buffers are filled, with a bound, at the rate that was set; and a driver that errs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

#include "models.h"
#include "virtio_rig.h"

#define REQUEST_MAX 4096u
#define NELEM(a)    (sizeof(a) / sizeof((a)[0]))

static struct virtio_rig rig;
static struct virtio_dev *vd;

static void
begin(const char *options)
{
	virtio_rig_init(&rig, 0);
	vd = virtio_rnd_model.create(&rig.env, virtio_rig_conf(options));
	assert_non_null(vd);
	virtio_rig_attach(&rig, vd);
	assert_true(virtio_rig_start(&rig, 0, 16));
}

static void
end(void)
{
	virtio_rig_detach(&rig);
	virtio_rnd_model.destroy(vd);
	virtio_rig_fini(&rig);
}

/* One request; the bytes written. */
static uint32_t
ask(struct rig_buf *b, unsigned int n)
{
	struct rig_used used;
	uint16_t head = virtio_rig_add(&rig, 0, b, n);

	assert_int_not_equal(head, RIG_NONE);
	virtio_rig_kick(&rig, 0);
	assert_true(virtio_rig_wait_used(&rig, 0, 5000, &used));
	assert_int_equal(used.head, head);
	return used.len;
}

/* Not what was there: of 64 bytes some change, but for one time in 2^512. */
static bool
changed(uint64_t gpa, size_t len)
{
	const uint8_t *p = virtio_rig_va(&rig, gpa);

	for (size_t i = 0; i < len; i++) {
		if (p[i] != 0xa5)
			return true;
	}
	return false;
}

static void
test_fill(void **state)
{
	struct rig_buf one[] = { RIG_WRITE(64) };
	struct rig_buf many[] = { RIG_WRITE(64), RIG_WRITE(1), RIG_WRITE(100) };
	struct rig_buf large[] = { RIG_WRITE(100000) };
	struct rig_buf mixed[] = { RIG_READ("what", 4), RIG_WRITE(64) };

	(void)state;
	begin("");
	assert_int_equal(vd->id, VIRTIO_ID_ENTROPY);
	assert_int_equal(ask(one, 1), 64);
	assert_true(changed(one[0].gpa, 64));
	assert_int_equal(ask(many, 3), 165);
	assert_true(changed(many[0].gpa, 64));
	assert_true(changed(many[2].gpa, 100));
	assert_int_equal(ask(large, 1), REQUEST_MAX);
	assert_true(changed(large[0].gpa, 64));
	assert_true(changed(large[0].gpa + REQUEST_MAX - 64, 64));
	assert_false(changed(large[0].gpa + REQUEST_MAX, 100000 - REQUEST_MAX));
	assert_int_equal(ask(mixed, 2), 64);
	assert_true(changed(mixed[1].gpa, 64));
	end();
}

/* More requests than the ring holds, one after another, also over a reset. */
static void
test_many(void **state)
{
	struct rig_buf b[] = { RIG_WRITE(32) };

	(void)state;
	begin("");
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(ask(b, 1), 32);
		if (i == 500)
			assert_true(virtio_rig_start(&rig, VIRTIO_F_EVENT_IDX, 8));
	}
	end();
}

/* Nothing to write to: it comes back empty, and the next is served. */
static void
test_nothing_to_write(void **state)
{
	struct rig_buf bad[] = { RIG_READ("x", 1) }, good[] = { RIG_WRITE(8) };

	(void)state;
	begin("");
	assert_int_equal(ask(bad, 1), 0);
	assert_int_equal(ask(good, 1), 8);
	end();
}

static void
test_not_ram(void **state)
{
	struct rig_buf b[] = { RIG_AT(0x1000, 64, true) };

	(void)state;
	begin("");
	virtio_rig_add(&rig, 0, b, 1);
	virtio_rig_kick(&rig, 0);
	assert_true(virtio_rig_wait_broken(&rig, 5000));
	/* Until it is reset. */
	assert_true(virtio_rig_start(&rig, 0, 16));
	b[0] = (struct rig_buf)RIG_WRITE(16);
	assert_int_equal(ask(b, 1), 16);
	end();
}

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void
test_rate(void **state)
{
	struct rig_buf b[] = { RIG_WRITE(64) };
	struct rig_used used;
	uint64_t start, took;

	(void)state;
	begin("max_bytes=100,period=200");
	start = now_ms();
	assert_int_equal(ask(b, 1), 64);
	b[0].gpa = 0;
	assert_int_equal(ask(b, 1), 36); /* what is left */
	b[0].gpa = 0;
	assert_int_equal(ask(b, 1), 64); /* of the next period */
	took = now_ms() - start;
	assert_in_range(took, 150, 5000);
	/* A reset while a request waits. */
	b[0].gpa = 0;
	assert_int_equal(ask(b, 1), 36);
	b[0].gpa = 0;
	virtio_rig_add(&rig, 0, b, 1);
	virtio_rig_kick(&rig, 0);
	assert_false(virtio_rig_wait_used(&rig, 0, 20, &used));
	assert_true(virtio_rig_start(&rig, 0, 16));
	b[0].gpa = 0;
	assert_int_equal(ask(b, 1), 64);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_nothing_to_write),
		cmocka_unit_test(test_not_ram),
		cmocka_unit_test(test_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
