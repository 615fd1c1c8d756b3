/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the kernel module and user space agree on: limits, register names, exit
 * reasons.  Names are those of FreeBSD's <machine/vmm.h>; the structures are
 * our own, fixed-width and without pointers.  All addresses are in bytes.
 */
#ifndef VMM_VMM_H
#define VMM_VMM_H

#include <stddef.h>
#include <stdint.h>

#define VM_MAX_NAMELEN	 31 /* without the terminating NUL */
#define VM_MAXCPU	 8  /* a GICv2 addresses eight CPU interfaces, IHI 0048B 1.3 */
#define VM_MAX_MEMSEGS	 8
#define VM_MAX_MEMMAPS	 16
#define VM_MAX_SUFFIXLEN 15
#define VM_PAGE_SIZE	 4096u
#define VM_MAX_GPA	 (1ull << 40) /* stage 2 takes a 40-bit IPA, DDI 0406C B3.6 */

/* Names of general, banked and system registers: VM_GET_REGISTER, VM_SET_REGISTER. */
enum vm_reg_name {
	VM_REG_GUEST_R0 = 0, /* R0..R12 follow in order, of the current mode */
	VM_REG_GUEST_R12 = 12,
	VM_REG_GUEST_SP = 13, /* of the current mode */
	VM_REG_GUEST_LR = 14,
	VM_REG_GUEST_PC = 15,
	VM_REG_GUEST_CPSR = 16,
	VM_REG_GUEST_SP_USR = 17,
	VM_REG_GUEST_LR_USR = 18,
	VM_REG_GUEST_SP_SVC = 19,
	VM_REG_GUEST_LR_SVC = 20,
	VM_REG_GUEST_SPSR_SVC = 21,
	VM_REG_GUEST_SP_ABT = 22,
	VM_REG_GUEST_LR_ABT = 23,
	VM_REG_GUEST_SPSR_ABT = 24,
	VM_REG_GUEST_SP_UND = 25,
	VM_REG_GUEST_LR_UND = 26,
	VM_REG_GUEST_SPSR_UND = 27,
	VM_REG_GUEST_SP_IRQ = 28,
	VM_REG_GUEST_LR_IRQ = 29,
	VM_REG_GUEST_SPSR_IRQ = 30,
	VM_REG_GUEST_R8_FIQ = 31, /* R8_fiq..R12_fiq follow in order */
	VM_REG_GUEST_R12_FIQ = 35,
	VM_REG_GUEST_SP_FIQ = 36,
	VM_REG_GUEST_LR_FIQ = 37,
	VM_REG_GUEST_SPSR_FIQ = 38,
	VM_REG_GUEST_SCTLR = 39,
	VM_REG_GUEST_ACTLR = 40, /* read-only */
	VM_REG_GUEST_CPACR = 41,
	VM_REG_GUEST_TTBR0 = 42, /* 64 bits */
	VM_REG_GUEST_TTBR1 = 43, /* 64 bits */
	VM_REG_GUEST_TTBCR = 44,
	VM_REG_GUEST_DACR = 45,
	VM_REG_GUEST_DFSR = 46,
	VM_REG_GUEST_IFSR = 47,
	VM_REG_GUEST_ADFSR = 48,
	VM_REG_GUEST_AIFSR = 49,
	VM_REG_GUEST_DFAR = 50,
	VM_REG_GUEST_IFAR = 51,
	VM_REG_GUEST_PAR = 52,	/* 64 bits */
	VM_REG_GUEST_PRRR = 53, /* MAIR0 with TTBCR.EAE */
	VM_REG_GUEST_NMRR = 54, /* MAIR1 with TTBCR.EAE */
	VM_REG_GUEST_AMAIR0 = 55,
	VM_REG_GUEST_AMAIR1 = 56,
	VM_REG_GUEST_VBAR = 57,
	VM_REG_GUEST_CONTEXTIDR = 58,
	VM_REG_GUEST_TPIDRURW = 59,
	VM_REG_GUEST_TPIDRURO = 60,
	VM_REG_GUEST_TPIDRPRW = 61,
	VM_REG_GUEST_CSSELR = 62,
	VM_REG_GUEST_CNTKCTL = 63,
	VM_REG_GUEST_CNTV_CTL = 64,
	VM_REG_GUEST_CNTV_CVAL = 65, /* 64 bits, in ticks of CNTVCT */
	VM_REG_GUEST_CNTVOFF = 66,   /* 64 bits, one for the whole VM */
	VM_REG_GUEST_CNTP_CTL = 67,
	VM_REG_GUEST_CNTP_CVAL = 68, /* 64 bits, in ticks of CNTPCT */
	VM_REG_GUEST_MPIDR = 69,     /* read-only */
	VM_REG_GUEST_MIDR = 70,	     /* read-only */
	VM_REG_GUEST_FPSCR = 71,
	VM_REG_GUEST_FPEXC = 72,
	VM_REG_GUEST_D0 = 73, /* D0..D31 follow in order, 64 bits each */
	VM_REG_GUEST_D31 = 104,
	VM_REG_LAST = 105
};

