/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Where FreeBSD 12, 13, 14 and 15 differ in what the glue needs of them.  The half for 12 has been
 * run (12.1-RELEASE, armv7); the rest was written from the sources of those releases, was compared
 * with the declarations of vm_page.h of late 2019 (13) and of 15, and has neither been compiled
 * nor run.
 */
#ifndef FREEBSD_VMM_COMPAT_H
#define FREEBSD_VMM_COMPAT_H

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/conf.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/priv.h>
#include <sys/proc.h>
#include <sys/rwlock.h>
#include <sys/signalvar.h>
#include <sys/smp.h>
#include <sys/vmmeter.h>
#include <vm/vm.h>
#include <vm/pmap.h>
#include <vm/vm_object.h>
#include <vm/vm_page.h>
#include <vm/vm_pageout.h>
#include <vm/vm_pager.h>

#define VMM_FREEBSD_13 (__FreeBSD_version >= 1300000)
#define VMM_FREEBSD_14 (__FreeBSD_version >= 1400000)
#define VMM_FREEBSD_15 (__FreeBSD_version >= 1500000)

/* ---- pages outside of objects ---- */

/* vm.max_wired counts all wired pages in 12, in 13 and later those that users have wired. */
static inline bool
compat_may_wire(u_long n)
{
#if VMM_FREEBSD_13
	return vm_wire_count() + n <= vm_page_max_user_wired;
#else
	return vm_wire_count() + n <= (u_int)vm_page_max_wired;
#endif
}

/* req without VM_ALLOC_NOOBJ, which 14 has made functions of its own of. */
static inline vm_page_t
compat_page_alloc(int req, u_long npages, vm_paddr_t high)
{
#if VMM_FREEBSD_14
	return vm_page_alloc_noobj_contig(
	    req, npages, 0, high, npages * PAGE_SIZE, 0, VM_MEMATTR_DEFAULT);
#else
	return vm_page_alloc_contig(NULL, 0, req | VM_ALLOC_NOOBJ, npages, 0, high,
	    npages * PAGE_SIZE, 0, VM_MEMATTR_DEFAULT);
#endif
}

/* Move pages to make such a piece; false: there is nothing to move. */
static inline bool
compat_page_reclaim(int req, u_long npages, vm_paddr_t high)
{
#if VMM_FREEBSD_15
	return vm_page_reclaim_contig(req, npages, 0, high, npages * PAGE_SIZE, 0) == 0;
#else
	return vm_page_reclaim_contig(req, npages, 0, high, npages * PAGE_SIZE, 0);
#endif
}

/*
 * Give up our wiring.  Who holds the page for a transfer keeps it until that is over: in 12 by a
 * count of its own, in 13 and later by another wiring, and then the page is its to free.
 */
static inline void
compat_page_free(vm_page_t m)
{
#if VMM_FREEBSD_13
	if (vm_page_unwire_noq(m))
		vm_page_free(m);
#else
	vm_page_unwire_noq(m);
	vm_page_free(m);
#endif
}

/* ---- pages in an object; the object is locked for writing ---- */

/* The first page at pindex or above. */
static inline vm_page_t
compat_page_from(vm_object_t object, vm_pindex_t pindex)
{
	return vm_page_find_least(object, pindex);
}

/*
 * Make the page ours alone.  False: somebody else had it and the object was unlocked meanwhile.
 * 12 keeps the lock on the object instead of a mark on the page where nobody sleeps.
 */
static inline bool
compat_page_busy(vm_object_t object, vm_page_t m)
{
#if VMM_FREEBSD_14
	if (vm_page_tryxbusy(m))
		return true;
	if (!vm_page_busy_sleep(m, "vmmpg", 0)) /* true: it slept, and unlocked the object */
		return false;
#elif VMM_FREEBSD_13
	if (vm_page_tryxbusy(m))
		return true;
	vm_page_busy_sleep(m, "vmmpg", false);
#else
	if (!vm_page_busied(m)) {
		vm_page_xbusy(m);
		return true;
	}
	vm_page_lock(m);
	VM_OBJECT_WUNLOCK(object);
	vm_page_busy_sleep(m, "vmmpg", false);
#endif
	VM_OBJECT_WLOCK(object);
	return false;
}

/* Put a page without an object there, busy and valid.  False: no memory for it. */
static inline bool
compat_page_insert(vm_object_t object, vm_page_t m, vm_pindex_t pindex)
{
#if VMM_FREEBSD_13
	vm_page_busy_acquire(m, 0);
	if (vm_page_insert(m, object, pindex) != 0) {
		vm_page_xunbusy(m);
		return false;
	}
	vm_page_valid(m);
#else
	if (vm_page_insert(m, object, pindex) != 0)
		return false;
	vm_page_xbusy(m);
	m->valid = VM_PAGE_BITS_ALL;
#endif
	return true;
}

/* ---- threads ---- */

/* The scheduler wants this CPU for somebody else. */
static inline bool
compat_need_resched(struct thread *td)
{
#if VMM_FREEBSD_14
	return td->td_owepreempt != 0 || td_ast_pending(td, TDA_SCHED);
#else
	return td->td_owepreempt != 0 || (td->td_flags & TDF_NEEDRESCHED) != 0;
#endif
}

/* Something that is dealt with on the way to user space: signals and the like. */
static inline bool
compat_need_user(struct thread *td)
{
#if VMM_FREEBSD_14
	return (td->td_ast & ~TDAI(TDA_SCHED)) != 0;
#else
	return (td->td_flags & (TDF_ASTPENDING | TDF_NEEDSIGCHK | TDF_NEEDSUSPCHK)) != 0;
#endif
}

static inline bool
compat_panicking(void)
{
#if VMM_FREEBSD_13
	return KERNEL_PANICKED();
#else
	return panicstr != NULL;
#endif
}

#endif /* FREEBSD_VMM_COMPAT_H */
