/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Loading as a whole: plan the kernel, make the device tree, find places, read everything
 * into guest memory, and say how the first vCPU starts.
 */
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include "boot.h"
#include "freebsd.h"

/* Room for what overlays and the command line add. */
#define DTB_CAPACITY (BOOT_MAX_DTB + 0x10000u)

struct loading {
	struct boot_file kernel, initrd;
	struct boot_kernel plan;
	struct boot_places places;
	struct freebsd_places bsd_places;
	struct freebsd_args bsd_args;
	void *fdt;
};

static void
loading_end(struct loading *l)
{
	boot_file_close(&l->kernel);
	boot_file_close(&l->initrd);
	free(l->fdt);
}

static int
open_files(const struct boot_config *c, struct loading *l, struct boot_error *e)
{
	if (boot_file_open(&l->kernel, c->kernel, e) != 0)
		return -1;
	if (c->initrd != NULL) {
		if (boot_file_open(&l->initrd, c->initrd, e) != 0)
			return -1;
		if (l->initrd.size == 0)
			return boot_fail(e, "%s: the file is empty", c->initrd);
	}
	l->kernel.progress = l->initrd.progress = c->progress;
	return 0;
}

static int
make_fdt(const struct boot_config *c, const struct boot_machine *machine, struct loading *l,
    struct boot_error *e)
{
	int error;

	l->fdt = malloc(DTB_CAPACITY);
	if (l->fdt == NULL)
		return boot_fail(e, "no memory left for the device tree");
	if (c->dtb != NULL)
		error = boot_fdt_read(l->fdt, DTB_CAPACITY, c->dtb, e);
	else
		error = boot_fdt_generate(l->fdt, DTB_CAPACITY, machine, e);
	for (unsigned int i = 0; i < c->noverlays && error == 0; i++)
		error = boot_fdt_overlay(l->fdt, c->overlays[i], e);
	return error;
}

/* An upper bound of the finished tree: the places are needed before it is finished. */
static uint64_t
fdt_room(const struct loading *l, const struct boot_config *c)
{
	return (uint64_t)fdt_off_dt_strings(l->fdt) + fdt_size_dt_strings(l->fdt) +
	    (c->cmdline != NULL ? strlen(c->cmdline) : 0) + 1024;
}

static int
plan_places(const struct boot_config *c, uint64_t ram_gpa, uint64_t ram_size, struct loading *l,
    struct boot_error *e)
{
	if (boot_place(
		&l->plan, ram_gpa, ram_size, fdt_room(l, c), l->initrd.size, &l->places, e) == 0)
		return 0;
	if (c->initrd == NULL)
		return -1;
	return boot_fail(e,
	    "%s: its %llu KiB, the kernel and the device tree do not fit into %llu MiB of guest "
	    "memory: see -m",
	    c->initrd, (unsigned long long)(l->initrd.size >> 10),
	    (unsigned long long)(ram_size >> 20));
}

static int
plan_freebsd(const struct boot_config *c, uint64_t ram_gpa, uint64_t ram_size, struct loading *l,
    struct boot_error *e)
{
	if (freebsd_args_make(c, &l->bsd_args, e) != 0 ||
	    freebsd_place(&l->plan, ram_gpa, ram_size, fdt_room(l, c), l->initrd.size,
		&l->bsd_places, e) != 0)
		return -1;
	l->places.dtb = l->bsd_places.dtb;
	return 0;
}

static int
check_width(const struct boot_config *c, struct loading *l, struct boot_error *e)
{
	if (l->plan.format == BOOT_RAW)
		l->plan.is64 = c->is64;
	if (l->plan.is64 == c->is64)
		return 0;
	return boot_fail(e, "%s: %s", c->kernel,
	    c->is64 ? "for 32-bit ARM: guests of this host are arm64 (AArch64)" :
		      "for arm64 (AArch64): guests of this host are 32-bit ARM, take an armhf "
		      "kernel's zImage");
}

/* What can be wrong without a VM; the places are for a tree as it is before it is finished. */
static int
plan_all(const struct boot_config *c, const struct boot_machine *machine, uint64_t ram_gpa,
    struct loading *l, struct boot_error *e)
{
	uint64_t ram_size = machine->ram_size;

	if (open_files(c, l, e) != 0 ||
	    boot_kernel_plan(&l->kernel, ram_gpa, ram_size, c->raw_gpa, &l->plan, e) != 0)
		return -1;
	if (check_width(c, l, e) != 0)
		return -1;
	if (l->plan.format == BOOT_ZIMAGE && c->cmdline != NULL &&
	    strlen(c->cmdline) > BOOT_CMDLINE_LINUX)
		return boot_fail(e,
		    "the kernel's command line has %zu characters: Linux on ARM keeps %u",
		    strlen(c->cmdline), BOOT_CMDLINE_LINUX);
	if (c->nenv != 0 && l->plan.format != BOOT_FREEBSD)
		return boot_fail(e,
		    "%s: is no ELF file of FreeBSD's kernel, and no other takes an environment "
		    "(bhyveload -e, bhyve -o kenv.NAME)",
		    c->kernel);
	if (make_fdt(c, machine, l, e) != 0)
		return -1;
	if (l->plan.format == BOOT_FREEBSD)
		return plan_freebsd(c, ram_gpa, ram_size, l, e);
	return plan_places(c, ram_gpa, ram_size, l, e);
}

