/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * bhyveload's options: what was given, what is wrong, what would be right.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

#define DEFAULT_MEMORY (256ull << 20)

/* mmio:N, as bhyve's -s has it */
static int
parse_slot(struct load_options *o, const char *val, char *text, size_t size)
{
	uint64_t n;

	if (strncmp(val, "mmio:", 5) != 0 || !vm_parse_number(val + 5, &n) ||
	    n >= MACHINE_VIRTIO_COUNT) {
		snprintf(text, size,
		    "-s %.100s: is not mmio:N with N from 0 to %u; devices on the PCI bus need no "
		    "word here",
		    val, MACHINE_VIRTIO_COUNT - 1);
		return -1;
	}
	o->boot.virtio_mmio |= 1u << n;
	return 0;
}

static int
parse_value(struct load_options *o, int option, const char *val, char *text, size_t size)
{
	const char *wrong = NULL;
	uint64_t n;

	switch (option) {
	case 'm':
		wrong = vm_parse_memsize(val, &o->memory);
		if (wrong != NULL)
			snprintf(text, size, "-m %s: %s; say 256M or 1G", val, wrong);
		break;
	case 'c':
		wrong = vm_parse_topology(val, &o->vcpus, &o->topology);
		if (wrong != NULL)
			snprintf(text, size,
			    "-c %s: %s; say 2, or cpus=4,sockets=1,cores=2,threads=2", val, wrong);
		break;
	case 'b':
		if (!vm_parse_number(val, &o->boot.raw_gpa) || o->boot.raw_gpa == BOOT_NO_ADDRESS) {
			wrong = "is not an address";
			snprintf(text, size, "-b %s: %s; RAM starts at 0x40000000", val, wrong);
		}
		break;
	default: /* 'g' */
		if (!vm_parse_number(val, &n) || n >= UINT32_MAX) {
			wrong = "is not a group's number";
			snprintf(text, size, "-g %s: %s", val, wrong);
		}
		o->gid = (uint32_t)n;
		break;
	}
	return wrong != NULL ? -1 : 0;
}

static int
one_option(struct load_options *o, int option, char *val, char *text, size_t size)
{
	if (val != NULL && val[0] == '\0') {
		snprintf(text, size, "-%c: needs a value", option);
		return -1;
	}
	switch (option) {
	case 'h':
		o->help = true;
		return 0;
	case 'k':
		o->boot.kernel = val;
		return 0;
	case 'i':
		o->boot.initrd = val;
		return 0;
	case 'a':
		o->boot.cmdline = val;
		return 0;
	case 'd':
		o->boot.dtb = val;
		return 0;
	case 'O':
		if (o->boot.noverlays == BOOT_MAX_OVERLAYS) {
			snprintf(text, size,
			    "-O %s: more than %d overlays; put them together with "
			    "fdtoverlay",
			    val, BOOT_MAX_OVERLAYS);
			return -1;
		}
		o->boot.overlays[o->boot.noverlays++] = val;
		return 0;
	case 'e':
		if (o->boot.nenv == BOOT_MAX_ENV) {
			snprintf(
			    text, size, "-e %.100s: more than %d variables", val, BOOT_MAX_ENV);
			return -1;
		}
		if (strchr(val, '=') == NULL || val[0] == '=') {
			snprintf(text, size, "-e %.100s: is not NAME=VALUE", val);
			return -1;
		}
		o->boot.env[o->boot.nenv++] = val;
		return 0;
	case 's':
		return parse_slot(o, val, text, size);
	case 'm':
	case 'c':
	case 'b':
	case 'g':
		return parse_value(o, option, val, text, size);
	case ':':
		snprintf(text, size, "-%c: needs a value", optopt);
		return -1;
	default:
		snprintf(text, size, "-%c: there is no such option", optopt);
		return -1;
	}
}

int
load_options_parse(struct load_options *o, int argc, char **argv, char *text, size_t size)
{
	int option;

	memset(o, 0, sizeof(*o));
	o->memory = DEFAULT_MEMORY;
	o->vcpus = 1;
	o->topology = (struct vm_topology){ 1, 1, 1, 1 };
	o->gid = ~0u;
	o->boot.raw_gpa = BOOT_NO_ADDRESS;
	o->boot.pci = true; /* bhyve has the bus, whatever it is to put there */
	opterr = 0;
	while ((option = getopt(argc, argv, ":a:b:c:d:e:g:hi:k:m:O:s:")) != -1) {
		if (one_option(o, option, strchr("h:?", option) ? NULL : optarg, text, size) != 0)
			return -1;
		if (o->help)
			return 0;
	}
	if (o->boot.kernel == NULL) {
		snprintf(text, size, "which kernel? Give it with -k FILE");
		return -1;
	}
	if (optind != argc - 1) {
		if (optind == argc)
			snprintf(text, size, "which VM? Its name is the last argument");
		else
			snprintf(text, size,
			    "%s: one VM's name is the last argument, there is more "
			    "behind it",
			    argv[optind + 1]);
		return -1;
	}
	o->name = argv[optind];
	if (!vm_name_valid(o->name)) {
		snprintf(text, size, "%s: cannot be a VM's name: 1 to %d of A-Z a-z 0-9 . _ -",
		    o->name, VM_MAX_NAMELEN);
		return -1;
	}
	if (o->boot.virtio_mmio != 0 && o->boot.dtb != NULL) {
		snprintf(text, size,
		    "-s mmio:N goes with the generated device tree: leave it out, and have the "
		    "node in %.200s",
		    o->boot.dtb);
		return -1;
	}
	if (o->boot.cmdline != NULL && strlen(o->boot.cmdline) > BOOT_CMDLINE_MAX) {
		snprintf(text, size, "-a: longer than %u characters", BOOT_CMDLINE_MAX);
		return -1;
	}
	return 0;
}

const char *
load_options_usage(void)
{
	return "usage: bhyveload [-h] [-a cmdline] [-b address] [-c vcpus] [-d dtb]\n"
	       "                 [-e name=value] [-g gid] [-i initrd] [-m size] [-O overlay]\n"
	       "                 [-s mmio:n] -k kernel name\n"
	       "\n"
	       "Makes a VM, or resets one that has ended, and loads a kernel; bhyve runs it.\n"
	       "\n"
	       "  -a cmdline  the kernel's command line\n"
	       "  -b address  load the kernel as it is at this guest-physical address\n"
	       "  -c vcpus    how many, 1 to 8; or cpus=4,sockets=1,cores=2,threads=2 (default 1)\n"
	       "  -d dtb      a device tree in place of the generated one\n"
	       "  -e name=value  a variable for FreeBSD's kernel; up to 64\n"
	       "  -g gid      a group that may use the VM too\n"
	       "  -h          this text\n"
	       "  -i initrd   initial RAM disk; for FreeBSD a root image in memory, md0\n"
	       "  -k kernel   zImage, ELF file (FreeBSD's kernel too), or with -b anything\n"
	       "  -m size     memory: 256M, 1G; a number alone is MiB (default 256M)\n"
	       "  -O overlay  a device tree overlay; may be repeated\n"
	       "  -s mmio:n   bhyve will have a device in this virtio-mmio region; repeatable\n"
	       "\n"
	       "Exit status: 0 loaded, 1 failed, 2 bad options.\n"
	       "\n"
	       "example: bhyveload -c 2 -m 256M -k vmlinuz -i initrd -a console=ttyAMA0 guest\n"
	       "         bhyve guest\n";
}
