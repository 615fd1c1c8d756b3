/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A PCI function's configuration space (PCI Local Bus 3.0, chapter 6): 256 bytes and a mask of the
 * bits that the guest may change, which create() lays out and nothing changes later.  A BAR is
 * sized (Base Addresses) by that mask alone.  What a write means beyond the bytes is at the end.
 */
#include <assert.h>
#include <string.h>

#include "pci_impl.h"

#define BAR_IO		0x1u /* Base Addresses */
#define BAR_MEM64	0x4u
#define BAR_IO_FLAGS	0x3u
#define BAR_MEM_FLAGS	0xfu
#define BAR_IO_LEAST	4u
#define BAR_MEM_LEAST	4096u /* a page, so that the guest can map one function's alone */
#define INTERRUPT_PIN_A 1u

void
pci_put(uint8_t *at, uint64_t val, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		at[i] = (uint8_t)(val >> 8 * i);
}

/* ---- what create() lays out ---- */

void
pci_set_ids(struct pci_dev *d, uint16_t vendor, uint16_t device, uint16_t subvendor,
    uint16_t subdevice, uint32_t class_code, uint8_t revision)
{
	pci_put(&d->cfg[PCI_VENDOR_ID], vendor, 2);
	pci_put(&d->cfg[PCI_DEVICE_ID], device, 2);
	pci_put(&d->cfg[PCI_SUBVENDOR_ID], subvendor, 2);
	pci_put(&d->cfg[PCI_SUBSYSTEM_ID], subdevice, 2);
	pci_put(&d->cfg[PCI_CLASS_CODE], class_code, 3);
	d->cfg[PCI_REVISION_ID] = revision;
}

void
pci_add_bar(struct pci_dev *d, int bar, enum pci_bar_type type, uint64_t size)
{
	uint32_t flags = type == PCI_BAR_IO ? BAR_IO : type == PCI_BAR_MEM64 ? BAR_MEM64 : 0;
	uint32_t bytes = type == PCI_BAR_MEM64 ? 8 : 4;
	uint64_t least = type == PCI_BAR_IO ? BAR_IO_LEAST : BAR_MEM_LEAST;

	assert(bar >= 0 && bar + (int)bytes / 4 <= PCI_BARS && d->bar[bar].type == PCI_BAR_NONE);
	assert(type != PCI_BAR_NONE && size <= 1ull << (type == PCI_BAR_MEM64 ? 62 : 30));
	while (least < size)
		least *= 2;
	d->bar[bar] = (struct pci_bar){ .type = type, .size = least };
	pci_put(&d->cfg[PCI_BAR(bar)], flags, bytes);
	pci_put(&d->writable[PCI_BAR(bar)], ~(least - 1), bytes);
	d->writable[PCI_COMMAND] |= type == PCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
}

uint32_t
pci_add_capability(struct pci_dev *d, const void *cap, uint32_t len)
{
	uint32_t at = d->cap_end, last = PCI_CAPABILITIES_PTR;

	assert(len >= 2 && len <= PCI_CFG_BYTES - at);
	/* The list ends with a pointer of 0 (Capabilities List); ours goes where that is. */
	while (d->cfg[last] != 0)
		last = d->cfg[last] + 1u;
	d->cfg[last] = (uint8_t)at;
	memcpy(&d->cfg[at], cap, len);
	d->cfg[at + 1] = 0;
	d->cfg[PCI_STATUS] |= PCI_STATUS_CAPS;
	d->cap_end = (at + len + 3) & ~3u;
	return at;
}

/* The interrupt line register is for the guest's notes alone. */
void
pci_add_intx(struct pci_dev *d)
{
	d->cfg[PCI_INTERRUPT_PIN] = INTERRUPT_PIN_A;
	d->writable[PCI_INTERRUPT_LINE] = 0xff;
	d->writable[PCI_COMMAND + 1] |= PCI_COMMAND_INTX_OFF >> 8;
}

/* ---- BARs ---- */

uint64_t
pci_bar_addr(const struct pci_dev *d, int bar)
{
	uint64_t addr = pci_get32(d, PCI_BAR(bar));

	switch (d->bar[bar].type) {
	case PCI_BAR_IO:
		return addr & ~(uint64_t)BAR_IO_FLAGS;
	case PCI_BAR_MEM64:
		addr |= (uint64_t)pci_get32(d, PCI_BAR(bar + 1)) << 32;
		break;
	default:
		break;
	}
	return addr & ~(uint64_t)BAR_MEM_FLAGS;
}

