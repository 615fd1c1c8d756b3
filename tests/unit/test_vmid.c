/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The VMID allocator.  Each CPU's TLB is modelled: it holds, by VMID, the VM whose entries it
 * has.  A VM in the guest fills it all the time, HYP_CALL_TLB_FLUSH_ALL empties all of
 * them, and no CPU may ever hold entries of two VMs under one VMID: first step by step, in a
 * random order, then by threads that are the CPUs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "arm.h"
#include "lpae.h"
#include "vmid.h"

#define MAX_CPUS 8u
#define MAX_VMS	 600u

static struct {
	struct vm vm;
	struct arch_vm arch;
	struct hyp_vm hyp;
	uint64_t root[2];
} vms[MAX_VMS];

static unsigned int cpus, vmids, flushes;
static __thread unsigned int this_cpu;
static uint32_t tlb[MAX_CPUS][VMID_MAX]; /* number of the VM + 1 */

unsigned int
os_cpu_id(void)
{
	return this_cpu;
}

unsigned int
os_cpu_count(void)
{
	return cpus;
}

hpa_t
os_va_to_pa(const void *va)
{
	size_t i = (size_t)((const char *)va - (const char *)vms) / sizeof(vms[0]);

	return HPA(0x100000000ull + i * 0x2000);
}

uint32_t
hyp_call(uint32_t call, uintptr_t a1)
{
	unsigned int c, i;

	(void)a1;
	if (call != HYP_CALL_TLB_FLUSH_ALL)
		abort();
	__atomic_add_fetch(&flushes, 1, __ATOMIC_RELAXED);
	for (c = 0; c < cpus; c++)
		for (i = 0; i < vmids; i++)
			__atomic_store_n(&tlb[c][i], 0, __ATOMIC_SEQ_CST);
	return 0;
}

static void
vm_make(unsigned int n)
{
	memset(&vms[n], 0, sizeof(vms[n]));
	vms[n].vm.arch = &vms[n].arch;
	vms[n].arch.hyp = &vms[n].hyp;
	vms[n].arch.s2.root = vms[n].root;
}

static void
begin(unsigned int ncpus, unsigned int bits)
{
	unsigned int i;

	cpus = ncpus;
	vmids = 1u << bits;
	flushes = 0;
	memset(tlb, 0, sizeof(tlb));
	for (i = 0; i < MAX_VMS; i++)
		vm_make(i);
	assert_int_equal(vmid_init(bits), 0);
}

static unsigned int
vm_vmid(unsigned int n)
{
	return (unsigned int)(__atomic_load_n(&vms[n].hyp.vttbr, __ATOMIC_SEQ_CST) >> 48) & 0xff;
}

/* The guest runs on this CPU under a VMID: what it finds in the TLB must be its own. */
static void
fill(unsigned int cpu, unsigned int vmid, unsigned int n)
{
	uint32_t had = __atomic_exchange_n(&tlb[cpu][vmid], n + 1, __ATOMIC_SEQ_CST);

	if (had != 0 && had != n + 1)
		fail_msg(
		    "CPU %u has entries of VM %u under VMID %u of VM %u", cpu, had - 1, vmid, n);
}

static void
enter(unsigned int cpu, unsigned int n)
{
	this_cpu = cpu;
	vmid_update(&vms[n].vm);
	assert_int_equal(vms[n].hyp.vttbr & 0xffffffffffull, os_va_to_pa(vms[n].root).a);
	assert_int_equal(vms[n].hyp.vttbr & ~(VTTBR_VMID_MASK | VTTBR_BADDR_MASK), 0);
	assert_int_not_equal(vm_vmid(n), 0);
	fill(cpu, vm_vmid(n), n);
}

static void
test_first(void **unused)
{
	(void)unused;
	begin(2, 8);
	/* the first VM of all cleans what a module before us left */
	enter(0, 0);
	assert_int_equal(flushes, 1);
	enter(1, 1);
	enter(0, 1);
	enter(1, 0);
	assert_int_not_equal(vm_vmid(0), vm_vmid(1));
	assert_int_equal(flushes, 1);
}

static void
test_all_are_used(void **unused)
{
	bool seen[VMID_MAX] = { false };
	unsigned int i;

	(void)unused;
	begin(1, 8);
	for (i = 0; i < 255; i++) {
		enter(0, i);
		assert_false(seen[vm_vmid(i)]);
		seen[vm_vmid(i)] = true;
	}
	assert_int_equal(flushes, 1);
	enter(0, 255);
	assert_int_equal(flushes, 2);
}

