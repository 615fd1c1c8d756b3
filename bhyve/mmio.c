/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Dispatch of device accesses: the stage of the trap walk between vmexit.c and the device.  The
 * table is complete before the first vCPU runs and does not change after, so it needs no lock.
 */
#include <errno.h>
#include <string.h>

#include "mmio.h"

/* The first device whose base is above gpa. */
static unsigned int
upper_bound(const struct mmio_map *map, uint64_t gpa)
{
	unsigned int lo = 0, hi = map->ndevs, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (map->dev[mid].base <= gpa)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int
mmio_register(struct mmio_map *map, const struct mmio_device *dev)
{
	unsigned int at = upper_bound(map, dev->base);
	const struct mmio_device *below = at > 0 ? &map->dev[at - 1] : NULL;

	if (dev->size == 0 || dev->size - 1 > UINT64_MAX - dev->base) {
		errno = EINVAL;
		return -1;
	}
	if ((below != NULL && dev->base - below->base < below->size) ||
	    (at < map->ndevs && map->dev[at].base - dev->base < dev->size)) {
		errno = EEXIST;
		return -1;
	}
	if (map->ndevs == MMIO_MAX_DEVICES) {
		errno = ENOSPC;
		return -1;
	}
	memmove(&map->dev[at + 1], &map->dev[at], (map->ndevs - at) * sizeof(map->dev[0]));
	map->dev[at] = *dev;
	map->ndevs++;
	map->last = NULL;
	return 0;
}

const struct mmio_device *
mmio_find(const struct mmio_map *map, uint64_t gpa)
{
	unsigned int at = upper_bound(map, gpa);
	const struct mmio_device *dev;

	if (at == 0)
		return NULL;
	dev = &map->dev[at - 1];
	return gpa - dev->base < dev->size ? dev : NULL;
}

/*
 * A guest that is at a device mostly stays there.  Any vCPU's last one will do: it is looked at
 * before it is believed.
 */
static const struct mmio_device *
mmio_find_again(struct mmio_map *map, uint64_t gpa)
{
	const struct mmio_device *dev = __atomic_load_n(&map->last, __ATOMIC_RELAXED);

	if (dev != NULL && gpa - dev->base < dev->size)
		return dev;
	dev = mmio_find(map, gpa);
	if (dev != NULL)
		__atomic_store_n(&map->last, dev, __ATOMIC_RELAXED);
	return dev;
}

/*
 * LDRD and STRD: two words, the lower address first (DDI 0406C A3.5.3), for a device that has no
 * doublewords, or where the address is no doubleword's.
 */
static enum mmio_result
mmio_access_pair(struct mmio_map *map, uint64_t gpa, bool write, uint64_t *data)
{
	uint64_t lo = *data & 0xffffffffu, hi = *data >> 32;
	enum mmio_result result = mmio_access(map, gpa, write, 4, &lo);

	if (result == MMIO_OK)
		result = mmio_access(map, gpa + 4, write, 4, &hi);
	*data = (lo & 0xffffffffu) | hi << 32;
	return result;
}

enum mmio_result
mmio_access(struct mmio_map *map, uint64_t gpa, bool write, uint32_t size, uint64_t *data)
{
	const struct mmio_device *dev = mmio_find_again(map, gpa);
	uint64_t offset;

	if (size == 8 && dev != NULL && ((dev->sizes & 8) == 0 || (gpa - dev->base) % 8 != 0))
		return mmio_access_pair(map, gpa, write, data);
	if (dev == NULL || size == 0 || (dev->sizes & size) != size || (size & (size - 1)) != 0)
		return MMIO_ABORT;
	offset = gpa - dev->base;
	if (size > dev->size - offset || offset % size != 0)
		return MMIO_ABORT;
	if (write)
		return dev->write(dev->sc, offset, size, *data);
	*data = 0;
	return dev->read(dev->sc, offset, size, data);
}
