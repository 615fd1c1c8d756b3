/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The generated device tree, node by node, and through dtc's own checks; the user's trees and
 * overlays, also broken ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "boot.h"
#include "fake_file.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))
#define CAP	 65536u

static _Alignas(8) uint8_t tree[CAP];

static const struct boot_machine machine = {
	.vcpus = 4,
	.midr = 0x413fc0f4,
	.mpidr = { 0, 1, 2, 3 },
	.ram_size = 0x90000000ull,
};

static void
generate(void)
{
	struct boot_error e;

	assert_int_equal(boot_fdt_generate(tree, CAP, &machine, &e), 0);
}

/* With everything that the machine can have. */
static void
generate_all(void)
{
	struct boot_machine m = machine;
	struct boot_error e;

	m.pci = true;
	m.virtio_mmio = ~0u;
	assert_int_equal(boot_fdt_generate(tree, CAP, &m, &e), 0);
}

static const void *
prop(const char *path, const char *name, int *len)
{
	int node = fdt_path_offset(tree, path);
	const void *p;

	if (node < 0)
		fail_msg("no node %s", path);
	p = fdt_getprop(tree, node, name, len);
	if (p == NULL)
		fail_msg("no %s in %s", name, path);
	return p;
}

/* Strings are given with their inner NULs; cells as big-endian words. */
static void
check_bytes(const char *path, const char *name, const void *want, size_t len)
{
	int have;
	const void *p = prop(path, name, &have);

	assert_int_equal(have, len);
	assert_memory_equal(p, want, len);
}
#define CHECK_STRING(path, name, literal) check_bytes(path, name, literal, sizeof(literal))

