/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * libslirp looks at /etc/resolv.conf again and again, as it may change, and knows no other way to
 * the name server.  In the sandbox there is no such file: the filter turns each call with a path
 * into a signal, and here the process outside is asked for this one file.  All others fail.
 *
 * In the handler of a signal that the call itself sends: nothing but async-signal-safe functions.
 */
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "outside.h"
#include "sandbox_impl.h"
#include "sandbox_regs.h"

/* The one with the structure of the calls below. */
#ifdef SYS_fstat64
#define FSTAT SYS_fstat64
#else
#define FSTAT SYS_fstat
#endif

/* What a call does with its file, once that is open. */
typedef long path_call(int fd, const ucontext_t *uc, int path_arg);

static long
call_open(int fd, const ucontext_t *uc, int path_arg)
{
	/* It is open for reading, whatever was asked for. */
	(void)uc;
	(void)path_arg;
	return fd;
}

static long
call_stat(int fd, const ucontext_t *uc, int path_arg)
{
	long rc = syscall(FSTAT, fd, sandbox_arg(uc, path_arg + 1));

	close(fd);
	return rc;
}

static long
call_statx(int fd, const ucontext_t *uc, int path_arg)
{
	long rc = syscall(SYS_statx, fd, "", AT_EMPTY_PATH, sandbox_arg(uc, path_arg + 2),
	    sandbox_arg(uc, path_arg + 3));

	close(fd);
	return rc;
}

/* Those that the filter sends here, as far as there are any on this architecture. */
static const struct {
	int nr, path_arg;
	path_call *call;
} path_calls[] = {
	{ SYS_openat, 1, call_open },
	{ SYS_statx, 1, call_statx },
#ifdef SYS_open
	{ SYS_open, 0, call_open },
#endif
#ifdef SYS_newfstatat
	{ SYS_newfstatat, 1, call_stat },
#endif
#ifdef SYS_fstatat64
	{ SYS_fstatat64, 1, call_stat },
#endif
#ifdef SYS_stat64
	{ SYS_stat64, 0, call_stat },
#elif defined(SYS_stat)
	{ SYS_stat, 0, call_stat },
#endif
};

static long
answer_call(int nr, const ucontext_t *uc)
{
	int fd;

	for (size_t i = 0; i < sizeof(path_calls) / sizeof(path_calls[0]); i++) {
		int arg = path_calls[i].path_arg;

		if (path_calls[i].nr != nr)
			continue;
		if (strcmp((const char *)sandbox_arg(uc, arg), OUTSIDE_RESOLVER) != 0)
			break;
		fd = outside_open_resolver();
		return fd >= 0 ? path_calls[i].call(fd, uc, arg) : -1;
	}
	errno = EPERM;
	return -1;
}

static void
refused(int signo, siginfo_t *info, void *context)
{
	int saved = errno;
	long result = answer_call(info->si_syscall, context);

	(void)signo;
	sandbox_set_result(context, result < 0 ? -errno : result);
	errno = saved;
}

void
sandbox_resolver_start(void)
{
	struct sigaction sa = { .sa_sigaction = refused, .sa_flags = SA_SIGINFO };

	sigaction(SIGSYS, &sa, NULL);
}
