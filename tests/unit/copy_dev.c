/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 */
#include <stdlib.h>
#include <string.h>

#include "../../bhyve/doorbell.h"
#include "copy_dev.h"

#define MAX_TURNS 64u

struct copy_dev *copy_dev;

static void
copy_start(void *sc)
{
	struct copy_dev *c = sc;

	if (c->running)
		abort();
	c->running = true;
	c->starts++;
}

static void
copy_reset(void *sc)
{
	struct copy_dev *c = sc;

	if (!c->running)
		abort();
	c->running = false;
	c->resets++;
}

static void
copy_config_write(void *sc, uint32_t offset, uint32_t size, uint32_t val)
{
	struct copy_dev *c = sc;

	memcpy(&c->config[offset], &val, size);
}

static const struct virtio_ops ops = { .start = copy_start,
	.reset = copy_reset,
	.config_write = copy_config_write };

static struct virtio_dev *
copy_create(const struct dev_env *env, const struct dev_conf *conf)
{
	struct copy_dev *c;

	if (dev_conf_get(conf, "fail") != NULL)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		abort();
	c->vd = (struct virtio_dev){ .ops = &ops,
		.sc = c,
		.mem = env->mem,
		.id = COPY_ID,
		.offered = COPY_FEATURE,
		.nqueues = COPY_QUEUES,
		.config = c->config,
		.config_size = COPY_CONFIG };
	memcpy(c->config, "0123456789", COPY_CONFIG);
	if (virtio_init(&c->vd) != 0)
		abort();
	copy_dev = c;
	return &c->vd;
}

static void
copy_destroy(struct virtio_dev *vd)
{
	struct copy_dev *c = vd->sc;

	if (c->running)
		abort();
	virtio_fini(vd);
	free(c);
	copy_dev = NULL;
}

const struct virtio_model copy_model = {
	.model = { .name = "copy", .help = "for tests", .kind = DEV_VIRTIO },
	.pci_class = COPY_CLASS,
	.create = copy_create,
	.destroy = copy_destroy,
};

/* All models that there are. */
const struct dev_model *
dev_model_find(const char *name)
{
	static const struct dev_model plain = { .name = "plain", .kind = DEV_PCI };

	if (strcmp(name, "plain") == 0)
		return &plain;
	return strcmp(name, "copy") == 0 ? &copy_model.model : NULL;
}

static uint32_t
copy(const struct vq_chain *c)
{
	uint32_t in = 0, out = c->nread, done = 0;
	size_t in_at = 0, out_at = 0, n;

	while (in < c->nread && out < (uint32_t)c->nread + c->nwrite) {
		const struct iovec *from = &c->iov[in], *to = &c->iov[out];

		n = from->iov_len - in_at < to->iov_len - out_at ? from->iov_len - in_at :
								   to->iov_len - out_at;
		memmove((char *)to->iov_base + out_at, (const char *)from->iov_base + in_at, n);
		done += (uint32_t)n;
		in_at += n;
		out_at += n;
		if (in_at == from->iov_len) {
			in++;
			in_at = 0;
		}
		if (out_at == to->iov_len) {
			out++;
			out_at = 0;
		}
	}
	return done;
}

bool
copy_dev_serve(unsigned int queue)
{
	struct virtqueue *q = &copy_dev->vd.vq[queue];
	static struct vq_chain c;
	unsigned int turns = 0;

	if (!doorbell_answer(q->doorbell))
		return false;
	do {
		if (copy_dev->polls)
			vq_doorbell_off(q);
		while (vq_get(q, &c) == 1) {
			if (copy_dev->puts_back) {
				vq_unget(q);
				if (vq_get(q, &c) != 1) /* the guest may not have changed it */
					break;
			}
			vq_put(q, c.head, copy(&c));
			/* A guest whose answers make new requests in the ring ends here. */
			if (++turns == MAX_TURNS)
				break;
		}
		vq_notify(q);
	} while (copy_dev->polls && vq_doorbell_on(q) && turns < MAX_TURNS);
	return true;
}
