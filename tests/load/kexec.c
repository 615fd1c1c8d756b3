/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * Starts another kernel by kexec: kexec ZIMAGE INITRD.  The device tree is the running
 * kernel's, so the initrd goes where that says one is, and must not be larger.  Debian's
 * kexec-tools would do, but it pulls in Xen's libraries.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
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

static uint32_t
ram_start(void)
{
	char line[128];
	unsigned int start;
	FILE *f = fopen("/proc/iomem", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, "System RAM") != NULL && sscanf(line, "%x-", &start) == 1) {
			fclose(f);
			return start & ~0xffffffu; /* the kernel may hide its first pages */
		}
	die("/proc/iomem has no System RAM");
	return 0;
}

int
main(int argc, char **argv)
{
	struct kexec_segment seg[3];
	uint32_t ram, initrd, end;

	if (argc != 3) {
		fprintf(stderr, "usage: kexec ZIMAGE INITRD\n");
		return 2;
	}
	ram = ram_start();
	initrd = chosen("linux,initrd-start");
	end = chosen("linux,initrd-end");
	seg[0] = load(argv[1], ram + 0x8000);
	seg[1] = load(argv[2], initrd & ~(PAGE - 1));
	seg[2] = load("/sys/firmware/fdt", ram + DTB_OFFSET);
	if (seg[1].bufsz > end - initrd) {
		fprintf(
		    stderr, "kexec: %s is larger than the initrd of the running kernel\n", argv[2]);
		return 1;
	}
	if (syscall(SYS_kexec_load, seg[0].mem, 3ul, seg, KEXEC_ARCH_ARM) != 0)
		die("kexec_load");
	sync();
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, 0);
	die("reboot");
	return 1;
}
