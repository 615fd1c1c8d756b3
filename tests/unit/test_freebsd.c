/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * FreeBSD's kernel as a file, with what its loader leaves for it: the list is walked here from the
 * register that the kernel is started with, in the kernel's own addresses, as the kernel walks it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <elf.h>
#include <libfdt.h>
#include <string.h>

#include "boot.h"
#include "fake_file.h"
#include "freebsd.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))
#define MIB	 (1ull << 20)
#define RAM	 MACHINE_RAM_BASE
#define KVA	 0xc0000000u /* KERNVIRTADDR of most kernels */

/* ---- a file of the same make as a kernel ---- */

struct kernel_file {
	Elf32_Ehdr eh;
	Elf32_Phdr ph[3];
	uint8_t text[64];
	Elf32_Sym sym[2];
	char names[10];
	char fill[2];
	Elf32_Shdr sh[4];
};

static void
make_kernel(struct kernel_file *f)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->eh.e_ident, ELFMAG, SELFMAG);
	f->eh.e_ident[EI_CLASS] = ELFCLASS32;
	f->eh.e_ident[EI_DATA] = ELFDATA2LSB;
	f->eh.e_ident[EI_OSABI] = ELFOSABI_FREEBSD;
	f->eh.e_type = ET_EXEC;
	f->eh.e_machine = EM_ARM;
	f->eh.e_phoff = offsetof(struct kernel_file, ph);
	f->eh.e_phentsize = sizeof(Elf32_Phdr);
	f->eh.e_phnum = 3;
	f->eh.e_shoff = offsetof(struct kernel_file, sh);
	f->eh.e_shentsize = sizeof(Elf32_Shdr);
	f->eh.e_shnum = 4;
	f->eh.e_entry = KVA + 0x210;
	f->ph[0] = (Elf32_Phdr){ .p_type = PT_INTERP, .p_offset = 0xffffffff };
	/* Not in the order of their addresses, and p_paddr is no physical address at all. */
	f->ph[1] = (Elf32_Phdr){ .p_type = PT_LOAD,
		.p_vaddr = KVA + 0x101000,
		.p_paddr = KVA + 0x101000,
		.p_memsz = 0x800 };
	f->ph[2] = (Elf32_Phdr){ .p_type = PT_LOAD,
		.p_offset = offsetof(struct kernel_file, text),
		.p_vaddr = KVA + 0x200,
		.p_paddr = KVA + 0x200,
		.p_filesz = 64,
		.p_memsz = 128 };
	memset(f->text, 0x5a, sizeof(f->text));
	memset(f->sym, 0x11, sizeof(f->sym));
	memcpy(f->names, "\0main\0end\0", sizeof(f->names));
	f->sh[1] = (Elf32_Shdr){ .sh_type = SHT_PROGBITS, .sh_offset = 0xffffffff };
	f->sh[2] = (Elf32_Shdr){ .sh_type = SHT_SYMTAB,
		.sh_offset = offsetof(struct kernel_file, sym),
		.sh_size = sizeof(f->sym),
		.sh_link = 3 };
	f->sh[3] = (Elf32_Shdr){ .sh_type = SHT_STRTAB,
		.sh_offset = offsetof(struct kernel_file, names),
		.sh_size = sizeof(f->names) };
}

/* Plans the first len bytes of f. */
static int
plan(const struct kernel_file *f, size_t len, uint64_t ram, struct boot_kernel *k,
    struct boot_error *e)
{
	struct fake_file ff;
	struct boot_file file;
	int error;

	fake_file_make(&ff, f, len);
	assert_int_equal(boot_file_open(&file, ff.name, e), 0);
	e->text[0] = '\0';
	error = boot_kernel_plan(&file, RAM, ram, BOOT_NO_ADDRESS, k, e);
	if (error != 0)
		assert_non_null(strstr(e->text, ff.name));
	boot_file_close(&file);
	fake_file_end(&ff);
	return error;
}

