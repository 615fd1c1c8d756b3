/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Files and disks on FreeBSD.  Disks are character devices, without a cache of the kernel's: what
 * is read and written there are whole sectors.  Holes cannot be punched into files (fspacectl(2)
 * came with FreeBSD 14), so that a guest's discards reach disks only.
 */
#include <sys/types.h>
#include <sys/param.h>
#include <sys/conf.h>
#include <sys/disk.h>
#include <sys/file.h>
#include <sys/filio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "block_host.h"

bool
block_host_is_device(mode_t mode)
{
	return S_ISCHR(mode);
}

bool
block_host_is_cached(bool device)
{
	return !device;
}

int
block_host_open_flags(bool device, bool writer, bool synchronous)
{
	/* GEOM lets nobody write to what is mounted. */
	(void)device;
	(void)writer;
	return synchronous ? O_SYNC : 0;
}

int
block_host_lock(int fd, bool writer)
{
	return flock(fd, (writer ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0 ? 0 : errno;
}

ssize_t
block_host_read_now(int fd, const struct iovec *iov, int niov, uint64_t offset)
{
	(void)fd;
	(void)iov;
	(void)niov;
	(void)offset;
	errno = EOPNOTSUPP;
	return -1;
}

int
block_host_device(int fd, uint64_t *bytes, uint32_t *sector, uint32_t *physical, bool *ro)
{
	unsigned int logical;
	off_t size, stripe;
	int type;

	if (ioctl(fd, FIODTYPE, &type) != 0)
		return errno;
	if ((type & D_DISK) == 0)
		return ENOTBLK;
	if (ioctl(fd, DIOCGMEDIASIZE, &size) != 0 || ioctl(fd, DIOCGSECTORSIZE, &logical) != 0)
		return errno;
	*bytes = (uint64_t)size;
	*sector = logical;
	*physical = logical;
	if (ioctl(fd, DIOCGSTRIPESIZE, &stripe) == 0 && stripe > 0 && stripe <= 1 << 20)
		*physical = (uint32_t)stripe;
	/* One that cannot be written cannot be opened for it. */
	*ro = false;
	return 0;
}

/* Capability mode does not have fdatasync(2) in 12.1. */
int
block_host_flush(int fd)
{
	return fsync(fd);
}

bool
block_host_can_discard(int fd, bool device, uint64_t size)
{
	struct diocgattr_arg arg = { .name = "GEOM::candelete", .len = sizeof(arg.value.i) };

	(void)size;
	return device && ioctl(fd, DIOCGATTR, &arg) == 0 && arg.value.i != 0;
}

int
block_host_discard(int fd, bool device, uint64_t offset, uint64_t bytes)
{
	off_t range[2] = { (off_t)offset, (off_t)bytes };

	if (!device)
		return EOPNOTSUPP;
	return ioctl(fd, DIOCGDELETE, range) == 0 ? 0 : errno;
}

/* What was discarded may read as anything. */
int
block_host_zero(int fd, bool unmap, uint64_t offset, uint64_t bytes)
{
	(void)fd;
	(void)unmap;
	(void)offset;
	(void)bytes;
	return EOPNOTSUPP;
}
