/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Kernel files of any bytes.  The first byte chooses the memory's size, and whether the file is
 * taken as it is.  What is planned must fit, and loads without touching a byte outside.  The last
 * bytes of a FreeBSD kernel are also its command line and a variable of its environment.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/fake_file.h"
#include "boot.h"
#include "freebsd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Between pages that fault, so that a byte outside is seen; ASan would take its time for it. */
static void *
ram_make(uint64_t size)
{
	size_t page = (size_t)getpagesize();
	char *va = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (va == MAP_FAILED || mprotect(va + page, size, PROT_READ | PROT_WRITE) != 0)
		abort();
	return va + page;
}

static void
ram_free(void *va, uint64_t size)
{
	size_t page = (size_t)getpagesize();

	munmap((char *)va - page, size + 2 * page);
}

static void
load(const struct boot_file *f, const struct boot_kernel *k, uint64_t ram)
{
	struct boot_mem m = { .gpa = MACHINE_RAM_BASE, .size = ram };
	struct boot_places p;
	struct boot_error e;

	if (boot_place(k, m.gpa, ram, 0x2000, f->size, &p, &e) == 0 &&
	    (p.dtb < m.gpa || p.dtb + 0x2000 > m.gpa + ram || p.initrd < m.gpa ||
		p.initrd + f->size > m.gpa + ram))
		abort();
	m.va = ram_make(ram);
	if (boot_kernel_load(f, k, &m, &e) != 0)
		abort();
	ram_free(m.va, ram);
}

/* A word of the file's end, as far as it is one. */
static void
copy_end(char *text, size_t max, const uint8_t *data, size_t size)
{
	size_t len = size < max - 1 ? size : max - 1;

	memcpy(text, data + size - len, len);
	text[len] = '\0';
}

static void
check_args(const struct freebsd_args *a)
{
	if (a->len < 2 || a->len > sizeof(a->env) || a->env[a->len - 1] != '\0' ||
	    a->env[a->len - 2] != '\0')
		abort();
}

static void
load_freebsd(const struct boot_file *f, const struct boot_kernel *k, uint64_t ram,
    const uint8_t *data, size_t size)
{
	struct boot_mem m = { .gpa = MACHINE_RAM_BASE, .size = ram };
	char cmdline[64], variable[24];
	struct boot_config c = { .cmdline = cmdline, .env = { variable }, .nenv = 1 };
	struct freebsd_places p;
	struct freebsd_args a;
	struct freebsd_load l = { f, f, k, &p, &a, cmdline };
	struct boot_error e;

	copy_end(cmdline, sizeof(cmdline), data, size);
	copy_end(variable, sizeof(variable), data, size);
	if (freebsd_args_make(&c, &a, &e) != 0)
		c.nenv = 0, c.cmdline = NULL;
	if (c.nenv == 0 && freebsd_args_make(&c, &a, &e) != 0)
		abort();
	check_args(&a);
	if (freebsd_place(k, m.gpa, ram, 0x2000, f->size, &p, &e) != 0)
		return;
	if (p.end > m.gpa + ram || p.modules <= p.dtb)
		abort();
	m.va = ram_make(ram);
	if (boot_kernel_load(f, k, &m, &e) != 0 || freebsd_load_rest(&l, &m, &e) != 0)
		abort();
	ram_free(m.va, ram);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t rams[] = { 0x10000, 0x200000, 0x1000000, 0x4000000 };
	struct boot_kernel k;
	struct boot_error e;
	struct fake_file ff;
	struct boot_file f;
	uint64_t ram, raw;

	if (size < 1)
		return 0;
	ram = rams[data[0] & 3];
	raw = (data[0] & 4) != 0 ? (uint64_t)MACHINE_RAM_BASE + data[0] * 64u : BOOT_NO_ADDRESS;
	fake_file_make(&ff, data + 1, size - 1);
	if (boot_file_open(&f, ff.name, &e) != 0)
		abort();
	if (boot_kernel_plan(&f, MACHINE_RAM_BASE, ram, raw, &k, &e) == 0) {
		if (k.format == BOOT_FREEBSD)
			load_freebsd(&f, &k, ram, data + 1, size - 1);
		else
			load(&f, &k, ram);
	}
	boot_file_close(&f);
	fake_file_end(&ff);
	return 0;
}
