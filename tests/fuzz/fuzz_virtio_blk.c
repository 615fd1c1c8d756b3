/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A driver of a virtio disk that does as it likes: any requests in any framing, descriptors that
 * are changed afterwards, resets, configuration.  Whatever it does: a request whose chain was left
 * as the specification has it is answered, and the disk neither grows nor shrinks.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit/virtio_rig.h"
#include "models.h"
#include "virtio_blk.h"

#define DISK	65536u
#define QUEUES	2u
#define SIZE	16u
#define WAIT_MS 10000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct virtio_rig rig;
static int file = -1;
static char options[80];

struct input {
	const uint8_t *data;
	size_t size;
};

static uint32_t
take(struct input *in, unsigned int bytes)
{
	uint32_t val = 0;

	while (bytes-- > 0 && in->size > 0) {
		val = val << 8 | *in->data++;
		in->size--;
	}
	return val;
}

static void
take_back(unsigned int q)
{
	struct rig_used used;

	while (virtio_rig_wait_used(&rig, q, 0, &used))
		;
}

static void
restart(struct input *in)
{
	static const uint64_t some[] = { 0, VIRTIO_BLK_F_FLUSH, VIRTIO_F_EVENT_IDX,
		VIRTIO_F_INDIRECT_DESC, VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_WRITE_ZEROES,
		VIRTIO_BLK_F_CONFIG_WCE, VIRTIO_BLK_F_MQ };
	uint32_t pick = take(in, 1);
	uint64_t features = 0;

	for (unsigned int i = 0; i < 8; i++)
		if ((pick >> i & 1) != 0)
			features |= some[i];
	if (!virtio_rig_start(&rig, features & rig.vd->offered, SIZE))
		abort();
}

/* Most types that there are, most sectors inside; the rest as it comes. */
static struct virtio_blk_header
any_header(struct input *in)
{
	static const uint32_t types[] = { VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_FLUSH,
		VIRTIO_BLK_T_GET_ID, VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES, 9 };
	struct virtio_blk_header h = { 0 };
	uint32_t how = take(in, 1);

	h.type = (how & 7) < 7 ? types[how & 7] : take(in, 4);
	h.sector = (how & 8) != 0 ? (uint64_t)take(in, 4) << 32 | take(in, 4) : how >> 4;
	return h;
}

static void
request(struct input *in, unsigned int q)
{
	uint8_t out[16 + 512] = { 0 };
	struct virtio_blk_header h = any_header(in);
	struct rig_buf b[8];
	uint32_t shape = take(in, 1), at = 0;
	unsigned int n = 0, nread = shape & 3, nwrite = shape >> 2 & 3;
	uint16_t head;

	memcpy(out, &h, sizeof(h));
	for (size_t i = sizeof(h); i < sizeof(out) && i < 48; i++)
		out[i] = (uint8_t)take(in, 1);
	for (; n < nread; n++) {
		uint32_t len = n == 0 && (shape & 0x40) == 0 ? 16 : 1 + take(in, 2) % 512;

		if (len > sizeof(out) - at)
			len = (uint32_t)sizeof(out) - at;
		b[n] = (struct rig_buf)RIG_READ(out + at, len);
		at += len;
		if (len == 0)
			break;
	}
	for (unsigned int i = 0; i < nwrite; i++)
		b[n++] = (struct rig_buf)RIG_WRITE(1 + take(in, 2) % 2048);
	if (n == 0)
		return;
	head = (shape & 0x10) != 0 ? virtio_rig_add_indirect(&rig, q, b, n) :
				     virtio_rig_chain(&rig, q, b, n);
	if (head == RIG_NONE || (shape & 0x10) != 0)
		return;
	if ((shape & 0x20) != 0) {
		struct virtq_desc *d = virtio_rig_desc(&rig, q, (uint16_t)(take(in, 1) % SIZE));

		d->len = take(in, 3);
		d->flags = (uint16_t)(d->flags ^ (take(in, 1) & 7));
	}
	virtio_rig_submit(&rig, q, head);
}

static void
config(struct input *in)
{
	uint32_t offset = take(in, 1), size = 1u << take(in, 1) % 3, val = take(in, 1);

	pthread_mutex_lock(&rig.vd->lock);
	(void)virtio_config_read(rig.vd, offset, size);
	virtio_config_write(rig.vd, offset, size, val);
	pthread_mutex_unlock(&rig.vd->lock);
}

/* The device is well: a request gets its answer. */
static void
check_alive(void)
{
	struct virtio_blk_header h = { .type = VIRTIO_BLK_T_IN };
	struct rig_buf b[] = { RIG_READ(&h, sizeof(h)), RIG_WRITE(513) };
	struct rig_used used;
	struct stat st;

	if (!virtio_rig_start(&rig, 0, SIZE) || virtio_rig_add(&rig, 0, b, 2) == RIG_NONE)
		abort();
	virtio_rig_kick(&rig, 0);
	if (!virtio_rig_wait_used(&rig, 0, WAIT_MS, &used) || used.len != 513)
		abort();
	if (fstat(file, &st) != 0 || st.st_size != DISK)
		abort();
}

static void
make_disk(void)
{
	file = memfd_create("disk", 0);
	if (file < 0 || ftruncate(file, DISK) != 0)
		abort();
	snprintf(
	    options, sizeof(options), "path=/proc/self/fd/%d,queues=%u,threads=2", file, QUEUES);
	virtio_rig_init(&rig, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct virtio_dev *vd;

	if (file < 0)
		make_disk();
	virtio_rig_said[0] = '\0';
	vd = virtio_blk_model.create(&rig.env, virtio_rig_conf(options));
	if (vd == NULL)
		abort();
	virtio_rig_attach(&rig, vd);
	restart(&in);
	while (in.size > 0) {
		uint32_t op = take(&in, 1);
		unsigned int q = op >> 3 & 1;

		switch (op & 7) {
		case 0:
			restart(&in);
			break;
		case 1:
			config(&in);
			break;
		case 2:
			take_back(q);
			break;
		case 3:
			virtio_rig_kick(&rig, q);
			break;
		default:
			request(&in, q);
			virtio_rig_kick(&rig, q);
			break;
		}
	}
	check_alive();
	virtio_rig_detach(&rig);
	virtio_blk_model.destroy(vd);
	return 0;
}
