/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Files and block devices on Linux: locks, holes, discards.
 */
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <unistd.h>

#include "block_host.h"

bool
block_host_is_device(mode_t mode)
{
	return S_ISBLK(mode);
}

bool
block_host_is_cached(bool device)
{
	(void)device;
	return true;
}

int
block_host_open_flags(bool device, bool writer, bool synchronous)
{
	/* Not while it is mounted, or a member of something else. */
	return (synchronous ? O_DSYNC : 0) | (device && writer ? O_EXCL : 0);
}

int
block_host_lock(int fd, bool writer)
{
	/* Of the open file description: two disks of one process exclude each other, too. */
	struct flock lock = { .l_type = writer ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? EWOULDBLOCK : errno;
}

ssize_t
block_host_read_now(int fd, const struct iovec *iov, int niov, uint64_t offset)
{
	return preadv2(fd, iov, niov, (off_t)offset, RWF_NOWAIT);
}

int
block_host_device(int fd, uint64_t *bytes, uint32_t *sector, uint32_t *physical, bool *ro)
{
	unsigned int best;
	int logical, read_only;

	if (ioctl(fd, BLKGETSIZE64, bytes) != 0 || ioctl(fd, BLKSSZGET, &logical) != 0 ||
	    ioctl(fd, BLKPBSZGET, &best) != 0 || ioctl(fd, BLKROGET, &read_only) != 0)
		return errno;
	*sector = (uint32_t)logical;
	*physical = best;
	*ro = read_only != 0;
	return 0;
}

int
block_host_flush(int fd)
{
	return fdatasync(fd);
}

/* A partition's queue is its disk's. */
static bool
device_discards(dev_t dev)
{
	static const char *const places[] = { "", "../" };
	unsigned long long max = 0;
	char path[80];
	FILE *f;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%squeue/discard_max_bytes",
		    major(dev), minor(dev), places[i]);
		f = fopen(path, "re");
		if (f == NULL)
			continue;
		if (fscanf(f, "%llu", &max) != 1)
			max = 0;
		fclose(f);
		break;
	}
	return max != 0;
}

bool
block_host_can_discard(int fd, bool device, uint64_t size)
{
	struct stat st;

	if (device)
		return fstat(fd, &st) == 0 && device_discards(st.st_rdev);
	/* Beyond the end there is nothing to lose. */
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)size, 4096) == 0;
}

int
block_host_discard(int fd, bool device, uint64_t offset, uint64_t bytes)
{
	uint64_t range[2] = { offset, bytes };

	if (!device)
		return block_host_zero(fd, true, offset, bytes);
	return ioctl(fd, BLKDISCARD, range) == 0 ? 0 : errno;
}

/* On block devices, too, since Linux 4.9: a hole is a discard that is known to read as zeroes. */
int
block_host_zero(int fd, bool unmap, uint64_t offset, uint64_t bytes)
{
	int mode = unmap ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;

	if (fallocate(fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes) == 0)
		return 0;
	return errno;
}
