/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The other end of the bench guest's connections: TCP port 5001 takes what comes, port 5002 sends
 * without end, 64 KiB a call.  peer ADDRESS; it goes into the background when both ports listen.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SINK   5001
#define SOURCE 5002

static char buf[65536];

static int
listen_at(const char *address, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (inet_pton(AF_INET, address, &a.sin_addr) == 1 && fd >= 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	    bind(fd, (const struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 1) == 0)
		return fd;
	perror("peer");
	exit(1);
}

static void
serve(int listener, bool sends)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		ssize_t n;

		if (fd < 0)
			exit(1);
		do
			n = sends ? write(fd, buf, sizeof(buf)) : read(fd, buf, sizeof(buf));
		while (n > 0);
		close(fd);
	}
}

int
main(int argc, char **argv)
{
	int sink, source;

	if (argc != 2) {
		fprintf(stderr, "usage: peer ADDRESS\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	sink = listen_at(argv[1], SINK);
	source = listen_at(argv[1], SOURCE);
	if (fork() == 0)
		serve(sink, false);
	if (fork() == 0)
		serve(source, true);
	return 0;
}
