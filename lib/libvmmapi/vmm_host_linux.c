/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The host OS is Linux (vmm_host.h).  The address of a VM's bhyve is a name without a file, so that
 * nothing is left behind by one that was killed, and no directory is needed.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "vmm_host.h"
#include "vmmapi.h"

const char *const vmm_host_load = "modprobe vmm";
const char *const vm_control_dir = NULL;

/* The module's own: ENXIO as long as the descriptor is there. */
int
vmm_host_ioctl_errno(int fd)
{
	(void)fd;
	return errno;
}

/* An abstract address, unix(7); its length. */
static socklen_t
control_address(struct sockaddr_un *addr, const char *name)
{
	int n;

	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	n = snprintf(addr->sun_path + 1, sizeof(addr->sun_path) - 1, "bhyve-arm/%s", name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}
_Static_assert(sizeof("bhyve-arm/") + VM_MAX_NAMELEN < sizeof(((struct sockaddr_un *)0)->sun_path),
    "a VM's name fits into an address");

int
vmm_host_control_bind(int fd, const char *name)
{
	struct sockaddr_un addr;
	socklen_t len = control_address(&addr, name);

	return bind(fd, (struct sockaddr *)&addr, len);
}

int
vmm_host_control_connect(int fd, const char *name)
{
	struct sockaddr_un addr;
	socklen_t len = control_address(&addr, name);

	return connect(fd, (struct sockaddr *)&addr, len);
}

bool
vmm_host_peer(int fd, struct vmm_peer *peer)
{
	struct ucred cred;
	socklen_t len = sizeof(cred), groups = sizeof(peer->group) - sizeof(peer->group[0]);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return false;
	peer->uid = cred.uid;
	peer->group[0] = cred.gid;
	peer->ngroups = 1;
	/* Who has more groups than we take has the first one. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->group + 1, &groups) == 0)
		peer->ngroups += (unsigned int)(groups / sizeof(peer->group[0]));
	return true;
}
