/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What libvmmapi spells in another way on each host OS: vmm_host_linux.c, vmm_host_freebsd.c.
 */
#ifndef VMM_HOST_H
#define VMM_HOST_H

#include <sys/types.h>

#include <stdbool.h>

/* How the vmm module is loaded: a command. */
extern const char *const vmm_host_load;

/* An ioctl of a VM's descriptor has failed: errno, or ENXIO where it says that the VM is gone. */
int vmm_host_ioctl_errno(int fd);

/*
 * A socket of this end becomes the one that is asked about the VM, or is connected to that one;
 * the name is a valid one.  -1 with errno.
 */
int vmm_host_control_bind(int fd, const char *name);
int vmm_host_control_connect(int fd, const char *name);

/* Who is at the other end of a connection? */
#define VMM_PEER_GROUPS 256
struct vmm_peer {
	uid_t uid;
	unsigned int ngroups;
	gid_t group[VMM_PEER_GROUPS];
};
bool vmm_host_peer(int fd, struct vmm_peer *peer); /* false: not known */

#endif /* VMM_HOST_H */
