/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * bhyve's options.  Every option but -h and -k is a short form of keys, so that there is one
 * check for each thing that can be said; a message names what was given, what is wrong and what
 * would be right.  All keys go into the tree; what is no device's into struct bhyve_config too.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "gdb_where.h"

#define MAX_HOST_CPU 1023

static int
set_string(char **field, const char *val, struct config_error *e)
{
	char *copy = strdup(val);

	if (copy == NULL)
		return config_fail(e, "no memory left");
	free(*field);
	*field = copy;
	return 0;
}

static int
set_bool(bool *field, const char *key, const char *val, struct config_error *e)
{
	if (conf_parse_bool(val, field))
		return 0;
	return config_fail(e, "%s=%s: is neither true nor false", key, val);
}

/* ---- a function for each key; val is never empty ---- */

static int
key_name(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	if (!vm_name_valid(val))
		return config_fail(e, "%s=%s: cannot be a VM's name: 1 to %d of A-Z a-z 0-9 . _ -",
		    key, val, VM_MAX_NAMELEN);
	return set_string(&c->name, val, e);
}

static int
key_memory(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	const char *wrong = vm_parse_memsize(val, &c->memory);

	if (wrong != NULL)
		return config_fail(e, "%s=%s: %s; say 256M or 1G", key, val, wrong);
	return 0;
}

static int
key_cpus(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	const char *wrong = vm_parse_topology(val, &c->vcpus, &c->topology);

	if (wrong != NULL)
		return config_fail(
		    e, "%s=%s: %s; say 2, or cpus=4,sockets=1,cores=2,threads=2", key, val, wrong);
	return 0;
}

static int
key_console(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	if (strcmp(val, "stdio") != 0 && strcmp(val, "pty") != 0 && strcmp(val, "none") != 0 &&
	    !(strncmp(val, "unix:", 5) == 0 && val[5] != '\0') &&
	    !(strncmp(val, "file:", 5) == 0 && val[5] != '\0'))
		return config_fail(
		    e, "%s=%s: is none of stdio, pty, unix:PATH, file:PATH, none", key, val);
	return set_string(&c->console, val, e);
}

static int
key_gdb(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	const char *wrong = gdb_check(val);

	if (wrong != NULL)
		return config_fail(e, "%s=%s: %s", key, val, wrong);
	return set_string(&c->gdb, val, e);
}

static int
key_kernel(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	(void)key;
	return set_string(&c->kernel, val, e);
}

static int
key_kernel_address(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	if (!vm_parse_number(val, &c->kernel_address) || c->kernel_address == BOOT_NO_ADDRESS)
		return config_fail(
		    e, "%s=%s: is not an address; RAM starts at 0x40000000", key, val);
	return 0;
}

static int
key_initrd(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	(void)key;
	return set_string(&c->initrd, val, e);
}

static int
key_bootargs(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	if (strlen(val) > BOOT_CMDLINE_MAX)
		return config_fail(e, "%s: longer than %u characters", key, BOOT_CMDLINE_MAX);
	return set_string(&c->bootargs, val, e);
}

static int
key_fdt_file(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	(void)key;
	return set_string(&c->fdt_file, val, e);
}

static int
key_overlay(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	if (c->noverlays == BOOT_MAX_OVERLAYS)
		return config_fail(e,
		    "%s=%s: more than %d overlays; put them together with fdtoverlay", key, val,
		    BOOT_MAX_OVERLAYS);
	return set_string(&c->overlays[c->noverlays++], val, e);
}

static int
key_bootrom(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	(void)key;
	return set_string(&c->bootrom, val, e);
}

static int
key_bootvars(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	(void)key;
	return set_string(&c->bootvars, val, e);
}

static int
key_destroy(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	return set_bool(&c->destroy_on_poweroff, key, val, e);
}

static int
key_keep(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	return set_bool(&c->keep, key, val, e);
}

static int
key_sandbox(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	if (conf_parse_bool(val, &c->sandbox))
		return 0;
	return config_fail(e, "%s=%s: is neither on nor off", key, val);
}

static int
key_dump(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	return set_bool(&c->dump, key, val, e);
}

/* What other machines have, and what makes no difference on this one. */
static int
key_ignored(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	bool ignored;

	(void)c;
	return set_bool(&ignored, key, val, e);
}

