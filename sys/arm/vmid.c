/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * VMIDs: the eight bits of VTTBR that keep one VM's TLB entries from another's (DDI 0406C
 * B3.9).  vmid_update gives one to a VM before each entry: host side, interrupts off.
 *
 * A VM's tag is generation << VMID_BITS_MAX | VMID; hyp_vm.vmid_gen holds it, 0 is none.
 * VMIDs are handed out until a generation has no more; then the next begins: all TLBs
 * are invalidated, and who comes with a tag of an older generation gets a new VMID.
 * VMID 0 is the host's, and never given away.
 *
 * A VM may be in the guest on some CPU while another CPU begins a generation.  It is not
 * forced out: it keeps its VMID.  Each CPU publishes in active[] the tag it enters with.
 * Rollover takes all of them (exchange with 0) into reserved[], and what is reserved is not
 * handed out in the new generation, but to the VM whose tag it is.  Why that is enough:
 *  - Two VMs never share a VMID in TLBs: entries made before the invalidation are gone;
 *    those made after it are of VMs that were in the guest meanwhile, under reserved VMIDs, or of
 *    VMs that got theirs from the new generation.
 *  - A CPU cannot slip in with an old tag unseen.  The fast path finds the generation
 *    current, then publishes with a compare-and-exchange against a value that is not 0.  If
 *    that comes before rollover's exchange, rollover sees the tag; if after, it finds 0 and
 *    fails, and goes the slow way, under the lock.
 *  - vttbr may be rewritten while a vCPU of the VM runs elsewhere only if the VM was not
 *    running at rollover; that it then runs means it got its tag in this generation,
 *    and is not given another.  A VM that was running keeps its number, so that vttbr is
 *    rewritten with what it holds.
 *  - Unmapping reads vttbr for the VMID to invalidate (in HYP) after a DSB that follows its
 *    stores to the tables; vmid_update writes vttbr, then comes the DSB that vcpu_run in HYP
 *    begins with, then the guest walks those tables.  So either the invalidation takes the new
 *    VMID or the guest does not see the old entry.
 * Each CPU can hold one reserved VMID, so there must be fewer CPUs than VMIDs.
 */
#include <errno.h>
#include <pte.h>

#include "arm.h"
#include "lpae.h"
#include "vmid.h"

static struct hyp_lock vmid_lock;
static uint64_t vmid_generation;	      /* [vmid_lock to write], [a] */
static uint32_t vmid_next;		      /* [vmid_lock] first that may be free */
static uint32_t vmid_count;		      /* [I] 2^bits */
static uint32_t vmid_used[VMID_MAX / 32];     /* [vmid_lock] of this generation */
static uint64_t vmid_active[VMID_MAX_CPUS];   /* [a] the tag each CPU entered with last */
static uint64_t vmid_reserved[VMID_MAX_CPUS]; /* [vmid_lock] tags taken over from before */

static uint32_t
tag_vmid(uint64_t tag)
{
	return (uint32_t)tag & (VMID_MAX - 1);
}

int
vmid_init(unsigned int bits)
{
	unsigned int i;

	if (bits > VMID_BITS_MAX || os_cpu_count() > VMID_MAX_CPUS ||
	    os_cpu_count() + 1 >= BIT(bits))
		return -ENODEV;
	vmid_count = BIT(bits);
	for (i = 0; i < VMID_MAX_CPUS; i++)
		vmid_active[i] = vmid_reserved[i] = 0;
	/* As if all were taken: the first VM begins a generation, and that cleans the TLBs. */
	vmid_generation = 1;
	vmid_next = vmid_count;
	vmid_lock.held = 0;
	return 0;
}

/* Under the lock.  Nobody's TLB entries but those of running VMs outlive it. */
static void
vmid_rollover(void)
{
	uint64_t tag;
	unsigned int i;

	for (i = 0; i < NELEM(vmid_used); i++)
		vmid_used[i] = 0;
	vmid_next = 1;
	/* the new generation first: who publishes after the exchange below must notice */
	__atomic_store_n(&vmid_generation, vmid_generation + 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < VMID_MAX_CPUS; i++) {
		tag = __atomic_exchange_n(&vmid_active[i], 0, __ATOMIC_SEQ_CST);
		/* 0: it has not come by since the last rollover, and still runs what it ran then */
		if (tag == 0)
			tag = vmid_reserved[i];
		vmid_reserved[i] = tag;
		vmid_used[tag_vmid(tag) / 32] |= BIT(tag_vmid(tag) % 32);
	}
	/* also I-caches that are tagged by VMID; inner shareable; complete when it returns */
	(void)hyp_call(HYP_CALL_TLB_FLUSH_ALL, 0);
}

/* Under the lock: was it running at a rollover since it got this tag?  Then it keeps the VMID. */
static bool
vmid_keep_reserved(uint64_t old, uint64_t tag)
{
	bool found = false;
	unsigned int i;

	for (i = 0; i < VMID_MAX_CPUS; i++) {
		if (old != 0 && vmid_reserved[i] == old) {
			vmid_reserved[i] = tag;
			found = true;
		}
	}
	return found;
}

static uint32_t
vmid_find_free(void)
{
	uint32_t n;

	for (n = vmid_next; n < vmid_count; n++) {
		if ((vmid_used[n / 32] & BIT(n % 32)) == 0) {
			vmid_used[n / 32] |= BIT(n % 32);
			vmid_next = n + 1;
			return n;
		}
	}
	return 0;
}

static uint64_t
vmid_new_tag(uint64_t old)
{
	uint64_t tag = vmid_generation << VMID_BITS_MAX | tag_vmid(old);
	uint32_t n;

	if (vmid_keep_reserved(old, tag))
		return tag;
	n = vmid_find_free();
	if (n == 0) {
		vmid_rollover();
		/* it may have been running itself, on another CPU */
		tag = vmid_generation << VMID_BITS_MAX | tag_vmid(old);
		if (vmid_keep_reserved(old, tag))
			return tag;
		n = vmid_find_free();
	}
	return vmid_generation << VMID_BITS_MAX | n;
}

static bool
tag_is_current(uint64_t tag)
{
	return tag >> VMID_BITS_MAX == __atomic_load_n(&vmid_generation, __ATOMIC_SEQ_CST);
}

static void
vmid_update_slow(struct vm *vm, uint64_t *active)
{
	struct hyp_vm *hvm = hyp_vm(vm);
	uint64_t tag;

	hyp_lock_spin(&vmid_lock);
	tag = hvm->vmid_gen;
	if (!tag_is_current(tag)) {
		tag = vmid_new_tag(tag);
		pte_store(&hvm->vttbr,
		    os_va_to_pa(arch_vm(vm)->s2.root).a |
			(uint64_t)tag_vmid(tag) << VTTBR_VMID_SHIFT);
		/* who finds the tag current without the lock has vttbr too */
		__atomic_store_n(&hvm->vmid_gen, tag, __ATOMIC_RELEASE);
	}
	__atomic_store_n(active, tag, __ATOMIC_SEQ_CST);
	hyp_unlock(&vmid_lock);
}

void
vmid_update(struct vm *vm)
{
	uint64_t *active = &vmid_active[os_cpu_id()];
	uint64_t old = __atomic_load_n(active, __ATOMIC_RELAXED);
	uint64_t tag = __atomic_load_n(&hyp_vm(vm)->vmid_gen, __ATOMIC_ACQUIRE);

	if (old != 0 && tag_is_current(tag) &&
	    __atomic_compare_exchange_n(
		active, &old, tag, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		return;
	vmid_update_slow(vm, active);
}
