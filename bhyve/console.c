/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The console's other end.  Output goes through a ring of 64 KiB that a thread of its own writes
 * out, blocking as it likes; the device is told when a full ring has room again.  No byte is lost
 * on stdio and files.  On a pty or a socket where nobody reads for a second, and on a socket
 * without a client, the oldest bytes give way: the last 64 KiB are there for whoever comes.
 *
 * A port of a virtio console is a stream of data: there nothing gives way while a client is
 * connected, and without one what is sent is gone.
 *
 * Lock: out state under "lock"; callbacks are called without it.  The loop's thread does all input
 * and owns "in"; the descriptor of a client is closed by the writer alone.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "console.h"
#include "debug.h"
#include "host.h"
#include "outside.h"

#define RING_BYTES (64u << 10)
#define CHUNK	   4096u
#define IN_BYTES   256u
#define STALL_NS   1000000000ull
#define FLUSH_NS   2000000000ull

struct chardev {
	char *label;	  /* the option: "console" */
	const char *what; /* "stdio", "pty", ...: for messages */
	bool port;	  /* immutable: a stream of data */
	void (*client)(void *arg, bool there);
	struct ev_loop *loop;
	const struct chardev_user *user;
	void *user_arg;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint8_t ring[RING_BYTES];
	size_t head, count; /* [lock] */
	bool short_write;   /* [lock] the device waits for drained() */
	bool lossy;	    /* [lock] nobody reads: the oldest bytes give way */
	bool may_stall;	    /* immutable: pty, socket; not of a port */
	bool dead;	    /* [lock] the client does not take output any more */
	bool hangup;	    /* [lock] the loop is done with the client: the writer closes */
	bool closing;	    /* [lock] */
	bool broken;	    /* [lock] the sink failed; output is dropped */
	uint64_t progress;  /* [lock] time of the last byte that went out */
	pthread_t writer;
	int out; /* [lock] -1: no client, or none at all */

	int in;			     /* loop's thread */
	struct ev_source *in_source; /* [lock]; the loop's thread may read it without */
	struct ev_source *stall_timer;
	int listener, slave;
	struct ev_source *listen_source;
	int file; /* of the socket: outside.h; -1 */
};

/* ---- output ---- */

static void
ring_put(struct chardev *cd, const uint8_t *bytes, size_t n)
{
	size_t at = (cd->head + cd->count) % RING_BYTES, first = RING_BYTES - at;

	if (first > n)
		first = n;
	memcpy(cd->ring + at, bytes, first);
	memcpy(cd->ring, bytes + first, n - first);
	cd->count += n;
}

static size_t
ring_peek(const struct chardev *cd, uint8_t *bytes, size_t max)
{
	size_t n = cd->count < max ? cd->count : max, first = RING_BYTES - cd->head;

	if (first > n)
		first = n;
	memcpy(bytes, cd->ring + cd->head, first);
	memcpy(bytes + first, cd->ring, n - first);
	return n;
}

static void
ring_drop(struct chardev *cd, size_t n)
{
	cd->head = (cd->head + n) % RING_BYTES;
	cd->count -= n;
}

/* Back to the front, as far as there is room: the next client gets it. */
static void
ring_unget(struct chardev *cd, const uint8_t *bytes, size_t n)
{
	size_t room = RING_BYTES - cd->count;

	if (n > room) {
		bytes += n - room;
		n = room;
	}
	cd->head = (cd->head + RING_BYTES - n) % RING_BYTES;
	cd->count += n;
	for (size_t i = 0; i < n; i++)
		cd->ring[(cd->head + i) % RING_BYTES] = bytes[i];
}

/* With the lock held: the last bytes of all there are. */
static void
ring_put_lossy(struct chardev *cd, const uint8_t *bytes, size_t n)
{
	size_t room = RING_BYTES - cd->count;

	if (n > RING_BYTES) {
		bytes += n - RING_BYTES;
		n = RING_BYTES;
	}
	if (n > room)
		ring_drop(cd, n - room);
	ring_put(cd, bytes, n);
}

