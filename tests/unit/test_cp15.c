/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The table of system registers: its order, what it answers, and that docs/sysregs.md says
 * the same.  `test_cp15 --print` prints that document.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <psr.h>

#include "arm_mock.h"

static struct vm_exit vme;

static int
setup(void **state)
{
	(void)state;
	mock_setup();
	mock_hv(0)->regs.pc = 0x40008000;
	return 0;
}

/* ---- the document ---- */

static void
print_encoding(FILE *f, uint32_t key)
{
	unsigned int crn = key >> 11 & 15, opc1 = key >> 7 & 15, crm = key >> 3 & 15;

	switch (key >> 15) {
	case SYSREG_CP15_64:
		fprintf(f, "p15, %u, c%u (64 bits)", opc1, crm);
		break;
	case SYSREG_CP14_64:
		fprintf(f, "p14, %u, c%u (64 bits)", opc1, crm);
		break;
	case SYSREG_CP10:
		fprintf(f, "VMRS %u", crn);
		break;
	default:
		fprintf(f, "p%u, %u, c%u, c%u, %u", key >> 15 == SYSREG_CP14 ? 14u : 15u, opc1, crn,
		    crm, key & 7);
		break;
	}
}

static void
print_document(FILE *f)
{
	unsigned int i;

	fputs(
	    "# System registers: what a guest gets\n\n"
	    "Printed from the table in `sys/armv7/cp15.c` by `test_cp15 --print`; "
	    "the unit test holds the\n"
	    "two together. Sections are those of the ARM ARM for ARMv7-A and ARMv7-R "
	    "(DDI 0406C), where\n"
	    "B4.1 lists the registers by name, B8 has the generic timer.\n\n"
	    "An encoding that is in neither table is UNDEFINED for the guest and counted as\n"
	    "`cp15_unknown`; nothing is logged. User mode gets UNDEFINED but where the table says\n"
	    "otherwise.\n\n"
	    "Encodings: coprocessor, opc1, CRn, CRm, opc2.\n\n"
	    "| Register | Encoding | The guest gets | Section |\n|---|---|---|---|\n",
	    f);
	for (i = 0; i < sysreg_table_len; i++) {
		fprintf(f, "| %s | ", sysreg_table[i].name);
		print_encoding(f, sysreg_table[i].key);
		fprintf(f, " | %s%s | %s |\n", sysreg_table[i].gets,
		    (sysreg_table[i].flags & SYSREG_RO) != 0 ? "; writes are UNDEFINED" : "",
		    sysreg_table[i].section);
	}
	fputs("\nRegions, where no row above fits:\n\n| Registers | The guest gets | Section |\n"
	      "|---|---|---|\n",
	    f);
	for (i = 0; i < sysreg_regions_len; i++)
		fprintf(f, "| %s | %s%s | %s |\n", sysreg_regions[i].name, sysreg_regions[i].gets,
		    (sysreg_regions[i].flags & SYSREG_RO) != 0 ? "; writes are UNDEFINED" : "",
		    sysreg_regions[i].section);
}

static void
test_document(void **state)
{
	char path[512], *want, *have;
	size_t want_len, have_len = 0;
	const char *slash = strrchr(__FILE__, '/');
	FILE *f = open_memstream(&want, &want_len);

	(void)state;
	print_document(f);
	fclose(f);
	snprintf(path, sizeof(path), "%.*s/../../docs/sysregs.md",
	    slash != NULL ? (int)(slash - __FILE__) : 1, slash != NULL ? __FILE__ : ".");
	have = calloc(1, want_len + 2);
	f = fopen(path, "r");
	if (f == NULL) {
		free(want);
		free(have);
		print_message("%s is out of reach from here\n", path);
		skip();
	}
	have_len = fread(have, 1, want_len + 1, f);
	fclose(f);
	have[have_len] = 0;
	assert_string_equal(have, want);
	free(want);
	free(have);
}

/* ---- the tables ---- */

static void
test_table_order(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < sysreg_table_len; i++) {
		const struct sysreg_desc *d = &sysreg_table[i];

		assert_true(i == 0 || sysreg_table[i - 1].key < d->key);
		assert_int_equal(d->mask, SYSREG_KEY_EXACT);
		assert_non_null(d->fn);
		assert_true(d->name[0] != 0 && d->gets[0] != 0 && d->section[0] != 0);
		assert_true((d->flags & SYSREG_RO) == 0 || (d->flags & SYSREG_WO) == 0);
		assert_ptr_equal(sysreg_find(d->key), d);
	}
}

