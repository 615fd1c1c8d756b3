/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What bhyve wants of the host's C library beyond POSIX, and what each spells in its own way:
 * host_linux.c, host_freebsd.c.  What a larger part needs of the OS is in a file of that part:
 * event_*.c, block_host_*.c, net_tap_*.c, sandbox_*.c, doorbell_*.c.
 */
#ifndef BHYVE_HOST_H
#define BHYVE_HOST_H

#include <pthread.h>
#include <stdint.h>

void host_thread_name(pthread_t thread, const char *name); /* at most 15 bytes */
void host_process_name(const char *name);		   /* in the same way */
/* The thread runs on this host CPU only.  0 or an errno. */
int host_thread_pin(pthread_t thread, unsigned int cpu);
/* Could one?  Tries it on the calling thread, which is as it was afterwards. */
int host_cpu_check(unsigned int cpu);
/* pthread_join(), until ev_now_ns() is at_ns: 0, or an errno, ETIMEDOUT. */
int host_thread_join(pthread_t thread, uint64_t at_ns);
/* Closes every descriptor from the first on. */
void host_close_from(int first);
/* An empty file that is nowhere, CLOEXEC; -1 with errno.  The name is for who lists descriptors. */
int host_memory_file(const char *name);

#endif /* BHYVE_HOST_H */
