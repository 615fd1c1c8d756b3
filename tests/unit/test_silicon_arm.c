/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the silicon checker knows of ARMv7-A: which instructions it watches and when they are
 * executed, and translation as the processor does it, in all formats.  The expected values are
 * written down by hand from DDI 0406C.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "silicon_rig.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))
#define EAE	 0x80000000u
#define TRE	 0x10000000u

/* Free memory for tables. */
#define T0 0x40500000ull
#define T1 0x40510000ull

static struct cpu *const cpu = &cpus[0];
static uint64_t *const reg = rig_regs[0];

static int
setup(void **state)
{
	(void)state;
	rig_init();
	return 0;
}

/* ---- instructions ---- */
static const struct {
	uint64_t code;
	enum mode mode;
	enum op op; /* OP_NONE: not watched */
	unsigned int arg;
} decodings[] = {
	{ DCCMVAC, MODE_PL1, OP_DC, DC_CLEAN_POC },
	{ DCCIMVAC, MODE_GUEST, OP_DC, DC_CLEAN_INVALIDATE },
	{ DCIMVAC, MODE_HYP, OP_DC, DC_INVALIDATE },
	{ DCCMVAU, MODE_PL1, OP_DC, DC_CLEAN_POU },
	{ DCCMVAC, MODE_PL0, OP_NONE, 0 },
	{ DCCSW, MODE_PL1, OP_SETWAY, 0 },
	{ DCCISW, MODE_GUEST, OP_SETWAY, 0 },
	{ ICIMVAU, MODE_PL1, OP_IC_LINE, 0 },
	{ ICIALLU, MODE_PL1, OP_IC_ALL, false },
	{ ICIALLUIS, MODE_PL1, OP_IC_ALL, true },
	{ BPIALL, MODE_HYP, OP_BP_ALL, 0 },
	{ BPIALLIS, MODE_GUEST, OP_BP_ALL, 0 },
	{ 0xee070ff5, MODE_HYP, OP_NONE, 0 }, /* BPIMVA */
	{ DSB_SY, MODE_PL1, OP_DSB, 15 },
	{ DSB_NSHST, MODE_HYP, OP_DSB, 6 },
	{ T_DSB_ISH, MODE_HYP, OP_DSB, 11 },
	{ DMB_ISH, MODE_PL1, OP_DMB, 11 },
	{ ISB, MODE_PL1, OP_ISB, 15 },
	{ T_ISB, MODE_GUEST, OP_ISB, 15 },
	{ THUMB(DSB_SY), MODE_PL1, OP_NONE, 0 },
	{ 0xf57ff01f, MODE_PL1, OP_NONE, 0 }, /* CLREX */
	{ ERET, MODE_HYP, OP_ERET, 0 },
	{ T_ERET, MODE_HYP, OP_ERET, 0 },
	{ T_ERET, MODE_PL1, OP_NONE, 0 }, /* SUBS PC, LR, #0 */
	{ HVC, MODE_PL1, OP_HVC, 0 },
	{ 0xe14edc7b, MODE_PL1, OP_HVC, 0 }, /* #0xedcb */
	{ T_HVC, MODE_PL1, OP_HVC, 0 },
	{ HVC, MODE_GUEST, OP_NONE, 0 },
	{ TLBIALLNSNHIS, MODE_HYP, OP_TLBI, 0x82 },
	{ TLBIALLH, MODE_HYP, OP_TLBI, 3 },
	{ ATS1CPR, MODE_HYP, OP_AT, 0 },
	{ PAR64, MODE_HYP, OP_PAR, 0 },
	{ CNTPCT, MODE_PL1, OP_CNTPCT, 0 },
	{ THUMB(CNTPCT), MODE_PL1, OP_CNTPCT, 0 },
	{ CNTVCT, MODE_PL1, OP_CNTVCT, 0 },
	{ CNTPCT, MODE_PL0, OP_NONE, 0 },
	{ 0xec510f4e, MODE_HYP, OP_NONE, 0 }, /* CNTVOFF, read */
	{ HTTBR, MODE_HYP, OP_WRITE, CTX_HTTBR },
	{ VTTBR, MODE_HYP, OP_WRITE, CTX_VTTBR },
	{ THUMB(VTTBR), MODE_HYP, OP_WRITE, CTX_VTTBR },
	{ CNTVOFF, MODE_HYP, OP_WRITE, CTX_CNTVOFF },
	{ 0xfc410f62, MODE_HYP, OP_NONE, 0 }, /* MCRR2 */
	{ 0xfe070f3a, MODE_HYP, OP_NONE, 0 }, /* MCR2 */
	{ THUMB(0xfe070f3a), MODE_HYP, OP_NONE, 0 },
	{ MIDR, MODE_PL1, OP_NONE, 0 },
	{ MCR_P14, MODE_PL1, OP_NONE, 0 },
	{ VLDMIA, MODE_HYP, OP_VFP, 0 },
	{ VLDMIA, MODE_PL1, OP_NONE, 0 },
	{ DBG_9, MODE_PL0, OP_MARK, 0 },
	{ 0xe320f0f8, MODE_PL0, OP_NONE, 0 },
};

