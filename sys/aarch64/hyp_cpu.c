/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The host's side of the microvisor: what the processor must have, EL2's tables and pages,
 * into EL2 and out of it on each CPU, the calls, and the panic that a fault at EL2 becomes.
 * Runs on the host at EL1.  hyp_lock guards the tables; struct hyp_cpu belongs to EL2 from the
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
#include "sysreg.h"

/* The assembly's offsets are those of EL2's compilation; the host's must be the same. */
#define OFFSET(name, type, field) _Static_assert(name == offsetof(type, field), #name);
#define CONSTANT(name, value)	  _Static_assert(name == (value), #name);
#include "offsets_list.h"
#undef OFFSET
#undef CONSTANT

/* ID_AA64PFR0_EL1.SVE, ID_AA64PFR1_EL1.SME; ID_AA64MMFR0_EL1.PARange */
#define PFR0_SVE      MASK64(35, 32)
#define PFR1_SME      MASK64(27, 24)
#define MMFR0_PARANGE MASK64(3, 0)

#define CURRENTEL_EL1 (1u << 2)

/* TCR_EL1.SH1: how the host's walks, and its memory, share */
#define TCR_SH1 MASK64(29, 28)

/* CTR_EL0.DminLine: log2 of the words in the smallest data cache line */
#define CTR_DMINLINE MASK64(19, 16)

/* SCTLR_EL2: RES1 bits, MMU, caches, stack alignment, and what is writable is not executable. */
#define SCTLR_EL2_RES1 \
	(MASK64(29, 28) | MASK64(23, 22) | BIT64(18) | BIT64(16) | BIT64(11) | MASK64(5, 4))
#define SCTLR_EL2_M   BIT64(0)
#define SCTLR_EL2_C   BIT64(2)
#define SCTLR_EL2_SA  BIT64(3)
#define SCTLR_EL2_I   BIT64(12)
#define SCTLR_EL2_WXN BIT64(19)

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
static uint64_t ident_pa, parange;
static void **cpu_pages; /* HYP_CPU_ORDER for each possible CPU */
static bool *cpu_up;	 /* each its CPU's own, changed and read with interrupts off */
static unsigned int cpu_count;

/* ---- calls ---- */

/* Its C code keeps x18 to x29; hyp_vectors.S x30. */
static inline uint64_t
hvc(uint64_t call, uint64_t a1)
{
	register uint64_t x0 __asm__("x0") = call;
	register uint64_t x1 __asm__("x1") = a1;

	__asm__ volatile("hvc #0"
			 : "+r"(x0), "+r"(x1)
			 :
			 : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12",
			 "x13", "x14", "x15", "x16", "x17", "cc", "memory");
	return x0;
}

/* Interrupts off: they might take EL2 away between the look and the call. */
static uint32_t
hvc_if_up(uint32_t call, uintptr_t a1)
{
	return cpu_up[os_cpu_id()] ? (uint32_t)hvc(call, a1) : HYP_CALL_UNKNOWN;
}

