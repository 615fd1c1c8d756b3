/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Aborts, from syndrome to completion: a guest with RAM, a read-only segment, a distributor
 * and otherwise devices of user space.  Its memory holds its instructions and its own
 * translation tables, which are written here by hand, in both formats.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "esr.h"
#include "one_vcpu.h"
#include "psr.h"

#define RAM	 0x40000000ull
#define RAM_SIZE 0x100000u
#define ROM	 0x00000000ull
#define ROM_SIZE 0x10000u
#define GICD	 0x08000000ull
#define UART	 0x09000000ull

static struct hyp_vcpu *const v = &one_hyp_vcpu;
static uint8_t ram[RAM_SIZE];
static struct vm_exit vme;

/* ---- what abort.c calls ---- */
static struct {
	unsigned int faults, flushes, gicd;
	uint64_t fault_gpa;
	bool fault_write, block;
	int error;
	struct vgic_access va;
	uint32_t gicd_data;
	uint64_t bell;	    /* where a doorbell is; 0: nowhere */
	uint32_t bell_size; /* .. for stores of this size */
	unsigned int rung;
	uint64_t rung_data;
} seen;

enum vm_mem_fault
vm_mem_fault(struct vm *vm, gpa_t gpa, bool write, bool *block, int *error)
{
	assert_ptr_equal(vm, &one_vm);
	seen.faults++;
	seen.fault_gpa = gpa.a;
	seen.fault_write = write;
	if (seen.error != 0) {
		*error = seen.error;
		return VM_MEM_ERROR;
	}
	if (gpa.a - ROM < ROM_SIZE && write)
		return VM_MEM_READ_ONLY;
	if (gpa.a - ROM >= ROM_SIZE && gpa.a - RAM >= RAM_SIZE)
		return VM_MEM_NOT_RAM;
	*block = seen.block;
	return VM_MEM_MAPPED;
}

int
vm_mem_read(struct vm *vm, gpa_t gpa, void *dst, size_t len)
{
	(void)vm;
	if (gpa.a < RAM || gpa.a - RAM > RAM_SIZE - len)
		return -EFAULT;
	memcpy(dst, ram + (gpa.a - RAM), len);
	return 0;
}

bool
vm_doorbell_at(struct vcpu *vcpu, gpa_t gpa)
{
	(void)vcpu;
	return seen.bell != 0 && gpa.a == seen.bell;
}

bool
vm_doorbell_ring(struct vcpu *vcpu, gpa_t gpa, uint32_t size, uint64_t value)
{
	if (!vm_doorbell_at(vcpu, gpa) || size != seen.bell_size)
		return false;
	seen.rung++;
	seen.rung_data = value;
	return true;
}

void
vmm_trace(struct vcpu *vcpu, enum vmm_trace_event ev, uint32_t a, uint64_t b)
{
	(void)vcpu;
	(void)ev;
	(void)a;
	(void)b;
}

uint32_t
hyp_call(uint32_t call, uintptr_t a1)
{
	assert_int_equal(call, HYP_CALL_TLB_FLUSH_VM);
	assert_ptr_equal(a1, &one_hyp_vm);
	seen.flushes++;
	return 0;
}

bool
vgic_host_is_dist(const struct vm *vm, uint64_t gpa)
{
	(void)vm;
	return gpa - GICD < 0x1000;
}

void
vgic_host_mmio(struct vcpu *vcpu, struct vgic_access *a)
{
	(void)vcpu;
	seen.gicd++;
	seen.va = *a;
	a->data = seen.gicd_data;
}

/* ---- a guest ---- */
static int
setup(void **unused)
{
	unsigned int i;

	(void)unused;
	one_vcpu_setup();
	memset(&seen, 0, sizeof(seen));
	memset(ram, 0, sizeof(ram));
	memset(&vme, 0xa5, sizeof(vme));
	v->regs.cpsr = CPSR_MODE_SVC | CPSR_I | CPSR_F;
	v->regs.pc = (uint32_t)RAM + 0x8000;
	for (i = 0; i < 13; i++)
		v->regs.r[i] = 0x11110000 * i + 0x80 + i;
	v->regs.svc.sp = 0xdddddddd;
	v->regs.svc.lr = 0xeeeeeeee;
	one_hyp_vm.vgic.dist_gpa = GICD;
	return 0;
}

#define DABT(iss) (ESR_EC_DABT_LOWER << ESR_EC_SHIFT | ESR_IL | (iss))
#define IABT(iss) (ESR_EC_IABT_LOWER << ESR_EC_SHIFT | ESR_IL | (iss))
#define TRANS	  (ESR_FSC_TRANSLATION | 3u)
#define PERM	  (ESR_FSC_PERMISSION | 3u)
/* ISS with a syndrome: size 0, 1, 2 for byte, halfword, word */
#define ISV(sas, rt) (ESR_DABT_ISV | (sas) << 22 | (rt) << 16)
#define WNR	     ESR_DABT_WNR

static void
trap(uint32_t hsr, uint64_t gpa, uint32_t far)
{
	v->trap.esr = hsr;
	v->trap.hpfar = (uint32_t)(gpa >> 8) & ~15u;
	v->trap.far = far;
}

