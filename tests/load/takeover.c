/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What somebody could do who has taken over a thread of a running program, as a guest that found a
 * hole in a device model: takeover PID THREAD CALL... makes the thread of that name (or "main")
 * execute system calls of our choice, by ptrace(2), and says for each what became of it:
 *
 *     openat-passwd: 9        it succeeded, and gave 9
 *     openat-passwd: EPERM    it failed
 *     fork: killed, signal 31
 *
 * A call is made in the state that the thread is in, and afterwards the thread goes on with what it
 * was about, unless it was killed.  32-bit ARM only, as the hosts that it runs on.
 */
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SVC	    0xef000000u /* svc #0 */
#define BREAK	    0xe7f001f0u /* UDF #16: SIGTRAP, as debuggers know */
#define THUMB_STATE 0x20u	/* CPSR.T */
#define ROOM	    256u	/* of the thread's stack, below what it uses */
#define ARGS	    6
#define TEXT	    0xffffffffu /* an argument that is the call's text */

/* Registers in <sys/user.h>'s order. */
enum { R7 = 7, SP = 13, PC = 15, CPSR = 16 };

struct call {
	const char *name;
	long nr;
	const char *text;
	unsigned long arg[ARGS];
};

static const struct call calls[] = {
	{ "openat-passwd", SYS_openat, "/etc/passwd", { (unsigned long)AT_FDCWD, TEXT, O_RDONLY } },
	{ "openat-vmm", SYS_openat, "/dev/vmmctl", { (unsigned long)AT_FDCWD, TEXT, O_RDWR } },
	{ "openat-resolver", SYS_openat, "/etc/resolv.conf",
	    { (unsigned long)AT_FDCWD, TEXT, O_RDONLY } },
	{ "openat-create", SYS_openat, "/tmp/taken",
	    { (unsigned long)AT_FDCWD, TEXT, O_RDWR | O_CREAT, 0600 } },
	{ "unlink", SYS_unlink, "/tmp/victim", { TEXT } },
	{ "access", SYS_faccessat, "/etc/passwd", { (unsigned long)AT_FDCWD, TEXT, R_OK } },
	/* Looks like fstat() to the filter; the file system is to be empty. */
	{ "statx-passwd", SYS_statx, "/etc/passwd",
	    { (unsigned long)AT_FDCWD, TEXT, AT_EMPTY_PATH, 0, TEXT } },
	{ "socket-inet", SYS_socket, NULL, { AF_INET, SOCK_STREAM } },
	{ "socket-unix", SYS_socket, NULL, { AF_UNIX, SOCK_STREAM } },
	{ "socket-netlink", SYS_socket, NULL, { AF_NETLINK, SOCK_RAW } },
	{ "mmap-exec", SYS_mmap2, NULL,
	    { 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		(unsigned long)-1, 0 } },
	{ "mmap", SYS_mmap2, NULL,
	    { 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, (unsigned long)-1,
		0 } },
	{ "sigaction-sigsys", SYS_rt_sigaction, NULL, { SIGSYS, 0, 0, 8 } },
	{ "chdir", SYS_chdir, "/", { TEXT } },
	{ "prctl-dumpable", SYS_prctl, NULL, { 4 /* PR_SET_DUMPABLE */, 1 } },
	{ "getpid", SYS_getpid, NULL, { 0 } },
	/* What nobody does by accident. */
	{ "execve", SYS_execve, "/no/such/program", { TEXT, 0, 0 } },
	/* With flags that the kernel refuses, where the filter does not. */
	{ "fork", SYS_clone, NULL, { CLONE_SIGHAND | SIGCHLD } },
	{ "ptrace", SYS_ptrace, NULL, { PTRACE_TRACEME } },
	{ "kill", SYS_kill, NULL, { 1, 0 } },
	{ "tgkill-init", SYS_tgkill, NULL, { 1, 1, 0 } },
	{ "unshare", SYS_unshare, NULL, { CLONE_NEWUTS } },
	{ "mount", SYS_mount, "/tmp", { TEXT, TEXT, TEXT, 0, 0 } },
	{ "setuid", SYS_setuid32, NULL, { 0 } },
	{ "bpf", SYS_bpf, NULL, { 0, 0, 0 } },
	{ "io_uring", SYS_io_uring_setup, NULL, { 1, 0 } },
};

