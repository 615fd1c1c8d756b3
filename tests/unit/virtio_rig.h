/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A guest's driver for tests of virtio devices: it lays rings into an array that is the guest's
 * memory, and talks to a struct virtio_dev without a transport.
 *
 *	struct virtio_rig rig;
 *
 *	virtio_rig_init(&rig, 0);                     // memory, rig.env
 *	vd = virtio_blk_model.create(&rig.env, virtio_rig_conf("path=disk.img,ro=true"));
 *	virtio_rig_attach(&rig, vd);
 *	assert_true(virtio_rig_start(&rig, VIRTIO_BLK_F_FLUSH, 64)); // all queues; DRIVER_OK
 *
 *	struct rig_buf b[] = { RIG_READ(&hdr, sizeof(hdr)), RIG_WRITE(512), RIG_WRITE(1) };
 *	head = virtio_rig_add(&rig, 0, b, 3);         // b[].gpa: where they were put
 *	virtio_rig_kick(&rig, 0);                     // rings only where the device asks for it
 *	assert_true(virtio_rig_wait_used(&rig, 0, 1000, &used));
 *	memcmp(virtio_rig_va(&rig, b[1].gpa), want, 512);
 *
 *	virtio_rig_detach(&rig);                      // resets the device
 *	virtio_blk_model.destroy(vd);
 *	virtio_rig_fini(&rig);
 *
 * Names in a chain are the device's: it reads RIG_READ, it writes RIG_WRITE.  The driver keeps to
 * the specification, event indexes and suppressed doorbells included, so a device that would miss
 * a request on a real guest misses it here.  For a guest that does not keep to it: change
 * descriptors through virtio_rig_desc() between virtio_rig_chain() and virtio_rig_submit(), submit
 * what is no head, or write anywhere through virtio_rig_va(); then wait for
 * virtio_rig_wait_broken().
 *
 * One thread uses a rig.  The interrupts, which the device's threads raise, are counted atomically.
 */
#ifndef VIRTIO_RIG_H
#define VIRTIO_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../bhyve/devconf.h"
#include "../../bhyve/guest_mem.h"
#include "../../bhyve/virtq.h"
#include "../../bhyve/virtqueue.h"

#define RIG_RAM_GPA   0x40000000ull
#define RIG_RAM_BYTES (4u << 20) /* unless virtio_rig_init() is told otherwise */
#define RIG_NONE      UINT16_MAX /* no descriptor */

struct rig_queue {
	struct virtq_desc *desc; /* in guest memory, and the next two */
	struct virtq_avail *avail;
	struct virtq_used *used;
	uint16_t size;
	uint16_t free;	 /* first of the free descriptors, linked by next; or RIG_NONE */
	uint16_t kicked; /* avail->idx at the last kick */
	uint16_t seen;	 /* used entries taken */
	bool event_idx;
	unsigned int irqs; /* atomic */
};

struct virtio_rig {
	struct guest_mem mem;
	struct dev_env env; /* mem is set, the rest NULL: fill in what the device wants */
	struct virtio_dev *vd;
	uint64_t top; /* gpa: what is below is in use */
	struct rig_queue q[VIRTIO_MAX_QUEUES];
	unsigned int config_irqs; /* atomic */
};

struct rig_buf {
	const void *data; /* copied into guest memory; NULL: filled with 0xa5 */
	uint32_t len;
	bool write;
	uint64_t gpa; /* 0: memory is taken for it, and this is set; else it is there */
};
/* clang-format off */
#define RIG_READ(p, n)	{ .data = (p), .len = (uint32_t)(n) }
#define RIG_WRITE(n)	{ .len = (uint32_t)(n), .write = true }
#define RIG_AT(g, n, w)	{ .len = (uint32_t)(n), .write = (w), .gpa = (g) } /* as it is there */
/* clang-format on */

struct rig_used {
	uint32_t head, len;
};