static enum vcpu_action
data(uint32_t iss, uint64_t gpa)
{
	trap(DABT(iss), gpa, (uint32_t)gpa);
	return abort_data(&one_vcpu, &vme);
}

static void
assert_data_abort(uint32_t pc, uint32_t far, enum vmm_stat why)
{
	assert_int_equal(v->regs.cpsr & CPSR_MODE_MASK, CPSR_MODE_ABT);
	assert_int_equal(v->regs.pc, 0x10);
	assert_int_equal(v->regs.abt.lr, pc + 8);
	assert_int_equal(v->sys.dfar, far);
	assert_int_equal(one_vcpu.stats[why], 1);
	assert_false(arch_vcpu_access_pending(&one_vcpu));
}

static void
assert_emul(uint64_t gpa, unsigned int size, unsigned int dir)
{
	assert_int_equal(vme.exitcode, VM_EXITCODE_INST_EMUL);
	assert_int_equal(vme.u.inst_emul.gpa, gpa);
	assert_int_equal(vme.u.inst_emul.size, size);
	assert_int_equal(vme.u.inst_emul.dir, dir);
	assert_true(arch_vcpu_access_pending(&one_vcpu));
}

static void
put32(uint64_t gpa, uint32_t val)
{
	memcpy(ram + (gpa - RAM), &val, 4);
}

static void
put64(uint64_t gpa, uint64_t val)
{
	memcpy(ram + (gpa - RAM), &val, 8);
}

/* ---- RAM ---- */
static void
test_ram(void **unused)
{
	(void)unused;
	assert_int_equal(data(TRANS, RAM + 0x1234), EXIT_RESUME);
	assert_int_equal(seen.fault_gpa, RAM + 0x1234);
	assert_false(seen.fault_write);
	assert_int_equal(one_vcpu.stats[VMM_STAT_FAULTS], 1);
	assert_int_equal(one_vcpu.stats[VMM_STAT_FAULT_BLOCKS], 0);
	seen.block = true;
	assert_int_equal(data(TRANS | WNR | ISV(2u, 3u), RAM), EXIT_RESUME);
	assert_true(seen.fault_write);
	assert_int_equal(one_vcpu.stats[VMM_STAT_FAULT_BLOCKS], 1);
	assert_int_equal(v->regs.pc, RAM + 0x8000); /* again */
	assert_false(arch_vcpu_access_pending(&one_vcpu));
}

static void
test_high_address(void **unused)
{
	(void)unused;
	trap(DABT(TRANS | ISV(2u, 1u)), 0xfe12345000ull, 0x80000abc);
	assert_int_equal(abort_data(&one_vcpu, &vme), EXIT_TO_USER);
	assert_int_equal(seen.fault_gpa, 0xfe12345abcull);
	assert_emul(0xfe12345abcull, 4, VM_DIR_READ);
}

static void
test_no_memory(void **unused)
{
	(void)unused;
	seen.error = -ENOMEM;
	assert_int_equal(data(TRANS, RAM + 0x2345), EXIT_TO_USER);
	assert_int_equal(vme.exitcode, VM_EXITCODE_PAGING);
	assert_int_equal(vme.u.paging.error, ENOMEM);
	assert_int_equal(vme.u.paging.gpa, RAM + 0x2345);
	assert_int_equal(vme.pc, RAM + 0x8000);
	assert_int_equal(vme.inst_length, 0);
	assert_false(arch_vcpu_access_pending(&one_vcpu));
	assert_int_equal(abort_inst(&one_vcpu, &vme), EXIT_TO_USER);
	assert_int_equal(vme.exitcode, VM_EXITCODE_PAGING);
}

/* A store to a read-only segment; or to one that was, when the processor looked. */
static void
test_permission(void **unused)
{
	(void)unused;
	trap(DABT(PERM | WNR | ISV(2u, 5u)), ROM + 0x1000, 0xf0000004);
	assert_int_equal(abort_data(&one_vcpu, &vme), EXIT_TO_USER);
	assert_emul(ROM + 0x1004, 4, VM_DIR_WRITE);
	assert_true(seen.fault_write);
	assert_int_equal(vme.u.inst_emul.data, 0x55550085);
	arch_vcpu_complete(&one_vcpu, 0, false);
	assert_int_equal(v->regs.pc, RAM + 0x8004);
	trap(DABT(PERM | WNR), RAM, (uint32_t)RAM);
	assert_int_equal(abort_data(&one_vcpu, &vme), EXIT_RESUME);
	assert_int_equal(seen.fault_gpa, RAM);
}

static void
test_external(void **unused)
{
	static const uint32_t fsc[] = { 0x10, 0x15, 0x16, 0x18, 0x21, 0x22, 0x30, 0x34, 0x09,
		0x00 };
	unsigned int i;

	(void)unused;
	for (i = 0; i < NELEM(fsc); i++) {
		setup(NULL);
		assert_int_equal(data(fsc[i] | ISV(2u, 1u) | ESR_ABT_EA, RAM), EXIT_RESUME);
		assert_data_abort((uint32_t)RAM + 0x8000, (uint32_t)RAM, VMM_STAT_ABT_UNDECODED);
		assert_int_equal(seen.faults, 0);
	}
}

