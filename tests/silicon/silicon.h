/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The silicon checker: what its files tell each other.  plugin.c translates QEMU's callbacks into
 * the events below; access.c hands some of them on; armv7.c knows the instructions, registers and
 * table formats; cache.c, table.c, tlb.c and sysreg.c hold the rules; report.c says what was found.
 *
 * One thread at a time: plugin.c holds its lock around every event.
 */
#ifndef SILICON_H
#define SILICON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_CPUS   8u
#define LINE_SHIFT 6u
#define LINE_BYTES (1u << LINE_SHIFT)
#define PAGE_SHIFT 12u
#define PAGE_SIZE  (1u << PAGE_SHIFT)
#define NO_ADDR	   UINT64_MAX

enum mode { MODE_PL0, MODE_PL1, MODE_HYP, MODE_GUEST };

enum rule {
#define RULE(id, name, section, fix) RULE_##id,
#include "rules_list.h"
#undef RULE
	NRULES
};

/* Kinds of memory, in order of strength: the weaker of two stages wins. */
enum memtype { MEM_DEVICE, MEM_NONCACHEABLE, MEM_WRITEBACK };

/* Who did it: an instruction, the CPU and the mode it ran in. */
struct where {
	uint32_t pc;
	uint8_t cpu;
	uint8_t mode;
};

/* Registers whose writes need a context synchronisation, as bits of cpu.unsynced. */
enum ctx {
	CTX_HSCTLR,
	CTX_HTTBR,
	CTX_HTCR,
	CTX_HMAIR,
	CTX_HCPTR,
	CTX_HCR,
	CTX_VTTBR,
	CTX_VTCR,
	CTX_CNTVOFF,
	CTX_CNT_CVAL,
	CTX_CNT_CTL, /* the timer was turned off: its line is to fall */
	CTX_TTBCR,
	CTX_TTBR,
	CTX_SCTLR,
	CTX_AT,
	NCTX
};

struct cpu {
	uint8_t id;
	uint8_t mode; /* enum mode, of the block that runs */
	bool own;     /* what it executes is own code, see cpu_at() */
	bool known;   /* nocache is right */
	bool nocache; /* data accesses and fetches go past the caches */
	bool mmu_off;
	bool seen;	      /* it has run */
	uint32_t dsb_seq;     /* `seq' at the last DSB of own code */
	uint32_t barrier_seq; /* the same, DMB included */
	uint32_t isb_seq;
	uint32_t icall_seq;   /* what was cleaned before this is invalid in the I-cache */
	uint32_t icall_last;  /* the same, before the latest invalidation */
	uint32_t icall_begun; /* ICIALLU without its DSB; 0 none */
	bool icall_shared;    /* it was ICIALLUIS */
	bool icall_own;	      /* and needs a DSB of own code */
	bool icall_local;
	uint32_t icall_done; /* `seq' of the DSB that completed it */
	uint8_t icall_mode;
	uint32_t setway_seq; /* what it wrote before this is clean */
	uint32_t setway_begun;
	uint32_t *ops; /* maintenance by address that waits for a DSB */
	uint32_t nops, maxops;
	uint32_t task;	  /* of the last HVC: the stack it was made from */
	uint32_t eret_pc; /* an ERET of which it is not known yet where it went; 0 none */
	/* sysreg.c */
	uint32_t unsynced; /* bits of enum ctx */
	uint32_t ctx_pc[NCTX];
	/* tlb.c */
	bool in_hyp;
	bool hyp_on;
	int hyp_root;	    /* the root of HTTBR while hyp_on, -1 none */
	bool hyp_tlb_clean; /* TLBIALLH is complete and the MMU off since */
	bool hyp_left;	    /* the MMU went off, TLBs not invalidated */
	uint32_t hyp_left_pc;
	bool vmids_clean;   /* TLBIALLNSNH is complete since HYP mode was entered */
	int guest_root;	    /* of the guest that runs, -1 none */
	bool hyp_dsb;	    /* a DSB, of reads too, since HYP mode was entered */
	uint32_t guest_pc;  /* ERET to a guest, branch predictors not invalidated since; 0 none */
	uint32_t device_pc; /* store to the distributor, no DSB since; 0 none */
};

extern struct cpu cpus[MAX_CPUS];
extern uint32_t seq; /* counts barriers and maintenance, of all CPUs */

/* ---- counters, printed at the end ---- */
enum counter {
	N_DC,
	N_IC,
	N_SETWAY,
	N_DSB,
	N_ISB,
	N_TLBI,
	N_AT,
	N_HYP_ENTRY,
	N_GUEST_ENTRY,
	N_HYP_EXIT,
	N_HYP_SYSREG,
	N_TABLE_STORE,
	N_NOCACHE_BLOCK,
	N_ROOTS,
	N_TABLES,
	N_BREAKS,
	NCOUNTERS
};
extern uint64_t counters[NCOUNTERS];

