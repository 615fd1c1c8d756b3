/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The ARM half of a VM and a vCPU on the host's side, and the calls between the
 * files of sys/arm and sys/armv7 that run on the host.
 */
#ifndef ARM_ARM_H
#define ARM_ARM_H

#include <vmm.h>

#include "hyp.h"

/* Stage 2 of one VM (stage2.c): vm->mem_lock. */
struct stage2 {
	uint64_t *root; /* concatenated level 1 tables for a 40-bit IPA: see stage2.c */
	uint32_t pages; /* table pages allocated, for accounting and leak checks */
};

struct arch_vm {
	struct hyp_vm *hyp; /* mapped in HYP */
	struct stage2 s2;
	uint32_t set_way_gen;
};

/* An access to a device: everything but the data is kept here while user space works on it. */
struct pending_access {
	bool valid;
	bool write;
	bool sign_extend;
	uint8_t size;	  /* bytes: 1, 2, 4, 8 (LDRD, STRD) */
	uint8_t rt;	  /* register, or the first of a pair */
	uint8_t rt2;	  /* second of a pair with size 8 */
	uint8_t inst_len; /* 2 or 4 */
	bool writeback;	  /* rn gets wb_value when the access completes */
	uint8_t rn;
	bool swap; /* the guest's data accesses are big-endian (CPSR.E) */
	uint32_t wb_value;
	uint32_t far; /* virtual address, for an abort instead */
	uint64_t gpa;
};

struct arch_vcpu {
	struct hyp_vcpu *hyp; /* mapped in HYP */
	struct pending_access access;
	struct os_timer timer;	/* sleeping vCPU: CNTV or CNTP deadline; running: CNTP's */
	uint32_t timer_armed;	/* [a] for CNTP in vtimer_load, and has not fired */
	uint32_t timer_fired;	/* [a] since vtimer_sleep_begin */
	uint32_t timer_advance; /* ticks by which to wake before the deadline: see vtimer.c */
	uint64_t timer_cval;	/* .. at this CNTP_CVAL */
	uint32_t powered;	/* [a] PSCI: 0 off, 1 on, 2 on pending */
	uint32_t caches_on;	/* SCTLR.C as last seen */
	uint32_t on_entry;	/* CPU_ON: entry point, with bit 0 for Thumb */
	uint32_t on_context;	/* CPU_ON: r0 */
	uint32_t on_cpsr_e;	/* CPU_ON: the caller's endianness, CPSR.E */
};

static inline struct arch_vm *
arch_vm(const struct vm *vm)
{
	return vm->arch;
}
static inline struct arch_vcpu *
arch_vcpu(const struct vcpu *vcpu)
{
	return vcpu->arch;
}
static inline struct hyp_vcpu *
hyp_vcpu(const struct vcpu *vcpu)
{
	return arch_vcpu(vcpu)->hyp;
}
static inline struct hyp_vm *
hyp_vm(const struct vm *vm)
{
	return arch_vm(vm)->hyp;
}

/* ---- registers of the current mode (sys/armv7/regs.c; also in hyp.o) ---- */
uint32_t arch_gpr_get(const struct hyp_vcpu *v, unsigned int n); /* 0..14; mode in v->regs.cpsr */
void arch_gpr_set(struct hyp_vcpu *v, unsigned int n, uint32_t val);
/* The one place where PC advances: over len bytes, and the IT state with it (DDI 0406C A2.5.2). */
void arch_pc_advance(struct hyp_vcpu *v, unsigned int len);
/* Whether the conditional instruction that trapped passes (HSR.CV/COND, or CPSR.IT). */
bool arch_cond_passes(const struct hyp_vcpu *v);
bool arch_guest_is_thumb(const struct hyp_vcpu *v);
bool arch_guest_is_user(const struct hyp_vcpu *v);
/* The guest physical address behind va by the guest's own tables (guest_walk.c); may sleep. */
bool arch_guest_translate(struct vcpu *vcpu, uint32_t va, gpa_t *gpa);

/* ---- injection (sys/armv7/inject.c): DDI 0406C B1.8 and B1.9, by SCTLR.{V,TE,EE} and VBAR ---- */
void inject_undef(struct vcpu *vcpu);
void inject_dabt(struct vcpu *vcpu, uint32_t far); /* synchronous external abort */
void inject_pabt(struct vcpu *vcpu, uint32_t far); /* synchronous external abort */
void inject_serror(struct vcpu *vcpu);		   /* virtual asynchronous abort: HCR.VA */

/* ---- exits (exit.c), aborts (abort.c, inst.c), system registers (armv7/cp15.c), PSCI (psci.c) */
enum vcpu_action exit_handle(struct vcpu *vcpu, struct vm_exit *vme);
enum vcpu_action abort_data(struct vcpu *vcpu, struct vm_exit *vme);
enum vcpu_action abort_inst(struct vcpu *vcpu, struct vm_exit *vme);
enum vcpu_action abort_bkpt(struct vcpu *vcpu, struct vm_exit *vme);
enum vcpu_action sysreg_trap(struct vcpu *vcpu, struct vm_exit *vme); /* by the class in HSR.EC */
enum vcpu_action psci_trap(struct vcpu *vcpu, struct vm_exit *vme);   /* HVC, SMC */
/* PSCI and SMCCC calls that need nobody else: true when answered (r0.. are set).  Host and HYP. */
bool psci_fast(struct hyp_vcpu *v);
/* CP15 reads that are constants of the vCPU, CNTP while it is off: true when answered.  HYP. */
bool sysreg_fast(struct hyp_vcpu *v);
void sysreg_trap_bkpt(struct hyp_vcpu *v, bool on); /* the vCPU does not run */
void sysreg_vcpu_init(struct vcpu *vcpu);	    /* hcr, hcptr, hstr, hdcr, midr, mpidr */
void sysreg_vcpu_reset(struct vcpu *vcpu);	    /* reset values, each with its section */
/* After set/way operations and when SCTLR.C changed: design.md rule 8, DDI 0406C B2.2.6. */
void sysreg_caches_changed(struct vcpu *vcpu);

/* ---- memory that HYP maps (vm.c): zeroed whole pages; may sleep ---- */
void *arm_pages_alloc(size_t bytes);
void arm_pages_free(void *va, size_t bytes); /* NULL is fine */

/* ---- stage 2 (stage2.c), VMIDs (vmid.c) ---- */
int stage2_init(struct vm *vm);	    /* -ENOMEM */
void stage2_destroy(struct vm *vm); /* no vCPU runs; fine after a failed init */
/* Nothing is mapped any more, devices neither.  Every vCPU is held; the caller has mem_lock. */
void stage2_reset(struct vm *vm);
/* Device pages (GICV) that arch_stage2_unmap leaves alone.  With mem_lock.  -ENOMEM, -EEXIST */
int stage2_map_device(struct vm *vm, gpa_t gpa, hpa_t pa, unsigned int npages);
/* Give the VM a VMID of the current generation; called before each entry, interrupts off. */
void vmid_update(struct vm *vm);
int vmid_init(unsigned int bits); /* -ENODEV: more CPUs than it can serve */

/* The host's machine as given to arch_init. */
extern struct os_machine arm_machine;
/*
 * LPAE_SH_INNER or _OUTER: how the host shares its memory.  HYP and the guests map it likewise,
 * since aliases that differ in shareability are not coherent (A3.5, mismatched attributes).
 */
extern uint64_t arm_ram_sh;
/* GICH_VTR's list registers, capped; CNTFRQ in Hz. */
extern uint32_t arm_nlrs;
extern uint32_t arm_cntfrq;

#endif /* ARM_ARM_H */
