/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Between the files of the Linux glue.  Kernel headers come before the core's.
 */
#ifndef LINUX_VMM_LINUX_H
#define LINUX_VMM_LINUX_H

#include <linux/kernel.h>
#include <linux/types.h>
#include <linux/errno.h>
#include <linux/cpumask.h>

#include <os.h>

struct page;

#undef pr_fmt
#define pr_fmt(fmt) "vmm: " fmt

/* ---- hyp_stub_armv7.c, hyp_stub_aarch64.c: the only files that name ARM registers ---- */
enum hyp_stub_probe {
	HYP_STUB_OK,	   /* the kernel's stub answers */
	HYP_STUB_OURS,	   /* a microvisor is there already */
	HYP_STUB_SOMEBODY, /* another hypervisor's vectors are */
};
/* The processor of this CPU has the virtualization extensions. */
bool hyp_stub_cpu_capable(void);
/* Why vmm cannot run under this kernel, in words; NULL: nothing is known. */
const char *hyp_stub_objection(void);
/* What GICC_CTLR says: the kernel runs the GIC as it does only when started in HYP mode. */
bool hyp_stub_kernel_in_hyp(const void __iomem *gicc);
/* Who answers an HVC.  Undefined unless the kernel was started in HYP mode.  Interrupts off. */
enum hyp_stub_probe hyp_stub_who(void);
/* Clean and invalidate a page to the point of coherency; va: where it is mapped just now. */
void hyp_stub_flush_page(struct page *page, void *va);

/* ---- irq.c: GIC and timer in the device tree, and our two PPIs ---- */
/* Find and map what os_machine describes.  One line in the log says what is missing. */
int vmm_irq_probe(struct os_machine *m, bool force_hyp);
/* Claim the PPIs; they stay disabled until each CPU's vmm_irq_cpu_up. */
int vmm_irq_init(void);
void vmm_irq_fini(void);   /* every CPU's are disabled */
void vmm_irq_unmap(void);  /* undo vmm_irq_probe */
void vmm_irq_cpu_up(void); /* on the CPU, interrupts off */
void vmm_irq_cpu_down(void);
unsigned long vmm_irq_spurious(void);

/* ---- cpu.c: HYP mode on every CPU, through hotplug, power management and reboot ---- */
int vmm_cpu_init(void);
void vmm_cpu_fini(void);

/*
 * The host reboots or starts another kernel: HYP mode has been left, no vCPU enters it again.
 * Read on the way into the guest, with interrupts off.
 */
extern bool vmm_rebooting;

/* ---- sched.c ---- */
void vmm_sched_init(void);
void vmm_sched_fini(void); /* no kick is on its way any more */

/* ---- event.c ---- */
int vmm_event_init(void);
void vmm_event_fini(void); /* no job is queued or runs any more */

/* ---- cdev.c ---- */
int vmm_cdev_init(void);
void vmm_cdev_fini(void);

#endif /* LINUX_VMM_LINUX_H */
