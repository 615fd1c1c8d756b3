/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What pci_bus.c, pci_cfg.c and pci_msix.c share and models do not see.
 */
#ifndef BHYVE_PCI_IMPL_H
#define BHYVE_PCI_IMPL_H

#include <vmm/machine.h>

#include "pci.h"

/* Configuration space, PCI Local Bus 3.0, 6.1 */
#define PCI_VENDOR_ID	     0x00u
#define PCI_DEVICE_ID	     0x02u
#define PCI_COMMAND	     0x04u
#define PCI_STATUS	     0x06u
#define PCI_REVISION_ID	     0x08u
#define PCI_CLASS_CODE	     0x09u
#define PCI_HEADER_TYPE	     0x0eu
#define PCI_BAR(n)	     (0x10u + 4u * (uint32_t)(n))
#define PCI_SUBVENDOR_ID     0x2cu
#define PCI_SUBSYSTEM_ID     0x2eu
#define PCI_CAPABILITIES_PTR 0x34u
#define PCI_INTERRUPT_LINE   0x3cu
#define PCI_INTERRUPT_PIN    0x3du
#define PCI_HEADER_END	     0x40u

/* 6.2.2 and 6.2.3 */
#define PCI_COMMAND_IO	      0x0001u
#define PCI_COMMAND_MEMORY    0x0002u
#define PCI_COMMAND_MASTER    0x0004u
#define PCI_COMMAND_INTX_OFF  0x0400u
#define PCI_STATUS_INTERRUPT  0x0008u
#define PCI_STATUS_CAPS	      0x0010u
#define PCI_HEADER_TYPE_MULTI 0x80u
#define PCI_MSIX_CONTROL      2u /* in the capability; 6.8.2.3 */
#define PCI_MSIX_CAP_BYTES    12u
#define PCI_MSIX_CONTROL_ON   0x8000u
#define PCI_MSIX_CONTROL_MASK 0x4000u

#define PCI_SLOTS 32u
#define PCI_FUNCS 8u
#define PCI_PINS  4u

/* A BAR that answers. */
struct pci_region {
	uint64_t gpa, size;
	struct pci_dev *d;
	int bar;
};

struct pci_window {
	struct pci_bus *bus;
	uint64_t base;
};

struct pci_bus {
	const struct dev_env *env;		  /* immutable */
	struct pci_window mem, io;		  /* immutable */
	struct pci_dev *fn[PCI_SLOTS][PCI_FUNCS]; /* immutable once vCPUs run */
	pthread_rwlock_t lock;
	struct pci_region region[PCI_SLOTS * PCI_FUNCS * PCI_BARS]; /* [lock] sorted, disjoint */
	unsigned int nregions;					    /* [lock] */
	pthread_mutex_t intx_lock;
	unsigned int pulled[PCI_PINS]; /* [intx_lock] how many functions pull each line */
};

static inline uint16_t
pci_get16(const struct pci_dev *d, uint32_t offset)
{
	return (uint16_t)(d->cfg[offset] | d->cfg[offset + 1] << 8);
}

static inline uint32_t
pci_get32(const struct pci_dev *d, uint32_t offset)
{
	return pci_get16(d, offset) | (uint32_t)pci_get16(d, offset + 2) << 16;
}

/* size bytes, little-endian */
void pci_put(uint8_t *at, uint64_t val, uint32_t size);
static inline uint64_t
pci_ones(uint32_t size)
{
	return ~0ull >> (64 - 8 * size);
}

/* ---- pci_bus.c ---- */
/* BARs of some function changed: [bus lock] */
void pci_bus_remap(struct pci_bus *bus);
/* The function has an interrupt to report: status. */
bool pci_intx_status(struct pci_dev *d);
/* May it use INTx?  [bus lock] */
void pci_intx_allow(struct pci_dev *d, bool allowed);

/* ---- pci_cfg.c: [bus lock]; size is 1, 2 or 4 and offset a multiple of it ---- */
uint32_t pci_cfg_read(struct pci_dev *d, uint32_t offset, uint32_t size);
void pci_cfg_write(struct pci_dev *d, uint32_t offset, uint32_t size, uint32_t val);
/* What is in a BAR's registers: where it is on the bus; all of its bits are the guest's. */
uint64_t pci_bar_addr(const struct pci_dev *d, int bar);
void pci_bar_place(struct pci_dev *d, int bar, uint64_t addr);

/* ---- pci_msix.c ---- */
/* Message control or the command register may have changed: [bus lock] */
void pci_msix_update(struct pci_dev *d);
uint32_t pci_msix_read(struct pci_dev *d, uint64_t offset, uint32_t size);
void pci_msix_write(struct pci_dev *d, uint64_t offset, uint32_t size, uint32_t val);
void pci_msix_free(struct pci_dev *d);

#endif /* BHYVE_PCI_IMPL_H */
