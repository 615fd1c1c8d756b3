/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The ioctls of /dev/vmm/NAME and /dev/vmmctl: a table by ordinal that says what each call
 * needs to be true while it runs, and its handler.  The glue has copied the argument in and
 * copies it out; its contents are garbage until checked here or below.  VM_RUN's way out to
 * user space passes here.  Host kernel, may sleep.
 */
#include <string.h>

#include <vmm/machine.h>

#include "core.h"
#include "errno.h"

#ifndef VMM_BUILD
#define VMM_BUILD "bhyve-arm"
#endif

/* What a call needs. */
#define NEEDS_NOTHING  0u
#define NEEDS_LOCK     BIT(0)		     /* vm->lock */
#define NEEDS_ALL_IDLE (BIT(1) | NEEDS_LOCK) /* no thread is in VM_RUN, or EBUSY */
#define NEEDS_VCPU     (BIT(2) | NEEDS_LOCK) /* arg begins with a vcpuid; made at first use */
#define NEEDS_HOLD     (BIT(3) | NEEDS_VCPU) /* and it is stopped meanwhile */
#define NEEDS_ACTIVE   BIT(4)		     /* arg begins with an active vCPU's id */

typedef int ioctl_fn(struct vm *vm, struct vcpu *vcpu, void *arg);
typedef int ioctl_file_fn(struct vm *vm, const void *file, void *arg);

struct ioctl_row {
	ioctl_fn *fn;
	uint32_t needs;
	ioctl_file_fn *file_fn; /* in place of fn: the file that the call came through matters */
};

/* ---- handlers: vcpu is set where the row asks for one ---- */

static int
ioc_abivers(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	uint32_t version = VMM_ABI_VERSION;

	(void)vm, (void)vcpu;
	memcpy(arg, &version, sizeof(version));
	return 0;
}

static int
ioc_run(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	struct vm_run *run = arg;

	(void)vm;
	if ((run->flags & ~VM_RUN_ABORT) != 0)
		return -EINVAL;
	return vm_run(vcpu, run);
}

static bool
capability_ok(const struct vm_capability *a)
{
	/* HALT_EXIT is reserved: WFI is the kernel's. */
	return a->pad == 0 && a->captype < VM_CAP_MAX && a->captype != VM_CAP_HALT_EXIT;
}

static int
ioc_set_capability(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	const struct vm_capability *a = arg;

	(void)vm;
	if (!capability_ok(a) || a->capval > 1)
		return -EINVAL;
	/* One writer at a time: vm->lock. */
	STORE_ONCE(vcpu->caps, (vcpu->caps & ~BIT(a->captype)) | a->capval << a->captype);
	return 0;
}

static int
ioc_get_capability(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	struct vm_capability *a = arg;

	(void)vm;
	if (!capability_ok(a))
		return -EINVAL;
	a->capval = LOAD_ONCE(vcpu->caps) >> a->captype & 1;
	return 0;
}

static int
ioc_suspend(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	const struct vm_suspend *a = arg;

	(void)vcpu;
	if (a->pad != 0 || a->how == VM_SUSPEND_DESTROY)
		return -EINVAL;
	return vm_suspend(vm, a->how, ~0u);
}

static int
ioc_reinit(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	(void)vcpu, (void)arg;
	return vm_reinit(vm);
}

static int
ioc_alloc_memseg(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	(void)vcpu;
	return vm_mem_alloc_seg(vm, arg);
}

static int
ioc_get_memseg(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	(void)vcpu;
	return vm_mem_get_seg(vm, arg);
}

static int
ioc_mmap_memseg(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	(void)vcpu;
	return vm_mem_map_seg(vm, arg);
}

static int
ioc_mmap_getnext(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	(void)vcpu;
	return vm_mem_next_map(vm, arg);
}

static int
ioc_munmap_memseg(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	const struct vm_munmap *a = arg;

	(void)vcpu;
	return vm_mem_unmap(vm, a->gpa, a->len);
}

