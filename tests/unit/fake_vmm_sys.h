/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A VM under libvmmapi in place of the kernel's: it checks the arguments it is given, remembers
 * what it was told, and plays back exits.
 */
#ifndef FAKE_VMM_SYS_H
#define FAKE_VMM_SYS_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm/vmm_dev.h>

#define FAKE_NREGS VM_REG64_LAST

struct fake_vmm {
	bool module; /* /dev/vmmctl is there */
	bool exists; /* the one VM */
	char name[VM_MAX_NAMELEN + 1];
	bool locked;
	uint64_t seg_len, map_len; /* segment 0 and its mapping */
	uint8_t *mem;
	uint64_t rom_len; /* segment 1 */
	bool rom_mapped;  /* at address 0 */
	uint64_t active, suspended;
	bool vgic;
	struct vm_topology topo;
	uint64_t regs[VM_MAXCPU][FAKE_NREGS];
	uint64_t irq_level; /* bit n: INTID 32 + n */
	uint32_t pulsed;    /* the last INTID, of a message or without */
	uint64_t msi_addr;
	struct vm_bind_doorbell doorbell; /* the last of each call */
	struct vm_bind_irq bind_irq;
	uint32_t suspend;
	unsigned int reinits, discards, open_fds;
	unsigned int fail_request; /* this request... */
	int fail_errno;		   /* ...fails with it */
	/* VM_RUN: what comes back, and what was handed in */
	struct vm_exit exits[16];
	struct vm_run seen[16];
	unsigned int nexits, next_exit;
};

extern struct fake_vmm fake;

void fake_reset(void); /* a module without a VM */

#endif /* FAKE_VMM_SYS_H */
