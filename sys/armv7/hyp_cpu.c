/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The host's side of the microvisor: what the processor must have, HYP's tables and pages,
 * into HYP and out of it on each CPU, the calls, and the panic that a fault inside HYP becomes.
 * Runs on the host at PL1.  hyp_lock guards the tables; struct hyp_cpu belongs to HYP from the
 * moment its CPU is up.
 */
#include <string.h>

#include "arch.h"
#include "arm.h"
#include "errno.h"
#include "hyp_cpu.h"
#include "hyp_map.h"
#include "hyp_offsets.h"
#include "lpae.h"
#include "os.h"
#include "psr.h"
#include "sysreg.h"

/* The assembly's offsets are those of HYP's compilation; the host's must be the same. */
#define OFFSET(name, type, field) _Static_assert(name == offsetof(type, field), #name);
#define CONSTANT(name, value)	  _Static_assert(name == (value), #name);
#include "offsets_list.h"
#undef OFFSET
#undef CONSTANT

/* ID_PFR1, B4.1.94; ID_MMFR0, B4.1.89 */
#define ID_PFR1_GENERIC_TIMER MASK32(19, 16)
#define ID_PFR1_VIRT	      MASK32(15, 12)
#define ID_MMFR0_VMSA	      MASK32(3, 0)
#define VMSA_LPAE	      5u

/* TTBCR, TTBR0, TTBR1, B4.1: how the host's walks share, in the two table formats */
#define TTBCR_SH1 MASK32(29, 28)
#define TTBCR_N	  MASK32(2, 0)
#define TTBR_S	  BIT64(1)
#define TTBR_NOS  BIT64(5) /* not outer shareable */

/* CTR.DminLine, B4.1.42: log2 of the words in the smallest data cache line */
#define CTR_DMINLINE MASK32(19, 16)

/* IHI 0048B 5.3 */
#define GICH_HCR	  0x00u
#define GICH_VTR	  0x04u
#define GICH_VTR_LISTREGS MASK32(5, 0)

#define VMID_BITS 8u

struct os_machine arm_machine;
uint64_t arm_ram_sh;
uint32_t arm_nlrs;
uint32_t arm_cntfrq;

static struct os_mutex hyp_lock;
static struct hyp_map hyp_map;
static void *ident_page;
static uint32_t ident_pa;
static void **cpu_pages; /* HYP_CPU_ORDER for each possible CPU */
static bool *cpu_up;	 /* each its CPU's own, changed and read with interrupts off */
static unsigned int cpu_count;

/* ---- calls ---- */

/* HYP mode's lr is ours too; r4-r11 are kept by its C code. */
static inline uint32_t
hvc(uint32_t call, uintptr_t a1)
{
	register uint32_t r0 __asm__("r0") = call;
	register uint32_t r1 __asm__("r1") = a1;

	__asm__ volatile(".arch_extension virt\n\thvc #0"
			 : "+r"(r0), "+r"(r1)
			 :
			 : "r2", "r3", "r12", "lr", "cc", "memory");
	return r0;
}

/*
 * Cortex-A15 erratum 798181, in all revisions before r4p0 but those that set REVIDR[9], which is
 * defined from r2p4 on: a broadcast TLB invalidation and its DSB may complete while another
 * CPU still uses the old entry.
 */
#define MIDR_PART_MASK	 0xff0ffff0u /* all but variant and revision */
#define MIDR_A15	 0x410fc0f0u
#define MIDR_A15_R2P4	 0x412fc0f4u
#define MIDR_A15_R4P0	 0x414fc0f0u
#define REVIDR_A15_FIXED BIT(9)

static uint32_t tlbi_may_lag; /* [a] some CPU has the erratum */

static bool
has_erratum_798181(void)
{
	uint32_t midr = sysreg_read(MIDR);

	if ((midr & MIDR_PART_MASK) != MIDR_A15 || midr >= MIDR_A15_R4P0)
		return false;
	return midr < MIDR_A15_R2P4 || (sysreg_read(REVIDR) & REVIDR_A15_FIXED) == 0;
}

static void
cpu_settle(void *arg)
{
	(void)arg;
	dmb(ish);
}

