/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * badvmm SECONDS SEED: a VMM process as bad as can be.  Several threads create and destroy
 * VMs of a few names, give every ioctl every sort of argument - garbage, and garbage that is
 * almost right -, map, touch and unmap guest memory, run vCPUs, and close files under each
 * other, all at once.  That it ends, and how the host's kernel feels then, is the test.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <vmm/machine.h>
#include <vmm/vmm_dev.h>

#include "load_os.h"
#include "vmm_request.h"

#define THREADS	 6
#define FILES	 8
#define MAPS	 8
#define MAP_LEN	 0x10000u
#define RAM_LEN	 0x400000u
#define ARG_SIZE 8192u

static _Atomic int files[FILES];
static _Atomic unsigned long calls, succeeded;
static _Atomic int over;
static char user_id[8]; /* names of root's VMs and of others' do not meet */

struct worker {
	pthread_t thread;
	uint64_t seed;
	int ctl;
	void *maps[MAPS];
};

static __thread sigjmp_buf fault;
static __thread volatile sig_atomic_t may_fault;

static void
on_fault(int sig)
{
	if (may_fault)
		siglongjmp(fault, sig);
	_exit(3);
}

static void
on_alarm(int sig)
{
	(void)sig; /* ends VM_RUN with EINTR */
}

static uint32_t
dice(struct worker *w, uint32_t n)
{
	w->seed = w->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((w->seed >> 32) * n >> 32);
}

static uint64_t
word(struct worker *w)
{
	static const uint64_t edges[] = { 0, 1, 2, 3, 7, 8, 31, 32, 33, 255, 4095, 4096, 0x10000,
		0x200000, 0x3fffff, RAM_LEN, 0x40000000, 0x40001000, 0x40200000, 0x403ff000,
		0x08000000, 0x08010000, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffff000, 0x100000000,
		0xfffffff000, 0x10000000000, 0x7fffffffffffffff, 0x8000000000000000,
		0xfffffffffffff000, 0xffffffffffffffff };

	if (dice(w, 4) == 0)
		return (uint64_t)dice(w, 0xffffffff) << 32 | dice(w, 0xffffffff);
	return edges[dice(w, sizeof(edges) / sizeof(edges[0]))];
}

struct request {
	unsigned long nr;
	size_t size;
};
#define VM_ROW(name, ...) { name, OS_IOC_SIZE(name) },
static const struct request vm_requests[] = { VMM_IOCTL_LIST(VM_ROW) };
static const struct request ctl_requests[] = { VMMCTL_IOCTL_LIST(VM_ROW) };
#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

static void
a_name(struct worker *w, char *name)
{
	snprintf(name, VM_MAX_NAMELEN + 1, "bad-%s-%u", user_id, dice(w, 4));
}

static int
call(int fd, unsigned long nr, void *arg)
{
	int r = ioctl(fd, nr, arg);

	atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
	if (r == 0)
		atomic_fetch_add_explicit(&succeeded, 1, memory_order_relaxed);
	return r;
}

static void
fill(struct worker *w, void *buf, size_t len)
{
	uint32_t narrow;
	uint64_t wide;
	size_t i;

	for (i = 0; i + 8 <= len; i += 8) {
		if (dice(w, 2) == 0) {
			wide = word(w);
			memcpy((char *)buf + i, &wide, 8);
			continue;
		}
		narrow = dice(w, 3) == 0 ? (uint32_t)word(w) : dice(w, 9);
		memcpy((char *)buf + i, &narrow, 4);
		narrow = dice(w, 2) == 0 ? 0 : dice(w, 9);
		memcpy((char *)buf + i + 4, &narrow, 4);
	}
}

static int
a_file(struct worker *w)
{
	return atomic_load(&files[dice(w, FILES)]);
}

/* Any request of ours, or of nobody's, with any argument. */
static void
wild_call(struct worker *w)
{
	static __thread char buf[ARG_SIZE];
	const struct request *r = &vm_requests[dice(w, NELEM(vm_requests))];
	unsigned long nr = r->nr;
	void *arg = buf;

	fill(w, buf, r->size < sizeof(buf) ? r->size + 16 : sizeof(buf));
	switch (dice(w, 24)) {
	case 0:
		arg = NULL;
		break;
	case 1:
		arg = (void *)(uintptr_t)word(w);
		break;
	case 2:
		nr = (unsigned long)word(w);
		if (OS_IOC_TYPE(nr) != 'v' && OS_IOC_TYPE(nr) != 'V')
			return; /* another's: a terminal's or a file system's */
		break;
	case 3:
		nr ^= 1ul << dice(w, 30);
		break;
	default:
		break;
	}
	(void)call(dice(w, 16) == 0 ? w->ctl : a_file(w), nr, arg);
}

