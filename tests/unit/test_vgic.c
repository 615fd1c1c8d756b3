/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The virtual GIC: every register, scenarios with a guest that acknowledges and ends, and
 * long random runs against a second, naive GIC that knows no list registers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "errno.h"
#include "vgic_rig.h"

#define NIRQS 288u
#define SPI0  32u

static void
enable_spi(uint32_t intid, uint32_t target, uint32_t prio, bool edge)
{
	uint32_t cfg = GICD_ICFGR + intid / 16 * 4, bit = 2u << (2 * (intid % 16));

	rig_write(0, GICD_ISENABLER + intid / 32 * 4, BIT(intid % 32));
	rig_access(0, GICD_ITARGETSR + intid, 1, true, target);
	rig_access(0, GICD_IPRIORITYR + intid, 1, true, prio);
	rig_write(0, cfg, (rig_read(0, cfg) & ~bit) | (edge ? bit : 0));
}

static void
start(uint32_t n, uint32_t nlrs)
{
	rig_init(n, nlrs, NIRQS);
	for (uint32_t id = 0; id < n; id++)
		rig_enter(id);
	rig_write(0, GICD_CTLR, 1);
	rig.requested = 0;
}

/* ---- registers ---- */

static void
test_attach(void **state)
{
	(void)state;
	rig_init(1, 4, 0);
	assert_int_equal(vgic_host_set_level(&rig.vm, 40, true), -EINVAL);
	assert_int_equal(vgic_attach(&rig.vm, 0x08000800, 0x08010000, NIRQS), -EINVAL);
	assert_int_equal(vgic_attach(&rig.vm, 0x08000000, 0x08010010, NIRQS), -EINVAL);
	assert_int_equal(vgic_attach(&rig.vm, 0x08000000, 0x08000000, NIRQS), -EINVAL);
	assert_int_equal(vgic_attach(&rig.vm, 0x08001000, 0x08000000, NIRQS), -EINVAL);
	assert_int_equal(vgic_attach(&rig.vm, 1ull << 40, 0x08000000, NIRQS), -EINVAL);
	assert_int_equal(vgic_attach(&rig.vm, 0, (1ull << 40) - 0x1000, NIRQS), -EINVAL);
	assert_int_equal(vgic_attach(&rig.vm, 0, ~0xfffull, NIRQS), -EINVAL);
	for (uint32_t n = 0; n < 2000; n++)
		if (n % 32 != 0 || n < 64 || n > 992)
			if (n != 1020)
				assert_int_equal(
				    vgic_attach(&rig.vm, 0x08000000, 0x08010000, n), -EINVAL);
	rig.vm.map[0] = (struct memmap){ .gpa = 0x08011000, .len = 0x1000 };
	assert_int_equal(vgic_attach(&rig.vm, 0x08000000, 0x08010000, NIRQS), -EINVAL);
	rig.vm.map[0].gpa = 0x08000000;
	assert_int_equal(vgic_attach(&rig.vm, 0x08000000, 0x08010000, NIRQS), -EINVAL);
	rig.vm.map[0].len = 0;
	assert_int_equal(vgic_attach(&rig.vm, 0x08000000, 0x08010000, NIRQS), 0);
	assert_int_equal(vgic_attach(&rig.vm, 0x08000000, 0x08010000, NIRQS), -EEXIST);
	assert_true(vgic_host_is_dist(&rig.vm, 0x08000fff));
	assert_false(vgic_host_is_dist(&rig.vm, 0x08001000));
	assert_false(vgic_host_is_dist(&rig.vm, 0x07ffffff));
	vgic_detach(&rig.vm);
	assert_false(vgic_host_is_dist(&rig.vm, 0x08000000));
	assert_int_equal(vgic_attach(&rig.vm, 0x08000000, 0x08010000, 1020), 0);
	/* INTIDs 1020.. do not exist */
	assert_int_equal(vgic_host_set_level(&rig.vm, 1019, true), 0);
	assert_int_equal(vgic_host_set_level(&rig.vm, 1020, true), -EINVAL);
	assert_int_equal(vgic_host_pulse(&rig.vm, 1023), -EINVAL);
	assert_int_equal(vgic_host_pulse(&rig.vm, ~0u), -EINVAL);
	assert_int_equal(vgic_host_set_level(&rig.vm, 31, true), -EINVAL);
	rig_enter(0);
	rig_write(0, GICD_ISENABLER + 31 * 4, ~0u);
	assert_int_equal(rig_read(0, GICD_ISENABLER + 31 * 4), 0x0fffffff);
	rig_write(0, GICD_ISACTIVER + 31 * 4, ~0u);
	assert_int_equal(rig_read(0, GICD_ISACTIVER + 31 * 4), 0x0fffffff);
	rig_write(0, GICD_IPRIORITYR + 1020, ~0u);
	assert_int_equal(rig_read(0, GICD_IPRIORITYR + 1020), 0);
	rig_write(0, GICD_IPRIORITYR + 1016, ~0u);
	assert_int_equal(rig_read(0, GICD_IPRIORITYR + 1016), 0xf8f8f8f8);
}

static void
test_identity(void **state)
{
	(void)state;
	start(8, 4);
	for (uint32_t id = 0; id < 8; id++)
		assert_int_equal(rig_read(id, GICD_TYPER), 8 | 7 << 5);
	assert_int_equal(rig_read(3, GICD_IIDR) & 0xfff, 0x43b);
	assert_int_equal(rig_read(3, GICD_ICPIDR2) & 0xf0, 0x20);
	assert_int_equal(rig_read(0, 0xff0), 0x0d);
	assert_int_equal(rig_read(0, 0xffc), 0xb1);
	assert_int_equal(rig_read(0, 0xfcc), 0);
	assert_int_equal(rig_read(0, GICD_CTLR), 1);
	rig_write(5, GICD_CTLR, ~0u);
	assert_int_equal(rig_read(0, GICD_CTLR), 3);
	/* read-only ones */
	for (uint32_t off = GICD_TYPER; off < GICD_IGROUPR; off += 4) {
		uint32_t was = rig_read(0, off);

		rig_write(0, off, ~was);
		assert_int_equal(rig_read(0, off), was);
	}
	start(1, 4);
	assert_int_equal(rig_read(0, GICD_TYPER), 8);
}

