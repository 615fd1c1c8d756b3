/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A PCI bus without a machine: what it asked of the interrupt controller is written down, and the
 * three devices that it is made of are accessed as a guest's instruction would.
 */
#ifndef PCI_RIG_H
#define PCI_RIG_H

#include "../../bhyve/mmio.h"
#include "../../bhyve/pci.h"

#define PCI_RIG_MSIS  16u
#define PCI_RIG_BOUND 16u

struct pci_rig {
	struct dev_env env;
	struct pci_bus *bus;
	struct mmio_map map;
	/* messages, in order; the first of them */
	struct {
		uint64_t addr;
		uint32_t data;
	} msi[PCI_RIG_MSIS];
	unsigned int nmsis;
	/* the messages that the module sends when descriptors are rung; at most one of each */
	struct pci_rig_bound {
		int fd;
		uint64_t addr;
		uint32_t data;
	} bound[PCI_RIG_BOUND];
	unsigned int nbound;
	uint64_t refused;     /* the module binds no message to this address */
	uint32_t lines;	      /* bit n: INTID 35 + n is up */
	unsigned int changes; /* of lines */
	bool bad; /* a line was set that is not ours, or to what it was; so with bindings */
};
extern struct pci_rig pci_rig;

void pci_rig_begin(void); /* a bus; add functions with pci_bus_add() */
void pci_rig_start(void); /* its devices into the map */
void pci_rig_end(void);

/* To which message it is bound; NULL: none. */
const struct pci_rig_bound *pci_rig_bound(int fd);

/* Accesses at a gpa; an abort ends the program. */
uint64_t pci_rd(uint64_t gpa, uint32_t size);
void pci_wr(uint64_t gpa, uint32_t size, uint64_t val);
/* Where ECAM has a function's register. */
uint64_t pci_ecam(unsigned int slot, unsigned int func, uint32_t reg);

#endif /* PCI_RIG_H */
