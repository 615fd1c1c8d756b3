/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The GIC's virtualization half and CNTV for the unit tests: IHI 0048B chapter 5, DDI 0406C B8.1.
 * Written from the manuals, and on purpose without a line of sys/arm's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_gich.h"

/* Offsets and fields of their own: a wrong one in vgic_regs.h must show. */
enum { HCR = 0x0, VTR = 0x4, VMCR = 0x8, MISR = 0x10, EISR0 = 0x20, ELRSR0 = 0x30, APR = 0xf0 };
#define LR0	   0x100u
#define ISACTIVER0 0x300u
#define ICACTIVER0 0x380u
#define TIMER_PPI  27u

#define LR_ID(lr)    ((lr)&0x3ffu)
#define LR_PHYS(lr)  ((lr) >> 10 & 0x3ffu)
#define LR_CPU(lr)   ((lr) >> 10 & 7u)
#define LR_EOI(lr)   ((lr) >> 19 & 1u)
#define LR_PRIO(lr)  ((lr) >> 23 & 0x1fu)
#define LR_STATE(lr) ((lr) >> 28 & 3u)
#define LR_GRP(lr)   ((lr) >> 30 & 1u)
#define LR_HW(lr)    ((lr) >> 31)
enum { INVALID, PENDING, ACTIVE, ACTIVE_PENDING };

struct gic {
	uint32_t hcr, vmcr, apr, lr[16];
	uint32_t ppi_active;
	uint32_t cntv_ctl;
	uint64_t cntv_cval, cntvoff;
};
static struct gic gics[FAKE_GIC_CPUS], *gic = gics;
static uint32_t nlrs;
uint64_t fake_cntpct;
unsigned long fake_gic_accesses;

static void
unpredictable(const char *what)
{
	fprintf(stderr, "fake GIC: %s\n", what);
	abort();
}

void
fake_gic_reset(uint32_t n)
{
	memset(gics, 0, sizeof(gics));
	gic = gics;
	nlrs = n;
	fake_cntpct = 0;
	fake_gic_accesses = 0;
}

void
fake_gic_cpu(unsigned int cpu)
{
	gic = &gics[cpu];
}

static void
set_state(uint32_t n, uint32_t state)
{
	gic->lr[n] = (gic->lr[n] & ~(3u << 28)) | state << 28;
}

/* ---- GICH ---- */

static uint32_t
eisr(void)
{
	uint32_t set = 0;

	for (uint32_t n = 0; n < nlrs; n++)
		if (LR_STATE(gic->lr[n]) == INVALID && !LR_HW(gic->lr[n]) && LR_EOI(gic->lr[n]))
			set |= BIT(n);
	return set;
}

static uint32_t
elrsr(void)
{
	uint32_t set = 0;

	for (uint32_t n = 0; n < nlrs; n++)
		if (LR_STATE(gic->lr[n]) == INVALID && (LR_HW(gic->lr[n]) || !LR_EOI(gic->lr[n])))
			set |= BIT(n);
	return set;
}

static uint32_t
count_state(uint32_t state)
{
	uint32_t count = 0;

	for (uint32_t n = 0; n < nlrs; n++)
		count += LR_STATE(gic->lr[n]) == state;
	return count;
}

static uint32_t
misr(void)
{
	uint32_t set = 0;

	if ((gic->hcr & 1) == 0)
		return 0;
	if (eisr() != 0)
		set |= BIT(0);
	if ((gic->hcr & BIT(1)) && nlrs - count_state(INVALID) <= 1)
		set |= BIT(1);
	if ((gic->hcr & BIT(2)) && gic->hcr >> 27 != 0)
		set |= BIT(2);
	if ((gic->hcr & BIT(3)) && count_state(PENDING) == 0)
		set |= BIT(3);
	return set;
}

