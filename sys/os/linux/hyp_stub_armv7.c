/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Linux's HYP stub on ARMv7: how to see that the kernel was started in HYP mode, who
 * answers an HVC, the way in, and caches by address.  The one file of the Linux glue that names
 * ARM registers.
 * Runs in SVC mode; what makes an HVC runs with interrupts off, on the CPU it is for.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <asm/cacheflush.h>
#include <asm/outercache.h>

#include "vmm_linux.h"

#include <hyp.h>

/* DDI 0406C, ID_PFR1.Virtualization_Extensions: 1 where they are implemented. */
#define ID_PFR1_VIRT_SHIFT 12
#define ID_PFR1_VIRT_MASK  0xfu

/*
 * GICC_CTLR.EOImodeNS, IHI 0048B 4.4.1.  Linux sets it if and only if all CPUs were started in
 * HYP mode and the distributor is a GICv2's.
 */
#define GICC_CTLR	  0x0
#define GICC_CTLR_EOIMODE BIT(9)

/*
 * HVC #0.  The stub and the trampoline keep r4..r11 and sp; the calling
 * convention takes care of the rest.  lr is named since it is the same register in HYP mode.
 */
static u32
hvc(u32 r0_in, u32 r1_in, u32 r2_in)
{
	register u32 r0 asm("r0") = r0_in;
	register u32 r1 asm("r1") = r1_in;
	register u32 r2 asm("r2") = r2_in;

	asm volatile(".arch_extension virt\n\thvc #0"
		     : "+r"(r0), "+r"(r1), "+r"(r2)
		     :
		     : "r3", "r12", "lr", "cc", "memory");
	return r0;
}

bool
hyp_stub_cpu_capable(void)
{
	u32 pfr1;

	asm volatile("mrc p15, 0, %0, c0, c1, 1" : "=r"(pfr1));
	return ((pfr1 >> ID_PFR1_VIRT_SHIFT) & ID_PFR1_VIRT_MASK) == 1;
}

const char *
hyp_stub_objection(void)
{
	return NULL;
}

bool
hyp_stub_kernel_in_hyp(const void __iomem *gicc)
{
	return (readl_relaxed(gicc + GICC_CTLR) & GICC_CTLR_EOIMODE) != 0;
}

enum hyp_stub_probe
hyp_stub_who(void)
{
	u32 answer = hvc(HYP_CALL_NULL, 0, 0);

	if (answer == HYP_CALL_UNKNOWN)
		return HYP_STUB_OK;
	return answer == 0 ? HYP_STUB_OURS : HYP_STUB_SOMEBODY;
}

uint32_t
hyp_stub_enter(hpa_t code, hpa_t params)
{
	return hvc(HYP_CALL_SOFT_RESTART, (u32)code.a, (u32)params.a);
}

void
hyp_stub_flush_page(struct page *page, void *va)
{
	__cpuc_flush_dcache_area(va, PAGE_SIZE);
	outer_flush_range(page_to_phys(page), page_to_phys(page) + PAGE_SIZE);
}