static int
only(bool right, const char *key, const char *val, struct config_error *e)
{
	bool truth;

	if (set_bool(&truth, key, val, e) != 0)
		return -1;
	if (truth != right)
		return config_fail(
		    e, "%s=%s: this machine has only %s", key, val, right ? "true" : "false");
	return 0;
}

static int
key_only_true(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	(void)c;
	return only(true, key, val, e);
}

static int
key_only_false(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	(void)c;
	return only(false, key, val, e);
}

static const struct key {
	const char *name;
	int (*set)(
	    struct bhyve_config *c, const char *key, const char *val, struct config_error *e);
} keys[] = {
	{ "name", key_name },
	{ "memory.size", key_memory },
	{ "cpus", key_cpus },
	{ "console", key_console },
	{ "gdb", key_gdb },
	{ "kernel", key_kernel },
	{ "kernel.address", key_kernel_address },
	{ "initrd", key_initrd },
	{ "bootrom", key_bootrom },
	{ "bootvars", key_bootvars },
	{ "fdt.bootargs", key_bootargs },
	{ "fdt.file", key_fdt_file },
	{ "fdt.overlay", key_overlay },
	{ "destroy_on_poweroff", key_destroy },
	{ "keep", key_keep },
	{ "sandbox", key_sandbox },
	{ "config.dump", key_dump },
	{ "acpi_tables", key_ignored },
	{ "memory.guest_in_core", key_only_false },
	{ "memory.wired", key_ignored },
	{ "rtc.use_localtime", key_only_false },
	{ "virtio_msix", key_only_true },
	{ "x86.mptable", key_ignored },
	{ "x86.strictio", key_only_false },
	{ "x86.strictmsr", key_ignored },
	{ "x86.vmexit_on_hlt", key_ignored },
	{ "x86.vmexit_on_pause", key_ignored },
	{ "x86.x2apic", key_ignored },
};

/* Options of bhyve(8) that are words for a key and nothing more. */
static const struct {
	char option;
	const char *word;
} flags[] = {
	{ 'A', "acpi_tables=true" },
	{ 'D', "destroy_on_poweroff=true" },
	{ 'H', "x86.vmexit_on_hlt=true" },
	{ 'P', "x86.vmexit_on_pause=true" },
	{ 'S', "memory.wired=true" },
	{ 'Y', "x86.mptable=false" },
	{ 'a', "x86.x2apic=false" },
	{ 'u', "rtc.use_localtime=false" },
	{ 'w', "x86.strictmsr=false" },
	{ 'x', "x86.x2apic=true" },
};

/* vcpu.N.cpuset=HOSTCPU */
static int
set_pin(struct bhyve_config *c, const char *word, size_t keylen, struct config_error *e)
{
	unsigned int vcpu = (unsigned int)(word[5] - '0');
	uint64_t cpu;

	if (keylen != strlen("vcpu.N.cpuset") || vcpu >= VM_MAXCPU ||
	    strncmp(word + 6, ".cpuset=", 8) != 0)
		return config_fail(
		    e, "%s: the key is vcpu.N.cpuset with N from 0 to %d", word, VM_MAXCPU - 1);
	if (!vm_parse_number(word + keylen + 1, &cpu) || cpu > MAX_HOST_CPU)
		return config_fail(e, "%s: is not the number of a host CPU", word);
	c->pin[vcpu] = (int)cpu;
	return 0;
}

/* fwcfg.NAME=FILE; names of files have slashes and points */
static int
set_fwcfg(struct bhyve_config *c, const char *word, size_t keylen, struct config_error *e)
{
	const char *name = word + strlen("fwcfg.");
	size_t len = keylen - strlen("fwcfg.");

	if (len == 0 || len > CONFIG_MAX_FWCFG_NAME)
		return config_fail(e,
		    "%.*s: the name has 1 to %u characters, as in fwcfg.opt/org.example/x",
		    (int)keylen, word, CONFIG_MAX_FWCFG_NAME);
	for (unsigned int i = 0; i < c->nfwcfg; i++) {
		if (strncmp(c->fwcfg[i], name, len + 1) == 0)
			return set_string(&c->fwcfg[i], name, e);
	}
	if (c->nfwcfg == CONFIG_MAX_FWCFG)
		return config_fail(
		    e, "%.*s: more than %d files", (int)keylen, word, CONFIG_MAX_FWCFG);
	return set_string(&c->fwcfg[c->nfwcfg++], name, e);
}

