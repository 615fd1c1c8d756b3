/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * One made-up exit, thrown at the exit table and at HYP's fast path, with all that must hold
 * whatever the syndrome says.  For test_exit.c and tests/fuzz/fuzz_exit.c.
 */
#ifndef TESTS_EXIT_CASE_H
#define TESTS_EXIT_CASE_H

#include <stdint.h>

struct exit_case {
	uint32_t hsr, hdfar, hpfar, cpsr, pc;
	uint32_t r[13];
	uint8_t exit;	 /* enum hyp_exit, or anything */
	uint8_t fast;	 /* 1: hyp_fast_trap, else exit_handle */
	uint8_t verdict; /* of the scripted vGIC */
	uint8_t pending;
};

/* Ends in abort() if something does not hold. */
void exit_case_run(const struct exit_case *c);

#endif /* TESTS_EXIT_CASE_H */
