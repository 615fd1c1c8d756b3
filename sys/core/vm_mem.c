/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Guest memory.  A segment owns pages; a mapping shows a piece of a segment to the guest
 * at a guest physical address, and to user space at the same offset of /dev/vmm/NAME.
 * Pages are made on the first touch by either side, 512 at a time where a 2 MiB block of
 * stage 2 could map them and the host has such a piece.
 *
 * Segments and mappings change under vm->lock and mem_lock together, so either suffices to
 * read them; pages and stage 2 change under mem_lock alone, for which a vCPU's thread may
 * wait.  Host kernel, may sleep.
 */
#include <string.h>

#include "core.h"
#include "errno.h"

#define CHUNK_PAGES (BLOCK_BYTES / PAGE_BYTES)
#define BLOCK_ORDER 9u
_Static_assert(CHUNK_PAGES == 1u << BLOCK_ORDER, "a block is one piece of the OS's");

/* 2 MiB of a segment. */
struct memchunk {
	uint32_t used; /* pages that are there */
	bool whole;    /* they are one contiguous, aligned piece */
	struct os_gpage *page[CHUNK_PAGES];
};

/* ---- ranges ---- */

static bool
is_page_multiple(uint64_t x)
{
	return (x & (PAGE_BYTES - 1)) == 0;
}

bool
vm_mem_range_ok(uint64_t gpa, uint64_t len)
{
	return is_page_multiple(gpa | len) && len != 0 && gpa < VM_MAX_GPA &&
	    len <= VM_MAX_GPA - gpa;
}

