/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * System registers, barriers and device registers by the names of sys/armv7/sysreg.h, for builds
 * on another processor.  The test has the registers and the devices (tests/unit/vgic_rig.c).
 * Nothing of the fake OS is needed to include it.
 */
#ifndef FAKE_SYSREG_FAKE_H
#define FAKE_SYSREG_FAKE_H

#include "types.h"

uint64_t fake_sysreg_read(const char *name);
void fake_sysreg_write(const char *name, uint64_t val);

uint32_t fake_dev_read(uintptr_t base, uint32_t offset);
void fake_dev_write(uintptr_t base, uint32_t offset, uint32_t val);

#define sysreg_read(name)	  ((uint32_t)fake_sysreg_read(#name))
#define sysreg_write(name, val)	  fake_sysreg_write(#name, (uint32_t)(val))
#define sysreg_read64(name)	  fake_sysreg_read(#name)
#define sysreg_write64(name, val) fake_sysreg_write(#name, (uint64_t)(val))

#define isb()	    __atomic_signal_fence(__ATOMIC_SEQ_CST)
#define dsb(domain) __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define dmb(domain) __atomic_thread_fence(__ATOMIC_SEQ_CST)

static inline uint32_t
dev_read32(hyp_va_t base, uint32_t offset)
{
	return fake_dev_read(base.a, offset);
}

static inline void
dev_write32(hyp_va_t base, uint32_t offset, uint32_t val)
{
	fake_dev_write(base.a, offset, val);
}

#endif /* FAKE_SYSREG_FAKE_H */