static void
test_regions_overlap(void **state)
{
	unsigned int i, j;

	(void)state;
	for (i = 0; i < sysreg_regions_len; i++) {
		const struct sysreg_desc *a = &sysreg_regions[i];

		assert_int_equal(a->key & ~a->mask, 0);
		assert_non_null(a->fn);
		for (j = i + 1; j < sysreg_regions_len; j++) {
			const struct sysreg_desc *b = &sysreg_regions[j];

			assert_int_not_equal((a->key ^ b->key) & a->mask & b->mask, 0);
		}
	}
}

/* ---- accesses ---- */

static void
trap(uint32_t hsr)
{
	struct hyp_vcpu *v = mock_hv(0);

	v->trap.esr = hsr;
	v->regs.pc = 0x40008000;
	assert_int_equal(sysreg_trap(&mock.vcpu[0], &vme), EXIT_RESUME);
}

static uint32_t
mrc(unsigned int crn, unsigned int opc1, unsigned int crm, unsigned int opc2)
{
	mock_hv(0)->regs.r[3] = 0xdeadbeef;
	trap(hsr_cp15(crn, opc1, crm, opc2, 3, true));
	assert_int_equal(mock_hv(0)->regs.pc, 0x40008004);
	return mock_hv(0)->regs.r[3];
}

static void
mcr(unsigned int crn, unsigned int opc1, unsigned int crm, unsigned int opc2, uint32_t val)
{
	mock_hv(0)->regs.r[3] = val;
	trap(hsr_cp15(crn, opc1, crm, opc2, 3, false));
	assert_int_equal(mock_hv(0)->regs.pc, 0x40008004);
}

/* The trap ends at the guest's Undefined vector, and r3 keeps. */
static void
expect_undef(uint32_t hsr)
{
	struct hyp_vcpu *v = mock_hv(0);
	uint32_t cpsr = v->regs.cpsr;

	v->regs.r[3] = 0x12345678;
	trap(hsr);
	assert_int_equal(v->regs.pc, 4);
	assert_int_equal(v->regs.cpsr & CPSR_MODE_MASK, CPSR_MODE_UND);
	assert_int_equal(v->regs.und.lr, 0x40008004);
	assert_int_equal(v->regs.r[3], 0x12345678);
	v->regs.cpsr = cpsr;
}

static uint64_t
stat(enum vmm_stat s)
{
	return mock.vcpu[0].stats[s];
}

static void
test_id_registers(void **state)
{
	(void)state;
	assert_int_equal(mrc(0, 0, 1, 0), 0x00000131); /* no ThumbEE */
	assert_int_equal(mrc(0, 0, 1, 1), 0x00010001); /* no Security, no Virtualization */
	assert_int_equal(mrc(0, 0, 1, 2), 0);
	assert_int_equal(mrc(0, 0, 1, 3), 0);
	assert_int_equal(mrc(0, 0, 1, 4), 0x10201105);
	assert_int_equal(mrc(0, 0, 1, 7), 0x02102211);
	assert_int_equal(mrc(0, 0, 2, 0), 0x02101110);
	assert_int_equal(mrc(0, 0, 2, 4), 0x10010142);
	assert_int_equal(mrc(0, 0, 2, 5), 7);
	assert_int_equal(mrc(0, 0, 2, 6), 0);
	assert_int_equal(mrc(0, 0, 7, 7), 0);
	assert_int_equal(stat(VMM_STAT_CP15_UNKNOWN), 0);
	expect_undef(hsr_cp15(0, 0, 1, 0, 3, false));
}

static void
test_user_mode(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);
	uint32_t cpsr = v->regs.cpsr;

	(void)state;
	v->regs.cpsr = CPSR_MODE_USR;
	expect_undef(hsr_cp15(0, 0, 1, 0, 3, true));
	expect_undef(hsr_cp15(1, 0, 0, 0, 3, false));
	expect_undef(hsr_cp15(7, 0, 14, 2, 3, false));
	expect_undef(hsr_cp15(9, 0, 12, 0, 3, true));
	expect_undef(hsr_cp15(9, 0, 14, 0, 3, false)); /* PMUSERENR: PL0 reads only */
	assert_int_equal(mrc(9, 0, 14, 0), 0);
	mock.cntp_val = 77;
	assert_int_equal(mrc(14, 0, 2, 0), 77);
	v->regs.cpsr = cpsr;
}

