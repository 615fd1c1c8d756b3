/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The checker as QEMU loads it: finds RAM and registers, and at each translation decides what
 * of the block is watched.  A block is translated for one mode and, as QEMU keys blocks by physical
 * address and privilege, only ever runs in that one.
 *
 * Watched: every store; loads in HYP mode, in guests, and where code may run with the MMU off,
 * that is at an address that is its own physical address; barriers, maintenance and system
 * registers in all of the kernel, HYP mode and the guest; code whose lines were written lately.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_plugin.h"
#include "silicon.h"

#define CPSR_MODE 0x1fu
#define CPSR_T	  (1u << 5)
#define MODE_USR  0x10u
#define MODE_HYP_ 0x1au
#define HCR_VM	  1u

int qemu_plugin_version = QEMU_PLUGIN_API;

struct cpu cpus[MAX_CPUS];
uint32_t seq = 1;

/*
 * QEMU has a thread for each CPU; all that follows the callbacks runs under this.  Not one thread
 * for all CPUs, on which QEMU 10.0 gives every callback the number of the CPU that was there when
 * the block was translated.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool all_loads;
static GByteArray *buffer;
static struct qemu_plugin_register *handles[NREGS];

/* A block that is looked at each time it runs. */
struct block {
	uint32_t pc, bytes;
	uint64_t pa;
	uint8_t mode;
	uint32_t suspect; /* its code was written: by CPU, to be checked once */
};

/* What a memory callback is told, in a pointer. */
#define ACCESS_PC(arg)	 ((uint32_t)(uintptr_t)(arg))
#define ACCESS_MODE(arg) ((uint8_t)((uintptr_t)(arg) >> 32 & 3))
#define ACCESS_LEARN	 (1ull << 34) /* whether caches are on must be asked */
#define ACCESS(pc, mode, learn)                                        \
	((void *)(uintptr_t)((uint64_t)(pc) | (uint64_t)(mode) << 32 | \
	    ((learn) ? ACCESS_LEARN : 0)))

/* ---- registers and RAM ---- */
static const struct {
	enum reg reg;
	const char *name;
} reg_names[] = {
	{ REG_SP, "sp" },
	{ REG_LR, "lr" },
	{ REG_CPSR, "cpsr" },
	{ REG_SCTLR, "SCTLR" },
	{ REG_TTBR0, "TTBR0" },
	{ REG_TTBR1, "TTBR1" },
	{ REG_TTBCR, "TTBCR" },
	{ REG_PRRR, "MAIR0" },
	{ REG_NMRR, "MAIR1" },
	{ REG_HSCTLR, "SCTLR_EL2" },
	{ REG_HVBAR, "VBAR_EL2" },
	{ REG_HTTBR, "HTTBR" },
	{ REG_HTCR, "TCR_EL2" },
	{ REG_HMAIR0, "MAIR_EL2" },
	{ REG_HMAIR1, "HMAIR1" },
	{ REG_VTTBR, "VTTBR" },
	{ REG_VTCR, "VTCR" },
	{ REG_HCR, "HCR" },
	{ REG_VMPIDR, "VMPIDR" },
	{ REG_MIDR, "MIDR" },
};

static void
find_register(const qemu_plugin_reg_descriptor *d)
{
	unsigned int n;
	char end;

	if (sscanf(d->name, "r%u%c", &n, &end) == 1 && n < 13)
		handles[REG_R0 + n] = d->handle;
	for (n = 0; n < sizeof(reg_names) / sizeof(reg_names[0]); n++)
		if (strcmp(d->name, reg_names[n].name) == 0)
			handles[reg_names[n].reg] = d->handle;
}

uint64_t
reg_read(const struct cpu *c, enum reg reg)
{
	uint64_t val = 0;

	(void)c; /* QEMU reads those of the CPU that runs, and so do we */
	if (handles[reg] == NULL)
		return 0;
	g_byte_array_set_size(buffer, 0);
	if (qemu_plugin_read_register(handles[reg], buffer) > 0)
		memcpy(&val, buffer->data, buffer->len < 8 ? buffer->len : 8);
	return val;
}

static void
vcpu_init(qemu_plugin_id_t id, unsigned int vcpu)
{
	GArray *found = qemu_plugin_get_registers();
	unsigned int i;

	(void)id;
	if (vcpu >= MAX_CPUS) {
		fprintf(stderr, "silicon: more than %u CPUs\n", MAX_CPUS);
		exit(1);
	}
	for (i = 0; i < found->len; i++)
		find_register(&((qemu_plugin_reg_descriptor *)(void *)found->data)[i]);
	for (i = 0; i < sizeof(reg_names) / sizeof(reg_names[0]); i++)
		if (handles[reg_names[i].reg] == NULL) {
			fprintf(
			    stderr, "silicon: this QEMU shows no register %s\n", reg_names[i].name);
			exit(1);
		}
}

