/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * HYP mode on every CPU, for as long as the module is there or until the host goes down.
 * FreeBSD starts all CPUs before modules come (SI_SUB_SMP) and takes none away on ARMv7, which
 * has no suspend either.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/eventhandler.h>
#include <sys/reboot.h>
#include <sys/smp.h>

#include "vmm_compat.h"
#include "vmm_freebsd.h"

#include <arch.h>

bool vmm_rebooting;

static u_int cpus_failed; /* [a] */
static eventhandler_tag shutdown_tag;

static void
cpu_up_here(void *unused __unused)
{
	if (arch_cpu_up() == 0)
		vmm_irq_cpu_up();
	else
		__atomic_fetch_add(&cpus_failed, 1, __ATOMIC_RELAXED);
}

static void
cpu_down_here(void *unused __unused)
{
	if (arch_cpu_is_up())
		vmm_irq_cpu_down();
	arch_cpu_down();
}

/*
 * What is started next must find the kernel's stub.  Once a CPU has left HYP mode no vCPU enters
 * the guest there: the run loop looks at vmm_rebooting with interrupts off.  A kernel that
 * panics has stopped the other CPUs.
 */
static void
going_down(void *unused __unused, int howto __unused)
{
	if (compat_panicking())
		return;
	STORE_ONCE(vmm_rebooting, true);
	os_on_each_cpu(cpu_down_here, NULL);
}

int
vmm_cpu_init(void)
{
	cpus_failed = 0;
	os_on_each_cpu(cpu_up_here, NULL);
	if (cpus_failed != 0) {
		vmm_err("%u of %d CPUs do not enter HYP mode", cpus_failed, mp_ncpus);
		os_on_each_cpu(cpu_down_here, NULL);
		return EIO;
	}
	shutdown_tag = EVENTHANDLER_REGISTER(
	    shutdown_post_sync, going_down, NULL, SHUTDOWN_PRI_LAST);
	return 0;
}

void
vmm_cpu_fini(void)
{
	EVENTHANDLER_DEREGISTER(shutdown_post_sync, shutdown_tag);
	os_on_each_cpu(cpu_down_here, NULL);
}
