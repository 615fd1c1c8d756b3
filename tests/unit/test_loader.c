/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Kernels as files: good ones, truncated ones, hostile ones; where things are put; and the whole
 * way into a VM over a fake kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <libfdt.h>
#include <string.h>

#include "boot.h"
#include "fake_file.h"
#include "fake_vmm_sys.h"
#include "vmm_request.h"
#include "vmmapi.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))
#define MIB	 (1ull << 20)
#define RAM	 MACHINE_RAM_BASE

static void
put32(uint8_t *p, uint32_t val)
{
	memcpy(p, &val, sizeof(val));
}

/* Plans a file of the given bytes.  The error's text is left in e. */
static int
plan(const void *data, size_t len, uint64_t ram, uint64_t raw, struct boot_kernel *k,
    struct boot_error *e)
{
	struct fake_file ff;
	struct boot_file f;
	int error;

	fake_file_make(&ff, data, len);
	assert_int_equal(boot_file_open(&f, ff.name, e), 0);
	e->text[0] = '\0';
	error = boot_kernel_plan(&f, RAM, ram, raw, k, e);
	if (error != 0)
		assert_non_null(strstr(e->text, ff.name));
	boot_file_close(&f);
	fake_file_end(&ff);
	return error;
}

/* ---- zImage ---- */

#define ZIMAGE_LEN 0x1000u

static void
make_zimage(uint8_t *z)
{
	for (unsigned int i = 0; i < ZIMAGE_LEN; i++)
		z[i] = (uint8_t)i;
	put32(z + 0x24, 0x016f2818);
	put32(z + 0x28, 0);
	put32(z + 0x2c, ZIMAGE_LEN);
	put32(z + 0x34, 0);
}

static void
test_zimage(void **state)
{
	uint8_t z[ZIMAGE_LEN];
	struct boot_kernel k;
	struct boot_error e;

	(void)state;
	make_zimage(z);
	assert_int_equal(plan(z, sizeof(z), 256 * MIB, BOOT_NO_ADDRESS, &k, &e), 0);
	assert_int_equal(k.format, BOOT_ZIMAGE);
	assert_int_equal(k.nsegs, 1);
	assert_int_equal(k.entry, k.seg[0].gpa);
	/* The 128 MiB rule, and clear of where the kernel unpacks. */
	assert_in_range(k.entry, RAM + 32 * MIB, RAM + 128 * MIB - ZIMAGE_LEN);
	assert_true(k.reserved_end >= k.entry + ZIMAGE_LEN);
	/* In a small memory at the classic place, and all it needs kept free. */
	assert_int_equal(plan(z, sizeof(z), 16 * MIB, BOOT_NO_ADDRESS, &k, &e), 0);
	assert_int_equal(k.entry, RAM + 0x8000);
	assert_true(k.reserved_end > RAM + 0x8000 + 2 * ZIMAGE_LEN);
	assert_int_equal(plan(z, sizeof(z), MIB, BOOT_NO_ADDRESS, &k, &e), -1);
	assert_non_null(strstr(e.text, "-m"));
}

static void
test_zimage_truncated(void **state)
{
	uint8_t z[ZIMAGE_LEN];
	struct boot_kernel k;
	struct boot_error e;

	(void)state;
	make_zimage(z);
	for (size_t len = 0; len < ZIMAGE_LEN; len = len < 0x80 ? len + 1 : len + 97) {
		assert_int_equal(plan(z, len, 256 * MIB, BOOT_NO_ADDRESS, &k, &e), -1);
		assert_true(strlen(e.text) > 0);
		if (len >= 0x28)
			assert_non_null(strstr(e.text, "truncated"));
	}
}

