/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * virtio over MMIO (virtio 1.2, 4.2): version 2.  A driver for version 1 does not touch it, if it
 * reads Version; FreeBSD's before 13 does not, and shows itself when it writes GuestPageSize.  From
 * then on it finds the queues as 4.2.4 has them.  The interrupt is a level, up while
 * InterruptStatus is not 0.
 *
 * Locks: virtio_dev.lock, then one of virtio_notify.lock and isr_lock.  Interrupts, which come from
 * any thread, take isr_lock alone.
 */
#include <stdlib.h>

#include <vmm/machine.h>

#include "debug.h"
#include "doorbell.h"
#include "virtio_mmio.h"
#include "virtio_notify.h"
#include "virtq.h"
#include "virtqueue.h"

#define SPI_INTID(n) (32u + (uint32_t)(n))

/* 4.2.2 */
enum reg {
	MAGIC_VALUE = 0x000,
	VERSION = 0x004,
	DEVICE_ID = 0x008,
	VENDOR_ID = 0x00c,
	DEVICE_FEATURES = 0x010,
	DEVICE_FEATURES_SEL = 0x014,
	DRIVER_FEATURES = 0x020,
	DRIVER_FEATURES_SEL = 0x024,
	GUEST_PAGE_SIZE = 0x028, /* 4.2.4, and the next two */
	QUEUE_SEL = 0x030,
	QUEUE_NUM_MAX = 0x034,
	QUEUE_NUM = 0x038,
	QUEUE_ALIGN = 0x03c,
	QUEUE_PFN = 0x040,
	QUEUE_READY = 0x044,
	QUEUE_NOTIFY = 0x050,
	INTERRUPT_STATUS = 0x060,
	INTERRUPT_ACK = 0x064,
	STATUS = 0x070,
	QUEUE_DESC_LOW = 0x080,
	QUEUE_DESC_HIGH = 0x084,
	QUEUE_DRIVER_LOW = 0x090,
	QUEUE_DRIVER_HIGH = 0x094,
	QUEUE_DEVICE_LOW = 0x0a0,
	QUEUE_DEVICE_HIGH = 0x0a4,
	SHM_LEN_LOW = 0x0b0,
	SHM_LEN_HIGH = 0x0b4,
	SHM_BASE_LOW = 0x0b8,
	SHM_BASE_HIGH = 0x0bc,
	CONFIG_GENERATION = 0x0fc,
	CONFIG = 0x100,
};

#define MAGIC	   0x74726976u /* "virt" */
#define VENDOR	   0x1af4u
#define INT_USED   1u
#define INT_CONFIG 2u

struct virtio_mmio {
	const struct dev_env *env; /* immutable, down to intid */
	struct virtio_dev *vd;
	const struct virtio_model *model;
	uint32_t intid;
	uint32_t device_features_sel, driver_features_sel, queue_sel; /* [vd->lock] */
	uint32_t page_size, align; /* [vd->lock] of a legacy driver; 0: it is none */
	bool legacy;		   /* atomic: page_size is not 0 */
	struct virtio_notify notify;
	pthread_mutex_t isr_lock;
	uint32_t isr; /* [isr_lock] InterruptStatus */
};

/* ---- interrupts ---- */

static void
isr_change(struct virtio_mmio *m, uint32_t clear, uint32_t set)
{
	uint32_t old;

	pthread_mutex_lock(&m->isr_lock);
	old = m->isr;
	m->isr = (old & ~clear) | set;
	if ((old != 0) != (m->isr != 0))
		m->env->set_irq(m->env->arg, m->intid, m->isr != 0);
	pthread_mutex_unlock(&m->isr_lock);
}

static uint32_t
isr_get(struct virtio_mmio *m)
{
	uint32_t isr;

	pthread_mutex_lock(&m->isr_lock);
	isr = m->isr;
	pthread_mutex_unlock(&m->isr_lock);
	return isr;
}

static void
queue_interrupt(void *tsc, struct virtqueue *q)
{
	(void)q;
	isr_change(tsc, 0, INT_USED);
}

