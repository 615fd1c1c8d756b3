/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * virtio over PCI (virtio 1.2, 4.1), without the legacy interface.  BAR 0 has the four structures,
 * a page each, BAR 1 the MSI-X table.  They are 32-bit BARs: the window is below 4 GiB, and every
 * firmware has a place for them there.
 *
 * Locks, in this order: the bus's, virtio_dev.lock, then one of virtio_notify.lock and isr_lock,
 * and inside these what PCI takes to raise an interrupt.  Interrupts come from any thread and take
 * isr_lock alone, since a reset, with the first two held, waits for those threads.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "debug.h"
#include "doorbell.h"
#include "virtio_notify.h"
#include "virtio_pci.h"
#include "virtqueue.h"

/* 4.1.2 */
#define VENDOR	      0x1af4u
#define DEVICE_FIRST  0x1040u
#define REVISION      1u
#define SUBDEVICE     0x1100u /* any from 0x40 on */
#define BAR_VIRTIO    0
#define BAR_MSIX      1
#define BAR_BYTES     0x4000u
#define AREA_SHIFT    12
#define AREA_BYTES    (1u << AREA_SHIFT)
#define NOTIFY_STRIDE 4u /* notify_off_multiplier */

enum area { AREA_COMMON, AREA_ISR, AREA_DEVICE, AREA_NOTIFY };

/* 4.1.4 */
#define CAP_VENDOR     0x09u
#define CAP_COMMON_CFG 1u
#define CAP_NOTIFY_CFG 2u
#define CAP_ISR_CFG    3u
#define CAP_DEVICE_CFG 4u
#define CAP_PCI_CFG    5u

struct virtio_cap {
	uint8_t vndr, next, len, type;
	uint8_t bar, id, padding[2];
	uint32_t offset, length;
	uint32_t more; /* notify_off_multiplier, pci_cfg_data */
};
#define CAP_BYTES      16u /* without more */
#define CAP_MORE_BYTES 20u
_Static_assert(sizeof(struct virtio_cap) == CAP_MORE_BYTES, "4.1.4");

/* 4.1.4.3 */
enum common {
	DEVICE_FEATURE_SELECT = 0x00,
	DEVICE_FEATURE = 0x04,
	DRIVER_FEATURE_SELECT = 0x08,
	DRIVER_FEATURE = 0x0c,
	CONFIG_MSIX_VECTOR = 0x10,
	NUM_QUEUES = 0x12,
	DEVICE_STATUS = 0x14,
	CONFIG_GENERATION = 0x15,
	QUEUE_SELECT = 0x16,
	QUEUE_SIZE = 0x18,
	QUEUE_MSIX_VECTOR = 0x1a,
	QUEUE_ENABLE = 0x1c,
	QUEUE_NOTIFY_OFF = 0x1e,
	QUEUE_DESC = 0x20,
	QUEUE_DRIVER = 0x28,
	QUEUE_DEVICE = 0x30,
	COMMON_BYTES = 0x38,
};

/* 4.1.4.5 */
#define ISR_QUEUE  1u
#define ISR_CONFIG 2u

struct virtio_pci {
	struct pci_dev *d; /* immutable, and the next two */
	struct virtio_dev *vd;
	const struct virtio_model *model;
	uint32_t cfg_cap;		/* immutable: VIRTIO_PCI_CAP_PCI_CFG in config. space */
	uint32_t device_feature_select; /* [vd->lock] */
	uint32_t driver_feature_select; /* [vd->lock] */
	uint16_t queue_select;		/* [vd->lock] */
	uint16_t config_vector;		/* atomic; written with vd->lock */
	struct pci_msix_event event[VIRTIO_MAX_QUEUES]; /* [vd->lock] of queues served elsewhere */
	bool has_event[VIRTIO_MAX_QUEUES];		/* [vd->lock] it is added */
	struct virtio_notify notify;
	pthread_mutex_t isr_lock;
	uint8_t isr; /* [isr_lock] */
};

/* ---- interrupts ---- */

static void
isr_raise(struct virtio_pci *vp, uint8_t bit, bool line)
{
	pthread_mutex_lock(&vp->isr_lock);
	vp->isr |= bit;
	if (line)
		pci_intx(vp->d, true);
	pthread_mutex_unlock(&vp->isr_lock);
}

/* 4.1.5.3: a read acknowledges. */
static uint8_t
isr_take(struct virtio_pci *vp)
{
	uint8_t isr;

	pthread_mutex_lock(&vp->isr_lock);
	isr = vp->isr;
	vp->isr = 0;
	pci_intx(vp->d, false);
	pthread_mutex_unlock(&vp->isr_lock);
	return isr;
}

