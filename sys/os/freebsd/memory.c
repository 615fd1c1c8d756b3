/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Memory for the core: heap, pages that HYP maps, guest pages, and their caches.  Pages of
 * both kinds are wired, belong to no object, and are charged as swap to the user whose thread
 * made them (RLIMIT_SWAP, rctl's swapuse), until they are freed.  Who may not lock memory at
 * will is refused more of it where vm.max_wired would be passed.
 *
 * The kernel of ARMv7 has no map of all memory: pages for HYP get an address of their own, of
 * guest pages two are mapped at a time for each CPU.  What a page's owner needs stands in its
 * plinks, which nobody else uses while a page is wired.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/lock.h>
#include <sys/malloc.h>
#include <sys/pcpu.h>
#include <sys/priv.h>
#include <sys/proc.h>
#include <sys/resourcevar.h>
#include <sys/smp.h>
#include <sys/ucred.h>
#include <sys/vmem.h>
#include <sys/vmmeter.h>
#include <vm/vm.h>
#include <vm/pmap.h>
#include <vm/vm_extern.h>
#include <vm/vm_kern.h>
#include <vm/vm_object.h>
#include <vm/vm_page.h>
#include <vm/vm_pageout.h>
#include <vm/swap_pager.h>

#include "vmm_compat.h"
#include "vmm_freebsd.h"

#include <arch.h>

_Static_assert(PAGE_SIZE == PAGE_BYTES, "pages of 4 KiB");

#define TRIES	  8	     /* waits for a page before there is none */
#define MAP_DEPTH 2	     /* os_gpage_map nests so deep */
#define PA_BELOW  0xffffffff /* what HYP mode is entered with has 32 bits */

MALLOC_DEFINE(M_VMM, "vmm", "bhyve on ARM");

/* A CPU's addresses for os_gpage_map. */
struct map_slots {
	vm_offset_t va;
	unsigned int depth;
};

static struct map_slots *map_slots; /* by CPU */
static u_long guest_pages;	    /* [a] */

/* ---- heap ---- */

void *
os_zalloc(size_t bytes)
{
	return malloc(bytes, M_VMM, M_WAITOK | M_ZERO);
}

void
os_free(void *p)
{
	free(p, M_VMM);
}

int
os_copyin(void *dst, const void *user, size_t len)
{
	return copyin(user, dst, len) == 0 ? 0 : -EFAULT;
}

int
os_copyout(void *user, const void *src, size_t len)
{
	return copyout(src, user, len) == 0 ? 0 : -EFAULT;
}

/* ---- who pays ---- */

static struct ucred **
payer_of(vm_page_t m)
{
	_Static_assert(sizeof(m->plinks.memguard.p) == sizeof(struct ucred *), "fits");
	return (struct ucred **)(void *)&m->plinks.memguard.p;
}

/* Charge n pages to the caller. */
static bool
charge(unsigned int n)
{
	if (!compat_may_wire(n) && priv_check(curthread, PRIV_VM_MLOCK) != 0)
		return false;
	return swap_reserve_by_cred((vm_ooffset_t)n * PAGE_SIZE, curthread->td_ucred) != 0;
}

static void
refund(unsigned int n, struct ucred *cred)
{
	swap_release_by_cred((vm_ooffset_t)n * PAGE_SIZE, cred);
}

/* ---- pages ---- */

/* 2^order pages in one piece, naturally aligned, zeroed, wired, in no object. */
static vm_page_t
pages_grab(unsigned int order, vm_paddr_t below, bool try_hard)
{
	const int req = VM_ALLOC_NORMAL | VM_ALLOC_WIRED | VM_ALLOC_ZERO;
	u_long n = 1ul << order;
	vm_page_t m;
	int tries;

	for (tries = 0;; tries++) {
		m = compat_page_alloc(req, n, below);
		if (m != NULL || !try_hard || tries == TRIES)
			break;
		if (order == 0 || !compat_page_reclaim(req, n, below))
			vm_wait(NULL);
	}
	for (u_long i = 0; m != NULL && i < n; i++) {
		if ((m[i].flags & PG_ZERO) == 0)
			pmap_zero_page(&m[i]);
		*payer_of(&m[i]) = crhold(curthread->td_ucred);
	}
	return m;
}

/* One page, which no object and no process has any more. */
static void
page_release(vm_page_t m)
{
	struct ucred *cred = *payer_of(m);

	compat_page_free(m);
	refund(1, cred);
	crfree(cred);
}

/* ---- pages of our own ---- */

/* Naturally aligned addresses too: a CPU's HYP stack is found by masking. */
void *
os_pages_alloc(unsigned int order)
{
	u_long n = 1ul << order;
	vm_page_t m, run[1];
	vmem_addr_t va;

	if (!charge(n))
		return NULL;
	m = pages_grab(order, PA_BELOW, true);
	if (m == NULL)
		goto refund;
	if (vmem_xalloc(kernel_arena, n * PAGE_SIZE, n * PAGE_SIZE, 0, 0, VMEM_ADDR_MIN,
		VMEM_ADDR_MAX, M_WAITOK | M_BESTFIT, &va) != 0)
		goto release;
	for (u_long i = 0; i < n; i++) {
		run[0] = &m[i];
		m[i].plinks.memguard.v = va + i * PAGE_SIZE;
		pmap_qenter(va + i * PAGE_SIZE, run, 1);
	}
	return (void *)va;
release:
	for (u_long i = 0; i < n; i++)
		page_release(&m[i]);
	return NULL;
refund:
	refund(n, curthread->td_ucred);
	return NULL;
}

void
os_pages_free(void *va, unsigned int order)
{
	u_long n = 1ul << order;
	vm_page_t m;

	if (va == NULL)
		return;
	m = PHYS_TO_VM_PAGE(os_va_to_pa(va).a);
	pmap_qremove((vm_offset_t)va, n);
	vmem_xfree(kernel_arena, (vmem_addr_t)va, n * PAGE_SIZE);
	for (u_long i = 0; i < n; i++)
		page_release(&m[i]);
}

hpa_t
os_va_to_pa(const void *va)
{
	return HPA(pmap_kextract((vm_offset_t)va));
}

void *
os_pa_to_va(hpa_t pa)
{
	vm_page_t m = PHYS_TO_VM_PAGE(pa.a);

	return (void *)(m->plinks.memguard.v + (pa.a & PAGE_MASK));
}

hpa_t
os_module_va_to_pa(const void *va)
{
	return os_va_to_pa(va);
}

/* ---- guest pages: struct os_gpage is struct vm_page under a name that the core may know ---- */

static vm_page_t
page_of(const struct os_gpage *pg)
{
	return (vm_page_t)__DECONST(void *, pg);
}

/* A block is taken only where it lies ready; its pages go back one by one. */
struct os_gpage *
os_gpage_alloc(unsigned int order)
{
	u_int n = 1u << order;
	vm_page_t m;

	if (!charge(n))
		return NULL;
	m = pages_grab(order, ~(vm_paddr_t)0, order == 0);
	if (m == NULL)
		refund(n, curthread->td_ucred);
	else
		atomic_add_long(&guest_pages, n);
	return (struct os_gpage *)m;
}

void
os_gpage_free(struct os_gpage *pg)
{
	page_release(page_of(pg));
	atomic_subtract_long(&guest_pages, 1);
}

struct os_gpage *
os_gpage_nth(struct os_gpage *pg, unsigned int n)
{
	return (struct os_gpage *)(page_of(pg) + n);
}

hpa_t
os_gpage_pa(const struct os_gpage *pg)
{
	return HPA(VM_PAGE_TO_PHYS(page_of(pg)));
}

/* The slots are this CPU's as long as nobody else can run here. */
void *
os_gpage_map(struct os_gpage *pg)
{
	struct map_slots *s;
	vm_page_t run[1] = { page_of(pg) };
	vm_offset_t va;

	critical_enter();
	s = &map_slots[curcpu];
	KASSERT(s->depth < MAP_DEPTH, ("os_gpage_map nests too deep"));
	va = s->va + s->depth++ * PAGE_SIZE;
	pmap_qenter(va, run, 1);
	return (void *)va;
}

void
os_gpage_unmap(void *va)
{
	struct map_slots *s = &map_slots[curcpu];

	s->depth--;
	KASSERT((vm_offset_t)va == s->va + s->depth * PAGE_SIZE, ("unmapped out of order"));
	pmap_qremove((vm_offset_t)va, 1);
	critical_exit();
}

/*
 * The data side by address, page by page since they have none for long; then, with the data at
 * the point of coherency, the instruction side of all CPUs at once.
 */
void
os_gpage_flush(struct os_gpage *pg, unsigned int npages)
{
	unsigned int i;

	for (i = 0; i < npages; i++) {
		struct os_gpage *nth = os_gpage_nth(pg, i);
		void *va = os_gpage_map(nth);

		hyp_stub_flush_poc(va, os_gpage_pa(nth), PAGE_SIZE);
		os_gpage_unmap(va);
	}
	arch_icache_invalidate_all();
}

/* ---- the module's part ---- */

int
vmm_memory_init(void)
{
	u_int cpu;

	map_slots = malloc((mp_maxid + 1) * sizeof(*map_slots), M_VMM, M_WAITOK | M_ZERO);
	for (cpu = 0; cpu <= mp_maxid; cpu++) {
		map_slots[cpu].va = kva_alloc(MAP_DEPTH * PAGE_SIZE);
		if (map_slots[cpu].va == 0) {
			vmm_err("the kernel has no address space left; unload what it can do "
				"without");
			vmm_memory_fini();
			return ENOMEM;
		}
	}
	return 0;
}

void
vmm_memory_fini(void)
{
	u_int cpu;

	for (cpu = 0; cpu <= mp_maxid; cpu++)
		if (map_slots[cpu].va != 0)
			kva_free(map_slots[cpu].va, MAP_DEPTH * PAGE_SIZE);
	free(map_slots, M_VMM);
}

u_long
vmm_memory_guest_pages(void)
{
	return atomic_load_long(&guest_pages);
}