static void
test_zimage_hostile(void **state)
{
	static const uint32_t ends[] = { 0, 1, 0x2f, ZIMAGE_LEN + 1, 0x7fffffff, 0xffffffff };
	static const uint32_t words[] = { 0, 1, 2, 3, 0x38, 0xffc, 0xffd, 0x1000, 0x80000000,
		0xffffffff };
	uint8_t z[ZIMAGE_LEN];
	struct boot_kernel k;
	struct boot_error e;

	(void)state;
	for (size_t i = 0; i < NELEM(ends); i++) {
		make_zimage(z);
		put32(z + 0x2c, ends[i]);
		assert_int_equal(plan(z, sizeof(z), 256 * MIB, BOOT_NO_ADDRESS, &k, &e), -1);
		make_zimage(z);
		put32(z + 0x28, 0xfffffff0);
		put32(z + 0x2c, ends[i]);
		assert_int_equal(plan(z, sizeof(z), 256 * MIB, BOOT_NO_ADDRESS, &k, &e), -1);
	}
	/* The extension table may say anything: a plan is made that fits, or none. */
	for (size_t i = 0; i < NELEM(words) * NELEM(words) * NELEM(words); i++) {
		make_zimage(z);
		put32(z + 0x34, 0x45454545);
		put32(z + 0x38, words[i % NELEM(words)]);
		put32(z + 0x40, words[i / NELEM(words) % NELEM(words)]);
		put32(z + 0x3c, 4);
		put32(z + 0x40 + 4, 0x5a534c4b);
		put32(z + 0x40 + 8, words[i / NELEM(words) / NELEM(words)]);
		put32(z + 0x40 + 12, words[i % 7]);
		if (plan(z, sizeof(z), 256 * MIB, BOOT_NO_ADDRESS, &k, &e) == 0) {
			assert_in_range(k.reserved_end, RAM + ZIMAGE_LEN, RAM + 256 * MIB);
			assert_in_range(k.entry, RAM, RAM + 128 * MIB);
		}
	}
}

/* The tag that says how large the unpacked kernel is moves the zImage behind its end. */
static void
test_zimage_size_tag(void **state)
{
	uint8_t z[ZIMAGE_LEN];
	struct boot_kernel k;
	struct boot_error e;

	(void)state;
	make_zimage(z);
	put32(z + 0x34, 0x45454545);
	put32(z + 0x38, 0x100);
	put32(z + 0x100, 4);
	put32(z + 0x104, 0x5a534c4b);
	put32(z + 0x108, 0x200);
	put32(z + 0x10c, 8 << 20);
	put32(z + 0x200, 40 << 20);
	assert_int_equal(plan(z, sizeof(z), 256 * MIB, BOOT_NO_ADDRESS, &k, &e), 0);
	assert_in_range(k.entry, RAM + 48 * MIB, RAM + 64 * MIB);
}

/* ---- ELF ---- */

struct elf_file {
	Elf32_Ehdr eh;
	Elf32_Phdr ph[3];
	uint8_t text[64];
};

static void
make_elf(struct elf_file *f)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->eh.e_ident, ELFMAG, SELFMAG);
	f->eh.e_ident[EI_CLASS] = ELFCLASS32;
	f->eh.e_ident[EI_DATA] = ELFDATA2LSB;
	f->eh.e_type = ET_EXEC;
	f->eh.e_machine = EM_ARM;
	f->eh.e_phoff = offsetof(struct elf_file, ph);
	f->eh.e_phentsize = sizeof(Elf32_Phdr);
	f->eh.e_phnum = 3;
	f->eh.e_entry = 0x80000011;
	f->ph[0] = (Elf32_Phdr){ .p_type = PT_LOAD,
		.p_offset = offsetof(struct elf_file, text),
		.p_vaddr = 0x80000000,
		.p_paddr = 0x40010000,
		.p_filesz = 64,
		.p_memsz = 128 };
	f->ph[1] = (Elf32_Phdr){ .p_type = PT_NOTE, .p_offset = 0xffffffff };
	f->ph[2] = (Elf32_Phdr){
		.p_type = PT_LOAD, .p_vaddr = 0x80100000, .p_paddr = 0x40110000, .p_memsz = 32
	};
	memset(f->text, 0x5a, sizeof(f->text));
}

static void
test_elf(void **state)
{
	struct elf_file f;
	struct boot_kernel k;
	struct boot_error e;

	(void)state;
	make_elf(&f);
	assert_int_equal(plan(&f, sizeof(f), 16 * MIB, BOOT_NO_ADDRESS, &k, &e), 0);
	assert_int_equal(k.format, BOOT_ELF);
	assert_int_equal(k.nsegs, 2);
	assert_int_equal(k.entry, 0x40010011); /* physical, and Thumb */
	assert_int_equal(k.seg[1].gpa, 0x40110000);
	for (size_t len = 0; len < sizeof(f); len++) {
		assert_int_equal(plan(&f, len, 16 * MIB, BOOT_NO_ADDRESS, &k, &e), -1);
		if (len >= SELFMAG && len > 0)
			assert_non_null(strstr(e.text, "truncated"));
	}
}

