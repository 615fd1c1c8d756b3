/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The way from net_vhost.c into Linux.
 */
#include <sys/ioctl.h>

#include <fcntl.h>

#include "net_vhost.h"

int
vhost_open(void)
{
	return open("/dev/vhost-net", O_RDWR | O_CLOEXEC);
}

int
vhost_ioctl(int fd, unsigned long request, void *arg)
{
	/* glibc's request is unsigned long, others' is int; the bits are the same. */
	return ioctl(fd, request, arg);
}