static void
test_fast_agrees(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);
	uint32_t crm, opc2, slow;

	(void)state;
	for (crm = 1; crm < 8; crm++) {
		for (opc2 = 0; opc2 < 8; opc2++) {
			slow = mrc(0, 0, crm, opc2);
			v->regs.r[3] = ~slow;
			v->trap.esr = hsr_cp15(0, 0, crm, opc2, 3, true);
			assert_true(sysreg_fast(v));
			assert_int_equal(v->regs.r[3], slow);
		}
	}
}

static void
test_fast_refuses(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);
	struct arch_gpregs before;
	unsigned int i;
	const uint32_t hsrs[] = { hsr_cp15(0, 0, 1, 0, 3, false), hsr_cp15(0, 0, 8, 0, 3, true),
		hsr_cp15(1, 0, 0, 0, 3, true), hsr_cp15(0, 1, 1, 0, 3, true),
		hsr_cp15(0, 0, 1, 0, 13, true), hsr_cp15(0, 0, 1, 0, 14, true),
		hsr_cp15(0, 0, 1, 0, 15, true), hsr_cp15_64(0, 0, 1, 2, true) };

	(void)state;
	for (i = 0; i < NELEM(hsrs); i++) {
		v->trap.esr = hsrs[i];
		before = v->regs;
		assert_false(sysreg_fast(v));
		assert_memory_equal(&before, &v->regs, sizeof(before));
	}
	v->trap.esr = hsr_cp15(0, 0, 1, 0, 8, true);
	v->regs.cpsr = CPSR_MODE_USR;
	assert_false(sysreg_fast(v));
	v->regs.cpsr = CPSR_MODE_FIQ; /* r8 is FIQ's own */
	assert_false(sysreg_fast(v));
	v->regs.cpsr = CPSR_MODE_IRQ;
	assert_true(sysreg_fast(v));
}

/* CNTP's registers, each way, as the table has them; and what becomes of a refusal. */
static void
test_fast_cntp(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);
	uint32_t i, hsr;

	(void)state;
	for (i = 0; i < 2; i++) {
		hsr = hsr_cp15(14, 0, 2, i, 3, false);
		v->regs.r[3] = 0x80000001 + i;
		v->trap.esr = hsr;
		assert_true(sysreg_fast(v));
		assert_int_equal(mock.cntp_reg, i == 0 ? CNTP_TVAL : CNTP_CTL);
		assert_true(mock.cntp_val == 0x80000001 + i);
		mock.cntp_val = 5 + i;
		v->trap.esr = hsr | ESR_CP_READ;
		assert_true(sysreg_fast(v));
		assert_int_equal(v->regs.r[3], 5 + i);
	}
	v->regs.r[1] = 0x89abcdef;
	v->regs.r[2] = 0x01234567;
	v->trap.esr = hsr_cp15_64(2, 14, 1, 2, false);
	assert_true(sysreg_fast(v));
	assert_int_equal(mock.cntp_reg, CNTP_CVAL);
	assert_true(mock.cntp_val == 0x0123456789abcdefull);
	mock.cntp_val = 0x5500000066ull;
	v->trap.esr |= ESR_CP_READ;
	assert_true(sysreg_fast(v));
	assert_int_equal(v->regs.r[1], 0x66);
	assert_int_equal(v->regs.r[2], 0x55);
}

static void
test_fast_cntp_refuses(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);
	struct arch_gpregs before;
	unsigned int i, writes = mock.cntp_writes;
	const uint32_t hsrs[] = { hsr_cp15(14, 0, 2, 2, 3, false), hsr_cp15(14, 0, 1, 0, 3, true),
		hsr_cp15(14, 0, 3, 1, 3, false), hsr_cp15(14, 1, 2, 1, 3, false),
		hsr_cp15(14, 0, 2, 1, 13, false), hsr_cp15_64(0, 14, 1, 2, true),
		hsr_cp15_64(3, 14, 1, 2, false), hsr_cp15_64(2, 14, 1, 13, false),
		hsr_cp15_64(2, 14, 14, 2, false) };

	(void)state;
	for (i = 0; i <= NELEM(hsrs); i++) {
		mock.cntp_to_host = i == NELEM(hsrs);
		v->trap.esr = mock.cntp_to_host ? hsr_cp15(14, 0, 2, 1, 3, true) : hsrs[i];
		before = v->regs;
		assert_false(sysreg_fast(v));
		assert_memory_equal(&before, &v->regs, sizeof(before));
		assert_int_equal(mock.cntp_writes, writes);
	}
	mock.cntp_to_host = false;
	v->regs.cpsr = CPSR_MODE_USR; /* CNTKCTL decides: the host's work */
	v->trap.esr = hsr_cp15(14, 0, 2, 1, 3, true);
	assert_false(sysreg_fast(v));
	v->regs.cpsr = CPSR_MODE_FIQ;
	v->trap.esr = hsr_cp15_64(2, 14, 1, 8, true);
	assert_false(sysreg_fast(v));
}

