/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * HYP's own translation tables: stage 1 of the PL2 regime, long-descriptor format, 32 bits
 * of VA (DDI 0406C B3.6, B3.19).  One struct hyp_map; its users serialise.
 */
#ifndef ARM_HYP_MAP_H
#define ARM_HYP_MAP_H

#include "lpae.h"
#include "types.h"

/* The attributes' indexes in HMAIR0, and what they stand for (B4.1.106). */
#define HYP_MAP_ATTR_NORMAL 0u
#define HYP_MAP_ATTR_DEVICE 1u
/* write-back, read- and write-allocate, inner and outer: what kernels map their memory with */
#define HYP_MAIR0 (0xffu << 8 * HYP_MAP_ATTR_NORMAL | 0x04u << 8 * HYP_MAP_ATTR_DEVICE)
#define HYP_MAIR1 0u

/*
 * HTCR, B4.1.74: T0SZ = 0, walks shareable as the host's memory is (LPAE_SH_*), write-back
 * write-allocate cacheable, so that they see the host's stores without cache maintenance; bits 31
 * and 23 are should-be-one.
 */
#define HYP_HTCR(sh) (BIT(31) | BIT(23) | TCR_SH0(sh) | 1u << 10 | 1u << 8)
_Static_assert(HYP_HTCR(LPAE_SH_INNER) == 0x80803500u, "HTCR");

enum hyp_prot {
	HYP_PROT_CODE,	 /* read, execute */
	HYP_PROT_RODATA, /* read */
	HYP_PROT_DATA,	 /* read, write */
	HYP_PROT_DEVICE, /* read, write, device memory */
};

struct hyp_map {
	uint64_t *root; /* level 1: four entries of 1 GiB are used */
	uint64_t sh;	/* LPAE_SH_* of the host's memory */
	uint32_t pages; /* table pages, the root among them */
};

int hyp_map_init(struct hyp_map *m, uint64_t sh); /* -ENOMEM */
/* Nobody walks the tables any more. */
void hyp_map_destroy(struct hyp_map *m);
/*
 * Map one page where nothing is mapped.  -EEXIST something is: a live entry is never
 * replaced, so that no TLB ever holds two (break-before-make, B3.10.1).  -EINVAL not
 * aligned, or beyond 40 bits.  -ENOMEM.  The caller publishes with DSB before HYP looks.
 */
int hyp_map_page(struct hyp_map *m, hyp_va_t va, hpa_t pa, enum hyp_prot prot);
/* Break one entry; false if there was none.  TLBs are invalidated before anything is reused. */
bool hyp_map_clear(struct hyp_map *m, hyp_va_t va);
/* The descriptor that maps va, 0 if none does. */
uint64_t hyp_map_lookup(const struct hyp_map *m, hyp_va_t va);

#endif /* ARM_HYP_MAP_H */
