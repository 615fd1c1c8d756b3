/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Start of a 64-bit bare-metal guest: EL1, MMU off, 512 KiB above RAM's start, or by PSCI CPU_ON
 * for other CPUs.  It begins with an Image header, for loaders that want one.  Sets up stack,
 * vectors and bss, then calls guest_start() in lib.c.
 *
 * Exceptions are handled on the same stack, which holds a struct frame (cpu.h).
 */
#define FRAME	272			/* x0-x30, pc, psr, esr */

	.section .text.start, "ax", %progbits
	.globl	_start
_start:
	b	start
	.word	0
	.quad	0x80000			// text_offset
	.quad	image_end - _start	// image_size
	.quad	0x2			// little-endian, 4 KiB pages
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.word	0

	.macro	enter
	msr	daifset, #0xf
	msr	spsel, #1
	ldr	x1, =vectors
	msr	vbar_el1, x1
	.endm

start:
	enter
	ldr	x0, =stack_top
	mov	sp, x0
	ldr	x0, =bss_start
	ldr	x1, =bss_end
1:	cmp	x0, x1
	b.hs	2f
	str	xzr, [x0], #8
	b	1b
2:	bl	guest_start
	b	.

/* x0 = struct secondary, as CPU_ON's context */
	.globl	secondary_start
secondary_start:
	enter
	ldr	x1, [x0]
	mov	sp, x1
	bl	guest_secondary
	b	.

	.macro	save
	sub	sp, sp, #FRAME
	stp	x0, x1, [sp, #0]
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	mrs	x0, elr_el1
	mrs	x1, spsr_el1
	mrs	x2, esr_el1
	stp	x30, x0, [sp, #240]
	stp	x1, x2, [sp, #256]
	.endm

restore:
	ldp	x30, x0, [sp, #240]
	ldr	x1, [sp, #256]
	msr	elr_el1, x0
	msr	spsr_el1, x1
	ldp	x0, x1, [sp, #0]
	ldp	x2, x3, [sp, #16]
	ldp	x4, x5, [sp, #32]
	ldp	x6, x7, [sp, #48]
	ldp	x8, x9, [sp, #64]
	ldp	x10, x11, [sp, #80]
	ldp	x12, x13, [sp, #96]
	ldp	x14, x15, [sp, #112]
	ldp	x16, x17, [sp, #128]
	ldp	x18, x19, [sp, #144]
	ldp	x20, x21, [sp, #160]
	ldp	x22, x23, [sp, #176]
	ldp	x24, x25, [sp, #192]
	ldp	x26, x27, [sp, #208]
	ldp	x28, x29, [sp, #224]
	add	sp, sp, #FRAME
	eret

/* x0 = which of the 16 vectors, x1 = struct frame */
exception:
	bl	guest_exception
	b	restore
interrupt:
	bl	guest_irq
	b	restore

	.macro	vector number
	.align	7
	save
	mov	x0, #\number
	mov	x1, sp
	b	exception
	.endm

	.text
	.align	11
vectors:
	vector	0
	vector	1
	vector	2
	vector	3
	vector	4			// synchronous, from EL1 with SP_EL1
	.align	7
	save				// IRQ
	b	interrupt
	vector	6
	vector	7
	vector	8
	vector	9
	vector	10
	vector	11
	vector	12
	vector	13
	vector	14
	vector	15

/* uint32_t hvc(uint32_t fn, uintptr_t a1, uintptr_t a2, uintptr_t a3): PSCI's conduit */
	.globl	hvc
hvc:
	hvc	#0
	ret

/* void call_unmapped(uint32_t addr): returns by the instruction abort's handler */
	.globl	call_unmapped
call_unmapped:
	stp	x29, x30, [sp, #-16]!
	ldr	x1, =catch_resume
	adr	x2, 1f
	str	x2, [x1]
	mov	w0, w0
	br	x0
1:	ldp	x29, x30, [sp], #16
	ret

/* bool hvc_preserves(uint32_t fn) */
	.globl	hvc_preserves
hvc_preserves:
	stp	x29, x30, [sp, #-96]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
	mov	x\n, #0x1000 + \n
	movk	x\n, #0xa500 + \n, lsl #48
	.endr
	hvc	#0
	mov	x0, #0xa500
	lsl	x0, x0, #48
	orr	x0, x0, #0x1000
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
	sub	x\n, x\n, #\n
	sub	x\n, x\n, x0
	ror	x\n, x\n, #48
	sub	x\n, x\n, #\n
	.endr
	.irp	n, 2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
	orr	x1, x1, x\n
	.endr
	cmp	x1, #0
	cset	w0, eq
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp], #96
	ret
	.ltorg
