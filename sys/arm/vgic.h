/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The virtual GICv2: distributor state, list registers, and what moves between
 * them (IHI 0048B).  vgic.c and vgic_mmio.c work on memory only and are built for
 * the host, for HYP and for the unit tests; vgic_hw_hyp.c moves GICH registers.
 *
 * Private interrupts (SGI, PPI) belong to the vCPU's owner: no lock.  Others who
 * send it an SGI OR the source into its inbox (atomic) and set VCPU_REQ_IRQ.  SPIs
 * belong to hyp_vm.lock: the host takes it, HYP tries.
 */
#ifndef ARM_VGIC_H
#define ARM_VGIC_H

#include "hyp_verdict.h"
#include "types.h"

struct hyp_vm;
struct hyp_vcpu;
struct vcpu;
struct vm;

#define VGIC_MAX_IRQS 1024u /* INTIDs 1020..1023 never exist */
#define VGIC_PRIVATE  32u
#define VGIC_MAX_SPIS (VGIC_MAX_IRQS - VGIC_PRIVATE)
#define VGIC_MAX_LRS  16u /* we use no more, whatever GICH_VTR offers */
#define VGIC_NO_VCPU  0xffu

/* Shared half: one a VM, hyp_vm.lock. Bitmaps by INTID: word 0, the private ones', is not used. */
struct vgic {
	uint32_t ctlr;	   /* GICD_CTLR */
	uint32_t nirqs;	   /* [I] 0: no vGIC attached */
	uint32_t nwords;   /* [I] nirqs / 32 rounded up */
	uint64_t dist_gpa; /* [I] */
	uint64_t cpu_gpa;  /* [I] */
	uint32_t enabled[VGIC_MAX_IRQS / 32];
	uint32_t pending[VGIC_MAX_IRQS / 32];  /* latch: edges, and writes to ISPENDR */
	uint32_t level[VGIC_MAX_IRQS / 32];    /* the input line: asserted or held */
	uint32_t asserted[VGIC_MAX_IRQS / 32]; /* .. by devices of user space */
	uint32_t held[VGIC_MAX_IRQS / 32];     /* .. by bound descriptors, until its end */
	uint32_t resample[VGIC_MAX_IRQS / 32]; /* such descriptors are bound: its end is news */
	uint32_t ended[VGIC_MAX_IRQS / 32];    /* .. and it has ended: vgic_host_tell_ended */
	uint32_t active[VGIC_MAX_IRQS / 32];
	uint32_t edge[VGIC_MAX_IRQS / 32]; /* GICD_ICFGR: 1 edge */
	uint32_t group[VGIC_MAX_IRQS / 32];
	uint32_t in_lr[VGIC_MAX_IRQS / 32]; /* a list register of owner[] holds it */
	uint32_t
	    lr_pend[VGIC_MAX_IRQS / 32]; /* .. and with it the latch, which comes back at sync */
	uint32_t
	    act_mod[VGIC_MAX_IRQS / 32]; /* .. and active[] was written since: keep that at sync */
	uint32_t hint[8]; /* by vCPU: bit w is set if word w may hold an SPI to put in its LRs */
	uint32_t cpus;	  /* [a] bit n: vCPU n exists, as the guest sees it */
	uint32_t news;	  /* [a] ended[] is not all zero */
	uint32_t kick;	  /* a sync in HYP left work for these vCPUs: the host notifies them */
	uint8_t prio[VGIC_MAX_IRQS];
	uint8_t target[VGIC_MAX_IRQS]; /* ITARGETSR: bit n is CPU interface n */
	uint8_t owner[VGIC_MAX_IRQS];  /* while active or in a list register: whose */
};

/* One a vCPU; belongs to its owner. */
struct vgic_cpu {
	uint32_t enabled, pending, level, active, edge, group; /* INTID 0..31 */
	uint32_t in_lr, lr_pend;
	uint8_t prio[32];
	uint8_t sgi_src[16];	/* per SGI: pending source CPUs; pending has a bit where not 0 */
	uint8_t sgi_active[16]; /* per SGI: the source of the active one */
	uint32_t sgi_inbox[4];	/* [a] SGI n: byte n & 3 of word n >> 2, bit = source */
	uint32_t nlrs;		/* [I] list registers to use */
	uint32_t used;		/* bit n: lr[n] is in use */
	uint32_t lr_spi;	/* .. by an SPI */
	uint32_t lr_was_pend;	/* .. and was pending when it was filled */
	uint32_t hw_lrs;	/* GICH_LRn that are not zero */
	uint32_t lr[VGIC_MAX_LRS];
	uint32_t vmcr, apr, hcr; /* GICH_VMCR, GICH_APR, GICH_HCR as to be loaded */
	uint32_t misr;		 /* GICH_MISR at the last maintenance interrupt */
	uint32_t sync_seq;	 /* [a] counts vgic_sync */
};

/* One access to the distributor. */
struct vgic_access {
	uint32_t offset; /* from GICD's base */
	uint8_t size;	 /* 1, 2, 4 */
	bool write;
	uint32_t data; /* in for a write, out for a read */
};

/* What a change makes necessary, besides the caller's own flush: vCPUs to notify. */
struct vgic_notify {
	uint32_t vcpus; /* bit n */
	uint32_t sync;	/* those of them whose list registers hold what the access was about */
};

