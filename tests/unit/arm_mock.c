/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * See arm_mock.h.
 */
#include <stdlib.h>
#include <string.h>

#include "arm_mock.h"
#include "errno.h"

struct mock mock;
struct os_machine arm_machine;
uint32_t arm_nlrs = 4, arm_cntfrq = 24000000;

void
mock_say(const char *word)
{
	size_t len = strlen(mock.journal);

	if (len + strlen(word) + 2 < sizeof(mock.journal)) {
		strcat(mock.journal, word);
		strcat(mock.journal, " ");
	}
}

struct hyp_vcpu *
mock_hv(unsigned int id)
{
	return hyp_vcpu(&mock.vcpu[id]);
}

void
mock_setup(void)
{
	unsigned int i;

	memset(&mock, 0, sizeof(mock));
	mock.cpus = 8;
	mock.cntpct = 1000;
	if (arch_vm_init(&mock.vm) != 0)
		abort();
	for (i = 0; i < MOCK_VCPUS; i++) {
		mock.vcpu[i].vm = &mock.vm;
		mock.vcpu[i].id = i;
		if (arch_vcpu_init(&mock.vcpu[i]) != 0)
			abort();
		arch_vcpu_reset(&mock.vcpu[i], i == 0);
		mock.vm.vcpu[i] = &mock.vcpu[i];
		mock.vm.active |= BIT64(i);
	}
	mock.journal[0] = 0;
}

void
mock_teardown(void)
{
	unsigned int i;

	for (i = 0; i < VM_MAXCPU; i++)
		arch_vcpu_destroy(&mock.vcpu[i]);
	arch_vm_destroy(&mock.vm);
	if (mock.pages != 0)
		abort();
}

int
mock_test_setup(void **state)
{
	(void)state;
	mock_setup();
	return 0;
}

int
mock_test_teardown(void **state)
{
	(void)state;
	mock_teardown();
	return 0;
}

uint32_t
hsr_cp15(unsigned int crn, unsigned int opc1, unsigned int crm, unsigned int opc2, unsigned int rt,
    bool read)
{
	return ESR_EC_CP15_32 << ESR_EC_SHIFT | ESR_AL | FIELD_TO(ESR_CP_OPC2_MASK, opc2) |
	    FIELD_TO(ESR_CP_OPC1_MASK, opc1) | FIELD_TO(ESR_CP_CRN_MASK, crn) |
	    FIELD_TO(ESR_CP_RT_MASK, rt) | FIELD_TO(ESR_CP_CRM_MASK, crm) | (read ? 1u : 0u);
}

uint32_t
hsr_cp15_64(unsigned int opc1, unsigned int crm, unsigned int rt, unsigned int rt2, bool read)
{
	return ESR_EC_CP15_64 << ESR_EC_SHIFT | ESR_AL | FIELD_TO(ESR_CP64_OPC1_MASK, opc1) |
	    FIELD_TO(ESR_CP64_RT2_MASK, rt2) | FIELD_TO(ESR_CP_RT_MASK, rt) |
	    FIELD_TO(ESR_CP_CRM_MASK, crm) | (read ? 1u : 0u);
}

/* ---- os.h ---- */

static bool
fails(int *countdown)
{
	return *countdown > 0 && --*countdown == 0;
}

void *
os_zalloc(size_t bytes)
{
	return fails(&mock.fail_alloc) ? NULL : calloc(1, bytes);
}

void
os_free(void *p)
{
	free(p);
}

void *
os_pages_alloc(unsigned int order)
{
	void *va;

	if (fails(&mock.fail_alloc))
		return NULL;
	va = aligned_alloc(PAGE_BYTES, (size_t)PAGE_BYTES << order);
	if (va == NULL)
		abort();
	memset(va, 0, (size_t)PAGE_BYTES << order);
	mock.pages += 1u << order;
	return va;
}

void
os_pages_free(void *va, unsigned int order)
{
	mock.pages -= 1u << order;
	free(va);
}

unsigned int
os_cpu_count(void)
{
	return mock.cpus;
}

void
os_mutex_lock(struct os_mutex *m)
{
	(void)m;
}

void
os_mutex_unlock(struct os_mutex *m)
{
	(void)m;
}

/* ---- HYP ---- */

int
hyp_map_pages(void *va, unsigned int npages)
{
	(void)va;
	(void)npages;
	mock.map_calls++;
	return fails(&mock.fail_map) ? -ENOMEM : 0;
}