/*
 * The erratum's workaround: one more broadcast, of whatever entry, and a DMB on each CPU, for which
 * the interrupt takes it out of the guest.  Pages are freed after this.  The other flushes need
 * none: no guest that goes on uses what they invalidate, and vcpu_run has its DSB.
 */
static void
tlbi_settle(void)
{
	sysreg_write(TLBIMVAIS, 0);
	dsb(ish);
	os_on_each_cpu(cpu_settle, NULL);
}

/* Interrupts off: they might take HYP mode away between the look and the call. */
static uint32_t
hvc_if_up(uint32_t call, uintptr_t a1)
{
	return cpu_up[os_cpu_id()] ? hvc(call, a1) : HYP_CALL_UNKNOWN;
}

uint32_t
hyp_call(uint32_t call, uintptr_t a1)
{
	unsigned long flags = os_irq_save();
	uint32_t answer = hvc_if_up(call, a1);

	os_irq_restore(flags);
	if (call == HYP_CALL_TLB_FLUSH_VM && LOAD_ONCE(tlbi_may_lag) != 0)
		tlbi_settle();
	return answer;
}

void
hyp_vcpu_run(struct hyp_vcpu *v)
{
	/* No microvisor here: nothing ran, and the run loop looks at its requests again. */
	if (hvc_if_up(HYP_CALL_VCPU_RUN, hyp_va(v).a) == HYP_CALL_UNKNOWN)
		v->exit = HYP_EXIT_REQ;
}

/* ---- caches, for what is read with the MMU off ---- */

/* Clean to the point of coherency, B2.2.7.  It is in memory with a DSB, arch_init's. */
static void
clean_to_poc(const void *start, size_t bytes)
{
	uintptr_t line = 4u << FIELD_OF(CTR_DMINLINE, sysreg_read(CTR));
	uintptr_t va = (uintptr_t)start & ~(line - 1);

	for (; va < (uintptr_t)start + bytes; va += line)
		sysreg_write(DCCMVAC, va);
}

void
arch_icache_invalidate_all(void)
{
	sysreg_write(ICIALLUIS, 0);
	dsb(ish);
}

/* ---- HYP's tables ---- */
static unsigned int
map_data(char *page, unsigned int npages)
{
	unsigned int n = 0;

	do {
		if (hyp_map_page(&hyp_map, hyp_va(page), os_va_to_pa(page), HYP_PROT_DATA) != 0)
			break;
		page += PAGE_BYTES;
	} while (++n < npages);
	return n;
}

int
hyp_map_pages(void *va, unsigned int npages)
{
	unsigned int done;

	os_mutex_lock(&hyp_lock);
	done = map_data(va, npages);
	dsb(ish); /* the walks of all CPUs see it, B3.10.1 */
	os_mutex_unlock(&hyp_lock);
	if (done == npages)
		return 0;
	hyp_unmap_pages(va, done);
	/* The one page whose address the identity page has cannot be HYP's: ask for another. */
	return -ENOMEM;
}

void
hyp_unmap_pages(void *va, unsigned int npages)
{
	char *page = va;
	unsigned int i;

	os_mutex_lock(&hyp_lock);
	for (i = 0; i < npages; i++)
		if (hyp_map_clear(&hyp_map, hyp_va(page + i * PAGE_BYTES)))
			hyp_call(HYP_CALL_TLB_FLUSH_HYP, hyp_va(page + i * PAGE_BYTES).a);
	os_mutex_unlock(&hyp_lock);
}

static int
map_section(const char *start, const char *end, enum hyp_prot prot)
{
	int error = 0;

	for (; start < end && error == 0; start += PAGE_BYTES)
		error = hyp_map_page(&hyp_map, hyp_va(start), os_module_va_to_pa(start), prot);
	return error;
}

static int
map_image(const struct os_machine *m)
{
	int error;

	error = map_section(hyp_text_start, hyp_text_end, HYP_PROT_CODE);
	if (error == 0)
		error = map_section(hyp_rodata_start, hyp_rodata_end, HYP_PROT_RODATA);
	if (error == 0)
		error = map_section(hyp_data_start, hyp_data_end, HYP_PROT_DATA);
	if (error == 0)
		error = hyp_map_page(&hyp_map, hyp_va(m->gich_va), m->gich, HYP_PROT_DEVICE);
	if (error == 0)
		error = hyp_map_page(&hyp_map, hyp_va(m->gicd_va), m->gicd, HYP_PROT_DEVICE);
	return error;
}

