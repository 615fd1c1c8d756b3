/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Limits of the VMID allocator, for vmid.c and its test.
 */
#ifndef ARM_VMID_H
#define ARM_VMID_H

#define VMID_BITS_MAX 8
#define VMID_MAX      (1u << VMID_BITS_MAX)
/* A GICv2 addresses eight CPUs, but an OS may number possible ones higher. */
#define VMID_MAX_CPUS 64u

#endif /* ARM_VMID_H */
