/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Doorbells and bound interrupts against the real module: a guest of a few instructions stores
 * where eventfds are bound and waits for interrupts that eventfds make.  Which stores ring and
 * which come out; that VM_RUN does not return for those that ring; what unbinding, closing,
 * killing and reinitialising leave.  Prints what failed and how many, and exits 1 if any did.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vmm/machine.h>

#include "expect.h"
#include "vmmapi.h"

#define NAME	 "doorbell"
#define PAGE	 4096u
#define CPSR_SVC 0x1d3u /* all interrupts masked: WFI ends all the same */
#define LEAVE	 0x0b000000u
#define BELL	 0x10001000u
#define MSI	 80u
#define SPI	 40u
#define SPURIOUS 1023u
#define MANY	 1000u
#define PONGS	 200u
#define LONG	 20000u /* ms: more than it takes */

#define GICD_CTLR      (MACHINE_GICD_BASE + 0x000u)
#define GICD_ISENABLER (MACHINE_GICD_BASE + 0x100u)
#define GICD_PRIORITY  (MACHINE_GICD_BASE + 0x400u)
#define GICD_ICFGR     (MACHINE_GICD_BASE + 0xc00u)
#define GICC_CTLR      (MACHINE_GICC_BASE + 0x00u)
#define GICC_PMR       (MACHINE_GICC_BASE + 0x04u)

/*
 * The guest.  r0: LEAVE; a store there ends a step and gives r3 to the host, which sets the
 * registers of the next and where it begins, r5.  r1: an address, r2: how often, r6: GICC.
 */
extern const char guest[], guest_leave[], guest_word[], guest_half[], guest_byte[], guest_load[],
    guest_irq[], guest_poll[], guest_pong[], guest_end[];
__asm__(".pushsection .rodata\n"
	".arm\n"
	".balign 4\n"
	"guest:\n"
	"guest_leave:\n"
	"	str	r3, [r0]\n"
	"	mov	pc, r5\n"
	"guest_word:\n"
	"	str	r3, [r1]\n"
	"	subs	r2, r2, #1\n"
	"	bne	guest_word\n"
	"	b	guest_leave\n"
	"guest_half:\n"
	"	strh	r3, [r1]\n"
	"	b	guest_leave\n"
	"guest_byte:\n"
	"	strb	r3, [r1], #1\n"
	"	b	guest_leave\n"
	"guest_load:\n"
	"	ldr	r3, [r1]\n"
	"	b	guest_leave\n"
	"guest_irq:\n" /* wait for one, end it, tell which */
	"	wfi\n"
	"	ldr	r3, [r6, #0xc]\n"
	"	cmp	r3, r7\n"
	"	beq	guest_irq\n"
	"	str	r3, [r6, #0x10]\n"
	"	b	guest_leave\n"
	"guest_poll:\n" /* the same without sleep */
	"	ldr	r3, [r6, #0xc]\n"
	"	cmp	r3, r7\n"
	"	beq	guest_poll\n"
	"	str	r3, [r6, #0x10]\n"
	"	b	guest_leave\n"
	"guest_pong:\n" /* ring, wait for the answer */
	"	str	r2, [r1]\n"
	"1:	wfi\n"
	"	ldr	r3, [r6, #0xc]\n"
	"	cmp	r3, r7\n"
	"	beq	1b\n"
	"	str	r3, [r6, #0x10]\n"
	"	subs	r2, r2, #1\n"
	"	bne	guest_pong\n"
	"	b	guest_leave\n"
	"guest_end:\n"
	".popsection\n");

static struct vmctx *ctx;
static struct vcpu *cpu;

static void
die(const char *what)
{
	perror(what);
	(void)vm_destroy_name(NAME);
	exit(1);
}

static int
fails_with(int error, int result)
{
	return result == -1 && errno == error;
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int
event(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd < 0)
		die("eventfd");
	return fd;
}

static void
ring(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		die("write to an eventfd");
}

