/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Stage 2 aborts with any syndrome, registers, guest tables and instructions: a struct
 * abort_case, and the rest of the input is guest memory, repeated through all of RAM.  What
 * leaves must be an access with sane fields and an instruction not yet passed; what
 * comes back must have moved on by one instruction or to a vector.
 */
#include <errno.h>
#include <stdlib.h>

#include "../unit/one_vcpu.h"
#include "esr.h"
#include "psr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct abort_case {
	uint32_t iss, hpfar, far, cpsr, pc, sctlr, ttbcr;
	uint32_t ttbr0, ttbr1, high; /* bits above 32 of both */
	uint32_t regs[13], answer_low, answer_high;
	uint32_t flags; /* bit 0: an instruction abort; 1: abort it; 2: no memory */
};

#define RAM	 0x40000000ull
#define RAM_SIZE 0x40000000ull
#define GICD	 0x08000000ull

static struct hyp_vcpu *const v = &one_hyp_vcpu;
static const uint8_t *memory;
static size_t memory_size;
static unsigned int reads, gicd_accesses;
static bool no_memory;

static void
must(bool ok)
{
	if (!ok)
		abort();
}

enum vm_mem_fault
vm_mem_fault(struct vm *vm, gpa_t gpa, bool write, bool *block, int *error)
{
	(void)vm;
	must(gpa.a < VM_MAX_GPA);
	if (gpa.a < GICD)
		return write ? VM_MEM_READ_ONLY : VM_MEM_MAPPED;
	if (gpa.a - RAM >= RAM_SIZE)
		return VM_MEM_NOT_RAM;
	*block = (gpa.a & BLOCK_BYTES) != 0;
	*error = no_memory ? -ENOMEM : 0;
	return no_memory ? VM_MEM_ERROR : VM_MEM_MAPPED;
}

int
vm_mem_read(struct vm *vm, gpa_t gpa, void *dst, size_t len)
{
	size_t i;

	(void)vm;
	must(gpa.a < VM_MAX_GPA && len <= 8);
	/* two halfwords, each behind three tables */
	must(++reads <= 8);
	if (gpa.a - RAM >= RAM_SIZE || memory_size == 0)
		return -EFAULT;
	for (i = 0; i < len; i++)
		((uint8_t *)dst)[i] = memory[(gpa.a - RAM + i) % memory_size];
	return 0;
}

/* Doorbells: every eighth byte of a page, for stores of odd values. */
#define BELLS 0x10000000ull

bool
vm_doorbell_at(struct vcpu *vcpu, gpa_t gpa)
{
	(void)vcpu;
	must(gpa.a < VM_MAX_GPA);
	return gpa.a - BELLS < PAGE_BYTES && gpa.a % 8 == 0;
}

bool
vm_doorbell_ring(struct vcpu *vcpu, gpa_t gpa, uint32_t size, uint64_t data)
{
	must(size == 1 || size == 2 || size == 4 || size == 8);
	must(size == 8 || data >> (8 * size) == 0);
	return vm_doorbell_at(vcpu, gpa) && (data & 1) != 0;
}

void
vmm_trace(struct vcpu *vcpu, enum vmm_trace_event ev, uint32_t a, uint64_t b)
{
	(void)vcpu;
	(void)a;
	(void)b;
	must(ev < VMM_TRACE_COUNT);
}

uint32_t
hyp_call(uint32_t call, uintptr_t a1)
{
	must(call == HYP_CALL_TLB_FLUSH_VM && a1 == (uintptr_t)&one_hyp_vm);
	return 0;
}

bool
vgic_host_is_dist(const struct vm *vm, uint64_t gpa)
{
	(void)vm;
	return gpa - GICD < PAGE_BYTES;
}

void
vgic_host_mmio(struct vcpu *vcpu, struct vgic_access *a)
{
	(void)vcpu;
	must(a->size == 1 || a->size == 2 || a->size == 4);
	must(a->offset % a->size == 0 && a->offset + a->size <= PAGE_BYTES);
	gicd_accesses++;
}

