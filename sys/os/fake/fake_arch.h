/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A processor for tests of the core alone: arch.h over a script.  Each vCPU has a queue of
 * things that its guest does; with an empty queue it spins until an interrupt.
 */
#ifndef FAKE_FAKE_ARCH_H
#define FAKE_FAKE_ARCH_H

#include <vmm.h>

enum fake_do {
	FAKE_SPIN,  /* compute until an interrupt comes */
	FAKE_NOP,   /* an exit that needs nothing */
	FAKE_LOAD,  /* a load at gpa: memory, or a device's, by user space */
	FAKE_STORE, /* a store of val */
	FAKE_FETCH, /* an instruction that the host must read: vm_mem_read */
	FAKE_FLUSH, /* set/way operations: vm_mem_flush_all */
	FAKE_WFI,   /* val: ns until the guest's own timer, 0 none */
	FAKE_WFE,
	FAKE_SUSPEND, /* PSCI: val is enum vm_suspend_how */
	FAKE_CPU_ON,  /* val: the vCPU */
	FAKE_CPU_OFF,
	FAKE_SLOW,  /* an exit that takes val microseconds to deal with */
	FAKE_FATAL, /* VM_EXITCODE_HYP */
	FAKE_EOI,   /* the end of interrupt val */
	FAKE_DOES   /* how many there are */
};

struct fake_action {
	enum fake_do what;
	uint64_t gpa, val;
};

#define FAKE_ACTIONS 64u
struct fake_vcpu {
	uint32_t requests;
	uint32_t powered; /* [a] 0 off, 1 on, 2 to be turned on */
	uint32_t irq;	  /* [a] an interrupt is pending */
	uint64_t stats[VMM_STAT_COUNT];
	uint64_t regs[VM_REG_LAST];
	struct fake_action queue[FAKE_ACTIONS];
	uint32_t head, tail; /* [a] */
	struct fake_action now;
	bool load_pending;
	bool store_pending;
	uint64_t loaded;		      /* what the last load gave */
	uint32_t aborted;		      /* accesses answered with an abort */
	uint32_t enters, completed, in_guest; /* [a] */
	uint32_t resets;
	struct os_timer timer;
};

static inline struct fake_vcpu *
fake_vcpu(const struct vcpu *vcpu)
{
	return vcpu->arch;
}

void fake_do(struct vcpu *vcpu, enum fake_do what, uint64_t gpa, uint64_t val);
void fake_irq(struct vcpu *vcpu);    /* from any thread: make an interrupt pending and notify */
uint32_t fake_pulses(struct vm *vm); /* arch_pulse_irq calls since the last look */
bool fake_is_resampled(struct vm *vm, uint32_t intid);
bool fake_is_held(struct vm *vm, uint32_t intid);
unsigned int fake_stage2_pages(struct vm *vm);
uint32_t fake_stage2_blocks(struct vm *vm);

#endif /* FAKE_FAKE_ARCH_H */
