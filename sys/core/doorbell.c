/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Doorbells: addresses where a guest's store signals a descriptor and is over, without a way to
 * user space.  In the trap walk abort.c asks here before it makes an exit of a store.  Where a
 * doorbell is there is neither memory nor the vGIC; both sides see to that under vm->lock.
 */
#include "bind.h"
#include "errno.h"

/* ---- ringing: a vCPU's thread ---- */

static bool
is_at(const struct bind_table *t, uint32_t row, uint64_t gpa)
{
	return row < t->n && t->row[row]->key.where == gpa;
}

/* One that rings for every store is the only one at its address, and sorts first. */
static const struct binding *
match(const struct bind_table *t, uint64_t gpa, uint32_t size, uint64_t data)
{
	struct bind_key key = { .where = gpa };
	uint32_t row = bind_find(t, &key);

	if (!is_at(t, row, gpa))
		return NULL;
	if (t->row[row]->key.size == 0)
		return t->row[row];
	if (data > UINT32_MAX)
		return NULL;
	key.size = size;
	key.data = (uint32_t)data;
	row = bind_find(t, &key);
	return row < t->n && bind_key_cmp(&t->row[row]->key, &key) == 0 ? t->row[row] : NULL;
}

bool
vm_doorbell_at(struct vcpu *vcpu, gpa_t gpa)
{
	const struct bind_table *t = bind_read_begin(vcpu, &vcpu->vm->doorbells);
	const struct bind_key key = { .where = gpa.a };
	bool there;

	if (t == NULL)
		return false;
	there = is_at(t, bind_find(t, &key), gpa.a);
	bind_read_end(vcpu);
	return there;
}

bool
vm_doorbell_ring(struct vcpu *vcpu, gpa_t gpa, uint32_t size, uint64_t data)
{
	const struct bind_table *t = bind_read_begin(vcpu, &vcpu->vm->doorbells);
	const struct binding *b;

	if (t == NULL)
		return false;
	b = match(t, gpa.a, size, data);
	if (b != NULL)
		os_event_signal(b->event);
	bind_read_end(vcpu);
	return b != NULL;
}

/* ---- binding: vm->lock ---- */

bool
vm_doorbell_within(const struct vm *vm, uint64_t gpa, uint64_t len)
{
	const struct bind_table *t = bind_now(vm->doorbells);
	const struct bind_key key = { .where = gpa };
	uint32_t row;

	if (t == NULL)
		return false;
	row = bind_find(t, &key);
	return row < t->n && t->row[row]->key.where - gpa < len;
}

static bool
request_ok(const struct vm_bind_doorbell *a)
{
	if ((a->flags & ~VM_BIND_UNBIND) != 0 || a->gpa >= VM_MAX_GPA)
		return false;
	switch (a->size) {
	case 0:
		return a->data == 0;
	case 1:
		return a->data <= UINT8_MAX;
	case 2:
		return a->data <= UINT16_MAX && a->gpa % 2 == 0;
	case 4:
		return a->gpa % 4 == 0;
	default:
		return false;
	}
}

/* Another that the same store would ring. */
static bool
is_taken(const struct vm *vm, const struct bind_key *key)
{
	const struct bind_table *t = bind_now(vm->doorbells);
	const struct bind_key first = { .where = key->where };
	uint32_t row;

	if (t == NULL)
		return false;
	row = bind_find(t, &first);
	if (!is_at(t, row, key->where))
		return false;
	if (key->size == 0 || t->row[row]->key.size == 0)
		return true;
	row = bind_find(t, key);
	return row < t->n && bind_key_cmp(&t->row[row]->key, key) == 0;
}

static bool
in_range(uint64_t gpa, uint64_t start, uint64_t size)
{
	return gpa >= start && gpa - start < size;
}

static bool
is_elsewhere(const struct vm *vm, uint64_t gpa)
{
	return !vm_mem_is_mapped(vm, gpa, 1) &&
	    !in_range(gpa, vm->vgic.dist_start, vm->vgic.dist_size) &&
	    !in_range(gpa, vm->vgic.cpu_start, vm->vgic.cpu_size);
}

/* Takes over the caller's reference on the event when it gives 0. */
static int
bind(struct vm *vm, const void *file, const struct bind_key *key, struct os_event *e)
{
	struct binding *b;
	int error;

	if (!is_elsewhere(vm, key->where) || is_taken(vm, key))
		return -EEXIST;
	b = os_zalloc(sizeof(*b));
	if (b == NULL)
		return -ENOMEM;
	*b = (struct binding){ *key, file, e };
	error = bind_insert(vm, &vm->doorbells, b);
	if (error != 0)
		os_free(b);
	return error;
}

void
doorbell_undo(struct vm *vm, uint32_t row)
{
	struct binding *b = vm->doorbells->now->row[row];

	bind_remove(vm, vm->doorbells, row);
	os_event_put(b->event);
	os_free(b);
}

static int
unbind(struct vm *vm, const struct bind_key *key, const struct os_event *e)
{
	const struct bind_table *t = bind_now(vm->doorbells);
	uint32_t row;

	if (t == NULL)
		return -ENOENT;
	row = bind_find(t, key);
	if (row == t->n || bind_key_cmp(&t->row[row]->key, key) != 0 || t->row[row]->event != e)
		return -ENOENT;
	doorbell_undo(vm, row);
	return 0;
}

int
vm_bind_doorbell(struct vm *vm, const void *file, const struct vm_bind_doorbell *a)
{
	const struct bind_key key = { a->gpa, a->size, a->data };
	struct os_event *e;
	int error;

	if (!request_ok(a))
		return -EINVAL;
	error = os_event_get(a->fd, &e);
	if (error != 0)
		return error;
	if ((a->flags & VM_BIND_UNBIND) != 0)
		error = unbind(vm, &key, e);
	else
		error = bind(vm, file, &key, e);
	if (error != 0 || (a->flags & VM_BIND_UNBIND) != 0)
		os_event_put(e);
	return error;
}
