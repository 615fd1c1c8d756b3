/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * See virtio.h.  PCI is QEMU virt's: ECAM and memory window at their places below 4 GiB, messages
 * through a GICv2m.  Only bus 0 is looked at.
 */
#include "bench.h"
#include "gic2.h"
#include "virtio.h"

#define ECAM	   0x3f000000u
#define PCI_WINDOW 0x10000000u
#define GICV2M	   0x08020000u
#define SETSPI	   (GICV2M + 0x40u)

/* PCI Local Bus 3.0 */
#define PCI_COMMAND	   0x04u
#define PCI_COMMAND_MEM	   2u
#define PCI_COMMAND_MASTER 4u
#define PCI_BAR		   0x10u
#define PCI_BARS	   6u
#define PCI_BAR_IO	   1u
#define PCI_BAR_64	   4u
#define PCI_CAPABILITIES   0x34u
#define CAP_MSIX	   0x11u
#define MSIX_ENABLE	   (1u << 31) /* in the capability's first word */

/* virtio 1.2, 4.1.4 */
#define CAP_VENDOR     0x09u
#define CAP_COMMON_CFG 1u
#define CAP_NOTIFY_CFG 2u
#define CAP_DEVICE_CFG 4u
enum common {
	DEVICE_FEATURE_SELECT = 0x00,
	DEVICE_FEATURE = 0x04,
	DRIVER_FEATURE_SELECT = 0x08,
	DRIVER_FEATURE = 0x0c,
	CONFIG_MSIX_VECTOR = 0x10,
	DEVICE_STATUS = 0x14,
	QUEUE_SELECT = 0x16,
	QUEUE_SIZE_REG = 0x18,
	QUEUE_MSIX_VECTOR = 0x1a,
	QUEUE_ENABLE = 0x1c,
	QUEUE_NOTIFY_OFF = 0x1e,
	QUEUE_DESC = 0x20,
	QUEUE_DRIVER = 0x28,
	QUEUE_DEVICE = 0x30,
};

#define STATUS_ACKNOWLEDGE 1u
#define STATUS_DRIVER	   2u
#define STATUS_DRIVER_OK   4u
#define STATUS_FEATURES_OK 8u
#define F_EVENT_IDX	   (1ull << 29)
#define F_VERSION_1	   (1ull << 32)
#define NO_VECTOR	   0xffffu

/* ---- barriers: against a device that runs on other CPUs of this machine, 2.7.13 ---- */

static void
full_barrier(void)
{
	__asm__ volatile("dmb ish" ::: "memory");
}

static void
store_barrier(void)
{
	__asm__ volatile("dmb ishst" ::: "memory");
}

static uint16_t
load16(const uint16_t *p)
{
	return *(const volatile uint16_t *)p;
}

static void
store16(uint16_t *p, uint16_t val)
{
	*(volatile uint16_t *)p = val;
}

/* ---- registers ---- */

static uint32_t
read16(uint32_t addr)
{
	return *(volatile uint16_t *)addr;
}

static void
write16(uint32_t addr, uint32_t val)
{
	*(volatile uint16_t *)addr = (uint16_t)val;
}

static void
write8(uint32_t addr, uint32_t val)
{
	*(volatile uint8_t *)addr = (uint8_t)val;
}

static uint32_t
read8(uint32_t addr)
{
	return *(volatile uint8_t *)addr;
}

/* ---- PCI ---- */

/* Places for BARs, each aligned to its size; nothing else is on the bus that we use. */
static uint32_t
take_window(uint32_t size)
{
	static uint32_t next = PCI_WINDOW;
	uint32_t at = (next + size - 1) & ~(size - 1);

	next = at + size;
	return at;
}

static void
place_bars(uint32_t fn)
{
	uint32_t i, bar, low, size;

	for (i = 0; i < PCI_BARS; i++) {
		bar = fn + PCI_BAR + 4 * i;
		mmio_write(bar, ~0u);
		low = mmio_read(bar);
		size = ~(low & ~0xfu) + 1;
		if (low == 0 || (low & PCI_BAR_IO) != 0)
			continue;
		mmio_write(bar, take_window(size));
		if ((low & PCI_BAR_64) != 0) {
			mmio_write(bar + 4, 0);
			i++;
		}
	}
	write16(fn + PCI_COMMAND, PCI_COMMAND_MEM | PCI_COMMAND_MASTER);
}

