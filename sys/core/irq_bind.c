/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Interrupts that a descriptor makes: whoever signals it, the host's kernel too, interrupts the
 * guest without a way through bhyve.  An edge is over at once; a level (VM_BIND_RESAMPLE) stays
 * until the guest has ended the interrupt, and then another descriptor asks whether there is more.
 *
 * A binding is in the VM's table before its event is watched, and leaves it after.  What the
 * watch calls takes no lock but the vGIC's.
 */
#include "bind.h"
#include "errno.h"

struct irq_binding {
	struct binding b; /* key: INTID, no size, 1 in data for a level */
	struct vm *vm;
	struct os_event *resample; /* of a level */
	struct os_watch watch;
	uint32_t gone; /* [a] no descriptor of b.event is left */
};

static struct irq_binding *
irq_of(struct binding *b)
{
	return (struct irq_binding *)((char *)b - offsetof(struct irq_binding, b));
}

/* ---- any context: the event's lock is held, interrupts are off ---- */

static void
signalled(void *arg)
{
	struct irq_binding *i = arg;
	uint32_t intid = (uint32_t)i->b.key.where;

	if (i->resample != NULL)
		arch_hold_irq(i->vm, intid);
	else
		(void)arch_pulse_irq(i->vm, intid);
}

/* The reference is the job's.  Never the last one here: who made the binding has another. */
static void
hung_up(void *arg)
{
	struct irq_binding *i = arg;

	STORE_ONCE(i->gone, 1);
	(void)vm_get(i->vm);
	if (!os_work_queue(&i->vm->sweep))
		vm_put(i->vm);
}

/* ---- a vCPU's thread ---- */

void
vm_irq_ended(struct vcpu *vcpu, uint32_t intid)
{
	const struct bind_table *t = bind_read_begin(vcpu, &vcpu->vm->irqs);
	const struct bind_key key = { .where = intid };

	if (t == NULL)
		return;
	for (uint32_t row = bind_find(t, &key); row < t->n && t->row[row]->key.where == intid;
	     row++)
		if (irq_of(t->row[row])->resample != NULL)
			os_event_signal(irq_of(t->row[row])->resample);
	bind_read_end(vcpu);
	vcpu_stat_inc(vcpu, VMM_STAT_RESAMPLES);
}

/* ---- binding: vm->lock ---- */

static bool
is_level_bound(const struct vm *vm, uint64_t intid)
{
	const struct bind_table *t = bind_now(vm->irqs);
	const struct bind_key key = { .where = intid, .data = 1 };
	uint32_t row = bind_find(t, &key);

	return row < t->n && bind_key_cmp(&t->row[row]->key, &key) == 0;
}

/* One event makes one interrupt. */
static bool
event_find(const struct vm *vm, const struct os_event *e, uint32_t *row)
{
	const struct bind_table *t = bind_now(vm->irqs);

	for (*row = 0; t != NULL && *row < t->n; ++*row)
		if (t->row[*row]->event == e)
			return true;
	return false;
}

static void
irq_free(struct irq_binding *i)
{
	if (i->resample != NULL)
		os_event_put(i->resample);
	os_event_put(i->b.event);
	os_free(i);
}

/* Out of the table and freed; its event is not watched. */
static void
irq_drop(struct vm *vm, uint32_t row)
{
	struct irq_binding *i = irq_of(vm->irqs->now->row[row]);

	bind_remove(vm, vm->irqs, row);
	if (i->resample != NULL && !is_level_bound(vm, i->b.key.where))
		arch_resample_irq(vm, (uint32_t)i->b.key.where, false);
	irq_free(i);
}

void
irq_bind_undo(struct vm *vm, uint32_t row)
{
	os_event_unwatch(&irq_of(vm->irqs->now->row[row])->watch);
	irq_drop(vm, row);
}

static int
irq_make(struct vm *vm, const void *file, const struct vm_bind_irq *a, struct irq_binding **out)
{
	struct irq_binding *i = os_zalloc(sizeof(*i));
	int error;

	if (i == NULL)
		return -ENOMEM;
	i->vm = vm;
	i->b.file = file;
	i->b.key = (struct bind_key){ .where = a->irq };
	error = os_event_get(a->fd, &i->b.event);
	if (error != 0) {
		os_free(i);
		return error;
	}
	if ((a->flags & VM_BIND_RESAMPLE) != 0) {
		i->b.key.data = 1;
		error = os_event_get(a->resample_fd, &i->resample);
	}
	if (error == 0) {
		*out = i;
		return 0;
	}
	i->resample = NULL;
	irq_free(i);
	return error;
}

static int
bind(struct vm *vm, const void *file, const struct vm_bind_irq *a)
{
	struct irq_binding *i;
	uint32_t row;
	int error = arch_irq_check(vm, a->irq);

	if (error == 0)
		error = irq_make(vm, file, a, &i);
	if (error != 0)
		return error;
	error = event_find(vm, i->b.event, &row) ? -EEXIST : bind_insert(vm, &vm->irqs, &i->b);
	if (error != 0) {
		irq_free(i);
		return error;
	}
	if (i->resample != NULL)
		arch_resample_irq(vm, a->irq, true);
	error = os_event_watch(&i->watch, i->b.event, a->fd, signalled, hung_up, i);
	if (error != 0 && event_find(vm, i->b.event, &row))
		irq_drop(vm, row);
	return error;
}

static int
unbind(struct vm *vm, const struct vm_bind_irq *a)
{
	struct os_event *e;
	uint32_t row;
	int error = os_event_get(a->fd, &e);

	if (error != 0)
		return error;
	if (event_find(vm, e, &row) && vm->irqs->now->row[row]->key.where == a->irq)
		irq_bind_undo(vm, row);
	else
		error = -ENOENT;
	os_event_put(e);
	return error;
}

int
vm_bind_irq(struct vm *vm, const void *file, const struct vm_bind_irq *a)
{
	if ((a->flags & ~(VM_BIND_UNBIND | VM_BIND_RESAMPLE)) != 0)
		return -EINVAL;
	if ((a->flags & VM_BIND_RESAMPLE) == 0 && a->resample_fd != 0)
		return -EINVAL;
	if ((a->flags & VM_BIND_UNBIND) == 0)
		return bind(vm, file, a);
	return (a->flags & VM_BIND_RESAMPLE) != 0 ? -EINVAL : unbind(vm, a);
}

void
vm_sweep_irqs(void *arg)
{
	struct vm *vm = arg;

	os_mutex_lock(&vm->lock);
	for (uint32_t row = vm->irqs != NULL ? vm->irqs->now->n : 0; row-- > 0;)
		if (LOAD_ONCE(irq_of(vm->irqs->now->row[row])->gone) != 0)
			irq_bind_undo(vm, row);
	os_mutex_unlock(&vm->lock);
	vm_put(vm);
}
