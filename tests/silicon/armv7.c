/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * ARMv7-A: which instructions are watched, in both instruction sets, and what each means for the
 * rules (DDI 0406C B3.17, B4.2, B8).  Another architecture has a file like this and walk_*.c.
 */
#include "silicon.h"

#define COND_AL	 0xeu
#define HSCTLR_M 1u
#define HCR_VM	 1u

#define PSCI_CPU_OFF  0x84000002u
#define VECTORS_BYTES 32u

#define CNT_CTL_ENABLE 1u
#define CNT_CTL_IMASK  2u

enum tlbi_op { TLBI_STAGE1, TLBI_VMID, TLBI_NSNH, TLBI_HYP, TLBI_HYP_VA, TLBI_SHARED = 0x80 };

/* ---- CP15 by (opc1, CRn, CRm, opc2) ---- */
#define KEY(opc1, crn, crm, opc2) ((opc1) << 11 | (crn) << 7 | (crm) << 3 | (opc2))

struct cp15 {
	uint16_t key;
	uint8_t op, arg;
};

static const struct cp15 cp15_writes[] = {
	{ KEY(0, 7, 10, 1), OP_DC, DC_CLEAN_POC },
	{ KEY(0, 7, 14, 1), OP_DC, DC_CLEAN_INVALIDATE },
	{ KEY(0, 7, 6, 1), OP_DC, DC_INVALIDATE },
	{ KEY(0, 7, 11, 1), OP_DC, DC_CLEAN_POU },
	{ KEY(0, 7, 10, 2), OP_SETWAY, 0 },
	{ KEY(0, 7, 14, 2), OP_SETWAY, 0 },
	{ KEY(0, 7, 5, 1), OP_IC_LINE, 0 },
	{ KEY(0, 7, 5, 0), OP_IC_ALL, false },
	{ KEY(0, 7, 1, 0), OP_IC_ALL, true },
	{ KEY(0, 7, 5, 6), OP_BP_ALL, 0 },
	{ KEY(0, 7, 1, 6), OP_BP_ALL, 0 },
	{ KEY(0, 7, 10, 4), OP_DSB, 15 },
	{ KEY(0, 7, 10, 5), OP_DMB, 15 },
	{ KEY(0, 7, 5, 4), OP_ISB, 0 },
	{ KEY(0, 7, 8, 0), OP_AT, 0 },
	{ KEY(0, 7, 8, 1), OP_AT, 0 },
	{ KEY(0, 7, 8, 2), OP_AT, 0 },
	{ KEY(0, 7, 8, 3), OP_AT, 0 },
	{ KEY(0, 7, 8, 4), OP_AT, 0 },
	{ KEY(0, 7, 8, 5), OP_AT, 0 },
	{ KEY(0, 7, 8, 6), OP_AT, 0 },
	{ KEY(0, 7, 8, 7), OP_AT, 0 },
	{ KEY(0, 1, 0, 0), OP_WRITE, CTX_SCTLR },
	{ KEY(0, 2, 0, 0), OP_WRITE, CTX_TTBR },
	{ KEY(0, 2, 0, 1), OP_WRITE, CTX_TTBR },
	{ KEY(0, 2, 0, 2), OP_WRITE, CTX_TTBCR },
	{ KEY(0, 10, 2, 0), OP_MAIR, 0 },
	{ KEY(0, 10, 2, 1), OP_MAIR, 0 },
	{ KEY(0, 14, 2, 0), OP_WRITE, CTX_CNT_CVAL },
	{ KEY(0, 14, 3, 0), OP_WRITE, CTX_CNT_CVAL },
	{ KEY(0, 14, 2, 1), OP_WRITE, CTX_CNT_CTL },
	{ KEY(0, 14, 3, 1), OP_WRITE, CTX_CNT_CTL },
	{ KEY(4, 1, 0, 0), OP_WRITE, CTX_HSCTLR },
	{ KEY(4, 1, 1, 0), OP_WRITE, CTX_HCR },
	{ KEY(4, 1, 1, 2), OP_WRITE, CTX_HCPTR },
	{ KEY(4, 2, 0, 2), OP_WRITE, CTX_HTCR },
	{ KEY(4, 2, 1, 2), OP_WRITE, CTX_VTCR },
	{ KEY(4, 10, 2, 0), OP_WRITE, CTX_HMAIR },
	{ KEY(4, 10, 2, 1), OP_WRITE, CTX_HMAIR },
};

