/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Any stores and loads at a flash bank.  Whatever is done: the window is shown exactly while loads
 * give the array, never touched while it is not, and shows what the image holds.
 */
#include <stddef.h>
#include <stdint.h>

#include "../unit/flash_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK_EVERY 16 /* comparing costs more than all else */

/* Commands that lead somewhere; the rest come through as data. */
static const uint8_t codes[16] = { 0xff, 0x70, 0x90, 0x98, 0x40, 0x10, 0x20, 0xd0, 0xe8, 0x60, 0x01,
	0x50, 0x2f, 0x00, 0x03, 0xff };

/* Both ends of the first eight sectors: the window and what lies behind. */
static uint32_t
place(const uint8_t *op)
{
	uint32_t off = (op[1] & 7u) * FLASH_SECTOR_SIZE;

	return off + ((op[1] & 8) != 0 ? FLASH_SECTOR_SIZE - 1024 : 0) + (op[2] & 0xffu) * 4;
}

static void
step(const uint8_t *op)
{
	uint32_t off = place(op);
	uint64_t val = (uint64_t)op[3] << 24 | (uint32_t)op[2] << 16 | (uint32_t)op[3] << 8 | op[2];

	switch (op[0] & 3) {
	case 0: /* to both chips alike */
		val = (uint32_t)codes[op[0] >> 4] << 16 | codes[op[0] >> 4];
		rig.dev.write(rig.dev.sc, off, 4, val);
		break;
	case 1: /* to one, or to each another */
		val = (uint32_t)codes[op[0] >> 4] << 16 | op[3];
		rig.dev.write(rig.dev.sc, off, 4, val);
		break;
	case 2:
		rig.dev.write(rig.dev.sc, off, 4, val);
		break;
	default:
		rig.dev.read(rig.dev.sc, off + (op[0] >> 4 & 3u), 1, &val);
		rig.dev.read(rig.dev.sc, off, 4, &val);
		break;
	}
}

static void
check(void)
{
	static uint8_t now[RIG_WINDOW];

	flash_image_read(&rig.img, 0, now, sizeof(now));
	if (rig.shown && memcmp(now, rig.w.va, sizeof(now)) != 0)
		abort();
	if (rig.img.size > 8 * FLASH_SECTOR_SIZE || rig.said != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int n = 0;

	rig_begin("contents", 8, true);
	for (; size >= 4; data += 4, size -= 4) {
		step(data);
		if (++n % CHECK_EVERY == 0)
			check();
	}
	check();
	/* It takes commands again, whatever was begun: a count, 256 words, a confirmation. */
	for (n = 0; n < 259 && !rig.shown; n++)
		rig.dev.write(rig.dev.sc, 0, 4, 0x00ff00ff);
	if (!rig.shown)
		abort();
	check();
	rig_end();
	return 0;
}
