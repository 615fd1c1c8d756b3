/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * User-mode networking: libslirp is the guest's gateway 10.0.2.2, its name server 10.0.2.3 and its
 * DHCP server, and speaks to the world through ordinary sockets of this process.
 *
 * libslirp wants to be asked before each wait which descriptors it waits for and how long, and told
 * afterwards what they were found to be.  Here that is the event loop's prepare call: descriptors
 * only note what they are, then slirp_pollfds_poll() and slirp_pollfds_fill() run once.
 *
 * Locks: libslirp has variables of its own that all instances share (the time, name servers), and
 * each device has its own thread: one lock is held around every call into it.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>

#include <errno.h>
#include <pthread.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>

#include "debug.h"
#include "net_impl.h"
#include "outside.h"

/* QEMU's, which every guest image knows. */
#define NETWORK	    "10.0.2.0"
#define NETMASK	    "255.255.255.0"
#define HOST	    "10.0.2.2"
#define NAMESERVER  "10.0.2.3"
#define DHCP_START  "10.0.2.15"
#define PREFIX6	    "fec0::"
#define HOST6	    "fec0::2"
#define NAMESERVER6 "fec0::3"

#define DEFAULT_MTU   1500u
#define RX_BYTES      (512u << 10) /* of frames that wait for the guest */
#define NS_PER_MS     1000000ull
#define NEVER	      UINT64_MAX
#define WATCHES_FIRST 64

const char *const netbe_slirp_missing;

/* A descriptor that libslirp waits for. */
struct watch {
	struct net_slirp *slirp;
	struct ev_source *source;
	unsigned int want, ready; /* EV_* */
	unsigned int pass;	  /* the fill that named it last */
};

/* libslirp has one timer, for router advertisements. */
struct slirp_timer {
	SlirpTimerId id;
	void *opaque;
	uint64_t at; /* ns, monotonic; NEVER */
};

struct net_slirp {
	Slirp *slirp;
	struct frame_ring *rx;
	uint8_t *tx;	      /* NETBE_MAX_FRAME bytes: libslirp wants a frame in one piece */
	struct watch **watch; /* by descriptor */
	int nwatch;	      /* descriptors there is room for */
	unsigned int pass;
	struct ev_source *wake; /* timer */
	bool due;		/* libslirp has something to be told */
	struct slirp_timer *timer;
};

static pthread_mutex_t library = PTHREAD_MUTEX_INITIALIZER;

/* ---- descriptors ---- */

static const struct {
	int slirp;
	unsigned int ev;
} poll_bits[] = {
	{ SLIRP_POLL_IN, EVENT_READ },
	{ SLIRP_POLL_OUT, EVENT_WRITE },
	{ SLIRP_POLL_PRI, EVENT_URGENT },
	{ SLIRP_POLL_ERR, EVENT_ERROR },
	{ SLIRP_POLL_HUP, EVENT_HANGUP },
};
#define POLL_BITS (sizeof(poll_bits) / sizeof(poll_bits[0]))

static struct watch *
watch_of(const struct net_slirp *s, int fd)
{
	return fd >= 0 && fd < s->nwatch ? s->watch[fd] : NULL;
}

static void
watch_drop(struct net_slirp *s, int fd)
{
	struct watch *w = watch_of(s, fd);

	if (w == NULL)
		return;
	ev_remove(w->source);
	s->watch[fd] = NULL;
	free(w);
}

static void
watch_drop_all(struct net_slirp *s)
{
	for (int fd = 0; fd < s->nwatch; fd++)
		watch_drop(s, fd);
}

/* Once for any number of them: see prepare(). */
static void
found(void *arg)
{
	struct watch *w = arg;

	w->ready = ev_fd_ready(w->source);
	w->slirp->due = true;
}

static bool
make_room(struct net_slirp *s, int fd)
{
	int n = s->nwatch != 0 ? s->nwatch : WATCHES_FIRST;
	struct watch **more;

	if (fd < s->nwatch)
		return true;
	while (n <= fd)
		n *= 2;
	more = realloc(s->watch, (size_t)n * sizeof(*more));
	if (more == NULL)
		return false;
	memset(more + s->nwatch, 0, (size_t)(n - s->nwatch) * sizeof(*more));
	s->watch = more;
	s->nwatch = n;
	return true;
}