/* A store at a doorbell is over at once, and asks nothing of memory. */
static void
test_doorbell(void **unused)
{
	(void)unused;
	seen.bell = UART + 0x50;
	seen.bell_size = 2;
	v->regs.r[5] = 0x12345678;
	assert_int_equal(data(TRANS | WNR | ISV(1u, 5u), UART + 0x50), EXIT_RESUME);
	assert_int_equal(seen.rung, 1);
	assert_int_equal(seen.rung_data, 0x5678);
	assert_int_equal(v->regs.pc, RAM + 0x8004);
	assert_int_equal(seen.faults, 0);
	assert_int_equal(one_vcpu.stats[VMM_STAT_DOORBELLS], 1);
	assert_int_equal(one_vcpu.stats[VMM_STAT_EXIT_MMIO], 0);
	assert_false(arch_vcpu_access_pending(&one_vcpu));
	/* what it writes is what lies in memory */
	v->regs.cpsr |= CPSR_E;
	assert_int_equal(data(TRANS | WNR | ISV(1u, 5u), UART + 0x50), EXIT_RESUME);
	assert_int_equal(seen.rung_data, 0x7856);
	v->regs.cpsr &= ~CPSR_E;
	/* another size, a load, a walk, a cache operation */
	assert_int_equal(data(TRANS | WNR | ISV(2u, 5u), UART + 0x50), EXIT_TO_USER);
	assert_emul(UART + 0x50, 4, VM_DIR_WRITE);
	arch_vcpu_complete(&one_vcpu, 0, false);
	assert_int_equal(data(TRANS | ISV(1u, 5u), UART + 0x50), EXIT_TO_USER);
	assert_emul(UART + 0x50, 2, VM_DIR_READ);
	arch_vcpu_complete(&one_vcpu, 0, false);
	assert_int_equal(data(TRANS | ESR_DABT_CM | WNR, UART + 0x50), EXIT_RESUME);
	assert_int_equal(data(TRANS | WNR | ESR_ABT_S1PTW | ISV(1u, 5u), UART + 0x50), EXIT_RESUME);
	assert_int_equal(seen.rung, 2);
}

/* A store with writeback, from the instruction: all of it happens. */
static void
test_doorbell_writeback(void **unused)
{
	(void)unused;
	seen.bell = UART;
	seen.bell_size = 4;
	put32(RAM + 0x8000, 0xe4863004); /* str r3, [r6], #4 */
	v->regs.r[6] = (uint32_t)UART;
	assert_int_equal(data(TRANS | WNR, UART), EXIT_RESUME);
	assert_int_equal(seen.rung, 1);
	assert_int_equal(seen.rung_data, v->regs.r[3]);
	assert_int_equal(v->regs.r[6], UART + 4);
	assert_int_equal(v->regs.pc, RAM + 0x8004);
}

static void
test_walks(void **unused)
{
	(void)unused;
	/* tables in RAM: a read, whatever the access was; HPFAR has the table's page alone */
	trap(DABT(TRANS | WNR | ESR_ABT_S1PTW), RAM + 0x3000, 0xc0000123);
	assert_int_equal(abort_data(&one_vcpu, &vme), EXIT_RESUME);
	assert_int_equal(seen.fault_gpa, RAM + 0x3000);
	assert_false(seen.fault_write);
	trap(DABT(PERM | WNR | ESR_ABT_S1PTW), RAM + 0x3000, 0xc0000123);
	assert_int_equal(abort_data(&one_vcpu, &vme), EXIT_RESUME);
	assert_int_equal(seen.fault_gpa, RAM + 0x3000);
	/* tables in a device, and in the distributor */
	trap(DABT(TRANS | ESR_ABT_S1PTW | ISV(2u, 1u)), UART, 0xc0000123);
	assert_int_equal(abort_data(&one_vcpu, &vme), EXIT_RESUME);
	assert_data_abort((uint32_t)RAM + 0x8000, 0xc0000123, VMM_STAT_ABT_UNMAPPED);
	setup(NULL);
	trap(DABT(TRANS | ESR_ABT_S1PTW | ISV(2u, 1u)), GICD, 0xc0000123);
	assert_int_equal(abort_data(&one_vcpu, &vme), EXIT_RESUME);
	assert_data_abort((uint32_t)RAM + 0x8000, 0xc0000123, VMM_STAT_ABT_UNMAPPED);
	assert_int_equal(seen.gicd, 0);
}

static void
test_cache_operation(void **unused)
{
	(void)unused;
	assert_int_equal(data(TRANS | ESR_DABT_CM | WNR, RAM + 0x40), EXIT_RESUME);
	assert_false(seen.fault_write);
	assert_int_equal(v->regs.pc, RAM + 0x8000);
	/* on a device it has nothing to do */
	assert_int_equal(data(TRANS | ESR_DABT_CM | WNR, UART), EXIT_RESUME);
	assert_int_equal(v->regs.pc, RAM + 0x8004);
	assert_int_equal(data(TRANS | ESR_DABT_CM | WNR, GICD), EXIT_RESUME);
	assert_int_equal(v->regs.pc, RAM + 0x8008);
	assert_int_equal(seen.gicd, 0);
}

