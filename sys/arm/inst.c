/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The load and store decoder of abort.c, for accesses whose trap has no syndrome (HSR.ISV
 * is 0): pairs, write-back forms, and what a processor chooses not to describe.  Pure
 * functions of their arguments; the instruction is the guest's and may be anything.
 *
 * One table an instruction set and length, in the order of DDI 0406C A5.2.8, A5.3 (ARM)
 * and A6.2, A6.3 (Thumb); each row names the instruction as A8.8 does.  A row says what
 * is moved and how the address is made; what is UNPREDICTABLE is refused in one place.
 * Left out on purpose, as no device can be meant: LDM, STM, PUSH, POP, SWP, exclusives,
 * coprocessor and Advanced SIMD transfers, loads to PC, preloads.
 */
#include <string.h>

#include "inst.h"

enum form {
	A32_IMM12, /* [Rn, #+/-imm12], by P, U, W */
	A32_REG,   /* [Rn, +/-Rm, shift], by P, U, W */
	A32_IMM8,  /* [Rn, #+/-imm4H:imm4L], by P, U, W */
	A32_REG0,  /* [Rn, +/-Rm], by P, U, W */
	T16_REG,   /* [Rn, Rm] */
	T16_IMM5,  /* [Rn, #imm5 * size] */
	T16_SP,	   /* [SP, #imm8 * 4] */
	T16_PC,	   /* [PC, #imm8 * 4] */
	T32_IMM12, /* [Rn, #imm12]; with Rn = PC [PC, #+/-imm12] */
	T32_IMM8,  /* [Rn, #+/-imm8], by P, U, W; [Rn, Rm, LSL #imm2]; [PC, #+/-imm12] */
	T32_DUAL,  /* [Rn, #+/-imm8 * 4], by P, U, W */
};

#define LOAD	  0x00u
#define STORE	  0x10u
#define SIGNED	  0x20u
#define PAIR	  0x40u
#define SIZE(ops) ((ops)&0x0fu)

struct row {
	uint32_t mask, value;
	uint8_t form;
	uint8_t ops;
};

/* The condition, [31:28], has passed, as the access was made.  P is bit 24, W is bit 21. */
static const struct row a32_rows[] = {
	{ 0x0e500000, 0x04000000, A32_IMM12, STORE | 4 }, /* STR (immediate, ARM), STRT */
	{ 0x0e500000, 0x04100000, A32_IMM12, LOAD | 4 },  /* LDR (imm., ARM), (literal), LDRT */
	{ 0x0e500000, 0x04400000, A32_IMM12, STORE | 1 }, /* STRB (immediate, ARM), STRBT */
	{ 0x0e500000, 0x04500000, A32_IMM12, LOAD | 1 },  /* LDRB (imm., ARM), (literal), LDRBT */
	{ 0x0e500010, 0x06000000, A32_REG, STORE | 4 },	  /* STR (register), STRT */
	{ 0x0e500010, 0x06100000, A32_REG, LOAD | 4 },	  /* LDR (register, ARM), LDRT */
	{ 0x0e500010, 0x06400000, A32_REG, STORE | 1 },	  /* STRB (register), STRBT */
	{ 0x0e500010, 0x06500000, A32_REG, LOAD | 1 },	  /* LDRB (register), LDRBT */
	{ 0x0e500ff0, 0x000000b0, A32_REG0, STORE | 2 },  /* STRH (register), STRHT */
	{ 0x0e500ff0, 0x001000b0, A32_REG0, LOAD | 2 },	  /* LDRH (register), LDRHT */
	{ 0x0e5000f0, 0x004000b0, A32_IMM8, STORE | 2 },  /* STRH (immediate, ARM), STRHT */
	{ 0x0e5000f0, 0x005000b0, A32_IMM8, LOAD | 2 },	  /* LDRH (imm., ARM), (literal), LDRHT */
	{ 0x0e500ff0, 0x001000d0, A32_REG0, LOAD | SIGNED | 1 }, /* LDRSB (register), LDRSBT */
	{ 0x0e5000f0, 0x005000d0, A32_IMM8, LOAD | SIGNED | 1 }, /* LDRSB (immediate), (literal) */
	{ 0x0e500ff0, 0x001000f0, A32_REG0, LOAD | SIGNED | 2 }, /* LDRSH (register), LDRSHT */
	{ 0x0e5000f0, 0x005000f0, A32_IMM8, LOAD | SIGNED | 2 }, /* LDRSH (immediate), (literal) */
	{ 0x0e500ff0, 0x000000d0, A32_REG0, LOAD | PAIR | 8 },	 /* LDRD (register) */
	{ 0x0e5000f0, 0x004000d0, A32_IMM8, LOAD | PAIR | 8 },	 /* LDRD (immediate), (literal) */
	{ 0x0e500ff0, 0x000000f0, A32_REG0, STORE | PAIR | 8 },	 /* STRD (register) */
	{ 0x0e5000f0, 0x004000f0, A32_IMM8, STORE | PAIR | 8 },	 /* STRD (immediate) */
};

