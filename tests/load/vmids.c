/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * vmids COUNT: so many VMs, one after another, each for a few instructions: with more than 255 the
 * VMIDs are used up and begin anew.  The guest stores to its memory and then to a page that it
 * may only read, which must come out as an access for a device.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm/machine.h>
#include <vmm/vmm_dev.h>

#include "vmmapi.h"

#define NAME	 "vmids"
#define ROM_SEG	 1u
#define ROM	 0x00000000ull
#define PAGE	 4096u
#define CPSR_SVC 0x1d3u /* all interrupts masked */

static const uint32_t code[] = {
	0xe3a03101, /* mov r3, #0x40000000 */
	0xe5832800, /* str r2, [r3, #0x800] */
	0xe5912000, /* ldr r2, [r1] */
	0xe5812000, /* str r2, [r1] */
	0xeafffffe, /* b . */
};

static void
die(const char *what)
{
	perror(what);
	(void)vm_destroy_name(NAME);
	exit(1);
}

static void
run(struct vmctx *ctx)
{
	const uint32_t regs[] = { VM_REG_GUEST_CPSR, VM_REG_GUEST_R0 + 1, VM_REG_GUEST_PC };
	const uint64_t vals[] = { CPSR_SVC, ROM, MACHINE_RAM_BASE };
	struct vcpu *vcpu = vm_vcpu_open(ctx, 0);
	struct vm_run r;

	if (vcpu == NULL || vm_activate_cpu(vcpu) != 0 ||
	    vm_set_register_set(vcpu, sizeof(regs) / sizeof(regs[0]), regs, vals) != 0)
		die("vCPU");
	do {
		memset(&r, 0, sizeof(r));
		if (vm_run(vcpu, &r) != 0)
			die("run");
	} while (r.exit.exitcode == VM_EXITCODE_BOGUS);
	if (r.exit.exitcode != VM_EXITCODE_INST_EMUL || r.exit.u.inst_emul.gpa != ROM) {
		fprintf(stderr, "vmids: exit %u at %llx\n", (unsigned int)r.exit.exitcode,
		    (unsigned long long)r.exit.u.inst_emul.gpa);
		(void)vm_destroy_name(NAME);
		exit(1);
	}
	vm_vcpu_close(vcpu);
}

static void
one(void)
{
	struct vmctx *ctx;

	if (vm_create(NAME) != 0)
		die("create");
	ctx = vm_open(NAME);
	if (ctx == NULL || vm_setup_memory(ctx, 4 * PAGE) != 0 ||
	    vm_alloc_memseg(ctx, ROM_SEG, PAGE, "rom") != 0 ||
	    vm_mmap_memseg(ctx, ROM, ROM_SEG, 0, PAGE, VM_PROT_READ) != 0)
		die("memory");
	memcpy(vm_map_gpa(ctx, MACHINE_RAM_BASE, sizeof(code)), code, sizeof(code));
	run(ctx);
	if (vm_destroy(ctx) != 0)
		die("destroy");
}

int
main(int argc, char **argv)
{
	int i, n = argc == 2 ? atoi(argv[1]) : 0;

	if (n <= 0) {
		fprintf(stderr, "usage: vmids COUNT\n");
		return 2;
	}
	for (i = 0; i < n; i++)
		one();
	printf("%d VMs\n", n);
	return 0;
}
