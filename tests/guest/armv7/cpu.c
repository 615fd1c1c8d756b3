/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * See guest.h: what takes ARMv7's registers.
 */
#include "../gic.h"
#include "../guest.h"

void guest_exception(uint32_t vector, struct frame *f);

uint32_t
cpu_number(void)
{
	return mrc(0, c0, c0, 5) & 0xff;
}

uint32_t
cntfrq(void)
{
	return mrc(0, c14, c0, 0);
}

/* All registers that C may keep over a call, and r1-r3, r12 besides (SMCCC 1.1). */
bool
hvc_preserves(uint32_t fn)
{
	register uint32_t r0 __asm__("r0") = fn;
	uint32_t ok;

	__asm__ volatile(
	    "push {r4-r11}\n"
	    "mov r1, #0x11\n mov r2, #0x12\n mov r3, #0x13\n mov r4, #0x14\n"
	    "mov r5, #0x15\n mov r6, #0x16\n mov r7, #0x17\n mov r8, #0x18\n"
	    "mov r9, #0x19\n mov r10, #0x1a\n mov r11, #0x1b\n mov r12, #0x1c\n"
	    ".inst 0xe1400070\n"
	    "cmp r1, #0x11\n cmpeq r2, #0x12\n cmpeq r3, #0x13\n cmpeq r4, #0x14\n"
	    "cmpeq r5, #0x15\n cmpeq r6, #0x16\n cmpeq r7, #0x17\n cmpeq r8, #0x18\n"
	    "cmpeq r9, #0x19\n cmpeq r10, #0x1a\n cmpeq r11, #0x1b\n cmpeq r12, #0x1c\n"
	    "moveq r1, #1\n movne r1, #0\n"
	    "pop {r4-r11}\n"
	    "mov %1, r1\n"
	    : "+r"(r0), "=r"(ok)
	    :
	    : "r1", "r2", "r3", "r12", "cc", "memory");
	return ok != 0;
}

/* The GIC of a 32-bit machine. */
const struct gic *
gic_find(void)
{
	return &gic2;
}

/* ---- exceptions ---- */

static bool
is_wide(uint32_t addr)
{
	return *(uint16_t *)(uintptr_t)addr >> 11 >= 0x1d;
}

/* Over the instruction: pc is behind it for UNDEF (but only half of a wide one), at it else. */
static void
skip(uint32_t vector, struct frame *f)
{
	bool thumb = (f->psr & 0x20) != 0;

	if (vector == VECTOR_PABT)
		f->pc = (uint32_t)catch_resume;
	else if (vector == VECTOR_UNDEF)
		f->pc += thumb && is_wide(f->pc - 2) ? 2u : 0u;
	else
		f->pc += thumb && !is_wide(f->pc) ? 2u : 4u;
}

void
guest_exception(uint32_t vector, struct frame *f)
{
	bool inst = vector == VECTOR_PABT;
	uint32_t fsr = inst ? mrc(0, c5, c0, 1) : mrc(0, c5, c0, 0);
	uint32_t far = inst ? mrc(0, c6, c0, 2) : mrc(0, c6, c0, 0);

	if (!catching || (vector != VECTOR_UNDEF && vector != VECTOR_PABT && vector != VECTOR_DABT))
		fail("exception %u at %x, psr %x, fsr %x, far %x", vector, f->pc, f->psr, fsr, far);
	caught.count++;
	caught.vector = vector;
	caught.fsr = fsr;
	caught.far = far;
	caught.pc = f->pc;
	skip(vector, f);
}

/* ---- MMU and caches: short descriptors, 1 MiB sections (DDI 0406C B3.5) ---- */

#define SECTION	       0x2u
#define SECTION_B      0x4u
#define SECTION_C      0x8u
#define SECTION_XN     0x10u
#define SECTION_RW     0xc00u
#define SECTION_TEX1   0x1000u
#define SECTION_S      0x10000u
#define SECTION_RAM    (SECTION | SECTION_B | SECTION_C | SECTION_TEX1 | SECTION_S | SECTION_RW)
#define SECTION_DEVICE (SECTION | SECTION_B | SECTION_XN | SECTION_RW)
#define TTBR_WALKS     0x4au /* write-back, write-allocate, shareable */
#define SCTLR_M	       0x1u
#define SCTLR_C	       0x4u
#define SCTLR_Z	       0x800u
#define SCTLR_I	       0x1000u

static uint32_t table[4096] __attribute__((aligned(16384), section(".bss.table")));
static volatile bool table_made;

static void
table_make(void)
{
	uint32_t mb;

	for (mb = 0; mb < 4096; mb++)
		table[mb] = mb << 20 |
		    (mb >= RAM >> 20 && mb < 0xc00 ? SECTION_RAM : SECTION_DEVICE);
	table_made = true;
}

/* One level by set and way, CCSIDR's way (B4.1, CCSIDR; B4.2, DCCISW). */
static void
level_setway(unsigned int level, unsigned int op)
{
	uint32_t ccsidr, ways, sets, line, way_shift, way, set, arg;

	mcr(2, c0, c0, 0, level << 1);
	isb();
	ccsidr = mrc(1, c0, c0, 0);
	line = (ccsidr & 7) + 4;
	ways = ccsidr >> 3 & 0x3ff;
	sets = ccsidr >> 13 & 0x7fff;
	way_shift = ways == 0 ? 0 : (uint32_t)__builtin_clz(ways);
	for (way = 0; way <= ways; way++) {
		for (set = 0; set <= sets; set++) {
			arg = (ways == 0 ? 0 : way << way_shift) | set << line | level << 1;
			if (op == 0)
				mcr(0, c7, c6, 2, arg);
			else
				mcr(0, c7, c14, 2, arg);
		}
	}
}

void
dcache_setway(unsigned int op)
{
	uint32_t clidr = mrc(1, c0, c0, 1);
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
	mcr(0, c7, c5, 0, 0); /* ICIALLU */
	mcr(0, c8, c7, 0, 0); /* TLBIALL */
	mcr(0, c2, c0, 2, 0);
	mcr(0, c2, c0, 0, (uint32_t)table | TTBR_WALKS);
	mcr(0, c3, c0, 0, 1); /* domain 0: client */
	dsb();
	isb();
	mcr(0, c1, c0, 0, mrc(0, c1, c0, 0) | SCTLR_M | SCTLR_C | SCTLR_Z | SCTLR_I);
	isb();
}

/*
 * In C, so that the stack is used between the clean and the switch: it is the VMM's flush at
 * the switch of SCTLR.C that this leans on.
 */
void
caches_set(bool on)
{
	uint32_t sctlr = mrc(0, c1, c0, 0);

	if (!on)
		dcache_setway(1);
	mcr(0, c1, c0, 0, on ? sctlr | SCTLR_C : sctlr & ~SCTLR_C);
	isb();
	dcache_setway(1);
}