/* ---- plugin.c, or a test in its place ---- */
enum reg {
	REG_R0,
	REG_SP = 13,
	REG_LR,
	REG_CPSR = 16,
	REG_SCTLR,
	REG_TTBR0,
	REG_TTBR1,
	REG_TTBCR,
	REG_PRRR,
	REG_NMRR,
	REG_HSCTLR,
	REG_HVBAR,
	REG_HTTBR,
	REG_HTCR,
	REG_HMAIR0,
	REG_HMAIR1,
	REG_VTTBR,
	REG_VTCR,
	REG_HCR,
	REG_VMPIDR,
	REG_MIDR,
	NREGS
};
uint64_t reg_read(const struct cpu *c, enum reg reg); /* 0 where QEMU has none by that name */

/* ---- ram.c: the machine's RAM ---- */
extern uint8_t *ram;
extern uint64_t ram_base, ram_bytes;
extern uint64_t distributor;		   /* the GIC's, by physical address; 0 unknown */
extern uint64_t module_base, module_bytes; /* where modules are, virtual; 0 bytes: not asked for */
static inline bool
in_ram(uint64_t pa)
{
	return pa - ram_base < ram_bytes;
}
uint64_t ram_read(uint64_t pa, unsigned int bytes); /* 4 or 8, aligned; 0 outside */
void *big_alloc(size_t bytes); /* zero, and costs memory only where it is touched */

/* ---- access.c: what a CPU does between its instructions ---- */
struct access {
	uint64_t va, pa;
	uint32_t pc;
	unsigned int bytes;
	bool store;
};
void cpu_enter(struct cpu *c, uint8_t mode); /* what follows happens in this mode */
/*
 * A block at pc begins in this mode; if an ERET came before, was it one out of HYP mode?  Not if
 * HYP mode goes on anywhere but at its vectors: then an exception taken in HYP mode itself is over.
 */
void cpu_returned(struct cpu *c, uint8_t mode, uint32_t pc);
/*
 * The instruction at pc is executed, in c->mode.  Is it own code: HYP mode's, the module's, or any
 * when no module is asked for?  Barriers that the host happens to have on its way, in each unlock
 * for one, do not complete what own code began: the next kernel may have none there.
 */
void cpu_at(struct cpu *c, uint32_t pc);
/* After it, c->nocache is right. */
void access_block(struct cpu *c, uint64_t pa, unsigned int bytes, uint32_t pc);
/* A store is in RAM already. */
void access_ram(struct cpu *c, const struct access *a);
void access_device(struct cpu *c, const struct access *a);

