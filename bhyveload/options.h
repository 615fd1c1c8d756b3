/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * bhyveload's options.
 */
#ifndef BHYVELOAD_OPTIONS_H
#define BHYVELOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "boot.h"
#include "vmmapi.h"

struct load_options {
	const char *name;
	struct boot_config boot; /* points into argv */
	uint64_t memory;
	uint32_t vcpus;
	struct vm_topology topology;
	uint32_t gid; /* ~0: none */
	bool help;
};

/* -1: a line in text. */
int load_options_parse(struct load_options *o, int argc, char **argv, char *text, size_t size);
const char *load_options_usage(void);

#endif /* BHYVELOAD_OPTIONS_H */
