/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * vmids COUNT: so many VMs, each for a few instructions, 280 of them alive at a time, which is more
 * than there are VMIDs. In the end all that are alive run once more: then VMs begin the VMIDs anew
 * that have been there before, their memory mapped and their VMIDs another's meanwhile.
 *
 * The guest stores to its memory and then again and again to a page that it may only read, which
 * must come out as an access for a device.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm/machine.h>
#include <vmm/vmm_dev.h>

#include "vmmapi.h"

#define ALIVE	 280
#define ROM_SEG	 1u
#define ROM	 0x00000000ull
#define PAGE	 4096u
#define CPSR_SVC 0x1d3u /* all interrupts masked */

static const uint32_t code[] = {
	0xe3a03101, /* mov r3, #0x40000000 */
	0xe5832800, /* str r2, [r3, #0x800] */
	0xe5912000, /* ldr r2, [r1] */
	0xe5812000, /* str r2, [r1] */
	0xeafffffd, /* b to the store */
};

struct alive {
	char name[16];
	struct vmctx *ctx;
	struct vcpu *vcpu;
};

static struct alive vms[ALIVE];

static void
die(const char *what)
{
	perror(what);
	for (int i = 0; i < ALIVE; i++)
		if (vms[i].ctx != NULL)
			(void)vm_destroy(vms[i].ctx);
	exit(1);
}

static void
begin(struct alive *vm, int number)
{
	const uint32_t regs[] = { VM_REG_GUEST_CPSR, VM_REG_GUEST_R0 + 1, VM_REG_GUEST_PC };
	const uint64_t vals[] = { CPSR_SVC, ROM, MACHINE_RAM_BASE };

	snprintf(vm->name, sizeof(vm->name), "vmids%d", number);
	if (vm_create(vm->name) != 0)
		die("create");
	vm->ctx = vm_open(vm->name);
	if (vm->ctx == NULL || vm_setup_memory(vm->ctx, 4 * PAGE) != 0 ||
	    vm_alloc_memseg(vm->ctx, ROM_SEG, PAGE, "rom") != 0 ||
	    vm_mmap_memseg(vm->ctx, ROM, ROM_SEG, 0, PAGE, VM_PROT_READ) != 0)
		die("memory");
	memcpy(vm_map_gpa(vm->ctx, MACHINE_RAM_BASE, sizeof(code)), code, sizeof(code));
	vm->vcpu = vm_vcpu_open(vm->ctx, 0);
	if (vm->vcpu == NULL || vm_activate_cpu(vm->vcpu) != 0 ||
	    vm_set_register_set(vm->vcpu, sizeof(regs) / sizeof(regs[0]), regs, vals) != 0)
		die("vCPU");
}

static void
run(struct alive *vm)
{
	struct vm_run r;

	do {
		memset(&r, 0, sizeof(r));
		if (vm_run(vm->vcpu, &r) != 0)
			die("run");
	} while (r.exit.exitcode == VM_EXITCODE_BOGUS);
	if (r.exit.exitcode != VM_EXITCODE_INST_EMUL || r.exit.u.inst_emul.gpa != ROM) {
		fprintf(stderr, "vmids: exit %u at %llx\n", (unsigned int)r.exit.exitcode,
		    (unsigned long long)r.exit.u.inst_emul.gpa);
		die("the guest");
	}
}

static void
end(struct alive *vm)
{
	struct vmctx *ctx = vm->ctx;

	vm_vcpu_close(vm->vcpu);
	vm->ctx = NULL;
	if (vm_destroy(ctx) != 0)
		die("destroy");
}

int
main(int argc, char **argv)
{
	int i, n = argc == 2 ? atoi(argv[1]) : 0, alive = n < ALIVE ? n : ALIVE;

	if (n <= 0) {
		fprintf(stderr, "usage: vmids COUNT\n");
		return 2;
	}
	for (i = 0; i < n; i++) {
		if (i >= ALIVE)
			end(&vms[i % ALIVE]);
		begin(&vms[i % ALIVE], i);
		run(&vms[i % ALIVE]);
	}
	for (i = 0; i < alive; i++)
		run(&vms[i]);
	for (i = 0; i < alive; i++)
		end(&vms[i]);
	printf("%d VMs\n", n);
	return 0;
}