static void
decoding(void **state)
{
	unsigned int k;

	(void)state;
	for (k = 0; k < NELEM(decodings); k++) {
		struct insn_bits bits = { .code = (uint32_t)decodings[k].code,
			.thumb = decodings[k].code >> 32 != 0,
			.mode = decodings[k].mode };
		struct insn i = { .pc = 4 };
		bool watched = insn_decode(&bits, &i);

		if (watched != (decodings[k].op != OP_NONE) ||
		    (watched && (i.op != decodings[k].op || i.arg != decodings[k].arg)))
			fail_msg("%#llx in mode %u: op %u arg %u",
			    (unsigned long long)decodings[k].code, decodings[k].mode, i.op, i.arg);
	}
}

/* For each condition the values of NZCV that it holds for, as bits. */
static const uint16_t holds[] = { 0xf0f0, 0x0f0f, 0xcccc, 0x3333, 0xff00, 0x00ff, 0xaaaa, 0x5555,
	0x0c0c, 0xf3f3, 0xaa55, 0x55aa, 0x0a05, 0xf5fa, 0xffff };

static void
conditions(void **state)
{
	unsigned int cond, nzcv;

	(void)state;
	for (cond = 0; cond < NELEM(holds); cond++)
		for (nzcv = 0; nzcv < 16; nzcv++) {
			uint64_t before = counters[N_DSB];

			reg[REG_CPSR] = (uint64_t)nzcv << 28 | 0x13;
			rig_insn(cpu, (CP15DSB & 0x0fffffff) | (uint64_t)cond << 28);
			assert_int_equal(counters[N_DSB] - before, holds[cond] >> nzcv & 1);
		}
}

/* ---- translation ---- */
static void
poke32(uint64_t pa, uint32_t val)
{
	rig_poke(pa, val, 4);
}

static void
poke64(uint64_t pa, uint64_t val)
{
	rig_poke(pa, val, 8);
}

#define assert_xlate(va, want_pa, want_type)                  \
	do {                                                  \
		struct xlate x_ = xlate(cpu, (uint32_t)(va)); \
		assert_int_equal(x_.pa, (uint64_t)(want_pa)); \
		assert_int_equal(x_.type, (want_type));       \
	} while (0)
#define assert_unmapped(va) assert_int_equal(xlate(cpu, (uint32_t)(va)).pa, NO_ADDR)

static void
short_descriptors(void **state)
{
	(void)state;
	reg[REG_TTBR0] = T0 | 0x6a;
	poke32(T0 + 0x123 * 4, 0x40600c0e);
	poke32(T0 + 0x124 * 4, 0x40600c0f); /* with PXN */
	poke32(T0 + 0x13a * 4, 0x40041002); /* supersection */
	poke32(T0 + 0x13b * 4, 0x403410a2); /* one beyond 4 GiB */
	poke32(T0 + 0x200 * 4, (uint32_t)T1 + 0x401);
	poke32(T1 + 0x400 + 0x34 * 4, 0x4070000e);
	poke32(T1 + 0x400 + 0x35 * 4, 0x4070100b); /* XN, write-through */
	poke32(T1 + 0x400 + 0x41 * 4, 0x40715005); /* large page, TEX 5 */
	assert_xlate(0x12345678, 0x40645678, MEM_WRITEBACK);
	assert_xlate(0x12445678, 0x40645678, MEM_WRITEBACK);
	assert_xlate(0x13abcdef, 0x40abcdef, MEM_NONCACHEABLE);
	assert_xlate(0x13bbcdef, 0x5340bbcdefull, MEM_NONCACHEABLE);
	assert_xlate(0x20034567, 0x40700567, MEM_WRITEBACK);
	assert_xlate(0x20035567, 0x40701567, MEM_NONCACHEABLE);
	assert_xlate(0x20041234, 0x40711234, MEM_WRITEBACK);
	assert_unmapped(0x20036000);
	assert_unmapped(0x20100000);
}

