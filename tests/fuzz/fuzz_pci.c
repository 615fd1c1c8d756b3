/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Any sequence of accesses to ECAM, windows and MSI-X tables, with interrupts raised in between, on
 * a bus with a few functions.  Whatever is done: BARs that answer do not overlap, lie in their
 * window and are where the models were told; a model sees only accesses inside its BARs; the lines
 * are what functions and their command registers say; no message that could go is kept.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm/machine.h>

#include "../../bhyve/doorbell.h"
#include "../unit/pci_rig.h"

#define NDEVS	 5u
#define OP_BYTES 8u
#define VECTORS	 37u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EVENTS 6u

static struct pci_dev *devs[NDEVS];
static struct fuzzed_event {
	struct pci_msix_event e;
	struct pci_dev *d; /* NULL: not added */
	bool watched;
} events[EVENTS];
static unsigned int ndevs;
static uint64_t told[NDEVS][PCI_BARS]; /* by bar_moved() */

static void
must(bool so)
{
	if (!so)
		abort();
}

/* ---- the functions: what one is depends on its number ---- */

static int
create(struct pci_dev *d, const struct dev_conf *conf)
{
	static const uint8_t cap[] = { 9, 0, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 };
	uint32_t at;

	(void)conf;
	d->sc = told[ndevs];
	devs[ndevs++] = d;
	pci_set_ids(d, 0x1af4, 0x1041, 0x1af4, 1, 0x020000, 1);
	pci_add_bar(d, 0, ndevs == 1 ? PCI_BAR_IO : PCI_BAR_MEM32, 16u << ndevs);
	pci_add_bar(d, 4, PCI_BAR_MEM64, 4096u << ndevs);
	at = pci_add_capability(d, cap, sizeof(cap));
	memset(&d->writable[at + 4], 0x5a, 8);
	if (ndevs % 2 != 0)
		pci_add_intx(d);
	return ndevs == 2 ? 0 : pci_add_msix(d, 1, VECTORS);
}

static void
check_access(const struct pci_dev *d, int bar, uint64_t offset, uint32_t size)
{
	must(bar == 0 || bar == 4);
	must(size == 1 || size == 2 || size == 4);
	must(offset % size == 0 && offset + size <= d->bar[bar].size);
}

static uint64_t
bar_read(struct pci_dev *d, int bar, uint64_t offset, uint32_t size)
{
	check_access(d, bar, offset, size);
	return ~offset;
}

/* A device's way with its guest: writes end in interrupts. */
static void
bar_write(struct pci_dev *d, int bar, uint64_t offset, uint32_t size, uint64_t val)
{
	check_access(d, bar, offset, size);
	if ((val & 1) != 0)
		pci_intx(d, (val & 2) != 0);
	else
		pci_msix_raise(d, (unsigned int)val >> 1);
}

static void
bar_moved(struct pci_dev *d, int bar, uint64_t gpa)
{
	uint64_t *places = d->sc;

	must(bar == 0 || bar == 4);
	must(places[bar] != gpa && (gpa == 0 || places[bar] == 0));
	places[bar] = gpa;
}

static bool
cfg_read(struct pci_dev *d, uint32_t offset, uint32_t size, uint32_t *val)
{
	must(offset >= 0x40 && offset % size == 0 && offset + size <= PCI_CFG_BYTES);
	*val = 0x01234567;
	return d->func != 0 && offset >= 0xf0;
}

static bool
cfg_write(struct pci_dev *d, uint32_t offset, uint32_t size, uint32_t val)
{
	uint32_t old;

	/* As virtio's window to its BARs does: with the bus's lock held. */
	if (!cfg_read(d, offset, size, &old))
		return false;
	bar_write(d, 4, 0, 4, val);
	return true;
}

static const struct pci_model model = {
	.model = { .name = "fuzzed", .kind = DEV_PCI },
	.create = create,
	.bar_read = bar_read,
	.bar_write = bar_write,
	.bar_moved = bar_moved,
	.cfg_read = cfg_read,
	.cfg_write = cfg_write,
};

/* ---- what must hold ---- */

static void
check_place(const struct pci_dev *d, int bar)
{
	bool io = d->bar[bar].type == PCI_BAR_IO;
	uint64_t base = io ? MACHINE_PCI_PIO_BASE : MACHINE_PCI_MMIO_BASE;
	uint64_t len = io ? MACHINE_PCI_PIO_SIZE : MACHINE_PCI_MMIO_SIZE;
	uint64_t gpa = d->bar[bar].gpa, size = d->bar[bar].size;

	if (bar != d->msix.bar || d->msix.nvectors == 0)
		must(((const uint64_t *)d->sc)[bar] == gpa);
	if (gpa == 0)
		return;
	must(gpa % size == 0 && gpa >= base && gpa - base < len && size <= len - (gpa - base));
	must((d->cfg[4] & (io ? 1 : 2)) != 0);
	for (unsigned int i = 0; i < ndevs; i++) {
		for (int b = 0; b < PCI_BARS; b++) {
			const struct pci_bar *o = &devs[i]->bar[b];

			must(o == &d->bar[bar] || o->gpa == 0 || o->gpa >= gpa + size ||
			    gpa >= o->gpa + o->size);
		}
	}
}