/* One bit an interrupt, banked below 32, gone behind nirqs. */
static void
check_bits(uint32_t set, uint32_t clear, uint32_t fixed0, uint32_t sgis)
{
	start(8, 4);
	rig_write(0, GICD_CTLR, 0); /* nothing moves by itself */
	for (uint32_t w = 0; w < 32; w++) {
		uint32_t off = set + 4 * w, mask = w == 0 ? ~sgis : w < NIRQS / 32 ? ~0u : 0;
		uint32_t rest = w == 0 ? fixed0 : 0;

		assert_int_equal(rig_read(1, off), rest);
		rig_write(1, off, 0xa5a5f00f);
		assert_int_equal(rig_read(1, off), (0xa5a5f00f & mask) | rest);
		assert_int_equal(rig_read(7, off), w == 0 ? rest : 0xa5a5f00f & mask);
		if (clear != 0) {
			assert_int_equal(rig_read(1, clear + 4 * w), (0xa5a5f00f & mask) | rest);
			rig_write(1, off, 0); /* no effect */
			rig_write(1, clear + 4 * w, 0x00000fff);
			assert_int_equal(rig_read(1, off), (0xa5a5f000 & mask) | rest);
			rig_write(1, clear + 4 * w, ~0u);
		} else {
			rig_write(1, off, 0);
		}
		assert_int_equal(rig_read(1, off), rest);
		/* no bytes, no halfwords, nothing misaligned */
		for (uint32_t size = 1; size <= 2; size++)
			for (uint32_t i = 0; i < 4; i++) {
				rig_access(1, off + i, size, true, ~0u);
				assert_int_equal(rig_access(1, off + i, size, false, 0), 0);
			}
		for (uint32_t i = 1; i < 4; i++) {
			rig_access(1, off + i, 4, true, ~0u);
			assert_int_equal(rig_access(1, off + i, 4, false, 0), 0);
		}
		assert_int_equal(rig_read(1, off), rest);
	}
}

static void
test_bit_registers(void **state)
{
	(void)state;
	check_bits(GICD_IGROUPR, 0, 0, 0);
	check_bits(GICD_ISENABLER, GICD_ICENABLER, 0xffff, 0xffff);
	check_bits(GICD_ISPENDR, GICD_ICPENDR, 0, 0xffff);
	check_bits(GICD_ISACTIVER, GICD_ICACTIVER, 0, 0);
}

static void
test_byte_registers(void **state)
{
	(void)state;
	start(8, 4);
	for (uint32_t i = 0; i < 1024; i++) {
		bool there = i < NIRQS, spi = there && i >= 32;

		rig_access(2, GICD_IPRIORITYR + i, 1, true, 0x5f);
		assert_int_equal(rig_access(2, GICD_IPRIORITYR + i, 1, false, 0), there ? 0x58 : 0);
		assert_int_equal(rig_access(3, GICD_IPRIORITYR + i, 1, false, 0), spi ? 0x58 : 0);
		rig_access(2, GICD_ITARGETSR + i, 1, true, 0x81);
		assert_int_equal(rig_access(2, GICD_ITARGETSR + i, 1, false, 0),
		    spi	      ? 0x81 :
			there ? 4 :
				0);
	}
	assert_int_equal(rig_read(7, GICD_ITARGETSR), 0x80808080);
	rig_write(2, GICD_IPRIORITYR + 40, 0x04030201 * 8);
	assert_int_equal(rig_read(2, GICD_IPRIORITYR + 40), 0x20181008);
	assert_int_equal(rig_access(2, GICD_IPRIORITYR + 42, 1, false, 0), 0x18);
	/* halfwords and misaligned words: nothing */
	rig_access(2, GICD_IPRIORITYR + 40, 2, true, 0xffff);
	rig_access(2, GICD_IPRIORITYR + 41, 4, true, ~0u);
	assert_int_equal(rig_access(2, GICD_IPRIORITYR + 40, 2, false, 0), 0);
	assert_int_equal(rig_read(2, GICD_IPRIORITYR + 40), 0x20181008);
	/* CPUs that do not exist */
	start(3, 4);
	rig_write(0, GICD_ITARGETSR + 32, ~0u);
	assert_int_equal(rig_read(0, GICD_ITARGETSR + 32), 0x07070707);
	start(1, 4);
	rig_write(0, GICD_ITARGETSR + 32, ~0u);
	assert_int_equal(rig_read(0, GICD_ITARGETSR + 32), 0);
	assert_int_equal(rig_read(0, GICD_ITARGETSR), 0);
}

static void
test_icfgr(void **state)
{
	(void)state;
	start(8, 4);
	assert_int_equal(rig_read(0, GICD_ICFGR), 0xaaaaaaaa);
	assert_int_equal(rig_read(0, GICD_ICFGR + 4), 0);
	for (uint32_t off = 0; off < 0x100; off += 4) {
		bool spi = off >= 8 && off < NIRQS / 4;

		rig_write(0, GICD_ICFGR + off, 0x5a5a1234);
		if (off >= 8)
			assert_int_equal(
			    rig_read(6, GICD_ICFGR + off), spi ? 0x5a5a1234 & 0xaaaaaaaa : 0);
	}
	assert_int_equal(rig_read(0, GICD_ICFGR), 0xaaaaaaaa);
	assert_int_equal(rig_read(0, GICD_ICFGR + 4), 0);
}

static void
test_holes(void **state)
{
	static const uint32_t holes[] = { 0x00c, 0x010, 0x020, 0x03c, 0x040, 0x07c, 0xd00, 0xd04,
		0xdfc, 0xe00, 0xe80, 0xefc, 0xf04, 0xf0c, 0xf30, 0xf7c, 0xf80, 0xfcc, 0x1000,
		0x2000, 0xfffffffc };

	(void)state;
	start(2, 4);
	for (uint32_t i = 0; i < NELEM(holes); i++) {
		rig_write(0, holes[i], ~0u);
		assert_int_equal(rig_read(0, holes[i]), 0);
	}
	assert_int_equal(rig_read(0, GICD_SGIR), 0);
	assert_int_equal(rig_access(0, GICD_CTLR, 8, false, 0), 0);
	assert_int_equal(rig_access(0, GICD_CTLR, 0, false, 0), 0);
	for (uint32_t off = 0; off < 0x1010; off++)
		for (uint32_t size = 0; size < 10; size++)
			rig_access(1, off, size, off % 3 == 0, off * 0x9e3779b1u);
}

static void
test_sgi_registers(void **state)
{
	(void)state;
	start(4, 4);
	rig_write(0, GICD_CTLR, 0);
	rig_access(1, GICD_SPENDSGIR + 5, 1, true, 0xff);
	assert_int_equal(rig_read(1, GICD_SPENDSGIR + 4), 0x0f00);
	assert_int_equal(rig_read(1, GICD_CPENDSGIR + 4), 0x0f00);
	assert_int_equal(rig_read(2, GICD_CPENDSGIR + 4), 0);
	assert_int_equal(rig_read(1, GICD_ISPENDR), BIT(5));
	rig_write(1, GICD_CPENDSGIR + 4, 0x0500);
	assert_int_equal(rig_access(1, GICD_CPENDSGIR + 5, 1, false, 0), 0x0a);
	rig_write(2, GICD_SGIR, 2u << 16 | 5); /* to vCPU 1, which has not looked yet */
	rig_access(1, GICD_CPENDSGIR + 5, 1, true, 0xff);
	assert_int_equal(rig_read(1, GICD_ISPENDR), 0);
	/* the filters */
	rig_write(1, GICD_SGIR, 0u << 24 | 0xf5u << 16 | 3);
	rig_write(1, GICD_SGIR, 1u << 24 | 0x0fu << 16 | 4);
	rig_write(1, GICD_SGIR, 2u << 24 | 0x0fu << 16 | 6);
	rig_write(1, GICD_SGIR, 3u << 24 | 0x0fu << 16 | 7);
	rig_access(1, GICD_SGIR, 1, true, 8);
	for (uint32_t id = 0; id < 4; id++) {
		uint32_t want = (id == 0 || id == 2 ? BIT(3) : 0) | (id != 1 ? BIT(4) : BIT(6));

		assert_int_equal(rig_read(id, GICD_ISPENDR), want);
	}
	assert_int_equal(rig_read(2, GICD_SPENDSGIR), 2u << 24);
}

