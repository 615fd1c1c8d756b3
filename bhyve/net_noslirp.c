/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * In place of net_slirp.c where the build found no libslirp.
 */
#include "debug.h"
#include "net_impl.h"

const char *const netbe_slirp_missing =
    "this bhyve was built without libslirp; say backend=tap0 or backend=unix:PATH";

static int
noslirp_open(struct netbe *be, const struct dev_conf *conf, const char *what)
{
	(void)be;
	say("%s: %s: %s", dev_conf_where(conf), what, netbe_slirp_missing);
	return -1;
}

const struct netbe_kind netbe_slirp = { .open = noslirp_open };