static int
ioc_discard(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	(void)vcpu;
	return vm_mem_discard(vm, arg);
}

static int
ioc_sync_code(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	(void)vcpu;
	return vm_mem_sync_code(vm, arg);
}

static int
ioc_set_register(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	const struct vm_register *a = arg;

	(void)vm;
	return arch_set_register(vcpu, a->regnum, a->regval);
}

static int
ioc_get_register(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	struct vm_register *a = arg;

	(void)vm;
	return arch_get_register(vcpu, a->regnum, &a->regval);
}

/* Stops at the first that cannot be set; those before it are. */
static int
ioc_set_register_set(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	const struct vm_register_set *a = arg;
	int error = 0;

	(void)vm;
	if (a->count > VM_REGSET_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < a->count && error == 0; i++)
		error = arch_set_register(vcpu, a->regnums[i], a->regvals[i]);
	return error;
}

static int
ioc_get_register_set(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	struct vm_register_set *a = arg;
	int error = 0;

	(void)vm;
	if (a->count > VM_REGSET_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < a->count && error == 0; i++)
		error = arch_get_register(vcpu, a->regnums[i], &a->regvals[i]);
	return error;
}

static int
ioc_stats(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	(void)vcpu;
	return vmm_stats_get(vm, arg);
}

static int
ioc_stat_desc(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	(void)vm, (void)vcpu;
	return vmm_stat_desc(arg);
}

static int
ioc_trace(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	(void)vcpu;
	return vmm_trace_read(vm, arg);
}

static int
ioc_set_topology(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	(void)vcpu;
	return vm_set_topology(vm, arg);
}

static int
ioc_get_topology(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	(void)vcpu;
	memcpy(arg, &vm->topo, sizeof(vm->topo));
	return 0;
}

static int
ioc_assert_irq(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	const struct vm_irq *a = arg;

	(void)vcpu;
	return a->pad != 0 ? -EINVAL : arch_assert_irq(vm, a->irq);
}

static int
ioc_deassert_irq(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	const struct vm_irq *a = arg;

	(void)vcpu;
	return a->pad != 0 ? -EINVAL : arch_deassert_irq(vm, a->irq);
}

static int
ioc_pulse_irq(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	const struct vm_irq *a = arg;

	(void)vcpu;
	return a->pad != 0 ? -EINVAL : arch_pulse_irq(vm, a->irq);
}

/* A write of an INTID to MSI_SETSPI_NS of the GICv2m frame, as a device on PCI would make it. */
#define MSI_SETSPI_NS 0x40u
#define MSI_FIRST     (32u + MACHINE_GICV2M_SPI)

static int
ioc_raise_msi(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	const struct vm_msi *a = arg;

	(void)vcpu;
	if (a->pad != 0 || a->addr != (uint64_t)MACHINE_GICV2M_BASE + MSI_SETSPI_NS)
		return -EINVAL;
	if (a->msg < MSI_FIRST || a->msg - MSI_FIRST >= MACHINE_GICV2M_NSPIS)
		return -EINVAL;
	return arch_pulse_irq(vm, (uint32_t)a->msg);
}

static int
ioc_bind_doorbell(struct vm *vm, const void *file, void *arg)
{
	return vm_bind_doorbell(vm, file, arg);
}

static int
ioc_bind_irq(struct vm *vm, const void *file, void *arg)
{
	return vm_bind_irq(vm, file, arg);
}

static int
ioc_activate_cpu(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	const struct vm_activate_cpu *a = arg;

	(void)vm;
	return a->pad != 0 ? -EINVAL : vcpu_activate(vcpu);
}

static int
ioc_get_cpuset(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	(void)vcpu;
	return vm_get_cpuset(vm, arg);
}

static int
ioc_suspend_cpu(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	const struct vm_activate_cpu *a = arg;

	(void)vcpu;
	return a->pad != 0 ? -EINVAL : vm_debug_cpu(vm, a->vcpuid, true);
}

