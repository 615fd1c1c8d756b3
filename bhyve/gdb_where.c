/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The text of -G: [w][ADDRESS:]PORT.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <string.h>

#include "gdb_where.h"
#include "vmmapi.h"

bool
gdb_where(const char *where, bool *wait, struct sockaddr_in *sin)
{
	const char *colon, *port = where;
	char address[INET_ADDRSTRLEN];
	uint64_t number;

	*sin = (struct sockaddr_in){ .sin_family = AF_INET };
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*wait = *port == 'w';
	port += *wait;
	colon = strrchr(port, ':');
	if (colon != NULL) {
		if ((size_t)(colon - port) >= sizeof(address))
			return false;
		memcpy(address, port, (size_t)(colon - port));
		address[colon - port] = '\0';
		if (inet_pton(AF_INET, address, &sin->sin_addr) != 1)
			return false;
		port = colon + 1;
	}
	if (!vm_parse_number(port, &number) || number == 0 || number > UINT16_MAX)
		return false;
	sin->sin_port = htons((uint16_t)number);
	return true;
}

const char *
gdb_check(const char *where)
{
	struct sockaddr_in sin;
	bool wait;

	if (gdb_where(where, &wait, &sin))
		return NULL;
	return "is not [w][ADDRESS:]PORT, as in 1234 or w0.0.0.0:1234";
}
