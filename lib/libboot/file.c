/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Files for the loaders: regular ones, read with pread straight to where the bytes are
 * wanted.  A file that shrinks meanwhile is an error, not a fault.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "boot.h"

#define CHUNK	       (1u << 20)
#define PROGRESS_BYTES (4u << 20) /* smaller reads are over before anybody looks */

int
boot_fail(struct boot_error *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return -1;
}

void *
boot_mem_at(const struct boot_mem *m, uint64_t gpa, uint64_t len)
{
	uint64_t off = gpa - m->gpa;

	if (gpa < m->gpa || off > m->size || len > m->size - off)
		return NULL;
	return m->va + off;
}

int
boot_file_open(struct boot_file *f, const char *name, struct boot_error *e)
{
	struct stat st;

	memset(f, 0, sizeof(*f));
	f->name = name;
	/* O_NONBLOCK: a pipe without a writer must not hold us up before we refuse it. */
	f->fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (f->fd < 0)
		return boot_fail(e, "%s: %s", name, strerror(errno));
	if (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		boot_file_close(f);
		return boot_fail(e, "%s: not a regular file", name);
	}
	f->size = (uint64_t)st.st_size;
	return 0;
}

void
boot_file_close(struct boot_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

static void
show_progress(const struct boot_file *f, uint64_t done, uint64_t len)
{
	if (!f->progress || len < PROGRESS_BYTES)
		return;
	fprintf(stderr, "\r%s: %u of %u MiB", f->name, (unsigned int)(done >> 20),
	    (unsigned int)(len >> 20));
	if (done == len)
		fprintf(stderr, "\n");
}

int
boot_file_read(
    const struct boot_file *f, uint64_t off, void *dst, uint64_t len, struct boot_error *e)
{
	uint64_t done = 0;
	size_t want;
	ssize_t n;

	if (off > f->size || len > f->size - off)
		return boot_fail(e, "%s: truncated: %llu bytes are there, %llu are needed", f->name,
		    (unsigned long long)f->size, (unsigned long long)(off + len));
	while (done < len) {
		want = len - done < CHUNK ? (size_t)(len - done) : CHUNK;
		n = pread(f->fd, (uint8_t *)dst + done, want, (off_t)(off + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return boot_fail(e, "%s: %s", f->name,
			    errno == EFAULT ? "the host has no memory left for the guest" :
					      strerror(errno));
		if (n == 0)
			return boot_fail(e, "%s: became shorter while it was read", f->name);
		done += (uint64_t)n;
		show_progress(f, done, len);
	}
	return 0;
}