static void
find_ram(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	char line[512];

	while (maps != NULL && ram == NULL && fgets(line, sizeof(line), maps) != NULL)
		if (strstr(line, "memfd:") != NULL && sscanf(line, "%lx-%lx", &start, &end) == 2 &&
		    end - start >= ram_bytes)
			ram = (uint8_t *)start;
	if (ram == NULL) {
		fprintf(stderr,
		    "silicon: no RAM found: start QEMU with memory-backend=ram and "
		    "-object memory-backend-memfd,id=ram,share=on,size=...\n");
		exit(1);
	}
	fclose(maps);
}

/* ---- blocks ---- */
static void
block_watched(unsigned int vcpu, void *arg)
{
	const struct block *b = arg;
	struct cpu *c = &cpus[vcpu];

	pthread_mutex_lock(&lock);
	cpu_returned(c, b->mode, b->pc);
	cpu_enter(c, b->mode);
	access_block(c, b->pa, b->bytes, b->pc);
	pthread_mutex_unlock(&lock);
}

static void
block_suspect(unsigned int vcpu, void *arg)
{
	struct block *b = arg;

	if ((b->suspect >> vcpu & 1) == 0)
		return;
	pthread_mutex_lock(&lock);
	b->suspect &= ~(1u << vcpu);
	cpu_enter(&cpus[vcpu], b->mode);
	cache_exec(&cpus[vcpu], b->pa, b->bytes, b->pc);
	pthread_mutex_unlock(&lock);
}

static void
insn_watched(unsigned int vcpu, void *arg)
{
	const struct insn *i = arg;

	pthread_mutex_lock(&lock);
	cpu_enter(&cpus[vcpu], i->mode);
	insn_exec(&cpus[vcpu], i);
	pthread_mutex_unlock(&lock);
}

/* ---- memory ---- */
static void
mem_watched(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t va, void *arg)
{
	struct qemu_plugin_hwaddr *hw = qemu_plugin_get_hwaddr(info, va);
	struct cpu *c = &cpus[vcpu];
	struct access a = { .va = va,
		.pc = ACCESS_PC(arg),
		.bytes = 1u << qemu_plugin_mem_size_shift(info),
		.store = qemu_plugin_mem_is_store(info) };
	bool io;

	if (hw == NULL)
		return;
	io = qemu_plugin_hwaddr_is_io(hw);
	a.pa = qemu_plugin_hwaddr_phys_addr(hw);
	if (!io && !in_ram(a.pa))
		return;
	pthread_mutex_lock(&lock);
	cpu_enter(c, ACCESS_MODE(arg));
	if (((uintptr_t)arg & ACCESS_LEARN) == 0)
		c->nocache = false;
	if (io)
		access_device(c, &a);
	else
		access_ram(c, &a);
	pthread_mutex_unlock(&lock);
}

/* ---- translation ---- */
static enum mode
mode_now(uint32_t cpsr)
{
	if ((cpsr & CPSR_MODE) == MODE_HYP_)
		return MODE_HYP;
	if ((reg_read(&cpus[0], REG_HCR) & HCR_VM) != 0)
		return MODE_GUEST;
	return (cpsr & CPSR_MODE) == MODE_USR ? MODE_PL0 : MODE_PL1;
}

static uint32_t
insn_code(const struct qemu_plugin_insn *insn, bool thumb)
{
	uint32_t x = 0;

	qemu_plugin_insn_data(insn, &x, sizeof(x));
	return thumb ? x >> 16 | x << 16 : x;
}

static void
watch_insn(struct qemu_plugin_insn *insn, enum mode mode, bool thumb)
{
	struct insn_bits bits = { .thumb = thumb, .mode = mode };
	struct insn i, *keep;

	if (qemu_plugin_insn_size(insn) != 4)
		return;
	i.pc = (uint32_t)qemu_plugin_insn_vaddr(insn);
	bits.code = insn_code(insn, thumb);
	if (!insn_decode(&bits, &i))
		return;
	keep = malloc(sizeof(*keep)); /* QEMU does not tell when it forgets a block */
	if (keep == NULL)
		abort();
	*keep = i;
	qemu_plugin_register_vcpu_insn_exec_cb(insn, insn_watched, QEMU_PLUGIN_CB_R_REGS, keep);
}

