/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * System registers as data: one row says which encoding, what the guest gets, from which
 * section.  cp15.c holds the rows and the code behind them; docs/sysregs.md is printed from
 * the same rows by tests/unit/test_cp15.c.
 */
#ifndef ARMV7_CP15_H
#define ARMV7_CP15_H

#include "arm.h"
#include "esr.h"
#include "hcr.h"
#include "psr.h"

/* Where an encoding lives. */
enum sysreg_space {
	SYSREG_CP15,	/* MCR, MRC p15 */
	SYSREG_CP15_64, /* MCRR, MRRC p15: only opc1 and CRm count */
	SYSREG_CP14,	/* MCR, MRC p14 */
	SYSREG_CP14_64, /* MCRR, MRRC p14 */
	SYSREG_CP10,	/* VMRS: CRn is the register's number */
	SYSREG_SPACES
};

/* An encoding as a number that sorts as the manual does: space, CRn, opc1, CRm, opc2. */
#define SYSREG_KEY(space, crn, opc1, crm, opc2)                                    \
	((uint32_t)(space) << 15 | (uint32_t)(crn) << 11 | (uint32_t)(opc1) << 7 | \
	    (uint32_t)(crm) << 3 | (uint32_t)(opc2))
#define SYSREG_KEY_EXACT 0xffffffffu

/* One access that trapped. */
struct sysreg_access {
	uint32_t key;
	bool write;
	bool user;	 /* from PL0 */
	uint8_t rt, rt2; /* rt2 with the 64-bit spaces */
	uint64_t val;	 /* in for a write, out for a read */
};

enum sysreg_result {
	SYSREG_DONE,  /* val is set; the instruction is over */
	SYSREG_UNDEF, /* the guest gets an Undefined Instruction exception */
	SYSREG_RETRY, /* the trap is gone: the instruction runs again */
};

#define SYSREG_RO BIT(0) /* writes are UNDEFINED */
#define SYSREG_WO BIT(1) /* reads are UNDEFINED */
/* PL0 may (what got as far as HYP has passed the guest's own controls) */
#define SYSREG_PL0R BIT(2)
#define SYSREG_PL0W BIT(3)
#define SYSREG_PL0  (SYSREG_PL0R | SYSREG_PL0W)

struct sysreg_desc {
	uint32_t key;
	uint32_t mask; /* bits of key that count; SYSREG_KEY_EXACT in the sorted table */
	const char *name;
	const char *gets; /* what the guest gets, in words, for the document */
	const char *section;
	enum sysreg_result (*fn)(
	    struct vcpu *vcpu, const struct sysreg_desc *d, struct sysreg_access *a);
	uint32_t flags;
	uint32_t arg; /* for fn */
};

/* Sorted by key, and the regions that are looked at when nothing in it matches. */
extern const struct sysreg_desc sysreg_table[];
extern const unsigned int sysreg_table_len;
extern const struct sysreg_desc sysreg_regions[];
extern const unsigned int sysreg_regions_len;
/* The row for key, NULL if nobody knows it. */
const struct sysreg_desc *sysreg_find(uint32_t key);
/* What trapped, out of HSR; false for a class that is no system register access. */
bool sysreg_decode(const struct hyp_vcpu *v, struct sysreg_access *a);

/*
 * The identification registers of the CPU this runs on (sys/armv7/host_id.c reads them; the unit
 * tests have their own).
 */
struct sysreg_host {
	uint32_t c0[64]; /* CP15 c0, opc1 0: CRm * 8 + opc2 */
	uint32_t fpsid, mvfr0, mvfr1;
	uint32_t actlr;
	uint32_t l2ctlr; /* 0 where this CPU has none */
};
void sysreg_host_read(struct sysreg_host *h);

/*
 * SCTLR at reset, DDI 0406C B4.1: the bits that read as one, and CP15BEN.  MMU, caches,
 * alignment checks, branch prediction, TRE, AFE, EE, TE and V are all off.
 */
#define SCTLR_RAO     (BIT(3) | BIT(4) | BIT(6) | BIT(16) | BIT(18) | BIT(22) | BIT(23))
#define SCTLR_CP15BEN BIT(5)
#define SCTLR_RESET   (SCTLR_RAO | SCTLR_CP15BEN)

/* HCPTR, HSTR, HDCR, DDI 0406C B4.1 */
#define HCPTR_TCP(n) BIT(n)
#define HCPTR_TASE   BIT(15)
#define HCPTR_TTA    BIT(20)
#define HCPTR_TCPAC  BIT(31)
#define HSTR_T(n)    BIT(n)
#define HSTR_TTEE    BIT(16)
#define HSTR_TJDBX   BIT(17)
#define HDCR_TPMCR   BIT(5)
#define HDCR_TPM     BIT(6)
#define HDCR_TDE     BIT(8)
#define HDCR_TDA     BIT(9)
#define HDCR_TDOSA   BIT(10)
#define HDCR_TDRA    BIT(11)

#endif /* ARMV7_CP15_H */
