/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A disk on virtio (virtio 1.2, 5.2): options, features, configuration, queues.
 *
 * Each queue has a thread, which alone touches the virtqueue.  It takes requests and gives them to
 * the disk; the disk's threads post them back to it and ring the queue's own doorbell, so that
 * whatever there is to do, the thread waits for one thing.  All that was posted meanwhile goes to
 * the guest with one interrupt.  Requests are preallocated: a guest that makes more waits.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug.h"
#include "doorbell.h"
#include "virtio_blk.h"

#define QUEUES_MAX 8u
#define REQS	   128u /* under way in one queue */

struct blk_queue {
	struct virtio_blk *blk; /* immutable, down to thread */
	struct virtqueue *vq;
	struct blk_req *reqs;
	pthread_t thread;
	struct blk_req *free;	/* the thread's, and the next one */
	unsigned int under_way; /* given to the disk, not seen back */
	pthread_mutex_t lock;
	pthread_cond_t rested;
	struct blk_req *posted; /* [lock] back from the disk */
	bool running;		/* [lock] between start and reset */
	bool resting;		/* [lock] the thread touches the virtqueue no more */
	bool quit;		/* [lock] */
};

/* What a thread finds when it wakes. */
struct blk_work {
	struct blk_req *posted;
	bool running, quit;
};

void
blk_req_posted(struct blk_req *r)
{
	struct blk_queue *q = r->q;
	bool first;

	pthread_mutex_lock(&q->lock);
	first = q->posted == NULL;
	r->next = q->posted;
	q->posted = r;
	/* Within the lock: once it is free, the queue may be gone. */
	if (first)
		doorbell_ring(q->vq->doorbell);
	pthread_mutex_unlock(&q->lock);
}

static struct blk_work
wait_for_work(struct blk_queue *q)
{
	struct pollfd p = { .fd = q->vq->doorbell, .events = POLLIN };
	struct blk_work w;

	(void)poll(&p, 1, -1);
	doorbell_answer(q->vq->doorbell);
	pthread_mutex_lock(&q->lock);
	w = (struct blk_work){ q->posted, q->running, q->quit };
	q->posted = NULL;
	pthread_mutex_unlock(&q->lock);
	return w;
}

static void
give_back(struct blk_queue *q, struct blk_req *r, bool to_guest)
{
	if (to_guest)
		vq_put(q->vq, r->chain.head, blk_req_finish(r));
	r->next = q->free;
	q->free = r;
}

/* After a reset the guest is told nothing: the memory is no longer the request's. */
static void
finish_posted(struct blk_queue *q, struct blk_work *w)
{
	struct blk_req *r;
	bool to_guest = w->running && !virtio_is_broken(&q->blk->vd);

	while ((r = w->posted) != NULL) {
		w->posted = r->next;
		q->under_way--;
		give_back(q, r, to_guest);
	}
	if (to_guest)
		vq_notify(q->vq);
}

/* One request of the guest's, into the free *r; false: there is none. */
static bool
take_one(struct blk_queue *q)
{
	struct blk_req *r = q->free;

	if (vq_get(q->vq, &r->chain) != 1)
		return false;
	q->free = r->next;
	q->under_way++;
	switch (blk_req_start(r)) {
	case BLK_STARTED:
		return true;
	case BLK_OVER:
		q->under_way--;
		give_back(q, r, true);
		return true;
	case BLK_BAD:
	default:
		q->under_way--;
		give_back(q, r, false);
		vq_break(q->vq, "a request has no header or no room for its status");
		return false;
	}
}

/*
 * Takes what there is.  Where no request is free, or a guest adds as fast as we take, the doorbell
 * stays off: what is posted, or we ourselves, ring again.
 */
static void
serve(struct blk_queue *q)
{
	unsigned int budget = q->vq->size;

	vq_doorbell_off(q->vq);
	do {
		while (q->free != NULL && budget != 0 && take_one(q))
			budget--;
	} while (q->free != NULL && budget != 0 && vq_doorbell_on(q->vq) && budget-- != 0);
	vq_notify(q->vq);
	if (budget == 0)
		doorbell_ring(q->vq->doorbell);
}

static void
rest(struct blk_queue *q)
{
	pthread_mutex_lock(&q->lock);
	if (!q->running && q->under_way == 0) {
		q->resting = true;
		pthread_cond_signal(&q->rested);
	}
	pthread_mutex_unlock(&q->lock);
}

static void *
queue_thread(void *arg)
{
	struct blk_queue *q = arg;
	struct blk_work w;

	while (w = wait_for_work(q), !w.quit) {
		finish_posted(q, &w);
		if (w.running)
			serve(q);
		rest(q);
	}
	return NULL;
}

