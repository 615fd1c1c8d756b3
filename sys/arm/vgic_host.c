/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The host's half of the virtual GIC: around a world switch, from device models, and when
 * the guest's access to its distributor came all the way here.  hyp_vm.lock is taken with
 * interrupts off for bounded work; vCPUs are notified after it is released.
 */
#include <vmm.h>

#include "arm.h"
#include "errno.h"
#include "host_lock.h"
#include "vgic_impl.h"

static void
notify_vcpus(struct vm *vm, uint32_t vcpus)
{
	for (; vcpus != 0; vcpus &= vcpus - 1) {
		struct vcpu *vcpu = vm_vcpu(vm, vgic_ctz(vcpus));

		if (vcpu != NULL)
			vcpu_request(vcpu, VCPU_REQ_IRQ);
	}
}

/* ---- life ---- */

/* GICD_TYPER counts lines by 32 up to 32 of them; the last four INTIDs do not exist. */
static bool
nirqs_ok(uint32_t nirqs)
{
	return nirqs >= 2 * VGIC_PRIVATE && (nirqs == 1020 || (nirqs < 1020 && nirqs % 32 == 0));
}

static bool
page_ok(uint64_t gpa, uint64_t bytes)
{
	return gpa % PAGE_BYTES == 0 && gpa < VM_MAX_GPA && bytes <= VM_MAX_GPA - gpa;
}

int
vgic_attach(struct vm *vm, uint64_t dist_gpa, uint64_t cpu_gpa, uint32_t nirqs)
{
	struct vgic *g = &hyp_vm(vm)->vgic;
	uint64_t cpu_bytes = 2 * PAGE_BYTES;
	unsigned long flags;

	if (g->nirqs != 0)
		return -EEXIST;
	if (!nirqs_ok(nirqs) || !page_ok(dist_gpa, GICD_SIZE) || !page_ok(cpu_gpa, cpu_bytes))
		return -EINVAL;
	if (dist_gpa < cpu_gpa + cpu_bytes && cpu_gpa < dist_gpa + GICD_SIZE)
		return -EINVAL;
	if (vm_mem_is_mapped(vm, dist_gpa, GICD_SIZE) || vm_mem_is_mapped(vm, cpu_gpa, cpu_bytes))
		return -EINVAL;
	flags = hyp_lock_irqsave(&hyp_vm(vm)->lock);
	g->dist_gpa = dist_gpa;
	g->cpu_gpa = cpu_gpa;
	g->nwords = (nirqs + 31) / 32;
	vgic_vm_reset(hyp_vm(vm));
	STORE_ONCE(g->nirqs, nirqs);
	hyp_unlock_irqrestore(&hyp_vm(vm)->lock, flags);
	return 0;
}

void
vgic_detach(struct vm *vm)
{
	struct vgic *g = &hyp_vm(vm)->vgic;
	unsigned long flags = hyp_lock_irqsave(&hyp_vm(vm)->lock);

	STORE_ONCE(g->nirqs, 0);
	g->nwords = 0;
	g->dist_gpa = g->cpu_gpa = 0;
	g->cpus = 0;
	vgic_vm_reset(hyp_vm(vm));
	hyp_unlock_irqrestore(&hyp_vm(vm)->lock, flags);
}

bool
vgic_host_is_dist(const struct vm *vm, uint64_t gpa)
{
	const struct vgic *g = &hyp_vm(vm)->vgic;

	return LOAD_ONCE(g->nirqs) != 0 && gpa - g->dist_gpa < GICD_SIZE;
}

void
vgic_host_vcpu_init(struct vcpu *vcpu)
{
	hyp_vcpu(vcpu)->vgic.nlrs = arm_nlrs < VGIC_MAX_LRS ? arm_nlrs : VGIC_MAX_LRS;
}

void
vgic_host_vcpu_reset(struct vcpu *vcpu)
{
	vgic_vcpu_reset(hyp_vcpu(vcpu));
}

/* ---- around a world switch: interrupts off ---- */

