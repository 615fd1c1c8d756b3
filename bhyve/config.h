/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What bhyve was asked to do: its options and configuration files, as one set of keys.
 */
#ifndef BHYVE_CONFIG_H
#define BHYVE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "boot.h"
#include "vmmapi.h"

#define CONFIG_MAX_FWCFG      16
#define CONFIG_MAX_FWCFG_NAME 55u

struct config_error {
	char text[320];
};

struct bhyve_config {
	char *name;
	uint64_t memory; /* bytes; 0: not said */
	uint32_t vcpus;	 /* 0: not said */
	struct vm_topology topology;
	char *console;
	char *kernel, *initrd, *bootargs, *fdt_file;
	char *overlays[BOOT_MAX_OVERLAYS];
	unsigned int noverlays;
	char *bootrom, *bootvars;
	char *fwcfg[CONFIG_MAX_FWCFG]; /* "name=file" */
	unsigned int nfwcfg;
	uint64_t kernel_address; /* BOOT_NO_ADDRESS: by the file's format */
	int pin[VM_MAXCPU];	 /* host CPU of a vCPU; -1: any */
	bool destroy_on_poweroff;
	bool keep; /* leave a VM that direct boot made */
	bool help;
};

void config_init(struct bhyve_config *c);
void config_free(struct bhyve_config *c);
/*
 * The command line, with all files it names; then what is missing and what does not go together.
 * -1: a line in *e.
 */
int config_parse(struct bhyve_config *c, int argc, char **argv, struct config_error *e);
/* One "key=value".  -1: a line in *e. */
int config_set(struct bhyve_config *c, const char *word, struct config_error *e);
const char *config_usage(void);

#define CONFIG_DEFAULT_MEMORY (256ull << 20)

#endif /* BHYVE_CONFIG_H */
