/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the network backends share: scattered bytes, and a ring of frames that wait.
 */
#include <stdlib.h>
#include <string.h>

#include "iov.h"
#include "net_impl.h"

uint32_t
net_iov_len(const struct iovec *iov, int niov)
{
	size_t len = 0;

	for (int i = 0; i < niov; i++)
		len += iov[i].iov_len;
	return len < UINT32_MAX ? (uint32_t)len : UINT32_MAX;
}

static struct iov_cursor
cursor_at(const struct iovec *iov, int niov, uint32_t offset)
{
	struct iov_cursor c = iov_cursor(iov, niov);

	iov_advance(&c, offset);
	return c;
}

uint32_t
net_iov_copyout(const struct iovec *iov, int niov, uint32_t offset, void *buf, uint32_t len)
{
	struct iov_cursor c = cursor_at(iov, niov, offset);

	return (uint32_t)iov_copy(&c, buf, len, false);
}

uint32_t
net_iov_copyin(const struct iovec *iov, int niov, uint32_t offset, const void *buf, uint32_t len)
{
	struct iov_cursor c = cursor_at(iov, niov, offset);

	return (uint32_t)iov_copy(&c, (void *)(uintptr_t)buf, len, true);
}

/* Each frame has its length, 4 bytes, before it; both may wrap around the end. */
struct frame_ring {
	uint32_t size, head, used; /* bytes */
	uint8_t bytes[];
};

#define LEN_BYTES ((uint32_t)sizeof(uint32_t))

struct frame_ring *
frame_ring_create(uint32_t size)
{
	struct frame_ring *r = malloc(sizeof(*r) + size);

	if (r != NULL)
		*r = (struct frame_ring){ .size = size };
	return r;
}

void
frame_ring_destroy(struct frame_ring *r)
{
	free(r);
}

bool
frame_ring_empty(const struct frame_ring *r)
{
	return r->used == 0;
}

/* The two pieces of [offset, offset + len) from the first frame on. */
static void
ring_pieces(const struct frame_ring *r, uint32_t offset, uint32_t len, struct iovec piece[2])
{
	uint32_t at = (uint32_t)(((uint64_t)r->head + offset) % r->size);
	uint32_t first = len < r->size - at ? len : r->size - at;

	piece[0] = (struct iovec){ (uint8_t *)r->bytes + at, first };
	piece[1] = (struct iovec){ (uint8_t *)r->bytes, len - first };
}

bool
frame_ring_put(struct frame_ring *r, const struct iovec *iov, int niov)
{
	uint32_t len = net_iov_len(iov, niov), offset = 0;
	struct iovec piece[2];

	if (len == 0 || r->size - r->used < LEN_BYTES || len > r->size - r->used - LEN_BYTES)
		return false;
	ring_pieces(r, r->used, LEN_BYTES, piece);
	net_iov_copyin(piece, 2, 0, &len, LEN_BYTES);
	ring_pieces(r, r->used + LEN_BYTES, len, piece);
	for (int i = 0; i < niov; i++)
		offset += net_iov_copyin(
		    piece, 2, offset, iov[i].iov_base, (uint32_t)iov[i].iov_len);
	r->used += LEN_BYTES + len;
	return true;
}

static uint32_t
first_len(const struct frame_ring *r)
{
	struct iovec piece[2];
	uint32_t len = 0;

	if (r->used == 0)
		return 0;
	ring_pieces(r, 0, LEN_BYTES, piece);
	net_iov_copyout(piece, 2, 0, &len, LEN_BYTES);
	return len;
}

uint32_t
frame_ring_peek(const struct frame_ring *r, uint8_t *buf, uint32_t size)
{
	uint32_t len = first_len(r);
	struct iovec piece[2];

	if (len == 0)
		return 0;
	ring_pieces(r, LEN_BYTES, len, piece);
	return net_iov_copyout(piece, 2, 0, buf, size);
}

void
frame_ring_drop(struct frame_ring *r)
{
	uint32_t len = first_len(r);

	if (len == 0)
		return;
	r->head = (uint32_t)(((uint64_t)r->head + LEN_BYTES + len) % r->size);
	r->used -= LEN_BYTES + len;
}
