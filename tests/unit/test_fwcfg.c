/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * fw_cfg after QEMU's docs/specs/fw_cfg: the registers, the directory, and DMA with descriptors
 * that lie.
 */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "fake_file.h"
#include "fwcfg.h"

#define RAM	 0x40000000ull
#define RAM_SIZE 0x2000u
#define AT	 0x100u /* where descriptors are put */

enum { CTL_ERROR = 1, CTL_READ = 2, CTL_SKIP = 4, CTL_SELECT = 8, CTL_WRITE = 16 };

static uint8_t ram[RAM_SIZE];
static struct fwcfg *fw;
static struct mmio_device dev;

static int
setup(void **state)
{
	const struct guest_mem mem = { ram, RAM, RAM_SIZE };
	struct fake_file f;

	(void)state;
	memset(ram, 0xee, sizeof(ram));
	fw = fwcfg_create(&mem);
	assert_non_null(fw);
	fwcfg_mmio(fw, 0x9020000, &dev);
	assert_int_equal(fwcfg_add_number(fw, FWCFG_NB_CPUS, 3, 2), 0);
	assert_int_equal(fwcfg_add(fw, FWCFG_CMDLINE_DATA, "quiet", 6), 0);
	fake_file_make(&f, "0123456789", 10);
	assert_int_equal(fwcfg_add_fd(fw, FWCFG_KERNEL_DATA, f.fd, 10), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fwcfg_destroy(fw);
	return 0;
}

static uint64_t
rd(uint32_t off, uint32_t size)
{
	uint64_t val = 0;

	assert_int_equal(dev.read(dev.sc, off, size, &val), MMIO_OK);
	return val;
}

static void
wr(uint32_t off, uint32_t size, uint64_t val)
{
	assert_int_equal(dev.write(dev.sc, off, size, val), MMIO_OK);
}

static void
choose(uint16_t key)
{
	wr(8, 2, htobe16(key));
}

static void
descriptor(uint32_t control, uint32_t len, uint64_t gpa)
{
	const uint32_t d[4] = { htobe32(control), htobe32(len), htobe32((uint32_t)(gpa >> 32)),
		htobe32((uint32_t)gpa) };

	memcpy(ram + AT, d, sizeof(d));
}

/* What the device leaves in the control word. */
static uint32_t
dma(uint32_t control, uint32_t len, uint64_t gpa)
{
	uint32_t be;

	descriptor(control, len, gpa);
	wr(20, 4, htobe32((uint32_t)RAM + AT));
	memcpy(&be, ram + AT, sizeof(be));
	return be32toh(be);
}

static void
test_registers(void **state)
{
	(void)state;
	assert_int_equal(rd(0, 4), 0x554d4551); /* "QEMU", chosen at reset */
	choose(FWCFG_ID);
	assert_int_equal(rd(0, 4), 3);
	choose(FWCFG_NB_CPUS);
	assert_int_equal(rd(0, 1), 3);
	assert_int_equal(rd(0, 1), 0);
	assert_int_equal(rd(0, 8), 0); /* behind the end */
	choose(FWCFG_KERNEL_DATA);
	assert_int_equal(rd(0, 8), 0x3736353433323130ull);
	assert_int_equal(rd(0, 4), 0x3938);
	choose(FWCFG_KERNEL_DATA | 0x4000); /* bit 14: for writing */
	wr(0, 1, 'x');
	assert_int_equal(rd(0, 2), 0x3130);
	choose(FWCFG_INITRD_DATA); /* there is none */
	assert_int_equal(rd(0, 8), 0);
	choose(0x8000 | FWCFG_NB_CPUS); /* nor of the architecture's own */
	assert_int_equal(rd(0, 2), 0);
	assert_int_equal(rd(8, 2), 0);
	assert_int_equal(rd(16, 8), htobe64(0x51454d5520434647ull));
	assert_int_equal(rd(20, 4), htobe32(0x20434647));
}

static void
test_directory(void **state)
{
	static const char longest[] = "0123456789012345678901234567890123456789012345678901234";
	struct fake_file a, b;

	(void)state;
	fake_file_make(&a, "first", 5);
	fake_file_make(&b, "second!", 7);
	assert_int_equal(fwcfg_add_file(fw, "opt/org.example/a", a.fd, 5), 0);
	assert_int_equal(fwcfg_add_file(fw, "opt/org.example/a", b.fd, 7), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(
	    fwcfg_add_file(fw, "01234567890123456789012345678901234567890123456789012345", b.fd, 7),
	    -1);
	assert_int_equal(errno, ENAMETOOLONG);
	assert_int_equal(fwcfg_add_file(fw, longest, b.fd, 7), 0);
	choose(FWCFG_DIRECTORY);
	assert_int_equal(rd(0, 4), htobe32(2));
	assert_int_equal(rd(0, 4), htobe32(5));
	assert_int_equal(rd(0, 4), htobe16(0x20));
	for (const char *p = "opt/org.example/a"; *p != '\0'; p++)
		assert_int_equal(rd(0, 1), *p);
	assert_int_equal(dma(CTL_SELECT | CTL_READ | FWCFG_DIRECTORY << 16, 132, RAM + 0x1000), 0);
	assert_string_equal((char *)ram + 0x1000 + 4 + 64 + 8, longest);
	choose(0x21);
	assert_int_equal(rd(0, 8), 0x21646e6f636573ull);
}

static void
test_dma(void **state)
{
	(void)state;
	assert_int_equal(dma(FWCFG_KERNEL_DATA << 16 | CTL_SELECT | CTL_READ, 4, RAM), 0);
	assert_memory_equal(ram, "0123\xee", 5);
	assert_int_equal(dma(CTL_SKIP, 2, 0), 0);
	assert_int_equal(dma(CTL_READ, 6, RAM), 0); /* two more than there are */
	assert_memory_equal(ram, "6789\0\0\xee", 7);
	assert_int_equal(dma(CTL_READ, 0, RAM), 0);
	assert_int_equal(dma(0, 100, 0), 0);
	assert_int_equal(dma(FWCFG_CMDLINE_DATA << 16 | CTL_SELECT, 0, 0), 0);
	assert_int_equal(rd(0, 8), 0x7465697571ull); /* "quiet" */
	/* All of the address at once. */
	descriptor(FWCFG_CMDLINE_DATA << 16 | CTL_SELECT | CTL_READ, 6, RAM + RAM_SIZE - 6);
	wr(16, 8, htobe64(RAM + AT));
	assert_string_equal((char *)ram + RAM_SIZE - 6, "quiet");
}

static void
test_dma_refused(void **state)
{
	static const struct {
		uint32_t len;
		uint64_t gpa;
	} rows[] = { { 1, 0 }, { 1, RAM - 1 }, { 1, RAM + RAM_SIZE }, { RAM_SIZE + 1, RAM },
		{ 0xffffffff, RAM }, { 2, RAM + RAM_SIZE - 1 }, { 16, UINT64_MAX - 7 },
		{ 1, 0x140000000ull } };
	uint8_t before[RAM_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(dma(CTL_READ, rows[i].len, rows[i].gpa), CTL_ERROR);
	assert_int_equal(dma(CTL_WRITE, 4, RAM), CTL_ERROR);
	/* A descriptor outside of RAM, or half outside. */
	memcpy(before, ram, sizeof(ram));
	wr(16, 8, htobe64(RAM + RAM_SIZE - 15));
	wr(16, 8, 0);
	wr(16, 8, ~0ull);
	wr(16, 4, htobe32(1));
	wr(20, 4, htobe32((uint32_t)RAM + AT));
	assert_memory_equal(ram, before, sizeof(ram));
	/* The upper half is forgotten with the use. */
	assert_int_equal(dma(CTL_SKIP, 1, 0), 0);
}

/* Onto the descriptor itself: the answer comes last. */
static void
test_dma_onto_itself(void **state)
{
	(void)state;
	assert_int_equal(dma(FWCFG_KERNEL_DATA << 16 | CTL_SELECT | CTL_READ, 10, RAM + AT), 0);
	assert_memory_equal(ram + AT + 4, "456789", 6);
}

static void
test_full(void **state)
{
	struct fake_file f;
	char name[16];
	int n;

	(void)state;
	assert_int_equal(fwcfg_add(fw, FWCFG_NB_CPUS, "", 0), -1);
	assert_int_equal(errno, EEXIST);
	for (n = 0; n < FWCFG_MAX_ITEMS; n++) {
		fake_file_make(&f, "x", 1);
		snprintf(name, sizeof(name), "%d", n);
		if (fwcfg_add_file(fw, name, f.fd, 1) != 0)
			break;
	}
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(n, FWCFG_MAX_ITEMS - 6);
	fake_file_end(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_registers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dma, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dma_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dma_onto_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
