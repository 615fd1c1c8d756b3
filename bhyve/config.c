/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * bhyve's options.  Every option but -h and -k is a short form of a key, so that there is one
 * check for each thing that can be said; a message names what was given, what is wrong and what
 * would be right.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

#define MAX_HOST_CPU 1023

__attribute__((format(printf, 2, 3))) static int
bad(struct config_error *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return -1;
}

static int
set_string(char **field, const char *val, struct config_error *e)
{
	char *copy = strdup(val);

	if (copy == NULL)
		return bad(e, "no memory left");
	free(*field);
	*field = copy;
	return 0;
}

static int
set_bool(bool *field, const char *key, const char *val, struct config_error *e)
{
	static const char *const words[2][4] = {
		{ "false", "no", "off", "0" },
		{ "true", "yes", "on", "1" },
	};

	for (int truth = 0; truth < 2; truth++) {
		for (int i = 0; i < 4; i++) {
			if (strcmp(val, words[truth][i]) == 0) {
				*field = truth != 0;
				return 0;
			}
		}
	}
	return bad(e, "%s=%s: is neither true nor false", key, val);
}

/* ---- a function for each key; val is never empty ---- */

static int
key_name(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	if (!vm_name_valid(val))
		return bad(e, "%s=%s: cannot be a VM's name: 1 to %d of A-Z a-z 0-9 . _ -", key,
		    val, VM_MAX_NAMELEN);
	return set_string(&c->name, val, e);
}

static int
key_memory(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	const char *wrong = vm_parse_memsize(val, &c->memory);

	if (wrong != NULL)
		return bad(e, "%s=%s: %s; say 256M or 1G", key, val, wrong);
	return 0;
}

static int
key_cpus(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	const char *wrong = vm_parse_topology(val, &c->vcpus, &c->topology);

	if (wrong != NULL)
		return bad(
		    e, "%s=%s: %s; say 2, or cpus=4,sockets=1,cores=2,threads=2", key, val, wrong);
	return 0;
}

static int
key_console(struct bhyve_config *c, const char *key, const char *val, struct config_error *e)
{
	if (strcmp(val, "stdio") != 0 && strcmp(val, "pty") != 0 && strcmp(val, "none") != 0 &&
	    !(strncmp(val, "unix:", 5) == 0 && val[5] != '\0') &&
	    !(strncmp(val, "file:", 5) == 0 && val[5] != '\0'))
		return bad(e, "%s=%s: is none of stdio, pty, unix:PATH, file:PATH, none", key, val);
	return set_string(&c->console, val, e);
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
		return bad(e, "%s=%s: is not an address; RAM starts at 0x40000000", key, val);
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
		return bad(e, "%s: longer than %u characters", key, BOOT_CMDLINE_MAX);
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
		return bad(e, "%s=%s: more than %d overlays; put them together with fdtoverlay",
		    key, val, BOOT_MAX_OVERLAYS);
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

static const struct key {
	const char *name;
	int (*set)(
	    struct bhyve_config *c, const char *key, const char *val, struct config_error *e);
} keys[] = {
	{ "name", key_name },
	{ "memory.size", key_memory },
	{ "cpus", key_cpus },
	{ "console", key_console },
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
};

/* vcpu.N.cpuset=HOSTCPU */
static int
set_pin(struct bhyve_config *c, const char *word, size_t keylen, struct config_error *e)
{
	unsigned int vcpu = (unsigned int)(word[5] - '0');
	uint64_t cpu;

	if (keylen != strlen("vcpu.N.cpuset") || vcpu >= VM_MAXCPU ||
	    strncmp(word + 6, ".cpuset=", 8) != 0)
		return bad(
		    e, "%s: the key is vcpu.N.cpuset with N from 0 to %d", word, VM_MAXCPU - 1);
	if (!vm_parse_number(word + keylen + 1, &cpu) || cpu > MAX_HOST_CPU)
		return bad(e, "%s: is not the number of a host CPU", word);
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
		return bad(e,
		    "%.*s: the name has 1 to %u characters, as in fwcfg.opt/org.example/x",
		    (int)keylen, word, CONFIG_MAX_FWCFG_NAME);
	for (unsigned int i = 0; i < c->nfwcfg; i++) {
		if (strncmp(c->fwcfg[i], name, len + 1) == 0)
			return set_string(&c->fwcfg[i], name, e);
	}
	if (c->nfwcfg == CONFIG_MAX_FWCFG)
		return bad(e, "%.*s: more than %d files", (int)keylen, word, CONFIG_MAX_FWCFG);
	return set_string(&c->fwcfg[c->nfwcfg++], name, e);
}

int
config_set(struct bhyve_config *c, const char *word, struct config_error *e)
{
	const char *eq = strchr(word, '=');
	size_t len;

	if (eq == NULL || eq == word)
		return bad(e, "%s: is not of the form KEY=VALUE", word);
	len = (size_t)(eq - word);
	if (eq[1] == '\0')
		return bad(e, "%.*s: has an empty value", (int)len, word);
	if (strncmp(word, "vcpu.", 5) == 0)
		return set_pin(c, word, len, e);
	if (strncmp(word, "fwcfg.", 6) == 0)
		return set_fwcfg(c, word, len, e);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strlen(keys[i].name) == len && strncmp(keys[i].name, word, len) == 0)
			return keys[i].set(c, keys[i].name, eq + 1, e);
	}
	return bad(e, "%.*s: there is no such key; bhyve(8) lists them", (int)len, word);
}