static int
ioc_resume_cpu(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	const struct vm_activate_cpu *a = arg;

	(void)vcpu;
	return a->pad != 0 ? -EINVAL : vm_debug_cpu(vm, a->vcpuid, false);
}

static bool
vgic_ranges_ok(const struct vm *vm, const struct vm_attach_vgic *a)
{
	if (!vm_mem_range_ok(a->dist_start, a->dist_size) ||
	    !vm_mem_range_ok(a->cpu_start, a->cpu_size) || a->cpu_size < 2 * PAGE_BYTES)
		return false;
	if (a->dist_start < a->cpu_start ? a->cpu_start - a->dist_start < a->dist_size :
					   a->dist_start - a->cpu_start < a->cpu_size)
		return false;
	if (vm_doorbell_within(vm, a->dist_start, a->dist_size) ||
	    vm_doorbell_within(vm, a->cpu_start, a->cpu_size))
		return false;
	return !vm_mem_is_mapped(vm, a->dist_start, a->dist_size) &&
	    !vm_mem_is_mapped(vm, a->cpu_start, a->cpu_size);
}

static int
ioc_attach_vgic(struct vm *vm, struct vcpu *vcpu, void *arg)
{
	const struct vm_attach_vgic *a = arg;
	int error;

	(void)vcpu;
	if (a->pad != 0)
		return -EINVAL;
	/* It outlives VM_REINIT, and the next bhyve asks for it again. */
	if (vm->vgic.nirqs != 0)
		return memcmp(&vm->vgic, a, sizeof(*a)) == 0 ? 0 : -EEXIST;
	if (!vgic_ranges_ok(vm, a))
		return -EINVAL;
	error = arch_vm_attach_vgic(vm, a);
	if (error == 0)
		vm->vgic = *a;
	return error;
}

/* ---- the table ---- */

static const struct ioctl_row vm_rows[] = {
	[IOCNUM_ABIVERS] = { .fn = ioc_abivers, .needs = NEEDS_NOTHING },
	[IOCNUM_RUN] = { .fn = ioc_run, .needs = NEEDS_ACTIVE },
	[IOCNUM_SET_CAPABILITY] = { .fn = ioc_set_capability, .needs = NEEDS_VCPU },
	[IOCNUM_GET_CAPABILITY] = { .fn = ioc_get_capability, .needs = NEEDS_VCPU },
	[IOCNUM_SUSPEND] = { .fn = ioc_suspend, .needs = NEEDS_NOTHING },
	[IOCNUM_REINIT] = { .fn = ioc_reinit, .needs = NEEDS_ALL_IDLE },
	[IOCNUM_ALLOC_MEMSEG] = { .fn = ioc_alloc_memseg, .needs = NEEDS_LOCK },
	[IOCNUM_GET_MEMSEG] = { .fn = ioc_get_memseg, .needs = NEEDS_LOCK },
	[IOCNUM_MMAP_MEMSEG] = { .fn = ioc_mmap_memseg, .needs = NEEDS_LOCK },
	[IOCNUM_MMAP_GETNEXT] = { .fn = ioc_mmap_getnext, .needs = NEEDS_LOCK },
	[IOCNUM_MUNMAP_MEMSEG] = { .fn = ioc_munmap_memseg, .needs = NEEDS_LOCK },
	[IOCNUM_DISCARD] = { .fn = ioc_discard, .needs = NEEDS_LOCK },
	[IOCNUM_SYNC_CODE] = { .fn = ioc_sync_code, .needs = NEEDS_NOTHING },
	[IOCNUM_SET_REGISTER] = { .fn = ioc_set_register, .needs = NEEDS_HOLD },
	[IOCNUM_GET_REGISTER] = { .fn = ioc_get_register, .needs = NEEDS_HOLD },
	[IOCNUM_SET_REGISTER_SET] = { .fn = ioc_set_register_set, .needs = NEEDS_HOLD },
	[IOCNUM_GET_REGISTER_SET] = { .fn = ioc_get_register_set, .needs = NEEDS_HOLD },
	[IOCNUM_VM_STATS] = { .fn = ioc_stats, .needs = NEEDS_NOTHING },
	[IOCNUM_VM_STAT_DESC] = { .fn = ioc_stat_desc, .needs = NEEDS_NOTHING },
	[IOCNUM_TRACE] = { .fn = ioc_trace, .needs = NEEDS_NOTHING },
	[IOCNUM_SET_TOPOLOGY] = { .fn = ioc_set_topology, .needs = NEEDS_LOCK },
	[IOCNUM_GET_TOPOLOGY] = { .fn = ioc_get_topology, .needs = NEEDS_LOCK },
	[IOCNUM_ASSERT_IRQ] = { .fn = ioc_assert_irq, .needs = NEEDS_NOTHING },
	[IOCNUM_DEASSERT_IRQ] = { .fn = ioc_deassert_irq, .needs = NEEDS_NOTHING },
	[IOCNUM_RAISE_MSI] = { .fn = ioc_raise_msi, .needs = NEEDS_NOTHING },
	[IOCNUM_PULSE_IRQ] = { .fn = ioc_pulse_irq, .needs = NEEDS_NOTHING },
	[IOCNUM_BIND_DOORBELL] = { .file_fn = ioc_bind_doorbell, .needs = NEEDS_LOCK },
	[IOCNUM_BIND_IRQ] = { .file_fn = ioc_bind_irq, .needs = NEEDS_LOCK },
	[IOCNUM_ACTIVATE_CPU] = { .fn = ioc_activate_cpu, .needs = NEEDS_VCPU },
	[IOCNUM_GET_CPUSET] = { .fn = ioc_get_cpuset, .needs = NEEDS_NOTHING },
	[IOCNUM_SUSPEND_CPU] = { .fn = ioc_suspend_cpu, .needs = NEEDS_LOCK },
	[IOCNUM_RESUME_CPU] = { .fn = ioc_resume_cpu, .needs = NEEDS_LOCK },
	[IOCNUM_ATTACH_VGIC] = { .fn = ioc_attach_vgic, .needs = NEEDS_ALL_IDLE },
};

