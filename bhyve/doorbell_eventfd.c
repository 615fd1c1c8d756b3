/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Doorbells on Linux: eventfd(2).
 */
#include <sys/eventfd.h>

#include "doorbell.h"

int
doorbell_create(void)
{
	return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}
