/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Guest memory: what may be mapped where, who makes pages when and in which size, and that
 * all of it comes back.  The fake aborts when a page is freed while it can be reached.
 */
#include "core_test.h"

#define RW  (VM_PROT_READ | VM_PROT_WRITE)
#define RWX (RW | VM_PROT_EXEC)

static enum vm_mem_fault
fault(struct vm *vm, uint64_t gpa, bool write, bool *block)
{
	int error;

	return vm_mem_fault(vm, GPA(gpa), write, block, &error);
}

/* A fault on what is there costs no cleaning: a guest could make others pay for it. */
static void
fault_again(void **state)
{
	struct vm *vm = vm_make("m");
	bool block;
	long flushes;

	(void)state;
	assert_int_equal(ioc_memseg(vm, 0, 4 * MIB, ""), 0);
	assert_int_equal(ioc_memmap(vm, RAM, 0, 0, 4 * MIB, RWX), 0);
	assert_int_equal(fault(vm, RAM, true, &block), VM_MEM_MAPPED);
	assert_true(block);
	fake_no_blocks(true);
	assert_int_equal(fault(vm, RAM + 2 * MIB, true, &block), VM_MEM_MAPPED);
	flushes = fake_counts().flushes;
	assert_int_equal(fault(vm, RAM + 4096, false, &block), VM_MEM_MAPPED);
	assert_int_equal(fault(vm, RAM + 2 * MIB, true, &block), VM_MEM_MAPPED);
	assert_int_equal(fake_counts().flushes, flushes);
	assert_int_equal(fault(vm, RAM + 2 * MIB + 4096, true, &block), VM_MEM_MAPPED);
	assert_int_equal(fake_counts().flushes, flushes + 1);
	vm_close(vm);
}

static void
segments(void **state)
{
	static const struct {
		uint32_t id;
		uint64_t len;
		const char *name;
		int error;
	} row[] = {
		{ 0, 4096, "", 0 },
		{ 0, 4096, "", -EEXIST },
		{ 0, 8192, "", -EINVAL },
		{ 1, 4097, "rom", -EINVAL },
		{ 1, 1, "rom", -EINVAL },
		{ 1, VM_MAX_GPA + 4096, "rom", -EINVAL },
		{ 1, ~0ull & ~4095ull, "rom", -EINVAL },
		{ 8, 4096, "", -EINVAL },
		{ ~0u, 4096, "", -EINVAL },
		{ 1, 4096, "a/b", -EINVAL },
		{ 1, 4096, "0123456789abcdef", -ENAMETOOLONG },
		{ 1, 4096, "0123456789abcde", 0 },
		{ 2, 4096, "0123456789abcde", -EEXIST },
		{ 7, VM_MAX_GPA, "all", 0 },
		{ 7, 0, "", 0 },
		{ 7, 0, "", -ENOENT },
	};
	struct vm *vm = vm_make("m");
	struct vm_memseg s = { .segid = 1 };

	(void)state;
	for (size_t i = 0; i < NELEM(row); i++)
		assert_int_equal(ioc_memseg(vm, row[i].id, row[i].len, row[i].name), row[i].error);
	assert_int_equal(vm_ioctl(vm, IOCNUM_GET_MEMSEG, &s, sizeof(s)), 0);
	assert_int_equal(s.len, 4096);
	assert_string_equal(s.name, "0123456789abcde");
	s.segid = 5;
	assert_int_equal(vm_ioctl(vm, IOCNUM_GET_MEMSEG, &s, sizeof(s)), 0);
	assert_int_equal(s.len, 0);
	s.segid = 8;
	assert_int_equal(vm_ioctl(vm, IOCNUM_GET_MEMSEG, &s, sizeof(s)), -EINVAL);
	s = (struct vm_memseg){ .segid = 3, .flags = 1, .len = 4096 };
	assert_int_equal(vm_ioctl(vm, IOCNUM_ALLOC_MEMSEG, &s, sizeof(s)), -EINVAL);
	s = (struct vm_memseg){ .segid = 0, .len = 4096, .name = "named" };
	assert_int_equal(vm_ioctl(vm, IOCNUM_ALLOC_MEMSEG, &s, sizeof(s)), -EINVAL);
	vm_close(vm);
}