void
vgic_host_sync(struct vcpu *vcpu)
{
	struct hyp_vm *vm = hyp_vm(vcpu->vm);
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	bool lock = vgic_sync_needs_lock(v) || LOAD_ONCE(vm->vgic.kick) != 0;
	uint32_t kick = 0;

	if (lock)
		hyp_lock_spin(&vm->lock);
	vgic_sync(vm, v);
	if (lock) {
		kick = vm->vgic.kick;
		STORE_ONCE(vm->vgic.kick, 0);
		hyp_unlock(&vm->lock);
	}
	notify_vcpus(vcpu->vm, kick);
}

void
vgic_host_flush(struct vcpu *vcpu)
{
	struct hyp_vm *vm = hyp_vm(vcpu->vm);
	struct hyp_vcpu *v = hyp_vcpu(vcpu);
	uint32_t cpus = (uint32_t)LOAD_ONCE(vcpu->vm->active);
	uint32_t kick = 0;
	bool lock;

	if (vm->vgic.nirqs == 0) {
		v->vgic.hcr = 0;
		return;
	}
	lock = LOAD_ONCE(vm->vgic.cpus) != cpus || vgic_flush_needs_lock(vm, v);
	if (lock)
		hyp_lock_spin(&vm->lock);
	if (lock && vm->vgic.cpus != cpus)
		vgic_set_cpus(vm, cpus);
	vgic_flush(vm, v, lock);
	if (lock) {
		kick = vm->vgic.kick & ~BIT(v->id);
		STORE_ONCE(vm->vgic.kick, 0);
		hyp_unlock(&vm->lock);
	}
	notify_vcpus(vcpu->vm, kick);
}

bool
vgic_host_has_pending(struct vcpu *vcpu)
{
	return LOAD_ONCE(hyp_vm(vcpu->vm)->vgic.nirqs) != 0 &&
	    vgic_has_pending(hyp_vm(vcpu->vm), hyp_vcpu(vcpu));
}

/* ---- the guest's distributor accesses ---- */

/* How often to look whether a vCPU that is in the guest has left it, letting others run. */
#define SYNC_TRIES 1000u

/*
 * Wait until these vCPUs have folded their list registers back since seq[] was read.  Whoever
 * is not in the guest holds nothing in list registers and was not asked; the others are kicked,
 * so this takes microseconds.  Bounded all the same: then the access shows what it shows.
 */
static void
wait_for_sync(const struct hyp_vm *vm, uint32_t vcpus, const uint32_t *seq)
{
	for (; vcpus != 0; vcpus &= vcpus - 1) {
		const struct hyp_vcpu *o = HYP_PTR(struct hyp_vcpu, vm->vcpu[vgic_ctz(vcpus)]);
		uint32_t tries = SYNC_TRIES;

		while (tries-- > 0 &&
		    __atomic_load_n(&o->vgic.sync_seq, __ATOMIC_ACQUIRE) == seq[vgic_ctz(vcpus)])
			os_yield();
	}
}

static void
access_locked(struct vcpu *vcpu, struct vgic_access *a, struct vgic_notify *n, uint32_t *seq)
{
	struct hyp_vm *vm = hyp_vm(vcpu->vm);
	unsigned long flags = hyp_lock_irqsave(&vm->lock);
	uint32_t word = a->offset % 0x80 / 4;
	uint32_t all = 0;

	vgic_mmio(vm, hyp_vcpu(vcpu), a, n);
	/* Pending and active state as the others' list registers have it. */
	if (!a->write && a->offset >= GICD_ISPENDR && a->offset < GICD_IPRIORITYR && word != 0)
		vgic_spi_update(vm, word, vm->vgic.in_lr[word], n);
	n->vcpus &= ~BIT(vcpu->id);
	n->sync &= ~BIT(vcpu->id);
	for (uint32_t b = n->sync; b != 0; b &= b - 1) {
		uint32_t id = vgic_ctz(b);
		const struct hyp_vcpu *o = HYP_PTR(struct hyp_vcpu, vm->vcpu[id]);

		if (o == NULL)
			continue;
		seq[id] = LOAD_ONCE(o->vgic.sync_seq);
		all |= BIT(id);
	}
	n->sync = all;
	hyp_unlock_irqrestore(&vm->lock, flags);
}

