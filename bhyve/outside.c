/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The process outside the sandbox (outside.h), and both ends of what is said between the two: one
 * packet with a request, one with the answer, a descriptor with either.  What comes in after
 * "seal" is a hostile device's for all we know: a word out of a list and a number below a bound.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "outside.h"
#include "vmmapi.h"

#define PATH_BYTES sizeof(((struct sockaddr_un *)NULL)->sun_path)

enum ask {
	ASK_ADD_FILE,
	ASK_ADD_PEER,
	ASK_INTERNET,
	ASK_SEAL,
	ASK_REMOVE,
	ASK_CONNECT,
	ASK_ALLOWED,
	ASK_DESTROY,
	ASK_RESOLVER,
	ASK_LAST,
};

struct request {
	uint32_t ask;	       /* enum ask */
	uint32_t number;       /* of a file or peer */
	char path[PATH_BYTES]; /* of one that is added */
};

struct answer {
	int32_t value; /* -1 with error */
	int32_t error;
};

struct place {
	char path[PATH_BYTES];
	bool there;
	dev_t dev; /* a file's, as it was made, and the next */
	ino_t ino;
};

struct places {
	struct place *place;
	uint32_t n;
};

/* Of either process: each has the list that it works by. */
static struct {
	int fd; /* to the other process; 0: there is none */
	pthread_mutex_t lock;
	struct places files, peers;
	bool internet, sealed;
	const char *vm_name;
} here = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- packets ---- */

static int
send_packet(int sock, const void *data, size_t len, int fd)
{
	struct iovec iov = { (void *)(uintptr_t)data, len };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
	ssize_t n;

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)len ? 0 : -1;
}

/* *fd: what came with it, or -1.  False: the other side is gone, or it was no such packet. */
static bool
recv_packet(int sock, void *data, size_t len, int *fd)
{
	struct iovec iov = { data, len };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		/* Not CMSG_SPACE: with its padding two would fit, and the second be nobody's. */
		.msg_controllen = CMSG_LEN(sizeof(int)),
	};
	struct cmsghdr *c;
	ssize_t n;

	*fd = -1;
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	c = CMSG_FIRSTHDR(&msg);
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	if (n == (ssize_t)len && (msg.msg_flags & MSG_TRUNC) == 0)
		return true;
	if (*fd >= 0)
		close(*fd);
	return false;
}

/* ---- what is done, by whichever process it is ---- */

static int
add_place(struct places *p, const char *path)
{
	struct place *grown;
	struct stat st;

	if (strnlen(path, PATH_BYTES) == PATH_BYTES || here.sealed) {
		errno = here.sealed ? EPERM : ENAMETOOLONG;
		return -1;
	}
	grown = reallocarray(p->place, p->n + 1, sizeof(*grown));
	if (grown == NULL)
		return -1;
	p->place = grown;
	p->place[p->n] = (struct place){ .there = true };
	strcpy(p->place[p->n].path, path);
	/* A peer may come later. */
	if (lstat(path, &st) == 0) {
		p->place[p->n].dev = st.st_dev;
		p->place[p->n].ino = st.st_ino;
	}
	return (int)p->n++;
}

static struct place *
find_place(const struct places *p, uint32_t number)
{
	if (number < p->n && p->place[number].there)
		return &p->place[number];
	errno = EBADF;
	return NULL;
}

static int
do_remove(uint32_t number)
{
	struct place *file = find_place(&here.files, number);
	struct stat st;

	if (file == NULL)
		return -1;
	file->there = false;
	/* Another bhyve may have taken the path over meanwhile. */
	if (lstat(file->path, &st) != 0 || st.st_dev != file->dev || st.st_ino != file->ino)
		return -1;
	return unlink(file->path);
}