static struct watch *
watch_add(struct netbe *be, int fd)
{
	struct net_slirp *s = be->sc;
	struct watch *w;

	if (fd < 0 || !make_room(s, fd) || (w = calloc(1, sizeof(*w))) == NULL)
		return NULL;
	w->slirp = s;
	w->want = EVENT_READ;
	w->source = ev_fd_add(be->loop, fd, found, w);
	if (w->source == NULL) {
		free(w);
		return NULL;
	}
	s->watch[fd] = w;
	return w;
}

/* slirp_pollfds_fill() names a descriptor; -1 is an index that get_revents() says nothing of. */
static int
add_poll(int fd, int events, void *arg)
{
	struct netbe *be = arg;
	struct net_slirp *s = be->sc;
	struct watch *w = watch_of(s, fd);
	unsigned int want = 0;

	for (size_t i = 0; i < POLL_BITS; i++)
		want |= (events & poll_bits[i].slirp) != 0 ? poll_bits[i].ev : 0;
	if (w == NULL && (w = watch_add(be, fd)) == NULL)
		return -1;
	if (w->want != want)
		ev_fd_want(w->source, want);
	w->want = want;
	w->pass = s->pass;
	return fd;
}

static int
get_revents(int fd, void *arg)
{
	struct netbe *be = arg;
	struct watch *w = watch_of(be->sc, fd);
	int events = 0;

	for (size_t i = 0; w != NULL && i < POLL_BITS; i++)
		events |= (w->ready & poll_bits[i].ev) != 0 ? poll_bits[i].slirp : 0;
	return events;
}

/* After a fill: what it did not name is not waited for. */
static void
drop_unnamed(struct net_slirp *s)
{
	for (int fd = 0; fd < s->nwatch; fd++) {
		if (s->watch[fd] != NULL && s->watch[fd]->pass != s->pass)
			watch_drop(s, fd);
	}
}

static void
clear_ready(struct net_slirp *s)
{
	for (int fd = 0; fd < s->nwatch; fd++) {
		if (s->watch[fd] != NULL)
			s->watch[fd]->ready = 0;
	}
}

/* ---- what libslirp calls ---- */

static ssize_t
send_packet(const void *buf, size_t len, void *arg)
{
	struct netbe *be = arg;
	struct net_slirp *s = be->sc;
	struct iovec iov = { (void *)(uintptr_t)buf, len };

	/* Without room it is lost, as on any wire. */
	if (len <= NETBE_MAX_FRAME)
		frame_ring_put(s->rx, &iov, 1);
	return (ssize_t)len;
}

static void
guest_error(const char *msg, void *arg)
{
	(void)msg; /* a guest can repeat it without end */
	(void)arg;
}

static int64_t
clock_get_ns(void *arg)
{
	(void)arg;
	return (int64_t)ev_now_ns();
}

static void *
timer_new(SlirpTimerId id, void *opaque, void *arg)
{
	struct netbe *be = arg;
	struct net_slirp *s = be->sc;
	struct slirp_timer *t = malloc(sizeof(*t));

	if (t != NULL)
		*t = (struct slirp_timer){ id, opaque, NEVER };
	s->timer = t;
	return t;
}

static void
timer_free(void *timer, void *arg)
{
	struct netbe *be = arg;
	struct net_slirp *s = be->sc;

	if (s->timer == timer)
		s->timer = NULL;
	free(timer);
}

static void
timer_mod(void *timer, int64_t expire_ms, void *arg)
{
	struct slirp_timer *t = timer;

	(void)arg;
	if (t != NULL)
		t->at = (uint64_t)expire_ms * NS_PER_MS;
}

/* A descriptor comes new, or goes: its number may have been another's before. */
static void
forget_fd(int fd, void *arg)
{
	struct netbe *be = arg;

	watch_drop(be->sc, fd);
}

