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

/* Shared half: one a VM, hyp_vm.lock. Bitmaps are indexed by INTID, words 1.. (word 0 is private). */
struct vgic {
	uint32_t ctlr;	   /* GICD_CTLR */
	uint32_t nirqs;	   /* [I] 0: no vGIC attached */
	uint32_t nwords;   /* [I] nirqs / 32 rounded up */
	uint64_t dist_gpa; /* [I] */
	uint64_t cpu_gpa;  /* [I] */
	uint32_t enabled[VGIC_MAX_IRQS / 32];
	uint32_t pending[VGIC_MAX_IRQS / 32]; /* latch: edges, and writes to ISPENDR */
	uint32_t level[VGIC_MAX_IRQS / 32];   /* the input line, as asserted by devices */
	uint32_t active[VGIC_MAX_IRQS / 32];
	uint32_t edge[VGIC_MAX_IRQS / 32];    /* GICD_ICFGR: 1 edge */
	uint32_t group[VGIC_MAX_IRQS / 32];
	uint32_t in_lr[VGIC_MAX_IRQS / 32];   /* a list register of owner[] holds it */
	uint8_t prio[VGIC_MAX_IRQS];
	uint8_t target[VGIC_MAX_IRQS]; /* ITARGETSR: bit n is CPU interface n */
	uint8_t owner[VGIC_MAX_IRQS];
};

/* One a vCPU; belongs to its owner. */
struct vgic_cpu {
	uint32_t enabled, pending, level, active, edge, group; /* INTID 0..31 */
	uint32_t in_lr;
	uint8_t prio[32];
	uint8_t sgi_src[16];   /* per SGI: pending source CPUs */
	uint32_t sgi_inbox[4]; /* [a] SGI n: byte n & 3 of word n >> 2, bit = source */
	uint32_t nlrs;	       /* [I] list registers to use */
	uint32_t used;	       /* bit n: lr[n] is in use */
	uint32_t lr[VGIC_MAX_LRS];
	uint32_t vmcr, apr, hcr; /* GICH_VMCR, GICH_APR, GICH_HCR as to be loaded */
	uint32_t misr;	       /* GICH_MISR at the last exit */
};

/* One access to the distributor. */
struct vgic_access {
	uint32_t offset; /* from GICD's base */
	uint8_t size;	 /* 1, 2, 4 */
	bool write;
	uint32_t data;	 /* in for a write, out for a read */
};

/* What a change makes necessary, besides the caller's own flush: vCPUs to notify. */
struct vgic_notify {
	uint32_t vcpus; /* bit n */
};

/* ---- memory half: vgic.c, vgic_mmio.c; host and HYP; hyp_vm.lock held where it says [L] ---- */
void vgic_vcpu_reset(struct hyp_vcpu *v);
void vgic_vm_reset(struct hyp_vm *vm); /* [L] */
/* Fold what the list registers say back into the model.  [L] when vgic_sync_needs_lock(). */
bool vgic_sync_needs_lock(const struct hyp_vcpu *v);
void vgic_sync(struct hyp_vm *vm, struct hyp_vcpu *v);
/* Choose what goes into the list registers, by priority; sets GICH_HCR's maintenance bits. [L] */
void vgic_flush(struct hyp_vm *vm, struct hyp_vcpu *v);
/* Is there an interrupt this vCPU would take (its CPU interface enabled, priority above PMR)? */
bool vgic_has_pending(struct hyp_vm *vm, struct hyp_vcpu *v);
/* Distributor registers; RAZ/WI where IHI 0048B 4.3 has nothing; never fails. [L] */
void vgic_mmio(struct hyp_vm *vm, struct hyp_vcpu *v, struct vgic_access *a, struct vgic_notify *n);
/* The input line of an SPI, or an edge of it. [L] -EINVAL */
int vgic_set_level(struct hyp_vm *vm, uint32_t intid, bool level, struct vgic_notify *n);
int vgic_pulse(struct hyp_vm *vm, uint32_t intid, struct vgic_notify *n);
/* The input line of a PPI of v, by its owner. hw: list register links to the physical PPI phys. */
void vgic_set_ppi(struct hyp_vcpu *v, uint32_t intid, bool level);

/* ---- GICH half: vgic_hw_hyp.c, HYP only ---- */
void vgic_hw_save(struct hyp_vcpu *v);	  /* and turns the interface off */
void vgic_hw_restore(struct hyp_vcpu *v);

/* ---- host half: vgic_host.c ---- */
int vgic_attach(struct vm *vm, uint64_t dist_gpa, uint64_t cpu_gpa, uint32_t nirqs);
void vgic_host_sync(struct vcpu *vcpu);	 /* after the guest left; interrupts off */
void vgic_host_flush(struct vcpu *vcpu); /* before it enters; interrupts off */
void vgic_host_mmio(struct vcpu *vcpu, struct vgic_access *a);
int vgic_host_set_level(struct vm *vm, uint32_t intid, bool level);
int vgic_host_pulse(struct vm *vm, uint32_t intid);

#endif /* ARM_VGIC_H */
