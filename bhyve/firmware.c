/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Firmware: from options to devices.  Bank 0 is the firmware, which the guest cannot change; bank 1
 * its variables.  The front of each is a memory segment that the guest reads and executes without
 * leaving: as long as there is something in the file, not the 64 MiB of the bank.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug.h"
#include "dev/flash.h"
#include "dev/fwcfg.h"
#include "firmware.h"

#define BANKS	   2
#define VARS_FRONT (1u << 20) /* EDK2's store is 768 KiB, U-Boot's 256 KiB */

struct bank {
	struct flash_image img;
	struct flash *flash;
	struct flash_window w;
	struct vmctx *ctx;
	uint64_t gpa;
	uint32_t segid;
	bool opened;
	char what[300];
};

struct firmware {
	const struct bhyve_config *c;
	struct bank bank[BANKS];
	struct fwcfg *fwcfg;
	struct boot_file kernel, initrd;
	struct boot_file file[CONFIG_MAX_FWCFG];
};

bool
firmware_wanted(const struct bhyve_config *c)
{
	return c->bootrom != NULL || c->nfwcfg != 0;
}

/* ---- files ---- */

static int
open_bank(struct bank *b, const char *key, const char *file, bool writable)
{
	snprintf(b->what, sizeof(b->what), file != NULL ? "%s=%s" : "%s", key, file);
	b->opened = flash_image_open(&b->img, b->what, file, writable) == 0;
	return b->opened ? 0 : -1;
}

/* An item's size has 32 bits. */
static int
open_item(struct boot_file *f, const char *name)
{
	struct boot_error e;

	if (boot_file_open(f, name, &e) == 0 && f->size <= UINT32_MAX)
		return 0;
	say("%s%s", f->fd < 0 ? e.text : name, f->fd < 0 ? "" : ": larger than 4 GiB");
	return -1;
}

static int
open_files(struct firmware *fw)
{
	const struct bhyve_config *c = fw->c;

	if (c->bootrom != NULL) {
		if (open_bank(&fw->bank[0], "bootrom", c->bootrom, false) != 0 ||
		    open_bank(&fw->bank[1], "bootvars", c->bootvars, true) != 0)
			return -1;
		if (c->kernel != NULL && open_item(&fw->kernel, c->kernel) != 0)
			return -1;
		if (c->initrd != NULL && open_item(&fw->initrd, c->initrd) != 0)
			return -1;
	}
	for (unsigned int i = 0; i < c->nfwcfg; i++) {
		if (open_item(&fw->file[i], strchr(c->fwcfg[i], '=') + 1) != 0)
			return -1;
	}
	return 0;
}

struct firmware *
firmware_open(const struct bhyve_config *c)
{
	struct firmware *fw = calloc(1, sizeof(*fw));

	if (fw == NULL) {
		say("no memory left");
		return NULL;
	}
	fw->c = c;
	fw->kernel.fd = fw->initrd.fd = -1;
	for (unsigned int i = 0; i < CONFIG_MAX_FWCFG; i++)
		fw->file[i].fd = -1;
	if (open_files(fw) != 0) {
		firmware_close(fw);
		return NULL;
	}
	return fw;
}

/* ---- flash ---- */

static int
show_window(void *arg)
{
	struct bank *b = arg;

	return vm_mmap_memseg(b->ctx, b->gpa, b->segid, 0, b->w.len, VM_PROT_READ | VM_PROT_EXEC);
}

static int
hide_window(void *arg)
{
	struct bank *b = arg;

	return vm_munmap_memseg(b->ctx, b->gpa, b->w.len);
}

/* The segment's memory is zeros that nobody has paid for until they are touched. */
static void
fill_window(struct bank *b)
{
	static const uint8_t zeros[VM_PAGE_SIZE];
	uint8_t page[VM_PAGE_SIZE];

	for (uint64_t off = 0; off < b->w.len; off += sizeof(page)) {
		flash_image_read(&b->img, off, page, sizeof(page));
		if (memcmp(page, zeros, sizeof(page)) != 0)
			memcpy(b->w.va + off, page, sizeof(page));
	}
}

static int
make_window(struct bank *b, const char *name, uint64_t len)
{
	b->w = (struct flash_window){
		.len = len, .show = show_window, .hide = hide_window, .arg = b
	};
	if (len == 0)
		return 0;
	if (vm_alloc_memseg(b->ctx, b->segid, len, name) != 0 || show_window(b) != 0)
		return -1;
	b->w.va = vm_map_memseg(b->ctx, b->gpa, len);
	if (b->w.va == NULL)
		return -1;
	fill_window(b);
	return 0;
}

static int
attach_bank(struct bank *b, const char *name, uint64_t least, struct mmio_map *map)
{
	uint64_t len = flash_image_extent(&b->img);
	struct mmio_device dev;

	len = (len + VM_PAGE_SIZE - 1) & ~((uint64_t)VM_PAGE_SIZE - 1);
	if (make_window(b, name, len > least ? len : least) != 0)
		return -1;
	b->flash = flash_create(&b->img, &b->w);
	if (b->flash == NULL)
		return -1;
	flash_mmio(b->flash, b->gpa, &dev);
	return mmio_register(map, &dev);
}

