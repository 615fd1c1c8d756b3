/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * MSI-X (PCI Local Bus 3.0, 6.8.2): capability, table and pending bits, the latter two in a BAR of
 * their own.  A message is sent with msix_lock held: once a guest has masked a vector, none of it
 * is under way (MSI and MSI-X Operation).  raise_msi() judges the address, which is the guest's.
 */
#include <errno.h>
#include <stdlib.h>

#include "doorbell.h"
#include "pci_impl.h"

#define CAP_ID_MSIX    0x11u
#define CAP_TABLE      4u
#define CAP_PBA	       8u
#define VECTORS_MAX    2048u
#define ENTRY_BYTES    16u
#define CONTROL_MASKED 1u    /* 6.8.2.9 */
#define ADDR_FLAGS     3ull  /* Message Address: the guest writes 0 there */
#define PBA_ALIGN      4096u /* so that a guest can map the table alone */

int
pci_add_msix(struct pci_dev *d, int bar, unsigned int nvectors)
{
	struct pci_msix *x = &d->msix;
	uint8_t cap[PCI_MSIX_CAP_BYTES] = { CAP_ID_MSIX };

	if (nvectors == 0 || nvectors > VECTORS_MAX || x->nvectors != 0) {
		errno = EINVAL;
		return -1;
	}
	x->vector = calloc(nvectors, sizeof(*x->vector));
	x->pending = calloc(nvectors, 1);
	if (x->vector == NULL || x->pending == NULL)
		return -1; /* pci_msix_free() has them */
	for (unsigned int i = 0; i < nvectors; i++)
		x->vector[i].control = CONTROL_MASKED;
	x->bar = bar;
	x->nvectors = nvectors;
	x->pba = (nvectors * ENTRY_BYTES + PBA_ALIGN - 1) & ~(PBA_ALIGN - 1);
	pci_add_bar(d, bar, PCI_BAR_MEM32, x->pba + PBA_ALIGN);
	pci_put(&cap[PCI_MSIX_CONTROL], nvectors - 1, 2);
	pci_put(&cap[CAP_TABLE], (uint32_t)bar, 4);
	pci_put(&cap[CAP_PBA], x->pba | (uint32_t)bar, 4);
	x->cap = pci_add_capability(d, cap, sizeof(cap));
	pci_put(&d->writable[x->cap + PCI_MSIX_CONTROL],
	    PCI_MSIX_CONTROL_ON | PCI_MSIX_CONTROL_MASK, 2);
	return 0;
}

void
pci_msix_free(struct pci_dev *d)
{
	free(d->msix.vector);
	free(d->msix.pending);
}

/* Nothing holds a message back.  [msix lock] */
static bool
may_go(const struct pci_msix *x, unsigned int i)
{
	return x->enabled && !x->masked && x->master &&
	    (x->vector[i].control & CONTROL_MASKED) == 0;
}

/* A pending message that nothing holds back goes.  [msix lock] */
static void
deliver(struct pci_dev *d, unsigned int i)
{
	struct pci_msix *x = &d->msix;
	const struct pci_msix_vector *v = &x->vector[i];

	if (x->pending[i] == 0 || !may_go(x, i))
		return;
	x->pending[i] = 0;
	d->env->raise_msi(d->env->arg, v->addr, v->data);
}

bool
pci_msix_enabled(struct pci_dev *d)
{
	bool enabled;

	pthread_mutex_lock(&d->msix_lock);
	enabled = d->msix.enabled;
	pthread_mutex_unlock(&d->msix_lock);
	return enabled;
}

void
pci_msix_raise(struct pci_dev *d, unsigned int vector)
{
	pthread_mutex_lock(&d->msix_lock);
	if (d->msix.enabled && vector < d->msix.nvectors) {
		d->msix.pending[vector] = 1;
		deliver(d, vector);
	}
	pthread_mutex_unlock(&d->msix_lock);
}

/* ---- messages from outside bhyve: [msix lock] ---- */

static void
event_unbind(struct pci_dev *d, struct pci_msix_event *e)
{
	d->env->unbind_msi(d->env->arg, e->addr, e->data, e->fd);
	e->state = PCI_EVENT_HELD;
}

/* False: the module cannot. */
static bool
event_bind(struct pci_dev *d, struct pci_msix_event *e)
{
	const struct pci_msix_vector *v = &d->msix.vector[e->vector];

	if (e->state == PCI_EVENT_BOUND)
		return true;
	if (d->env->bind_msi == NULL || d->env->bind_msi(d->env->arg, v->addr, v->data, e->fd) != 0)
		return false;
	e->addr = v->addr;
	e->data = v->data;
	e->state = PCI_EVENT_BOUND;
	return true;
}

static bool
event_is_elsewhere(const struct pci_msix *x, const struct pci_msix_event *e)
{
	const struct pci_msix_vector *v;

	if (e->state != PCI_EVENT_BOUND)
		return false;
	if (e->vector >= x->nvectors || !may_go(x, e->vector))
		return true;
	v = &x->vector[e->vector];
	return v->addr != e->addr || v->data != e->data;
}

/*
 * Brings an event to what registers and table say.  Whoever else looks at fd is kept from it before
 * it is bound, and asked to look only after it was unbound, so that each ring has one reader.
 */
static void
event_update(struct pci_dev *d, struct pci_msix_event *e)
{
	const struct pci_msix *x = &d->msix;
	bool there = e->vector < x->nvectors, watch = !x->enabled;

	if (event_is_elsewhere(x, e))
		event_unbind(d, e);
	if (e->state == PCI_EVENT_WATCHED && x->enabled) {
		e->watch(e->arg, false);
		e->state = PCI_EVENT_HELD;
	}
	if (there && may_go(x, e->vector))
		watch = !event_bind(d, e);
	if (watch && e->state == PCI_EVENT_HELD) {
		e->state = PCI_EVENT_WATCHED;
		e->watch(e->arg, true);
	}
}

