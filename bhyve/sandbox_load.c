/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Puts the filter that libseccomp made into the kernel, behind a few instructions of our own that
 * let the run loop's call through.  libseccomp sorts the rules of a call as it likes: VM_RUN came
 * behind those for terminals, taps and vhost, and with the interpreter that 32-bit ARM has by
 * default each exit to user space paid for them all.  A filter's jumps are relative and go
 * forward, so that it may have others in front.
 *
 * Runs before the devices' threads have anything to do, once.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <endian.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox_impl.h"
#include "vmm_request.h"

#define FAST_PATH_MAX 8u /* instructions */

#define LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))
#define LOW_WORD	    (BYTE_ORDER == BIG_ENDIAN ? sizeof(uint32_t) : 0)

/* Where a process can make no calls of another architecture there is none to ask for. */
#ifdef __arm__
#define FAST_PATH_ARCH(arch)
#else
#define FAST_PATH_ARCH(arch) LOAD(arch), UNLESS(arch, 4),
#endif

/* The request is an unsigned int for the kernel, too: the register's upper half means nothing. */
static size_t
fast_path(struct sock_filter *p, uint32_t arch, uint32_t nr)
{
	const struct sock_filter insns[] = {
		FAST_PATH_ARCH(arch) LOAD(nr),
		UNLESS(nr, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    (uint32_t)(offsetof(struct seccomp_data, args[1]) + LOW_WORD)),
		UNLESS(VM_RUN, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	(void)arch;
	_Static_assert(sizeof(insns) <= FAST_PATH_MAX * sizeof(*p), "room");
	memcpy(p, insns, sizeof(insns));
	return sizeof(insns) / sizeof(insns[0]);
}

/* The whole program, to be freed; its length in instructions. */
static struct sock_filter *
program_make(int fd, size_t *n)
{
	off_t size = lseek(fd, 0, SEEK_END);
	struct sock_filter *p;

	if (size <= 0)
		return NULL;
	p = calloc(FAST_PATH_MAX + (size_t)size / sizeof(*p), sizeof(*p));
	if (p == NULL)
		return NULL;
	*n = fast_path(p, seccomp_arch_native(), (uint32_t)SCMP_SYS(ioctl));
	if (pread(fd, p + *n, (size_t)size, 0) == size) {
		*n += (size_t)size / sizeof(*p);
		return p;
	}
	free(p);
	return NULL;
}

/* What seccomp_load() would do.  With TSYNC a thread that could not be brought along comes back. */
static int
program_load(const struct sock_fprog *prog, bool log)
{
	unsigned long flags = SECCOMP_FILTER_FLAG_TSYNC | (log ? SECCOMP_FILTER_FLAG_LOG : 0);
	long thread;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return errno;
	thread = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, prog);
	if (thread < 0)
		return errno;
	return thread == 0 ? 0 : ECANCELED;
}

int
sandbox_load(scmp_filter_ctx f, bool log)
{
	struct sock_filter *p = NULL;
	size_t n = 0;
	int fd = memfd_create("filter", MFD_CLOEXEC);
	int error = fd < 0 ? errno : -seccomp_export_bpf(f, fd);

	if (error == 0 && (p = program_make(fd, &n)) == NULL)
		error = ENOMEM;
	if (error == 0)
		error = n > BPF_MAXINSNS ?
		    E2BIG :
		    program_load(&(struct sock_fprog){ (unsigned short)n, p }, log);
	free(p);
	if (fd >= 0)
		close(fd);
	return error;
}
