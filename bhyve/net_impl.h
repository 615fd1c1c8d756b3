/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the kinds of network backend (net_tap.c, net_socket.c, net_slirp.c) are to net_backend.c,
 * and what they share.  All is called from the device's thread, open and close also before and
 * after it.
 */
#ifndef BHYVE_NET_IMPL_H
#define BHYVE_NET_IMPL_H

#include <netinet/in.h>

#include "net_backend.h"

struct netbe_kind {
	/* -1: a line was said that begins with dev_conf_where(). */
	int (*open)(struct netbe *be, const struct dev_conf *conf, const char *what);
	void (*close)(struct netbe *be);
	/* Wake user->readable() through netbe_frames_wait(); -1 with errno. */
	int (*start)(struct netbe *be);
	void (*stop)(struct netbe *be);
	void (*prepare)(struct netbe *be); /* before the loop waits; NULL */
	void (*pause)(struct netbe *be, bool pause);
	/* With the header where native_hdr says so. */
	void (*send)(struct netbe *be, const struct iovec *iov, int niov);
	/* The next frame, which is at most size bytes, or 0.  What is longer is lost. */
	uint32_t (*read)(struct netbe *be, uint8_t *buf, uint32_t size);
	/* NULL: nothing can be accepted. */
	int (*set_features)(struct netbe *be, uint64_t features);
};

struct netbe {
	const struct netbe_kind *kind;
	void *sc;
	uint64_t features; /* what it can do */
	bool native_hdr;   /* frames have a header on the backend's side */
	bool user_hdr;	   /* and on the device's */
	bool paused;
	struct ev_loop *loop; /* while started, and the next */
	struct ev_source *prepare;
	const struct netbe_user *user;
	void *user_arg;
	uint32_t frame_len; /* of the frame that was peeked at, in frame[]; 0: none */
	uint8_t *frame;
};

extern const struct netbe_kind netbe_slirp, netbe_tap, netbe_socket;
/* Where there is no slirp, why; NULL where there is. */
extern const char *const netbe_slirp_missing;

unsigned int netbe_tap_count(const struct netbe *be);

/* One of hostfwd's rules: what comes to host:host_port goes to guest:guest_port. */
struct hostfwd {
	bool udp;
	struct in_addr host, guest; /* INADDR_ANY: all of the host's, the guest's by DHCP */
	int host_port, guest_port;
};
/* The first rule of the list, which is moved behind it; 1, 0: there is none, -1: it is wrong. */
int hostfwd_next(const char **list, struct hostfwd *rule);

/* For a kind: frames may have come. */
void netbe_frames_wait(struct netbe *be);

/* Frames that wait, bytes of them bounded; whoever owns it does not share it. */
struct frame_ring;
struct frame_ring *frame_ring_create(uint32_t size); /* bytes; NULL with errno */
void frame_ring_destroy(struct frame_ring *r);
bool frame_ring_empty(const struct frame_ring *r);
/* False: there is no room, and nothing was done.  A frame has 1 byte at least. */
bool frame_ring_put(struct frame_ring *r, const struct iovec *iov, int niov);
/* The first frame, cut off at size; its length there, 0: none.  It stays until dropped. */
uint32_t frame_ring_peek(const struct frame_ring *r, uint8_t *buf, uint32_t size);
void frame_ring_drop(struct frame_ring *r);

#endif /* BHYVE_NET_IMPL_H */
