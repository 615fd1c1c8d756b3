/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What a CPU does between its instructions, handed on to the rules: it enters a mode, runs a
 * block, loads and stores.  Between plugin.c, which knows QEMU, and the files that hold the rules.
 */
#include "silicon.h"

/* IHI 0048B: ISACTIVER and ICACTIVER, all of them */
#define GICD_ISACTIVER	  0x300u
#define GICD_ACTIVE_BYTES 0x100u

#define MEMO 1024u

void
cpu_enter(struct cpu *c, uint8_t mode)
{
	if (mode != MODE_HYP)
		cpu_returned(c, mode, 0);
	if (mode == MODE_HYP && !c->in_hyp) {
		c->in_hyp = true;
		tlb_guest_exit(c);
		c->isb_seq = seq;
		c->hyp_dsb = false;
		counters[N_HYP_ENTRY]++;
		sysreg_synced(c); /* an exception is a context synchronisation */
		c->known = false;
	}
	c->mode = mode;
	c->seen = true;
}

void
cpu_at(struct cpu *c, uint32_t pc)
{
	c->own = module_bytes == 0 || c->mode == MODE_HYP ||
	    (c->mode == MODE_PL1 && pc - module_base < module_bytes);
}

void
access_block(struct cpu *c, uint64_t pa, unsigned int bytes, uint32_t pc)
{
	if (!c->known || c->mode != MODE_GUEST)
		cpu_learn_caches(c);
	if (c->nocache && c->mmu_off) {
		counters[N_NOCACHE_BLOCK]++;
		cache_fetch_uncached(c, pa, bytes, pc);
	}
}

/*
 * Rule 6 from the host's side: what HYP mode or stage 2 maps is accessed by the host, which must
 * have it write-back too.  Each pair of virtual and physical page is looked at once in a while.
 */
static void
check_host_mapping(struct cpu *c, const struct access *a)
{
	static uint64_t memo[MEMO];
	uint64_t key = a->va >> PAGE_SHIFT << 32 | a->pa >> PAGE_SHIFT;
	uint64_t *slot = &memo[(a->va >> PAGE_SHIFT ^ a->pa >> PAGE_SHIFT << 3) % MEMO];
	struct xlate x;

	if (*slot == key)
		return;
	*slot = key;
	x = xlate(c, (uint32_t)a->va);
	if (x.pa == a->pa && x.type != MEM_WRITEBACK)
		report(RULE_ATTR, c, a->pc, NULL, a->pa,
		    "the host's own mapping of the page is not write-back; %s has it write-back",
		    (page_mapped(a->pa) & 1u << REGIME_HYP) != 0 ? "HYP mode" : "stage 2");
}

static void
access_part(struct cpu *c, bool store, uint64_t pa, unsigned int bytes, uint32_t pc)
{
	if (!store) {
		cache_load(c, pa, bytes, pc);
		return;
	}
	cache_store(c, pa, bytes, pc);
	if (table_is_tracked(pa))
		table_store(c, pa, bytes, pc);
}

static void
check_hyp_access(struct cpu *c, const struct access *a)
{
	uint32_t mask = 1u << CTX_HSCTLR;

	if (c->mode != MODE_HYP)
		return;
	table_hyp_access(c, (uint32_t)a->va, a->pc);
	if (c->hyp_on)
		mask |= 1u << CTX_HTTBR | 1u << CTX_HTCR | 1u << CTX_HMAIR;
	sysreg_need(c, RULE_CTX_MEM, mask, a->pc, "memory access");
}

void
access_ram(struct cpu *c, const struct access *a)
{
	unsigned int first = LINE_BYTES - (a->pa & (LINE_BYTES - 1));

	cpu_at(c, a->pc);
	check_hyp_access(c, a);
	if (a->bytes <= first) {
		access_part(c, a->store, a->pa, a->bytes, a->pc);
	} else { /* the rest, if on another page, may be anywhere */
		access_part(c, a->store, a->pa, first, a->pc);
		if (((a->pa + first) & (PAGE_SIZE - 1)) != 0)
			access_part(c, a->store, a->pa + first, a->bytes - first, a->pc);
	}
	if (page_mapped(a->pa) != 0 && c->mode <= MODE_PL1 && !c->nocache)
		check_host_mapping(c, a);
}

void
access_device(struct cpu *c, const struct access *a)
{
	bool active = distributor != 0 &&
	    a->pa - (distributor + GICD_ISACTIVER) < GICD_ACTIVE_BYTES;

	check_hyp_access(c, a);
	if (a->store && c->mode == MODE_HYP && active)
		c->device_pc = a->pc;
	/* HYP mode has much to write to the GIC that has nothing to do with the timer's line. */
	if (a->store && (c->mode != MODE_HYP || active))
		sysreg_need(c, RULE_CTX_TIMER, 1u << CTX_CNT_CTL, a->pc, "a device is written");
}
