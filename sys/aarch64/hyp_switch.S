/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Into the guest and back: general and vector registers, which C cannot name.
 * Everything else is hyp_run.c's.
 *
 * The calling convention.  The host calls by HVC #0 from EL1, interrupts off, with
 * x0 = enum hyp_call and x1 = its argument; x0 comes back.  hyp_vectors.S finds TPIDR_EL2 = 0 and
 * calls hyp_host_call() in C, on this CPU's EL2 stack.  For HYP_CALL_VCPU_RUN that saves the
 * host, loads the guest, sets TPIDR_EL2 and calls hyp_guest_enter() below, which leaves
 * EL2 by ERET.  The guest's next trap comes through the vectors with sp where
 * hyp_guest_enter left it.  They save all general registers and ask C for a verdict:
 *
 *	HYP_REENTER	load the same registers again and ERET: the fast path.  x0-x30, ELR
 *			and SPSR went through struct hyp_vcpu; all of EL1's own stayed in the
 *			CPU, and the copies in struct hyp_vcpu are stale.
 *	HYP_TO_HOST	hyp_guest_enter() returns to its caller in hyp_run.c, which saves
 *			the guest, loads the host, and returns to the HVC.
 */
#include "hyp_offsets.h"

	.section .hyp.text, "ax", %progbits

/* void hyp_guest_enter(struct hyp_vcpu *v): to the guest; back with all of x19-x29. */
	.globl	hyp_guest_enter
	.align	4
hyp_guest_enter:
	stp	x29, x30, [sp, #-96]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
/* In: x0 = struct hyp_vcpu, sp as above. */
guest_load:
	ldp	x30, x2, [x0, #GPREGS_R30]	// VCPU_REGS is 0
	ldr	x3, [x0, #GPREGS_CPSR]
	msr	elr_el2, x2
	msr	spsr_el2, x3
	ldp	x2, x3, [x0, #16]
	ldp	x4, x5, [x0, #32]
	ldp	x6, x7, [x0, #48]
	ldp	x8, x9, [x0, #64]
	ldp	x10, x11, [x0, #80]
	ldp	x12, x13, [x0, #96]
	ldp	x14, x15, [x0, #112]
	ldp	x16, x17, [x0, #128]
	ldp	x18, x19, [x0, #144]
	ldp	x20, x21, [x0, #160]
	ldp	x22, x23, [x0, #176]
	ldp	x24, x25, [x0, #192]
	ldp	x26, x27, [x0, #208]
	ldp	x28, x29, [x0, #224]
	ldp	x0, x1, [x0]
	eret			// synchronises what C wrote, and clears the exclusive monitor
	dsb	nsh		// no speculation past it
	isb
.if VCPU_REGS != 0 || GPREGS_R30 != 240 || GPREGS_PC != 248 || GPREGS_CPSR != 256
	.error	"struct arch_gpregs does not lie as the loads and stores need it"
.endif

/* From the vectors.  In: x0 = verdict, x19 = struct hyp_vcpu. */
	.globl	hyp_guest_answer
hyp_guest_answer:
	cmp	w0, #VERDICT_REENTER
	mov	x0, x19
	b.eq	guest_load
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp], #96
	ret

	.arch_extension fp
	.arch_extension simd

	.macro	vfp_move op
	\op	q0, q1, [x0]
	\op	q2, q3, [x0, #32]
	\op	q4, q5, [x0, #64]
	\op	q6, q7, [x0, #96]
	\op	q8, q9, [x0, #128]
	\op	q10, q11, [x0, #160]
	\op	q12, q13, [x0, #192]
	\op	q14, q15, [x0, #224]
	\op	q16, q17, [x0, #256]
	\op	q18, q19, [x0, #288]
	\op	q20, q21, [x0, #320]
	\op	q22, q23, [x0, #352]
	\op	q24, q25, [x0, #384]
	\op	q26, q27, [x0, #416]
	\op	q28, q29, [x0, #448]
	\op	q30, q31, [x0, #480]
	.endm

/* void hyp_vfp_save(struct arch_vfp *vfp).  CPTR_EL2 lets EL2 in. */
	.globl	hyp_vfp_save
hyp_vfp_save:
	vfp_move stp
	mrs	x1, fpcr
	mrs	x2, fpsr
	str	x1, [x0, #VFP_FPCR]
	str	x2, [x0, #VFP_FPSR]
	ret

/* void hyp_vfp_load(const struct arch_vfp *vfp) */
	.globl	hyp_vfp_load
hyp_vfp_load:
	vfp_move ldp
	ldr	x1, [x0, #VFP_FPCR]
	ldr	x2, [x0, #VFP_FPSR]
	msr	fpcr, x1
	msr	fpsr, x2
	ret
