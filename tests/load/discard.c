/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * discard VM: takes pages away from a guest that runs, single ones and whole blocks, all over the
 * window that tests/guest/memory.c touches, until the VM is gone.  Prints how much it was.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vmm/machine.h>
#include <vmm/vmm_dev.h>

#include "vmmapi.h"

#define WINDOW	   0x42000000ull
#define BLOCK	   0x200000ull
#define BLOCKS	   2u
#define PAGE	   4096ull
#define PAGE_STEP  37u /* of the 512 in a block */
#define PAUSE_US   200
#define PATIENCE   50000u /* pauses until the VM is there */
#define WHOLE_EACH 16u

static struct vmctx *
await(const char *name)
{
	struct vmctx *ctx = NULL;
	struct vm_memmap m;
	unsigned int i;

	for (i = 0; i < PATIENCE && ctx == NULL; i++) {
		ctx = vm_open(name);
		if (ctx == NULL)
			usleep(PAUSE_US);
	}
	for (; i < PATIENCE && ctx != NULL && vm_mmap_getnext(ctx, MACHINE_RAM_BASE, &m) != 0; i++)
		usleep(PAUSE_US);
	return ctx;
}

int
main(int argc, char **argv)
{
	uint64_t freed, total = 0, gpa, len;
	struct vmctx *ctx;
	unsigned int i;

	if (argc != 2) {
		fprintf(stderr, "usage: discard VM\n");
		return 2;
	}
	ctx = await(argv[1]);
	if (ctx == NULL) {
		fprintf(stderr, "discard: no VM %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	for (i = 0;; i++) {
		len = i % WHOLE_EACH == WHOLE_EACH - 1 ? BLOCK : PAGE;
		gpa = WINDOW + i % BLOCKS * BLOCK +
		    (len == PAGE ? i * PAGE_STEP % (BLOCK / PAGE) * PAGE : 0);
		if (vm_discard(ctx, gpa, len, &freed) != 0)
			break;
		total += freed;
		usleep(PAUSE_US);
	}
	if (errno != ENXIO) {
		fprintf(stderr, "discard: %s\n", strerror(errno));
		return 1;
	}
	printf("discarded %llu KiB in %u calls\n", (unsigned long long)total >> 10, i);
	return 0;
}