static void
test_plan(void **state)
{
	struct kernel_file f;
	struct boot_kernel k;
	struct boot_error e;

	(void)state;
	make_kernel(&f);
	assert_int_equal(plan(&f, sizeof(f), 64 * MIB, &k, &e), 0);
	assert_int_equal(k.format, BOOT_FREEBSD);
	assert_int_equal(k.block, RAM + 2 * MIB);
	assert_int_equal((uint32_t)k.block + k.kva_offset, KVA);
	assert_int_equal(k.nsegs, 2);
	assert_int_equal(k.seg[0].gpa, RAM + 2 * MIB + 0x101000);
	assert_int_equal(k.seg[1].gpa, RAM + 2 * MIB + 0x200);
	assert_int_equal(k.entry, RAM + 2 * MIB + 0x210);
	assert_int_equal(k.symtab.len, sizeof(f.sym));
	assert_int_equal(k.strtab.len, sizeof(f.names));
	for (size_t len = SELFMAG; len < sizeof(f); len++) {
		assert_int_equal(plan(&f, len, 64 * MIB, &k, &e), -1);
		assert_non_null(strstr(e.text, "truncated"));
	}
	/* Stripped of its section headers it is as good a kernel. */
	f.eh.e_shnum = 0;
	assert_int_equal(plan(&f, offsetof(struct kernel_file, sym), 64 * MIB, &k, &e), 0);
	assert_int_equal(k.symtab.len, 0);
}

static void
break_kernel(struct kernel_file *f, unsigned int how)
{
	static const uint32_t vaddr[] = { 0x10000, 0x7fffffff, 0xfffffff0 };

	switch (how) {
	case 0:
	case 1:
	case 2: /* a program; all but one; round the end of the address space */
		f->ph[2].p_vaddr = vaddr[how];
		f->eh.e_entry = vaddr[how];
		break;
	case 3:
		f->ph[1].p_vaddr = 0xffffff00;
		break;
	case 4:
		f->ph[1].p_memsz = 0xffffffff;
		break;
	case 5:
		f->ph[1].p_vaddr = KVA + 0x27f;
		break;
	case 6:
		f->ph[1].p_type = f->ph[2].p_type = PT_NULL;
		break;
	case 7:
		f->eh.e_entry = KVA;
		break;
	case 8:
		f->eh.e_shentsize = 39;
		break;
	case 9:
		f->eh.e_shoff = 0xfffffff0;
		break;
	case 10:
		f->eh.e_shnum = 0xffff;
		f->sh[2].sh_type = SHT_NULL;
		break;
	case 11:
		f->sh[2].sh_size = 31;
		break;
	case 12:
		f->sh[2].sh_size = 0xfffffff0;
		break;
	case 13:
		f->sh[2].sh_offset = 0xffffffff;
		break;
	case 14:
		f->sh[2].sh_link = 4;
		break;
	case 15:
		f->sh[2].sh_link = 0xffffffff;
		break;
	case 16:
		f->sh[3].sh_size = 0xffffffff;
		break;
	default:
		fail();
	}
}

static void
test_plan_hostile(void **state)
{
	struct kernel_file f;
	struct boot_kernel k;
	struct boot_error e;

	(void)state;
	for (unsigned int how = 0; how <= 16; how++) {
		make_kernel(&f);
		break_kernel(&f, how);
		assert_int_equal(plan(&f, sizeof(f), 64 * MIB, &k, &e), -1);
		if (how < 2)
			assert_non_null(strstr(e.text, "a FreeBSD program"));
	}
	make_kernel(&f);
	assert_int_equal(plan(&f, sizeof(f), 3 * MIB, &k, &e), -1);
	assert_int_equal(plan(&f, sizeof(f), 4 * MIB, &k, &e), 0);
}

/* ---- environment and flags ---- */

