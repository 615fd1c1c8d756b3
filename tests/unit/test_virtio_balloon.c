/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * virtio-balloon: which pages go back to the host, in how many calls; its configuration; and page
 * numbers that are not the guest's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "control.h"
#include "models.h"
#include "virtio_balloon.h"
#include "virtio_rig.h"

#define F_STATS_VQ	 (1ull << 1)
#define F_DEFLATE_ON_OOM (1ull << 2)
#define F_PAGE_REPORTING (1ull << 5)
#define PAGE		 4096u
#define FIRST		 (uint32_t)(RIG_RAM_GPA / PAGE)
#define NELEM(a)	 (sizeof(a) / sizeof((a)[0]))

/* 2: the reports' of a driver without statistics, which counts queues; 3 with them. */
enum { INFLATE, DEFLATE, REPORTING_PACKED, REPORTING_WITH_STATS, REPORTING };
enum { STATS = 2 };

static struct virtio_rig rig;
static struct virtio_dev *vd;

/* What was given back, call by call; the worker's until it answered. */
static struct {
	uint64_t gpa, len;
} calls[64];
static unsigned int ncalls;
static uint64_t total;

static int
fake_discard(void *arg, uint64_t gpa, uint64_t len)
{
	assert_ptr_equal(arg, &rig);
	if (ncalls < NELEM(calls)) {
		calls[ncalls].gpa = gpa;
		calls[ncalls].len = len;
	}
	ncalls++;
	total += len;
	return ncalls % 2 == 0 ? -1 : 0; /* that it fails matters to nobody */
}

/* What other programs may ask. */
static const struct control_request *requests;
static void *requests_dev;
static unsigned int nrequests;

static int
fake_answer(void *arg, const struct control_request *r, void *dev)
{
	assert_ptr_equal(arg, &rig);
	requests = r;
	requests_dev = dev;
	return nrequests++ == 0 ? 0 : -1;
}

static const char *
ask(const char *word, const char *argument)
{
	const struct control_request *r = requests;
	const char *said;

	while (strcmp(r->word, word) != 0)
		r++;
	said = r->handle(requests_dev, argument);
	return said != NULL ? said : "ok";
}

static void
begin(const char *options)
{
	virtio_rig_init(&rig, 0);
	rig.env.answer = fake_answer;
	nrequests = 0;
	rig.env.discard = fake_discard;
	rig.env.arg = &rig;
	vd = virtio_balloon_model.create(&rig.env, virtio_rig_conf(options));
	assert_non_null(vd);
	virtio_rig_attach(&rig, vd);
	assert_true(virtio_rig_start(&rig, F_DEFLATE_ON_OOM | F_PAGE_REPORTING, 16));
	ncalls = 0;
	total = 0;
}

static void
end(void)
{
	virtio_rig_detach(&rig);
	virtio_balloon_model.destroy(vd);
	virtio_rig_fini(&rig);
}

static void
send(unsigned int q, struct rig_buf *b, unsigned int n)
{
	struct rig_used used;
	uint16_t head = virtio_rig_add(&rig, q, b, n);

	assert_int_not_equal(head, RIG_NONE);
	virtio_rig_kick(&rig, q);
	assert_true(virtio_rig_wait_used(&rig, q, 5000, &used));
	assert_int_equal(used.head, head);
	assert_int_equal(used.len, 0);
}

static void
send_pages(unsigned int q, const uint32_t *pfn, size_t n)
{
	struct rig_buf b[] = { RIG_READ(pfn, n * sizeof(pfn[0])) };

	ncalls = 0;
	total = 0;
	send(q, b, 1);
}

static void
check_call(unsigned int i, uint32_t first, uint32_t pages)
{
	assert_true(i < ncalls);
	assert_int_equal(calls[i].gpa, (uint64_t)first * PAGE);
	assert_int_equal(calls[i].len, (uint64_t)pages * PAGE);
}