static void
map_ranges(void **state)
{
	static const struct {
		uint64_t gpa, off, len;
		uint32_t seg, prot;
		int error;
	} row[] = {
		{ RAM, 0, 0, 0, RW, -EINVAL },
		{ RAM + 1, 0, 4096, 0, RW, -EINVAL },
		{ RAM, 1, 4096, 0, RW, -EINVAL },
		{ RAM, 0, 4095, 0, RW, -EINVAL },
		{ RAM, 0, 4096, 1, RW, -EINVAL }, /* no such segment */
		{ RAM, 0, 4096, 8, RW, -EINVAL },
		{ RAM, 0, 4096, ~0u, RW, -EINVAL },
		{ RAM, 0, 4096, 0, 0, -EINVAL },
		{ RAM, 0, 4096, 0, VM_PROT_WRITE, -EINVAL },
		{ RAM, 0, 4096, 0, 8 | RW, -EINVAL },
		{ RAM, 0, 4 * MIB + 4096, 0, RW, -EINVAL },
		{ RAM, 4096, 4 * MIB, 0, RW, -EINVAL },
		{ RAM, 4 * MIB, 4096, 0, RW, -EINVAL },
		{ RAM, ~0ull << 12, 8192, 0, RW, -EINVAL },
		{ RAM, 4096, ~0ull << 12, 0, RW, -EINVAL },
		{ VM_MAX_GPA, 0, 4096, 0, RW, -EINVAL },
		{ VM_MAX_GPA - 4096, 0, 8192, 0, RW, -EINVAL },
		{ ~0ull << 12, 0, 8192, 0, RW, -EINVAL },
		{ VM_MAX_GPA - 4096, 0, 4096, 0, RW, 0 },
		{ RAM, 0, 4 * MIB, 0, RWX, 0 },
		{ RAM, 0, 4 * MIB, 0, RWX, -EEXIST },
		{ RAM + 4 * MIB - 4096, 0, 4096, 0, RW, -EEXIST },
		{ RAM - 4096, 0, 8192, 0, RW, -EEXIST },
		{ RAM - 4096, 0, 4096, 0, RW, 0 },
		{ RAM + 4 * MIB, 0, 4096, 0, RW, 0 },
		{ 0, 0, 4096, 0, VM_PROT_READ, 0 },
		{ 0, 0, 4096, 0, VM_PROT_READ, -EEXIST },
	};
	struct vm *vm = vm_make("m");
	struct vm_memmap m = { .gpa = 0 };
	uint64_t last = 0;
	unsigned int n;

	(void)state;
	assert_int_equal(ioc_memseg(vm, 0, 4 * MIB, ""), 0);
	for (size_t i = 0; i < NELEM(row); i++)
		assert_int_equal(
		    ioc_memmap(vm, row[i].gpa, row[i].seg, row[i].off, row[i].len, row[i].prot),
		    row[i].error);
	/* In ascending order, each once. */
	for (n = 0; vm_ioctl(vm, IOCNUM_MMAP_GETNEXT, &m, sizeof(m)) == 0; n++) {
		assert_true(n == 0 || m.gpa > last);
		last = m.gpa++;
	}
	assert_int_equal(n, 5);
	assert_int_equal(ioc_memseg(vm, 0, 0, ""), -EBUSY);
	assert_int_equal(ioc_munmap(vm, RAM, 2 * MIB), -EINVAL);
	assert_int_equal(ioc_munmap(vm, RAM + 4096, 4 * MIB - 4096), -EINVAL);
	assert_int_equal(ioc_munmap(vm, RAM, 4 * MIB), 0);
	assert_int_equal(ioc_munmap(vm, RAM, 4 * MIB), -EINVAL);
	for (uint64_t i = 4; i < VM_MAX_MEMMAPS; i++)
		assert_int_equal(ioc_memmap(vm, RAM * 2 + i * 4096, 0, 0, 4096, RW), 0);
	assert_int_equal(ioc_memmap(vm, RAM * 3, 0, 0, 4096, RW), -ENOSPC);
	vm_close(vm);
}