static int
attach_flash(struct firmware *fw, struct vmctx *ctx, struct mmio_map *map)
{
	struct bank *rom = &fw->bank[0], *vars = &fw->bank[1];

	rom->ctx = vars->ctx = ctx;
	rom->segid = 1;
	rom->gpa = MACHINE_FLASH0_BASE;
	vars->segid = 2;
	vars->gpa = MACHINE_FLASH1_BASE;
	if (attach_bank(rom, "bootrom", 0, map) == 0 &&
	    attach_bank(vars, "bootvars", VARS_FRONT, map) == 0)
		return 0;
	say("cannot make the flash: %s", strerror(errno));
	return -1;
}

/* ---- fw_cfg ---- */

/* The device has the descriptor then, and closes it. */
static int
give(struct fwcfg *fw, uint16_t key, struct boot_file *f)
{
	int error = fwcfg_add_fd(fw, key, f->fd, (uint32_t)f->size);

	if (error == 0)
		f->fd = -1;
	return error;
}

static int
add_kernel(struct firmware *fw)
{
	const char *cmdline = fw->c->bootargs != NULL ? fw->c->bootargs : "";
	uint32_t len = (uint32_t)strlen(cmdline) + 1;

	if (fw->kernel.fd < 0)
		return 0;
	if (fwcfg_add_number(fw->fwcfg, FWCFG_KERNEL_SIZE, fw->kernel.size, 4) != 0 ||
	    give(fw->fwcfg, FWCFG_KERNEL_DATA, &fw->kernel) != 0 ||
	    fwcfg_add_number(fw->fwcfg, FWCFG_CMDLINE_SIZE, len, 4) != 0 ||
	    fwcfg_add(fw->fwcfg, FWCFG_CMDLINE_DATA, cmdline, len) != 0)
		return -1;
	if (fw->initrd.fd < 0)
		return 0;
	if (fwcfg_add_number(fw->fwcfg, FWCFG_INITRD_SIZE, fw->initrd.size, 4) != 0)
		return -1;
	return give(fw->fwcfg, FWCFG_INITRD_DATA, &fw->initrd);
}

static int
add_files(struct firmware *fw)
{
	char name[FWCFG_MAX_NAME + 1];

	for (unsigned int i = 0; i < fw->c->nfwcfg; i++) {
		const char *word = fw->c->fwcfg[i];
		struct boot_file *f = &fw->file[i];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
		if (fwcfg_add_file(fw->fwcfg, name, f->fd, (uint32_t)f->size) != 0)
			return -1;
		f->fd = -1;
	}
	return 0;
}

static int
attach_fwcfg(struct firmware *fw, const struct guest_mem *mem, uint32_t vcpus, struct mmio_map *map)
{
	struct mmio_device dev;

	fw->fwcfg = fwcfg_create(mem);
	if (fw->fwcfg == NULL || fwcfg_add_number(fw->fwcfg, FWCFG_RAM_SIZE, mem->size, 8) != 0 ||
	    fwcfg_add_number(fw->fwcfg, FWCFG_NB_CPUS, vcpus, 2) != 0 ||
	    fwcfg_add_number(fw->fwcfg, FWCFG_MAX_CPUS, vcpus, 2) != 0 || add_kernel(fw) != 0 ||
	    add_files(fw) != 0) {
		say("cannot make fw_cfg: %s", strerror(errno));
		return -1;
	}
	fwcfg_mmio(fw->fwcfg, MACHINE_FW_CFG_BASE, &dev);
	return mmio_register(map, &dev);
}

/* ---- all of it ---- */

int
firmware_attach(struct firmware *fw, struct vmctx *ctx, const struct guest_mem *mem, uint32_t vcpus,
    struct mmio_map *map)
{
	if (fw->c->bootrom != NULL && attach_flash(fw, ctx, map) != 0)
		return -1;
	return attach_fwcfg(fw, mem, vcpus, map);
}

void
firmware_close(struct firmware *fw)
{
	if (fw->fwcfg != NULL)
		fwcfg_destroy(fw->fwcfg);
	for (unsigned int i = 0; i < BANKS; i++) {
		struct bank *b = &fw->bank[i];

		if (b->flash != NULL)
			flash_destroy(b->flash);
		if (b->w.va != NULL)
			vm_unmap_memseg(b->w.va, b->w.len);
		if (b->opened)
			flash_image_close(&b->img);
	}
	boot_file_close(&fw->kernel);
	boot_file_close(&fw->initrd);
	for (unsigned int i = 0; i < CONFIG_MAX_FWCFG; i++)
		boot_file_close(&fw->file[i]);
	free(fw);
}
