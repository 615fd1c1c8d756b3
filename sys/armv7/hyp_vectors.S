/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The vectors of HYP mode (DDI 0406C B1.8.1): the first code to run when a guest traps,
 * and when the host calls.  HTPIDR says who it was: 0 the host, else the struct
 * hyp_vcpu of the guest.  No guest can write it (B4.1.75: HYP mode only).
 *
 * A guest's registers are all in use here.  Its r0 and r1 go to the HYP stack, the rest to
 * struct hyp_vcpu (hyp_switch.S).  Interrupts and asynchronous aborts stay masked
 * throughout HYP, but for the window in hyp_take_serror.
 *
 * A fault inside HYP never returns: it records itself in struct hyp_cpu, gives the CPU
 * back to the host (hyp_fault_unwind) and has it panic.
 */
#include "hyp_offsets.h"

	.syntax	unified
	.arch	armv7-a
	.arch_extension virt
	.arm
	.section .hyp.vectors, "ax", %progbits

	.globl	hyp_vectors
	.align	5				@ HVBAR[4:0] are zero (B4.1.77)
hyp_vectors:
	b	fault_reset			@ 0x00 not used in HYP mode
	b	fault_undef			@ 0x04 taken from HYP mode
	b	fault_hvc			@ 0x08 HVC from HYP mode
	b	fault_pabt			@ 0x0c taken from HYP mode
	b	hyp_dabt			@ 0x10 taken from HYP mode
	b	hyp_trap			@ 0x14 from PL1 and PL0: HVC and everything trapped
	b	hyp_irq				@ 0x18
	b	hyp_fiq				@ 0x1c

/* Who traps?  Out: guest's r0, r1 on the stack, r0 = struct hyp_vcpu; or Z set for the host. */
	.macro	who
	push	{r0, r1}
	mrc	p15, 4, r0, c13, c0, 2		@ HTPIDR
	cmp	r0, #0				@ the guest's flags are in SPSR_hyp
	.endm

