/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * arch.h for tests of the core alone: guests by script, stage 2 as a list.  It checks what
 * the real one assumes: who calls when, with which locks and interrupts, and that no page is
 * freed or shown wrongly (with fake_mem.c).
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "errno.h"
#include "fake.h"
#include "fake_arch.h"

struct s2_entry {
	uint64_t gpa;
	hpa_t pa;
	unsigned int npages;
	uint32_t prot;
	struct s2_entry *next;
};

struct fake_vm {
	struct s2_entry *s2; /* mem_lock */
	uint32_t nirqs;
	uint64_t level[16];
	uint64_t held[16], resample[16]; /* [a] */
	uint32_t pulses;		 /* [a] */
};

static struct fake_vm *
fake_vm(const struct vm *vm)
{
	return vm->arch;
}

/* ---- the module ---- */

int
arch_init(const struct os_machine *m)
{
	(void)m;
	return 0;
}

void
arch_fini(void)
{
}

int
arch_cpu_up(void)
{
	return 0;
}

void
arch_cpu_down(void)
{
}

bool
arch_cpu_is_up(void)
{
	if (!fake_irqs_off())
		os_panic("arch_cpu_is_up with interrupts on");
	return true;
}

void
arch_info(struct vmmctl_info *info)
{
	info->list_registers = 4;
	info->cntfrq = 62500000;
	info->ipa_bits = 40;
	info->vmid_bits = 8;
	memcpy(info->arch, "fake", sizeof("fake"));
}

uint64_t
arch_cntpct(void)
{
	return os_now_ns();
}

uint64_t
arch_ticks_to_ns(uint64_t ticks)
{
	return ticks;
}

/* ---- stage 2 ---- */

static void
s2_drop(struct s2_entry **at)
{
	struct s2_entry *e = *at;

	fake_gpage_hidden(e->pa, e->npages);
	*at = e->next;
	free(e);
}

int
arch_stage2_map(struct vm *vm, gpa_t gpa, hpa_t pa, unsigned int npages, uint32_t prot)
{
	struct s2_entry *e, **at = &fake_vm(vm)->s2;
	uint64_t len = (uint64_t)npages * PAGE_BYTES;

	if ((npages != 1 && npages != 512) || ((gpa.a | pa.a) & (len - 1)) != 0)
		os_panic("stage 2: %u pages misaligned", npages);
	if (gpa.a >= VM_MAX_GPA || len > VM_MAX_GPA - gpa.a)
		os_panic("stage 2: out of range");
	if (fake_should_fail())
		return -ENOMEM;
	while ((e = *at) != NULL) {
		if (e->gpa == gpa.a && e->pa.a == pa.a && e->npages == npages && e->prot == prot)
			return 0;
		if (e->gpa < gpa.a + len && gpa.a < e->gpa + e->npages * (uint64_t)PAGE_BYTES)
			s2_drop(at); /* break before make */
		else
			at = &e->next;
	}
	fake_gpage_shown(pa, npages);
	e = calloc(1, sizeof(*e));
	*e = (struct s2_entry){ gpa.a, pa, npages, prot, fake_vm(vm)->s2 };
	fake_vm(vm)->s2 = e;
	return 0;
}

bool
arch_stage2_has(const struct vm *vm, gpa_t gpa, hpa_t pa, unsigned int npages, uint32_t prot)
{
	const struct s2_entry *e;

	for (e = fake_vm(vm)->s2; e != NULL; e = e->next)
		if (e->gpa == gpa.a && e->pa.a == pa.a && e->npages == npages && e->prot == prot)
			return true;
	return false;
}

void
arch_stage2_unmap(struct vm *vm, gpa_t gpa, uint64_t len)
{
	struct s2_entry **at = &fake_vm(vm)->s2, *e;

	while ((e = *at) != NULL)
		if (e->gpa < gpa.a + len && gpa.a < e->gpa + e->npages * (uint64_t)PAGE_BYTES)
			s2_drop(at); /* a whole block, too, when part of it goes */
		else
			at = &e->next;
}

void
arch_stage2_for_each(struct vm *vm, void (*fn)(void *arg, gpa_t gpa, uint64_t len), void *arg)
{
	for (struct s2_entry *e = fake_vm(vm)->s2; e != NULL; e = e->next)
		fn(arg, GPA(e->gpa), e->npages * (uint64_t)PAGE_BYTES);
}

unsigned int
fake_stage2_pages(struct vm *vm)
{
	unsigned int n = 0;

	os_mutex_lock(&vm->mem_lock);
	for (struct s2_entry *e = fake_vm(vm)->s2; e != NULL; e = e->next)
		n += e->npages;
	os_mutex_unlock(&vm->mem_lock);
	return n;
}

