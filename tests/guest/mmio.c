/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Loads and stores of every form that guests use on devices: sizes, signs, write-back, pairs, in
 * ARM and in Thumb, under conditions.  Some come with a syndrome, some the VMM has to fetch
 * and decode.  mmio_ops.def is the list.
 */
#include "guest.h"

#define UART	  PL011
#define ID0	  UART_ID
#define CELL0	  (UART_ID + 0x10) /* 0x0d */
#define CELL1	  (UART_ID + 0x14) /* 0xf0: with a sign, as a byte */
#define IBRD	  UART_IBRD	   /* 16 bits */
#define FBRD	  UART_FBRD	   /* 6 bits */
#define LCRH	  UART_LCRH
#define RTC_CELL0 (PL031 + 0xff0u)

struct result {
	uint32_t r1, r2, r0;
};

typedef void op_fn(struct result *res, uint32_t base, uint32_t r1, uint32_t r3);

#define LOAD(name, ...)	 op_fn name;
#define STORE(name, ...) op_fn name;
#include "mmio_ops.def"

struct op {
	const char *name;
	op_fn *fn;
	uint32_t base, idx, r1, r1_then, r2_then, reg, reg_then;
	int32_t delta;
};

#define LOAD(nm, state, b, i, w1, w2, d, ...) \
	{ .name = #nm,                        \
		.fn = nm,                     \
		.base = (b),                  \
		.idx = (i),                   \
		.r1 = 0x77777777,             \
		.r1_then = (w1),              \
		.r2_then = (w2),              \
		.delta = (d) },
#define STORE(nm, state, b, i, v, rg, want, d, ...) \
	{ .name = #nm,                              \
		.fn = nm,                           \
		.base = (b),                        \
		.idx = (i),                         \
		.r1 = (v),                          \
		.r1_then = (v),                     \
		.reg = (rg),                        \
		.reg_then = (want),                 \
		.delta = (d) },
static const struct op ops[] = {
#include "mmio_ops.def"
};

static void
run(const struct op *op)
{
	struct result res = { 0, 0, 0 };

	wr32(IBRD, 0x8765);
	op->fn(&res, op->base, op->r1, op->idx);
	if (res.r1 != op->r1_then)
		fail("%s: r1 is %x, not %x", op->name, res.r1, op->r1_then);
	if (op->reg == 0 && res.r2 != op->r2_then)
		fail("%s: r2 is %x, not %x", op->name, res.r2, op->r2_then);
	if (res.r0 != op->base + (uint32_t)op->delta)
		fail("%s: r0 is %x, not %x", op->name, res.r0, op->base + (uint32_t)op->delta);
	if (op->reg != 0 && rd32(op->reg) != op->reg_then)
		fail("%s: the register is %x, not %x", op->name, rd32(op->reg), op->reg_then);
}

void
test_main(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		run(&ops[i]);
	print("%u forms", i);
}
