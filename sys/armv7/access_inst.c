/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A load or store that trapped without a syndrome: the instruction is fetched from the guest's
 * memory and decoded (inst.c).  In the trap walk beside abort.c.  Host side, preemptible, may
 * sleep.
 */
#include "arm.h"
#include "esr.h"
#include "inst.h"
#include "psr.h"

/* Instructions are little-endian whatever CPSR.E says (DDI 0406C A3.3.1). */
static enum access_found
fetch_part(struct vcpu *vcpu, uint32_t va, void *dst, size_t len)
{
	gpa_t gpa;

	if (!arch_guest_translate(vcpu, va, &gpa))
		return ACCESS_RETRY;
	return vm_mem_read(vcpu->vm, gpa, dst, len) == 0 ? ACCESS_FOUND : ACCESS_UNKNOWN;
}

/* A Thumb instruction may lie on two pages: each halfword is translated by itself. */
static enum access_found
fetch_thumb(struct vcpu *vcpu, uint32_t pc, uint32_t *insn, unsigned int *len)
{
	uint16_t first, second;
	enum access_found found;

	found = fetch_part(vcpu, pc, &first, sizeof(first));
	if (found != ACCESS_FOUND)
		return found;
	*insn = first;
	*len = 2;
	if (!inst_thumb_is_wide(first))
		return ACCESS_FOUND;
	found = fetch_part(vcpu, pc + 2, &second, sizeof(second));
	*insn = (uint32_t)first << 16 | second;
	*len = 4;
	return found;
}

static enum access_found
fetch_inst(struct vcpu *vcpu, uint32_t *insn, unsigned int *len)
{
	const struct hyp_vcpu *v = hyp_vcpu(vcpu);

	vcpu_stat_inc(vcpu, VMM_STAT_INST_FETCH);
	if (arch_guest_is_thumb(v))
		return fetch_thumb(vcpu, v->regs.pc, insn, len);
	*len = 4;
	return fetch_part(vcpu, v->regs.pc, insn, sizeof(*insn));
}

enum access_found
arch_access_from_inst(struct vcpu *vcpu, struct pending_access *a)
{
	const struct hyp_vcpu *v = hyp_vcpu(vcpu);
	struct inst_state s;
	struct inst_access d;
	unsigned int i, len;
	enum access_found found;
	uint32_t insn;

	found = fetch_inst(vcpu, &insn, &len);
	if (found != ACCESS_FOUND)
		return found;
	s.thumb = arch_guest_is_thumb(v);
	s.carry = (v->regs.cpsr & CPSR_C) != 0;
	s.pc = v->regs.pc;
	for (i = 0; i < NELEM(s.r); i++)
		s.r[i] = arch_gpr_get(v, i);
	if (!inst_decode(insn, len, &s, &d) || d.address != v->trap.far ||
	    d.write != ((v->trap.esr & ESR_DABT_WNR) != 0))
		return ACCESS_UNKNOWN;
	a->size = d.size;
	a->pair = d.pair;
	a->rt = d.rt;
	a->rt2 = d.rt2;
	a->write = d.write;
	a->sign_extend = d.sign_extend;
	a->writeback = d.writeback;
	a->rn = d.rn;
	a->wb_value = d.wb_value;
	a->inst_len = (uint8_t)len;
	return ACCESS_FOUND;
}