/* ---- files ---- */

static char *
trim(char *line)
{
	size_t len;

	line += strspn(line, " \t");
	len = strlen(line);
	while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL)
		line[--len] = '\0';
	return line;
}

static int
read_file(struct bhyve_config *c, const char *file, struct config_error *e)
{
	struct config_error inner;
	char *line = NULL, *word;
	unsigned int number = 0;
	size_t cap = 0;
	int error = 0;
	FILE *f;

	f = fopen(file, "re");
	if (f == NULL)
		return bad(e, "-k %s: %s", file, strerror(errno));
	errno = 0;
	while (error == 0 && getline(&line, &cap, f) >= 0) {
		number++;
		word = trim(line);
		if (*word == '\0' || *word == '#')
			continue;
		if (config_set(c, word, &inner) != 0)
			error = bad(e, "%.80s:%u: %.200s", file, number, inner.text);
	}
	if (error == 0 && ferror(f))
		error = bad(e, "-k %s: %s", file, strerror(errno));
	free(line);
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
		return bad(e, "-%c: needs a value", option);
	if (asprintf(&word, "%s=%s", key, val) < 0)
		return bad(e, "no memory left");
	error = config_set(c, word, &inner);
	free(word);
	/* The person wrote the option, not the key. */
	if (error != 0)
		return bad(e, "-%c %s", option, inner.text + strlen(key) + 1);
	return 0;
}

static int
set_pin_option(struct bhyve_config *c, const char *val, struct config_error *e)
{
	struct config_error ignored;
	char word[48];

	if (val[0] == '\0')
		return bad(e, "-p: needs a value");
	if (val[0] < '0' || val[0] > '7' || val[1] != ':' || strlen(val) > 8)
		return bad(e, "-p %s: is not VCPU:HOSTCPU, as in 0:1", val);
	snprintf(word, sizeof(word), "vcpu.%c.cpuset=%s", val[0], val + 2);
	if (config_set(c, word, &ignored) != 0)
		return bad(e, "-p %s: is not VCPU:HOSTCPU, as in 0:1", val);
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
		return bad(e, "-l %s: is not bootrom,FILE[,VARIABLES]", val);
	comma = strchr(file, ',');
	rom = strndup(file, strcspn(file, ","));
	if (rom == NULL)
		return bad(e, "no memory left");
	error = set_option(c, 'l', "bootrom", rom, e);
	free(rom);
	if (error == 0 && comma != NULL)
		error = set_option(c, 'l', "bootvars", comma + 1, e);
	return error;
}

static int
unknown_option(int option, struct config_error *e)
{
	static const char elsewhere[] = "aeAHPSWYxwsGULrBC";

	if (option != 0 && strchr(elsewhere, option) != NULL)
		return bad(
		    e, "-%c: bhyve(8) on other machines has this option, this one has not", option);
	return bad(e, "-%c: there is no such option", option);
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
	case 'm':
		return set_option(c, 'm', "memory.size", val, e);
	case 'o':
		return config_set(c, val, &inner) == 0 ? 0 : bad(e, "-o %.300s", inner.text);
	case 'k':
		return read_file(c, val, e);
	case 'l':
		return set_bootrom_option(c, val, e);
	case 'p':
		return set_pin_option(c, val, e);
	case 'D':
		c->destroy_on_poweroff = true;
		return 0;
	case 'u': /* the clock is UTC's anyway */
		return 0;
	case ':':
		return bad(e, "-%c: needs a value", optopt);
	default:
		return unknown_option(optopt, e);
	}
}

