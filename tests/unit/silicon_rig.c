/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * silicon_rig.h.  The checker's state is in its files' own variables, for the life of a QEMU: each
 * machine here is a process of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "silicon_rig.h"

#define SECTION_WB 0x11c0eu /* shareable, write-back, write-allocate */
#define HCR_VM	   1u

struct cpu cpus[MAX_CPUS];
uint32_t seq = 1;
uint64_t rig_regs[MAX_CPUS][NREGS];

static struct {
	bool caused;
} * shared;

static uint32_t next_pc, last_pc = 0x1000;

uint64_t
reg_read(const struct cpu *c, enum reg reg)
{
	return rig_regs[c->id][reg];
}

/* ---- the machine ---- */
void
rig_poke(uint64_t pa, uint64_t val, unsigned int bytes)
{
	memcpy(ram + (pa - ram_base), &val, bytes);
}

/* Three levels that map PAGE(0) to PAGE(15), and RAM by blocks of 2 MiB. */
static void
make_tables(uint64_t root, uint64_t leaf)
{
	unsigned int i;

	rig_poke(root + 8, TABLE(L2(root)), 8);
	for (i = 0; i < RIG_BYTES >> 21; i++)
		rig_poke(L2(root) + 8 * i, ((RIG_BASE + ((uint64_t)i << 21)) | leaf) & ~2ull, 8);
	i = (unsigned int)((PAGE(0) - RIG_BASE) >> 21);
	rig_poke(L2(root) + 8 * i, TABLE(L3(root)), 8);
	for (i = 0; i < 16; i++)
		rig_poke(L3(root) + 8 * i, PAGE(i) | leaf, 8);
}

static void
cpu_init(struct cpu *c)
{
	uint64_t *reg = rig_regs[c->id];

	memset(reg, 0, sizeof(rig_regs[0]));
	reg[REG_SP] = 0x40700f00 + 0x2000ull * c->id;
	reg[REG_SCTLR] = 0x00c5387d;
	reg[REG_TTBR0] = PL1_ROOT;
	reg[REG_HSCTLR] = 0x30c51834;
	reg[REG_HTTBR] = HYP_ROOT;
	reg[REG_HTCR] = 0x80803500;
	reg[REG_HMAIR0] = 0x000044ff; /* write-back, non-cacheable, strongly ordered */
	reg[REG_VTCR] = 0x80003540;   /* 32 bits, from level 1 */
	reg[REG_VTTBR] = VM_A | 1ull << 48;
	reg[REG_VMPIDR] = 0x80000000;
	reg[REG_MIDR] = 0x412fc0f1; /* Cortex-A15 */
	rig_enter(c, MODE_PL1);
}

void
rig_init(void)
{
	unsigned int i;

	ram_base = RIG_BASE;
	ram_bytes = RIG_BYTES;
	distributor = GICD;
	ram = big_alloc(RIG_BYTES);
	for (i = 0; i < MAX_CPUS; i++)
		cpus[i].id = (uint8_t)i;
	cache_init();
	table_init();
	tlb_init();
	for (i = 0; i < RIG_BYTES >> 20; i++)
		rig_poke(PL1_ROOT + 4 * ((RIG_BASE >> 20) + i),
		    (RIG_BASE + ((uint64_t)i << 20)) | SECTION_WB, 4);
	make_tables(HYP_ROOT, HYP_LEAF(0));
	make_tables(VM_A, S2_LEAF(0));
	make_tables(VM_B, S2_LEAF(0));
	cpu_init(&cpus[0]);
	cpu_init(&cpus[1]);
}

static void
child(void (*run)(const void *arg), const void *arg, int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	report_open(path);
	rig_init();
	run(arg);
	report_close();
	_exit(0);
}

char *
rig_report(void (*run)(const void *arg), const void *arg, bool *caused)
{
	int status = -1, fd = memfd_create("report", 0);
	struct stat st;
	char *text;
	pid_t pid;

	shared = mmap(
	    NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || shared == MAP_FAILED)
		abort();
	pid = fork();
	if (pid == 0)
		child(run, arg, fd);
	if (waitpid(pid, &status, 0) != pid || status != 0 || fstat(fd, &st) != 0) {
		fprintf(stderr, "silicon_rig: it ended with status %#x\n", (unsigned int)status);
		abort();
	}
	text = calloc(1, (size_t)st.st_size + 1);
	if (text == NULL || pread(fd, text, (size_t)st.st_size, 0) != st.st_size)
		abort();
	close(fd);
	*caused = shared->caused;
	munmap(shared, sizeof(*shared));
	return text;
}

/* ---- what happens in it ---- */
void
rig_module(void)
{
	module_base = MODULE;
	module_bytes = MODULE_BYTES;
}

void
rig_own(bool own)
{
	last_pc = own ? MODULE + 0x100 : 0x1000;
}

void
rig_at(uint32_t pc)
{
	next_pc = pc;
}

