/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Instructions that change the PC.  All others go on behind themselves; exceptions that an
 * instruction may take (aborts) come back to it.
 */
#include <string.h>

#include "arm_step.h"

#define BIT(n)		(1u << (n))
#define BITS(x, hi, lo) ((uint32_t)(x) >> (lo) & (uint32_t)((1ull << ((hi) - (lo) + 1)) - 1))

#define CPSR_T	   BIT(5)
#define CPSR_C	   BIT(29)
#define PC	   15u
#define LR	   14u
#define VECTOR_SVC 8u
/* The longest LDREX-STREX sequence that is looked through, in instructions. */
#define EXCLUSIVE_MAX 16u

struct out {
	struct arm_target *t;
	unsigned int n;
};

static void
go(struct out *o, uint32_t va, bool thumb)
{
	va &= thumb ? ~1u : ~3u;
	for (unsigned int i = 0; i < o->n; i++) {
		if (o->t[i].va == va)
			return;
	}
	if (o->n < ARM_STEP_MAX)
		o->t[o->n++] = (struct arm_target){ va, thumb };
}

/* BXWritePC and LoadWritePC: bit 0 says which instruction set. */
static void
go_interworking(struct out *o, uint32_t va)
{
	go(o, va, (va & 1) != 0);
}

static bool
load32(const struct arm_step *s, uint32_t va, uint32_t *val)
{
	return s->load(s->arg, va, val, sizeof(*val));
}

static void
go_loaded(const struct arm_step *s, struct out *o, uint32_t at)
{
	uint32_t val;

	if (load32(s, at, &val))
		go_interworking(o, val);
}

/* ConditionPassed() */
static bool
passes(uint32_t cpsr, uint32_t cond)
{
	bool n = cpsr >> 31, z = cpsr >> 30 & 1, c = cpsr >> 29 & 1, v = cpsr >> 28 & 1, yes;

	switch (cond >> 1) {
	case 0:
		yes = z;
		break;
	case 1:
		yes = c;
		break;
	case 2:
		yes = n;
		break;
	case 3:
		yes = v;
		break;
	case 4:
		yes = c && !z;
		break;
	case 5:
		yes = n == v;
		break;
	case 6:
		yes = n == v && !z;
		break;
	default:
		return true;
	}
	return yes != (cond & 1);
}

/* A register as an ARM instruction reads it: the PC is two instructions ahead. */
static uint32_t
reg(const struct arm_step *s, uint32_t n)
{
	if (n != PC)
		return s->r[n];
	return s->r[PC] + ((s->cpsr & CPSR_T) != 0 ? 4 : 8);
}

static uint32_t
shift(const struct arm_step *s, uint32_t val, uint32_t type, uint32_t by, bool imm)
{
	if (imm && by == 0) {
		if (type == 0)
			return val;
		if (type == 3) /* RRX */
			return val >> 1 | ((s->cpsr & CPSR_C) != 0 ? BIT(31) : 0);
		by = 32;
	}
	if (by == 0)
		return val;
	switch (type) {
	case 0:
		return by < 32 ? val << by : 0;
	case 1:
		return by < 32 ? val >> by : 0;
	case 2:
		return (uint32_t)((int32_t)val >> (by < 32 ? by : 31));
	default:
		by &= 31;
		return by == 0 ? val : val >> by | val << (32 - by);
	}
}

/* The flexible second operand of data processing. */
static uint32_t
operand2(const struct arm_step *s, uint32_t x)
{
	uint32_t rot, rm;

	if ((x & BIT(25)) != 0) {
		rot = BITS(x, 11, 8) * 2;
		return shift(s, BITS(x, 7, 0), 3, rot, false);
	}
	rm = reg(s, BITS(x, 3, 0));
	if ((x & BIT(4)) != 0)
		return shift(s, rm, BITS(x, 6, 5), s->r[BITS(x, 11, 8)] & 0xff, false);
	return shift(s, rm, BITS(x, 6, 5), BITS(x, 11, 7), true);
}

