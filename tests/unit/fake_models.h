/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Device models that are only a table of options: a disk, a network card, one without options, and
 * one that is no virtio device.
 */
#ifndef FAKE_MODELS_H
#define FAKE_MODELS_H

#include "devconf.h"

extern const struct dev_model fake_disk, fake_net, fake_plain, fake_pci_only, fake_ports;

#endif /* FAKE_MODELS_H */
