/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Start of a bare-metal guest: SVC mode, MMU off, at 0x40008000, or by PSCI CPU_ON for other
 * CPUs.  Sets up stack, vectors and bss, then calls guest_start() in lib.c.
 *
 * Exceptions are all handled in SVC mode on its stack, which holds a struct frame (guest.h).
 */
	.syntax	unified
	.arch	armv7ve
	.arm

	.section .text.start, "ax", %progbits
	.globl	_start
_start:
	cpsid	aif, #0x13
	ldr	r0, =vectors
	mcr	p15, 0, r0, c12, c0, 0		@ VBAR
	ldr	sp, =stack_top
	ldr	r0, =bss_start
	ldr	r1, =bss_end
	mov	r2, #0
1:	cmp	r0, r1
	strlo	r2, [r0], #4
	blo	1b
	bl	guest_start
	b	.

/* r0 = struct secondary, as CPU_ON's context */
	.globl	secondary_start
secondary_start:
	cpsid	aif, #0x13
	ldr	r1, =vectors
	mcr	p15, 0, r1, c12, c0, 0
	ldr	sp, [r0]
	bl	guest_secondary
	b	.

	.text
	.align	5
vectors:
	b	reset
	b	undef
	b	svc
	b	pabt
	b	dabt
	b	reset				@ not used
	b	irq
	b	fiq

	.macro	exception name, number, offset
\name:
	sub	lr, lr, #\offset
	srsdb	sp!, #0x13
	cps	#0x13
	push	{r0-r12, lr}
	mov	r0, #\number
	mov	r1, sp
	and	r4, sp, #4			@ AAPCS wants sp aligned to 8
	sub	sp, sp, r4
	bl	guest_exception
	add	sp, sp, r4
	pop	{r0-r12, lr}
	rfeia	sp!
	.endm

	exception reset, 0, 0
	exception undef, 1, 0			@ lr is behind the instruction
	exception svc, 2, 0
	exception pabt, 3, 4			@ at it
	exception dabt, 4, 8			@ at it
	exception fiq, 7, 4

irq:
	sub	lr, lr, #4
	srsdb	sp!, #0x13
	cps	#0x13
	push	{r0-r4, r12, lr}
	and	r4, sp, #4
	sub	sp, sp, r4
	bl	guest_irq
	add	sp, sp, r4
	pop	{r0-r4, r12, lr}
	rfeia	sp!

/* uint32_t hvc(uint32_t fn, uint32_t a1, uint32_t a2, uint32_t a3): PSCI's conduit */
	.globl	hvc
hvc:
	.inst	0xe1400070			@ hvc #0
	bx	lr

/* void call_unmapped(uint32_t addr): returns by the prefetch abort's handler */
	.globl	call_unmapped
call_unmapped:
	push	{r4, lr}
	ldr	r1, =catch_resume
	adr	r2, 1f
	str	r2, [r1]
	bx	r0
1:	pop	{r4, pc}
	.ltorg
