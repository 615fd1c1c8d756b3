/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * An errno of libvmmapi as a line for people: what failed, and what to do about it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm_host.h"
#include "vmm_sys.h"
#include "vmmapi.h"

#define ANY VM_OP_LAST

/* The first row that matches counts.  %s is the VM's name. */
static const struct advice {
	enum vm_op op;
	int error;
	const char *text;
} advices[] = {
	{ VM_OP_CREATE, EEXIST,
	    "there is a VM \"%s\" already: take another name, or bhyvectl --vm=NAME --destroy" },
	{ VM_OP_CREATE, EINVAL, "\"%s\" cannot be a VM's name: 1 to 31 of A-Z a-z 0-9 . _ -" },
	{ VM_OP_OPEN, EINVAL, "\"%s\" cannot be a VM's name: 1 to 31 of A-Z a-z 0-9 . _ -" },
	{ VM_OP_DESTROY, EINVAL, "\"%s\" cannot be a VM's name: 1 to 31 of A-Z a-z 0-9 . _ -" },
	{ VM_OP_CREATE, ENOMEM, "cannot create VM \"%s\": the host has no memory left for it" },
	{ VM_OP_OPEN, ENOENT,
	    "there is no VM \"%s\": bhyvectl --list shows what there is, bhyveload makes one" },
	{ VM_OP_DESTROY, ENOENT, "there is no VM \"%s\": bhyvectl --list shows what there is" },
	{ VM_OP_MEMORY, ENOENT, "VM \"%s\" has no memory yet: load a kernel with bhyveload" },
	{ VM_OP_MEMORY, EEXIST,
	    "VM \"%s\" has memory of another size: give the same -m, or destroy it first" },
	{ VM_OP_MEMORY, ENOMEM,
	    "the host has not enough memory for VM \"%s\": give less with -m, or stop another VM" },
	{ VM_OP_MEMORY, EINVAL, "VM \"%s\": not a possible amount of memory: see -m" },
	{ VM_OP_VCPU, EINVAL, "VM \"%s\": no such vCPU, or no such register" },
	{ VM_OP_VCPU, ENOMEM, "VM \"%s\": the host has no memory left for a vCPU" },
	{ VM_OP_OPEN, EPROTO,
	    "VM \"%s\": the vmm module and these tools are of different versions: install both "
	    "from one build" },
	{ VM_OP_RUN, EBUSY, "VM \"%s\": another bhyve runs it" },
	{ VM_OP_REINIT, EBUSY, "VM \"%s\" is running: stop its bhyve first" },
	{ VM_OP_ASK, ECONNREFUSED, "VM \"%s\": no bhyve runs it" },
	{ VM_OP_ASK, ETIMEDOUT, "VM \"%s\": its bhyve does not answer" },
	{ VM_OP_ASK, EPERM, "VM \"%s\": who answers for it is not its bhyve" },
	{ VM_OP_CONTROL, EBUSY, "VM \"%s\" has another reason to end already" },
	{ VM_OP_CONTROL, EINVAL, "VM \"%s\": the module refused the request as invalid" },
	{ VM_OP_INFO, ENOTTY, "/dev/vmmctl is not our vmm module's: unload what made it" },
	{ ANY, EBUSY, "VM \"%s\" is in use: stop its bhyve or bhyveload first" },
	{ ANY, ENXIO, "VM \"%s\" is gone: somebody destroyed it" },
	{ ANY, EACCES, "VM \"%s\" is not yours: be its owner, in its group, or root" },
	{ ANY, EPERM, "VM \"%s\" is not yours: be its owner, in its group, or root" },
};

static const char *const op_names[VM_OP_LAST] = {
	[VM_OP_INFO] = "cannot ask the vmm module",
	[VM_OP_CREATE] = "cannot create VM",
	[VM_OP_OPEN] = "cannot open VM",
	[VM_OP_DESTROY] = "cannot destroy VM",
	[VM_OP_MEMORY] = "cannot set up the memory of VM",
	[VM_OP_VCPU] = "cannot set up a vCPU of VM",
	[VM_OP_REINIT] = "cannot reset VM",
	[VM_OP_RUN] = "cannot run VM",
	[VM_OP_CONTROL] = "request failed on VM",
	[VM_OP_ASK] = "cannot ask the bhyve of VM",
};

/* Whatever was asked: is the module there, and may this user speak to it?  %s: how it is loaded. */
static const char *
module_trouble(int error)
{
	int fd;

	if (error != ENOENT && error != EACCES && error != EPERM && error != ENODEV)
		return NULL;
	fd = vmm_sys_open(VMM_CTL_PATH);
	if (fd >= 0) {
		vmm_sys_close(fd);
		return NULL;
	}
	if (errno == EACCES || errno == EPERM)
		return "no permission for " VMM_CTL_PATH
		       ": be root, or join the group it belongs to";
	return VMM_CTL_PATH " is not there: load the vmm module (%s; dmesg says why if it "
			    "refuses: it needs a host booted in HYP mode)";
}

/* text, what is put in place of its %s if it has one. */
static const char *
fill(char *buf, size_t size, const char *text, const char *what)
{
	const char *hole = strstr(text, "%s");

	if (hole == NULL)
		snprintf(buf, size, "%s", text);
	else
		snprintf(buf, size, "%.*s%s%s", (int)(hole - text), text, what, hole + 2);
	return buf;
}

const char *
vm_strerror(enum vm_op op, const char *name, int error, char *buf, size_t size)
{
	const char *trouble;
	int saved = errno;

	if (name == NULL)
		name = "?";
	trouble = module_trouble(error);
	errno = saved;
	if (trouble != NULL) {
		return fill(buf, size, trouble, vmm_host_load);
	}
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
		const struct advice *a = &advices[i];

		if ((a->op != ANY && a->op != op) || a->error != error)
			continue;
		return fill(buf, size, a->text, name);
	}
	snprintf(buf, size, "%s \"%s\": %s", op < VM_OP_LAST ? op_names[op] : "failed", name,
	    strerror(error));
	return buf;
}
