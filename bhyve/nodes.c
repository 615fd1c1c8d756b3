/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The devices of a VM that bhyveload prepared, and the device tree that it put into its memory: the
 * tree was made before anybody knew of -s, and a guest looks for nothing that is not in it.
 */
#include <stdlib.h>

#include <vmm/machine.h>

#include "boot.h"
#include "debug.h"
#include "nodes.h"

static int
check_device(struct vmctx *ctx, const void *fdt, const struct dev_conf *d)
{
	unsigned int n = d->place.slot;

	if (d->place.mmio) {
		if (boot_fdt_has(fdt, "virtio,mmio",
			MACHINE_VIRTIO_MMIO_BASE + (uint64_t)n * MACHINE_VIRTIO_STRIDE))
			return 0;
		say("%s: the device tree of VM \"%s\" has no such node, and its guest would not "
		    "find it: load it with bhyveload -s mmio:%u, or let bhyve load the kernel",
		    dev_conf_where(d), vm_get_name(ctx), n);
		return -1;
	}
	if (boot_fdt_has(fdt, "pci-host-ecam-generic", MACHINE_PCI_ECAM_BASE))
		return 0;
	say("%s: the device tree of VM \"%s\" has no PCI bus, and its guest would not find it: "
	    "load it without -d, or with a tree that has pcie@%llx",
	    dev_conf_where(d), vm_get_name(ctx), (unsigned long long)MACHINE_PCI_ECAM_BASE);
	return -1;
}

/* Where the kernel is told that the tree is (Linux, Documentation/arm/booting.rst). */
static bool
tree_at(struct vmctx *ctx, uint64_t *gpa)
{
	struct vcpu *vcpu = vm_vcpu_open(ctx, 0);
	bool known;

	if (vcpu == NULL)
		return false;
	known = vm_get_register(vcpu, VM_REG_GUEST_R0 + 2, gpa) == 0;
	vm_vcpu_close(vcpu);
	return known;
}

int
nodes_check(struct vmctx *ctx, const struct guest_mem *mem, const struct slots *slots)
{
	struct boot_mem m = { mem->va, mem->gpa, mem->size };
	void *fdt = malloc(BOOT_MAX_DTB);
	uint64_t gpa;
	int error = 0;

	/* A guest that is not started with a tree knows its machine by itself. */
	if (fdt != NULL && tree_at(ctx, &gpa) && boot_fdt_copy(fdt, &m, gpa)) {
		for (unsigned int i = 0; i < slots->n && error == 0; i++)
			error = check_device(ctx, fdt, &slots->dev[i]);
	}
	free(fdt);
	return error;
}