/* ---- scenarios ---- */

static void
test_sgi_self(void **state)
{
	unsigned long accesses;

	(void)state;
	start(2, 4);
	accesses = fake_gic_accesses;
	rig_write(0, GICD_SGIR, 2u << 24 | 9);
	/* the fast path: one list register written, nothing else touched */
	assert_int_equal(fake_gic_accesses - accesses, 1);
	assert_int_equal(rig.hv[0].vgic.used, 1);
	assert_true(fake_gicv_irq());
	assert_int_equal(rig_ack(0), 9);
	assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
	rig_eoi(0, 9);
	assert_false(fake_gicv_irq());
	/* again: the same list register, after a look that it has ended; by number this time */
	accesses = fake_gic_accesses;
	rig_write(0, GICD_SGIR, BIT(16) | 9);
	assert_int_equal(fake_gic_accesses - accesses, 2);
	rig_write(0, GICD_SGIR, BIT(16) | 9); /* pending already: one interrupt */
	assert_int_equal(rig_ack(0), 9);
	rig_write(0, GICD_SGIR, BIT(16) | 9); /* active: one more */
	assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
	rig_eoi(0, 9);
	assert_int_equal(rig_ack(0), 9);
	rig_eoi(0, 9);
	rig_sync(0);
	assert_int_equal(rig.hv[0].stats[VMM_STAT_IRQ_INJECTED], 3);
	assert_int_equal(rig.requested, 0);
}

/* One SGI from several CPUs: one at a time, each with its source, none lost (IHI 0048B 4.3.15). */
static void
test_sgi_sources(void **state)
{
	(void)state;
	for (uint32_t nlrs = 1; nlrs <= 16; nlrs *= 2) {
		start(8, nlrs);
		for (uint32_t id = 1; id < 8; id++)
			rig_write(id, GICD_SGIR, BIT(16) | 2);
		assert_int_equal(rig.requested, BIT(0));
		for (uint32_t id = 1; id < 8; id++) {
			uint32_t iar = rig_ack(0);

			assert_int_equal(iar, id << 10 | 2);
			if (id == 3) /* again while active: once more afterwards */
				rig_write(3, GICD_SGIR, BIT(16) | 2);
			assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
			rig_eoi(0, iar);
			if (id == 3) {
				assert_int_equal(rig_ack(0), 3u << 10 | 2);
				rig_eoi(0, 3u << 10 | 2);
			}
		}
		assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
	}
}

static void
test_level(void **state)
{
	(void)state;
	start(2, 4);
	enable_spi(40, 1, 0xa0, false);
	vgic_host_set_level(&rig.vm, 40, true);
	assert_int_equal(rig.requested, BIT(0));
	assert_int_equal(rig_ack(0), 40);
	/* the line stays high: pending and active; after the EOI it comes again */
	assert_int_equal(rig_read(0, GICD_ISPENDR + 4), BIT(8));
	assert_int_equal(rig_read(0, GICD_ISACTIVER + 4), BIT(8));
	assert_int_equal(rig_read(1, GICD_ISACTIVER + 4), BIT(8));
	rig_eoi(0, 40);
	assert_int_equal(rig_ack(0), 40);
	vgic_host_set_level(&rig.vm, 40, false);
	rig_eoi(0, 40);
	assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
	assert_int_equal(rig_read(0, GICD_ISACTIVER + 4), 0);
	/* raised and lowered before anybody took it */
	vgic_host_set_level(&rig.vm, 40, true);
	rig_settle(0);
	assert_true(fake_gicv_irq());
	vgic_host_set_level(&rig.vm, 40, false);
	assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
	/* ICPENDR does not help against a line, ISPENDR makes a latch that it clears */
	vgic_host_set_level(&rig.vm, 40, true);
	rig_write(0, GICD_ICPENDR + 4, BIT(8));
	assert_int_equal(rig_read(0, GICD_ISPENDR + 4), BIT(8));
	rig_write(0, GICD_ISPENDR + 4, BIT(8));
	vgic_host_set_level(&rig.vm, 40, false);
	assert_int_equal(rig_read(0, GICD_ISPENDR + 4), BIT(8));
	rig_write(0, GICD_ICPENDR + 4, BIT(8));
	assert_int_equal(rig_read(0, GICD_ISPENDR + 4), 0);
	assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
	/* a latch is used up by the acknowledge */
	rig_write(0, GICD_ISPENDR + 4, BIT(8));
	assert_int_equal(rig_ack(0), 40);
	rig_eoi(0, 40);
	assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
}

/* A line that a bound descriptor holds: high until the guest has ended the interrupt. */
static void
test_resample(void **state)
{
	(void)state;
	start(2, 4);
	enable_spi(40, 1, 0xa0, false);
	/* not bound: not held */
	vgic_host_hold(&rig.vm, 40);
	assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
	vgic_host_set_resample(&rig.vm, 40, true);
	vgic_host_set_resample(&rig.vm, 31, true);
	vgic_host_set_resample(&rig.vm, NIRQS, true);
	rig.requested = 0;
	vgic_host_hold(&rig.vm, 40);
	assert_int_equal(rig.requested, BIT(0));
	assert_int_equal(rig_ack(0), 40);
	vgic_host_hold(&rig.vm, 40); /* again meanwhile: the same level */
	assert_int_equal(rig.ended[40], 0);
	rig_eoi(0, 40);
	assert_int_equal(rig.ended[40], 1);
	assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
	/* one of user space's devices drives it as well: that one's stays */
	vgic_host_set_level(&rig.vm, 40, true);
	vgic_host_hold(&rig.vm, 40);
	assert_int_equal(rig_ack(0), 40);
	rig_eoi(0, 40);
	assert_int_equal(rig.ended[40], 2);
	assert_int_equal(rig_ack(0), 40);
	vgic_host_hold(&rig.vm, 40);
	vgic_host_set_level(&rig.vm, 40, false);
	assert_int_equal(rig_read(0, GICD_ISPENDR + 4), BIT(8));
	rig_eoi(0, 40);
	assert_int_equal(rig.ended[40], 3);
	assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
	/* the last binding goes */
	vgic_host_hold(&rig.vm, 40);
	rig_settle(0);
	vgic_host_set_resample(&rig.vm, 40, false);
	assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
	assert_int_equal(rig_read(0, GICD_ISPENDR + 4), 0);
	assert_int_equal(rig.ended[40], 3);
}

