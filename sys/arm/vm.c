/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The ARM half of a VM: its pages in HYP, its stage 2, its distributor.  Called by the core
 * under vm->lock, may sleep; see core/arch.h for the contracts.
 */
#include <vmm/machine.h>

#include "arm.h"
#include "errno.h"

/* CNTVCT starts with zero in a VM that starts (DDI 0406C B8.1.3). */
static void
vm_reset_time(struct vm *vm)
{
	hyp_vm(vm)->cntvoff = arch_cntpct();
}

static unsigned int
pages_order(size_t bytes)
{
	unsigned int order = 0;

	while (((size_t)PAGE_BYTES << order) < bytes)
		order++;
	return order;
}

void *
arm_pages_alloc(size_t bytes)
{
	unsigned int order = pages_order(bytes);
	void *va = os_pages_alloc(order);

	if (va == NULL)
		return NULL;
	if (hyp_map_pages(va, 1u << order) != 0) {
		os_pages_free(va, order);
		return NULL;
	}
	return va;
}

void
arm_pages_free(void *va, size_t bytes)
{
	unsigned int order = pages_order(bytes);

	if (va == NULL)
		return;
	hyp_unmap_pages(va, 1u << order);
	os_pages_free(va, order);
}

int
arch_vm_init(struct vm *vm)
{
	struct arch_vm *arch = os_zalloc(sizeof(*arch));
	int error;

	if (arch == NULL)
		return -ENOMEM;
	vm->arch = arch;
	error = stage2_init(vm);
	if (error == 0) {
		arch->hyp = arm_pages_alloc(sizeof(struct hyp_vm));
		error = arch->hyp != NULL ? 0 : -ENOMEM;
	}
	if (error != 0) {
		arch_vm_destroy(vm);
		return error;
	}
	arch->hyp->nvcpus = VM_MAXCPU;
	vm_reset_time(vm);
	return 0;
}

void
arch_vm_destroy(struct vm *vm)
{
	struct arch_vm *arch = arch_vm(vm);

	if (arch == NULL)
		return;
	stage2_destroy(vm);
	arm_pages_free(arch->hyp, sizeof(struct hyp_vm));
	os_free(arch);
	vm->arch = NULL;
}

/* The guest finds GICV where it looks for GICC: two pages (IHI 0048B 5.3). */
static int
map_gicv(struct vm *vm)
{
	int error;

	os_mutex_lock(&vm->mem_lock);
	error = stage2_map_device(
	    vm, GPA(hyp_vm(vm)->vgic.cpu_gpa), arm_machine.gicv, MACHINE_GICC_MAPPED / PAGE_BYTES);
	os_mutex_unlock(&vm->mem_lock);
	return error;
}

int
arch_vm_attach_vgic(struct vm *vm, const struct vm_attach_vgic *a)
{
	int error;

	error = vgic_attach(vm, a->dist_start, a->cpu_start, a->nirqs);
	if (error != 0)
		return error;
	error = map_gicv(vm);
	if (error != 0)
		vgic_detach(vm);
	return error;
}

/* Every vCPU is held outside the guest. */
void
arch_vm_reset(struct vm *vm)
{
	os_mutex_lock(&vm->mem_lock);
	stage2_reset(vm);
	os_mutex_unlock(&vm->mem_lock);
	vgic_detach(vm);
	vm_reset_time(vm);
}

static bool
vm_has_vgic(struct vm *vm)
{
	return LOAD_ONCE(hyp_vm(vm)->vgic.nirqs) != 0;
}

int
arch_assert_irq(struct vm *vm, uint32_t intid)
{
	return vm_has_vgic(vm) ? vgic_host_set_level(vm, intid, true) : -ENXIO;
}

int
arch_deassert_irq(struct vm *vm, uint32_t intid)
{
	return vm_has_vgic(vm) ? vgic_host_set_level(vm, intid, false) : -ENXIO;
}

int
arch_pulse_irq(struct vm *vm, uint32_t intid)
{
	return vm_has_vgic(vm) ? vgic_host_pulse(vm, intid) : -ENXIO;
}

int
arch_irq_check(struct vm *vm, uint32_t intid)
{
	if (!vm_has_vgic(vm))
		return -ENXIO;
	return vgic_is_spi(hyp_vm(vm), intid) ? 0 : -EINVAL;
}

void
arch_resample_irq(struct vm *vm, uint32_t intid, bool on)
{
	vgic_host_set_resample(vm, intid, on);
}

void
arch_hold_irq(struct vm *vm, uint32_t intid)
{
	vgic_host_hold(vm, intid);
}
