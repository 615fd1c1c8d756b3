/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Starts another kernel by kexec: kexec ZIMAGE INITRD.  The device tree is the running
 * kernel's, so the initrd goes where that says one is, and must not be larger.  Debian's
 * kexec-tools would do, but it pulls in Xen's libraries.
 *
 * kexec -p ZIMAGE INITRD: the kernel that runs when this one panics, in what crashkernel= on its
 * command line has put by.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE	   4096u
#define DTB_OFFSET 0x07000000u /* from the start of RAM: above the kernel, below initrds */
/* In a crash kernel's memory; it unpacks itself to the start. */
#define CRASH_ZIMAGE 0x03000000u
#define CRASH_DTB    0x04800000u
#define CRASH_INITRD 0x05000000u
#define CRASH_BYTES  0x06000000u

static void
die(const char *what)
{
	fprintf(stderr, "kexec: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct kexec_segment
load(const char *path, uint32_t mem)
{
	struct kexec_segment s = { 0 };
	struct stat st;
	int fd = open(path, O_RDONLY);
	size_t have = 0;
	ssize_t n;
	char *buf;

	/* sysfs files tell a size, but not always the right one */
	if (fd < 0 || fstat(fd, &st) != 0)
		die(path);
	buf = calloc(1, (size_t)st.st_size + PAGE);
	if (buf == NULL)
		die(path);
	while ((n = read(fd, buf + have, (size_t)st.st_size + PAGE - have)) > 0)
		have += (size_t)n;
	close(fd);
	s.buf = buf;
	s.bufsz = have;
	s.mem = (void *)(uintptr_t)mem;
	s.memsz = (have + PAGE - 1) & ~(size_t)(PAGE - 1);
	return s;
}

/* A cell or two of /chosen; the low word is all there is on these machines. */
static uint32_t
chosen(const char *name)
{
	char path[128];
	uint32_t v[2];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/device-tree/chosen/%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		die(path);
	n = read(fd, v, sizeof(v));
	close(fd);
	if (n != 4 && n != 8)
		die(path);
	return be32toh(v[n / 4 - 1]);
}

/* The first range of /proc/iomem that is called so, or 0 to 0. */
static void
iomem(const char *name, uint32_t *start, uint32_t *last)
{
	char line[128];
	FILE *f = fopen("/proc/iomem", "r");

	*start = *last = 0;
	if (f == NULL)
		die("/proc/iomem");
	while (fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, name) != NULL && sscanf(line, "%x-%x", start, last) == 2)
			break;
	fclose(f);
}

static uint32_t
ram_start(void)
{
	uint32_t start, last;

	iomem("System RAM", &start, &last);
	return start & ~0xffffffu; /* the kernel may hide its first pages */
}

static void
load_next(struct kexec_segment seg[3], char **path)
{
	uint32_t ram = ram_start(), initrd = chosen("linux,initrd-start");

	seg[0] = load(path[0], ram + 0x8000);
	seg[1] = load(path[1], initrd & ~(PAGE - 1));
	seg[2] = load("/sys/firmware/fdt", ram + DTB_OFFSET);
	if (seg[1].bufsz > chosen("linux,initrd-end") - initrd) {
		fprintf(
		    stderr, "kexec: %s is larger than the initrd of the running kernel\n", path[1]);
		exit(1);
	}
}

/* The device tree for a kernel that must keep to [start, start + CRASH_BYTES). */
static void
crash_tree(struct kexec_segment *tree, uint32_t start, size_t initrd_bytes)
{
	size_t bytes = tree->bufsz + PAGE;
	void *fdt = calloc(1, bytes + PAGE);
	int node;

	if (fdt == NULL || fdt_open_into(tree->buf, fdt, (int)bytes) != 0)
		die("device tree");
	node = fdt_path_offset(fdt, "/chosen");
	if (fdt_setprop_u64(fdt, node, "linux,usable-memory-range", start) != 0 ||
	    fdt_appendprop_u64(fdt, node, "linux,usable-memory-range", CRASH_BYTES) != 0 ||
	    fdt_setprop_u32(fdt, node, "linux,initrd-start", start + CRASH_INITRD) != 0 ||
	    fdt_setprop_u32(fdt, node, "linux,initrd-end",
		(uint32_t)(start + CRASH_INITRD + initrd_bytes)) != 0)
		die("device tree: /chosen");
	tree->buf = fdt;
	tree->bufsz = bytes;
	tree->memsz = (bytes + PAGE - 1) & ~(size_t)(PAGE - 1);
}

static void
load_crash(struct kexec_segment seg[3], char **path)
{
	uint32_t start, last;

	iomem("Crash kernel", &start, &last);
	if (last - start + 1 < CRASH_BYTES) {
		fprintf(stderr, "kexec: no memory for a crash kernel: boot with crashkernel=%uM\n",
		    CRASH_BYTES >> 20);
		exit(1);
	}
	seg[0] = load(path[0], start + CRASH_ZIMAGE);
	seg[1] = load(path[1], start + CRASH_INITRD);
	seg[2] = load("/sys/firmware/fdt", start + CRASH_DTB);
	crash_tree(&seg[2], start, seg[1].bufsz);
}

int
main(int argc, char **argv)
{
	struct kexec_segment seg[3];
	int crash = argc == 4 && strcmp(argv[1], "-p") == 0;

	if (argc != 3 + crash) {
		fprintf(stderr, "usage: kexec [-p] ZIMAGE INITRD\n");
		return 2;
	}
	(crash ? load_crash : load_next)(seg, argv + 1 + crash);
	if (syscall(SYS_kexec_load, seg[0].mem, 3ul, seg,
		KEXEC_ARCH_ARM | (crash ? KEXEC_ON_CRASH : 0)) != 0)
		die("kexec_load");
	if (crash)
		return 0;
	sync();
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, 0);
	die("reboot");
	return 1;
}
