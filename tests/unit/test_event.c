/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The event loop: what an fd is waited for, what it is found to be, what runs before a wait,
 * timers, signals, and what other threads may do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event.h"

#define DEADLINE_NS 5000000000ull /* a test that hangs ends with a failure */
#define SOON_NS	    1000000ull
#define LATER_NS    20000000ull

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
	assert_int_equal(found, EVENT_READ);
}

/* Only what is wanted is found. */
static void
test_write(void **state)
{
	(void)state;
	assert_int_equal(write(fds[1], "x", 1), 1);
	ev_fd_want(source, EVENT_WRITE);
	ev_loop_run(loop);
	assert_int_equal(found, EVENT_WRITE);
}

/* What was wanted outlasts a time of being off. */
static void
test_want_while_off(void **state)
{
	(void)state;
	ev_fd_enable(source, false);
	ev_fd_want(source, EVENT_READ | EVENT_WRITE);
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
	ev_fd_want(source, EVENT_READ | EVENT_WRITE);
	ev_fd_enable(source, true);
	assert_int_equal(write(fds[1], "x", 1), 1);
	ev_loop_run(loop);
	assert_int_equal(found, EVENT_READ | EVENT_WRITE);
}

static void
test_hangup(void **state)
{
	(void)state;
	ev_fd_want(source, EVENT_URGENT);
	close(fds[1]);
	ev_loop_run(loop);
	assert_int_equal(found & EVENT_HANGUP, EVENT_HANGUP);
	assert_int_equal(found & EVENT_READ, 0);
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

/* ---- descriptors that never block, and those that are none ---- */

static struct ev_source *
add_file(FILE **file)
{
	struct ev_source *s;

	*file = tmpfile();
	assert_non_null(*file);
	s = ev_fd_add(loop, fileno(*file), ready, NULL);
	assert_non_null(s);
	return s;
}

/* At its end, too. */
static void
test_regular_file(void **state)
{
	FILE *file;
	struct ev_source *s = add_file(&file);

	(void)state;
	ev_loop_run(loop);
	assert_int_equal(calls, 1);
	assert_false(late);
	ev_remove(s);
	fclose(file);
}

static void
test_null_device(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct ev_source *s;

	(void)state;
	assert_true(fd >= 0);
	s = ev_fd_add(loop, fd, ready, NULL);
	assert_non_null(s);
	ev_loop_run(loop);
	assert_int_equal(calls, 1);
	assert_false(late);
	ev_remove(s);
	close(fd);
}

static void
test_no_descriptor(void **state)
{
	(void)state;
	close(fds[1]);
	assert_null(ev_fd_add(loop, fds[1], ready, NULL));
}

/* ---- urgent data ---- */

/* A TCP connection in place of the pair. */
static void
use_tcp(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	ev_remove(source);
	close(fds[0]);
	close(fds[1]);
	fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fds[1], (struct sockaddr *)&addr, sizeof(addr)), 0);
	fds[0] = accept(listener, NULL, NULL);
	assert_true(fds[0] >= 0);
	close(listener);
	source = ev_fd_add(loop, fds[0], ready, NULL);
	assert_non_null(source);
}

static void
test_urgent(void **state)
{
	(void)state;
	use_tcp();
	ev_fd_want(source, EVENT_URGENT);
	assert_int_equal(send(fds[1], "x", 1, 0), 1);
	ev_timer_arm(limit, LATER_NS);
	ev_loop_run(loop);
	/* What is not urgent does not count. */
	assert_true(late);
	assert_int_equal(calls, 0);
}

static void
test_urgent_comes(void **state)
{
	(void)state;
	use_tcp();
	ev_fd_want(source, EVENT_URGENT | EVENT_READ);
	ev_fd_want(source, EVENT_URGENT);
	assert_int_equal(send(fds[1], "xy", 2, MSG_OOB), 2);
	ev_loop_run(loop);
	assert_int_equal(found, EVENT_URGENT);
	assert_false(late);
}

/* ---- timers ---- */

static struct ev_source *first, *second;
static char order[8];

static void
fired(void *arg)
{
	const char *name = arg;
	size_t n = 0;

	while (order[n] != '\0')
		n++;
	assert_true(n < sizeof(order) - 1);
	order[n] = *name;
}

