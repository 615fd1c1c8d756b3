/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Any bytes in the rings, at any time, before a device that copies.  The guest's memory is small,
 * so that what the input writes is often what the device looks at.  Whatever is there: the device
 * touches RAM only (there are guard pages), comes to an end, gives back what it took, once, and
 * does nothing after it was broken.
 */
#include <stdlib.h>
#include <string.h>

#include "../unit/copy_dev.h"
#include "../unit/virtio_rig.h"

#define RAM  16384u /* bytes */
#define SIZE 8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct virtio_rig rig;

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
restart(uint8_t how)
{
	uint64_t features = ((how & 1) != 0 ? VIRTIO_F_INDIRECT_DESC : 0) |
	    ((how & 2) != 0 ? VIRTIO_F_EVENT_IDX : 0);

	copy_dev->polls = (how & 4) != 0;
	copy_dev->puts_back = (how & 8) != 0;
	memset(rig.mem.va, 0, RAM);
	check(virtio_rig_start(&rig, features, SIZE));
	check(virtio_get_status(&copy_dev->vd) == 15);
}

static void
serve(unsigned int n)
{
	const struct virtqueue *q = &copy_dev->vd.vq[n];
	unsigned int irqs = virtio_rig_irqs(&rig, n), config_irqs = virtio_rig_config_irqs(&rig);
	bool was_broken = virtio_is_broken(&copy_dev->vd);
	uint16_t used = q->used_idx;

	virtio_rig_kick(&rig, n);
	copy_dev_serve(n);
	check(q->used_next == q->next_avail);
	check(copy_dev->polls || virtio_rig_irqs(&rig, n) - irqs <= 1);
	check(virtio_rig_config_irqs(&rig) - config_irqs ==
	    (virtio_is_broken(&copy_dev->vd) && !was_broken));
	if (was_broken)
		check(q->used_idx == used);
	for (unsigned int i = 0; i < VIRTIO_QUEUE_MAX; i++)
		check(!q->busy[i]);
}

/* A descriptor of which most is right, in queue n. */
static void
put_desc(unsigned int n, const uint8_t *op)
{
	struct virtq_desc *d = virtio_rig_desc(&rig, n, op[1] % SIZE);

	d->addr = RIG_RAM_GPA + (uint32_t)(op[2] << 8 | op[3]) % (RAM + 64);
	d->len = op[4];
	d->flags = op[5] & 7;
	d->next = op[6] % (SIZE + 1);
	if ((op[5] & 0x80) != 0)
		d->len *= 16; /* a table */
	if ((op[5] & 0x40) != 0)
		d->addr |= (uint64_t)op[7] << 56;
}

static void
step(const uint8_t *op)
{
	unsigned int n = op[0] >> 7;

	switch (op[0] & 7) {
	case 0: /* any bytes, anywhere */
		memcpy(rig.mem.va + ((uint32_t)(op[1] << 8 | op[2]) & (RAM - 8)), op + 3, 5);
		break;
	case 1:
	case 2:
		put_desc(n, op);
		break;
	case 3:
	case 4:
		virtio_rig_submit(&rig, n, op[1] % (SIZE + 1));
		break;
	case 5:
		serve(n);
		break;
	case 6:
		virtio_rig_used_event(&rig, n, op[1]);
		rig.q[n].avail->flags = op[2] & 1;
		break;
	default:
		if (op[1] > 0xe0)
			restart(op[2]);
		else
			rig.q[n].avail->idx = (uint16_t)(rig.q[n].avail->idx + op[2]);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	virtio_rig_init(&rig, RAM);
	virtio_rig_attach(&rig, copy_model.create(&rig.env, virtio_rig_conf("")));
	virtio_rig_said[0] = '\0';
	restart(data[0]);
	for (data++, size--; size >= 8; data += 8, size -= 8)
		step(data);
	serve(0);
	serve(1);
	virtio_rig_detach(&rig);
	copy_model.destroy(&copy_dev->vd);
	virtio_rig_fini(&rig);
	return 0;
}
