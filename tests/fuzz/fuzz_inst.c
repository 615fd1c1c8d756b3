/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The load and store decoder under any instruction, state and registers: the first byte
 * says Thumb, carry and length; then PC, r0 to r14, and instructions, 4 bytes each.
 * What decodes must have sane fields, and an address that is made of its registers.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "inst.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
check(const struct inst_state *s, const struct inst_access *a)
{
	uint32_t base = a->rn == 15 ? (s->pc + (s->thumb ? 4 : 8)) & ~3u : s->r[a->rn];

	must(a->size == 1 || a->size == 2 || a->size == 4 || a->size == 8);
	must(a->pair == (a->size == 8));
	must(a->rt < 15 && a->rn < 16 && (!a->pair || a->rt2 < 15));
	must(!a->sign_extend || (!a->write && a->size < 4));
	must(!a->writeback || (a->rn < 15 && a->rn != a->rt && !(a->pair && a->rn == a->rt2)));
	must(!a->pair || a->write || a->rt != a->rt2);
	/* post-indexed: the base; all else: what would be written back */
	must(a->address == a->wb_value || (a->writeback && a->address == base));
}

static void
run(uint32_t insn, unsigned int len, const struct inst_state *s)
{
	struct inst_access a, again;

	memset(&a, 0x5a, sizeof(a));
	memset(&again, 0xa5, sizeof(again));
	if (!inst_decode(insn, len, s, &a))
		return;
	check(s, &a);
	/* it depends on nothing else */
	must(inst_decode(insn, len, s, &again));
	must(a.address == again.address && a.wb_value == again.wb_value && a.rt == again.rt);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct inst_state s;
	unsigned int len;
	uint32_t insn;

	if (size < 1 + 16 * 4)
		return 0;
	s.thumb = (data[0] & 1) != 0;
	s.carry = (data[0] & 2) != 0;
	len = (data[0] & 4) != 0 ? 2 : 4;
	if (data[0] >= 0xf8)
		len = data[0] - 0xf8u;
	memcpy(&s.pc, data + 1, sizeof(s.pc));
	memcpy(s.r, data + 5, sizeof(s.r));
	for (data += 65, size -= 65; size >= 4; data += 4, size -= 4) {
		memcpy(&insn, data, sizeof(insn));
		run(insn, len, &s);
		if (len == 2)
			run(insn & 0xffff, len, &s);
	}
	return 0;
}
