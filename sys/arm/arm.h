/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The ARM half of a VM and a vCPU on the host's side, and the calls between the
 * files of sys/arm and of the width that run on the host.
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
	bool wide;	  /* AArch64: the register is Xt, else Wt */
	bool pair;	  /* LDRD, STRD: size is 8, of two words */
	uint8_t size;	  /* bytes: 1, 2, 4, 8 */
	uint8_t rt;	  /* register, or the first of a pair */
	uint8_t rt2;	  /* second of a pair */
	uint8_t inst_len; /* 2 or 4 */
	bool writeback;	  /* rn gets wb_value when the access completes */
	uint8_t rn;
	bool swap; /* the guest's data accesses are big-endian */
	arch_reg_t wb_value;
	arch_reg_t far; /* virtual address, for an abort instead */
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
	arch_reg_t on_entry;	/* CPU_ON: entry point; ARMv7: with bit 0 for Thumb */
	arch_reg_t on_context;	/* CPU_ON: r0 */
	bool on_big_endian;	/* CPU_ON: the caller's endianness */
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

/*
 * ---- registers (regs.c of each width; also in hyp.o) ----
 * ARMv7: of the current mode, 0..14.  AArch64: X0..X30; 31 is the zero register.
 */
arch_reg_t arch_gpr_get(const struct hyp_vcpu *v, unsigned int n);
void arch_gpr_set(struct hyp_vcpu *v, unsigned int n, arch_reg_t val);
/* The one place where PC advances: over len bytes, and the IT state with it (DDI 0406C A2.5.2). */
void arch_pc_advance(struct hyp_vcpu *v, unsigned int len);
/* Whether the conditional instruction that trapped passes (ESR.CV/COND, or CPSR.IT). */
bool arch_cond_passes(const struct hyp_vcpu *v);
bool arch_guest_is_thumb(const struct hyp_vcpu *v);
bool arch_guest_is_user(const struct hyp_vcpu *v);
bool arch_guest_is_big_endian(const struct hyp_vcpu *v); /* its data accesses.  Host only */
/* The guest physical address behind va by the guest's own tables (guest_walk.c); may sleep. */
bool arch_guest_translate(struct vcpu *vcpu, arch_reg_t va, gpa_t *gpa);

/* ---- a vCPU's first state (reset.c) ---- */
void arch_regs_reset(struct vcpu *vcpu); /* general and vector registers, PC and CPSR; at reset */
/* After arch_regs_reset and sysreg_vcpu_reset: as CPU_ON's request in struct arch_vcpu says. */
void arch_regs_start(struct vcpu *vcpu);
/* Where the instruction at CPU_ON's entry point lies; false: no such entry point. */
bool arch_start_gpa(arch_reg_t entry, gpa_t *gpa);

/* ---- loads and stores without a syndrome (access_inst.c) ---- */
enum access_found {
	ACCESS_FOUND,	/* the access is described */
	ACCESS_RETRY,	/* the guest's tables have changed under it: let it try again */
	ACCESS_UNKNOWN, /* not to be emulated */
};
/*
 * From the instruction.  It is fetched after the fact and may have changed: it must make
 * the very access that trapped.
 */
enum access_found arch_access_from_inst(struct vcpu *vcpu, struct pending_access *a);

/* ---- injection (inject.c of each width) ---- */
void inject_undef(struct vcpu *vcpu);
void inject_dabt(struct vcpu *vcpu, arch_reg_t far); /* synchronous external abort */
void inject_pabt(struct vcpu *vcpu, arch_reg_t far); /* synchronous external abort */
void inject_serror(struct vcpu *vcpu);		     /* virtual asynchronous abort: HCR.VA */

/* ---- exits (exit.c), aborts (abort.c, inst.c), system registers (of each width), PSCI (psci.c) */
enum vcpu_action exit_handle(struct vcpu *vcpu, struct vm_exit *vme);
enum vcpu_action abort_data(struct vcpu *vcpu, struct vm_exit *vme);
enum vcpu_action abort_inst(struct vcpu *vcpu, struct vm_exit *vme);
enum vcpu_action abort_bkpt(struct vcpu *vcpu, struct vm_exit *vme);
enum vcpu_action sysreg_trap(struct vcpu *vcpu, struct vm_exit *vme); /* by the class in ESR.EC */
enum vcpu_action psci_trap(struct vcpu *vcpu, struct vm_exit *vme);   /* HVC, SMC */
/* PSCI and SMCCC calls that need nobody else: true when answered (r0.. are set).  Host and HYP. */
bool psci_fast(struct hyp_vcpu *v);
/* System registers that are answered where the trap is taken: true when they were.  HYP. */
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