static void
notify(void *arg)
{
	(void)arg; /* prepare() asks anyway */
}

static const SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = clock_get_ns,
	.timer_new_opaque = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = forget_fd,
	.unregister_poll_fd = forget_fd,
	.notify = notify,
};

/* ---- open ---- */

static void
log_nothing(const char *domain, int level, const char *message, void *arg)
{
	(void)domain;
	(void)level;
	(void)message;
	(void)arg;
}

/*
 * libslirp tells stderr, through GLib, what guests do wrong, each time.  GLib is there if libslirp
 * is; its headers need not be.
 */
static void
silence_library(void)
{
	typedef unsigned int set_handler(const char *domain, int levels,
	    void (*fn)(const char *, int, const char *, void *), void *arg);
	set_handler *set;
	const int all = ~3; /* G_LOG_LEVEL_MASK */

	*(void **)&set = dlsym(RTLD_DEFAULT, "g_log_set_handler");
	if (set != NULL)
		set("Slirp", all, log_nothing, NULL);
}

static struct in_addr
ip4(const char *text)
{
	struct in_addr a;

	inet_pton(AF_INET, text, &a);
	return a;
}

static struct in6_addr
ip6(const char *text)
{
	struct in6_addr a;

	inet_pton(AF_INET6, text, &a);
	return a;
}

static SlirpConfig
slirp_config(const struct dev_conf *conf)
{
	size_t told = (size_t)dev_conf_number(conf, "mtu"), mtu = told != 0 ? told : DEFAULT_MTU;

	return (SlirpConfig){
		.version = 4,
		.restricted = dev_conf_bool(conf, "restrict"),
		.in_enabled = true,
		.vnetwork = ip4(NETWORK),
		.vnetmask = ip4(NETMASK),
		.vhost = ip4(HOST),
		.vdhcp_start = ip4(DHCP_START),
		.vnameserver = ip4(NAMESERVER),
		.in6_enabled = dev_conf_bool(conf, "ipv6"),
		.vprefix_addr6 = ip6(PREFIX6),
		.vprefix_len = 64,
		.vhost6 = ip6(HOST6),
		.vnameserver6 = ip6(NAMESERVER6),
		.if_mtu = mtu,
		.if_mru = mtu,
	};
}

static int
add_forwards(struct net_slirp *s, const struct dev_conf *conf)
{
	const char *list = dev_conf_get(conf, "hostfwd"), *at;
	struct hostfwd rule;
	int rc;

	for (at = list; list != NULL && (rc = hostfwd_next(&at, &rule)) != 0;) {
		if (rc < 0) {
			say("%s: hostfwd=%s: %s", dev_conf_where(conf), list,
			    netbe_check_hostfwd(list));
			return -1;
		}
		if (rule.guest.s_addr == htonl(INADDR_ANY))
			rule.guest = ip4(DHCP_START);
		if (slirp_add_hostfwd(s->slirp, rule.udp, rule.host, rule.host_port, rule.guest,
			rule.guest_port) != 0) {
			say("%s: hostfwd: %s port %d of this host: %s", dev_conf_where(conf),
			    rule.udp ? "udp" : "tcp", rule.host_port,
			    errno == EADDRINUSE ? "is in use; choose another" :
				errno == EACCES ? "not permitted; choose one above 1023" :
						  strerror(errno));
			return -1;
		}
	}
	return 0;
}

static void
slirp_close(struct netbe *be)
{
	struct net_slirp *s = be->sc;

	pthread_mutex_lock(&library);
	if (s->slirp != NULL)
		slirp_cleanup(s->slirp);
	pthread_mutex_unlock(&library);
	frame_ring_destroy(s->rx);
	free(s->watch);
	free(s->tx);
	free(s);
}

