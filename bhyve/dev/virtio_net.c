/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A network card, virtio 1.2 section 5.1: frames between its queues and a backend (net_backend.h).
 *
 * One thread serves all of it from DRIVER_OK to reset: an event loop with the doorbells of the
 * queues and what the backend waits for.  The backend, the queues, and all that is marked so in
 * virtio_net_impl.h are that thread's.  Between device and backend each frame has its header, as
 * between driver and device; what the backend cannot do was not offered, and is not let through.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "debug.h"
#include "doorbell.h"
#include "host.h"
#include "iov.h"
#include "virtio_net_impl.h"

#define TX_BATCH   256 /* chains, then the others have their turn */
#define RX_BATCH   256 /* frames */
#define RX_BUFFERS 64u /* for one frame; of the page each that Linux gives, 17 are enough */
#define RX_IOVS	   (RX_BUFFERS + VIRTIO_MAX_SEGS)
#define FLOW_BYTES 96u /* of a frame, for its addresses and ports */
#define HDR_BYTES  ((uint32_t)sizeof(struct virtio_net_hdr))
#define MIN_MTU	   68u
#define MAX_MTU	   65521u
#define LINK_UP	   1u /* VIRTIO_NET_S_LINK_UP */

#define OFFLOADS                                                                                 \
	(NETBE_CSUM | NETBE_GUEST_CSUM | NETBE_GUEST_TSO4 | NETBE_GUEST_TSO6 | NETBE_GUEST_UFO | \
	    NETBE_HOST_TSO4 | NETBE_HOST_TSO6 | NETBE_HOST_UFO)

static uint16_t
le16(uint16_t v)
{
	return (uint16_t)get_le16((const uint8_t *)&v);
}

/* ---- to the guest ---- */

enum rx_result {
	RX_OK,
	RX_NO_BUFFERS, /* yet */
	RX_TOO_SMALL,  /* the frame does not fit; it is lost */
	RX_BROKEN,
};

/* The buffers for one frame. */
struct rx_buffers {
	uint32_t n, len;
	int niov;
	uint16_t head[RX_BUFFERS];
	uint32_t size[RX_BUFFERS];
	struct iovec iov[RX_IOVS];
};

static void
rx_unget(struct virtqueue *q, const struct rx_buffers *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		vq_unget(q);
}

static enum rx_result
rx_add(struct virtqueue *q, struct rx_buffers *b, const struct vq_chain *c)
{
	if (c->write_len < HDR_BYTES) { /* 5.1.6.3.1 */
		vq_break(q, "a receive buffer has no room for a header");
		return RX_BROKEN;
	}
	b->head[b->n] = c->head;
	b->size[b->n++] = c->write_len;
	memcpy(b->iov + b->niov, c->iov + c->nread, c->nwrite * sizeof(c->iov[0]));
	b->niov += c->nwrite;
	b->len = c->write_len < UINT32_MAX - b->len ? b->len + c->write_len : UINT32_MAX;
	return RX_OK;
}

/*
 * The next buffer.  Where there is none, the doorbell is asked for behind all that were taken: with
 * event indexes it would not be rung for what is asked in front of what is there already.
 */
static enum rx_result
rx_get(struct virtio_net *vn, struct virtqueue *q, struct rx_buffers *b)
{
	int rc = vq_get(q, &vn->chain);

	if (rc == 0 && vq_doorbell_on(q)) {
		vq_doorbell_off(q);
		rc = vq_get(q, &vn->chain);
	}
	if (rc == 1)
		return rx_add(q, b, &vn->chain);
	return rc == 0 ? RX_NO_BUFFERS : RX_BROKEN;
}

/* One buffer, or with MRG_RXBUF as many as it takes (5.1.6.4). */
static enum rx_result
rx_gather(struct virtio_net *vn, struct virtqueue *q, struct rx_buffers *b, uint32_t len)
{
	uint32_t most = (vn->features & VIRTIO_NET_F_MRG_RXBUF) != 0 ? RX_BUFFERS : 1;
	enum rx_result result = RX_OK;

	if (most > q->size)
		most = q->size;
	b->n = b->len = 0;
	b->niov = 0;
	while (result == RX_OK && b->len < len) {
		/* The last one may have any number of pieces. */
		if (b->n == most || b->niov > (int)RX_BUFFERS)
			result = RX_TOO_SMALL;
		else
			result = rx_get(vn, q, b);
	}
	if (result == RX_NO_BUFFERS || result == RX_TOO_SMALL)
		rx_unget(q, b);
	return result;
}