uint32_t
fake_stage2_blocks(struct vm *vm)
{
	uint32_t n = 0;

	os_mutex_lock(&vm->mem_lock);
	for (struct s2_entry *e = fake_vm(vm)->s2; e != NULL; e = e->next)
		n += e->npages == 512;
	os_mutex_unlock(&vm->mem_lock);
	return n;
}

/* ---- a VM ---- */

int
arch_vm_init(struct vm *vm)
{
	vm->arch = os_zalloc(sizeof(struct fake_vm));
	return vm->arch != NULL ? 0 : -ENOMEM;
}

void
arch_vm_destroy(struct vm *vm)
{
	if (vm->arch == NULL)
		return;
	if (fake_vm(vm)->s2 != NULL)
		os_panic("stage 2 is not empty when the VM goes");
	os_free(vm->arch);
	vm->arch = NULL;
}

static void
vcpus_must_not_run(struct vm *vm)
{
	for (uint32_t i = 0; i < VM_MAXCPU; i++)
		if (vm->vcpu[i] != NULL && LOAD_ONCE(vm->vcpu[i]->run_busy) < VCPU_HELD)
			os_panic("vCPU %u is not held", i);
}

void
arch_vm_reset(struct vm *vm)
{
	vcpus_must_not_run(vm);
	os_mutex_lock(&vm->mem_lock);
	while (fake_vm(vm)->s2 != NULL)
		s2_drop(&fake_vm(vm)->s2);
	os_mutex_unlock(&vm->mem_lock);
	memset(fake_vm(vm)->level, 0, sizeof(fake_vm(vm)->level));
	memset(fake_vm(vm)->held, 0, sizeof(fake_vm(vm)->held));
	memset(fake_vm(vm)->resample, 0, sizeof(fake_vm(vm)->resample));
	STORE_ONCE(fake_vm(vm)->nirqs, 0); /* its pages were in stage 2 */
}

int
arch_vm_attach_vgic(struct vm *vm, const struct vm_attach_vgic *a)
{
	vcpus_must_not_run(vm);
	if (fake_vm(vm)->nirqs != 0)
		return -EEXIST;
	if (a->nirqs < 64 || a->nirqs > 1020)
		return -EINVAL;
	if (fake_should_fail())
		return -ENOMEM;
	STORE_ONCE(fake_vm(vm)->nirqs, a->nirqs);
	return 0;
}

/* ---- a vCPU ---- */

static void
timer_fired(void *arg)
{
	fake_irq(arg);
}

int
arch_vcpu_init(struct vcpu *vcpu)
{
	struct fake_vcpu *v = os_zalloc(sizeof(*v));

	if (v == NULL)
		return -ENOMEM;
	vcpu->arch = v;
	vcpu->requests = &v->requests;
	vcpu->stats = v->stats;
	os_timer_init(&v->timer, timer_fired, vcpu);
	return 0;
}

void
arch_vcpu_destroy(struct vcpu *vcpu)
{
	os_timer_cancel(&fake_vcpu(vcpu)->timer);
	if (LOAD_ONCE(fake_vcpu(vcpu)->in_guest) != 0 || LOAD_ONCE(vcpu->run_busy) != VCPU_FREE)
		os_panic("a vCPU goes while it runs");
	os_free(vcpu->arch);
	vcpu->arch = NULL;
}

static void
must_be_outside(struct vcpu *vcpu)
{
	if (LOAD_ONCE(fake_vcpu(vcpu)->in_guest) != 0)
		os_panic("a vCPU's state is used while it is in the guest");
}

void
arch_vcpu_reset(struct vcpu *vcpu, bool powered_on)
{
	struct fake_vcpu *v = fake_vcpu(vcpu);

	must_be_outside(vcpu);
	memset(v->regs, 0, sizeof(v->regs));
	v->load_pending = v->store_pending = false;
	STORE_ONCE(v->irq, 0);
	v->resets++;
	__atomic_store_n(&v->powered, powered_on, __ATOMIC_RELEASE);
}

int
arch_get_register(struct vcpu *vcpu, uint32_t reg, uint64_t *val)
{
	must_be_outside(vcpu);
	if (reg >= VM_REG_LAST)
		return -EINVAL;
	*val = fake_vcpu(vcpu)->regs[reg];
	return 0;
}

