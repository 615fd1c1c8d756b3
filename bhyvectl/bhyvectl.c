/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * bhyvectl: looks at VMs and controls them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "options.h"
#include "output.h"

#define ANSWER_SIZE 1024
#define STATS_TRIES 50 /* of 20 ms */

enum { CTL_OK = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

static int
complain(enum vm_op op, const char *name)
{
	char line[256];

	fprintf(stderr, "bhyvectl: %s\n", vm_strerror(op, name, errno, line, sizeof(line)));
	return CTL_FAILED;
}

/* ---- without an open VM ---- */

static void
show_entry(struct output *o, const struct vmmctl_vm_next *vm)
{
	out_string(o, "name", vm->name);
	out_number(o, "uid", vm->uid);
	if (vm->gid != ~0u)
		out_number(o, "gid", vm->gid);
	out_number(o, "vcpus", vm->vcpus);
	out_bool(o, "running", vm->running != 0);
	out_number(o, "mem_bytes", vm->mem_bytes);
}

static int
do_list(struct output *o)
{
	struct vmmctl_vm_next vm;
	uint64_t cursor = 0;
	int more;

	/* The first call tells whether there is a module, before anything is printed. */
	more = vm_next(&cursor, &vm);
	if (more < 0)
		return complain(VM_OP_INFO, NULL);
	out_array(o, NULL);
	out_line(o, "%-32s %6s %5s %-7s %10s", "NAME", "UID", "VCPUS", "STATE", "MEMORY");
	while (more > 0) {
		out_object(o, NULL);
		show_entry(o, &vm);
		out_line(o, "%-32s %6u %5u %-7s %8lluK", vm.name, vm.uid, vm.vcpus,
		    vm.running != 0 ? "running" : "idle", (unsigned long long)vm.mem_bytes >> 10);
		out_end_object(o);
		more = vm_next(&cursor, &vm);
	}
	out_end_array(o);
	return more < 0 ? complain(VM_OP_INFO, NULL) : CTL_OK;
}

static int
do_info(const struct ctl_options *opt, struct output *o)
{
	struct vmmctl_vm_next vm;
	struct vmmctl_info info;

	if (opt->vm != NULL) {
		if (vm_lookup(opt->vm, &vm) != 0)
			return complain(VM_OP_OPEN, opt->vm);
		out_object(o, NULL);
		show_entry(o, &vm);
		out_end_object(o);
		return CTL_OK;
	}
	if (vm_get_info(&info) != 0)
		return complain(VM_OP_INFO, NULL);
	info.arch[sizeof(info.arch) - 1] = '\0';
	info.build[sizeof(info.build) - 1] = '\0';
	out_object(o, NULL);
	out_number(o, "abi_version", info.abi_version);
	out_string(o, "arch", info.arch);
	out_string(o, "build", info.build);
	out_number(o, "max_vcpus", info.max_vcpus);
	out_number(o, "host_cpus", info.host_cpus);
	out_number(o, "list_registers", info.list_registers);
	out_number(o, "cntfrq", info.cntfrq);
	out_number(o, "ipa_bits", info.ipa_bits);
	out_number(o, "vmid_bits", info.vmid_bits);
	out_number(o, "vms", info.vms);
	out_end_object(o);
	return CTL_OK;
}

/* ---- one vCPU ---- */

static bool
reg_is_wide(uint32_t reg)
{
	return reg >= VM_REG_GUEST_X0 || (reg >= VM_REG_GUEST_D0 && reg <= VM_REG_GUEST_D31) ||
	    reg == VM_REG_GUEST_TTBR0 || reg == VM_REG_GUEST_TTBR1 || reg == VM_REG_GUEST_PAR ||
	    reg == VM_REG_GUEST_CNTV_CVAL || reg == VM_REG_GUEST_CNTVOFF ||
	    reg == VM_REG_GUEST_CNTP_CVAL;
}

/* An AArch64 vCPU has some of ARMv7's names, and its own. */
static int
show_registers64(struct output *o, struct vcpu *vcpu)
{
	uint64_t val;

	out_object(o, "registers");
	for (uint32_t i = 0; i < VM_REG64_LAST; i++) {
		if (vm_reg_name(i) == NULL || vm_get_register(vcpu, i, &val) != 0)
			continue;
		out_hex(o, vm_reg_name(i), val, 16);
		out_line(o, "%-12s 0x%016llx", vm_reg_name(i), (unsigned long long)val);
	}
	out_end_object(o);
	return 0;
}

static int
show_registers32(struct output *o, struct vcpu *vcpu)
{
	uint32_t regs[VM_REG_LAST];
	uint64_t vals[VM_REG_LAST];

	for (uint32_t i = 0; i < VM_REG_LAST; i++)
		regs[i] = i;
	out_object(o, "registers");
	if (vm_get_register_set(vcpu, VM_REG_LAST, regs, vals) == 0) {
		for (uint32_t i = 0; i < VM_REG_LAST; i++) {
			out_hex(o, vm_reg_name(i), vals[i], reg_is_wide(i) ? 16 : 8);
			out_line(o, "%-12s 0x%0*llx", vm_reg_name(i), reg_is_wide(i) ? 16 : 8,
			    (unsigned long long)vals[i]);
		}
	} else {
		out_end_object(o);
		return -1;
	}
	out_end_object(o);
	return 0;
}

static int
show_registers(struct output *o, struct vcpu *vcpu)
{
	uint64_t x0;

	if (vm_get_register(vcpu, VM_REG_GUEST_X0, &x0) == 0)
		return show_registers64(o, vcpu);
	return show_registers32(o, vcpu);
}

static int
show_stats(struct output *o, struct vcpu *vcpu)
{
	struct vm_stat_desc desc;
	struct vm_stats stats;

	if (vm_get_stats(vcpu, &stats) != 0)
		return -1;
	out_number(o, "ns", stats.ns);
	out_object(o, "stats");
	for (uint32_t i = 0; i < stats.count; i++) {
		if (vm_get_stat_desc(vcpu_ctx(vcpu), i, &desc) != 0)
			break;
		out_number(o, desc.name, stats.values[i]);
		out_line(o, "%-16s %14llu  %s", desc.name, (unsigned long long)stats.values[i],
		    desc.desc);
	}
	out_end_object(o);
	return 0;
}

static const char *
trace_event_name(uint32_t event)
{
#define TRACE_NAME(id, name, args) [VMM_TRACE_##id] = name,
	static const char *const names[VMM_TRACE_COUNT] = { VMM_TRACE_LIST(TRACE_NAME) };
#undef TRACE_NAME

	return event < VMM_TRACE_COUNT ? names[event] : "unknown";
}

static void
show_trace_rec(struct output *o, const struct vm_trace_rec *r)
{
	out_object(o, NULL);
	out_number(o, "time", r->cntvct);
	out_string(o, "event", trace_event_name(r->event));
	out_hex(o, "a", r->a, 8);
	out_hex(o, "b", r->b, 16);
	out_line(o, "%16llu %-8s 0x%08x 0x%llx", (unsigned long long)r->cntvct,
	    trace_event_name(r->event), r->a, (unsigned long long)r->b);
	out_end_object(o);
}

/* A guest that runs writes faster than we read: stop after what was there, more or less. */
#define TRACE_BATCHES_MAX 64

static int
show_trace(struct output *o, struct vcpu *vcpu)
{
	struct vm_trace t = { 0 };
	uint64_t lost = 0;
	int error = 0;

	out_array(o, "trace");
	for (int i = 0; i < TRACE_BATCHES_MAX; i++) {
		error = vm_trace_read(vcpu, &t);
		if (error != 0 || t.count == 0)
			break;
		lost += t.lost;
		for (uint32_t k = 0; k < t.count; k++)
			show_trace_rec(o, &t.recs[k]);
	}
	out_end_array(o);
	out_number(o, "lost", lost);
	if (lost != 0)
		out_line(o, "(%llu older events were overwritten)", (unsigned long long)lost);
	return error;
}

static int
show_vcpu(struct output *o, struct vcpu *vcpu, enum ctl_action action)
{
	int error = 0;

	out_object(o, NULL);
	out_number(o, "vcpu", vcpu_id(vcpu));
	out_line(o, "vcpu %u", vcpu_id(vcpu));
	if (action == CTL_GET_ALL)
		error = show_registers(o, vcpu);
	if (error == 0 && action != CTL_TRACE)
		error = show_stats(o, vcpu);
	if (error == 0 && action == CTL_TRACE)
		error = show_trace(o, vcpu);
	out_end_object(o);
	return error;
}

/* ---- an open VM ---- */

static int
show_vcpus(struct output *o, struct vmctx *ctx, const struct ctl_options *opt)
{
	uint64_t active;
	struct vcpu *vcpu;
	int error = 0;

	if (vm_active_cpus(ctx, &active) != 0)
		return -1;
	out_array(o, "vcpus");
	for (uint32_t i = 0; i < VM_MAXCPU && error == 0; i++) {
		if ((active >> i & 1) == 0 || (opt->vcpu_given && opt->vcpu != i))
			continue;
		vcpu = vm_vcpu_open(ctx, i);
		if (vcpu == NULL)
			return -1;
		error = show_vcpu(o, vcpu, opt->action);
		vm_vcpu_close(vcpu);
	}
	out_end_array(o);
	return error;
}

static void
show_maps(struct output *o, struct vmctx *ctx)
{
	struct vm_memmap m;
	uint64_t gpa = 0;

	out_array(o, "memory");
	/* At most as many as there can be: the list may change under our feet. */
	for (int i = 0; i < VM_MAX_MEMMAPS && vm_mmap_getnext(ctx, gpa, &m) == 0; i++) {
		out_object(o, NULL);
		out_hex(o, "gpa", m.gpa, 10);
		out_hex(o, "len", m.len, 8);
		out_number(o, "segid", m.segid);
		out_number(o, "prot", m.prot);
		out_line(o, "memory 0x%010llx..0x%010llx segment %u %c%c%c",
		    (unsigned long long)m.gpa, (unsigned long long)(m.gpa + m.len - 1), m.segid,
		    (m.prot & VM_PROT_READ) != 0 ? 'r' : '-',
		    (m.prot & VM_PROT_WRITE) != 0 ? 'w' : '-',
		    (m.prot & VM_PROT_EXEC) != 0 ? 'x' : '-');
		out_end_object(o);
		gpa = m.gpa + m.len;
	}
	out_end_array(o);
}

static int
do_show(struct output *o, struct vmctx *ctx, const struct ctl_options *opt)
{
	struct vmmctl_vm_next vm;
	uint64_t cpus;
	int error;

	out_object(o, NULL);
	if (opt->action == CTL_GET_ALL && vm_lookup(opt->vm, &vm) == 0) {
		show_entry(o, &vm);
		if (vm_runnable_cpus(ctx, &cpus) == 0)
			out_hex(o, "powered_on", cpus, 2);
		if (vm_suspended_cpus(ctx, &cpus) == 0)
			out_hex(o, "suspended", cpus, 2);
		if (vm_debug_cpus(ctx, &cpus) == 0)
			out_hex(o, "paused", cpus, 2);
		show_maps(o, ctx);
	}
	error = show_vcpus(o, ctx, opt);
	out_end_object(o);
	return error;
}

static int
do_register(struct output *o, struct vmctx *ctx, const struct ctl_options *opt)
{
	struct vcpu *vcpu = vm_vcpu_open(ctx, opt->vcpu);
	uint64_t val = opt->value;
	int error, saved;

	if (vcpu == NULL)
		return -1;
	if (opt->action == CTL_SET_REG)
		error = vm_set_register(vcpu, opt->reg, val);
	else
		error = vm_get_register(vcpu, opt->reg, &val);
	saved = errno;
	vm_vcpu_close(vcpu);
	if (error == 0 && opt->action == CTL_GET_REG) {
		out_object(o, NULL);
		out_hex(o, vm_reg_name(opt->reg), val, reg_is_wide(opt->reg) ? 16 : 8);
		out_end_object(o);
	}
	errno = saved;
	return error;
}

static int
do_pause(struct vmctx *ctx, const struct ctl_options *opt)
{
	struct vcpu *vcpu;
	int error, saved;

	if (!opt->vcpu_given)
		return opt->action == CTL_PAUSE ? vm_suspend_all_cpus(ctx) :
						  vm_resume_all_cpus(ctx);
	vcpu = vm_vcpu_open(ctx, opt->vcpu);
	if (vcpu == NULL)
		return -1;
	error = opt->action == CTL_PAUSE ? vm_suspend_cpu(vcpu) : vm_resume_cpu(vcpu);
	saved = errno;
	vm_vcpu_close(vcpu);
	errno = saved;
	return error;
}

/* An action on one vCPU; the module would make it on first use. */
static bool
names_vcpu(const struct ctl_options *opt)
{
	return opt->vcpu_given || opt->action == CTL_GET_REG || opt->action == CTL_SET_REG;
}

static int
check_vcpu(struct vmctx *ctx, const struct ctl_options *opt)
{
	uint64_t active;

	if (vm_active_cpus(ctx, &active) != 0)
		return complain(VM_OP_VCPU, opt->vm);
	if ((active >> opt->vcpu & 1) != 0)
		return CTL_OK;
	if (active == 0)
		fprintf(stderr,
		    "bhyvectl: VM \"%s\" has no vCPUs yet: load a kernel with bhyveload\n",
		    opt->vm);
	else
		fprintf(stderr, "bhyvectl: --cpu=%u: VM \"%s\" has %d vCPUs, counted from 0\n",
		    opt->vcpu, opt->vm, __builtin_popcountll(active));
	return CTL_FAILED;
}

static int
failed(const struct ctl_options *opt)
{
	if (opt->action == CTL_SET_REG && errno == EINVAL) {
		fprintf(stderr,
		    "bhyvectl: --set-reg=%s:0x%llx: cannot be set to that, or not at all\n",
		    vm_reg_name(opt->reg), (unsigned long long)opt->value);
		return CTL_FAILED;
	}
	return complain(opt->action == CTL_SUSPEND ? VM_OP_CONTROL : VM_OP_VCPU, opt->vm);
}

static int
with_vm(const struct ctl_options *opt, struct output *o)
{
	struct vmctx *ctx = vm_open(opt->vm);
	int error, saved;

	if (ctx == NULL)
		return complain(VM_OP_OPEN, opt->vm);
	if (names_vcpu(opt) && check_vcpu(ctx, opt) != CTL_OK) {
		vm_close(ctx);
		return CTL_FAILED;
	}
	switch (opt->action) {
	case CTL_SUSPEND:
		error = vm_suspend(ctx, opt->how);
		break;
	case CTL_PAUSE:
	case CTL_RESUME:
		error = do_pause(ctx, opt);
		break;
	case CTL_GET_REG:
	case CTL_SET_REG:
		error = do_register(o, ctx, opt);
		break;
	default:
		error = do_show(o, ctx, opt);
		break;
	}
	saved = errno;
	vm_close(ctx);
	errno = saved;
	return error == 0 ? CTL_OK : failed(opt);
}

/* ---- what the bhyve that runs it does ---- */

/* *answer is "ok", or "ok " and what was asked for; else a line was said. */
static int
ask(const struct ctl_options *opt, const char *request, char answer[ANSWER_SIZE])
{
	struct vmmctl_vm_next vm;

	if (vm_lookup(opt->vm, &vm) != 0)
		return complain(VM_OP_OPEN, opt->vm);
	if (vm_control_ask(opt->vm, request, answer, ANSWER_SIZE) != 0)
		return complain(VM_OP_ASK, opt->vm);
	if (strcmp(answer, "ok") == 0 || strncmp(answer, "ok ", 3) == 0)
		return CTL_OK;
	fprintf(stderr, "bhyvectl: VM \"%s\": %s\n", opt->vm, answer);
	return CTL_FAILED;
}

static int
do_balloon(const struct ctl_options *opt)
{
	char request[64], answer[ANSWER_SIZE];

	snprintf(request, sizeof(request), "balloon-target %llu", (unsigned long long)opt->value);
	return ask(opt, request, answer);
}

/* The number of a word NAME=NUMBER in an answer; 0: it is not there. */
static uint64_t
number_in(const char *answer, const char *name)
{
	const char *at = strstr(answer, name);

	return at != NULL ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* "ok a=1 b=2"; it is taken apart. */
static void
show_numbers(struct output *o, char *answer)
{
	char *rest = answer + strlen("ok"), *word, *eq;

	out_object(o, NULL);
	while ((word = strsep(&rest, " ")) != NULL) {
		eq = strchr(word, '=');
		if (eq == NULL)
			continue;
		*eq = '\0';
		out_number(o, word, strtoull(eq + 1, NULL, 10));
	}
	out_end_object(o);
}

/* The guest is asked for new statistics, and given a moment; what it said last will do. */
static int
do_get_balloon(const struct ctl_options *opt, struct output *o)
{
	const struct timespec pause = { 0, 20000000 };
	char answer[ANSWER_SIZE];
	uint64_t before;
	bool wait;
	int error = ask(opt, "balloon-refresh", answer);

	if (error != CTL_OK)
		return error;
	wait = strcmp(answer, "ok") != 0;
	before = number_in(answer, " updates=");
	for (int i = 0; i < STATS_TRIES; i++) {
		error = ask(opt, "balloon", answer);
		if (error != CTL_OK)
			return error;
		if (!wait || number_in(answer, " updates=") != before)
			break;
		nanosleep(&pause, NULL);
	}
	show_numbers(o, answer);
	return CTL_OK;
}

static int
run(const struct ctl_options *opt, struct output *o)
{
	char answer[ANSWER_SIZE];

	switch (opt->action) {
	case CTL_HELP:
		fputs(ctl_options_usage(), stdout);
		return CTL_OK;
	case CTL_LIST:
		return do_list(o);
	case CTL_INFO:
		return do_info(opt, o);
	case CTL_CREATE:
		return vm_create_group(opt->vm, opt->gid) == 0 ? CTL_OK :
								 complain(VM_OP_CREATE, opt->vm);
	case CTL_POWER_BUTTON:
		return ask(opt, "power-button", answer);
	case CTL_BALLOON:
		return do_balloon(opt);
	case CTL_GET_BALLOON:
		return do_get_balloon(opt, o);
	case CTL_DESTROY:
		return vm_destroy_name(opt->vm) == 0 ? CTL_OK : complain(VM_OP_DESTROY, opt->vm);
	default:
		return with_vm(opt, o);
	}
}

int
main(int argc, char **argv)
{
	struct output o = { .f = stdout };
	struct ctl_options opt;
	char text[256];
	int status;

	if (ctl_options_parse(&opt, argc, argv, text, sizeof(text)) != 0) {
		fprintf(
		    stderr, "bhyvectl: %s\nbhyvectl: bhyvectl --help shows the options\n", text);
		return CTL_USAGE;
	}
	o.json = opt.json;
	status = run(&opt, &o);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "bhyvectl: cannot write the output: %s\n", strerror(errno));
		return CTL_FAILED;
	}
	return status;
}
