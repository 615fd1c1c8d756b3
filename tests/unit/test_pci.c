/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The PCI bus as a guest sees it, after PCI Local Bus 3.0, chapter 6.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../bhyve/doorbell.h"
#include "pci_rig.h"

enum { COMMAND = 4, STATUS = 6, HEADER = 0xe, BAR0 = 0x10, CAPS = 0x34, LINE = 0x3c, PIN = 0x3d };
enum { IO = 1, MEM = 2, MASTER = 4, INTX_OFF = 0x400 };
#define MMIO	 0x10000000ull
#define MMIO_END 0x3eff0000ull
#define PIO	 0x3eff0000ull
#define ECAM	 0x3f000000ull
#define VECTORS	 40u
#define BAR_MSIX 5

/* ---- a function with one of everything ---- */

struct model_state {
	uint64_t gpa[PCI_BARS]; /* as bar_moved() told */
	unsigned int moves;
	int bar; /* the last access */
	uint64_t offset, val;
	uint32_t size;
	uint32_t vendor_cap;
	uint8_t hooked; /* what the hook keeps */
};
static struct model_state state[4];
static struct pci_dev *dev[4]; /* in the order in which they were made */
static unsigned int ndevs;

static struct model_state *
sc(const struct pci_dev *d)
{
	return d->sc;
}

static int
t_create(struct pci_dev *d, const struct dev_conf *conf)
{
	static const uint8_t plain[] = { 9, 0, 5, 0x77, 0x88 },
			     hooked[] = { 9, 0, 8, 0, 0, 0, 0, 0 };

	(void)conf;
	if (ndevs == 4)
		return -1;
	d->sc = &state[ndevs];
	memset(d->sc, 0, sizeof(state[0]));
	dev[ndevs++] = d;
	pci_set_ids(d, 0x1234, 0x5678, 0x9abc, 0xdef0, 0x020304, 5);
	pci_add_bar(d, 0, PCI_BAR_MEM32, 100);
	pci_add_bar(d, 1, PCI_BAR_IO, 33);
	pci_add_bar(d, 2, PCI_BAR_MEM64, 1 << 20);
	d->writable[pci_add_capability(d, plain, sizeof(plain)) + 4] = 0x0f;
	sc(d)->vendor_cap = pci_add_capability(d, hooked, sizeof(hooked));
	pci_add_intx(d);
	return pci_add_msix(d, BAR_MSIX, VECTORS);
}

static uint64_t
t_bar_read(struct pci_dev *d, int bar, uint64_t offset, uint32_t size)
{
	sc(d)->bar = bar;
	sc(d)->offset = offset;
	sc(d)->size = size;
	return 0xa1b2c3d4e5f60718ull;
}

static void
t_bar_write(struct pci_dev *d, int bar, uint64_t offset, uint32_t size, uint64_t val)
{
	t_bar_read(d, bar, offset, size);
	sc(d)->val = val;
}

static void
t_bar_moved(struct pci_dev *d, int bar, uint64_t gpa)
{
	assert_int_not_equal(bar, BAR_MSIX);
	assert_true(gpa != sc(d)->gpa[bar]);
	for (unsigned int i = 0; i < ndevs && gpa != 0; i++) {
		for (int b = 0; b < PCI_BARS; b++)
			assert_true(sc(dev[i])->gpa[b] != gpa);
	}
	sc(d)->gpa[bar] = gpa;
	sc(d)->moves++;
}

static bool
t_cfg_read(struct pci_dev *d, uint32_t offset, uint32_t size, uint32_t *val)
{
	assert_true(offset >= 0x40 && offset % size == 0);
	if (offset != sc(d)->vendor_cap + 4)
		return false;
	*val = 0xffffff00u | sc(d)->hooked;
	return true;
}

static bool
t_cfg_write(struct pci_dev *d, uint32_t offset, uint32_t size, uint32_t val)
{
	assert_true(offset >= 0x40 && offset % size == 0);
	if (offset != sc(d)->vendor_cap + 4)
		return false;
	sc(d)->hooked = (uint8_t)val;
	return true;
}

static const struct pci_model everything = {
	.model = { .name = "everything", .kind = DEV_PCI },
	.create = t_create,
	.bar_read = t_bar_read,
	.bar_write = t_bar_write,
	.bar_moved = t_bar_moved,
	.cfg_read = t_cfg_read,
	.cfg_write = t_cfg_write,
};

static int
plain_create(struct pci_dev *d, const struct dev_conf *conf)
{
	(void)conf;
	pci_set_ids(d, 0x1111, 0x2222, 0, 0, 0xff0000, 0);
	pci_add_bar(d, 0, PCI_BAR_MEM32, 4096);
	return 0;
}

static const struct pci_model plain = {
	.model = { .name = "plain", .kind = DEV_PCI },
	.create = plain_create,
};

/* Slot 3 with functions 0 and 2, slot 4, and a function without anything in slot 31. */
static int
setup(void **s)
{
	(void)s;
	ndevs = 0;
	pci_rig_begin();
	assert_int_equal(pci_bus_add(pci_rig.bus, &everything, 3, 0, NULL), 0);
	assert_int_equal(pci_bus_add(pci_rig.bus, &everything, 3, 2, NULL), 0);
	assert_int_equal(pci_bus_add(pci_rig.bus, &everything, 7, 0, NULL), 0);
	assert_int_equal(pci_bus_add(pci_rig.bus, &plain, 31, 0, NULL), 0);
	pci_rig_start();
	return 0;
}

static int
teardown(void **s)
{
	(void)s;
	assert_false(pci_rig.bad);
	pci_rig_end();
	return 0;
}

