/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The surroundings of a device, for its unit tests.
 */
#include <string.h>

#include "fake_event.h"

struct ev_loop fake_loop;
struct chardev fake_line;
struct fake_irq fake_irq;

static void
set_irq(void *arg, uint32_t irq, bool level)
{
	struct fake_irq *i = arg;

	(void)irq;
	i->level = level;
	i->changes++;
}

const struct irq_line fake_irq_line = { set_irq, &fake_irq, 33 };

void
fake_event_reset(void)
{
	memset(&fake_loop, 0, sizeof(fake_loop));
	memset(&fake_line, 0, sizeof(fake_line));
	memset(&fake_irq, 0, sizeof(fake_irq));
	fake_loop.now = 5000000000ull;
	fake_loop.wall = 1800000000;
	fake_line.room = sizeof(fake_line.out);
}

uint64_t
ev_now_ns(void)
{
	return fake_loop.now;
}

int64_t
ev_wall_s(void)
{
	return fake_loop.wall;
}

struct ev_source *
ev_timer_add(struct ev_loop *loop, ev_fn *fn, void *arg)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct ev_source *s = &loop->timers[i];

		if (!s->used) {
			*s = (struct ev_source){ .fn = fn, .arg = arg, .used = true };
			return s;
		}
	}
	return NULL;
}

void
ev_timer_arm(struct ev_source *s, uint64_t ns)
{
	s->armed = true;
	s->at = fake_loop.now + ns;
}

void
ev_timer_cancel(struct ev_source *s)
{
	s->armed = false;
}

void
ev_remove(struct ev_source *s)
{
	memset(s, 0, sizeof(*s));
}

void
fake_advance(uint64_t ns)
{
	uint64_t end = fake_loop.now + ns;
	struct ev_source *first;

	for (;;) {
		first = NULL;
		for (unsigned int i = 0; i < 4; i++) {
			struct ev_source *s = &fake_loop.timers[i];

			if (s->armed && s->at <= end && (first == NULL || s->at < first->at))
				first = s;
		}
		if (first == NULL)
			break;
		fake_loop.now = first->at;
		first->armed = false;
		first->fn(first->arg);
	}
	fake_loop.now = end;
}

void
chardev_attach(struct chardev *cd, const struct chardev_user *user, void *arg)
{
	cd->user = user;
	cd->arg = arg;
}

size_t
chardev_write(struct chardev *cd, const uint8_t *bytes, size_t n)
{
	if (n > cd->room)
		n = cd->room;
	if (cd->nout + n > sizeof(cd->out))
		cd->nout = 0;
	memcpy(cd->out + cd->nout, bytes, n);
	cd->nout += n;
	cd->room -= n;
	return n;
}

void
chardev_input_ready(struct chardev *cd)
{
	cd->ready++;
}

size_t
fake_type(const char *bytes, size_t n)
{
	size_t room = fake_line.user->room(fake_line.arg);

	if (n > room)
		n = room;
	if (n > 0)
		fake_line.user->input(fake_line.arg, (const uint8_t *)bytes, n);
	return n;
}
