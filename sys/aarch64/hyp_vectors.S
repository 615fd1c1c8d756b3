/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The vectors of EL2 (DDI 0487 D1.3, exception vectors): the first code to run when a guest traps,
 * and when the host calls.  TPIDR_EL2 says who it was: 0 the host, else the struct
 * hyp_vcpu of the guest.  No guest can write it.
 *
 * A guest's registers are all in use here.  Its x0 and x1 go to the EL2 stack, the rest to
 * struct hyp_vcpu (hyp_switch.S).  Interrupts and SErrors stay masked
 * throughout EL2, but for the window in hyp_take_serror.
 *
 * A fault at EL2 never returns: it records itself in struct hyp_cpu, gives the CPU
 * back to the host (hyp_fault_unwind) and has it panic.
 */
#include "hyp_offsets.h"

	.section .hyp.vectors, "ax", %progbits

	.macro	vector label
	.align	7
	b	\label
	.endm

	.globl	hyp_vectors
	.align	11				// VBAR_EL2[10:0] are RES0
hyp_vectors:
	vector	fault_sp0			// from EL2 with SP_EL0
	vector	fault_sp0
	vector	fault_sp0
	vector	fault_sp0
	vector	fault_sync			// from EL2
	vector	fault_irq
	vector	fault_fiq
	vector	hyp_serror
	vector	hyp_trap			// from EL1 or EL0 in AArch64 state
	vector	hyp_irq
	vector	hyp_fiq
	vector	hyp_guest_se
	vector	hyp_trap			// from EL0 in AArch32 state
	vector	hyp_irq
	vector	hyp_fiq
	vector	hyp_guest_se
	.align	7