static uint32_t
cfg(unsigned int n, uint32_t reg, uint32_t size)
{
	return (uint32_t)pci_rd(pci_ecam(dev[n]->slot, dev[n]->func, reg), size);
}

static void
set(unsigned int n, uint32_t reg, uint32_t size, uint32_t val)
{
	pci_wr(pci_ecam(dev[n]->slot, dev[n]->func, reg), size, val);
}

static uint32_t
bar(unsigned int n, int i)
{
	return cfg(n, BAR0 + 4 * (uint32_t)i, 4);
}

static void
set_bar(unsigned int n, int i, uint32_t val)
{
	set(n, BAR0 + 4 * (uint32_t)i, 4, val);
}

/* ---- configuration space ---- */

static void
test_header(void **s)
{
	(void)s;
	assert_int_equal(cfg(0, 0, 4), 0x56781234);
	assert_int_equal(cfg(0, 8, 4), 0x02030405);
	assert_int_equal(cfg(0, 0x2c, 4), 0xdef09abc);
	assert_int_equal(cfg(0, COMMAND, 2), 0);
	assert_int_equal(cfg(0, STATUS, 2), 0x10);
	assert_int_equal(cfg(0, PIN, 1), 1);
	/* The host bridge. */
	assert_int_equal(pci_rd(ECAM, 4), 0x00081b36);
	assert_int_equal(pci_rd(ECAM + 8, 4), 0x06000000);
	assert_int_equal(pci_rd(ECAM + HEADER, 1), 0);
	/* What is read-only stays. */
	for (uint32_t reg = 0; reg < 0x1000; reg += 4)
		pci_wr(ECAM + reg, 4, 0xffffffff);
	assert_int_equal(pci_rd(ECAM, 4), 0x00081b36);
	assert_int_equal(pci_rd(ECAM + COMMAND, 4), MASTER);
	for (uint32_t reg = 8; reg < 0x1000; reg += 4)
		assert_int_equal(pci_rd(ECAM + reg, 4), reg == 8 ? 0x06000000 : 0);
}

static void
test_writable(void **s)
{
	(void)s;
	set(0, 0, 4, 0xffffffff);
	set(0, 8, 4, 0xffffffff);
	set(0, 0x2c, 4, 0xffffffff);
	assert_int_equal(cfg(0, 0, 4), 0x56781234);
	assert_int_equal(cfg(0, 8, 4), 0x02030405);
	assert_int_equal(cfg(0, 0x2c, 4), 0xdef09abc);
	set(0, COMMAND, 4, 0xffffffff);
	assert_int_equal(cfg(0, COMMAND, 4), 0x00100000 | IO | MEM | MASTER | INTX_OFF);
	set(0, LINE, 4, 0xffffffff);
	assert_int_equal(cfg(0, LINE, 4), 0x000001ff);
	/* Without I/O, without INTx. */
	pci_wr(pci_ecam(31, 0, COMMAND), 2, 0xffff);
	assert_int_equal(pci_rd(pci_ecam(31, 0, COMMAND), 2), MEM | MASTER);
	pci_wr(pci_ecam(31, 0, LINE), 4, 0xffffffff);
	assert_int_equal(pci_rd(pci_ecam(31, 0, LINE), 4), 0);
}

static void
test_sizes_of_access(void **s)
{
	uint64_t val;

	(void)s;
	assert_int_equal(cfg(0, 1, 1), 0x12);
	assert_int_equal(cfg(0, 3, 1), 0x56);
	assert_int_equal(cfg(0, 2, 2), 0x5678);
	assert_int_equal(cfg(0, 0xb, 1), 0x02);
	/* Byte by byte is word by word. */
	for (uint32_t i = 0; i < 4; i++)
		set(0, BAR0 + i, 1, 0x21 * (i + 1));
	assert_int_equal(bar(0, 0), 0x84634221 & ~0xfffu);
	set(0, BAR0 + 2, 2, 0x1122);
	assert_int_equal(bar(0, 0), 0x11224000);
	/* LDRD is two words; what is not aligned aborts. */
	assert_int_equal(pci_rd(pci_ecam(3, 0, 0), 8), 0x0010000056781234ull);
	for (uint32_t odd = 1; odd < 4; odd++)
		assert_int_equal(mmio_access(&pci_rig.map, ECAM + odd, false, 4, &val), MMIO_ABORT);
	assert_int_equal(mmio_access(&pci_rig.map, ECAM + 1, true, 2, &val), MMIO_ABORT);
	assert_int_equal(mmio_access(&pci_rig.map, MMIO + 2, false, 4, &val), MMIO_ABORT);
	/* Beyond what a conventional function has. */
	assert_int_equal(cfg(0, 0x100, 4), 0);
	assert_int_equal(cfg(0, 0xffc, 4), 0);
	set(0, 0x100, 4, 1);
	assert_int_equal(cfg(0, 0x100, 4), 0);
}

static void
test_absent(void **s)
{
	(void)s;
	assert_int_equal(pci_rd(pci_ecam(1, 0, 0), 4), 0xffffffff);
	assert_int_equal(pci_rd(pci_ecam(1, 0, 0), 2), 0xffff);
	assert_int_equal(pci_rd(pci_ecam(1, 0, 5), 1), 0xff);
	assert_int_equal(pci_rd(pci_ecam(3, 1, 0), 4), 0xffffffff);
	assert_int_equal(pci_rd(pci_ecam(31, 7, 0xffc), 4), 0xffffffff);
	pci_wr(pci_ecam(1, 0, COMMAND), 4, 7);
	/* Bus 1 has the same slots only in number. */
	for (uint64_t bus = 1; bus < 16; bus++) {
		assert_int_equal(pci_rd(ECAM + (bus << 20), 4), 0xffffffff);
		assert_int_equal(pci_rd(ECAM + (bus << 20) + (3 << 15), 4), 0xffffffff);
		pci_wr(ECAM + (bus << 20) + (3 << 15) + COMMAND, 2, 7);
	}
	assert_int_equal(pci_rd(ECAM + 0xfffffc, 4), 0xffffffff);
	assert_int_equal(cfg(0, COMMAND, 2), 0);
}

