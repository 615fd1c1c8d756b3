/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The life of a vCPU, and who has it: run_busy is a lock of four states, taken by
 * VM_RUN (FREE to BUSY) and by ioctls that look inside (FREE to HELD, or, when a thread
 * is in VM_RUN, through VCPU_REQ_STOP from BUSY to PARKED).  One ioctl at a time does
 * so: it holds vm->lock.  docs/locking.md has the picture.  Host kernel, may sleep.
 */
#include <string.h>

#include "core.h"
#include "errno.h"

#define TRACE_ORDER 1u
_Static_assert(
    VMM_TRACE_RECS * sizeof(struct vm_trace_rec) <= (PAGE_BYTES << TRACE_ORDER), "the ring fits");
_Static_assert((VMM_TRACE_RECS & (VMM_TRACE_RECS - 1)) == 0, "the ring's index is a mask");

/* ---- making and unmaking ---- */

static int
vcpu_create(struct vm *vm, uint32_t id, struct vcpu **out)
{
	struct vcpu *vcpu = os_zalloc(sizeof(*vcpu));
	int error = -ENOMEM;

	if (vcpu == NULL)
		return error;
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->cpu = -1;
	os_waitq_init(&vcpu->wq);
	vcpu->trace = os_pages_alloc(TRACE_ORDER);
	if (vcpu->trace == NULL)
		goto free;
	error = arch_vcpu_init(vcpu);
	if (error != 0)
		goto free_trace;
	arch_vcpu_reset(vcpu, id == 0);
	*out = vcpu;
	return 0;
free_trace:
	os_pages_free(vcpu->trace, TRACE_ORDER);
free:
	os_free(vcpu);
	return error;
}

void
vcpu_free(struct vcpu *vcpu)
{
	arch_vcpu_destroy(vcpu);
	os_pages_free(vcpu->trace, TRACE_ORDER);
	os_free(vcpu);
}

int
vcpu_get(struct vm *vm, uint32_t id, struct vcpu **out)
{
	struct vcpu *vcpu;
	int error;

	if (id >= vm->topo.maxcpus)
		return -EINVAL;
	if (vm->vcpu[id] == NULL) {
		error = vcpu_create(vm, id, &vcpu);
		if (error != 0)
			return error;
		/* Release: who finds it finds it whole. */
		__atomic_store_n(&vm->vcpu[id], vcpu, __ATOMIC_RELEASE);
	}
	*out = vm->vcpu[id];
	return 0;
}

struct vcpu *
vm_made_vcpu(struct vm *vm, uint32_t id)
{
	return id < VM_MAXCPU ? __atomic_load_n(&vm->vcpu[id], __ATOMIC_ACQUIRE) : NULL;
}

struct vcpu *
vm_vcpu(struct vm *vm, uint32_t id)
{
	if (id >= VM_MAXCPU || (__atomic_load_n(&vm->active, __ATOMIC_ACQUIRE) & BIT64(id)) == 0)
		return NULL;
	return vm_made_vcpu(vm, id);
}

int
vcpu_activate(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	if ((vm->active & BIT64(vcpu->id)) != 0)
		return -EBUSY;
	__atomic_store_n(&vm->active, vm->active | BIT64(vcpu->id), __ATOMIC_RELEASE);
	return 0;
}

void
vcpu_reset(struct vcpu *vcpu)
{
	arch_vcpu_reset(vcpu, vcpu->id == 0);
	__atomic_store_n(vcpu->requests, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&vcpu->caps, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&vcpu->suspended, 0, __ATOMIC_RELAXED);
	vcpu->told = 0;
}

/* ---- run_busy ---- */

static uint32_t
busy_state(const struct vcpu *vcpu)
{
	return __atomic_load_n(&vcpu->run_busy, __ATOMIC_ACQUIRE);
}

static bool
busy_take(struct vcpu *vcpu, uint32_t new, uint32_t *seen)
{
	*seen = VCPU_FREE;
	return __atomic_compare_exchange_n(
	    &vcpu->run_busy, seen, new, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);
}

