/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * VMs and vCPUs as the core knows them.  Tags: [I] immutable after creation, [a]
 * atomic, [v] the vCPU's mutex, [V] vm->lock, [m] vm->mem_lock, [s] the spin lock named,
 * [r] only the thread that holds run_busy.
 *
 * Lock order: vmm_lock (the list) -> vm->lock -> vcpu->run_busy -> vm->mem_lock -> hyp locks.
 * A thread in VM_RUN takes no lock before mem_lock: whoever holds vm->lock may wait for it.
 * docs/locking.md has the whole story.
 */
#ifndef CORE_VMM_H
#define CORE_VMM_H

#include <vmm/vmm_dev.h>
#include <vmm/vmm_stat.h>

#include "arch.h"
#include "os.h"

enum vcpu_state {      /* bhyve's */
	VCPU_IDLE,     /* no thread is in VM_RUN for it */
	VCPU_FROZEN,   /* a thread is, but not in the guest */
	VCPU_RUNNING,  /* in the guest */
	VCPU_SLEEPING, /* asleep: WFI, powered off, or suspended */
};

/* Who has the vCPU: a lock with a waiting line (vcpu->wq), see docs/locking.md. */
enum vcpu_run_busy {
	VCPU_FREE = 0,	 /* nobody */
	VCPU_BUSY = 1,	 /* a thread is in VM_RUN */
	VCPU_HELD = 2,	 /* an ioctl is at it; no thread is in VM_RUN */
	VCPU_PARKED = 3, /* an ioctl is at it; the thread in VM_RUN waits */
};

/* What others ask of a vCPU.  They set bits in *vcpu->requests, then vcpu_notify(). */
#define VCPU_REQ_IRQ	 BIT(0) /* the vGIC has news */
#define VCPU_REQ_SUSPEND BIT(1) /* vm->suspend is set */
#define VCPU_REQ_DEBUG	 BIT(2) /* VM_SUSPEND_CPU, or a kick to user space */
#define VCPU_REQ_POWER	 BIT(3) /* PSCI CPU_ON for it, or CPU_OFF */
#define VCPU_REQ_STOP	 BIT(4) /* leave the guest and wait for the stopper (vm_quiesce) */

struct vcpu {
	struct vm *vm;	    /* [I] */
	uint32_t id;	    /* [I] */
	uint32_t state;	    /* [a] enum vcpu_state */
	uint32_t *requests; /* [I] points into the page HYP maps; [a] the word itself */
	uint32_t run_busy;  /* [a] enum vcpu_run_busy */
	int cpu;	    /* [a] CPU it is loaded on, -1 if none */
	uint32_t caps;	    /* [a] bit n: enum vm_cap_type n */
	uint32_t suspends;  /* [vm lock, a] how often VM_SUSPEND_CPU took it out of running */
	uint32_t told;	    /* [r] the one of them that user space knows of */
	uint32_t suspended; /* [a] left with VM_EXITCODE_SUSPENDED */
	struct os_waitq wq; /* sleepers in WFI etc., and who waits for run_busy */
	uint64_t *stats;    /* [I] VMM_STAT_COUNT counters, in the page HYP maps; owner writes */
	struct vm_trace_rec
	    *trace;	     /* [I] ring of VMM_TRACE_RECS; the host's alone, made by the core */
	uint64_t trace_head; /* [a] next sequence number */
	void *arch;	     /* [I] struct arch_vcpu */
	struct vm_exit exit; /* [r] */
	uint32_t bind_seq;   /* [a] odd: its thread reads a table of bindings (bind.c) */
};

struct memchunk; /* 2 MiB of a segment: vm_mem.c */
struct memseg {
	uint64_t len; /* bytes; 0: free slot */
	char name[VM_MAX_SUFFIXLEN + 1];
	struct memchunk **chunks; /* [m] one for each 2 MiB, NULL until first touched */
};

struct memmap {
	uint64_t gpa, len, segoff; /* len 0: free slot */
	uint32_t segid, prot;
};

struct bind_set; /* doorbells, or interrupts: bind.c */

