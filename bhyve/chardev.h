/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A stream of bytes out of and into the VM, as a serial device sees it: a terminal, a pty,
 * a socket or a file.  Nothing here blocks.  The device's callbacks are called from the event
 * loop's or the writer's thread, without locks of the chardev, so they may take the device's own;
 * and the device may hold its lock when it calls in.
 */
#ifndef BHYVE_CHARDEV_H
#define BHYVE_CHARDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chardev;

struct chardev_user {
	size_t (*room)(void *arg); /* bytes the device can take now */
	void (*input)(void *arg, const uint8_t *bytes, size_t n); /* n <= what room() said */
	void (*drained)(void *arg); /* after a short chardev_write(): there is room again */
};

/* Once, before anything flows. */
void chardev_attach(struct chardev *cd, const struct chardev_user *user, void *arg);
/*
 * Somebody came to the other end or went: called in the loop's thread.  Set before anything flows;
 * who is there from the start, as on stdio, is there when the input starts.
 */
void chardev_watch(struct chardev *cd, void (*client)(void *arg, bool there));
/* Returns how many of the n bytes were taken; any thread. */
size_t chardev_write(struct chardev *cd, const uint8_t *bytes, size_t n);
/* room() may have grown from 0; any thread. */
void chardev_input_ready(struct chardev *cd);

#endif /* BHYVE_CHARDEV_H */
