/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Exits: the stage of the trap walk between vm_run() and mmio.c.  Each vCPU has a thread that
 * runs it and answers what comes, through a table by exit code.  What a handler leaves in struct
 * vm_run completes the access at the next vm_run(); the kernel believes the data only.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bhyverun.h"
#include "debug.h"
#include "gdb.h"

#define DEBUG_POLL_US 10000

typedef enum vmexit_result vmexit_handler(struct run_vcpu *v, struct vm_run *next);

static enum vmexit_result
vmexit_bogus(struct run_vcpu *v, struct vm_run *next)
{
	(void)v;
	(void)next;
	return VMEXIT_CONTINUE;
}

static enum vmexit_result
vmexit_inst_emul(struct run_vcpu *v, struct vm_run *next)
{
	const struct vm_exit *vme = &next->exit;
	bool write = vme->u.inst_emul.dir == VM_DIR_WRITE;
	uint64_t data = write ? vme->u.inst_emul.data : 0;

	if (mmio_access(v->run->mmio, vme->u.inst_emul.gpa, write, vme->u.inst_emul.size, &data) ==
	    MMIO_OK)
		next->data = data;
	else
		next->flags = VM_RUN_ABORT;
	return VMEXIT_CONTINUE;
}

static enum vmexit_result
vmexit_suspended(struct run_vcpu *v, struct vm_run *next)
{
	static const enum bhyve_status status[VM_SUSPEND_LAST] = {
		[VM_SUSPEND_NONE] = BHYVE_ERROR,
		[VM_SUSPEND_RESET] = BHYVE_RESET,
		[VM_SUSPEND_POWEROFF] = BHYVE_POWEROFF,
		[VM_SUSPEND_HALT] = BHYVE_HALT,
		[VM_SUSPEND_DESTROY] = BHYVE_ERROR,
	};
	uint32_t how = next->exit.u.suspended.how;

	if (how == VM_SUSPEND_DESTROY)
		say("VM \"%s\" was destroyed", vm_get_name(v->run->ctx));
	run_end(v->run, how < VM_SUSPEND_LAST ? status[how] : BHYVE_ERROR);
	return VMEXIT_END;
}

static enum vmexit_result
vmexit_hyp(struct run_vcpu *v, struct vm_run *next)
{
	guest_error(v->vcpu, &next->exit, "cannot go on");
	run_end(v->run, BHYVE_ERROR);
	return VMEXIT_END;
}

static enum vmexit_result
vmexit_paging(struct run_vcpu *v, struct vm_run *next)
{
	int error = next->exit.u.paging.error;

	say("VM \"%s\": no memory for the guest's page at 0x%llx: %s; give the VM less (-m), "
	    "or stop something else",
	    vm_get_name(v->run->ctx), (unsigned long long)next->exit.u.paging.gpa,
	    strerror(error < 0 ? -error : error));
	run_end(v->run, BHYVE_ERROR);
	return VMEXIT_END;
}

/* Somebody looks at the stopped vCPU with bhyvectl; it stays stopped until they say otherwise. */
static enum vmexit_result
vmexit_debug(struct run_vcpu *v, struct vm_run *next)
{
	(void)next;
	if (v->run->gdb != NULL)
		gdb_hold(v->run->gdb, vcpu_id(v->vcpu));
	else
		usleep(DEBUG_POLL_US);
	return VMEXIT_CONTINUE;
}

static enum vmexit_result vmexit_unexpected(struct run_vcpu *v, struct vm_run *next);

static enum vmexit_result
vmexit_brk(struct run_vcpu *v, struct vm_run *next)
{
	if (v->run->gdb == NULL)
		return vmexit_unexpected(v, next);
	gdb_breakpoint(v->run->gdb, vcpu_id(v->vcpu));
	return VMEXIT_CONTINUE;
}

/* Only with a capability that we never set. */
static enum vmexit_result
vmexit_unexpected(struct run_vcpu *v, struct vm_run *next)
{
	guest_error(v->vcpu, &next->exit, vm_exitcode_name(next->exit.exitcode));
	run_end(v->run, BHYVE_ERROR);
	return VMEXIT_END;
}

static vmexit_handler *const vmexit_handlers[VM_EXITCODE_MAX] = {
	[VM_EXITCODE_BOGUS] = vmexit_bogus,
	[VM_EXITCODE_INST_EMUL] = vmexit_inst_emul,
	[VM_EXITCODE_REG_EMUL] = vmexit_unexpected,
	[VM_EXITCODE_HVC] = vmexit_unexpected,
	[VM_EXITCODE_SUSPENDED] = vmexit_suspended,
	[VM_EXITCODE_HYP] = vmexit_hyp,
	[VM_EXITCODE_WFI] = vmexit_unexpected,
	[VM_EXITCODE_PAGING] = vmexit_paging,
	[VM_EXITCODE_SMCCC] = vmexit_unexpected,
	[VM_EXITCODE_DEBUG] = vmexit_debug,
	[VM_EXITCODE_BRK] = vmexit_brk,
};

enum vmexit_result
vmexit_handle(struct run_vcpu *v, struct vm_run *next)
{
	uint32_t code = next->exit.exitcode;

	next->flags = 0;
	next->data = 0;
	if (code >= VM_EXITCODE_MAX)
		return vmexit_unexpected(v, next);
	return vmexit_handlers[code](v, next);
}

static void
run_failed(struct run_vcpu *v, int error)
{
	char line[256];

	say("vCPU %u: %s", vcpu_id(v->vcpu),
	    vm_strerror(VM_OP_RUN, vm_get_name(v->run->ctx), error, line, sizeof(line)));
	run_end(v->run, BHYVE_ERROR);
}

void *
vcpu_main(void *arg)
{
	struct run_vcpu *v = arg;
	struct run *run = v->run;
	struct vm_run next = { 0 };
	bool last;

	/* Shut until all threads are made, and in the sandbox. */
	pthread_mutex_lock(&run->gate);
	pthread_mutex_unlock(&run->gate);
	if (run->gdb != NULL)
		gdb_hold(run->gdb, vcpu_id(v->vcpu));
	for (;;) {
		if (vm_run(v->vcpu, &next) != 0) {
			if (errno == EINTR)
				continue;
			run_failed(v, errno);
			break;
		}
		if (vmexit_handle(v, &next) == VMEXIT_END)
			break;
	}
	pthread_mutex_lock(&run->lock);
	last = --run->threads == 0;
	pthread_mutex_unlock(&run->lock);
	if (last)
		ev_loop_stop(run->loop);
	return NULL;
}