/* ---- called by the transport, with vd.lock held ---- */

static void
blk_start(void *sc)
{
	struct virtio_blk *blk = sc;
	bool flush = virtio_has(&blk->vd, VIRTIO_BLK_F_FLUSH);
	bool wce = virtio_has(&blk->vd, VIRTIO_BLK_F_CONFIG_WCE);

	/* 5.2.5.2, 5.2.6.2: a driver that cannot flush gets writes that are stable. */
	if (wce && !flush)
		blk->config.writeback = 0;
	__atomic_store_n(
	    &blk->writeback, wce ? blk->config.writeback != 0 : flush, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < blk->vd.nqueues; i++) {
		struct blk_queue *q = &blk->queues[i];

		pthread_mutex_lock(&q->lock);
		q->running = q->vq->ready;
		q->resting = !q->running;
		pthread_mutex_unlock(&q->lock);
	}
}

static void
stop_queue(struct blk_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->running = false;
	doorbell_ring(q->vq->doorbell);
	while (!q->resting)
		pthread_cond_wait(&q->rested, &q->lock);
	pthread_mutex_unlock(&q->lock);
}

static void
blk_reset(void *sc)
{
	struct virtio_blk *blk = sc;

	for (unsigned int i = 0; i < blk->vd.nqueues; i++)
		stop_queue(&blk->queues[i]);
	blk->config.writeback = 1;
}

/* 5.2.4: writeback is the only field to be written. */
static void
blk_config_write(void *sc, uint32_t offset, uint32_t size, uint32_t val)
{
	struct virtio_blk *blk = sc;

	if (offset != offsetof(struct virtio_blk_config, writeback) || size != 1 ||
	    !virtio_has(&blk->vd, VIRTIO_BLK_F_CONFIG_WCE))
		return;
	blk->config.writeback = val & 1;
	__atomic_store_n(&blk->writeback, (val & 1) != 0, __ATOMIC_RELAXED);
}

static const struct virtio_ops blk_ops = {
	.start = blk_start,
	.reset = blk_reset,
	.config_write = blk_config_write,
};

/* ---- making one ---- */

static uint8_t
log2_of(uint32_t power_of_two)
{
	return (uint8_t)__builtin_ctz(power_of_two);
}

static void
fill_config(struct virtio_blk *blk)
{
	const struct blockif_info *info = &blk->info;
	uint32_t per_physical = info->physical / info->sector;
	struct virtio_dev *vd = &blk->vd;

	vd->offered = VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_BLK_SIZE | VIRTIO_BLK_F_FLUSH |
	    VIRTIO_BLK_F_TOPOLOGY | VIRTIO_BLK_F_CONFIG_WCE;
	blk->config = (struct virtio_blk_config){
		.capacity = info->bytes / BLK_SECTOR,
		.seg_max = VIRTIO_MAX_SEGS - BLK_HEADER_AND_STATUS,
		.blk_size = info->sector,
		.physical_block_exp = log2_of(per_physical),
		.min_io_size = (uint16_t)per_physical,
		.writeback = 1,
		.num_queues = (uint16_t)vd->nqueues,
	};
	if (vd->nqueues > 1)
		vd->offered |= VIRTIO_BLK_F_MQ;
	if (info->read_only)
		vd->offered |= VIRTIO_BLK_F_RO;
	if (info->can_discard) {
		vd->offered |= VIRTIO_BLK_F_DISCARD;
		blk->config.max_discard_sectors = BLK_DISCARD_SECTORS;
		blk->config.max_discard_seg = BLK_RANGES;
		blk->config.discard_sector_alignment = info->physical / BLK_SECTOR;
	}
	if (info->can_zero) {
		vd->offered |= VIRTIO_BLK_F_WRITE_ZEROES;
		blk->config.max_write_zeroes_sectors = BLK_ZEROES_SECTORS;
		blk->config.max_write_zeroes_seg = BLK_RANGES;
		blk->config.write_zeroes_may_unmap = info->can_discard;
	}
}

/* FNV-1a, 64 bits: the same path, the same disk, the next time, too. */
static void
id_of_path(char id[VIRTIO_BLK_ID_BYTES], const char *path)
{
	uint64_t h = 0xcbf29ce484222325ull;
	char text[VIRTIO_BLK_ID_BYTES + 1];

	for (; *path != '\0'; path++)
		h = (h ^ (uint8_t)*path) * 0x100000001b3ull;
	h ^= h >> 48;
	snprintf(text, sizeof(text), "BHYVE-%04X-%04X-%04X", (unsigned int)(h >> 32 & 0xffff),
	    (unsigned int)(h >> 16 & 0xffff), (unsigned int)(h & 0xffff));
	memcpy(id, text, VIRTIO_BLK_ID_BYTES);
}