static void
write_lr(uint32_t n, uint32_t lr)
{
	if (n >= nlrs)
		unpredictable("a list register that does not exist");
	gic->lr[n] = lr;
	if (LR_STATE(lr) == INVALID)
		return;
	if (LR_HW(lr) && LR_STATE(lr) == ACTIVE_PENDING)
		unpredictable("active and pending with HW");
	if (!LR_HW(lr) && (lr >> 13 & 0x3f) != 0)
		unpredictable("reserved bits in a list register");
	if (LR_ID(lr) >= 1020)
		unpredictable("a special INTID in a list register");
	for (uint32_t i = 0; i < nlrs; i++)
		if (i != n && LR_STATE(gic->lr[i]) != INVALID && LR_ID(gic->lr[i]) == LR_ID(lr) &&
		    (gic->hcr & 1) != 0)
			unpredictable("one INTID in two list registers");
}

static void
write_hcr(uint32_t val)
{
	gic->hcr = val;
	if ((val & 1) == 0)
		return;
	for (uint32_t i = 0; i < nlrs; i++)
		for (uint32_t j = i + 1; j < nlrs; j++)
			if (LR_STATE(gic->lr[i]) && LR_STATE(gic->lr[j]) &&
			    LR_ID(gic->lr[i]) == LR_ID(gic->lr[j]))
				unpredictable("one INTID in two list registers");
}

static bool
gich_access(uint32_t off, bool write, uint32_t *val)
{
	if (off >= LR0 && off < LR0 + 4 * nlrs) {
		if (write)
			write_lr((off - LR0) / 4, *val);
		else
			*val = gic->lr[(off - LR0) / 4];
		return true;
	}
	if (write && off == HCR)
		write_hcr(*val);
	else if (write && off == VMCR)
		gic->vmcr = *val;
	else if (write && off == APR)
		gic->apr = *val;
	else if (write)
		unpredictable("a write to a read-only register of GICH");
	else if (off == HCR)
		*val = gic->hcr;
	else if (off == VTR)
		*val = nlrs - 1;
	else if (off == VMCR)
		*val = gic->vmcr;
	else if (off == MISR)
		*val = misr();
	else if (off == EISR0)
		*val = eisr();
	else if (off == ELRSR0)
		*val = elrsr();
	else if (off == APR)
		*val = gic->apr;
	else
		unpredictable("no such register in GICH");
	return true;
}

static bool
gicd_access(uint32_t off, bool write, uint32_t *val)
{
	if (!write)
		*val = gic->ppi_active;
	else if (off == ISACTIVER0)
		gic->ppi_active |= *val;
	else if (off == ICACTIVER0)
		gic->ppi_active &= ~*val;
	else
		unpredictable("no business in GICD");
	return true;
}

bool
fake_gic_dev(uintptr_t base, uint32_t offset, bool write, uint32_t *val)
{
	fake_gic_accesses++;
	if (base == FAKE_GICH_BASE)
		return gich_access(offset, write, val);
	if (base == FAKE_GICD_BASE)
		return gicd_access(offset, write, val);
	return false;
}

/* ---- GICV ---- */

/* 0..31; 32 when idle */
static uint32_t
running_prio(void)
{
	return gic->apr != 0 ? (uint32_t)__builtin_ctz(gic->apr) : 32;
}

/* The list register that would be acknowledged, ties to the lowest INTID; nlrs: none. */
static uint32_t
best_pending(void)
{
	uint32_t best = nlrs;

	for (uint32_t n = 0; n < nlrs; n++) {
		uint32_t lr = gic->lr[n];

		if (LR_STATE(lr) != PENDING || ((gic->vmcr >> LR_GRP(lr)) & 1) == 0)
			continue;
		if (LR_PRIO(lr) >= gic->vmcr >> 27 || LR_PRIO(lr) >= running_prio())
			continue;
		if (best == nlrs || LR_PRIO(lr) < LR_PRIO(gic->lr[best]) ||
		    (LR_PRIO(lr) == LR_PRIO(gic->lr[best]) && LR_ID(lr) < LR_ID(gic->lr[best])))
			best = n;
	}
	return best;
}

