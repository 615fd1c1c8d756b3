/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Device trees: the one of our machine, generated from <vmm/machine.h>, or the user's
 * own, with overlays.  Only what is emulated is in the tree: a guest probes what it
 * finds.  The generated tree carries __symbols__, so that overlays can name its nodes.
 */
#include <stdio.h>
#include <string.h>

#include <libfdt.h>

#include "boot.h"
#include "fdt_write.h"

#define APB_CLOCK_HZ 24000000u

/* PSCI 0.1 had no fixed numbers, so that old kernels read them here (bindings/arm/psci). */
static const struct {
	const char *name;
	uint32_t id, id64;
} psci_ids[] = {
	{ "cpu_suspend", 0x84000001u, 0xc4000001u },
	{ "cpu_off", 0x84000002u, 0x84000002u },
	{ "cpu_on", 0x84000003u, 0xc4000003u },
	{ "migrate", 0x84000005u, 0xc4000005u },
};

/* ID_MIDR[15:4], Primary part number, of implementer 0x41. */
static const struct {
	uint32_t part;
	const char *compatible;
} cpu_parts[] = {
	{ 0xc07, "arm,cortex-a7" },
	{ 0xc0f, "arm,cortex-a15" },
	{ 0xc0d, "arm,cortex-a12" },
	{ 0xc0e, "arm,cortex-a17" },
	{ 0xd03, "arm,cortex-a53" },
	{ 0xd05, "arm,cortex-a55" },
	{ 0xd07, "arm,cortex-a57" },
	{ 0xd08, "arm,cortex-a72" },
	{ 0xd09, "arm,cortex-a73" },
	{ 0xd0a, "arm,cortex-a75" },
	{ 0xd0b, "arm,cortex-a76" },
	{ 0xd0c, "arm,neoverse-n1" },
};

static const char *
cpu_compatible(const struct boot_machine *m)
{
	uint32_t midr = m->midr;

	if (midr >> 24 == 0x41) {
		for (size_t i = 0; i < sizeof(cpu_parts) / sizeof(cpu_parts[0]); i++) {
			if (cpu_parts[i].part == (midr >> 4 & 0xfff))
				return cpu_parts[i].compatible;
		}
	}
	return m->is64 ? "arm,armv8" : "arm,cortex-a15";
}

static void
write_cpus(struct writer *w, const struct boot_machine *m)
{
	w_begin(w, "cpus");
	W_CELLS(w, "#address-cells", 1);
	W_CELLS(w, "#size-cells", 0);
	W_CELLS(w, "phandle", PHANDLE_CPUS);
	for (uint32_t i = 0; i < m->vcpus; i++) {
		uint32_t aff = m->mpidr[i] & 0xffffff;

		w_begin_at(w, "cpu", aff);
		w_string(w, "device_type", "cpu");
		w_string(w, "compatible", cpu_compatible(m));
		w_string(w, "enable-method", "psci");
		W_CELLS(w, "reg", aff);
		w_end(w);
	}
	w_end(w);
}

static void
write_psci(struct writer *w, const struct boot_machine *m)
{
	w_begin(w, "psci");
	W_STRINGS(w, "compatible", "arm,psci-1.0\0arm,psci-0.2\0arm,psci");
	w_string(w, "method", "hvc");
	W_CELLS(w, "phandle", PHANDLE_PSCI);
	for (size_t i = 0; i < sizeof(psci_ids) / sizeof(psci_ids[0]); i++)
		W_CELLS(w, psci_ids[i].name, m->is64 ? psci_ids[i].id64 : psci_ids[i].id);
	w_end(w);
}

static void
write_gic(struct writer *w, const struct boot_machine *m)
{
	w_begin_at(w, "intc", MACHINE_GICD_BASE);
	w_string(w, "compatible", "arm,cortex-a15-gic");
	w_empty(w, "interrupt-controller");
	W_CELLS(w, "#interrupt-cells", 3);
	if (!m->pci)
		W_CELLS(w, "#address-cells", 0);
	W_CELLS(w, "reg", HI(MACHINE_GICD_BASE), LO(MACHINE_GICD_BASE), HI(MACHINE_GICD_SIZE),
	    LO(MACHINE_GICD_SIZE), HI(MACHINE_GICC_BASE), LO(MACHINE_GICC_BASE),
	    HI(MACHINE_GICC_SIZE), LO(MACHINE_GICC_SIZE));
	W_CELLS(w, "phandle", PHANDLE_GIC);
	if (m->pci)
		fdt_write_v2m(w);
	w_end(w);
}