/* An end is seen at once, whatever the guest has made of the interrupt. */
static void
test_resample_odd(void **state)
{
	(void)state;
	start(2, 4);
	/* an edge, as the guest has it */
	enable_spi(50, 2, 0xa0, true);
	vgic_host_set_resample(&rig.vm, 50, true);
	vgic_host_hold(&rig.vm, 50);
	assert_int_equal(rig_ack(1), 50);
	rig_eoi(1, 50);
	assert_int_equal(rig.ended[50], 1);
	vgic_host_hold(&rig.vm, 50);
	assert_int_equal(rig_ack(1), 50);
	rig_eoi(1, 50);
	assert_int_equal(rig.ended[50], 2);
	/* masked, ended, unmasked */
	enable_spi(51, 2, 0xa0, false);
	vgic_host_set_resample(&rig.vm, 51, true);
	vgic_host_hold(&rig.vm, 51);
	assert_int_equal(rig_ack(1), 51);
	rig_write(1, GICD_ICENABLER + 4, BIT(19));
	rig_eoi(1, 51);
	assert_int_equal(rig.ended[51], 1);
	vgic_host_hold(&rig.vm, 51);
	assert_int_equal(rig_ack(1), FAKE_SPURIOUS);
	rig_write(1, GICD_ISENABLER + 4, BIT(19));
	assert_int_equal(rig_ack(1), 51);
	rig_eoi(1, 51);
	assert_int_equal(rig.ended[51], 2);
	/* bound while a list register has it */
	enable_spi(52, 2, 0xa0, true);
	vgic_host_pulse(&rig.vm, 52);
	assert_int_equal(rig_ack(1), 52);
	vgic_host_set_resample(&rig.vm, 52, true);
	rig_settle(1);
	rig_eoi(1, 52);
	assert_int_equal(rig.ended[52], 1);
	/* priority drop and deactivation apart: the end is the latter */
	fake_gicv_set_eoimode(true);
	vgic_host_hold(&rig.vm, 51);
	assert_int_equal(rig_ack(1), 51);
	rig_eoi(1, 51);
	assert_int_equal(rig.ended[51], 2);
	fake_gicv_dir(51);
	rig_settle(1);
	assert_int_equal(rig.ended[51], 3);
}

/* More of them than list registers: those whose EOI is only counted end as well. */
static void
test_resample_overflow(void **state)
{
	(void)state;
	for (uint32_t nlrs = 1; nlrs <= 4; nlrs++) {
		start(1, nlrs);
		for (uint32_t i = 0; i < 6; i++) {
			enable_spi(SPI0 + i, 1, 0xf0 - 8 * i, false);
			vgic_host_set_resample(&rig.vm, SPI0 + i, true);
			vgic_host_hold(&rig.vm, SPI0 + i);
			assert_int_equal(rig_ack(0), SPI0 + i);
		}
		for (uint32_t i = 6; i-- > 0;) {
			rig_eoi(0, SPI0 + i);
			assert_int_equal(rig.ended[SPI0 + i], 1);
		}
		assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
		assert_int_equal(rig_read(0, GICD_ISACTIVER + 4), 0);
	}
}

static void
test_edge(void **state)
{
	(void)state;
	start(2, 4);
	enable_spi(50, 2, 0xa0, true);
	assert_int_equal(vgic_host_pulse(&rig.vm, 50), 0);
	assert_int_equal(vgic_host_pulse(&rig.vm, 50), 0);
	assert_int_equal(rig.requested, BIT(1));
	assert_int_equal(rig_ack(1), 50);
	vgic_host_pulse(&rig.vm, 50); /* during the handler */
	vgic_host_pulse(&rig.vm, 50);
	assert_int_equal(rig_ack(1), FAKE_SPURIOUS);
	assert_int_equal(rig_read(1, GICD_ISPENDR + 4), BIT(18));
	rig_eoi(1, 50);
	assert_int_equal(rig_ack(1), 50);
	rig_eoi(1, 50);
	assert_int_equal(rig_ack(1), FAKE_SPURIOUS);
	/* a line that rises is an edge, one that stays is not */
	vgic_host_set_level(&rig.vm, 50, true);
	assert_int_equal(rig_ack(1), 50);
	rig_eoi(1, 50);
	vgic_host_set_level(&rig.vm, 50, true);
	assert_int_equal(rig_ack(1), FAKE_SPURIOUS);
	vgic_host_set_level(&rig.vm, 50, false);
	vgic_host_set_level(&rig.vm, 50, true);
	rig_settle(1);
	rig_write(1, GICD_ICPENDR + 4, BIT(18));
	assert_int_equal(rig_ack(1), FAKE_SPURIOUS);
	/* an edge while disabled is kept */
	rig_write(1, GICD_ICENABLER + 4, BIT(18));
	rig.requested = 0;
	vgic_host_pulse(&rig.vm, 50);
	assert_int_equal(rig.requested, 0);
	assert_int_equal(rig_ack(1), FAKE_SPURIOUS);
	rig_write(0, GICD_ISENABLER + 4, BIT(18));
	assert_int_equal(rig_ack(1), 50);
	rig_eoi(1, 50);
	/* a pulse means nothing to a level-sensitive input */
	enable_spi(50, 2, 0xa0, false);
	vgic_host_set_level(&rig.vm, 50, false);
	vgic_host_pulse(&rig.vm, 50);
	assert_int_equal(rig_ack(1), FAKE_SPURIOUS);
}

