/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Builds HYP's own translation tables, by single pages: HYP maps what it touches and nothing
 * else, since whatever is mapped cacheable here may be read speculatively.  Runs on the host,
 * may sleep; the caller (hyp_cpu.c) holds the lock and does the TLB maintenance.
 *
 * Tables are only added while the map lives: at most one for every 2 MiB of the kernel's
 * memory, and they go with the map.
 */
#include "errno.h"
#include "hyp_map.h"
#include "lpae.h"
#include "os.h"

#define LEVEL_PAGE 3u

/*
 * Walks on other CPUs read descriptors while we write them: 64 bits at once.  The compiler
 * makes this a doubleword store that is single-copy atomic where the LPAE is implemented
 * (A3.5.3).
 */
static void
desc_store(uint64_t *desc, uint64_t val)
{
	__atomic_store_n(desc, val, __ATOMIC_RELEASE);
}

static uint64_t *
table_of(uint64_t desc)
{
	return os_pa_to_va(HPA(desc & LPAE_ADDR_MASK));
}

/* The entry for va at the last level; NULL where a table is missing and may not be made. */
static uint64_t *
walk(struct hyp_map *m, uintptr_t va, bool make)
{
	uint64_t *table = m->root;
	unsigned int level;

	for (level = VMSA_HYP_ROOT; level < LEVEL_PAGE; level++) {
		uint64_t *desc = &table[LPAE_INDEX((uint64_t)va, level)];

		if ((*desc & LPAE_VALID) == 0) {
			uint64_t *next = make ? os_pages_alloc(0) : NULL;

			if (next == NULL)
				return NULL;
			m->pages++;
			desc_store(desc, os_va_to_pa(next).a | LPAE_TYPE_TABLE);
		}
		table = table_of(*desc);
	}
	return &table[LPAE_INDEX((uint64_t)va, LEVEL_PAGE)];
}

/* Never writable and executable at once. */
static uint64_t
attributes(const struct hyp_map *m, enum hyp_prot prot)
{
	uint64_t normal = m->sh | LPAE_S1_ATTR(HYP_MAP_ATTR_NORMAL);
	uint64_t device = LPAE_SH_OUTER | LPAE_S1_ATTR(HYP_MAP_ATTR_DEVICE);

	switch (prot) {
	case HYP_PROT_CODE:
		return normal | LPAE_S1_AP_RO;
	case HYP_PROT_RODATA:
		return normal | LPAE_S1_AP_RO | LPAE_XN;
	case HYP_PROT_DATA:
		return normal | LPAE_XN;
	case HYP_PROT_DEVICE:
	default:
		return device | LPAE_XN;
	}
}

int
hyp_map_init(struct hyp_map *m, uint64_t sh)
{
	m->sh = sh;
	m->root = os_pages_alloc(0);
	m->pages = m->root != NULL;
	return m->root != NULL ? 0 : -ENOMEM;
}

static void
free_table(struct hyp_map *m, uint64_t *table, unsigned int level)
{
	unsigned int i;

	for (i = 0; level < LEVEL_PAGE && i < LPAE_ENTRIES; i++)
		if ((table[i] & LPAE_VALID) != 0)
			free_table(m, table_of(table[i]), level + 1);
	os_pages_free(table, 0);
	m->pages--;
}

void
hyp_map_destroy(struct hyp_map *m)
{
	if (m->root != NULL)
		free_table(m, m->root, VMSA_HYP_ROOT);
	m->root = NULL;
}

int
hyp_map_page(struct hyp_map *m, hyp_va_t va, hpa_t pa, enum hyp_prot prot)
{
	uint64_t *desc;

	if ((va.a & (PAGE_BYTES - 1)) != 0 || (pa.a & ~LPAE_ADDR_MASK) != 0 ||
	    (uint64_t)va.a >> VMSA_HYP_VA_BITS != 0)
		return -EINVAL;
	desc = walk(m, va.a, true);
	if (desc == NULL)
		return -ENOMEM;
	if ((*desc & LPAE_VALID) != 0)
		return -EEXIST;
	desc_store(desc, pa.a | attributes(m, prot) | LPAE_AF | LPAE_S1_AP1 | LPAE_TYPE_PAGE);
	return 0;
}

bool
hyp_map_clear(struct hyp_map *m, hyp_va_t va)
{
	uint64_t *desc = walk(m, va.a, false);

	if (desc == NULL || (*desc & LPAE_VALID) == 0)
		return false;
	desc_store(desc, 0);
	return true;
}

uint64_t
hyp_map_lookup(const struct hyp_map *m, hyp_va_t va)
{
	const uint64_t *table = m->root;
	unsigned int level;

	for (level = VMSA_HYP_ROOT; level < LEVEL_PAGE; level++) {
		uint64_t desc = table[LPAE_INDEX((uint64_t)va.a, level)];

		if ((desc & LPAE_VALID) == 0)
			return 0;
		table = table_of(desc);
	}
	return table[LPAE_INDEX((uint64_t)va.a, LEVEL_PAGE)];
}
