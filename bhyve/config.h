/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What bhyve was asked to do: its options and configuration files, as one tree of keys.
 */
#ifndef BHYVE_CONFIG_H
#define BHYVE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "boot.h"
#include "conf_tree.h"
#include "slots.h"
#include "vmmapi.h"

#define CONFIG_MAX_FWCFG      16
#define CONFIG_MAX_FWCFG_NAME 55u

struct bhyve_config {
	char *name;
	uint64_t memory; /* bytes; 0: not said */
	uint32_t vcpus;	 /* 0: not said */
	struct vm_topology topology;
	char *console;
	char *gdb; /* as -G has it */
	char *kernel, *initrd, *bootargs, *fdt_file;
	char *overlays[BOOT_MAX_OVERLAYS];
	unsigned int noverlays;
	char *bootrom, *bootvars;
	char *fwcfg[CONFIG_MAX_FWCFG]; /* "name=file" */
	unsigned int nfwcfg;
	char *env[BOOT_MAX_ENV]; /* "name=value", of kenv.name */
	unsigned int nenv;
	uint64_t kernel_address; /* BOOT_NO_ADDRESS: by the file's format */
	int pin[VM_MAXCPU];	 /* host CPU of a vCPU; -1: any */
	bool destroy_on_poweroff;
	bool sandbox;
	bool keep; /* leave a VM that direct boot made */
	bool help;
	bool list_devices;     /* -s help */
	bool dump;	       /* config.dump */
	struct conf_tree tree; /* every key that was given */
	struct slots slots;    /* the devices, once all is checked; it points into tree */
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
/* The lines of a -k file; name is for messages.  The caller asks ferror().  -1: a line in *e. */
int config_read(struct bhyve_config *c, FILE *f, const char *name, struct config_error *e);
/* Once, when all keys are there: resolves what refers to others.  -1: a line in *e. */
int config_expand(struct bhyve_config *c, struct config_error *e);
/* All keys, also those that hold because nothing was said, as -k reads them.  -1: no memory. */
int config_dump(const struct bhyve_config *c, FILE *f);
/* Does bhyve make the VM, rather than take what bhyveload prepared? */
bool config_boots(const struct bhyve_config *c);
const char *config_usage(void);

#define CONFIG_DEFAULT_MEMORY (256ull << 20)

#endif /* BHYVE_CONFIG_H */