static bool
is_not_held(void *arg)
{
	return busy_state(arg) != VCPU_HELD;
}

static bool
is_not_busy(void *arg)
{
	return busy_state(arg) != VCPU_BUSY;
}

static bool
is_not_parked(void *arg)
{
	return busy_state(arg) != VCPU_PARKED;
}

static bool
is_free(void *arg)
{
	return busy_state(arg) == VCPU_FREE;
}

bool
vcpu_in_run(const struct vcpu *vcpu)
{
	uint32_t s = vcpu != NULL ? busy_state(vcpu) : VCPU_FREE;

	return s == VCPU_BUSY || s == VCPU_PARKED;
}

int
vcpu_run_begin(struct vcpu *vcpu)
{
	uint32_t seen;

	while (!busy_take(vcpu, VCPU_BUSY, &seen)) {
		if (seen != VCPU_HELD)
			return -EBUSY;
		/* Short, and without EINTR: the caller's data is not consumed yet. */
		os_waitq_wait_uninterruptible(&vcpu->wq, is_not_held, vcpu);
	}
	/*
	 * vm_destroy sets dying, then reads run_busy; we write run_busy, then read dying, both
	 * sequentially consistent: it waits for us or we see it.
	 */
	if (__atomic_load_n(&vcpu->vm->dying, __ATOMIC_SEQ_CST) != 0) {
		vcpu_run_end(vcpu);
		return -ENXIO;
	}
	__atomic_store_n(&vcpu->state, VCPU_FROZEN, __ATOMIC_RELEASE);
	return 0;
}

void
vcpu_run_end(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->state, VCPU_IDLE, __ATOMIC_RELEASE);
	__atomic_store_n(&vcpu->run_busy, VCPU_FREE, __ATOMIC_SEQ_CST);
	/*
	 * Who waits for us has set STOP or dying before it looked at run_busy (vcpu_hold,
	 * vm_destroy), so nobody who sleeps is missed, and the common way out wakes nobody.
	 */
	if ((__atomic_load_n(vcpu->requests, __ATOMIC_SEQ_CST) & VCPU_REQ_STOP) != 0 ||
	    __atomic_load_n(&vcpu->vm->dying, __ATOMIC_SEQ_CST) != 0)
		os_waitq_wake(&vcpu->wq);
}

void
vcpu_park(struct vcpu *vcpu)
{
	/* Release: registers and all else are in memory for the one who looks. */
	__atomic_store_n(&vcpu->run_busy, VCPU_PARKED, __ATOMIC_RELEASE);
	os_waitq_wake(&vcpu->wq);
	os_waitq_wait_uninterruptible(&vcpu->wq, is_not_parked, vcpu);
}

bool
vcpu_try_hold(struct vcpu *vcpu)
{
	uint32_t seen;

	return busy_take(vcpu, VCPU_HELD, &seen);
}

void
vcpu_hold(struct vcpu *vcpu)
{
	uint32_t seen;

	while (!busy_take(vcpu, VCPU_HELD, &seen)) {
		if (seen == VCPU_PARKED)
			return;
		/*
		 * A thread that takes this request parks before it does anything else; one that
		 * leaves without taking it leaves it to the next VM_RUN, or to us.
		 */
		vcpu_request(vcpu, VCPU_REQ_STOP);
		os_waitq_wait_uninterruptible(&vcpu->wq, is_not_busy, vcpu);
	}
	__atomic_fetch_and(vcpu->requests, ~VCPU_REQ_STOP, __ATOMIC_RELAXED);
}

void
vcpu_unhold(struct vcpu *vcpu)
{
	uint32_t next = busy_state(vcpu) == VCPU_PARKED ? VCPU_BUSY : VCPU_FREE;

	__atomic_store_n(&vcpu->run_busy, next, __ATOMIC_SEQ_CST);
	os_waitq_wake(&vcpu->wq);
}

void
vcpu_wait_free(struct vcpu *vcpu)
{
	os_waitq_wait_uninterruptible(&vcpu->wq, is_free, vcpu);
}

