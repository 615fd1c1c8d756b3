/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Events are opens of /dev/vmmevent, since FreeBSD before 13 has nothing like Linux's eventfd:
 * each open is a counter of 64 bits.  write(2) of eight bytes adds, read(2) of eight takes all
 * there is and waits while there is nothing; poll(2) and kevent(2) tell.  An event outlives its
 * descriptors while the core has a reference, and then is signalled for nobody.  What it counts and
 * who watches is counter.c's.
 *
 * Events are signalled with a spin lock of theirs, in any context.  What must not be done there,
 * telling who polls, is left to a thread.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/capsicum.h>
#include <sys/conf.h>
#include <sys/event.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/filio.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/malloc.h>
#include <sys/mutex.h>
#include <sys/poll.h>
#include <sys/priority.h>
#include <sys/proc.h>
#include <sys/selinfo.h>
#include <sys/taskqueue.h>
#include <sys/uio.h>
#include <sys/vnode.h>

#include "counter.h"
#include "vmm_freebsd.h"

struct work {
	struct task task;
	void (*fn)(void *arg);
	void *arg;
	u_int queued; /* [a] and has not begun */
};

struct watch {
	struct counter_watch watch; /* [lock] */
	struct os_event *event;
};

struct os_event {
	struct mtx lock;	/* spin */
	struct counter counter; /* [lock] */
	u_int refs;		/* [a] the open, the core, and a job under way */
	u_int pollers; /* [a] somebody has polled, or has had a knote: from then on they are told */
	struct os_waitq readers;
	struct mtx poll_lock; /* of sel and its knotes; before lock */
	struct selinfo sel;
	struct work tell;
};

_Static_assert(sizeof(struct work) <= sizeof(struct os_work), "os_work is too small");
_Static_assert(sizeof(struct watch) <= sizeof(struct os_watch), "os_watch is too small");

static struct taskqueue *vmm_tq;
static struct cdev *event_dev;

/* ---- jobs ---- */

static void
work_run(void *arg, int pending __unused)
{
	struct work *w = arg;
	void (*fn)(void *arg) = w->fn;
	void *fn_arg = w->arg;

	__atomic_store_n(&w->queued, 0, __ATOMIC_SEQ_CST);
	fn(fn_arg); /* w may be gone */
}

static void
work_init(struct work *w, void (*fn)(void *arg), void *arg)
{
	memset(w, 0, sizeof(*w));
	TASK_INIT(&w->task, 0, work_run, w);
	w->fn = fn;
	w->arg = arg;
}

static bool
work_queue(struct work *w)
{
	if (__atomic_exchange_n(&w->queued, 1, __ATOMIC_SEQ_CST) != 0)
		return false;
	taskqueue_enqueue(vmm_tq, &w->task);
	return true;
}

void
os_work_init(struct os_work *ow, void (*fn)(void *arg), void *arg)
{
	work_init((struct work *)ow, fn, arg);
}

bool
os_work_queue(struct os_work *ow)
{
	return work_queue((struct work *)ow);
}

/* ---- an event's life ---- */

static void
event_hold(struct os_event *e)
{
	__atomic_fetch_add(&e->refs, 1, __ATOMIC_RELAXED);
}

