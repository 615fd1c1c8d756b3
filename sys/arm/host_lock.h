/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * How the host takes a lock that it shares with HYP: with interrupts off, so that no
 * vCPU can be run (and HYP fail to get it) by the CPU that holds it, and for bounded work.
 */
#ifndef ARM_HOST_LOCK_H
#define ARM_HOST_LOCK_H

#include "hyp_lock.h"
#include "os.h"

static inline unsigned long
hyp_lock_irqsave(struct hyp_lock *l)
{
	unsigned long flags = os_irq_save();

	hyp_lock_spin(l);
	return flags;
}

static inline void
hyp_unlock_irqrestore(struct hyp_lock *l, unsigned long flags)
{
	hyp_unlock(l);
	os_irq_restore(flags);
}

#endif /* ARM_HOST_LOCK_H */
