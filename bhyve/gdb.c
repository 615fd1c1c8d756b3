/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The debugger's server (gdb.h).  While the VM is halted all vCPU threads are held here, and only
 * then are registers and memory looked at.  Breakpoints are BKPT instructions, which leave with
 * VM_EXITCODE_BRK (VM_CAP_BRK_EXIT); they are in memory only while vCPUs run, so that nobody reads
 * them.  A step is a breakpoint at each place where the vCPU can go on; the other vCPUs stay
 * halted.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "debug.h"
#include "doorbell.h"
#include "gdb.h"
#include "gdb_arm.h"
#include "gdb_proto.h"
#include "gdb_where.h"

#define SIGNAL_INT  2 /* gdb's numbers */
#define SIGNAL_TRAP 5
#define MAX_POINTS  256
/* A step takes no time, but for an interrupt whose handler waits for a vCPU that is held. */
#define STEP_ALONE_MS 200
#define BKPT_ARM      0xe1200070u /* BKPT, encodings A1 and T1 */
#define BKPT_THUMB    0xbe00u
#define BIT64(n)      (1ull << (n))

/* A breakpoint. */
struct point {
	uint32_t va;
	bool thumb;
	bool inserted;
	uint64_t ipa; /* while inserted */
	uint32_t was;
};

struct gdb {
	struct vmctx *ctx; /* immutable, and down to lock */
	const struct guest_mem *mem;
	uint64_t vcpus;
	struct gdb_cpu cpu[VM_MAXCPU];
	int listener, bell;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool halted;	  /* [lock] vCPUs are held, but those in may_run */
	uint64_t may_run; /* [lock] */
	uint64_t held;	  /* [lock] vCPU threads that wait here */
	uint64_t hits;	  /* [lock] at a breakpoint, and nobody told gdb yet */
	bool ended;	  /* [lock] */
	int status;	  /* [lock] of the VM that ended */
	/* The server thread's: */
	int client;
	bool running;	      /* gdb waits for a stop reply */
	bool alone;	      /* one steps, the others are held */
	bool no_acks;	      /* QStartNoAckMode */
	unsigned int current; /* the vCPU of g, m, s and so on */
	struct point points[MAX_POINTS], temporary[ARM_STEP_MAX];
	unsigned int npoints, ntemporary;
	struct gdb_in in;
	struct gdb_out out;
};

/* ---- vCPU threads ---- */

static void
hold_locked(struct gdb *g, uint64_t bit)
{
	g->held |= bit;
	pthread_cond_broadcast(&g->changed);
	while (!g->ended && ((g->halted && (g->may_run & bit) == 0) || (g->hits & bit) != 0))
		pthread_cond_wait(&g->changed, &g->lock);
	g->held &= ~bit;
}

void
gdb_hold(struct gdb *g, unsigned int vcpu)
{
	pthread_mutex_lock(&g->lock);
	hold_locked(g, BIT64(vcpu));
	pthread_mutex_unlock(&g->lock);
}

void
gdb_breakpoint(struct gdb *g, unsigned int vcpu)
{
	pthread_mutex_lock(&g->lock);
	g->hits |= BIT64(vcpu);
	doorbell_ring(g->bell);
	hold_locked(g, BIT64(vcpu));
	pthread_mutex_unlock(&g->lock);
}

void
gdb_end(struct gdb *g, int status)
{
	pthread_mutex_lock(&g->lock);
	g->ended = true;
	g->status = status;
	pthread_cond_broadcast(&g->changed);
	doorbell_ring(g->bell);
	pthread_mutex_unlock(&g->lock);
}

/* ---- halting and going on ---- */