void
hyp_unmap_pages(void *va, unsigned int npages)
{
	(void)va;
	(void)npages;
}

void
hyp_vcpu_run(struct hyp_vcpu *v)
{
	mock.enter_requests = v->requests;
	mock_say("run");
}

enum hyp_verdict
vgic_hyp_mmio(struct hyp_vcpu *v, struct vgic_access *a)
{
	(void)v;
	mock.gicd = *a;
	if (!a->write)
		a->data = mock.gicd_data;
	return mock.gicd_verdict;
}

enum hyp_verdict
vgic_hyp_vtimer(struct hyp_vcpu *v)
{
	(void)v;
	return mock.vtimer_verdict;
}

enum hyp_verdict
vgic_hyp_maintenance(struct hyp_vcpu *v)
{
	(void)v;
	return mock.maint_verdict;
}

/* ---- core ---- */

uint64_t
arch_cntpct(void)
{
	return mock.cntpct;
}

void
vmm_trace(struct vcpu *vcpu, enum vmm_trace_event ev, uint32_t a, uint64_t b)
{
	(void)vcpu;
	(void)ev;
	(void)a;
	(void)b;
}

void
vcpu_request(struct vcpu *vcpu, uint32_t req)
{
	mock.requests++;
	mock.last_request = req;
	mock.request_vcpu = vcpu->id;
	*vcpu->requests |= req;
}

int
vm_suspend(struct vm *vm, uint32_t how, uint32_t vcpuid)
{
	(void)vm;
	mock.suspend_how = how;
	mock.suspend_vcpu = vcpuid;
	return 0;
}

struct vcpu *
vm_vcpu(struct vm *vm, uint32_t id)
{
	return id < VM_MAXCPU && (vm->active >> id & 1) != 0 ? vm->vcpu[id] : NULL;
}

/* RAM is 0x40000000-0x47ffffff. */
int
vm_mem_read(struct vm *vm, gpa_t gpa, void *dst, size_t len)
{
	(void)vm;
	memset(dst, 0, len);
	return gpa.a >= 0x40000000 && gpa.a + len <= 0x48000000 ? 0 : -EFAULT;
}

void
vm_mem_flush_all(struct vm *vm)
{
	(void)vm;
	mock.flushes++;
}

/* ---- other files of sys/arm ---- */

int
stage2_init(struct vm *vm)
{
	(void)vm;
	return mock.stage2_error;
}

void
stage2_destroy(struct vm *vm)
{
	(void)vm;
	mock_say("stage2_destroy");
}

void
stage2_reset(struct vm *vm)
{
	(void)vm;
	mock_say("stage2_reset");
}

int
stage2_map_device(struct vm *vm, gpa_t gpa, hpa_t pa, unsigned int npages)
{
	(void)vm;
	(void)gpa;
	(void)pa;
	mock_say(npages == 2 ? "map_gicv" : "map_wrong");
	return mock.gicv_error;
}

void
vmid_update(struct vm *vm)
{
	(void)vm;
	mock_say("vmid");
}

enum vcpu_action
abort_data(struct vcpu *vcpu, struct vm_exit *vme)
{
	(void)vcpu;
	vme->exitcode = VM_EXITCODE_INST_EMUL;
	return EXIT_TO_USER;
}

enum vcpu_action
abort_inst(struct vcpu *vcpu, struct vm_exit *vme)
{
	(void)vcpu;
	(void)vme;
	return EXIT_RESUME;
}

enum vcpu_action
abort_bkpt(struct vcpu *vcpu, struct vm_exit *vme)
{
	(void)vcpu;
	(void)vme;
	return EXIT_RESUME;
}

int
vgic_attach(struct vm *vm, uint64_t dist_gpa, uint64_t cpu_gpa, uint32_t nirqs)
{
	if (mock.attach_error != 0)
		return mock.attach_error;
	hyp_vm(vm)->vgic.dist_gpa = dist_gpa;
	hyp_vm(vm)->vgic.cpu_gpa = cpu_gpa;
	hyp_vm(vm)->vgic.nirqs = nirqs;
	return 0;
}

void
vgic_detach(struct vm *vm)
{
	hyp_vm(vm)->vgic.nirqs = 0;
	mock_say("vgic_detach");
}

