/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What an open of FreeBSD's /dev/vmmevent counts: room, taking, and who watches.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../sys/os/freebsd/counter.h"

struct watcher {
	struct counter_watch watch;
	unsigned int told, gone;
};

static void
told(void *arg)
{
	((struct watcher *)arg)->told++;
}

static void
gone(void *arg)
{
	((struct watcher *)arg)->gone++;
}

static void
watch(struct counter *c, struct watcher *w)
{
	*w = (struct watcher){ .watch = { .fn = told, .gone = gone, .arg = w } };
	counter_watch(c, &w->watch);
}

static void
test_count(void **state)
{
	struct counter c;

	(void)state;
	counter_init(&c);
	assert_true(counter_take(&c) == 0);
	assert_int_equal(counter_add(&c, 0), COUNTER_COUNTED);
	assert_true(counter_take(&c) == 0);
	assert_int_equal(counter_add(&c, 5), COUNTER_COUNTED);
	assert_int_equal(counter_add(&c, 1ull << 40), COUNTER_COUNTED);
	assert_true(counter_take(&c) == (1ull << 40) + 5);
	assert_true(counter_take(&c) == 0);
}

/* eventfd(2): the most that may be stored is 2^64 - 2. */
static void
test_full(void **state)
{
	struct counter c;

	(void)state;
	counter_init(&c);
	assert_int_equal(counter_add(&c, UINT64_MAX), COUNTER_FULL);
	assert_int_equal(counter_add(&c, UINT64_MAX - 1), COUNTER_COUNTED);
	assert_int_equal(counter_add(&c, 1), COUNTER_FULL);
	assert_int_equal(counter_add(&c, UINT64_MAX), COUNTER_FULL);
	assert_int_equal(counter_add(&c, 0), COUNTER_COUNTED);
	assert_true(counter_take(&c) == UINT64_MAX - 1);
	assert_int_equal(counter_add(&c, 7), COUNTER_COUNTED);
	assert_int_equal(counter_add(&c, UINT64_MAX - 8), COUNTER_COUNTED);
	assert_int_equal(counter_add(&c, 1), COUNTER_FULL);
}

static void
test_watch(void **state)
{
	struct watcher a, b;
	struct counter c;

	(void)state;
	counter_init(&c);
	watch(&c, &a);
	assert_int_equal(a.told, 0);
	assert_int_equal(counter_add(&c, 3), COUNTER_WATCHED);
	assert_int_equal(a.told, 1);
	assert_true(counter_take(&c) == 0);
	/* never full for who watches; 0 is a signal as well, as on Linux */
	assert_int_equal(counter_add(&c, UINT64_MAX), COUNTER_WATCHED);
	assert_int_equal(counter_add(&c, 0), COUNTER_WATCHED);
	assert_int_equal(a.told, 3);
	watch(&c, &b);
	assert_int_equal(counter_add(&c, 1), COUNTER_WATCHED);
	assert_int_equal(a.told, 4);
	assert_int_equal(b.told, 1);
	counter_unwatch(&a.watch);
	assert_int_equal(counter_add(&c, 1), COUNTER_WATCHED);
	counter_unwatch(&b.watch);
	assert_int_equal(counter_add(&c, 9), COUNTER_COUNTED);
	assert_int_equal(a.told, 4);
	assert_int_equal(b.told, 2);
	assert_true(counter_take(&c) == 9);
	assert_int_equal(a.gone + b.gone, 0);
}

/* What was there before is told once, whatever it was; the next one finds nothing. */
static void
test_watch_late(void **state)
{
	struct watcher a, b;
	struct counter c;

	(void)state;
	counter_init(&c);
	counter_add(&c, 6);
	watch(&c, &a);
	assert_int_equal(a.told, 1);
	assert_true(counter_take(&c) == 0);
	watch(&c, &b);
	assert_int_equal(b.told, 0);
}

static void
test_closed(void **state)
{
	struct watcher a, b, left;
	struct counter c;

	(void)state;
	counter_init(&c);
	watch(&c, &left);
	watch(&c, &a);
	watch(&c, &b);
	counter_unwatch(&left.watch);
	counter_closed(&c);
	assert_int_equal(a.gone, 1);
	assert_int_equal(b.gone, 1);
	assert_int_equal(left.gone, 0);
	/* the core may signal it still */
	assert_int_equal(counter_add(&c, 1), COUNTER_WATCHED);
	assert_int_equal(a.told, 1);
	counter_unwatch(&a.watch);
	counter_unwatch(&b.watch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_watch_late),
		cmocka_unit_test(test_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