int
arch_set_register(struct vcpu *vcpu, uint32_t reg, uint64_t val)
{
	must_be_outside(vcpu);
	if (reg >= VM_REG_LAST || reg == VM_REG_GUEST_MPIDR)
		return -EINVAL;
	fake_vcpu(vcpu)->regs[reg] = val;
	return 0;
}

/* ---- the script ---- */

void
fake_do(struct vcpu *vcpu, enum fake_do what, uint64_t gpa, uint64_t val)
{
	struct fake_vcpu *v = fake_vcpu(vcpu);
	uint32_t tail = LOAD_ONCE(v->tail);

	if (tail - __atomic_load_n(&v->head, __ATOMIC_ACQUIRE) == FAKE_ACTIONS)
		os_panic("the script is full");
	v->queue[tail % FAKE_ACTIONS] = (struct fake_action){ what, gpa, val };
	__atomic_store_n(&v->tail, tail + 1, __ATOMIC_RELEASE);
}

static void
script_next(struct fake_vcpu *v)
{
	uint32_t head = LOAD_ONCE(v->head);

	v->now = (struct fake_action){ .what = FAKE_SPIN };
	if (head != __atomic_load_n(&v->tail, __ATOMIC_ACQUIRE)) {
		v->now = v->queue[head % FAKE_ACTIONS];
		__atomic_store_n(&v->head, head + 1, __ATOMIC_RELEASE);
	}
}

/* The instruction that faulted runs again. */
static void
script_again(struct fake_vcpu *v)
{
	__atomic_store_n(&v->head, LOAD_ONCE(v->head) - 1, __ATOMIC_RELEASE);
}

void
fake_irq(struct vcpu *vcpu)
{
	__atomic_store_n(&fake_vcpu(vcpu)->irq, 1, __ATOMIC_SEQ_CST);
	vcpu_request(vcpu, VCPU_REQ_IRQ);
}

/* ---- running ---- */

void
arch_vcpu_load(struct vcpu *vcpu)
{
	(void)vcpu;
	if (!fake_in_atomic())
		os_panic("arch_vcpu_load with preemption on");
}

void
arch_vcpu_put(struct vcpu *vcpu)
{
	(void)vcpu;
	if (!fake_in_atomic() || fake_irqs_off())
		os_panic("arch_vcpu_put out of place");
}

void
arch_vcpu_enter(struct vcpu *vcpu)
{
	struct fake_vcpu *v = fake_vcpu(vcpu);

	if (!fake_irqs_off() || LOAD_ONCE(vcpu->run_busy) != VCPU_BUSY)
		os_panic("arch_vcpu_enter out of place");
	if (v->load_pending || v->store_pending)
		os_panic("the guest goes on past an access that nobody completed");
	if (__atomic_load_n(&v->powered, __ATOMIC_ACQUIRE) != 1)
		os_panic("a vCPU that is off is entered");
	if (__atomic_exchange_n(&v->in_guest, 1, __ATOMIC_SEQ_CST) != 0)
		os_panic("a vCPU is in the guest twice");
	__atomic_fetch_and(vcpu->requests, ~VCPU_REQ_IRQ, __ATOMIC_SEQ_CST);
	__atomic_store_n(&v->irq, 0, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&v->enters, 1, __ATOMIC_RELAXED);
	script_next(v);
	if (v->now.what == FAKE_SPIN && fake_on_idle != NULL)
		fake_on_idle();
	if (v->now.what == FAKE_SPIN)
		while (!fake_interrupted())
			sched_yield();
	vcpu_stat_inc(vcpu, VMM_STAT_EXITS);
	__atomic_store_n(&v->in_guest, 0, __ATOMIC_SEQ_CST);
}

static enum vcpu_action
exit_device(struct vcpu *vcpu, struct vm_exit *vme, bool write)
{
	struct fake_vcpu *v = fake_vcpu(vcpu);

	memset(vme, 0, sizeof(*vme));
	vme->exitcode = VM_EXITCODE_INST_EMUL;
	vme->pc = v->regs[VM_REG_GUEST_PC];
	vme->inst_length = 4;
	vme->u.inst_emul.gpa = v->now.gpa;
	vme->u.inst_emul.data = write ? v->now.val : 0;
	vme->u.inst_emul.size = 4;
	vme->u.inst_emul.dir = write ? VM_DIR_WRITE : VM_DIR_READ;
	*(write ? &v->store_pending : &v->load_pending) = true;
	return EXIT_TO_USER;
}

