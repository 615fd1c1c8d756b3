/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the microvisor keeps for each physical CPU, and how its pages lie.  Each CPU has
 * four pages, aligned to their size, of which HYP maps three:
 *
 *	page 0	not mapped in HYP: the guard below the stack.  The host keeps struct
 *		hyp_boot there, which the trampoline reads with the MMU off.
 *	page 1, 2  the stack, which grows down from page 3
 *	page 3	struct hyp_cpu
 *
 * So HYP finds struct hyp_cpu by its stack pointer alone, even after an overflow.
 *
 * Tags: [I] immutable once the CPU has entered HYP, [h] only HYP, [h->p] written by HYP,
 * read by the host when it panics.
 */
#ifndef ARMV7_HYP_CPU_H
#define ARMV7_HYP_CPU_H

#include "hyp.h"

#define HYP_CPU_ORDER	   2u
#define HYP_CPU_BYTES	   (PAGE_BYTES << HYP_CPU_ORDER)
#define HYP_CPU_STACK_PAGE 1u
#define HYP_CPU_PAGE	   3u
#define HYP_CPU_TOP	   (HYP_CPU_PAGE * PAGE_BYTES) /* of the stack */

/* What the trampoline loads with the MMU off; cleaned to the point of coherency. */
struct hyp_boot {
	uint32_t httbr_lo, httbr_hi;
	uint32_t htcr, hmair0, hmair1;
	uint32_t hvbar, sp;
	uint32_t enter; /* hyp_cpu_enter, called as soon as the MMU is on */
};

/* HYP's controls of PL1, as the host had them before we came. */
struct hyp_ctl {
	uint64_t vttbr, cntvoff;
	uint32_t vtcr, hcr, hcptr, hstr, hdcr, vpidr, vmpidr, cnthctl;
};

/* What makes this CPU's branch predictors forget the guest: hyp_run.c. */
enum hyp_forget {
	HYP_FORGET_NOTHING,
	HYP_FORGET_BPIALL,
	HYP_FORGET_ICIALLU,
};

enum hyp_vector { /* vectors that only a fault inside HYP can take */
	HYP_VECTOR_RESET,
	HYP_VECTOR_UNDEF,
	HYP_VECTOR_HVC,
	HYP_VECTOR_PABT,
	HYP_VECTOR_DABT,
	HYP_VECTOR_TRAP, /* a trap of the host that is no HVC */
	HYP_VECTOR_IRQ,	 /* an interrupt routed here while the host runs */
	HYP_VECTOR_FIQ,
};

struct hyp_fault {
	uint32_t count; /* faults so far; only the first is recorded */
	uint32_t scratch;
	uint32_t vector;
	uint32_t r[13], sp, lr, elr, spsr;
	uint32_t hsr, hdfar, hifar, hpfar, htpidr;
};

struct hyp_cpu {
	uint32_t id;	     /* [I] os_cpu_id */
	uint32_t old_hvbar;  /* [h] the kernel's stub */
	uint32_t old_hsctlr; /* [h] as the stub had it: MMU off */
	uint32_t leave_pa;   /* [I] ways out, in the identity page */
	uint32_t restart_pa; /* [I] */
	uint32_t panic_va;   /* [I] host function that a fault inside HYP returns to */
	uint32_t thumbee;    /* [h] ThumbEE's registers exist */
	uint32_t forget;     /* [h] enum hyp_forget */
	uint32_t in_guest;   /* [h] host_* below hold the host's state, the CPU a guest's */
	hyp_va_t last_vcpu;  /* [h] ran here last: only compared */
	struct hyp_ctl ctl;  /* [h] */
	struct arch_gpregs host_regs; /* [h] banked ones only */
	struct arch_sysregs host_sys; /* [h] */
	struct arch_vfp host_vfp;     /* [h] while a guest's VFP registers are loaded */
	struct hyp_fault fault;	      /* [h->p] */
};
_Static_assert(sizeof(struct hyp_cpu) <= PAGE_BYTES, "struct hyp_cpu is one page");

/* hyp_init.S: copied to the identity page */
extern const char hyp_ident_start[], hyp_ident_leave[], hyp_ident_restart[], hyp_ident_end[];
/* hyp_vectors.S */
extern const char hyp_vectors[];
/* hyp.lds */
extern const char hyp_text_start[], hyp_text_end[], hyp_rodata_start[], hyp_rodata_end[];
extern char hyp_data_start[], hyp_data_end[];

/* ---- HYP only: between C and assembly ---- */
/* First C on a CPU, right after the MMU came on. */
void hyp_cpu_enter(uint32_t old_hvbar, uint32_t old_hsctlr);
void hyp_cpu_leave(void);
uint32_t hyp_host_call(uint32_t call, uintptr_t a1);
/* Why the guest stopped; enum hyp_verdict. */
uint32_t hyp_guest_trap(struct hyp_vcpu *v);
uint32_t hyp_guest_irq(struct hyp_vcpu *v);
uint32_t hyp_guest_fiq(struct hyp_vcpu *v);
void hyp_fault_unwind(struct hyp_cpu *cpu);
/* hyp_switch.S */
void hyp_guest_enter(struct hyp_vcpu *v); /* returns when a verdict was HYP_TO_HOST */
void hyp_banked_save(struct arch_gpregs *regs);
void hyp_banked_load(const struct arch_gpregs *regs);
void hyp_vfp_save(struct arch_vfp *vfp);
void hyp_vfp_load(const struct arch_vfp *vfp);
/* hyp_vectors.S: 1 if an asynchronous abort was pending, which is gone then */
uint32_t hyp_take_serror(void);

#endif /* ARMV7_HYP_CPU_H */