static void
short_split(void **state)
{
	(void)state;
	reg[REG_TTBCR] = 2;
	reg[REG_TTBR0] = T0 + 0x1000;
	reg[REG_TTBR1] = T1;
	poke32(T0 + 0x1000 + 0x3ff * 4, 0x40600c0e);
	poke32(T1 + 0x400 * 4, 0x40700c0e);
	poke32(T1 + 0xc00 * 4, 0x40800c0e);
	assert_xlate(0x3ff00010, 0x40600010, MEM_WRITEBACK);
	assert_xlate(0x40000010, 0x40700010, MEM_WRITEBACK);
	assert_xlate(0xc0000010, 0x40800010, MEM_WRITEBACK);
	reg[REG_TTBCR] = 7;
	reg[REG_TTBR0] = T0 + 0x80;
	poke32(T0 + 0x80 + 0x1f * 4, 0x40900c0e);
	poke32(T1 + 0x20 * 4, 0x40a00c0e);
	assert_xlate(0x01f00010, 0x40900010, MEM_WRITEBACK);
	assert_xlate(0x02000010, 0x40a00010, MEM_WRITEBACK);
}

/* By TEX, C, B: d device or strongly ordered, n not write-back, w write-back, - reserved. */
static void
short_types(void **state)
{
	static const char types[] = "ddnwn--wd-------nnnnnwnwnnnnnwnw";
	unsigned int texcb;

	(void)state;
	reg[REG_TTBR0] = T0;
	for (texcb = 0; texcb < 32; texcb++) {
		char t = types[texcb];

		poke32(T0, 0x40600c02 | (texcb & 3) << 2 | texcb >> 2 << 12);
		if (t != '-')
			assert_xlate(0, 0x40600000,
			    t == 'd'	 ? MEM_DEVICE :
				t == 'w' ? MEM_WRITEBACK :
					   MEM_NONCACHEABLE);
	}
}

static void
short_remapped(void **state)
{
	(void)state;
	reg[REG_SCTLR] |= TRE;
	reg[REG_TTBR0] = T0;
	reg[REG_PRRR] = 0x000a81a8; /* Linux's */
	reg[REG_NMRR] = 0x40e040e0;
	poke32(T0, 0x40600c02); /* 0 strongly ordered */
	assert_xlate(0, 0x40600000, MEM_DEVICE);
	poke32(T0, 0x40600c06); /* 1 buffered */
	assert_xlate(0, 0x40600000, MEM_NONCACHEABLE);
	poke32(T0, 0x40600c0a); /* 2 write-through */
	assert_xlate(0, 0x40600000, MEM_NONCACHEABLE);
	poke32(T0, 0x40600c0e); /* 3 write-back */
	assert_xlate(0, 0x40600000, MEM_WRITEBACK);
	poke32(T0, 0x40601c02); /* 4 device */
	assert_xlate(0, 0x40600000, MEM_DEVICE);
	poke32(T0, 0x40601c0e); /* 7 write-back, write-allocate */
	assert_xlate(0, 0x40600000, MEM_WRITEBACK);
	reg[REG_NMRR] = 0x00e040e0; /* outer non-cacheable */
	assert_xlate(0, 0x40600000, MEM_NONCACHEABLE);
}

/* 1 GiB, 2 MiB and 4 KiB. */
static void
long_tables(uint64_t root, uint64_t l2, uint64_t l3)
{
	poke64(root + 8, 0x40000701); /* 1 GiB, write-back */
	poke64(root + 16, TABLE(l2));
	poke64(l2 + 3 * 8, 0x40600705); /* 2 MiB, non-cacheable */
	poke64(l2 + 4 * 8, TABLE(l3));
	poke64(l3 + 5 * 8, 0x4070570bull | 1ull << 54);
	poke64(l3 + 6 * 8, 0x40706701); /* no such thing at this level */
}