/* ---- life ---- */
void virtio_rig_init(struct virtio_rig *r, uint64_t ram_bytes); /* whole pages; 0: RIG_RAM_BYTES */
void virtio_rig_fini(struct virtio_rig *r);
void virtio_rig_attach(struct virtio_rig *r, struct virtio_dev *vd);
void virtio_rig_detach(struct virtio_rig *r);
/*
 * Reset, ACKNOWLEDGE, DRIVER, features (VERSION_1 is added), FEATURES_OK, all queues with `size'
 * entries, DRIVER_OK.  False: the device did not take the features.  Memory taken before is free.
 */
bool virtio_rig_start(struct virtio_rig *r, uint64_t features, uint16_t size);
/* Its parts, for what goes between. */
bool virtio_rig_negotiate(struct virtio_rig *r, uint64_t features);
void virtio_rig_queue(struct virtio_rig *r, unsigned int q, uint16_t size);
void virtio_rig_status(struct virtio_rig *r, uint32_t status); /* takes the lock */
/* For tests of transports: empty rings in memory; where descriptors, available and used are. */
void virtio_rig_layout(struct virtio_rig *r, unsigned int q, uint16_t size, uint64_t gpa[3]);
/* The same where the three parts lie already. */
void virtio_rig_rings(struct virtio_rig *r, unsigned int n, uint16_t size, const uint64_t gpa[3]);

/* ---- memory ---- */
uint64_t virtio_rig_alloc(struct virtio_rig *r, uint64_t len, uint64_t align);
void *virtio_rig_va(const struct virtio_rig *r, uint64_t gpa);

/* ---- chains ---- */
/* Lay out and submit; the head, RIG_NONE where descriptors or memory run out. */
uint16_t virtio_rig_add(struct virtio_rig *r, unsigned int q, struct rig_buf *b, unsigned int n);
/* The same in an indirect table, of which one descriptor tells. */
uint16_t virtio_rig_add_indirect(
    struct virtio_rig *r, unsigned int q, struct rig_buf *b, unsigned int n);
/* Lay out only, then make it available. */
uint16_t virtio_rig_chain(struct virtio_rig *r, unsigned int q, struct rig_buf *b, unsigned int n);
void virtio_rig_submit(struct virtio_rig *r, unsigned int q, uint16_t head);
struct virtq_desc *virtio_rig_desc(struct virtio_rig *r, unsigned int q, uint16_t i);
/* Ring if the device wants it; whether it did. */
bool virtio_rig_kick(struct virtio_rig *r, unsigned int q);
/* The next used entry; its descriptors are free again.  False: none within ms. */
bool virtio_rig_wait_used(
    struct virtio_rig *r, unsigned int q, unsigned int ms, struct rig_used *used);

/* ---- what the device does besides ---- */
unsigned int virtio_rig_irqs(struct virtio_rig *r, unsigned int q);
unsigned int virtio_rig_config_irqs(struct virtio_rig *r);
bool virtio_rig_wait_irqs(struct virtio_rig *r, unsigned int q, unsigned int n, unsigned int ms);
bool virtio_rig_wait_config_irqs(struct virtio_rig *r, unsigned int n, unsigned int ms);
bool virtio_rig_wait_broken(struct virtio_rig *r, unsigned int ms); /* NEEDS_RESET */
/* Ask for no interrupts, or again; with event indexes: when `event' more than seen are used. */
void virtio_rig_interrupts(struct virtio_rig *r, unsigned int q, bool on);
void virtio_rig_used_event(struct virtio_rig *r, unsigned int q, uint16_t event);

/* ---- fakes that a program gets with the rig ---- */
/* dev_conf_get() and the like over "key=value,key,key=value"; one at a time is valid. */
const struct dev_conf *virtio_rig_conf(const char *keys);
/* What holds of options that were not given; unless the program has its own: its model's. */
const struct dev_option *virtio_rig_options(void);
extern char virtio_rig_said[4096]; /* all of say(), unless the program has its own */

#endif /* VIRTIO_RIG_H */
