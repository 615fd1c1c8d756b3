/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The ioctls of /dev/vmmctl and /dev/vmm/NAME: structures and ordinals.  Where a
 * call is the same as FreeBSD 15's its ordinal is too.  The request macros are
 * built by each OS's glue and by libvmmapi from VMM_IOCTL_LIST, so that the
 * direction and the size of every call stand here once.
 *
 * Reserved fields ("pad", "flags" without a defined bit) must be zero, or EINVAL.
 * Common errors: EINVAL bad argument, ENXIO the VM is being destroyed, EBUSY a
 * vCPU that must be stopped runs, EFAULT bad pointer, ENOTTY unknown call.
 */
#ifndef VMM_VMM_DEV_H
#define VMM_VMM_DEV_H

#include <vmm/vmm.h>

#define VMM_ABI_VERSION 1u

/* /dev/vmmctl */
struct vmmctl_vm_create {
	char name[VM_MAX_NAMELEN + 1]; /* [A-Za-z0-9._-]+, NUL-terminated, not "." or ".." */
	uint32_t flags;		       /* zero */
	uint32_t gid;		       /* group that may use it too, or ~0 for none */
	uint32_t pad[4];
};
struct vmmctl_vm_destroy {
	char name[VM_MAX_NAMELEN + 1];
	uint32_t pad[2];
};
/* One VM a call, in no order; start with cursor 0 and go on until ENOENT. */
struct vmmctl_vm_next {
	uint64_t cursor; /* in, out */
	char name[VM_MAX_NAMELEN + 1];
	uint32_t uid;
	uint32_t gid;
	uint32_t vcpus;	    /* active ones */
	uint32_t running;   /* 1 while a vCPU is in VM_RUN */
	uint64_t mem_bytes; /* guest memory really allocated */
};
/* What this host offers. */
struct vmmctl_info {
	uint32_t abi_version;
	uint32_t max_vcpus;
	uint32_t list_registers;
	uint32_t cntfrq; /* Hz */
	uint32_t vms;
	uint32_t host_cpus; /* CPUs on which the microvisor is in place */
	uint32_t ipa_bits;
	uint32_t vmid_bits;
	char arch[16]; /* "armv7" or "aarch64" */
	char build[48];
};

/* /dev/vmm/NAME */
struct vm_run {
	uint32_t vcpuid;
	uint32_t flags;	     /* VM_RUN_* */
	uint64_t data;	     /* in: what the device answered to the pending read */
	struct vm_exit exit; /* out */
};
#define VM_RUN_ABORT 1u /* in: the pending access gets a synchronous external abort */