/* Where a descriptor's rings go follows from what the guest can read. */
static void
check_event(const struct fuzzed_event *f)
{
	const struct pci_rig_bound *b = pci_rig_bound(f->e.fd);
	const struct pci_msix_vector *v = NULL;
	const struct pci_msix *x;

	if (f->d == NULL) {
		must(b == NULL && !f->watched);
		return;
	}
	x = &f->d->msix;
	if (f->e.vector < x->nvectors && x->enabled && !x->masked && (f->d->cfg[4] & 4) != 0)
		v = &x->vector[f->e.vector];
	if (v != NULL && (v->control & 1) != 0)
		v = NULL;
	must(b == NULL || (v != NULL && b->addr == v->addr && b->data == v->data));
	must(f->watched == (!x->enabled || (v != NULL && b == NULL)));
	must(v == NULL || b != NULL || v->addr == pci_rig.refused);
}

static void
check(void)
{
	uint32_t lines = 0;

	for (unsigned int i = 0; i < EVENTS; i++)
		check_event(&events[i]);

	must(!pci_rig.bad);
	for (unsigned int i = 0; i < ndevs; i++) {
		const struct pci_dev *d = devs[i];

		for (int bar = 0; bar < PCI_BARS; bar++)
			check_place(d, bar);
		if (d->intx && (d->cfg[5] & 4) == 0 && !d->msix.enabled)
			lines |= 1u << d->slot % 4;
		for (unsigned int v = 0; v < d->msix.nvectors; v++)
			must(d->msix.pending[v] == 0 || d->msix.masked || (d->cfg[4] & 4) == 0 ||
			    (d->msix.enabled && (d->msix.vector[v].control & 1) != 0));
	}
	must(lines == pci_rig.lines);
}

/* ---- what is rung from outside ---- */

static void
watch(void *arg, bool on)
{
	struct fuzzed_event *f = arg;

	must(f->watched != on);
	f->watched = on;
}

static void
event_step(struct pci_dev *d, uint32_t at)
{
	struct fuzzed_event *f = &events[at % EVENTS];
	unsigned int vector = at >> 8 & 0x3f;

	if ((at & 0x40) != 0) {
		doorbell_ring(f->e.fd);
	} else if (f->d != NULL && (at & 0x20) != 0) {
		pci_msix_event_move(f->d, &f->e, vector);
	} else if (f->d != NULL) {
		pci_msix_event_remove(f->d, &f->e);
		f->d = NULL;
	} else if (d->msix.nvectors != 0) {
		f->d = d;
		pci_msix_event_add(d, &f->e, vector);
	}
}

static void
events_begin(void)
{
	for (unsigned int i = 0; i < EVENTS; i++) {
		struct fuzzed_event *f = &events[i];

		*f = (struct fuzzed_event){
			.e = { .fd = doorbell_create(), .watch = watch, .arg = f }
		};
		must(f->e.fd >= 0);
	}
}

static void
events_end(void)
{
	for (unsigned int i = 0; i < EVENTS; i++) {
		if (events[i].d != NULL)
			pci_msix_event_remove(events[i].d, &events[i].e);
		close(events[i].e.fd);
	}
	must(pci_rig.nbound == 0);
}

/* ---- the guest ---- */

static void
access_at(uint64_t gpa, const uint8_t *op, uint32_t val)
{
	uint32_t size = 1u << (op[0] >> 5 & 3);

	gpa &= ~((uint64_t)size - 1);
	if ((op[0] & 0x10) != 0)
		pci_wr(gpa, size, val);
	else
		pci_rd(gpa, size);
}

static void
step(const uint8_t *op)
{
	struct pci_dev *d = devs[op[1] % NDEVS];
	uint32_t val = (uint32_t)op[4] | (uint32_t)op[5] << 8 | (uint32_t)op[6] << 16 |
	    (uint32_t)op[7] << 24;
	uint32_t at = (uint32_t)op[2] | (uint32_t)op[3] << 8;
	int bar = (int)(op[1] >> 4 & 3) * 4 % 5;

	switch (op[0] & 7) {
	case 0:
	case 1:
		access_at(pci_ecam(d->slot, d->func, at & 0xff), op, val);
		break;
	case 2:
		access_at(MACHINE_PCI_ECAM_BASE + ((uint32_t)op[1] << 16 | at), op, val);
		break;
	case 3:
		access_at(MACHINE_PCI_PIO_BASE + at, op, val);
		break;
	case 4:
		access_at(MACHINE_PCI_MMIO_BASE + val % MACHINE_PCI_MMIO_SIZE, op, at);
		break;
	case 5:
	case 6: /* where there is a BAR, MSI-X's among them */
		bar = (op[0] & 7) == 5 ? 1 : bar;
		if (d->bar[bar].gpa != 0)
			access_at(d->bar[bar].gpa + at % d->bar[bar].size, op, val);
		break;
	default:
		if ((op[0] & 0x80) != 0)
			event_step(d, at);
		else if ((at & 0x80) != 0)
			pci_intx(d, (at & 1) != 0);
		else
			pci_msix_raise(d, at & 0x3f);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t where[NDEVS][2] = { { 1, 0 }, { 3, 0 }, { 3, 5 }, { 7, 0 },
		{ 31, 7 } };

	ndevs = 0;
	memset(told, 0, sizeof(told));
	pci_rig_begin();
	for (unsigned int i = 0; i < NDEVS; i++)
		must(pci_bus_add(pci_rig.bus, &model, where[i][0], where[i][1], NULL) == 0);
	pci_rig_start();
	pci_rig.refused = 0x100000000; /* a guest's address that is no message's */
	events_begin();
	for (; size >= OP_BYTES; data += OP_BYTES, size -= OP_BYTES) {
		step(data);
		check();
	}
	events_end();
	pci_rig_end();
	return 0;
}
