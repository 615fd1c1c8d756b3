/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Loads and stores of every form whose abort has a syndrome (DDI 0487, ISS encoding for an
 * exception from a Data Abort, ISV): sizes, signs, both widths of register, register offsets,
 * acquire and release, the zero register, and each register once.
 */
#include "../guest.h"

#define CELL0 (UART_ID + 0x10) /* 0x0d */
#define CELL1 (UART_ID + 0x14) /* 0xf0: with a sign, as a byte */

static uint32_t forms;

static void
loaded(const char *insn, uint64_t val, uint64_t want)
{
	forms++;
	if (val != want)
		fail("%s: %x %x, not %x %x", insn, (uint32_t)(val >> 32), (uint32_t)val,
		    (uint32_t)(want >> 32), (uint32_t)want);
}

/* From %1, or %2 with %3 to add; the register is full of ones before. */
#define LOAD(insn, want, base, index)                                            \
	do {                                                                     \
		uint64_t val_ = ~0ull;                                           \
		__asm__ volatile(insn                                            \
				 : "+r"(val_)                                    \
				 : "r"((uint64_t)(base)), "r"((uint64_t)(index)) \
				 : "memory");                                    \
		loaded(insn, val_, want);                                        \
	} while (0)

static void
loads(void)
{
	LOAD("ldr %w0, [%1]", 0xf0, CELL1, 0);
	LOAD("ldrb %w0, [%1]", 0xf0, CELL1, 0);
	LOAD("ldrh %w0, [%1]", 0xf0, CELL1, 0);
	LOAD("ldrsb %w0, [%1]", 0xfffffff0, CELL1, 0);
	LOAD("ldrsb %0, [%1]", 0xfffffffffffffff0, CELL1, 0);
	LOAD("ldrsh %w0, [%1]", 0xf0, CELL1, 0);
	LOAD("ldrsh %0, [%1]", 0xf0, CELL1, 0);
	LOAD("ldrsw %0, [%1]", 0xf0, CELL1, 0);
	LOAD("ldur %w0, [%1, #-4]", 0x0d, CELL1, 0);
	LOAD("ldurb %w0, [%1, #-4]", 0x0d, CELL1, 0);
	LOAD("ldursb %0, [%1, #4]", 0xfffffffffffffff0, CELL0, 0);
	LOAD("ldr %w0, [%1, #4]", 0xf0, CELL0, 0);
	LOAD("ldr %w0, [%1, %2]", 0xf0, CELL0, 4);
	LOAD("ldr %w0, [%1, %w2, sxtw]", 0x0d, CELL1, -4);
	LOAD("ldr %w0, [%1, %w2, uxtw #2]", 0xf0, CELL0, 1);
	LOAD("ldrb %w0, [%1, %w2, uxtw]", 0xf0, CELL0, 4);
	LOAD("ldar %w0, [%1]", 0xf0, CELL1, 0);
	LOAD("ldarb %w0, [%1]", 0xf0, CELL1, 0);
	LOAD("ldtr %w0, [%1]", 0xf0, CELL1, 0);
	LOAD("ldr wzr, [%1]", ~0ull, CELL1, 0);
}

#define STORE(insn, val, want, base, index)                                               \
	do {                                                                              \
		wr32(UART_IBRD, 0x8765);                                                  \
		__asm__ volatile(                                                         \
		    insn                                                                  \
		    :                                                                     \
		    : "r"((uint64_t)(val)), "r"((uint64_t)(base)), "r"((uint64_t)(index)) \
		    : "memory");                                                          \
		loaded(insn, rd32(UART_IBRD), want);                                      \
	} while (0)

static void
stores(void)
{
	STORE("str %w0, [%1]", 0xffffffff00001234, 0x1234, UART_IBRD, 0);
	STORE("strh %w0, [%1]", 0x55554321, 0x4321, UART_IBRD, 0);
	STORE("stur %w0, [%1, #-4]", 0x4444, 0x4444, UART_IBRD + 4, 0);
	STORE("str %w0, [%1, #4]", 0x3333, 0x3333, UART_IBRD - 4, 0);
	STORE("str %w0, [%1, %2]", 0x2222, 0x2222, UART_IBRD - 8, 8);
	STORE("str %w0, [%1, %w2, sxtw #2]", 0x1111, 0x1111, UART_IBRD + 8, -2);
	STORE("stlr %w0, [%1]", 0x5a5a, 0x5a5a, UART_IBRD, 0);
	STORE("sttr %w0, [%1]", 0x6b6b, 0x6b6b, UART_IBRD, 0);
	STORE("str wzr, [%1]", 1, 0, UART_IBRD, 0);
}

/* A trap handler with a table of registers has each of them right or wrong. */
#define REGISTER(n)                                                                      \
	do {                                                                             \
		uint64_t val_;                                                           \
		__asm__ volatile("mov x" #n ", #0x100\n add x" #n ", x" #n ", #" #n "\n" \
				 "str w" #n ", [%1]\n mov x" #n ", #0\n"                 \
				 "ldr w" #n ", [%1]\n mov %0, x" #n "\n"                 \
				 : "=&r"(val_)                                           \
				 : "r"((uint64_t)UART_IBRD)                              \
				 : "x" #n, "memory");                                    \
		loaded("x" #n, val_, 0x100 + n);                                         \
	} while (0)

static void
registers(void)
{
	REGISTER(0);
	REGISTER(1);
	REGISTER(2);
	REGISTER(3);
	REGISTER(4);
	REGISTER(5);
	REGISTER(6);
	REGISTER(7);
	REGISTER(8);
	REGISTER(9);
	REGISTER(10);
	REGISTER(11);
	REGISTER(12);
	REGISTER(13);
	REGISTER(14);
	REGISTER(15);
	REGISTER(16);
	REGISTER(17);
	REGISTER(18);
	REGISTER(19);
	REGISTER(20);
	REGISTER(21);
	REGISTER(22);
	REGISTER(23);
	REGISTER(24);
	REGISTER(25);
	REGISTER(26);
	REGISTER(27);
	REGISTER(28);
	REGISTER(30);
}

void
test_main(void)
{
	loads();
	stores();
	registers();
	print("%u forms", forms);
}
