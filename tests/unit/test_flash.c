/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Flash: the query after JESD68, the commands and the status register after Intel's StrataFlash
 * data sheets, each as EDK2, U-Boot and Linux send them; and the file and the window behind.
 */
#include <sys/resource.h>
#include <sys/stat.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "flash_rig.h"

#define BOTH(x)	 ((uint32_t)(x) << 16 | (x))
#define SECTOR	 FLASH_SECTOR_SIZE
#define READY	 BOTH(0x80)
#define ERASED	 0xffffffffu
#define RESET()	 wr(0, BOTH(0xff))
#define STATUS() (wr(0, BOTH(0x70)), rd(0))

static void
wr(uint32_t off, uint32_t val)
{
	assert_int_equal(rig.dev.write(rig.dev.sc, off, 4, val), MMIO_OK);
}

static uint32_t
rd_size(uint32_t off, uint32_t size)
{
	uint64_t val = ~0ull;

	assert_int_equal(rig.dev.read(rig.dev.sc, off, size, &val), MMIO_OK);
	return (uint32_t)val;
}

static uint32_t
rd(uint32_t off)
{
	return rd_size(off, 4);
}

/* As a guest reads the array: through the window while there is one. */
static uint32_t
array(uint32_t off)
{
	uint32_t val;

	RESET();
	if (off >= RIG_WINDOW)
		return rd(off);
	assert_true(rig.shown);
	memcpy(&val, rig.w.va + off, sizeof(val));
	assert_int_equal(rd(off), val);
	return val;
}

static void
program(uint32_t off, uint32_t val)
{
	wr(off, BOTH(0x40));
	wr(off, val);
}

static void
erase(uint32_t off)
{
	wr(off, BOTH(0x20));
	wr(off, BOTH(0xd0));
}

static int
empty(void **state)
{
	(void)state;
	rig_begin("", 0, true);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	rig_end();
	return 0;
}

static void
test_query(void **state)
{
	static const struct {
		uint32_t at, val;
	} rows[] = { { 0x10, 'Q' }, { 0x11, 'R' }, { 0x12, 'Y' }, { 0x13, 1 }, { 0x14, 0 },
		{ 0x15, 0x31 }, { 0x17, 0 }, { 0x27, 25 }, { 0x28, 1 }, { 0x29, 0 }, { 0x2c, 1 },
		{ 0x2d, 255 }, { 0x2e, 0 }, { 0x2f, 0 }, { 0x30, 2 }, { 0x31, 'P' }, { 0x32, 'R' },
		{ 0x33, 'I' }, { 0x34, '1' }, { 0x40, 0 }, { 0xff, 0 } };

	(void)state;
	wr(0x55 * 4, BOTH(0x98));
	assert_false(rig.shown);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(rd(rows[i].at * 4), BOTH(rows[i].val));
		assert_int_equal(rd_size(rows[i].at * 4 + 2, 2), rows[i].val);
		assert_int_equal(rd_size(rows[i].at * 4, 1), rows[i].val);
		assert_int_equal(rd_size(rows[i].at * 4 + 3, 1), 0);
	}
	RESET();
	assert_true(rig.shown);
	assert_int_equal(rig.changes, 2);
}

/* What narrow buses and other command sets are probed with leaves it alone. */
static void
test_probes(void **state)
{
	static const uint32_t codes[] = { 0xf0, 0xaa, 0x55, 0x00, 0xb0, 0xd0 };

	(void)state;
	for (uint32_t size = 1; size <= 2; size++) {
		assert_int_equal(rig.dev.write(rig.dev.sc, 0x154, size, 0x9898), MMIO_OK);
		assert_int_equal(rig.dev.write(rig.dev.sc, 0x156, size, 0x9898), MMIO_OK);
	}
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		wr(0x555 * 4, BOTH(codes[i]));
	RESET();
	assert_int_equal(rig.changes, 0);
	/* Linux asks four chips of 8 bits: these two answer with their lower halves. */
	wr(0x55 * 4, 0x98989898);
	assert_int_equal(rd(0x40), 0x00510051);
}

/* Each chip has its own half, and its own mode. */
static void
test_chips(void **state)
{
	(void)state;
	wr(0, 0x00ff0090);
	assert_int_equal(rd(0), 0xffff0089);
	assert_int_equal(rd(4), 0xffff0018);
	wr(0, 0x009000ff);
	assert_int_equal(rd(0), 0x0089ffff);
	wr(8, 0x00ff0040);
	wr(8, 0x00ff1234);
	assert_int_equal(array(8), 0xffff1234);
}

static void
test_program(void **state)
{
	(void)state;
	program(0x100, 0x12345678);
	assert_int_equal(rd(0x100), READY);
	assert_int_equal(array(0x100), 0x12345678);
	assert_int_equal(array(0xfc), ERASED);
	assert_int_equal(array(0x104), ERASED);
	/* Bits are only cleared. */
	wr(0x100, BOTH(0x10));
	wr(0x100, 0xffff00ff);
	assert_int_equal(array(0x100), 0x12340078);
	assert_int_equal(STATUS(), READY);
	assert_false(rig.img.dirty);
	assert_int_equal(rig.img.size, SECTOR);
}