static void
test_vfp_id(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);
	uint32_t hsr = ESR_EC_CP10_ID << ESR_EC_SHIFT | ESR_AL | FIELD_TO(ESR_CP_OPC1_MASK, 7u) |
	    FIELD_TO(ESR_CP_CRN_MASK, 7u) | FIELD_TO(ESR_CP_RT_MASK, 3u) | ESR_CP_READ;

	(void)state;
	trap(hsr);
	assert_int_equal(v->regs.r[3], 0x10110222);
	assert_int_equal(v->regs.pc, 0x40008004);
	v->regs.r[3] = 0;
	assert_true(sysreg_fast(v));
	assert_int_equal(v->regs.r[3], 0x10110222);
	expect_undef((hsr & ~ESR_CP_CRN_MASK) | FIELD_TO(ESR_CP_CRN_MASK, 9u));
}

/* SCTLR.C going on and off flushes; TVM goes when caches are on. */
static void
test_cache_switch(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);

	(void)state;
	assert_true((v->hcr & HCR_TVM) != 0);
	mcr(1, 0, 0, 0, SCTLR_RESET | SCTLR_M);
	assert_int_equal(mock.flushes, 0);
	assert_true((v->hcr & HCR_TVM) != 0);
	mcr(1, 0, 0, 0, SCTLR_RESET | SCTLR_M | SCTLR_C);
	assert_int_equal(v->sys.sctlr, SCTLR_RESET | SCTLR_M | SCTLR_C);
	assert_int_equal(mock.flushes, 1);
	assert_true((v->hcr & HCR_TVM) == 0);
	/* caches are on, the guest prepares to turn them off */
	mcr(7, 0, 14, 2, 0);
	assert_int_equal(mock.flushes, 2);
	assert_true((v->hcr & HCR_TVM) != 0);
	mcr(7, 0, 14, 2, 0x20);
	mcr(7, 0, 10, 2, 0x40);
	mcr(7, 0, 6, 2, 0x40);
	assert_int_equal(mock.flushes, 2);
	mcr(1, 0, 0, 0, SCTLR_RESET);
	assert_int_equal(mock.flushes, 3);
	assert_true((v->hcr & HCR_TVM) != 0);
	assert_int_equal(stat(VMM_STAT_SETWAY), 3);
	expect_undef(hsr_cp15(7, 0, 14, 2, 3, true));
}

static void
test_vm_registers(void **state)
{
	struct arch_sysregs *s = &mock_hv(0)->sys;

	(void)state;
	mcr(2, 0, 0, 2, 0x80000000);
	assert_int_equal(s->ttbcr, 0x80000000);
	mcr(3, 0, 0, 0, 0x55555555);
	assert_int_equal(s->dacr, 0x55555555);
	mcr(5, 0, 0, 0, 1);
	mcr(5, 0, 0, 1, 2);
	mcr(5, 0, 1, 0, 3);
	mcr(5, 0, 1, 1, 4);
	mcr(6, 0, 0, 0, 5);
	mcr(6, 0, 0, 2, 6);
	assert_int_equal(s->dfsr, 1);
	assert_int_equal(s->ifsr, 2);
	assert_int_equal(s->adfsr, 3);
	assert_int_equal(s->aifsr, 4);
	assert_int_equal(s->dfar, 5);
	assert_int_equal(s->ifar, 6);
	mcr(10, 0, 2, 0, 7);
	mcr(10, 0, 2, 1, 8);
	mcr(10, 0, 3, 0, 9);
	mcr(10, 0, 3, 1, 10);
	assert_int_equal(s->prrr, 7);
	assert_int_equal(s->nmrr, 8);
	assert_int_equal(s->amair0, 9);
	assert_int_equal(s->amair1, 10);
	mcr(13, 0, 0, 1, 11);
	assert_int_equal(s->contextidr, 11);
	assert_int_equal(mrc(13, 0, 0, 1), 11);
	mcr(1, 0, 0, 1, 0xffffffff);
	assert_int_equal(s->actlr, 0x41);
	assert_int_equal(mrc(1, 0, 0, 1), 0x41);
}

