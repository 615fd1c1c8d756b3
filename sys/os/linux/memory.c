/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Memory for the core: heap, pages that HYP maps, guest pages, and their caches.  All
 * of it is charged to the caller's memory cgroup, so that a user's VMs stay within the
 * user's limits.  Everything here may sleep but os_gpage_map and what is beside it.
 */
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "vmm_linux.h"

#include <arch.h>

static_assert(PAGE_SIZE == PAGE_BYTES);

void *
os_zalloc(size_t bytes)
{
	return kvzalloc(bytes, GFP_KERNEL_ACCOUNT);
}

void
os_free(void *p)
{
	kvfree(p);
}

void *
os_pages_alloc(unsigned int order)
{
	return (void *)__get_free_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, order);
}

void
os_pages_free(void *va, unsigned int order)
{
	free_pages((unsigned long)va, order);
}

hpa_t
os_va_to_pa(const void *va)
{
	return HPA(virt_to_phys((void *)va));
}

void *
os_pa_to_va(hpa_t pa)
{
	return phys_to_virt((phys_addr_t)pa.a);
}

hpa_t
os_module_va_to_pa(const void *va)
{
	return HPA(((uint64_t)vmalloc_to_pfn(va) << PAGE_SHIFT) + offset_in_page(va));
}

/* struct os_gpage is struct page under a name that the core may know. */
static struct page *
page_of(const struct os_gpage *pg)
{
	return (struct page *)pg;
}

/*
 * A block is taken only where it lies ready, and split at once: its pages go back one by one,
 * and user mappings count references on each.
 */
struct os_gpage *
os_gpage_alloc(unsigned int order)
{
	gfp_t gfp = GFP_HIGHUSER | __GFP_ACCOUNT | __GFP_ZERO;
	struct page *page;

	if (order == 0)
		return (struct os_gpage *)alloc_page(gfp);
	page = alloc_pages(gfp | __GFP_NOWARN | __GFP_NORETRY, order);
	if (page != NULL)
		split_page(page, order);
	return (struct os_gpage *)page;
}

void
os_gpage_free(struct os_gpage *pg)
{
	__free_page(page_of(pg));
}

struct os_gpage *
os_gpage_nth(struct os_gpage *pg, unsigned int n)
{
	return (struct os_gpage *)nth_page(page_of(pg), n);
}

hpa_t
os_gpage_pa(const struct os_gpage *pg)
{
	return HPA((uint64_t)page_to_pfn(page_of(pg)) << PAGE_SHIFT);
}

void *
os_gpage_map(struct os_gpage *pg)
{
	return kmap_local_page(page_of(pg));
}

void
os_gpage_unmap(void *va)
{
	kunmap_local(va);
}

/*
 * The data side by address, page by page since highmem has none for long; then, with the data at
 * the point of coherency, the instruction side of all CPUs at once.
 */
void
os_gpage_flush(struct os_gpage *pg, unsigned int npages)
{
	unsigned int i;

	for (i = 0; i < npages; i++) {
		struct page *page = nth_page(page_of(pg), i);
		void *va = kmap_local_page(page);

		hyp_stub_flush_page(page, va);
		kunmap_local(va);
	}
	arch_icache_invalidate_all();
}

int
os_copyin(void *dst, const void *user, size_t len)
{
	return copy_from_user(dst, (const void __force __user *)user, len) == 0 ? 0 : -EFAULT;
}

int
os_copyout(void *user, const void *src, size_t len)
{
	return copy_to_user((void __force __user *)user, src, len) == 0 ? 0 : -EFAULT;
}