/* The part of the guest that C code clobbers.  In: as `who' left it.  Out: r0 = r4 = vcpu. */
	.macro	guest_save
	add	r1, r0, #VCPU_REGS + GPREGS_R2
	stm	r1, {r2-r12}
	pop	{r2, r3}
	strd	r2, r3, [r0, #VCPU_REGS]
	mrs	r2, ELR_hyp
	mrs	r3, SPSR
	str	lr, [r0, #VCPU_REGS + GPREGS_LR_USR]
	strd	r2, r3, [r0, #VCPU_REGS + GPREGS_PC]
	mov	r4, r0
	.endm

hyp_trap:
	who
	beq	host_call
	guest_save
	bl	hyp_guest_trap
	b	hyp_guest_answer

hyp_irq:
	who
	popeq	{r0, r1}
	beq	fault_irq
	guest_save
	bl	hyp_guest_irq
	b	hyp_guest_answer

hyp_fiq:
	who
	popeq	{r0, r1}
	beq	fault_fiq
	guest_save
	bl	hyp_guest_fiq
	b	hyp_guest_answer

/*
 * The host's HVC.  In: r0 = enum hyp_call, r1 = argument; the caller has given up r0-r3,
 * r12 and lr, but lr is User mode's too.  Out: r0.
 */
host_call:
	mrc	p15, 4, r0, c5, c2, 0		@ HSR
	lsr	r0, r0, #26
	cmp	r0, #0x12			@ EC: HVC (B3.13.6)
	pop	{r0, r1}			@ the stack is empty: sp is struct hyp_cpu
	bne	fault_trap
	cmp	r0, #HVC_SOFT_RESTART
	beq	host_restart			@ keeps r2 and up
	movw	r2, #:lower16:HVC_LEAVE
	movt	r2, #:upper16:HVC_LEAVE
	cmp	r0, r2
	beq	host_leave
	mrs	r2, ELR_hyp
	mrs	r3, SPSR
	push	{r2, r3, r12, lr}
	bl	hyp_host_call
	pop	{r2, r3, r12, lr}
	msr	ELR_hyp, r2
	msr	SPSR_cxsf, r3
	eret

host_leave:
	push	{r12, lr}
	bl	hyp_cpu_leave
	pop	{r12, lr}
	ldr	r0, [sp, #CPU_OLD_HVBAR]
	mcr	p15, 4, r0, c12, c0, 0		@ HVBAR
	ldr	r0, [sp, #CPU_OLD_HSCTLR]
	ldr	pc, [sp, #CPU_LEAVE_PA]

host_restart:
	ldr	r0, [sp, #CPU_OLD_HVBAR]
	mcr	p15, 4, r0, c12, c0, 0		@ HVBAR
	ldr	r0, [sp, #CPU_OLD_HSCTLR]
	ldr	pc, [sp, #CPU_RESTART_PA]

/*
 * uint32_t hyp_take_serror(void): take a pending asynchronous abort here, where it can be told
 * that a guest caused it, and not in the host.  The DSB makes the guest's accesses complete
 * before the window.  Called while TPIDRURW is neither the guest's nor the host's: hyp_dabt
 * uses it.
 */
	.globl	hyp_take_serror
hyp_take_serror:
	mov	r0, #0
	dsb	sy
	cpsie	a
serror_window:
	isb
	cpsid	a
serror_window_end:
	bx	lr

/* Data abort in HYP mode: the window's, or a fault of ours. */
hyp_dabt:
	mcr	p15, 0, r0, c13, c0, 2		@ TPIDRURW = r0
	mrs	r0, ELR_hyp
	sub	r0, r0, pc			@ ELR - (1f + 4)
1:	add	r0, r0, #1b + 4 - serror_window
	cmp	r0, #serror_window_end - serror_window
	mrchi	p15, 0, r0, c13, c0, 2
	bhi	fault_dabt
	mrs	r0, SPSR
	orr	r0, r0, #1 << 8			@ masked again, wherever it hit
	msr	SPSR_cxsf, r0
	mov	r0, #1				@ hyp_take_serror's result
	eret

/* ---- faults inside HYP ---- */
	.macro	fault name, number
fault_\name:
	mcr	p15, 0, r0, c13, c0, 2		@ TPIDRURW and TPIDRURO: nobody needs them any more
	mov	r0, #\number
	b	hyp_fault
	.endm

	fault	reset, VECTOR_RESET
	fault	undef, VECTOR_UNDEF
	fault	hvc, VECTOR_HVC
	fault	pabt, VECTOR_PABT
	fault	dabt, VECTOR_DABT
	fault	trap, VECTOR_TRAP
	fault	irq, VECTOR_IRQ
	fault	fiq, VECTOR_FIQ

/* In: r0 = vector, TPIDRURW = r0; sp may have left the stack, downwards. */
hyp_fault:
	mcr	p15, 0, r1, c13, c0, 3		@ TPIDRURO = r1
	sub	r1, sp, #4			@ an empty stack's sp is the page above
	bic	r1, r1, #HYP_CPU_MASK & 0xff
	bic	r1, r1, #HYP_CPU_MASK & 0xff00
	add	r1, r1, #HYP_STACK_TOP
	add	r1, r1, #CPU_FAULT
	str	r2, [r1, #FAULT_SCRATCH]
	ldr	r2, [r1, #FAULT_COUNT]
	add	r2, r2, #1
	str	r2, [r1, #FAULT_COUNT]
	cmp	r2, #1
	bne	2f				@ unwinding: keep the first record, unwind no more
	str	r0, [r1, #FAULT_VECTOR]
	mrc	p15, 0, r0, c13, c0, 2
	str	r0, [r1, #FAULT_R]
	mrc	p15, 0, r0, c13, c0, 3
	str	r0, [r1, #FAULT_R + 4]
	ldr	r0, [r1, #FAULT_SCRATCH]
	str	r0, [r1, #FAULT_R + 8]
	add	r0, r1, #FAULT_R + 12
	stm	r0, {r3-r12}
	str	sp, [r1, #FAULT_SP]
	str	lr, [r1, #FAULT_LR]
	mrs	r0, ELR_hyp
	str	r0, [r1, #FAULT_ELR]
	mrs	r0, SPSR
	str	r0, [r1, #FAULT_SPSR]
	mrc	p15, 4, r0, c5, c2, 0		@ HSR
	str	r0, [r1, #FAULT_HSR]
	mrc	p15, 4, r0, c6, c0, 0		@ HDFAR
	str	r0, [r1, #FAULT_HDFAR]
	mrc	p15, 4, r0, c6, c0, 2		@ HIFAR
	str	r0, [r1, #FAULT_HIFAR]
	mrc	p15, 4, r0, c6, c0, 4		@ HPFAR
	str	r0, [r1, #FAULT_HPFAR]
	mrc	p15, 4, r0, c13, c0, 2		@ HTPIDR
	str	r0, [r1, #FAULT_HTPIDR]
	sub	sp, r1, #CPU_FAULT		@ an empty stack: nothing on it is needed again
	mov	r0, sp
	bl	hyp_fault_unwind
	mov	r1, sp
	b	3f
2:	sub	r1, r1, #CPU_FAULT
	mov	sp, r1
	mov	r0, #0
	mcr	p15, 4, r0, c1, c1, 0		@ HCR: what the host needs least
	mcr	p15, 4, r0, c13, c0, 2		@ HTPIDR
3:	mov	r0, r1				@ hyp_panic(cpu), in SVC mode with all masked
	ldr	r2, [r1, #CPU_PANIC_VA]
	mov	r3, #0x1d3
	tst	r2, #1
	orrne	r3, r3, #1 << 5			@ a Thumb-2 kernel
	bic	r2, r2, #1
	msr	ELR_hyp, r2
	msr	SPSR_cxsf, r3
	eret
