/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What sys/aarch64 makes of a guest's registers: identification, traps of system registers,
 * injected exceptions, the names that user space has, PSCI's 64-bit calls, and aborts whose
 * register is one of 32.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "errno.h"
#include "hcr.h"
#include "one_vcpu.h"
#include "psci.h"
#include "psr.h"
#include "sysregs.h"

#define RAM  0x40000000ull
#define UART 0x09000000ull
#define PC   0xffff800008000000ull
#define VBAR 0xffff800008010800ull

static struct hyp_vcpu *const v = &one_hyp_vcpu;
static struct vm_exit vme;
static struct sysreg_host host;

/* ---- what the code under test calls ---- */
static struct {
	unsigned int flushes, tlb_flushes, requests;
	uint64_t cntp;
	enum cntp_reg cntp_reg;
	uint32_t suspended;
} seen;

void
sysreg_host_read(struct sysreg_host *h)
{
	*h = host;
}

void
vm_mem_flush_all(struct vm *vm)
{
	assert_ptr_equal(vm, &one_vm);
	seen.flushes++;
}

uint64_t
vtimer_cntp_read(struct vcpu *vcpu, enum cntp_reg reg)
{
	(void)vcpu;
	seen.cntp_reg = reg;
	return seen.cntp;
}

void
vtimer_cntp_write(struct vcpu *vcpu, enum cntp_reg reg, uint64_t val)
{
	(void)vcpu;
	seen.cntp_reg = reg;
	seen.cntp = val;
}

void
vmm_trace(struct vcpu *vcpu, enum vmm_trace_event ev, uint32_t a, uint64_t b)
{
	(void)vcpu;
	(void)ev;
	(void)a;
	(void)b;
}

int
vm_mem_read(struct vm *vm, gpa_t gpa, void *dst, size_t len)
{
	(void)vm;
	memset(dst, 0, len);
	return gpa.a >= RAM && gpa.a < RAM + 0x100000 ? 0 : -EFAULT;
}

enum vm_mem_fault
vm_mem_fault(struct vm *vm, gpa_t gpa, bool write, bool *block, int *error)
{
	(void)vm;
	(void)write;
	(void)error;
	*block = false;
	return gpa.a >= RAM && gpa.a < RAM + 0x100000 ? VM_MEM_MAPPED : VM_MEM_NOT_RAM;
}

bool
vm_doorbell_at(struct vcpu *vcpu, gpa_t gpa)
{
	(void)vcpu;
	(void)gpa;
	return false;
}

bool
vm_doorbell_ring(struct vcpu *vcpu, gpa_t gpa, uint32_t size, uint64_t data)
{
	(void)vcpu;
	(void)gpa;
	(void)size;
	(void)data;
	return false;
}

bool
vgic_host_is_dist(const struct vm *vm, uint64_t gpa)
{
	(void)vm;
	(void)gpa;
	return false;
}

void
vgic_host_mmio(struct vcpu *vcpu, struct vgic_access *a)
{
	(void)vcpu;
	(void)a;
	fail();
}

uint32_t
hyp_call(uint32_t call, uintptr_t a1)
{
	assert_int_equal(call, HYP_CALL_TLB_FLUSH_VM);
	assert_ptr_equal(a1, hyp_va(&one_hyp_vm).a);
	seen.tlb_flushes++;
	return 0;
}

struct vcpu *
vm_vcpu(struct vm *vm, uint32_t id)
{
	return id == 0 ? vm->vcpu[0] : NULL;
}

void
vcpu_request(struct vcpu *vcpu, uint32_t req)
{
	(void)vcpu;
	assert_int_equal(req, VCPU_REQ_POWER);
	seen.requests++;
}

int
vm_suspend(struct vm *vm, uint32_t how, uint32_t vcpuid)
{
	(void)vm;
	(void)vcpuid;
	seen.suspended = how;
	return 0;
}

bool
arch_vcpu_has_work(struct vcpu *vcpu)
{
	(void)vcpu;
	return false;
}

static int
setup(void **unused)
{
	(void)unused;
	one_vcpu_setup();
	memset(&seen, 0, sizeof(seen));
	memset(&host, 0xff, sizeof(host));
	memset(&vme, 0xa5, sizeof(vme));
	sysreg_vcpu_init(&one_vcpu);
	arch_regs_reset(&one_vcpu);
	sysreg_vcpu_reset(&one_vcpu);
	for (unsigned int i = 0; i < 31; i++)
		v->regs.r[i] = 0x1111111100000000ull * (i & 1) + i;
	v->regs.pc = PC;
	v->sys.vbar = VBAR;
	return 0;
}