static enum vcpu_action
exit_access(struct vcpu *vcpu, struct vm_exit *vme, bool write)
{
	struct fake_vcpu *v = fake_vcpu(vcpu);
	bool block;
	int error;

	if (write && vm_doorbell_at(vcpu, GPA(v->now.gpa))) {
		if (!vm_doorbell_ring(vcpu, GPA(v->now.gpa), 4, (uint32_t)v->now.val))
			return exit_device(vcpu, vme, true);
		vcpu_stat_inc(vcpu, VMM_STAT_DOORBELLS);
		return EXIT_RESUME;
	}
	switch (vm_mem_fault(vcpu->vm, GPA(v->now.gpa), write, &block, &error)) {
	case VM_MEM_MAPPED:
		return EXIT_RESUME;
	case VM_MEM_ERROR:
		script_again(v);
		memset(vme, 0, sizeof(*vme));
		vme->exitcode = VM_EXITCODE_PAGING;
		vme->u.paging.gpa = v->now.gpa;
		vme->u.paging.error = -error;
		return EXIT_TO_USER;
	default:
		return exit_device(vcpu, vme, write);
	}
}

static enum vcpu_action
exit_fatal(struct vm_exit *vme)
{
	memset(vme, 0, sizeof(*vme));
	vme->exitcode = VM_EXITCODE_HYP;
	return EXIT_TO_USER;
}

static enum vcpu_action
exit_eoi(struct vcpu *vcpu, uint64_t intid)
{
	if (intid >= 1020 || !fake_is_resampled(vcpu->vm, (uint32_t)intid))
		return EXIT_RESUME;
	__atomic_fetch_and(
	    &fake_vm(vcpu->vm)->held[intid / 64], ~BIT64(intid % 64), __ATOMIC_SEQ_CST);
	vm_irq_ended(vcpu, (uint32_t)intid);
	return EXIT_RESUME;
}

