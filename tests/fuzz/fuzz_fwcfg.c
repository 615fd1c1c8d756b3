/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Any accesses to fw_cfg, and any descriptors in guest memory: it writes nowhere else (a
 * sanitizer's business) and reads nothing but its items.
 */
#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/fake_file.h"
#include "fwcfg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RAM	 0x40000000u
#define RAM_SIZE 512u

static void
step(const struct mmio_device *dev, uint8_t *ram, const uint8_t *op)
{
	uint32_t size = 1u << (op[0] >> 3 & 3), word;
	uint64_t off = (op[1] % 24u) & ~(size - 1), val;

	memcpy(&word, op + 4, sizeof(word));
	val = (uint64_t)word << 32 | word;
	switch (op[0] & 7) {
	case 0:
	case 1:
		dev->read(dev->sc, off, size, &val);
		break;
	case 2:
		dev->write(dev->sc, off, size, val);
		break;
	case 3: /* a key that there is, or nearly */
		dev->write(dev->sc, 8, 2, htobe16(op[1] & 0x3f));
		break;
	case 4: /* a piece of a descriptor */
	case 5:
		memcpy(ram + (op[1] & 0x1f) * 4, &word, sizeof(word));
		break;
	default: /* run one */
		dev->write(dev->sc, 20, 4, htobe32(RAM + (op[1] & 0x1f) * 4));
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* From the heap, so that one byte too far is seen. */
	struct guest_mem mem = { calloc(1, RAM_SIZE), RAM, RAM_SIZE };
	struct fwcfg *fw = fwcfg_create(&mem);
	struct mmio_device dev;
	struct fake_file f;

	if (mem.va == NULL || fw == NULL)
		abort();
	fwcfg_mmio(fw, 0x9020000, &dev);
	fake_file_make(&f, "a file", 6);
	if (fwcfg_add(fw, FWCFG_CMDLINE_DATA, "quiet", 6) != 0 ||
	    fwcfg_add_file(fw, "opt/a", f.fd, 6) != 0)
		abort();
	for (; size >= 8; data += 8, size -= 8)
		step(&dev, mem.va, data);
	fwcfg_destroy(fw);
	free(mem.va);
	return 0;
}
