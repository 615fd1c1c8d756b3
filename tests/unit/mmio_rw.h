/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The registers of the one device that a test is about: accesses of a word that must work.
 */
#ifndef MMIO_RW_H
#define MMIO_RW_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../bhyve/mmio.h"

static struct mmio_device dev;

static uint32_t
rd(uint32_t reg)
{
	uint64_t val = ~0ull;

	assert_int_equal(dev.read(dev.sc, reg, 4, &val), MMIO_OK);
	return (uint32_t)val;
}

static void
wr(uint32_t reg, uint32_t val)
{
	assert_int_equal(dev.write(dev.sc, reg, 4, val), MMIO_OK);
}

#endif /* MMIO_RW_H */