/* Who traps?  Out: guest's x0, x1 on the stack, x0 = struct hyp_vcpu, or 0 for the host. */
	.macro	who
	stp	x0, x1, [sp, #-16]!
	mrs	x0, tpidr_el2
	.endm

/* The guest's registers.  In: as `who' left it.  Out: x0 = x19 = vcpu. */
	.macro	guest_save
	stp	x2, x3, [x0, #16]		// VCPU_REGS is 0
	stp	x4, x5, [x0, #32]
	stp	x6, x7, [x0, #48]
	stp	x8, x9, [x0, #64]
	stp	x10, x11, [x0, #80]
	stp	x12, x13, [x0, #96]
	stp	x14, x15, [x0, #112]
	stp	x16, x17, [x0, #128]
	stp	x18, x19, [x0, #144]
	stp	x20, x21, [x0, #160]
	stp	x22, x23, [x0, #176]
	stp	x24, x25, [x0, #192]
	stp	x26, x27, [x0, #208]
	stp	x28, x29, [x0, #224]
	ldp	x2, x3, [sp], #16
	mrs	x4, elr_el2
	mrs	x5, spsr_el2
	stp	x2, x3, [x0]
	stp	x30, x4, [x0, #GPREGS_R30]
	str	x5, [x0, #GPREGS_CPSR]
	mov	x19, x0
	.endm

	.macro	guest_exit name
	guest_save
	bl	\name
	b	hyp_guest_answer
	.endm

hyp_trap:
	who
	cbz	x0, host_call
	guest_exit hyp_guest_trap

hyp_irq:
	who
	cbz	x0, 1f
	guest_exit hyp_guest_irq
1:	ldp	x0, x1, [sp], #16
	b	fault_irq

hyp_fiq:
	who
	cbz	x0, 1f
	guest_exit hyp_guest_fiq
1:	ldp	x0, x1, [sp], #16
	b	fault_fiq

hyp_guest_se:
	who
	cbz	x0, 1f
	guest_exit hyp_guest_serror
1:	ldp	x0, x1, [sp], #16
	b	fault_serror

/*
 * The host's HVC.  In: x0 = enum hyp_call, x1 = argument; the caller has given up x1-x17.  Out: x0.
 */
host_call:
	mrs	x0, esr_el2
	lsr	x0, x0, #26
	cmp	x0, #0x16			// ESR_EL2.EC: HVC in AArch64 state
	ldp	x0, x1, [sp], #16		// the stack is empty: sp is struct hyp_cpu
	b.ne	fault_trap
	cmp	x0, #HVC_SOFT_RESTART
	b.eq	host_restart			// keeps x1-x4
	mov	x2, #HVC_LEAVE & 0xffff
	movk	x2, #HVC_LEAVE >> 16, lsl #16
	cmp	x0, x2
	b.eq	host_leave
	mrs	x2, elr_el2
	mrs	x3, spsr_el2
	stp	x2, x3, [sp, #-32]!
	str	x30, [sp, #16]
	bl	hyp_host_call
	ldp	x2, x3, [sp]
	ldr	x30, [sp, #16]
	add	sp, sp, #32
	msr	elr_el2, x2
	msr	spsr_el2, x3
	eret
	dsb	nsh
	isb

host_leave:
	str	x30, [sp, #-16]!
	bl	hyp_cpu_leave
	ldr	x30, [sp], #16
	mov	x5, sp
	ldr	x0, [x5, #CPU_OLD_VBAR]
	msr	vbar_el2, x0
	ldr	x0, [x5, #CPU_OLD_SCTLR]
	ldr	x5, [x5, #CPU_LEAVE_PA]
	br	x5

host_restart:
	mov	x5, sp
	ldr	x0, [x5, #CPU_OLD_VBAR]
	msr	vbar_el2, x0
	ldr	x0, [x5, #CPU_OLD_SCTLR]
	ldr	x5, [x5, #CPU_RESTART_PA]
	br	x5

/*
 * uint32_t hyp_take_serror(void): take a pending SError here, where it can be told
 * that a guest caused it, and not in the host.  The DSB makes the guest's accesses complete
 * before the look at ISR_EL1, which at EL2 shows the physical one, masked or not.
 */
	.globl	hyp_take_serror
hyp_take_serror:
	dsb	sy
	isb
	mrs	x1, isr_el1
	mov	x0, #0
	tbz	x1, #8, 1f			// ISR_EL1.A
	msr	daifclr, #4
serror_window:
	isb
	msr	daifset, #4
serror_window_end:
1:	ret

/* SError at EL2: the window's, or one that a fault of ours brought about. */
hyp_serror:
	stp	x1, x2, [sp, #-16]!
	mrs	x1, elr_el2
	adr	x2, serror_window
	sub	x1, x1, x2
	cmp	x1, #serror_window_end - serror_window
	ldp	x1, x2, [sp], #16
	b.hi	fault_serror
	mrs	x0, spsr_el2
	orr	x0, x0, #1 << 8			// masked again, wherever it hit
	msr	spsr_el2, x0
	mov	x0, #1				// hyp_take_serror's result
	eret
	dsb	nsh
	isb

/* ---- faults at EL2 ---- */
	.macro	fault name, number
fault_\name:
	msr	tpidr_el0, x0			// nobody needs it and TPIDRRO_EL0 any more
	mov	x0, #\number
	b	hyp_fault
	.endm

	fault	sp0, VECTOR_SP0
	fault	sync, VECTOR_SYNC
	fault	irq, VECTOR_IRQ
	fault	fiq, VECTOR_FIQ
	fault	serror, VECTOR_SERROR
	fault	trap, VECTOR_TRAP

/* In: x0 = vector, TPIDR_EL0 = x0; sp may have left the stack, downwards. */
hyp_fault:
	msr	tpidrro_el0, x1
	mov	x1, sp
	sub	x1, x1, #1			// an empty stack's sp is the page above
	bic	x1, x1, #HYP_CPU_MASK
	add	x1, x1, #HYP_STACK_TOP
	add	x1, x1, #CPU_FAULT
	str	x2, [x1, #FAULT_SCRATCH]
	ldr	x2, [x1, #FAULT_COUNT]
	add	x2, x2, #1
	str	x2, [x1, #FAULT_COUNT]
	cmp	x2, #1
	b.ne	2f				// unwinding: keep the first record, unwind no more
	str	x0, [x1, #FAULT_VECTOR]
	mrs	x0, tpidr_el0
	mrs	x2, tpidrro_el0
	stp	x0, x2, [x1, #FAULT_R]
	ldr	x2, [x1, #FAULT_SCRATCH]
	stp	x2, x3, [x1, #FAULT_R + 16]
	stp	x4, x5, [x1, #FAULT_R + 32]
	stp	x6, x7, [x1, #FAULT_R + 48]
	stp	x8, x9, [x1, #FAULT_R + 64]
	stp	x10, x11, [x1, #FAULT_R + 80]
	stp	x12, x13, [x1, #FAULT_R + 96]
	stp	x14, x15, [x1, #FAULT_R + 112]
	stp	x16, x17, [x1, #FAULT_R + 128]
	stp	x18, x19, [x1, #FAULT_R + 144]
	stp	x20, x21, [x1, #FAULT_R + 160]
	stp	x22, x23, [x1, #FAULT_R + 176]
	stp	x24, x25, [x1, #FAULT_R + 192]
	stp	x26, x27, [x1, #FAULT_R + 208]
	stp	x28, x29, [x1, #FAULT_R + 224]
	str	x30, [x1, #FAULT_R + 240]
	mov	x0, sp
	str	x0, [x1, #FAULT_SP]
	mrs	x0, elr_el2
	str	x0, [x1, #FAULT_ELR]
	mrs	x0, spsr_el2
	str	x0, [x1, #FAULT_SPSR]
	mrs	x0, esr_el2
	str	x0, [x1, #FAULT_ESR]
	mrs	x0, far_el2
	str	x0, [x1, #FAULT_FAR]
	mrs	x0, hpfar_el2
	str	x0, [x1, #FAULT_HPFAR]
	mrs	x0, tpidr_el2
	str	x0, [x1, #FAULT_TPIDR]
	sub	x0, x1, #CPU_FAULT
	mov	sp, x0				// an empty stack: nothing on it is needed again
	bl	hyp_fault_unwind
	mov	x1, sp
	b	3f
2:	sub	x1, x1, #CPU_FAULT
	mov	sp, x1
	mov	x0, #1 << 31
	msr	hcr_el2, x0			// HCR_EL2.RW alone: what the host needs least
	msr	tpidr_el2, xzr
3:	ldr	x0, [x1, #CPU_PANIC_ARG]	// hyp_panic(cpu), at EL1h with all masked
	ldr	x2, [x1, #CPU_PANIC_VA]
	mov	x3, #0x3c5
	msr	elr_el2, x2
	msr	spsr_el2, x3
	eret