/* ---- instruction aborts ---- */
static void
test_fetch(void **unused)
{
	(void)unused;
	trap(IABT(TRANS), RAM + 0x9000, 0x80009010);
	assert_int_equal(abort_inst(&one_vcpu, &vme), EXIT_RESUME);
	assert_int_equal(seen.fault_gpa, RAM + 0x9010);
	assert_false(seen.fault_write);
	assert_int_equal(v->regs.pc, RAM + 0x8000);
	trap(IABT(TRANS | ESR_ABT_S1PTW), RAM + 0x9000, 0x80009010);
	assert_int_equal(abort_inst(&one_vcpu, &vme), EXIT_RESUME);
	assert_int_equal(seen.fault_gpa, RAM + 0x9000);
	assert_int_equal(one_vcpu.stats[VMM_STAT_FAULTS], 2);
}

static void
assert_prefetch_abort(uint32_t far, enum vmm_stat why)
{
	assert_int_equal(v->regs.cpsr & CPSR_MODE_MASK, CPSR_MODE_ABT);
	assert_int_equal(v->regs.pc, 0x0c);
	assert_int_equal(v->regs.abt.lr, RAM + 0x8004);
	assert_int_equal(v->sys.ifar, far);
	assert_int_equal(one_vcpu.stats[why], 1);
}

static void
test_fetch_aborts(void **unused)
{
	(void)unused;
	trap(IABT(TRANS), UART, (uint32_t)UART + 4);
	assert_int_equal(abort_inst(&one_vcpu, &vme), EXIT_RESUME);
	assert_prefetch_abort((uint32_t)UART + 4, VMM_STAT_ABT_UNMAPPED);
	setup(NULL);
	trap(IABT(PERM), RAM, 0x1000); /* without VM_PROT_EXEC */
	assert_int_equal(abort_inst(&one_vcpu, &vme), EXIT_RESUME);
	assert_prefetch_abort(0x1000, VMM_STAT_ABT_UNDECODED);
	assert_int_equal(seen.faults, 0);
	setup(NULL);
	trap(IABT(0x10), RAM, 0x1000);
	assert_int_equal(abort_inst(&one_vcpu, &vme), EXIT_RESUME);
	assert_prefetch_abort(0x1000, VMM_STAT_ABT_UNDECODED);
}

/* ---- devices, with a syndrome ---- */
static void
test_loads(void **unused)
{
	static const struct {
		uint32_t iss;
		uint32_t cpsr_e;
		uint64_t data;
		uint32_t want;
	} loads[] = {
		{ ISV(0u, 4u), 0, 0xfedcba9876543280, 0x80 },
		{ ISV(1u, 4u), 0, 0xfedcba9876548280, 0x8280 },
		{ ISV(2u, 4u), 0, 0xfedcba9886543280, 0x86543280 },
		{ ISV(0u, 4u) | ESR_DABT_SSE, 0, 0x80, 0xffffff80 },
		{ ISV(0u, 4u) | ESR_DABT_SSE, 0, 0xff7f, 0x7f },
		{ ISV(1u, 4u) | ESR_DABT_SSE, 0, 0x8000, 0xffff8000 },
		{ ISV(1u, 4u) | ESR_DABT_SSE, 0, 0x7fff, 0x7fff },
		{ ISV(2u, 4u) | ESR_DABT_SSE, 0, 0x80000000, 0x80000000 },
		{ ISV(0u, 4u), CPSR_E, 0x80, 0x80 },
		{ ISV(1u, 4u), CPSR_E, 0x8012, 0x1280 },
		{ ISV(1u, 4u) | ESR_DABT_SSE, CPSR_E, 0x1280, 0xffff8012 },
		{ ISV(2u, 4u), CPSR_E, 0x11223344, 0x44332211 },
	};
	unsigned int i;

	(void)unused;
	for (i = 0; i < NELEM(loads); i++) {
		setup(NULL);
		v->regs.cpsr |= loads[i].cpsr_e;
		assert_int_equal(data(TRANS | loads[i].iss, UART + 8), EXIT_TO_USER);
		assert_emul(UART + 8, BIT(loads[i].iss >> 22 & 3), VM_DIR_READ);
		assert_int_equal(vme.u.inst_emul.data, 0);
		assert_int_equal(vme.pc, RAM + 0x8000);
		assert_int_equal(vme.inst_length, 4);
		assert_int_equal(v->regs.pc, RAM + 0x8000); /* not yet */
		arch_vcpu_complete(&one_vcpu, loads[i].data, false);
		assert_int_equal(v->regs.r[4], loads[i].want);
		assert_int_equal(v->regs.pc, RAM + 0x8004);
		assert_false(arch_vcpu_access_pending(&one_vcpu));
		/* once only */
		arch_vcpu_complete(&one_vcpu, 0, false);
		arch_vcpu_complete(&one_vcpu, 0, true);
		assert_int_equal(v->regs.r[4], loads[i].want);
		assert_int_equal(v->regs.pc, RAM + 0x8004);
	}
	assert_int_equal(one_vcpu.stats[VMM_STAT_EXIT_MMIO], 1);
}