static void
long_descriptors(void **state)
{
	(void)state;
	reg[REG_TTBCR] = EAE;
	reg[REG_TTBR0] = T0;
	reg[REG_PRRR] = 0x000044ff;
	long_tables(T0, T1, T1 + 0x1000);
	assert_xlate(0x40123456, 0x40123456, MEM_WRITEBACK);
	assert_xlate(0x7fffffff, 0x7fffffff, MEM_WRITEBACK);
	assert_xlate(0x80723456, 0x40723456, MEM_NONCACHEABLE);
	assert_xlate(0x80805678, 0x40705678, MEM_DEVICE);
	assert_unmapped(0x80806000);
	assert_unmapped(0x80807000);
	assert_unmapped(0x80200000);
	assert_unmapped(0xc0000000);
}

static void
long_split(void **state)
{
	(void)state;
	reg[REG_PRRR] = 0x000044ff;
	reg[REG_TTBR0] = T0;
	reg[REG_TTBR1] = T1;
	poke64(T0 + 2 * 8, 0x40000701);
	poke64(T1 + 3 * 8, 0x40600701);
	reg[REG_TTBCR] = EAE | 2 << 16; /* 3 GiB and 1 GiB: TTBR1 from level 2 */
	assert_xlate(0xc0612345, 0x40612345, MEM_WRITEBACK);
	assert_xlate(0xbfffffff, 0x7fffffff, MEM_WRITEBACK);
	reg[REG_TTBCR] = EAE | 1 << 16; /* halves: two entries at level 1 */
	poke64(T1 + 8, 0x40000705);
	assert_xlate(0xc0612345, 0x40612345, MEM_NONCACHEABLE);
	assert_unmapped(0x80612345);
	reg[REG_TTBCR] = EAE | 1; /* TTBR1 has what TTBR0 has not, with four entries */
	poke64(T1 + 2 * 8, 0x40000709);
	assert_xlate(0x80612345, 0x40612345, MEM_DEVICE);
	assert_unmapped(0x7fffffff);
	reg[REG_TTBCR] = EAE | 2 | 2 << 16; /* a hole between */
	poke64(T0 + 0, 0x40600701);
	assert_xlate(0x00012345, 0x40612345, MEM_WRITEBACK);
	assert_unmapped(0x40012345);
	assert_unmapped(0xbfe12345);
}

static void
hyp_stage1(void **state)
{
	struct root r;

	(void)state;
	rig_enter(cpu, MODE_HYP);
	assert_xlate(0x12345678, 0x12345678, MEM_NONCACHEABLE); /* MMU off */
	reg[REG_HSCTLR] |= 1;
	reg[REG_HTTBR] = T0;
	long_tables(T0, T1, T1 + 0x1000);
	assert_xlate(0x80723456, 0x40723456, MEM_NONCACHEABLE);
	assert_xlate(0x80805678, 0x40705678, MEM_DEVICE);
	hyp_root(cpu, T0, &r);
	assert_true(r.level == 1 && r.entries == 4 && r.base == T0 && r.cacheable);
	reg[REG_HTCR] = 0x80800002; /* 1 GiB, walks not cacheable */
	reg[REG_HTTBR] = T1;
	assert_xlate(0x00723456, 0x40723456, MEM_NONCACHEABLE);
	hyp_root(cpu, T1, &r);
	assert_true(r.level == 2 && r.entries == 512 && r.base == T1 && !r.cacheable);
	reg[REG_HTCR] = 0x80803507; /* 32 MiB: 16 entries */
	hyp_root(cpu, T1 + 0x80, &r);
	assert_true(r.level == 2 && r.entries == 16 && r.base == T1 + 0x80 && r.cacheable);
}

/* ---- stage 2 ---- */
static void
in_guest(uint32_t vtcr, uint64_t root, unsigned int level, unsigned int entries)
{
	struct root r;

	rig_enter(cpu, MODE_GUEST);
	reg[REG_SCTLR] &= ~1ull;
	reg[REG_VTCR] = 0x80003500 | vtcr;
	reg[REG_VTTBR] = root | 5ull << 48;
	stage2_root(cpu, &r);
	assert_int_equal(r.level, level);
	assert_int_equal(r.entries, entries);
	assert_int_equal(r.base, root);
	assert_true(r.cacheable);
}

