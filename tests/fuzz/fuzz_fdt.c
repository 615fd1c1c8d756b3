/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Any bytes as a device tree, also one that is in a guest's memory, and, with the first one odd, as
 * an overlay on ours.  What comes out is sound, or an error.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <libfdt.h>

#include "../unit/fake_file.h"
#include "boot.h"

#define CAP (1u << 17)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look_in_memory(const uint8_t *data, size_t size)
{
	static _Alignas(8) uint8_t copy[BOOT_MAX_DTB];
	/* To be read only; without a byte behind it. */
	const struct boot_mem mem = { (uint8_t *)(uintptr_t)data, MACHINE_RAM_BASE, size };

	if (!boot_fdt_copy(copy, &mem, MACHINE_RAM_BASE))
		return;
	if (fdt_check_header(copy) != 0)
		abort();
	boot_fdt_has(copy, "virtio,mmio", MACHINE_VIRTIO_MMIO_BASE);
	boot_fdt_has(copy, "pci-host-ecam-generic", MACHINE_PCI_ECAM_BASE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(8) uint8_t tree[CAP];
	const struct boot_machine m = { .vcpus = 2, .mpidr = { 0, 1 }, .ram_size = 0x1000000 };
	struct boot_error e;
	struct fake_file ff;
	int error;

	if (size < 1)
		return 0;
	look_in_memory(data + 1, size - 1);
	fake_file_make(&ff, data + 1, size - 1);
	if ((data[0] & 1) != 0) {
		if (boot_fdt_generate(tree, CAP, &m, &e) != 0)
			abort();
		error = boot_fdt_overlay(tree, ff.name, &e);
	} else {
		error = boot_fdt_read(tree, CAP, ff.name, &e);
	}
	if (error == 0 && boot_fdt_finish(tree, &m, "quiet", 0x40800000, 77, &e) == 0 &&
	    fdt_check_header(tree) != 0)
		abort();
	fake_file_end(&ff);
	return 0;
}
