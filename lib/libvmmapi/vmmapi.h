/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * libvmmapi: VMs as a program sees them.  Calls that FreeBSD's vmmapi.h has too bear
 * its names.  Unless a comment says otherwise a call returns 0, or -1 with errno set;
 * vm_strerror() turns that errno into a line that says what to do.  Addresses and
 * lengths are bytes, "gpa" is what the guest calls physical.
 *
 * A vmctx may be used by several threads, a struct vcpu by one at a time; opening,
 * closing and setting up memory is for one thread alone.
 *
 * Every call on an open VM can fail with ENXIO: the VM is being destroyed.
 */
#ifndef VMMAPI_H
#define VMMAPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmm/machine.h>
#include <vmm/vmm.h>
#include <vmm/vmm_dev.h>
#include <vmm/vmm_stat.h>

struct vmctx;
struct vcpu;

/* ---- the module: /dev/vmmctl ---- */

/* What the host offers. */
int vm_get_info(struct vmmctl_info *info);
/*
 * The next VM: *cursor starts at 0.  1 and *out filled, 0 after the last one, -1.
 */
int vm_next(uint64_t *cursor, struct vmmctl_vm_next *out);
/* The entry of one VM: ENOENT. */
int vm_lookup(const char *name, struct vmmctl_vm_next *out);

/* ---- life ---- */

/*
 * EINVAL: not a name (1 to VM_MAX_NAMELEN of A-Z a-z 0-9 . _ -, not "." or ".."); EEXIST: taken;
 * ENOMEM, EPERM.  The VM belongs to the caller's user, and with vm_create_group() to the
 * members of a group too.
 */
int vm_create(const char *name);
int vm_create_group(const char *name, uint32_t gid);
/* Destroy a VM that need not be open.  ENOENT, EPERM, EBUSY. */
int vm_destroy_name(const char *name);
/* Whether name could be a VM's. */
bool vm_name_valid(const char *name);

/*
 * NULL with errno: ENOENT no such VM, EACCES or EPERM another's, EPROTO the module is of another
 * version.
 */
struct vmctx *vm_open(const char *name);
void vm_close(struct vmctx *ctx);
/* Destroys and closes; ctx is gone whatever is returned. */
int vm_destroy(struct vmctx *ctx);
const char *vm_get_name(const struct vmctx *ctx);
/*
 * Be the one program that loads or runs this VM, until vm_close() or the process ends, however it
 * ends.  EBUSY: another one is.
 */
int vm_lock(struct vmctx *ctx);
/*
 * Back to what vm_create() made, but for memory, which stays: no vCPU is active, no interrupt
 * pending.  EBUSY: a vCPU runs.
 */
int vm_reinit(struct vmctx *ctx);
/* Ask all vCPUs to leave.  EBUSY: there was another reason before; that one stays. */
int vm_suspend(struct vmctx *ctx, enum vm_suspend_how how);

/* ---- memory ---- */

/*
 * System memory: segment 0 of len bytes (a multiple of 4 KiB) at MACHINE_RAM_BASE, mapped into
 * this process too.  What is there already is taken if the size is the same.  EEXIST: it has
 * another size.  EINVAL, ENOMEM.
 */
int vm_setup_memory(struct vmctx *ctx, uint64_t len);
/* Map the system memory that somebody else set up.  ENOENT: nobody did. */
int vm_attach_memory(struct vmctx *ctx);
uint64_t vm_get_memory_size(const struct vmctx *ctx);
/* Where [gpa, gpa + len) is in this process; NULL where it is not all system memory. */
void *vm_map_gpa(struct vmctx *ctx, uint64_t gpa, uint64_t len);
int vm_alloc_memseg(struct vmctx *ctx, uint32_t segid, uint64_t len, const char *name);
int vm_get_memseg(struct vmctx *ctx, uint32_t segid, struct vm_memseg *out);
int vm_mmap_memseg(
    struct vmctx *ctx, uint64_t gpa, uint32_t segid, uint64_t segoff, uint64_t len, uint32_t prot);
/* The first mapping at or above gpa.  ENOENT: none. */
int vm_mmap_getnext(struct vmctx *ctx, uint64_t gpa, struct vm_memmap *out);
int vm_munmap_memseg(struct vmctx *ctx, uint64_t gpa, uint64_t len);
/*
 * [gpa, gpa + len), which a segment is mapped to, in this process too: readable and writable
 * whatever the guest may.  While the guest's mapping is gone (vm_munmap_memseg()) a touch is
 * SIGBUS; mapped again, it is the same memory.  NULL with errno.
 */
