/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * An event loop whose time the test turns, and a serial line whose other end it holds.
 */
#ifndef FAKE_EVENT_H
#define FAKE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "../../bhyve/chardev.h"
#include "../../bhyve/device.h"
#include "../../bhyve/event.h"

struct ev_source {
	ev_fn *fn;
	void *arg;
	bool armed;
	uint64_t at;
	bool used;
};
struct ev_loop {
	uint64_t now;
	int64_t wall;
	struct ev_source timers[4];
};
extern struct ev_loop fake_loop;
/* Let time pass; timers go off on the way. */
void fake_advance(uint64_t ns);

struct chardev {
	const struct chardev_user *user;
	void *arg;
	uint8_t out[4096];
	size_t nout;
	size_t room;	    /* bytes it still takes */
	unsigned int ready; /* chardev_input_ready() calls */
};
extern struct chardev fake_line;
/* As much of the bytes as the device takes; returns how many. */
size_t fake_type(const char *bytes, size_t n);

/* An interrupt line. */
struct fake_irq {
	bool level;
	unsigned int changes;
};
extern struct fake_irq fake_irq;
extern const struct irq_line fake_irq_line;

void fake_event_reset(void);

#endif /* FAKE_EVENT_H */
