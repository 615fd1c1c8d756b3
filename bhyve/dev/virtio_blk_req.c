/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * One request of a virtio disk (virtio 1.2, 5.2.6): from what the guest put into a chain to
 * requests for the disk, and to the status byte.  How the bytes are spread over buffers means
 * nothing (2.7.4): the header is the first 16 that we read, the status the last that we write.
 *
 * Runs in the queue's thread, and where a request has several steps, in the disk's.
 */
#include <errno.h>
#include <string.h>

#include "iov.h"
#include "virtio_blk.h"

/* The last byte that we may write; what is before it remains. */
static uint8_t *
take_status(struct vq_chain *c)
{
	struct iovec *last = &c->iov[c->nread + c->nwrite - 1];

	while (last->iov_len == 0)
		last--;
	last->iov_len--;
	return (uint8_t *)last->iov_base + last->iov_len;
}

static bool
inside(const struct virtio_blk *blk, uint64_t sector, uint64_t nsectors)
{
	uint64_t capacity = blk->info.bytes / BLK_SECTOR;
	uint64_t unit = blk->info.sector / BLK_SECTOR;

	return sector <= capacity && nsectors <= capacity - sector && sector % unit == 0 &&
	    nsectors % unit == 0;
}

static void step_done(struct blockif_req *io, int error);

/* The next thing for the disk to do; false: there is none. */
static bool
next_step(struct blk_req *r)
{
	struct blockif_req *io = &r->io;

	if (r->range_next < r->nranges) {
		const struct virtio_blk_range *range = &r->range[r->range_next++];

		io->offset = range->sector * BLK_SECTOR;
		io->bytes = (uint64_t)range->num_sectors * BLK_SECTOR;
	} else if (r->flush_after) {
		r->flush_after = false;
		*io = (struct blockif_req){ .op = BLOCKIF_FLUSH };
	} else {
		return false;
	}
	io->done = step_done;
	io->arg = r;
	return true;
}

static void
step_done(struct blockif_req *io, int error)
{
	struct blk_req *r = io->arg;

	r->error = error;
	if (error == 0 && next_step(r))
		blockif_submit(r->blk->disk, io);
	else
		blk_req_posted(r);
}

static enum blk_start
over(struct blk_req *r, int error)
{
	r->error = error;
	return BLK_OVER;
}

static enum blk_start
start_io(struct blk_req *r)
{
	r->io.done = step_done;
	r->io.arg = r;
	blockif_submit(r->blk->disk, &r->io);
	return BLK_STARTED;
}

/* 5.2.6.2: what makes a write stable */
static bool
write_through(const struct virtio_blk *blk)
{
	return !__atomic_load_n(&blk->writeback, __ATOMIC_RELAXED);
}

static enum blk_start
start_data(
    struct blk_req *r, const struct virtio_blk_header *h, struct iov_cursor data, uint32_t bytes)
{
	const struct virtio_blk *blk = r->blk;
	bool write = h->type == VIRTIO_BLK_T_OUT;

	if ((write && blk->info.read_only) || bytes % BLK_SECTOR != 0 ||
	    !inside(blk, h->sector, bytes / BLK_SECTOR))
		return over(r, EIO);
	r->io = (struct blockif_req){
		.op = write ? BLOCKIF_WRITE : BLOCKIF_READ,
		.offset = h->sector * BLK_SECTOR,
		.bytes = bytes,
		.iov = data.iov,
		.niov = data.niov,
	};
	r->flush_after = write && write_through(blk);
	if (!write && blockif_read_now(blk->disk, &r->io))
		return over(r, 0);
	return start_io(r);
}

/* 0 or an errno */
static int
check_range(const struct virtio_blk *blk, uint32_t type, const struct virtio_blk_range *range)
{
	bool zero = type == VIRTIO_BLK_T_WRITE_ZEROES;

	if ((range->flags & ~(zero ? VIRTIO_BLK_F_UNMAP : 0)) != 0)
		return EOPNOTSUPP;
	if (range->num_sectors > (zero ? BLK_ZEROES_SECTORS : BLK_DISCARD_SECTORS) ||
	    !inside(blk, range->sector, range->num_sectors))
		return EIO;
	return 0;
}

