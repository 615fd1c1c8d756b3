/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Start of a guest that is linked for where FreeBSD's kernel is, and finds its physical place from
 * its pc, to the 1 MiB, as that does.  It maps 64 MiB from there, and all else where it is; then
 * crt.S goes on.  Caches stay off.
 */
	.syntax	unified
	.arch	armv7ve
	.arm

#define KERNEL		0xc0000000	/* as kernel.lds has it */
#define DEVICE		0x00000c12	/* section, AP[1:0] 11, XN, strongly-ordered */
#define NORMAL		0x00001c02	/* section, AP[1:0] 11, TEX 001: not cacheable */

	.section .text.kernel, "ax", %progbits
	.globl	kernel_start
kernel_start:
	cpsid	aif, #0x13
	adr	r4, kernel_start
	lsr	r4, r4, #20
	lsl	r4, r4, #20			@ where KERNEL is
	sub	r5, r4, #KERNEL			@ physical less virtual
	ldr	r6, =boot_r0
	str	r0, [r6, r5]
	ldr	r7, =table
	add	r7, r7, r5

	ldr	r1, =DEVICE			@ what is there, where it is
	mov	r2, r7
	mov	r3, #4096
1:	str	r1, [r2], #4
	add	r1, r1, #0x100000
	subs	r3, r3, #1
	bne	1b
	ldr	r1, =NORMAL			@ here too: the MMU is turned on here
	orr	r1, r1, r4
	str	r1, [r7, r4, lsr #18]
	add	r2, r7, #(KERNEL >> 18)		@ the kernel's 64 MiB
	mov	r3, #64
2:	str	r1, [r2], #4
	add	r1, r1, #0x100000
	subs	r3, r3, #1
	bne	2b

	mov	r0, #0
	mcr	p15, 0, r0, c2, c0, 2		@ TTBCR: TTBR0 alone, short descriptors
	mcr	p15, 0, r7, c2, c0, 0		@ TTBR0
	mov	r0, #1
	mcr	p15, 0, r0, c3, c0, 0		@ DACR: domain 0 is a client
	dsb
	mcr	p15, 0, r0, c8, c7, 0		@ TLBIALL
	dsb
	isb
	mrc	p15, 0, r0, c1, c0, 0		@ SCTLR
	orr	r0, r0, #1			@ M
	mcr	p15, 0, r0, c1, c0, 0
	isb
	ldr	pc, =_start
	.ltorg

	.data
	.align	2
	.globl	boot_r0
boot_r0:
	.word	0