/* PPIs count from INTID 16; bits 15:8 of the flags are the CPUs that have them. */
static void
write_timer(struct writer *w, const struct boot_machine *m)
{
	uint32_t flags = IRQ_LEVEL_HIGH | ((1u << m->vcpus) - 1) << 8;

	w_begin(w, "timer");
	if (m->is64)
		W_STRINGS(w, "compatible", "arm,armv8-timer\0arm,armv7-timer");
	else
		w_string(w, "compatible", "arm,armv7-timer");
	w_empty(w, "always-on");
	W_CELLS(w, "interrupts", GIC_PPI, MACHINE_PPI_SEC_PHYS - 16, flags, GIC_PPI,
	    MACHINE_PPI_PHYS - 16, flags, GIC_PPI, MACHINE_PPI_VIRT - 16, flags, GIC_PPI,
	    MACHINE_PPI_HYP - 16, flags);
	w_end(w);
}

static void
write_clock(struct writer *w)
{
	w_begin(w, "apb-pclk");
	w_string(w, "compatible", "fixed-clock");
	W_CELLS(w, "#clock-cells", 0);
	W_CELLS(w, "clock-frequency", APB_CLOCK_HZ);
	w_string(w, "clock-output-names", "clk24mhz");
	W_CELLS(w, "phandle", PHANDLE_CLOCK);
	w_end(w);
}

static void
write_pl011(struct writer *w)
{
	w_begin_at(w, "pl011", MACHINE_PL011_BASE);
	W_STRINGS(w, "compatible", "arm,pl011\0arm,primecell");
	w_place(w, MACHINE_PL011_BASE, MACHINE_PL011_SIZE, MACHINE_PL011_SPI);
	W_CELLS(w, "clocks", PHANDLE_CLOCK, PHANDLE_CLOCK);
	W_STRINGS(w, "clock-names", "uartclk\0apb_pclk");
	W_CELLS(w, "phandle", PHANDLE_UART);
	w_end(w);
}

static void
write_pl031(struct writer *w)
{
	w_begin_at(w, "pl031", MACHINE_PL031_BASE);
	W_STRINGS(w, "compatible", "arm,pl031\0arm,primecell");
	w_place(w, MACHINE_PL031_BASE, MACHINE_PL031_SIZE, MACHINE_PL031_SPI);
	W_CELLS(w, "clocks", PHANDLE_CLOCK);
	w_string(w, "clock-names", "apb_pclk");
	W_CELLS(w, "phandle", PHANDLE_RTC);
	w_end(w);
}

#define POWER_PIN 3u   /* dev/pl061.c's */
#define KEY_POWER 116u /* bindings: linux,code is a number of Linux's input-event-codes.h */

static void
write_pl061(struct writer *w)
{
	w_begin_at(w, "pl061", MACHINE_PL061_BASE);
	W_STRINGS(w, "compatible", "arm,pl061\0arm,primecell");
	w_place(w, MACHINE_PL061_BASE, MACHINE_PL061_SIZE, MACHINE_PL061_SPI);
	W_CELLS(w, "#gpio-cells", 2);
	w_empty(w, "gpio-controller");
	W_CELLS(w, "clocks", PHANDLE_CLOCK);
	w_string(w, "clock-names", "apb_pclk");
	W_CELLS(w, "phandle", PHANDLE_GPIO);
	w_end(w);
}

/* The power button: bhyve presses it when it is asked to end. */
static void
write_keys(struct writer *w)
{
	w_begin(w, "gpio-keys");
	w_string(w, "compatible", "gpio-keys");
	w_begin(w, "poweroff");
	w_string(w, "label", "GPIO Key Poweroff");
	W_CELLS(w, "linux,code", KEY_POWER);
	W_CELLS(w, "gpios", PHANDLE_GPIO, POWER_PIN, 0 /* active high */);
	w_end(w);
	w_end(w);
}

static void
write_memory(struct writer *w, const struct boot_machine *m)
{
	w_begin_at(w, "memory", MACHINE_RAM_BASE);
	w_string(w, "device_type", "memory");
	W_CELLS(
	    w, "reg", HI(MACHINE_RAM_BASE), LO(MACHINE_RAM_BASE), HI(m->ram_size), LO(m->ram_size));
	w_end(w);
}