/* A known key's part of the configuration. */
static int
set_known(struct bhyve_config *c, const char *word, size_t len, struct config_error *e)
{
	if (strncmp(word, "vcpu.", 5) == 0)
		return set_pin(c, word, len, e);
	if (strncmp(word, "fwcfg.", 6) == 0)
		return set_fwcfg(c, word, len, e);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strlen(keys[i].name) == len && strncmp(keys[i].name, word, len) == 0)
			return keys[i].set(c, keys[i].name, word + len + 1, e);
	}
	return config_fail(e, "%.*s: there is no such key; bhyve(8) lists them", (int)len, word);
}

/* The one key whose values add up. */
static bool
is_overlay(const char *word, size_t len)
{
	return len == strlen("fdt.overlay") && strncmp(word, "fdt.overlay", len) == 0;
}

/* word is "KEY=VALUE" without white space around; it is taken apart. */
static int
set_split(struct bhyve_config *c, char *word, size_t len, const struct conf_from *from,
    struct config_error *e)
{
	const char *val = word + len + 1;
	bool slot = slots_has_key(word);

	/* What refers to other keys waits for them: config_expand(). */
	if (!slot && (!conf_has_reference(val) || is_overlay(word, len)) &&
	    set_known(c, word, len, e) != 0)
		return -1;
	word[len] = '\0';
	if (slot)
		return slots_set(&c->tree, word, val, from, e);
	return conf_tree_set(&c->tree, word, val, from) == 0 ? 0 : config_fail(e, "no memory left");
}

static int
set_from(
    struct bhyve_config *c, const char *word, const struct conf_from *from, struct config_error *e)
{
	const char *eq = strchr(word, '='), *wrong;
	size_t len;
	char *copy;
	int error;

	if (eq == NULL || eq == word)
		return config_fail(e, "%s: is not of the form KEY=VALUE", word);
	len = (size_t)(eq - word);
	copy = strdup(word);
	if (copy == NULL)
		return config_fail(e, "no memory left");
	wrong = conf_tidy_value(copy + len + 1);
	if (wrong != NULL)
		error = config_fail(e, "%.*s: %s", (int)len, word, wrong);
	else
		error = set_split(c, copy, len, from, e);
	free(copy);
	return error;
}

int
config_set(struct bhyve_config *c, const char *word, struct config_error *e)
{
	return set_from(c, word, &(struct conf_from){ CONF_OPTION, NULL }, e);
}

/* ---- references to other keys ---- */

/* Sets the key anew in *all, and in the structure what waited. */
static int
expand_node(struct bhyve_config *c, const struct conf_node *node, struct conf_tree *all,
    struct config_error *e)
{
	const struct conf_from from = { node->source, node->from };
	bool waits = !slots_has_key(node->key) && !is_overlay(node->key, strlen(node->key));
	char *val = conf_expand(&c->tree, node->val, e), *word = NULL;
	int error = val != NULL ? conf_tree_set(all, node->key, val, &from) : -1;

	if (error == 0 && waits && conf_has_reference(node->val)) {
		error = asprintf(&word, "%s=%s", node->key, val) < 0 ? -1 : 0;
		if (error == 0)
			error = set_known(c, word, strlen(node->key), e);
		free(word);
	}
	free(val);
	return error;
}

static int
expand_overlays(struct bhyve_config *c, struct config_error *e)
{
	for (unsigned int i = 0; i < c->noverlays; i++) {
		char *file = conf_expand(&c->tree, c->overlays[i], e);

		if (file == NULL)
			return -1;
		free(c->overlays[i]);
		c->overlays[i] = file;
	}
	return 0;
}

int
config_expand(struct bhyve_config *c, struct config_error *e)
{
	struct config_error inner = { "no memory left" };
	struct conf_tree all = { .n = 0 };
	char said[200];
	int error = 0;

	for (size_t i = 0; i < c->tree.n && error == 0; i++) {
		error = expand_node(c, &c->tree.node[i], &all, &inner);
		conf_node_said(&c->tree.node[i], c->tree.node[i].key, said, sizeof(said));
	}
	if (error == 0) {
		snprintf(said, sizeof(said), "fdt.overlay");
		error = expand_overlays(c, &inner);
	}
	if (error != 0) {
		conf_tree_free(&all);
		return config_fail(e, "%.180s: %.120s", said, inner.text);
	}
	conf_tree_free(&c->tree);
	c->tree = all;
	return 0;
}