static void
check_cells(const char *path, const char *name, const uint32_t *cells, size_t n)
{
	fdt32_t be[24];

	for (size_t i = 0; i < n; i++)
		be[i] = cpu_to_fdt32(cells[i]);
	check_bytes(path, name, be, n * 4);
}
#define CHECK_CELLS(path, name, ...)                               \
	check_cells(path, name, (const uint32_t[]){ __VA_ARGS__ }, \
	    sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

static void
test_nodes(void **state)
{
	int len;

	(void)state;
	generate();
	CHECK_STRING("/", "compatible", "linux,dummy-virt");
	CHECK_CELLS("/", "#address-cells", 2);
	CHECK_CELLS("/", "#size-cells", 2);
	CHECK_CELLS("/", "interrupt-parent", 1);
	CHECK_STRING("/psci", "compatible", "arm,psci-1.0\0arm,psci-0.2\0arm,psci");
	CHECK_STRING("/psci", "method", "hvc");
	CHECK_CELLS("/psci", "cpu_on", 0x84000003);
	CHECK_STRING("/memory@40000000", "device_type", "memory");
	CHECK_CELLS("/memory@40000000", "reg", 0, 0x40000000, 0, 0x90000000);
	CHECK_STRING("/cpus/cpu@0", "compatible", "arm,cortex-a15");
	for (char path[] = "/cpus/cpu@0"; path[10] < '4'; path[10]++) {
		CHECK_STRING(path, "device_type", "cpu");
		CHECK_STRING(path, "enable-method", "psci");
		CHECK_CELLS(path, "reg", (uint32_t)(path[10] - '0'));
	}
	assert_int_equal(fdt_path_offset(tree, "/cpus/cpu@4"), -FDT_ERR_NOTFOUND);
	CHECK_STRING("/intc@8000000", "compatible", "arm,cortex-a15-gic");
	CHECK_CELLS("/intc@8000000", "reg", 0, 0x08000000, 0, 0x10000, 0, 0x08010000, 0, 0x10000);
	CHECK_CELLS("/intc@8000000", "phandle", 1);
	CHECK_CELLS("/intc@8000000", "#interrupt-cells", 3);
	prop("/intc@8000000", "interrupt-controller", &len);
	assert_int_equal(len, 0);
	CHECK_STRING("/timer", "compatible", "arm,armv7-timer");
	CHECK_CELLS("/timer", "interrupts", 1, 13, 0xf04, 1, 14, 0xf04, 1, 11, 0xf04, 1, 10, 0xf04);
	prop("/timer", "always-on", &len);
	CHECK_CELLS("/apb-pclk", "clock-frequency", 24000000);
	CHECK_STRING("/pl011@9000000", "compatible", "arm,pl011\0arm,primecell");
	CHECK_CELLS("/pl011@9000000", "reg", 0, 0x09000000, 0, 0x1000);
	CHECK_CELLS("/pl011@9000000", "interrupts", 0, 1, 4);
	CHECK_STRING("/pl011@9000000", "clock-names", "uartclk\0apb_pclk");
	CHECK_CELLS("/pl011@9000000", "clocks", 2, 2);
	CHECK_STRING("/pl031@9010000", "compatible", "arm,pl031\0arm,primecell");
	CHECK_CELLS("/pl031@9010000", "reg", 0, 0x09010000, 0, 0x1000);
	CHECK_CELLS("/pl031@9010000", "interrupts", 0, 2, 4);
	CHECK_STRING("/pl061@9030000", "compatible", "arm,pl061\0arm,primecell");
	CHECK_CELLS("/pl061@9030000", "reg", 0, 0x09030000, 0, 0x1000);
	CHECK_CELLS("/pl061@9030000", "interrupts", 0, 7, 4);
	CHECK_CELLS("/pl061@9030000", "#gpio-cells", 2);
	prop("/pl061@9030000", "gpio-controller", &len);
	assert_int_equal(len, 0);
	CHECK_STRING("/gpio-keys", "compatible", "gpio-keys");
	CHECK_CELLS("/pl061@9030000", "phandle", 9);
	CHECK_CELLS("/gpio-keys/poweroff", "gpios", 9, 3, 0);
	CHECK_CELLS("/gpio-keys/poweroff", "linux,code", 116);
	CHECK_STRING("/chosen", "stdout-path", "/pl011@9000000");
	CHECK_STRING("/__symbols__", "uart0", "/pl011@9000000");
}

/* Nothing is in the tree that this program does not check: a guest probes what it finds. */
static void
test_no_more_nodes(void **state)
{
	static const char *const names[] = { "psci", "memory@40000000", "cpus", "timer",
		"intc@8000000", "apb-pclk", "pl011@9000000", "pl031@9010000", "pl061@9030000",
		"gpio-keys", "aliases", "chosen", "__symbols__" };
	unsigned int found = 0;
	int node;

	(void)state;
	generate();
	fdt_for_each_subnode(node, tree, 0)
	{
		bool known = false;

		for (size_t i = 0; i < NELEM(names); i++)
			known |= strcmp(fdt_get_name(tree, node, NULL), names[i]) == 0;
		assert_true(known);
		found++;
	}
	assert_int_equal(found, NELEM(names));
}

/* What firmware boots with; as QEMU has it. */
static void
test_firmware_nodes(void **state)
{
	struct boot_machine m = machine;
	struct boot_error e;

	(void)state;
	m.flash = m.fw_cfg = true;
	assert_int_equal(boot_fdt_generate(tree, CAP, &m, &e), 0);
	CHECK_STRING("/flash@0", "compatible", "cfi-flash");
	CHECK_CELLS("/flash@0", "reg", 0, 0, 0, 0x4000000, 0, 0x4000000, 0, 0x4000000);
	CHECK_CELLS("/flash@0", "bank-width", 4);
	CHECK_STRING("/fw-cfg@9020000", "compatible", "qemu,fw-cfg-mmio");
	CHECK_CELLS("/fw-cfg@9020000", "reg", 0, 0x9020000, 0, 0x18);
	check_bytes("/fw-cfg@9020000", "dma-coherent", "", 0);
}

/* What is found in a tree that is in a guest's memory, and which is none. */
static void
test_find(void **state)
{
	static uint8_t ram[CAP + 64], copy[BOOT_MAX_DTB];
	const struct boot_mem mem = { ram, MACHINE_RAM_BASE, sizeof(ram) };
	struct boot_machine m = machine;
	struct boot_error e;
	uint32_t size;

	(void)state;
	m.virtio_mmio = 1u << 3;
	m.pci = true;
	assert_int_equal(boot_fdt_generate(tree, CAP, &m, &e), 0);
	assert_int_equal(fdt_pack(tree), 0);
	size = fdt_totalsize(tree);
	memcpy(ram + 64, tree, size);
	assert_true(boot_fdt_copy(copy, &mem, MACHINE_RAM_BASE + 64));
	assert_true(boot_fdt_has(
	    copy, "virtio,mmio", MACHINE_VIRTIO_MMIO_BASE + 3 * MACHINE_VIRTIO_STRIDE));
	assert_false(boot_fdt_has(copy, "virtio,mmio", MACHINE_VIRTIO_MMIO_BASE));
	assert_true(boot_fdt_has(copy, "pci-host-ecam-generic", MACHINE_PCI_ECAM_BASE));
	assert_false(boot_fdt_has(copy, "pci-host-ecam", MACHINE_PCI_ECAM_BASE));
	generate();
	assert_false(boot_fdt_has(tree, "pci-host-ecam-generic", MACHINE_PCI_ECAM_BASE));
	/* Not there, no tree, cut off, larger than any. */
	assert_false(boot_fdt_copy(copy, &mem, 0));
	assert_false(boot_fdt_copy(copy, &mem, MACHINE_RAM_BASE));
	assert_false(boot_fdt_copy(copy, &mem, MACHINE_RAM_BASE + sizeof(ram) - 8));
	assert_false(boot_fdt_copy(copy, &mem, UINT64_MAX - 2));
	/* libfdt's check is not made for names of version 3. */
	fdt_set_version(ram + 64, 3);
	assert_false(boot_fdt_copy(copy, &mem, MACHINE_RAM_BASE + 64));
	fdt_set_version(ram + 64, 17);
	assert_true(boot_fdt_copy(copy, &mem, MACHINE_RAM_BASE + 64));
	fdt_set_totalsize(ram + 64, size - 16);
	assert_false(boot_fdt_copy(copy, &mem, MACHINE_RAM_BASE + 64));
	fdt_set_totalsize(ram + 64, 0xffffffff);
	assert_false(boot_fdt_copy(copy, &mem, MACHINE_RAM_BASE + 64));
	fdt_set_totalsize(ram + 64, 8);
	assert_false(boot_fdt_copy(copy, &mem, MACHINE_RAM_BASE + 64));
}

static void
test_pci(void **state)
{
	static const uint32_t spi[4][4] = { { 3, 4, 5, 6 }, { 4, 5, 6, 3 }, { 5, 6, 3, 4 },
		{ 6, 3, 4, 5 } };
	static const char pcie[] = "/pcie@3f000000", v2m[] = "/intc@8000000/v2m@8020000";
	uint32_t v2m_phandle;
	const fdt32_t *map;
	int len;

	(void)state;
	generate_all();
	CHECK_CELLS("/intc@8000000", "#address-cells", 2);
	CHECK_CELLS("/intc@8000000", "#size-cells", 2);
	prop("/intc@8000000", "ranges", &len);
	assert_int_equal(len, 0);
	CHECK_STRING(v2m, "compatible", "arm,gic-v2m-frame");
	CHECK_CELLS(v2m, "reg", 0, 0x08020000, 0, 0x1000);
	prop(v2m, "msi-controller", &len);
	v2m_phandle = fdt_get_phandle(tree, fdt_path_offset(tree, v2m));
	assert_int_not_equal(v2m_phandle, 0);
	CHECK_STRING(pcie, "compatible", "pci-host-ecam-generic");
	CHECK_STRING(pcie, "device_type", "pci");
	CHECK_CELLS(pcie, "reg", 0, 0x3f000000, 0, 0x01000000);
	CHECK_CELLS(pcie, "bus-range", 0, 15);
	CHECK_CELLS(pcie, "ranges", 0x01000000, 0, 0, 0, 0x3eff0000, 0, 0x10000, 0x02000000, 0,
	    0x10000000, 0, 0x10000000, 0, 0x2eff0000);
	CHECK_CELLS(pcie, "msi-map", 0, v2m_phandle, 0, 0x10000);
	CHECK_CELLS(pcie, "linux,pci-domain", 0);
	prop(pcie, "dma-coherent", &len);
	CHECK_CELLS(pcie, "#interrupt-cells", 1);
	CHECK_CELLS(pcie, "interrupt-map-mask", 0x1800, 0, 0, 7);
	map = prop(pcie, "interrupt-map", &len);
	assert_int_equal(len, 16 * 10 * 4);
	for (uint32_t i = 0; i < 16; i++) {
		const uint32_t want[10] = { i / 4 << 11, 0, 0, i % 4 + 1, 1, 0, 0, 0,
			spi[i / 4][i % 4], 4 };

		for (uint32_t c = 0; c < 10; c++)
			assert_int_equal(fdt32_to_cpu(map[i * 10 + c]), want[c]);
	}
	CHECK_STRING("/__symbols__", "v2m", v2m);
	CHECK_STRING("/__symbols__", "pcie", pcie);
}

static void
test_virtio_mmio(void **state)
{
	struct boot_machine m = machine;
	struct boot_error e;
	int len;

	(void)state;
	m.virtio_mmio = 1u << 31 | 1u;
	assert_int_equal(boot_fdt_generate(tree, CAP, &m, &e), 0);
	CHECK_STRING("/virtio_mmio@a000000", "compatible", "virtio,mmio");
	CHECK_CELLS("/virtio_mmio@a000000", "reg", 0, 0x0a000000, 0, 0x200);
	CHECK_CELLS("/virtio_mmio@a000000", "interrupts", 0, 16, 4);
	prop("/virtio_mmio@a000000", "dma-coherent", &len);
	CHECK_CELLS("/virtio_mmio@a003e00", "reg", 0, 0x0a003e00, 0, 0x200);
	CHECK_CELLS("/virtio_mmio@a003e00", "interrupts", 0, 47, 4);
	assert_int_equal(fdt_path_offset(tree, "/virtio_mmio@a000200"), -FDT_ERR_NOTFOUND);
	assert_int_equal(fdt_path_offset(tree, "/pcie@3f000000"), -FDT_ERR_NOTFOUND);
	assert_int_equal(fdt_path_offset(tree, "/intc@8000000/v2m@8020000"), -FDT_ERR_NOTFOUND);
	CHECK_CELLS("/intc@8000000", "#address-cells", 0);
}

static void
test_cpu_names(void **state)
{
	static const struct {
		uint32_t midr;
		const char *name;
	} rows[] = { { 0x410fc075, "arm,cortex-a7" }, { 0x412fc0f1, "arm,cortex-a15" },
		{ 0x411fc0e1, "arm,cortex-a17" }, { 0x410fc0d1, "arm,cortex-a12" },
		{ 0, "arm,cortex-a15" }, { 0x512f04d0, "arm,cortex-a15" },
		{ 0x420fc075, "arm,cortex-a15" } };
	struct boot_machine m = machine;
	struct boot_error e;

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++) {
		m.midr = rows[i].midr;
		assert_int_equal(boot_fdt_generate(tree, CAP, &m, &e), 0);
		check_bytes("/cpus/cpu@0", "compatible", rows[i].name, strlen(rows[i].name) + 1);
	}
	for (uint32_t cap = 0; cap < 2048; cap += 64)
		assert_int_equal(boot_fdt_generate(tree, cap, &m, &e), -1);
}

