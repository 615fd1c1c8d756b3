/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * A network backend of which the test is the other end.  All may be called while the device runs.
 */
#ifndef FAKE_NETBE_H
#define FAKE_NETBE_H

#include <stdbool.h>
#include <stdint.h>

#define FAKE_NETBE_FRAME 65562 /* bytes, with header */

/* Nothing sent, nothing waiting.  features: what it can do. */
void fake_netbe_reset(uint64_t features);
/* It is a tap device of so many queues that can be had; after reset it is none. */
void fake_netbe_tap(unsigned int queues);
struct fake_netbe_tap {
	unsigned int most, queues, used; /* can be had; opened; get frames */
	unsigned int filter;		 /* addresses; 0: all come through */
	bool all_groups;
	uint8_t mac[192][6];
};
extern struct fake_netbe_tap fake_netbe_queues; /* the device's thread's, but between commands */
/* What the driver accepted. */
uint64_t fake_netbe_accepted(void);
/* A frame for the guest, behind its header.  False: as many wait as there is room for. */
bool fake_netbe_inject(const void *frame, uint32_t len);
unsigned int fake_netbe_waiting(void);
/* What the guest sent: how many frames, and the last one. */
unsigned int fake_netbe_sent(void);
uint32_t fake_netbe_last(uint8_t *frame, uint32_t size);

#endif /* FAKE_NETBE_H */