/*
 * Of AArch64's registers, those that ARMv7's above stand for keep their names: PC, CPSR (PSTATE as
 * SPSR_ELx has it), SCTLR, ACTLR, CPACR, TTBR0, TTBR1, PAR, VBAR, CONTEXTIDR, CSSELR, the timers',
 * MPIDR, MIDR; all have 64 bits.  The others follow here.
 */
enum vm_reg64_name {
	VM_REG_GUEST_X0 = 128, /* X0..X30 follow in order */
	VM_REG_GUEST_X30 = 158,
	VM_REG_GUEST_SP_EL0 = 159,
	VM_REG_GUEST_SP_EL1 = 160,
	VM_REG_GUEST_ELR_EL1 = 161,
	VM_REG_GUEST_SPSR_EL1 = 162,
	VM_REG_GUEST_TCR_EL1 = 163,
	VM_REG_GUEST_ESR_EL1 = 164,
	VM_REG_GUEST_FAR_EL1 = 165,
	VM_REG_GUEST_AFSR0_EL1 = 166,
	VM_REG_GUEST_AFSR1_EL1 = 167,
	VM_REG_GUEST_MAIR_EL1 = 168,
	VM_REG_GUEST_AMAIR_EL1 = 169,
	VM_REG_GUEST_TPIDR_EL0 = 170,
	VM_REG_GUEST_TPIDRRO_EL0 = 171,
	VM_REG_GUEST_TPIDR_EL1 = 172,
	VM_REG_GUEST_MDSCR_EL1 = 173,
	VM_REG_GUEST_FPCR = 174,
	VM_REG_GUEST_FPSR = 175,
	VM_REG_GUEST_V0 =
	    176, /* V0..V31 follow in order, each in two halves, the lower one first */
	VM_REG_GUEST_V31_HIGH = 239,
	VM_REG64_LAST = 240
};

/* Why VM_RUN came back. */
enum vm_exitcode {
	VM_EXITCODE_BOGUS = 0,	   /* nothing to do: run again (a signal, a debugger's kick) */
	VM_EXITCODE_INST_EMUL = 1, /* a load or store that a device must answer */
	VM_EXITCODE_REG_EMUL = 2,  /* reserved: a system register that user space must answer */
	VM_EXITCODE_HVC = 3,	   /* reserved */
	VM_EXITCODE_SUSPENDED = 4, /* the VM was suspended: u.suspended.how says why */
	VM_EXITCODE_HYP = 5,	   /* the vCPU cannot go on: u.hyp says what it did */
	VM_EXITCODE_WFI = 6,	   /* reserved: WFI is answered in the kernel */
	VM_EXITCODE_PAGING = 7,	   /* guest memory could not be had: u.paging.error is an errno */
	VM_EXITCODE_SMCCC = 8,	   /* a hypervisor call unknown to the kernel (VM_CAP_SMCCC_EXIT) */
	VM_EXITCODE_DEBUG = 9,	   /* this vCPU was suspended by VM_SUSPEND_CPU */
	VM_EXITCODE_BRK = 10,	   /* a BKPT, which has not advanced the PC (VM_CAP_BRK_EXIT) */
	VM_EXITCODE_MAX = 11
};

enum vm_suspend_how {
	VM_SUSPEND_NONE = 0,
	VM_SUSPEND_RESET = 1,
	VM_SUSPEND_POWEROFF = 2,
	VM_SUSPEND_HALT = 3,
	VM_SUSPEND_DESTROY = 4,
	VM_SUSPEND_LAST = 5
};

enum vm_cap_type {
	VM_CAP_HALT_EXIT = 0,  /* reserved, as in bhyve */
	VM_CAP_BRK_EXIT = 1,   /* BKPT leaves with VM_EXITCODE_BRK, its address in pc */
	VM_CAP_SMCCC_EXIT = 2, /* unknown SMCCC calls leave with VM_EXITCODE_SMCCC */
	VM_CAP_MAX = 3
};

#define VM_DIR_READ  0
#define VM_DIR_WRITE 1

struct vm_exit {
	uint32_t exitcode;    /* enum vm_exitcode */
	uint32_t inst_length; /* bytes: 2 or 4; 0 where no instruction is pending */
	uint64_t pc;	      /* address of the instruction that left */
	union {
		struct {
			uint64_t gpa;
			uint64_t data; /* a write's data, zero-extended */
			uint8_t size;  /* 1, 2, 4, 8 bytes */
			uint8_t dir;   /* VM_DIR_* */
			uint8_t pad[6];
		} inst_emul;
		struct {
			uint32_t how;	 /* enum vm_suspend_how */
			uint32_t vcpuid; /* the vCPU that asked, or ~0 */
		} suspended;
		struct {
			uint32_t syndrome; /* HSR or ESR_EL2 */
			uint32_t pad;
			uint64_t far; /* HDFAR, HIFAR or FAR_EL2 */
			uint64_t gpa; /* of HPFAR where valid, else ~0 */
		} hyp;
		struct {
			uint64_t gpa;
			int32_t error; /* positive errno */
			uint32_t pad;
		} paging;
		struct {
			uint32_t func_id;
			uint32_t pad;
			uint64_t args[6];
		} smccc;
		uint64_t words[8];
	} u;
};
_Static_assert(sizeof(struct vm_exit) == 80, "struct vm_exit is ABI");

#endif /* VMM_VMM_H */
