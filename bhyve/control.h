/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What other programs, as bhyvectl, may ask of a running bhyve: see vm_control_ask().
 */
#ifndef BHYVE_CONTROL_H
#define BHYVE_CONTROL_H

#include "event.h"

struct control;

/* A request is a word, and perhaps an argument behind a space. */
struct control_request {
	const char *word; /* NULL ends a table */
	/* In the loop's thread.  What is wrong, in words for people; NULL: it was done. */
	const char *(*handle)(void *arg, const char *argument);
};

/* NULL with errno; EADDRINUSE: the name is taken. */
struct control *control_create(
    struct ev_loop *loop, const char *vm_name, const struct control_request *requests, void *arg);
void control_destroy(struct control *c);

#endif /* BHYVE_CONTROL_H */