static int
load_initrd(
    const struct boot_config *c, const struct boot_mem *m, struct loading *l, struct boot_error *e)
{
	void *va;

	if (c->initrd == NULL)
		return 0;
	va = boot_mem_at(m, l->places.initrd, l->initrd.size);
	if (va == NULL)
		return boot_fail(e, "%s: does not fit into guest memory: see -m", c->initrd);
	return boot_file_read(&l->initrd, 0, va, l->initrd.size, e);
}

static int
load_freebsd(const struct boot_config *c, const struct boot_mem *m, const struct loading *l,
    struct boot_error *e)
{
	const struct freebsd_load rest = {
		.kernel = &l->kernel,
		.image = &l->initrd,
		.plan = &l->plan,
		.places = &l->bsd_places,
		.args = &l->bsd_args,
		.cmdline = c->cmdline,
	};

	return freebsd_load_rest(&rest, m, e);
}

static int
load_all(const struct boot_config *c, const struct boot_machine *machine, const struct boot_mem *m,
    struct loading *l, struct boot_error *e)
{
	uint64_t room;
	void *va;

	if (plan_all(c, machine, m->gpa, l, e) != 0)
		return -1;
	room = fdt_room(l, c);
	/* places.initrd is 0 for FreeBSD, which finds its image by its own list. */
	if (boot_fdt_finish(l->fdt, machine, c->cmdline, l->places.initrd,
		l->places.initrd != 0 ? l->initrd.size : 0, e) != 0)
		return -1;
	va = boot_mem_at(m, l->places.dtb, fdt_totalsize(l->fdt));
	if (va == NULL || fdt_totalsize(l->fdt) > room)
		return boot_fail(e, "the device tree does not fit into guest memory: see -m");
	if (boot_kernel_load(&l->kernel, &l->plan, m, e) != 0)
		return -1;
	memcpy(va, l->fdt, fdt_totalsize(l->fdt));
	if (l->plan.format == BOOT_FREEBSD)
		return load_freebsd(c, m, l, e);
	return load_initrd(c, m, l, e);
}

/*
 * The device tree at the start of RAM, and the reset vector.  The command line is in it as well as
 * in fw_cfg, since some firmware looks here.
 */
static int
load_for_firmware(const struct boot_config *c, const struct boot_machine *machine,
    const struct boot_mem *m, struct boot_entry *entry, struct boot_error *e)
{
	struct loading l = { .kernel.fd = -1, .initrd.fd = -1 };
	int error = make_fdt(c, machine, &l, e);
	void *va;

	if (error == 0)
		error = boot_fdt_finish(l.fdt, machine, c->cmdline, 0, 0, e);
	if (error == 0) {
		va = boot_mem_at(m, m->gpa, fdt_totalsize(l.fdt));
		if (va != NULL)
			memcpy(va, l.fdt, fdt_totalsize(l.fdt));
		else
			error = boot_fail(
			    e, "the device tree does not fit into guest memory: see -m");
	}
	*entry = (struct boot_entry){ .is64 = c->is64, .pc = MACHINE_FLASH0_BASE };
	loading_end(&l);
	return error;
}

int
boot_load(const struct boot_config *c, const struct boot_machine *machine, const struct boot_mem *m,
    struct boot_entry *entry, struct boot_error *e)
{
	struct loading l = { .kernel.fd = -1, .initrd.fd = -1 };
	int error;

	if (c->firmware)
		return load_for_firmware(c, machine, m, entry, e);
	if (c->cmdline != NULL && strlen(c->cmdline) > BOOT_CMDLINE_MAX)
		return boot_fail(
		    e, "the kernel's command line is longer than %u characters", BOOT_CMDLINE_MAX);
	error = load_all(c, machine, m, &l, e);
	if (error == 0)
		*entry = (struct boot_entry){
			.is64 = l.plan.is64,
			.pc = l.plan.entry,
			.r0 = l.plan.format == BOOT_FREEBSD ?
			    freebsd_modulep(&l.plan, &l.bsd_places) :
			    0,
			.r1 = 0xffffffffu, /* no machine number: the device tree says it all */
			.r2 = l.places.dtb,
		};
	if (error == 0 && l.plan.is64) { /* booting.rst: the device tree, and nothing else */
		entry->r0 = l.places.dtb;
		entry->r1 = entry->r2 = 0;
	}
	loading_end(&l);
	return error;
}

int
boot_check(const struct boot_config *c, uint64_t ram_size, struct boot_error *e)
{
	struct loading l = { .kernel.fd = -1, .initrd.fd = -1 };
	struct boot_machine machine = {
		.is64 = c->is64,
		.vcpus = 1,
		.ram_size = ram_size,
		.virtio_mmio = c->virtio_mmio,
		.pci = c->pci,
		.flash = c->firmware,
		.fw_cfg = c->fw_cfg,
	};
	int error;

	if (c->firmware)
		error = make_fdt(c, &machine, &l, e);
	else
		error = plan_all(c, &machine, MACHINE_RAM_BASE, &l, e);
	loading_end(&l);
	return error;
}
