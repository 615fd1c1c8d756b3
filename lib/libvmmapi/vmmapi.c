/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * libvmmapi: each call fills the structure of one ioctl.  In the trap walk vm_run() is where the
 * exit reaches user space.  No locks: a context is immutable once its memory is set up.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm_request.h"
#include "vmm_sys.h"
#include "vmmapi.h"

struct vmctx {
	int fd;
	char name[VM_MAX_NAMELEN + 1];
	uint8_t *mem; /* system memory, at MACHINE_RAM_BASE in the guest */
	uint64_t mem_size;
};

struct vcpu {
	struct vmctx *ctx;
	uint32_t id;
};

bool
vm_name_valid(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	size_t len = strlen(name);

	return len > 0 && len <= VM_MAX_NAMELEN && strspn(name, allowed) == len &&
	    strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int
vmm_ctl(unsigned int request, void *arg)
{
	int error, fd, saved;

	fd = vmm_sys_open(VMM_CTL_PATH);
	if (fd < 0)
		return -1;
	error = vmm_sys_ioctl(fd, request, arg);
	saved = errno;
	vmm_sys_close(fd);
	errno = saved;
	return error;
}

int
vm_get_info(struct vmmctl_info *info)
{
	memset(info, 0, sizeof(*info));
	return vmm_ctl(VMM_INFO, info);
}

int
vm_next(uint64_t *cursor, struct vmmctl_vm_next *out)
{
	memset(out, 0, sizeof(*out));
	out->cursor = *cursor;
	if (vmm_ctl(VMM_NEXT, out) != 0)
		return errno == ENOENT ? (vm_get_info(&(struct vmmctl_info){ 0 }) != 0 ? -1 : 0) :
					 -1;
	out->name[VM_MAX_NAMELEN] = '\0';
	*cursor = out->cursor;
	return 1;
}

int
vm_lookup(const char *name, struct vmmctl_vm_next *out)
{
	uint64_t cursor = 0;
	int more;

	while ((more = vm_next(&cursor, out)) == 1) {
		if (strcmp(out->name, name) == 0)
			return 0;
	}
	if (more == 0)
		errno = ENOENT;
	return -1;
}

int
vm_create_group(const char *name, uint32_t gid)
{
	struct vmmctl_vm_create c = { .gid = gid };

	if (!vm_name_valid(name)) {
		errno = EINVAL;
		return -1;
	}
	strcpy(c.name, name);
	return vmm_ctl(VMM_CREATE, &c);
}

int
vm_create(const char *name)
{
	return vm_create_group(name, ~0u);
}

int
vm_destroy_name(const char *name)
{
	struct vmmctl_vm_destroy d = { 0 };

	if (!vm_name_valid(name)) {
		errno = EINVAL;
		return -1;
	}
	strcpy(d.name, name);
	return vmm_ctl(VMM_DESTROY, &d);
}

struct vmctx *
vm_open(const char *name)
{
	char path[sizeof(VMM_DIR_PATH) + 1 + VM_MAX_NAMELEN];
	uint32_t version = 0;
	struct vmctx *ctx;
	int saved;

	if (!vm_name_valid(name)) {
		errno = EINVAL;
		return NULL;
	}
	ctx = calloc(1, sizeof(*ctx));
	if (ctx == NULL)
		return NULL;
	strcpy(ctx->name, name);
	snprintf(path, sizeof(path), "%s/%s", VMM_DIR_PATH, name);
	ctx->fd = vmm_sys_open(path);
	if (ctx->fd < 0)
		goto fail;
	if (vmm_sys_ioctl(ctx->fd, VM_ABIVERS, &version) != 0 || version != VMM_ABI_VERSION) {
		saved = errno == ENXIO ? ENXIO : EPROTO;
		vmm_sys_close(ctx->fd);
		errno = saved;
		goto fail;
	}
	return ctx;
fail:
	saved = errno;
	free(ctx);
	errno = saved;
	return NULL;
}

void
vm_close(struct vmctx *ctx)
{
	int saved = errno;

	if (ctx->mem != NULL)
		vmm_sys_munmap(ctx->mem, ctx->mem_size);
	vmm_sys_close(ctx->fd);
	free(ctx);
	errno = saved;
}

int
vm_destroy(struct vmctx *ctx)
{
	char name[VM_MAX_NAMELEN + 1];

	memcpy(name, ctx->name, sizeof(name));
	vm_close(ctx);
	return vm_destroy_name(name);
}

const char *
vm_get_name(const struct vmctx *ctx)
{
	return ctx->name;
}

int
vm_lock(struct vmctx *ctx)
{
	return vmm_sys_lock(ctx->fd);
}

int
vm_reinit(struct vmctx *ctx)
{
	return vmm_sys_ioctl(ctx->fd, VM_REINIT, NULL);
}

int
vm_suspend(struct vmctx *ctx, enum vm_suspend_how how)
{
	struct vm_suspend s = { .how = (uint32_t)how };

	return vmm_sys_ioctl(ctx->fd, VM_SUSPEND, &s);
}

/* ---- memory ---- */

int
vm_alloc_memseg(struct vmctx *ctx, uint32_t segid, uint64_t len, const char *name)
{
	struct vm_memseg s = { .segid = segid, .len = len };

	if (strlen(name) > VM_MAX_SUFFIXLEN) {
		errno = EINVAL;
		return -1;
	}
	strcpy(s.name, name);
	return vmm_sys_ioctl(ctx->fd, VM_ALLOC_MEMSEG, &s);
}

int
vm_get_memseg(struct vmctx *ctx, uint32_t segid, struct vm_memseg *out)
{
	memset(out, 0, sizeof(*out));
	out->segid = segid;
	return vmm_sys_ioctl(ctx->fd, VM_GET_MEMSEG, out);
}

int
vm_mmap_memseg(
    struct vmctx *ctx, uint64_t gpa, uint32_t segid, uint64_t segoff, uint64_t len, uint32_t prot)
{
	struct vm_memmap m = {
		.gpa = gpa,
		.segoff = segoff,
		.len = len,
		.segid = segid,
		.prot = prot,
	};

	return vmm_sys_ioctl(ctx->fd, VM_MMAP_MEMSEG, &m);
}

int
vm_mmap_getnext(struct vmctx *ctx, uint64_t gpa, struct vm_memmap *out)
{
	memset(out, 0, sizeof(*out));
	out->gpa = gpa;
	return vmm_sys_ioctl(ctx->fd, VM_MMAP_GETNEXT, out);
}

int
vm_munmap_memseg(struct vmctx *ctx, uint64_t gpa, uint64_t len)
{
	struct vm_munmap m = { .gpa = gpa, .len = len };

	return vmm_sys_ioctl(ctx->fd, VM_MUNMAP_MEMSEG, &m);
}

void *
vm_map_memseg(struct vmctx *ctx, uint64_t gpa, uint64_t len)
{
	return vmm_sys_mmap(ctx->fd, gpa, len);
}

void
vm_unmap_memseg(void *va, uint64_t len)
{
	vmm_sys_munmap(va, len);
}

int
vm_discard(struct vmctx *ctx, uint64_t gpa, uint64_t len, uint64_t *freed)
{
	struct vm_discard d = { .gpa = gpa, .len = len };
	int error;

	error = vmm_sys_ioctl(ctx->fd, VM_DISCARD, &d);
	if (freed != NULL)
		*freed = d.freed;
	return error;
}

int
vm_sync_code(struct vmctx *ctx, uint64_t gpa, uint64_t len)
{
	struct vm_sync_code s = { .gpa = gpa, .len = len };

	return vmm_sys_ioctl(ctx->fd, VM_SYNC_CODE, &s);
}

static int
map_system_memory(struct vmctx *ctx, uint64_t len)
{
	if (ctx->mem != NULL)
		return 0;
	ctx->mem = vmm_sys_mmap(ctx->fd, MACHINE_RAM_BASE, len);
	if (ctx->mem == NULL)
		return -1;
	ctx->mem_size = len;
	return 0;
}

/* The system memory that is mapped at RAM's base: its length, 0 if there is none. */
static uint64_t
system_memory(struct vmctx *ctx)
{
	struct vm_memmap m;

	if (vm_mmap_getnext(ctx, MACHINE_RAM_BASE, &m) != 0 || m.gpa != MACHINE_RAM_BASE ||
	    m.segid != 0)
		return 0;
	return m.len;
}

int
vm_attach_memory(struct vmctx *ctx)
{
	uint64_t len = system_memory(ctx);

	if (len == 0) {
		errno = ENOENT;
		return -1;
	}
	return map_system_memory(ctx, len);
}

int
vm_setup_memory(struct vmctx *ctx, uint64_t len)
{
	struct vm_memseg seg;
	uint64_t have;

	if (len == 0 || len % VM_PAGE_SIZE != 0 || len > MACHINE_RAM_SIZE) {
		errno = EINVAL;
		return -1;
	}
	have = system_memory(ctx);
	if (have != 0 && have != len) {
		errno = EEXIST;
		return -1;
	}
	if (have == 0) {
		/* A loader that was killed in between leaves a segment that is not mapped. */
		if (vm_get_memseg(ctx, 0, &seg) == 0 && seg.len != 0 && seg.len != len &&
		    vm_alloc_memseg(ctx, 0, 0, "") != 0)
			return -1;
		if ((vm_get_memseg(ctx, 0, &seg) != 0 || seg.len != len) &&
		    vm_alloc_memseg(ctx, 0, len, "") != 0)
			return -1;
		if (vm_mmap_memseg(ctx, MACHINE_RAM_BASE, 0, 0, len,
			VM_PROT_READ | VM_PROT_WRITE | VM_PROT_EXEC) != 0)
			return -1;
	}
	return map_system_memory(ctx, len);
}

uint64_t
vm_get_memory_size(const struct vmctx *ctx)
{
	return ctx->mem_size;
}

void *
vm_map_gpa(struct vmctx *ctx, uint64_t gpa, uint64_t len)
{
	uint64_t off = gpa - MACHINE_RAM_BASE;

	if (ctx->mem == NULL || gpa < MACHINE_RAM_BASE || off > ctx->mem_size ||
	    len > ctx->mem_size - off)
		return NULL;
	return ctx->mem + off;
}

/* ---- vCPUs ---- */

struct vcpu *
vm_vcpu_open(struct vmctx *ctx, uint32_t vcpuid)
{
	struct vcpu *vcpu;

	if (vcpuid >= VM_MAXCPU) {
		errno = EINVAL;
		return NULL;
	}
	vcpu = calloc(1, sizeof(*vcpu));
	if (vcpu == NULL)
		return NULL;
	vcpu->ctx = ctx;
	vcpu->id = vcpuid;
	return vcpu;
}

void
vm_vcpu_close(struct vcpu *vcpu)
{
	free(vcpu);
}

uint32_t
vcpu_id(const struct vcpu *vcpu)
{
	return vcpu->id;
}

struct vmctx *
vcpu_ctx(const struct vcpu *vcpu)
{
	return vcpu->ctx;
}

static int
cpu_call(struct vmctx *ctx, unsigned int request, uint32_t vcpuid)
{
	struct vm_activate_cpu a = { .vcpuid = vcpuid };

	return vmm_sys_ioctl(ctx->fd, request, &a);
}

int
vm_activate_cpu(struct vcpu *vcpu)
{
	return cpu_call(vcpu->ctx, VM_ACTIVATE_CPU, vcpu->id);
}

int
vm_suspend_cpu(struct vcpu *vcpu)
{
	return cpu_call(vcpu->ctx, VM_SUSPEND_CPU, vcpu->id);
}

int
vm_resume_cpu(struct vcpu *vcpu)
{
	return cpu_call(vcpu->ctx, VM_RESUME_CPU, vcpu->id);
}

int
vm_suspend_all_cpus(struct vmctx *ctx)
{
	return cpu_call(ctx, VM_SUSPEND_CPU, ~0u);
}

int
vm_resume_all_cpus(struct vmctx *ctx)
{
	return cpu_call(ctx, VM_RESUME_CPU, ~0u);
}

static int
get_cpuset(struct vmctx *ctx, uint32_t which, uint64_t *cpus)
{
	struct vm_cpuset s = { .which = which };

	if (vmm_sys_ioctl(ctx->fd, VM_GET_CPUSET, &s) != 0)
		return -1;
	*cpus = s.cpus;
	return 0;
}

int
vm_active_cpus(struct vmctx *ctx, uint64_t *cpus)
{
	return get_cpuset(ctx, VM_ACTIVE_CPUS, cpus);
}

int
vm_suspended_cpus(struct vmctx *ctx, uint64_t *cpus)
{
	return get_cpuset(ctx, VM_SUSPENDED_CPUS, cpus);
}

int
vm_debug_cpus(struct vmctx *ctx, uint64_t *cpus)
{
	return get_cpuset(ctx, VM_DEBUG_CPUS, cpus);
}

int
vm_runnable_cpus(struct vmctx *ctx, uint64_t *cpus)
{
	return get_cpuset(ctx, VM_RUNNABLE_CPUS, cpus);
}

int
vm_set_topology(struct vmctx *ctx, const struct vm_topology *t)
{
	struct vm_topology copy = *t;

	return vmm_sys_ioctl(ctx->fd, VM_SET_TOPOLOGY, &copy);
}

int
vm_get_topology(struct vmctx *ctx, struct vm_topology *t)
{
	memset(t, 0, sizeof(*t));
	return vmm_sys_ioctl(ctx->fd, VM_GET_TOPOLOGY, t);
}

int
vm_run(struct vcpu *vcpu, struct vm_run *run)
{
	run->vcpuid = vcpu->id;
	return vmm_sys_ioctl(vcpu->ctx->fd, VM_RUN, run);
}

int
vm_set_register(struct vcpu *vcpu, uint32_t reg, uint64_t val)
{
	struct vm_register r = { .vcpuid = vcpu->id, .regnum = reg, .regval = val };

	return vmm_sys_ioctl(vcpu->ctx->fd, VM_SET_REGISTER, &r);
}

int
vm_get_register(struct vcpu *vcpu, uint32_t reg, uint64_t *val)
{
	struct vm_register r = { .vcpuid = vcpu->id, .regnum = reg };

	if (vmm_sys_ioctl(vcpu->ctx->fd, VM_GET_REGISTER, &r) != 0)
		return -1;
	*val = r.regval;
	return 0;
}

static int
register_set(struct vcpu *vcpu, struct vm_register_set *s, uint32_t count, const uint32_t *regs)
{
	if (count > VM_REGSET_MAX) {
		errno = EINVAL;
		return -1;
	}
	memset(s, 0, sizeof(*s));
	s->vcpuid = vcpu->id;
	s->count = count;
	memcpy(s->regnums, regs, count * sizeof(regs[0]));
	return 0;
}

int
vm_set_register_set(struct vcpu *vcpu, uint32_t count, const uint32_t *regs, const uint64_t *vals)
{
	struct vm_register_set s;

	if (register_set(vcpu, &s, count, regs) != 0)
		return -1;
	memcpy(s.regvals, vals, count * sizeof(vals[0]));
	return vmm_sys_ioctl(vcpu->ctx->fd, VM_SET_REGISTER_SET, &s);
}

int
vm_get_register_set(struct vcpu *vcpu, uint32_t count, const uint32_t *regs, uint64_t *vals)
{
	struct vm_register_set s;

	if (register_set(vcpu, &s, count, regs) != 0 ||
	    vmm_sys_ioctl(vcpu->ctx->fd, VM_GET_REGISTER_SET, &s) != 0)
		return -1;
	memcpy(vals, s.regvals, count * sizeof(vals[0]));
	return 0;
}

int
vm_set_capability(struct vcpu *vcpu, enum vm_cap_type cap, uint32_t val)
{
	struct vm_capability c = {
		.vcpuid = vcpu->id,
		.captype = (uint32_t)cap,
		.capval = val,
	};

	return vmm_sys_ioctl(vcpu->ctx->fd, VM_SET_CAPABILITY, &c);
}

int
vm_get_capability(struct vcpu *vcpu, enum vm_cap_type cap, uint32_t *val)
{
	struct vm_capability c = { .vcpuid = vcpu->id, .captype = (uint32_t)cap };

	if (vmm_sys_ioctl(vcpu->ctx->fd, VM_GET_CAPABILITY, &c) != 0)
		return -1;
	*val = c.capval;
	return 0;
}

/* ---- interrupts ---- */

int
vm_attach_vgic(struct vmctx *ctx, const struct vm_attach_vgic *a)
{
	struct vm_attach_vgic copy = *a;

	return vmm_sys_ioctl(ctx->fd, VM_ATTACH_VGIC, &copy);
}

static int
irq_call(struct vmctx *ctx, unsigned int request, uint32_t irq)
{
	struct vm_irq i = { .irq = irq };

	return vmm_sys_ioctl(ctx->fd, request, &i);
}

int
vm_assert_irq(struct vmctx *ctx, uint32_t irq)
{
	return irq_call(ctx, VM_ASSERT_IRQ, irq);
}

int
vm_deassert_irq(struct vmctx *ctx, uint32_t irq)
{
	return irq_call(ctx, VM_DEASSERT_IRQ, irq);
}

int
vm_pulse_irq(struct vmctx *ctx, uint32_t irq)
{
	return irq_call(ctx, VM_PULSE_IRQ, irq);
}

int
vm_raise_msi(struct vmctx *ctx, uint64_t addr, uint64_t msg)
{
	struct vm_msi m = { .addr = addr, .msg = msg };

	return vmm_sys_ioctl(ctx->fd, VM_RAISE_MSI, &m);
}

/* ---- descriptors ---- */

static int
doorbell_call(struct vmctx *ctx, uint64_t gpa, uint32_t size, uint32_t data, int fd, uint32_t flags)
{
	struct vm_bind_doorbell d = {
		.gpa = gpa,
		.size = size,
		.data = data,
		.fd = fd,
		.flags = flags,
	};

	return vmm_sys_ioctl(ctx->fd, VM_BIND_DOORBELL, &d);
}

int
vm_bind_doorbell(struct vmctx *ctx, uint64_t gpa, uint32_t size, uint32_t data, int fd)
{
	return doorbell_call(ctx, gpa, size, data, fd, 0);
}

int
vm_unbind_doorbell(struct vmctx *ctx, uint64_t gpa, uint32_t size, uint32_t data, int fd)
{
	return doorbell_call(ctx, gpa, size, data, fd, VM_BIND_UNBIND);
}

int
vm_bind_irq(struct vmctx *ctx, uint32_t irq, int fd, int resample_fd)
{
	struct vm_bind_irq i = { .irq = irq, .fd = fd };

	if (resample_fd >= 0) {
		i.resample_fd = resample_fd;
		i.flags = VM_BIND_RESAMPLE;
	}
	return vmm_sys_ioctl(ctx->fd, VM_BIND_IRQ, &i);
}

int
vm_unbind_irq(struct vmctx *ctx, uint32_t irq, int fd)
{
	struct vm_bind_irq i = { .irq = irq, .fd = fd, .flags = VM_BIND_UNBIND };

	return vmm_sys_ioctl(ctx->fd, VM_BIND_IRQ, &i);
}

/* ---- looking at it ---- */

int
vm_get_stats(struct vcpu *vcpu, struct vm_stats *out)
{
	memset(out, 0, sizeof(*out));
	out->vcpuid = vcpu->id;
	if (vmm_sys_ioctl(vcpu->ctx->fd, VM_STATS, out) != 0)
		return -1;
	if (out->count > VM_STATS_MAX)
		out->count = VM_STATS_MAX;
	return 0;
}

int
vm_get_stat_desc(struct vmctx *ctx, uint32_t index, struct vm_stat_desc *out)
{
	memset(out, 0, sizeof(*out));
	out->index = index;
	if (vmm_sys_ioctl(ctx->fd, VM_STAT_DESC, out) != 0)
		return -1;
	out->name[sizeof(out->name) - 1] = '\0';
	out->desc[sizeof(out->desc) - 1] = '\0';
	return 0;
}

int
vm_trace_read(struct vcpu *vcpu, struct vm_trace *t)
{
	t->vcpuid = vcpu->id;
	t->count = 0;
	if (vmm_sys_ioctl(vcpu->ctx->fd, VM_TRACE, t) != 0)
		return -1;
	if (t->count > VM_TRACE_BATCH)
		t->count = VM_TRACE_BATCH;
	return 0;
}
