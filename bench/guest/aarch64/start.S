/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Entry of the bench guest in 64 bits, at EL1: an Image header so that every loader takes it, a
 * copy to the address it is linked at, stack, vectors, BSS.  MMU and caches stay off.
 */
	.section .text.start, "ax"
	.globl	_start
_start:
	b	1f
	.word	0
	.quad	0x80000			/* text_offset, from RAM's start */
	.quad	_end - _start		/* image_size */
	.quad	0xa			/* little-endian, 4 KiB pages, anywhere in memory */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.word	0
1:	msr	daifset, #0xf
	adr	x0, _start		/* where it is */
	ldr	x1, =_start		/* where it is linked */
	ldr	x2, =_edata
	cmp	x0, x1
	b.eq	3f
2:	ldr	x3, [x0], #8
	str	x3, [x1], #8
	cmp	x1, x2
	b.lo	2b
	dsb	sy			/* caches are off: the copy is in memory, but the fetch */
	ic	iallu			/* may be ahead (DDI 0487, Concurrent modification and */
	dsb	sy			/* execution of instructions) */
	isb
	ldr	x0, =3f
	br	x0
3:	msr	spsel, #1
	ldr	x0, =stack_top
	mov	sp, x0
	ldr	x0, =vectors
	msr	vbar_el1, x0
	ldr	x0, =_edata
	ldr	x1, =_end
4:	cmp	x0, x1
	b.hs	5f
	str	xzr, [x0], #8
	b	4b
5:	isb
	bl	bench_main
6:	wfi
	b	6b
	.ltorg

	/* 128 bytes a vector.  All but an IRQ from this EL, with SP_EL1, is an error. */
	.align	11
vectors:
	.rept	5
	b	bad_exception
	.align	7
	.endr
	stp	x29, x30, [sp, #-176]!	/* 0x280 */
	stp	x0, x1, [sp, #16]
	stp	x2, x3, [sp, #32]
	stp	x4, x5, [sp, #48]
	stp	x6, x7, [sp, #64]
	stp	x8, x9, [sp, #80]
	stp	x10, x11, [sp, #96]
	stp	x12, x13, [sp, #112]
	stp	x14, x15, [sp, #128]
	stp	x16, x17, [sp, #144]
	str	x18, [sp, #160]
	bl	bench_irq
	ldp	x0, x1, [sp, #16]
	ldp	x2, x3, [sp, #32]
	ldp	x4, x5, [sp, #48]
	ldp	x6, x7, [sp, #64]
	ldp	x8, x9, [sp, #80]
	ldp	x10, x11, [sp, #96]
	ldp	x12, x13, [sp, #112]
	ldp	x14, x15, [sp, #128]
	ldp	x16, x17, [sp, #144]
	ldr	x18, [sp, #160]
	ldp	x29, x30, [sp], #176
	eret
	.align	7
	.rept	10
	b	bad_exception
	.align	7
	.endr

bad_exception:
	ldr	x0, =stack_top
	mov	sp, x0
	b	bench_bad
	.ltorg

	.bss
	.align	4
	.skip	8192
stack_top:
