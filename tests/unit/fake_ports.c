/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * In place of console.c and the event loop.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fake_ports.h"

struct chardev fake_port[FAKE_PORTS];
unsigned int fake_nports;

struct ev_source {
	ev_fn *fn;
	void *arg;
};
static struct ev_source resize;

void
fake_ports_reset(void)
{
	memset(fake_port, 0, sizeof(fake_port));
	memset(&resize, 0, sizeof(resize));
	fake_nports = 0;
}

struct chardev *
console_open_port(struct ev_loop *loop, const char *label, const char *where, bool terminal)
{
	struct chardev *cd = &fake_port[fake_nports];

	(void)loop;
	if (fake_nports == FAKE_PORTS || strcmp(where, "/fail") == 0)
		return NULL;
	fake_nports++;
	snprintf(cd->label, sizeof(cd->label), "%s", label);
	snprintf(cd->where, sizeof(cd->where), "%s", where);
	cd->terminal = terminal;
	cd->open = true;
	cd->room = SIZE_MAX;
	pthread_mutex_init(&cd->lock, NULL);
	return cd;
}

const char *
console_port_wrong(const char *where)
{
	(void)where;
	return NULL;
}

void
console_start(struct chardev *cd)
{
	(void)cd;
}

void
console_close(struct chardev *cd)
{
	cd->open = false;
	pthread_mutex_destroy(&cd->lock);
}

void
chardev_attach(struct chardev *cd, const struct chardev_user *user, void *arg)
{
	cd->user = user;
	cd->arg = arg;
}

void
chardev_watch(struct chardev *cd, void (*client)(void *arg, bool there))
{
	cd->client = client;
}

size_t
chardev_write(struct chardev *cd, const uint8_t *bytes, size_t n)
{
	pthread_mutex_lock(&cd->lock);
	if (n > cd->room)
		n = cd->room;
	if (n > sizeof(cd->out) - cd->nout)
		n = sizeof(cd->out) - cd->nout;
	memcpy(cd->out + cd->nout, bytes, n);
	cd->nout += n;
	if (cd->room != SIZE_MAX)
		cd->room -= n;
	pthread_mutex_unlock(&cd->lock);
	return n;
}

void
chardev_input_ready(struct chardev *cd)
{
	__atomic_fetch_add(&cd->ready, 1, __ATOMIC_RELAXED);
}

void
fake_port_room(struct chardev *cd, size_t room)
{
	pthread_mutex_lock(&cd->lock);
	cd->room = room;
	pthread_mutex_unlock(&cd->lock);
	cd->user->drained(cd->arg);
}

size_t
fake_port_take(struct chardev *cd, void *bytes, size_t max)
{
	size_t n;

	pthread_mutex_lock(&cd->lock);
	n = cd->nout < max ? cd->nout : max;
	memcpy(bytes, cd->out, n);
	memmove(cd->out, cd->out + n, cd->nout - n);
	cd->nout -= n;
	pthread_mutex_unlock(&cd->lock);
	return n;
}

size_t
fake_port_type(struct chardev *cd, const void *bytes, size_t n)
{
	size_t room = cd->user->room(cd->arg);

	if (n > room)
		n = room;
	if (n > 0)
		cd->user->input(cd->arg, bytes, n);
	return n;
}

void
fake_port_client(struct chardev *cd, bool there)
{
	cd->client(cd->arg, there);
}

struct ev_source *
ev_signal_add(struct ev_loop *loop, int signo, ev_fn *fn, void *arg)
{
	(void)loop;
	(void)signo;
	resize = (struct ev_source){ fn, arg };
	return &resize;
}

void
ev_remove(struct ev_source *s)
{
	memset(s, 0, sizeof(*s));
}

void
fake_resize(void)
{
	if (resize.fn != NULL)
		resize.fn(resize.arg);
}
