/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What is in an open of /dev/vmmevent: a count of 64 bits, and who watches it.  No locks, nothing
 * of the kernel's: the caller has a lock, under which the watches' functions run too.
 */
#ifndef FREEBSD_COUNTER_H
#define FREEBSD_COUNTER_H

#include <stddef.h>
#include <stdint.h>

#define COUNTER_MAX (UINT64_MAX - 1) /* as Linux's eventfd(2) */

struct counter_watch {
	struct counter_watch *next, **at; /* *at is this one */
	void (*fn)(void *arg);
	void (*gone)(void *arg);
	void *arg;
};

struct counter {
	uint64_t n; /* 0 while somebody watches */
	struct counter_watch *watches;
};

enum counter_added {
	COUNTER_FULL,	 /* not added: it would pass COUNTER_MAX */
	COUNTER_WATCHED, /* told to who watches */
	COUNTER_COUNTED, /* there to be taken */
};

void counter_init(struct counter *c);
/* Who watches takes it, each all of it, whatever n is; else it stays to be taken. */
enum counter_added counter_add(struct counter *c, uint64_t n);
uint64_t counter_take(struct counter *c);
/* w has fn, gone and arg.  What is there is told at once, once. */
void counter_watch(struct counter *c, struct counter_watch *w);
void counter_unwatch(struct counter_watch *w);
/* The last descriptor is closed: who watches is told, and goes on watching. */
void counter_closed(struct counter *c);

#endif /* FREEBSD_COUNTER_H */
