/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * PCI: one bus behind an ECAM host bridge (PCI Express Base 7.2.2, PCI Local Bus 3.0), with
 * functions that have BARs, capabilities, MSI-X through the GICv2m frame, and INTx.
 *
 * Locks: pci_bus.lock guards configuration space and where BARs are; a function's bar_read and
 * bar_write are called without it, by several vCPUs at once.  Below it are the functions' own
 * locks, and below these intx_lock and msix_lock, of which a thread takes one at a time: what
 * raises interrupts may be called with any other lock held.
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
	/*
	 * NULL where the function has no BAR of its own making.  size is 1, 2 or 4 and offset a
	 * multiple of it: a doubleword comes as two words, the lower one first.
	 */
	uint64_t (*bar_read)(struct pci_dev *d, int bar, uint64_t offset, uint32_t size);
	void (*bar_write)(struct pci_dev *d, int bar, uint64_t offset, uint32_t size, uint64_t val);
	/*
	 * A BAR moved, or decoding went on or off: [bus lock].  gpa is where it answers, also of an
	 * I/O BAR; 0: nowhere.  Every old place is taken back before a new one is told.
	 * The BAR of MSI-X is ours and not told.
	 */
	void (*bar_moved)(struct pci_dev *d, int bar, uint64_t gpa);
	/*
	 * Access from 0x40 on, but for MSI-X, which is ours; size 1, 2, 4, aligned.  False: it is
	 * plain memory, of which writable[] can be written.  [bus lock]
	 */
	bool (*cfg_read)(struct pci_dev *d, uint32_t offset, uint32_t size, uint32_t *val);
	bool (*cfg_write)(struct pci_dev *d, uint32_t offset, uint32_t size, uint32_t val);
};

struct pci_bar {
	enum pci_bar_type type;
	uint64_t size; /* bytes, a power of two; at least 4 KiB for memory */
	uint64_t want; /* [bus lock] the gpa that the registers ask for; 0: none */
	uint64_t gpa;  /* [bus lock] where it answers; 0: nowhere, or others were there first */
	uint64_t next; /* [bus lock] pci_bus.c, while it moves BARs */
};

/*
 * A source of a vector's messages outside bhyve: fd (doorbell.h) is rung for each.  The module
 * sends them where the vector may; while it is masked, rings stay in fd and are the pending bit.
 * Where neither can be - MSI-X is off, or the module cannot - watch(true) is called: then who
 * made this reads fd and does what there is to do.
 */
struct pci_msix_event {
	int fd;				   /* immutable while added, and the next two */
	void (*watch)(void *arg, bool on); /* [msix lock] */
	void *arg;
	struct pci_msix_event *next; /* [msix lock], and all below */
	unsigned int vector;	     /* PCI_NO_VECTOR: rings go nowhere */
	enum { PCI_EVENT_HELD, PCI_EVENT_WATCHED, PCI_EVENT_BOUND } state;
	uint64_t addr; /* of the message that it is bound to */
	uint32_t data;
};

struct pci_msix {
	unsigned int nvectors; /* 0: has none */
	int bar;
	uint32_t cap, pba; /* offsets in configuration space and the BAR */
	bool enabled;	   /* [msix lock] message control's bits, and bus master enable */
	bool masked, master;
	struct pci_msix_vector {
		uint64_t addr;
		uint32_t data;
		uint32_t control;      /* bit 0: masked */
	} * vector;		       /* [msix lock] */
	uint8_t *pending;	       /* [msix lock] one byte a vector */
	struct pci_msix_event *events; /* [msix lock] */
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
	bool intx;	/* [intx lock] the function has an interrupt */
	bool intx_off;	/* [intx lock] it must not use INTx */
	bool intx_line; /* [intx lock] it pulls the line */
};

/* ---- for models, in create() ---- */
void pci_set_ids(struct pci_dev *d, uint16_t vendor, uint16_t device, uint16_t subvendor,
    uint16_t subdevice, uint32_t class_code /* class, subclass, interface */, uint8_t revision);
/* size is rounded up to a power of two and what a BAR must have at least.  MEM64 takes two. */
void pci_add_bar(struct pci_dev *d, int bar, enum pci_bar_type type, uint64_t size);
/*
 * id is cap[0], cap[1] is filled in here.  Its offset, a multiple of 4.  All is read-only to the
 * guest; writable[] may be changed until create() returns.
 */
uint32_t pci_add_capability(struct pci_dev *d, const void *cap, uint32_t len);
/* MSI-X with its table and PBA in a BAR of its own.  -1 with errno. */
int pci_add_msix(struct pci_dev *d, int bar, unsigned int nvectors);
void pci_add_intx(struct pci_dev *d); /* INTA; swizzled by slot (PCI-to-PCI Bridge 1.2) */

/* ---- for models, any thread ---- */
bool pci_msix_enabled(struct pci_dev *d);
void pci_msix_raise(struct pci_dev *d, unsigned int vector); /* masked: it stays pending */
void pci_intx(struct pci_dev *d, bool level);
/* fd, watch and arg are set; e is the caller's and stays until it is removed. */
void pci_msix_event_add(struct pci_dev *d, struct pci_msix_event *e, unsigned int vector);
void pci_msix_event_move(struct pci_dev *d, struct pci_msix_event *e, unsigned int vector);
/* Nothing comes from fd afterwards, and watch is not called. */
void pci_msix_event_remove(struct pci_dev *d, struct pci_msix_event *e);

/* ---- the bus ---- */
/* With its host bridge at 0:0.  NULL with errno. */
struct pci_bus *pci_bus_create(const struct dev_env *env);
/* -1: a line was said. */
int pci_bus_add(struct pci_bus *bus, const struct pci_model *model, unsigned int slot,
    unsigned int func, const struct dev_conf *conf);
/*
 * After the last one: places BARs for a guest that does not, and gives ECAM, memory and I/O window.
 * Decoding is off, as it is after reset: a guest that is content with the places turns it on.
 */
void pci_bus_mmio(struct pci_bus *bus, struct mmio_device dev[3]);
void pci_bus_destroy(struct pci_bus *bus);

#endif /* BHYVE_PCI_H */
