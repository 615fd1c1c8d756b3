/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Network backends: which one is meant, and what is the same for all of them - the frame that was
 * peeked at, and headers where only one of the two sides has them.  Called by dev/virtio_net.c.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug.h"
#include "iov.h"
#include "net_impl.h"

#define FRAME_BYTES (NETBE_VNET_HDR + NETBE_MAX_FRAME)
#define SEND_IOVS   (NETBE_MAX_IOVS + 1)

/* "tap0", "tap12" */
static bool
tap_number(const char *val)
{
	return strncmp(val, "tap", 3) == 0 && val[3] != '\0' &&
	    val[3 + strspn(val + 3, "0123456789")] == '\0';
}

/* The kind that val names and, in *rest, what is left of val for it.  NULL: it names none. */
static const struct netbe_kind *
kind_of(const char *val, const char **rest)
{
	*rest = val;
	if (strcmp(val, "slirp") == 0)
		return &netbe_slirp;
	if (strncmp(val, "unix:", 5) == 0) {
		*rest = val + 5;
		return &netbe_socket;
	}
	if (strncmp(val, "tap:", 4) == 0)
		*rest = val + 4;
	return *rest != val || tap_number(val) ? &netbe_tap : NULL;
}

const char *
netbe_check_backend(const char *val)
{
	const char *rest;
	const struct netbe_kind *kind = kind_of(val, &rest);

	if (kind == NULL)
		return "is no backend; say slirp, tap0, tap:NAME or unix:PATH";
	if (kind == &netbe_slirp)
		return netbe_slirp_missing;
	if (kind == &netbe_tap)
		return netbe_check_ifname(rest);
	return netbe_check_path(rest);
}

const char *
netbe_check_ifname(const char *val)
{
	size_t n = strlen(val);

	if (n == 0 || n >= IFNAMSIZ || strpbrk(val, "/% \t\n") != NULL || strcmp(val, ".") == 0 ||
	    strcmp(val, "..") == 0)
		return "is no interface's name: 1 to 15 characters, none of them / % or blank";
	return NULL;
}

/* The backend that is meant and, in *rest, what of it; NULL: none that there is. */
static const struct netbe_kind *
kind_meant(const struct dev_conf *conf, const char **rest)
{
	*rest = dev_conf_get(conf, "tap");
	return *rest != NULL ? &netbe_tap : kind_of(dev_conf_get(conf, "backend"), rest);
}

/* Options that mean nothing with another backend. */
static const char *
check_strangers(const struct dev_conf *conf, const struct netbe_kind *kind, char *buf, size_t size)
{
	static const struct {
		const char *key;
		const struct netbe_kind *kind;
		const char *name;
	} own[] = {
		{ "hostfwd", &netbe_slirp, "slirp" },
		{ "restrict", &netbe_slirp, "slirp" },
		{ "ipv6", &netbe_slirp, "slirp" },
		{ "bridge", &netbe_tap, "a tap device" },
		{ "peer", &netbe_socket, "unix:PATH" },
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		const char *val = dev_conf_get(conf, own[i].key);

		if (kind == own[i].kind || val == NULL || strcmp(val, "false") == 0)
			continue;
		snprintf(buf, size, "%s=%.60s: goes with %s only; leave it out, or take that",
		    own[i].key, val, own[i].name);
		return buf;
	}
	return NULL;
}

static const char *
check_peer(const struct dev_conf *conf, const char *path, char *buf, size_t size)
{
	const char *peer = dev_conf_get(conf, "peer");

	if (peer == NULL)
		snprintf(buf, size, "unix:%.90s needs peer=PATH, the path of the other VM's", path);
	else if (strcmp(peer, path) == 0)
		snprintf(buf, size, "peer=%.90s: is this VM's own path; give the other's", peer);
	else
		return NULL;
	return buf;
}

const char *
netbe_check_together(const struct dev_conf *conf, char *buf, size_t size)
{
	const char *what = dev_conf_get(conf, "backend"), *rest;
	const struct netbe_kind *kind = kind_meant(conf, &rest);
	const char *wrong = NULL;

	if (dev_conf_get(conf, "tap") != NULL && what != NULL) {
		snprintf(buf, size, "tap=%s: with backend=%.60s these are two; leave one out", rest,
		    what);
		return buf;
	}
	if (kind == &netbe_socket)
		wrong = check_peer(conf, rest, buf, size);
	return wrong == NULL ? check_strangers(conf, kind, buf, size) : wrong;
}

struct netbe *
netbe_open(const struct dev_conf *conf)
{
	const char *rest;
	const struct netbe_kind *kind = kind_meant(conf, &rest);
	struct netbe *be = calloc(1, sizeof(*be));

	if (be == NULL || (be->frame = malloc(FRAME_BYTES)) == NULL) {
		say("%s: %s", dev_conf_where(conf), strerror(errno));
		free(be != NULL ? be->frame : NULL);
		free(be);
		return NULL;
	}
	be->kind = kind;
	be->paused = true;
	if (kind->open(be, conf, rest) != 0) {
		free(be->frame);
		free(be);
		return NULL;
	}
	return be;
}

void
netbe_close(struct netbe *be)
{
	be->kind->close(be);
	free(be->frame);
	free(be);
}

uint64_t
netbe_features(const struct netbe *be)
{
	return be->features;
}

int
netbe_set_features(struct netbe *be, uint64_t features, bool vnet_hdr)
{
	if ((features & ~be->features) != 0) {
		errno = ENOTSUP;
		return -1;
	}
	if (be->kind->set_features != NULL && be->kind->set_features(be, features) != 0)
		return -1;
	be->user_hdr = features != 0 || vnet_hdr;
	return 0;
}

/* A frame that was only looked at before the device paused: its descriptor says nothing of it. */
static void
prepare(void *arg)
{
	struct netbe *be = arg;

	if (be->kind->prepare != NULL)
		be->kind->prepare(be);
	if (be->frame_len != 0)
		netbe_frames_wait(be);
}

int
netbe_start(struct netbe *be, struct ev_loop *loop, const struct netbe_user *user, void *arg)
{
	be->user = user;
	be->user_arg = arg;
	be->paused = true;
	be->prepare = ev_prepare_add(loop, prepare, be);
	if (be->prepare == NULL)
		return -1;
	be->loop = loop;
	if (be->kind->start(be) == 0)
		return 0;
	ev_remove(be->prepare);
	be->loop = NULL;
	return -1;
}

void
netbe_stop(struct netbe *be)
{
	if (be->loop == NULL)
		return;
	be->kind->stop(be);
	ev_remove(be->prepare);
	be->loop = NULL;
	be->frame_len = 0;
}

void
netbe_recv_pause(struct netbe *be, bool pause)
{
	if (be->paused == pause)
		return;
	be->paused = pause;
	be->kind->pause(be, pause);
}

void
netbe_frames_wait(struct netbe *be)
{
	if (!be->paused)
		be->user->readable(be->user_arg);
}

int
netbe_tap_fd(const struct netbe *be)
{
	return be->kind == &netbe_tap ? netbe_tap_get_fd(be) : -1;
}

/* ---- frames ---- */

/* iov without its first skip bytes, and with room for one more before it: out[1] and so on. */
static int
iov_behind(const struct iovec *iov, int niov, size_t skip, struct iovec out[SEND_IOVS])
{
	struct iov_cursor c = iov_cursor(iov, niov);

	iov_advance(&c, skip);
	return 1 + iov_ahead(c, out + 1, SEND_IOVS - 1, SIZE_MAX);
}

void
netbe_send(struct netbe *be, const struct iovec *iov, int niov)
{
	static const uint8_t no_offload[NETBE_VNET_HDR];
	struct iovec out[SEND_IOVS];
	int n;

	if (be->loop == NULL || niov < 0 || niov > NETBE_MAX_IOVS)
		return;
	if (be->user_hdr == be->native_hdr) {
		be->kind->send(be, iov, niov);
	} else if (be->user_hdr) {
		n = iov_behind(iov, niov, NETBE_VNET_HDR, out);
		be->kind->send(be, out + 1, n - 1);
	} else {
		n = iov_behind(iov, niov, 0, out);
		out[0] = (struct iovec){ (void *)(uintptr_t)no_offload, sizeof(no_offload) };
		be->kind->send(be, out, n);
	}
}

/* As the device sees the frame that is at hand. */
static const uint8_t *
frame_at(const struct netbe *be, uint32_t *len)
{
	/* Frames without a header are read behind the room for one. */
	bool skip = !be->user_hdr;

	*len = be->frame_len - (skip ? NETBE_VNET_HDR : 0);
	return be->frame + (skip ? NETBE_VNET_HDR : 0);
}

/* Sees to it that a frame is at hand, if there is one. */
static bool
frame_fetch(struct netbe *be)
{
	uint32_t n, hdr = be->native_hdr ? 0 : NETBE_VNET_HDR;

	if (be->frame_len != 0)
		return true;
	if (be->loop == NULL)
		return false;
	n = be->kind->read(be, be->frame + hdr, FRAME_BYTES - hdr);
	if (n == 0 || hdr + n <= NETBE_VNET_HDR)
		return false;
	memset(be->frame, 0, hdr);
	be->frame_len = hdr + n;
	return true;
}

uint32_t
netbe_peek(struct netbe *be)
{
	uint32_t len;

	if (!frame_fetch(be))
		return 0;
	frame_at(be, &len);
	return len;
}

const uint8_t *
netbe_peek_frame(const struct netbe *be)
{
	uint32_t len;

	return frame_at(be, &len);
}

uint32_t
netbe_recv(struct netbe *be, const struct iovec *iov, int niov)
{
	const uint8_t *frame;
	uint32_t len;

	if (!frame_fetch(be))
		return 0;
	frame = frame_at(be, &len);
	be->frame_len = 0;
	net_iov_copyin(iov, niov, 0, frame, len);
	return len;
}