/* What another vCPU does to an interrupt that waits in a list register. */
static void
test_foreign(void **state)
{
	(void)state;
	start(3, 4);
	for (int what = 0; what < 5; what++) {
		enable_spi(60, 1, 0xa0, true);
		vgic_host_pulse(&rig.vm, 60);
		rig_settle(0);
		assert_true(fake_gicv_irq());
		switch (what) {
		case 0:
			rig_write(1, GICD_ICENABLER + 4, BIT(28));
			break;
		case 1:
			rig_write(1, GICD_ICPENDR + 4, BIT(28));
			break;
		case 2:
			rig_access(1, GICD_ITARGETSR + 60, 1, true, 4);
			break;
		case 3:
			rig_access(1, GICD_IPRIORITYR + 60, 1, true, 0xf8);
			break;
		case 4:
			rig_write(1, GICD_ISACTIVER + 4, BIT(28));
			break;
		}
		/* the access is over: already without its vCPU's doing anything */
		rig_on(0);
		assert_false(fake_gicv_irq());
		if (what == 0)
			rig_write(1, GICD_ISENABLER + 4, BIT(28));
		if (what == 1)
			vgic_host_pulse(&rig.vm, 60);
		if (what == 4) {
			assert_int_equal(rig_read(2, GICD_ISACTIVER + 4), BIT(28));
			rig_write(2, GICD_ICACTIVER + 4, BIT(28));
		}
		if (what == 3)
			rig_access(1, GICD_IPRIORITYR + 60, 1, true, 0xf0);
		assert_int_equal(rig_ack(what == 2 ? 2 : 0), 60);
		/* active state as the other's list register has it */
		assert_int_equal(rig_read(1, GICD_ISACTIVER + 4), BIT(28));
		rig_on(what == 2 ? 2 : 0);
		fake_gicv_eoi(60);
		assert_int_equal(rig_read(1, GICD_ISACTIVER + 4), 0);
		assert_int_equal(rig_ack(what == 2 ? 2 : 0), FAKE_SPURIOUS);
	}
}

/* Active here, pending again, and meant for another vCPU now: that one gets it after the EOI. */
static void
test_retarget_active(void **state)
{
	(void)state;
	start(2, 4);
	enable_spi(60, 1, 0xa0, true);
	vgic_host_pulse(&rig.vm, 60);
	assert_int_equal(rig_ack(0), 60);
	vgic_host_pulse(&rig.vm, 60);
	rig_access(0, GICD_ITARGETSR + 60, 1, true, 2);
	assert_int_equal(rig_ack(1), FAKE_SPURIOUS);
	assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
	rig.requested = 0;
	rig_eoi(0, 60);
	assert_int_equal(rig.requested, BIT(1));
	assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
	assert_int_equal(rig_ack(1), 60);
	rig_eoi(1, 60);
}

/* The same for one that no list register holds: its EOI is counted once, though HYP declines. */
static void
test_retarget_unlisted(void **state)
{
	(void)state;
	start(2, 1);
	enable_spi(60, 1, 0x40, true);
	enable_spi(61, 1, 0x80, true);
	vgic_host_pulse(&rig.vm, 61);
	assert_int_equal(rig_ack(0), 61);
	vgic_host_pulse(&rig.vm, 60);
	assert_int_equal(rig_ack(0), 60);
	rig_write(0, GICD_SGIR, BIT(16) | 1); /* takes the list register */
	vgic_host_pulse(&rig.vm, 60);
	rig_access(0, GICD_ITARGETSR + 60, 1, true, 2);
	rig_settle(0);
	rig.requested = 0;
	rig_eoi(0, 60);
	assert_int_equal(rig.requested, BIT(1));
	assert_int_equal(rig_read(0, GICD_ISACTIVER + 4), BIT(29));
	assert_int_equal(rig_ack(1), 60);
	assert_int_equal(rig_ack(0), 1);
	rig_eoi(0, 1);
	rig_eoi(0, 61);
	assert_int_equal(rig_read(0, GICD_ISACTIVER + 4), BIT(28));
}

/* More pending than list registers: all come, in order; also with nesting and EOImode. */
static void
overflow(uint32_t nlrs, bool split)
{
	uint32_t stack[32], depth = 0;

	start(1, nlrs);
	fake_gicv_set_eoimode(split);
	for (uint32_t i = 0; i < 20; i++) {
		/* INTID 32 + i has priority 19 - i: later ones preempt */
		enable_spi(SPI0 + i, 1, (19 - i) * 8 + 8, true);
	}
	for (uint32_t i = 0; i < 10; i++) { /* nested ten deep */
		vgic_host_pulse(&rig.vm, SPI0 + i);
		assert_int_equal(rig_ack(0), SPI0 + i);
		stack[depth++] = SPI0 + i;
	}
	for (uint32_t i = 10; i < 20; i++)
		vgic_host_pulse(&rig.vm, SPI0 + i);
	for (uint32_t i = 20; i-- > 10;) {
		assert_int_equal(rig_ack(0), SPI0 + i);
		assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
		rig_eoi(0, SPI0 + i);
		if (split) {
			fake_gicv_dir(SPI0 + i);
			rig_settle(0);
		}
	}
	while (depth-- > 0) {
		assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
		rig_eoi(0, stack[depth]);
		if (split) {
			fake_gicv_dir(stack[depth]);
			rig_settle(0);
		}
		assert_int_equal(rig_read(0, GICD_ISACTIVER + 4), BIT(depth) - 1);
	}
	assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(rig.hvm.vgic.pending[1] | rig.hvm.vgic.active[1], 0);
}

static void
test_overflow(void **state)
{
	(void)state;
	for (uint32_t nlrs = 1; nlrs <= 16; nlrs *= 2) {
		overflow(nlrs, false);
		overflow(nlrs, true);
	}
}

/* Priority drop without deactivation: what waits may be taken although all registers are active. */
static void
test_eoimode_starvation(void **state)
{
	(void)state;
	start(1, 2);
	fake_gicv_set_eoimode(true);
	for (uint32_t i = 0; i < 8; i++) {
		enable_spi(SPI0 + i, 1, 0xa0, true);
		vgic_host_pulse(&rig.vm, SPI0 + i);
	}
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(rig_ack(0), SPI0 + i);
		rig_eoi(0, SPI0 + i); /* drops only */
	}
	assert_int_equal(rig_read(0, GICD_ISACTIVER + 4), 0xff);
	for (uint32_t i = 0; i < 8; i++) {
		fake_gicv_dir(SPI0 + i);
		rig_settle(0);
	}
	assert_int_equal(rig_read(0, GICD_ISACTIVER + 4), 0);
}

/* EOIs of what is not active, by a guest that means no good: nothing happens. */
static void
test_wild_eoi(void **state)
{
	(void)state;
	start(1, 1);
	enable_spi(32, 1, 0x80, true);
	enable_spi(33, 1, 0x40, true);
	vgic_host_pulse(&rig.vm, 32);
	assert_int_equal(rig_ack(0), 32);
	vgic_host_pulse(&rig.vm, 33);
	assert_int_equal(rig_ack(0), 33);
	for (uint32_t i = 0; i < 100; i++)
		rig_eoi(0, i * 37 % 1100);
	vgic_host_pulse(&rig.vm, 33);
	rig_settle(0);
	rig_sync(0);
}

