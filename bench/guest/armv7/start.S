/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Entry of the bench guest: a zImage header so that every loader takes it, a copy to
 * the address it is linked at, stacks, vectors, BSS.  MMU and caches stay off.
 */
	.arch armv7-a
	.arch_extension virt
	.arm
	.section .text.start, "ax"
	.globl _start
_start:
	.rept	8
	nop
	.endr
	b	1f
	.word	0x016f2818		/* zImage magic, at 0x24 */
	.word	_start			/* where it wants to be */
	.word	_edata
1:	cpsid	if
	adr	r0, _start		/* where it is */
	ldr	r1, =_start		/* where it is linked */
	ldr	r2, =_edata
	cmp	r0, r1
	beq	3f
2:	ldr	r3, [r0], #4
	str	r3, [r1], #4
	cmp	r1, r2
	blo	2b
	dsb				/* caches are off: the copy is in memory, but the fetch */
	mov	r0, #0			/* may be ahead; ICIALLU, DDI 0406C B4.1.64 */
	mcr	p15, 0, r0, c7, c5, 0
	dsb
	isb
	ldr	r0, =3f
	bx	r0
3:	ldr	r0, =vectors
	mcr	p15, 0, r0, c12, c0, 0	/* VBAR */
	cps	#0x12			/* IRQ mode's stack */
	ldr	sp, =irq_stack_top
	cps	#0x13
	ldr	sp, =stack_top
	ldr	r0, =_edata
	ldr	r1, =_end
	mov	r2, #0
4:	cmp	r0, r1
	strlo	r2, [r0], #4
	blo	4b
	isb
	bl	bench_main
5:	wfi
	b	5b
	.ltorg

	.align	5
vectors:
	b	.
	b	bad_exception		/* Undefined Instruction */
	b	bad_exception
	b	bad_exception		/* Prefetch Abort */
	b	bad_exception		/* Data Abort */
	b	.
	b	irq_entry
	b	.

irq_entry:
	sub	lr, lr, #4
	push	{r0-r3, r12, lr}
	bl	bench_irq
	ldm	sp!, {r0-r3, r12, pc}^

bad_exception:
	ldr	sp, =irq_stack_top
	b	bench_bad

	.bss
	.align	3
	.skip	4096
stack_top:
	.skip	1024
irq_stack_top:
