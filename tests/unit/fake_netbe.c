/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * net_backend.h over two arrays and a doorbell.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../bhyve/doorbell.h"
#include "../../bhyve/net_backend.h"
#include "fake_netbe.h"

#define WAITING 64

struct netbe {
	pthread_mutex_t lock;
	int fd;
	uint64_t features, accepted;
	struct ev_source *source;
	const struct netbe_user *user;
	void *arg;
	struct {
		uint8_t *bytes;
		uint32_t len;
	} in[WAITING];
	unsigned int first, waiting, sent;
	uint32_t last_len;
	uint8_t last[FAKE_NETBE_FRAME];
};
static struct netbe fake = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

static void
drop(void)
{
	free(fake.in[fake.first].bytes);
	fake.first = (fake.first + 1) % WAITING;
	if (--fake.waiting == 0)
		doorbell_answer(fake.fd);
}

void
fake_netbe_reset(uint64_t features)
{
	while (fake.waiting > 0)
		drop();
	fake.features = features;
	fake.accepted = 0;
	fake.sent = fake.last_len = 0;
}

uint64_t
fake_netbe_accepted(void)
{
	return fake.accepted;
}

bool
fake_netbe_inject(const void *frame, uint32_t len)
{
	unsigned int at;
	bool room;

	pthread_mutex_lock(&fake.lock);
	room = fake.waiting < WAITING;
	if (room) {
		at = (fake.first + fake.waiting++) % WAITING;
		fake.in[at].len = len;
		fake.in[at].bytes = malloc(len);
		if (fake.in[at].bytes == NULL)
			abort();
		memcpy(fake.in[at].bytes, frame, len);
		doorbell_ring(fake.fd);
	}
	pthread_mutex_unlock(&fake.lock);
	return room;
}

unsigned int
fake_netbe_waiting(void)
{
	unsigned int n;

	pthread_mutex_lock(&fake.lock);
	n = fake.waiting;
	pthread_mutex_unlock(&fake.lock);
	return n;
}

unsigned int
fake_netbe_sent(void)
{
	unsigned int n;

	pthread_mutex_lock(&fake.lock);
	n = fake.sent;
	pthread_mutex_unlock(&fake.lock);
	return n;
}

uint32_t
fake_netbe_last(uint8_t *frame, uint32_t size)
{
	uint32_t len;

	pthread_mutex_lock(&fake.lock);
	len = fake.last_len < size ? fake.last_len : size;
	memcpy(frame, fake.last, len);
	pthread_mutex_unlock(&fake.lock);
	return len;
}

/* ---- net_backend.h ---- */

struct netbe *
netbe_open(const struct dev_conf *conf)
{
	(void)conf;
	fake.fd = doorbell_create();
	return fake.fd >= 0 ? &fake : NULL;
}

void
netbe_close(struct netbe *be)
{
	fake_netbe_reset(0);
	close(be->fd);
	be->fd = -1;
}

uint64_t
netbe_features(const struct netbe *be)
{
	return be->features;
}

int
netbe_set_features(struct netbe *be, uint64_t features, bool vnet_hdr)
{
	if (!vnet_hdr || (features & ~be->features) != 0)
		abort();
	be->accepted = features;
	return 0;
}

static void
readable(void *arg)
{
	(void)arg;
	fake.user->readable(fake.arg);
}

int
netbe_start(struct netbe *be, struct ev_loop *loop, const struct netbe_user *user, void *arg)
{
	be->user = user;
	be->arg = arg;
	be->source = ev_fd_add(loop, be->fd, readable, be);
	if (be->source == NULL)
		return -1;
	ev_fd_enable(be->source, false);
	return 0;
}

void
netbe_stop(struct netbe *be)
{
	ev_remove(be->source);
}

void
netbe_send(struct netbe *be, const struct iovec *iov, int niov)
{
	pthread_mutex_lock(&be->lock);
	be->sent++;
	be->last_len = net_iov_copyout(iov, niov, 0, be->last, sizeof(be->last));
	pthread_mutex_unlock(&be->lock);
}

uint32_t
netbe_peek(struct netbe *be)
{
	uint32_t len;

	pthread_mutex_lock(&be->lock);
	len = be->waiting > 0 ? be->in[be->first].len : 0;
	pthread_mutex_unlock(&be->lock);
	return len;
}

/* The first frame stays where it is until netbe_recv(). */
const uint8_t *
netbe_peek_frame(const struct netbe *be)
{
	return be->in[be->first].bytes;
}

uint32_t
netbe_recv(struct netbe *be, const struct iovec *iov, int niov)
{
	uint32_t len = 0;

	pthread_mutex_lock(&be->lock);
	if (be->waiting > 0) {
		len = be->in[be->first].len;
		net_iov_copyin(iov, niov, 0, be->in[be->first].bytes, len);
		drop();
	}
	pthread_mutex_unlock(&be->lock);
	return len;
}

void
netbe_recv_pause(struct netbe *be, bool pause)
{
	ev_fd_enable(be->source, !pause);
}

const char *
netbe_check_together(const struct dev_conf *conf, char *buf, size_t size)
{
	(void)conf;
	(void)buf;
	(void)size;
	return NULL;
}

const char *
netbe_check_backend(const char *val)
{
	(void)val;
	return NULL;
}

const char *
netbe_check_ifname(const char *val)
{
	(void)val;
	return NULL;
}

const char *
netbe_check_path(const char *val)
{
	(void)val;
	return NULL;
}

const char *
netbe_check_hostfwd(const char *val)
{
	(void)val;
	return NULL;
}

/* What the rig's options are of. */
__attribute__((weak)) const char *
dev_conf_place(const struct dev_conf *conf)
{
	(void)conf;
	return "pci.0.3.0.";
}
