/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A VM with one vCPU, made of static memory alone: for tests of files that need no more
 * than their structures.  The test supplies the functions its file calls.
 */
#ifndef TESTS_ONE_VCPU_H
#define TESTS_ONE_VCPU_H

#include <string.h>

#include "arm.h"

static struct vm one_vm;
static struct vcpu one_vcpu;
static struct arch_vm one_arch_vm;
static struct arch_vcpu one_arch_vcpu;
static struct hyp_vm one_hyp_vm;
static struct hyp_vcpu one_hyp_vcpu;

static inline void
one_vcpu_setup(void)
{
	memset(&one_vm, 0, sizeof(one_vm));
	memset(&one_vcpu, 0, sizeof(one_vcpu));
	memset(&one_arch_vm, 0, sizeof(one_arch_vm));
	memset(&one_arch_vcpu, 0, sizeof(one_arch_vcpu));
	memset(&one_hyp_vm, 0, sizeof(one_hyp_vm));
	memset(&one_hyp_vcpu, 0, sizeof(one_hyp_vcpu));
	one_vm.arch = &one_arch_vm;
	one_arch_vm.hyp = &one_hyp_vm;
	one_vm.vcpu[0] = &one_vcpu;
	one_vcpu.vm = &one_vm;
	one_vcpu.arch = &one_arch_vcpu;
	one_vcpu.stats = one_hyp_vcpu.stats;
	one_arch_vcpu.hyp = &one_hyp_vcpu;
	one_hyp_vcpu.vm = hyp_va(&one_hyp_vm);
}

#endif /* TESTS_ONE_VCPU_H */