static void
test_stores(void **unused)
{
	static const struct {
		uint32_t sas, cpsr_e;
		uint64_t want;
	} stores[] = {
		{ 0, 0, 0xdd },
		{ 1, 0, 0xccdd },
		{ 2, 0, 0xaabbccdd },
		{ 0, CPSR_E, 0xdd },
		{ 1, CPSR_E, 0xddcc },
		{ 2, CPSR_E, 0xddccbbaa },
	};
	unsigned int i;

	(void)unused;
	for (i = 0; i < NELEM(stores); i++) {
		setup(NULL);
		v->regs.cpsr |= stores[i].cpsr_e;
		v->regs.svc.lr = 0xaabbccdd;
		assert_int_equal(data(TRANS | WNR | ISV(stores[i].sas, 14u), UART), EXIT_TO_USER);
		assert_emul(UART, BIT(stores[i].sas), VM_DIR_WRITE);
		assert_int_equal(vme.u.inst_emul.data, stores[i].want);
		arch_vcpu_complete(&one_vcpu, 0x1234, false);
		assert_int_equal(v->regs.svc.lr, 0xaabbccdd);
		assert_int_equal(v->regs.pc, RAM + 0x8004);
	}
}

/* Registers of the mode, the length of the instruction, the IT block it is in. */
static void
test_thumb_syndrome(void **unused)
{
	(void)unused;
	v->regs.cpsr = CPSR_MODE_FIQ | CPSR_T | BIT(25) | BIT(10); /* IT = 0b00000101 */
	trap(DABT(TRANS | ISV(2u, 10u)) & ~ESR_IL, UART, (uint32_t)UART);
	assert_int_equal(abort_data(&one_vcpu, &vme), EXIT_TO_USER);
	assert_int_equal(vme.inst_length, 2);
	arch_vcpu_complete(&one_vcpu, 77, false);
	assert_int_equal(v->regs.r_fiq[2], 77);
	assert_int_equal(v->regs.pc, RAM + 0x8002);
	assert_int_equal(v->regs.cpsr, CPSR_MODE_FIQ | CPSR_T | BIT(26) | BIT(11));
}

static void
test_user_space_refuses(void **unused)
{
	(void)unused;
	trap(DABT(TRANS | ISV(2u, 4u)), UART, 0xf0000010);
	assert_int_equal(abort_data(&one_vcpu, &vme), EXIT_TO_USER);
	arch_vcpu_complete(&one_vcpu, 77, true);
	assert_data_abort((uint32_t)RAM + 0x8000, 0xf0000010, VMM_STAT_ABT_UNMAPPED);
	assert_int_not_equal(v->regs.r[4], 77);
}

static void
test_bad_syndrome(void **unused)
{
	static const uint32_t iss[] = { ISV(3u, 4u), ISV(2u, 15u), ISV(2u, 15u) | WNR };
	unsigned int i;

	(void)unused;
	for (i = 0; i < NELEM(iss); i++) {
		setup(NULL);
		assert_int_equal(data(TRANS | iss[i], UART), EXIT_RESUME);
		assert_data_abort((uint32_t)RAM + 0x8000, (uint32_t)UART, VMM_STAT_ABT_UNDECODED);
	}
	/* over the end of a page */
	setup(NULL);
	assert_int_equal(data(TRANS | ISV(2u, 1u), UART + 0xffe), EXIT_RESUME);
	assert_data_abort((uint32_t)RAM + 0x8000, (uint32_t)UART + 0xffe, VMM_STAT_ABT_UNDECODED);
	setup(NULL);
	assert_int_equal(data(TRANS | ISV(2u, 1u), UART + 0xffc), EXIT_TO_USER);
}

/* ---- the distributor ---- */
static void
test_gicd(void **unused)
{
	(void)unused;
	seen.gicd_data = 0xffffff81;
	assert_int_equal(data(TRANS | ISV(0u, 4u) | ESR_DABT_SSE, GICD + 0x403), EXIT_RESUME);
	assert_int_equal(seen.va.offset, 0x403);
	assert_int_equal(seen.va.size, 1);
	assert_false(seen.va.write);
	assert_int_equal(v->regs.r[4], 0xffffff81);
	assert_int_equal(v->regs.pc, RAM + 0x8004);
	v->regs.r[4] = 0x12345678;
	assert_int_equal(data(TRANS | WNR | ISV(2u, 4u), GICD + 0x100), EXIT_RESUME);
	assert_true(seen.va.write);
	assert_int_equal(seen.va.data, 0x12345678);
	assert_int_equal(v->regs.r[4], 0x12345678);
	assert_int_equal(v->regs.pc, RAM + 0x8008);
	assert_int_equal(seen.faults, 0);
	/* not as a register stands there */
	assert_int_equal(data(TRANS | ISV(2u, 4u), GICD + 0x102), EXIT_RESUME);
	assert_data_abort((uint32_t)RAM + 0x8008, (uint32_t)GICD + 0x102, VMM_STAT_ABT_UNDECODED);
	assert_int_equal(seen.gicd, 2);
}

