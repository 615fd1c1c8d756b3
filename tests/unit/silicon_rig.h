/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A machine of two CPUs for the core of the silicon checker (tests/silicon), in place of QEMU and
 * plugin.c: registers in a table, 16 MiB of RAM, instructions as the assembler encodes them.
 */
#ifndef SILICON_RIG_H
#define SILICON_RIG_H

#include "../silicon/silicon.h"

#define RIG_BASE  0x40000000ull
#define RIG_BYTES 0x1000000ull

/* Where things are; virtual addresses are physical ones in every mode. */
#define TEXT	  0x40000000ull /* code that nobody writes */
#define PL1_ROOT  0x40100000ull /* short descriptors, sections */
#define HYP_ROOT  0x40200000ull /* three levels follow each other, then a free page */
#define VM_A	  0x40300000ull
#define VM_B	  0x40400000ull
#define L2(root)  ((root) + 0x1000)
#define L3(root)  ((root) + 0x2000)
#define NEW(root) ((root) + 0x3000)
#define DATA	  0x40800000ull
#define CODE	  0x40900000ull
#define GICD	  0x08000000ull
/* Entry i of the last level of each maps this; 0 to 15 are valid. */
#define PAGE(i) (0x40a00000ull + (i)*0x1000ull)

#define HYP_LEAF(pa) ((pa) | 0x703ull) /* write-back, shareable, AttrIndx 0 */
#define S2_LEAF(pa)  ((pa) | 0x7ffull)
#define TABLE(pa)    ((pa) | 3ull)

/* ---- instructions, as GNU as has them ---- */
#define DSB_SY	      0xf57ff04full
#define DSB_ST	      0xf57ff04eull
#define DSB_ISH	      0xf57ff04bull
#define DSB_ISHST     0xf57ff04aull
#define DSB_NSH	      0xf57ff047ull
#define DSB_NSHST     0xf57ff046ull
#define DSB_OSH	      0xf57ff043ull
#define DMB_ISH	      0xf57ff05bull
#define ISB	      0xf57ff06full
#define ERET	      0xe160006eull
#define HVC	      0xe1400070ull
#define DCCMVAC	      0xee070f3aull
#define DCCMVAC_NE    0x1e070f3aull
#define DCCMVAU	      0xee070f3bull
#define DCCIMVAC      0xee070f3eull
#define DCIMVAC	      0xee070f36ull
#define DCCSW	      0xee070f5aull
#define DCCISW	      0xee070f5eull
#define ICIMVAU	      0xee070f35ull
#define ICIALLU	      0xee070f15ull
#define ICIALLUIS     0xee070f11ull
#define BPIALL	      0xee070fd5ull
#define BPIALL_NE     0x1e070fd5ull
#define BPIALLIS      0xee070fd1ull
#define CP15DSB	      0xee070f9aull
#define CP15DMB	      0xee070fbaull
#define CP15ISB	      0xee070f95ull
#define TLBIALL	      0xee080f17ull
#define TLBIALLIS     0xee080f13ull
#define TLBIMVAIS     0xee080f33ull
#define TLBIALLH      0xee880f17ull
#define TLBIALLHIS    0xee880f13ull
#define TLBIMVAHIS    0xee880f33ull
#define TLBIALLNSNH   0xee880f97ull
#define TLBIALLNSNHIS 0xee880f93ull
#define ATS1CPR	      0xee070f18ull
#define ATS12NSOPR    0xee070f98ull
#define PAR	      0xee170f14ull /* read */
#define PAR64	      0xec510f07ull
#define SCTLR	      0xee010f10ull /* written, as are all that follow */
#define TTBR0	      0xee020f10ull
#define TTBR0_64      0xec410f02ull
#define TTBCR	      0xee020f50ull
#define PRRR	      0xee0a0f12ull
#define NMRR	      0xee0a0f32ull
#define HSCTLR	      0xee810f10ull
#define HCR	      0xee810f11ull
#define HCPTR	      0xee810f51ull
#define HTCR	      0xee820f50ull
#define VTCR	      0xee820f51ull
#define HMAIR0	      0xee8a0f12ull
#define HMAIR1	      0xee8a0f32ull
#define HTTBR	      0xec410f42ull
#define VTTBR	      0xec410f62ull
#define CNTVOFF	      0xec410f4eull
#define CNTV_CVAL     0xec410f3eull
#define CNTV_CTL      0xee0e0f33ull
#define CNTVCT	      0xec510f1eull /* read */
#define CNTPCT	      0xec510f0eull /* read */
#define VMRS	      0xeef80a10ull
#define VLDMIA	      0xecb00b20ull
#define VADD_F64      0xee310b02ull
#define VAND	      0xf2020154ull
#define VLD1	      0xf42002cfull
#define LDRSB	      0xe1d100d4ull
#define PLI	      0xf4d0f000ull
#define CNTP_CTL      0xee0e0f32ull
#define MIDR	      0xee100f10ull /* read */
#define MCR_P14	      0xee000e15ull
#define DBG_9	      0xe320f0f9ull