/* 64 bits: KEY(opc1, 0, CRm, 0) */
static const struct cp15 cp15_writes64[] = {
	{ KEY(0, 0, 2, 0), OP_WRITE, CTX_TTBR },
	{ KEY(1, 0, 2, 0), OP_WRITE, CTX_TTBR },
	{ KEY(4, 0, 2, 0), OP_WRITE, CTX_HTTBR },
	{ KEY(6, 0, 2, 0), OP_WRITE, CTX_VTTBR },
	{ KEY(2, 0, 14, 0), OP_WRITE, CTX_CNT_CVAL },
	{ KEY(3, 0, 14, 0), OP_WRITE, CTX_CNT_CVAL },
	{ KEY(4, 0, 14, 0), OP_WRITE, CTX_CNTVOFF },
};

static const struct cp15 cp15_reads64[] = {
	{ KEY(0, 0, 7, 0), OP_PAR, 0 },
	{ KEY(0, 0, 14, 0), OP_CNTPCT, 0 },
	{ KEY(1, 0, 14, 0), OP_CNTVCT, 0 },
};

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

static bool
lookup(const struct cp15 *table, size_t n, unsigned int key, struct insn *i)
{
	size_t k;

	for (k = 0; k < n; k++)
		if (table[k].key == key) {
			i->op = table[k].op;
			i->arg = table[k].arg;
			return true;
		}
	return false;
}

static bool
decode_tlbi(unsigned int opc1, unsigned int crm, unsigned int opc2, struct insn *i)
{
	unsigned int op = TLBI_STAGE1;

	if (opc1 == 4)
		op = opc2 == 4 ? TLBI_NSNH : opc2 == 0 ? TLBI_HYP : TLBI_HYP_VA;
	else if (opc2 == 0 && (crm == 3 || crm == 7))
		op = TLBI_VMID;
	i->op = OP_TLBI;
	i->arg = (uint8_t)(op | (crm == 3 ? TLBI_SHARED : 0));
	return true;
}

static bool
decode_cp15(uint32_t x, struct insn *i)
{
	unsigned int opc1 = x >> 21 & 7, crn = x >> 16 & 15, crm = x & 15, opc2 = x >> 5 & 7;

	if ((x & 0x0f100f10) == 0x0e000f10) { /* MCR */
		if (crn == 8)
			return decode_tlbi(opc1, crm, opc2, i);
		return lookup(cp15_writes, NELEM(cp15_writes), KEY(opc1, crn, crm, opc2), i);
	}
	if ((x & 0x0f100f10) == 0x0e100f10) { /* MRC */
		i->op = OP_PAR;
		return KEY(opc1, crn, crm, opc2) == KEY(0, 7, 4, 0);
	}
	opc1 = x >> 4 & 15;
	if ((x & 0x0ff00f00) == 0x0c400f00) /* MCRR */
		return lookup(cp15_writes64, NELEM(cp15_writes64), KEY(opc1, 0, crm, 0), i);
	if ((x & 0x0ff00f00) == 0x0c500f00) /* MRRC */
		return lookup(cp15_reads64, NELEM(cp15_reads64), KEY(opc1, 0, crm, 0), i);
	return false;
}

static bool
decode_barrier(uint32_t x, bool thumb, struct insn *i)
{
	uint32_t base = thumb ? 0xf3bf8f00 : 0xf57ff000;

	if ((x & 0xffffff00) != base)
		return false;
	i->arg = x & 15;
	switch (x >> 4 & 15) {
	case 4:
		i->op = OP_DSB;
		return true;
	case 5:
		i->op = OP_DMB;
		return true;
	case 6:
		i->op = OP_ISB;
		return true;
	default:
		return false;
	}
}

static bool
is_eret(uint32_t x, bool thumb)
{
	return thumb ? x == 0xf3de8f00 : (x & 0x0fffffff) == 0x0160006e;
}

static bool
is_hvc(uint32_t x, bool thumb)
{
	return thumb ? (x & 0xfff0f000) == 0xf7e08000 : (x & 0x0ff000f0) == 0x01400070;
}

static bool
is_smc(uint32_t x, bool thumb)
{
	return thumb ? (x & 0xfff0f000) == 0xf7f08000 : (x & 0x0ff000f0) == 0x01600070;
}

