/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * virtio memory balloon (virtio 1.2, 5.5): the guest gives pages back to the host.  Either it is
 * told how many to put into the balloon, or it reports by itself what lies free (5.5.6.7).  What is
 * given back reads as zeros when the guest touches it again; the module then allocates anew, so
 * that deflating needs nothing of us.  One thread serves the queues.
 *
 * Not offered: FREE_PAGE_HINT, which is for migration; PAGE_POISON, since pages that come back are
 * zeros and hold no pattern.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "debug.h"
#include "iov.h"
#include "virtio_balloon.h"
#include "virtio_balloon_stats.h"
#include "virtio_worker.h"

#define VIRTIO_BALLOON_F_STATS_VQ	(1ull << 1)
#define VIRTIO_BALLOON_F_DEFLATE_ON_OOM (1ull << 2)
#define VIRTIO_BALLOON_F_PAGE_REPORTING (1ull << 5)

/*
 * 5.5.2.  The specification's number of the reporting queue is 4; drivers such as Linux's count
 * only the queues of features that were negotiated, which makes it 3, or 2 without statistics.
 * Each is served.
 */
enum {
	VQ_INFLATE,
	VQ_DEFLATE,
	VQ_STATS,
	VQ_FREE_PAGE,
	VQ_REPORTING,
	VQ_COUNT,
};

/* 5.5.4, the offsets of struct virtio_balloon_config */
#define CONFIG_NUM_PAGES 0u
#define CONFIG_ACTUAL	 4u
#define CONFIG_SIZE	 8u /* what comes after belongs to features that are not offered */

#define BALLOON_PAGE   4096u /* 5.5.6: page numbers count these, whatever the guest's page size */
#define BALLOON_LEAST  (1u << 20) /* bytes; whoever says less meant MiB */
#define BALLOON_ANSWER 768u
#define BATCH	       256u /* page numbers that are sorted at a time */
/* Page numbers of one request that are looked at; a driver's request has some hundred. */
#define REQUEST_MAX 16384u

struct balloon {
	struct virtio_dev vd;
	struct virtio_worker worker;
	struct vq_chain chain; /* the worker's, and the next */
	uint32_t batch[BATCH];
	uint8_t config[CONFIG_SIZE]; /* [vd.lock] */
	int (*discard)(void *arg, uint64_t gpa, uint64_t len);
	void *discard_arg;
	bool held; /* the worker's, and the next: the buffer that asks for new statistics */
	uint16_t held_head;
	bool refresh; /* atomic: they are wanted */
	pthread_mutex_t stats_lock;
	struct balloon_stats stats;  /* [stats_lock] the guest's latest */
	char answer[BALLOON_ANSWER]; /* the control socket's */
};

static uint32_t
config_get(const struct balloon *b, uint32_t offset)
{
	uint32_t le;

	memcpy(&le, b->config + offset, sizeof(le));
	return le32toh(le);
}

static void
config_set(struct balloon *b, uint32_t offset, uint32_t val)
{
	uint32_t le = htole32(val);

	memcpy(b->config + offset, &le, sizeof(le));
}

/* ---- giving back ---- */

/* RAM, checked.  That the host cannot take it back harms nobody. */
static void
discard(struct balloon *b, uint64_t gpa, uint64_t len)
{
	if (b->discard != NULL && len != 0)
		b->discard(b->discard_arg, gpa, len);
}

static int
compare_pages(const void *a, const void *b)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

/* Neighbours go back in one call: each costs the guest a TLB invalidation.  False: not RAM. */
static bool
discard_batch(struct balloon *b, size_t n)
{
	const uint32_t *pfn = b->batch;
	size_t first = 0;

	qsort(b->batch, n, sizeof(b->batch[0]), compare_pages);
	for (size_t i = 0; i < n; i++) {
		if (guest_mem_at(b->vd.mem, (uint64_t)pfn[i] * BALLOON_PAGE, BALLOON_PAGE) == NULL)
			return false;
		if (i + 1 < n && pfn[i + 1] - pfn[i] <= 1)
			continue;
		discard(b, (uint64_t)pfn[first] * BALLOON_PAGE,
		    (uint64_t)(pfn[i] - pfn[first] + 1) * BALLOON_PAGE);
		first = i + 1;
	}
	return true;
}

