/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Any sequence of writes, reads, watches that come and go and closes, at the counter of FreeBSD's
 * /dev/vmmevent, beside a model of sums.  Nothing that was written is lost, told twice or told to
 * who does not watch.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../sys/os/freebsd/counter.h"

#define WATCHERS 4u

struct watcher {
	struct counter_watch watch;
	bool on;
	unsigned int told, should, gone, closed;
};

static struct watcher watchers[WATCHERS];
static struct counter counter;
static uint64_t sum; /* what a read should give */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool what)
{
	if (!what)
		abort();
}

static void
told(void *arg)
{
	((struct watcher *)arg)->told++;
}

static void
gone(void *arg)
{
	((struct watcher *)arg)->gone++;
}

static bool
watched(void)
{
	for (unsigned int i = 0; i < WATCHERS; i++) {
		if (watchers[i].on)
			return true;
	}
	return false;
}

static void
add(uint64_t n)
{
	enum counter_added added = counter_add(&counter, n);

	if (watched()) {
		must(added == COUNTER_WATCHED);
		for (unsigned int i = 0; i < WATCHERS; i++)
			watchers[i].should += watchers[i].on;
	} else if (n > COUNTER_MAX || sum > COUNTER_MAX - n) {
		must(added == COUNTER_FULL);
	} else {
		must(added == COUNTER_COUNTED);
		sum += n;
	}
}

static void
toggle(struct watcher *w)
{
	if (w->on) {
		counter_unwatch(&w->watch);
	} else {
		w->watch = (struct counter_watch){ .fn = told, .gone = gone, .arg = w };
		counter_watch(&counter, &w->watch);
		w->should += sum != 0;
		sum = 0;
	}
	w->on = !w->on;
}

static void
step(const uint8_t *op)
{
	unsigned int shift = op[1] & 63u;

	switch (op[0] & 7) {
	case 0:
		must(counter_take(&counter) == sum);
		sum = 0;
		break;
	case 1:
	case 2:
		toggle(&watchers[op[1] % WATCHERS]);
		break;
	case 3:
		counter_closed(&counter);
		for (unsigned int i = 0; i < WATCHERS; i++)
			watchers[i].closed += watchers[i].on;
		break;
	case 4:
		add(UINT64_MAX - op[1]);
		break;
	default:
		add((uint64_t)op[2] << shift);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(watchers, 0, sizeof(watchers));
	counter_init(&counter);
	sum = 0;
	for (; size >= 3; data += 3, size -= 3) {
		step(data);
		must(counter.n == sum);
		for (unsigned int i = 0; i < WATCHERS; i++) {
			must(watchers[i].told == watchers[i].should);
			must(watchers[i].gone == watchers[i].closed);
		}
	}
	return 0;
}
