/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Packets to the process outside the sandbox from a bhyve that was taken over: any length, any
 * request, descriptors with them.  Whatever comes, it answers or goes away, keeps no descriptor,
 * removes no file but the one it was told of before it was sealed, and gives out no descriptor but
 * of a socket to the one peer.  outside.c is included for the other end of its socket.
 */
#include <stdio.h>

#include "../../bhyve/outside.c"
#include "../unit/fake_vmm_sys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FDS 4u /* with a packet, at most */

static char dir[] = "/tmp/fuzz-outside-XXXXXX";
static char file[64], other[64], peer[64];

static void
must(bool cond)
{
	if (!cond)
		abort();
}

static void
make_file(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	must(fd >= 0);
	close(fd);
}

static bool
there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static int
lowest_free(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	must(fd >= 0);
	close(fd);
	return fd;
}

static void
make_peer(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, peer);
	must(fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
}

static void
clean_up(void)
{
	unlink(file);
	unlink(other);
	unlink(peer);
	rmdir(dir);
}

static void
once(void)
{
	if (file[0] != '\0')
		return;
	must(mkdtemp(dir) != NULL);
	snprintf(file, sizeof(file), "%s/file", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	snprintf(peer, sizeof(peer), "%s/peer", dir);
	make_file(other);
	make_peer();
	atexit(clean_up);
}

/* As bhyve is when its guest starts. */
static void
begin(bool internet)
{
	fake_reset();
	here.vm_name = "v";
	here.files.n = here.peers.n = 0;
	here.sealed = false;
	here.internet = internet;
	make_file(file);
	must(add_place(&here.files, file) == 0 && add_place(&here.peers, peer) == 0);
	do_seal();
}

static void
send_any(int sock, const void *packet, size_t len, unsigned int nfds)
{
	struct iovec iov = { (void *)(uintptr_t)packet, len };
	union {
		struct cmsghdr first;
		char bytes[CMSG_SPACE(FDS * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (nfds > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		control.first.cmsg_level = SOL_SOCKET;
		control.first.cmsg_type = SCM_RIGHTS;
		control.first.cmsg_len = CMSG_LEN(nfds * sizeof(int));
		for (unsigned int i = 0; i < nfds; i++)
			memcpy(CMSG_DATA(&control.first) + i * sizeof(int), &sock, sizeof(int));
	}
	must(sendmsg(sock, &msg, MSG_NOSIGNAL) == (ssize_t)len);
}

/* A descriptor comes only of a connection to the peer, or of the resolver's file where it may. */
static void
check_answer(int sock, const struct request *q)
{
	struct answer a;
	int fd;

	must(recv_packet(sock, &a, sizeof(a), &fd));
	must(a.value == 0 || (a.value == -1 && a.error != 0) ||
	    (a.value == 1 && q->ask == ASK_ALLOWED));
	if (fd < 0)
		return;
	must(a.value == 0);
	if (q->ask == ASK_RESOLVER)
		must(here.internet);
	else
		must(q->ask == ASK_CONNECT && q->number == 0);
	close(fd);
}

/* op: its length's kind and descriptors; the request; a number; a byte of the path */
static bool
step(const int *pair, const uint8_t *op)
{
	struct request q = { .ask = op[1], .number = op[2] };
	size_t len = sizeof(q);
	bool more;

	if ((op[0] & 0xf) == 0xf)
		len = op[2] < sizeof(q) ? op[2] + 1u : sizeof(q);
	if ((op[1] & 0x80) != 0)
		q.number = UINT32_MAX - op[2];
	memset(q.path, op[3], sizeof(q.path));
	if ((op[0] & 0x10) == 0)
		strcpy(q.path, other);
	send_any(pair[0], &q, len, (op[0] >> 5) % (FDS + 1));
	more = serve_packet(pair[1]);
	must(more == (len == sizeof(q)));
	if (more)
		check_answer(pair[0], &q);
	return more;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int pair[2], before;

	once();
	begin(size > 0 && (data[0] & 1) != 0);
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	before = lowest_free();
	for (data++; size > 4; data += 4, size -= 4) {
		if (!step(pair, data))
			break;
		must(lowest_free() == before);
	}
	must(lowest_free() == before);
	must(here.sealed && here.files.n == 1 && here.peers.n == 1);
	must(there(other) && there(peer));
	must(there(file) == here.files.place[0].there);
	close(pair[0]);
	close(pair[1]);
	return 0;
}
