/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * FreeBSD's HYP stub on ARMv7: how to see that the kernel was started in HYP mode, who answers
 * an HVC, and the way in.  The one file of the FreeBSD glue that names ARM registers.  Runs in
 * SVC mode; what makes an HVC runs with interrupts off, on the CPU it is for.
 *
 * The stub knows one call, HVC #0: with r0 == -1 it answers HVBAR, with any other r0 it makes that
 * HVBAR, and it keeps all registers but r0.  The microvisor answers r0 == -1 as it does
 * what it does not know.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <machine/cpu.h>

#include "vmm_freebsd.h"

#include <hyp.h>

/* DDI 0406C, ID_PFR1.Virtualization_Extensions: 1 where they are implemented. */
#define ID_PFR1_VIRT_SHIFT 12
#define ID_PFR1_VIRT_MASK  0xfu

/* CTR.DminLine: log2 of the words in the smallest data cache line */
#define CTR_DMINLINE_SHIFT 16
#define CTR_DMINLINE_MASK  0xfu

#define STUB_GET_HVBAR 0xffffffffu

/* In locore: 0 when all CPUs were started in HYP mode. */
extern uint32_t hypmode_enabled;
extern const char hypervisor_stub_vect[];

/*
 * Where HVBAR points for one HVC: the stub has no way to pass on where to go, so these vectors
 * do.  In: r1 = where to, r3 = the stub's vectors, which HVBAR is again then.  The other vectors
 * are not reached: HYP mode masks interrupts, and nothing here faults.  The ISB has HVBAR in force
 * (DDI 0406C B3.15.5).  Copied to a page, which is run with the MMU off.
 */
__asm__("	.arch_extension virt\n"
	"	.pushsection .rodata\n"
	"	.align	5\n"
	"hyp_stub_vectors:\n"
	"	b	.\n"
	"	b	.\n"
	"	b	.\n"
	"	b	.\n"
	"	b	.\n"
	"	mcr	p15, 4, r3, c12, c0, 0\n" /* 0x14: HVC; HVBAR */
	"	isb\n"
	"	bx	r1\n"
	"hyp_stub_vectors_end:\n"
	"	.popsection\n");
extern const char hyp_stub_vectors[], hyp_stub_vectors_end[];

static char *vectors;

/*
 * HVC #0.  The stub, the vectors above and the microvisor keep r4..r11 and sp.  lr is named since
 * it is the same register in HYP mode.
 */
static uint32_t
hvc(uint32_t r0_in, uint32_t r1_in, uint32_t r2_in, uint32_t r3_in)
{
	register uint32_t r0 __asm__("r0") = r0_in;
	register uint32_t r1 __asm__("r1") = r1_in;
	register uint32_t r2 __asm__("r2") = r2_in;
	register uint32_t r3 __asm__("r3") = r3_in;

	__asm__ volatile(".arch_extension virt\n\thvc #0"
			 : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
			 :
			 : "r12", "lr", "cc", "memory");
	return r0;
}

bool
hyp_stub_cpu_capable(void)
{
	uint32_t pfr1;

	__asm__ volatile("mrc p15, 0, %0, c0, c1, 1" : "=r"(pfr1));
	return ((pfr1 >> ID_PFR1_VIRT_SHIFT) & ID_PFR1_VIRT_MASK) == 1;
}

bool
hyp_stub_kernel_in_hyp(void)
{
	return hypmode_enabled == 0;
}

bool
hyp_stub_init(void)
{
	vectors = os_pages_alloc(0);
	if (vectors == NULL)
		return false;
	memcpy(vectors, hyp_stub_vectors, (size_t)(hyp_stub_vectors_end - hyp_stub_vectors));
	hyp_stub_flush_poc(vectors, os_va_to_pa(vectors), PAGE_BYTES);
	return true; /* arch_init invalidates the instruction caches */
}

void
hyp_stub_fini(void)
{
	os_pages_free(vectors, 0);
	vectors = NULL;
}

/* The microvisor is asked by its own name only where no stub is that would take it for HVBAR. */
enum hyp_stub_probe
hyp_stub_who(void)
{
	uint32_t answer = hvc(STUB_GET_HVBAR, 0, 0, 0);

	if (answer == os_module_va_to_pa(hypervisor_stub_vect).a)
		return HYP_STUB_OK;
	if (answer == HYP_CALL_UNKNOWN && hvc(HYP_CALL_NULL, 0, 0, 0) == 0)
		return HYP_STUB_OURS;
	return HYP_STUB_SOMEBODY;
}

uint32_t
hyp_stub_enter(hpa_t code, hpa_t params)
{
	uint32_t stub = hvc(STUB_GET_HVBAR, 0, 0, 0);

	(void)hvc((uint32_t)os_va_to_pa(vectors).a, 0, 0, 0);
	return hvc(0, (uint32_t)code.a, (uint32_t)params.a, stub);
}

/*
 * By address, all the way, and never an invalidation alone: other CPUs may write there meanwhile
 * (DDI 0406C B2.2.7).  An outer cache has it by physical address.
 */
void
hyp_stub_flush_poc(void *va, hpa_t pa, size_t bytes)
{
	uintptr_t at = (uintptr_t)va, line;
	uint32_t ctr;

	__asm__ volatile("mrc p15, 0, %0, c0, c0, 1" : "=r"(ctr));
	line = 4u << ((ctr >> CTR_DMINLINE_SHIFT) & CTR_DMINLINE_MASK);
	__asm__ volatile("dsb ish" : : : "memory");
	for (at &= ~(line - 1); at < (uintptr_t)va + bytes; at += line)
		__asm__ volatile("mcr p15, 0, %0, c7, c14, 1"
				 :
				 : "r"(at)
				 : "memory"); /* DCCIMVAC */
	__asm__ volatile("dsb sy" : : : "memory");
	cpu_l2cache_wbinv_range((vm_paddr_t)pa.a, bytes);
}