static void
stage2_from_level_1(void **state)
{
	(void)state;
	in_guest(0x40, VM_A, 1, 4);
	poke64(L3(VM_A) + 3 * 8, S2_LEAF(PAGE(7)));
	assert_xlate(PAGE(3) + 0x123, PAGE(7) + 0x123, MEM_NONCACHEABLE);
	assert_xlate(0x40812345, 0x40812345, MEM_NONCACHEABLE);
	assert_unmapped(PAGE(20));
	assert_unmapped(0x80000000);
	in_guest(0x5f, T0, 1, 8); /* 33 bits */
}

/* Two tables of level 1 side by side: 40 bits, which a guest with long descriptors has. */
static void
stage2_40_bits(void **state)
{
	(void)state;
	in_guest(0x58, T0, 1, 1024);
	poke64(T0 + 1 * 8, 0x400007fd); /* the guest's own tables, 1 GiB */
	poke64(T0 + 512 * 8, TABLE(T1));
	poke64(T1 + 3 * 8, 0x406007fd);
	reg[REG_SCTLR] |= 1;
	reg[REG_TTBCR] = EAE;
	reg[REG_PRRR] = 0xff;
	reg[REG_TTBR0] = T1 + 0x1000;
	poke64(T1 + 0x1000, 0x8000000701ull);
	assert_xlate(0x00612345, 0x40612345, MEM_WRITEBACK);
	assert_unmapped(0x00812345);
	in_guest(0x40, T0, 1, 4); /* 32 bits: out of range */
	reg[REG_SCTLR] |= 1;
	assert_unmapped(0x00612345);
}

static void
stage2_concatenated(void **state)
{
	(void)state;
	in_guest(0x00, T0, 2, 2048); /* 32 bits from level 2: four tables */
	poke64(T0 + 0x403 * 8, 0x406007fd);
	assert_xlate(0x80612345, 0x40612345, MEM_NONCACHEABLE);
	assert_unmapped(0x80812345);
	in_guest(0x1e, T0, 2, 8192); /* 34 bits: sixteen */
	assert_xlate(0x80612345, 0x40612345, MEM_NONCACHEABLE);
	in_guest(0x02, T0, 2, 512); /* 30 bits: one */
	poke64(T0 + 3 * 8, 0x406007fd);
	assert_xlate(0x00612345, 0x40612345, MEM_NONCACHEABLE);
	assert_unmapped(0x80612345);
}

/* The guest's tables are at intermediate addresses, and the weaker type wins. */
static void
two_stages(void **state)
{
	unsigned int i;

	(void)state;
	in_guest(0x40, VM_A, 1, 4);
	for (i = 4; i < 8; i++)
		poke64(L3(VM_A) + i * 8, S2_LEAF(PAGE(i + 4)));
	poke64(L3(VM_A) + 3 * 8, S2_LEAF(PAGE(15)));
	reg[REG_SCTLR] |= 1;
	reg[REG_TTBR0] = PAGE(4);
	poke32(PAGE(4 + 4) + 0x001 * 4, (uint32_t)PAGE(0) | 0xc0e);
	poke32(PAGE(7 + 4) + 0x001 * 4, (uint32_t)PAGE(0) | 0x1c02); /* 0xc01, non-cacheable */
	assert_xlate(0x00103456, PAGE(15) + 0x456, MEM_WRITEBACK);
	assert_xlate(0xc0103456, PAGE(15) + 0x456, MEM_NONCACHEABLE);
	poke64(L3(VM_A) + 3 * 8, PAGE(15) | 0x7d7);
	assert_xlate(0x00103456, PAGE(15) + 0x456, MEM_NONCACHEABLE);
	poke64(L3(VM_A) + 3 * 8, PAGE(15) | 0x7c7);
	assert_xlate(0xc0103456, PAGE(15) + 0x456, MEM_DEVICE);
	poke64(L3(VM_A) + 7 * 8, 0); /* a table that stage 2 does not map */
	assert_unmapped(0xc0103456);
}