void
os_event_put(struct os_event *e)
{
	if (__atomic_sub_fetch(&e->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	seldrain(&e->sel);
	knlist_destroy(&e->sel.si_note);
	mtx_destroy(&e->poll_lock);
	mtx_destroy(&e->lock);
	free(e, M_VMM);
	vmm_drop();
}

/* Those who poll look for themselves what there is. */
static void
event_tell(void *arg)
{
	struct os_event *e = arg;

	mtx_lock(&e->poll_lock);
	selwakeup(&e->sel);
	KNOTE_LOCKED(&e->sel.si_note, 0);
	mtx_unlock(&e->poll_lock);
	os_event_put(e);
}

static struct os_event *
event_make(void)
{
	struct os_event *e;

	if (!vmm_hold())
		return NULL;
	e = malloc(sizeof(*e), M_VMM, M_WAITOK | M_ZERO);
	mtx_init(&e->lock, "vmm event", NULL, MTX_SPIN);
	mtx_init(&e->poll_lock, "vmm event poll", NULL, MTX_DEF);
	counter_init(&e->counter);
	os_waitq_init(&e->readers);
	knlist_init_mtx(&e->sel.si_note, &e->poll_lock);
	work_init(&e->tell, event_tell, e);
	e->refs = 1;
	return e;
}

/* The last descriptor is closed. */
static void
event_closed(void *arg)
{
	struct os_event *e = arg;

	mtx_lock_spin(&e->lock);
	counter_closed(&e->counter);
	mtx_unlock_spin(&e->lock);
	os_event_put(e);
}

/* ---- signals ---- */

/* False: there is no room. */
static bool
event_add(struct os_event *e, uint64_t n)
{
	enum counter_added added;

	mtx_lock_spin(&e->lock);
	added = counter_add(&e->counter, n);
	mtx_unlock_spin(&e->lock);
	if (added != COUNTER_COUNTED)
		return added == COUNTER_WATCHED;
	os_waitq_wake(&e->readers);
	if (__atomic_load_n(&e->pollers, __ATOMIC_SEQ_CST) == 0)
		return true;
	event_hold(e);
	if (!work_queue(&e->tell))
		os_event_put(e); /* the caller has another: never the last one */
	return true;
}

void
os_event_signal(struct os_event *e)
{
	(void)event_add(e, 1);
}

static uint64_t
event_take(struct os_event *e)
{
	uint64_t n;

	mtx_lock_spin(&e->lock);
	n = counter_take(&e->counter);
	mtx_unlock_spin(&e->lock);
	return n;
}

static uint64_t
event_peek(struct os_event *e)
{
	uint64_t n;

	mtx_lock_spin(&e->lock);
	n = e->counter.n;
	mtx_unlock_spin(&e->lock);
	return n;
}

static bool
event_is_set(void *arg)
{
	return event_peek(arg) != 0;
}

/* ---- the device ---- */

static int
event_open(struct cdev *dev __unused, int oflags __unused, int devtype __unused,
    struct thread *td __unused)
{
	struct os_event *e = event_make();
	int error;

	if (e == NULL)
		return ENXIO;
	error = devfs_set_cdevpriv(e, event_closed);
	if (error != 0)
		os_event_put(e);
	return error;
}

/* The event behind a read or write of eight bytes. */
static int
event_of(struct os_event **e, const struct uio *uio)
{
	int error = devfs_get_cdevpriv((void **)e);

	if (error == 0 && uio->uio_resid != sizeof(uint64_t))
		error = EINVAL;
	return error;
}

static int
event_read(struct cdev *dev __unused, struct uio *uio, int ioflag)
{
	struct os_event *e;
	uint64_t n;
	int error = event_of(&e, uio);

	if (error != 0)
		return error;
	while ((n = event_take(e)) == 0) {
		if ((ioflag & O_NONBLOCK) != 0)
			return EAGAIN;
		if (os_waitq_wait(&e->readers, event_is_set, e) != 0)
			return EINTR;
	}
	return uiomove(&n, sizeof(n), uio);
}

static int
event_write(struct cdev *dev __unused, struct uio *uio, int ioflag __unused)
{
	struct os_event *e;
	uint64_t n;
	int error = event_of(&e, uio);

	if (error == 0)
		error = uiomove(&n, sizeof(n), uio);
	if (error != 0)
		return error;
	if (n == UINT64_MAX)
		return EINVAL;
	return event_add(e, n) ? 0 : EAGAIN;
}

/* The descriptor's own flags: O_NONBLOCK comes with each read. */
static int
event_ioctl(struct cdev *dev __unused, u_long cmd, caddr_t data __unused, int fflag __unused,
    struct thread *td __unused)
{
	return cmd == FIONBIO || cmd == FIOASYNC ? 0 : ENOTTY;
}

/* pollers is set before the look at the count, and read by who counts after that. */
static int
event_poll(struct cdev *dev __unused, int events, struct thread *td)
{
	int ready = events & (POLLOUT | POLLWRNORM);
	struct os_event *e;

	if (devfs_get_cdevpriv((void **)&e) != 0)
		return POLLHUP;
	if ((events & (POLLIN | POLLRDNORM)) == 0)
		return ready;
	mtx_lock(&e->poll_lock);
	selrecord(td, &e->sel);
	__atomic_store_n(&e->pollers, 1, __ATOMIC_SEQ_CST);
	if (event_is_set(e))
		ready |= events & (POLLIN | POLLRDNORM);
	mtx_unlock(&e->poll_lock);
	return ready;
}

static void
event_detach(struct knote *kn)
{
	struct os_event *e = kn->kn_hook;

	knlist_remove(&e->sel.si_note, kn, 0);
}

static int
event_filter_read(struct knote *kn, long hint __unused)
{
	uint64_t n = event_peek(kn->kn_hook);

	kn->kn_data = (int64_t)MIN(n, INT64_MAX);
	return n != 0;
}

static int
event_filter_write(struct knote *kn, long hint __unused)
{
	kn->kn_data = sizeof(uint64_t);
	return 1;
}

static struct filterops event_read_ops = {
	.f_isfd = 1,
	.f_detach = event_detach,
	.f_event = event_filter_read,
};

static struct filterops event_write_ops = {
	.f_isfd = 1,
	.f_detach = event_detach,
	.f_event = event_filter_write,
};

static int
event_kqfilter(struct cdev *dev __unused, struct knote *kn)
{
	struct os_event *e;
	int error = devfs_get_cdevpriv((void **)&e);

	if (error != 0)
		return error;
	if (kn->kn_filter == EVFILT_READ)
		kn->kn_fop = &event_read_ops;
	else if (kn->kn_filter == EVFILT_WRITE)
		kn->kn_fop = &event_write_ops;
	else
		return EINVAL;
	kn->kn_hook = e;
	knlist_add(&e->sel.si_note, kn, 0);
	__atomic_store_n(&e->pollers, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static struct cdevsw event_cdevsw = {
	.d_version = D_VERSION,
	.d_name = "vmmevent",
	.d_open = event_open,
	.d_read = event_read,
	.d_write = event_write,
	.d_ioctl = event_ioctl,
	.d_poll = event_poll,
	.d_kqfilter = event_kqfilter,
};

/* ---- the core's view of descriptors ---- */

/* The event of an open of our device. */
static int
file_event(struct file *fp, struct thread *td, struct os_event **out)
{
	struct file *before = td->td_fpop;
	int error;

	if (fp->f_type != DTYPE_VNODE || fp->f_vnode == NULL || fp->f_vnode->v_type != VCHR ||
	    fp->f_vnode->v_rdev != event_dev)
		return -EINVAL;
	td->td_fpop = fp;
	error = devfs_get_cdevpriv((void **)out);
	td->td_fpop = before;
	return error == 0 ? 0 : -EINVAL;
}

int
os_event_get(int fd, struct os_event **out)
{
	struct thread *td = curthread;
	cap_rights_t rights;
	struct file *fp;
	int error;

	error = fget(td, fd, cap_rights_init(&rights, CAP_WRITE), &fp);
	if (error != 0)
		return error == EBADF ? -EBADF : -EINVAL;
	error = file_event(fp, td, out);
	if (error == 0)
		event_hold(*out);
	fdrop(fp, td);
	return error;
}

/* ---- watches ---- */

/* The descriptor may be another's since the event was got from it. */
int
os_event_watch(struct os_watch *ow, struct os_event *e, int fd, void (*fn)(void *arg),
    void (*gone)(void *arg), void *arg)
{
	struct watch *w = (struct watch *)ow;
	struct thread *td = curthread;
	struct os_event *its;
	cap_rights_t rights;
	struct file *fp;

	if (fget(td, fd, cap_rights_init(&rights, CAP_WRITE), &fp) != 0)
		return -EBADF;
	if (file_event(fp, td, &its) != 0 || its != e) {
		fdrop(fp, td);
		return -EINVAL;
	}
	w->event = e;
	w->watch = (struct counter_watch){ .fn = fn, .gone = gone, .arg = arg };
	mtx_lock_spin(&e->lock);
	counter_watch(&e->counter, &w->watch);
	mtx_unlock_spin(&e->lock);
	fdrop(fp, td); /* gone(), if that was the last one */
	return 0;
}

void
os_event_unwatch(struct os_watch *ow)
{
	struct watch *w = (struct watch *)ow;

	mtx_lock_spin(&w->event->lock);
	counter_unwatch(&w->watch);
	mtx_unlock_spin(&w->event->lock);
}

/* ---- the module's part ---- */

int
vmm_event_init(void)
{
	struct make_dev_args args;
	int error;

	vmm_tq = taskqueue_create_fast("vmm", M_WAITOK, taskqueue_thread_enqueue, &vmm_tq);
	error = taskqueue_start_threads(&vmm_tq, 1, PI_SOFT, "vmm taskq");
	if (error == 0) {
		make_dev_args_init(&args);
		args.mda_flags = MAKEDEV_WAITOK | MAKEDEV_CHECKNAME;
		args.mda_devsw = &event_cdevsw;
		args.mda_mode = 0666;
		error = make_dev_s(&args, &event_dev, "vmmevent");
	}
	if (error == 0)
		return 0;
	vmm_err("no /dev/vmmevent (error %d)", error);
	taskqueue_free(vmm_tq);
	return error;
}

/* No VM and no event is left that could queue a job; those that are queued end first. */
void
vmm_event_fini(void)
{
	destroy_dev(event_dev);
	taskqueue_free(vmm_tq);
}
