/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The console over the real event loop: files, sockets, ptys.  A device that takes and gives as
 * the test says stands in for the UART.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console.h"

#define SECOND 1000000000ull

static struct ev_loop *loop;
static struct chardev *cd;
static pthread_t thread;
static char dir[64], path[100];

/* The device */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char got[65536];
static size_t ngot, room;
static unsigned int drains, came, went;

static size_t
dev_room(void *arg)
{
	size_t n;

	(void)arg;
	pthread_mutex_lock(&lock);
	n = room;
	pthread_mutex_unlock(&lock);
	return n;
}

static void
dev_input(void *arg, const uint8_t *bytes, size_t n)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	assert_true(n <= room);
	memcpy(got + ngot, bytes, n);
	ngot += n;
	room -= n;
	pthread_mutex_unlock(&lock);
}

static void
dev_drained(void *arg)
{
	(void)arg;
	__atomic_fetch_add(&drains, 1, __ATOMIC_RELAXED);
}

static void
dev_client(void *arg, bool there)
{
	(void)arg;
	__atomic_fetch_add(there ? &came : &went, 1, __ATOMIC_RELAXED);
}

static void
wait_count(const unsigned int *count, unsigned int n)
{
	uint64_t end = ev_now_ns() + 5 * SECOND;

	while (__atomic_load_n(count, __ATOMIC_RELAXED) < n && ev_now_ns() < end)
		usleep(1000);
	assert_int_equal(__atomic_load_n(count, __ATOMIC_RELAXED), n);
}

static void
give_room(size_t n)
{
	pthread_mutex_lock(&lock);
	room += n;
	pthread_mutex_unlock(&lock);
	chardev_input_ready(cd);
}

static void
wait_got(size_t n)
{
	uint64_t end = ev_now_ns() + 5 * SECOND;
	size_t have = 0;

	while (have < n && ev_now_ns() < end) {
		pthread_mutex_lock(&lock);
		have = ngot;
		pthread_mutex_unlock(&lock);
		usleep(1000);
	}
	assert_int_equal(have, n);
}

static void *
loop_main(void *arg)
{
	(void)arg;
	ev_loop_run(loop);
	return NULL;
}

static void
run_console(bool port, const char *where)
{
	static const struct chardev_user user = { dev_room, dev_input, dev_drained };

	ngot = room = 0;
	drains = came = went = 0;
	loop = ev_loop_create();
	assert_non_null(loop);
	cd = port ? console_open_port(loop, "port1", where, false) : console_open(loop, where);
	assert_non_null(cd);
	chardev_attach(cd, &user, NULL);
	chardev_watch(cd, dev_client);
	console_start(cd);
	assert_int_equal(pthread_create(&thread, NULL, loop_main, NULL), 0);
}

static void
open_console(const char *where)
{
	run_console(false, where);
}

static void
close_console(void)
{
	ev_loop_stop(loop);
	pthread_join(thread, NULL);
	console_close(cd);
	ev_loop_destroy(loop);
}

static int
setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	strcpy(dir, "/tmp/test_console.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/c", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	rmdir(dir);
	return 0;
}

/* All of it, as a device does: what is not taken is offered again. */
static void
write_all(const char *bytes, size_t n)
{
	uint64_t end = ev_now_ns() + 10 * SECOND;
	size_t done = 0;

	while (done < n) {
		done += chardev_write(cd, (const uint8_t *)bytes + done, n - done);
		assert_true(ev_now_ns() < end);
	}
}

static void
pattern(char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)((i * 7 + i / 251) & 0xff);
}

static void
test_file(void **state)
{
	static char want[300000], have[300001];
	char where[120];
	FILE *f;

	(void)state;
	pattern(want, sizeof(want));
	snprintf(where, sizeof(where), "file:%s", path);
	open_console(where);
	write_all(want, 200000);
	close_console();
	open_console(where); /* it appends */
	write_all(want + 200000, 100000);
	close_console();
	f = fopen(path, "r");
	assert_int_equal(fread(have, 1, sizeof(have), f), sizeof(want));
	fclose(f);
	assert_memory_equal(have, want, sizeof(want));
}

static void
test_full_disk(void **state)
{
	static char bytes[200000];

	(void)state;
	open_console("file:/dev/full");
	write_all(bytes, sizeof(bytes)); /* dropped, not stuck */
	close_console();
}

