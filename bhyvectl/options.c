/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * bhyvectl's options: one action a call, as a table.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "options.h"

enum {
	OPT_VM = 256,
	OPT_CPU,
	OPT_JSON,
	OPT_GID,
	OPT_ACTION, /* + enum ctl_action */
	OPT_FORCE_RESET = OPT_ACTION + 32,
	OPT_FORCE_POWEROFF,
};

static const struct option longopts[] = {
	{ "vm", required_argument, NULL, OPT_VM },
	{ "cpu", required_argument, NULL, OPT_CPU },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "gid", required_argument, NULL, OPT_GID },
	{ "help", no_argument, NULL, OPT_ACTION + CTL_HELP },
	{ "list", no_argument, NULL, OPT_ACTION + CTL_LIST },
	{ "info", no_argument, NULL, OPT_ACTION + CTL_INFO },
	{ "create", no_argument, NULL, OPT_ACTION + CTL_CREATE },
	{ "destroy", no_argument, NULL, OPT_ACTION + CTL_DESTROY },
	{ "suspend", required_argument, NULL, OPT_ACTION + CTL_SUSPEND },
	{ "force-reset", no_argument, NULL, OPT_FORCE_RESET },
	{ "force-poweroff", no_argument, NULL, OPT_FORCE_POWEROFF },
	{ "power-button", no_argument, NULL, OPT_ACTION + CTL_POWER_BUTTON },
	{ "balloon", required_argument, NULL, OPT_ACTION + CTL_BALLOON },
	{ "get-balloon", no_argument, NULL, OPT_ACTION + CTL_GET_BALLOON },
	{ "pause", no_argument, NULL, OPT_ACTION + CTL_PAUSE },
	{ "resume", no_argument, NULL, OPT_ACTION + CTL_RESUME },
	{ "get-stats", no_argument, NULL, OPT_ACTION + CTL_GET_STATS },
	{ "get-all", no_argument, NULL, OPT_ACTION + CTL_GET_ALL },
	{ "get-reg", required_argument, NULL, OPT_ACTION + CTL_GET_REG },
	{ "set-reg", required_argument, NULL, OPT_ACTION + CTL_SET_REG },
	{ "trace", no_argument, NULL, OPT_ACTION + CTL_TRACE },
	{ NULL, 0, NULL, 0 },
};

static int
parse_how(struct ctl_options *o, const char *val, char *text, size_t size)
{
	static const enum vm_suspend_how hows[] = { VM_SUSPEND_RESET, VM_SUSPEND_POWEROFF,
		VM_SUSPEND_HALT };

	for (size_t i = 0; i < sizeof(hows) / sizeof(hows[0]); i++) {
		if (strcmp(val, vm_suspend_name((uint32_t)hows[i])) == 0) {
			o->how = hows[i];
			return 0;
		}
	}
	snprintf(text, size, "--suspend=%s: is none of reset, poweroff, halt", val);
	return -1;
}

/* NAME, and with set "NAME:VALUE" */
static int
parse_reg(struct ctl_options *o, const char *val, bool set, char *text, size_t size)
{
	const char *option = set ? "--set-reg" : "--get-reg";
	const char *colon = set ? strchr(val, ':') : NULL;
	size_t len = colon != NULL ? (size_t)(colon - val) : strlen(val);
	char name[24] = "";
	int reg;

	if (set && (colon == NULL || !vm_parse_number(colon + 1, &o->value))) {
		snprintf(text, size, "%s=%s: is not REGISTER:VALUE, as in r0:0x10", option, val);
		return -1;
	}
	if (len < sizeof(name))
		memcpy(name, val, len);
	reg = vm_reg_number(name);
	if (reg < 0) {
		snprintf(text, size,
		    "%s=%s: no such register; bhyvectl --get-all shows their names", option, val);
		return -1;
	}
	o->reg = (uint32_t)reg;
	return 0;
}

static int
parse_cpu(struct ctl_options *o, const char *val, char *text, size_t size)
{
	uint64_t n;

	if (!vm_parse_number(val, &n) || n >= VM_MAXCPU) {
		snprintf(
		    text, size, "--cpu=%s: is not a vCPU's number, 0 to %d", val, VM_MAXCPU - 1);
		return -1;
	}
	o->vcpu = (uint32_t)n;
	o->vcpu_given = true;
	return 0;
}

static int
parse_balloon(struct ctl_options *o, const char *val, char *text, size_t size)
{
	const char *wrong = vm_parse_memsize(val, &o->value);

	if (wrong == NULL && o->value < 1u << 20)
		wrong = "is less than a guest can do with";
	if (wrong == NULL)
		return 0;
	snprintf(text, size, "--balloon=%s: %s; say 256M or 1G", val, wrong);
	return -1;
}

static int
parse_gid(struct ctl_options *o, const char *val, char *text, size_t size)
{
	uint64_t n;

	if (!vm_parse_number(val, &n) || n >= UINT32_MAX) {
		snprintf(text, size, "--gid=%s: is not a group's number", val);
		return -1;
	}
	o->gid = (uint32_t)n;
	return 0;
}

