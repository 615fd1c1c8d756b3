/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 */
#include <stdarg.h>
#include <stdlib.h>

#include <vmm/machine.h>

#include "../../bhyve/debug.h"
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

void
pci_rig_begin(void)
{
	pci_rig = (struct pci_rig){ .env = { .vm_name = "rig",
					.raise_msi = raise_msi,
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
