/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Raw images, sparse or not, and block devices.  Runs in block_if.c's threads; no lock: what
 * changes after open are three flags that only ever go up.
 *
 * A write is done when the kernel has it, so that a flush that begins afterwards covers it.
 */
#include <sys/stat.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block_backend.h"
#include "block_host.h"
#include "iov.h"
#include "debug.h"

#define IOV_PIECE  256
#define NOW_MAX	   (64u << 10) /* bytes; more is better copied beside what else there is */
#define CALL_MAX   (1u << 30)  /* bytes in one call; ssize_t has 32 bits on some hosts */
#define ALIGN_MAX  4096u
#define ZEROES	   65536u
#define ZERO_SLICE (BLOCK_PIECE / ZEROES)

struct block_file {
	int fd; /* immutable, down to the flags */
	bool device, direct, nodelete;
	/* O_DIRECT: what addresses and lengths of buffers must be multiples of; otherwise 1. */
	uint32_t mem_align;
	/* Atomic, and never cleared: */
	bool no_hole, no_zero_range; /* the file system has no such thing */
	bool no_read_now;
	bool lost; /* a flush has failed */
};

_Alignas(ALIGN_MAX) static const uint8_t zeroes[ZEROES];

static bool
flag(const bool *f)
{
	return __atomic_load_n(f, __ATOMIC_RELAXED);
}

static void
raise_flag(bool *f)
{
	__atomic_store_n(f, true, __ATOMIC_RELAXED);
}

