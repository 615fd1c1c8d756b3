/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * ARMv7's registers and memory for gdb: gdb_arm.h.  The features org.gnu.gdb.arm.core and
 * org.gnu.gdb.arm.vfp are gdb's own ("Debugging with GDB", G.5.3 ARM Features); the banked and the
 * system registers are a feature of ours, which gdb shows under their names.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arm_walk.h"
#include "gdb_arm.h"

#define SCTLR_V	    (1u << 13) /* DDI 0406C, SCTLR */
#define SCTLR_TE    (1u << 30)
#define HIVECS	    0xffff0000u
#define MODE(cpsr)  ((cpsr)&0x1f)
#define CORE_REGS   17u /* r0 to r12, sp, lr, pc, cpsr */
#define VFP_REGS    33u /* d0 to d31, fpscr */
#define SYSTEM_REGS (VM_REG_GUEST_MIDR - VM_REG_GUEST_SP_USR + 1u)
#define ALL_REGS    (CORE_REGS + VFP_REGS + SYSTEM_REGS)

static uint32_t
vm_reg(unsigned int n)
{
	if (n < CORE_REGS)
		return VM_REG_GUEST_R0 + n;
	n -= CORE_REGS;
	if (n < VFP_REGS - 1)
		return VM_REG_GUEST_D0 + n;
	if (n == VFP_REGS - 1)
		return VM_REG_GUEST_FPSCR;
	return VM_REG_GUEST_SP_USR + (n - VFP_REGS);
}

static bool
is_64(uint32_t reg)
{
	return (reg >= VM_REG_GUEST_D0 && reg <= VM_REG_GUEST_D31) || reg == VM_REG_GUEST_TTBR0 ||
	    reg == VM_REG_GUEST_TTBR1 || reg == VM_REG_GUEST_PAR || reg == VM_REG_GUEST_CNTV_CVAL ||
	    reg == VM_REG_GUEST_CNTVOFF || reg == VM_REG_GUEST_CNTP_CVAL;
}

unsigned int
gdb_arm_reg_bytes(unsigned int n)
{
	if (n >= ALL_REGS)
		return 0;
	return is_64(vm_reg(n)) ? 8 : 4;
}

unsigned int
gdb_arm_core_regs(void)
{
	return CORE_REGS;
}

bool
gdb_arm_reg_read(const struct gdb_cpu *c, unsigned int n, uint64_t *val)
{
	return n < ALL_REGS && vm_get_register(c->vcpu, vm_reg(n), val) == 0;
}

bool
gdb_arm_reg_write(const struct gdb_cpu *c, unsigned int n, uint64_t val)
{
	return n < ALL_REGS && vm_set_register(c->vcpu, vm_reg(n), val) == 0;
}

/* ---- the description ---- */

struct text {
	char *p, *end;
};

__attribute__((format(printf, 2, 3))) static void
add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->p, (size_t)(t->end - t->p), fmt, ap);
	va_end(ap);
	if (n > 0)
		t->p += n < t->end - t->p ? n : t->end - t->p - 1;
}

static void
add_regs(struct text *t, unsigned int from, unsigned int to)
{
	for (unsigned int n = from; n < to; n++) {
		uint32_t reg = vm_reg(n);
		const char *type = "uint32";

		if (reg >= VM_REG_GUEST_D0 && reg <= VM_REG_GUEST_D31)
			type = "ieee_double";
		else if (is_64(reg))
			type = "uint64";
		else if (reg == VM_REG_GUEST_SP)
			type = "data_ptr";
		else if (reg == VM_REG_GUEST_PC)
			type = "code_ptr";
		add(t, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"/>", vm_reg_name(reg),
		    gdb_arm_reg_bytes(n) * 8, type);
	}
}

const char *
gdb_arm_description(void)
{
	static char xml[12288];
	struct text t = { xml, xml + sizeof(xml) };

	if (xml[0] != '\0')
		return xml;
	add(&t,
	    "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
	    "<architecture>arm</architecture><feature name=\"org.gnu.gdb.arm.core\">");
	add_regs(&t, 0, CORE_REGS);
	add(&t, "</feature><feature name=\"org.gnu.gdb.arm.vfp\">");
	add_regs(&t, CORE_REGS, CORE_REGS + VFP_REGS);
	add(&t, "</feature><feature name=\"org.bhyve.arm.system\">");
	add_regs(&t, CORE_REGS + VFP_REGS, ALL_REGS);
	add(&t, "</feature></target>");
	return xml;
}

/* ---- memory ---- */

