/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The machine's RAM as the checker reads it: QEMU's memfd, in this very process.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "silicon.h"

uint8_t *ram;
uint64_t ram_base, ram_bytes;
uint64_t distributor;
uint64_t module_base, module_bytes;

uint64_t
ram_read(uint64_t pa, unsigned int bytes)
{
	uint64_t val = 0;

	if (in_ram(pa) && in_ram(pa + bytes - 1))
		memcpy(&val, ram + (pa - ram_base), bytes);
	return val;
}

void *
big_alloc(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}