static const struct row t16_rows[] = {
	{ 0xfe00, 0x5000, T16_REG, STORE | 4 },		/* STR (register) */
	{ 0xfe00, 0x5200, T16_REG, STORE | 2 },		/* STRH (register) */
	{ 0xfe00, 0x5400, T16_REG, STORE | 1 },		/* STRB (register) */
	{ 0xfe00, 0x5600, T16_REG, LOAD | SIGNED | 1 }, /* LDRSB (register) */
	{ 0xfe00, 0x5800, T16_REG, LOAD | 4 },		/* LDR (register, Thumb) */
	{ 0xfe00, 0x5a00, T16_REG, LOAD | 2 },		/* LDRH (register) */
	{ 0xfe00, 0x5c00, T16_REG, LOAD | 1 },		/* LDRB (register) */
	{ 0xfe00, 0x5e00, T16_REG, LOAD | SIGNED | 2 }, /* LDRSH (register) */
	{ 0xf800, 0x6000, T16_IMM5, STORE | 4 },	/* STR (immediate, Thumb) */
	{ 0xf800, 0x6800, T16_IMM5, LOAD | 4 },		/* LDR (immediate, Thumb) */
	{ 0xf800, 0x7000, T16_IMM5, STORE | 1 },	/* STRB (immediate, Thumb) */
	{ 0xf800, 0x7800, T16_IMM5, LOAD | 1 },		/* LDRB (immediate, Thumb) */
	{ 0xf800, 0x8000, T16_IMM5, STORE | 2 },	/* STRH (immediate, Thumb) */
	{ 0xf800, 0x8800, T16_IMM5, LOAD | 2 },		/* LDRH (immediate, Thumb) */
	{ 0xf800, 0x9000, T16_SP, STORE | 4 },		/* STR (immediate, Thumb) */
	{ 0xf800, 0x9800, T16_SP, LOAD | 4 },		/* LDR (immediate, Thumb) */
	{ 0xf800, 0x4800, T16_PC, LOAD | 4 },		/* LDR (literal) */
};

/* P, U, W are bits 10, 9, 8 of single transfers and 24, 23, 21 of pairs. */
static const struct row t32_rows[] = {
	{ 0xfff00000, 0xf8000000, T32_IMM8, STORE | 1 },  /* STRB (immediate), (register), STRBT */
	{ 0xfff00000, 0xf8200000, T32_IMM8, STORE | 2 },  /* STRH (immediate), (register), STRHT */
	{ 0xfff00000, 0xf8400000, T32_IMM8, STORE | 4 },  /* STR (immediate), (register), STRT */
	{ 0xfff00000, 0xf8800000, T32_IMM12, STORE | 1 }, /* STRB (immediate, Thumb) */
	{ 0xfff00000, 0xf8a00000, T32_IMM12, STORE | 2 }, /* STRH (immediate, Thumb) */
	{ 0xfff00000, 0xf8c00000, T32_IMM12, STORE | 4 }, /* STR (immediate, Thumb) */
	{ 0xfff00000, 0xf8100000, T32_IMM8, LOAD | 1 },	  /* LDRB (immediate), (register), LDRBT */
	{ 0xfff00000, 0xf8300000, T32_IMM8, LOAD | 2 },	  /* LDRH (immediate), (register), LDRHT */
	{ 0xfff00000, 0xf8500000, T32_IMM8, LOAD | 4 },	  /* LDR (immediate), (register), LDRT */
	{ 0xfff00000, 0xf8900000, T32_IMM12, LOAD | 1 },  /* LDRB (immediate), (literal) */
	{ 0xfff00000, 0xf8b00000, T32_IMM12, LOAD | 2 },  /* LDRH (immediate), (literal) */
	{ 0xfff00000, 0xf8d00000, T32_IMM12, LOAD | 4 },  /* LDR (immediate), (literal) */
	{ 0xfff00000, 0xf9100000, T32_IMM8, LOAD | SIGNED | 1 },  /* LDRSB (imm.), (reg.), LDRSBT */
	{ 0xfff00000, 0xf9300000, T32_IMM8, LOAD | SIGNED | 2 },  /* LDRSH (imm.), (reg.), LDRSHT */
	{ 0xfff00000, 0xf9900000, T32_IMM12, LOAD | SIGNED | 1 }, /* LDRSB (immediate), (literal) */
	{ 0xfff00000, 0xf9b00000, T32_IMM12, LOAD | SIGNED | 2 }, /* LDRSH (immediate), (literal) */
	{ 0xfe500000, 0xe8500000, T32_DUAL, LOAD | PAIR | 8 },	  /* LDRD (immediate), (literal) */
	{ 0xfe500000, 0xe8400000, T32_DUAL, STORE | PAIR | 8 },	  /* STRD (immediate) */
};

