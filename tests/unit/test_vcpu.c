/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The ARM half of a VM and of a vCPU: making, failing half way, reset, and the order of
 * the steps around a world switch.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <psr.h>

#include "arm_mock.h"
#include "errno.h"
#include "psci.h"

static const struct vm_attach_vgic vgic = { .dist_start = 0x08000000,
	.dist_size = 0x10000,
	.cpu_start = 0x08010000,
	.cpu_size = 0x10000,
	.nirqs = 288 };

static void
test_vm_init_fails(void **state)
{
	struct vm vm;
	int i;

	(void)state;
	memset(&mock, 0, sizeof(mock));
	memset(&vm, 0, sizeof(vm));
	for (i = 1; i <= 2; i++) {
		mock.fail_alloc = i;
		assert_int_equal(arch_vm_init(&vm), -ENOMEM);
		assert_null(vm.arch);
	}
	mock.fail_alloc = 0;
	mock.fail_map = 1;
	assert_int_equal(arch_vm_init(&vm), -ENOMEM);
	mock.stage2_error = -ENOMEM;
	assert_int_equal(arch_vm_init(&vm), -ENOMEM);
	assert_null(vm.arch);
	assert_int_equal(mock.pages, 0);
	arch_vm_destroy(&vm); /* again is fine */
}

static void
test_vcpu_init_fails(void **state)
{
	struct vcpu vcpu;
	unsigned int pages = mock.pages;
	int i;

	(void)state;
	memset(&vcpu, 0, sizeof(vcpu));
	vcpu.vm = &mock.vm;
	vcpu.id = 5;
	for (i = 1; i <= 2; i++) {
		mock.fail_alloc = i;
		assert_int_equal(arch_vcpu_init(&vcpu), -ENOMEM);
	}
	mock.fail_alloc = 0;
	mock.fail_map = 1;
	assert_int_equal(arch_vcpu_init(&vcpu), -ENOMEM);
	assert_null(vcpu.arch);
	assert_int_equal(mock.pages, pages);
	assert_true(hyp_vm(&mock.vm)->vcpu[5].a == 0);
	arch_vcpu_destroy(&vcpu);
}

static void
test_vcpu_init(void **state)
{
	struct hyp_vcpu *v = mock_hv(3);

	(void)state;
	assert_int_equal(v->id, 3);
	assert_int_equal(v->loaded_cpu, ~0u);
	assert_true(v->vm.a == (uintptr_t)hyp_vm(&mock.vm));
	assert_true(hyp_vm(&mock.vm)->vcpu[3].a == (uintptr_t)v);
	assert_int_equal(hyp_vm(&mock.vm)->nvcpus, VM_MAXCPU);
	assert_ptr_equal(mock.vcpu[3].requests, &v->requests);
	assert_ptr_equal(mock.vcpu[3].stats, v->stats);
	assert_true(hyp_vm(&mock.vm)->cntvoff == 1000);
	assert_true(arch_vcpu_powered(&mock.vcpu[0]));
	assert_false(arch_vcpu_powered(&mock.vcpu[3]));
	assert_int_equal(v->regs.cpsr, 0x1d3);
	arch_vcpu_destroy(&mock.vcpu[3]);
	assert_true(hyp_vm(&mock.vm)->vcpu[3].a == 0);
}

static void
test_reset_forgets(void **state)
{
	struct hyp_vcpu *v = mock_hv(1);

	(void)state;
	memset(&v->regs, 0xaa, sizeof(v->regs));
	memset(&v->vfp, 0xaa, sizeof(v->vfp));
	memset(&v->sys, 0xaa, sizeof(v->sys));
	v->hcr |= HCR_VA;
	arch_vcpu(&mock.vcpu[1])->access.valid = true;
	arch_vcpu(&mock.vcpu[1])->caches_on = SCTLR_C;
	v->stats[VMM_STAT_EXITS] = 17;
	mock.journal[0] = 0;
	arch_vcpu_reset(&mock.vcpu[1], true);
	assert_string_equal(mock.journal, "vgic_reset vtimer_reset ");
	assert_int_equal(v->regs.r[7], 0);
	assert_int_equal(v->regs.fiq.lr, 0);
	assert_int_equal(v->regs.pc, 0);
	assert_true(v->vfp.d[31] == 0 && v->vfp.fpexc == 0);
	assert_int_equal(v->sys.tpidrprw, 0);
	assert_int_equal(v->hcr & HCR_VA, 0);
	assert_false(arch_vcpu(&mock.vcpu[1])->access.valid);
	assert_int_equal(arch_vcpu(&mock.vcpu[1])->caches_on, 0);
	assert_true(v->stats[VMM_STAT_EXITS] == 17);
	assert_true(arch_vcpu_powered(&mock.vcpu[1]));
}