/* ---- without a syndrome ---- */
static void
test_pairs(void **unused)
{
	(void)unused;
	put32(RAM + 0x8000, 0xe1c620d8); /* ldrd r2, r3, [r6, #8] */
	v->regs.r[6] = (uint32_t)UART;
	assert_int_equal(data(TRANS, UART + 8), EXIT_TO_USER);
	assert_emul(UART + 8, 8, VM_DIR_READ);
	arch_vcpu_complete(&one_vcpu, 0x1122334455667788, false);
	assert_int_equal(v->regs.r[2], 0x55667788);
	assert_int_equal(v->regs.r[3], 0x11223344);
	assert_int_equal(v->regs.r[6], UART);
	assert_int_equal(v->regs.pc, RAM + 0x8004);
	put32(RAM + 0x8004, 0xe1e620f8); /* strd r2, r3, [r6, #8]! */
	assert_int_equal(data(TRANS | WNR, UART + 8), EXIT_TO_USER);
	assert_emul(UART + 8, 8, VM_DIR_WRITE);
	assert_int_equal(vme.u.inst_emul.data, 0x1122334455667788);
	assert_int_equal(v->regs.r[6], UART); /* not yet */
	arch_vcpu_complete(&one_vcpu, 0, false);
	assert_int_equal(v->regs.r[6], UART + 8);
	assert_int_equal(one_vcpu.stats[VMM_STAT_INST_FETCH], 2);
	/* big-endian: word by word */
	v->regs.pc = (uint32_t)RAM + 0x8004;
	v->regs.r[6] = (uint32_t)UART;
	v->regs.cpsr |= CPSR_E;
	assert_int_equal(data(TRANS | WNR, UART + 8), EXIT_TO_USER);
	assert_int_equal(vme.u.inst_emul.data, 0x4433221188776655);
	arch_vcpu_complete(&one_vcpu, 0, true);
	assert_int_equal(v->regs.r[6], UART); /* an aborted access writes nothing back */
	/* a pair is no access to the distributor */
	setup(NULL);
	put32(RAM + 0x8000, 0xe1c620d8);
	v->regs.r[6] = (uint32_t)GICD;
	assert_int_equal(data(TRANS, GICD + 8), EXIT_RESUME);
	assert_data_abort((uint32_t)RAM + 0x8000, (uint32_t)GICD + 8, VMM_STAT_ABT_UNDECODED);
}

static void
test_writeback(void **unused)
{
	(void)unused;
	put32(RAM + 0x8000, 0xe0d670d1); /* ldrsb r7, [r6], #1 */
	v->regs.r[6] = (uint32_t)UART;
	assert_int_equal(data(TRANS, UART), EXIT_TO_USER);
	assert_emul(UART, 1, VM_DIR_READ);
	arch_vcpu_complete(&one_vcpu, 0xf0, false);
	assert_int_equal(v->regs.r[7], 0xfffffff0);
	assert_int_equal(v->regs.r[6], UART + 1);
	assert_int_equal(v->regs.pc, RAM + 0x8004);
}

static void
test_thumb_inst(void **unused)
{
	(void)unused;
	v->regs.cpsr |= CPSR_T;
	v->regs.r[6] = (uint32_t)UART;
	put32(RAM + 0x8000, 0x2b04f856); /* ldr.w r2, [r6], #4 */
	assert_int_equal(data(TRANS, UART), EXIT_TO_USER);
	assert_int_equal(vme.inst_length, 4);
	arch_vcpu_complete(&one_vcpu, 5, false);
	assert_int_equal(v->regs.r[2], 5);
	assert_int_equal(v->regs.r[6], UART + 4);
	assert_int_equal(v->regs.pc, RAM + 0x8004);
	put32(RAM + 0x8004, 0xffff6832); /* ldr r2, [r6] */
	assert_int_equal(data(TRANS, UART + 4), EXIT_TO_USER);
	assert_int_equal(vme.inst_length, 2);
	arch_vcpu_complete(&one_vcpu, 6, false);
	assert_int_equal(v->regs.pc, RAM + 0x8006);
}

static void
test_not_to_be_emulated(void **unused)
{
	static const uint32_t insns[] = {
		0xe8960003, /* ldm r6, {r0, r1} */
		0xe1960f9f, /* ldrex r0, [r6] */
		0xe1060090, /* swp r0, r0, [r6] */
		0xed960b00, /* vldr d0, [r6] */
		0xe596f000, /* ldr pc, [r6] */
		0xe5960004, /* ldr r0, [r6, #4]: not the address that trapped */
		0xe4866004, /* str r6, [r6], #4: UNPREDICTABLE */
		0xe5860000, /* str r0, [r6]: but a load trapped */
		0xffffffff,
	};
	unsigned int i;

	(void)unused;
	for (i = 0; i < NELEM(insns); i++) {
		setup(NULL);
		put32(RAM + 0x8000, insns[i]);
		v->regs.r[6] = (uint32_t)UART;
		assert_int_equal(data(TRANS, UART), EXIT_RESUME);
		assert_data_abort((uint32_t)RAM + 0x8000, (uint32_t)UART, VMM_STAT_ABT_UNDECODED);
		assert_int_equal(v->regs.r[6], UART);
	}
	/* code that is not in RAM */
	setup(NULL);
	v->regs.pc = 0x1000;
	assert_int_equal(data(TRANS, UART), EXIT_RESUME);
	assert_data_abort(0x1000, (uint32_t)UART, VMM_STAT_ABT_UNDECODED);
	v->regs.cpsr = CPSR_MODE_SVC | CPSR_T;
	v->regs.pc = (uint32_t)RAM + RAM_SIZE - 2; /* its second half */
	put32(RAM + RAM_SIZE - 4, 0xf8560000);
	assert_int_equal(data(TRANS, UART), EXIT_RESUME);
	assert_int_equal(one_vcpu.stats[VMM_STAT_ABT_UNDECODED], 2);
}

