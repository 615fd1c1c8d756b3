/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The arguments and the result of a system call, in what a signal's handler is given: the register
 * conventions of syscall(2).
 */
#ifndef BHYVE_SANDBOX_REGS_H
#define BHYVE_SANDBOX_REGS_H

#include <ucontext.h>

#if defined(__x86_64__)
static inline unsigned long
sandbox_arg(const ucontext_t *uc, int n)
{
	static const int regs[] = { REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9 };

	return (unsigned long)uc->uc_mcontext.gregs[regs[n]];
}

static inline void
sandbox_set_result(ucontext_t *uc, long result)
{
	uc->uc_mcontext.gregs[REG_RAX] = result;
}
#elif defined(__arm__)
static inline unsigned long
sandbox_arg(const ucontext_t *uc, int n)
{
	return (&uc->uc_mcontext.arm_r0)[n];
}

static inline void
sandbox_set_result(ucontext_t *uc, long result)
{
	uc->uc_mcontext.arm_r0 = (unsigned long)result;
}
#elif defined(__aarch64__)
static inline unsigned long
sandbox_arg(const ucontext_t *uc, int n)
{
	return (unsigned long)uc->uc_mcontext.regs[n];
}

static inline void
sandbox_set_result(ucontext_t *uc, long result)
{
	uc->uc_mcontext.regs[0] = (unsigned long long)result;
}
#else
#error "write the two functions for this architecture: syscall(2) has the registers"
#endif

#endif /* BHYVE_SANDBOX_REGS_H */
