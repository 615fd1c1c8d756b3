/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * FreeBSD's loader's part in starting a kernel: the list of what is in memory, which the kernel
 * walks before it knows anything else.  A list is of records <type, length, data>, each from a
 * multiple of 4; a name begins a new thing, and two zeroes end it.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "freebsd.h"

/* sys/linker.h, and for ARM machine/metadata.h */
enum {
	INFO_END = 0x0000,
	INFO_NAME = 0x0001,
	INFO_TYPE = 0x0002,
	INFO_ADDR = 0x0003,
	INFO_SIZE = 0x0004,
	INFO_ARGS = 0x0006,
	INFO_ELFHDR = 0x8002,
	INFO_SSYM = 0x8003,
	INFO_ESYM = 0x8004,
	INFO_ENVP = 0x8006,
	INFO_HOWTO = 0x8007,
	INFO_KERNEND = 0x8008,
	INFO_DTBP = 0x9002,
};

#define NAME_MAX_LEN 128u

/* The list while it is made.  It fits: the longest things in it are bounded. */
struct list {
	uint8_t *va;
	uint32_t len;
};
_Static_assert(BOOT_CMDLINE_MAX + 2 * NAME_MAX_LEN + 1024 < FREEBSD_PAGE, "the list is a page");

static uint64_t
round_up(uint64_t x, uint64_t n)
{
	return (x + n - 1) & ~(n - 1);
}

static void
put32(uint8_t *p, uint32_t val)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(val >> (8 * i));
}

static void
add(struct list *l, uint32_t type, const void *data, uint32_t len)
{
	put32(l->va + l->len, type);
	put32(l->va + l->len + 4, len);
	memcpy(l->va + l->len + 8, data, len);
	l->len += 8 + (uint32_t)round_up(len, 4);
}

static void
add_number(struct list *l, uint32_t type, uint32_t val)
{
	uint8_t le[4];

	put32(le, val);
	add(l, type, le, sizeof(le));
}

static void
add_string(struct list *l, uint32_t type, const char *s)
{
	add(l, type, s, (uint32_t)strlen(s) + 1);
}

static uint32_t
kva(const struct boot_kernel *k, uint64_t gpa)
{
	return (uint32_t)gpa + k->kva_offset;
}

/* The bytes of both tables, each with its length in front of it, as the kernel wants them. */
static uint64_t
symbols_size(const struct boot_kernel *k)
{
	return 4 + k->symtab.len + 4 + round_up(k->strtab.len, 4);
}

static uint64_t
kernel_end(const struct boot_kernel *k)
{
	uint64_t end = 0;

	for (unsigned int i = 0; i < k->nsegs; i++) {
		if (k->seg[i].gpa + k->seg[i].mem_len > end)
			end = k->seg[i].gpa + k->seg[i].mem_len;
	}
	return end;
}

static uint64_t
take(uint64_t *at, uint64_t len)
{
	uint64_t here = *at;

	*at = round_up(here + len, FREEBSD_PAGE);
	return here;
}

int
freebsd_place(const struct boot_kernel *k, uint64_t ram_gpa, uint64_t ram_size, uint64_t dtb_size,
    uint64_t image_size, struct freebsd_places *p, struct boot_error *e)
{
	uint64_t at = round_up(kernel_end(k), FREEBSD_PAGE);

	memset(p, 0, sizeof(*p));
	if (image_size > ram_size) /* so that nothing below comes round */
		image_size = ram_size;
	if (k->symtab.len != 0) {
		p->symbols_end = at + symbols_size(k);
		p->symbols = take(&at, symbols_size(k));
	}
	if (image_size != 0)
		p->image = take(&at, image_size);
	p->env = take(&at, FREEBSD_ENV_MAX);
	p->dtb = take(&at, dtb_size);
	p->modules = take(&at, FREEBSD_PAGE);
	p->end = at;
	if (at > ram_gpa + ram_size)
		return boot_fail(e,
		    "the kernel and what belongs to it do not fit into %llu MiB of guest memory: "
		    "see -m",
		    (unsigned long long)(ram_size >> 20));
	if (at - k->block > FREEBSD_LOADED_MAX)
		return boot_fail(e,
		    "FreeBSD's kernel, its symbols and a root image in memory have %u MiB "
		    "together, this would be %llu: use a smaller image (-i), or a disk",
		    FREEBSD_LOADED_MAX >> 20, (unsigned long long)(at - k->block + 0xfffff) >> 20);
	return 0;
}