/* ---- all of them ---- */

bool
vm_try_hold_all(struct vm *vm)
{
	for (uint32_t i = 0; i < VM_MAXCPU; i++) {
		if (vm->vcpu[i] == NULL || vcpu_try_hold(vm->vcpu[i]))
			continue;
		while (i-- > 0)
			if (vm->vcpu[i] != NULL)
				vcpu_unhold(vm->vcpu[i]);
		return false;
	}
	return true;
}

void
vm_quiesce(struct vm *vm)
{
	/* Ask all before waiting for the first: they stop side by side. */
	for (uint32_t i = 0; i < VM_MAXCPU; i++)
		if (vcpu_in_run(vm->vcpu[i]))
			vcpu_request(vm->vcpu[i], VCPU_REQ_STOP);
	for (uint32_t i = 0; i < VM_MAXCPU; i++)
		if (vm->vcpu[i] != NULL)
			vcpu_hold(vm->vcpu[i]);
}

void
vm_unquiesce(struct vm *vm)
{
	for (uint32_t i = 0; i < VM_MAXCPU; i++)
		if (vm->vcpu[i] != NULL)
			vcpu_unhold(vm->vcpu[i]);
}

int
vm_debug_cpu(struct vm *vm, uint32_t id, bool suspend)
{
	uint64_t set = id == ~0u ? vm->active : 0;

	if (id != ~0u) {
		if (vm_vcpu(vm, id) == NULL)
			return -EINVAL;
		set = BIT64(id);
		if (!suspend && (vm->debug & set) == 0)
			return -EINVAL;
	}
	/* Counted, since it may be resumed and suspended again before its thread looks. */
	for (uint32_t i = 0; suspend && i < VM_MAXCPU; i++)
		if ((set & ~vm->debug & BIT64(i)) != 0)
			STORE_ONCE(vm->vcpu[i]->suspends, vm->vcpu[i]->suspends + 1);
	__atomic_store_n(
	    &vm->debug, suspend ? vm->debug | set : vm->debug & ~set, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < VM_MAXCPU; i++)
		if ((set & BIT64(i)) != 0)
			vcpu_request(vm->vcpu[i], VCPU_REQ_DEBUG);
	return 0;
}

static bool
cpuset_has(struct vm *vm, uint32_t which, struct vcpu *vcpu)
{
	switch (which) {
	case VM_ACTIVE_CPUS:
		return true;
	case VM_SUSPENDED_CPUS:
		return LOAD_ONCE(vcpu->suspended) != 0;
	case VM_DEBUG_CPUS:
		return (LOAD_ONCE(vm->debug) & BIT64(vcpu->id)) != 0;
	default:
		return arch_vcpu_powered(vcpu);
	}
}

int
vm_get_cpuset(struct vm *vm, struct vm_cpuset *a)
{
	if (a->pad != 0 || a->which > VM_RUNNABLE_CPUS)
		return -EINVAL;
	a->cpus = 0;
	for (uint32_t i = 0; i < VM_MAXCPU; i++) {
		struct vcpu *vcpu = vm_vcpu(vm, i);

		if (vcpu != NULL && cpuset_has(vm, a->which, vcpu))
			a->cpus |= BIT64(i);
	}
	return 0;
}

/* maxcpus 0 means as many as there are; active vCPUs must stay below it. */
int
vm_set_topology(struct vm *vm, const struct vm_topology *a)
{
	uint32_t max = a->maxcpus != 0 ? a->maxcpus : VM_MAXCPU;
	uint32_t product;

	/* Each bounded first: the product cannot wrap. */
	if (max > VM_MAXCPU || a->sockets > max || a->cores > max || a->threads > max)
		return -EINVAL;
	product = a->sockets * a->cores * a->threads;
	if (product == 0 || product > max)
		return -EINVAL;
	if (vm->active >> max != 0)
		return -EBUSY;
	vm->topo = (struct vm_topology){ a->sockets, a->cores, a->threads, max };
	return 0;
}
