/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * How a program asks the bhyve that runs a VM: one packet with a request, one with the answer.
 * Anybody can take the address (vmm_host.h), and anybody can connect to it: each side looks who the
 * other is, and takes only those who may use the VM itself.
 */
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "vmm_host.h"
#include "vmmapi.h"

#define ANSWER_MS 5000

int
vm_control_listen(const char *name)
{
	int fd, saved;

	if (!vm_name_valid(name)) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (vmm_host_control_bind(fd, name) == 0 && listen(fd, 8) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static bool
in_group(const struct vmm_peer *peer, gid_t gid)
{
	for (unsigned int i = 0; i < peer->ngroups && gid != (gid_t)-1; i++) {
		if (peer->group[i] == gid)
			return true;
	}
	return false;
}

bool
vm_control_allowed(const char *name, int fd)
{
	struct vmmctl_vm_next vm;
	struct vmm_peer peer;

	if (!vmm_host_peer(fd, &peer))
		return false;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	return vm_lookup(name, &vm) == 0 && (peer.uid == vm.uid || in_group(&peer, vm.gid));
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
	int fd, error = -1, saved;

	if (!vm_name_valid(name)) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (vmm_host_control_connect(fd, name) == 0) {
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
