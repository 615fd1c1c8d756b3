/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Any sequence of accesses to the registers of a virtio device on PCI, configuration space and both
 * BARs, and of one over MMIO, with interrupts in between.  Whatever is done: doorbells are bound
 * where queues are ready and nowhere else, lines and levels are as they should be, and the device
 * starts and stops in turn (copy_dev.c).
 */
#include <stdlib.h>
#include <string.h>

#include "../../bhyve/virtio_mmio.h"
#include "../../bhyve/virtio_pci.h"
#include "../unit/copy_dev.h"
#include "../unit/fake_bind.h"
#include "../unit/pci_rig.h"
#include "../unit/virtio_rig.h"

#define SLOT 1u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct virtio_rig rig;
static struct virtio_mmio *mmio;
static struct copy_dev *on[2]; /* PCI, MMIO */
static bool level;

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
set_irq(void *arg, uint32_t intid, bool up)
{
	struct pci_rig *p = arg;
	uint32_t bit = intid - 35;

	if (intid == 48) { /* virtio-mmio 0 */
		check(up != level);
		level = up;
		return;
	}
	check(bit < 4 && ((p->lines >> bit & 1) != 0) != up);
	p->lines ^= 1u << bit;
}

static void
begin(void)
{
	struct mmio_device dev;

	virtio_rig_init(&rig, 65536);
	fake_bind_reset();
	level = false;
	pci_rig_begin();
	pci_rig.env.mem = &rig.mem;
	pci_rig.env.bind_doorbell = fake_bind_doorbell;
	pci_rig.env.unbind_doorbell = fake_unbind_doorbell;
	pci_rig.env.set_irq = set_irq;
	check(pci_bus_add(
		  pci_rig.bus, &virtio_pci_model, SLOT, 0, virtio_rig_conf("device=copy")) == 0);
	on[0] = copy_dev;
	pci_rig_start();
	mmio = virtio_mmio_create(&pci_rig.env, &copy_model, virtio_rig_conf(""), 0, &dev);
	check(mmio != NULL && mmio_register(&pci_rig.map, &dev) == 0);
	on[1] = copy_dev;
}

static void
end(void)
{
	virtio_mmio_destroy(mmio);
	pci_rig_end();
	virtio_rig_fini(&rig);
	check(fake_bind.n == 0 && !level && pci_rig.lines == 0);
}

/* A value of few bits that says more than it is: mostly a place in RAM. */
static uint64_t
value(const uint8_t *op)
{
	uint32_t v = (uint32_t)op[4] | (uint32_t)op[5] << 8;

	switch (op[0] >> 6) {
	case 0:
		return v;
	case 1:
		return RIG_RAM_GPA + (v & ~15u);
	case 2:
		return 0x10000000 + (v << 12);
	default:
		return (uint64_t)v << 16 | v;
	}
}

static void
access_at(uint64_t gpa, const uint8_t *op)
{
	uint32_t size = 1u << (op[0] >> 4 & 3);

	gpa &= ~(uint64_t)(size - 1);
	if ((op[0] & 8) != 0)
		pci_wr(gpa, size, value(op));
	else
		(void)pci_rd(gpa, size);
}

/* Where the guest put the BAR, if it answers. */
static uint64_t
bar(int n)
{
	return pci_rd(pci_ecam(SLOT, 0, 0x10 + 4 * (uint32_t)n), 4) & ~15ull;
}

static bool
in_window(uint64_t gpa)
{
	return gpa >= 0x10000000 && gpa < 0x3eff0000 - 0x10000;
}

static void
step(const uint8_t *op)
{
	uint32_t offset = (uint32_t)op[1] | (uint32_t)op[2] << 8;
	struct copy_dev *d = on[op[3] & 1];
	uint64_t at;

	switch (op[0] & 7) {
	case 0:
	case 1:
		access_at(pci_ecam(SLOT, 0, offset & 0xff), op);
		break;
	case 2:
	case 3: /* the areas' starts, where the registers are */
		at = bar(op[3] & 1);
		if (in_window(at))
			access_at(at + (offset & 0x303f), op);
		break;
	case 4:
	case 5:
		access_at(0x0a000000 + (offset & 0x1ff), op);
		break;
	case 6:
		copy_dev = d;
		if (d->running)
			copy_dev_serve(op[1] & 1);
		memcpy(rig.mem.va + (offset & 0xfff0), op + 3, 5);
		break;
	default:
		if ((op[1] & 3) == 0) {
			virtio_break(&d->vd);
		} else if ((op[1] & 3) == 1) {
			pthread_mutex_lock(&d->vd.lock);
			virtio_config_changed(&d->vd);
			pthread_mutex_unlock(&d->vd.lock);
		} else {
			d->vd.transport->queue_interrupt(d->vd.tsc, &d->vd.vq[op[2] & 1]);
		}
		break;
	}
}

/* A legacy driver's device has none before it runs. */
static bool
is_to_have(const struct virtio_dev *vd, unsigned int queue)
{
	return vd->vq[queue].ready &&
	    (!vd->legacy || (virtio_get_status(vd) & VIRTIO_DRIVER_OK) != 0);
}

/* All of MMIO's, and of PCI's all or none. */
static void
check_doorbells(void)
{
	unsigned int ready[2] = { 0, 0 };

	for (unsigned int i = 0; i < 2 * COPY_QUEUES; i++)
		ready[i % 2] += is_to_have(&on[i % 2]->vd, i / 2);
	check(!fake_bind.bad);
	check(fake_bind.n == ready[1] || fake_bind.n == ready[0] + ready[1]);
	for (unsigned int i = 0; i < fake_bind.n; i++)
		check(fake_bind.at[i].size == 4 ? fake_bind.at[i].gpa == 0x0a000050 :
						  in_window(fake_bind.at[i].gpa - 0x3000));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	begin();
	for (; size >= 8; data += 8, size -= 8) {
		step(data);
		check_doorbells();
		check(level == (pci_rd(0x0a000060, 4) != 0));
	}
	end();
	return 0;
}