/* EDK2's NorFlashWriteBuffer: the confirmation goes to the start of the bank. */
static void
test_buffer(void **state)
{
	uint32_t at = SECTOR + 0x80;

	(void)state;
	wr(at, BOTH(0xe8));
	assert_int_equal(rd(at), READY);
	wr(at, BOTH(31));
	for (uint32_t i = 0; i < 32; i++)
		wr(at + 4 * i, 0xa5000000 | i);
	wr(0, BOTH(0xd0));
	assert_int_equal(STATUS(), READY);
	for (uint32_t i = 0; i < 32; i++)
		assert_int_equal(array(at + 4 * i), 0xa5000000 | i);
	assert_int_equal(array(at + 128), ERASED);
	assert_int_equal(rig.img.size, 2 * SECTOR);
}

/* The largest buffer, in the last block, behind the window; in any order. */
static void
test_buffer_far(void **state)
{
	uint32_t at = FLASH_BANK_SIZE - 1024;
	struct stat st;

	(void)state;
	wr(at, BOTH(0xe8));
	wr(at, BOTH(255));
	for (uint32_t i = 0; i < 256; i++)
		wr(at + 4 * (i < 2 ? i : 257 - i), i);
	wr(at, BOTH(0xd0));
	assert_int_equal(STATUS(), READY);
	assert_int_equal(array(at + 4 * 255), 2);
	assert_int_equal(array(at + 4 * 2), 255);
	assert_int_equal(array(at - 4), ERASED);
	assert_int_equal(fstat(rig.file.fd, &st), 0);
	assert_int_equal(st.st_size, FLASH_BANK_SIZE);
}

static void
test_buffer_errors(void **state)
{
	(void)state;
	wr(0, BOTH(0xe8)); /* more words than there is room for */
	wr(0, BOTH(256));
	assert_int_equal(STATUS(), READY | BOTH(0x30));
	wr(0, BOTH(0x50));
	assert_int_equal(STATUS(), READY);
	wr(0, BOTH(0xe8)); /* a word before the first */
	wr(0, BOTH(1));
	wr(0x40, 0);
	wr(0x3c, 0);
	assert_int_equal(STATUS(), READY | BOTH(0x30));
	wr(0, BOTH(0x50));
	wr(0, BOTH(0xe8)); /* across the end of a block */
	wr(0, BOTH(1));
	wr(SECTOR - 4, 0);
	wr(SECTOR, 0);
	assert_int_equal(STATUS(), READY | BOTH(0x30));
	wr(0, BOTH(0x50));
	wr(0, BOTH(0xe8)); /* no confirmation */
	wr(0, BOTH(0));
	wr(0x40, 0);
	wr(0, BOTH(0xff));
	assert_int_equal(STATUS(), READY | BOTH(0x30));
	assert_int_equal(array(0x40), ERASED);
	assert_int_equal(rig.img.size, 0);
}

static void
test_erase(void **state)
{
	(void)state;
	program(0, 0);
	program(SECTOR - 4, 0);
	program(SECTOR, 0);
	erase(0x1000);
	assert_int_equal(rd(0), READY);
	assert_int_equal(array(0), ERASED);
	assert_int_equal(array(SECTOR - 4), ERASED);
	assert_int_equal(array(SECTOR), 0);
	erase(8 * SECTOR); /* nothing there: no file grows */
	assert_int_equal(STATUS(), READY);
	assert_int_equal(rig.img.size, 2 * SECTOR);
	wr(SECTOR, BOTH(0x20));
	wr(SECTOR, BOTH(0xff));
	assert_int_equal(STATUS(), READY | BOTH(0x30));
	assert_int_equal(array(SECTOR), 0);
}

static void
test_locks(void **state)
{
	(void)state;
	wr(SECTOR, BOTH(0x60));
	wr(SECTOR, BOTH(0x01));
	wr(SECTOR, BOTH(0x90));
	assert_int_equal(rd(SECTOR + 8), BOTH(1));
	assert_int_equal(rd(8), 0);
	program(SECTOR, 0);
	assert_int_equal(rd(SECTOR), READY | BOTH(0x12));
	wr(0, BOTH(0x50));
	erase(SECTOR);
	assert_int_equal(rd(SECTOR), READY | BOTH(0x22));
	wr(0, BOTH(0x50));
	wr(SECTOR, BOTH(0x60));
	wr(SECTOR, BOTH(0xd0));
	program(SECTOR, 0);
	assert_int_equal(rd(SECTOR), READY);
	assert_int_equal(array(SECTOR), 0);
	wr(SECTOR, BOTH(0x60));
	wr(SECTOR, BOTH(0x40));
	assert_int_equal(STATUS(), READY | BOTH(0x30));
}

