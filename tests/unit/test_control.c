/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Asking a running bhyve: requests and answers over the real event loop, and clients that do not
 * do as they should.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "fake_vmm_sys.h"
#include "vmmapi.h"

static struct ev_loop *loop;
static struct control *control;
static pthread_t thread;
static char name[32];
static char seen[64]; /* the last argument */
static unsigned int pressed;

static const char *
press(void *arg, const char *argument)
{
	assert_ptr_equal(arg, &loop);
	pressed++;
	snprintf(seen, sizeof(seen), "%s", argument);
	return NULL;
}

static const char *
refuse(void *arg, const char *argument)
{
	(void)arg;
	(void)argument;
	return "not today";
}

static const struct control_request requests[] = {
	{ "press", press },
	{ "refuse", refuse },
	{ NULL, NULL },
};

static const char *
tell(void *arg, const char *argument)
{
	(void)argument;
	return arg == &name ? "ok a=1 b=2" : "wrong table";
}

static const struct control_request more[] = {
	{ "tell", tell },
	{ "refuse", tell },
	{ NULL, NULL },
};
static const struct control_table tables[] = { { requests, &loop }, { more, &name } };

static void *
loop_main(void *arg)
{
	(void)arg;
	ev_loop_run(loop);
	return NULL;
}

static int
setup(void **state)
{
	(void)state;
	fake_reset();
	/* Names are everybody's: tests run side by side. */
	snprintf(name, sizeof(name), "test-%d", (int)getpid());
	pressed = 0;
	loop = ev_loop_create();
	control = control_create(loop, name, tables, 2);
	assert_non_null(control);
	assert_int_equal(pthread_create(&thread, NULL, loop_main, NULL), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	ev_loop_stop(loop);
	pthread_join(thread, NULL);
	control_destroy(control);
	ev_loop_destroy(loop);
	return 0;
}

static const char *
ask(const char *request)
{
	static char answer[128];

	if (vm_control_ask(name, request, answer, sizeof(answer)) != 0)
		return strerror(errno);
	return answer;
}

static void
test_requests(void **state)
{
	char longest[300];

	(void)state;
	assert_string_equal(ask("press"), "ok");
	assert_string_equal(seen, "");
	assert_string_equal(ask("press a b"), "ok");
	assert_string_equal(seen, "a b");
	assert_int_equal(pressed, 2);
	assert_string_equal(ask("refuse"), "not today");
	assert_string_equal(ask("tell"), "ok a=1 b=2");
	assert_string_equal(ask("pressed"), "this bhyve does not know the request");
	assert_string_equal(ask(" press"), "this bhyve does not know the request");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_string_equal(ask(longest), "this bhyve does not know the request");
	assert_int_equal(pressed, 2);
	for (int i = 0; i < 100; i++)
		assert_string_equal(ask("press"), "ok");
}

static void
test_nobody(void **state)
{
	char answer[16];

	(void)state;
	assert_int_equal(vm_control_ask("test-nobody", "press", answer, sizeof(answer)), -1);
	assert_int_equal(errno, ECONNREFUSED);
	assert_int_equal(vm_control_ask("a/b", "press", answer, sizeof(answer)), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(vm_control_listen(""), -1);
	assert_null(control_create(loop, name, tables, 2));
	assert_int_equal(errno, EADDRINUSE);
}

static int
connect_raw(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	size_t len = (size_t)snprintf(
	    addr.sun_path + 1, sizeof(addr.sun_path) - 1, "bhyve-arm/%s", name);

	assert_int_equal(connect(fd, (struct sockaddr *)&addr,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)),
	    0);
	return fd;
}

/* They say nothing, and take all places; then they go. */
static void
test_silent_clients(void **state)
{
	char answer[8] = "";
	int fd[12];

	(void)state;
	for (size_t i = 0; i < 12; i++)
		fd[i] = connect_raw();
	usleep(50000);
	assert_int_equal(send(fd[11], "press", 5, 0), 5);
	assert_int_equal(recv(fd[11], answer, sizeof(answer), MSG_DONTWAIT), -1);
	for (size_t i = 0; i < 11; i++)
		close(fd[i]);
	assert_int_equal(recv(fd[11], answer, sizeof(answer), 0), 2);
	assert_memory_equal(answer, "ok", 2);
	close(fd[11]);
	assert_string_equal(ask("press"), "ok");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent_clients, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
