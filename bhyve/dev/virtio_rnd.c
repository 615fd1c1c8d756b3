/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * virtio entropy device (virtio 1.2, 5.4): the host's random numbers.  A buffer gets as many bytes
 * as fit, up to a bound, and the rate can be limited: a request that finds nothing left waits in
 * the ring.  One thread serves the queue.
 */
#include <sys/random.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "debug.h"
#include "iov.h"
#include "virtio_worker.h"

/* A driver asks again for what it did not get (5.4.6.1); Linux wants some 64 bytes at once. */
#define REQUEST_MAX 4096u
/* getrandom() before the host has gathered entropy: look again, as a vCPU may wait for a reset. */
#define NOT_READY_MS 100

struct rnd {
	struct virtio_dev vd;
	struct virtio_worker worker;
	struct vq_chain chain; /* the worker's, and all that follows */
	uint64_t max_bytes;    /* in a period; 0: no limit; immutable, and the next */
	uint64_t period_ms;
	uint64_t left;	    /* bytes of this period */
	uint64_t period_at; /* when it began, ms */
	bool not_ready;
};

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* How much a request may have now. */
static uint32_t
allowance(struct rnd *r, uint32_t want)
{
	uint64_t now;

	if (want > REQUEST_MAX)
		want = REQUEST_MAX;
	if (r->max_bytes == 0)
		return want;
	now = now_ms();
	if (now - r->period_at >= r->period_ms) {
		r->period_at = now;
		r->left = r->max_bytes;
	}
	return want < r->left ? want : (uint32_t)r->left;
}

/*
 * Into the guest's memory, up to n bytes.  The bytes written; fewer than n where the host has none
 * yet or the memory cannot be had.
 */
static uint32_t
fill(struct rnd *r, const struct vq_chain *c, uint32_t n)
{
	struct iov_cursor to = iov_cursor(&c->iov[c->nread], c->nwrite);
	uint32_t done = 0;
	struct iovec v;
	ssize_t got;

	while (done < n && (v = iov_front(&to)).iov_len != 0) {
		got = getrandom(
		    v.iov_base, v.iov_len < n - done ? v.iov_len : n - done, GRND_NONBLOCK);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			r->not_ready = true;
			break;
		}
		iov_advance(&to, (size_t)got);
		done += (uint32_t)got;
	}
	return done;
}

static bool
request(void *sc, struct virtqueue *q, struct vq_chain *c)
{
	struct rnd *r = sc;
	uint32_t n, written;

	if (c->write_len == 0) { /* 5.4.6.1: the driver must not */
		vq_put(q, c->head, 0);
		return true;
	}
	n = allowance(r, c->write_len);
	if (n == 0)
		return false;
	written = fill(r, c, n);
	if (written == 0) /* 5.4.6.2: one or more bytes */
		return false;
	r->left -= r->max_bytes != 0 ? written : 0;
	vq_put(q, c->head, written);
	return true;
}

static int
serve(void *sc)
{
	struct rnd *r = sc;
	uint64_t gone;

	r->not_ready = false;
	if (virtio_worker_queue(&r->worker, &r->vd.vq[0], &r->chain, request, r))
		return 0;
	if (r->not_ready)
		return NOT_READY_MS;
	if (r->max_bytes == 0 || r->left != 0)
		return VIRTIO_WORKER_IDLE;
	gone = now_ms() - r->period_at;
	return gone < r->period_ms ? (int)(r->period_ms - gone) : 0;
}

static void
rnd_start(void *sc)
{
	struct rnd *r = sc;

	r->left = 0;
	r->period_at = now_ms() - r->period_ms;
	if (!virtio_worker_start(&r->worker))
		say("virtio-rnd: cannot start a thread: the guest gets no random numbers");
}

static void
rnd_reset(void *sc)
{
	struct rnd *r = sc;

	virtio_worker_stop(&r->worker);
}

static const struct virtio_ops rnd_ops = { .start = rnd_start, .reset = rnd_reset };

static void
rnd_destroy(struct virtio_dev *vd)
{
	struct rnd *r = vd->sc;

	virtio_worker_fini(&r->worker);
	virtio_fini(vd);
	free(r);
}

static struct virtio_dev *
rnd_create(const struct dev_env *env, const struct dev_conf *conf)
{
	struct rnd *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		say("%s: no memory left", dev_conf_where(conf));
		return NULL;
	}
	r->max_bytes = dev_conf_number(conf, "max_bytes");
	r->period_ms = dev_conf_number(conf, "period");
	r->vd = (struct virtio_dev){
		.ops = &rnd_ops,
		.sc = r,
		.mem = env->mem,
		.id = VIRTIO_ID_ENTROPY,
		.nqueues = 1,
	};
	r->worker = (struct virtio_worker){ "virtio-rnd", &r->vd, serve, r, .bell = -1 };
	if (virtio_init(&r->vd) != 0) {
		say("%s: %s", dev_conf_where(conf), strerror(errno));
		free(r);
		return NULL;
	}
	if (virtio_worker_init(&r->worker) != 0) {
		say("%s: %s", dev_conf_where(conf), strerror(errno));
		rnd_destroy(&r->vd);
		return NULL;
	}
	return &r->vd;
}

static const struct dev_option rnd_options[] = {
	{ .key = "max_bytes",
	    .type = DEV_OPT_NUMBER,
	    .help = "bytes that the guest gets in a period",
	    .min = 1,
	    .max = 1ull << 40,
	    .otherwise = "no limit" },
	{ .key = "period",
	    .type = DEV_OPT_NUMBER,
	    .help = "the period of max_bytes in milliseconds",
	    .min = 1,
	    .max = 86400000,
	    .def = "1000" },
	{ .key = NULL },
};

const struct virtio_model virtio_rnd_model = {
	.model = {
		.name = "virtio-rnd",
		.help = "random numbers from the host",
		.options = rnd_options,
		.kind = DEV_VIRTIO,
	},
	.pci_class = 0xff0000, /* PCI Code and ID Assignment 1.24: does not fit elsewhere */
	.create = rnd_create,
	.destroy = rnd_destroy,
};