static void
test_inflate(void **state)
{
	static const uint32_t up[] = { FIRST + 10, FIRST + 11, FIRST + 12 };
	static const uint32_t down[] = { FIRST + 12, FIRST + 11, FIRST + 10 };
	static const uint32_t apart[] = { FIRST + 5, FIRST + 9, FIRST + 4, FIRST + 1023, FIRST };
	static const uint32_t twice[] = { FIRST + 7, FIRST + 7, FIRST + 8, FIRST + 7 };

	(void)state;
	begin("");
	assert_int_equal(vd->id, VIRTIO_ID_BALLOON);
	send_pages(INFLATE, up, NELEM(up));
	assert_int_equal(ncalls, 1);
	check_call(0, FIRST + 10, 3);
	send_pages(INFLATE, down, NELEM(down));
	assert_int_equal(ncalls, 1);
	check_call(0, FIRST + 10, 3);
	send_pages(INFLATE, apart, NELEM(apart));
	assert_int_equal(ncalls, 4);
	check_call(0, FIRST, 1);
	check_call(1, FIRST + 4, 2);
	check_call(2, FIRST + 9, 1);
	check_call(3, FIRST + 1023, 1);
	send_pages(INFLATE, twice, NELEM(twice));
	assert_int_equal(ncalls, 1);
	check_call(0, FIRST + 7, 2);
	/* Deflating is the guest's touching them. */
	send_pages(DEFLATE, up, NELEM(up));
	assert_int_equal(ncalls, 0);
	end();
}

/* In pieces, at odd places, with part of a number left over. */
static void
test_pieces(void **state)
{
	static const uint32_t pfn[] = { FIRST + 1, FIRST + 2, FIRST + 3, FIRST + 4 };
	const uint8_t *p = (const uint8_t *)pfn;
	struct rig_buf b[] = { RIG_READ(p, 3), RIG_READ(p + 3, 6), RIG_READ(p + 9, 5),
		RIG_WRITE(8) };

	(void)state;
	begin("");
	send(INFLATE, b, 4);
	assert_int_equal(ncalls, 1);
	check_call(0, FIRST + 1, 3);
	end();
}

static void
test_large(void **state)
{
	static uint32_t pfn[20000];

	(void)state;
	begin("");
	/* Every second page, each batch of numbers by itself. */
	for (uint32_t i = 0; i < 512; i++)
		pfn[i] = FIRST + 2 * i;
	send_pages(INFLATE, pfn, 512);
	assert_int_equal(ncalls, 512);
	assert_int_equal(total, 512 * PAGE);
	/* All of it, merged as far as a batch goes. */
	for (uint32_t i = 0; i < 1024; i++)
		pfn[i] = FIRST + 1023 - i;
	send_pages(INFLATE, pfn, 1024);
	assert_true(ncalls <= 4);
	assert_int_equal(total, 1024 * PAGE);
	/* Bounded: what is beyond is not looked at. */
	for (uint32_t i = 0; i < NELEM(pfn); i++)
		pfn[i] = i < 16384 ? FIRST : 0;
	send_pages(INFLATE, pfn, NELEM(pfn));
	assert_int_equal(ncalls, 64);
	assert_int_equal(vd->broken, false);
	end();
}

static void
test_not_ram(void **state)
{
	static const uint32_t bad[] = { 0, FIRST - 1, FIRST + RIG_RAM_BYTES / PAGE, 0xfffff,
		0xffffffff };

	(void)state;
	begin("");
	for (size_t i = 0; i < NELEM(bad); i++) {
		uint32_t pfn[] = { FIRST, bad[i] };
		struct rig_buf b[] = { RIG_READ(pfn, sizeof(pfn)) };

		ncalls = 0;
		virtio_rig_add(&rig, INFLATE, b, 1);
		virtio_rig_kick(&rig, INFLATE);
		assert_true(virtio_rig_wait_broken(&rig, 5000));
		assert_true(virtio_rig_start(&rig, 0, 16));
		for (unsigned int k = 0; k < ncalls; k++)
			check_call(k, FIRST, 1);
	}
	assert_non_null(strstr(virtio_rig_said, "not in RAM"));
	end();
}

