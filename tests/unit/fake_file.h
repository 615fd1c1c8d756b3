/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Files in memory, for loaders: a name that open(2) takes.
 */
#ifndef FAKE_FILE_H
#define FAKE_FILE_H

#include <sys/mman.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fake_file {
	int fd;
	char name[32];
};

static inline void
fake_file_make(struct fake_file *f, const void *data, size_t len)
{
	f->fd = memfd_create("test", MFD_CLOEXEC);
	snprintf(f->name, sizeof(f->name), "/proc/self/fd/%d", f->fd);
	if (f->fd < 0 || (len > 0 && pwrite(f->fd, data, len, 0) != (ssize_t)len))
		abort();
}

static inline void
fake_file_end(struct fake_file *f)
{
	close(f->fd);
}

#endif /* FAKE_FILE_H */