static void
config_interrupt(void *tsc)
{
	isr_change(tsc, 0, INT_CONFIG);
}

/* No queue_call: there is a bit to set for each interrupt. */
static const struct virtio_transport transport = { .queue_interrupt = queue_interrupt,
	.config_interrupt = config_interrupt };

/* ---- registers: [vd->lock] ---- */

static struct virtqueue *
selected_queue(struct virtio_mmio *m)
{
	return m->queue_sel < m->vd->nqueues ? &m->vd->vq[m->queue_sel] : NULL;
}

static uint32_t
reg_read(struct virtio_mmio *m, uint32_t reg)
{
	const struct virtqueue *q = selected_queue(m);

	switch (reg) {
	case MAGIC_VALUE:
		return MAGIC;
	case VERSION:
		return 2;
	case DEVICE_ID:
		return m->vd->id;
	case VENDOR_ID:
		return VENDOR;
	case DEVICE_FEATURES:
		return virtio_feature_word(m->vd->offered, m->device_features_sel);
	case QUEUE_NUM_MAX: /* 0: there is no such queue */
		return q != NULL ? VIRTIO_QUEUE_MAX : 0;
	case QUEUE_PFN:
		return q != NULL && q->ready && m->page_size != 0 ?
		    (uint32_t)(q->desc / m->page_size) :
		    0;
	case QUEUE_READY: /* a broken device does not use it any more */
		return q != NULL && q->ready && !virtio_is_broken(m->vd);
	case INTERRUPT_STATUS:
		return isr_get(m);
	case STATUS:
		return virtio_get_status(m->vd);
	case SHM_LEN_LOW: /* there is no shared memory region, whichever is selected */
	case SHM_LEN_HIGH:
	case SHM_BASE_LOW:
	case SHM_BASE_HIGH:
		return UINT32_MAX;
	case CONFIG_GENERATION:
		return m->vd->generation;
	default: /* write-only, reserved, or QueueReset, which is not offered */
		return 0;
	}
}

static void
reset(struct virtio_mmio *m)
{
	virtio_notify_off(&m->notify);
	virtio_set_status(m->vd, 0);
	m->device_features_sel = m->driver_features_sel = m->queue_sel = 0;
	isr_change(m, UINT32_MAX, 0);
}

/* A legacy driver's are bound when the device runs: before, its first ring starts it (notify). */
static void
bind_doorbells(struct virtio_mmio *m)
{
	bool on = m->page_size == 0 || (virtio_get_status(m->vd) & VIRTIO_DRIVER_OK) != 0;

	for (unsigned int i = 0; i < m->vd->nqueues; i++)
		virtio_notify_queue(&m->notify, i, on && m->vd->vq[i].ready);
}

static void
queue_ready(struct virtio_mmio *m, struct virtqueue *q, bool ready)
{
	if (ready)
		virtio_queue_enable(q);
	else
		virtio_queue_disable(q);
	bind_doorbells(m);
}

static void
set_status(struct virtio_mmio *m, uint32_t val)
{
	virtio_set_status(m->vd, val);
	bind_doorbells(m);
}

static void
set_half(uint64_t *addr, bool high, uint32_t val)
{
	*addr = high ? (*addr & 0xffffffffu) | (uint64_t)val << 32 : (*addr & ~0xffffffffull) | val;
}

static void
queue_write(struct virtio_mmio *m, struct virtqueue *q, uint32_t reg, uint32_t val)
{
	if (reg == QUEUE_READY)
		queue_ready(m, q, val == 1);
	if (q->ready)
		return;
	switch (reg) {
	case QUEUE_NUM: /* 0 is refused when the queue is made ready */
		q->size = (uint16_t)(val <= VIRTIO_QUEUE_MAX ? val : 0);
		break;
	case QUEUE_DESC_LOW:
	case QUEUE_DESC_HIGH:
		set_half(&q->desc, reg == QUEUE_DESC_HIGH, val);
		break;
	case QUEUE_DRIVER_LOW:
	case QUEUE_DRIVER_HIGH:
		set_half(&q->driver, reg == QUEUE_DRIVER_HIGH, val);
		break;
	case QUEUE_DEVICE_LOW:
	case QUEUE_DEVICE_HIGH:
		set_half(&q->device, reg == QUEUE_DEVICE_HIGH, val);
		break;
	default: /* read-only or reserved */
		break;
	}
}