static void
test_finish(void **state)
{
	struct boot_error e;

	(void)state;
	generate();
	assert_int_equal(boot_fdt_finish(tree, &machine, "a=b c", 0x48000000, 0x12345, &e), 0);
	CHECK_STRING("/chosen", "bootargs", "a=b c");
	CHECK_CELLS("/chosen", "linux,initrd-start", 0, 0x48000000);
	CHECK_CELLS("/chosen", "linux,initrd-end", 0, 0x48012345);
	CHECK_CELLS("/memory@40000000", "reg", 0, 0x40000000, 0, 0x90000000);
	assert_int_equal(fdt_check_full(tree, fdt_totalsize(tree)), 0);
	assert_true(fdt_totalsize(tree) < 4096);
}

/* dtc knows the bindings' rules.  No output is what is asked for. */
static void
check_dtc(void)
{
	struct boot_error e;
	char command[200], line[256] = "";
	struct fake_file f;
	FILE *out;

	assert_int_equal(boot_fdt_finish(tree, &machine, "x", 0x48000000, 1, &e), 0);
	fake_file_make(&f, tree, fdt_totalsize(tree));
	snprintf(command, sizeof(command), "dtc -I dtb -O dtb -o /dev/null /proc/%d/fd/%d 2>&1",
	    (int)getpid(), f.fd);
	out = popen(command, "r");
	assert_non_null(out);
	if (fgets(line, sizeof(line), out) != NULL)
		fail_msg("dtc: %s", line);
	assert_int_equal(pclose(out), 0);
	fake_file_end(&f);
}

