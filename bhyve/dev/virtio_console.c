/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * virtio console device (virtio 1.2, 5.3): streams of bytes between the guest and the host, its
 * ports.  One may be a terminal, the guest's hvc0; the others have names by which programs in the
 * guest find them.  The first port is also what a driver without MULTIPORT gets.
 *
 * One thread serves all queues and never blocks: what a port's other end does not take stays in
 * the ring until it does, what the guest does not take waits in a buffer and then outside.  The
 * lock guards what that thread shares with the chardevs' callbacks and the terminal's size;
 * virtio_dev.lock may be held when it is taken, never the other way round.
 */
#include <sys/ioctl.h>

#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console.h"
#include "debug.h"
#include "iov.h"
#include "virtio_worker.h"

/* 5.3.3 */
#define VIRTIO_CONSOLE_F_SIZE	     (1ull << 0)
#define VIRTIO_CONSOLE_F_MULTIPORT   (1ull << 1)
#define VIRTIO_CONSOLE_F_EMERG_WRITE (1ull << 2)

/* 5.3.4, offsets of struct virtio_console_config */
#define CONFIG_COLS	    0u
#define CONFIG_ROWS	    2u
#define CONFIG_MAX_NR_PORTS 4u
#define CONFIG_EMERG_WR	    8u
#define CONFIG_SIZE	    12u

/* 5.3.6.2 */
enum {
	VIRTIO_CONSOLE_DEVICE_READY,
	VIRTIO_CONSOLE_DEVICE_ADD,
	VIRTIO_CONSOLE_DEVICE_REMOVE,
	VIRTIO_CONSOLE_PORT_READY,
	VIRTIO_CONSOLE_CONSOLE_PORT,
	VIRTIO_CONSOLE_RESIZE,
	VIRTIO_CONSOLE_PORT_OPEN,
	VIRTIO_CONSOLE_PORT_NAME,
};

struct control {
	uint32_t id; /* little-endian, and so the others */
	uint16_t event;
	uint16_t value;
};
_Static_assert(sizeof(struct control) == 8, "5.3.6.2");

/* 5.3.2: port 0's queues, the two for control, and then two a port. */
#define VQ_CONTROL_RX 2u
#define VQ_CONTROL_TX 3u
#define MAX_PORTS     (VIRTIO_MAX_QUEUES / 2 - 1)
#define MAX_NAME      64u
#define IN_BYTES      4096u

/*
 * What the guest is still to be told of a port, sent in the order of the bits.  They are states,
 * not a queue: a guest that takes no messages makes us remember no more than these.
 */
enum {
	TELL_ADD = 1 << 0,
	TELL_CONSOLE = 1 << 1,
	TELL_NAME = 1 << 2,
	TELL_SIZE = 1 << 3,
	TELL_CLOSED = 1 << 4,
	TELL_OPEN = 1 << 5,
};

struct port {
	struct console *dev; /* immutable, and down to cd */
	uint32_t id;
	char name[MAX_NAME + 1];
	bool terminal; /* hvc */
	struct chardev *cd;
	unsigned int tell;    /* [lock] */
	bool ready;	      /* [lock] the driver knows the port */
	bool open;	      /* [lock] somebody in the guest reads */
	bool client;	      /* [lock] somebody is at the other end */
	uint8_t in[IN_BYTES]; /* [lock] a ring */
	size_t in_head, in_count;
	uint32_t sent; /* the worker's: bytes of the first chain in the ring that are out already */
};

struct console {
	struct virtio_dev vd;
	struct virtio_worker worker;
	struct vq_chain chain;	     /* the worker's */
	bool multiport;		     /* fixed while the worker runs */
	uint8_t config[CONFIG_SIZE]; /* [vd.lock] */
	pthread_mutex_t lock;
	uint16_t cols, rows; /* [lock] */
	struct ev_source *resize;
	unsigned int nports; /* immutable */
	struct port *ports;
};

/* ---- from outside: the loop's thread, or a chardev's ---- */

static size_t
port_room(void *arg)
{
	struct port *p = arg;
	size_t room;

	pthread_mutex_lock(&p->dev->lock);
	room = p->open ? IN_BYTES - p->in_count : 0;
	pthread_mutex_unlock(&p->dev->lock);
	return room;
}

