/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A flash bank whose window is this process's memory: a touch while it is hidden is a fault.
 */
#ifndef FLASH_RIG_H
#define FLASH_RIG_H

#include <sys/mman.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "debug.h"
#include "fake_file.h"
#include "flash.h"

#define RIG_WINDOW (1u << 20)

static struct rig {
	struct fake_file file;
	struct flash_image img;
	struct flash_window w;
	struct flash *flash;
	struct mmio_device dev;
	bool shown, refuse;
	unsigned int changes;
	unsigned int said;
	char last[512];
} rig;

void
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(rig.last, sizeof(rig.last), fmt, ap);
	va_end(ap);
	rig.said++;
}

static int
rig_protect(int prot, bool shown)
{
	if (rig.refuse || rig.shown == shown)
		return -1;
	if (mprotect(rig.w.va, RIG_WINDOW, prot) != 0)
		abort();
	rig.shown = shown;
	rig.changes++;
	return 0;
}

static int
rig_show(void *arg)
{
	(void)arg;
	return rig_protect(PROT_READ | PROT_WRITE, true);
}

static int
rig_hide(void *arg)
{
	(void)arg;
	return rig_protect(PROT_NONE, false);
}

/* A bank of these contents; the rest of it is erased. */
static void
rig_begin(const void *data, size_t len, bool writable)
{
	memset(&rig, 0, sizeof(rig));
	fake_file_make(&rig.file, data, len);
	if (flash_image_open(&rig.img, "test", rig.file.name, writable) != 0)
		abort();
	rig.w = (struct flash_window){ .len = RIG_WINDOW, .show = rig_show, .hide = rig_hide };
	rig.w.va = mmap(
	    NULL, RIG_WINDOW, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (rig.w.va == MAP_FAILED)
		abort();
	flash_image_read(&rig.img, 0, rig.w.va, RIG_WINDOW);
	rig.shown = true;
	rig.flash = flash_create(&rig.img, &rig.w);
	if (rig.flash == NULL)
		abort();
	flash_mmio(rig.flash, 0, &rig.dev);
}

static void
rig_end(void)
{
	flash_destroy(rig.flash);
	flash_image_close(&rig.img);
	fake_file_end(&rig.file);
	munmap(rig.w.va, RIG_WINDOW);
}

#endif /* FLASH_RIG_H */