static void
test_multifunction(void **s)
{
	(void)s;
	assert_int_equal(cfg(0, HEADER, 1), 0x80);
	assert_int_equal(cfg(1, HEADER, 1), 0x80);
	assert_int_equal(cfg(2, HEADER, 1), 0);
	/* Each is its own. */
	set(0, COMMAND, 2, MASTER);
	assert_int_equal(cfg(1, COMMAND, 2), 0);
	/* Slots and functions that are not, are taken, or whose model does not want. */
	assert_int_equal(pci_bus_add(pci_rig.bus, &plain, 3, 2, NULL), -1);
	assert_int_equal(pci_bus_add(pci_rig.bus, &plain, 0, 0, NULL), -1);
	assert_int_equal(pci_bus_add(pci_rig.bus, &plain, 32, 0, NULL), -1);
	assert_int_equal(pci_bus_add(pci_rig.bus, &plain, 5, 8, NULL), -1);
	ndevs = 4;
	assert_int_equal(pci_bus_add(pci_rig.bus, &everything, 5, 0, NULL), -1);
	assert_int_equal(pci_rd(pci_ecam(5, 0, 0), 4), 0xffffffff);
}

/* The offset of the n-th capability. */
static uint32_t
capability(unsigned int d, unsigned int n)
{
	uint32_t at = cfg(d, CAPS, 1);

	while (n-- > 0)
		at = cfg(d, at + 1, 1);
	return at;
}

static void
test_capabilities(void **s)
{
	uint32_t at = capability(0, 0);

	(void)s;
	assert_int_equal(at, 0x40);
	assert_int_equal(cfg(0, at, 1), 9);
	assert_int_equal(cfg(0, at + 2, 2), 0x7705);
	assert_int_equal(cfg(0, at + 4, 1), 0x88);
	set(0, at, 4, 0);
	set(0, at + 4, 4, 0xffffffff);
	assert_int_equal(cfg(0, at, 1), 9);
	assert_int_equal(cfg(0, at + 4, 4), 0x8f);
	/* Aligned, whatever was before; answered by the model. */
	at = capability(0, 1);
	assert_int_equal(at, 0x48);
	assert_int_equal(cfg(0, at + 4, 4), 0xffffff00);
	set(0, at + 4, 1, 0x5a);
	assert_int_equal(cfg(0, at + 4, 1), 0x5a);
	assert_int_equal(cfg(1, at + 4, 1), 0);
	/* MSI-X and the end. */
	at = capability(0, 2);
	assert_int_equal(cfg(0, at, 2), 0x11);
	assert_int_equal(cfg(0, at + 2, 2), VECTORS - 1);
	assert_int_equal(cfg(0, at + 4, 4), BAR_MSIX);
	assert_int_equal(cfg(0, at + 8, 4), 0x1000 | BAR_MSIX);
	set(0, at + 4, 4, 0xffffffff);
	set(0, at + 8, 4, 0xffffffff);
	assert_int_equal(cfg(0, at + 4, 4), BAR_MSIX);
	assert_int_equal(cfg(0, at + 8, 4), 0x1000 | BAR_MSIX);
	assert_int_equal(pci_rd(pci_ecam(31, 0, CAPS), 1), 0);
	assert_int_equal(pci_rd(pci_ecam(31, 0, STATUS), 2), 0);
}

/* ---- BARs ---- */

static void
test_sizing(void **s)
{
	static const uint32_t want[PCI_BARS] = { 0xfffff000, 0xffffffc1, 0xfff00004, 0xffffffff, 0,
		0xffffe000 };

	(void)s;
	for (unsigned int on = 0; on < 2; on++) {
		set(0, COMMAND, 2, on != 0 ? IO | MEM : 0);
		for (int i = 0; i < PCI_BARS; i++) {
			uint32_t was = bar(0, i);

			set_bar(0, i, 0xffffffff);
			assert_int_equal(bar(0, i), want[i]);
			set_bar(0, i, was);
			assert_int_equal(bar(0, i), was);
		}
	}
	/* No expansion ROM, no CardBus. */
	set(0, 0x30, 4, 0xffffffff);
	assert_int_equal(cfg(0, 0x30, 4), 0);
}

/* Places without a guest's doing: aligned, in the window, apart, decoding off. */
static void
test_initial_places(void **s)
{
	uint64_t mem = 0, io = 0;

	(void)s;
	for (unsigned int n = 0; n < ndevs; n++) {
		uint64_t b0 = bar(n, 0), b1 = bar(n, 1), b2 = bar(n, 2), b5 = bar(n, 5);

		assert_int_equal(b0 & 0xfff, 0);
		assert_true(b0 >= MMIO && b0 < MMIO_END);
		assert_int_equal(b1 & 0x3f, 1);
		assert_true(b1 >= 0x1000 && b1 < 0x10000);
		assert_int_equal(b2 & 0xfffff, 4);
		assert_true(b2 >= MMIO && b2 < MMIO_END);
		assert_int_equal(bar(n, 3), 0);
		assert_true(b5 >= MMIO && b5 < MMIO_END);
		assert_true((b0 ^ mem) != 0 && (b1 ^ io) != 0);
		mem = b0;
		io = b1;
		assert_int_equal(pci_rd(b0, 4), 0xffffffff);
		set(n, COMMAND, 2, MEM | IO);
		assert_int_equal(sc(dev[n])->gpa[0], b0);
		assert_int_equal(sc(dev[n])->gpa[1], PIO + (b1 & ~3ull));
		assert_int_equal(sc(dev[n])->gpa[2], b2 & ~15ull);
		assert_int_equal(sc(dev[n])->moves, 3);
		assert_int_equal(pci_rd(b0, 4), 0xe5f60718);
	}
}

