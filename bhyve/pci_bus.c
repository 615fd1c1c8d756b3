/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The PCI bus: ECAM finds a function's configuration space, the windows find the BAR that an access
 * is for, and interrupt pins become the machine's four lines.  There is one bus, number 0, and
 * whatever nobody answers reads all ones and takes writes, as on PCI where a master abort ends it.
 */
#include <stdlib.h>
#include <string.h>

#include "debug.h"
#include "pci_impl.h"

#define SPI_INTID(n) (32u + (uint32_t)(n))

/* PCI Express Base 7.2.2: an ECAM address is bus, device, function and register. */
#define ECAM_BUS(offset)  ((offset) >> 20)
#define ECAM_SLOT(offset) ((offset) >> 15 & 0x1f)
#define ECAM_FUNC(offset) ((offset) >> 12 & 7)
#define ECAM_REG(offset)  ((offset)&0xfff)

/* The ids that guests of QEMU's virt machine see there: its docs/specs/pci-ids.rst. */
#define BRIDGE_VENDOR 0x1b36
#define BRIDGE_DEVICE 0x0008
#define BRIDGE_CLASS  0x060000u

#define LARGEST_BAR (1ull << 29) /* none larger fits into the windows */
#define IO_FIRST    0x1000u	 /* guests take an address of 0 for none */

/* ---- ECAM ---- */

static struct pci_dev *
ecam_find(const struct pci_bus *bus, uint64_t offset)
{
	return ECAM_BUS(offset) == 0 ? bus->fn[ECAM_SLOT(offset)][ECAM_FUNC(offset)] : NULL;
}

static enum mmio_result
ecam_read(void *sc, uint64_t offset, uint32_t size, uint64_t *data)
{
	struct pci_bus *bus = sc;
	struct pci_dev *d = ecam_find(bus, offset);

	*data = pci_ones(size);
	if (d == NULL)
		return MMIO_OK;
	/* Not a reader's hold: the model's cfg_read may change things. */
	pthread_rwlock_wrlock(&bus->lock);
	*data = pci_cfg_read(d, (uint32_t)ECAM_REG(offset), size);
	pthread_rwlock_unlock(&bus->lock);
	return MMIO_OK;
}

static enum mmio_result
ecam_write(void *sc, uint64_t offset, uint32_t size, uint64_t data)
{
	struct pci_bus *bus = sc;
	struct pci_dev *d = ecam_find(bus, offset);

	if (d == NULL)
		return MMIO_OK;
	pthread_rwlock_wrlock(&bus->lock);
	pci_cfg_write(d, (uint32_t)ECAM_REG(offset), size, (uint32_t)data);
	pthread_rwlock_unlock(&bus->lock);
	return MMIO_OK;
}

/* ---- where BARs are ---- */

