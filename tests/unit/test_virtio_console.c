/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * virtio-console: the control messages of ports that come, open and close; bytes both ways, with
 * ends that do not take them; the terminal's size; and a driver that errs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fake_ports.h"
#include "models.h"
#include "virtio_rig.h"

#define F_SIZE	      (1ull << 0)
#define F_MULTIPORT   (1ull << 1)
#define F_EMERG_WRITE (1ull << 2)
#define NELEM(a)      (sizeof(a) / sizeof((a)[0]))
#define MS	      5000

enum { CONTROL_RX = 2, CONTROL_TX = 3 };
enum {
	DEVICE_READY,
	DEVICE_ADD,
	DEVICE_REMOVE,
	PORT_READY,
	CONSOLE_PORT,
	RESIZE,
	PORT_OPEN,
	PORT_NAME,
};

struct message {
	uint32_t id;
	uint16_t event, value;
	char text[64];
};

static struct virtio_rig rig;
static struct virtio_dev *vd;
static uint64_t buffer[VIRTIO_QUEUE_MAX]; /* where a head's first buffer is, of the queue at hand */

/* The keys of the device, as dev_conf_next() gives them. */
static char keys[20][80];
static size_t nkeys;

bool
dev_conf_next(const struct dev_conf *conf, const char **key)
{
	size_t i = 0;

	(void)conf;
	if (*key != NULL) {
		while (strcmp(keys[i], *key) != 0)
			i++;
		i++;
	}
	if (i >= nkeys)
		return false;
	*key = keys[i];
	return true;
}

static void
set_keys(const char *options)
{
	static char text[2000];
	char *rest = text, *word;

	strcpy(text, options);
	strcpy(keys[0], "device");
	nkeys = 1;
	while ((word = strsep(&rest, ",")) != NULL) {
		if (*word == '\0')
			continue;
		word[strcspn(word, "=")] = '\0';
		strcpy(keys[nkeys++], word);
	}
}

static void
make(const char *options)
{
	virtio_rig_init(&rig, 0);
	fake_ports_reset();
	virtio_rig_said[0] = '\0';
	set_keys(options);
	vd = virtio_console_model.create(&rig.env, virtio_rig_conf(options));
}

static void
begin(const char *options, uint64_t features)
{
	make(options);
	assert_non_null(vd);
	virtio_rig_attach(&rig, vd);
	assert_true(virtio_rig_start(&rig, features, 32));
}

static void
end(void)
{
	virtio_rig_detach(&rig);
	virtio_console_model.destroy(vd);
	virtio_rig_fini(&rig);
	for (unsigned int i = 0; i < fake_nports; i++)
		assert_false(fake_port[i].open);
}

static void
send(unsigned int q, const void *bytes, size_t n)
{
	struct rig_buf b[] = { RIG_READ(bytes, n) };
	struct rig_used used;
	uint16_t head = virtio_rig_add(&rig, q, b, 1);

	assert_int_not_equal(head, RIG_NONE);
	virtio_rig_kick(&rig, q);
	assert_true(virtio_rig_wait_used(&rig, q, MS, &used));
	assert_int_equal(used.head, head);
}

static void
control(uint32_t id, uint16_t event, uint16_t value)
{
	struct message m = { .id = id, .event = event, .value = value };

	send(CONTROL_TX, &m, 8);
}

static void
give_buffers(unsigned int q, unsigned int n, uint32_t size)
{
	for (unsigned int i = 0; i < n; i++) {
		struct rig_buf b[] = { RIG_WRITE(size) };
		uint16_t head = virtio_rig_add(&rig, q, b, 1);

		assert_int_not_equal(head, RIG_NONE);
		buffer[head] = b[0].gpa;
	}
	virtio_rig_kick(&rig, q);
}

/* What arrives in the next buffer. */
static size_t
take(unsigned int q, void *bytes, size_t max)
{
	struct rig_used used;

	if (!virtio_rig_wait_used(&rig, q, MS, &used))
		fail_msg("nothing arrives");
	assert_true(used.len <= max);
	memcpy(bytes, virtio_rig_va(&rig, buffer[used.head]), used.len);
	return used.len;
}

static void
expect_bytes(uint32_t id, uint16_t event, uint16_t value, const char *text, size_t len)
{
	struct message m = { 0 };
	size_t n;

	give_buffers(CONTROL_RX, 1, 80);
	n = take(CONTROL_RX, &m, sizeof(m));
	assert_int_equal(m.event, event);
	assert_int_equal(m.id, id);
	assert_int_equal(m.value, value);
	assert_int_equal(n, 8 + len);
	assert_memory_equal(m.text, text, len);
}

