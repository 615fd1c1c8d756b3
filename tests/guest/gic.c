/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * See gic.h.
 */
#include "gic.h"
#include "guest.h"

uint32_t
gic_version(void)
{
	return gic_find()->version;
}

void
gic_init(void)
{
	gic_find()->init();
	gic_cpu_init();
}

void
gic_cpu_init(void)
{
	gic_find()->cpu_init();
}

uint32_t
gic_ack(void)
{
	return gic_find()->ack();
}

void
gic_end(uint32_t iar)
{
	gic_find()->end(iar);
}

void
gic_enable(uint32_t intid)
{
	gic_find()->enable(intid);
}

void
gic_disable(uint32_t intid)
{
	gic_find()->disable(intid);
}

void
gic_send_sgi(uint32_t sgi, uint32_t targets)
{
	dsb(); /* what its handler is to see */
	gic_find()->send_sgi(sgi, targets);
}

void
gic_send_sgi_to_others(uint32_t sgi)
{
	dsb();
	gic_find()->send_sgi_to_others(sgi);
}

void
gic_set_priority(uint32_t intid, uint8_t priority)
{
	gic_find()->set_priority(intid, priority);
}

void
gic_set_mask(uint8_t priority)
{
	gic_find()->set_mask(priority);
}

uint32_t
gic_highest(void)
{
	return gic_find()->highest();
}