/* What the backend says of the frame, as far as the driver wants to hear it (5.1.6.4.1). */
static void
rx_header(struct virtio_net *vn, const struct rx_buffers *b)
{
	struct virtio_net_hdr hdr;

	net_iov_copyout(b->iov, b->niov, 0, &hdr, HDR_BYTES);
	if ((vn->features & NETBE_GUEST_CSUM) == 0)
		hdr.flags = 0;
	hdr.num_buffers = le16((uint16_t)b->n);
	net_iov_copyin(b->iov, b->niov, 0, &hdr, HDR_BYTES);
}

static void
rx_put(struct virtqueue *q, const struct rx_buffers *b, uint32_t len)
{
	for (uint32_t i = 0; i < b->n; i++) {
		uint32_t n = len < b->size[i] ? len : b->size[i];

		vq_put(q, b->head[i], n);
		len -= n;
	}
}

static enum rx_result
rx_deliver(struct virtio_net *vn, struct net_pair *pair, uint32_t len)
{
	struct rx_buffers b;
	enum rx_result result = rx_gather(vn, pair->rx, &b, len);

	if (result == RX_NO_BUFFERS || result == RX_BROKEN)
		return result;
	if (result == RX_TOO_SMALL) {
		netbe_recv(vn->be, NULL, 0);
		return result;
	}
	len = netbe_recv(vn->be, b.iov, b.niov);
	rx_header(vn, &b);
	rx_put(pair->rx, &b, len);
	pair->rx_filled = true;
	return RX_OK;
}

static void
rx_publish(struct virtio_net *vn)
{
	for (unsigned int i = 0; i < vn->max_pairs; i++) {
		if (vn->pair[i].rx_filled)
			vq_notify(vn->pair[i].rx);
		vn->pair[i].rx_filled = false;
	}
}

/*
 * The next frame, to the pair where it belongs.  False: there is none, or no buffers for it: then
 * the backend pauses until the driver fills that queue.
 */
static bool
rx_frame(struct virtio_net *vn)
{
	uint32_t len = netbe_peek(vn->be);
	struct net_pair *pair;
	const uint8_t *frame;

	if (len <= HDR_BYTES)
		return false;
	frame = netbe_peek_frame(vn->be) + HDR_BYTES;
	pair = &vn->pair[virtio_net_flow_pair(vn, frame, len - HDR_BYTES)];
	if (pair->rx == NULL || !virtio_net_wants(vn, frame, len - HDR_BYTES)) {
		netbe_recv(vn->be, NULL, 0);
		return true;
	}
	switch (rx_deliver(vn, pair, len)) {
	case RX_BROKEN:
		netbe_recv_pause(vn->be, true);
		return false;
	case RX_NO_BUFFERS:
		vn->hungry = pair;
		netbe_recv_pause(vn->be, true);
		return false;
	case RX_OK:
	case RX_TOO_SMALL:
		break;
	}
	return true;
}

static void
rx_readable(void *arg)
{
	struct virtio_net *vn = arg;

	for (int n = 0; n < RX_BATCH && rx_frame(vn); n++)
		;
	rx_publish(vn);
}

static const struct netbe_user netbe_user = { rx_readable };

static void
rx_doorbell(void *arg)
{
	struct net_pair *pair = arg;
	struct virtio_net *vn = pair->vn;

	doorbell_answer(pair->rx->doorbell);
	if (vn->hungry != pair)
		return;
	vn->hungry = NULL;
	vq_doorbell_off(pair->rx);
	netbe_recv_pause(vn->be, false);
}

/* ---- from the guest ---- */

/* The offload that a kind of segmentation is; 0: there is none such. */
static uint64_t
gso_feature(uint8_t gso_type)
{
	switch (gso_type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return NETBE_HOST_TSO4;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return NETBE_HOST_TSO6;
	case VIRTIO_NET_HDR_GSO_UDP:
		return NETBE_HOST_UFO;
	default:
		return 0;
	}
}

/*
 * Is this a header that may be believed (5.1.6.2.1)?  len: of the frame.  What a backend has no
 * business with is cleared.
 */