static void
expect(uint32_t id, uint16_t event, uint16_t value, const char *text)
{
	expect_bytes(id, event, value, text, strlen(text));
}

static void
expect_nothing(void)
{
	struct rig_used used;

	assert_false(virtio_rig_wait_used(&rig, CONTROL_RX, 30, &used));
}

static void
wait_out(struct chardev *cd, const char *want, size_t n)
{
	static char have[1 << 17];
	size_t got = 0;

	for (int i = 0; i < MS && got < n; i++) {
		got += fake_port_take(cd, have + got, sizeof(have) - got);
		if (got < n)
			usleep(1000);
	}
	assert_int_equal(got, n);
	assert_memory_equal(have, want, n);
}

/* The driver knows all ports; what it is told of them has been read. */
static void
introduce(void)
{
	control(0, DEVICE_READY, 1);
	for (uint32_t id = 0; id < fake_nports; id++)
		expect(id, DEVICE_ADD, 1, "");
	for (uint32_t id = 0; id < fake_nports; id++) {
		control(id, PORT_READY, 1);
		if (fake_port[id].terminal)
			expect(id, CONSOLE_PORT, 1, "");
		expect(id, PORT_NAME, 1, strstr(fake_port[id].label, ": ") + 2);
	}
}

/* ---- ports ---- */

static void
test_ports(void **state)
{
	(void)state;
	begin("a.b=/run/a,console=pty,port1=file:/x", F_MULTIPORT);
	assert_int_equal(vd->id, VIRTIO_ID_CONSOLE);
	assert_int_equal(vd->nqueues, 8);
	assert_int_equal(vd->offered & 7, F_MULTIPORT | F_EMERG_WRITE);
	assert_int_equal(fake_nports, 3);
	/* The terminal is the first. */
	assert_string_equal(fake_port[0].label, "-s 3: console");
	assert_string_equal(fake_port[0].where, "pty");
	assert_true(fake_port[0].terminal);
	assert_string_equal(fake_port[1].label, "-s 3: a.b");
	assert_string_equal(fake_port[1].where, "/run/a");
	assert_false(fake_port[1].terminal);
	assert_string_equal(fake_port[2].where, "file:/x");
	assert_int_equal(virtio_config_read(vd, 4, 4), 3);
	introduce();
	expect_nothing();
	/* What a driver asks for is what it gets: it may be loaded twice. */
	introduce();
	end();
}

/* What does not go together is found before anything is made; word: NULL where all is right. */
static void
check(const char *options, const char *word)
{
	const char *wrong;
	char buf[160];

	set_keys(options);
	wrong = virtio_console_model.model.check(virtio_rig_conf(options), buf, sizeof(buf));
	if (word == NULL)
		assert_null(wrong);
	else
		assert_non_null(strstr(wrong, word));
}

static void
test_bad_options(void **state)
{
	char many[600] = "", name[90];

	(void)state;
	check("", "has 0 ports: give 1 to 15");
	for (int i = 0; i < 16; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "p%d=/x,", i);
	check(many, "has 16 ports");
	many[strlen(many) - strlen("p15=/x,")] = '\0';
	check(many, NULL);
	make(many);
	assert_non_null(vd);
	assert_int_equal(vd->nqueues, 32);
	virtio_console_model.destroy(vd);
	virtio_rig_fini(&rig);
	memset(name, 'n', 65);
	strcpy(name + 65, "=/x");
	check(name, "has up to 64 characters");
	/* One that cannot be opened: the others are closed. */
	make("a=/x,b=/fail,c=/y");
	assert_null(vd);
	assert_int_equal(fake_nports, 1);
	assert_false(fake_port[0].open);
	virtio_rig_fini(&rig);
}

