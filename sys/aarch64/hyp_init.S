/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Into EL2 and out of it.  This code is copied to the identity page, which EL2 maps at
 * its physical address, so that it goes on while it turns the MMU on or off.  It is
 * position-independent, has no literals and touches no memory with the MMU off but
 * struct hyp_boot, which the host has cleaned to the point of coherency.
 */
#include "hyp_offsets.h"

	.section .hyp.ident, "ax", %progbits

	.globl	hyp_ident_start, hyp_ident_leave, hyp_ident_restart, hyp_ident_end
	.align	5
/*
 * From the kernel's stub: EL2, MMU and data caches off, exceptions masked.  The I-cache has
 * nothing old of this page: arch_init invalidated all CPUs', and this CPU's goes here once more,
 * for one that was off then.
 * In: x2 = PA of struct hyp_boot; ELR_EL2, SPSR_EL2 = the host's return.
 * Out: to the host with x0 = 0; x18-x30 kept.
 */
hyp_ident_start:
	mrs	x0, vbar_el2			// to go back to
	mrs	x1, sctlr_el2			// likewise
	ldr	x3, [x2, #BOOT_TTBR0]
	msr	ttbr0_el2, x3
	ldr	x3, [x2, #BOOT_TCR]
	msr	tcr_el2, x3
	ldr	x3, [x2, #BOOT_MAIR]
	msr	mair_el2, x3
	ldr	x3, [x2, #BOOT_VBAR]
	msr	vbar_el2, x3
	ldr	x3, [x2, #BOOT_SP]
	mov	sp, x3
	ldr	x9, [x2, #BOOT_ENTER]
	msr	tpidr_el2, xzr			// the host runs
	isb					// TCR_EL2 and the rest are in force
	tlbi	alle2				// nobody's old entries
	ic	iallu
	dsb	nsh				// they are complete (DDI 0487 D8.13)
	isb
	ldr	x3, [x2, #BOOT_SCTLR]
	msr	sctlr_el2, x3
	isb					// from here on translated, and cached

	str	x30, [sp, #-16]!
	blr	x9				// hyp_cpu_enter(old VBAR_EL2, old SCTLR_EL2)
	ldr	x30, [sp], #16
	mov	x0, #0
	eret

/*
 * HYP_CALL_LEAVE.  In: x0 = SCTLR_EL2 to go back to; VBAR_EL2 is the stub's again.
 * Out: to the host with x0 = 0.  Everything the host sees is in memory that EL2 accessed
 * with the host's own attributes: nothing to clean.
 */
hyp_ident_leave:
	msr	sctlr_el2, x0			// MMU off
	isb
	tlbi	alle2
	dsb	nsh				// the ERET synchronizes
	mov	x0, #0
	eret

/*
 * HYP_CALL_SOFT_RESTART, as the stub does it.  In: x0 as above, x1 = PA of the code to run, x2-x4
 * its arguments.  Out: at that code at EL2, MMU off, arguments in x0-x2.
 *
 * Only a kernel that panics comes here; any other leaves EL2 before.  The TLBs are for who turns
 * the MMU on again, and of the caches only a line of our stack is dirty, which is not the next
 * kernel's memory.
 */
hyp_ident_restart:
	msr	sctlr_el2, x0			// MMU off
	isb
	mov	x0, x2
	mov	x2, x4
	mov	x4, x1
	mov	x1, x3
	br	x4
hyp_ident_end:
