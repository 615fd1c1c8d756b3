/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What stands for models.c in tests of the configuration.
 */
#include <stdio.h>
#include <string.h>

#include "fake_models.h"

static const char *
check_even(const char *val)
{
	return strlen(val) % 2 == 0 ? NULL : "is odd; an even length is right";
}

static const struct dev_option disk_options[] = {
	{ .key = "path", .help = "file" },
	{ .key = "ro", .type = DEV_OPT_BOOL, .help = "read-only", .def = "false" },
	{ .key = "threads",
	    .type = DEV_OPT_NUMBER,
	    .help = "how many",
	    .min = 1,
	    .max = 64,
	    .def = "8" },
	{ .key = "bytes",
	    .type = DEV_OPT_NUMBER,
	    .help = "no upper bound",
	    .min = 512,
	    .otherwise = "as many as there are" },
	{ .key = "even", .help = "a word", .check = check_even },
	{ .key = "cache",
	    .type = DEV_OPT_NUMBER,
	    .help = "bytes too",
	    .def = "4K",
	    .unless = "bytes" },
	{ .key = NULL },
};
static const struct dev_option net_options[] = {
	{ .key = "backend", .help = "slirp, tap", .required = true },
	{ .key = "mac", .type = DEV_OPT_MAC, .help = "its address" },
	{ .key = NULL },
};
static const struct dev_option port_options[] = {
	{ .key = "port*", .help = "socket of a port" },
	{ .key = NULL },
};
static const struct dev_option no_options[] = { { .key = NULL } };

static const char *
check_ports(const struct dev_conf *conf, char *buf, size_t size)
{
	if (dev_conf_get(conf, "port13") == NULL)
		return NULL;
	snprintf(buf, size, "port13: brings bad luck; take port14");
	return buf;
}

#define MODEL(var, word, line, table, first, what) \
	const struct dev_model var = {             \
		.name = (word),                    \
		.help = (line),                    \
		.options = (table),                \
		.legacy = (first),                 \
		.kind = (what),                    \
	}
MODEL(fake_disk, "virtio-blk", "a disk", disk_options, "path", DEV_VIRTIO);
MODEL(fake_net, "virtio-net", "a net", net_options, "backend", DEV_VIRTIO);
MODEL(fake_plain, "virtio-rnd", "randomness", no_options, NULL, DEV_VIRTIO);
MODEL(fake_pci_only, "pci-thing", "a thing", NULL, NULL, DEV_PCI);

const struct dev_model fake_ports = {
	.name = "virtio-console",
	.help = "ports",
	.options = port_options,
	.kind = DEV_VIRTIO,
	.check = check_ports,
};

static const struct dev_model *const models[] = {
	&fake_disk,
	&fake_net,
	&fake_ports,
	&fake_plain,
	&fake_pci_only,
	NULL,
};

const struct dev_model *const *
dev_models(void)
{
	return models;
}