static bool
tx_header(const struct virtio_net *vn, struct virtio_net_hdr *hdr, uint32_t len)
{
	bool csum = (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0;

	hdr->flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM;
	hdr->num_buffers = 0;
	if (csum) {
		if ((vn->features & NETBE_CSUM) == 0 ||
		    (uint32_t)le16(hdr->csum_start) + le16(hdr->csum_offset) + 2 > len)
			return false;
	} else {
		hdr->csum_start = hdr->csum_offset = 0;
	}
	if (hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE) {
		hdr->hdr_len = hdr->gso_size = 0;
		return true;
	}
	if (!csum || hdr->gso_size == 0 || (vn->features & gso_feature(hdr->gso_type)) == 0)
		return false;
	if (le16(hdr->hdr_len) > len) /* a hint, 5.1.6.2 */
		hdr->hdr_len = 0;
	return true;
}

/* A chain without its header, behind one of ours. */
static int
tx_iov(const struct vq_chain *c, struct virtio_net_hdr *hdr, struct iovec iov[NETBE_MAX_IOVS])
{
	struct iov_cursor behind = iov_cursor(c->iov, c->nread);

	iov[0] = (struct iovec){ hdr, HDR_BYTES };
	iov_advance(&behind, HDR_BYTES);
	return 1 + iov_ahead(behind, iov + 1, NETBE_MAX_IOVS - 1, SIZE_MAX);
}

/* What makes no sense is lost, as on a wire. */
static void
tx_frame(struct virtio_net *vn, const struct vq_chain *c, unsigned int pair)
{
	struct iovec iov[NETBE_MAX_IOVS];
	uint32_t len = c->read_len - HDR_BYTES;
	uint8_t start[FLOW_BYTES];
	struct virtio_net_hdr hdr;

	net_iov_copyout(c->iov, c->nread, 0, &hdr, HDR_BYTES);
	if (len < ETHER_HDR || len > NETBE_MAX_FRAME || !tx_header(vn, &hdr, len))
		return;
	if (vn->npairs > 1) {
		len = net_iov_copyout(c->iov, c->nread, HDR_BYTES, start, sizeof(start));
		virtio_net_flow_learn(vn, start, len, pair);
	}
	netbe_send(vn->be, iov, tx_iov(c, &hdr, iov));
}

static void
tx_doorbell(void *arg)
{
	struct net_pair *pair = arg;
	struct virtio_net *vn = pair->vn;
	struct vq_chain *c = &vn->chain;
	struct virtqueue *q = pair->tx;
	int n;

	doorbell_answer(q->doorbell);
	vq_doorbell_off(q);
	for (n = 0; n < TX_BATCH && vq_get(q, c) == 1; n++) {
		if (c->read_len < HDR_BYTES) {
			vq_break(q, "a frame to send has no header");
			return;
		}
		tx_frame(vn, c, (unsigned int)(pair - vn->pair));
		vq_put(q, c->head, 0);
	}
	vq_notify(q);
	if (n == TX_BATCH || vq_doorbell_on(q))
		doorbell_ring(q->doorbell);
}

static void
ctrl_doorbell(void *arg)
{
	virtio_net_ctrl(arg);
}

/* ---- the thread ---- */

static bool
watch(struct virtio_net *vn, struct virtqueue *q, ev_fn *fn, void *arg)
{
	return q == NULL || ev_fd_add(vn->loop, q->doorbell, fn, arg) != NULL;
}

static bool
watch_queues(struct virtio_net *vn)
{
	for (unsigned int i = 0; i < vn->max_pairs; i++) {
		struct net_pair *pair = &vn->pair[i];

		if (!watch(vn, pair->rx, rx_doorbell, pair) ||
		    !watch(vn, pair->tx, tx_doorbell, pair))
			return false;
		/* Only asked for when a frame finds no buffer. */
		if (pair->rx != NULL)
			vq_doorbell_off(pair->rx);
	}
	return watch(vn, vn->ctrl, ctrl_doorbell, vn);
}

static void *
net_thread(void *arg)
{
	struct virtio_net *vn = arg;

	host_thread_name(pthread_self(), "virtio-net");
	if (vn->on_vhost) {
		ev_loop_run(vn->loop);
	} else if (netbe_start(vn->be, vn->loop, &netbe_user, vn) == 0) {
		netbe_recv_pause(vn->be, false);
		ev_loop_run(vn->loop);
		netbe_stop(vn->be);
	} else {
		virtio_break(&vn->vd);
	}
	return NULL;
}

/* Which queues there are depends on the features (5.1.2). */
static unsigned int
negotiated_pairs(const struct virtio_net *vn)
{
	const uint64_t mq = VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_MQ;

	return (vn->features & mq) == mq ? vn->max_pairs : 1;
}

static void
assign_queues(struct virtio_net *vn)
{
	bool ctrl = (vn->features & VIRTIO_NET_F_CTRL_VQ) != 0;
	unsigned int pairs = negotiated_pairs(vn);
	struct virtqueue *vq = vn->vd.vq;

	memset(vn->pair, 0, sizeof(vn->pair));
	for (unsigned int i = 0; i < vn->max_pairs; i++) {
		vn->pair[i].vn = vn;
		if (i < pairs && vq[2 * i].ready)
			vn->pair[i].rx = &vq[2 * i];
		if (i < pairs && vq[2 * i + 1].ready)
			vn->pair[i].tx = &vq[2 * i + 1];
	}
	vn->ctrl = ctrl && vq[2 * pairs].ready ? &vq[2 * pairs] : NULL;
	vn->hungry = NULL;
}

/* Without the kernel's help it is slower, not wrong.  A guest may do this often; once is enough. */
static void
start_vhost(struct virtio_net *vn)
{
	vn->on_vhost = vn->vhost != NULL &&
	    net_vhost_start(vn->vhost, &vn->vd, negotiated_pairs(vn), vn->loop) == 0;
	if (vn->vhost == NULL || vn->on_vhost || vn->said_vhost)
		return;
	vn->said_vhost = true;
	say("virtio-net: vhost-net cannot serve the queues (%s); bhyve does it itself",
	    strerror(errno));
}

static bool
serve_queues(struct virtio_net *vn)
{
	start_vhost(vn);
	return vn->on_vhost ? watch(vn, vn->ctrl, ctrl_doorbell, vn) : watch_queues(vn);
}

static void
net_start(void *sc)
{
	struct virtio_net *vn = sc;

	vn->features = vn->vd.features;
	/* Without it the header of a driver before 1.0 has no num_buffers (5.1.6.1). */
	if (vn->vd.legacy && (vn->features & VIRTIO_NET_F_MRG_RXBUF) == 0) {
		vq_break(
		    &vn->vd.vq[0], "a driver for virtio before 1.0 without VIRTIO_NET_F_MRG_RXBUF");
		return;
	}
	assign_queues(vn);
	virtio_net_ctrl_reset(vn);
	vn->loop = ev_loop_create();
	if (vn->loop != NULL && netbe_set_features(vn->be, vn->features & OFFLOADS, true) == 0 &&
	    serve_queues(vn) && pthread_create(&vn->thread, NULL, net_thread, vn) == 0) {
		vn->running = true;
		return;
	}
	if (vn->on_vhost)
		net_vhost_stop(vn->vhost);
	if (vn->loop != NULL)
		ev_loop_destroy(vn->loop);
	virtio_break(&vn->vd);
}

static void
net_reset(void *sc)
{
	struct virtio_net *vn = sc;

	if (vn->running) {
		ev_loop_stop(vn->loop);
		pthread_join(vn->thread, NULL);
		if (vn->on_vhost)
			net_vhost_stop(vn->vhost);
		ev_loop_destroy(vn->loop);
		vn->running = false;
	}
	memcpy(vn->config.mac, vn->mac, sizeof(vn->mac));
}

static void
net_broken(void *sc)
{
	struct virtio_net *vn = sc;

	if (vn->vhost != NULL)
		net_vhost_broken(vn->vhost);
}

static const struct virtio_ops net_ops = {
	.start = net_start,
	.reset = net_reset,
	.broken = net_broken,
};

/* ---- life ---- */

/* FNV-1a */
static uint64_t
hash(uint64_t h, const char *text)
{
	do {
		h = (h ^ (uint8_t)*text) * 0x100000001b3ull;
	} while (*text++ != '\0');
	return h;
}

/* Under FreeBSD's OUI, as in its bhyve; the same whenever this VM has a card in this slot. */
static void
default_mac(uint8_t mac[6], const char *vm_name, const char *place)
{
	uint64_t h = hash(hash(0xcbf29ce484222325ull, vm_name), place);

	mac[0] = 0x58;
	mac[1] = 0x9c;
	mac[2] = 0xfc;
	for (int i = 3; i < 6; i++)
		mac[i] = (uint8_t)(h >> (8 * i) ^ h >> (8 * i - 24));
}

static uint64_t
offered(const struct virtio_net *vn, const struct dev_conf *conf)
{
	uint64_t features = VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS | VIRTIO_NET_F_MRG_RXBUF |
	    VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_CTRL_MAC_ADDR;

	if (vn->max_pairs > 1)
		features |= VIRTIO_NET_F_MQ;
	if (dev_conf_get(conf, "mtu") != NULL)
		features |= VIRTIO_NET_F_MTU;
	return features | (netbe_features(vn->be) & OFFLOADS);
}

static void
configure(struct virtio_net *vn, const struct dev_env *env, const struct dev_conf *conf)
{
	if (!dev_conf_mac(conf, "mac", vn->mac))
		default_mac(vn->mac, env->vm_name, dev_conf_place(conf));
	memcpy(vn->config.mac, vn->mac, sizeof(vn->mac));
	vn->config.status = le16(LINK_UP);
	vn->config.max_virtqueue_pairs = le16((uint16_t)vn->max_pairs);
	vn->config.mtu = le16((uint16_t)dev_conf_number(conf, "mtu"));
	vn->vd = (struct virtio_dev){
		.ops = &net_ops,
		.sc = vn,
		.mem = env->mem,
		.id = VIRTIO_ID_NET,
		.offered = offered(vn, conf),
		.nqueues = 2 * vn->max_pairs + 1,
		.config = (uint8_t *)&vn->config,
		.config_size = sizeof(vn->config),
	};
}

static struct virtio_dev *
net_create(const struct dev_env *env, const struct dev_conf *conf)
{
	struct virtio_net *vn = calloc(1, sizeof(*vn));

	if (vn == NULL) {
		say("%s: no memory left", dev_conf_where(conf));
		return NULL;
	}
	vn->be = netbe_open(conf);
	if (vn->be == NULL) {
		free(vn);
		return NULL;
	}
	vn->max_pairs = (unsigned int)dev_conf_number(conf, "queues");
	if (net_vhost_open(conf, vn->be, vn->max_pairs, &vn->vhost) != 0) {
		netbe_close(vn->be);
		free(vn);
		return NULL;
	}
	configure(vn, env, conf);
	if (virtio_init(&vn->vd) != 0) {
		say("%s: %s", dev_conf_where(conf), strerror(errno));
		net_vhost_close(vn->vhost);
		netbe_close(vn->be);
		free(vn);
		return NULL;
	}
	return &vn->vd;
}

static void
net_destroy(struct virtio_dev *vd)
{
	struct virtio_net *vn = vd->sc;

	net_vhost_close(vn->vhost);
	netbe_close(vn->be);
	virtio_fini(vd);
	free(vn);
}

static const struct dev_option net_options[] = {
	{ .key = "backend",
	    .help = "slirp, tap0, tap:NAME or unix:PATH",
	    .def = "slirp",
	    .unless = "tap",
	    .check = netbe_check_backend },
	{ .key = "tap",
	    .help = "the same as tap:NAME",
	    .otherwise = "what backend says",
	    .check = netbe_check_ifname },
	{ .key = "bridge",
	    .help = "tap: the bridge that it becomes a port of",
	    .otherwise = "none",
	    .check = netbe_check_ifname },
	{ .key = "vhost",
	    .help = "tap: on, off or auto; the host's kernel moves the frames (vhost-net)",
	    .def = "auto",
	    .check = net_vhost_check },
	{ .key = "peer",
	    .help = "unix: the path of the other VM's socket",
	    .otherwise = "must be given with unix",
	    .check = netbe_check_path },
	{ .key = "hostfwd",
	    .help = "slirp: tcp:[HOST]:PORT-[GUEST]:PORT, or udp:; ';' between several",
	    .otherwise = "none",
	    .check = netbe_check_hostfwd },
	{ .key = "restrict",
	    .type = DEV_OPT_BOOL,
	    .help = "slirp: nothing but hostfwd leaves or enters",
	    .def = "false" },
	{ .key = "ipv6", .type = DEV_OPT_BOOL, .help = "slirp: IPv6 too", .def = "false" },
	{ .key = "mac",
	    .type = DEV_OPT_MAC,
	    .help = "the card's address",
	    .otherwise = "made of the VM's name and the slot" },
	{ .key = "mtu",
	    .type = DEV_OPT_NUMBER,
	    .help = "bytes behind an Ethernet header; the driver is told",
	    .min = MIN_MTU,
	    .max = MAX_MTU,
	    .otherwise = "1500, and the driver is not told" },
	{ .key = "queues",
	    .type = DEV_OPT_NUMBER,
	    .help = "pairs of queues that the guest may use",
	    .min = 1,
	    .max = VIRTIO_NET_MAX_PAIRS,
	    .def = "1" },
	{ .key = NULL },
};

const struct virtio_model virtio_net_model = {
	.model = {
		.name = "virtio-net",
		.help = "network card",
		.options = net_options,
		.legacy = "backend",
		.kind = DEV_VIRTIO,
		.check = netbe_check_together,
	},
	.pci_class = 0x020000, /* Ethernet controller */
	.create = net_create,
	.destroy = net_destroy,
};
