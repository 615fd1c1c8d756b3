/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What stands for models.c in tests of the configuration.
 */
#include <string.h>

#include "fake_models.h"

static const char *
check_even(const char *val)
{
	return strlen(val) % 2 == 0 ? NULL : "is odd; an even length is right";
}

static const struct dev_option disk_options[] = {
	{ "path", DEV_OPT_STRING, "file", 0, 0, NULL },
	{ "ro", DEV_OPT_BOOL, "read-only", 0, 0, NULL },
	{ "threads", DEV_OPT_NUMBER, "how many", 1, 64, NULL },
	{ "bytes", DEV_OPT_NUMBER, "no upper bound", 512, 0, NULL },
	{ "even", DEV_OPT_STRING, "a word", 0, 0, check_even },
	{ .key = NULL },
};
static const struct dev_option net_options[] = {
	{ "backend", DEV_OPT_STRING, "slirp, tap", 0, 0, NULL },
	{ "mac", DEV_OPT_MAC, "its address", 0, 0, NULL },
	{ .key = NULL },
};
static const struct dev_option port_options[] = {
	{ "port*", DEV_OPT_STRING, "socket of a port", 0, 0, NULL },
	{ .key = NULL },
};
static const struct dev_option no_options[] = { { .key = NULL } };

const struct dev_model fake_disk = { "virtio-blk", "a disk", disk_options, "path", DEV_VIRTIO };
const struct dev_model fake_net = { "virtio-net", "a net", net_options, "backend", DEV_VIRTIO };
const struct dev_model fake_ports = { "virtio-console", "ports", port_options, NULL, DEV_VIRTIO };
const struct dev_model fake_plain = { "virtio-rnd", "randomness", no_options, NULL, DEV_VIRTIO };
const struct dev_model fake_pci_only = { "pci-thing", "a thing", NULL, NULL, DEV_PCI };

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
