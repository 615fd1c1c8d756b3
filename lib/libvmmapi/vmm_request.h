/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The ioctl requests, made from the one list in <vmm/vmm_dev.h> by the system's own macros: each is
 * an enum constant with the call's name.
 */
#ifndef VMM_REQUEST_H
#define VMM_REQUEST_H

#include <sys/ioctl.h>

#include <vmm/vmm_dev.h>

#define VMM_REQUEST_N(type, ord, st)  _IO(type, ord)
#define VMM_REQUEST_W(type, ord, st)  _IOW(type, ord, st)
#define VMM_REQUEST_R(type, ord, st)  _IOR(type, ord, st)
#define VMM_REQUEST_WR(type, ord, st) _IOWR(type, ord, st)

#define VM_REQUEST(name, ord, dir, st)	   name = (unsigned int)VMM_REQUEST_##dir('v', ord, st),
#define VMMCTL_REQUEST(name, ord, dir, st) name = (unsigned int)VMM_REQUEST_##dir('V', ord, st),
enum vm_request { VMM_IOCTL_LIST(VM_REQUEST) };
enum vmmctl_request { VMMCTL_IOCTL_LIST(VMMCTL_REQUEST) };
#undef VM_REQUEST
#undef VMMCTL_REQUEST

#endif /* VMM_REQUEST_H */