static void
test_decoding(void **s)
{
	uint64_t gpa = bar(0, 0), io = PIO + (bar(0, 1) & ~3u);

	(void)s;
	assert_int_equal(pci_rd(gpa, 4), 0xffffffff);
	pci_wr(gpa, 4, 1);
	assert_int_equal(sc(dev[0])->size, 0);
	set(0, COMMAND, 2, MEM);
	assert_int_equal(pci_rd(gpa + 0x18, 4), 0xe5f60718);
	assert_int_equal(sc(dev[0])->bar, 0);
	assert_int_equal(sc(dev[0])->offset, 0x18);
	assert_int_equal(sc(dev[0])->size, 4);
	assert_int_equal(pci_rd(gpa + 0xfff, 1), 0x18);
	assert_int_equal(sc(dev[0])->offset, 0xfff);
	assert_int_equal(pci_rd(gpa + 0xffe, 2), 0x0718);
	pci_wr(gpa + 2, 2, 0xabcd1234);
	assert_int_equal(sc(dev[0])->val, 0x1234);
	/* A doubleword is two words. */
	assert_int_equal(pci_rd(gpa + 8, 8), 0xe5f60718e5f60718ull);
	assert_int_equal(sc(dev[0])->offset, 12);
	/* I/O is another bit. */
	assert_int_equal(pci_rd(io, 1), 0xff);
	set(0, COMMAND, 2, IO);
	assert_int_equal(pci_rd(io + 4, 1), 0x18);
	assert_int_equal(sc(dev[0])->bar, 1);
	assert_int_equal(sc(dev[0])->offset, 4);
	pci_wr(io + 63, 1, 7);
	assert_int_equal(sc(dev[0])->offset, 63);
	assert_int_equal(pci_rd(gpa, 4), 0xffffffff);
	set(0, COMMAND, 1, 0);
	assert_int_equal(pci_rd(io + 4, 1), 0xff);
	assert_int_equal(sc(dev[0])->gpa[0], 0);
	assert_int_equal(sc(dev[0])->gpa[1], 0);
	/* A function that answers no accesses has its BAR all the same. */
	pci_wr(pci_ecam(31, 0, COMMAND), 2, MEM);
	gpa = pci_rd(pci_ecam(31, 0, BAR0), 4);
	assert_int_equal(pci_rd(gpa, 4), 0xffffffff);
	pci_wr(gpa, 4, 1);
}

static void
test_moving(void **s)
{
	(void)s;
	set(0, COMMAND, 2, MEM | IO);
	sc(dev[0])->moves = 0;
	set_bar(0, 0, 0x3efef000);
	assert_int_equal(sc(dev[0])->moves, 2);
	assert_int_equal(pci_rd(0x3efefffc, 4), 0xe5f60718);
	assert_int_equal(pci_rd(0x3efeeffc, 4), 0xffffffff);
	set_bar(0, 1, 0xffc0);
	assert_int_equal(pci_rd(PIO + 0xffff, 1), 0x18);
	/* The same again is nothing new. */
	sc(dev[0])->moves = 0;
	set_bar(0, 0, 0x3efef000);
	set(0, COMMAND, 2, MEM | IO | MASTER);
	assert_int_equal(sc(dev[0])->moves, 0);
	/* Outside of the window it answers nowhere: RAM, ECAM, the ports, the UART, nothing. */
	static const uint32_t outside[] = { 0x40000000, 0x3f000000, 0x3eff0000, 0x09000000, 0,
		0x0ffff000, 0xfffff000 };
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		set_bar(0, 0, outside[i]);
		assert_int_equal(bar(0, 0), outside[i]);
		assert_int_equal(sc(dev[0])->gpa[0], 0);
	}
	set_bar(0, 1, 0x10000);
	assert_int_equal(sc(dev[0])->gpa[1], 0);
	set_bar(0, 1, 0xffffffff);
	assert_int_equal(sc(dev[0])->gpa[1], 0);
	/* Port 0 is a place. */
	set_bar(0, 1, 0);
	assert_int_equal(sc(dev[0])->gpa[1], PIO);
}

static void
test_bar64(void **s)
{
	(void)s;
	set(0, COMMAND, 2, MEM);
	set_bar(0, 2, 0x20000000);
	assert_int_equal(pci_rd(0x200ffffc, 4), 0xe5f60718);
	assert_int_equal(sc(dev[0])->bar, 2);
	assert_int_equal(sc(dev[0])->offset, 0xffffc);
	assert_int_equal(pci_rd(0x20100000, 4), 0xffffffff);
	/* The upper half moves it out and in. */
	set_bar(0, 3, 1);
	assert_int_equal(bar(0, 3), 1);
	assert_int_equal(pci_rd(0x200ffffc, 4), 0xffffffff);
	assert_int_equal(sc(dev[0])->gpa[2], 0);
	set(0, BAR0 + 12, 1, 0);
	assert_int_equal(sc(dev[0])->gpa[2], 0x20000000);
	/* Its end counts, too: the last MiB before the window's end is not whole. */
	set_bar(0, 2, 0x3ee00000);
	assert_int_equal(sc(dev[0])->gpa[2], 0x3ee00000);
	set_bar(0, 2, 0x3ef00000);
	assert_int_equal(sc(dev[0])->gpa[2], 0);
}

