/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Every encoding of MRC, MCR, MRRC and MCRR for p14 and p15, from PL1 and from PL0.  Left
 * out is what would only end this program: writes of other values to SCTLR and VBAR.
 */
#include "hostile.h"

#define MRC(cp, opc1, crn, crm, opc2) \
	(0xee100010u | (cp) << 8 | (opc1) << 21 | (crn) << 16 | (crm) | (opc2) << 5)
#define MCR(cp, opc1, crn, crm, opc2) (MRC(cp, opc1, crn, crm, opc2) & ~0x00100000u)
#define MRRC(cp, opc1, crm)	      (0xec510000u | (cp) << 8 | (opc1) << 4 | (crm))
#define MCRR(cp, opc1, crm)	      (MRRC(cp, opc1, crm) & ~0x00100000u)
#define SVC			      0xef000000u
#define CPS_USER		      0xf1020010u

static uint32_t block[1024] __attribute__((aligned(4096)));
static uint32_t length, user;

static void
add(uint32_t insn)
{
	block[length++] = insn;
}

static void
call_block(void *arg)
{
	register uint32_t r1 __asm__("r1") = dice();
	register uint32_t r0 __asm__("r0") = 0;
	register uint32_t r2 __asm__("r2") = (uint32_t)block;

	(void)arg;
	__asm__ volatile("blx r2" : "+r"(r0) : "r"(r1), "r"(r2) : "r3", "r12", "lr", "memory");
}

static void
run_block(const char *what, uint32_t which)
{
	uint32_t how;

	add(SVC);
	sync_code(block, 4 * length);
	how = attempt(call_block, NULL);
	if (how != BY_SVC)
		fail("%s %x, PL%u: exception %u at %x", what, which, user ? 0u : 1u, how,
		    contexts[0].lr);
}

static void
begin_block(void)
{
	length = 0;
	if (user != 0)
		add(CPS_USER);
}

/* What would only end this program: SCTLR, VBAR. */
static bool
deadly(uint32_t cp, uint32_t opc1, uint32_t crn, uint32_t crm, uint32_t opc2)
{
	if (cp != 15 || opc1 != 0 || crm != 0 || user != 0)
		return false;
	return (crn == 1 && opc2 == 0) || (crn == 12 && opc2 <= 2);
}

/* Reads it, writes back what was read, writes dice. */
static void
narrow(uint32_t cp, uint32_t opc1, uint32_t crn)
{
	uint32_t crm, opc2;

	begin_block();
	for (crm = 0; crm < 16; crm++) {
		for (opc2 = 0; opc2 < 8; opc2++) {
			add(MRC(cp, opc1, crn, crm, opc2));
			if (deadly(cp, opc1, crn, crm, opc2))
				continue;
			add(MCR(cp, opc1, crn, crm, opc2));
			add(MCR(cp, opc1, crn, crm, opc2) | 1u << 12);
		}
	}
	run_block("c", cp << 16 | opc1 << 8 | crn);
}

static void
wide(uint32_t cp)
{
	uint32_t opc1, crm;

	begin_block();
	for (opc1 = 0; opc1 < 16; opc1++) {
		for (crm = 0; crm < 16; crm++) {
			add(MRRC(cp, opc1, crm) | 3u << 16); /* r0, r3 */
			add(MCRR(cp, opc1, crm) | 3u << 16);
			add(MCRR(cp, opc1, crm));
		}
	}
	run_block("wide", cp);
}

static uint32_t
undefined(void)
{
	uint32_t n;

	__asm__ volatile("cps #0x1b\n mov %0, sp\n cps #0x13" : "=r"(n));
	return n;
}

void
test_main(void)
{
	uint32_t cp, opc1, crn, n;

	hostile_skip();
	for (user = 0; user < 2; user++) {
		for (cp = 14; cp <= 15; cp++) {
			for (opc1 = 0; opc1 < 8; opc1++)
				for (crn = 0; crn < 16; crn++)
					narrow(cp, opc1, crn);
			wide(cp);
		}
	}
	mcr(0, c14, c3, 1, 0);
	mcr(0, c14, c2, 1, 0);
	n = undefined();
	uart_sane();
	print("%u undefined", n);
	check(n > 100000);
}