static void
test_read_only(void **state)
{
	static const uint32_t data[] = { 0x11111111, 0x22222222 };

	(void)state;
	rig_begin(data, sizeof(data), false);
	program(0, 0);
	assert_int_equal(rd(0), READY | BOTH(0x12));
	wr(0, BOTH(0x50));
	wr(0, BOTH(0x60));
	wr(0, BOTH(0xd0));
	erase(0);
	assert_int_equal(rd(0), READY | BOTH(0x22));
	assert_int_equal(array(0), 0x11111111);
	assert_int_equal(array(4), 0x22222222);
	assert_int_equal(array(8), ERASED);
	rig_end();
}

/* Nothing is lost or stuck when the window does not do as it is told. */
static void
test_window_refuses(void **state)
{
	(void)state;
	rig.refuse = true;
	program(0, 0x1234);
	assert_int_equal(STATUS(), READY);
	RESET();
	assert_int_equal(rd(0), 0x1234);
	rig.refuse = false;
	wr(0, BOTH(0x70));
	rig.refuse = true;
	RESET();
	assert_false(rig.shown);
	assert_int_equal(rd(0), 0x1234);
	rig.refuse = false;
	RESET();
	assert_int_equal(array(0), 0x1234);
}

/* A full disk: the guest learns it, the person does once. */
static void
test_disk_full(void **state)
{
	struct rlimit limit, before;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = SECTOR;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	program(SECTOR, 0);
	program(0, 0);
	program(SECTOR, 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(rd(0), READY | BOTH(0x10));
	assert_int_equal(rig.said, 1);
	assert_int_equal(array(0), 0);
	assert_int_equal(array(SECTOR), ERASED);
}

static int
open_image(const char *file, bool writable)
{
	struct flash_image img;

	return flash_image_open(&img, "bootvars=x", file, writable);
}

static void
test_files(void **state)
{
	struct fake_file f;
	struct flash_image img;

	(void)state;
	fake_file_make(&f, "", 0);
	assert_int_equal(open_image(f.name, false), -1);
	assert_string_equal(rig.last, "bootvars=x: the file is empty");
	assert_int_equal(flash_image_open(&img, "bootvars=x", f.name, true), 0);
	assert_int_equal(open_image(f.name, true), -1);
	assert_non_null(strstr(rig.last, "another VM has this file"));
	flash_image_close(&img);
	flash_image_close(&img);
	assert_int_equal(ftruncate(f.fd, FLASH_BANK_SIZE + 1), 0);
	assert_int_equal(open_image(f.name, true), -1);
	assert_non_null(strstr(rig.last, "64 MiB"));
	assert_int_equal(open_image("/", false), -1);
	assert_int_equal(open_image("/no/such/file", true), -1);
	assert_int_equal(flash_image_open(&img, "bootvars", NULL, true), 0);
	assert_int_equal(img.size, 0);
	flash_image_close(&img);
	fake_file_end(&f);
}

/* Padding, of zeros or erased, is no contents. */
static void
test_extent(void **state)
{
	static const uint64_t ends[] = { 0, 1, 65535, 65536, 65537, 200000 };
	struct flash_image img;
	struct fake_file f;

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		fake_file_make(&f, "", 0);
		assert_int_equal(flash_image_open(&img, "x", f.name, true), 0);
		if (ends[i] != 0)
			assert_int_equal(flash_image_write(&img, ends[i] - 1, "x", 1), 0);
		flash_image_close(&img);
		assert_int_equal(ftruncate(f.fd, 1 << 20), 0);
		assert_int_equal(flash_image_open(&img, "x", f.name, true), 0);
		assert_int_equal(flash_image_extent(&img), ends[i]);
		flash_image_close(&img);
		fake_file_end(&f);
	}
}

/* Somebody cuts the file: what is gone reads as erased. */
static void
test_truncated(void **state)
{
	(void)state;
	program(0, 0x1234);
	assert_int_equal(ftruncate(rig.file.fd, 2), 0);
	wr(0, 0x00ff0070);
	assert_int_equal(rd(0), 0xffff0080);
	program(0x10, 0);
	assert_int_equal(STATUS() & BOTH(0x80), READY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_query, empty, end),
		cmocka_unit_test_setup_teardown(test_probes, empty, end),
		cmocka_unit_test_setup_teardown(test_chips, empty, end),
		cmocka_unit_test_setup_teardown(test_program, empty, end),
		cmocka_unit_test_setup_teardown(test_buffer, empty, end),
		cmocka_unit_test_setup_teardown(test_buffer_far, empty, end),
		cmocka_unit_test_setup_teardown(test_buffer_errors, empty, end),
		cmocka_unit_test_setup_teardown(test_erase, empty, end),
		cmocka_unit_test_setup_teardown(test_locks, empty, end),
		cmocka_unit_test_setup_teardown(test_window_refuses, empty, end),
		cmocka_unit_test_setup_teardown(test_disk_full, empty, end),
		cmocka_unit_test_setup_teardown(test_truncated, empty, end),
		cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_extent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
