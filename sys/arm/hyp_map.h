/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * HYP's own translation tables: stage 1 of the PL2 or EL2 regime, long-descriptor format
 * (DDI 0406C B3.6, B3.19), VMSA_HYP_VA_BITS of VA.  One struct hyp_map; its users serialise.
 */
#ifndef ARM_HYP_MAP_H
#define ARM_HYP_MAP_H

#include "lpae.h"
#include "types.h"

enum hyp_prot {
	HYP_PROT_CODE,	 /* read, execute */
	HYP_PROT_RODATA, /* read */
	HYP_PROT_DATA,	 /* read, write */
	HYP_PROT_DEVICE, /* read, write, device memory */
};

struct hyp_map {
	uint64_t *root; /* the table of level VMSA_HYP_ROOT */
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
