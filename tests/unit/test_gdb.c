/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the debugger's server is made of: packets, where an instruction goes, stage 1 walks.  The
 * server itself: tests/system/test_gdb.py, with gdb.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arm_step.h"
#include "arm_walk.h"
#include "gdb_proto.h"
#include "gdb_where.h"

/* ---- packets ---- */

static enum gdb_in_event
feed(struct gdb_in *in, const char *bytes)
{
	enum gdb_in_event last = GDB_IN_MORE;

	for (; *bytes != '\0'; bytes++)
		last = gdb_in_byte(in, (uint8_t)*bytes);
	return last;
}

static void
test_packet_in(void **state)
{
	struct gdb_in in = { 0 };

	(void)state;
	assert_int_equal(feed(&in, "+$m0,4#fd"), GDB_IN_PACKET);
	assert_string_equal(in.data, "m0,4");
	assert_int_equal(feed(&in, "$m0,4#fe"), GDB_IN_BAD);
	assert_int_equal(feed(&in, "$m0,4#xx"), GDB_IN_BAD);
	assert_int_equal(feed(&in, "\x03"), GDB_IN_INTERRUPT);
	/* 0x7d 0x5d is an escaped 0x7d */
	assert_int_equal(feed(&in, "$X}]#32"), GDB_IN_PACKET);
	assert_string_equal(in.data, "X}");
	assert_int_equal(feed(&in, "$#00"), GDB_IN_PACKET);
	assert_int_equal(in.len, 0);
}

static void
test_packet_too_long(void **state)
{
	struct gdb_in in = { 0 };
	unsigned int sum = 0;
	char end[4];

	(void)state;
	gdb_in_byte(&in, '$');
	for (unsigned int i = 0; i < GDB_PACKET_MAX + 1; i++) {
		gdb_in_byte(&in, 'a');
		sum += 'a';
	}
	snprintf(end, sizeof(end), "#%02x", sum & 0xff);
	assert_int_equal(feed(&in, end), GDB_IN_BAD);
	assert_int_equal(feed(&in, "$m0,4#fd"), GDB_IN_PACKET);
}

static void
test_packet_out(void **state)
{
	static const uint8_t bytes[] = { '#', 'a', '}', 0 };
	struct gdb_out out;

	(void)state;
	gdb_out_begin(&out);
	gdb_out_printf(&out, "T%02x", 5);
	gdb_out_hex(&out, bytes, 2);
	gdb_out_binary(&out, bytes, sizeof(bytes));
	gdb_out_end(&out);
	assert_false(out.full);
	assert_int_equal(out.len, 1 + 3 + 4 + 6 + 3);
	assert_memory_equal(out.data,
	    "$T052361}\x03"
	    "a}]\0#",
	    15);
	gdb_out_begin(&out);
	for (unsigned int i = 0; i < GDB_PACKET_MAX; i++)
		gdb_out_text(&out, "a");
	assert_false(out.full);
	gdb_out_text(&out, "a");
	assert_true(out.full);
	gdb_out_end(&out);
	assert_int_equal(out.len, GDB_PACKET_MAX + 4);
}

static void
test_numbers(void **state)
{
	const char *p = "12aF,";
	uint8_t bytes[2];
	uint64_t val;

	(void)state;
	assert_true(gdb_hex(&p, &val));
	assert_int_equal(val, 0x12af);
	assert_int_equal(*p, ',');
	assert_false(gdb_hex(&p, &val));
	p = "12345678901234567";
	assert_false(gdb_hex(&p, &val));
	assert_true(gdb_unhex("0a1B", bytes, 2));
	assert_int_equal(bytes[1], 0x1b);
	assert_false(gdb_unhex("0a1", bytes, 2));
	assert_false(gdb_unhex("0g11", bytes, 2));
}

