/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Into HYP and out of it.  This code is copied to the identity page, which HYP maps at
 * its physical address, so that it goes on while it turns the MMU on or off.  It is
 * position-independent, has no literals and touches no memory with the MMU off but
 * struct hyp_boot, which the host has cleaned to the point of coherency.
 *
 * In HYP mode lr is the User mode lr (DDI 0406C B1.3.2): it belongs to the host's user.
 */
#include "hyp_offsets.h"

	.syntax	unified
	.arch	armv7-a
	.arch_extension virt
	.arm
	.section .hyp.ident, "ax", %progbits

/* HSCTLR, B4.1.71: the bits that are ours; all others keep what the firmware set. */
#define HSCTLR_M   (1 << 0)
#define HSCTLR_A   (1 << 1)
#define HSCTLR_C   (1 << 2)
#define HSCTLR_I   (1 << 12)
#define HSCTLR_WXN (1 << 19)
#define HSCTLR_EE  (1 << 25)
#define HSCTLR_TE  (1 << 30)

	.globl	hyp_ident_start, hyp_ident_leave, hyp_ident_restart, hyp_ident_end
	.align	5
/*
 * From the kernel's stub: HYP mode, MMU and data caches off, interrupts masked.  The I-cache has
 * nothing old of this page: arch_init invalidated all CPUs', and a kernel does so with that of a
 * CPU that comes up later, before it turns it on.
 * In: r2 = PA of struct hyp_boot; ELR_hyp, SPSR_hyp = the host's return.
 * Out: to the host with r0 = 0; r4-r11, lr kept.
 */
hyp_ident_start:
	mrc	p15, 4, r0, c12, c0, 0		@ HVBAR, to go back to
	mrc	p15, 4, r1, c1, c0, 0		@ HSCTLR, likewise
	ldr	r3, [r2, #BOOT_HTTBR_LO]
	ldr	r12, [r2, #BOOT_HTTBR_HI]
	mcrr	p15, 4, r3, r12, c2		@ HTTBR
	ldr	r3, [r2, #BOOT_HTCR]
	mcr	p15, 4, r3, c2, c0, 2		@ HTCR
	ldr	r3, [r2, #BOOT_HMAIR0]
	mcr	p15, 4, r3, c10, c2, 0		@ HMAIR0
	ldr	r3, [r2, #BOOT_HMAIR1]
	mcr	p15, 4, r3, c10, c2, 1		@ HMAIR1
	ldr	r3, [r2, #BOOT_HVBAR]
	mcr	p15, 4, r3, c12, c0, 0		@ HVBAR
	ldr	sp, [r2, #BOOT_SP]
	ldr	r12, [r2, #BOOT_ENTER]
	mov	r3, #0
	mcr	p15, 4, r3, c13, c0, 2		@ HTPIDR: the host runs
	mcr	p15, 4, r3, c8, c7, 0		@ TLBIALLH: nobody's old entries (B3.10.6)
	dsb	sy				@ it is complete (B3.10.1)
	isb					@ and the translation registers are in force

	bic	r3, r1, #HSCTLR_TE | HSCTLR_EE	@ our vectors are ARM code, little-endian
	bic	r3, r3, #HSCTLR_A
	orr	r3, r3, #HSCTLR_WXN
	orr	r3, r3, #HSCTLR_I
	orr	r3, r3, #HSCTLR_C | HSCTLR_M
	mcr	p15, 4, r3, c1, c0, 0		@ HSCTLR
	isb					@ from here on translated, and cached

	push	{r4, lr}
	blx	r12				@ hyp_cpu_enter(old HVBAR, old HSCTLR)
	pop	{r4, lr}
	mov	r0, #0
	eret

/*
 * HYP_CALL_LEAVE.  In: r0 = HSCTLR to go back to; HVBAR is the stub's again.
 * Out: to the host with r0 = 0.  Everything the host sees is in memory that HYP accessed
 * with the host's own attributes: nothing to clean.
 */
hyp_ident_leave:
	mcr	p15, 4, r0, c1, c0, 0		@ HSCTLR: MMU off
	isb
	mcr	p15, 4, r0, c8, c7, 0		@ TLBIALLH
	dsb	nsh				@ the ERET synchronizes (B3.15.5)
	mov	r0, #0
	eret

/*
 * HYP_CALL_SOFT_RESTART, as the stub does it.  In: r0 as above, r1 = PA of the code to run.
 * Out: at r1 in HYP mode, MMU off, every register but sp as the caller had it.
 *
 * Only a kernel that panics comes here; any other leaves HYP mode before.  The TLBs are for who
 * turns the MMU on again, as hyp_ident_start does, and of the caches only a line of our stack is
 * dirty, which is not the next kernel's memory.
 */
hyp_ident_restart:
	mcr	p15, 4, r0, c1, c0, 0		@ HSCTLR: MMU off
	isb
	mov	r0, #HVC_SOFT_RESTART
	bx	r1
hyp_ident_end:
