/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the debugger's server takes from others: packets from gdb, and from the guest instructions
 * to step over and tables to walk.  The first byte says which.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arm_step.h"
#include "arm_walk.h"
#include "gdb_proto.h"

#define RAM	  0x40000000ull
#define RAM_BYTES 0x8000u

static _Alignas(0x4000) uint8_t ram[RAM_BYTES];
static const struct guest_mem mem = { ram, RAM, RAM_BYTES };

static void
expect(bool truth)
{
	if (!truth)
		abort();
}

static void
packets(const uint8_t *data, size_t size)
{
	static struct gdb_in in;
	static struct gdb_out out;
	const char *p;
	uint64_t val;

	memset(&in, 0, sizeof(in));
	for (size_t i = 0; i < size; i++) {
		if (gdb_in_byte(&in, data[i]) != GDB_IN_PACKET)
			continue;
		expect(in.len <= GDB_PACKET_MAX && in.data[in.len] == '\0');
		p = in.data;
		gdb_hex(&p, &val);
		expect(p <= in.data + in.len);
		gdb_out_begin(&out);
		gdb_out_binary(&out, in.data, in.len);
		gdb_out_hex(&out, in.data, in.len);
		gdb_out_end(&out);
		expect(out.len <= sizeof(out.data));
	}
}

static bool
load(void *arg, uint32_t va, void *buf, size_t len)
{
	const void *at = guest_mem_at(&mem, RAM + va, len);

	(void)arg;
	if (at == NULL)
		return false;
	memcpy(buf, at, len);
	return true;
}

static void
step(const uint8_t *data, size_t size)
{
	struct arm_target target[ARM_STEP_MAX];
	struct arm_step s = { .load = load };
	size_t regs = sizeof(s.r) + sizeof(s.cpsr) + sizeof(s.spsr);
	unsigned int n;

	if (size < regs)
		return;
	memcpy(s.r, data, sizeof(s.r));
	memcpy(&s.cpsr, data + sizeof(s.r), sizeof(s.cpsr));
	memcpy(&s.spsr, data + sizeof(s.r) + sizeof(s.cpsr), sizeof(s.spsr));
	memcpy(ram, data + regs, size - regs < RAM_BYTES ? size - regs : RAM_BYTES);
	s.r[15] &= 0x3e;
	n = arm_step_targets(&s, target);
	expect(n <= ARM_STEP_MAX);
	for (unsigned int i = 0; i < n; i++)
		expect((target[i].va & (target[i].thumb ? 1 : 3)) == 0);
}

static void
walk(const uint8_t *data, size_t size)
{
	struct arm_mmu m;
	uint64_t ipa;
	uint32_t va, left;

	if (size < sizeof(m) + sizeof(va))
		return;
	memcpy(&m, data, sizeof(m));
	memcpy(&va, data + sizeof(m), sizeof(va));
	data += sizeof(m) + sizeof(va);
	size -= sizeof(m) + sizeof(va);
	memcpy(ram, data, size < RAM_BYTES ? size : RAM_BYTES);
	if (arm_walk(&mem, &m, va, &ipa, &left))
		expect(left != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	memset(ram, 0, sizeof(ram));
	switch (data[0] % 3) {
	case 0:
		packets(data + 1, size - 1);
		break;
	case 1:
		step(data + 1, size - 1);
		break;
	default:
		walk(data + 1, size - 1);
		break;
	}
	return 0;
}