static void
write_name(struct writer *w, const char *label, const char *node, uint64_t unit)
{
	char path[48];

	snprintf(path, sizeof(path), "/%s@%llx", node, (unsigned long long)unit);
	w_string(w, label, path);
}

static void
write_chosen_and_names(struct writer *w, const struct boot_machine *m)
{
	w_begin(w, "aliases");
	write_name(w, "serial0", "pl011", MACHINE_PL011_BASE);
	w_end(w);
	w_begin(w, "chosen");
	write_name(w, "stdout-path", "pl011", MACHINE_PL011_BASE);
	w_end(w);
	w_begin(w, "__symbols__");
	write_name(w, "gic", "intc", MACHINE_GICD_BASE);
	write_name(w, "uart0", "pl011", MACHINE_PL011_BASE);
	write_name(w, "rtc", "pl031", MACHINE_PL031_BASE);
	write_name(w, "gpio0", "pl061", MACHINE_PL061_BASE);
	w_string(w, "apb_pclk", "/apb-pclk");
	w_string(w, "cpus", "/cpus");
	w_string(w, "psci", "/psci");
	if (m->pci)
		fdt_write_pci_names(w);
	w_end(w);
}

int
boot_fdt_generate(void *buf, uint32_t cap, const struct boot_machine *m, struct boot_error *e)
{
	struct writer w = { .buf = buf };

	w_check(&w, fdt_create(buf, (int)cap));
	w_check(&w, fdt_finish_reservemap(buf));
	w_begin(&w, "");
	w_string(&w, "compatible", "linux,dummy-virt");
	w_string(&w, "model", "linux,dummy-virt");
	W_CELLS(&w, "#address-cells", 2);
	W_CELLS(&w, "#size-cells", 2);
	W_CELLS(&w, "interrupt-parent", PHANDLE_GIC);
	write_psci(&w, m);
	write_memory(&w, m);
	write_cpus(&w, m);
	write_timer(&w, m);
	write_gic(&w, m);
	write_clock(&w);
	write_pl011(&w);
	write_pl031(&w);
	write_pl061(&w);
	write_keys(&w);
	if (m->flash)
		fdt_write_flash(&w);
	if (m->fw_cfg)
		fdt_write_fw_cfg(&w);
	fdt_write_virtio_mmio(&w, m->virtio_mmio);
	if (m->pci)
		fdt_write_pcie(&w);
	write_chosen_and_names(&w, m);
	w_end(&w);
	w_check(&w, fdt_finish(buf));
	w_check(&w, fdt_open_into(buf, buf, (int)cap));
	if (w.error != 0)
		return boot_fail(e, "cannot make the device tree: %s", fdt_strerror(w.error));
	return 0;
}

/* ---- the user's tree ---- */

/* libfdt's errors as far as files cause them. */
static const char *
fdt_words(int error)
{
	switch (-error) {
	case FDT_ERR_TRUNCATED:
		return "it is truncated";
	case FDT_ERR_BADVERSION:
		return "its version is not 16 or 17";
	case FDT_ERR_BADSTRUCTURE:
	case FDT_ERR_BADLAYOUT:
		return "its structure is damaged";
	case FDT_ERR_BADNCELLS:
		return "its root's #address-cells and #size-cells must be 1 or 2";
	case FDT_ERR_NOSPACE:
		return "it is too large";
	case FDT_ERR_NOTFOUND:
		return "it names a label or node that is not there (dtc -@ keeps labels)";
	case FDT_ERR_BADOVERLAY:
		return "it is not an overlay (compile one with /plugin/ and dtc -@)";
	default:
		return fdt_strerror(error);
	}
}

/* Reads a blob and checks it as a whole, so that libfdt's other calls may trust it. */
static int
read_blob(void *buf, uint32_t cap, const char *name, struct boot_error *e)
{
	struct boot_file f;
	int error;

	if (boot_file_open(&f, name, e) != 0)
		return -1;
	if (f.size < sizeof(struct fdt_header) || f.size > cap)
		error = boot_fail(
		    e, "%s: %llu bytes cannot be a device tree", name, (unsigned long long)f.size);
	else
		error = boot_file_read(&f, 0, buf, f.size, e);
	if (error == 0 && fdt_magic(buf) != FDT_MAGIC)
		error = boot_fail(e, "%s: not a device tree blob (compile sources with dtc)", name);
	if (error == 0 && (error = boot_fdt_check(buf, (size_t)f.size)) != 0)
		error = boot_fail(e, "%s: a broken device tree: %s", name, fdt_words(error));
	boot_file_close(&f);
	return error;
}