/* Whole pages of each buffer, on either of the two queues it may be. */
static void
test_reporting(void **state)
{
	static const unsigned int queues[] = { REPORTING_PACKED, REPORTING };

	(void)state;
	begin("");
	for (size_t i = 0; i < NELEM(queues); i++) {
		uint64_t gpa = RIG_RAM_GPA + (2u << 20);
		struct rig_buf b[] = { RIG_AT(gpa, 1u << 20, true),
			RIG_AT(gpa + (1u << 20) + 1, 3 * PAGE, true),
			RIG_AT(gpa + 0x180000, PAGE - 1, true),
			RIG_AT(RIG_RAM_GPA + RIG_RAM_BYTES - PAGE, PAGE, true) };

		ncalls = 0;
		send(queues[i], b, 4);
		assert_int_equal(ncalls, 3);
		check_call(0, FIRST + 512, 256);
		check_call(1, FIRST + 769, 2);
		check_call(2, FIRST + 1023, 1);
	}
	/* Not negotiated: it is no queue. */
	assert_true(virtio_rig_start(&rig, F_DEFLATE_ON_OOM, 16));
	{
		struct rig_buf b[] = { RIG_AT(RIG_RAM_GPA + (2u << 20), PAGE, true) };
		struct rig_used used;

		ncalls = 0;
		virtio_rig_add(&rig, REPORTING_PACKED, b, 1);
		virtio_rig_kick(&rig, REPORTING_PACKED);
		assert_false(virtio_rig_wait_used(&rig, REPORTING_PACKED, 50, &used));
		assert_int_equal(ncalls, 0);
	}
	end();
}

static uint32_t
config(uint32_t offset)
{
	uint32_t val;

	pthread_mutex_lock(&vd->lock);
	val = virtio_config_read(vd, offset, 4);
	pthread_mutex_unlock(&vd->lock);
	return val;
}

static void
set_config(uint32_t offset, uint32_t size, uint32_t val)
{
	pthread_mutex_lock(&vd->lock);
	virtio_config_write(vd, offset, size, val);
	pthread_mutex_unlock(&vd->lock);
}

static void
test_config(void **state)
{
	unsigned int before;

	(void)state;
	begin("target=0x100000");
	assert_int_equal(config(0), 768);
	assert_int_equal(config(4), 0);
	assert_int_equal(config(8), 0);
	assert_int_equal(virtio_balloon_size(vd), RIG_RAM_BYTES);
	set_config(4, 4, 768);
	assert_int_equal(virtio_balloon_size(vd), 1u << 20);
	set_config(4, 2, 1);
	set_config(0, 4, 1);
	set_config(8, 4, 1);
	assert_int_equal(config(0), 768);
	assert_int_equal(config(4), 768);
	set_config(4, 4, 0xffffffff); /* it may say anything */
	assert_int_equal(virtio_balloon_size(vd), 0);
	before = virtio_rig_config_irqs(&rig);
	virtio_balloon_set_target(vd, 3u << 20);
	assert_int_equal(config(0), 256);
	assert_int_equal(virtio_rig_config_irqs(&rig), before + 1);
	virtio_balloon_set_target(vd, 1ull << 40);
	assert_int_equal(config(0), 0);
	virtio_balloon_set_target(vd, 0);
	assert_int_equal(config(0), 1024);
	/* The next driver starts with an empty balloon. */
	assert_true(virtio_rig_start(&rig, 0, 16));
	assert_int_equal(config(0), 1024);
	assert_int_equal(config(4), 0);
	end();
}

/* le16 tag, le64 value; packed (5.5.6.4) */
static size_t
stat_entry(uint8_t *p, uint16_t tag, uint64_t val)
{
	for (int i = 0; i < 2; i++)
		p[i] = (uint8_t)(tag >> 8 * i);
	for (int i = 0; i < 8; i++)
		p[2 + i] = (uint8_t)(val >> 8 * i);
	return 10;
}

/* The device keeps the buffer; its head. */
static uint16_t
send_stats(const uint8_t *p, size_t len)
{
	struct rig_buf b[] = { RIG_READ(p, len) };
	struct rig_used used;
	uint16_t head = virtio_rig_add(&rig, STATS, b, 1);

	virtio_rig_kick(&rig, STATS);
	assert_false(virtio_rig_wait_used(&rig, STATS, 50, &used));
	return head;
}

static void
check_asked(uint16_t head)
{
	struct rig_used used;

	assert_true(virtio_rig_wait_used(&rig, STATS, 5000, &used));
	assert_int_equal(used.head, head);
	assert_int_equal(used.len, 0);
}

static void
check_state(const char *word)
{
	const char *said = ask("balloon", "");

	if (strstr(said, word) == NULL)
		fail_msg("%s: not in: %s", word, said);
}

