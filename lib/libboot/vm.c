/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * From an open VM to one that can run: memory, vCPUs, vGIC, loading, registers.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "boot.h"
#include "vmmapi.h"

/*
 * CPSR as the booting documents want it: SVC mode, IRQ, FIQ and asynchronous aborts masked; of
 * AArch64 EL1h, all masked.
 */
#define CPSR_BOOT   0x1d3u
#define PSTATE_BOOT 0x3c5u
#define CPSR_THUMB  0x20u

static int
vm_fail(struct vmctx *ctx, enum vm_op op, struct boot_error *e)
{
	char line[sizeof(e->text)];

	return boot_fail(e, "%s", vm_strerror(op, vm_get_name(ctx), errno, line, sizeof(line)));
}

static int
attach_vgic(struct vmctx *ctx, struct boot_error *e)
{
	const struct vm_attach_vgic a = {
		.dist_start = MACHINE_GICD_BASE,
		.dist_size = MACHINE_GICD_SIZE,
		.cpu_start = MACHINE_GICC_BASE,
		.cpu_size = MACHINE_GICC_SIZE,
		.nirqs = MACHINE_NIRQS,
	};

	if (vm_attach_vgic(ctx, &a) != 0 && errno != EEXIST && errno != EBUSY)
		return vm_fail(ctx, VM_OP_VCPU, e);
	return 0;
}

/* Activates a vCPU, and learns what the guest will read of its identity. */
static int
add_vcpu(struct vmctx *ctx, uint32_t id, struct boot_machine *machine, struct boot_error *e)
{
	struct vcpu *vcpu = vm_vcpu_open(ctx, id);
	uint64_t midr = 0, mpidr = id;
	int error = -1;

	if (vcpu == NULL || (vm_activate_cpu(vcpu) != 0 && errno != EEXIST && errno != EBUSY) ||
	    vm_get_register(vcpu, VM_REG_GUEST_MIDR, &midr) != 0 ||
	    vm_get_register(vcpu, VM_REG_GUEST_MPIDR, &mpidr) != 0) {
		vm_fail(ctx, VM_OP_VCPU, e);
	} else {
		machine->midr = (uint32_t)midr;
		machine->mpidr[id] = (uint32_t)mpidr & 0xffffff;
		error = 0;
	}
	if (vcpu != NULL)
		vm_vcpu_close(vcpu);
	return error;
}

bool
boot_host_is64(void)
{
	struct vmmctl_info info;

	return vm_get_info(&info) == 0 && strncmp(info.arch, "aarch64", sizeof(info.arch)) == 0;
}

static int
set_entry(struct vmctx *ctx, const struct boot_entry *entry, struct boot_error *e)
{
	const uint32_t r0 = entry->is64 ? VM_REG_GUEST_X0 : VM_REG_GUEST_R0;
	const uint32_t regs[] = { VM_REG_GUEST_CPSR, r0, r0 + 1, r0 + 2, VM_REG_GUEST_PC };
	const uint64_t cpsr = entry->is64 ? PSTATE_BOOT :
					    CPSR_BOOT | ((entry->pc & 1) != 0 ? CPSR_THUMB : 0);
	const uint64_t vals[] = { cpsr, entry->r0, entry->r1, entry->r2, entry->pc & ~1ull };
	struct vcpu *vcpu = vm_vcpu_open(ctx, 0);
	int error = 0;

	if (vcpu == NULL ||
	    vm_set_register_set(vcpu, sizeof(regs) / sizeof(regs[0]), regs, vals) != 0)
		error = vm_fail(ctx, VM_OP_VCPU, e);
	if (vcpu != NULL)
		vm_vcpu_close(vcpu);
	return error;
}

/* Before what the VM holds is given up. */
static int
check_memory(struct vmctx *ctx, uint64_t want, struct boot_error *e)
{
	long pages = sysconf(_SC_PHYS_PAGES);
	uint64_t have = pages > 0 ? (uint64_t)pages * VM_PAGE_SIZE : UINT64_MAX;
	struct vm_memmap m;

	if (want > have)
		return boot_fail(e,
		    "VM \"%s\": %llu MiB are more memory than the host has (%llu MiB): give less "
		    "with -m",
		    vm_get_name(ctx), (unsigned long long)(want >> 20),
		    (unsigned long long)(have >> 20));
	if (vm_mmap_getnext(ctx, MACHINE_RAM_BASE, &m) == 0 && m.segid == 0 && m.len != want) {
		errno = EEXIST;
		return vm_fail(ctx, VM_OP_MEMORY, e);
	}
	return 0;
}

/* Flash that an earlier bhyve left when it was killed. */
static int
drop_flash(struct vmctx *ctx)
{
	struct vm_memmap m;
	struct vm_memseg seg;

	while (vm_mmap_getnext(ctx, 0, &m) == 0 && m.segid != 0) {
		if (vm_munmap_memseg(ctx, m.gpa, m.len) != 0)
			return -1;
	}
	for (uint32_t id = 1; id < VM_MAX_MEMSEGS; id++) {
		if (vm_get_memseg(ctx, id, &seg) == 0 && seg.len != 0 &&
		    vm_alloc_memseg(ctx, id, 0, seg.name) != 0)
			return -1;
	}
	return 0;
}

int
boot_vm_prepare(
    struct vmctx *ctx, const struct boot_vm *v, const struct boot_config *c, struct boot_error *e)
{
	struct boot_machine machine = {
		.is64 = c->is64,
		.vcpus = v->vcpus,
		.ram_size = v->memory,
		.virtio_mmio = c->virtio_mmio,
		.pci = c->pci,
		.flash = c->firmware,
		.fw_cfg = c->fw_cfg,
	};
	struct boot_entry entry;
	struct boot_mem mem;

	if (check_memory(ctx, v->memory, e) != 0)
		return -1;
	/* Whatever it was before, also when its bhyve was killed: memory and name are kept. */
	if (vm_reinit(ctx) != 0)
		return vm_fail(ctx, VM_OP_REINIT, e);
	if (drop_flash(ctx) != 0 || vm_setup_memory(ctx, v->memory) != 0)
		return vm_fail(ctx, VM_OP_MEMORY, e);
	/* What an earlier guest left must not be seen by the next. */
	if (vm_discard(ctx, MACHINE_RAM_BASE, v->memory, NULL) != 0)
		return vm_fail(ctx, VM_OP_MEMORY, e);
	if (v->topology != NULL && vm_set_topology(ctx, v->topology) != 0 && errno != EBUSY)
		return vm_fail(ctx, VM_OP_VCPU, e);
	for (uint32_t i = 0; i < v->vcpus; i++) {
		if (add_vcpu(ctx, i, &machine, e) != 0)
			return -1;
	}
	if (attach_vgic(ctx, e) != 0)
		return -1;
	mem = (struct boot_mem){
		.va = vm_map_gpa(ctx, MACHINE_RAM_BASE, v->memory),
		.gpa = MACHINE_RAM_BASE,
		.size = v->memory,
	};
	if (mem.va == NULL)
		return boot_fail(e, "VM \"%s\": its memory cannot be mapped", vm_get_name(ctx));
	if (boot_load(c, &machine, &mem, &entry, e) != 0)
		return -1;
	return set_entry(ctx, &entry, e);
}