static void
test_where(void **state)
{
	static const char *const wrong[] = { "", "w", "0", "65536", "x", "1.2.3:4", "::1:4", ":4",
		"127.0.0.1:", "1234 ", "127.0.0.1000000000000000:1" };
	struct sockaddr_in sin;
	bool wait;

	(void)state;
	assert_true(gdb_where("1234", &wait, &sin));
	assert_false(wait);
	assert_int_equal(ntohs(sin.sin_port), 1234);
	assert_int_equal(ntohl(sin.sin_addr.s_addr), INADDR_LOOPBACK);
	assert_true(gdb_where("w10.0.0.2:5", &wait, &sin));
	assert_true(wait);
	assert_int_equal(ntohl(sin.sin_addr.s_addr), 0x0a000002);
	assert_null(gdb_check("w1"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_non_null(gdb_check(wrong[i]));
}

/* ---- steps ---- */

#define CODE  0x8000u
#define DATA  0x9000u
#define THUMB 0x20u
#define Z     0x40000000u
#define C     0x20000000u
#define N     0x80000000u

static uint32_t code[64], data[16];

static bool
load(void *arg, uint32_t va, void *buf, size_t len)
{
	(void)arg;
	if (va >= CODE && va - CODE + len <= sizeof(code))
		memcpy(buf, (uint8_t *)code + (va - CODE), len);
	else if (va >= DATA && va - DATA + len <= sizeof(data))
		memcpy(buf, (uint8_t *)data + (va - DATA), len);
	else
		return false;
	return true;
}

struct step_case {
	const char *name;
	uint32_t insn; /* Thumb: the second halfword, if there is one, above the first */
	uint32_t cpsr, to;
	bool thumb; /* there */
};

/* r0 is 0, r1 is DATA, r2 is 0x9008, r3 is 0xa001, r4 is 3, lr 0xb000, sp DATA. */
static const struct step_case arm_cases[] = {
	{ "mov r0, r1", 0xe1a00001, 0, CODE + 4, false },
	{ "b +0x10", 0xea000002, 0, CODE + 0x10, false },
	{ "b .", 0xeafffffe, 0, CODE, false },
	{ "bl +0x10", 0xeb000002, 0, CODE + 0x10, false },
	{ "beq, taken", 0x0a000002, Z, CODE + 0x10, false },
	{ "beq, not taken", 0x0a000002, 0, CODE + 4, false },
	{ "bhi, taken", 0x8a000002, C, CODE + 0x10, false },
	{ "bhi, not taken", 0x8a000002, C | Z, CODE + 4, false },
	{ "blt, taken", 0xba000002, N, CODE + 0x10, false },
	{ "blx +0x12", 0xfb000002, 0, CODE + 0x12, true },
	{ "bx r3", 0xe12fff13, 0, 0xa000, true },
	{ "blx r1", 0xe12fff31, 0, DATA, false },
	{ "mov pc, lr", 0xe1a0f00e, 0, 0xb000, false },
	{ "add pc, pc, r4, lsl #2", 0xe08ff104, 0, CODE + 8 + 12, false },
	{ "sub pc, pc, #8", 0xe24ff008, 0, CODE, false },
	{ "subs pc, lr, #4, to Thumb", 0xe25ef004, 0, 0xaffc, true },
	{ "ldr pc, [r1]", 0xe591f000, 0, 0xc000, true },
	{ "ldr pc, [r1, #4]", 0xe591f004, 0, 0xd000, false },
	{ "ldr pc, [r2, #-4]", 0xe512f004, 0, 0xd000, false },
	{ "ldr pc, [r1], #4", 0xe491f004, 0, 0xc000, true },
	{ "ldr pc, [r1, r0]", 0xe791f000, 0, 0xc000, true },
	{ "pop {r0, pc}", 0xe8bd8001, 0, 0xd000, false },
	{ "ldmib r1, {pc}", 0xe9918000, 0, 0xd000, false },
	{ "ldmdb r2, {r0, pc}", 0xe9128001, 0, 0xd000, false },
	{ "ldmda r2, {pc}", 0xe8128000, 0, 0xe000, false },
	{ "ldm r1, {r0, pc}^, to Thumb", 0xe8d18001, 0, 0xd000, true },
	{ "rfeia r1", 0xf8910a00, 0, 0xc000, false },
	{ "svc 0", 0xef000000, 0, 0xffff0008, false },
	{ "mcr with r15 as a field", 0xee01f110, 0, CODE + 4, false },
	{ "strne pc is no branch", 0x1581f000, 0, CODE + 4, false },
	{ "teq", 0xe1300000, 0, CODE + 4, false },
	{ "movw r15-like", 0xe3000000, 0, CODE + 4, false },
};

static const struct step_case thumb_cases[] = {
	{ "nop", 0xbf00, 0, CODE + 2, true },
	{ "mov.w r0, r0", 0x0000ea4f, 0, CODE + 4, true },
	{ "b +0x10", 0xe006, 0, CODE + 0x10, true },
	{ "beq, taken", 0xd006, Z, CODE + 0x10, true },
	{ "beq, not taken", 0xd006, 0, CODE + 2, true },
	{ "bne backwards", 0xd1fe, 0, CODE, true },
	{ "cbz r0", 0xb130, 0, CODE + 0x10, true },
	{ "cbnz r0", 0xb930, 0, CODE + 2, true },
	{ "bx r3", 0x4718, 0, 0xa000, true },
	{ "bx r1", 0x4708, 0, DATA, false },
	{ "mov pc, r3", 0x469f, 0, 0xa000, true },
	{ "add pc, r4", 0x44a7, 0, CODE + 6, true },
	{ "pop {pc}", 0xbd00, 0, 0xc000, true },
	{ "pop {r0, pc}", 0xbd01, 0, 0xd000, false },
	{ "b.w +0x104", 0xb880f000, 0, CODE + 0x104, true },
	{ "bl +0x104", 0xf880f000, 0, CODE + 0x104, true },
	{ "blx +0x104", 0xe880f000, 0, CODE + 0x104, false },
	{ "beq.w +0x104, taken", 0x8080f000, Z, CODE + 0x104, true },
	{ "beq.w, not taken", 0x8080f000, 0, CODE + 4, true },
	{ "ldr.w pc, [r1, #4]", 0xf004f8d1, 0, 0xd000, false },
	{ "ldr.w pc, [r1, #256], unreadable", 0xf100f8d1, 0, 0, true },
	{ "tbb [r1, r0]", 0xf000e8d1, 0, CODE + 4 + 2, true },
	{ "ldmia.w r1!, {r0, pc}", 0x8001e8b1, 0, 0xd000, false },
	{ "subs pc, lr, #4", 0x8f04f3de, 0, 0xaffc, true },
	{ "svc", 0xdf00, 0, 0xffff0008, false },
	{ "b in an IT block that fails", 0xe006, Z | 0x1800u | 0x0400u, CODE + 2, true },
	{ "dsb is no branch", 0x8f4ff3bf, 0, CODE + 4, true },
};

static void
set_up(struct arm_step *s, uint32_t insn, uint32_t cpsr)
{
	memset(code, 0, sizeof(code));
	code[0] = insn;
	data[0] = 0xc001;
	data[1] = 0xd000;
	data[2] = 0xe000;
	*s = (struct arm_step){
		.cpsr = cpsr | 0x13, .spsr = THUMB | 0x10, .vectors = 0xffff0000, .load = load
	};
	s->r[1] = DATA;
	s->r[2] = DATA + 8;
	s->r[3] = 0xa001;
	s->r[4] = 3;
	s->r[13] = DATA;
	s->r[14] = 0xb000;
	s->r[15] = CODE;
}

static void
check(const struct step_case *c, uint32_t cpsr)
{
	struct arm_target t[ARM_STEP_MAX];
	struct arm_step s;
	unsigned int n;

	set_up(&s, c->insn, c->cpsr | cpsr);
	n = arm_step_targets(&s, t);
	if (c->to == 0 ? n != 0 : n != 1 || t[0].va != c->to || t[0].thumb != c->thumb)
		fail_msg("%s: %u targets, %x%s", c->name, n, n > 0 ? t[0].va : 0,
		    n > 0 && t[0].thumb ? " Thumb" : "");
}

static void
test_step_arm(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(arm_cases) / sizeof(arm_cases[0]); i++)
		check(&arm_cases[i], 0);
}

static void
test_step_thumb(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(thumb_cases) / sizeof(thumb_cases[0]); i++)
		check(&thumb_cases[i], THUMB);
}