/* Thumb-2; CP15 and VFP but for Advanced SIMD are as above. */
#define THUMB(x)  (1ull << 32 | (x))
#define T_DSB_SY  THUMB(0xf3bf8f4f)
#define T_DSB_ISH THUMB(0xf3bf8f4b)
#define T_ISB	  THUMB(0xf3bf8f6f)
#define T_ERET	  THUMB(0xf3de8f00)
#define T_HVC	  THUMB(0xf7e08000)
#define T_VAND	  THUMB(0xef020154)
#define T_VLD1	  THUMB(0xf92002cf)
#define T_LDRSB	  THUMB(0xf9910004)

/* What is no instruction, for rig_run(). */
#define PSEUDO(n, x) ((uint64_t)(n) << 48 | (x))
#define ON_CPU(n)    PSEUDO(1, n) /* what follows runs there */
#define R0(x)	     PSEUDO(2, x)
#define FLAGS(nzcv)  PSEUDO(3, nzcv)
#define HERE	     PSEUDO(4, 0) /* the next one is to be caught */
#define LOAD	     PSEUDO(5, 0) /* of DATA */
#define DEVICE	     DEVICE_AT(GICD)
#define DEVICE_AT(x) PSEUDO(6, x) /* a store to a device */
#define BEFORE	     PSEUDO(7, 0) /* the next one is the one before that */
#define OWN	     PSEUDO(8, 1) /* what follows is the module's, if there is one */
#define HOSTS	     PSEUDO(8, 0)

/* The program counters of the instruction that is to be reported and of the one before. */
#define CAUSE  0xc0de0000u
#define CAUGHT 0xc0de0004u
/* They are the module's, once there is one. */
#define MODULE	     0xc0de0000u
#define MODULE_BYTES 0x1000u

extern uint64_t rig_regs[MAX_CPUS][NREGS];

void rig_init(void); /* RAM, and both CPUs in the host's kernel, MMU on */
void rig_poke(uint64_t pa, uint64_t val, unsigned int bytes); /* not seen by the checker */
/*
 * Runs run(arg) in a machine of its own, which ends with it.  The text of its report file, to
 * be freed; *caused: whether rig_at(CAUSE) was called.
 */
char *rig_report(void (*run)(const void *arg), const void *arg, bool *caused);

void rig_module(void);	  /* from here on only its code, and HYP mode's, is our own */
void rig_own(bool own);	  /* what follows, but for rig_at(), is the module's */
void rig_at(uint32_t pc); /* the next one has this address */
/* Goes to a mode by an exception, or an ERET that is of no interest. */
void rig_enter(struct cpu *c, enum mode mode);
/*
 * One instruction; HVC and ERET change the mode.  What writes a register writes r0 or r1:r0 to
 * it.  Not to be called for what is no instruction.
 */
void rig_insn(struct cpu *c, uint64_t code);
void rig_write(struct cpu *c, uint64_t code, uint64_t val); /* with r1:r0 = val */
/* n of them, the first on c, with r0 = r0; up to the first that is 0. */
void rig_run(struct cpu *c, uint32_t r0, const uint64_t *code, unsigned int n);
void rig_store(struct cpu *c, uint64_t pa, uint64_t val, unsigned int bytes);
void rig_load(struct cpu *c, uint64_t pa, unsigned int bytes);
void rig_exec(struct cpu *c, uint64_t pa, unsigned int bytes); /* a new block */

#endif /* SILICON_RIG_H */