static int
slirp_open(struct netbe *be, const struct dev_conf *conf, const char *what)
{
	struct net_slirp *s = calloc(1, sizeof(*s));
	SlirpConfig config = slirp_config(conf);
	int error = -1;

	if (s == NULL) {
		say("%s: no memory left", dev_conf_where(conf));
		return -1;
	}
	be->sc = s;
	outside_need_internet();
	s->rx = frame_ring_create(RX_BYTES);
	s->tx = malloc(NETBE_MAX_FRAME);
	pthread_mutex_lock(&library);
	silence_library();
	if (s->rx != NULL && s->tx != NULL)
		s->slirp = slirp_new(&config, &callbacks, be);
	if (s->slirp == NULL)
		say("%s: %s: libslirp %s does not start", dev_conf_where(conf), what,
		    slirp_version_string());
	else
		error = add_forwards(s, conf);
	pthread_mutex_unlock(&library);
	if (error != 0)
		slirp_close(be);
	return error;
}

/* ---- run ---- */

static void
woken(void *arg)
{
	struct net_slirp *s = arg;

	s->due = true;
}

/* The next of libslirp's time-outs and its timer, which is called where it is due. */
static void
arm(struct net_slirp *s, uint32_t timeout_ms)
{
	uint64_t now = ev_now_ns();
	uint64_t ns = timeout_ms != UINT32_MAX ? timeout_ms * NS_PER_MS : NEVER;

	if (s->timer != NULL && s->timer->at <= now) {
		s->timer->at = NEVER;
		slirp_handle_timer(s->slirp, s->timer->id, s->timer->opaque);
	}
	if (s->timer != NULL && s->timer->at != NEVER) {
		uint64_t left = s->timer->at > now ? s->timer->at - now : 0;

		ns = left < ns ? left : ns;
	}
	if (ns != NEVER)
		ev_timer_arm(s->wake, ns);
	else
		ev_timer_cancel(s->wake);
}

/* Before the loop waits, however it was woken. */
static void
slirp_prepare(struct netbe *be)
{
	struct net_slirp *s = be->sc;
	uint32_t timeout = UINT32_MAX;

	pthread_mutex_lock(&library);
	if (s->due)
		slirp_pollfds_poll(s->slirp, 0, get_revents, be);
	s->due = false;
	clear_ready(s);
	s->pass++;
	slirp_pollfds_fill(s->slirp, &timeout, add_poll, be);
	drop_unnamed(s);
	arm(s, timeout);
	pthread_mutex_unlock(&library);
	if (frame_ring_empty(s->rx))
		return;
	netbe_frames_wait(be);
	if (!be->paused && !frame_ring_empty(s->rx))
		ev_timer_arm(s->wake, 0); /* the device is to be called again */
}

static void
slirp_send(struct netbe *be, const struct iovec *iov, int niov)
{
	struct net_slirp *s = be->sc;
	uint32_t len = net_iov_len(iov, niov);

	if (len > NETBE_MAX_FRAME)
		return;
	net_iov_copyout(iov, niov, 0, s->tx, len);
	pthread_mutex_lock(&library);
	slirp_input(s->slirp, s->tx, (int)len);
	pthread_mutex_unlock(&library);
}

static uint32_t
slirp_read(struct netbe *be, uint8_t *buf, uint32_t size)
{
	struct net_slirp *s = be->sc;
	uint32_t len = frame_ring_peek(s->rx, buf, size);

	frame_ring_drop(s->rx);
	return len;
}

/* Frames wait in the ring, and prepare() looks there. */
static void
slirp_pause(struct netbe *be, bool pause)
{
	(void)be;
	(void)pause;
}

static int
slirp_start(struct netbe *be)
{
	struct net_slirp *s = be->sc;

	s->wake = ev_timer_add(be->loop, woken, s);
	return s->wake != NULL ? 0 : -1;
}

static void
slirp_stop(struct netbe *be)
{
	struct net_slirp *s = be->sc;

	watch_drop_all(s);
	ev_remove(s->wake);
	while (!frame_ring_empty(s->rx))
		frame_ring_drop(s->rx);
}

const struct netbe_kind netbe_slirp = {
	.open = slirp_open,
	.close = slirp_close,
	.start = slirp_start,
	.stop = slirp_stop,
	.prepare = slirp_prepare,
	.pause = slirp_pause,
	.send = slirp_send,
	.read = slirp_read,
};