/* A data-processing instruction with the PC as its destination. */
static uint32_t
alu(const struct arm_step *s, uint32_t x)
{
	uint32_t a = reg(s, BITS(x, 19, 16)), b = operand2(s, x), c = (s->cpsr & CPSR_C) != 0;

	switch (BITS(x, 24, 21)) {
	case 0:
		return a & b;
	case 1:
		return a ^ b;
	case 2:
		return a - b;
	case 3:
		return b - a;
	case 4:
		return a + b;
	case 5:
		return a + b + c;
	case 6:
		return a - b - !c;
	case 7:
		return b - a - !c;
	case 12:
		return a | b;
	case 14:
		return a & ~b;
	case 15:
		return ~b;
	default: /* MOV; the compares have no destination */
		return b;
	}
}

static uint32_t
sign_extend(uint32_t val, unsigned int bits)
{
	uint32_t sign = BIT(bits - 1);

	return ((val & (sign | (sign - 1))) ^ sign) - sign;
}

/* Where LDM finds the PC, which is the last of count registers. */
static uint32_t
ldm_pc(uint32_t base, bool up, bool before, uint32_t count)
{
	if (up)
		return base + 4 * (count - 1) + (before ? 4 : 0);
	return before ? base - 4 : base;
}

static void
rfe(const struct arm_step *s, struct out *o, uint32_t at)
{
	uint32_t pc, cpsr;

	if (load32(s, at, &pc) && load32(s, at + 4, &cpsr))
		go(o, pc, (cpsr & CPSR_T) != 0);
}

/* cond 1111: the unconditional instructions */
static void
arm_unconditional(const struct arm_step *s, struct out *o, uint32_t x)
{
	if ((x & 0xfe000000u) == 0xfa000000u) /* BLX (immediate) */
		go(o, s->r[PC] + 8 + (sign_extend(BITS(x, 23, 0), 24) << 2) + ((x >> 23 & 2)),
		    true);
	else if ((x & 0xfe500000u) == 0xf8100000u)
		rfe(s, o,
		    (x & BIT(23)) != 0 ? s->r[BITS(x, 19, 16)] + ((x & BIT(24)) != 0 ? 4 : 0) :
					 s->r[BITS(x, 19, 16)] - ((x & BIT(24)) != 0 ? 8 : 4));
	else
		go(o, s->r[PC] + 4, false);
}

/* LDR with the PC as destination, ARM. */
static void
arm_ldr_pc(const struct arm_step *s, struct out *o, uint32_t x)
{
	uint32_t base = reg(s, BITS(x, 19, 16)), off;

	if ((x & BIT(25)) != 0)
		off = shift(s, s->r[BITS(x, 3, 0)], BITS(x, 6, 5), BITS(x, 11, 7), true);
	else
		off = BITS(x, 11, 0);
	if ((x & BIT(24)) != 0)
		base = (x & BIT(23)) != 0 ? base + off : base - off;
	go_loaded(s, o, base);
}

static void
arm_ldm_pc(const struct arm_step *s, struct out *o, uint32_t x)
{
	uint32_t count = (uint32_t)__builtin_popcount(x & 0xffff), pc;
	uint32_t at = ldm_pc(s->r[BITS(x, 19, 16)], (x & BIT(23)) != 0, (x & BIT(24)) != 0, count);

	if ((x & BIT(22)) == 0)
		go_loaded(s, o, at);
	else if (load32(s, at, &pc)) /* exception return */
		go(o, pc, (s->spsr & CPSR_T) != 0);
}

