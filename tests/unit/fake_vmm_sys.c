/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The other side of libvmmapi's system calls, for the unit tests.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <vmm/machine.h>

#include "fake_vmm_sys.h"
#include "vmm_request.h"
#include "vmm_sys.h"

#define FD_CTL 1000
#define FD_VM  1001

struct fake_vmm fake;
static pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;

void
fake_reset(void)
{
	free(fake.mem);
	memset(&fake, 0, sizeof(fake));
	fake.module = true;
}

static int
fail(int error)
{
	errno = error;
	return -1;
}

int
vmm_sys_open(const char *path)
{
	if (strcmp(path, VMM_CTL_PATH) == 0 && fake.module) {
		fake.open_fds++;
		return FD_CTL;
	}
	if (strncmp(path, VMM_DIR_PATH "/", sizeof(VMM_DIR_PATH)) == 0 && fake.exists &&
	    strcmp(path + sizeof(VMM_DIR_PATH), fake.name) == 0) {
		fake.open_fds++;
		return FD_VM;
	}
	return fail(ENOENT);
}

void
vmm_sys_close(int fd)
{
	if (fd == FD_VM)
		fake.locked = false;
	fake.open_fds--;
}

int
vmm_sys_lock(int fd)
{
	if (fd != FD_VM || fake.locked)
		return fail(EBUSY);
	fake.locked = true;
	return 0;
}

void *
vmm_sys_mmap(int fd, uint64_t gpa, uint64_t len)
{
	if (fd != FD_VM || gpa != MACHINE_RAM_BASE || len != fake.map_len) {
		errno = EINVAL;
		return NULL;
	}
	return fake.mem;
}

void
vmm_sys_munmap(void *va, uint64_t len)
{
	(void)va;
	(void)len;
}

static int
ctl_ioctl(unsigned int request, void *arg)
{
	struct vmmctl_vm_create *c = arg;
	struct vmmctl_vm_destroy *d = arg;
	struct vmmctl_vm_next *n = arg;

	switch (request) {
	case VMM_CREATE:
		if (c->flags != 0 || (c->pad[0] | c->pad[1] | c->pad[2] | c->pad[3]) != 0)
			return fail(EINVAL);
		if (fake.exists)
			return fail(EEXIST);
		fake.exists = true;
		memcpy(fake.name, c->name, sizeof(fake.name));
		return 0;
	case VMM_DESTROY:
		if (!fake.exists || strcmp(d->name, fake.name) != 0)
			return fail(ENOENT);
		fake.exists = false;
		return 0;
	case VMM_NEXT:
		if (!fake.exists || n->cursor != 0)
			return fail(ENOENT);
		memset(n, 0, sizeof(*n));
		n->cursor = 1;
		memcpy(n->name, fake.name, sizeof(n->name));
		return 0;
	case VMM_INFO:
		memset(arg, 0, sizeof(struct vmmctl_info));
		((struct vmmctl_info *)arg)->abi_version = VMM_ABI_VERSION;
		return 0;
	default:
		return fail(ENOTTY);
	}
}

static int
alloc_seg(const struct vm_memseg *s)
{
	if (s->segid == 1 && s->flags == 0 && !fake.rom_mapped) {
		fake.rom_len = s->len;
		return 0;
	}
	if (s->segid != 0 || s->flags != 0 || (fake.seg_len != 0 && s->len != 0))
		return fail(EINVAL);
	free(fake.mem);
	fake.mem = s->len != 0 ? calloc(1, s->len) : NULL;
	fake.seg_len = s->len;
	return 0;
}

static void
get_seg(struct vm_memseg *s)
{
	s->len = s->segid == 0 ? fake.seg_len : s->segid == 1 ? fake.rom_len : 0;
}

static int
getnext(struct vm_memmap *m)
{
	if (fake.rom_mapped && m->gpa == 0) {
		*m = (struct vm_memmap){ .len = fake.rom_len, .segid = 1, .prot = 5 };
		return 0;
	}
	if (fake.map_len == 0 || m->gpa > MACHINE_RAM_BASE)
		return fail(ENOENT);
	*m = (struct vm_memmap){ .gpa = MACHINE_RAM_BASE, .len = fake.map_len, .prot = 7 };
	return 0;
}

static int
registers(struct vm_register_set *s, bool set)
{
	if (s->vcpuid >= VM_MAXCPU || s->count > VM_REGSET_MAX)
		return fail(EINVAL);
	for (uint32_t i = 0; i < s->count; i++) {
		if (s->regnums[i] >= FAKE_NREGS)
			return fail(EINVAL);
		if (set)
			fake.regs[s->vcpuid][s->regnums[i]] = s->regvals[i];
		else
			s->regvals[i] = fake.regs[s->vcpuid][s->regnums[i]];
	}
	return 0;
}

