/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include <vmm/machine.h>

#include "../../bhyve/debug.h"
#include "../../bhyve/doorbell.h"
#include "pci_rig.h"

#define FIRST_INTID (32u + MACHINE_PCI_ECAM_SPI)

struct pci_rig pci_rig;

void
say(const char *fmt, ...)
{
	(void)fmt;
}

const char *
dev_conf_where(const struct dev_conf *conf)
{
	(void)conf;
	return "-s here";
}

static void
raise_msi(void *arg, uint64_t addr, uint32_t data)
{
	struct pci_rig *rig = arg;

	if (rig->nmsis < PCI_RIG_MSIS) {
		rig->msi[rig->nmsis].addr = addr;
		rig->msi[rig->nmsis].data = data;
	}
	rig->nmsis++;
}

static void
set_irq(void *arg, uint32_t intid, bool level)
{
	struct pci_rig *rig = arg;
	uint32_t bit = intid - FIRST_INTID;

	if (bit > 3 || ((rig->lines >> bit & 1) != 0) == level) {
		rig->bad = true;
		return;
	}
	rig->lines ^= 1u << bit;
	rig->changes++;
}

const struct pci_rig_bound *
pci_rig_bound(int fd)
{
	for (unsigned int i = 0; i < pci_rig.nbound; i++)
		if (pci_rig.bound[i].fd == fd)
			return &pci_rig.bound[i];
	return NULL;
}

/* What was rung before goes at once, as the module does it. */
static int
bind_msi(void *arg, uint64_t addr, uint32_t data, int fd)
{
	struct pci_rig *rig = arg;

	if (pci_rig_bound(fd) != NULL)
		rig->bad = true;
	if (addr == rig->refused || rig->nbound == PCI_RIG_BOUND) {
		errno = EINVAL;
		return -1;
	}
	rig->bound[rig->nbound++] = (struct pci_rig_bound){ fd, addr, data };
	if (doorbell_answer(fd))
		raise_msi(rig, addr, data);
	return 0;
}

static void
unbind_msi(void *arg, uint64_t addr, uint32_t data, int fd)
{
	struct pci_rig *rig = arg;
	const struct pci_rig_bound *b = pci_rig_bound(fd);

	if (b == NULL || b->addr != addr || b->data != data) {
		rig->bad = true;
		return;
	}
	rig->bound[b - rig->bound] = rig->bound[--rig->nbound];
}

void
pci_rig_begin(void)
{
	pci_rig = (struct pci_rig){ .env = { .vm_name = "rig",
					.raise_msi = raise_msi,
					.bind_msi = bind_msi,
					.unbind_msi = unbind_msi,
					.set_irq = set_irq,
					.arg = &pci_rig } };
	pci_rig.bus = pci_bus_create(&pci_rig.env);
	if (pci_rig.bus == NULL)
		abort();
}

void
pci_rig_start(void)
{
	struct mmio_device dev[3];

	pci_bus_mmio(pci_rig.bus, dev);
	for (int i = 0; i < 3; i++) {
		if (mmio_register(&pci_rig.map, &dev[i]) != 0)
			abort();
	}
}

void
pci_rig_end(void)
{
	pci_bus_destroy(pci_rig.bus);
}

uint64_t
pci_rd(uint64_t gpa, uint32_t size)
{
	uint64_t val = 0;

	if (mmio_access(&pci_rig.map, gpa, false, size, &val) != MMIO_OK)
		abort();
	return val;
}

void
pci_wr(uint64_t gpa, uint32_t size, uint64_t val)
{
	if (mmio_access(&pci_rig.map, gpa, true, size, &val) != MMIO_OK)
		abort();
}

uint64_t
pci_ecam(unsigned int slot, unsigned int func, uint32_t reg)
{
	return MACHINE_PCI_ECAM_BASE + (slot << 15 | func << 12 | reg);
}
