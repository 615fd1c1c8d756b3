/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The filter of system calls, through libseccomp.  Three answers: what the devices do as they run
 * is let through, with a look at its arguments where those are what matters; what no device, no
 * thread and no library of ours ever does, but somebody who has taken one over would, ends the
 * process (and the kernel logs it); all else fails with EPERM, since a C library tries this and
 * that, and can do without.  docs/sandbox.md has the reasons.
 *
 * Calls are named by text: some exist on one architecture and not on another.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "sandbox_impl.h"

/* The types of ioctl() of /dev/vmm/NAME and of /dev/vhost-*: <linux/ioctl.h>, bits 15:8. */
#define IOCTL_TYPE  0xff00u
#define IOCTL_VM    ((unsigned int)'v' << 8)
#define IOCTL_VHOST (0xafu << 8)
#define SOCKET_TYPE 0xfu /* of socket()'s second argument, without flags */

static const char *const allowed[] = {
	/* descriptors that are there */
	"read",
	"write",
	"readv",
	"writev",
	"pread64",
	"pwrite64",
	"preadv",
	"pwritev",
	"preadv2",
	"pwritev2",
	"lseek",
	"_llseek",
	"close",
	"dup",
	"fstat",
	"fstat64",
	"fsync",
	"fdatasync",
	"fallocate",
	/* waiting */
	"poll",
	"ppoll",
	"ppoll_time64",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"epoll_ctl",
	"epoll_create1",
	"eventfd2",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_settime64",
	"signalfd4",
	"futex",
	"futex_time64",
	"nanosleep",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"sched_yield",
	"restart_syscall",
	/* time, chance, who am I */
	"clock_gettime",
	"clock_gettime64",
	"clock_getres",
	"clock_getres_time64",
	"gettimeofday",
	"time",
	"getrandom",
	"getpid",
	"gettid",
	"getppid",
	"getpgrp",
	"getpgid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getuid32",
	"geteuid32",
	"getgid32",
	"getegid32",
	"getcpu",
	"sched_getaffinity",
	"ugetrlimit",
	"getrlimit",
	"sysinfo",
	"uname",
	/* memory; mmap and mprotect have rules */
	"brk",
	"munmap",
	"mremap",
	"madvise",
	"membarrier",
	/* signals and threads; clone and tgkill have rules */
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigreturn",
	"rt_sigtimedwait",
	"rt_sigtimedwait_time64",
	"sigaltstack",
	"set_robust_list",
	"rseq",
	"set_tls",
	"cacheflush",
	"exit",
	"exit_group",
	/* sockets that are there, and clients of those that listen */
	"accept",
	"accept4",
	"recv",
	"recvfrom",
	"recvmsg",
	"recvmmsg",
	"recvmmsg_time64",
	"send",
	"sendmsg",
	"sendmmsg",
	"shutdown",
	"getsockopt",
	"setsockopt",
	"getsockname",
	"getpeername",
};

/* What libslirp does for a guest; socket and sendto have rules. */
static const char *const allowed_internet[] = { "bind", "connect", "listen" };

static const char *const deadly[] = {
	/* other programs and processes */
	"execve",
	"execveat",
	"fork",
	"vfork",
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"process_madvise",
	"kill",
	"tkill",
	"rt_sigqueueinfo",
	"rt_tgsigqueueinfo",
	"kcmp",
	"pidfd_open",
	"pidfd_getfd",
	"pidfd_send_signal",
	/* another view of the machine */
	"mount",
	"umount",
	"umount2",
	"pivot_root",
	"chroot",
	"open_tree",
	"move_mount",
	"fsopen",
	"fsmount",
	"fsconfig",
	"fspick",
	"mount_setattr",
	"unshare",
	"setns",
	"open_by_handle_at",
	"name_to_handle_at",
	/* another identity */
	"setuid",
	"setuid32",
	"setgid",
	"setgid32",
	"setreuid",
	"setreuid32",
	"setregid",
	"setregid32",
	"setresuid",
	"setresuid32",
	"setresgid",
	"setresgid32",
	"setgroups",
	"setgroups32",
	"setfsuid",
	"setfsuid32",
	"setfsgid",
	"setfsgid32",
	"capset",
	"personality",
	"seccomp",
	/* the kernel: what changes it, and large and new doors to it */
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"reboot",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"io_setup",
	"io_submit",
	"add_key",
	"request_key",
	"keyctl",
	"fanotify_init",
	"memfd_secret",
	"acct",
	"swapon",
	"swapoff",
	"quotactl",
	"syslog",
	"sethostname",
	"setdomainname",
	"settimeofday",
	"clock_settime",
	"clock_settime64",
	"clock_adjtime",
	"adjtimex",
	"iopl",
	"ioperm",
	"modify_ldt",
	"lookup_dcookie",
	"nfsservctl",
	"vhangup",
};

