/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What load and badvmm ask of FreeBSD.
 */
#ifndef LOAD_OS_H
#define LOAD_OS_H

#include <sys/types.h>
#include <sys/cpuset.h>
#include <sys/ioccom.h>
#include <sys/mman.h>
#include <sys/umtx.h>

#include <pthread_np.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* A request's letter, and its argument's size. */
#define OS_IOC_TYPE(cmd) IOCGROUP(cmd)
#define OS_IOC_SIZE(cmd) IOCPARM_LEN(cmd)

static inline void
os_pin(int cpu)
{
	cpuset_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	cpuset_setaffinity(CPU_LEVEL_WHICH, CPU_WHICH_TID, -1, sizeof(set), &set);
}

/* Until the word is no longer val, somebody calls os_wake, or the time is over. */
static inline void
os_wait(uint32_t *word, uint32_t val, struct timespec *limit)
{
	_umtx_op(word, UMTX_OP_WAIT_UINT_PRIVATE, val, NULL, limit);
}

static inline void
os_wake(uint32_t *word)
{
	_umtx_op(word, UMTX_OP_WAKE_PRIVATE, 1, NULL, NULL);
}

/* Releases before 14 have no membarrier(2): the wake-ups send IPIs too. */
static inline bool
os_barrier_init(void)
{
	return false;
}

static inline bool
os_barrier(void)
{
	return false;
}

/* A map of size bytes keeps the first few. */
static inline void
os_shrink(void *va, size_t size, size_t keep)
{
	(void)munmap((char *)va + keep, size - keep);
}

#endif /* LOAD_OS_H */