static uint32_t
this_pc(void)
{
	uint32_t pc = next_pc != 0 ? next_pc : (last_pc += 4);

	if (pc == CAUSE && shared != NULL)
		shared->caused = true;
	next_pc = 0;
	return pc;
}

void
rig_enter(struct cpu *c, enum mode mode)
{
	if (c->mode == MODE_HYP && mode != MODE_HYP) {
		sysreg_synced(c);
		c->in_hyp = c->known = false;
	}
	cpu_enter(c, (uint8_t)mode);
	access_block(c, TEXT, 4, last_pc);
}

static void
after_insn(struct cpu *c, const struct insn *i)
{
	static const struct {
		uint64_t code;
		enum reg reg;
	} written[] = { { SCTLR, REG_SCTLR }, { TTBR0, REG_TTBR0 }, { TTBR0_64, REG_TTBR0 },
		{ TTBCR, REG_TTBCR }, { PRRR, REG_PRRR }, { NMRR, REG_NMRR },
		{ HSCTLR, REG_HSCTLR }, { HCR, REG_HCR }, { HTCR, REG_HTCR }, { VTCR, REG_VTCR },
		{ HMAIR0, REG_HMAIR0 }, { HMAIR1, REG_HMAIR1 }, { HTTBR, REG_HTTBR },
		{ VTTBR, REG_VTTBR } };
	uint64_t *reg = rig_regs[c->id];
	unsigned int k;

	for (k = 0; k < sizeof(written) / sizeof(written[0]); k++)
		if (i->code == written[k].code)
			reg[written[k].reg] = i->code >> 24 == 0xee ?
			    (uint32_t)reg[REG_R0] :
			    reg[REG_R0 + 1] << 32 | (uint32_t)reg[REG_R0];
	if (i->op == OP_HVC)
		rig_enter(c, MODE_HYP);
	else if (i->op == OP_ERET)
		rig_enter(c, (reg[REG_HCR] & HCR_VM) != 0 ? MODE_GUEST : MODE_PL1);
	else
		access_block(c, TEXT, 4, last_pc);
}

void
rig_insn(struct cpu *c, uint64_t code)
{
	struct insn_bits bits = {
		.code = (uint32_t)code, .thumb = (code >> 32 & 1) != 0, .mode = (enum mode)c->mode
	};
	struct insn i = { .pc = this_pc() };

	if (!insn_decode(&bits, &i))
		return;
	cpu_enter(c, i.mode);
	insn_exec(c, &i);
	after_insn(c, &i);
}

void
rig_write(struct cpu *c, uint64_t code, uint64_t val)
{
	rig_regs[c->id][REG_R0] = (uint32_t)val;
	rig_regs[c->id][REG_R0 + 1] = val >> 32;
	rig_insn(c, code);
}

void
rig_run(struct cpu *c, uint32_t r0, const uint64_t *code, unsigned int n)
{
	struct access device = { .bytes = 4, .store = true };

	rig_regs[c->id][REG_R0] = r0;
	for (; n > 0 && *code != 0; code++, n--) {
		uint32_t x = (uint32_t)*code;

		if (*code == HERE) {
			rig_at(CAUGHT);
		} else if (*code == BEFORE) {
			rig_at(CAUSE);
		} else if (*code == OWN || *code == HOSTS) {
			rig_own(*code == OWN);
		} else if (*code == LOAD) {
			rig_load(c, DATA, 4);
		} else if (*code >> 48 == DEVICE_AT(0) >> 48) {
			device.va = device.pa = x;
			device.pc = this_pc();
			access_device(c, &device);
		} else if (*code >> 48 == ON_CPU(0) >> 48) {
			c = &cpus[x];
			rig_regs[c->id][REG_R0] = r0;
		} else if (*code >> 48 == R0(0) >> 48) {
			rig_regs[c->id][REG_R0] = x;
		} else if (*code >> 48 == FLAGS(0) >> 48) {
			rig_regs[c->id][REG_CPSR] = (uint64_t)x << 28;
		} else {
			rig_insn(c, *code);
		}
	}
}

void
rig_store(struct cpu *c, uint64_t pa, uint64_t val, unsigned int bytes)
{
	struct access a = { .va = pa, .pa = pa, .pc = this_pc(), .bytes = bytes, .store = true };

	rig_poke(pa, val, bytes < 8 ? bytes : 8);
	access_ram(c, &a);
}

void
rig_load(struct cpu *c, uint64_t pa, unsigned int bytes)
{
	struct access a = { .va = pa, .pa = pa, .pc = this_pc(), .bytes = bytes };

	access_ram(c, &a);
}

/* As plugin.c does for a block that is new to it. */
void
rig_exec(struct cpu *c, uint64_t pa, unsigned int bytes)
{
	uint32_t pc = this_pc();

	access_block(c, pa, bytes, pc);
	if ((cache_exec_suspect(pa, bytes) >> c->id & 1) != 0)
		cache_exec(c, pa, bytes, pc);
}
