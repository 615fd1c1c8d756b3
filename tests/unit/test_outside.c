/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The process outside the sandbox: what it does, what it does not once it is sealed, and what it
 * makes of packets that no bhyve sends.  outside.c is included for the other end of its socket.
 */
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "../../bhyve/outside.c"
#include "fake_vmm_sys.h"

static char dir[64];

static const char *
path_of(const char *name)
{
	static char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int
make_socket(const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path_of(name));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static bool
there(const char *name)
{
	struct stat st;

	return lstat(path_of(name), &st) == 0;
}

static int
set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/outside-XXXXXX");
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	outside_end();
	while (wait(NULL) > 0)
		;
	free(here.files.place);
	free(here.peers.place);
	memset(&here.files, 0, sizeof(here.files));
	memset(&here.peers, 0, sizeof(here.peers));
	here.sealed = here.internet = false;
	return rmdir(dir);
}

/* With the process and without it: the calls do the same. */
static void
test_files_and_peers(void **state)
{
	int a, b, file, peer, fd;
	char got[8];

	(void)state;
	for (int with = 0; with < 2; with++) {
		if (with == 1)
			assert_int_equal(outside_start("v"), 0);
		a = make_socket("a");
		b = make_socket("b");
		file = outside_add_file(path_of("a"));
		assert_true(file >= 0);
		peer = outside_add_peer(path_of("b"));
		assert_true(peer >= 0);
		outside_seal();
		fd = outside_connect(peer);
		assert_true(fd >= 0);
		assert_int_equal(send(fd, "hello", 5, 0), 5);
		assert_int_equal(recv(b, got, sizeof(got), 0), 5);
		assert_memory_equal(got, "hello", 5);
		close(fd);
		outside_remove(file);
		assert_false(there("a"));
		outside_remove(file); /* nothing more happens */
		assert_true(there("b"));
		close(b);
		fd = outside_connect(peer);
		assert_true(fd < 0 && errno == ECONNREFUSED);
		assert_int_equal(unlink(path_of("b")), 0);
		close(a);
	}
}

static void
test_what_another_took_over_stays(void **state)
{
	int file, ours, other;

	(void)state;
	assert_int_equal(outside_start("v"), 0);
	ours = make_socket("a");
	file = outside_add_file(path_of("a"));
	unlink(path_of("a"));
	other = make_socket("a");
	outside_remove(file);
	assert_true(there("a"));
	assert_int_equal(unlink(path_of("a")), 0);
	close(ours);
	close(other);
}

static void
test_killed_leaves_nothing(void **state)
{
	int s = make_socket("a");
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		if (outside_start("v") != 0 || outside_add_file(path_of("a")) < 0)
			_exit(1);
		outside_seal();
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (int i = 0; i < 1000 && there("a"); i++)
		usleep(10000);
	assert_false(there("a"));
	close(s);
}

static void
test_sealed(void **state)
{
	int s = make_socket("a");

	(void)state;
	assert_int_equal(outside_start("v"), 0);
	outside_seal();
	assert_int_equal(outside_add_file(path_of("a")), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(outside_add_peer(path_of("a")), -1);
	outside_remove(0);
	assert_true(there("a"));
	assert_int_equal(outside_connect(0), -1);
	assert_int_equal(errno, EBADF);
	outside_need_internet();
	assert_int_equal(outside_open_resolver(), -1);
	assert_int_equal(errno, EPERM);
	close(s);
	assert_int_equal(unlink(path_of("a")), 0);
}

static void
test_clients(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(outside_start("v"), 0);
	outside_seal();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_true(outside_client_allowed("v", pair[0])); /* it is us */
	assert_false(outside_client_allowed("v", here.fd + 1000));
	close(pair[0]);
	close(pair[1]);
}

/* It answers, refuses or goes away; it does not touch what it was not told of. */
static void
test_packets_that_no_bhyve_sends(void **state)
{
	struct request q;
	struct answer a;
	int s = make_socket("a"), fd, got;
	unsigned int seed = 1;

	(void)state;
	assert_int_equal(outside_start("v"), 0);
	outside_seal();
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < 20000; i++) {
		for (size_t b = 0; b < sizeof(q); b++)
			((uint8_t *)&q)[b] = (uint8_t)rand_r(&seed);
		if (i % 3 != 0)
			q.ask %= ASK_LAST + 2;
		if (q.ask == ASK_DESTROY)
			q.ask = ASK_ADD_FILE;
		if (i % 5 != 0)
			strcpy(q.path, path_of("a"));
		assert_int_equal(send_packet(here.fd, &q, sizeof(q), i % 7 == 0 ? fd : -1), 0);
		assert_true(recv_packet(here.fd, &a, sizeof(a), &got));
		assert_true(a.value <= 0);
		assert_int_equal(got, -1);
	}
	assert_true(there("a"));
	/* A packet of another size ends it. */
	assert_int_equal(send_packet(here.fd, &q, sizeof(q) - 1, fd), 0);
	assert_false(recv_packet(here.fd, &a, sizeof(a), &got));
	assert_int_equal(outside_connect(0), -1);
	assert_int_equal(errno, EPIPE);
	close(fd);
	close(s);
	assert_int_equal(unlink(path_of("a")), 0);
}

/* How many descriptors this process has open, but for one. */
static int
lowest_free(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	close(fd);
	return fd;
}

static void
test_descriptors_that_nobody_wants(void **state)
{
	union {
		struct cmsghdr first;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct request q = { .ask = ASK_LAST }, r;
	struct iovec iov = { &q, sizeof(q) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };
	struct cmsghdr *c = &control.first;
	int pair[2], before, got;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	before = lowest_free();
	for (unsigned int n = 1; n <= 4; n++) {
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		for (unsigned int i = 0; i < n; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &pair[0], sizeof(int));
		assert_int_equal(sendmsg(pair[0], &msg, 0), sizeof(q));
		assert_true(recv_packet(pair[1], &r, sizeof(r), &got));
		assert_int_equal(got, before);
		close(got);
		assert_int_equal(lowest_free(), before);
	}
	close(pair[0]);
	close(pair[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_files_and_peers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_what_another_took_over_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_killed_leaves_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sealed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_clients, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_packets_that_no_bhyve_sends, set_up, tear_down),
		cmocka_unit_test(test_descriptors_that_nobody_wants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
