/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What a memory-mapped device is to the rest of bhyve: a range of addresses with two functions,
 * and an interrupt line.  Several vCPUs call a device at once; each device has its own lock.
 */
#ifndef BHYVE_DEVICE_H
#define BHYVE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

enum mmio_result {
	MMIO_OK,
	MMIO_ABORT, /* the guest gets a synchronous external abort */
};

struct mmio_device {
	const char *name;
	uint64_t base, size;
	uint32_t sizes; /* sum of the access sizes it takes: 1 | 2 | 4 | 8 */
	void *sc;
	/* offset + size lie in the range, offset is a multiple of size. */
	enum mmio_result (*read)(void *sc, uint64_t offset, uint32_t size, uint64_t *data);
	enum mmio_result (*write)(void *sc, uint64_t offset, uint32_t size, uint64_t data);
};

/* A level-triggered line.  Called with the device's lock held, only when the level changes. */
struct irq_line {
	void (*set)(void *arg, uint32_t irq, bool level);
	void *arg;
	uint32_t irq; /* GIC INTID */
};

#endif /* BHYVE_DEVICE_H */