static int
args(const char *cmdline, const char *v0, const char *v1, struct freebsd_args *a,
    struct boot_error *e)
{
	struct boot_config c = { .cmdline = cmdline, .env = { v0, v1 } };

	c.nenv = (v0 != NULL ? 1u : 0u) + (v1 != NULL ? 1u : 0u);
	return freebsd_args_make(&c, a, e);
}

static void
test_args(void **state)
{
	/* env: what is to be there, with '|' for NUL */
	static const struct {
		const char *cmdline, *v0, *v1, *env;
		uint32_t howto;
	} rows[] = {
		{ NULL, NULL, NULL, "||", 0 },
		{ "", NULL, NULL, "||", 0 },
		{ "-s", NULL, NULL, "||", 0x2 },
		{ " -sv\n -a ", NULL, NULL, "||", 0x803 },
		{ "-aCdDghmprsv", NULL, NULL, "||", 0x2011b863 },
		{ "FreeBSD:-v a.b=c", NULL, NULL, "a.b=c||", 0x800 },
		{ " freebsd: x=1 y", NULL, NULL, "x=1|y=1||", 0 },
		{ NULL, "a=b=c d", "e=", "a=b=c d|e=||", 0 },
		{ "a=1 b=2 a=3", NULL, NULL, "b=2|a=3||", 0 },
		{ "a=1 ab=2", "a=5", "b=6", "ab=2|a=5|b=6||", 0 },
		{ NULL, "boot_verbose=YES", "boot_single=no", "boot_verbose=YES|boot_single=no||",
		    0x800 },
		{ "-s -v", "boot_single=NO", NULL, "boot_single=NO||", 0x800 },
		{ NULL, "boot_verbos=1", "xboot_verbose=1", "boot_verbos=1|xboot_verbose=1||", 0 },
	};
	struct freebsd_args a;
	struct boot_error e;

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++) {
		assert_int_equal(args(rows[i].cmdline, rows[i].v0, rows[i].v1, &a, &e), 0);
		assert_int_equal(a.howto, rows[i].howto);
		assert_int_equal(a.len, strlen(rows[i].env));
		for (uint32_t n = 0; n < a.len; n++)
			assert_int_equal(a.env[n], rows[i].env[n] == '|' ? 0 : rows[i].env[n]);
	}
}

static void
test_args_bad(void **state)
{
	static const struct {
		const char *cmdline, *v0, *word;
	} rows[] = {
		{ "-x", NULL, "no flag -x" },
		{ "-sv-", NULL, "-sv-" },
		{ "=1", NULL, "=1" },
		{ NULL, "a b=1", "a b=1" },
		{ NULL, "", "NAME=VALUE" },
		{ NULL, "\"a=1", "NAME=VALUE" },
		{ NULL, "\xc3\xa4=1", "NAME=VALUE" },
	};
	static char big[FREEBSD_ENV_MAX];
	struct freebsd_args a;
	struct boot_error e;

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++) {
		assert_int_equal(args(rows[i].cmdline, rows[i].v0, NULL, &a, &e), -1);
		assert_non_null(strstr(e.text, rows[i].word));
	}
	/* The largest that goes, and a byte more. */
	memset(big, 'x', sizeof(big) - 1);
	big[1] = '=';
	big[FREEBSD_ENV_MAX - 2] = '\0';
	assert_int_equal(args(NULL, big, NULL, &a, &e), 0);
	assert_int_equal(a.len, FREEBSD_ENV_MAX);
	big[FREEBSD_ENV_MAX - 2] = 'x';
	assert_int_equal(args(NULL, big, NULL, &a, &e), -1);
	assert_non_null(strstr(e.text, "larger than"));
	/* What is replaced makes room. */
	big[FREEBSD_ENV_MAX - 2] = '\0';
	assert_int_equal(args(NULL, big, big, &a, &e), 0);
}

/* ---- places ---- */