static int
setup_timers(void **state)
{
	setup(state);
	first = ev_timer_add(loop, fired, "1");
	second = ev_timer_add(loop, fired, "2");
	assert_non_null(first);
	assert_non_null(second);
	for (size_t i = 0; i < sizeof(order); i++)
		order[i] = '\0';
	ev_timer_arm(limit, LATER_NS);
	return 0;
}

static void
test_timers_in_order(void **state)
{
	uint64_t before = ev_now_ns();

	(void)state;
	ev_timer_arm(second, 2 * SOON_NS);
	ev_timer_arm(first, 0);
	ev_loop_run(loop);
	/* One-shot. */
	assert_string_equal(order, "12");
	assert_true(ev_now_ns() - before >= LATER_NS);
}

static void
test_timer_cancelled(void **state)
{
	(void)state;
	ev_timer_arm(first, SOON_NS);
	ev_timer_arm(second, SOON_NS);
	ev_timer_cancel(first);
	ev_loop_run(loop);
	assert_string_equal(order, "2");
}

static void
test_timer_replaced(void **state)
{
	(void)state;
	ev_timer_arm(first, SOON_NS);
	ev_timer_arm(first, 1000 * DEADLINE_NS);
	ev_timer_arm(second, UINT64_MAX);
	ev_timer_arm(second, SOON_NS);
	ev_loop_run(loop);
	assert_string_equal(order, "2");
}

static void
cancel_second(void *arg)
{
	(void)arg;
	ev_timer_cancel(second);
	ev_remove(first);
}

/* Both are due: whichever is called first takes the other one back. */
static void
test_timer_cancelled_when_due(void **state)
{
	const struct timespec wait = { 0, 2 * SOON_NS };
	struct ev_source *s;

	(void)state;
	s = ev_timer_add(loop, cancel_second, NULL);
	assert_non_null(s);
	ev_timer_arm(s, SOON_NS);
	ev_timer_arm(first, 2 * SOON_NS + SOON_NS / 2);
	ev_timer_arm(second, 2 * SOON_NS + SOON_NS / 2);
	nanosleep(&wait, NULL);
	ev_loop_run(loop);
	assert_string_equal(order, "");
}

/* ---- other threads ---- */

static void *
arm_from_outside(void *arg)
{
	const struct timespec wait = { 0, SOON_NS };

	(void)arg;
	/* The loop sleeps for a long time by now, or soon. */
	nanosleep(&wait, NULL);
	ev_timer_arm(limit, SOON_NS);
	return NULL;
}

static void
test_armed_from_outside(void **state)
{
	uint64_t before = ev_now_ns();
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, arm_from_outside, NULL), 0);
	ev_loop_run(loop);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(late);
	assert_true(ev_now_ns() - before < DEADLINE_NS / 2);
}

static void *
enable_from_outside(void *arg)
{
	const struct timespec wait = { 0, SOON_NS };

	nanosleep(&wait, NULL);
	ev_fd_enable(arg, true);
	return NULL;
}

static void
run_enabled_from_outside(struct ev_source *s)
{
	pthread_t thread;

	ev_fd_enable(s, false);
	assert_int_equal(pthread_create(&thread, NULL, enable_from_outside, s), 0);
	ev_loop_run(loop);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(calls, 1);
	assert_false(late);
}

static void
test_enabled_from_outside(void **state)
{
	(void)state;
	assert_int_equal(write(fds[1], "x", 1), 1);
	run_enabled_from_outside(source);
	assert_int_equal(found, EVENT_READ);
}

#define ROUNDS 3000

static unsigned int turn; /* atomic: the round that both are in */

