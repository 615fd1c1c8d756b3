/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Where a network device's packets go: libslirp (no privilege needed), a tap device, or another VM
 * through a unix datagram socket.  Ethernet frames, without FCS; with a struct virtio_net_hdr (12
 * bytes, virtio 1.2, 5.1.6) before them where netbe_features() says so.
 *
 * A backend belongs to one thread, the device's: everything here is called from it, and callbacks
 * come from it, out of its event loop.
 */
#ifndef BHYVE_NET_BACKEND_H
#define BHYVE_NET_BACKEND_H

#include <sys/uio.h>

#include <stdbool.h>
#include <stdint.h>

#include "devconf.h"
#include "event.h"

#define NETBE_MAX_FRAME 65550u /* a GSO frame with its Ethernet header */
#define NETBE_VNET_HDR	12u

struct netbe;

struct netbe_user {
	/*
	 * Frames wait: call netbe_recv() until it says 0, or netbe_recv_pause() when the guest
	 * has no buffers.
	 */
	void (*readable)(void *arg);
};

/* What a backend takes over from the guest; bits of virtio_net's features (VIRTIO_NET_F_*). */
#define NETBE_CSUM	 (1ull << 0)
#define NETBE_GUEST_CSUM (1ull << 1)
#define NETBE_GUEST_TSO4 (1ull << 7)
#define NETBE_GUEST_TSO6 (1ull << 8)
#define NETBE_GUEST_UFO	 (1ull << 10)
#define NETBE_HOST_TSO4	 (1ull << 11)
#define NETBE_HOST_TSO6	 (1ull << 12)
#define NETBE_HOST_UFO	 (1ull << 14)

/* The backend that conf's key "backend" names, not yet running.  NULL: a line was said. */
struct netbe *netbe_open(const struct dev_conf *conf);
void netbe_close(struct netbe *be);
uint64_t netbe_features(const struct netbe *be); /* NETBE_* it can do; 0: no vnet header at all */
/* What the driver accepted; from here on frames have the header if that is not 0, or if asked. */
int netbe_set_features(struct netbe *be, uint64_t features, bool vnet_hdr);
/* From the device's thread: begin to serve in loop; paused. */
int netbe_start(struct netbe *be, struct ev_loop *loop, const struct netbe_user *user, void *arg);
void netbe_stop(struct netbe *be);
/* A frame, with header if there is one.  Lost when the backend has no room: it is Ethernet. */
void netbe_send(struct netbe *be, const struct iovec *iov, int niov);
/* Length of the next frame, or 0: none. */
uint32_t netbe_peek(struct netbe *be);
/* What netbe_peek() found, all of it; valid until anything else is done with the backend. */
const uint8_t *netbe_peek_frame(const struct netbe *be);
/* The next frame into iov, cut off where that ends.  Its length, or 0: none. */
uint32_t netbe_recv(struct netbe *be, const struct iovec *iov, int niov);
void netbe_recv_pause(struct netbe *be, bool pause);
#define NETBE_MAX_IOVS 257 /* of a frame that is sent: a header, and a chain */
/* For vhost: the tap descriptor, or -1. */
int netbe_tap_fd(const struct netbe *be);
/* What wrong there is with a value of "backend", or NULL. */
const char *netbe_check_backend(const char *val);
/* What does not go together; as dev_model.check. */
const char *netbe_check_together(const struct dev_conf *conf, char *buf, size_t size);
/* The same for "tap" and "bridge", "peer", and "hostfwd". */
const char *netbe_check_ifname(const char *val);
const char *netbe_check_path(const char *val);
const char *netbe_check_hostfwd(const char *val);

/* ---- scattered bytes ---- */

/* Bytes of it all. */
uint32_t net_iov_len(const struct iovec *iov, int niov);
/* Gather from, or scatter to, at most len bytes from offset on; how many. */
uint32_t net_iov_copyout(
    const struct iovec *iov, int niov, uint32_t offset, void *buf, uint32_t len);
uint32_t net_iov_copyin(
    const struct iovec *iov, int niov, uint32_t offset, const void *buf, uint32_t len);

#endif /* BHYVE_NET_BACKEND_H */