/* Coprocessors 10 and 11, and Advanced SIMD's own encodings (A7.4 to A7.7). */
static bool
is_vfp(uint32_t x, bool thumb)
{
	uint32_t top = x >> 24;

	if ((top & 0xf) >= 0xc && (top & 0xf) <= 0xe && (x >> 9 & 7) == 5)
		return true;
	if (top == (thumb ? 0xf9 : 0xf4)) /* else preloads, and loads of signed bytes */
		return (x >> 20 & 1) == 0;
	return thumb ? top == 0xef || top == 0xff : top == 0xf2 || top == 0xf3;
}

bool
insn_decode(const struct insn_bits *bits, struct insn *i)
{
	uint32_t x = bits->code;
	bool unconditional = !bits->thumb && x >> 28 == 0xf;

	*i = (struct insn){
		.pc = i->pc, .code = x, .mode = (uint8_t)bits->mode, .thumb = bits->thumb
	};
	i->op = OP_MARK;
	if (x == 0xe320f0f9 && !bits->thumb)
		return true;
	if (bits->mode == MODE_PL0)
		return false;
	if (decode_barrier(x, bits->thumb, i))
		return true;
	i->op = OP_ERET;
	if (is_eret(x, bits->thumb))
		return bits->mode == MODE_HYP;
	i->op = OP_HVC;
	if (is_hvc(x, bits->thumb))
		return bits->mode == MODE_PL1;
	i->op = OP_SMC;
	if (is_smc(x, bits->thumb))
		return bits->mode == MODE_PL1;
	if (!unconditional && (!bits->thumb || x >> 28 == 0xe) && decode_cp15(x, i))
		return true;
	i->op = OP_VFP;
	return bits->mode == MODE_HYP && is_vfp(x, bits->thumb);
}

/* ---- what they do ---- */
static uint32_t
operand(const struct cpu *c, uint32_t code, unsigned int shift)
{
	return (uint32_t)reg_read(c, (enum reg)(REG_R0 + (code >> shift & 15)));
}

static uint64_t
operand64(const struct cpu *c, uint32_t code)
{
	return (uint64_t)operand(c, code, 16) << 32 | operand(c, code, 12);
}

static bool
condition_holds(const struct cpu *c, const struct insn *i)
{
	uint32_t cond = i->code >> 28, f;
	bool n, z, cy, v, holds;

	if (i->thumb || cond >= COND_AL)
		return true;
	f = (uint32_t)reg_read(c, REG_CPSR);
	n = f >> 31 & 1;
	z = f >> 30 & 1;
	cy = f >> 29 & 1;
	v = f >> 28 & 1;
	switch (cond >> 1) {
	case 0:
		holds = z;
		break;
	case 1:
		holds = cy;
		break;
	case 2:
		holds = n;
		break;
	case 3:
		holds = v;
		break;
	case 4:
		holds = cy && !z;
		break;
	case 5:
		holds = n == v;
		break;
	default:
		holds = !z && n == v;
		break;
	}
	return holds != (cond & 1);
}

static struct barrier
barrier_of(unsigned int option)
{
	static const enum domain domains[] = { DOMAIN_OSH, DOMAIN_NSH, DOMAIN_ISH, DOMAIN_SY };

	/* reserved options are those of SY */
	if ((option & 3) < 2)
		return (struct barrier){ DOMAIN_SY, true };
	return (struct barrier){ domains[option >> 2], (option & 3) == 3 };
}

static void
do_dsb(struct cpu *c, unsigned int option)
{
	struct barrier b = barrier_of(option);

	counters[N_DSB]++;
	seq++;
	if (c->own)
		c->dsb_seq = c->barrier_seq = seq;
	if (b.full)
		c->hyp_dsb = true;
	if (b.domain >= DOMAIN_OSH) /* devices are in no smaller one */
		c->device_pc = 0;
	cache_dsb(c, b);
	table_dsb(c, b);
	tlb_dsb(c, b);
}

static void
do_by_address(struct cpu *c, const struct insn *i)
{
	struct xlate x = xlate(c, operand(c, i->code, 12));

	if (!in_ram(x.pa))
		return;
	if (i->op == OP_DC)
		cache_dc(c, (enum dc)i->arg, x.pa, i->pc);
	else
		cache_ic_line(c, x.pa, i->pc);
}