static void
test_clients(void **state)
{
	(void)state;
	begin("a=/a,b=/b", F_MULTIPORT);
	fake_port_client(&fake_port[1], true); /* before the guest is there */
	control(0, DEVICE_READY, 1);
	expect(0, DEVICE_ADD, 1, "");
	expect(1, DEVICE_ADD, 1, "");
	control(0, PORT_READY, 1);
	control(1, PORT_READY, 1);
	expect(0, PORT_NAME, 1, "a");
	expect(1, PORT_NAME, 1, "b");
	expect(1, PORT_OPEN, 1, "");
	fake_port_client(&fake_port[0], true);
	expect(0, PORT_OPEN, 1, "");
	fake_port_client(&fake_port[0], false);
	expect(0, PORT_OPEN, 0, "");
	/* Nobody takes messages: what is told is what is true in the end. */
	for (int i = 0; i < 1000; i++) {
		fake_port_client(&fake_port[0], true);
		fake_port_client(&fake_port[0], false);
		fake_port_client(&fake_port[1], false);
		fake_port_client(&fake_port[1], true);
	}
	expect(1, PORT_OPEN, 0, "");
	expect(1, PORT_OPEN, 1, "");
	expect_nothing();
	/* A port that the driver could not make is not spoken of. */
	control(1, PORT_READY, 0);
	fake_port_client(&fake_port[1], false);
	expect_nothing();
	end();
}

/* ---- bytes ---- */

static void
test_bytes(void **state)
{
	struct rig_buf pieces[] = { RIG_READ("hel", 3), RIG_READ("l", 1), RIG_READ("o!", 2) };
	char bytes[64];

	(void)state;
	begin("a=/a,b=/b", F_MULTIPORT);
	introduce();
	send(1, "one", 3); /* port 0's */
	wait_out(&fake_port[0], "one", 3);
	send(5, "two", 3); /* port 1's */
	wait_out(&fake_port[1], "two", 3);
	virtio_rig_add(&rig, 5, pieces, 3);
	virtio_rig_kick(&rig, 5);
	wait_out(&fake_port[1], "hello!", 6);
	/* Nobody in the guest has it open: it waits outside. */
	assert_int_equal(fake_port_type(&fake_port[1], "x", 1), 0);
	control(1, PORT_OPEN, 1);
	assert_true(__atomic_load_n(&fake_port[1].ready, __ATOMIC_RELAXED) > 0);
	give_buffers(4, 2, 4);
	assert_int_equal(fake_port_type(&fake_port[1], "typed", 5), 5);
	assert_int_equal(take(4, bytes, sizeof(bytes)), 4);
	assert_memory_equal(bytes, "type", 4);
	assert_int_equal(take(4, bytes, sizeof(bytes)), 1);
	assert_memory_equal(bytes, "d", 1);
	control(1, PORT_OPEN, 0);
	assert_int_equal(fake_port_type(&fake_port[1], "x", 1), 0);
	end();
}

/* The other end takes little: what it does not take stays in the ring, and no byte is lost. */
static void
test_slow_end(void **state)
{
	static char want[40000], have[sizeof(want)];
	struct rig_buf b[] = { RIG_READ(want, 30000), RIG_READ(want + 30000, 10000) };
	struct rig_used used;
	size_t got = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(want); i++)
		want[i] = (char)(i * 7 + i / 251);
	begin("a=/a", F_MULTIPORT);
	introduce();
	fake_port_room(&fake_port[0], 0);
	virtio_rig_add(&rig, 1, b, 2);
	virtio_rig_kick(&rig, 1);
	for (size_t room = 1; got < sizeof(want); room = room * 2 + 1) {
		assert_false(virtio_rig_wait_used(&rig, 1, 5, &used));
		fake_port_room(&fake_port[0], room);
		for (size_t i = 0, now = 0; i < MS && now < room && got < sizeof(want); i++) {
			size_t n = fake_port_take(&fake_port[0], have + got, sizeof(have) - got);

			now += n;
			got += n;
			if (n == 0)
				usleep(1000);
		}
	}
	assert_true(virtio_rig_wait_used(&rig, 1, MS, &used));
	assert_memory_equal(have, want, sizeof(want));
	/* Reset with a chain half sent: the next one starts at its start. */
	fake_port_room(&fake_port[0], 3);
	b[0].gpa = b[1].gpa = 0;
	virtio_rig_add(&rig, 1, b, 2);
	virtio_rig_kick(&rig, 1);
	wait_out(&fake_port[0], want, 3);
	assert_true(virtio_rig_start(&rig, F_MULTIPORT, 32));
	fake_port_room(&fake_port[0], SIZE_MAX);
	send(1, "again", 5);
	wait_out(&fake_port[0], "again", 5);
	end();
}