/* The first function wins, and what lost is back when that goes. */
static void
test_overlap(void **s)
{
	(void)s;
	for (unsigned int n = 0; n < 3; n++)
		set(n, COMMAND, 2, MEM);
	set_bar(2, 0, 0x30000000);
	assert_int_equal(sc(dev[2])->gpa[0], 0x30000000);
	set_bar(1, 0, 0x30000000);
	assert_int_equal(sc(dev[2])->gpa[0], 0);
	assert_int_equal(sc(dev[1])->gpa[0], 0x30000000);
	/* A large one over a small one. */
	set_bar(0, 2, 0x30000000);
	assert_int_equal(sc(dev[1])->gpa[0], 0);
	assert_int_equal(pci_rd(0x30000010, 4), 0xe5f60718);
	assert_int_equal(sc(dev[0])->bar, 2);
	/* A function's own, too. */
	set_bar(0, 0, 0x300ff000);
	assert_int_equal(sc(dev[0])->gpa[0], 0x300ff000);
	assert_int_equal(sc(dev[0])->gpa[2], 0);
	assert_int_equal(sc(dev[1])->gpa[0], 0x30000000);
	set(0, COMMAND, 2, 0);
	set(1, COMMAND, 2, 0);
	assert_int_equal(sc(dev[2])->gpa[0], 0x30000000);
	sc(dev[2])->size = 0;
	pci_rd(0x30000000, 4);
	assert_int_equal(sc(dev[2])->size, 4);
}

/* ---- MSI-X ---- */

static uint64_t msix_bar;
static uint32_t msix_control;

static void
msix_setup(void)
{
	msix_bar = bar(0, BAR_MSIX);
	msix_control = capability(0, 2) + 2;
	set(0, COMMAND, 2, MEM | MASTER);
	for (uint32_t v = 0; v < VECTORS; v++) {
		pci_wr(msix_bar + v * 16, 4, 0x08020040);
		pci_wr(msix_bar + v * 16 + 8, 4, 80 + v);
	}
}

static void
msix_mask(uint32_t v, bool masked)
{
	pci_wr(msix_bar + v * 16 + 12, 4, masked);
}

static void
test_msix_table(void **s)
{
	(void)s;
	msix_setup();
	assert_int_equal(pci_rd(msix_bar, 4), 0x08020040);
	assert_int_equal(pci_rd(msix_bar + 4, 4), 0);
	assert_int_equal(pci_rd(msix_bar + 16, 8), 0x08020040);
	assert_int_equal(pci_rd(msix_bar + 24, 8), 0x100000051ull); /* masked from reset */
	pci_wr(msix_bar, 8, 0x1122334455667787ull);
	assert_int_equal(pci_rd(msix_bar, 8), 0x1122334455667784ull);
	pci_wr(msix_bar + 8, 4, 0x99aabbcc);
	assert_int_equal(pci_rd(msix_bar + 9, 1), 0xbb);
	assert_int_equal(pci_rd(msix_bar + 10, 2), 0x99aa);
	pci_wr(msix_bar + 12, 4, 0xfffffffe);
	assert_int_equal(pci_rd(msix_bar + 12, 4), 0);
	/* Not whole words, nor beyond the table, nor the pending bits. */
	pci_wr(msix_bar + 8, 1, 0);
	pci_wr(msix_bar + 8, 2, 0);
	assert_int_equal(pci_rd(msix_bar + 8, 4), 0x99aabbcc);
	for (uint64_t at = VECTORS * 16; at < 0x2000; at += 4) {
		pci_wr(msix_bar + at, 4, 0xffffffff);
		assert_int_equal(pci_rd(msix_bar + at, 4), 0);
	}
	/* The model's functions saw none of it. */
	assert_int_equal(sc(dev[0])->size, 0);
}

static void
test_msix_raise(void **s)
{
	(void)s;
	msix_setup();
	pci_wr(msix_bar + 7 * 16 + 4, 4, 2);
	msix_mask(7, false);
	assert_false(pci_msix_enabled(dev[0]));
	pci_msix_raise(dev[0], 7); /* not enabled: nothing, nor later */
	set(0, msix_control, 2, 0x8000);
	assert_true(pci_msix_enabled(dev[0]));
	assert_int_equal(cfg(0, msix_control, 2), 0x8000 | (VECTORS - 1));
	assert_int_equal(pci_rig.nmsis, 0);
	pci_msix_raise(dev[0], 7);
	assert_int_equal(pci_rig.nmsis, 1);
	assert_int_equal(pci_rig.msi[0].addr, 0x208020040ull);
	assert_int_equal(pci_rig.msi[0].data, 87);
	/* Numbers that are no vectors. */
	pci_msix_raise(dev[0], VECTORS);
	pci_msix_raise(dev[0], PCI_NO_VECTOR);
	pci_msix_raise(dev[0], ~0u);
	assert_int_equal(pci_rig.nmsis, 1);
	assert_false(pci_msix_enabled(dev[1]));
}