static void
do_tlbi(struct cpu *c, const struct insn *i)
{
	struct tlbi t = {
		.shared = (i->arg & TLBI_SHARED) != 0, .regime = REGIME_STAGE2, .pc = i->pc
	};
	unsigned int op = i->arg & (unsigned int)~TLBI_SHARED;

	if (c->mode != MODE_HYP || op == TLBI_STAGE1)
		return;
	t.all_vmids = op == TLBI_NSNH;
	t.vmid = (uint16_t)(reg_read(c, REG_VTTBR) >> 48 & 0xff);
	if (op == TLBI_HYP || op == TLBI_HYP_VA) {
		t.regime = REGIME_HYP;
		t.by_va = op == TLBI_HYP_VA;
		t.va = operand(c, i->code, 12);
		sysreg_need(c, RULE_CTX_TLBI, 1u << CTX_HSCTLR, i->pc, "TLBI");
	}
	if (op == TLBI_VMID)
		sysreg_need(c, RULE_CTX_TLBI, 1u << CTX_VTTBR, i->pc, "TLBI by VMID");
	table_tlbi(c, &t, i->pc);
	tlb_tlbi(c, &t);
}

static void
do_hyp_write(struct cpu *c, const struct insn *i)
{
	uint32_t old;

	if (i->arg == CTX_HSCTLR) {
		old = (uint32_t)reg_read(c, REG_HSCTLR);
		if ((operand(c, i->code, 12) & ~old & HSCTLR_M) != 0)
			sysreg_need(c, RULE_CTX_ENABLE,
			    1u << CTX_HTTBR | 1u << CTX_HTCR | 1u << CTX_HMAIR, i->pc,
			    "turns the MMU on");
		tlb_hsctlr(c, old, operand(c, i->code, 12), i->pc);
		c->known = false;
	} else if (i->arg == CTX_HTTBR) {
		tlb_httbr(c, operand64(c, i->code), i->pc);
	} else if (i->arg == CTX_VTTBR) {
		tlb_vttbr(c, operand64(c, i->code), i->pc);
	}
}

/*
 * On: when CNTVOFF and CVAL are in force, or it fires for what they were.  Off: in the host, which
 * goes on to deactivate the interrupt, and in HYP mode, which goes on to the host.
 */
static void
do_timer_ctl(struct cpu *c, const struct insn *i, uint32_t ctl)
{
	bool fires = (ctl & CNT_CTL_ENABLE) != 0 && (ctl & CNT_CTL_IMASK) == 0;

	if (fires)
		sysreg_need(c, RULE_CTX_TIMER, 1u << CTX_CNTVOFF | 1u << CTX_CNT_CVAL, i->pc,
		    "the timer is turned on");
	else if (c->mode == MODE_PL1 || c->mode == MODE_HYP)
		sysreg_write(c, CTX_CNT_CTL, i->pc);
}

static void
do_write(struct cpu *c, const struct insn *i)
{
	if (i->arg == CTX_SCTLR)
		c->known = false;
	if (i->arg == CTX_CNT_CTL) {
		do_timer_ctl(c, i, operand(c, i->code, 12));
		return;
	}
	if (c->mode != MODE_HYP)
		return;
	do_hyp_write(c, i);
	sysreg_write(c, (enum ctx)i->arg, i->pc);
}

static void
do_at(struct cpu *c, const struct insn *i)
{
	counters[N_AT]++;
	if (c->mode != MODE_HYP)
		return;
	sysreg_need(c, RULE_CTX_AT,
	    1u << CTX_HCR | 1u << CTX_VTTBR | 1u << CTX_VTCR | 1u << CTX_SCTLR | 1u << CTX_TTBCR |
		1u << CTX_TTBR,
	    i->pc, "address translation");
	sysreg_write(c, CTX_AT, i->pc);
}

static void
leave_hyp(struct cpu *c, uint32_t pc)
{
	bool reported = table_release(c, c->task, pc);

	if (table_release(c, 0, pc))
		reported = true;
	tlb_hyp_return(c, pc, reported);
	counters[N_HYP_EXIT]++;
	if ((reg_read(c, REG_HCR) & HCR_VM) != 0)
		tlb_guest_entry(c, pc);
	else
		tlb_host_return(c, pc);
	c->known = c->in_hyp = false;
}

void
cpu_returned(struct cpu *c, uint8_t mode, uint32_t pc)
{
	uint32_t eret = c->eret_pc;

	c->eret_pc = 0;
	if (eret != 0 &&
	    (mode != MODE_HYP || pc - (uint32_t)reg_read(c, REG_HVBAR) < VECTORS_BYTES))
		leave_hyp(c, eret);
}

