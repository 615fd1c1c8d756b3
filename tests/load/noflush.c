/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Loaded into bhyve with LD_PRELOAD: a bhyve that forgets to make writes stable.  The test of power
 * cuts must notice.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/types.h>
#include <unistd.h>

typedef int open_fn(const char *, int, ...);

int
fsync(int fd)
{
	(void)fd;
	return 0;
}

int
fdatasync(int fd)
{
	(void)fd;
	return 0;
}

static int
open_unsynced(const char *name, const char *path, int flags, mode_t mode)
{
	open_fn *next = (open_fn *)dlsym(RTLD_NEXT, name);

	return next(path, flags & ~O_SYNC & ~O_DSYNC, mode);
}

static mode_t
mode_of(int flags, va_list args)
{
	return (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
}

int
open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return open_unsynced("open", path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return open_unsynced("open64", path, flags, mode);
}
