/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * See vgic_rig.h.  The order of steps around the guest is that of arch_vcpu_enter and
 * hyp_run.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sysreg_fake.h>

#include "vgic_rig.h"

struct rig rig;

struct os_machine arm_machine;
uint32_t arm_nlrs, arm_cntfrq;
struct hyp_params hyp_params;

/* ---- the core and the OS ---- */

struct vcpu *
vm_vcpu(struct vm *vm, uint32_t id)
{
	return id < VM_MAXCPU && (vm->active >> id & 1) ? vm->vcpu[id] : NULL;
}

void
vcpu_request(struct vcpu *vcpu, uint32_t req)
{
	__atomic_fetch_or(vcpu->requests, req, __ATOMIC_SEQ_CST);
	rig.requested |= BIT(vcpu->id);
}

void
vm_irq_ended(struct vcpu *vcpu, uint32_t intid)
{
	(void)vcpu;
	rig.ended[intid]++;
}

bool
vm_mem_is_mapped(const struct vm *vm, uint64_t gpa, uint64_t len)
{
	const struct memmap *m = &vm->map[0];

	return m->len != 0 && gpa < m->gpa + m->len && m->gpa < gpa + len;
}

uint64_t
arch_cntpct(void)
{
	return fake_cntpct;
}

static int irqs_off;

unsigned long
os_irq_save(void)
{
	return (unsigned long)irqs_off++;
}

void
os_irq_restore(unsigned long flags)
{
	irqs_off = (int)flags;
}

/* Another CPU gets its kick: its vCPU leaves the guest and comes back. */
void
os_yield(void)
{
	if (irqs_off != 0)
		abort();
	for (uint32_t id = 0; id < rig.ncpus; id++)
		if (rig.in_guest[id] && rig.hv[id].requests != 0)
			rig_sync(id);
}

void
os_timer_init(struct os_timer *t, void (*fn)(void *arg), void *arg)
{
	struct vcpu *vcpu = arg;

	t->opaque[0] = vcpu->id;
	rig.timer_fn[vcpu->id] = fn;
	rig.timer_ns[vcpu->id] = ~0ull;
}

void
os_timer_arm(struct os_timer *t, uint64_t ns)
{
	rig.timer_ns[t->opaque[0]] = ns;
}

void
os_timer_cancel(struct os_timer *t)
{
	rig.timer_ns[t->opaque[0]] = ~0ull;
}

/* ---- registers ---- */

uint64_t
fake_sysreg_read(const char *name)
{
	uint64_t val = 0;

	if (!fake_gic_sysreg(name, false, &val))
		abort();
	return val;
}

void
fake_sysreg_write(const char *name, uint64_t val)
{
	if (!fake_gic_sysreg(name, true, &val))
		abort();
}

uint32_t
fake_dev_read(uintptr_t base, uint32_t offset)
{
	uint32_t val = 0;

	if (!fake_gic_dev(base, offset, false, &val))
		abort();
	return val;
}

void
fake_dev_write(uintptr_t base, uint32_t offset, uint32_t val)
{
	if (!fake_gic_dev(base, offset, true, &val))
		abort();
}

/* ---- the machine ---- */

static void
init_vcpu(uint32_t id)
{
	struct vcpu *vcpu = &rig.vcpu[id];
	struct hyp_vcpu *v = &rig.hv[id];

	vcpu->vm = &rig.vm;
	vcpu->id = id;
	vcpu->arch = &rig.arch_vcpu[id];
	vcpu->requests = &v->requests;
	vcpu->stats = v->stats;
	rig.arch_vcpu[id].hyp = v;
	rig.vm.vcpu[id] = vcpu;
	rig.hvm.vcpu[id] = hyp_va(v);
	v->id = id;
	v->vm = hyp_va(&rig.hvm);
	rig.cpu_of[id] = id;
	vgic_host_vcpu_init(vcpu);
	vgic_host_vcpu_reset(vcpu);
	vtimer_vcpu_init(vcpu);
	vtimer_vcpu_reset(vcpu);
	/* GICC_CTLR, GICC_PMR as a guest sets them */
	v->vgic.vmcr |= 3u | 0x1fu << 27;
}

