/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A machine for tests of the virtual GIC and timer: a VM of up to 8 vCPUs, each with a
 * physical CPU of its own unless told otherwise, real vgic*.c and vtimer*.c over the fake
 * GIC, and little stand-ins for the core and the OS.  The test plays guest and devices.
 */
#ifndef TESTS_VGIC_RIG_H
#define TESTS_VGIC_RIG_H

#include <arm.h>
#include <fake_gich.h>
#include <vgic_regs.h>

#define RIG_CNTFRQ 24000000u

struct rig {
	struct vm vm;
	struct vcpu vcpu[VM_MAXCPU];
	struct arch_vm arch_vm;
	struct arch_vcpu arch_vcpu[VM_MAXCPU];
	struct hyp_vm hvm;
	struct hyp_vcpu hv[VM_MAXCPU];
	uint64_t stats[VM_MAXCPU][VMM_STAT_COUNT];
	uint32_t ncpus;
	bool in_guest[VM_MAXCPU];
	uint32_t cpu_of[VM_MAXCPU];   /* physical CPU */
	int last_on[FAKE_GIC_CPUS];   /* which vCPU's state the CPU has: as hyp_run.c keeps it */
	uint32_t requested;	      /* vCPUs that got VCPU_REQ_IRQ since the test cleared it */
	uint64_t timer_ns[VM_MAXCPU]; /* os_timer_arm'ed; ~0 not */
	void (*timer_fn[VM_MAXCPU])(void *arg);
	uint32_t ended[1024]; /* vm_irq_ended calls, by INTID */
	bool in_handler;      /* os_yield lets vCPUs in the guest exit */
};
extern struct rig rig;

/* n vCPUs, nlrs list registers, nirqs INTIDs; the guest has enabled its CPU interfaces. */
void rig_init(uint32_t n, uint32_t nlrs, uint32_t nirqs);
void rig_enter(uint32_t id); /* as arch_vcpu_enter, into the guest */
void rig_exit(uint32_t id);  /* and back */
void rig_sync(uint32_t id);  /* exit and enter */
/* Let HYP handle what interrupts the CPU while vCPU id runs; requests make it exit and enter. */
void rig_settle(uint32_t id);
/* A guest's distributor access, by HYP if it runs and HYP can, else by the host. */
uint32_t rig_access(uint32_t id, uint32_t offset, uint32_t size, bool write, uint32_t data);
uint32_t rig_read(uint32_t id, uint32_t offset);
void rig_write(uint32_t id, uint32_t offset, uint32_t data);
/* The guest on vCPU id: acknowledge, end. */
uint32_t rig_ack(uint32_t id);
void rig_eoi(uint32_t id, uint32_t iar);
void rig_on(uint32_t id); /* select the vCPU's physical CPU */

#endif /* TESTS_VGIC_RIG_H */