static void
check_places(
    const struct boot_kernel *k, const struct freebsd_places *p, uint64_t image, uint64_t ram)
{
	uint64_t at = k->seg[0].gpa + k->seg[0].mem_len;
	const struct {
		uint64_t gpa, len;
	} things[] = {
		{ p->symbols, p->symbols_end - p->symbols },
		{ p->image, image },
		{ p->env, FREEBSD_ENV_MAX },
		{ p->dtb, 0x3001 },
		{ p->modules, FREEBSD_PAGE },
	};

	for (size_t i = 0; i < NELEM(things); i++) {
		if (things[i].gpa == 0) {
			assert_true(i == 0 ? k->symtab.len == 0 : image == 0);
			continue;
		}
		assert_int_equal(things[i].gpa % FREEBSD_PAGE, 0);
		assert_true(things[i].gpa >= at);
		at = things[i].gpa + things[i].len;
	}
	assert_int_equal(p->end % FREEBSD_PAGE, 0);
	assert_true(p->end >= at && p->end <= RAM + ram);
	assert_true(p->end - k->block <= 62 * MIB);
}

static void
test_places(void **state)
{
	static const uint64_t rams[] = { 8 * MIB, 64 * MIB, 70 * MIB, 3072 * MIB };
	static const uint64_t images[] = { 0, 1, 4096, 5 * MIB, 50 * MIB, 62 * MIB, 1ull << 32,
		INT64_MAX, UINT64_MAX };
	static const uint64_t kernels[] = { 1, 5 * MIB, 61 * MIB };
	struct freebsd_places p;
	unsigned int placed = 0;
	struct boot_error e;

	(void)state;
	for (unsigned int i = 0; i < NELEM(rams) * NELEM(images) * NELEM(kernels) * 2; i++) {
		uint64_t ram = rams[i % 4], image = images[i / 4 % 9], len = kernels[i / 36 % 3];
		struct boot_kernel k = { .format = BOOT_FREEBSD, .nsegs = 1 };

		k.block = RAM + 2 * MIB;
		k.seg[0] = (struct boot_segment){ k.block + 0x100, 0, len, len };
		k.symtab.len = i / 108 != 0 ? 160 : 0;
		k.strtab.len = i / 108 != 0 ? 17 : 0;
		if (freebsd_place(&k, RAM, ram, 0x3001, image, &p, &e) != 0)
			continue;
		placed++;
		check_places(&k, &p, image, ram);
	}
	assert_in_range(placed, 50, 120);
}

static void
test_places_too_much(void **state)
{
	struct boot_kernel k = { .format = BOOT_FREEBSD, .nsegs = 1, .block = RAM + 2 * MIB };
	struct freebsd_places p;
	struct boot_error e;

	(void)state;
	k.seg[0] = (struct boot_segment){ k.block, 0, 5 * MIB, 5 * MIB };
	assert_int_equal(freebsd_place(&k, RAM, 512 * MIB, 0x2000, 64 * MIB, &p, &e), -1);
	assert_non_null(strstr(e.text, "62 MiB"));
	assert_non_null(strstr(e.text, "a disk"));
	assert_int_equal(freebsd_place(&k, RAM, 32 * MIB, 0x2000, 64 * MIB, &p, &e), -1);
	assert_non_null(strstr(e.text, "see -m"));
}

/* ---- all of it in memory ---- */

struct loaded {
	struct boot_mem mem;
	struct boot_entry entry;
	struct boot_error e;
	char image_name[32];
};

/* What the kernel sees at one of its addresses. */
static const uint8_t *
at(const struct loaded *l, uint32_t kva, uint64_t len)
{
	uint64_t gpa = (uint64_t)(kva - KVA) + RAM + 2 * MIB;
	const uint8_t *va = boot_mem_at(&l->mem, gpa, len);

	assert_true(kva >= KVA);
	assert_non_null(va);
	return va;
}