/* One call to the kernel, as far as it gets; 0 or an errno. */
static int
transfer(const struct block_file *f, bool write, const struct iovec *iov, int niov, uint64_t offset,
    size_t *done)
{
	ssize_t n;

	do
		n = write ? pwritev(f->fd, iov, niov, (off_t)offset) :
			    preadv(f->fd, iov, niov, (off_t)offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno;
	*done = (size_t)n;
	/* The file has become shorter than it was, or takes nothing. */
	return n == 0 ? EIO : 0;
}

static bool
aligned(const struct block_file *f, const struct blockif_req *req)
{
	uintptr_t all = 0;

	for (int i = 0; i < req->niov; i++)
		if (req->iov[i].iov_len != 0)
			all |= (uintptr_t)req->iov[i].iov_base | req->iov[i].iov_len;
	return (all & (f->mem_align - 1)) == 0;
}

static int
transfer_all(const struct block_file *f, const struct blockif_req *req)
{
	struct iov_cursor c = iov_cursor(req->iov, req->niov);
	struct iovec iov[IOV_PIECE];
	size_t n = 0;
	int error;

	for (uint64_t done = 0; done < req->bytes; done += n) {
		uint64_t left = req->bytes - done;
		int niov = iov_ahead(c, iov, IOV_PIECE, left < CALL_MAX ? (size_t)left : CALL_MAX);

		error = transfer(f, req->op == BLOCKIF_WRITE, iov, niov, req->offset + done, &n);
		if (error != 0)
			return error;
		iov_advance(&c, n);
	}
	return 0;
}

/* Through a buffer that O_DIRECT likes, a piece at a time. */
static int
transfer_bounced(const struct block_file *f, const struct blockif_req *req)
{
	struct iov_cursor c = iov_cursor(req->iov, req->niov);
	bool write = req->op == BLOCKIF_WRITE;
	size_t size = req->bytes < BLOCK_PIECE ? (size_t)req->bytes : BLOCK_PIECE, n;
	int error = 0;
	void *buf;

	if (posix_memalign(&buf, ALIGN_MAX, size) != 0)
		return ENOMEM;
	for (uint64_t done = 0; done < req->bytes && error == 0; done += n) {
		struct iovec iov = { buf, size };
		struct iov_cursor ahead = c;

		if (req->bytes - done < size)
			iov.iov_len = (size_t)(req->bytes - done);
		if (write)
			iov_copy(&ahead, buf, iov.iov_len, false);
		n = 0;
		error = transfer(f, write, &iov, 1, req->offset + done, &n);
		if (write)
			iov_advance(&c, n);
		else
			iov_copy(&c, buf, n, true);
	}
	free(buf);
	return error;
}

static int
flush(struct block_file *f)
{
	/*
	 * The kernel reports an error of writing back once, and forgets the pages: from then on no
	 * later flush can promise anything about what was written before.
	 */
	if (flag(&f->lost))
		return EIO;
	if (block_host_flush(f->fd) == 0)
		return 0;
	raise_flag(&f->lost);
	return errno;
}

static int
write_zeroes(const struct block_file *f, uint64_t offset, uint64_t bytes)
{
	struct iovec iov[ZERO_SLICE];
	size_t n = 0;
	int error;

	for (; bytes != 0; offset += n, bytes -= n) {
		uint64_t left = bytes;
		int niov = 0;

		for (; niov < (int)ZERO_SLICE && left != 0; niov++) {
			iov[niov].iov_base = (void *)(uintptr_t)zeroes;
			iov[niov].iov_len = left < ZEROES ? (size_t)left : ZEROES;
			left -= iov[niov].iov_len;
		}
		error = transfer(f, true, iov, niov, offset, &n);
		if (error != 0)
			return error;
	}
	return 0;
}

/* True: *error is the outcome.  False: the host has no such thing, also from now on. */
static bool
zero_by_host(struct block_file *f, bool unmap, const struct blockif_req *req, int *error)
{
	bool *unsupported = unmap ? &f->no_hole : &f->no_zero_range;

	if (flag(unsupported))
		return false;
	*error = block_host_zero(f->fd, unmap, req->offset, req->bytes);
	if (*error != EOPNOTSUPP && *error != ENOSYS)
		return true;
	raise_flag(unsupported);
	return false;
}

static int
zero(struct block_file *f, const struct blockif_req *req)
{
	bool unmap = req->op == BLOCKIF_ZERO && !f->nodelete;
	int error;

	if (!(unmap && zero_by_host(f, true, req, &error)) && !zero_by_host(f, false, req, &error))
		error = write_zeroes(f, req->offset, req->bytes);
	/* O_DSYNC is about write() only. */
	return error == 0 && f->direct ? flush(f) : error;
}

static int
file_execute(void *be, const struct blockif_req *req)
{
	struct block_file *f = be;

	if (req->bytes == 0 && req->op != BLOCKIF_FLUSH)
		return 0;
	switch (req->op) {
	case BLOCKIF_READ:
	case BLOCKIF_WRITE:
		return aligned(f, req) ? transfer_all(f, req) : transfer_bounced(f, req);
	case BLOCKIF_FLUSH:
		return flush(f);
	case BLOCKIF_DISCARD:
		return f->nodelete ? 0 :
				     block_host_discard(f->fd, f->device, req->offset, req->bytes);
	case BLOCKIF_ZERO:
	case BLOCKIF_ZERO_KEEP:
		return zero(f, req);
	default:
		return EINVAL;
	}
}

/*
 * What the page cache has is copied faster than another thread is woken for it.  What it has not,
 * all or in part, and all that goes past it, is for those who may wait.
 */
static bool
file_read_now(void *be, const struct blockif_req *req)
{
	struct block_file *f = be;
	ssize_t n;

	if (flag(&f->no_read_now) || f->mem_align != 1 || req->bytes > NOW_MAX ||
	    req->niov > IOV_PIECE)
		return false;
	n = block_host_read_now(f->fd, req->iov, req->niov, req->offset);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		raise_flag(&f->no_read_now);
	return n >= 0 && (uint64_t)n == req->bytes;
}

/* The least that can be read past the page cache, and how its buffer must lie; 0: not at all. */
static uint32_t
probe_direct(int fd, uint32_t *mem_align)
{
	uint32_t least = 512;
	void *buf;

	if (posix_memalign(&buf, ALIGN_MAX, 2 * ALIGN_MAX) != 0)
		return 0;
	while (least <= ALIGN_MAX && pread(fd, buf, least, 0) < 0)
		least *= 2;
	if (least > ALIGN_MAX)
		least = 0;
	else
		*mem_align = pread(fd, (uint8_t *)buf + least, least, 0) < 0 ? ALIGN_MAX : least;
	free(buf);
	return least;
}

static bool
file_geometry(struct block_file *f, const struct block_params *p, const struct stat *st,
    struct blockif_info *info)
{
	uint32_t sector = 512, physical = (uint32_t)st->st_blksize, least = 512;
	uint64_t bytes = (uint64_t)st->st_size;
	bool ro = false;
	int error;

	if (f->device && (error = block_host_device(f->fd, &bytes, &sector, &physical, &ro)) != 0) {
		say("%s: path=%s: %s", p->where, p->path, strerror(error));
		return false;
	}
	if (ro && !p->read_only) {
		say("%s: path=%s: the device is read-only; add ro", p->where, p->path);
		return false;
	}
	if ((p->nocache || !block_host_is_cached(f->device)) &&
	    (least = probe_direct(f->fd, &f->mem_align)) == 0) {
		say("%s: path=%s: it cannot be read %s", p->where, p->path,
		    p->nocache ? "past the page cache; leave out nocache" : "at all");
		return false;
	}
	/* The page cache makes of it what we like, but a guest does better with what there is. */
	if (p->sector == 0 && sector > least)
		least = sector;
	if (!block_geometry(p, info, bytes, least, physical))
		return false;
	info->can_zero = !p->read_only;
	info->can_discard = !p->read_only && !p->nodelete &&
	    block_host_can_discard(f->fd, f->device, bytes);
	return true;
}

static int
open_path(const struct block_params *p, const struct stat *st)
{
	int flags = O_CLOEXEC | O_NOCTTY | (p->read_only ? O_RDONLY : O_RDWR);
	int fd;

	if (p->nocache)
		flags |= O_DIRECT;
	flags |= block_host_open_flags(block_host_is_device(st->st_mode), !p->read_only, p->direct);
	fd = open(p->path, flags);
	if (fd >= 0)
		return fd;
	if (!p->read_only && (errno == EACCES || errno == EROFS || errno == EPERM))
		say("%s: path=%s: cannot be written: %s; add ro for a disk that is read-only",
		    p->where, p->path, strerror(errno));
	else if (errno == EBUSY)
		say("%s: path=%s: is mounted, or in use by another disk or program", p->where,
		    p->path);
	else if (p->nocache && errno == EINVAL)
		say("%s: path=%s: the file system has no O_DIRECT; leave out nocache", p->where,
		    p->path);
	else
		say("%s: path=%s: %s", p->where, p->path, strerror(errno));
	return -1;
}

static bool
take_lock(const struct block_params *p, int fd)
{
	int error = block_host_lock(fd, !p->read_only);

	if (error == 0)
		return true;
	if (error == EWOULDBLOCK)
		say("%s: path=%s: is in use by another disk or program; %s", p->where, p->path,
		    p->read_only ? "while that writes it, nobody else can read it" :
				   "only one may write it, several may have it with ro");
	else
		say("%s: path=%s: cannot be locked: %s", p->where, p->path, strerror(error));
	return false;
}

static void
file_close(void *be)
{
	struct block_file *f = be;

	close(f->fd);
	free(f);
}

/* Looks at the kind before opening: a FIFO would wait, a terminal or a tape would do things. */
static bool
check_kind(const struct block_params *p, struct stat *st)
{
	if (stat(p->path, st) != 0)
		say("%s: path=%s: %s", p->where, p->path, strerror(errno));
	else if (!S_ISREG(st->st_mode) && !block_host_is_device(st->st_mode))
		say("%s: path=%s: is neither a file nor a block device", p->where, p->path);
	else
		return true;
	return false;
}

static void *
file_open(const struct block_params *p, struct blockif *b, struct blockif_info *info)
{
	struct block_file *f;
	struct stat st;
	int fd;

	(void)b;
	if (!check_kind(p, &st) || (fd = open_path(p, &st)) < 0)
		return NULL;
	f = calloc(1, sizeof(*f));
	if (f == NULL || fstat(fd, &st) != 0) {
		say("%s: path=%s: %s", p->where, p->path, strerror(errno));
		free(f);
		close(fd);
		return NULL;
	}
	*f = (struct block_file){
		.fd = fd,
		.device = block_host_is_device(st.st_mode),
		.direct = p->direct,
		.nodelete = p->nodelete,
		.mem_align = 1,
	};
	if (take_lock(p, fd) && file_geometry(f, p, &st, info))
		return f;
	file_close(f);
	return NULL;
}

const struct block_backend block_file = {
	.open = file_open,
	.execute = file_execute,
	.read_now = file_read_now,
	.close = file_close,
};