static enum blk_start
start_ranges(struct blk_req *r, struct iov_cursor data, uint32_t bytes)
{
	const struct virtio_blk *blk = r->blk;
	bool zero = r->type == VIRTIO_BLK_T_WRITE_ZEROES;
	bool unmap = true;
	int error;

	if (!virtio_has(&blk->vd, zero ? VIRTIO_BLK_F_WRITE_ZEROES : VIRTIO_BLK_F_DISCARD))
		return over(r, EOPNOTSUPP);
	if (bytes == 0 || bytes % sizeof(r->range[0]) != 0 || bytes > sizeof(r->range))
		return over(r, EIO);
	iov_copy(&data, r->range, bytes, false);
	r->nranges = bytes / (uint32_t)sizeof(r->range[0]);
	for (unsigned int i = 0; i < r->nranges; i++) {
		error = check_range(blk, r->type, &r->range[i]);
		if (error != 0)
			return over(r, error);
		unmap = unmap && (r->range[i].flags & VIRTIO_BLK_F_UNMAP) != 0;
	}
	r->io.op = !zero ? BLOCKIF_DISCARD : unmap ? BLOCKIF_ZERO : BLOCKIF_ZERO_KEEP;
	r->flush_after = zero && write_through(blk);
	(void)next_step(r);
	return start_io(r);
}

static enum blk_start
get_id(struct blk_req *r, struct iov_cursor data)
{
	iov_copy(&data, r->blk->id, sizeof(r->blk->id), true);
	return over(r, 0);
}

enum blk_start
blk_req_start(struct blk_req *r)
{
	struct vq_chain *c = &r->chain;
	struct iov_cursor out = iov_cursor(c->iov, c->nread);
	struct iov_cursor in = iov_cursor(c->iov + c->nread, c->nwrite);
	struct virtio_blk_header h;

	if (c->read_len < sizeof(h) || c->write_len == 0)
		return BLK_BAD;
	iov_copy(&out, &h, sizeof(h), false);
	iov_trim(&out, c->iov);
	r->status = take_status(c);
	r->type = h.type;
	r->in_len = c->write_len - 1;
	r->io = (struct blockif_req){ .op = BLOCKIF_FLUSH };
	r->nranges = r->range_next = 0;
	r->flush_after = false;
	switch (h.type) {
	case VIRTIO_BLK_T_IN:
		return start_data(r, &h, in, r->in_len);
	case VIRTIO_BLK_T_OUT:
		return start_data(r, &h, out, c->read_len - (uint32_t)sizeof(h));
	case VIRTIO_BLK_T_FLUSH:
		return start_io(r);
	case VIRTIO_BLK_T_GET_ID:
		return get_id(r, in);
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return start_ranges(r, out, c->read_len - (uint32_t)sizeof(h));
	default:
		return over(r, EOPNOTSUPP);
	}
}

/* Of what was written, only what lies at the front without a gap counts (2.7.8.2). */
static uint32_t
written(const struct blk_req *r)
{
	uint32_t data = 0;

	if (r->error == 0 && r->type == VIRTIO_BLK_T_IN)
		data = r->in_len;
	if (r->error == 0 && r->type == VIRTIO_BLK_T_GET_ID)
		data = r->in_len < VIRTIO_BLK_ID_BYTES ? r->in_len : VIRTIO_BLK_ID_BYTES;
	return data == r->in_len ? data + 1 : data;
}

uint32_t
blk_req_finish(struct blk_req *r)
{
	switch (r->error) {
	case 0:
		*r->status = VIRTIO_BLK_S_OK;
		break;
	case EOPNOTSUPP:
		*r->status = VIRTIO_BLK_S_UNSUPP;
		break;
	default:
		*r->status = VIRTIO_BLK_S_IOERR;
		break;
	}
	return written(r);
}