/* The distributor and the CPU interface are nobody's memory, whichever came first. */
static void
vgic_excludes_memory(void **state)
{
	struct vm_attach_vgic g = { 0x8000000, 0x10000, 0x8010000, 0x10000, 288, 0 };
	struct vm *vm = vm_make("m");

	(void)state;
	assert_int_equal(ioc_memseg(vm, 0, 4 * MIB, ""), 0);
	assert_int_equal(ioc_memmap(vm, 0x8011000, 0, 0, 4096, RW), 0);
	assert_int_equal(vm_ioctl(vm, IOCNUM_ATTACH_VGIC, &g, sizeof(g)), -EINVAL);
	assert_int_equal(ioc_munmap(vm, 0x8011000, 4096), 0);
	assert_int_equal(vm_ioctl(vm, IOCNUM_ATTACH_VGIC, &g, sizeof(g)), 0);
	assert_int_equal(ioc_memmap(vm, 0x8011000, 0, 0, 4096, RW), -EEXIST);
	assert_int_equal(ioc_memmap(vm, 0x800f000, 0, 0, 4096, RW), -EEXIST);
	assert_int_equal(ioc_memmap(vm, 0x7fff000, 0, 0, 4096, RW), 0);
	assert_int_equal(ioc_memmap(vm, 0x8020000, 0, 0, 4096, RW), 0);
	vm_close(vm);
}

/* Where gpa, offset and length allow it a touch brings 2 MiB, elsewhere a page. */
static void
blocks(void **state)
{
	static const struct {
		uint64_t gpa, off, len, touch;
		bool block;
	} row[] = {
		{ RAM, 0, 4 * MIB, RAM, true },
		{ RAM, 0, 4 * MIB, RAM + 4 * MIB - 1, true },
		{ RAM, 2 * MIB, 2 * MIB, RAM + 5, true },
		{ RAM, 4096, 4 * MIB, RAM + 2 * MIB, false },	  /* not congruent */
		{ RAM + 4096, 4096, 4 * MIB, RAM + 4096, false }, /* begins inside the block */
		{ RAM + 4096, 4096, 4 * MIB, RAM + 2 * MIB, true },
		{ RAM + 4096, 4096, 4 * MIB, RAM + 4 * MIB, false }, /* ends inside it */
		{ RAM, 0, 2 * MIB - 4096, RAM, false },
		{ RAM, 0, 3 * MIB, RAM + 2 * MIB, false },
		{ RAM + 4096, 2 * MIB + 4096, 2 * MIB - 4096, RAM + 8192, false },
	};
	struct vm *vm;
	bool block;

	(void)state;
	for (size_t i = 0; i < NELEM(row); i++) {
		vm = vm_make("m");
		assert_int_equal(ioc_memseg(vm, 0, 8 * MIB, ""), 0);
		assert_int_equal(ioc_memmap(vm, row[i].gpa, 0, row[i].off, row[i].len, RW), 0);
		assert_int_equal(fault(vm, row[i].touch, true, &block), VM_MEM_MAPPED);
		assert_int_equal(block, row[i].block);
		assert_int_equal(fake_stage2_pages(vm), row[i].block ? 512 : 1);
		assert_int_equal(vm->mem_pages, row[i].block ? 512 : 1);
		assert_int_equal(fake_counts().gpages, row[i].block ? 512 : 1);
		assert_int_equal(fault(vm, row[i].touch, false, &block), VM_MEM_MAPPED);
		assert_int_equal(vm->mem_pages, row[i].block ? 512 : 1);
		vm_close(vm);
		assert_int_equal(fake_counts().gpages, 0);
	}
}

