/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Nothing is at 0x0f000000: loads, stores and fetches there are external aborts, with the
 * status and address that belong to them.
 */
#include "guest.h"

void
test_main(void)
{
	uint32_t i, val;

	for (i = 0; i < 20; i++) {
		catch_begin();
		val = rd32(HOLE + 4 * i);
		check_eq(catch_end(), 1);
		check_eq(caught.vector, VECTOR_DABT);
		check(fsr_external(caught.fsr) && !fsr_write(caught.fsr));
		check_eq(caught.far, HOLE + 4 * i);
		catch_begin();
		wr32(HOLE + 8 * i, val);
		check_eq(catch_end(), 1);
		check_eq(caught.vector, VECTOR_DABT);
		check(fsr_write(caught.fsr));
		check_eq(caught.far, HOLE + 8 * i);
		catch_begin();
		wr8(HOLE + 3, 1);
		check_eq(catch_end(), 1);
	}
	if (!GUEST_MMU) { /* with the MMU on it is never executable, and that comes first */
		catch_begin();
		call_unmapped(HOLE + 0x100);
		check_eq(catch_end(), 1);
		check_eq(caught.vector, VECTOR_PABT);
		check(fsr_external(caught.fsr));
		check_eq(caught.far, HOLE + 0x100);
	}
	/* a page that is there works after all that */
	check_eq(rd32(UART_ID) & 0xff, 0x11);
}
