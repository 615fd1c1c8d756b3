/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * What the kernel's device nodes promise and no tool of ours would notice missing:
 * owners and modes, request numbers, mappings through several nodes and files, fork,
 * pages discarded or destroyed under a mapping, files that outlive their VM.  Runs as root
 * in the ARM host; prints what failed and how many, and exits 1 if any did.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm/vmm_dev.h>

#include "expect.h"

#define NAME	"nodes.a_b-c"
#define NODE	"/dev/vmm/" NAME
#define TWIN	"/tmp/" NAME /* the same device by another inode */
#define GROUP	1001
#define USER	1000
#define RAM	0x40000000
#define RAM_LEN 0x200000u

#define IOC_N(letter, ordinal, type)		 _IO(letter, ordinal)
#define IOC_R(letter, ordinal, type)		 _IOR(letter, ordinal, type)
#define IOC_W(letter, ordinal, type)		 _IOW(letter, ordinal, type)
#define IOC_WR(letter, ordinal, type)		 _IOWR(letter, ordinal, type)
#define VM_REQUEST(name, ordinal, dir, type)	 REQ_##name = IOC_##dir('v', ordinal, type),
#define VMMCTL_REQUEST(name, ordinal, dir, type) REQ_##name = IOC_##dir('V', ordinal, type),
enum request { VMM_IOCTL_LIST(VM_REQUEST) VMMCTL_IOCTL_LIST(VMMCTL_REQUEST) };

static sigjmp_buf fault;

static void
on_fault(int sig)
{
	siglongjmp(fault, sig);
}

/* The signal that touching p costs, or 0. */
static int
touch(char *p, int write)
{
	int sig = sigsetjmp(fault, 1);

	if (sig != 0)
		return sig;
	if (write)
		*(volatile char *)p = 1;
	else
		(void)*(volatile char *)p;
	return 0;
}

static int
fails_with(int error, long result)
{
	return result == -1 && errno == error;
}

static char *
map(int fd, int prot, long long gpa, size_t len)
{
	return mmap(NULL, len, prot, MAP_SHARED, fd, gpa);
}

static void
create(int ctl)
{
	struct vmmctl_vm_create a = { .name = NAME, .gid = GROUP };
	struct vm_memseg seg = { .len = RAM_LEN };
	struct vm_memmap ram = {
		.gpa = RAM, .len = RAM_LEN, .prot = VM_PROT_READ | VM_PROT_WRITE | VM_PROT_EXEC
	};
	int fd;

	EXPECT(ioctl(ctl, REQ_VMM_CREATE, &a) == 0);
	EXPECT(fails_with(EEXIST, ioctl(ctl, REQ_VMM_CREATE, &a)));
	fd = open(NODE, O_RDWR);
	EXPECT(fd >= 0);
	EXPECT(ioctl(fd, REQ_VM_ALLOC_MEMSEG, &seg) == 0);
	EXPECT(ioctl(fd, REQ_VM_MMAP_MEMSEG, &ram) == 0);
	close(fd);
}

static int
destroy(int ctl)
{
	struct vmmctl_vm_destroy a = { .name = NAME };

	return ioctl(ctl, REQ_VMM_DESTROY, &a);
}

/* Open the node as uid and gid: 0 or errno; 254 when they might have destroyed the VM. */
static int
as_user(unsigned int uid, unsigned int gid)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		int ctl, fd, result;

		if (setgid(gid) != 0 || setuid(uid) != 0)
			_exit(255);
		fd = open(NODE, O_RDWR);
		result = fd >= 0 ? 0 : errno;
		ctl = open("/dev/vmmctl", O_RDWR);
		if (ctl < 0 || destroy(ctl) == 0)
			result = 254;
		_exit(result);
	}
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

static void
check_owner(dev_t *dev)
{
	struct stat st;

	EXPECT(stat("/dev/vmmctl", &st) == 0 && (st.st_mode & 0777) == 0666);
	EXPECT(stat(NODE, &st) == 0);
	EXPECT(st.st_uid == 0 && st.st_gid == GROUP && (st.st_mode & 0777) == 0660);
	EXPECT(as_user(USER, USER) == EACCES);
	EXPECT(as_user(USER, GROUP) == 0);
	*dev = st.st_rdev;
}

static void
check_requests(int fd)
{
	struct vm_trace big = { 0 };
	struct vm_run run = { 0 };
	uint32_t version = 0;
	unsigned int i;

	EXPECT(ioctl(fd, REQ_VM_ABIVERS, &version) == 0 && version == VMM_ABI_VERSION);
	EXPECT(fails_with(EFAULT, ioctl(fd, REQ_VM_ABIVERS, (void *)4)));
	EXPECT(fails_with(EFAULT, ioctl(fd, REQ_VM_RUN, (void *)4)));
	EXPECT(fails_with(EFAULT, ioctl(fd, REQ_VM_TRACE, (void *)4)));
	EXPECT(fails_with(ENOTTY, ioctl(fd, _IOR('v', IOCNUM_RUN, struct vm_run), &run)));
	EXPECT(fails_with(ENOTTY, ioctl(fd, _IOWR('v', IOCNUM_RUN, struct vm_stats), &run)));
	EXPECT(fails_with(ENOTTY, ioctl(fd, _IOWR('V', IOCNUM_RUN, struct vm_run), &run)));
	EXPECT(fails_with(ENOTTY, ioctl(fd, 0, &run)));
	/* A random request with another letter is never one of ours. */
	srand(1);
	for (i = 0; i < 2000; i++) {
		unsigned int req = (unsigned int)rand() ^ (unsigned int)rand() << 16;

		if (_IOC_TYPE(req) == 'v' || _IOC_TYPE(req) == 'T' || _IOC_TYPE(req) == 'f')
			continue;
		EXPECT(fails_with(ENOTTY, ioctl(fd, req, &big)));
	}
}