static void
fault_results(void **state)
{
	struct vm *vm = vm_make("m");
	bool block;
	int error;

	(void)state;
	assert_int_equal(ioc_memseg(vm, 0, 4 * MIB, ""), 0);
	assert_int_equal(ioc_memseg(vm, 1, 4096, "rom"), 0);
	assert_int_equal(ioc_memmap(vm, RAM, 0, 0, 4 * MIB, RW), 0);
	assert_int_equal(ioc_memmap(vm, 0, 1, 0, 4096, VM_PROT_READ | VM_PROT_EXEC), 0);
	assert_int_equal(fault(vm, RAM - 1, false, &block), VM_MEM_NOT_RAM);
	assert_int_equal(fault(vm, RAM + 4 * MIB, false, &block), VM_MEM_NOT_RAM);
	assert_int_equal(fault(vm, ~0ull, false, &block), VM_MEM_NOT_RAM);
	assert_int_equal(fault(vm, 4096, false, &block), VM_MEM_NOT_RAM);
	assert_int_equal(fault(vm, 0, true, &block), VM_MEM_READ_ONLY);
	assert_int_equal(vm->mem_pages, 0);
	assert_int_equal(fault(vm, 4095, false, &block), VM_MEM_MAPPED);
	/* The chunk, the block, the page: the second is missed by nobody. */
	fake_fail_at(1);
	assert_int_equal(vm_mem_fault(vm, GPA(RAM), true, &block, &error), VM_MEM_ERROR);
	assert_int_equal(error, -ENOMEM);
	fake_fail_at(2);
	assert_int_equal(vm_mem_fault(vm, GPA(RAM), true, &block, &error), VM_MEM_MAPPED);
	assert_false(block);
	fake_no_blocks(true);
	fake_fail_at(3);
	assert_int_equal(vm_mem_fault(vm, GPA(RAM + 2 * MIB), true, &block, &error), VM_MEM_ERROR);
	assert_int_equal(error, -ENOMEM);
	fake_fail_at(4); /* stage 2: the page stays, and the next touch finds it */
	assert_int_equal(vm_mem_fault(vm, GPA(RAM + 2 * MIB), true, &block, &error), VM_MEM_ERROR);
	fake_fail_at(0);
	assert_int_equal(vm->mem_pages, 3);
	assert_int_equal(fault(vm, RAM + 2 * MIB, true, &block), VM_MEM_MAPPED);
	assert_int_equal(vm->mem_pages, 3);
	vm_close(vm);
}

/* User space and guest see the same bytes, whoever came first; the first sees zeros. */
static void
user_and_guest(void **state)
{
	struct vm *vm = vm_make("m");
	uint8_t *va, got[16];
	bool block;

	(void)state;
	assert_int_equal(ioc_memseg(vm, 0, 8 * MIB, ""), 0);
	assert_int_equal(ioc_memmap(vm, RAM, 0, 0, 8 * MIB, RW), 0);
	assert_int_equal(vm_mem_read(vm, GPA(RAM + 4092), got, 8), 0); /* nobody was there */
	assert_int_equal(vm->mem_pages, 0);
	assert_int_equal(got[0] | got[7], 0);
	assert_int_equal(fake_user_touch(vm, RAM + 4096, true, (void **)&va), 0);
	assert_int_equal(vm->mem_pages, 512);
	assert_int_equal(va[0] | va[4095], 0);
	memcpy(va, "kernel", 7);
	/* The fake aborts if this block entered stage 2 without a flush. */
	assert_int_equal(fault(vm, RAM, false, &block), VM_MEM_MAPPED);
	assert_true(block);
	assert_int_equal(vm_mem_read(vm, GPA(RAM + 4090), got, 13), 0);
	assert_memory_equal(got + 6, "kernel", 7);
	assert_int_equal(vm_mem_read(vm, GPA(RAM + 8 * MIB - 4), got, 4), 0);
	assert_int_equal(vm_mem_read(vm, GPA(RAM + 8 * MIB - 4), got, 5), -EFAULT);
	assert_int_equal(vm_mem_read(vm, GPA(0), got, 1), -EFAULT);
	vm_mem_flush_all(vm);
	vm_close(vm);
}

static void
user_prot(void **state)
{
	struct vm *vm = vm_make("m");
	int error = 0;
	void *va;

	(void)state;
	assert_int_equal(ioc_memseg(vm, 0, 4096, ""), 0);
	assert_int_equal(ioc_memmap(vm, 0, 0, 0, 4096, VM_PROT_READ), 0);
	/* prot binds the guest; the glue may ask for more. */
	assert_int_equal(fake_user_touch(vm, 0, true, &va), 0);
	os_mutex_lock(&vm->mem_lock);
	assert_null(vm_mem_page(vm, GPA(0), VM_PROT_WRITE, &error));
	assert_int_equal(error, -EACCES);
	os_mutex_unlock(&vm->mem_lock);
	assert_int_equal(fake_user_touch(vm, 4096, false, &va), -EFAULT);
	vm_close(vm);
}

