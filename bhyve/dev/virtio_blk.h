/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What virtio_blk.c (the device and its queues) and virtio_blk_req.c (one request) share.
 */
#ifndef BHYVE_VIRTIO_BLK_H
#define BHYVE_VIRTIO_BLK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "block_if.h"
#include "virtqueue.h"

/* virtio 1.2, 5.2.3 */
#define VIRTIO_BLK_F_SEG_MAX	  (1ull << 2)
#define VIRTIO_BLK_F_RO		  (1ull << 5)
#define VIRTIO_BLK_F_BLK_SIZE	  (1ull << 6)
#define VIRTIO_BLK_F_FLUSH	  (1ull << 9)
#define VIRTIO_BLK_F_TOPOLOGY	  (1ull << 10)
#define VIRTIO_BLK_F_CONFIG_WCE	  (1ull << 11)
#define VIRTIO_BLK_F_MQ		  (1ull << 12)
#define VIRTIO_BLK_F_DISCARD	  (1ull << 13)
#define VIRTIO_BLK_F_WRITE_ZEROES (1ull << 14)

/* 5.2.6 */
#define VIRTIO_BLK_T_IN		  0u
#define VIRTIO_BLK_T_OUT	  1u
#define VIRTIO_BLK_T_FLUSH	  4u
#define VIRTIO_BLK_T_GET_ID	  8u
#define VIRTIO_BLK_T_DISCARD	  11u
#define VIRTIO_BLK_T_WRITE_ZEROES 13u
#define VIRTIO_BLK_S_OK		  0u
#define VIRTIO_BLK_S_IOERR	  1u
#define VIRTIO_BLK_S_UNSUPP	  2u
#define VIRTIO_BLK_ID_BYTES	  20u
#define VIRTIO_BLK_F_UNMAP	  1u /* flags of a range to be zeroed */

/* The unit of virtio-blk, whatever the disk's sectors are (5.2.4). */
#define BLK_SECTOR 512u

/* What one request may ask for; config says so. */
#define BLK_RANGES	      16u
#define BLK_DISCARD_SECTORS   (1u << 22)
#define BLK_ZEROES_SECTORS    (1u << 17) /* they may have to be written */
#define BLK_HEADER_AND_STATUS 2u

/* 5.2.4 */
struct virtio_blk_config {
	uint64_t capacity;
	uint32_t size_max;
	uint32_t seg_max;
	uint16_t cylinders;
	uint8_t heads;
	uint8_t sectors;
	uint32_t blk_size;
	uint8_t physical_block_exp;
	uint8_t alignment_offset;
	uint16_t min_io_size;
	uint32_t opt_io_size;
	uint8_t writeback;
	uint8_t unused0;
	uint16_t num_queues;
	uint32_t max_discard_sectors;
	uint32_t max_discard_seg;
	uint32_t discard_sector_alignment;
	uint32_t max_write_zeroes_sectors;
	uint32_t max_write_zeroes_seg;
	uint8_t write_zeroes_may_unmap;
	uint8_t unused1[3];
};
_Static_assert(sizeof(struct virtio_blk_config) == 64, "60 bytes, and what aligns the next one");

/* 5.2.6, a request's first bytes */
struct virtio_blk_header {
	uint32_t type;
	uint32_t reserved;
	uint64_t sector;
};
_Static_assert(sizeof(struct virtio_blk_header) == 16, "5.2.6");

/* 5.2.6, of DISCARD and WRITE_ZEROES */
struct virtio_blk_range {
	uint64_t sector;
	uint32_t num_sectors;
	uint32_t flags;
};
_Static_assert(sizeof(struct virtio_blk_range) == 16, "5.2.6");

struct virtio_blk {
	struct virtio_dev vd;
	struct blockif *disk; /* immutable, down to config */
	struct blockif_info info;
	char id[VIRTIO_BLK_ID_BYTES]; /* NUL at the end only where there is room */
	struct blk_queue *queues;
	struct virtio_blk_config config; /* [vd.lock] */
	bool writeback;			 /* atomic: writes are stable only after a flush */
};

/* A request from vq_get() to vq_put(): first the queue's thread has it, then the disk. */
struct blk_req {
	struct virtio_blk *blk; /* immutable, and the next one */
	struct blk_queue *q;
	struct blk_req *next;
	struct vq_chain chain;
	uint8_t *status; /* in guest memory */
	uint32_t type;
	uint32_t in_len; /* bytes before the status that the device may write */
	struct blockif_req io;
	struct virtio_blk_range range[BLK_RANGES]; /* our copy, checked */
	unsigned int nranges, range_next;
	bool flush_after; /* write through */
	int error;	  /* 0 or an errno */
};

enum blk_start {
	BLK_STARTED, /* blk_req_posted() follows */
	BLK_OVER,    /* done already; error says how */
	BLK_BAD	     /* no request at all: the guest broke the device */
};

/* virtio_blk_req.c.  The queue's thread; r->chain is filled. */
enum blk_start blk_req_start(struct blk_req *r);
/* Tells the guest how it went; how many bytes were written, for vq_put(). */
uint32_t blk_req_finish(struct blk_req *r);

/* virtio_blk.c.  The disk's part is over; any thread.  r is the queue's again. */
void blk_req_posted(struct blk_req *r);

#endif /* BHYVE_VIRTIO_BLK_H */
