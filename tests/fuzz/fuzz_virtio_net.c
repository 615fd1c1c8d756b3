/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A driver that does anything to a network card: chains of any shape with any header, control
 * commands, frames from outside, descriptors and indexes overwritten at any moment, resets.
 * Whatever is done: nothing is read or written but the guest's memory, and the card comes back
 * after a reset.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/fake_netbe.h"
#include "../unit/virtio_rig.h"
#include "dev/virtio_net.h"
#include "net_backend.h"

#define RAM_BYTES (256u << 10)
#define MAX_BUFS  8
#define WAIT_MS	  5000
#define SMALLEST  (12 + 14) /* header and Ethernet header */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct virtio_rig rig;
static struct virtio_dev *vd;

struct input {
	const uint8_t *p;
	size_t left;
};

static uint8_t
byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->p++;
}

static uint16_t
word(struct input *in)
{
	uint8_t low = byte(in);

	return (uint16_t)(low | byte(in) << 8);
}

/* n bytes of the input, then zeros. */
static void
bytes(struct input *in, uint8_t *to, size_t n)
{
	size_t have = n < in->left ? n : in->left;

	memcpy(to, in->p, have);
	memset(to + have, 0, n - have);
	in->p += have;
	in->left -= have;
}

static void
restart(struct input *in)
{
	uint64_t features = (uint64_t)word(in) << 8 | byte(in);

	/* Of 24 bits the ones that are offered; mostly with event indexes and indirect tables. */
	features |= (uint64_t)(byte(in) & 3) << 28;
	virtio_rig_start(&rig, features & vd->offered, (uint16_t)(1u << (byte(in) & 7)));
}

/* Buffers of any size, the first of them with any content. */
static void
chain(struct input *in, unsigned int q, uint8_t how)
{
	struct rig_buf b[MAX_BUFS];
	unsigned int n = 1 + (how & (MAX_BUFS - 1)), writes = byte(in);
	uint8_t start[64];

	bytes(in, start, 16);
	for (unsigned int i = 0; i < n; i++) {
		uint32_t len = byte(in);

		b[i] = (struct rig_buf){ .len = len > 200 ? len << 4 : len };
		b[i].write = (writes >> i & 1) != 0;
		if (i == 0 && len <= sizeof(start) && !b[i].write)
			b[i].data = start;
	}
	if ((how & 0x80) != 0)
		virtio_rig_add_indirect(&rig, q, b, n);
	else
		virtio_rig_add(&rig, q, b, n);
	virtio_rig_kick(&rig, q);
}

static void
control(struct input *in, unsigned int q)
{
	uint8_t head[2] = { byte(in), byte(in) }, data[48];
	struct rig_buf b[] = { RIG_READ(head, 2), RIG_READ(data, byte(in) % sizeof(data) + 1),
		RIG_WRITE(1) };

	bytes(in, data, sizeof(data));
	virtio_rig_add(&rig, q, b, 3);
	virtio_rig_kick(&rig, q);
}

static void
inject(struct input *in)
{
	static uint8_t frame[FAKE_NETBE_FRAME];
	uint32_t len = 13 + word(in);

	bytes(in, frame, 64);
	fake_netbe_inject(frame, len < sizeof(frame) ? len : (uint32_t)sizeof(frame));
}

static void
scribble(struct input *in)
{
	uint8_t *at = virtio_rig_va(&rig, rig.mem.gpa);

	at[((uint32_t)word(in) << 2 | (byte(in) & 3)) % RAM_BYTES] = byte(in);
}

static void
step(struct input *in)
{
	uint8_t op = byte(in);
	unsigned int q = byte(in) % vd->nqueues;
	struct rig_used used;

	if (rig.q[q].size == 0)
		restart(in);
	switch (op & 7) {
	case 0:
		restart(in);
		break;
	case 1:
	case 2:
		chain(in, q, byte(in));
		break;
	case 3:
		control(in, q);
		break;
	case 4:
		inject(in);
		break;
	case 5:
		scribble(in);
		break;
	case 6:
		virtio_rig_submit(&rig, q, word(in));
		virtio_rig_kick(&rig, q);
		break;
	default:
		virtio_rig_wait_used(&rig, q, op >> 7, &used);
		break;
	}
}

/* After all that, a reset makes a card of it that sends. */
static void
works(void)
{
	static const uint8_t frame[SMALLEST];
	struct rig_buf b = RIG_READ(frame, sizeof(frame));
	unsigned int sent;
	struct rig_used used;

	if (!virtio_rig_start(&rig, 0, 8))
		abort();
	sent = fake_netbe_sent();
	virtio_rig_add(&rig, 1, &b, 1);
	virtio_rig_kick(&rig, 1);
	if (!virtio_rig_wait_used(&rig, 1, WAIT_MS, &used) || fake_netbe_sent() != sent + 1)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const char *conf = byte(&in) & 1 ? "queues=2,mac=02:00:00:00:00:01" : "mtu=1500";

	virtio_rig_said[0] = '\0';
	virtio_rig_init(&rig, RAM_BYTES);
	fake_netbe_reset(
	    (byte(&in) & 1) != 0 ? NETBE_CSUM | NETBE_GUEST_CSUM | NETBE_HOST_TSO4 : 0);
	vd = virtio_net_model.create(&rig.env, virtio_rig_conf(conf));
	if (vd == NULL)
		abort();
	virtio_rig_attach(&rig, vd);
	restart(&in);
	while (in.left > 0)
		step(&in);
	works();
	virtio_rig_detach(&rig);
	virtio_net_model.destroy(vd);
	virtio_rig_fini(&rig);
	return 0;
}