/* The code that turns HYP's MMU on and off lies at the same address virtually and physically. */
static int
map_identity(void)
{
	hpa_t pa;

	ident_page = os_pages_alloc(0);
	if (ident_page == NULL)
		return -ENOMEM;
	pa = os_va_to_pa(ident_page);
	if (pa.a >> 32 != 0) {
		os_log("the kernel's memory lies above 4 GiB: HYP mode cannot be entered");
		return -ENODEV;
	}
	ident_pa = (uint32_t)pa.a;
	memcpy(ident_page, hyp_ident_start, (size_t)(hyp_ident_end - hyp_ident_start));
	clean_to_poc(ident_page, PAGE_BYTES);
	return hyp_map_page(&hyp_map, (hyp_va_t){ ident_pa }, pa, HYP_PROT_CODE);
}

/* ---- a CPU's pages, hyp_cpu.h ---- */
static struct hyp_cpu *
cpu_of(char *pages)
{
	return (struct hyp_cpu *)(void *)(pages + HYP_CPU_TOP);
}

__attribute__((noreturn)) static void hyp_panic(const struct hyp_cpu *cpu);

static void
cpu_fill(unsigned int id, char *pages)
{
	uint64_t root = os_va_to_pa(hyp_map.root).a;
	struct hyp_boot *boot = (struct hyp_boot *)(void *)pages;
	struct hyp_cpu *cpu = cpu_of(pages);

	*boot = (struct hyp_boot){
		.httbr_lo = (uint32_t)root,
		.httbr_hi = (uint32_t)(root >> 32),
		.htcr = HYP_HTCR(arm_ram_sh),
		.hmair0 = HYP_MAIR0,
		.hmair1 = HYP_MAIR1,
		.hvbar = (uint32_t)(uintptr_t)hyp_vectors,
		.sp = (uint32_t)(uintptr_t)cpu,
		.enter = (uint32_t)(uintptr_t)hyp_cpu_enter,
	};
	clean_to_poc(boot, sizeof(*boot));
	cpu->id = id;
	cpu->leave_pa = ident_pa + (uint32_t)(hyp_ident_leave - hyp_ident_start);
	cpu->restart_pa = ident_pa + (uint32_t)(hyp_ident_restart - hyp_ident_start);
	cpu->panic_va = (uint32_t)(uintptr_t)hyp_panic;
}

static int
cpu_init(unsigned int id)
{
	char *pages = os_pages_alloc(HYP_CPU_ORDER);
	unsigned int i;
	int error = 0;

	cpu_pages[id] = pages;
	if (pages == NULL)
		return -ENOMEM;
	if (((uintptr_t)pages & (HYP_CPU_BYTES - 1)) != 0 || os_va_to_pa(pages).a >> 32 != 0) {
		os_log("no usable pages for the microvisor of CPU %u", id);
		return -ENODEV;
	}
	for (i = HYP_CPU_STACK_PAGE; i <= HYP_CPU_PAGE && error == 0; i++)
		error = hyp_map_page(&hyp_map, hyp_va(pages + i * PAGE_BYTES),
		    os_va_to_pa(pages + i * PAGE_BYTES), HYP_PROT_DATA);
	cpu_fill(id, pages);
	return error;
}

static int
cpus_init(void)
{
	unsigned int id;
	int error = 0;

	cpu_count = os_cpu_count();
	cpu_pages = os_zalloc(cpu_count * sizeof(*cpu_pages));
	cpu_up = os_zalloc(cpu_count * sizeof(*cpu_up));
	if (cpu_pages == NULL || cpu_up == NULL)
		return -ENOMEM;
	for (id = 0; id < cpu_count && error == 0; id++)
		error = cpu_init(id);
	return error;
}

