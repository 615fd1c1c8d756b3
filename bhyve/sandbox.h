/*
 * SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 The bhyve-arm authors
 *
 * The sandbox: what bhyve gives up once its devices have opened what they need, so that a device
 * model that a guest has taken over has nothing but the descriptors it already had.
 * docs/sandbox.md says what remains and why.
 *
 * sandbox_linux.c does it with namespaces, capabilities and seccomp, sandbox_freebsd.c with
 * Capsicum, sandbox_none.c not at all.
 */
#ifndef BHYVE_SANDBOX_H
#define BHYVE_SANDBOX_H

/*
 * First of all: while there is one thread, and nothing is open but what bhyve was started with.
 * Makes the process outside (outside.h), too.  -1: a line was said.
 */
int sandbox_prepare(const char *vm_name);
/*
 * All threads that there are, and all they make, are inside once this returns.  What this host has
 * no means for is said in one line, and left out.  -1: there is no filter at all, and a line was
 * said: the VM must not run.
 */
int sandbox_enter(void);

#endif /* BHYVE_SANDBOX_H */