static void
test_none_and_bad(void **state)
{
	static char bytes[200000];
	struct ev_loop *l = ev_loop_create();

	(void)state;
	assert_null(console_open(l, "file:/nonexistent/x"));
	assert_null(console_open(l, "unix:/nonexistent/x"));
	assert_null(console_open(l, "unix:/dev/null"));
	ev_loop_destroy(l);
	open_console("none");
	write_all(bytes, sizeof(bytes));
	close_console();
}

static int
client(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(addr.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void
read_all(int fd, char *bytes, size_t n)
{
	size_t done = 0;
	ssize_t r;

	while (done < n) {
		r = read(fd, bytes + done, n - done);
		assert_true(r > 0);
		done += (size_t)r;
	}
}

static void
test_socket(void **state)
{
	char where[120], have[16];
	int fd;

	(void)state;
	snprintf(where, sizeof(where), "unix:%s", path);
	open_console(where);
	/* What was said before anybody came is kept. */
	write_all("early", 5);
	for (int round = 0; round < 3; round++) {
		fd = client();
		if (round == 0)
			read_all(fd, have, 5);
		write_all("hello", 5);
		read_all(fd, have, 5);
		assert_memory_equal(have, "hello", 5);
		/* No room: it waits in the socket. */
		assert_int_equal(write(fd, "typed", 5), 5);
		usleep(20000);
		assert_int_equal(ngot, (size_t)round * 5);
		give_room(3);
		wait_got((size_t)round * 5 + 3);
		give_room(2);
		wait_got((size_t)round * 5 + 5);
		close(fd);
		usleep(20000);
	}
	assert_memory_equal(got, "typedtypedtyped", 15);
	close_console();
	assert_int_equal(access(path, F_OK), -1);
}

/* A client that reads nothing: the device gets on, and the last bytes are kept. */
static void
test_socket_stalled(void **state)
{
	static char want[1000000], have[1000000];
	char where[120];
	size_t n = 0;
	ssize_t r;
	int fd;

	(void)state;
	pattern(want, sizeof(want));
	snprintf(where, sizeof(where), "unix:%s", path);
	open_console(where);
	fd = client();
	write_all("x", 1);
	read_all(fd, have, 1); /* now it is the client */
	write_all(want, sizeof(want));
	assert_true(drains > 0);
	shutdown(fd, SHUT_WR);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	usleep(100000);
	while ((r = read(fd, have + n, sizeof(have) - n)) > 0) {
		n += (size_t)r;
		usleep(1000);
	}
	assert_in_range(n, 4096, sizeof(want) - 1);
	close(fd);
	close_console();
}

/* Nobody there: the last 64 KiB are kept, and the client gets these. */
static void
test_socket_alone(void **state)
{
	static char want[200000], have[65536];
	char where[120];
	int fd;

	(void)state;
	pattern(want, sizeof(want));
	snprintf(where, sizeof(where), "unix:%s", path);
	open_console(where);
	write_all(want, sizeof(want));
	fd = client();
	read_all(fd, have, sizeof(have));
	assert_memory_equal(have, want + sizeof(want) - sizeof(have), sizeof(have));
	close(fd);
	close_console();
}

/* The socket of a bhyve that died is taken over; a live one is not. */
static void
test_socket_left(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct ev_loop *l = ev_loop_create();
	char where[120];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	strcpy(addr.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	snprintf(where, sizeof(where), "unix:%s", path);
	open_console(where);
	assert_null(console_open(l, where));
	fd = client();
	write_all("ok", 2);
	read_all(fd, where, 2);
	close(fd);
	close_console();
	ev_loop_destroy(l);
}

/* A port: clients are told of, and without one what is sent is gone. */
static void
test_port_clients(void **state)
{
	char have[16];
	int fd;

	(void)state;
	run_console(true, path); /* a path alone is a socket's */
	assert_int_equal(came, 0);
	write_all("nobody", 6);
	for (unsigned int round = 1; round <= 3; round++) {
		fd = client();
		wait_count(&came, round);
		assert_int_equal(went, round - 1);
		write_all("hello", 5);
		read_all(fd, have, 5);
		assert_memory_equal(have, "hello", 5);
		close(fd);
		wait_count(&went, round);
		usleep(20000);
		write_all("nobody", 6);
	}
	close_console();
}

struct slow {
	int fd;
	char *bytes;
	size_t n;
};

/* Starts long after a console would have given up. */
static void *
slow_reader(void *arg)
{
	struct slow *s = arg;

	usleep(1500000);
	read_all(s->fd, s->bytes, s->n);
	return NULL;
}

static void
test_port_slow_client(void **state)
{
	static char want[1000000], have[1000000];
	struct slow s = { .bytes = have, .n = sizeof(have) };
	pthread_t reader;

	(void)state;
	pattern(want, sizeof(want));
	run_console(true, path);
	s.fd = client();
	wait_count(&came, 1);
	assert_int_equal(pthread_create(&reader, NULL, slow_reader, &s), 0);
	write_all(want, sizeof(want));
	pthread_join(reader, NULL);
	assert_memory_equal(have, want, sizeof(want));
	assert_true(drains > 0);
	close(s.fd);
	close_console();
}

/* A client that goes with a full ring: the device is told that there is room. */
static void
test_port_client_dies(void **state)
{
	static const uint8_t bytes[65536];
	unsigned int before;
	int fd;

	(void)state;
	run_console(true, path);
	fd = client();
	wait_count(&came, 1);
	while (chardev_write(cd, bytes, sizeof(bytes)) == sizeof(bytes))
		usleep(10000);
	usleep(50000);
	while (chardev_write(cd, bytes, sizeof(bytes)) > 0)
		usleep(10000);
	before = __atomic_load_n(&drains, __ATOMIC_RELAXED);
	close(fd);
	wait_count(&went, 1);
	for (int i = 0; i < 500 && __atomic_load_n(&drains, __ATOMIC_RELAXED) == before; i++)
		usleep(10000);
	assert_true(__atomic_load_n(&drains, __ATOMIC_RELAXED) > before);
	assert_int_equal(chardev_write(cd, bytes, sizeof(bytes)), sizeof(bytes));
	close_console();
}

static void
test_port_where(void **state)
{
	static const char *const good[] = { "stdio", "pty", "unix:x", "file:x", "/x", "./x" };
	static const char *const bad[] = { "", "true", "unix:", "file:", "x", "tcp:1/2", "none" };
	struct ev_loop *l = ev_loop_create();
	char name[200];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_null(console_port_wrong(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(console_port_wrong(bad[i]));
	memset(name, '/', sizeof(name));
	for (size_t n = 90; n < sizeof(name); n += 9) {
		name[n] = '\0';
		assert_null(console_open_port(l, "port1", name, false)); /* "/" or too long */
		name[n] = '/';
	}
	ev_loop_destroy(l);
}

/* stdin from a file that cannot be polled, stdout to a file. */
static void
test_stdio(void **state)
{
	int in = dup(0), out = dup(1), fd;
	char have[8] = "";

	(void)state;
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(write(fd, "input!", 6), 6);
	lseek(fd, 0, SEEK_SET);
	dup2(fd, 0);
	close(fd);
	fd = open(dir, O_TMPFILE | O_RDWR, 0600);
	assert_true(fd >= 0);
	dup2(fd, 1);
	open_console("stdio");
	assert_int_equal(came, 1);
	assert_null(console_open_port(loop, "port1", "stdio", false)); /* there is one */
	write_all("output", 6);
	give_room(4);
	wait_got(4);
	give_room(10);
	wait_got(6);
	close_console();
	dup2(in, 0);
	dup2(out, 1);
	assert_memory_equal(got, "input!", 6);
	assert_int_equal(pread(fd, have, 8, 0), 6);
	assert_string_equal(have, "output");
	close(fd);
	close(in);
	close(out);
}

/* Timers and stopping, as devices use them. */
static struct ev_source *timer;
static unsigned int fired;

static void
on_timer(void *arg)
{
	(void)arg;
	if (++fired < 3)
		ev_timer_arm(timer, 1000000);
	else
		ev_loop_stop(loop);
}

static void
test_timers(void **state)
{
	struct ev_source *never;

	(void)state;
	loop = ev_loop_create();
	timer = ev_timer_add(loop, on_timer, NULL);
	never = ev_timer_add(loop, on_timer, NULL);
	ev_timer_arm(never, 1);
	ev_timer_cancel(never);
	ev_timer_arm(never, ~0ull);
	ev_timer_arm(timer, 0);
	ev_loop_run(loop);
	assert_int_equal(fired, 3);
	ev_remove(never);
	ev_loop_destroy(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_none_and_bad, setup, teardown),
		cmocka_unit_test_setup_teardown(test_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_socket_stalled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_socket_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_socket_left, setup, teardown),
		cmocka_unit_test_setup_teardown(test_port_clients, setup, teardown),
		cmocka_unit_test_setup_teardown(test_port_slow_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_port_client_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_port_where, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stdio, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
