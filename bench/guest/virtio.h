/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The driver's side of virtio over PCI (virtio 1.2, 4.1), no more than the bench guests need:
 * split rings, event indexes, a vector a queue.  One caller, no interrupt handler: an interrupt
 * ends a WFI, and whoever slept looks into the rings (virtio_sleep).
 */
#ifndef BENCH_VIRTIO_H
#define BENCH_VIRTIO_H

#include <stdbool.h>
#include <stdint.h>

#include "virtq.h"

#define VIRTIO_NET   1u
#define VIRTIO_BLOCK 2u

#define QUEUES	   3u
#define QUEUE_SIZE 256u

struct queue {
	struct virtq_desc desc[QUEUE_SIZE] __attribute__((aligned(16)));
	struct {
		uint16_t flags, idx, ring[QUEUE_SIZE], used_event;
	} avail;
	struct {
		uint16_t flags, idx;
		struct virtq_used_elem ring[QUEUE_SIZE];
		uint16_t avail_event;
	} used __attribute__((aligned(4)));
	uint32_t index, notify; /* its number, and its doorbell */
	uint16_t avail_next, told, used_next;
	bool events; /* VIRTIO_F_EVENT_IDX */
};

struct virtio {
	uint32_t common, device, notify, notify_stride; /* addresses of its structures */
	uint32_t msix;					/* of its MSI-X table */
	uint64_t features;				/* what both sides have */
	struct queue q[QUEUES];
};

/*
 * Finds a device by its ID, resets it, and takes the features among `wanted' (and what the driver
 * itself knows) that it offers; false: there is none.
 */
bool virtio_find(struct virtio *v, uint32_t id, uint64_t wanted);
void virtio_queue(struct virtio *v, uint32_t index); /* sets one up, and its interrupt */
void virtio_ready(struct virtio *v);		     /* DRIVER_OK */

/* Descriptor i of q: `flags' are VIRTQ_DESC_F_*, with NEXT descriptor i + 1 follows. */
void queue_desc(struct queue *q, uint32_t i, const void *buf, uint32_t len, uint32_t flags);
void queue_add(struct queue *q, uint32_t head);
void queue_kick(struct queue *q); /* what was added is the device's; ring if it wants that */
/* The next chain that came back, and how much was written to it; false: none. */
bool queue_get(struct queue *q, uint32_t *head, uint32_t *len);
/* Interrupt when there is one more; false: there is one already. */
bool queue_arm(struct queue *q);
void queue_disarm(struct queue *q); /* no interrupts: they are of no interest */
/* Sleeps until an interrupt came since `seen' was read from irq_seen. */
void virtio_sleep(uint32_t seen);

#endif /* BENCH_VIRTIO_H */