/* The operands of one instruction, between the forms and the checks. */
struct operands {
	uint32_t offset;
	bool add, index, wback;
	bool has_rm;
	uint8_t rm;
};

static uint32_t
bits(uint32_t insn, unsigned int hi, unsigned int lo)
{
	return (insn & MASK32(hi, lo)) >> lo;
}

static bool
bit(uint32_t insn, unsigned int n)
{
	return (insn >> n & 1) != 0;
}

/* r15 as an operand reads ahead; the literal forms align it (A8.8, "Align(PC,4)"). */
static uint32_t
reg(const struct inst_state *s, unsigned int n)
{
	return n < 15 ? s->r[n] : (s->pc + (s->thumb ? 4 : 8)) & ~3u;
}

/* Shift() with DecodeImmShift(), A8.4.3. */
static uint32_t
shifted(uint32_t val, uint32_t type, uint32_t imm, bool carry)
{
	switch (type) {
	case 0:
		return val << imm;
	case 1:
		return imm == 0 ? 0 : val >> imm;
	case 2: /* ASR; #0 is #32 */
		imm = imm == 0 ? 31 : imm;
		return val >> imm | ((val >> 31) != 0 ? ~(~0u >> imm) : 0);
	default: /* ROR; #0 is RRX */
		if (imm == 0)
			return (uint32_t)carry << 31 | val >> 1;
		return val >> imm | val << (32 - imm);
	}
}

/* P, U and W where they stand apart: post-indexed forms always write back. */
static void
set_puw(struct operands *o, bool p, bool u, bool w)
{
	o->index = p;
	o->add = u;
	o->wback = !p || w;
}

/* P = 0, W = 1 is an unprivileged access, post-indexed; pairs have none. */
static bool
a32_operands(uint32_t insn, const struct row *row, const struct inst_state *s,
    struct inst_access *a, struct operands *o)
{
	a->rn = (uint8_t)bits(insn, 19, 16);
	a->rt = (uint8_t)bits(insn, 15, 12);
	a->rt2 = (uint8_t)((a->rt + 1) & 15);
	set_puw(o, bit(insn, 24), bit(insn, 23), bit(insn, 21));
	if (a->pair && (bit(a->rt, 0) || (!o->index && bit(insn, 21))))
		return false;
	o->rm = (uint8_t)bits(insn, 3, 0);
	o->has_rm = row->form == A32_REG || row->form == A32_REG0;
	if (row->form == A32_IMM12)
		o->offset = bits(insn, 11, 0);
	else if (row->form == A32_IMM8)
		o->offset = bits(insn, 11, 8) << 4 | bits(insn, 3, 0);
	else if (row->form == A32_REG)
		o->offset = shifted(reg(s, o->rm), bits(insn, 6, 5), bits(insn, 11, 7), s->carry);
	else
		o->offset = reg(s, o->rm);
	return true;
}

static bool
t16_operands(uint32_t insn, const struct row *row, const struct inst_state *s,
    struct inst_access *a, struct operands *o)
{
	set_puw(o, true, true, false);
	a->rt = (uint8_t)bits(insn, 2, 0);
	a->rn = (uint8_t)bits(insn, 5, 3);
	switch (row->form) {
	case T16_REG:
		o->has_rm = true;
		o->rm = (uint8_t)bits(insn, 8, 6);
		o->offset = reg(s, o->rm);
		return true;
	case T16_IMM5:
		o->offset = bits(insn, 10, 6) * a->size;
		return true;
	default:
		a->rt = (uint8_t)bits(insn, 10, 8);
		a->rn = row->form == T16_SP ? 13 : 15;
		o->offset = bits(insn, 7, 0) * 4;
		return true;
	}
}