static void
port_input(void *arg, const uint8_t *bytes, size_t n)
{
	struct port *p = arg;

	pthread_mutex_lock(&p->dev->lock);
	/* The guest may have closed the port since room() was asked: it is nobody's then. */
	if (p->open && n <= IN_BYTES - p->in_count) {
		for (size_t i = 0; i < n; i++)
			p->in[(p->in_head + p->in_count + i) % IN_BYTES] = bytes[i];
		p->in_count += n;
	}
	pthread_mutex_unlock(&p->dev->lock);
	virtio_worker_wake(&p->dev->worker);
}

static void
port_drained(void *arg)
{
	struct port *p = arg;

	virtio_worker_wake(&p->dev->worker);
}

/* With the lock held. */
static void
tell_client(struct port *p)
{
	if (!p->ready)
		return;
	if (p->client)
		p->tell |= TELL_OPEN;
	else if ((p->tell & TELL_OPEN) != 0)
		p->tell &= ~(unsigned int)TELL_OPEN; /* came and went, and the guest never knew */
	else
		p->tell |= TELL_CLOSED;
}

static void
port_client(void *arg, bool there)
{
	struct port *p = arg;

	pthread_mutex_lock(&p->dev->lock);
	p->client = there;
	tell_client(p);
	pthread_mutex_unlock(&p->dev->lock);
	virtio_worker_wake(&p->dev->worker);
}

static const struct chardev_user port_user = { port_room, port_input, port_drained };

/* ---- out of the guest ---- */

static bool
transmit(void *sc, struct virtqueue *q, struct vq_chain *c)
{
	struct port *p = sc;
	struct iov_cursor from = iov_cursor(c->iov, c->nread);
	struct iovec v;
	size_t n;

	/* The chain is walked anew each time: the guest may have made it shorter. */
	iov_advance(&from, p->sent);
	while ((v = iov_front(&from)).iov_len != 0) {
		n = chardev_write(p->cd, v.iov_base, v.iov_len);
		p->sent += (uint32_t)n;
		if (n < v.iov_len)
			return false; /* drained() will wake us */
		iov_advance(&from, n);
	}
	p->sent = 0;
	vq_put(q, c->head, 0);
	return true;
}

/* ---- into the guest ---- */

static uint32_t
copy_in(const struct vq_chain *c, const void *src, size_t len)
{
	struct iov_cursor to = iov_cursor(&c->iov[c->nread], c->nwrite);

	return (uint32_t)iov_copy(&to, (void *)(uintptr_t)src, len, true);
}

static bool
receive(void *sc, struct virtqueue *q, struct vq_chain *c)
{
	struct port *p = sc;
	uint8_t bytes[IN_BYTES];
	bool was_full;
	size_t n;

	pthread_mutex_lock(&p->dev->lock);
	if (p->in_count == 0) {
		pthread_mutex_unlock(&p->dev->lock);
		return false;
	}
	n = p->in_count < c->write_len ? p->in_count : c->write_len;
	was_full = p->in_count == IN_BYTES;
	for (size_t i = 0; i < n; i++)
		bytes[i] = p->in[(p->in_head + i) % IN_BYTES];
	p->in_head = (p->in_head + n) % IN_BYTES;
	p->in_count -= n;
	pthread_mutex_unlock(&p->dev->lock);
	vq_put(q, c->head, copy_in(c, bytes, n));
	if (was_full && n > 0)
		chardev_input_ready(p->cd);
	return true;
}

static bool
has_input(struct port *p)
{
	bool has;

	pthread_mutex_lock(&p->dev->lock);
	has = p->in_count > 0;
	pthread_mutex_unlock(&p->dev->lock);
	return has;
}

static bool
serve_port(struct console *c, struct port *p)
{
	struct virtqueue *rx = &c->vd.vq[p->id == 0 ? 0 : 2 * p->id + 2];
	bool more;

	more = virtio_worker_queue(&c->worker, rx + 1, &c->chain, transmit, p);
	if (has_input(p))
		more |= virtio_worker_queue(&c->worker, rx, &c->chain, receive, p);
	return more;
}

/* ---- control, to the guest ---- */