static void
test_msix_masking(void **s)
{
	(void)s;
	msix_setup();
	set(0, msix_control, 2, 0x8000);
	msix_mask(39, true);
	pci_msix_raise(dev[0], 39);
	pci_msix_raise(dev[0], 39);
	pci_msix_raise(dev[0], 3);
	assert_int_equal(pci_rig.nmsis, 0);
	assert_int_equal(pci_rd(msix_bar + 0x1000, 8), 1ull << 39 | 1u << 3);
	assert_int_equal(pci_rd(msix_bar + 0x1004, 1), 0x80);
	/* Unmasked it goes, once, with what the entry says now. */
	pci_wr(msix_bar + 39 * 16 + 8, 4, 111);
	msix_mask(39, false);
	assert_int_equal(pci_rig.nmsis, 1);
	assert_int_equal(pci_rig.msi[0].data, 111);
	assert_int_equal(pci_rd(msix_bar + 0x1000, 8), 1u << 3);
	msix_mask(39, true);
	msix_mask(39, false);
	assert_int_equal(pci_rig.nmsis, 1);
	/* The function's mask is over them all and leaves theirs alone. */
	set(0, msix_control, 2, 0xc000);
	pci_msix_raise(dev[0], 39);
	msix_mask(3, false);
	assert_int_equal(pci_rig.nmsis, 1);
	assert_int_equal(pci_rd(msix_bar + 0x1000, 8), 1ull << 39 | 1u << 3);
	assert_int_equal(pci_rd(msix_bar + 3 * 16 + 12, 4), 0);
	set(0, msix_control, 2, 0x8000);
	assert_int_equal(pci_rig.nmsis, 3);
	assert_int_equal(pci_rig.msi[1].data, 83);
	assert_int_equal(pci_rig.msi[2].data, 111);
	assert_int_equal(pci_rd(msix_bar + 0x1000, 8), 0);
}

/* ---- messages from outside bhyve ---- */

static bool event_watched;

static void
event_watch(void *arg, bool on)
{
	assert_ptr_equal(arg, &event_watched);
	assert_int_not_equal(event_watched, on);
	event_watched = on;
}

static struct pci_msix_event
event_make(void)
{
	event_watched = false;
	return (struct pci_msix_event){
		.fd = doorbell_create(), .watch = event_watch, .arg = &event_watched
	};
}

static void
check_event(const struct pci_msix_event *e, uint32_t data, bool watched)
{
	const struct pci_rig_bound *b = pci_rig_bound(e->fd);

	assert_int_equal(event_watched, watched);
	assert_int_equal(b != NULL, data != 0);
	assert_true(b == NULL || b->data == data);
	assert_false(pci_rig.bad);
}

/* Who has the descriptor follows registers and table. */
static void
test_msix_event(void **s)
{
	struct pci_msix_event e = event_make();

	(void)s;
	msix_setup();
	msix_mask(5, false);
	pci_msix_event_add(dev[0], &e, 5);
	check_event(&e, 0, true); /* MSI-X is off */
	set(0, msix_control, 2, 0x8000);
	check_event(&e, 85, false);
	set(0, msix_control, 2, 0xc000);
	check_event(&e, 0, false);
	set(0, msix_control, 2, 0x8000);
	msix_mask(5, true);
	check_event(&e, 0, false);
	pci_wr(msix_bar + 5 * 16 + 8, 4, 99);
	msix_mask(5, false);
	check_event(&e, 99, false);
	pci_wr(msix_bar + 5 * 16 + 8, 4, 98); /* a careless driver */
	check_event(&e, 98, false);
	pci_msix_event_move(dev[0], &e, 6);
	check_event(&e, 0, false);
	pci_msix_event_move(dev[0], &e, PCI_NO_VECTOR);
	check_event(&e, 0, false);
	pci_msix_event_move(dev[0], &e, 5);
	check_event(&e, 98, false);
	set(0, COMMAND, 2, MEM);
	check_event(&e, 0, false);
	set(0, COMMAND, 2, MEM | MASTER);
	pci_rig.refused = 0x08020040;
	msix_mask(5, true);
	msix_mask(5, false);
	check_event(&e, 0, true);
	pci_rig.refused = 0;
	msix_mask(5, true);
	check_event(&e, 0, false);
	msix_mask(5, false);
	check_event(&e, 98, false);
	pci_msix_event_remove(dev[0], &e);
	check_event(&e, 0, false);
	msix_mask(5, true);
	set(0, msix_control, 2, 0);
	check_event(&e, 0, false);
	close(e.fd);
}

/* What is rung while the vector is masked is pending, and goes once. */
static void
test_msix_event_pending(void **s)
{
	struct pci_msix_event e = event_make();

	(void)s;
	msix_setup();
	set(0, msix_control, 2, 0x8000);
	pci_msix_event_add(dev[0], &e, 35);
	assert_int_equal(pci_rd(msix_bar + 0x1000, 8), 0);
	doorbell_ring(e.fd);
	doorbell_ring(e.fd);
	assert_int_equal(pci_rd(msix_bar + 0x1000, 8), 1ull << 35);
	assert_int_equal(pci_rig.nmsis, 0);
	msix_mask(35, false);
	assert_int_equal(pci_rig.nmsis, 1);
	assert_int_equal(pci_rig.msi[0].data, 115);
	msix_mask(35, true);
	doorbell_ring(e.fd); /* and nobody reads pending bits */
	msix_mask(35, false);
	assert_int_equal(pci_rig.nmsis, 2);
	/* It is the old vector's when a queue gets another. */
	msix_mask(35, true);
	doorbell_ring(e.fd);
	msix_mask(36, false);
	pci_msix_event_move(dev[0], &e, 36);
	assert_int_equal(pci_rig.nmsis, 2);
	assert_int_equal(pci_rd(msix_bar + 0x1000, 8), 1ull << 35);
	/* With MSI-X off it is gone. */
	msix_mask(36, true);
	doorbell_ring(e.fd);
	set(0, msix_control, 2, 0);
	assert_int_equal(pci_rd(msix_bar + 0x1000, 8), 0);
	assert_false(doorbell_answer(e.fd));
	doorbell_ring(e.fd); /* this one is whoever's watches */
	assert_int_equal(pci_rd(msix_bar + 0x1000, 8), 0);
	assert_true(event_watched);
	assert_true(doorbell_answer(e.fd));
	pci_msix_event_remove(dev[0], &e);
	close(e.fd);
}

