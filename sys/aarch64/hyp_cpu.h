/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the microvisor keeps for each physical CPU, and how its pages lie.  Each CPU has
 * four pages, aligned to their size, of which EL2 maps three:
 *
 *	page 0	not mapped at EL2: the guard below the stack.  The host keeps struct
 *		hyp_boot there, which the trampoline reads with the MMU off.
 *	page 1, 2  the stack, which grows down from page 3
 *	page 3	struct hyp_cpu
 *
 * So EL2 finds struct hyp_cpu by its stack pointer alone, even after an overflow.
 *
 * Tags: [I] immutable once the CPU has entered EL2, [h] only EL2, [h->p] written by EL2,
 * read by the host when it panics.
 */
#ifndef AARCH64_HYP_CPU_H
#define AARCH64_HYP_CPU_H

#include "hyp.h"

#define HYP_CPU_ORDER	   2u
#define HYP_CPU_BYTES	   (PAGE_BYTES << HYP_CPU_ORDER)
#define HYP_CPU_STACK_PAGE 1u
#define HYP_CPU_PAGE	   3u
#define HYP_CPU_TOP	   (HYP_CPU_PAGE * PAGE_BYTES) /* of the stack */

/* What the trampoline loads with the MMU off; cleaned to the point of coherency. */
struct hyp_boot {
	uint64_t ttbr0, tcr, mair, sctlr; /* of EL2 */
	uint64_t vbar, sp;
	uint64_t enter; /* hyp_cpu_enter, called as soon as the MMU is on */
};

/* EL2's controls of EL1, as the host had them before we came. */
struct hyp_ctl {
	uint64_t vttbr, cntvoff, vtcr, hcr, cptr, hstr, mdcr, vpidr, vmpidr, cnthctl;
};

enum hyp_vector {	   /* vectors that only a fault at EL2 can take */
	HYP_VECTOR_SP0,	   /* taken with SP_EL0, which EL2 never uses */
	HYP_VECTOR_SYNC,   /* taken from EL2 */
	HYP_VECTOR_IRQ,	   /* likewise, or routed here while the host runs */
	HYP_VECTOR_FIQ,	   /* likewise */
	HYP_VECTOR_SERROR, /* likewise */
	HYP_VECTOR_TRAP,   /* a trap of the host that is no HVC */
};

struct hyp_fault {
	uint64_t count; /* faults so far; only the first is recorded */
	uint64_t scratch;
	uint64_t vector;
	uint64_t r[31], sp, elr, spsr;
	uint64_t esr, far, hpfar, tpidr;
};

struct hyp_cpu {
	uint32_t id;	     /* [I] os_cpu_id */
	uint32_t in_guest;   /* [h] host_* below hold the host's state, the CPU a guest's */
	uint64_t old_vbar;   /* [h] the kernel's stub */
	uint64_t old_sctlr;  /* [h] SCTLR_EL2 as the stub had it: MMU off */
	uint64_t leave_pa;   /* [I] ways out, in the identity page */
	uint64_t restart_pa; /* [I] */
	uint64_t panic_va;   /* [I] host function that a fault at EL2 returns to */
	uint64_t panic_arg;  /* [I] where the host finds this structure */
	hyp_va_t last_vcpu;  /* [h] ran here last: only compared */
	struct hyp_ctl ctl;  /* [h] */
	struct arch_gpregs host_regs; /* [h] what is EL1's own */
	struct arch_sysregs host_sys; /* [h] */
	struct arch_vfp host_vfp;     /* [h] while a guest's vector registers are loaded */
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

/* ---- EL2 only: between C and assembly ---- */
/* First C on a CPU, right after the MMU came on. */
void hyp_cpu_enter(uint64_t old_vbar, uint64_t old_sctlr);
void hyp_cpu_leave(void);
uint64_t hyp_host_call(uint64_t call, uint64_t a1);
/* Why the guest stopped; enum hyp_verdict. */
uint32_t hyp_guest_trap(struct hyp_vcpu *v);
uint32_t hyp_guest_irq(struct hyp_vcpu *v);
uint32_t hyp_guest_fiq(struct hyp_vcpu *v);
uint32_t hyp_guest_serror(struct hyp_vcpu *v);
void hyp_fault_unwind(struct hyp_cpu *cpu);
/* hyp_switch.S */
void hyp_guest_enter(struct hyp_vcpu *v); /* returns when a verdict was HYP_TO_HOST */
void hyp_vfp_save(struct arch_vfp *vfp);
void hyp_vfp_load(const struct arch_vfp *vfp);
/* hyp_vectors.S: 1 if an SError was pending, which is gone then */
uint32_t hyp_take_serror(void);

#endif /* AARCH64_HYP_CPU_H */
