/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Names of registers, exits and suspend reasons, and the words of options that several
 * tools share.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vmmapi.h"

static const char *const reg_names[VM_REG_LAST] = {
	"r0",
	"r1",
	"r2",
	"r3",
	"r4",
	"r5",
	"r6",
	"r7",
	"r8",
	"r9",
	"r10",
	"r11",
	"r12",
	[VM_REG_GUEST_SP] = "sp",
	"lr",
	"pc",
	"cpsr",
	"sp_usr",
	"lr_usr",
	[VM_REG_GUEST_SP_SVC] = "sp_svc",
	"lr_svc",
	"spsr_svc",
	[VM_REG_GUEST_SP_ABT] = "sp_abt",
	"lr_abt",
	"spsr_abt",
	[VM_REG_GUEST_SP_UND] = "sp_und",
	"lr_und",
	"spsr_und",
	[VM_REG_GUEST_SP_IRQ] = "sp_irq",
	"lr_irq",
	"spsr_irq",
	[VM_REG_GUEST_R8_FIQ] = "r8_fiq",
	"r9_fiq",
	"r10_fiq",
	"r11_fiq",
	"r12_fiq",
	[VM_REG_GUEST_SP_FIQ] = "sp_fiq",
	"lr_fiq",
	"spsr_fiq",
	[VM_REG_GUEST_SCTLR] = "sctlr",
	[VM_REG_GUEST_ACTLR] = "actlr",
	[VM_REG_GUEST_CPACR] = "cpacr",
	[VM_REG_GUEST_TTBR0] = "ttbr0",
	[VM_REG_GUEST_TTBR1] = "ttbr1",
	[VM_REG_GUEST_TTBCR] = "ttbcr",
	[VM_REG_GUEST_DACR] = "dacr",
	[VM_REG_GUEST_DFSR] = "dfsr",
	[VM_REG_GUEST_IFSR] = "ifsr",
	[VM_REG_GUEST_ADFSR] = "adfsr",
	[VM_REG_GUEST_AIFSR] = "aifsr",
	[VM_REG_GUEST_DFAR] = "dfar",
	[VM_REG_GUEST_IFAR] = "ifar",
	[VM_REG_GUEST_PAR] = "par",
	[VM_REG_GUEST_PRRR] = "prrr",
	[VM_REG_GUEST_NMRR] = "nmrr",
	[VM_REG_GUEST_AMAIR0] = "amair0",
	[VM_REG_GUEST_AMAIR1] = "amair1",
	[VM_REG_GUEST_VBAR] = "vbar",
	[VM_REG_GUEST_CONTEXTIDR] = "contextidr",
	[VM_REG_GUEST_TPIDRURW] = "tpidrurw",
	[VM_REG_GUEST_TPIDRURO] = "tpidruro",
	[VM_REG_GUEST_TPIDRPRW] = "tpidrprw",
	[VM_REG_GUEST_CSSELR] = "csselr",
	[VM_REG_GUEST_CNTKCTL] = "cntkctl",
	[VM_REG_GUEST_CNTV_CTL] = "cntv_ctl",
	[VM_REG_GUEST_CNTV_CVAL] = "cntv_cval",
	[VM_REG_GUEST_CNTVOFF] = "cntvoff",
	[VM_REG_GUEST_CNTP_CTL] = "cntp_ctl",
	[VM_REG_GUEST_CNTP_CVAL] = "cntp_cval",
	[VM_REG_GUEST_MPIDR] = "mpidr",
	[VM_REG_GUEST_MIDR] = "midr",
	[VM_REG_GUEST_FPSCR] = "fpscr",
	[VM_REG_GUEST_FPEXC] = "fpexc",
	[VM_REG_GUEST_D0] = "d0",
	"d1",
	"d2",
	"d3",
	"d4",
	"d5",
	"d6",
	"d7",
	"d8",
	"d9",
	"d10",
	"d11",
	"d12",
	"d13",
	"d14",
	"d15",
	"d16",
	"d17",
	"d18",
	"d19",
	"d20",
	"d21",
	"d22",
	"d23",
	"d24",
	"d25",
	"d26",
	"d27",
	"d28",
	"d29",
	"d30",
	"d31",
};

/* AArch64's, from VM_REG_GUEST_X0 on. */
/* clang-format off */
static const char *const reg64_names[VM_REG64_LAST - VM_REG_GUEST_X0] = {
	"x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
	"x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26",
	"x27", "x28", "x29", "x30",
	"sp_el0", "sp_el1", "elr_el1", "spsr_el1", "tcr_el1", "esr_el1", "far_el1", "afsr0_el1",
	"afsr1_el1", "mair_el1", "amair_el1", "tpidr_el0", "tpidrro_el0", "tpidr_el1", "mdscr_el1",
	"fpcr", "fpsr",
	"v0", "v0_high", "v1", "v1_high", "v2", "v2_high", "v3", "v3_high", "v4", "v4_high",
	"v5", "v5_high", "v6", "v6_high", "v7", "v7_high", "v8", "v8_high", "v9", "v9_high",
	"v10", "v10_high", "v11", "v11_high", "v12", "v12_high", "v13", "v13_high",
	"v14", "v14_high", "v15", "v15_high", "v16", "v16_high", "v17", "v17_high",
	"v18", "v18_high", "v19", "v19_high", "v20", "v20_high", "v21", "v21_high",
	"v22", "v22_high", "v23", "v23_high", "v24", "v24_high", "v25", "v25_high",
	"v26", "v26_high", "v27", "v27_high", "v28", "v28_high", "v29", "v29_high",
	"v30", "v30_high", "v31", "v31_high",
};
/* clang-format on */