/* A message is a write to memory: it waits for bus mastering, not for memory decoding. */
static void
test_msix_master(void **s)
{
	(void)s;
	msix_setup();
	msix_mask(0, false);
	set(0, msix_control + 1, 1, 0x80);
	set(0, COMMAND, 2, MEM);
	pci_msix_raise(dev[0], 0);
	assert_int_equal(pci_rig.nmsis, 0);
	assert_int_equal(pci_rd(msix_bar + 0x1000, 4), 1);
	set(0, COMMAND, 2, MASTER);
	assert_int_equal(pci_rig.nmsis, 1);
	pci_msix_raise(dev[0], 0);
	assert_int_equal(pci_rig.nmsis, 2);
	/* Turned off, what waits is gone. */
	set(0, COMMAND, 2, MEM);
	pci_msix_raise(dev[0], 0);
	set(0, msix_control, 2, 0);
	set(0, msix_control, 2, 0x8000);
	set(0, COMMAND, 2, MEM | MASTER);
	assert_int_equal(pci_rig.nmsis, 2);
}

static int
greedy_create(struct pci_dev *d, const struct dev_conf *conf)
{
	(void)conf;
	assert_int_equal(pci_add_msix(d, 0, 0), -1);
	assert_int_equal(pci_add_msix(d, 0, 2049), -1);
	assert_int_equal(pci_add_msix(d, 0, 2048), 0);
	assert_int_equal(pci_add_msix(d, 1, 1), -1);
	return 0;
}

static void
test_msix_sizes(void **s)
{
	static const struct pci_model greedy = { .model = { .name = "greedy" },
		.create = greedy_create };
	uint64_t at;

	(void)s;
	pci_rig_begin();
	assert_int_equal(pci_bus_add(pci_rig.bus, &greedy, 1, 0, NULL), 0);
	pci_rig_start();
	pci_wr(pci_ecam(1, 0, COMMAND), 2, MEM);
	at = pci_rd(pci_ecam(1, 0, BAR0), 4);
	pci_wr(at + 2047 * 16 + 12, 4, 0);
	assert_int_equal(pci_rd(at + 2047 * 16 + 12, 4), 0);
	assert_int_equal(pci_rd(at + 2046 * 16 + 12, 4), 1);
	assert_int_equal(pci_rd(at + 0x8000 + 252, 4), 0);
	assert_int_equal(pci_rd(at + 0xfffc, 4), 0);
	pci_rig_end();
}

/* ---- INTx ---- */

static void
test_intx(void **s)
{
	(void)s;
	pci_intx(dev[0], true); /* slot 3, INTA: the last of four */
	assert_int_equal(pci_rig.lines, 1u << 3);
	assert_int_equal(cfg(0, STATUS, 2), 0x18);
	assert_int_equal(cfg(0, STATUS, 1), 0x18);
	assert_int_equal(cfg(0, COMMAND, 4), 0x180000);
	pci_intx(dev[0], true);
	/* The same line for the other function, and for slot 7. */
	pci_intx(dev[1], true);
	pci_intx(dev[2], true);
	assert_int_equal(pci_rig.lines, 1u << 3);
	pci_intx(dev[0], false);
	pci_intx(dev[2], false);
	assert_int_equal(pci_rig.lines, 1u << 3);
	assert_int_equal(cfg(0, STATUS, 2), 0x10);
	assert_int_equal(cfg(1, STATUS, 2), 0x18);
	pci_intx(dev[1], false);
	assert_int_equal(pci_rig.lines, 0);
	assert_int_equal(pci_rig.changes, 2);
}

static void
test_intx_disable(void **s)
{
	(void)s;
	pci_intx(dev[0], true);
	set(0, COMMAND, 2, INTX_OFF);
	assert_int_equal(pci_rig.lines, 0);
	assert_int_equal(cfg(0, STATUS, 2), 0x18);
	set(0, COMMAND + 1, 1, 0);
	assert_int_equal(pci_rig.lines, 8);
	/* MSI-X takes it away as well. */
	set(0, capability(0, 2) + 2, 2, 0x8000);
	assert_int_equal(pci_rig.lines, 0);
	pci_intx(dev[0], false);
	pci_intx(dev[0], true);
	assert_int_equal(pci_rig.lines, 0);
	set(0, capability(0, 2) + 2, 2, 0);
	assert_int_equal(pci_rig.lines, 8);
	pci_intx(dev[0], false);
	set(0, COMMAND, 2, INTX_OFF);
	set(0, COMMAND, 2, 0);
	assert_int_equal(pci_rig.lines, 0);
}

static int
pin_create(struct pci_dev *d, const struct dev_conf *conf)
{
	(void)conf;
	dev[ndevs++] = d;
	if (d->slot != 5)
		pci_add_intx(d);
	return 0;
}