/* ---- drivers for version 1 (4.2.4, 2.7.2) ---- */

#define LEGACY_PAGE_MAX (64u << 10)

static bool
is_size(uint32_t val, uint32_t max)
{
	return val != 0 && val <= max && (val & (val - 1)) == 0;
}

/* A reset does not end it, for a driver may say it but once; one for version 2 ends it itself. */
static void
legacy_begin(struct virtio_mmio *m, uint32_t page_size)
{
	m->page_size = m->align = page_size;
	__atomic_store_n(&m->legacy, page_size != 0, __ATOMIC_RELEASE);
	virtio_set_legacy(m->vd, page_size != 0);
	bind_doorbells(m);
}

/* One block: descriptors, available ring, and from a multiple of QueueAlign the used ring. */
static void
legacy_queue_place(struct virtio_mmio *m, struct virtqueue *q, uint32_t pfn)
{
	uint64_t align = m->align;

	if (q->ready && pfn != 0) /* its place is fixed */
		return;
	if (pfn == 0) {
		queue_ready(m, q, false);
		return;
	}
	q->desc = (uint64_t)pfn * m->page_size;
	q->driver = q->desc + VIRTQ_DESC_BYTES((uint64_t)q->size);
	q->device = (q->driver + VIRTQ_AVAIL_BYTES((uint64_t)q->size) + align - 1) & ~(align - 1);
	queue_ready(m, q, true);
}

/* True: the register is one of a legacy driver's. */
static bool
legacy_write(struct virtio_mmio *m, struct virtqueue *q, uint32_t reg, uint32_t val)
{
	if (reg == GUEST_PAGE_SIZE) {
		if ((virtio_get_status(m->vd) & VIRTIO_DRIVER_OK) == 0)
			legacy_begin(m, is_size(val, LEGACY_PAGE_MAX) ? val : 0);
		return true;
	}
	/* Nobody but a driver for version 2, after a legacy one's reset, chooses VERSION_1. */
	if (reg == DRIVER_FEATURES && m->driver_features_sel == 1 && val != 0 &&
	    virtio_get_status(m->vd) == (VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER))
		legacy_begin(m, 0);
	if (m->page_size == 0 || (reg != QUEUE_ALIGN && reg != QUEUE_PFN))
		return false;
	if (reg == QUEUE_ALIGN)
		m->align = is_size(val, LEGACY_PAGE_MAX) ? val : m->page_size;
	else if (q != NULL)
		legacy_queue_place(m, q, val);
	return true;
}

static void
reg_write(struct virtio_mmio *m, uint32_t reg, uint32_t val)
{
	struct virtqueue *q = selected_queue(m);

	if (legacy_write(m, q, reg, val))
		return;
	switch (reg) {
	case DEVICE_FEATURES_SEL:
		m->device_features_sel = val;
		break;
	case DRIVER_FEATURES_SEL:
		m->driver_features_sel = val;
		break;
	case DRIVER_FEATURES:
		virtio_set_feature_word(m->vd, m->driver_features_sel, val);
		break;
	case QUEUE_SEL:
		m->queue_sel = val;
		break;
	case INTERRUPT_ACK:
		isr_change(m, val, 0);
		break;
	case STATUS:
		if (val == 0)
			reset(m);
		else
			set_status(m, val);
		break;
	default:
		if (q != NULL)
			queue_write(m, q, reg, val);
		break;
	}
}

/* ---- accesses ---- */

/*
 * Legacy drivers use a queue when it is there, some of them before DRIVER_OK (3.1.2): what they
 * have said by then holds.
 */
