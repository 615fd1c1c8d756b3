/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The guest's own stage 1, walked by software: which guest physical address is behind a
 * virtual one (DDI 0406C B3.5, B3.6).  abort.c needs it to fetch an instruction.  Host
 * side, preemptible, may sleep.
 *
 * The tables are the guest's and may say anything: each level is one bounded read through
 * vm_mem_read, and no more than three are made.  The processor has just made the
 * access itself, so permissions, domains and Access flags are not looked at again.
 */
#include "arm.h"
#include "lpae.h"
#include "psr.h"

static bool
tables_are_big_endian(const struct hyp_vcpu *v)
{
	return (v->sys.sctlr & SCTLR_EE) != 0;
}

static bool
read_desc32(struct vcpu *vcpu, uint64_t gpa, uint32_t *d)
{
	if (vm_mem_read(vcpu->vm, GPA(gpa), d, sizeof(*d)) != 0)
		return false;
	if (tables_are_big_endian(hyp_vcpu(vcpu)))
		*d = __builtin_bswap32(*d);
	return true;
}

static bool
read_desc64(struct vcpu *vcpu, uint64_t gpa, uint64_t *d)
{
	if (vm_mem_read(vcpu->vm, GPA(gpa), d, sizeof(*d)) != 0)
		return false;
	if (tables_are_big_endian(hyp_vcpu(vcpu)))
		*d = __builtin_bswap64(*d);
	return true;
}

static uint32_t
field(uint32_t val, unsigned int hi, unsigned int lo)
{
	return (val & MASK32(hi, lo)) >> lo;
}

/* ---- Short-descriptor format, B3.5.1 ---- */
#define SHORT_TYPE_MASK	   MASK32(1, 0)
#define SHORT_TYPE_FAULT   0u
#define SHORT_TYPE_TABLE   1u /* first level */
#define SHORT_TYPE_LARGE   1u /* second level */
#define SHORT_SUPERSECTION BIT(18)

/* The first-level table that translates va, B3.5.4 and TTBCR.N.  False: disabled by PD0 or PD1. */
static bool
short_base(const struct hyp_vcpu *v, uint32_t va, uint64_t *desc)
{
	unsigned int n = v->sys.ttbcr & TTBCR_N_MASK;
	uint64_t ttbr = v->sys.ttbr0;
	uint32_t off = v->sys.ttbcr & TTBCR_PD0;

	if (n != 0 && va >> (32 - n) != 0) {
		ttbr = v->sys.ttbr1;
		off = v->sys.ttbcr & TTBCR_PD1;
		n = 0;
	}
	*desc = (ttbr & MASK32(31, 14 - n)) | field(va, 31 - n, 20) << 2;
	return off == 0;
}

static uint64_t
short_section(uint32_t d, uint32_t va)
{
	if ((d & SHORT_SUPERSECTION) == 0)
		return (d & MASK32(31, 20)) | field(va, 19, 0);
	return (uint64_t)field(d, 8, 5) << 36 | (uint64_t)field(d, 23, 20) << 32 |
	    (d & MASK32(31, 24)) | field(va, 23, 0);
}

static bool
walk_short(struct vcpu *vcpu, uint32_t va, uint64_t *gpa)
{
	uint64_t at;
	uint32_t d;

	if (!short_base(hyp_vcpu(vcpu), va, &at) || !read_desc32(vcpu, at, &d))
		return false;
	switch (d & SHORT_TYPE_MASK) {
	case SHORT_TYPE_FAULT:
		return false;
	case SHORT_TYPE_TABLE:
		break;
	default: /* a section; bit 0 is PXN */
		*gpa = short_section(d, va);
		return true;
	}
	if (!read_desc32(vcpu, (d & MASK32(31, 10)) | field(va, 19, 12) << 2, &d))
		return false;
	switch (d & SHORT_TYPE_MASK) {
	case SHORT_TYPE_FAULT:
		return false;
	case SHORT_TYPE_LARGE:
		*gpa = (d & MASK32(31, 16)) | field(va, 15, 0);
		return true;
	default: /* a small page; bit 0 is XN */
		*gpa = (d & MASK32(31, 12)) | field(va, 11, 0);
		return true;
	}
}

/* ---- Long-descriptor format, B3.6 ---- */
/* Where the first lookup goes.  False: va is in neither half, or its half is disabled. */
static bool
long_base(const struct hyp_vcpu *v, uint32_t va, unsigned int *level, uint64_t *desc)
{
	uint32_t ttbcr = v->sys.ttbcr;
	unsigned int t0 = FIELD_OF(TTBCR_T0SZ_MASK, ttbcr), t1 = FIELD_OF(TTBCR_T1SZ_MASK, ttbcr);
	bool low = t0 == 0 || va >> (32 - t0) == 0;
	bool high = t1 == 0 ? !low : va >> (32 - t1) == BIT(t1) - 1;
	unsigned int size, low_bit;
	uint64_t ttbr;

	/* with T0SZ = 0 the low half is what the high one leaves, and the reverse */
	if (!high && !low)
		return false;
	if ((ttbcr & (high ? TTBCR_EPD1 : TTBCR_EPD0)) != 0)
		return false;
	ttbr = high ? v->sys.ttbr1 : v->sys.ttbr0;
	size = high ? t1 : t0;
	*level = size < 2 ? 1 : 2;
	/* BADDR is [39:x]: x = 5 - size for level 1, 14 - size for level 2 */
	low_bit = (*level == 1 ? 5 : 14) - size;
	*desc = (ttbr & MASK64(39, low_bit)) |
	    (uint64_t)field(va, 31 - size, LPAE_SHIFT(*level)) << 3;
	return true;
}

static bool
walk_long(struct vcpu *vcpu, uint32_t va, uint64_t *gpa)
{
	unsigned int level;
	uint64_t at, d, type;

	if (!long_base(hyp_vcpu(vcpu), va, &level, &at))
		return false;
	for (; read_desc64(vcpu, at, &d); level++) {
		type = d & LPAE_TYPE_MASK;
		if (type == (level == 3 ? LPAE_TYPE_PAGE : LPAE_TYPE_BLOCK)) {
			*gpa = (d & LPAE_ADDR_MASK & ~(LPAE_SIZE(level) - 1)) |
			    (va & (LPAE_SIZE(level) - 1));
			return true;
		}
		if (level == 3 || type != LPAE_TYPE_TABLE)
			return false;
		at = (d & LPAE_ADDR_MASK) | (uint64_t)LPAE_INDEX(va, level + 1) << 3;
	}
	return false;
}

bool
arch_guest_translate(struct vcpu *vcpu, arch_reg_t va, gpa_t *gpa)
{
	const struct hyp_vcpu *v = hyp_vcpu(vcpu);

	if ((v->sys.sctlr & SCTLR_M) == 0) {
		gpa->a = va;
		return true;
	}
	if ((v->sys.ttbcr & TTBCR_EAE) != 0)
		return walk_long(vcpu, va, &gpa->a);
	return walk_short(vcpu, va, &gpa->a);
}