static void
create_one(struct worker *w)
{
	struct vmmctl_vm_create c;
	struct vm_activate_cpu cpu = { 0 };
	struct vm_memseg seg = { .len = RAM_LEN };
	struct vm_memmap map = { .gpa = 0x40000000, .len = RAM_LEN, .prot = 7 };
	struct vm_attach_vgic gic = { MACHINE_GICD_BASE, 0x10000, MACHINE_GICC_BASE, 0x10000, 288,
		0 };
	char path[64];
	int fd;

	memset(&c, 0, sizeof(c));
	a_name(w, c.name);
	c.gid = ~0u;
	(void)call(w->ctl, VMM_CREATE, &c);
	snprintf(path, sizeof(path), "/dev/vmm/%s", c.name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)call(fd, VM_ALLOC_MEMSEG, &seg);
	(void)call(fd, VM_MMAP_MEMSEG, &map);
	if (dice(w, 3) != 0)
		(void)call(fd, VM_ATTACH_VGIC, &gic);
	for (cpu.vcpuid = 0; cpu.vcpuid < 3; cpu.vcpuid++)
		(void)call(fd, VM_ACTIVATE_CPU, &cpu);
	fd = atomic_exchange(&files[dice(w, FILES)], fd);
	if (fd > 0)
		close(fd); /* others may be using it */
}

static void
destroy_one(struct worker *w)
{
	struct vmmctl_vm_destroy d;

	memset(&d, 0, sizeof(d));
	a_name(w, d.name);
	(void)call(w->ctl, VMM_DESTROY, &d);
}

/* Stops by itself: SIGALRM comes to one thread or another every few ms. */
static void
run_one(struct worker *w)
{
	struct vm_register r = {
		.vcpuid = dice(w, 3), .regnum = dice(w, VM_REG_LAST + 2), .regval = word(w)
	};
	struct vm_run run = { .vcpuid = r.vcpuid, .flags = dice(w, 3), .data = word(w) };
	int fd = a_file(w);

	(void)call(fd, VM_SET_REGISTER, &r);
	if (dice(w, 2) == 0) {
		r.regnum = VM_REG_GUEST_PC;
		r.regval = 0x40000000 + dice(w, RAM_LEN);
		(void)call(fd, VM_SET_REGISTER, &r);
	}
	(void)call(fd, VM_RUN, &run);
}

static void
map_one(struct worker *w)
{
	void **slot = &w->maps[dice(w, MAPS)];
	uint64_t gpa = dice(w, 4) == 0 ? word(w) & ~0xfffull :
					 0x40000000 + (dice(w, RAM_LEN) & ~0xfffu);
	void *va = mmap(NULL, MAP_LEN, PROT_READ | (dice(w, 4) != 0 ? PROT_WRITE : 0),
	    dice(w, 16) == 0 ? MAP_PRIVATE : MAP_SHARED, a_file(w), (off_t)(gpa & 0x7fffffffffff));

	atomic_fetch_add(&calls, 1);
	if (va == MAP_FAILED)
		return;
	if (*slot != NULL)
		munmap(*slot, MAP_LEN);
	*slot = va;
}

/* Memory of a VM that may be gone; and as the buffer of a read. */
static void
touch_one(struct worker *w)
{
	char *va = w->maps[dice(w, MAPS)];
	volatile uint32_t *p;
	uint32_t i;

	if (va == NULL)
		return;
	if (dice(w, 8) == 0) {
		int fd = open("/proc/self/maps", O_RDONLY);

		(void)!read(fd, va, MAP_LEN);
		close(fd);
		return;
	}
	if (dice(w, 16) == 0) {
		(void)madvise(va, MAP_LEN, (int)dice(w, 24));
		os_shrink(va, MAP_LEN, MAP_LEN / 2);
		(void)mprotect(va, MAP_LEN / 2, (int)dice(w, 8));
	}
	may_fault = 1;
	if (sigsetjmp(fault, 1) == 0) {
		for (i = 0; i < 16; i++) {
			p = (volatile uint32_t *)(va + (dice(w, MAP_LEN) & ~3u));
			*p = *p + dice(w, 0xffffffff); /* code, for the vCPUs */
		}
	}
	may_fault = 0;
}