/* Bytes [at, at + len) of what the device reads; they are there. */
static void
copy_out(const struct vq_chain *c, size_t at, void *dst, size_t len)
{
	struct iov_cursor from = iov_cursor(c->iov, c->nread);

	iov_advance(&from, at);
	iov_copy(&from, dst, len, false);
}

static bool
inflate(void *sc, struct virtqueue *q, struct vq_chain *c)
{
	struct balloon *b = sc;
	size_t pages = c->read_len / sizeof(uint32_t), n;

	if (pages > REQUEST_MAX)
		pages = REQUEST_MAX;
	for (size_t at = 0; at < pages && !virtio_worker_stopping(&b->worker); at += n) {
		n = pages - at < BATCH ? pages - at : BATCH;
		copy_out(c, at * sizeof(uint32_t), b->batch, n * sizeof(uint32_t));
		for (size_t i = 0; i < n; i++)
			b->batch[i] = le32toh(b->batch[i]);
		if (!discard_batch(b, n)) {
			vq_break(q, "a page for the balloon is not in RAM");
			break;
		}
	}
	vq_put(q, c->head, 0);
	return true;
}

static bool
deflate(void *sc, struct virtqueue *q, struct vq_chain *c)
{
	(void)sc;
	vq_put(q, c->head, 0);
	return true;
}

/* 5.5.6.7: the buffers are the free pages themselves. */
static bool
report(void *sc, struct virtqueue *q, struct vq_chain *c)
{
	struct balloon *b = sc;
	const struct guest_mem *mem = b->vd.mem;

	for (unsigned int i = c->nread; i < c->nread + (unsigned int)c->nwrite; i++) {
		const uint8_t *va = c->iov[i].iov_base;
		uint64_t gpa = mem->gpa + (uint64_t)(va - mem->va), end = gpa + c->iov[i].iov_len;

		/* Whole pages only. */
		gpa = (gpa + BALLOON_PAGE - 1) & ~(uint64_t)(BALLOON_PAGE - 1);
		end &= ~(uint64_t)(BALLOON_PAGE - 1);
		if (gpa < end)
			discard(b, gpa, end - gpa);
	}
	vq_put(q, c->head, 0);
	return true;
}

/*
 * 5.5.6.3: the driver's buffer has statistics, and stays here until new ones are wanted.  A second
 * one is not in the protocol, and replaces the first.
 */
static bool
take_stats(void *sc, struct virtqueue *q, struct vq_chain *c)
{
	struct balloon *b = sc;

	pthread_mutex_lock(&b->stats_lock);
	balloon_stats_take(&b->stats, c);
	pthread_mutex_unlock(&b->stats_lock);
	if (b->held)
		vq_put(q, b->held_head, 0);
	b->held = true;
	b->held_head = c->head;
	return true;
}

static bool
serve_stats(struct balloon *b)
{
	struct virtqueue *q = &b->vd.vq[VQ_STATS];
	bool more = virtio_worker_queue(&b->worker, q, &b->chain, take_stats, b);

	if (!b->held || !__atomic_exchange_n(&b->refresh, false, __ATOMIC_ACQ_REL))
		return more;
	b->held = false;
	vq_put(q, b->held_head, 0);
	vq_notify(q);
	return more;
}

static int
serve(void *sc)
{
	struct balloon *b = sc;
	struct virtio_worker *w = &b->worker;
	bool more, stats = virtio_has(&b->vd, VIRTIO_BALLOON_F_STATS_VQ);
	unsigned int packed = stats ? VQ_FREE_PAGE : VQ_STATS;

	more = virtio_worker_queue(w, &b->vd.vq[VQ_INFLATE], &b->chain, inflate, b);
	more |= virtio_worker_queue(w, &b->vd.vq[VQ_DEFLATE], &b->chain, deflate, b);
	if (stats)
		more |= serve_stats(b);
	if (virtio_has(&b->vd, VIRTIO_BALLOON_F_PAGE_REPORTING)) {
		more |= virtio_worker_queue(w, &b->vd.vq[packed], &b->chain, report, b);
		more |= virtio_worker_queue(w, &b->vd.vq[VQ_REPORTING], &b->chain, report, b);
	}
	return more ? 0 : VIRTIO_WORKER_IDLE;
}

