/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the host's device tree says of its GIC and its timer, and the two private interrupts we
 * claim there: CNTV's and the GIC's maintenance interrupt.  HYP mode answers both; the
 * handlers here are for strays.  FreeBSD's GIC driver takes GICD and GICC and leaves the rest of
 * its resources alone; FreeBSD on ARMv7 runs from the physical timer and leaves the virtual one.
 *
 * INTRNG sets a private interrupt up on the CPU that asks for it, and on those that start later:
 * we come after all of them, so each enables its own, in its bank of the distributor.  Probing
 * sleeps; enabling and disabling happen on each CPU with interrupts off.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/bus.h>
#include <sys/intr.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/rman.h>
#include <machine/bus.h>
#include <machine/resource.h>
#include <vm/vm.h>
#include <vm/pmap.h>
#include <dev/ofw/ofw_bus.h>
#include <dev/ofw/ofw_bus_subr.h>
#include <dev/ofw/openfirm.h>

#include "vmm_freebsd.h"

#include <arch.h>

/* #interrupt-cells of the GIC's binding: type (1 is a PPI), number, flags. */
#define GIC_CELLS     3
#define GIC_CELL_PPI  1
#define GIC_FIRST_PPI 16
#define TIMER_VIRT    2 /* the timer node's third interrupt is CNTV's */

#define REG_SIZE     0x1000u
#define GICV_SIZE    0x2000u
#define ALIGNED(reg) (((reg).start & (REG_SIZE - 1)) == 0)

/* GICD_ISENABLER0, GICD_ICENABLER0: a bit for each private interrupt, banked by CPU. */
#define GICD_ISENABLER0 0x100
#define GICD_ICENABLER0 0x180

/* The GIC node's reg pairs, which are the resource ids of the driver's device. */
enum gic_reg { REG_GICD, REG_GICC, REG_GICH, REG_GICV, REG_COUNT };

struct reg {
	rman_res_t start, size;
};

/* Resource ids of our own at the GIC's device, beyond those of its node. */
#define RID_FIRST 0x76

struct ppi {
	const char *name;
	bool vtimer;
	phandle_t parent; /* of the node's interrupt, as it is there */
	int ncells;
	pcell_t *cells;
	uint32_t intid;
	u_int irq; /* INTRNG's number for our use of it */
	bool mapped;
	struct resource *res;
	void *cookie;
};

static struct ppi ppis[] = {
	{ .name = "virtual timer", .vtimer = true },
	{ .name = "GIC maintenance", .vtimer = false },
};
static device_t gic;
static struct resource *gich_res, *gicv_res;
static void *gicd_map;
static u_long spurious; /* [a] */

static device_t
unit0(const char *class)
{
	devclass_t dc = devclass_find(class);

	return dc != NULL ? devclass_get_device(dc, 0) : NULL;
}

/* ---- what there is ---- */

static int
check_hyp_mode(void)
{
	if (OF_finddevice("/hypervisor") != -1)
		vmm_err("this host is itself the guest of a hypervisor and has no HYP mode; load "
			"vmm on the real machine");
	else if (!hyp_stub_cpu_capable())
		vmm_err("this processor shows no virtualization extensions; vmm needs a "
			"Cortex-A7, A15, A17 or the like (QEMU: -M virt,virtualization=on)");
	else if (!hyp_stub_kernel_in_hyp())
		vmm_err("the kernel was not started in HYP mode; the boot loader must enter it "
			"there (U-Boot does where its board's configuration has ARMV7_NONSEC)");
	else
		return 0;
	return ENODEV;
}

static int
find_gic(void)
{
	static const char *const ids[] = { "arm,cortex-a15-gic", "arm,cortex-a7-gic",
		"arm,gic-400" };
	u_int i;

	gic = unit0("gic");
	for (i = 0; gic != NULL && i < nitems(ids); i++)
		if (ofw_bus_node_is_compatible(ofw_bus_get_node(gic), ids[i]))
			return 0;
	if (gic == NULL)
		vmm_err("no GICv2; vmm needs one with virtualization extensions (QEMU: -M "
			"virt,gic-version=2)");
	else
		vmm_err("this GIC has no virtualization extensions; vmm cannot run on this board");
	return ENODEV;
}

