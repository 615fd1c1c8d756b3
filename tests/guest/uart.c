/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The PL011: its registers, and a line of text a byte at a time.
 */
#include "guest.h"

void
test_main(void)
{
	static const uint8_t id[] = { 0x11, 0x10 }, cell[] = { 0x0d, 0xf0, 0x05, 0xb1 };
	unsigned int i;

	for (i = 0; i < sizeof(id); i++)
		check_eq(rd32(UART_ID + 4 * i) & 0xff, id[i]);
	for (i = 0; i < sizeof(cell); i++)
		check_eq(rd32(UART_ID + 16 + 4 * i), cell[i]);
	wr32(UART_IBRD, 0x1234);
	wr32(UART_FBRD, 0x15);
	check_eq(rd32(UART_IBRD), 0x1234);
	check_eq(rd32(UART_FBRD), 0x15);
	wr32(UART_LCRH, 0x70); /* 8 bits, FIFOs */
	check_eq(rd32(UART_LCRH), 0x70);
	wr32(UART_CR, 0x301);
	wr32(UART_IMSC, 0);
	check_eq(rd32(UART_IMSC), 0);
	check((rd32(UART_FR) & 0x10) != 0); /* nothing was typed */
	print("the quick brown fox jumps over the lazy dog 0123456789");
	print("numbers %u %u %x %x %s", 0, 4294967295u, 0, 0xdeadbeefu, "words");
	check((rd32(UART_FR) & 0x20) == 0);
}