static int
one_register(struct vm_register *r, bool set)
{
	if (r->vcpuid >= VM_MAXCPU || r->regnum >= FAKE_NREGS)
		return fail(EINVAL);
	if (set)
		fake.regs[r->vcpuid][r->regnum] = r->regval;
	else
		r->regval = fake.regs[r->vcpuid][r->regnum];
	return 0;
}

static int
irq(const struct vm_irq *i, bool level)
{
	if (i->irq < 32 || i->irq >= 96)
		return fail(EINVAL);
	if (level)
		fake.irq_level |= 1ull << (i->irq - 32);
	else
		fake.irq_level &= ~(1ull << (i->irq - 32));
	return 0;
}

static int
msi(const struct vm_msi *m)
{
	fake.msi_addr = m->addr;
	fake.pulsed = (uint32_t)m->msg;
	return 0;
}

static int
run(struct vm_run *r)
{
	if (fake.next_exit == fake.nexits)
		return fail(ENXIO);
	fake.seen[fake.next_exit] = *r;
	r->exit = fake.exits[fake.next_exit++];
	return 0;
}

static int
cpu(const struct vm_activate_cpu *a)
{
	if (a->vcpuid >= VM_MAXCPU || a->pad != 0)
		return fail(EINVAL);
	if ((fake.active >> a->vcpuid & 1) != 0)
		return fail(EBUSY);
	fake.active |= 1ull << a->vcpuid;
	fake.regs[a->vcpuid][VM_REG_GUEST_MPIDR] = 0x80000000u | a->vcpuid;
	fake.regs[a->vcpuid][VM_REG_GUEST_MIDR] = 0x410fc075;
	return 0;
}

static int
cpuset(struct vm_cpuset *s)
{
	s->cpus = s->which == VM_ACTIVE_CPUS ? fake.active :
	    s->which == VM_SUSPENDED_CPUS    ? fake.suspended :
					       0;
	return 0;
}

static int
vm_ioctl(unsigned int request, void *arg)
{
	switch (request) {
	case VM_ABIVERS:
		*(uint32_t *)arg = VMM_ABI_VERSION;
		return 0;
	case VM_REINIT:
		fake.reinits++;
		fake.active = fake.suspended = 0;
		fake.vgic = false;
		return 0;
	case VM_SUSPEND:
		fake.suspend = ((struct vm_suspend *)arg)->how;
		return 0;
	case VM_ALLOC_MEMSEG:
		return alloc_seg(arg);
	case VM_GET_MEMSEG:
		get_seg(arg);
		return 0;
	case VM_MUNMAP_MEMSEG:
		fake.rom_mapped = false;
		return 0;
	case VM_MMAP_MEMSEG:
		fake.map_len = ((struct vm_memmap *)arg)->len;
		return 0;
	case VM_MMAP_GETNEXT:
		return getnext(arg);
	case VM_DISCARD:
		fake.discards++;
		memset(fake.mem, 0, fake.map_len);
		return 0;
	case VM_GET_REGISTER:
	case VM_SET_REGISTER:
		return one_register(arg, request == VM_SET_REGISTER);
	case VM_GET_REGISTER_SET:
	case VM_SET_REGISTER_SET:
		return registers(arg, request == VM_SET_REGISTER_SET);
	case VM_SET_TOPOLOGY:
		fake.topo = *(struct vm_topology *)arg;
		return 0;
	case VM_ACTIVATE_CPU:
		return cpu(arg);
	case VM_GET_CPUSET:
		return cpuset(arg);
	case VM_ATTACH_VGIC:
		fake.vgic = true;
		return 0;
	case VM_ASSERT_IRQ:
	case VM_DEASSERT_IRQ:
		return irq(arg, request == VM_ASSERT_IRQ);
	case VM_PULSE_IRQ:
		fake.pulsed = ((const struct vm_irq *)arg)->irq;
		return 0;
	case VM_RAISE_MSI:
		return msi(arg);
	case VM_BIND_DOORBELL:
		fake.doorbell = *(struct vm_bind_doorbell *)arg;
		return 0;
	case VM_BIND_IRQ:
		fake.bind_irq = *(struct vm_bind_irq *)arg;
		return 0;
	case VM_RUN:
		return run(arg);
	default:
		return fail(ENOTTY);
	}
}

int
vmm_sys_ioctl(int fd, unsigned int request, void *arg)
{
	int error;

	pthread_mutex_lock(&fake_lock);
	if (fake.fail_errno != 0 && fake.fail_request == request)
		error = fail(fake.fail_errno);
	else
		error = fd == FD_CTL ? ctl_ioctl(request, arg) : vm_ioctl(request, arg);
	pthread_mutex_unlock(&fake_lock);
	return error;
}