/* Sizes of the arguments, from the list that user space has its request codes from. */
#define SIZE_N(type)		       0
#define SIZE_R(type)		       sizeof(type)
#define SIZE_W(type)		       sizeof(type)
#define SIZE_WR(type)		       sizeof(type)
#define SIZE_ROW(name, num, dir, type) [num] = SIZE_##dir(type),
static const uint16_t vm_sizes[NELEM(vm_rows)] = { VMM_IOCTL_LIST(SIZE_ROW) };
static const uint16_t ctl_sizes[] = { VMMCTL_IOCTL_LIST(SIZE_ROW) };

#define SIZE_FITS(name, num, dir, type) _Static_assert(sizeof(type) <= VMM_IOCTL_MAX_SIZE, #name);
VMM_IOCTL_LIST(SIZE_FITS)
VMMCTL_IOCTL_LIST(SIZE_FITS)

static uint32_t
arg_vcpuid(const void *arg)
{
	uint32_t id;

	memcpy(&id, arg, sizeof(id));
	return id;
}

static int
call_held(struct vm *vm, const struct ioctl_row *row, void *arg)
{
	struct vcpu *vcpu;
	int error;

	error = vcpu_get(vm, arg_vcpuid(arg), &vcpu);
	if (error != 0)
		return error;
	if ((row->needs & NEEDS_HOLD) == NEEDS_HOLD)
		vcpu_hold(vcpu);
	error = row->fn(vm, vcpu, arg);
	if ((row->needs & NEEDS_HOLD) == NEEDS_HOLD)
		vcpu_unhold(vcpu);
	return error;
}

static int
call_all_idle(struct vm *vm, const struct ioctl_row *row, void *arg)
{
	int error;

	if (!vm_try_hold_all(vm))
		return -EBUSY;
	error = row->fn(vm, NULL, arg);
	vm_unquiesce(vm);
	return error;
}

