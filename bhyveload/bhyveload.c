/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * bhyveload: makes a VM and loads what it is to run.  A VM that it made and could not load is
 * destroyed again.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "options.h"

enum { LOAD_OK = 0, LOAD_FAILED = 1, LOAD_USAGE = 2 };

static int
complain(enum vm_op op, const char *name)
{
	char line[256];

	fprintf(stderr, "bhyveload: %s\n", vm_strerror(op, name, errno, line, sizeof(line)));
	return LOAD_FAILED;
}

static int
prepare(const struct load_options *o)
{
	struct boot_vm v = {
		.memory = o->memory,
		.vcpus = o->vcpus,
		.topology = &o->topology,
	};
	struct boot_error e;
	struct vmctx *ctx;
	int error = LOAD_OK;

	ctx = vm_open(o->name);
	if (ctx == NULL)
		return complain(VM_OP_OPEN, o->name);
	if (vm_lock(ctx) != 0) {
		error = complain(errno == EBUSY ? VM_OP_REINIT : VM_OP_OPEN, o->name);
	} else if (boot_vm_prepare(ctx, &v, &o->boot, &e) != 0) {
		fprintf(stderr, "bhyveload: %s\n", e.text);
		error = LOAD_FAILED;
	}
	vm_close(ctx);
	return error;
}

int
main(int argc, char **argv)
{
	struct load_options o;
	struct boot_error e;
	char text[320];
	bool created;
	int error;

	if (load_options_parse(&o, argc, argv, text, sizeof(text)) != 0) {
		fprintf(stderr, "bhyveload: %s\nbhyveload: bhyveload -h shows the options\n", text);
		return LOAD_USAGE;
	}
	if (o.help) {
		fputs(load_options_usage(), stdout);
		return LOAD_OK;
	}
	o.boot.is64 = boot_host_is64();
	if (boot_check(&o.boot, o.memory, &e) != 0) {
		fprintf(stderr, "bhyveload: %s\n", e.text);
		return LOAD_FAILED;
	}
	o.boot.progress = isatty(STDERR_FILENO) != 0;
	created = vm_create_group(o.name, o.gid) == 0;
	if (!created && errno != EEXIST)
		return complain(VM_OP_CREATE, o.name);
	error = prepare(&o);
	if (error != LOAD_OK && created)
		vm_destroy_name(o.name);
	return error;
}