/* ---- identification ---- */
#define ID(crm, op2) ((crm)*8 + (op2))

static unsigned int
field(unsigned int reg, unsigned int shift)
{
	return (unsigned int)(v->id_regs[reg] >> shift & 15);
}

static void
test_id_regs(void **unused)
{
	(void)unused;
	/* a host that has everything: what we do not switch or emulate is not there */
	assert_int_equal(field(ID(4, 0), 0), 1);  /* EL0 */
	assert_int_equal(field(ID(4, 0), 4), 1);  /* EL1 */
	assert_int_equal(field(ID(4, 0), 8), 0);  /* EL2 */
	assert_int_equal(field(ID(4, 0), 12), 0); /* EL3 */
	assert_int_equal(field(ID(4, 0), 24), 0); /* GIC */
	assert_int_equal(field(ID(4, 0), 28), 0); /* RAS */
	assert_int_equal(field(ID(4, 0), 32), 0); /* SVE */
	assert_int_equal(field(ID(4, 1), 8), 0);  /* MTE */
	assert_int_equal(field(ID(4, 1), 24), 0); /* SME */
	assert_int_equal(field(ID(5, 0), 0), 6);  /* debug */
	assert_int_equal(field(ID(5, 0), 8), 0);  /* PMU */
	assert_int_equal(field(ID(6, 1), 4), 0);  /* APA */
	assert_int_equal(field(ID(6, 1), 8), 0);  /* API */
	assert_int_equal(field(ID(7, 0), 0), 2);  /* 40 bits of PA */
	assert_int_equal(field(ID(7, 1), 8), 0);  /* VH */
	assert_int_equal(field(ID(7, 2), 24), 0); /* NV */
	for (unsigned int i = 0; i < 32; i++)
		assert_int_equal(v->id_regs[i], 0);
	/* one that has less: no more than it has */
	memset(&host, 0, sizeof(host));
	host.id[ID(7, 0)] = 1;
	sysreg_vcpu_init(&one_vcpu);
	assert_int_equal(v->id_regs[ID(7, 0)], 1);
	assert_int_equal(v->id_regs[ID(6, 0)], 0);
	assert_int_equal(v->id_regs[ID(4, 0)], 0);
}

/* ---- traps ---- */
static uint32_t
esr_sys(
    uint32_t op0, uint32_t op1, uint32_t crn, uint32_t crm, uint32_t op2, uint32_t rt, bool read)
{
	return ESR_EC_SYS64 << ESR_EC_SHIFT | ESR_IL | op0 << 20 | op2 << 17 | op1 << 14 |
	    crn << 10 | rt << 5 | crm << 1 | read;
}

static bool
trap(uint32_t esr)
{
	uint64_t undefs = one_vcpu.stats[VMM_STAT_UNDEF_INJECTED];

	v->regs.pc = PC;
	v->regs.cpsr = (v->regs.cpsr & ~PSR_MODE_MASK) | PSR_MODE_EL1H;
	v->trap.esr = esr;
	assert_int_equal(sysreg_trap(&one_vcpu, &vme), EXIT_RESUME);
	if (one_vcpu.stats[VMM_STAT_UNDEF_INJECTED] == undefs) {
		assert_int_equal(v->regs.pc, PC + 4);
		return true;
	}
	assert_int_equal(v->regs.pc, VBAR + 0x200);
	return false;
}

static void
test_table(void **unused)
{
	(void)unused;
	for (unsigned int i = 1; i < sysreg_table_len; i++)
		assert_true(sysreg_table[i - 1].key < sysreg_table[i].key);
	for (unsigned int i = 0; i < sysreg_regions_len; i++)
		assert_int_equal(sysreg_regions[i].key & ~sysreg_regions[i].mask, 0);
	for (unsigned int i = 0; i < sysreg_table_len; i++)
		assert_ptr_equal(sysreg_find(sysreg_table[i].key), &sysreg_table[i]);
}

