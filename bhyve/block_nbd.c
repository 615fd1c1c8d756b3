/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A disk that an NBD server has, through libnbd: qcow2 and the like by way of qemu-nbd or nbdkit.
 *
 * One thread owns the connection; submitters leave requests in a list and ring.  A request goes
 * out in pieces, one after another; many requests are under way at a time.  When the
 * connection is lost, all that is under way and all that comes later fails with EIO.
 *
 * A flush goes out after the replies of the writes that it covers have come, which is what the
 * protocol asks of clients.
 */
#include <errno.h>
#include <libnbd.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block_backend.h"
#include "iov.h"
#include "debug.h"
#include "doorbell.h"

/* Of what carries no data; the protocol has 32 bits for it. */
#define RANGE_PIECE (128u << 20)
#define URI_PREFIX  "nbd:"

struct block_nbd {
	struct blockif *b; /* immutable, down to the lock */
	struct nbd_handle *nbd;
	int wake;
	pthread_t thread;
	uint32_t data_piece; /* bytes, of what carries data */
	bool can_flush, can_trim, can_zero, fua;
	pthread_mutex_t lock;
	struct blockif_req *first, **last; /* [lock] submitted, not seen by the thread */
	bool stop;			   /* [lock] */
	/* The thread's: */
	struct job *finished; /* whose piece is done */
	unsigned int jobs;
	bool lost;
};

/* A request that is under way. */
struct job {
	struct block_nbd *n;
	struct job *next;
	struct blockif_req *req;
	struct iov_cursor at;
	uint64_t done; /* bytes */
	size_t piece;  /* bytes of the piece under way */
	uint8_t *buf;  /* where the guest's buffers are not in one piece; or zeroes */
	bool bounced;
	bool over; /* the piece is done, with this: */
	int error;
};

/* libnbd's lock is held: no call to it from here. */
static int
piece_over(void *arg, int *error)
{
	struct job *j = arg;

	if (!j->over) {
		j->over = true;
		j->error = *error;
		j->next = j->n->finished;
		j->n->finished = j;
	}
	return 1; /* libnbd may forget it */
}

static bool
is_data(const struct job *j)
{
	switch (j->req->op) {
	case BLOCKIF_READ:
	case BLOCKIF_WRITE:
		return true;
	case BLOCKIF_ZERO:
	case BLOCKIF_ZERO_KEEP:
		return !j->n->can_zero;
	default:
		return false;
	}
}

/* Where the piece's data are or go: the guest's buffer, or ours; NULL: no memory. */
static uint8_t *
piece_buffer(struct job *j)
{
	struct iovec front = iov_front(&j->at);
	bool moves = j->req->op == BLOCKIF_READ || j->req->op == BLOCKIF_WRITE;

	j->bounced = moves && front.iov_len < j->piece;
	if (moves && !j->bounced)
		return front.iov_base;
	/* The first piece is the longest. */
	if (j->buf == NULL)
		j->buf = calloc(1, j->piece);
	if (j->buf != NULL && j->req->op == BLOCKIF_WRITE) {
		struct iov_cursor ahead = j->at;

		iov_copy(&ahead, j->buf, j->piece, false);
	}
	return j->buf;
}

static int64_t
send_piece(struct job *j, uint8_t *buf)
{
	nbd_completion_callback over = { .callback = piece_over, .user_data = j };
	struct nbd_handle *nbd = j->n->nbd;
	uint64_t offset = j->req->offset + j->done;
	uint32_t fua = j->n->fua ? LIBNBD_CMD_FLAG_FUA : 0;

	switch (j->req->op) {
	case BLOCKIF_READ:
		return nbd_aio_pread(nbd, buf, j->piece, offset, over, 0);
	case BLOCKIF_FLUSH:
		return nbd_aio_flush(nbd, over, 0);
	case BLOCKIF_DISCARD:
		return nbd_aio_trim(nbd, j->piece, offset, over, 0);
	case BLOCKIF_ZERO_KEEP:
		fua |= j->n->can_zero ? LIBNBD_CMD_FLAG_NO_HOLE : 0;
		__attribute__((fallthrough));
	case BLOCKIF_ZERO:
		if (j->n->can_zero)
			return nbd_aio_zero(nbd, j->piece, offset, over, fua);
		__attribute__((fallthrough));
	default:
		return nbd_aio_pwrite(nbd, buf, j->piece, offset, over, fua);
	}
}