void *vm_map_memseg(struct vmctx *ctx, uint64_t gpa, uint64_t len);
void vm_unmap_memseg(void *va, uint64_t len);
/* Give pages back to the host; they read as zeros afterwards.  *freed may be NULL. */
int vm_discard(struct vmctx *ctx, uint64_t gpa, uint64_t len, uint64_t *freed);

/*
 * This process wrote instructions to [gpa, gpa + len), at most VM_SYNC_CODE_MAX bytes: have the
 * guest execute them.  EINVAL.
 */
int vm_sync_code(struct vmctx *ctx, uint64_t gpa, uint64_t len);

/* ---- vCPUs ---- */

/* A handle; the vCPU need not be active yet.  NULL with errno EINVAL or ENOMEM. */
struct vcpu *vm_vcpu_open(struct vmctx *ctx, uint32_t vcpuid);
void vm_vcpu_close(struct vcpu *vcpu);
uint32_t vcpu_id(const struct vcpu *vcpu);
struct vmctx *vcpu_ctx(const struct vcpu *vcpu);

/* Make it exist.  EEXIST or EBUSY: it does. */
int vm_activate_cpu(struct vcpu *vcpu);
int vm_suspend_cpu(struct vcpu *vcpu);
int vm_resume_cpu(struct vcpu *vcpu);
int vm_suspend_all_cpus(struct vmctx *ctx);
int vm_resume_all_cpus(struct vmctx *ctx);
/* Bit n is vCPU n. */
int vm_active_cpus(struct vmctx *ctx, uint64_t *cpus);
int vm_suspended_cpus(struct vmctx *ctx, uint64_t *cpus);
int vm_debug_cpus(struct vmctx *ctx, uint64_t *cpus);
int vm_runnable_cpus(struct vmctx *ctx, uint64_t *cpus);
int vm_set_topology(struct vmctx *ctx, const struct vm_topology *t);
int vm_get_topology(struct vmctx *ctx, struct vm_topology *t);

/*
 * Run until something is for user space: run->flags and run->data complete the access that the
 * last call ended with, run->exit says why this one did.  EINTR: a signal.  EBUSY: another thread
 * runs it.
 */
int vm_run(struct vcpu *vcpu, struct vm_run *run);

/* EINVAL: no such register, or it is read-only.  A vCPU that runs is held meanwhile. */
int vm_set_register(struct vcpu *vcpu, uint32_t reg, uint64_t val);
int vm_get_register(struct vcpu *vcpu, uint32_t reg, uint64_t *val);
int vm_set_register_set(struct vcpu *vcpu, uint32_t count, const uint32_t *regs,
    const uint64_t *vals); /* count <= VM_REGSET_MAX */
int vm_get_register_set(struct vcpu *vcpu, uint32_t count, const uint32_t *regs, uint64_t *vals);
/* "r0".."r12", "sp", "pc", "cpsr", "sp_svc", "ttbr0", "d31"...; NULL for a number that is none. */
const char *vm_reg_name(uint32_t reg);
/* The number of a name, in either case; -1: none. */
int vm_reg_number(const char *name);

int vm_set_capability(struct vcpu *vcpu, enum vm_cap_type cap, uint32_t val);
int vm_get_capability(struct vcpu *vcpu, enum vm_cap_type cap, uint32_t *val);

/* ---- interrupts ---- */

/* After vm_create() and vm_reinit().  EEXIST or EBUSY: it is attached. */
int vm_attach_vgic(struct vmctx *ctx, const struct vm_attach_vgic *a);
/* irq is an INTID from 32.  EINVAL: no such interrupt. */
int vm_assert_irq(struct vmctx *ctx, uint32_t irq);
int vm_deassert_irq(struct vmctx *ctx, uint32_t irq);
int vm_pulse_irq(struct vmctx *ctx, uint32_t irq);
int vm_raise_msi(struct vmctx *ctx, uint64_t addr, uint64_t msg);

/* ---- descriptors in place of exits and calls: eventfds on Linux ---- */