/* Calls that name a file: the resolver's handler looks at the name. */
static const char *const with_path[] = { "open", "openat", "stat", "stat64", "newfstatat",
	"fstatat64", "statx" };

/* One argument of a call that is let through: (argument & mask) == value. */
struct rule {
	const char *call;
	unsigned int arg;
	uint64_t mask, value;
};
#define EXACT UINT32_MAX

static const struct rule rules[] = {
	{ "ioctl", 1, IOCTL_TYPE, IOCTL_VM },
	{ "ioctl", 1, IOCTL_TYPE, IOCTL_VHOST },
	{ "ioctl", 1, EXACT, TCGETS },
	{ "ioctl", 1, EXACT, TCSETS },
	{ "ioctl", 1, EXACT, TCSETSW },
	{ "ioctl", 1, EXACT, TIOCGPGRP },
	{ "ioctl", 1, EXACT, TIOCGWINSZ },
	{ "ioctl", 1, EXACT, FIONREAD },
	{ "ioctl", 1, EXACT, FIONBIO },
	{ "ioctl", 1, EXACT, TUNSETOFFLOAD },
	{ "ioctl", 1, EXACT, TUNSETQUEUE },
	{ "ioctl", 1, EXACT, TUNSETTXFILTER },
	{ "ioctl", 1, EXACT, BLKDISCARD },
	/* Locks go with the descriptor; F_SETOWN and the like would send signals. */
	{ "fcntl", 1, EXACT, F_GETFD },
	{ "fcntl", 1, EXACT, F_SETFD },
	{ "fcntl", 1, EXACT, F_GETFL },
	{ "fcntl", 1, EXACT, F_SETFL },
	{ "fcntl", 1, EXACT, F_DUPFD_CLOEXEC },
	{ "fcntl64", 1, EXACT, F_GETFD },
	{ "fcntl64", 1, EXACT, F_SETFD },
	{ "fcntl64", 1, EXACT, F_GETFL },
	{ "fcntl64", 1, EXACT, F_SETFL },
	{ "fcntl64", 1, EXACT, F_DUPFD_CLOEXEC },
	/* No code that was not there at the start. */
	{ "mmap", 2, PROT_EXEC, 0 },
	{ "mmap2", 2, PROT_EXEC, 0 },
	{ "mprotect", 2, PROT_EXEC, 0 },
	/* Threads yes, processes no. */
	{ "clone", 0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM },
	{ "prctl", 0, EXACT, PR_SET_NAME },
	/* fstat() of newer C libraries: the descriptor's, an empty path. */
	{ "newfstatat", 3, AT_EMPTY_PATH, AT_EMPTY_PATH },
	{ "fstatat64", 3, AT_EMPTY_PATH, AT_EMPTY_PATH },
	{ "statx", 2, AT_EMPTY_PATH, AT_EMPTY_PATH },
	/* 64-bit calls take send() for this: no address. */
	{ "sendto", 4, UINT64_MAX, 0 },
};

static const struct rule rules_internet[] = {
	{ "socket", 0, EXACT, AF_INET },
	{ "socket", 0, EXACT, AF_INET6 },
};