/* 4.1.5.1.3 */
static void
queue_interrupt(void *tsc, struct virtqueue *q)
{
	struct virtio_pci *vp = tsc;
	uint16_t vector = __atomic_load_n(&q->vector, __ATOMIC_RELAXED);

	if (!pci_msix_enabled(vp->d))
		isr_raise(vp, ISR_QUEUE, true);
	else if (vector != VIRTIO_NO_VECTOR)
		pci_msix_raise(vp->d, vector);
}

/* 4.1.5.1.4; the ISR bit is set in any case, 4.1.4.5.1. */
static void
config_interrupt(void *tsc)
{
	struct virtio_pci *vp = tsc;
	uint16_t vector = __atomic_load_n(&vp->config_vector, __ATOMIC_RELAXED);
	bool msix = pci_msix_enabled(vp->d);

	isr_raise(vp, ISR_CONFIG, !msix);
	if (msix && vector != VIRTIO_NO_VECTOR)
		pci_msix_raise(vp->d, vector);
}

/* MSI-X alone: with INTx there is an ISR bit to set. */
static void
queue_call(void *tsc, struct virtqueue *q, const struct vq_call *call)
{
	struct virtio_pci *vp = tsc;
	struct pci_msix_event *e = &vp->event[q->index];

	if (vp->has_event[q->index])
		pci_msix_event_remove(vp->d, e);
	vp->has_event[q->index] = call != NULL;
	if (call == NULL)
		return;
	*e = (struct pci_msix_event){ .fd = call->fd, .watch = call->watch, .arg = call->arg };
	pci_msix_event_add(vp->d, e, q->vector);
}

static const struct virtio_transport transport = { queue_interrupt, config_interrupt, queue_call };

/* 4.1.5.1.2.1: a vector that there is not reads back as none. */
static void
set_vector(const struct virtio_pci *vp, uint16_t *vector, uint64_t val)
{
	bool there = val < vp->d->msix.nvectors;

	__atomic_store_n(vector, (uint16_t)(there ? val : VIRTIO_NO_VECTOR), __ATOMIC_RELAXED);
}

/* ---- common configuration: [vd->lock] ---- */

static uint64_t
queue_get(const struct virtqueue *q, enum common reg)
{
	switch (reg) {
	case QUEUE_SIZE:
		return q->size;
	case QUEUE_MSIX_VECTOR:
		return q->vector;
	case QUEUE_ENABLE:
		return q->ready;
	case QUEUE_NOTIFY_OFF:
		return q->index;
	case QUEUE_DESC:
		return q->desc;
	case QUEUE_DRIVER:
		return q->driver;
	case QUEUE_DEVICE:
		return q->device;
	default:
		return 0;
	}
}

static void
queue_enable(struct virtio_pci *vp, struct virtqueue *q)
{
	virtio_queue_enable(q);
	if (q->ready)
		virtio_notify_queue(&vp->notify, q->index, true);
}

/* All but the vector is fixed while the queue is ready.  It cannot be disabled but by reset. */
static void
queue_set(struct virtio_pci *vp, struct virtqueue *q, enum common reg, uint64_t val)
{
	if (reg == QUEUE_MSIX_VECTOR) {
		set_vector(vp, &q->vector, val);
		if (vp->has_event[q->index])
			pci_msix_event_move(vp->d, &vp->event[q->index], q->vector);
	}
	if (q->ready)
		return;
	switch (reg) {
	case QUEUE_SIZE:
		q->size = (uint16_t)val;
		break;
	case QUEUE_ENABLE:
		if (val == 1)
			queue_enable(vp, q);
		break;
	case QUEUE_DESC:
		q->desc = val;
		break;
	case QUEUE_DRIVER:
		q->driver = val;
		break;
	case QUEUE_DEVICE:
		q->device = val;
		break;
	default:
		break;
	}
}

static struct virtqueue *
selected_queue(struct virtio_pci *vp)
{
	return vp->queue_select < vp->vd->nqueues ? &vp->vd->vq[vp->queue_select] : NULL;
}