/* ---- giving back ---- */

static void
discard_ranges(void **state)
{
	static const struct {
		uint64_t gpa, len;
		int error;
	} row[] = {
		{ RAM, 0, -EINVAL },
		{ RAM + 1, 4096, -EINVAL },
		{ RAM, 4097, -EINVAL },
		{ VM_MAX_GPA, 4096, -EINVAL },
		{ VM_MAX_GPA - 4096, 8192, -EINVAL },
		{ 4096, ~0ull << 12, -EINVAL },
		{ ~0ull << 12, 4096, -EINVAL },
		{ 0, VM_MAX_GPA, 0 },
		{ RAM, 4096, 0 },
	};
	struct vm *vm = vm_make("m");
	uint64_t freed;

	(void)state;
	assert_int_equal(ioc_memseg(vm, 0, VM_MAX_GPA, ""), 0);
	assert_int_equal(ioc_memmap(vm, RAM, 0, 0, 3 * RAM, RW), 0);
	for (size_t i = 0; i < NELEM(row); i++) {
		assert_int_equal(ioc_discard(vm, row[i].gpa, row[i].len, &freed), row[i].error);
		assert_int_equal(freed, 0);
	}
	vm_close(vm);
}

static void
discard(void **state)
{
	struct vm *vm = vm_make("m");
	uint64_t freed;
	uint8_t *va;
	bool block;

	(void)state;
	assert_int_equal(ioc_memseg(vm, 0, 16 * MIB, ""), 0);
	assert_int_equal(ioc_memmap(vm, RAM, 0, 0, 16 * MIB, RW), 0);
	assert_int_equal(fault(vm, RAM + 2 * MIB, true, &block), VM_MEM_MAPPED);
	assert_true(block);
	assert_int_equal(fake_user_touch(vm, RAM + 2 * MIB + 8192, true, (void **)&va), 0);
	va[0] = 0x55;
	/* One page of a block: the block falls to pieces, the rest keeps its contents. */
	assert_int_equal(ioc_discard(vm, RAM + 2 * MIB + 4096, 4096, &freed), 0);
	assert_int_equal(freed, 4096);
	assert_int_equal(vm->mem_pages, 511);
	assert_int_equal(fault(vm, RAM + 2 * MIB + 8192, true, &block), VM_MEM_MAPPED);
	assert_false(block);
	assert_int_equal(fake_user_touch(vm, RAM + 2 * MIB + 8192, false, (void **)&va), 0);
	assert_int_equal(va[0], 0x55);
	/* Again: zeros. */
	assert_int_equal(fake_user_touch(vm, RAM + 2 * MIB + 4096, false, (void **)&va), 0);
	assert_int_equal(va[0] | va[4095], 0);
	assert_int_equal(vm->mem_pages, 512);
	/* Across chunks with holes, and more than there is. */
	assert_int_equal(fault(vm, RAM + 10 * MIB, true, &block), VM_MEM_MAPPED);
	assert_int_equal(ioc_discard(vm, RAM + 3 * MIB, 8 * MIB, &freed), 0);
	assert_int_equal(freed, MIB + MIB);
	assert_int_equal(ioc_discard(vm, 0, VM_MAX_GPA, &freed), 0);
	assert_int_equal(freed, MIB + MIB);
	assert_int_equal(vm->mem_pages, 0);
	assert_int_equal(fake_counts().gpages, 0);
	assert_int_equal(fake_counts().users, 0);
	assert_int_equal(fake_stage2_pages(vm), 0);
	vm_close(vm);
}