static bool
mmu(const struct gdb_cpu *c, struct arm_mmu *m)
{
	const uint32_t regs[] = { VM_REG_GUEST_SCTLR, VM_REG_GUEST_TTBCR, VM_REG_GUEST_TTBR0,
		VM_REG_GUEST_TTBR1 };
	uint64_t vals[4];

	if (vm_get_register_set(c->vcpu, 4, regs, vals) != 0)
		return false;
	*m = (struct arm_mmu){ (uint32_t)vals[0], (uint32_t)vals[1], vals[2], vals[3] };
	return true;
}

bool
gdb_arm_ipa(const struct gdb_cpu *c, uint32_t va, uint64_t *ipa)
{
	struct arm_mmu m;
	uint32_t left;

	return mmu(c, &m) && arm_walk(c->mem, &m, va, ipa, &left) &&
	    guest_mem_at(c->mem, *ipa, 1) != NULL;
}

/* Calls use() for each piece of [va, va + len) that is together in RAM.  How much there was. */
static size_t
pieces(const struct gdb_cpu *c, uint32_t va, size_t len,
    void (*use)(const struct gdb_cpu *c, uint64_t ipa, void *ram, void *buf, size_t n), void *buf)
{
	size_t done = 0, n;
	struct arm_mmu m;
	uint64_t ipa;
	uint32_t left;
	void *ram;

	if (!mmu(c, &m))
		return 0;
	for (; done < len; done += n, va += (uint32_t)n) {
		if (!arm_walk(c->mem, &m, va, &ipa, &left))
			break;
		n = len - done < left ? len - done : left;
		ram = guest_mem_at(c->mem, ipa, n);
		if (ram == NULL)
			break;
		use(c, ipa, ram, (uint8_t *)buf + done, n);
	}
	return done;
}

static void
copy_out(const struct gdb_cpu *c, uint64_t ipa, void *ram, void *buf, size_t n)
{
	(void)c;
	(void)ipa;
	memcpy(buf, ram, n);
}

static void
copy_in(const struct gdb_cpu *c, uint64_t ipa, void *ram, void *buf, size_t n)
{
	memcpy(ram, buf, n);
	vm_sync_code(c->ctx, ipa, n);
}

size_t
gdb_arm_read(const struct gdb_cpu *c, uint32_t va, void *buf, size_t len)
{
	return pieces(c, va, len, copy_out, buf);
}

size_t
gdb_arm_write(const struct gdb_cpu *c, uint32_t va, const void *buf, size_t len)
{
	return pieces(c, va, len, copy_in, (void *)(uintptr_t)buf);
}

/* ---- stepping ---- */

static bool
step_load(void *arg, uint32_t va, void *buf, size_t len)
{
	return gdb_arm_read(arg, va, buf, len) == len;
}

static uint32_t
spsr_reg(uint32_t cpsr)
{
	switch (MODE(cpsr)) {
	case 0x11:
		return VM_REG_GUEST_SPSR_FIQ;
	case 0x12:
		return VM_REG_GUEST_SPSR_IRQ;
	case 0x17:
		return VM_REG_GUEST_SPSR_ABT;
	case 0x1b:
		return VM_REG_GUEST_SPSR_UND;
	default: /* of User and System mode nobody uses it */
		return VM_REG_GUEST_SPSR_SVC;
	}
}

unsigned int
gdb_arm_targets(const struct gdb_cpu *c, struct arm_target target[ARM_STEP_MAX])
{
	struct arm_step s = { .load = step_load, .arg = (void *)(uintptr_t)c };
	uint64_t val, sctlr, vbar;

	for (unsigned int n = 0; n < 16; n++) {
		if (!gdb_arm_reg_read(c, n, &val))
			return 0;
		s.r[n] = (uint32_t)val;
	}
	if (vm_get_register(c->vcpu, VM_REG_GUEST_CPSR, &val) != 0 ||
	    vm_get_register(c->vcpu, VM_REG_GUEST_SCTLR, &sctlr) != 0 ||
	    vm_get_register(c->vcpu, VM_REG_GUEST_VBAR, &vbar) != 0)
		return 0;
	s.cpsr = (uint32_t)val;
	if (vm_get_register(c->vcpu, spsr_reg(s.cpsr), &val) != 0)
		return 0;
	s.spsr = (uint32_t)val;
	s.vectors = (sctlr & SCTLR_V) != 0 ? HIVECS : (uint32_t)vbar & ~0x1fu;
	s.vectors_thumb = (sctlr & SCTLR_TE) != 0;
	return arm_step_targets(&s, target);
}