static uint32_t
bar_address(uint32_t fn, uint32_t bar)
{
	return mmio_read(fn + PCI_BAR + 4 * bar) & ~0xfu;
}

static void
take_capability(struct virtio *v, uint32_t fn, uint32_t cap)
{
	uint32_t at = bar_address(fn, read8(cap + 4)) + mmio_read(cap + 8);

	switch (read8(cap + 3)) {
	case CAP_COMMON_CFG:
		v->common = at;
		break;
	case CAP_NOTIFY_CFG:
		v->notify = at;
		v->notify_stride = mmio_read(cap + 16);
		break;
	case CAP_DEVICE_CFG:
		v->device = at;
		break;
	default:
		break;
	}
}

static void
take_capabilities(struct virtio *v, uint32_t fn)
{
	uint32_t cap, next;

	for (next = read8(fn + PCI_CAPABILITIES); next != 0; next = read8(cap + 1)) {
		cap = fn + next;
		if (read8(cap) == CAP_VENDOR)
			take_capability(v, fn, cap);
		if (read8(cap) == CAP_MSIX) {
			next = mmio_read(cap + 4);
			v->msix = bar_address(fn, next & 7) + (next & ~7u);
			mmio_write(cap, (mmio_read(cap) & 0xffff) | MSIX_ENABLE);
		}
	}
}

/* ---- the device ---- */

static uint32_t
device_features(struct virtio *v, uint32_t word)
{
	mmio_write(v->common + DEVICE_FEATURE_SELECT, word);
	return mmio_read(v->common + DEVICE_FEATURE);
}

static void
accept_features(struct virtio *v, uint32_t word)
{
	mmio_write(v->common + DRIVER_FEATURE_SELECT, word);
	mmio_write(v->common + DRIVER_FEATURE, (uint32_t)(v->features >> 32 * word));
}

static void
add_status(struct virtio *v, uint32_t bits)
{
	write8(v->common + DEVICE_STATUS, read8(v->common + DEVICE_STATUS) | bits);
}

/* 3.1.1 */
static void
negotiate(struct virtio *v, uint64_t wanted)
{
	write8(v->common + DEVICE_STATUS, 0);
	while (read8(v->common + DEVICE_STATUS) != 0)
		;
	add_status(v, STATUS_ACKNOWLEDGE);
	add_status(v, STATUS_DRIVER);
	v->features = device_features(v, 0) | (uint64_t)device_features(v, 1) << 32;
	v->features &= wanted | F_EVENT_IDX | F_VERSION_1;
	accept_features(v, 0);
	accept_features(v, 1);
	add_status(v, STATUS_FEATURES_OK);
	if ((read8(v->common + DEVICE_STATUS) & STATUS_FEATURES_OK) == 0)
		bench_fail("a device does not take our features");
	write16(v->common + CONFIG_MSIX_VECTOR, NO_VECTOR);
}

bool
virtio_find(struct virtio *v, uint32_t id, uint64_t wanted)
{
	uint32_t slot, fn;

	for (slot = 0; slot < 32; slot++) {
		fn = ECAM + (slot << 15);
		if (mmio_read(fn) != ((0x1040 + id) << 16 | 0x1af4))
			continue;
		place_bars(fn);
		take_capabilities(v, fn);
		if (v->common == 0 || v->notify == 0 || v->device == 0 || v->msix == 0)
			bench_fail("a device lacks a capability");
		negotiate(v, wanted);
		return true;
	}
	return false;
}