/* ---- report.c ---- */
extern bool strict;		    /* with the rules marked so in rules_list.h */
void report_open(const char *path); /* ends the process if it cannot */
void report_close(void);
void report_epoch(uint32_t number);
void report_lost(void); /* the checker has no room to see something: the test fails */
void report(enum rule rule, const struct cpu *c, uint32_t pc, const struct where *other,
    uint64_t addr, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* ---- cache.c: rules 1 and 2 ---- */
void cache_init(void);
void cache_store(struct cpu *c, uint64_t pa, unsigned int bytes, uint32_t pc);
void cache_load(struct cpu *c, uint64_t pa, unsigned int bytes, uint32_t pc);
/* Code of one page is run: what was translated once is checked at its first run. */
void cache_exec(struct cpu *c, uint64_t pa, unsigned int bytes, uint32_t pc);
void cache_fetch_uncached(struct cpu *c, uint64_t pa, unsigned int bytes, uint32_t pc);
/* The CPUs, as bits, for which cache_exec() may have something to say. */
uint32_t cache_exec_suspect(uint64_t pa, unsigned int bytes);
/* A table walker reads a descriptor; through the caches or past them. */
void cache_walk(struct cpu *c, uint64_t pa, bool cacheable, uint32_t pc, const char *who);
/*
 * Is there a store to this line that no DSB (dmb_will_do: or DMB) of own code has followed, on its
 * CPU or on c, which is about to use it as a table?
 */
bool cache_line_pending(const struct cpu *c, uint64_t pa, bool dmb_will_do, struct where *writer);

enum dc { DC_CLEAN_POC, DC_CLEAN_INVALIDATE, DC_INVALIDATE, DC_CLEAN_POU };
void cache_dc(struct cpu *c, enum dc op, uint64_t pa, uint32_t pc);
void cache_setway(struct cpu *c, uint32_t setway);
void cache_cpu_off(struct cpu *c); /* its caches are cleaned, and off */
void cache_ic_line(struct cpu *c, uint64_t pa, uint32_t pc);
void cache_ic_all(struct cpu *c, bool shared);
/* Stage 2 now maps this: is it clean, and code coherent on all CPUs? */
void cache_mapped(struct cpu *c, uint64_t pa, uint64_t bytes, bool executable, uint32_t pc);

/* The domain of a DSB or DMB, and whether it waits for loads too. */
enum domain { DOMAIN_NSH = 1, DOMAIN_ISH, DOMAIN_OSH, DOMAIN_SY };
struct barrier {
	enum domain domain;
	bool full;
};
void cache_dsb(struct cpu *c, struct barrier b);

/* ---- table.c: rule 3 ---- */
enum regime { REGIME_HYP = 1, REGIME_STAGE2 };
void table_init(void);
bool table_is_tracked(uint64_t pa);
void table_store(struct cpu *c, uint64_t pa, unsigned int bytes, uint32_t pc);
void table_dsb(struct cpu *c, struct barrier b);
/*
 * Changes made for this task (0: by this CPU in HYP mode) must be complete: it goes on.  True: a
 * TLBI that lacks its DSB was reported.
 */
bool table_release(struct cpu *c, uint32_t task, uint32_t pc);
/* The module calls HYP mode for this task: the new entries that it stored must be visible. */
void table_call(struct cpu *c, uint32_t task, uint32_t pc);
/* HYP mode accesses this address: a new entry for it must be visible. */
void table_hyp_access(struct cpu *c, uint32_t va, uint32_t pc);
uint8_t page_mapped(uint64_t pa); /* bits 1 << enum regime: who maps it */

/* A root: what HTTBR or VTTBR pointed to and tables hang on. */
struct root {
	bool live;
	uint8_t regime;
	uint8_t level; /* of the first lookup */
	uint16_t vmid;
	uint16_t entries;
	bool cacheable; /* the walks are */
	uint32_t cpus;	/* may have its entries in their TLBs */
	uint64_t base;
};
#define MAX_ROOTS 512u
extern struct root roots[MAX_ROOTS];
int root_find(uint64_t base, enum regime regime); /* -1 */
int root_add(struct cpu *c, const struct root *r, uint32_t pc);
void root_drop(int root); /* nobody walks it any more */

/* A TLBI as the tables see it. */
struct tlbi {
	enum regime regime;
	bool all_vmids;
	bool shared; /* broadcast */
	bool by_va;
	uint16_t vmid;
	uint64_t va;
	uint32_t pc;
};
void table_tlbi(struct cpu *c, const struct tlbi *t, uint32_t pc);
bool table_root_is_empty(int root); /* nothing valid in it, no change pending */

/* ---- tlb.c: rule 4 ---- */
void tlb_init(void);
void tlb_tlbi(struct cpu *c, const struct tlbi *t);
void tlb_dsb(struct cpu *c, struct barrier b);
void tlb_hsctlr(struct cpu *c, uint32_t old, uint32_t val, uint32_t pc);
void tlb_httbr(struct cpu *c, uint64_t val, uint32_t pc);
void tlb_vttbr(struct cpu *c, uint64_t val, uint32_t pc);
/* tlbi_reported: that a TLBI lacks its DSB has been said. */
void tlb_hyp_return(struct cpu *c, uint32_t pc, bool tlbi_reported);
void tlb_host_return(struct cpu *c, uint32_t pc);
void tlb_guest_entry(struct cpu *c, uint32_t pc);
void tlb_guest_exit(struct cpu *c); /* if there was one */

/* ---- sysreg.c: rule 5 ---- */
void sysreg_write(struct cpu *c, enum ctx reg, uint32_t pc);
void sysreg_need(struct cpu *c, enum rule rule, uint32_t mask, uint32_t pc, const char *what);
void sysreg_synced(struct cpu *c); /* ISB, exception, ERET */

/* ---- armv7.c ---- */
enum op {
	OP_NONE,
	OP_DC,
	OP_SETWAY,
	OP_IC_LINE,
	OP_IC_ALL,
	OP_DSB,
	OP_DMB,
	OP_ISB,
	OP_TLBI,
	OP_AT,
	OP_PAR,
	OP_ERET,
	OP_HVC,
	OP_SMC,
	OP_WRITE,
	OP_MAIR,
	OP_CNTVCT,
	OP_VFP,
	OP_MARK,
	OP_BP_ALL,
	OP_CNTPCT
};
struct insn {
	uint32_t pc;
	uint32_t code; /* a 32-bit Thumb instruction has its first halfword on top */
	uint8_t op;
	uint8_t arg; /* enum dc, enum ctx; IC_ALL: shared; TLBI: enum tlbi_op */
	uint8_t mode;
	bool thumb;
};
struct insn_bits {
	uint32_t code;
	bool thumb;
	enum mode mode;
};
bool insn_decode(const struct insn_bits *bits, struct insn *i); /* false: nothing to watch */
void insn_exec(struct cpu *c, const struct insn *i);		/* about to be executed */

struct xlate {
	uint64_t pa; /* NO_ADDR: it is not mapped */
	enum memtype type;
};
/* What this CPU, in its present mode, translates va to. */
struct xlate xlate(const struct cpu *c, uint32_t va);
enum memtype leaf_type(const struct cpu *c, enum regime regime, uint64_t desc, bool *shareable);
void cpu_learn_caches(struct cpu *c); /* nocache, mmu_off */
void stage2_root(const struct cpu *c, struct root *r);
void hyp_root(const struct cpu *c, uint64_t httbr, struct root *r);

#endif /* SILICON_H */