/* With the lock held.  Returns how many were taken. */
static size_t
ring_put_some(struct chardev *cd, const uint8_t *bytes, size_t n)
{
	size_t room = RING_BYTES - cd->count;

	if (n > room) {
		n = room;
		/* Once: a guest that keeps writing must not put the moment off. */
		if (cd->may_stall && !cd->short_write)
			ev_timer_arm(cd->stall_timer, STALL_NS);
		cd->short_write = true;
	}
	ring_put(cd, bytes, n);
	return n;
}

size_t
chardev_write(struct chardev *cd, const uint8_t *bytes, size_t n)
{
	bool was_empty;

	pthread_mutex_lock(&cd->lock);
	was_empty = cd->count == 0;
	if (cd->lossy && !cd->broken && !cd->port)
		ring_put_lossy(cd, bytes, n);
	else if (!cd->lossy && !cd->broken)
		n = ring_put_some(cd, bytes, n);
	if (was_empty && cd->count > 0)
		pthread_cond_broadcast(&cd->changed);
	pthread_mutex_unlock(&cd->lock);
	return n;
}

/* A full ring for a second, and no byte went out: nobody reads. */
static void
stalled(void *arg)
{
	struct chardev *cd = arg;
	bool tell;

	pthread_mutex_lock(&cd->lock);
	if (cd->short_write && ev_now_ns() - cd->progress < STALL_NS)
		ev_timer_arm(cd->stall_timer, STALL_NS);
	else if (cd->short_write)
		cd->lossy = true;
	tell = cd->lossy && cd->short_write;
	if (tell)
		cd->short_write = false;
	pthread_mutex_unlock(&cd->lock);
	if (tell && cd->user != NULL)
		cd->user->drained(cd->user_arg);
}

/* With the lock held.  The sink is gone: a client's for good, ours for ever. */
static void
writer_lost(struct chardev *cd, int error)
{
	if (cd->listener >= 0) {
		cd->dead = true;
		if (cd->in_source != NULL)
			ev_fd_enable(cd->in_source, true); /* so that the loop looks */
		return;
	}
	say("%s=%s: %s; output is dropped from here on", cd->label, cd->what, strerror(error));
	cd->broken = true;
	cd->count = 0;
}

/* With the lock held; drops it while it tells the device. */
static void
writer_close_client(struct chardev *cd)
{
	bool tell = cd->port && cd->short_write;

	close(cd->out);
	cd->out = -1;
	cd->hangup = cd->dead = false;
	cd->lossy = true;
	if (cd->port)
		cd->count = 0;
	if (tell) {
		cd->short_write = false;
		pthread_mutex_unlock(&cd->lock);
		cd->user->drained(cd->user_arg);
		pthread_mutex_lock(&cd->lock);
	}
	ev_fd_enable(cd->listen_source, true);
}

/* With the lock held; drops it while writing. */
static void
writer_write(struct chardev *cd)
{
	uint8_t chunk[CHUNK];
	size_t n = ring_peek(cd, chunk, sizeof(chunk)), done = 0;
	int error = 0, fd = cd->out;
	ssize_t w;
	bool tell;

	/* Taken out before they are written, so that lossy mode cannot drop them a second time. */
	ring_drop(cd, n);
	tell = cd->short_write;
	cd->short_write = false;
	pthread_mutex_unlock(&cd->lock);
	if (tell && cd->user != NULL)
		cd->user->drained(cd->user_arg);
	while (done < n && error == 0) {
		w = write(fd, chunk + done, n - done);
		if (w < 0 && errno != EINTR)
			error = errno;
		done += w > 0 ? (size_t)w : 0;
	}
	pthread_mutex_lock(&cd->lock);
	cd->progress = ev_now_ns();
	cd->lossy = false;
	if (error != 0) {
		if (cd->listener >= 0)
			ring_unget(cd, chunk + done, n - done);
		writer_lost(cd, error);
	}
}