static int
do_connect(uint32_t number)
{
	const struct place *peer = find_place(&here.peers, number);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, saved;

	if (peer == NULL)
		return -1;
	strcpy(addr.sun_path, peer->path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static int
do_resolver(void)
{
	if (here.internet)
		return open(OUTSIDE_RESOLVER, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	errno = EPERM;
	return -1;
}

static int
do_seal(void)
{
	here.sealed = true;
	return 0;
}

static int
do_internet(void)
{
	here.internet = !here.sealed;
	return 0;
}

/* ---- the process outside ---- */

/* What it did: 0, a number; -1 with errno.  *out: a descriptor that goes with the answer. */
static int
answer_to(const struct request *q, int in, int *out)
{
	switch ((enum ask)q->ask) {
	case ASK_ADD_FILE:
		return add_place(&here.files, q->path);
	case ASK_ADD_PEER:
		return add_place(&here.peers, q->path);
	case ASK_INTERNET:
		return do_internet();
	case ASK_SEAL:
		return do_seal();
	case ASK_REMOVE:
		return do_remove(q->number);
	case ASK_CONNECT:
		*out = do_connect(q->number);
		return *out >= 0 ? 0 : -1;
	case ASK_ALLOWED:
		return in >= 0 && vm_control_allowed(here.vm_name, in);
	case ASK_DESTROY:
		return vm_destroy_name(here.vm_name);
	case ASK_RESOLVER:
		*out = do_resolver();
		return *out >= 0 ? 0 : -1;
	default:
		errno = ENOSYS;
		return -1;
	}
}

/* Whatever ends bhyve shows as the end of the stream; nothing else ends us. */
static void
ignore_signals(void)
{
	static const int all[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP, SIGTTIN,
		SIGTTOU };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		signal(all[i], SIG_IGN);
}

/* One packet and its answer; false: there will be no more. */
static bool
serve_packet(int sock)
{
	struct request q;
	struct answer a;
	int in, out = -1;

	if (!recv_packet(sock, &q, sizeof(q), &in))
		return false;
	errno = 0;
	a.value = answer_to(&q, in, &out);
	a.error = a.value < 0 ? errno : 0;
	if (in >= 0)
		close(in);
	send_packet(sock, &a, sizeof(a), out);
	if (out >= 0)
		close(out);
	return true;
}

static _Noreturn void
serve(int sock)
{
	/* bhyve's own standard descriptors are not held open for whoever waits for their end. */
	dup2(sock, STDIN_FILENO);
	sock = STDIN_FILENO;
	host_close_from(1);
	host_process_name("bhyve-outside");
	ignore_signals();
	while (serve_packet(sock))
		;
	for (uint32_t i = 0; i < here.files.n; i++)
		do_remove(i);
	_exit(0);
}

/* ---- bhyve's side ---- */

/* One question at a time.  *out, unless NULL: the descriptor that came, or -1. */
static int
ask(enum ask what, uint32_t number, const char *path, int fd, int *out)
{
	struct request q = { .ask = what, .number = number };
	struct answer a = { -1, EPIPE };
	int got = -1;

	if (path != NULL)
		memcpy(q.path, path, strnlen(path, sizeof(q.path)));
	pthread_mutex_lock(&here.lock);
	if (send_packet(here.fd, &q, sizeof(q), fd) != 0 ||
	    !recv_packet(here.fd, &a, sizeof(a), &got))
		a = (struct answer){ -1, EPIPE };
	pthread_mutex_unlock(&here.lock);
	if (out != NULL)
		*out = got;
	else if (got >= 0)
		close(got);
	errno = a.error;
	return a.value;
}

static bool
helped(void)
{
	return here.fd != 0;
}

int
outside_start(const char *vm_name)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	here.vm_name = vm_name;
	pid = fork();
	if (pid == 0)
		serve(pair[1]);
	close(pair[1]);
	if (pid > 0)
		here.fd = pair[0];
	else
		close(pair[0]);
	return pid > 0 ? 0 : -1;
}

void
outside_seal(void)
{
	if (helped())
		ask(ASK_SEAL, 0, NULL, -1, NULL);
}

void
outside_end(void)
{
	char byte;

	if (!helped())
		return;
	shutdown(here.fd, SHUT_WR);
	while (read(here.fd, &byte, 1) < 0 && errno == EINTR)
		;
	close(here.fd);
	here.fd = 0;
}

static int
add(struct places *p, enum ask what, const char *path)
{
	int n;

	if (helped())
		return ask(what, 0, path, -1, NULL);
	pthread_mutex_lock(&here.lock);
	n = add_place(p, path);
	pthread_mutex_unlock(&here.lock);
	return n;
}

int
outside_add_file(const char *path)
{
	return add(&here.files, ASK_ADD_FILE, path);
}

void
outside_remove(int file)
{
	if (helped())
		ask(ASK_REMOVE, (uint32_t)file, NULL, -1, NULL);
	else
		do_remove((uint32_t)file);
}

int
outside_add_peer(const char *path)
{
	return add(&here.peers, ASK_ADD_PEER, path);
}

int
outside_connect(int peer)
{
	int fd = -1;

	if (!helped())
		return do_connect((uint32_t)peer);
	ask(ASK_CONNECT, (uint32_t)peer, NULL, -1, &fd);
	return fd;
}

bool
outside_client_allowed(const char *vm_name, int fd)
{
	if (!helped())
		return vm_control_allowed(vm_name, fd);
	return ask(ASK_ALLOWED, 0, NULL, fd, NULL) == 1;
}

int
outside_destroy_vm(const char *vm_name)
{
	return helped() ? ask(ASK_DESTROY, 0, NULL, -1, NULL) : vm_destroy_name(vm_name);
}

void
outside_need_internet(void)
{
	if (helped())
		ask(ASK_INTERNET, 0, NULL, -1, NULL);
	here.internet = true;
}

bool
outside_needs_internet(void)
{
	return here.internet;
}

int
outside_open_resolver(void)
{
	int fd = -1;

	if (!helped())
		return do_resolver();
	ask(ASK_RESOLVER, 0, NULL, -1, &fd);
	return fd;
}