/* With the lock held: the next message, and what follows its head.  Its bytes; 0: there is none. */
static size_t
next_message(struct console *c, uint8_t msg[sizeof(struct control) + MAX_NAME])
{
	static const uint16_t events[] = { VIRTIO_CONSOLE_DEVICE_ADD, VIRTIO_CONSOLE_CONSOLE_PORT,
		VIRTIO_CONSOLE_PORT_NAME, VIRTIO_CONSOLE_RESIZE, VIRTIO_CONSOLE_PORT_OPEN,
		VIRTIO_CONSOLE_PORT_OPEN };
	struct port *p = c->ports;
	struct control head;
	uint16_t size[2];
	size_t len = 0;
	unsigned int bit;

	while (p < c->ports + c->nports && p->tell == 0)
		p++;
	if (p == c->ports + c->nports)
		return 0;
	bit = (unsigned int)__builtin_ctz(p->tell);
	p->tell &= ~(1u << bit);
	head = (struct control){ htole32(p->id), htole16(events[bit]),
		htole16((1u << bit) != TELL_CLOSED) };
	memcpy(msg, &head, sizeof(head));
	if (1u << bit == TELL_NAME) {
		len = strlen(p->name); /* without a NUL, 5.3.6.2 */
		memcpy(msg + sizeof(head), p->name, len);
	} else if (1u << bit == TELL_SIZE) {
		size[0] = htole16(c->cols);
		size[1] = htole16(c->rows);
		len = sizeof(size);
		memcpy(msg + sizeof(head), size, len);
	}
	return sizeof(head) + len;
}

static bool
send_control(void *sc, struct virtqueue *q, struct vq_chain *chain)
{
	struct console *c = sc;
	uint8_t msg[sizeof(struct control) + MAX_NAME];
	size_t len;

	pthread_mutex_lock(&c->lock);
	len = next_message(c, msg);
	pthread_mutex_unlock(&c->lock);
	if (len == 0)
		return false;
	if (chain->write_len < len)
		vq_break(q, "a buffer for control messages is too short");
	vq_put(q, chain->head, copy_in(chain, msg, len));
	return true;
}

static bool
has_message(struct console *c)
{
	unsigned int tell = 0;

	pthread_mutex_lock(&c->lock);
	for (unsigned int i = 0; i < c->nports; i++)
		tell |= c->ports[i].tell;
	pthread_mutex_unlock(&c->lock);
	return tell != 0;
}

/* ---- control, from the guest ---- */

/* With the lock held.  The driver knows the port now, or could not make it. */
static void
port_ready(struct port *p, bool ready)
{
	p->ready = ready;
	p->tell = 0;
	if (!ready)
		return;
	p->tell = TELL_NAME;
	if (p->terminal)
		p->tell |= TELL_CONSOLE;
	if (p->terminal && p->dev->cols != 0 && virtio_has(&p->dev->vd, VIRTIO_CONSOLE_F_SIZE))
		p->tell |= TELL_SIZE;
	if (p->client)
		p->tell |= TELL_OPEN;
}

/* With the lock held.  What was sent to those who had it open is not for whoever opens it next. */
static void
port_open(struct port *p, bool open)
{
	p->open = open;
	if (!open)
		p->in_count = 0;
}

static void
handle_control(struct console *c, uint32_t id, uint16_t event, uint16_t value)
{
	struct port *p = id < c->nports ? &c->ports[id] : NULL;
	bool opened = false;

	pthread_mutex_lock(&c->lock);
	if (event == VIRTIO_CONSOLE_DEVICE_READY) {
		/* 0: the driver failed, and nothing follows. */
		for (unsigned int i = 0; i < c->nports && value == 1; i++)
			c->ports[i].tell |= TELL_ADD;
	} else if (event == VIRTIO_CONSOLE_PORT_READY && p != NULL) {
		port_ready(p, value == 1);
	} else if (event == VIRTIO_CONSOLE_PORT_OPEN && p != NULL) {
		port_open(p, value == 1);
		opened = value == 1;
	}
	pthread_mutex_unlock(&c->lock);
	if (opened)
		chardev_input_ready(p->cd);
}

static bool
receive_control(void *sc, struct virtqueue *q, struct vq_chain *chain)
{
	struct console *c = sc;
	struct iov_cursor from = iov_cursor(chain->iov, chain->nread);
	struct control msg;

	if (iov_copy(&from, &msg, sizeof(msg), false) == sizeof(msg))
		handle_control(c, le32toh(msg.id), le16toh(msg.event), le16toh(msg.value));
	vq_put(q, chain->head, 0);
	return true;
}

static int
serve(void *sc)
{
	struct console *c = sc;
	struct virtio_worker *w = &c->worker;
	bool more = false;

	if (!c->multiport)
		return serve_port(c, &c->ports[0]) ? 0 : VIRTIO_WORKER_IDLE;
	more |= virtio_worker_queue(w, &c->vd.vq[VQ_CONTROL_TX], &c->chain, receive_control, c);
	if (has_message(c))
		more |= virtio_worker_queue(
		    w, &c->vd.vq[VQ_CONTROL_RX], &c->chain, send_control, c);
	for (unsigned int i = 0; i < c->nports; i++)
		more |= serve_port(c, &c->ports[i]);
	return more ? 0 : VIRTIO_WORKER_IDLE;
}

