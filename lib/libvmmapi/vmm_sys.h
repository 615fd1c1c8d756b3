/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The system calls under libvmmapi, and nothing else: the unit tests link a VM of their
 * own in place of vmm_sys.c.  All return -1 with errno.
 */
#ifndef VMM_SYS_H
#define VMM_SYS_H

#include <stdint.h>

#define VMM_CTL_PATH "/dev/vmmctl"
#define VMM_DIR_PATH "/dev/vmm"

int vmm_sys_open(const char *path);
void vmm_sys_close(int fd);
int vmm_sys_ioctl(int fd, unsigned int request, void *arg);
int vmm_sys_lock(int fd); /* EBUSY */
/* Guest memory at gpa; NULL with errno. */
void *vmm_sys_mmap(int fd, uint64_t gpa, uint64_t len);
void vmm_sys_munmap(void *va, uint64_t len);

#endif /* VMM_SYS_H */