/*
 * When the guest stores at gpa, the module adds one to fd, and the store is over without an exit
 * from vm_run().  size 0: of any size, whatever the data; 1, 2, 4 bytes: only stores of just that
 * size and data, the others come as exits, as loads do.  The module keeps what is behind fd, which
 * may be closed.  It lasts until it is unbound, vm_reinit(), or ctx is closed or its process dies.
 *
 * EINVAL: gpa, size or data cannot be, or fd is no eventfd; EBADF; EEXIST: memory or the GIC is
 * there, or a doorbell that the same store would ring; ENOSPC: VM_MAX_DOORBELLS; ENOMEM.
 */
int vm_bind_doorbell(struct vmctx *ctx, uint64_t gpa, uint32_t size, uint32_t data, int fd);
/* The very same arguments; no store rings fd afterwards.  ENOENT: there is none such. */
int vm_unbind_doorbell(struct vmctx *ctx, uint64_t gpa, uint32_t size, uint32_t data, int fd);
/*
 * When fd is signalled, by whomever, the module takes that from it and interrupts the guest: irq is
 * the INTID of an SPI, for an MSI the one its message carries.  resample_fd -1: an edge, as
 * vm_pulse_irq().  Else a level: the line is high until the guest has ended the interrupt; then
 * resample_fd is signalled, and who still wants attention signals fd again.  Several descriptors,
 * and vm_assert_irq(), may drive one line.  Lasts as a doorbell does, and ends when nobody has fd
 * open any more.
 *
 * ENXIO: no GIC is attached; EINVAL: no such SPI, or a descriptor is no eventfd; EBADF; EEXIST: fd
 * is bound already; ENOSPC: VM_MAX_IRQ_BINDS; ENOMEM.
 */
int vm_bind_irq(struct vmctx *ctx, uint32_t irq, int fd, int resample_fd);
/* No interrupt comes from fd afterwards; a level only it drives falls.  ENOENT: none such. */
int vm_unbind_irq(struct vmctx *ctx, uint32_t irq, int fd);

/* ---- looking at it ---- */

int vm_get_stats(struct vcpu *vcpu, struct vm_stats *out);
/* Name and meaning of counter index.  Any error but ENXIO: there is none. */
int vm_get_stat_desc(struct vmctx *ctx, uint32_t index, struct vm_stat_desc *out);
/* Up to VM_TRACE_BATCH records from t->cursor on, which moves. */
int vm_trace_read(struct vcpu *vcpu, struct vm_trace *t);
const char *vm_exitcode_name(uint32_t exitcode);
const char *vm_suspend_name(uint32_t how);

/* ---- asking the bhyve that runs a VM (vm_control.c) ---- */

/*
 * Be the one who is asked about the VM: a listening, non-blocking SOCK_SEQPACKET socket, with a
 * request in a packet.  EADDRINUSE: somebody is.
 */
int vm_control_listen(const char *name);
/* Where the socket has a file, which its owner removes, the directory of it; the file's name is the
 * VM's.  NULL: it has none. */
extern const char *const vm_control_dir;
/* Whether the other end of a connection may use the VM. */
bool vm_control_allowed(const char *name, int fd);
/*
 * Ask, and wait for the answer, a string.  ECONNREFUSED: no bhyve runs it, or it does not listen to
 * us; ETIMEDOUT; EPERM: who answers there may not.
 */
int vm_control_ask(const char *name, const char *request, char *answer, size_t size);

/* ---- words for people ---- */

enum vm_op {
	VM_OP_INFO,
	VM_OP_CREATE,
	VM_OP_OPEN,
	VM_OP_DESTROY,
	VM_OP_MEMORY,
	VM_OP_VCPU,
	VM_OP_REINIT,
	VM_OP_RUN,
	VM_OP_CONTROL,
	VM_OP_ASK,
	VM_OP_LAST
};
/*
 * One line without newline: what failed and what to do.  name may be NULL.  Returns buf.
 * Keeps errno.
 */
const char *vm_strerror(enum vm_op op, const char *name, int error, char *buf, size_t size);

/*
 * "512" (MiB), "512M", "1G", "65536K": the size in bytes.  NULL, or what is wrong with it.  As in
 * bhyve(8) a number alone is MiB.
 */
const char *vm_parse_memsize(const char *text, uint64_t *bytes);
/*
 * "4" or "cpus=4,sockets=1,cores=2,threads=2": missing factors are 1, cores takes what is left.
 * NULL, or what is wrong.
 */
const char *vm_parse_topology(const char *text, uint32_t *vcpus, struct vm_topology *t);
/* All of text is a number, 0x for hexadecimal. */
bool vm_parse_number(const char *text, uint64_t *val);

#endif /* VMMAPI_H */
