/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The module comes and goes: probe the host, set up the microvisor, enter HYP mode on every
 * CPU, offer the devices; and all of it backwards.  Each reason not to load is one line in the log
 * that says what to do, and leaves nothing behind.
 *
 * What must be gone before - VMs, maps of their memory, open events - counts itself (vmm_hold).
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/module.h>
#include <sys/smp.h>
#include <sys/sysctl.h>

#include "vmm_freebsd.h"

#include <vmm.h>

static struct os_machine vmm_machine;
static u_int holds;  /* [a] */
static bool leaving; /* [a] nothing new is made */
static bool loaded;

/* ---- hw.vmm ---- */

static SYSCTL_NODE(_hw, OID_AUTO, vmm, CTLFLAG_RW, NULL, "bhyve on ARM");
SYSCTL_STRING(_hw_vmm, OID_AUTO, version, CTLFLAG_RD, VMM_BUILD, 0, "what the module was made of");
SYSCTL_UINT(_hw_vmm, OID_AUTO, vtimer_ppi, CTLFLAG_RD, &vmm_machine.vtimer_ppi, 0,
    "INTID of the virtual timer's interrupt");
SYSCTL_UINT(_hw_vmm, OID_AUTO, maintenance_ppi, CTLFLAG_RD, &vmm_machine.maint_ppi, 0,
    "INTID of the GIC's maintenance interrupt");

static int
sysctl_vms(SYSCTL_HANDLER_ARGS)
{
	u_int vms = vmm_cdev_nodes();

	return sysctl_handle_int(oidp, &vms, 0, req);
}
SYSCTL_PROC(_hw_vmm, OID_AUTO, vms, CTLTYPE_UINT | CTLFLAG_RD | CTLFLAG_MPSAFE, NULL, 0, sysctl_vms,
    "IU", "VMs that exist");

static int
sysctl_memory(SYSCTL_HANDLER_ARGS)
{
	uint64_t bytes = (uint64_t)vmm_memory_guest_pages() * PAGE_SIZE;

	return sysctl_handle_64(oidp, &bytes, 0, req);
}
SYSCTL_PROC(_hw_vmm, OID_AUTO, guest_memory, CTLTYPE_U64 | CTLFLAG_RD | CTLFLAG_MPSAFE, NULL, 0,
    sysctl_memory, "QU", "bytes of memory that guests have");

static int
sysctl_spurious(SYSCTL_HANDLER_ARGS)
{
	u_long n = vmm_irq_spurious();

	return sysctl_handle_long(oidp, &n, 0, req);
}
SYSCTL_PROC(_hw_vmm, OID_AUTO, spurious_interrupts, CTLTYPE_ULONG | CTLFLAG_RD | CTLFLAG_MPSAFE,
    NULL, 0, sysctl_spurious, "LU", "our interrupts that the host had to take");

/* ---- who is in the way of unloading ---- */

/* Either side stores, then loads what the other stored: not both miss the other. */
bool
vmm_hold(void)
{
	__atomic_fetch_add(&holds, 1, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&leaving, __ATOMIC_SEQ_CST))
		return true;
	vmm_drop();
	return false;
}

void
vmm_drop(void)
{
	__atomic_fetch_sub(&holds, 1, __ATOMIC_SEQ_CST);
}

static bool
begin_to_leave(void)
{
	__atomic_store_n(&leaving, true, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&holds, __ATOMIC_SEQ_CST) == 0)
		return true;
	__atomic_store_n(&leaving, false, __ATOMIC_SEQ_CST);
	return false;
}

/* ---- coming ---- */

/* Who answers an HVC, CPU by CPU: bit n of what is found is enum hyp_stub_probe n. */
static void
probe_stub(void *arg)
{
	__atomic_fetch_or((u_int *)arg, 1u << hyp_stub_who(), __ATOMIC_RELAXED);
}