struct vm {
	char name[VM_MAX_NAMELEN + 1]; /* [I] */
	uint32_t uid, gid;	       /* [I] owner */
	uint32_t refs;		       /* [a] open files, mappings, and the list's own */
	uint32_t dying;		       /* [a] 1: destroy has begun; every call gives ENXIO */
	uint32_t suspend;	       /* [a] vm_suspend_how() | who << 8; set once until REINIT */
	struct os_mutex lock;	       /* life, topology, activation, segments and maps */
	struct os_mutex mem_lock;      /* pages and stage 2 */
	struct vcpu *vcpu[VM_MAXCPU];  /* [V] set once; read with acquire */
	uint64_t active, debug;	       /* [a] cpusets */
	struct vm_topology topo;       /* [V] */
	struct memseg seg[VM_MAX_MEMSEGS]; /* [V]+[m] */
	struct memmap map[VM_MAX_MEMMAPS]; /* [V]+[m] */
	uint32_t nmaps;			   /* [V]+[m] slots from here on were never used */
	uint64_t mem_pages;		   /* [m] guest pages allocated */
	void *arch;			   /* [I] struct arch_vm */
	void *os;			   /* [I] the glue's: device node and the like */
	struct vm_attach_vgic vgic;	   /* [V] as attached; nirqs 0: none */
	struct bind_set *doorbells, *irqs; /* [V] made once; read with acquire */
	struct os_work sweep;		   /* unbinds what nobody can signal any more */
	uint64_t serial;		   /* [I] place in the list */
	bool ready;			   /* [vmm_lock] its node is made: it can be found */
	struct vm *next;		   /* [vmm_lock] */
};

static inline uint32_t
vm_suspend_how(const struct vm *vm)
{
	return __atomic_load_n(&vm->suspend, __ATOMIC_ACQUIRE) & 0xff;
}

/* ---- module (core/vm.c) ---- */
int vmm_init(void);
int vmm_fini(void); /* -EBUSY while VMs exist */
uint32_t vmm_vm_count(void);

/* ---- VM life; the glue owns device nodes and calls these from its cdev ---- */
int vm_create(const struct vmmctl_vm_create *req, struct vm **out); /* referenced for the caller */
int vm_destroy(
    const char *name); /* waits until no thread is in VM_RUN; guest memory is free then */
int vm_open(const char *name, struct vm **out); /* checks ownership; takes a reference */
struct vm *vm_get(struct vm *vm);
void vm_put(struct vm *vm); /* the last one frees everything, HYP pages included */
/* Glue: make and remove /dev/vmm/NAME.  Called without vmm_lock held. */
int os_vm_node_create(struct vm *vm);
void os_vm_node_destroy(struct vm *vm);

/* ---- ioctl (core/vmm_ioctl.c): arg is the kernel's copy, sized as VMM_IOCTL_LIST says ---- */
int vmmctl_ioctl(uint32_t ordinal, void *arg, size_t size);
int vm_ioctl(struct vm *vm, uint32_t ordinal, void *arg, size_t size);
/* The same through an open file, which owns what the call binds, until vm_file_closed. */
int vm_file_ioctl(struct vm *vm, const void *file, uint32_t ordinal, void *arg, size_t size);
void vm_file_closed(struct vm *vm, const void *file); /* by the last close; may sleep */
#define VMM_IOCTL_MAX_SIZE 2048u

/* ---- run loop (core/vcpu_run.c) ---- */
int vm_run(struct vcpu *vcpu, struct vm_run *run);
void vcpu_request(struct vcpu *vcpu, uint32_t req); /* set bits and notify; any context */
void vcpu_notify(struct vcpu *vcpu);		    /* wake it, or make it leave the guest */
int vm_suspend(struct vm *vm, uint32_t how, uint32_t vcpuid);
/*
 * Stop every vCPU outside the guest and hold them there; the same for one.  vm->lock held,
 * mem_lock not; may sleep.  Not for a thread that is in VM_RUN itself.
 */
void vm_quiesce(struct vm *vm);
void vm_unquiesce(struct vm *vm);
void vcpu_hold(struct vcpu *vcpu);
bool vcpu_try_hold(struct vcpu *vcpu); /* false: a thread is in VM_RUN */
void vcpu_unhold(struct vcpu *vcpu);
struct vcpu *vm_vcpu(struct vm *vm, uint32_t id);      /* any context; NULL: not active */
struct vcpu *vm_made_vcpu(struct vm *vm, uint32_t id); /* likewise, active or not; NULL: none */
/* The vCPU, active or not, made at first use.  vm->lock held; may sleep. */
int vcpu_get(struct vm *vm, uint32_t id, struct vcpu **out);
void vcpu_free(struct vcpu *vcpu); /* with the VM's last reference */
static inline void
vcpu_stat_inc(struct vcpu *vcpu, enum vmm_stat s)
{
	STORE_ONCE(vcpu->stats[s], vcpu->stats[s] + 1);
}

