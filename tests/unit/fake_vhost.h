/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The kernel's side of vhost-net: what it was told is written down, and it serves next to nothing.
 * It holds the caller to the real one's order: no ring is changed while it has a backend, and none
 * has one without the rest.
 */
#ifndef FAKE_VHOST_H
#define FAKE_VHOST_H

#include "../../bhyve/net_vhost_linux.h"

#include <stdbool.h>
#include <stdint.h>

#define FAKE_VHOSTS 8u

struct fake_vhost {
	unsigned int n;		 /* how many were opened */
	int open_errno;		 /* not 0: it cannot be opened */
	unsigned long fail;	 /* this request fails, with EFAULT ... */
	unsigned int fail_after; /* ... but for so many of it */
	uint64_t can;		 /* features */
	bool takes_one;		 /* each ring's first chain, once it has a backend */
	bool bad;		 /* what the kernel would have refused, or had to wonder about */
	struct {
		int fd;
		bool owned;
		uint64_t features;
		struct vhost_memory_region ram;
		struct fake_ring {
			unsigned int num, base;
			struct vhost_vring_addr addr;
			int kick, call, error, backend; /* -1: none */
		} ring[2];
	} at[FAKE_VHOSTS];
};
extern struct fake_vhost fake_vhost;

void fake_vhost_reset(void);   /* as a host without one */
void fake_vhost_present(void); /* after reset: it can be opened */

#endif /* FAKE_VHOST_H */
