/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The host OS is FreeBSD (vmm_host.h).  The address of a VM's bhyve is a file in /var/run/bhyve, a
 * directory that anybody may put such files into, and nobody may remove another's (the rc script
 * makes it, or the first bhyve of root).
 */
#include <sys/types.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/ucred.h>
#include <sys/un.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm_host.h"
#include "vmmapi.h"

#define LEVEL_LOCAL 0 /* SOL_LOCAL, where the headers have it */

const char *const vmm_host_load = "kldload vmm";
const char *const vm_control_dir = "/var/run/bhyve";

/*
 * With its VM the node goes, and devfs lets go of those who had it open: from then on it is not the
 * module that answers, but a file that is no device (ENOTTY), of which nothing is known (EBADF).
 */
int
vmm_host_ioctl_errno(int fd)
{
	int error = errno;
	struct stat st;

	return error == ENOTTY && fstat(fd, &st) != 0 && errno == EBADF ? ENXIO : error;
}

static struct sockaddr_un
control_address(const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", vm_control_dir, name);
	addr.sun_len = (unsigned char)SUN_LEN(&addr);
	return addr;
}
_Static_assert(
    sizeof("/var/run/bhyve/") + VM_MAX_NAMELEN < sizeof(((struct sockaddr_un *)0)->sun_path),
    "a VM's name fits into an address");

/* A bhyve that was killed with all that it had leaves its file behind. */
static bool
is_stale(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	bool refused;

	if (fd < 0)
		return false;
	refused = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) != 0 &&
	    errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static void
make_directory(void)
{
	/* Not by mkdir's mode: the umask counts there. */
	if (geteuid() == 0 && mkdir(vm_control_dir, 0755) == 0)
		chmod(vm_control_dir, 01777);
}

int
vmm_host_control_bind(int fd, const char *name)
{
	struct sockaddr_un addr = control_address(name);
	int error;

	make_directory();
	error = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	if (error != 0 && errno == EADDRINUSE && is_stale(&addr) && unlink(addr.sun_path) == 0)
		error = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	/* Anybody may connect, and we look who it is. */
	return error == 0 ? chmod(addr.sun_path, 0666) : -1;
}

int
vmm_host_control_connect(int fd, const char *name)
{
	struct sockaddr_un addr = control_address(name);
	int error = connect(fd, (struct sockaddr *)&addr, sizeof(addr));

	if (error != 0 && errno == ENOENT)
		errno = ECONNREFUSED;
	return error;
}

bool
vmm_host_peer(int fd, struct vmm_peer *peer)
{
	struct xucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, LEVEL_LOCAL, LOCAL_PEERCRED, &cred, &len) != 0 ||
	    cred.cr_version != XUCRED_VERSION || cred.cr_ngroups < 0 ||
	    cred.cr_ngroups > XU_NGROUPS)
		return false;
	peer->uid = cred.cr_uid;
	peer->ngroups = (unsigned int)cred.cr_ngroups;
	for (unsigned int i = 0; i < peer->ngroups; i++)
		peer->group[i] = cred.cr_groups[i];
	return true;
}
