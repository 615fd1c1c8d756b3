/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Which device answers an address.
 */
#ifndef BHYVE_MMIO_H
#define BHYVE_MMIO_H

#include "device.h"

#define MMIO_MAX_DEVICES 64

struct mmio_map {
	struct mmio_device dev[MMIO_MAX_DEVICES]; /* sorted by base, disjoint */
	unsigned int ndevs;
	const struct mmio_device *last; /* [a] of an access */
};

/* -1 with errno: EINVAL an empty or wrapping range, EEXIST it overlaps, ENOSPC. */
int mmio_register(struct mmio_map *map, const struct mmio_device *dev);
const struct mmio_device *mmio_find(const struct mmio_map *map, uint64_t gpa);
/* One access of size bytes; *data in for a write, out for a read.  Nobody's address: MMIO_ABORT. */
enum mmio_result mmio_access(
    struct mmio_map *map, uint64_t gpa, bool write, uint32_t size, uint64_t *data);

#endif /* BHYVE_MMIO_H */
