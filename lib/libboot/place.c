/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Where the device tree and the RAM disk go.  Linux asks for both clear of the
 * decompressor and within low memory, best just above the first 128 MiB (booting.rst); for other
 * guests the device tree is at the start of RAM, as firmware expects it, when that is free.
 */
#include "boot.h"

#define DTB_ALIGN    (64u << 10)
#define INITRD_ALIGN 4096u
#define LINUX_LOWMEM (128u << 20)

static uint64_t
round_up(uint64_t x, uint64_t n)
{
	return (x + n - 1) & ~(n - 1);
}

/* The end of everything the kernel needs. */
static uint64_t
kernel_end(const struct boot_kernel *k, uint64_t ram_gpa)
{
	uint64_t end = k->reserved_end > ram_gpa ? k->reserved_end : ram_gpa;

	for (unsigned int i = 0; i < k->nsegs; i++) {
		if (k->seg[i].gpa + k->seg[i].mem_len > end)
			end = k->seg[i].gpa + k->seg[i].mem_len;
	}
	return end;
}

static bool
free_range(const struct boot_kernel *k, uint64_t gpa, uint64_t len)
{
	for (unsigned int i = 0; i < k->nsegs; i++) {
		if (gpa < k->seg[i].gpa + k->seg[i].mem_len && k->seg[i].gpa < gpa + len)
			return false;
	}
	return k->reserved_end <= gpa;
}

int
boot_place(const struct boot_kernel *k, uint64_t ram_gpa, uint64_t ram_size, uint64_t dtb_size,
    uint64_t initrd_size, struct boot_places *p, struct boot_error *e)
{
	uint64_t end = round_up(kernel_end(k, ram_gpa), DTB_ALIGN), low = end;
	uint64_t room, ram_end = ram_gpa + ram_size;
	bool dtb_first = false;

	dtb_size = round_up(dtb_size, DTB_ALIGN);
	room = dtb_size + round_up(initrd_size, INITRD_ALIGN);
	if (k->format != BOOT_ZIMAGE && dtb_size <= ram_size && free_range(k, ram_gpa, dtb_size)) {
		dtb_first = true;
		p->dtb = ram_gpa;
		room -= dtb_size;
		if (end < ram_gpa + dtb_size)
			end = ram_gpa + dtb_size;
		low = end;
	}
	if (k->format == BOOT_ZIMAGE && low < ram_gpa + LINUX_LOWMEM && ram_size >= LINUX_LOWMEM &&
	    room <= ram_size - LINUX_LOWMEM)
		low = ram_gpa + LINUX_LOWMEM;
	if (low > ram_end || room > ram_end - low)
		return boot_fail(e,
		    "the kernel, the initrd (%llu KiB) and the device tree do not fit into %llu "
		    "MiB of guest memory: see -m",
		    (unsigned long long)(initrd_size >> 10), (unsigned long long)(ram_size >> 20));
	if (!dtb_first) {
		p->dtb = low;
		low += dtb_size;
	}
	p->initrd = initrd_size != 0 ? low : 0;
	return 0;
}