static int
call_locked(struct vm *vm, const struct ioctl_row *row, const void *file, void *arg)
{
	int error;

	os_mutex_lock(&vm->lock);
	/* Again: it may have begun to die while we waited. */
	if (__atomic_load_n(&vm->dying, __ATOMIC_ACQUIRE) != 0)
		error = -ENXIO;
	else if ((row->needs & NEEDS_ALL_IDLE) == NEEDS_ALL_IDLE)
		error = call_all_idle(vm, row, arg);
	else if ((row->needs & NEEDS_VCPU) == NEEDS_VCPU)
		error = call_held(vm, row, arg);
	else if (row->file_fn != NULL)
		error = row->file_fn(vm, file, arg);
	else
		error = row->fn(vm, NULL, arg);
	os_mutex_unlock(&vm->lock);
	return error;
}

static const struct ioctl_row *
row_find(uint32_t ordinal, size_t size)
{
	const struct ioctl_row *row;

	if (ordinal >= NELEM(vm_rows) || size != vm_sizes[ordinal])
		return NULL;
	row = &vm_rows[ordinal];
	return row->fn != NULL || row->file_fn != NULL ? row : NULL;
}

int
vm_file_ioctl(struct vm *vm, const void *file, uint32_t ordinal, void *arg, size_t size)
{
	const struct ioctl_row *row = row_find(ordinal, size);
	struct vcpu *vcpu = NULL;

	if (row == NULL)
		return -ENOTTY;
	if (__atomic_load_n(&vm->dying, __ATOMIC_ACQUIRE) != 0)
		return -ENXIO;
	if ((row->needs & NEEDS_LOCK) != 0)
		return call_locked(vm, row, file, arg);
	if ((row->needs & NEEDS_ACTIVE) != 0) {
		vcpu = vm_vcpu(vm, arg_vcpuid(arg));
		if (vcpu == NULL)
			return -EINVAL;
	}
	return row->fn(vm, vcpu, arg);
}

int
vm_ioctl(struct vm *vm, uint32_t ordinal, void *arg, size_t size)
{
	return vm_file_ioctl(vm, NULL, ordinal, arg, size);
}

/* ---- /dev/vmmctl ---- */

static void
count_cpu(void *arg)
{
	if (arch_cpu_is_up())
		__atomic_fetch_add((uint32_t *)arg, 1, __ATOMIC_RELAXED);
}

static void
info_fill(struct vmmctl_info *a)
{
	memset(a, 0, sizeof(*a));
	arch_info(a);
	a->abi_version = VMM_ABI_VERSION;
	a->max_vcpus = VM_MAXCPU;
	a->vms = vmm_vm_count();
	memcpy(a->build, VMM_BUILD, sizeof(VMM_BUILD));
	_Static_assert(sizeof(VMM_BUILD) <= sizeof(a->build), "VMM_BUILD is too long");
	os_on_each_cpu(count_cpu, &a->host_cpus);
}

static int
ctl_create(const struct vmmctl_vm_create *a)
{
	struct vm *vm;
	int error = vm_create(a, &vm);

	if (error == 0)
		vm_put(vm); /* the list keeps it */
	return error;
}

static int
ctl_destroy(const struct vmmctl_vm_destroy *a)
{
	if ((a->pad[0] | a->pad[1]) != 0)
		return -EINVAL;
	return vm_destroy(a->name);
}

int
vmmctl_ioctl(uint32_t ordinal, void *arg, size_t size)
{
	if (ordinal >= NELEM(ctl_sizes) || size != ctl_sizes[ordinal])
		return -ENOTTY;
	switch (ordinal) {
	case IOCNUM_VMM_CREATE:
		return ctl_create(arg);
	case IOCNUM_VMM_DESTROY:
		return ctl_destroy(arg);
	case IOCNUM_VMM_NEXT:
		return vmm_next(arg);
	default:
		info_fill(arg);
		return 0;
	}
}
