/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * How a program asks the bhyve that runs a VM: one packet with a request, one with the answer.
 * The address is a name without a file, so that nothing is left behind by a bhyve that was killed,
 * and no directory is needed.  Anybody can take such a name and anybody can connect to it: each
 * side looks who the other is, and takes only those who may use the VM itself.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmmapi.h"

#define MAX_GROUPS 256
#define ANSWER_MS  5000

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
vm_control_listen(const char *name)
{
	struct sockaddr_un addr;
	socklen_t len;
	int fd, saved;

	if (!vm_name_valid(name)) {
		errno = EINVAL;
		return -1;
	}
	len = control_address(&addr, name);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&addr, len) == 0 && listen(fd, 8) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static bool
in_group(int fd, const struct ucred *peer, gid_t gid)
{
	gid_t groups[MAX_GROUPS];
	socklen_t len = sizeof(groups);

	if (gid == (gid_t)-1)
		return false;
	if (peer->gid == gid)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++) {
		if (groups[i] == gid)
			return true;
	}
	return false;
}

bool
vm_control_allowed(const char *name, int fd)
{
	struct vmmctl_vm_next vm;
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	return vm_lookup(name, &vm) == 0 && (peer.uid == vm.uid || in_group(fd, &peer, vm.gid));
}

/* The answer, a string; -1 with errno. */
static int
exchange(int fd, const char *request, char *answer, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		return -1;
	if (poll(&p, 1, ANSWER_MS) == 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	n = recv(fd, answer, size - 1, MSG_DONTWAIT);
	if (n <= 0) {
		/* It went, or did not want to speak to us. */
		errno = n == 0 ? ECONNREFUSED : errno;
		return -1;
	}
	answer[n] = '\0';
	return 0;
}

int
vm_control_ask(const char *name, const char *request, char *answer, size_t size)
{
	struct sockaddr_un addr;
	int fd, error = -1, saved;
	socklen_t len;

	if (!vm_name_valid(name)) {
		errno = EINVAL;
		return -1;
	}
	len = control_address(&addr, name);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&addr, len) == 0) {
		if (vm_control_allowed(name, fd))
			error = exchange(fd, request, answer, size);
		else
			errno = EPERM;
	}
	saved = errno;
	close(fd);
	errno = saved;
	return error;
}