/* ---- the guest's tables ---- */
#define L1  (RAM + 0x10000)
#define L1B (RAM + 0x20000)
#define L2  (RAM + 0x30000)
#define L3  (RAM + 0x31000)

static bool
translates(uint32_t va, uint64_t want)
{
	gpa_t gpa = { ~0ull };

	return arch_guest_translate(&one_vcpu, va, &gpa) && gpa.a == want;
}

static bool
faults(uint32_t va)
{
	gpa_t gpa;

	return !arch_guest_translate(&one_vcpu, va, &gpa);
}

static void
test_short_tables(void **unused)
{
	(void)unused;
	assert_true(translates(0x12345678, 0x12345678)); /* MMU off */
	v->sys.sctlr = SCTLR_M;
	v->sys.ttbr0 = L1 | 0x6a; /* attributes of the walk */
	v->sys.ttbr1 = L1B;
	put32(L1 + 4 * 0x800, 0x40000c0e);	  /* a section */
	put32(L1 + 4 * 0x801, 0x40100c0f);	  /* one with PXN */
	put32(L1 + 4 * 0x90a, 0x56a40c0e | 0xe0); /* supersection: [23:20] = a, [8:5] = 7 */
	put32(L1 + 4 * 0xa00, (uint32_t)L2 | 0x1e1);
	put32(L2 + 4 * 0x10, 0x4abcfffd); /* large page */
	put32(L2 + 4 * 0x20, 0x4abc2ffe); /* small page */
	put32(L2 + 4 * 0x21, 0x4abc3fff); /* one with XN */
	put32(L1 + 4 * 0xb00, (uint32_t)UART | 1);
	assert_true(translates(0x80012345, 0x40012345));
	assert_true(translates(0x80112345, 0x40112345));
	assert_true(translates(0x90abcdef, 0x7a56abcdefull));
	assert_true(translates(0xa0010fed, 0x4abc0fed));
	assert_true(translates(0xa0020fed, 0x4abc2fed));
	assert_true(translates(0xa0021fed, 0x4abc3fed));
	assert_true(faults(0xa0022000));
	assert_true(faults(0xc0000000));
	assert_true(faults(0xb0000000)); /* a table that is not in RAM */
	v->sys.ttbcr = TTBCR_PD0;
	assert_true(faults(0x80012345));
}

static void
test_short_two_tables(void **unused)
{
	(void)unused;
	v->sys.sctlr = SCTLR_M;
	v->sys.ttbcr = 2; /* N: the low 1 GiB, by a table of 4 KiB */
	v->sys.ttbr0 = L1 + 0x1000;
	v->sys.ttbr1 = L1B;
	put32(L1 + 0x1000 + 4 * 0x3ff, 0x11100002);
	put32(L1B + 4 * 0x400, 0x22200002);
	put32(L1B + 4 * 0xfff, 0x33300002);
	assert_true(translates(0x3ff00001, 0x11100001));
	assert_true(translates(0x40000001, 0x22200001));
	assert_true(translates(0xfff00001, 0x33300001));
	v->sys.ttbcr = 2 | TTBCR_PD1;
	assert_true(translates(0x3ff00001, 0x11100001));
	assert_true(faults(0x40000001));
	v->sys.ttbcr = 7; /* 32 MiB, 128 bytes */
	v->sys.ttbr0 = L1 + 0x80;
	put32(L1 + 0x80 + 4 * 0x1f, 0x44400002);
	put32(L1B + 4 * 0x020, 0x55500002);
	assert_true(translates(0x01f00001, 0x44400001));
	assert_true(translates(0x02000001, 0x55500001));
}

static void
test_big_endian_tables(void **unused)
{
	(void)unused;
	v->sys.sctlr = SCTLR_M | SCTLR_EE;
	v->sys.ttbr0 = L1;
	put32(L1 + 4 * 0x800, __builtin_bswap32(0x40000c02));
	assert_true(translates(0x80012345, 0x40012345));
	v->sys.ttbcr = TTBCR_EAE;
	put64(L1 + 8, __builtin_bswap64(0x0040000080000701ull));
	assert_true(translates(0x40012345, 0x80012345));
}

