/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Between the files of the FreeBSD glue.  Kernel headers come before it, the core's after.
 */
#ifndef FREEBSD_VMM_FREEBSD_H
#define FREEBSD_VMM_FREEBSD_H

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/errno.h>
#include <sys/lock.h>
#include <sys/malloc.h>
#include <vm/vm.h>

/* The core has these as plain numbers, the same ones. */
_Static_assert(VM_PROT_READ == 1 && VM_PROT_WRITE == 2 && VM_PROT_EXECUTE == 4, "VM_PROT_*");
#undef VM_PROT_READ
#undef VM_PROT_WRITE

#include <os.h>

MALLOC_DECLARE(M_VMM);

/* "vmm: MESSAGE" in the console's log, a line. */
#define vmm_err(fmt, ...) printf("vmm: " fmt "\n", ##__VA_ARGS__)

/* The core's error numbers are Linux's where the two differ (core/errno.h). */
int vmm_errno(int core_error); /* 0 or negative, to FreeBSD's positive */

/* ---- hyp_stub_armv7.c: the only file that names ARM registers ---- */
enum hyp_stub_probe {
	HYP_STUB_OK,	   /* the kernel's stub answers */
	HYP_STUB_OURS,	   /* a microvisor is there already */
	HYP_STUB_SOMEBODY, /* another hypervisor's vectors are */
};
/* The page through which CPUs go; false: no memory. */
bool hyp_stub_init(void);
void hyp_stub_fini(void);
/* The processor of this CPU has the virtualization extensions. */
bool hyp_stub_cpu_capable(void);
/* All CPUs were started in HYP mode, and the kernel left its stub there. */
bool hyp_stub_kernel_in_hyp(void);
/* Who answers an HVC.  Undefined unless the kernel was started in HYP mode.  Interrupts off. */
enum hyp_stub_probe hyp_stub_who(void);
/* Clean and invalidate to the point of coherency, all levels; complete when it returns. */
void hyp_stub_flush_poc(void *va, hpa_t pa, size_t bytes);

/* ---- irq.c: GIC and timer as the device tree has them, and our two PPIs ---- */
/* Find and map what os_machine describes.  One line in the log says what is missing. */
int vmm_irq_probe(struct os_machine *m);
/* Claim the PPIs; they stay disabled until each CPU's vmm_irq_cpu_up. */
int vmm_irq_init(void);
void vmm_irq_fini(void);   /* every CPU's are disabled */
void vmm_irq_unmap(void);  /* undo vmm_irq_probe */
void vmm_irq_cpu_up(void); /* on the CPU, interrupts off */
void vmm_irq_cpu_down(void);
u_long vmm_irq_spurious(void);

/* ---- cpu.c: HYP mode on every CPU, until unload or reboot ---- */
int vmm_cpu_init(void);
void vmm_cpu_fini(void);

/*
 * The host reboots: HYP mode has been left, no vCPU enters it again.  Read on the way into the
 * guest, with interrupts off.
 */
extern bool vmm_rebooting;

/* ---- memory.c ---- */
int vmm_memory_init(void);
void vmm_memory_fini(void);
u_long vmm_memory_guest_pages(void);

/* ---- pager.c: the object of a VM's memory that processes map ---- */
struct vm;
struct vmm_mapped; /* one for each VM; lives as long as a process maps it */
/* Holds a reference on vm until it dies itself. */
int vmm_pager_create(struct vm *vm, struct vmm_mapped **out);
/* vm->dying is set: nothing is put there any more, and what is there is taken out. */
void vmm_pager_destroy(struct vmm_mapped *m);
/* A reference to the object, for a map of [offset, offset + size); NULL when out of range. */
struct vm_object *vmm_pager_map(struct vmm_mapped *m, uint64_t offset, uint64_t size);
/* Take the pages of a range out of the object and of every process.  vm->mem_lock held. */
void vmm_pager_unmap(struct vmm_mapped *m, uint64_t gpa, uint64_t len);

/* ---- event.c ---- */
int vmm_event_init(void);
void vmm_event_fini(void); /* no job is queued or runs any more */

/* ---- cdev.c ---- */
int vmm_cdev_init(void);
void vmm_cdev_fini(void);
u_int vmm_cdev_nodes(void); /* VMs; whenever, as vmm_memory_guest_pages and vmm_irq_spurious */

/* ---- module.c ---- */
/* What must be gone before the module may go counts itself; false: it goes already. */
bool vmm_hold(void);
void vmm_drop(void);

#endif /* FREEBSD_VMM_FREEBSD_H */
