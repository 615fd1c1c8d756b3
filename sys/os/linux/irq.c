/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the host's device tree says of its GIC and its timer, and the two private
 * interrupts we claim there: CNTV's and the GIC's maintenance interrupt.  HYP mode
 * answers both; the handlers here are for strays.  Probing sleeps; enabling and
 * disabling happen on each CPU with interrupts off.
 */
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/irq.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/of_irq.h>
#include <linux/percpu.h>
#include <linux/sizes.h>

#include "vmm_linux.h"

#include <arch.h>

/* #interrupt-cells of the GIC's binding: type (1 is a PPI), number, flags. */
#define GIC_CELLS     3
#define GIC_CELL_PPI  1
#define GIC_FIRST_PPI 16
#define TIMER_VIRT    2 /* the timer node's third interrupt is CNTV's */

/* The GIC node's reg pairs. */
enum gic_reg { REG_GICD, REG_GICC, REG_GICH, REG_GICV, REG_COUNT };

struct ppi {
	const char *name;
	bool vtimer;
	unsigned int virq;
	bool claimed;
};

static struct ppi ppis[] = {
	{ .name = "vmm-vtimer", .vtimer = true },
	{ .name = "vmm-maintenance", .vtimer = false },
};
static DEFINE_PER_CPU(int, ppi_cookie);
static atomic_long_t spurious = ATOMIC_LONG_INIT(0);
static void __iomem *gicd_map, *gich_map;

static const struct of_device_id gicv2_ids[] = { { .compatible = "arm,cortex-a15-gic" },
	{ .compatible = "arm,cortex-a7-gic" }, { .compatible = "arm,gic-400" }, {} };

static const struct of_device_id timer_ids[] = { { .compatible = "arm,armv7-timer" },
	{ .compatible = "arm,armv8-timer" }, {} };

static bool
node_exists(const char *compatible)
{
	struct device_node *np = of_find_compatible_node(NULL, NULL, compatible);

	of_node_put(np);
	return np != NULL;
}

static struct device_node *
find_gic(void)
{
	struct device_node *np = of_find_matching_node(NULL, gicv2_ids);

	if (np != NULL)
		return np;
	if (node_exists("arm,gic-v3"))
		pr_err("this host has a GICv3; vmm needs a GICv2 with virtualization extensions "
		       "(QEMU: -M virt,gic-version=2)\n");
	else
		pr_err("no GICv2 with virtualization extensions in the device tree; vmm cannot run "
		       "on this board\n");
	return NULL;
}

/* Why there is no HYP mode, and what to do. */
static void
explain_no_hyp(struct device_node *gic, const struct resource *gicc)
{
	struct device_node *hypervisor = of_find_node_by_path("/hypervisor");

	if (hypervisor != NULL)
		pr_err("this host is itself the guest of a hypervisor and has no HYP mode; load "
		       "vmm on the real machine\n");
	else if (!hyp_stub_cpu_capable())
		pr_err("this processor shows no virtualization extensions; vmm needs a Cortex-A7, "
		       "A15, A17 or the like (QEMU: -M virt,virtualization=on)\n");
	else if (resource_size(gicc) < SZ_8K)
		pr_err("cannot see whether the kernel was started in HYP mode, because %pOF gives "
		       "GICC less than 8 KiB; boot with irqchip.gicv2_force_probe=1, or load with "
		       "force_hyp=1 where dmesg says 'All CPU(s) started in HYP mode'\n",
		    gic);
	else
		pr_err(
		    "the kernel was not started in HYP mode; the boot loader must enter it there "
		    "(dmesg says 'All CPU(s) started in HYP mode' when it does)\n");
	of_node_put(hypervisor);
}

/*
 * Linux keeps what it knows of HYP mode to itself.  But it runs the GIC with EOImode set if and
 * only if all CPUs were started in HYP mode - and GICC spans two pages in the device tree.
 */
static int
check_hyp_mode(struct device_node *gic, bool force)
{
	const char *objection = hyp_stub_objection();
	struct resource gicc;
	void __iomem *va;
	bool in_hyp;

	if (objection != NULL) {
		pr_err("%s\n", objection);
		return -ENODEV;
	}
	if (of_address_to_resource(gic, REG_GICC, &gicc) != 0) {
		pr_err("%pOF names no GICC; correct the device tree\n", gic);
		return -ENODEV;
	}
	if (force && hyp_stub_cpu_capable()) {
		pr_warn("force_hyp: believing that the kernel was started in HYP mode\n");
		return 0;
	}
	va = ioremap(gicc.start, SZ_4K);
	if (va == NULL)
		return -ENOMEM;
	in_hyp = hyp_stub_cpu_capable() && hyp_stub_kernel_in_hyp(va);
	iounmap(va);
	if (in_hyp)
		return 0;
	explain_no_hyp(gic, &gicc);
	return -ENODEV;
}

static int
probe_regs(struct device_node *gic, struct os_machine *m)
{
	static const u32 need[REG_COUNT] = { SZ_4K, SZ_4K, SZ_4K, SZ_8K };
	static const char *const names[REG_COUNT] = { "GICD", "GICC", "GICH", "GICV" };
	struct resource res[REG_COUNT];
	unsigned int i;

	for (i = 0; i < REG_COUNT; i++) {
		if (of_address_to_resource(gic, i, &res[i]) != 0) {
			pr_err("%pOF names no %s; if the chip has one, add it to the device tree\n",
			    gic, names[i]);
			return -ENODEV;
		}
		if (!IS_ALIGNED(res[i].start, SZ_4K) || resource_size(&res[i]) < need[i]) {
			pr_err("%s in %pOF is %pR, but must be 4 KiB aligned and at least %u KiB; "
			       "correct the device tree\n",
			    names[i], gic, &res[i], need[i] / SZ_1K);
			return -ENODEV;
		}
	}
	m->gicd = HPA(res[REG_GICD].start);
	m->gicc = HPA(res[REG_GICC].start);
	m->gich = HPA(res[REG_GICH].start);
	m->gicv = HPA(res[REG_GICV].start);
	return 0;
}