/* The next SPI of the frame's, to be raised by the device's vector. */
static void
set_vector(struct virtio *v, uint32_t vector)
{
	static uint32_t taken;
	uint32_t intid = (mmio_read(GICV2M + 8) >> 16) + taken++, entry = v->msix + 16 * vector;

	gic2_enable(intid);
	mmio_write(entry, SETSPI);
	mmio_write(entry + 4, 0);
	mmio_write(entry + 8, intid);
	mmio_write(entry + 12, 0);
}

static void
set_address(struct virtio *v, uint32_t reg, const void *part)
{
	mmio_write(v->common + reg, (uint32_t)(uintptr_t)part);
	mmio_write(v->common + reg + 4, 0);
}

void
virtio_queue(struct virtio *v, uint32_t index)
{
	struct queue *q = &v->q[index];

	write16(v->common + QUEUE_SELECT, index);
	if (read16(v->common + QUEUE_SIZE_REG) < QUEUE_SIZE)
		bench_fail("a device's queue is too small");
	write16(v->common + QUEUE_SIZE_REG, QUEUE_SIZE);
	q->notify = v->notify + read16(v->common + QUEUE_NOTIFY_OFF) * v->notify_stride;
	q->index = index;
	q->events = (v->features & F_EVENT_IDX) != 0;
	set_vector(v, index);
	write16(v->common + QUEUE_MSIX_VECTOR, index);
	if (read16(v->common + QUEUE_MSIX_VECTOR) != index)
		bench_fail("a device has no vector left");
	set_address(v, QUEUE_DESC, q->desc);
	set_address(v, QUEUE_DRIVER, &q->avail);
	set_address(v, QUEUE_DEVICE, &q->used);
	write16(v->common + QUEUE_ENABLE, 1);
}

void
virtio_ready(struct virtio *v)
{
	add_status(v, STATUS_DRIVER_OK);
}

/* ---- rings ---- */

void
queue_desc(struct queue *q, uint32_t i, const void *buf, uint32_t len, uint32_t flags)
{
	q->desc[i] = (struct virtq_desc){ (uintptr_t)buf, len, (uint16_t)flags, (uint16_t)(i + 1) };
}

void
queue_add(struct queue *q, uint32_t head)
{
	q->avail.ring[q->avail_next++ % QUEUE_SIZE] = (uint16_t)head;
}

void
queue_kick(struct queue *q)
{
	uint16_t old = q->told;
	bool ring;

	if (q->avail_next == old)
		return;
	store_barrier(); /* descriptors and entries, then the index */
	store16(&q->avail.idx, q->avail_next);
	q->told = q->avail_next;
	full_barrier(); /* the index, then a look at what the device wants, 2.7.13.4.1 */
	if (q->events)
		ring = virtq_need_event(load16(&q->used.avail_event), q->avail_next, old) != 0;
	else
		ring = (load16(&q->used.flags) & VIRTQ_USED_F_NO_NOTIFY) == 0;
	if (ring)
		write16(q->notify, q->index);
}

bool
queue_get(struct queue *q, uint32_t *head, uint32_t *len)
{
	const struct virtq_used_elem *e = &q->used.ring[q->used_next % QUEUE_SIZE];

	if (load16(&q->used.idx) == q->used_next)
		return false;
	full_barrier(); /* the index, then the entry and the buffers */
	*head = e->id;
	*len = e->len;
	q->used_next++;
	return true;
}

bool
queue_arm(struct queue *q)
{
	if (q->events)
		store16(&q->avail.used_event, q->used_next);
	else
		store16(&q->avail.flags, 0);
	full_barrier(); /* what we want, then a look at the index */
	return load16(&q->used.idx) == q->used_next;
}

/* As far away as it can be: behind what was used last. */
void
queue_disarm(struct queue *q)
{
	if (q->events)
		store16(&q->avail.used_event, (uint16_t)(q->used_next - 1));
	else
		store16(&q->avail.flags, VIRTQ_AVAIL_F_NO_INTERRUPT);
}

void
virtio_sleep(uint32_t seen)
{
	for (;;) {
		irq_off();
		if (irq_seen != seen)
			break;
		__asm__ volatile("dsb; wfi" ::: "memory");
		irq_on();
	}
	irq_on();
}
