/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A function for each key that is no device's: what is right for it, and where it goes in struct
 * bhyve_config.  A message names what was given, what is wrong and what would be right.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf_guess.h"
#include "config_impl.h"
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

static int
unknown_key(const char *word, size_t len, struct config_error *e)
{
	char name[128], near[64];
	struct conf_guess guess = { .word = name };

	snprintf(name, sizeof(name), "%.*s", (int)len, word);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		conf_guess_try(&guess, keys[i].name);
	return config_fail(e, "%.127s: there is no such key; bhyve(8) lists them%s", name,
	    conf_guess_text(&guess, near));
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

/* kenv.NAME=VALUE; the names have points */
static int
set_kenv(struct bhyve_config *c, const char *word, size_t keylen, struct config_error *e)
{
	const char *name = word + strlen("kenv.");
	size_t len = keylen - strlen("kenv.");

	if (len == 0)
		return config_fail(e, "%.*s: the key is kenv.NAME", (int)keylen, word);
	for (unsigned int i = 0; i < c->nenv; i++) {
		if (strncmp(c->env[i], name, len + 1) == 0)
			return set_string(&c->env[i], name, e);
	}
	if (c->nenv == BOOT_MAX_ENV)
		return config_fail(
		    e, "%.*s: more than %d variables", (int)keylen, word, BOOT_MAX_ENV);
	return set_string(&c->env[c->nenv++], name, e);
}

int
config_set_known(struct bhyve_config *c, const char *word, size_t len, struct config_error *e)
{
	if (strncmp(word, "vcpu.", 5) == 0)
		return set_pin(c, word, len, e);
	if (strncmp(word, "fwcfg.", 6) == 0)
		return set_fwcfg(c, word, len, e);
	if (strncmp(word, "kenv.", 5) == 0)
		return set_kenv(c, word, len, e);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strlen(keys[i].name) == len && strncmp(keys[i].name, word, len) == 0)
			return keys[i].set(c, keys[i].name, word + len + 1, e);
	}
	return unknown_key(word, len, e);
}
