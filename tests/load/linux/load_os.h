/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What load and badvmm ask of Linux.
 */
#ifndef LOAD_OS_H
#define LOAD_OS_H

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* A request's letter, and its argument's size. */
#define OS_IOC_TYPE(cmd) _IOC_TYPE(cmd)
#define OS_IOC_SIZE(cmd) _IOC_SIZE(cmd)

static inline void
os_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* Until the word is no longer val, somebody calls os_wake, or the time is over. */
static inline void
os_wait(uint32_t *word, uint32_t val, struct timespec *limit)
{
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, val, limit, NULL, 0);
}

static inline void
os_wake(uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* False on an old kernel: the wake-ups send IPIs too. */
static inline bool
os_barrier_init(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

static inline bool
os_barrier(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
}

/* A map of size bytes keeps the first few. */
static inline void
os_shrink(void *va, size_t size, size_t keep)
{
	(void)mremap(va, size, keep, 0);
}

#endif /* LOAD_OS_H */
