/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Loads and stores that trap without a syndrome, decoded.  See inst.c.
 */
#ifndef ARM_INST_H
#define ARM_INST_H

#include "types.h"

/* What an instruction sees of its processor. */
struct inst_state {
	bool thumb;
	bool carry;	/* CPSR.C, for RRX */
	uint32_t pc;	/* the instruction's own address */
	uint32_t r[15]; /* r0..r14 of the current mode */
};

/* What the instruction does. */
struct inst_access {
	uint8_t size; /* bytes: 1, 2, 4; 8 for a pair */
	bool write;
	bool sign_extend;
	bool pair;	 /* LDRD, STRD: rt and rt2 */
	uint8_t rt, rt2; /* 0..14; rt2 without meaning unless pair */
	uint8_t rn;	 /* base, 0..15 */
	bool writeback;	 /* rn, then 0..14, becomes wb_value */
	uint32_t wb_value;
	uint32_t address; /* virtual */
};

/* Does this first halfword begin a 32-bit Thumb instruction?  DDI 0406C A6.1. */
static inline bool
inst_thumb_is_wide(uint16_t hw)
{
	return (hw >> 11) >= 0x1d;
}

/*
 * Decode insn: in ARM state 32 bits, len 4; in Thumb state a halfword, len 2, or two, the first
 * in bits [31:16], len 4.  False for anything but a load or store of one register or of a
 * pair into or from memory, and for UNPREDICTABLE forms: *out is then without meaning.
 */
bool inst_decode(
    uint32_t insn, unsigned int len, const struct inst_state *s, struct inst_access *out);

#endif /* ARM_INST_H */
