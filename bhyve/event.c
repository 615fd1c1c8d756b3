/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The event loop: what is the same on every OS (event_impl.h).
 */
#include <stdlib.h>
#include <time.h>

#include "event_impl.h"

uint64_t
ev_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * EVENT_NS_PER_S + (uint64_t)ts.tv_nsec;
}

int64_t
ev_wall_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}

struct ev_loop *
ev_loop_create(void)
{
	struct ev_loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return NULL;
	loop->os = event_os_create();
	if (loop->os == NULL) {
		free(loop);
		return NULL;
	}
	pthread_mutex_init(&loop->lock, NULL);
	return loop;
}

void
ev_loop_destroy(struct ev_loop *loop)
{
	struct ev_source *s;

	while ((s = loop->sources) != NULL) {
		loop->sources = s->next;
		if (s->kind != SOURCE_DEAD)
			event_os_remove(s);
		free(s);
	}
	event_os_destroy(loop->os);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

void
ev_loop_stop(struct ev_loop *loop)
{
	__atomic_store_n(&loop->stop, true, __ATOMIC_RELEASE);
	event_os_wake(loop->os);
}

/* ---- sources ---- */

struct ev_source *
event_source_new(struct ev_loop *loop, enum source_kind kind, int fd, ev_fn *fn, void *arg)
{
	struct ev_source *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	*s = (struct ev_source){
		.loop = loop,
		.kind = kind,
		.fd = fd,
		.fn = fn,
		.arg = arg,
		.enabled = true,
		.want = EVENT_READ,
	};
	return s;
}

void
event_source_link(struct ev_source *s)
{
	s->next = s->loop->sources;
	s->loop->sources = s;
}

void
event_source_call(struct ev_source *s, unsigned int ready)
{
	s->ready = ready;
	s->fn(s->arg);
}

bool
event_source_enabled(const struct ev_source *s)
{
	return __atomic_load_n(&s->enabled, __ATOMIC_ACQUIRE);
}

struct ev_source *
ev_fd_add(struct ev_loop *loop, int fd, ev_fn *fn, void *arg)
{
	struct ev_source *s = event_source_new(loop, SOURCE_FD, fd, fn, arg);

	if (s == NULL)
		return NULL;
	if (event_os_add(s) != 0) {
		free(s);
		return NULL;
	}
	event_source_link(s);
	return s;
}

/* Two threads that want the opposite must not each do half of it: the loop would be deaf. */
void
ev_fd_enable(struct ev_source *s, bool on)
{
	pthread_mutex_lock(&s->loop->lock);
	if (__atomic_exchange_n(&s->enabled, on, __ATOMIC_ACQ_REL) != on) {
		if (s->kind == SOURCE_ALWAYS)
			event_os_wake(s->loop->os);
		else
			event_os_enable(s, on);
	}
	pthread_mutex_unlock(&s->loop->lock);
}

void
ev_fd_want(struct ev_source *s, unsigned int events)
{
	unsigned int was = s->want;

	pthread_mutex_lock(&s->loop->lock);
	s->want = events;
	if (s->kind == SOURCE_FD && event_source_enabled(s))
		event_os_want(s, was);
	pthread_mutex_unlock(&s->loop->lock);
}

unsigned int
ev_fd_ready(const struct ev_source *s)
{
	return s->ready;
}

struct ev_source *
ev_prepare_add(struct ev_loop *loop, ev_fn *fn, void *arg)
{
	struct ev_source *s = event_source_new(loop, SOURCE_PREPARE, -1, fn, arg);

	if (s != NULL)
		event_source_link(s);
	return s;
}

void
ev_remove(struct ev_source *s)
{
	event_os_remove(s);
	/* What was found at the last wait may still name it. */
	s->kind = SOURCE_DEAD;
	s->loop->have_dead = true;
}

static void
bury(struct ev_loop *loop)
{
	struct ev_source *s, **link = &loop->sources;

	loop->have_dead = false;
	while ((s = *link) != NULL) {
		if (s->kind == SOURCE_DEAD) {
			*link = s->next;
			free(s);
		} else {
			link = &s->next;
		}
	}
}

/* ---- the loop ---- */

static bool
always_ready(const struct ev_source *s)
{
	return s->kind == SOURCE_ALWAYS && event_source_enabled(s);
}

/* Runs those that never block; true if there are any, so that the loop does not sleep. */
static bool
run_always(struct ev_loop *loop)
{
	bool any = false;

	for (struct ev_source *s = loop->sources; s != NULL; s = s->next) {
		if (always_ready(s))
			event_source_call(s, s->want);
		any |= always_ready(s);
	}
	return any;
}

static void
run_prepare(struct ev_loop *loop)
{
	for (struct ev_source *s = loop->sources; s != NULL; s = s->next) {
		if (s->kind == SOURCE_PREPARE)
			s->fn(s->arg);
	}
}

void
ev_loop_run(struct ev_loop *loop)
{
	while (!__atomic_load_n(&loop->stop, __ATOMIC_ACQUIRE)) {
		run_prepare(loop);
		event_os_wait(loop, !run_always(loop));
		if (loop->have_dead)
			bury(loop);
	}
}