/* VMID, timer lines, list registers, guest, and back; VCPU_REQ_IRQ is taken, others stay. */
static void
test_enter(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);

	(void)state;
	v->requests = VCPU_REQ_IRQ | VCPU_REQ_STOP;
	arch_vcpu_enter(&mock.vcpu[0]);
	assert_string_equal(mock.journal, "vmid vtimer flush run sync ");
	assert_int_equal(mock.enter_requests, VCPU_REQ_STOP);
}

static void
test_wfe_trap(void **state)
{
	struct hyp_vcpu *v = mock_hv(0);

	(void)state;
	arch_vcpu_load(&mock.vcpu[0]);
	assert_string_equal(mock.journal, "vtimer_load ");
	assert_int_equal(v->hcr & HCR_TWE, 0);
	mock.cpus = 3; /* for four vCPUs */
	arch_vcpu_load(&mock.vcpu[0]);
	assert_int_equal(v->hcr & HCR_TWE, HCR_TWE);
	mock.cpus = 4;
	arch_vcpu_load(&mock.vcpu[0]);
	assert_int_equal(v->hcr & HCR_TWE, 0);
	arch_vcpu_put(&mock.vcpu[0]);
}

static void
test_has_work(void **state)
{
	(void)state;
	assert_false(arch_vcpu_has_work(&mock.vcpu[0]));
	mock.pending = true;
	assert_true(arch_vcpu_has_work(&mock.vcpu[0]));
	assert_false(arch_vcpu_has_work(&mock.vcpu[1])); /* off */
	mock.pending = false;
	mock.timer_expired = true;
	assert_true(arch_vcpu_has_work(&mock.vcpu[0]));
	mock.timer_expired = false;
	mock_hv(0)->hcr |= HCR_VA;
	assert_true(arch_vcpu_has_work(&mock.vcpu[0]));
	arch_vcpu_sleep_begin(&mock.vcpu[0]);
	arch_vcpu_sleep_end(&mock.vcpu[0]);
	assert_string_equal(mock.journal, "sleep wake ");
}

static void
test_interrupts(void **state)
{
	(void)state;
	assert_int_equal(arch_assert_irq(&mock.vm, 33), -ENXIO);
	assert_int_equal(arch_deassert_irq(&mock.vm, 33), -ENXIO);
	assert_int_equal(arch_pulse_irq(&mock.vm, 33), -ENXIO);
	assert_int_equal(arch_vm_attach_vgic(&mock.vm, &vgic), 0);
	assert_int_equal(arch_assert_irq(&mock.vm, 33), 0);
	assert_int_equal(arch_deassert_irq(&mock.vm, 33), 0);
	assert_int_equal(arch_pulse_irq(&mock.vm, 33), 0);
	assert_string_equal(mock.journal, "map_gicv assert deassert pulse ");
	assert_int_equal(arch_assert_irq(&mock.vm, 3), -EINVAL);
}

static void
test_attach_fails(void **state)
{
	(void)state;
	mock.attach_error = -EINVAL;
	assert_int_equal(arch_vm_attach_vgic(&mock.vm, &vgic), -EINVAL);
	assert_string_equal(mock.journal, "");
	mock.attach_error = 0;
	mock.gicv_error = -ENOMEM;
	assert_int_equal(arch_vm_attach_vgic(&mock.vm, &vgic), -ENOMEM);
	assert_int_equal(hyp_vm(&mock.vm)->vgic.nirqs, 0);
}

static void
test_vm_reset(void **state)
{
	(void)state;
	assert_int_equal(arch_vm_attach_vgic(&mock.vm, &vgic), 0);
	mock.journal[0] = 0;
	mock.cntpct = 5000;
	arch_vm_reset(&mock.vm);
	assert_string_equal(mock.journal, "stage2_reset vgic_detach ");
	assert_true(hyp_vm(&mock.vm)->cntvoff == 5000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vm_init_fails),
		mock_test(test_vcpu_init_fails),
		mock_test(test_vcpu_init),
		mock_test(test_reset_forgets),
		mock_test(test_enter),
		mock_test(test_wfe_trap),
		mock_test(test_has_work),
		mock_test(test_interrupts),
		mock_test(test_attach_fails),
		mock_test(test_vm_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
