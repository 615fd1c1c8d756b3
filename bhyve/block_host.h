/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What block_file.c needs of the host OS beyond POSIX: block_host_linux.c, block_host_freebsd.c.
 */
#ifndef BHYVE_BLOCK_HOST_H
#define BHYVE_BLOCK_HOST_H

#include <sys/types.h>
#include <sys/uio.h>

#include <stdbool.h>
#include <stdint.h>

/* May a file of this st_mode be a disk?  block_host_device() says it for sure. */
bool block_host_is_device(mode_t mode);
/* Does the kernel cache what is read, so that it can be read by the byte? */
bool block_host_is_cached(bool device);
/* What is to be open(2)ed with: alone as a device's writer, each write on the medium when done. */
int block_host_open_flags(bool device, bool writer, bool synchronous);
/*
 * Nobody else may have it open for writing; nor, for a writer, at all.  Holds while fd is open, is
 * nobody's but this fd's, and binds only those who ask.  0 or an errno, EWOULDBLOCK where it
 * is taken.
 */
int block_host_lock(int fd, bool writer);
/*
 * Reads what the host has in memory, and waits for nothing: how many bytes, -1 with errno:
 * EAGAIN, it would wait; EOPNOTSUPP, the file system cannot tell.
 */
ssize_t block_host_read_now(int fd, const struct iovec *iov, int niov, uint64_t offset);
/* A block device: its size, sectors, and whether it can be written.  0 or an errno. */
int block_host_device(int fd, uint64_t *bytes, uint32_t *sector, uint32_t *physical, bool *ro);
/* What was written is on the medium, and so is what finds it; 0, or -1 with errno. */
int block_host_flush(int fd);
/* May discards do anything?  size: of the file. */
bool block_host_can_discard(int fd, bool device, uint64_t size);
/* 0 or an errno; EOPNOTSUPP where there is no such thing. */
int block_host_discard(int fd, bool device, uint64_t offset, uint64_t bytes);
/* Have it read as zeroes without writing them; free the space (unmap), or keep it allocated. */
int block_host_zero(int fd, bool unmap, uint64_t offset, uint64_t bytes);

#endif /* BHYVE_BLOCK_HOST_H */