static void
begin(const struct abort_case *c)
{
	static const uint32_t modes[] = { CPSR_MODE_USR, CPSR_MODE_FIQ, CPSR_MODE_IRQ,
		CPSR_MODE_SVC, CPSR_MODE_ABT, CPSR_MODE_UND, CPSR_MODE_SYS, CPSR_MODE_SVC };
	uint32_t ec = (c->flags & 1) != 0 ? ESR_EC_IABT_LOWER : ESR_EC_DABT_LOWER;

	one_vcpu_setup();
	one_hyp_vm.vgic.dist_gpa = GICD;
	reads = gicd_accesses = 0;
	no_memory = (c->flags & 4) != 0;
	v->regs.cpsr = (c->cpsr & ~(CPSR_MODE_MASK | CPSR_J)) | modes[c->cpsr & 7];
	v->regs.pc = c->pc & ((c->cpsr & CPSR_T) != 0 ? ~1u : ~3u);
	memcpy(v->regs.r, c->regs, sizeof(c->regs));
	v->regs.sp_usr = v->regs.svc.sp = c->far;
	v->sys.sctlr = c->sctlr;
	v->sys.ttbcr = c->ttbcr;
	v->sys.ttbr0 = (uint64_t)c->high << 32 | c->ttbr0;
	v->sys.ttbr1 = (uint64_t)c->high << 32 | c->ttbr1;
	v->trap.esr = ec << ESR_EC_SHIFT | (c->iss & (ESR_IL | ESR_ISS_MASK));
	v->trap.hpfar = c->hpfar;
	v->trap.far = c->far;
}

/* By an instruction, or to a vector. */
static void
must_have_moved(uint32_t pc)
{
	bool aborted = (v->regs.cpsr & CPSR_MODE_MASK) == CPSR_MODE_ABT &&
	    (v->regs.abt.lr == pc + 8 || v->regs.abt.lr == pc + 4);

	must(aborted || v->regs.pc == pc + 2 || v->regs.pc == pc + 4);
}

static void
check_exit(const struct vm_exit *vme, uint32_t pc)
{
	uint8_t size = vme->u.inst_emul.size;

	must(v->regs.pc == pc && vme->pc == pc);
	if (vme->exitcode == VM_EXITCODE_PAGING) {
		must(vme->u.paging.error == ENOMEM && !arch_vcpu_access_pending(&one_vcpu));
		return;
	}
	must(vme->exitcode == VM_EXITCODE_INST_EMUL && arch_vcpu_access_pending(&one_vcpu));
	must(size == 1 || size == 2 || size == 4 || size == 8);
	must(vme->u.inst_emul.dir <= VM_DIR_WRITE && vme->u.inst_emul.gpa < VM_MAX_GPA);
	must(vme->u.inst_emul.gpa % PAGE_BYTES + size <= PAGE_BYTES);
	must(size == 8 || vme->u.inst_emul.data >> (size * 8) == 0);
	must(vme->inst_length == 2 || vme->inst_length == 4);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum vcpu_action action;
	struct abort_case c;
	struct vm_exit vme;
	uint32_t pc;

	if (size < sizeof(c))
		return 0;
	memcpy(&c, data, sizeof(c));
	memory = data + sizeof(c);
	memory_size = size - sizeof(c);
	begin(&c);
	pc = v->regs.pc;
	if ((c.flags & 1) != 0)
		action = abort_inst(&one_vcpu, &vme);
	else
		action = abort_data(&one_vcpu, &vme);
	must(action == EXIT_RESUME || action == EXIT_TO_USER);
	if (action == EXIT_RESUME) {
		must(!arch_vcpu_access_pending(&one_vcpu));
		must(gicd_accesses == 0 || v->regs.pc == pc + 2 || v->regs.pc == pc + 4);
		return 0;
	}
	check_exit(&vme, pc);
	if (!arch_vcpu_access_pending(&one_vcpu))
		return 0;
	arch_vcpu_complete(
	    &one_vcpu, (uint64_t)c.answer_high << 32 | c.answer_low, (c.flags & 2) != 0);
	must(!arch_vcpu_access_pending(&one_vcpu));
	must_have_moved(pc);
	return 0;
}
