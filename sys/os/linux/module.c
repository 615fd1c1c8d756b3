/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * vmm.ko comes and goes: probe the host, set up the microvisor, enter HYP mode on every
 * CPU, offer the devices; and all of it backwards.  Each reason not to load is one line in
 * the log that says what to do, and leaves nothing behind.
 */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/smp.h>

#include "vmm_linux.h"

#include <vmm.h>

static bool force_hyp;
module_param(force_hyp, bool, 0444);
MODULE_PARM_DESC(force_hyp, "believe that the kernel was started in HYP mode (crashes if not)");

static int
get_vms(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%u\n", vmm_vm_count());
}

static const struct kernel_param_ops vms_ops = { .get = get_vms };
module_param_cb(vms, &vms_ops, NULL, 0444);
MODULE_PARM_DESC(vms, "VMs that exist (read only)");

static int
get_spurious(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%lu\n", vmm_irq_spurious());
}

static const struct kernel_param_ops spurious_ops = { .get = get_spurious };
module_param_cb(spurious_interrupts, &spurious_ops, NULL, 0444);
MODULE_PARM_DESC(spurious_interrupts, "our interrupts that the host had to take (read only)");

/* Who answers an HVC, CPU by CPU: bit n of what is found is enum hyp_stub_probe n. */
static void
probe_stub(void *arg)
{
	atomic_t *found = arg;

	atomic_or((int)BIT(hyp_stub_who()), found);
}

static int
check_stub(void)
{
	atomic_t found = ATOMIC_INIT(0);

	on_each_cpu(probe_stub, &found, 1);
	if (atomic_read(&found) == (int)BIT(HYP_STUB_OK))
		return 0;
	if ((atomic_read(&found) & (int)BIT(HYP_STUB_OURS)) != 0)
		pr_err("another microvisor of this kind is in HYP mode; unload it, or reboot\n");
	else
		pr_err("another hypervisor is in HYP mode; unload it, or boot a kernel without "
		       "it (KVM: kvm-arm.mode=none)\n");
	return -EBUSY;
}

static int __init
vmm_module_init(void)
{
	struct os_machine machine = {};
	int error;

	error = vmm_irq_probe(&machine, force_hyp);
	if (error != 0)
		return error;
	error = check_stub();
	if (error != 0)
		goto unmap;
	error = vmm_irq_init();
	if (error != 0)
		goto unmap;
	vmm_sched_init();
	error = arch_init(&machine);
	if (error != 0) {
		pr_err("the microvisor cannot be set up (error %d)\n", error);
		goto irq;
	}
	error = vmm_cpu_init();
	if (error != 0)
		goto arch;
	error = vmm_event_init();
	if (error != 0)
		goto cpu;
	error = vmm_init();
	if (error != 0)
		goto event;
	error = vmm_cdev_init();
	if (error != 0) {
		pr_err("no device nodes (error %d)\n", error);
		goto core;
	}
	pr_info("%s: HYP mode on %u CPU(s), virtual timer PPI %u, maintenance PPI %u\n", VMM_BUILD,
	    num_online_cpus(), machine.vtimer_ppi, machine.maint_ppi);
	return 0;
core:
	vmm_fini();
event:
	vmm_event_fini();
cpu:
	vmm_cpu_fini();
arch:
	arch_fini();
irq:
	vmm_irq_fini();
unmap:
	vmm_irq_unmap();
	return error;
}

/* No VM is left: each holds a reference on the module. */
static void __exit
vmm_module_exit(void)
{
	vmm_cdev_fini();
	vmm_event_fini(); /* a job may have had the last reference to a VM */
	if (vmm_fini() != 0)
		os_panic("unloaded with VMs alive");
	vmm_cpu_fini();
	vmm_sched_fini();
	arch_fini();
	vmm_irq_fini();
	vmm_irq_unmap();
	pr_info("unloaded; HYP mode is the kernel's again\n");
}

module_init(vmm_module_init);
module_exit(vmm_module_exit);
MODULE_LICENSE("Dual BSD/GPL");
MODULE_AUTHOR("The bhyve-arm authors");
MODULE_DESCRIPTION("bhyve on ARM: virtual machines on processors with HYP mode");
MODULE_VERSION(VMM_BUILD);
