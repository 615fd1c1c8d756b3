/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Rule 5: a write to a system register is in force after a context synchronisation - ISB,
 * exception, exception return - and not before (DDI 0406C B3.15.5).  Each CPU keeps the set of
 * registers written since the last one.
 */
#include "silicon.h"

static const char *const names[NCTX] = {
	[CTX_HSCTLR] = "HSCTLR",
	[CTX_HTTBR] = "HTTBR",
	[CTX_HTCR] = "HTCR",
	[CTX_HMAIR] = "HMAIR",
	[CTX_HCPTR] = "HCPTR",
	[CTX_HCR] = "HCR",
	[CTX_VTTBR] = "VTTBR",
	[CTX_VTCR] = "VTCR",
	[CTX_CNTVOFF] = "CNTVOFF",
	[CTX_CNT_CVAL] = "the timer's CVAL",
	[CTX_CNT_CTL] = "the timer's CTL",
	[CTX_TTBCR] = "TTBCR",
	[CTX_TTBR] = "TTBR0/1",
	[CTX_SCTLR] = "SCTLR",
	[CTX_AT] = "the address translation",
};

void
sysreg_write(struct cpu *c, enum ctx reg, uint32_t pc)
{
	counters[N_HYP_SYSREG]++;
	c->unsynced |= 1u << reg;
	c->ctx_pc[reg] = pc;
}

void
sysreg_need(struct cpu *c, enum rule rule, uint32_t mask, uint32_t pc, const char *what)
{
	struct where by = { 0, c->id, c->mode };
	unsigned int i;

	mask &= c->unsynced;
	if (mask == 0)
		return;
	for (i = 0; (mask >> i & 1) == 0; i++)
		;
	by.pc = c->ctx_pc[i];
	report(rule, c, pc, &by, 0, "%s while %s, written before, is not synchronised", what,
	    names[i]);
}

void
sysreg_synced(struct cpu *c)
{
	c->unsynced = 0;
}
