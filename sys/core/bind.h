/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Tables of bindings, which vCPUs look up while ioctls change them: for doorbell.c and irq_bind.c.
 * A binding is immutable while it is in a table.  Changes are made with vm->lock held.
 */
#ifndef CORE_BIND_H
#define CORE_BIND_H

#include "core.h"

/* Ascending by where, then size, then data. */
struct bind_key {
	uint64_t where; /* gpa of a doorbell, INTID of an interrupt */
	uint32_t size, data;
};

struct binding {
	struct bind_key key;
	const void *file; /* whose: see vm_file_ioctl */
	struct os_event *event;
};

#define BIND_MAX 512u
struct bind_table {
	uint32_t n;
	struct binding *row[BIND_MAX];
};

/* Readers have one half; a change is made in the other, which then becomes theirs. */
struct bind_set {
	struct bind_table *now; /* [a] */
	struct bind_table half[2];
};

int bind_key_cmp(const struct bind_key *a, const struct bind_key *b);
/* The first row that is not below key; n where there is none. */
uint32_t bind_find(const struct bind_table *t, const struct bind_key *key);

/* ---- readers ---- */
/*
 * By a vCPU's thread: the table, which stays as it is until bind_read_end; NULL: it is empty, and
 * there is nothing to end.  Preemption is off in between.
 */
const struct bind_table *bind_read_begin(struct vcpu *vcpu, struct bind_set *const *at);
void bind_read_end(struct vcpu *vcpu);

/* ---- vm->lock; may sleep ---- */
const struct bind_table *bind_now(const struct bind_set *set); /* NULL: none; stays while locked */
int bind_insert(struct vm *vm, struct bind_set **at, struct binding *b); /* -ENOMEM, -ENOSPC */
/* Out of the table: when it returns no vCPU has it any more, and the caller may free it. */
void bind_remove(struct vm *vm, struct bind_set *set, uint32_t row);
/* Undo all that came through file; NULL: all there is. */
void vm_unbind(struct vm *vm, const void *file);
void doorbell_undo(struct vm *vm, uint32_t row);
void irq_bind_undo(struct vm *vm, uint32_t row);
void bind_free(struct vm *vm); /* with the VM's last reference, when nothing is bound */

#endif /* CORE_BIND_H */
