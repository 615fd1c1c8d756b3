/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Stage 1 walks (arm_walk.h).  Little-endian tables only: SCTLR.EE is for guests of another kind.
 */
#include <string.h>

#include "arm_walk.h"

#define SCTLR_M (1u << 0)

/* TTBCR */
#define TTBCR_EAE     (1u << 31)
#define TTBCR_N(x)    ((x)&7) /* short descriptors */
#define TTBCR_T0SZ(x) ((x)&7) /* long ones, and the next */
#define TTBCR_T1SZ(x) ((x) >> 16 & 7)

#define BITS(x, hi, lo) ((x) >> (lo) & ((1ull << ((hi) - (lo) + 1)) - 1))

static bool
load(const struct guest_mem *m, uint64_t gpa, void *d, size_t bytes)
{
	const void *at = guest_mem_at(m, gpa, bytes);

	if (at == NULL)
		return false;
	memcpy(d, at, bytes);
	return true;
}

static bool
mapped(uint64_t base, uint32_t va, uint64_t size, uint64_t *ipa, uint32_t *left)
{
	uint32_t offset = va & (uint32_t)(size - 1);

	*ipa = (base & ~(size - 1)) | offset;
	*left = (uint32_t)(size - offset);
	return true;
}

/* Second level: large pages 01, small pages 1x. */
static bool
short_page(const struct guest_mem *m, uint32_t l1, uint32_t va, uint64_t *ipa, uint32_t *left)
{
	uint32_t d;

	if (!load(m, (l1 & ~0x3ffu) | BITS(va, 19, 12) << 2, &d, sizeof(d)))
		return false;
	if ((d & 2) != 0)
		return mapped(d & ~0xfffu, va, 1u << 12, ipa, left);
	return (d & 1) != 0 && mapped(d & ~0xffffu, va, 1u << 16, ipa, left);
}

static bool
walk_short(const struct guest_mem *m, const struct arm_mmu *mmu, uint32_t va, uint64_t *ipa,
    uint32_t *left)
{
	uint32_t n = TTBCR_N(mmu->ttbcr), base, d;

	if (n != 0 && va >> (32 - n) != 0) {
		base = (uint32_t)mmu->ttbr1 & ~0x3fffu;
		n = 0;
	} else {
		base = (uint32_t)mmu->ttbr0 & ~((1u << (14 - n)) - 1);
	}
	if (!load(m, base | BITS(va, 31 - n, 20) << 2, &d, sizeof(d)))
		return false;
	if ((d & 3) == 1)
		return short_page(m, d, va, ipa, left);
	if ((d & 2) == 0)
		return false;
	if ((d & 1u << 18) == 0) /* section, 1 MiB */
		return mapped(d & ~0xfffffu, va, 1u << 20, ipa, left);
	/* supersection: PA[35:32] are bits 23:20, PA[39:36] bits 8:5 */
	return mapped(
	    (d & ~0xffffffu) | BITS((uint64_t)d, 23, 20) << 32 | BITS((uint64_t)d, 8, 5) << 36, va,
	    1u << 24, ipa, left);
}

/* From the table at base on, which level and how many bits of va are left say. */
static bool
walk_long_from(const struct guest_mem *m, uint64_t base, unsigned int level, uint32_t va,
    unsigned int bits, uint64_t *ipa, uint32_t *left)
{
	unsigned int shift = 39 - 9 * level, top = bits - 1;
	uint64_t d;

	for (;; level++, shift -= 9, top = shift + 8) {
		if (!load(m, base | BITS((uint64_t)va, top, shift) << 3, &d, sizeof(d)))
			return false;
		if ((d & 1) == 0)
			return false;
		if (level == 3)
			break;
		if ((d & 2) == 0)
			return mapped(BITS(d, 39, 12) << 12, va, 1ull << shift, ipa, left);
		base = BITS(d, 39, 12) << 12;
	}
	return (d & 2) != 0 && mapped(BITS(d, 39, 12) << 12, va, 1u << 12, ipa, left);
}

static bool
walk_long(const struct guest_mem *m, const struct arm_mmu *mmu, uint32_t va, uint64_t *ipa,
    uint32_t *left)
{
	uint32_t t0 = TTBCR_T0SZ(mmu->ttbcr), t1 = TTBCR_T1SZ(mmu->ttbcr), size;
	bool upper;

	/* Which of the two; T0SZ 0 and T1SZ 0: all is TTBR0's. */
	if (t1 == 0)
		upper = t0 != 0 && va >> (32 - t0) != 0;
	else
		upper = va >> (32 - t1) == (1u << t1) - 1;
	if (!upper && t0 != 0 && va >> (32 - t0) != 0)
		return false; /* the hole between them */
	size = 32 - (upper ? t1 : t0);
	/* Level 1 where more than 30 bits are to be resolved, else level 2. */
	return walk_long_from(m,
	    BITS(upper ? mmu->ttbr1 : mmu->ttbr0, 39, 4) << 4 &
		~((1ull << (size > 30 ? size - 27 : size - 18)) - 1),
	    size > 30 ? 1 : 2, va, size, ipa, left);
}

bool
arm_walk(const struct guest_mem *m, const struct arm_mmu *mmu, uint32_t va, uint64_t *ipa,
    uint32_t *left)
{
	if ((mmu->sctlr & SCTLR_M) == 0) {
		*ipa = va;
		*left = 4096 - (va & 4095);
		return true;
	}
	if ((mmu->ttbcr & TTBCR_EAE) != 0)
		return walk_long(m, mmu, va, ipa, left);
	return walk_short(m, mmu, va, ipa, left);
}