static void
test_running_keeps_its_vmid(void **unused)
{
	unsigned int i, vmid;

	(void)unused;
	begin(2, 3);
	enter(1, 0); /* and stays in the guest */
	vmid = vm_vmid(0);
	for (i = 1; i < 100; i++) {
		enter(0, i);
		assert_int_not_equal(vm_vmid(i), vmid);
		fill(1, vmid, 0);
	}
	assert_true(flushes > 5);
	/* another vCPU of it on another CPU: the same number, while the first still runs */
	enter(0, 0);
	assert_int_equal(vm_vmid(0), vmid);
	/* it comes out and in again */
	enter(1, 0);
	assert_int_equal(vm_vmid(0), vmid);
}

/* A tag that is old by more than a generation is not the one that is reserved now. */
static void
test_stale_tag_of_a_reserved_number(void **unused)
{
	unsigned int i, n = 0;

	(void)unused;
	begin(2, 3);
	for (i = 1; i < 200; i++) {
		enter(0, 0); /* VM 0 has a number, and leaves */
		n = vm_vmid(0);
		/* until VM i on CPU 1 has the same one in a later generation */
		enter(1, i);
		if (vm_vmid(i) == n)
			break;
	}
	for (i = 300; i < 320; i++)
		enter(0, i);
	enter(0, 0);
	for (i = 300; i < 320; i++) {
		fill(0, vm_vmid(0), 0);
		enter(0, i);
		enter(0, 0);
	}
}

static void
test_hosts_it_cannot_serve(void **unused)
{
	(void)unused;
	cpus = VMID_MAX_CPUS + 1;
	assert_int_equal(vmid_init(8), -19);
	cpus = 7;
	assert_int_equal(vmid_init(3), -19);
	assert_int_equal(vmid_init(9), -19);
	cpus = 6;
	assert_int_equal(vmid_init(3), 0);
	cpus = VMID_MAX_CPUS;
	assert_int_equal(vmid_init(8), 0);
}

static uint32_t
rnd(uint32_t *x, uint32_t n)
{
	*x = *x * 1664525 + 1013904223;
	return (*x >> 8) % n;
}

static void
random_steps(unsigned int ncpus, unsigned int bits, unsigned int nvms, unsigned int steps)
{
	struct {
		bool in;
		unsigned int vm, vmid;
	} cpu[MAX_CPUS] = { 0 };
	uint32_t seed = bits * 1000 + nvms;
	unsigned int i, c, n;

	begin(ncpus, bits);
	for (i = 0; i < steps; i++) {
		c = rnd(&seed, ncpus);
		if (cpu[c].in && rnd(&seed, 3) != 0) {
			fill(c, cpu[c].vmid, cpu[c].vm);
			/* vttbr under a running vCPU never changes */
			assert_int_equal(vm_vmid(cpu[c].vm), cpu[c].vmid);
			continue;
		}
		n = rnd(&seed, 4) != 0 ? rnd(&seed, nvms) : cpu[c].vm;
		enter(c, n);
		cpu[c].in = true;
		cpu[c].vm = n;
		cpu[c].vmid = vm_vmid(n);
		if (rnd(&seed, 8) == 0)
			cpu[c].in = false;
	}
}

static void
test_random(void **unused)
{
	(void)unused;
	random_steps(4, 3, 5, 8000);
	random_steps(4, 3, 30, 8000);
	random_steps(6, 3, 100, 8000);
	random_steps(8, 8, 600, 8000);
	random_steps(1, 2, 3, 8000);
}

#define THREAD_VMS 12u
#define ROUNDS	   20000u

static void *
cpu_thread(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg + 7;
	unsigned int i, j, n, vmid;

	this_cpu = (unsigned int)(uintptr_t)arg;
	for (i = 0; i < ROUNDS; i++) {
		n = rnd(&seed, THREAD_VMS);
		vmid_update(&vms[n].vm);
		vmid = vm_vmid(n);
		for (j = rnd(&seed, 4); j > 0; j--) {
			uint32_t had = __atomic_exchange_n(
			    &tlb[this_cpu][vmid], n + 1, __ATOMIC_SEQ_CST);

			if ((had != 0 && had != n + 1) || vm_vmid(n) != vmid)
				return (void *)1;
		}
	}
	return NULL;
}

static void
test_threads(void **unused)
{
	pthread_t thread[4];
	uintptr_t i;
	void *bad;

	(void)unused;
	begin(4, 3);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, cpu_thread, (void *)i), 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(thread[i], &bad), 0);
		assert_null(bad);
	}
	assert_true(flushes > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first),
		cmocka_unit_test(test_all_are_used),
		cmocka_unit_test(test_running_keeps_its_vmid),
		cmocka_unit_test(test_stale_tag_of_a_reserved_number),
		cmocka_unit_test(test_hosts_it_cannot_serve),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