static enum vcpu_action
exit_cpu_on(struct vcpu *vcpu, uint64_t id)
{
	struct vcpu *other = vm_vcpu(vcpu->vm, (uint32_t)id);
	uint32_t off = 0;

	if (other != NULL &&
	    __atomic_compare_exchange_n(
		&fake_vcpu(other)->powered, &off, 2, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		vcpu_request(other, VCPU_REQ_POWER);
	return EXIT_RESUME;
}

enum vcpu_action
arch_vcpu_exit(struct vcpu *vcpu, struct vm_exit *vme)
{
	struct fake_vcpu *v = fake_vcpu(vcpu);

	if (fake_in_atomic())
		os_panic("arch_vcpu_exit where one must not sleep");
	switch (v->now.what) {
	case FAKE_LOAD:
		return exit_access(vcpu, vme, false);
	case FAKE_STORE:
		return exit_access(vcpu, vme, true);
	case FAKE_FETCH:
		v->aborted += vm_mem_read(vcpu->vm, GPA(v->now.gpa), &v->loaded, 8) != 0;
		return EXIT_RESUME;
	case FAKE_FLUSH:
		vm_mem_flush_all(vcpu->vm);
		return EXIT_RESUME;
	case FAKE_WFI:
		vcpu_stat_inc(vcpu, VMM_STAT_EXIT_WFI);
		return EXIT_BLOCK;
	case FAKE_WFE:
		return EXIT_YIELD;
	case FAKE_SUSPEND:
		(void)vm_suspend(vcpu->vm, (uint32_t)v->now.val, vcpu->id);
		return EXIT_RESUME;
	case FAKE_CPU_ON:
		return exit_cpu_on(vcpu, v->now.val);
	case FAKE_CPU_OFF:
		__atomic_store_n(&v->powered, 0, __ATOMIC_RELEASE);
		return EXIT_RESUME;
	case FAKE_SLOW:
		usleep((useconds_t)v->now.val);
		return EXIT_RESUME;
	case FAKE_EOI:
		return exit_eoi(vcpu, v->now.val);
	case FAKE_FATAL:
		return exit_fatal(vme);
	default:
		return EXIT_RESUME;
	}
}

void
arch_vcpu_complete(struct vcpu *vcpu, uint64_t data, bool abort)
{
	struct fake_vcpu *v = fake_vcpu(vcpu);

	must_be_outside(vcpu);
	if (!arch_vcpu_access_pending(vcpu))
		return;
	if (abort)
		v->aborted++;
	else if (v->load_pending)
		v->loaded = data;
	v->load_pending = v->store_pending = false;
	v->completed++;
}

bool
arch_vcpu_access_pending(const struct vcpu *vcpu)
{
	return fake_vcpu(vcpu)->load_pending || fake_vcpu(vcpu)->store_pending;
}

bool
arch_vcpu_has_work(struct vcpu *vcpu)
{
	return arch_vcpu_powered(vcpu) &&
	    __atomic_load_n(&fake_vcpu(vcpu)->irq, __ATOMIC_SEQ_CST) != 0;
}

bool
arch_vcpu_powered(const struct vcpu *vcpu)
{
	return __atomic_load_n(&fake_vcpu(vcpu)->powered, __ATOMIC_ACQUIRE) != 0;
}

void
arch_vcpu_power_update(struct vcpu *vcpu)
{
	struct fake_vcpu *v = fake_vcpu(vcpu);

	must_be_outside(vcpu);
	if (__atomic_load_n(&v->powered, __ATOMIC_ACQUIRE) == 2)
		arch_vcpu_reset(vcpu, true);
}

void
arch_vcpu_sleep_begin(struct vcpu *vcpu)
{
	if (fake_vcpu(vcpu)->now.val != 0)
		os_timer_arm(&fake_vcpu(vcpu)->timer, fake_vcpu(vcpu)->now.val);
}

void
arch_vcpu_sleep_end(struct vcpu *vcpu)
{
	os_timer_cancel(&fake_vcpu(vcpu)->timer);
}

/* ---- interrupts ---- */

static int
set_level(struct vm *vm, uint32_t intid, bool level)
{
	struct vcpu *vcpu = vm_vcpu(vm, 0);
	uint32_t nirqs = LOAD_ONCE(fake_vm(vm)->nirqs);

	if (nirqs == 0)
		return -ENXIO;
	if (intid < 32 || intid >= nirqs)
		return -EINVAL;
	if (level)
		__atomic_fetch_or(
		    &fake_vm(vm)->level[intid / 64], BIT64(intid % 64), __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(
		    &fake_vm(vm)->level[intid / 64], ~BIT64(intid % 64), __ATOMIC_RELAXED);
	if (level && vcpu != NULL)
		fake_irq(vcpu);
	return 0;
}

int
arch_assert_irq(struct vm *vm, uint32_t intid)
{
	return set_level(vm, intid, true);
}

int
arch_deassert_irq(struct vm *vm, uint32_t intid)
{
	return set_level(vm, intid, false);
}

int
arch_pulse_irq(struct vm *vm, uint32_t intid)
{
	int error = set_level(vm, intid, true);

	__atomic_add_fetch(&fake_vm(vm)->pulses, error == 0, __ATOMIC_RELAXED);
	return error != 0 ? error : set_level(vm, intid, false);
}

uint32_t
fake_pulses(struct vm *vm)
{
	return __atomic_exchange_n(&fake_vm(vm)->pulses, 0, __ATOMIC_RELAXED);
}

/* ---- interrupts that bound descriptors hold ---- */

int
arch_irq_check(struct vm *vm, uint32_t intid)
{
	uint32_t nirqs = LOAD_ONCE(fake_vm(vm)->nirqs);

	if (nirqs == 0)
		return -ENXIO;
	return intid >= 32 && intid < nirqs ? 0 : -EINVAL;
}

static bool
change_bit(uint64_t *words, uint32_t n, bool on)
{
	uint64_t bit = BIT64(n % 64), was;

	was = on ? __atomic_fetch_or(&words[n / 64], bit, __ATOMIC_SEQ_CST) :
		   __atomic_fetch_and(&words[n / 64], ~bit, __ATOMIC_SEQ_CST);
	return (was & bit) != 0;
}

void
arch_resample_irq(struct vm *vm, uint32_t intid, bool on)
{
	if (arch_irq_check(vm, intid) != 0)
		os_panic("resample of interrupt %u, which is none", intid);
	if (change_bit(fake_vm(vm)->resample, intid, on) == on && !on)
		os_panic("resample of interrupt %u goes twice", intid);
	if (!on)
		(void)change_bit(fake_vm(vm)->held, intid, false);
}

void
arch_hold_irq(struct vm *vm, uint32_t intid)
{
	struct vcpu *vcpu = vm_vcpu(vm, 0);

	if (!fake_is_resampled(vm, intid))
		os_panic("interrupt %u is held without resample", intid);
	(void)change_bit(fake_vm(vm)->held, intid, true);
	if (vcpu != NULL)
		fake_irq(vcpu);
}

bool
fake_is_resampled(struct vm *vm, uint32_t intid)
{
	return (LOAD_ONCE(fake_vm(vm)->resample[intid / 64]) & BIT64(intid % 64)) != 0;
}

bool
fake_is_held(struct vm *vm, uint32_t intid)
{
	return (LOAD_ONCE(fake_vm(vm)->held[intid / 64]) & BIT64(intid % 64)) != 0;
}
