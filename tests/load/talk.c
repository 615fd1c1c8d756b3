/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * talk PATH: connects to a unix socket and pumps standard input into it and what comes from it to
 * standard output, until the other end closes.  The busybox of the ARM host has nothing like it.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* false: the end, or an error. */
static int
pump(int from, int to)
{
	char bytes[512];
	ssize_t n = read(from, bytes, sizeof(bytes));

	for (ssize_t done = 0, w; done < n; done += w) {
		w = write(to, bytes + done, (size_t)(n - done));
		if (w < 0)
			return 0;
	}
	return n > 0;
}

int
main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .events = POLLIN } };

	if (argc != 2 || strlen(argv[1]) >= sizeof(addr.sun_path)) {
		fprintf(stderr, "usage: talk PATH\n");
		return 2;
	}
	strcpy(addr.sun_path, argv[1]);
	fds[1].fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fds[1].fd < 0 || connect(fds[1].fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		perror(argv[1]);
		return 1;
	}
	while (poll(fds, 2, -1) > 0) {
		if (fds[1].revents != 0 && !pump(fds[1].fd, STDOUT_FILENO))
			return 0;
		if (fds[0].revents != 0 && !pump(STDIN_FILENO, fds[1].fd))
			fds[0].fd = -1;
	}
	return 1;
}
