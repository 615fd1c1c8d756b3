/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Requests to a disk that are waited for, for the tests of its back ends.
 */
#ifndef BLOCK_IO_H
#define BLOCK_IO_H

#include "block_if.h"

/* A request under way; waiter_done is its done(), and its arg the waiter. */
struct waiter {
	struct blockif_req req;
	bool done;
	int error;
};

void waiter_done(struct blockif_req *req, int error);

/* Submits one request and waits for its end: its error. */
int do_iov(struct blockif *b, enum blockif_op op, uint64_t offset, uint64_t bytes,
    const struct iovec *iov, int niov);
/* The same of one buffer; NULL where the operation has none. */
int do_io(struct blockif *b, enum blockif_op op, uint64_t offset, void *buf, size_t bytes);

#endif /* BLOCK_IO_H */
