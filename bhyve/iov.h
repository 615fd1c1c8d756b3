/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A place in a list of buffers that moves as far as a transfer came.
 */
#ifndef BHYVE_IOV_H
#define BHYVE_IOV_H

#include <sys/uio.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct iov_cursor {
	const struct iovec *iov;
	int niov;
	size_t skip; /* bytes of iov[0] that are behind us */
};

static inline struct iov_cursor
iov_cursor(const struct iovec *iov, int niov)
{
	return (struct iov_cursor){ iov, niov, 0 };
}

/* The rest of the first buffer that has one; len 0 at the end. */
static inline struct iovec
iov_front(struct iov_cursor *c)
{
	while (c->niov > 0 && c->skip == c->iov->iov_len) {
		c->iov++;
		c->niov--;
		c->skip = 0;
	}
	if (c->niov == 0)
		return (struct iovec){ NULL, 0 };
	return (struct iovec){ (uint8_t *)c->iov->iov_base + c->skip, c->iov->iov_len - c->skip };
}

static inline void
iov_advance(struct iov_cursor *c, size_t n)
{
	struct iovec v;

	for (; n != 0 && (v = iov_front(c)).iov_len != 0; n -= v.iov_len) {
		if (v.iov_len > n)
			v.iov_len = n;
		c->skip += v.iov_len;
	}
}

/* c came from iov, which is ours to change: cut off what is behind. */
static inline void
iov_trim(struct iov_cursor *c, struct iovec *iov)
{
	struct iovec front = iov_front(c);

	if (front.iov_len != 0)
		iov[c->iov - iov] = front;
	c->skip = 0;
}

/* What lies ahead into out[max], `limit' bytes at most; how many entries.  Moves nothing. */
static inline int
iov_ahead(struct iov_cursor c, struct iovec *out, int max, size_t limit)
{
	int n = 0;

	while (n < max && limit != 0) {
		struct iovec v = iov_front(&c);

		if (v.iov_len == 0)
			break;
		if (v.iov_len > limit)
			v.iov_len = limit;
		out[n++] = v;
		limit -= v.iov_len;
		c.skip += v.iov_len;
	}
	return n;
}

/* Copies n bytes, out of the buffers or into them, and moves on; how many there were. */
static inline size_t
iov_copy(struct iov_cursor *c, void *flat, size_t n, bool into)
{
	size_t copied = 0;
	struct iovec v;

	for (; copied < n && (v = iov_front(c)).iov_len != 0; copied += v.iov_len) {
		uint8_t *at = (uint8_t *)flat + copied;

		if (v.iov_len > n - copied)
			v.iov_len = n - copied;
		memcpy(into ? v.iov_base : at, into ? at : v.iov_base, v.iov_len);
		c->skip += v.iov_len;
	}
	return copied;
}

#endif /* BHYVE_IOV_H */
