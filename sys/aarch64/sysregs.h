/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * System registers that trap, as data: one row says which encoding, what the guest gets.
 * sysregs.c holds the rows and the code behind them, id_regs.c what identification registers show.
 */
#ifndef AARCH64_SYSREGS_H
#define AARCH64_SYSREGS_H

#include "arm.h"
#include "esr.h"
#include "hcr.h"
#include "psr.h"

/* An encoding as a number that sorts as the manual does. */
#define SYSREG_KEY(op0, op1, crn, crm, op2)                                     \
	((uint32_t)(op0) << 14 | (uint32_t)(op1) << 11 | (uint32_t)(crn) << 7 | \
	    (uint32_t)(crm) << 3 | (uint32_t)(op2))
#define SYSREG_KEY_EXACT 0xffffffffu

/* One access that trapped. */
struct sysreg_access {
	uint32_t key;
	bool write;
	bool user; /* from EL0 */
	uint8_t rt;
	uint64_t val; /* in for a write, out for a read */
};

enum sysreg_result {
	SYSREG_DONE,  /* val is set; the instruction is over */
	SYSREG_UNDEF, /* the guest gets an Undefined Instruction exception */
};

#define SYSREG_RO BIT(0) /* writes are UNDEFINED */
#define SYSREG_WO BIT(1) /* reads are UNDEFINED */
/* EL0 may (what got as far as EL2 has passed the guest's own controls) */
#define SYSREG_EL0 BIT(2)

struct sysreg_desc {
	uint32_t key;
	uint32_t mask; /* bits of key that count; SYSREG_KEY_EXACT in the sorted table */
	const char *name;
	const char *gets; /* what the guest gets, in words */
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

/*
 * The identification registers of the CPU this runs on (host_id.c reads them; the unit tests have
 * their own).
 */
struct sysreg_host {
	uint64_t id[64]; /* op0 3, op1 0, CRn 0: CRm * 8 + op2 */
	uint64_t actlr;
};
void sysreg_host_read(struct sysreg_host *h);
/* What a guest reads of them (id_regs.c). */
void id_regs_make(uint64_t *guest, const struct sysreg_host *host);

/* SCTLR_EL1 at reset: the bits that are RES1 while no feature gives them a meaning. */
#define SCTLR_RESET                                                                         \
	(BIT64(29) | BIT64(28) | BIT64(23) | BIT64(22) | BIT64(20) | BIT64(11) | BIT64(8) | \
	    BIT64(7))

/* HCR_EL2's upper half */
#define HCR_TLOR BIT64(35) /* LORegions */
#define HCR_TERR BIT64(36) /* error record registers */

/* CPTR_EL2 without VHE: [13:12] and [9:0] trap, or are RES1 where there is nothing to trap */
#define CPTR_RES1 (MASK64(13, 12) | MASK64(9, 0))
#define CPTR_TFP  BIT64(10)
#define CPTR_TTA  BIT64(20)
#define CPTR_TAM  BIT64(30)

/* HSTR_EL2.T15: what AArch32 EL0 might reach of implementation defined registers */
#define HSTR_T15 BIT64(15)

/* MDCR_EL2 */
#define MDCR_TPMCR BIT64(5)
#define MDCR_TPM   BIT64(6)
#define MDCR_TDE   BIT64(8)
#define MDCR_TDA   BIT64(9)
#define MDCR_TDOSA BIT64(10)
#define MDCR_TDRA  BIT64(11)
#define MDCR_TPMS  BIT64(14)
#define MDCR_TTRF  BIT64(19)

#endif /* AARCH64_SYSREGS_H */