static uint64_t
common_get(struct virtio_pci *vp, enum common reg)
{
	const struct virtio_dev *vd = vp->vd;
	const struct virtqueue *q = selected_queue(vp);

	switch (reg) {
	case DEVICE_FEATURE_SELECT:
		return vp->device_feature_select;
	case DEVICE_FEATURE:
		return virtio_feature_word(vd->offered, vp->device_feature_select);
	case DRIVER_FEATURE_SELECT:
		return vp->driver_feature_select;
	case DRIVER_FEATURE:
		return virtio_feature_word(vd->features, vp->driver_feature_select);
	case CONFIG_MSIX_VECTOR:
		return vp->config_vector;
	case NUM_QUEUES:
		return vd->nqueues;
	case DEVICE_STATUS:
		return virtio_get_status(vd);
	case CONFIG_GENERATION:
		return vd->generation & 0xff;
	case QUEUE_SELECT:
		return vp->queue_select;
	default: /* a queue that is not there has size 0: 4.1.4.3.1 */
		return q != NULL ? queue_get(q, reg) : 0;
	}
}

static void
reset(struct virtio_pci *vp)
{
	virtio_notify_off(&vp->notify);
	virtio_set_status(vp->vd, 0);
	vp->device_feature_select = vp->driver_feature_select = 0;
	vp->queue_select = 0;
	__atomic_store_n(&vp->config_vector, VIRTIO_NO_VECTOR, __ATOMIC_RELAXED);
	(void)isr_take(vp);
}

static void
common_set(struct virtio_pci *vp, enum common reg, uint64_t val)
{
	struct virtqueue *q = selected_queue(vp);

	switch (reg) {
	case DEVICE_FEATURE_SELECT:
		vp->device_feature_select = (uint32_t)val;
		break;
	case DRIVER_FEATURE_SELECT:
		vp->driver_feature_select = (uint32_t)val;
		break;
	case DRIVER_FEATURE:
		virtio_set_feature_word(vp->vd, vp->driver_feature_select, (uint32_t)val);
		break;
	case CONFIG_MSIX_VECTOR:
		set_vector(vp, &vp->config_vector, val);
		break;
	case DEVICE_STATUS:
		if (val == 0)
			reset(vp);
		else
			virtio_set_status(vp->vd, (uint32_t)val);
		break;
	case QUEUE_SELECT:
		vp->queue_select = (uint16_t)val;
		break;
	default:
		if (q != NULL)
			queue_set(vp, q, reg, val);
		break;
	}
}

/* Where fields begin; each ends where the next one does. */
static const uint8_t common_fields[] = { DEVICE_FEATURE_SELECT, DEVICE_FEATURE,
	DRIVER_FEATURE_SELECT, DRIVER_FEATURE, CONFIG_MSIX_VECTOR, NUM_QUEUES, DEVICE_STATUS,
	CONFIG_GENERATION, QUEUE_SELECT, QUEUE_SIZE, QUEUE_MSIX_VECTOR, QUEUE_ENABLE,
	QUEUE_NOTIFY_OFF, QUEUE_DESC, QUEUE_DRIVER, QUEUE_DEVICE, COMMON_BYTES };

/*
 * A driver accesses fields whole, 64-bit ones by halves (4.1.3.1).  An access that is not within
 * one field: false.
 */
static bool
find_field(uint32_t offset, uint32_t size, enum common *reg, uint32_t *bytes)
{
	unsigned int i = 0;

	if (offset >= COMMON_BYTES)
		return false;
	while (common_fields[i + 1] <= offset)
		i++;
	*reg = (enum common)common_fields[i];
	*bytes = (uint32_t)(common_fields[i + 1] - common_fields[i]);
	return offset + size <= common_fields[i + 1];
}

static uint64_t
common_read(struct virtio_pci *vp, uint32_t offset, uint32_t size)
{
	enum common reg;
	uint32_t bytes;

	if (!find_field(offset, size, &reg, &bytes))
		return 0;
	return common_get(vp, reg) >> 8 * (offset - reg);
}

static void
common_write(struct virtio_pci *vp, uint32_t offset, uint32_t size, uint64_t val)
{
	enum common reg;
	uint32_t bytes, shift;
	uint64_t mask;

	if (!find_field(offset, size, &reg, &bytes) || (bytes <= 4 && size != bytes))
		return;
	shift = 8 * (offset - reg);
	mask = (~0ull >> (64 - 8 * size)) << shift;
	if (size < bytes)
		val = (common_get(vp, reg) & ~mask) | (val << shift & mask);
	common_set(vp, reg, val);
}

/* ---- BAR 0 ---- */

