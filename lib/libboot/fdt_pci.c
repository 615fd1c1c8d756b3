/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The device tree's nodes of PCI (bindings/pci/host-generic-pci), the GICv2m frame that its
 * messages go to (bindings/interrupt-controller/arm,gic) and virtio-mmio (bindings/virtio/mmio).
 * All of them access memory as coherently as the CPUs, and say so.
 */
#include <stdio.h>

#include <vmm/machine.h>

#include "fdt_write.h"

/* IEEE 1275's PCI binding: the space of an address, in its first cell. */
#define SPACE_IO   0x01000000u
#define SPACE_MEM  0x02000000u
#define SLOT_SHIFT 11

#define ECAM_BUS_BYTES (1u << 20) /* PCI Express Base 7.2.2 */
#define PCI_PINS       4u
#define MAP_CELLS      10u /* of one row: unit address, pin, parent, its unit address, SPI */
#define ALL_RIDS       0x10000u

void
fdt_write_v2m(struct writer *w)
{
	W_CELLS(w, "#address-cells", 2);
	W_CELLS(w, "#size-cells", 2);
	w_empty(w, "ranges");
	w_begin_at(w, "v2m", MACHINE_GICV2M_BASE);
	w_string(w, "compatible", "arm,gic-v2m-frame");
	w_empty(w, "msi-controller");
	W_CELLS(w, "reg", HI(MACHINE_GICV2M_BASE), LO(MACHINE_GICV2M_BASE), HI(MACHINE_GICV2M_SIZE),
	    LO(MACHINE_GICV2M_SIZE));
	W_CELLS(w, "phandle", PHANDLE_V2M);
	w_end(w);
}

/*
 * Which SPI a pin of a slot is: they rotate with the slot, so that the rows for four slots are
 * enough, with a mask that ignores the slot's other bits and the function.
 */
static void
write_interrupt_map(struct writer *w)
{
	uint32_t map[PCI_PINS * PCI_PINS * MAP_CELLS], n = 0;

	for (uint32_t slot = 0; slot < PCI_PINS; slot++) {
		for (uint32_t pin = 0; pin < PCI_PINS; pin++) {
			const uint32_t row[MAP_CELLS] = { slot << SLOT_SHIFT, 0, 0, pin + 1,
				PHANDLE_GIC, 0, 0, GIC_SPI,
				MACHINE_PCI_ECAM_SPI + (slot + pin) % PCI_PINS, IRQ_LEVEL_HIGH };

			for (uint32_t i = 0; i < MAP_CELLS; i++)
				map[n++] = row[i];
		}
	}
	W_CELLS(w, "interrupt-map-mask", (PCI_PINS - 1) << SLOT_SHIFT, 0, 0, 7);
	w_cells(w, "interrupt-map", map, n);
}

void
fdt_write_pcie(struct writer *w)
{
	w_begin_at(w, "pcie", MACHINE_PCI_ECAM_BASE);
	w_string(w, "compatible", "pci-host-ecam-generic");
	w_string(w, "device_type", "pci");
	W_CELLS(w, "#address-cells", 3);
	W_CELLS(w, "#size-cells", 2);
	W_CELLS(w, "#interrupt-cells", 1);
	W_CELLS(w, "reg", HI(MACHINE_PCI_ECAM_BASE), LO(MACHINE_PCI_ECAM_BASE),
	    HI(MACHINE_PCI_ECAM_SIZE), LO(MACHINE_PCI_ECAM_SIZE));
	W_CELLS(w, "bus-range", 0, MACHINE_PCI_ECAM_SIZE / ECAM_BUS_BYTES - 1);
	W_CELLS(w, "ranges", SPACE_IO, 0, 0, HI(MACHINE_PCI_PIO_BASE), LO(MACHINE_PCI_PIO_BASE),
	    HI(MACHINE_PCI_PIO_SIZE), LO(MACHINE_PCI_PIO_SIZE), SPACE_MEM,
	    HI(MACHINE_PCI_MMIO_BASE), LO(MACHINE_PCI_MMIO_BASE), HI(MACHINE_PCI_MMIO_BASE),
	    LO(MACHINE_PCI_MMIO_BASE), HI(MACHINE_PCI_MMIO_SIZE), LO(MACHINE_PCI_MMIO_SIZE));
	W_CELLS(w, "linux,pci-domain", 0);
	W_CELLS(w, "msi-map", 0, PHANDLE_V2M, 0, ALL_RIDS);
	write_interrupt_map(w);
	w_empty(w, "dma-coherent");
	W_CELLS(w, "phandle", PHANDLE_PCIE);
	w_end(w);
}

void
fdt_write_virtio_mmio(struct writer *w, uint32_t slots)
{
	for (uint32_t i = 0; i < MACHINE_VIRTIO_COUNT; i++) {
		uint64_t base = MACHINE_VIRTIO_MMIO_BASE + (uint64_t)i * MACHINE_VIRTIO_STRIDE;

		if ((slots >> i & 1) == 0)
			continue;
		w_begin_at(w, "virtio_mmio", base);
		w_string(w, "compatible", "virtio,mmio");
		w_place(w, base, MACHINE_VIRTIO_STRIDE, MACHINE_VIRTIO_MMIO_SPI + i);
		w_empty(w, "dma-coherent");
		w_end(w);
	}
}

void
fdt_write_pci_names(struct writer *w)
{
	char path[64];

	snprintf(path, sizeof(path), "/intc@%llx/v2m@%llx", (unsigned long long)MACHINE_GICD_BASE,
	    (unsigned long long)MACHINE_GICV2M_BASE);
	w_string(w, "v2m", path);
	snprintf(path, sizeof(path), "/pcie@%llx", (unsigned long long)MACHINE_PCI_ECAM_BASE);
	w_string(w, "pcie", path);
}
