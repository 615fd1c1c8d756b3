/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * FreeBSD's C library beyond POSIX (host.h).
 */
#include <sys/types.h>
#include <sys/param.h>
#include <sys/cpuset.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread_np.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "event.h"
#include "host.h"

#define NS_PER_S 1000000000ull

void
host_thread_name(pthread_t thread, const char *name)
{
	pthread_set_name_np(thread, name);
}

/* What ps(1) shows; the program's own name stays. */
void
host_process_name(const char *name)
{
	setproctitle("-%s", name);
}

int
host_thread_pin(pthread_t thread, unsigned int cpu)
{
	cpuset_t set;

	if (cpu >= CPU_SETSIZE)
		return EINVAL;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return pthread_setaffinity_np(thread, sizeof(set), &set);
}

int
host_cpu_check(unsigned int cpu)
{
	cpuset_t before;
	int error;

	pthread_getaffinity_np(pthread_self(), sizeof(before), &before);
	error = host_thread_pin(pthread_self(), cpu);
	pthread_setaffinity_np(pthread_self(), sizeof(before), &before);
	return error;
}

/* pthread_timedjoin_np() goes by the time of day, which may be set meanwhile: by short steps. */
int
host_thread_join(pthread_t thread, uint64_t at_ns)
{
	const uint64_t step = NS_PER_S / 10;
	uint64_t now, wait;
	struct timespec ts;
	int error;

	do {
		now = ev_now_ns();
		wait = now >= at_ns ? 0 : at_ns - now < step ? at_ns - now : step;
		clock_gettime(CLOCK_REALTIME, &ts);
		wait += (uint64_t)ts.tv_nsec;
		ts.tv_sec += (time_t)(wait / NS_PER_S);
		ts.tv_nsec = (long)(wait % NS_PER_S);
		error = pthread_timedjoin_np(thread, NULL, &ts);
	} while (error == ETIMEDOUT && ev_now_ns() < at_ns);
	return error;
}

void
host_close_from(int first)
{
	closefrom(first);
}

/* Not shm_open(SHM_ANON): that is no file to flock(2), and does not grow by being written. */
int
host_memory_file(const char *name)
{
	char path[] = "/tmp/bhyve.XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	(void)name;
	if (fd >= 0)
		unlink(path);
	return fd;
}