void
vgic_host_vcpu_init(struct vcpu *vcpu)
{
	hyp_vcpu(vcpu)->vgic.nlrs = arm_nlrs;
}

void
vgic_host_vcpu_reset(struct vcpu *vcpu)
{
	(void)vcpu;
	mock_say("vgic_reset");
}

bool
vgic_host_has_pending(struct vcpu *vcpu)
{
	(void)vcpu;
	return mock.pending;
}

void
vgic_host_sync(struct vcpu *vcpu)
{
	(void)vcpu;
	mock_say("sync");
}

void
vgic_host_flush(struct vcpu *vcpu)
{
	(void)vcpu;
	mock_say("flush");
}

int
vgic_host_set_level(struct vm *vm, uint32_t intid, bool level)
{
	(void)vm;
	mock_say(level ? "assert" : "deassert");
	return intid < 32 ? -EINVAL : 0;
}

void
vgic_host_hold(struct vm *vm, uint32_t intid)
{
	(void)vm;
	(void)intid;
	mock_say("vgic_hold");
}

void
vgic_host_set_resample(struct vm *vm, uint32_t intid, bool on)
{
	(void)vm;
	(void)intid;
	mock_say(on ? "vgic_resample" : "vgic_no_resample");
}

void
vgic_host_tell_ended(struct vcpu *vcpu)
{
	(void)vcpu;
}

bool
vgic_is_spi(const struct hyp_vm *vm, uint32_t intid)
{
	return intid >= 32 && intid < vm->vgic.nirqs;
}

int
vgic_host_pulse(struct vm *vm, uint32_t intid)
{
	(void)vm;
	mock_say("pulse");
	return intid < 32 ? -EINVAL : 0;
}

void
vtimer_vcpu_init(struct vcpu *vcpu)
{
	(void)vcpu;
}

void
vtimer_vcpu_destroy(struct vcpu *vcpu)
{
	(void)vcpu;
}

void
vtimer_vcpu_reset(struct vcpu *vcpu)
{
	(void)vcpu;
	mock_say("vtimer_reset");
}

void
vtimer_update(struct vcpu *vcpu)
{
	(void)vcpu;
	mock_say("vtimer");
}

void
vtimer_load(struct vcpu *vcpu)
{
	(void)vcpu;
	mock_say("vtimer_load");
}

bool
vtimer_has_expired(struct vcpu *vcpu)
{
	(void)vcpu;
	return mock.timer_expired;
}

void
vtimer_sleep_begin(struct vcpu *vcpu)
{
	(void)vcpu;
	mock_say("sleep");
}

void
vtimer_sleep_end(struct vcpu *vcpu)
{
	(void)vcpu;
	mock_say("wake");
}

uint64_t
vtimer_cntp_read(struct vcpu *vcpu, enum cntp_reg reg)
{
	(void)vcpu;
	mock.cntp_reg = reg;
	return mock.cntp_val;
}

void
vtimer_cntp_write(struct vcpu *vcpu, enum cntp_reg reg, uint64_t val)
{
	(void)vcpu;
	mock.cntp_writes++;
	mock.cntp_reg = reg;
	mock.cntp_val = val;
}

bool
vtimer_hyp_cntp(struct hyp_vcpu *v, enum cntp_reg reg, bool write, uint64_t *val)
{
	if (mock.cntp_to_host)
		return false;
	if (write)
		vtimer_cntp_write(&mock.vcpu[v->id], reg, *val);
	else
		*val = vtimer_cntp_read(&mock.vcpu[v->id], reg);
	return true;
}

/* ---- a host like a Cortex-A15 ---- */
void
sysreg_host_read(struct sysreg_host *h)
{
	static const uint32_t c0[] = { [0] = 0x412fc0f1,
		[1] = 0x8444c004,
		[5] = 0x80000000,
		[8] = 0x00001131,
		0x00011011,
		0x02010555,
		0x00000abc,
		0x10201105,
		0x20000000,
		0x01240000,
		0x02102211,
		0x02101110,
		0x13112111,
		0x21232041,
		0x11112131,
		0x10011142,
		0x00000007 };

	memset(h, 0, sizeof(*h));
	memcpy(h->c0, c0, sizeof(c0));
	h->fpsid = 0x410430f0;
	h->mvfr0 = 0x10110222;
	h->mvfr1 = 0x11111111;
	h->actlr = 0x41;
	h->l2ctlr = 0x01000082;
}
