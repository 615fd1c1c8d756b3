/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * virtio over PCI (virtio 1.2, 4.1), modern only: a PCI function before a struct virtio_dev.
 */
#ifndef BHYVE_VIRTIO_PCI_H
#define BHYVE_VIRTIO_PCI_H

#include "pci.h"

/* The PCI side of every struct virtio_model: which one is the configuration's key "device". */
extern const struct pci_model virtio_pci_model;

#endif /* BHYVE_VIRTIO_PCI_H */