static const char *const exit_names[VM_EXITCODE_MAX] = {
	[VM_EXITCODE_BOGUS] = "bogus",
	[VM_EXITCODE_INST_EMUL] = "inst_emul",
	[VM_EXITCODE_REG_EMUL] = "reg_emul",
	[VM_EXITCODE_HVC] = "hvc",
	[VM_EXITCODE_SUSPENDED] = "suspended",
	[VM_EXITCODE_HYP] = "hyp",
	[VM_EXITCODE_WFI] = "wfi",
	[VM_EXITCODE_PAGING] = "paging",
	[VM_EXITCODE_SMCCC] = "smccc",
	[VM_EXITCODE_DEBUG] = "debug",
	[VM_EXITCODE_BRK] = "brk",
};

static const char *const suspend_names[VM_SUSPEND_LAST] = {
	[VM_SUSPEND_NONE] = "none",
	[VM_SUSPEND_RESET] = "reset",
	[VM_SUSPEND_POWEROFF] = "poweroff",
	[VM_SUSPEND_HALT] = "halt",
	[VM_SUSPEND_DESTROY] = "destroy",
};

const char *
vm_reg_name(uint32_t reg)
{
	if (reg >= VM_REG_GUEST_X0 && reg < VM_REG64_LAST)
		return reg64_names[reg - VM_REG_GUEST_X0];
	return reg < VM_REG_LAST ? reg_names[reg] : NULL;
}

int
vm_reg_number(const char *name)
{
	for (int i = 0; i < VM_REG64_LAST; i++) {
		const char *known = vm_reg_name((uint32_t)i);

		if (known != NULL && strcasecmp(known, name) == 0)
			return i;
	}
	return -1;
}

const char *
vm_exitcode_name(uint32_t exitcode)
{
	return exitcode < VM_EXITCODE_MAX ? exit_names[exitcode] : "unknown";
}

const char *
vm_suspend_name(uint32_t how)
{
	return how < VM_SUSPEND_LAST ? suspend_names[how] : "unknown";
}

bool
vm_parse_number(const char *text, uint64_t *val)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? "0123456789abcdefABCDEF" : "0123456789";

	if (hex)
		text += 2;
	if (*text == '\0' || strspn(text, digits) != strlen(text))
		return false;
	errno = 0;
	*val = strtoull(text, NULL, hex ? 16 : 10);
	return errno == 0;
}

const char *
vm_parse_memsize(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "KMGT";
	char digits[24];
	size_t len = strlen(text);
	unsigned int shift = 20;
	const char *suffix;
	uint64_t n;

	if (len == 0 || len >= sizeof(digits))
		return "is not a size";
	memcpy(digits, text, len + 1);
	suffix = strchr(suffixes, text[len - 1] & ~0x20);
	if (suffix != NULL) {
		shift = 10 * (unsigned int)(suffix - suffixes + 1);
		digits[len - 1] = '\0';
	}
	if (strncasecmp(digits, "0x", 2) == 0 || !vm_parse_number(digits, &n))
		return "is not a size";
	if (n == 0)
		return "is nothing";
	if (n > UINT64_MAX >> shift)
		return "is too large";
	n <<= shift;
	if (n % VM_PAGE_SIZE != 0)
		return "is not a multiple of 4K";
	if (n > MACHINE_RAM_SIZE)
		return "is more than the machine's 3G";
	*bytes = n;
	return NULL;
}

static const char *
topology_word(char *word, uint32_t *vcpus, struct vm_topology *t)
{
	struct {
		const char *name;
		uint32_t *val;
	} words[] = {
		{ "cpus", vcpus },
		{ "sockets", &t->sockets },
		{ "cores", &t->cores },
		{ "threads", &t->threads },
	};
	char *value = strchr(word, '=');
	uint64_t n;

	if (value == NULL)
		value = word, word = NULL;
	else
		*value++ = '\0';
	if (!vm_parse_number(value, &n))
		return "has a part that is not a number";
	if (n == 0 || n > VM_MAXCPU)
		return "is not between 1 and 8";
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (word == NULL || strcmp(word, words[i].name) == 0) {
			if (*words[i].val != 0)
				return "says the same thing twice";
			*words[i].val = (uint32_t)n;
			return NULL;
		}
	}
	return "has a word other than cpus, sockets, cores and threads";
}

const char *
vm_parse_topology(const char *text, uint32_t *vcpus, struct vm_topology *t)
{
	struct vm_topology topo = { 0 };
	char copy[80], *rest = copy, *word;
	const char *wrong;
	uint32_t cpus = 0;

	if (strlen(text) >= sizeof(copy))
		return "is too long";
	strcpy(copy, text);
	while ((word = strsep(&rest, ",")) != NULL) {
		wrong = topology_word(word, &cpus, &topo);
		if (wrong != NULL)
			return wrong;
	}
	if (topo.sockets == 0)
		topo.sockets = 1;
	if (topo.threads == 0)
		topo.threads = 1;
	if (topo.cores == 0) {
		topo.cores = cpus / (topo.sockets * topo.threads);
		if (topo.cores == 0)
			topo.cores = 1;
	}
	if (cpus == 0)
		cpus = topo.sockets * topo.cores * topo.threads;
	if (cpus > VM_MAXCPU)
		return "is not between 1 and 8";
	if (cpus != topo.sockets * topo.cores * topo.threads)
		return "does not add up: cpus must be sockets * cores * threads";
	topo.maxcpus = cpus;
	*vcpus = cpus;
	*t = topo;
	return NULL;
}