static void
notify(struct virtio_mmio *m, uint32_t queue)
{
	struct virtio_dev *vd = m->vd;

	if (queue >= vd->nqueues)
		return;
	if (__atomic_load_n(&m->legacy, __ATOMIC_ACQUIRE)) {
		pthread_mutex_lock(&vd->lock);
		if (vd->vq[queue].ready && (virtio_get_status(vd) & VIRTIO_DRIVER_OK) == 0)
			set_status(m, VIRTIO_DRIVER_OK);
		pthread_mutex_unlock(&vd->lock);
	}
	doorbell_ring(vd->vq[queue].doorbell);
}

static enum mmio_result
virtio_mmio_read(void *sc, uint64_t offset, uint32_t size, uint64_t *data)
{
	struct virtio_mmio *m = sc;

	*data = 0;
	pthread_mutex_lock(&m->vd->lock);
	if (offset >= CONFIG)
		*data = virtio_config_read(m->vd, (uint32_t)offset - CONFIG, size);
	else if (size == 4) /* 4.2.2.2: registers by words only */
		*data = reg_read(m, (uint32_t)offset);
	pthread_mutex_unlock(&m->vd->lock);
	return MMIO_OK;
}

static enum mmio_result
virtio_mmio_write(void *sc, uint64_t offset, uint32_t size, uint64_t data)
{
	struct virtio_mmio *m = sc;
	uint32_t val = (uint32_t)data;

	/* The one that is often used: a driver for version 2 takes no lock. */
	if (offset == QUEUE_NOTIFY) {
		if (size == 4)
			notify(m, val);
		return MMIO_OK;
	}
	pthread_mutex_lock(&m->vd->lock);
	if (offset >= CONFIG)
		virtio_config_write(m->vd, (uint32_t)offset - CONFIG, size, val);
	else if (size == 4)
		reg_write(m, (uint32_t)offset, val);
	pthread_mutex_unlock(&m->vd->lock);
	return MMIO_OK;
}

/* ---- coming and going ---- */

struct virtio_mmio *
virtio_mmio_create(const struct dev_env *env, const struct virtio_model *model,
    const struct dev_conf *conf, unsigned int n, struct mmio_device *mmio)
{
	struct virtio_mmio *m;

	if (n >= MACHINE_VIRTIO_COUNT) {
		say("%s: there is no virtio-mmio region %u; they are 0 to %u", dev_conf_where(conf),
		    n, MACHINE_VIRTIO_COUNT - 1);
		return NULL;
	}
	m = calloc(1, sizeof(*m));
	if (m == NULL) {
		say("%s: no memory", dev_conf_where(conf));
		return NULL;
	}
	m->vd = model->create(env, conf);
	if (m->vd == NULL) {
		free(m);
		return NULL;
	}
	m->env = env;
	m->model = model;
	m->intid = SPI_INTID(MACHINE_VIRTIO_MMIO_SPI) + n;
	m->vd->transport = &transport;
	m->vd->tsc = m;
	pthread_mutex_init(&m->isr_lock, NULL);
	*mmio = (struct mmio_device){
		.name = model->model.name,
		.base = MACHINE_VIRTIO_MMIO_BASE + (uint64_t)n * MACHINE_VIRTIO_STRIDE,
		.size = MACHINE_VIRTIO_STRIDE,
		.sizes = 1 | 2 | 4,
		.sc = m,
		.read = virtio_mmio_read,
		.write = virtio_mmio_write,
	};
	virtio_notify_init(&m->notify, env, m->vd, 0, 4);
	virtio_notify_move(&m->notify, mmio->base + QUEUE_NOTIFY);
	return m;
}

void
virtio_mmio_destroy(struct virtio_mmio *m)
{
	pthread_mutex_lock(&m->vd->lock);
	reset(m);
	pthread_mutex_unlock(&m->vd->lock);
	virtio_notify_fini(&m->notify);
	m->model->destroy(m->vd);
	pthread_mutex_destroy(&m->isr_lock);
	free(m);
}
