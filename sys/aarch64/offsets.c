/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Compiled to assembly, never to an object: hyp.mk makes hyp_offsets.h from the lines
 * between "->" and the end.
 */
#include "hyp_cpu.h"

void offsets(void);

#define OFFSET(name, type, field) \
	__asm__ volatile("\n.ascii \"->" #name " %c0\"" : : "i"(offsetof(type, field)));
#define CONSTANT(name, value) __asm__ volatile("\n.ascii \"->" #name " %c0\"" : : "i"(value));

void
offsets(void)
{
#include "offsets_list.h"
}
