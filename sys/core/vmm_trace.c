/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The trace ring of a vCPU.  Written from any context without a lock, mostly by the vCPU's
 * own thread; read while it is written.  A record's number in the ring is its slot and, in
 * the field that shows the vCPU to user space, its low 16 bits: a reader takes a record only
 * if that tag is right before and after the copy.
 */
#include <string.h>

#include "core.h"
#include "errno.h"

static struct vm_trace_rec *
trace_slot(struct vcpu *vcpu, uint64_t seq)
{
	return &vcpu->trace[seq & (VMM_TRACE_RECS - 1)];
}

void
vmm_trace(struct vcpu *vcpu, enum vmm_trace_event ev, uint32_t a, uint64_t b)
{
	uint64_t seq = __atomic_fetch_add(&vcpu->trace_head, 1, __ATOMIC_RELAXED);
	struct vm_trace_rec *r = trace_slot(vcpu, seq);

	/* No reader's tag: the slot's last one had another number, the next one's differs too. */
	STORE_ONCE(r->vcpuid, (uint16_t)(seq + 1));
	__atomic_thread_fence(__ATOMIC_RELEASE);
	STORE_ONCE(r->cntvct, arch_cntpct());
	STORE_ONCE(r->event, (uint16_t)ev);
	STORE_ONCE(r->a, a);
	STORE_ONCE(r->b, b);
	__atomic_store_n(&r->vcpuid, (uint16_t)seq, __ATOMIC_RELEASE);
}

/* False: it is being written, or was overwritten. */
static bool
trace_copy(struct vcpu *vcpu, uint64_t seq, struct vm_trace_rec *out)
{
	struct vm_trace_rec *r = trace_slot(vcpu, seq);

	if (__atomic_load_n(&r->vcpuid, __ATOMIC_ACQUIRE) != (uint16_t)seq)
		return false;
	out->cntvct = LOAD_ONCE(r->cntvct);
	out->event = LOAD_ONCE(r->event);
	out->a = LOAD_ONCE(r->a);
	out->b = LOAD_ONCE(r->b);
	out->vcpuid = (uint16_t)vcpu->id;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return LOAD_ONCE(r->vcpuid) == (uint16_t)seq;
}

static uint64_t
trace_oldest(uint64_t head)
{
	return head > VMM_TRACE_RECS ? head - VMM_TRACE_RECS : 0;
}

static void
trace_drain(struct vcpu *vcpu, struct vm_trace *t, uint64_t head)
{
	uint64_t oldest = trace_oldest(head);

	if (t->cursor < oldest) {
		t->lost += oldest - t->cursor;
		t->cursor = oldest;
	}
	while (t->count < VM_TRACE_BATCH && t->cursor < head) {
		if (trace_copy(vcpu, t->cursor, &t->recs[t->count])) {
			t->count++;
		} else {
			/* Not written yet: next time.  Overwritten: it is lost. */
			if (t->cursor >= trace_oldest(LOAD_ONCE(vcpu->trace_head)))
				break;
			t->lost++;
		}
		t->cursor++;
	}
}

int
vmm_trace_read(struct vm *vm, struct vm_trace *t)
{
	uint32_t id = t->vcpuid;
	uint64_t cursor = t->cursor, head;
	struct vcpu *vcpu;

	vcpu = vm_made_vcpu(vm, id);
	if (vcpu == NULL)
		return -EINVAL;
	memset(t, 0, sizeof(*t));
	t->vcpuid = id;
	head = __atomic_load_n(&vcpu->trace_head, __ATOMIC_ACQUIRE);
	t->cursor = cursor < head ? cursor : head;
	trace_drain(vcpu, t, head);
	/* What did not come is nobody's old record. */
	memset(&t->recs[t->count], 0, (VM_TRACE_BATCH - t->count) * sizeof(t->recs[0]));
	return 0;
}