static void
check_map_bounds(int fd)
{
	const long long top = (long long)VM_MAX_GPA;
	char *last = map(fd, PROT_READ, top - 4096, 4096);
	char *below = map(fd, PROT_READ, RAM - 4096, 8192);

	EXPECT(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, RAM) == MAP_FAILED && errno == EINVAL);
	EXPECT(map(fd, PROT_READ, top - 4096, 8192) == MAP_FAILED && errno == EINVAL);
	EXPECT(map(fd, PROT_READ, top, 4096) == MAP_FAILED && errno == EINVAL);
	EXPECT(map(fd, PROT_READ, 1ll << 43, 4096) == MAP_FAILED);
	EXPECT(last != MAP_FAILED && touch(last, 0) == SIGBUS);
	EXPECT(below != MAP_FAILED && touch(below, 0) == SIGBUS && touch(below + 4096, 0) == 0);
	munmap(last, 4096);
	munmap(below, 8192);
}

/* Three mappings of the same memory: two files of one node, and one of its twin. */
static void
check_sharing(int fd, char *rw, char *ro, char *twin)
{
	struct vm_discard discard = { .gpa = RAM, .len = 0x2000 };
	unsigned int i;
	int status, file;
	pid_t child;

	for (i = 0; i < RAM_LEN; i += 4096)
		rw[i] = (char)(i >> 12);
	for (i = 0; i < RAM_LEN; i += 4096)
		EXPECT(ro[i] == (char)(i >> 12) && twin[i] == (char)(i >> 12));
	EXPECT(touch(ro, 1) == SIGSEGV);

	child = fork();
	if (child == 0)
		_exit(touch(rw, 0) == SIGSEGV ? 0 : 1);
	waitpid(child, &status, 0);
	EXPECT(status == 0); /* a child does not inherit guest memory */

	file = open("/proc/self/exe", O_RDONLY);
	EXPECT(
	    read(file, rw + 0x10000, 0x4000) == 0x4000 && memcmp(ro + 0x10000, "\177ELF", 4) == 0);
	close(file);

	rw[0x2000] = 77;
	EXPECT(ioctl(fd, REQ_VM_DISCARD, &discard) == 0 && discard.freed == 0x2000);
	EXPECT(rw[0] == 0 && ro[0] == 0 && twin[0x1000] == 0 && twin[0x2000] == 77);
	rw[0] = 5;
	EXPECT(ro[0] == 5 && twin[0] == 5);
}

static void
check_destroyed(int fd, char *rw, char *ro, char *twin)
{
	uint32_t version;
	struct stat st;

	EXPECT(touch(rw, 0) == SIGBUS && touch(ro, 0) == SIGBUS && touch(twin, 0) == SIGBUS);
	EXPECT(fails_with(ENOENT, stat(NODE, &st)));
	EXPECT(fails_with(ENXIO, open(TWIN, O_RDWR)));
	EXPECT(fails_with(ENXIO, ioctl(fd, REQ_VM_ABIVERS, &version)));
}

int
main(void)
{
	int ctl = open("/dev/vmmctl", O_RDWR), fd, again, other;
	char *rw, *ro, *twin;
	dev_t dev = 0;

	signal(SIGBUS, on_fault);
	signal(SIGSEGV, on_fault);
	unlink(TWIN);
	EXPECT(ctl >= 0);
	create(ctl);
	check_owner(&dev);
	EXPECT(mknod(TWIN, S_IFCHR | 0600, dev) == 0);
	fd = open(NODE, O_RDWR);
	again = open(NODE, O_RDWR);
	other = open(TWIN, O_RDWR);
	EXPECT(fd >= 0 && again >= 0 && other >= 0);
	check_requests(fd);
	check_map_bounds(fd);
	rw = map(fd, PROT_READ | PROT_WRITE, RAM, RAM_LEN);
	ro = map(again, PROT_READ, RAM, RAM_LEN);
	twin = map(other, PROT_READ, RAM, RAM_LEN);
	EXPECT(rw != MAP_FAILED && ro != MAP_FAILED && twin != MAP_FAILED);
	check_sharing(fd, rw, ro, twin);

	EXPECT(destroy(ctl) == 0);
	EXPECT(fails_with(ENOENT, destroy(ctl)));
	check_destroyed(fd, rw, ro, twin);
	create(ctl); /* the name is free again, and the old files have no part in the new VM */
	EXPECT(touch(rw, 0) == SIGBUS);
	close(fd);
	munmap(rw, RAM_LEN);
	EXPECT(touch(ro, 0) == SIGBUS);
	EXPECT(destroy(ctl) == 0);
	unlink(TWIN);
	printf("%d failed\n", failures);
	return failures != 0;
}