static void
job_step(struct job *j)
{
	uint64_t left = j->req->bytes - j->done;
	uint32_t most = is_data(j) ? j->n->data_piece : RANGE_PIECE;
	uint8_t *buf = NULL;
	int error = EIO;

	j->piece = left < most ? (size_t)left : most;
	j->over = false;
	if (j->n->lost || (is_data(j) && (buf = piece_buffer(j)) == NULL)) {
		error = j->n->lost ? EIO : ENOMEM;
		piece_over(j, &error);
	} else if (send_piece(j, buf) < 0) {
		piece_over(j, &error); /* unless it was called for that already */
	}
}

static void
job_end(struct job *j, int error)
{
	struct block_nbd *n = j->n;
	struct blockif_req *req = j->req;

	n->jobs--;
	free(j->buf);
	free(j);
	block_done(n->b, req, error);
}

/* The piece is done: the next, or the end. */
static void
job_go_on(struct job *j)
{
	if (j->error != 0 || j->req->op == BLOCKIF_FLUSH) {
		/* No errno of the protocol but this means what a guest can tell apart. */
		job_end(j, j->error == ENOSPC || j->error == 0 ? j->error : EIO);
		return;
	}
	if (j->req->op == BLOCKIF_READ && j->bounced)
		iov_copy(&j->at, j->buf, j->piece, true);
	else
		iov_advance(&j->at, j->piece);
	j->done += j->piece;
	if (j->done == j->req->bytes)
		job_end(j, 0);
	else
		job_step(j);
}

static bool
nothing_to_do(const struct block_nbd *n, const struct blockif_req *req)
{
	switch (req->op) {
	case BLOCKIF_FLUSH:
		return !n->can_flush;
	case BLOCKIF_DISCARD:
		return !n->can_trim || req->bytes == 0;
	default:
		return req->bytes == 0;
	}
}

static void
job_start(struct block_nbd *n, struct blockif_req *req)
{
	struct job *j;

	if (nothing_to_do(n, req)) {
		block_done(n->b, req, n->lost ? EIO : 0);
		return;
	}
	j = calloc(1, sizeof(*j));
	if (j == NULL) {
		block_done(n->b, req, ENOMEM);
		return;
	}
	n->jobs++;
	j->n = n;
	j->req = req;
	j->at = iov_cursor(req->iov, req->niov);
	job_step(j);
}

/* Requests and pieces that are there; false: it is over. */
static bool
serve(struct block_nbd *n)
{
	struct blockif_req *req, *next;
	struct job *j;
	bool stop;

	pthread_mutex_lock(&n->lock);
	req = n->first;
	n->first = NULL;
	n->last = &n->first;
	stop = n->stop;
	pthread_mutex_unlock(&n->lock);
	for (; req != NULL; req = next) {
		next = req->next;
		job_start(n, req);
	}
	while ((j = n->finished) != NULL) {
		n->finished = j->next;
		job_go_on(j);
	}
	return !stop || n->jobs != 0;
}

static void
check_connection(struct block_nbd *n)
{
	if (n->lost || (!nbd_aio_is_dead(n->nbd) && !nbd_aio_is_closed(n->nbd)))
		return;
	n->lost = true;
	say("the NBD server has gone; its disk fails from now on");
}

