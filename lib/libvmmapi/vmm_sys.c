/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The system calls under libvmmapi.
 */
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#include "vmm_host.h"
#include "vmm_sys.h"

/* Guest addresses are file offsets. */
_Static_assert(sizeof(off_t) == 8, "build with _FILE_OFFSET_BITS=64");

int
vmm_sys_open(const char *path)
{
	return open(path, O_RDWR | O_CLOEXEC);
}

void
vmm_sys_close(int fd)
{
	close(fd);
}

int
vmm_sys_ioctl(int fd, unsigned int request, void *arg)
{
	if (ioctl(fd, request, arg) >= 0)
		return 0;
	errno = vmm_host_ioctl_errno(fd);
	return -1;
}

int
vmm_sys_lock(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		errno = EBUSY;
	return -1;
}

void *
vmm_sys_mmap(int fd, uint64_t gpa, uint64_t len)
{
	void *va;

	if (len > SIZE_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	va = mmap(NULL, (size_t)len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)gpa);
	return va == MAP_FAILED ? NULL : va;
}

void
vmm_sys_munmap(void *va, uint64_t len)
{
	munmap(va, (size_t)len);
}