/* The first region above gpa. */
static unsigned int
region_above(const struct pci_bus *bus, uint64_t gpa)
{
	unsigned int lo = 0, hi = bus->nregions, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (bus->region[mid].gpa <= gpa)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* False: somebody is there. */
static bool
region_add(struct pci_bus *bus, const struct pci_region *r)
{
	unsigned int at = region_above(bus, r->gpa);
	struct pci_region *above = &bus->region[at];

	if (at > 0 && r->gpa - above[-1].gpa < above[-1].size)
		return false;
	if (at < bus->nregions && above->gpa - r->gpa < r->size)
		return false;
	memmove(above + 1, above, (bus->nregions - at) * sizeof(*above));
	*above = *r;
	bus->nregions++;
	return true;
}

static void
bar_moves(struct pci_dev *d, int bar, uint64_t gpa)
{
	d->bar[bar].gpa = gpa;
	if (d->model->bar_moved != NULL && !(d->msix.nvectors != 0 && bar == d->msix.bar))
		d->model->bar_moved(d, bar, gpa);
}

/* All BARs of all functions, in the bus's order. */
#define FOR_EACH_FUNCTION(bus, d)                                   \
	for (unsigned int i_ = 0; i_ < PCI_SLOTS * PCI_FUNCS; i_++) \
		if ((d = (bus)->fn[i_ / PCI_FUNCS][i_ % PCI_FUNCS]) != NULL)

/*
 * From the beginning, so that it does not matter how a guest got there: of BARs that overlap, the
 * first function's answers, and the other one as soon as that is gone.
 */
void
pci_bus_remap(struct pci_bus *bus)
{
	struct pci_dev *d;

	bus->nregions = 0;
	FOR_EACH_FUNCTION(bus, d)
	{
		for (int i = 0; i < PCI_BARS; i++) {
			struct pci_region r = { d->bar[i].want, d->bar[i].size, d, i };
			bool there = r.gpa != 0 && region_add(bus, &r);

			d->bar[i].next = there ? r.gpa : 0;
			if (d->bar[i].gpa != 0 && d->bar[i].gpa != d->bar[i].next)
				bar_moves(d, i, 0);
		}
	}
	FOR_EACH_FUNCTION(bus, d)
	{
		for (int i = 0; i < PCI_BARS; i++) {
			if (d->bar[i].gpa != d->bar[i].next)
				bar_moves(d, i, d->bar[i].next);
		}
	}
}

/*
 * All of one size, each aligned to it (Base Addresses).  What has no room stays at 0, where the
 * memory window is not.
 */
static uint64_t
place_size(struct pci_bus *bus, bool io, uint64_t size, uint64_t at, uint64_t end)
{
	struct pci_dev *d;

	FOR_EACH_FUNCTION(bus, d)
	{
		for (int i = 0; i < PCI_BARS; i++) {
			const struct pci_bar *b = &d->bar[i];

			uint64_t start = (at + size - 1) & ~(size - 1);

			if (b->type == PCI_BAR_NONE || (b->type == PCI_BAR_IO) != io ||
			    b->size != size || start > end || size > end - start)
				continue;
			pci_bar_place(d, i, start);
			at = start + size;
		}
	}
	return at;
}

static void
place_bars(struct pci_bus *bus)
{
	uint64_t mem = MACHINE_PCI_MMIO_BASE, mem_end = mem + MACHINE_PCI_MMIO_SIZE;
	uint64_t io = IO_FIRST;

	/* Large ones first, which leaves no gaps. */
	for (uint64_t size = LARGEST_BAR; size != 0; size /= 2) {
		mem = place_size(bus, false, size, mem, mem_end);
		io = place_size(bus, true, size, io, MACHINE_PCI_PIO_SIZE);
	}
}

/* ---- the windows ---- */

static bool
window_find(struct pci_bus *bus, uint64_t gpa, struct pci_region *found)
{
	unsigned int at;
	bool hit;

	pthread_rwlock_rdlock(&bus->lock);
	at = region_above(bus, gpa);
	hit = at > 0 && gpa - bus->region[at - 1].gpa < bus->region[at - 1].size;
	if (hit)
		*found = bus->region[at - 1];
	pthread_rwlock_unlock(&bus->lock);
	return hit;
}

static bool
is_msix_bar(const struct pci_region *r)
{
	return r->d->msix.nvectors != 0 && r->bar == r->d->msix.bar;
}

static enum mmio_result
window_read(void *sc, uint64_t offset, uint32_t size, uint64_t *data)
{
	const struct pci_window *w = sc;
	uint64_t gpa = w->base + offset;
	struct pci_region r;

	*data = pci_ones(size);
	if (!window_find(w->bus, gpa, &r))
		return MMIO_OK;
	if (is_msix_bar(&r))
		*data = pci_msix_read(r.d, gpa - r.gpa, size);
	else if (r.d->model->bar_read != NULL)
		*data &= r.d->model->bar_read(r.d, r.bar, gpa - r.gpa, size);
	return MMIO_OK;
}

static enum mmio_result
window_write(void *sc, uint64_t offset, uint32_t size, uint64_t data)
{
	const struct pci_window *w = sc;
	uint64_t gpa = w->base + offset;
	struct pci_region r;

	data &= pci_ones(size);
	if (!window_find(w->bus, gpa, &r))
		return MMIO_OK;
	if (is_msix_bar(&r))
		pci_msix_write(r.d, gpa - r.gpa, size, (uint32_t)data);
	else if (r.d->model->bar_write != NULL)
		r.d->model->bar_write(r.d, r.bar, gpa - r.gpa, size, data);
	return MMIO_OK;
}

/* ---- INTx ---- */

/* One of four lines, which functions share: it is up while anybody pulls it.  [intx lock] */
static void
intx_update(struct pci_dev *d)
{
	uint32_t line = (d->slot + d->cfg[PCI_INTERRUPT_PIN] - 1u) % PCI_PINS;
	bool pull = d->intx && !d->intx_off;
	unsigned int *n = &d->bus->pulled[line];

	if (pull == d->intx_line)
		return;
	d->intx_line = pull;
	*n += pull ? 1 : -1u;
	if (*n == (pull ? 1 : 0))
		d->env->set_irq(d->env->arg, SPI_INTID(MACHINE_PCI_ECAM_SPI) + line, pull);
}

void
pci_intx(struct pci_dev *d, bool level)
{
	if (d->cfg[PCI_INTERRUPT_PIN] == 0) /* immutable */
		return;
	pthread_mutex_lock(&d->bus->intx_lock);
	d->intx = level;
	intx_update(d);
	pthread_mutex_unlock(&d->bus->intx_lock);
}

void
pci_intx_allow(struct pci_dev *d, bool allowed)
{
	pthread_mutex_lock(&d->bus->intx_lock);
	d->intx_off = !allowed;
	intx_update(d);
	pthread_mutex_unlock(&d->bus->intx_lock);
}

bool
pci_intx_status(struct pci_dev *d)
{
	bool level;

	pthread_mutex_lock(&d->bus->intx_lock);
	level = d->intx;
	pthread_mutex_unlock(&d->bus->intx_lock);
	return level;
}

/* ---- coming and going ---- */

static int
bridge_create(struct pci_dev *d, const struct dev_conf *conf)
{
	(void)conf;
	pci_set_ids(d, BRIDGE_VENDOR, BRIDGE_DEVICE, 0, 0, BRIDGE_CLASS, 0);
	return 0;
}

static const struct pci_model bridge_model = {
	.model = { .name = "hostbridge", .help = "the host bridge", .kind = DEV_PCI },
	.create = bridge_create,
};

static void
function_free(struct pci_dev *d)
{
	pci_msix_free(d);
	pthread_mutex_destroy(&d->msix_lock);
	free(d);
}

static struct pci_dev *
function_make(struct pci_bus *bus, const struct pci_model *model, unsigned int slot,
    unsigned int func, const struct dev_conf *conf)
{
	struct pci_dev *d = calloc(1, sizeof(*d));

	if (d == NULL) {
		say("no memory for a PCI function");
		return NULL;
	}
	d->bus = bus;
	d->env = bus->env;
	d->model = model;
	d->slot = (uint8_t)slot;
	d->func = (uint8_t)func;
	d->cap_end = PCI_HEADER_END;
	d->writable[PCI_COMMAND] = PCI_COMMAND_MASTER;
	pthread_mutex_init(&d->msix_lock, NULL);
	if (model->create(d, conf) == 0)
		return d;
	function_free(d);
	return NULL;
}

int
pci_bus_add(struct pci_bus *bus, const struct pci_model *model, unsigned int slot,
    unsigned int func, const struct dev_conf *conf)
{
	struct pci_dev *d;

	if (slot >= PCI_SLOTS || func >= PCI_FUNCS) {
		say("%s: there is no slot %u:%u; slots are 0 to %u, functions 0 to %u",
		    dev_conf_where(conf), slot, func, PCI_SLOTS - 1, PCI_FUNCS - 1);
		return -1;
	}
	if (bus->fn[slot][func] != NULL) {
		say("%s: slot %u:%u has a %s already; use another slot or function",
		    dev_conf_where(conf), slot, func, bus->fn[slot][func]->model->model.name);
		return -1;
	}
	d = function_make(bus, model, slot, func, conf);
	if (d == NULL)
		return -1;
	bus->fn[slot][func] = d;
	return 0;
}

struct pci_bus *
pci_bus_create(const struct dev_env *env)
{
	struct pci_bus *bus = calloc(1, sizeof(*bus));

	if (bus == NULL)
		return NULL;
	bus->env = env;
	bus->mem = (struct pci_window){ bus, MACHINE_PCI_MMIO_BASE };
	bus->io = (struct pci_window){ bus, MACHINE_PCI_PIO_BASE };
	pthread_rwlock_init(&bus->lock, NULL);
	pthread_mutex_init(&bus->intx_lock, NULL);
	bus->fn[0][0] = function_make(bus, &bridge_model, 0, 0, NULL);
	if (bus->fn[0][0] != NULL)
		return bus;
	pci_bus_destroy(bus);
	return NULL;
}

void
pci_bus_destroy(struct pci_bus *bus)
{
	struct pci_dev *d;

	FOR_EACH_FUNCTION(bus, d)
	{
		if (d->model->destroy != NULL)
			d->model->destroy(d);
		function_free(d);
	}
	pthread_mutex_destroy(&bus->intx_lock);
	pthread_rwlock_destroy(&bus->lock);
	free(bus);
}

/*
 * A guest looks at functions 1 to 7 of a slot where the header type says that it has several
 * (PCI Local Bus 3.0, Header Type).
 */
static void
mark_multifunction(struct pci_bus *bus)
{
	struct pci_dev *d;

	FOR_EACH_FUNCTION(bus, d)
	{
		for (unsigned int f = 0; f < PCI_FUNCS; f++) {
			if (f != d->func && bus->fn[d->slot][f] != NULL)
				d->cfg[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_MULTI;
		}
	}
}

void
pci_bus_mmio(struct pci_bus *bus, struct mmio_device dev[3])
{
	const struct mmio_device window = {
		.sizes = 1 | 2 | 4, .read = window_read, .write = window_write
	};

	mark_multifunction(bus);
	place_bars(bus);
	dev[0] = (struct mmio_device){ "pci-ecam", MACHINE_PCI_ECAM_BASE, MACHINE_PCI_ECAM_SIZE,
		1 | 2 | 4, bus, ecam_read, ecam_write };
	dev[1] = window;
	dev[1].name = "pci-mmio";
	dev[1].base = MACHINE_PCI_MMIO_BASE;
	dev[1].size = MACHINE_PCI_MMIO_SIZE;
	dev[1].sc = &bus->mem;
	dev[2] = window;
	dev[2].name = "pci-pio";
	dev[2].base = MACHINE_PCI_PIO_BASE;
	dev[2].size = MACHINE_PCI_PIO_SIZE;
	dev[2].sc = &bus->io;
}
