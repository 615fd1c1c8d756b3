/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What a device tree that is in a guest's memory already says of devices.
 */
#include <string.h>

#include <libfdt.h>

#include "boot.h"

/*
 * Before version 16 a node's name is its path, and fdt_check_full() of libfdt 1.6.1 goes on where
 * fdt_get_name() found no slash in one and gave NULL.
 */
int
boot_fdt_check(const void *fdt, size_t size)
{
	if (size < sizeof(struct fdt_header))
		return -FDT_ERR_TRUNCATED;
	if (fdt_magic(fdt) != FDT_MAGIC)
		return -FDT_ERR_BADMAGIC;
	if (fdt_version(fdt) < 16)
		return -FDT_ERR_BADVERSION;
	return fdt_check_full(fdt, size);
}

bool
boot_fdt_copy(void *buf, const struct boot_mem *m, uint64_t gpa)
{
	const void *head = boot_mem_at(m, gpa, sizeof(struct fdt_header)), *all;
	uint32_t size;

	if (head == NULL)
		return false;
	memcpy(buf, head, sizeof(struct fdt_header));
	size = fdt_magic(buf) == FDT_MAGIC ? fdt_totalsize(buf) : 0;
	if (size < sizeof(struct fdt_header) || size > BOOT_MAX_DTB)
		return false;
	all = boot_mem_at(m, gpa, size);
	if (all == NULL)
		return false;
	memcpy(buf, all, size);
	return boot_fdt_check(buf, size) == 0;
}

/* The first address of a node's reg. */
static bool
stands_at(const void *fdt, int node, uint64_t address)
{
	int parent = fdt_parent_offset(fdt, node), len;
	int cells = parent >= 0 ? fdt_address_cells(fdt, parent) : 0;
	const fdt32_t *reg = fdt_getprop(fdt, node, "reg", &len);
	uint64_t at = 0;

	if (reg == NULL || cells < 1 || cells > 2 || len < cells * 4)
		return false;
	for (int i = 0; i < cells; i++)
		at = at << 32 | fdt32_ld(reg + i);
	return at == address;
}

bool
boot_fdt_has(const void *fdt, const char *compatible, uint64_t address)
{
	int node = -1;

	while ((node = fdt_node_offset_by_compatible(fdt, node, compatible)) >= 0) {
		if (stands_at(fdt, node, address))
			return true;
	}
	return false;
}