static void
watch_block(struct qemu_plugin_tb *tb, const struct block *b, bool each_time)
{
	struct block *keep = malloc(sizeof(*keep));

	if (keep == NULL)
		abort();
	*keep = *b;
	if (each_time)
		qemu_plugin_register_vcpu_tb_exec_cb(
		    tb, block_watched, QEMU_PLUGIN_CB_R_REGS, keep);
	if (b->suspect != 0)
		qemu_plugin_register_vcpu_tb_exec_cb(
		    tb, block_suspect, QEMU_PLUGIN_CB_R_REGS, keep);
}

/* What the block is; false if its code is not in RAM. */
static bool
block_of(const struct qemu_plugin_tb *tb, enum mode mode, struct block *b)
{
	struct qemu_plugin_insn *first = qemu_plugin_tb_get_insn(tb, 0);
	uint8_t *host = qemu_plugin_insn_haddr(first);
	size_t i, n = qemu_plugin_tb_n_insns(tb);
	uint64_t left;

	*b = (struct block){ .pc = (uint32_t)qemu_plugin_insn_vaddr(first), .mode = (uint8_t)mode };
	for (i = 0; i < n; i++)
		b->bytes += (uint32_t)qemu_plugin_insn_size(qemu_plugin_tb_get_insn(tb, i));
	if (host < ram || host >= ram + ram_bytes)
		return false;
	b->pa = (uint64_t)(host - ram) + ram_base;
	left = PAGE_SIZE - (b->pa & (PAGE_SIZE - 1));
	if (b->bytes > left)
		b->bytes = (uint32_t)left;
	return true;
}

static void
translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);
	uint32_t cpsr;
	enum mode mode;
	bool thumb, each_time, loads, ours;
	struct block b;

	(void)id;
	pthread_mutex_lock(&lock);
	if (ram == NULL)
		find_ram();
	cpsr = (uint32_t)reg_read(&cpus[0], REG_CPSR);
	mode = mode_now(cpsr);
	thumb = (cpsr & CPSR_T) != 0;
	ours = block_of(tb, mode, &b);
	each_time = mode >= MODE_HYP || (ours && b.pa == b.pc);
	if (ours)
		b.suspect = cache_exec_suspect(b.pa, b.bytes);
	if (ours && (each_time || b.suspect != 0))
		watch_block(tb, &b, each_time);
	loads = each_time || all_loads;
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint32_t pc = (uint32_t)qemu_plugin_insn_vaddr(insn);

		watch_insn(insn, mode, thumb);
		qemu_plugin_register_vcpu_mem_cb(insn, mem_watched,
		    mode == MODE_PL1 || mode == MODE_HYP ? QEMU_PLUGIN_CB_R_REGS :
							   QEMU_PLUGIN_CB_NO_REGS,
		    loads ? QEMU_PLUGIN_MEM_RW : QEMU_PLUGIN_MEM_W, ACCESS(pc, mode, each_time));
	}
	pthread_mutex_unlock(&lock);
}

/* ---- life ---- */
static void
at_exit(qemu_plugin_id_t id, void *arg)
{
	(void)id;
	(void)arg;
	report_close();
}

static int
usage(void)
{
	fprintf(stderr,
	    "silicon: -plugin silicon.so,out=FILE,ram=BASE:BYTES[,distributor=BASE]"
	    "[,module=BASE:BYTES][,strict=on][,loads=on]\n");
	return 1;
}

int
qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	unsigned long long base, bytes, gicd;
	const char *out = NULL;
	int i;

	(void)info;
	for (i = 0; i < argc; i++) {
		if (strncmp(argv[i], "out=", 4) == 0)
			out = argv[i] + 4;
		else if (sscanf(argv[i], "ram=%lli:%lli", (long long *)&base,
			     (long long *)&bytes) == 2)
			ram_base = base, ram_bytes = bytes;
		else if (sscanf(argv[i], "module=%lli:%lli", (long long *)&base,
			     (long long *)&bytes) == 2)
			module_base = base, module_bytes = bytes;
		else if (sscanf(argv[i], "distributor=%lli", (long long *)&gicd) == 1)
			distributor = gicd;
		else if (strcmp(argv[i], "loads=on") == 0)
			all_loads = true;
		else if (strcmp(argv[i], "strict=on") == 0)
			strict = true;
		else
			return usage();
	}
	if (out == NULL || ram_bytes == 0)
		return usage();
	report_open(out);
	buffer = g_byte_array_new();
	for (i = 0; i < (int)MAX_CPUS; i++)
		cpus[i].id = (uint8_t)i;
	cache_init();
	table_init();
	tlb_init();
	qemu_plugin_register_vcpu_init_cb(id, vcpu_init);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	qemu_plugin_register_atexit_cb(id, at_exit, NULL);
	return 0;
}
