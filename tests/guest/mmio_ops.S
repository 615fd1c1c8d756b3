/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Each row of mmio_ops.def as a function op(struct result *, base, r1, r3).
 */
	.syntax	unified
	.arch	armv7ve
	.text

	.macro	op_begin name, state
	.balign	4
	.\state
	.globl	\name
	.type	\name, %function
\name:
	push	{r4, lr}
	mov	r4, r0
	mov	r0, r1
	mov	r1, r2
	movw	r2, #0xbeef
	movt	r2, #0xdead
	.endm

	.macro	op_end name
	str	r1, [r4]
	str	r2, [r4, #4]
	str	r0, [r4, #8]
	pop	{r4, pc}
	.size	\name, . - \name
	.endm

#define LOAD(name, state, base, idx, w1, w2, delta, ...) \
	op_begin name, state; __VA_ARGS__; op_end name;
#define STORE(name, state, base, idx, r1, reg, want, delta, ...) \
	op_begin name, state; __VA_ARGS__; op_end name;
#include "mmio_ops.def"
