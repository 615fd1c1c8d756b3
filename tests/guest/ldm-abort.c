/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Load and store multiple where no memory is: the VMM does not emulate them.  Unmapped they are
 * external aborts with the base register restored; on a device under our VMM as well, while a
 * machine without one carries them out.
 */
#include "guest.h"

static uint32_t
ldm(uint32_t base)
{
	register uint32_t r0 __asm__("r0") = base;

	__asm__ volatile("ldmia r0!, {r1, r2, r3}" : "+r"(r0) : : "r1", "r2", "r3", "memory");
	return r0;
}

static uint32_t
stm(uint32_t base)
{
	register uint32_t r0 __asm__("r0") = base;

	__asm__ volatile("mov r1, #0\n mov r2, #0\n stmia r0!, {r1, r2}"
			 : "+r"(r0)
			 :
			 : "r1", "r2", "memory");
	return r0;
}

void
test_main(void)
{
	uint32_t base, n;

	catch_begin();
	base = ldm(HOLE);
	check_eq(catch_end(), 1);
	check_eq(caught.vector, VECTOR_DABT);
	check_eq(base, HOLE); /* B1.9.8: base restored */
	catch_begin();
	base = stm(HOLE + 0x40);
	check_eq(catch_end(), 1);
	check_eq(base, HOLE + 0x40);
	catch_begin();
	base = ldm(UART_ID);
	n = catch_end();
	check(n <= 1);
	check_eq(base, n == 1 ? UART_ID : UART_ID + 12);
	print("%s", n == 1 ? "LDM from a device aborts" : "LDM from a device works");
	check_eq(rd32(UART_ID) & 0xff, 0x11);
}
