/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * One VM with four vCPUs for the tests of exit.c, psci.c, cp15.c, vm.c and vcpu.c: everything
 * they call in other files is scripted here, and journalled.
 */
#ifndef TESTS_ARM_MOCK_H
#define TESTS_ARM_MOCK_H

#include <cp15.h>

#include "arm.h"

#define MOCK_VCPUS 4u

struct mock {
	struct vm vm;
	struct vcpu vcpu[VM_MAXCPU];
	/* what the code under test did */
	char journal[512];
	unsigned int flushes, requests, undefs, pages, map_calls;
	uint32_t last_request, request_vcpu;
	uint32_t suspend_how, suspend_vcpu;
	unsigned int cntp_writes;
	uint64_t cntp_val;
	enum cntp_reg cntp_reg;
	bool cntp_to_host; /* what vtimer_hyp_cntp says */
	struct vgic_access gicd;
	/* what it is told */
	int fail_map;	/* fail the nth hyp_map_pages from now, 0 never */
	int fail_alloc; /* likewise os_zalloc and os_pages_alloc */
	int stage2_error, attach_error, gicv_error;
	bool pending, timer_expired;
	enum hyp_verdict gicd_verdict, vtimer_verdict, maint_verdict;
	uint32_t gicd_data;
	uint64_t cntpct;
	unsigned int cpus;
	uint32_t enter_requests; /* v->requests when the guest was entered */
};
extern struct mock mock;

void mock_setup(void);	  /* the VM and its vCPUs, vCPU 0 powered on */
void mock_teardown(void); /* and nothing leaks */
/* The same for cmocka, and a test between the two. */
int mock_test_setup(void **state);
int mock_test_teardown(void **state);
#define mock_test(fn) cmocka_unit_test_setup_teardown(fn, mock_test_setup, mock_test_teardown)
void mock_say(const char *word);
struct hyp_vcpu *mock_hv(unsigned int id);

/* Syndromes: condition AL, 32-bit instruction. */
uint32_t hsr_cp15(unsigned int crn, unsigned int opc1, unsigned int crm, unsigned int opc2,
    unsigned int rt, bool read);
uint32_t hsr_cp15_64(
    unsigned int opc1, unsigned int crm, unsigned int rt, unsigned int rt2, bool read);

#define ESR_AL	    (ESR_IL | ESR_CV | ESR_COND_AL)
#define ESR_COND_AL FIELD_TO(ESR_COND_MASK, 14u)

#endif /* TESTS_ARM_MOCK_H */