/* The INTID of a node's interrupt, which must be a PPI of this GIC; 0 if it is not. */
static u32
ppi_intid(struct device_node *np, int index, struct device_node *gic)
{
	struct of_phandle_args irq;
	u32 intid = 0;

	if (of_irq_parse_one(np, index, &irq) != 0)
		return 0;
	if (irq.np == gic && irq.args_count == GIC_CELLS && irq.args[0] == GIC_CELL_PPI)
		intid = GIC_FIRST_PPI + irq.args[1];
	of_node_put(irq.np);
	return intid;
}

static int
probe_maintenance(struct device_node *gic, struct os_machine *m)
{
	struct ppi *p = &ppis[1];

	m->maint_ppi = ppi_intid(gic, 0, gic);
	p->virq = m->maint_ppi != 0 ? irq_of_parse_and_map(gic, 0) : 0;
	if (p->virq == 0) {
		pr_err("%pOF names no maintenance interrupt; if the chip has one (commonly PPI 9), "
		       "add it to the device tree\n",
		    gic);
		return -ENODEV;
	}
	return 0;
}

static int
probe_timer(struct device_node *gic, struct os_machine *m)
{
	struct device_node *np = of_find_matching_node(NULL, timer_ids);
	struct ppi *p = &ppis[0];
	int index;

	if (np == NULL) {
		pr_err("no generic timer in the device tree; vmm cannot run on this board\n");
		return -ENODEV;
	}
	index = of_property_match_string(np, "interrupt-names", "virt");
	if (index < 0)
		index = TIMER_VIRT;
	m->vtimer_ppi = ppi_intid(np, index, gic);
	p->virq = m->vtimer_ppi != 0 ? irq_of_parse_and_map(np, index) : 0;
	if (p->virq == 0)
		pr_err("%pOF names no interrupt for the virtual timer (commonly PPI 11); correct "
		       "the device tree\n",
		    np);
	of_node_put(np);
	return p->virq == 0 ? -ENODEV : 0;
}

static int
map_regs(struct os_machine *m)
{
	gicd_map = ioremap(m->gicd.a, SZ_4K);
	gich_map = ioremap(m->gich.a, SZ_4K);
	m->gicd_va = (void __force *)gicd_map;
	m->gich_va = (void __force *)gich_map;
	if (gicd_map != NULL && gich_map != NULL)
		return 0;
	pr_err("no address space to map the GIC\n");
	vmm_irq_unmap();
	return -ENOMEM;
}

int
vmm_irq_probe(struct os_machine *m, bool force_hyp)
{
	struct device_node *gic = find_gic();
	int error;

	if (gic == NULL)
		return -ENODEV;
	error = check_hyp_mode(gic, force_hyp);
	if (error == 0)
		error = probe_regs(gic, m);
	if (error == 0)
		error = probe_maintenance(gic, m);
	if (error == 0)
		error = probe_timer(gic, m);
	if (error == 0)
		error = map_regs(m);
	of_node_put(gic);
	return error;
}

void
vmm_irq_unmap(void)
{
	if (gicd_map != NULL)
		iounmap(gicd_map);
	if (gich_map != NULL)
		iounmap(gich_map);
	gicd_map = gich_map = NULL;
}

/* HYP should have taken it: a stray between two guests, or one left over from before. */
static irqreturn_t
ppi_handler(int irq, void *cookie)
{
	atomic_long_inc(&spurious);
	arch_host_ppi((unsigned int)irq == ppis[0].virq);
	return IRQ_HANDLED;
}

int
vmm_irq_init(void)
{
	unsigned int i;
	int error;

	for (i = 0; i < NELEM(ppis); i++) {
		struct ppi *p = &ppis[i];

		error = request_percpu_irq(p->virq, ppi_handler, p->name, &ppi_cookie);
		if (error != 0) {
			pr_err("the %s interrupt is taken (error %d); /proc/interrupts says by "
			       "whom: unload that driver or hypervisor first, or boot without "
			       "KVM (kvm-arm.mode=none)\n",
			    p->vtimer ? "virtual timer's" : "GIC's maintenance", error);
			vmm_irq_fini();
			return error;
		}
		p->claimed = true;
	}
	return 0;
}

void
vmm_irq_fini(void)
{
	unsigned int i;

	for (i = 0; i < NELEM(ppis); i++) {
		if (ppis[i].claimed)
			free_percpu_irq(ppis[i].virq, &ppi_cookie);
		ppis[i].claimed = false;
	}
}

void
vmm_irq_cpu_up(void)
{
	unsigned int i;

	for (i = 0; i < NELEM(ppis); i++)
		enable_percpu_irq(ppis[i].virq, irq_get_trigger_type(ppis[i].virq));
}

void
vmm_irq_cpu_down(void)
{
	unsigned int i;

	for (i = 0; i < NELEM(ppis); i++)
		disable_percpu_irq(ppis[i].virq);
}

unsigned long
vmm_irq_spurious(void)
{
	return (unsigned long)atomic_long_read(&spurious);
}