/* ---- memory types, caches on and off ---- */
static void
leaf_types(void **state)
{
	static const char s2[] = "ddddnnnnnnnnnnnw"; /* by MemAttr; 4, 8 and c are reserved */
	bool shareable;
	unsigned int i;

	(void)state;
	for (i = 0; i < 16; i++)
		assert_int_equal(leaf_type(cpu, REGIME_STAGE2, i << 2 | 3, &shareable),
		    s2[i] == 'd'     ? MEM_DEVICE :
			s2[i] == 'w' ? MEM_WRITEBACK :
				       MEM_NONCACHEABLE);
	reg[REG_HMAIR0] = 0xee0444ff;
	reg[REG_HMAIR1] = 0x4ff400bb;
	for (i = 0; i < 8; i++)
		assert_int_equal(leaf_type(cpu, REGIME_HYP, i << 2 | 3, &shareable),
		    i == 0 || i == 3	 ? MEM_WRITEBACK :
			i == 2 || i == 5 ? MEM_DEVICE :
					   MEM_NONCACHEABLE);
	for (i = 0; i < 4; i++) {
		leaf_type(cpu, REGIME_STAGE2, i << 8 | 3, &shareable);
		assert_int_equal(shareable, i == 3);
	}
}

static const struct {
	enum mode mode;
	uint32_t sctlr, hsctlr, hcr;
	bool nocache, mmu_off;
} caches[] = {
	{ MODE_PL1, 5, 0, 0, false, false },
	{ MODE_PL1, 1, 5, 0, true, false },
	{ MODE_PL1, 4, 5, 0, true, true },
	{ MODE_HYP, 0, 5, 0, false, false },
	{ MODE_HYP, 5, 1, 0, true, false },
	{ MODE_HYP, 5, 4, 0, true, true },
	{ MODE_GUEST, 5, 0, 1, false, false },
	{ MODE_GUEST, 0, 5, 1, true, true },
	{ MODE_GUEST, 0, 5, 0x1001, false, true }, /* HCR.DC */
	{ MODE_GUEST, 1, 5, 0x1001, true, false },
};

static void
caches_on(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < NELEM(caches); i++) {
		cpu->mode = (uint8_t)caches[i].mode;
		reg[REG_SCTLR] = caches[i].sctlr;
		reg[REG_HSCTLR] = caches[i].hsctlr;
		reg[REG_HCR] = caches[i].hcr;
		cpu_learn_caches(cpu);
		assert_int_equal(cpu->nocache, caches[i].nocache);
		assert_int_equal(cpu->mmu_off, caches[i].mmu_off);
	}
}

static const struct {
	enum mode mode;
	uint32_t pc;
	bool own;
} whose[] = {
	{ MODE_PL1, MODULE, true },
	{ MODE_PL1, MODULE + MODULE_BYTES - 4, true },
	{ MODE_PL1, MODULE - 4, false },
	{ MODE_PL1, MODULE + MODULE_BYTES, false },
	{ MODE_PL0, MODULE, false },
	{ MODE_GUEST, MODULE, false },
	{ MODE_HYP, MODULE, true },
	{ MODE_HYP, 0x1000, true },
};

static void
own_code(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < NELEM(whose); i++) {
		cpu->mode = (uint8_t)whose[i].mode;
		module_bytes = 0;
		cpu_at(cpu, whose[i].pc);
		assert_true(cpu->own);
		rig_module();
		cpu_at(cpu, whose[i].pc);
		assert_int_equal(cpu->own, whose[i].own);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(decoding, setup),
		cmocka_unit_test_setup(conditions, setup),
		cmocka_unit_test_setup(short_descriptors, setup),
		cmocka_unit_test_setup(short_split, setup),
		cmocka_unit_test_setup(short_types, setup),
		cmocka_unit_test_setup(short_remapped, setup),
		cmocka_unit_test_setup(long_descriptors, setup),
		cmocka_unit_test_setup(long_split, setup),
		cmocka_unit_test_setup(hyp_stage1, setup),
		cmocka_unit_test_setup(stage2_from_level_1, setup),
		cmocka_unit_test_setup(stage2_40_bits, setup),
		cmocka_unit_test_setup(stage2_concatenated, setup),
		cmocka_unit_test_setup(two_stages, setup),
		cmocka_unit_test_setup(leaf_types, setup),
		cmocka_unit_test_setup(caches_on, setup),
		cmocka_unit_test_setup(own_code, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