static void *
writer_main(void *arg)
{
	struct chardev *cd = arg;

	pthread_mutex_lock(&cd->lock);
	for (;;) {
		if (cd->hangup && cd->out >= 0)
			writer_close_client(cd);
		else if (cd->count > 0 && cd->out >= 0 && !cd->broken && !cd->dead)
			writer_write(cd);
		else if (cd->closing)
			break;
		else
			pthread_cond_wait(&cd->changed, &cd->lock);
		pthread_cond_broadcast(&cd->changed);
	}
	pthread_mutex_unlock(&cd->lock);
	return NULL;
}

/* ---- input ---- */

static void input(void *arg);

void
chardev_input_ready(struct chardev *cd)
{
	pthread_mutex_lock(&cd->lock);
	if (cd->in_source != NULL)
		ev_fd_enable(cd->in_source, true);
	pthread_mutex_unlock(&cd->lock);
}

static void
input_end(struct chardev *cd)
{
	struct ev_source *s = cd->in_source;

	pthread_mutex_lock(&cd->lock);
	cd->in_source = NULL;
	pthread_mutex_unlock(&cd->lock);
	if (s != NULL)
		ev_remove(s);
	cd->in = -1;
}

static void
input_begin(struct chardev *cd)
{
	struct ev_source *s = ev_fd_add(cd->loop, cd->in, input, cd);

	if (s == NULL)
		say("%s=%s: no input: %s", cd->label, cd->what, strerror(errno));
	pthread_mutex_lock(&cd->lock);
	cd->in_source = s;
	pthread_mutex_unlock(&cd->lock);
}

static void
tell_client(struct chardev *cd, bool there)
{
	if (cd->client != NULL)
		cd->client(cd->user_arg, there);
}

static void
client_gone(struct chardev *cd)
{
	tell_client(cd, false);
	pthread_mutex_lock(&cd->lock);
	cd->hangup = true;
	shutdown(cd->out, SHUT_RDWR); /* the writer may be stuck in it */
	pthread_cond_broadcast(&cd->changed);
	pthread_mutex_unlock(&cd->lock);
}