/* ---- the device ---- */

static void
balloon_start(void *sc)
{
	struct balloon *b = sc;

	if (!virtio_worker_start(&b->worker))
		say("virtio-balloon: cannot start a thread: no memory comes back");
}

/* All pages are the guest's again. */
static void
balloon_reset(void *sc)
{
	struct balloon *b = sc;

	virtio_worker_stop(&b->worker);
	config_set(b, CONFIG_ACTUAL, 0);
	b->held = false;
	pthread_mutex_lock(&b->stats_lock);
	b->stats.known = 0;
	pthread_mutex_unlock(&b->stats_lock);
}

/* Only `actual' is the driver's to write, whole (4.1.3.1, 4.2.2.2). */
static void
balloon_config_write(void *sc, uint32_t offset, uint32_t size, uint32_t val)
{
	struct balloon *b = sc;

	if (offset == CONFIG_ACTUAL && size == sizeof(val))
		config_set(b, CONFIG_ACTUAL, val);
}

static const struct virtio_ops balloon_ops = {
	.start = balloon_start,
	.reset = balloon_reset,
	.config_write = balloon_config_write,
};

/* With the lock held. */
static void
set_target(struct balloon *b, uint64_t bytes)
{
	uint64_t size = b->vd.mem->size;
	uint64_t pages = bytes < size ? (size - bytes) / BALLOON_PAGE : 0;

	config_set(b, CONFIG_NUM_PAGES, (uint32_t)pages);
}

void
virtio_balloon_set_target(struct virtio_dev *vd, uint64_t bytes)
{
	pthread_mutex_lock(&vd->lock);
	set_target(vd->sc, bytes);
	virtio_config_changed(vd);
	pthread_mutex_unlock(&vd->lock);
}

uint64_t
virtio_balloon_size(struct virtio_dev *vd)
{
	uint64_t in;

	pthread_mutex_lock(&vd->lock);
	in = (uint64_t)config_get(vd->sc, CONFIG_ACTUAL) * BALLOON_PAGE;
	pthread_mutex_unlock(&vd->lock);
	/* It is the guest's number, and may be anything. */
	return in < vd->mem->size ? vd->mem->size - in : 0;
}

/* ---- what bhyvectl asks ---- */

static const char *
answer_state(void *arg, const char *argument)
{
	struct balloon *b = arg;
	uint64_t size = b->vd.mem->size, target;
	size_t len;

	(void)argument;
	pthread_mutex_lock(&b->vd.lock);
	target = size - (uint64_t)config_get(b, CONFIG_NUM_PAGES) * BALLOON_PAGE;
	pthread_mutex_unlock(&b->vd.lock);
	len = (size_t)snprintf(b->answer, sizeof(b->answer), "ok target=%llu actual=%llu",
	    (unsigned long long)target, (unsigned long long)virtio_balloon_size(&b->vd));
	pthread_mutex_lock(&b->stats_lock);
	balloon_stats_print(&b->stats, b->answer + len, sizeof(b->answer) - len);
	pthread_mutex_unlock(&b->stats_lock);
	return b->answer;
}

static const char *
answer_target(void *arg, const char *argument)
{
	struct balloon *b = arg;
	char *end;
	uint64_t bytes = strtoull(argument, &end, 10);

	if (end == argument || *end != '\0' || bytes < BALLOON_LEAST)
		return "is no size for a balloon's guest: 1M or more";
	if (bytes > b->vd.mem->size) {
		snprintf(b->answer, sizeof(b->answer),
		    "it has %llu MiB, and cannot get more than it started with",
		    (unsigned long long)(b->vd.mem->size >> 20));
		return b->answer;
	}
	virtio_balloon_set_target(&b->vd, bytes);
	return NULL;
}