static void
test_has_pending(void **state)
{
	(void)state;
	start(2, 4);
	enable_spi(70, 2, 0xa0, false);
	rig_exit(1);
	assert_false(vgic_host_has_pending(&rig.vcpu[1]));
	vgic_host_set_level(&rig.vm, 70, true);
	assert_true(vgic_host_has_pending(&rig.vcpu[1]));
	assert_false(vgic_host_has_pending(&rig.vcpu[0]));
	rig.hv[1].vgic.vmcr = 3u | (0xa0u >> 3) << 27; /* PMR as its priority: masked */
	assert_false(vgic_host_has_pending(&rig.vcpu[1]));
	rig.hv[1].vgic.vmcr = 3u | ((0xa0u >> 3) + 1) << 27;
	assert_true(vgic_host_has_pending(&rig.vcpu[1]));
	rig.hv[1].vgic.vmcr &= ~1u; /* GICC_CTLR.EnableGrp0 */
	assert_false(vgic_host_has_pending(&rig.vcpu[1]));
	rig.hv[1].vgic.vmcr |= 1u;
	rig_write(0, GICD_CTLR, 0);
	assert_false(vgic_host_has_pending(&rig.vcpu[1]));
	rig_write(0, GICD_CTLR, 2); /* group 1 only */
	assert_false(vgic_host_has_pending(&rig.vcpu[1]));
	rig_write(0, GICD_IGROUPR + 8, BIT(6));
	assert_true(vgic_host_has_pending(&rig.vcpu[1]));
	vgic_host_set_level(&rig.vm, 70, false);
	assert_false(vgic_host_has_pending(&rig.vcpu[1]));
	rig_write(0, GICD_CTLR, 1);
	rig_write(0, GICD_SGIR, 2u << 16 | 1);
	assert_true(vgic_host_has_pending(&rig.vcpu[1]));
	/* active is not pending */
	rig_enter(1);
	assert_int_equal(rig_ack(1), 1);
	rig_exit(1);
	assert_false(vgic_host_has_pending(&rig.vcpu[1]));
}

/* HYP leaves no trace of what it declines. */
static void
decline(uint32_t offset, bool write, uint32_t data)
{
	static struct hyp_vm hvm;
	static struct hyp_vcpu hv[VM_MAXCPU];
	struct vgic_access a = { .offset = offset, .size = 4, .write = write, .data = data };

	hvm = rig.hvm;
	memcpy(hv, rig.hv, sizeof(hv));
	rig_on(0);
	assert_int_equal(vgic_hyp_mmio(&rig.hv[0], &a), HYP_TO_HOST);
	assert_int_equal(a.data, data);
	/* a sync may have been */
	hv[0].vgic = rig.hv[0].vgic;
	assert_memory_equal(&rig.hvm.vgic.enabled, &hvm.vgic.enabled, sizeof(hvm.vgic.enabled));
	assert_memory_equal(&rig.hvm.vgic.target, &hvm.vgic.target, sizeof(hvm.vgic.target));
	assert_memory_equal(&rig.hvm.vgic.prio, &hvm.vgic.prio, sizeof(hvm.vgic.prio));
	assert_memory_equal(rig.hv, hv, sizeof(hv));
	assert_int_equal(rig.hvm.vgic.ctlr, hvm.vgic.ctlr);
	assert_int_equal(rig.hvm.lock.held, hvm.lock.held);
	rig_sync(0);
}

static void
test_hyp_declines(void **state)
{
	struct vgic_access a = { .offset = GICD_ISENABLER + 4, .size = 4 };

	(void)state;
	start(2, 4);
	enable_spi(40, 2, 0xa0, false);
	decline(GICD_SGIR, true, 2u << 16);
	decline(GICD_SGIR, true, 1u << 24);
	decline(GICD_CTLR, true, 0);
	decline(GICD_ISPENDR + 4, true, BIT(8));
	decline(GICD_ITARGETSR + 40, true, 1);
	vgic_host_set_level(&rig.vm, 40, true);
	rig_settle(1);
	decline(GICD_ICENABLER + 4, true, BIT(8));
	decline(GICD_IPRIORITYR + 40, true, 0);
	decline(GICD_ISPENDR + 4, false, 0);
	/* without the lock nothing of SPIs, but private registers and constants */
	rig.hvm.lock.held = 1;
	rig_on(0);
	assert_int_equal(vgic_hyp_mmio(&rig.hv[0], &a), HYP_REENTER);
	a = (struct vgic_access){
		.offset = GICD_ISENABLER + 8, .size = 4, .write = true, .data = 1
	};
	assert_int_equal(vgic_hyp_mmio(&rig.hv[0], &a), HYP_TO_HOST);
	assert_int_equal(rig.hvm.vgic.enabled[2], 0);
	a = (struct vgic_access){ .offset = GICD_SGIR, .size = 4, .write = true, .data = 2u << 24 };
	assert_int_equal(vgic_hyp_mmio(&rig.hv[0], &a), HYP_REENTER);
	assert_int_equal(rig.hvm.lock.held, 1);
	rig.hvm.lock.held = 0;
	/* and what it does take */
	a = (struct vgic_access){
		.offset = GICD_ISENABLER + 8, .size = 4, .write = true, .data = 1
	};
	assert_int_equal(vgic_hyp_mmio(&rig.hv[0], &a), HYP_REENTER);
	assert_int_equal(rig.hvm.vgic.enabled[2], 1);
	assert_int_equal(rig.hvm.lock.held, 0);
}

/* HYP turns back at the door, since somebody wants the vCPU: nothing ran, nothing is lost. */
static void
test_turned_back(void **state)
{
	(void)state;
	start(2, 2);
	enable_spi(40, 1, 0xa0, true);
	enable_spi(41, 1, 0xa0, false);
	vgic_host_pulse(&rig.vm, 40);
	vgic_host_set_level(&rig.vm, 41, true);
	rig_write(1, GICD_SGIR, BIT(16) | 4);
	rig_exit(0);
	for (int i = 0; i < 3; i++) {
		vgic_host_flush(&rig.vcpu[0]);
		assert_int_equal(rig.hv[0].vgic.used, 3);
		vgic_host_sync(&rig.vcpu[0]);
		assert_int_equal(rig.hv[0].vgic.used, 0);
	}
	rig_enter(0);
	assert_int_equal(rig_ack(0), 1u << 10 | 4);
	rig_eoi(0, 1u << 10 | 4);
	assert_int_equal(rig_ack(0), 40);
	rig_eoi(0, 40);
	assert_int_equal(rig_ack(0), 41);
	vgic_host_set_level(&rig.vm, 41, false);
	rig_eoi(0, 41);
	assert_int_equal(rig_ack(0), FAKE_SPURIOUS);
}

static void
test_reset(void **state)
{
	(void)state;
	start(2, 4);
	enable_spi(40, 1, 0xa0, true);
	vgic_host_pulse(&rig.vm, 40);
	assert_int_equal(rig_ack(0), 40);
	rig_exit(0);
	rig_exit(1);
	vgic_detach(&rig.vm);
	for (uint32_t id = 0; id < 2; id++)
		vgic_host_vcpu_reset(&rig.vcpu[id]);
	assert_int_equal(vgic_attach(&rig.vm, 0x08000000, 0x08010000, 64), 0);
	rig_enter(0);
	assert_int_equal(rig_read(0, GICD_TYPER), 1 | 1 << 5);
	assert_int_equal(rig_read(0, GICD_ISACTIVER + 4) | rig_read(0, GICD_ISENABLER + 4), 0);
	assert_int_equal(rig.hv[0].vgic.nlrs, 4);
}