static uint64_t
virtio_pci_bar_read(struct pci_dev *d, int bar, uint64_t offset, uint32_t size)
{
	struct virtio_pci *vp = d->sc;
	uint32_t at = (uint32_t)offset % AREA_BYTES;
	uint64_t val = 0;

	(void)bar;
	switch ((enum area)(offset >> AREA_SHIFT)) {
	case AREA_COMMON:
		pthread_mutex_lock(&vp->vd->lock);
		val = common_read(vp, at, size);
		pthread_mutex_unlock(&vp->vd->lock);
		break;
	case AREA_ISR:
		if (at == 0)
			val = isr_take(vp);
		break;
	case AREA_DEVICE:
		pthread_mutex_lock(&vp->vd->lock);
		val = virtio_config_read(vp->vd, at, size);
		pthread_mutex_unlock(&vp->vd->lock);
		break;
	case AREA_NOTIFY:
		break;
	}
	return val;
}

static void
virtio_pci_bar_write(struct pci_dev *d, int bar, uint64_t offset, uint32_t size, uint64_t val)
{
	struct virtio_pci *vp = d->sc;
	uint32_t at = (uint32_t)offset % AREA_BYTES;

	(void)bar;
	switch ((enum area)(offset >> AREA_SHIFT)) {
	case AREA_COMMON:
		pthread_mutex_lock(&vp->vd->lock);
		common_write(vp, at, size, val);
		pthread_mutex_unlock(&vp->vd->lock);
		break;
	case AREA_ISR:
		break;
	case AREA_DEVICE:
		pthread_mutex_lock(&vp->vd->lock);
		virtio_config_write(vp->vd, at, size, (uint32_t)val);
		pthread_mutex_unlock(&vp->vd->lock);
		break;
	case AREA_NOTIFY: /* the address alone says which, as it does where it is bound */
		if (at / NOTIFY_STRIDE < vp->vd->nqueues)
			doorbell_ring(vp->vd->vq[at / NOTIFY_STRIDE].doorbell);
		break;
	}
}

static void
virtio_pci_bar_moved(struct pci_dev *d, int bar, uint64_t gpa)
{
	struct virtio_pci *vp = d->sc;

	if (bar == BAR_VIRTIO)
		virtio_notify_move(
		    &vp->notify, gpa != 0 ? gpa + ((uint64_t)AREA_NOTIFY << AREA_SHIFT) : 0);
}

/* ---- VIRTIO_PCI_CAP_PCI_CFG, 4.1.4.9: BAR 0 through configuration space; [bus lock] ---- */

/* Does the access touch pci_cfg_data, and does what is before it name something in our BAR? */
static bool
cfg_touches(const struct virtio_pci *vp, uint32_t offset, uint32_t size)
{
	uint32_t data = vp->cfg_cap + CAP_BYTES;

	return offset < data + 4 && offset + size > data;
}

static bool
cfg_target(const struct virtio_pci *vp, struct virtio_cap *cap)
{
	memcpy(cap, &vp->d->cfg[vp->cfg_cap], sizeof(*cap));
	return cap->bar == BAR_VIRTIO &&
	    (cap->length == 1 || cap->length == 2 || cap->length == 4) &&
	    cap->offset % cap->length == 0 && cap->offset < BAR_BYTES;
}

static void
cfg_put(struct virtio_pci *vp, uint32_t offset, uint32_t size, uint32_t val)
{
	for (uint32_t i = 0; i < size; i++)
		vp->d->cfg[offset + i] = (uint8_t)(val >> 8 * i);
}

/* False: the bytes in configuration space are what is read, now the right ones. */
static bool
virtio_pci_cfg_read(struct pci_dev *d, uint32_t offset, uint32_t size, uint32_t *val)
{
	struct virtio_pci *vp = d->sc;
	struct virtio_cap cap;

	(void)val;
	if (cfg_touches(vp, offset, size) && cfg_target(vp, &cap))
		cfg_put(vp, vp->cfg_cap + CAP_BYTES, cap.length,
		    (uint32_t)virtio_pci_bar_read(d, BAR_VIRTIO, cap.offset, cap.length));
	return false;
}

static bool
virtio_pci_cfg_write(struct pci_dev *d, uint32_t offset, uint32_t size, uint32_t val)
{
	struct virtio_pci *vp = d->sc;
	struct virtio_cap cap;

	if (!cfg_touches(vp, offset, size))
		return false;
	cfg_put(vp, offset, size, val);
	if (cfg_target(vp, &cap))
		virtio_pci_bar_write(d, BAR_VIRTIO, cap.offset, cap.length,
		    cap.more & (~0u >> (32 - 8 * cap.length)));
	return true;
}

/* ---- coming and going ---- */