static void
events_update(struct pci_dev *d)
{
	for (struct pci_msix_event *e = d->msix.events; e != NULL; e = e->next)
		event_update(d, e);
}

/* What was rung while it was held is pending. */
static void
events_collect(struct pci_msix *x)
{
	for (struct pci_msix_event *e = x->events; e != NULL; e = e->next)
		if (e->state == PCI_EVENT_HELD && doorbell_answer(e->fd) && e->vector < x->nvectors)
			x->pending[e->vector] = 1;
}

void
pci_msix_event_add(struct pci_dev *d, struct pci_msix_event *e, unsigned int vector)
{
	pthread_mutex_lock(&d->msix_lock);
	e->vector = vector;
	e->state = PCI_EVENT_HELD;
	e->next = d->msix.events;
	d->msix.events = e;
	event_update(d, e);
	pthread_mutex_unlock(&d->msix_lock);
}

void
pci_msix_event_move(struct pci_dev *d, struct pci_msix_event *e, unsigned int vector)
{
	pthread_mutex_lock(&d->msix_lock);
	/* What the old vector was to tell is its own. */
	events_collect(&d->msix);
	if (e->vector != vector && e->state == PCI_EVENT_BOUND)
		event_unbind(d, e);
	e->vector = vector;
	event_update(d, e);
	pthread_mutex_unlock(&d->msix_lock);
}

void
pci_msix_event_remove(struct pci_dev *d, struct pci_msix_event *e)
{
	struct pci_msix_event **link = &d->msix.events;

	pthread_mutex_lock(&d->msix_lock);
	if (e->state == PCI_EVENT_BOUND)
		event_unbind(d, e);
	else if (e->state == PCI_EVENT_WATCHED)
		e->watch(e->arg, false);
	while (*link != e)
		link = &(*link)->next;
	*link = e->next;
	pthread_mutex_unlock(&d->msix_lock);
}

/* ---- registers ---- */

/*
 * A message is a write to memory, so it also waits for bus mastering (6.2.2).  What was pending
 * when MSI-X is turned off is gone.
 */
void
pci_msix_update(struct pci_dev *d)
{
	struct pci_msix *x = &d->msix;
	uint16_t control, command = pci_get16(d, PCI_COMMAND);

	if (x->nvectors == 0)
		return;
	control = pci_get16(d, x->cap + PCI_MSIX_CONTROL);
	pthread_mutex_lock(&d->msix_lock);
	events_collect(x);
	x->enabled = (control & PCI_MSIX_CONTROL_ON) != 0;
	x->masked = (control & PCI_MSIX_CONTROL_MASK) != 0;
	x->master = (command & PCI_COMMAND_MASTER) != 0;
	for (unsigned int i = 0; i < x->nvectors; i++) {
		if (!x->enabled)
			x->pending[i] = 0;
		deliver(d, i);
	}
	events_update(d);
	pthread_mutex_unlock(&d->msix_lock);
}

/* ---- the BAR ---- */

static uint32_t
table_word(const struct pci_msix *x, uint64_t word)
{
	const struct pci_msix_vector *v = &x->vector[word / 4];

	switch (word % 4) {
	case 0:
		return (uint32_t)v->addr;
	case 1:
		return (uint32_t)(v->addr >> 32);
	case 2:
		return v->data;
	default:
		return v->control;
	}
}

/* 32 vectors' pending bits */
static uint32_t
pba_word(const struct pci_msix *x, uint64_t word)
{
	uint32_t bits = 0;

	for (uint64_t i = 0; i < 32 && word * 32 + i < x->nvectors; i++)
		bits |= (uint32_t)x->pending[word * 32 + i] << i;
	return bits;
}

uint32_t
pci_msix_read(struct pci_dev *d, uint64_t offset, uint32_t size)
{
	struct pci_msix *x = &d->msix;
	uint32_t val = 0;

	pthread_mutex_lock(&d->msix_lock);
	if (offset < (uint64_t)x->nvectors * ENTRY_BYTES) {
		val = table_word(x, offset / 4);
	} else if (offset >= x->pba) {
		events_collect(x);
		val = pba_word(x, (offset - x->pba) / 4);
	}
	pthread_mutex_unlock(&d->msix_lock);
	return val >> (offset & 3) * 8 & (uint32_t)pci_ones(size);
}

/* Whole words only: what a smaller write does is undefined (6.8.2).  The PBA is read-only. */
void
pci_msix_write(struct pci_dev *d, uint64_t offset, uint32_t size, uint32_t val)
{
	struct pci_msix *x = &d->msix;
	struct pci_msix_vector *v;

	if (size != 4 || offset >= (uint64_t)x->nvectors * ENTRY_BYTES)
		return;
	pthread_mutex_lock(&d->msix_lock);
	v = &x->vector[offset / ENTRY_BYTES];
	switch (offset % ENTRY_BYTES / 4) {
	case 0:
		v->addr = (v->addr & ~0xffffffffull) | (val & ~ADDR_FLAGS);
		break;
	case 1:
		v->addr = (v->addr & 0xffffffffull) | (uint64_t)val << 32;
		break;
	case 2:
		v->data = val;
		break;
	default:
		v->control = val & CONTROL_MASKED;
		break;
	}
	deliver(d, (unsigned int)(offset / ENTRY_BYTES));
	events_update(d);
	pthread_mutex_unlock(&d->msix_lock);
}