/* The forms with bit 11 (imm8) and without (register) of a T32_IMM8 row. */
static bool
t32_short_operands(uint32_t insn, const struct inst_state *s, struct operands *o)
{
	bool p = bit(insn, 10), u = bit(insn, 9), w = bit(insn, 8);

	if (!bit(insn, 11)) {
		if (bits(insn, 10, 6) != 0)
			return false;
		set_puw(o, true, true, false);
		o->has_rm = true;
		o->rm = (uint8_t)bits(insn, 3, 0);
		o->offset = reg(s, o->rm) << bits(insn, 5, 4);
		return o->rm != 13;
	}
	/* P = 1, U = 1, W = 0 is the unprivileged form, with a positive offset */
	set_puw(o, p, u, w);
	o->offset = bits(insn, 7, 0);
	return p || w;
}

static bool
t32_operands(uint32_t insn, const struct row *row, const struct inst_state *s,
    struct inst_access *a, struct operands *o)
{
	a->rn = (uint8_t)bits(insn, 19, 16);
	a->rt = (uint8_t)bits(insn, 15, 12);
	a->rt2 = (uint8_t)bits(insn, 11, 8);
	if (row->form == T32_DUAL) {
		set_puw(o, bit(insn, 24), bit(insn, 23), bit(insn, 21));
		o->offset = bits(insn, 7, 0) * 4;
		/* P = 0, W = 0 are exclusives and table branches */
		return (o->index || bit(insn, 21)) && a->rt != 13 && a->rt2 != 13 &&
		    (a->write || a->rt != a->rt2);
	}
	/* SP can be loaded and stored as a word alone */
	if (a->rt == 13 && a->size != 4)
		return false;
	if (row->form == T32_IMM12 || a->rn == 15) {
		/* a store has no literal form; bit 23 is U of a load's, and set in IMM12 rows */
		set_puw(o, true, bit(insn, 23), false);
		o->offset = bits(insn, 11, 0);
		return true;
	}
	return t32_short_operands(insn, s, o);
}

/* What A8.8 calls UNPREDICTABLE, or gives to another instruction, in all forms alike. */
static bool
operands_are_sane(const struct inst_access *a, const struct operands *o, const struct inst_state *s)
{
	if (a->rt == 15 || (a->pair && a->rt2 == 15))
		return false;
	if (o->has_rm && o->rm == 15)
		return false;
	if (o->has_rm && a->pair && !a->write && (o->rm == a->rt || o->rm == a->rt2))
		return false;
	if (o->wback && (a->rn == 15 || a->rn == a->rt || (a->pair && a->rn == a->rt2)))
		return false;
	/* STR (immediate, ARM) may have PC as its base; no Thumb store may */
	return !(s->thumb && a->write && a->rn == 15);
}

static const struct row *
find_row(const struct row *rows, size_t n, uint32_t insn)
{
	size_t i;

	for (i = 0; i < n; i++)
		if ((insn & rows[i].mask) == rows[i].value)
			return &rows[i];
	return NULL;
}

static bool
decode_operands(uint32_t insn, unsigned int len, const struct row *row, const struct inst_state *s,
    struct inst_access *a, struct operands *o)
{
	if (!s->thumb)
		return a32_operands(insn, row, s, a, o);
	if (len == 2)
		return t16_operands(insn, row, s, a, o);
	return t32_operands(insn, row, s, a, o);
}

static const struct row *
decode_row(uint32_t insn, unsigned int len, bool thumb)
{
	if (!thumb) {
		/* condition 0b1111 is another space, A5.7 */
		if (len != 4 || insn >> 28 == 15)
			return NULL;
		return find_row(a32_rows, NELEM(a32_rows), insn);
	}
	if (len == 2)
		return insn > 0xffff ? NULL : find_row(t16_rows, NELEM(t16_rows), insn);
	return len == 4 ? find_row(t32_rows, NELEM(t32_rows), insn) : NULL;
}

bool
inst_decode(uint32_t insn, unsigned int len, const struct inst_state *s, struct inst_access *out)
{
	const struct row *row = decode_row(insn, len, s->thumb);
	struct operands o = { 0 };
	uint32_t base, moved;

	if (row == NULL)
		return false;
	*out = (struct inst_access){
		.size = (uint8_t)SIZE(row->ops),
		.write = (row->ops & STORE) != 0,
		.sign_extend = (row->ops & SIGNED) != 0,
		.pair = (row->ops & PAIR) != 0,
	};
	if (!decode_operands(insn, len, row, s, out, &o) || !operands_are_sane(out, &o, s))
		return false;
	base = reg(s, out->rn);
	moved = o.add ? base + o.offset : base - o.offset;
	out->address = o.index ? moved : base;
	out->writeback = o.wback;
	out->wb_value = moved;
	return true;
}