/* 1: ldrex; cmp; bne out; strex; teq; bne 1b */
static void
test_step_exclusive(void **state)
{
	struct arm_target t[ARM_STEP_MAX];
	struct arm_step s;

	(void)state;
	set_up(&s, 0xe1910f9f, 0);
	code[1] = 0xe3500000;
	code[2] = 0x1a000010;
	code[3] = 0xe1810f92;
	code[4] = 0xe3300000;
	assert_int_equal(arm_step_targets(&s, t), 2);
	assert_int_equal(t[0].va, CODE + 16);
	assert_int_equal(t[1].va, CODE + 8 + 8 + 0x40);
	/* without a STREX it is an instruction like others */
	set_up(&s, 0xe1910f9f, 0);
	memset(&code[1], 0, sizeof(code) - 4);
	assert_int_equal(arm_step_targets(&s, t), 1);
	assert_int_equal(t[0].va, CODE + 4);
	s.r[15] = 0;
	assert_int_equal(arm_step_targets(&s, t), 0);
}

/* ---- walks ---- */

#define RAM 0x40000000ull
static _Alignas(0x4000) uint8_t ram[0x10000];
static const struct guest_mem mem = { ram, RAM, sizeof(ram) };

static void
poke32(uint32_t off, uint32_t val)
{
	memcpy(ram + off, &val, sizeof(val));
}