uint32_t
hyp_call(uint32_t call, uintptr_t a1)
{
	unsigned long flags = os_irq_save();
	uint32_t answer = hvc_if_up(call, a1);

	os_irq_restore(flags);
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

/* Clean to the point of coherency.  It is in memory with a DSB, arch_init's. */
static void
clean_to_poc(const void *start, size_t bytes)
{
	uintptr_t line = 4ul << FIELD_OF(CTR_DMINLINE, sysreg_read(CTR));
	uintptr_t va = (uintptr_t)start & ~(line - 1);

	for (; va < (uintptr_t)start + bytes; va += line)
		dcache_op(cvac, va);
}

void
arch_icache_invalidate_all(void)
{
	icache_op(ialluis);
	dsb(ish);
	isb();
}

/* ---- EL2's tables ---- */
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
	dsb(ish); /* the walks of all CPUs see it */
	os_mutex_unlock(&hyp_lock);
	if (done == npages)
		return 0;
	hyp_unmap_pages(va, done);
	/* The page whose address the identity page has, should there be one, cannot be EL2's. */
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

/* The code that turns EL2's MMU on and off lies at the same address virtually and physically. */
static int
map_identity(void)
{
	hpa_t pa;

	ident_page = os_pages_alloc(0);
	if (ident_page == NULL)
		return -ENOMEM;
	pa = os_va_to_pa(ident_page);
	ident_pa = pa.a;
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
	struct hyp_boot *boot = (struct hyp_boot *)(void *)pages;
	struct hyp_cpu *cpu = cpu_of(pages);

	*boot = (struct hyp_boot){
		.ttbr0 = os_va_to_pa(hyp_map.root).a,
		.tcr = HYP_TCR(arm_ram_sh, parange),
		.mair = HYP_MAIR,
		.sctlr = SCTLR_EL2_RES1 | SCTLR_EL2_M | SCTLR_EL2_C | SCTLR_EL2_SA | SCTLR_EL2_I |
		    SCTLR_EL2_WXN,
		.vbar = hyp_va(hyp_vectors).a,
		.sp = hyp_va(cpu).a,
		.enter = hyp_va((const void *)(uintptr_t)hyp_cpu_enter).a,
	};
	clean_to_poc(boot, sizeof(*boot));
	cpu->id = id;
	cpu->leave_pa = ident_pa + (uint64_t)(hyp_ident_leave - hyp_ident_start);
	cpu->restart_pa = ident_pa + (uint64_t)(hyp_ident_restart - hyp_ident_start);
	cpu->panic_va = (uintptr_t)hyp_panic;
	cpu->panic_arg = (uintptr_t)cpu;
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
	if (((uintptr_t)pages & (HYP_CPU_BYTES - 1)) != 0 || ~(uintptr_t)pages >> 48 != 0) {
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
 * How the host shares its memory: a kernel gives its walks the attributes of its memory.  0 if not
 * at all.
 */
static uint64_t
host_memory_sh(void)
{
	uint64_t sh = FIELD_TO(LPAE_SH_MASK, FIELD_OF(TCR_SH1, sysreg_read(TCR)));

	return (sh & LPAE_SH_OUTER) != 0 ? sh : 0;
}

static int
check_features(void)
{
	uint64_t pfr1 = sysreg_read(ID_AA64PFR1);

	parange = FIELD_OF(MMFR0_PARANGE, sysreg_read(ID_AA64MMFR0));
	if (parange < VMSA_PARANGE_40) {
		os_log("this processor has physical addresses of less than 40 bits, which is not "
		       "supported");
		return -ENODEV;
	}
	if (parange > VMSA_PARANGE_48)
		parange = VMSA_PARANGE_48;
	/* Vector registers are switched without what these add to them. */
	if (FIELD_OF(PFR0_SVE, sysreg_read(ID_AA64PFR0)) != 0 || FIELD_OF(PFR1_SME, pfr1) != 0) {
		os_log("this processor has SVE or SME, which vmm does not switch yet");
		return -ENODEV;
	}
	return 0;
}

static int
check_processor(void)
{
	if (sysreg_read(CURRENTEL) != CURRENTEL_EL1) {
		os_log("this kernel runs at EL2 itself (VHE), which vmm does not support yet");
		return -ENODEV;
	}
	arm_ram_sh = host_memory_sh();
	if (arm_ram_sh == 0) {
		os_log("this kernel has memory that is not shareable between processors");
		return -ENODEV;
	}
	arm_cntfrq = (uint32_t)sysreg_read(CNTFRQ);
	if (arm_cntfrq == 0) {
		os_log("the firmware has not set CNTFRQ_EL0: update it");
		return -ENODEV;
	}
	return check_features();
}

/* The host's own view of a device that it has mapped. */
static hyp_va_t
host_dev(void *va)
{
	return (hyp_va_t){ (uintptr_t)va };
}

static void
gic_init(const struct os_machine *m)
{
	uint32_t vtr = dev_read32(host_dev(m->gich_va), GICH_VTR);

	arm_nlrs = FIELD_OF(GICH_VTR_LISTREGS, vtr) + 1;
	if (arm_nlrs > VGIC_MAX_LRS)
		arm_nlrs = VGIC_MAX_LRS;
	hyp_params = (struct hyp_params){
		.gich = hyp_va(m->gich_va),
		.gicd = hyp_va(m->gicd_va),
		.nlrs = arm_nlrs,
		.vtimer_ppi = m->vtimer_ppi,
		.vtcr = VTCR_VALUE(arm_ram_sh, parange),
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
	memcpy(info->arch, "aarch64", sizeof("aarch64"));
}

uint64_t
arch_cntpct(void)
{
	isb(); /* not read ahead of what it is to time */
	return sysreg_read(CNTPCT);
}

void
arch_host_ppi(bool vtimer)
{
	/* Should the line fall only after the interrupt was deactivated, it comes once more. */
	if (vtimer)
		sysreg_write(CNTV_CTL, 0);
	else
		dev_write32(host_dev(arm_machine.gich_va), GICH_HCR, 0);
}

/* ---- a fault at EL2 ---- */
static const char *
vector_name(uint64_t vector)
{
	static const char *const names[] = {
		[HYP_VECTOR_SP0] = "exception with SP_EL0",
		[HYP_VECTOR_SYNC] = "synchronous exception",
		[HYP_VECTOR_IRQ] = "IRQ",
		[HYP_VECTOR_FIQ] = "FIQ",
		[HYP_VECTOR_SERROR] = "SError",
		[HYP_VECTOR_TRAP] = "trap of the host",
	};

	return vector < NELEM(names) ? names[vector] : "unknown exception";
}

/* The microvisor returns here, at EL1h with everything masked, after it put the host back. */
static void
hyp_panic(const struct hyp_cpu *cpu)
{
	const struct hyp_fault *f = &cpu->fault;
	const unsigned long long *r = (const unsigned long long *)f->r;

	os_panic("%s at EL2 on CPU %u (%u fault(s)), vCPU %llx\n"
		 "ESR %08llx (EC %02llx) FAR %016llx HPFAR %llx\n"
		 "ELR %016llx (text %llx-%llx) SPSR %08llx SP %016llx\n"
		 "x0  %016llx %016llx %016llx %016llx\nx4  %016llx %016llx %016llx %016llx\n"
		 "x8  %016llx %016llx %016llx %016llx\nx16 %016llx %016llx %016llx %016llx\n"
		 "x20 %016llx %016llx %016llx %016llx\nx28 %016llx %016llx %016llx",
	    vector_name(f->vector), cpu->id, (unsigned int)f->count, (unsigned long long)f->tpidr,
	    (unsigned long long)f->esr, (unsigned long long)f->esr >> 26,
	    (unsigned long long)f->far, (unsigned long long)f->hpfar, (unsigned long long)f->elr,
	    (unsigned long long)hyp_va(hyp_text_start).a,
	    (unsigned long long)hyp_va(hyp_text_end).a, (unsigned long long)f->spsr,
	    (unsigned long long)f->sp, r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9],
	    r[10], r[11], r[16], r[17], r[18], r[19], r[20], r[21], r[22], r[23], r[28], r[29],
	    r[30]);
}
