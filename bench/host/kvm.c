/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * kvm [-3] [-a] IMAGE: the least VMM that runs a bench guest under KVM, to compare ours with: one
 * vCPU, 64 MiB, the kernel's GICv2 (-3: GICv3), timer and PSCI, and of a PL011 what the guest's
 * console wants.  -a: the guest is a 32-bit one.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RAM	 0x40000000ul
#define RAM_SIZE (64ul << 20)
#define GUEST_64 0x80000ul /* offsets in RAM where the guests are linked, and start */
#define GUEST_32 0x10000ul
#define GICD	 0x08000000ul
#define GICC	 0x08010000ul
#define GICR	 0x080a0000ul
#define UART	 0x09000000ul
#define UART_DR	 0x00
#define UART_FR	 0x18
#define FR_IDLE	 0x90u /* TXFE, RXFE */
#define IRQS	 64u
#define ONE_REG_PC \
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.pc))

struct options {
	bool gic3, aarch32;
	const char *image;
};

static int
must(int result, const char *what)
{
	if (result < 0)
		err(1, "%s", what);
	return result;
}

static void
set_attr(int dev, uint32_t group, uint64_t attr, void *value)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)value };

	must(ioctl(dev, KVM_SET_DEVICE_ATTR, &a), "KVM_SET_DEVICE_ATTR");
}

static void
make_gic(int vm, bool gic3)
{
	struct kvm_create_device dev = { .type = gic3 ? KVM_DEV_TYPE_ARM_VGIC_V3 :
							KVM_DEV_TYPE_ARM_VGIC_V2 };
	uint64_t gicd = GICD, cpu = gic3 ? GICR : GICC;
	uint32_t irqs = IRQS;

	must(ioctl(vm, KVM_CREATE_DEVICE, &dev), "KVM_CREATE_DEVICE");
	set_attr((int)dev.fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
	    gic3 ? KVM_VGIC_V3_ADDR_TYPE_DIST : KVM_VGIC_V2_ADDR_TYPE_DIST, &gicd);
	set_attr((int)dev.fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
	    gic3 ? KVM_VGIC_V3_ADDR_TYPE_REDIST : KVM_VGIC_V2_ADDR_TYPE_CPU, &cpu);
	set_attr((int)dev.fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &irqs);
	set_attr((int)dev.fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

static void
make_ram(int vm, const struct options *o)
{
	size_t offset = o->aarch32 ? GUEST_32 : GUEST_64;
	char *ram = mmap(
	    NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region slot = { .guest_phys_addr = RAM,
		.memory_size = RAM_SIZE };
	int fd = must(open(o->image, O_RDONLY | O_CLOEXEC), o->image);

	if (ram == MAP_FAILED)
		err(1, "mmap");
	if (read(fd, ram + offset, RAM_SIZE - offset) <= 0)
		err(1, "%s", o->image);
	close(fd);
	slot.userspace_addr = (uintptr_t)ram;
	must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
}

static int
make_vcpu(int vm, const struct options *o)
{
	int vcpu = must(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	uint64_t pc = RAM + (o->aarch32 ? GUEST_32 : GUEST_64);
	struct kvm_one_reg reg = { .id = ONE_REG_PC, .addr = (uintptr_t)&pc };
	struct kvm_vcpu_init init;

	must(ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init), "KVM_ARM_PREFERRED_TARGET");
	init.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2;
	if (o->aarch32)
		init.features[0] |= 1u << KVM_ARM_VCPU_EL1_32BIT;
	must(ioctl(vcpu, KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT");
	must(ioctl(vcpu, KVM_SET_ONE_REG, &reg), "KVM_SET_ONE_REG");
	return vcpu;
}

static void
access_uart(struct kvm_run *run)
{
	uint64_t offset = run->mmio.phys_addr - UART;

	if (offset >= 0x1000)
		errx(1, "nothing is at %#llx", (unsigned long long)run->mmio.phys_addr);
	if (!run->mmio.is_write)
		run->mmio.data[0] = offset == UART_FR ? FR_IDLE : 0;
	else if (offset == UART_DR)
		putchar(run->mmio.data[0]);
}

/* To the end of the guest. */
static void
run_vcpu(int vcpu, struct kvm_run *run)
{
	for (;;) {
		must(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
		switch (run->exit_reason) {
		case KVM_EXIT_MMIO:
			access_uart(run);
			break;
		case KVM_EXIT_SYSTEM_EVENT:
			return;
		default:
			errx(1, "KVM's exit %u", run->exit_reason);
		}
	}
}

static struct options
parse(int argc, char **argv)
{
	struct options o = { 0 };
	int c;

	while ((c = getopt(argc, argv, "3a")) != -1) {
		if (c == '3')
			o.gic3 = true;
		else if (c == 'a')
			o.aarch32 = true;
		else
			errx(2, "usage: kvm [-3] [-a] IMAGE");
	}
	if (optind != argc - 1)
		errx(2, "usage: kvm [-3] [-a] IMAGE");
	o.image = argv[optind];
	return o;
}

int
main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	int kvm = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	int vm = must(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	int size = must(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
	struct kvm_run *run;
	int vcpu;

	make_ram(vm, &o);
	vcpu = make_vcpu(vm, &o);
	make_gic(vm, o.gic3); /* its vCPUs have to be there */
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		err(1, "mmap of a vCPU");
	run_vcpu(vcpu, run);
	return fflush(stdout) != 0;
}