/*
 * By the vCPU's thread, outside the guest, its list registers folded back.  An access to an SPI
 * that another vCPU holds in a list register is over when that vCPU has seen it: a disabled
 * interrupt is not delivered afterwards, and what is read is not stale.
 */
void
vgic_host_mmio(struct vcpu *vcpu, struct vgic_access *a)
{
	struct vgic_notify n = { 0 }, again = { 0 };
	uint32_t seq[VM_MAXCPU] = { 0 };

	vcpu_stat_inc(vcpu, VMM_STAT_GICD_HOST);
	access_locked(vcpu, a, &n, seq);
	notify_vcpus(vcpu->vm, n.vcpus);
	if (n.sync == 0)
		return;
	wait_for_sync(hyp_vm(vcpu->vm), n.sync, seq);
	if (!a->write)
		access_locked(vcpu, a, &again, seq);
}

/* ---- input lines: any context ---- */

int
vgic_host_set_level(struct vm *vm, uint32_t intid, bool level)
{
	struct vgic_notify n = { 0 };
	unsigned long flags = hyp_lock_irqsave(&hyp_vm(vm)->lock);
	int error = vgic_set_level(hyp_vm(vm), intid, level, &n);

	hyp_unlock_irqrestore(&hyp_vm(vm)->lock, flags);
	notify_vcpus(vm, n.vcpus);
	return error;
}

int
vgic_host_pulse(struct vm *vm, uint32_t intid)
{
	struct vgic_notify n = { 0 };
	unsigned long flags = hyp_lock_irqsave(&hyp_vm(vm)->lock);
	int error = vgic_pulse(hyp_vm(vm), intid, &n);

	hyp_unlock_irqrestore(&hyp_vm(vm)->lock, flags);
	notify_vcpus(vm, n.vcpus);
	return error;
}

void
vgic_host_hold(struct vm *vm, uint32_t intid)
{
	struct vgic_notify n = { 0 };
	unsigned long flags = hyp_lock_irqsave(&hyp_vm(vm)->lock);

	(void)vgic_hold(hyp_vm(vm), intid, &n);
	hyp_unlock_irqrestore(&hyp_vm(vm)->lock, flags);
	notify_vcpus(vm, n.vcpus);
}

void
vgic_host_set_resample(struct vm *vm, uint32_t intid, bool on)
{
	struct vgic_notify n = { 0 };
	unsigned long flags = hyp_lock_irqsave(&hyp_vm(vm)->lock);

	(void)vgic_set_resample(hyp_vm(vm), intid, on, &n);
	hyp_unlock_irqrestore(&hyp_vm(vm)->lock, flags);
	notify_vcpus(vm, n.vcpus);
}

/* ---- ends of interrupts that descriptors are bound to ---- */

static uint32_t
take_ended(struct vm *vm, uint32_t *ended)
{
	struct vgic *g = &hyp_vm(vm)->vgic;
	unsigned long flags = hyp_lock_irqsave(&hyp_vm(vm)->lock);
	uint32_t nwords = g->nwords;

	for (uint32_t w = 0; w < nwords; w++) {
		ended[w] = g->ended[w];
		g->ended[w] = 0;
	}
	STORE_ONCE(g->news, 0);
	hyp_unlock_irqrestore(&hyp_vm(vm)->lock, flags);
	return nwords;
}

void
vgic_host_tell_ended(struct vcpu *vcpu)
{
	uint32_t ended[VGIC_MAX_IRQS / 32], nwords;

	if (LOAD_ONCE(hyp_vm(vcpu->vm)->vgic.news) == 0)
		return;
	nwords = take_ended(vcpu->vm, ended);
	for (uint32_t w = 0; w < nwords; w++)
		for (uint32_t b = ended[w]; b != 0; b &= b - 1)
			vm_irq_ended(vcpu, 32 * w + vgic_ctz(b));
}
