/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The file behind a flash bank.
 */
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "debug.h"
#include "flash_image.h"
#include "host.h"

#define CHUNK 65536u

static int
failed(struct flash_image *img, const char *why)
{
	say("%s: %s", img->what, why);
	if (img->fd >= 0)
		close(img->fd);
	img->fd = -1;
	return -1;
}

static int
take_file(struct flash_image *img)
{
	struct stat st;

	if (fstat(img->fd, &st) != 0)
		return failed(img, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return failed(img, "not a regular file");
	if (st.st_size > FLASH_BANK_SIZE)
		return failed(img, "more than the 64 MiB of a flash bank");
	if (st.st_size == 0 && !img->writable)
		return failed(img, "the file is empty");
	if (img->writable && flock(img->fd, LOCK_EX | LOCK_NB) != 0)
		return failed(img,
		    errno == EWOULDBLOCK ? "another VM has this file: give each VM its own" :
					   strerror(errno));
	img->size = (uint64_t)st.st_size;
	return 0;
}

int
flash_image_open(struct flash_image *img, const char *what, const char *file, bool writable)
{
	/* O_NONBLOCK: a pipe without a writer must not hold us up before we refuse it. */
	int flags = O_CLOEXEC | O_NONBLOCK | (writable ? O_RDWR | O_CREAT : O_RDONLY);

	*img = (struct flash_image){ .fd = -1, .what = what, .writable = writable };
	if (file == NULL)
		img->fd = host_memory_file("flash");
	else
		img->fd = open(file, flags, 0666);
	if (img->fd < 0)
		return failed(img, strerror(errno));
	return take_file(img);
}

void
flash_image_close(struct flash_image *img)
{
	if (img->fd < 0)
		return;
	flash_image_sync(img);
	close(img->fd);
	img->fd = -1;
}

/* False: the file is shorter than that, or cannot be read. */
static bool
read_all(int fd, uint64_t off, uint8_t *buf, size_t len)
{
	while (len > 0) {
		ssize_t n = pread(fd, buf, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		buf += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return true;
}

void
flash_image_read(const struct flash_image *img, uint64_t off, void *buf, size_t len)
{
	size_t have = 0;

	memset(buf, 0xff, len);
	if (off < img->size)
		have = len < img->size - off ? len : (size_t)(img->size - off);
	read_all(img->fd, off, buf, have);
}

uint64_t
flash_image_extent(const struct flash_image *img)
{
	uint64_t end = img->size, from;
	static const uint8_t erased = 0xff;
	uint8_t buf[CHUNK];

	while (end > 0) {
		from = (end - 1) & ~((uint64_t)CHUNK - 1);
		flash_image_read(img, from, buf, (size_t)(end - from));
		while (end > from && (buf[end - 1 - from] == 0 || buf[end - 1 - from] == erased))
			end--;
		if (end > from)
			break;
	}
	return end;
}

static int
write_failed(struct flash_image *img, int error)
{
	if (!img->told)
		say("%s: cannot be written, and the guest is told so: %s", img->what,
		    strerror(error));
	img->told = true;
	return -error;
}

static int
write_all(struct flash_image *img, uint64_t off, const uint8_t *buf, size_t len)
{
	while (len > 0) {
		ssize_t n = pwrite(img->fd, buf, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return write_failed(img, n < 0 ? errno : ENOSPC);
		buf += n;
		off += (uint64_t)n;
		len -= (size_t)n;
		img->dirty = true;
	}
	return 0;
}

/* Erased sectors up to the one that holds end - 1. */
static int
grow(struct flash_image *img, uint64_t end)
{
	uint64_t size = (end + FLASH_SECTOR_SIZE - 1) & ~((uint64_t)FLASH_SECTOR_SIZE - 1), n;
	uint8_t buf[CHUNK];
	int error;

	memset(buf, 0xff, sizeof(buf));
	while (img->size < size) {
		n = size - img->size < CHUNK ? size - img->size : CHUNK;
		error = write_all(img, img->size, buf, (size_t)n);
		if (error != 0)
			return error;
		img->size += n;
	}
	return 0;
}

int
flash_image_write(struct flash_image *img, uint64_t off, const void *buf, size_t len)
{
	int error = 0;

	if (off + len > img->size)
		error = grow(img, off + len);
	return error != 0 ? error : write_all(img, off, buf, len);
}

int
flash_image_sync(struct flash_image *img)
{
	if (!img->dirty)
		return 0;
	/* Not fdatasync(): FreeBSD's sandbox has none. */
	if (fsync(img->fd) != 0)
		return write_failed(img, errno);
	img->dirty = false;
	return 0;
}