/* A page shown in two places goes from both; unmapping one keeps it for the other. */
static void
aliases(void **state)
{
	struct vm *vm = vm_make("m");
	uint64_t freed;
	uint8_t *a, *b;
	bool block;

	(void)state;
	assert_int_equal(ioc_memseg(vm, 1, 8 * MIB, "shared"), 0);
	assert_int_equal(ioc_memmap(vm, RAM, 1, 0, 8 * MIB, RW), 0);
	assert_int_equal(ioc_memmap(vm, RAM + 16 * MIB + 4096, 1, 4 * MIB, 2 * MIB, RW), 0);
	assert_int_equal(fault(vm, RAM + 4 * MIB, true, &block), VM_MEM_MAPPED);
	assert_true(block);
	assert_int_equal(fault(vm, RAM + 16 * MIB + 4096, true, &block), VM_MEM_MAPPED);
	assert_false(block);
	assert_int_equal(vm->mem_pages, 512);
	assert_int_equal(fake_user_touch(vm, RAM + 4 * MIB, true, (void **)&a), 0);
	assert_int_equal(fake_user_touch(vm, RAM + 16 * MIB + 4096, true, (void **)&b), 0);
	assert_ptr_equal(a, b);
	assert_int_equal(ioc_discard(vm, RAM + 16 * MIB + 4096, 4096, &freed), 0);
	assert_int_equal(freed, 4096);
	assert_int_equal(fake_stage2_pages(vm), 0);
	assert_int_equal(fake_counts().users, 0);
	assert_int_equal(fault(vm, RAM + 4 * MIB + 4096, true, &block), VM_MEM_MAPPED);
	assert_int_equal(ioc_munmap(vm, RAM + 16 * MIB + 4096, 2 * MIB), 0);
	assert_int_equal(fake_stage2_pages(vm), 1);
	assert_int_equal(vm->mem_pages, 511);
	assert_int_equal(ioc_munmap(vm, RAM, 8 * MIB), 0);
	assert_int_equal(fake_stage2_pages(vm), 0);
	/* Still the segment's, until that goes. */
	assert_int_equal(vm->mem_pages, 511);
	assert_int_equal(ioc_memseg(vm, 1, 0, ""), 0);
	assert_int_equal(vm->mem_pages, 0);
	assert_int_equal(fake_counts().gpages, 0);
	vm_close(vm);
}

/* VM_REINIT: contents stay, and enter stage 2 through a flush again. */
static void
reinit_keeps_contents(void **state)
{
	struct vm *vm = vm_make("m");
	uint8_t *va, got[4];
	bool block;

	(void)state;
	assert_int_equal(ioc_memseg(vm, 0, 4 * MIB, ""), 0);
	assert_int_equal(ioc_memmap(vm, RAM, 0, 0, 4 * MIB, RW), 0);
	assert_int_equal(fake_user_touch(vm, RAM, true, (void **)&va), 0);
	memcpy(va, "keep", 4);
	assert_int_equal(fault(vm, RAM, true, &block), VM_MEM_MAPPED);
	assert_int_equal(ioc_reinit(vm), 0);
	assert_int_equal(fake_stage2_pages(vm), 0);
	assert_int_equal(vm->mem_pages, 512);
	assert_int_equal(fault(vm, RAM, true, &block), VM_MEM_MAPPED);
	assert_int_equal(vm_mem_read(vm, GPA(RAM), got, 4), 0);
	assert_memory_equal(got, "keep", 4);
	vm_close(vm);
}

static void
out_of_memory(void **state)
{
	struct vm *vm = vm_make("m");
	uint64_t gpa, freed;
	bool block;
	int error = 0;

	(void)state;
	assert_int_equal(ioc_memseg(vm, 0, 512 * MIB, ""), 0);
	assert_int_equal(ioc_memmap(vm, RAM, 0, 0, 512 * MIB, RW), 0);
	for (gpa = RAM; gpa < RAM + 512 * MIB; gpa += 2 * MIB)
		if (vm_mem_fault(vm, GPA(gpa), true, &block, &error) != VM_MEM_MAPPED)
			break;
	assert_true(gpa < RAM + 512 * MIB);
	assert_int_equal(error, -ENOMEM);
	assert_int_equal(ioc_discard(vm, RAM, 2 * MIB, &freed), 0);
	assert_int_equal(freed, 2 * MIB);
	assert_int_equal(vm_mem_fault(vm, GPA(gpa), true, &block, &error), VM_MEM_MAPPED);
	vm_close(vm);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		core_test(segments),
		core_test(fault_again),
		core_test(map_ranges),
		core_test(vgic_excludes_memory),
		core_test(blocks),
		core_test(fault_results),
		core_test(user_and_guest),
		core_test(user_prot),
		core_test(discard_ranges),
		core_test(discard),
		core_test(aliases),
		core_test(reinit_keeps_contents),
		core_test(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
