/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * HYP mode as the host sees it, for tests that link sys/arm: calls, the world switch as a
 * function of the test's, pages mapped in HYP as a set with a count, registers as a table.
 */
#include <pthread.h>
#include <string.h>

#include <arm.h>

#include "errno.h"
#include "fake_hyp.h"
#include "fake_impl.h"
#include "sysreg_fake.h"

#define CALLS	    (HYP_CALL_END - HYP_CALL_BASE)
#define REGS	    128u
#define CNTFRQ	    62500000u /* Hz: 16 ns a tick */
#define NS_PER_TICK 16u

void (*fake_vcpu_run)(struct hyp_vcpu *v);
uint32_t (*fake_hyp_call)(uint32_t call, uintptr_t a1);
bool (*fake_sysreg_hook)(const char *name, bool write, uint64_t *val);
bool (*fake_dev_hook)(uintptr_t base, uint32_t offset, bool write, uint32_t *val);

struct os_machine arm_machine;
uint32_t arm_nlrs, arm_cntfrq;
struct hyp_params hyp_params;

static pthread_mutex_t hyp_mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned long calls[CALLS];
static uint8_t mapped[FAKE_PAGES];
static struct {
	const char *name;
	uint64_t val;
} reg[REGS];
static unsigned int nregs;

void
fake_hyp_reset(void)
{
	fake_vcpu_run = NULL;
	fake_hyp_call = NULL;
	fake_sysreg_hook = NULL;
	fake_dev_hook = NULL;
	memset(calls, 0, sizeof(calls));
	memset(mapped, 0, sizeof(mapped));
	memset(&arm_machine, 0, sizeof(arm_machine));
	memset(&hyp_params, 0, sizeof(hyp_params));
	nregs = 0;
	arm_nlrs = hyp_params.nlrs = 4;
	arm_cntfrq = CNTFRQ;
	arm_machine.gicv = HPA(0x08040000);
	arm_machine.vtimer_ppi = hyp_params.vtimer_ppi = 27;
	arm_machine.maint_ppi = 25;
}

/* ---- calls ---- */

uint32_t
hyp_call(uint32_t call, uintptr_t a1)
{
	if (call - HYP_CALL_BASE < CALLS)
		__atomic_add_fetch(&calls[call - HYP_CALL_BASE], 1, __ATOMIC_RELAXED);
	return fake_hyp_call != NULL ? fake_hyp_call(call, a1) : 0;
}

unsigned long
fake_hyp_calls(uint32_t call)
{
	return call - HYP_CALL_BASE < CALLS ? LOAD_ONCE(calls[call - HYP_CALL_BASE]) : 0;
}

void
hyp_vcpu_run(struct hyp_vcpu *v)
{
	if (!fake_irqs_off())
		os_panic("hyp_vcpu_run with interrupts on");
	if (!fake_hyp_is_mapped(v) || !fake_hyp_is_mapped(HYP_PTR(void, v->vm)))
		os_panic("HYP does not map the vCPU or its VM");
	if (fake_vcpu_run != NULL && LOAD_ONCE(v->requests) == 0)
		fake_vcpu_run(v);
	else
		v->exit = HYP_EXIT_REQ;
}

/* ---- pages ---- */

static size_t
mapped_index(const void *va)
{
	return (size_t)((os_va_to_pa(va).a - FAKE_PA_BASE) / PAGE_BYTES);
}

int
hyp_map_pages(void *va, unsigned int npages)
{
	size_t i = mapped_index(va);

	fake_may_sleep("hyp_map_pages");
	if (fake_should_fail())
		return -ENOMEM;
	pthread_mutex_lock(&hyp_mutex);
	for (size_t n = i; n < i + npages; n++)
		if (!fake_is_page(va) || mapped[n]++ != 0)
			os_panic("hyp_map_pages twice, or of foreign memory");
	pthread_mutex_unlock(&hyp_mutex);
	fake_count(&fake_counts_ref()->hyp_pages, (long)npages);
	return 0;
}

