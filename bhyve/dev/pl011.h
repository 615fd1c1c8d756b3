/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * PrimeCell UART.
 */
#ifndef BHYVE_DEV_PL011_H
#define BHYVE_DEV_PL011_H

#include "chardev.h"
#include "device.h"
#include "event.h"

#define PL011_SIZE 0x1000u

struct pl011;

/* NULL with errno. */
struct pl011 *pl011_create(struct ev_loop *loop, struct chardev *cd, const struct irq_line *irq);
void pl011_destroy(struct pl011 *u);
void pl011_mmio(struct pl011 *u, uint64_t base, struct mmio_device *dev);

#endif /* BHYVE_DEV_PL011_H */
