/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * From the list of devices in the configuration to devices, and what they may use of the machine.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "debug.h"
#include "dev/gicv2m.h"
#include "devices.h"
#include "pci.h"
#include "virtio_mmio.h"
#include "virtio_pci.h"
#include "virtqueue.h"

struct devices {
	struct run *run;
	struct guest_mem mem; /* va: from devices_attach() on */
	struct dev_env env;
	struct gicv2m msi;
	struct pci_bus *pci;
	struct virtio_mmio *virtio[MACHINE_VIRTIO_COUNT];
	struct control_table asked[DEVICES_MAX_TABLES]; /* what other programs may ask */
	unsigned int nasked;
};

/* ---- what devices may use ---- */

/* These fail when the VM is going away, or the guest's message is for nobody: nothing is lost. */

/* Only a guest makes a device use these, so that the VM is there. */
static struct vmctx *
ctx_of(void *arg)
{
	return ((struct devices *)arg)->run->ctx;
}

static void
raise_msi(void *arg, uint64_t addr, uint32_t data)
{
	vm_raise_msi(ctx_of(arg), addr, data);
}

static void
set_irq(void *arg, uint32_t intid, bool level)
{
	if (level)
		vm_assert_irq(ctx_of(arg), intid);
	else
		vm_deassert_irq(ctx_of(arg), intid);
}

static int
discard(void *arg, uint64_t gpa, uint64_t len)
{
	return vm_discard(ctx_of(arg), gpa, len, NULL);
}

/* A store by a CPU to the frame. */
static void
pulse_irq(void *arg, uint32_t intid)
{
	vm_pulse_irq(ctx_of(arg), intid);
}

static int
bind_doorbell(void *arg, uint64_t gpa, uint32_t size, uint32_t data, int fd)
{
	return vm_bind_doorbell(ctx_of(arg), gpa, size, data, fd);
}

static void
unbind_doorbell(void *arg, uint64_t gpa, uint32_t size, uint32_t data, int fd)
{
	/* It fails where there is none any more, as after a reset of the VM. */
	vm_unbind_doorbell(ctx_of(arg), gpa, size, data, fd);
}

static int
answer(void *arg, const struct control_request *requests, void *dev)
{
	struct devices *d = arg;

	for (unsigned int i = 0; i < d->nasked; i++) {
		if (d->asked[i].requests == requests)
			return -1;
	}
	if (d->nasked == DEVICES_MAX_TABLES)
		return -1;
	d->asked[d->nasked++] = (struct control_table){ requests, dev };
	return 0;
}

unsigned int
devices_tables(const struct devices *d, struct control_table tables[DEVICES_MAX_TABLES])
{
	memcpy(tables, d->asked, d->nasked * sizeof(*tables));
	return d->nasked;
}

int
devices_attach(struct devices *d)
{
	struct vmctx *ctx = d->run->ctx;
	char line[256];

	if (vm_attach_memory(ctx) != 0) {
		say("%s", vm_strerror(VM_OP_MEMORY, vm_get_name(ctx), errno, line, sizeof(line)));
		return -1;
	}
	d->mem.size = vm_get_memory_size(ctx);
	d->mem.va = vm_map_gpa(ctx, d->mem.gpa, d->mem.size);
	return 0;
}

/* ---- devices ---- */

static int
add_mmio(struct run *run, const struct mmio_device *dev)
{
	if (mmio_register(run->mmio, dev) == 0)
		return 0;
	say("%s: cannot be put at 0x%llx: %s", dev->name, (unsigned long long)dev->base,
	    strerror(errno));
	return -1;
}

static int
make_virtio_mmio(struct devices *d, struct run *run, const struct dev_conf *conf)
{
	unsigned int n = conf->place.slot;
	struct mmio_device dev;

	d->virtio[n] = virtio_mmio_create(
	    &d->env, (const struct virtio_model *)(const void *)conf->model, conf, n, &dev);
	return d->virtio[n] != NULL ? add_mmio(run, &dev) : -1;
}

static int
make_device(struct devices *d, struct run *run, const struct dev_conf *conf)
{
	const struct pci_model *model = &virtio_pci_model;

	if (conf->place.mmio)
		return make_virtio_mmio(d, run, conf);
	if (conf->model->kind == DEV_PCI)
		model = (const struct pci_model *)(const void *)conf->model;
	return pci_bus_add(d->pci, model, conf->place.slot, conf->place.func, conf);
}

static int
make_all(struct devices *d, struct run *run, const struct slots *slots)
{
	struct mmio_device frame, windows[3];
	int error;

	gicv2m_mmio(&d->msi, &frame);
	error = add_mmio(run, &frame);
	d->pci = pci_bus_create(&d->env);
	if (d->pci == NULL) {
		say("cannot make the PCI bus: %s", strerror(errno));
		return -1;
	}
	for (unsigned int i = 0; i < slots->n && error == 0; i++)
		error = make_device(d, run, &slots->dev[i]);
	if (error != 0)
		return -1;
	pci_bus_mmio(d->pci, windows);
	for (int i = 0; i < 3 && error == 0; i++)
		error = add_mmio(run, &windows[i]);
	return error;
}

struct devices *
devices_create(struct run *run, const struct slots *slots, const char *vm_name, uint64_t ram)
{
	struct devices *d = calloc(1, sizeof(*d));

	if (d == NULL) {
		say("cannot make the devices: %s", strerror(errno));
		return NULL;
	}
	d->run = run;
	d->mem = (struct guest_mem){ .gpa = MACHINE_RAM_BASE, .size = ram };
	d->env = (struct dev_env){
		.mem = &d->mem,
		.loop = run->loop,
		.vm_name = vm_name,
		.bind_doorbell = bind_doorbell,
		.unbind_doorbell = unbind_doorbell,
		.raise_msi = raise_msi,
		.set_irq = set_irq,
		.discard = discard,
		.answer = answer,
		.arg = d,
	};
	d->msi = (struct gicv2m){
		.base = MACHINE_GICV2M_BASE,
		.first = SPI_INTID(MACHINE_GICV2M_SPI),
		.count = MACHINE_GICV2M_NSPIS,
		.raise = pulse_irq,
		.arg = d,
	};
	if (make_all(d, run, slots) == 0)
		return d;
	devices_destroy(d);
	return NULL;
}

void
devices_destroy(struct devices *d)
{
	if (d == NULL)
		return;
	for (unsigned int n = 0; n < MACHINE_VIRTIO_COUNT; n++) {
		if (d->virtio[n] != NULL)
			virtio_mmio_destroy(d->virtio[n]);
	}
	if (d->pci != NULL)
		pci_bus_destroy(d->pci);
	free(d);
}

const struct guest_mem *
devices_mem(const struct devices *d)
{
	return &d->mem;
}

uint32_t
devices_virtio_mmio(const struct slots *slots)
{
	uint32_t mask = 0;

	for (unsigned int i = 0; i < slots->n; i++) {
		if (slots->dev[i].place.mmio)
			mask |= 1u << slots->dev[i].place.slot;
	}
	return mask;
}