static void
arm_next(const struct arm_step *s, struct out *o, uint32_t x)
{
	uint32_t next = s->r[PC] + 4;

	if (x >> 28 == 15)
		arm_unconditional(s, o, x);
	else if (!passes(s->cpsr, x >> 28))
		go(o, next, false);
	else if ((x & 0x0e000000u) == 0x0a000000u) /* B, BL */
		go(o, s->r[PC] + 8 + (sign_extend(BITS(x, 23, 0), 24) << 2), false);
	else if ((x & 0x0fffffc0u) == 0x012fff00u && (x & 0x30u) != 0) /* BX, BXJ, BLX */
		go_interworking(o, reg(s, BITS(x, 3, 0)));
	else if ((x & 0x0f000000u) == 0x0f000000u) /* SVC */
		go(o, s->vectors + VECTOR_SVC, s->vectors_thumb);
	else if ((x & 0x0c10f000u) == 0x0410f000u && (x & BIT(22)) == 0 &&
	    (x & (BIT(25) | BIT(4))) != (BIT(25) | BIT(4))) /* LDR; not a media instruction */
		arm_ldr_pc(s, o, x);
	else if ((x & 0x0e108000u) == 0x08108000u) /* LDM */
		arm_ldm_pc(s, o, x);
	else if ((x & 0x0c00f000u) == 0x0000f000u && (x & 0x01900000u) != 0x01000000u &&
	    ((x & BIT(25)) != 0 || (x & 0x90u) != 0x90u)) {	/* data processing */
		if ((x & BIT(20)) != 0 && BITS(x, 24, 23) != 2) /* exception return */
			go(o, alu(s, x), (s->spsr & CPSR_T) != 0);
		else if (BITS(x, 24, 23) != 2)
			go_interworking(o, alu(s, x));
		else
			go(o, next, false);
	} else {
		go(o, next, false);
	}
}

/* ---- Thumb ---- */

static void
thumb_b_cond32(const struct arm_step *s, struct out *o, uint32_t x)
{
	uint32_t off = BITS(x, 26, 26) << 20 | BITS(x, 11, 11) << 19 | BITS(x, 13, 13) << 18 |
	    BITS(x, 21, 16) << 12 | BITS(x, 10, 0) << 1;

	if (passes(s->cpsr, BITS(x, 25, 22)))
		go(o, s->r[PC] + 4 + sign_extend(off, 21), true);
	else
		go(o, s->r[PC] + 4, true);
}

/* B (encoding T4), BL, BLX (immediate) */
static void
thumb_branch32(const struct arm_step *s, struct out *o, uint32_t x)
{
	uint32_t sign = BITS(x, 26, 26), i1 = !(BITS(x, 13, 13) ^ sign),
		 i2 = !(BITS(x, 11, 11) ^ sign), off;

	off = sign << 24 | i1 << 23 | i2 << 22 | BITS(x, 25, 16) << 12 | BITS(x, 10, 0) << 1;
	off = sign_extend(off, 25);
	if ((x & BIT(12)) != 0)
		go(o, s->r[PC] + 4 + off, true);
	else /* BLX */
		go(o, ((s->r[PC] + 4) & ~3u) + off, false);
}

/* LDR.W with the PC as destination. */
static void
thumb_ldr_pc(const struct arm_step *s, struct out *o, uint32_t x)
{
	uint32_t rn = BITS(x, 19, 16), base = reg(s, rn), imm = BITS(x, 7, 0);

	if (rn == PC) {
		base &= ~3u;
		base = (x & BIT(23)) != 0 ? base + BITS(x, 11, 0) : base - BITS(x, 11, 0);
	} else if ((x & BIT(23)) != 0) {
		base += BITS(x, 11, 0);
	} else if ((x & BIT(11)) == 0) {
		base += s->r[BITS(x, 3, 0)] << BITS(x, 5, 4);
	} else if ((x & BIT(10)) != 0) { /* indexed before the load */
		base = (x & BIT(9)) != 0 ? base + imm : base - imm;
	}
	go_loaded(s, o, base);
}

static void
thumb_table_branch(const struct arm_step *s, struct out *o, uint32_t x)
{
	uint32_t base = reg(s, BITS(x, 19, 16)), index = s->r[BITS(x, 3, 0)];
	uint8_t byte;
	uint16_t half;

	if ((x & BIT(4)) != 0) {
		if (s->load(s->arg, base + 2 * index, &half, sizeof(half)))
			go(o, s->r[PC] + 4 + 2u * half, true);
	} else if (s->load(s->arg, base + index, &byte, sizeof(byte))) {
		go(o, s->r[PC] + 4 + 2u * byte, true);
	}
}