void
rig_init(uint32_t n, uint32_t nlrs, uint32_t nirqs)
{
	memset(&rig, 0, sizeof(rig));
	fake_gic_reset(nlrs);
	irqs_off = 0;
	hyp_params = (struct hyp_params){ .gich = { FAKE_GICH_BASE },
		.gicd = { FAKE_GICD_BASE },
		.nlrs = nlrs,
		.vtimer_ppi = 27 };
	arm_nlrs = nlrs;
	rig.ncpus = n;
	rig.vm.arch = &rig.arch_vm;
	rig.arch_vm.hyp = &rig.hvm;
	rig.vm.active = BIT64(n) - 1;
	for (uint32_t i = 0; i < FAKE_GIC_CPUS; i++)
		rig.last_on[i] = -1;
	if (vtimer_host_init(RIG_CNTFRQ) != 0)
		abort();
	for (uint32_t id = 0; id < n; id++)
		init_vcpu(id);
	if (nirqs != 0 && vgic_attach(&rig.vm, 0x08000000, 0x08010000, nirqs) != 0)
		abort();
}

void
rig_on(uint32_t id)
{
	fake_gic_cpu(rig.cpu_of[id]);
}

void
rig_enter(uint32_t id)
{
	struct hyp_vcpu *v = &rig.hv[id];
	uint32_t cpu = rig.cpu_of[id];
	bool changed = rig.last_on[cpu] != (int)id || v->loaded_cpu != cpu;

	rig_on(id);
	__atomic_and_fetch(&v->requests, ~VCPU_REQ_IRQ, __ATOMIC_SEQ_CST);
	vtimer_load(&rig.vcpu[id]);
	irqs_off = 1;
	vtimer_update(&rig.vcpu[id]);
	vgic_host_flush(&rig.vcpu[id]);
	rig.last_on[cpu] = (int)id;
	v->loaded_cpu = cpu;
	vtimer_hyp_restore(v, changed);
	vgic_hw_restore(v);
	irqs_off = 0;
	rig.in_guest[id] = true;
}

void
rig_exit(uint32_t id)
{
	struct hyp_vcpu *v = &rig.hv[id];

	rig_on(id);
	irqs_off = 1;
	vgic_hw_save(v);
	vtimer_hyp_save(v);
	rig.in_guest[id] = false;
	vgic_host_sync(&rig.vcpu[id]);
	irqs_off = 0;
	vgic_host_tell_ended(&rig.vcpu[id]);
}

void
rig_sync(uint32_t id)
{
	rig_exit(id);
	rig_enter(id);
}

void
rig_settle(uint32_t id)
{
	struct hyp_vcpu *v = &rig.hv[id];

	for (int i = 0; i < 100; i++) {
		rig_on(id);
		if (v->requests != 0)
			rig_sync(id);
		if (!fake_gic_vtimer_irq() && !fake_gic_maintenance())
			return;
		if (vgic_hyp_vtimer(v) != HYP_REENTER && vgic_hyp_maintenance(v) != HYP_REENTER)
			rig_sync(id);
	}
	fprintf(stderr, "vCPU %u: an interrupt that never ends\n", id);
	abort();
}

uint32_t
rig_access(uint32_t id, uint32_t offset, uint32_t size, bool write, uint32_t data)
{
	struct vgic_access a = {
		.offset = offset, .size = (uint8_t)size, .write = write, .data = data
	};
	bool ran = rig.in_guest[id];

	rig_on(id);
	if (!ran || vgic_hyp_mmio(&rig.hv[id], &a) != HYP_REENTER) {
		if (ran)
			rig_exit(id);
		vgic_host_mmio(&rig.vcpu[id], &a);
		if (ran)
			rig_enter(id);
	}
	rig_on(id);
	return a.data;
}

uint32_t
rig_read(uint32_t id, uint32_t offset)
{
	return rig_access(id, offset, 4, false, 0);
}

void
rig_write(uint32_t id, uint32_t offset, uint32_t data)
{
	rig_access(id, offset, 4, true, data);
}

uint32_t
rig_ack(uint32_t id)
{
	uint32_t iar;

	rig_settle(id);
	iar = fake_gicv_ack();
	rig_settle(id);
	return iar;
}

void
rig_eoi(uint32_t id, uint32_t iar)
{
	rig_on(id);
	fake_gicv_eoi(iar);
	rig_settle(id);
}
