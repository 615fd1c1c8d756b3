/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Doorbells over eventfd(2): a counter that reading empties.
 */
#include <sys/eventfd.h>

#include <stdint.h>
#include <unistd.h>

#include "doorbell.h"

int
doorbell_create(void)
{
	return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

void
doorbell_ring(int fd)
{
	uint64_t one = 1;
	ssize_t n;

	/* It fails with EAGAIN only where the counter is full: then it rings already. */
	n = write(fd, &one, sizeof(one));
	(void)n;
}

bool
doorbell_answer(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count);
}