static uint32_t
word(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The n-th thing's record of a type, as the kernel looks for it; NULL: it has none. */
static const uint8_t *
find(const struct loaded *l, unsigned int thing, uint32_t type, uint32_t *len)
{
	uint32_t kva = (uint32_t)l->entry.r0;
	unsigned int names = 0;
	const uint8_t *p;

	for (int guard = 0; guard < 100; guard++) {
		p = at(l, kva, 8);
		*len = word(p + 4);
		if (word(p) == 0 && *len == 0)
			return NULL;
		names += word(p) == 1;
		if (names == thing + 1 && word(p) == type)
			return at(l, kva + 8, *len);
		kva += 8 + ((*len + 3) & ~3u);
	}
	fail_msg("the list has no end");
	return NULL;
}

static uint32_t
number(const struct loaded *l, unsigned int thing, uint32_t type)
{
	uint32_t len;
	const uint8_t *p = find(l, thing, type, &len);

	assert_non_null(p);
	assert_int_equal(len, 4);
	return word(p);
}

static void
assert_text(const struct loaded *l, unsigned int thing, uint32_t type, const char *text)
{
	uint32_t len;
	const uint8_t *p = find(l, thing, type, &len);

	assert_non_null(p);
	assert_int_equal(len, strlen(text) + 1);
	assert_memory_equal(p, text, len);
}

static int
load(struct loaded *l, const struct kernel_file *f, const uint8_t *image, size_t image_len,
    struct boot_config *c)
{
	struct boot_machine machine = { .vcpus = 1, .ram_size = l->mem.size };
	struct fake_file kernel, disk;
	int error;

	fake_file_make(&kernel, f, sizeof(*f));
	fake_file_make(&disk, image, image_len);
	snprintf(l->image_name, sizeof(l->image_name), "%s", strrchr(disk.name, '/') + 1);
	c->kernel = kernel.name;
	c->initrd = image != NULL ? disk.name : NULL;
	c->raw_gpa = BOOT_NO_ADDRESS;
	error = boot_check(c, l->mem.size, &l->e);
	if (error == 0)
		error = boot_load(c, &machine, &l->mem, &l->entry, &l->e);
	fake_file_end(&kernel);
	fake_file_end(&disk);
	return error;
}

static void
loaded_begin(struct loaded *l)
{
	l->mem = (struct boot_mem){ .gpa = RAM, .size = 16 * MIB };
	l->mem.va = malloc(l->mem.size);
	assert_non_null(l->mem.va);
	memset(l->mem.va, 0xee, l->mem.size);
}

static void
check_kernel_list(const struct loaded *l, const struct kernel_file *f)
{
	uint32_t len, ssym, esym;

	assert_text(l, 0, 0x0001, "kernel");
	assert_text(l, 0, 0x0002, "elf kernel");
	assert_text(l, 0, 0x0006, "-v x=y");
	assert_int_equal(number(l, 0, 0x0003), KVA);
	assert_int_equal(number(l, 0, 0x8007), 0x800);
	assert_memory_equal(find(l, 0, 0x8002, &len), &f->eh, sizeof(f->eh));
	assert_memory_equal(at(l, number(l, 0, 0x8006), 17), "x=y\0kern.a=b c\0", 16);
	assert_int_equal(fdt_check_header(at(l, number(l, 0, 0x9002), 0x1000)), 0);
	assert_int_equal(l->entry.r2, number(l, 0, 0x9002) - KVA + RAM + 2 * MIB);
	ssym = number(l, 0, 0x8003);
	esym = number(l, 0, 0x8004);
	assert_int_equal(esym - ssym, 4 + sizeof(f->sym) + 4 + 12);
	assert_int_equal(word(at(l, ssym, 4)), sizeof(f->sym));
	assert_memory_equal(at(l, ssym + 4, sizeof(f->sym)), f->sym, sizeof(f->sym));
	assert_int_equal(word(at(l, ssym + 4 + sizeof(f->sym), 4)), sizeof(f->names));
	assert_memory_equal(
	    at(l, ssym + 8 + sizeof(f->sym), sizeof(f->names)), f->names, sizeof(f->names));
	/* Everything is before the end that the kernel is told. */
	assert_true(esym < number(l, 0, 0x8008));
	assert_true((uint32_t)l->entry.r0 < number(l, 0, 0x8008));
}

static void
test_load(void **state)
{
	struct boot_config c = { .cmdline = "-v x=y", .env = { "kern.a=b c" }, .nenv = 1 };
	uint8_t image[5000];
	struct kernel_file f;
	struct loaded l;

	(void)state;
	memset(image, 0xd5, sizeof(image));
	make_kernel(&f);
	loaded_begin(&l);
	assert_int_equal(load(&l, &f, image, sizeof(image), &c), 0);
	assert_int_equal(l.entry.pc, RAM + 2 * MIB + 0x210);
	assert_int_equal(l.entry.r0 % FREEBSD_PAGE, 0);
	check_kernel_list(&l, &f);
	assert_text(&l, 1, 0x0001, l.image_name);
	assert_text(&l, 1, 0x0002, "md_image");
	assert_int_equal(number(&l, 1, 0x0004), sizeof(image));
	assert_memory_equal(at(&l, number(&l, 1, 0x0003), sizeof(image)), image, sizeof(image));
	/* The segments, and zeroes behind what is in the file. */
	assert_memory_equal(at(&l, KVA + 0x200, 64), f.text, 64);
	for (uint32_t i = 64; i < 128; i++)
		assert_int_equal(*at(&l, KVA + 0x200 + i, 1), 0);
	assert_int_equal(*at(&l, KVA + 0x101000, 1), 0);
	free(l.mem.va);
}

/* Without an image, without symbols, without a word. */
static void
test_load_bare(void **state)
{
	struct boot_config c = { .cmdline = NULL };
	struct kernel_file f;
	struct loaded l;
	uint32_t len;

	(void)state;
	make_kernel(&f);
	f.eh.e_shoff = 0;
	loaded_begin(&l);
	assert_int_equal(load(&l, &f, NULL, 0, &c), 0);
	assert_null(find(&l, 1, 0x0001, &len));
	assert_null(find(&l, 0, 0x8003, &len));
	assert_null(find(&l, 0, 0x0006, &len));
	assert_memory_equal(at(&l, number(&l, 0, 0x8006), 2), "\0", 2);
	free(l.mem.va);
}

static void
test_load_refused(void **state)
{
	struct boot_config c = { .env = { "a=b" }, .nenv = 1 };
	struct kernel_file f;
	struct loaded l;
	uint8_t byte = 0;

	(void)state;
	make_kernel(&f);
	loaded_begin(&l);
	c.cmdline = "-q";
	assert_int_equal(load(&l, &f, NULL, 0, &c), -1);
	assert_non_null(strstr(l.e.text, "no flag -q"));
	c.cmdline = NULL;
	assert_int_equal(load(&l, &f, &byte, 0, &c), -1);
	assert_non_null(strstr(l.e.text, "empty"));
	/* The same file as another system's: an environment is not for it. */
	f.eh.e_ident[EI_OSABI] = 0;
	f.ph[1].p_type = PT_NULL;
	f.ph[2].p_paddr = RAM + 0x10000;
	assert_int_equal(load(&l, &f, NULL, 0, &c), -1);
	assert_non_null(strstr(l.e.text, "bhyveload -e"));
	c.nenv = 0;
	assert_int_equal(load(&l, &f, NULL, 0, &c), 0);
	free(l.mem.va);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_plan_hostile),
		cmocka_unit_test(test_args),
		cmocka_unit_test(test_args_bad),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_places_too_much),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_load_bare),
		cmocka_unit_test(test_load_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