struct vm_suspend {
	uint32_t how; /* RESET, POWEROFF or HALT */
	uint32_t pad;
};
struct vm_memseg {
	uint32_t segid; /* 0 .. VM_MAX_MEMSEGS - 1; 0 is system memory */
	uint32_t flags; /* zero */
	uint64_t len;	/* bytes, a multiple of 4 KiB; 0 in ALLOC frees an unmapped one */
	char name[VM_MAX_SUFFIXLEN + 1]; /* "" for system memory, else e.g. "bootrom" */
};
#define VM_PROT_READ  1u
#define VM_PROT_WRITE 2u
#define VM_PROT_EXEC  4u
struct vm_memmap {
	uint64_t gpa;
	uint64_t segoff;
	uint64_t len;
	uint32_t segid;
	uint32_t prot;	/* VM_PROT_*; without WRITE a store leaves with INST_EMUL */
	uint32_t flags; /* zero */
	uint32_t pad;
};
struct vm_munmap {
	uint64_t gpa;
	uint64_t len;
};
/* Give whole pages back to the host; they read as zeros afterwards. */
struct vm_discard {
	uint64_t gpa;
	uint64_t len;
	uint64_t freed; /* out: bytes */
};
/* This process wrote code there: the guest is to execute what it wrote. */
#define VM_SYNC_CODE_MAX (1u << 20) /* bytes at once */
struct vm_sync_code {
	uint64_t gpa;
	uint64_t len;
};
struct vm_register {
	uint32_t vcpuid;
	uint32_t regnum; /* enum vm_reg_name */
	uint64_t regval;
};
#define VM_REGSET_MAX 112
struct vm_register_set {
	uint32_t vcpuid;
	uint32_t count;
	uint32_t regnums[VM_REGSET_MAX];
	uint64_t regvals[VM_REGSET_MAX];
};
struct vm_capability {
	uint32_t vcpuid;
	uint32_t captype; /* enum vm_cap_type */
	uint32_t capval;
	uint32_t pad;
};
/* counters of one vCPU; VM-wide ones are in vCPU 0's row too */
#define VM_STATS_MAX 96
struct vm_stats {
	uint32_t vcpuid;
	uint32_t count; /* out */
	uint64_t ns;	/* out: host time, ns */
	uint64_t values[VM_STATS_MAX];
};
struct vm_stat_desc {
	uint32_t index;
	uint32_t pad;
	char name[32];
	char desc[88];
};
struct vm_topology {
	uint32_t sockets;
	uint32_t cores;
	uint32_t threads;
	uint32_t maxcpus;
};
struct vm_activate_cpu {
	uint32_t vcpuid; /* SUSPEND_CPU, RESUME_CPU: ~0 means all */
	uint32_t pad;
};
#define VM_ACTIVE_CPUS	  0u
#define VM_SUSPENDED_CPUS 1u
#define VM_DEBUG_CPUS	  2u
#define VM_RUNNABLE_CPUS  3u /* powered on, in PSCI's sense */
struct vm_cpuset {
	uint32_t which;
	uint32_t pad;
	uint64_t cpus; /* out: bit n is vCPU n */
};
struct vm_attach_vgic {
	uint64_t dist_start; /* GICD, 4 KiB aligned */
	uint64_t dist_size;  /* at least 4 KiB */
	uint64_t cpu_start;  /* GICC: two 4 KiB pages of GICV are mapped here */
	uint64_t cpu_size;   /* 8 KiB at least */
	uint32_t nirqs; /* INTIDs: a multiple of 32, 64..1020 rounded down as GICD_TYPER has it */
	uint32_t pad;
};
struct vm_irq {
	uint32_t irq; /* GIC INTID; ASSERT/DEASSERT/PULSE: an SPI, 32.. */
	uint32_t pad;
};
struct vm_msi {
	uint64_t msg;
	uint64_t addr;
	uint32_t bus, slot, func, pad;
};
/*
 * Descriptors (Linux: eventfds) that the module signals, or that signal it.  A binding belongs to
 * the open file that made it and goes with it, with VM_REINIT and with the VM.
 */
#define VM_MAX_DOORBELLS 512 /* bindings of each kind that a VM can have */
#define VM_MAX_IRQ_BINDS 512
/* flags: undo the doorbell of these gpa, size, data and fd, the interrupt of these irq and fd. */
#define VM_BIND_UNBIND 1u
/* flags of vm_bind_irq, but not with UNBIND: a level, which resample_fd tells the end of. */
#define VM_BIND_RESAMPLE 2u
struct vm_bind_doorbell {
	uint64_t gpa;  /* stores at just this address ring it; a multiple of size */
	uint32_t size; /* bytes: 1, 2, 4; 0: stores of any size, whatever the data */
	uint32_t data; /* .. and of this value alone; zero with size 0 */
	int32_t fd;
	uint32_t flags; /* VM_BIND_UNBIND */
};
struct vm_bind_irq {
	uint32_t irq;	     /* INTID of an SPI; of an MSI: what its message carries */
	int32_t fd;	     /* when it is signalled: an edge of irq, or with RESAMPLE its level */
	int32_t resample_fd; /* with RESAMPLE: signalled when the guest has ended irq; else zero */
	uint32_t flags;	     /* VM_BIND_* */
};
/* Records of the VM's trace ring, oldest first. */
#define VM_TRACE_BATCH 64
struct vm_trace_rec {
	uint64_t cntvct; /* host's CNTPCT, ticks */
	uint16_t event;	 /* enum vmm_trace_event */
	uint16_t vcpuid;
	uint32_t a;
	uint64_t b;
};
struct vm_trace {
	uint32_t vcpuid;
	uint32_t count;	 /* out */
	uint64_t cursor; /* in, out: next sequence number to read; 0 starts with the oldest */
	uint64_t lost;	 /* out: records overwritten before they were read */
	struct vm_trace_rec recs[VM_TRACE_BATCH];
};

enum {
	IOCNUM_ABIVERS = 0,
	IOCNUM_RUN = 1,
	IOCNUM_SET_CAPABILITY = 2,
	IOCNUM_GET_CAPABILITY = 3,
	IOCNUM_SUSPEND = 4,
	IOCNUM_REINIT = 5,

