/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The rules of hostfwd=, as in QEMU and FreeBSD's bhyve:
 *
 *	tcp:[HOSTADDR]:HOSTPORT-[GUESTADDR]:GUESTPORT	or udp:...
 *
 * where each address may be left out.  Several are separated by ';', or by '/', which no shell
 * minds.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <string.h>

#include "net_impl.h"

#define SEPARATORS ";/"
#define RULE_MAX   64 /* characters, more than any rule has */

static bool
parse_port(const char *text, int *port)
{
	size_t n = strspn(text, "0123456789");

	*port = 0;
	if (n == 0 || n > 5 || text[n] != '\0')
		return false;
	while (*text != '\0')
		*port = *port * 10 + (*text++ - '0');
	return *port >= 1 && *port <= 65535;
}

/* [ADDR]:PORT */
static bool
parse_end(char *text, struct in_addr *addr, int *port)
{
	char *colon = strchr(text, ':');

	addr->s_addr = htonl(INADDR_ANY);
	if (colon == NULL || !parse_port(colon + 1, port))
		return false;
	*colon = '\0';
	return colon == text || inet_pton(AF_INET, text, addr) == 1;
}

static bool
parse_rule(char *text, struct hostfwd *rule)
{
	char *dash = strchr(text, '-');

	rule->udp = strncmp(text, "udp:", 4) == 0;
	if (dash == NULL || (!rule->udp && strncmp(text, "tcp:", 4) != 0))
		return false;
	*dash = '\0';
	return parse_end(text + 4, &rule->host, &rule->host_port) &&
	    parse_end(dash + 1, &rule->guest, &rule->guest_port);
}

int
hostfwd_next(const char **list, struct hostfwd *rule)
{
	char text[RULE_MAX];
	size_t n;

	*list += strspn(*list, SEPARATORS);
	n = strcspn(*list, SEPARATORS);
	if (n == 0)
		return 0;
	if (n >= sizeof(text))
		return -1;
	memcpy(text, *list, n);
	text[n] = '\0';
	*list += n;
	return parse_rule(text, rule) ? 1 : -1;
}

const char *
netbe_check_hostfwd(const char *val)
{
	struct hostfwd rule;
	int rc;

	do {
		rc = hostfwd_next(&val, &rule);
	} while (rc > 0);
	return rc == 0 ? NULL :
			 "is no rule; say tcp:127.0.0.1:2222-:22, or udp:...; ';' between several";
}