static void
cpus_fini(void)
{
	unsigned int id;

	for (id = 0; cpu_pages != NULL && id < cpu_count; id++)
		if (cpu_pages[id] != NULL)
			os_pages_free(cpu_pages[id], HYP_CPU_ORDER);
	os_free(cpu_pages);
	os_free(cpu_up);
	cpu_pages = NULL;
	cpu_up = NULL;
}

/* ---- the module ---- */

/*
 * How the host shares its memory: a kernel gives its walks the attributes of its memory.  A CPU
 * that runs without taking part in coherency need not even cache what is shareable, so a kernel
 * for one processor has it otherwise; 0 then.
 */
static uint64_t
host_memory_sh(void)
{
	uint32_t ttbcr = sysreg_read(TTBCR);
	uint64_t ttbr;

	if ((ttbcr & TTBCR_EAE) != 0) {
		ttbr = FIELD_TO(LPAE_SH_MASK, FIELD_OF(TTBCR_SH1, (uint64_t)ttbcr));
		return (ttbr & LPAE_SH_OUTER) != 0 ? ttbr : 0;
	}
	/* N is 0 where TTBR0 translates all addresses, the kernel's too. */
	ttbr = FIELD_OF(TTBCR_N, ttbcr) == 0 ? sysreg_read64(TTBR0) : sysreg_read64(TTBR1);
	if ((ttbr & TTBR_S) == 0)
		return 0;
	return (ttbr & TTBR_NOS) != 0 ? LPAE_SH_INNER : LPAE_SH_OUTER;
}

static int
check_processor(void)
{
	uint32_t pfr1 = sysreg_read(ID_PFR1);

	if (FIELD_OF(ID_PFR1_VIRT, pfr1) == 0) {
		os_log("this processor has no virtualization extensions");
		return -ENODEV;
	}
	if (FIELD_OF(ID_PFR1_GENERIC_TIMER, pfr1) == 0) {
		os_log("this processor has no generic timer");
		return -ENODEV;
	}
	if (FIELD_OF(ID_MMFR0_VMSA, sysreg_read(ID_MMFR0)) < VMSA_LPAE) {
		os_log("this processor has no large physical address extension");
		return -ENODEV;
	}
	arm_ram_sh = host_memory_sh();
	if (arm_ram_sh == 0) {
		os_log("this kernel runs for a single processor only, with memory that is not "
		       "shareable; boot one with CONFIG_SMP");
		return -ENODEV;
	}
	arm_cntfrq = sysreg_read(CNTFRQ);
	if (arm_cntfrq == 0) {
		os_log("the firmware has not set CNTFRQ: update it");
		return -ENODEV;
	}
	return 0;
}

static void
gic_init(const struct os_machine *m)
{
	uint32_t vtr = dev_read32(hyp_va(m->gich_va), GICH_VTR);

	arm_nlrs = FIELD_OF(GICH_VTR_LISTREGS, vtr) + 1;
	if (arm_nlrs > VGIC_MAX_LRS)
		arm_nlrs = VGIC_MAX_LRS;
	hyp_params = (struct hyp_params){
		.gich = hyp_va(m->gich_va),
		.gicd = hyp_va(m->gicd_va),
		.nlrs = arm_nlrs,
		.vtimer_ppi = m->vtimer_ppi,
		.vtcr = VTCR_VALUE(arm_ram_sh),
	};
}

int
arch_init(const struct os_machine *m)
{
	int error = check_processor();

	if (error != 0)
		return error;
	error = vmid_init(VMID_BITS);
	if (error != 0) {
		os_log("this kernel has room for %u CPUs, more than %u-bit VMIDs can serve; boot "
		       "with a smaller nr_cpus=",
		    os_cpu_count(), VMID_BITS);
		return error;
	}
	arm_machine = *m;
	gic_init(m);
	os_mutex_init(&hyp_lock, "vmm hyp");
	error = hyp_map_init(&hyp_map, arm_ram_sh);
	if (error == 0)
		error = map_identity();
	if (error == 0)
		error = map_image(m);
	if (error == 0)
		error = cpus_init();
	if (error == 0)
		error = vtimer_host_init(arm_cntfrq);
	if (error != 0) {
		arch_fini();
		return error;
	}
	/* All is in memory, the tables too, before CPUs read it with caches off and walk them. */
	dsb(sy);
	arch_icache_invalidate_all();
	return 0;
}