static bool
cells_fit(const void *buf)
{
	int ac = fdt_address_cells(buf, 0), sc = fdt_size_cells(buf, 0);

	return ac >= 1 && ac <= 2 && sc >= 1 && sc <= 2;
}

int
boot_fdt_read(void *buf, uint32_t cap, const char *file, struct boot_error *e)
{
	int error;

	if (read_blob(buf, cap < BOOT_MAX_DTB ? cap : BOOT_MAX_DTB, file, e) != 0)
		return -1;
	error = fdt_open_into(buf, buf, (int)cap);
	if (error == 0 && !cells_fit(buf))
		error = -FDT_ERR_BADNCELLS;
	if (error != 0)
		return boot_fail(e, "%s: a broken device tree: %s", file, fdt_words(error));
	return 0;
}

int
boot_fdt_overlay(void *buf, const char *file, struct boot_error *e)
{
	static _Alignas(8) uint8_t overlay[256 << 10];
	int error;

	if (read_blob(overlay, sizeof(overlay), file, e) != 0)
		return -1;
	error = fdt_overlay_apply(buf, overlay);
	if (error != 0)
		return boot_fail(e, "%s: this overlay does not go on the device tree: %s", file,
		    fdt_words(error));
	return 0;
}

static int
get_or_add(void *buf, const char *name)
{
	int node = fdt_subnode_offset(buf, 0, name);

	return node == -FDT_ERR_NOTFOUND ? fdt_add_subnode(buf, 0, name) : node;
}

/* A value of 1 or 2 cells, as the root says.  Returns the bytes written. */
static int
put_cells(uint8_t *p, int cells, uint64_t val)
{
	if (cells == 2)
		fdt64_st(p, val);
	else
		fdt32_st(p, (uint32_t)val);
	return cells * 4;
}

/* Deleting is slow, and no sane tree has as many. */
#define MAX_MEMORY_NODES 64

static int
memory_node(const void *buf)
{
	static const char memory[] = "memory";

	return fdt_node_offset_by_prop_value(buf, 0, "device_type", memory, sizeof(memory));
}

/* Exactly one memory node, and it says what there is. */
static int
set_memory(void *buf, const struct boot_machine *m)
{
	int ac = fdt_address_cells(buf, 0), sc = fdt_size_cells(buf, 0), error, len, node;
	uint8_t reg[16];
	char name[32];

	if (!cells_fit(buf))
		return -FDT_ERR_BADNCELLS;
	for (int i = 0; (node = memory_node(buf)) >= 0; i++) {
		error = i < MAX_MEMORY_NODES ? fdt_del_node(buf, node) : -FDT_ERR_BADSTRUCTURE;
		if (error != 0)
			return error;
	}
	snprintf(name, sizeof(name), "memory@%llx", (unsigned long long)MACHINE_RAM_BASE);
	node = get_or_add(buf, name);
	if (node < 0)
		return node;
	len = put_cells(reg, ac, MACHINE_RAM_BASE);
	len += put_cells(reg + len, sc, m->ram_size);
	error = fdt_setprop(buf, node, "reg", reg, len);
	return error != 0 ? error : fdt_setprop_string(buf, node, "device_type", "memory");
}

static int
set_chosen(void *buf, const char *cmdline, uint64_t initrd, uint64_t initrd_size)
{
	int error = 0, node = get_or_add(buf, "chosen");

	if (node < 0)
		return node;
	if (cmdline != NULL)
		error = fdt_setprop(buf, node, "bootargs", cmdline, (int)strlen(cmdline) + 1);
	if (error == 0 && initrd_size != 0)
		error = fdt_setprop_u64(buf, node, "linux,initrd-start", initrd);
	if (error == 0 && initrd_size != 0)
		error = fdt_setprop_u64(buf, node, "linux,initrd-end", initrd + initrd_size);
	return error;
}

int
boot_fdt_finish(void *buf, const struct boot_machine *m, const char *cmdline, uint64_t initrd,
    uint64_t initrd_size, struct boot_error *e)
{
	int error;

	error = set_memory(buf, m);
	if (error == 0)
		error = set_chosen(buf, cmdline, initrd, initrd_size);
	if (error == 0)
		error = fdt_pack(buf);
	if (error != 0)
		return boot_fail(e, "cannot complete the device tree: %s", fdt_words(error));
	return 0;
}