static void
break_elf(struct elf_file *f, unsigned int how)
{
	Elf32_Phdr *p = &f->ph[0];

	switch (how) {
	case 0:
		f->eh.e_ident[EI_CLASS] = ELFCLASS64;
		break;
	case 1:
		f->eh.e_ident[EI_DATA] = ELFDATA2MSB;
		break;
	case 2:
		f->eh.e_type = ET_DYN;
		break;
	case 3:
		f->eh.e_machine = EM_AARCH64;
		break;
	case 4:
		f->eh.e_phnum = 0;
		break;
	case 5:
		f->eh.e_phnum = 0xffff;
		break;
	case 6:
		f->eh.e_phentsize = 31;
		break;
	case 7:
		f->eh.e_phoff = 0xfffffff0;
		break;
	case 8:
		f->eh.e_entry = 0x1000;
		break;
	case 9:
		p->p_filesz = 129;
		break;
	case 10:
		p->p_offset = 0xffffffff;
		break;
	case 11:
		p->p_paddr = 0x3fffffff;
		break;
	case 12:
		p->p_paddr = 0xffffffff;
		break;
	case 13:
		p->p_memsz = 0xffffffff;
		break;
	case 14:
		p->p_filesz = p->p_memsz = 0xffffffff;
		break;
	case 15:
		f->ph[2].p_paddr = 0x4001007f;
		break;
	case 16:
		f->ph[0].p_type = f->ph[2].p_type = PT_NULL;
		break;
	case 17:
		p->p_paddr = 0x40000000 + 16 * MIB - 127;
		break;
	default:
		fail();
	}
}

static void
test_elf_hostile(void **state)
{
	struct elf_file f;
	struct boot_kernel k;
	struct boot_error e;

	(void)state;
	for (unsigned int how = 0; how <= 17; how++) {
		make_elf(&f);
		break_elf(&f, how);
		assert_int_equal(plan(&f, sizeof(f), 16 * MIB, BOOT_NO_ADDRESS, &k, &e), -1);
	}
	make_elf(&f);
	f.eh.e_machine = EM_AARCH64;
	plan(&f, sizeof(f), 16 * MIB, BOOT_NO_ADDRESS, &k, &e);
	assert_non_null(strstr(e.text, "arm64"));
}

/* ---- arm64 ---- */

#define IMAGE_LEN 0x1000u

static void
put64(uint8_t *p, uint64_t val)
{
	memcpy(p, &val, sizeof(val));
}

static void
make_image(uint8_t *image, uint64_t text, uint64_t size, uint64_t flags)
{
	memset(image, 0x5a, IMAGE_LEN);
	put64(image + 0x08, text);
	put64(image + 0x10, size);
	put64(image + 0x18, flags);
	put32(image + 0x38, 0x644d5241);
}

static void
test_image(void **state)
{
	uint8_t image[IMAGE_LEN];
	struct boot_places p;
	struct boot_kernel k;
	struct boot_error e;

	(void)state;
	make_image(image, 0, 0x20000, 0xa);
	assert_int_equal(plan(image, IMAGE_LEN, 16 * MIB, BOOT_NO_ADDRESS, &k, &e), 0);
	assert_int_equal(k.format, BOOT_IMAGE);
	assert_true(k.is64);
	assert_int_equal(k.entry, RAM);
	assert_int_equal(k.seg[0].gpa, RAM);
	assert_int_equal(k.reserved_end, RAM + 0x20000);
	/* nothing is put where its bss will be */
	assert_int_equal(boot_place(&k, RAM, 16 * MIB, 0x1000, 0x100000, &p, &e), 0);
	assert_true(p.dtb >= RAM + 0x20000 && p.initrd >= p.dtb + 0x1000);

	make_image(image, 0x80000, 0x20000, 0xa);
	assert_int_equal(plan(image, IMAGE_LEN, 16 * MIB, BOOT_NO_ADDRESS, &k, &e), 0);
	assert_int_equal(k.entry, RAM + 0x80000);
	assert_int_equal(k.reserved_end, RAM + 0xa0000);
	make_image(image, 0x1234, 0, 0); /* before Linux 3.17 */
	assert_int_equal(plan(image, IMAGE_LEN, 16 * MIB, BOOT_NO_ADDRESS, &k, &e), 0);
	assert_int_equal(k.entry, RAM + 0x80000);
}

