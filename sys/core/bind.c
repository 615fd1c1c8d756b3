/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Sorted tables of bindings that vCPUs read without a lock.  A vCPU's thread says in bind_seq that
 * it reads; who changes a table does so in a copy, shows the copy, and waits for the threads that
 * may still read the old one, which is a microsecond: they have preemption off.  Each side stores
 * and then loads what the other stored, sequentially consistent, so that not both miss the other.
 * Host kernel.
 */
#include "bind.h"
#include "errno.h"

_Static_assert(BIND_MAX == VM_MAX_DOORBELLS && BIND_MAX == VM_MAX_IRQ_BINDS, "the ABI's limits");

int
bind_key_cmp(const struct bind_key *a, const struct bind_key *b)
{
	if (a->where != b->where)
		return a->where < b->where ? -1 : 1;
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	if (a->data != b->data)
		return a->data < b->data ? -1 : 1;
	return 0;
}

uint32_t
bind_find(const struct bind_table *t, const struct bind_key *key)
{
	uint32_t low = 0, high = t->n, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (bind_key_cmp(&t->row[mid]->key, key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* ---- readers ---- */

const struct bind_table *
bind_read_begin(struct vcpu *vcpu, struct bind_set *const *at)
{
	const struct bind_set *set = __atomic_load_n(at, __ATOMIC_ACQUIRE);

	if (set == NULL)
		return NULL;
	os_preempt_disable();
	__atomic_store_n(&vcpu->bind_seq, vcpu->bind_seq + 1, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&set->now, __ATOMIC_SEQ_CST);
}

void
bind_read_end(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->bind_seq, vcpu->bind_seq + 1, __ATOMIC_RELEASE);
	os_preempt_enable();
}

/* Whoever began to read before our last store has ended. */
static void
wait_for_readers(struct vm *vm)
{
	struct vcpu *vcpu;
	uint32_t seq;

	for (uint32_t i = 0; i < VM_MAXCPU; i++) {
		vcpu = vm_made_vcpu(vm, i);
		if (vcpu == NULL)
			continue;
		seq = __atomic_load_n(&vcpu->bind_seq, __ATOMIC_SEQ_CST);
		/* Not until it is even: a guest may ring again and again. */
		while ((seq & 1) != 0 && __atomic_load_n(&vcpu->bind_seq, __ATOMIC_ACQUIRE) == seq)
			os_yield();
	}
}

/* ---- changes ---- */

const struct bind_table *
bind_now(const struct bind_set *set)
{
	return set != NULL ? set->now : NULL;
}

static struct bind_table *
other_half(struct bind_set *set)
{
	return set->now == &set->half[0] ? &set->half[1] : &set->half[0];
}

static int
set_make(struct bind_set **at)
{
	struct bind_set *set;

	if (*at != NULL)
		return 0;
	set = os_zalloc(sizeof(*set));
	if (set == NULL)
		return -ENOMEM;
	set->now = &set->half[0];
	__atomic_store_n(at, set, __ATOMIC_RELEASE);
	return 0;
}

static void
rows_copy(struct bind_table *to, const struct bind_table *from, uint32_t skip, uint32_t leave)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < from->n; i++) {
		if (i == leave)
			n++;
		if (i != skip)
			to->row[n++] = from->row[i];
	}
	to->n = n;
}

static void
show(struct vm *vm, struct bind_set *set, struct bind_table *t)
{
	__atomic_store_n(&set->now, t, __ATOMIC_SEQ_CST);
	wait_for_readers(vm);
}

int
bind_insert(struct vm *vm, struct bind_set **at, struct binding *b)
{
	int error = set_make(at);
	struct bind_table *t;
	uint32_t place;

	if (error != 0)
		return error;
	if ((*at)->now->n == BIND_MAX)
		return -ENOSPC;
	t = other_half(*at);
	place = bind_find((*at)->now, &b->key);
	rows_copy(t, (*at)->now, BIND_MAX, place);
	t->row[place] = b;
	t->n = (*at)->now->n + 1;
	show(vm, *at, t);
	return 0;
}

void
bind_remove(struct vm *vm, struct bind_set *set, uint32_t row)
{
	struct bind_table *t = other_half(set);

	rows_copy(t, set->now, row, BIND_MAX);
	show(vm, set, t);
}

static void
unbind_rows(struct vm *vm, struct bind_set *set, const void *file,
    void (*undo)(struct vm *vm, uint32_t row))
{
	for (uint32_t i = set != NULL ? set->now->n : 0; i-- > 0;)
		if (file == NULL || set->now->row[i]->file == file)
			undo(vm, i);
}

void
vm_unbind(struct vm *vm, const void *file)
{
	unbind_rows(vm, vm->doorbells, file, doorbell_undo);
	unbind_rows(vm, vm->irqs, file, irq_bind_undo);
}

void
bind_free(struct vm *vm)
{
	os_free(vm->doorbells);
	os_free(vm->irqs);
}