	IOCNUM_ALLOC_MEMSEG = 14,
	IOCNUM_GET_MEMSEG = 15,
	IOCNUM_MMAP_MEMSEG = 16,
	IOCNUM_MMAP_GETNEXT = 17,
	IOCNUM_MUNMAP_MEMSEG = 18,
	IOCNUM_DISCARD = 19, /* ours */

	IOCNUM_SET_REGISTER = 20,
	IOCNUM_GET_REGISTER = 21,
	IOCNUM_SET_REGISTER_SET = 24,
	IOCNUM_GET_REGISTER_SET = 25,

	IOCNUM_SYNC_CODE = 30, /* ours */

	IOCNUM_VM_STATS = 50,
	IOCNUM_VM_STAT_DESC = 51,
	IOCNUM_TRACE = 52, /* ours */

	IOCNUM_SET_TOPOLOGY = 63,
	IOCNUM_GET_TOPOLOGY = 64,

	IOCNUM_ASSERT_IRQ = 80,
	IOCNUM_DEASSERT_IRQ = 81,
	IOCNUM_RAISE_MSI = 82,
	IOCNUM_PULSE_IRQ = 83, /* ours, and the next two */
	IOCNUM_BIND_DOORBELL = 84,
	IOCNUM_BIND_IRQ = 85,

	IOCNUM_ACTIVATE_CPU = 90,
	IOCNUM_GET_CPUSET = 91,
	IOCNUM_SUSPEND_CPU = 92,
	IOCNUM_RESUME_CPU = 93,

	IOCNUM_ATTACH_VGIC = 110,

	/* /dev/vmmctl */
	IOCNUM_VMM_CREATE = 0,
	IOCNUM_VMM_DESTROY = 1,
	IOCNUM_VMM_NEXT = 2, /* ours, and the next */
	IOCNUM_VMM_INFO = 3
};

/*
 * NAME, ordinal, direction as user space sees it (N none, W it writes, R it reads,
 * WR both), structure (char where there is none).  The ioctl type letter is 'v' for
 * /dev/vmm/NAME and 'V' for /dev/vmmctl.
 */
#define VMM_IOCTL_LIST(X)                                                           \
	X(VM_ABIVERS, IOCNUM_ABIVERS, R, uint32_t)                                  \
	X(VM_RUN, IOCNUM_RUN, WR, struct vm_run)                                    \
	X(VM_SET_CAPABILITY, IOCNUM_SET_CAPABILITY, W, struct vm_capability)        \
	X(VM_GET_CAPABILITY, IOCNUM_GET_CAPABILITY, WR, struct vm_capability)       \
	X(VM_SUSPEND, IOCNUM_SUSPEND, W, struct vm_suspend)                         \
	X(VM_REINIT, IOCNUM_REINIT, N, char)                                        \
	X(VM_ALLOC_MEMSEG, IOCNUM_ALLOC_MEMSEG, W, struct vm_memseg)                \
	X(VM_GET_MEMSEG, IOCNUM_GET_MEMSEG, WR, struct vm_memseg)                   \
	X(VM_MMAP_MEMSEG, IOCNUM_MMAP_MEMSEG, W, struct vm_memmap)                  \
	X(VM_MMAP_GETNEXT, IOCNUM_MMAP_GETNEXT, WR, struct vm_memmap)               \
	X(VM_MUNMAP_MEMSEG, IOCNUM_MUNMAP_MEMSEG, W, struct vm_munmap)              \
	X(VM_DISCARD, IOCNUM_DISCARD, WR, struct vm_discard)                        \
	X(VM_SYNC_CODE, IOCNUM_SYNC_CODE, W, struct vm_sync_code)                   \
	X(VM_SET_REGISTER, IOCNUM_SET_REGISTER, W, struct vm_register)              \
	X(VM_GET_REGISTER, IOCNUM_GET_REGISTER, WR, struct vm_register)             \
	X(VM_SET_REGISTER_SET, IOCNUM_SET_REGISTER_SET, W, struct vm_register_set)  \
	X(VM_GET_REGISTER_SET, IOCNUM_GET_REGISTER_SET, WR, struct vm_register_set) \
	X(VM_STATS, IOCNUM_VM_STATS, WR, struct vm_stats)                           \
	X(VM_STAT_DESC, IOCNUM_VM_STAT_DESC, WR, struct vm_stat_desc)               \
	X(VM_TRACE, IOCNUM_TRACE, WR, struct vm_trace)                              \
	X(VM_SET_TOPOLOGY, IOCNUM_SET_TOPOLOGY, W, struct vm_topology)              \
	X(VM_GET_TOPOLOGY, IOCNUM_GET_TOPOLOGY, R, struct vm_topology)              \
	X(VM_ASSERT_IRQ, IOCNUM_ASSERT_IRQ, W, struct vm_irq)                       \
	X(VM_DEASSERT_IRQ, IOCNUM_DEASSERT_IRQ, W, struct vm_irq)                   \
	X(VM_RAISE_MSI, IOCNUM_RAISE_MSI, W, struct vm_msi)                         \
	X(VM_PULSE_IRQ, IOCNUM_PULSE_IRQ, W, struct vm_irq)                         \
	X(VM_BIND_DOORBELL, IOCNUM_BIND_DOORBELL, W, struct vm_bind_doorbell)       \
	X(VM_BIND_IRQ, IOCNUM_BIND_IRQ, W, struct vm_bind_irq)                      \
	X(VM_ACTIVATE_CPU, IOCNUM_ACTIVATE_CPU, W, struct vm_activate_cpu)          \
	X(VM_GET_CPUSET, IOCNUM_GET_CPUSET, WR, struct vm_cpuset)                   \
	X(VM_SUSPEND_CPU, IOCNUM_SUSPEND_CPU, W, struct vm_activate_cpu)            \
	X(VM_RESUME_CPU, IOCNUM_RESUME_CPU, W, struct vm_activate_cpu)              \
	X(VM_ATTACH_VGIC, IOCNUM_ATTACH_VGIC, W, struct vm_attach_vgic)