static void
test_image_hostile(void **state)
{
	static const struct {
		uint64_t text, size, flags;
		const char *word;
	} rows[] = {
		{ 0, 0x20000, 1, "big-endian" },
		{ 2, 0x20000, 0, "broken" },
		{ 2 * MIB, 0x20000, 0, "broken" },
		{ ~0ull, 0x20000, 0, "broken" },
		{ 0, 1ull << 32, 0, "broken" },
		{ 0, ~0ull, 0, "broken" },
		{ 0, 16 * MIB + 1, 0, "-m" },
		{ 0x80000, 16 * MIB - 0x7ffff, 0, "-m" },
	};
	uint8_t image[IMAGE_LEN];
	struct boot_kernel k;
	struct boot_error e;

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++) {
		make_image(image, rows[i].text, rows[i].size, rows[i].flags);
		assert_int_equal(plan(image, IMAGE_LEN, 16 * MIB, BOOT_NO_ADDRESS, &k, &e), -1);
		assert_non_null(strstr(e.text, rows[i].word));
	}
}

static void
test_elf64(void **state)
{
	struct {
		Elf64_Ehdr eh;
		Elf64_Phdr ph;
		uint8_t text[64];
	} f = { 0 };
	struct boot_kernel k;
	struct boot_error e;

	(void)state;
	memcpy(f.eh.e_ident, ELFMAG, SELFMAG);
	f.eh.e_ident[EI_CLASS] = ELFCLASS64;
	f.eh.e_ident[EI_DATA] = ELFDATA2LSB;
	f.eh.e_type = ET_EXEC;
	f.eh.e_machine = EM_AARCH64;
	f.eh.e_entry = 0x40080010;
	f.eh.e_phoff = sizeof(f.eh);
	f.eh.e_phentsize = sizeof(f.ph);
	f.eh.e_phnum = 1;
	f.ph = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_offset = sizeof(f.eh) + sizeof(f.ph),
		.p_vaddr = 0x40080000,
		.p_paddr = 0x40080000,
		.p_filesz = sizeof(f.text),
		.p_memsz = 0x1000,
	};
	assert_int_equal(plan(&f, sizeof(f), 16 * MIB, BOOT_NO_ADDRESS, &k, &e), 0);
	assert_int_equal(k.format, BOOT_ELF);
	assert_true(k.is64);
	assert_int_equal(k.entry, 0x40080010);
	assert_int_equal(k.seg[0].mem_len, 0x1000);
	f.ph.p_paddr = 1ull << 63;
	assert_int_equal(plan(&f, sizeof(f), 16 * MIB, BOOT_NO_ADDRESS, &k, &e), -1);
	assert_int_equal(plan(&f, sizeof(f.eh) - 1, 16 * MIB, BOOT_NO_ADDRESS, &k, &e), -1);
}