uint32_t
freebsd_modulep(const struct boot_kernel *k, const struct freebsd_places *p)
{
	return kva(k, p->modules);
}

static int
load_table(const struct boot_file *f, const struct boot_table *t, uint8_t *va, struct boot_error *e)
{
	put32(va, (uint32_t)t->len);
	return boot_file_read(f, t->file_off, va + 4, t->len, e);
}

static int
load_symbols(const struct freebsd_load *l, const struct boot_mem *m, struct boot_error *e)
{
	const struct boot_kernel *k = l->plan;
	uint8_t *va;

	if (l->places->symbols == 0)
		return 0;
	va = boot_mem_at(m, l->places->symbols, symbols_size(k));
	if (va == NULL)
		return boot_fail(e, "the kernel's symbols do not fit into guest memory: see -m");
	if (load_table(l->kernel, &k->symtab, va, e) != 0)
		return -1;
	return load_table(l->kernel, &k->strtab, va + 4 + k->symtab.len, e);
}

static int
load_image(const struct freebsd_load *l, const struct boot_mem *m, struct boot_error *e)
{
	void *va;

	if (l->places->image == 0)
		return 0;
	va = boot_mem_at(m, l->places->image, l->image->size);
	if (va == NULL)
		return boot_fail(e, "%s: does not fit into guest memory: see -m", l->image->name);
	return boot_file_read(l->image, 0, va, l->image->size, e);
}

static void
list_kernel(struct list *list, const struct freebsd_load *l, const Elf32_Ehdr *eh)
{
	const struct freebsd_places *p = l->places;
	const struct boot_kernel *k = l->plan;
	uint64_t end = p->symbols != 0 ? p->symbols_end : kernel_end(k);

	add_string(list, INFO_NAME, "kernel");
	add_string(list, INFO_TYPE, "elf kernel");
	if (l->cmdline != NULL)
		add_string(list, INFO_ARGS, l->cmdline);
	add_number(list, INFO_ADDR, kva(k, k->block));
	add_number(list, INFO_SIZE, (uint32_t)(end - k->block));
	add(list, INFO_ELFHDR, eh, sizeof(*eh));
	if (p->symbols != 0) {
		add_number(list, INFO_SSYM, kva(k, p->symbols));
		add_number(list, INFO_ESYM, kva(k, p->symbols_end));
	}
	add_number(list, INFO_HOWTO, l->args->howto);
	add_number(list, INFO_ENVP, kva(k, p->env));
	add_number(list, INFO_DTBP, kva(k, p->dtb));
	add_number(list, INFO_KERNEND, kva(k, p->end));
}

/* The kernel makes md0 of it, and takes that as its root if nothing else is said. */
static void
list_image(struct list *list, const struct freebsd_load *l)
{
	const char *slash = strrchr(l->image->name, '/');
	char name[NAME_MAX_LEN] = { 0 };

	strncpy(name, slash != NULL ? slash + 1 : l->image->name, sizeof(name) - 1);
	add_string(list, INFO_NAME, name);
	add_string(list, INFO_TYPE, "md_image");
	add_number(list, INFO_ADDR, kva(l->plan, l->places->image));
	add_number(list, INFO_SIZE, (uint32_t)l->image->size);
}

int
freebsd_load_rest(const struct freebsd_load *l, const struct boot_mem *m, struct boot_error *e)
{
	struct list list = { .va = boot_mem_at(m, l->places->modules, FREEBSD_PAGE) };
	char *env = boot_mem_at(m, l->places->env, FREEBSD_ENV_MAX);
	Elf32_Ehdr eh;

	if (list.va == NULL || env == NULL)
		return boot_fail(e, "the module list does not fit into guest memory: see -m");
	if (boot_file_read(l->kernel, 0, &eh, sizeof(eh), e) != 0 || load_symbols(l, m, e) != 0 ||
	    load_image(l, m, e) != 0)
		return -1;
	memcpy(env, l->args->env, l->args->len);
	list_kernel(&list, l, &eh);
	if (l->places->image != 0)
		list_image(&list, l);
	add(&list, INFO_END, "", 0);
	return 0;
}