static void
test_stats(void **state)
{
	uint8_t buf[40];
	size_t len;
	uint16_t first, second;

	(void)state;
	begin("");
	/* A driver without them: nothing to wait for. */
	assert_string_equal(ask("balloon-refresh", ""), "ok");
	assert_true(virtio_rig_start(&rig, F_STATS_VQ | F_DEFLATE_ON_OOM | F_PAGE_REPORTING, 16));
	assert_string_equal(ask("balloon", ""), "ok target=4194304 actual=4194304");
	first = send_stats(buf, 0 + stat_entry(buf, 4, 123456));
	check_state("target=4194304 actual=4194304 updates=1 age_ms=");
	check_state(" free=123456");
	/* The buffer comes back when new ones are wanted, and once. */
	assert_string_equal(ask("balloon-refresh", ""), "ok updates=1");
	check_asked(first);
	len = stat_entry(buf, 6, 0xffffffffffffffff);
	len += stat_entry(buf + len, 10, 5); /* nobody knows that one */
	len += stat_entry(buf + len, 2, 7);
	second = send_stats(buf, len + 3);
	check_state("updates=2 age_ms=");
	check_state(" major_faults=7 available=18446744073709551615");
	assert_null(strstr(ask("balloon", ""), "free="));
	/* Asked before the buffer is there: at once. */
	assert_string_equal(ask("balloon-refresh", ""), "ok updates=2");
	check_asked(second);
	ask("balloon-refresh", "");
	{
		struct rig_buf b[] = { RIG_READ(buf, len) };

		first = virtio_rig_add(&rig, STATS, b, 1);
		virtio_rig_kick(&rig, STATS);
		check_asked(first);
	}
	/* Two at a time: the device has one of them. */
	first = send_stats(buf, len);
	{
		struct rig_buf b[] = { RIG_READ(buf, len) };

		second = virtio_rig_add(&rig, STATS, b, 1);
		virtio_rig_kick(&rig, STATS);
		check_asked(first);
	}
	/* The next driver's statistics are not those of the last one's. */
	assert_true(virtio_rig_start(&rig, F_STATS_VQ, 16));
	assert_string_equal(ask("balloon", ""), "ok target=4194304 actual=4194304");
	end();
}

/* Beside statistics Linux counts reports as the fourth queue, the specification as the fifth. */
static void
test_stats_and_reports(void **state)
{
	static const unsigned int queues[] = { REPORTING_WITH_STATS, REPORTING };

	(void)state;
	begin("");
	assert_true(virtio_rig_start(&rig, F_STATS_VQ | F_PAGE_REPORTING, 16));
	for (size_t i = 0; i < NELEM(queues); i++) {
		struct rig_buf b[] = { RIG_AT(RIG_RAM_GPA + (1u << 20), PAGE, true) };

		ncalls = 0;
		send(queues[i], b, 1);
		assert_int_equal(ncalls, 1);
		check_call(0, FIRST + 256, 1);
	}
	end();
}

static void
test_asked(void **state)
{
	unsigned int before;

	(void)state;
	begin("");
	before = virtio_rig_config_irqs(&rig);
	assert_string_equal(ask("balloon-target", "3145728"), "ok");
	assert_int_equal(virtio_rig_config_irqs(&rig), before + 1);
	assert_int_equal(config(0), 256);
	set_config(4, 4, 255);
	check_state("ok target=3145728 actual=3149824");
	assert_string_equal(ask("balloon-target", "4194305"),
	    "it has 4 MiB, and cannot get more than it started with");
	assert_non_null(strstr(ask("balloon-target", "1048575"), "is no size"));
	assert_non_null(strstr(ask("balloon-target", ""), "is no size"));
	assert_non_null(strstr(ask("balloon-target", "lots"), "is no size"));
	assert_int_equal(config(0), 256);
	/* One is enough. */
	virtio_rig_said[0] = '\0';
	assert_null(virtio_balloon_model.create(&rig.env, virtio_rig_conf("")));
	assert_string_equal(virtio_rig_said, "-s 3: there is a balloon already; leave one out");
	end();
}

static void
test_target_too_large(void **state)
{
	(void)state;
	virtio_rig_init(&rig, 0);
	virtio_rig_said[0] = '\0';
	assert_null(virtio_balloon_model.create(&rig.env, virtio_rig_conf("target=0x400001")));
	assert_string_equal(virtio_rig_said,
	    "-s 3: target=0x400001: the guest has 4 MiB, and cannot get more than it starts "
	    "with: see -m");
	virtio_rig_fini(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inflate),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_not_ram),
		cmocka_unit_test(test_reporting),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_stats),
		cmocka_unit_test(test_stats_and_reports),
		cmocka_unit_test(test_asked),
		cmocka_unit_test(test_target_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