/* X0 has the device tree; a kernel of the other width is refused on either host. */
static void
test_prepare_image(void **state)
{
	struct boot_config c = { .is64 = true, .raw_gpa = BOOT_NO_ADDRESS };
	struct boot_vm v = { .memory = 8 * MIB, .vcpus = 1 };
	struct fake_file kernel;
	uint8_t image[IMAGE_LEN];
	struct boot_error e;
	struct vmctx *ctx;
	const void *fdt;

	(void)state;
	make_image(image, 0, 0x20000, 0xa);
	fake_file_make(&kernel, image, sizeof(image));
	c.kernel = kernel.name;
	fake_reset();
	vm_create("vm");
	ctx = vm_open("vm");
	assert_int_equal(boot_vm_prepare(ctx, &v, &c, &e), 0);
	assert_int_equal(fake.regs[0][VM_REG_GUEST_PC], RAM);
	assert_int_equal(fake.regs[0][VM_REG_GUEST_CPSR], 0x3c5);
	assert_int_equal(fake.regs[0][VM_REG_GUEST_X0 + 1] | fake.regs[0][VM_REG_GUEST_X0 + 2], 0);
	fdt = vm_map_gpa(ctx, fake.regs[0][VM_REG_GUEST_X0], 0x1000);
	assert_int_equal(fdt_check_header(fdt), 0);
	assert_string_equal(fdt_getprop(fdt, fdt_path_offset(fdt, "/timer"), "compatible", NULL),
	    "arm,armv8-timer");
	assert_int_equal(
	    fdt32_ld(fdt_getprop(fdt, fdt_path_offset(fdt, "/psci"), "cpu_on", NULL)), 0xc4000003);
	c.is64 = false;
	assert_int_equal(boot_check(&c, 8 * MIB, &e), -1);
	assert_non_null(strstr(e.text, "32-bit ARM"));
	vm_close(ctx);
	fake_file_end(&kernel);
	fake_reset();
}

/* ---- others ---- */

static void
test_other_formats(void **state)
{
	static const struct {
		unsigned int off;
		uint32_t magic;
		const char *word;
	} rows[] = {
		{ 0x202, 0x53726448, "x86" },
		{ 0x38, 0x05435352, "RISC-V" },
		{ 0, 0x56190527, "uImage" },
		{ 0x24, 0x18286f01, "big-endian" },
		{ 0, 0xedfe0dd0, "device tree" },
		{ 0, 0x00088b1f, "gzip" },
		{ 0x100, 1, "-b ADDRESS" },
	};
	uint8_t data[0x400];
	struct boot_kernel k;
	struct boot_error e;

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++) {
		memset(data, 0, sizeof(data));
		put32(data + rows[i].off, rows[i].magic);
		assert_int_equal(plan(data, sizeof(data), MIB, BOOT_NO_ADDRESS, &k, &e), -1);
		assert_non_null(strstr(e.text, rows[i].word));
	}
}

static void
test_raw(void **state)
{
	static const struct {
		uint64_t gpa;
		int result;
	} rows[] = {
		{ RAM, 0 },
		{ RAM + 0x8000, 0 },
		{ RAM + MIB - 0x400, 0 },
		{ RAM + MIB - 0x3fc, -1 },
		{ RAM + 2, -1 },
		{ RAM - 4, -1 },
		{ 0, -1 },
		{ ~3ull, -1 },
	};
	uint8_t data[0x400] = { 0 };
	struct boot_kernel k;
	struct boot_error e;

	(void)state;
	for (size_t i = 0; i < NELEM(rows); i++)
		assert_int_equal(
		    plan(data, sizeof(data), MIB, rows[i].gpa, &k, &e), rows[i].result);
	assert_int_equal(plan(data, 0, MIB, RAM, &k, &e), -1);
}

static void
test_files(void **state)
{
	struct boot_error e;
	struct boot_file f;

	(void)state;
	assert_int_equal(boot_file_open(&f, "/nonexistent/kernel", &e), -1);
	assert_non_null(strstr(e.text, "/nonexistent/kernel"));
	assert_int_equal(boot_file_open(&f, "/", &e), -1);
	assert_int_equal(boot_file_open(&f, "/dev/null", &e), -1);
	assert_non_null(strstr(e.text, "regular"));
}

/* ---- places ---- */