/* The guest takes nothing: a bounded buffer fills, and then it waits outside. */
static void
test_slow_guest(void **state)
{
	static char want[10000], have[sizeof(want)];
	size_t sent = 0, got = 0;
	unsigned int before;

	(void)state;
	for (size_t i = 0; i < sizeof(want); i++)
		want[i] = (char)(i * 11 + i / 241);
	begin("a=/a", F_MULTIPORT);
	introduce();
	control(0, PORT_OPEN, 1);
	for (int i = 0; i < 10; i++)
		sent += fake_port_type(&fake_port[0], want + sent, sizeof(want) - sent);
	assert_int_equal(sent, 4096);
	before = __atomic_load_n(&fake_port[0].ready, __ATOMIC_RELAXED);
	while (got < sizeof(want)) {
		give_buffers(0, 1, 1000);
		got += take(0, have + got, sizeof(have) - got);
		for (int i = 0;
		     i < MS && __atomic_load_n(&fake_port[0].ready, __ATOMIC_RELAXED) == before;
		     i++)
			usleep(1000);
		sent += fake_port_type(&fake_port[0], want + sent, sizeof(want) - sent);
	}
	assert_memory_equal(have, want, sizeof(want));
	/* What nobody read is not for whoever opens it next. */
	assert_int_equal(fake_port_type(&fake_port[0], "old", 3), 3);
	control(0, PORT_OPEN, 0);
	control(0, PORT_OPEN, 1);
	assert_int_equal(fake_port_type(&fake_port[0], "new", 3), 3);
	give_buffers(0, 1, 100);
	assert_int_equal(take(0, have, sizeof(have)), 3);
	assert_memory_equal(have, "new", 3);
	end();
}

/* Without MULTIPORT there is one port, and nobody says that it is open. */
static void
test_single(void **state)
{
	char bytes[8];

	(void)state;
	begin("a=/a,console=pty", 0);
	assert_true(__atomic_load_n(&fake_port[0].ready, __ATOMIC_RELAXED) > 0);
	give_buffers(0, 1, 8);
	assert_int_equal(fake_port_type(&fake_port[0], "in", 2), 2);
	assert_int_equal(take(0, bytes, sizeof(bytes)), 2);
	assert_int_equal(fake_port_type(&fake_port[1], "in", 2), 0);
	send(1, "out", 3);
	wait_out(&fake_port[0], "out", 3);
	/* With it, it is closed again. */
	assert_true(virtio_rig_start(&rig, F_MULTIPORT, 32));
	assert_int_equal(fake_port_type(&fake_port[0], "in", 2), 0);
	end();
}

static void
test_emergency(void **state)
{
	(void)state;
	make("console=pty");
	assert_non_null(vd);
	virtio_rig_attach(&rig, vd);
	/* Before anything is set up. */
	pthread_mutex_lock(&vd->lock);
	virtio_config_write(vd, 8, 4, 'O');
	virtio_config_write(vd, 8, 1, 'k');
	virtio_config_write(vd, 0, 4, 'x');
	virtio_config_write(vd, 4, 4, 'x');
	assert_int_equal(virtio_config_read(vd, 0, 4), 0);
	assert_int_equal(virtio_config_read(vd, 4, 4), 1);
	pthread_mutex_unlock(&vd->lock);
	wait_out(&fake_port[0], "Ok", 2);
	end();
}

/* ---- the terminal's size ---- */

static void
test_size(void **state)
{
	struct winsize ws = { .ws_col = 80, .ws_row = 24 };
	int pty = posix_openpt(O_RDWR | O_NOCTTY), tty, out = dup(1);
	unsigned int before;

	(void)state;
	assert_true(pty >= 0 && grantpt(pty) == 0 && unlockpt(pty) == 0);
	tty = open(ptsname(pty), O_RDWR | O_NOCTTY);
	assert_true(tty >= 0);
	assert_int_equal(ioctl(tty, TIOCSWINSZ, &ws), 0);
	fflush(stdout);
	dup2(tty, 1);
	make("a=/a,console=stdio");
	assert_non_null(vd);
	virtio_rig_attach(&rig, vd);
	assert_int_equal(vd->offered & 7, F_SIZE | F_MULTIPORT | F_EMERG_WRITE);
	assert_true(virtio_rig_start(&rig, F_SIZE | F_MULTIPORT, 32));
	assert_int_equal(virtio_config_read(vd, 0, 2), 80);
	assert_int_equal(virtio_config_read(vd, 2, 2), 24);
	control(0, PORT_READY, 1);
	expect(0, CONSOLE_PORT, 1, "");
	expect(0, PORT_NAME, 1, "console");
	expect_bytes(0, RESIZE, 1, "\x50\0\x18", 4);
	ws = (struct winsize){ .ws_col = 300, .ws_row = 25 };
	assert_int_equal(ioctl(tty, TIOCSWINSZ, &ws), 0);
	before = virtio_rig_config_irqs(&rig);
	fake_resize();
	dup2(out, 1);
	assert_int_equal(virtio_config_read(vd, 0, 2), 300);
	assert_int_equal(virtio_config_read(vd, 2, 2), 25);
	assert_int_equal(virtio_rig_config_irqs(&rig), before + 1);
	expect_bytes(0, RESIZE, 1, "\x2c\1\x19", 4);
	end();
	close(tty);
	close(pty);
	close(out);
}