void
hyp_unmap_pages(void *va, unsigned int npages)
{
	size_t i = mapped_index(va);

	fake_may_sleep("hyp_unmap_pages");
	pthread_mutex_lock(&hyp_mutex);
	for (size_t n = i; n < i + npages; n++)
		if (mapped[n]-- != 1)
			os_panic("hyp_unmap_pages of what is not mapped");
	pthread_mutex_unlock(&hyp_mutex);
	fake_count(&fake_counts_ref()->hyp_pages, -(long)npages);
}

bool
fake_hyp_is_mapped(const void *va)
{
	uint64_t off = os_va_to_pa(va).a - FAKE_PA_BASE;

	return off < (uint64_t)FAKE_PAGES * PAGE_BYTES && LOAD_ONCE(mapped[off / PAGE_BYTES]) != 0;
}

/* ---- the module's side of sys/armv7 ---- */

static uint32_t cpus_up; /* [a] bit n */

int
arch_init(const struct os_machine *m)
{
	arm_machine = *m;
	return 0;
}

void
arch_fini(void)
{
	if (LOAD_ONCE(cpus_up) != 0)
		os_panic("arch_fini with CPUs in HYP");
}

int
arch_cpu_up(void)
{
	__atomic_fetch_or(&cpus_up, BIT(os_cpu_id()), __ATOMIC_SEQ_CST);
	return 0;
}

void
arch_cpu_down(void)
{
	__atomic_fetch_and(&cpus_up, ~BIT(os_cpu_id()), __ATOMIC_SEQ_CST);
}

bool
arch_cpu_is_up(void)
{
	return (LOAD_ONCE(cpus_up) & BIT(os_cpu_id())) != 0;
}

void
arch_info(struct vmmctl_info *info)
{
	info->list_registers = arm_nlrs;
	info->cntfrq = arm_cntfrq;
	info->ipa_bits = 40;
	info->vmid_bits = 8;
	memcpy(info->arch, "armv7", sizeof("armv7"));
}

uint64_t
arch_cntpct(void)
{
	return os_now_ns() / NS_PER_TICK;
}

/* ---- registers ---- */

static uint64_t *
reg_find(const char *name)
{
	for (unsigned int i = 0; i < nregs; i++)
		if (strcmp(reg[i].name, name) == 0)
			return &reg[i].val;
	if (nregs == REGS)
		os_panic("more than %u system registers", REGS);
	reg[nregs].name = name;
	reg[nregs].val = 0;
	return &reg[nregs++].val;
}

uint64_t
fake_sysreg_read(const char *name)
{
	uint64_t val = 0;

	if (fake_sysreg_hook != NULL && fake_sysreg_hook(name, false, &val))
		return val;
	if (strcmp(name, "CNTPCT") == 0)
		return arch_cntpct();
	if (strcmp(name, "CNTFRQ") == 0)
		return CNTFRQ;
	pthread_mutex_lock(&hyp_mutex);
	val = *reg_find(name);
	pthread_mutex_unlock(&hyp_mutex);
	return val;
}

void
fake_sysreg_write(const char *name, uint64_t val)
{
	if (fake_sysreg_hook != NULL && fake_sysreg_hook(name, true, &val))
		return;
	pthread_mutex_lock(&hyp_mutex);
	*reg_find(name) = val;
	pthread_mutex_unlock(&hyp_mutex);
}

uint32_t
fake_dev_read(uintptr_t base, uint32_t offset)
{
	uint32_t val = 0;

	if (fake_dev_hook != NULL && fake_dev_hook(base, offset, false, &val))
		return val;
	return *(const volatile uint32_t *)(base + offset);
}

void
fake_dev_write(uintptr_t base, uint32_t offset, uint32_t val)
{
	if (fake_dev_hook != NULL && fake_dev_hook(base, offset, true, &val))
		return;
	*(volatile uint32_t *)(base + offset) = val;
}