static bool
apart(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{
	return a + alen <= b || b + blen <= a;
}

/* Whatever the sizes: no two things overlap, all is in memory, or there is an error. */
static void
test_places(void **state)
{
	static const uint64_t rams[] = { 8 * MIB, 64 * MIB, 128 * MIB, 136 * MIB, 256 * MIB,
		3072 * MIB };
	static const uint64_t initrds[] = { 0, 1, 5 * MIB, 60 * MIB, 120 * MIB, 4096 * MIB };
	static const uint64_t kernels[] = { 0x400, 6 * MIB, 100 * MIB };
	static const enum boot_format formats[] = { BOOT_ZIMAGE, BOOT_ELF, BOOT_RAW };
	const uint64_t dtb = 0x3000;
	unsigned int placed = 0;
	struct boot_places p;
	struct boot_error e;

	(void)state;
	for (unsigned int i = 0; i < NELEM(rams) * NELEM(initrds) * NELEM(kernels) * 3 * 2; i++) {
		uint64_t ram = rams[i % NELEM(rams)], initrd = initrds[i / NELEM(rams) % 6];
		uint64_t len = kernels[i / 36 % 3];
		struct boot_kernel k = { .format = formats[i / 108 % 3], .nsegs = 1 };

		k.seg[0] = (struct boot_segment){ RAM + (i / 324 ? 0x8000 : 0), 0, len, len };
		if (k.format == BOOT_ZIMAGE)
			k.reserved_end = RAM + 3 * len;
		if (boot_place(&k, RAM, ram, dtb, initrd, &p, &e) != 0)
			continue;
		placed++;
		assert_true(p.dtb % 8 == 0 && p.dtb >= RAM && p.dtb + dtb <= RAM + ram);
		assert_true(apart(p.dtb, dtb, k.seg[0].gpa, len));
		assert_true(k.reserved_end <= p.dtb);
		if (initrd == 0) {
			assert_int_equal(p.initrd, 0);
			continue;
		}
		assert_true(p.initrd >= RAM && p.initrd + initrd <= RAM + ram);
		assert_true(apart(p.initrd, initrd, k.seg[0].gpa, len));
		assert_true(apart(p.initrd, initrd, p.dtb, dtb));
		assert_true(k.reserved_end <= p.initrd);
	}
	assert_in_range(placed, 100, 640);
}

/* ---- the whole way ---- */

static void
test_prepare(void **state)
{
	static const char initrd[] = "an initrd";
	const struct vm_topology topo = { 1, 2, 1, 2 };
	struct boot_config c = {
		.cmdline = "quiet",
		.raw_gpa = BOOT_NO_ADDRESS,
		.pci = true,
		.virtio_mmio = 1u << 2,
	};
	struct boot_vm v = { .memory = 8 * MIB, .vcpus = 2, .topology = &topo };
	struct fake_file kernel, disk;
	struct boot_error e;
	struct vmctx *ctx;
	struct elf_file f;
	const void *fdt;
	const char *args;
	int node;

	(void)state;
	make_elf(&f);
	fake_file_make(&kernel, &f, sizeof(f));
	fake_file_make(&disk, initrd, sizeof(initrd));
	c.kernel = kernel.name;
	c.initrd = disk.name;
	fake_reset();
	vm_create("vm");
	ctx = vm_open("vm");
	for (int round = 1; round <= 2; round++) { /* the second is a reload */
		if (round == 2)
			memset(fake.mem, 0xff, 8 * MIB);
		assert_int_equal(boot_vm_prepare(ctx, &v, &c, &e), 0);
		assert_int_equal(fake.reinits, round);
		assert_int_equal(fake.active, 3);
		assert_true(fake.vgic);
		assert_int_equal(fake.topo.cores, 2);
		assert_int_equal(fake.regs[0][VM_REG_GUEST_PC], 0x40010010);
		assert_int_equal(fake.regs[0][VM_REG_GUEST_CPSR], 0x1f3);
		assert_int_equal(fake.regs[0][0], 0);
		assert_int_equal(fake.regs[0][1], 0xffffffff);
		assert_memory_equal(fake.mem + 0x10000, f.text, sizeof(f.text));
		assert_int_equal(fake.mem[0x10000 + 64], 0); /* bss */
		assert_int_equal(fake.mem[0x110000], 0);
		fdt = vm_map_gpa(ctx, fake.regs[0][2], 0x1000);
		assert_int_equal(fdt_check_header(fdt), 0);
		node = fdt_path_offset(fdt, "/chosen");
		args = fdt_getprop(fdt, node, "bootargs", NULL);
		assert_string_equal(args, "quiet");
		assert_true(fdt_path_offset(fdt, "/pcie@3f000000") > 0);
		assert_true(fdt_path_offset(fdt, "/virtio_mmio@a000400") > 0);
		assert_true(fdt_path_offset(fdt, "/virtio_mmio@a000000") < 0);
		assert_string_equal(
		    (char *)vm_map_gpa(
			ctx, fdt64_ld(fdt_getprop(fdt, node, "linux,initrd-start", NULL)), 16),
		    initrd);
	}
	v.memory = 4 * MIB;
	assert_int_equal(boot_vm_prepare(ctx, &v, &c, &e), -1);
	assert_non_null(strstr(e.text, "another size"));
	vm_close(ctx);
	fake_file_end(&kernel);
	fake_file_end(&disk);
	fake_reset();
}

/* Firmware starts at 0, with the device tree at the start of RAM, and finds no other's flash. */
static void
test_prepare_firmware(void **state)
{
	struct boot_config c = {
		.firmware = true,
		.fw_cfg = true,
		.cmdline = "quiet",
		.pci = true,
		.virtio_mmio = 1u,
	};
	struct boot_vm v = { .memory = 8 * MIB, .vcpus = 1 };
	struct boot_error e;
	struct vmctx *ctx;

	(void)state;
	assert_int_equal(boot_check(&c, 8 * MIB, &e), 0);
	fake_reset();
	vm_create("vm");
	ctx = vm_open("vm");
	fake.rom_len = 2 * MIB;
	fake.rom_mapped = true;
	assert_int_equal(boot_vm_prepare(ctx, &v, &c, &e), 0);
	assert_false(fake.rom_mapped);
	assert_int_equal(fake.rom_len, 0);
	assert_int_equal(fake.regs[0][VM_REG_GUEST_PC], 0);
	assert_int_equal(fake.regs[0][VM_REG_GUEST_CPSR], 0x1d3);
	assert_int_equal(fake.regs[0][0] | fake.regs[0][1] | fake.regs[0][2], 0);
	assert_int_equal(fdt_check_header(fake.mem), 0);
	assert_true(fdt_path_offset(fake.mem, "/flash@0") > 0);
	assert_true(fdt_path_offset(fake.mem, "/fw-cfg@9020000") > 0);
	assert_true(fdt_path_offset(fake.mem, "/pcie@3f000000") > 0);
	assert_true(fdt_path_offset(fake.mem, "/virtio_mmio@a000000") > 0);
	assert_string_equal(
	    fdt_getprop(fake.mem, fdt_path_offset(fake.mem, "/chosen"), "bootargs", NULL), "quiet");
	vm_close(ctx);
	fake_reset();
}

/* Every call can fail: the error is said, and nothing leaks. */
static void
test_prepare_fails(void **state)
{
	struct boot_config c = { .raw_gpa = BOOT_NO_ADDRESS };
	struct boot_vm v = { .memory = 2 * MIB, .vcpus = 1 };
	struct fake_file kernel;
	struct boot_error e;
	struct vmctx *ctx;
	struct elf_file f;

	(void)state;
	make_elf(&f);
	fake_file_make(&kernel, &f, sizeof(f));
	c.kernel = kernel.name;
	for (int ordinal = 1; ordinal <= 110; ordinal++) {
		fake_reset();
		vm_create("vm");
		ctx = vm_open("vm");
		/* The number alone: the fake compares requests, so try all directions and sizes. */
		fake.fail_errno = ENOMEM;
		fake.fail_request = 0;
#define TRY(name, ord, dir, st) \
	if (ord == ordinal)     \
		fake.fail_request = (unsigned int)VMM_REQUEST_##dir('v', ord, st);
		VMM_IOCTL_LIST(TRY)
#undef TRY
		e.text[0] = '\0';
		if (boot_vm_prepare(ctx, &v, &c, &e) != 0)
			assert_true(strlen(e.text) > 10);
		else
			assert_true(fake.active == 1);
		vm_close(ctx);
		assert_int_equal(fake.open_fds, 0);
	}
	fake_reset();
	fake_file_end(&kernel);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zimage),
		cmocka_unit_test(test_zimage_truncated),
		cmocka_unit_test(test_zimage_hostile),
		cmocka_unit_test(test_zimage_size_tag),
		cmocka_unit_test(test_elf),
		cmocka_unit_test(test_elf_hostile),
		cmocka_unit_test(test_image),
		cmocka_unit_test(test_image_hostile),
		cmocka_unit_test(test_elf64),
		cmocka_unit_test(test_prepare_image),
		cmocka_unit_test(test_other_formats),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_prepare),
		cmocka_unit_test(test_prepare_firmware),
		cmocka_unit_test(test_prepare_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