/* ---- files ---- */

int
config_read(struct bhyve_config *c, FILE *f, const char *name, struct config_error *e)
{
	char *line = NULL, *word, where[96];
	struct conf_from from = { CONF_FILE, where };
	struct config_error inner;
	unsigned int number = 0;
	size_t cap = 0;
	ssize_t len;
	int error = 0;

	while (error == 0 && (len = getline(&line, &cap, f)) >= 0) {
		snprintf(where, sizeof(where), "%.80s:%u", name, ++number);
		if (strlen(line) != (size_t)len) {
			error = config_fail(e, "%s: is not text", where);
			break;
		}
		conf_tidy_value(line);
		word = line + strspn(line, " \t");
		if (*word == '\0' || *word == '#')
			continue;
		if (set_from(c, word, &from, &inner) != 0)
			error = config_fail(e, "%s: %.220s", where, inner.text);
	}
	free(line);
	return error;
}

static int
read_file(struct bhyve_config *c, const char *file, struct config_error *e)
{
	FILE *f = fopen(file, "re");
	int error;

	if (f == NULL)
		return config_fail(e, "-k %s: %s", file, strerror(errno));
	errno = 0;
	error = config_read(c, f, file, e);
	if (error == 0 && ferror(f))
		error = config_fail(e, "-k %s: %s", file, strerror(errno));
	fclose(f);
	return error;
}

/* ---- the command line ---- */

static int
set_option(
    struct bhyve_config *c, char option, const char *key, const char *val, struct config_error *e)
{
	struct config_error inner;
	char *word;
	int error;

	if (val[0] == '\0')
		return config_fail(e, "-%c: needs a value", option);
	if (asprintf(&word, "%s=%s", key, val) < 0)
		return config_fail(e, "no memory left");
	error = config_set(c, word, &inner);
	free(word);
	/* The person wrote the option, not the key. */
	if (error != 0)
		return config_fail(e, "-%c %s", option, inner.text + strlen(key) + 1);
	return 0;
}

static int
set_pin_option(struct bhyve_config *c, const char *val, struct config_error *e)
{
	struct config_error ignored;
	char word[48];

	if (val[0] == '\0')
		return config_fail(e, "-p: needs a value");
	if (val[0] < '0' || val[0] > '7' || val[1] != ':' || strlen(val) > 8)
		return config_fail(e, "-p %s: is not VCPU:HOSTCPU, as in 0:1", val);
	snprintf(word, sizeof(word), "vcpu.%c.cpuset=%s", val[0], val + 2);
	if (config_set(c, word, &ignored) != 0)
		return config_fail(e, "-p %s: is not VCPU:HOSTCPU, as in 0:1", val);
	return 0;
}

/* -l bootrom,FILE[,VARS] */
static int
set_bootrom_option(struct bhyve_config *c, const char *val, struct config_error *e)
{
	const char *file = val + strlen("bootrom,"), *comma;
	char *rom;
	int error;

	if (strncmp(val, "bootrom,", strlen("bootrom,")) != 0)
		return config_fail(e, "-l %s: is not bootrom,FILE[,VARIABLES]", val);
	comma = strchr(file, ',');
	rom = strndup(file, strcspn(file, ","));
	if (rom == NULL)
		return config_fail(e, "no memory left");
	error = set_option(c, 'l', "bootrom", rom, e);
	free(rom);
	if (error == 0 && comma != NULL)
		error = set_option(c, 'l', "bootvars", comma + 1, e);
	return error;
}

static int
unknown_option(int option, struct config_error *e)
{
	static const char elsewhere[] = "BCIKLUWefr";

	if (option != 0 && strchr(elsewhere, option) != NULL)
		return config_fail(
		    e, "-%c: bhyve(8) on other machines has this option, this one has not", option);
	return config_fail(e, "-%c: there is no such option", option);
}

static int
slot_option(struct bhyve_config *c, const char *val, struct config_error *e)
{
	c->list_devices = strcmp(val, "help") == 0;
	return c->list_devices ? 0 : slots_option(&c->tree, val, e);
}

/* One without a value. */
static int
flag_option(struct bhyve_config *c, int option, struct config_error *e)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (flags[i].option == option)
			return config_set(c, flags[i].word, e);
	}
	return unknown_option(optopt, e);
}

static int
one_option(struct bhyve_config *c, int option, const char *val, struct config_error *e)
{
	struct config_error inner;

	switch (option) {
	case 'h':
		c->help = true;
		return 0;
	case 'c':
		return set_option(c, 'c', "cpus", val, e);
	case 'G':
		return set_option(c, 'G', "gdb", val, e);
	case 'm':
		return set_option(c, 'm', "memory.size", val, e);
	case 'o':
		return config_set(c, val, &inner) == 0 ? 0 :
							 config_fail(e, "-o %.300s", inner.text);
	case 'k':
		return read_file(c, val, e);
	case 'l':
		return set_bootrom_option(c, val, e);
	case 'p':
		return set_pin_option(c, val, e);
	case 's':
		return slot_option(c, val, e);
	case ':':
		return config_fail(e, "-%c: needs a value", optopt);
	default:
		return flag_option(c, option, e);
	}
}

bool
config_boots(const struct bhyve_config *c)
{
	return c->kernel != NULL || c->bootrom != NULL;
}

/* What goes with a kernel or firmware. */
static int
check_boot(const struct bhyve_config *c, struct config_error *e)
{
	if (c->bootvars != NULL && c->bootrom == NULL)
		return config_fail(e, "bootvars goes with bootrom=FILE: give that too");
	if (c->bootrom != NULL && c->kernel_address != BOOT_NO_ADDRESS)
		return config_fail(
		    e, "kernel.address: it is the firmware of bootrom that loads the kernel");
	if (c->bootrom != NULL && c->kernel == NULL && c->initrd != NULL)
		return config_fail(e, "initrd goes with kernel=FILE: give that too");
	if (!config_boots(c) && c->nfwcfg != 0)
		return config_fail(
		    e, "fwcfg.NAME goes with bootrom=FILE or kernel=FILE: give one too");
	if (!config_boots(c) &&
	    (c->initrd != NULL || c->bootargs != NULL || c->fdt_file != NULL || c->noverlays != 0 ||
		c->kernel_address != BOOT_NO_ADDRESS))
		return config_fail(e,
		    "initrd, fdt.* and kernel.address go with kernel=FILE: give that too, "
		    "or leave them to bhyveload");
	return 0;
}

static int
check_together(struct bhyve_config *c, struct config_error *e)
{
	if (c->name == NULL)
		return config_fail(e, "which VM? Its name is the last argument");
	if (check_boot(c, e) != 0)
		return -1;
	for (uint32_t i = c->vcpus; c->vcpus != 0 && i < VM_MAXCPU; i++) {
		if (c->pin[i] >= 0)
			return config_fail(e,
			    "vCPU %u is pinned to a host CPU, but there are only %u vCPUs", i,
			    c->vcpus);
	}
	return slots_check(&c->tree, &c->slots, e);
}

/* The last argument. */
static int
set_name(struct bhyve_config *c, const char *name, struct config_error *e)
{
	struct config_error inner;
	char word[VM_MAX_NAMELEN + 8];

	if (!vm_name_valid(name))
		return config_fail(e, "%s: cannot be a VM's name: 1 to %d of A-Z a-z 0-9 . _ -",
		    name, VM_MAX_NAMELEN);
	snprintf(word, sizeof(word), "name=%s", name);
	return config_set(c, word, &inner) == 0 ? 0 : config_fail(e, "%.300s", inner.text);
}

int
config_parse(struct bhyve_config *c, int argc, char **argv, struct config_error *e)
{
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, ":c:G:m:o:k:l:p:s:ADHPSYahuwx")) != -1) {
		if (one_option(c, option, optarg, e) != 0)
			return -1;
		if (c->help || c->list_devices)
			return 0;
	}
	if (argc - optind > 1)
		return config_fail(e,
		    "%s: one VM's name is the last argument, there is more behind it",
		    argv[optind + 1]);
	if (optind < argc && set_name(c, argv[optind], e) != 0)
		return -1;
	return config_expand(c, e) == 0 ? check_together(c, e) : -1;
}