static int
set_action(struct ctl_options *o, int option, const char *val, char *text, size_t size)
{
	enum ctl_action action;

	if (option == OPT_FORCE_RESET || option == OPT_FORCE_POWEROFF) {
		action = CTL_SUSPEND;
		o->how = option == OPT_FORCE_RESET ? VM_SUSPEND_RESET : VM_SUSPEND_POWEROFF;
	} else {
		action = (enum ctl_action)(option - OPT_ACTION);
	}
	if (o->action != CTL_NONE && action != CTL_HELP) {
		snprintf(text, size, "one thing at a time: there are two actions");
		return -1;
	}
	o->action = action;
	if (option == OPT_ACTION + CTL_SUSPEND)
		return parse_how(o, val, text, size);
	if (action == CTL_BALLOON)
		return parse_balloon(o, val, text, size);
	if (action == CTL_GET_REG || action == CTL_SET_REG)
		return parse_reg(o, val, action == CTL_SET_REG, text, size);
	return 0;
}

static int
one_option(struct ctl_options *o, int option, char **argv, char *text, size_t size)
{
	switch (option) {
	case OPT_VM:
		if (!vm_name_valid(optarg)) {
			snprintf(text, size,
			    "--vm=%s: cannot be a VM's name: 1 to %d of A-Z a-z 0-9 . _ -", optarg,
			    VM_MAX_NAMELEN);
			return -1;
		}
		o->vm = optarg;
		return 0;
	case OPT_CPU:
		return parse_cpu(o, optarg, text, size);
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_GID:
		return parse_gid(o, optarg, text, size);
	case 'h':
		o->action = CTL_HELP;
		return 0;
	case ':':
		snprintf(text, size, "%s: needs a value", argv[optind - 1]);
		return -1;
	case '?':
		snprintf(text, size, "%s: there is no such option, or it takes no value",
		    argv[optind - 1]);
		return -1;
	default:
		return set_action(o, option, optarg, text, size);
	}
}

static int
check_together(const struct ctl_options *o, char *text, size_t size)
{
	const char *wrong = NULL;

	if (o->action == CTL_NONE)
		wrong = "what is to be done? Give an action, as --list";
	else if (o->vm == NULL && o->action != CTL_LIST && o->action != CTL_INFO)
		wrong = "which VM? Give --vm=NAME";
	else if (o->gid != ~0u && o->action != CTL_CREATE)
		wrong = "--gid: goes with --create only";
	else if (o->json &&
	    (o->action == CTL_CREATE || o->action == CTL_DESTROY || o->action == CTL_SUSPEND ||
		o->action == CTL_POWER_BUTTON || o->action == CTL_BALLOON ||
		o->action == CTL_PAUSE || o->action == CTL_RESUME || o->action == CTL_SET_REG))
		wrong = "--json: this action prints nothing";
	if (wrong == NULL)
		return 0;
	snprintf(text, size, "%s", wrong);
	return -1;
}

int
ctl_options_parse(struct ctl_options *o, int argc, char **argv, char *text, size_t size)
{
	int option;

	memset(o, 0, sizeof(*o));
	o->gid = ~0u;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "+:h", longopts, NULL)) != -1) {
		if (one_option(o, option, argv, text, size) != 0)
			return -1;
		if (o->action == CTL_HELP)
			return 0;
	}
	if (optind != argc) {
		snprintf(
		    text, size, "%s: is not an option; a VM is named with --vm=NAME", argv[optind]);
		return -1;
	}
	return check_together(o, text, size);
}

const char *
ctl_options_usage(void)
{
	return "usage: bhyvectl [--vm=name] [--cpu=n] [--json] action\n"
	       "\n"
	       "actions:\n"
	       "  --list              all VMs\n"
	       "  --info              what the host offers; with --vm: that VM\n"
	       "  --create            make a VM; --gid=N: for a group too\n"
	       "  --destroy           end it and free all it has\n"
	       "  --suspend=HOW       reset, poweroff or halt, as if the guest had asked\n"
	       "  --force-reset, --force-poweroff\n"
	       "                      the same as --suspend=reset and --suspend=poweroff\n"
	       "  --power-button      press it: a guest that listens shuts down\n"
	       "  --balloon=SIZE      have the guest give back all memory but so much\n"
	       "  --get-balloon       how much it is to have and has, and what it says of it\n"
	       "  --pause, --resume   stop and continue one vCPU (--cpu) or all\n"
	       "  --get-stats         counters of one vCPU or all\n"
	       "  --get-all           everything: registers, memory map, counters\n"
	       "  --get-reg=REG       one register of vCPU --cpu (0)\n"
	       "  --set-reg=REG:VALUE set one; a vCPU that runs is stopped for it\n"
	       "  --trace             the last events of one vCPU or all\n"
	       "  --help, -h          this text\n"
	       "\n"
	       "Exit status: 0 done, 1 failed, 2 bad options.\n"
	       "\n"
	       "example: bhyvectl --vm=guest --get-stats --json\n";
}