static void
thumb32_next(const struct arm_step *s, struct out *o, uint32_t x)
{
	uint32_t count = (uint32_t)__builtin_popcount(x & 0xffff), rn = s->r[BITS(x, 19, 16)];

	if ((x & 0xf800d000u) == 0xf0008000u && BITS(x, 25, 23) != 7)
		thumb_b_cond32(s, o, x);
	else if ((x & 0xf8009000u) == 0xf0009000u || (x & 0xf800d001u) == 0xf000c000u)
		thumb_branch32(s, o, x);
	else if ((x & 0xffffff00u) == 0xf3de8f00u) /* SUBS PC, LR */
		go(o, s->r[LR] - BITS(x, 7, 0), (s->spsr & CPSR_T) != 0);
	else if ((x & 0xfff0ffffu) == 0xf3c08f00u) /* BXJ */
		go_interworking(o, rn);
	else if ((x & 0xff70f000u) == 0xf850f000u) /* LDR */
		thumb_ldr_pc(s, o, x);
	else if ((x & 0xfe508000u) == 0xe8108000u && BITS(x, 24, 23) != 0 && BITS(x, 24, 23) != 3)
		go_loaded(s, o, ldm_pc(rn, (x & BIT(23)) != 0, (x & BIT(24)) != 0, count));
	else if ((x & 0xffd0ffffu) == 0xe990c000u) /* RFEIA */
		rfe(s, o, rn);
	else if ((x & 0xffd0ffffu) == 0xe810c000u) /* RFEDB */
		rfe(s, o, rn - 8);
	else if ((x & 0xfff0ffe0u) == 0xe8d0f000u) /* TBB, TBH */
		thumb_table_branch(s, o, x);
	else
		go(o, s->r[PC] + 4, true);
}

static void
thumb16_next(const struct arm_step *s, struct out *o, uint32_t x)
{
	uint32_t next = s->r[PC] + 2, rm = reg(s, BITS(x, 6, 3)), off;
	uint32_t rd = BITS(x, 7, 7) << 3 | BITS(x, 2, 0);

	if ((x & 0xff00u) == 0xdf00u) { /* SVC */
		go(o, s->vectors + VECTOR_SVC, s->vectors_thumb);
	} else if ((x & 0xf000u) == 0xd000u && BITS(x, 11, 8) < 14) {
		off = sign_extend(BITS(x, 7, 0), 8) << 1;
		go(o, passes(s->cpsr, BITS(x, 11, 8)) ? s->r[PC] + 4 + off : next, true);
	} else if ((x & 0xf800u) == 0xe000u) {
		go(o, s->r[PC] + 4 + (sign_extend(BITS(x, 10, 0), 11) << 1), true);
	} else if ((x & 0xff00u) == 0x4700u) { /* BX, BLX */
		go_interworking(o, rm);
	} else if ((x & 0xff00u) == 0x4600u && rd == PC) { /* MOV */
		go(o, rm, true);
	} else if ((x & 0xff00u) == 0x4400u && rd == PC) { /* ADD */
		go(o, s->r[PC] + 4 + rm, true);
	} else if ((x & 0xff00u) == 0xbd00u) { /* POP with the PC */
		go_loaded(s, o, s->r[13] + 4 * (uint32_t)__builtin_popcount(x & 0xff));
	} else if ((x & 0xf500u) == 0xb100u) { /* CBZ, CBNZ */
		off = BITS(x, 9, 9) << 6 | BITS(x, 7, 3) << 1;
		go(o,
		    (s->r[BITS(x, 2, 0)] == 0) != ((x & BIT(11)) != 0) ? s->r[PC] + 4 + off : next,
		    true);
	} else {
		go(o, next, true);
	}
}

static void
thumb_next(const struct arm_step *s, struct out *o, uint32_t x, uint32_t size)
{
	/* ITSTATE: its upper half is the condition of this instruction. */
	uint32_t it = BITS(s->cpsr, 15, 10) << 2 | BITS(s->cpsr, 26, 25);

	if ((it & 15) != 0 && !passes(s->cpsr, it >> 4))
		go(o, s->r[PC] + size, true);
	else if (size == 4)
		thumb32_next(s, o, x);
	else
		thumb16_next(s, o, x);
}

