/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * eventfd(2) by vmm's /dev/vmmevent, for programs that test what is bound to one.
 */
#ifndef SYS_EVENTFD_H
#define SYS_EVENTFD_H

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#define EFD_NONBLOCK O_NONBLOCK
#define EFD_CLOEXEC  O_CLOEXEC

static inline int
eventfd(unsigned int count, int flags)
{
	int fd = open("/dev/vmmevent", O_RDWR | flags);
	uint64_t n = count;

	if (fd >= 0 && n != 0 && write(fd, &n, sizeof(n)) != sizeof(n)) {
		close(fd);
		return -1;
	}
	return fd;
}

#endif /* SYS_EVENTFD_H */
