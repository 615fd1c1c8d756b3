/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A VM's memory as processes map it: one object of the VM system for each VM, in which the page
 * at an index is the one at that guest physical address.  Pages get there when a process first
 * touches them, and leave when the core frees or moves them; what a process touches after the VM's
 * end gives it a SIGSEGV.
 *
 * A page is in an object once.  Where the guest sees it at two addresses it is found at the one
 * that was touched last; a touch of the other moves it there.
 *
 * Locks: vm->mem_lock -> the object's.  VM's fault code calls with the object locked, so that is
 * let go first.  A page in the object is busy while somebody puts it into a process's tables, for
 * which nobody needs mem_lock: who has mem_lock may wait for it.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/lock.h>
#include <sys/malloc.h>
#include <sys/mman.h>
#include <sys/proc.h>
#include <sys/rwlock.h>
#include <vm/vm.h>
#include <vm/pmap.h>
#include <vm/vm_extern.h>
#include <vm/vm_object.h>
#include <vm/vm_page.h>
#include <vm/vm_pageout.h>
#include <vm/vm_pager.h>

#include "vmm_compat.h"
#include "vmm_freebsd.h"

#include <vmm.h>

struct vmm_mapped {
	struct vm *vm;	    /* referenced */
	vm_object_t object; /* a reference until vmm_pager_destroy; processes have others */
};

/* ---- pages in and out; the object is locked, and mem_lock held ---- */

/* As a page of the object it counts as a device's: no queue, no count of who has wired it. */
static bool
page_in(vm_object_t object, vm_page_t m, vm_pindex_t pindex)
{
	m->flags |= PG_FICTITIOUS;
	m->oflags &= ~VPO_UNMANAGED;
	if (compat_page_insert(object, m, pindex))
		return true;
	m->flags &= ~PG_FICTITIOUS;
	m->oflags |= VPO_UNMANAGED;
	return false;
}

/* The page is busy, by us. */
static void
page_out(vm_object_t object, vm_page_t m)
{
	cdev_pager_free_page(object, m);
	m->flags &= ~PG_FICTITIOUS;
	m->oflags |= VPO_UNMANAGED;
}

static void
pages_out(vm_object_t object, vm_pindex_t from, vm_pindex_t to)
{
	vm_page_t m;

	while ((m = compat_page_from(object, from)) != NULL && m->pindex < to) {
		from = m->pindex;
		if (compat_page_busy(object, m))
			page_out(object, m);
	}
}

/* Have m at pindex and nowhere else, busy.  False: there is no memory for it at the moment. */
static bool
page_place(vm_object_t object, vm_page_t m, vm_pindex_t pindex)
{
	while (m->object != NULL) {
		if (!compat_page_busy(object, m))
			continue;
		if (m->pindex == pindex)
			return true;
		page_out(object, m);
	}
	/* Nothing else is there: a mapping that goes takes its pages out first. */
	return page_in(object, m, pindex);
}

/* ---- what VM calls ---- */

static vm_page_t
guest_page(struct vm *vm, uint64_t gpa)
{
	int error;

	if (LOAD_ONCE(vm->dying) != 0)
		return NULL;
	return (vm_page_t)vm_mem_page(vm, GPA(gpa), VM_PROT_READ, &error);
}

/*
 * Under mem_lock from the look at the VM to the page's place in the object, so that a page which
 * was discarded, unmapped or destroyed meanwhile is not put there behind the back of
 * vmm_pager_unmap.  What the guest may not write (flash) its owner may: prot of a map binds
 * the guest alone.
 */
static int
guest_populate(vm_object_t object, vm_pindex_t pindex, int fault_type __unused,
    vm_prot_t max_prot __unused, vm_pindex_t *first, vm_pindex_t *last)
{
	struct vmm_mapped *mapped = object->handle;
	struct vm *vm = mapped->vm;
	bool placed = false;
	vm_page_t m;

	VM_OBJECT_WUNLOCK(object);
	do {
		os_mutex_lock(&vm->mem_lock);
		m = guest_page(vm, IDX_TO_OFF(pindex));
		VM_OBJECT_WLOCK(object);
		if (m != NULL)
			placed = page_place(object, m, pindex);
		os_mutex_unlock(&vm->mem_lock);
		if (m != NULL && !placed) {
			VM_OBJECT_WUNLOCK(object);
			vm_wait(NULL);
		}
	} while (m != NULL && !placed);
	*first = *last = pindex;
	return placed ? VM_PAGER_OK : VM_PAGER_FAIL;
}

static int
guest_ctor(void *handle __unused, vm_ooffset_t size __unused, vm_prot_t prot __unused,
    vm_ooffset_t foff __unused, struct ucred *cred __unused, u_short *color)
{
	*color = 0;
	return 0;
}

/* The last process has let go of it, after vmm_pager_destroy: there are no pages in it. */
static void
guest_dtor(void *handle)
{
	struct vmm_mapped *mapped = handle;

	vm_put(mapped->vm);
	free(mapped, M_VMM);
	vmm_drop();
}

static struct cdev_pager_ops guest_ops = {
	.cdev_pg_ctor = guest_ctor,
	.cdev_pg_dtor = guest_dtor,
	.cdev_pg_populate = guest_populate,
};

/* ---- what the device calls ---- */

int
vmm_pager_create(struct vm *vm, struct vmm_mapped **out)
{
	struct vmm_mapped *mapped;

	if (!vmm_hold())
		return ENXIO;
	mapped = malloc(sizeof(*mapped), M_VMM, M_WAITOK | M_ZERO);
	mapped->vm = vm_get(vm);
	mapped->object = cdev_pager_allocate(
	    mapped, OBJT_MGTDEVICE, &guest_ops, VM_MAX_GPA, VM_PROT_ALL, 0, curthread->td_ucred);
	if (mapped->object == NULL) {
		guest_dtor(mapped);
		return ENOMEM;
	}
	*out = mapped;
	return 0;
}

void
vmm_pager_destroy(struct vmm_mapped *mapped)
{
	struct vm *vm = mapped->vm;

	/* A fault that has not seen dying has put its page there when we get the lock. */
	os_mutex_lock(&vm->mem_lock);
	vmm_pager_unmap(mapped, 0, VM_MAX_GPA);
	os_mutex_unlock(&vm->mem_lock);
	vm_object_deallocate(mapped->object);
}

vm_object_t
vmm_pager_map(struct vmm_mapped *mapped, uint64_t offset, uint64_t size)
{
	if (offset > VM_MAX_GPA || size > VM_MAX_GPA - offset)
		return NULL;
	vm_object_reference(mapped->object);
	return mapped->object;
}

void
vmm_pager_unmap(struct vmm_mapped *mapped, uint64_t gpa, uint64_t len)
{
	VM_OBJECT_WLOCK(mapped->object);
	pages_out(mapped->object, OFF_TO_IDX(gpa), OFF_TO_IDX(gpa + len));
	VM_OBJECT_WUNLOCK(mapped->object);
}
