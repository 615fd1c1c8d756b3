/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A doorbell: a descriptor that becomes readable when it is rung, any number of times before it is
 * answered.  The kernel module can ring it when the guest writes to an address (vm_bind_doorbell),
 * so that no run loop is woken.  An eventfd on Linux, on FreeBSD /dev/vmmevent, which vmm makes for
 * this.
 */
#ifndef BHYVE_DOORBELL_H
#define BHYVE_DOORBELL_H

#include <stdbool.h>

int doorbell_create(void);    /* a descriptor, non-blocking, close-on-exec; -1 with errno */
void doorbell_ring(int fd);   /* any thread; never blocks */
bool doorbell_answer(int fd); /* was it rung?  It is quiet afterwards */

#endif /* BHYVE_DOORBELL_H */
