/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The exit table and HYP's fast path under any syndrome: the input is a row of struct
 * exit_case, thrown one after the other at the same vCPU (tests/unit/exit_case.h says what
 * must hold).  Built with libFuzzer, or with a main that runs corpus files.
 */
#include <stddef.h>
#include <string.h>

#include <psr.h>

#include "../unit/arm_mock.h"
#include "../unit/exit_case.h"

#define MAX_CASES 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* HYP has made sure that a guest is in a mode guests may be in. */
static void
make_mode_legal(struct exit_case *c)
{
	static const uint8_t modes[] = { 0x10, 0x11, 0x12, 0x13, 0x17, 0x1b, 0x1f, 0x13 };

	c->cpsr = (c->cpsr & ~CPSR_MODE_MASK) | modes[c->cpsr & 7];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct vm_attach_vgic vgic = { .dist_start = 0x08000000,
		.dist_size = 0x10000,
		.cpu_start = 0x08010000,
		.cpu_size = 0x10000,
		.nirqs = 288 };
	struct exit_case c;
	unsigned int n;

	mock_setup();
	(void)arch_vm_attach_vgic(&mock.vm, &vgic);
	for (n = 0; n < MAX_CASES && size >= sizeof(c); n++) {
		memcpy(&c, data, sizeof(c));
		data += sizeof(c);
		size -= sizeof(c);
		make_mode_legal(&c);
		exit_case_run(&c);
	}
	mock_teardown();
	return 0;
}
