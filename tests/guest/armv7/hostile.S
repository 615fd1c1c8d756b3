/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Vectors that end an attempt, and the attempt itself (hostile.h).
 */
	.syntax	unified
	.arch	armv7ve
	.arm

	/* reg = this CPU's struct context; MPIDR cannot be written, so it is always found */
	.macro	context reg, tmp
	mrc	p15, 0, \reg, c0, c0, 5
	and	\reg, \reg, #7
	ldr	\tmp, =contexts
	add	\reg, \tmp, \reg, lsl #4
	.endm

	.text
	.globl	hostile_begin
hostile_begin:
	ldr	r0, =hostile_vectors
	mcr	p15, 0, r0, c12, c0, 0		@ VBAR
	isb
	bx	lr

	.globl	hostile_skip
hostile_skip:
	ldr	r0, =skip_vectors
	mcr	p15, 0, r0, c12, c0, 0
	isb
	cps	#0x1b
	mov	sp, #0
	cps	#0x13
	bx	lr

	.globl	attempt
attempt:
	push	{r3-r11, lr}
	context	r2, r3
	str	sp, [r2]
	mov	r2, r0
	mov	r0, r1
	blx	r2
	setend	le
	cpsid	aif, #0x13			@ nothing, in User mode: then the next is UNDEFINED
	context	r2, r3
	mov	r0, #0
	b	leave

/* r0 vector, r1 lr, r2 spsr */
escape:
	cpsid	aif, #0x13
	mov	r4, r2
	context	r2, r3
	str	r1, [r2, #4]
	str	r4, [r2, #8]
leave:
	ldr	sp, [r2]
	cmp	sp, #0
	beq	lost
	mov	r3, #0
	str	r3, [r2]
	clrex
	pop	{r3-r11, pc}

/* An exception outside of any attempt. */
lost:
	ldr	sp, =stack_top
	mov	r2, r4
	bl	hostile_lost
	b	.

	.macro	entry number
	mov	r0, #\number
	mov	r1, lr
	mrs	r2, spsr
	b	escape
	.endm

	.align	5
hostile_vectors:
	b	reset
	b	undef
	b	svc
	b	pabt
	b	dabt
	b	reset
	b	irq
	b	fiq
	.align	5
skip_vectors:
	b	reset
	b	skip
	b	svc
	b	pabt
	b	dabt
	b	reset
	b	irq
	b	fiq
skip:	add	sp, sp, #1
	movs	pc, lr

reset:	entry	0
undef:	entry	1
svc:	entry	2
pabt:	entry	3
dabt:	entry	4
fiq:	entry	7
irq:
	sub	lr, lr, #4
	srsdb	sp!, #0x13
	cps	#0x13
	push	{r0-r4, r12, lr}
	and	r4, sp, #4
	sub	sp, sp, r4
	bl	hostile_irq
	add	sp, sp, r4
	context	r0, r1
	ldr	r0, [r0, #12]
	cmp	r0, #0
	bne	1f
	pop	{r0-r4, r12, lr}
	rfeia	sp!
1:	ldr	r1, [sp, #28]
	ldr	r2, [sp, #32]
	mov	r0, #6
	b	escape
	.ltorg