bool
fake_gicv_irq(void)
{
	return (gic->hcr & 1) != 0 && best_pending() != nlrs;
}

uint32_t
fake_gicv_ack(void)
{
	uint32_t n = best_pending(), lr;

	if (!fake_gicv_irq())
		return FAKE_SPURIOUS;
	lr = gic->lr[n];
	set_state(n, ACTIVE);
	gic->apr |= BIT(LR_PRIO(lr));
	return LR_ID(lr) | (LR_ID(lr) < 16 ? LR_CPU(lr) << 10 : 0);
}

static void
deactivate(uint32_t iar)
{
	for (uint32_t n = 0; n < nlrs; n++) {
		uint32_t lr = gic->lr[n], id = LR_ID(lr);

		if ((LR_STATE(lr) & ACTIVE) == 0 || id != (iar & 0x3ff))
			continue;
		if (id < 16 && LR_CPU(lr) != (iar >> 10 & 7))
			continue;
		set_state(n, LR_STATE(lr) & PENDING);
		if (LR_HW(lr))
			gic->ppi_active &= ~BIT(LR_PHYS(lr));
		return;
	}
	gic->hcr += BIT(27); /* EOICount, wraps */
}

void
fake_gicv_eoi(uint32_t iar)
{
	if (gic->apr == 0)
		return;
	gic->apr &= gic->apr - 1;
	if ((gic->vmcr & BIT(9)) == 0)
		deactivate(iar);
}

void
fake_gicv_dir(uint32_t iar)
{
	if (gic->vmcr & BIT(9))
		deactivate(iar);
}

void
fake_gicv_set_pmr(uint32_t prio)
{
	gic->vmcr = (gic->vmcr & ~(0x1fu << 27)) | (prio >> 3) << 27;
}

void
fake_gicv_set_eoimode(bool split)
{
	gic->vmcr = (gic->vmcr & ~BIT(9)) | (split ? BIT(9) : 0);
}

void
fake_gicv_enable(uint32_t groups)
{
	gic->vmcr = (gic->vmcr & ~3u) | groups;
}

bool
fake_gic_maintenance(void)
{
	return misr() != 0;
}

/* ---- the timer ---- */

static bool
timer_condition(void)
{
	return (gic->cntv_ctl & 1) != 0 && fake_cntpct - gic->cntvoff >= gic->cntv_cval;
}

bool
fake_gic_vtimer_irq(void)
{
	return timer_condition() && (gic->cntv_ctl & 2) == 0 &&
	    (gic->ppi_active & BIT(TIMER_PPI)) == 0;
}

bool
fake_gic_ppi_active(void)
{
	return (gic->ppi_active & BIT(TIMER_PPI)) != 0;
}

void
fake_cntv_set(uint32_t ctl, uint64_t cval)
{
	gic->cntv_ctl = ctl & 3;
	gic->cntv_cval = cval;
}

uint32_t
fake_cntv_ctl(void)
{
	return gic->cntv_ctl | (timer_condition() ? 4u : 0);
}

bool
fake_gic_sysreg(const char *name, bool write, uint64_t *val)
{
	if (strcmp(name, "CNTPCT") == 0 && !write)
		*val = fake_cntpct;
	else if (strcmp(name, "CNTV_CTL") == 0 && write)
		gic->cntv_ctl = (uint32_t)*val & 3;
	else if (strcmp(name, "CNTV_CTL") == 0)
		*val = fake_cntv_ctl();
	else if (strcmp(name, "CNTV_CVAL") == 0 && write)
		gic->cntv_cval = *val;
	else if (strcmp(name, "CNTV_CVAL") == 0)
		*val = gic->cntv_cval;
	else if (strcmp(name, "CNTVOFF") == 0 && write)
		gic->cntvoff = *val;
	else if (strcmp(name, "CNTVOFF") == 0)
		*val = gic->cntvoff;
	else
		return false;
	return true;
}
