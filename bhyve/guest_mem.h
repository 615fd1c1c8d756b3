/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The guest's memory as devices reach it: DMA.  It is coherent, and the device tree says so
 * (docs/memory-map.md).  The guest may change every byte at any time: fetch what must be checked
 * once into a local, and check the copy.
 */
#ifndef BHYVE_GUEST_MEM_H
#define BHYVE_GUEST_MEM_H

#include <stddef.h>
#include <stdint.h>

/* All of RAM, one contiguous piece; immutable while the VM runs. */
struct guest_mem {
	uint8_t *va; /* in this process */
	uint64_t gpa;
	uint64_t size; /* bytes */
};

/* Where [gpa, gpa + len) is in this process, or NULL where it is not all RAM.  len may be 0. */
static inline void *
guest_mem_at(const struct guest_mem *m, uint64_t gpa, uint64_t len)
{
	if (gpa < m->gpa || gpa - m->gpa > m->size || len > m->size - (gpa - m->gpa))
		return NULL;
	return m->va + (gpa - m->gpa);
}

#endif /* BHYVE_GUEST_MEM_H */