void
arch_fini(void)
{
	cpus_fini();
	hyp_map_destroy(&hyp_map);
	if (ident_page != NULL)
		os_pages_free(ident_page, 0);
	ident_page = NULL;
	os_mutex_destroy(&hyp_lock);
}

/* Asked only where the answer can be ours: a kernel's stub may take any call for an order. */
bool
arch_cpu_is_up(void)
{
	return cpu_up[os_cpu_id()] && hvc(HYP_CALL_NULL, 0) == 0;
}

int
arch_cpu_up(void)
{
	unsigned int id = os_cpu_id();

	if (arch_cpu_is_up())
		return 0;
	if (id >= cpu_count)
		return -ENXIO;
	if (has_erratum_798181())
		STORE_ONCE(tlbi_may_lag, 1);
	hyp_stub_enter(HPA(ident_pa), os_va_to_pa(cpu_pages[id]));
	cpu_up[id] = true;
	cpu_up[id] = arch_cpu_is_up();
	return cpu_up[id] ? 0 : -EIO;
}

void
arch_cpu_down(void)
{
	if (!arch_cpu_is_up())
		return;
	hvc(HYP_CALL_LEAVE, 0);
	cpu_up[os_cpu_id()] = false;
}

void
arch_info(struct vmmctl_info *info)
{
	info->list_registers = arm_nlrs;
	info->cntfrq = arm_cntfrq;
	info->ipa_bits = STAGE2_IPA_BITS;
	info->vmid_bits = VMID_BITS;
	memcpy(info->arch, "armv7", sizeof("armv7"));
}

uint64_t
arch_cntpct(void)
{
	isb(); /* not read ahead of what it is to time, B8.1.2 */
	return sysreg_read64(CNTPCT);
}

void
arch_host_ppi(bool vtimer)
{
	/* Should the line fall only after the interrupt was deactivated, it comes once more. */
	if (vtimer)
		sysreg_write(CNTV_CTL, 0);
	else
		dev_write32(hyp_va(arm_machine.gich_va), GICH_HCR, 0);
}

/* ---- a fault inside HYP ---- */
static const char *
vector_name(uint32_t vector)
{
	static const char *const names[] = {
		[HYP_VECTOR_RESET] = "reset",
		[HYP_VECTOR_UNDEF] = "undefined instruction",
		[HYP_VECTOR_HVC] = "HVC",
		[HYP_VECTOR_PABT] = "prefetch abort",
		[HYP_VECTOR_DABT] = "data abort",
		[HYP_VECTOR_TRAP] = "trap of the host",
		[HYP_VECTOR_IRQ] = "IRQ of the host",
		[HYP_VECTOR_FIQ] = "FIQ of the host",
	};

	return vector < NELEM(names) ? names[vector] : "unknown exception";
}

/* The microvisor returns here, in SVC mode with everything masked, after it put the host back. */
static void
hyp_panic(const struct hyp_cpu *cpu)
{
	const struct hyp_fault *f = &cpu->fault;

	os_panic("%s in HYP mode on CPU %u (%u fault(s)), vCPU %08x\n"
		 "HSR %08x (EC %02x) HDFAR %08x HIFAR %08x HPFAR %08x\n"
		 "ELR %08x (text %08x-%08x) SPSR %08x SP %08x LR_usr %08x\n"
		 "r0  %08x %08x %08x %08x %08x %08x %08x\n"
		 "r7  %08x %08x %08x %08x %08x %08x",
	    vector_name(f->vector), cpu->id, f->count, f->htpidr, f->hsr, f->hsr >> 26, f->hdfar,
	    f->hifar, f->hpfar, f->elr, (uint32_t)(uintptr_t)hyp_text_start,
	    (uint32_t)(uintptr_t)hyp_text_end, f->spsr, f->sp, f->lr, f->r[0], f->r[1], f->r[2],
	    f->r[3], f->r[4], f->r[5], f->r[6], f->r[7], f->r[8], f->r[9], f->r[10], f->r[11],
	    f->r[12]);
}