static _Noreturn void
fail(const char *what)
{
	printf("takeover: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* ---- the thread ---- */

static pid_t
find_thread(pid_t pid, const char *name)
{
	char path[320], comm[32];
	struct dirent *entry;
	DIR *dir;

	if (strcmp(name, "main") == 0)
		return pid;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", pid, entry->d_name);
		f = entry->d_name[0] != '.' ? fopen(path, "re") : NULL;
		if (f == NULL)
			continue;
		if (fgets(comm, sizeof(comm), f) == NULL)
			comm[0] = '\0';
		fclose(f);
		comm[strcspn(comm, "\n")] = '\0';
		if (strcmp(comm, name) == 0) {
			pid = atoi(entry->d_name);
			closedir(dir);
			return pid;
		}
	}
	errno = ESRCH;
	fail(name);
}

/* The program's entry point: code that nobody comes by again. */
static unsigned long
entry_point(pid_t pid)
{
	unsigned long pair[2];
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/auxv", pid);
	f = fopen(path, "re");
	while (f != NULL && fread(pair, sizeof(pair), 1, f) == 1) {
		if (pair[0] == AT_ENTRY) {
			fclose(f);
			return pair[1] & ~3ul;
		}
	}
	fail("no entry point");
}

static void
write_words(pid_t tid, unsigned long at, const void *data, size_t len)
{
	unsigned long word;

	for (size_t i = 0; i < len; i += sizeof(word)) {
		word = 0;
		memcpy(
		    &word, (const char *)data + i, len - i < sizeof(word) ? len - i : sizeof(word));
		if (ptrace(PTRACE_POKEDATA, tid, at + i, word) != 0)
			fail("its memory");
	}
}

/* Until it stops for the signal, 0: any stop; others go to it.  False: it is dead. */
static bool
wait_stop(pid_t tid, int signo, int *status)
{
	for (;;) {
		if (waitpid(tid, status, __WALL) != tid)
			fail("waiting");
		if (WIFSIGNALED(*status) || WIFEXITED(*status))
			return false;
		if (signo == 0 || WSTOPSIG(*status) == signo)
			return true;
		if (ptrace(PTRACE_CONT, tid, 0, *status >> 16 != 0 ? 0 : WSTOPSIG(*status)) != 0)
			return false;
	}
}

static void
get_regs(pid_t tid, struct user_regs *regs)
{
	struct iovec iov = { regs, sizeof(*regs) };

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov) != 0)
		fail("its registers");
}

static void
set_regs(pid_t tid, struct user_regs *regs)
{
	struct iovec iov = { regs, sizeof(*regs) };

	if (ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &iov) != 0)
		fail("its registers");
}

/*
 * The call, and behind it an instruction that stops: by then a signal that the call made has been
 * delivered, too.  False: it is dead.
 */
static bool
make_call(pid_t tid, unsigned long at, const struct call *c, long *result, int *status)
{
	static const unsigned int code[] = { SVC, BREAK };
	struct user_regs was, now;

	get_regs(tid, &was);
	now = was;
	now.uregs[SP] = (was.uregs[SP] & ~7ul) - ROOM;
	if (c->text != NULL)
		write_words(tid, now.uregs[SP], c->text, strlen(c->text) + 1);
	for (int i = 0; i < ARGS; i++)
		now.uregs[i] = c->arg[i] == TEXT ? now.uregs[SP] : c->arg[i];
	now.uregs[R7] = (unsigned long)c->nr;
	now.uregs[PC] = at;
	now.uregs[CPSR] &= ~(unsigned long)THUMB_STATE;
	write_words(tid, at, code, sizeof(code));
	set_regs(tid, &now);
	if (ptrace(PTRACE_CONT, tid, 0, 0) != 0 || !wait_stop(tid, SIGTRAP, status))
		return false;
	get_regs(tid, &now);
	*result = (long)now.uregs[0];
	set_regs(tid, &was);
	return true;
}

/* ---- the list ---- */

static const struct call *
find_call(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(calls[i].name, name) == 0)
			return &calls[i];
	}
	errno = ENOENT;
	fail(name);
}

/* False: that was the thread's last call. */
static bool
try_call(pid_t tid, unsigned long at, const struct call *c)
{
	long result = 0;
	int status = 0;
	bool alive = make_call(tid, at, c, &result, &status);

	if (!alive && WIFSIGNALED(status))
		printf("%s: killed, signal %d\n", c->name, WTERMSIG(status));
	else if (!alive)
		printf("%s: gone, status %#x\n", c->name, (unsigned int)status);
	else if (result < 0 && result > -4096)
		printf("%s: %s\n", c->name, strerrorname_np((int)-result));
	else
		printf("%s: %ld\n", c->name, result);
	fflush(stdout);
	return alive;
}

int
main(int argc, char **argv)
{
	unsigned long at;
	int status;
	pid_t tid;

	if (argc < 4) {
		fputs("usage: takeover pid thread call...\n", stderr);
		return 2;
	}
	tid = find_thread(atoi(argv[1]), argv[2]);
	at = entry_point(atoi(argv[1]));
	if (ptrace(PTRACE_SEIZE, tid, 0, 0) != 0 || ptrace(PTRACE_INTERRUPT, tid, 0, 0) != 0 ||
	    !wait_stop(tid, 0, &status))
		fail("attaching");
	for (int i = 3; i < argc; i++) {
		if (!try_call(tid, at, find_call(argv[i])))
			return 0;
	}
	if (ptrace(PTRACE_DETACH, tid, 0, 0) != 0)
		fail("detaching");
	return 0;
}
