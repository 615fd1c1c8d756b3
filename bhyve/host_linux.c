/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Linux's C library beyond POSIX (host.h).
 */
#include <sys/mman.h>
#include <sys/prctl.h>

#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

#define NS_PER_S 1000000000ull

void
host_thread_name(pthread_t thread, const char *name)
{
	pthread_setname_np(thread, name);
}

void
host_process_name(const char *name)
{
	prctl(PR_SET_NAME, name);
}

int
host_thread_pin(pthread_t thread, unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return pthread_setaffinity_np(thread, sizeof(set), &set);
}

int
host_cpu_check(unsigned int cpu)
{
	cpu_set_t before;
	int error;

	pthread_getaffinity_np(pthread_self(), sizeof(before), &before);
	error = host_thread_pin(pthread_self(), cpu);
	pthread_setaffinity_np(pthread_self(), sizeof(before), &before);
	return error;
}

int
host_thread_join(pthread_t thread, uint64_t at_ns)
{
	const struct timespec ts = { (time_t)(at_ns / NS_PER_S), (long)(at_ns % NS_PER_S) };

	return pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &ts);
}

void
host_close_from(int first)
{
	close_range((unsigned int)first, ~0u, 0);
}

int
host_memory_file(const char *name)
{
	return memfd_create(name, MFD_CLOEXEC);
}