static int
probe_regs(struct os_machine *m)
{
	static const u_int need[REG_COUNT] = { REG_SIZE, REG_SIZE, REG_SIZE, GICV_SIZE };
	static const char *const names[REG_COUNT] = { "GICD", "GICC", "GICH", "GICV" };
	struct reg reg[REG_COUNT];
	int i;

	for (i = 0; i < REG_COUNT; i++) {
		if (bus_get_resource(gic, SYS_RES_MEMORY, i, &reg[i].start, &reg[i].size) != 0) {
			vmm_err("%s's node names no %s; if the chip has one, add it to the device "
				"tree",
			    device_get_nameunit(gic), names[i]);
			return ENODEV;
		}
		if (!ALIGNED(reg[i]) || reg[i].size < need[i]) {
			vmm_err("%s in %s's node is %#jx+%#jx, but must be 4 KiB aligned and at "
				"least %u KiB; correct the device tree",
			    names[i], device_get_nameunit(gic), (uintmax_t)reg[i].start,
			    (uintmax_t)reg[i].size, need[i] / 1024);
			return ENODEV;
		}
	}
	m->gicd = HPA(reg[REG_GICD].start);
	m->gicc = HPA(reg[REG_GICC].start);
	m->gich = HPA(reg[REG_GICH].start);
	m->gicv = HPA(reg[REG_GICV].start);
	return 0;
}

/* Which interrupt of dev's node it is; it must be a private one of this GIC. */
static int
probe_ppi(struct ppi *p, device_t dev, int index)
{
	phandle_t gic_ref = OF_xref_from_node(ofw_bus_get_node(gic));
	int error;

	error = ofw_bus_intr_by_rid(
	    dev, ofw_bus_get_node(dev), index, &p->parent, &p->ncells, &p->cells);
	if (error == 0 && p->parent == gic_ref && p->ncells == GIC_CELLS &&
	    p->cells[0] == GIC_CELL_PPI) {
		p->intid = GIC_FIRST_PPI + p->cells[1];
		return 0;
	}
	vmm_err("%s's node names no %s interrupt (commonly PPI %d); add it to the device tree if "
		"the chip has one",
	    device_get_nameunit(dev), p->name, p->vtimer ? 11 : 9);
	return ENODEV;
}

static int
probe_timer(struct ppi *p)
{
	device_t timer = unit0("generic_timer");
	int index = TIMER_VIRT;

	if (timer == NULL) {
		vmm_err("no generic timer; vmm cannot run on this board");
		return ENODEV;
	}
	if (ofw_bus_find_string_index(ofw_bus_get_node(timer), "interrupt-names", "virt", &index) !=
	    0)
		index = TIMER_VIRT;
	return probe_ppi(p, timer, index);
}

static struct resource *
take_regs(int rid)
{
	struct resource *res = bus_alloc_resource_any(gic, SYS_RES_MEMORY, &rid, RF_ACTIVE);

	if (res == NULL)
		vmm_err("the GIC's virtual interface is taken (devinfo -r says by whom): unload "
			"that driver or hypervisor first");
	return res;
}

static int
map_regs(struct os_machine *m)
{
	gich_res = take_regs(REG_GICH);
	if (gich_res == NULL)
		return EBUSY;
	gicv_res = take_regs(REG_GICV);
	if (gicv_res == NULL)
		return EBUSY;
	gicd_map = pmap_mapdev((vm_paddr_t)m->gicd.a, REG_SIZE);
	m->gicd_va = gicd_map;
	m->gich_va = rman_get_virtual(gich_res);
	return 0;
}

