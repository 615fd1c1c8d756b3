/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The GICv2m frame: its three registers, and which stores make an SPI pending.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <vmm/machine.h>

#include "gicv2m.h"
#include "mmio_rw.h"

enum { TYPER = 0x8, SETSPI = 0x40, IIDR = 0xfcc };
#define FIRST	   (32u + MACHINE_GICV2M_SPI)
#define SETSPI_GPA (MACHINE_GICV2M_BASE + SETSPI)

static uint32_t last;
static unsigned int raised;

static void
count(void *arg, uint32_t intid)
{
	assert_ptr_equal(arg, &raised);
	last = intid;
	raised++;
}

static struct gicv2m frame = { MACHINE_GICV2M_BASE, FIRST, MACHINE_GICV2M_NSPIS, count, &raised };

static int
setup(void **state)
{
	(void)state;
	raised = 0;
	gicv2m_mmio(&frame, &dev);
	assert_int_equal(dev.base, MACHINE_GICV2M_BASE);
	assert_int_equal(dev.size, MACHINE_GICV2M_SIZE);
	return 0;
}

static void
test_registers(void **state)
{
	uint64_t val;

	(void)state;
	assert_int_equal(rd(TYPER), 80u << 16 | 64);
	assert_int_equal(rd(SETSPI), 0);
	/* None whose errata Linux works around: X-Gene, NS2. */
	assert_int_not_equal(rd(IIDR), 0x06000170);
	assert_int_equal(rd(IIDR) & 0xfff, 0);
	assert_int_equal(dev.read(dev.sc, TYPER + 2, 2, &val), MMIO_OK);
	assert_int_equal(val, 80);
	for (uint32_t reg = 0; reg < dev.size; reg += 4) {
		uint32_t was = rd(reg);

		wr(reg, 0xffffffff);
		assert_int_equal(rd(reg), was);
	}
	assert_int_equal(raised, 0);
}

static void
test_stores(void **state)
{
	(void)state;
	for (uint32_t data = 0; data < 1100; data++) {
		unsigned int before = raised;
		bool ours = data >= FIRST && data < FIRST + MACHINE_GICV2M_NSPIS;

		wr(SETSPI, data);
		assert_int_equal(raised, before + ours);
		if (ours)
			assert_int_equal(last, data);
	}
	assert_int_equal(raised, 64);
	/* Half a word is enough; next to it is nothing. */
	assert_int_equal(dev.write(dev.sc, SETSPI, 2, FIRST), MMIO_OK);
	assert_int_equal(raised, 65);
	assert_int_equal(dev.write(dev.sc, SETSPI + 2, 2, FIRST), MMIO_OK);
	wr(SETSPI + 8, FIRST); /* SETSPI_SR, the secure one, is not there */
	wr(TYPER, FIRST);
	assert_int_equal(raised, 65);
}

static void
test_messages(void **state)
{
	(void)state;
	assert_true(gicv2m_message(&frame, SETSPI_GPA, FIRST + 63));
	assert_int_equal(last, FIRST + 63);
	assert_false(gicv2m_message(&frame, SETSPI_GPA, FIRST + 64));
	assert_false(gicv2m_message(&frame, SETSPI_GPA, FIRST - 1));
	assert_false(gicv2m_message(&frame, SETSPI_GPA, 0x10000 | FIRST));
	assert_false(gicv2m_message(&frame, SETSPI_GPA + 4, FIRST));
	assert_false(gicv2m_message(&frame, SETSPI, FIRST));
	assert_false(gicv2m_message(&frame, SETSPI_GPA | 1ull << 32, FIRST));
	assert_int_equal(raised, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_registers, setup),
		cmocka_unit_test_setup(test_stores, setup),
		cmocka_unit_test_setup(test_messages, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
