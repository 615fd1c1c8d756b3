/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Code that changes while it runs: a CPU rewrites a function, by the rules, which the others
 * call all the time, and one rewrites itself and breaks the rules.
 */
#include "hostile.h"

#define MOV_R0(n) (0xe3a00000u | (n)) /* mov r0, #n */
#define BX_LR	  0xe12fff1eu

static uint32_t shared[16] __attribute__((aligned(64)));
static volatile uint32_t over, calls[CPUS];

static void
call(void *arg)
{
	uint32_t n = ((uint32_t(*)(void))(uintptr_t)shared)();

	(void)arg;
	check(n < 256);
}

static void
work(uint32_t cpu)
{
	uint32_t n = 0, own[8];

	while (over == 0) {
		switch (cpu) {
		case 0:
			shared[0] = MOV_R0(n++ & 255);
			sync_code(shared, 8);
			over = time_is_up(1500);
			break;
		case 1: /* a function on the stack, another one each time, and no maintenance */
			own[0] = MOV_R0(n++ & 255);
			own[1] = BX_LR;
			((void (*)(void))(uintptr_t)own)();
			break;
		default:
			check_eq(attempt(call, NULL), BACK);
			break;
		}
		calls[cpu]++;
	}
}

void
test_main(void)
{
	hostile_begin();
	shared[0] = MOV_R0(0);
	shared[1] = BX_LR;
	sync_code(shared, 8);
	on_all_cpus(work);
	check(calls[1] > 100 && calls[2] > 100 && calls[3] > 100);
}