static void
test_id_trap(void **unused)
{
	(void)unused;
	v->id_regs[ID(7, 1)] = 0x123456789abcdef0ull;
	assert_true(trap(esr_sys(3, 0, 0, 7, 1, 5, true)));
	assert_int_equal(v->regs.r[5], 0x123456789abcdef0ull);
	assert_true(trap(esr_sys(3, 0, 0, 7, 1, 31, true))); /* to the zero register */
	assert_false(trap(esr_sys(3, 0, 0, 7, 1, 5, false)));
	/* the microvisor's own answer */
	v->regs.r[6] = 0;
	v->regs.cpsr = PSR_MODE_EL1H;
	v->trap.esr = esr_sys(3, 0, 0, 7, 1, 6, true);
	assert_true(sysreg_fast(v));
	assert_int_equal(v->regs.r[6], 0x123456789abcdef0ull);
	v->regs.cpsr = PSR_MODE_EL0T;
	assert_false(sysreg_fast(v));
	v->regs.cpsr = PSR_MODE_EL1H;
	v->trap.esr = esr_sys(3, 0, 0, 7, 1, 6, false);
	assert_false(sysreg_fast(v));
	v->trap.esr = esr_sys(3, 0, 1, 0, 0, 6, true);
	assert_false(sysreg_fast(v));
	/* set and way: the first one is the host's */
	v->trap.esr = esr_sys(1, 0, 7, 14, 2, 6, false);
	assert_true(sysreg_fast(v));
	v->hcr &= ~(uint64_t)HCR_TVM;
	assert_false(sysreg_fast(v));
	v->hcr |= HCR_TVM;
	v->trap.esr = esr_sys(1, 0, 7, 13, 2, 6, false);
	assert_false(sysreg_fast(v));
}

static void
test_caches(void **unused)
{
	(void)unused;
	assert_true((v->hcr & HCR_TVM) != 0);
	v->regs.r[1] = 0xabcd;
	assert_true(trap(esr_sys(3, 0, 2, 0, 0, 1, false))); /* TTBR0_EL1 */
	assert_int_equal(v->sys.ttbr0, 0xabcd);
	assert_int_equal(seen.flushes, 0);
	v->regs.r[1] = SCTLR_RESET | SCTLR_M | SCTLR_C;
	assert_true(trap(esr_sys(3, 0, 1, 0, 0, 1, false)));
	assert_int_equal(seen.flushes, 1);
	assert_true((v->hcr & HCR_TVM) == 0);
	assert_true((v->hcr >> 32) != 0); /* and nothing else of it is gone */
	/* by set and way: the first flushes, the caches' switch again */
	for (unsigned int i = 0; i < 3; i++)
		assert_true(trap(esr_sys(1, 0, 7, 14, 2, 1, false)));
	assert_int_equal(seen.flushes, 2);
	assert_true((v->hcr & HCR_TVM) != 0);
	v->regs.r[1] = SCTLR_RESET;
	assert_true(trap(esr_sys(3, 0, 1, 0, 0, 1, false)));
	assert_int_equal(seen.flushes, 3);
}

static void
test_other_traps(void **unused)
{
	(void)unused;
	v->regs.r[2] = 0x8000;
	assert_true(trap(esr_sys(2, 0, 0, 2, 2, 2, false))); /* MDSCR_EL1 */
	assert_true(trap(esr_sys(2, 0, 0, 2, 2, 3, true)));
	assert_int_equal(v->regs.r[3], 0x8000);
	assert_true(trap(esr_sys(2, 0, 1, 0, 4, 2, false))); /* OSLAR_EL1 */
	assert_false(trap(esr_sys(2, 0, 1, 0, 4, 2, true)));
	assert_true(trap(esr_sys(2, 0, 0, 0, 5, 2, false))); /* DBGBCR0_EL1 */
	assert_true(trap(esr_sys(2, 0, 0, 0, 5, 2, true)));
	assert_int_equal(v->regs.r[2], 0);
	v->regs.r[4] = ~0ull;
	assert_true(trap(esr_sys(3, 3, 14, 2, 2, 4, false))); /* CNTP_CVAL_EL0 */
	assert_int_equal(seen.cntp_reg, CNTP_CVAL);
	assert_int_equal(seen.cntp, ~0ull);
	host.actlr = 5;
	assert_true(trap(esr_sys(3, 0, 1, 0, 1, 4, false))); /* ACTLR_EL1 */
	assert_int_equal(v->sys.actlr, ~0ull);
	assert_false(trap(esr_sys(3, 3, 9, 12, 0, 4, true)));  /* PMCR_EL0 */
	assert_false(trap(esr_sys(3, 0, 2, 1, 0, 4, false)));  /* APIAKeyLo_EL1 */
	assert_false(trap(esr_sys(3, 0, 10, 4, 0, 4, true)));  /* LORSA_EL1 */
	assert_false(trap(esr_sys(3, 0, 11, 15, 7, 4, true))); /* IMPLEMENTATION DEFINED */
	assert_int_equal(one_vcpu.stats[VMM_STAT_CP15_UNKNOWN], 4);
	/* the classes of AArch32 */
	v->regs.cpsr = PSR_MODE_USR;
	v->regs.pc = 0x1000;
	v->trap.esr = ESR_EC_CP15_32 << ESR_EC_SHIFT | ESR_IL;
	(void)sysreg_trap(&one_vcpu, &vme);
	assert_int_equal(v->regs.pc, VBAR + 0x600);
}