/* The client closed its end, and all that it sent has been taken. */
static bool
at_end(const struct chardev *cd)
{
	char byte;

	return cd->listener >= 0 && recv(cd->in, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void
input(void *arg)
{
	struct chardev *cd = arg;
	uint8_t bytes[IN_BYTES];
	size_t room;
	ssize_t n;
	bool dead;

	pthread_mutex_lock(&cd->lock);
	dead = cd->dead;
	pthread_mutex_unlock(&cd->lock);
	dead = dead || at_end(cd);
	room = cd->user->room(cd->user_arg);
	if (room == 0 && !dead) {
		/* Off first, then look again: the device may have made room in between. */
		ev_fd_enable(cd->in_source, false);
		if (cd->user->room(cd->user_arg) > 0)
			ev_fd_enable(cd->in_source, true);
		return;
	}
	n = dead ? 0 : read(cd->in, bytes, room < sizeof(bytes) ? room : sizeof(bytes));
	if (n > 0) {
		cd->user->input(cd->user_arg, bytes, (size_t)n);
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		input_end(cd);
		if (cd->listener >= 0)
			client_gone(cd);
	}
}

/* ---- kinds ---- */

/* The process has one. */
static bool stdio_taken;

static int
open_stdio(struct chardev *cd)
{
	if (stdio_taken) {
		say("%s=stdio: standard input and output are in use already; console=stdio is the "
		    "default, so give that another place, as -o console=none",
		    cd->label);
		return -1;
	}
	stdio_taken = true;
	cd->in = STDIN_FILENO;
	cd->out = STDOUT_FILENO;
	tty_want_raw();
	return 0;
}

static int
open_file(struct chardev *cd, const char *path)
{
	cd->out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
	if (cd->out < 0) {
		say("%s=file:%s: %s", cd->label, path, strerror(errno));
		return -1;
	}
	return 0;
}

/* Our own descriptor of the slave stays open, so that the pty outlives its users. */
static int
open_pty(struct chardev *cd)
{
	struct termios mode;
	const char *name;

	cd->out = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (cd->out < 0 || grantpt(cd->out) != 0 || unlockpt(cd->out) != 0 ||
	    (name = ptsname(cd->out)) == NULL ||
	    (cd->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0) {
		say("%s=pty: %s", cd->label, strerror(errno));
		return -1;
	}
	if (tcgetattr(cd->slave, &mode) == 0) {
		cfmakeraw(&mode);
		tcsetattr(cd->slave, TCSANOW, &mode);
	}
	cd->in = cd->out;
	cd->may_stall = !cd->port;
	say("%s: %s", cd->label, name);
	return 0;
}

/* One client at a time; the next waits in the backlog. */
static void
client_new(void *arg)
{
	struct chardev *cd = arg;
	int fd;

	fd = accept4(cd->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	ev_fd_enable(cd->listen_source, false);
	cd->in = fd;
	input_begin(cd);
	pthread_mutex_lock(&cd->lock);
	cd->out = fd;
	cd->lossy = false;
	cd->hangup = cd->in_source == NULL;
	cd->progress = ev_now_ns();
	pthread_cond_broadcast(&cd->changed);
	pthread_mutex_unlock(&cd->lock);
	tell_client(cd, true);
}

/* A socket that a dead bhyve left is replaced; anything else at the path is not. */
static int
open_unix(struct chardev *cd, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int probe;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		say("%s=unix:%s: longer than %zu characters", cd->label, path,
		    sizeof(addr.sun_path) - 1);
		return -1;
	}
	strcpy(addr.sun_path, path);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
		probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (probe >= 0 && connect(probe, (struct sockaddr *)&addr, sizeof(addr)) != 0 &&
		    errno == ECONNREFUSED)
			unlink(path);
		if (probe >= 0)
			close(probe);
	}
	cd->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (cd->listener < 0 || bind(cd->listener, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
	    (cd->file = outside_add_file(path)) < 0 || listen(cd->listener, 1) != 0 ||
	    (cd->listen_source = ev_fd_add(cd->loop, cd->listener, client_new, cd)) == NULL) {
		say("%s=unix:%s: %s", cd->label, path,
		    errno == EADDRINUSE ? "is there and not a socket that was left over" :
					  strerror(errno));
		return -1;
	}
	cd->may_stall = !cd->port;
	cd->lossy = true;
	return 0;
}

static int
open_where(struct chardev *cd, const char *where)
{
	if (strncmp(where, "unix:", 5) == 0) {
		cd->what = "unix";
		return open_unix(cd, where + 5);
	}
	if (strncmp(where, "file:", 5) == 0) {
		cd->what = "file";
		return open_file(cd, where + 5);
	}
	if (strcmp(where, "pty") == 0) {
		cd->what = "pty";
		return open_pty(cd);
	}
	if (strcmp(where, "stdio") == 0) {
		cd->what = "stdio";
		return open_stdio(cd);
	}
	cd->what = "none";
	cd->broken = true;
	return 0;
}

static void
release(struct chardev *cd)
{
	if (cd->stall_timer != NULL)
		ev_remove(cd->stall_timer);
	if (cd->listen_source != NULL)
		ev_remove(cd->listen_source);
	if (cd->out == STDOUT_FILENO)
		stdio_taken = false;
	if (cd->out > STDERR_FILENO)
		close(cd->out);
	if (cd->listener >= 0)
		close(cd->listener);
	if (cd->slave >= 0)
		close(cd->slave);
	if (cd->file >= 0)
		outside_remove(cd->file);
	pthread_mutex_destroy(&cd->lock);
	pthread_cond_destroy(&cd->changed);
	free(cd->label);
	free(cd);
}

static struct chardev *
open_labelled(struct ev_loop *loop, const char *label, const char *where, bool port)
{
	struct chardev *cd = calloc(1, sizeof(*cd));
	pthread_condattr_t attr;

	if (cd == NULL || (cd->label = strdup(label)) == NULL) {
		say("%s: no memory left", label);
		free(cd);
		return NULL;
	}
	cd->port = port;
	cd->loop = loop;
	cd->in = cd->out = cd->listener = cd->slave = cd->file = -1;
	pthread_mutex_init(&cd->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&cd->changed, &attr);
	pthread_condattr_destroy(&attr);
	cd->stall_timer = ev_timer_add(loop, stalled, cd);
	if (cd->stall_timer == NULL || open_where(cd, where) != 0) {
		release(cd);
		return NULL;
	}
	if (pthread_create(&cd->writer, NULL, writer_main, cd) != 0) {
		say("%s: cannot start a thread", label);
		release(cd);
		return NULL;
	}
	return cd;
}

struct chardev *
console_open(struct ev_loop *loop, const char *where)
{
	return open_labelled(loop, "console", where, false);
}

struct chardev *
console_open_port(struct ev_loop *loop, const char *label, const char *where, bool terminal)
{
	char unix_path[sizeof("unix:") + sizeof(((struct sockaddr_un *)NULL)->sun_path)];

	/* A longer one is too long with its head, too. */
	if (strchr(where, '/') != NULL && strchr(where, ':') == NULL) {
		snprintf(unix_path, sizeof(unix_path), "unix:%s", where);
		where = unix_path;
	}
	return open_labelled(loop, label, where, !terminal);
}

const char *
console_port_wrong(const char *where)
{
	if (strcmp(where, "stdio") == 0 || strcmp(where, "pty") == 0 ||
	    (strncmp(where, "unix:", 5) == 0 && where[5] != '\0') ||
	    (strncmp(where, "file:", 5) == 0 && where[5] != '\0') ||
	    (strchr(where, '/') != NULL && strchr(where, ':') == NULL))
		return NULL;
	return "is none of stdio, pty, unix:PATH, file:PATH or the path of a socket";
}

void
chardev_watch(struct chardev *cd, void (*client)(void *arg, bool there))
{
	cd->client = client;
}

void
chardev_attach(struct chardev *cd, const struct chardev_user *user, void *arg)
{
	cd->user = user;
	cd->user_arg = arg;
}

void
console_start(struct chardev *cd)
{
	if (cd->in >= 0)
		input_begin(cd);
	if (cd->out >= 0)
		tell_client(cd, true);
}

/* Until the ring is empty and the writer idle, or nothing has gone out for a while. */
static bool
flush(struct chardev *cd)
{
	uint64_t deadline = ev_now_ns() + FLUSH_NS, at;
	bool ended = false;

	cd->closing = true;
	pthread_cond_broadcast(&cd->changed);
	while (!ended) {
		at = cd->progress + FLUSH_NS > deadline ? cd->progress + FLUSH_NS : deadline;
		if (ev_now_ns() >= at)
			break;
		pthread_mutex_unlock(&cd->lock);
		ended = host_thread_join(cd->writer, at) == 0;
		pthread_mutex_lock(&cd->lock);
	}
	return ended;
}

void
console_close(struct chardev *cd)
{
	input_end(cd);
	pthread_mutex_lock(&cd->lock);
	if (!flush(cd)) {
		/* It hangs in write(), which is a cancellation point. */
		say("%s=%s: nobody reads; the last output is lost", cd->label, cd->what);
		pthread_mutex_unlock(&cd->lock);
		pthread_cancel(cd->writer);
		pthread_join(cd->writer, NULL);
	} else {
		pthread_mutex_unlock(&cd->lock);
	}
	tty_restore();
	release(cd);
}
