/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The window through which the core sees the processor.  sys/arm implements it
 * over sys/armv7 or sys/aarch64; the unit tests run sys/arm over a scripted
 * world switch (sys/os/fake).
 */
#ifndef CORE_ARCH_H
#define CORE_ARCH_H

#include <vmm/vmm_dev.h>

#include "os.h"

struct vm;
struct vcpu;

/* ---- the module: in sys/armv7 and sys/arm ---- */
/* Allocates tables and pages, maps HYP text and data.  After it the glue brings each CPU up. */
int arch_init(const struct os_machine *m);
void arch_fini(void); /* every CPU is down again */
/* On the CPU itself, interrupts off.  Enter or leave HYP; both know when there is nothing to do. */
int arch_cpu_up(void);
void arch_cpu_down(void);
bool arch_cpu_is_up(void);
void arch_info(
    struct vmmctl_info *info); /* fills list_registers, cntfrq, ipa_bits, vmid_bits, arch */
/*
 * One of our PPIs (CNTV's or the GIC's maintenance interrupt) reached the host's handler: HYP deals
 * with both, so nobody wanted it.  Silence its source on this CPU.  Hard interrupt context.
 */
void arch_host_ppi(bool vtimer);
/*
 * Instruction caches of all CPUs forget everything (ICIALLUIS, DDI 0406C B4.2.1).  What the caller
 * wrote is clean and a DSB has completed that (B2.2.7); a CPU executes it after an exception, an
 * exception return or an ISB.  Any context.
 */
void arch_icache_invalidate_all(void);

/* ---- a VM: under vm->lock without vm->mem_lock, may sleep; every vCPU is held ---- */
int arch_vm_init(struct vm *vm);
void arch_vm_destroy(struct vm *vm); /* no vCPU runs; also after a failed init */
/*
 * Back to the state after init, but a vGIC stays attached, with its registers reset; stage 2 is
 * emptied of memory, so that pages are cleaned again (VM_REINIT).  The core resets the vCPUs
 * afterwards.
 */
void arch_vm_reset(struct vm *vm);
/* -EEXIST there is one.  The core has checked that sizes are whole pages and nothing overlaps. */
int arch_vm_attach_vgic(struct vm *vm, const struct vm_attach_vgic *a);

/* ---- a vCPU: it does not run ---- */
int arch_vcpu_init(
    struct vcpu *vcpu); /* sets vcpu->requests and ->stats; undoes itself on failure */
void arch_vcpu_destroy(struct vcpu *vcpu);
/* Architectural reset state, no access pending; powered on or off in PSCI's sense. */
void arch_vcpu_reset(struct vcpu *vcpu, bool powered_on);
int arch_get_register(struct vcpu *vcpu, uint32_t reg, uint64_t *val); /* -EINVAL unknown */
int arch_set_register(struct vcpu *vcpu, uint32_t reg, uint64_t val);

/* The counter of arch_cntpct() in ns, for statistics: no division. */
uint64_t arch_ticks_to_ns(uint64_t ticks);

/* ---- running ---- */
enum vcpu_action {
	EXIT_RESUME,  /* go on */
	EXIT_BLOCK,   /* sleep until arch_vcpu_has_work() */
	EXIT_YIELD,   /* go on, but let others first */
	EXIT_TO_USER, /* vme is filled */
};
/* The thread that runs the vCPU has come to this CPU / leaves it.  Preemption off. */
void arch_vcpu_load(struct vcpu *vcpu);
void arch_vcpu_put(struct vcpu *vcpu);
/* Into the guest and back.  Interrupts off, preemption off, loaded. */
void arch_vcpu_enter(struct vcpu *vcpu);
/* What the guest wanted.  Preemptible, may sleep. */
enum vcpu_action arch_vcpu_exit(struct vcpu *vcpu, struct vm_exit *vme);
/*
 * Complete the access that left with INST_EMUL: data is believed for a read, all else
 * was kept in the kernel.  abort: inject a synchronous external abort instead.  No-op when
 * nothing is pending.
 */
void arch_vcpu_complete(struct vcpu *vcpu, uint64_t data, bool abort);
bool arch_vcpu_access_pending(const struct vcpu *vcpu);
/* It is powered on and a deliverable interrupt is pending.  Any context, no locks held. */
bool arch_vcpu_has_work(struct vcpu *vcpu);
/*
 * PSCI's power state: on, or about to be.  While false the run loop does not enter the guest
 * but sleeps; VCPU_REQ_POWER says that it changed.  Any context.
 */
bool arch_vcpu_powered(const struct vcpu *vcpu);
/*
 * By the vCPU's own thread, outside the guest, on VCPU_REQ_POWER and before its first entry:
 * carry out a CPU_ON that waits (reset state, entry point).  No-op otherwise.  May sleep.
 */
void arch_vcpu_power_update(struct vcpu *vcpu);
/* Before and after the thread sleeps in WFI: arm and cancel the host timer for CNTV and CNTP. */
void arch_vcpu_sleep_begin(struct vcpu *vcpu);
void arch_vcpu_sleep_end(struct vcpu *vcpu);

/* ---- interrupts: any context but NMI ---- */
int arch_assert_irq(struct vm *vm, uint32_t intid); /* -EINVAL no such SPI, -ENXIO no vGIC */
int arch_deassert_irq(struct vm *vm, uint32_t intid);
int arch_pulse_irq(struct vm *vm, uint32_t intid);
/*
 * The line as bound descriptors hold it, besides what arch_assert_irq says: high until the guest
 * has ended the interrupt, which vm_irq_ended tells in the thread of a vCPU.  arch_resample_irq
 * says whether such descriptors are bound; arch_hold_irq does nothing before, and off lowers it.
 */
int arch_irq_check(struct vm *vm, uint32_t intid); /* -EINVAL no such SPI, -ENXIO no vGIC */
void arch_resample_irq(struct vm *vm, uint32_t intid, bool on);
void arch_hold_irq(struct vm *vm, uint32_t intid);

/* ---- stage 2: under vm->mem_lock ---- */
/*
 * Map npages (1 or 512, aligned) at gpa: break-before-make, cleaned by the caller.
 * prot is VM_PROT_*.  -ENOMEM.  Mapping what is already mapped the same way does nothing.
 */
int arch_stage2_map(struct vm *vm, gpa_t gpa, hpa_t pa, unsigned int npages, uint32_t prot);
/* Is it mapped just so already?  Then there is nothing to clean or to map. */
bool arch_stage2_has(const struct vm *vm, gpa_t gpa, hpa_t pa, unsigned int npages, uint32_t prot);
/* Unmap; when it returns no CPU can reach the pages (DDI 0406C B3.10). */
void arch_stage2_unmap(struct vm *vm, gpa_t gpa, uint64_t len);
/* Call fn for every mapped run of RAM in the VM: for cleaning after set/way operations. */
void arch_stage2_for_each(struct vm *vm, void (*fn)(void *arg, gpa_t gpa, uint64_t len), void *arg);

#endif /* CORE_ARCH_H */
