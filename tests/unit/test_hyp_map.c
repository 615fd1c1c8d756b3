/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * HYP's own tables: a walker written from DDI 0406C B3.6 and B3.7 alone reads what hyp_map.c
 * built, as the MMU would with HYP_HTCR and HYP_MAIR0.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "errno.h"
#include "fake.h"
#include "hyp_map.h"

struct seen {
	bool mapped, write, execute, device, shareable;
	uint64_t pa;
};

/* The MMU in HYP mode: T0SZ = 0, level 1 first, four entries of it. */
static struct seen
mmu(const struct hyp_map *m, uint32_t va)
{
	uint64_t *table = m->root, d;
	struct seen s = { 0 };
	unsigned int attr;

	d = table[va >> 30];
	if ((d & 3) != 3)
		return s;
	table = os_pa_to_va(HPA(d & 0xfffffff000ull));
	d = table[(va >> 21) & 0x1ff];
	if ((d & 3) != 3)
		return s;
	table = os_pa_to_va(HPA(d & 0xfffffff000ull));
	d = table[(va >> 12) & 0x1ff];
	if ((d & 3) != 3 || (d >> 10 & 1) == 0) /* no page, or an access flag fault */
		return s;
	s.mapped = true;
	s.pa = (d & 0xfffffff000ull) | (va & 0xfff);
	assert_true(d >> 6 & 1);   /* AP[1] should be one */
	assert_false(d >> 11 & 1); /* nG should be zero */
	s.write = (d >> 7 & 1) == 0;
	s.execute = (d >> 54 & 1) == 0;
	attr = HYP_MAIR0 >> 8 * (d >> 2 & 7) & 0xff;
	assert_true((d >> 2 & 7) < 4);
	s.device = attr == 0x04;
	s.shareable = (d >> 8 & 3) == 3;
	if (!s.device)
		assert_int_equal(attr, 0xff); /* write-back, read and write allocate, both */
	return s;
}

static int
setup(void **state)
{
	struct hyp_map *m = calloc(1, sizeof(*m));

	fake_reset();
	assert_int_equal(hyp_map_init(m, LPAE_SH_INNER), 0);
	*state = m;
	return 0;
}

static int
teardown(void **state)
{
	struct hyp_map *m = *state;

	hyp_map_destroy(m);
	assert_int_equal(m->pages, 0);
	free(m);
	assert_int_equal(fake_leaks(), 0);
	return 0;
}

static hyp_va_t
va_of(uint32_t va)
{
	return (hyp_va_t){ va };
}

static void
test_empty(void **state)
{
	uint32_t va;

	for (va = 0; va < 0xfff00000u; va += 0x00100000u)
		assert_false(mmu(*state, va).mapped);
	assert_int_equal(hyp_map_lookup(*state, va_of(0xc0000000)), 0);
	assert_false(hyp_map_clear(*state, va_of(0xc0000000)));
}

static void
test_permissions(void **state)
{
	static const struct {
		enum hyp_prot prot;
		struct seen want;
	} rows[] = {
		{ HYP_PROT_CODE, { true, false, true, false, true, 0 } },
		{ HYP_PROT_RODATA, { true, false, false, false, true, 0 } },
		{ HYP_PROT_DATA, { true, true, false, false, true, 0 } },
		{ HYP_PROT_DEVICE, { true, true, false, true, false, 0 } },
	};
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t va = 0xbf000000 + i * 0x1000;
		struct seen s;

		assert_int_equal(
		    hyp_map_page(*state, va_of(va), HPA(0x40000000 + i * 0x1000), rows[i].prot), 0);
		s = mmu(*state, va + 4);
		assert_int_equal(s.pa, 0x40000004 + i * 0x1000);
		assert_int_equal(s.mapped, rows[i].want.mapped);
		assert_int_equal(s.write, rows[i].want.write);
		assert_int_equal(s.execute, rows[i].want.execute);
		assert_int_equal(s.device, rows[i].want.device);
		if (!s.device)
			assert_true(s.shareable);
		assert_false(s.write && s.execute);
	}
}

/* An LPAE host has memory up to 40 bits; no bit of it is lost, nothing above is let in. */
static void
test_addresses(void **state)
{
	static const uint64_t pas[] = { 0, 0xfffff000, 0x100000000, 0x880001000, 0xfffffff000 };
	unsigned int i;

	for (i = 0; i < sizeof(pas) / sizeof(pas[0]); i++) {
		uint32_t va = 0x1000 + i * 0x3ff00000u;

		assert_int_equal(hyp_map_page(*state, va_of(va), HPA(pas[i]), HYP_PROT_DATA), 0);
		assert_int_equal(mmu(*state, va).pa, pas[i]);
	}
	assert_int_equal(
	    hyp_map_page(*state, va_of(0x5000), HPA(1ull << 40), HYP_PROT_DATA), -EINVAL);
	assert_int_equal(hyp_map_page(*state, va_of(0x5000), HPA(0x800), HYP_PROT_DATA), -EINVAL);
	assert_int_equal(hyp_map_page(*state, va_of(0x5008), HPA(0), HYP_PROT_DATA), -EINVAL);
	assert_int_equal(
	    hyp_map_page(*state, (hyp_va_t){ 1ull << 32 }, HPA(0), HYP_PROT_DATA), -EINVAL);
	assert_false(mmu(*state, 0x5000).mapped);
}