int
vmm_irq_probe(struct os_machine *m)
{
	int error;

	error = check_hyp_mode();
	if (error == 0)
		error = find_gic();
	if (error == 0)
		error = probe_regs(m);
	if (error == 0)
		error = probe_timer(&ppis[0]);
	if (error == 0)
		error = probe_ppi(&ppis[1], gic, 0);
	if (error == 0)
		error = map_regs(m);
	if (error != 0)
		vmm_irq_unmap();
	m->vtimer_ppi = ppis[0].intid;
	m->maint_ppi = ppis[1].intid;
	return error;
}

static void
give_regs(struct resource **res, int rid)
{
	if (*res != NULL)
		bus_release_resource(gic, SYS_RES_MEMORY, rid, *res);
	*res = NULL;
}

void
vmm_irq_unmap(void)
{
	u_int i;

	if (gicd_map != NULL)
		pmap_unmapdev((vm_offset_t)gicd_map, REG_SIZE);
	gicd_map = NULL;
	give_regs(&gich_res, REG_GICH);
	give_regs(&gicv_res, REG_GICV);
	for (i = 0; i < nitems(ppis); i++) {
		free(ppis[i].cells, M_OFWPROP);
		ppis[i].cells = NULL;
	}
}

/* ---- the interrupts ---- */

/* HYP should have taken it: a stray between two guests, or one left over from before. */
static int
ppi_filter(void *arg)
{
	const struct ppi *p = arg;

	atomic_add_long(&spurious, 1);
	arch_host_ppi(p->vtimer);
	return FILTER_HANDLED;
}

static uint32_t
ppi_bits(void)
{
	return 1u << ppis[0].intid | 1u << ppis[1].intid;
}

static void
gicd_write(u_int reg, uint32_t val)
{
	*(volatile uint32_t *)((char *)gicd_map + reg) = val;
}

/*
 * The timer's driver has its own hold on the interrupt without a handler: INTRNG gives each who
 * maps it a number of its own, of which there are not many.
 */
static int
ppi_claim(struct ppi *p, int rid)
{
	int error;

	p->irq = ofw_bus_map_intr(gic, p->parent, p->ncells, p->cells);
	p->mapped = true;
	p->res = bus_alloc_resource(gic, SYS_RES_IRQ, &rid, p->irq, p->irq, 1, RF_ACTIVE);
	if (p->res == NULL)
		return ENXIO;
	error = bus_setup_intr(
	    gic, p->res, INTR_TYPE_MISC | INTR_MPSAFE, ppi_filter, NULL, p, &p->cookie);
	if (error == 0)
		bus_describe_intr(gic, p->res, p->cookie, "vmm %s", p->vtimer ? "vtimer" : "gich");
	return error;
}

static void
ppi_give(struct ppi *p, int rid)
{
	if (p->cookie != NULL)
		bus_teardown_intr(gic, p->res, p->cookie);
	if (p->res != NULL)
		bus_release_resource(gic, SYS_RES_IRQ, rid, p->res);
	if (p->mapped)
		intr_unmap_irq(p->irq);
	p->cookie = NULL;
	p->res = NULL;
	p->mapped = false;
}

/* The setup has enabled it on this CPU. */
int
vmm_irq_init(void)
{
	u_int i;
	int error;

	for (i = 0; i < nitems(ppis); i++) {
		error = ppi_claim(&ppis[i], RID_FIRST + (int)i);
		if (error != 0) {
			vmm_err("the %s interrupt cannot be had (error %d); vmstat -ia says who "
				"has it: unload that driver or hypervisor first",
			    ppis[i].name, error);
			vmm_irq_fini();
			return error;
		}
	}
	return 0;
}

void
vmm_irq_fini(void)
{
	u_int i;

	for (i = 0; i < nitems(ppis); i++)
		ppi_give(&ppis[i], RID_FIRST + (int)i);
}

void
vmm_irq_cpu_up(void)
{
	gicd_write(GICD_ISENABLER0, ppi_bits());
}

void
vmm_irq_cpu_down(void)
{
	gicd_write(GICD_ICENABLER0, ppi_bits());
}

u_long
vmm_irq_spurious(void)
{
	return atomic_load_long(&spurious);
}
