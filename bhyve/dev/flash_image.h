/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What a flash bank holds: a file that may be shorter than the bank.  Behind its end all is
 * erased, 0xff, and costs nothing; it grows by sectors when something is programmed there.  The
 * file is read and written, never mapped: one that somebody truncates is an error, not a fault.
 * Not locked: one thread at a time.
 */
#ifndef BHYVE_FLASH_IMAGE_H
#define BHYVE_FLASH_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLASH_BANK_SIZE	  (64u << 20)
#define FLASH_SECTOR_SIZE (256u << 10) /* a block of each of the two chips */

struct flash_image {
	int fd;
	const char *what; /* "bootvars=vars.fd", for messages */
	uint64_t size;	  /* bytes of the file that count */
	bool writable;
	bool dirty; /* written and not yet synchronised */
	bool told;  /* of an error; a guest can repeat it */
};

/*
 * Says what is wrong and returns -1.  A writable file is made where there is none, and locked:
 * another VM may not have it.  file NULL: nothing that outlives this process.  `what' stays the
 * caller's, and valid.
 */
int flash_image_open(struct flash_image *img, const char *what, const char *file, bool writable);
void flash_image_close(struct flash_image *img); /* synchronised */

/* The end of what is neither 0x00 nor 0xff to the end of the file: padding is not contents. */
uint64_t flash_image_extent(const struct flash_image *img);
/* [off, off + len) lies in the bank. */
void flash_image_read(const struct flash_image *img, uint64_t off, void *buf, size_t len);
int flash_image_write(struct flash_image *img, uint64_t off, const void *buf, size_t len);
/* What was written is on the disk when this returns 0. */
int flash_image_sync(struct flash_image *img);

#endif /* BHYVE_FLASH_IMAGE_H */