/* ---- a driver that errs ---- */

static void
test_hostile_control(void **state)
{
	static const uint16_t events[] = { DEVICE_ADD, DEVICE_REMOVE, PORT_READY, CONSOLE_PORT,
		RESIZE, PORT_OPEN, PORT_NAME, 8, 0xffff };
	static const uint32_t ids[] = { 1, 2, 15, 31, 0x7fffffff, 0xffffffff };
	char huge[5000] = { 0 };

	(void)state;
	begin("a=/a", F_MULTIPORT);
	for (size_t i = 0; i < NELEM(events); i++) {
		for (size_t k = 0; k < NELEM(ids); k++)
			control(ids[k], events[i], 1);
	}
	control(0, DEVICE_READY, 7);
	control(0, PORT_OPEN, 0xffff);
	send(CONTROL_TX, "short", 5);
	send(CONTROL_TX, "1", 1);
	send(CONTROL_TX, huge, sizeof(huge)); /* DEVICE_READY 0 */
	expect_nothing();
	assert_int_equal(fake_port_type(&fake_port[0], "x", 1), 0);
	introduce();
	end();
}

static void
test_hostile_buffers(void **state)
{
	struct rig_buf nothing[] = { RIG_READ("?", 1) },
		       both[] = { RIG_READ("out", 3), RIG_WRITE(5) };
	struct rig_used used;
	char bytes[8];

	(void)state;
	begin("a=/a", F_MULTIPORT);
	introduce();
	control(0, PORT_OPEN, 1);
	/* Nothing to write to where input goes: it comes back, and no byte is lost. */
	virtio_rig_add(&rig, 0, nothing, 1);
	give_buffers(0, 1, 8);
	assert_int_equal(fake_port_type(&fake_port[0], "in", 2), 2);
	assert_true(virtio_rig_wait_used(&rig, 0, MS, &used));
	assert_int_equal(used.len, 0);
	assert_int_equal(take(0, bytes, sizeof(bytes)), 2);
	/* Something to write to where output comes from. */
	virtio_rig_add(&rig, 1, both, 2);
	virtio_rig_kick(&rig, 1);
	wait_out(&fake_port[0], "out", 3);
	/* No room for a message. */
	fake_port_client(&fake_port[0], true);
	give_buffers(CONTROL_RX, 1, 7);
	assert_true(virtio_rig_wait_broken(&rig, MS));
	assert_non_null(strstr(virtio_rig_said, "control messages"));
	fake_port_client(&fake_port[0], false);
	assert_true(virtio_rig_start(&rig, F_MULTIPORT, 32));
	introduce();
	end();
}

/* Resets at any moment, with both ends busy. */
static void
test_resets(void **state)
{
	(void)state;
	begin("a=/a,b=/b", F_MULTIPORT);
	for (int i = 0; i < 200; i++) {
		struct rig_buf b[] = { RIG_READ("some bytes", 10) };

		fake_port_client(&fake_port[i % 2], i % 3 != 0);
		control(0, DEVICE_READY, 1);
		control(1, PORT_OPEN, 1);
		give_buffers(CONTROL_RX, 2, 80);
		fake_port_type(&fake_port[1], "typed", 5);
		fake_port_room(&fake_port[1], (size_t)i % 16);
		virtio_rig_add(&rig, 5, b, 1);
		virtio_rig_kick(&rig, 5);
		assert_true(virtio_rig_start(
		    &rig, i % 2 != 0 ? F_MULTIPORT : F_MULTIPORT | VIRTIO_F_EVENT_IDX, 16));
	}
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_slow_end),
		cmocka_unit_test(test_slow_guest),
		cmocka_unit_test(test_single),
		cmocka_unit_test(test_emergency),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_hostile_control),
		cmocka_unit_test(test_hostile_buffers),
		cmocka_unit_test(test_resets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