static void
test_dtc(void **state)
{
	(void)state;
	if (system("dtc --version >/dev/null 2>&1") != 0)
		skip();
	generate();
	check_dtc();
	generate_all();
	check_dtc();
}

/* ---- the user's ---- */

static void
test_own_tree(void **state)
{
	struct boot_error e;
	struct fake_file f;

	(void)state;
	generate();
	/* A wrong memory node, and a second one: both go. */
	fdt_setprop_u64(tree, fdt_path_offset(tree, "/memory@40000000"), "reg", 7);
	fdt_setprop_string(tree, fdt_add_subnode(tree, 0, "memory@0"), "device_type", "memory");
	fdt_pack(tree);
	fake_file_make(&f, tree, fdt_totalsize(tree));
	memset(tree, 0, CAP);
	assert_int_equal(boot_fdt_read(tree, CAP, f.name, &e), 0);
	assert_int_equal(boot_fdt_finish(tree, &machine, NULL, 0, 0, &e), 0);
	assert_int_equal(fdt_path_offset(tree, "/memory@0"), -FDT_ERR_NOTFOUND);
	CHECK_CELLS("/memory@40000000", "reg", 0, 0x40000000, 0, 0x90000000);
	assert_null(fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), "bootargs", NULL));
	fake_file_end(&f);
}

