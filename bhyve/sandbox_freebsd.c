/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * FreeBSD's sandbox: Capsicum.  In capability mode nothing that has a name can be reached any more,
 * and each descriptor is left with what its kind is used for.
 */
#include <sys/types.h>
#include <sys/capsicum.h>
#include <sys/disk.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <capsicum_helpers.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "debug.h"
#include "outside.h"
#include "sandbox.h"
#include "vmm_request.h"

#define MAX_INHERITED 64

/* The process's, between prepare and enter; one thread. */
static struct {
	int inherited[MAX_INHERITED];
	unsigned int ninherited;
} box;

/*
 * All devices': a number means something to one kind of them only.  Not TIOCSTI, which types for
 * the user, and no interface's.
 */
#define REQUEST(name, ord, dir, st) name,
static const unsigned long device_requests[] = { VMM_IOCTL_LIST(REQUEST) TIOCGETA, TIOCSETA,
	TIOCSETAW, TIOCSETAF, TIOCGPGRP, TIOCGWINSZ, DIOCGDELETE, DIOCGFLUSH };
#undef REQUEST
#define DEVICE_REQUESTS (sizeof(device_requests) / sizeof(device_requests[0]))

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* One that an option may name (/dev/fd/N) is needed until all is open. */
static void
note_inherited(void)
{
	int end = getdtablesize();

	for (int fd = STDERR_FILENO + 1; fd < end && box.ninherited < MAX_INHERITED; fd++) {
		if (is_open(fd))
			box.inherited[box.ninherited++] = fd;
	}
}

int
sandbox_prepare(const char *vm_name)
{
	note_inherited();
	if (outside_start(vm_name) == 0)
		return 0;
	say("sandbox: cannot make a process: %s; sandbox=off does without", strerror(errno));
	return -1;
}

/* ---- descriptors ---- */

static void
socket_rights(cap_rights_t *rights)
{
	/* Those that are accepted have what the listening one has. */
	cap_rights_set(rights, CAP_ACCEPT, CAP_GETSOCKOPT, CAP_SETSOCKOPT, CAP_SHUTDOWN,
	    CAP_GETPEERNAME, CAP_GETSOCKNAME);
}

/* Guest memory is mapped from vmm's. */
static bool
is_vm(int fd)
{
	char name[64];

	return fdevname_r(fd, name, sizeof(name)) != NULL && strncmp(name, "vmm/", 4) == 0;
}

static int
limit_device(int fd, cap_rights_t *rights)
{
	cap_rights_set(rights, CAP_IOCTL, CAP_SEEK, CAP_FSYNC);
	if (is_vm(fd))
		cap_rights_set(rights, CAP_MMAP_RW);
	if (cap_rights_limit(fd, rights) != 0)
		return -1;
	return cap_ioctls_limit(fd, device_requests, DEVICE_REQUESTS);
}

/* -1 with errno. */
static int
limit(int fd)
{
	cap_rights_t rights;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -1;
	cap_rights_init(&rights, CAP_READ, CAP_WRITE, CAP_EVENT, CAP_FSTAT);
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		cap_rights_set(&rights, CAP_SEEK, CAP_FSYNC, CAP_FTRUNCATE);
		break;
	case S_IFSOCK:
		socket_rights(&rights);
		break;
	case S_IFCHR:
		return limit_device(fd, &rights);
	case S_IFIFO:
		/* A kqueue looks like one. */
		cap_rights_set(&rights, CAP_KQUEUE);
		break;
	default:
		break;
	}
	return cap_rights_limit(fd, &rights);
}

static int
limit_all(void)
{
	int end = getdtablesize();

	for (int fd = 0; fd < end; fd++) {
		if (is_open(fd) && limit(fd) != 0)
			return -1;
	}
	return 0;
}

int
sandbox_enter(void)
{
	while (box.ninherited > 0)
		close(box.inherited[--box.ninherited]);
	outside_seal();
	/* What libc would look for when it is too late. */
	caph_cache_catpages();
	caph_cache_tzdata();
	if (limit_all() != 0) {
		say("sandbox: cannot limit descriptors: %s; sandbox=off runs the VM without",
		    strerror(errno));
		return -1;
	}
	if (outside_needs_internet()) {
		say("sandbox: a card with slirp connects to other machines, which capability mode "
		    "does not allow; bhyve goes on without it");
		return 0;
	}
	if (cap_enter() == 0)
		return 0;
	say("sandbox: this kernel has no capability mode (options CAPABILITY_MODE): %s; "
	    "sandbox=off runs the VM without",
	    strerror(errno));
	return -1;
}