/* ---- the naive GIC: one interrupt, one struct; looks at everything each time ---- */

#define M_CPUS 8u
#define M_IRQS 96u

struct m_irq {
	bool enabled, latch, line, edge, active;
	uint32_t prio, target, group, on; /* on: where it is active */
	uint32_t src;			  /* SGI: pending sources */
	uint32_t act_src;
};
static struct {
	struct m_irq spi[M_IRQS];
	struct m_irq priv[M_CPUS][32];
	uint32_t ctlr, pmr[M_CPUS];
	uint32_t run[M_CPUS][64], iar[M_CPUS][64], depth[M_CPUS]; /* stacks of what was taken */
	unsigned long taken;
} m;

static struct m_irq *
m_irq(uint32_t cpu, uint32_t id)
{
	return id < 32 ? &m.priv[cpu][id] : &m.spi[id];
}

static bool
m_pending(const struct m_irq *q, uint32_t id)
{
	return id < 16 ? q->src != 0 : q->latch || (q->line && !q->edge);
}

static bool
m_for(const struct m_irq *q, uint32_t cpu, uint32_t id)
{
	return id < 32 || (q->target != 0 && (uint32_t)__builtin_ctz(q->target) == cpu);
}

/* The INTID that cpu would acknowledge; FAKE_SPURIOUS.  below: the priority it must beat. */
static uint32_t
m_best(uint32_t cpu, uint32_t below)
{
	uint32_t best = FAKE_SPURIOUS, best_prio = below;

	for (uint32_t id = 0; id < M_IRQS; id++) {
		const struct m_irq *q = m_irq(cpu, id);

		if (q->enabled && m_pending(q, id) && !q->active && m_for(q, cpu, id) &&
		    (m.ctlr >> q->group & 1) && q->prio < best_prio) {
			best = id;
			best_prio = q->prio;
		}
	}
	return best;
}

/* An SGI's sources come in any order (IHI 0048B 4.4.4): the model follows got if it is pending. */
static uint32_t
m_ack(uint32_t cpu, uint32_t got)
{
	uint32_t run = m.depth[cpu] != 0 ? m.run[cpu][m.depth[cpu] - 1] : 256;
	uint32_t id = m_best(cpu, run < m.pmr[cpu] ? run : m.pmr[cpu]), iar = id;
	struct m_irq *q;

	if (id == FAKE_SPURIOUS)
		return id;
	q = m_irq(cpu, id);
	q->active = true;
	q->on = cpu;
	q->latch = false;
	if (id < 16) {
		q->act_src = got >> 10 & 7;
		if ((q->src & BIT(q->act_src)) == 0)
			q->act_src = (uint32_t)__builtin_ctz(q->src);
		q->src &= ~BIT(q->act_src);
		iar |= q->act_src << 10;
	}
	m.run[cpu][m.depth[cpu]] = q->prio;
	m.iar[cpu][m.depth[cpu]++] = iar;
	m.taken++;
	return iar;
}

static void
m_init(uint32_t ncpus)
{
	memset(&m, 0, sizeof(m));
	for (uint32_t cpu = 0; cpu < ncpus; cpu++) {
		m.pmr[cpu] = 0xf8;
		for (uint32_t id = 0; id < 16; id++)
			m.priv[cpu][id].enabled = m.priv[cpu][id].edge = true;
	}
}

/* ---- the random run ---- */

static uint64_t rnd_state;

static uint32_t
rnd(uint32_t n)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return (uint32_t)(rnd_state >> 16) % n;
}

static uint32_t ncpus_now;

/* Some interrupt, sometimes the same few, so that things happen to one that is under way. */
static uint32_t
rnd_irq(uint32_t from)
{
	uint32_t span = rnd(2) ? M_IRQS - from : 6;

	return from + rnd(span);
}

static void
do_bits(uint32_t cpu, uint32_t id)
{
	struct m_irq *q = m_irq(cpu, id);
	uint32_t off = id / 32 * 4, bit = BIT(id % 32);

	switch (rnd(6)) {
	case 0:
	case 1:
		rig_write(cpu, GICD_ISENABLER + off, bit);
		q->enabled = true;
		break;
	case 2:
		rig_write(cpu, GICD_ICENABLER + off, bit);
		q->enabled = id < 16;
		break;
	case 3:
		rig_write(cpu, GICD_ISPENDR + off, bit);
		q->latch = id >= 16;
		break;
	case 4:
		rig_write(cpu, GICD_ICPENDR + off, bit);
		q->latch = false;
		break;
	case 5:
		q->group = rnd(4) == 0;
		rig_write(cpu, GICD_IGROUPR + off,
		    (rig_read(cpu, GICD_IGROUPR + off) & ~bit) | (q->group ? bit : 0));
		break;
	}
}

static void
do_bytes(uint32_t cpu, uint32_t id)
{
	struct m_irq *q = m_irq(cpu, id);

	if (rnd(2)) {
		q->prio = rnd(31) * 8;
		rig_access(cpu, GICD_IPRIORITYR + id, 1, true, q->prio | rnd(8));
	} else if (id >= 32) {
		q->target = rnd(BIT(ncpus_now));
		rig_access(cpu, GICD_ITARGETSR + id, 1, true, q->target);
		if (ncpus_now == 1)
			q->target = 1;
	}
}

static void
do_sgi(uint32_t cpu)
{
	uint32_t n = rnd(16), filter = rnd(4), list = rnd(256), to = 0;

	if (filter == 0)
		to = list & (BIT(ncpus_now) - 1);
	else if (filter == 1)
		to = (BIT(ncpus_now) - 1) & ~BIT(cpu);
	else if (filter == 2)
		to = BIT(cpu);
	rig_write(cpu, GICD_SGIR, filter << 24 | list << 16 | n);
	for (uint32_t t = 0; t < ncpus_now; t++)
		if (to & BIT(t))
			m.priv[t][n].src |= BIT(cpu);
}

static void
do_sgi_pend(uint32_t cpu)
{
	uint32_t n = rnd(16), src = rnd(BIT(ncpus_now));

	if (rnd(2)) {
		rig_access(cpu, GICD_SPENDSGIR + n, 1, true, src);
		m.priv[cpu][n].src |= src;
	} else {
		rig_access(cpu, GICD_CPENDSGIR + n, 1, true, src);
		m.priv[cpu][n].src &= ~src;
	}
}

static void
do_line(void)
{
	uint32_t id = rnd_irq(32);
	struct m_irq *q = &m.spi[id];
	bool level = rnd(2);

	if (rnd(3) == 0) {
		assert_int_equal(vgic_host_pulse(&rig.vm, id), 0);
		q->latch |= q->edge;
		return;
	}
	assert_int_equal(vgic_host_set_level(&rig.vm, id, level), 0);
	q->latch |= q->edge && level && !q->line;
	q->line = level;
}