/* Cut at every byte, and with each byte of it changed: no crash, and an error or a sound tree. */
static void
test_broken_tree(void **state)
{
	static uint8_t good[8192];
	struct boot_error e;
	struct fake_file f;
	size_t len;

	(void)state;
	generate();
	fdt_pack(tree);
	len = fdt_totalsize(tree);
	assert_true(len <= sizeof(good));
	memcpy(good, tree, len);
	for (size_t cut = 0; cut < len; cut++) {
		fake_file_make(&f, good, cut);
		assert_int_equal(boot_fdt_read(tree, CAP, f.name, &e), -1);
		assert_non_null(strstr(e.text, f.name));
		fake_file_end(&f);
	}
	for (size_t i = 0; i < len; i++) {
		good[i] ^= 0x81;
		fake_file_make(&f, good, len);
		if (boot_fdt_read(tree, CAP, f.name, &e) == 0 &&
		    boot_fdt_finish(tree, &machine, "x", 0x48000000, 1, &e) == 0)
			assert_int_equal(fdt_check_full(tree, fdt_totalsize(tree)), 0);
		fake_file_end(&f);
		good[i] ^= 0x81;
	}
}

/* "&uart0 { current-speed = <9600>; };" as dtc -@ writes it. */
static void
make_overlay(struct fake_file *f, const char *label)
{
	static _Alignas(8) uint8_t o[1024];

	fdt_create(o, sizeof(o));
	fdt_finish_reservemap(o);
	fdt_begin_node(o, "");
	fdt_begin_node(o, "fragment@0");
	fdt_property_u32(o, "target", 0xffffffff);
	fdt_begin_node(o, "__overlay__");
	fdt_property_u32(o, "current-speed", 9600);
	fdt_end_node(o);
	fdt_end_node(o);
	fdt_begin_node(o, "__fixups__");
	fdt_property(o, label, "/fragment@0:target:0", 21);
	fdt_end_node(o);
	fdt_end_node(o);
	fdt_finish(o);
	fake_file_make(f, o, fdt_totalsize(o));
}

static void
test_overlay(void **state)
{
	struct boot_error e;
	struct fake_file f;

	(void)state;
	generate();
	fdt_setprop_u32(tree, fdt_path_offset(tree, "/pl011@9000000"), "phandle", 9);
	make_overlay(&f, "uart0");
	assert_int_equal(boot_fdt_overlay(tree, f.name, &e), 0);
	CHECK_CELLS("/pl011@9000000", "current-speed", 9600);
	fake_file_end(&f);
	generate();
	make_overlay(&f, "nowhere");
	assert_int_equal(boot_fdt_overlay(tree, f.name, &e), -1);
	assert_non_null(strstr(e.text, f.name));
	fake_file_end(&f);
	fake_file_make(&f, "no overlay, but text that is long enough for a header", 53);
	assert_int_equal(boot_fdt_overlay(tree, f.name, &e), -1);
	assert_non_null(strstr(e.text, "dtc"));
	fake_file_end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_no_more_nodes),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_pci),
		cmocka_unit_test(test_virtio_mmio),
		cmocka_unit_test(test_firmware_nodes),
		cmocka_unit_test(test_cpu_names),
		cmocka_unit_test(test_finish),
		cmocka_unit_test(test_dtc),
		cmocka_unit_test(test_own_tree),
		cmocka_unit_test(test_broken_tree),
		cmocka_unit_test(test_overlay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
