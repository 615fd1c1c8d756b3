/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Doorbells: a counter that writing adds to and reading empties, wherever it comes from
 * (doorbell_eventfd.c, doorbell_vmmevent.c).
 */
#include <stdint.h>
#include <unistd.h>

#include "doorbell.h"

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
