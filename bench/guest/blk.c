/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Disks: 4 KiB a request, one after another over the whole disk and again, with 1 or 32 under way.
 * An interrupt is asked for whenever nothing is left to do, as Linux's driver does.
 *
 * The disk comes with a pattern, each word a function of its place, and is left with its inverse.
 */
#include "io.h"
#include "virtio.h"

#define ROUNDS	   4096u
#define DEPTH	   32u
#define BLOCK	   4096u
#define WORDS	   (BLOCK / 4)
#define SECTOR	   512u
#define T_IN	   0u
#define T_OUT	   1u
#define DESCS	   3u /* header, data, status */
#define CAPACITY   0u /* of the configuration, in sectors; 32 bits are enough */
#define MULTIPLIER 2654435761u
#define F_FLUSH	   (1u << 9) /* taken, so that a write need not be on stable storage */

/* virtio 1.2, 5.2.6 */
struct request {
	uint32_t type, reserved;
	uint64_t sector;
	uint8_t status;
};

static struct {
	struct virtio v;
	struct request req[DEPTH];
	uint32_t data[DEPTH][WORDS] __attribute__((aligned(BLOCK)));
	uint32_t blocks, next; /* of the disk, and the next one's number */
	uint32_t type;
	uint32_t invert; /* ~0u: the data is the pattern's inverse */
	bool check;
} blk;

static uint32_t
pattern(uint32_t block, uint32_t word)
{
	return ((block * WORDS + word) * MULTIPLIER) ^ blk.invert;
}

static void
start(uint32_t slot)
{
	struct request *r = &blk.req[slot];
	uint32_t i;

	r->sector = blk.next * (BLOCK / SECTOR);
	r->status = 0xff;
	if (blk.check && blk.type == T_OUT)
		for (i = 0; i < WORDS; i++)
			blk.data[slot][i] = pattern(blk.next, i);
	blk.next = (blk.next + 1) % blk.blocks;
	queue_add(&blk.v.q[0], slot * DESCS);
}

static void
finish(uint32_t slot, uint32_t len)
{
	struct request *r = &blk.req[slot];
	uint32_t i, block = (uint32_t)r->sector / (BLOCK / SECTOR);

	if (r->status != 0 || len != (blk.type == T_IN ? BLOCK + 1 : 1))
		bench_fail("a request to the disk failed");
	for (i = 0; blk.check && blk.type == T_IN && i < WORDS; i++)
		if (blk.data[slot][i] != pattern(block, i))
			bench_fail("the disk gave wrong data");
}

static void
prepare(uint32_t type)
{
	struct queue *q = &blk.v.q[0];
	uint32_t i, d, data = type == T_IN ? VIRTQ_DESC_F_WRITE : 0;

	blk.type = type;
	for (i = 0; i < DEPTH; i++) {
		d = i * DESCS;
		blk.req[i].type = type;
		queue_desc(q, d, &blk.req[i], 16, VIRTQ_DESC_F_NEXT);
		queue_desc(q, d + 1, blk.data[i], BLOCK, VIRTQ_DESC_F_NEXT | data);
		queue_desc(q, d + 2, &blk.req[i].status, 1, VIRTQ_DESC_F_WRITE);
	}
}

static void
run(uint32_t rounds, uint32_t depth)
{
	struct queue *q = &blk.v.q[0];
	uint32_t started = 0, done = 0, seen, head, len;

	for (; started < depth; started++)
		start(started);
	queue_kick(q);
	while (done < rounds) {
		seen = irq_seen;
		while (queue_get(q, &head, &len)) {
			finish(head / DESCS, len);
			done++;
			if (started++ < rounds)
				start(head / DESCS);
		}
		queue_kick(q);
		if (done < rounds && queue_arm(q))
			virtio_sleep(seen);
	}
}

static void
measure(const char *name, uint32_t type, uint32_t depth)
{
	uint64_t began;

	prepare(type);
	run(ROUNDS / 8, depth); /* warm up */
	began = io_begin(name, ROUNDS);
	run(ROUNDS, depth);
	io_end(name, began, ROUNDS);
}

/* Every block once, with its contents. */
static void
pass(uint32_t type)
{
	blk.check = true;
	blk.next = 0;
	prepare(type);
	run(blk.blocks, blk.blocks < DEPTH ? blk.blocks : DEPTH);
	blk.check = false;
}

void
blk_bench(void)
{
	if (!virtio_find(&blk.v, VIRTIO_BLOCK, F_FLUSH))
		return;
	virtio_queue(&blk.v, 0);
	virtio_ready(&blk.v);
	blk.blocks = mmio_read(blk.v.device + CAPACITY) / (BLOCK / SECTOR);
	if (blk.blocks == 0)
		bench_fail("the disk is too small");
	pass(T_IN);
	measure("blk_read_qd1", T_IN, 1);
	measure("blk_read_qd32", T_IN, DEPTH);
	measure("blk_write_qd1", T_OUT, 1);
	measure("blk_write_qd32", T_OUT, DEPTH);
	blk.invert = ~0u;
	pass(T_OUT);
	pass(T_IN);
}