/* ---- memory (core/vm_mem.c) ---- */
int vm_mem_alloc_seg(struct vm *vm, const struct vm_memseg *a);
int vm_mem_get_seg(struct vm *vm, struct vm_memseg *a);
int vm_mem_map_seg(struct vm *vm, const struct vm_memmap *a);
int vm_mem_next_map(struct vm *vm, struct vm_memmap *a);
int vm_mem_unmap(struct vm *vm, uint64_t gpa, uint64_t len);
int vm_mem_discard(struct vm *vm, struct vm_discard *a);
void vm_mem_free(struct vm *vm);		  /* destroy.  vm->lock held, no vCPU runs */
bool vm_mem_range_ok(uint64_t gpa, uint64_t len); /* whole pages, not empty, below VM_MAX_GPA */
bool vm_mem_is_mapped(const struct vm *vm, uint64_t gpa, uint64_t len); /* any of it.  vm->lock */
enum vm_mem_fault {
	VM_MEM_MAPPED,	  /* retry the instruction */
	VM_MEM_NOT_RAM,	  /* nothing is mapped there: a device's, or nobody's */
	VM_MEM_READ_ONLY, /* a store to a segment mapped without VM_PROT_WRITE */
	VM_MEM_ERROR,	  /* *error is -ENOMEM or the like */
};
/* Make the page at gpa present in stage 2, a 2 MiB block where it can be.  May sleep. */
enum vm_mem_fault vm_mem_fault(struct vm *vm, gpa_t gpa, bool write, bool *block, int *error);
/*
 * The page behind gpa, allocated if need be; referenced by the VM only.  mem_lock held.  NULL with
 * *error: -EFAULT not RAM, -EACCES need_prot is more than the mapping has, -ENOMEM.
 */
struct os_gpage *vm_mem_page(struct vm *vm, gpa_t gpa, uint32_t need_prot, int *error);
/*
 * Read guest memory into a local, once: -EFAULT where it is not RAM; what nobody touched yet
 * reads as zeros.  Sees what a guest with its caches off wrote.  May sleep.
 */
int vm_mem_read(struct vm *vm, gpa_t gpa, void *dst, size_t len);
/* Clean and invalidate all of the VM's pages that stage 2 maps (set/way, caches switched). */
void vm_mem_flush_all(struct vm *vm);
int vm_mem_sync_code(struct vm *vm, const struct vm_sync_code *a); /* -EINVAL */

/* ---- bindings (core/doorbell.c, core/irq_bind.c) ---- */
/*
 * By a vCPU's thread, outside the guest and with no lock; they do not sleep.  Is there a doorbell
 * at gpa, where then no memory is?  Did a store of size bytes ring one?
 */
bool vm_doorbell_at(struct vcpu *vcpu, gpa_t gpa);
bool vm_doorbell_ring(struct vcpu *vcpu, gpa_t gpa, uint32_t size, uint64_t data);
bool vm_doorbell_within(const struct vm *vm, uint64_t gpa, uint64_t len); /* any.  vm->lock */
/* Likewise: the guest has ended an interrupt that arch_resample_irq was told of. */
void vm_irq_ended(struct vcpu *vcpu, uint32_t intid);

/* ---- statistics and trace (core/vmm_stat.c, core/vmm_trace.c) ---- */
int vmm_stat_desc(struct vm_stat_desc *d);
int vmm_stats_get(struct vm *vm, struct vm_stats *s);
#define VMM_TRACE_RECS 256u /* a power of two; 24 bytes each fit in two pages */
void vmm_trace(struct vcpu *vcpu, enum vmm_trace_event ev, uint32_t a, uint64_t b);
int vmm_trace_read(struct vm *vm, struct vm_trace *t);
uint64_t arch_cntpct(void); /* time stamps of the trace */

#endif /* CORE_VMM_H */
