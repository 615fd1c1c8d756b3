/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Into the guest and back: general, banked and VFP registers, which C cannot name.
 * Everything else is hyp_run.c's.
 *
 * The calling convention.  The host calls by HVC #0 from SVC mode, interrupts off, with
 * r0 = enum hyp_call and r1 = its argument; r0 comes back.  hyp_vectors.S finds HTPIDR = 0 and
 * calls hyp_host_call() in C, on this CPU's HYP stack.  For HYP_CALL_VCPU_RUN that saves the
 * host, loads the guest, sets HTPIDR and calls hyp_guest_enter() below, which leaves
 * HYP by ERET.  The guest's next trap comes through the vectors with sp where
 * hyp_guest_enter left it.  They save what C may clobber and ask C for a verdict:
 *
 *	HYP_REENTER	load the same registers again and ERET: the fast path.  r0-r12, lr
 *			(User mode's), ELR and SPSR went through struct hyp_vcpu; sp of all modes,
 *			lr of all others, FIQ's r8-r12 and the SPSRs stayed in the CPU, and
 *			the copies in struct hyp_vcpu are stale.
 *	HYP_TO_HOST	hyp_guest_enter() returns to its caller in hyp_run.c, which saves
 *			the guest, loads the host, and returns to the HVC.
 */
#include "hyp_offsets.h"

	.syntax	unified
	.arch	armv7-a
	.arch_extension virt
	.fpu	neon
	.arm
	.section .hyp.text, "ax", %progbits

/* void hyp_guest_enter(struct hyp_vcpu *v): to the guest; back with all of r4-r11. */
	.globl	hyp_guest_enter
hyp_guest_enter:
	push	{r4-r12, lr}			@ r12 keeps sp 8-byte aligned
/* In: r0 = struct hyp_vcpu, sp as above. */
guest_load:
	ldrd	r2, r3, [r0, #VCPU_REGS + GPREGS_PC]
	ldr	lr, [r0, #VCPU_REGS + GPREGS_LR_USR]
	msr	ELR_hyp, r2
	msr	SPSR_cxsf, r3
	clrex					@ no reservation of HYP's, of another guest (A3.4.5)
	ldm	r0, {r0-r12}			@ VCPU_REGS is 0
	eret					@ synchronises what C wrote (A3.8.3, B1.9)
.if VCPU_REGS != 0
	.error	"struct arch_gpregs must come first in struct hyp_vcpu"
.endif

/* From the vectors.  In: r0 = verdict, r4 = struct hyp_vcpu. */
	.globl	hyp_guest_answer
hyp_guest_answer:
	cmp	r0, #VERDICT_REENTER
	moveq	r0, r4
	beq	guest_load
	pop	{r4-r12, pc}

	.macro	bank_save mode
	mrs	r1, SP_\mode
	mrs	r2, LR_\mode
	mrs	r3, SPSR_\mode
	stm	r0!, {r1-r3}
	.endm

	.macro	bank_load mode
	ldm	r0!, {r1-r3}
	msr	SP_\mode, r1
	msr	LR_\mode, r2
	msr	SPSR_\mode, r3
	.endm

/* void hyp_banked_save(struct arch_gpregs *regs): sp_usr, then svc to r_fiq, which lie in a row. */
	.globl	hyp_banked_save
hyp_banked_save:
	mrs	r1, SP_usr
	str	r1, [r0, #GPREGS_SP_USR]
	add	r0, r0, #GPREGS_SVC
	bank_save svc
	bank_save abt
	bank_save und
	bank_save irq
	bank_save fiq
	mrs	r1, R8_fiq
	mrs	r2, R9_fiq
	mrs	r3, R10_fiq
	mrs	r12, R11_fiq
	stm	r0!, {r1-r3, r12}
	mrs	r1, R12_fiq
	str	r1, [r0]
	bx	lr

/* void hyp_banked_load(const struct arch_gpregs *regs) */
	.globl	hyp_banked_load
hyp_banked_load:
	ldr	r1, [r0, #GPREGS_SP_USR]
	msr	SP_usr, r1
	add	r0, r0, #GPREGS_SVC
	bank_load svc
	bank_load abt
	bank_load und
	bank_load irq
	bank_load fiq
	ldm	r0!, {r1-r3, r12}
	msr	R8_fiq, r1
	msr	R9_fiq, r2
	msr	R10_fiq, r3
	msr	R11_fiq, r12
	ldr	r1, [r0]
	msr	R12_fiq, r1
	bx	lr
.if GPREGS_ABT - GPREGS_SVC != 12 || GPREGS_UND - GPREGS_ABT != 12 || \
    GPREGS_IRQ - GPREGS_UND != 12 || GPREGS_FIQ - GPREGS_IRQ != 12 || \
    GPREGS_R_FIQ - GPREGS_FIQ != 12 || GPREGS_CPSR - GPREGS_PC != 4
	.error	"struct arch_gpregs does not lie as stm and ldm need it"
.endif

/* FPEXC, B4.1.57; MVFR0.A_SIMD registers, B4.1.110: 2 where there are 32 doublewords. */
#define FPEXC_EX   (1 << 31)
#define FPEXC_EN   (1 << 30)
#define FPEXC_FP2V (1 << 28)

/*
 * void hyp_vfp_save(struct arch_vfp *vfp).  HCPTR lets HYP mode in.  Leaves the unit enabled and
 * without a pending exception: FPEXC of the next owner is hyp_vfp_load's.
 */
	.globl	hyp_vfp_save
hyp_vfp_save:
	vmrs	r1, fpexc
	mov	r2, #FPEXC_EN
	str	r1, [r0, #VFP_FPEXC]
	tst	r1, #FPEXC_EX
	beq	1f
	orr	r3, r1, #FPEXC_EN
	vmsr	fpexc, r3
	vmrs	r3, fpinst
	str	r3, [r0, #VFP_FPINST]
	tst	r1, #FPEXC_FP2V
	vmrsne	r3, fpinst2
	strne	r3, [r0, #VFP_FPINST2]
1:	vmsr	fpexc, r2
	vmrs	r2, fpscr
	str	r2, [r0, #VFP_FPSCR]
	vmrs	r3, mvfr0
	and	r3, r3, #0xf
	add	r0, r0, #VFP_D
	cmp	r3, #2
	vstmia	r0!, {d0-d15}
	bxne	lr
	vstmia	r0!, {d16-d31}
	bx	lr

/* void hyp_vfp_load(const struct arch_vfp *vfp): after hyp_vfp_save of the other one. */
	.globl	hyp_vfp_load
hyp_vfp_load:
	add	r1, r0, #VFP_D
	vmrs	r3, mvfr0
	and	r3, r3, #0xf
	cmp	r3, #2
	vldmia	r1!, {d0-d15}
	bne	1f
	vldmia	r1!, {d16-d31}
1:	ldr	r2, [r0, #VFP_FPSCR]
	vmsr	fpscr, r2
	ldr	r1, [r0, #VFP_FPEXC]
	tst	r1, #FPEXC_EX
	beq	2f
	ldr	r2, [r0, #VFP_FPINST]
	vmsr	fpinst, r2
	tst	r1, #FPEXC_FP2V
	ldrne	r2, [r0, #VFP_FPINST2]
	vmsrne	fpinst2, r2
2:	vmsr	fpexc, r1
	bx	lr
