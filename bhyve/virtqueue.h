/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Split virtqueues (virtio 1.2, 2.7), the device's side, and what every virtio device is made of:
 * features, status, queues, configuration space.  A transport (virtio_pci.c, virtio_mmio.c) puts
 * this before the guest; a device (dev/virtio_*.c) sees nothing of the transport.
 *
 * Threads: a device serves its queues in threads of its own, which the queue's doorbell wakes.  A
 * queue belongs to the one thread that serves it: vq_get, vq_put and vq_notify take no lock.  The
 * transport calls a device's functions with virtio_dev.lock held, from a vCPU's thread.
 *
 * Everything in a ring is the guest's, and hostile.  What cannot be right (an index, a length, an
 * address outside RAM, a loop) breaks the device: DEVICE_NEEDS_RESET is set, the guest is told, and
 * the device does nothing more until it is reset (2.1.1).
 */
#ifndef BHYVE_VIRTQUEUE_H
#define BHYVE_VIRTQUEUE_H

#include <sys/uio.h>

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devconf.h"
#include "guest_mem.h"

struct virtio_dev;

/* Device IDs, virtio 1.2, 5. */
#define VIRTIO_ID_NET	  1u
#define VIRTIO_ID_BLOCK	  2u
#define VIRTIO_ID_CONSOLE 3u
#define VIRTIO_ID_ENTROPY 4u
#define VIRTIO_ID_BALLOON 5u

/* Device status, 2.1. */
#define VIRTIO_ACKNOWLEDGE 1u
#define VIRTIO_DRIVER	   2u
#define VIRTIO_DRIVER_OK   4u
#define VIRTIO_FEATURES_OK 8u
#define VIRTIO_NEEDS_RESET 64u
#define VIRTIO_FAILED	   128u

/* Feature bits that are not a device's own, 6. */
#define VIRTIO_F_INDIRECT_DESC (1ull << 28)
#define VIRTIO_F_EVENT_IDX     (1ull << 29)
#define VIRTIO_F_VERSION_1     (1ull << 32)

#define VIRTIO_MAX_QUEUES 32u
#define VIRTIO_QUEUE_MAX  1024u /* entries; the largest size we offer, a power of two */
#define VIRTIO_MAX_SEGS	  256u	/* buffers in one chain that a device is given */
#define VIRTIO_NO_VECTOR  0xffffu

/* One request: first what the device reads, then what it writes (2.7.4.2). */
struct vq_chain {
	uint16_t head;
	uint16_t nread, nwrite;
	uint32_t read_len, write_len;	   /* bytes; each below 4 GiB in all */
	struct iovec iov[VIRTIO_MAX_SEGS]; /* nread, then nwrite; checked to be RAM */
};

struct virtqueue {
	struct virtio_dev *dev; /* immutable, and the next two */
	uint16_t index;
	int doorbell;
	bool ready;		       /* [dev->lock] */
	uint16_t size;		       /* [dev->lock] entries, a power of two; fixed while ready */
	uint64_t desc, driver, device; /* [dev->lock] gpas of the three parts; fixed while ready */
	uint16_t vector;	       /* [dev->lock] the transport's, MSI-X */
	/* The serving thread's, set up when the queue becomes ready: */
	void *desc_va, *avail_va, *used_va;
	uint16_t next_avail; /* the next entry of the available ring to look at */
	uint16_t used_next;  /* where the next used entry goes */
	uint16_t used_idx;   /* what we last published */
	bool doorbell_off;
	bool busy[VIRTIO_QUEUE_MAX];	  /* by head: taken and not put back */
	uint16_t taken[VIRTIO_QUEUE_MAX]; /* heads in the order taken, for vq_unget */
};

/*
 * The next request.  1: *c is filled; 0: there is none; -1: the device is broken now.
 * Each chain taken must come back through vq_put, in any order.  At most q->size are out at once,
 * each with another head below q->size: what is kept for a request may be indexed by its head.
 */
int vq_get(struct virtqueue *q, struct vq_chain *c);
/* Take back the last vq_get; nothing was done with it.  Again: the one before it. */
void vq_unget(struct virtqueue *q);
/* Give a chain back, with how many bytes were written to its front.  Not yet visible. */
void vq_put(struct virtqueue *q, uint16_t head, uint32_t written);
/* Publish what was put since, and interrupt the guest if it wants to be (2.7.10). */
void vq_notify(struct virtqueue *q);
/*
 * The guest need not ring (off) while the queue is polled anyway; on: it must again.  True from
 * on: requests came meanwhile, look again.
 */
void vq_doorbell_off(struct virtqueue *q);
bool vq_doorbell_on(struct virtqueue *q);
/* Somebody else served the queue, and is done: go on at this index of the available ring. */
void vq_resume(struct virtqueue *q, uint16_t next_avail);
/* virtio_break(), and the user is told why, once. */
void vq_break(struct virtqueue *q, const char *why);

/* ---- a device ---- */