static void
test_long_tables(void **unused)
{
	(void)unused;
	v->sys.sctlr = SCTLR_M;
	v->sys.ttbcr = TTBCR_EAE;
	v->sys.ttbr0 = L1 | 1ull << 48;	  /* ASID */
	put64(L1, 0x0040000080000701ull); /* 1 GiB */
	put64(L1 + 8, L2 | 3);
	put64(L1 + 16, L2 | 1ull << 63 | 3);
	put64(L1 + 24, 2);	    /* invalid, with bits */
	put64(L2, 0x1234200701ull); /* 2 MiB */
	put64(L2 + 8, L3 | 3);
	put64(L2 + 16, UART | 3);
	put64(L3 + 8 * 0x1ff, 0x00c00034abcde743ull);
	put64(L3 + 8 * 0x1fe, 0x40000001); /* reserved at level 3 */
	assert_true(translates(0x3fffffff, 0xbfffffff));
	assert_true(translates(0x40123456, 0x1234323456ull));
	assert_true(translates(0x403ff123, 0x34abcde123ull));
	assert_true(faults(0x403fe123));
	assert_true(faults(0x40000000 + 0x200000)); /* level 3 empty */
	assert_true(faults(0x40400000));
	assert_true(translates(0x80123456, 0x1234323456ull));
	assert_true(faults(0xc0000000));
	v->sys.ttbcr |= TTBCR_EPD0;
	assert_true(faults(0));
}

static void
test_long_halves(void **unused)
{
	(void)unused;
	v->sys.sctlr = SCTLR_M;
	v->sys.ttbr0 = L1;
	v->sys.ttbr1 = L1B + 0x10;
	/* T1SZ = 1, as Linux has it: the upper half by a level 1 table of two */
	v->sys.ttbcr = TTBCR_EAE | 1u << 16;
	put64(L1 + 8, 0x4000000701ull);
	put64(L1B + 0x10, 0x8000000701ull);
	put64(L1B + 0x18, 0xc000000701ull);
	assert_true(translates(0x40000001, 0x4000000001ull));
	assert_true(translates(0x80000001, 0x8000000001ull));
	assert_true(translates(0xc0000001, 0xc000000001ull));
	/* T0SZ = T1SZ = 2: from level 2, and a hole between */
	v->sys.ttbcr = TTBCR_EAE | 2 | 2u << 16;
	v->sys.ttbr0 = L2;
	v->sys.ttbr1 = L3;
	put64(L2 + 8 * 0x1ff, 0x1000000701ull);
	put64(L3, 0x2000000701ull);
	assert_true(translates(0x3fe00001, 0x1000000001ull));
	assert_true(translates(0xc0000001, 0x2000000001ull));
	assert_true(faults(0x40000000));
	assert_true(faults(0xbfffffff));
	/* T0SZ = 7 alone: 32 MiB, and TTBR1 has the rest, from level 1 */
	v->sys.ttbcr = TTBCR_EAE | 7;
	v->sys.ttbr0 = L2 + 0x80;
	v->sys.ttbr1 = L1;
	put64(L2 + 0x80 + 8 * 15, 0x5000000701ull);
	assert_true(translates(0x01e00001, 0x5000000001ull));
	assert_true(translates(0x42000001, 0x4002000001ull));
	v->sys.ttbcr |= TTBCR_EPD1;
	assert_true(faults(0x42000001));
}

/* Code behind tables; and tables that changed since the processor walked them. */
static void
test_fetch_through_tables(void **unused)
{
	(void)unused;
	v->sys.sctlr = SCTLR_M;
	v->sys.ttbr0 = L1;
	put32(L1 + 4 * 0xc00, (uint32_t)L2 | 1);
	put32(L2 + 4 * 1, (uint32_t)RAM + 0x5002);
	put32(L2 + 4 * 2, (uint32_t)RAM + 0x9002);
	/* a wide Thumb instruction on two pages that are not neighbours */
	memcpy(ram + 0x5ffe, "\x56\xf8", 2);
	memcpy(ram + 0x9000, "\x04\x2b", 2); /* ldr.w r2, [r6], #4 */
	v->regs.cpsr |= CPSR_T;
	v->regs.pc = 0xc0001ffe;
	v->regs.r[6] = 0xf0000000;
	trap(DABT(TRANS), UART, 0xf0000000);
	assert_int_equal(abort_data(&one_vcpu, &vme), EXIT_TO_USER);
	assert_emul(UART, 4, VM_DIR_READ);
	arch_vcpu_complete(&one_vcpu, 9, false);
	assert_int_equal(v->regs.r[2], 9);
	assert_int_equal(v->regs.pc, 0xc0002002);
	/* the page is gone: the guest shall meet its own fault */
	put32(L2 + 4 * 2, 0);
	assert_int_equal(abort_data(&one_vcpu, &vme), EXIT_RESUME);
	assert_int_equal(seen.flushes, 1);
	assert_int_equal(v->regs.pc, 0xc0002002);
	assert_int_equal(v->regs.cpsr & CPSR_MODE_MASK, CPSR_MODE_SVC);
	assert_int_equal(seen.faults, 2);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup(test_##name, setup)
	const struct CMUnitTest tests[] = {
		T(ram),
		T(high_address),
		T(no_memory),
		T(permission),
		T(external),
		T(doorbell),
		T(doorbell_writeback),
		T(walks),
		T(cache_operation),
		T(fetch),
		T(fetch_aborts),
		T(loads),
		T(stores),
		T(thumb_syndrome),
		T(user_space_refuses),
		T(bad_syndrome),
		T(gicd),
		T(pairs),
		T(writeback),
		T(thumb_inst),
		T(not_to_be_emulated),
		T(short_tables),
		T(short_two_tables),
		T(big_endian_tables),
		T(long_tables),
		T(long_halves),
		T(fetch_through_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
