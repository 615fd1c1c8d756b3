/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The event loop: what an fd is waited for, what it is found to be, and what runs before a wait.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event.h"

#define DEADLINE_NS 5000000000ull /* a test that hangs ends with a failure */

static struct ev_loop *loop;
static int fds[2];
static struct ev_source *source, *limit;
static unsigned int calls, prepared, found;
static bool late;

static void
ready(void *arg)
{
	(void)arg;
	calls++;
	found = ev_fd_ready(source);
	ev_loop_stop(loop);
}

static void
too_late(void *arg)
{
	(void)arg;
	late = true;
	ev_loop_stop(loop);
}

static int
setup(void **state)
{
	(void)state;
	calls = prepared = found = 0;
	late = false;
	loop = ev_loop_create();
	assert_non_null(loop);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	source = ev_fd_add(loop, fds[0], ready, NULL);
	limit = ev_timer_add(loop, too_late, NULL);
	assert_non_null(source);
	assert_non_null(limit);
	ev_timer_arm(limit, DEADLINE_NS);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	ev_loop_destroy(loop);
	close(fds[0]);
	close(fds[1]);
	return 0;
}

static void
test_read(void **state)
{
	(void)state;
	assert_int_equal(write(fds[1], "x", 1), 1);
	ev_loop_run(loop);
	assert_int_equal(calls, 1);
	assert_int_equal(found, EV_READ);
}

/* Only what is wanted is found. */
static void
test_write(void **state)
{
	(void)state;
	assert_int_equal(write(fds[1], "x", 1), 1);
	ev_fd_want(source, EV_WRITE);
	ev_loop_run(loop);
	assert_int_equal(found, EV_WRITE);
}

/* What was wanted outlasts a time of being off. */
static void
test_want_while_off(void **state)
{
	(void)state;
	ev_fd_enable(source, false);
	ev_fd_want(source, EV_READ | EV_WRITE);
	ev_timer_arm(limit, 1000000);
	ev_loop_run(loop);
	assert_true(late);
	assert_int_equal(calls, 0);
}

static void
test_on_again(void **state)
{
	(void)state;
	ev_fd_enable(source, false);
	ev_fd_want(source, EV_READ | EV_WRITE);
	ev_fd_enable(source, true);
	assert_int_equal(write(fds[1], "x", 1), 1);
	ev_loop_run(loop);
	assert_int_equal(found, EV_READ | EV_WRITE);
}

static void
test_hangup(void **state)
{
	(void)state;
	ev_fd_want(source, EV_URGENT);
	close(fds[1]);
	ev_loop_run(loop);
	assert_int_equal(found & EV_HANGUP, EV_HANGUP);
	assert_int_equal(found & EV_READ, 0);
}

static void
prepare(void *arg)
{
	struct ev_source **self = arg;

	prepared++;
	/* What it does is seen by the wait that follows; and it may go away. */
	assert_int_equal(write(fds[1], "x", 1), 1);
	ev_remove(*self);
}

static void
test_prepare(void **state)
{
	struct ev_source *s;

	(void)state;
	s = ev_prepare_add(loop, prepare, &s);
	assert_non_null(s);
	ev_loop_run(loop);
	assert_int_equal(prepared, 1);
	assert_int_equal(calls, 1);
	assert_false(late);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_want_while_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_on_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hangup, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prepare, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
