/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The device table, and the machine's map that fills it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include <vmm/machine.h>

#include "mmio.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t last_offset, last_data;
static uint32_t last_size;

static enum mmio_result
dev_read(void *sc, uint64_t offset, uint32_t size, uint64_t *data)
{
	last_offset = offset;
	last_size = size;
	*data = (uintptr_t)sc;
	return MMIO_OK;
}

static enum mmio_result
dev_write(void *sc, uint64_t offset, uint32_t size, uint64_t data)
{
	(void)sc;
	last_offset = offset;
	last_size = size;
	last_data = data;
	return MMIO_OK;
}

static int
add(struct mmio_map *map, uint64_t base, uint64_t size)
{
	const struct mmio_device dev = { "dev", base, size, 1 | 2 | 4, (void *)(uintptr_t)base,
		dev_read, dev_write };

	return mmio_register(map, &dev);
}

static void
test_overlap(void **state)
{
	static const struct {
		uint64_t base, size;
		int error;
	} rows[] = {
		{ 0x2000, 0x1000, 0 },
		{ 0x4000, 0x1000, 0 },
		{ 0x3000, 0x1000, 0 },
		{ 0x1000, 0x1000, 0 },
		{ 0x2000, 0x1000, EEXIST },
		{ 0x2fff, 1, EEXIST },
		{ 0xfff, 2, EEXIST },
		{ 0x800, 0x10000, EEXIST },
		{ 0, 0x1000, 0 },
		{ 0x5000, 0, EINVAL },
		{ ~0ull, 1, 0 },
		{ ~0ull - 1, 2, EEXIST },
		{ 0x6000, ~0ull, EINVAL },
		{ 0x4fff, 0x1000, EEXIST },
		{ 0x5000, 8, 0 },
	};
	static struct mmio_map map;

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++) {
		errno = 0;
		assert_int_equal(add(&map, rows[i].base, rows[i].size), rows[i].error ? -1 : 0);
		assert_int_equal(errno, rows[i].error);
	}
	for (unsigned int i = 1; i < map.ndevs; i++)
		assert_true(map.dev[i - 1].base < map.dev[i].base);
	assert_int_equal(mmio_find(&map, 0x1fff)->base, 0x1000);
	assert_int_equal(mmio_find(&map, 0x5007)->base, 0x5000);
	assert_null(mmio_find(&map, 0x5008));
	assert_int_equal(mmio_find(&map, ~0ull)->base, ~0ull);
}

static void
test_full(void **state)
{
	static struct mmio_map map;

	(void)state;
	for (uint64_t i = 0; i < MMIO_MAX_DEVICES; i++)
		assert_int_equal(add(&map, (MMIO_MAX_DEVICES - i) * 16, 16), 0);
	assert_int_equal(add(&map, 0x100000, 16), -1);
	assert_int_equal(errno, ENOSPC);
	assert_null(mmio_find(&map, 15));
	for (uint64_t i = 1; i <= MMIO_MAX_DEVICES; i++)
		assert_int_equal(mmio_find(&map, i * 16 + 15)->base, i * 16);
}

static void
test_access(void **state)
{
	static const struct {
		uint64_t gpa;
		uint32_t size;
		enum mmio_result result;
	} rows[] = {
		{ 0x1000, 4, MMIO_OK },
		{ 0x1001, 1, MMIO_OK },
		{ 0x100e, 2, MMIO_OK },
		{ 0x100f, 1, MMIO_OK },
		{ 0x100c, 8, MMIO_ABORT },
		{ 0x1000, 0, MMIO_ABORT },
		{ 0x1000, 3, MMIO_ABORT },
		{ 0x1000, 5, MMIO_ABORT },
		{ 0x1001, 2, MMIO_ABORT },
		{ 0x100e, 4, MMIO_ABORT },
		{ 0x1010, 1, MMIO_ABORT },
		{ 0xffc, 4, MMIO_ABORT },
		{ 0x1000, 0x80000000u, MMIO_ABORT },
		{ ~0ull, 4, MMIO_ABORT },
	};
	static struct mmio_map map;
	uint64_t data;

	(void)state;
	data = 1;
	assert_int_equal(mmio_access(&map, 0x1000, false, 4, &data), MMIO_ABORT);
	add(&map, 0x1000, 0x10);
	for (size_t i = 0; i < NELEM(rows); i++) {
		data = 0x1234;
		assert_int_equal(
		    mmio_access(&map, rows[i].gpa, true, rows[i].size, &data), rows[i].result);
		assert_int_equal(
		    mmio_access(&map, rows[i].gpa, false, rows[i].size, &data), rows[i].result);
		if (rows[i].result != MMIO_OK)
			continue;
		assert_int_equal(last_data, 0x1234);
		assert_int_equal(data, 0x1000);
		assert_int_equal(last_offset, rows[i].gpa - 0x1000);
		assert_int_equal(last_size, rows[i].size);
	}
}

/* LDRD and STRD on a device of words: two accesses. */
static void
test_pair(void **state)
{
	static struct mmio_map map;
	uint64_t data = 0x5566778811223344ull;

	(void)state;
	add(&map, 0x1000, 0x10);
	assert_int_equal(mmio_access(&map, 0x1004, true, 8, &data), MMIO_OK);
	assert_int_equal(last_offset, 8);
	assert_int_equal(last_size, 4);
	assert_int_equal(last_data, 0x55667788);
	assert_int_equal(mmio_access(&map, 0x1000, false, 8, &data), MMIO_OK);
	assert_true(data == 0x0000100000001000ull);
	assert_int_equal(last_offset, 4);
}

/* A size that is no multiple of an access: the last one would reach beyond. */
static void
test_access_odd_end(void **state)
{
	static struct mmio_map map;
	uint64_t data = 0;

	(void)state;
	add(&map, 0x2000, 6);
	assert_int_equal(mmio_access(&map, 0x2004, true, 2, &data), MMIO_OK);
	assert_int_equal(mmio_access(&map, 0x2004, true, 4, &data), MMIO_ABORT);
	assert_int_equal(mmio_access(&map, 0x2004, false, 4, &data), MMIO_ABORT);
}

/* The machine's own ranges do not overlap either. */
static void
test_machine(void **state)
{
#define ROW(name, base, size, spi) { base, size },
	static const struct {
		uint64_t base, size;
	} rows[] = { MACHINE_MAP(ROW) };
	static struct mmio_map map;

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++)
		assert_int_equal(add(&map, rows[i].base, rows[i].size), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_access),
		cmocka_unit_test(test_access_odd_end),
		cmocka_unit_test(test_pair),
		cmocka_unit_test(test_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