/* mask: for SCMP_CMP_MASKED_EQ alone. */
static struct scmp_arg_cmp
when(unsigned int arg, enum scmp_compare op, uint64_t mask, uint64_t value)
{
	bool masked = op == SCMP_CMP_MASKED_EQ;

	return (struct scmp_arg_cmp){ arg, op, masked ? mask : value, masked ? value : 0 };
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A call that this architecture, or this libseccomp, does not have needs no rule. */
static int
number_of(const char *call, int *nr)
{
	*nr = seccomp_syscall_resolve_name(call);
	return *nr >= 0 ? 0 : ENOENT;
}

static int
add_calls(scmp_filter_ctx f, uint32_t action, const char *const *calls, size_t n)
{
	int error = 0, nr;

	for (size_t i = 0; i < n && error == 0; i++) {
		if (number_of(calls[i], &nr) == 0)
			error = -seccomp_rule_add(f, action, nr, 0);
	}
	return error;
}

static int
add_rules(scmp_filter_ctx f, const struct rule *r, size_t n)
{
	int error = 0, nr;

	for (; n > 0 && error == 0; r++, n--) {
		if (number_of(r->call, &nr) == 0)
			error = -seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 1,
			    when(r->arg, SCMP_CMP_MASKED_EQ, r->mask, r->value));
	}
	return error;
}

/* What the table of rules cannot say: our own process, two conditions, other answers. */
static int
add_special(scmp_filter_ctx f, bool internet)
{
	uint64_t pid = (uint64_t)getpid();
	int error;

	/* raise(), abort() and pthread_cancel(). */
	error = -seccomp_rule_add(
	    f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, when(0, SCMP_CMP_EQ, 0, pid));
	if (error == 0)
		error = -seccomp_rule_add(
		    f, SCMP_ACT_KILL_PROCESS, SCMP_SYS(tgkill), 1, when(0, SCMP_CMP_NE, 0, pid));
	/* Its arguments lie in memory, where no filter sees them; libc then takes clone(). */
	if (error == 0)
		error = -seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (error == 0)
		error = -seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1,
		    when(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
	/* abort() and pthread_cancel() set handlers; nobody but the kernel may have SIGSYS's. */
	if (error == 0)
		error = -seccomp_rule_add(
		    f, SCMP_ACT_ALLOW, SCMP_SYS(rt_sigaction), 1, when(0, SCMP_CMP_NE, 0, SIGSYS));
	/* One's own limits may be looked at. */
	if (error == 0)
		error = -seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
		    when(0, SCMP_CMP_EQ, 0, 0), when(2, SCMP_CMP_EQ, 0, 0));
	if (error != 0 || !internet)
		return error;
	return -seccomp_rule_add(
	    f, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 1, when(4, SCMP_CMP_NE, 0, 0));
}

static int
add_internet(scmp_filter_ctx f)
{
	int error = add_calls(f, SCMP_ACT_ALLOW, allowed_internet, COUNT(allowed_internet));

	if (error == 0)
		error = add_rules(f, rules_internet, COUNT(rules_internet));
	return error;
}

/* Where they are not let through for another reason. */
static int
add_paths(scmp_filter_ctx f)
{
	int error = 0, nr;

	for (size_t i = 0; i < COUNT(with_path) && error == 0; i++) {
		const struct rule *r = rules;

		if (number_of(with_path[i], &nr) != 0)
			continue;
		while (r < rules + COUNT(rules) && strcmp(r->call, with_path[i]) != 0)
			r++;
		if (r < rules + COUNT(rules))
			error = -seccomp_rule_add(
			    f, SCMP_ACT_TRAP, nr, 1, when(r->arg, SCMP_CMP_MASKED_EQ, r->mask, 0));
		else
			error = -seccomp_rule_add(f, SCMP_ACT_TRAP, nr, 0);
	}
	return error;
}

static int
set_attributes(scmp_filter_ctx f)
{
	int error = -seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	/* A tree: there are many calls. */
	if (error == 0)
		error = -seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return error;
}

int
sandbox_filter_load(bool internet)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int error;

	if (f == NULL)
		return ENOMEM;
	error = set_attributes(f);
	if (error == 0)
		error = add_calls(f, SCMP_ACT_ALLOW, allowed, COUNT(allowed));
	if (error == 0)
		error = add_calls(f, SCMP_ACT_KILL_PROCESS, deadly, COUNT(deadly));
	if (error == 0)
		error = add_rules(f, rules, COUNT(rules));
	if (error == 0)
		error = add_special(f, internet);
	if (error == 0 && internet)
		error = add_internet(f);
	if (error == 0 && internet)
		error = add_paths(f);
	/* Each call that fails is in the log; not where a guest's questions for names would be. */
	if (error == 0)
		error = sandbox_load(f, !internet);
	seccomp_release(f);
	return error;
}
