/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * In place of block_nbd.c where there is no libnbd.
 */
#include <stddef.h>

#include "block_backend.h"
#include "debug.h"

static void *
nbd_open(const struct block_params *p, struct blockif *b, struct blockif_info *info)
{
	(void)b;
	(void)info;
	say("%s: path=%s: this bhyve was built without libnbd and knows only files and devices; a "
	    "file with that name is ./%s",
	    p->where, p->path, p->path);
	return NULL;
}

const struct block_backend block_nbd = { .open = nbd_open };
