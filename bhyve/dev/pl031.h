/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * PrimeCell real time clock.
 */
#ifndef BHYVE_DEV_PL031_H
#define BHYVE_DEV_PL031_H

#include "device.h"
#include "event.h"

#define PL031_SIZE 0x1000u

struct pl031;

/* Starts at the host's time, UTC.  NULL with errno. */
struct pl031 *pl031_create(struct ev_loop *loop, const struct irq_line *irq);
void pl031_destroy(struct pl031 *r);
void pl031_mmio(struct pl031 *r, uint64_t base, struct mmio_device *dev);

#endif /* BHYVE_DEV_PL031_H */