/* ---- injection ---- */
static void
test_inject(void **unused)
{
	static const struct {
		uint64_t mode;
		uint32_t offset, ec;
	} rows[] = {
		{ PSR_MODE_EL1T, 0x000, ESR_EC_DABT_HYP },
		{ PSR_MODE_EL1H, 0x200, ESR_EC_DABT_HYP },
		{ PSR_MODE_EL0T, 0x400, ESR_EC_DABT_LOWER },
		{ PSR_MODE_USR, 0x600, ESR_EC_DABT_LOWER },
	};

	(void)unused;
	for (unsigned int i = 0; i < NELEM(rows); i++) {
		uint64_t was = rows[i].mode | PSR_Z | PSR_PAN | PSR_UAO | PSR_BTYPE;

		v->regs.pc = PC;
		v->regs.cpsr = was;
		v->trap.esr = ESR_EC_DABT_LOWER << ESR_EC_SHIFT | ESR_DABT_WNR | ESR_IL;
		inject_dabt(&one_vcpu, 0xdead0000beefull);
		assert_int_equal(v->regs.pc, VBAR + rows[i].offset);
		assert_int_equal(v->regs.elr_el1, PC);
		assert_int_equal(v->regs.spsr_el1, was);
		assert_int_equal(v->regs.cpsr, PSR_MODE_EL1H | PSR_DAIF | PSR_Z | PSR_PAN);
		assert_int_equal(v->sys.far, 0xdead0000beefull);
		assert_int_equal(v->sys.esr, rows[i].ec << 26 | ESR_IL | ESR_DABT_WNR | 0x10);
	}
	v->regs.cpsr = PSR_MODE_EL0T;
	inject_pabt(&one_vcpu, PC);
	assert_int_equal(v->sys.esr, ESR_EC_IABT_LOWER << 26 | ESR_IL | 0x10);
	v->regs.cpsr = PSR_MODE_EL1H;
	v->sys.sctlr = (v->sys.sctlr & ~SCTLR_SPAN) | SCTLR_DSSBS;
	inject_undef(&one_vcpu);
	assert_int_equal(v->sys.esr, ESR_IL);
	assert_int_equal(v->regs.cpsr, PSR_MODE_EL1H | PSR_DAIF | PSR_PAN | PSR_SSBS);
	inject_serror(&one_vcpu);
	assert_true((v->hcr & (HCR_VA | HCR_AMO)) == (HCR_VA | HCR_AMO));
}

/* ---- registers ---- */
static void
test_registers(void **unused)
{
	uint64_t val;

	(void)unused;
	assert_int_equal(arch_gpr_get(v, 31), 0);
	arch_gpr_set(v, 31, 5);
	assert_int_equal(arch_gpr_get(v, 30), 30);
	v->regs.cpsr = PSR_MODE_EL1H | PSR_BTYPE | PSR_SS | PSR_N;
	arch_pc_advance(v, 4);
	assert_int_equal(v->regs.cpsr, PSR_MODE_EL1H | PSR_N);
	for (uint32_t i = 0; i < VM_REG64_LAST; i++) {
		if (arch_get_register(&one_vcpu, i, &val) != 0) {
			assert_int_equal(arch_set_register(&one_vcpu, i, 0), -EINVAL);
			continue;
		}
		if (arch_set_register(&one_vcpu, i, i & 3) == 0 && i != VM_REG_GUEST_CPSR)
			assert_int_equal(arch_get_register(&one_vcpu, i, &val), 0);
	}
	assert_int_equal(arch_set_register(&one_vcpu, VM_REG_GUEST_X30, 1ull << 63), 0);
	assert_int_equal(v->regs.r[30], 1ull << 63);
	assert_int_equal(arch_set_register(&one_vcpu, VM_REG_GUEST_V31_HIGH, 7), 0);
	assert_int_equal(v->vfp.v[63], 7);
	/* EL2, EL3, AArch32, an illegal state */
	assert_int_equal(arch_set_register(&one_vcpu, VM_REG_GUEST_CPSR, 0x3c9), -EINVAL);
	assert_int_equal(arch_set_register(&one_vcpu, VM_REG_GUEST_CPSR, 0x3cd), -EINVAL);
	assert_int_equal(arch_set_register(&one_vcpu, VM_REG_GUEST_CPSR, 0x1d3), -EINVAL);
	assert_int_equal(arch_set_register(&one_vcpu, VM_REG_GUEST_CPSR, 0x1003c5), -EINVAL);
	assert_int_equal(arch_set_register(&one_vcpu, VM_REG_GUEST_CPSR, 0x3c5), 0);
	assert_int_equal(arch_set_register(&one_vcpu, VM_REG_GUEST_MPIDR, 0), -EINVAL);
	assert_int_equal(arch_get_register(&one_vcpu, VM_REG_GUEST_SP_SVC, &val), -EINVAL);
	assert_int_equal(arch_get_register(&one_vcpu, VM_REG64_LAST, &val), -EINVAL);
}

