/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * names ADDRESS: a name server at 127.0.0.1 to which every name has the one address, as in RFC
 * 1035: the question comes back, with an answer of type A that points to the question's name.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define HEADER	 12
#define QUESTION 4 /* type and class, behind the name */
#define TYPE_A	 1

/* Where the first question ends; 0: it is no question. */
static size_t
question_end(const uint8_t *p, size_t len)
{
	size_t at = HEADER;

	while (at < len && p[at] != 0)
		at += p[at] + 1u;
	return at + 1 + QUESTION <= len ? at + 1 + QUESTION : 0;
}

/* Room for the answer is behind len. */
static size_t
answer(uint8_t *p, size_t len, struct in_addr address)
{
	static const uint8_t record[] = { 0xc0, HEADER, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4 };
	size_t end = question_end(p, len);

	if (end == 0)
		return 0;
	p[2] = 0x84; /* an answer, with authority */
	p[3] = 0;
	memset(p + 6, 0, HEADER - 6);
	if (p[end - 3] != TYPE_A)
		return end; /* there is such a name, but nothing of that type */
	p[7] = 1;
	memcpy(p + end, record, sizeof(record));
	memcpy(p + end + sizeof(record), &address, sizeof(address));
	return end + sizeof(record) + sizeof(address);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(53) }, peer;
	uint8_t packet[1024];
	struct in_addr address;
	socklen_t plen = sizeof(peer);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	ssize_t n;

	own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (argc != 2 || inet_pton(AF_INET, argv[1], &address) != 1 ||
	    bind(fd, (struct sockaddr *)&own, sizeof(own)) != 0) {
		perror("names");
		return 1;
	}
	while ((n = recvfrom(fd, packet, sizeof(packet) / 2, 0, (struct sockaddr *)&peer, &plen)) >=
	    0) {
		size_t len = answer(packet, (size_t)n, address);

		if (len != 0)
			sendto(fd, packet, len, 0, (struct sockaddr *)&peer, plen);
		plen = sizeof(peer);
	}
	return 1;
}
