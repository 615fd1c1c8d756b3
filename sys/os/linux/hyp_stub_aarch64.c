/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Linux's EL2 stub on AArch64: how to see that the kernel was started at EL2, who
 * answers an HVC, the way in, and caches by address.  The one file of the Linux glue that names ARM
 * registers.  Runs at EL1; what makes an HVC runs with interrupts off, on the CPU it is for.
 */
#include <linux/io.h>

#include "vmm_linux.h"

#include <hyp.h>

/* DDI 0487, ID_AA64PFR0_EL1.EL2: not zero where it is implemented. */
#define ID_PFR0_EL2_SHIFT 8
#define ID_PFR0_EL2_MASK  0xful

#define CURRENTEL_EL2 (2ul << 2)

/*
 * GICC_CTLR.EOImodeNS, IHI 0048B 4.4.1.  Linux sets it if and only if all CPUs were started at
 * EL2.
 */
#define GICC_CTLR	  0x0
#define GICC_CTLR_EOIMODE BIT(9)

/* CTR_EL0.DminLine: log2 of the words in the smallest data cache line */
#define CTR_DMINLINE_SHIFT 16
#define CTR_DMINLINE_MASK  0xful

/* HVC #0.  The stub and the trampoline keep x18 and up. */
static u64
hvc(u64 x0_in, u64 x1_in, u64 x4_in)
{
	register u64 x0 asm("x0") = x0_in;
	register u64 x1 asm("x1") = x1_in;
	register u64 x4 asm("x4") = x4_in;

	asm volatile("hvc #0"
		     : "+r"(x0), "+r"(x1), "+r"(x4)
		     :
		     : "x2", "x3", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
		     "x15", "x16", "x17", "cc", "memory");
	return x0;
}

bool
hyp_stub_cpu_capable(void)
{
	u64 pfr0;

	asm volatile("mrs %0, id_aa64pfr0_el1" : "=r"(pfr0));
	return ((pfr0 >> ID_PFR0_EL2_SHIFT) & ID_PFR0_EL2_MASK) != 0;
}

const char *
hyp_stub_objection(void)
{
	u64 el;

	asm volatile("mrs %0, currentel" : "=r"(el));
	if (el == CURRENTEL_EL2)
		return "this kernel runs at EL2 itself (VHE), which vmm does not support yet; boot "
		       "it with kvm-arm.mode=none id_aa64mmfr1.vh=0";
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
	u64 answer = hvc(HYP_CALL_NULL, 0, 0);

	if (answer == HYP_CALL_UNKNOWN)
		return HYP_STUB_OK;
	return answer == 0 ? HYP_STUB_OURS : HYP_STUB_SOMEBODY;
}

/* The stub calls the code with x2 to x4 in x0 to x2. */
uint32_t
hyp_stub_enter(hpa_t code, hpa_t params)
{
	return (uint32_t)hvc(HYP_CALL_SOFT_RESTART, code.a, params.a);
}

void
hyp_stub_flush_page(struct page *page, void *va)
{
	unsigned long line, at, ctr;

	asm volatile("mrs %0, ctr_el0" : "=r"(ctr));
	line = 4ul << (ctr >> CTR_DMINLINE_SHIFT & CTR_DMINLINE_MASK);
	for (at = (unsigned long)va; at < (unsigned long)va + PAGE_BYTES; at += line)
		asm volatile("dc civac, %0" : : "r"(at) : "memory");
	asm volatile("dsb sy" : : : "memory");
}