/* ---- PSCI ---- */
static uint64_t
psci(uint64_t fn, uint64_t a1, uint64_t a2, uint64_t a3)
{
	v->trap.esr = ESR_EC_HVC64 << ESR_EC_SHIFT | ESR_IL;
	v->regs.r[0] = fn;
	v->regs.r[1] = a1;
	v->regs.r[2] = a2;
	v->regs.r[3] = a3;
	(void)psci_trap(&one_vcpu, &vme);
	return v->regs.r[0];
}

static void
test_psci(void **unused)
{
	(void)unused;
	assert_int_equal(psci(PSCI_FN_VERSION, 0, 0, 0), PSCI_VERSION_1_0);
	assert_int_equal(psci(0xffffffff00000000ull | PSCI_FN_VERSION, 0, 0, 0), PSCI_VERSION_1_0);
	assert_int_equal(psci(PSCI_FN_FEATURES, PSCI_FN64_CPU_ON, 0, 0), 0);
	assert_int_equal(psci(PSCI_FN_FEATURES, 0xc4000002u, 0, 0), ~0ull);
	assert_int_equal(psci(PSCI_FN64_CPU_ON, 0, RAM + 2, 0), (uint64_t)-9);
	assert_int_equal(psci(PSCI_FN64_CPU_ON, 0, 0x100000000ull | RAM, 0), (uint64_t)-9);
	assert_int_equal(psci(PSCI_FN64_CPU_ON, 1ull << 32, RAM, 0), (uint64_t)-2);
	assert_int_equal(psci(PSCI_FN64_CPU_ON, 0, RAM, 0x123456789abcull), 0);
	assert_int_equal(one_arch_vcpu.on_context, 0x123456789abcull);
	assert_int_equal(seen.requests, 1);
	arch_regs_start(&one_vcpu);
	assert_int_equal(v->regs.pc, RAM);
	assert_int_equal(v->regs.r[0], 0x123456789abcull);
	assert_int_equal(psci(PSCI_FN64_CPU_ON, 0, RAM, 0), (uint64_t)-5);
	/* of a 32-bit call the upper halves do not count */
	one_arch_vcpu.powered = VCPU_POWER_OFF;
	assert_int_equal(psci(PSCI_FN_CPU_ON, 1ull << 32, 1ull << 32 | RAM, 1ull << 32 | 7), 0);
	assert_int_equal(one_arch_vcpu.on_context, 7);
	assert_int_equal(psci(PSCI_FN64_AFFINITY_INFO, 0, 0, 0), PSCI_AFF_ON_PENDING);
	assert_int_equal(psci(PSCI_FN64_AFFINITY_INFO, 1, 0, 0), (uint64_t)-2);
	(void)psci(PSCI_FN_SYSTEM_OFF, 0, 0, 0);
	assert_int_equal(seen.suspended, VM_SUSPEND_POWEROFF);
	assert_int_equal(psci(0xc4000008u, 0, 0, 0), ~0ull);
}