static void
test_ttbr(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);

	(void)state;
	v->regs.r[4] = 0x40004000;
	v->regs.r[5] = 0x00aa0001;
	trap(hsr_cp15_64(0, 2, 4, 5, false));
	assert_true(v->sys.ttbr0 == 0x00aa000140004000ull);
	mcr(2, 0, 0, 0, 0x50000000);
	assert_true(v->sys.ttbr0 == 0x00aa000150000000ull);
	trap(hsr_cp15_64(1, 2, 4, 5, false));
	assert_true(v->sys.ttbr1 == 0x00aa000140004000ull);
	trap(hsr_cp15_64(0, 2, 6, 7, true));
	assert_int_equal(v->regs.r[6], 0x50000000);
	assert_int_equal(v->regs.r[7], 0x00aa0001);
	assert_int_equal(mrc(2, 0, 0, 1), 0x40004000);
}

static void
test_l2ctlr(void **state)
{
	(void)state;
	assert_int_equal(mrc(9, 1, 0, 2), 0x03000082); /* four vCPUs */
	mock.vm.active = 1;
	assert_int_equal(mrc(9, 1, 0, 2), 0x00000082);
	mock.vm.active = 0xff;
	assert_int_equal(mrc(9, 1, 0, 2), 0x03000082);
	mcr(9, 1, 0, 2, 0xffffffff);
	assert_int_equal(mrc(9, 1, 0, 3), 0);
}

static void
test_timer(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);

	(void)state;
	mcr(14, 0, 2, 1, 1);
	assert_int_equal(mock.cntp_reg, CNTP_CTL);
	assert_int_equal(mock.cntp_val, 1);
	mcr(14, 0, 2, 0, 0xfffffff0);
	assert_int_equal(mock.cntp_reg, CNTP_TVAL);
	v->regs.r[1] = 0x89abcdef;
	v->regs.r[2] = 0x01234567;
	trap(hsr_cp15_64(2, 14, 1, 2, false));
	assert_int_equal(mock.cntp_reg, CNTP_CVAL);
	assert_true(mock.cntp_val == 0x0123456789abcdefull);
	mock.cntpct = 0x5500000066ull;
	trap(hsr_cp15_64(0, 14, 1, 2, true));
	assert_int_equal(v->regs.r[1], 0x66);
	assert_int_equal(v->regs.r[2], 0x55);
	expect_undef(hsr_cp15_64(0, 14, 3, 4, false));
}

static void
test_pmu_and_debug(void **state)
{
	uint32_t cp14 = (hsr_cp15(0, 0, 0, 0, 3, true) & ~MASK32(31, 26)) |
	    ESR_EC_CP14_32 << ESR_EC_SHIFT;
	struct hyp_vcpu *v = mock_hv(0);

	(void)state;
	assert_int_equal(mrc(9, 0, 12, 0), 0);
	mcr(9, 0, 12, 0, 0xffffffff);
	assert_int_equal(mrc(9, 0, 13, 2), 0);
	trap(cp14); /* DBGDIDR */
	assert_int_equal(v->regs.r[3], 0);
	assert_int_equal(v->regs.pc, 0x40008004);
	trap(
	    (cp14 & ~ESR_CP_READ) | FIELD_TO(ESR_CP_OPC2_MASK, 4u) | FIELD_TO(ESR_CP_CRN_MASK, 1u));
	assert_int_equal(v->regs.pc, 0x40008004);	     /* DBGOSLAR */
	expect_undef(cp14 | FIELD_TO(ESR_CP_OPC1_MASK, 1u)); /* trace */
	/* MRC p14, 0, APSR_nzcv, c0, c1, 0: the flags of DBGDSCRint, none set */
	v->regs.cpsr |= CPSR_N | CPSR_Z;
	trap((cp14 & ~ESR_CP_RT_MASK) | FIELD_TO(ESR_CP_RT_MASK, 15u) |
	    FIELD_TO(ESR_CP_CRM_MASK, 1u));
	assert_int_equal(v->regs.cpsr & MASK32(31, 28), 0);
	assert_int_equal(v->regs.pc, 0x40008004);
}