static void
set_id(struct virtio_blk *blk, const struct dev_conf *conf)
{
	const char *serial = dev_conf_get(conf, "serial");

	if (serial != NULL)
		memcpy(blk->id, serial, strnlen(serial, sizeof(blk->id)));
	else
		id_of_path(blk->id, dev_conf_get(conf, "path"));
}

static void
stop_thread(struct blk_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->quit = true;
	doorbell_ring(q->vq->doorbell);
	pthread_mutex_unlock(&q->lock);
	pthread_join(q->thread, NULL);
	pthread_cond_destroy(&q->rested);
	pthread_mutex_destroy(&q->lock);
	free(q->reqs);
}

static bool
start_thread(struct virtio_blk *blk, struct blk_queue *q, struct virtqueue *vq)
{
	q->blk = blk;
	q->vq = vq;
	q->resting = true;
	q->reqs = calloc(REQS, sizeof(q->reqs[0]));
	if (q->reqs == NULL)
		return false;
	for (unsigned int i = 0; i < REQS; i++) {
		q->reqs[i].blk = blk;
		q->reqs[i].q = q;
		q->reqs[i].next = q->free;
		q->free = &q->reqs[i];
	}
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->rested, NULL);
	if (pthread_create(&q->thread, NULL, queue_thread, q) == 0)
		return true;
	pthread_cond_destroy(&q->rested);
	pthread_mutex_destroy(&q->lock);
	free(q->reqs);
	return false;
}

static bool
make_queues(struct virtio_blk *blk)
{
	struct virtio_dev *vd = &blk->vd;

	blk->queues = calloc(vd->nqueues, sizeof(blk->queues[0]));
	if (blk->queues == NULL)
		return false;
	if (virtio_init(vd) != 0)
		goto fail;
	for (unsigned int i = 0; i < vd->nqueues; i++) {
		if (start_thread(blk, &blk->queues[i], &vd->vq[i]))
			continue;
		while (i-- > 0)
			stop_thread(&blk->queues[i]);
		virtio_fini(vd);
		goto fail;
	}
	return true;
fail:
	free(blk->queues);
	return false;
}

static struct virtio_dev *
blk_create(const struct dev_env *env, const struct dev_conf *conf)
{
	struct virtio_blk *blk = calloc(1, sizeof(*blk));

	if (blk == NULL) {
		say("%s: out of memory", dev_conf_where(conf));
		return NULL;
	}
	blk->disk = blockif_open(conf);
	if (blk->disk == NULL) {
		free(blk);
		return NULL;
	}
	blockif_info(blk->disk, &blk->info);
	blk->vd.ops = &blk_ops;
	blk->vd.sc = blk;
	blk->vd.mem = env->mem;
	blk->vd.id = VIRTIO_ID_BLOCK;
	blk->vd.nqueues = (unsigned int)dev_conf_number(conf, "queues");
	blk->vd.config = (uint8_t *)&blk->config;
	blk->vd.config_size = sizeof(blk->config);
	fill_config(blk);
	set_id(blk, conf);
	if (make_queues(blk))
		return &blk->vd;
	say("%s: the disk's queues cannot be made: %s", dev_conf_where(conf), strerror(errno));
	blockif_close(blk->disk);
	free(blk);
	return NULL;
}

static void
blk_destroy(struct virtio_dev *vd)
{
	struct virtio_blk *blk = vd->sc;

	for (unsigned int i = 0; i < vd->nqueues; i++)
		stop_thread(&blk->queues[i]);
	virtio_fini(vd);
	blockif_close(blk->disk);
	free(blk->queues);
	free(blk);
}

static const char *
check_serial(const char *val)
{
	if (strlen(val) > VIRTIO_BLK_ID_BYTES)
		return "is longer than the 20 bytes that a guest can see";
	return NULL;
}

static const struct dev_option options[] = {
	BLOCKIF_OPTIONS,
	{ .key = "queues",
	    .type = DEV_OPT_NUMBER,
	    .help = "how many queues, best one for each vCPU",
	    .min = 1,
	    .max = QUEUES_MAX,
	    .def = "1" },
	{ .key = "serial",
	    .help = "what the guest sees as serial number, up to 20 bytes",
	    .otherwise = "made of the path",
	    .check = check_serial },
	{ .key = NULL },
};

const struct virtio_model virtio_blk_model = {
	.model = {
		.name = "virtio-blk",
		.help = "a disk",
		.options = options,
		.legacy = "path",
		.kind = DEV_VIRTIO,
	},
	.pci_class = 0x010000, /* mass storage, SCSI: what drivers know of virtio-blk */
	.create = blk_create,
	.destroy = blk_destroy,
};
