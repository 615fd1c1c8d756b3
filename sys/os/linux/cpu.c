/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * HYP mode on every CPU, for as long as the module is there: bring-up, CPU hotplug,
 * CPU power management (and with it suspend), reboot and kexec.  All of it comes down to
 * arch_cpu_up and arch_cpu_down on the CPU itself with interrupts off.
 */
#include <linux/cpu.h>
#include <linux/cpu_pm.h>
#include <linux/cpuhotplug.h>
#include <linux/notifier.h>
#include <linux/reboot.h>
#include <linux/smp.h>

#include "vmm_linux.h"

#include <arch.h>

/*
 * The slot of KVM's, which ARMv7 has lost.  Its callbacks run on the CPU with interrupts off,
 * before the first task can run there and after the last one has: no vCPU ever meets a CPU
 * without its microvisor.  The dynamic slots run among tasks.
 */
#define VMM_CPUHP_STATE CPUHP_AP_KVM_STARTING

bool vmm_rebooting;
static struct cpumask cpus_up; /* each CPU its own bit */

static int
cpu_up_here(unsigned int cpu)
{
	int error;

	if (READ_ONCE(vmm_rebooting))
		return 0;
	error = arch_cpu_up();
	if (error != 0) {
		pr_err("CPU %u does not enter HYP mode (error %d)\n", cpu, error);
		return 0; /* a starting CPU may not fail; the mask tells */
	}
	if (!cpumask_test_and_set_cpu(cpu, &cpus_up))
		vmm_irq_cpu_up();
	return 0;
}

static int
cpu_down_here(unsigned int cpu)
{
	if (cpumask_test_and_clear_cpu(cpu, &cpus_up))
		vmm_irq_cpu_down();
	arch_cpu_down();
	return 0;
}

/*
 * A CPU that loses its power comes back through the stub.  The PPIs' enables are the GIC
 * driver's to restore.
 */
static int
cpu_pm(struct notifier_block *nb, unsigned long event, void *unused)
{
	if (READ_ONCE(vmm_rebooting) || !cpumask_test_cpu(smp_processor_id(), &cpus_up))
		return NOTIFY_DONE;
	switch (event) {
	case CPU_PM_ENTER:
		arch_cpu_down();
		return NOTIFY_OK;
	case CPU_PM_ENTER_FAILED:
	case CPU_PM_EXIT:
		if (arch_cpu_up() != 0)
			os_panic("CPU %u has lost its microvisor after power management",
			    smp_processor_id());
		return NOTIFY_OK;
	default:
		return NOTIFY_DONE;
	}
}

static struct notifier_block cpu_pm_nb = { .notifier_call = cpu_pm };

static void
leave(void *unused)
{
	arch_cpu_down();
}

/*
 * The next kernel must find this one's stub.  Once a CPU has been through leave() no vCPU enters
 * the guest there: the run loop looks at vmm_rebooting with interrupts off.
 */
static int
reboot(struct notifier_block *nb, unsigned long event, void *unused)
{
	WRITE_ONCE(vmm_rebooting, true);
	on_each_cpu(leave, NULL, 1);
	return NOTIFY_DONE;
}

static struct notifier_block reboot_nb = { .notifier_call = reboot };

int
vmm_cpu_init(void)
{
	int error;

	error = cpuhp_setup_state(VMM_CPUHP_STATE, "vmm/arm:starting", cpu_up_here, cpu_down_here);
	if (error != 0) {
		pr_err("another hypervisor of this kernel watches CPU hotplug (error %d); unload "
		       "it first, or boot without it (KVM: kvm-arm.mode=none)\n",
		    error);
		return error;
	}
	if (!cpumask_subset(cpu_online_mask, &cpus_up)) {
		error = -EIO; /* cpu_up_here has said which */
		goto hotplug;
	}
	error = cpu_pm_register_notifier(&cpu_pm_nb);
	if (error != 0)
		goto hotplug;
	error = register_reboot_notifier(&reboot_nb);
	if (error == 0)
		return 0;
	cpu_pm_unregister_notifier(&cpu_pm_nb);
hotplug:
	cpuhp_remove_state(VMM_CPUHP_STATE);
	return error;
}

void
vmm_cpu_fini(void)
{
	unregister_reboot_notifier(&reboot_nb);
	cpu_pm_unregister_notifier(&cpu_pm_nb);
	cpuhp_remove_state(VMM_CPUHP_STATE);
}