/* ---- memory half: vgic.c, vgic_mmio.c; host and HYP; hyp_vm.lock held where it says [L] ---- */
void vgic_vcpu_reset(struct hyp_vcpu *v);
void vgic_vm_reset(struct hyp_vm *vm); /* [L] */
/* Fold what the list registers say back into the model.  [L] when vgic_sync_needs_lock(). */
bool vgic_sync_needs_lock(const struct hyp_vcpu *v);
void vgic_sync(struct hyp_vm *vm, struct hyp_vcpu *v);
/*
 * Choose what goes into the list registers, by priority; sets GICH_HCR's maintenance bits.  After
 * vgic_sync.  [L]; without the lock, with spis false, if vgic_flush_needs_lock() said no.
 */
bool vgic_flush_needs_lock(const struct hyp_vm *vm, const struct hyp_vcpu *v);
void vgic_flush(struct hyp_vm *vm, struct hyp_vcpu *v, bool spis);
/* Which vCPUs there are. [L] */
void vgic_set_cpus(struct hyp_vm *vm, uint32_t cpus);
/* Is there an interrupt this vCPU would take (its CPU interface enabled, priority above PMR)? */
bool vgic_has_pending(struct hyp_vm *vm, struct hyp_vcpu *v);
/* Would this PPI be taken if its line were high? */
bool vgic_ppi_would_interrupt(const struct hyp_vm *vm, const struct hyp_vcpu *v, uint32_t intid);
/* Distributor registers; RAZ/WI where IHI 0048B 4.3 has nothing; never fails. [L] */
void vgic_mmio(struct hyp_vm *vm, struct hyp_vcpu *v, struct vgic_access *a, struct vgic_notify *n);
/* What an access takes: for who cannot wait (HYP). */
#define VGIC_NEED_SYNC BIT(0) /* vgic_sync before, vgic_flush after it */
#define VGIC_NEED_LOCK BIT(1)
#define VGIC_NEED_HOST BIT(2) /* it would notify another vCPU, or wait for one */
bool vgic_mmio_plain(struct hyp_vm *vm, struct hyp_vcpu *v, struct vgic_access *a); /* none: done */
uint32_t vgic_mmio_needs(
    const struct hyp_vm *vm, const struct hyp_vcpu *v, const struct vgic_access *a);
/* Would it?  What vgic_mmio_needs could not see without the lock. [L], after vgic_sync */
bool vgic_mmio_is_foreign(
    const struct hyp_vm *vm, const struct hyp_vcpu *v, const struct vgic_access *a);
/* The input line of an SPI, or an edge of it. [L] -EINVAL */
int vgic_set_level(struct hyp_vm *vm, uint32_t intid, bool level, struct vgic_notify *n);
int vgic_pulse(struct hyp_vm *vm, uint32_t intid, struct vgic_notify *n);
/* The line as bound descriptors hold it; whether there are such: core/arch.h. [L] -EINVAL */
int vgic_hold(struct hyp_vm *vm, uint32_t intid, struct vgic_notify *n);
int vgic_set_resample(struct hyp_vm *vm, uint32_t intid, bool on, struct vgic_notify *n);
bool vgic_is_spi(const struct hyp_vm *vm, uint32_t intid);
/* The input line of a PPI of v, by its owner. */
void vgic_set_ppi(struct hyp_vcpu *v, uint32_t intid, bool level);

/* ---- GICH half: vgic_hw_hyp.c, HYP only ---- */
void vgic_hw_init(void);	       /* a CPU that comes up: interface off, LRs empty */
void vgic_hw_save(struct hyp_vcpu *v); /* and turns the interface off */
void vgic_hw_restore(struct hyp_vcpu *v);
/*
 * HYP's complete answers, for hyp_fast.c: the guest's list registers are live in GICH.  With
 * HYP_TO_HOST nothing of what was asked was done, and vgic_hw_save can follow.
 */
enum hyp_verdict vgic_hyp_mmio(struct hyp_vcpu *v, struct vgic_access *a);
enum hyp_verdict vgic_hyp_maintenance(struct hyp_vcpu *v); /* HYP_TO_HOST: GICH_MISR was 0 */
enum hyp_verdict vgic_hyp_vtimer(struct hyp_vcpu *v); /* HYP_TO_HOST: CNTV does not interrupt */

/* ---- host half: vgic_host.c ---- */
/* vm->lock.  -EEXIST there is one, -EINVAL, -ENOMEM */
int vgic_attach(struct vm *vm, uint64_t dist_gpa, uint64_t cpu_gpa, uint32_t nirqs);
void vgic_detach(struct vm *vm); /* VM_REINIT: stage 2 is emptied by the caller */
/* Is gpa in the distributor's page? */
bool vgic_host_is_dist(const struct vm *vm, uint64_t gpa);
/* The vCPU is made: how many list registers it has.  vgic_vcpu_reset keeps it. */
void vgic_host_vcpu_init(struct vcpu *vcpu);
/* Registers of the reset state, under the lock where it is needed; no vCPU runs. */
void vgic_host_vcpu_reset(struct vcpu *vcpu);
bool vgic_host_has_pending(struct vcpu *vcpu); /* any context */
void vgic_host_sync(struct vcpu *vcpu);	       /* after the guest left; interrupts off */
void vgic_host_flush(struct vcpu *vcpu);       /* before it enters; interrupts off */
void vgic_host_mmio(struct vcpu *vcpu, struct vgic_access *a);
int vgic_host_set_level(struct vm *vm, uint32_t intid, bool level);
int vgic_host_pulse(struct vm *vm, uint32_t intid);
void vgic_host_hold(struct vm *vm, uint32_t intid);
void vgic_host_set_resample(struct vm *vm, uint32_t intid, bool on);
/* Ends that a sync saw, here or in HYP: to the core.  By a vCPU's thread, outside the guest. */
void vgic_host_tell_ended(struct vcpu *vcpu);

#endif /* ARM_VGIC_H */
