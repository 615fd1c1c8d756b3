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
/* What the driver accepted. */
uint64_t fake_netbe_accepted(void);
/* A frame for the guest, behind its header.  False: as many wait as there is room for. */
bool fake_netbe_inject(const void *frame, uint32_t len);
unsigned int fake_netbe_waiting(void);
/* What the guest sent: how many frames, and the last one. */
unsigned int fake_netbe_sent(void);
uint32_t fake_netbe_last(uint8_t *frame, uint32_t size);

#endif /* FAKE_NETBE_H */