static uint32_t
add_cap(struct pci_dev *d, uint8_t type, enum area area, uint32_t length, uint32_t more)
{
	bool longer = type == CAP_NOTIFY_CFG || type == CAP_PCI_CFG;
	struct virtio_cap cap = {
		.vndr = CAP_VENDOR,
		.len = longer ? CAP_MORE_BYTES : CAP_BYTES,
		.type = type,
		.bar = BAR_VIRTIO,
		.offset = (uint32_t)area << AREA_SHIFT,
		.length = length,
		.more = more,
	};

	return pci_add_capability(d, &cap, cap.len);
}

static void
add_caps(struct virtio_pci *vp)
{
	struct pci_dev *d = vp->d;
	struct virtio_dev *vd = vp->vd;

	add_cap(d, CAP_COMMON_CFG, AREA_COMMON, COMMON_BYTES, 0);
	add_cap(d, CAP_NOTIFY_CFG, AREA_NOTIFY, vd->nqueues * NOTIFY_STRIDE, NOTIFY_STRIDE);
	add_cap(d, CAP_ISR_CFG, AREA_ISR, 1, 0);
	/* The whole page: a driver that knows a later field reads 0 there. */
	if (vd->config_size != 0)
		add_cap(d, CAP_DEVICE_CFG, AREA_DEVICE, AREA_BYTES, 0);
	vp->cfg_cap = add_cap(d, CAP_PCI_CFG, AREA_COMMON, 0, 0);
	d->writable[vp->cfg_cap + offsetof(struct virtio_cap, bar)] = 0xff;
	memset(&d->writable[vp->cfg_cap + offsetof(struct virtio_cap, offset)], 0xff, 8);
}

static int
make_function(struct virtio_pci *vp, const struct dev_conf *conf)
{
	struct pci_dev *d = vp->d;
	struct virtio_dev *vd = vp->vd;

	pci_set_ids(d, VENDOR, (uint16_t)(DEVICE_FIRST + vd->id), VENDOR, SUBDEVICE,
	    vp->model->pci_class, REVISION);
	pci_add_bar(d, BAR_VIRTIO, PCI_BAR_MEM32, BAR_BYTES);
	if (pci_add_msix(d, BAR_MSIX, vd->nqueues + 1) != 0) {
		say("%s: cannot make its interrupts: %s", dev_conf_where(conf), strerror(errno));
		return -1;
	}
	pci_add_intx(d);
	add_caps(vp);
	return 0;
}

static void
virtio_pci_destroy(struct pci_dev *d)
{
	struct virtio_pci *vp = d->sc;

	pthread_mutex_lock(&vp->vd->lock);
	reset(vp);
	pthread_mutex_unlock(&vp->vd->lock);
	virtio_notify_fini(&vp->notify);
	vp->model->destroy(vp->vd);
	pthread_mutex_destroy(&vp->isr_lock);
	free(vp);
}

static const struct virtio_model *
find_model(const struct dev_conf *conf)
{
	const char *name = dev_conf_get(conf, "device");
	const struct dev_model *m = name != NULL ? dev_model_find(name) : NULL;

	if (m == NULL || m->kind != DEV_VIRTIO) {
		say("%s: there is no virtio device \"%s\"; -s help lists those there are",
		    dev_conf_where(conf), name != NULL ? name : "");
		return NULL;
	}
	return (const struct virtio_model *)(const void *)m;
}

static int
virtio_pci_create(struct pci_dev *d, const struct dev_conf *conf)
{
	const struct virtio_model *model = find_model(conf);
	struct virtio_pci *vp;

	if (model == NULL)
		return -1;
	vp = calloc(1, sizeof(*vp));
	if (vp == NULL) {
		say("%s: no memory", dev_conf_where(conf));
		return -1;
	}
	vp->vd = model->create(d->env, conf);
	if (vp->vd == NULL) {
		free(vp);
		return -1;
	}
	vp->d = d;
	vp->model = model;
	vp->config_vector = VIRTIO_NO_VECTOR;
	vp->vd->transport = &transport;
	vp->vd->tsc = vp;
	pthread_mutex_init(&vp->isr_lock, NULL);
	virtio_notify_init(&vp->notify, d->env, vp->vd, NOTIFY_STRIDE, 0);
	d->sc = vp;
	if (make_function(vp, conf) == 0)
		return 0;
	virtio_pci_destroy(d);
	return -1;
}

const struct pci_model virtio_pci_model = {
	.model = { .name = "virtio", .help = "any virtio device", .kind = DEV_PCI },
	.create = virtio_pci_create,
	.destroy = virtio_pci_destroy,
	.bar_read = virtio_pci_bar_read,
	.bar_write = virtio_pci_bar_write,
	.bar_moved = virtio_pci_bar_moved,
	.cfg_read = virtio_pci_cfg_read,
	.cfg_write = virtio_pci_cfg_write,
};