/* QEMU does not show SPSR_hyp: what runs next tells where it went. */
static void
do_eret(struct cpu *c, const struct insn *i)
{
	if ((reg_read(c, REG_HCR) & HCR_VM) == 0)
		sysreg_need(c, RULE_CTX_TIMER, 1u << CTX_CNT_CTL, i->pc, "goes back to the host");
	sysreg_synced(c);
	c->isb_seq = seq;
	c->known = false;
	if (reg_read(c, REG_HVBAR) == 0)
		leave_hyp(c, i->pc);
	else
		c->eret_pc = i->pc;
}

static void
do_hvc(struct cpu *c, const struct insn *i)
{
	c->task = (uint32_t)reg_read(c, REG_SP) & ~0x1fffu;
	if (c->own && module_bytes != 0)
		table_call(c, c->task, i->pc);
}

/* PSCI's firmware cleans the caches of a CPU that it powers down; QEMU's need not. */
static void
do_smc(struct cpu *c)
{
	if ((uint32_t)reg_read(c, REG_R0) == PSCI_CPU_OFF)
		cache_cpu_off(c);
}

/*
 * Is there an ISB close before it?  As the code stands in memory, not by what ran last: an
 * interrupt that waits is taken right after the ISB, and its handler has ISBs too.
 */
static bool
isb_before(const struct cpu *c, const struct insn *i)
{
	struct insn_bits bits = { .thumb = i->thumb, .mode = (enum mode)i->mode };
	struct insn before = { 0 };
	unsigned int back;

	for (back = 4; back <= 12; back += i->thumb ? 2 : 4) {
		bits.code = (uint32_t)ram_read(xlate(c, i->pc - back).pa, 4);
		if (i->thumb)
			bits.code = bits.code >> 16 | bits.code << 16;
		if (insn_decode(&bits, &before) && before.op == OP_ISB)
			return true;
	}
	return false;
}

/* In the host, where it times something: not read ahead of it. */
static void
do_cntpct(struct cpu *c, const struct insn *i)
{
	if (c->mode == MODE_PL1 && !isb_before(c, i))
		report(RULE_CTX_CNTPCT, c, i->pc, NULL, 0, "CNTPCT is read, no ISB before it");
}

static void
do_isb(struct cpu *c)
{
	counters[N_ISB]++;
	c->isb_seq = ++seq;
	sysreg_synced(c);
}

/* ICIALLUIS is not enough: the Cortex-A15's ACTLR.IBE is about ICIALLU. */
static void
do_predictors(struct cpu *c)
{
	if (c->mode == MODE_HYP)
		c->guest_pc = 0;
}

void
insn_exec(struct cpu *c, const struct insn *i)
{
	if (!condition_holds(c, i))
		return;
	cpu_at(c, i->pc);
	switch (i->op) {
	case OP_DC:
	case OP_IC_LINE:
		do_by_address(c, i);
		break;
	case OP_SETWAY:
		cache_setway(c, operand(c, i->code, 12));
		break;
	case OP_IC_ALL:
		cache_ic_all(c, i->arg);
		if (!i->arg)
			do_predictors(c);
		break;
	case OP_BP_ALL:
		do_predictors(c);
		break;
	case OP_DSB:
		do_dsb(c, i->arg);
		break;
	case OP_DMB:
		seq++;
		if (c->own)
			c->barrier_seq = seq;
		break;
	case OP_ISB:
		do_isb(c);
		break;
	case OP_TLBI:
		do_tlbi(c, i);
		break;
	case OP_AT:
		do_at(c, i);
		break;
	case OP_PAR:
		sysreg_need(c, RULE_CTX_AT, 1u << CTX_AT, i->pc, "PAR is read");
		break;
	case OP_CNTPCT:
		do_cntpct(c, i);
		break;
	case OP_CNTVCT:
		sysreg_need(c, RULE_CTX_COUNTER, 1u << CTX_CNTVOFF, i->pc, "CNTVCT is read");
		break;
	case OP_VFP:
		sysreg_need(c, RULE_CTX_VFP, 1u << CTX_HCPTR, i->pc, "VFP instruction");
		break;
	case OP_MAIR:
		sysreg_need(
		    c, RULE_CTX_EAE, 1u << CTX_TTBCR, i->pc, "PRRR, NMRR or MAIR is written");
		break;
	case OP_WRITE:
		do_write(c, i);
		break;
	case OP_ERET:
		do_eret(c, i);
		break;
	case OP_HVC:
		do_hvc(c, i);
		break;
	case OP_SMC:
		do_smc(c);
		break;
	case OP_MARK:
		report_epoch((uint32_t)reg_read(c, REG_R0));
		break;
	default:
		break;
	}
}