static void
poke64(uint32_t off, uint64_t val)
{
	memcpy(ram + off, &val, sizeof(val));
}

static void
walks(const struct arm_mmu *m, uint32_t va, uint64_t ipa, uint32_t left)
{
	uint32_t got_left;
	uint64_t got;

	assert_true(arm_walk(&mem, m, va, &got, &got_left));
	assert_int_equal(got, ipa);
	assert_int_equal(got_left, left);
}

static void
faults(const struct arm_mmu *m, uint32_t va)
{
	uint32_t left;
	uint64_t ipa;

	assert_false(arm_walk(&mem, m, va, &ipa, &left));
}

static void
test_walk_off(void **state)
{
	const struct arm_mmu m = { 0 };

	(void)state;
	walks(&m, 0x40001004, 0x40001004, 0xffc);
}

static void
test_walk_short(void **state)
{
	struct arm_mmu m = { 1, 0, RAM, 0 };

	(void)state;
	memset(ram, 0, sizeof(ram));
	poke32(0xc01 * 4, 0x45600c02);	       /* 0xc01.....: section */
	poke32(0x800 * 4, 0x40008001);	       /* second level at RAM + 0x8000 */
	poke32(0x8000 + 4 * 0x10, 0x41234002); /* small page */
	poke32(0x8000 + 4 * 0x20, 0x41230001); /* large page */
	poke32(0x900 * 4, 0x80000001);	       /* second level that is not RAM */
	walks(&m, 0xc0123456, 0x45600000 | 0x23456, 0x100000 - 0x23456);
	faults(&m, 0x12345678);
	walks(&m, 0x80010123, 0x41234123, 0x1000 - 0x123);
	walks(&m, 0x80020123, 0x41230123, 0x10000 - 0x123);
	faults(&m, 0x80030000);
	faults(&m, 0x90000000);
	/* N = 1: what is above 2 GiB is TTBR1's */
	m.ttbcr = 1;
	m.ttbr0 = RAM + 0x8000;
	m.ttbr1 = RAM;
	walks(&m, 0xc0123456, 0x45600000 | 0x23456, 0x100000 - 0x23456);
	faults(&m, 0x40123456);
}

static void
test_walk_supersection(void **state)
{
	const struct arm_mmu m = { 1, 0, RAM, 0 };

	(void)state;
	memset(ram, 0, sizeof(ram));
	poke32(0x501 * 4, 0x33000002u | 1u << 18 | 2u << 20 | 1u << 5);
	walks(&m, 0x50123456, 0x1233123456ull, 0x1000000 - 0x123456);
}

static void
test_walk_long(void **state)
{
	struct arm_mmu m = { 1, 1u << 31, RAM, 0 };

	(void)state;
	memset(ram, 0, sizeof(ram));
	poke64(0, (RAM + 0x1000) | 3);
	poke64(8, 0x140000001ull); /* block of 1 GiB */
	poke64(0x1000 + 8, (RAM + 0x2000) | 3);
	poke64(0x1000 + 16, 0x50200001); /* 2 MiB */
	poke64(0x2000 + 8 * 5, 0x612345003);
	poke64(0x2000 + 8 * 6, 0x612345001); /* reserved at level 3 */
	walks(&m, 0x00205678, 0x612345678, 0x1000 - 0x678);
	faults(&m, 0x00206000);
	walks(&m, 0x00412345, 0x50212345, 0x200000 - 0x12345);
	walks(&m, 0x40000123, 0x140000123, 0x40000000 - 0x123);
	faults(&m, 0x80000000);
	/* T0SZ 2: 1 GiB, so that the walk begins at level 2; T1SZ 1 the upper half */
	m.ttbcr |= 2 | 1u << 16;
	m.ttbr0 = RAM + 0x1000;
	m.ttbr1 = RAM + 0x3000;
	poke64(0x3000 + 8, 0x240000001ull);
	walks(&m, 0x00412345, 0x50212345, 0x200000 - 0x12345);
	faults(&m, 0x40000000);
	walks(&m, 0xc0000001, 0x240000001, 0x3fffffff);
	faults(&m, 0x80000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packet_in),
		cmocka_unit_test(test_packet_too_long),
		cmocka_unit_test(test_packet_out),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_where),
		cmocka_unit_test(test_step_arm),
		cmocka_unit_test(test_step_thumb),
		cmocka_unit_test(test_step_exclusive),
		cmocka_unit_test(test_walk_off),
		cmocka_unit_test(test_walk_short),
		cmocka_unit_test(test_walk_supersection),
		cmocka_unit_test(test_walk_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
