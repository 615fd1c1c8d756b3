/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The last words of a guest that did what cannot be emulated: the reason and the registers.
 */
#include <stdio.h>

#include "bhyverun.h"
#include "debug.h"

/* DDI 0406C B3.13.6: HSR.EC is bits 31:26. */
const char *
hsr_class_name(uint32_t hsr)
{
	static const char *const names[64] = {
		[0x00] = "unknown reason",
		[0x01] = "WFI or WFE",
		[0x03] = "MCR or MRC to CP15",
		[0x04] = "MCRR or MRRC to CP15",
		[0x05] = "MCR or MRC to CP14",
		[0x06] = "LDC or STC to CP14",
		[0x07] = "coprocessor access trapped by HCPTR",
		[0x08] = "MRC or VMRS to CP10",
		[0x09] = "Jazelle",
		[0x0a] = "BXJ",
		[0x0c] = "MRRC to CP14",
		[0x11] = "SVC",
		[0x12] = "HVC",
		[0x13] = "SMC",
		[0x20] = "Prefetch Abort",
		[0x21] = "Prefetch Abort in Hyp mode",
		[0x22] = "PC alignment fault",
		[0x24] = "Data Abort",
		[0x25] = "Data Abort in Hyp mode",
	};
	const char *name = names[hsr >> 26];

	return name != NULL ? name : "reserved";
}

/* DDI 0406C B1.3.1 */
const char *
cpsr_mode_name(uint32_t cpsr)
{
	static const char *const names[32] = {
		[0x10] = "User",
		[0x11] = "FIQ",
		[0x12] = "IRQ",
		[0x13] = "Supervisor",
		[0x16] = "Monitor",
		[0x17] = "Abort",
		[0x1a] = "Hyp",
		[0x1b] = "Undefined",
		[0x1f] = "System",
	};
	const char *name = names[cpsr & 0x1f];

	return name != NULL ? name : "no such mode";
}

static void
say_registers(struct vcpu *vcpu)
{
	static const uint32_t regs[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, VM_REG_GUEST_SP,
		VM_REG_GUEST_LR, VM_REG_GUEST_PC, VM_REG_GUEST_SCTLR, VM_REG_GUEST_TTBR0,
		VM_REG_GUEST_TTBR1, VM_REG_GUEST_TTBCR, VM_REG_GUEST_VBAR, VM_REG_GUEST_DFSR,
		VM_REG_GUEST_DFAR, VM_REG_GUEST_IFSR, VM_REG_GUEST_IFAR, VM_REG_GUEST_CPSR };
	enum { COUNT = sizeof(regs) / sizeof(regs[0]) };
	uint64_t vals[COUNT];
	uint32_t cpsr;
	char line[160];
	int len = 0;

	if (vm_get_register_set(vcpu, COUNT, regs, vals) != 0) {
		say("  its registers cannot be read");
		return;
	}
	for (unsigned int i = 0; i < COUNT - 1; i++) {
		len += snprintf(line + len, sizeof(line) - (size_t)len, " %5s %08llx",
		    vm_reg_name(regs[i]), (unsigned long long)vals[i]);
		if (i % 4 == 3 || i == COUNT - 2) {
			say(" %s", line);
			len = 0;
		}
	}
	cpsr = (uint32_t)vals[COUNT - 1];
	say("   cpsr %08x: %s mode, %s, IRQ %s, FIQ %s", cpsr, cpsr_mode_name(cpsr),
	    (cpsr & 0x20) != 0 ? "Thumb" : "ARM", (cpsr & 0x80) != 0 ? "off" : "on",
	    (cpsr & 0x40) != 0 ? "off" : "on");
}

void
guest_error(struct vcpu *vcpu, const struct vm_exit *vme, const char *why)
{
	say("VM \"%s\", vCPU %u at pc 0x%llx: %s", vm_get_name(vcpu_ctx(vcpu)), vcpu_id(vcpu),
	    (unsigned long long)vme->pc, why);
	if (vme->exitcode == VM_EXITCODE_HYP) {
		say("  HSR %08x: %s; fault address 0x%llx", vme->u.hyp.syndrome,
		    hsr_class_name(vme->u.hyp.syndrome), (unsigned long long)vme->u.hyp.far);
		if (vme->u.hyp.gpa != ~0ull)
			say("  guest-physical address 0x%llx", (unsigned long long)vme->u.hyp.gpa);
	}
	say_registers(vcpu);
}
