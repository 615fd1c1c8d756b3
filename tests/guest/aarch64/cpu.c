/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * See guest.h: what takes AArch64's registers.
 */
#include "../guest.h"

void guest_exception(uint64_t number, struct frame *f);

uint32_t
cpu_number(void)
{
	return mpidr() & 0xff;
}

uint32_t
cntfrq(void)
{
	return (uint32_t)mrs(cntfrq_el0);
}

/* ---- exceptions ---- */

#define SYNC_HERE 4u /* the vector: from EL1, with SP_EL1 */

/* ESR_ELx.EC, as guest.h calls the exceptions */
static uint32_t
vector_of(uint64_t esr)
{
	switch (esr >> 26 & 0x3f) {
	case 0x00: /* unknown reason */
	case 0x07: /* SVE, SIMD, floating point */
	case 0x0e: /* illegal state */
	case 0x18: /* trapped MSR, MRS */
	case 0x19: /* SVE */
		return VECTOR_UNDEF;
	case 0x15:
		return VECTOR_SVC;
	case 0x21:
		return VECTOR_PABT;
	case 0x25:
		return VECTOR_DABT;
	default:
		return 0;
	}
}

void
guest_exception(uint64_t number, struct frame *f)
{
	uint32_t vector = number == SYNC_HERE ? vector_of(f->esr) : 0;
	uint64_t far = mrs(far_el1);

	if (!catching || vector == 0 || vector == VECTOR_SVC)
		fail("exception %u at %x, psr %x, esr %x, far %x", (uint32_t)number,
		    (uint32_t)f->pc, (uint32_t)f->psr, (uint32_t)f->esr, (uint32_t)far);
	caught.count++;
	caught.vector = vector;
	caught.fsr = (uint32_t)f->esr;
	caught.far = (uint32_t)far;
	caught.pc = (uint32_t)f->pc;
	f->pc = vector == VECTOR_PABT ? catch_resume : f->pc + 4;
}

/* ---- MMU and caches: 32 bits of addresses, blocks of 1 GiB (DDI 0487, VMSAv8-64) ---- */

#define BLOCK	   0x1ull
#define BLOCK_ATTR 2	       /* AttrIndx */
#define BLOCK_EL0  (1ull << 6) /* AP: for EL0 as for EL1 */
#define BLOCK_SH   (3ull << 8) /* inner */
#define BLOCK_AF   (1ull << 10)
#define BLOCK_XN   (3ull << 53) /* UXN, PXN */
#define NORMAL	   0ull
#define DEVICE	   1ull
#define MAIR	   0x04ffull /* 0: write-back, write-allocate; 1: Device-nGnRE */
/* T0SZ 32, walks write-back and inner shareable, EPD1, 4 KiB */
#define TCR	(32ull | 1ull << 8 | 1ull << 10 | 3ull << 12 | 1ull << 23)
#define SCTLR_M 0x1ull
#define SCTLR_C 0x4ull
#define SCTLR_I 0x1000ull

static uint64_t table[512] __attribute__((aligned(4096), section(".bss.table")));
static volatile bool table_made;

static void
table_make(void)
{
	uint64_t gb, attr;

	for (gb = 0; gb < 4; gb++) {
		attr = gb == 1 || gb == 2 ? NORMAL << BLOCK_ATTR | BLOCK_SH :
					    DEVICE << BLOCK_ATTR | BLOCK_XN | BLOCK_EL0;
		table[gb] = gb << 30 | BLOCK | BLOCK_AF | attr;
	}
	table_made = true;
}

/* One level by set and way, CCSIDR's way (DDI 0487, CCSIDR_EL1 and DC CISW). */
static void
level_setway(unsigned int level, unsigned int op)
{
	uint32_t ccsidr, ways, sets, line, way_shift, way, set;
	uint64_t arg;

	msr(csselr_el1, level << 1);
	isb();
	ccsidr = (uint32_t)mrs(ccsidr_el1);
	line = (ccsidr & 7) + 4;
	ways = ccsidr >> 3 & 0x3ff;
	sets = ccsidr >> 13 & 0x7fff;
	way_shift = ways == 0 ? 0 : (uint32_t)__builtin_clz(ways);
	for (way = 0; way <= ways; way++) {
		for (set = 0; set <= sets; set++) {
			arg = (ways == 0 ? 0 : way << way_shift) | set << line | level << 1;
			if (op == 0)
				__asm__ volatile("dc isw, %0" : : "r"(arg) : "memory");
			else
				__asm__ volatile("dc cisw, %0" : : "r"(arg) : "memory");
		}
	}
}

void
dcache_setway(unsigned int op)
{
	uint64_t clidr = mrs(clidr_el1);
	unsigned int level;

	dsb();
	for (level = 0; level < (clidr >> 24 & 7); level++)
		if ((clidr >> (3 * level) & 7) >= 2)
			level_setway(level, op);
	dsb();
	isb();
}

void
mmu_on(void)
{
	if (!table_made) { /* the first CPU, with its caches off: all goes to memory */
		table_make();
		dcache_setway(0);
	}
	__asm__ volatile("ic iallu; tlbi vmalle1" : : : "memory");
	msr(mair_el1, MAIR);
	msr(tcr_el1, TCR);
	msr(ttbr0_el1, (uintptr_t)table);
	dsb();
	isb();
	msr(sctlr_el1, mrs(sctlr_el1) | SCTLR_M | SCTLR_C | SCTLR_I);
	isb();
}

/*
 * In C, so that the stack is used between the clean and the switch: it is the VMM's flush at
 * the switch of SCTLR_EL1.C that this leans on.
 */
void
caches_set(bool on)
{
	uint64_t sctlr = mrs(sctlr_el1);

	if (!on)
		dcache_setway(1);
	msr(sctlr_el1, on ? sctlr | SCTLR_C : sctlr & ~SCTLR_C);
	isb();
	dcache_setway(1);
}
