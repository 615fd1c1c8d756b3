/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The count of an open of /dev/vmmevent; event.c has its lock, its sleepers and its descriptors.
 */
#include "counter.h"

void
counter_init(struct counter *c)
{
	c->n = 0;
	c->watches = NULL;
}

enum counter_added
counter_add(struct counter *c, uint64_t n)
{
	struct counter_watch *w;

	if (c->watches != NULL) {
		for (w = c->watches; w != NULL; w = w->next)
			w->fn(w->arg);
		return COUNTER_WATCHED;
	}
	if (n > COUNTER_MAX - c->n)
		return COUNTER_FULL;
	c->n += n;
	return COUNTER_COUNTED;
}

uint64_t
counter_take(struct counter *c)
{
	uint64_t n = c->n;

	c->n = 0;
	return n;
}

void
counter_watch(struct counter *c, struct counter_watch *w)
{
	w->next = c->watches;
	w->at = &c->watches;
	if (w->next != NULL)
		w->next->at = &w->next;
	c->watches = w;
	if (counter_take(c) != 0)
		w->fn(w->arg);
}

void
counter_unwatch(struct counter_watch *w)
{
	*w->at = w->next;
	if (w->next != NULL)
		w->next->at = w->at;
}

void
counter_closed(struct counter *c)
{
	struct counter_watch *w;

	for (w = c->watches; w != NULL; w = w->next)
		w->gone(w->arg);
}
