/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A host for which no sandbox has been written, or a bhyve that was built without libseccomp.
 */
#include "debug.h"
#include "sandbox.h"

int
sandbox_prepare(const char *vm_name)
{
	(void)vm_name;
	return 0;
}

int
sandbox_enter(void)
{
	say("this bhyve was built without a sandbox (libseccomp): a guest that takes a device over "
	    "may do what this user may");
	return 0;
}