static void *
enable_in_turns(void *arg)
{
	(void)arg;
	for (unsigned int i = 1; i <= ROUNDS; i++) {
		while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) < 2 * i - 1)
			;
		ev_fd_enable(source, true);
		__atomic_store_n(&turn, 2 * i, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* As a console: off for want of room, while a vCPU that makes room switches it on. */
static void
test_off_and_on_at_once(void **state)
{
	pthread_t thread;

	turn = 0;
	assert_int_equal(pthread_create(&thread, NULL, enable_in_turns, NULL), 0);
	for (unsigned int i = 1; i <= ROUNDS; i++) {
		teardown(state);
		setup(state);
		assert_int_equal(write(fds[1], "x", 1), 1);
		__atomic_store_n(&turn, 2 * i - 1, __ATOMIC_RELEASE);
		ev_fd_enable(source, false);
		while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) < 2 * i)
			;
		ev_fd_enable(source, true);
		ev_loop_run(loop);
		assert_false(late);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void
test_file_enabled_from_outside(void **state)
{
	FILE *file;
	struct ev_source *s = add_file(&file);

	(void)state;
	run_enabled_from_outside(s);
	ev_remove(s);
	fclose(file);
}

static void
test_hangup_enabled_from_outside(void **state)
{
	(void)state;
	ev_fd_want(source, EVENT_URGENT);
	close(fds[1]);
	run_enabled_from_outside(source);
	assert_int_equal(found & EVENT_HANGUP, EVENT_HANGUP);
}

/* ---- removal ---- */

static struct ev_source *pair_source[2];

static void
remove_both(void *arg)
{
	(void)arg;
	calls++;
	ev_remove(pair_source[0]);
	ev_remove(pair_source[1]);
	ev_timer_arm(limit, SOON_NS);
}

/* Both are found by one wait; the first to be called removes the other one. */
static void
test_removed_while_found(void **state)
{
	(void)state;
	ev_remove(source);
	assert_int_equal(write(fds[0], "x", 1), 1);
	assert_int_equal(write(fds[1], "x", 1), 1);
	pair_source[0] = ev_fd_add(loop, fds[0], remove_both, NULL);
	pair_source[1] = ev_fd_add(loop, fds[1], remove_both, NULL);
	assert_non_null(pair_source[0]);
	assert_non_null(pair_source[1]);
	ev_loop_run(loop);
	assert_int_equal(calls, 1);
}

/* ---- signals ---- */

static int
setup_signals(void **state)
{
	sigset_t set;

	setup(state);
	/* Whoever started us may have it ignored, and FreeBSD keeps nothing of what is ignored. */
	signal(SIGHUP, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	return pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static bool
is_pending(int signo)
{
	sigset_t set;

	return sigpending(&set) == 0 && sigismember(&set, signo) == 1;
}

static void
test_signal(void **state)
{
	struct ev_source *s = ev_signal_add(loop, SIGHUP, ready, NULL);

	(void)state;
	assert_non_null(s);
	kill(getpid(), SIGHUP);
	ev_loop_run(loop);
	assert_int_equal(calls, 1);
	assert_false(late);
	assert_false(is_pending(SIGHUP));
	ev_remove(s);
}

/* One that came before anybody asked. */
static void
test_signal_before(void **state)
{
	struct ev_source *s;

	(void)state;
	kill(getpid(), SIGHUP);
	s = ev_signal_add(loop, SIGHUP, ready, NULL);
	assert_non_null(s);
	ev_loop_run(loop);
	assert_int_equal(calls, 1);
	assert_false(is_pending(SIGHUP));
	ev_remove(s);
}

static void
test_signal_ignored_by_default(void **state)
{
	struct ev_source *s = ev_signal_add(loop, SIGWINCH, ready, NULL);

	(void)state;
	assert_non_null(s);
	kill(getpid(), SIGWINCH);
	ev_loop_run(loop);
	assert_int_equal(calls, 1);
	assert_false(late);
	ev_remove(s);
}

#define TEST(name, set_up) cmocka_unit_test_setup_teardown(name, set_up, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_read, setup),
		TEST(test_write, setup),
		TEST(test_want_while_off, setup),
		TEST(test_on_again, setup),
		TEST(test_hangup, setup),
		TEST(test_prepare, setup),
		TEST(test_regular_file, setup),
		TEST(test_null_device, setup),
		TEST(test_no_descriptor, setup),
		TEST(test_urgent, setup),
		TEST(test_urgent_comes, setup),
		TEST(test_timers_in_order, setup_timers),
		TEST(test_timer_cancelled, setup_timers),
		TEST(test_timer_replaced, setup_timers),
		TEST(test_timer_cancelled_when_due, setup_timers),
		TEST(test_armed_from_outside, setup),
		TEST(test_enabled_from_outside, setup),
		TEST(test_off_and_on_at_once, setup),
		TEST(test_file_enabled_from_outside, setup),
		TEST(test_hangup_enabled_from_outside, setup),
		TEST(test_removed_while_found, setup),
		TEST(test_signal, setup_signals),
		TEST(test_signal_before, setup_signals),
		TEST(test_signal_ignored_by_default, setup_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