/* ---- both ---- */

/* The instruction at va; 32-bit Thumb ones with their first halfword on top.  0: unreadable. */
static uint32_t
fetch(const struct arm_step *s, uint32_t va, uint32_t *x)
{
	uint16_t hw[2];

	if ((s->cpsr & CPSR_T) == 0)
		return load32(s, va, x) ? 4 : 0;
	if (!s->load(s->arg, va, &hw[0], sizeof(hw[0])))
		return 0;
	*x = hw[0];
	if (hw[0] >> 11 < 0x1d)
		return 2;
	if (!s->load(s->arg, va + 2, &hw[1], sizeof(hw[1])))
		return 0;
	*x = (uint32_t)hw[0] << 16 | hw[1];
	return 4;
}

static void
next_of(const struct arm_step *s, struct out *o, uint32_t x, uint32_t size)
{
	if ((s->cpsr & CPSR_T) != 0)
		thumb_next(s, o, x, size);
	else
		arm_next(s, o, x);
}

enum exclusive { NEITHER, LOAD_EXCLUSIVE, STORE_EXCLUSIVE };

/* LDREX and its like: the synchronization primitives */
static enum exclusive
exclusive(bool thumb, uint32_t x, uint32_t size)
{
	if (!thumb) {
		if ((x & 0x0f800ff0u) != 0x01800f90u)
			return NEITHER;
		return (x & BIT(20)) != 0 ? LOAD_EXCLUSIVE : STORE_EXCLUSIVE;
	}
	if (size != 4)
		return NEITHER;
	if ((x & 0xffe00000u) == 0xe8400000u ||
	    ((x & 0xffe000c0u) == 0xe8c00040u && BITS(x, 5, 4) != 2))
		return (x & BIT(20)) != 0 ? LOAD_EXCLUSIVE : STORE_EXCLUSIVE;
	return NEITHER;
}

/*
 * Every exit clears the exclusive monitor: from LDREX on a vCPU must run until STREX is done, or
 * until it leaves the sequence by a branch.
 */
static bool
over_exclusive(const struct arm_step *s, struct out *o, uint32_t size)
{
	bool thumb = (s->cpsr & CPSR_T) != 0;
	struct arm_target taken[ARM_STEP_MAX];
	struct arm_step at = *s;
	struct out branch = { taken, 0 };
	uint32_t x;

	for (unsigned int i = 0; i < EXCLUSIVE_MAX; i++) {
		at.r[PC] += size;
		size = fetch(&at, at.r[PC], &x);
		if (size == 0)
			return false;
		if (exclusive(thumb, x, size) == STORE_EXCLUSIVE) {
			go(o, at.r[PC] + size, thumb);
			for (unsigned int k = 0; k < branch.n; k++)
				go(o, taken[k].va, taken[k].thumb);
			return true;
		}
		/* As if both ways of a conditional branch were taken: with Z and without. */
		for (int z = 0; z < 2; z++) {
			struct arm_target t[ARM_STEP_MAX];
			struct out one = { t, 0 };

			at.cpsr = s->cpsr ^ (z != 0 ? BIT(30) : 0);
			next_of(&at, &one, x, size);
			for (unsigned int k = 0; k < one.n; k++) {
				if (t[k].va != at.r[PC] + size)
					go(&branch, t[k].va, t[k].thumb);
			}
		}
	}
	return false;
}

unsigned int
arm_step_targets(const struct arm_step *s, struct arm_target target[ARM_STEP_MAX])
{
	struct out o = { target, 0 };
	uint32_t x, size = fetch(s, s->r[PC], &x);

	if (size == 0)
		return 0;
	if (exclusive((s->cpsr & CPSR_T) != 0, x, size) != LOAD_EXCLUSIVE ||
	    !over_exclusive(s, &o, size)) {
		o.n = 0;
		next_of(s, &o, x, size);
	}
	return o.n;
}