/* How often since the last time. */
static uint64_t
rung(int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static uint64_t
stat_of(enum vmm_stat s)
{
	struct vm_stats stats;

	if (vm_get_stats(cpu, &stats) != 0)
		die("statistics");
	return stats.values[s];
}

/* ---- steps of the guest ---- */

static struct vm_exit last;

static uint32_t
where(const char *label)
{
	return (uint32_t)(MACHINE_RAM_BASE + (uint32_t)(label - guest));
}

/* The guest is at its store to LEAVE, or before it: what it does after. */
static void
set_step(const char *label, uint32_t address, uint32_t times, uint32_t data)
{
	const uint32_t regs[] = { VM_REG_GUEST_R0 + 1, VM_REG_GUEST_R0 + 2, VM_REG_GUEST_R0 + 3,
		VM_REG_GUEST_R0 + 5 };
	const uint64_t vals[] = { address, times, data, where(label) };

	if (vm_set_register_set(cpu, 4, regs, vals) != 0)
		die("registers");
}

/* Until it comes out of VM_RUN; false: a signal came before. */
static bool
run(void)
{
	struct vm_run r;

	memset(&r, 0, sizeof(r));
	if (vm_run(cpu, &r) != 0)
		die("run");
	last = r.exit;
	if (last.exitcode != VM_EXITCODE_INST_EMUL && last.exitcode != VM_EXITCODE_BOGUS) {
		printf("exit %u at pc %llx\n", (unsigned int)last.exitcode,
		    (unsigned long long)last.pc);
		die("the guest");
	}
	return last.exitcode == VM_EXITCODE_INST_EMUL;
}

static bool
left(void)
{
	return last.exitcode == VM_EXITCODE_INST_EMUL && last.u.inst_emul.gpa == LEAVE;
}

static void
finish(void)
{
	while (!left())
		(void)run();
}

/* Does a step's access come out?  It is finished in any case. */
static bool
comes_out(const char *label, uint32_t address, uint32_t data)
{
	bool out;

	set_step(label, address, 1, data);
	while (!run())
		;
	out = !left();
	if (out)
		EXPECT(last.u.inst_emul.gpa == address);
	finish();
	return out;
}

static void
poke(uint32_t address, uint32_t data)
{
	EXPECT(!comes_out(guest_word, address, data));
}

/* Which interrupt comes; SPURIOUS: none did in ms.  The guest waits on. */
static uint32_t
interrupt(unsigned int ms)
{
	struct itimerspec after = { .it_value = { ms / 1000, (long)(ms % 1000) * 1000000 } };
	static timer_t timer;
	static bool made;
	struct sigevent how = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };

	if (!made && timer_create(CLOCK_MONOTONIC, &how, &timer) != 0)
		die("timer");
	made = true;
	if (left())
		set_step(guest_irq, 0, 0, 0);
	timer_settime(timer, 0, &after, NULL);
	(void)run();
	memset(&after, 0, sizeof(after));
	timer_settime(timer, 0, &after, NULL);
	return left() ? (uint32_t)last.u.inst_emul.data : SPURIOUS;
}

static void
on_alarm(int sig)
{
	(void)sig; /* ends VM_RUN */
}

static void
start_vcpu(void)
{
	const uint32_t regs[] = { VM_REG_GUEST_CPSR, VM_REG_GUEST_PC, VM_REG_GUEST_R0,
		VM_REG_GUEST_R0 + 6, VM_REG_GUEST_R0 + 7 };
	const uint64_t vals[] = { CPSR_SVC, where(guest_leave), LEAVE, MACHINE_GICC_BASE,
		SPURIOUS };

	if (vm_activate_cpu(cpu) != 0 || vm_set_register_set(cpu, 5, regs, vals) != 0)
		die("vCPU");
	memset(&last, 0, sizeof(last));
	finish();
}

static void
start_gic(void)
{
	poke(GICD_CTLR, 1);
	poke(GICD_ISENABLER + MSI / 32 * 4, 1u << MSI % 32);
	poke(GICD_ISENABLER + SPI / 32 * 4, 1u << SPI % 32);
	poke(GICD_ICFGR + MSI / 16 * 4, 2u << 2 * (MSI % 16));
	poke(GICC_PMR, 0xf8);
	poke(GICC_CTLR, 1);
}

static void
begin(void)
{
	const struct vm_attach_vgic gic = { MACHINE_GICD_BASE, PAGE, MACHINE_GICC_BASE, 2 * PAGE,
		288, 0 };

	(void)vm_destroy_name(NAME);
	if (vm_create(NAME) != 0)
		die("create");
	ctx = vm_open(NAME);
	if (ctx == NULL || vm_setup_memory(ctx, 4 * PAGE) != 0 || vm_attach_vgic(ctx, &gic) != 0)
		die("VM");
	memcpy(vm_map_gpa(ctx, MACHINE_RAM_BASE, PAGE), guest, (size_t)(guest_end - guest));
	cpu = vm_vcpu_open(ctx, 0);
	if (cpu == NULL)
		die("vCPU");
	start_vcpu();
	start_gic();
}

