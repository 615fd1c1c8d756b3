/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Disks: options, the queue of requests and the threads that serve it.  How a request is
 * done is the back end's (block_backend.h).
 *
 * One lock for the queue and the counts.  Requests are taken in order but run side by side: a
 * request that must come after another is submitted when the other is done.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "block_backend.h"
#include "debug.h"

#define SECTOR_MIN   512u
#define SECTOR_MAX   4096u
#define PHYSICAL_MAX 65536u

struct blockif {
	const struct block_backend *backend; /* immutable, and the next two */
	void *be;
	struct blockif_info info;
	unsigned int nthreads; /* immutable once open */
	pthread_t *threads;
	pthread_mutex_t lock;
	pthread_cond_t work, idle;
	struct blockif_req *first, **last; /* [lock] the queue of a synchronous back end */
	unsigned int pending;		   /* [lock] submitted, not done */
	bool stop;			   /* [lock] */
};

static bool
power_of_two(uint64_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

/* "L" or "L/P", in bytes. */
static bool
parse_sectorsize(const char *val, uint32_t *sector, uint32_t *physical)
{
	unsigned long l, p;
	char *end;

	if (*val < '0' || *val > '9')
		return false;
	l = p = strtoul(val, &end, 10);
	if (*end == '/') {
		if (end[1] < '0' || end[1] > '9')
			return false;
		p = strtoul(end + 1, &end, 10);
	}
	if (*end != '\0' || !power_of_two(l) || !power_of_two(p) || l < SECTOR_MIN ||
	    l > SECTOR_MAX || p < l || p > PHYSICAL_MAX)
		return false;
	*sector = (uint32_t)l;
	*physical = (uint32_t)p;
	return true;
}

const char *
blockif_check_sectorsize(const char *val)
{
	uint32_t sector, physical;

	if (parse_sectorsize(val, &sector, &physical))
		return NULL;
	return "is not LOGICAL[/PHYSICAL] in bytes, powers of two, 512 to 4096 and from that to "
	       "65536, as in 512/4096";
}

bool
block_is_nbd(const char *path)
{
	static const char *const starts[] = {
		"nbd:", "nbds:", "nbd+unix:", "nbds+unix:", "nbd+vsock:", "nbds+vsock:"
	};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (strncmp(path, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

bool
block_geometry(const struct block_params *p, struct blockif_info *info, uint64_t bytes,
    uint32_t least, uint32_t best)
{
	uint32_t sector = p->sector, physical = p->physical;

	if (sector == 0) {
		sector = least < SECTOR_MIN ? SECTOR_MIN : least;
		physical = power_of_two(best) && best > sector ? best : sector;
		if (physical > PHYSICAL_MAX)
			physical = PHYSICAL_MAX;
	}
	if (sector < least || sector > SECTOR_MAX || !power_of_two(sector)) {
		say("%s: path=%s: it takes requests of %u bytes and their multiples, not of %u",
		    p->where, p->path, least, sector);
		return false;
	}
	if (bytes == 0 || bytes % sector != 0) {
		say("%s: path=%s: %llu bytes are not a whole number of sectors of %u; one or "
		    "more are wanted",
		    p->where, p->path, (unsigned long long)bytes, sector);
		return false;
	}
	info->bytes = bytes;
	info->sector = sector;
	info->physical = physical;
	return true;
}

void
block_done(struct blockif *b, struct blockif_req *req, int error)
{
	/* The request is the caller's again; whoever drains waits for done() to return. */
	req->done(req, error);
	pthread_mutex_lock(&b->lock);
	if (--b->pending == 0)
		pthread_cond_broadcast(&b->idle);
	pthread_mutex_unlock(&b->lock);
}

static struct blockif_req *
next_request(struct blockif *b)
{
	struct blockif_req *req;

	pthread_mutex_lock(&b->lock);
	while (b->first == NULL && !b->stop)
		pthread_cond_wait(&b->work, &b->lock);
	req = b->first;
	if (req != NULL && (b->first = req->next) == NULL)
		b->last = &b->first;
	pthread_mutex_unlock(&b->lock);
	return req;
}

static void *
pool_thread(void *arg)
{
	struct blockif *b = arg;
	struct blockif_req *req;

	while ((req = next_request(b)) != NULL)
		block_done(b, req, b->backend->execute(b->be, req));
	return NULL;
}

static void
stop_threads(struct blockif *b)
{
	pthread_mutex_lock(&b->lock);
	b->stop = true;
	pthread_cond_broadcast(&b->work);
	pthread_mutex_unlock(&b->lock);
	for (unsigned int i = 0; i < b->nthreads; i++)
		pthread_join(b->threads[i], NULL);
	free(b->threads);
}

static bool
start_threads(struct blockif *b, unsigned int wanted)
{
	b->threads = calloc(wanted, sizeof(b->threads[0]));
	if (b->threads == NULL)
		return false;
	for (; b->nthreads < wanted; b->nthreads++)
		if (pthread_create(&b->threads[b->nthreads], NULL, pool_thread, b) != 0)
			break;
	if (b->nthreads == wanted)
		return true;
	stop_threads(b);
	return false;
}

static bool
read_options(const struct dev_conf *conf, struct block_params *p)
{
	const char *sectorsize = dev_conf_get(conf, "sectorsize");

	*p = (struct block_params){
		.where = dev_conf_where(conf),
		.path = dev_conf_get(conf, "path"),
		.read_only = dev_conf_bool(conf, "ro"),
		.nocache = dev_conf_bool(conf, "nocache"),
		.direct = dev_conf_bool(conf, "direct"),
		.nodelete = dev_conf_bool(conf, "nodelete"),
	};
	if (sectorsize != NULL && !parse_sectorsize(sectorsize, &p->sector, &p->physical)) {
		say("%s: sectorsize=%s %s", p->where, sectorsize,
		    blockif_check_sectorsize(sectorsize));
		return false;
	}
	return true;
}

static void
blockif_free(struct blockif *b)
{
	pthread_cond_destroy(&b->idle);
	pthread_cond_destroy(&b->work);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

struct blockif *
blockif_open(const struct dev_conf *conf)
{
	struct block_params p;
	struct blockif *b;

	if (!read_options(conf, &p))
		return NULL;
	b = calloc(1, sizeof(*b));
	if (b == NULL) {
		say("%s: out of memory", p.where);
		return NULL;
	}
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->work, NULL);
	pthread_cond_init(&b->idle, NULL);
	b->last = &b->first;
	b->backend = block_is_nbd(p.path) ? &block_nbd : &block_file;
	b->info.read_only = p.read_only;
	b->be = b->backend->open(&p, b, &b->info);
	if (b->be == NULL) {
		blockif_free(b);
		return NULL;
	}
	if (b->backend->execute != NULL &&
	    !start_threads(b, (unsigned int)dev_conf_number(conf, "threads"))) {
		say("%s: cannot make the disk's threads; threads=N may ask for fewer", p.where);
		b->backend->close(b->be);
		blockif_free(b);
		return NULL;
	}
	return b;
}

void
blockif_info(const struct blockif *b, struct blockif_info *info)
{
	*info = b->info;
}

bool
blockif_read_now(struct blockif *b, const struct blockif_req *req)
{
	return b->backend->read_now != NULL && b->backend->read_now(b->be, req);
}

void
blockif_submit(struct blockif *b, struct blockif_req *req)
{
	bool queued = b->backend->execute != NULL;

	pthread_mutex_lock(&b->lock);
	b->pending++;
	if (queued) {
		req->next = NULL;
		*b->last = req;
		b->last = &req->next;
		pthread_cond_signal(&b->work);
	}
	pthread_mutex_unlock(&b->lock);
	if (!queued)
		b->backend->submit(b->be, req);
}

void
blockif_drain(struct blockif *b)
{
	pthread_mutex_lock(&b->lock);
	while (b->pending != 0)
		pthread_cond_wait(&b->idle, &b->lock);
	pthread_mutex_unlock(&b->lock);
}

static void
closing_flush_done(struct blockif_req *req, int error)
{
	(void)req;
	if (error != 0)
		say("a disk could not be flushed: %s; what its guest wrote last may be lost",
		    strerror(error));
}

void
blockif_close(struct blockif *b)
{
	struct blockif_req flush = { .op = BLOCKIF_FLUSH, .done = closing_flush_done };

	blockif_drain(b);
	if (!b->info.read_only) {
		blockif_submit(b, &flush);
		blockif_drain(b);
	}
	if (b->backend->execute != NULL)
		stop_threads(b);
	b->backend->close(b->be);
	blockif_free(b);
}
