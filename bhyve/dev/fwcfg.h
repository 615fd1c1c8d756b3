/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * fw_cfg, QEMU's firmware configuration device (its docs/specs/fw_cfg), behind MMIO: numbered items
 * that firmware reads, and a directory of named ones.  No item can be written.  Items are added
 * before the first vCPU runs and do not change after.
 */
#ifndef BHYVE_FWCFG_H
#define BHYVE_FWCFG_H

#include <stddef.h>

#include "device.h"
#include "guest_mem.h"

enum fwcfg_key {
	FWCFG_SIGNATURE = 0x00, /* this, the next and the directory are made by fwcfg_create() */
	FWCFG_ID = 0x01,
	FWCFG_RAM_SIZE = 0x03,
	FWCFG_NB_CPUS = 0x05,
	FWCFG_KERNEL_SIZE = 0x08,
	FWCFG_INITRD_SIZE = 0x0b,
	FWCFG_MAX_CPUS = 0x0f,
	FWCFG_KERNEL_DATA = 0x11,
	FWCFG_INITRD_DATA = 0x12,
	FWCFG_CMDLINE_SIZE = 0x14,
	FWCFG_CMDLINE_DATA = 0x15,
	FWCFG_DIRECTORY = 0x19,
	FWCFG_FIRST_FILE = 0x20,
};

#define FWCFG_MAX_ITEMS 48
#define FWCFG_MAX_NAME	55u /* characters of a file's name */

struct fwcfg;

struct fwcfg *fwcfg_create(const struct guest_mem *mem); /* NULL with errno; copies *mem */
void fwcfg_destroy(struct fwcfg *fw);
void fwcfg_mmio(struct fwcfg *fw, uint64_t base, struct mmio_device *dev);

/* These return 0, or -1 with errno: ENOSPC, EEXIST, ENOMEM, ENAMETOOLONG.  The data is copied. */
int fwcfg_add(struct fwcfg *fw, uint16_t key, const void *data, uint32_t len);
int fwcfg_add_number(struct fwcfg *fw, uint16_t key, uint64_t value, uint32_t bytes);
/* The first size bytes of an open file, read when the guest asks; fd becomes the device's. */
int fwcfg_add_fd(struct fwcfg *fw, uint16_t key, int fd, uint32_t size);
/* A named item, from an open file. */
int fwcfg_add_file(struct fwcfg *fw, const char *name, int fd, uint32_t size);

#endif /* BHYVE_FWCFG_H */
