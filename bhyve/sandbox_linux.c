/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Linux's sandbox.  The wall is the filter of system calls (sandbox_filter.c); behind it stands a
 * second one, for calls that the filter lets through and should not: an empty file system, a
 * network without interfaces, no capabilities.
 *
 * The kernel gives a new user or mount namespace to a process of one thread only, but devices make
 * threads as they open what they need.  So the namespaces are made first of all, as copies of what
 * there was, and emptied last.  Capabilities and the network's namespace are each thread's own:
 * a signal makes every thread give them up.
 */
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <dirent.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "debug.h"
#include "outside.h"
#include "sandbox.h"
#include "sandbox_impl.h"

#define NAMESPACES     (CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS)
#define MAX_INHERITED  64
#define THREAD_SIGNAL  SIGRTMAX
#define THREAD_WAIT_MS 5000
#define STEP_NS	       1000000

/* The process's, between prepare and enter; one thread but where it says so. */
static struct {
	bool namespaces;
	char missing[200]; /* what this host has not, and why */
	int inherited[MAX_INHERITED];
	unsigned int ninherited;
	int net;	   /* what each thread joins; -1: it stays where it is */
	unsigned int done; /* atomic: threads that are through */
	unsigned int failed;
} box = { .net = -1 };

static void
missing(const char *what, int error)
{
	size_t at = strlen(box.missing);

	snprintf(box.missing + at, sizeof(box.missing) - at, "%s%s (%s)", at != 0 ? ", " : "", what,
	    strerror(error));
}

/* ---- descriptors that bhyve was started with ---- */

/* One that an option may name (/dev/fd/N) is needed until all is open. */
static void
note_inherited(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int fd;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		fd = atoi(entry->d_name);
		if (fd > STDERR_FILENO && fd != dirfd(dir) && box.ninherited < MAX_INHERITED)
			box.inherited[box.ninherited++] = fd;
	}
	if (dir != NULL)
		closedir(dir);
}

static void
close_inherited(void)
{
	while (box.ninherited > 0)
		close(box.inherited[--box.ninherited]);
}

/* ---- namespaces ---- */

static int
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return -1;
	if (write(fd, text, strlen(text)) < 0)
		error = -1;
	close(fd);
	return error;
}

/* Our user and group stay what they are; nobody else is known in there. */
static int
map_user(uid_t uid, gid_t gid)
{
	char line[64];

	snprintf(line, sizeof(line), "%u %u 1\n", (unsigned int)uid, (unsigned int)uid);
	if (write_file("/proc/self/uid_map", line) != 0 ||
	    write_file("/proc/self/setgroups", "deny") != 0)
		return -1;
	snprintf(line, sizeof(line), "%u %u 1\n", (unsigned int)gid, (unsigned int)gid);
	return write_file("/proc/self/gid_map", line);
}

static bool
capabilities(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };

	return syscall(SYS_capget, &head, data) == 0;
}

/* One without privileges gets them in a user namespace of its own, and for nothing else. */
static int
new_namespaces(void)
{
	struct __user_cap_data_struct have[2] = { 0 };
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(NAMESPACES) == 0)
		return 0;
	/* In a user namespace what capabilities there are would be lost, as to make a tap. */
	if (errno != EPERM || !capabilities(have) || have[0].effective != 0 ||
	    have[1].effective != 0)
		return -1;
	if (unshare(CLONE_NEWUSER | NAMESPACES) != 0)
		return -1;
	return map_user(uid, gid);
}

