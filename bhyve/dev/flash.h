/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A bank of flash memory as QEMU's virt has two: a pair of 16-bit chips with Intel's command set
 * side by side on 32 bits.  While both chips are in read array mode the guest reads and executes
 * the front of the bank, its window, without leaving; then only stores come here.  In the other
 * modes the window is hidden and loads come too.
 */
#ifndef BHYVE_FLASH_H
#define BHYVE_FLASH_H

#include "device.h"
#include "flash_image.h"

struct flash;

/*
 * The window, [0, len) of the bank.  show() and hide() return 0 or -1, and are called with the
 * bank's lock held, by vCPUs' threads.
 */
struct flash_window {
	uint8_t *va;  /* in this process, while it is shown */
	uint64_t len; /* a multiple of the page; 0: there is none, all loads come here */
	int (*show)(void *arg);
	int (*hide)(void *arg);
	void *arg;
};

/*
 * The window must hold the contents, and be shown.  The image stays the caller's and is the
 * bank's alone meanwhile.  NULL with errno.
 */
struct flash *flash_create(struct flash_image *img, const struct flash_window *w);
void flash_destroy(struct flash *f);
void flash_mmio(struct flash *f, uint64_t base, struct mmio_device *dev);

#endif /* BHYVE_FLASH_H */
