/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What FreeBSD's loader leaves in memory for the kernel, and where (loader(8), sys/linker.h):
 *
 *	kernel | symbol tables | root image | environment | device tree | module list | end
 *
 * each at a page's start.  The kernel is given its own addresses, not physical ones.
 */
#ifndef BOOT_FREEBSD_H
#define BOOT_FREEBSD_H

#include <stdint.h>

#include "boot.h"

#define FREEBSD_ENV_MAX 8192u
#define FREEBSD_PAGE	4096u
/* locore.S maps 64 MiB of the kernel; it takes its first page tables and stacks behind the end. */
#define FREEBSD_LOADED_MAX (62u << 20)

/* The environment, and the flags of sys/reboot.h. */
struct freebsd_args {
	uint32_t howto;
	uint32_t len;		   /* of env, with the NUL that ends it all */
	char env[FREEBSD_ENV_MAX]; /* NAME=VALUE, NUL, ... */
};
/*
 * From c's command line, which has the words of loader(8)'s boot command, and then from c's
 * variables: what comes later holds.
 */
int freebsd_args_make(const struct boot_config *c, struct freebsd_args *a, struct boot_error *e);

/* All gpas; symbols and image are 0 where there are none. */
struct freebsd_places {
	uint64_t symbols, symbols_end;
	uint64_t image;
	uint64_t env;
	uint64_t dtb;
	uint64_t modules;
	uint64_t end;
};
int freebsd_place(const struct boot_kernel *k, uint64_t ram_gpa, uint64_t ram_size,
    uint64_t dtb_size, uint64_t image_size, struct freebsd_places *p, struct boot_error *e);

struct freebsd_load {
	const struct boot_file *kernel;
	const struct boot_file *image; /* size 0: none */
	const struct boot_kernel *plan;
	const struct freebsd_places *places;
	const struct freebsd_args *args;
	const char *cmdline; /* NULL: none */
};
/* Everything but the kernel's segments and the device tree. */
int freebsd_load_rest(const struct freebsd_load *l, const struct boot_mem *m, struct boot_error *e);
/* What the kernel is started with in r0. */
uint32_t freebsd_modulep(const struct boot_kernel *k, const struct freebsd_places *p);

#endif /* BOOT_FREEBSD_H */