static int
check_together(const struct bhyve_config *c, struct config_error *e)
{
	if (c->name == NULL)
		return bad(e, "which VM? Its name is the last argument");
	if (c->bootvars != NULL && c->bootrom == NULL)
		return bad(e, "bootvars goes with bootrom=FILE: give that too");
	if (c->bootrom != NULL && c->kernel_address != BOOT_NO_ADDRESS)
		return bad(
		    e, "kernel.address: it is the firmware of bootrom that loads the kernel");
	if (c->bootrom != NULL && c->kernel == NULL && c->initrd != NULL)
		return bad(e, "initrd goes with kernel=FILE: give that too");
	if (c->kernel == NULL && c->bootrom == NULL && c->nfwcfg != 0)
		return bad(e, "fwcfg.NAME goes with bootrom=FILE or kernel=FILE: give one too");
	if (c->kernel == NULL && c->bootrom == NULL &&
	    (c->initrd != NULL || c->bootargs != NULL || c->fdt_file != NULL || c->noverlays != 0 ||
		c->kernel_address != BOOT_NO_ADDRESS))
		return bad(e,
		    "initrd, fdt.* and kernel.address go with kernel=FILE: give that too, "
		    "or leave them to bhyveload");
	for (uint32_t i = c->vcpus; c->vcpus != 0 && i < VM_MAXCPU; i++) {
		if (c->pin[i] >= 0)
			return bad(e,
			    "vCPU %u is pinned to a host CPU, but there are only %u vCPUs", i,
			    c->vcpus);
	}
	return 0;
}

int
config_parse(struct bhyve_config *c, int argc, char **argv, struct config_error *e)
{
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, ":c:m:o:k:l:p:Dhu")) != -1) {
		if (one_option(c, option, optarg, e) != 0)
			return -1;
		if (c->help)
			return 0;
	}
	if (argc - optind > 1)
		return bad(e, "%s: one VM's name is the last argument, there is more behind it",
		    argv[optind + 1]);
	if (optind < argc) {
		if (!vm_name_valid(argv[optind]))
			return bad(e, "%s: cannot be a VM's name: 1 to %d of A-Z a-z 0-9 . _ -",
			    argv[optind], VM_MAX_NAMELEN);
		if (set_string(&c->name, argv[optind], e) != 0)
			return -1;
	}
	return check_together(c, e);
}

void
config_init(struct bhyve_config *c)
{
	memset(c, 0, sizeof(*c));
	c->kernel_address = BOOT_NO_ADDRESS;
	for (int i = 0; i < VM_MAXCPU; i++)
		c->pin[i] = -1;
}

void
config_free(struct bhyve_config *c)
{
	free(c->name);
	free(c->console);
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
	config_init(c);
}

const char *
config_usage(void)
{
	return "usage: bhyve [-Dhu] [-c vcpus] [-k file] [-l bootrom,file[,vars]] [-m size]\n"
	       "             [-o key=value] [-p vcpu:cpu] name\n"
	       "\n"
	       "Runs a VM that bhyveload prepared; with -o kernel=FILE or -l bootrom,FILE it\n"
	       "makes one and boots it.\n"
	       "\n"
	       "  -c vcpus      how many, 1 to 8; or cpus=4,sockets=1,cores=2,threads=2\n"
	       "  -D            destroy the VM when the guest powers off\n"
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
	       "       also: name, cpus, memory.size, destroy_on_poweroff, vcpu.N.cpuset\n"
	       "  -p vcpu:cpu   pin a vCPU to a host CPU; may be repeated\n"
	       "  -u            accepted: the clock keeps UTC\n"
	       "\n"
	       "Exit status: 0 reset, 1 powered off, 2 halted, 4 error.\n"
	       "\n"
	       "example: bhyve -c 2 -m 256M -o kernel=vmlinuz -o initrd=initrd \\\n"
	       "             -o fdt.bootargs=console=ttyAMA0 guest\n";
}
