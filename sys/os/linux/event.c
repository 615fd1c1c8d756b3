/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Events are eventfds: what struct os_event points to is an eventfd_ctx, which outlives its file
 * while somebody has a reference.  A watch is an entry in the eventfd's wait queue, whose function
 * runs under the queue's lock wherever the eventfd is signalled: in a write(2), in vhost's thread,
 * in an interrupt.  Who has the queue's lock signals no other eventfd (the kernel warns).
 *
 * Jobs run on a queue of ours, so that the module can wait for the last one.
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "vmm_linux.h"

struct work {
	struct work_struct ws;
	void (*fn)(void *arg);
	void *arg;
};

struct watch {
	struct eventfd_ctx *ctx;
	wait_queue_head_t *queue; /* set by vfs_poll */
	wait_queue_entry_t entry;
	poll_table table; /* during vfs_poll */
	void (*fn)(void *arg);
	void (*gone)(void *arg);
	void *arg;
};

static_assert(sizeof(struct work) <= sizeof(struct os_work));
static_assert(sizeof(struct watch) <= sizeof(struct os_watch));

static struct workqueue_struct *vmm_wq;

/* ---- jobs ---- */

static void
work_run(struct work_struct *ws)
{
	struct work *w = container_of(ws, struct work, ws);

	w->fn(w->arg); /* w may be gone */
}

void
os_work_init(struct os_work *ow, void (*fn)(void *arg), void *arg)
{
	struct work *w = (struct work *)ow;

	INIT_WORK(&w->ws, work_run);
	w->fn = fn;
	w->arg = arg;
}

bool
os_work_queue(struct os_work *ow)
{
	return queue_work(vmm_wq, &((struct work *)ow)->ws);
}

int
vmm_event_init(void)
{
	vmm_wq = alloc_workqueue("vmm", WQ_UNBOUND, 0);
	return vmm_wq != NULL ? 0 : -ENOMEM;
}

/* No VM is left that could queue one; those that are queued end first. */
void
vmm_event_fini(void)
{
	destroy_workqueue(vmm_wq);
}

/* ---- events ---- */

static struct eventfd_ctx *
ctx_of(struct os_event *e)
{
	return (struct eventfd_ctx *)e;
}

int
os_event_get(int fd, struct os_event **out)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(fd);

	if (IS_ERR(ctx))
		return (int)PTR_ERR(ctx);
	*out = (struct os_event *)ctx;
	return 0;
}

void
os_event_put(struct os_event *e)
{
	eventfd_ctx_put(ctx_of(e));
}

void
os_event_signal(struct os_event *e)
{
	eventfd_signal(ctx_of(e), 1);
}

/* ---- watches ---- */

/* With the queue's lock, interrupts off.  Taking the count keeps it from being found later. */
static int
watch_wake(wait_queue_entry_t *entry, unsigned int mode, int sync, void *key)
{
	struct watch *w = container_of(entry, struct watch, entry);
	__poll_t what = key_to_poll(key);
	u64 count;

	if ((what & EPOLLIN) != 0) {
		eventfd_ctx_do_read(w->ctx, &count);
		w->fn(w->arg);
	}
	if ((what & EPOLLHUP) != 0)
		w->gone(w->arg);
	return 0;
}

static void
watch_queue(struct file *file, wait_queue_head_t *queue, poll_table *table)
{
	struct watch *w = container_of(table, struct watch, table);

	w->queue = queue;
	add_wait_queue(queue, &w->entry);
}

/* It was signalled before it was watched. */
static void
watch_catch_up(struct watch *w)
{
	unsigned long flags;
	u64 count;

	spin_lock_irqsave(&w->queue->lock, flags);
	eventfd_ctx_do_read(w->ctx, &count);
	if (count != 0)
		w->fn(w->arg);
	spin_unlock_irqrestore(&w->queue->lock, flags);
}

static bool
file_is(struct file *file, const struct eventfd_ctx *ctx)
{
	struct eventfd_ctx *its = eventfd_ctx_fileget(file);

	if (IS_ERR(its))
		return false;
	eventfd_ctx_put(its);
	return its == ctx;
}

/* The descriptor may be another's since the event was got from it. */
int
os_event_watch(struct os_watch *ow, struct os_event *e, int fd, void (*fn)(void *arg),
    void (*gone)(void *arg), void *arg)
{
	struct watch *w = (struct watch *)ow;
	struct fd f = fdget(fd);

	if (f.file == NULL)
		return -EBADF;
	if (!file_is(f.file, ctx_of(e))) {
		fdput(f);
		return -EINVAL;
	}
	*w = (struct watch){ .ctx = ctx_of(e), .fn = fn, .gone = gone, .arg = arg };
	init_waitqueue_func_entry(&w->entry, watch_wake);
	init_poll_funcptr(&w->table, watch_queue);
	if ((vfs_poll(f.file, &w->table) & EPOLLIN) != 0)
		watch_catch_up(w);
	fdput(f);
	return 0;
}

void
os_event_unwatch(struct os_watch *ow)
{
	struct watch *w = (struct watch *)ow;
	u64 count;

	eventfd_ctx_remove_wait_queue(w->ctx, &w->entry, &count);
}
