/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Disks over NBD against a real server, qemu-nbd, with a qcow2 image behind it.
 */
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "block_io.h"
#include "virtio_rig.h"

#define MIB (1u << 20)

static const struct dev_option disk_options[] = { BLOCKIF_OPTIONS, { .key = NULL } };

const struct dev_option *
virtio_rig_options(void)
{
	return disk_options;
}

static char dir[64], image[100], socket_path[100], uri[200];
static pid_t server;

/* In an own process; its status, or -1 where there is no such program. */
static pid_t
spawn(char *const argv[])
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	execvp(argv[0], argv);
	_exit(127);
}

static int
run(char *const argv[])
{
	int status = 0;

	waitpid(spawn(argv), &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool
server_listens(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), ok;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", socket_path);
	ok = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
	close(fd);
	return ok == 0;
}

static void
start_server(char *option)
{
	char *const argv[] = { "qemu-nbd", "--format=qcow2", "--persistent", "--shared=4",
		"--export-name=a", "--discard=unmap", "--socket", socket_path, image, option,
		NULL };

	server = spawn(argv);
	assert_true(server > 0);
	for (unsigned int i = 0; i < 1000 && !server_listens(); i++)
		usleep(10000);
}

static void
stop_server(void)
{
	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	server = 0;
	unlink(socket_path);
}

static int
setup(void **state)
{
	char *const create[] = { "qemu-img", "create", "-q", "-f", "qcow2", image, "64M", NULL };
	int status;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_block_nbd.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(image, sizeof(image), "%s/disk.qcow2", dir);
	snprintf(socket_path, sizeof(socket_path), "%s/socket", dir);
	snprintf(uri, sizeof(uri), "path=nbd+unix:///a?socket=%s", socket_path);
	virtio_rig_said[0] = '\0';
	status = run(create);
	if (status == 127) {
		rmdir(dir);
		dir[0] = '\0';
		return 0;
	}
	assert_int_equal(status, 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	stop_server();
	if (dir[0] == '\0')
		return 0;
	unlink(image);
	rmdir(dir);
	return 0;
}

static void
need_server(char *option)
{
	if (dir[0] == '\0') {
		print_message("SKIPPED: qemu-img and qemu-nbd (qemu-utils) are not installed\n");
		skip();
	}
	start_server(option);
}

/* virtio_rig_conf() takes what follows a '=' up to a comma: the URI's own '=' stays. */
static struct blockif *
open_disk(const char *more)
{
	char text[400];

	virtio_rig_said[0] = '\0';
	snprintf(text, sizeof(text), "%s,%s", uri, more);
	return blockif_open(virtio_rig_conf(text));
}

static void
test_read_write(void **state)
{
	static uint8_t out[3 * MIB], in[3 * MIB];
	struct iovec iov[3] = { { out + 1, 511 }, { out + 700, 2 * MIB + 1 }, { out + 513, 512 } };
	struct blockif_info info;
	struct blockif *b;

	(void)state;
	need_server(NULL);
	b = open_disk("");
	assert_non_null(b);
	blockif_info(b, &info);
	assert_int_equal(info.bytes, 64 * MIB);
	assert_int_equal(info.sector, 512);
	assert_true(info.can_discard && info.can_zero);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + i / 251);
	assert_int_equal(do_iov(b, BLOCKIF_WRITE, 4096, 2 * MIB + 1024, iov, 3), 0);
	assert_int_equal(do_io(b, BLOCKIF_FLUSH, 0, NULL, 0), 0);
	assert_int_equal(do_io(b, BLOCKIF_READ, 4096, in, 2 * MIB + 1024), 0);
	assert_memory_equal(in, out + 1, 511);
	assert_memory_equal(in + 511, out + 700, 2 * MIB + 1);
	assert_memory_equal(in + 512 + 2 * MIB, out + 513, 512);
	blockif_close(b);
	/* It is there for who comes next, and read into buffers of odd places. */
	b = open_disk("ro");
	assert_non_null(b);
	memset(in, 0, sizeof(in));
	iov[0] = (struct iovec){ in + 3, 1000 };
	iov[1] = (struct iovec){ in + 2000, 24 };
	assert_int_equal(do_iov(b, BLOCKIF_READ, 4096, 1024, iov, 2), 0);
	assert_memory_equal(in + 3, out + 1, 511);
	assert_memory_equal(in + 2000, out + 700 + 1000 - 511, 24);
	blockif_close(b);
}

static void
test_zero_and_discard(void **state)
{
	static uint8_t out[MIB], in[MIB], zero[MIB];
	struct blockif *b;

	(void)state;
	need_server(NULL);
	b = open_disk("");
	memset(out, 0xcc, sizeof(out));
	for (int keep = 0; keep < 2; keep++) {
		assert_int_equal(do_io(b, BLOCKIF_WRITE, 0, out, MIB), 0);
		assert_int_equal(
		    do_io(b, keep ? BLOCKIF_ZERO_KEEP : BLOCKIF_ZERO, 512, NULL, MIB - 1024), 0);
		assert_int_equal(do_io(b, BLOCKIF_READ, 0, in, MIB), 0);
		assert_memory_equal(in, out, 512);
		assert_memory_equal(in + 512, zero, MIB - 1024);
		assert_memory_equal(in + MIB - 512, out, 512);
	}
	assert_int_equal(do_io(b, BLOCKIF_DISCARD, 0, NULL, 64 * MIB), 0);
	blockif_close(b);
	b = open_disk("nodelete");
	assert_int_equal(do_io(b, BLOCKIF_WRITE, 0, out, MIB), 0);
	assert_int_equal(do_io(b, BLOCKIF_DISCARD, 0, NULL, MIB), 0);
	assert_int_equal(do_io(b, BLOCKIF_READ, 0, in, MIB), 0);
	assert_memory_equal(in, out, MIB);
	blockif_close(b);
}

static void
test_many(void **state)
{
	static struct waiter w[200];
	static uint8_t buf[200][4096];
	static struct iovec iov[200];
	uint8_t in[4096];
	struct blockif *b;

	(void)state;
	need_server(NULL);
	b = open_disk("direct");
	assert_non_null(b);
	memset(w, 0, sizeof(w));
	for (unsigned int i = 0; i < 200; i++) {
		memset(buf[i], (int)i, 4096);
		iov[i] = (struct iovec){ buf[i], 4096 };
		w[i].req = (struct blockif_req){ BLOCKIF_WRITE, i * 4096u, 4096, &iov[i], 1,
			waiter_done, &w[i], NULL };
		blockif_submit(b, &w[i].req);
	}
	blockif_drain(b);
	for (unsigned int i = 0; i < 200; i++) {
		assert_int_equal(w[i].error, 0);
		assert_int_equal(do_io(b, BLOCKIF_READ, i * 4096u, in, 4096), 0);
		assert_memory_equal(in, buf[i], 4096);
	}
	blockif_close(b);
}

/* The server is killed: what is under way and what comes later fails, and nothing hangs. */
static void
test_server_dies(void **state)
{
	static struct waiter w[64];
	static uint8_t buf[MIB];
	struct iovec iov = { buf, MIB };
	struct blockif *b;
	unsigned int failed = 0;

	(void)state;
	need_server(NULL);
	b = open_disk("");
	assert_non_null(b);
	memset(w, 0, sizeof(w));
	kill(server, SIGSTOP);
	for (unsigned int i = 0; i < 64; i++) {
		w[i].req = (struct blockif_req){ BLOCKIF_WRITE, 0, MIB, &iov, 1, waiter_done, &w[i],
			NULL };
		blockif_submit(b, &w[i].req);
	}
	stop_server();
	blockif_drain(b);
	for (unsigned int i = 0; i < 64; i++) {
		assert_true(w[i].done);
		failed += w[i].error == EIO;
	}
	assert_true(failed > 0);
	assert_int_equal(do_io(b, BLOCKIF_READ, 0, buf, 512), EIO);
	assert_int_equal(do_io(b, BLOCKIF_FLUSH, 0, NULL, 0), EIO);
	assert_int_equal(do_io(b, BLOCKIF_DISCARD, 0, NULL, 512), EIO);
	assert_int_equal(do_io(b, BLOCKIF_ZERO, 0, NULL, 512), EIO);
	assert_non_null(strstr(virtio_rig_said, "server has gone"));
	blockif_close(b);
}

static void
refused(const char *options, const char *word)
{
	assert_null(open_disk(options));
	if (strstr(virtio_rig_said, word) == NULL)
		fail_msg("'%s' does not say '%s'", virtio_rig_said, word);
}

static void
test_refusals(void **state)
{
	struct blockif *b;

	(void)state;
	need_server("--read-only");
	refused("", "add ro");
	refused("ro,nocache", "nocache");
	b = open_disk("ro");
	assert_non_null(b);
	blockif_close(b);
	stop_server();
	refused("", "-s 3: path=nbd+unix:");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zero_and_discard, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_server_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
