/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The frame that turns a store, a message of a PCI function or one of a CPU, into an SPI.
 */
#ifndef BHYVE_DEV_GICV2M_H
#define BHYVE_DEV_GICV2M_H

#include "device.h"

/* It has no state but this; the caller's, immutable. */
struct gicv2m {
	uint64_t base;	/* gpa of the frame */
	uint32_t first; /* INTIDs [first, first + count) are the frame's */
	uint32_t count;
	/* An edge of one of them; any thread, several at once. */
	void (*raise)(void *arg, uint32_t intid);
	void *arg;
};

void gicv2m_mmio(struct gicv2m *g, struct mmio_device *dev);
/* Is that a message for the frame, and one of its SPIs? */
bool gicv2m_takes(const struct gicv2m *g, uint64_t addr, uint32_t data);
/* A store by a device: a message.  False: it is not for this frame, or for none of its SPIs. */
bool gicv2m_message(const struct gicv2m *g, uint64_t addr, uint32_t data);

#endif /* BHYVE_DEV_GICV2M_H */