/* ---- aborts ---- */
static void
mmio(uint32_t size, uint32_t rt, uint32_t more)
{
	v->regs.pc = PC;
	v->regs.cpsr = PSR_MODE_EL1H;
	v->trap.esr = ESR_EC_DABT_LOWER << ESR_EC_SHIFT | ESR_IL | ESR_DABT_ISV |
	    FIELD_TO(ESR_DABT_SAS_MASK, size) | FIELD_TO(ARCH_SRT_MASK, rt) | more |
	    ESR_FSC_TRANSLATION | 3;
	v->trap.far = 0xffff800009000018ull;
	v->trap.hpfar = UART >> 8;
	assert_int_equal(abort_data(&one_vcpu, &vme), EXIT_TO_USER);
	assert_int_equal(vme.exitcode, VM_EXITCODE_INST_EMUL);
	assert_int_equal(vme.u.inst_emul.gpa, UART + 0x18);
	assert_int_equal(vme.u.inst_emul.size, 1u << size);
	assert_int_equal(v->regs.pc, PC);
}

static uint64_t
load(uint32_t size, uint32_t more, uint64_t data)
{
	mmio(size, 7, more);
	v->regs.r[7] = ~0ull;
	arch_vcpu_complete(&one_vcpu, data, false);
	assert_int_equal(v->regs.pc, PC + 4);
	return v->regs.r[7];
}

static void
test_aborts(void **unused)
{
	(void)unused;
	assert_int_equal(load(0, 0, 0xf0), 0xf0);
	assert_int_equal(load(0, ESR_DABT_SSE, 0xf0), 0xfffffff0);
	assert_int_equal(load(0, ESR_DABT_SSE | ESR_DABT_SF, 0xf0), 0xfffffffffffffff0ull);
	assert_int_equal(load(1, ESR_DABT_SSE | ESR_DABT_SF, 0x7fff8000), 0xffffffffffff8000ull);
	assert_int_equal(load(2, 0, 0xffffffff80000000ull), 0x80000000);
	assert_int_equal(load(2, ESR_DABT_SSE | ESR_DABT_SF, 0x80000000), 0xffffffff80000000ull);
	assert_int_equal(load(3, ESR_DABT_SF, 0x8070605040302010ull), 0x8070605040302010ull);
	v->sys.sctlr |= SCTLR_EE;
	assert_int_equal(load(3, ESR_DABT_SF, 0x8070605040302010ull), 0x1020304050607080ull);
	assert_int_equal(load(1, 0, 0x1234), 0x3412);
	v->sys.sctlr &= ~SCTLR_EE;
	/* stores; the zero register */
	v->regs.r[30] = 0x1122334455667788ull;
	mmio(3, 30, ESR_DABT_WNR | ESR_DABT_SF);
	assert_int_equal(vme.u.inst_emul.data, 0x1122334455667788ull);
	arch_vcpu_complete(&one_vcpu, 0, false);
	mmio(1, 30, ESR_DABT_WNR);
	assert_int_equal(vme.u.inst_emul.data, 0x7788);
	arch_vcpu_complete(&one_vcpu, 0, false);
	mmio(2, 31, ESR_DABT_WNR);
	assert_int_equal(vme.u.inst_emul.data, 0);
	arch_vcpu_complete(&one_vcpu, 0, false);
	mmio(2, 31, 0);
	arch_vcpu_complete(&one_vcpu, 5, false);
	assert_int_equal(arch_gpr_get(v, 31), 0);
	/* nobody's: an external abort at the address the guest used */
	mmio(2, 7, 0);
	arch_vcpu_complete(&one_vcpu, 0, true);
	assert_int_equal(v->sys.far, 0xffff800009000018ull);
	assert_int_equal(v->regs.pc, VBAR + 0x200);
	/* without a syndrome nothing is emulated */
	v->regs.pc = PC;
	v->regs.cpsr = PSR_MODE_EL1H;
	v->trap.esr = ESR_EC_DABT_LOWER << ESR_EC_SHIFT | ESR_IL | ESR_FSC_TRANSLATION | 3;
	assert_int_equal(abort_data(&one_vcpu, &vme), EXIT_RESUME);
	assert_int_equal(v->regs.pc, VBAR + 0x200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_id_regs, setup),
		cmocka_unit_test_setup(test_table, setup),
		cmocka_unit_test_setup(test_id_trap, setup),
		cmocka_unit_test_setup(test_caches, setup),
		cmocka_unit_test_setup(test_other_traps, setup),
		cmocka_unit_test_setup(test_inject, setup),
		cmocka_unit_test_setup(test_registers, setup),
		cmocka_unit_test_setup(test_psci, setup),
		cmocka_unit_test_setup(test_aborts, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
