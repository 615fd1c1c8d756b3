/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * PCI: one bus behind an ECAM host bridge (PCI Express Base 7.2.2, PCI Local Bus 3.0), with
 * functions that have BARs, capabilities, MSI-X through the GICv2m frame, and INTx.
 *
 * Locks: pci_bus.lock guards configuration space and where BARs are; a function's bar_read and
 * bar_write are called without it, by several vCPUs at once.
 */
#ifndef BHYVE_PCI_H
#define BHYVE_PCI_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "devconf.h"
#include "device.h"
#include "guest_mem.h"

#define PCI_BARS      6
#define PCI_CFG_BYTES 256u /* what we emulate of a function's 4 KiB; the rest reads 0 */
#define PCI_NO_VECTOR 0xffffu

struct pci_dev;

enum pci_bar_type { PCI_BAR_NONE, PCI_BAR_IO, PCI_BAR_MEM32, PCI_BAR_MEM64 };

/* A device model that is a PCI function. */
struct pci_model {
	struct dev_model model;
	/*
	 * Make it: fill in configuration space, BARs and capabilities; d->sc is the model's.  -1: a
	 * line was said (debug.h) that begins with dev_conf_where().
	 */
	int (*create)(struct pci_dev *d, const struct dev_conf *conf);
	void (*destroy)(struct pci_dev *d); /* no vCPU runs any more */
	/* NULL where the function has no BAR of its own making. */
	uint64_t (*bar_read)(struct pci_dev *d, int bar, uint64_t offset, uint32_t size);
	void (*bar_write)(struct pci_dev *d, int bar, uint64_t offset, uint32_t size, uint64_t val);
	/* A BAR moved, or memory decoding went on or off: [bus lock]; gpa is 0 while it is off. */
	void (*bar_moved)(struct pci_dev *d, int bar, uint64_t gpa);
	/* Access to a capability that the model added; false: it is plain memory.  [bus lock] */
	bool (*cfg_read)(struct pci_dev *d, uint32_t offset, uint32_t size, uint32_t *val);
	bool (*cfg_write)(struct pci_dev *d, uint32_t offset, uint32_t size, uint32_t val);
};

struct pci_bar {
	enum pci_bar_type type;
	uint64_t size; /* bytes, a power of two; at least 4 KiB for memory */
	uint64_t addr; /* [bus lock] */
};

struct pci_msix {
	unsigned int nvectors; /* 0: has none */
	int bar;
	struct pci_msix_vector {
		uint64_t addr;
		uint32_t data;
		uint32_t control; /* bit 0: masked */
	} * vector;		  /* [msix lock] */
	uint8_t *pending;	  /* [msix lock] one byte a vector */
};

struct pci_dev {
	struct pci_bus *bus; /* immutable, and the next */
	const struct dev_env *env;
	const struct pci_model *model;
	void *sc;
	uint8_t slot, func;
	uint8_t cfg[PCI_CFG_BYTES];	 /* [bus lock] little-endian */
	uint8_t writable[PCI_CFG_BYTES]; /* immutable: bits that the guest may change */
	uint32_t cap_end;		 /* where the next capability goes */
	struct pci_bar bar[PCI_BARS];
	struct pci_msix msix;
	pthread_mutex_t msix_lock;
	bool intx; /* [bus lock] the function asserts its line */
};

/* ---- for models, in create() ---- */
void pci_set_ids(struct pci_dev *d, uint16_t vendor, uint16_t device, uint16_t subvendor,
    uint16_t subdevice, uint32_t class_code /* class, subclass, interface */, uint8_t revision);
/* size is rounded up to a power of two and what a BAR must have at least.  MEM64 takes two. */
void pci_add_bar(struct pci_dev *d, int bar, enum pci_bar_type type, uint64_t size);
/* id is cap[0], cap[1] is filled in here.  Its offset. */
uint32_t pci_add_capability(struct pci_dev *d, const void *cap, uint32_t len);
/* MSI-X with its table and PBA in a BAR of its own.  -1 with errno. */
int pci_add_msix(struct pci_dev *d, int bar, unsigned int nvectors);
void pci_add_intx(struct pci_dev *d); /* INTA; swizzled by slot (PCI-to-PCI Bridge 1.2, 9.1) */

/* ---- for models, any thread ---- */
bool pci_msix_enabled(struct pci_dev *d);
void pci_msix_raise(struct pci_dev *d, unsigned int vector); /* masked: it stays pending */
void pci_intx(struct pci_dev *d, bool level);

/* ---- the bus ---- */
struct pci_bus *pci_bus_create(const struct dev_env *env); /* with its host bridge at 0:0 */
/* -1: a line was said. */
int pci_bus_add(struct pci_bus *bus, const struct pci_model *model, unsigned int slot,
    unsigned int func, const struct dev_conf *conf);
/* After the last one: places BARs for a guest that does not, and registers ECAM and windows. */
void pci_bus_mmio(struct pci_bus *bus, struct mmio_device dev[3]);
void pci_bus_destroy(struct pci_bus *bus);

#endif /* BHYVE_PCI_H */
