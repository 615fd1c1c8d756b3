/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * gone NAME: what is open of a VM that was destroyed says ENXIO, on each host and through
 * libvmmapi; the name is free again.
 */
#include <errno.h>
#include <stdio.h>

#include "expect.h"
#include "vmmapi.h"

static int
fails_with(int error, int result)
{
	return result < 0 && errno == error;
}

int
main(int argc, char **argv)
{
	struct vm_memseg seg;
	struct vmctx *ctx, *again;

	if (argc != 2) {
		fprintf(stderr, "usage: gone NAME\n");
		return 2;
	}
	EXPECT(vm_create(argv[1]) == 0);
	ctx = vm_open(argv[1]);
	EXPECT(ctx != NULL);
	if (ctx == NULL)
		return 1;
	EXPECT(vm_reinit(ctx) == 0);
	EXPECT(vm_destroy_name(argv[1]) == 0);
	EXPECT(fails_with(ENXIO, vm_reinit(ctx)));
	EXPECT(fails_with(ENXIO, vm_suspend(ctx, VM_SUSPEND_HALT)));
	EXPECT(fails_with(ENXIO, vm_get_memseg(ctx, 0, &seg)));
	EXPECT(fails_with(ENOENT, vm_destroy_name(argv[1])));
	/* Another one of that name is another one. */
	EXPECT(vm_create(argv[1]) == 0);
	again = vm_open(argv[1]);
	EXPECT(again != NULL && vm_reinit(again) == 0);
	EXPECT(fails_with(ENXIO, vm_reinit(ctx)));
	vm_close(ctx);
	if (again != NULL)
		EXPECT(vm_destroy(again) == 0);
	printf("gone: %d failed\n", failures);
	return failures != 0;
}