static int
check_stub(void)
{
	u_int found = 0;

	os_on_each_cpu(probe_stub, &found);
	if (found == 1u << HYP_STUB_OK)
		return 0;
	if ((found & 1u << HYP_STUB_OURS) != 0)
		vmm_err("another microvisor of this kind is in HYP mode; unload it, or reboot");
	else
		vmm_err(
		    "another hypervisor is in HYP mode; unload it, or boot a kernel without it");
	return EBUSY;
}

/* HYP mode on every CPU, or nothing. */
static int
enter(void)
{
	int error;

	error = check_stub();
	if (error != 0)
		return error;
	error = vmm_irq_init();
	if (error != 0)
		return error;
	error = vmm_errno(arch_init(&vmm_machine));
	if (error != 0) {
		vmm_err("the microvisor cannot be set up (error %d)", error);
		goto irq;
	}
	error = vmm_cpu_init();
	if (error == 0)
		return 0;
	arch_fini();
irq:
	vmm_irq_fini();
	return error;
}

static void
leave(void)
{
	vmm_cpu_fini();
	arch_fini();
	vmm_irq_fini();
}

static int
offer(void)
{
	int error;

	error = vmm_event_init();
	if (error != 0)
		return error;
	error = vmm_errno(vmm_init());
	if (error != 0)
		goto event;
	error = vmm_cdev_init();
	if (error == 0)
		return 0;
	(void)vmm_fini();
event:
	vmm_event_fini();
	return error;
}

static int
load(void)
{
	int error;

	error = vmm_irq_probe(&vmm_machine);
	if (error != 0)
		return error;
	error = vmm_memory_init();
	if (error != 0)
		goto unmap;
	error = hyp_stub_init() ? 0 : ENOMEM;
	if (error != 0)
		goto memory;
	error = enter();
	if (error != 0)
		goto stub;
	error = offer();
	if (error != 0)
		goto leave;
	loaded = true;
	printf("vmm: %s: HYP mode on %d CPU(s), virtual timer PPI %u, maintenance PPI %u\n",
	    VMM_BUILD, mp_ncpus, vmm_machine.vtimer_ppi, vmm_machine.maint_ppi);
	return 0;
leave:
	leave();
stub:
	hyp_stub_fini();
memory:
	vmm_memory_fini();
unmap:
	vmm_irq_unmap();
	return error;
}

/* ---- going ---- */

static int
unload(void)
{
	if (!loaded)
		return 0;
	if (!begin_to_leave())
		return EBUSY;
	loaded = false;
	vmm_cdev_fini();
	vmm_event_fini(); /* a job may have had the last reference to a VM */
	if (vmm_fini() != 0)
		os_panic("unloaded with VMs alive");
	leave();
	hyp_stub_fini();
	vmm_memory_fini();
	vmm_irq_unmap();
	/* Who gave up the last hold is a few instructions from having left our text. */
	pause("vmmgo", MAX(hz / 10, 1));
	printf("vmm: unloaded; HYP mode is the kernel's again\n");
	return 0;
}

static int
vmm_modevent(module_t mod __unused, int what, void *arg __unused)
{
	switch (what) {
	case MOD_LOAD:
		return load();
	case MOD_QUIESCE:
		return __atomic_load_n(&holds, __ATOMIC_SEQ_CST) == 0 ? 0 : EBUSY;
	case MOD_UNLOAD:
		return unload();
	case MOD_SHUTDOWN:
		return 0; /* cpu.c has done what there is to do */
	default:
		return EOPNOTSUPP;
	}
}

static moduledata_t vmm_mod = { __XSTRING(VMM_MODULE), vmm_modevent, NULL };

/* After all CPUs have been started, wherever the module came from. */
DECLARE_MODULE(VMM_MODULE, vmm_mod, SI_SUB_SMP + 1, SI_ORDER_ANY);
MODULE_VERSION(VMM_MODULE, 1);
