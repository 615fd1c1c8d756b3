/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The kinds of GIC behind guest.h's gic_*() functions, which say what these do.
 */
#ifndef TESTS_GUEST_GIC_H
#define TESTS_GUEST_GIC_H

#include <stdint.h>

struct gic {
	uint32_t version;
	void (*init)(void); /* the distributor */
	void (*cpu_init)(void);
	uint32_t (*ack)(void);
	void (*end)(uint32_t iar);
	void (*enable)(uint32_t intid);
	void (*disable)(uint32_t intid);
	void (*send_sgi)(uint32_t sgi, uint32_t targets);
	void (*send_sgi_to_others)(uint32_t sgi);
	void (*set_priority)(uint32_t intid, uint8_t priority);
	void (*set_mask)(uint8_t priority);
	uint32_t (*highest)(void);
};

extern const struct gic gic2, gic3;
const struct gic *gic_find(void); /* this machine's */

/* What guest_irq() wants. */
uint32_t gic_ack(void);
void gic_end(uint32_t iar);

#endif /* TESTS_GUEST_GIC_H */
