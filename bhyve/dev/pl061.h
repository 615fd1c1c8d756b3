/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * PrimeCell GPIO, with the machine's power button on one of its pins.
 */
#ifndef BHYVE_DEV_PL061_H
#define BHYVE_DEV_PL061_H

#include "device.h"
#include "event.h"

#define PL061_SIZE 0x1000u

struct pl061;

/* NULL with errno. */
struct pl061 *pl061_create(struct ev_loop *loop, const struct irq_line *irq);
void pl061_destroy(struct pl061 *g);
void pl061_mmio(struct pl061 *g, uint64_t base, struct mmio_device *dev);
/*
 * Press the power button, and let it go after a while.  False: the guest has not enabled the pin's
 * interrupt and will not notice.  Any thread.
 */
bool pl061_press_power(struct pl061 *g);

#endif /* BHYVE_DEV_PL061_H */