/* ---- the terminal's size ---- */

static void
put16(uint8_t *p, uint16_t val)
{
	val = htole16(val);
	memcpy(p, &val, sizeof(val));
}

/* With vd.lock held, or before there is anybody.  False: it is no terminal. */
static bool
take_size(struct console *c)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) != 0)
		return false;
	pthread_mutex_lock(&c->lock);
	c->cols = ws.ws_col;
	c->rows = ws.ws_row;
	for (unsigned int i = 0; i < c->nports; i++) {
		if (c->multiport && c->ports[i].terminal && c->ports[i].ready &&
		    virtio_has(&c->vd, VIRTIO_CONSOLE_F_SIZE))
			c->ports[i].tell |= TELL_SIZE;
	}
	pthread_mutex_unlock(&c->lock);
	put16(c->config + CONFIG_COLS, ws.ws_col);
	put16(c->config + CONFIG_ROWS, ws.ws_row);
	return true;
}

static void
resized(void *arg)
{
	struct console *c = arg;

	pthread_mutex_lock(&c->vd.lock);
	take_size(c);
	virtio_config_changed(&c->vd);
	pthread_mutex_unlock(&c->vd.lock);
	virtio_worker_wake(&c->worker);
}

/* ---- the device ---- */

static void
console_start_device(void *sc)
{
	struct console *c = sc;

	c->multiport = virtio_has(&c->vd, VIRTIO_CONSOLE_F_MULTIPORT);
	pthread_mutex_lock(&c->lock);
	/* Nobody would say so. */
	c->ports[0].open = !c->multiport;
	pthread_mutex_unlock(&c->lock);
	if (!virtio_worker_start(&c->worker))
		say("virtio-console: cannot start a thread: nothing goes in or out");
	chardev_input_ready(c->ports[0].cd);
}

static void
console_reset(void *sc)
{
	struct console *c = sc;

	virtio_worker_stop(&c->worker);
	pthread_mutex_lock(&c->lock);
	for (unsigned int i = 0; i < c->nports; i++) {
		port_open(&c->ports[i], false);
		port_ready(&c->ports[i], false);
		c->ports[i].sent = 0;
	}
	c->multiport = false;
	pthread_mutex_unlock(&c->lock);
}

/* 5.3.5.1: also before the driver has set anything up.  What finds no room is lost. */
static void
console_config_write(void *sc, uint32_t offset, uint32_t size, uint32_t val)
{
	struct console *c = sc;
	uint8_t byte = (uint8_t)val;

	(void)size;
	if (offset == CONFIG_EMERG_WR)
		chardev_write(c->ports[0].cd, &byte, 1);
}

static const struct virtio_ops console_ops = {
	.start = console_start_device,
	.reset = console_reset,
	.config_write = console_config_write,
};

/* No callback comes once this returns. */
static void
close_ports(struct console *c)
{
	for (unsigned int i = 0; i < c->nports; i++) {
		if (c->ports[i].cd != NULL)
			console_close(c->ports[i].cd);
	}
	if (c->resize != NULL)
		ev_remove(c->resize);
}

static void
free_console(struct console *c)
{
	virtio_worker_fini(&c->worker);
	pthread_mutex_destroy(&c->lock);
	free(c->ports);
	free(c);
}

static void
console_destroy(struct virtio_dev *vd)
{
	struct console *c = vd->sc;

	close_ports(c);
	virtio_fini(vd);
	free_console(c);
}

static bool
is_port(const char *key)
{
	return strcmp(key, "device") != 0;
}

static unsigned int
count_ports(const struct dev_conf *conf)
{
	const char *key = NULL;
	unsigned int n = 0;

	while (dev_conf_next(conf, &key))
		n += is_port(key);
	return n;
}

static const char *
check_ports(const struct dev_conf *conf, char *buf, size_t size)
{
	unsigned int n = count_ports(conf);
	const char *key = NULL;

	if (n == 0 || n > MAX_PORTS) {
		snprintf(buf, size,
		    "has %u ports: give 1 to %u, as port1=/run/guest.sock or console=stdio", n,
		    MAX_PORTS);
		return buf;
	}
	while (dev_conf_next(conf, &key)) {
		if (strlen(key) > MAX_NAME) {
			snprintf(buf, size, "%.70s: a port's name has up to %u characters", key,
			    MAX_NAME);
			return buf;
		}
	}
	return NULL;
}