/* All vCPUs into hold_locked(). */
static void
halt(struct gdb *g)
{
	pthread_mutex_lock(&g->lock);
	g->halted = true;
	g->may_run = 0;
	pthread_mutex_unlock(&g->lock);
	vm_suspend_all_cpus(g->ctx);
	pthread_mutex_lock(&g->lock);
	while (!g->ended && g->held != g->vcpus)
		pthread_cond_wait(&g->changed, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

/* Only while there is a debugger are BKPTs not the guest's own affair.  All vCPUs are held. */
static void
trap_bkpt(struct gdb *g, bool on)
{
	for (unsigned int i = 0; i < VM_MAXCPU; i++) {
		if (g->cpu[i].vcpu != NULL)
			vm_set_capability(g->cpu[i].vcpu, VM_CAP_BRK_EXIT, on);
	}
}

static bool
point_insert(struct gdb *g, struct point *p)
{
	const struct gdb_cpu *c = &g->cpu[g->current];
	uint32_t bkpt = p->thumb ? BKPT_THUMB : BKPT_ARM;
	size_t size = p->thumb ? 2 : 4;
	void *ram;

	p->inserted = false;
	if (!gdb_arm_ipa(c, p->va, &p->ipa))
		return false;
	ram = guest_mem_at(g->mem, p->ipa, size);
	if (ram == NULL)
		return false;
	p->was = 0;
	memcpy(&p->was, ram, size);
	memcpy(ram, &bkpt, size);
	vm_sync_code(g->ctx, p->ipa, size);
	p->inserted = true;
	return true;
}

static void
point_remove(struct gdb *g, struct point *p)
{
	size_t size = p->thumb ? 2 : 4;

	if (!p->inserted)
		return;
	memcpy(guest_mem_at(g->mem, p->ipa, size), &p->was, size);
	vm_sync_code(g->ctx, p->ipa, size);
	p->inserted = false;
}

/* The last one first: a temporary one may stand where there is another. */
static void
remove_all(struct gdb *g)
{
	for (unsigned int i = g->ntemporary; i-- > 0;)
		point_remove(g, &g->temporary[i]);
	g->ntemporary = 0;
	for (unsigned int i = g->npoints; i-- > 0;)
		point_remove(g, &g->points[i]);
}

static void
insert_all(struct gdb *g, const struct arm_target *t, unsigned int nt, const uint64_t *skip)
{
	for (unsigned int i = 0; i < g->npoints; i++) {
		if (skip == NULL || g->points[i].va != *skip)
			point_insert(g, &g->points[i]);
	}
	for (unsigned int i = 0; i < nt; i++) {
		g->temporary[g->ntemporary] = (struct point){ .va = t[i].va, .thumb = t[i].thumb };
		if (point_insert(g, &g->temporary[g->ntemporary]))
			g->ntemporary++;
	}
}

static void
let_go(struct gdb *g, bool step)
{
	uint64_t who = step ? BIT64(g->current) : g->vcpus;

	g->running = true;
	g->alone = step;
	pthread_mutex_lock(&g->lock);
	g->hits = 0; /* who waits at a breakpoint comes to it again */
	g->halted = step;
	g->may_run = step ? who : 0;
	pthread_mutex_unlock(&g->lock);
	/* In the kernel first: a thread that comes out of here must not find itself suspended. */
	for (unsigned int i = 0; i < VM_MAXCPU; i++) {
		if ((who & BIT64(i)) != 0)
			vm_resume_cpu(g->cpu[i].vcpu);
	}
	pthread_mutex_lock(&g->lock);
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

/* False: it cannot step, since the PC or what it loads the PC from is not in RAM. */
static bool
go_on(struct gdb *g, bool step)
{
	struct arm_target t[ARM_STEP_MAX];
	unsigned int nt = 0;
	uint64_t pc;

	if (step) {
		nt = gdb_arm_targets(&g->cpu[g->current], t);
		if (nt == 0 || !gdb_arm_reg_read(&g->cpu[g->current], 15, &pc))
			return false;
	}
	/* No breakpoint where the step begins: the instruction there is to run. */
	insert_all(g, t, nt, step ? &pc : NULL);
	let_go(g, step);
	return true;
}

/* ---- talking ---- */

static bool
send_all(struct gdb *g, const char *p, size_t len)
{
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n) {
		n = send(g->client, p, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return false;
	}
	return true;
}

static void
answer(struct gdb *g, const char *text)
{
	gdb_out_begin(&g->out);
	gdb_out_text(&g->out, text);
}

static void
stop_reply(struct gdb *g, int signal)
{
	gdb_out_begin(&g->out);
	gdb_out_printf(&g->out, "T%02xthread:%x;", signal, g->current + 1);
}

static void
send_out(struct gdb *g)
{
	if (g->out.full)
		answer(g, "E07");
	gdb_out_end(&g->out);
	send_all(g, g->out.data, g->out.len);
}

/* ---- packets; each leaves its answer in g->out ---- */

static void
packet_regs_read(struct gdb *g)
{
	uint64_t val;

	gdb_out_begin(&g->out);
	for (unsigned int n = 0; n < gdb_arm_core_regs(); n++) {
		if (!gdb_arm_reg_read(&g->cpu[g->current], n, &val)) {
			answer(g, "E0e");
			return;
		}
		gdb_out_hex(&g->out, &val, gdb_arm_reg_bytes(n));
	}
}

static void
packet_regs_write(struct gdb *g, const char *p)
{
	uint64_t val;

	for (unsigned int n = 0; n < gdb_arm_core_regs(); n++) {
		val = 0;
		if (!gdb_unhex(p, &val, gdb_arm_reg_bytes(n))) {
			answer(g, "E16");
			return;
		}
		p += 2 * gdb_arm_reg_bytes(n);
		if (!gdb_arm_reg_write(&g->cpu[g->current], n, val)) {
			answer(g, "E0e");
			return;
		}
	}
	answer(g, "OK");
}

static void
packet_reg_read(struct gdb *g, const char *p)
{
	uint64_t n, val;

	if (!gdb_hex(&p, &n) || n > UINT32_MAX || gdb_arm_reg_bytes((unsigned int)n) == 0) {
		answer(g, "E16");
		return;
	}
	if (!gdb_arm_reg_read(&g->cpu[g->current], (unsigned int)n, &val)) {
		answer(g, "E0e");
		return;
	}
	gdb_out_begin(&g->out);
	gdb_out_hex(&g->out, &val, gdb_arm_reg_bytes((unsigned int)n));
}

static void
packet_reg_write(struct gdb *g, const char *p)
{
	uint64_t n, val = 0;

	if (!gdb_hex(&p, &n) || n > UINT32_MAX || *p++ != '=' ||
	    !gdb_unhex(p, &val, gdb_arm_reg_bytes((unsigned int)n)) ||
	    !gdb_arm_reg_write(&g->cpu[g->current], (unsigned int)n, val))
		answer(g, "E16");
	else
		answer(g, "OK");
}

/* "addr,len", and what comes behind. */
static bool
range(const char **p, uint32_t *va, size_t *len)
{
	uint64_t a, n;

	if (!gdb_hex(p, &a) || *(*p)++ != ',' || !gdb_hex(p, &n) || a > UINT32_MAX)
		return false;
	*va = (uint32_t)a;
	*len = n < GDB_PACKET_MAX / 2 ? (size_t)n : GDB_PACKET_MAX / 2;
	return true;
}

static void
packet_mem_read(struct gdb *g, const char *p)
{
	uint8_t buf[GDB_PACKET_MAX / 2];
	uint32_t va;
	size_t len;

	if (!range(&p, &va, &len)) {
		answer(g, "E16");
		return;
	}
	/* One byte less than a packet has room for. */
	len = gdb_arm_read(&g->cpu[g->current], va, buf, len < sizeof(buf) ? len : len - 1);
	if (len == 0) {
		answer(g, "E0e");
		return;
	}
	gdb_out_begin(&g->out);
	gdb_out_hex(&g->out, buf, len);
}

static void
packet_mem_write(struct gdb *g, const char *p, bool binary)
{
	uint8_t buf[GDB_PACKET_MAX / 2];
	const char *end = g->in.data + g->in.len;
	uint32_t va;
	size_t len;

	if (!range(&p, &va, &len) || *p++ != ':' || len > sizeof(buf) ||
	    (size_t)(end - p) != (binary ? len : 2 * len)) {
		answer(g, "E16");
		return;
	}
	if (binary)
		memcpy(buf, p, len);
	else if (!gdb_unhex(p, buf, len)) {
		answer(g, "E16");
		return;
	}
	answer(g, gdb_arm_write(&g->cpu[g->current], va, buf, len) == len ? "OK" : "E0e");
}

/* Z0,addr,kind and z0: kind 2 and 3 are Thumb, 4 is ARM ("Debugging with GDB", E.5.1). */
static void
packet_point(struct gdb *g, const char *p, bool set)
{
	struct point *pt, new = { 0 };
	uint64_t va, kind, ipa;
	unsigned int i;

	if (*p++ != '0') { /* hardware breakpoints and watchpoints */
		answer(g, "");
		return;
	}
	if (*p++ != ',' || !gdb_hex(&p, &va) || *p++ != ',' || !gdb_hex(&p, &kind) ||
	    va > UINT32_MAX) {
		answer(g, "E16");
		return;
	}
	for (i = 0; i < g->npoints && g->points[i].va != va; i++)
		;
	pt = &g->points[i];
	if (!set && i < g->npoints) {
		memmove(pt, pt + 1, (--g->npoints - i) * sizeof(*pt));
	} else if (set && i == g->npoints) {
		if (i == MAX_POINTS || !gdb_arm_ipa(&g->cpu[g->current], (uint32_t)va, &ipa)) {
			answer(g, i == MAX_POINTS ? "E1c" : "E0e");
			return;
		}
		new.va = (uint32_t)va;
		new.thumb = kind != 4;
		*pt = new;
		g->npoints++;
	}
	answer(g, "OK");
}

static bool
valid_thread(const struct gdb *g, uint64_t id)
{
	return id >= 1 && id <= VM_MAXCPU && (g->vcpus & BIT64(id - 1)) != 0;
}

/* A thread's number; 0 and -1 are any. */
static bool
thread_id(struct gdb *g, const char **p, unsigned int *vcpu)
{
	uint64_t id;

	if (strncmp(*p, "-1", 2) == 0) {
		*p += 2;
		return true;
	}
	if (!gdb_hex(p, &id))
		return false;
	if (id == 0)
		return true;
	if (!valid_thread(g, id))
		return false;
	*vcpu = (unsigned int)id - 1;
	return true;
}

static void
packet_select(struct gdb *g, const char *p)
{
	p++; /* g or c: we have one */
	answer(g, thread_id(g, &p, &g->current) ? "OK" : "E16");
}

/* True: vCPUs run, and the answer comes when they stop. */
static bool
packet_go(struct gdb *g, const char *p, bool step)
{
	uint64_t va;

	if (*p != '\0' && (!gdb_hex(&p, &va) || !gdb_arm_reg_write(&g->cpu[g->current], 15, va))) {
		answer(g, "E16");
		return false;
	}
	if (!go_on(g, step))
		stop_reply(g, SIGNAL_TRAP);
	return g->running;
}

/* vCont;action[:thread]...: a step of one, else all go on. */
static bool
packet_vcont(struct gdb *g, const char *p)
{
	unsigned int vcpu;
	bool step = false, any = false;
	char action;

	while (*p == ';' && !step) {
		action = p[1];
		vcpu = g->current;
		p += action != '\0' ? 2 : 1;
		if (action == 'C' || action == 'S') /* with a signal: a vCPU knows none */
			p += strcspn(p, ":;");
		if (*p == ':') {
			p++;
			if (!thread_id(g, &p, &vcpu))
				break;
		}
		any = action == 'c' || action == 'C' || action == 's' || action == 'S';
		step = action == 's' || action == 'S';
		if (step)
			g->current = vcpu;
	}
	if (!any) {
		answer(g, "E16");
		return false;
	}
	if (!go_on(g, step))
		stop_reply(g, SIGNAL_TRAP);
	return g->running;
}

static void
packet_threads(struct gdb *g)
{
	const char *comma = "m";

	gdb_out_begin(&g->out);
	for (unsigned int i = 0; i < VM_MAXCPU; i++) {
		if ((g->vcpus & BIT64(i)) == 0)
			continue;
		gdb_out_printf(&g->out, "%s%x", comma, i + 1);
		comma = ",";
	}
}

static void
packet_thread_info(struct gdb *g, const char *p)
{
	unsigned int vcpu = VM_MAXCPU;
	uint64_t on = 0;
	char text[32];

	if (!thread_id(g, &p, &vcpu) || vcpu == VM_MAXCPU) {
		answer(g, "E16");
		return;
	}
	vm_runnable_cpus(g->ctx, &on);
	snprintf(
	    text, sizeof(text), "vCPU %u%s", vcpu, (on & BIT64(vcpu)) != 0 ? "" : ", powered off");
	gdb_out_begin(&g->out);
	gdb_out_hex(&g->out, text, strlen(text));
}

static void
packet_features(struct gdb *g, const char *p)
{
	const char *xml = gdb_arm_description();
	uint64_t off, len, all = strlen(xml);

	if (strncmp(p, "target.xml:", 11) != 0) {
		answer(g, "E00");
		return;
	}
	p += 11;
	if (!gdb_hex(&p, &off) || *p++ != ',' || !gdb_hex(&p, &len) || off > all) {
		answer(g, "E16");
		return;
	}
	if (len > GDB_PACKET_MAX / 2 - 1)
		len = GDB_PACKET_MAX / 2 - 1; /* all of it may need an escape */
	if (len > all - off)
		len = all - off;
	gdb_out_begin(&g->out);
	gdb_out_text(&g->out, len < all - off ? "m" : "l");
	gdb_out_binary(&g->out, xml + off, (size_t)len);
}

static void
packet_query(struct gdb *g, const char *p)
{
	if (strncmp(p, "Supported", 9) == 0) {
		gdb_out_begin(&g->out);
		gdb_out_printf(&g->out,
		    "PacketSize=%x;qXfer:features:read+;vContSupported+;QStartNoAckMode+",
		    GDB_PACKET_MAX);
	} else if (strncmp(p, "Xfer:features:read:", 19) == 0) {
		packet_features(g, p + 19);
	} else if (strcmp(p, "fThreadInfo") == 0) {
		packet_threads(g);
	} else if (strcmp(p, "sThreadInfo") == 0) {
		answer(g, "l");
	} else if (strncmp(p, "ThreadExtraInfo,", 16) == 0) {
		packet_thread_info(g, p + 16);
	} else if (strcmp(p, "C") == 0) {
		gdb_out_begin(&g->out);
		gdb_out_printf(&g->out, "QC%x", g->current + 1);
	} else if (strncmp(p, "Attached", 8) == 0) {
		answer(g, "1");
	} else {
		answer(g, "");
	}
}

static void
packet_alive(struct gdb *g, const char *p)
{
	uint64_t id;

	answer(g, gdb_hex(&p, &id) && valid_thread(g, id) ? "OK" : "E16");
}

enum then { ANSWER, NO_ANSWER, DETACH };

static enum then
packet(struct gdb *g)
{
	const char *p = g->in.data + 1;

	answer(g, "");
	switch (g->in.data[0]) {
	case '?':
		stop_reply(g, SIGNAL_TRAP);
		break;
	case 'g':
		packet_regs_read(g);
		break;
	case 'G':
		packet_regs_write(g, p);
		break;
	case 'p':
		packet_reg_read(g, p);
		break;
	case 'P':
		packet_reg_write(g, p);
		break;
	case 'm':
		packet_mem_read(g, p);
		break;
	case 'M':
		packet_mem_write(g, p, false);
		break;
	case 'X':
		packet_mem_write(g, p, true);
		break;
	case 'Z':
	case 'z':
		packet_point(g, p, g->in.data[0] == 'Z');
		break;
	case 'H':
		packet_select(g, p);
		break;
	case 'T':
		packet_alive(g, p);
		break;
	case 'c':
	case 's':
		return packet_go(g, p, g->in.data[0] == 's') ? NO_ANSWER : ANSWER;
	case 'v':
		if (strcmp(p, "Cont?") == 0)
			answer(g, "vCont;c;C;s;S");
		else if (strncmp(p, "Cont;", 5) == 0)
			return packet_vcont(g, p + 4) ? NO_ANSWER : ANSWER;
		break;
	case 'q':
		packet_query(g, p);
		break;
	case 'Q':
		if (strcmp(p, "StartNoAckMode") == 0) {
			answer(g, "OK");
			g->no_acks = true;
		}
		break;
	case 'D':
		answer(g, "OK");
		return DETACH;
	case 'k': /* no answer is wanted */
		vm_suspend(g->ctx, VM_SUSPEND_POWEROFF);
		return NO_ANSWER;
	default:
		break;
	}
	return ANSWER;
}

/* ---- a session ---- */

static void
stopped(struct gdb *g, int signal)
{
	halt(g);
	remove_all(g);
	g->running = false;
	stop_reply(g, signal);
	send_out(g);
}

/* The bell rang: a breakpoint, or the end.  False: the session is over. */
static bool
rang(struct gdb *g)
{
	uint64_t hits;
	bool ended;
	int status;

	doorbell_answer(g->bell);
	pthread_mutex_lock(&g->lock);
	hits = g->hits;
	ended = g->ended;
	status = g->status;
	pthread_mutex_unlock(&g->lock);
	if (ended) {
		gdb_out_begin(&g->out);
		gdb_out_printf(&g->out, "W%02x", status & 0xff);
		send_out(g);
		return false;
	}
	if (hits != 0 && g->running) {
		if ((hits & BIT64(g->current)) == 0)
			g->current = (unsigned int)__builtin_ctzll(hits);
		stopped(g, SIGNAL_TRAP);
	}
	return true;
}

/* False: the session is over. */
static bool
took_byte(struct gdb *g, uint8_t byte)
{
	switch (gdb_in_byte(&g->in, byte)) {
	case GDB_IN_INTERRUPT:
		if (g->running)
			stopped(g, SIGNAL_INT);
		return true;
	case GDB_IN_BAD:
		return g->no_acks || send_all(g, "-", 1);
	case GDB_IN_PACKET:
		if (!g->no_acks && !send_all(g, "+", 1))
			return false;
		if (g->running) /* it must wait for the stop */
			return true;
		switch (packet(g)) {
		case ANSWER:
			send_out(g);
			return true;
		case DETACH:
			send_out(g);
			return false;
		default:
			return true;
		}
	default:
		return true;
	}
}

static void
session(struct gdb *g)
{
	struct pollfd fds[2] = { { g->client, POLLIN, 0 }, { g->bell, POLLIN, 0 } };
	uint8_t bytes[512];
	ssize_t n;

	g->no_acks = false;
	memset(&g->in, 0, sizeof(g->in));
	halt(g);
	trap_bkpt(g, true);
	for (;;) {
		n = poll(fds, 2, g->running && g->alone ? STEP_ALONE_MS : -1);
		if (n < 0 && errno != EINTR)
			return;
		if (n == 0)
			let_go(g, false);
		if ((fds[1].revents & POLLIN) != 0 && !rang(g))
			return;
		if (fds[0].revents == 0)
			continue;
		n = recv(g->client, bytes, sizeof(bytes), 0);
		if (n <= 0)
			return;
		for (ssize_t i = 0; i < n; i++) {
			if (!took_byte(g, bytes[i]))
				return;
		}
	}
}

/* Without a debugger the VM runs on, without breakpoints. */
static void
session_over(struct gdb *g)
{
	if (g->running)
		halt(g);
	trap_bkpt(g, false);
	remove_all(g);
	g->npoints = 0;
	go_on(g, false);
	g->running = false;
	close(g->client);
}

static bool
has_ended(struct gdb *g)
{
	bool ended;

	pthread_mutex_lock(&g->lock);
	ended = g->ended;
	pthread_mutex_unlock(&g->lock);
	return ended;
}

static void *
server(void *arg)
{
	struct gdb *g = arg;
	struct pollfd fds[2] = { { g->listener, POLLIN, 0 }, { g->bell, POLLIN, 0 } };
	int one = 1;

	while (!has_ended(g)) {
		if (poll(fds, 2, -1) <= 0 || (fds[0].revents & POLLIN) == 0) {
			/* one that it hit as the last debugger left: it is the guest's now */
			if ((fds[1].revents & POLLIN) != 0) {
				doorbell_answer(g->bell);
				let_go(g, false);
				g->running = false;
			}
			continue;
		}
		g->client = accept(g->listener, NULL, NULL);
		if (g->client < 0)
			continue;
		setsockopt(g->client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		session(g);
		session_over(g);
	}
	return NULL;
}

/* ---- setting up ---- */

static int
listen_at(const struct sockaddr_in *sin)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)sin, sizeof(*sin)) == 0 && listen(fd, 1) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Handles of our own. */
static int
open_vcpus(struct gdb *g)
{
	for (unsigned int i = 0; i < VM_MAXCPU; i++) {
		if ((g->vcpus & BIT64(i)) == 0)
			continue;
		g->cpu[i] = (struct gdb_cpu){ g->ctx, g->mem, vm_vcpu_open(g->ctx, i) };
		if (g->cpu[i].vcpu == NULL)
			return -1;
	}
	return 0;
}

static void
release(struct gdb *g)
{
	for (unsigned int i = 0; i < VM_MAXCPU; i++) {
		if (g->cpu[i].vcpu != NULL)
			vm_vcpu_close(g->cpu[i].vcpu);
	}
	if (g->listener >= 0)
		close(g->listener);
	if (g->bell >= 0)
		close(g->bell);
	free(g);
}

struct gdb *
gdb_create(struct vmctx *ctx, const struct guest_mem *mem, uint64_t vcpus, const char *where)
{
	struct gdb *g = calloc(1, sizeof(*g));
	struct sockaddr_in sin;

	if (g == NULL || !gdb_where(where, &g->halted, &sin)) {
		say("-G %s: %s", where, g == NULL ? "no memory left" : gdb_check(where));
		free(g);
		return NULL;
	}
	g->ctx = ctx;
	g->mem = mem;
	g->vcpus = vcpus;
	g->current = (unsigned int)__builtin_ctzll(vcpus);
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->changed, NULL);
	g->bell = doorbell_create();
	g->listener = listen_at(&sin);
	if (g->listener < 0)
		say("-G %s: cannot listen there: %s", where, strerror(errno));
	else if (g->bell < 0 || open_vcpus(g) != 0)
		say("-G %s: %s", where, strerror(errno));
	else if ((errno = pthread_create(&g->thread, NULL, server, g)) != 0)
		say("-G %s: no thread: %s", where, strerror(errno));
	else
		return g;
	release(g);
	return NULL;
}

void
gdb_destroy(struct gdb *g)
{
	pthread_join(g->thread, NULL);
	release(g);
}
