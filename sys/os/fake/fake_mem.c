/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Memory of the fake OS: an arena with made-up physical addresses for the pages of kernel
 * and guests, the heap, user mappings, and the counters that tests look at.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "errno.h"
#include "fake.h"
#include "fake_impl.h"

enum page_kind { PAGE_NONE, PAGE_KERNEL, PAGE_GUEST };

/* One of these is one page of the arena; the guest's are handed out as they are. */
struct os_gpage {
	enum page_kind kind;
	unsigned int order; /* of a kernel allocation, in its first page */
	bool flushed;	    /* since it was allocated or user space may have written */
	unsigned int shown; /* stage 2 mappings */
	unsigned int users; /* user mappings */
};

static struct os_gpage page[FAKE_PAGES];
static uint8_t *arena;
static pthread_mutex_t mem_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct fake_counts counts;
static unsigned long fail_calls, fail_at;
static bool no_blocks;
static unsigned int next_page;

void
fake_mem_reset(void)
{
	pthread_mutex_lock(&mem_mutex);
	if (arena == NULL) {
		arena = mmap(NULL, (size_t)FAKE_PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (arena == MAP_FAILED)
			abort();
	}
	memset(page, 0, sizeof(page));
	memset(&counts, 0, sizeof(counts));
	fail_calls = fail_at = 0;
	no_blocks = false;
	next_page = 0;
	pthread_mutex_unlock(&mem_mutex);
}

struct fake_counts
fake_counts(void)
{
	struct fake_counts c;

	pthread_mutex_lock(&mem_mutex);
	c = counts;
	pthread_mutex_unlock(&mem_mutex);
	return c;
}

void
fake_count(long *which, long n)
{
	pthread_mutex_lock(&mem_mutex);
	*which += n;
	pthread_mutex_unlock(&mem_mutex);
}

struct fake_counts *
fake_counts_ref(void)
{
	return &counts;
}

int
fake_leaks(void)
{
	struct fake_counts c = fake_counts();

	if ((c.allocs | c.pages | c.gpages | c.nodes | c.users | c.events) == 0)
		return 0;
	fprintf(stderr,
	    "leaked: %ld allocations, %ld pages, %ld guest pages, %ld nodes, %ld user mappings, "
	    "%ld events\n",
	    c.allocs, c.pages, c.gpages, c.nodes, c.users, c.events);
	return 1;
}

unsigned long
fake_fail_at(unsigned long n)
{
	unsigned long calls;

	pthread_mutex_lock(&mem_mutex);
	calls = fail_calls;
	fail_calls = 0;
	fail_at = n;
	pthread_mutex_unlock(&mem_mutex);
	return calls;
}

bool
fake_should_fail(void)
{
	bool fail;

	pthread_mutex_lock(&mem_mutex);
	fail = ++fail_calls == fail_at;
	pthread_mutex_unlock(&mem_mutex);
	return fail;
}

void
fake_no_blocks(bool none)
{
	__atomic_store_n(&no_blocks, none, __ATOMIC_SEQ_CST);
}

/* ---- the heap ---- */

void *
os_zalloc(size_t bytes)
{
	void *p;

	fake_may_sleep("os_zalloc");
	if (fake_should_fail())
		return NULL;
	p = calloc(1, bytes);
	if (p != NULL)
		fake_count(&counts.allocs, 1);
	return p;
}

void
os_free(void *p)
{
	if (p == NULL)
		return;
	fake_count(&counts.allocs, -1);
	free(p);
}

/* ---- the arena ---- */

static bool
run_is_free(unsigned int first, unsigned int n)
{
	for (unsigned int i = first; i < first + n; i++)
		if (page[i].kind != PAGE_NONE)
			return false;
	return true;
}

/* Next fit, aligned to its size; FAKE_PAGES: none. */
static unsigned int
run_take(unsigned int order, enum page_kind kind)
{
	unsigned int n = 1u << order, tries = FAKE_PAGES / n, first;

	pthread_mutex_lock(&mem_mutex);
	for (first = next_page & ~(n - 1); tries != 0; tries--, first += n) {
		if (first + n > FAKE_PAGES)
			first = 0;
		if (run_is_free(first, n))
			break;
	}
	if (tries != 0) {
		for (unsigned int i = first; i < first + n; i++)
			page[i] = (struct os_gpage){ .kind = kind, .order = order };
		next_page = (first + n) % FAKE_PAGES;
		*(kind == PAGE_GUEST ? &counts.gpages : &counts.pages) += (long)n;
	}
	pthread_mutex_unlock(&mem_mutex);
	return tries != 0 ? first : FAKE_PAGES;
}

static void *
page_va(unsigned int i)
{
	return arena + (size_t)i * PAGE_BYTES;
}

static unsigned int
va_index(const void *va)
{
	size_t off = (size_t)((const uint8_t *)va - arena);

	if ((const uint8_t *)va < arena || off >= (size_t)FAKE_PAGES * PAGE_BYTES)
		os_panic("%p is not of the arena", va);
	return (unsigned int)(off / PAGE_BYTES);
}

void *
os_pages_alloc(unsigned int order)
{
	unsigned int i;

	fake_may_sleep("os_pages_alloc");
	if (fake_should_fail())
		return NULL;
	i = run_take(order, PAGE_KERNEL);
	if (i == FAKE_PAGES)
		return NULL;
	memset(page_va(i), 0, (size_t)PAGE_BYTES << order);
	return page_va(i);
}

void
os_pages_free(void *va, unsigned int order)
{
	unsigned int i = va_index(va);

	pthread_mutex_lock(&mem_mutex);
	if (page[i].kind != PAGE_KERNEL || page[i].order != order)
		os_panic("os_pages_free of what was not allocated so");
	memset(va, 0xdf, (size_t)PAGE_BYTES << order);
	memset(&page[i], 0, sizeof(page[0]) << order);
	counts.pages -= 1l << order;
	pthread_mutex_unlock(&mem_mutex);
}

hpa_t
os_va_to_pa(const void *va)
{
	return HPA(FAKE_PA_BASE + (uint64_t)((const uint8_t *)va - arena));
}

void *
os_pa_to_va(hpa_t pa)
{
	return arena + (pa.a - FAKE_PA_BASE);
}

bool
fake_is_page(const void *va)
{
	return page[va_index(va)].kind == PAGE_KERNEL;
}

/* ---- guest pages ---- */

static unsigned int
gpage_index(const struct os_gpage *pg)
{
	if (pg < page || pg >= page + FAKE_PAGES || pg->kind != PAGE_GUEST)
		os_panic("%p is no guest page", (const void *)pg);
	return (unsigned int)(pg - page);
}

struct os_gpage *
os_gpage_alloc(unsigned int order)
{
	unsigned int i;

	fake_may_sleep("os_gpage_alloc");
	if (order != 0 && order != 9)
		os_panic("os_gpage_alloc of order %u", order);
	if (fake_should_fail() || (order != 0 && LOAD_ONCE(no_blocks)))
		return NULL;
	i = run_take(order, PAGE_GUEST);
	if (i == FAKE_PAGES)
		return NULL;
	memset(page_va(i), 0, (size_t)PAGE_BYTES << order);
	return &page[i];
}

void
os_gpage_free(struct os_gpage *pg)
{
	unsigned int i = gpage_index(pg);

	pthread_mutex_lock(&mem_mutex);
	if (pg->shown != 0 || pg->users != 0)
		os_panic(
		    "guest page freed with %u stage 2 and %u user mappings", pg->shown, pg->users);
	memset(page_va(i), 0xdf, PAGE_BYTES);
	memset(pg, 0, sizeof(*pg));
	counts.gpages--;
	pthread_mutex_unlock(&mem_mutex);
}

struct os_gpage *
os_gpage_nth(struct os_gpage *pg, unsigned int n)
{
	gpage_index(pg + n);
	return pg + n;
}

hpa_t
os_gpage_pa(const struct os_gpage *pg)
{
	return os_va_to_pa(page_va(gpage_index(pg)));
}

void *
os_gpage_map(struct os_gpage *pg)
{
	fake_gpage_nest(1);
	return page_va(gpage_index(pg));
}

void
os_gpage_unmap(void *va)
{
	fake_gpage_nest(-1);
	if (page[va_index(va)].kind != PAGE_GUEST)
		os_panic("os_gpage_unmap of %p", va);
}

void
os_gpage_flush(struct os_gpage *pg, unsigned int npages)
{
	pthread_mutex_lock(&mem_mutex);
	counts.flushes++;
	for (unsigned int i = 0; i < npages; i++) {
		gpage_index(pg + i);
		pg[i].flushed = true;
	}
	pthread_mutex_unlock(&mem_mutex);
}

static struct os_gpage *
gpage_at(hpa_t pa)
{
	struct os_gpage *pg = &page[va_index(os_pa_to_va(pa))];

	gpage_index(pg);
	return pg;
}

void
fake_gpage_shown(hpa_t pa, unsigned int npages)
{
	struct os_gpage *pg = gpage_at(pa);

	pthread_mutex_lock(&mem_mutex);
	for (unsigned int i = 0; i < npages; i++) {
		if (!pg[i].flushed)
			os_panic("a page enters stage 2 without a flush");
		pg[i].shown++;
	}
	pthread_mutex_unlock(&mem_mutex);
}

void
fake_gpage_hidden(hpa_t pa, unsigned int npages)
{
	struct os_gpage *pg = gpage_at(pa);

	pthread_mutex_lock(&mem_mutex);
	for (unsigned int i = 0; i < npages; i++)
		pg[i].shown--;
	pthread_mutex_unlock(&mem_mutex);
}

/* ---- device nodes and user mappings ---- */

struct user_map {
	uint64_t gpa;
	struct os_gpage *pg;
	struct user_map *next;
};

struct fake_node {
	struct user_map *maps;
};

static int node_error;
void (*fake_on_node)(struct vm *vm, bool create);

void
fake_node_fail(int error)
{
	node_error = error;
}

int
os_vm_node_create(struct vm *vm)
{
	fake_may_sleep("os_vm_node_create");
	if (fake_on_node != NULL)
		fake_on_node(vm, true);
	if (node_error != 0)
		return node_error;
	if (fake_should_fail())
		return -ENOMEM;
	vm->os = calloc(1, sizeof(struct fake_node));
	fake_count(&counts.nodes, 1);
	return 0;
}

void
os_vm_node_destroy(struct vm *vm)
{
	struct fake_node *node = vm->os;

	fake_may_sleep("os_vm_node_destroy");
	if (fake_on_node != NULL)
		fake_on_node(vm, false);
	if (node->maps != NULL)
		os_panic("node removed while user space still maps guest memory");
	free(node);
	vm->os = NULL;
	fake_count(&counts.nodes, -1);
}

static void
user_map_add(struct fake_node *node, uint64_t gpa, struct os_gpage *pg, bool write)
{
	struct user_map *m;

	pthread_mutex_lock(&mem_mutex);
	if (write)
		pg->flushed = false;
	for (m = node->maps; m != NULL && m->gpa != gpa; m = m->next)
		;
	if (m == NULL) {
		m = calloc(1, sizeof(*m));
		*m = (struct user_map){ gpa, pg, node->maps };
		node->maps = m;
		pg->users++;
		counts.users++;
	} else if (m->pg != pg) {
		os_panic("user space still maps another page");
	}
	pthread_mutex_unlock(&mem_mutex);
}

int
fake_user_touch(struct vm *vm, uint64_t gpa, bool write, void **va)
{
	struct os_gpage *pg;
	int error = 0;

	os_mutex_lock(&vm->mem_lock);
	/* What the guest may not write its owner may. */
	pg = vm_mem_page(vm, GPA(gpa), VM_PROT_READ, &error);
	if (pg != NULL) {
		user_map_add(vm->os, ROUND_DOWN(gpa, PAGE_BYTES), pg, write);
		*va = page_va(gpage_index(pg));
	}
	os_mutex_unlock(&vm->mem_lock);
	return error;
}

void
os_unmap_user(void *vm_os, uint64_t gpa, uint64_t len)
{
	struct fake_node *node = vm_os;

	fake_may_sleep("os_unmap_user");
	pthread_mutex_lock(&mem_mutex);
	for (struct user_map **at = &node->maps, *m; (m = *at) != NULL;) {
		if (m->gpa < gpa || m->gpa - gpa >= len) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		m->pg->users--;
		counts.users--;
		free(m);
	}
	pthread_mutex_unlock(&mem_mutex);
}

int
os_copyin(void *dst, const void *user, size_t len)
{
	if (user == NULL)
		return -EFAULT;
	memcpy(dst, user, len);
	return 0;
}

int
os_copyout(void *user, const void *src, size_t len)
{
	if (user == NULL)
		return -EFAULT;
	memcpy(user, src, len);
	return 0;
}