/* ---- doorbells ---- */

static void
check_refusals(void)
{
	int fd = event(), other = event(), null = open("/dev/null", O_RDWR | O_CLOEXEC);

	EXPECT(fails_with(EBADF, vm_bind_doorbell(ctx, BELL, 0, 0, -1)));
	EXPECT(fails_with(EBADF, vm_bind_doorbell(ctx, BELL, 0, 0, 1000)));
	EXPECT(fails_with(EINVAL, vm_bind_doorbell(ctx, BELL, 0, 0, null)));
	EXPECT(fails_with(EINVAL, vm_bind_doorbell(ctx, BELL, 3, 0, fd)));
	EXPECT(fails_with(EINVAL, vm_bind_doorbell(ctx, BELL + 2, 4, 0, fd)));
	EXPECT(fails_with(EEXIST, vm_bind_doorbell(ctx, MACHINE_RAM_BASE, 0, 0, fd)));
	EXPECT(fails_with(EEXIST, vm_bind_doorbell(ctx, GICD_CTLR, 4, 0, fd)));
	EXPECT(fails_with(EEXIST, vm_bind_doorbell(ctx, GICC_PMR, 4, 0, fd)));
	EXPECT(fails_with(ENOENT, vm_unbind_doorbell(ctx, BELL, 0, 0, fd)));
	EXPECT(vm_bind_doorbell(ctx, BELL, 4, 1, fd) == 0);
	EXPECT(fails_with(EEXIST, vm_bind_doorbell(ctx, BELL, 4, 1, other)));
	EXPECT(fails_with(EEXIST, vm_bind_doorbell(ctx, BELL, 0, 0, other)));
	EXPECT(fails_with(ENOENT, vm_unbind_doorbell(ctx, BELL, 4, 1, other)));
	EXPECT(vm_unbind_doorbell(ctx, BELL, 4, 1, fd) == 0);
	EXPECT(fails_with(EINVAL, vm_bind_irq(ctx, 31, fd, -1)));
	EXPECT(fails_with(EINVAL, vm_bind_irq(ctx, 288, fd, -1)));
	EXPECT(fails_with(EINVAL, vm_bind_irq(ctx, MSI, null, -1)));
	EXPECT(fails_with(EINVAL, vm_bind_irq(ctx, MSI, fd, null)));
	EXPECT(fails_with(EBADF, vm_bind_irq(ctx, MSI, fd, 1000)));
	EXPECT(fails_with(ENOENT, vm_unbind_irq(ctx, MSI, fd)));
	close(fd);
	close(other);
	close(null);
}

static void
check_rings(void)
{
	uint64_t exits, stores, ns;
	int fd = event(), half = event();

	EXPECT(comes_out(guest_word, BELL, 1));
	EXPECT(vm_bind_doorbell(ctx, BELL, 0, 0, fd) == 0);
	exits = stat_of(VMM_STAT_EXIT_USER);
	stores = stat_of(VMM_STAT_DOORBELLS);
	set_step(guest_word, BELL, MANY, 77);
	ns = now_ns();
	EXPECT(run() && left());
	ns = now_ns() - ns;
	EXPECT(stat_of(VMM_STAT_EXIT_USER) == exits + 1);
	EXPECT(stat_of(VMM_STAT_DOORBELLS) == stores + MANY);
	EXPECT(rung(fd) == MANY);
	printf("%u rings, %llu ns each\n", MANY, (unsigned long long)ns / MANY);
	/* any size; but not a load, and not beside it */
	EXPECT(!comes_out(guest_half, BELL, 1) && !comes_out(guest_byte, BELL, 1));
	EXPECT(comes_out(guest_load, BELL, 0) && comes_out(guest_byte, BELL + 1, 1));
	EXPECT(rung(fd) == 2);

	EXPECT(vm_bind_doorbell(ctx, BELL + 4, 2, 7, half) == 0);
	EXPECT(!comes_out(guest_half, BELL + 4, 7) && rung(half) == 1);
	EXPECT(!comes_out(guest_half, BELL + 4, 0x10007) && rung(half) == 1);
	EXPECT(comes_out(guest_half, BELL + 4, 8));
	EXPECT(comes_out(guest_word, BELL + 4, 7));
	EXPECT(comes_out(guest_byte, BELL + 4, 7) && rung(half) == 0);

	EXPECT(vm_unbind_doorbell(ctx, BELL, 0, 0, fd) == 0);
	EXPECT(comes_out(guest_word, BELL, 1) && rung(fd) == 0);
	EXPECT(!comes_out(guest_half, BELL + 4, 7));
	EXPECT(vm_unbind_doorbell(ctx, BELL + 4, 2, 7, half) == 0);
	close(fd);
	close(half);
}