static void
wait_and_notify(struct block_nbd *n)
{
	int fd = n->lost ? -1 : nbd_aio_get_fd(n->nbd);
	unsigned int dir = fd < 0 ? 0 : nbd_aio_get_direction(n->nbd);
	struct pollfd p[2] = { { .fd = n->wake, .events = POLLIN }, { .fd = fd } };

	if ((dir & LIBNBD_AIO_DIRECTION_READ) != 0)
		p[1].events |= POLLIN;
	if ((dir & LIBNBD_AIO_DIRECTION_WRITE) != 0)
		p[1].events |= POLLOUT;
	if (poll(p, 2, -1) < 0)
		return;
	if (p[0].revents != 0)
		doorbell_answer(n->wake);
	/* Failures show in the connection's state, and in the callbacks of what was under way. */
	if ((p[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
		(void)nbd_aio_notify_read(n->nbd);
	else if ((p[1].revents & POLLOUT) != 0)
		(void)nbd_aio_notify_write(n->nbd);
}

static void *
nbd_thread(void *arg)
{
	struct block_nbd *n = arg;

	while (serve(n)) {
		wait_and_notify(n);
		check_connection(n);
	}
	return NULL;
}

static void
nbd_submit(void *be, struct blockif_req *req)
{
	struct block_nbd *n = be;

	req->next = NULL;
	pthread_mutex_lock(&n->lock);
	*n->last = req;
	n->last = &req->next;
	pthread_mutex_unlock(&n->lock);
	doorbell_ring(n->wake);
}

/* What the server can do against what was asked for. */
static bool
check_server(struct block_nbd *n, const struct block_params *p)
{
	n->can_flush = nbd_can_flush(n->nbd) == 1;
	n->can_trim = nbd_can_trim(n->nbd) == 1 && !p->nodelete;
	/* Zeroes may come as a hole; a server without them may have no NO_HOLE either. */
	n->can_zero = nbd_can_zero(n->nbd) == 1;
	n->fua = p->direct && nbd_can_fua(n->nbd) == 1;
	if (!p->read_only && nbd_is_read_only(n->nbd) != 0)
		say("%s: path=%s: the server has it read-only; add ro", p->where, p->path);
	else if (p->nocache)
		say("%s: path=%s: nocache is for files and devices; it is the server's to "
		    "decide here",
		    p->where, p->path);
	else if (p->direct && !p->read_only && !n->fua)
		say("%s: path=%s: the server cannot write through (FUA); leave out direct",
		    p->where, p->path);
	else
		return true;
	return false;
}

static bool
server_geometry(struct block_nbd *n, const struct block_params *p, struct blockif_info *info)
{
	int64_t bytes = nbd_get_size(n->nbd);
	int64_t least = nbd_get_block_size(n->nbd, LIBNBD_SIZE_MINIMUM);
	int64_t best = nbd_get_block_size(n->nbd, LIBNBD_SIZE_PREFERRED);
	int64_t most = nbd_get_block_size(n->nbd, LIBNBD_SIZE_MAXIMUM);

	if (bytes < 0) {
		say("%s: path=%s: %s", p->where, p->path, nbd_get_error());
		return false;
	}
	if (!block_geometry(p, info, (uint64_t)bytes, least > 1 ? (uint32_t)least : 1,
		best > 0 ? (uint32_t)best : 1))
		return false;
	n->data_piece = most > 0 && most < BLOCK_PIECE ? (uint32_t)most : BLOCK_PIECE;
	n->data_piece -= n->data_piece % info->sector;
	if (n->data_piece == 0) {
		say("%s: path=%s: the server takes %lld bytes at a time, less than a sector",
		    p->where, p->path, (long long)most);
		return false;
	}
	info->can_discard = n->can_trim && !p->read_only;
	info->can_zero = !p->read_only;
	return true;
}

static bool
connect_server(struct block_nbd *n, const struct block_params *p)
{
	const char *uri = p->path;

	/* "nbd:" before a URI that may be of any kind; "nbd://" is one itself. */
	if (strncmp(uri, URI_PREFIX, strlen(URI_PREFIX)) == 0 && strncmp(uri, "nbd://", 6) != 0)
		uri += strlen(URI_PREFIX);
	n->nbd = nbd_create();
	if (n->nbd != NULL && nbd_connect_uri(n->nbd, uri) == 0)
		return true;
	say("%s: path=%s: %s", p->where, p->path, nbd_get_error());
	return false;
}

static void
nbd_free(struct block_nbd *n)
{
	if (n->nbd != NULL)
		nbd_close(n->nbd);
	if (n->wake >= 0)
		close(n->wake);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

static void *
nbd_open(const struct block_params *p, struct blockif *b, struct blockif_info *info)
{
	struct block_nbd *n = calloc(1, sizeof(*n));

	if (n == NULL) {
		say("%s: out of memory", p->where);
		return NULL;
	}
	n->b = b;
	n->last = &n->first;
	n->wake = doorbell_create();
	pthread_mutex_init(&n->lock, NULL);
	if (n->wake < 0)
		say("%s: %s", p->where, strerror(errno));
	else if (connect_server(n, p) && check_server(n, p) && server_geometry(n, p, info)) {
		if (!n->can_flush && !p->read_only)
			say("%s: path=%s: the server cannot flush: what the guest wrote is as safe "
			    "as the server",
			    p->where, p->path);
		if (pthread_create(&n->thread, NULL, nbd_thread, n) == 0)
			return n;
		say("%s: cannot make a thread for the disk", p->where);
	}
	nbd_free(n);
	return NULL;
}

static void
nbd_stop(void *be)
{
	struct block_nbd *n = be;

	pthread_mutex_lock(&n->lock);
	n->stop = true;
	pthread_mutex_unlock(&n->lock);
	doorbell_ring(n->wake);
	pthread_join(n->thread, NULL);
	if (!n->lost)
		(void)nbd_shutdown(n->nbd, 0);
	nbd_free(n);
}

const struct block_backend block_nbd = {
	.open = nbd_open,
	.submit = nbd_submit,
	.close = nbd_stop,
};
