/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The lock that host and HYP share.  The host takes it with interrupts off and for
 * bounded work only; HYP only tries, and on failure leaves to the host, so that HYP
 * never waits.  The compiler's atomics become LDREX/STREX and DMB (DDI 0406C A3.4).
 */
#ifndef ARM_HYP_LOCK_H
#define ARM_HYP_LOCK_H

#include "types.h"

struct hyp_lock {
	uint32_t held;
};

static inline bool
hyp_trylock(struct hyp_lock *l)
{
	uint32_t free = 0;

	return __atomic_compare_exchange_n(
	    &l->held, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Host only, interrupts off: hyp_lock_irqsave in sys/arm/host_lock.h is what callers use. */
static inline void
hyp_lock_spin(struct hyp_lock *l)
{
	while (!hyp_trylock(l))
		while (LOAD_ONCE(l->held) != 0)
			;
}

static inline void
hyp_unlock(struct hyp_lock *l)
{
	__atomic_store_n(&l->held, 0, __ATOMIC_RELEASE);
}

#endif /* ARM_HYP_LOCK_H */