/* A live entry is never replaced, not even by itself. */
static void
test_break_before_make(void **state)
{
	assert_int_equal(hyp_map_page(*state, va_of(0xc0001000), HPA(0x1000), HYP_PROT_DATA), 0);
	assert_int_equal(
	    hyp_map_page(*state, va_of(0xc0001000), HPA(0x2000), HYP_PROT_DATA), -EEXIST);
	assert_int_equal(
	    hyp_map_page(*state, va_of(0xc0001000), HPA(0x1000), HYP_PROT_CODE), -EEXIST);
	assert_int_equal(mmu(*state, 0xc0001000).pa, 0x1000);
	assert_false(mmu(*state, 0xc0001000).execute);
	assert_true(hyp_map_clear(*state, va_of(0xc0001000)));
	assert_false(mmu(*state, 0xc0001000).mapped);
	assert_int_equal(hyp_map_page(*state, va_of(0xc0001000), HPA(0x2000), HYP_PROT_CODE), 0);
	assert_int_equal(mmu(*state, 0xc0001000).pa, 0x2000);
}

/* Any one allocation fails: no entry, no leak, and the next try works. */
static void
test_no_memory(void **state)
{
	struct hyp_map *m = *state, other;
	unsigned int n;

	for (n = 1; n <= 2; n++) {
		fake_fail_at(n);
		assert_int_equal(
		    hyp_map_page(m, va_of(0x40000000 * n), HPA(0x1000), HYP_PROT_DATA), -ENOMEM);
		fake_fail_at(0);
		assert_false(mmu(m, 0x40000000 * n).mapped);
		assert_int_equal(
		    hyp_map_page(m, va_of(0x40000000 * n), HPA(0x1000), HYP_PROT_DATA), 0);
		assert_int_equal(mmu(m, 0x40000000 * n).pa, 0x1000);
	}
	fake_fail_at(1);
	assert_int_equal(hyp_map_init(&other, LPAE_SH_INNER), -ENOMEM);
	fake_fail_at(0);
	hyp_map_destroy(&other);
}

/* A host whose memory is outer shareable, as FreeBSD's is: HYP's map of it is too. */
static void
test_shares_as_host(void **state)
{
	static const uint64_t sh[] = { LPAE_SH_INNER, LPAE_SH_OUTER };
	struct hyp_map m;
	unsigned int i;

	(void)state;
	for (i = 0; i < NELEM(sh); i++) {
		assert_int_equal(hyp_map_init(&m, sh[i]), 0);
		assert_int_equal(hyp_map_page(&m, va_of(0x1000), HPA(0x1000), HYP_PROT_DATA), 0);
		assert_int_equal(hyp_map_page(&m, va_of(0x2000), HPA(0x2000), HYP_PROT_CODE), 0);
		assert_int_equal(hyp_map_page(&m, va_of(0x3000), HPA(0x3000), HYP_PROT_DEVICE), 0);
		assert_int_equal(hyp_map_lookup(&m, va_of(0x1000)) & LPAE_SH_MASK, sh[i]);
		assert_int_equal(hyp_map_lookup(&m, va_of(0x2000)) & LPAE_SH_MASK, sh[i]);
		assert_int_equal(hyp_map_lookup(&m, va_of(0x3000)) & LPAE_SH_MASK, LPAE_SH_OUTER);
		hyp_map_destroy(&m);
	}
	assert_int_equal(HYP_HTCR(LPAE_SH_OUTER), 0x80802500u);
	assert_int_equal(VTCR_VALUE(LPAE_SH_OUTER), 0x80002558u);
}

/* Random pages in a few megabytes at three places, against a plain array. */
static void
test_random(void **state)
{
	static const uint32_t bases[] = { 0x00000000, 0xbf800000, 0xffc00000 };
	static uint64_t model[3][1024];
	unsigned int i, page, at, step;

	srand(1);
	memset(model, 0, sizeof(model));
	for (step = 0; step < 20000; step++) {
		at = (unsigned int)rand() % 3;
		page = (unsigned int)rand() % 1024;
		hyp_va_t va = va_of(bases[at] + page * 0x1000);

		if (rand() % 2 != 0) {
			assert_int_equal(hyp_map_clear(*state, va), model[at][page] != 0);
			model[at][page] = 0;
			continue;
		}
		uint64_t pa = ((uint64_t)rand() << 12 | 0x1000) & 0xfffffff000ull;
		int error = hyp_map_page(*state, va, HPA(pa), HYP_PROT_DATA);

		assert_int_equal(error, model[at][page] != 0 ? -EEXIST : 0);
		if (error == 0)
			model[at][page] = pa;
	}
	for (at = 0; at < 3; at++)
		for (i = 0; i < 1024; i++) {
			struct seen s = mmu(*state, bases[at] + i * 0x1000);

			assert_int_equal(s.mapped, model[at][i] != 0);
			assert_int_equal(s.pa, model[at][i]);
			assert_int_equal(
			    hyp_map_lookup(*state, va_of(bases[at] + i * 0x1000)) != 0, s.mapped);
		}
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_empty),
		TEST(test_permissions),
		TEST(test_addresses),
		TEST(test_break_before_make),
		TEST(test_no_memory),
		TEST(test_shares_as_host),
		TEST(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