/* "ok updates=N": the statistics are new when that number is another. */
static const char *
answer_refresh(void *arg, const char *argument)
{
	struct balloon *b = arg;
	bool gives;

	(void)argument;
	pthread_mutex_lock(&b->vd.lock);
	gives = virtio_has(&b->vd, VIRTIO_BALLOON_F_STATS_VQ);
	pthread_mutex_unlock(&b->vd.lock);
	if (!gives)
		return NULL;
	pthread_mutex_lock(&b->stats_lock);
	snprintf(b->answer, sizeof(b->answer), "ok updates=%u", b->stats.updates);
	pthread_mutex_unlock(&b->stats_lock);
	__atomic_store_n(&b->refresh, true, __ATOMIC_RELEASE);
	virtio_worker_wake(&b->worker);
	return b->answer;
}

static const struct control_request balloon_requests[] = {
	{ "balloon", answer_state },
	{ "balloon-target", answer_target },
	{ "balloon-refresh", answer_refresh },
	{ NULL, NULL },
};

/* ---- making one ---- */

static void
free_balloon(struct balloon *b)
{
	pthread_mutex_destroy(&b->stats_lock);
	free(b);
}

static void
balloon_destroy(struct virtio_dev *vd)
{
	struct balloon *b = vd->sc;

	virtio_worker_fini(&b->worker);
	virtio_fini(vd);
	free_balloon(b);
}

/* False: a line was said. */
static bool
take_target(struct balloon *b, const struct dev_conf *conf)
{
	uint64_t size = b->vd.mem->size, target = dev_conf_number(conf, "target");

	if (target > size) {
		say("%s: target=%s: the guest has %llu MiB, and cannot get more than it starts "
		    "with: see -m",
		    dev_conf_where(conf), dev_conf_get(conf, "target"),
		    (unsigned long long)(size >> 20));
		return false;
	}
	set_target(b, target != 0 ? target : size);
	return true;
}

/* bhyvectl means one; and two would pull at the same guest.  False: a line was said. */
static bool
take_requests(struct balloon *b, const struct dev_env *env, const struct dev_conf *conf)
{
	if (env->answer == NULL || env->answer(env->arg, balloon_requests, b) == 0)
		return true;
	say("%s: there is a balloon already; leave one out", dev_conf_where(conf));
	return false;
}

static struct virtio_dev *
balloon_create(const struct dev_env *env, const struct dev_conf *conf)
{
	struct balloon *b = calloc(1, sizeof(*b));

	if (b == NULL) {
		say("%s: no memory left", dev_conf_where(conf));
		return NULL;
	}
	b->vd = (struct virtio_dev){
		.ops = &balloon_ops,
		.sc = b,
		.mem = env->mem,
		.id = VIRTIO_ID_BALLOON,
		.offered = VIRTIO_BALLOON_F_STATS_VQ | VIRTIO_BALLOON_F_DEFLATE_ON_OOM |
		    VIRTIO_BALLOON_F_PAGE_REPORTING,
		.nqueues = VQ_COUNT,
		.config = b->config,
		.config_size = CONFIG_SIZE,
	};
	b->discard = env->discard;
	b->discard_arg = env->arg;
	b->worker = (struct virtio_worker){ "virtio-balloon", &b->vd, serve, b, .bell = -1 };
	pthread_mutex_init(&b->stats_lock, NULL);
	if (!take_target(b, conf) || !take_requests(b, env, conf)) {
		free_balloon(b);
		return NULL;
	}
	if (virtio_init(&b->vd) != 0) {
		say("%s: %s", dev_conf_where(conf), strerror(errno));
		free_balloon(b);
		return NULL;
	}
	if (virtio_worker_init(&b->worker) != 0) {
		say("%s: %s", dev_conf_where(conf), strerror(errno));
		balloon_destroy(&b->vd);
		return NULL;
	}
	return &b->vd;
}

static const struct dev_option balloon_options[] = {
	{ .key = "target",
	    .type = DEV_OPT_NUMBER,
	    .help = "memory that the guest is to have, as 256M",
	    .min = BALLOON_LEAST,
	    .otherwise = "all" },
	{ .key = NULL },
};

const struct virtio_model virtio_balloon_model = {
	.model = {
		.name = "virtio-balloon",
		.help = "memory that the guest does not need goes back to the host",
		.options = balloon_options,
		.kind = DEV_VIRTIO,
	},
	.pci_class = 0xff0000, /* PCI Code and ID Assignment 1.24: does not fit elsewhere */
	.create = balloon_create,
	.destroy = balloon_destroy,
};
