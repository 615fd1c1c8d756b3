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
	/*
	 * In the loop's thread.  NULL: it was done; "ok " and what was asked for, as "ok a=1 b=2",
	 * which stays until the next request; or what is wrong, in words for people.
	 */
	const char *(*handle)(void *arg, const char *argument);
};

/* Some of the requests, and whose. */
struct control_table {
	const struct control_request *requests;
	void *arg;
};

/*
 * Of a word in several of the n tables the first counts.  The tables are copied.  NULL with errno;
 * EADDRINUSE: the name is taken.
 */
struct control *control_create(
    struct ev_loop *loop, const char *vm_name, const struct control_table *tables, unsigned int n);
#define CONTROL_MAX_TABLES 4
void control_destroy(struct control *c);

#endif /* BHYVE_CONTROL_H */