static void
do_config(uint32_t cpu)
{
	uint32_t id = rnd_irq(32), off = GICD_ICFGR + id / 16 * 4, bit = 2u << (2 * (id % 16));

	if (rnd(8) == 0) {
		m.ctlr = rnd(8) ? 3 : rnd(4);
		rig_write(cpu, GICD_CTLR, m.ctlr);
		return;
	}
	m.spi[id].edge = rnd(2);
	rig_write(cpu, off, (rig_read(cpu, off) & ~bit) | (m.spi[id].edge ? bit : 0));
}

static void
do_guest(uint32_t cpu)
{
	uint32_t iar;

	if (!rig.in_guest[cpu])
		rig_enter(cpu);
	if (rnd(16) == 0) {
		rig_on(cpu);
		m.pmr[cpu] = (rnd(4) ? 31 : rnd(32)) * 8;
		fake_gicv_set_pmr(m.pmr[cpu]);
	}
	if (m.depth[cpu] != 0 && rnd(2)) {
		iar = m.iar[cpu][--m.depth[cpu]];
		m_irq(cpu, iar & 0x3ff)->active = false;
		rig_eoi(cpu, iar);
		return;
	}
	iar = rig_ack(cpu);
	assert_int_equal(iar, m_ack(cpu, iar));
}

static uint32_t
m_word(uint32_t cpu, uint32_t w, bool active)
{
	uint32_t bits = 0;

	for (uint32_t i = 0; i < 32; i++) {
		const struct m_irq *q = m_irq(cpu, 32 * w + i);

		if (active ? q->active : m_pending(q, 32 * w + i))
			bits |= BIT(i);
	}
	return bits;
}

static void
check(uint32_t cpu)
{
	uint32_t w = rnd(M_IRQS / 32);

	switch (rnd(3)) {
	case 0:
		assert_int_equal(rig_read(cpu, GICD_ISPENDR + 4 * w), m_word(cpu, w, false));
		break;
	case 1:
		assert_int_equal(rig_read(cpu, GICD_ISACTIVER + 4 * w), m_word(cpu, w, true));
		break;
	case 2:
		if (!rig.in_guest[cpu])
			assert_int_equal(vgic_host_has_pending(&rig.vcpu[cpu]),
			    m_best(cpu, m.pmr[cpu]) != FAKE_SPURIOUS);
		break;
	}
}

static void
step(void)
{
	uint32_t cpu = rnd(ncpus_now);

	switch (rnd(12)) {
	case 0:
		do_bits(cpu, rnd_irq(0));
		break;
	case 1:
		do_bits(cpu, rnd_irq(32));
		break;
	case 2:
		do_bytes(cpu, rnd_irq(rnd(2) * 32));
		break;
	case 3:
		do_sgi(cpu);
		break;
	case 4:
		do_sgi_pend(cpu);
		break;
	case 5:
		do_line();
		break;
	case 6:
		do_config(cpu);
		break;
	case 7:
		if (rig.in_guest[cpu])
			rig_exit(cpu);
		else
			rig_enter(cpu);
		break;
	case 8:
		check(cpu);
		break;
	default:
		do_guest(cpu);
		break;
	}
}

/* Everything that is still pending comes, and nothing besides. */
static void
drain(void)
{
	for (uint32_t id = 32; id < M_IRQS; id++) {
		vgic_host_set_level(&rig.vm, id, false);
		m.spi[id].line = false;
	}
	rig_write(0, GICD_CTLR, m.ctlr = 3);
	for (uint32_t cpu = 0; cpu < ncpus_now; cpu++) {
		if (!rig.in_guest[cpu])
			rig_enter(cpu);
		rig_on(cpu);
		fake_gicv_set_pmr(m.pmr[cpu] = 0xf8);
	}
	for (uint32_t cpu = 0; cpu < ncpus_now; cpu++) {
		uint32_t iar;

		do {
			iar = rig_ack(cpu);
			assert_int_equal(iar, m_ack(cpu, iar));
			if (iar == FAKE_SPURIOUS && m.depth[cpu] != 0)
				iar = m.iar[cpu][m.depth[cpu] - 1];
			if (iar == FAKE_SPURIOUS)
				break;
			m.depth[cpu]--;
			m_irq(cpu, iar & 0x3ff)->active = false;
			rig_eoi(cpu, iar);
		} while (true);
	}
	for (uint32_t cpu = 0; cpu < ncpus_now; cpu++)
		for (uint32_t w = 0; w < M_IRQS / 32; w++)
			assert_int_equal(rig_read(cpu, GICD_ISACTIVER + 4 * w), 0);
}

static void
random_run(uint32_t ncpus, uint32_t nlrs, uint32_t seed)
{
	rnd_state = 0x9e3779b97f4a7c15ull * (seed + 1) + nlrs * 64 + ncpus;
	ncpus_now = ncpus;
	rig_init(ncpus, nlrs, M_IRQS);
	for (uint32_t cpu = 0; cpu < ncpus; cpu++)
		rig_enter(cpu);
	m_init(ncpus);
	if (ncpus == 1)
		for (uint32_t id = 32; id < M_IRQS; id++)
			m.spi[id].target = 1;
	rig_write(0, GICD_CTLR, m.ctlr = 3);
	for (int i = 0; i < 4000; i++)
		step();
	drain();
	assert_true(m.taken > 200);
}

static void
test_random(void **state)
{
	static const uint32_t nlrs[] = { 1, 2, 4, 16 }, ncpus[] = { 1, 2, 4, 8 };
	const char *one = getenv("VGIC_SEEDS");
	uint32_t seeds = 8;

	(void)state;
	if (one != NULL)
		seeds = (uint32_t)atoi(one);
	for (uint32_t s = 0; s < seeds; s++)
		for (uint32_t c = 0; c < NELEM(ncpus); c++)
			for (uint32_t l = 0; l < NELEM(nlrs); l++)
				random_run(ncpus[c], nlrs[l], s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attach),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_bit_registers),
		cmocka_unit_test(test_byte_registers),
		cmocka_unit_test(test_icfgr),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_sgi_registers),
		cmocka_unit_test(test_sgi_self),
		cmocka_unit_test(test_sgi_sources),
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_resample),
		cmocka_unit_test(test_resample_odd),
		cmocka_unit_test(test_resample_overflow),
		cmocka_unit_test(test_edge),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_retarget_active),
		cmocka_unit_test(test_retarget_unlisted),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_eoimode_starvation),
		cmocka_unit_test(test_wild_eoi),
		cmocka_unit_test(test_has_pending),
		cmocka_unit_test(test_hyp_declines),
		cmocka_unit_test(test_turned_back),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
