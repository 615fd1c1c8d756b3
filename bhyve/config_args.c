/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The command line.  Every option but -h and -k is a short form of keys, so that there is one check
 * for each thing that can be said.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_impl.h"

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
	return config_expand(c, e) == 0 ? config_check_together(c, e) : -1;
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
	       "       kenv.NAME=VALUE     a variable for FreeBSD's kernel; up to 64\n"
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
