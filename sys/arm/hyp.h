/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What host and HYP share: struct hyp_vm (a VM's pages), struct hyp_vcpu (a vCPU's),
 * struct hyp_cpu (a physical CPU's), and the calls the host makes.  All three come
 * from os_pages_alloc and are mapped in HYP, data never executable, while they live.
 *
 * Tags: [I] immutable after init, [o] owned by the CPU that runs the vCPU (or by the
 * host while it does not run), [a] atomic, [L] vm->lock below, [h] HYP only.
 *
 * Files named *_hyp.c and those that the Kbuild compiles twice (vgic.c, vgic_mmio.c,
 * vtimer.c, psci_fast.c, ...) run in HYP: no call outside hyp.o, no host pointer but
 * through hyp_va(), no os.h function.
 */
#ifndef ARM_HYP_H
#define ARM_HYP_H

#include <arch_regs.h>
#include <hyp_va.h>
#include <vmm/vmm_stat.h>

#include "hyp_lock.h"
#include "hyp_verdict.h"
#include "types.h"
#include "vgic.h"
#include "vtimer.h"

/* Why hyp_vcpu_run came back to the host. */
enum hyp_exit {
	HYP_EXIT_TRAP,	 /* trap holds the syndrome */
	HYP_EXIT_IRQ,	 /* a physical interrupt: the host takes it when it enables interrupts */
	HYP_EXIT_SERROR, /* an asynchronous abort hit while the guest ran */
	HYP_EXIT_REQ,	 /* vcpu->requests was not empty at entry */
};

struct hyp_vm {
	uint64_t vttbr;	      /* [o: host, with no vCPU in the guest] VMID and stage 2 root */
	uint64_t vmid_gen;    /* [L: of the VMID allocator] */
	uint64_t cntvoff;     /* [I after first run] CNTPCT - CNTVCT of this VM */
	struct hyp_lock lock; /* SPIs and the distributor's shared state */
	uint32_t nvcpus;      /* [I] VM_MAXCPU slots below, this many may be set */
	hyp_va_t vcpu[8];     /* [a] struct hyp_vcpu of each vCPU, 0 if none */
	struct vgic vgic;     /* [L] */
};

struct hyp_vcpu {
	struct arch_gpregs regs; /* [o] */
	struct arch_sysregs sys; /* [o] */
	struct arch_vfp vfp;	 /* [o] */
	struct arch_trap trap;	 /* [o] of the last HYP_EXIT_TRAP */
	uint32_t exit;		 /* [o] enum hyp_exit */
	uint32_t requests;	 /* [a] VCPU_REQ_*; struct vcpu points here */
	uint32_t id;		 /* [I] */
	arch_reg_t midr, mpidr;	 /* [I] VPIDR, VMPIDR: what the guest reads */
	arch_reg_t hcr;		 /* [o] HCR (HCR_EL2) of this vCPU: base bits | TVM | VA.. */
	/* [I] traps of coprocessors, CP15 by CRn, debug; CPTR_EL2, HSTR_EL2, MDCR_EL2 */
	arch_reg_t hcptr, hstr, hdcr;
	uint32_t smccc_exit;  /* [o] unknown SMCCC calls are user space's to answer */
	uint32_t vfp_loaded;  /* [h] the guest's VFP registers are in the CPU */
	uint32_t loaded_cpu;  /* [o] physical CPU it last ran on, ~0: none; TLB and active state */
	hyp_va_t vm;	      /* [I] struct hyp_vm */
	struct vgic_cpu vgic; /* [o] but its inbox [a] */
	struct vtimer vtimer; /* [o] */
	/* [I] CP15 c0, opc1 0 (op0 3, op1 0, CRn 0), as the guest reads it: CRm * 8 + opc2 */
	arch_reg_t id_regs[64];
	uint32_t cp10_id[16]; /* [I] FPSID, MVFR0, MVFR1: by the number VMRS has for them */
	uint64_t stats[VMM_STAT_COUNT]; /* [o] */
};

/* Facts of the board that HYP needs; in hyp.o's data, written by arch_init before HYP maps it. */
struct hyp_params {
	hyp_va_t gich, gicd; /* device mappings, 4 KiB each */
	uint32_t nlrs;
	uint32_t vtimer_ppi; /* INTID */
	uint32_t vtcr;
};
extern struct hyp_params hyp_params;

/* The host's calls: r0 (x0) of its HVC #0.  1 stays the kernel's soft restart. */
enum hyp_call {
	HYP_CALL_SOFT_RESTART = 1,     /* r1: pa; as the kernel's own stub has it */
	HYP_CALL_BASE = 0x56000000,    /* 'V': anything else answers HYP_CALL_UNKNOWN */
	HYP_CALL_NULL = HYP_CALL_BASE, /* answers 0: for measuring, and to see who is there */
	HYP_CALL_VCPU_RUN,	       /* r1: hyp_va of hyp_vcpu */
	/* The TLB flushes begin with a DSB, for the stores that they follow. */
	HYP_CALL_TLB_FLUSH_VM,	/* r1: hyp_va of hyp_vm: all of its VMID, inner shareable */
	HYP_CALL_TLB_FLUSH_ALL, /* all non-HYP entries, all VMIDs, inner shareable; and I-caches */
	HYP_CALL_TLB_FLUSH_HYP, /* r1: va of a page HYP mapped, inner shareable */
	HYP_CALL_LEAVE,		/* put the kernel's stub back on this CPU */
	HYP_CALL_END
};
#define HYP_CALL_UNKNOWN 0xbadca11u /* what the Linux stub answers too */

/* Host side (sys/armv7/hyp_cpu.c; scripted by sys/os/fake).  TLB_FLUSH_VM: interrupts on. */
uint32_t hyp_call(uint32_t call, uintptr_t a1);
void hyp_vcpu_run(struct hyp_vcpu *v); /* interrupts off */
/*
 * Map or unmap os_pages_alloc memory in HYP, read-write, never executable; may sleep.  At least one
 * page is mapped, or -ENOMEM and none.
 */
int hyp_map_pages(void *va, unsigned int npages);
void hyp_unmap_pages(void *va, unsigned int npages);

/* HYP's own answer to a trap: in sys/arm/hyp_fast.c, called by sys/armv7/hyp_run.c. */
enum hyp_verdict hyp_fast_trap(struct hyp_vcpu *v);
enum hyp_verdict hyp_fast_irq(struct hyp_vcpu *v);

#endif /* ARM_HYP_H */
