/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Several streams whose other ends the test holds, and the terminal's signal, for tests of the
 * virtio console.  The device's threads write while the test looks: through these functions.
 */
#ifndef FAKE_PORTS_H
#define FAKE_PORTS_H

#include <pthread.h>

#include "../../bhyve/console.h"

#define FAKE_PORTS 16

struct chardev {
	const struct chardev_user *user;
	void (*client)(void *arg, bool there);
	void *arg;
	char label[200], where[100];
	bool open, terminal;
	pthread_mutex_t lock;
	uint8_t out[1 << 16];
	size_t nout, room;  /* [lock] */
	unsigned int ready; /* atomic: chardev_input_ready() calls */
};
extern struct chardev fake_port[FAKE_PORTS]; /* in the order in which they were opened */
extern unsigned int fake_nports;

void fake_ports_reset(void);
/* How much the other end takes from now on, and the device is told. */
void fake_port_room(struct chardev *cd, size_t room);
/* Copies what has come out so far; how much.  Takes it away. */
size_t fake_port_take(struct chardev *cd, void *bytes, size_t max);
/* As much as the device takes; how much. */
size_t fake_port_type(struct chardev *cd, const void *bytes, size_t n);
void fake_port_client(struct chardev *cd, bool there);
/* SIGWINCH, if the device asked to be told. */
void fake_resize(void);

#endif /* FAKE_PORTS_H */