/* TEECR: the first access unlocks it and is done again; it may still trap, or be reset .. */
static void
test_thumbee(void **state)
{
	uint32_t teecr = ESR_EC_CP14_32 << ESR_EC_SHIFT | ESR_AL | FIELD_TO(ESR_CP_OPC1_MASK, 6u) |
	    FIELD_TO(ESR_CP_RT_MASK, 3u) | ESR_CP_READ;
	struct hyp_vcpu *v = mock_hv(0);

	(void)state;
	assert_true((v->hstr & HSTR_TTEE) != 0);
	trap(teecr);
	assert_int_equal(v->regs.pc, 0x40008000);
	assert_true((v->hstr & HSTR_TTEE) == 0);
	expect_undef(teecr);
	sysreg_vcpu_reset(&mock.vcpu[0]);
	assert_true((v->hstr & HSTR_TTEE) != 0);
}

static void
test_unknown(void **state)
{
	(void)state;
	expect_undef(hsr_cp15(4, 0, 0, 0, 3, true));
	assert_int_equal(stat(VMM_STAT_CP15_UNKNOWN), 1);
	expect_undef(hsr_cp15_64(9, 9, 3, 4, true));
	assert_int_equal(stat(VMM_STAT_CP15_UNKNOWN), 2);
	expect_undef(hsr_cp15(11, 0, 2, 0, 3, true)); /* DMA of an ARM1176 */
	assert_int_equal(stat(VMM_STAT_CP15_UNKNOWN), 3);
	assert_int_equal(stat(VMM_STAT_UNDEF_INJECTED), 3);
	/* c15 is full of errata bits */
	assert_int_equal(mrc(15, 0, 0, 1), 0);
	mcr(15, 0, 0, 1, 0xffffffff);
	expect_undef(hsr_cp15(15, 4, 0, 0, 3, false));
}

/* A conditional register of the banked kind: SP_svc as a source. */
static void
test_banked_source(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);

	(void)state;
	v->regs.cpsr = CPSR_MODE_SVC;
	v->regs.svc.sp = 0x1234;
	trap(hsr_cp15(3, 0, 0, 0, 13, false));
	assert_int_equal(v->sys.dacr, 0x1234);
	trap(hsr_cp15(3, 0, 0, 0, 15, false));
	assert_int_equal(v->sys.dacr, 0);
}

static void
test_reset(void **state)
{
	struct hyp_vcpu *v = mock_hv(2);

	(void)state;
	memset(&v->sys, 0xff, sizeof(v->sys));
	sysreg_vcpu_reset(&mock.vcpu[2]);
	assert_int_equal(v->sys.sctlr, 0x00c50078);
	assert_int_equal(v->sys.ttbcr, 0);
	assert_int_equal(v->sys.cpacr, 0);
	assert_int_equal(v->sys.vbar, 0);
	assert_int_equal(v->mpidr, 0x80000002);
	assert_int_equal(v->midr, 0x412fc0f1);
	assert_int_equal(v->hcptr & 0x3fff, 0x3fff);
	assert_int_equal(v->hcr & (HCR_VA | HCR_VI | HCR_VF), 0);
	assert_true((v->hcr & (HCR_VM | HCR_IMO | HCR_FMO | HCR_AMO | HCR_TVM | HCR_TSW)) ==
	    (HCR_VM | HCR_IMO | HCR_FMO | HCR_AMO | HCR_TVM | HCR_TSW));
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_table_order),
		cmocka_unit_test(test_regions_overlap),
		cmocka_unit_test_setup_teardown(test_id_registers, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_user_mode, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_fast_agrees, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_fast_refuses, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_fast_cntp, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_fast_cntp_refuses, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_vfp_id, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_cache_switch, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_vm_registers, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_ttbr, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_l2ctlr, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_timer, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_pmu_and_debug, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_thumbee, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_unknown, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_banked_source, setup, mock_test_teardown),
		cmocka_unit_test_setup_teardown(test_reset, setup, mock_test_teardown),
	};

	if (argc == 2 && strcmp(argv[1], "--print") == 0) {
		print_document(stdout);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