struct virtio_ops {
	/*
	 * The driver accepted features and set DRIVER_OK: dev->features holds.  Start to serve the
	 * queues that are ready; their doorbells are rung afterwards.  Then reset, which is called
	 * only after start: stop, and touch no queue once this returns; it waits for requests under
	 * way.  Both are called with dev->lock held, which the device's own threads must not need
	 * to finish what they do.
	 */
	void (*start)(void *sc);
	void (*reset)(void *sc);
	/* A write to the configuration space; NULL: nothing in it can be written. */
	void (*config_write)(void *sc, uint32_t offset, uint32_t size, uint32_t val);
	/* The device is broken now.  Any thread, with any lock; NULL: vq_get() says so. */
	void (*broken)(void *sc);
};

/* A device model that is a virtio device; a transport makes it. */
struct virtio_model {
	struct dev_model model;
	uint32_t pci_class; /* class, subclass and interface, of the PCI function */
	/*
	 * Everything immutable of the struct virtio_dev that is part of the device's own, but
	 * transport and tsc; virtio_init() was called.  NULL: a line was said (debug.h), which
	 * begins with dev_conf_where().
	 */
	struct virtio_dev *(*create)(const struct dev_env *env, const struct dev_conf *conf);
	void (*destroy)(struct virtio_dev *vd); /* it was reset before; no vCPU runs */
};

/*
 * Interrupts of a queue that is served outside bhyve: fd (doorbell.h) is rung for each.  The
 * transport has the module make them where it can.  While it cannot, it says watch(true), from any
 * thread and with any of its locks: then who serves the queue reads fd and calls
 * virtio_queue_interrupt().
 */
struct vq_call {
	int fd;
	void (*watch)(void *arg, bool on);
	void *arg;
};

/* What a transport offers; any thread, with dev->lock held or not: it must not take it. */
struct virtio_transport {
	void (*queue_interrupt)(void *tsc, struct virtqueue *q);
	void (*config_interrupt)(void *tsc);
	/*
	 * The queue's interrupts come by call->fd from here on; NULL: no more, and watch is not
	 * called again.  With dev->lock held.  NULL where it can do nothing about it.
	 */
	void (*queue_call)(void *tsc, struct virtqueue *q, const struct vq_call *call);
};

struct virtio_dev {
	const struct virtio_ops *ops; /* immutable, and so down to lock */
	void *sc;
	const struct virtio_transport *transport;
	void *tsc;
	const struct guest_mem *mem;
	uint32_t id;	  /* VIRTIO_ID_* */
	uint64_t offered; /* features; VERSION_1, INDIRECT_DESC and EVENT_IDX are added */
	unsigned int nqueues;
	struct virtqueue *vq; /* nqueues */
	uint8_t *config;      /* [lock] little-endian configuration space; the device's memory */
	uint32_t config_size; /* bytes, immutable */
	pthread_mutex_t lock;
	uint32_t status;     /* [lock] */
	bool legacy;	     /* [lock] the driver is one for virtio before 1.0 */
	uint64_t features;   /* [lock] what the driver accepted; fixed from FEATURES_OK on */
	uint32_t generation; /* [lock] of config */
	bool broken;	     /* atomic */
	bool said;	     /* atomic: the user was told that the guest broke it */
};

/*
 * vd is part of the device's own structure; everything immutable but transport and tsc is
 * set by the device before, queues and doorbells are made here.  -1 with errno.
 */
int virtio_init(struct virtio_dev *vd);
void virtio_fini(struct virtio_dev *vd);
/*
 * The guest did what it must not: DEVICE_NEEDS_RESET, and a configuration interrupt.  Any thread.
 */
void virtio_break(struct virtio_dev *vd);
bool virtio_is_broken(const struct virtio_dev *vd); /* any thread */
/* As vq_notify() would, for a queue that is served elsewhere.  Any thread. */
void virtio_queue_interrupt(struct virtqueue *q);
/* Between start and reset: with dev->lock held; call NULL, or as long as it is not. */
void virtio_queue_call(struct virtqueue *q, const struct vq_call *call);
/* config changed: call with lock held, after the change. */
void virtio_config_changed(struct virtio_dev *vd);
static inline bool
virtio_has(const struct virtio_dev *vd, uint64_t feature)
{
	return (vd->features & feature) != 0;
}

/* ---- for transports: all with vd->lock held ---- */
void virtio_set_status(struct virtio_dev *vd, uint32_t status); /* 0 resets */
uint32_t virtio_get_status(const struct virtio_dev *vd); /* as the driver reads it; any thread */
/* The driver need not choose VERSION_1 nor say FEATURES_OK (3.1.2).  Stays so over a reset. */
void virtio_set_legacy(struct virtio_dev *vd, bool legacy);
/* The driver's choice, before FEATURES_OK; what was not offered makes FEATURES_OK stay clear. */
void virtio_set_features(struct virtio_dev *vd, uint64_t features);
void virtio_queue_enable(struct virtqueue *q);	/* checks sizes and addresses; breaks the device */
void virtio_queue_disable(struct virtqueue *q); /* before DRIVER_OK; after: breaks the device */
/* Configuration space; bytes beyond its end read 0, writes there are ignored.  size 1, 2, 4. */
uint32_t virtio_config_read(struct virtio_dev *vd, uint32_t offset, uint32_t size);
void virtio_config_write(struct virtio_dev *vd, uint32_t offset, uint32_t size, uint32_t val);

#endif /* BHYVE_VIRTQUEUE_H */