#define VMMCTL_IOCTL_LIST(X)                                            \
	X(VMM_CREATE, IOCNUM_VMM_CREATE, W, struct vmmctl_vm_create)    \
	X(VMM_DESTROY, IOCNUM_VMM_DESTROY, W, struct vmmctl_vm_destroy) \
	X(VMM_NEXT, IOCNUM_VMM_NEXT, WR, struct vmmctl_vm_next)         \
	X(VMM_INFO, IOCNUM_VMM_INFO, R, struct vmmctl_info)

_Static_assert(sizeof(struct vmmctl_vm_create) == 56, "ABI");
_Static_assert(sizeof(struct vmmctl_vm_destroy) == 40, "ABI");
_Static_assert(sizeof(struct vmmctl_vm_next) == 64, "ABI");
_Static_assert(sizeof(struct vmmctl_info) == 96, "ABI");
_Static_assert(sizeof(struct vm_run) == 96, "ABI");
_Static_assert(sizeof(struct vm_suspend) == 8, "ABI");
_Static_assert(sizeof(struct vm_memseg) == 32, "ABI");
_Static_assert(sizeof(struct vm_memmap) == 40, "ABI");
_Static_assert(sizeof(struct vm_munmap) == 16, "ABI");
_Static_assert(sizeof(struct vm_discard) == 24, "ABI");
_Static_assert(sizeof(struct vm_sync_code) == 16, "ABI");
_Static_assert(sizeof(struct vm_register) == 16, "ABI");
_Static_assert(sizeof(struct vm_register_set) == 1352, "ABI");
_Static_assert(sizeof(struct vm_capability) == 16, "ABI");
_Static_assert(sizeof(struct vm_stats) == 784, "ABI");
_Static_assert(sizeof(struct vm_stat_desc) == 128, "ABI");
_Static_assert(sizeof(struct vm_topology) == 16, "ABI");
_Static_assert(sizeof(struct vm_activate_cpu) == 8, "ABI");
_Static_assert(sizeof(struct vm_cpuset) == 16, "ABI");
_Static_assert(sizeof(struct vm_attach_vgic) == 40, "ABI");
_Static_assert(sizeof(struct vm_irq) == 8, "ABI");
_Static_assert(sizeof(struct vm_msi) == 32, "ABI");
_Static_assert(sizeof(struct vm_bind_doorbell) == 24, "ABI");
_Static_assert(sizeof(struct vm_bind_irq) == 16, "ABI");
_Static_assert(sizeof(struct vm_trace) == 1560, "ABI");

#endif /* VMM_VMM_DEV_H */