void
config_init(struct bhyve_config *c)
{
	memset(c, 0, sizeof(*c));
	c->kernel_address = BOOT_NO_ADDRESS;
	c->sandbox = true;
	for (int i = 0; i < VM_MAXCPU; i++)
		c->pin[i] = -1;
}

void
config_free(struct bhyve_config *c)
{
	free(c->name);
	free(c->console);
	free(c->gdb);
	free(c->kernel);
	free(c->initrd);
	free(c->bootargs);
	free(c->fdt_file);
	free(c->bootrom);
	free(c->bootvars);
	for (unsigned int i = 0; i < c->nfwcfg; i++)
		free(c->fwcfg[i]);
	for (unsigned int i = 0; i < c->noverlays; i++)
		free(c->overlays[i]);
	slots_free(&c->slots);
	conf_tree_free(&c->tree);
	config_init(c);
}

const char *
config_usage(void)
{
	return "usage: bhyve [-ADHPSYahuwx] [-c vcpus] [-G [w][addr:]port] [-k file]\n"
	       "             [-l bootrom,file[,vars]] [-m size] [-o key=value] [-p vcpu:cpu]\n"
	       "             [-s slot,device[,option...]] name\n"
	       "\n"
	       "Runs a VM that bhyveload prepared; with -o kernel=FILE or -l bootrom,FILE it\n"
	       "makes one and boots it.\n"
	       "\n"
	       "  -c vcpus      how many, 1 to 8; or cpus=4,sockets=1,cores=2,threads=2\n"
	       "  -D            destroy the VM when the guest powers off\n"
	       "  -G [w][addr:]port  serve gdb there; w: wait for it (default address 127.0.0.1)\n"
	       "  -h            this text\n"
	       "  -k file       read keys from a file, one KEY=VALUE a line\n"
	       "  -l bootrom,file[,vars]  the keys bootrom and bootvars\n"
	       "  -m size       memory: 256M, 1G; a number alone is MiB (default 256M)\n"
	       "  -o key=value  set a key:\n"
	       "       kernel=FILE         boot this zImage, ELF file or raw image\n"
	       "       kernel.address=GPA  load it as it is at this address\n"
	       "       initrd=FILE         initial RAM disk\n"
	       "       bootrom=FILE        start this firmware, and have it load the kernel\n"
	       "       bootvars=FILE       where it keeps its variables\n"
	       "       fwcfg.NAME=FILE     a file for it, through fw_cfg; up to 16\n"
	       "       fdt.bootargs=TEXT   the kernel's command line\n"
	       "       fdt.file=FILE       a device tree in place of the generated one\n"
	       "       fdt.overlay=FILE    an overlay on it; may be repeated\n"
	       "       console=WHERE       stdio (default), pty, unix:PATH, file:PATH, none\n"
	       "       keep=true           do not destroy the VM that bhyve made\n"
	       "       gdb=[w][ADDR:]PORT  as -G\n"
	       "       sandbox=off         keep all rights while the guest runs (default on)\n"
	       "       config.dump=true    only print all keys, as -k reads them\n"
	       "       pci.0.SLOT.FUNC.device, pci.0.SLOT.FUNC.OPTION, virtio_mmio.N.device,\n"
	       "       virtio_mmio.N.OPTION: what -s says\n"
	       "       also: name, cpus, memory.size, destroy_on_poweroff, vcpu.N.cpuset\n"
	       "  -p vcpu:cpu   pin a vCPU to a host CPU; may be repeated\n"
	       "  -s where,device[,option...]\n"
	       "       a device in a PCI slot, SLOT[:FUNC] or 0:SLOT:FUNC, or a virtio device in\n"
	       "       mmio:N, for guests without PCI; may be repeated.  -s help lists them all\n"
	       "  -A -H -P -S -Y -a -u -w -x   accepted: they change nothing on this machine\n"
	       "\n"
	       "Exit status: 0 reset, 1 powered off, 2 halted, 4 error.\n"
	       "\n"
	       "example: bhyve -c 2 -m 256M -o kernel=vmlinuz -o initrd=initrd \\\n"
	       "             -o fdt.bootargs=console=ttyAMA0 -s 3,virtio-blk,disk.img guest\n";
}
