/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Doorbells on FreeBSD: each open of vmm's /dev/vmmevent is a new counter.
 */
#include <fcntl.h>

#include "doorbell.h"

int
doorbell_create(void)
{
	return open("/dev/vmmevent", O_RDWR | O_NONBLOCK | O_CLOEXEC);
}
