/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The event loop: descriptors, one-shot timers and signals, called back one at a time in the thread
 * that is in ev_loop_run().  A thin layer over what the OS has: event_epoll.c.
 *
 * Callbacks hold no lock of the loop and may call everything here.  From other threads
 * only what is marked so may be called.
 */
#ifndef BHYVE_EVENT_H
#define BHYVE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

struct ev_loop;
struct ev_source;

typedef void ev_fn(void *arg);

struct ev_loop *ev_loop_create(void); /* NULL with errno */
void ev_loop_destroy(struct ev_loop *loop);
void ev_loop_run(struct ev_loop *loop);	 /* until ev_loop_stop() */
void ev_loop_stop(struct ev_loop *loop); /* any thread */

/*
 * Call fn while fd can be read.  Regular files and the like, which never block, count
 * as always readable.  The fd stays the caller's.  NULL with errno.
 */
struct ev_source *ev_fd_add(struct ev_loop *loop, int fd, ev_fn *fn, void *arg);
void ev_fd_enable(struct ev_source *s, bool on); /* any thread; on after ev_fd_add */

/* What an fd may be waited for, and what it may be found to be. */
#define EVENT_READ   1u
#define EVENT_WRITE  2u
#define EVENT_URGENT 4u	 /* out-of-band data */
#define EVENT_HANGUP 8u	 /* found only, whatever was wanted */
#define EVENT_ERROR  16u /* found only, whatever was wanted */
/* Wait for these instead of EVENT_READ.  The loop's thread, while no other one uses the source. */
void ev_fd_want(struct ev_source *s, unsigned int events);
/* Within fn: what the fd was found to be. */
unsigned int ev_fd_ready(const struct ev_source *s);

/*
 * Call fn each time before the loop waits: for what has to be done once after any number of
 * callbacks.  It may add, remove and arm others.
 */
struct ev_source *ev_prepare_add(struct ev_loop *loop, ev_fn *fn, void *arg);

/* One-shot, in host monotonic time; created unarmed.  Arming again replaces the deadline. */
struct ev_source *ev_timer_add(struct ev_loop *loop, ev_fn *fn, void *arg);
void ev_timer_arm(struct ev_source *s, uint64_t ns_from_now); /* any thread; at most 2^30 s */
void ev_timer_cancel(struct ev_source *s); /* any thread; fn may be running still */

/* The signal must be blocked in every thread. */
struct ev_source *ev_signal_add(struct ev_loop *loop, int signo, ev_fn *fn, void *arg);

/* Of any kind.  fn is not called any more once this returns. */
void ev_remove(struct ev_source *s);

uint64_t ev_now_ns(void); /* monotonic */
int64_t ev_wall_s(void);  /* seconds since 1970, UTC */

#endif /* BHYVE_EVENT_H */