void
pci_bar_place(struct pci_dev *d, int bar, uint64_t addr)
{
	pci_put(&d->cfg[PCI_BAR(bar)], addr | d->cfg[PCI_BAR(bar)],
	    d->bar[bar].type == PCI_BAR_MEM64 ? 8 : 4);
}

/* The gpa that command register and BAR ask for; 0: none, or it is not all in the window. */
static uint64_t
bar_want(const struct pci_dev *d, int bar)
{
	bool io = d->bar[bar].type == PCI_BAR_IO;
	uint16_t on = io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
	uint64_t start = io ? 0 : MACHINE_PCI_MMIO_BASE, addr = pci_bar_addr(d, bar);
	uint64_t len = io ? MACHINE_PCI_PIO_SIZE : MACHINE_PCI_MMIO_SIZE;

	if (d->bar[bar].type == PCI_BAR_NONE || (pci_get16(d, PCI_COMMAND) & on) == 0)
		return 0;
	if (addr < start || addr - start >= len || d->bar[bar].size > len - (addr - start))
		return 0;
	return io ? MACHINE_PCI_PIO_BASE + addr : addr;
}

static void
bars_update(struct pci_dev *d)
{
	bool changed = false;

	for (int i = 0; i < PCI_BARS; i++) {
		uint64_t want = bar_want(d, i);

		changed |= want != d->bar[i].want;
		d->bar[i].want = want;
	}
	if (changed)
		pci_bus_remap(d->bus);
}

/* ---- the guest's accesses ---- */

static bool
is_msix(const struct pci_dev *d, uint32_t offset)
{
	return d->msix.nvectors != 0 && offset - d->msix.cap < PCI_MSIX_CAP_BYTES;
}

static bool
is_models(const struct pci_dev *d, uint32_t offset)
{
	return offset >= PCI_HEADER_END && !is_msix(d, offset);
}

uint32_t
pci_cfg_read(struct pci_dev *d, uint32_t offset, uint32_t size)
{
	uint32_t val = 0;

	if (offset >= PCI_CFG_BYTES)
		return 0; /* there is no extended capability (PCI Express Base) */
	if (is_models(d, offset) && d->model->cfg_read != NULL &&
	    d->model->cfg_read(d, offset, size, &val))
		return val & (uint32_t)pci_ones(size);
	for (uint32_t i = 0; i < size; i++) {
		uint32_t byte = d->cfg[offset + i];

		if (offset + i == PCI_STATUS && pci_intx_status(d))
			byte |= PCI_STATUS_INTERRUPT;
		val |= byte << 8 * i;
	}
	return val;
}

/*
 * Without bus mastering there are no messages; a model's other accesses to memory are what the
 * guest asked it for and are not held back.
 */
static void
command_update(struct pci_dev *d)
{
	bool msix = d->msix.nvectors != 0 &&
	    (pci_get16(d, d->msix.cap + PCI_MSIX_CONTROL) & PCI_MSIX_CONTROL_ON) != 0;

	pci_msix_update(d);
	/* With MSI-X enabled a function must not use INTx (Message Control). */
	pci_intx_allow(d, (pci_get16(d, PCI_COMMAND) & PCI_COMMAND_INTX_OFF) == 0 && !msix);
	bars_update(d);
}

void
pci_cfg_write(struct pci_dev *d, uint32_t offset, uint32_t size, uint32_t val)
{
	if (offset >= PCI_CFG_BYTES)
		return;
	if (is_models(d, offset) && d->model->cfg_write != NULL &&
	    d->model->cfg_write(d, offset, size, val))
		return;
	for (uint32_t i = 0; i < size; i++) {
		uint8_t mask = d->writable[offset + i], *byte = &d->cfg[offset + i];

		if (mask != 0) /* the interrupt pin is read without the lock */
			*byte = (uint8_t)((*byte & ~mask) | (val >> 8 * i & mask));
	}
	if ((offset & ~3u) == PCI_COMMAND || is_msix(d, offset))
		command_update(d);
	else if (offset >= PCI_BAR(0) && offset < PCI_BAR(PCI_BARS))
		bars_update(d);
}