/*
 * The terminal is the first; the others follow in the order of their names.  What check_ports()
 * found right.  False: a line was said.
 */
static bool
name_ports(struct console *c, const struct dev_conf *conf)
{
	unsigned int n = count_ports(conf);
	const char *key;

	c->ports = calloc(n, sizeof(c->ports[0]));
	if (c->ports == NULL) {
		say("%s: no memory left", dev_conf_where(conf));
		return false;
	}
	c->nports = n;
	n = dev_conf_get(conf, "console") != NULL ? 1 : 0;
	for (key = NULL; dev_conf_next(conf, &key);) {
		bool terminal = strcmp(key, "console") == 0;
		struct port *p;

		if (!is_port(key))
			continue;
		p = &c->ports[terminal ? 0 : n++];
		strcpy(p->name, key);
		p->terminal = terminal;
		p->dev = c;
		p->id = (uint32_t)(p - c->ports);
	}
	return true;
}

/* A terminal loses its oldest output where nobody reads; a port waits.  False: said. */
static bool
open_ports(struct console *c, const struct dev_env *env, const struct dev_conf *conf)
{
	for (unsigned int i = 0; i < c->nports; i++) {
		struct port *p = &c->ports[i];
		const char *where = dev_conf_get(conf, p->name);
		char label[128 + MAX_NAME];

		snprintf(label, sizeof(label), "%.120s: %s", dev_conf_where(conf), p->name);
		p->cd = console_open_port(env->loop, label, where, p->terminal);
		if (p->cd == NULL)
			return false;
		chardev_attach(p->cd, &port_user, p);
		chardev_watch(p->cd, port_client);
		if (p->terminal && strcmp(where, "stdio") == 0 && take_size(c)) {
			c->resize = ev_signal_add(env->loop, SIGWINCH, resized, c);
			c->vd.offered |= VIRTIO_CONSOLE_F_SIZE;
		}
	}
	return true;
}

static struct console *
alloc_console(const struct dev_env *env)
{
	struct console *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	c->vd = (struct virtio_dev){
		.ops = &console_ops,
		.sc = c,
		.mem = env->mem,
		.id = VIRTIO_ID_CONSOLE,
		.offered = VIRTIO_CONSOLE_F_MULTIPORT | VIRTIO_CONSOLE_F_EMERG_WRITE,
		.config = c->config,
		.config_size = CONFIG_SIZE,
	};
	c->worker = (struct virtio_worker){ "virtio-console", &c->vd, serve, c, .bell = -1 };
	if (virtio_worker_init(&c->worker) != 0) {
		free_console(c);
		return NULL;
	}
	return c;
}

static struct virtio_dev *
console_create(const struct dev_env *env, const struct dev_conf *conf)
{
	struct console *c = alloc_console(env);

	if (c == NULL) {
		say("%s: %s", dev_conf_where(conf), strerror(errno));
		return NULL;
	}
	if (!name_ports(c, conf) || !open_ports(c, env, conf)) {
		close_ports(c);
		free_console(c);
		return NULL;
	}
	c->vd.nqueues = 2 * (c->nports + 1);
	c->config[CONFIG_MAX_NR_PORTS] = (uint8_t)c->nports;
	if (virtio_init(&c->vd) != 0) {
		say("%s: %s", dev_conf_where(conf), strerror(errno));
		close_ports(c);
		free_console(c);
		return NULL;
	}
	/* From here on the callbacks may come. */
	for (unsigned int i = 0; i < c->nports; i++)
		console_start(c->ports[i].cd);
	return &c->vd;
}

static const struct dev_option console_options[] = {
	{ .key = "console",
	    .help = "where the guest's hvc0 goes: stdio, pty, unix:PATH, file:PATH",
	    .otherwise = "no terminal, only ports",
	    .check = console_port_wrong },
	{ .key = "*",
	    .help = "a port of that name, and where it goes: a socket's path, or the same",
	    .check = console_port_wrong },
	{ .key = NULL },
};

const struct virtio_model virtio_console_model = {
	.model = {
		.name = "virtio-console",
		.help = "a console and named ports to programs of the host",
		.options = console_options,
		.kind = DEV_VIRTIO,
		.check = check_ports,
	},
	.pci_class = 0x078000, /* PCI Code and ID Assignment 1.8: other communications device */
	.create = console_create,
	.destroy = console_destroy,
};