/* A process of its own that binds, and is killed at its best. */
static pid_t
start_binder(int fd)
{
	int ready[2];
	char c;
	pid_t pid;

	if (pipe(ready) != 0)
		die("pipe");
	pid = fork();
	if (pid == 0) {
		struct vmctx *mine = vm_open(NAME);

		if (mine == NULL || vm_bind_doorbell(mine, BELL, 0, 0, fd) != 0 ||
		    vm_bind_irq(mine, MSI, fd, -1) != 0 || write(ready[1], "!", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		die("the child");
	close(ready[0]);
	return pid;
}

static void
check_owners(void)
{
	struct vmctx *other = vm_open(NAME);
	int fd = event(), status;
	pid_t pid;

	EXPECT(other != NULL && vm_bind_doorbell(other, BELL, 0, 0, fd) == 0);
	EXPECT(vm_bind_doorbell(ctx, BELL + 4, 0, 0, fd) == 0);
	EXPECT(!comes_out(guest_word, BELL, 1) && rung(fd) == 1);
	vm_close(other);
	EXPECT(comes_out(guest_word, BELL, 1) && rung(fd) == 0);
	EXPECT(!comes_out(guest_word, BELL + 4, 1) && rung(fd) == 1);
	EXPECT(vm_unbind_doorbell(ctx, BELL + 4, 0, 0, fd) == 0);

	pid = start_binder(fd);
	EXPECT(!comes_out(guest_word, BELL, 1));
	/* it is an interrupt as well, and was taken from the descriptor for that */
	EXPECT(rung(fd) == 0 && interrupt(LONG) == MSI);
	kill(pid, SIGKILL);
	EXPECT(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	EXPECT(comes_out(guest_word, BELL, 1));
	ring(fd);
	EXPECT(interrupt(50) == SPURIOUS);
	EXPECT(rung(fd) == 1);
	/* end the guest's wait */
	EXPECT(vm_pulse_irq(ctx, MSI) == 0 && interrupt(LONG) == MSI);
	close(fd);
}

/* ---- interrupts ---- */

static void *
ring_later(void *arg)
{
	usleep(100000);
	ring(*(int *)arg);
	return NULL;
}

static void
check_edges(void)
{
	int fd = event();
	pthread_t t;

	ring(fd); /* before it is bound: not lost */
	EXPECT(vm_bind_irq(ctx, MSI, fd, -1) == 0);
	EXPECT(interrupt(LONG) == MSI);
	EXPECT(rung(fd) == 0);
	EXPECT(fails_with(EEXIST, vm_bind_irq(ctx, SPI, fd, -1)));
	EXPECT(interrupt(50) == SPURIOUS);
	/* asleep in WFI by now */
	pthread_create(&t, NULL, ring_later, &fd);
	EXPECT(interrupt(LONG) == MSI);
	pthread_join(t, NULL);
	/* in the guest: it is made to leave */
	pthread_create(&t, NULL, ring_later, &fd);
	set_step(guest_poll, 0, 0, 0);
	EXPECT(run() && left() && last.u.inst_emul.data == MSI);
	pthread_join(t, NULL);
	EXPECT(vm_unbind_irq(ctx, MSI, fd) == 0);
	ring(fd);
	EXPECT(interrupt(50) == SPURIOUS && rung(fd) == 1);
	EXPECT(vm_pulse_irq(ctx, MSI) == 0 && interrupt(LONG) == MSI);
	close(fd);
}

static void
check_levels(void)
{
	int fd = event(), more = event(), other = event(), others_more = event();

	EXPECT(vm_bind_irq(ctx, SPI, fd, more) == 0);
	EXPECT(vm_bind_irq(ctx, SPI, other, others_more) == 0);
	ring(fd);
	EXPECT(interrupt(LONG) == SPI);
	EXPECT(rung(more) == 1 && rung(others_more) == 1);
	EXPECT(interrupt(50) == SPURIOUS); /* nobody said that there is more */
	ring(other);
	EXPECT(interrupt(LONG) == SPI && rung(more) == 1 && rung(others_more) == 1);
	/* a device in bhyve drives the same line, and goes on */
	EXPECT(vm_assert_irq(ctx, SPI) == 0);
	ring(fd);
	EXPECT(interrupt(LONG) == SPI && interrupt(LONG) == SPI);
	EXPECT(rung(more) == 2);
	EXPECT(vm_deassert_irq(ctx, SPI) == 0);
	EXPECT(interrupt(50) == SPURIOUS);
	ring(fd);
	EXPECT(vm_unbind_irq(ctx, SPI, fd) == 0 && vm_unbind_irq(ctx, SPI, other) == 0);
	(void)interrupt(50); /* it may have been quicker than us */
	EXPECT(vm_pulse_irq(ctx, MSI) == 0);
	while (interrupt(LONG) == SPI)
		;
	EXPECT(left() && last.u.inst_emul.data == MSI);
	close(fd);
	close(more);
	close(other);
	close(others_more);
}

/* As vhost does it: a thread waits for the guest's kick and calls back; VM_RUN does not return. */
struct vhost {
	int kick, call;
};

static void *
vhost(void *arg)
{
	const struct vhost *v = arg;
	uint64_t n;

	for (uint32_t i = 0; i < PONGS; i++) {
		if (read(v->kick, &n, sizeof(n)) != sizeof(n))
			die("kick");
		ring(v->call);
	}
	return NULL;
}

static void
check_vhost(void)
{
	struct vhost v = { eventfd(0, EFD_CLOEXEC), event() };
	uint64_t exits, ns;
	pthread_t t;

	EXPECT(vm_bind_doorbell(ctx, BELL, 0, 0, v.kick) == 0);
	EXPECT(vm_bind_irq(ctx, MSI, v.call, -1) == 0);
	exits = stat_of(VMM_STAT_EXIT_USER);
	pthread_create(&t, NULL, vhost, &v);
	set_step(guest_pong, BELL, PONGS, 0);
	ns = now_ns();
	EXPECT(run() && left());
	ns = now_ns() - ns;
	EXPECT(stat_of(VMM_STAT_EXIT_USER) == exits + 1);
	pthread_join(t, NULL);
	printf("%u kicks and calls, %llu ns each\n", PONGS, (unsigned long long)ns / PONGS);
	EXPECT(vm_unbind_doorbell(ctx, BELL, 0, 0, v.kick) == 0);
	EXPECT(vm_unbind_irq(ctx, MSI, v.call) == 0);
	close(v.kick);
	close(v.call);
}

/* A descriptor that is closed takes its binding along, so that these are never too many. */
static void
check_hang_up(void)
{
	uint32_t i, tries;
	int fd;

	for (i = 0; i < 3 * VM_MAX_IRQ_BINDS; i++) {
		fd = event();
		for (tries = 0; vm_bind_irq(ctx, MSI, fd, -1) != 0 && tries < 1000; tries++) {
			EXPECT(errno == ENOSPC);
			usleep(1000);
		}
		EXPECT(tries < 1000);
		close(fd);
	}
}

static void
check_limit(void)
{
	int fd = event();
	uint32_t i;

	for (i = 0; i < VM_MAX_DOORBELLS; i++)
		EXPECT(vm_bind_doorbell(ctx, BELL + 4 * i, 4, i, fd) == 0);
	EXPECT(fails_with(ENOSPC, vm_bind_doorbell(ctx, BELL + 4 * i, 4, i, fd)));
	EXPECT(!comes_out(guest_word, BELL + 4 * 300, 300) && rung(fd) == 1);
	/* all go, and the VM is as new, with its memory */
	EXPECT(vm_reinit(ctx) == 0);
	start_vcpu();
	EXPECT(comes_out(guest_word, BELL + 4 * 300, 300) && rung(fd) == 0);
	EXPECT(vm_bind_doorbell(ctx, BELL, 0, 0, fd) == 0);
	close(fd); /* it goes with the VM */
}

int
main(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	int fd = event(), more = event();

	sigaction(SIGALRM, &sa, NULL);
	begin();
	check_refusals();
	check_rings();
	check_owners();
	check_edges();
	check_levels();
	check_vhost();
	check_hang_up();
	check_limit();
	/* the VM goes with bindings, and descriptors outlive it */
	EXPECT(vm_bind_irq(ctx, SPI, fd, more) == 0);
	ring(fd);
	vm_vcpu_close(cpu);
	EXPECT(vm_destroy(ctx) == 0);
	ring(fd);
	EXPECT(rung(fd) == 1);
	printf("%d failed\n", failures);
	return failures != 0;
}
