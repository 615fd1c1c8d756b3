/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the files of sys/core say to each other and to nobody else.
 */
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include "vmm.h"

/* vm.c */
int vm_name_check(const char *name, size_t size); /* terminated, good characters; may be empty */
int vmm_next(struct vmmctl_vm_next *a);
int vm_reinit(struct vm *vm); /* vm->lock and every vCPU held */
void vm_suspend_why(const struct vm *vm, uint32_t *how, uint32_t *vcpuid);

/* vcpu.c */
bool vcpu_in_run(const struct vcpu *vcpu); /* a thread is in VM_RUN for it; NULL: false */
int vcpu_run_begin(struct vcpu *vcpu);	   /* -EBUSY another thread is, -ENXIO the VM dies */
void vcpu_run_end(struct vcpu *vcpu);
void vcpu_park(struct vcpu *vcpu);	/* on VCPU_REQ_STOP: wait until the holder is done */
void vcpu_wait_free(struct vcpu *vcpu); /* vm->lock, dying is set: no thread is in VM_RUN now */
void vcpu_reset(struct vcpu *vcpu);	/* held; not active */
bool vm_try_hold_all(struct vm *vm);	/* vm->lock; false: a thread is in VM_RUN, nothing held */
int vcpu_activate(struct vcpu *vcpu);	/* vm->lock */
/* Suspend or resume vCPU id, ~0 all active ones: for debuggers.  vm->lock. */
int vm_debug_cpu(struct vm *vm, uint32_t id, bool suspend);
int vm_get_cpuset(struct vm *vm, struct vm_cpuset *a);
int vm_set_topology(struct vm *vm, const struct vm_topology *a); /* vm->lock */

/* doorbell.c, irq_bind.c: vm->lock */
int vm_bind_doorbell(struct vm *vm, const void *file, const struct vm_bind_doorbell *a);
int vm_bind_irq(struct vm *vm, const void *file, const struct vm_bind_irq *a);
void vm_sweep_irqs(void *vm); /* vm->sweep's job */

static inline bool
vcpu_is_debugged(const struct vcpu *vcpu)
{
	return (LOAD_ONCE(vcpu->vm->debug) & BIT64(vcpu->id)) != 0;
}

#endif /* CORE_CORE_H */