int
sandbox_prepare(const char *vm_name)
{
	note_inherited();
	if (outside_start(vm_name) != 0) {
		say("sandbox: cannot make a process: %s; sandbox=off does without",
		    strerror(errno));
		return -1;
	}
	if (new_namespaces() != 0) {
		missing("namespaces", errno);
		return 0;
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		missing("a private file system", errno);
	else
		box.namespaces = true;
	return 0;
}

/* ---- an empty root ---- */

/* A mount of ours that hides what was there. */
static int
mount_empty(void)
{
	static const char *const places[] = { "/tmp", "/run", "/proc", "/dev" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (mount("bhyve", places[i], "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
			"size=4k,nr_inodes=1,mode=0555") == 0 &&
		    chdir(places[i]) == 0)
			return 0;
	}
	return -1;
}

/* The initial RAM file system cannot be put elsewhere: it is covered. */
static int
cover_root(void)
{
	return mount(".", "/", NULL, MS_MOVE, NULL) == 0 ? chroot(".") : -1;
}

static int
empty_root(void)
{
	if (mount_empty() != 0)
		return -1;
	if (syscall(SYS_pivot_root, ".", ".") == 0) {
		/* Both are at "." now, the old one on top. */
		if (umount2(".", MNT_DETACH) != 0)
			return -1;
	} else if (errno != EINVAL || cover_root() != 0) {
		return -1;
	}
	if (chdir("/") != 0)
		return -1;
	return mount(NULL, "/", NULL,
	    MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

/* ---- every thread ---- */

/* Async-signal-safe. */
static int
drop_capabilities(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	const struct __user_cap_data_struct none[2] = { 0 };

	return (int)syscall(SYS_capset, &head, none);
}

static void
thread_gives_up(int signo)
{
	int saved = errno;
	bool failed;

	(void)signo;
	failed = box.net >= 0 && setns(box.net, CLONE_NEWNET) != 0;
	failed |= drop_capabilities() != 0;
	if (failed)
		__atomic_store_n(&box.failed, 1, __ATOMIC_RELEASE);
	__atomic_add_fetch(&box.done, 1, __ATOMIC_RELEASE);
	errno = saved;
}

/* Asks all threads but this one; how many there are.  They make none meanwhile. */
static unsigned int
signal_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned int n = 0;
	int tid;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		tid = atoi(entry->d_name);
		if (tid > 0 && tid != gettid() && tgkill(getpid(), tid, THREAD_SIGNAL) == 0)
			n++;
	}
	if (dir != NULL)
		closedir(dir);
	return n;
}

static int
threads_give_up(void)
{
	struct sigaction sa = { .sa_handler = thread_gives_up, .sa_flags = SA_RESTART }, was;
	const struct timespec step = { 0, STEP_NS };
	unsigned int n;

	sigaction(THREAD_SIGNAL, &sa, &was);
	n = signal_threads();
	for (int i = 0; i < THREAD_WAIT_MS; i++) {
		if (__atomic_load_n(&box.done, __ATOMIC_ACQUIRE) >= n)
			break;
		nanosleep(&step, NULL);
	}
	sigaction(THREAD_SIGNAL, &was, NULL);
	if (__atomic_load_n(&box.done, __ATOMIC_ACQUIRE) < n)
		errno = ETIMEDOUT;
	else if (__atomic_load_n(&box.failed, __ATOMIC_ACQUIRE) != 0)
		errno = EPERM;
	else
		return 0;
	return -1;
}

/* ---- all of it ---- */

static void
empty_namespaces(void)
{
	if (!outside_needs_internet()) {
		if (unshare(CLONE_NEWNET) == 0)
			box.net = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		if (box.net < 0)
			missing("an empty network", errno);
	}
	if (threads_give_up() != 0)
		missing("threads without capabilities", errno);
	if (box.net >= 0)
		close(box.net);
	if (empty_root() != 0)
		missing("an empty file system", errno);
}

/* What libc would load when it is too late: the unwinder that pthread_cancel() needs. */
static void
load_late_libraries(void)
{
	void *frame;

	(void)backtrace(&frame, 1);
}

int
sandbox_enter(void)
{
	bool internet = outside_needs_internet();
	int error;

	load_late_libraries();
	close_inherited();
	outside_seal();
	if (box.namespaces)
		empty_namespaces();
	else if (threads_give_up() != 0)
		missing("threads without capabilities", errno);
	if (drop_capabilities() != 0)
		missing("no capabilities", errno);
	if (internet)
		sandbox_resolver_start();
	error = sandbox_filter_load(internet);
	if (error != 0) {
		say("sandbox: this kernel takes no filter of system calls: %s; "
		    "sandbox=off runs the VM without",
		    strerror(error));
		return -1;
	}
	if (box.missing[0] != '\0')
		say("sandbox: this host does not give: %s; bhyve goes on without", box.missing);
	return 0;
}