static void
test_intx_swizzle(void **s)
{
	static const struct pci_model pin = { .model = { .name = "pin" }, .create = pin_create };

	(void)s;
	ndevs = 0;
	pci_rig_begin();
	assert_int_equal(pci_bus_add(pci_rig.bus, &pin, 4, 0, NULL), 0);
	assert_int_equal(pci_bus_add(pci_rig.bus, &pin, 9, 0, NULL), 0);
	assert_int_equal(pci_bus_add(pci_rig.bus, &pin, 30, 0, NULL), 0);
	assert_int_equal(pci_bus_add(pci_rig.bus, &pin, 5, 0, NULL), 0);
	pci_rig_start();
	pci_intx(dev[0], true);
	assert_int_equal(pci_rig.lines, 1);
	pci_intx(dev[1], true);
	assert_int_equal(pci_rig.lines, 3);
	pci_intx(dev[2], true);
	assert_int_equal(pci_rig.lines, 7);
	pci_intx(dev[3], true); /* it has no pin */
	assert_int_equal(pci_rig.lines, 7);
	assert_int_equal(pci_rd(pci_ecam(5, 0, STATUS), 2), 0);
	assert_false(pci_rig.bad);
	pci_rig_end();
}

/* ---- a full bus ---- */

static int
large_create(struct pci_dev *d, const struct dev_conf *conf)
{
	(void)conf;
	pci_add_bar(d, 0, PCI_BAR_MEM32, 1u << 30);
	pci_add_bar(d, 1, PCI_BAR_MEM64, 3u << 26);
	pci_add_bar(d, 3, PCI_BAR_IO, 1 << 17);
	pci_add_bar(d, 4, PCI_BAR_MEM32, 5000);
	pci_add_bar(d, 5, PCI_BAR_IO, 1);
	return 0;
}

/* More than the windows hold: what has no place stays at 0, and all that has answers alone. */
static void
test_full(void **s)
{
	static const struct pci_model large = { .model = { .name = "large" },
		.create = large_create };
	unsigned int placed = 0;

	(void)s;
	pci_rig_begin();
	for (unsigned int i = 1; i < 256; i++)
		assert_int_equal(pci_bus_add(pci_rig.bus, &large, i / 8, i % 8, NULL), 0);
	pci_rig_start();
	for (unsigned int i = 1; i < 256; i++) {
		pci_wr(pci_ecam(i / 8, i % 8, COMMAND), 2, IO | MEM);
		assert_int_equal(pci_rd(pci_ecam(i / 8, i % 8, BAR0), 4), 0);
		assert_int_equal(pci_rd(pci_ecam(i / 8, i % 8, HEADER), 1), 0x80);
		if (pci_rd(pci_ecam(i / 8, i % 8, BAR0 + 4), 4) != 4)
			placed++;
		assert_true(pci_rd(pci_ecam(i / 8, i % 8, BAR0 + 16), 4) >= MMIO);
		assert_int_equal(pci_rd(pci_ecam(i / 8, i % 8, BAR0 + 12), 4), 1);
		assert_true(pci_rd(pci_ecam(i / 8, i % 8, BAR0 + 20), 4) > 0x1000);
	}
	assert_int_equal(placed, 2);
	pci_rig_end();
}

/* ---- several vCPUs, and a device's own thread ---- */

#define ROUNDS 2000u

static void *
toggle(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		set(0, COMMAND, 2, i % 2 != 0 ? MEM | MASTER | INTX_OFF : MASTER);
		set_bar(0, BAR_MSIX, MMIO + 0x100000 * (1 + i % 3));
		set(0, msix_control, 2, i % 5 != 0 ? 0x8000 : 0xc000);
	}
	return NULL;
}

static void *
raise_all(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		pci_msix_raise(dev[0], i % VECTORS);
		pci_intx(dev[0], i % 2 != 0);
		pci_intx(dev[1], i % 3 != 0);
	}
	return NULL;
}

static void
test_threads(void **s)
{
	pthread_t thread[2];

	(void)s;
	msix_setup();
	for (uint32_t v = 0; v < VECTORS; v++)
		msix_mask(v, false);
	/* On from the start: either thread may end before the other begins. */
	set(0, msix_control, 2, 0x8000);
	pthread_create(&thread[0], NULL, toggle, NULL);
	pthread_create(&thread[1], NULL, raise_all, NULL);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		pci_rd(MMIO + 0x100000 * (1 + i % 3), 4);
		pci_rd(MMIO + 0x100000 + 0x1000, 8);
		cfg(0, STATUS, 2);
	}
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	/* Nothing was lost. */
	set(0, COMMAND, 2, MEM | MASTER);
	set(0, msix_control, 2, 0x8000);
	assert_int_equal(pci_rd(bar(0, BAR_MSIX) + 0x1000, 8), 0);
	assert_true(pci_rig.nmsis > 0);
	pci_intx(dev[0], false);
	pci_intx(dev[1], false);
	assert_int_equal(pci_rig.lines, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_header),
		TEST(test_writable),
		TEST(test_sizes_of_access),
		TEST(test_absent),
		TEST(test_multifunction),
		TEST(test_capabilities),
		TEST(test_sizing),
		TEST(test_initial_places),
		TEST(test_decoding),
		TEST(test_moving),
		TEST(test_bar64),
		TEST(test_overlap),
		TEST(test_msix_table),
		TEST(test_msix_raise),
		TEST(test_msix_masking),
		TEST(test_msix_event),
		TEST(test_msix_event_pending),
		TEST(test_msix_master),
		cmocka_unit_test(test_msix_sizes),
		TEST(test_intx),
		TEST(test_intx_disable),
		cmocka_unit_test(test_intx_swizzle),
		cmocka_unit_test(test_full),
		TEST(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