/* Both ranges end at or below VM_MAX_GPA; one of length 0 meets nothing. */
static bool
ranges_meet(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{
	return a < b ? b - a < alen && blen != 0 : a - b < blen && alen != 0;
}

static struct memmap *
map_find(struct vm *vm, uint64_t gpa)
{
	for (uint32_t i = 0; i < vm->nmaps; i++)
		if (ranges_meet(vm->map[i].gpa, vm->map[i].len, gpa, 1))
			return &vm->map[i];
	return NULL;
}

bool
vm_mem_is_mapped(const struct vm *vm, uint64_t gpa, uint64_t len)
{
	for (uint32_t i = 0; i < VM_MAX_MEMMAPS; i++)
		if (ranges_meet(vm->map[i].gpa, vm->map[i].len, gpa, len))
			return true;
	return false;
}

/* ---- pages of a segment; mem_lock held ---- */

static uint64_t
seg_chunks(uint64_t len)
{
	return (len + BLOCK_BYTES - 1) / BLOCK_BYTES;
}

static struct memchunk **
chunk_slot(struct memseg *seg, uint64_t off)
{
	return &seg->chunks[off / BLOCK_BYTES];
}

static unsigned int
chunk_index(uint64_t off)
{
	return (unsigned int)(off % BLOCK_BYTES / PAGE_BYTES);
}

/* The block around gpa, if one entry of stage 2 could show it. */
static bool
block_fits(const struct memmap *map, uint64_t gpa)
{
	uint64_t base = ROUND_DOWN(gpa, BLOCK_BYTES);

	if ((map->gpa ^ map->segoff) % BLOCK_BYTES != 0)
		return false;
	return base >= map->gpa && map->len >= BLOCK_BYTES &&
	    base - map->gpa <= map->len - BLOCK_BYTES;
}

static void
chunk_fill(struct vm *vm, struct memchunk *c, struct os_gpage *block)
{
	for (unsigned int i = 0; i < CHUNK_PAGES; i++)
		c->page[i] = os_gpage_nth(block, i);
	c->used = CHUNK_PAGES;
	c->whole = true;
	vm->mem_pages += CHUNK_PAGES;
}

static int
chunk_add_page(struct vm *vm, struct memchunk *c, unsigned int i)
{
	c->page[i] = os_gpage_alloc(0);
	if (c->page[i] == NULL)
		return -ENOMEM;
	c->used++;
	vm->mem_pages++;
	return 0;
}

static void
chunk_free_page(struct vm *vm, struct memchunk *c, unsigned int i)
{
	os_gpage_free(c->page[i]);
	c->page[i] = NULL;
	c->used--;
	c->whole = false;
	vm->mem_pages--;
}

static void
chunk_free_if_empty(struct memchunk **slot)
{
	if ((*slot)->used == 0) {
		os_free(*slot);
		*slot = NULL;
	}
}

/* First touch: a block for it if map allows and there is one, else a page. */
static int
page_make(
    struct vm *vm, const struct memmap *map, uint64_t gpa, struct memchunk **slot, unsigned int i)
{
	struct os_gpage *block;
	int error;

	if (*slot == NULL) {
		*slot = os_zalloc(sizeof(**slot));
		if (*slot == NULL)
			return -ENOMEM;
	}
	if ((*slot)->used == 0 && block_fits(map, gpa)) {
		block = os_gpage_alloc(BLOCK_ORDER);
		if (block != NULL) {
			chunk_fill(vm, *slot, block);
			return 0;
		}
	}
	error = chunk_add_page(vm, *slot, i);
	if (error != 0)
		chunk_free_if_empty(slot);
	return error;
}

static struct memchunk *
page_get(struct vm *vm, const struct memmap *map, uint64_t gpa, unsigned int *i, int *error)
{
	uint64_t off = map->segoff + (gpa - map->gpa);
	struct memchunk **slot = chunk_slot(&vm->seg[map->segid], off);

	*i = chunk_index(off);
	*error = 0;
	if (*slot == NULL || (*slot)->page[*i] == NULL)
		*error = page_make(vm, map, gpa, slot, *i);
	return *error == 0 ? *slot : NULL;
}

static struct os_gpage *
page_peek(struct vm *vm, const struct memmap *map, uint64_t gpa)
{
	uint64_t off = map->segoff + (gpa - map->gpa);
	struct memchunk *c = *chunk_slot(&vm->seg[map->segid], off);

	return c != NULL ? c->page[chunk_index(off)] : NULL;
}

/* ---- making pages unreachable; mem_lock held ---- */

static void
map_unreach(struct vm *vm, uint64_t gpa, uint64_t len)
{
	arch_stage2_unmap(vm, GPA(gpa), len);
	os_unmap_user(vm->os, gpa, len);
}

/* A piece of a segment, wherever it is mapped: a page may be shown in several places. */
static void
seg_unreach(struct vm *vm, uint32_t segid, uint64_t off, uint64_t len)
{
	for (uint32_t i = 0; i < VM_MAX_MEMMAPS; i++) {
		const struct memmap *m = &vm->map[i];
		uint64_t from, to;

		if (m->segid != segid || !ranges_meet(m->segoff, m->len, off, len))
			continue;
		from = off > m->segoff ? off : m->segoff;
		to = off + len < m->segoff + m->len ? off + len : m->segoff + m->len;
		map_unreach(vm, m->gpa + (from - m->segoff), to - from);
	}
}

/* Free the pages of one chunk that lie in [off, off + len); bytes freed. */
static uint64_t
chunk_discard(struct vm *vm, uint32_t segid, uint64_t off, uint64_t len)
{
	struct memchunk **slot = chunk_slot(&vm->seg[segid], off);
	unsigned int first = chunk_index(off), n = (unsigned int)(len / PAGE_BYTES);
	uint64_t freed = 0;

	if (*slot == NULL)
		return 0;
	for (unsigned int i = first; i < first + n; i++) {
		if ((*slot)->page[i] == NULL)
			continue;
		if (freed == 0)
			seg_unreach(vm, segid, off, len);
		chunk_free_page(vm, *slot, i);
		freed += PAGE_BYTES;
	}
	chunk_free_if_empty(slot);
	return freed;
}

/* ---- segments ---- */

static void
seg_free(struct vm *vm, uint32_t segid)
{
	struct memseg *seg = &vm->seg[segid];
	uint64_t off, n;

	for (off = 0; off < seg->len; off += n) {
		n = seg->len - off < BLOCK_BYTES ? seg->len - off : BLOCK_BYTES;
		(void)chunk_discard(vm, segid, off, n);
	}
	os_free(seg->chunks);
	memset(seg, 0, sizeof(*seg));
}

static bool
seg_is_mapped(const struct vm *vm, uint32_t segid)
{
	for (uint32_t i = 0; i < VM_MAX_MEMMAPS; i++)
		if (vm->map[i].len != 0 && vm->map[i].segid == segid)
			return true;
	return false;
}

static int
seg_release(struct vm *vm, uint32_t segid)
{
	if (vm->seg[segid].len == 0)
		return -ENOENT;
	if (seg_is_mapped(vm, segid))
		return -EBUSY;
	os_mutex_lock(&vm->mem_lock);
	seg_free(vm, segid);
	os_mutex_unlock(&vm->mem_lock);
	return 0;
}

static int
seg_name_check(const struct vm *vm, const struct vm_memseg *a)
{
	int error = vm_name_check(a->name, sizeof(a->name));

	if (error != 0)
		return error;
	if (a->segid == 0 && a->name[0] != '\0')
		return -EINVAL;
	for (uint32_t i = 0; i < VM_MAX_MEMSEGS; i++)
		if (i != a->segid && vm->seg[i].len != 0 && a->name[0] != '\0' &&
		    strcmp(vm->seg[i].name, a->name) == 0)
			return -EEXIST;
	return 0;
}

int
vm_mem_alloc_seg(struct vm *vm, const struct vm_memseg *a)
{
	struct memchunk **chunks;
	struct memseg *seg;
	int error;

	if (a->segid >= VM_MAX_MEMSEGS || a->flags != 0)
		return -EINVAL;
	if (a->len == 0)
		return seg_release(vm, a->segid);
	if (!is_page_multiple(a->len) || a->len > VM_MAX_GPA)
		return -EINVAL;
	error = seg_name_check(vm, a);
	if (error != 0)
		return error;
	seg = &vm->seg[a->segid];
	if (seg->len != 0)
		return seg->len == a->len && strcmp(seg->name, a->name) == 0 ? -EEXIST : -EINVAL;
	chunks = os_zalloc((size_t)seg_chunks(a->len) * sizeof(struct memchunk *));
	if (chunks == NULL)
		return -ENOMEM;
	os_mutex_lock(&vm->mem_lock);
	seg->chunks = chunks;
	seg->len = a->len;
	memcpy(seg->name, a->name, strnlen(a->name, VM_MAX_SUFFIXLEN));
	os_mutex_unlock(&vm->mem_lock);
	return 0;
}

int
vm_mem_get_seg(struct vm *vm, struct vm_memseg *a)
{
	if (a->segid >= VM_MAX_MEMSEGS || a->flags != 0)
		return -EINVAL;
	a->len = vm->seg[a->segid].len;
	memcpy(a->name, vm->seg[a->segid].name, sizeof(a->name));
	return 0;
}

/* ---- mappings ---- */

static int
map_check(const struct vm *vm, const struct vm_memmap *a)
{
	const uint32_t all = VM_PROT_READ | VM_PROT_WRITE | VM_PROT_EXEC;
	uint64_t seglen;

	if (a->segid >= VM_MAX_MEMSEGS || a->flags != 0 || a->pad != 0)
		return -EINVAL;
	/* Stage 2 has no write-only pages worth having, and fetches are reads. */
	if ((a->prot & ~all) != 0 || (a->prot & VM_PROT_READ) == 0)
		return -EINVAL;
	seglen = vm->seg[a->segid].len;
	if (!vm_mem_range_ok(a->gpa, a->len) || !is_page_multiple(a->segoff))
		return -EINVAL;
	if (a->segoff > seglen || a->len > seglen - a->segoff)
		return -EINVAL;
	if (vm_mem_is_mapped(vm, a->gpa, a->len))
		return -EEXIST;
	if (ranges_meet(vm->vgic.dist_start, vm->vgic.dist_size, a->gpa, a->len) ||
	    ranges_meet(vm->vgic.cpu_start, vm->vgic.cpu_size, a->gpa, a->len))
		return -EEXIST;
	if (vm_doorbell_within(vm, a->gpa, a->len))
		return -EEXIST;
	return 0;
}

int
vm_mem_map_seg(struct vm *vm, const struct vm_memmap *a)
{
	int error = map_check(vm, a);

	if (error != 0)
		return error;
	for (uint32_t i = 0; i < VM_MAX_MEMMAPS; i++) {
		if (vm->map[i].len != 0)
			continue;
		os_mutex_lock(&vm->mem_lock);
		vm->map[i] = (struct memmap){ a->gpa, a->len, a->segoff, a->segid, a->prot };
		if (i >= vm->nmaps)
			vm->nmaps = i + 1;
		os_mutex_unlock(&vm->mem_lock);
		return 0;
	}
	return -ENOSPC;
}

/* The lowest mapping that begins at a->gpa or above. */
int
vm_mem_next_map(struct vm *vm, struct vm_memmap *a)
{
	const struct memmap *best = NULL;

	for (uint32_t i = 0; i < VM_MAX_MEMMAPS; i++) {
		const struct memmap *m = &vm->map[i];

		if (m->len != 0 && m->gpa >= a->gpa && (best == NULL || m->gpa < best->gpa))
			best = m;
	}
	if (best == NULL)
		return -ENOENT;
	*a = (struct vm_memmap){ .gpa = best->gpa,
		.segoff = best->segoff,
		.len = best->len,
		.segid = best->segid,
		.prot = best->prot };
	return 0;
}

int
vm_mem_unmap(struct vm *vm, uint64_t gpa, uint64_t len)
{
	struct memmap *m = map_find(vm, gpa);

	if (m == NULL || m->gpa != gpa || m->len != len)
		return -EINVAL;
	os_mutex_lock(&vm->mem_lock);
	memset(m, 0, sizeof(*m));
	map_unreach(vm, gpa, len);
	os_mutex_unlock(&vm->mem_lock);
	return 0;
}

/* ---- giving memory back ---- */

/* What of [gpa, gpa + len) lies in m, a chunk at a time, so that vCPUs wait for one only. */
static uint64_t
map_discard(struct vm *vm, const struct memmap *m, uint64_t gpa, uint64_t len)
{
	uint64_t from = gpa > m->gpa ? gpa - m->gpa : 0;
	uint64_t to = gpa + len < m->gpa + m->len ? gpa + len - m->gpa : m->len;
	uint64_t off = m->segoff + from, end = m->segoff + to, n, freed = 0;

	for (; off < end; off += n) {
		n = BLOCK_BYTES - off % BLOCK_BYTES;
		if (n > end - off)
			n = end - off;
		os_mutex_lock(&vm->mem_lock);
		freed += chunk_discard(vm, m->segid, off, n);
		os_mutex_unlock(&vm->mem_lock);
	}
	return freed;
}

int
vm_mem_discard(struct vm *vm, struct vm_discard *a)
{
	if (!vm_mem_range_ok(a->gpa, a->len))
		return -EINVAL;
	a->freed = 0;
	for (uint32_t i = 0; i < VM_MAX_MEMMAPS; i++)
		if (ranges_meet(vm->map[i].gpa, vm->map[i].len, a->gpa, a->len))
			a->freed += map_discard(vm, &vm->map[i], a->gpa, a->len);
	return 0;
}

void
vm_mem_free(struct vm *vm)
{
	os_mutex_lock(&vm->mem_lock);
	for (uint32_t i = 0; i < VM_MAX_MEMMAPS; i++) {
		struct memmap m = vm->map[i];

		memset(&vm->map[i], 0, sizeof(vm->map[i]));
		if (m.len != 0)
			map_unreach(vm, m.gpa, m.len);
	}
	for (uint32_t i = 0; i < VM_MAX_MEMSEGS; i++)
		if (vm->seg[i].len != 0)
			seg_free(vm, i);
	os_mutex_unlock(&vm->mem_lock);
}

/* ---- touching ---- */

/*
 * Stage 2 makes a page visible to a guest that may run with its caches off and reads memory
 * itself: what the kernel's zeroing or user space left in the caches goes out first (DDI 0406C
 * B2.2.5).  Later host writes are the business of whoever writes: design.md, DMA is coherent.
 */
static int
stage2_show(
    struct vm *vm, const struct memmap *map, uint64_t gpa, struct os_gpage *pg, unsigned int npages)
{
	/* Two vCPUs met at one page, or a guest faults on what is there: cleaning is dear. */
	if (arch_stage2_has(vm, GPA(gpa), os_gpage_pa(pg), npages, map->prot))
		return 0;
	os_gpage_flush(pg, npages);
	return arch_stage2_map(vm, GPA(gpa), os_gpage_pa(pg), npages, map->prot);
}

static enum vm_mem_fault
fault_locked(struct vm *vm, uint64_t gpa, bool write, bool *block, int *error)
{
	const struct memmap *map = map_find(vm, gpa);
	struct memchunk *c;
	unsigned int i;

	*block = false;
	*error = 0;
	if (map == NULL)
		return VM_MEM_NOT_RAM;
	if (write && (map->prot & VM_PROT_WRITE) == 0)
		return VM_MEM_READ_ONLY;
	c = page_get(vm, map, gpa, &i, error);
	if (c == NULL)
		return VM_MEM_ERROR;
	*block = c->whole && block_fits(map, gpa);
	if (*block)
		*error = stage2_show(
		    vm, map, ROUND_DOWN(gpa, BLOCK_BYTES), c->page[0], CHUNK_PAGES);
	else
		*error = stage2_show(vm, map, ROUND_DOWN(gpa, PAGE_BYTES), c->page[i], 1);
	return *error == 0 ? VM_MEM_MAPPED : VM_MEM_ERROR;
}

enum vm_mem_fault
vm_mem_fault(struct vm *vm, gpa_t gpa, bool write, bool *block, int *error)
{
	enum vm_mem_fault r;

	os_mutex_lock(&vm->mem_lock);
	r = fault_locked(vm, gpa.a, write, block, error);
	os_mutex_unlock(&vm->mem_lock);
	return r;
}

struct os_gpage *
vm_mem_page(struct vm *vm, gpa_t gpa, uint32_t need_prot, int *error)
{
	const struct memmap *map = map_find(vm, gpa.a);
	struct memchunk *c;
	unsigned int i;

	*error = -EFAULT;
	if (map == NULL)
		return NULL;
	*error = -EACCES;
	if ((need_prot & ~map->prot) != 0)
		return NULL;
	c = page_get(vm, map, gpa.a, &i, error);
	return c != NULL ? c->page[i] : NULL;
}

/*
 * The flush throws away lines that the host's own mapping may have fetched before a guest
 * with its caches off stored past them (DDI 0406C A3.5, mismatched attributes).
 */
static void
page_copy_out(struct os_gpage *pg, unsigned int off, void *dst, size_t n)
{
	uint8_t *va;

	os_gpage_flush(pg, 1);
	va = os_gpage_map(pg);
	memcpy(dst, va + off, n);
	os_gpage_unmap(va);
}

static int
read_locked(struct vm *vm, uint64_t gpa, uint8_t *dst, size_t len)
{
	const struct memmap *map;
	struct os_gpage *pg;
	unsigned int off;
	size_t n;

	for (; len != 0; len -= n, gpa += n, dst += n) {
		map = map_find(vm, gpa);
		if (map == NULL)
			return -EFAULT;
		off = (unsigned int)(gpa % PAGE_BYTES);
		n = len < PAGE_BYTES - off ? len : PAGE_BYTES - off;
		pg = page_peek(vm, map, gpa);
		if (pg != NULL)
			page_copy_out(pg, off, dst, n);
		else
			memset(dst, 0, n);
	}
	return 0;
}

int
vm_mem_read(struct vm *vm, gpa_t gpa, void *dst, size_t len)
{
	int error;

	os_mutex_lock(&vm->mem_lock);
	error = read_locked(vm, gpa.a, dst, len);
	os_mutex_unlock(&vm->mem_lock);
	return error;
}

static void
flush_run(void *arg, gpa_t run, uint64_t len)
{
	struct vm *vm = arg;
	const struct memmap *map;
	struct memchunk *c;
	uint64_t gpa = run.a, end = run.a + len, off, n;

	for (; gpa < end; gpa += n) {
		n = PAGE_BYTES;
		map = map_find(vm, gpa);
		if (map == NULL)
			continue;
		off = map->segoff + (gpa - map->gpa);
		c = *chunk_slot(&vm->seg[map->segid], off);
		if (c == NULL || c->page[chunk_index(off)] == NULL)
			continue;
		if (c->whole && off % BLOCK_BYTES == 0 && end - gpa >= BLOCK_BYTES &&
		    map->len - (gpa - map->gpa) >= BLOCK_BYTES) {
			n = BLOCK_BYTES;
			os_gpage_flush(c->page[0], CHUNK_PAGES);
		} else {
			os_gpage_flush(c->page[chunk_index(off)], 1);
		}
	}
}

/*
 * What user space wrote through its own mapping was written with caches on: clean it to where the
 * guest's fetches come from, and drop what the I-caches have (DDI 0406C B2.2.7).
 */
int
vm_mem_sync_code(struct vm *vm, const struct vm_sync_code *a)
{
	uint64_t start = a->gpa & ~(uint64_t)(PAGE_BYTES - 1);

	if (a->len == 0 || a->len > VM_SYNC_CODE_MAX || a->gpa >= VM_MAX_GPA - a->len)
		return -EINVAL;
	os_mutex_lock(&vm->mem_lock);
	flush_run(vm, GPA(start), a->gpa + a->len - start);
	os_mutex_unlock(&vm->mem_lock);
	return 0;
}

void
vm_mem_flush_all(struct vm *vm)
{
	os_mutex_lock(&vm->mem_lock);
	arch_stage2_for_each(vm, flush_run, vm);
	os_mutex_unlock(&vm->mem_lock);
}
