/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Requests of other programs.  All is done in the loop's thread, and nothing in it blocks: a client
 * that says nothing keeps one of a few places, and others wait.
 */
#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "outside.h"
#include "vmmapi.h"

#define CLIENTS	    8
#define MAX_REQUEST 256

struct client {
	struct control *control;
	int fd; /* -1: a free place */
	struct ev_source *source;
};

struct control {
	const char *vm_name;
	struct control_table table[CONTROL_MAX_TABLES];
	unsigned int ntables;
	struct ev_loop *loop;
	int listener;
	int file; /* the listener's, by outside.h's number; -1: it has none */
	struct ev_source *source;
	struct client client[CLIENTS];
};

static void
client_end(struct client *cl)
{
	ev_remove(cl->source);
	close(cl->fd);
	cl->fd = -1;
	ev_fd_enable(cl->control->source, true);
}

/* "ok", or what is wrong. */
static const char *
answer_to(struct control *c, char *request)
{
	char *argument = strchr(request, ' ');
	const struct control_request *r;
	const char *said;

	if (argument != NULL)
		*argument++ = '\0';
	for (unsigned int i = 0; i < c->ntables; i++) {
		for (r = c->table[i].requests; r->word != NULL; r++) {
			if (strcmp(r->word, request) != 0)
				continue;
			said = r->handle(c->table[i].arg, argument != NULL ? argument : "");
			return said != NULL ? said : "ok";
		}
	}
	return "this bhyve does not know the request";
}

static void
client_readable(void *arg)
{
	struct client *cl = arg;
	char request[MAX_REQUEST + 1];
	ssize_t n = recv(cl->fd, request, MAX_REQUEST, MSG_DONTWAIT);
	const char *answer;

	if (n > 0) {
		request[n] = '\0';
		answer = answer_to(cl->control, request);
		/* Who does not take it does not get it. */
		send(cl->fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	client_end(cl);
}

static void
client_new(void *arg)
{
	struct control *c = arg;
	struct client *cl = c->client;
	int fd;

	while (cl < c->client + CLIENTS && cl->fd >= 0)
		cl++;
	if (cl == c->client + CLIENTS) {
		ev_fd_enable(c->source, false);
		return;
	}
	fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (outside_client_allowed(c->vm_name, fd))
		cl->source = ev_fd_add(c->loop, fd, client_readable, cl);
	else
		cl->source = NULL;
	if (cl->source == NULL)
		close(fd);
	else
		cl->fd = fd;
}

/* Its number, or -1: there is none to be removed. */
static int
add_file(const char *vm_name)
{
	char path[64];

	if (vm_control_dir == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/%s", vm_control_dir, vm_name);
	return outside_add_file(path);
}

static void
close_listener(struct control *c)
{
	if (c->listener >= 0)
		close(c->listener);
	if (c->file >= 0)
		outside_remove(c->file);
}

struct control *
control_create(
    struct ev_loop *loop, const char *vm_name, const struct control_table *tables, unsigned int n)
{
	struct control *c = n <= CONTROL_MAX_TABLES ? calloc(1, sizeof(*c)) : NULL;

	if (c == NULL)
		return NULL;
	*c = (struct control){ .vm_name = vm_name, .ntables = n, .loop = loop };
	memcpy(c->table, tables, n * sizeof(*tables));
	for (int i = 0; i < CLIENTS; i++)
		c->client[i] = (struct client){ .control = c, .fd = -1 };
	c->listener = vm_control_listen(vm_name);
	c->file = c->listener >= 0 ? add_file(vm_name) : -1;
	if (c->listener >= 0)
		c->source = ev_fd_add(loop, c->listener, client_new, c);
	if (c->source != NULL)
		return c;
	close_listener(c);
	free(c);
	return NULL;
}

void
control_destroy(struct control *c)
{
	for (int i = 0; i < CLIENTS; i++) {
		if (c->client[i].fd >= 0)
			client_end(&c->client[i]);
	}
	ev_remove(c->source);
	close_listener(c);
	free(c);
}