/* An eventfd at a doorbell or an interrupt of any VM, and what may happen to it then. */
static void
bind_one(struct worker *w)
{
	struct vm_bind_doorbell d = { .gpa = 0x40000000 + RAM_LEN + dice(w, 64) * 4,
		.flags = dice(w, 8) == 0 };
	struct vm_bind_irq i = { .irq = 32 + dice(w, 64), .flags = dice(w, 3) };
	int fd = eventfd(dice(w, 2), EFD_NONBLOCK | EFD_CLOEXEC);
	uint64_t one = 1;

	d.fd = i.fd = fd;
	d.size = dice(w, 3);
	i.resample_fd = (i.flags & VM_BIND_RESAMPLE) != 0 ? fd : 0;
	if (dice(w, 2) == 0)
		(void)call(a_file(w), VM_BIND_DOORBELL, &d);
	(void)call(a_file(w), VM_BIND_IRQ, &i);
	if (dice(w, 4) != 0)
		(void)!write(fd, &one, sizeof(one));
	if (dice(w, 4) == 0) {
		i.flags = VM_BIND_UNBIND;
		i.resample_fd = 0;
		(void)call(a_file(w), VM_BIND_IRQ, &i);
	}
	close(fd);
}

static void
close_one(struct worker *w)
{
	int fd = atomic_exchange(&files[dice(w, FILES)], 0);

	if (fd > 0)
		close(fd);
}

static void *
work(void *arg)
{
	struct worker *w = arg;

	while (!over) {
		switch (dice(w, 16)) {
		case 0:
			create_one(w);
			break;
		case 1:
			if (dice(w, 4) == 0)
				destroy_one(w);
			break;
		case 2:
		case 3:
			run_one(w);
			break;
		case 4:
			map_one(w);
			break;
		case 5:
		case 6:
			touch_one(w);
			break;
		case 7:
			if (dice(w, 8) == 0)
				close_one(w);
			break;
		case 9:
			bind_one(w);
			break;
		case 8:
			(void)call(w->ctl, ctl_requests[3].nr, (void *)(uintptr_t)word(w));
			break;
		default:
			wild_call(w);
			break;
		}
	}
	return NULL;
}

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Interrupts whoever sits in VM_RUN.  By the clock: with all CPUs busy a pause of 5 ms takes 20. */
static void
rouse(struct worker *w, unsigned int ms)
{
	struct timespec pause = { 0, 5000000 };
	uint64_t until = now_ms() + ms;
	unsigned int i;

	while (now_ms() < until) {
		nanosleep(&pause, NULL);
		for (i = 0; i < THREADS; i++)
			pthread_kill(w[i].thread, SIGALRM);
	}
}

static void
clean_up(int ctl)
{
	struct vmmctl_vm_destroy d;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		memset(&d, 0, sizeof(d));
		snprintf(d.name, sizeof(d.name), "bad-%s-%u", user_id, i);
		(void)ioctl(ctl, VMM_DESTROY, &d);
	}
}

int
main(int argc, char **argv)
{
	unsigned int seconds = argc > 1 ? (unsigned int)atoi(argv[1]) : 5;
	uint64_t seed = argc > 2 ? (uint64_t)atoi(argv[2]) : 1;
	struct sigaction sa = { .sa_handler = on_alarm };
	struct worker *w = calloc(THREADS, sizeof(*w));
	int ctl = open("/dev/vmmctl", O_RDWR | O_CLOEXEC);
	unsigned int i;

	if (ctl < 0 || w == NULL) {
		perror("badvmm: /dev/vmmctl");
		return 2;
	}
	snprintf(user_id, sizeof(user_id), "%u", (unsigned int)getuid() & 0xffff);
	sigaction(SIGALRM, &sa, NULL);
	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	for (i = 0; i < THREADS; i++) {
		w[i].seed = seed * 1000 + i;
		w[i].ctl = ctl;
		if (pthread_create(&w[i].thread, NULL, work, &w[i]) != 0)
			return 2;
	}
	rouse(w, seconds * 1000);
	over = 1;
	for (i = 0; i < THREADS; i++) {
		struct timespec until;

		for (;;) {
			pthread_kill(w[i].thread, SIGALRM);
			clock_gettime(CLOCK_REALTIME, &until);
			until.tv_nsec += 20000000;
			if (until.tv_nsec >= 1000000000) {
				until.tv_nsec -= 1000000000;
				until.tv_sec++;
			}
			if (pthread_timedjoin_np(w[i].thread, NULL, &until) == 0)
				break;
		}
	}
	clean_up(ctl);
	printf("badvmm: %lu calls, %lu succeeded\n", atomic_load(&calls), atomic_load(&succeeded));
	return 0;
}
